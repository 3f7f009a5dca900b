//! Passages: pieces in a row that are mostly the same again in the next record, so that one comparison and one match do
//! for all of them. Where one differs its pieces are looked at singly, from where they were in the passage before.

use super::BuildError;
use super::lz4::Emitter;
use super::plan::Fragments;
use crate::limits::{PASSAGE_BYTES, PASSAGES};

/// A piece of a passage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A registered fragment.
    Fragment(u16),
    /// Bytes that vary, in this slot.
    Literal(u16),
}

/// The passages of one registration of fragments, as they were last. The [`Emitter`] knows where that was; what it knows
/// is of these bytes, always.
#[derive(Debug, Default)]
pub(super) struct Passages(Vec<Passage>);

#[derive(Debug, Default)]
struct Passage {
    bytes: Vec<u8>,
    pieces: Vec<(Piece, usize)>,
}

impl Passages {
    /// Other fragments are registered.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether the passage was the same last.
    #[inline]
    pub(super) fn is(&self, id: u16, bytes: &[u8]) -> bool {
        self.0.get(usize::from(id)).is_some_and(|known| known.bytes == bytes)
    }

    /// The passage's bytes.
    #[inline]
    pub(super) fn bytes(&self, id: u16) -> &[u8] {
        self.0.get(usize::from(id)).map_or(&[], |known| &known.bytes)
    }

    /// Whether such a passage is kept.
    pub(super) fn takes(id: u16, bytes: &[u8]) -> bool {
        usize::from(id) < PASSAGES && bytes.len() <= PASSAGE_BYTES
    }

    /// Another form of the passage. `first_slot` is the emitter's number of slot 0.
    pub(super) fn set(
        &mut self,
        id: u16,
        mut rest: &[u8],
        pieces: impl Iterator<Item = (Piece, usize)>,
        fragments: &Fragments,
        (out, first_slot): (&mut Emitter, usize),
    ) -> Result<(), BuildError> {
        let id = usize::from(id);
        if id >= self.0.len() {
            self.0.resize_with(id + 1, Passage::default);
        }
        let known = &mut self.0[id];
        if let Some(mut at) = out.forget_passage(id) {
            let mut rest = known.bytes.as_slice();
            for (piece, length) in &known.pieces {
                match *piece {
                    Piece::Fragment(id) => out.fragment_was(usize::from(id), at),
                    Piece::Literal(slot) => out.slot_was(first_slot + usize::from(slot), at, rest, *length),
                }
                at += *length as u32;
                rest = &rest[*length..];
            }
        }
        known.bytes.clear();
        known.pieces.clear();
        for (piece, length) in pieces {
            let (bytes, behind) = rest.split_at_checked(length).ok_or(BuildError::Order)?;
            let bytes = match piece {
                Piece::Fragment(id) => fragments.get(usize::from(id)).map_or(&[][..], |bytes| bytes),
                Piece::Literal(_) => bytes,
            };
            known.bytes.extend_from_slice(bytes);
            known.pieces.push((piece, bytes.len()));
            rest = behind;
        }
        Ok(())
    }

    /// Writes the passage: as one match, or piece by piece.
    #[inline]
    pub(super) fn emit(&self, id: u16, (out, first_slot): (&mut Emitter, usize)) {
        let Some(known) = self.0.get(usize::from(id)) else { return };
        if out.passage(usize::from(id), &known.bytes) {
            return;
        }
        let mut rest = known.bytes.as_slice();
        for (piece, length) in &known.pieces {
            let (bytes, behind) = rest.split_at(*length);
            match *piece {
                Piece::Fragment(id) => out.fragment(usize::from(id), bytes),
                Piece::Literal(slot) => out.slot(first_slot + usize::from(slot), rest, *length),
            }
            rest = behind;
        }
    }
}
