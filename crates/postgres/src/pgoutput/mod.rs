//! The messages of PostgreSQL's `pgoutput` plugin, protocol version 1, text values.
//!
//! Decoding copies no value: cells borrow from the receive buffer. Layouts: PostgreSQL docs, Logical Replication
//! Message Formats.

mod cursor;

use tailwater_event::Cell;

use cursor::Cursor;

/// Microseconds from 1970 to PostgreSQL's epoch, 2000-01-01.
const EPOCH_US: i64 = 946_684_800_000_000;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A transaction starts; all its changes follow without a break.
    Begin {
        /// Start of the commit record.
        commit_lsn: u64,
        /// Microseconds since 1970.
        commit_time_us: i64,
        /// Transaction id.
        xid: u32,
    },
    /// The transaction is complete.
    Commit {
        /// Start of the commit record.
        commit_lsn: u64,
        /// End of the commit record: the position to acknowledge.
        end_lsn: u64,
        /// Microseconds since 1970.
        commit_time_us: i64,
    },
    /// The transaction was replicated to this server from another one.
    Origin {
        /// Commit position on the origin.
        lsn: u64,
        /// Its name.
        name: &'a str,
    },
    /// What the following changes of a table look like.
    Relation(Relation),
    /// A row was inserted; the cells are in [`Tuples::new`].
    Insert {
        /// Table.
        relation: u32,
    },
    /// A row was updated; the cells are in [`Tuples`].
    Update {
        /// Table.
        relation: u32,
        /// What [`Tuples::old`] holds.
        old: OldTuple,
    },
    /// A row was deleted; the cells are in [`Tuples::old`].
    Delete {
        /// Table.
        relation: u32,
        /// What [`Tuples::old`] holds.
        old: OldTuple,
    },
    /// Tables were emptied.
    Truncate {
        /// Tables, in the statement's order.
        relations: Vec<u32>,
    },
    /// A message of `pg_logical_emit_message`, when they are asked for.
    Logical(Logical<'a>),
    /// A type's name: nothing that changes a row.
    Ignored,
}

/// A logical message (PostgreSQL 14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logical<'a> {
    /// Whether it belongs to the open transaction; else it comes between transactions.
    pub transactional: bool,
    /// End of its log record.
    pub lsn: u64,
    /// Its prefix.
    pub prefix: &'a str,
    /// Its bytes.
    pub content: &'a [u8],
}

/// What an old tuple holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldTuple {
    /// Nothing was sent.
    None,
    /// Only the columns of the replica identity have values.
    Key,
    /// The whole row.
    Full,
}

/// A table as the stream describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// The table's oid.
    pub oid: u32,
    /// Schema; `pg_catalog` is sent as the empty text.
    pub schema: String,
    /// Table.
    pub table: String,
    /// `pg_class.relreplident`: `d`, `n`, `f` or `i`.
    pub replica_identity: u8,
    /// The columns that tuples carry, in their order.
    pub columns: Vec<RelationColumn>,
}

/// One column of a [`Relation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationColumn {
    /// Name.
    pub name: String,
    /// Whether it is part of the replica identity.
    pub in_identity: bool,
    /// Type.
    pub type_oid: u32,
    /// `pg_attribute.atttypmod`.
    pub type_modifier: i32,
}

/// The cells of one message; kept from message to message for its memory.
#[derive(Debug, Default)]
pub struct Tuples<'a> {
    /// The row before.
    pub old: Vec<Cell<'a>>,
    /// The row after.
    pub new: Vec<Cell<'a>>,
}

impl Tuples<'_> {
    /// The same memory, empty, for bytes of another lifetime.
    pub fn recycle<'b>(self) -> Tuples<'b> {
        Tuples { old: recycle(self.old), new: recycle(self.new) }
    }
}

/// Bytes that are no message of this protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The message ends early.
    #[error("the message is too short")]
    Short,
    /// Bytes are left over.
    #[error("the message is too long")]
    Long,
    /// A name is not UTF-8.
    #[error("a name is not UTF-8 text")]
    NotText,
    /// An unknown kind of message or of tuple.
    #[error("unknown message or tuple kind {0:#04x}")]
    UnknownKind(u8),
}

/// Decodes one message; the cells of its rows replace those in `tuples`.
pub fn decode<'a>(payload: &'a [u8], tuples: &mut Tuples<'a>) -> Result<Message<'a>, DecodeError> {
    let mut cursor = Cursor(payload);
    tuples.old.clear();
    tuples.new.clear();
    let message = match cursor.u8()? {
        b'I' => {
            let relation = cursor.u32()?;
            expect(cursor.u8()?, b'N')?;
            read_tuple(&mut cursor, &mut tuples.new)?;
            Message::Insert { relation }
        }
        b'U' => {
            let relation = cursor.u32()?;
            let mut kind = cursor.u8()?;
            let mut old = OldTuple::None;
            if kind != b'N' {
                old = old_tuple(kind)?;
                read_tuple(&mut cursor, &mut tuples.old)?;
                kind = cursor.u8()?;
            }
            expect(kind, b'N')?;
            read_tuple(&mut cursor, &mut tuples.new)?;
            Message::Update { relation, old }
        }
        b'D' => {
            let relation = cursor.u32()?;
            let old = old_tuple(cursor.u8()?)?;
            read_tuple(&mut cursor, &mut tuples.old)?;
            Message::Delete { relation, old }
        }
        b'B' => Message::Begin { commit_lsn: cursor.u64()?, commit_time_us: time(&mut cursor)?, xid: cursor.u32()? },
        b'C' => {
            cursor.u8()?;
            Message::Commit { commit_lsn: cursor.u64()?, end_lsn: cursor.u64()?, commit_time_us: time(&mut cursor)? }
        }
        b'R' => Message::Relation(relation(&mut cursor)?),
        b'T' => {
            let count = cursor.u32()?;
            cursor.u8()?;
            let mut relations = Vec::new();
            for _ in 0..count {
                relations.push(cursor.u32()?);
            }
            Message::Truncate { relations }
        }
        b'O' => Message::Origin { lsn: cursor.u64()?, name: cursor.text()? },
        b'M' => Message::Logical(Logical {
            transactional: cursor.u8()? & 1 != 0,
            lsn: cursor.u64()?,
            prefix: cursor.text()?,
            content: {
                let length = usize::try_from(cursor.u32()?).map_err(|_| DecodeError::Short)?;
                cursor.bytes(length)?
            },
        }),
        b'Y' => return Ok(Message::Ignored),
        kind => return Err(DecodeError::UnknownKind(kind)),
    };
    if cursor.0.is_empty() { Ok(message) } else { Err(DecodeError::Long) }
}

fn read_tuple<'a>(cursor: &mut Cursor<'a>, cells: &mut Vec<Cell<'a>>) -> Result<(), DecodeError> {
    let columns = cursor.u16()?;
    for _ in 0..columns {
        cells.push(match cursor.u8()? {
            b't' => {
                let length = usize::try_from(cursor.i32()?).map_err(|_| DecodeError::Short)?;
                Cell::Text(cursor.bytes(length)?)
            }
            b'n' => Cell::Null,
            b'u' => Cell::Unchanged,
            kind => return Err(DecodeError::UnknownKind(kind)),
        });
    }
    Ok(())
}

fn relation(cursor: &mut Cursor<'_>) -> Result<Relation, DecodeError> {
    let oid = cursor.u32()?;
    let schema = match cursor.text()? {
        "" => "pg_catalog",
        schema => schema,
    };
    let (table, replica_identity) = (cursor.text()?.to_owned(), cursor.u8()?);
    let count = cursor.u16()?;
    let mut columns = Vec::new();
    for _ in 0..count {
        columns.push(RelationColumn {
            in_identity: cursor.u8()? & 1 != 0,
            name: cursor.text()?.to_owned(),
            type_oid: cursor.u32()?,
            type_modifier: cursor.i32()?,
        });
    }
    Ok(Relation { oid, schema: schema.to_owned(), table, replica_identity, columns })
}

fn old_tuple(kind: u8) -> Result<OldTuple, DecodeError> {
    match kind {
        b'K' => Ok(OldTuple::Key),
        b'O' => Ok(OldTuple::Full),
        kind => Err(DecodeError::UnknownKind(kind)),
    }
}

fn expect(kind: u8, wanted: u8) -> Result<(), DecodeError> {
    if kind == wanted { Ok(()) } else { Err(DecodeError::UnknownKind(kind)) }
}

fn time(cursor: &mut Cursor<'_>) -> Result<i64, DecodeError> {
    Ok(cursor.i64()?.saturating_add(EPOCH_US))
}

/// Collecting an emptied vector of the same layout keeps its memory.
pub(crate) fn recycle<'b>(mut cells: Vec<Cell<'_>>) -> Vec<Cell<'b>> {
    cells.clear();
    cells.into_iter().map(|_| Cell::Null).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As PostgreSQL 15 sends changes of `t(id int primary key, v text)`.
    const INSERT: &[u8] = b"I\0\0\x40\x01N\0\x02t\0\0\0\x011t\0\0\0\x01a";
    const UPDATE_FULL: &[u8] = b"U\0\0\x40\x01O\0\x02t\0\0\0\x011nN\0\x02t\0\0\0\x011u";
    const DELETE_KEY: &[u8] = b"D\0\0\x40\x01K\0\x02t\0\0\0\x011n";

    #[test]
    fn rows_borrow_their_cells_and_keep_the_three_states_apart() {
        let mut tuples = Tuples::default();
        assert_eq!(decode(INSERT, &mut tuples), Ok(Message::Insert { relation: 0x4001 }));
        assert_eq!(tuples.new, [Cell::Text(b"1"), Cell::Text(b"a")]);
        assert_eq!(decode(UPDATE_FULL, &mut tuples), Ok(Message::Update { relation: 0x4001, old: OldTuple::Full }));
        assert_eq!(tuples.old, [Cell::Text(b"1"), Cell::Null]);
        assert_eq!(tuples.new, [Cell::Text(b"1"), Cell::Unchanged]);
        assert_eq!(decode(DELETE_KEY, &mut tuples), Ok(Message::Delete { relation: 0x4001, old: OldTuple::Key }));
        assert_eq!(tuples.old, [Cell::Text(b"1"), Cell::Null]);
        assert!(tuples.new.is_empty());
    }

    #[test]
    fn a_logical_message_borrows_its_content() {
        let bytes = b"M\x01\0\0\0\0\0\0\0\x09pfx\0\0\0\0\x02hi";
        let logical = Logical { transactional: true, lsn: 9, prefix: "pfx", content: b"hi" };
        assert_eq!(decode(bytes, &mut Tuples::default()), Ok(Message::Logical(logical)));
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end], &mut Tuples::default()).is_err(), "{end}");
        }
    }

    #[test]
    fn commit_times_count_from_1970() {
        let mut bytes = vec![b'B'];
        bytes.extend(7u64.to_be_bytes());
        bytes.extend(1i64.to_be_bytes());
        bytes.extend(9u32.to_be_bytes());
        let expected = Message::Begin { commit_lsn: 7, commit_time_us: EPOCH_US + 1, xid: 9 };
        assert_eq!(decode(&bytes, &mut Tuples::default()), Ok(expected));
    }

    #[test]
    fn a_message_cut_anywhere_is_an_error() {
        for message in [INSERT, UPDATE_FULL, DELETE_KEY] {
            for end in 0..message.len() {
                assert!(decode(&message[..end], &mut Tuples::default()).is_err(), "{end}");
            }
            let longer = [message, b"x"].concat();
            assert_eq!(decode(&longer, &mut Tuples::default()), Err(DecodeError::Long));
        }
    }

    #[test]
    fn recycled_tuples_keep_their_memory() {
        let mut tuples = Tuples::default();
        decode(INSERT, &mut tuples).unwrap();
        let before = (tuples.new.capacity(), tuples.new.as_ptr().cast::<u8>());
        let after = tuples.recycle();
        assert_eq!((after.new.capacity(), after.new.as_ptr().cast::<u8>()), before);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            kind in proptest::sample::select(b"BCORYIUDTMX".to_vec()),
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let _ = decode(&[&[kind][..], &bytes].concat(), &mut Tuples::default());
        }

        #[test]
        fn a_flipped_byte_never_panics(at in 0usize..22, value: u8) {
            let mut bytes = UPDATE_FULL.to_vec();
            bytes[at] = value;
            let _ = decode(&bytes, &mut Tuples::default());
        }
    }
}
