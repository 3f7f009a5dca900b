//! The dead letter queue of a sink (KIP-298): records that a transform or a converter refused, as they were read, in a topic of
//! their own.
//!
//! They are durable before the sink gets past them. A sink that reads a record again after a restart writes it again.

use std::sync::Arc;

use tailwater_connector::transport::TopicHandle;
use tailwater_connector::{Config, PlanId, Problem, Record, SourceWriter, Transaction, Transport};
use tailwater_event::connect::converted_descriptor;
use tailwater_event::{Fragments, SlotId};

use super::chain::Refusal;
use super::properties::{DEAD_LETTERS, DEAD_LETTERS_CONTEXT};
use super::thrown::thrown;

/// Where refused records go.
pub(super) struct DeadLetters {
    connector: String,
    topic: String,
    /// Whether headers say where a record comes from and why it was refused.
    context: bool,
    open: Option<Open>,
}

struct Open {
    writer: Box<dyn SourceWriter>,
    topic: TopicHandle,
    plan: PlanId,
    written: bool,
}

impl DeadLetters {
    /// From properties that were checked; `None` without a topic.
    pub(super) fn parse(config: &Config, connector: &str) -> Option<DeadLetters> {
        let topic = config.text(DEAD_LETTERS).trim().to_owned();
        let context = config.flag(DEAD_LETTERS_CONTEXT);
        let new = || DeadLetters { connector: connector.to_owned(), topic, context, open: None };
        (!config.text(DEAD_LETTERS).trim().is_empty()).then(new)
    }

    /// Writes a record that came from this partition; durable after [`DeadLetters::settle`].
    pub(super) fn take(
        &mut self,
        transport: &dyn Transport,
        (topic, partition): (&Arc<str>, i32),
        record: &Record,
        refusal: &Refusal,
    ) -> Result<(), Problem> {
        let open = match &mut self.open {
            Some(open) => open,
            None => self.open.insert(Open::new(transport, &self.connector, &self.topic)?),
        };
        let records = open.writer.records(open.topic, open.plan);
        records.prepare(&Fragments::default());
        records.begin(record.timestamp_ms);
        if let Some(key) = &record.key {
            records.key();
            records.literal(SlotId(0), key);
        }
        if let Some(value) = &record.value {
            records.value();
            records.literal(SlotId(1), value);
        }
        for header in &record.headers {
            match &header.value {
                Some(value) => {
                    records.header(&header.name);
                    records.literal(SlotId(2), value);
                }
                None => records.null_header(&header.name),
            }
        }
        if self.context {
            let (exception, message) = thrown(refusal);
            // Without the places in a program that is not Java's, but with our own words.
            let own = if message == refusal.problem.cause { "" } else { refusal.problem.cause.as_str() };
            let trace =
                [exception, ": ", &message, "\n", if own.is_empty() { "" } else { "Caused by: " }, own].concat();
            for (name, value) in [
                ("topic", topic.to_string()),
                ("partition", partition.to_string()),
                ("offset", record.offset.to_string()),
                ("connector.name", self.connector.clone()),
                ("task.id", "0".to_owned()),
                ("stage", refusal.stage.to_owned()),
                ("class.name", refusal.class.to_owned()),
                ("exception.class.name", exception.to_owned()),
                ("exception.message", message.into_owned()),
                ("exception.stacktrace", trace),
            ] {
                records.header(&format!("__connect.errors.{name}"));
                records.literal(SlotId(3), value.as_bytes());
            }
        }
        records.end();
        open.written = true;
        open.writer.row_done()
    }

    /// After a failure: what was not durable yet is written again.
    pub(super) fn forget(&mut self) {
        self.open = None;
    }

    /// Makes durable what was written.
    pub(super) fn settle(&mut self) -> Result<(), Problem> {
        let Some(open) = self.open.as_mut().filter(|open| open.written) else { return Ok(()) };
        open.writer.commit(Transaction::default(), b"")?;
        open.written = false;
        open.writer.sync()
    }
}

impl Open {
    fn new(transport: &dyn Transport, connector: &str, topic: &str) -> Result<Open, Problem> {
        let mut writer = transport.open_source(&format!("{connector}\u{1}dead-letters"))?;
        if writer.durable()?.era == 0 {
            writer.begin_era(connector.as_bytes())?;
        }
        let descriptor = converted_descriptor(&[], "as read", "as read");
        Ok(Open { topic: writer.topic(topic)?, plan: writer.plan(&descriptor)?, writer, written: false })
    }
}
