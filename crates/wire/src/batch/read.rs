//! Reading batches: a checked header and records that borrow the batch's memory.

use bytes::Bytes;

use super::lz4;
use super::{ATTRIBUTES_AT, CRC_AT, HEADER_BYTES, LENGTH_AT, LENGTH_END, MAGIC, MAGIC_AT};
use crate::limits::COMPRESSED_PLAIN_BYTES;
use crate::varint::Cursor;

/// The least record: seven numbers of one byte.
const RECORD_MIN_BYTES: usize = 7;
/// The least header: two lengths.
const HEADER_MIN_BYTES: usize = 2;

/// Bytes that are not a record batch of version 2, or one that is not readable here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// Fewer bytes than a header, or than the header says.
    #[error("the batch is cut short")]
    Short,
    /// The length field contradicts the format.
    #[error("the batch's length field is {0}, which no batch has")]
    Length(i32),
    /// Message sets of versions 0 and 1, or something else.
    #[error("the batch has magic {0}; only 2 is known")]
    Magic(u8),
    /// The bytes are not those that were written.
    #[error("the batch's CRC does not match its bytes")]
    Crc,
    /// The count of records contradicts the bytes or the offsets.
    #[error("the batch claims {0} records, which its bytes cannot hold")]
    Count(i32),
    /// The records are compressed.
    #[error("the batch is compressed with {0:?}, which is not supported")]
    Compressed(Codec),
    /// The compressed records are malformed, of another form than ours, or too many.
    #[error("the records of the batch cannot be decompressed, or are more than {COMPRESSED_PLAIN_BYTES} bytes")]
    Frame,
    /// A record contradicts itself.
    #[error("record {0} of the batch is malformed")]
    Record(u32),
    /// There are bytes behind the last record.
    #[error("bytes follow the last record of the batch")]
    Trailing,
}

/// Compression of a batch's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Not compressed.
    None,
    /// gzip.
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4 frames.
    Lz4,
    /// Zstandard.
    Zstd,
    /// A number without a meaning yet.
    Unknown(u8),
}

/// One batch whose header and CRC were checked.
#[derive(Clone, Debug)]
pub struct Batch {
    bytes: Bytes,
    attributes: i16,
    /// Offset of the first record.
    pub base_offset: i64,
    /// Offset of the last record minus the base; more than the count of records after compaction.
    pub last_offset_delta: i32,
    /// Timestamp that records count from, in milliseconds since 1970.
    pub base_timestamp: i64,
    /// Greatest timestamp.
    pub max_timestamp: i64,
    /// Idempotent producer's id, or -1.
    pub producer_id: i64,
    /// Its epoch, or -1.
    pub producer_epoch: i16,
    /// Sequence of its first record, or -1.
    pub base_sequence: i32,
    /// How many records.
    pub count: u32,
}

/// One record; its bytes are shared with the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Offset in the partition.
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Key; `None` is null.
    pub key: Option<Bytes>,
    /// Value; `None` is null.
    pub value: Option<Bytes>,
    /// Headers in order.
    pub headers: Vec<Header>,
}

/// One header of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Name; UTF-8 by convention, unchecked.
    pub name: Bytes,
    /// Value; `None` is null.
    pub value: Option<Bytes>,
}

impl Batch {
    /// Takes the first batch off the front of `bytes` and checks its header and its CRC. After an error `bytes` are as
    /// before.
    pub fn read(bytes: &mut Bytes) -> Result<Batch, BatchError> {
        let batch = Batch::read_unverified(bytes)?;
        if crc32c::crc32c(&batch.bytes[ATTRIBUTES_AT..]) != u32::from_be_bytes(field(&batch.bytes, CRC_AT)) {
            return Err(BatchError::Crc);
        }
        let _ = bytes.split_to(batch.bytes.len());
        Ok(batch)
    }

    /// The first batch of `bytes` without looking at its CRC: for bytes whose integrity something else vouches for.
    pub fn read_unverified(bytes: &Bytes) -> Result<Batch, BatchError> {
        if bytes.len() < HEADER_BYTES {
            return Err(BatchError::Short);
        }
        if bytes[MAGIC_AT] != MAGIC {
            return Err(BatchError::Magic(bytes[MAGIC_AT]));
        }
        let length = i32::from_be_bytes(field(bytes, LENGTH_AT));
        let end = usize::try_from(length).map_err(|_| BatchError::Length(length))?.saturating_add(LENGTH_END);
        if end < HEADER_BYTES {
            return Err(BatchError::Length(length));
        }
        if end > bytes.len() {
            return Err(BatchError::Short);
        }
        let claimed = i32::from_be_bytes(field(bytes, 57));
        let last_offset_delta = i32::from_be_bytes(field(bytes, 23));
        let count = u32::try_from(claimed).map_err(|_| BatchError::Count(claimed))?;
        let batch = Batch {
            bytes: bytes.slice(..end),
            attributes: i16::from_be_bytes(field(bytes, ATTRIBUTES_AT)),
            base_offset: i64::from_be_bytes(field(bytes, 0)),
            last_offset_delta,
            base_timestamp: i64::from_be_bytes(field(bytes, 27)),
            max_timestamp: i64::from_be_bytes(field(bytes, 35)),
            producer_id: i64::from_be_bytes(field(bytes, 43)),
            producer_epoch: i16::from_be_bytes(field(bytes, 51)),
            base_sequence: i32::from_be_bytes(field(bytes, 53)),
            count,
        };
        if last_offset_delta < 0 || i64::from(last_offset_delta) + 1 < i64::from(count) {
            return Err(BatchError::Count(claimed));
        }
        Ok(batch)
    }

    /// How the records are compressed.
    pub fn codec(&self) -> Codec {
        match self.attributes & 7 {
            0 => Codec::None,
            1 => Codec::Gzip,
            2 => Codec::Snappy,
            3 => Codec::Lz4,
            4 => Codec::Zstd,
            other => Codec::Unknown(other as u8),
        }
    }

    /// Whether timestamps are those of the log, not of the producer; then all records have the greatest one.
    pub fn is_log_append_time(&self) -> bool {
        self.attributes & 0x08 != 0
    }

    /// Whether the batch is part of a producer's transaction.
    pub fn is_transactional(&self) -> bool {
        self.attributes & 0x10 != 0
    }

    /// Whether its record is a marker of a transaction's end, not data.
    pub fn is_control(&self) -> bool {
        self.attributes & 0x20 != 0
    }

    /// The batch as it was read.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Its records in order, decompressed when they are compressed as [`PlanBuilder`](super::PlanBuilder) does it; other
    /// compression is refused.
    pub fn records(&self) -> Result<Records<'_>, BatchError> {
        let plain = match self.codec() {
            Codec::None => self.bytes.slice(HEADER_BYTES..),
            Codec::Lz4 => lz4::decompress(&self.bytes[HEADER_BYTES..], COMPRESSED_PLAIN_BYTES)
                .map(Bytes::from)
                .ok_or(BatchError::Frame)?,
            codec => return Err(BatchError::Compressed(codec)),
        };
        if self.count as usize > plain.len() / RECORD_MIN_BYTES {
            return Err(BatchError::Count(self.count as i32));
        }
        Ok(Records { batch: self, plain, at: 0, next: 0, over: false })
    }
}

/// Iterator over a batch's records; ends after the first error.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    batch: &'a Batch,
    /// The records uncompressed.
    plain: Bytes,
    at: usize,
    next: u32,
    over: bool,
}

impl Records<'_> {
    /// Bytes of all the records, uncompressed: the memory that they share.
    pub fn plain_len(&self) -> usize {
        self.plain.len()
    }

    fn record(&mut self) -> Option<Record> {
        let bytes = &self.plain;
        let mut outer = Cursor::new(bytes, self.at);
        let length = usize::try_from(outer.varint()?).ok()?;
        let end = outer.take(length)?.end;
        let mut cursor = Cursor::new(&bytes[..end], end - length);
        self.at = end;
        cursor.byte()?;
        let timestamp = self.batch.base_timestamp.wrapping_add(cursor.varlong()?);
        let offset = i64::from(cursor.varint()?);
        if offset < 0 || offset > i64::from(self.batch.last_offset_delta) {
            return None;
        }
        let key = self.nullable(&mut cursor)?;
        let value = self.nullable(&mut cursor)?;
        let count = usize::try_from(cursor.varint()?).ok()?;
        if count > cursor.left() / HEADER_MIN_BYTES {
            return None;
        }
        let mut headers = Vec::with_capacity(count);
        for _ in 0..count {
            headers.push(Header { name: self.nullable(&mut cursor)??, value: self.nullable(&mut cursor)? });
        }
        if cursor.left() > 0 {
            return None;
        }
        let timestamp = if self.batch.is_log_append_time() { self.batch.max_timestamp } else { timestamp };
        Some(Record { offset: self.batch.base_offset.wrapping_add(offset), timestamp, key, value, headers })
    }

    /// A length and that many bytes; the length -1 is null. The outer `None` is a malformed record.
    fn nullable(&self, cursor: &mut Cursor<'_>) -> Option<Option<Bytes>> {
        match cursor.varint()? {
            -1 => Some(None),
            length => Some(Some(self.plain.slice(cursor.take(usize::try_from(length).ok()?)?))),
        }
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        if self.next == self.batch.count {
            self.over = true;
            return (self.at < self.plain.len()).then_some(Err(BatchError::Trailing));
        }
        let index = self.next;
        self.next += 1;
        match self.record() {
            Some(record) => Some(Ok(record)),
            None => {
                self.over = true;
                Some(Err(BatchError::Record(index)))
            }
        }
    }
}

/// A field of the header; the caller has checked that the header is there.
fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::BatchBuilder;

    fn batch(values: &[&[u8]]) -> Vec<u8> {
        let mut builder = BatchBuilder::default();
        for value in values {
            builder.begin(40);
            builder.value();
            builder.push(value);
            builder.end().unwrap();
        }
        builder.finish().unwrap().bytes.to_vec()
    }

    /// Changes bytes and makes the CRC right again.
    fn forged(mut bytes: Vec<u8>, at: usize, with: &[u8]) -> Bytes {
        bytes[at..at + with.len()].copy_from_slice(with);
        let crc = crc32c::crc32c(&bytes[ATTRIBUTES_AT..]);
        bytes[CRC_AT..ATTRIBUTES_AT].copy_from_slice(&crc.to_be_bytes());
        Bytes::from(bytes)
    }

    fn error_of(mut bytes: Bytes) -> BatchError {
        let batch = match Batch::read(&mut bytes) {
            Ok(batch) => batch,
            Err(error) => return error,
        };
        let records = match batch.records() {
            Ok(records) => records,
            Err(error) => return error,
        };
        records.filter_map(Result::err).next().unwrap()
    }

    #[test]
    fn batches_that_follow_each_other_are_taken_one_by_one() {
        let mut bytes = Bytes::from([batch(&[b"a", b"b"]), batch(&[b"c"])].concat());
        let counts: Vec<_> = std::iter::from_fn(|| Batch::read(&mut bytes).ok()).map(|b| b.count).collect();
        assert_eq!(counts, [2, 1]);
        assert!(bytes.is_empty());
    }

    #[test]
    fn the_base_offset_and_the_leader_epoch_lie_outside_the_crc() {
        let mut bytes = batch(&[b"a", b"b"]);
        bytes[..8].copy_from_slice(&77i64.to_be_bytes());
        bytes[12..16].copy_from_slice(&3i32.to_be_bytes());
        let batch = Batch::read(&mut Bytes::from(bytes)).unwrap();
        let offsets: Vec<_> = batch.records().unwrap().map(|r| r.unwrap().offset).collect();
        assert_eq!(offsets, [77, 78]);
    }

    #[test]
    fn each_contradiction_has_its_error() {
        let good = || batch(&[b"a", b"b"]);
        assert_eq!(error_of(Bytes::from(good()).slice(..60)), BatchError::Short);
        assert_eq!(error_of(Bytes::from(good()).slice(..good().len() - 1)), BatchError::Short);
        assert_eq!(error_of(forged(good(), MAGIC_AT, &[1])), BatchError::Magic(1));
        assert_eq!(error_of(forged(good(), LENGTH_AT, &(-1i32).to_be_bytes())), BatchError::Length(-1));
        assert_eq!(error_of(forged(good(), LENGTH_AT, &48i32.to_be_bytes())), BatchError::Length(48));
        assert_eq!(error_of(forged(good(), 57, &i32::MAX.to_be_bytes())), BatchError::Count(i32::MAX));
        assert_eq!(error_of(forged(good(), 57, &(-1i32).to_be_bytes())), BatchError::Count(-1));
        assert_eq!(error_of(forged(good(), 57, &1i32.to_be_bytes())), BatchError::Trailing);
        assert_eq!(error_of(forged(good(), HEADER_BYTES, &[0x7E])), BatchError::Record(0));
        assert_eq!(error_of(forged(good(), ATTRIBUTES_AT, &4i16.to_be_bytes())), BatchError::Compressed(Codec::Zstd));
        let mut flipped = good();
        flipped[HEADER_BYTES + 5] ^= 1;
        assert_eq!(error_of(Bytes::from(flipped)), BatchError::Crc);
    }

    #[test]
    fn log_append_time_gives_every_record_the_greatest_timestamp() {
        let mut bytes = batch(&[b"a", b"b"]);
        bytes[35..43].copy_from_slice(&99i64.to_be_bytes());
        let batch = Batch::read(&mut forged(bytes, ATTRIBUTES_AT, &8i16.to_be_bytes())).unwrap();
        assert!(batch.records().unwrap().all(|r| r.unwrap().timestamp == 99));
    }

    #[test]
    fn records_share_the_memory_of_their_batch() {
        let mut bytes = Bytes::from(batch(&[b"shared"]));
        let range = bytes.as_ptr_range();
        let batch = Batch::read(&mut bytes).unwrap();
        let value = batch.records().unwrap().next().unwrap().unwrap().value.unwrap();
        assert!(range.contains(&value.as_ptr()));
    }
}
