//! Logical messages (`pg_logical_emit_message`), on servers from 14 on.
//!
//! A transactional one is part of its transaction. Any other comes at once, between transactions, and is a transaction
//! of its own to the journal: its end is a position to go on from.

use tailwater_connector::{Problem, SourceWriter};
use tailwater_event::debezium::{FixedKind, LogicalMessage};

use super::Flow;
use super::Follower;
use super::apply::out_of_order;
use crate::fixed_topic::FixedTopic;
use crate::pgoutput::Logical;
use crate::settings::Settings;

/// What messages are called where transactions count their events by table.
const COLLECTION: &str = "message";
/// The original prints an object's address there.
const STRICT_COLLECTION: &str =
    "io.debezium.connector.postgresql.LogicalDecodingMessageMonitor$LogicalDecodingMessageId@0";

/// The topic, made when the first message comes.
#[derive(Default)]
pub(super) struct Messages(Option<FixedTopic>);

impl Messages {
    fn write(
        &mut self,
        settings: &Settings,
        writer: &mut dyn SourceWriter,
        message: &LogicalMessage<'_>,
    ) -> Result<(), Problem> {
        let topic = match &mut self.0 {
            Some(topic) => topic,
            None => {
                let name = &settings.message_topic;
                self.0.insert(FixedTopic::open(writer, name, FixedKind::Message, &settings.encode)?)
            }
        };
        topic.write(writer, |plan, records| plan.message(message, &settings.encode, records))
    }
}

impl Follower<'_, '_> {
    /// A message; `lsn` is the end of its log record.
    pub(super) fn message(&mut self, logical: &Logical<'_>) -> Result<Flow, Problem> {
        let settings = self.session.settings;
        let wanted = settings.message_filter.allows(logical.prefix);
        let lsn = logical.lsn;
        let mut message = LogicalMessage {
            prefix: logical.prefix,
            content: logical.content,
            source_time_us: self.commit_time_us,
            last_commit: None,
            lsn,
            xid: None,
            xmin: self.xmin,
            origin: None,
            transaction: None,
            now_ms: self.now_ns.div_euclid(1_000_000),
        };
        if logical.transactional {
            let Some(open) = &mut self.open else { return Err(out_of_order("a message outside its transaction")) };
            if !wanted || open.dropped {
                return Ok(Flow::Go);
            }
            message.source_time_us = open.commit_time_us;
            message.last_commit = Some(self.position.last_commit).filter(|lsn| *lsn > 0);
            message.xid = Some(open.xid);
            message.origin = open.origin.as_ref().map(|(name, lsn)| (name.as_str(), *lsn));
            let collection = if settings.encode.strict { STRICT_COLLECTION } else { COLLECTION };
            message.transaction = self.boundaries.as_ref().map(|b| b.next_place(collection));
            self.messages.write(settings, self.session.writer, &message)?;
            open.records += 1;
            if let Some(boundaries) = &mut self.boundaries {
                boundaries.count(collection, 1);
            }
            return Ok(Flow::Go);
        }
        if self.open.is_some() {
            return Err(out_of_order("a message between the changes of a transaction"));
        }
        self.progress.received(lsn);
        if lsn <= self.skip_until {
            return Ok(Flow::Go);
        }
        if lsn > self.sequence_from {
            self.position.last_commit = lsn;
        }
        if !wanted {
            self.progress.caught_up(lsn);
            return Ok(Flow::Go);
        }
        message.last_commit = Some(self.position.last_commit).filter(|lsn| *lsn > 0);
        self.messages.write(settings, self.session.writer, &message)?;
        self.commit_alone(lsn)?;
        Ok(Flow::Go)
    }
}
