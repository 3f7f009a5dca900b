//! Offsets: committed, fetched, deleted, and forgotten in the end.

use super::keys::Key;
use super::store::{Entry, entry, gone};
use super::{Coordinator, Inner, Shared};
use crate::group::{Caller, Expired, Known, Offset, State};
use crate::limits::OFFSET_COST_BYTES;
use std::collections::BTreeSet;
use tailwater_journal::Sequence;
use tailwater_wire::error_code::ErrorCode;

/// An offset that a client commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Where the group goes on.
    pub offset: i64,
    /// Epoch of the last record's leader, -1 when the client did not say.
    pub leader_epoch: i32,
    /// What the client wants to know again.
    pub metadata: String,
}

impl Commit {
    pub(super) fn into_offset(self, now: u64, expires: Option<u64>) -> (String, i32, Offset) {
        let Self { topic, partition, offset, leader_epoch, metadata } = self;
        (topic, partition, Offset { offset, leader_epoch, metadata, committed: now, expires })
    }
}

/// A partition's offset as OffsetFetch shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// What is committed, if anything is; or why that cannot be said yet.
    pub offset: Result<Option<Offset>, ErrorCode>,
}

impl Coordinator {
    /// Commits offsets of a group; durable when it returns. `retention` is how long they are to be kept, in milliseconds,
    /// where the client says so.
    pub async fn commit(
        &self,
        group: String,
        caller: Caller,
        offsets: Vec<Commit>,
        retention: Option<u64>,
    ) -> Result<(), ErrorCode> {
        let written = self
            .locked(move |inner, shared| {
                let now = shared.time.now();
                inner.groups.may_commit(&group, &caller, false, bytes_of(&offsets), now)?;
                let expires = retention.map(|retention| now.saturating_add(retention));
                let offsets: Vec<_> = offsets.into_iter().map(|commit| commit.into_offset(now, expires)).collect();
                let mut entries: Vec<Entry> = Vec::with_capacity(offsets.len());
                for (topic, partition, offset) in &offsets {
                    entries.push(entry(&Key::Offset(&group, topic, *partition), offset)?);
                }
                if entries.is_empty() {
                    return Ok(Sequence(0));
                }
                inner.save(shared, &group)?;
                let written = shared.store.write(entries)?;
                inner.groups.committed(&group, offsets, now);
                inner.offsets_written(&group, written);
                Ok(written)
            })
            .await??;
        self.shared.store.durable(written).await
    }

    /// Offsets of a group, of these partitions or of all that have one. `stable`: those that an open transaction may
    /// still change are not told (KIP-447).
    pub async fn offsets(
        &self,
        group: &str,
        partitions: Option<Vec<(String, i32)>>,
        stable: bool,
    ) -> Result<Vec<Fetched>, ErrorCode> {
        let (fetched, written) = {
            let inner = self.shared.lock();
            let known = inner.groups.get(group);
            let partitions = partitions.unwrap_or_else(|| known.map(partitions_of).unwrap_or_default());
            let one = |(topic, partition): (String, i32)| {
                let held = stable && known.is_some_and(|known| known.offsets.is_held(&topic, partition));
                let offset = match held {
                    true => Err(ErrorCode::UNSTABLE_OFFSET_COMMIT),
                    false => Ok(known.and_then(|known| known.offsets.get(&topic, partition)).cloned()),
                };
                Fetched { topic, partition, offset }
            };
            let fetched: Vec<_> = partitions.into_iter().map(one).collect();
            (fetched, known.map_or(0, |known| known.written))
        };
        self.shared.store.durable(Sequence(written)).await?;
        Ok(fetched)
    }

    /// Deletes offsets of a group; one result for each partition.
    pub async fn delete_offsets(
        &self,
        group: String,
        partitions: Vec<(String, i32)>,
    ) -> Result<Vec<Result<(), ErrorCode>>, ErrorCode> {
        let (results, written) = self
            .locked(move |inner, shared| {
                let known = inner.groups.may_delete_offsets(&group)?;
                let in_use = |topic: &str| known.group.state() != State::Empty && known.group.reads(topic);
                let (kept, deleted): (Vec<_>, Vec<_>) = partitions.iter().partition(|(topic, _)| in_use(topic));
                let deleted: Vec<_> = deleted.into_iter().cloned().collect();
                let result = |of: &(String, i32)| match kept.contains(&of) {
                    true => Err(ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC),
                    false => Ok(()),
                };
                let results: Vec<_> = partitions.iter().map(result).collect();
                let written = inner.forget(shared, &group, &deleted, false)?;
                Ok((results, written))
            })
            .await??;
        self.shared.store.durable(written).await?;
        Ok(results)
    }

    /// A topic is gone, and with it what groups have read of it: under the same name there may be another one.
    pub async fn forget_topic(&self, topic: String) -> Result<(), ErrorCode> {
        let written =
            self.locked(move |inner, shared| inner.forget_topics(shared, |its_topic| its_topic == topic)).await??;
        self.shared.store.durable(written).await
    }
}

impl Inner {
    /// Offsets of a group have changed with this frame.
    pub(super) fn offsets_written(&mut self, group: &str, written: Sequence) {
        if let Some(known) = self.groups.known_mut(group) {
            known.written = written.0;
        }
    }

    /// Removes the offsets of topics that went without a word to us. What cannot be written is tried again the next time.
    pub(super) fn forget_lost_topics(&mut self, shared: &Shared) {
        let topics: BTreeSet<_> = shared.store.journal.topics().into_iter().map(|topic| topic.name).collect();
        if let Err(error) = self.forget_topics(shared, |topic| !topics.contains(topic)) {
            tracing::debug!(error = error.name(), "offsets of topics that are gone cannot be forgotten yet");
        }
    }

    /// Removes the offsets of topics that are gone.
    fn forget_topics(&mut self, shared: &Shared, gone: impl Fn(&str) -> bool) -> Result<Sequence, ErrorCode> {
        let mut written = Sequence(0);
        for Expired { group, offsets, .. } in self.groups.offsets_of_topics(gone) {
            written = written.max(self.forget(shared, &group, &offsets, false)?);
        }
        Ok(written)
    }

    /// Removes offsets, and the group when it goes with them.
    fn forget(
        &mut self,
        shared: &Shared,
        group: &str,
        offsets: &[(String, i32)],
        group_too: bool,
    ) -> Result<Sequence, ErrorCode> {
        let offset = |(topic, partition): &(String, i32)| gone(&Key::Offset(group, topic, *partition));
        let mut entries: Vec<Entry> = offsets.iter().map(offset).collect();
        if group_too {
            entries.push(gone(&Key::Group(group)));
        }
        if entries.is_empty() {
            return Ok(Sequence(0));
        }
        let written = shared.store.write(entries)?;
        self.groups.forgotten(group, offsets);
        self.offsets_written(group, written);
        if group_too {
            self.groups.deleted(group);
        }
        Ok(written)
    }

    /// Forgets offsets that nobody will want any more. What cannot be written is tried again the next time.
    pub(super) fn expire_offsets(&mut self, shared: &Shared, now: u64) {
        self.forget_lost_topics(shared);
        for Expired { group, offsets, group_too } in self.groups.expired(now) {
            match self.forget(shared, &group, &offsets, group_too) {
                Ok(_) => tracing::debug!(group, offsets = offsets.len(), group_too, "offsets have expired"),
                Err(error) => tracing::debug!(group, error = error.name(), "offsets cannot be forgotten yet"),
            }
        }
    }
}

/// Memory that offsets will take, about.
pub(super) fn bytes_of(offsets: &[Commit]) -> usize {
    offsets.iter().map(|commit| OFFSET_COST_BYTES + commit.metadata.len()).sum()
}

fn partitions_of<W>(known: &Known<W>) -> Vec<(String, i32)> {
    known.offsets.iter().map(|(topic, partition, _)| (topic.to_owned(), partition)).collect()
}
