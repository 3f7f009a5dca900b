//! Tables of a real server as the source sees them.
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside `cfg(test)`")]

use tailwater_connector::HostAliases;
use tailwater_event::{ColumnType, DefaultValue, ReplicaIdentity, TableName, TableSchema};
use tailwater_postgres::catalog::{self, CatalogTable, Partitions};
use tailwater_postgres::client::{Client, ConnectionSettings, TlsSettings};
use tailwater_postgres::filter::{Filters, Patterns, Rule};
use tailwater_postgres::keys::KeyRules;
use tailwater_postgres::pgoutput::{Relation, RelationColumn};
use tailwater_testkit::Postgres;

fn client(server: &Postgres) -> Client {
    let settings = ConnectionSettings {
        host: "127.0.0.1".into(),
        port: server.port(),
        user: "postgres".into(),
        password: None,
        database: "postgres".into(),
        tls: TlsSettings::default(),
        application_name: "test".into(),
        connect_timeout: std::time::Duration::from_secs(10),
        aliases: HostAliases::default(),
    };
    Client::connect(&settings, false).unwrap()
}

fn everything() -> Filters {
    Filters { ignore_builtin: true, ..Filters::default() }
}

fn only(patterns: &str) -> Filters {
    let tables = Rule::Include(Patterns::parse("p", patterns).unwrap());
    Filters { tables, ..everything() }
}

fn captured(client: &mut Client, filters: &Filters, via_root: bool) -> Vec<CatalogTable> {
    let partitions = if via_root { Partitions::Root } else { Partitions::Own };
    catalog::captured(&catalog::list(client).unwrap(), filters, partitions)
}

fn schema(client: &mut Client, name: &str, rules: &KeyRules) -> TableSchema {
    let tables = captured(client, &only(&format!("public.{name}")), false);
    catalog::schemas(client, &tables, rules).unwrap().pop().unwrap()
}

fn names(tables: &[CatalogTable]) -> Vec<String> {
    tables.iter().map(|t| t.name.to_string()).collect()
}

#[test]
fn every_built_in_type_has_its_column_type() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create type mood as enum ('sad', 'ok');
         create domain amount as numeric(6,2);
         create domain nested as amount;
         create type pair as (a int);
         create table t (id int, b boolean, i2 smallint, i8 bigint, o oid, f4 real, f8 double precision, n numeric,
           np numeric(5,1), m money, t text, v varchar(3), c char(2), by bytea, bi bit(3), vb varbit, vbn varbit(7),
           d date, ti time, tip time(2), tz timetz, ts timestamp(3), tsz timestamptz, iv interval, j json, jb jsonb,
           x xml, u uuid, p point, tv tsvector, e mood, dn nested, ai int[], an numeric(4,2)[], ae mood[], ip inet,
           r int4range, bx box, pr pair, l pg_lsn, mr int4multirange, gone int, \"Id\" text);
         alter table t drop column gone;",
    );
    let mut client = client(&server);
    let table = schema(&mut client, "t", &KeyRules::default());
    let mood = || ColumnType::Enum(vec!["sad".into(), "ok".into()]);
    let array = |of: ColumnType| ColumnType::Array(Box::new(of));
    let expected = [
        ("id", ColumnType::Int4),
        ("b", ColumnType::Bool),
        ("i2", ColumnType::Int2),
        ("i8", ColumnType::Int8),
        ("o", ColumnType::Oid),
        ("f4", ColumnType::Float4),
        ("f8", ColumnType::Float8),
        ("n", ColumnType::Numeric(None)),
        ("np", ColumnType::Numeric(Some((5, 1)))),
        ("m", ColumnType::Money),
        ("t", ColumnType::Text),
        ("v", ColumnType::Text),
        ("c", ColumnType::Text),
        ("by", ColumnType::Bytea),
        ("bi", ColumnType::Bit(3)),
        ("vb", ColumnType::VarBit(None)),
        ("vbn", ColumnType::VarBit(Some(7))),
        ("d", ColumnType::Date),
        ("ti", ColumnType::Time(6)),
        ("tip", ColumnType::Time(2)),
        ("tz", ColumnType::TimeTz(6)),
        ("ts", ColumnType::Timestamp(3)),
        ("tsz", ColumnType::TimestampTz(6)),
        ("iv", ColumnType::Interval),
        ("j", ColumnType::Json),
        ("jb", ColumnType::Json),
        ("x", ColumnType::Xml),
        ("u", ColumnType::Uuid),
        ("p", ColumnType::Point),
        ("tv", ColumnType::TsVector),
        ("e", mood()),
        ("dn", ColumnType::Numeric(Some((6, 2)))),
        ("ai", array(ColumnType::Int4)),
        ("an", array(ColumnType::Numeric(Some((4, 2))))),
        ("ae", array(mood())),
        ("ip", ColumnType::Text),
        ("r", ColumnType::Text),
        ("bx", ColumnType::Geometric),
        ("pr", ColumnType::Unknown),
        ("l", ColumnType::Unknown),
        ("mr", ColumnType::Unknown),
        ("Id", ColumnType::Text),
    ];
    let found: Vec<_> = table.columns.iter().map(|c| (c.name.as_str(), c.ty.clone())).collect();
    assert_eq!(found, expected);
    let type_names: Vec<_> = table.columns.iter().take(3).map(|c| c.type_name.as_str()).collect();
    assert_eq!(type_names, ["int4", "bool", "int2"]);
}

#[test]
fn keys_identity_nullability_and_defaults_come_from_the_catalog() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table composite (a int, b int default 42, c text default 'x', w int generated always as (a * 2) stored,
           primary key (c, a));
         create table by_unique (a text, b int, c text);
         create unique index z on by_unique (b, a);
         create unique index a_partial on by_unique (c) where c is not null;
         create unique index b_expression on by_unique (lower(c));
         alter table by_unique replica identity full;
         create table by_identity (id int primary key, code text not null);
         create unique index by_identity_code on by_identity (code);
         alter table by_identity replica identity using index by_identity_code;
         create table keyless (a int);
         create sequence sq;
         create table defaults (s serial, n int default nextval('sq'), t timestamptz not null default now(),
           sum int default 1 + 2, iv interval default '1 day', by bytea default '\\x01');",
    );
    let mut client = client(&server);
    let rules = KeyRules::default();

    let composite = schema(&mut client, "composite", &rules);
    assert_eq!(composite.name, TableName::new("public", "composite"));
    assert_eq!(composite.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(composite.key, [2, 0]);
    assert_eq!(composite.columns.iter().map(|c| c.nullable).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(composite.columns.iter().map(|c| c.in_identity).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(composite.columns[1].default, Some(DefaultValue::Literal("42".into())));

    let by_unique = schema(&mut client, "by_unique", &rules);
    assert_eq!((by_unique.key, by_unique.replica_identity), (vec![1, 0], ReplicaIdentity::Full));

    assert_eq!(schema(&mut client, "by_identity", &rules).key, [1]);
    let strict = KeyRules::parse("", true).unwrap();
    assert_eq!(schema(&mut client, "by_identity", &strict).key, [0]);
    assert_eq!(schema(&mut client, "keyless", &rules).key, Vec::<usize>::new());

    let defaults: Vec<_> = schema(&mut client, "defaults", &rules).columns.into_iter().map(|c| c.default).collect();
    let literal = |text: &str| Some(DefaultValue::Literal(text.into()));
    let expression = || Some(DefaultValue::Expression);
    let expected = [expression(), expression(), expression(), None, literal("1 day"), literal("\\x01")];
    assert_eq!(defaults, expected);
}

#[test]
fn a_relation_message_wins_over_the_catalog_and_stands_without_it() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key, v text not null default 'x', later int);");
    let oid: u32 = server.psql("postgres", "select 't'::regclass::oid").parse().unwrap();
    let column = |name: &str, in_identity, type_oid| RelationColumn {
        name: name.into(),
        in_identity,
        type_oid,
        type_modifier: -1,
    };
    // As the log remembers it: another column type, a column that is gone, no column `later`.
    let relation = Relation {
        oid,
        schema: "public".into(),
        table: "old_name".into(),
        replica_identity: b'd',
        columns: vec![column("id", true, 20), column("v", false, 25), column("gone", false, 23)],
    };
    let mut client = client(&server);
    let rules = KeyRules::default();
    let table = catalog::of_relation(&mut client, &relation, &rules).unwrap();
    assert_eq!(table.name, TableName::new("public", "old_name"));
    let shape: Vec<_> = table.columns.iter().map(|c| (c.ty.clone(), c.nullable)).collect();
    assert_eq!(shape, [(ColumnType::Int8, false), (ColumnType::Text, false), (ColumnType::Int4, true)]);
    assert_eq!((table.key, table.columns[1].default.clone()), (vec![0], Some(DefaultValue::Literal("x".into()))));

    let entry = captured(&mut client, &only("public.t"), false);
    server.psql("postgres", "drop table t");
    assert!(catalog::describe(&mut client, &entry).unwrap().is_empty());
    let table = catalog::of_relation(&mut client, &relation, &rules).unwrap();
    assert_eq!((table.key, table.columns[0].nullable, table.columns[1].nullable), (vec![0], false, true));
    let full = Relation { replica_identity: b'f', ..relation };
    assert_eq!(catalog::of_relation(&mut client, &full, &rules).unwrap().key, Vec::<usize>::new());
}

#[test]
fn tables_are_captured_in_order_and_partitions_once() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create schema s2; create table s2.a (id int); create table b (id int); create table \"B\" (id int);
         create unlogged table scratch (id int); create view v as select 1; create temporary table tt (id int);
         create table p (id int primary key) partition by range (id);
         create table p1 partition of p for values from (0) to (10);
         create table p2 partition of p for values from (10) to (20) partition by range (id);
         create table p2a partition of p2 for values from (10) to (20);",
    );
    let mut client = client(&server);
    let all = captured(&mut client, &everything(), false);
    assert_eq!(names(&all), ["public.B", "public.b", "public.p1", "public.p2a", "s2.a"]);
    let rooted = captured(&mut client, &everything(), true);
    assert_eq!(names(&rooted), ["public.B", "public.b", "public.p", "s2.a"]);
    assert_eq!(names(&captured(&mut client, &only("public.p.+"), true)), ["public.p1", "public.p2"]);
    assert_eq!(names(&captured(&mut client, &only("public.p"), false)), Vec::<String>::new());
}
