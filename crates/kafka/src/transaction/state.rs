//! One transactional id.

use crate::group::Offset;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Where a transactional id stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Its producer has begun nothing yet.
    Empty,
    /// A transaction is open.
    Ongoing,
    /// The last one was committed.
    CompleteCommit,
    /// The last one was aborted.
    CompleteAbort,
}

impl Phase {
    /// Kafka's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
        }
    }
}

/// What is known of a transactional id; it survives a restart as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// The producer that has it.
    pub producer: i64,
    /// Its epoch.
    pub epoch: i16,
    /// The producer id before this one, -1 without one: its owner may not have heard of the new one.
    pub last_producer: i64,
    /// The epoch before this one, -1 when nobody may go on from it.
    pub last_epoch: i16,
    /// How long a transaction may be open, milliseconds.
    pub timeout: u64,
    /// Where it stands.
    pub phase: Phase,
    /// Partitions with records of the open transaction.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub partitions: BTreeSet<(String, i32)>,
    /// Groups whose offsets the open transaction may commit.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    /// Offsets that the open transaction commits: group, topic, partition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offsets: Vec<(String, String, i32, Offset)>,
    /// When the last transaction began, milliseconds since 1970; 0 when none has.
    pub started: u64,
    /// When anything last changed, milliseconds since 1970.
    pub updated: u64,
}

impl Transaction {
    pub(super) fn new(producer: i64, timeout: u64, now: u64) -> Self {
        Self {
            producer,
            epoch: 0,
            last_producer: -1,
            last_epoch: -1,
            timeout,
            phase: Phase::Empty,
            partitions: BTreeSet::new(),
            groups: BTreeSet::new(),
            offsets: Vec::new(),
            started: 0,
            updated: now,
        }
    }

    /// A transaction is open.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Ongoing
    }

    /// When an open transaction has been open for too long.
    pub fn deadline(&self) -> Option<u64> {
        self.is_open().then(|| self.started.saturating_add(self.timeout))
    }

    /// No epoch is left to give out: the largest is kept to fence a producer with the one before.
    pub(super) fn is_exhausted(epoch: i16) -> bool {
        epoch >= i16::MAX - 1
    }

    /// Opens a transaction, if none is.
    pub(super) fn open(&mut self, now: u64) {
        if !self.is_open() {
            self.started = now;
        }
        self.phase = Phase::Ongoing;
        self.updated = now;
    }

    /// Ends it.
    pub(super) fn close(&mut self, commit: bool, now: u64) {
        self.phase = if commit { Phase::CompleteCommit } else { Phase::CompleteAbort };
        self.partitions.clear();
        self.groups.clear();
        self.offsets.clear();
        self.updated = now;
    }

    /// Bytes of the lasting form, about.
    pub(super) fn bytes(&self) -> usize {
        let partitions: usize = self.partitions.iter().map(|(topic, _)| topic.len() + 16).sum();
        let groups: usize = self.groups.iter().map(|group| group.len() + 8).sum();
        let offset = |(group, topic, _, offset): &(String, String, i32, Offset)| {
            // Text may need escapes.
            group.len() + topic.len() + 2 * offset.metadata.len() + 96
        };
        partitions + groups + self.offsets.iter().map(offset).sum::<usize>()
    }
}
