//! Batches made of batches: with fewer records, for compaction; with another codec, for clients that lack one and for
//! topics that want one. Offsets stay what they are.

use bytes::{Bytes, BytesMut};

use super::compression::{self, Codec};
use super::patch::{Change, with_header, with_records};
use super::read::DELETE_HORIZON;
use super::{Batch, BatchError, HEADER_BYTES, RawRecord, lz4};
use crate::limits::COMPRESSED_PLAIN_BYTES;
use crate::{Buffers, varint};

/// A batch with fewer records.
#[derive(Debug)]
pub struct Retained {
    /// The batch. Without a record it is a header, which still says what the producer's last sequence was.
    pub bytes: BytesMut,
    /// How many records are left.
    pub records: u32,
    /// Greatest timestamp of those.
    pub max_timestamp: i64,
}

/// The batch with only the records that `keep` wants, in the same codec; `None` when it would be the same.
///
/// With a `delete_horizon`, in milliseconds since 1970, the batch says from when on its tombstones may go, unless it says
/// so already (KIP-534).
///
/// # Errors
/// The records cannot be read.
pub fn retain(
    batch: &Batch,
    delete_horizon: Option<i64>,
    mut keep: impl FnMut(&RawRecord<'_>) -> bool,
) -> Result<Option<Retained>, BatchError> {
    let horizon = delete_horizon.filter(|_| batch.delete_horizon().is_none());
    // The horizon takes the place of the base timestamp, so the records' timestamps count from it.
    let base_timestamp = horizon.unwrap_or(batch.base_timestamp);
    let plain = batch.plain()?;
    let mut out = BytesMut::with_capacity(plain.len());
    let (mut records, mut max_timestamp) = (0, None);
    for record in batch.raw_records(&plain)? {
        let record = record?;
        if !keep(&record) {
            continue;
        }
        let delta = record.timestamp.wrapping_sub(base_timestamp);
        // Attributes: none are defined.
        let length = 1 + varint::length(delta) + record.behind_timestamp.len();
        varint::put(&mut out, length as i64);
        out.extend_from_slice(&[0]);
        varint::put(&mut out, delta);
        out.extend_from_slice(record.behind_timestamp);
        records += 1;
        max_timestamp = max_timestamp.max(Some(record.timestamp));
    }
    if records == batch.count && horizon.is_none() {
        return Ok(None);
    }
    let max_timestamp = max_timestamp.unwrap_or(batch.max_timestamp);
    let marked = if horizon.is_some() { batch.attributes() | DELETE_HORIZON } else { batch.attributes() };
    // No codec has a form for nothing that every client reads.
    let codec = if records == 0 { Codec::None } else { batch.codec() };
    let change = Change { attributes: codec.in_attributes(marked), base_timestamp, max_timestamp, count: records };
    let bytes = match codec {
        Codec::None => with_records(batch, change, &out),
        codec => with_records(batch, change, &compression::compress(codec, &out)?),
    };
    Ok(Some(Retained { bytes, records, max_timestamp }))
}

/// The same records in another codec.
///
/// # Errors
/// The records cannot be decompressed, or the codec is unknown.
pub fn recompress(batch: &Batch, codec: Codec) -> Result<BytesMut, BatchError> {
    let plain = batch.plain()?;
    let change = Change {
        attributes: codec.in_attributes(batch.attributes()),
        base_timestamp: batch.base_timestamp,
        max_timestamp: batch.max_timestamp,
        count: batch.count,
    };
    Ok(match codec {
        Codec::None => with_records(batch, change, &plain),
        codec => with_records(batch, change, &compression::compress(codec, &plain)?),
    })
}

/// The same records without compression. Where they are an LZ4 frame as our batches have them, they go straight into such
/// a buffer.
///
/// # Errors
/// As for [`recompress`].
pub fn expand(batch: &Batch, buffers: &Buffers) -> Result<Bytes, BatchError> {
    let (header, frame) = batch.bytes().split_at(HEADER_BYTES);
    let plain_bytes = match batch.codec() {
        Codec::Lz4 => lz4::plain_bytes(frame, COMPRESSED_PLAIN_BYTES),
        _ => None,
    };
    let Some(plain_bytes) = plain_bytes else { return recompress(batch, Codec::None).map(BytesMut::freeze) };
    let change = Change {
        attributes: Codec::None.in_attributes(batch.attributes()),
        base_timestamp: batch.base_timestamp,
        max_timestamp: batch.max_timestamp,
        count: batch.count,
    };
    buffers.written(HEADER_BYTES + plain_bytes, |out| {
        out.extend_from_slice(header);
        lz4::append(frame, out).ok_or(BatchError::Frame)?;
        with_header(out, change);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::patch::{HeaderMut, Producer};
    use crate::batch::{BatchBuilder, Record};

    const PRODUCER: Producer = Producer { id: 9, epoch: 1, base_sequence: 40, transactional: false };

    /// Ten records from offset 1,000 on, with a header each; every third is a tombstone.
    fn batch() -> Batch {
        let mut builder = BatchBuilder::default();
        for n in 0..10i64 {
            builder.begin(5_000 + 1_000 * n);
            builder.key();
            builder.push(format!("key {n}").as_bytes());
            if n % 3 > 0 {
                builder.value();
                builder.push(&[b'v'; 200]);
            }
            builder.header("h");
            builder.push(&n.to_be_bytes());
            builder.end().unwrap();
        }
        let mut bytes = builder.finish().unwrap().bytes;
        let mut header = HeaderMut::new(&mut bytes).unwrap();
        header.set_base_offset(1_000);
        header.set_producer(PRODUCER);
        header.seal();
        Batch::read(&mut bytes.freeze()).unwrap()
    }

    fn read(bytes: BytesMut) -> Batch {
        Batch::read(&mut bytes.freeze()).unwrap()
    }

    fn records(batch: &Batch) -> Vec<Record> {
        batch.records().unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn records_that_stay_keep_offsets_times_and_headers_in_each_codec() {
        for codec in Codec::ALL {
            let batch = read(recompress(&batch(), codec).unwrap());
            let kept = retain(&batch, None, |record| record.value.is_some()).unwrap().unwrap();
            let less = read(kept.bytes);
            let expected: Vec<_> = records(&batch).into_iter().filter(|record| record.value.is_some()).collect();
            assert_eq!(records(&less), expected, "{codec:?}");
            assert_eq!((less.codec(), less.count, kept.records), (codec, 6, 6));
            assert_eq!((less.base_offset, less.last_offset_delta), (1_000, 9));
            assert_eq!((less.producer(), less.max_timestamp, kept.max_timestamp), (Some(PRODUCER), 13_000, 13_000));
        }
    }

    #[test]
    fn a_batch_that_keeps_all_is_left_alone() {
        assert!(retain(&batch(), None, |_| true).unwrap().is_none());
    }

    #[test]
    fn a_batch_without_records_still_says_who_produced_it() {
        let batch = read(recompress(&batch(), Codec::Zstd).unwrap());
        let empty = read(retain(&batch, None, |_| false).unwrap().unwrap().bytes);
        assert_eq!((empty.count, empty.last_offset_delta, empty.codec()), (0, 9, Codec::None));
        assert_eq!(empty.producer(), Some(PRODUCER));
        assert_eq!(records(&empty), []);
    }

    #[test]
    fn a_delete_horizon_is_set_once_and_leaves_the_times_of_records() {
        let batch = batch();
        assert_eq!(batch.delete_horizon(), None);
        let marked = read(retain(&batch, Some(86_400_000), |_| true).unwrap().unwrap().bytes);
        assert_eq!(marked.delete_horizon(), Some(86_400_000));
        assert_eq!(records(&marked), records(&batch));
        assert!(retain(&marked, Some(99_000_000), |_| true).unwrap().is_none());
    }

    #[test]
    fn expanded_batches_are_the_plain_ones_whoever_compressed_them() {
        use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
        use std::io::Write;

        let plain = batch();
        let expected = recompress(&plain, Codec::None).unwrap();
        let mut all: Vec<Batch> = Codec::ALL.map(|codec| read(recompress(&plain, codec).unwrap())).into();
        // A frame as ours are.
        let info = FrameInfo::new().block_size(BlockSize::Max1MB).block_mode(BlockMode::Independent);
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(&plain.plain().unwrap()).unwrap();
        let frame = encoder.finish().unwrap();
        assert!(lz4::plain_bytes(&frame, COMPRESSED_PLAIN_BYTES).is_some());
        let change = Change {
            attributes: Codec::Lz4.in_attributes(plain.attributes()),
            base_timestamp: plain.base_timestamp,
            max_timestamp: plain.max_timestamp,
            count: plain.count,
        };
        all.push(read(with_records(&plain, change, &frame)));
        for batch in all {
            assert_eq!(expand(&batch, &Buffers::default()).unwrap(), expected, "{:?}", batch.codec());
        }
    }

    #[test]
    fn every_codec_holds_the_same_records() {
        let plain = batch();
        for codec in Codec::ALL {
            let other = read(recompress(&plain, codec).unwrap());
            assert_eq!((other.codec(), records(&other)), (codec, records(&plain)));
            assert_eq!(recompress(&other, Codec::None).unwrap(), plain.bytes());
        }
        assert_eq!(recompress(&plain, Codec::Unknown(6)), Err(BatchError::Codec(Codec::Unknown(6))));
    }
}
