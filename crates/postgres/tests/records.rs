//! Records beside the changes of rows: boundaries of transactions, logical messages, heartbeats, notifications.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::Value;
use support::{Memory, PATIENCE, Record, Running, confirmed, start};
use tailwater_connector::ProblemKind;
use tailwater_testkit::{Postgres, StopMode, wait_until};

const METADATA: (&str, &str) = ("provide.transaction.metadata", "true");

/// Waits until so many records of the topic are durable.
fn of_topic(memory: &Memory, running: &Running, topic: &str, records: usize) -> Vec<Record> {
    let found = || -> Vec<Record> { memory.records().into_iter().filter(|r| r.topic == topic).collect() };
    assert!(wait_until(PATIENCE, || found().len() >= records), "{topic}: {:?}", running.status.get());
    found()
}

fn texts(records: &[Record], field: &str) -> Vec<String> {
    records.iter().map(|r| r.value()[field].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn every_transaction_begins_and_ends_once_whatever_crashes() {
    let mut server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key); create table hidden (id int primary key);");
    let memory = Memory::default();
    let extra = [METADATA, ("table.include.list", "public.t"), ("status.update.interval.ms", "10")];
    let running = start(&server, &memory, &extra);
    running.streams();
    server.psql("postgres", "checkpoint; insert into t values (1), (2);");
    server.psql("postgres", "insert into hidden values (1);");
    of_topic(&memory, &running, "srv.transaction", 4);
    memory.hold(true);
    server.psql("postgres", "insert into t values (3);");
    server.restart(StopMode::Immediate);
    assert_eq!(running.wait().unwrap_err().kind, ProblemKind::Retry);
    memory.crash();
    let running = start(&server, &memory, &extra);
    running.streams();
    server.psql("postgres", "insert into t values (4);");
    let boundaries = of_topic(&memory, &running, "srv.transaction", 8);
    assert_eq!(texts(&boundaries, "status"), ["BEGIN", "END"].repeat(4));
    let counts: Vec<_> = boundaries.iter().filter_map(|r| r.value()["event_count"].as_i64()).collect();
    assert_eq!(counts, [2, 0, 1, 1], "the transaction of the hidden table is told of, its row is not counted");
    let rows = of_topic(&memory, &running, "srv.public.t", 4);
    let orders: Vec<_> = rows.iter().map(|r| r.value()["transaction"]["total_order"].as_i64().unwrap()).collect();
    assert_eq!(orders, [1, 2, 1, 1]);
}

#[test]
fn a_publication_that_the_user_asked_for_is_not_widened_for_metadata() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key); create table hidden (id int primary key);");
    let published = "select string_agg(tablename, ',' order by tablename) from pg_publication_tables;";
    for (mode, expected) in [(Some("filtered"), "t"), (None, "hidden,t")] {
        let memory = Memory::default();
        let mut extra = vec![METADATA, ("table.include.list", "public.t"), ("slot.name", mode.unwrap_or("unset"))];
        extra.extend(mode.map(|mode| ("publication.autocreate.mode", mode)));
        let running = start(&server, &memory, &extra);
        running.streams();
        assert_eq!(server.psql("postgres", published), expected);
        running.stop().unwrap();
    }
}

#[test]
fn a_message_outside_of_transactions_comes_once_and_the_slot_moves_past_it() {
    let mut server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key);");
    let memory = Memory::default();
    let extra = [("status.update.interval.ms", "10")];
    let running = start(&server, &memory, &extra);
    running.streams();
    server.psql("postgres", "checkpoint; select pg_logical_emit_message(false, 'a', 'one');");
    let first = of_topic(&memory, &running, "srv.message", 1);
    assert_eq!(memory.position(), first[0].transaction.end_lsn);
    assert!(wait_until(PATIENCE, || confirmed(&server, "tw") >= memory.position()));
    server.psql(
        "postgres",
        "begin; insert into t values (1); select pg_logical_emit_message(false, 'a', 'two'); rollback;",
    );
    of_topic(&memory, &running, "srv.message", 2);
    server.restart(StopMode::Immediate);
    let _ = running.wait();
    let running = start(&server, &memory, &extra);
    running.streams();
    server.psql("postgres", "select pg_logical_emit_message(true, 'a', 'three');");
    let messages = of_topic(&memory, &running, "srv.message", 3);
    let contents: Vec<_> = messages.iter().map(|r| r.value()["message"]["content"].clone()).collect();
    assert_eq!(contents, ["b25l", "dHdv", "dGhyZWU="].map(Value::from));
}

#[test]
fn heartbeats_go_on_while_their_statement_waits_and_a_missing_table_stops() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key); create table beat (n int);");
    let memory = Memory::default();
    let beat = ("heartbeat.interval.ms", "50");
    let running = start(&server, &memory, &[beat, ("heartbeat.action.query", "insert into beat values (1)")]);
    running.streams();
    let topic = "__debezium-heartbeat.srv";
    let mut locker = tailwater_testkit::Session::open(&server, "postgres");
    locker.run("begin; lock table beat;").unwrap();
    let before = of_topic(&memory, &running, topic, 1).len();
    of_topic(&memory, &running, topic, before + 5);
    locker.run("commit;").unwrap();
    assert!(wait_until(PATIENCE, || server.psql("postgres", "select count(*) > 0 from beat;") == "t"));
    server.psql("postgres", "drop table beat;");
    let problem = running.wait().unwrap_err();
    assert_eq!((problem.code.as_str(), problem.kind), ("HEARTBEAT_QUERY_FAILED", ProblemKind::Config));
}

#[test]
fn a_heartbeats_statement_that_fails_otherwise_is_told_and_the_stream_goes_on() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key);");
    let memory = Memory::default();
    let query = ("heartbeat.action.query", "select 1/0");
    let running = start(&server, &memory, &[("heartbeat.interval.ms", "50"), query]);
    running.streams();
    let told = || running.status.get().warnings.iter().any(|w| w.code == "HEARTBEAT_QUERY_FAILED");
    assert!(wait_until(PATIENCE, told));
    server.psql("postgres", "insert into t values (1);");
    of_topic(&memory, &running, "srv.public.t", 1);
    running.stop().unwrap();
}

#[test]
fn a_snapshot_that_is_cut_short_is_told_as_aborted_and_then_done() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table t (id int primary key, v text);
         insert into t select g, repeat('x', 200) from generate_series(1, 100000) g;",
    );
    let memory = Memory::default();
    let extra = [("notification.enabled.channels", "sink,log"), ("notification.sink.topic.name", "notes")];
    let running = start(&server, &memory, &extra);
    let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity where query like 'COPY%';";
    assert!(wait_until(PATIENCE, || server.psql("postgres", cut) == "1"));
    assert_eq!(running.wait().unwrap_err().kind, ProblemKind::Retry);
    let running = start(&server, &memory, &extra);
    running.streams();
    let notes = of_topic(&memory, &running, "notes", 7);
    let done = ["STARTED", "IN_PROGRESS", "TABLE_SCAN_COMPLETED", "COMPLETED"];
    assert_eq!(texts(&notes, "type"), [&["STARTED", "IN_PROGRESS", "ABORTED"], &done[..]].concat());
    let ids: std::collections::HashSet<_> = texts(&notes, "id").into_iter().collect();
    assert_eq!(ids.len(), 7, "every notification has an id of its own");
    running.stop().unwrap();
}

#[test]
fn source_xmin_is_looked_up_when_asked_for() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[("xmin.fetch.interval.ms", "10")]);
    running.streams();
    server.psql("postgres", "insert into t values (1);");
    let rows = of_topic(&memory, &running, "srv.public.t", 1);
    assert!(rows[0].value()["source"]["xmin"].as_i64().unwrap() > 0);
    running.stop().unwrap();
}
