//! Compaction: of each key the last record is kept, as `cleanup.policy=compact` asks.
//!
//! What is left of the beginning of a partition, as far as sealed segments go, is put into a file of its own, which is read
//! instead of them from then on. So other topics' records are not copied, and the size budget, which lets the
//! oldest segments go, does not take the last record of a key. Offsets stay; they have gaps then.

use crate::copies::{Copied, CopyWriter};
use crate::files::FileId;
use crate::limits::COPY_READ_BYTES;
use crate::policy::{Compact, Policy};
use crate::record::Record;
use crate::segment::Link;
use crate::shared::{Shared, lock};
use crate::view::{COMPACTED, Compacted, Key};
use crate::{Aborted, JournalError, StoredBatch, TopicId, TransactionMeta};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;
use std::sync::Arc;
use tailwater_wire::batch::{Batch, BatchError, Marker, RawRecord, retain};

/// Transaction, ordinal of the first record's event in it, number of records.
type StoredRun = (Arc<TransactionMeta>, u64, u32);

/// A partition that is worth compacting.
struct Task {
    key: Key,
    rules: Compact,
    log_start: i64,
    high_watermark: i64,
    /// Where what was not compacted yet begins, and up to where it can be.
    from: i64,
    to: i64,
    generation: u32,
    now_ms: i64,
}

impl Shared {
    /// Compacts the partitions where it is worth it; all where it is possible while the size budget is exceeded.
    pub(crate) fn compact(&self) -> Result<(), JournalError> {
        let topics: Vec<(u32, Compact, u32)> = {
            let view = self.view();
            let compacted = view.state.topics.iter().filter_map(|(id, topic)| {
                let rules = Policy::of(topic, None).compact?;
                Some((*id, rules, u32::try_from(topic.partitions.len()).unwrap_or(u32::MAX)))
            });
            compacted.collect()
        };
        for (topic, rules, partitions) in topics {
            for partition in 0..partitions {
                if self.keeper_is_to_end() {
                    return Ok(());
                }
                let done = match self.task((topic, partition), rules) {
                    Ok(Some(task)) => self.compact_partition(&task),
                    other => other.map(|_| ()),
                };
                match done {
                    // Deleted or trimmed meanwhile: the next time finds out.
                    Err(JournalError::TopicUnknown { .. } | JournalError::OffsetOutOfRange { .. }) => {}
                    other => other?,
                }
            }
        }
        Ok(())
    }

    /// What can be compacted of a partition, when it is enough.
    fn task(&self, key: Key, rules: Compact) -> Result<Option<Task>, JournalError> {
        let now_ms = self.clock.now_ms();
        let topic = TopicId(key.0);
        if !self.view().places.contains_key(&key) {
            return Ok(None);
        }
        let old_enough = match rules.min_lag_ms {
            ..=0 => i64::MAX,
            lag => self.offset_at(topic, key.1, now_ms.saturating_sub(lag).saturating_add(1))?,
        };
        let overdue = self.is_overdue(key, rules.max_lag_ms, now_ms)?;
        let view = self.view();
        let bounds = view.bounds(topic, key.1)?;
        let limit = bounds.last_stable.min(old_enough);
        let Some(places) = view.places.get(&key) else { return Ok(None) };
        let (mut from, mut to, mut dirty, mut clean) = (None, 0, 0, 0);
        for place in places {
            if place.segment == COMPACTED {
                clean += place.bytes;
                continue;
            }
            let end = view.start_after(key, place.segment);
            if place.segment == view.active || end > limit {
                break;
            }
            from.get_or_insert(place.base);
            to = end;
            dirty += place.bytes;
        }
        let budget = self.options.budget_bytes.unwrap_or(view.state.budget);
        let much = dirty as f64 >= rules.dirty_ratio * (dirty + clean) as f64;
        let enough = much || overdue || view.bytes() > budget;
        let Some(from) = from.filter(|_| enough) else { return Ok(None) };
        let before = view.compacted.get(&key).map_or(0, |copy| copy.generation);
        let stated = view.state.compacted.get(&key).map_or(0, |(generation, _)| *generation);
        let generation = before.max(stated).saturating_add(1);
        let (log_start, high_watermark) = (bounds.log_start, bounds.high_watermark);
        Ok(Some(Task { key, rules, log_start, high_watermark, from, to, generation, now_ms }))
    }

    /// Whether the oldest records that were not compacted yet are older than `max.compaction.lag.ms`.
    fn is_overdue(&self, key: Key, max_lag_ms: i64, now_ms: i64) -> Result<bool, JournalError> {
        if max_lag_ms == i64::MAX {
            return Ok(false);
        }
        let from = {
            let view = self.view();
            let Some(places) = view.places.get(&key) else { return Ok(false) };
            let dirty = places.iter().find(|place| place.segment != COMPACTED && place.segment != view.active);
            let Some(dirty) = dirty else { return Ok(false) };
            dirty.base.max(view.bounds(TopicId(key.0), key.1)?.log_start)
        };
        let first = self.read(TopicId(key.0), key.1, from, 1)?;
        Ok(first.first().is_some_and(|batch| batch.max_timestamp <= now_ms.saturating_sub(max_lag_ms)))
    }

    fn compact_partition(&self, task: &Task) -> Result<(), JournalError> {
        let (topic, partition) = task.key;
        let aborted = self.view().state.clients.aborted(task.key, task.log_start, task.high_watermark);
        let mut sieve = Sieve::new(task, aborted);
        let mut until = task.from;
        self.each_batch(task.key, task.from, task.to, |batch| {
            // What the memory for keys does not suffice for is for another time.
            let full = sieve.latest.len() >= self.options.compact_keys;
            if !full {
                sieve.note(&batch);
                until = batch.base_offset + i64::from(batch.records);
            }
            Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        let id = FileId::Compacted { topic, partition, generation: task.generation };
        let mut copy = CopyWriter::create(self, id)?;
        let written = self.each_batch(task.key, task.log_start, until, |batch| {
            sieve.pass(batch).map_or(Ok(()), |left| copy.push(task.key, left)).map(ControlFlow::Continue)
        });
        if let Err(error) = written {
            copy.abandon();
            return Err(error);
        }
        let Copied { link, bytes, index } = copy.finish(Link::default(), until)?;
        // Once it is said durably that the file must be there, segments may go that it stands for.
        let mut queue = self.usable_queue()?;
        let generation = task.generation;
        queue.push(0, 0, Record::Compacted { topic, partition, generation, until }, Vec::new())?;
        self.settle(queue)?;
        let _files = lock(&self.files);
        let before = {
            let mut view = self.view_mut();
            if view.state.compacted.get(&task.key) == Some(&(generation, until)) {
                let before = view.compacted.get(&task.key).map(Compacted::file_id);
                view.set_compacted(Compacted { key: task.key, generation, bytes, link, until }, &index);
                before
            } else {
                // The topic or the records went meanwhile.
                Some(id)
            }
        };
        self.look();
        tracing::debug!(topic, partition, until, bytes, "compacted");
        match before {
            Some(file) => self.remove_durably(file),
            None => Ok(()),
        }
    }

    /// Calls with the batches of a partition from one offset to another, until the answer is a break.
    pub(crate) fn each_batch(
        &self,
        (topic, partition): Key,
        from: i64,
        to: i64,
        mut act: impl FnMut(StoredBatch) -> Result<ControlFlow<()>, JournalError>,
    ) -> Result<(), JournalError> {
        let mut next = from;
        while next < to {
            let batches = self.read(TopicId(topic), partition, next, COPY_READ_BYTES)?;
            let Some(last) = batches.last() else { return Ok(()) };
            next = last.base_offset + i64::from(last.records);
            for batch in batches {
                if batch.base_offset >= to || act(batch)?.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// What decides which records stay.
struct Sieve {
    /// Offset of the last record of each key, by a hash too large for two keys to share one.
    latest: HashMap<u128, i64>,
    hashers: [RandomState; 2],
    /// First and last offset of aborted transactions, by producer.
    aborted: HashMap<i64, Vec<(i64, i64)>>,
    rules: Compact,
    high_watermark: i64,
    now_ms: i64,
}

impl Sieve {
    fn new(task: &Task, aborted: Vec<Aborted>) -> Self {
        let mut by_producer: HashMap<i64, Vec<(i64, i64)>> = HashMap::new();
        for Aborted { producer, first_offset, last_offset, .. } in aborted {
            by_producer.entry(producer).or_default().push((first_offset, last_offset));
        }
        Self {
            latest: HashMap::new(),
            hashers: [RandomState::new(), RandomState::new()],
            aborted: by_producer,
            rules: task.rules,
            high_watermark: task.high_watermark,
            now_ms: task.now_ms,
        }
    }

    /// Notes the keys of a batch.
    fn note(&mut self, stored: &StoredBatch) {
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
    fn pass(&self, stored: StoredBatch) -> Option<StoredBatch> {
        // Without the last batch, who reads would not learn how far the partition goes.
        let last = stored.base_offset + i64::from(stored.records) == self.high_watermark;
        let left = self.left_of(&stored);
        left.or_else(|| last.then_some(stored))
    }

    fn left_of(&self, stored: &StoredBatch) -> Option<StoredBatch> {
        let Ok(batch) = Batch::read_unverified(&stored.bytes) else { return Some(stored.clone()) };
        if batch.is_control() {
            // A reader that passes over an aborted transaction waits for its marker; nobody waits for a commit.
            let commit = Marker::of(&batch).is_ok_and(|marker| marker.is_some_and(|marker| marker.committed));
            return (!commit).then(|| stored.clone());
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
