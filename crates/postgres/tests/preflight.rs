//! Each bad situation on a real server: its code, and that the SQL of its remedy mends it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests, outside `cfg(test)`")]

use std::time::Duration;

use tailwater_connector::{Config, Problem, ProblemKind};
use tailwater_postgres::client::Client;
use tailwater_postgres::preflight::{self, Outcome};
use tailwater_postgres::settings::Settings;
use tailwater_testkit::{Postgres, Session, StopMode, wait_until};

fn settings(server: &Postgres, extra: &[(&str, &str)]) -> Settings {
    let port = server.port().to_string();
    let base = [
        ("topic.prefix", "srv"),
        ("plugin.name", "pgoutput"),
        ("database.hostname", "127.0.0.1"),
        ("database.port", port.as_str()),
        ("database.user", "postgres"),
        ("database.dbname", "postgres"),
    ];
    let config: Config = base.iter().chain(extra).map(|(k, v)| (k.to_string(), v.to_string())).collect();
    Settings::parse(&config).unwrap().0
}

fn problems(server: &Postgres, extra: &[(&str, &str)]) -> Vec<Problem> {
    preflight::problems(&settings(server, extra))
}

fn codes(server: &Postgres, extra: &[(&str, &str)]) -> Vec<String> {
    problems(server, extra).into_iter().map(|p| p.code).collect()
}

/// The one problem of a code, which must be there.
fn the(code: &str, problems: Vec<Problem>) -> Problem {
    let list = format!("{problems:?}");
    problems.into_iter().find(|p| p.code == code).expect(&list)
}

/// Runs the SQL of a remedy as an administrator would.
fn mend(server: &Postgres, problem: &Problem) {
    let from = ["ALTER", "GRANT", "CREATE", "SELECT"].iter().filter_map(|word| problem.remedy.find(word)).min();
    let script = &problem.remedy[from.expect(&problem.remedy)..];
    server.psql("postgres", script);
}

#[test]
fn a_server_that_is_ready_has_no_problem() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key)");
    let checks = preflight::checks(&settings(&server, &[]));
    assert!(checks.iter().all(|c| c.outcome == Outcome::Ok), "{checks:#?}");
    for id in [
        "conn",
        "version",
        "wal",
        "role",
        "hba",
        "slots",
        "senders",
        "names",
        "grants",
        "identity",
        "columns",
        "publication",
        "slot",
    ] {
        assert!(checks.iter().any(|c| c.id == id), "{id} was not looked at");
    }
    let left = server.psql("postgres", "select count(*) from pg_publication, pg_replication_slots");
    assert_eq!(left, "0", "the preflight made something");
}

#[test]
fn a_server_that_is_not_there_is_worth_a_retry() {
    let mut server = Postgres::start();
    let unknown = the("HOST_UNKNOWN", problems(&server, &[("database.hostname", "no-such-host.invalid")]));
    assert_eq!(unknown.kind, ProblemKind::Retry);
    server.stop(StopMode::Fast);
    let found = problems(&server, &[]);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].code.as_str(), found[0].kind), ("SERVER_UNREACHABLE", ProblemKind::Retry));
}

#[test]
fn refused_credentials_and_a_missing_database_are_configuration() {
    let server = Postgres::builder()
        .hba("host all alice 127.0.0.1/32 scram-sha-256")
        .hba("hostssl all tls_only 127.0.0.1/32 trust")
        .hba("host all tls_only 127.0.0.1/32 reject")
        .start();
    server.psql("postgres", "create role alice login replication password 'right'; create role tls_only login;");
    let refused = the("AUTH_FAILED", problems(&server, &[("database.user", "alice"), ("database.password", "wrong")]));
    assert_eq!(refused.kind, ProblemKind::Config);
    assert!(!format!("{refused:?}").contains("wrong"));
    let missing = the("DATABASE_MISSING", problems(&server, &[("database.dbname", "nope")]));
    assert_eq!(missing.kind, ProblemKind::Config);
    mend(&server, &missing);
    assert!(!codes(&server, &[("database.dbname", "nope")]).contains(&"DATABASE_MISSING".to_owned()));
    let tls = the("TLS_FAILED", problems(&server, &[("database.sslmode", "require")]));
    assert_eq!(tls.kind, ProblemKind::Config);
    assert_eq!(codes(&server, &[("database.user", "tls_only")]), ["HBA_REFUSED"]);
}

#[test]
fn a_low_log_level_is_mended_by_the_remedy_and_a_restart() {
    let mut server = Postgres::builder().setting("wal_level", "replica").start();
    let problem = the("WAL_LEVEL", problems(&server, &[]));
    assert_eq!(problem.kind, ProblemKind::Environment);
    mend(&server, &problem);
    server.restart(StopMode::Fast);
    assert!(!codes(&server, &[]).contains(&"WAL_LEVEL".to_owned()));
}

#[test]
fn every_missing_right_comes_at_once_and_each_remedy_mends_its_own() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create role \"al ice\" login; create schema secret; create table secret.t (id int primary key);
         create table open (id int primary key); grant select on open to \"al ice\"; revoke all on database postgres from public;
         grant connect on database postgres to \"al ice\";",
    );
    let alice = [("database.user", "al ice")];
    let found = problems(&server, &alice);
    let mut names: Vec<_> = found.iter().map(|p| p.code.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["PUBLICATION_DENIED", "ROLE_NOT_REPLICATION", "SELECT_DENIED"]);
    for problem in &found {
        assert_eq!(problem.kind, ProblemKind::Environment);
        mend(&server, problem);
        assert!(!codes(&server, &alice).contains(&problem.code), "{problem:?} is not mended");
    }
    assert_eq!(codes(&server, &alice), Vec::<String>::new());
}

#[test]
fn no_room_for_a_slot_or_a_sender_is_said_with_what_to_drop() {
    let server = Postgres::builder().setting("max_replication_slots", "1").setting("max_wal_senders", "0").start();
    server.psql(
        "postgres",
        "create table t (id int primary key); select pg_create_logical_replication_slot('old', 'pgoutput');",
    );
    let found = problems(&server, &[]);
    let mut names: Vec<_> = found.iter().map(|p| p.code.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["NO_FREE_SENDER", "NO_FREE_SLOT"]);
    for problem in &found {
        assert_eq!(problem.kind, ProblemKind::Environment);
        mend(&server, problem);
    }
    let raised = "select count(*) from pg_file_settings where name in ('max_replication_slots', 'max_wal_senders')
        and sourcefile like '%auto.conf'";
    assert_eq!(server.psql("postgres", raised), "2");
    let slot = the("NO_FREE_SLOT", found);
    let drop = slot.remedy.find("SELECT").map(|at| &slot.remedy[at..]).unwrap();
    server.psql("postgres", drop);
    assert!(!codes(&server, &[]).contains(&"NO_FREE_SLOT".to_owned()));
}

#[test]
fn a_missing_table_is_a_warning_for_a_connector_and_an_error_when_it_is_required() {
    let server = Postgres::start();
    server.psql("postgres", "create table customers (id int primary key); create view v as select 1 as x;");
    let include = ("table.include.list", "public.customers,public.custmers,public.v");
    let found = problems(&server, &[include]);
    let missing = the("TABLE_MISSING", found.clone());
    assert!(missing.remedy.contains("public.customers"), "{missing:?}");
    assert!(found.iter().all(|p| !p.is_error()), "{found:?}");
    assert!(found.iter().any(|p| p.code == "TABLE_NOT_CAPTURABLE"), "{found:?}");
    let required = problems(&server, &[include, ("table.include.required", "true")]);
    assert_eq!(required.iter().filter(|p| p.is_error() && p.kind == ProblemKind::Config).count(), 2, "{required:?}");
}

#[test]
fn tables_without_key_and_kinds_that_are_not_logged_have_their_remedy() {
    let server = Postgres::start();
    server.psql("postgres", "create table nokey (a int); create unlogged table scratch (id int primary key);");
    let include = [("table.include.list", "public.nokey,public.scratch")];
    let found = problems(&server, &include);
    assert!(found.iter().all(|p| !p.is_error()), "{found:?}");
    for code in ["TABLE_WITHOUT_KEY", "TABLE_NOT_CAPTURABLE"] {
        mend(&server, &the(code, found.clone()));
    }
    assert_eq!(codes(&server, &include), Vec::<String>::new());
    let key = the("KEY_COLUMN_MISSING", problems(&server, &[("message.key.columns", "public.nokey:b")]));
    assert!(key.is_error());
}

#[test]
fn a_signal_table_that_is_missing_or_not_writable_is_named() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key); create role reader login replication;");
    server.psql(
        "postgres",
        "grant select on t to reader; grant create on database postgres to reader; alter table t owner to reader;",
    );
    let wanted = ("signal.data.collection", "public.dbz_signal");
    let problem = the("SIGNAL_TABLE", problems(&server, &[wanted]));
    assert!(!problem.is_error());
    mend(&server, &problem);
    assert!(!codes(&server, &[wanted]).contains(&"SIGNAL_TABLE".to_owned()));
    let reader = ("database.user", "reader");
    let problem = the("SIGNAL_TABLE", problems(&server, &[wanted, reader]));
    mend(&server, &problem);
    assert!(!codes(&server, &[wanted, reader]).contains(&"SIGNAL_TABLE".to_owned()));
}

#[test]
fn row_level_security_is_not_overlooked() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create role bob login replication; create table t (id int primary key); alter table t enable row level security;
         grant select on t to bob; create publication dbz_publication for table t;",
    );
    let bob = [("database.user", "bob")];
    let problem = the("ROW_SECURITY", problems(&server, &bob));
    assert!(problem.is_error());
    let without_snapshot = [bob[0], ("snapshot.mode", "no_data")];
    assert!(!codes(&server, &without_snapshot).contains(&"ROW_SECURITY".to_owned()));
    mend(&server, &problem);
    assert_eq!(codes(&server, &bob), Vec::<String>::new());
}

#[test]
fn a_slot_that_can_not_serve_is_named() {
    let server = Postgres::start();
    server.create_database("other");
    server.psql(
        "postgres",
        "create table t (id int primary key); select pg_create_logical_replication_slot('text', 'test_decoding');",
    );
    server.psql("other", "select pg_create_logical_replication_slot('elsewhere', 'pgoutput');");
    server.psql("postgres", "select pg_create_physical_replication_slot('physical');");
    assert_eq!(codes(&server, &[("slot.name", "text")]), ["SLOT_WRONG_PLUGIN"]);
    assert_eq!(codes(&server, &[("slot.name", "physical")]), ["SLOT_WRONG_PLUGIN"]);
    assert_eq!(codes(&server, &[("slot.name", "elsewhere")]), ["SLOT_OTHER_DATABASE"]);
    assert_eq!(codes(&server, &[("slot.name", "fresh")]), Vec::<String>::new());
}

#[test]
fn an_open_prepared_transaction_is_mentioned_before_a_slot_waits_for_it() {
    let server = Postgres::builder().setting("max_prepared_transactions", "2").start();
    server.psql("postgres", "create table t (id int primary key)");
    let mut session = Session::open(&server, "postgres");
    session.run("begin; insert into t values (1); prepare transaction 'left';").unwrap();
    let problem = the("LONG_TRANSACTION", problems(&server, &[]));
    assert!(!problem.is_error());
    let sql = problem.remedy.find("ROLLBACK").map(|at| &problem.remedy[at..]).unwrap();
    server.psql("postgres", sql);
    assert_eq!(codes(&server, &[]), Vec::<String>::new());
}

#[test]
fn a_slot_that_another_reader_holds_is_worth_a_retry_and_says_who() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key); create publication p for table t;");
    server.psql("postgres", "select pg_create_logical_replication_slot('held', 'pgoutput');");
    let reader = Client::connect(&settings(&server, &[]).connection, true).unwrap();
    let command = "START_REPLICATION SLOT held LOGICAL 0/0 (proto_version '1', publication_names 'p')";
    let stream = reader.start_replication(command).unwrap();
    let held = the("SLOT_IN_USE", problems(&server, &[("slot.name", "held")]));
    assert_eq!(held.kind, ProblemKind::Retry);
    assert!(held.cause.contains("tailwater"), "{}", held.cause);
    mend(&server, &held);
    drop(stream);
    let free = || codes(&server, &[("slot.name", "held")]).is_empty();
    assert!(wait_until(Duration::from_secs(10), free));
}

#[test]
fn a_slot_that_the_server_gave_up_stops_with_its_remedy() {
    let server = Postgres::builder().setting("max_slot_wal_keep_size", "1MB").start();
    server.psql("postgres", "create table t (id int primary key);");
    server.psql("postgres", "select pg_create_logical_replication_slot('late', 'pgoutput');");
    for id in 0..4 {
        server.psql("postgres", &format!("insert into t values ({id}); select pg_switch_wal(); checkpoint;"));
    }
    let lost = the("SLOT_LOST", problems(&server, &[("slot.name", "late")]));
    assert_eq!(lost.kind, ProblemKind::Stop);
    mend(&server, &lost);
    assert_eq!(codes(&server, &[("slot.name", "late")]), Vec::<String>::new());
}

#[test]
fn a_snapshot_alone_needs_neither_publication_nor_slot() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create role carl login replication; create table t (id int primary key); grant select on t to carl;",
    );
    let carl = ("database.user", "carl");
    assert_eq!(codes(&server, &[carl]), ["PUBLICATION_DENIED"]);
    assert_eq!(codes(&server, &[carl, ("snapshot.mode", "initial_only")]), Vec::<String>::new());
}

#[test]
fn tables_whose_topics_collide_or_do_not_fit_are_named() {
    let server = Postgres::start();
    server.psql("postgres", "create table \"a b\" (id int primary key); create table a_b (id int primary key);");
    let shared = the("TOPIC_SHARED", problems(&server, &[]));
    assert!(!shared.is_error() && shared.cause.contains("public.a b") && shared.cause.contains("public.a_b"));
    let long = "x".repeat(63);
    server.psql("postgres", &format!("create schema {long}; create table {long}.{long} (id int primary key);"));
    let prefix = "p".repeat(200);
    assert!(the("TOPIC_TOO_LONG", problems(&server, &[("topic.prefix", &prefix)])).is_error());
}

#[test]
fn rules_without_effect_and_columns_left_out_are_named() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create extension citext;
         create table t (id int primary key, c citext, a text, b box, bs box[], \"a-b\" int, a_b int)",
    );
    assert!(codes(&server, &[]).is_empty());
    let left_out = the("COLUMNS_LEFT_OUT", problems(&server, &[("include.unknown.datatypes", "false")]));
    assert!(!left_out.is_error() && left_out.cause.contains("public.t.b (box), public.t.bs (_box)"), "{left_out:?}");
    let mask = ("column.mask.with.3.chars", "public.t.(id|a|c),public.t.x");
    let bare = the("MASK_WITHOUT_EFFECT", problems(&server, &[mask]));
    assert!(bare.cause.contains("of public.t.id (int4):"), "{bare:?}");
    assert!(the("COLUMN_MISSING", problems(&server, &[mask])).cause.contains("public.t.x"));
    let strict = the("MASK_WITHOUT_EFFECT", problems(&server, &[mask, ("compatibility.mode", "strict")]));
    assert!(strict.cause.contains("public.t.c (citext)"), "{strict:?}");
    let avro = [("field.name.adjustment.mode", "avro")];
    assert!(the("FIELD_NAMES_COLLIDE", problems(&server, &avro)).is_error());
    assert!(codes(&server, &[("field.name.adjustment.mode", "avro_unicode")]).is_empty());
}

#[test]
fn a_property_that_the_server_has_nothing_for_is_told() {
    let server = Postgres::start();
    let failover = [("slot.failover", "true")];
    assert_eq!(codes(&server, &failover).contains(&"VERSION_LACKS".to_owned()), server.major() < 17);
    assert!(!codes(&server, &[("message.prefix.include.list", "a")]).contains(&"VERSION_LACKS".to_owned()));
}

#[test]
fn metadata_of_all_transactions_says_that_it_publishes_more_than_is_captured() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key); create table other (id int primary key)");
    let metadata = ("provide.transaction.metadata", "true");
    let list = ("table.include.list", "public.t");
    let problem = the("METADATA_WIDENS_PUBLICATION", problems(&server, &[metadata, list]));
    assert!(!problem.is_error() && problem.cause.contains("(1)"));
    let said = |extra: &[(&str, &str)]| codes(&server, extra).contains(&"METADATA_WIDENS_PUBLICATION".to_owned());
    assert!(!said(&[metadata]), "every table is captured");
    assert!(!said(&[metadata, list, ("publication.autocreate.mode", "filtered")]));
}
