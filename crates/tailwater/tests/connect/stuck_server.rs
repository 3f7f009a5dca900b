//! Where people get stuck because of the database: what is said through REST, and that the line to paste mends it.
//!
//! `docs/troubleshooting.md` lists these tests by symptom.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use serde_json::json;
use tailwater_postgres::client::Client;
use tailwater_postgres::settings::Settings;
use tailwater_testkit::{Postgres, StopMode, wait_until};

use crate::support::{DEADLINE, Server, paste, postgres, source};

#[test]
fn a_log_level_that_is_too_low_is_mended_by_the_pasted_line_and_a_restart() {
    let (mut pg, dir) = (Postgres::builder().setting("wal_level", "replica").start(), tempfile::tempdir().unwrap());
    pg.psql("postgres", "create table t (id int primary key);");
    let server = Server::start(dir.path());
    let config = source(&pg, "postgres", &[("table.include.list", json!("public.t"))]);
    let refused = server.post("low", &config);
    assert_eq!((refused.status, refused.codes()), (400, vec!["WAL_LEVEL".to_owned()]), "{refused:?}");
    let message = refused.body["message"].as_str().unwrap();
    assert!(message.contains("wal_level is replica; logical is needed"), "{message}");
    let validated = server.validate(&config);
    assert!(validated.errors_of("database.hostname")[0].contains("ALTER SYSTEM SET wal_level"), "{validated:?}");
    // Services have their own ways, and a role by which they are known.
    pg.psql("postgres", "create role rds_superuser;");
    assert!(server.validate(&config).problem("WAL_LEVEL").remedy.contains("rds.logical_replication = 1"));
    pg.psql("postgres", "drop role rds_superuser;");
    paste(&pg, "postgres", &refused.problem("WAL_LEVEL").remedy);
    pg.restart(StopMode::Fast);
    server.run("low", &config);
}

#[test]
fn rights_that_are_missing_come_at_once_and_the_pasted_lines_give_them() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("rights");
    pg.psql("rights", "create role clerk login; create table t (id int primary key); insert into t values (1);");
    let server = Server::start(dir.path());
    let more = [("database.user", json!("clerk")), ("table.include.list", json!("public.t"))];
    let config = source(pg, "rights", &more);
    let refused = server.post("rights", &config);
    assert_eq!(refused.status, 400, "{refused:?}");
    assert_eq!(refused.codes(), ["PUBLICATION_DENIED", "ROLE_NOT_REPLICATION", "SELECT_DENIED"], "{refused:?}");
    let validated = server.validate(&config);
    assert_eq!(validated.errors_of("database.user").len(), 2, "{validated:?}");
    assert!(validated.errors_of("publication.name")[0].contains("CREATE PUBLICATION"), "{validated:?}");
    for problem in refused.problems() {
        paste(pg, "rights", &problem.remedy);
    }
    server.run("rights", &config);
    server.wait_operations("rights.public.t", "r");
}

#[test]
fn rows_that_row_security_hides_are_not_left_out_in_silence() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("hidden");
    pg.psql(
        "hidden",
        "create role half login replication; create table t (id int primary key); insert into t values (1), (2);
         create publication hidden for table t; grant select on t to half; alter table t enable row level security;
         create policy one on t using (id = 1);",
    );
    let server = Server::start(dir.path());
    let more = [("database.user", json!("half")), ("table.include.list", json!("public.t"))];
    let config = source(pg, "hidden", &more);
    let refused = server.post("hidden", &config);
    assert_eq!((refused.status, refused.codes()), (400, vec!["ROW_SECURITY".to_owned()]), "{refused:?}");
    paste(pg, "hidden", &refused.problem("ROW_SECURITY").remedy);
    server.run("hidden", &config);
    server.wait_operations("hidden.public.t", "rr");
}

#[test]
fn a_table_without_key_is_told_of_and_the_application_goes_on_writing() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("keyless");
    pg.psql("keyless", "create table t (id int); insert into t values (1);");
    let server = Server::start(dir.path());
    let config = source(pg, "keyless", &[("table.include.list", json!("public.t"))]);
    let posted = server.run("keyless", &config);
    let warning = posted.problem("TABLE_WITHOUT_KEY");
    assert!(!warning.is_error() && warning.cause.contains("public.t"), "{warning:?}");
    // Elsewhere this is what fails, with SQLSTATE 55000.
    pg.psql("keyless", "update t set id = 2; insert into t values (3);");
    server.wait_operations("keyless.public.t", "rc");
    paste(pg, "keyless", &warning.remedy);
    assert_eq!(server.ask("POST", "/connectors/keyless/restart?includeTasks=true", "").status, 202);
    server.wait_task("keyless", "RUNNING");
    pg.psql("keyless", "update t set id = 4 where id = 3;");
    server.wait_operations("keyless.public.t", "rcu");
}

#[test]
fn a_publication_of_all_tables_says_whose_writes_it_would_have_refused() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("everything");
    pg.psql(
        "everything",
        "create table t (id int primary key); create table other (id int); insert into other values (1);",
    );
    let server = Server::start(dir.path());
    let more = [("table.include.list", json!("public.t")), ("publication.autocreate.mode", json!("all_tables"))];
    let validated = server.validate(&source(pg, "everything", &more));
    let warning = validated.problem("WRITES_REFUSED");
    assert!(!warning.is_error() && warning.cause.ends_with("public.other"), "{warning:?}");
    assert_eq!(validated.body["error_count"], 1, "only the name is missing: {validated:?}");
    // Nothing was made yet, so nothing is broken yet; with the pasted line it stays so.
    pg.psql("everything", "update other set id = 2;");
    paste(pg, "everything", &warning.remedy);
    server.run("everything", &source(pg, "everything", &more));
    pg.psql("everything", "update other set id = 3;");
}

#[test]
fn who_holds_the_slot_is_told_and_the_pasted_line_ends_it() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("held");
    pg.psql("held", "create table t (id int primary key);");
    let server = Server::start(dir.path());
    let config = source(pg, "held", &[("table.include.list", json!("public.t"))]);
    server.run("held", &config);
    assert_eq!(server.ask("PUT", "/connectors/held/pause", "").status, 202);
    let free = || pg.psql("held", "select count(active_pid) from pg_replication_slots where slot_name = 'held'") == "0";
    assert!(wait_until(DEADLINE, free));
    let pairs =
        config.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    let settings = Settings::parse(&pairs.collect()).unwrap().0;
    let other = Client::connect(&settings.connection, true).unwrap();
    let command = "START_REPLICATION SLOT held LOGICAL 0/0 (proto_version '1', publication_names 'held')";
    let _stream = other.start_replication(command).unwrap();
    let pid = pg.psql("held", "select active_pid from pg_replication_slots where slot_name = 'held'");
    assert_eq!(server.ask("PUT", "/connectors/held/resume", "").status, 202);
    server.wait_task("held", "RESTARTING");
    let trace = server.trace("held");
    assert!(trace.starts_with("SLOT_IN_USE: ") && trace.contains(&format!("process {pid} (")), "{trace}");
    paste(pg, "held", &trace);
    server.wait_task("held", "RUNNING");
}

#[test]
fn slots_that_ran_out_are_made_room_for_by_the_pasted_line() {
    let (pg, dir) = (Postgres::builder().setting("max_replication_slots", "1").start(), tempfile::tempdir().unwrap());
    pg.psql("postgres", "create table t (id int primary key);");
    pg.psql("postgres", "select pg_create_logical_replication_slot('old', 'pgoutput');");
    let server = Server::start(dir.path());
    let config = source(&pg, "postgres", &[("table.include.list", json!("public.t"))]);
    let refused = server.post("full", &config);
    assert_eq!((refused.status, refused.codes()), (400, vec!["NO_FREE_SLOT".to_owned()]), "{refused:?}");
    let remedy = refused.problem("NO_FREE_SLOT").remedy;
    assert!(remedy.contains("ALTER SYSTEM SET max_replication_slots = 11;"), "{remedy}");
    paste(&pg, "postgres", &remedy[remedy.find("SELECT").unwrap()..]);
    server.run("full", &config);
}

#[test]
fn a_publication_that_is_younger_than_the_slot_is_named_with_the_way_out() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("young");
    // In the order that does not work, with a position as Debezium leaves it.
    pg.psql("young", "create table t (id int primary key);");
    let lsn = pg.psql("young", "select (pg_create_logical_replication_slot('young', 'pgoutput')).lsn - '0/0'::pg_lsn");
    pg.psql("young", "insert into t values (1); create publication young for table t;");
    let server = Server::start(dir.path());
    let more = [("table.include.list", json!("public.t")), ("publication.autocreate.mode", json!("disabled"))];
    let config = source(pg, "young", &more);
    let stopped = json!({"name": "young", "initial_state": "STOPPED", "config": config});
    assert_eq!(server.ask("POST", "/connectors", &stopped.to_string()).status, 201);
    let offset = json!({"offsets": [{"partition": {"server": "young"}, "offset": {"lsn": lsn.parse::<u64>().unwrap(),
        "snapshot_completed": true, "last_snapshot_record": true, "snapshot": "INITIAL"}}]});
    let altered = server.ask("PATCH", "/connectors/young/offsets", &offset.to_string());
    assert_eq!(altered.status, 200, "{altered:?}");
    assert_eq!(server.ask("PUT", "/connectors/young/resume", "").status, 202);
    server.wait_task("young", "FAILED");
    let trace = server.trace("young");
    assert!(trace.starts_with("PUBLICATION_MISSING: ") && trace.contains("it was made after the slot"), "{trace}");
    paste(pg, "young", trace.split(" -- ").next().unwrap());
    assert!(trace.contains(r#"set "snapshot.mode": "when_needed" and restart"#), "{trace}");
    let mended = server.ask("PATCH", "/connectors/young/config", r#"{"snapshot.mode": "when_needed"}"#);
    assert_eq!(mended.status, 200, "{mended:?}");
    server.wait_task("young", "RUNNING");
    server.wait_operations("young.public.t", "r");
}

#[test]
fn a_slot_of_somebody_else_is_not_taken_over_in_silence() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("foreign");
    pg.psql("foreign", "create table t (id int primary key);");
    pg.psql("foreign", "select pg_create_logical_replication_slot('foreign', 'pgoutput');");
    let server = Server::start(dir.path());
    let config = source(pg, "foreign", &[("table.include.list", json!("public.t"))]);
    assert_eq!(server.post("foreign", &config).status, 201);
    server.wait_task("foreign", "FAILED");
    let trace = server.trace("foreign");
    assert!(trace.starts_with("SLOT_FOREIGN: ") && trace.contains("Choose another 'slot.name'"), "{trace}");
    paste(pg, "foreign", &trace);
    assert_eq!(server.ask("POST", "/connectors/foreign/restart?includeTasks=true", "").status, 202);
    server.wait_task("foreign", "RUNNING");
}

#[test]
fn who_ends_a_connector_is_told_of_the_slot_that_stays_and_how_it_goes() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("stays");
    pg.psql("stays", "create table t (id int primary key);");
    let server = Server::start(dir.path());
    server.run("stays", &source(pg, "stays", &[("table.include.list", json!("public.t"))]));
    assert_eq!(server.ask("PUT", "/connectors/stays/pause", "").codes(), [] as [&str; 0]);
    assert_eq!(server.ask("PUT", "/connectors/stays/stop", "").codes(), ["SLOT_STAYS"]);
    let deleted = server.ask("DELETE", "/connectors/stays", "");
    let left = deleted.problem("SLOT_STAYS");
    assert!(deleted.status == 204 && left.cause.contains("slot \"stays\" stays on the server"), "{deleted:?}");
    let slots = "select count(active_pid), count(*) from pg_replication_slots where slot_name = 'stays'";
    assert!(wait_until(DEADLINE, || pg.psql("stays", slots) == "0|1"));
    paste(pg, "stays", &left.remedy);
    assert_eq!(pg.psql("stays", slots), "0|0");
    assert_eq!(pg.psql("stays", "select count(*) from pg_publication"), "0");
}

#[test]
fn a_table_that_is_added_later_brings_its_old_rows() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("later");
    pg.psql(
        "later",
        "create table a (id int primary key); create table b (id int primary key); insert into b values (1), (2);",
    );
    let server = Server::start(dir.path());
    server.run("later", &source(pg, "later", &[("table.include.list", json!("public.a"))]));
    let wider = server.ask("PATCH", "/connectors/later/config", r#"{"table.include.list": "public.a,public.b"}"#);
    assert_eq!(wider.status, 200, "{wider:?}");
    server.wait_operations("later.public.b", "rr");
    pg.psql("later", "insert into b values (3);");
    server.wait_operations("later.public.b", "rrc");
}

#[test]
fn a_pooler_in_between_is_recognised_and_the_field_to_change_is_named() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("pooled");
    pg.psql("pooled", "create table t (id int primary key);");
    let server = Server::start(dir.path());
    let direct = source(pg, "pooled", &[("table.include.list", json!("public.t"))]);
    // As it is installed, and where it was told to overlook parameters that it does not know.
    for known in [&TRACKED[..], &[]] {
        let pooler = pooler(pg.port(), known);
        let port = ("database.port", json!(pooler.to_string()));
        let pooled = source(pg, "pooled", &[("table.include.list", json!("public.t")), port]);
        let refused = server.post("pooled", &pooled);
        assert_eq!((refused.status, refused.codes()), (400, vec!["POOLER".to_owned()]), "{refused:?}");
        let problem = refused.problem("POOLER");
        assert!(problem.cause.contains(&format!("127.0.0.1:{pooler} is a connection pooler")), "{problem:?}");
        assert!(problem.remedy.contains("'database.hostname' and 'database.port'"), "{problem:?}");
        assert_eq!(server.validate(&pooled).errors_of("database.hostname").len(), 1);
        // Nothing is replicated for a query, but a session of one's own it needs.
        let query = json!({
            "connector.class": "io.confluent.connect.jdbc.JdbcSourceConnector",
            "connection.url": format!("jdbc:postgresql://127.0.0.1:{pooler}/pooled?user=postgres"),
            "mode": "bulk",
            "topic.prefix": "q."
        });
        let asked = server.validate(&query);
        if known.is_empty() {
            assert_eq!(asked.body["error_count"], 1, "only the name is missing: {asked:?}");
        } else {
            let problem = asked.problem("POOLER");
            assert!(
                problem.cause.contains("settings of a session")
                    && problem.remedy.ends_with("itself in 'connection.url'."),
                "{problem:?}"
            );
        }
    }
    server.run("pooled", &direct);
}

/// What PgBouncer lets a session begin with (its documentation, `ignore_startup_parameters`).
const TRACKED: [&str; 8] = [
    "user",
    "database",
    "application_name",
    "client_encoding",
    "DateStyle",
    "TimeZone",
    "standard_conforming_strings",
    "options",
];

/// A pooler that passes sessions on which begin with `known` parameters, none for any, and never with `replication`, as
/// PgBouncer does; its port.
fn pooler(server: u16, known: &'static [&'static str]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move |client: TcpStream| drop(thread::spawn(move || pool(client, server, known)));
    thread::spawn(move || listener.incoming().flatten().for_each(serve));
    port
}

/// One session of it. The protocol: PostgreSQL's documentation, "Message Formats".
fn pool(mut client: TcpStream, server: u16, known: &[&str]) {
    const SSL_REQUEST: [u8; 4] = 80_877_103_u32.to_be_bytes();
    let startup = loop {
        let mut length = [0; 4];
        if client.read_exact(&mut length).is_err() {
            return;
        }
        let mut rest = vec![0; u32::from_be_bytes(length) as usize - 4];
        client.read_exact(&mut rest).unwrap();
        if rest != SSL_REQUEST {
            break [&length[..], &rest].concat();
        }
        client.write_all(b"N").unwrap();
    };
    let text = String::from_utf8_lossy(&startup[8..]).into_owned();
    let mut names = text.split('\0').step_by(2).filter(|name| !name.is_empty());
    let unknown = |name: &&str| *name == "replication" || !known.is_empty() && !known.contains(name);
    if let Some(name) = names.find(unknown) {
        let fields = format!("SFATAL\0C08P01\0Munsupported startup parameter: {name}\0\0");
        let length = (fields.len() as u32 + 4).to_be_bytes();
        client.write_all(&[b"E", &length[..], fields.as_bytes()].concat()).unwrap();
        return;
    }
    let mut server = TcpStream::connect(("127.0.0.1", server)).unwrap();
    server.write_all(&startup).unwrap();
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || {
        drop(std::io::copy(&mut from, &mut to));
        drop(to.shutdown(Shutdown::Write));
    });
    drop(std::io::copy(&mut server, &mut client));
    drop(client.shutdown(Shutdown::Both));
}
