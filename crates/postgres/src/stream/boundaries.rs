//! Transaction metadata (`provide.transaction.metadata`): BEGIN and END records, and each event's place between them.
//!
//! What is kept of a transaction is a number per table, however many rows it has.

use std::collections::BTreeMap;

use tailwater_connector::{Problem, SourceWriter};
use tailwater_event::debezium::{FixedKind, TransactionCounts, TransactionPlace};

use crate::fixed_topic::FixedTopic;
use crate::settings::Settings;

/// Counts the events of the open transaction.
pub(super) struct Boundaries {
    topic: FixedTopic,
    events: u64,
    /// By table, in order of name; the original's order is that of a hash.
    collections: BTreeMap<String, u64>,
}

impl Boundaries {
    /// When boundaries are asked for.
    pub fn open(settings: &Settings, writer: &mut dyn SourceWriter) -> Result<Option<Boundaries>, Problem> {
        let Some(topic) = &settings.transaction_topic else { return Ok(None) };
        let topic = FixedTopic::open(writer, topic, FixedKind::Transaction, &settings.encode)?;
        Ok(Some(Boundaries { topic, events: 0, collections: BTreeMap::new() }))
    }

    /// A transaction begins: each record of it has an id with a position of its own.
    pub fn begin(&mut self, writer: &mut dyn SourceWriter, xid: u32, lsn: u64, now_ns: i64) -> Result<(), Problem> {
        self.events = 0;
        self.collections.clear();
        let id = format!("{xid}:{}", lsn.cast_signed());
        self.topic.write(writer, |plan, records| plan.boundary(&id, None, millis(now_ns), records))
    }

    /// The place of the next event of a table.
    pub fn next_place(&self, collection: &str) -> TransactionPlace {
        let before = self.collections.get(collection).copied().unwrap_or_default();
        TransactionPlace { total_order: self.events + 1, collection_order: before + 1 }
    }

    /// So many events of a table were written.
    pub fn count(&mut self, collection: &str, events: u64) {
        if events == 0 {
            return;
        }
        self.events += events;
        match self.collections.get_mut(collection) {
            Some(count) => *count += events,
            None => drop(self.collections.insert(collection.to_owned(), events)),
        }
    }

    /// The transaction ends.
    pub fn end(&mut self, writer: &mut dyn SourceWriter, xid: u32, lsn: u64, now_ns: i64) -> Result<(), Problem> {
        let id = format!("{xid}:{}", lsn.cast_signed());
        let collections: Vec<_> = std::mem::take(&mut self.collections).into_iter().collect();
        let counts = TransactionCounts { events: self.events, collections: &collections };
        self.topic.write(writer, |plan, records| plan.boundary(&id, Some(counts), millis(now_ns), records))
    }
}

fn millis(now_ns: i64) -> i64 {
    now_ns.div_euclid(1_000_000)
}
