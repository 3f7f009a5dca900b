//! The partitions of a source's topics, and which of them each record goes to.
//!
//! Every partition is a lane of the pending frame. The only partition of a topic takes its records as they come. Where there
//! are several, a record waits at its key until its bytes are known: their hash names the partition, and all that follows goes
//! there at once. Records without a key are in the first partition.

use tailwater_event::{FragmentId, Fragments, Passage, PassagePiece, RecordWriter, SlotId};
use tailwater_journal::{PlanId, TopicId};

use super::pending::Pending;
use crate::limits::KEPT_KEY_BYTES;
use crate::partition_of;

/// A source's topics, and what was written to them and not handed over.
#[derive(Default)]
pub(super) struct Lanes {
    pub(super) pending: Pending,
    topics: Vec<Topic>,
    spread: Spread,
}

/// The lanes of a topic.
struct Topic {
    id: TopicId,
    /// That of the first partition.
    first: usize,
    /// Those of the others, by number.
    others: Vec<usize>,
}

/// The record under work of a topic with several partitions.
#[derive(Default)]
struct Spread {
    topic: usize,
    plan: PlanId,
    fragments: Fragments,
    timestamp_ms: i64,
    at: At,
    /// The key so far.
    key: Vec<u8>,
    pieces: Vec<PassagePiece>,
}

/// How far it is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum At {
    #[default]
    Begun,
    Key,
    /// In a batch of its partition.
    Placed,
}

impl Lanes {
    /// Adds a topic of one or more partitions; its number counts from 0.
    pub(super) fn add_topic(&mut self, id: TopicId, partitions: u32) {
        let lane = |partition| self.pending.add_lane(id, partition);
        let mut lanes: Vec<usize> = (0..partitions.max(1)).map(lane).collect();
        let others = lanes.split_off(1);
        self.topics.extend(lanes.first().map(|first| Topic { id, first: *first, others }));
    }

    /// The topic has this id and so many partitions from now on.
    pub(super) fn set_topic(&mut self, topic: usize, id: TopicId, partitions: u32) {
        let Some(topic) = self.topics.get_mut(topic) else { return };
        topic.others.truncate(partitions.max(1) as usize - 1);
        if topic.id != id {
            topic.id = id;
            std::iter::once(&topic.first).chain(&topic.others).for_each(|lane| self.pending.replace_topic(*lane, id));
        }
        let new = topic.others.len() as u32 + 1..partitions;
        topic.others.extend(new.map(|partition| self.pending.add_lane(id, partition)));
    }

    /// The topic has so many partitions from now on, if it is still the same.
    pub(super) fn grow_topic(&mut self, topic: usize, id: TopicId, partitions: u32) {
        if self.topics.get(topic).is_some_and(|known| known.id == id) {
            self.set_topic(topic, id, partitions);
        }
    }

    /// Where the next records of a topic go.
    #[inline]
    pub(super) fn records(&mut self, topic: usize, plan: PlanId) -> &mut dyn RecordWriter {
        let Topic { first, others, .. } = &self.topics[topic];
        if others.is_empty() {
            return self.pending.records(*first, plan);
        }
        (self.spread.topic, self.spread.plan) = (topic, plan);
        self
    }

    /// Where the next records of one partition go; `None` when there is no such partition.
    pub(super) fn records_in(&mut self, topic: usize, partition: i32, plan: PlanId) -> Option<&mut dyn RecordWriter> {
        let lane = self.topics.get(topic)?.lane(partition)?;
        self.pending.close_full();
        Some(self.pending.records(lane, plan))
    }

    /// Finds the partition of the record under work and begins it there.
    fn place(&mut self) -> Option<&mut dyn RecordWriter> {
        let spread = &mut self.spread;
        if spread.at != At::Placed {
            let topic = self.topics.get(spread.topic)?;
            let partitions = i32::try_from(topic.others.len() + 1).unwrap_or(i32::MAX);
            let partition = if spread.at == At::Key { partition_of(&spread.key, partitions) } else { 0 };
            let lane = topic.lane(partition)?;
            // Of a row with two keys the batch before this one would not be looked at otherwise.
            self.pending.close_full();
            let batch = self.pending.records(lane, spread.plan);
            batch.prepare(&spread.fragments);
            batch.begin(spread.timestamp_ms);
            if spread.at == At::Key {
                batch.key();
                spread.replay(batch);
            }
            spread.at = At::Placed;
        }
        self.pending.writing()
    }
}

impl Topic {
    fn lane(&self, partition: i32) -> Option<usize> {
        match usize::try_from(partition).ok()?.checked_sub(1) {
            None => Some(self.first),
            Some(other) => self.others.get(other).copied(),
        }
    }
}

impl Spread {
    fn replay(&self, writer: &mut dyn RecordWriter) {
        let mut rest = self.key.as_slice();
        for piece in &self.pieces {
            let (PassagePiece::Fragment(_, length) | PassagePiece::Literal(_, length)) = *piece;
            let (bytes, behind) = rest.split_at_checked(length).unwrap_or_default();
            match *piece {
                PassagePiece::Fragment(id, _) => writer.fragment(id),
                PassagePiece::Literal(slot, _) => writer.literal(slot, bytes),
            }
            rest = behind;
        }
    }
}

/// The writer of topics with several partitions.
impl RecordWriter for Lanes {
    fn prepare(&mut self, fragments: &Fragments) {
        if !self.spread.fragments.same(fragments) {
            self.spread.fragments = fragments.clone();
        }
    }

    fn begin(&mut self, timestamp_ms: i64) {
        let spread = &mut self.spread;
        (spread.timestamp_ms, spread.at) = (timestamp_ms, At::Begun);
        if spread.key.capacity() > KEPT_KEY_BYTES {
            spread.key = Vec::new();
        }
        spread.key.clear();
        spread.pieces.clear();
    }

    fn key(&mut self) {
        if self.spread.at == At::Begun {
            self.spread.at = At::Key;
        } else if let Some(writer) = self.place() {
            writer.key();
        }
    }

    fn value(&mut self) {
        if let Some(writer) = self.place() {
            writer.value();
        }
    }

    fn header(&mut self, name: &str) {
        if let Some(writer) = self.place() {
            writer.header(name);
        }
    }

    fn null_header(&mut self, name: &str) {
        if let Some(writer) = self.place() {
            writer.null_header(name);
        }
    }

    fn fragment(&mut self, id: FragmentId) {
        let spread = &mut self.spread;
        if spread.at == At::Key {
            let bytes = spread.fragments.get(id);
            spread.key.extend_from_slice(bytes);
            spread.pieces.push(PassagePiece::Fragment(id, bytes.len()));
        } else if let Some(writer) = self.place() {
            writer.fragment(id);
        }
    }

    fn literal(&mut self, slot: SlotId, bytes: &[u8]) {
        if self.spread.at == At::Key {
            self.spread.key.extend_from_slice(bytes);
            self.spread.pieces.push(PassagePiece::Literal(slot, bytes.len()));
        } else if let Some(writer) = self.place() {
            writer.literal(slot, bytes);
        }
    }

    fn passage(&mut self, passage: &Passage) {
        if self.spread.at == At::Key {
            self.spread.key.extend_from_slice(passage.bytes());
            self.spread.pieces.extend_from_slice(passage.pieces());
        } else if let Some(writer) = self.place() {
            writer.passage(passage);
        }
    }

    fn end(&mut self) {
        if let Some(writer) = self.place() {
            writer.end();
        }
    }
}
