//! What a producer may send: the rules of Kafka's `ProduceRequest` and `LogValidator`.

use bytes::Bytes;

use super::compression::Codec;
use super::{Batch, BatchError};
use crate::error_code::ErrorCode;
use crate::limits::REFUSED_RECORDS;

/// What a record without a timestamp has.
const NO_TIMESTAMP: i64 = -1;
/// The first version of Produce that knows Zstandard (KIP-110).
const ZSTD_SINCE: i16 = 7;

/// What is asked of a batch.
#[derive(Clone, Copy, Debug)]
pub struct ProduceRules {
    /// Version of the Produce request that brings it.
    pub version: i16,
    /// Largest batch as it comes; a topic's `max.message.bytes`.
    pub max_bytes: usize,
    /// Every record has a key; a topic's `cleanup.policy=compact`.
    pub keys_required: bool,
    /// Least and greatest timestamp of a record, in milliseconds since 1970; a topic's `message.timestamp.before.max.ms`
    /// and `message.timestamp.after.max.ms`. A record without a timestamp (-1) is within them.
    pub timestamps: (i64, i64),
}

/// Why a batch is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// For the partition's response.
    pub code: ErrorCode,
    /// The records that it is because of, by their numbers in the batch, for `record_errors` (KIP-467): the first
    /// [`REFUSED_RECORDS`] of them.
    pub records: Vec<u32>,
    /// For the partition's response.
    pub message: String,
}

impl Refusal {
    fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Refusal { code, records: Vec::new(), message: message.into() }
    }
}

impl From<BatchError> for Refusal {
    fn from(error: BatchError) -> Self {
        let code = match error {
            BatchError::Short | BatchError::Length(_) | BatchError::Crc => ErrorCode::CORRUPT_MESSAGE,
            BatchError::Codec(_) => ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
            BatchError::Expansion => ErrorCode::MESSAGE_TOO_LARGE,
            _ => ErrorCode::INVALID_RECORD,
        };
        let records = if let BatchError::Record(index) = error { vec![index] } else { Vec::new() };
        Refusal { code, records, message: error.to_string() }
    }
}

/// Checks the one batch that a producer sends to a partition, by its header and its CRC. The records themselves, which
/// may have to be decompressed for that, are left to [`check_records`].
///
/// # Errors
/// See [`Refusal`].
pub fn check_produced(records: &Bytes, rules: &ProduceRules) -> Result<Batch, Refusal> {
    let invalid = |message: &str| Err(Refusal::new(ErrorCode::INVALID_RECORD, message));
    let mut rest = records.clone();
    if rest.is_empty() {
        return invalid("the request has no batch for the partition");
    }
    if rest.len() > rules.max_bytes {
        let message = format!("the batch has {} bytes; {} are allowed in this topic", rest.len(), rules.max_bytes);
        return Err(Refusal::new(ErrorCode::MESSAGE_TOO_LARGE, message));
    }
    let batch = Batch::read(&mut rest)?;
    if !rest.is_empty() {
        return invalid("the request has more than one batch for the partition");
    }
    if batch.codec() == Codec::Zstd && rules.version < ZSTD_SINCE {
        let message = format!("zstd wants version {ZSTD_SINCE} of Produce or a later one");
        return Err(Refusal::new(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE, message));
    }
    if let Codec::Unknown(_) = batch.codec() {
        return Err(BatchError::Codec(batch.codec()).into());
    }
    if batch.count == 0 || i64::from(batch.count) != i64::from(batch.last_offset_delta) + 1 {
        return invalid("the batch's count of records does not match its offsets");
    }
    if batch.is_control() {
        return invalid("only a broker writes control batches");
    }
    if batch.delete_horizon().is_some() {
        return invalid("only compaction sets a delete horizon");
    }
    if batch.is_log_append_time() {
        return Err(Refusal::new(ErrorCode::INVALID_TIMESTAMP, "only a broker sets the time of the append"));
    }
    match batch.producer() {
        Some(producer) if producer.base_sequence < 0 || producer.epoch < 0 => {
            invalid("a batch with a producer id has no sequence or no epoch")
        }
        None if batch.is_transactional() => invalid("a transactional batch has no producer id"),
        _ => Ok(batch),
    }
}

/// Checks every record of a batch that [`check_produced`] took, in one pass that decompresses them where they are
/// compressed; gives the greatest timestamp (-1: no record has one), which the header of a careless producer may not have.
///
/// # Errors
/// See [`Refusal`].
pub fn check_records(batch: &Batch, rules: &ProduceRules) -> Result<i64, Refusal> {
    let plain = batch.plain()?;
    let (earliest, latest) = rules.timestamps;
    let mut max_timestamp = NO_TIMESTAMP;
    let (mut keyless, mut untimely, mut named) = (false, false, Vec::new());
    for (index, record) in (0u32..).zip(batch.raw_records(&plain)?) {
        let record = record?;
        if record.offset.wrapping_sub(batch.base_offset) != i64::from(index) {
            return Err(BatchError::Record(index).into());
        }
        let no_key = rules.keys_required && record.key.is_none();
        let no_time = !(earliest..=latest).contains(&record.timestamp) && record.timestamp != NO_TIMESTAMP;
        if no_key || no_time {
            (keyless, untimely) = (keyless || no_key, untimely || no_time);
            if named.len() < REFUSED_RECORDS {
                named.push(index);
            }
        }
        max_timestamp = max_timestamp.max(record.timestamp);
    }
    // As with Kafka, a wrong time goes before a missing key.
    let (code, message) = match (untimely, keyless) {
        (true, _) => (ErrorCode::INVALID_TIMESTAMP, "timestamps are further from now than the topic allows"),
        (_, true) => (ErrorCode::INVALID_RECORD, "a compacted topic takes no record without a key"),
        _ => return Ok(max_timestamp),
    };
    Err(Refusal { records: named, ..Refusal::new(code, message) })
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::batch::patch::{HeaderMut, Producer};
    use crate::batch::{BatchBuilder, Marker, recompress, retain};

    const RULES: ProduceRules =
        ProduceRules { version: 9, max_bytes: 10_000, keys_required: false, timestamps: (i64::MIN, i64::MAX) };

    fn batch(keys: &[Option<&str>]) -> BytesMut {
        let mut builder = BatchBuilder::default();
        for (key, timestamp) in keys.iter().zip([7, 9, 8, 6]) {
            builder.begin(timestamp);
            if let Some(key) = key {
                builder.key();
                builder.push(key.as_bytes());
            }
            builder.value();
            builder.push(b"value");
            builder.end().unwrap();
        }
        builder.finish().unwrap().bytes
    }

    fn good() -> BytesMut {
        batch(&[Some("a"), None, Some("c")])
    }

    /// A good batch with a field changed and its CRC right.
    fn with(at: usize, field: &[u8]) -> Bytes {
        let mut bytes = good();
        bytes[at..at + field.len()].copy_from_slice(field);
        HeaderMut::new(&mut bytes).unwrap().seal();
        bytes.freeze()
    }

    fn refused(bytes: impl Into<Bytes>) -> Option<ErrorCode> {
        check_produced(&bytes.into(), &RULES).err().map(|refusal| refusal.code)
    }

    #[test]
    fn a_good_batch_is_taken_in_every_codec() {
        for codec in Codec::ALL {
            let plain = Batch::read(&mut good().freeze()).unwrap();
            let bytes = recompress(&plain, codec).unwrap().freeze();
            let batch = check_produced(&bytes, &RULES).unwrap();
            assert_eq!(check_records(&batch, &RULES), Ok(9), "{codec:?}");
        }
    }

    #[test]
    fn each_fault_of_a_header_has_its_code() {
        assert_eq!(refused(Bytes::new()), Some(ErrorCode::INVALID_RECORD));
        assert_eq!(refused([good(), good()].concat()), Some(ErrorCode::INVALID_RECORD));
        assert_eq!(refused(good().freeze().slice(..70)), Some(ErrorCode::CORRUPT_MESSAGE));
        assert_eq!(refused(with(16, &[1])), Some(ErrorCode::INVALID_RECORD));
        assert_eq!(refused(with(23, &5i32.to_be_bytes())), Some(ErrorCode::INVALID_RECORD));
        assert_eq!(refused(with(21, &0x20i16.to_be_bytes())), Some(ErrorCode::INVALID_RECORD));
        assert_eq!(refused(with(21, &0x40i16.to_be_bytes())), Some(ErrorCode::INVALID_RECORD));
        assert_eq!(refused(with(21, &0x10i16.to_be_bytes())), Some(ErrorCode::INVALID_RECORD));
        assert_eq!(refused(with(21, &0x08i16.to_be_bytes())), Some(ErrorCode::INVALID_TIMESTAMP));
        assert_eq!(refused(with(21, &7i16.to_be_bytes())), Some(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE));
        assert_eq!(refused(with(43, &5i64.to_be_bytes())), Some(ErrorCode::INVALID_RECORD));
        let mut flipped = good();
        flipped[70] ^= 1;
        assert_eq!(refused(flipped), Some(ErrorCode::CORRUPT_MESSAGE));
        let rules = ProduceRules { max_bytes: 80, ..RULES };
        let refusal = check_produced(&good().freeze(), &rules).map(|batch| batch.count);
        assert_eq!(refusal.map_err(|refusal| refusal.code), Err(ErrorCode::MESSAGE_TOO_LARGE));
    }

    #[test]
    fn an_idempotent_batch_is_taken() {
        let mut bytes = good();
        let mut header = HeaderMut::new(&mut bytes).unwrap();
        header.set_producer(Producer { id: 1, epoch: 0, base_sequence: 0, transactional: true });
        header.seal();
        assert_eq!(refused(bytes), None);
    }

    #[test]
    fn zstd_is_refused_from_requests_that_do_not_know_it() {
        let plain = Batch::read(&mut good().freeze()).unwrap();
        let bytes = recompress(&plain, Codec::Zstd).unwrap().freeze();
        let refusal = check_produced(&bytes, &ProduceRules { version: 6, ..RULES }).map(|batch| batch.count);
        assert_eq!(refusal.map_err(|refusal| refusal.code), Err(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE));
    }

    #[test]
    fn markers_are_not_for_clients() {
        let marker = Marker { producer_id: 1, producer_epoch: 0, committed: true, coordinator_epoch: 0, timestamp: 0 };
        assert_eq!(refused(marker.to_batch().unwrap()), Some(ErrorCode::INVALID_RECORD));
    }

    #[test]
    fn records_are_named_that_a_topic_does_not_take() {
        let batch = check_produced(&good().freeze(), &RULES).unwrap();
        let rules = ProduceRules { keys_required: true, ..RULES };
        let refusal = check_records(&batch, &rules).unwrap_err();
        assert_eq!((refusal.code, refusal.records), (ErrorCode::INVALID_RECORD, vec![1]));
        // Of the timestamps 7, 9 and 8.
        let refusal = check_records(&batch, &ProduceRules { timestamps: (8, 8), ..rules }).unwrap_err();
        assert_eq!((refusal.code, refusal.records), (ErrorCode::INVALID_TIMESTAMP, vec![0, 1]));
    }

    #[test]
    fn a_record_without_a_timestamp_is_as_timely_as_any() {
        let mut builder = BatchBuilder::default();
        builder.begin(NO_TIMESTAMP);
        builder.end().unwrap();
        let batch = check_produced(&builder.finish().unwrap().bytes.freeze(), &RULES).unwrap();
        assert_eq!(check_records(&batch, &ProduceRules { timestamps: (5, 6), ..RULES }), Ok(NO_TIMESTAMP));
    }

    #[test]
    fn of_many_records_that_are_wrong_some_are_named() {
        let mut builder = BatchBuilder::default();
        for _ in 0..=REFUSED_RECORDS {
            builder.begin(1);
            builder.end().unwrap();
        }
        let batch = Batch::read(&mut builder.finish().unwrap().bytes.freeze()).unwrap();
        let refusal = check_records(&batch, &ProduceRules { keys_required: true, ..RULES }).unwrap_err();
        assert_eq!(refusal.records.len(), REFUSED_RECORDS);
    }

    #[test]
    fn records_whose_offsets_have_gaps_or_whose_bytes_are_malformed_are_refused() {
        let whole = Batch::read(&mut good().freeze()).unwrap();
        let mut gap = retain(&whole, None, |record| record.key.is_some()).unwrap().unwrap().bytes;
        // It claims to have no gap.
        gap[23..27].copy_from_slice(&1i32.to_be_bytes());
        HeaderMut::new(&mut gap).unwrap().seal();
        let batch = check_produced(&gap.freeze(), &RULES).unwrap();
        assert_eq!(check_records(&batch, &RULES).unwrap_err().records, [1]);
        let batch = check_produced(&with(61, &[0x7E]), &RULES).unwrap();
        assert_eq!(check_records(&batch, &RULES).unwrap_err().code, ErrorCode::INVALID_RECORD);
    }
}
