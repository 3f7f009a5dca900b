//! What the handle, its readers and the writer thread share.

use crate::files::FileId;
use crate::fs::Fs;
use crate::index::SegmentIndex;
use crate::limits::INDEX_CACHE_SEGMENTS;
use crate::queue::Queue;
use crate::view::View;
use crate::{Clock, JournalError, Options, Sequence, metrics};
use event_listener::Event;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};
use tailwater_wire::Buffers;

/// Locks are taken one at a time, but for those of the keeper, `tending` and then `files`, which are taken before any other.
pub(crate) struct Shared {
    pub(crate) fs: Arc<dyn Fs>,
    pub(crate) dir: PathBuf,
    pub(crate) options: Options,
    pub(crate) clock: Arc<dyn Clock>,
    /// Frames on their way to the writer.
    pub(crate) queue: Mutex<Queue>,
    /// There is work for the writer.
    pub(crate) work: Condvar,
    /// There is room in the queue.
    pub(crate) room: Condvar,
    /// What is durable.
    pub(crate) view: RwLock<View>,
    pub(crate) status: Mutex<Status>,
    /// The status has moved.
    moved: Condvar,
    /// The same for async tasks.
    pub(crate) change: Event,
    /// Whether the keeper is to end, and what wakes it then.
    pub(crate) keeper_closes: Mutex<bool>,
    pub(crate) keeper_wakes: Condvar,
    /// Held while topics are looked through.
    pub(crate) tending: Mutex<()>,
    /// Held while files of the view are exchanged or given up.
    pub(crate) files: Mutex<()>,
    /// Indexes of cold files, last used last.
    indexes: Mutex<Vec<(FileId, Arc<SegmentIndex>)>>,
    /// Memory for what readers read.
    pub(crate) buffers: Buffers,
    /// How often a topic got more partitions.
    pub(crate) growths: AtomicU64,
}

/// How the writer is doing.
#[derive(Debug, Default)]
pub(crate) struct Status {
    pub(crate) durable: Sequence,
    pub(crate) failed: Option<JournalError>,
    pub(crate) paused: Option<JournalError>,
    /// Grows with every change of what readers see.
    version: u64,
}

impl Shared {
    pub(crate) fn new(
        (fs, clock): (Arc<dyn Fs>, Arc<dyn Clock>),
        dir: PathBuf,
        options: Options,
        queue: Queue,
        view: View,
    ) -> Self {
        let status = Status { durable: queue.last, version: 1, ..Status::default() };
        Self {
            fs,
            dir,
            options,
            clock,
            queue: Mutex::new(queue),
            work: Condvar::new(),
            room: Condvar::new(),
            view: RwLock::new(view),
            status: Mutex::new(status),
            moved: Condvar::new(),
            change: Event::new(),
            keeper_closes: Mutex::new(false),
            keeper_wakes: Condvar::new(),
            tending: Mutex::new(()),
            files: Mutex::new(()),
            indexes: Mutex::new(Vec::new()),
            buffers: Buffers::default(),
            growths: AtomicU64::new(0),
        }
    }

    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    pub(crate) fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn view_mut(&self) -> RwLockWriteGuard<'_, View> {
        self.view.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything up to here is durable and visible; wakes all who wait.
    pub(crate) fn advance(&self, durable: Option<Sequence>) {
        let mut status = lock(&self.status);
        status.durable = durable.unwrap_or(status.durable);
        status.version += 1;
        drop(status);
        self.moved.notify_all();
        self.change.notify(usize::MAX);
    }

    /// Sets or clears why the journal takes no records.
    pub(crate) fn pause(&self, why: Option<JournalError>) {
        let mut status = lock(&self.status);
        if status.paused.is_some() != why.is_some() {
            metrics::paused(why.is_some());
            match &why {
                Some(error) => tracing::warn!(code = error.code(), %error, "the journal waits for space"),
                None => tracing::info!("the journal goes on"),
            }
        }
        status.paused = why;
        status.version += 1;
        drop(status);
        self.moved.notify_all();
        self.change.notify(usize::MAX);
    }

    /// The writer has ended with an error, for good.
    pub(crate) fn fail(&self, error: JournalError) {
        self.queue().failed.get_or_insert_with(|| error.clone());
        let mut status = lock(&self.status);
        status.failed.get_or_insert(error);
        status.version += 1;
        drop(status);
        self.moved.notify_all();
        self.room.notify_all();
        self.change.notify(usize::MAX);
    }

    pub(crate) fn durable(&self) -> Result<Sequence, JournalError> {
        let status = lock(&self.status);
        match &status.failed {
            Some(error) => Err(error.clone()),
            None => Ok(status.durable),
        }
    }

    pub(crate) fn paused(&self) -> Option<JournalError> {
        lock(&self.status).paused.clone()
    }

    /// Waits for a sequence; without a time limit when `timeout` is `None`.
    pub(crate) fn wait_durable(&self, sequence: Sequence, timeout: Option<Duration>) -> Result<bool, JournalError> {
        let reached = |status: &Status| status.durable >= sequence || status.failed.is_some();
        let status = self.wait(timeout, reached);
        match (&status.failed, status.durable >= sequence) {
            // What was durable before the failure stays so.
            (_, true) => Ok(true),
            (Some(error), false) => Err(error.clone()),
            (None, false) => Ok(false),
        }
    }

    pub(crate) fn wait_change(&self, seen: u64, timeout: Duration) -> u64 {
        self.wait(Some(timeout), |status| status.version != seen).version
    }

    fn wait(&self, timeout: Option<Duration>, reached: impl Fn(&Status) -> bool) -> MutexGuard<'_, Status> {
        // A timeout beyond the clock's range is no timeout.
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut status = lock(&self.status);
        while !reached(&status) {
            status = match until {
                None => self.moved.wait(status).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    self.moved.wait_timeout(status, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        status
    }

    /// Removes a file that is of no use any more, and its index.
    pub(crate) fn remove(&self, file: FileId) {
        for path in [file.index_path(&self.dir), file.path(&self.dir)] {
            // What cannot be removed now is removed at the next start.
            if let Err(error) = self.fs.remove(&path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(file = %path.display(), %error, "file not removed");
            }
        }
    }

    /// The index of a cold file, from memory or from disk.
    pub(crate) fn cold_index(
        &self,
        file: FileId,
        load: impl FnOnce() -> Result<SegmentIndex, JournalError>,
    ) -> Result<Arc<SegmentIndex>, JournalError> {
        {
            let mut cache = lock(&self.indexes);
            if let Some(at) = cache.iter().position(|(known, _)| *known == file) {
                let entry = cache.remove(at);
                let index = entry.1.clone();
                cache.push(entry);
                return Ok(index);
            }
        }
        let index = Arc::new(load()?);
        let mut cache = lock(&self.indexes);
        if cache.len() >= INDEX_CACHE_SEGMENTS {
            cache.remove(0);
        }
        cache.push((file, index.clone()));
        Ok(index)
    }
}

/// Locks; a panic elsewhere does not make the data wrong, because every change under a lock is a whole one.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
