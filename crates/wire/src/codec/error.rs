//! What can be wrong with bytes, and with values.

/// Bytes that are not the message that they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{flaw} (byte {at}, field {field})")]
pub struct Malformed {
    /// Structure and field, as `FetchTopic.partitions`.
    pub field: &'static str,
    /// Position in the frame behind its length, where reading stopped.
    pub at: usize,
    /// What is wrong.
    pub flaw: Flaw,
}

/// What is wrong with bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// The frame ends inside a field.
    #[error("the message is cut short")]
    Short,
    /// A length below -1, or beyond the format's.
    #[error("a length is out of range")]
    Length,
    /// More elements than the rest of the frame can hold.
    #[error("an array claims {0} elements, more than the bytes that follow can hold")]
    Count(usize),
    /// Null where the field has none.
    #[error("a field that cannot be null is null")]
    Null,
    /// Not UTF-8.
    #[error("a string is not UTF-8")]
    Utf8,
    /// A variable-length integer of more than 32 bits.
    #[error("a variable-length integer is longer than its type")]
    Varint,
    /// A tagged field whose value is not as long as it says.
    #[error("tagged field {0} has another length than it says")]
    Tag(u32),
    /// Elements whose structures would take more memory than is allowed.
    #[error("the message has more elements than are allowed")]
    Memory,
}

impl Malformed {
    /// Names the field unless an inner one is named already.
    #[must_use]
    pub(crate) fn within(self, field: &'static str) -> Self {
        if self.field.is_empty() { Malformed { field, ..self } } else { self }
    }
}

/// A value that a version of the message cannot express.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} cannot be sent in version {version}: {unfit}")]
pub struct Unencodable {
    /// Structure and field, as `FetchTopic.partitions`.
    pub field: &'static str,
    /// The version asked for.
    pub version: i16,
    /// Why not.
    pub unfit: Unfit,
}

/// Why a version cannot express a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The version does not have the field, which is not at its default and matters.
    #[error("the version does not have this field")]
    Absent,
    /// Null only came with a later version.
    #[error("it cannot be null")]
    Null,
    /// Longer than the length in front of it can say.
    #[error("it is too long")]
    TooLong,
}

impl Unencodable {
    /// Names the field unless an inner one is named already.
    #[must_use]
    pub(crate) fn within(self, field: &'static str) -> Self {
        if self.field.is_empty() { Unencodable { field, ..self } } else { self }
    }
}
