//! What the frames so far add up to: connectors, positions, topics, plans, open transactions.
//!
//! One function, [`State::apply`], moves it on. Recovery, the writer, the queue and `verify` all use it, so they cannot
//! disagree. The state opens every segment (`state/codec.rs`), so older segments are never needed to find it.

mod clients;
mod codec;

use crate::SourceState;
use crate::record::{Base, Batch, Record};
use bytes::Bytes;
pub(crate) use clients::{Arriving, Clients, Ending, Tentative, Verdict};
pub(crate) use codec::UNKNOWN_RECORD;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Everything that outlives a segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Size budget drawn when the journal was made.
    pub(crate) budget: u64,
    /// Segments before this one are gone, or about to go.
    pub(crate) oldest_segment: u64,
    /// Numbers last drawn.
    pub(crate) last_connector: u32,
    pub(crate) last_topic: u32,
    pub(crate) last_era: u32,
    pub(crate) last_plan: u32,
    /// Producer ids below this one are drawn.
    pub(crate) producer_ids: i64,
    pub(crate) connectors: BTreeMap<u32, Connector>,
    pub(crate) topics: BTreeMap<u32, Topic>,
    /// Numbers of the topics by name.
    pub(crate) names: HashMap<String, u32>,
    /// What clients' producers have open and wrote last.
    pub(crate) clients: Clients,
    pub(crate) plans: BTreeMap<u32, Bytes>,
    /// Big transactions without an end yet, by connector and id.
    pub(crate) open: BTreeMap<(u32, u64), OpenTransaction>,
    /// What retention must keep: by connector, topic and partition, from this offset on.
    pub(crate) protections: BTreeMap<(u32, u32, u32), i64>,
    pub(crate) segments: BTreeMap<u64, SegmentState>,
    /// By topic and partition: generation of the file that holds what compacting left, and up to which offset.
    pub(crate) compacted: BTreeMap<(u32, u32), (u32, i64)>,
}

/// A connector.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Connector {
    pub(crate) name: String,
    pub(crate) source: SourceState,
    pub(crate) entries: BTreeMap<String, Bytes>,
}

/// A topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) partitions: Vec<Partition>,
    /// Made by clients, not by a connector.
    pub(crate) of_clients: bool,
    /// What was set by name, as clients spell it.
    pub(crate) config: BTreeMap<String, String>,
}

/// Bounds of a partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Partition {
    pub(crate) log_start: i64,
    pub(crate) high_watermark: i64,
}

/// A big transaction whose parts are written and whose end is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OpenTransaction {
    pub(crate) parts: Vec<Part>,
    /// Records in them, per partition.
    pub(crate) records: BTreeMap<(u32, u32), u64>,
}

/// One part frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) at: At,
    pub(crate) slices: Vec<Slice>,
}

/// What a part holds of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) topic: u32,
    pub(crate) partition: u32,
    /// Records of the partition in earlier parts.
    pub(crate) relative: i64,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) max_timestamp: i64,
}

/// Where a frame lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) segment: u64,
    pub(crate) position: u64,
}

/// What retention must know of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentState {
    /// Largest record timestamp in it, `i64::MIN` without records.
    pub(crate) max_timestamp: i64,
    /// The segment must stay as long as this one: it holds parts that were committed there.
    pub(crate) pinned_through: u64,
}

impl Default for SegmentState {
    fn default() -> Self {
        Self { max_timestamp: i64::MIN, pinned_through: 0 }
    }
}

impl OpenTransaction {
    /// Takes the next part.
    fn push(&mut self, part: Part) {
        for slice in &part.slices {
            *self.records.entry((slice.topic, slice.partition)).or_default() += slice.records;
        }
        self.parts.push(part);
    }
}

impl State {
    /// A partition, by number of topic and partition.
    pub(crate) fn partition(&self, topic: u32, partition: u32) -> Option<&Partition> {
        self.topics.get(&topic)?.partitions.get(partition as usize)
    }

    fn partition_mut(&mut self, topic: u32, partition: u32) -> Option<&mut Partition> {
        self.topics.get_mut(&topic)?.partitions.get_mut(partition as usize)
    }

    /// A topic by name.
    pub(crate) fn topic_named(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// First offset of a partition that a transaction still holds back, or its high watermark.
    pub(crate) fn last_stable(&self, topic: u32, partition: u32) -> Option<i64> {
        let known = self.partition(topic, partition)?;
        let open = self.clients.first_open((topic, partition)).unwrap_or(i64::MAX);
        Some(open.min(known.high_watermark).max(known.log_start))
    }

    /// Where the parts of a transaction will begin if it commits now.
    pub(crate) fn bases(&self, connector: u32, part_of: u64) -> (u32, Vec<Base>) {
        let Some(open) = self.open.get(&(connector, part_of)) else {
            return (0, Vec::new());
        };
        let bases = open.records.iter().filter_map(|(&(topic, partition), &records)| {
            // A topic deleted since takes its records with it.
            let offset = self.partition(topic, partition)?.high_watermark;
            Some(Base { topic, partition, offset, records })
        });
        (u32::try_from(open.parts.len()).unwrap_or(u32::MAX), bases.collect())
    }

    /// Moves on by one frame. The answer is the big transaction that it committed, for the index. An error means that
    /// the frame contradicts what came before it.
    pub(crate) fn apply(
        &mut self,
        connector: u32,
        era: u32,
        record: &Record,
        at: At,
    ) -> Result<Option<OpenTransaction>, &'static str> {
        match record {
            Record::Transactions { position, batches, .. } => {
                self.source_moves(connector, position)?;
                self.take(batches, at)?;
            }
            Record::Part { part_of, batches } => self.part(connector, *part_of, batches, at)?,
            Record::PartCommit { part_of, position, parts, bases, batches, .. } => {
                let open = self.open.remove(&(connector, *part_of)).unwrap_or_default();
                if open.parts.len() != *parts as usize {
                    return Err("a commit does not name all parts of its transaction");
                }
                self.source_moves(connector, position)?;
                self.take_bases(bases, &open)?;
                self.take(batches, at)?;
                for part in &open.parts {
                    let segment = self.segments.entry(part.at.segment).or_default();
                    segment.pinned_through = segment.pinned_through.max(at.segment);
                }
                return Ok(Some(open));
            }
            Record::PartAbort { part_of } => {
                self.open.remove(&(connector, *part_of));
            }
            Record::Progress { position } => self.source_moves(connector, position)?,
            Record::Entries(entries) => self.set_entries(connector, entries)?,
            Record::Era { identity } => {
                self.known(connector)?.source = SourceState { era, identity: identity.clone(), position: Vec::new() };
                self.last_era = self.last_era.max(era);
                // A big transaction of the era before has lost its identity.
                self.open.retain(|(of, _), _| *of != connector);
            }
            Record::Connector { name } => {
                self.last_connector = self.last_connector.max(connector);
                self.connectors.entry(connector).or_default().name = name.clone();
            }
            Record::TopicCreate { topic, name, partitions } => {
                self.add_topic(*topic, name, *partitions, Topic::default());
            }
            Record::TopicMake { topic, name, partitions, change, config } => {
                let config = config.iter().cloned().collect();
                self.add_topic(*topic, name, *partitions, Topic { of_clients: !change, config, ..Topic::default() });
            }
            Record::TopicAlter { topic, change, config } => {
                if let Some(topic) = self.topics.get_mut(topic) {
                    topic.of_clients = !change;
                    topic.config = config.iter().cloned().collect();
                }
            }
            Record::TopicGrow { topic, partitions } => {
                if let Some(topic) = self.topics.get_mut(topic) {
                    let partitions = topic.partitions.len().max(*partitions as usize);
                    topic.partitions.resize(partitions, Partition::default());
                }
            }
            Record::TopicDelete { topic } => {
                if let Some(topic) = self.topics.remove(topic) {
                    self.names.remove(&topic.name);
                }
                self.clients.forget_topic(*topic);
                self.compacted.retain(|(of, _), _| of != topic);
                self.protections.retain(|(_, of, _), _| of != topic);
            }
            Record::Plan { plan, descriptor } => {
                self.last_plan = self.last_plan.max(*plan);
                self.plans.insert(*plan, descriptor.clone());
            }
            Record::Protect { topic, partition, needed_from } => {
                let key = (connector, *topic, *partition);
                if *needed_from == i64::MAX {
                    self.protections.remove(&key);
                } else {
                    self.protections.insert(key, *needed_from);
                }
            }
            Record::Retain { oldest_segment, starts } => {
                self.oldest_segment = self.oldest_segment.max(*oldest_segment);
                self.segments.retain(|number, _| number >= oldest_segment);
                self.trim(starts);
            }
            Record::Trim { starts } => self.trim(starts),
            Record::Produced { now_ms, batches, stamps } => {
                self.take(batches, at)?;
                for stamp in stamps {
                    let batch = batches.get(stamp.batch as usize).ok_or("a producer is named without its batch")?;
                    let arriving = Arriving {
                        stamp: stamp.producer,
                        base_offset: batch.base_offset,
                        records: batch.records,
                        max_timestamp: batch.max_timestamp,
                        now_ms: *now_ms,
                    };
                    self.clients.produced((batch.topic, batch.partition), &arriving);
                }
            }
            Record::TransactionEnd {
                connector,
                now_ms,
                producer,
                epoch,
                commit,
                coordinator_epoch,
                batches,
                entries,
            } => {
                self.take(batches, at)?;
                for marker in batches {
                    let ending = Ending {
                        producer: *producer,
                        epoch: *epoch,
                        commit: *commit,
                        coordinator_epoch: *coordinator_epoch,
                        offset: marker.base_offset,
                        now_ms: *now_ms,
                    };
                    self.clients.ended((marker.topic, marker.partition), &ending);
                }
                if !entries.is_empty() {
                    self.set_entries(*connector, entries)?;
                }
            }
            Record::Compacted { topic, partition, generation, until } => {
                if self.partition(*topic, *partition).is_some_and(|known| known.log_start < *until) {
                    self.compacted.insert((*topic, *partition), (*generation, *until));
                }
            }
            Record::ForgetAborted { topic, partition, below } => {
                self.clients.forget_aborted((*topic, *partition), *below)
            }
            Record::Copies { .. } => return Err("copies of batches stand where the journal goes on"),
            Record::ProducerIds { below } => self.producer_ids = self.producer_ids.max(*below),
            Record::State { .. } | Record::Seal { .. } | Record::Mark | Record::Skipped => {}
        }
        Ok(None)
    }

    /// Adds a topic under its number; what a state's bytes say of it comes in through here too.
    fn add_topic(&mut self, id: u32, name: &str, partitions: u32, topic: Topic) {
        self.last_topic = self.last_topic.max(id);
        self.names.insert(name.to_string(), id);
        let partitions = vec![Partition::default(); partitions as usize];
        self.topics.insert(id, Topic { name: name.to_string(), partitions, ..topic });
    }

    fn set_entries(&mut self, connector: u32, entries: &[(String, Bytes)]) -> Result<(), &'static str> {
        let known = &mut self.known(connector)?.entries;
        for (key, value) in entries {
            if value.is_empty() {
                known.remove(key);
            } else {
                known.insert(key.clone(), value.clone());
            }
        }
        Ok(())
    }

    /// Moves log starts on, never back and never beyond what is there.
    fn trim(&mut self, starts: &[(u32, u32, i64)]) {
        for &(topic, partition, start) in starts {
            if let Some(known) = self.partition_mut(topic, partition) {
                known.log_start = known.log_start.max(start.min(known.high_watermark));
                let log_start = known.log_start;
                self.clients.forget_aborted((topic, partition), log_start);
                if self.compacted.get(&(topic, partition)).is_some_and(|(_, until)| *until <= log_start) {
                    self.compacted.remove(&(topic, partition));
                }
            }
        }
    }

    fn known(&mut self, connector: u32) -> Result<&mut Connector, &'static str> {
        self.connectors.get_mut(&connector).ok_or("a frame belongs to an unknown connector")
    }

    fn source_moves(&mut self, connector: u32, position: &[u8]) -> Result<(), &'static str> {
        self.known(connector)?.source.position = position.to_vec();
        Ok(())
    }

    /// Takes visible batches: each begins where its partition ends.
    fn take(&mut self, batches: &[Batch], at: At) -> Result<(), &'static str> {
        let mut latest = i64::MIN;
        for batch in batches {
            let partition =
                self.partition_mut(batch.topic, batch.partition).ok_or("records of an unknown partition")?;
            if partition.high_watermark != batch.base_offset {
                return Err("offsets are not dense");
            }
            partition.high_watermark = end_of(batch.base_offset, u64::from(batch.records))?;
            latest = latest.max(batch.max_timestamp);
        }
        let segment = self.segments.entry(at.segment).or_default();
        segment.max_timestamp = segment.max_timestamp.max(latest);
        Ok(())
    }

    fn take_bases(&mut self, bases: &[Base], open: &OpenTransaction) -> Result<(), &'static str> {
        let mut named = BTreeSet::new();
        for base in bases {
            let key = (base.topic, base.partition);
            let partition = self.partition_mut(key.0, key.1).ok_or("a commit names an unknown partition")?;
            if partition.high_watermark != base.offset || open.records.get(&key) != Some(&base.records) {
                return Err("a commit contradicts the parts of its transaction");
            }
            partition.high_watermark = end_of(base.offset, base.records)?;
            named.insert(key);
        }
        let forgotten = open.records.keys().any(|key| !named.contains(key) && self.partition(key.0, key.1).is_some());
        if forgotten { Err("a commit forgets a partition of its transaction") } else { Ok(()) }
    }

    fn part(&mut self, connector: u32, part_of: u64, batches: &[Batch], at: At) -> Result<(), &'static str> {
        let open = self.open.entry((connector, part_of)).or_default();
        let mut slices: Vec<Slice> = Vec::new();
        for batch in batches {
            let key = (batch.topic, batch.partition);
            let earlier = open.records.get(&key).copied().unwrap_or_default();
            let known = slices.iter_mut().find(|slice| (slice.topic, slice.partition) == key);
            let relative = end_of(0, earlier + known.as_ref().map_or(0, |slice| slice.records))?;
            if relative != batch.base_offset {
                return Err("relative offsets are not dense");
            }
            match known {
                Some(slice) => {
                    slice.records += u64::from(batch.records);
                    slice.bytes += u64::from(batch.bytes);
                    slice.max_timestamp = slice.max_timestamp.max(batch.max_timestamp);
                }
                None => slices.push(Slice {
                    topic: batch.topic,
                    partition: batch.partition,
                    relative,
                    records: u64::from(batch.records),
                    bytes: u64::from(batch.bytes),
                    max_timestamp: batch.max_timestamp,
                }),
            }
        }
        let latest = slices.iter().map(|slice| slice.max_timestamp).max().unwrap_or(i64::MIN);
        open.push(Part { at, slices });
        let segment = self.segments.entry(at.segment).or_default();
        segment.max_timestamp = segment.max_timestamp.max(latest);
        Ok(())
    }
}

fn end_of(base: i64, records: u64) -> Result<i64, &'static str> {
    i64::try_from(records).ok().and_then(|records| base.checked_add(records)).ok_or("an offset is too large")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TransactionMeta;

    fn batch(base_offset: i64, records: u32) -> Batch {
        Batch {
            topic: 1,
            partition: 0,
            base_offset,
            records,
            bytes: 100,
            crc: 0,
            max_timestamp: base_offset,
            plan: 0,
            encoding: 0,
            runs: Vec::new(),
        }
    }

    fn state() -> State {
        let mut state = State::default();
        let at = At::default();
        state.apply(1, 0, &Record::Connector { name: "c".into() }, at).unwrap();
        state.apply(0, 0, &Record::TopicCreate { topic: 1, name: "t".into(), partitions: 1 }, at).unwrap();
        state
    }

    fn commit(state: &mut State, segment: u64) -> Result<Option<OpenTransaction>, &'static str> {
        let (parts, bases) = state.bases(1, 9);
        let record = Record::PartCommit {
            part_of: 9,
            position: vec![1],
            transaction: TransactionMeta::default(),
            parts,
            bases,
            batches: vec![],
        };
        state.apply(1, 0, &record, At { segment, position: 0 })
    }

    #[test]
    fn parts_use_no_offsets_until_their_commit_and_pin_their_segment_to_it() {
        let mut state = state();
        for (relative, segment) in [(0, 3), (5, 4)] {
            let part = Record::Part { part_of: 9, batches: vec![batch(relative, 5)] };
            state.apply(1, 0, &part, At { segment, position: 64 }).unwrap();
        }
        assert_eq!(state.partition(1, 0).unwrap().high_watermark, 0);
        let open = commit(&mut state, 6).unwrap().unwrap();
        assert_eq!(open.parts.len(), 2);
        assert_eq!(state.partition(1, 0).unwrap().high_watermark, 10);
        assert_eq!((state.segments[&3].pinned_through, state.segments[&4].pinned_through), (6, 6));
    }

    #[test]
    fn an_aborted_transaction_leaves_nothing() {
        let mut state = state();
        let before = state.clone();
        let at = At { segment: 1, position: 0 };
        state.apply(1, 0, &Record::Part { part_of: 9, batches: vec![batch(0, 5)] }, at).unwrap();
        state.apply(1, 0, &Record::PartAbort { part_of: 9 }, at).unwrap();
        state.segments.clear();
        assert_eq!(state, before);
    }

    #[test]
    fn offsets_with_a_gap_are_refused() {
        let mut state = state();
        let record =
            |base| Record::Transactions { position: vec![], transactions: vec![], batches: vec![batch(base, 2)] };
        state.apply(1, 0, &record(0), At::default()).unwrap();
        assert!(state.apply(1, 0, &record(3), At::default()).is_err());
        assert!(state.clone().apply(2, 0, &record(2), At::default()).is_err(), "unknown connector");
    }

    #[test]
    fn a_topic_deleted_before_the_commit_takes_its_records_with_it() {
        let mut state = state();
        let at = At { segment: 1, position: 0 };
        state.apply(1, 0, &Record::Part { part_of: 9, batches: vec![batch(0, 5)] }, at).unwrap();
        state.apply(0, 0, &Record::TopicDelete { topic: 1 }, at).unwrap();
        assert!(commit(&mut state, 1).unwrap().is_some());
    }

    #[test]
    fn a_new_era_forgets_the_position_of_the_one_before() {
        let mut state = state();
        state.apply(1, 0, &Record::Progress { position: vec![7] }, At::default()).unwrap();
        state.apply(1, 1, &Record::Era { identity: vec![1] }, At::default()).unwrap();
        let source = &state.connectors[&1].source;
        assert_eq!((source.era, source.position.len(), state.last_era), (1, 0, 1));
    }
}
