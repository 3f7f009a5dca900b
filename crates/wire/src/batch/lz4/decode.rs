//! Frames back to plain bytes, bounded and checked at every step.

use super::{BLOCK_BYTES, FORMAT_MIN_MATCH, FRAME_HEADER, LENGTH_BYTES, STORED};

/// The plain bytes of a frame as our batches have them; `None` when it is malformed, has other features, or would give
/// more than `max` bytes. The size is known, and checked, before memory for it is taken.
pub(in crate::batch) fn decompress(frame: &[u8], max: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(plain_bytes(frame, max)?);
    append(frame, &mut out)?;
    Some(out)
}

/// How many plain bytes such a frame gives; `None` as above.
pub(in crate::batch) fn plain_bytes(frame: &[u8], max: usize) -> Option<usize> {
    let mut length = 0usize;
    let mut blocks = Blocks::of(frame)?;
    while let Some((block, stored)) = blocks.next()? {
        let plain = if stored { block.len() } else { plain_length(block)? };
        length = length.checked_add(plain).filter(|length| plain <= BLOCK_BYTES && *length <= max)?;
    }
    Some(length)
}

/// Appends the plain bytes of a frame of which [`plain_bytes`] knows how many they are.
pub(in crate::batch) fn append(frame: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut blocks = Blocks::of(frame)?;
    while let Some((block, stored)) = blocks.next()? {
        if stored { out.extend_from_slice(block) } else { expand(block, out)? }
    }
    Some(())
}

/// The blocks of a frame, up to its end mark, behind which nothing may follow.
struct Blocks<'a>(&'a [u8]);

impl<'a> Blocks<'a> {
    fn of(frame: &'a [u8]) -> Option<Self> {
        frame.strip_prefix(&FRAME_HEADER).map(Blocks)
    }

    /// A block and whether it is stored as it is. The outer `None` is a malformed frame.
    fn next(&mut self) -> Option<Option<(&'a [u8], bool)>> {
        let (length, rest) = self.0.split_first_chunk::<LENGTH_BYTES>()?;
        let field = u32::from_le_bytes(*length);
        let length = (field & !STORED) as usize;
        if field == 0 {
            return rest.is_empty().then_some(None);
        }
        if length > BLOCK_BYTES {
            return None;
        }
        let (block, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Some((block, field & STORED != 0)))
    }
}

/// One step of a block: literals, and unless they end the block, a match.
struct Step<'a> {
    literals: &'a [u8],
    /// Distance and length.
    copy: Option<(usize, usize)>,
}

struct Steps<'a>(&'a [u8]);

impl<'a> Steps<'a> {
    #[inline]
    fn next(&mut self) -> Option<Step<'a>> {
        let token = self.byte()?;
        let length = self.length(token >> 4)?;
        let (literals, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        if rest.is_empty() {
            return Some(Step { literals, copy: None });
        }
        let distance = u16::from_le_bytes([self.byte()?, self.byte()?]);
        let length = self.length(token & 15)? + FORMAT_MIN_MATCH;
        Some(Step { literals, copy: Some((usize::from(distance), length)) })
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    /// A length whose first part is in the token; each further byte adds at most 255, so it cannot overflow.
    #[inline]
    fn length(&mut self, start: u8) -> Option<usize> {
        let mut length = usize::from(start);
        if start == 15 {
            loop {
                let more = self.byte()?;
                length += usize::from(more);
                if more < 255 {
                    break;
                }
            }
        }
        Some(length)
    }
}

/// How many bytes a block gives; `None` when it breaks off or reaches before its start.
fn plain_length(block: &[u8]) -> Option<usize> {
    let (mut steps, mut length) = (Steps(block), 0);
    loop {
        let step = steps.next()?;
        length += step.literals.len();
        let Some((distance, copied)) = step.copy else { return Some(length) };
        if distance == 0 || distance > length {
            return None;
        }
        length += copied;
    }
}

fn expand(block: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut steps = Steps(block);
    loop {
        let step = steps.next()?;
        out.extend_from_slice(step.literals);
        let Some((distance, mut left)) = step.copy else { return Some(()) };
        let from = out.len().checked_sub(distance)?;
        // A match longer than its distance repeats itself: what is there by then is copied, and again.
        while left > 0 {
            let now = left.min(out.len() - from);
            out.extend_from_within(from..from + now);
            left -= now;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 16 << 20;

    fn their_frame(plain: &[u8]) -> Vec<u8> {
        let info = FrameInfo::new().block_size(BlockSize::Max1MB).block_mode(BlockMode::Independent);
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    /// A frame of one block.
    fn frame(block: &[u8]) -> Vec<u8> {
        [&FRAME_HEADER[..], &(block.len() as u32).to_le_bytes(), block, &[0; 4]].concat()
    }

    /// Bytes with repetitions at many distances.
    fn plain() -> impl Strategy<Value = Vec<u8>> {
        vec((vec(any::<u8>(), 0..40), 1usize..60), 0..60)
            .prop_map(|runs| runs.into_iter().flat_map(|(bytes, times)| bytes.repeat(times)).collect())
    }

    proptest! {
        #[test]
        fn frames_of_another_implementation_are_read(plain in plain()) {
            prop_assert_eq!(decompress(&their_frame(&plain), MAX), Some(plain));
        }

        #[test]
        fn damaged_frames_never_panic_nor_outgrow_the_bound(
            plain in plain(), at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>(), max in 0usize..9_000,
        ) {
            let mut frame = their_frame(&plain);
            let at = at.index(frame.len());
            frame[at] = byte;
            frame.truncate(cut.index(frame.len()) + 1);
            prop_assert!(decompress(&frame, max).is_none_or(|plain| plain.len() <= max));
        }

        #[test]
        fn arbitrary_blocks_give_what_another_implementation_gives_or_nothing(block in vec(any::<u8>(), 1..60)) {
            if let Some(plain) = decompress(&frame(&block), MAX) {
                prop_assert_eq!(lz4_flex::block::decompress(&block, plain.len()).ok(), Some(plain));
            }
        }
    }

    #[test]
    fn blocks_that_are_stored_and_several_blocks_are_read() {
        let mut state = 1u64;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        });
        let plain: Vec<u8> = noise.take(BLOCK_BYTES + 9).chain(std::iter::repeat_n(7, BLOCK_BYTES)).collect();
        let frame = their_frame(&plain);
        assert_eq!(frame[FRAME_HEADER.len() + 3], 0x80);
        assert!(decompress(&frame, plain.len()).as_ref() == Some(&plain));
        assert!(decompress(&frame, plain.len() - 1).is_none());
    }

    #[test]
    fn a_small_block_cannot_claim_more_than_a_block() {
        let mut block = vec![0x1F, b'x', 1, 0];
        block.extend([255; 5_000]);
        block.extend([0, 0x50, 1, 2, 3, 4, 5]);
        assert_eq!(decompress(&frame(&block), MAX), None);
    }

    #[test]
    fn each_contradiction_is_refused() {
        let good = frame(&[0x10, b'x']);
        assert_eq!(decompress(&good, MAX), Some(vec![b'x']));
        assert_eq!(decompress(&good, 0), None);
        assert_eq!(decompress(&good[..good.len() - 1], MAX), None);
        assert_eq!(decompress(&[&good[..], b"?"].concat(), MAX), None);
        assert_eq!(decompress(&frame(&[0x10, b'x', 0, 0, 0x10, b'y']), MAX), None);
        assert_eq!(decompress(&frame(&[0x10, b'x', 2, 0, 0x10, b'y']), MAX), None);
        assert_eq!(decompress(&frame(&[0x20, b'x']), MAX), None);
        assert_eq!(decompress(b"\x04\x22\x4D\x18\x64\x40\xA7\0\0\0\0", MAX), None);
    }
}
