//! The record under work, as pieces: lengths come before bytes, so nothing is written before its end is known.

use std::ops::Deref;

use super::build::{BatchBuilder, BuildError};
use super::lz4::{Emitter, Tail};
use super::passage::{Passages, Piece as PassagePiece};
use super::plan::Fragments;
use crate::limits::SLOT_BYTES;
use crate::varint;

/// The record under work.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) part: Part,
    pub(super) timestamp: i64,
    pieces: Vec<Piece>,
    /// Bytes of its literals and header names, in order; behind them, once it is finished, padding for the [`Emitter`].
    bytes: Vec<u8>,
    /// Where they end.
    end: usize,
    /// Its plain bytes behind timestamp and offset, the open part's length left out.
    length: usize,
    /// The open part's length: where it stands among the pieces, and how much it is so far.
    open: usize,
    open_length: usize,
    /// The count of headers among the pieces, and the count.
    header_count: usize,
    headers: u32,
    passages: Passages,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Part {
    #[default]
    Outside,
    Begun,
    /// Behind a header whose value is null.
    NullHeader,
    Key,
    Value,
    Header,
}

/// What it consists of. Numbers of its own come when they are known.
#[derive(Clone, Copy, Debug)]
enum Piece {
    Fragment(u16),
    Passage(u16),
    /// Slot and length.
    Literal(u16, u32),
    /// Length of the key; -1: null. So with the value.
    Key(i32),
    Value(i32),
    HeaderCount(u32),
    /// Number of the header and length of its name.
    HeaderName(u16, u32),
    /// Number of the header and length of its value; -1: null.
    HeaderValue(u16, i32),
}

/// Most bytes of a record's length, attributes, timestamp and offset.
pub(super) const HEAD_BYTES: usize = 32;

/// Fields of a record that are not the plan's: a few bytes on the stack, padded for the [`Emitter`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Short {
    bytes: [u8; SLOT_BYTES],
    length: usize,
}

impl Short {
    /// What comes before the key of a record whose bytes from its key on have this length, with its timestamp and offset
    /// from the batch's.
    #[inline]
    pub(super) fn head(length: usize, timestamp: i64, offset: u32) -> Self {
        // Attributes: none are defined.
        let mut fields = [0; HEAD_BYTES];
        let time = varint::write(&mut fields[1..], timestamp);
        let width = 1 + time + varint::write(&mut fields[1 + time..], i64::from(offset));
        let mut bytes = [0; SLOT_BYTES];
        let at = varint::write(&mut bytes, (width + length) as i64);
        bytes[at..at + width].copy_from_slice(&fields[..width]);
        Short { bytes, length: at + width }
    }

    /// A number as records have it.
    #[inline]
    fn number(value: i64) -> Self {
        let mut bytes = [0; SLOT_BYTES];
        let length = varint::write(&mut bytes, value);
        Short { bytes, length }
    }

    /// Goes into a slot.
    #[inline]
    pub(super) fn emit(&self, slot: usize, out: &mut Emitter) {
        out.slot(slot, &self.bytes, self.length);
    }
}

impl Deref for Short {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Slots of a record's own fields; those of the plan follow behind the last.
pub(super) const HEAD_SLOT: usize = 0;
const KEY_SLOT: usize = 1;
const VALUE_SLOT: usize = 2;
const COUNT_SLOT: usize = 3;
const HEADERS_SLOT: usize = 4;
/// Headers with slots of their own; further ones share the last's.
const SLOTTED_HEADERS: usize = 8;
const PLAN_SLOT: usize = HEADERS_SLOT + 3 * SLOTTED_HEADERS;

impl Draft {
    /// Starts a record.
    pub(super) fn begin(&mut self, timestamp: i64) {
        self.clear();
        (self.part, self.timestamp) = (Part::Begun, timestamp);
    }

    /// Leaves the timestamp.
    pub(super) fn clear(&mut self) {
        self.part = Part::Outside;
        self.pieces.clear();
        self.bytes.clear();
        self.length = 0;
        self.headers = 0;
    }

    /// Opens the key.
    #[inline]
    pub(super) fn key(&mut self) {
        self.open_part(Part::Key, Piece::Key(0));
    }

    /// Opens the value, behind the key or a null one.
    #[inline]
    pub(super) fn value(&mut self) {
        match self.part {
            Part::Key => self.close_part(),
            _ => self.put_null(Piece::Key(-1)),
        }
        self.open_part(Part::Value, Piece::Value(0));
    }

    /// Adds a fragment of this length.
    #[inline]
    pub(super) fn fragment(&mut self, id: u16, length: usize) {
        self.open_length += length;
        self.pieces.push(Piece::Fragment(id));
    }

    /// Other fragments are registered.
    pub(super) fn forget_passages(&mut self) {
        self.passages.clear();
    }

    /// Adds a passage that is the same as it was last; says whether it is.
    #[inline]
    pub(super) fn same_passage(&mut self, id: u16, bytes: &[u8]) -> bool {
        let same = self.passages.is(id, bytes);
        if same {
            self.open_length += bytes.len();
            self.pieces.push(Piece::Passage(id));
        }
        same
    }

    /// Adds a passage that is another one than last; says whether it can be kept.
    pub(super) fn new_passage(
        &mut self,
        id: u16,
        bytes: &[u8],
        pieces: impl Iterator<Item = (PassagePiece, usize)>,
        fragments: &Fragments,
        out: &mut Emitter,
    ) -> Result<bool, BuildError> {
        let is_used = self.pieces.iter().any(|piece| matches!(piece, Piece::Passage(used) if *used == id));
        if is_used || !Passages::takes(id, bytes) {
            return Ok(false);
        }
        self.passages.set(id, bytes, pieces, fragments, (out, PLAN_SLOT))?;
        self.open_length += self.passages.bytes(id).len();
        self.pieces.push(Piece::Passage(id));
        Ok(true)
    }

    /// Adds what stands in a slot.
    #[inline]
    pub(super) fn literal(&mut self, slot: u16, bytes: &[u8]) {
        self.open_length += bytes.len();
        self.pieces.push(Piece::Literal(slot, bytes.len() as u32));
        self.bytes.extend_from_slice(bytes);
    }

    /// Bytes that are kept.
    pub(super) fn kept(&self) -> usize {
        self.bytes.len()
    }

    /// Opens a part with the field that stands for its length.
    fn open_part(&mut self, part: Part, length: Piece) {
        self.part = part;
        self.open = self.pieces.len();
        self.open_length = 0;
        self.pieces.push(length);
    }

    /// Fills in the open part's length.
    fn close_part(&mut self) {
        let length = i32::try_from(self.open_length).unwrap_or(i32::MAX);
        if let Some(Piece::Key(open) | Piece::Value(open) | Piece::HeaderValue(_, open)) =
            self.pieces.get_mut(self.open)
        {
            *open = length;
        }
        self.length += varint::length(i64::from(length)) + self.open_length;
    }

    fn put_null(&mut self, piece: Piece) {
        self.pieces.push(piece);
        self.length += 1;
    }

    /// Closes key and value, whichever is open or missing.
    fn close_value(&mut self) {
        match self.part {
            Part::Begun => {
                self.put_null(Piece::Key(-1));
                self.put_null(Piece::Value(-1));
            }
            Part::Key => {
                self.close_part();
                self.put_null(Piece::Value(-1));
            }
            Part::NullHeader => {}
            _ => self.close_part(),
        }
    }

    /// Opens the value of a header.
    pub(super) fn header(&mut self, name: &str) {
        let number = self.begin_header(name);
        self.open_part(Part::Header, Piece::HeaderValue(number, 0));
    }

    /// Adds a header whose value is null.
    pub(super) fn null_header(&mut self, name: &str) {
        let number = self.begin_header(name);
        self.put_null(Piece::HeaderValue(number, -1));
        self.part = Part::NullHeader;
    }

    /// The name of a header; returns its number.
    fn begin_header(&mut self, name: &str) -> u16 {
        self.close_value();
        if !matches!(self.part, Part::Header | Part::NullHeader) {
            self.header_count = self.pieces.len();
            self.pieces.push(Piece::HeaderCount(0));
        }
        // Further headers share the slots of the last that has its own.
        let number = self.headers.min(SLOTTED_HEADERS as u32 - 1) as u16;
        self.headers += 1;
        self.pieces.push(Piece::HeaderName(number, name.len() as u32));
        self.bytes.extend_from_slice(name.as_bytes());
        self.length += varint::length(name.len() as i64) + name.len();
        number
    }

    /// Closes what is open; returns the record's length from its key on.
    pub(super) fn finish(&mut self) -> usize {
        self.close_value();
        if !matches!(self.part, Part::Header | Part::NullHeader) {
            self.header_count = self.pieces.len();
            self.pieces.push(Piece::HeaderCount(0));
        }
        if let Some(Piece::HeaderCount(count)) = self.pieces.get_mut(self.header_count) {
            *count = self.headers;
        }
        self.part = Part::Outside;
        self.end = self.bytes.len();
        self.bytes.resize(self.end + SLOT_BYTES, 0);
        self.length + varint::length(i64::from(self.headers))
    }

    /// Writes the pieces behind the record's head, once it is finished.
    #[inline]
    pub(super) fn emit(&self, fragments: &Fragments, out: &mut Emitter) {
        let mut rest = self.bytes.as_slice();
        let mut take = |slot: usize, length: u32, out: &mut Emitter| {
            out.slot(slot, rest, length as usize);
            rest = &rest[length as usize..];
        };
        for piece in &self.pieces {
            match *piece {
                Piece::Fragment(id) => {
                    if let Some(bytes) = fragments.get(usize::from(id)) {
                        out.fragment(usize::from(id), bytes);
                    }
                }
                Piece::Passage(id) => self.passages.emit(id, (out, PLAN_SLOT)),
                Piece::Literal(slot, length) => take(PLAN_SLOT + usize::from(slot), length, out),
                Piece::Key(length) => Short::number(length.into()).emit(KEY_SLOT, out),
                Piece::Value(length) => Short::number(length.into()).emit(VALUE_SLOT, out),
                Piece::HeaderCount(count) => Short::number(count.into()).emit(COUNT_SLOT, out),
                Piece::HeaderName(header, length) => {
                    let slot = HEADERS_SLOT + 3 * usize::from(header);
                    Short::number(length.into()).emit(slot, out);
                    take(slot + 1, length, out);
                }
                Piece::HeaderValue(header, length) => {
                    Short::number(length.into()).emit(HEADERS_SLOT + 3 * usize::from(header) + 2, out);
                }
            }
        }
    }

    /// Puts the pieces of a finished record before a tail, until it is full.
    pub(super) fn tail(&self, fragments: &Fragments, mut tail: Tail) -> Tail {
        let mut end = self.end;
        let mut take = |length: u32| {
            end -= length as usize;
            &self.bytes[end..end + length as usize]
        };
        for piece in self.pieces.iter().rev() {
            tail = match *piece {
                _ if tail.is_full() => return tail,
                Piece::Fragment(id) => tail.before(fragments.get(usize::from(id)).map_or(&[], |bytes| bytes)),
                Piece::Passage(id) => tail.before(self.passages.bytes(id)),
                Piece::Literal(_, length) => tail.before(take(length)),
                Piece::HeaderName(_, length) => tail.before(take(length)).before(&Short::number(length.into())),
                Piece::HeaderCount(count) => tail.before(&Short::number(count.into())),
                Piece::Key(length) | Piece::Value(length) | Piece::HeaderValue(_, length) => {
                    tail.before(&Short::number(length.into()))
                }
            };
        }
        tail
    }

    /// Writes the record as far as it is into a plain batch.
    pub(super) fn replay(&self, fragments: &Fragments, out: &mut BatchBuilder) {
        if self.pieces.is_empty() && self.part == Part::Outside {
            return;
        }
        out.begin(self.timestamp);
        let mut at = 0;
        let mut name = "";
        let mut take = |length: u32| {
            at += length as usize;
            &self.bytes[at - length as usize..at]
        };
        for piece in &self.pieces {
            match *piece {
                Piece::Fragment(id) => out.push(fragments.get(usize::from(id)).map_or(&[], |bytes| bytes)),
                Piece::Passage(id) => out.push(self.passages.bytes(id)),
                Piece::Literal(_, length) => out.push(take(length)),
                Piece::Key(-1) | Piece::Value(-1) | Piece::HeaderCount(_) => {}
                Piece::Key(_) => out.key(),
                Piece::Value(_) => out.value(),
                // It was a `str`.
                Piece::HeaderName(_, length) => name = std::str::from_utf8(take(length)).unwrap_or_default(),
                Piece::HeaderValue(_, -1) => out.null_header(name),
                Piece::HeaderValue(..) => out.header(name),
            }
        }
    }
}
