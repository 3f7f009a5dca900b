//! Topics in memory, with the promises of the real ones: whole transactions, a position beside them, nothing visible
//! before it is durable. The disk can be held up, and a crash forgets what was not durable.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use serde_json::Value;
use tailwater_connector::transport::{TopicHandle, TopicRules};
use tailwater_connector::{Durable, PlanId, Problem, ProblemKind, SourceWriter, Transaction};
use tailwater_event::{FragmentId, Fragments, RecordWriter, SlotId};

/// One record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub topic: String,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub transaction: Transaction,
    pub era: u32,
}

impl Record {
    /// The value as JSON; null for a tombstone.
    pub fn value(&self) -> Value {
        self.value.as_ref().map_or(Value::Null, |v| {
            serde_json::from_slice(v)
                .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&v[..v.len().min(300)])))
        })
    }

    /// `op table row`, in short.
    pub fn brief(&self) -> String {
        let value = self.value();
        if value.is_null() {
            return format!("T {}", String::from_utf8_lossy(self.key.as_deref().unwrap_or_default()));
        }
        let row = if value["after"].is_null() { &value["before"] } else { &value["after"] };
        let table = self.topic.rsplit('.').next().unwrap();
        format!("{} {table} {row}", value["op"].as_str().unwrap())
    }
}

#[derive(Default)]
struct Store {
    records: Vec<Record>,
    durable: Durable,
    entries: BTreeMap<String, Bytes>,
    plans: Vec<Vec<u8>>,
    topics: Vec<String>,
    eras: u32,
    /// Commits that wait for the disk: records and position.
    waiting: Vec<(Vec<Record>, Vec<u8>)>,
    flushing: bool,
    held: bool,
    full: bool,
    transactions: Vec<Transaction>,
}

/// The topics; a clone is the same.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Store>>);

impl Memory {
    /// All durable records in order.
    pub fn records(&self) -> Vec<Record> {
        self.store().records.clone()
    }

    /// Number of durable records.
    pub fn len(&self) -> usize {
        self.store().records.len()
    }

    /// The durable position as it is.
    pub fn durable_position(&self) -> Vec<u8> {
        self.store().durable.position.clone()
    }

    /// The first eight bytes of the durable position.
    pub fn position(&self) -> u64 {
        let store = self.store();
        store.durable.position.get(..8).map_or(0, |b| u64::from_be_bytes(b.try_into().unwrap()))
    }

    /// From now on nothing becomes durable, until it is let go.
    pub fn hold(&self, held: bool) {
        let mut store = self.store();
        store.held = held;
        store.settle();
    }

    /// From now on the disk is full, until it is not.
    pub fn fill(&self, full: bool) {
        self.store().full = full;
        self.hold(full);
    }

    /// Forgets what is not durable, as a crash does.
    pub fn crash(&self) {
        let mut store = self.store();
        store.waiting.clear();
        (store.flushing, store.held) = (false, false);
    }

    /// Forgets the records, keeps all else: to look at what comes next.
    pub fn take(&self) -> Vec<Record> {
        std::mem::take(&mut self.store().records)
    }

    /// An entry of the connector, as text.
    pub fn entry(&self, name: &str) -> String {
        self.store().entries.get(name).map_or_else(String::new, |v| String::from_utf8_lossy(v).into_owned())
    }

    /// Overwrites an entry, as damage or an older run would.
    pub fn set_entry(&self, name: &str, value: &str) {
        self.store().entries.insert(name.to_owned(), Bytes::copy_from_slice(value.as_bytes()));
    }

    /// A copy of everything as it is now: an old backup of the data directory.
    pub fn backup(&self) -> Memory {
        let store = self.store();
        Memory(Arc::new(Mutex::new(Store {
            records: store.records.clone(),
            durable: store.durable.clone(),
            entries: store.entries.clone(),
            plans: store.plans.clone(),
            topics: store.topics.clone(),
            eras: store.eras,
            ..Store::default()
        })))
    }

    /// The writing end.
    pub fn writer(&self) -> MemoryWriter {
        MemoryWriter {
            memory: self.clone(),
            open: Vec::new(),
            topic: String::new(),
            fragments: Fragments::default(),
            part: Part::Nowhere,
        }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap()
    }
}

impl Store {
    fn settle(&mut self) {
        if self.held || !self.flushing {
            return;
        }
        for (records, position) in std::mem::take(&mut self.waiting) {
            let last = records.last().map(|r| r.transaction);
            self.transactions.extend(last);
            self.records.extend(records);
            self.durable.position = position;
        }
        self.flushing = false;
    }
}

enum Part {
    Nowhere,
    Key,
    Value,
}

/// The writing end.
pub struct MemoryWriter {
    memory: Memory,
    open: Vec<Record>,
    topic: String,
    fragments: Fragments,
    part: Part,
}

impl RecordWriter for MemoryWriter {
    fn prepare(&mut self, fragments: &Fragments) {
        self.fragments = fragments.clone();
    }

    fn begin(&mut self, _timestamp_ms: i64) {
        self.open.push(Record { topic: self.topic.clone(), ..Record::default() });
    }

    fn key(&mut self) {
        self.part = Part::Key;
        self.open.last_mut().unwrap().key = Some(Vec::new());
    }

    fn value(&mut self) {
        self.part = Part::Value;
        self.open.last_mut().unwrap().value = Some(Vec::new());
    }

    fn header(&mut self, _name: &str) {
        self.part = Part::Nowhere;
    }

    fn null_header(&mut self, _name: &str) {
        self.part = Part::Nowhere;
    }

    fn fragment(&mut self, id: FragmentId) {
        let bytes = self.fragments.get(id).to_vec();
        self.literal(SlotId(0), &bytes);
    }

    fn literal(&mut self, _slot: SlotId, bytes: &[u8]) {
        let record = self.open.last_mut().unwrap();
        match self.part {
            Part::Key => record.key.as_mut().unwrap().extend_from_slice(bytes),
            Part::Value => record.value.as_mut().unwrap().extend_from_slice(bytes),
            Part::Nowhere => {}
        }
    }

    fn end(&mut self) {
        self.part = Part::Nowhere;
    }
}

impl SourceWriter for MemoryWriter {
    fn durable(&mut self) -> Result<Durable, Problem> {
        let store = self.memory.store();
        if store.full {
            return Err(Problem::new(ProblemKind::Paused, "PAUSED_DISK", "the disk is full", "Free space."));
        }
        Ok(store.durable.clone())
    }

    fn entries(&self) -> BTreeMap<String, Bytes> {
        self.memory.store().entries.clone()
    }

    fn put_entries(&mut self, entries: &[(&str, &[u8])]) -> Result<(), Problem> {
        self.sync()?;
        let mut store = self.memory.store();
        for (name, value) in entries {
            if value.is_empty() {
                store.entries.remove(*name);
            } else {
                store.entries.insert((*name).to_owned(), Bytes::copy_from_slice(value));
            }
        }
        Ok(())
    }

    fn begin_era(&mut self, _identity: &[u8]) -> Result<u32, Problem> {
        self.sync()?;
        let mut store = self.memory.store();
        store.eras += 1;
        store.durable = Durable { era: store.eras, position: Vec::new() };
        Ok(store.eras)
    }

    fn make_topics_by(&mut self, _: TopicRules) {}

    fn topic(&mut self, name: &str) -> Result<TopicHandle, Problem> {
        let mut store = self.memory.store();
        let index = store.topics.iter().position(|t| t == name).unwrap_or_else(|| {
            store.topics.push(name.to_owned());
            store.topics.len() - 1
        });
        Ok(TopicHandle(index as u32))
    }

    fn plan(&mut self, descriptor: &[u8]) -> Result<PlanId, Problem> {
        let mut store = self.memory.store();
        let index = store.plans.iter().position(|p| p == descriptor).unwrap_or_else(|| {
            store.plans.push(descriptor.to_vec());
            store.plans.len() - 1
        });
        Ok(PlanId(index as u32))
    }

    fn records(&mut self, topic: TopicHandle, _plan: PlanId) -> &mut dyn RecordWriter {
        self.topic = self.memory.store().topics[topic.0 as usize].clone();
        self
    }

    fn records_in(
        &mut self,
        topic: TopicHandle,
        _partition: i32,
        plan: PlanId,
    ) -> Result<&mut dyn RecordWriter, Problem> {
        Ok(self.records(topic, plan))
    }

    fn row_done(&mut self) -> Result<(), Problem> {
        Ok(())
    }

    fn commit(&mut self, transaction: Transaction, position: &[u8]) -> Result<(), Problem> {
        let mut store = self.memory.store();
        let era = store.durable.era;
        let mut records = std::mem::take(&mut self.open);
        records.iter_mut().for_each(|r| (r.transaction, r.era) = (transaction, era));
        assert!(!records.is_empty(), "a transaction without records was committed");
        store.waiting.push((records, position.to_vec()));
        Ok(())
    }

    fn rollback(&mut self) -> Result<(), Problem> {
        self.open.clear();
        // A source that starts again begins behind everything committed.
        self.flush()
    }

    fn progress(&mut self, position: &[u8]) -> Result<(), Problem> {
        assert!(self.open.is_empty(), "progress inside a transaction");
        self.memory.store().waiting.push((Vec::new(), position.to_vec()));
        Ok(())
    }

    fn pending_bytes(&self) -> usize {
        let store = self.memory.store();
        if store.flushing { 0 } else { store.waiting.len() }
    }

    fn idle(&self) -> bool {
        !self.memory.store().flushing
    }

    fn flush(&mut self) -> Result<(), Problem> {
        let mut store = self.memory.store();
        store.flushing = !store.waiting.is_empty();
        store.settle();
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Problem> {
        self.flush()?;
        // A disk that is held up never answers; a test must not wait for it for ever.
        assert!(!self.memory.store().held || self.memory.store().waiting.is_empty(), "sync while the disk is held");
        Ok(())
    }
}
