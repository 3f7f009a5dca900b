//! From a record to its rows, through the plan that wrote it.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use tailwater_connector::{PlanId, Problem, Record, TopicReader};
use tailwater_event::connect::is_converted_descriptor;
use tailwater_event::debezium::{Decoded, Reader, is_fixed};

use super::row::{Options, Shape, push_rows};
use crate::files::{Decision, Encoder, Lines, Skip};
use crate::limits::SHAPES_MAX;

/// Writes rows of changed fields.
pub(super) struct PivotEncoder {
    options: Options,
    /// None for plans of records that are no changes of rows.
    tables: HashMap<PlanId, Option<Arc<Table>>>,
}

/// What a plan tells.
struct Table {
    reader: Reader,
    shape: Shape,
    header: Bytes,
}

/// A change and the table it belongs to.
pub(super) struct Change {
    table: Arc<Table>,
    decoded: Decoded,
}

impl PivotEncoder {
    pub(super) fn new(options: Options) -> Self {
        PivotEncoder { options, tables: HashMap::new() }
    }

    fn table(&mut self, id: PlanId, topics: &dyn TopicReader) -> Result<Option<Arc<Table>>, Problem> {
        if let Some(table) = self.tables.get(&id) {
            return Ok(table.clone());
        }
        let descriptor = topics.plan(id).ok_or_else(|| unreadable("its description is not in the journal"))?;
        if is_converted_descriptor(&descriptor) {
            return Err(converted());
        }
        let table = if is_fixed(&descriptor) {
            None
        } else {
            let reader = Reader::new(&descriptor).map_err(|error| unreadable(&error.to_string()))?;
            let shape = Shape::new(reader.columns(), reader.key(), &self.options);
            let header = Bytes::from(shape.header());
            Some(Arc::new(Table { reader, shape, header }))
        };
        if self.tables.len() >= SHAPES_MAX {
            self.tables.clear();
        }
        self.tables.insert(id, table.clone());
        Ok(table)
    }
}

impl Encoder for PivotEncoder {
    type Item = Change;

    const OF_CLIENTS: bool = false;

    fn decode(&mut self, record: &Record, topics: &dyn TopicReader) -> Result<Decision<Change>, Problem> {
        let (Some(plan), Some(value)) = (record.plan, record.value.as_deref()) else {
            return Ok(Decision::Skip(Skip::Tombstone));
        };
        let Some(table) = self.table(plan, topics)? else { return Ok(Decision::Skip(Skip::NoRow)) };
        match table.reader.decode(Some(value)).map_err(|error| unreadable(&error.to_string()))? {
            None => Ok(Decision::Skip(Skip::Tombstone)),
            Some(decoded) if decoded.op == 'r' && !self.options.snapshot => Ok(Decision::Skip(Skip::Snapshot)),
            Some(decoded) => Ok(Decision::Keep { header: Some(table.header.clone()), item: Change { table, decoded } }),
        }
    }

    fn encode(&self, change: &Change, loaded_us: i64) -> Lines {
        let mut bytes = Vec::new();
        let count = push_rows(&mut bytes, &change.table.shape, &change.decoded, &self.options, loaded_us);
        Lines { bytes: bytes.into(), count }
    }
}

fn converted() -> Problem {
    Problem::stop(
        "SINK_RECORD_CONVERTED",
        "the record was changed by the source's transforms or converters, so that what a row was before and after cannot be told",
        "Leave 'transforms' and converters other than JSON out of the source, or give this sink a source of its own.",
    )
}

fn unreadable(why: &str) -> Problem {
    Problem::stop(
        "SINK_RECORD_UNREADABLE",
        format!("the record cannot be read back as a row's change: {why}"),
        "Leave the topic out of 'topics', or the transform that altered it out of the source.",
    )
}
