//! Zig-zag variable-length integers of record batches (as Protocol Buffers' `sint32` and `sint64`).

use bytes::BytesMut;

/// Most bytes of a 64-bit value.
const MAX_BYTES: usize = 10;

/// Bytes that a value takes in its shortest form.
pub(crate) fn length(value: i64) -> usize {
    let bits = 64 - (zigzag(value) | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// Appends a value in its shortest form.
pub(crate) fn put(out: &mut BytesMut, value: i64) {
    let mut bytes = [0; MAX_BYTES];
    let length = write(&mut bytes, value);
    out.extend_from_slice(&bytes[..length]);
}

/// Writes a value to the front of `out` in its shortest form, which must fit there; returns how many bytes it took.
pub(crate) fn write(out: &mut [u8], value: i64) -> usize {
    let mut rest = zigzag(value);
    for (written, byte) in (1..).zip(out) {
        if rest < 0x80 {
            *byte = rest as u8;
            return written;
        }
        *byte = rest as u8 | 0x80;
        rest >>= 7;
    }
    0
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Reads checked parts off the front of some bytes and knows where it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Over `bytes`, from position `at`.
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Self {
        Cursor { bytes, at: at.min(bytes.len()) }
    }

    /// The position of the next byte.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Steps over this many bytes and gives their range.
    pub(crate) fn take(&mut self, length: usize) -> Option<std::ops::Range<usize>> {
        if length > self.left() {
            return None;
        }
        let start = self.at;
        self.at += length;
        Some(start..self.at)
    }

    /// The next byte.
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// A 64-bit value; a longer form than the shortest is accepted, more than 64 bits are not.
    #[inline]
    pub(crate) fn varlong(&mut self) -> Option<i64> {
        // Most have one byte.
        let first = *self.bytes.get(self.at)?;
        if first < 0x80 {
            self.at += 1;
            return Some(i64::from(first >> 1) ^ -i64::from(first & 1));
        }
        self.longer()
    }

    /// The same of any length.
    fn longer(&mut self) -> Option<i64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let low = u64::from(byte & 0x7F);
            if shift == 63 && low > 1 {
                return None;
            }
            value |= low << shift;
            if byte < 0x80 {
                return Some((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        None
    }

    /// A 32-bit value.
    #[inline]
    pub(crate) fn varint(&mut self) -> Option<i32> {
        self.varlong().and_then(|value| i32::try_from(value).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(value: i64) -> BytesMut {
        let mut out = BytesMut::new();
        put(&mut out, value);
        out
    }

    #[test]
    fn known_values_have_their_known_bytes() {
        for (value, bytes) in [
            (0, &[0x00][..]),
            (-1, &[0x01]),
            (63, &[0x7E]),
            (-64, &[0x7F]),
            (64, &[0x80, 0x01]),
            (8191, &[0xFE, 0x7F]),
            (8192, &[0x80, 0x80, 0x01]),
            (i64::from(i32::MAX), &[0xFE, 0xFF, 0xFF, 0xFF, 0x0F]),
            (i64::MIN, &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]),
        ] {
            assert_eq!(&encoded(value)[..], bytes, "{value}");
        }
    }

    #[test]
    fn more_bits_than_the_type_has_are_refused() {
        let mut eleven = [0xFF; 11];
        eleven[10] = 0;
        assert_eq!(Cursor::new(&eleven, 0).varlong(), None);
        assert_eq!(Cursor::new(&encoded(1 << 31), 0).varint(), None);
        assert_eq!(Cursor::new(&[0x80], 0).varlong(), None);
        assert_eq!(Cursor::new(&[], 7).varlong(), None);
    }

    proptest! {
        #[test]
        fn every_value_reads_back_and_has_the_foretold_length(value: i64) {
            let bytes = encoded(value);
            prop_assert_eq!(bytes.len(), length(value));
            let mut cursor = Cursor::new(&bytes, 0);
            prop_assert_eq!(cursor.varlong(), Some(value));
            prop_assert_eq!(cursor.left(), 0);
        }
    }
}
