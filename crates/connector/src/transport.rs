//! What lies between sources and sinks: durable topics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tailwater_event::RecordWriter;

use crate::limits::STOP_LOOK;
use crate::problem::Problem;
use crate::record::Record;
use crate::stop::Stop;

/// An encode plan known to the transport; its descriptor tells how to read its records back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlanId(pub u32);

/// A topic opened by a writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TopicHandle(pub u32);

/// One source transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// Transaction id on the source; 0 for snapshot rows.
    pub xid: u32,
    /// Start of the commit record; 0 for snapshot rows.
    pub commit_lsn: u64,
    /// End of the commit record (the position to acknowledge); the hand-over LSN for snapshot rows.
    pub end_lsn: u64,
    /// Commit time in microseconds since 1970.
    pub commit_time_us: i64,
}

/// What is durable of one source: the only thing that may be told to the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durable {
    /// The era the position belongs to; 0 before the first.
    pub era: u32,
    /// The position given with the last durable transaction or progress, opaque to the transport; empty before the first.
    pub position: Vec<u8>,
}

/// How a topic is made that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// How many partitions it gets; `None` for as many as topics get that are made without a number.
    pub partitions: Option<u32>,
    /// Its settings, by Kafka's names.
    pub config: BTreeMap<String, String>,
}

/// One partition and no settings: what a topic of changes is where nobody says anything else.
impl Default for NewTopic {
    fn default() -> Self {
        NewTopic { partitions: Some(1), config: BTreeMap::new() }
    }
}

/// Says how topics are made, by their names.
pub type TopicRules = Arc<dyn Fn(&str) -> NewTopic + Send + Sync>;

/// Durable topics, shared by all connectors of a process.
pub trait Transport: Send + Sync {
    /// The writing end of a source. One at a time per connector name.
    fn open_source(&self, connector: &str) -> Result<Box<dyn SourceWriter>, Problem>;
    /// The reading end, for sinks and for people.
    fn reader(&self) -> Arc<dyn TopicReader>;
    /// Small named values that belong to one connector (a sink's plans and offsets, a connector's config).
    fn entries(&self, connector: &str) -> BTreeMap<String, Bytes>;
    /// Sets entries; durable when it returns. An empty value removes the name.
    fn put_entries(&self, connector: &str, entries: &[(&str, &[u8])]) -> Result<(), Problem>;
    /// What is durable of a source, also while it runs.
    fn durable(&self, _connector: &str) -> Durable {
        Durable::default()
    }
    /// The topics that a connector has written to or read from since the process started.
    fn topics_of(&self, _connector: &str) -> BTreeSet<String> {
        BTreeSet::new()
    }
    /// Says that a sink has yet to read a partition from `offset` on, so that retention keeps it; [`i64::MAX`] that it reads
    /// it no longer. Said again after every start; a transport without retention of its own need not listen.
    fn still_needs(&self, _connector: &str, _topic: &str, _partition: i32, _offset: i64) {}
    /// Says which connectors there are: what others needed is kept for them no longer.
    fn needed_only_by(&self, _known: &dyn Fn(&str) -> bool) {}
}

/// The writing end of one source. Records between two commits form one transaction: visible, durable and deduplicated
/// as a whole. Nothing is visible before it is durable.
pub trait SourceWriter: Send {
    /// What is durable now. Cheap: called after every read of the socket.
    fn durable(&mut self) -> Result<Durable, Problem>;
    /// The connector's named entries as of now (slot intent, hand-over positions).
    fn entries(&self) -> BTreeMap<String, Bytes>;
    /// Sets named entries after everything committed so far; durable when it returns.
    fn put_entries(&mut self, entries: &[(&str, &[u8])]) -> Result<(), Problem>;
    /// Starts the next era and returns it; durable when it returns. `identity` (system id, timeline) is kept with it.
    fn begin_era(&mut self, identity: &[u8]) -> Result<u32, Problem>;
    /// How the topics are made that are not there when they are opened from now on; without it as [`NewTopic::default`].
    fn make_topics_by(&mut self, rules: TopicRules);
    /// Opens a topic, making it when it is not there.
    fn topic(&mut self, name: &str) -> Result<TopicHandle, Problem>;
    /// Makes an encode plan known; records that name it follow it in the journal. The same bytes give the same id.
    fn plan(&mut self, descriptor: &[u8]) -> Result<PlanId, Problem>;
    /// Where the next records of this topic go; they belong to the open transaction. Records of one key are in one
    /// partition, as Kafka's own producer chooses it; those without are in the first.
    fn records(&mut self, topic: TopicHandle, plan: PlanId) -> &mut dyn RecordWriter;
    /// The same for one partition, whatever the keys. An error when the topic has no such partition.
    fn records_in(
        &mut self,
        topic: TopicHandle,
        partition: i32,
        plan: PlanId,
    ) -> Result<&mut dyn RecordWriter, Problem>;
    /// Called once after the records of each row: closes full batches and ships parts of a large transaction.
    /// May wait for the disk (back pressure).
    fn row_done(&mut self) -> Result<(), Problem>;
    /// Ends the open transaction. `position` is what [`SourceWriter::durable`] returns once it is durable.
    fn commit(&mut self, transaction: Transaction, position: &[u8]) -> Result<(), Problem>;
    /// Forgets the open transaction (connection lost in the middle). The next [`SourceWriter::durable`] waits for
    /// everything committed, as the first does after opening: a source that reads again from there repeats nothing.
    fn rollback(&mut self) -> Result<(), Problem>;
    /// Records a position without records, after everything committed so far. Must not be called inside a transaction.
    fn progress(&mut self, position: &[u8]) -> Result<(), Problem>;
    /// Bytes committed but not yet handed to the disk.
    fn pending_bytes(&self) -> usize;
    /// Whether everything handed over is durable, so that a flush would start at once.
    fn idle(&self) -> bool;
    /// Hands everything committed to the disk; does not wait for it.
    fn flush(&mut self) -> Result<(), Problem>;
    /// Flushes, and waits until everything committed is durable.
    fn sync(&mut self) -> Result<(), Problem>;
}

/// The reading end of all topics.
pub trait TopicReader: Send + Sync {
    /// All topics with their partitions, in order of name.
    fn topics(&self) -> Vec<TopicInfo>;
    /// Records of one partition from `offset`, whole batches up to about `max_bytes` (at least one batch), below the
    /// high watermark only, without those of transactions that clients aborted. Empty at the end. An offset below the log
    /// start reads from the log start.
    fn read(&self, topic: &str, partition: i32, offset: i64, max_bytes: usize) -> Result<Vec<Record>, Problem>;
    /// The same for readers that left records out: an end of the topic can be told from records that nobody is to see, and
    /// there is an offset to go on from in either case.
    fn read_on(&self, topic: &str, partition: i32, offset: i64, max_bytes: usize) -> Result<Portion, Problem> {
        let records = self.read(topic, partition, offset, max_bytes)?;
        let next = records.last().map_or(offset, |last| last.offset + 1);
        Ok(Portion { records, next })
    }
    /// The first offset whose timestamp is at or after this one, or the high watermark.
    fn offset_at(&self, topic: &str, partition: i32, timestamp_ms: i64) -> Result<i64, Problem>;
    /// A plan's descriptor.
    fn plan(&self, id: PlanId) -> Option<Bytes>;
    /// Waits until any high watermark or the list of topics has moved since `seen` (a value this returned before; 0 at
    /// first) or the time is over; returns the new value.
    fn wait(&self, seen: u64, timeout: Duration) -> u64;
    /// The same, and no longer than until `stop` is set.
    fn wait_unless(&self, stop: &Stop, seen: u64, timeout: Duration) -> u64 {
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let now = self.wait(seen, left.min(STOP_LOOK));
            if now != seen || left.is_zero() || stop.is_set() {
                return now;
            }
        }
    }
}

/// What one read brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portion {
    /// Records, perhaps none.
    pub records: Vec<Record>,
    /// Where reading goes on; the offset that was asked for at the end.
    pub next: i64,
}

/// One topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicInfo {
    /// Name.
    pub name: String,
    /// Partitions, by number from 0.
    pub partitions: Vec<PartitionInfo>,
    /// Whether a connector writes it; otherwise it is of clients, or nobody knows whose it is.
    pub change: bool,
}

/// One partition's bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionInfo {
    /// First offset that can be read.
    pub log_start: i64,
    /// The offset after the last record that is read: durable, and before every open transaction of a client.
    pub high_watermark: i64,
    /// Bytes of record batches kept.
    pub bytes: u64,
}
