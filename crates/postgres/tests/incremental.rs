//! Incremental snapshots against a real server that is written to meanwhile.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::Value;
use support::{Memory, PATIENCE, Record, Running, brief, start, wait_for};
use tailwater_connector::Signal;
use tailwater_testkit::{Postgres, Session, wait_until};

const SIGNALS: &str =
    "create table dbz_signal(id varchar(42) primary key, type varchar(32) not null, data varchar(2048));";
const TABLE: (&str, &str) = ("signal.data.collection", "public.dbz_signal");
const NO_DATA: (&str, &str) = ("snapshot.mode", "no_data");

fn signal(id: &str, kind: &str, data: &str) -> String {
    format!("insert into dbz_signal values ('{id}', '{kind}', '{data}');")
}

fn over(memory: &Memory) -> bool {
    memory.entry("signals").contains("\"incremental\":null")
}

fn ends(memory: &Memory) {
    assert!(wait_until(PATIENCE, || over(memory)), "it does not end: {}", memory.entry("signals"));
}

/// Records of one table.
fn of<'a>(records: &'a [Record], table: &str) -> Vec<&'a Record> {
    records.iter().filter(|r| r.topic == format!("srv.public.{table}")).collect()
}

/// What a reader of the topic ends with: by key, the last row; values that a change left out stay as they were.
fn replay(records: &[&Record]) -> BTreeMap<String, Value> {
    let mut table: BTreeMap<String, Value> = BTreeMap::new();
    // A change of the key is a delete and a create, which may leave values out.
    let mut deleted = Value::Null;
    for record in records {
        let key = String::from_utf8_lossy(record.key.as_ref().unwrap()).into_owned();
        let value = record.value();
        if value["op"] == "d" {
            deleted = table.remove(&key).unwrap_or_default();
        } else if value.is_object() {
            let mut row = value["after"].clone();
            for (name, cell) in row.as_object_mut().unwrap() {
                if *cell == "__debezium_unavailable_value" {
                    *cell = table.get(&key).unwrap_or(&deleted)[name].clone();
                }
            }
            table.insert(key, row);
        }
    }
    table
}

/// The table itself, in the same form.
fn content(server: &Postgres, table: &str, key: &str) -> BTreeMap<String, Value> {
    let text = server.psql(
        "postgres",
        &format!("select json_build_object({key})::text || chr(9) || row_to_json(t)::text from {table} t;"),
    );
    let compact = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    text.lines()
        .map(|line| {
            let (key, row) = line.split_once('\t').unwrap();
            (compact(key).to_string(), compact(row))
        })
        .collect()
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Changes rows of `t` in all ways until told to end.
fn disturb(server: &Postgres, seed: u64, end: &AtomicBool) {
    let mut session = Session::open(server, "postgres");
    let mut numbers = Numbers(seed);
    while !end.load(Ordering::SeqCst) {
        let (a, b) = (numbers.below(400), numbers.below(400));
        let statement = match numbers.below(7) {
            0 => format!("insert into t values ({a}, 'new', repeat('n', 3000)) on conflict do nothing;"),
            1 => format!("delete from t where id = {a};"),
            2 => format!("update t set id = {b} where id = {a} and not exists (select from t where id = {b});"),
            3 => format!("update t set big = repeat('{}', 3000) where id = {a};", b % 10),
            4 => format!(
                "begin; delete from t where id = {a}; insert into t values ({a}, 'again', repeat('a', 3000)) on conflict \
                 do nothing; update t set v = 'twice' where id = {b}; commit;"
            ),
            5 => format!("begin; update t set v = 'undone' where id between {a} and {a} + 9; rollback;"),
            // Leaves the large value out.
            _ => format!("update t set v = 'v{b}' where id between {a} and {a} + 5;"),
        };
        // Two of them may meet at a key; who loses changes nothing.
        if session.run(&statement).is_err() {
            session = Session::open(server, "postgres");
        }
    }
}

fn disturbed(server: &Postgres, memory: &Memory, running: Running, restarts: usize, settings: &[(&str, &str)]) {
    let end = AtomicBool::new(false);
    thread::scope(|scope| {
        let end = &end;
        let disturbers: Vec<_> = (0..2).map(|seed| scope.spawn(move || disturb(server, seed, end))).collect();
        let mut running = running;
        for round in 0..restarts {
            let progress = memory.len() + 300 * (round + 1);
            let _ = wait_until(PATIENCE, || memory.len() >= progress || over(memory));
            running.stop().unwrap();
            running = start(server, memory, settings);
        }
        let ended = wait_until(3 * PATIENCE, || over(memory));
        end.store(true, Ordering::SeqCst);
        disturbers.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(ended, "{}", memory.entry("signals").chars().take(300).collect::<String>());
        server.psql("postgres", "insert into t values (100000, 'last', null);");
        let last = |r: &Record| r.key.as_deref() == Some(b"{\"id\":100000}");
        assert!(wait_until(PATIENCE, || memory.records().iter().any(last)));
    });
    let records = memory.records();
    let (replayed, table) = (replay(&of(&records, "t")), content(server, "t", "'id', id"));
    for (key, row) in &table {
        let short = |row: Option<&Value>| row.map(|r| r.to_string().chars().take(60).collect::<String>());
        assert!(replayed.get(key) == Some(row), "{:?} {:?}", short(replayed.get(key)), short(Some(row)));
    }
    assert_eq!(replayed.len(), table.len(), "rows are left over");
    let read = of(&records, "t").iter().filter(|r| r.value()["op"] == "r").count();
    assert!(read > 100, "only {read} rows were read");
}

fn t_with_rows(server: &Postgres) {
    server.psql(
        "postgres",
        "create table t (id int primary key, v text, big text); alter table t alter big set storage external;
         insert into t select i, 'v', repeat('x', 3000) from generate_series(0, 299) i;",
    );
}

#[test]
fn whatever_happens_meanwhile_the_topic_ends_with_the_table() {
    let server = Postgres::start();
    t_with_rows(&server);
    server.psql("postgres", SIGNALS);
    let memory = Memory::default();
    let settings = [TABLE, NO_DATA, ("incremental.snapshot.chunk.size", "7")];
    let running = start(&server, &memory, &settings);
    running.streams();
    server.psql("postgres", &signal("s", "execute-snapshot", "{\"data-collections\": [\"public.t\"]}"));
    disturbed(&server, &memory, running, 3, &settings);
}

#[test]
fn without_marks_in_the_log_it_is_as_right() {
    let server = Postgres::start();
    t_with_rows(&server);
    let memory = Memory::default();
    let settings = [NO_DATA, ("incremental.snapshot.chunk.size", "7")];
    let running = start(&server, &memory, &settings);
    running.streams();
    running.signals.send(execute("{\"data-collections\": [\"public.t\"]}")).unwrap();
    assert!(wait_until(PATIENCE, || memory.entry("signals").contains("public.t") || over(&memory)));
    disturbed(&server, &memory, running, 1, &settings);
    assert_eq!(server.psql("postgres", "select count(*) from pg_tables where schemaname = 'public';"), "1");
}

fn execute(data: &str) -> Signal {
    Signal { id: "x".into(), kind: "execute-snapshot".into(), data: data.into() }
}

/// DBZ-5071, 6481, 9016, 1807: NULL in key columns, enum keys, lost filters on resume.
#[test]
fn keys_with_nulls_enums_and_equal_values_lose_no_row_across_restarts() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        &format!(
            "{SIGNALS} create type mood as enum ('sad', 'happy', 'ok');
             create table u (m mood, n int, v int); create unique index on u (m, n); alter table u replica identity full;
             insert into u select (array['sad', 'happy', 'ok', null]::mood[])[i % 4 + 1], nullif(i / 4, 3), i
               from generate_series(0, 39) i;
             create table s (id int primary key, g int);
             insert into s select i, nullif(i / 10, 2) from generate_series(0, 39) i;
             create table n (g int, v text); alter table n replica identity full;
             insert into n select i / 5, 'same' from generate_series(0, 19) i;"
        ),
    );
    let memory = Memory::default();
    let settings = [TABLE, NO_DATA, ("incremental.snapshot.chunk.size", "3")];
    let mut running = start(&server, &memory, &settings);
    running.streams();
    let data = [
        r#"{"data-collections": ["public.u"], "additional-conditions": [{"data-collection": "public.u", "filter": "v <> 7"}]}"#,
        r#"{"data-collections": ["public.s"], "surrogate-key": "g"}"#,
        r#"{"data-collections": ["public.n"], "surrogate-key": "g"}"#,
    ];
    let signals = data.iter().enumerate().map(|(number, data)| signal(&format!("s{number}"), "execute-snapshot", data));
    server.psql("postgres", &format!("begin; {} commit;", signals.collect::<String>()));
    for round in 1..=8 {
        let _ = wait_until(PATIENCE, || memory.len() >= 12 * round || over(&memory));
        running.stop().unwrap();
        running = start(&server, &memory, &settings);
    }
    ends(&memory);
    let records = memory.records();
    let mut read: Vec<i64> = of(&records, "u").iter().map(|r| r.value()["after"]["v"].as_i64().unwrap()).collect();
    read.sort_unstable();
    read.dedup();
    assert_eq!(read, (0..40).filter(|v| *v != 7).collect::<Vec<_>>());
    let mut read: Vec<i64> = of(&records, "s").iter().map(|r| r.value()["after"]["id"].as_i64().unwrap()).collect();
    read.sort_unstable();
    read.dedup();
    assert_eq!(read, (0..40).collect::<Vec<_>>());
    assert!(of(&records, "n").len() >= 20);
}

#[test]
fn a_table_that_changes_its_shape_meanwhile_is_read_to_its_end() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        &format!(
            "{SIGNALS} create table t (id int primary key, v int);
             insert into t select i, i from generate_series(1, 600) i;"
        ),
    );
    let memory = Memory::default();
    let settings = [TABLE, NO_DATA, ("incremental.snapshot.chunk.size", "5")];
    let running = start(&server, &memory, &settings);
    running.streams();
    server.psql("postgres", &signal("s", "execute-snapshot", "{\"data-collections\": [\"public.t\"]}"));
    assert!(wait_until(PATIENCE, || of(&memory.records(), "t").len() >= 10));
    server.psql("postgres", &signal("p", "pause-snapshot", "{}"));
    assert!(wait_until(PATIENCE, || memory.entry("signals").contains("\"paused\":true")));
    // Rewrites the table: to an older snapshot it would be empty.
    server.psql("postgres", "alter table t alter v type bigint; alter table t add w text default 'w';");
    server.psql("postgres", &signal("r", "resume-snapshot", "{}"));
    ends(&memory);
    let records = memory.records();
    let ids: Vec<_> = of(&records, "t").iter().map(|r| r.value()["after"]["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, (1..=600).collect::<Vec<_>>());
    assert_eq!(of(&records, "t")[599].value()["after"]["w"], "w");
}

#[test]
fn signals_that_are_none_are_answered_and_a_missing_table_does_not_hold_the_others_up() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        &format!(
            "{SIGNALS} create table t (id int primary key); insert into t values (1); create table nokey (a int);"
        ),
    );
    let memory = Memory::default();
    let running = start(&server, &memory, &[TABLE, NO_DATA]);
    running.streams();
    server.psql("postgres", &signal("bad", "execute-snapshot", "nonsense"));
    server.psql(
        "postgres",
        &signal("s", "execute-snapshot", "{\"data-collections\": [\"public.nope\", \"public.nokey\", \"public.t\"]}"),
    );
    assert!(wait_until(PATIENCE, || of(&memory.records(), "t").len() == 1));
    ends(&memory);
    let warnings = running.status.get().warnings;
    assert!(warnings.iter().any(|w| w.code == "SIGNAL_IGNORED" && w.cause.contains("'bad'")), "{warnings:?}");
}

#[test]
fn a_paused_snapshot_waits_across_a_restart_and_a_stopped_one_ends() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key); insert into t select generate_series(1, 20);");
    let memory = Memory::default();
    let settings = [NO_DATA, ("incremental.snapshot.chunk.size", "5")];
    let running = start(&server, &memory, &settings);
    running.streams();
    let send = |running: &Running, kind: &str| {
        running.signals.send(Signal { id: "x".into(), kind: kind.into(), data: "{}".into() }).unwrap();
    };
    running.signals.send(execute("{\"data-collections\": [\"public.t\"]}")).unwrap();
    send(&running, "pause-snapshot");
    assert!(wait_until(PATIENCE, || memory.entry("signals").contains("\"paused\":true") && memory.len() == 5));
    running.stop().unwrap();
    let running = start(&server, &memory, &settings);
    running.streams();
    server.psql("postgres", "insert into t values (100);");
    assert_eq!(brief(&wait_for(&memory, &running, 6))[5], r#"c t {"id":100}"#);
    send(&running, "resume-snapshot");
    ends(&memory);
    // 100 was streamed before; it is read all the same, as it lies before the greatest key.
    assert!(memory.len() >= 21, "{}", memory.len());
    memory.take();
    running.signals.send(execute("{\"data-collections\": [\"public.t\"]}")).unwrap();
    send(&running, "stop-snapshot");
    assert!(wait_until(PATIENCE, || memory.len() >= 5 && over(&memory)));
    running.stop().unwrap();
    assert_eq!(memory.len(), 5);
}

/// Opens a window whose chunk waits for a lock on `t`, and gives the session that holds it.
fn held(server: &Postgres, lock: &str) -> Session {
    let mut session = Session::open(server, "postgres");
    session.run(&format!("begin; {lock}")).unwrap();
    server.psql("postgres", &signal("s", "execute-snapshot", "{\"data-collections\": [\"public.t\"]}"));
    let waits = "select count(*) from pg_locks where not granted and relation = 't'::regclass;";
    assert!(wait_until(PATIENCE, || server.psql("postgres", waits) == "1"), "no chunk waits for the lock");
    session
}

#[test]
fn whoever_cleans_the_signal_table_neither_closes_a_window_nor_holds_up_the_stream() {
    let server = Postgres::start();
    let rows = "insert into t select generate_series(1, 9);";
    let tables = "create table t (id int primary key); create table u (id int primary key);";
    server.psql("postgres", &format!("{SIGNALS} {tables} {rows}"));
    let strategy = "incremental.snapshot.watermarking.strategy";
    for (round, strategy) in [(strategy, "insert_insert"), (strategy, "insert_delete")].into_iter().enumerate() {
        let memory = Memory::default();
        let running = start(&server, &memory, &[TABLE, NO_DATA, strategy]);
        running.streams();
        let mut session = held(&server, "lock table t in access exclusive mode;");
        server.psql("postgres", "delete from dbz_signal;");
        server.psql("postgres", &format!("insert into u values ({round});"));
        assert!(wait_until(PATIENCE / 4, || of(&memory.records(), "u").len() == 1), "the stream is held up");
        assert_eq!(of(&memory.records(), "t").len(), 0);
        session.run("commit;").unwrap();
        ends(&memory);
        assert_eq!(of(&memory.records(), "t").len(), 9);
        running.stop().unwrap();
        server.psql("postgres", "select pg_drop_replication_slot('tw'); delete from dbz_signal;");
    }
}

#[test]
fn what_is_asked_for_after_a_stop_is_not_stopped() {
    let server = Postgres::start();
    let rows = "insert into t select generate_series(1, 9); insert into u values (100);";
    let tables = "create table t (id int primary key); create table u (id int primary key);";
    server.psql("postgres", &format!("{SIGNALS} {tables} {rows}"));
    let memory = Memory::default();
    let running = start(&server, &memory, &[TABLE, NO_DATA]);
    running.streams();
    let mut session = held(&server, "lock table t in access exclusive mode;");
    let stop = signal("x", "stop-snapshot", "{}");
    let again = signal("y", "execute-snapshot", "{\"data-collections\": [\"public.t\", \"public.u\"]}");
    server.psql("postgres", &format!("begin; {stop} {again} commit;"));
    assert!(wait_until(PATIENCE, || memory.entry("signals").contains("\"id\":\"y\"")), "{}", memory.entry("signals"));
    session.run("commit;").unwrap();
    ends(&memory);
    // The chunk that was begun before the stop, and everything once more.
    assert_eq!((of(&memory.records(), "t").len(), of(&memory.records(), "u").len()), (18, 1));
    running.stop().unwrap();
}

#[test]
fn a_change_that_nobody_is_told_of_hides_no_row() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        &format!(
            "{SIGNALS} create table t (id int primary key, v int, hidden int); alter table t replica identity full;
             insert into t select i, i, i from generate_series(1, 9) i;"
        ),
    );
    for settings in [
        &[TABLE, NO_DATA, ("skipped.operations", "u,t")][..],
        &[TABLE, NO_DATA, ("skip.messages.without.change", "true"), ("column.exclude.list", "public.t.hidden")],
    ] {
        let memory = Memory::default();
        let running = start(&server, &memory, settings);
        running.streams();
        let mut session = held(&server, "lock table t in access exclusive mode;");
        session.run("update t set hidden = hidden + 1 where id < 5; commit;").unwrap();
        assert!(wait_until(PATIENCE, || of(&memory.records(), "t").len() >= 9), "{:?}", brief(&memory.records()));
        ends(&memory);
        running.stop().unwrap();
        assert_eq!(of(&memory.records(), "t").len(), 9);
        server.psql("postgres", "select pg_drop_replication_slot('tw'); delete from dbz_signal;");
    }
}

#[test]
fn a_statement_that_is_cancelled_loses_no_row() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        &format!("{SIGNALS} create table t (id int primary key); insert into t select generate_series(1, 20);"),
    );
    let memory = Memory::default();
    let running = start(&server, &memory, &[TABLE, NO_DATA, ("incremental.snapshot.chunk.size", "7")]);
    running.streams();
    let mut session = held(&server, "lock table t in access exclusive mode;");
    let cancel = "select pg_cancel_backend(pid) from pg_locks where not granted and relation = 't'::regclass;";
    assert_eq!(server.psql("postgres", cancel), "t");
    session.run("commit;").unwrap();
    ends(&memory);
    assert_eq!(of(&memory.records(), "t").len(), 20);
    running.stop().unwrap();
}

#[test]
fn a_stop_and_a_moved_row_outlast_a_restart_that_comes_before_the_window_closes() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        &format!(
            "{SIGNALS} create table t (id int primary key, v int, big text); alter table t alter big set storage external;
             insert into t select i, i, repeat('x', 3000) from generate_series(1, 20) i;"
        ),
    );
    let memory = Memory::default();
    let settings = [TABLE, NO_DATA, ("incremental.snapshot.chunk.size", "7")];
    let running = start(&server, &memory, &settings);
    running.streams();
    let begin = signal("s", "execute-snapshot", "{\"data-collections\": [\"public.t\"]}");
    server.psql("postgres", &format!("begin; {begin} {} commit;", signal("p", "pause-snapshot", "{}")));
    // The chunk that was begun is written.
    assert!(wait_until(PATIENCE, || of(&memory.records(), "t").len() == 7), "{:?}", memory.entry("signals"));
    // To where the snapshot has been already; the stream does not carry the large value.
    server.psql("postgres", "update t set id = -1 where id = 20;");
    assert!(wait_until(PATIENCE, || of(&memory.records(), "t").iter().any(|r| r.value()["op"] == "c")));
    running.stop().unwrap();
    let running = start(&server, &memory, &settings);
    running.streams();
    server.psql("postgres", &signal("r", "resume-snapshot", "{}"));
    ends(&memory);
    let records = memory.records();
    assert_eq!(replay(&of(&records, "t")), content(&server, "t", "'id', id"));

    server.psql("postgres", "delete from dbz_signal;");
    let session = held(&server, "lock table t in access exclusive mode;");
    server.psql("postgres", &signal("x", "stop-snapshot", "{}"));
    // Long before the chunk gives up the lock.
    assert!(wait_until(PATIENCE / 4, || over(&memory)), "{}", memory.entry("signals"));
    running.stop().unwrap();
    drop(session);
    memory.take();
    let running = start(&server, &memory, &settings);
    running.streams();
    server.psql("postgres", "insert into t values (100);");
    assert!(wait_until(PATIENCE, || !of(&memory.records(), "t").is_empty()));
    assert_eq!(brief(&memory.records()), [r#"c t {"id":100,"v":null,"big":null}"#]);
    running.stop().unwrap();
}

#[test]
fn a_table_made_later_is_read_although_no_publication_follows_the_tables() {
    let server = Postgres::start();
    server.psql("postgres", SIGNALS);
    let memory = Memory::default();
    let running = start(&server, &memory, &[TABLE, NO_DATA, ("publication.autocreate.mode", "all_tables")]);
    running.streams();
    server.psql("postgres", "create table t (id int primary key); alter table t set (fillfactor = 90);");
    server.psql("postgres", "set session_replication_role = replica; insert into t select generate_series(1, 3);");
    server.psql("postgres", &signal("s", "execute-snapshot", "{\"data-collections\": [\"public.t\"]}"));
    ends(&memory);
    let read = of(&memory.records(), "t").iter().filter(|r| r.value()["op"] == "r").count();
    assert_eq!(read, 3);
    running.stop().unwrap();
}

#[test]
fn a_signal_table_that_refuses_marks_pauses_the_snapshot_and_nothing_else() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        &format!(
            "{SIGNALS} alter table dbz_signal add constraint no_marks check (type not like 'snapshot-window%');
             create table t (id int primary key); insert into t values (1);"
        ),
    );
    let memory = Memory::default();
    let running = start(&server, &memory, &[TABLE, NO_DATA]);
    running.streams();
    server.psql("postgres", &signal("s", "execute-snapshot", "{\"data-collections\": [\"public.t\"]}"));
    let warned = || running.status.get().warnings.iter().any(|w| w.code == "SIGNAL_TABLE");
    assert!(wait_until(PATIENCE, warned));
    server.psql("postgres", "insert into t values (2);");
    assert!(wait_until(PATIENCE, || of(&memory.records(), "t").len() == 1));
    server.psql("postgres", "alter table dbz_signal drop constraint no_marks;");
    server.psql("postgres", &signal("r", "resume-snapshot", "{}"));
    assert!(wait_until(PATIENCE, || of(&memory.records(), "t").len() == 3));
    ends(&memory);
}
