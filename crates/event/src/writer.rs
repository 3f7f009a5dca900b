//! The door between an encode plan and whatever stores records.
//!
//! A plan knows which bytes repeat from event to event. It registers those once as [`Fragments`] and then names them;
//! only what varies crosses as bytes. A writer may copy fragments (plain batches) or point back at their last
//! occurrence (plan LZ4); the plan does not know which.

use std::sync::Arc;

/// A fragment's number, stable within one [`Fragments`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentId(pub u16);

/// A varying place's number, stable within one plan: the same slot of two events holds the same kind of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotId(pub u16);

/// The repeating byte strings of one plan.
#[derive(Clone, Debug, Default)]
pub struct Fragments(Arc<[Arc<[u8]>]>);

impl Fragments {
    /// From byte strings; the index is the [`FragmentId`].
    pub fn new(fragments: Vec<Vec<u8>>) -> Self {
        Fragments(fragments.into_iter().map(Arc::from).collect())
    }

    /// One fragment's bytes; empty for an id of another plan.
    pub fn get(&self, id: FragmentId) -> &[u8] {
        self.0.get(usize::from(id.0)).map_or(&[], |f| f)
    }

    /// All of them, in the order of their ids; equal registrations share one allocation.
    pub fn shared(&self) -> &Arc<[Arc<[u8]>]> {
        &self.0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both are the same registration.
    pub fn same(&self, other: &Fragments) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Pieces in a row that are mostly the same again in the next record: a writer may look at them as a whole first. Its
/// number is stable within one plan. A record has each passage at most once.
#[derive(Clone, Debug)]
pub struct Passage {
    id: u16,
    bytes: Vec<u8>,
    pieces: Vec<PassagePiece>,
}

/// A piece of a [`Passage`] and how many of its bytes it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassagePiece {
    /// Bytes that repeat.
    Fragment(FragmentId, usize),
    /// Bytes that vary.
    Literal(SlotId, usize),
}

impl Passage {
    /// An empty one.
    pub fn new(id: u16) -> Self {
        Passage { id, bytes: Vec::new(), pieces: Vec::new() }
    }

    /// Forgets its pieces.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.pieces.clear();
    }

    /// Adds bytes that repeat.
    pub fn fragment(&mut self, fragments: &Fragments, id: FragmentId) {
        let bytes = fragments.get(id);
        self.bytes.extend_from_slice(bytes);
        self.pieces.push(PassagePiece::Fragment(id, bytes.len()));
    }

    /// Adds bytes that vary.
    pub fn literal(&mut self, slot: SlotId, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.pieces.push(PassagePiece::Literal(slot, bytes.len()));
    }

    /// Its number.
    pub fn id(&self) -> u16 {
        self.id
    }

    /// What the pieces come to.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The pieces.
    pub fn pieces(&self) -> &[PassagePiece] {
        &self.pieces
    }
}

/// Takes records piece by piece. Per record: `begin`, then at most one `key`, at most one `value`, any number of
/// `header` (each of these followed by its pieces) or `null_header`, then `end`. Without `key` the key is null; without
/// `value` the value is null (a tombstone). A `header` without pieces has an empty value.
pub trait RecordWriter {
    /// Registers the fragments that the following records name. Cheap when they are already current.
    fn prepare(&mut self, fragments: &Fragments);
    /// Starts a record with its timestamp in milliseconds since 1970.
    fn begin(&mut self, timestamp_ms: i64);
    /// The pieces that follow belong to the key.
    fn key(&mut self);
    /// The pieces that follow belong to the value.
    fn value(&mut self);
    /// The pieces that follow belong to the value of this header.
    fn header(&mut self, name: &str);
    /// A header whose value is null. No pieces of it follow.
    fn null_header(&mut self, name: &str);
    /// Bytes that repeat.
    fn fragment(&mut self, id: FragmentId);
    /// Bytes that vary.
    fn literal(&mut self, slot: SlotId, bytes: &[u8]);
    /// Several pieces at once.
    fn passage(&mut self, passage: &Passage) {
        let mut rest = passage.bytes();
        for piece in passage.pieces() {
            let (PassagePiece::Fragment(_, length) | PassagePiece::Literal(_, length)) = *piece;
            let (bytes, behind) = rest.split_at_checked(length).unwrap_or_default();
            match *piece {
                PassagePiece::Fragment(id, _) => self.fragment(id),
                PassagePiece::Literal(slot, _) => self.literal(slot, bytes),
            }
            rest = behind;
        }
    }
    /// Ends the record.
    fn end(&mut self);
}
