//! Query capture against a real server: what is read, when, once, and in which form.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use std::time::Duration;

use support::{Memory, PATIENCE, Running, run, wait_for};
use tailwater_connector::{Config, Problem, Source};
use tailwater_postgres::query::{QuerySettings, QuerySource};
use tailwater_testkit::{Postgres, Session, wait_until};

fn settings(server: &Postgres, extra: &[(&str, &str)]) -> Result<QuerySettings, Vec<Problem>> {
    let url = format!("jdbc:postgresql://127.0.0.1:{}/postgres", server.port());
    let base = [
        ("name", "test"),
        ("connection.url", url.as_str()),
        ("connection.user", "postgres"),
        ("topic.prefix", "pg-"),
        ("poll.interval.ms", "20"),
        ("table.poll.interval.ms", "50"),
        ("value.converter.schemas.enable", "false"),
    ];
    let config: Config = base.iter().chain(extra).map(|(k, v)| (k.to_string(), v.to_string())).collect();
    QuerySettings::parse(&config).map(|(settings, _)| settings)
}

fn start(server: &Postgres, memory: &Memory, extra: &[(&str, &str)]) -> Running {
    run(QuerySource::new(settings(server, extra).unwrap()), memory)
}

fn preflight(server: &Postgres, extra: &[(&str, &str)]) -> Vec<Problem> {
    QuerySource::new(settings(server, extra).unwrap()).preflight()
}

/// Values as text, in order.
fn values(memory: &Memory) -> Vec<String> {
    memory.records().into_iter().map(|r| String::from_utf8(r.value.unwrap()).unwrap()).collect()
}

fn ids(memory: &Memory) -> Vec<i64> {
    memory.records().iter().map(|record| record.value()["id"].as_i64().unwrap()).collect()
}

#[test]
fn values_are_what_connects_converter_makes_of_the_drivers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/jdbc");
    let server = Postgres::start();
    server.psql("postgres", &std::fs::read_to_string(folder.join("types.sql")).unwrap());
    let table = [("mode", "incrementing"), ("table.whitelist", "kinds"), ("topic.prefix", "")];
    let query = |sql| [("mode", "bulk"), ("query", sql), ("poll.interval.ms", "3600000")];
    let berlin = "SELECT id, ts, tsz, tm, d FROM kinds WHERE t <> 'far' AND tm IS DISTINCT FROM '24:00' ORDER BY id";
    let join = "SELECT k.id, k.id + 1 AS next, k.t, NULL AS nothing, x.id AS other FROM kinds k \
                LEFT JOIN kinds x ON x.id = k.id ORDER BY k.id;";
    let schemas = ("value.converter.schemas.enable", "true");
    let numbers = ("value.converter.decimal.format", "NUMERIC");
    let cases = [
        ("none", table, vec![schemas]),
        ("precision_only", table, vec![("numeric.mapping", "precision_only"), numbers]),
        ("best_fit", table, vec![("numeric.mapping", "best_fit"), schemas, numbers]),
        ("best_fit_eager_double", table, vec![("numeric.mapping", "best_fit_eager_double")]),
        ("berlin", query(berlin), vec![("db.timezone", "Europe/Berlin")]),
        ("query", query(join), vec![schemas]),
    ];
    for (name, base, extra) in cases {
        let expected = std::fs::read_to_string(folder.join(format!("expected/{name}.jsonl"))).unwrap();
        let expected: Vec<&str> = expected.lines().collect();
        let memory = Memory::default();
        let running = start(&server, &memory, &[&base[..], &extra].concat());
        let records = wait_for(&memory, &running, expected.len());
        assert_eq!(values(&memory), expected, "{name}");
        assert!(records.iter().all(|r| r.key.is_none()), "{name}: a key is not null");
        assert_eq!(records[0].topic, if base[1].0 == "query" { "pg-" } else { "kinds" });
        running.stop().unwrap();
    }
}

#[test]
fn an_incrementing_table_is_read_once_whatever_is_lost_on_the_way() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table t (v text, id serial not null); insert into t select 'a' from generate_series(1, 1000);",
    );
    let memory = Memory::default();
    let extra = [("mode", "incrementing"), ("batch.max.rows", "7")];
    for round in 1..=3 {
        let running = start(&server, &memory, &extra);
        let _ = wait_until(PATIENCE, || memory.len() >= round * 1000);
        // What comes now never reaches the disk.
        memory.hold(true);
        server.psql("postgres", "insert into t select 'b' from generate_series(1, 1000);");
        running.streams();
        running.stop().unwrap();
        memory.crash();
    }
    let running = start(&server, &memory, &extra);
    wait_for(&memory, &running, 4000);
    assert_eq!(ids(&memory), (1..=4000).collect::<Vec<i64>>());
    let records = memory.records();
    let sequences: Vec<u64> = records.iter().map(|r| r.transaction.end_lsn).collect();
    assert!(sequences.is_sorted() && sequences.windows(8).all(|w| w[0] < w[7]), "batches are larger than asked for");
    assert!(records.iter().all(|r| r.era == records[0].era && r.transaction.xid == 0));
}

#[test]
fn rows_of_one_time_are_neither_parted_nor_lost_nor_repeated_at_a_batchs_border() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table t (id int, at timestamp not null);
         insert into t select n, '2024-01-01 00:00:00.123456'::timestamp + (n / 10) * interval '1 microsecond'
           from generate_series(0, 99) n;",
    );
    let memory = Memory::default();
    let extra = [("mode", "timestamp"), ("timestamp.column.name", "at"), ("batch.max.rows", "4")];
    let running = start(&server, &memory, &extra);
    let records = wait_for(&memory, &running, 100);
    let mut by_sequence = std::collections::BTreeMap::<u64, Vec<i64>>::new();
    for record in &records {
        by_sequence.entry(record.transaction.end_lsn).or_default().push(record.value()["id"].as_i64().unwrap() / 10);
    }
    assert!(
        by_sequence.values().all(|times| times.len() == 10 && times.iter().all(|t| t == &times[0])),
        "{by_sequence:?}"
    );
    running.stop().unwrap();
    // Again from the middle, as a crash there would have it.
    let backup = Memory::default();
    let running = start(&server, &backup, &extra);
    wait_for(&backup, &running, 100);
    server.psql("postgres", "insert into t select 100, max(at) + interval '1 microsecond' from t;");
    wait_for(&backup, &running, 101);
    running.stop().unwrap();
    let running = start(&server, &backup, &extra);
    running.streams();
    server.psql("postgres", "insert into t select 101, max(at) + interval '1 microsecond' from t;");
    wait_for(&backup, &running, 102);
}

#[test]
fn a_limit_neither_parts_nor_loses_rows_of_one_time() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table t (id int, at timestamp not null);
         insert into t select n, '2024-01-01'::timestamp + (n / 10) * interval '1 day' from generate_series(0, 49) n;",
    );
    let timed = [("mode", "timestamp"), ("timestamp.column.name", "at"), ("query.suffix", "LIMIT 3")];
    let counted = [("mode", "incrementing"), ("incrementing.column.name", "id"), ("query.suffix", "LIMIT 3;")];
    for mode in [timed, counted] {
        let memory = Memory::default();
        let extra = [&mode[..], &[("validate.non.null", "false")]].concat();
        let running = start(&server, &memory, &extra);
        wait_for(&memory, &running, 50);
        let mut found = ids(&memory);
        found.sort_unstable();
        assert_eq!(found, (0..50).collect::<Vec<i64>>());
    }
}

#[test]
fn times_without_a_zone_are_those_of_the_zone_that_is_set() {
    let server = Postgres::start();
    let local = "now() at time zone 'Asia/Kolkata'";
    server.psql(
        "postgres",
        &format!(
            "create table t (id int, at timestamp not null);
             insert into t values (1, {local} - interval '1 minute'), (2, {local} + interval '1 hour');"
        ),
    );
    let memory = Memory::default();
    let extra = [("mode", "timestamp"), ("timestamp.column.name", "at"), ("db.timezone", "Asia/Kolkata")];
    let running = start(&server, &memory, &extra);
    let records = wait_for(&memory, &running, 1);
    let moment = "select floor(extract(epoch from at at time zone 'Asia/Kolkata') * 1000)::bigint from t where id = 1;";
    assert_eq!(records[0].value()["at"].to_string(), server.psql("postgres", moment));
    running.stop().unwrap();
    // As UTC both lie hours ahead.
    let other = Memory::default();
    let running = start(&server, &other, &extra[..2]);
    server.psql("postgres", "insert into t values (3, now() at time zone 'UTC');");
    wait_for(&other, &running, 1);
    assert_eq!(ids(&other), [3]);
}

#[test]
fn a_table_that_a_change_holds_does_not_hold_up_the_others_for_ever() {
    let server = Postgres::start();
    server.psql("postgres", "create table a (id serial primary key); create table b (id serial primary key);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[("mode", "incrementing")]);
    running.streams();
    let mut change = Session::open(&server, "postgres");
    change.run("begin; alter table a add v int;").unwrap();
    server.psql("postgres", "insert into b default values;");
    wait_for(&memory, &running, 1);
    let holder = server.psql("postgres", "select pid from pg_locks where relation = 'a'::regclass and granted;");
    let end = format!("pg_terminate_backend({holder})");
    let named = || running.status.get().warnings.iter().any(|w| w.code == "TABLE_LOCKED" && w.remedy.contains(&end));
    assert!(wait_until(PATIENCE, named), "{:?}", running.status.get());
    change.run("insert into a default values; commit;").unwrap();
    wait_for(&memory, &running, 2);
}

#[test]
fn a_bulk_poll_of_a_table_that_is_rewritten_meanwhile_has_its_rows() {
    let server = Postgres::start();
    server.psql("postgres", "create table a (id int); insert into a select generate_series(1, 5);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[("mode", "bulk"), ("poll.interval.ms", "4000")]);
    wait_for(&memory, &running, 5);
    let mut change = Session::open(&server, "postgres");
    change.run("begin; alter table a alter id type bigint;").unwrap();
    let waits = "select count(*) from pg_locks where not granted and relation = 'a'::regclass;";
    assert!(wait_until(PATIENCE, || server.psql("postgres", waits) == "1"), "no poll waits");
    change.run("commit;").unwrap();
    // With this poll, not with the one after it.
    assert!(wait_until(Duration::from_millis(3500), || memory.len() == 10), "{}", memory.len());
    running.stop().unwrap();
}

#[test]
fn a_comment_at_the_end_of_a_query_and_a_row_without_number_lose_nothing() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table t (id int, at timestamptz not null); insert into t values (null, '2024-01-01'), (5, '2024-01-01');",
    );
    let memory = Memory::default();
    let query = [("query", "SELECT * FROM t -- all"), ("mode", "bulk"), ("poll.interval.ms", "3600000")];
    let running = start(&server, &memory, &query);
    wait_for(&memory, &running, 2);
    running.stop().unwrap();
    // Each poll ends after one row, and so between the two of one time.
    let limited = [
        ("query", "SELECT * FROM t -- all"),
        ("mode", "timestamp+incrementing"),
        ("timestamp.column.name", "at"),
        ("incrementing.column.name", "id"),
        ("query.suffix", "LIMIT 1"),
    ];
    let memory = Memory::default();
    let running = start(&server, &memory, &limited);
    let records = wait_for(&memory, &running, 2);
    assert!(records[0].value()["id"] == 5 && records[1].value()["id"].is_null());
    running.stop().unwrap();
}

#[test]
fn who_writes_into_a_table_that_inherits_is_waited_for() {
    let server = Postgres::start();
    let marker = "create table marker (id serial not null);";
    server.psql("postgres", &format!("{marker} create table p (id serial not null); create table c () inherits (p);"));
    let memory = Memory::default();
    let running = start(&server, &memory, &[("mode", "incrementing"), ("table.whitelist", "p,marker")]);
    running.streams();
    let mut early = Session::open(&server, "postgres");
    early.run("begin; insert into c default values;").unwrap();
    server.psql("postgres", "insert into p default values;");
    pass(&server, &memory);
    early.run("commit;").unwrap();
    let of_p = || memory.records().into_iter().filter(|r| r.topic == "pg-p").collect::<Vec<_>>();
    assert!(wait_until(PATIENCE, || of_p().len() == 2), "a row is missed: {:?}", values(&memory));
    assert_eq!(of_p()[0].value()["id"], 1);
    running.stop().unwrap();
}

#[test]
fn a_lost_connection_is_made_again_and_does_not_bring_polls_forward() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id serial primary key); insert into t default values;");
    let settings = settings(&server, &[("mode", "bulk"), ("poll.interval.ms", "3600000")]).unwrap();
    let mut source = QuerySource::new(settings);
    let memory = Memory::default();
    for ended in [true, false] {
        let context = support::context(&memory);
        let (status, stop) = (context.status.clone(), context.stop.clone());
        std::thread::scope(|scope| {
            let (mut context, source) = (context, &mut source);
            let thread = scope.spawn(move || source.run(&mut context));
            let streams = || status.get().state == tailwater_connector::ConnectorState::Streaming;
            assert!(wait_until(PATIENCE, || streams() && memory.len() >= 1));
            if ended {
                server.psql(
                    "postgres",
                    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tailwater';",
                );
                assert!(wait_until(PATIENCE, || thread.is_finished()), "the end of the session is not seen");
                assert_eq!(thread.join().unwrap().unwrap_err().kind, tailwater_connector::ProblemKind::Retry);
            } else {
                // A new table is due at once, but after those that would be due as long.
                server.psql("postgres", "create table u (id serial primary key); insert into u default values;");
                assert!(wait_until(PATIENCE, || memory.len() > 1));
                stop.set();
                thread.join().unwrap().unwrap();
            }
        });
    }
    let topics: Vec<_> = memory.records().into_iter().map(|r| r.topic).collect();
    assert_eq!(topics, ["pg-t", "pg-u"]);
}

#[test]
fn a_row_that_commits_late_within_the_delay_is_read_with_those_that_came_before_it() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int, at timestamptz not null default now());");
    let memory = Memory::default();
    let extra = [("mode", "timestamp"), ("timestamp.column.name", "at"), ("timestamp.delay.interval.ms", "1500")];
    let running = start(&server, &memory, &extra);
    running.streams();
    let mut late = Session::open(&server, "postgres");
    late.run("begin; insert into t values (1);").unwrap();
    server.psql("postgres", "insert into t values (2);");
    late.run("commit;").unwrap();
    wait_for(&memory, &running, 2);
    assert_eq!(ids(&memory), [1, 2]);
}

/// Waits until the connector has been round all its tables again.
fn pass(server: &Postgres, memory: &Memory) {
    let seen = || memory.records().iter().filter(|r| r.topic == "pg-marker").count();
    for _ in 0..2 {
        let before = seen();
        server.psql("postgres", "insert into marker default values;");
        assert!(wait_until(PATIENCE, || seen() > before), "the marker does not come");
    }
}

#[test]
fn a_row_that_commits_after_later_ones_is_not_missed_without_any_delay() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table marker (id serial primary key, at timestamptz not null default clock_timestamp());
         create table parent (id serial, at timestamptz not null default now()) partition by range (id);
         create table t partition of parent for values from (1) to (1000);",
    );
    let timed = [("mode", "timestamp"), ("timestamp.column.name", "at")];
    let counted = [("mode", "incrementing"), ("incrementing.column.name", "id")];
    for (mode, base) in [(&counted[..], 0), (&timed[..], 3)] {
        let memory = Memory::default();
        let running = start(&server, &memory, &[mode, &[("validate.non.null", "false")]].concat());
        let of_t = |memory: &Memory| -> Vec<i64> {
            let of_t = memory.records().into_iter().filter(|r| r.topic == "pg-t");
            of_t.map(|r| r.value()["id"].as_i64().unwrap()).collect()
        };
        assert!(wait_until(PATIENCE, || of_t(&memory).len() == base));
        let mut late = Session::open(&server, "postgres");
        late.run("begin; insert into parent default values;").unwrap();
        server.psql("postgres", "insert into parent default values;");
        server.psql("postgres", "insert into t default values;");
        pass(&server, &memory);
        assert_eq!(of_t(&memory).len(), base, "a later row was read before an earlier one");
        late.run("commit;").unwrap();
        assert!(wait_until(PATIENCE, || of_t(&memory).len() == base + 3));
        let expected: Vec<i64> = (1..=base as i64 + 3).collect();
        assert_eq!(of_t(&memory), expected);
        running.stop().unwrap();
    }
}

#[test]
fn concurrent_writers_lose_no_row_and_change_no_order() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id serial primary key);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[("mode", "incrementing"), ("poll.interval.ms", "1")]);
    running.streams();
    std::thread::scope(|scope| {
        for writer in 1..=6 {
            let mut session = Session::open(&server, "postgres");
            scope.spawn(move || {
                for round in 0..60 {
                    // The longer, the more others commit behind it.
                    let pause = f64::from(writer * (round % 5)) / 1000.0;
                    let script = format!("begin; insert into t default values; select pg_sleep({pause}); commit;");
                    session.run(&script).unwrap();
                }
            });
        }
    });
    wait_for(&memory, &running, 360);
    assert_eq!(ids(&memory), (1..=360).collect::<Vec<i64>>());
}

#[test]
fn a_writer_that_does_not_end_is_named_and_the_others_rows_are_read() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id serial primary key);");
    let mut settings = settings(&server, &[("mode", "incrementing")]).unwrap();
    settings.writer_patience = std::time::Duration::from_millis(300);
    let memory = Memory::default();
    let running = run(QuerySource::new(settings), &memory);
    let mut late = Session::open(&server, "postgres");
    late.run("begin; insert into t default values;").unwrap();
    server.psql("postgres", "insert into t default values;");
    wait_for(&memory, &running, 1);
    let named = || running.status.get().warnings.iter().any(|w| w.code == "WRITER_OPEN");
    assert!(wait_until(PATIENCE, named), "{:?}", running.status.get());
    server.psql("postgres", "insert into t default values;");
    wait_for(&memory, &running, 2);
    late.run("rollback;").unwrap();
    assert!(wait_until(PATIENCE, || !named()), "{:?}", running.status.get());
}

#[test]
fn changes_come_again_and_the_first_time_that_is_not_null_counts() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table t (id int not null, made timestamp not null, changed timestamp);
         insert into t values (2, '2024-01-01'), (1, '2024-01-01'), (3, '2024-01-02'), (4, '1969-01-01');",
    );
    let memory = Memory::default();
    let extra = [
        ("mode", "timestamp+incrementing"),
        ("timestamp.column.name", "changed,made"),
        ("incrementing.column.name", "id"),
        ("batch.max.rows", "1"),
    ];
    let running = start(&server, &memory, &extra);
    wait_for(&memory, &running, 4);
    assert_eq!(ids(&memory), [4, 1, 2, 3]);
    running.stop().unwrap();
    let running = start(&server, &memory, &extra);
    // Another row of the last time, and a change of an old row.
    server
        .psql("postgres", "insert into t values (5, '2024-01-02'); update t set changed = '2024-01-03' where id = 1;");
    wait_for(&memory, &running, 6);
    assert_eq!(ids(&memory)[4..], [5, 1]);
}

#[test]
fn a_bulk_poll_is_one_transaction_and_comes_again() {
    let server = Postgres::start();
    server.psql("postgres", "create view v as select n as id from generate_series(1, 500) n;");
    let memory = Memory::default();
    let extra = [("mode", "bulk"), ("table.types", "VIEW"), ("batch.max.rows", "10")];
    let running = start(&server, &memory, &extra);
    assert!(wait_until(PATIENCE, || memory.len() >= 1500));
    running.stop().unwrap();
    let mut polls = std::collections::BTreeMap::<u64, usize>::new();
    memory.records().iter().for_each(|r| *polls.entry(r.transaction.end_lsn).or_default() += 1);
    assert!(polls.values().all(|rows| *rows == 500), "{polls:?}");
}

#[test]
fn tables_come_and_go_and_change_while_the_others_are_read() {
    let server = Postgres::start();
    server.psql("postgres", "create table a (id serial primary key); insert into a default values;");
    let memory = Memory::default();
    let running = start(&server, &memory, &[("mode", "incrementing")]);
    wait_for(&memory, &running, 1);
    server.psql("postgres", "create table b (id serial primary key); insert into b default values;");
    assert_eq!(wait_for(&memory, &running, 2)[1].topic, "pg-b");
    server.psql("postgres", "drop table a; alter table b add v text default 'x'; insert into b default values;");
    wait_for(&memory, &running, 3);
    assert_eq!(values(&memory)[2], r#"{"id":2,"v":"x"}"#);
    // One that can not be read is named, and read once it can.
    server.psql("postgres", "create table c (v text);");
    let named =
        |code: &str| running.status.get().warnings.iter().any(|w| w.code == code && w.cause.contains("public.c"));
    assert!(wait_until(PATIENCE, || named("COLUMN_MISSING")), "{:?}", running.status.get());
    server.psql("postgres", "alter table c add id serial; insert into c values ('y'); insert into b default values;");
    wait_for(&memory, &running, 5);
    assert!(wait_until(PATIENCE, || !named("COLUMN_MISSING")), "{:?}", running.status.get());
    // A newcomer whose topic is taken does not take it over, although it comes first in the alphabet.
    server.psql("postgres", "create schema a; create table a.b (id serial primary key); insert into a.b values (77);");
    let collides = || running.status.get().warnings.iter().any(|w| w.code == "TOPICS_COLLIDE");
    assert!(wait_until(PATIENCE, collides), "{:?}", running.status.get());
    server.psql("postgres", "insert into b default values;");
    assert_eq!(wait_for(&memory, &running, 6)[5].value()["id"], 4);
    running.streams();
}

#[test]
fn the_moment_of_the_first_start_is_remembered() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table t (id int, at timestamp not null); insert into t values (1, now() at time zone 'UTC');",
    );
    let memory = Memory::default();
    let extra = [("mode", "timestamp"), ("timestamp.column.name", "at"), ("timestamp.initial", "-1")];
    let running = start(&server, &memory, &extra);
    let text = || String::from_utf8(memory.durable_position()).unwrap();
    assert!(wait_until(PATIENCE, || text().contains("timestamp")));
    running.stop().unwrap();
    server.psql("postgres", "insert into t values (2, now() at time zone 'UTC');");
    let running = start(&server, &memory, &extra);
    wait_for(&memory, &running, 1);
    assert_eq!(ids(&memory), [2]);
}

#[test]
fn a_query_is_followed_by_a_column_of_its_result() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table o (id int primary key, item int); create table i (id int primary key, name text);
         insert into i values (1, 'pen'); insert into o values (10, 1), (11, 1);",
    );
    let memory = Memory::default();
    let query = "SELECT o.id AS \"order\", i.name FROM o JOIN i ON i.id = o.item WHERE o.id > 0 -- all";
    let extra =
        [("mode", "incrementing"), ("query", query), ("incrementing.column.name", "order"), ("topic.prefix", "q")];
    let running = start(&server, &memory, &extra);
    wait_for(&memory, &running, 2);
    server.psql("postgres", "insert into o values (12, 1);");
    wait_for(&memory, &running, 3);
    assert_eq!(values(&memory)[2], r#"{"order":12,"name":"pen"}"#);
    assert_eq!(memory.records()[0].topic, "q");
}

#[test]
fn a_value_without_form_stops_with_its_column_and_the_position_stays() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id int primary key, n numeric); insert into t values (1, 1), (2, 1.5);");
    let memory = Memory::default();
    let extra = [("mode", "incrementing"), ("incrementing.column.name", "id"), ("batch.max.rows", "1")];
    let problem = start(&server, &memory, &extra).wait().unwrap_err();
    assert_eq!(problem.code, "VALUE_NOT_ENCODABLE");
    assert!(problem.cause.contains("column n") && !problem.cause.contains("1.5"), "{problem}");
    server.psql("postgres", "alter table t alter n type numeric(5,2);");
    let running = start(&server, &memory, &extra);
    wait_for(&memory, &running, 2);
    assert_eq!(ids(&memory), [1, 2]);
}

#[test]
fn a_full_disk_is_told_and_nothing_is_lost_over_it() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id serial primary key); insert into t default values;");
    let memory = Memory::default();
    let running = start(&server, &memory, &[("mode", "incrementing")]);
    wait_for(&memory, &running, 1);
    memory.fill(true);
    server.psql("postgres", "insert into t default values;");
    let problem = running.wait().unwrap_err();
    assert_eq!(problem.code, "PAUSED_DISK");
    memory.fill(false);
    let running = start(&server, &memory, &[("mode", "incrementing")]);
    wait_for(&memory, &running, 2);
    assert_eq!(ids(&memory), [1, 2]);
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_what_mends_it() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table good (id serial primary key, at timestamp not null);
         create table nullable (id int, at timestamp);
         create table lacking (ident int);
         create table texts (id text not null, at date not null);
         create schema s1; create table s1.good (id serial primary key, at timestamp not null);
         create role ann login; grant usage on schema s1 to ann;",
    );
    let codes = |extra: &[(&str, &str)]| -> Vec<String> {
        let problems = preflight(&server, extra);
        assert!(problems.iter().all(|p| !p.remedy.is_empty()), "{problems:?}");
        problems.into_iter().map(|p| p.code).collect()
    };
    let both = [
        ("mode", "timestamp+incrementing"),
        ("incrementing.column.name", "id"),
        ("timestamp.column.name", "at"),
        ("schema.pattern", "public"),
    ];
    assert_eq!(
        codes(&both),
        ["COLUMN_MISSING", "COLUMN_MISSING", "COLUMN_NULLABLE", "COLUMN_NULLABLE", "COLUMN_TYPE", "COLUMN_TYPE"]
    );
    // Nobody named them, and one can be read: the others are left out with a warning.
    assert!(preflight(&server, &both).iter().all(|p| !p.is_error()));
    let named = [&both[..], &[("table.whitelist", "good,lacking")]].concat();
    assert!(preflight(&server, &named).iter().all(Problem::is_error));
    let lax = [&both[..], &[("validate.non.null", "false"), ("table.whitelist", "nullable,good")]].concat();
    assert!(codes(&lax).is_empty());
    let colliding = [("mode", "incrementing"), ("table.whitelist", "good,god")];
    assert_eq!(codes(&colliding), ["TABLE_MISSING", "TOPICS_COLLIDE"]);
    let closed = [("mode", "bulk"), ("connection.user", "ann"), ("table.whitelist", "s1.good,public.good")];
    let found = preflight(&server, &[&closed[..], &[("table.whitelist", "s1.good")]].concat());
    assert_eq!(found[0].remedy, "GRANT SELECT ON TABLE \"s1\".\"good\" TO \"ann\";");
    assert_eq!(codes(&[("mode", "bulk"), ("query", "SELECT * FROM nowhere")]), ["QUERY_INVALID"]);
    assert_eq!(codes(&[("mode", "bulk"), ("query", "SELECT 1 AS a, 2 AS a")]), ["COLUMN_DUPLICATE"]);
    assert_eq!(codes(&[("mode", "bulk"), ("db.timezone", "Europe/Berlni")]), ["PROPERTY_INVALID"]);
    assert_eq!(codes(&[("mode", "bulk"), ("connection.user", "nobody")]), ["AUTH_FAILED"]);
    assert_eq!(codes(&[("mode", "bulk"), ("table.whitelist", "nothing_like_it")]), ["TABLE_MISSING"]);
    server.psql("postgres", "create table places (id serial primary key, at point, n numeric, many int[]);");
    let left_out = [("mode", "incrementing"), ("table.whitelist", "places")];
    assert_eq!(codes(&left_out), ["COLUMN_LEFT_OUT", "COLUMN_LEFT_OUT", "NUMERIC_UNCONSTRAINED"]);
}
