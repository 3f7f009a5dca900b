//! A transport whose topics are in memory: what is committed can be read.

// Each test takes what it needs of it.
#![allow(dead_code)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tailwater_connector::transport::{PlanId, TopicHandle, TopicInfo, TopicRules};
use tailwater_connector::{Durable, Header, Problem, Record, SourceWriter, TopicReader, Transaction, Transport};
use tailwater_event::{FragmentId, Fragments, RecordWriter, SlotId};

/// Topics with one partition each, shared by all ends.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<State>>);

/// What there is.
#[derive(Default)]
pub struct State {
    /// Records by topic.
    pub topics: BTreeMap<String, Vec<Record>>,
    /// Descriptors, by the ids of their plans.
    pub plans: Vec<Vec<u8>>,
    /// Failures of the next calls that read or make durable; `None` for one that works.
    pub failures: VecDeque<Option<Problem>>,
}

impl Memory {
    /// Looks at, or changes, what there is.
    pub fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    /// The records of a topic.
    pub fn records(&self, topic: &str) -> Vec<Record> {
        self.with(|state| state.topics.get(topic).cloned().unwrap_or_default())
    }

    /// A writing end.
    pub fn writer(&self) -> Box<dyn SourceWriter> {
        Box::new(Writer { memory: self.clone(), ..Writer::default() })
    }

    fn fail(&self) -> Result<(), Problem> {
        self.with(|state| state.failures.pop_front().flatten().map_or(Ok(()), Err))
    }
}

impl Transport for Memory {
    fn open_source(&self, _: &str) -> Result<Box<dyn SourceWriter>, Problem> {
        Ok(self.writer())
    }
    fn reader(&self) -> Arc<dyn TopicReader> {
        Arc::new(self.clone())
    }
    fn entries(&self, _: &str) -> BTreeMap<String, Bytes> {
        BTreeMap::new()
    }
    fn put_entries(&self, _: &str, _: &[(&str, &[u8])]) -> Result<(), Problem> {
        Ok(())
    }
}

impl TopicReader for Memory {
    fn topics(&self) -> Vec<TopicInfo> {
        Vec::new()
    }
    fn read(&self, topic: &str, _: i32, offset: i64, _: usize) -> Result<Vec<Record>, Problem> {
        self.fail()?;
        Ok(self.records(topic).into_iter().filter(|record| record.offset >= offset).take(3).collect())
    }
    fn offset_at(&self, _: &str, _: i32, _: i64) -> Result<i64, Problem> {
        Ok(0)
    }
    fn plan(&self, id: PlanId) -> Option<Bytes> {
        self.with(|state| state.plans.get(id.0 as usize).cloned().map(Into::into))
    }
    fn wait(&self, seen: u64, _: Duration) -> u64 {
        seen
    }
}

#[derive(Default)]
struct Writer {
    memory: Memory,
    topics: Vec<String>,
    fragments: Fragments,
    open: Vec<(String, Record)>,
    part: Part,
    topic: usize,
    plan: u32,
}

#[derive(Clone, Copy, Default)]
enum Part {
    #[default]
    None,
    Key,
    Value,
    Header,
}

impl Writer {
    fn push(&mut self, piece: &[u8]) {
        let part = self.part;
        let (_, record) = self.open.last_mut().unwrap();
        let slot = match part {
            Part::None => panic!("bytes outside of a part"),
            Part::Key => &mut record.key,
            Part::Value => &mut record.value,
            Part::Header => &mut record.headers.last_mut().unwrap().value,
        };
        *slot = Some([slot.as_deref().unwrap_or_default(), piece].concat().into());
    }

    fn put_header(&mut self, name: &str, value: Option<Bytes>) {
        self.part = if value.is_some() { Part::Header } else { Part::None };
        self.open.last_mut().unwrap().1.headers.push(Header { name: name.into(), value });
    }
}

impl SourceWriter for Writer {
    fn durable(&mut self) -> Result<Durable, Problem> {
        Ok(Durable::default())
    }
    fn entries(&self) -> BTreeMap<String, Bytes> {
        BTreeMap::new()
    }
    fn put_entries(&mut self, _: &[(&str, &[u8])]) -> Result<(), Problem> {
        Ok(())
    }
    fn begin_era(&mut self, _: &[u8]) -> Result<u32, Problem> {
        Ok(1)
    }
    fn make_topics_by(&mut self, _: TopicRules) {}
    fn topic(&mut self, name: &str) -> Result<TopicHandle, Problem> {
        let known = self.topics.iter().position(|known| known == name);
        Ok(TopicHandle(known.unwrap_or_else(|| {
            self.topics.push(name.to_owned());
            self.topics.len() - 1
        }) as u32))
    }
    fn plan(&mut self, descriptor: &[u8]) -> Result<PlanId, Problem> {
        Ok(self.memory.with(|state| {
            let known = state.plans.iter().position(|known| known == descriptor);
            PlanId(known.unwrap_or_else(|| {
                state.plans.push(descriptor.to_vec());
                state.plans.len() - 1
            }) as u32)
        }))
    }
    fn records(&mut self, topic: TopicHandle, plan: PlanId) -> &mut dyn RecordWriter {
        (self.topic, self.plan) = (topic.0 as usize, plan.0);
        self
    }
    fn records_in(&mut self, topic: TopicHandle, _: i32, plan: PlanId) -> Result<&mut dyn RecordWriter, Problem> {
        Ok(self.records(topic, plan))
    }
    fn row_done(&mut self) -> Result<(), Problem> {
        Ok(())
    }
    fn commit(&mut self, _: Transaction, _: &[u8]) -> Result<(), Problem> {
        for (topic, mut record) in self.open.drain(..) {
            self.memory.with(|state| {
                let topic = state.topics.entry(topic).or_default();
                record.offset = topic.len() as i64;
                topic.push(record);
            });
        }
        Ok(())
    }
    fn rollback(&mut self) -> Result<(), Problem> {
        self.open.clear();
        Ok(())
    }
    fn progress(&mut self, _: &[u8]) -> Result<(), Problem> {
        Ok(())
    }
    fn pending_bytes(&self) -> usize {
        0
    }
    fn idle(&self) -> bool {
        true
    }
    fn flush(&mut self) -> Result<(), Problem> {
        Ok(())
    }
    fn sync(&mut self) -> Result<(), Problem> {
        self.memory.fail()
    }
}

impl RecordWriter for Writer {
    fn prepare(&mut self, fragments: &Fragments) {
        self.fragments = fragments.clone();
    }
    fn begin(&mut self, timestamp_ms: i64) {
        let record = record(timestamp_ms, None, None, Vec::new());
        let record = Record { plan: Some(PlanId(self.plan)), ..record };
        self.open.push((self.topics[self.topic].clone(), record));
        self.part = Part::None;
    }
    fn key(&mut self) {
        self.part = Part::Key;
        self.push(b"");
    }
    fn value(&mut self) {
        self.part = Part::Value;
        self.push(b"");
    }
    fn header(&mut self, name: &str) {
        self.put_header(name, Some(Bytes::new()));
    }
    fn null_header(&mut self, name: &str) {
        self.put_header(name, None);
    }
    fn fragment(&mut self, id: FragmentId) {
        let bytes = self.fragments.get(id).to_vec();
        self.push(&bytes);
    }
    fn literal(&mut self, _: SlotId, bytes: &[u8]) {
        self.push(bytes);
    }
    fn end(&mut self) {
        self.part = Part::None;
    }
}

/// A record of no plan at offset 0.
pub fn record(timestamp_ms: i64, key: Option<Bytes>, value: Option<Bytes>, headers: Vec<Header>) -> Record {
    let (topic, plan, origin) = (None, None, None);
    Record { topic, offset: 0, timestamp_ms, key, value, headers, plan, origin, ordinal: 0 }
}
