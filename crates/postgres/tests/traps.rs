//! What broke others: each test fails on the defective behaviour. The table of traps is `docs/traps.md`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;

use support::{Memory, PATIENCE, Record, brief, start, wait_for};
use tailwater_connector::ProblemKind;
use tailwater_testkit::{Postgres, Session, StopMode, wait_until};

const QUICK: (&str, &str) = ("status.update.interval.ms", "10");

fn table() -> Postgres {
    let server = Postgres::builder().setting("max_prepared_transactions", "10").start();
    server.psql("postgres", "create table t (id int primary key, v text);");
    server
}

fn ids(records: &[Record]) -> Vec<i64> {
    records.iter().map(|r| r.value()["after"]["id"].as_i64().unwrap()).collect()
}

/// B1: rows that share one position. All of a COPY come, once each, however often it is cut off.
#[test]
fn a_copy_that_is_cut_off_again_and_again_comes_once_and_whole() {
    let mut server = table();
    let memory = Memory::default();
    let mut running = start(&server, &memory, &[QUICK]);
    running.streams();
    for round in 0..4 {
        memory.hold(round % 2 == 0);
        let first = round * 1000 + 1;
        server.psql("postgres", &format!("copy t (id) from program 'seq {first} {}';", first + 999));
        if round % 2 == 0 {
            server.psql("postgres", "select pg_terminate_backend(pid) from pg_stat_replication;");
        } else {
            server.restart(StopMode::Immediate);
        }
        let _ = running.wait();
        memory.crash();
        running = start(&server, &memory, &[QUICK]);
        running.streams();
    }
    let records = wait_for(&memory, &running, 4000);
    assert_eq!(ids(&records), (0..4).flat_map(|r| r * 1000 + 1..=r * 1000 + 1000).collect::<Vec<i64>>());
}

/// B2: the begin of one transaction, the commit before it and its first row can share a position.
#[test]
fn one_row_transactions_back_to_back_come_once_over_restarts_at_each_of_them() {
    let server = table();
    let memory = Memory::default();
    for round in 0..10 {
        let running = start(&server, &memory, &[]);
        running.streams();
        for id in 0..3 {
            server.psql("postgres", &format!("insert into t values ({}, 'x');", round * 3 + id));
        }
        wait_for(&memory, &running, usize::try_from(round).unwrap() * 3 + 3);
        running.stop().unwrap();
        server.psql("postgres", "delete from t where false; update t set v = v where false;");
    }
    assert_eq!(ids(&memory.records()), (0..30).collect::<Vec<_>>());
}

/// B3, B4, B9: a transaction that was open before others committed comes whole, after them, over a stop and a start.
#[test]
fn a_long_transaction_among_short_ones_comes_whole_over_restarts() {
    let server = table();
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    let mut long = Session::open(&server, "postgres");
    long.run("begin; insert into t values (1, 'long');").unwrap();
    server.psql("postgres", "insert into t values (2, 'short');");
    wait_for(&memory, &running, 1);
    running.stop().unwrap();
    long.run("savepoint s; insert into t values (3, 'long');").unwrap();
    server.psql("postgres", "insert into t values (4, 'down');");
    let running = start(&server, &memory, &[]);
    running.streams();
    wait_for(&memory, &running, 2);
    running.stop().unwrap();
    long.run("insert into t values (5, 'long'); commit;").unwrap();
    server.psql("postgres", "insert into t values (6, 'after');");
    let running = start(&server, &memory, &[]);
    assert_eq!(ids(&wait_for(&memory, &running, 6)), [2, 4, 1, 3, 5, 6]);
}

/// B12: the end of a commit is the position, not its start: an idle restart brings nothing again.
#[test]
fn an_idle_restart_is_sent_nothing_again() {
    let server = table();
    let memory = Memory::default();
    let running = start(&server, &memory, &[QUICK]);
    running.streams();
    server.psql("postgres", "insert into t values (1, 'x');");
    let end = wait_for(&memory, &running, 1)[0].transaction.end_lsn;
    running.stop().unwrap();
    assert!(support::confirmed(&server, "tw") >= end, "the slot stands before the end of what is durable");
}

/// B13: the order of changes of one row inside a transaction is kept, and none is folded into another.
#[test]
fn fifty_updates_of_one_row_in_one_transaction_are_fifty_events_in_order() {
    let server = table();
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    let updates: String = (0..50).map(|n| format!("update t set v = '{n}';")).collect();
    server.psql("postgres", &format!("begin; insert into t values (1, 'x'); {updates} commit;"));
    let records = wait_for(&memory, &running, 51);
    let values: Vec<_> = records[1..].iter().map(|r| r.value()["after"]["v"].as_str().unwrap().to_owned()).collect();
    assert_eq!(values, (0..50).map(|n| n.to_string()).collect::<Vec<_>>());
}

/// B18: the catalog is newer than the position: a column that was added later is not in earlier events.
#[test]
fn a_column_added_while_the_connector_was_down_appears_where_it_was_added() {
    let server = table();
    server.psql("postgres", "create table u (id int primary key);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    running.stop().unwrap();
    server.psql(
        "postgres",
        "insert into t values (1, 'x'); insert into u values (1); alter table t add n int; alter table u add n int;
         insert into t values (2, 'y', 5); insert into u values (2, 6); alter table t drop v; insert into t values (3, 7);",
    );
    let running = start(&server, &memory, &[]);
    assert_eq!(
        brief(&wait_for(&memory, &running, 5)),
        [
            r#"c t {"id":1,"v":"x"}"#,
            r#"c u {"id":1}"#,
            r#"c t {"id":2,"v":"y","n":5}"#,
            r#"c u {"id":2,"n":6}"#,
            r#"c t {"id":3,"n":7}"#,
        ]
    );
}

/// B24, labels: an enum's label that is added while the table is followed stands in the schema of its first event.
#[test]
fn a_label_added_while_streaming_is_in_the_schema_of_its_first_event() {
    let server = Postgres::start();
    server.psql("postgres", "create type mood as enum ('ok'); create table t (id int primary key, m mood, l mood[]);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[("value.converter.schemas.enable", "true")]);
    running.streams();
    server.psql("postgres", "insert into t values (1, 'ok', '{ok}');");
    wait_for(&memory, &running, 1);
    server.psql("postgres", "alter type mood add value 'so, so';");
    server.psql("postgres", "insert into t values (2, null, array['so, so']::mood[]), (3, 'so, so', null);");
    server.psql("postgres", "alter type mood rename value 'ok' to 'fine';");
    server.psql("postgres", "insert into t values (4, 'fine', null);");
    let records = wait_for(&memory, &running, 4);
    let allowed = |record: &Record| {
        let schema = record.value()["schema"]["fields"][1]["fields"][1].clone();
        schema["parameters"]["allowed"].as_str().unwrap().to_owned()
    };
    assert_eq!(allowed(&records[0]), "ok");
    assert!(allowed(&records[2]).contains("so, so"), "{}", allowed(&records[2]));
    assert!(allowed(&records[3]).contains("fine"), "{}", allowed(&records[3]));
    let values: Vec<_> = records.iter().map(|r| r.value()["payload"]["after"]["m"].clone()).collect();
    assert_eq!(values, ["ok".into(), serde_json::Value::Null, "so, so".into(), "fine".into()]);
}

/// B25: the flag of partitions' names changes between two runs: the new topic has every row, none is lost.
#[test]
fn a_changed_partition_flag_brings_the_rows_to_the_new_topic_and_loses_none() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table p (id int primary key) partition by range (id);
         create table p_low partition of p for values from (0) to (10);
         create table p_high partition of p for values from (10) to (20); insert into p values (1);",
    );
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    server.psql("postgres", "insert into p values (11);");
    wait_for(&memory, &running, 2);
    running.stop().unwrap();
    server.psql("postgres", "insert into p values (2);");
    let running = start(&server, &memory, &[("publish.via.partition.root", "true")]);
    running.streams();
    server.psql("postgres", "insert into p values (3);");
    let found = || {
        let mut topics = BTreeMap::<String, Vec<i64>>::new();
        for record in memory.records() {
            topics.entry(record.topic.clone()).or_default().push(ids(&[record])[0]);
        }
        topics.values_mut().for_each(|ids| ids.sort_unstable());
        topics
    };
    assert!(
        wait_until(PATIENCE, || found().get("srv.public.p").is_some_and(|ids| *ids == [1, 2, 3, 11])),
        "{:?}",
        found()
    );
    // What was written before the change may be on the old topic as well, under its old name.
    assert!(found()["srv.public.p_low"].starts_with(&[1]) && found()["srv.public.p_high"] == [11]);
}

/// P2: many changes of shapes beside many open transactions neither end the stream nor lose a row.
#[test]
fn a_storm_of_shape_changes_beside_open_transactions_loses_nothing() {
    let server = table();
    server.psql("postgres", "create table u (id int primary key);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    let mut open: Vec<_> = (0..20).map(|_| Session::open(&server, "postgres")).collect();
    for (id, session) in open.iter_mut().enumerate() {
        session.run(&format!("begin; insert into t values ({id}, 'x');")).unwrap();
    }
    for n in 0..30 {
        server.psql("postgres", &format!("alter table u add c{n} int; insert into u (id, c{n}) values ({n}, 1);"));
    }
    for session in &mut open {
        session.run("commit;").unwrap();
    }
    let records = wait_for(&memory, &running, 50);
    assert_eq!(records.iter().filter(|r| r.topic == "srv.public.t").count(), 20);
}

/// P3: checkpoints and crashes in a tight loop under load.
#[test]
fn crashes_and_checkpoints_in_a_loop_lose_nothing() {
    let mut server = table();
    let memory = Memory::default();
    let mut running = start(&server, &memory, &[QUICK]);
    running.streams();
    for round in 0..5 {
        let mut open = Session::open(&server, "postgres");
        open.run("begin; insert into t values (-1, 'lost with its transaction');").unwrap();
        server.psql("postgres", &format!("checkpoint; insert into t values ({}, 'x'); checkpoint;", round * 2));
        server.psql("postgres", &format!("insert into t values ({}, 'y');", round * 2 + 1));
        server.restart(if round % 2 == 0 { StopMode::Immediate } else { StopMode::Fast });
        let _ = running.wait();
        running = start(&server, &memory, &[QUICK]);
        running.streams();
    }
    assert_eq!(ids(&wait_for(&memory, &running, 10)), (0..10).collect::<Vec<_>>());
}

/// P4: slots that are made while transactions with subtransactions run start between transactions.
#[test]
fn slots_made_under_transactions_with_subtransactions_bring_whole_transactions_only() {
    let server = table();
    for round in 0..3 {
        let memory = Memory::default();
        let mut long = Session::open(&server, "postgres");
        let id = round * 10;
        long.run(&format!(
            "begin; insert into t values ({id}, 'x'); savepoint s; insert into t values ({id} + 1, 'x');"
        ))
        .unwrap();
        let slot = format!("tw{round}");
        let running = start(&server, &memory, &[("slot.name", &slot), ("snapshot.mode", "no_data")]);
        let waits = || {
            server.psql(
                "postgres",
                "select count(*) from pg_stat_activity where query like 'CREATE_REPL%' and state = 'active';",
            )
        };
        assert!(wait_until(PATIENCE, || waits() != "0"));
        let mut second = Session::open(&server, "postgres");
        second
            .run(&format!(
                "begin; insert into t values ({id} + 2, 'x'); savepoint s; insert into t values ({id} + 3, 'x');"
            ))
            .unwrap();
        long.run("release s; commit;").unwrap();
        second.run("rollback to s; insert into t values (-1 - random() * 1e6, 'x'); commit;").unwrap();
        running.streams();
        server.psql("postgres", &format!("insert into t values ({id} + 4, 'x');"));
        let last = || memory.records().last().is_some_and(|r| ids(std::slice::from_ref(r))[0] == id + 4);
        assert!(wait_until(PATIENCE, last));
        // Both rows of the second transaction or, where it is before the slot, none; never a part of one.
        assert!(matches!(memory.len(), 1 | 3), "{:?}", brief(&memory.records()));
        running.stop().unwrap();
        server.psql(
            "postgres",
            &format!(
                "select pg_drop_replication_slot('{slot}'); drop publication dbz_publication, dbz_publication_inserts;"
            ),
        );
    }
}

/// P5: a large transaction whose walsender is ended in the middle comes once.
#[test]
fn a_large_transaction_that_is_cut_off_in_the_middle_comes_once() {
    let server = table();
    let memory = Memory::default();
    let mut running = start(&server, &memory, &[]);
    running.streams();
    server.psql("postgres", "insert into t select g, repeat('x', 100) from generate_series(1, 200000) g;");
    for _ in 0..2 {
        let sending = "select count(*) from pg_stat_replication where sent_lsn > replay_lsn;";
        let _ = wait_until(PATIENCE, || server.psql("postgres", sending) != "0" || memory.len() > 0);
        server.psql("postgres", "select pg_terminate_backend(pid) from pg_stat_replication;");
        let _ = running.wait();
        running = start(&server, &memory, &[]);
        running.streams();
    }
    assert!(wait_until(PATIENCE, || memory.len() >= 200_000));
    running.stop().unwrap();
    assert_eq!(ids(&memory.records()), (1..=200_000).collect::<Vec<_>>());
}

/// P8: names are quoted in every statement we build.
#[test]
fn hostile_names_are_only_names() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        r#"create table victim (id int); create schema "s""; drop table victim; --";
           create table "s""; drop table victim; --"."t'); drop table victim; --" ("c""; --" int primary key, "d'e" text);
           insert into "s""; drop table victim; --"."t'); drop table victim; --" values (1, 'x');"#,
    );
    let memory = Memory::default();
    let hostile = [("publication.name", "p\"; drop table victim; --"), ("table.exclude.list", "public.*")];
    let running = start(&server, &memory, &hostile);
    running.streams();
    server
        .psql("postgres", r#"insert into "s""; drop table victim; --"."t'); drop table victim; --" values (2, 'y');"#);
    let records = wait_for(&memory, &running, 2);
    assert_eq!(records[1].value()["after"]["c\"; --"], 2);
    assert_eq!(server.psql("postgres", "select count(*) from victim;"), "0");
    running.stop().unwrap();
}

/// A prepared transaction waits on the server, over restarts of everything, and comes once when it is committed.
#[test]
fn a_prepared_transaction_comes_once_when_it_is_committed_whatever_restarts() {
    let mut server = table();
    let memory = Memory::default();
    let running = start(&server, &memory, &[QUICK]);
    running.streams();
    server.psql("postgres", "begin; insert into t values (1, 'p'), (2, 'p'); prepare transaction 'p';");
    server.psql("postgres", "begin; insert into t values (9, 'q'); prepare transaction 'q'; ");
    server.psql("postgres", "insert into t values (3, 'x');");
    wait_for(&memory, &running, 1);
    server.restart(StopMode::Immediate);
    let _ = running.wait();
    let running = start(&server, &memory, &[QUICK]);
    running.streams();
    server.psql("postgres", "insert into t values (4, 'y');");
    wait_for(&memory, &running, 2);
    server.psql("postgres", "commit prepared 'p';");
    server.psql("postgres", "rollback prepared 'q';");
    wait_for(&memory, &running, 4);
    running.stop().unwrap();
    let running = start(&server, &memory, &[QUICK]);
    running.streams();
    server.psql("postgres", "insert into t values (5, 'z');");
    assert_eq!(ids(&wait_for(&memory, &running, 5)), [3, 4, 1, 2, 5]);
}

/// A slot whose log the server has removed is never replaced in silence.
#[test]
fn a_slot_that_is_given_up_while_we_stream_stops_loudly_at_the_next_start() {
    let server = Postgres::builder().setting("max_slot_wal_keep_size", "1MB").start();
    server.psql("postgres", "create table t (id int primary key, v text);");
    let memory = Memory::default();
    let running = start(&server, &memory, &[]);
    running.streams();
    memory.hold(true);
    let lost = || {
        server.psql("postgres", "insert into t select max(id) + 1, 'x' from t having max(id) is not null; select pg_switch_wal(); checkpoint;");
        server.psql("postgres", "insert into t values (1, 'x') on conflict do nothing;");
        server.psql("postgres", "select wal_status from pg_replication_slots where slot_name = 'tw';") == "lost"
    };
    assert!(wait_until(PATIENCE, lost));
    assert_eq!(running.wait().unwrap_err().kind, ProblemKind::Retry, "the connection is ended first");
    memory.crash();
    let problem = start(&server, &memory, &[]).wait().unwrap_err();
    assert_eq!((problem.code.as_str(), problem.kind), ("SLOT_LOST", ProblemKind::Stop));
}

/// A leaf that is detached from a partitioned table is a table of its own from then on; no row of it is lost.
#[test]
fn a_leaf_that_is_detached_goes_on_under_its_own_name() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "create table p (id int primary key) partition by range (id);
         create table p_low partition of p for values from (0) to (10);
         create table p_high partition of p for values from (10) to (20); insert into p values (1), (11);",
    );
    for (flag, name) in [("false", "leaves"), ("true", "root")] {
        let memory = Memory::default();
        let extra = [("publish.via.partition.root", flag), ("slot.name", name), ("publication.name", name)];
        let running = start(&server, &memory, &extra);
        running.streams();
        server.psql("postgres", "insert into p values (12); alter table p detach partition p_high;");
        server.psql("postgres", "insert into p_high values (13); insert into p values (2);");
        let of = |topic: &str| {
            let on = |r: &Record| r.topic == topic && !r.value().is_null();
            let mut found = ids(&memory.records().into_iter().filter(on).collect::<Vec<_>>());
            found.sort_unstable();
            found
        };
        let (root, low, high) = ("srv.public.p", "srv.public.p_low", "srv.public.p_high");
        // Under the root's name until it was detached; its own topic then begins with all of its rows.
        let complete = || {
            let kept = if flag == "true" { of(root) == [1, 2, 11, 12] } else { of(low) == [1, 2] };
            kept && of(high) == [11, 12, 13]
        };
        assert!(wait_until(PATIENCE, complete), "{flag}: {:?}", brief(&memory.records()));
        running.stop().unwrap();
        server.psql(
            "postgres",
            "delete from p_high where id in (12, 13); delete from p where id = 2;
             alter table p attach partition p_high for values from (10) to (20);",
        );
    }
}

/// `slot.drop.on.stop`: nothing holds back the server's log after a stop; the next start says that changes are missing.
#[test]
fn a_slot_that_is_to_go_with_the_connector_goes() {
    let server = table();
    let memory = Memory::default();
    let running = start(&server, &memory, &[("slot.drop.on.stop", "true")]);
    running.streams();
    server.psql("postgres", "insert into t values (1, 'x');");
    wait_for(&memory, &running, 1);
    running.stop().unwrap();
    assert_eq!(server.psql("postgres", "select count(*) from pg_replication_slots;"), "0");
    assert_eq!(start(&server, &memory, &[]).wait().unwrap_err().code, "SLOT_MISSING");
}
