//! What the program delivered against what the witness saw, one by one and in order.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tailwater_testkit::{Change, Column, Postgres, Witness};

use crate::load::TABLES;

/// Columns and their values as text; None is null.
type Row = BTreeMap<String, Option<String>>;

/// Name and partition of a topic, and what was delivered there.
type Delivered = BTreeMap<(String, u64), Vec<Event>>;

/// A change event without what only one side knows, such as its times.
#[derive(Debug, PartialEq, Eq)]
struct Event {
    op: char,
    /// Id of its transaction.
    tx: u64,
    key: Row,
    /// Without nulls, which the witness leaves out.
    before: Row,
    after: Row,
}

/// Compares every partition of every topic of a stopped data directory with the witness; how many events there were, and
/// in how many partitions. Each key has one partition, and a partition the order of commits.
///
/// # Panics
/// With the first difference.
pub fn compare(binary: &Path, data: &Path, server: &Postgres, witness: &Witness, prefix: &str) -> (usize, usize) {
    let mut expected: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for table in &TABLES {
        expected.insert(format!("{prefix}.public.{}", table.name), Vec::new());
    }
    for change in witness.read(server) {
        expected.entry(format!("{prefix}.{}", change.table)).or_default().extend(events(change));
    }
    let delivered = consume(binary, data);
    let topics: BTreeSet<&String> = delivered.keys().map(|(topic, _)| topic).collect();
    assert_eq!(topics, expected.keys().collect());
    let count = expected.values().map(Vec::len).sum();
    let mut places: BTreeMap<(&String, &Row), u64> = BTreeMap::new();
    for ((topic, partition), events) in &delivered {
        for event in events {
            let place = *places.entry((topic, &event.key)).or_insert(*partition);
            assert_eq!(place, *partition, "{topic}: the key {:?} is in two partitions", event.key);
        }
    }
    let mut divided: BTreeMap<(String, u64), Vec<Event>> =
        delivered.keys().map(|place| (place.clone(), Vec::new())).collect();
    for (topic, events) in expected {
        for event in events {
            let partition = places.get(&(&topic, &event.key)).copied().unwrap_or(0);
            divided.entry((topic.clone(), partition)).or_default().push(event);
        }
    }
    for (place, expected) in &divided {
        let delivered = delivered.get(place).map_or(&[][..], Vec::as_slice);
        for (index, pair) in expected.iter().zip(delivered).enumerate() {
            assert_eq!(pair.1, pair.0, "{place:?}: change {index}, delivered and as the witness saw it");
        }
        let next = expected.len().min(delivered.len());
        assert_eq!(
            (delivered.len(), expected.len()),
            (expected.len(), delivered.len()),
            "{place:?}: one side goes on at change {next} with {:?} or {:?}",
            delivered.get(next),
            expected.get(next),
        );
    }
    (count, divided.len())
}

/// The events of a change: a changed key is a delete and an insert (Debezium 3.6).
fn events(change: Change) -> Vec<Event> {
    let (tx, old, row) = (change.xid, row(change.old), row(change.row));
    let event = |op, keyed: &Row, before: Row, after: Row| Event {
        op,
        tx,
        key: keyed.iter().filter(|(name, _)| *name == "id").map(|(n, v)| (n.clone(), v.clone())).collect(),
        before: before.into_iter().filter(|(_, value)| value.is_some()).collect(),
        after,
    };
    match change.op.as_str() {
        "INSERT" => vec![event('c', &row, Row::new(), row.clone())],
        "DELETE" => vec![event('d', &row, row.clone(), Row::new())],
        "UPDATE" if old.contains_key("id") && old.get("id") != row.get("id") => {
            vec![event('d', &old, old.clone(), Row::new()), event('c', &row, Row::new(), row.clone())]
        }
        "UPDATE" => vec![event('u', &row, old, row.clone())],
        other => panic!("the load does not {other}"),
    }
}

fn row(columns: Vec<Column>) -> Row {
    columns.into_iter().map(|column| (column.name, column.value)).collect()
}

/// Every change of every partition, tombstones left out; offsets must be dense from 0.
fn consume(binary: &Path, data: &Path) -> Delivered {
    let (out, err) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
    let status = Command::new(binary)
        .args(["consume", "--include", ".*", "--from-beginning", "--json", "--exit", "--data-dir"])
        .arg(data)
        .stdin(Stdio::null())
        .stdout(out.reopen().unwrap())
        .stderr(err.reopen().unwrap())
        .status()
        .unwrap();
    assert!(status.success(), "consume: {}", std::fs::read_to_string(err.path()).unwrap());
    let mut places: BTreeMap<(String, u64), (u64, Vec<Event>)> = BTreeMap::new();
    for line in BufReader::new(File::open(out.path()).unwrap()).lines() {
        let record: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let topic = record["topic"].as_str().unwrap();
        let partition = record["partition"].as_u64().unwrap();
        let (next, events) = places.entry((topic.to_owned(), partition)).or_default();
        assert_eq!(record["offset"].as_u64(), Some(*next), "offsets of {topic} {partition} are not dense");
        *next += 1;
        if !record["value"].is_null() {
            events.push(delivered(&record));
        }
    }
    places.into_iter().map(|(place, (_, events))| (place, events)).collect()
}

fn delivered(record: &Value) -> Event {
    let value = &record["value"];
    Event {
        op: value["op"].as_str().and_then(|op| op.chars().next()).unwrap(),
        tx: value["source"]["txId"].as_u64().unwrap(),
        key: fields(&record["key"]),
        before: fields(&value["before"]).into_iter().filter(|(_, value)| value.is_some()).collect(),
        after: fields(&value["after"]),
    }
}

/// The fields of an object; none of null.
fn fields(value: &Value) -> Row {
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    value.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect()
}
