//! Publications on a real server: they fit the captured tables, and what fits is left alone.
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside `cfg(test)`")]

use std::time::Duration;

use tailwater_connector::{HostAliases, Problem};
use tailwater_postgres::catalog::{self, Partitions, TableFacts};
use tailwater_postgres::client::{Client, ConnectionSettings, TlsSettings};
use tailwater_postgres::filter::{Filters, Patterns, Rule};
use tailwater_postgres::publication;
use tailwater_postgres::settings::{Autocreate, PublicationSettings, SkippedOperations};
use tailwater_testkit::Postgres;

fn connection(server: &Postgres) -> ConnectionSettings {
    ConnectionSettings {
        host: "127.0.0.1".into(),
        port: server.port(),
        user: "postgres".into(),
        password: None,
        database: "postgres".into(),
        tls: TlsSettings::default(),
        application_name: "test".into(),
        connect_timeout: Duration::from_secs(10),
        aliases: HostAliases::default(),
    }
}

fn settings(mode: Autocreate) -> PublicationSettings {
    PublicationSettings { name: "Our \"pub".into(), mode, via_root: false, unwanted: SkippedOperations::default() }
}

fn captured(client: &mut Client, patterns: &str) -> Vec<TableFacts> {
    let tables = Rule::Include(Patterns::parse("p", patterns).unwrap());
    let filters = Filters { tables, ..Filters::default() };
    let tables = catalog::captured(&catalog::list(client).unwrap(), &filters, Partitions::Own);
    catalog::describe(client, &tables).unwrap()
}

fn ensure(server: &Postgres, mode: Autocreate, patterns: &str) -> Result<Vec<String>, Problem> {
    let connection = connection(server);
    let mut client = Client::connect(&connection, false).unwrap();
    let tables = captured(&mut client, patterns);
    publication::ensure(&mut client, &settings(mode), &tables, &connection)
}

fn statements(server: &Postgres, mode: Autocreate, patterns: &str) -> Vec<String> {
    let mut client = Client::connect(&connection(server), false).unwrap();
    let tables = captured(&mut client, patterns);
    publication::plan(&mut client, &settings(mode), &tables).unwrap().statements
}

fn published(server: &Postgres) -> String {
    server.psql(
        "postgres",
        "select string_agg(pubname || ':' || tablename, ' ' order by pubname, tablename) from pg_publication_tables",
    )
}

#[test]
fn filtered_publishes_exactly_the_captured_tables_and_leaves_what_fits_alone() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table a (id int primary key); create table b (id int primary key); create table c (x int);",
    );
    let names = ensure(&server, Autocreate::Filtered, "public.[ac]").unwrap();
    assert_eq!(names, ["Our \"pub", "Our \"pub_inserts"]);
    assert_eq!(published(&server), "Our \"pub:a Our \"pub_inserts:c");
    // The application's writes to the table without key go on.
    server.psql("postgres", "insert into c values (1); update c set x = 2; delete from c; truncate c;");

    assert_eq!(statements(&server, Autocreate::Filtered, "public.[ac]"), Vec::<String>::new());
    let xmin = "select string_agg(xmin::text, ',' order by oid) from pg_publication";
    let before = server.psql("postgres", xmin);
    ensure(&server, Autocreate::Filtered, "public.[ac]").unwrap();
    assert_eq!(server.psql("postgres", xmin), before);

    let difference = statements(&server, Autocreate::Filtered, "public.[abc]");
    assert_eq!(difference, ["ALTER PUBLICATION \"Our \"\"pub\" ADD TABLE \"public\".\"b\""]);
    ensure(&server, Autocreate::Filtered, "public.b").unwrap();
    assert_eq!(published(&server), "Our \"pub:b");
}

#[test]
fn tables_that_another_connector_may_want_are_not_dropped_in_silence() {
    let server = Postgres::start();
    server.psql("postgres", "create table a (id int primary key); create table b (id int primary key);");
    ensure(&server, Autocreate::Filtered, "public.a").unwrap();
    let mut client = Client::connect(&connection(&server), false).unwrap();
    let tables = captured(&mut client, "public.b");
    let changes = publication::plan(&mut client, &settings(Autocreate::Filtered), &tables).unwrap();
    let found: Vec<_> = changes.problems.iter().map(|p| (p.code.as_str(), p.is_error())).collect();
    assert_eq!(found, [("PUBLICATION_NARROWED", false)]);
    assert!(changes.problems[0].cause.contains("public.a"));
}

#[test]
fn a_table_that_gets_a_key_moves_to_the_first_publication() {
    let server = Postgres::start();
    server.psql("postgres", "create table c (x int);");
    ensure(&server, Autocreate::Filtered, "public.c").unwrap();
    assert_eq!(published(&server), "Our \"pub_inserts:c");
    server.psql("postgres", "alter table c add primary key (x);");
    assert_eq!(ensure(&server, Autocreate::Filtered, "public.c").unwrap(), ["Our \"pub", "Our \"pub_inserts"]);
    assert_eq!(published(&server), "Our \"pub:c");
}

#[test]
fn a_publication_changed_by_hand_is_put_right() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table a (id int primary key, v int);
         create publication \"Our \"\"pub\" for table a where (id > 5) with (publish = 'insert');",
    );
    ensure(&server, Autocreate::Filtered, "public.a").unwrap();
    let row = "select rowfilter is null, attnames::text from pg_publication_tables";
    assert_eq!(server.psql("postgres", row), "t|{id,v}");
    assert_eq!(server.psql("postgres", "select pubupdate, pubdelete, pubtruncate from pg_publication"), "t|t|t");
    assert_eq!(statements(&server, Autocreate::Filtered, "public.a"), Vec::<String>::new());
}

#[test]
fn the_other_modes_do_as_the_original() {
    let server = Postgres::start();
    server.psql("postgres", "create table a (id int primary key);");
    let problem = ensure(&server, Autocreate::Disabled, "public.a").unwrap_err();
    assert_eq!(problem.code, "PUBLICATION_MISSING");
    server.psql("postgres", &problem.remedy);
    assert_eq!(ensure(&server, Autocreate::Disabled, "public.a").unwrap(), ["Our \"pub"]);
    assert_eq!(published(&server), "Our \"pub:a");

    server.psql("postgres", "drop publication \"Our \"\"pub\"");
    ensure(&server, Autocreate::NoTables, "public.a").unwrap();
    assert_eq!(published(&server), "");

    server.psql("postgres", "drop publication \"Our \"\"pub\"");
    ensure(&server, Autocreate::AllTables, "public.a").unwrap();
    assert_eq!(server.psql("postgres", "select puballtables from pg_publication"), "t");
    assert_eq!(ensure(&server, Autocreate::Filtered, "public.a").unwrap_err().code, "PUBLICATION_ALL_TABLES");
}
