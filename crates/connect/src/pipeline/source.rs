//! Between a source and its topics: records are read back, transformed, converted, and written under the topic they have then.
//!
//! Transactions stay what they are: only records change, or are left out. What is wrong with a record is said by the next call
//! that can fail, before the transaction is committed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use tailwater_connector::transport::TopicHandle;
use tailwater_connector::{Durable, PlanId, Problem, SourceWriter, Transaction};
use tailwater_event::connect::json::{JsonError, JsonReader};
use tailwater_event::connect::{ConnectHeader, ConnectRecord, converted_descriptor};
use tailwater_event::{FragmentId, Fragments, RecordWriter, SlotId};

use super::chain::{Chain, Refusal};
use super::converter::{Converter, Written};
use super::properties::CONVERTERS;
use super::tolerance::{Place, Tolerance};
use crate::limits::{CONVERTED_TOPICS, KEPT_RECORD_BYTES};

/// The three converters of a connector.
pub(super) struct Converters {
    pub(super) key: Converter,
    pub(super) value: Converter,
    pub(super) header: Converter,
}

/// A source's writer through transforms and converters.
pub(super) struct ConvertingWriter {
    inner: Box<dyn SourceWriter>,
    chain: Chain,
    converters: Converters,
    tolerance: Tolerance,
    descriptor: Vec<u8>,
    /// The plan of everything that is written.
    plan: Option<PlanId>,
    /// Topics and plans of the source, by the numbers that it has for them.
    topics: Vec<Arc<str>>,
    plans: HashMap<Vec<u8>, PlanId>,
    /// By the source's plan: its records share their schemas.
    readers: HashMap<PlanId, Readers>,
    targets: HashMap<Arc<str>, Target>,
    draft: Draft,
    /// The payloads under work.
    key: Vec<u8>,
    value: Vec<u8>,
    header: Vec<u8>,
    failure: Option<Problem>,
}

/// Readers of one plan's records.
struct Readers {
    key: JsonReader,
    value: JsonReader,
    header: JsonReader,
}

/// An open topic, with what stands before keys and values of its last record.
struct Target {
    handle: TopicHandle,
    opens: [Bytes; 2],
    fragments: Fragments,
}

/// The source's record under work.
#[derive(Default)]
struct Draft {
    fragments: Fragments,
    topic: usize,
    plan: Option<PlanId>,
    timestamp_ms: i64,
    part: Part,
    key: Field,
    value: Field,
    headers: Vec<(Arc<str>, Field)>,
    /// How many of the headers are this record's.
    used: usize,
}

/// A key, value or header whose buffer is used again.
#[derive(Default)]
struct Field {
    there: bool,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Default)]
enum Part {
    #[default]
    None,
    Key,
    Value,
    Header,
}

impl Draft {
    fn begin(&mut self, timestamp_ms: i64) {
        self.timestamp_ms = timestamp_ms;
        self.part = Part::None;
        self.key.clear();
        self.value.clear();
        self.used = 0;
    }

    fn header(&mut self, name: &str, there: bool) {
        self.part = if there { Part::Header } else { Part::None };
        match self.headers.get_mut(self.used) {
            Some((known, value)) => {
                if **known != *name {
                    *known = name.into();
                }
                value.clear();
                value.there = there;
            }
            None => self.headers.push((name.into(), Field { there, bytes: Vec::new() })),
        }
        self.used += 1;
    }

    fn fragment(&mut self, id: FragmentId) {
        let Draft { fragments, part, key, value, headers, used, .. } = self;
        if let Some(buffer) = buffer(*part, key, value, headers, *used) {
            buffer.extend_from_slice(fragments.get(id));
        }
    }

    fn literal(&mut self, bytes: &[u8]) {
        if let Some(buffer) = buffer(self.part, &mut self.key, &mut self.value, &mut self.headers, self.used) {
            buffer.extend_from_slice(bytes);
        }
    }
}

/// Where the pieces of a part go.
fn buffer<'a>(
    part: Part,
    key: &'a mut Field,
    value: &'a mut Field,
    headers: &'a mut [(Arc<str>, Field)],
    used: usize,
) -> Option<&'a mut Vec<u8>> {
    match part {
        Part::None => None,
        Part::Key => Some(&mut key.bytes),
        Part::Value => Some(&mut value.bytes),
        Part::Header => headers.get_mut(used.checked_sub(1)?).map(|(_, value)| &mut value.bytes),
    }
}

impl Field {
    fn clear(&mut self) {
        self.there = false;
        if self.bytes.capacity() > KEPT_RECORD_BYTES {
            self.bytes = Vec::new();
        }
        self.bytes.clear();
    }

    fn get(&self) -> Option<&[u8]> {
        self.there.then_some(&self.bytes)
    }
}

const KEY: FragmentId = FragmentId(0);
const VALUE: FragmentId = FragmentId(1);
const CLOSE: FragmentId = FragmentId(2);

impl ConvertingWriter {
    pub(super) fn new(
        inner: Box<dyn SourceWriter>,
        chain: Chain,
        converters: Converters,
        tolerance: Tolerance,
    ) -> Self {
        let descriptor = converted_descriptor(&chain.names(), converters.key.class(), converters.value.class());
        ConvertingWriter {
            inner,
            chain,
            converters,
            tolerance,
            descriptor,
            plan: None,
            topics: Vec::new(),
            plans: HashMap::new(),
            readers: HashMap::new(),
            targets: HashMap::new(),
            draft: Draft::default(),
            key: Vec::new(),
            value: Vec::new(),
            header: Vec::new(),
            failure: None,
        }
    }

    /// What went wrong with a record since this was asked last.
    fn check(&mut self) -> Result<(), Problem> {
        self.failure.take().map_or(Ok(()), Err)
    }

    fn place<'a>(&self, topic: &'a str) -> Place<'a> {
        Place { topic, at: None, timestamp_ms: self.draft.timestamp_ms }
    }

    /// Takes the record that the source has ended.
    fn take(&mut self) -> Result<(), Problem> {
        let Some(topic) = self.topics.get(self.draft.topic).cloned() else { return Ok(()) };
        let record = self.read(topic.clone()).map_err(|error| unreadable(&topic, &error))?;
        match self.chain.apply(record) {
            Ok(Some(record)) => self.write(&topic, record),
            Ok(None) => Ok(()),
            Err(refusal) => self.tolerance.refused(&self.place(&topic), *refusal),
        }
    }

    fn read(&mut self, topic: Arc<str>) -> Result<ConnectRecord, JsonError> {
        let plan = self.draft.plan.unwrap_or(PlanId(0));
        if self.readers.len() >= CONVERTED_TOPICS && !self.readers.contains_key(&plan) {
            self.readers.clear();
        }
        let new =
            || Readers { key: JsonReader::new(true), value: JsonReader::new(true), header: JsonReader::new(true) };
        let readers = self.readers.entry(plan).or_insert_with(new);
        let headers = self.draft.headers.iter().take(self.draft.used);
        let header = |(name, value): &(Arc<str>, Field)| {
            Ok::<_, JsonError>(ConnectHeader { name: name.clone(), value: readers.header.read(value.get())? })
        };
        Ok(ConnectRecord {
            topic,
            partition: None,
            offset: None,
            timestamp_ms: None,
            headers: headers.map(header).collect::<Result<_, _>>()?,
            key: readers.key.read(self.draft.key.get())?,
            value: readers.value.read(self.draft.value.get())?,
        })
    }

    /// Writes a record to the topic it has now; `from` is the one it had first.
    fn write(&mut self, from: &str, record: ConnectRecord) -> Result<(), Problem> {
        if let Some(partition) = record.partition.filter(|partition| *partition != 0) {
            return Err(no_partition(&record.topic, partition));
        }
        let place = self.place(from);
        let Converters { key, value, header } = &mut self.converters;
        let refused = |part: usize, converter: &Converter, why: String| {
            let remedy = format!("Set '{}' to {}.", CONVERTERS.get(part).unwrap_or(&""), super::JSON);
            let refusal =
                Refusal::of_converter(part, converter.class(), Problem::stop("CONVERTER_REFUSED", why, remedy));
            self.tolerance.refused(&place, refusal)
        };
        let opens_key = match key.write(&record.key, &mut self.key) {
            Ok(written) => written,
            Err(why) => return refused(0, key, why),
        };
        let opens_value = match value.write(&record.value, &mut self.value) {
            Ok(written) => written,
            Err(why) => return refused(1, value, why),
        };
        let mut headers = Vec::with_capacity(record.headers.len());
        for ConnectHeader { name, value } in &record.headers {
            let opened = match header.write(value, &mut self.header) {
                Ok(opened) => opened,
                Err(why) => return refused(2, header, why),
            };
            let bytes = match &opened {
                Written::Null => None,
                Written::Bytes => Some(self.header.clone()),
                Written::Enveloped(open) => Some([&**open, &self.header, b"}"].concat()),
            };
            headers.push((name, bytes));
        }
        let plan = self.converted_plan()?;
        let target = target(&mut self.targets, self.inner.as_mut(), &record.topic)?;
        target.open([&opens_key, &opens_value]);
        let writer = self.inner.records(target.handle, plan);
        writer.prepare(&target.fragments);
        writer.begin(record.timestamp_ms.unwrap_or(self.draft.timestamp_ms));
        if !matches!(opens_key, Written::Null) {
            writer.key();
            push(writer, &opens_key, KEY, SlotId(0), &self.key);
        }
        if !matches!(opens_value, Written::Null) {
            writer.value();
            push(writer, &opens_value, VALUE, SlotId(1), &self.value);
        }
        for (at, (name, bytes)) in headers.iter().enumerate() {
            match bytes {
                Some(bytes) => {
                    writer.header(name);
                    writer.literal(SlotId(u16::try_from(at + 2).unwrap_or(u16::MAX)), bytes);
                }
                None => writer.null_header(name),
            }
        }
        writer.end();
        Ok(())
    }

    fn converted_plan(&mut self) -> Result<PlanId, Problem> {
        match self.plan {
            Some(plan) => Ok(plan),
            None => Ok(*self.plan.insert(self.inner.plan(&self.descriptor)?)),
        }
    }
}

/// One part of a record.
fn push(writer: &mut dyn RecordWriter, written: &Written, open: FragmentId, slot: SlotId, bytes: &[u8]) {
    if matches!(written, Written::Enveloped(_)) {
        writer.fragment(open);
        writer.literal(slot, bytes);
        writer.fragment(CLOSE);
    } else {
        writer.literal(slot, bytes);
    }
}

fn target<'a>(
    targets: &'a mut HashMap<Arc<str>, Target>,
    inner: &mut dyn SourceWriter,
    topic: &Arc<str>,
) -> Result<&'a mut Target, Problem> {
    if !targets.contains_key(topic) {
        if targets.len() >= CONVERTED_TOPICS {
            targets.clear();
        }
        let target = Target {
            handle: inner.topic(topic)?,
            opens: [Bytes::new(), Bytes::new()],
            fragments: Fragments::default(),
        };
        targets.insert(topic.clone(), target);
    }
    targets.get_mut(topic).ok_or_else(|| Problem::internal("TOPIC_UNOPENED", "an open topic was not found"))
}

impl Target {
    /// Registers what stands before this record's key and value, unless it is as before. A part without opening leaves the
    /// last one there is.
    fn open(&mut self, written: [&Written; 2]) {
        let mut changed = self.fragments.is_empty();
        for (open, written) in self.opens.iter_mut().zip(written) {
            if let Written::Enveloped(new) = written
                && !(open.as_ptr() == new.as_ptr() && open.len() == new.len())
            {
                *open = new.clone();
                changed = true;
            }
        }
        if changed {
            let [key, value] = &self.opens;
            self.fragments = Fragments::new(vec![key.to_vec(), value.to_vec(), b"}".to_vec()]);
        }
    }
}

impl RecordWriter for ConvertingWriter {
    fn prepare(&mut self, fragments: &Fragments) {
        if !self.draft.fragments.same(fragments) {
            self.draft.fragments = fragments.clone();
        }
    }

    fn begin(&mut self, timestamp_ms: i64) {
        self.draft.begin(timestamp_ms);
    }

    fn key(&mut self) {
        self.draft.part = Part::Key;
        self.draft.key.there = true;
    }

    fn value(&mut self) {
        self.draft.part = Part::Value;
        self.draft.value.there = true;
    }

    fn header(&mut self, name: &str) {
        self.draft.header(name, true);
    }

    fn null_header(&mut self, name: &str) {
        self.draft.header(name, false);
    }

    fn fragment(&mut self, id: FragmentId) {
        self.draft.fragment(id);
    }

    fn literal(&mut self, _: SlotId, bytes: &[u8]) {
        self.draft.literal(bytes);
    }

    fn end(&mut self) {
        if self.failure.is_none() {
            self.failure = self.take().err();
        }
    }
}

impl SourceWriter for ConvertingWriter {
    fn durable(&mut self) -> Result<Durable, Problem> {
        self.inner.durable()
    }

    fn entries(&self) -> BTreeMap<String, Bytes> {
        self.inner.entries()
    }

    fn put_entries(&mut self, entries: &[(&str, &[u8])]) -> Result<(), Problem> {
        self.inner.put_entries(entries)
    }

    fn begin_era(&mut self, identity: &[u8]) -> Result<u32, Problem> {
        self.inner.begin_era(identity)
    }

    /// Topics come into being with their first record: which they are is known then.
    fn topic(&mut self, name: &str) -> Result<TopicHandle, Problem> {
        let at = self.topics.iter().position(|topic| **topic == *name).unwrap_or_else(|| {
            self.topics.push(name.into());
            self.topics.len() - 1
        });
        Ok(TopicHandle(u32::try_from(at).unwrap_or(u32::MAX)))
    }

    fn plan(&mut self, descriptor: &[u8]) -> Result<PlanId, Problem> {
        let next = PlanId(u32::try_from(self.plans.len()).unwrap_or(u32::MAX));
        Ok(*self.plans.entry(descriptor.to_vec()).or_insert(next))
    }

    fn records(&mut self, topic: TopicHandle, plan: PlanId) -> &mut dyn RecordWriter {
        self.draft.topic = usize::try_from(topic.0).unwrap_or(usize::MAX);
        self.draft.plan = Some(plan);
        self
    }

    fn row_done(&mut self) -> Result<(), Problem> {
        self.check()?;
        self.inner.row_done()
    }

    fn commit(&mut self, transaction: Transaction, position: &[u8]) -> Result<(), Problem> {
        self.check()?;
        self.inner.commit(transaction, position)
    }

    fn rollback(&mut self) -> Result<(), Problem> {
        self.failure = None;
        self.inner.rollback()
    }

    fn progress(&mut self, position: &[u8]) -> Result<(), Problem> {
        self.inner.progress(position)
    }

    fn pending_bytes(&self) -> usize {
        self.inner.pending_bytes()
    }

    fn idle(&self) -> bool {
        self.inner.idle()
    }

    fn flush(&mut self) -> Result<(), Problem> {
        self.inner.flush()
    }

    fn sync(&mut self) -> Result<(), Problem> {
        self.inner.sync()
    }
}

fn unreadable(topic: &str, error: &JsonError) -> Problem {
    Problem::internal(
        "RECORD_UNREADABLE",
        format!("topic '{topic}': a record could not be read for transforms: {error}"),
    )
}

fn no_partition(topic: &str, partition: i32) -> Problem {
    Problem::stop(
        "PARTITION_MISSING",
        format!("a transform sends a record to partition {partition} of topic '{topic}', which has one partition only"),
        "Leave out the transform that chooses partitions; order is kept as all records are in partition 0.",
    )
}
