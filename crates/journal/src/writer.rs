//! The writer thread: frames into the segment, one fsync for all that is queued, then publication.
//!
//! A lone frame never waits: the thread sleeps only when nothing is queued. What arrives during an fsync goes with the
//! next one.

use crate::failpoint;
use crate::files::FileId;
use crate::frame;
use crate::limits::{DISK_RETRY, GROUP_MAX_BYTES, KEEPER_WAKES, RETENTION_CHECK, SEGMENT_MIN_BYTES};
use crate::open::seal;
use crate::queue::Queued;
use crate::record::Record;
use crate::retention::{Limits, decide};
use crate::segment::{Created, Link, create, segment_path, write_all_at};
use crate::shared::{Shared, lock};
use crate::view::Written;
use crate::{JournalError, Sequence, metrics};
use std::io::IoSlice;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

/// The one who writes.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    segment: Created,
    /// Where the head of the segment ends. A segment that holds no more than that takes any frame, and a large state
    /// makes a larger segment, so that it does not become most of what is written.
    head_end: u64,
    /// What the last frame on disk says is durable.
    stated: u64,
    segment_bytes: u64,
    budget: u64,
    /// Free bytes of the disk below which records wait.
    spare: u64,
    /// Whether there are fewer.
    is_low: bool,
    /// Sequence of the last frame taken from the queue.
    taken: Sequence,
    /// Why records have to wait: the budget is exceeded by what consumers need, or the disk is nearly full.
    blocked: Option<JournalError>,
    /// When the keeper was asked to compact what keeps segments from going.
    keeper_woken: Option<Instant>,
}

/// A frame encoded, its batches beside it.
struct Ready {
    head: Vec<u8>,
    written: Written,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, segment: Created, stated: u64) -> Self {
        let budget = shared.options.budget_bytes.unwrap_or(shared.view().state.budget);
        // A budget of a few segments could not be kept.
        let segment_bytes = shared.options.segment_bytes.min(budget / 8).max(SEGMENT_MIN_BYTES);
        let taken = lock(&shared.status).durable;
        let head_end = segment.position;
        let spare = shared.options.spare_bytes.min(budget / 4);
        Self {
            shared,
            segment,
            head_end,
            stated,
            segment_bytes,
            budget,
            spare,
            is_low: false,
            taken,
            blocked: None,
            keeper_woken: None,
        }
    }

    /// Works until the journal is closed or fails.
    pub(crate) fn run(mut self) {
        if let Err(error) = self.work() {
            tracing::error!(code = error.code(), %error, "the journal's writer has ended");
            self.shared.fail(error);
        }
    }

    fn work(&mut self) -> Result<(), JournalError> {
        while let Some(group) = self.next_group() {
            self.write(group)?;
            let roll = {
                let mut queue = self.shared.queue();
                queue.look = false;
                std::mem::take(&mut queue.roll)
            };
            if roll && self.segment.position > self.head_end {
                self.roll()?;
            }
            self.retain()?;
        }
        self.mark()
    }

    /// Waits for frames; `None` when the journal closes. Empty when it is time to look at retention or the disk, or for
    /// another segment.
    fn next_group(&self) -> Option<Vec<Queued>> {
        let mut queue = self.shared.queue();
        while queue.frames.is_empty() && !queue.roll && !queue.look {
            if queue.closing {
                return None;
            }
            let pause = match self.shared.options.retention {
                _ if self.is_low => DISK_RETRY,
                Some(_) => RETENTION_CHECK,
                None => {
                    queue = self.shared.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
            };
            let waited = self.shared.work.wait_timeout(queue, pause).unwrap_or_else(PoisonError::into_inner);
            queue = waited.0;
            if waited.1.timed_out() {
                return Some(Vec::new());
            }
        }
        let mut group = Vec::new();
        let mut bytes = 0;
        while let Some(next) = queue.frames.front()
            && (group.is_empty() || bytes + next.cost <= GROUP_MAX_BYTES)
        {
            bytes += next.cost;
            group.extend(queue.frames.pop_front());
        }
        Some(group)
    }

    /// Writes a group, in as many pieces as there are segments to fill.
    fn write(&mut self, group: Vec<Queued>) -> Result<(), JournalError> {
        let cost = group.iter().map(|queued| queued.cost).sum::<usize>();
        let mut ready: Vec<Ready> = Vec::with_capacity(group.len());
        let (mut at, mut link) = (self.segment.position, self.segment.link);
        for mut queued in group {
            for (batch, bytes) in queued.record.batches_mut().iter_mut().zip(&queued.payload) {
                batch.crc = crc32c::crc32c(bytes);
            }
            let mut encoded = self.encode(link, &queued);
            if at > self.head_end && at + encoded.bytes > self.segment_bytes.max(2 * self.head_end) {
                self.commit(std::mem::take(&mut ready), (at, link))?;
                self.roll()?;
                (at, link) = (self.segment.position, self.segment.link);
                encoded = self.encode(link, &queued);
            }
            let written = Written {
                connector: queued.connector,
                era: queued.era,
                record: queued.record,
                payload: queued.payload,
                at: crate::state::At { segment: self.segment.number, position: at },
            };
            ready.push(Ready { head: encoded.head, written });
            at += encoded.bytes;
            link = Link { sequence: link.sequence + 1, crc: encoded.crc };
            self.taken.0 += 1;
        }
        self.commit(ready, (at, link))?;
        let mut queue = self.shared.queue();
        queue.bytes = queue.bytes.saturating_sub(cost);
        drop(queue);
        self.shared.room.notify_all();
        Ok(())
    }

    fn encode(&self, link: Link, queued: &Queued) -> frame::Encoded {
        let place = frame::Place {
            sequence: link.sequence + 1,
            synced_through: self.segment.link.sequence,
            previous: link.crc,
        };
        frame::encode(place, queued.connector, queued.era, &queued.record)
    }

    /// Makes encoded frames durable and visible; `end` is where they end.
    fn commit(&mut self, ready: Vec<Ready>, end: (u64, Link)) -> Result<(), JournalError> {
        if ready.is_empty() {
            return Ok(());
        }
        failpoint!("journal::before_write", |_| Err(self.failure("write")));
        self.write_frames(&ready)?;
        failpoint!("journal::before_fsync", |_| Err(self.failure("write")));
        let before = Instant::now();
        self.segment.file.sync_data().map_err(|error| JournalError::fsync(&self.path(), error))?;
        let fsync = before.elapsed();
        failpoint!("journal::before_publish", |_| Err(self.failure("publish")));
        self.stated = self.segment.link.sequence;
        let (frames, bytes) = (ready.len() as u64, end.0 - self.segment.position);
        (self.segment.position, self.segment.link) = end;
        let mut view = self.shared.view_mut();
        for frame in ready {
            view.publish(frame.written).map_err(|why| JournalError::Refused { why: why.into() })?;
        }
        view.active_bytes = self.segment.position;
        let (segments, total, hot) = (view.sealed.len() + 1, view.bytes(), view.hot.bytes());
        drop(view);
        self.shared.advance(Some(self.taken));
        metrics::synced(frames, bytes, fsync);
        metrics::holds(segments, total, hot);
        Ok(())
    }

    /// Writes at the end of the segment; waits while the disk is full. Every attempt writes the same bytes to the same
    /// place, so a half-written one does no harm.
    fn write_frames(&mut self, ready: &[Ready]) -> Result<(), JournalError> {
        let mut waited = false;
        loop {
            let mut buffers: Vec<IoSlice<'_>> = Vec::with_capacity(ready.len() * 2);
            for frame in ready {
                buffers.push(IoSlice::new(&frame.head));
                buffers.extend(frame.written.payload.iter().map(|bytes| IoSlice::new(bytes)));
            }
            let position = self.segment.position;
            match self.write_buffers(position, &mut buffers) {
                Ok(()) => break,
                Err(error) => {
                    let error = JournalError::io("write", &self.path(), error);
                    drop(buffers);
                    self.wait_for_space(error)?;
                    waited = true;
                }
            }
        }
        if waited {
            self.shared.pause(self.blocked.clone());
        }
        Ok(())
    }

    #[cfg(not(feature = "failpoints"))]
    fn write_buffers(&mut self, position: u64, buffers: &mut [IoSlice<'_>]) -> std::io::Result<()> {
        write_all_at(self.segment.file.as_mut(), position, buffers)
    }

    /// The same with a place to stop between the first header and what follows.
    #[cfg(feature = "failpoints")]
    fn write_buffers(&mut self, position: u64, buffers: &mut [IoSlice<'_>]) -> std::io::Result<()> {
        let Some((first, rest)) = buffers.split_at_mut_checked(1) else { return Ok(()) };
        let head = first.iter().map(|slice| slice.len() as u64).sum::<u64>();
        write_all_at(self.segment.file.as_mut(), position, first)?;
        failpoint!("journal::inside_write", |_| Err(std::io::Error::other("failpoint")));
        write_all_at(self.segment.file.as_mut(), position + head, rest)
    }

    /// Gives the active segment a successor. Everything written is durable by now.
    fn roll(&mut self) -> Result<(), JournalError> {
        let next = self.segment.number + 1;
        let state = self.shared.view().state.clone();
        let mut waited = false;
        let created = loop {
            match create(self.shared.fs.as_ref(), &self.shared.dir, next, self.segment.link, &state, None) {
                Ok(created) => break created,
                Err(error) => {
                    self.wait_for_space(error)?;
                    waited = true;
                }
            }
        };
        if waited {
            self.shared.pause(self.blocked.clone());
        }
        let path = self.path();
        let mut sealed = std::mem::replace(&mut self.segment, created);
        let link = sealed.link;
        if let Err(error) = seal(&mut sealed, next) {
            // Nothing depends on a seal, except that a missing successor is noticed.
            tracing::warn!(file = %path.display(), %error, "segment not sealed");
        }
        self.head_end = self.segment.position;
        self.stated = self.segment.link.sequence;
        let mut view = self.shared.view_mut();
        view.active_bytes = sealed.position;
        view.active_since_ms = self.shared.clock.now_ms();
        let index = view.roll(link, next, self.segment.position);
        drop(view);
        let file = FileId::written(sealed.number);
        if let Err(error) = index.store(self.shared.fs.as_ref(), &self.shared.dir, file, link) {
            tracing::warn!(file = %file.index_path(&self.shared.dir).display(), %error, "index not written");
        }
        Ok(())
    }

    /// Waits a moment when the error is a full disk; otherwise, or when the journal closes, hands the error back.
    fn wait_for_space(&self, error: JournalError) -> Result<(), JournalError> {
        if !matches!(error, JournalError::DiskFull { .. }) {
            return Err(error);
        }
        self.shared.pause(Some(error.clone()));
        let queue = lock(&self.shared.queue);
        if queue.closing {
            return Err(error);
        }
        // A wake-up for new frames ends the wait early, which costs one more attempt.
        drop(self.shared.work.wait_timeout(queue, DISK_RETRY));
        Ok(())
    }

    /// Looks whether the disk has less room than is to be left. One that cannot be asked has enough.
    fn look_at_disk(&mut self) {
        if self.spare > 0 {
            // Records go on a little later than they stop, so that they do not stop again at once.
            let least = if self.is_low { self.spare + self.spare / 4 } else { self.spare };
            self.is_low = self.shared.fs.free_bytes(&self.shared.dir).is_ok_and(|free| free < least);
        }
    }

    /// Lets old segments go, and stops taking records while consumers need more than the budget or the disk is nearly
    /// full.
    fn retain(&mut self) -> Result<(), JournalError> {
        let older_than =
            self.shared.options.retention.map(|age| {
                self.shared.clock.now_ms().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
            });
        let outlived = |active: u64| {
            let view = self.shared.view();
            let known = view.state.segments.get(&active).copied().unwrap_or_default();
            older_than.is_some_and(|time| known.max_timestamp != i64::MIN && known.max_timestamp < time)
        };
        if outlived(self.segment.number) {
            self.roll()?;
        }
        self.look_at_disk();
        let (over, decision) = {
            let view = self.shared.view();
            let over = view.segment_bytes() > self.budget;
            let dead = view.sealed.first_key_value().is_some_and(|(number, _)| view.is_dead(*number));
            if !over && older_than.is_none() && self.blocked.is_none() && !dead && !self.is_low {
                return Ok(());
            }
            (over, decide(&view, Limits { budget: self.budget, older_than }))
        };
        if let Some(through) = decision.through {
            self.drop_segments(through, decision.starts)?;
        }
        if decision.compact && self.keeper_woken.is_none_or(|when| when.elapsed() >= KEEPER_WAKES) {
            self.keeper_woken = Some(Instant::now());
            self.shared.keeper_wakes.notify_all();
        }
        let why = match over && decision.blocked {
            true => Some("sinks still need what fills the size budget"),
            false => self.is_low.then_some("the disk is nearly full, and what is left is for deleting and compacting"),
        };
        if self.blocked.is_some() != why.is_some() {
            self.blocked = why.map(|why| JournalError::DiskFull { dir: self.shared.dir.clone(), why });
            self.shared.queue().over_budget = why.map(|_| self.shared.options.queue_bytes);
            self.shared.pause(self.blocked.clone());
            self.shared.room.notify_all();
        }
        Ok(())
    }

    /// Segments up to one go: first it is durable that they are not needed, then they are removed.
    fn drop_segments(&mut self, through: u64, starts: Vec<(u32, u32, i64)>) -> Result<(), JournalError> {
        let oldest = through + 1;
        let record = Record::Retain { oldest_segment: oldest, starts };
        let queued = Queued { connector: 0, era: 0, record, payload: Vec::new(), cost: 0 };
        let encoded = self.encode(self.segment.link, &queued);
        let at = self.segment.at();
        let written = Written { connector: 0, era: 0, record: queued.record, payload: Vec::new(), at };
        let end = self.segment.position + encoded.bytes;
        let link = Link { sequence: self.segment.link.sequence + 1, crc: encoded.crc };
        let shared = self.shared.clone();
        let _files = lock(&shared.files);
        let gone: Vec<FileId> = {
            let view = shared.view();
            view.sealed.range(..oldest).map(|(number, segment)| segment.file_id(*number)).collect()
        };
        self.commit(vec![Ready { head: encoded.head, written }], (end, link))?;
        for file in gone {
            shared.remove(file);
        }
        self.shared.fs.sync_dir(&self.shared.dir).map_err(|error| JournalError::fsync(&self.shared.dir, error))
    }

    /// At a clean end, states durably what is durable, so that the next start need not copy anything.
    fn mark(&mut self) -> Result<(), JournalError> {
        if self.stated == self.segment.link.sequence {
            return Ok(());
        }
        let queued = Queued { connector: 0, era: 0, record: Record::Mark, payload: Vec::new(), cost: 0 };
        let encoded = self.encode(self.segment.link, &queued);
        let mut buffers = [IoSlice::new(&encoded.head)];
        // Without it nothing is lost: the next start copies the last frames.
        if let Err(error) = write_all_at(self.segment.file.as_mut(), self.segment.position, &mut buffers) {
            tracing::warn!(%error, "clean end not marked");
            return Ok(());
        }
        self.segment.file.sync_data().map_err(|error| JournalError::fsync(&self.path(), error))
    }

    fn path(&self) -> PathBuf {
        segment_path(&self.shared.dir, self.segment.number)
    }

    #[cfg(feature = "failpoints")]
    fn failure(&self, doing: &'static str) -> JournalError {
        JournalError::io(doing, &self.path(), std::io::Error::other("failpoint"))
    }
}
