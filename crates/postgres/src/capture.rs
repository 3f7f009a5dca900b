//! One captured table, ready to write: its encode plan, its topic, and where the stream takes it over.

use std::time::{SystemTime, UNIX_EPOCH};

use tailwater_connector::transport::TopicHandle;
use tailwater_connector::{PlanId, Problem, SourceWriter};
use tailwater_event::debezium::{EncodeError, EncodeOptions, EventContext, Plan};
use tailwater_event::{Cell, OldRow, TableName, TableSchema};

use crate::incremental::Matching;
use crate::settings::Settings;
use crate::shape::{self, ShapeRules};

/// A captured table.
pub(crate) struct Captured {
    /// Name.
    pub name: TableName,
    /// Changes that committed before it are in the snapshot.
    pub hand_over: u64,
    /// Name as transactions' boundaries show it.
    pub collection: String,
    /// It is the signal table.
    pub is_signals: bool,
    /// How incremental snapshots find the row of a change.
    pub matching: Matching,
    /// A look at the catalog did not bring an enum label that a row had: it is gone again, and no look will.
    labels_are_gone: bool,
    skip_creates: bool,
    key: Vec<usize>,
    columns: usize,
    plan: Plan,
    plan_id: PlanId,
    topic: TopicHandle,
}

/// One change of a row, in cells that borrow from the network buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change<'a> {
    Read(&'a [Cell<'a>]),
    Insert(&'a [Cell<'a>]),
    Update(OldRow<'a>, &'a [Cell<'a>]),
    Delete(OldRow<'a>),
    Truncate,
}

impl Captured {
    /// Compiles the plan and opens the topic.
    pub fn open(
        settings: &Settings,
        writer: &mut dyn SourceWriter,
        schema: &TableSchema,
        hand_over: u64,
    ) -> Result<Captured, Problem> {
        Captured::compile(settings, writer, schema, hand_over, &settings.encode)
    }

    /// The same for the snapshot's rows, which strict compatibility gives the forms of the original's snapshot.
    pub fn open_for_snapshot(
        settings: &Settings,
        writer: &mut dyn SourceWriter,
        schema: &TableSchema,
        hand_over: u64,
    ) -> Result<Captured, Problem> {
        let options = EncodeOptions { jdbc_snapshot: settings.encode.strict, ..settings.encode.clone() };
        Captured::compile(settings, writer, schema, hand_over, &options)
    }

    fn compile(
        settings: &Settings,
        writer: &mut dyn SourceWriter,
        schema: &TableSchema,
        hand_over: u64,
        options: &EncodeOptions,
    ) -> Result<Captured, Problem> {
        if settings.encode.strict && shape::differ_by_case(schema) {
            return Err(Problem::stop(
                "COLUMNS_DIFFER_BY_CASE",
                format!("Table '{}' has columns that differ only by case.", schema.name),
                "Remove \"compatibility.mode\": \"strict\"; the original stops here.",
            ));
        }
        if let Some(pair) = shape::colliding(schema, &settings.encode) {
            return Err(shape::collision(schema, pair));
        }
        let topic = settings.naming.topic(&schema.name);
        let shape = if options.jdbc_snapshot {
            settings.shapes.shape(&ShapeRules::through_jdbc(schema.clone()), &settings.naming)
        } else {
            settings.shapes.shape(schema, &settings.naming)
        };
        let plan = Plan::shaped(schema, &shape, &topic, options);
        Ok(Captured {
            name: schema.name.clone(),
            hand_over,
            collection: schema.name.to_string(),
            is_signals: settings.signals.table.as_ref() == Some(&schema.name),
            matching: Matching::of(schema),
            labels_are_gone: false,
            skip_creates: options.skip_creates,
            key: schema.key.clone(),
            columns: schema.columns.len(),
            plan_id: writer.plan(&plan.descriptor())?,
            topic: writer.topic(&topic)?,
            plan,
        })
    }

    /// Whether a row has an enum label that the plan does not know, so that the table should be looked up again.
    pub fn is_stale(&self, change: Change<'_>) -> bool {
        match change {
            Change::Insert(row) | Change::Update(_, row) => !self.labels_are_gone && !self.plan.allows(row),
            Change::Read(_) | Change::Delete(_) | Change::Truncate => false,
        }
    }

    /// What [`Captured::is_stale`] says after a look: that another one is of no use.
    pub fn looked(&mut self, change: Change<'_>) {
        self.labels_are_gone = self.is_stale(change);
    }

    /// Writes the records of one change into the open transaction; gives their number.
    pub fn write(
        &mut self,
        writer: &mut dyn SourceWriter,
        context: &EventContext<'_>,
        change: Change<'_>,
    ) -> Result<u32, Problem> {
        self.check(change)?;
        let records = writer.records(self.topic, self.plan_id);
        records.prepare(self.plan.fragments());
        let written = match change {
            Change::Read(row) => self.plan.read(context, row, records),
            Change::Insert(row) => self.plan.insert(context, row, records),
            Change::Update(old, new) => self.plan.update(context, old, new, records),
            Change::Delete(old) => self.plan.delete(context, old, records),
            Change::Truncate => self.plan.truncate(context, records),
        };
        let written = written.map_err(|e| self.not_encodable(&e))?;
        writer.row_done()?;
        Ok(written)
    }

    /// How many events the records of a change are: a tombstone is none, a change of the key is a delete and a create,
    /// as far as they are not skipped.
    pub fn events(&self, change: Change<'_>, records: u32) -> u64 {
        match change {
            Change::Update(..) if records > 1 && !self.skip_creates => 2,
            _ => u64::from(records.min(1)),
        }
    }

    /// What of a change takes a row away from under its key: a delete, the first half of a change of the key, a truncate.
    pub fn removal<'a>(&self, change: Change<'a>) -> Option<Change<'a>> {
        match change {
            Change::Delete(_) | Change::Truncate => Some(change),
            Change::Update(old @ (OldRow::Key(before) | OldRow::Full(before)), after) => {
                let moved = |&at: &usize| match (before.get(at), after.get(at)) {
                    (_, Some(Cell::Unchanged)) => false,
                    (before, after) => before != after,
                };
                self.key.iter().any(moved).then_some(Change::Delete(old))
            }
            _ => None,
        }
    }

    /// Every row has the columns that were announced.
    fn check(&self, change: Change<'_>) -> Result<(), Problem> {
        let old_fits = |old: OldRow<'_>| match old {
            OldRow::None => true,
            OldRow::Key(cells) | OldRow::Full(cells) => cells.len() == self.columns,
        };
        let fits = match change {
            Change::Read(row) | Change::Insert(row) => row.len() == self.columns,
            Change::Update(old, new) => old_fits(old) && new.len() == self.columns,
            Change::Delete(old) => old_fits(old),
            Change::Truncate => true,
        };
        if fits {
            return Ok(());
        }
        let cause = format!("a row of {} does not have the columns that the server announced", self.name);
        Err(Problem::internal("ROW_SHAPE", cause))
    }

    fn not_encodable(&self, error: &EncodeError) -> Problem {
        Problem::stop(
            "VALUE_NOT_ENCODABLE",
            format!("a value of {} cannot be written as an event: {error}", self.name),
            format!("Follow the cause, or leave the table out: \"table.exclude.list\": \"{}\".", self.name),
        )
    }
}

/// The envelope's clock: nanoseconds since 1970.
pub(crate) fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
