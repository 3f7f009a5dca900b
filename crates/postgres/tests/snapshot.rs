//! Reading the rows that exist, and tables that join later.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use support::{Memory, PATIENCE, Record, brief, confirmed, source, start, wait_for};
use tailwater_connector::{ConnectorState, ProblemKind, Signal};
use tailwater_testkit::{Postgres, Session, wait_until};

#[test]
fn tables_come_in_alphabetical_order_with_the_originals_marks() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create schema s1; create table a_empty (id int primary key); create table b_two (id int primary key);
         insert into b_two values (1), (2); create table c_one (id int primary key); insert into c_one values (1);
         create table s1.a_one (id int primary key); insert into s1.a_one values (1);
         create table s1.z_empty (id int primary key);",
    );
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    let records = wait_for(&memory, &running, 4);
    let marks: Vec<_> =
        records.iter().map(|r| format!("{} {}", r.topic, source(r)["snapshot"].as_str().unwrap())).collect();
    assert_eq!(
        marks,
        [
            "srv.public.b_two first_in_data_collection",
            "srv.public.b_two last_in_data_collection",
            "srv.public.c_one last_in_data_collection",
            "srv.s1.a_one last",
        ]
    );
    // The last table is done a moment after its rows are there.
    running.streams();
    let progress = running.status.get().tables;
    assert_eq!(progress["public.b_two"].rows, 2);
    assert!(progress.values().all(|t| t.done), "{progress:?}");
}

#[test]
fn rows_written_during_the_snapshot_are_neither_lost_nor_doubled() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key); insert into t select generate_series(1, 50000);");
    let memory = Memory::default();
    let mut early = Session::open(&server, "postgres");
    early.run("begin; insert into t values (60001);").unwrap();
    let running = start(&server, &memory, &[]);
    // The slot waits for the open transaction; whatever commits meanwhile is in the snapshot or in the stream.
    for id in 60_002..60_050 {
        server.psql("postgres", &format!("insert into t values ({id});"));
    }
    early.run("insert into t values (60050); commit;").unwrap();
    for id in 60_051..60_100 {
        server.psql("postgres", &format!("insert into t values ({id});"));
    }
    let records = wait_for(&memory, &running, 50_099);
    let mut ids: Vec<_> = records.iter().map(|r| r.value()["after"]["id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    let expected: Vec<i64> = (1..=50_000).chain(60_001..60_100).collect();
    assert_eq!(ids, expected);
}

#[test]
fn a_snapshot_cut_short_reads_only_the_unfinished_tables_again_and_the_stream_fits() {
    let server = Postgres::start();
    server.psql("postgres", "create table a (id int primary key); create table b (id int primary key, v text);");
    server.psql(
        "postgres",
        "insert into a values (1); insert into b values (1, 'one'), (2, 'two'), (4, 'four'), (5, 'five');",
    );
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    wait_for(&memory, &running, 5);
    running.stop().unwrap();
    // As a crash in the middle of table b leaves it.
    let entry = memory.entry("table/\"public\".\"b\"");
    assert!(entry.contains("\"done\":true"), "{entry}");
    memory.set_entry("table/\"public\".\"b\"", &entry.replace("\"done\":true", "\"done\":false"));
    memory.take();
    server.psql(
        "postgres",
        "insert into a values (2); update b set v = 'changed' where id = 1; delete from b where id = 2;
         delete from b where id = 4; insert into b values (4, 'again'); update b set id = 6 where id = 5;",
    );
    let running = start(&server, &memory, &[]);
    running.streams();
    server.psql("postgres", "insert into b values (3, 'after');");
    let records = wait_for(&memory, &running, 11);
    // What went away is told before the rows that are there: a reader who knows the first attempt ends with the table.
    assert_eq!(
        brief(&records),
        [
            r#"c a {"id":2}"#,
            r#"d b {"id":2,"v":null}"#,
            r#"T {"id":2}"#,
            r#"d b {"id":4,"v":null}"#,
            r#"T {"id":4}"#,
            r#"d b {"id":5,"v":null}"#,
            r#"T {"id":5}"#,
            r#"r b {"id":1,"v":"changed"}"#,
            r#"r b {"id":4,"v":"again"}"#,
            r#"r b {"id":6,"v":"five"}"#,
            r#"c b {"id":3,"v":"after"}"#,
        ]
    );
    assert!(memory.entry("table/\"public\".\"b\"").contains("\"done\":true"));
}

#[test]
fn a_snapshot_at_every_start_tells_what_went_away_meanwhile() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key); insert into t values (1), (2);");
    let memory = Memory::default();
    let always = [("snapshot.mode", "always")];
    let running = start(&server, &memory, &always);
    running.streams();
    wait_for(&memory, &running, 2);
    running.stop().unwrap();
    memory.take();
    server.psql("postgres", "delete from t where id = 1; insert into t values (3);");
    let running = start(&server, &memory, &always);
    running.streams();
    server.psql("postgres", "insert into t values (4);");
    let records = wait_for(&memory, &running, 5);
    assert_eq!(
        brief(&records),
        [r#"d t {"id":1}"#, r#"T {"id":1}"#, r#"r t {"id":2}"#, r#"r t {"id":3}"#, r#"c t {"id":4}"#]
    );
}

/// dbz#2330: extra connections that did not take part in the exported snapshot.
#[test]
fn parallel_readers_see_one_moment() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table a (id int primary key, n int, pad text); create table b (id int primary key, n int, pad text);
         insert into a select i, 100, repeat('x', 600) from generate_series(1, 5000) i;
         insert into b select i, 100, repeat('x', 600) from generate_series(1, 5000) i;
         create table empty (id int primary key); create table one (id int primary key); insert into one values (1);",
    );
    let memory = Memory::default();
    let end = AtomicBool::new(false);
    thread::scope(|scope| {
        let transfers = scope.spawn(|| {
            let mut session = Session::open(&server, "postgres");
            let mut id = 0;
            while !end.load(Ordering::SeqCst) {
                id = id % 5000 + 1;
                let other = 5001 - id;
                session
                    .run(&format!(
                        "begin; update a set n = n - 1 where id = {id}; update b set n = n + 1 where id = {other}; commit;"
                    ))
                    .unwrap();
            }
        });
        let threads = [("snapshot.max.threads", "3"), ("snapshot.max.threads.multiplier", "2")];
        let running = start(&server, &memory, &threads);
        let read = || running.status.get().state == ConnectorState::Streaming && memory.len() > 10_000;
        let reached = wait_until(3 * PATIENCE, read);
        end.store(true, Ordering::SeqCst);
        transfers.join().unwrap();
        assert!(reached, "{} records", memory.len());
    });
    let read: Vec<_> = memory.records().into_iter().filter(|r| r.value()["op"] == "r").collect();
    let sum: i64 = read.iter().filter_map(|r| r.value()["after"]["n"].as_i64()).sum();
    assert_eq!(sum, 1_000_000);
    let mut keys: Vec<_> = read.iter().map(|r| (r.topic.clone(), r.key.clone())).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 10_001, "a row came twice");
    let marked = |wanted: &str| read.iter().filter(|r| source(r)["snapshot"] == wanted).count();
    assert_eq!((marked("first"), marked("last")), (1, 1));
    // The table with one row is first, last, or the last of its table; no other mark is left out.
    assert!((1..=2).contains(&marked("first_in_data_collection")), "{}", marked("first_in_data_collection"));
    assert!((1..=2).contains(&marked("last_in_data_collection")), "{}", marked("last_in_data_collection"));
}

/// The original writes rows that commit between its pause and its snapshot twice, the older values last.
#[test]
fn rows_of_a_blocking_snapshot_stand_at_their_place_in_the_stream() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table t (id int primary key, n int); insert into t select i, 0 from generate_series(1, 5) i;",
    );
    let memory = Memory::default();
    let running = start(&server, &memory, &[("snapshot.mode", "no_data")]);
    running.streams();
    let end = AtomicBool::new(false);
    let rounds = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut session = Session::open(&server, "postgres");
            let mut rounds = 0;
            // Bounded, so that a wait below that fails ends the test.
            while !end.load(Ordering::SeqCst) && rounds < 5_000 {
                session.run("update t set n = n + 1;").unwrap();
                rounds += 1;
            }
            rounds
        });
        for _ in 0..3 {
            let before = rows_read(&memory);
            let data = "{\"data-collections\": [\"public.t\"], \"type\": \"blocking\"}".to_owned();
            running.signals.send(Signal { id: "b".into(), kind: "execute-snapshot".into(), data }).unwrap();
            assert!(wait_until(PATIENCE, || rows_read(&memory) == before + 5));
            running.streams();
        }
        end.store(true, Ordering::SeqCst);
        writer.join().unwrap()
    });
    assert!(wait_until(PATIENCE, || memory.len() == 5 * rounds + 15), "{} {rounds}", memory.len());
    let mut last = [0; 6];
    for record in memory.records() {
        let value = record.value();
        let (id, n) = (value["after"]["id"].as_u64().unwrap() as usize, value["after"]["n"].as_i64().unwrap());
        assert_eq!(n, if value["op"] == "r" { last[id] } else { last[id] + 1 }, "{value}");
        last[id] = n;
    }
}

#[test]
fn a_blocking_snapshot_that_can_not_be_read_is_given_up_and_the_stream_goes_on() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key); insert into t select generate_series(1, 5);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[("snapshot.mode", "no_data")]);
    running.streams();
    let refused = [("select nonsense", "nonsense"), ("select * from t where 1 / (id - 3) > -9", "division by zero")];
    for (number, (filter, cause)) in refused.into_iter().enumerate() {
        let data = format!(
            "{{\"data-collections\": [\"public.t\"], \"type\": \"blocking\", \"additional-conditions\": \
             [{{\"data-collection\": \"public.t\", \"filter\": \"{filter}\"}}]}}"
        );
        running.signals.send(Signal { id: "b".into(), kind: "execute-snapshot".into(), data }).unwrap();
        let told =
            || running.status.get().warnings.iter().any(|w| w.code == "SNAPSHOT_SELECT" && w.cause.contains(cause));
        assert!(wait_until(PATIENCE, told), "{:?}", running.status.get());
        server.psql("postgres", &format!("insert into t values ({});", 100 + number));
        let inserted = |r: &Record| r.value()["after"]["id"] == 100 + number;
        assert!(wait_until(PATIENCE, || memory.records().iter().any(inserted)), "{filter}");
    }
    assert_eq!(rows_read(&memory), 0);
    assert!(memory.entry("signals").contains("\"blocking\":[]"));
    running.stop().unwrap();
}

#[test]
fn the_stream_outlasts_a_snapshot_whose_statement_is_silent_for_long() {
    let server = Postgres::start();
    server.psql("postgres", "alter system set wal_sender_timeout = '2s';");
    server.psql("postgres", "select pg_reload_conf();");
    server.psql("postgres", "create table t (id int primary key); insert into t select generate_series(1, 60);");
    let memory = Memory::default();
    let settings = [("snapshot.mode", "no_data"), ("status.update.interval.ms", "200")];
    let running = start(&server, &memory, &settings);
    running.streams();
    // Some three seconds before its first row is found, and again before its rows come, all at once.
    let filter = "select * from t where pg_sleep(0.05) is not null and id > 58";
    let data = format!(
        "{{\"data-collections\": [\"public.t\"], \"type\": \"blocking\", \"additional-conditions\": \
         [{{\"data-collection\": \"public.t\", \"filter\": \"{filter}\"}}]}}"
    );
    running.signals.send(Signal { id: "b".into(), kind: "execute-snapshot".into(), data }).unwrap();
    assert!(wait_until(PATIENCE, || rows_read(&memory) == 2), "{:?}", running.status.get());
    server.psql("postgres", "insert into t values (100);");
    assert_eq!(brief(&wait_for(&memory, &running, 3))[2], r#"c t {"id":100}"#);
    running.stop().unwrap();
}

fn rows_read(memory: &Memory) -> usize {
    memory.records().iter().filter(|r| r.value()["op"] == "r").count()
}

#[test]
fn a_table_that_appears_joins_with_its_rows_and_the_others_go_on() {
    let server = Postgres::start();
    server.psql("postgres", "create table other (id int primary key);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[("table.include.list", "public.other,public.late.*")]);
    running.streams();
    server.psql("postgres", "create table late (id int primary key, v text); insert into late values (1, 'before');");
    wait_for(&memory, &running, 1);
    server.psql(
        "postgres",
        "insert into other values (7); update late set v = 'after'; insert into late values (2, 'x');",
    );
    let records = wait_for(&memory, &running, 4);
    assert_eq!(
        brief(&records),
        [
            r#"r late {"id":1,"v":"before"}"#,
            r#"c other {"id":7}"#,
            r#"u late {"id":1,"v":"after"}"#,
            r#"c late {"id":2,"v":"x"}"#,
        ]
    );
    assert_eq!(running.status.get().state, ConnectorState::Streaming);
    // A restart knows it.
    running.stop().unwrap();
    let running = start(&server, &memory, &[("table.include.list", "public.other,public.late.*")]);
    running.streams();
    server.psql("postgres", "insert into late values (3, 'y');");
    assert_eq!(brief(&wait_for(&memory, &running, 5))[4], r#"c late {"id":3,"v":"y"}"#);
}

/// The reference's reproduction: a transaction writes to the table before and after it is published; the first half
/// is in no stream and in no snapshot taken at once.
#[test]
fn a_transaction_that_spans_the_joining_loses_no_half() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table other (id int primary key); create schema hidden; create table hidden.t (id int primary key);",
    );
    let memory = Memory::default();
    let running = start(&server, &memory, &[("table.include.list", "public.other,hidden.joined")]);
    running.streams();
    let mut long = Session::open(&server, "postgres");
    long.run("begin; insert into hidden.t values (1);").unwrap();
    let mut rename = Session::open(&server, "postgres");
    // A name that matches appears while the transaction runs.
    rename.run("set lock_timeout = '100ms';").unwrap();
    server.psql("postgres", "create table hidden.joined (id int primary key);");
    let mut spans = Session::open(&server, "postgres");
    spans.run("begin; insert into hidden.joined values (1);").unwrap();
    let published =
        || server.psql("postgres", "select count(*) from pg_publication_tables where tablename = 'joined';") == "1";
    assert!(wait_until(PATIENCE, published));
    spans.run("insert into hidden.joined values (2);").unwrap();
    // Other tables go on while the snapshot waits for the transaction.
    server.psql("postgres", "insert into other values (1);");
    wait_for(&memory, &running, 1);
    spans.run("commit;").unwrap();
    long.run("commit;").unwrap();
    server.psql("postgres", "insert into hidden.joined values (3);");
    let records = wait_for(&memory, &running, 4);
    let mut joined: Vec<_> = brief(&records)[1..].to_vec();
    joined.sort();
    let ids: Vec<_> = records[1..].iter().map(|r| r.value()["after"]["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, [1, 2, 3], "{joined:?}");
}

#[test]
fn a_table_dropped_and_made_again_joins_again() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key); insert into t values (1);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    wait_for(&memory, &running, 1);
    server.psql(
        "postgres",
        "drop table t; create table t (id int primary key, v text); insert into t values (2, 'new');",
    );
    let records = wait_for(&memory, &running, 2);
    assert_eq!(brief(&records)[1], r#"r t {"id":2,"v":"new"}"#);
}

#[test]
fn a_table_without_key_is_captured_and_its_updates_keep_working() {
    let server = Postgres::start();
    server.psql("postgres", "create table nokey (a int); insert into nokey values (1);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    server.psql("postgres", "update nokey set a = 2; insert into nokey values (3);");
    let records = wait_for(&memory, &running, 2);
    assert_eq!(brief(&records), [r#"r nokey {"a":1}"#, r#"c nokey {"a":3}"#]);
    assert!(records.iter().all(|r| r.key.is_none()));
}

#[test]
fn a_table_without_key_that_appears_joins_and_goes_on_after_a_restart() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    server.psql("postgres", "insert into t values (1); create table nokey (a int); insert into nokey values (1);");
    wait_for(&memory, &running, 2);
    server.psql("postgres", "insert into nokey values (2); update nokey set a = 3;");
    assert_eq!(brief(&wait_for(&memory, &running, 3))[2], r#"c nokey {"a":2}"#);
    running.stop().unwrap();
    server.psql("postgres", "insert into nokey values (4);");
    let running = start(&server, &memory, &[]);
    assert_eq!(brief(&wait_for(&memory, &running, 4))[3], r#"c nokey {"a":4}"#);
}

#[test]
fn a_publication_that_has_to_be_made_for_a_joining_table_is_streamed_from() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key); create publication dbz_publication for table t;");
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    server.psql("postgres", "create table nokey (a int); insert into nokey values (1);");
    wait_for(&memory, &running, 1);
    running.streams();
    server.psql("postgres", "insert into nokey values (2);");
    assert_eq!(brief(&wait_for(&memory, &running, 2)), [r#"r nokey {"a":1}"#, r#"c nokey {"a":2}"#]);
}

#[test]
fn a_slot_that_waits_for_open_transactions_says_so_and_then_succeeds() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key);");
    let mut open = Session::open(&server, "postgres");
    open.run("begin; insert into t values (1);").unwrap();
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    let waits = || running.status.get().warnings.iter().any(|w| w.code == "SLOT_WAITS");
    assert!(wait_until(PATIENCE, waits));
    open.run("commit;").unwrap();
    assert_eq!(brief(&wait_for(&memory, &running, 1)), [r#"r t {"id":1}"#]);
    running.streams();
    assert!(!waits());
}

/// To a snapshot that is older than a rewrite the table looks empty.
#[test]
fn a_table_rewritten_while_the_slot_is_made_keeps_its_rows() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table t (id int primary key, v int); insert into t values (1, 1), (2, 2); create table other (id int);",
    );
    let mut hold = Session::open(&server, "postgres");
    hold.run("begin; insert into other values (1);").unwrap();
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    let waits = || running.status.get().warnings.iter().any(|w| w.code == "SLOT_WAITS");
    assert!(wait_until(PATIENCE, waits));
    // The tables' files were noted; the slot is not there yet.
    server.psql("postgres", "alter table t alter v type bigint;");
    hold.run("commit;").unwrap();
    let problem = running.wait().unwrap_err();
    assert_eq!((problem.code.as_str(), problem.kind), ("TABLE_CHANGED", ProblemKind::Retry));
    assert_eq!(memory.len(), 0);
    let running = start(&server, &memory, &[]);
    assert_eq!(
        brief(&wait_for(&memory, &running, 3)),
        [r#"r other {"id":1}"#, r#"r t {"id":1,"v":1}"#, r#"r t {"id":2,"v":2}"#]
    );
}

#[test]
fn the_slot_starts_where_the_snapshot_ends() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key); insert into t values (1);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    let records = wait_for(&memory, &running, 1);
    running.streams();
    assert_eq!(records[0].transaction.xid, 0);
    assert_eq!(records[0].transaction.end_lsn, source(&records[0])["lsn"].as_u64().unwrap());
    assert!(confirmed(&server, "tw") >= records[0].transaction.end_lsn);
}
