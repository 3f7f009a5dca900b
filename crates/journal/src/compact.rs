//! Compaction: of each key the last record is kept, as `cleanup.policy=compact` asks.
//!
//! What is left of the beginning of a partition, as far as sealed segments go, is put into a file of its own, which is read
//! instead of them from then on. So other topics' records are not copied, and the size budget, which lets the oldest
//! segments go, does not take the last record of a key. Offsets stay; they have gaps then.

mod sieve;

use crate::copies::{Copied, CopyWriter};
use crate::files::FileId;
use crate::limits::COPY_READ_BYTES;
use crate::policy::{Compact, Policy};
use crate::record::Record;
use crate::segment::Link;
use crate::shared::{Shared, lock};
use crate::view::{COMPACTED, Compacted, Key, Place, View};
use crate::{Bounds, JournalError, StoredBatch, TopicId, metrics};
use sieve::Sieve;
use std::ops::ControlFlow;

/// A partition that is worth compacting.
struct Task {
    key: Key,
    rules: Compact,
    log_start: i64,
    high_watermark: i64,
    /// From where on records were not compacted yet, and up to where they may be.
    from: i64,
    limit: i64,
    /// Up to where the partition's file stands for segments, and is to stand at least, however far compacting comes.
    copied_until: i64,
    at_least: i64,
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
                match self.compact_if_worth_it((topic, partition), rules) {
                    // Deleted or trimmed meanwhile: the next time finds out.
                    Err(JournalError::TopicUnknown { .. } | JournalError::OffsetOutOfRange { .. }) => {}
                    // Other partitions can do without this one.
                    Err(error @ JournalError::Corrupt { .. }) => {
                        tracing::warn!(topic, partition, code = error.code(), %error, "not compacted");
                    }
                    other => other?,
                }
            }
        }
        Ok(())
    }

    fn compact_if_worth_it(&self, key: Key, rules: Compact) -> Result<(), JournalError> {
        self.forget_aborted(key, rules)?;
        self.task(key, rules)?.map_or(Ok(()), |task| self.compact_partition(&task))
    }

    /// Forgets aborted transactions that a pass before this one has left no records of, when they are as old as
    /// tombstones must be. Their markers go with the next pass: never before, for a reader who knows of an abort looks for
    /// its marker.
    fn forget_aborted(&self, (topic, partition): Key, rules: Compact) -> Result<(), JournalError> {
        let first_below = |below: i64| {
            let view = self.view();
            let clean = view.compacted.get(&(topic, partition)).map_or(0, |copy| copy.clean).min(below);
            let first = view.state.clients.aborted((topic, partition), 0, clean).first().copied();
            first.filter(|aborted| aborted.last_offset < clean).map(|_| clean)
        };
        if first_below(i64::MAX).is_none() {
            return Ok(());
        }
        let before_ms = self.clock.now_ms().saturating_sub(rules.delete_retention_ms);
        let Some(below) = first_below(self.offset_at(TopicId(topic), partition, before_ms, 0)?) else { return Ok(()) };
        let mut queue = self.usable_queue()?;
        queue.push(0, 0, Record::ForgetAborted { topic, partition, below }, Vec::new())?;
        self.settle(queue)
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
            lag => self.offset_at(topic, key.1, now_ms.saturating_sub(lag).saturating_add(1), 0)?,
        };
        let (task, enough) = {
            let view = self.view();
            let Bounds { log_start, high_watermark, last_stable, .. } = view.bounds(topic, key.1)?;
            let Some(dirt) = dirt(&view, key) else { return Ok(None) };
            let limit = last_stable.min(old_enough).min(dirt.sealed_until);
            let copied_until = view.compacted.get(&key).map_or(log_start, |copy| copy.until);
            // Beyond the budget, segments are to go, so what may not be compacted yet moves as it is.
            let pressed = view.segment_bytes() > self.options.budget_bytes.unwrap_or(view.state.budget);
            let evacuate = pressed && view.is_compact_only(key.0);
            let at_least = if evacuate { copied_until.max(dirt.sealed_until) } else { copied_until };
            let stated = view.state.compacted.get(&key).map_or(0, |(generation, _)| *generation);
            let before = view.compacted.get(&key).map_or(stated, |copy| copy.generation.max(stated));
            let (from, generation) = (dirt.from.max(log_start), before.saturating_add(1));
            let much = dirt.bytes >= rules.dirty_ratio * dirt.of;
            let enough = at_least > copied_until || from < limit && (much || pressed);
            (
                Task { key, rules, log_start, high_watermark, from, limit, copied_until, at_least, generation, now_ms },
                enough,
            )
        };
        let worth_it = enough || task.from < task.limit && self.is_overdue(&task)?;
        Ok(worth_it.then_some(task))
    }

    /// Whether the oldest records that were not compacted yet are older than `max.compaction.lag.ms`.
    fn is_overdue(&self, task: &Task) -> Result<bool, JournalError> {
        let max_lag_ms = task.rules.max_lag_ms;
        if max_lag_ms == i64::MAX {
            return Ok(false);
        }
        let first = self.read(TopicId(task.key.0), task.key.1, task.from, 1)?;
        Ok(first.first().is_some_and(|batch| batch.max_timestamp <= task.now_ms.saturating_sub(max_lag_ms)))
    }

    fn compact_partition(&self, task: &Task) -> Result<(), JournalError> {
        let (topic, partition) = task.key;
        let aborted = self.view().state.clients.aborted(task.key, task.log_start, task.high_watermark);
        let mut sieve = Sieve::new(task, aborted);
        self.each_batch(task.key, task.from, task.limit, |batch| {
            // What the memory for keys does not suffice for is for another time.
            let end = batch.base_offset + i64::from(batch.records);
            let enough = sieve.keys() >= self.options.compact_keys || end > task.limit;
            if !enough {
                sieve.note(&batch);
            }
            Ok(if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        let clean = sieve.clean();
        let until = clean.max(task.at_least);
        if clean == task.from && task.at_least == task.copied_until {
            return Ok(());
        }
        let id = FileId::Compacted { topic, partition, generation: task.generation };
        let mut copy = CopyWriter::create(self, id)?;
        let written = self.each_batch(task.key, task.log_start, until, |batch| {
            sieve.pass(batch).map_or(Ok(()), |left| copy.push(task.key, left)).map(ControlFlow::Continue)
        });
        if let Err(error) = written {
            copy.abandon();
            return Err(error);
        }
        let Copied { link, bytes, index } = copy.finish(Link::default(), (until, clean))?;
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
                view.set_compacted(Compacted { key: task.key, generation, bytes, link, until, clean }, &index);
                before
            } else {
                // The topic or the records went meanwhile.
                Some(id)
            }
        };
        self.look();
        metrics::copied(true, bytes);
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
            // A large partition must not hold up the end of the process.
            if self.keeper_is_to_end() {
                return Err(JournalError::Closed);
            }
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

/// What of a partition was not compacted yet.
struct Dirt {
    /// Its first offset.
    from: i64,
    /// Where the sealed segments end.
    sealed_until: i64,
    /// How many bytes it is, of how many that could be compacted.
    bytes: f64,
    of: f64,
}

fn dirt(view: &View, key: Key) -> Option<Dirt> {
    let sealed = |place: &&Place| place.segment != view.active;
    let places: Vec<&Place> = view.places.get(&key)?.iter().take_while(sealed).collect();
    let from = view.compacted.get(&key).map(|copy| copy.clean).or(places.first().map(|place| place.base))?;
    let sealed_until = view.start_after(key, places.last()?.segment);
    let (mut bytes, mut of) = (0.0, 0.0);
    for place in &places {
        let size = place.bytes as f64;
        of += size;
        bytes += match view.compacted.get(&key) {
            // Its end may have been copied as it was.
            Some(copy) if place.segment == COMPACTED => {
                size * (copy.until - copy.clean) as f64 / (copy.until - place.base).max(1) as f64
            }
            _ => size,
        };
    }
    Some(Dirt { from, sealed_until, bytes, of })
}
