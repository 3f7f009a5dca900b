//! Between topics and a sink: records are read by the connector's converters, transformed, and handed on as plain JSON under
//! the topic they have then. Their offsets stay those of the topic they come from.
//!
//! What a source wrote is left as it is where the sink reads that form by itself and no transform changes it. What clients
//! wrote into topics of theirs may be anything, so that it always goes through the converters; what they wrote among a
//! source's records is handed on untouched, and the sink leaves it out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tailwater_connector::transport::{Portion, TopicInfo};
use tailwater_connector::{
    Header, PlanId, Problem, Record, Sink, SinkContext, SourceWriter, Stop, TopicReader, Transport,
};
use tailwater_event::connect::json::{JsonError, JsonOptions, JsonWriter};
use tailwater_event::connect::{ConnectHeader, ConnectRecord, Typed};

use super::chain::{Chain, Refusal};
use super::dead_letters::DeadLetters;
use super::properties::CONVERTERS;
use super::retry::Retries;
use super::source::Converters;
use super::tolerance::{Place, Tolerance};
use crate::bounded::Bounded;
use crate::limits::CONVERTED_TOPICS;

/// A sink with something between it and its topics.
pub(super) struct AroundSink {
    sink: Box<dyn Sink>,
    pipe: Arc<Mutex<Pipe>>,
    retries: Option<Retries>,
}

/// What records go through.
pub(super) struct Pipe {
    chain: Chain,
    converters: Converters,
    untouched: Option<Untouched>,
    tolerance: Tolerance,
    letters: Option<DeadLetters>,
    /// The offset behind the last record that was left out as bad, by partition: the sink may read it again.
    behind: Bounded<(Arc<str>, i32), i64>,
    writer: JsonWriter,
}

/// Where the sink reads by itself what sources write, and transforms only route, the converters are for what clients wrote.
pub(super) struct Untouched {
    /// The sink reads by itself the form of all values, whoever wrote them.
    pub(super) values: bool,
}

impl AroundSink {
    pub(super) fn new(sink: Box<dyn Sink>, pipe: Pipe, retries: Option<Retries>) -> Self {
        AroundSink { sink, pipe: Arc::new(Mutex::new(pipe)), retries }
    }
}

impl Sink for AroundSink {
    fn preflight(&mut self) -> Vec<Problem> {
        self.sink.preflight()
    }

    fn files(&self) -> Vec<(&'static str, PathBuf)> {
        self.sink.files()
    }

    fn run(&mut self, context: &mut SinkContext) -> Result<(), Problem> {
        let inner = Arc::clone(&context.transport);
        let (pipe, retries) = (Arc::clone(&self.pipe), self.retries.map(|retries| (retries, context.stop.clone())));
        let mut through = SinkContext {
            name: context.name.clone(),
            transport: Arc::new(Through { inner, pipe, retries }),
            status: Arc::clone(&context.status),
            stop: context.stop.clone(),
        };
        self.sink.run(&mut through)
    }
}

impl Pipe {
    pub(super) fn new(
        chain: Chain,
        converters: Converters,
        untouched: Option<Untouched>,
        tolerance: Tolerance,
        letters: Option<DeadLetters>,
    ) -> Self {
        let options = JsonOptions { schemas: false, ..JsonOptions::default() };
        let (behind, writer) = (Bounded::new(CONVERTED_TOPICS), JsonWriter::new(options));
        Pipe { chain, converters, untouched, tolerance, letters, behind, writer }
    }

    /// Whether records stay as they are.
    fn leaves(&self, records: &[Record]) -> bool {
        self.untouched.is_some() && self.chain.is_empty() && records.iter().all(|record| record.plan.is_some())
    }

    /// A record as the sink is to see it; `None` when it is dropped.
    fn take(
        &mut self,
        transport: &dyn Transport,
        topic: &Arc<str>,
        partition: i32,
        record: Record,
    ) -> Result<Option<Record>, Problem> {
        let as_read = self.letters.is_some().then(|| record.clone());
        let (offset, timestamp_ms) = (record.offset, record.timestamp_ms);
        let refusal = match self.changed(topic, partition, record) {
            Ok(record) => return Ok(record),
            Err(refusal) => refusal,
        };
        let partition_of = (topic.clone(), partition);
        if self.behind.get(&partition_of).is_some_and(|behind| offset < *behind) {
            return Ok(None);
        }
        if let (Some(letters), Some(record)) = (&mut self.letters, as_read)
            && let Err(problem) = letters.take(transport, (topic, partition), &record, &refusal)
        {
            self.forget();
            return Err(problem);
        }
        let place = Place { topic, at: Some((partition, offset)), timestamp_ms };
        if let Err(problem) = self.tolerance.refused(&place, *refusal) {
            // The record that ends the sink is among the dead letters, too.
            self.settle()?;
            return Err(problem);
        }
        self.behind.insert(partition_of, offset + 1);
        Ok(None)
    }

    /// What was taken is durable where it has to be.
    fn settle(&mut self) -> Result<(), Problem> {
        let settled = self.letters.as_mut().map_or(Ok(()), DeadLetters::settle);
        settled.inspect_err(|_| self.forget())
    }

    /// After a failure: what was not durable yet is taken again.
    fn forget(&mut self) {
        self.letters.iter_mut().for_each(DeadLetters::forget);
        self.behind.clear();
    }

    fn changed(
        &mut self,
        topic: &Arc<str>,
        partition: i32,
        mut record: Record,
    ) -> Result<Option<Record>, Box<Refusal>> {
        let mut typed = ConnectRecord {
            topic: topic.clone(),
            partition: Some(partition),
            offset: Some(record.offset),
            timestamp_ms: Some(record.timestamp_ms),
            key: Typed::NULL,
            value: Typed::NULL,
            headers: Vec::new(),
        };
        let converted = self.untouched.is_none() || record.plan.is_none();
        if converted {
            let Converters { key, value, header } = &mut self.converters;
            typed.key = key.read(record.key.as_ref()).map_err(|why| unreadable(0, key.class(), why))?;
            typed.value = value.read(record.value.as_ref()).map_err(|why| unreadable(1, value.class(), why))?;
            for Header { name, value: bytes } in &record.headers {
                let read = header.read(bytes.as_ref());
                let value = read.map_err(|why| unreadable(2, header.class(), why))?;
                typed.headers.push(ConnectHeader { name: name.as_str().into(), value });
            }
        }
        let Some(typed) = self.chain.apply(typed)? else {
            return Ok(None);
        };
        if converted {
            let unwritable = |error: JsonError| {
                let remedy = "Leave the transform that made it out of 'transforms'.";
                let problem = Problem::stop("RECORD_UNWRITABLE", error.to_string(), remedy);
                Box::new(Refusal { stage: "TASK_PUT", class: super::JSON, by: "JSON for the sink".to_owned(), problem })
            };
            record.key = self.json(&typed.key).map_err(unwritable)?;
            if !self.untouched.as_ref().is_some_and(|untouched| untouched.values) {
                record.value = self.json(&typed.value).map_err(unwritable)?;
            }
            let mut headers = Vec::with_capacity(typed.headers.len());
            for ConnectHeader { name, value } in &typed.headers {
                headers.push(Header { name: name.to_string(), value: self.json(value).map_err(unwritable)? });
            }
            record.headers = headers;
        }
        record.timestamp_ms = typed.timestamp_ms.unwrap_or(record.timestamp_ms);
        record.topic = (typed.topic != *topic).then_some(typed.topic);
        Ok(Some(record))
    }

    fn json(&mut self, data: &Typed) -> Result<Option<Bytes>, JsonError> {
        let mut out = Vec::new();
        Ok(self.writer.write(data, &mut out)?.then(|| out.into()))
    }
}

/// What the converter of one side does not read.
fn unreadable(part: usize, class: &'static str, why: String) -> Box<Refusal> {
    let remedy =
        format!("Set '{}' to the converter that the topic was written with.", CONVERTERS.get(part).unwrap_or(&""));
    Box::new(Refusal::of_converter(part, class, Problem::stop("CONVERTER_REFUSED", why, remedy)))
}

/// A transport whose records come through a pipe.
struct Through {
    inner: Arc<dyn Transport>,
    pipe: Arc<Mutex<Pipe>>,
    retries: Option<(Retries, Stop)>,
}

struct ThroughReader {
    inner: Arc<dyn TopicReader>,
    transport: Arc<dyn Transport>,
    pipe: Arc<Mutex<Pipe>>,
    retries: Option<(Retries, Stop)>,
}

impl ThroughReader {
    /// With further attempts, as far as they are asked for.
    fn persist<T>(&self, mut attempt: impl FnMut() -> Result<T, Problem>) -> Result<T, Problem> {
        match &self.retries {
            Some((retries, stop)) => retries.run(stop, attempt),
            None => attempt(),
        }
    }

    /// Some records as the sink is to see them.
    fn read_once(&self, topic: &str, partition: i32, offset: i64, max_bytes: usize) -> Result<Portion, Problem> {
        let Portion { records, next } = self.inner.read_on(topic, partition, offset, max_bytes)?;
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        if pipe.leaves(&records) {
            return Ok(Portion { records, next });
        }
        let of_clients = records.iter().any(|record| record.plan.is_none());
        let among_changes = of_clients && self.topics().iter().any(|info| info.name == topic && info.change);
        let name: Arc<str> = topic.into();
        let mut kept = Vec::with_capacity(records.len());
        for record in records.into_iter().filter(|record| record.offset >= offset) {
            if among_changes && record.plan.is_none() {
                kept.push(record);
            } else {
                kept.extend(pipe.take(&*self.transport, &name, partition, record)?);
            }
        }
        pipe.settle()?;
        Ok(Portion { records: kept, next })
    }
}

impl Transport for Through {
    fn open_source(&self, connector: &str) -> Result<Box<dyn SourceWriter>, Problem> {
        self.inner.open_source(connector)
    }

    fn reader(&self) -> Arc<dyn TopicReader> {
        let transport = Arc::clone(&self.inner);
        let (inner, pipe, retries) = (self.inner.reader(), Arc::clone(&self.pipe), self.retries.clone());
        Arc::new(ThroughReader { inner, transport, pipe, retries })
    }

    fn entries(&self, connector: &str) -> BTreeMap<String, Bytes> {
        self.inner.entries(connector)
    }

    fn put_entries(&self, connector: &str, entries: &[(&str, &[u8])]) -> Result<(), Problem> {
        self.inner.put_entries(connector, entries)
    }

    fn still_needs(&self, connector: &str, topic: &str, partition: i32, offset: i64) {
        self.inner.still_needs(connector, topic, partition, offset);
    }
}

impl TopicReader for ThroughReader {
    fn topics(&self) -> Vec<TopicInfo> {
        self.inner.topics()
    }

    /// Goes on behind records that were dropped: nothing at all means the end.
    fn read(&self, topic: &str, partition: i32, offset: i64, max_bytes: usize) -> Result<Vec<Record>, Problem> {
        let mut from = offset;
        loop {
            let Portion { records, next } = self.read_on(topic, partition, from, max_bytes)?;
            if next <= from || !records.is_empty() {
                return Ok(records);
            }
            from = next;
        }
    }

    fn read_on(&self, topic: &str, partition: i32, offset: i64, max_bytes: usize) -> Result<Portion, Problem> {
        self.persist(|| self.read_once(topic, partition, offset, max_bytes))
    }

    fn offset_at(&self, topic: &str, partition: i32, timestamp_ms: i64) -> Result<i64, Problem> {
        self.inner.offset_at(topic, partition, timestamp_ms)
    }

    fn plan(&self, id: PlanId) -> Option<Bytes> {
        self.inner.plan(id)
    }

    fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        self.inner.wait(seen, timeout)
    }

    fn wait_unless(&self, stop: &Stop, seen: u64, timeout: Duration) -> u64 {
        self.inner.wait_unless(stop, seen, timeout)
    }
}
