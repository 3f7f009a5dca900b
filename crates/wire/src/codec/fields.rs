//! The types of fields.

use std::fmt;

use bytes::Bytes;

#[cfg(test)]
use super::random::Source;
use super::{Flaw, Malformed, Reader, Unencodable, Version, Wire, Writer};

macro_rules! fixed {
    ($($type:ty)*) => {$(
        impl Wire for $type {
            const MIN_BYTES: usize = size_of::<$type>();

            #[inline]
            fn read(reader: &mut Reader, _: Version) -> Result<Self, Malformed> {
                reader.array().map(<$type>::from_be_bytes)
            }

            #[inline]
            fn write(&self, writer: &mut Writer, _: Version) -> Result<(), Unencodable> {
                writer.put(&self.to_be_bytes());
                Ok(())
            }

            #[cfg(test)]
            fn random(source: &mut Source, _: Version) -> Self {
                source.number() as $type
            }
        }
    )*};
}

fixed!(i8 i16 i32 i64 f64);

impl Wire for bool {
    const MIN_BYTES: usize = 1;

    fn read(reader: &mut Reader, _: Version) -> Result<Self, Malformed> {
        reader.array().map(|[byte]| byte != 0)
    }

    fn write(&self, writer: &mut Writer, _: Version) -> Result<(), Unencodable> {
        writer.put(&[u8::from(*self)]);
        Ok(())
    }

    #[cfg(test)]
    fn random(source: &mut Source, _: Version) -> Self {
        source.below(2) == 1
    }
}

/// 16 bytes that name a topic for good (KIP-516); shown as Kafka shows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// No topic.
    pub const ZERO: Uuid = Uuid([0; 16]);
}

impl fmt::Display for Uuid {
    /// Base64 with the alphabet of URLs, without padding.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let bits = u128::from_be_bytes(self.0);
        // 21 digits of six bits, and the last two bits in front of four zeros.
        for digit in 0..22 {
            let shift = 122 - 6 * digit;
            let value = if shift >= 0 { bits >> shift } else { bits << -shift };
            fmt::Write::write_char(f, char::from(ALPHABET[(value & 63) as usize]))?;
        }
        Ok(())
    }
}

impl Wire for Uuid {
    const MIN_BYTES: usize = 16;

    fn read(reader: &mut Reader, _: Version) -> Result<Self, Malformed> {
        reader.array().map(Uuid)
    }

    fn write(&self, writer: &mut Writer, _: Version) -> Result<(), Unencodable> {
        writer.put(&self.0);
        Ok(())
    }

    #[cfg(test)]
    fn random(source: &mut Source, _: Version) -> Self {
        Uuid(std::array::from_fn(|_| source.number() as u8))
    }
}

impl Wire for Option<String> {
    const MIN_BYTES: usize = 1;

    fn read(reader: &mut Reader, version: Version) -> Result<Self, Malformed> {
        let Some(length) = reader.string_length(version)? else { return Ok(None) };
        let bytes = reader.peek(length)?;
        let Ok(text) = std::str::from_utf8(bytes) else { return Err(reader.error(Flaw::Utf8)) };
        let text = text.to_owned();
        reader.skip(length)?;
        Ok(Some(text))
    }

    fn write(&self, writer: &mut Writer, version: Version) -> Result<(), Unencodable> {
        match self {
            Some(text) => text.write(writer, version),
            None => writer.put_string_length(None, version),
        }
    }

    fn is_null(&self) -> bool {
        self.is_none()
    }

    #[cfg(test)]
    fn random(source: &mut Source, version: Version) -> Self {
        source.optional(version)
    }
}

impl Wire for String {
    const MIN_BYTES: usize = 1;

    fn read(reader: &mut Reader, version: Version) -> Result<Self, Malformed> {
        Option::<String>::read(reader, version)?.ok_or_else(|| reader.error(Flaw::Null))
    }

    fn write(&self, writer: &mut Writer, version: Version) -> Result<(), Unencodable> {
        writer.put_string_length(Some(self.len()), version)?;
        writer.put(self.as_bytes());
        Ok(())
    }

    #[cfg(test)]
    fn random(source: &mut Source, _: Version) -> Self {
        source.text()
    }
}

impl Wire for Option<Bytes> {
    const MIN_BYTES: usize = 1;

    fn read(reader: &mut Reader, version: Version) -> Result<Self, Malformed> {
        match reader.length(version)? {
            Some(length) => reader.share(length).map(Some),
            None => Ok(None),
        }
    }

    fn write(&self, writer: &mut Writer, version: Version) -> Result<(), Unencodable> {
        match self {
            Some(bytes) => bytes.write(writer, version),
            None => writer.put_length(None, version),
        }
    }

    fn is_null(&self) -> bool {
        self.is_none()
    }

    #[cfg(test)]
    fn random(source: &mut Source, version: Version) -> Self {
        source.optional(version)
    }
}

impl Wire for Bytes {
    const MIN_BYTES: usize = 1;

    fn read(reader: &mut Reader, version: Version) -> Result<Self, Malformed> {
        Option::<Bytes>::read(reader, version)?.ok_or_else(|| reader.error(Flaw::Null))
    }

    fn write(&self, writer: &mut Writer, version: Version) -> Result<(), Unencodable> {
        writer.put_length(Some(self.len()), version)?;
        writer.put_shared(self);
        Ok(())
    }

    #[cfg(test)]
    fn random(source: &mut Source, _: Version) -> Self {
        source.text().into()
    }
}

/// Record batches that follow each other, in pieces that are written without being copied; one piece when read.
#[derive(Clone, Debug, Default)]
pub struct Records(Vec<Bytes>);

impl Records {
    /// Without a batch.
    pub fn new() -> Self {
        Records::default()
    }

    /// Adds batches.
    pub fn push(&mut self, batches: Bytes) {
        self.0.push(batches);
    }

    /// The pieces in order.
    pub fn parts(&self) -> &[Bytes] {
        &self.0
    }

    /// Bytes of all pieces.
    pub fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes in one piece, copied where there are several.
    pub fn into_bytes(mut self) -> Bytes {
        match self.0.len() {
            0 => Bytes::new(),
            1 => self.0.remove(0),
            _ => Bytes::from(self.0.concat()),
        }
    }
}

impl From<Bytes> for Records {
    fn from(bytes: Bytes) -> Self {
        Records(vec![bytes])
    }
}

impl FromIterator<Bytes> for Records {
    fn from_iter<T: IntoIterator<Item = Bytes>>(pieces: T) -> Self {
        Records(pieces.into_iter().collect())
    }
}

impl Extend<Bytes> for Records {
    fn extend<T: IntoIterator<Item = Bytes>>(&mut self, pieces: T) {
        self.0.extend(pieces);
    }
}

impl PartialEq for Records {
    /// The same bytes, whatever the pieces.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.0.iter().flatten().eq(other.0.iter().flatten())
    }
}

impl Wire for Option<Records> {
    const MIN_BYTES: usize = 1;

    fn read(reader: &mut Reader, version: Version) -> Result<Self, Malformed> {
        Ok(Option::<Bytes>::read(reader, version)?.map(Records::from))
    }

    fn write(&self, writer: &mut Writer, version: Version) -> Result<(), Unencodable> {
        writer.put_length(self.as_ref().map(Records::len), version)?;
        self.iter().flat_map(Records::parts).for_each(|piece| writer.put_shared(piece));
        Ok(())
    }

    fn is_null(&self) -> bool {
        self.is_none()
    }

    #[cfg(test)]
    fn random(source: &mut Source, version: Version) -> Self {
        source.optional::<Bytes>(version).map(Records::from)
    }
}

impl<T: Wire> Wire for Option<Vec<T>> {
    const MIN_BYTES: usize = 1;

    fn read(reader: &mut Reader, version: Version) -> Result<Self, Malformed> {
        let Some(count) = reader.count::<T>(version)? else { return Ok(None) };
        // No more than the budget has allowed: growing step by step would take up to three times as much.
        let mut elements = Vec::with_capacity(count);
        for _ in 0..count {
            elements.push(T::read(reader, version)?);
        }
        Ok(Some(elements))
    }

    fn write(&self, writer: &mut Writer, version: Version) -> Result<(), Unencodable> {
        match self {
            Some(elements) => elements.write(writer, version),
            None => writer.put_length(None, version),
        }
    }

    fn is_null(&self) -> bool {
        self.is_none()
    }

    #[cfg(test)]
    fn random(source: &mut Source, version: Version) -> Self {
        source.optional(version)
    }
}

impl<T: Wire> Wire for Vec<T> {
    const MIN_BYTES: usize = 1;

    fn read(reader: &mut Reader, version: Version) -> Result<Self, Malformed> {
        Option::<Vec<T>>::read(reader, version)?.ok_or_else(|| reader.error(Flaw::Null))
    }

    fn write(&self, writer: &mut Writer, version: Version) -> Result<(), Unencodable> {
        writer.put_length(Some(self.len()), version)?;
        self.iter().try_for_each(|element| element.write(writer, version))
    }

    #[cfg(test)]
    fn random(source: &mut Source, version: Version) -> Self {
        (0..source.below(3)).map(|_| T::random(source, version)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_ids_are_shown_as_kafka_shows_them() {
        assert_eq!(Uuid::ZERO.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(Uuid([0xFF; 16]).to_string(), "_____________________w");
        let counted = Uuid(std::array::from_fn(|n| n as u8));
        assert_eq!(counted.to_string(), "AAECAwQFBgcICQoLDA0ODw");
    }

    #[test]
    fn records_are_equal_when_their_bytes_are() {
        let whole = Records::from(Bytes::from_static(b"abc"));
        let pieces: Records = [Bytes::from_static(b"a"), Bytes::from_static(b"bc")].into_iter().collect();
        assert_eq!(whole, pieces);
        assert_ne!(whole, Records::from(Bytes::from_static(b"abd")));
        assert_eq!(pieces.into_bytes(), &b"abc"[..]);
    }
}
