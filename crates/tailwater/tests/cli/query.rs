//! Query capture through `serve` and `consume`: each row once, whatever kills the program.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tailwater_testkit::{Serve, get, wait_until};

use crate::support::{DEADLINE, Place, binary, command, database, finish, postgres, run};

/// Writes a connector file for a database of [`postgres`].
fn connector(place: &Place, database: &str, more: &[(&str, &str)]) -> PathBuf {
    let url = format!("jdbc:postgresql://127.0.0.1:{}/{database}", postgres().port());
    let all = [
        ("connector.class", "JdbcSourceConnector"),
        ("connection.url", url.as_str()),
        ("connection.user", "postgres"),
        ("topic.prefix", "q."),
        ("poll.interval.ms", "10"),
        ("table.poll.interval.ms", "100"),
    ];
    let config: serde_json::Map<String, Value> =
        all.iter().chain(more).map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    let path = place.connectors().join("shop.json");
    std::fs::write(&path, serde_json::json!({"name": "shop", "config": config}).to_string()).unwrap();
    path
}

fn ids(place: &Place, topic: &str, records: &str) -> Vec<i64> {
    let mut consume = command(["consume", topic, "--from-beginning", "--max-messages", records, "--data-dir"]);
    consume.arg(place.data());
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["payload"]["id"].as_i64().unwrap();
    finish(consume).out.lines().map(id).collect()
}

#[test]
fn kills_lose_no_row_and_repeat_none() {
    database("query_kill", "create table t (id bigserial primary key, v text not null default 'x');");
    let place = Place::new();
    connector(&place, "query_kill", &[("mode", "incrementing"), ("batch.max.rows", "5")]);
    for round in 0..5 {
        let mut serve = Serve::start(binary(), &place.data(), &place.connectors());
        serve.wait_state("shop", "streaming", DEADLINE);
        postgres().psql("query_kill", "insert into t select from generate_series(1, 400);");
        if round > 0 {
            // In the middle of what comes.
            let written = || get(&serve.http, "/metrics").is_ok_and(|(_, page)| records(&page) > round * 400);
            assert!(wait_until(DEADLINE, written), "{}", serve.process.errors());
        }
        serve.process.kill();
    }
    let serve = Serve::start(binary(), &place.data(), &place.connectors());
    serve.wait_state("shop", "streaming", DEADLINE);
    assert_eq!(ids(&place, "q.t", "2000"), (1..=2000).collect::<Vec<_>>());
    // Nothing comes after them.
    let quiet = get(&serve.http, "/metrics").unwrap().1;
    assert_eq!(records(&quiet), 2000);
}

/// Records of all topics, from the page of metrics.
fn records(page: &str) -> u64 {
    let line = page.lines().find_map(|line| line.strip_prefix("tailwater_topic_records "));
    line.and_then(|number| number.parse().ok()).unwrap_or_default()
}

#[test]
fn bulk_polls_come_again_after_a_restart_and_stop_ends_at_once() {
    database("query_bulk", "create table t (id int primary key); insert into t select generate_series(1, 3);");
    let place = Place::new();
    connector(&place, "query_bulk", &[("mode", "bulk"), ("poll.interval.ms", "3600000")]);
    for _ in 0..2 {
        let mut serve = Serve::start(binary(), &place.data(), &place.connectors());
        serve.wait_state("shop", "streaming", DEADLINE);
        let polled = |page: &str| page.lines().any(|l| l == "tailwater_query_polls_total{connector=\"shop\"} 1");
        assert!(wait_until(DEADLINE, || get(&serve.http, "/metrics").is_ok_and(|(_, page)| polled(&page))));
        serve.process.terminate();
        assert!(serve.process.wait(Duration::from_secs(5)).is_some_and(|status| status.success()));
    }
    assert_eq!(ids(&place, "q.t", "6"), [1, 2, 3, 1, 2, 3]);
}

#[test]
fn a_killed_bulk_poll_leaves_nothing_of_itself() {
    let rows = 100_000;
    let script = format!("create table t (id int primary key); insert into t select generate_series(1, {rows});");
    database("query_bulk_kill", &script);
    let place = Place::new();
    connector(&place, "query_bulk_kill", &[("mode", "bulk"), ("poll.interval.ms", "3600000")]);
    for _ in 0..3 {
        let mut serve = Serve::start(binary(), &place.data(), &place.connectors());
        serve.wait_state("shop", "streaming", DEADLINE);
        serve.process.kill();
    }
    let serve = Serve::start(binary(), &place.data(), &place.connectors());
    let mut found = 0;
    assert!(wait_until(DEADLINE, || {
        found = get(&serve.http, "/metrics").map_or(0, |(_, page)| records(&page));
        found >= rows
    }));
    // What is seen is whole polls, each at once.
    assert!(found.is_multiple_of(rows), "{found} records");
}

#[test]
fn doctor_tells_everything_that_is_wrong_with_a_connector_file() {
    database("query_doctor", "create table t (id int, at text);");
    let place = Place::new();
    let more =
        [("mode", "timestamp+incrementing"), ("incrementing.column.name", "id"), ("timestamp.column.name", "at")];
    let file = connector(&place, "query_doctor", &more);
    let ended = run(["doctor".into(), file]);
    assert_eq!(ended.code, Some(4), "{}", ended.out);
    for code in ["COLUMN_NULLABLE", "COLUMN_TYPE"] {
        assert!(ended.out.contains(code), "{code} is not in {}", ended.out);
    }
    let one = [("mode", "incrementing"), ("incrementing.column.name", "id")];
    let ended = run(["doctor".into(), connector(&place, "query_doctor", &one)]);
    assert!(ended.out.contains("errors: 1") && ended.code == Some(4), "one finding is a finding: {ended:?}");
    let ended = run(["doctor".into(), connector(&place, "no_such_database", &one)]);
    assert!(ended.out.contains("DATABASE_MISSING") && ended.code == Some(3), "{ended:?}");
    let file = connector(&place, "query_doctor", &[("mode", "bulk"), ("connection.url", "jdbc:mysql://h/d")]);
    let ended = run(["doctor".into(), file]);
    assert!(ended.out.contains("URL_UNSUPPORTED") && ended.code == Some(2), "{ended:?}");
}
