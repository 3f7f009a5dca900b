//! The handle: everything that a caller can ask of a journal.

use crate::fs::Fs;
use crate::{
    Body, Bounds, Clock, ConnectorId, JournalError, PlanId, Sequence, SourceState, StoredBatch, TopicId, TopicMeta,
};
use bytes::Bytes;
use event_listener::{Event, EventListener};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Settings of a journal.
#[derive(Debug, Clone)]
pub struct Options {
    /// A segment takes no more frames beyond this size.
    pub segment_bytes: u64,
    /// Size of all segments beyond which the oldest go; `None` is half of what was free when the journal was made.
    pub budget_bytes: Option<u64>,
    /// Age beyond which segments go; `None` keeps them, as change topics do by default.
    pub retention: Option<Duration>,
    /// Recent batches kept in memory for tailing readers, in bytes.
    pub hot_tail_bytes: usize,
    /// Bytes on their way to the disk beyond which `append` blocks.
    pub queue_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 128 << 20,
            budget_bytes: None,
            retention: None,
            hot_tail_bytes: 16 << 20,
            queue_bytes: 32 << 20,
        }
    }
}

/// A journal. Clones share it; all methods may be called from any thread.
#[derive(Clone)]
pub struct Journal {
    change: Arc<Event>,
}

impl Journal {
    /// Takes the directory's lock, recovers, and starts the writer thread.
    pub fn open(
        _fs: Arc<dyn Fs>,
        _dir: &Path,
        _options: Options,
        _clock: Arc<dyn Clock>,
    ) -> Result<Journal, JournalError> {
        Err(JournalError::Closed)
    }

    /// Writes what is queued, makes it durable, and gives the directory back. Later appends answer `CLOSED`.
    pub fn close(&self) -> Result<(), JournalError> {
        Err(JournalError::Closed)
    }

    /// The number of a connector, drawn when the name is new; durable when it returns.
    pub fn connector(&self, _name: &str) -> Result<ConnectorId, JournalError> {
        Err(JournalError::Closed)
    }

    /// Queues a frame; the order of calls is the order of frames. Blocks while more than `queue_bytes` are on their
    /// way, or while the disk has no room.
    pub fn append(&self, _connector: ConnectorId, _era: u32, _body: Body) -> Result<Sequence, JournalError> {
        Err(JournalError::Closed)
    }

    /// Everything up to this sequence is fsynced and visible. Fails once the writer has failed: the process must end.
    pub fn durable(&self) -> Result<Sequence, JournalError> {
        Err(JournalError::Closed)
    }

    /// Waits until a sequence is durable; false when the time was up first.
    pub fn wait_durable(&self, _sequence: Sequence, _timeout: Duration) -> Result<bool, JournalError> {
        Err(JournalError::Closed)
    }

    /// Why the journal takes no records just now (PAUSED_DISK); it goes on by itself.
    pub fn paused(&self) -> Option<JournalError> {
        None
    }

    /// Draws an era for a connector from the journal's one counter and forgets the position of the one before;
    /// durable when it returns.
    pub fn begin_era(&self, _connector: ConnectorId, _identity: &[u8]) -> Result<u32, JournalError> {
        Err(JournalError::Closed)
    }

    /// Makes a topic, or finds it by name; durable when it returns.
    pub fn create_topic(&self, _name: &str, _partitions: u32) -> Result<TopicId, JournalError> {
        Err(JournalError::Closed)
    }

    /// Removes a topic; durable when it returns. Its number is never used again.
    pub fn delete_topic(&self, _name: &str) -> Result<(), JournalError> {
        Err(JournalError::Closed)
    }

    /// All topics, by number.
    pub fn topics(&self) -> Vec<TopicMeta> {
        Vec::new()
    }

    /// Where a partition stands.
    pub fn bounds(&self, _topic: TopicId, _partition: u32) -> Result<Bounds, JournalError> {
        Err(JournalError::Closed)
    }

    /// Batches from the one that holds `offset`, up to about `max_bytes`, at least one if there is one. Empty at the
    /// high watermark.
    pub fn read(
        &self,
        _topic: TopicId,
        _partition: u32,
        _offset: i64,
        _max_bytes: usize,
    ) -> Result<Vec<StoredBatch>, JournalError> {
        Err(JournalError::Closed)
    }

    /// Base offset of the first batch with a timestamp at or after this one; the high watermark when there is none.
    pub fn offset_at(&self, _topic: TopicId, _partition: u32, _timestamp_ms: i64) -> Result<i64, JournalError> {
        Err(JournalError::Closed)
    }

    /// Waits until any watermark, topic or entry has moved since `seen` (0 at first); returns what to pass next.
    pub fn wait_change(&self, seen: u64, _timeout: Duration) -> u64 {
        seen
    }

    /// The same as a listener, for async callers: listen, look, then await.
    pub fn change_listener(&self) -> EventListener {
        self.change.listen()
    }

    /// The number of an encode plan; the same bytes have the same number. Its frame precedes those that use it.
    pub fn plan(&self, _descriptor: &[u8]) -> Result<PlanId, JournalError> {
        Err(JournalError::Closed)
    }

    /// The bytes of a plan.
    pub fn plan_descriptor(&self, _id: PlanId) -> Option<Bytes> {
        None
    }

    /// Durable era and position of a connector.
    pub fn source(&self, _connector: ConnectorId) -> SourceState {
        SourceState::default()
    }

    /// Durable entries of a connector.
    pub fn entries(&self, _connector: ConnectorId) -> BTreeMap<String, Bytes> {
        BTreeMap::new()
    }

    /// Keeps records from `needed_from` on, whatever retention says, until the next call; `i64::MAX` lets go.
    /// Remembered across restarts.
    pub fn protect(&self, _connector: ConnectorId, _topic: TopicId, _partition: u32, _needed_from: i64) {}
}
