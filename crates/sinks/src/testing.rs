//! A transport in memory that can be killed, and what the tests of both sinks do with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use tailwater_connector::transport::{PartitionInfo, Portion, TopicInfo};
use tailwater_connector::{
    Config, PlanId, Problem, Record, Sink, SinkContext, SourceWriter, StatusCell, Stop, TopicReader, Transport,
};

use crate::files::Clock;

/// The plan of records that a test does not read back.
pub(crate) const PLAN: PlanId = PlanId(1);

/// Topics and entries in memory. Cloned, it is the same; a sink that is dropped and made again finds what was durable.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    topics: BTreeMap<String, Vec<Partition>>,
    plans: BTreeMap<PlanId, Bytes>,
    entries: BTreeMap<String, Bytes>,
    needs: BTreeMap<(String, i32), i64>,
    changes: u64,
    reads: u64,
    of_clients: BTreeSet<String>,
    /// A transform drops every record.
    dropping: bool,
    /// What retention removes after the next read.
    trim_after_read: Option<(String, i64)>,
    /// How long a sink last wanted to wait for records.
    asked_to_wait: Duration,
    /// Writes of entries until the kill, and whether that write is still done.
    kill: Option<(usize, bool)>,
}

#[derive(Clone, Default)]
struct Partition {
    log_start: i64,
    records: Vec<Record>,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// How long a sink last wanted to wait for records.
    pub(crate) fn asked_to_wait(&self) -> Duration {
        self.lock().asked_to_wait
    }

    /// Appends a record; its offset is given.
    pub(crate) fn append(&self, topic: &str, partition: usize, mut record: Record) {
        let mut state = self.lock();
        let partitions = state.topics.entry(topic.to_owned()).or_default();
        partitions.resize(partitions.len().max(partition + 1), Partition::default());
        record.offset = partitions[partition].records.len() as i64;
        partitions[partition].records.push(record);
        state.changes += 1;
    }

    /// Appends a source's record with this value.
    pub(crate) fn append_value(&self, topic: &str, partition: usize, value: &str) {
        self.append(topic, partition, record(Some(value), Some(PLAN), 0));
    }

    /// From now on a topic is one that clients write.
    pub(crate) fn give_to_clients(&self, topic: &str) {
        self.lock().of_clients.insert(topic.to_owned());
    }

    /// From now on a transform drops every record.
    pub(crate) fn drop_all(&self) {
        self.lock().dropping = true;
    }

    /// How often it was read from.
    pub(crate) fn reads(&self) -> u64 {
        self.lock().reads
    }

    /// Makes a plan known.
    pub(crate) fn add_plan(&self, id: PlanId, descriptor: Vec<u8>) {
        self.lock().plans.insert(id, descriptor.into());
    }

    /// Retention removes the records before an offset.
    pub(crate) fn trim(&self, topic: &str, log_start: i64) {
        self.lock().topics.get_mut(topic).unwrap()[0].log_start = log_start;
    }

    /// The same, once a sink has read the next batch.
    pub(crate) fn trim_after_read(&self, topic: &str, log_start: i64) {
        self.lock().trim_after_read = Some((topic.to_owned(), log_start));
    }

    /// The topic is deleted, with all its partitions.
    pub(crate) fn delete(&self, topic: &str) {
        self.lock().topics.remove(topic);
    }

    /// From now on the process is dead after so many more writes of entries; `after` says whether the last is done.
    pub(crate) fn kill_at(&self, writes: usize, after: bool) {
        self.lock().kill = Some((writes, after));
    }

    /// A new process begins.
    pub(crate) fn revive(&self) {
        self.lock().kill = None;
    }

    /// What the sink said it still needs.
    pub(crate) fn needs(&self, topic: &str) -> Option<i64> {
        self.lock().needs.get(&(topic.to_owned(), 0)).copied()
    }

    /// An entry as text.
    pub(crate) fn entry(&self, name: &str) -> Option<String> {
        self.lock().entries.get(name).map(|value| String::from_utf8(value.to_vec()).unwrap())
    }

    /// A context for a sink.
    pub(crate) fn context(&self) -> SinkContext {
        SinkContext {
            name: "sink".into(),
            transport: Arc::new(self.clone()),
            status: Arc::new(StatusCell::new("test")),
            stop: Stop::default(),
        }
    }
}

impl Transport for Memory {
    fn open_source(&self, _: &str) -> Result<Box<dyn SourceWriter>, Problem> {
        Err(Problem::internal("TEST", "there are no sources here"))
    }

    fn reader(&self) -> Arc<dyn TopicReader> {
        Arc::new(self.clone())
    }

    fn entries(&self, _: &str) -> BTreeMap<String, Bytes> {
        self.lock().entries.clone()
    }

    fn put_entries(&self, _: &str, entries: &[(&str, &[u8])]) -> Result<(), Problem> {
        let mut state = self.lock();
        let dead = |state: &mut State| {
            state.kill = Some((0, false));
            Err(Problem::internal("KILLED", "the process is dead"))
        };
        let dies = match &mut state.kill {
            Some((0, true)) => true,
            Some((0, false)) => return dead(&mut state),
            Some((writes, _)) => {
                *writes -= 1;
                false
            }
            None => false,
        };
        for (name, value) in entries {
            if value.is_empty() {
                state.entries.remove(*name);
            } else {
                state.entries.insert((*name).to_owned(), Bytes::copy_from_slice(value));
            }
        }
        if dies { dead(&mut state) } else { Ok(()) }
    }

    fn still_needs(&self, _: &str, topic: &str, partition: i32, offset: i64) {
        self.lock().needs.insert((topic.to_owned(), partition), offset);
    }
}

impl TopicReader for Memory {
    fn topics(&self) -> Vec<TopicInfo> {
        let bounds =
            |p: &Partition| PartitionInfo { log_start: p.log_start, high_watermark: p.records.len() as i64, bytes: 0 };
        let state = self.lock();
        let info = |(name, partitions): (&String, &Vec<Partition>)| TopicInfo {
            name: name.clone(),
            partitions: partitions.iter().map(bounds).collect(),
            change: !state.of_clients.contains(name),
        };
        state.topics.iter().map(info).collect()
    }

    /// As a journal does: whole batches, here of seven records, so that a read may begin before what was asked for.
    fn read(&self, topic: &str, partition: i32, offset: i64, _: usize) -> Result<Vec<Record>, Problem> {
        let mut state = self.lock();
        state.reads += 1;
        let partition = &state.topics[topic][partition as usize];
        let offset = offset.max(partition.log_start);
        let batch = offset / 7 * 7;
        let end = (batch as usize + 7).min(partition.records.len());
        let records = partition.records.get(batch.max(partition.log_start) as usize..end).unwrap_or_default().to_vec();
        if let Some((topic, log_start)) = state.trim_after_read.take() {
            state.topics.get_mut(&topic).unwrap()[0].log_start = log_start;
        }
        Ok(records)
    }

    fn read_on(&self, topic: &str, partition: i32, offset: i64, max_bytes: usize) -> Result<Portion, Problem> {
        let mut records = self.read(topic, partition, offset, max_bytes)?;
        let next = records.last().map_or(offset, |last| last.offset + 1);
        if self.lock().dropping {
            records.clear();
        }
        Ok(Portion { records, next })
    }

    fn offset_at(&self, _: &str, _: i32, _: i64) -> Result<i64, Problem> {
        Ok(0)
    }

    fn plan(&self, id: PlanId) -> Option<Bytes> {
        self.lock().plans.get(&id).cloned()
    }

    fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        let changes = self.lock().changes;
        if changes == seen {
            std::thread::sleep(timeout.min(Duration::from_millis(1)));
        }
        changes
    }

    fn wait_unless(&self, _: &Stop, seen: u64, timeout: Duration) -> u64 {
        self.lock().asked_to_wait = timeout;
        self.wait(seen, timeout)
    }
}

/// A record; its offset is given when it is appended.
pub(crate) fn record(value: Option<&str>, plan: Option<PlanId>, timestamp_ms: i64) -> Record {
    let value = value.map(|text| Bytes::from(text.to_owned()));
    Record {
        topic: None,
        offset: 0,
        timestamp_ms,
        key: None,
        value,
        headers: Vec::new(),
        plan,
        origin: None,
        ordinal: 0,
    }
}

/// Properties of a sink that writes to a directory.
pub(crate) fn config(dir: &Path, more: &[(&str, &str)]) -> Config {
    let url = format!("file://{}", dir.display());
    let own = [("store.url", url.as_str())];
    own.into_iter().chain(more.iter().copied()).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

/// Delivers what is visible, as a sink does that was asked to stop.
pub(crate) fn deliver(sink: &mut dyn Sink, memory: &Memory) -> (SinkContext, Result<(), Problem>) {
    let mut context = memory.context();
    context.stop.set();
    let result = sink.run(&mut context);
    (context, result)
}

/// All files below a directory by relative path.
pub(crate) fn tree(dir: &Path) -> BTreeMap<String, String> {
    fn walk(root: &Path, dir: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(dir, dir, &mut found);
    found
}

/// A clock that stands until it is moved.
pub(crate) fn clock(now_us: &Arc<AtomicI64>) -> Clock {
    let now_us = Arc::clone(now_us);
    Arc::new(move || now_us.load(Ordering::SeqCst))
}

/// Numbers from a seed (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// The next number below a limit.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % limit
    }
}
