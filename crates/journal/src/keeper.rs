//! The keeper: a thread that looks from time to time what topics no longer have to keep, and makes it so.

use crate::limits::TEND_STARTS;
use crate::policy::Policy;
use crate::record::Record;
use crate::shared::{Shared, lock};
use crate::view::Key;
use crate::{Bounds, JournalError, TopicId};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Works until the journal closes.
pub(crate) fn run(shared: &Arc<Shared>, every: Duration) {
    let mut closing = lock(&shared.keeper_closes);
    while !*closing {
        let waited = shared.keeper_wakes.wait_timeout(closing, every).unwrap_or_else(PoisonError::into_inner);
        closing = waited.0;
        if waited.1.timed_out() && !*closing {
            drop(closing);
            // What could not be done now can be done next time; who appends is told of a journal that fails.
            if let Err(error) = shared.tend() {
                tracing::warn!(code = error.code(), %error, "retention by topic stopped early");
            }
            closing = lock(&shared.keeper_closes);
        }
    }
}

impl Shared {
    /// See [`crate::Journal::tend`].
    pub(crate) fn tend(&self) -> Result<(), JournalError> {
        let mut starts = Vec::new();
        for (key, policy) in self.policies() {
            if let Some(start) = self.start_by(key, &policy)? {
                starts.push((key.0, key.1, start));
            }
        }
        for starts in starts.chunks(TEND_STARTS) {
            self.trim(starts.to_vec())?;
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
                start = start.max(self.offset_at(topic, key.1, self.clock.now_ms().saturating_sub(age))?);
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
            other => other,
        }
    }

    fn trim(&self, starts: Vec<(u32, u32, i64)>) -> Result<(), JournalError> {
        let mut queue = self.usable_queue()?;
        queue.push(0, 0, Record::Trim { starts }, Vec::new())?;
        self.settle(queue)
    }
}
