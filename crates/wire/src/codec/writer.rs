//! Builds frames: small parts in one buffer, large byte strings by reference.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Unencodable, Unfit, Version};
use crate::limits::SHARED_MIN_BYTES;

/// Bytes of a frame's length.
const LENGTH_BYTES: usize = 4;

/// A frame under work.
#[derive(Debug, Default)]
pub struct Writer {
    own: BytesMut,
    /// Byte strings of others, and where they stand in `own`.
    shared: Vec<(usize, Bytes)>,
    shared_bytes: usize,
}

/// A frame as pieces in order, for a vectored write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segments {
    /// The pieces; none is empty.
    pub parts: Vec<Bytes>,
    /// Bytes of all of them.
    pub length: usize,
}

impl Writer {
    /// Starts a frame with the place of its length.
    pub fn frame() -> Self {
        let mut writer = Writer::default();
        writer.own.put_bytes(0, LENGTH_BYTES);
        writer
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.own.len() + self.shared_bytes
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Completes a frame that [`frame`](Self::frame) started.
    ///
    /// # Errors
    /// The frame is longer than its length can say.
    pub fn finish_frame(mut self) -> Result<Segments, Unencodable> {
        let length = self.len().saturating_sub(LENGTH_BYTES);
        let too_long = Unencodable { field: "frame", version: 0, unfit: Unfit::TooLong };
        let field = i32::try_from(length).map_err(|_| too_long)?.to_be_bytes();
        if let Some(place) = self.own.first_chunk_mut() {
            *place = field;
        }
        Ok(self.finish())
    }

    /// Completes bytes without a frame around them.
    pub fn finish(self) -> Segments {
        let length = self.len();
        let mut own = self.own.freeze();
        let mut parts = Vec::with_capacity(2 * self.shared.len() + 1);
        let mut before = 0;
        for (at, shared) in self.shared {
            parts.push(own.split_to(at - before));
            parts.push(shared);
            before = at;
        }
        parts.push(own);
        parts.retain(|part| !part.is_empty());
        Segments { parts, length }
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.own.extend_from_slice(bytes);
    }

    /// Bytes by reference, or copied where a piece of its own costs more than a copy.
    pub(crate) fn put_shared(&mut self, bytes: &Bytes) {
        if bytes.len() < SHARED_MIN_BYTES {
            return self.put(bytes);
        }
        self.shared_bytes += bytes.len();
        self.shared.push((self.own.len(), bytes.clone()));
    }

    /// An unsigned variable-length integer (KIP-482).
    pub(crate) fn put_unsigned(&mut self, value: u32) {
        let mut rest = value;
        while rest >= 0x80 {
            self.own.put_u8(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.own.put_u8(rest as u8);
    }

    /// The length before a string; `None` is null.
    pub(crate) fn put_string_length(&mut self, length: Option<usize>, version: Version) -> Result<(), Unencodable> {
        if version.flexible {
            return self.put_compact_length(length, version);
        }
        let length = length.map_or(Ok(-1), i16::try_from).map_err(|_| too_long(version))?;
        self.own.put_i16(length);
        Ok(())
    }

    /// The length before bytes, or the count before an array; `None` is null.
    pub(crate) fn put_length(&mut self, length: Option<usize>, version: Version) -> Result<(), Unencodable> {
        if version.flexible {
            return self.put_compact_length(length, version);
        }
        let length = length.map_or(Ok(-1), i32::try_from).map_err(|_| too_long(version))?;
        self.own.put_i32(length);
        Ok(())
    }

    /// A tagged field; `value` writes what is in it, small enough to be moved.
    pub(crate) fn put_tagged(
        &mut self,
        tag: u32,
        value: impl FnOnce(&mut Writer) -> Result<(), Unencodable>,
    ) -> Result<(), Unencodable> {
        self.put_unsigned(tag);
        // The length comes first and is known last: it is written behind the value and moved to its front.
        let (start, shared) = (self.own.len(), self.shared_bytes);
        value(self)?;
        let behind = self.own.len();
        self.put_unsigned((behind - start + self.shared_bytes - shared) as u32);
        let width = self.own.len() - behind;
        self.own[start..].rotate_right(width);
        Ok(())
    }

    fn put_compact_length(&mut self, length: Option<usize>, version: Version) -> Result<(), Unencodable> {
        let field = match length {
            None => 0,
            Some(length) => i32::try_from(length).map_err(|_| too_long(version))? as u32 + 1,
        };
        self.put_unsigned(field);
        Ok(())
    }
}

impl Segments {
    /// The pieces in one, copied where there are several.
    pub fn into_bytes(mut self) -> Bytes {
        match self.parts.len() {
            0 => Bytes::new(),
            1 => self.parts.remove(0),
            _ => Bytes::from(self.parts.concat()),
        }
    }
}

fn too_long(version: Version) -> Unencodable {
    Unencodable { field: "", version: version.number, unfit: Unfit::TooLong }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_byte_strings_are_pieces_of_their_own_and_share_their_memory() {
        let batch = Bytes::from(vec![7; SHARED_MIN_BYTES]);
        let mut writer = Writer::frame();
        writer.put(b"head");
        writer.put_shared(&batch);
        writer.put_shared(&Bytes::from_static(b"small"));
        writer.put_shared(&batch);
        let segments = writer.finish_frame().unwrap();
        assert_eq!(segments.parts.len(), 4);
        assert_eq!(segments.parts[1].as_ptr(), batch.as_ptr());
        assert_eq!(segments.length, segments.parts.iter().map(Bytes::len).sum::<usize>());
        let length = segments.length - LENGTH_BYTES;
        assert_eq!(segments.parts[0], [&(length as i32).to_be_bytes()[..], b"head"].concat());
        assert_eq!(segments.parts[2], &b"small"[..]);
    }

    #[test]
    fn a_tagged_field_has_its_length_before_its_value() {
        let mut writer = Writer::default();
        writer
            .put_tagged(3, |writer| {
                writer.put(&[9; 130]);
                Ok(())
            })
            .unwrap();
        assert_eq!(writer.finish().into_bytes(), [&[3, 0x82, 1][..], &[9; 130]].concat());
    }

    #[test]
    fn a_string_longer_than_its_length_can_say_is_refused() {
        let rigid = Version { number: 0, flexible: false };
        let refused = Writer::default().put_string_length(Some(40_000), rigid);
        assert_eq!(refused.map_err(|error| error.unfit), Err(Unfit::TooLong));
    }
}
