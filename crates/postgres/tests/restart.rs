//! Stopping, crashing and starting again; a slot that is not what it was.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::{Memory, PATIENCE, brief, confirmed, source, start, wait_for};
use tailwater_connector::ProblemKind;
use tailwater_testkit::{Postgres, StopMode, wait_until};

fn server() -> Postgres {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key, v text); insert into t values (1, 'a'), (2, 'b');");
    server
}

/// Runs until `records` records are there, and stops.
fn run_until(server: &Postgres, memory: &Memory, records: usize, extra: &[(&str, &str)]) {
    let running = start(server, memory, extra);
    running.streams();
    wait_for(memory, &running, records);
    running.stop().unwrap();
}

fn refused(server: &Postgres, memory: &Memory, extra: &[(&str, &str)]) -> String {
    let before = memory.len();
    let problem = start(server, memory, extra).wait().unwrap_err();
    assert!(!problem.remedy.is_empty());
    assert_eq!(memory.len(), before, "nothing may be written before the comparison");
    problem.code
}

#[test]
fn a_restart_reads_no_row_again_and_misses_no_change() {
    let server = server();
    let memory = Memory::default();
    run_until(&server, &memory, 2, &[]);
    server.psql("postgres", "insert into t values (3, 'down'); update t set v = 'aa' where id = 1;");
    let running = start(&server, &memory, &[]);
    running.streams();
    server.psql("postgres", "insert into t values (4, 'd');");
    let records = wait_for(&memory, &running, 5);
    assert_eq!(
        brief(&records)[2..],
        [r#"c t {"id":3,"v":"down"}"#, r#"u t {"id":1,"v":"aa"}"#, r#"c t {"id":4,"v":"d"}"#]
    );
    assert!(source(&records[2])["sequence"].as_str().unwrap().starts_with("[null,"));
}

#[test]
fn the_last_commit_of_the_run_before_is_remembered_for_the_sequence() {
    let server = server();
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    server.psql("postgres", "insert into t values (3, 'c');");
    let end = wait_for(&memory, &running, 3)[2].transaction.end_lsn;
    running.stop().unwrap();
    server.psql("postgres", "insert into t values (4, 'down');");
    let running = start(&server, &memory, &[]);
    let records = wait_for(&memory, &running, 4);
    assert!(source(&records[3])["sequence"].as_str().unwrap().starts_with(&format!("[\"{end}\",")));
}

#[test]
fn what_was_not_durable_comes_again_and_what_was_does_not() {
    let server = server();
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    for id in 3..10 {
        server.psql("postgres", &format!("insert into t values ({id}, 'x');"));
    }
    wait_for(&memory, &running, 9);
    memory.hold(true);
    server.psql("postgres", "insert into t select g, 'multi' from generate_series(10, 19) g;");
    drop_connections(&server);
    let ended = running.wait().unwrap_err();
    assert_eq!(ended.kind, ProblemKind::Retry, "{ended:?}");
    memory.crash();
    assert_eq!(memory.len(), 9);
    let running = start(&server, &memory, &[]);
    let records = wait_for(&memory, &running, 19);
    let ids: Vec<_> = records.iter().map(|r| r.value()["after"]["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, (1..20).collect::<Vec<_>>());
}

#[test]
fn a_server_crash_that_sets_the_slot_back_repeats_nothing() {
    let mut server = server();
    let memory = Memory::default();
    let running = start(&server, &memory, &[("status.update.interval.ms", "10")]);
    running.streams();
    server.psql("postgres", "checkpoint;");
    for id in 3..30 {
        server.psql("postgres", &format!("insert into t values ({id}, 'x');"));
    }
    wait_for(&memory, &running, 29);
    assert!(wait_until(PATIENCE, || confirmed(&server, "tw") >= memory.position()));
    server.restart(StopMode::Immediate);
    let _ = running.wait();
    assert!(confirmed(&server, "tw") < memory.position(), "the slot was not set back; the test proves nothing");
    let running = start(&server, &memory, &[]);
    running.streams();
    server.psql("postgres", "insert into t values (30, 'y');");
    let records = wait_for(&memory, &running, 30);
    let ids: Vec<_> = records.iter().map(|r| r.value()["after"]["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, (1..31).collect::<Vec<_>>());
}

#[test]
fn a_slot_that_is_gone_made_anew_or_moved_stops_loudly() {
    let server = server();
    let memory = Memory::default();
    run_until(&server, &memory, 2, &[]);
    let old = memory.backup();
    run_until(&server, &memory, 2, &[]);
    server.psql("postgres", "insert into t values (3, 'c');");
    run_until(&server, &memory, 3, &[]);
    assert!(memory.position() > old.position());

    assert_eq!(refused(&server, &old, &[]), "SLOT_AHEAD", "an old copy of the data directory");
    assert_eq!(refused(&server, &Memory::default(), &[]), "SLOT_FOREIGN", "no data directory");
    assert_eq!(refused(&server, &memory, &[("slot.name", "other")]), "SLOT_RENAMED");

    server.psql("postgres", "select pg_drop_replication_slot('tw');");
    assert_eq!(refused(&server, &memory, &[]), "SLOT_MISSING");
    server.psql("postgres", "select pg_create_logical_replication_slot('tw', 'pgoutput'); ");
    assert_eq!(refused(&server, &memory, &[]), "SLOT_AHEAD", "made anew");
}

#[test]
fn another_server_behind_the_address_stops_loudly() {
    let server = server();
    let memory = Memory::default();
    run_until(&server, &memory, 2, &[]);
    let system = server.psql("postgres", "select system_identifier from pg_control_system();");
    memory.set_entry("slot", &memory.entry("slot").replace(&system, "1"));
    assert_eq!(refused(&server, &memory, &[]), "OTHER_DATABASE");
}

#[test]
fn a_slot_in_use_is_waited_for() {
    let server = server();
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    wait_for(&memory, &running, 2);
    let problem = start(&server, &memory.backup(), &[]).wait().unwrap_err();
    assert_eq!((problem.code.as_str(), problem.kind), ("SLOT_IN_USE", ProblemKind::Retry));
}

#[test]
fn when_needed_reads_everything_again_when_the_slot_is_gone() {
    let server = server();
    let memory = Memory::default();
    let mode = [("snapshot.mode", "when_needed")];
    run_until(&server, &memory, 2, &mode);
    run_until(&server, &memory, 2, &mode);
    server.psql("postgres", "select pg_drop_replication_slot('tw'); insert into t values (3, 'c');");
    let running = start(&server, &memory, &mode);
    let records = wait_for(&memory, &running, 5);
    assert_eq!(brief(&records)[2..], [r#"r t {"id":1,"v":"a"}"#, r#"r t {"id":2,"v":"b"}"#, r#"r t {"id":3,"v":"c"}"#]);
    assert!(records[4].era > records[0].era, "what is read again is of a new era");
}

#[test]
fn always_reads_everything_at_each_start_and_skips_what_it_read_in_the_stream() {
    let server = server();
    let memory = Memory::default();
    let mode = [("snapshot.mode", "always")];
    run_until(&server, &memory, 2, &mode);
    memory.take();
    server.psql("postgres", "insert into t values (3, 'down');");
    let running = start(&server, &memory, &mode);
    running.streams();
    server.psql("postgres", "insert into t values (4, 'e');");
    let records = wait_for(&memory, &running, 4);
    assert_eq!(
        brief(&records),
        [r#"r t {"id":1,"v":"a"}"#, r#"r t {"id":2,"v":"b"}"#, r#"r t {"id":3,"v":"down"}"#, r#"c t {"id":4,"v":"e"}"#]
    );
    assert!(source(&records[3])["sequence"].as_str().unwrap().starts_with("[null,"));
}

#[test]
fn no_data_reads_nothing() {
    let server = server();
    let memory = Memory::default();
    let mode = [("snapshot.mode", "no_data")];
    let running = start(&server, &memory, &mode);
    running.streams();
    server.psql("postgres", "insert into t values (3, 'c');");
    wait_for(&memory, &running, 1);
    running.stop().unwrap();
    server.psql("postgres", "insert into t values (4, 'd');");
    let running = start(&server, &memory, &mode);
    assert_eq!(brief(&wait_for(&memory, &running, 2)), [r#"c t {"id":3,"v":"c"}"#, r#"c t {"id":4,"v":"d"}"#]);
}

#[test]
fn initial_only_reads_once_and_leaves_nothing_on_the_server() {
    let server = server();
    let memory = Memory::default();
    let mode = [("snapshot.mode", "initial_only")];
    for _ in 0..2 {
        start(&server, &memory, &mode).wait().unwrap();
        assert_eq!(brief(&memory.records()), [r#"r t {"id":1,"v":"a"}"#, r#"r t {"id":2,"v":"b"}"#]);
    }
    assert_eq!(server.psql("postgres", "select count(*) from pg_replication_slots;"), "0");
}

#[test]
fn a_slot_whose_making_was_cut_short_is_made_again() {
    let server = server();
    let memory = Memory::default();
    let system = server.psql("postgres", "select system_identifier from pg_control_system();");
    server.psql("postgres", "select pg_create_logical_replication_slot('tw', 'pgoutput');");
    let intent = format!(r#"{{"name":"tw","system_id":"{system}","timeline":1,"consistent_point":null}}"#);
    memory.set_entry("slot", &intent);
    let running = start(&server, &memory, &[]);
    running.streams();
    server.psql("postgres", "insert into t values (3, 'c');");
    wait_for(&memory, &running, 3);
}

#[test]
fn a_restart_with_the_same_configuration_changes_nothing_on_the_server() {
    let server = server();
    let memory = Memory::default();
    run_until(&server, &memory, 2, &[]);
    server.psql("postgres", "alter system set log_statement = 'ddl'; select pg_reload_conf();");
    let reloaded = || server.psql("postgres", "show log_statement;") == "ddl";
    assert!(wait_until(PATIENCE, reloaded));
    run_until(&server, &memory, 2, &[]);
    let log = server.log();
    assert!(!log.contains("PUBLICATION"), "{log}");
}

/// Ends all walsenders, as a broken network would.
fn drop_connections(server: &Postgres) {
    server.psql("postgres", "select pg_terminate_backend(pid) from pg_stat_replication;");
}
