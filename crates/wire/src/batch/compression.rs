//! The codecs of a batch's records, both ways; nothing from outside makes a small batch a large one in memory.
//!
//! | codec | as written here | as read |
//! |---|---|---|
//! | gzip | one member | any number of members |
//! | Snappy | blocks of 32 KiB in the framing of xerial's Java library, as Java clients do | that, and one bare block, as Go and C clients do |
//! | LZ4 | a frame of independent blocks of 64 KiB | any frame; those of our own by [`super::lz4`] |
//! | Zstandard | one frame, level 3 | any number of frames whose window is not larger than [`ZSTD_WINDOW_LOG`] says |

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

use super::{BatchError, lz4};
use crate::limits::{
    COMPRESSED_PLAIN_BYTES, DECOMPRESSED_MAX_BYTES, EXPANSION_FREE_BYTES, EXPANSION_MAX, ZSTD_WINDOW_LOG,
};

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
    /// Zstandard (KIP-110); requests below Produce 7 and Fetch 10 do not know it.
    Zstd,
    /// A number without a meaning yet.
    Unknown(u8),
}

/// Bits of the attributes that are the codec.
const CODEC_BITS: i16 = 7;

/// What Snappy streams of xerial's Java library start with; two versions of four bytes follow.
const XERIAL_MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
/// Both versions are 1.
const XERIAL_VERSIONS: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 1];
const XERIAL_HEADER_BYTES: usize = XERIAL_MAGIC.len() + XERIAL_VERSIONS.len();
/// Plain bytes of a block there.
const XERIAL_BLOCK_BYTES: usize = 32 << 10;
/// A copy of 64 bytes takes three: no block of Snappy expands further than this, so one that says so is not a block.
const SNAPPY_EXPANSION_MAX: usize = 22;
/// The level that Kafka's clients use unless told.
const ZSTD_LEVEL: i32 = 3;

impl Codec {
    /// All that have a meaning.
    pub const ALL: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

    /// By the names of `compression.type`.
    pub fn from_name(name: &str) -> Option<Self> {
        Codec::ALL.into_iter().find(|codec| codec.name() == name)
    }

    /// The name in `compression.type`.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::None => "none",
            Codec::Gzip => "gzip",
            Codec::Snappy => "snappy",
            Codec::Lz4 => "lz4",
            Codec::Zstd => "zstd",
            Codec::Unknown(_) => "unknown",
        }
    }

    /// As a batch's attributes say.
    pub(super) const fn of(attributes: i16) -> Self {
        match attributes & CODEC_BITS {
            0 => Codec::None,
            1 => Codec::Gzip,
            2 => Codec::Snappy,
            3 => Codec::Lz4,
            4 => Codec::Zstd,
            other => Codec::Unknown(other as u8),
        }
    }

    /// Attributes that say so.
    pub(super) const fn in_attributes(self, attributes: i16) -> i16 {
        let bits = match self {
            Codec::None => 0,
            Codec::Gzip => 1,
            Codec::Snappy => 2,
            Codec::Lz4 => 3,
            Codec::Zstd => 4,
            Codec::Unknown(other) => other as i16 & CODEC_BITS,
        };
        attributes & !CODEC_BITS | bits
    }
}

/// The compressed form of records.
///
/// # Errors
/// The codec is unknown, or the library gave up.
pub(super) fn compress(codec: Codec, plain: &[u8]) -> Result<Vec<u8>, BatchError> {
    let failed = |_| BatchError::Frame;
    match codec {
        Codec::None => Ok(plain.to_vec()),
        Codec::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(plain).and_then(|()| encoder.finish()).map_err(failed)
        }
        Codec::Snappy => compress_snappy(plain).ok_or(BatchError::Frame),
        Codec::Lz4 => {
            let info = FrameInfo::new().block_size(BlockSize::Max64KB).block_mode(BlockMode::Independent);
            let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
            encoder.write_all(plain).map_err(failed)?;
            encoder.finish().map_err(|_| BatchError::Frame)
        }
        Codec::Zstd => zstd::bulk::compress(plain, ZSTD_LEVEL).map_err(failed),
        Codec::Unknown(_) => Err(BatchError::Codec(codec)),
    }
}

/// The plain form of records.
///
/// # Errors
/// The bytes are not of this codec, the codec is unknown, or the plain form is too large.
pub(super) fn decompress(codec: Codec, bytes: &Bytes) -> Result<Bytes, BatchError> {
    let max = decompressed_max(codec, bytes.len());
    match codec {
        Codec::None => return Ok(bytes.clone()),
        Codec::Gzip => read(MultiGzDecoder::new(&bytes[..]), bytes.len(), max),
        Codec::Snappy => decompress_snappy(bytes, max),
        Codec::Lz4 => match lz4::decompress(bytes, COMPRESSED_PLAIN_BYTES) {
            Some(plain) => Ok(plain),
            None => read(FrameDecoder::new(&bytes[..]), bytes.len(), max),
        },
        Codec::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(&bytes[..]).map_err(|_| BatchError::Frame)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(|_| BatchError::Frame)?;
            read(decoder, bytes.len(), max)
        }
        Codec::Unknown(_) => Err(BatchError::Codec(codec)),
    }
    .map(Bytes::from)
}

/// Most plain bytes that so many compressed ones may become.
pub(super) fn decompressed_max(codec: Codec, compressed_bytes: usize) -> usize {
    match codec {
        Codec::None => 0,
        _ => DECOMPRESSED_MAX_BYTES.min(compressed_bytes.saturating_mul(EXPANSION_MAX).max(EXPANSION_FREE_BYTES)),
    }
}

/// Reads to the end, but not more than `max` bytes.
fn read(plain: impl Read, compressed_bytes: usize, max: usize) -> Result<Vec<u8>, BatchError> {
    let mut out = Vec::with_capacity(compressed_bytes.saturating_mul(2).min(max));
    // One more than allowed tells a plain form that is too large from one that just fits.
    plain.take(max as u64 + 1).read_to_end(&mut out).map_err(|_| BatchError::Frame)?;
    if out.len() > max { Err(BatchError::Expansion) } else { Ok(out) }
}

fn compress_snappy(plain: &[u8]) -> Option<Vec<u8>> {
    let mut out = [XERIAL_MAGIC, XERIAL_VERSIONS].concat();
    let mut encoder = snap::raw::Encoder::new();
    for block in plain.chunks(XERIAL_BLOCK_BYTES) {
        let compressed = encoder.compress_vec(block).ok()?;
        out.extend_from_slice(&(compressed.len() as u32).to_be_bytes());
        out.extend_from_slice(&compressed);
    }
    Some(out)
}

fn decompress_snappy(bytes: &[u8], max: usize) -> Result<Vec<u8>, BatchError> {
    let mut out = Vec::new();
    if !bytes.starts_with(&XERIAL_MAGIC) {
        append_snappy_block(bytes, &mut out, max)?;
        return Ok(out);
    }
    let mut rest = bytes;
    while !rest.is_empty() {
        // Streams that were joined have the header again.
        if rest.starts_with(&XERIAL_MAGIC) {
            rest = rest.get(XERIAL_HEADER_BYTES..).ok_or(BatchError::Frame)?;
            continue;
        }
        let (length, behind) = rest.split_first_chunk().ok_or(BatchError::Frame)?;
        let length = u32::from_be_bytes(*length) as usize;
        let (block, behind) = behind.split_at_checked(length).ok_or(BatchError::Frame)?;
        append_snappy_block(block, &mut out, max)?;
        rest = behind;
    }
    Ok(out)
}

fn append_snappy_block(block: &[u8], out: &mut Vec<u8>, max: usize) -> Result<(), BatchError> {
    let plain = snap::raw::decompress_len(block).map_err(|_| BatchError::Frame)?;
    if plain / SNAPPY_EXPANSION_MAX > block.len() {
        return Err(BatchError::Frame);
    }
    let start = out.len();
    if plain > max.saturating_sub(start) {
        return Err(BatchError::Expansion);
    }
    out.resize(start + plain, 0);
    snap::raw::Decoder::new().decompress(block, &mut out[start..]).map_err(|_| BatchError::Frame)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use super::*;

    const REAL: [Codec; 4] = [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

    fn plain() -> impl Strategy<Value = Vec<u8>> {
        vec((vec(any::<u8>(), 0..40), 1usize..400), 0..40)
            .prop_map(|runs| runs.into_iter().flat_map(|(bytes, times)| bytes.repeat(times)).collect())
    }

    fn both_ways(codec: Codec, plain: &[u8]) -> Result<Bytes, BatchError> {
        decompress(codec, &Bytes::from(compress(codec, plain)?))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn each_codec_gives_back_what_it_was_given(plain in plain()) {
            for codec in Codec::ALL {
                prop_assert_eq!(both_ways(codec, &plain), Ok(Bytes::from(plain.clone())), "{:?}", codec);
            }
        }

        #[test]
        fn damaged_bytes_never_panic(codec in select(&REAL[..]), plain in plain(), at: Index, byte: u8, cut: Index) {
            let mut bytes = compress(codec, &plain).unwrap();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes.truncate(cut.index(bytes.len()) + 1);
            if let Ok(plain) = decompress(codec, &Bytes::from(bytes)) {
                prop_assert!(plain.len() <= DECOMPRESSED_MAX_BYTES);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(codec in select(&REAL[..]), bytes in vec(any::<u8>(), 0..200)) {
            let _ = decompress(codec, &Bytes::from(bytes));
        }
    }

    #[test]
    fn a_small_batch_cannot_become_a_large_one() {
        let zeros = vec![0; DECOMPRESSED_MAX_BYTES + 1];
        for codec in REAL {
            let refused = both_ways(codec, &zeros);
            assert_eq!(refused, Err(BatchError::Expansion), "{codec:?}");
        }
        let ratio = vec![0; EXPANSION_FREE_BYTES * 4];
        assert_eq!(both_ways(Codec::Zstd, &ratio), Err(BatchError::Expansion));
        assert!(both_ways(Codec::Zstd, &ratio[..EXPANSION_FREE_BYTES]).is_ok());
    }

    #[test]
    fn a_snappy_block_that_claims_more_than_it_can_hold_takes_no_memory() {
        let huge = [0x80, 0x80, 0x80, 0x0F, 0, b'x'];
        assert_eq!(decompress(Codec::Snappy, &Bytes::copy_from_slice(&huge)), Err(BatchError::Frame));
    }

    #[test]
    fn snappy_is_read_bare_and_in_joined_streams() {
        let plain = b"abcabcabcabcabcabc".repeat(9);
        let bare = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
        assert_eq!(decompress(Codec::Snappy, &Bytes::from(bare)), Ok(Bytes::from(plain.clone())));
        let stream = compress(Codec::Snappy, &plain).unwrap();
        let joined = Bytes::from([stream.clone(), stream].concat());
        assert_eq!(decompress(Codec::Snappy, &joined), Ok(Bytes::from(plain.repeat(2))));
    }

    #[test]
    fn members_and_frames_that_follow_each_other_are_one() {
        for codec in [Codec::Gzip, Codec::Zstd] {
            let joined = [compress(codec, b"ab").unwrap(), compress(codec, b"cd").unwrap()].concat();
            assert_eq!(decompress(codec, &Bytes::from(joined)), Ok(Bytes::from_static(b"abcd")), "{codec:?}");
        }
    }

    #[test]
    fn lz4_frames_of_other_forms_are_read() {
        let plain = b"linked blocks reach back ".repeat(9_000);
        for mode in [BlockMode::Linked, BlockMode::Independent] {
            let info = FrameInfo::new().block_mode(mode).block_checksums(true).content_checksum(true);
            let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
            encoder.write_all(&plain).unwrap();
            let frame = Bytes::from(encoder.finish().unwrap());
            assert_eq!(decompress(Codec::Lz4, &frame), Ok(Bytes::from(plain.clone())));
        }
    }

    #[test]
    fn names_are_those_of_compression_type() {
        assert!(Codec::ALL.into_iter().all(|codec| Codec::from_name(codec.name()) == Some(codec)));
        assert_eq!(Codec::from_name("unknown"), None);
        assert!(Codec::ALL.into_iter().all(|codec| Codec::of(codec.in_attributes(0x1F)) == codec));
    }
}
