//! Writing batches from the pieces of an encode plan: compressed where that is smaller, plain elsewhere.
//!
//! A record's pieces are kept until its end, when its lengths are known; then they go to the [`Emitter`] in one pass. A
//! batch becomes plain, and stays so until it is finished, when a record is too large to be kept in pieces, or when the
//! compressed form turns out not to be smaller.

use std::sync::Arc;

use super::build::{self, BatchBuilder, BuildError, Finished};
use super::draft::{Draft, HEAD_BYTES, HEAD_SLOT, Part, Short};
use super::lz4::{self, Emitter, Snapshot, Tail};
use super::passage::Piece;
use super::{HEADER_BYTES, LZ4};
use crate::limits::{COMPRESSED_PLAIN_BYTES, FIRST_BYTES, PIECED_RECORD_BYTES};

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
            if self.draft.part != Part::Outside {
                self.fault = Some(BuildError::Order);
                return;
            }
            self.fragments = fragments.clone();
            self.compressed.forget_fragments(fragments.len());
            self.draft.forget_passages();
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
        self.draft.key();
    }

    /// The pieces that follow are the value. Without it the value is null: a tombstone.
    #[inline]
    pub fn value(&mut self) {
        if self.is_plain {
            return self.plain.value();
        }
        if !matches!(self.draft.part, Part::Begun | Part::Key) {
            self.fault = Some(BuildError::Order);
            return;
        }
        self.draft.value();
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

    /// A header whose value is null. No pieces of it follow.
    pub fn null_header(&mut self, name: &str) {
        if self.is_plain {
            return self.plain.null_header(name);
        }
        if self.draft.part == Part::Outside {
            self.fault = Some(BuildError::Order);
            return;
        }
        self.draft.null_header(name);
    }

    /// A piece of the current part: a fragment. One that is not registered is empty.
    #[inline]
    pub fn fragment(&mut self, id: u16) {
        let bytes: &[u8] = self.fragments.get(usize::from(id)).map_or(&[], |bytes| bytes);
        if self.is_plain {
            return self.plain.push(bytes);
        }
        if matches!(self.draft.part, Part::Outside | Part::Begun | Part::NullHeader) {
            self.fault = Some(BuildError::Order);
            return;
        }
        self.draft.fragment(id, bytes.len());
    }

    /// A piece of the current part: bytes that vary, in a place whose bytes in the record before are often similar.
    #[inline]
    pub fn literal(&mut self, slot: u16, bytes: &[u8]) {
        if self.is_plain {
            return self.plain.push(bytes);
        }
        if matches!(self.draft.part, Part::Outside | Part::Begun | Part::NullHeader) {
            self.fault = Some(BuildError::Order);
        }
        if self.fault.is_some() {
            return;
        }
        if self.draft.kept() + bytes.len() > PIECED_RECORD_BYTES {
            self.go_plain();
            return self.plain.push(bytes);
        }
        self.draft.literal(slot, bytes);
    }

    /// Several pieces of the current part at once, with the length of each: a passage that mostly is the same as in the
    /// record before. Its number must not be that of another passage of the same fragments.
    #[inline]
    pub fn passage<P>(&mut self, id: u16, bytes: &[u8], pieces: impl Fn() -> P)
    where
        P: Iterator<Item = (Piece, usize)>,
    {
        if self.is_plain {
            return self.plain.push(bytes);
        }
        if matches!(self.draft.part, Part::Outside | Part::Begun | Part::NullHeader) {
            self.fault = Some(BuildError::Order);
            return;
        }
        if self.draft.same_passage(id, bytes) {
            return;
        }
        match self.draft.new_passage(id, bytes, pieces(), &self.fragments, &mut self.compressed) {
            Ok(true) => {}
            Ok(false) => self.push_pieces(bytes, pieces()),
            Err(fault) => self.fault = Some(fault),
        }
    }

    /// The pieces of a passage, one by one.
    fn push_pieces(&mut self, mut rest: &[u8], pieces: impl Iterator<Item = (Piece, usize)>) {
        for (piece, length) in pieces {
            let Some((bytes, behind)) = rest.split_at_checked(length) else {
                self.fault = Some(BuildError::Order);
                return;
            };
            match piece {
                Piece::Fragment(id) => self.fragment(id),
                Piece::Literal(slot) => self.literal(slot, bytes),
            }
            rest = behind;
        }
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
            let plain = self.compressed.plain_length();
            let bytes = self.compressed.finish();
            debug_assert_eq!(
                lz4::decompress(&bytes[HEADER_BYTES..], COMPRESSED_PLAIN_BYTES).map(|bytes| bytes.len()),
                Some(plain)
            );
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
    fn emit_head(&mut self, timestamp: i64, length: usize) -> Short {
        if self.records == 0 {
            self.base_timestamp = timestamp;
            self.compressed.open(self.expected.max(FIRST_BYTES));
        }
        let head = Short::head(length, timestamp.wrapping_sub(self.base_timestamp), self.records);
        self.compressed.begin(head.len() + length);
        head.emit(HEAD_SLOT, &mut self.compressed);
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
