//! Which records compaction keeps, and what is left of a batch then.

use super::Task;
use crate::policy::Compact;
use crate::{Aborted, StoredBatch, TransactionMeta};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use tailwater_wire::batch::{Batch, BatchError, Marker, RawRecord, retain};

/// Transaction, ordinal of the first record's event in it, number of records.
type StoredRun = (Arc<TransactionMeta>, u64, u32);

/// What decides which records stay.
pub(super) struct Sieve {
    /// Offset of the last record of each key, by a hash too large for two keys to share one.
    latest: HashMap<u128, i64>,
    hashers: [RandomState; 2],
    /// First and last offset of aborted transactions, by producer.
    aborted: HashMap<i64, Vec<(i64, i64)>>,
    /// Their markers.
    markers: HashSet<i64>,
    rules: Compact,
    high_watermark: i64,
    now_ms: i64,
    /// Records from here on stay as they are.
    clean: i64,
}

impl Sieve {
    /// Before the first batch is noted.
    pub(super) fn new(task: &Task, aborted: Vec<Aborted>) -> Self {
        let markers = aborted.iter().map(|aborted| aborted.last_offset).collect();
        let mut by_producer: HashMap<i64, Vec<(i64, i64)>> = HashMap::new();
        for Aborted { producer, first_offset, last_offset, .. } in aborted {
            by_producer.entry(producer).or_default().push((first_offset, last_offset));
        }
        Self {
            latest: HashMap::new(),
            hashers: [RandomState::new(), RandomState::new()],
            aborted: by_producer,
            markers,
            rules: task.rules,
            high_watermark: task.high_watermark,
            now_ms: task.now_ms,
            clean: task.from,
        }
    }

    /// How many keys it remembers.
    pub(super) fn keys(&self) -> usize {
        self.latest.len()
    }

    /// The offset behind the last batch that was noted.
    pub(super) fn clean(&self) -> i64 {
        self.clean
    }

    /// Notes the keys of the next batch.
    pub(super) fn note(&mut self, stored: &StoredBatch) {
        self.clean = stored.base_offset + i64::from(stored.records);
        let Ok(batch) = Batch::read_unverified(&stored.bytes) else { return };
        if batch.is_control() || self.is_aborted(&batch) {
            return;
        }
        let Ok(plain) = batch.plain() else { return };
        let Ok(records) = batch.raw_records(&plain) else { return };
        for record in records.map_while(Result::ok) {
            if let Some(key) = record.key {
                let hash = self.hash(key);
                self.latest.insert(hash, record.offset);
            }
        }
    }

    /// What is left of a batch. What cannot be read stays as it is.
    pub(super) fn pass(&self, stored: StoredBatch) -> Option<StoredBatch> {
        if stored.base_offset >= self.clean {
            return Some(stored);
        }
        // Without the last batch, who reads would not learn how far the partition goes.
        let last = stored.base_offset + i64::from(stored.records) == self.high_watermark;
        let left = self.left_of(&stored);
        left.or_else(|| last.then_some(stored))
    }

    fn left_of(&self, stored: &StoredBatch) -> Option<StoredBatch> {
        let Ok(batch) = Batch::read_unverified(&stored.bytes) else { return Some(stored.clone()) };
        if batch.is_control() {
            // A reader that passes over an aborted transaction waits for its marker; nobody waits for other ones.
            let waited_for = self.markers.contains(&stored.base_offset);
            let marker = Marker::of(&batch).is_ok_and(|marker| marker.is_some());
            return (waited_for || !marker).then(|| stored.clone());
        }
        if self.is_aborted(&batch) {
            return None;
        }
        match self.thinned(&batch, stored) {
            Ok(left) => left,
            Err(_) => Some(stored.clone()),
        }
    }

    fn thinned(&self, batch: &Batch, stored: &StoredBatch) -> Result<Option<StoredBatch>, BatchError> {
        let tombstones_go = batch.delete_horizon().is_some_and(|horizon| horizon <= self.now_ms);
        let (mut tombstones, mut kept, mut number) = (false, Vec::new(), 0);
        let keep = |record: &RawRecord<'_>| {
            // Records without a key have no last one: Kafka lets them go, too.
            let Some(key) = record.key else { return false };
            let last = self.latest.get(&self.hash(key)).is_none_or(|latest| record.offset >= *latest);
            last && !(record.value.is_none() && tombstones_go)
        };
        let mut less = retain(batch, None, |record| {
            let stays = keep(record);
            if stays {
                tombstones |= record.value.is_none();
                kept.push(number);
            }
            number += 1;
            stays
        })?;
        if tombstones && batch.delete_horizon().is_none() {
            let horizon = self.now_ms.saturating_add(self.rules.delete_retention_ms);
            less = retain(batch, Some(horizon), keep)?;
        }
        let Some(less) = less else { return Ok(Some(stored.clone())) };
        if less.records == 0 {
            return Ok(None);
        }
        Ok(Some(StoredBatch {
            bytes: less.bytes.freeze(),
            max_timestamp: less.max_timestamp,
            encoding: 0,
            runs: runs_of(&stored.runs, &kept).into(),
            ..stored.clone()
        }))
    }

    fn is_aborted(&self, batch: &Batch) -> bool {
        let spans = self.aborted.get(&batch.producer_id).filter(|_| batch.is_transactional());
        spans.is_some_and(|spans| spans.iter().any(|(first, last)| (*first..=*last).contains(&batch.base_offset)))
    }

    fn hash(&self, key: &[u8]) -> u128 {
        let [high, low] = &self.hashers;
        u128::from(high.hash_one(key)) << 64 | u128::from(low.hash_one(key))
    }
}

/// The runs of those records, by their number in the batch, that stay.
fn runs_of(runs: &[StoredRun], kept: &[u64]) -> Vec<StoredRun> {
    let mut left: Vec<StoredRun> = Vec::new();
    let mut kept = kept.iter().copied().peekable();
    let mut before = 0;
    for (transaction, first_ordinal, records) in runs {
        let end = before + u64::from(*records);
        let mut next_ordinal = None;
        while let Some(number) = kept.next_if(|number| *number < end) {
            let ordinal = first_ordinal + (number - before);
            match left.last_mut() {
                Some(run) if next_ordinal == Some(ordinal) => run.2 += 1,
                _ => left.push((transaction.clone(), ordinal, 1)),
            }
            next_ordinal = Some(ordinal + 1);
        }
        before = end;
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_keep_the_identity_of_the_records_that_stay() {
        let transaction = |xid| Arc::new(TransactionMeta { xid, ..TransactionMeta::default() });
        let runs = [(transaction(1), 10, 4), (transaction(2), 0, 3), (transaction(3), 7, 1)];
        let of = |kept: &[u64]| {
            let runs = runs_of(&runs, kept);
            runs.into_iter().map(|(meta, first, records)| (meta.xid, first, records)).collect::<Vec<_>>()
        };
        assert_eq!(of(&[0, 1, 2, 3, 4, 5, 6, 7]), [(1, 10, 4), (2, 0, 3), (3, 7, 1)]);
        assert_eq!(of(&[1, 3, 4, 5]), [(1, 11, 1), (1, 13, 1), (2, 0, 2)]);
        assert_eq!(of(&[]), []);
        assert_eq!(of(&[7]), [(3, 7, 1)]);
    }
}
