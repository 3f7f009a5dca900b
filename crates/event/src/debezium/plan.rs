//! Encode plans: what is constant is compiled once, what varies is formatted per event.

use crate::{Cell, Fragments, OldRow, RecordWriter, TableSchema};

use super::columns::{self, Image, Known, PlanColumn, PlanColumns};
use super::envelope::{Clock, Layout, Op, Rows};
use super::{EncodeOptions, TableShape, descriptor};

/// What differs from event to event besides the row.
#[derive(Clone, Copy, Debug)]
pub struct EventContext<'a> {
    /// `source.snapshot`.
    pub snapshot: SnapshotMarker,
    /// `source.ts_*`: commit time, or the database's clock at the table scan; microseconds since 1970.
    pub source_time_us: i64,
    /// First part of `source.sequence`: end LSN of the last commit processed in this run.
    pub last_commit: Option<u64>,
    /// `source.lsn` and the second part of `source.sequence`; rows of an incremental snapshot show it only there.
    pub lsn: u64,
    /// `source.txId`.
    pub xid: Option<u32>,
    /// `source.origin` and `origin_lsn`.
    pub origin: Option<(&'a str, u64)>,
    /// `source.xmin`.
    pub xmin: Option<i64>,
    /// The envelope's `transaction`, where transactions' boundaries are written, too.
    pub transaction: Option<TransactionPlace>,
    /// Envelope `ts_*`: nanoseconds since 1970; also the record's timestamp.
    pub now_ns: i64,
}

/// An event's place in its transaction, both counted from 1. An event that becomes a delete and a create takes two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionPlace {
    /// Among all events of the transaction.
    pub total_order: u64,
    /// Among those of its table.
    pub collection_order: u64,
}

/// `source.snapshot`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotMarker {
    /// Streaming.
    False,
    /// First row of the snapshot.
    First,
    /// First row of a table.
    FirstInTable,
    /// A row between.
    True,
    /// Last row of a table.
    LastInTable,
    /// Last row of the snapshot.
    Last,
    /// A row of an incremental snapshot.
    Incremental,
}

/// A value that cannot be encoded; names the column, never the value. Nothing of the event has been written then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {reason}")]
pub struct EncodeError {
    /// Column name.
    pub column: String,
    /// What is wrong, without the value.
    pub reason: &'static str,
}

/// An encode plan: compiled once per (table schema, topic, options), then used for every row.
#[derive(Clone, Debug)]
pub struct Plan {
    columns: Vec<PlanColumn>,
    /// How many of `columns` rows have; the rest is for keys.
    row: usize,
    /// Indices into `columns`.
    key: Vec<usize>,
    layout: Layout,
    tombstones: bool,
    skip_creates: bool,
    skip_deletes: bool,
    skip_unchanged: bool,
    strict: bool,
    jdbc_snapshot: bool,
    /// Whether a column's schema lists the values it allows.
    has_labels: bool,
    descriptor: Vec<u8>,
    clock: Clock,
    new: Image,
    old: Image,
}

impl Plan {
    /// Compiles a plan of a table whose columns are not shaped.
    pub fn compile(schema: &TableSchema, topic: &str, options: &EncodeOptions) -> Plan {
        Plan::shaped(schema, &TableShape::default(), topic, options)
    }

    /// Compiles a plan.
    pub fn shaped(schema: &TableSchema, shape: &TableShape, topic: &str, options: &EncodeOptions) -> Plan {
        let columns = columns::compile(schema, shape, options);
        let layout = Layout::compile(schema, topic, &columns, shape.key_field.as_ref(), options);
        let PlanColumns { all, row, key, .. } = columns;
        Plan {
            layout,
            has_labels: !options.strict && all.iter().any(|column| column.codec.has_labels()),
            columns: all,
            row,
            key,
            tombstones: options.tombstones,
            skip_creates: options.skip_creates,
            skip_deletes: options.skip_deletes,
            skip_unchanged: options.skip_unchanged,
            strict: options.strict,
            jdbc_snapshot: options.jdbc_snapshot,
            descriptor: descriptor::write(schema, shape, topic, options),
            clock: Clock::default(),
            new: Image::default(),
            old: Image::default(),
        }
    }

    /// The repeating bytes, for [`RecordWriter::prepare`].
    pub fn fragments(&self) -> &Fragments {
        &self.layout.fragments
    }

    /// What [`Reader`](super::Reader) needs to read the records back: JSON of table and options.
    pub fn descriptor(&self) -> Vec<u8> {
        self.descriptor.clone()
    }

    /// Whether the plan's schemas allow the values of a new row. They do not when an enum got a label after its table
    /// was announced; then the table has to be looked up again. The original does not notice (strict compatibility).
    pub fn allows(&self, row: &[Cell<'_>]) -> bool {
        let allows = |column: &PlanColumn| match row.get(column.cell) {
            Some(Cell::Text(text)) => column.codec.allows(text),
            _ => true,
        };
        !self.has_labels || self.columns.iter().all(allows)
    }

    /// A snapshot row (`r`). Returns the number of records written, as all of these do.
    pub fn read(
        &mut self,
        event: &EventContext<'_>,
        row: &[Cell<'_>],
        writer: &mut dyn RecordWriter,
    ) -> Result<u32, EncodeError> {
        let known = if self.jdbc_snapshot { Known::Selected } else { Known::All };
        self.new.fill(&self.columns, row, known, None, self.strict)?;
        self.write_new(Op::Read, false, event, writer);
        Ok(1)
    }

    /// An insert (`c`).
    pub fn insert(
        &mut self,
        event: &EventContext<'_>,
        new: &[Cell<'_>],
        writer: &mut dyn RecordWriter,
    ) -> Result<u32, EncodeError> {
        self.new.fill(&self.columns, new, Known::All, None, self.strict)?;
        self.write_new(Op::Create, false, event, writer);
        Ok(1)
    }

    /// An update (`u`); a change of the key becomes delete, tombstone and create. No record where nothing that
    /// events show has changed and `skip.messages.without.change` is on.
    pub fn update(
        &mut self,
        event: &EventContext<'_>,
        old: OldRow<'_>,
        new: &[Cell<'_>],
        writer: &mut dyn RecordWriter,
    ) -> Result<u32, EncodeError> {
        let old = match old {
            OldRow::None => None,
            OldRow::Key(row) => Some((row, Known::Identity)),
            OldRow::Full(row) => Some((row, Known::All)),
        };
        self.new.fill(&self.columns, new, Known::All, old, self.strict)?;
        if let Some((row, known)) = old {
            self.old.fill(&self.columns, row, known, None, self.strict)?;
            if self.key_changed() {
                return Ok(self.write_moved(event, writer));
            }
            if self.skip_unchanged && known == Known::All && self.looks_the_same() {
                return Ok(0);
            }
        }
        writer.begin(millis(event));
        self.layout.write_key(&self.key, &self.columns, &self.new, writer);
        let rows = Rows { before: old.map(|_| &self.old), after: Some(&self.new) };
        self.layout.write_value(Op::Update, &self.columns, rows, &mut self.clock, event, writer);
        self.layout.write_headers(writer);
        writer.end();
        self.trim();
        Ok(1)
    }

    /// A delete (`d`) and its tombstone.
    pub fn delete(
        &mut self,
        event: &EventContext<'_>,
        old: OldRow<'_>,
        writer: &mut dyn RecordWriter,
    ) -> Result<u32, EncodeError> {
        let (row, known) = match old {
            OldRow::Key(row) => (row, Known::Identity),
            OldRow::Full(row) => (row, Known::All),
            OldRow::None => {
                return Err(EncodeError { column: "(row)".into(), reason: "a delete came without its old row" });
            }
        };
        self.old.fill(&self.columns, row, known, None, self.strict)?;
        let written = self.write_delete(false, event, writer);
        self.trim();
        Ok(written)
    }

    /// A truncate (`t`).
    pub fn truncate(&mut self, event: &EventContext<'_>, writer: &mut dyn RecordWriter) -> Result<u32, EncodeError> {
        writer.begin(millis(event));
        self.layout.write_value(Op::Truncate, &self.columns, Rows::default(), &mut self.clock, event, writer);
        self.layout.write_headers(writer);
        writer.end();
        Ok(1)
    }

    fn trim(&mut self) {
        self.new.trim();
        self.old.trim();
    }

    /// Whether old and new row have different keys, as far as the old one is known. The original also takes the
    /// fallback of an unknown value for a value.
    fn key_changed(&self) -> bool {
        self.key.iter().any(|&at| {
            self.columns.get(at).is_some_and(|column| {
                (self.strict || !self.old.is_unknown(at)) && !self.old.same_key_value(&self.new, at, column)
            })
        })
    }

    /// Whether old and new row have the same values in events.
    fn looks_the_same(&self) -> bool {
        let row = self.columns.iter().take(self.row).enumerate();
        row.into_iter().all(|(at, column)| self.old.same_value(&self.new, at, column))
    }

    /// Writes a change of the key: what `skipped.operations` leaves of delete, tombstone and create.
    fn write_moved(&mut self, event: &EventContext<'_>, writer: &mut dyn RecordWriter) -> u32 {
        let deleted = if self.skip_deletes { 0 } else { self.write_delete(true, event, writer) };
        if self.skip_creates {
            self.trim();
            return deleted;
        }
        let transaction = if deleted > 0 { event.transaction.map(TransactionPlace::next) } else { event.transaction };
        self.write_new(Op::Create, true, &EventContext { transaction, ..*event }, writer);
        deleted + 1
    }

    /// Writes the new row under its key.
    fn write_new(&mut self, op: Op, key_changed: bool, event: &EventContext<'_>, writer: &mut dyn RecordWriter) {
        writer.begin(millis(event));
        self.layout.write_key(&self.key, &self.columns, &self.new, writer);
        let rows = Rows { before: None, after: Some(&self.new) };
        self.layout.write_value(op, &self.columns, rows, &mut self.clock, event, writer);
        if key_changed {
            self.layout.write_key_header("__debezium.oldkey", &self.key, &self.columns, &self.old, writer);
        }
        self.layout.write_headers(writer);
        writer.end();
        self.trim();
    }

    /// Writes the old row's delete and its tombstone under the old key; returns the number of records.
    fn write_delete(&mut self, key_changed: bool, event: &EventContext<'_>, writer: &mut dyn RecordWriter) -> u32 {
        for tombstone in [false, true] {
            if tombstone && !self.tombstones {
                return 1;
            }
            writer.begin(millis(event));
            self.layout.write_key(&self.key, &self.columns, &self.old, writer);
            if !tombstone {
                let rows = Rows { before: Some(&self.old), after: None };
                self.layout.write_value(Op::Delete, &self.columns, rows, &mut self.clock, event, writer);
            }
            if key_changed {
                self.layout.write_key_header("__debezium.newkey", &self.key, &self.columns, &self.new, writer);
            }
            self.layout.write_headers(writer);
            writer.end();
        }
        2
    }
}

impl TransactionPlace {
    /// The place of the event that follows in the same table.
    fn next(self) -> TransactionPlace {
        TransactionPlace { total_order: self.total_order + 1, collection_order: self.collection_order + 1 }
    }
}

fn millis(event: &EventContext<'_>) -> i64 {
    event.now_ns.div_euclid(1_000_000)
}
