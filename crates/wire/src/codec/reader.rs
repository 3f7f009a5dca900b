//! Takes checked parts off the front of a frame.

use bytes::Bytes;

use super::{Flaw, Malformed, Version, Wire};
use crate::limits::DECODED_MAX_BYTES;

/// Most bytes of an unsigned 32-bit variable-length integer.
const VARINT_BYTES: usize = 5;

/// The bytes of a frame behind its length, and how far they are read.
#[derive(Clone, Debug)]
pub struct Reader {
    bytes: Bytes,
    at: usize,
    /// Memory that elements of arrays may still take.
    budget: usize,
}

impl Reader {
    /// At the front of these bytes.
    pub fn new(bytes: Bytes) -> Self {
        Reader { bytes, at: 0, budget: DECODED_MAX_BYTES }
    }

    /// How many bytes are not read yet.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The rest, shared.
    pub fn into_rest(mut self) -> Bytes {
        self.bytes.split_off(self.at)
    }

    /// An error at this position.
    pub(crate) fn error(&self, flaw: Flaw) -> Malformed {
        Malformed { field: "", at: self.at, flaw }
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let Some((array, _)) = self.bytes[self.at..].split_first_chunk::<N>() else {
            return Err(self.error(Flaw::Short));
        };
        let array = *array;
        self.at += N;
        Ok(array)
    }

    /// The next bytes, to be looked at.
    pub(crate) fn peek(&mut self, length: usize) -> Result<&[u8], Malformed> {
        match self.bytes.get(self.at..self.at.saturating_add(length)) {
            Some(bytes) => Ok(bytes),
            None => Err(self.error(Flaw::Short)),
        }
    }

    /// Steps over bytes that were looked at.
    pub(crate) fn skip(&mut self, length: usize) -> Result<(), Malformed> {
        if length > self.left() {
            return Err(self.error(Flaw::Short));
        }
        self.at += length;
        Ok(())
    }

    /// The next bytes, shared.
    pub(crate) fn share(&mut self, length: usize) -> Result<Bytes, Malformed> {
        let start = self.at;
        self.skip(length)?;
        Ok(self.bytes.slice(start..self.at))
    }

    /// An unsigned variable-length integer (KIP-482).
    pub(crate) fn unsigned(&mut self) -> Result<u32, Malformed> {
        let mut value = 0u32;
        for index in 0..VARINT_BYTES {
            let [byte] = self.array()?;
            let low = u32::from(byte & 0x7F);
            if index == VARINT_BYTES - 1 && byte > 0x0F {
                return Err(self.error(Flaw::Varint));
            }
            value |= low << (7 * index);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.error(Flaw::Varint))
    }

    /// The length before a string; `None` is null.
    pub(crate) fn string_length(&mut self, version: Version) -> Result<Option<usize>, Malformed> {
        let length = match version.flexible {
            true => self.compact_length()?,
            false => i32::from(i16::from_be_bytes(self.array()?)),
        };
        self.checked(length)
    }

    /// The length before bytes, or the count before an array; `None` is null.
    pub(crate) fn length(&mut self, version: Version) -> Result<Option<usize>, Malformed> {
        let length = match version.flexible {
            true => self.compact_length()?,
            false => i32::from_be_bytes(self.array()?),
        };
        self.checked(length)
    }

    /// The count before an array, which the rest of the frame can hold and whose elements may take their memory.
    pub(crate) fn count<T: Wire>(&mut self, version: Version) -> Result<Option<usize>, Malformed> {
        let Some(count) = self.length(version)? else { return Ok(None) };
        if count > self.left() / T::MIN_BYTES {
            return Err(self.error(Flaw::Count(count)));
        }
        let memory = count.saturating_mul(size_of::<T>());
        self.budget = self.budget.checked_sub(memory).ok_or_else(|| self.error(Flaw::Memory))?;
        Ok(Some(count))
    }

    /// Reads the tagged fields at the end of a structure: `known` takes the value of a tag that it knows and says so;
    /// the others are stepped over.
    pub(crate) fn tagged(
        &mut self,
        mut known: impl FnMut(&mut Reader, u32) -> Result<bool, Malformed>,
    ) -> Result<(), Malformed> {
        // Each step takes two bytes at least, so the count is bounded by the frame.
        for _ in 0..self.unsigned()? {
            let tag = self.unsigned()?;
            let length = self.unsigned()? as usize;
            if length > self.left() {
                return Err(self.error(Flaw::Short));
            }
            let end = self.at + length;
            if !known(self, tag)? {
                self.at = end;
            }
            if self.at != end {
                return Err(self.error(Flaw::Tag(tag)));
            }
        }
        Ok(())
    }

    /// A compact length: one more than it is, so that 0 is null; as the others have it.
    fn compact_length(&mut self) -> Result<i32, Malformed> {
        let length = self.unsigned()?;
        i32::try_from(i64::from(length) - 1).map_err(|_| self.error(Flaw::Length))
    }

    fn checked(&self, length: i32) -> Result<Option<usize>, Malformed> {
        match length {
            -1 => Ok(None),
            length => usize::try_from(length).map(Some).map_err(|_| self.error(Flaw::Length)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGID: Version = Version { number: 0, flexible: false };
    const FLEXIBLE: Version = Version { number: 9, flexible: true };

    fn flaw<T>(bytes: &'static [u8], read: impl Fn(&mut Reader) -> Result<T, Malformed>) -> Option<Flaw> {
        read(&mut Reader::new(Bytes::from_static(bytes))).err().map(|malformed| malformed.flaw)
    }

    #[test]
    fn each_contradiction_has_its_flaw() {
        assert_eq!(flaw(&[0], i16_of), Some(Flaw::Short));
        assert_eq!(flaw(&[0xFF, 0xFE], |r| String::read(r, RIGID)), Some(Flaw::Length));
        assert_eq!(flaw(&[0xFF, 0xFF], |r| String::read(r, RIGID)), Some(Flaw::Null));
        assert_eq!(flaw(&[0, 2, b'a'], |r| String::read(r, RIGID)), Some(Flaw::Short));
        assert_eq!(flaw(&[2, 0xFF], |r| String::read(r, FLEXIBLE)), Some(Flaw::Utf8));
        assert_eq!(flaw(&[0], |r| Vec::<i32>::read(r, FLEXIBLE)), Some(Flaw::Null));
        assert_eq!(flaw(&[0xFF; 5], |r| r.unsigned()), Some(Flaw::Varint));
        assert_eq!(flaw(&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F], |r| String::read(r, FLEXIBLE)), Some(Flaw::Length));
        assert_eq!(flaw(&[1, 7, 1, 0], |r| r.tagged(|_, _| Ok(true))), Some(Flaw::Tag(7)));
        assert_eq!(flaw(&[1, 7, 2, 0], |r| r.tagged(|_, _| Ok(false))), Some(Flaw::Short));
    }

    fn i16_of(reader: &mut Reader) -> Result<i16, Malformed> {
        i16::read(reader, RIGID)
    }

    #[test]
    fn a_count_beyond_the_bytes_is_refused_before_memory_is_taken() {
        let huge = [0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1];
        let refused = Vec::<i32>::read(&mut Reader::new(Bytes::copy_from_slice(&huge)), RIGID);
        assert_eq!(refused.map_err(|m| m.flaw), Err(Flaw::Count(0x7FFF_FFFF)));
    }

    #[test]
    fn elements_that_take_more_memory_than_bytes_are_bounded_together() {
        let mut bytes = vec![0xFF, 0xFF, 0xFF, 0x04];
        bytes.resize(12 << 20, 1);
        let refused = Vec::<String>::read(&mut Reader::new(Bytes::from(bytes)), FLEXIBLE);
        assert_eq!(refused.map_err(|m| m.flaw), Err(Flaw::Memory));
    }

    #[test]
    fn unknown_tagged_fields_are_stepped_over() {
        let mut reader = Reader::new(Bytes::from_static(&[2, 5, 3, 1, 2, 3, 0x80, 1, 0, 9]));
        reader.tagged(|_, _| Ok(false)).unwrap();
        assert_eq!(reader.into_rest(), Bytes::from_static(&[9]));
    }
}
