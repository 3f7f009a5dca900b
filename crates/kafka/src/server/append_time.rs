//! The log's time in place of the producer's, where a topic wants it.

use bytes::{Bytes, BytesMut};

/// Places in a record batch, version 2.
const CRC: std::ops::Range<usize> = 17..21;
const ATTRIBUTES: std::ops::Range<usize> = 21..23;
const MAX_TIMESTAMP: std::ops::Range<usize> = 35..43;
const HEADER_BYTES: usize = 61;
/// The attribute that says whose time it is; in the second byte.
const APPEND_TIME: u8 = 8;

/// A batch whose header was checked, with this time for all its records; without a copy when nobody else has its bytes.
pub(super) fn with_append_time(batch: Bytes, now_ms: i64) -> Bytes {
    let mut bytes = batch.try_into_mut().unwrap_or_else(|shared| BytesMut::from(shared.as_ref()));
    if bytes.len() >= HEADER_BYTES {
        bytes[ATTRIBUTES.end - 1] |= APPEND_TIME;
        bytes[MAX_TIMESTAMP].copy_from_slice(&now_ms.to_be_bytes());
        let crc = crc32c::crc32c(&bytes[ATTRIBUTES.start..]);
        bytes[CRC].copy_from_slice(&crc.to_be_bytes());
    }
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use tailwater_wire::batch::{Batch, BatchBuilder};

    use super::*;

    #[test]
    fn every_record_has_the_logs_time_and_the_crc_is_right() {
        let mut builder = BatchBuilder::default();
        for timestamp in [5, 9] {
            builder.begin(timestamp);
            builder.value();
            builder.push(b"v");
            builder.end().unwrap();
        }
        let bytes = builder.finish().unwrap().bytes.freeze();
        let place = bytes.as_ptr();
        let mut stamped = with_append_time(bytes, 77);
        assert_eq!(stamped.as_ptr(), place);
        let batch = Batch::read(&mut stamped).unwrap();
        assert!(batch.is_log_append_time());
        assert!(batch.records().unwrap().all(|record| record.unwrap().timestamp == 77));
    }
}
