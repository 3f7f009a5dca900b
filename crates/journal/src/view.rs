//! What readers see: everything durable, moved on in one step after each fsync.

use crate::files::FileId;
use crate::hot::HotTail;
use crate::index::{self, SegmentIndex, Source};
use crate::policy::Policy;
use crate::record::{Batch, Record};
use crate::segment::Link;
use crate::state::{At, State, Topic};
use crate::{Bounds, ConnectorId, JournalError, PlanId, StoredBatch, TopicId, TopicMeta, TransactionMeta};
use bytes::Bytes;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Number of a topic, and of a partition in it.
pub(crate) type Key = (u32, u32);

/// The durable state with the indexes over it.
pub(crate) struct View {
    pub(crate) state: State,
    pub(crate) hot: HotTail,
    /// Per partition the segments that hold it, oldest first.
    pub(crate) places: HashMap<Key, Vec<Place>>,
    /// How many partitions have a place in each segment.
    living: HashMap<u64, usize>,
    /// Segments before the active one.
    pub(crate) sealed: BTreeMap<u64, SealedSegment>,
    pub(crate) compacted: BTreeMap<Key, Compacted>,
    pub(crate) active: u64,
    pub(crate) active_index: SegmentIndex,
    /// Bytes of the active segment.
    pub(crate) active_bytes: u64,
    /// When it was begun, or the journal opened.
    pub(crate) active_since_ms: i64,
    /// Topics of which every key's last record must stay, whatever the budget.
    compact_only: BTreeSet<u32>,
}

/// Where a place says segment 0, the partition's compacted file is meant: it comes before all segments.
pub(crate) const COMPACTED: u64 = 0;

/// A partition in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) segment: u64,
    /// First offset there.
    pub(crate) base: i64,
    pub(crate) max_timestamp: i64,
    pub(crate) bytes: u64,
}

/// A segment that is written no more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SealedSegment {
    pub(crate) bytes: u64,
    /// The last frame of its file.
    pub(crate) link: Link,
    pub(crate) generation: u32,
}

impl SealedSegment {
    /// Its file.
    pub(crate) fn file_id(&self, number: u64) -> FileId {
        FileId::Segment { number, generation: self.generation }
    }
}

/// What compacting left of the beginning of a partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compacted {
    pub(crate) key: Key,
    pub(crate) generation: u32,
    pub(crate) bytes: u64,
    /// The last frame of its file.
    pub(crate) link: Link,
    /// The offset up to which it stands for the segments.
    pub(crate) until: i64,
    /// The offset up to which it is compacted.
    pub(crate) clean: i64,
}

impl Compacted {
    /// Its file.
    pub(crate) fn file_id(&self) -> FileId {
        FileId::Compacted { topic: self.key.0, partition: self.key.1, generation: self.generation }
    }
}

/// An index entry with the offset at which the next one takes over.
#[derive(Debug, Clone)]
pub(crate) struct Lookup {
    pub(crate) file: FileId,
    pub(crate) base: i64,
    pub(crate) end: i64,
    pub(crate) source: Source,
    /// The transaction, for parts.
    pub(crate) transaction: Option<Arc<TransactionMeta>>,
}

/// A frame as it is published.
pub(crate) struct Written {
    pub(crate) connector: u32,
    pub(crate) era: u32,
    pub(crate) record: Record,
    /// The record batches, in the record's order.
    pub(crate) payload: Vec<Bytes>,
    pub(crate) at: At,
}

impl View {
    /// A view over a state, without segments yet.
    pub(crate) fn new(state: State, active: u64) -> Self {
        let mut view = Self {
            state,
            hot: HotTail::default(),
            places: HashMap::new(),
            living: HashMap::new(),
            sealed: BTreeMap::new(),
            compacted: BTreeMap::new(),
            active,
            active_index: SegmentIndex::default(),
            active_bytes: 0,
            active_since_ms: 0,
            compact_only: BTreeSet::new(),
        };
        for topic in view.state.topics.keys().copied().collect::<Vec<_>>() {
            view.note_policy(topic);
        }
        view
    }

    fn note_policy(&mut self, topic: u32) {
        let known = self.state.topics.get(&topic);
        if known.is_some_and(|known| Policy::of(known, None).is_compact_only()) {
            self.compact_only.insert(topic);
        } else {
            self.compact_only.remove(&topic);
        }
    }

    /// Whether a segment, or one before it, holds records of a topic that must be compacted before they may go.
    pub(crate) fn is_to_compact(&self, number: u64) -> bool {
        let here = |place: &Place| place.segment != COMPACTED && place.segment <= number;
        self.compact_only.iter().any(|topic| {
            let partitions = self.state.topics.get(topic).map_or(0, |topic| topic.partitions.len());
            let mut keys = (0..u32::try_from(partitions).unwrap_or(u32::MAX)).map(|partition| (*topic, partition));
            keys.any(|key| self.places.get(&key).is_some_and(|places| places.iter().any(here)))
        })
    }

    /// Adds a sealed segment; oldest first.
    pub(crate) fn add_sealed(&mut self, number: u64, segment: SealedSegment, index: &SegmentIndex) {
        self.sealed.insert(number, segment);
        for key in index.partitions.keys() {
            self.place(*key, number, index);
        }
    }

    /// Sets what the active segment holds already.
    pub(crate) fn set_active(&mut self, index: SegmentIndex, bytes: u64) {
        for key in index.partitions.keys() {
            self.place(*key, self.active, &index);
        }
        self.active_index = index;
        self.active_bytes = bytes;
    }

    /// Moves on by one durable frame.
    pub(crate) fn publish(&mut self, written: Written) -> Result<(), &'static str> {
        let Written { connector, era, record, payload, at } = written;
        let committed = self.state.apply(connector, era, &record, at)?;
        self.active_index.add(&record, at.position, committed.as_ref());
        match &record {
            Record::Part { .. } => return Ok(()),
            Record::TopicDelete { topic } => {
                self.forget_topic(*topic);
                self.note_policy(*topic);
            }
            Record::TopicMake { topic, .. } | Record::TopicAlter { topic, .. } => self.note_policy(*topic),
            Record::Retain { oldest_segment, starts } => {
                self.retain(*oldest_segment);
                starts.iter().for_each(|(topic, partition, _)| self.forget_dead((*topic, *partition)));
            }
            // Memory may still have what compacting took.
            Record::ForgetAborted { topic, partition, .. } => self.hot.forget((*topic, *partition)),
            Record::Trim { starts } => {
                starts.iter().for_each(|(topic, partition, _)| self.forget_dead((*topic, *partition)));
            }
            Record::PartCommit { bases, .. } => {
                for base in bases {
                    self.hot.forget((base.topic, base.partition));
                    self.place_active((base.topic, base.partition));
                }
            }
            _ => {}
        }
        let transactions: Vec<_> = record.transactions().iter().cloned().map(Arc::new).collect();
        for (batch, bytes) in record.batches().iter().zip(payload) {
            let key = (batch.topic, batch.partition);
            self.place_active(key);
            let stored = stored(batch, batch.base_offset, bytes, (connector, era), &transactions);
            self.hot.push(key, stored);
        }
        Ok(())
    }

    /// The active segment gets a successor; the answer is its index.
    pub(crate) fn roll(&mut self, link: Link, successor: u64, bytes: u64) -> SegmentIndex {
        self.sealed.insert(self.active, SealedSegment { bytes: self.active_bytes, link, generation: 0 });
        self.state.segments.entry(successor).or_default();
        self.active = successor;
        self.active_bytes = bytes;
        std::mem::take(&mut self.active_index)
    }

    /// Segments before `oldest` are gone.
    fn retain(&mut self, oldest: u64) {
        self.sealed.retain(|number, _| *number >= oldest);
        self.living.retain(|number, _| *number >= oldest || *number == COMPACTED);
        self.places.retain(|_, places| {
            places.retain(|place| place.segment >= oldest || place.segment == COMPACTED);
            !places.is_empty()
        });
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.segment_bytes() + self.compacted.values().map(|copy| copy.bytes).sum::<u64>()
    }

    /// Bytes of all segments: what the size budget is for. Compacted files stay whatever it is, so they do not count.
    pub(crate) fn segment_bytes(&self) -> u64 {
        self.sealed.values().map(|segment| segment.bytes).sum::<u64>() + self.active_bytes
    }

    /// Whether of a topic every key's last record must stay.
    pub(crate) fn is_compact_only(&self, topic: u32) -> bool {
        self.compact_only.contains(&topic)
    }

    /// A partition's compacted file takes the place of the one before it and of the batches that it stands for.
    pub(crate) fn set_compacted(&mut self, copy: Compacted, index: &SegmentIndex) {
        self.compacted.insert(copy.key, copy);
        let high_watermark = self.end_of(copy.key, usize::MAX);
        let places = self.places.entry(copy.key).or_default();
        let mut gone: Vec<Place> = places.extract_if(.., |place| place.segment == COMPACTED).collect();
        let ends: Vec<i64> = places.iter().skip(1).map(|place| place.base).chain([high_watermark]).collect();
        let mut ends = ends.into_iter();
        gone.extend(places.extract_if(.., |_| ends.next().is_some_and(|end| end <= copy.until)));
        // Of a segment in the middle of which it ends, the rest is read on from there.
        let end = places.get(1).map_or(high_watermark, |place| place.base);
        if let Some(place) = places.first_mut().filter(|place| place.base < copy.until) {
            // Nobody has counted what that is in bytes.
            let left = (end - copy.until) as f64 / (end - place.base) as f64;
            place.bytes = (place.bytes as f64 * left) as u64;
            place.base = copy.until;
        }
        if let Some(place) = place_in(index, copy.key, COMPACTED) {
            places.insert(0, place);
            *self.living.entry(COMPACTED).or_default() += 1;
        }
        if places.is_empty() {
            self.places.remove(&copy.key);
        }
        self.leave(&gone);
    }

    /// A copy takes the place of a sealed segment.
    pub(crate) fn set_copy(&mut self, number: u64, copy: SealedSegment, index: &SegmentIndex) {
        self.sealed.insert(number, copy);
        let mut gone = Vec::new();
        for (key, places) in &mut self.places {
            let Some(at) = places.iter().position(|place| place.segment == number) else { continue };
            match (place_in(index, *key, number), places.get_mut(at)) {
                (Some(place), Some(known)) => *known = place,
                _ => gone.push(places.remove(at)),
            }
        }
        self.places.retain(|_, places| !places.is_empty());
        self.leave(&gone);
    }

    /// The file of a partition's place, and its last frame; `None` for the active segment.
    pub(crate) fn file_of(&self, key: Key, segment: u64) -> Option<(FileId, Link)> {
        match segment {
            COMPACTED => self.compacted.get(&key).map(|copy| (copy.file_id(), copy.link)),
            _ => self.sealed.get(&segment).map(|sealed| (sealed.file_id(segment), sealed.link)),
        }
    }

    /// Bounds of a partition.
    pub(crate) fn bounds(&self, topic: TopicId, partition: u32) -> Result<Bounds, JournalError> {
        let known = self.state.partition(topic.0, partition).ok_or_else(|| JournalError::TopicUnknown {
            topic: format!("number {}, partition {partition}", topic.0),
        })?;
        let bytes = self.places.get(&(topic.0, partition)).into_iter().flatten().map(|place| place.bytes).sum();
        let (log_start, high_watermark) = (known.log_start, known.high_watermark);
        let last_stable = self.state.last_stable(topic.0, partition).unwrap_or(high_watermark);
        Ok(Bounds { log_start, high_watermark, last_stable, bytes })
    }

    /// A topic by name.
    pub(crate) fn topic(&self, name: &str) -> Option<TopicMeta> {
        let id = self.state.topic_named(name)?;
        Some(self.meta(id, self.state.topics.get(&id)?))
    }

    /// All topics.
    pub(crate) fn topics(&self) -> Vec<TopicMeta> {
        self.state.topics.iter().map(|(id, topic)| self.meta(*id, topic)).collect()
    }

    fn meta(&self, id: u32, topic: &Topic) -> TopicMeta {
        let partitions = u32::try_from(topic.partitions.len()).unwrap_or(u32::MAX);
        let bounds = (0..partitions).filter_map(|number| self.bounds(TopicId(id), number).ok()).collect();
        let (config, change) = (topic.config.clone(), !topic.of_clients);
        TopicMeta { id: TopicId(id), name: topic.name.clone(), partitions, bounds, config, change }
    }

    /// The segment that holds an offset, or the first record behind it, and where the next one takes over.
    pub(crate) fn segment_of(&self, key: Key, offset: i64) -> Option<(u64, i64)> {
        let places = self.places.get(&key)?;
        let next = places.partition_point(|place| place.base <= offset).max(1);
        let place = places.get(next - 1)?;
        Some((place.segment, self.end_of(key, next)))
    }

    /// The first segment after `behind` with a batch at or after a time that reaches beyond `from`, and where the next one
    /// takes over.
    pub(crate) fn segment_at(
        &self,
        key: Key,
        timestamp_ms: i64,
        from: i64,
        behind: Option<u64>,
    ) -> Option<(Place, i64)> {
        let places = self.places.get(&key)?;
        let next = places.partition_point(|place| place.base <= from).saturating_sub(1);
        let later = |place: &Place| behind.is_none_or(|behind| place.segment > behind);
        let late = |place: &Place| later(place) && place.max_timestamp >= timestamp_ms;
        let found = next + places.get(next..)?.iter().position(late)?;
        Some((*places.get(found)?, self.end_of(key, found + 1)))
    }

    /// The segment in which the last `bytes` of a partition begin, and how many of its bytes there are too many; `None`
    /// when the partition has fewer.
    pub(crate) fn segment_of_last(&self, key: Key, bytes: u64) -> Option<(Place, u64)> {
        let mut left = bytes;
        for place in self.places.get(&key)?.iter().rev() {
            if place.bytes > left {
                return Some((*place, place.bytes - left));
            }
            left -= place.bytes;
        }
        None
    }

    /// The first offset of a partition that a consumer needs.
    pub(crate) fn needed_from(&self, key: Key) -> i64 {
        let needed = self.state.protections.iter().filter(|((_, topic, partition), _)| (*topic, *partition) == key);
        needed.map(|(_, offset)| *offset).min().unwrap_or(i64::MAX)
    }

    /// Whether nothing that can be read lies in a segment.
    pub(crate) fn is_dead(&self, segment: u64) -> bool {
        !self.living.contains_key(&segment)
    }

    /// The greatest timestamp of a partition.
    pub(crate) fn max_timestamp(&self, key: Key) -> Option<i64> {
        self.places.get(&key)?.iter().map(|place| place.max_timestamp).max()
    }

    /// The first offset of a partition that lies in segments after `segment`.
    pub(crate) fn start_after(&self, key: Key, segment: u64) -> i64 {
        let places = self.places.get(&key).map(Vec::as_slice).unwrap_or_default();
        self.end_of(key, places.partition_point(|place| place.segment <= segment))
    }

    fn end_of(&self, key: Key, next: usize) -> i64 {
        let high_watermark = || self.state.partition(key.0, key.1).map_or(0, |known| known.high_watermark);
        self.places.get(&key).and_then(|places| places.get(next)).map_or_else(high_watermark, |place| place.base)
    }

    fn place_active(&mut self, key: Key) {
        let index = std::mem::take(&mut self.active_index);
        self.place(key, self.active, &index);
        self.active_index = index;
    }

    /// Notes what a segment, the newest so far, holds of a partition.
    fn place(&mut self, key: Key, segment: u64, index: &SegmentIndex) {
        let known = self.state.partition(key.0, key.1).is_some();
        let Some(place) = place_in(index, key, segment).filter(|_| known) else { return };
        let places = self.places.entry(key).or_default();
        match places.last_mut() {
            Some(last) if last.segment == segment => *last = place,
            _ => {
                places.push(place);
                *self.living.entry(segment).or_default() += 1;
            }
        }
    }

    /// Forgets segments of a partition that lie below its log start; of the newest segment more may come.
    pub(crate) fn forget_dead(&mut self, key: Key) {
        let Some(known) = self.state.partition(key.0, key.1) else { return };
        let (log_start, active) = (known.log_start, self.active);
        let Some(places) = self.places.get_mut(&key) else { return };
        let alive_from = places.partition_point(|place| place.base <= log_start).saturating_sub(1);
        let mut dead: Vec<Place> = places.drain(..alive_from).collect();
        if log_start == known.high_watermark {
            dead.extend(places.extract_if(.., |place| place.segment != active));
        }
        if places.is_empty() {
            self.places.remove(&key);
        }
        self.leave(&dead);
    }

    /// Places that a partition has no more.
    fn leave(&mut self, gone: &[Place]) {
        for place in gone {
            if let Entry::Occupied(mut count) = self.living.entry(place.segment) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
    }

    fn forget_topic(&mut self, topic: u32) {
        let keys: Vec<Key> = self.places.keys().filter(|key| key.0 == topic).copied().collect();
        for key in keys {
            let gone = self.places.remove(&key).unwrap_or_default();
            self.leave(&gone);
            self.hot.forget(key);
        }
    }
}

/// What a file holds of a partition, by its index.
fn place_in(index: &SegmentIndex, key: Key, segment: u64) -> Option<Place> {
    let partition = index.partitions.get(&key)?;
    let base = partition.entries.first()?.base;
    Some(Place { segment, base, max_timestamp: partition.max_timestamp, bytes: partition.bytes })
}

/// At most `limit` entries of a partition from the one at `first`, with their ends; the file's last ends at `end`.
pub(crate) fn lookups(
    index: &SegmentIndex,
    key: Key,
    file: FileId,
    first: usize,
    end: i64,
    limit: usize,
) -> Vec<Lookup> {
    let Some(partition) = index.partitions.get(&key) else { return Vec::new() };
    let rest = partition.entries.get(first..).unwrap_or_default();
    let ends = rest.iter().skip(1).map(|entry| entry.base).chain([end]);
    let lookup = |(entry, end): (&index::Entry, i64)| {
        let transaction = match entry.source {
            Source::Part(_, number) => index.transactions.get(number as usize).cloned(),
            Source::Frames(_) => None,
        };
        Lookup { file, base: entry.base, end, source: entry.source, transaction }
    };
    rest.iter().zip(ends).take(limit).map(lookup).collect()
}

/// A batch as readers get it.
pub(crate) fn stored(
    batch: &Batch,
    base_offset: i64,
    bytes: Bytes,
    (connector, era): (u32, u32),
    transactions: &[Arc<TransactionMeta>],
) -> StoredBatch {
    let run =
        |run: &crate::Run| Some((transactions.get(run.transaction as usize)?.clone(), run.first_ordinal, run.records));
    StoredBatch {
        base_offset,
        records: batch.records,
        bytes,
        plan: (batch.plan != 0).then_some(PlanId(batch.plan)),
        encoding: batch.encoding,
        era,
        connector: ConnectorId(connector),
        max_timestamp: batch.max_timestamp,
        runs: batch.runs.iter().filter_map(run).collect(),
    }
}
