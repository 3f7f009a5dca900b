//! Writing batches, uncompressed, piece by piece.
//!
//! A record's lengths precede its bytes, which arrive in pieces whose sum nobody knows yet. So a length's place is kept
//! free at the width it had in the record before, the pieces go straight to where they belong, and only when the width
//! turns out to be another are the bytes moved. Records of one table hardly ever change widths: each byte is copied once.

use bytes::BytesMut;

use super::{ATTRIBUTES_AT, CRC_AT, HEADER_BYTES, LENGTH_AT, LENGTH_END, MAGIC, MAGIC_AT};
use crate::limits::{BATCH_MAX_BYTES, FIRST_BYTES, SPARE_MAX_BYTES};
use crate::varint::{self, Cursor};

/// Why a record was left out of its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The record does not fit into the largest batch.
    #[error("a record would make its batch larger than {BATCH_MAX_BYTES} bytes")]
    TooLarge,
    /// The caller broke the order begin, key, value, headers, end, or sent bytes outside of them.
    #[error("the parts of a record came in the wrong order")]
    Order,
}

/// Builds one batch after another.
#[derive(Debug, Default)]
pub struct BatchBuilder {
    bytes: BytesMut,
    records: u32,
    base_timestamp: i64,
    max_timestamp: i64,
    /// Size of the last batch whose buffer was given away: what to reserve for the next.
    expected: usize,
    part: Part,
    /// Where the open record starts.
    start: usize,
    timestamp: i64,
    record_length: Gap,
    part_length: Gap,
    header_count: Gap,
    headers: u32,
    widths: Widths,
    fault: Option<BuildError>,
}

/// A state of a builder to go back to.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    length: usize,
    records: u32,
    max_timestamp: i64,
}

/// A complete batch.
#[derive(Debug)]
pub struct Finished {
    /// The batch with base offset 0.
    pub bytes: BytesMut,
    /// How many records it has.
    pub records: u32,
    /// The greatest of their timestamps, in milliseconds since 1970.
    pub max_timestamp: i64,
    /// Whether the records lie in an LZ4 frame.
    pub compressed: bool,
}

/// How far the open record is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    /// No record is open.
    #[default]
    Outside,
    Begun,
    /// Behind a header whose value is null.
    NullHeader,
    Key,
    Value,
    Header,
}

/// Free bytes for a number that is not known yet.
#[derive(Clone, Copy, Debug, Default)]
struct Gap {
    at: usize,
    width: usize,
}

/// Widths of the last record's lengths.
#[derive(Clone, Copy, Debug)]
struct Widths {
    record: usize,
    key: usize,
    value: usize,
    header: usize,
}

impl Default for Widths {
    fn default() -> Self {
        Widths { record: 2, key: 1, value: 2, header: 1 }
    }
}

impl BatchBuilder {
    /// Starts a record; timestamp in milliseconds since 1970. Parts follow in the order key, value, headers; then
    /// [`end`](Self::end).
    #[inline]
    pub fn begin(&mut self, timestamp: i64) {
        if self.part != Part::Outside {
            self.fault = Some(BuildError::Order);
            return;
        }
        self.open(timestamp);
        self.record_length = self.gap(self.widths.record);
        self.put_head(timestamp);
        self.part = Part::Begun;
        self.headers = 0;
    }

    /// The pieces that follow are the key. Without it the key is null.
    #[inline]
    pub fn key(&mut self) {
        if self.part != Part::Begun {
            self.fault = Some(BuildError::Order);
            return;
        }
        self.part_length = self.gap(self.widths.key);
        self.part = Part::Key;
    }

    /// The pieces that follow are the value. Without it the value is null: a tombstone.
    #[inline]
    pub fn value(&mut self) {
        match self.part {
            Part::Begun => self.put_null(),
            Part::Key => self.widths.key = self.close(self.part_length),
            _ => {
                self.fault = Some(BuildError::Order);
                return;
            }
        }
        self.part_length = self.gap(self.widths.value);
        self.part = Part::Value;
    }

    /// The pieces that follow are the value of this header.
    pub fn header(&mut self, name: &str) {
        if self.begin_header(name) {
            self.part_length = self.gap(self.widths.header);
            self.part = Part::Header;
        }
    }

    /// A header whose value is null. No pieces of it follow.
    pub fn null_header(&mut self, name: &str) {
        if self.begin_header(name) {
            self.put_null();
            self.part = Part::NullHeader;
        }
    }

    /// A piece of the current part.
    #[inline]
    pub fn push(&mut self, piece: &[u8]) {
        if matches!(self.part, Part::Outside | Part::Begun | Part::NullHeader) {
            self.fault = Some(BuildError::Order);
            return;
        }
        self.put(piece);
    }

    /// Ends the record. After an error the batch is as it was before the record.
    #[inline]
    pub fn end(&mut self) -> Result<(), BuildError> {
        match self.part {
            Part::Outside => self.fault = Some(BuildError::Order),
            Part::Header => {
                self.widths.header = self.close(self.part_length);
                self.fill(self.header_count, i64::from(self.headers));
            }
            Part::NullHeader => {
                self.fill(self.header_count, i64::from(self.headers));
            }
            _ => {
                self.close_value();
                varint::put(&mut self.bytes, 0);
            }
        }
        if self.bytes.len() > BATCH_MAX_BYTES {
            self.fault = Some(BuildError::TooLarge);
        }
        if let Some(fault) = self.fault.take() {
            if self.part != Part::Outside {
                self.bytes.truncate(self.start);
                self.part = Part::Outside;
            }
            return Err(fault);
        }
        self.widths.record = self.close(self.record_length);
        self.part = Part::Outside;
        self.count(self.timestamp);
        Ok(())
    }

    /// How many records are complete.
    pub fn records(&self) -> u32 {
        self.records
    }

    /// Bytes so far, header included; 0 when there is no record.
    pub fn len(&self) -> usize {
        if self.records == 0 { 0 } else { self.bytes.len() }
    }

    /// Whether no record is complete.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// The state between two records, to go back to.
    pub fn mark(&self) -> Mark {
        Mark { length: self.bytes.len(), records: self.records, max_timestamp: self.max_timestamp }
    }

    /// Forgets the records since the mark, which must be of the batch under work.
    pub fn truncate(&mut self, mark: Mark) {
        self.part = Part::Outside;
        self.fault = None;
        self.records = mark.records;
        self.max_timestamp = mark.max_timestamp;
        self.bytes.truncate(if mark.records == 0 { 0 } else { mark.length });
    }

    /// Moves the records since the mark to the end of another batch. Must not be called inside a record.
    pub fn split_off(&mut self, mark: Mark, into: &mut BatchBuilder) {
        if mark.records == 0 && into.records == 0 {
            std::mem::swap(self, into);
            return;
        }
        let from = mark.length.saturating_sub(HEADER_BYTES);
        for (timestamp, rest) in records_of(self.plain(), from, self.base_timestamp) {
            into.append(timestamp, rest);
        }
        self.truncate(mark);
    }

    /// Continues a batch that was begun elsewhere: its plain records.
    pub(super) fn adopt(&mut self, plain: &[u8], records: u32, (base, max): (i64, i64)) {
        self.records = 0;
        self.open(base);
        self.bytes.extend_from_slice(plain);
        (self.records, self.max_timestamp) = (records, max);
    }

    /// The mark behind the first `records` records, which have `plain` bytes.
    pub(super) fn mark_at(plain: usize, records: u32, max_timestamp: i64) -> Mark {
        Mark { length: HEADER_BYTES + plain, records, max_timestamp }
    }

    /// The plain records so far.
    pub(super) fn plain(&self) -> &[u8] {
        self.bytes.get(HEADER_BYTES..).unwrap_or_default()
    }

    /// Adds a record whose bytes from its key on are known.
    pub(super) fn append(&mut self, timestamp: i64, rest: &[u8]) {
        self.open(timestamp);
        let length = 1
            + varint::length(timestamp.wrapping_sub(self.base_timestamp))
            + varint::length(i64::from(self.records))
            + rest.len();
        varint::put(&mut self.bytes, length as i64);
        self.put_head(timestamp);
        self.bytes.extend_from_slice(rest);
        self.count(timestamp);
    }

    /// Completes the batch and starts the next; `None` when it has no record.
    pub fn finish(&mut self) -> Option<Finished> {
        if self.records == 0 {
            return None;
        }
        self.truncate(self.mark_before_open_record());
        write_header(&mut self.bytes, self.records, (self.base_timestamp, self.max_timestamp), 0);
        let bytes = give_away(&mut self.bytes, &mut self.expected);
        let records = std::mem::take(&mut self.records);
        Some(Finished { bytes, records, max_timestamp: self.max_timestamp, compressed: false })
    }

    fn mark_before_open_record(&self) -> Mark {
        match self.part {
            Part::Outside => self.mark(),
            _ => Mark { length: self.start, ..self.mark() },
        }
    }

    /// Makes place for the header before the first record, whose timestamp is the base.
    fn open(&mut self, timestamp: i64) {
        if self.records == 0 {
            self.bytes.clear();
            self.bytes.reserve(self.expected.max(FIRST_BYTES));
            self.bytes.resize(HEADER_BYTES, 0);
            self.base_timestamp = timestamp;
            self.max_timestamp = timestamp;
        }
        self.start = self.bytes.len();
        self.timestamp = timestamp;
    }

    /// Attributes (none are defined), timestamp and offset of a record.
    fn put_head(&mut self, timestamp: i64) {
        let mut head = [0; 16];
        let time = varint::write(&mut head[1..], timestamp.wrapping_sub(self.base_timestamp));
        let offset = varint::write(&mut head[1 + time..], i64::from(self.records));
        self.bytes.extend_from_slice(&head[..1 + time + offset]);
    }

    fn count(&mut self, timestamp: i64) {
        self.records += 1;
        self.max_timestamp = self.max_timestamp.max(timestamp);
    }

    #[inline]
    fn put(&mut self, piece: &[u8]) {
        if piece.len() > BATCH_MAX_BYTES.saturating_sub(self.bytes.len()) {
            self.fault = Some(BuildError::TooLarge);
            return;
        }
        self.bytes.extend_from_slice(piece);
    }

    fn put_null(&mut self) {
        varint::put(&mut self.bytes, -1);
    }

    /// The name of a header; says whether it may come here.
    fn begin_header(&mut self, name: &str) -> bool {
        match self.part {
            Part::Outside => {
                self.fault = Some(BuildError::Order);
                return false;
            }
            Part::Header => self.widths.header = self.close(self.part_length),
            Part::NullHeader => {}
            Part::Begun | Part::Key | Part::Value => {
                self.close_value();
                self.header_count = self.gap(1);
            }
        }
        self.headers += 1;
        varint::put(&mut self.bytes, name.len() as i64);
        self.put(name.as_bytes());
        true
    }

    /// Closes key and value, whichever is open or missing.
    fn close_value(&mut self) {
        match self.part {
            Part::Begun => {
                self.put_null();
                self.put_null();
            }
            Part::Key => {
                self.widths.key = self.close(self.part_length);
                self.put_null();
            }
            _ => self.widths.value = self.close(self.part_length),
        }
    }

    fn gap(&mut self, width: usize) -> Gap {
        let at = self.bytes.len();
        self.bytes.resize(at + width, 0);
        Gap { at, width }
    }

    /// Fills a gap with the count of the bytes behind it; returns the width that took.
    fn close(&mut self, gap: Gap) -> usize {
        self.fill(gap, (self.bytes.len() - gap.at - gap.width) as i64)
    }

    /// Fills a gap with a number, moving the bytes behind it when the width differs; returns the width.
    fn fill(&mut self, gap: Gap, value: i64) -> usize {
        let width = varint::length(value);
        if width != gap.width {
            let behind = gap.at + gap.width..self.bytes.len();
            let length = gap.at + width + behind.len();
            self.bytes.resize(length.max(behind.end), 0);
            self.bytes.copy_within(behind, gap.at + width);
            self.bytes.truncate(length);
        }
        varint::write(&mut self.bytes[gap.at..], value)
    }
}

/// The records in plain bytes of our own from a position on: their timestamps, and their bytes from the key on.
pub(super) fn records_of(plain: &[u8], from: usize, base_timestamp: i64) -> impl Iterator<Item = (i64, &[u8])> {
    let mut cursor = Cursor::new(plain, from);
    std::iter::from_fn(move || {
        let length = usize::try_from(cursor.varint()?).ok()?;
        let record = cursor.take(length)?;
        let mut inner = Cursor::new(&plain[..record.end], record.start + 1);
        let timestamp = base_timestamp.wrapping_add(inner.varlong()?);
        inner.varint()?;
        Some((timestamp, &plain[inner.position()..record.end]))
    })
}

/// Fills in the header of a batch with at least one record; the timestamps are the base and the greatest.
pub(super) fn write_header(bytes: &mut [u8], records: u32, timestamps: (i64, i64), attributes: i16) {
    let length = (bytes.len() - LENGTH_END) as i32;
    let mut fields = [0; HEADER_BYTES];
    fields[LENGTH_AT..LENGTH_END].copy_from_slice(&length.to_be_bytes());
    fields[MAGIC_AT] = MAGIC;
    fields[ATTRIBUTES_AT..23].copy_from_slice(&attributes.to_be_bytes());
    fields[23..27].copy_from_slice(&(records - 1).to_be_bytes());
    fields[27..35].copy_from_slice(&timestamps.0.to_be_bytes());
    fields[35..43].copy_from_slice(&timestamps.1.to_be_bytes());
    // No producer id, no producer epoch, no sequence: all -1.
    fields[43..57].fill(0xFF);
    fields[57..61].copy_from_slice(&records.to_be_bytes());
    bytes[..HEADER_BYTES].copy_from_slice(&fields);
    let crc = crc32c::crc32c(&bytes[ATTRIBUTES_AT..]);
    bytes[CRC_AT..ATTRIBUTES_AT].copy_from_slice(&crc.to_be_bytes());
}

/// Takes a finished batch out of its buffer. Readers keep a batch in memory for a while, so the buffer goes with it only
/// when it is well filled; `expected` becomes what to reserve for the next.
pub(super) fn give_away(buffer: &mut BytesMut, expected: &mut usize) -> BytesMut {
    let length = buffer.len();
    if length >= buffer.capacity() / 2 || buffer.capacity() > SPARE_MAX_BYTES {
        *expected = (length + length / 8).min(SPARE_MAX_BYTES);
        let given = std::mem::take(buffer);
        if length < given.capacity() / 2 { BytesMut::from(&given[..]) } else { given }
    } else {
        let copy = BytesMut::from(&buffer[..]);
        buffer.clear();
        copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(builder: &mut BatchBuilder, value: &[u8]) {
        builder.begin(5);
        builder.value();
        builder.push(value);
        builder.end().unwrap();
    }

    #[test]
    fn a_batch_has_the_bytes_of_the_format() {
        let mut builder = BatchBuilder::default();
        builder.begin(1_000);
        builder.key();
        builder.push(b"k");
        builder.value();
        builder.push(b"v");
        builder.push(b"w");
        builder.header("h");
        builder.end().unwrap();
        builder.begin(998);
        builder.end().unwrap();
        let batch = builder.finish().unwrap();
        assert_eq!((batch.records, batch.max_timestamp), (2, 1_000));
        assert_eq!(&batch.bytes[LENGTH_AT..LENGTH_END], &(batch.bytes.len() as i32 - 12).to_be_bytes());
        assert_eq!(batch.bytes[23..27], 1i32.to_be_bytes());
        assert_eq!(batch.bytes[27..35], 1_000i64.to_be_bytes());
        assert_eq!(batch.bytes[43..57], [0xFF; 14]);
        assert_eq!(
            batch.bytes[HEADER_BYTES..],
            [24, 0, 0, 0, 2, b'k', 4, b'v', b'w', 2, 2, b'h', 0, 12, 0, 3, 2, 1, 1, 0]
        );
    }

    #[test]
    fn parts_out_of_order_leave_the_batch_as_it_was() {
        let mut builder = BatchBuilder::default();
        record(&mut builder, b"first");
        let faults: [fn(&mut BatchBuilder); 4] = [
            |b| b.push(b"nowhere"),
            |b| {
                b.value();
                b.key();
            },
            |b| {
                b.header("x");
                b.value();
            },
            |b| b.begin(7),
        ];
        for fault in faults {
            builder.begin(6);
            fault(&mut builder);
            assert_eq!(builder.end(), Err(BuildError::Order));
        }
        assert_eq!(builder.end(), Err(BuildError::Order));
        record(&mut builder, b"second");
        let mut clean = BatchBuilder::default();
        record(&mut clean, b"first");
        record(&mut clean, b"second");
        assert_eq!(builder.finish().unwrap().bytes, clean.finish().unwrap().bytes);
    }

    #[test]
    fn an_unfinished_record_is_not_part_of_the_batch() {
        let mut builder = BatchBuilder::default();
        record(&mut builder, b"whole");
        let length = builder.len();
        builder.begin(6);
        builder.value();
        builder.push(b"half");
        let batch = builder.finish().unwrap();
        assert_eq!((batch.bytes.len(), batch.records), (length, 1));
        assert!(builder.finish().is_none());
    }

    #[test]
    fn a_small_batch_does_not_hold_a_large_buffer() {
        let mut builder = BatchBuilder::default();
        (0..1_000).for_each(|_| record(&mut builder, &[7; 500]));
        assert!(builder.finish().unwrap().bytes.len() > 500_000);
        for _ in 0..3 {
            record(&mut builder, b"small");
            let small = builder.finish().unwrap();
            assert!(small.bytes.capacity() <= 2 * small.bytes.len(), "{}", small.bytes.capacity());
        }
    }

    #[test]
    fn a_huge_record_does_not_stay_reserved() {
        let mut builder = BatchBuilder::default();
        record(&mut builder, &vec![1; 3 * SPARE_MAX_BYTES]);
        builder.finish().unwrap();
        record(&mut builder, b"small");
        assert!(builder.bytes.capacity() <= SPARE_MAX_BYTES);
    }

    #[test]
    fn more_headers_than_one_byte_counts_are_counted() {
        let mut builder = BatchBuilder::default();
        builder.begin(0);
        (0..200).for_each(|n| builder.header(&n.to_string()));
        builder.end().unwrap();
        let mut bytes = builder.finish().unwrap().bytes.freeze();
        let batch = crate::batch::Batch::read(&mut bytes).unwrap();
        let record = batch.records().unwrap().next().unwrap().unwrap();
        assert_eq!(record.headers.len(), 200);
        assert_eq!(record.headers[199].name, "199");
    }
}
