//! Writing batches from the pieces of an encode plan: compressed where that is smaller, plain elsewhere.
//!
//! A record's pieces are kept until its end, when its lengths are known; then they go to the [`Emitter`] in one pass. A
//! batch becomes plain, and stays so until it is finished, when a record is too large to be kept in pieces, or when the
//! compressed form turns out not to be smaller.

use std::ops::Deref;
use std::sync::Arc;

use super::build::{self, BatchBuilder, BuildError, Finished};
use super::lz4::{self, Emitter, Snapshot, Tail};
use super::{HEADER_BYTES, LZ4};
use crate::limits::{COMPRESSED_PLAIN_BYTES, FIRST_BYTES, PIECED_RECORD_BYTES};
use crate::varint;

/// Byte strings that repeat from record to record, by number.
pub type Fragments = Arc<[Arc<[u8]>]>;

/// Builds one batch after another from records in pieces.
#[derive(Debug)]
pub struct PlanBuilder {
    fragments: Fragments,
    draft: Draft,
    compressed: Emitter,
    /// The batch instead of `compressed`, once `is_plain`.
    plain: BatchBuilder,
    is_plain: bool,
    records: u32,
    base_timestamp: i64,
    max_timestamp: i64,
    /// Size of the last batch whose buffer was given away: what to reserve for the next.
    expected: usize,
    fault: Option<BuildError>,
}

/// A state of a builder to go back to.
#[derive(Clone, Copy, Debug)]
pub struct PlanMark {
    records: u32,
    max_timestamp: i64,
    plain: usize,
    compressed: Snapshot,
}

/// The record under work.
#[derive(Debug, Default)]
struct Draft {
    part: Part,
    timestamp: i64,
    pieces: Vec<Piece>,
    /// Bytes of its literals and header names, in order.
    bytes: Vec<u8>,
    /// Its plain bytes behind timestamp and offset, the open part's length left out.
    length: usize,
    /// The open part's length: where it stands among the pieces, and how much it is so far.
    open: usize,
    open_length: usize,
    /// The count of headers among the pieces, and the count.
    header_count: usize,
    headers: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Outside,
    Begun,
    Key,
    Value,
    Header,
}

#[derive(Clone, Copy, Debug)]
enum Piece {
    Fragment(u16),
    /// Slot and length.
    Literal(u16, u32),
    /// Length of the key; -1: null. So with the value.
    Key(i32),
    Value(i32),
    HeaderCount(u32),
    /// Number of the header and length of its name.
    HeaderName(u16, u32),
    /// Number of the header and length of its value.
    HeaderValue(u16, i32),
}

/// Most bytes of a record's length, attributes, timestamp and offset.
const HEAD_BYTES: usize = 32;

/// What comes before a record's key.
type Head = Short<HEAD_BYTES>;
/// A number as records have it.
type Number = Short<10>;

/// A few bytes on the stack.
#[derive(Clone, Copy, Debug)]
struct Short<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl Number {
    #[inline]
    fn of(value: i64) -> Self {
        let mut bytes = [0; 10];
        let length = varint::write(&mut bytes, value);
        Short { bytes, length }
    }
}

impl<const N: usize> Deref for Short<N> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Slots of a record's own fields; those of the plan follow behind the last.
const HEAD_SLOT: usize = 0;
const KEY_SLOT: usize = 1;
const VALUE_SLOT: usize = 2;
const COUNT_SLOT: usize = 3;
const HEADERS_SLOT: usize = 4;
/// Headers with slots of their own; further ones share the last's.
const SLOTTED_HEADERS: usize = 8;
const PLAN_SLOT: usize = HEADERS_SLOT + 3 * SLOTTED_HEADERS;

impl Default for PlanBuilder {
    fn default() -> Self {
        PlanBuilder {
            fragments: Arc::new([]),
            draft: Draft::default(),
            compressed: Emitter::default(),
            plain: BatchBuilder::default(),
            is_plain: false,
            records: 0,
            base_timestamp: 0,
            max_timestamp: 0,
            expected: 0,
            fault: None,
        }
    }
}

impl PlanBuilder {
    /// Registers the fragments that following records name. Cheap when they are those of before. Not inside a record.
    #[inline]
    pub fn prepare(&mut self, fragments: &Fragments) {
        if !Arc::ptr_eq(&self.fragments, fragments) {
            self.fragments = fragments.clone();
            self.compressed.forget_fragments(fragments.len());
        }
    }

    /// Starts a record; timestamp in milliseconds since 1970. Parts follow in the order key, value, headers; then
    /// [`end`](Self::end).
    #[inline]
    pub fn begin(&mut self, timestamp: i64) {
        if self.is_plain {
            self.draft.timestamp = timestamp;
            return self.plain.begin(timestamp);
        }
        if self.draft.part != Part::Outside {
            self.fault = Some(BuildError::Order);
            return;
        }
        self.draft.begin(timestamp);
    }

    /// The pieces that follow are the key. Without it the key is null.
    #[inline]
    pub fn key(&mut self) {
        if self.is_plain {
            return self.plain.key();
        }
        if self.draft.part != Part::Begun {
            self.fault = Some(BuildError::Order);
            return;
        }
        self.draft.open_part(Part::Key, Piece::Key(0));
    }

    /// The pieces that follow are the value. Without it the value is null: a tombstone.
    #[inline]
    pub fn value(&mut self) {
        if self.is_plain {
            return self.plain.value();
        }
        match self.draft.part {
            Part::Begun => self.draft.put_null(Piece::Key(-1)),
            Part::Key => self.draft.close_part(),
            _ => {
                self.fault = Some(BuildError::Order);
                return;
            }
        }
        self.draft.open_part(Part::Value, Piece::Value(0));
    }

    /// The pieces that follow are the value of this header.
    pub fn header(&mut self, name: &str) {
        if self.is_plain {
            return self.plain.header(name);
        }
        if self.draft.part == Part::Outside {
            self.fault = Some(BuildError::Order);
            return;
        }
        self.draft.header(name);
    }

    /// A piece of the current part: a fragment. One that is not registered is empty.
    #[inline]
    pub fn fragment(&mut self, id: u16) {
        let bytes: &[u8] = self.fragments.get(usize::from(id)).map_or(&[], |bytes| bytes);
        if self.is_plain {
            return self.plain.push(bytes);
        }
        if matches!(self.draft.part, Part::Outside | Part::Begun) {
            self.fault = Some(BuildError::Order);
            return;
        }
        self.draft.open_length += bytes.len();
        self.draft.pieces.push(Piece::Fragment(id));
    }

    /// A piece of the current part: bytes that vary, in a place whose bytes in the record before are often similar.
    #[inline]
    pub fn literal(&mut self, slot: u16, bytes: &[u8]) {
        if self.is_plain {
            return self.plain.push(bytes);
        }
        if matches!(self.draft.part, Part::Outside | Part::Begun) {
            self.fault = Some(BuildError::Order);
        }
        if self.fault.is_some() {
            return;
        }
        if self.draft.bytes.len() + bytes.len() > PIECED_RECORD_BYTES {
            self.go_plain();
            return self.plain.push(bytes);
        }
        self.draft.open_length += bytes.len();
        self.draft.pieces.push(Piece::Literal(slot, bytes.len() as u32));
        self.draft.bytes.extend_from_slice(bytes);
    }

    /// Ends the record. After an error the batch is as it was before the record.
    #[inline]
    pub fn end(&mut self) -> Result<(), BuildError> {
        if !self.is_plain {
            let outside = (self.draft.part == Part::Outside).then_some(BuildError::Order);
            if let Some(fault) = self.fault.take().or(outside) {
                self.draft.clear();
                return Err(fault);
            }
            let length = self.draft.finish();
            if self.takes(length) {
                let head = self.emit_head(self.draft.timestamp, length);
                self.draft.emit(&self.fragments, &mut self.compressed);
                self.compressed.end(self.draft.tail(&self.fragments, Tail::default()).before(&head));
                self.count(self.draft.timestamp);
                self.draft.clear();
                return Ok(());
            }
            self.go_plain();
        }
        self.plain.end()?;
        self.count(self.draft.timestamp);
        Ok(())
    }

    /// How many records are complete.
    pub fn records(&self) -> u32 {
        self.records
    }

    /// Bytes of the batch if it were finished now, or a few more; 0 when there is no record.
    pub fn len(&self) -> usize {
        match self.records {
            0 => 0,
            _ if self.is_plain => self.plain.len(),
            _ => self.compressed.length(),
        }
    }

    /// Whether no record is complete.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Bytes of the records so far, uncompressed. Not inside a record.
    pub fn plain_len(&self) -> usize {
        if self.is_plain { self.plain.plain().len() } else { self.compressed.plain_length() }
    }

    /// The state between two records, to go back to.
    pub fn mark(&self) -> PlanMark {
        PlanMark {
            records: self.records,
            max_timestamp: self.max_timestamp,
            plain: self.plain_len(),
            compressed: self.compressed.snapshot(),
        }
    }

    /// Forgets the records since the mark, which must be of the batch under work.
    pub fn truncate(&mut self, mark: PlanMark) {
        self.draft.clear();
        self.fault = None;
        self.records = mark.records;
        self.max_timestamp = mark.max_timestamp;
        if self.is_plain {
            self.plain.truncate(BatchBuilder::mark_at(mark.plain, mark.records, mark.max_timestamp));
        }
        if mark.records == 0 {
            self.clear();
        } else if !self.is_plain {
            self.compressed.restore(&mark.compressed);
        }
    }

    /// Moves the records since the mark to the end of another batch. Must not be called inside a record.
    pub fn split_off(&mut self, mark: PlanMark, into: &mut PlanBuilder) {
        if mark.records == 0 && into.records == 0 {
            std::mem::swap(self, into);
            return;
        }
        into.prepare(&self.fragments);
        if mark.records == self.records {
            return;
        }
        let decoded;
        let plain = if self.is_plain {
            self.plain.plain()
        } else {
            decoded = decode(&mut self.compressed);
            &decoded
        };
        for (timestamp, rest) in build::records_of(plain, mark.plain, self.base_timestamp) {
            into.append(timestamp, rest);
        }
        self.truncate(mark);
    }

    /// Completes the batch and starts the next; `None` when it has no record.
    pub fn finish(&mut self) -> Option<Finished> {
        self.draft.clear();
        self.fault = None;
        if self.records == 0 {
            self.plain.truncate(BatchBuilder::mark_at(0, 0, 0));
            self.clear();
            return None;
        }
        if !self.is_plain && self.compressed.length() >= HEADER_BYTES + self.compressed.plain_length() {
            self.go_plain();
        }
        let done = if self.is_plain {
            self.plain.finish()
        } else {
            let bytes = self.compressed.finish();
            build::write_header(bytes, self.records, (self.base_timestamp, self.max_timestamp), LZ4);
            let bytes = build::give_away(bytes, &mut self.expected);
            let (records, max_timestamp) = (self.records, self.max_timestamp);
            Some(Finished { bytes, records, max_timestamp, compressed: true })
        };
        self.records = 0;
        self.clear();
        done
    }

    /// Adds a record whose bytes from its key on are known.
    fn append(&mut self, timestamp: i64, rest: &[u8]) {
        if !self.is_plain && !self.takes(rest.len()) {
            self.go_plain();
        }
        if self.is_plain {
            self.plain.append(timestamp, rest);
        } else {
            let head = self.emit_head(timestamp, rest.len());
            self.compressed.literal(rest);
            self.compressed.end(Tail::default().before(rest).before(&head));
        }
        self.count(timestamp);
    }

    /// Whether a record of this length, from its key on, can be compressed into this batch.
    fn takes(&self, length: usize) -> bool {
        length <= PIECED_RECORD_BYTES && self.compressed.plain_length() + length + HEAD_BYTES <= COMPRESSED_PLAIN_BYTES
    }

    /// Starts a compressed record of this length from its key on; returns what comes before the key.
    #[inline]
    fn emit_head(&mut self, timestamp: i64, length: usize) -> Head {
        if self.records == 0 {
            self.base_timestamp = timestamp;
            self.compressed.open(self.expected.max(FIRST_BYTES));
        }
        // Attributes (none are defined), timestamp and offset.
        let mut fields = [0; HEAD_BYTES];
        let time = varint::write(&mut fields[1..], timestamp.wrapping_sub(self.base_timestamp));
        let offset = varint::write(&mut fields[1 + time..], i64::from(self.records));
        let fields = &fields[..1 + time + offset];
        let mut head = Head { bytes: [0; HEAD_BYTES], length: 0 };
        let width = varint::write(&mut head.bytes, (fields.len() + length) as i64);
        head.length = width + fields.len();
        head.bytes[width..head.length].copy_from_slice(fields);
        self.compressed.begin(head.length + length);
        self.compressed.slot(HEAD_SLOT, &head);
        head
    }

    fn count(&mut self, timestamp: i64) {
        if self.records == 0 {
            (self.base_timestamp, self.max_timestamp) = (timestamp, timestamp);
        }
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.records += 1;
    }

    /// Goes on with a plain batch, the record under work included.
    fn go_plain(&mut self) {
        if self.records > 0 {
            let plain = decode(&mut self.compressed);
            self.plain.adopt(&plain, self.records, (self.base_timestamp, self.max_timestamp));
        }
        self.compressed.reset();
        self.is_plain = true;
        self.draft.replay(&self.fragments, &mut self.plain);
        self.draft.clear();
    }

    /// Is ready for the next batch.
    fn clear(&mut self) {
        self.is_plain = false;
        self.compressed.reset();
    }
}

/// The plain records of a compressed batch, which is finished by this.
fn decode(compressed: &mut Emitter) -> Vec<u8> {
    let length = compressed.plain_length();
    let frame = compressed.finish();
    let plain = lz4::decompress(&frame[HEADER_BYTES..], COMPRESSED_PLAIN_BYTES).unwrap_or_default();
    // Going on with fewer records than were accepted would lose them silently.
    assert_eq!(plain.len(), length, "records that were compressed read back whole");
    plain
}

impl Draft {
    fn begin(&mut self, timestamp: i64) {
        self.clear();
        (self.part, self.timestamp) = (Part::Begun, timestamp);
    }

    /// Leaves the timestamp.
    fn clear(&mut self) {
        self.part = Part::Outside;
        self.pieces.clear();
        self.bytes.clear();
        self.length = 0;
        self.headers = 0;
    }

    /// Adds a field that stands for a length, an absent part's or an open one's.
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
            _ => self.close_part(),
        }
    }

    fn header(&mut self, name: &str) {
        self.close_value();
        if self.part != Part::Header {
            self.header_count = self.pieces.len();
            self.pieces.push(Piece::HeaderCount(0));
        }
        // Further headers share the slots of the last that has its own.
        let number = self.headers.min(SLOTTED_HEADERS as u32 - 1) as u16;
        self.headers += 1;
        self.pieces.push(Piece::HeaderName(number, name.len() as u32));
        self.bytes.extend_from_slice(name.as_bytes());
        self.length += varint::length(name.len() as i64) + name.len();
        self.open_part(Part::Header, Piece::HeaderValue(number, 0));
    }

    /// Closes what is open; returns the record's length from its key on.
    fn finish(&mut self) -> usize {
        self.close_value();
        if self.part != Part::Header {
            self.header_count = self.pieces.len();
            self.pieces.push(Piece::HeaderCount(0));
        }
        if let Some(Piece::HeaderCount(count)) = self.pieces.get_mut(self.header_count) {
            *count = self.headers;
        }
        self.part = Part::Outside;
        self.length + varint::length(i64::from(self.headers))
    }

    /// Writes the pieces behind the record's head.
    #[inline]
    fn emit(&self, fragments: &Fragments, out: &mut Emitter) {
        let mut at = 0;
        let mut take = |length: u32| {
            at += length as usize;
            &self.bytes[at - length as usize..at]
        };
        for piece in &self.pieces {
            match *piece {
                Piece::Fragment(id) => {
                    if let Some(bytes) = fragments.get(usize::from(id)) {
                        out.fragment(usize::from(id), bytes);
                    }
                }
                Piece::Literal(slot, length) => out.slot(PLAN_SLOT + usize::from(slot), take(length)),
                Piece::Key(length) => out.slot(KEY_SLOT, &Number::of(length.into())),
                Piece::Value(length) => out.slot(VALUE_SLOT, &Number::of(length.into())),
                Piece::HeaderCount(count) => out.slot(COUNT_SLOT, &Number::of(count.into())),
                Piece::HeaderName(header, length) => {
                    let slot = HEADERS_SLOT + 3 * usize::from(header);
                    out.slot(slot, &Number::of(length.into()));
                    out.slot(slot + 1, take(length));
                }
                Piece::HeaderValue(header, length) => {
                    out.slot(HEADERS_SLOT + 3 * usize::from(header) + 2, &Number::of(length.into()));
                }
            }
        }
    }

    /// Puts the pieces before a tail, until it is full.
    fn tail(&self, fragments: &Fragments, mut tail: Tail) -> Tail {
        let mut end = self.bytes.len();
        let mut take = |length: u32| {
            end -= length as usize;
            &self.bytes[end..end + length as usize]
        };
        for piece in self.pieces.iter().rev() {
            tail = match *piece {
                _ if tail.is_full() => return tail,
                Piece::Fragment(id) => tail.before(fragments.get(usize::from(id)).map_or(&[], |bytes| bytes)),
                Piece::Literal(_, length) => tail.before(take(length)),
                Piece::HeaderName(_, length) => tail.before(take(length)).before(&Number::of(length.into())),
                Piece::HeaderCount(count) => tail.before(&Number::of(count.into())),
                Piece::Key(length) | Piece::Value(length) | Piece::HeaderValue(_, length) => {
                    tail.before(&Number::of(length.into()))
                }
            };
        }
        tail
    }

    /// Writes the record as far as it is into a plain batch.
    fn replay(&self, fragments: &Fragments, out: &mut BatchBuilder) {
        if self.pieces.is_empty() && self.part == Part::Outside {
            return;
        }
        out.begin(self.timestamp);
        let mut at = 0;
        let mut take = |length: u32| {
            at += length as usize;
            &self.bytes[at - length as usize..at]
        };
        for piece in &self.pieces {
            match *piece {
                Piece::Fragment(id) => out.push(fragments.get(usize::from(id)).map_or(&[], |bytes| bytes)),
                Piece::Literal(_, length) => out.push(take(length)),
                Piece::Key(-1) | Piece::Value(-1) | Piece::HeaderCount(_) | Piece::HeaderValue(..) => {}
                Piece::Key(_) => out.key(),
                Piece::Value(_) => out.value(),
                // It was a `str`.
                Piece::HeaderName(_, length) => out.header(std::str::from_utf8(take(length)).unwrap_or_default()),
            }
        }
    }
}
