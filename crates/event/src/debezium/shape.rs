//! What a connector's options do to the columns of one table: left out, masked, hashed, cut, described further.
//!
//! Patterns over names belong to the source; here is what they came to. Keys are never shaped: they carry the real
//! values, also of columns that rows leave out, as in the original.

use std::fmt;

use super::hash::Algorithm;

/// The shape of a table's events beyond their schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableShape {
    /// One entry per column of the table; columns beyond the end are not shaped.
    pub columns: Vec<ColumnShape>,
    /// A field with a constant text at the end of every key: which table a record of a shared topic comes from.
    pub key_field: Option<(String, String)>,
}

/// The shape of one column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnShape {
    /// Rows leave the column out.
    pub hidden: bool,
    /// What becomes of its values.
    pub masking: Option<Masking>,
    /// Parameters of its field schema, after those of the type.
    pub parameters: Vec<(String, String)>,
}

/// What becomes of a column's values in rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Masking {
    /// So many asterisks, also in place of NULL.
    Stars(usize),
    /// A digest in hexadecimal, cut to `length` characters.
    Hash {
        /// Salt and algorithm.
        hash: Hash,
        /// The column's declared length.
        length: usize,
    },
    /// At most so many characters of a text, or bytes of a binary value; other values stay.
    Truncate(usize),
}

/// A salted digest.
#[derive(Clone, PartialEq, Eq)]
pub struct Hash {
    /// The digest.
    pub algorithm: Algorithm,
    /// What is hashed.
    pub version: HashVersion,
    /// Hashed before the value. It stays in memory: a plan's descriptor does not carry it.
    pub salt: Vec<u8>,
}

/// The salt is left out.
impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({:?}, {:?})", self.algorithm, self.version)
    }
}

/// What of a value is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashVersion {
    /// The value as Java serialises a string.
    One,
    /// Its UTF-8 bytes.
    Two,
}

impl TableShape {
    /// The shape of one column.
    pub fn column(&self, at: usize) -> &ColumnShape {
        const PLAIN: &ColumnShape = &ColumnShape { hidden: false, masking: None, parameters: Vec::new() };
        self.columns.get(at).unwrap_or(PLAIN)
    }
}

impl ColumnShape {
    /// Which property loses values of the column; `None` when rows carry all of them.
    pub(super) fn loss(&self) -> Option<&'static str> {
        match &self.masking {
            _ if self.hidden => Some("column.include.list or column.exclude.list leaves it out"),
            Some(Masking::Stars(_)) => Some("column.mask.with.…chars hides its values"),
            Some(Masking::Hash { .. }) => Some("column.mask.hash.… hides its values"),
            Some(Masking::Truncate(_)) => Some("column.truncate.to.…chars cuts its values"),
            None => None,
        }
    }
}
