//! The primitives of Kafka's messages, both ways, and the macro that makes a message of its fields.
//!
//! A message has versions. Up to some version its strings and arrays have lengths of fixed width; from there on it is
//! *flexible* (KIP-482): lengths are variable-length integers, and each structure ends with tagged fields, which whoever
//! does not know them skips. A field belongs to a range of versions ([`rules`]); in the others it has its default.
//!
//! Reading never panics, and takes little memory beyond the frame, whatever the frame claims: strings and arrays are
//! checked against the bytes that are there before anything is reserved, the elements of all arrays share an allowance
//! ([`DECODED_MAX_BYTES`](crate::limits::DECODED_MAX_BYTES)), and byte strings share the frame's memory. Nesting is that
//! of the types, so nothing from outside makes it deeper.

mod error;
mod fields;
pub(crate) mod message;
mod reader;
pub(crate) mod rules;
mod writer;

#[cfg(test)]
pub mod random;

pub use error::{Flaw, Malformed, Unencodable, Unfit};
pub use fields::{Records, Uuid};
pub use reader::Reader;
pub use writer::{Segments, Writer};

/// The version of a message, and what follows from it for every field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// As negotiated through `ApiVersions`.
    pub number: i16,
    /// Whether lengths are compact and tagged fields follow (KIP-482).
    pub flexible: bool,
}

/// What can be part of a message: primitives, arrays, structures, messages themselves.
pub trait Wire: Sized {
    /// The fewest bytes that it takes in any version: bounds what an array's count can be.
    const MIN_BYTES: usize;

    /// Takes it off the front of the reader.
    ///
    /// # Errors
    /// [`Malformed`] names the field and what is wrong with its bytes.
    fn read(reader: &mut Reader, version: Version) -> Result<Self, Malformed>;

    /// Appends it.
    ///
    /// # Errors
    /// [`Unencodable`] names the field that this version cannot express.
    fn write(&self, writer: &mut Writer, version: Version) -> Result<(), Unencodable>;

    /// Whether it is the null of a nullable type.
    fn is_null(&self) -> bool {
        false
    }

    /// Some value that this version can express.
    #[cfg(test)]
    fn random(source: &mut random::Source, version: Version) -> Self;
}
