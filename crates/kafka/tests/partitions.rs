//! Topics of changes with several partitions: where records go, and that a transaction stays one thing across all of them.

// The lint's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

#[path = "support/embedded.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use support::{Open, open};
use tailwater_connector::transport::{NewTopic, TopicHandle};
use tailwater_connector::{PlanId, Record, SourceWriter, Transaction, Transport};
use tailwater_event::{FragmentId, Fragments, RecordWriter, SlotId};
use tailwater_kafka::{limits, partition_of};

impl Open {
    /// A source whose topics get so many partitions.
    fn source(&self, partitions: u32) -> Box<dyn SourceWriter> {
        let mut writer = self.transport.open_source("inventory").unwrap();
        let topic = NewTopic { partitions: Some(partitions), ..NewTopic::default() };
        writer.make_topics_by(Arc::new(move |_| topic.clone()));
        writer
    }

    fn partitions(&self, topic: &str) -> u32 {
        self.journal.topic(topic).unwrap().partitions
    }

    /// All records of each partition.
    fn all(&self, topic: &str) -> Vec<Vec<Record>> {
        (0..self.partitions(topic).cast_signed()).map(|partition| self.of(topic, partition)).collect()
    }

    fn of(&self, topic: &str, partition: i32) -> Vec<Record> {
        let reader = self.transport.reader();
        let (mut records, mut offset) = (Vec::new(), 0);
        loop {
            let more = reader.read(topic, partition, offset, 1 << 20).unwrap();
            let Some(last) = more.last() else { return records };
            offset = last.offset + 1;
            records.extend(more);
        }
    }
}

fn transaction(xid: u32) -> Transaction {
    let lsn = u64::from(xid) * 100;
    Transaction { xid, commit_lsn: lsn, end_lsn: lsn + 8, commit_time_us: i64::from(xid) }
}

/// Writes a record whose key comes in pieces.
fn write(records: &mut dyn RecordWriter, key: Option<&str>, value: &str) {
    records.prepare(&Fragments::new(vec![b"{\"id\":".to_vec(), b"}".to_vec()]));
    records.begin(1_000);
    if let Some(key) = key {
        records.key();
        records.fragment(FragmentId(0));
        records.literal(SlotId(0), key.as_bytes());
        records.fragment(FragmentId(1));
    }
    records.value();
    records.literal(SlotId(1), value.as_bytes());
    records.null_header("null");
    records.header("h");
    records.literal(SlotId(2), value.as_bytes());
    records.end();
}

fn row(writer: &mut dyn SourceWriter, topic: TopicHandle, plan: PlanId, key: Option<&str>, value: &str) {
    write(writer.records(topic, plan), key, value);
    writer.row_done().unwrap();
}

fn values(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8(record.value.clone().unwrap().to_vec()).unwrap()).collect()
}

/// What real Connect 4.3.1 with real Debezium 3.6.3 did with the rows 1 to 40 of tables of one integer as key, under
/// `topic.creation.default.partitions` of 3 and 4.
#[test]
fn rows_lie_in_the_partitions_that_connect_with_debezium_put_them_into() {
    const OF_THREE: &str = "2220101011112101222211121001011202122202";
    const OF_FOUR: &str = "3133220010013322013112013103332021102101";
    let dir = tempfile::tempdir().unwrap();
    let open = open(dir.path());
    for (expected, partitions, table) in [(OF_THREE, 3, "e1.public.t"), (OF_FOUR, 4, "e9.public.u")] {
        let mut writer = open.source(partitions);
        let (topic, plan) = (writer.topic(table).unwrap(), writer.plan(b"plan").unwrap());
        let opens = format!(
            "{{\"schema\":{{\"type\":\"struct\",\"fields\":[{{\"type\":\"int32\",\"optional\":false,\"field\":\"id\"}}],\
             \"optional\":false,\"name\":\"{table}.Key\"}},\"payload\":{{\"id\":"
        );
        let fragments = Fragments::new(vec![opens.into_bytes(), b"}}".to_vec()]);
        for n in 1..=expected.len() {
            let records = writer.records(topic, plan);
            records.prepare(&fragments);
            records.begin(0);
            records.key();
            records.fragment(FragmentId(0));
            records.literal(SlotId(0), n.to_string().as_bytes());
            records.fragment(FragmentId(1));
            records.value();
            records.literal(SlotId(1), n.to_string().as_bytes());
            records.end();
            writer.row_done().unwrap();
        }
        writer.commit(transaction(1), b"1").unwrap();
        writer.sync().unwrap();
        let mut places = vec![None; expected.len()];
        for (partition, records) in open.all(table).iter().enumerate() {
            values(records).iter().for_each(|value| places[value.parse::<usize>().unwrap() - 1] = Some(partition));
        }
        let places: String = places.into_iter().map(|place| place.unwrap().to_string()).collect();
        assert_eq!(places, expected, "{table}");
    }
}

/// A record's value, transaction and ordinal.
type Written = (String, u32, u64);

#[derive(Clone, Debug)]
enum Step {
    Row { topic: usize, key: Option<u8>, size: usize },
    Explicit { topic: usize, partition: usize },
    Commit,
    Rollback,
    Flush,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let size = prop_oneof![30 => 0..200usize, 1 => limits::BATCH_BYTES..limits::BATCH_BYTES + 9];
    let row =
        (0..3usize, option::weighted(0.9, 0..12u8), size).prop_map(|(topic, key, size)| Step::Row { topic, key, size });
    let explicit = (0..3usize, 0..5usize).prop_map(|(topic, partition)| Step::Explicit { topic, partition });
    let others = prop_oneof![3 => Just(Step::Commit), 1 => Just(Step::Rollback), 2 => Just(Step::Flush)];
    vec(prop_oneof![12 => row, 1 => explicit, 5 => others], 1..150)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn everything_committed_is_in_the_partition_of_its_key_in_the_order_of_commits(steps in steps()) {
        const PARTITIONS: [u32; 3] = [1, 3, 5];
        let dir = tempfile::tempdir().unwrap();
        let mut expected: BTreeMap<(usize, i32), Vec<Written>> = BTreeMap::new();
        {
            let open = open(dir.path());
            let mut writer = open.source(1);
            writer.make_topics_by(Arc::new(|name: &str| {
                let number: usize = name.parse().unwrap();
                NewTopic { partitions: Some(PARTITIONS[number]), ..NewTopic::default() }
            }));
            let topics: Vec<_> = (0..3).map(|n: usize| writer.topic(&n.to_string()).unwrap()).collect();
            let plan = writer.plan(b"plan").unwrap();
            let (mut xid, mut uncommitted) = (1, Vec::new());
            for (number, step) in steps.into_iter().chain([Step::Commit]).enumerate() {
                match step {
                    Step::Row { topic, key, size } => {
                        let value = format!("{number} {}", "v".repeat(size));
                        let key = key.map(|key| key.to_string());
                        row(&mut *writer, topics[topic], plan, key.as_deref(), &value);
                        let count = PARTITIONS[topic].cast_signed();
                        let bytes = key.map(|key| format!("{{\"id\":{key}}}"));
                        let partition = bytes.map_or(0, |bytes| partition_of(bytes.as_bytes(), count));
                        uncommitted.push((topic, partition, value));
                    }
                    Step::Explicit { topic, partition } => {
                        let partition = (partition as i32).min(PARTITIONS[topic].cast_signed() - 1);
                        let value = number.to_string();
                        write(writer.records_in(topics[topic], partition, plan).unwrap(), Some("9"), &value);
                        writer.row_done().unwrap();
                        uncommitted.push((topic, partition, value));
                    }
                    Step::Commit => {
                        writer.commit(transaction(xid), &xid.to_be_bytes()).unwrap();
                        for (ordinal, (topic, partition, value)) in (0..).zip(uncommitted.drain(..)) {
                            expected.entry((topic, partition)).or_default().push((value, xid, ordinal));
                        }
                        xid += 1;
                    }
                    Step::Rollback => {
                        writer.rollback().unwrap();
                        uncommitted.clear();
                    }
                    Step::Flush => writer.flush().unwrap(),
                }
            }
            writer.sync().unwrap();
        }
        // From the disk.
        let open = open(dir.path());
        for (topic, count) in PARTITIONS.into_iter().enumerate() {
            let name = topic.to_string();
            prop_assert_eq!(open.partitions(&name), count);
            for (partition, records) in (0..).zip(open.all(&name)) {
                let offsets: Vec<i64> = records.iter().map(|record| record.offset).collect();
                prop_assert_eq!(offsets, (0..records.len() as i64).collect::<Vec<_>>());
                let seen = records.iter().zip(values(&records));
                let seen: Vec<_> = seen.map(|(r, value)| (value, r.origin.as_ref().unwrap().xid, r.ordinal)).collect();
                let wanted = expected.remove(&(topic, partition)).unwrap_or_default();
                prop_assert!(seen == wanted, "topic {} partition {}: {:?} are not {:?}", topic, partition, seen, wanted);
            }
        }
        prop_assert!(expected.is_empty());
    }
}

#[test]
fn a_transaction_becomes_visible_in_all_partitions_at_once_also_in_parts() {
    const ROWS: usize = 200;
    let dir = tempfile::tempdir().unwrap();
    let open = open(dir.path());
    let mut writer = open.source(4);
    let (topic, plan) = (writer.topic("t").unwrap(), writer.plan(b"plan").unwrap());
    let reader = open.transport.reader();
    let transactions = 60;
    let watcher = std::thread::spawn(move || {
        let mut seen = 0;
        loop {
            let ends: i64 = reader.topics()[0].partitions.iter().map(|partition| partition.high_watermark).sum();
            assert_eq!(ends % ROWS as i64, 0, "a part of a transaction was seen");
            if ends == transactions * ROWS as i64 {
                return;
            }
            seen = reader.wait(seen, Duration::from_secs(10));
        }
    });
    // One in six outgrows memory and goes to disk in parts.
    let text = |n: usize| (n * 7_919).to_string().repeat(limits::OPEN_TRANSACTION_BYTES / ROWS / 6);
    for xid in 1..=transactions {
        for n in 0..ROWS {
            let value = if xid % 6 == 0 { text(n) } else { n.to_string() };
            row(&mut *writer, topic, plan, Some(&n.to_string()), &value);
        }
        writer.commit(transaction(xid as u32), b"p").unwrap();
        writer.flush().unwrap();
    }
    watcher.join().unwrap();
    for records in open.all("t") {
        let xids: Vec<u32> = records.iter().map(|record| record.origin.as_ref().unwrap().xid).collect();
        assert!(xids.is_sorted(), "a partition is in the order of commits");
        assert!(records.len() > 40 * transactions as usize / 2, "keys spread over all partitions");
    }
}

#[test]
fn a_partition_that_is_not_there_is_said_and_found_once_it_is_added() {
    let dir = tempfile::tempdir().unwrap();
    let open = open(dir.path());
    let mut writer = open.transport.open_source("inventory").unwrap();
    let (topic, plan) = (writer.topic("srv.t").unwrap(), writer.plan(b"plan").unwrap());
    assert_eq!(open.partitions("srv.t"), 1, "without rules");
    for partition in [1, 2, -1] {
        let problem = writer.records_in(topic, partition, plan).err().unwrap();
        assert_eq!(problem.code, "PARTITION_MISSING");
        assert!(problem.cause.contains("'srv.t'"), "{problem}");
    }
    let problem = writer.records_in(topic, 2, plan).err().unwrap();
    assert!(
        problem.remedy.contains("--partitions 3") && problem.remedy.contains("'topic.creation.default.partitions'=3")
    );
    row(&mut *writer, topic, plan, Some("3"), "one partition");
    writer.commit(transaction(1), b"1").unwrap();
    let id = open.journal.topic("srv.t").unwrap().id;
    open.journal.add_partitions(id, 3).unwrap();
    write(writer.records_in(topic, 2, plan).unwrap(), Some("1"), "explicit");
    writer.row_done().unwrap();
    writer.commit(transaction(2), b"2").unwrap();
    writer.flush().unwrap();
    for key in 0..30 {
        row(&mut *writer, topic, plan, Some(&key.to_string()), &key.to_string());
    }
    row(&mut *writer, topic, plan, None, "no key");
    writer.commit(transaction(3), b"3").unwrap();
    writer.sync().unwrap();
    let all = open.all("srv.t").iter().map(|records| values(records)).collect::<Vec<_>>();
    assert_eq!((all[0][0].as_str(), all[2][0].as_str()), ("one partition", "explicit"));
    assert_eq!(all[0].last().unwrap(), "no key");
    assert!(all.iter().all(|values| values.len() > 4), "{all:?}");
}

#[test]
fn topics_are_made_by_the_rules_and_those_that_are_there_stay_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let open = open(dir.path());
    open.journal.create_topic_with("there", 2, BTreeMap::new()).unwrap();
    open.transport.set_default_partitions(6);
    let mut writer = open.transport.open_source("inventory").unwrap();
    let config = BTreeMap::from([("retention.ms".to_owned(), "1000".to_owned())]);
    let of = config.clone();
    writer.make_topics_by(Arc::new(move |name: &str| NewTopic {
        partitions: (name != "brokers").then_some(3),
        config: of.clone(),
    }));
    for topic in ["there", "new", "brokers"] {
        writer.topic(topic).unwrap();
    }
    let meta = |name: &str| open.journal.topic(name).map(|topic| (topic.partitions, topic.config, topic.change));
    assert_eq!(meta("there"), Some((2, BTreeMap::new(), true)));
    assert_eq!(meta("new"), Some((3, config.clone(), true)));
    assert_eq!(meta("brokers"), Some((6, config.clone(), true)));
    // A client takes it away, and changes go on.
    open.journal.delete_topic("new").unwrap();
    let (topic, plan) = (writer.topic("new").unwrap(), writer.plan(b"plan").unwrap());
    row(&mut *writer, topic, plan, Some("1"), "lost");
    writer.commit(transaction(1), b"1").unwrap();
    assert_eq!(writer.flush().unwrap_err().code, "TOPIC_DELETED");
    assert_eq!(meta("new"), Some((3, config, true)));
    writer.durable().unwrap();
    for key in 0..20 {
        row(&mut *writer, topic, plan, Some(&key.to_string()), "again");
    }
    writer.commit(transaction(1), b"1").unwrap();
    writer.sync().unwrap();
    assert!(open.all("new").iter().all(|records| !records.is_empty()));
}
