//! Changing the header of a batch in place.

use bytes::BytesMut;

use super::read::{Batch, BatchError, CONTROL, LOG_APPEND_TIME, TRANSACTIONAL};
use super::{ATTRIBUTES_AT, CRC_AT, HEADER_BYTES, LENGTH_END};

const LAST_OFFSET_DELTA_END: usize = 27;
const MAX_TIMESTAMP_AT: usize = 35;
const PRODUCER_AT: usize = 43;

/// Who produced a batch idempotently (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Producer {
    /// As given by `InitProducerId`.
    pub id: i64,
    /// Its epoch.
    pub epoch: i16,
    /// The sequence of the batch's first record.
    pub base_sequence: i32,
    /// Whether the batch is part of a transaction.
    pub transactional: bool,
}

/// The header of a batch, to be changed.
#[derive(Debug)]
pub struct HeaderMut<'a> {
    batch: &'a mut [u8],
}

impl<'a> HeaderMut<'a> {
    /// Of one whole batch.
    ///
    /// # Errors
    /// The bytes are fewer than a header.
    pub fn new(batch: &'a mut [u8]) -> Result<Self, BatchError> {
        if batch.len() < HEADER_BYTES { Err(BatchError::Short) } else { Ok(HeaderMut { batch }) }
    }

    /// Sets the offset of the first record. The CRC does not cover it.
    pub fn set_base_offset(&mut self, offset: i64) {
        self.put(0, &offset.to_be_bytes());
    }

    /// Sets the leader epoch. The CRC does not cover it.
    pub fn set_leader_epoch(&mut self, epoch: i32) {
        self.put(LENGTH_END, &epoch.to_be_bytes());
    }

    /// Gives all records this time, in milliseconds since 1970, as `message.timestamp.type=LogAppendTime` wants it.
    /// [`seal`](Self::seal) is to follow.
    pub fn set_log_append_time(&mut self, millis: i64) {
        self.put(MAX_TIMESTAMP_AT, &millis.to_be_bytes());
        self.set_attributes(LOG_APPEND_TIME);
    }

    /// Sets the greatest timestamp. [`seal`](Self::seal) is to follow.
    pub fn set_max_timestamp(&mut self, millis: i64) {
        self.put(MAX_TIMESTAMP_AT, &millis.to_be_bytes());
    }

    /// Says who produced the batch. [`seal`](Self::seal) is to follow.
    pub fn set_producer(&mut self, producer: Producer) {
        self.put(PRODUCER_AT, &producer.id.to_be_bytes());
        self.put(PRODUCER_AT + 8, &producer.epoch.to_be_bytes());
        self.put(PRODUCER_AT + 10, &producer.base_sequence.to_be_bytes());
        if producer.transactional {
            self.set_attributes(TRANSACTIONAL);
        }
    }

    /// Says that the record is not data but the end of a transaction. [`seal`](Self::seal) is to follow.
    pub(super) fn set_control(&mut self) {
        self.set_attributes(CONTROL);
    }

    /// Makes the CRC right again.
    pub fn seal(self) {
        seal(self.batch);
    }

    fn set_attributes(&mut self, bits: i16) {
        let [high, low] = bits.to_be_bytes();
        self.batch[ATTRIBUTES_AT] |= high;
        self.batch[ATTRIBUTES_AT + 1] |= low;
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.batch[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

/// What a batch becomes when its records do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) attributes: i16,
    pub(super) base_timestamp: i64,
    pub(super) max_timestamp: i64,
    pub(super) count: u32,
}

/// A batch like another with other records, which are compressed already: offsets, epoch and producer stay.
pub(super) fn with_records(batch: &Batch, change: Change, records: &[u8]) -> BytesMut {
    let mut out = BytesMut::with_capacity(HEADER_BYTES + records.len());
    out.extend_from_slice(&batch.bytes()[..HEADER_BYTES]);
    out.extend_from_slice(records);
    with_header(&mut out, change);
    out
}

/// Gives a batch that has another's header and its own records its own header.
pub(super) fn with_header(out: &mut [u8], change: Change) {
    let length = (out.len() - LENGTH_END) as i32;
    out[8..LENGTH_END].copy_from_slice(&length.to_be_bytes());
    out[ATTRIBUTES_AT..ATTRIBUTES_AT + 2].copy_from_slice(&change.attributes.to_be_bytes());
    out[LAST_OFFSET_DELTA_END..MAX_TIMESTAMP_AT].copy_from_slice(&change.base_timestamp.to_be_bytes());
    out[MAX_TIMESTAMP_AT..PRODUCER_AT].copy_from_slice(&change.max_timestamp.to_be_bytes());
    out[HEADER_BYTES - 4..HEADER_BYTES].copy_from_slice(&change.count.to_be_bytes());
    seal(out);
}

fn seal(batch: &mut [u8]) {
    let crc = crc32c::crc32c(&batch[ATTRIBUTES_AT..]);
    batch[CRC_AT..ATTRIBUTES_AT].copy_from_slice(&crc.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::BatchBuilder;

    fn batch() -> BytesMut {
        let mut builder = BatchBuilder::default();
        for timestamp in [5, 9] {
            builder.begin(timestamp);
            builder.value();
            builder.push(b"value");
            builder.end().unwrap();
        }
        builder.finish().unwrap().bytes
    }

    fn read(bytes: BytesMut) -> Batch {
        Batch::read(&mut bytes.freeze()).unwrap()
    }

    #[test]
    fn offset_and_epoch_are_set_in_place_without_the_crc() {
        let mut bytes = batch();
        let mut header = HeaderMut::new(&mut bytes).unwrap();
        header.set_base_offset(77);
        header.set_leader_epoch(3);
        let batch = read(bytes);
        assert_eq!((batch.base_offset, batch.leader_epoch), (77, 3));
    }

    #[test]
    fn log_append_time_is_that_of_every_record() {
        let mut bytes = batch();
        let mut header = HeaderMut::new(&mut bytes).unwrap();
        header.set_log_append_time(99);
        header.seal();
        let batch = read(bytes);
        assert!(batch.records().unwrap().all(|record| record.unwrap().timestamp == 99));
    }

    #[test]
    fn a_producer_says_who_it_is() {
        let mut bytes = batch();
        let mut header = HeaderMut::new(&mut bytes).unwrap();
        let producer = Producer { id: 4_000, epoch: 2, base_sequence: 17, transactional: true };
        header.set_producer(producer);
        header.set_max_timestamp(12);
        header.seal();
        let batch = read(bytes);
        assert_eq!((batch.producer(), batch.max_timestamp), (Some(producer), 12));
        assert_eq!(read(self::batch()).producer(), None);
    }
}
