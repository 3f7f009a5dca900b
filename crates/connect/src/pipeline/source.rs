//! Between a source and its topics: records are read back, transformed, converted, and written under the topic they have then.
//!
//! Transactions stay what they are: only records change, or are left out. What is wrong with a record is said by the next call
//! that can fail, before the transaction is committed.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use tailwater_connector::transport::TopicHandle;
use tailwater_connector::{PlanId, Problem, SourceWriter, Transaction};
use tailwater_event::connect::json::JsonError;
use tailwater_event::connect::{ConnectHeader, ConnectRecord, converted_descriptor};
use tailwater_event::{FragmentId, Fragments, RecordWriter, SlotId};

use super::chain::{Chain, Refusal};
use super::converter::{Converter, Written};
use super::draft::{self, Draft};
use super::hand_on::hand_on;
use super::plans::Plans;
use super::properties::CONVERTERS;
use super::tolerance::{Place, Tolerance};
use crate::bounded::Bounded;
use crate::limits::{CONVERTED_TOPICS, SOURCE_TOPICS};

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
    /// Topics of the source, by the numbers that it has for them, and the numbers.
    topics: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    plans: Plans,
    targets: Bounded<Arc<str>, Target>,
    draft: Draft,
    /// The payloads under work.
    key: Vec<u8>,
    value: Vec<u8>,
    header: Vec<u8>,
    failure: Option<Problem>,
}

/// An open topic, with what stands before keys and values of its last record.
struct Target {
    handle: TopicHandle,
    opens: [Bytes; 2],
    fragments: Fragments,
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
            numbers: HashMap::new(),
            plans: Plans::default(),
            targets: Bounded::new(CONVERTED_TOPICS),
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
        let record =
            self.draft.read(topic.clone(), self.plans.current()).map_err(|error| unreadable(&topic, &error))?;
        match self.chain.apply(record) {
            Ok(Some(record)) => self.write(&topic, record),
            Ok(None) => Ok(()),
            Err(refusal) => self.tolerance.refused(&self.place(&topic), *refusal),
        }
    }

    /// Writes a record to the topic it has now; `from` is the one it had first.
    fn write(&mut self, from: &str, record: ConnectRecord) -> Result<(), Problem> {
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
        let inner = self.inner.as_mut();
        let open = || Ok::<_, Problem>(Target::new(inner.topic(&record.topic)?));
        let target = self.targets.get_or_make(record.topic.clone(), open)?;
        target.open([&opens_key, &opens_value]);
        let writer = match record.partition {
            Some(partition) => self.inner.records_in(target.handle, partition, plan)?,
            None => self.inner.records(target.handle, plan),
        };
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
        [&mut self.key, &mut self.value, &mut self.header].into_iter().for_each(draft::empty);
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

impl Target {
    fn new(handle: TopicHandle) -> Self {
        Target { handle, opens: [Bytes::new(), Bytes::new()], fragments: Fragments::default() }
    }

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
        self.plans.current().prepare(fragments, &self.chain);
    }

    fn begin(&mut self, timestamp_ms: i64) {
        self.draft.begin(timestamp_ms);
    }

    fn key(&mut self) {
        self.draft.key();
    }

    fn value(&mut self) {
        self.draft.value();
    }

    fn header(&mut self, name: &str) {
        self.draft.header(name, true);
    }

    fn null_header(&mut self, name: &str) {
        self.draft.header(name, false);
    }

    fn fragment(&mut self, id: FragmentId) {
        self.draft.fragment(id, self.plans.current());
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
    hand_on!();

    /// Topics come into being with their first record: which they are is known then.
    fn topic(&mut self, name: &str) -> Result<TopicHandle, Problem> {
        if let Some(number) = self.numbers.get(name) {
            return Ok(TopicHandle(*number));
        }
        let number = u32::try_from(self.topics.len()).unwrap_or(u32::MAX);
        if self.topics.len() >= SOURCE_TOPICS {
            return Err(Problem::stop(
                "TOPICS_TOO_MANY",
                format!("the source has more than {SOURCE_TOPICS} topics"),
                "Leave tables out with 'table.exclude.list', or spread them over several connectors.",
            ));
        }
        let name: Arc<str> = name.into();
        self.topics.push(name.clone());
        self.numbers.insert(name, number);
        Ok(TopicHandle(number))
    }

    fn plan(&mut self, descriptor: &[u8]) -> Result<PlanId, Problem> {
        Ok(self.plans.number(descriptor))
    }

    fn records(&mut self, topic: TopicHandle, plan: PlanId) -> &mut dyn RecordWriter {
        self.draft.topic = usize::try_from(topic.0).unwrap_or(usize::MAX);
        self.draft.partition = None;
        self.plans.choose(plan);
        self
    }

    fn records_in(
        &mut self,
        topic: TopicHandle,
        partition: i32,
        plan: PlanId,
    ) -> Result<&mut dyn RecordWriter, Problem> {
        self.records(topic, plan);
        self.draft.partition = Some(partition);
        Ok(self)
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
}

fn unreadable(topic: &str, error: &JsonError) -> Problem {
    Problem::internal(
        "RECORD_UNREADABLE",
        format!("topic '{topic}': a record could not be read for transforms: {error}"),
    )
}
