//! The frame: the unit that is written, checked and recovered as a whole.
//!
//! ```text
//! 0  magic "TWFR"      8  sequence        24 connector   36 length of meta      48 CRC of bytes 0..48
//! 4  version, kind     16 synced_through  28 era         40 length of payload   52 meta, payload
//! 6  reserved (0)                         32 CRC of the  44 CRC of meta
//!                                            frame before
//! ```
//!
//! Meta is the [`Record`]; payload is its record batches, one after the other, each with its own CRC in the meta, so
//! that a reader checks what it reads and no more. All numbers are little-endian, all CRCs are CRC-32C. A frame's
//! identity in the chain is the CRC of its header, which covers everything else through the CRC of the meta.
//! A change here needs a new [`VERSION`], or a new kind.

use crate::codec::{Input, Malformed, Put};
use crate::limits::{META_MAX_BYTES, PAYLOAD_MAX_BYTES};
use crate::record::Record;

/// First bytes of a frame.
pub(crate) const MAGIC: [u8; 4] = *b"TWFR";
/// Bytes before the meta.
pub(crate) const HEADER_BYTES: usize = 52;
/// Newest frame version.
pub(crate) const VERSION: u8 = 1;
/// The fixed part of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: u8,
    pub(crate) sequence: u64,
    pub(crate) synced_through: u64,
    pub(crate) connector: u32,
    pub(crate) era: u32,
    /// CRC of the header of the frame before.
    pub(crate) previous: u32,
    pub(crate) meta_bytes: u32,
    pub(crate) payload_bytes: u32,
    pub(crate) meta_crc: u32,
    /// CRC of this header.
    pub(crate) crc: u32,
}

/// Why bytes are no header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadHeader {
    Invalid(&'static str),
    /// Valid, but of a version that is not known here.
    Newer(u8),
}

impl Header {
    /// Bytes of the whole frame.
    pub(crate) fn frame_bytes(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.meta_bytes) + u64::from(self.payload_bytes)
    }

    /// Completes and encodes the header; `crc` of `self` is ignored and returned.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> u32 {
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION, self.kind, 0, 0]);
        out.u64(self.sequence);
        out.u64(self.synced_through);
        for word in [self.connector, self.era, self.previous, self.meta_bytes, self.payload_bytes, self.meta_crc] {
            out.u32(word);
        }
        let crc = crc32c::crc32c(out.get(start..).unwrap_or_default());
        out.u32(crc);
        crc
    }

    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, BadHeader> {
        let fields = |input: &mut Input<'_>| -> Result<(u8, Self), Malformed> {
            input.take(4)?;
            let version = input.u8()?;
            let kind = input.u8()?;
            input.take(2)?;
            let header = Self {
                kind,
                sequence: input.u64()?,
                synced_through: input.u64()?,
                connector: input.u32()?,
                era: input.u32()?,
                previous: input.u32()?,
                meta_bytes: input.u32()?,
                payload_bytes: input.u32()?,
                meta_crc: input.u32()?,
                crc: input.u32()?,
            };
            Ok((version, header))
        };
        if !bytes.starts_with(&MAGIC) {
            return Err(BadHeader::Invalid("no frame starts here"));
        }
        let (version, header) = fields(&mut Input::new(bytes)).map_err(BadHeader::Invalid)?;
        let covered = bytes.first_chunk::<{ HEADER_BYTES - 4 }>();
        if covered.is_none_or(|covered| crc32c::crc32c(covered) != header.crc) {
            return Err(BadHeader::Invalid("the frame's header has a wrong checksum"));
        }
        if version > VERSION {
            return Err(BadHeader::Newer(version));
        }
        if header.meta_bytes as usize > META_MAX_BYTES || header.payload_bytes as usize > PAYLOAD_MAX_BYTES {
            return Err(BadHeader::Invalid("the frame is longer than any frame may be"));
        }
        Ok(header)
    }
}

/// A frame ready to be written: header and meta, and the CRC that the next frame names.
pub(crate) struct Encoded {
    pub(crate) head: Vec<u8>,
    pub(crate) crc: u32,
    pub(crate) bytes: u64,
}

/// Where a frame stands in the chain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) sequence: u64,
    pub(crate) synced_through: u64,
    pub(crate) previous: u32,
}

/// Encodes header and meta of a frame; the payload is written beside it.
pub(crate) fn encode(place: Place, connector: u32, era: u32, record: &Record) -> Encoded {
    let mut meta = Vec::with_capacity(128);
    record.encode(&mut meta);
    let payload_bytes: u64 = record.batches().iter().map(|batch| u64::from(batch.bytes)).sum();
    encode_raw(place, connector, era, record.kind(), &meta, payload_bytes)
}

/// The same from an encoded meta: how recovery copies frames.
pub(crate) fn encode_raw(place: Place, connector: u32, era: u32, kind: u8, meta: &[u8], payload_bytes: u64) -> Encoded {
    let header = Header {
        kind,
        sequence: place.sequence,
        synced_through: place.synced_through,
        connector,
        era,
        previous: place.previous,
        // Both are bounded when the frame is taken in; a wrong length would be caught at the first reading.
        meta_bytes: u32::try_from(meta.len()).unwrap_or(u32::MAX),
        payload_bytes: u32::try_from(payload_bytes).unwrap_or(u32::MAX),
        meta_crc: crc32c::crc32c(meta),
        crc: 0,
    };
    let mut head = Vec::with_capacity(HEADER_BYTES + meta.len());
    let crc = header.encode(&mut head);
    head.extend_from_slice(meta);
    Encoded { head, crc, bytes: header.frame_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::record;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_frame_reads_back_as_it_was_written(
            record in record(), sequence: u64, synced_through: u64, previous: u32, connector: u32, era: u32,
        ) {
            let encoded = encode(Place { sequence, synced_through, previous }, connector, era, &record);
            let header = Header::decode(encoded.head.first_chunk().unwrap()).unwrap();
            prop_assert_eq!((header.sequence, header.synced_through), (sequence, synced_through));
            prop_assert_eq!((header.previous, header.connector, header.era), (previous, connector, era));
            prop_assert_eq!((header.crc, header.frame_bytes()), (encoded.crc, encoded.bytes));
            let meta = &encoded.head[HEADER_BYTES..];
            prop_assert_eq!(crc32c::crc32c(meta), header.meta_crc);
            prop_assert_eq!(Record::decode(header.kind, meta), Ok(record));
        }

        #[test]
        fn a_flipped_bit_in_the_header_is_found(record in record(), bit in 0..HEADER_BYTES * 8) {
            let mut encoded = encode(Place { sequence: 1, synced_through: 0, previous: 7 }, 1, 1, &record);
            encoded.head[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(Header::decode(encoded.head.first_chunk().unwrap()).is_err());
        }
    }

    #[test]
    fn a_newer_version_is_told_from_damage() {
        let mut head = encode(Place { sequence: 1, synced_through: 0, previous: 0 }, 0, 0, &Record::Mark).head;
        head[4] = VERSION + 1;
        let crc = crc32c::crc32c(&head[..HEADER_BYTES - 4]);
        head[HEADER_BYTES - 4..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(Header::decode(head.first_chunk().unwrap()), Err(BadHeader::Newer(VERSION + 1)));
    }
}
