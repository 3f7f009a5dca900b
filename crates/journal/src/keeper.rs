//! The keeper: a thread that looks from time to time what topics no longer have to keep, and makes it so.
//!
//! First partitions begin later where their topics' settings say so; then topics are compacted; then sealed segments in
//! which most is dead are copied without it. A copy is durable under a name of its own before the view uses it, and the
//! file that it stands for goes after that, so a crash at any place leaves at least one of the two.

use crate::copies::{Copied, CopyWriter};
use crate::files::FileId;
use crate::limits::{COPY_SAVES_BYTES, RETENTION_BY_TOPIC, TEND_STARTS};
use crate::policy::Policy;
use crate::record::Record;
use crate::scan::Scanner;
use crate::shared::{Shared, lock};
use crate::view::{COMPACTED, Compacted, Key, Place, SealedSegment, View};
use crate::{Bounds, JournalError, TopicId, metrics};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// Works until the journal closes.
pub(crate) fn run(shared: &Arc<Shared>, every: Duration) {
    let mut trimmed: Option<Instant> = None;
    let mut closing = lock(&shared.keeper_closes);
    while !*closing {
        let waited = shared.keeper_wakes.wait_timeout(closing, every).unwrap_or_else(PoisonError::into_inner);
        closing = waited.0;
        if !*closing {
            drop(closing);
            // What could not be done now can be done next time; who appends is told of a journal that fails.
            let trim = trimmed.is_none_or(|when| when.elapsed() >= RETENTION_BY_TOPIC);
            if trim {
                trimmed = Some(Instant::now());
            }
            if let Err(error) = shared.tend(trim)
                && !shared.keeper_is_to_end()
            {
                tracing::warn!(code = error.code(), %error, "topics could not be trimmed or compacted");
            }
            closing = lock(&shared.keeper_closes);
        }
    }
}

impl Shared {
    /// See [`crate::Journal::tend`]; log starts stay where they are when they are not to be looked at.
    pub(crate) fn tend(&self, trim: bool) -> Result<(), JournalError> {
        let _one = lock(&self.tending);
        if trim {
            self.trim_topics()?;
        }
        self.roll_for_compaction();
        self.compact()?;
        self.copy_mostly_dead()?;
        self.remove_unused()
    }

    /// Whether the journal closes.
    pub(crate) fn keeper_is_to_end(&self) -> bool {
        *lock(&self.keeper_closes)
    }

    /// Removes a file, so that it stays removed.
    pub(crate) fn remove_durably(&self, file: FileId) -> Result<(), JournalError> {
        self.remove(file);
        self.fs.sync_dir(&self.dir).map_err(|error| JournalError::fsync(&self.dir, error))
    }

    fn trim_topics(&self) -> Result<(), JournalError> {
        let mut starts = Vec::new();
        for (key, policy) in self.policies() {
            if self.keeper_is_to_end() {
                return Ok(());
            }
            if let Some(start) = self.start_by(key, &policy)? {
                starts.push((key.0, key.1, start));
            }
        }
        for starts in starts.chunks(TEND_STARTS) {
            let mut queue = self.usable_queue()?;
            queue.push(0, 0, Record::Trim { starts: starts.to_vec() }, Vec::new())?;
            self.settle(queue)?;
        }
        Ok(())
    }

    /// Partitions whose topics keep less than everything.
    fn policies(&self) -> Vec<(Key, Policy)> {
        let view = self.view();
        let limited = view.state.topics.iter().flat_map(|(id, topic)| {
            let policy = Policy::of(topic, self.options.client_retention);
            let partitions = if policy.retention_ms.is_some() || policy.retention_bytes.is_some() {
                u32::try_from(topic.partitions.len()).unwrap_or(u32::MAX)
            } else {
                0
            };
            (0..partitions).map(move |partition| ((*id, partition), policy))
        });
        limited.filter(|(key, _)| view.places.contains_key(key)).collect()
    }

    /// Where a partition is to begin, when that is later than now.
    fn start_by(&self, key: Key, policy: &Policy) -> Result<Option<i64>, JournalError> {
        let found = || -> Result<Option<i64>, JournalError> {
            let topic = TopicId(key.0);
            let Bounds { log_start, last_stable, .. } = self.view().bounds(topic, key.1)?;
            let mut start = log_start;
            if let Some(age) = policy.retention_ms {
                start = start.max(self.offset_at(topic, key.1, self.clock.now_ms().saturating_sub(age), 0)?);
            }
            if let Some(bytes) = policy.retention_bytes {
                start = start.max(self.offset_of_last(topic, key.1, bytes)?);
            }
            let needed = self.view().needed_from(key);
            Ok(Some(start.min(last_stable).min(needed)).filter(|start| *start > log_start))
        };
        match found() {
            // Deleted meanwhile, or the segment went with its neighbours.
            Err(JournalError::TopicUnknown { .. }) => Ok(None),
            Err(error) if error.is_gone() => Ok(None),
            Err(error @ JournalError::Corrupt { .. }) => {
                tracing::warn!(topic = key.0, partition = key.1, code = error.code(), %error, "not trimmed");
                Ok(None)
            }
            other => other,
        }
    }

    /// Compacting leaves the active segment alone: it gets a successor when a compacted topic's `segment.ms`,
    /// `segment.bytes` or `max.compaction.lag.ms` says so.
    fn roll_for_compaction(&self) {
        let wanted = {
            let view = self.view();
            let age = self.clock.now_ms().saturating_sub(view.active_since_ms);
            let over = |(key, places): (&Key, &Vec<Place>)| {
                let rules = view.state.topics.get(&key.0).and_then(|topic| Policy::of(topic, None).compact);
                let last = places.last().filter(|place| place.segment == view.active);
                rules.zip(last).is_some_and(|(rules, place)| {
                    age >= rules.segment_ms.min(rules.max_lag_ms) || place.bytes >= rules.segment_bytes
                })
            };
            view.places.iter().any(over)
        };
        if wanted {
            self.queue().roll = true;
            self.work.notify_one();
        }
    }

    /// Copies sealed segments of which less than half can be read, without the rest.
    fn copy_mostly_dead(&self) -> Result<(), JournalError> {
        let segments = mostly_dead(&self.view());
        for number in segments {
            if self.keeper_is_to_end() {
                return Ok(());
            }
            match self.copy_segment(number) {
                // Something in it went meanwhile: the next time finds out.
                Err(JournalError::TopicUnknown { .. } | JournalError::OffsetOutOfRange { .. }) => {}
                Err(error) if error.is_gone() => {}
                Err(error @ JournalError::Corrupt { .. }) => {
                    tracing::warn!(segment = number, code = error.code(), %error, "kept with what is dead in it");
                }
                other => other?,
            }
        }
        Ok(())
    }

    fn copy_segment(&self, number: u64) -> Result<(), JournalError> {
        let (sealed, keys) = {
            let view = self.view();
            let Some(sealed) = view.sealed.get(&number).copied() else { return Ok(()) };
            let here = view.places.iter().filter_map(|(key, places)| {
                let place = places.iter().find(|place| place.segment == number)?;
                Some((*key, place.base, view.start_after(*key, number)))
            });
            let mut keys: Vec<(Key, i64, i64)> = here.collect();
            keys.sort_unstable();
            (sealed, keys)
        };
        let (_, header) = Scanner::open(self.fs.as_ref(), &sealed.file_id(number).path(&self.dir))?;
        let generation = sealed.generation.saturating_add(1);
        let id = FileId::Segment { number, generation };
        let mut copy = CopyWriter::create(self, id)?;
        for (key, base, end) in keys {
            let log_start = self.view().bounds(TopicId(key.0), key.1).map_or(i64::MAX, |bounds| bounds.log_start);
            // A batch that begins below the log start and ends behind it stays whole.
            let copied = self
                .each_batch(key, base.max(log_start), end, |batch| copy.push(key, batch).map(ControlFlow::Continue));
            match copied {
                Ok(()) => {}
                // The topic went, or its records did.
                Err(JournalError::TopicUnknown { .. }) => {}
                Err(error) => {
                    copy.abandon();
                    return Err(error);
                }
            }
        }
        let Copied { link, bytes, index } = copy.finish(header.before(), (0, 0))?;
        let _files = lock(&self.files);
        let gone = {
            let mut view = self.view_mut();
            let same = view.sealed.get(&number).is_some_and(|known| known.generation == sealed.generation);
            if same {
                view.set_copy(number, SealedSegment { bytes, link, generation }, &index);
            }
            if same { sealed.file_id(number) } else { id }
        };
        metrics::copied(false, bytes);
        tracing::debug!(segment = number, before = sealed.bytes, bytes, "copied what can be read of a segment");
        self.remove_durably(gone)
    }

    /// Removes compacted files that stand for nothing any more.
    fn remove_unused(&self) -> Result<(), JournalError> {
        let _files = lock(&self.files);
        let unused: Vec<Compacted> = {
            let mut view = self.view_mut();
            let View { compacted, state, .. } = &mut *view;
            let of_use = |copy: &Compacted| {
                state.partition(copy.key.0, copy.key.1).is_some_and(|known| known.log_start < copy.until)
            };
            compacted.extract_if(.., |_, copy| !of_use(copy)).map(|(_, copy)| copy).collect()
        };
        unused.iter().try_for_each(|copy| self.remove_durably(copy.file_id()))
    }
}

/// Sealed segments of which less than half can be read. One with parts of a big transaction stays as it is, and those at
/// the beginning in which nothing can be read go as they are.
fn mostly_dead(view: &View) -> Vec<u64> {
    let mut living: HashMap<u64, u64> = HashMap::new();
    for place in view.places.values().flatten().filter(|place| place.segment != COMPACTED) {
        *living.entry(place.segment).or_default() += place.bytes;
    }
    let with_open_parts: Vec<u64> =
        view.state.open.values().flat_map(|open| &open.parts).map(|part| part.at.segment).collect();
    let dead = view.sealed.iter().skip_while(|(number, _)| view.is_dead(**number)).filter(|(number, sealed)| {
        let living = living.get(number).copied().unwrap_or_default();
        let pinned = view.state.segments.get(number).is_some_and(|known| known.pinned_through != 0);
        let saved = sealed.bytes.saturating_sub(living);
        saved > living && saved >= COPY_SAVES_BYTES && !pinned && !with_open_parts.contains(number)
    });
    dead.map(|(number, _)| *number).collect()
}
