//! Reading batches: a checked header; their records are read by [`super::records`].

use bytes::Bytes;

use super::compression::Codec;
use super::patch::Producer;
use super::{ATTRIBUTES_AT, CRC_AT, HEADER_BYTES, LENGTH_AT, LENGTH_END, MAGIC, MAGIC_AT};
use crate::limits::{DECOMPRESSED_MAX_BYTES, EXPANSION_MAX};

/// Attributes of a batch beside its codec.
pub(super) const LOG_APPEND_TIME: i16 = 0x08;
pub(super) const TRANSACTIONAL: i16 = 0x10;
pub(super) const CONTROL: i16 = 0x20;
pub(super) const DELETE_HORIZON: i16 = 0x40;

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
    /// A codec that nobody knows.
    #[error("the batch is compressed with {0:?}")]
    Codec(Codec),
    /// The compressed records are malformed.
    #[error("the records of the batch cannot be decompressed")]
    Frame,
    /// The plain form of the compressed records is too large.
    #[error(
        "the records of the batch are more than {EXPANSION_MAX} times as large when decompressed, or than {DECOMPRESSED_MAX_BYTES} bytes"
    )]
    Expansion,
    /// A record contradicts itself.
    #[error("record {0} of the batch is malformed")]
    Record(u32),
    /// There are bytes behind the last record.
    #[error("bytes follow the last record of the batch")]
    Trailing,
}

/// One batch whose header and CRC were checked.
#[derive(Clone, Debug)]
pub struct Batch {
    bytes: Bytes,
    attributes: i16,
    /// Offset of the first record.
    pub base_offset: i64,
    /// Epoch of the leader that wrote it.
    pub leader_epoch: i32,
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
            leader_epoch: i32::from_be_bytes(field(bytes, LENGTH_END)),
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
        Codec::of(self.attributes)
    }

    /// Whether timestamps are those of the log, not of the producer; then all records have the greatest one.
    pub fn is_log_append_time(&self) -> bool {
        self.attributes & LOG_APPEND_TIME != 0
    }

    /// Whether the batch is part of a producer's transaction.
    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    /// Whether its record is a marker of a transaction's end, not data.
    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// From when on its tombstones may go, in milliseconds since 1970, if compaction has said so (KIP-534).
    pub fn delete_horizon(&self) -> Option<i64> {
        (self.attributes & DELETE_HORIZON != 0).then_some(self.base_timestamp)
    }

    /// Who produced it, if idempotently.
    pub fn producer(&self) -> Option<Producer> {
        let (id, epoch, base_sequence) = (self.producer_id, self.producer_epoch, self.base_sequence);
        (id >= 0).then_some(Producer { id, epoch, base_sequence, transactional: self.is_transactional() })
    }

    pub(super) fn attributes(&self) -> i16 {
        self.attributes
    }

    /// The batch as it was read.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
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
        assert_eq!(error_of(forged(good(), ATTRIBUTES_AT, &4i16.to_be_bytes())), BatchError::Frame);
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
