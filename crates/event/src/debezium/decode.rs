//! From a record back to a change, through the descriptor of the plan that wrote it.

/// Bytes that the plan did not write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a record of this plan: {0}")]
pub struct DecodeError(pub String);

/// One column's value, read back. The states stay apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// SQL NULL.
    Null,
    /// Canonical text: as PostgreSQL writes it.
    Text(String),
    /// An unchanged TOAST value that was not sent.
    Unavailable,
    /// A column of an old row of which only the key was sent.
    Unknown,
}

/// A change, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// `c`, `u`, `d`, `r` or `t`.
    pub op: char,
    /// The row before, in the order of [`Reader::columns`].
    pub before: Option<Vec<Field>>,
    /// The row after.
    pub after: Option<Vec<Field>>,
    /// `source.ts_us`.
    pub source_time_us: i64,
}

/// Reads the records of one plan.
pub struct Reader {}

impl Reader {
    /// From [`Plan::descriptor`](super::Plan::descriptor).
    pub fn new(_descriptor: &[u8]) -> Result<Reader, DecodeError> {
        todo!()
    }

    /// `schema.table`.
    pub fn table(&self) -> &crate::TableName {
        todo!()
    }

    /// Column names, in table order (columns without event form are left out).
    pub fn columns(&self) -> &[String] {
        todo!()
    }

    /// Indices of the key's columns into [`Reader::columns`].
    pub fn key(&self) -> &[usize] {
        todo!()
    }

    /// Reads a value back. `None` for a tombstone.
    pub fn decode(&self, _value: Option<&[u8]>) -> Result<Option<Decoded>, DecodeError> {
        todo!()
    }
}
