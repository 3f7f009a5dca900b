//! Encode plans.

use crate::{Cell, Fragments, OldRow, RecordWriter, TableSchema};

use super::EncodeOptions;

/// What differs from event to event besides the row.
#[derive(Clone, Copy, Debug)]
pub struct EventContext<'a> {
    /// `source.snapshot`.
    pub snapshot: SnapshotMarker,
    /// `source.ts_*`: commit time, or the database's clock at the table scan; microseconds since 1970.
    pub source_time_us: i64,
    /// First part of `source.sequence`: end LSN of the last commit processed in this run.
    pub last_commit: Option<u64>,
    /// `source.lsn` and the second part of `source.sequence`.
    pub lsn: u64,
    /// `source.txId`.
    pub xid: Option<u32>,
    /// `source.origin` and `origin_lsn`.
    pub origin: Option<(&'a str, u64)>,
    /// Envelope `ts_*`: nanoseconds since 1970; also the record's timestamp.
    pub now_ns: i64,
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
}

/// A value that cannot be encoded; names the column, never the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {reason}")]
pub struct EncodeError {
    /// Column name.
    pub column: String,
    /// What is wrong, without the value.
    pub reason: &'static str,
}

/// An encode plan: compiled once per (table schema, topic, options), then used for every row.
pub struct Plan {}

impl Plan {
    /// Compiles a plan.
    pub fn compile(_schema: &TableSchema, _topic: &str, _options: &EncodeOptions) -> Plan {
        todo!()
    }

    /// The repeating bytes, for [`RecordWriter::prepare`].
    pub fn fragments(&self) -> &Fragments {
        todo!()
    }

    /// What [`Reader`](super::Reader) needs to read the records back: JSON of table and options.
    pub fn descriptor(&self) -> Vec<u8> {
        todo!()
    }

    /// A snapshot row (`r`). Returns the number of records written, as all of these do.
    pub fn read(
        &mut self,
        _: &EventContext<'_>,
        _row: &[Cell<'_>],
        _: &mut dyn RecordWriter,
    ) -> Result<u32, EncodeError> {
        todo!()
    }

    /// An insert (`c`).
    pub fn insert(
        &mut self,
        _: &EventContext<'_>,
        _new: &[Cell<'_>],
        _: &mut dyn RecordWriter,
    ) -> Result<u32, EncodeError> {
        todo!()
    }

    /// An update (`u`); a change of the key becomes delete, tombstone and create.
    pub fn update(
        &mut self,
        _: &EventContext<'_>,
        _old: OldRow<'_>,
        _new: &[Cell<'_>],
        _: &mut dyn RecordWriter,
    ) -> Result<u32, EncodeError> {
        todo!()
    }

    /// A delete (`d`) and its tombstone.
    pub fn delete(
        &mut self,
        _: &EventContext<'_>,
        _old: OldRow<'_>,
        _: &mut dyn RecordWriter,
    ) -> Result<u32, EncodeError> {
        todo!()
    }

    /// A truncate (`t`).
    pub fn truncate(&mut self, _: &EventContext<'_>, _: &mut dyn RecordWriter) -> Result<u32, EncodeError> {
        todo!()
    }
}
