//! Records in LZ4 frames, compressed without a search for matches.
//!
//! An encode plan names the bytes that repeat from event to event (fragments) and the places that vary (slots), so where
//! a match lies is known before anything is compared:
//!
//! 1. Every fragment and slot has one plain position, that of its last occurrence. A fragment that comes again is a match
//!    at the distance between the two; it is a literal where it has not been in the block yet, or not within the window.
//! 2. A match is held back. When the next piece lies at the same distance, the match grows; only a piece that differs
//!    writes it, as one sequence of literals and match.
//! 3. What a varying place has in common with its predecessor at the same distance belongs to the match, too: a
//!    timestamp costs the digits that changed, an unchanged one nothing.
//! 4. Uncompressed bytes are never written: lengths come from the pieces.
//!
//! A block closes before the record that would not fit. The format's rules for its end (the last five bytes are
//! literals, the last match starts at least twelve before the end) are kept by cutting the last match, which is why no
//! match is shorter than [`MIN_MATCH`]: then cutting one is enough.
//!
//! The form is the LZ4 frame format, version 1.6: independent blocks, no checksums, as the CRC of the batch covers the
//! compressed bytes.

mod decode;
mod emit;

pub(super) use decode::{append, decompress, plain_bytes};
pub(super) use emit::{Emitter, Snapshot, Tail};

/// Magic number, version 1 with independent blocks, blocks up to 1 MB, and the checksum of these two bytes.
const FRAME_HEADER: [u8; 7] = [0x04, 0x22, 0x4D, 0x18, 0x60, 0x60, 0x51];
/// A block of this length ends the frame.
const END_MARK: [u8; 4] = [0; 4];
/// Bytes of a block's length.
const LENGTH_BYTES: usize = 4;
/// The bit of a block's length which says that the block is not compressed.
const STORED: u32 = 1 << 31;
/// Largest block, plain or compressed.
const BLOCK_BYTES: usize = 1 << 20;
/// Plain bytes of our blocks: even when nothing repeats, what LZ4 adds keeps them below [`BLOCK_BYTES`].
const BLOCK_PLAIN_BYTES: usize = BLOCK_BYTES - BLOCK_BYTES / 128;
/// How far back a match reaches.
const WINDOW: u32 = 65_535;
/// The format's shortest match; lengths count from it.
const FORMAT_MIN_MATCH: usize = 4;
/// Our shortest match: a sequence of its own costs three bytes, and the end of a block wants eight.
const MIN_MATCH: u32 = 8;
/// Bytes at the end of a block that no match starts in.
const END_MATCH_FREE: u32 = 12;
/// Bytes at the end of a block that are literals.
const END_LITERALS: u32 = 5;
/// Last plain bytes that are remembered, to cut a match by: [`END_MATCH_FREE`] and one byte less than the format's
/// shortest match.
const TAIL: usize = 16;

const _: () = assert!(crate::limits::PIECED_RECORD_BYTES <= BLOCK_PLAIN_BYTES - 64);
