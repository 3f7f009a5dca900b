//! Batches for clients that do not read LZ4: the same records, not compressed.

use bytes::Bytes;
use tailwater_wire::batch::{Batch, BatchBuilder, BatchError};

/// A batch with its records plain; one that is plain already as it is. Offsets and timestamps stay.
pub(super) fn expand(stored: &Bytes) -> Result<Bytes, BatchError> {
    let batch = Batch::read_unverified(stored)?;
    if batch.codec() == tailwater_wire::batch::Codec::None {
        return Ok(stored.clone());
    }
    let mut builder = BatchBuilder::default();
    for record in batch.records()? {
        let record = record?;
        builder.begin(record.timestamp);
        if let Some(key) = &record.key {
            builder.key();
            builder.push(key);
        }
        if let Some(value) = &record.value {
            builder.value();
            builder.push(value);
        }
        for header in &record.headers {
            builder.header(&String::from_utf8_lossy(&header.name));
            builder.push(header.value.as_deref().unwrap_or_default());
        }
        builder.end().map_err(|_| BatchError::Frame)?;
    }
    let mut bytes = builder.finish().ok_or(BatchError::Frame)?.bytes;
    bytes[..8].copy_from_slice(&batch.base_offset.to_be_bytes());
    Ok(bytes.freeze())
}
