//! Control batches: the marker that ends a transaction (KIP-98). Consumers skip it, read_committed ones obey it.
//!
//! One record: its key is a version and what the marker says, its value a version and the coordinator's epoch.

use bytes::BytesMut;

use super::patch::{HeaderMut, Producer};
use super::{Batch, BatchBuilder, BatchError};

/// Version of key and value.
const VERSION: i16 = 0;
const ABORT: i16 = 0;
const COMMIT: i16 = 1;

/// The end of a producer's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// Whose transaction.
    pub producer_id: i64,
    /// The producer's epoch.
    pub producer_epoch: i16,
    /// Whether it counts.
    pub committed: bool,
    /// Epoch of the coordinator.
    pub coordinator_epoch: i32,
    /// Milliseconds since 1970.
    pub timestamp: i64,
}

impl Marker {
    /// The batch with base offset 0.
    ///
    /// # Errors
    /// None in fact.
    pub fn to_batch(&self) -> Result<BytesMut, BatchError> {
        let mut builder = BatchBuilder::default();
        builder.begin(self.timestamp);
        builder.key();
        builder.push(&VERSION.to_be_bytes());
        builder.push(&if self.committed { COMMIT } else { ABORT }.to_be_bytes());
        builder.value();
        builder.push(&VERSION.to_be_bytes());
        builder.push(&self.coordinator_epoch.to_be_bytes());
        builder.end().map_err(|_| BatchError::Record(0))?;
        let mut bytes = builder.finish().ok_or(BatchError::Record(0))?.bytes;
        let mut header = HeaderMut::new(&mut bytes)?;
        let (id, epoch) = (self.producer_id, self.producer_epoch);
        header.set_producer(Producer { id, epoch, base_sequence: -1, transactional: true });
        header.set_control();
        header.seal();
        Ok(bytes)
    }

    /// Reads it back; `None` when the batch is data, or a control batch of another kind.
    ///
    /// # Errors
    /// The batch's record cannot be read.
    pub fn of(batch: &Batch) -> Result<Option<Marker>, BatchError> {
        if !batch.is_control() || !batch.is_transactional() {
            return Ok(None);
        }
        let plain = batch.plain()?;
        let Some(record) = batch.raw_records(&plain)?.next() else { return Ok(None) };
        let record = record?;
        let committed = match record.key {
            Some(&[_, _, high, low]) => match i16::from_be_bytes([high, low]) {
                COMMIT => true,
                ABORT => false,
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        let epoch = record.value.and_then(|value| value.get(2..6)).and_then(|epoch| epoch.first_chunk());
        Ok(Some(Marker {
            producer_id: batch.producer_id,
            producer_epoch: batch.producer_epoch,
            committed,
            coordinator_epoch: epoch.map_or(-1, |epoch| i32::from_be_bytes(*epoch)),
            timestamp: record.timestamp,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_reads_back_and_is_no_data() {
        for committed in [true, false] {
            let marker =
                Marker { producer_id: 7, producer_epoch: 1, committed, coordinator_epoch: 3, timestamp: 1_000 };
            let batch = Batch::read(&mut marker.to_batch().unwrap().freeze()).unwrap();
            assert!(batch.is_control() && batch.is_transactional());
            assert_eq!(batch.base_sequence, -1);
            assert_eq!(Marker::of(&batch), Ok(Some(marker)));
        }
    }

    #[test]
    fn a_marker_has_the_bytes_of_the_format() {
        let marker =
            Marker { producer_id: 7, producer_epoch: 1, committed: true, coordinator_epoch: 3, timestamp: 1_000 };
        let bytes = marker.to_batch().unwrap();
        // Attributes: transactional and control. Then the record: 16 bytes, delta 0, offset 0, key of 4, value of 6.
        assert_eq!(bytes[21..23], [0, 0x30]);
        assert_eq!(bytes[61..], [0x20, 0, 0, 0, 8, 0, 0, 0, 1, 12, 0, 0, 0, 0, 0, 3, 0]);
    }

    #[test]
    fn data_is_no_marker() {
        let mut builder = BatchBuilder::default();
        builder.begin(0);
        builder.end().unwrap();
        let batch = Batch::read(&mut builder.finish().unwrap().bytes.freeze()).unwrap();
        assert_eq!(Marker::of(&batch), Ok(None));
    }
}
