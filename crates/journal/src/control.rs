//! The record batch that marks the end of a transaction in a partition (KIP-98): one control record.

use crate::TransactionEnd;
use bytes::{BufMut, BytesMut};

/// Bytes of a marker's batch.
const MARKER_BYTES: usize = 61 + RECORD_BYTES;
/// The record: seven numbers of a byte each, key and value.
const RECORD_BYTES: usize = 7 + 4 + 6;
/// The batch is of a transaction, and a control batch.
const ATTRIBUTES: i16 = 0x10 | 0x20;
/// Fields that the batch's CRC does not cover.
const CRC_FROM: usize = 21;

/// A marker, its base offset still 0.
pub(crate) fn marker(end: &TransactionEnd, now_ms: i64) -> BytesMut {
    let mut out = BytesMut::with_capacity(MARKER_BYTES);
    out.put_i64(0);
    out.put_i32(MARKER_BYTES as i32 - 12);
    out.put_i32(0);
    out.put_u8(2);
    out.put_u32(0);
    out.put_i16(ATTRIBUTES);
    out.put_i32(0);
    out.put_i64(now_ms);
    out.put_i64(now_ms);
    out.put_i64(end.producer);
    out.put_i16(end.epoch);
    out.put_i32(-1);
    out.put_i32(1);
    // Lengths and deltas are zigzag numbers, all small enough for one byte.
    out.put_u8((RECORD_BYTES as u8 - 1) << 1);
    out.put_slice(&[0, 0, 0]);
    out.put_u8(4 << 1);
    out.put_i16(0);
    out.put_i16(i16::from(end.commit));
    out.put_u8(6 << 1);
    out.put_i16(0);
    out.put_i32(end.coordinator_epoch);
    out.put_u8(0);
    let crc = crc32c::crc32c(out.get(CRC_FROM..).unwrap_or_default());
    if let Some(field) = out.get_mut(17..CRC_FROM) {
        field.copy_from_slice(&crc.to_be_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ConnectorId;
    use tailwater_wire::batch::Batch;

    #[test]
    fn a_marker_reads_as_one_control_record() {
        let mut end = TransactionEnd {
            producer: 7,
            epoch: 3,
            commit: true,
            coordinator_epoch: 5,
            partitions: Vec::new(),
            connector: ConnectorId(0),
            entries: Vec::new(),
        };
        for commit in [true, false] {
            end.commit = commit;
            let mut bytes = marker(&end, 1000).freeze();
            assert_eq!(bytes.len(), MARKER_BYTES);
            let batch = Batch::read(&mut bytes).unwrap();
            assert!(bytes.is_empty() && batch.is_control() && batch.is_transactional());
            assert_eq!((batch.producer_id, batch.producer_epoch, batch.base_sequence), (7, 3, -1));
            assert_eq!((batch.max_timestamp, batch.count, batch.last_offset_delta), (1000, 1, 0));
            let records: Vec<_> = batch.records().unwrap().map(Result::unwrap).collect();
            assert_eq!(records[0].key.as_ref().unwrap()[..], [0, 0, 0, u8::from(commit)]);
            assert_eq!(records[0].value.as_ref().unwrap()[..], [0, 0, 0, 0, 0, 5]);
        }
    }
}
