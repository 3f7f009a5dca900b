//! Little-endian numbers and length-prefixed bytes, with checked reads: nothing from a disk may panic us.

use bytes::Bytes;

/// Bytes that are no valid form of what was expected; the text says of what.
pub(crate) type Malformed = &'static str;

/// Appends values to a buffer.
pub(crate) trait Put {
    fn u8(&mut self, value: u8);
    fn i16(&mut self, value: i16);
    fn i32(&mut self, value: i32);
    fn u32(&mut self, value: u32);
    fn u64(&mut self, value: u64);
    fn i64(&mut self, value: i64);
    fn blob(&mut self, value: &[u8]);
}

impl Put for Vec<u8> {
    fn u8(&mut self, value: u8) {
        self.push(value);
    }

    fn i16(&mut self, value: i16) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn i32(&mut self, value: i32) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn i64(&mut self, value: i64) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    /// Length as u32, then the bytes. Callers bound the length far below 4 GiB.
    fn blob(&mut self, value: &[u8]) {
        self.u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
        self.extend_from_slice(value);
    }
}

/// The rest of a buffer being read.
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or("the description ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or("the description ends too early")?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn i16(&mut self) -> Result<i16, Malformed> {
        self.array().map(i16::from_le_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_le_bytes)
    }

    pub(crate) fn blob(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.u32()?;
        self.take(length as usize)
    }

    pub(crate) fn bytes(&mut self) -> Result<Bytes, Malformed> {
        self.blob().map(Bytes::copy_from_slice)
    }

    pub(crate) fn text(&mut self) -> Result<String, Malformed> {
        let bytes = self.blob()?;
        std::str::from_utf8(bytes).map(str::to_string).map_err(|_| "a name is not UTF-8")
    }

    /// A count, then that many items. Memory is reserved only for items that can be there.
    pub(crate) fn list<T>(
        &mut self,
        least_bytes: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = self.u32()? as usize;
        if count > self.0.len() / least_bytes.max(1) {
            return Err("a count exceeds the bytes that are there");
        }
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Fails unless everything was read.
    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err("bytes are left over") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_beyond_the_bytes_reserves_nothing() {
        let mut bytes = Vec::new();
        bytes.u32(u32::MAX);
        bytes.u64(7);
        assert!(Input::new(&bytes).list(8, |input| input.u64()).is_err());
    }

    #[test]
    fn a_length_beyond_the_bytes_is_an_error() {
        let mut bytes = Vec::new();
        bytes.u32(9);
        bytes.u8(1);
        assert!(Input::new(&bytes).blob().is_err());
    }
}
