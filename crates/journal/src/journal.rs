//! The handle: everything that a caller can ask of a journal.

use crate::fs::Fs;
use crate::hot::HotTail;
use crate::limits::{COMPACT_KEYS, SPARE_BYTES};
use crate::open::Opened;
use crate::queue::Queue;
use crate::shared::{Shared, lock};
use crate::writer::Writer;
use crate::{
    Aborted, Body, Bounds, ClientBatch, Clock, ConnectorId, JournalError, PlanId, Produced, ProducerInfo, Sequence,
    SourceState, StoredBatch, TopicId, TopicMeta, TransactionEnd,
};
use bytes::Bytes;
use event_listener::EventListener;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Settings of a journal.
#[derive(Debug, Clone)]
pub struct Options {
    /// A segment takes no more frames beyond this size.
    pub segment_bytes: u64,
    /// Size of all segments beyond which the oldest go; `None` is half of what was free when the journal was made.
    pub budget_bytes: Option<u64>,
    /// Bytes of the disk that records leave free, at most a quarter of the budget: what is left is for deleting topics and
    /// records, which writes before it frees, and for compacting.
    pub spare_bytes: u64,
    /// Age beyond which segments go; `None` keeps them, as change topics do by default.
    pub retention: Option<Duration>,
    /// Age beyond which batches of client topics go that set no `retention.ms`; `None` keeps them.
    pub client_retention: Option<Duration>,
    /// How often topics are looked through for what compacting and copying would save, and whether it is time to look at
    /// their retention; `None` is only when [`Journal::tend`] is called.
    pub tend_every: Option<Duration>,
    /// Keys of a partition that one pass of compaction remembers; more take more passes.
    pub compact_keys: usize,
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
            spare_bytes: SPARE_BYTES,
            retention: None,
            client_retention: Some(Duration::from_secs(7 * 24 * 60 * 60)),
            compact_keys: COMPACT_KEYS,
            tend_every: Some(Duration::from_secs(15)),
            hot_tail_bytes: 16 << 20,
            queue_bytes: 32 << 20,
        }
    }
}

/// A journal. Clones share it; all methods may be called from any thread. The last one to go closes it.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
    keeper: Mutex<Option<JoinHandle<()>>>,
    /// The directory's lock, until it is closed.
    lock: Mutex<Option<Box<dyn Send + Sync>>>,
}

impl Journal {
    /// Takes the directory's lock, recovers, and starts the writer thread.
    pub fn open(fs: Arc<dyn Fs>, dir: &Path, options: Options, clock: Arc<dyn Clock>) -> Result<Journal, JournalError> {
        make_dir(fs.as_ref(), dir)?;
        let lock_path = dir.join("LOCK");
        let lock = fs.lock(&lock_path).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => JournalError::Locked { dir: dir.to_path_buf() },
            _ => JournalError::io("lock", &lock_path, error),
        })?;
        let Opened { view, segment, stated } = crate::open::open(fs.as_ref(), dir, &options)?;
        let mut view = view;
        view.hot = HotTail::new(options.hot_tail_bytes);
        view.active_since_ms = clock.now_ms();
        let queue = Queue::new(view.state.clone(), Sequence(segment.link.sequence));
        let shared = Arc::new(Shared::new((fs, clock), dir.to_path_buf(), options, queue, view));
        shared.abort_open()?;
        let writer = Writer::new(shared.clone(), segment, stated);
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer.run())
            .map_err(|error| JournalError::io("start the writer of", dir, error))?;
        let mut inner = Inner {
            shared: shared.clone(),
            writer: Mutex::new(Some(thread)),
            keeper: Mutex::default(),
            lock: Mutex::new(Some(lock)),
        };
        if let Some(every) = inner.shared.options.tend_every {
            let keeper = std::thread::Builder::new().name("journal keeper".into());
            let keeper = keeper.spawn(move || crate::keeper::run(&shared, every));
            let keeper = keeper.map_err(|error| JournalError::io("start the keeper of", dir, error))?;
            inner.keeper = Mutex::new(Some(keeper));
        }
        Ok(Journal { inner: Arc::new(inner) })
    }

    /// Writes what is queued, makes it durable, and gives the directory back. Later appends answer `CLOSED`.
    pub fn close(&self) -> Result<(), JournalError> {
        self.inner.close()
    }

    /// The number of a connector, drawn when the name is new; durable when it returns.
    pub fn connector(&self, name: &str) -> Result<ConnectorId, JournalError> {
        self.inner.shared.connector(name)
    }

    /// Queues a frame; the order of calls is the order of frames. Waits while more than `queue_bytes` are on their
    /// way; on a full disk not for long.
    pub fn append(&self, connector: ConnectorId, era: u32, body: Body) -> Result<Sequence, JournalError> {
        self.inner.shared.append(connector, era, body)
    }

    /// Queues the batches of clients, those that are new, as one frame; the order of calls is the order of frames. A
    /// batch that breaks the rules of its producer, or whose partition is gone, is refused alone. May wait as
    /// [`Journal::append`] does.
    pub fn produce(&self, batches: Vec<ClientBatch>) -> Result<Produced, JournalError> {
        self.inner.shared.produce(batches)
    }

    /// Queues the end of a client's transaction as one frame: all its markers and entries, or none.
    pub fn end_transaction(&self, end: TransactionEnd) -> Result<Sequence, JournalError> {
        self.inner.shared.end_transaction(end)
    }

    /// A producer id that was never given before. Waits for the disk once in
    /// [`PRODUCER_ID_BLOCK`](crate::limits::PRODUCER_ID_BLOCK) calls.
    pub fn next_producer_id(&self) -> Result<i64, JournalError> {
        self.inner.shared.next_producer_id()
    }

    /// Whether [`Journal::append`] or [`Journal::produce`] would wait just now: async callers then call from a thread
    /// that may.
    pub fn is_full(&self) -> bool {
        self.inner.shared.is_full()
    }

    /// Everything up to this sequence is fsynced and visible. Fails once the writer has failed: the process must end.
    pub fn durable(&self) -> Result<Sequence, JournalError> {
        self.inner.shared.durable()
    }

    /// Waits until a sequence is durable; false when the time was up first.
    pub fn wait_durable(&self, sequence: Sequence, timeout: Duration) -> Result<bool, JournalError> {
        self.inner.shared.wait_durable(sequence, Some(timeout))
    }

    /// Why the journal takes no records just now (PAUSED_DISK); it goes on by itself.
    pub fn paused(&self) -> Option<JournalError> {
        self.inner.shared.paused()
    }

    /// Draws an era for a connector from the journal's one counter and forgets the position of the one before;
    /// durable when it returns.
    pub fn begin_era(&self, connector: ConnectorId, identity: &[u8]) -> Result<u32, JournalError> {
        self.inner.shared.begin_era(connector, identity)
    }

    /// Makes a connector's topic, or finds it by name; durable when it returns. A topic that clients made under the name
    /// becomes the connector's, with its records and settings.
    pub fn create_topic(&self, name: &str, partitions: u32) -> Result<TopicId, JournalError> {
        self.create_topic_for(name, partitions, BTreeMap::new())
    }

    /// The same with settings for a topic that is made.
    pub fn create_topic_for(
        &self,
        name: &str,
        partitions: u32,
        config: BTreeMap<String, String>,
    ) -> Result<TopicId, JournalError> {
        self.inner.shared.create_topic(name, partitions, config)
    }

    /// Grows each time a topic has got more partitions: whoever keeps their number looks again then.
    pub fn growths(&self) -> u64 {
        self.inner.shared.growths.load(Ordering::Acquire)
    }

    /// Makes a topic of clients with settings; durable when it returns. Fails with `TOPIC_EXISTS` when the name is taken.
    pub fn create_topic_with(
        &self,
        name: &str,
        partitions: u32,
        config: BTreeMap<String, String>,
    ) -> Result<TopicId, JournalError> {
        self.inner.shared.create_topic_with(name, partitions, config)
    }

    /// Replaces all settings of a topic; durable when it returns.
    pub fn alter_topic(&self, topic: TopicId, config: BTreeMap<String, String>) -> Result<(), JournalError> {
        self.inner.shared.alter_topic(topic, config)
    }

    /// Gives a topic this many partitions, more than it has; durable when it returns.
    pub fn add_partitions(&self, topic: TopicId, partitions: u32) -> Result<(), JournalError> {
        self.inner.shared.add_partitions(topic, partitions)
    }

    /// Makes a partition begin at this offset, unless it begins later already; durable when it returns. The answer is
    /// its log start.
    pub fn delete_records(&self, topic: TopicId, partition: u32, before: i64) -> Result<i64, JournalError> {
        self.inner.shared.delete_records(topic, partition, before)
    }

    /// Does now what the journal otherwise does from time to time: partitions begin later where their topics'
    /// `retention.ms` or `retention.bytes` say so, as far as nobody needs what goes; topics are compacted where
    /// `cleanup.policy` asks for it; segments of which most is dead are copied without it.
    pub fn tend(&self) -> Result<(), JournalError> {
        self.inner.shared.tend(true)
    }

    /// Removes a topic; durable when it returns. Its number is never used again.
    pub fn delete_topic(&self, name: &str) -> Result<(), JournalError> {
        self.inner.shared.delete_topic(name)
    }

    /// All topics, by number.
    pub fn topics(&self) -> Vec<TopicMeta> {
        self.inner.shared.view().topics()
    }

    /// A topic by name.
    pub fn topic(&self, name: &str) -> Option<TopicMeta> {
        self.inner.shared.view().topic(name)
    }

    /// Where a partition stands.
    pub fn bounds(&self, topic: TopicId, partition: u32) -> Result<Bounds, JournalError> {
        self.inner.shared.view().bounds(topic, partition)
    }

    /// Batches from the one that holds `offset`, of about `max_bytes` at most, at least one if there is one. Empty at the
    /// high watermark.
    pub fn read(
        &self,
        topic: TopicId,
        partition: u32,
        offset: i64,
        max_bytes: usize,
    ) -> Result<Vec<StoredBatch>, JournalError> {
        self.inner.shared.read(topic, partition, offset, max_bytes)
    }

    /// The same without waiting for a disk, from our memory or the system's, and no more than some megabytes; `None` when
    /// something of it is in neither.
    pub fn read_ready(
        &self,
        topic: TopicId,
        partition: u32,
        offset: i64,
        max_bytes: usize,
    ) -> Result<Option<Vec<StoredBatch>>, JournalError> {
        self.inner.shared.read_ready(topic, partition, offset, max_bytes)
    }

    /// Aborted transactions of clients with records in `from..to`.
    pub fn aborted(&self, topic: TopicId, partition: u32, from: i64, to: i64) -> Vec<Aborted> {
        self.inner.shared.view().state.clients.aborted((topic.0, partition), from, to)
    }

    /// The producers that a partition knows, by id.
    pub fn producers(&self, topic: TopicId, partition: u32) -> Vec<ProducerInfo> {
        self.inner.shared.view().state.clients.infos((topic.0, partition))
    }

    /// Base offset of the first batch with a timestamp at or after this one, or the log start when that lies inside it;
    /// the high watermark when there is none.
    pub fn offset_at(&self, topic: TopicId, partition: u32, timestamp_ms: i64) -> Result<i64, JournalError> {
        self.inner.shared.offset_at(topic, partition, timestamp_ms, 0)
    }

    /// The same among the batches with offsets from `least` on; `least` when that lies inside the batch.
    pub fn offset_at_from(
        &self,
        topic: TopicId,
        partition: u32,
        timestamp_ms: i64,
        least: i64,
    ) -> Result<i64, JournalError> {
        self.inner.shared.offset_at(topic, partition, timestamp_ms, least)
    }

    /// The greatest timestamp of a partition's kept segments, in which records below its log start, and markers of
    /// transactions, may count.
    pub fn max_timestamp(&self, topic: TopicId, partition: u32) -> Option<i64> {
        self.inner.shared.view().max_timestamp((topic.0, partition))
    }

    /// Waits until any watermark, topic or entry has moved since `seen` (0 at first); returns what to pass next.
    pub fn wait_change(&self, seen: u64, timeout: Duration) -> u64 {
        self.inner.shared.wait_change(seen, timeout)
    }

    /// The same as a listener, for async callers: listen, look, then await.
    pub fn change_listener(&self) -> EventListener {
        self.inner.shared.change.listen()
    }

    /// The number of an encode plan; the same bytes have the same number. Its frame precedes those that use it.
    pub fn plan(&self, descriptor: &[u8]) -> Result<PlanId, JournalError> {
        self.inner.shared.plan(descriptor)
    }

    /// The bytes of a plan.
    pub fn plan_descriptor(&self, id: PlanId) -> Option<Bytes> {
        self.inner.shared.plan_descriptor(id)
    }

    /// Durable era and position of a connector.
    pub fn source(&self, connector: ConnectorId) -> SourceState {
        self.inner
            .shared
            .view()
            .state
            .connectors
            .get(&connector.0)
            .map(|known| known.source.clone())
            .unwrap_or_default()
    }

    /// Durable entries of a connector.
    pub fn entries(&self, connector: ConnectorId) -> BTreeMap<String, Bytes> {
        self.inner
            .shared
            .view()
            .state
            .connectors
            .get(&connector.0)
            .map(|known| known.entries.clone())
            .unwrap_or_default()
    }

    /// Keeps records from `needed_from` on, whatever retention says, until the next call; `i64::MAX` lets go.
    /// Remembered across restarts.
    pub fn protect(&self, connector: ConnectorId, topic: TopicId, partition: u32, needed_from: i64) {
        self.inner.shared.protect(connector, topic, partition, needed_from);
    }

    /// Lets go of everything that is kept for connectors without such a name.
    pub fn protect_only_for(&self, known: &dyn Fn(&str) -> bool) {
        let view = self.inner.shared.view();
        let is_known = |id: u32| view.state.connectors.get(&id).is_some_and(|connector| known(&connector.name));
        let of_others = view.state.protections.keys().filter(|(connector, ..)| !is_known(*connector));
        let of_others: Vec<_> = of_others.copied().collect();
        drop(view);
        for (connector, topic, partition) in of_others {
            self.protect(ConnectorId(connector), TopicId(topic), partition, i64::MAX);
        }
    }
}

impl Inner {
    fn close(&self) -> Result<(), JournalError> {
        *lock(&self.shared.keeper_closes) = true;
        self.shared.keeper_wakes.notify_all();
        self.shared.queue().closing = true;
        self.shared.work.notify_all();
        self.shared.room.notify_all();
        if let Some(thread) = lock(&self.writer).take() {
            // A writer that panicked has failed as surely as one that says so.
            if thread.join().is_err() {
                self.shared.fail(JournalError::Closed);
            }
        }
        if let Some(keeper) = lock(&self.keeper).take() {
            // It holds nothing that is lost with it.
            let _ = keeper.join();
        }
        drop(lock(&self.lock).take());
        self.shared.durable().map(|_| ())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Who wants to know how it went calls `close`.
        let _ = self.close();
    }
}

/// Makes the directory and those above it, and their names durable.
fn make_dir(fs: &dyn Fs, dir: &Path) -> Result<(), JournalError> {
    let mut missing = Vec::new();
    for path in dir.ancestors().filter(|path| !path.as_os_str().is_empty()) {
        match fs.list(path) {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(path),
            // It is there, though not for us to list: that matters only for the directory itself.
            Err(_) if path != dir => break,
            Err(error) => return Err(JournalError::io("list", path, error)),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    fs.create_dir_all(dir).map_err(|error| JournalError::io("make", dir, error))?;
    for made in missing {
        let here = made.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs.sync_dir(here).map_err(|error| JournalError::fsync(here, error))?;
    }
    Ok(())
}
