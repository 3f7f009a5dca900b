//! What clients of the Kafka protocol may rely on: producers, transactions, topic settings, deleted records.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may")]

mod support;

use bytes::Bytes;
use std::collections::BTreeMap;
use support::{LONG, batch, open, read_all, small, transaction};
use tailwater_journal::fs::{Fs, SimFs};
use tailwater_journal::limits::PRODUCER_ID_BLOCK;
use tailwater_journal::{
    Body, ClientBatch, ConnectorId, Journal, Options, Placed, ProducerStamp, Refusal, Sequence, TopicId, TransactionEnd,
};

fn start() -> (SimFs, Journal, TopicId) {
    let disk = SimFs::new(1);
    let journal = open(&disk, small()).unwrap();
    let topic = journal.create_topic_with("t", 2, BTreeMap::new()).unwrap();
    (disk, journal, topic)
}

fn client(topic: TopicId, partition: u32, tag: u64, producer: Option<ProducerStamp>) -> ClientBatch {
    let made = batch(topic, partition, 10, 500, tag);
    let bytes = made.bytes.freeze();
    ClientBatch { topic, partition, bytes, records: 10, max_timestamp: tag as i64, producer }
}

fn stamp(id: i64, first_sequence: i32, transactional: bool) -> Option<ProducerStamp> {
    Some(ProducerStamp { id, epoch: 0, first_sequence, transactional })
}

fn produce(journal: &Journal, batches: Vec<ClientBatch>) -> Vec<Result<Placed, Refusal>> {
    let produced = journal.produce(batches).unwrap();
    assert!(journal.wait_durable(produced.sequence, LONG).unwrap());
    produced.placed
}

fn bases(placed: &[Result<Placed, Refusal>]) -> Vec<(i64, bool)> {
    placed.iter().map(|placed| placed.unwrap()).map(|placed| (placed.base_offset, placed.duplicate)).collect()
}

fn end(journal: &Journal, producer: i64, commit: bool, partitions: Vec<(TopicId, u32)>) -> Sequence {
    let connector = journal.connector("\u{1}kafka").unwrap();
    let entries = vec![("group/g".to_string(), Bytes::from_static(b"5"))];
    let end = TransactionEnd { producer, epoch: 0, commit, coordinator_epoch: 0, partitions, connector, entries };
    let sequence = journal.end_transaction(end).unwrap();
    assert!(journal.wait_durable(sequence, LONG).unwrap());
    sequence
}

#[test]
fn batches_of_one_call_for_several_topics_are_one_frame() {
    let (_, journal, topic) = start();
    let other = journal.create_topic_with("u", 1, BTreeMap::new()).unwrap();
    let before = journal.durable().unwrap();
    let batches = vec![client(topic, 0, 1, None), client(other, 0, 2, None), client(topic, 0, 3, None)];
    let produced = journal.produce(batches).unwrap();
    assert_eq!(produced.sequence, Sequence(before.0 + 1));
    assert!(journal.wait_durable(produced.sequence, LONG).unwrap());
    assert_eq!(bases(&produced.placed), [(0, false), (0, false), (10, false)]);
    let read = read_all(&journal, topic, 0, 10_000);
    assert_eq!(read.iter().map(|batch| batch.base_offset).collect::<Vec<_>>(), [0, 10]);
    assert!(read.iter().all(|batch| batch.connector == ConnectorId(0) && batch.runs.is_empty()));
}

#[test]
fn shared_bytes_are_copied_and_others_are_not() {
    let (_, journal, topic) = start();
    for shared in [true, false] {
        let mut one = client(topic, 0, 1, None);
        let held = shared.then(|| one.bytes.clone());
        let (address, before) = (one.bytes.as_ptr(), one.bytes.to_vec());
        let base =
            produce(&journal, vec![std::mem::replace(&mut one, client(topic, 0, 1, None))])[0].unwrap().base_offset;
        let stored = journal.read_ready(topic, 0, base, 1).unwrap().unwrap().remove(0);
        assert_eq!(stored.bytes.as_ptr() == address, !shared);
        assert_eq!(stored.bytes[..8], base.to_be_bytes());
        assert_eq!(stored.bytes[12..16], [0; 4], "the leader epoch");
        assert!(held.is_none_or(|held| held == before), "what others hold does not change");
    }
}

#[test]
fn a_batch_sent_again_after_a_restart_has_its_first_offset() {
    let (disk, journal, topic) = start();
    for step in 0..40 {
        produce(&journal, vec![client(topic, 0, 1, stamp(7, step * 10, false))]);
    }
    journal.close().unwrap();
    let journal = open(&disk, small()).unwrap();
    let again = produce(&journal, vec![client(topic, 0, 1, stamp(7, 380, false))]);
    assert_eq!(bases(&again), [(380, true)]);
    let mixed = vec![
        client(topic, 0, 1, stamp(7, 410, false)),
        client(topic, 0, 1, stamp(7, 400, false)),
        client(TopicId(99), 0, 1, None),
        client(topic, 9, 1, None),
    ];
    let placed = produce(&journal, mixed);
    assert_eq!(placed[0], Err(Refusal::OutOfOrderSequence));
    assert_eq!(bases(&placed[1..2]), [(400, false)]);
    assert_eq!(placed[2..], [Err(Refusal::UnknownPartition); 2]);
    let known = journal.producers(topic, 0);
    assert_eq!((known.len(), known[0].id, known[0].last_sequence), (1, 7, 409));
}

#[test]
fn a_transaction_ends_in_all_partitions_and_with_its_entries_at_once() {
    let (disk, journal, topic) = start();
    produce(&journal, vec![client(topic, 0, 1, stamp(7, 0, true)), client(topic, 1, 1, stamp(7, 0, true))]);
    produce(&journal, vec![client(topic, 0, 1, None)]);
    let plain = produce(&journal, vec![client(topic, 0, 1, stamp(7, 10, false))]);
    assert_eq!(plain, [Err(Refusal::InvalidTransactionState)]);
    let bounds = journal.bounds(topic, 0).unwrap();
    assert_eq!((bounds.last_stable, bounds.high_watermark), (0, 20));
    journal.close().unwrap();
    let journal = open(&disk, small()).unwrap();
    assert_eq!(journal.bounds(topic, 0).unwrap().last_stable, 0, "open across a restart");
    end(&journal, 7, false, vec![(topic, 0), (topic, 1), (TopicId(99), 0)]);
    for (partition, first_free) in [(0, 21), (1, 11)] {
        let bounds = journal.bounds(topic, partition).unwrap();
        assert_eq!((bounds.last_stable, bounds.high_watermark), (first_free, first_free));
        let gone = journal.aborted(topic, partition, 0, first_free);
        assert_eq!(gone.iter().map(|gone| (gone.producer, gone.first_offset)).collect::<Vec<_>>(), [(7, 0)]);
    }
    let connector = journal.connector("\u{1}kafka").unwrap();
    assert_eq!(journal.entries(connector)["group/g"], "5");
    let marker = read_all(&journal, topic, 1, 1 << 20).pop().unwrap();
    assert!(tailwater_wire::batch::Batch::read(&mut marker.bytes.clone()).unwrap().is_control());
    journal.delete_records(topic, 0, 21).unwrap();
    assert!(journal.aborted(topic, 0, 0, 21).is_empty(), "nobody reads them any more");
}

#[test]
fn a_client_topic_keeps_its_settings_until_a_connector_takes_it() {
    let (disk, journal, _) = start();
    let config = |value: &str| BTreeMap::from([("retention.ms".to_string(), value.to_string())]);
    let topic = journal.create_topic_with("u", 1, config("5")).unwrap();
    assert_eq!(journal.create_topic_with("u", 1, config("5")).unwrap_err().code(), "TOPIC_EXISTS");
    journal.alter_topic(topic, config("6")).unwrap();
    journal.add_partitions(topic, 3).unwrap();
    assert_eq!(journal.add_partitions(topic, 3).unwrap_err().code(), "FRAME_REFUSED");
    journal.close().unwrap();
    let journal = open(&disk, small()).unwrap();
    let known = journal.topic("u").unwrap();
    assert_eq!((known.id, known.partitions, known.config, known.change), (topic, 3, config("6"), false));
    assert_eq!(journal.create_topic("u", 1).unwrap(), topic);
    let known = journal.topic("u").unwrap();
    assert!(known.change && known.config == config("6"));
    journal.delete_topic("u").unwrap();
    assert_eq!(journal.topic("u"), None);
    assert_eq!(journal.alter_topic(topic, config("7")).unwrap_err().code(), "TOPIC_UNKNOWN");
}

#[test]
fn deleted_records_are_not_found_by_offset_or_time() {
    for hot_tail_bytes in [0, 1 << 20] {
        let disk = SimFs::new(1);
        let journal = open(&disk, Options { hot_tail_bytes, ..small() }).unwrap();
        let topic = journal.create_topic_with("t", 1, BTreeMap::new()).unwrap();
        // The oldest records have the latest times.
        for tag in (1..200).rev() {
            produce(&journal, vec![client(topic, 0, tag, None)]);
        }
        assert_eq!(journal.offset_at(topic, 0, 50).unwrap(), 0);
        assert_eq!(journal.delete_records(topic, 0, 1005).unwrap(), 1005);
        assert_eq!(journal.delete_records(topic, 0, 3).unwrap(), 1005, "it never goes back");
        for beyond in [-1, 1991] {
            assert_eq!(journal.delete_records(topic, 0, beyond).unwrap_err().code(), "OFFSET_OUT_OF_RANGE");
        }
        let check = |journal: &Journal| {
            assert_eq!(journal.bounds(topic, 0).unwrap().log_start, 1005);
            assert_eq!(journal.read(topic, 0, 1004, 1).unwrap_err().code(), "OFFSET_OUT_OF_RANGE");
            assert_eq!(journal.read(topic, 0, 1005, 1).unwrap()[0].base_offset, 1000);
            assert_eq!(journal.offset_at(topic, 0, 50).unwrap(), 1005, "inside the batch");
            assert_eq!(journal.offset_at(topic, 0, 150).unwrap(), 1990, "none that late is left");
            assert!(journal.bounds(topic, 0).unwrap().bytes < 140 * 500);
        };
        check(&journal);
        journal.close().unwrap();
        let journal = open(&disk, small()).unwrap();
        check(&journal);
        assert_eq!(journal.delete_records(topic, 0, 1990).unwrap(), 1990);
        assert!(journal.read(topic, 0, 1990, 1).unwrap().is_empty());
        assert_eq!(journal.offset_at(topic, 0, 0).unwrap(), 1990);
        let placed = produce(&journal, vec![client(topic, 0, 1, None)]);
        assert_eq!(bases(&placed), [(1990, false)]);
        assert_eq!(journal.read(topic, 0, 1990, 1).unwrap().len(), 1);
    }
}

#[test]
fn memory_alone_answers_for_recent_records_only() {
    let (_, journal, topic) = start();
    for tag in 0..100 {
        produce(&journal, vec![client(topic, 0, tag, None)]);
    }
    assert!(journal.read_ready(topic, 0, 0, 1000).unwrap().is_none());
    assert_eq!(journal.read_ready(topic, 0, 995, 1000).unwrap().unwrap().len(), 1);
    assert!(journal.read_ready(topic, 0, 1000, 1000).unwrap().unwrap().is_empty());
    assert_eq!(journal.read_ready(topic, 0, 1001, 1000).unwrap_err().code(), "OFFSET_OUT_OF_RANGE");
}

#[test]
fn producer_ids_are_given_once_across_restarts() {
    let (disk, journal, _) = start();
    let first: Vec<i64> = (0..PRODUCER_ID_BLOCK + 5).map(|_| journal.next_producer_id().unwrap()).collect();
    assert_eq!(first, (0..PRODUCER_ID_BLOCK + 5).collect::<Vec<_>>());
    disk.power_off();
    drop(journal);
    disk.reboot();
    let journal = open(&disk, small()).unwrap();
    assert!(journal.next_producer_id().unwrap() > PRODUCER_ID_BLOCK + 4);
}

#[test]
fn a_full_queue_says_so() {
    let disk = SimFs::new(1);
    let journal = open(&disk, Options { queue_bytes: 1000, ..small() }).unwrap();
    let topic = journal.create_topic_with("t", 1, BTreeMap::new()).unwrap();
    assert!(!journal.is_full());
    disk.set_capacity(disk.used());
    let first = journal.produce(vec![client(topic, 0, 1, None), client(topic, 0, 2, None)]).unwrap();
    assert!(journal.is_full());
    disk.set_capacity(u64::MAX);
    assert!(journal.wait_durable(first.sequence, LONG).unwrap());
    // Room is given back before the next frames are written.
    journal.create_topic_with("u", 1, BTreeMap::new()).unwrap();
    assert!(!journal.is_full());
}

#[test]
fn on_a_disk_that_is_nearly_full_topics_can_be_deleted_which_makes_room() {
    let disk = SimFs::new(1);
    let options = Options { queue_bytes: 4_000, spare_bytes: 64 << 10, ..small() };
    let journal = open(&disk, options).unwrap();
    let topics = ["a", "b"].map(|name| journal.create_topic_with(name, 1, BTreeMap::new()).unwrap());
    disk.set_capacity(disk.used() + (300 << 10));
    let mut tag = 0;
    let mut write = |topic| {
        tag += 1;
        let produced = journal.produce(vec![client(topic, 0, tag, None)])?;
        journal.wait_durable(produced.sequence, LONG).map(drop)
    };
    for _ in 0..10 {
        write(topics[0]).unwrap();
    }
    let full = (0..1_000).find_map(|_| write(topics[1]).err()).unwrap();
    assert_eq!(full.code(), "DISK_FULL");
    assert!(full.to_string().contains("nearly full"), "{full}");
    assert!(disk.free_bytes(support::dir()).unwrap() > 40 << 10, "records leave something free");
    assert!(journal.is_full());
    journal.delete_topic("b").unwrap();
    journal.tend().unwrap();
    let mut seen = 0;
    while journal.paused().is_some() {
        seen = journal.wait_change(seen, LONG);
    }
    write(topics[0]).unwrap();
    assert_eq!(journal.bounds(topics[0], 0).unwrap().high_watermark, 110);
}

#[test]
fn connectors_and_clients_may_write_into_one_topic() {
    let (_, journal, topic) = start();
    let connector = journal.connector("c").unwrap();
    produce(&journal, vec![client(topic, 0, 1, None)]);
    let transactions = vec![transaction(5)];
    let body = Body::Transactions { position: vec![1], transactions, batches: vec![batch(topic, 0, 3, 100, 2)] };
    let sequence = journal.append(connector, 0, body).unwrap();
    assert!(journal.wait_durable(sequence, LONG).unwrap());
    let placed = produce(&journal, vec![client(topic, 0, 1, None)]);
    assert_eq!(bases(&placed), [(13, false)]);
    assert_eq!(read_all(&journal, topic, 0, 1 << 20).len(), 3);
}
