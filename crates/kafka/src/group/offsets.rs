//! How far a group has read: its committed offsets, and those that open transactions hold.

use crate::limits::OFFSET_COST_BYTES;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offset {
    /// Where the group goes on: behind the last record that it is done with.
    pub offset: i64,
    /// Epoch of that record's leader, -1 when the client did not say.
    #[serde(default = "unsaid", skip_serializing_if = "is_unsaid")]
    pub leader_epoch: i32,
    /// What the client wants to know again.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub metadata: String,
    /// When it was committed, milliseconds since 1970.
    pub committed: u64,
    /// When it expires, where the client said so itself (before version 5 of OffsetCommit).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
}

fn unsaid() -> i32 {
    -1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_unsaid(epoch: &i32) -> bool {
    *epoch == -1
}

impl Offset {
    /// Memory that it takes, about.
    pub fn bytes(&self) -> usize {
        OFFSET_COST_BYTES + self.metadata.len()
    }
}

/// All offsets of a group.
#[derive(Debug, Default)]
pub struct Offsets {
    committed: BTreeMap<String, BTreeMap<i32, Offset>>,
    /// Producers whose open transactions commit an offset of the partition when they are committed.
    held: BTreeMap<(String, i32), BTreeSet<i64>>,
    /// Memory that the committed ones take, about.
    bytes: usize,
}

impl Offsets {
    /// The offset of a partition.
    pub fn get(&self, topic: &str, partition: i32) -> Option<&Offset> {
        self.committed.get(topic)?.get(&partition)
    }

    /// All offsets, by topic and partition.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i32, &Offset)> {
        self.committed.iter().flat_map(|(topic, partitions)| {
            partitions.iter().map(move |(partition, offset)| (topic.as_str(), *partition, offset))
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.committed.values().map(BTreeMap::len).sum()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.committed.is_empty()
    }

    /// An open transaction may still change this offset.
    pub fn is_held(&self, topic: &str, partition: i32) -> bool {
        !self.held.is_empty() && self.held.contains_key(&(topic.to_owned(), partition))
    }

    /// Open transactions may still change some offset.
    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Memory that they take, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn set(&mut self, topic: &str, partition: i32, offset: Offset) {
        self.bytes += offset.bytes();
        let before = match self.committed.get_mut(topic) {
            Some(partitions) => partitions.insert(partition, offset),
            None => {
                self.committed.insert(topic.to_owned(), BTreeMap::from([(partition, offset)]));
                None
            }
        };
        self.bytes -= before.map_or(0, |before| before.bytes());
    }

    pub(super) fn remove(&mut self, topic: &str, partition: i32) {
        if let Some(partitions) = self.committed.get_mut(topic) {
            self.bytes -= partitions.remove(&partition).map_or(0, |gone| gone.bytes());
            if partitions.is_empty() {
                self.committed.remove(topic);
            }
        }
    }

    pub(super) fn hold(&mut self, topic: &str, partition: i32, producer: i64) {
        self.held.entry((topic.to_owned(), partition)).or_default().insert(producer);
    }

    pub(super) fn release(&mut self, producer: i64) {
        self.held.retain(|_, producers| {
            producers.remove(&producer);
            !producers.is_empty()
        });
    }
}
