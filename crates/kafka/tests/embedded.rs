//! The embedded transport over a real journal: what a source commits is what readers see, as a whole or not at all.

// The lint's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

#[path = "support/embedded.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use support::{Open, open};
use tailwater_connector::transport::TopicHandle;
use tailwater_connector::{Durable, PlanId, ProblemKind, Record, SourceWriter, TopicReader, Transaction, Transport};
use tailwater_event::{FragmentId, Fragments, SlotId};
use tailwater_journal::fs::RealFs;
use tailwater_journal::{ClientBatch, ProducerStamp, TopicId, TransactionEnd, inspect};
use tailwater_kafka::limits;
use tailwater_wire::batch::BatchBuilder;

const ALL: usize = usize::MAX;

impl Open {
    fn source(&self) -> Box<dyn SourceWriter> {
        self.transport.open_source("inventory").unwrap()
    }

    fn reader(&self) -> Arc<dyn TopicReader> {
        self.transport.reader()
    }

    fn all(&self, topic: &str) -> Vec<Record> {
        let reader = self.reader();
        let (mut records, mut offset) = (Vec::new(), 0);
        loop {
            let more = reader.read(topic, 0, offset, 1 << 20).unwrap();
            let Some(last) = more.last() else { return records };
            offset = last.offset + 1;
            records.extend(more);
        }
    }
}

/// A hundred digits of a row, which have nothing in common with those of the row before.
fn long(n: usize) -> String {
    let mut state = n as u64;
    let digits = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'0' + (state >> 33) as u8 % 10)
    });
    digits.take(100).collect()
}

/// Writes one row: key and value are this text in front of a constant piece.
fn row(writer: &mut dyn SourceWriter, topic: TopicHandle, plan: PlanId, text: &str) {
    let records = writer.records(topic, plan);
    records.prepare(&Fragments::new(vec![b"!".to_vec()]));
    records.begin(1_000);
    for part in [0, 1] {
        if part == 0 {
            records.key()
        } else {
            records.value()
        }
        records.literal(SlotId(0), text.as_bytes());
        records.fragment(FragmentId(0));
    }
    records.end();
    writer.row_done().unwrap();
}

fn transaction(xid: u32) -> Transaction {
    let lsn = u64::from(xid) * 100;
    Transaction { xid, commit_lsn: lsn, end_lsn: lsn + 8, commit_time_us: i64::from(xid) }
}

fn values(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8(record.value.clone().unwrap().to_vec()).unwrap()).collect()
}

/// Per topic, the offset behind the last visible record.
fn high_watermarks(reader: &dyn TopicReader) -> BTreeMap<String, i64> {
    reader.topics().into_iter().map(|topic| (topic.name, topic.partitions[0].high_watermark)).collect()
}

#[test]
fn a_topic_that_a_sink_reads_no_longer_is_none_of_its_topics() {
    let dir = tempfile::tempdir().unwrap();
    let open = open(dir.path());
    for name in ["read", "left"] {
        open.journal.create_topic(name, 1).unwrap();
    }
    open.transport.still_needs("sink", "read", 0, 0);
    open.transport.still_needs("sink", "left", 0, i64::MAX);
    assert_eq!(open.transport.topics_of("sink").into_iter().collect::<Vec<_>>(), ["read"]);
}

#[test]
fn a_transaction_over_two_topics_becomes_visible_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let open = open(dir.path());
    let mut writer = open.source();
    let (a, b, plan) = (writer.topic("a").unwrap(), writer.topic("b").unwrap(), writer.plan(b"plan").unwrap());
    let reader = open.reader();
    let watcher = std::thread::spawn(move || {
        let (mut seen, mut looks) = (0, 0);
        loop {
            let marks = high_watermarks(&*reader);
            assert_eq!(marks["a"], marks["b"]);
            looks += 1;
            if marks["a"] == 300 {
                return looks;
            }
            seen = reader.wait(seen, Duration::from_secs(10));
        }
    });
    for xid in 1..=300 {
        row(&mut *writer, a, plan, &format!("a{xid}"));
        row(&mut *writer, b, plan, &format!("b{xid}"));
        writer.commit(transaction(xid), b"p").unwrap();
        writer.flush().unwrap();
    }
    assert!(watcher.join().unwrap() > 0);
    let records = open.all("b");
    assert_eq!(records.len(), 300);
    let origin = records[41].origin.as_ref().unwrap();
    assert_eq!((origin.xid, origin.commit_end, origin.commit_time_us), (42, 4_208, 42));
    assert!(records.iter().all(|record| record.ordinal == 1 && record.plan == Some(plan)));
}

#[test]
fn a_rolled_back_transaction_leaves_nothing_and_uses_no_offsets() {
    let dir = tempfile::tempdir().unwrap();
    let open = open(dir.path());
    let mut writer = open.source();
    let (topic, plan) = (writer.topic("t").unwrap(), writer.plan(b"plan").unwrap());
    row(&mut *writer, topic, plan, "kept");
    writer.commit(transaction(1), b"1").unwrap();
    row(&mut *writer, topic, plan, "lost");
    writer.rollback().unwrap();
    // Large enough to be on disk in parts when it is rolled back.
    let large = "x".repeat(limits::OPEN_TRANSACTION_BYTES / 4);
    (0..6).for_each(|_| row(&mut *writer, topic, plan, &large));
    writer.rollback().unwrap();
    row(&mut *writer, topic, plan, "last");
    writer.commit(transaction(3), b"3").unwrap();
    writer.sync().unwrap();
    let records = open.all("t");
    assert_eq!(values(&records), ["kept!", "last!"]);
    assert_eq!(records.iter().map(|r| (r.offset, r.ordinal)).collect::<Vec<_>>(), [(0, 0), (1, 0)]);
}

#[test]
fn a_transaction_larger_than_memory_goes_in_parts_and_comes_back_whole() {
    const ROWS: usize = 200_000;
    let dir = tempfile::tempdir().unwrap();
    {
        let open = open(dir.path());
        let mut writer = open.source();
        let topics = [writer.topic("even").unwrap(), writer.topic("odd").unwrap()];
        let plan = writer.plan(b"plan").unwrap();
        row(&mut *writer, topics[0], plan, "before");
        writer.commit(transaction(1), b"1").unwrap();
        for n in 0..ROWS {
            row(&mut *writer, topics[n % 2], plan, &long(n));
        }
        writer.flush().unwrap();
        let marks = high_watermarks(&*open.reader());
        assert!(marks["even"] <= 1 && marks["odd"] == 0, "parts are invisible before the commit: {marks:?}");
        writer.commit(transaction(2), b"2").unwrap();
        row(&mut *writer, topics[1], plan, "after");
        writer.commit(transaction(3), b"3").unwrap();
        writer.sync().unwrap();
        assert_eq!(writer.durable().unwrap().position, b"3");
        for (start, topic) in ["even", "odd"].into_iter().enumerate() {
            let records = open.all(topic);
            assert!(records.iter().enumerate().all(|(n, record)| record.offset == n as i64));
            let large = records.iter().filter(|r| r.origin.as_ref().unwrap().xid == 2);
            let seen: Vec<_> = large.map(|r| (r.ordinal as usize, r.value.clone().unwrap())).collect();
            assert_eq!(seen.len(), ROWS / 2);
            for ((ordinal, value), n) in seen.into_iter().zip((start..).step_by(2)) {
                assert_eq!(ordinal, n);
                assert_eq!(value, format!("{}!", long(n)));
            }
        }
        assert_eq!(values(&open.all("odd")).last().unwrap(), "after!");
    }
    // What is held in memory is what one frame takes.
    let frames: Vec<_> = inspect::frames(&RealFs, dir.path()).unwrap().map(Result::unwrap).collect();
    let largest = frames.iter().map(|frame| frame.bytes).max().unwrap() as usize;
    assert!(largest < limits::OPEN_TRANSACTION_BYTES + (1 << 20), "{largest}");
    assert!(frames.iter().filter(|frame| frame.batches > 0).count() >= 6);
}

#[test]
fn a_reopened_source_finds_its_era_position_and_entries() {
    let dir = tempfile::tempdir().unwrap();
    let era = {
        let open = open(dir.path());
        let mut writer = open.source();
        assert_eq!(writer.durable().unwrap(), Durable::default());
        let era = writer.begin_era(b"system 7").unwrap();
        assert_eq!(writer.durable().unwrap(), Durable { era, position: vec![] });
        let (topic, plan) = (writer.topic("t").unwrap(), writer.plan(b"plan").unwrap());
        row(&mut *writer, topic, plan, "first");
        writer.commit(transaction(1), b"one").unwrap();
        writer.put_entries(&[("slot", b"made"), ("gone", b"x")]).unwrap();
        assert_eq!(writer.durable().unwrap().position, b"one", "entries come behind what was committed");
        writer.put_entries(&[("gone", b"")]).unwrap();
        writer.progress(b"two").unwrap();
        writer.sync().unwrap();
        row(&mut *writer, topic, plan, "never committed");
        era
    };
    let open = open(dir.path());
    let mut writer = open.source();
    assert_eq!(writer.durable().unwrap(), Durable { era, position: b"two".to_vec() });
    let entries: Vec<_> = writer.entries().into_iter().map(|(name, value)| (name, value.to_vec())).collect();
    assert_eq!(entries, [("slot".to_owned(), b"made".to_vec())]);
    assert_eq!(open.transport.entries("inventory"), writer.entries());
    assert_eq!(values(&open.all("t")), ["first!"]);
    assert_eq!(open.all("t")[0].origin.as_ref().unwrap().era, era);
    let next = writer.begin_era(b"system 8").unwrap();
    assert!(next > era);
    assert_eq!(writer.durable().unwrap(), Durable { era: next, position: vec![] });
}

#[test]
fn what_is_called_durable_can_be_read_already() {
    let dir = tempfile::tempdir().unwrap();
    let open = open(dir.path());
    let mut writer = open.source();
    let (topic, plan) = (writer.topic("t").unwrap(), writer.plan(b"plan").unwrap());
    let reader = open.reader();
    let mut last = 0;
    for n in 1..=500u32 {
        row(&mut *writer, topic, plan, "row");
        writer.commit(transaction(n), &n.to_be_bytes()).unwrap();
        if n % 3 == 0 {
            writer.flush().unwrap();
        }
        if n % 7 == 0 {
            row(&mut *writer, topic, plan, "open while the rest is flushed");
            writer.flush().unwrap();
            writer.rollback().unwrap();
        }
        let durable = writer.durable().unwrap().position;
        let durable = durable.try_into().map_or(0, u32::from_be_bytes);
        assert!(durable >= last && durable <= n);
        assert!(high_watermarks(&*reader)["t"] >= i64::from(durable));
        last = durable;
    }
    writer.sync().unwrap();
    assert_eq!(writer.durable().unwrap().position, 500u32.to_be_bytes());
    assert!(writer.idle());
    assert_eq!(writer.pending_bytes(), 0);
}

#[test]
fn a_source_that_starts_again_is_told_everything_it_has_committed() {
    let dir = tempfile::tempdir().unwrap();
    let open = open(dir.path());
    let mut writer = open.source();
    let (topic, plan) = (writer.topic("t").unwrap(), writer.plan(b"plan").unwrap());
    for n in 1..=200u32 {
        row(&mut *writer, topic, plan, "row");
        writer.commit(transaction(n), &n.to_be_bytes()).unwrap();
        if n % 2 == 0 {
            writer.flush().unwrap();
        }
        row(&mut *writer, topic, plan, "cut off");
        writer.rollback().unwrap();
        assert_eq!(writer.durable().unwrap().position, n.to_be_bytes());
        // Another writer after this one: what was flushed counts, what was not comes again.
        if n % 20 == 0 {
            row(&mut *writer, topic, plan, "flushed");
            writer.commit(transaction(n), b"flushed").unwrap();
            writer.flush().unwrap();
            row(&mut *writer, topic, plan, "not flushed");
            writer.commit(transaction(n), b"not flushed").unwrap();
            drop(writer);
            writer = open.source();
            assert_eq!(writer.durable().unwrap().position, b"flushed");
            writer.topic("t").unwrap();
        }
    }
    assert_eq!(open.all("t").len(), 210);
}

#[test]
fn nothing_is_handed_over_before_a_flush_unless_there_is_much() {
    let dir = tempfile::tempdir().unwrap();
    let open = open(dir.path());
    let mut writer = open.source();
    let (topic, plan) = (writer.topic("t").unwrap(), writer.plan(b"plan").unwrap());
    row(&mut *writer, topic, plan, "small");
    assert_eq!(writer.pending_bytes(), 0, "nothing is committed yet");
    writer.commit(transaction(1), b"1").unwrap();
    assert!(writer.pending_bytes() > 0);
    row(&mut *writer, topic, plan, &"x".repeat(limits::PENDING_BYTES));
    writer.commit(transaction(2), b"2").unwrap();
    assert_eq!(writer.pending_bytes(), 0);
    writer.progress(b"3").unwrap();
    assert!(writer.pending_bytes() > 0, "a position is something to hand over");
    writer.sync().unwrap();
    assert_eq!(writer.pending_bytes(), 0);
    row(&mut *writer, topic, plan, "open");
    assert_eq!(writer.progress(b"4").unwrap_err().kind, ProblemKind::Internal);
}

#[test]
fn plans_and_topics_keep_their_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let plans = {
        let open = open(dir.path());
        let mut writer = open.source();
        let plans = [writer.plan(b"first").unwrap(), writer.plan(b"second").unwrap()];
        assert_eq!(writer.plan(b"first").unwrap(), plans[0]);
        assert_eq!(writer.topic("t").unwrap(), writer.topic("t").unwrap());
        let topic = writer.topic("t").unwrap();
        plans.iter().for_each(|plan| row(&mut *writer, topic, *plan, "x"));
        writer.commit(transaction(1), b"1").unwrap();
        writer.sync().unwrap();
        plans
    };
    let open = open(dir.path());
    let mut writer = open.source();
    assert_eq!([writer.plan(b"first").unwrap(), writer.plan(b"second").unwrap()], plans);
    assert_ne!(writer.plan(b"third").unwrap(), plans[1]);
    assert_eq!(open.reader().plan(plans[1]).unwrap(), &b"second"[..]);
    assert_eq!(open.all("t").iter().map(|r| r.plan.unwrap()).collect::<Vec<_>>(), plans);
    let topics = open.reader().topics();
    assert_eq!(topics.len(), 1);
    assert_eq!(topics[0].partitions[0].high_watermark, 2);
}

#[test]
fn reading_from_the_middle_of_a_batch_starts_at_that_record() {
    let dir = tempfile::tempdir().unwrap();
    let open = open(dir.path());
    let mut writer = open.source();
    let (topic, plan) = (writer.topic("t").unwrap(), writer.plan(b"plan").unwrap());
    for xid in 1..=3 {
        (0..10).for_each(|n| row(&mut *writer, topic, plan, &format!("{xid}.{n}")));
        writer.commit(transaction(xid), b"p").unwrap();
    }
    writer.sync().unwrap();
    let reader = open.reader();
    let records = reader.read("t", 0, 17, ALL).unwrap();
    assert_eq!(records.len(), 13);
    assert_eq!((records[0].offset, records[0].ordinal, values(&records)[0].as_str()), (17, 7, "2.7!"));
    assert_eq!((records[3].ordinal, records[3].origin.as_ref().unwrap().xid), (0, 3));
    assert!(Arc::ptr_eq(records[0].origin.as_ref().unwrap(), records[2].origin.as_ref().unwrap()));
    assert_eq!(reader.read("t", 0, 30, ALL).unwrap(), []);
    assert_eq!(reader.read("t", 0, -5, ALL).unwrap().len(), 30, "before the log start is from the log start");
    assert_eq!(reader.read("t", 1, 0, ALL).unwrap_err().code, "TOPIC_UNKNOWN");
    assert_eq!(reader.read("u", 0, 0, ALL).unwrap_err().code, "TOPIC_UNKNOWN");
}

#[test]
fn keys_tombstones_headers_and_timestamps_come_through() {
    let dir = tempfile::tempdir().unwrap();
    let open = open(dir.path());
    let mut writer = open.source();
    let (topic, plan) = (writer.topic("t").unwrap(), writer.plan(b"plan").unwrap());
    let records = writer.records(topic, plan);
    records.begin(-1);
    records.key();
    records.end();
    records.begin(7_000);
    records.value();
    records.header("__op");
    records.literal(SlotId(0), b"d");
    records.null_header("null");
    records.header("empty");
    records.end();
    writer.row_done().unwrap();
    writer.commit(transaction(1), b"1").unwrap();
    writer.sync().unwrap();
    let records = open.all("t");
    assert_eq!((records[0].key.as_deref(), records[0].value.as_deref()), (Some(&b""[..]), None));
    assert_eq!((records[1].key.as_deref(), records[1].value.as_deref()), (None, Some(&b""[..])));
    let headers: Vec<_> = records[1].headers.iter().map(|h| (h.name.as_str(), h.value.as_deref())).collect();
    assert_eq!(headers, [("__op", Some(&b"d"[..])), ("null", None), ("empty", Some(b""))]);
    assert_eq!((records[0].timestamp_ms, records[1].timestamp_ms), (-1, 7_000));
    let reader = open.reader();
    assert_eq!(reader.offset_at("t", 0, 0).unwrap(), 1, "the record is found, not only its batch");
    assert_eq!(reader.offset_at("t", 0, 7_001).unwrap(), 2);
}

#[test]
fn rows_of_a_snapshot_attempt_have_one_origin_and_running_ordinals() {
    let dir = tempfile::tempdir().unwrap();
    let open = open(dir.path());
    let mut writer = open.source();
    let era = writer.begin_era(b"system").unwrap();
    let (topic, plan) = (writer.topic("t").unwrap(), writer.plan(b"plan").unwrap());
    let snapshot = Transaction { end_lsn: 77, ..Transaction::default() };
    for chunk in 0..3 {
        // The second chunk is on disk in parts before its commit.
        let text = "r".repeat(if chunk == 1 { limits::OPEN_TRANSACTION_BYTES / 6 } else { 1 });
        (0..5).for_each(|_| row(&mut *writer, topic, plan, &text));
        writer.commit(snapshot, b"").unwrap();
    }
    writer.sync().unwrap();
    let records = open.all("t");
    assert_eq!(records.iter().map(|r| r.ordinal).collect::<Vec<_>>(), (0..15).collect::<Vec<_>>());
    let origin = records[14].origin.as_ref().unwrap();
    assert_eq!((origin.era, origin.commit_end, origin.xid, origin.commit_time_us), (era, 77, 0, 0));
    assert_eq!(records[0].origin, records[14].origin);
}

#[test]
fn one_source_at_a_time_writes_under_a_name() {
    let dir = tempfile::tempdir().unwrap();
    let open = open(dir.path());
    let first = open.source();
    assert_eq!(open.transport.open_source("inventory").err().unwrap().code, "CONNECTOR_BUSY");
    open.transport.open_source("orders").unwrap();
    drop(first);
    open.source();
}

#[test]
fn a_commit_that_fails_leaves_no_parts_behind() {
    let dir = tempfile::tempdir().unwrap();
    let open = open(dir.path());
    let mut writer = open.source();
    let (topic, plan) = (writer.topic("t").unwrap(), writer.plan(b"plan").unwrap());
    let text = "x".repeat(limits::OPEN_TRANSACTION_BYTES / 2);
    for _ in 0..3 {
        row(&mut *writer, topic, plan, &text);
    }
    row(&mut *writer, topic, plan, "last");
    open.journal.delete_topic("t").unwrap();
    assert_eq!(writer.commit(transaction(1), b"1").unwrap_err().code, "TOPIC_DELETED");
    writer.rollback().unwrap();
    writer.sync().unwrap();
    let frames = inspect::frames(&RealFs, dir.path()).unwrap().map(Result::unwrap);
    let kinds: Vec<_> = frames.map(|frame| frame.kind).collect();
    assert!(kinds.contains(&"part") && kinds.last() == Some(&"part abort"), "{kinds:?}");
}

#[test]
fn a_recreated_topic_is_another_topic() {
    let dir = tempfile::tempdir().unwrap();
    let open = open(dir.path());
    let reader = open.reader();
    for text in ["old", "new"] {
        let mut writer = open.source();
        let (topic, plan) = (writer.topic("t").unwrap(), writer.plan(b"plan").unwrap());
        row(&mut *writer, topic, plan, text);
        writer.commit(transaction(1), b"1").unwrap();
        writer.sync().unwrap();
        assert_eq!(values(&reader.read("t", 0, 0, ALL).unwrap()), [format!("{text}!")]);
        open.journal.delete_topic("t").unwrap();
        assert_eq!(reader.read("t", 0, 0, ALL).unwrap_err().code, "TOPIC_UNKNOWN");
    }
}

/// A client's batch of records with these values; `transactional` is its producer and its sequence.
fn of_client(topic: TopicId, values: &[&str], transactional: Option<(i64, i32)>) -> ClientBatch {
    let mut builder = BatchBuilder::default();
    for value in values {
        builder.begin(1);
        builder.value();
        builder.push(value.as_bytes());
        builder.end().unwrap();
    }
    let mut bytes = builder.finish().unwrap().bytes.to_vec();
    let producer = transactional.map(|(id, first_sequence)| {
        bytes[21..23].copy_from_slice(&0x10_i16.to_be_bytes());
        bytes[43..51].copy_from_slice(&id.to_be_bytes());
        bytes[51..53].copy_from_slice(&0_i16.to_be_bytes());
        bytes[53..57].copy_from_slice(&first_sequence.to_be_bytes());
        let crc = crc32c::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        ProducerStamp { id, epoch: 0, first_sequence, transactional: true }
    });
    let records = u32::try_from(values.len()).unwrap();
    ClientBatch { topic, partition: 0, bytes: bytes.into(), records, max_timestamp: 1, producer }
}

#[test]
fn of_the_transactions_of_clients_readers_see_what_was_committed() {
    let dir = tempfile::tempdir().unwrap();
    let open = open(dir.path());
    let (journal, reader) = (&open.journal, open.reader());
    let topic = journal.create_topic_with("t", 1, BTreeMap::new()).unwrap();
    let produce = |batch| {
        let produced = journal.produce(vec![batch]).unwrap();
        assert!(journal.wait_durable(produced.sequence, Duration::from_secs(60)).unwrap());
        produced.placed[0].unwrap();
    };
    let end = |producer, commit| {
        let connector = journal.connector("\u{1}kafka").unwrap();
        let partitions = vec![(topic, 0)];
        let end =
            TransactionEnd { producer, epoch: 0, commit, coordinator_epoch: 0, partitions, connector, entries: vec![] };
        let sequence = journal.end_transaction(end).unwrap();
        assert!(journal.wait_durable(sequence, Duration::from_secs(60)).unwrap());
    };
    let seen = || {
        open.all("t").iter().map(|r| String::from_utf8(r.value.clone().unwrap().into()).unwrap()).collect::<Vec<_>>()
    };
    let end_of_topic = || reader.topics()[0].partitions[0].high_watermark;
    produce(of_client(topic, &["plain"], None));
    produce(of_client(topic, &["a1", "a2"], Some((1, 0))));
    produce(of_client(topic, &["b1"], Some((2, 0))));
    produce(of_client(topic, &["after"], None));
    assert_eq!((seen(), end_of_topic()), (vec!["plain".to_owned()], 1));
    assert!(!reader.topics()[0].change);
    end(1, false);
    // What comes behind an open transaction waits for it.
    assert_eq!((seen(), end_of_topic()), (vec!["plain".to_owned()], 3));
    end(2, true);
    assert_eq!((seen(), end_of_topic()), (["plain", "b1", "after"].map(str::to_owned).to_vec(), 7));
    // Nothing but aborted records up to the end is the end.
    produce(of_client(topic, &["c1"], Some((1, 2))));
    end(1, false);
    assert_eq!((seen().len(), end_of_topic()), (3, 9));
    assert_eq!(reader.read("t", 0, 7, 1 << 20).unwrap(), []);
}
