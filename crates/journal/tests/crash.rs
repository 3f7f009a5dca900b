//! Power losses, kills and failing fsyncs against a model, on the simulated disk.
//!
//! One thread calls the journal with a seeded mix of everything it can do, and the model notes each call. After a crash
//! the journal must equal the model after some prefix of the calls, no shorter than what was acknowledged.
//! `TAILWATER_DISK_SEEDS` sets how many seeds run (100 by default).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may")]

#[path = "crash/clients.rs"]
mod clients;
#[path = "crash/model.rs"]
mod model;
mod support;

use bytes::Bytes;
use model::{Call, Kept, Model, Piece, connector_id, outline, same, same_batch};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use support::{LONG, Random, at_offset, batch, dir, open_at, read_sparse, transaction};
use tailwater_journal::fs::{Fs, SimFs};
use tailwater_journal::{
    BatchIn, Body, ConnectorId, Journal, JournalError, Options, PlanId, Sequence, SourceState, TopicId, inspect,
};

#[test]
fn nothing_acknowledged_is_lost_whatever_the_disk_forgets() {
    let seeds = std::env::var("TAILWATER_DISK_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    let mut seen = Seen::default();
    for seed in 0..seeds {
        let outcome = std::panic::catch_unwind(|| World::new(seed).live());
        match outcome {
            Ok(one) => seen.add(one),
            Err(panic) => {
                eprintln!("the seed is {seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    eprintln!("{seeds} seeds: {seen:?}");
    // A workload that never meets these would prove nothing.
    if seeds >= 50 {
        let Seen {
            crashes,
            kills,
            in_recovery,
            beyond_one_segment,
            parts_committed,
            retained,
            markers,
            repeated,
            refused,
            copied,
            compacted,
            unacknowledged_kept,
            lost,
        } = seen;
        let lives = [crashes, kills, in_recovery, unacknowledged_kept, lost];
        let content = [beyond_one_segment, parts_committed, retained, markers, repeated, refused, copied, compacted];
        for count in lives.into_iter().chain(content) {
            assert!(count > 0);
        }
    }
}

/// How often something happened that the test is about.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    crashes: u64,
    kills: u64,
    in_recovery: u64,
    beyond_one_segment: u64,
    parts_committed: u64,
    retained: u64,
    /// Markers that were read, batches sent again, and those that were refused.
    markers: u64,
    repeated: u64,
    refused: u64,
    /// Files of the keeper, counted at each step.
    copied: u64,
    compacted: u64,
    unacknowledged_kept: u64,
    lost: u64,
}

impl Seen {
    fn add(&mut self, other: Seen) {
        self.crashes += other.crashes;
        self.kills += other.kills;
        self.in_recovery += other.in_recovery;
        self.beyond_one_segment += other.beyond_one_segment;
        self.parts_committed += other.parts_committed;
        self.retained += other.retained;
        self.markers += other.markers;
        self.repeated += other.repeated;
        self.refused += other.refused;
        self.copied += other.copied;
        self.compacted += other.compacted;
        self.unacknowledged_kept += other.unacknowledged_kept;
        self.lost += other.lost;
    }
}

struct World {
    random: Random,
    disk: SimFs,
    options: Options,
    /// The model before the first of `calls`.
    before: Model,
    calls: Vec<(Call, Option<Sequence>)>,
    /// The model after all calls.
    now: Model,
    /// Calls that are known to be durable.
    acknowledged: usize,
    log_starts: BTreeMap<(u32, usize), i64>,
    /// Offsets that must be kept, and the number of calls before the wish, as long as it may be lost.
    protected: BTreeMap<(u32, usize), (i64, Option<usize>)>,
    /// Topics of which records were deleted or compacted, whether or not that lasted.
    tended: BTreeSet<u32>,
    next: u64,
    time: i64,
    seen: Seen,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x1234_5678_9ABC_DEF1));
        let disk = SimFs::new(seed);
        disk.be_awkward(random.one_in(2));
        let mut options = Options {
            segment_bytes: 16 << 10,
            hot_tail_bytes: if random.one_in(2) { 0 } else { 12 << 10 },
            budget_bytes: Some(1 << 30),
            tend_every: None,
            compact_keys: if random.one_in(2) { 10 } else { 1000 },
            ..Options::default()
        };
        match random.below(3) {
            0 => options.budget_bytes = Some(128 << 10),
            1 => options.retention = Some(Duration::from_millis(200)),
            _ => {}
        }
        Self {
            random,
            disk,
            options,
            before: Model::default(),
            calls: Vec::new(),
            now: Model::default(),
            acknowledged: 0,
            log_starts: BTreeMap::new(),
            protected: BTreeMap::new(),
            tended: BTreeSet::new(),
            next: 1,
            time: 0,
            seen: Seen::default(),
        }
    }

    fn live(mut self) -> Seen {
        for _ in 0..4 {
            let journal = self.start();
            // Some lives end by a power loss in the middle of something, some by a kill, some well.
            let end = self.random.below(5);
            if end < 3 {
                self.disk.power_off_after(self.random.below(160));
            } else if end == 3 && self.random.one_in(2) {
                self.disk.fail_syncs(1);
            }
            let steps = 20 + self.random.below(80);
            for _ in 0..steps {
                if self.step(&journal).is_err() {
                    break;
                }
            }
            self.note_acknowledged(&journal);
            match end {
                4 => {
                    if journal.close().is_ok() {
                        self.acknowledged = self.calls.len();
                    }
                    self.disk.restart();
                }
                3 => {
                    drop(journal);
                    self.disk.restart();
                }
                _ => {
                    self.disk.power_off();
                    drop(journal);
                    self.die();
                    self.seen.crashes += 1;
                }
            }
        }
        let journal = self.start();
        journal.close().unwrap();
        self.seen
    }

    /// The machine loses its power, or only the process is killed: then the cache lives on, until the power goes too.
    fn die(&mut self) {
        if self.random.one_in(3) {
            self.disk.restart();
            self.seen.kills += 1;
        } else {
            self.disk.reboot();
        }
    }

    /// Opens, with crashes during recovery, and compares with the model.
    fn start(&mut self) -> Journal {
        while self.random.one_in(2) {
            self.disk.power_off_after(self.random.below(25));
            let opened = open_at(&self.disk, self.options.clone(), self.time);
            if opened.is_err() {
                assert!(!self.disk.is_powered(), "only the power may stop recovery: {:?}", opened.err());
                self.seen.in_recovery += 1;
            }
            self.disk.power_off();
            drop(opened);
            self.die();
        }
        let report = inspect::verify(&self.disk, dir()).unwrap();
        assert!(report.damage.is_empty(), "{:?}", report.damage);
        let journal = open_at(&self.disk, self.options.clone(), self.time).unwrap();
        self.compare(&journal);
        let now: BTreeMap<String, SourceState> = (0..self.now.connectors.len())
            .map(|number| (format!("connector-{number}"), journal.source(connector_id(number))))
            .collect();
        let mut recoverable = report.recoverable;
        // A connector that was drawn but not acknowledged may be there with nothing in it.
        recoverable.retain(|name, source| now.contains_key(name) || *source != SourceState::default());
        assert_eq!(recoverable, now, "verify shows what opening keeps");
        journal
    }

    /// The journal equals the model after some prefix of the calls; the model goes on from there.
    fn compare(&mut self, journal: &Journal) {
        let mut model = self.before.clone();
        for (call, _) in &self.calls[..self.acknowledged] {
            model.apply(call);
        }
        let actual = outline(journal, self.now.connectors.len());
        let mut kept = self.acknowledged;
        while !same(&model.outline(), &actual) {
            let Some((call, _)) = self.calls.get(kept) else {
                panic!(
                    "no prefix of {} calls, {} acknowledged, gives {actual:?}\nall of them give {:?}",
                    self.calls.len(),
                    self.acknowledged,
                    model.outline()
                );
            };
            model.apply(call);
            kept += 1;
        }
        self.seen.unacknowledged_kept += (kept - self.acknowledged) as u64;
        self.seen.lost += (self.calls.len() - kept) as u64;
        for connector in &mut model.connectors {
            // The process that had begun them is gone.
            connector.open.clear();
        }
        for (id, descriptor) in &model.plans {
            assert_eq!(journal.plan_descriptor(PlanId(*id)).as_ref(), Some(descriptor));
        }
        let acknowledged = self.acknowledged;
        self.protected.retain(|_, (_, before)| before.is_none_or(|before| before < acknowledged));
        self.protected.values_mut().for_each(|(_, before)| *before = None);
        self.before = model.clone();
        self.now = model;
        self.calls.clear();
        self.acknowledged = 0;
        self.log_starts.retain(|(topic, _), _| self.now.topics.contains_key(topic));
        self.protected.retain(|(topic, _), _| self.now.topics.contains_key(topic));
        self.check_content(journal);
    }

    /// All that can be read equals the model, from the log start to the high watermark.
    fn check_content(&mut self, journal: &Journal) {
        let max_bytes = 1 + self.random.below(20_000) as usize;
        for (id, topic) in &self.now.topics {
            for (partition, row) in topic.partitions.iter().enumerate() {
                let batches = read_sparse(journal, TopicId(*id), partition as u32, max_bytes);
                let mut bounds = journal.bounds(TopicId(*id), partition as u32).unwrap();
                bounds.log_start = batches.first().map_or(bounds.high_watermark, |batch| batch.base_offset);
                let start = self.log_starts.entry((*id, partition)).or_default();
                assert!(bounds.log_start >= *start, "a log start goes back");
                *start = bounds.log_start;
                // Compacting takes the markers of commits; all other batches have no keys that it could read.
                let there: BTreeSet<i64> = batches.iter().map(|batch| batch.base_offset).collect();
                let taken = |kept: &&Kept| kept.is_commit() && self.tended.contains(id) && !there.contains(&kept.base);
                let kept = row.iter().filter(|kept| kept.base >= bounds.log_start && !taken(kept));
                let expected: Vec<_> = kept.collect();
                if bounds.log_start > 0 {
                    self.seen.retained += 1;
                }
                let trimmed = topic.trimmed.get(&(partition as u32)).copied();
                assert!(trimmed.is_none_or(|trimmed| bounds.log_start >= trimmed), "deleted records are back");
                if let Some((needed, _)) = self.protected.get(&(*id, partition)) {
                    assert!(bounds.log_start <= *needed, "a protected record is gone");
                }
                assert_eq!(batches.len(), expected.len(), "topic {id} partition {partition}");
                // Of a segment in the middle of which the partition begins, all its bytes count.
                assert!(
                    self.tended.contains(id)
                        || bounds.bytes <= batches.iter().map(|batch| batch.bytes.len() as u64).sum::<u64>()
                );
                self.seen.markers += expected.iter().filter(|kept| kept.content.is_empty()).count() as u64;
                clients::check_stable(journal, *id, topic, partition as u32);
                for (actual, expected) in batches.iter().zip(expected) {
                    same_batch(actual, expected);
                    let wanted = actual.max_timestamp;
                    let time = journal.offset_at(TopicId(*id), partition as u32, wanted).unwrap();
                    let first = batches.iter().find(|batch| batch.max_timestamp >= wanted).unwrap();
                    let still = journal.bounds(TopicId(*id), partition as u32).unwrap().log_start;
                    if still == bounds.log_start {
                        assert_eq!(time, first.base_offset, "time index");
                    }
                }
            }
        }
    }

    fn note_acknowledged(&mut self, journal: &Journal) {
        let Ok(durable) = journal.durable() else { return };
        let known = |(_, sequence): &(Call, Option<Sequence>)| sequence.is_some_and(|sequence| sequence <= durable);
        let count = self.calls.iter().rposition(known).map_or(0, |last| last + 1);
        self.acknowledged = self.acknowledged.max(count);
    }

    fn called(&mut self, call: Call, sequence: Option<Sequence>) {
        self.now.apply(&call);
        self.calls.push((call, sequence));
    }

    /// Notes a call that returns only when it is durable.
    fn settled(&mut self, call: Call, result: Result<(), JournalError>) -> Result<(), JournalError> {
        // When it failed it may yet be found after the crash.
        self.called(call, None);
        if result.is_ok() {
            self.acknowledged = self.calls.len();
        }
        result
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn pieces(&mut self, some: bool) -> Vec<(Piece, BatchIn)> {
        let topics: Vec<(u32, usize)> =
            self.now.topics.iter().map(|(id, topic)| (*id, topic.partitions.len())).collect();
        if topics.is_empty() {
            return Vec::new();
        }
        let count = u64::from(some) + self.random.below(4);
        let mut pieces = Vec::new();
        for _ in 0..count {
            let (topic, partitions) = topics[self.random.below(topics.len() as u64) as usize];
            let partition = self.random.below(partitions as u64) as u32;
            let records = 1 + self.random.below(9) as u32;
            let length = 61 + self.random.below(1500) as usize;
            let tag = self.fresh();
            let made = batch(TopicId(topic), partition, records, length, tag);
            pieces.push((Piece { topic, partition, content: made.bytes.clone().freeze(), records, tag }, made));
        }
        pieces
    }

    fn step(&mut self, journal: &Journal) -> Result<(), JournalError> {
        self.time = self.next as i64;
        if self.now.connectors.is_empty() || (self.now.connectors.len() < 3 && self.random.one_in(20)) {
            let name = format!("connector-{}", self.now.connectors.len());
            let made = journal.connector(&name);
            if let Ok(id) = &made {
                assert_eq!(*id, connector_id(self.now.connectors.len()));
            }
            return self.settled(Call::Connector, made.map(|_| ()));
        }
        let connector = self.random.below(self.now.connectors.len() as u64) as usize;
        let id = connector_id(connector);
        let source = self.now.connectors[connector].source.clone();
        if self.now.topics.is_empty() || (self.now.topics.len() < 5 && self.random.one_in(10)) {
            let name = format!("topic-{}", self.fresh());
            let partitions = 1 + self.random.below(3) as u32;
            if self.random.one_in(2) {
                return self.client_topic(journal, name, partitions);
            }
            let made = journal.create_topic(&name, partitions);
            let id = made.as_ref().map_or(u32::MAX, |topic| topic.0);
            return self.settled_topic(Call::Topic { id, name, partitions }, made.map(|_| ()));
        }
        let position = self.fresh().to_le_bytes().to_vec();
        let part_of = self.now.connectors[connector].open.keys().next().copied();
        match self.random.below(60) {
            40..=49 => self.produce(journal)?,
            50..=53 => self.end_transaction(journal)?,
            54 => {
                let (id, config) = (*self.now.topics.keys().next_back().unwrap(), self.config());
                let altered = journal.alter_topic(TopicId(id), config.clone());
                return self.settled(Call::Alter { topic: id, config }, altered);
            }
            55 => {
                let (id, topic) = self.now.topics.iter().next_back().unwrap();
                let (topic, partitions) = (*id, topic.partitions.len() as u32 + 1);
                let grown = journal.add_partitions(TopicId(topic), partitions);
                return self.settled(Call::Grow { topic, partitions }, grown);
            }
            56..=57 => return self.trim(journal),
            58 => {
                self.tended.extend(self.now.topics.keys());
                journal.tend()?;
            }
            0..=15 => {
                let (pieces, batches): (Vec<_>, Vec<_>) = self.pieces(false).into_iter().unzip();
                let xid = self.fresh();
                let body =
                    Body::Transactions { position: position.clone(), transactions: vec![transaction(xid)], batches };
                let sequence = journal.append(id, source.era, body)?;
                self.called(Call::Transactions { connector, position, xid: xid as u32, pieces }, Some(sequence));
            }
            16..=21 => {
                let part_of = match part_of {
                    Some(part_of) if !self.random.one_in(4) => part_of,
                    _ => self.fresh(),
                };
                let (pieces, batches): (Vec<_>, Vec<_>) = self.pieces(true).into_iter().unzip();
                let sequence = journal.append(id, source.era, Body::Part { part_of, batches })?;
                self.called(Call::Part { connector, part_of, pieces }, Some(sequence));
            }
            22..=24 => {
                let Some(part_of) = part_of else { return Ok(()) };
                let (pieces, batches): (Vec<_>, Vec<_>) = self.pieces(false).into_iter().unzip();
                let xid = self.fresh();
                let body =
                    Body::PartCommit { part_of, position: position.clone(), transaction: transaction(xid), batches };
                let sequence = journal.append(id, source.era, body)?;
                let xid = xid as u32;
                self.called(Call::PartCommit { connector, part_of, position, xid, pieces }, Some(sequence));
                self.seen.parts_committed += 1;
            }
            25 => {
                let Some(part_of) = part_of else { return Ok(()) };
                let sequence = journal.append(id, source.era, Body::PartAbort { part_of })?;
                self.called(Call::PartAbort { connector, part_of }, Some(sequence));
            }
            26..=28 => {
                let sequence = journal.append(id, source.era, Body::Progress { position: position.clone() })?;
                self.called(Call::Progress { connector, position }, Some(sequence));
            }
            29..=30 => {
                let key = format!("key-{}", self.random.below(4));
                let value = if self.random.one_in(4) { Bytes::new() } else { Bytes::from(position) };
                let entries = vec![(key, value)];
                let sequence = journal.append(id, source.era, Body::Entries(entries.clone()))?;
                self.called(Call::Entries { connector, entries }, Some(sequence));
            }
            31 => {
                let begun = journal.begin_era(id, &position);
                return self.settled(Call::Era { connector, identity: position }, begun.map(|_| ()));
            }
            32 => {
                let descriptor = Bytes::from(vec![b'p'; 10 + self.random.below(2000) as usize]);
                if self.now.plans.values().all(|known| *known != descriptor) {
                    let plan = journal.plan(&descriptor)?;
                    // Its sequence is not told, so it counts once a later call is durable.
                    self.called(Call::Plan { id: plan.0, descriptor }, None);
                }
            }
            33 if self.now.topics.len() > 2 => {
                let topic = *self.now.topics.keys().next().unwrap();
                let deleted = journal.delete_topic(&self.now.topics[&topic].name.clone());
                self.log_starts.retain(|(id, _), _| *id != topic);
                self.protected.retain(|(id, _), _| *id != topic);
                return self.settled(Call::DeleteTopic(topic), deleted);
            }
            34 if self.options.retention.is_some() => self.protect(journal, id),
            35..=36 => self.read_something(journal)?,
            37 => self.fill_the_disk(journal)?,
            _ => {
                if let Some(sequence) = self.calls.iter().rev().find_map(|(_, sequence)| *sequence) {
                    journal.wait_durable(sequence, LONG)?;
                    self.note_acknowledged(journal);
                }
            }
        }
        self.note_acknowledged(journal);
        if journal.bounds(TopicId(u32::MAX), 0).is_ok() {
            panic!("a topic that was never made");
        }
        let files = self.disk.list(dir()).unwrap_or_default();
        let named =
            |suffix: &str| files.iter().filter(|(name, _)| name.contains('-') && name.ends_with(suffix)).count();
        self.seen.copied += named(".segment") as u64;
        self.seen.compacted += named(".compacted") as u64;
        self.seen.beyond_one_segment += u64::from(self.disk.content(&segment(2)).is_some());
        Ok(())
    }

    /// A topic whose call failed has an unknown number; the journal gives them in order.
    fn settled_topic(&mut self, call: Call, result: Result<(), JournalError>) -> Result<(), JournalError> {
        let call = match call {
            Call::Topic { id: u32::MAX, name, partitions } => {
                let id = self.topics_ever() + 1;
                Call::Topic { id, name, partitions }
            }
            call => call,
        };
        self.settled(call, result)
    }

    fn topics_ever(&self) -> u32 {
        let made = |(call, _): &(Call, _)| match call {
            Call::Topic { id, .. } | Call::ClientTopic { id, .. } => Some(*id),
            _ => None,
        };
        let before = self.before.topics.keys().max().copied().unwrap_or_default();
        self.calls.iter().filter_map(made).max().unwrap_or(before).max(before)
    }

    fn protect(&mut self, journal: &Journal, connector: ConnectorId) {
        let Some((id, topic)) = self.now.topics.iter().next() else { return };
        let partition = topic.partitions.len() - 1;
        let wanted = self.now.high_watermark(*id, partition);
        // Only forwards, as a sink does: a crash may bring back an earlier wish, never a later one.
        journal.protect(connector, TopicId(*id), partition as u32, wanted);
        self.protected.insert((*id, partition), (wanted, Some(self.calls.len())));
        // Until it is durable retention may have gone further.
        if let (Ok(bounds), Some(known)) =
            (journal.bounds(TopicId(*id), partition as u32), self.protected.get_mut(&(*id, partition)))
        {
            known.0 = known.0.max(bounds.log_start);
        }
    }

    /// What is visible while the workload runs equals the model too.
    fn read_something(&mut self, journal: &Journal) -> Result<(), JournalError> {
        let (id, topic) = self.now.topics.iter().next().unwrap();
        for (partition, row) in topic.partitions.iter().enumerate() {
            let Ok(bounds) = journal.bounds(TopicId(*id), partition as u32) else { continue };
            let span = (bounds.high_watermark - bounds.log_start) as u64;
            let from = bounds.log_start + if span == 0 { 0 } else { self.random.below(span) as i64 };
            let batches = match journal.read(TopicId(*id), partition as u32, from, 5000) {
                Err(JournalError::OffsetOutOfRange { .. }) => continue,
                other => other?,
            };
            for actual in &batches {
                let expected = row.iter().find(|kept| kept.base == actual.base_offset);
                same_batch(actual, expected.expect("only what was appended can be read"));
            }
        }
        Ok(())
    }

    /// The disk has no room for a while: the journal says so and then goes on by itself.
    fn fill_the_disk(&mut self, journal: &Journal) -> Result<(), JournalError> {
        let connector = 0;
        let source = self.now.connectors[connector].source.clone();
        let position = self.fresh().to_le_bytes().to_vec();
        self.disk.set_capacity(self.disk.used() + self.random.below(40));
        let body = Body::Progress { position: position.clone() };
        let appended = journal.append(connector_id(connector), source.era, body);
        if let Ok(sequence) = appended {
            self.called(Call::Progress { connector, position }, Some(sequence));
            let mut waits = journal.wait_durable(sequence, Duration::from_millis(1));
            while matches!(waits, Ok(false)) && journal.paused().is_none() {
                waits = journal.wait_durable(sequence, Duration::from_millis(1));
            }
            self.disk.set_capacity(u64::MAX);
            // A new frame wakes the writer, which saves the test a pause.
            let position = self.fresh().to_le_bytes().to_vec();
            let body = Body::Progress { position: position.clone() };
            let sequence = journal.append(connector_id(connector), source.era, body)?;
            self.called(Call::Progress { connector, position }, Some(sequence));
            assert!(journal.wait_durable(sequence, LONG)?, "it goes on by itself");
            let mut seen = 0;
            while journal.paused().is_some() {
                journal.durable()?;
                seen = journal.wait_change(seen, LONG);
            }
        }
        self.disk.set_capacity(u64::MAX);
        appended.map(|_| ())
    }
}

fn segment(number: u64) -> std::path::PathBuf {
    dir().join(format!("{number:020}.segment"))
}

#[test]
fn a_batch_reads_back_with_its_offset_in_place() {
    let made = batch(TopicId(1), 0, 1, 100, 7);
    assert_eq!(at_offset(&made, 258)[..8], [0, 0, 0, 0, 0, 0, 1, 2]);
}
