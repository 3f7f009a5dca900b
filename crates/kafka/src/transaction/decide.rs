//! All transactional ids, and what may happen to them.

use super::state::{Phase, Transaction};
use crate::group::Offset;
use crate::limits::{
    TRANSACTION_BYTES_MAX, TRANSACTION_PARTITIONS_MAX, TRANSACTIONAL_ID_RETENTION_MS, TRANSACTIONS_BYTES_MAX,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tailwater_wire::error_code::ErrorCode;

/// An offset that a transaction commits: group, topic, partition.
pub type HeldOffset = (String, String, i32, Offset);

/// All transactional ids.
#[derive(Debug, Default)]
pub struct Transactions {
    by_id: BTreeMap<String, Transaction>,
    by_producer: HashMap<i64, String>,
    /// Bytes that their open transactions take together, about.
    bytes: usize,
}

/// A decision: what a transactional id is next. It counts when it is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The transactional id.
    pub id: String,
    /// What it is next.
    pub next: Transaction,
    /// The transaction that ends with it.
    pub end: Option<End>,
}

/// How a transaction ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Its producer.
    pub producer: i64,
    /// The epoch of the markers.
    pub epoch: i16,
    /// Commit, or abort.
    pub commit: bool,
    /// Partitions that get a marker.
    pub partitions: BTreeSet<(String, i32)>,
    /// Groups that may have had offsets in it.
    pub groups: BTreeSet<String>,
    /// Offsets that count from now on; none when it is aborted.
    pub offsets: Vec<HeldOffset>,
}

impl End {
    pub(super) fn of(of: &Transaction, epoch: i16, commit: bool) -> Self {
        Self {
            producer: of.producer,
            epoch,
            commit,
            partitions: of.partitions.clone(),
            groups: of.groups.clone(),
            offsets: if commit { of.offsets.clone() } else { Vec::new() },
        }
    }
}

impl Change {
    pub(super) fn without_end(id: &str, next: Transaction) -> Self {
        Self { id: id.to_owned(), next, end: None }
    }
}

impl Transactions {
    /// An id that was there before the restart, or has changed.
    pub fn set(&mut self, id: String, next: Transaction) {
        let producer = next.producer;
        self.bytes += next.bytes();
        self.by_producer.insert(producer, id.clone());
        let Some(before) = self.by_id.insert(id, next) else { return };
        self.bytes -= before.bytes();
        if before.producer != producer {
            self.by_producer.remove(&before.producer);
        }
    }

    /// The change is written.
    pub fn apply(&mut self, change: Change) {
        self.set(change.id, change.next);
    }

    /// An id is forgotten.
    pub fn remove(&mut self, id: &str) {
        if let Some(gone) = self.by_id.remove(id) {
            self.bytes -= gone.bytes();
            self.by_producer.remove(&gone.producer);
        }
    }

    /// What is known of an id.
    pub fn get(&self, id: &str) -> Option<&Transaction> {
        self.by_id.get(id)
    }

    /// All ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Transaction)> {
        self.by_id.iter().map(|(id, transaction)| (id.as_str(), transaction))
    }

    /// This producer, in this epoch, has the id.
    fn check(&self, id: &str, producer: i64, epoch: i16) -> Result<&Transaction, ErrorCode> {
        if id.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let known = self.get(id).filter(|known| known.producer == producer);
        let known = known.ok_or(ErrorCode::INVALID_PRODUCER_ID_MAPPING)?;
        if known.epoch == epoch { Ok(known) } else { Err(ErrorCode::PRODUCER_FENCED) }
    }

    /// The transaction will write into partitions; opens it. `None` when that is known already.
    pub fn add_partitions(
        &self,
        id: &str,
        (producer, epoch): (i64, i16),
        partitions: impl IntoIterator<Item = (String, i32)>,
        now: u64,
    ) -> Result<Option<Change>, ErrorCode> {
        let known = self.check(id, producer, epoch)?;
        let mut next = known.clone();
        next.partitions.extend(partitions);
        if known.is_open() && next.partitions.len() == known.partitions.len() {
            return Ok(None);
        }
        next.open(now);
        self.bounded(id, next, ErrorCode::INVALID_REQUEST)
    }

    /// The transaction will commit offsets of a group; opens it. `None` when that is known already.
    pub fn add_group(
        &self,
        id: &str,
        (producer, epoch): (i64, i16),
        group: &str,
        now: u64,
    ) -> Result<Option<Change>, ErrorCode> {
        let known = self.check(id, producer, epoch)?;
        if known.is_open() && known.groups.contains(group) {
            return Ok(None);
        }
        let mut next = known.clone();
        next.groups.insert(group.to_owned());
        next.open(now);
        self.bounded(id, next, ErrorCode::INVALID_REQUEST)
    }

    /// The transaction commits offsets of a group, when it is committed itself; the last word on a partition counts.
    pub fn add_offsets(
        &self,
        id: &str,
        (producer, epoch): (i64, i16),
        group: &str,
        offsets: Vec<(String, i32, Offset)>,
        now: u64,
    ) -> Result<Option<Change>, ErrorCode> {
        // As of a batch that is produced: what is checked is the producer, not its owner.
        let known = self.check(id, producer, epoch).map_err(|error| match error {
            ErrorCode::PRODUCER_FENCED => ErrorCode::INVALID_PRODUCER_EPOCH,
            error => error,
        })?;
        if !known.is_open() || !known.groups.contains(group) {
            return Err(ErrorCode::INVALID_TXN_STATE);
        }
        let mut next = known.clone();
        next.updated = now;
        let mut all: BTreeMap<(String, String, i32), Offset> = std::mem::take(&mut next.offsets)
            .into_iter()
            .map(|(group, topic, partition, offset)| ((group, topic, partition), offset))
            .collect();
        all.extend(
            offsets.into_iter().map(|(topic, partition, offset)| ((group.to_owned(), topic, partition), offset)),
        );
        next.offsets =
            all.into_iter().map(|((group, topic, partition), offset)| (group, topic, partition, offset)).collect();
        self.bounded(id, next, ErrorCode::INVALID_COMMIT_OFFSET_SIZE)
    }

    /// The transaction ends. `None` when it has ended this way already: the producer has not heard so.
    pub fn end(
        &self,
        id: &str,
        (producer, epoch): (i64, i16),
        commit: bool,
        now: u64,
    ) -> Result<Option<Change>, ErrorCode> {
        let known = self.check(id, producer, epoch)?;
        match (known.phase, commit) {
            (Phase::Ongoing, _) => {
                let mut next = known.clone();
                next.close(commit, now);
                Ok(Some(Change { id: id.to_owned(), next, end: Some(End::of(known, epoch, commit)) }))
            }
            (Phase::CompleteCommit, true) | (Phase::CompleteAbort, false) => Ok(None),
            _ => Err(ErrorCode::INVALID_TXN_STATE),
        }
    }

    /// Ids whose transactions have been open for too long.
    pub fn overdue(&self, now: u64) -> Vec<String> {
        let overdue = self.iter().filter(|(_, known)| known.deadline().is_some_and(|deadline| deadline <= now));
        overdue.map(|(id, _)| id.to_owned()).collect()
    }

    /// Aborts a transaction that has been open for too long, one epoch later than its own: its producer is fenced.
    pub fn abort_overdue(&self, id: &str, now: u64) -> Option<Change> {
        let known = self.get(id).filter(|known| known.deadline().is_some_and(|deadline| deadline <= now))?;
        let fence = known.epoch.saturating_add(1);
        let mut next = known.clone();
        next.close(false, now);
        (next.epoch, next.last_epoch) = (fence, -1);
        Some(Change { id: id.to_owned(), next, end: Some(End::of(known, fence, false)) })
    }

    /// Ids that nobody has used for as long as `transactional.id.expiration.ms`.
    pub fn expired(&self, now: u64) -> Vec<String> {
        let unused = |known: &Transaction| known.updated.saturating_add(TRANSACTIONAL_ID_RETENTION_MS) <= now;
        self.iter().filter(|(_, known)| !known.is_open() && unused(known)).map(|(id, _)| id.to_owned()).collect()
    }

    /// Whether a producer's transaction has this partition, so that it may write there.
    pub fn may_write(&self, (producer, epoch): (i64, i16), topic: &str, partition: i32) -> Result<(), ErrorCode> {
        let known = self.by_producer.get(&producer).and_then(|id| self.by_id.get(id));
        let known = known.ok_or(ErrorCode::INVALID_PRODUCER_ID_MAPPING)?;
        if known.epoch != epoch {
            return Err(ErrorCode::INVALID_PRODUCER_EPOCH);
        }
        let has = known.is_open() && known.partitions.contains(&(topic.to_owned(), partition));
        if has { Ok(()) } else { Err(ErrorCode::INVALID_TXN_STATE) }
    }

    fn bounded(&self, id: &str, next: Transaction, beyond: ErrorCode) -> Result<Option<Change>, ErrorCode> {
        let bytes = next.bytes();
        if bytes > TRANSACTION_BYTES_MAX || next.partitions.len() > TRANSACTION_PARTITIONS_MAX {
            return Err(beyond);
        }
        if self.bytes.saturating_add(bytes) > TRANSACTIONS_BYTES_MAX {
            return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE);
        }
        Ok(Some(Change::without_end(id, next)))
    }
}
