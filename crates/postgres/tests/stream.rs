//! Following the log of a real server.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use support::{Memory, brief, confirmed, source, start, tls, wait_for};
use tailwater_connector::{ConnectorState, Problem};
use tailwater_testkit::{Postgres, Session, StopMode, wait_until};

use crate::support::PATIENCE;

#[test]
fn rows_that_exist_come_first_then_changes_without_gap_or_overlap() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key, v text); insert into t values (1, 'a'), (2, null);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    server.psql(
        "postgres",
        "insert into t values (3, E'tab\\there'); update t set v = 'b' where id = 2; delete from t where id = 1;",
    );
    let records = wait_for(&memory, &running, 6);
    assert_eq!(
        brief(&records),
        [
            r#"r t {"id":1,"v":"a"}"#,
            r#"r t {"id":2,"v":null}"#,
            r#"c t {"id":3,"v":"tab\there"}"#,
            r#"u t {"id":2,"v":"b"}"#,
            r#"d t {"id":1,"v":null}"#,
            r#"T {"id":1}"#,
        ]
    );
    let markers: Vec<_> = records[..5].iter().map(|r| source(r)["snapshot"].as_str().unwrap().to_owned()).collect();
    assert_eq!(markers, ["first", "last", "false", "false", "false"]);
    let sequence = |i: usize| -> Vec<Option<String>> {
        serde_json::from_str(source(&records[i])["sequence"].as_str().unwrap()).unwrap()
    };
    assert_eq!(sequence(2)[0], None, "no commit was processed before the first");
    assert_eq!(sequence(3)[0], Some(records[2].transaction.end_lsn.to_string()));
    assert_eq!(sequence(3)[1], Some(source(&records[3])["lsn"].to_string()));
    running.stop().unwrap();
}

#[test]
fn snapshot_and_stream_give_the_same_value_for_the_same_datum() {
    let server = Postgres::start();
    let values = "(E'a\\\\b\\tc\\nd\\re', 1.5e300, '2024-02-29 12:00:00.123456+05', '\\x00ff5c', '-12345678901234567890.5', \
         '1 year 2 mons -3 days 04:05:06.7', true, '{\"a\": [1, \"x\"]}', 'infinity', '{a,\"b,c\",NULL}')";
    server.psql(
        "postgres",
        &format!(
            "create table t (id serial primary key, a text, f float8, tz timestamptz, b bytea, n numeric, i interval, \
             o bool, j jsonb, d timestamp, arr text[]);
             insert into t (a, f, tz, b, n, i, o, j, d, arr) values {values};"
        ),
    );
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    server.psql("postgres", &format!("insert into t (a, f, tz, b, n, i, o, j, d, arr) values {values};"));
    let records = wait_for(&memory, &running, 2);
    let row = |i: usize| {
        let mut row = records[i].value()["after"].clone();
        row.as_object_mut().unwrap().remove("id");
        row
    };
    assert_eq!(row(0), row(1));
}

#[test]
fn a_rolled_back_transaction_leaves_no_trace_and_interleaved_ones_come_in_commit_order() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key, v text);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    let mut long = Session::open(&server, "postgres");
    long.run("begin; insert into t values (1, 'long');").unwrap();
    server.psql("postgres", "insert into t values (2, 'short');");
    server.psql("postgres", "begin; insert into t values (9, 'no'); rollback;");
    long.run("insert into t values (3, 'long'); commit;").unwrap();
    let records = wait_for(&memory, &running, 3);
    let ids: Vec<_> = records.iter().map(|r| r.value()["after"]["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, [2, 1, 3]);
    assert_eq!(records[1].transaction, records[2].transaction);
    assert!(records[0].transaction.end_lsn < records[1].transaction.end_lsn);
}

#[test]
fn truncate_is_left_out_by_default_and_written_when_asked_for() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    server.psql("postgres", "truncate t; insert into t values (1);");
    wait_for(&memory, &running, 1);
    running.stop().unwrap();
    memory.take();
    let running = start(&server, &memory, &[("skipped.operations", "none")]);
    running.streams();
    server.psql("postgres", "truncate t; insert into t values (1);");
    let records = wait_for(&memory, &running, 2);
    assert_eq!(brief(&records), ["t t null", r#"c t {"id":1}"#]);
}

#[test]
fn unchanged_toast_keeps_its_own_state() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table t (id int primary key, n int, big text); alter table t alter big set storage external;
         insert into t values (1, 0, repeat('x', 10000));",
    );
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    server.psql("postgres", "update t set n = 1;");
    let records = wait_for(&memory, &running, 2);
    assert_eq!(records[0].value()["after"]["big"].as_str().unwrap().len(), 10_000);
    assert_eq!(records[1].value()["after"]["big"], "__debezium_unavailable_value");
}

#[test]
fn nothing_is_acknowledged_before_it_is_durable() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[("status.update.interval.ms", "20")]);
    running.streams();
    memory.hold(true);
    let before = confirmed(&server, "tw");
    for id in 0..20 {
        server.psql("postgres", &format!("insert into t values ({id});"));
    }
    // The server is told something many times meanwhile, and must not be told more.
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(memory.len(), 0);
    assert!(confirmed(&server, "tw") <= before.max(memory.position()));
    memory.hold(false);
    wait_for(&memory, &running, 20);
    let told = || confirmed(&server, "tw") == memory.position();
    assert!(wait_until(PATIENCE, told), "{} {}", confirmed(&server, "tw"), memory.position());
}

#[test]
fn an_idle_table_beside_a_busy_one_does_not_hold_back_the_log() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key); create table busy (id int, v text);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[("table.include.list", "public.t")]);
    running.streams();
    server.psql("postgres", "insert into busy select g, repeat('x', 500) from generate_series(1, 5000) g;");
    let target: u64 =
        server.psql("postgres", "select (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint;").parse().unwrap();
    assert!(wait_until(PATIENCE, || confirmed(&server, "tw") >= target), "the slot does not follow");
    assert_eq!(memory.len(), 0);
}

#[test]
fn a_fast_shutdown_of_the_server_does_not_wait_for_us_and_we_come_back() {
    let mut server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    server.psql("postgres", "insert into t values (1);");
    wait_for(&memory, &running, 1);
    let begun = std::time::Instant::now();
    server.stop(StopMode::Fast);
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    let ended = running.wait().unwrap_err();
    assert_eq!(ended.kind, tailwater_connector::ProblemKind::Retry, "{ended:?}");
    server.start_again();
    let running = start(&server, &memory, &[]);
    running.streams();
    server.psql("postgres", "insert into t values (2);");
    let records = wait_for(&memory, &running, 2);
    assert_eq!(brief(&records), [r#"c t {"id":1}"#, r#"c t {"id":2}"#]);
}

#[test]
fn a_full_disk_pauses_with_the_connection_kept_and_goes_on_by_itself() {
    let server = Postgres::builder().setting("wal_sender_timeout", "1s").start();
    server.psql("postgres", "create table t (id int primary key);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[("status.update.interval.ms", "200")]);
    running.streams();
    let walsender = || server.psql("postgres", "select active_pid from pg_replication_slots where slot_name = 'tw';");
    let before = walsender();
    memory.fill(true);
    server.psql("postgres", "insert into t select generate_series(1, 1000);");
    let paused = || running.status.get().state == ConnectorState::Paused;
    assert!(wait_until(PATIENCE, paused));
    assert_eq!(running.status.get().error.unwrap().code, "PAUSED_DISK");
    // Longer than the server waits for a silent reader.
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(walsender(), before);
    assert_eq!(memory.len(), 0);
    memory.fill(false);
    wait_for(&memory, &running, 1000);
    assert_eq!(walsender(), before);
    // The records are there a moment before the status says so.
    running.streams();
}

#[test]
fn an_encrypted_stream_is_the_same_stream() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = tls::self_signed(folder.path(), "server");
    let mut server = Postgres::start();
    tls::enable(&mut server, &certificate);
    server.psql("postgres", "create table t (id int primary key, v text); insert into t select g, repeat('x', 100) from generate_series(1, 20000) g;");
    let memory = Memory::default();
    let root = certificate.to_str().unwrap();
    let mode =
        [("database.sslmode", "verify-full"), ("database.sslrootcert", root), ("database.hostname", "localhost")];
    let running = start(&server, &memory, &mode);
    running.streams();
    server.psql("postgres", "update t set v = v || 'y';");
    // A quiet moment, in which reads time out, must not harm the session.
    std::thread::sleep(Duration::from_millis(500));
    server.psql("postgres", "insert into t values (0, 'late');");
    let records = wait_for(&memory, &running, 40_001);
    assert_eq!(records[40_000].brief(), r#"c t {"id":0,"v":"late"}"#);
    assert_eq!(
        server.psql("postgres", "select bool_and(ssl) from pg_stat_ssl join pg_stat_replication using (pid);"),
        "t"
    );
}

#[test]
fn a_row_above_the_limit_stops_with_its_code() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key, v text);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[("max.row.bytes", "100000")]);
    running.streams();
    server.psql("postgres", "insert into t values (1, repeat('x', 200000));");
    assert_eq!(running.wait().unwrap_err().code, "ROW_TOO_LARGE");
}

#[test]
fn a_table_that_changes_its_shape_goes_on_in_its_new_shape() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key, v text);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    server.psql(
        "postgres",
        "insert into t values (1, 'a'); alter table t add column n int; insert into t values (2, 'b', 7);
         alter table t drop column v; insert into t values (3, 8);",
    );
    let records = wait_for(&memory, &running, 3);
    assert_eq!(brief(&records), [r#"c t {"id":1,"v":"a"}"#, r#"c t {"id":2,"v":"b","n":7}"#, r#"c t {"id":3,"n":8}"#]);
}

fn warns(running: &support::Running, code: &str) -> bool {
    running.status.get().warnings.iter().any(|warning| warning.code == code)
}

#[test]
fn a_table_that_may_not_be_published_joins_once_it_may() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create role cdc login replication; grant create on database postgres to cdc;
         create table t (id int primary key); alter table t owner to cdc;",
    );
    let memory = Memory::default();
    let running = start(&server, &memory, &[("database.user", "cdc")]);
    running.streams();
    server.psql("postgres", "create table u (id int primary key); insert into u values (1);");
    assert!(wait_until(PATIENCE, || warns(&running, "PUBLICATION_DENIED")));
    server.psql("postgres", "alter table u owner to cdc;");
    assert_eq!(brief(&wait_for(&memory, &running, 1)), [r#"r u {"id":1}"#]);
    assert!(!warns(&running, "PUBLICATION_DENIED"));
    running.stop().unwrap();
}

#[test]
fn updates_are_captured_soon_after_a_table_got_a_primary_key() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int not null, v int);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    // The server takes the update, although the table's old rows cannot be told apart.
    server.psql("postgres", "insert into t values (1, 1); update t set v = 2;");
    assert_eq!(brief(&wait_for(&memory, &running, 1)), [r#"c t {"id":1,"v":1}"#]);
    server.psql("postgres", "alter table t add primary key (id);");
    assert!(wait_until(PATIENCE, || warns(&running, "CHANGES_NOT_CAPTURED")));
    server.psql("postgres", "update t set v = 3;");
    assert_eq!(brief(&wait_for(&memory, &running, 2))[1], r#"u t {"id":1,"v":3}"#);
    server.psql("postgres", "alter table t drop constraint t_pkey;");
    assert!(wait_until(PATIENCE, || warns(&running, "TABLE_WITHOUT_KEY")));
    server.psql("postgres", "update t set v = 4; insert into t values (2, 2);");
    assert_eq!(brief(&wait_for(&memory, &running, 3))[2], r#"c t {"id":2,"v":2}"#);
    running.stop().unwrap();
}

#[test]
fn a_new_table_that_somebody_holds_does_not_hold_up_the_others() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table t (id int primary key); create table x (id int primary key); insert into x values (1);",
    );
    let memory = Memory::default();
    let running = start(&server, &memory, &[("table.include.list", "public.[tu]")]);
    running.streams();
    let mut upkeep = Session::open(&server, "postgres");
    upkeep.run("begin; lock table x in share update exclusive mode;").unwrap();
    // Renamed by hand, as the lock would not let it be.
    server.psql("postgres", "update pg_class set relname = 'u' where relname = 'x';");
    assert!(wait_until(PATIENCE, || warns(&running, "TABLE_LOCKED")));
    let holder = server.psql("postgres", "select pid from pg_locks where mode = 'ShareUpdateExclusiveLock';");
    let warnings = running.status.get().warnings;
    let named = |w: &Problem| w.cause.starts_with("public.u cannot be published") && w.remedy.contains(&holder);
    assert!(warnings.iter().any(named), "{warnings:?}");
    server.psql("postgres", "insert into t values (1);");
    assert_eq!(brief(&wait_for(&memory, &running, 1)), [r#"c t {"id":1}"#]);
    upkeep.run("commit;").unwrap();
    assert_eq!(brief(&wait_for(&memory, &running, 2))[1], r#"r u {"id":1}"#);
    assert!(!warns(&running, "TABLE_LOCKED"));
    running.stop().unwrap();
}

#[test]
fn a_table_that_is_locked_exclusively_is_followed_all_the_same() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key, v text default 'v');");
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    running.stop().unwrap();
    server.psql("postgres", "insert into t values (1);");
    let mut holder = Session::open(&server, "postgres");
    holder.run("begin; alter table t add w int default 7; insert into t values (2);").unwrap();
    // The start and the look at the table's columns take no lock of it.
    let running = start(&server, &memory, &[]);
    assert_eq!(brief(&wait_for(&memory, &running, 1)), [r#"c t {"id":1,"v":"v"}"#]);
    holder.run("commit;").unwrap();
    assert_eq!(brief(&wait_for(&memory, &running, 2))[1], r#"c t {"id":2,"v":"v","w":7}"#);
    running.stop().unwrap();
}
