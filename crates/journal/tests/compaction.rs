//! Compacted topics keep the last record of each key at its offset; segments of which most is dead become small.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may")]

mod support;

use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use support::{Hands, LONG, Random, batch, dir, read_sparse, small, transaction};
use tailwater_journal::fs::{Fs, SimFs};
use tailwater_journal::{
    BatchIn, Body, ClientBatch, ConnectorId, Journal, JournalError, Options, ProducerStamp, Run, TopicId,
    TransactionEnd, inspect,
};
use tailwater_wire::batch::{Batch, BatchBuilder, HeaderMut, Marker, Producer};

/// A record: key, value, time.
type Record = (String, Option<String>, i64);

struct World {
    disk: SimFs,
    clock: Arc<Hands>,
    journal: Journal,
}

fn options() -> Options {
    Options { hot_tail_bytes: 0, budget_bytes: Some(1 << 30), ..small() }
}

fn start(disk: &SimFs, options: Options) -> Result<World, JournalError> {
    let clock = Arc::new(Hands(AtomicI64::new(0)));
    let fs: Arc<dyn Fs> = Arc::new(disk.clone());
    let journal = Journal::open(fs, dir(), options, clock.clone())?;
    Ok(World { disk: disk.clone(), clock, journal })
}

/// A batch of Kafka's with these records.
fn kafka(records: &[Record], producer: Option<ProducerStamp>) -> Bytes {
    let mut builder = BatchBuilder::default();
    for (key, value, time) in records {
        builder.begin(*time);
        builder.key();
        builder.push(key.as_bytes());
        if let Some(value) = value {
            builder.value();
            builder.push(value.as_bytes());
        }
        builder.end().unwrap();
    }
    let mut bytes = builder.finish().unwrap().bytes;
    if let Some(stamp) = producer {
        let mut header = HeaderMut::new(&mut bytes).unwrap();
        let ProducerStamp { id, epoch, first_sequence, transactional } = stamp;
        header.set_producer(Producer { id, epoch, base_sequence: first_sequence, transactional });
        header.seal();
    }
    bytes.freeze()
}

impl World {
    fn compacted(&self, name: &str, config: &[(&str, &str)]) -> TopicId {
        let mut all = BTreeMap::from([
            ("cleanup.policy".to_string(), "compact".to_string()),
            ("min.cleanable.dirty.ratio".to_string(), "0".to_string()),
        ]);
        all.extend(config.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        self.journal.create_topic_with(name, 1, all).unwrap()
    }

    fn produce_as(
        &self,
        topic: TopicId,
        records: &[Record],
        producer: Option<ProducerStamp>,
    ) -> Result<i64, JournalError> {
        let one = ClientBatch {
            topic,
            partition: 0,
            bytes: kafka(records, producer),
            records: records.len() as u32,
            max_timestamp: records.iter().map(|(_, _, time)| *time).max().unwrap(),
            producer,
        };
        let produced = self.journal.produce(vec![one])?;
        assert!(self.journal.wait_durable(produced.sequence, LONG)?);
        Ok(produced.placed[0].unwrap().base_offset)
    }

    fn produce(&self, topic: TopicId, records: &[Record]) {
        self.produce_as(topic, records, None).unwrap();
    }

    /// Moves everything so far out of the active segment.
    fn fill(&self) {
        let connector = self.journal.connector("filler").unwrap();
        let topic = self.journal.create_topic("filler", 1).unwrap();
        for number in 0..20 {
            let transactions = vec![transaction(number)];
            let batches = vec![batch(topic, 0, 1, 1000, number)];
            let body = Body::Transactions { position: vec![], transactions, batches };
            let sequence = self.journal.append(connector, 0, body).unwrap();
            assert!(self.journal.wait_durable(sequence, LONG).unwrap());
        }
    }

    fn tend(&self, now_ms: i64) {
        self.clock.0.store(now_ms, Ordering::Relaxed);
        self.journal.tend().unwrap();
    }

    fn end(&self, topic: TopicId, producer: i64, commit: bool) {
        let partitions = vec![(topic, 0)];
        let (connector, entries) = (ConnectorId(0), Vec::new());
        let end = TransactionEnd { producer, epoch: 0, commit, coordinator_epoch: 0, partitions, connector, entries };
        let sequence = self.journal.end_transaction(end).unwrap();
        assert!(self.journal.wait_durable(sequence, LONG).unwrap());
    }

    /// All records of a topic with their offsets, markers left out.
    fn records(&self, topic: TopicId) -> Vec<(i64, Record)> {
        let mut all = Vec::new();
        for stored in read_sparse(&self.journal, topic, 0, 3000) {
            let batch = Batch::read(&mut stored.bytes.clone()).unwrap();
            assert_eq!((batch.base_offset, batch.last_offset_delta as u32 + 1), (stored.base_offset, stored.records));
            if batch.is_control() {
                continue;
            }
            for record in batch.records().unwrap() {
                let record = record.unwrap();
                let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
                all.push((record.offset, (text(record.key.unwrap()), record.value.map(text), record.timestamp)));
            }
        }
        all
    }

    fn files(&self, suffix: &str) -> usize {
        self.disk.list(dir()).unwrap().iter().filter(|(name, _)| name.ends_with(suffix)).count()
    }
}

fn record(key: u64, value: impl Into<Option<u64>>, time: i64) -> Record {
    let value = value.into().map(|value| format!("value {value} {}", "x".repeat(40)));
    (format!("key {key}"), value, time)
}

/// The last record of each key, in order of offsets, of what was written.
fn last_of(written: &[(i64, Record)]) -> Vec<(i64, Record)> {
    let latest: BTreeMap<&str, i64> = written.iter().map(|(offset, (key, _, _))| (key.as_str(), *offset)).collect();
    written.iter().filter(|(offset, (key, _, _))| latest[key.as_str()] == *offset).cloned().collect()
}

/// Writes batches with random keys; all records with their offsets.
fn write(world: &World, topic: TopicId, random: &mut Random, batches: usize) -> Vec<(i64, Record)> {
    let mut written = Vec::new();
    for _ in 0..batches {
        let count = 1 + random.below(6);
        let records: Vec<Record> = (0..count).map(|_| record(random.below(40), random.below(1000), 5)).collect();
        let base = world.produce_as(topic, &records, None).unwrap();
        written.extend((base..).zip(records));
    }
    written
}

#[test]
fn the_last_record_of_each_key_stays_at_its_offset() {
    let disk = SimFs::new(1);
    let mut world = start(&disk, options()).unwrap();
    let topic = world.compacted("t", &[]);
    let mut random = Random(7);
    let mut written = Vec::new();
    for round in 0..3 {
        written.extend(write(&world, topic, &mut random, 150));
        let before = world.journal.bounds(topic, 0).unwrap();
        world.fill();
        world.tend(10);
        let left = world.records(topic);
        assert_eq!(left, last_of(&written), "round {round}");
        let after = world.journal.bounds(topic, 0).unwrap();
        assert_eq!((after.log_start, after.high_watermark), (before.log_start, before.high_watermark));
        assert!(after.bytes < before.bytes / 2);
        assert_eq!(world.files(".compacted"), 1);
        // Every offset leads to the record there, or to the next one.
        for offset in 0..after.high_watermark {
            let found = world.journal.read(topic, 0, offset, 1).unwrap();
            let last = found[0].base_offset + i64::from(found[0].records);
            assert!(last > offset);
            let next = left.iter().find(|(left, _)| *left >= offset).unwrap().0;
            assert!(next >= found[0].base_offset, "a record was passed over");
        }
        world.journal.close().unwrap();
        assert!(inspect::verify(&disk, dir()).unwrap().damage.is_empty());
        world = start(&disk, options()).unwrap();
        assert_eq!(world.records(topic), left);
    }
}

#[test]
fn what_is_in_the_active_segment_or_too_young_stays() {
    let world = start(&SimFs::new(1), options()).unwrap();
    let topic = world.compacted("t", &[("min.compaction.lag.ms", "100"), ("segment.ms", "1000")]);
    for time in 0..50 {
        world.produce(topic, &[record(1, time, time as i64)]);
    }
    world.tend(500);
    assert_eq!(world.records(topic).len(), 50, "the segment is written on");
    // The active segment is old enough now: it gets a successor, and the next look compacts it.
    world.tend(1000);
    world.compacted("u", &[]);
    world.compacted("v", &[]);
    world.produce(topic, &[record(2, 0, 1000)]);
    world.tend(1000);
    assert_eq!(world.records(topic).len(), 2);
    world.produce(topic, &[record(2, 1, 1050)]);
    world.fill();
    world.tend(1100);
    assert_eq!(world.records(topic).len(), 3, "younger than the lag");
    world.tend(1200);
    assert_eq!(world.records(topic).len(), 2);
}

#[test]
fn more_keys_than_fit_in_memory_take_more_passes() {
    let disk = SimFs::new(1);
    let few = || Options { compact_keys: 7, ..options() };
    let mut world = start(&disk, few()).unwrap();
    let topic = world.compacted("t", &[]);
    let written = write(&world, topic, &mut Random(5), 100);
    world.fill();
    let mut before = world.records(topic).len();
    for pass in 0.. {
        world.tend(10);
        let left = world.records(topic);
        assert_eq!(last_of(&left), last_of(&written), "pass {pass}");
        let time = world.journal.offset_at(topic, 0, 5).unwrap();
        assert_eq!(time, world.journal.read(topic, 0, 0, 1).unwrap()[0].base_offset);
        if left.len() == last_of(&written).len() {
            assert!(pass > 2, "{pass} passes");
            break;
        }
        assert!(left.len() < before || pass == 0);
        before = left.len();
        if pass == 2 {
            world.journal.close().unwrap();
            world = start(&disk, few()).unwrap();
            assert_eq!(world.records(topic), left);
        }
    }
}

#[test]
fn few_new_records_wait_until_they_are_too_old() {
    let world = start(&SimFs::new(1), options()).unwrap();
    let topic = world.compacted("t", &[("min.cleanable.dirty.ratio", "0.9"), ("max.compaction.lag.ms", "1000")]);
    for number in 0..50 {
        world.produce(topic, &[record(number, 1, 0)]);
    }
    world.fill();
    world.tend(10);
    world.produce(topic, &[record(1, 2, 10)]);
    world.fill();
    world.tend(1000);
    assert_eq!(world.records(topic).len(), 51, "one of fifty is not worth it");
    world.tend(1010);
    assert_eq!(world.records(topic).len(), 50);
}

#[test]
fn a_tombstone_stays_for_its_time_and_then_goes() {
    let world = start(&SimFs::new(1), options()).unwrap();
    let topic = world.compacted("t", &[("delete.retention.ms", "1000")]);
    world.produce(topic, &[record(1, 1, 5), record(2, 1, 5), record(1, None, 6)]);
    world.produce(topic, &[record(3, 1, 5)]);
    let more = |time| {
        world.produce(topic, &[record(3, 2, time)]);
        world.fill();
        world.tend(time);
        world.records(topic).into_iter().map(|(offset, (_, value, _))| (offset, value.is_some())).collect::<Vec<_>>()
    };
    assert_eq!(more(100), [(1, true), (2, false), (4, true)]);
    assert_eq!(more(900), [(1, true), (2, false), (5, true)], "a reader may still be on its way");
    assert_eq!(more(1100), [(1, true), (6, true)]);
}

#[test]
fn aborted_records_go_and_an_open_transaction_holds_compaction_back() {
    let world = start(&SimFs::new(1), options()).unwrap();
    let topic = world.compacted("t", &[]);
    let stamp = |id, first_sequence| Some(ProducerStamp { id, epoch: 0, first_sequence, transactional: true });
    let end = |producer, commit| world.end(topic, producer, commit);
    world.produce(topic, &[record(1, 1, 5), record(2, 1, 5)]);
    world.produce_as(topic, &[record(1, 2, 5)], stamp(7, 0)).unwrap();
    end(7, false);
    world.produce_as(topic, &[record(2, 2, 5)], stamp(7, 1)).unwrap();
    end(7, true);
    world.fill();
    world.produce_as(topic, &[record(1, 3, 5)], stamp(8, 0)).unwrap();
    world.produce(topic, &[record(2, 3, 5)]);
    world.fill();
    world.tend(10);
    let offsets = || world.records(topic).into_iter().map(|(offset, _)| offset).collect::<Vec<_>>();
    assert_eq!(offsets(), [0, 4, 6, 7], "the aborted value did not replace the one before it");
    let markers = read_sparse(&world.journal, topic, 0, 1 << 20).into_iter();
    let markers = markers.filter(|stored| stored.bytes[22] & 0x20 != 0).map(|stored| stored.base_offset);
    assert_eq!(markers.collect::<Vec<_>>(), [3], "a reader that passes over the transaction finds its end");
    end(8, true);
    world.produce(topic, &[record(3, 1, 5)]);
    world.fill();
    world.tend(10);
    assert_eq!(offsets(), [6, 7, 9]);
}

#[test]
fn records_of_connectors_keep_their_transactions() {
    let world = start(&SimFs::new(1), options()).unwrap();
    let topic = world.compacted("t", &[]);
    assert_eq!(world.journal.create_topic("t", 1).unwrap(), topic);
    let connector = world.journal.connector("c").unwrap();
    for number in 0..10u64 {
        let records = [record(1, number, 5), record(100 + number, number, 5), record(2, number, 5)];
        let one = BatchIn {
            topic,
            partition: 0,
            bytes: kafka(&records, None).try_into_mut().unwrap(),
            records: 3,
            max_timestamp: 5,
            plan: None,
            runs: vec![
                Run { transaction: 0, first_ordinal: 40, records: 2 },
                Run { transaction: 1, first_ordinal: 0, records: 1 },
            ],
            encoding: 0,
        };
        let transactions = vec![transaction(2 * number), transaction(2 * number + 1)];
        let body = Body::Transactions { position: vec![], transactions, batches: vec![one] };
        let sequence = world.journal.append(connector, 0, body).unwrap();
        assert!(world.journal.wait_durable(sequence, LONG).unwrap());
    }
    world.fill();
    world.tend(10);
    assert_eq!(world.records(topic).len(), 12);
    for (number, stored) in (0..10u32).zip(read_sparse(&world.journal, topic, 0, 1 << 20)) {
        let runs: Vec<_> = stored.runs.iter().map(|(meta, first, records)| (meta.xid, *first, *records)).collect();
        let expected = if number == 9 { vec![(18, 40, 2), (19, 0, 1)] } else { vec![(2 * number, 41, 1)] };
        assert_eq!((stored.connector, runs), (connector, expected));
    }
}

#[test]
fn the_budget_takes_no_last_record_of_a_key() {
    let disk = SimFs::new(1);
    let world = start(&disk, Options { budget_bytes: Some(200 << 10), ..options() }).unwrap();
    let topic = world.compacted("t", &[("min.cleanable.dirty.ratio", "0.99")]);
    let written = write(&world, topic, &mut Random(3), 60);
    for _ in 0..30 {
        world.fill();
        world.journal.tend().unwrap();
    }
    world.fill();
    assert!(disk.used() < 400 << 10, "{} bytes", disk.used());
    assert_eq!(world.records(topic), last_of(&written));
    world.journal.close().unwrap();
    let world = start(&disk, options()).unwrap();
    assert_eq!(world.records(topic), last_of(&written));
}

#[test]
fn the_budget_moves_what_may_not_be_compacted_yet() {
    let disk = SimFs::new(1);
    let tight = || Options { budget_bytes: Some(200 << 10), ..options() };
    let world = start(&disk, tight()).unwrap();
    let young = world.compacted("young", &[("min.compaction.lag.ms", "1000")]);
    let open = world.compacted("open", &[]);
    let written = write(&world, young, &mut Random(3), 60);
    let mut in_open = write(&world, open, &mut Random(4), 20);
    let stamp = ProducerStamp { id: 7, epoch: 0, first_sequence: 0, transactional: true };
    let base = world.produce_as(open, &[record(1, 1, 5)], Some(stamp)).unwrap();
    in_open.push((base, record(1, 1, 5)));
    in_open.extend(write(&world, open, &mut Random(5), 40));
    for _ in 0..30 {
        world.fill();
        world.journal.tend().unwrap();
    }
    world.fill();
    assert!(disk.used() < 400 << 10, "{} bytes", disk.used());
    assert_eq!(world.records(young), written, "as it was");
    let last = world.records(open);
    assert_eq!(last[last.len() - in_open.iter().filter(|(offset, _)| *offset >= base).count()].0, base);
    world.journal.close().unwrap();
    let world = start(&disk, tight()).unwrap();
    assert_eq!((world.records(young), world.records(open)), (written.clone(), last));
    // What was moved is compacted when it may be.
    world.end(open, 7, true);
    world.fill();
    world.tend(1005);
    assert_eq!((world.records(young), world.records(open)), (last_of(&written), last_of(&in_open)));
}

#[test]
fn a_long_lived_topic_does_not_pin_the_segments_of_others() {
    let disk = SimFs::new(1);
    let world = start(&disk, options()).unwrap();
    let connector = world.journal.connector("c").unwrap();
    let long_lived = world.journal.create_topic("long", 1).unwrap();
    let config = BTreeMap::from([("retention.ms".to_string(), "100".to_string())]);
    let short_lived = world.journal.create_topic_with("short", 1, config).unwrap();
    for number in 0..300 {
        let body = Body::Transactions {
            position: vec![],
            transactions: vec![transaction(number)],
            batches: vec![batch(long_lived, 0, 2, 100, number)],
        };
        world.journal.append(connector, 0, body).unwrap();
        let bytes = batch(short_lived, 0, 1, 1000, number).bytes.freeze();
        let (topic, max_timestamp) = (short_lived, number as i64);
        let one = ClientBatch { topic, partition: 0, bytes, records: 1, max_timestamp, producer: None };
        let produced = world.journal.produce(vec![one]).unwrap();
        assert!(world.journal.wait_durable(produced.sequence, LONG).unwrap());
    }
    let before = (disk.used(), read_sparse(&world.journal, long_lived, 0, 5000));
    world.tend(1000);
    world.tend(1000);
    let after = (disk.used(), read_sparse(&world.journal, long_lived, 0, 5000));
    assert!(after.0 < before.0 / 3, "{} of {} bytes", after.0, before.0);
    let content = |all: &[tailwater_journal::StoredBatch]| {
        all.iter().map(|one| (one.base_offset, one.bytes.clone(), one.runs.clone(), one.connector)).collect::<Vec<_>>()
    };
    assert_eq!(content(&after.1), content(&before.1));
    world.journal.close().unwrap();
    assert!(inspect::verify(&disk, dir()).unwrap().damage.is_empty());
    let world = start(&disk, options()).unwrap();
    assert_eq!(content(&read_sparse(&world.journal, long_lived, 0, 5000)), content(&before.1));
}

#[test]
fn readers_meet_neither_gaps_nor_repeats_while_files_are_exchanged() {
    let world = start(&SimFs::new(1), options()).unwrap();
    let topic = world.compacted("t", &[]);
    // Keys that are never written again must be seen by every reader.
    let (done, journal) = (AtomicBool::new(false), &world.journal);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut passes = 0;
            while !done.load(Ordering::Relaxed) || passes == 0 {
                let end = journal.bounds(topic, 0).unwrap().high_watermark;
                let (mut next, mut unique) = (0, Vec::new());
                while next < end {
                    for stored in journal.read(topic, 0, next, 2000).unwrap() {
                        let batch = Batch::read(&mut stored.bytes.clone()).unwrap();
                        for record in batch.records().unwrap().map(Result::unwrap) {
                            assert!(record.offset >= next, "a repeat");
                            let key = String::from_utf8(record.key.unwrap().to_vec()).unwrap();
                            let number: u64 = key.strip_prefix("key ").unwrap().parse().unwrap();
                            if number >= 1000 && record.offset < end {
                                unique.push(number);
                            }
                        }
                        next = stored.base_offset + i64::from(stored.records);
                    }
                }
                let expected: Vec<u64> = (1000..1000 + (end as u64 + 1) / 3).collect();
                assert_eq!(unique, expected);
                passes += 1;
            }
        });
        for number in 0..600u64 {
            world.produce(topic, &[record(1000 + number, 1, 5), record(number % 7, number, 5), record(3, number, 5)]);
            if number % 40 == 39 {
                world.journal.tend().unwrap();
            }
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
}

#[test]
fn a_crash_anywhere_in_compaction_loses_nothing() {
    let mut completed = 0;
    for changes in 0..70 {
        let disk = SimFs::new(changes);
        let options = || Options { compact_keys: if changes % 2 == 0 { 12 } else { 1000 }, ..options() };
        let world = start(&disk, options()).unwrap();
        let topic = world.compacted("t", &[]);
        let written = write(&world, topic, &mut Random(changes), 60);
        world.fill();
        world.tend(10);
        let more = write(&world, topic, &mut Random(changes + 1), 60);
        let written: Vec<_> = written.into_iter().chain(more).collect();
        world.fill();
        disk.power_off_after(changes);
        completed += u64::from(world.journal.tend().is_ok());
        disk.power_off();
        drop(world);
        disk.reboot();
        let world = start(&disk, options()).unwrap();
        let left = world.records(topic);
        assert!(left.iter().all(|record| written.contains(record)));
        assert_eq!(last_of(&left), last_of(&written), "{changes} changes");
        assert!(world.files(".compacted") <= 1 && world.files(".tmp") == 0);
        world.fill();
        for _ in 0..80 {
            world.tend(10);
        }
        assert_eq!(world.records(topic), last_of(&written));
        assert!(inspect::verify(&disk, dir()).unwrap().damage.is_empty());
    }
    assert!((1..70).contains(&completed), "{completed} of 70 came to their end");
}

#[test]
fn a_missing_compacted_file_is_damage() {
    let disk = SimFs::new(1);
    let world = start(&disk, options()).unwrap();
    let topic = world.compacted("t", &[]);
    write(&world, topic, &mut Random(3), 60);
    world.fill();
    world.tend(10);
    world.journal.close().unwrap();
    let (name, _) = disk.list(dir()).unwrap().into_iter().find(|(name, _)| name.ends_with(".compacted")).unwrap();
    disk.remove(&dir().join(name)).unwrap();
    let Err(error) = start(&disk, options()) else { panic!("opened without its records") };
    assert_eq!(error.code(), "CORRUPT");
    assert_eq!(inspect::verify(&disk, dir()).unwrap().damage.len(), 1);
}

#[test]
fn a_deleted_topic_takes_its_compacted_file_with_it() {
    let world = start(&SimFs::new(1), options()).unwrap();
    let topic = world.compacted("t", &[]);
    write(&world, topic, &mut Random(3), 60);
    world.fill();
    world.tend(10);
    assert_eq!(world.files(".compacted"), 1);
    world.journal.delete_topic("t").unwrap();
    world.tend(10);
    assert_eq!(world.files(".compacted"), 0);
}

/// The last committed record of each key, as a consumer finds it that reads committed data in small steps; a tombstone
/// counts as nothing.
fn committed(journal: &Journal, topic: TopicId, random: &mut Random) -> BTreeMap<String, String> {
    let bounds = journal.bounds(topic, 0).unwrap();
    let (mut next, mut values) = (bounds.log_start, BTreeMap::new());
    while next < bounds.last_stable {
        let batches = journal.read(topic, 0, next, 1 + random.below(2000) as usize).unwrap();
        let end = batches.last().map(|last| last.base_offset + i64::from(last.records)).unwrap();
        // As Kafka's consumers do it, afresh for each answer.
        let mut aborted = journal.aborted(topic, 0, next, end);
        aborted.sort_by_key(|gone| gone.first_offset);
        let mut aborted = aborted.into_iter().peekable();
        let mut passed_over = BTreeSet::new();
        for stored in batches.into_iter().take_while(|stored| stored.base_offset < bounds.last_stable) {
            let batch = Batch::read(&mut stored.bytes.clone()).unwrap();
            let last = stored.base_offset + i64::from(stored.records) - 1;
            while let Some(gone) = aborted.next_if(|gone| gone.first_offset <= last) {
                passed_over.insert(gone.producer);
            }
            if let Some(marker) = Marker::of(&batch).unwrap() {
                if !marker.committed {
                    passed_over.remove(&marker.producer_id);
                }
                continue;
            }
            if batch.is_transactional() && passed_over.contains(&batch.producer_id) {
                continue;
            }
            for record in batch.records().unwrap().map(Result::unwrap).filter(|record| record.offset >= next) {
                let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
                match record.value {
                    Some(value) => values.insert(text(record.key.unwrap()), text(value)),
                    None => values.remove(&text(record.key.unwrap())),
                };
            }
        }
        next = end;
    }
    values
}

#[test]
fn readers_of_committed_data_find_the_last_value_of_each_key_whatever_was_done() {
    for seed in 0..12 {
        let mut random = Random(seed);
        let disk = SimFs::new(seed);
        let options = || Options { compact_keys: if seed % 2 == 0 { 9 } else { 1000 }, ..options() };
        let mut world = start(&disk, options()).unwrap();
        let topic = world.compacted("t", &[("delete.retention.ms", "300")]);
        // By key: offset and value of the last committed record. By producer: its next sequence, what it has open.
        let mut last: BTreeMap<String, (i64, Option<String>)> = BTreeMap::new();
        let mut producers: BTreeMap<i64, (i32, Vec<(i64, Record)>)> = BTreeMap::new();
        let commit = |last: &mut BTreeMap<String, (i64, Option<String>)>, written: Vec<(i64, Record)>| {
            for (offset, (key, value, _)) in written {
                let known = last.entry(key).or_insert((-1, None));
                if known.0 < offset {
                    *known = (offset, value);
                }
            }
        };
        for step in 0..250 {
            let now = step * 5;
            let records: Vec<Record> = (0..1 + random.below(4))
                .map(|_| {
                    let value = (!random.one_in(5)).then(|| random.below(10_000));
                    record(random.below(25), value, now)
                })
                .collect();
            match random.below(12) {
                0..=4 => {
                    let base = world.produce_as(topic, &records, None).unwrap();
                    commit(&mut last, (base..).zip(records).collect());
                }
                5..=8 => {
                    let id = random.below(3) as i64;
                    let (next, open) = producers.entry(id).or_default();
                    let stamp = ProducerStamp { id, epoch: 0, first_sequence: *next, transactional: true };
                    let base = world.produce_as(topic, &records, Some(stamp)).unwrap();
                    *next += records.len() as i32;
                    open.extend((base..).zip(records));
                }
                9..=10 => {
                    let id = random.below(3) as i64;
                    let open = producers.get_mut(&id).map(|(_, open)| std::mem::take(open)).unwrap_or_default();
                    let committed = random.one_in(2);
                    if !open.is_empty() {
                        world.end(topic, id, committed);
                        commit(&mut last, if committed { open } else { Vec::new() });
                    }
                }
                _ if random.one_in(3) => {
                    world.journal.close().unwrap();
                    world = start(&disk, options()).unwrap();
                }
                _ => world.fill(),
            }
            if random.one_in(6) {
                world.tend(now);
            }
        }
        for id in 0..3 {
            if producers.get(&id).is_some_and(|(_, open)| !open.is_empty()) {
                world.end(topic, id, false);
            }
        }
        let expected: BTreeMap<String, String> =
            last.into_iter().filter_map(|(key, (_, value))| Some((key, value?))).collect();
        for pass in 0..40 {
            assert_eq!(committed(&world.journal, topic, &mut random), expected, "seed {seed}, pass {pass}");
            world.fill();
            world.tend(1250 + pass * 100);
        }
        world.produce(topic, &[record(1, 1, 5000)]);
        world.fill();
        world.tend(9000);
        let end = world.journal.bounds(topic, 0).unwrap().high_watermark;
        assert!(world.journal.aborted(topic, 0, 0, end).is_empty(), "nothing is left of them");
        let markers = read_sparse(&world.journal, topic, 0, 1 << 20).into_iter();
        assert_eq!(markers.filter(|stored| stored.bytes[22] & 0x20 != 0).count(), 0);
        assert!(world.files(".compacted") == 1);
    }
}
