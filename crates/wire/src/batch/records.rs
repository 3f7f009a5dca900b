//! The records of a batch, one by one: borrowed ([`RawRecords`]), or sharing its memory ([`Records`]).

use bytes::Bytes;

use super::{Batch, BatchError, HEADER_BYTES, compression};
use crate::varint::Cursor;

/// The least record: seven numbers of one byte.
const RECORD_MIN_BYTES: usize = 7;
/// The least header: two lengths.
const HEADER_MIN_BYTES: usize = 2;

/// One record; its bytes are shared with the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Offset in the partition.
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Key; `None` is null.
    pub key: Option<Bytes>,
    /// Value; `None` is null.
    pub value: Option<Bytes>,
    /// Headers in order.
    pub headers: Vec<Header>,
}

/// One header of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Name; UTF-8 by convention, unchecked.
    pub name: Bytes,
    /// Value; `None` is null.
    pub value: Option<Bytes>,
}

/// One record as it lies in its batch, checked to its last byte.
#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    /// Offset in the partition.
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Key; `None` is null.
    pub key: Option<&'a [u8]>,
    /// Value; `None` is null.
    pub value: Option<&'a [u8]>,
    /// How many headers.
    pub header_count: usize,
    headers: &'a [u8],
    /// Where key and value end in the plain bytes: to share them costs less than to look where they lie.
    key_end: usize,
    value_end: usize,
    /// The bytes behind the timestamp: they say nothing of the batch except the offset.
    pub(super) behind_timestamp: &'a [u8],
}

impl<'a> RawRecord<'a> {
    /// Names and values of the headers in order.
    pub fn headers(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> {
        let bytes = self.headers;
        let mut cursor = Cursor::new(bytes, 0);
        std::iter::from_fn(move || Some((nullable(bytes, &mut cursor)??, nullable(bytes, &mut cursor)?)))
    }
}

/// How far the records of a batch are read.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    at: usize,
    next: u32,
    over: bool,
}

impl Progress {
    /// Before the first of a batch's plain records, which can be as many as the batch says.
    fn new(batch: &Batch, plain: &[u8]) -> Result<Self, BatchError> {
        if batch.count as usize > plain.len() / RECORD_MIN_BYTES {
            return Err(BatchError::Count(batch.count as i32));
        }
        Ok(Progress::default())
    }

    fn step<'a>(&mut self, batch: &Batch, plain: &'a [u8]) -> Option<Result<RawRecord<'a>, BatchError>> {
        if self.over {
            return None;
        }
        if self.next == batch.count {
            self.over = true;
            return (self.at < plain.len()).then_some(Err(BatchError::Trailing));
        }
        let index = self.next;
        self.next += 1;
        let record = self.record(batch, plain);
        self.over = record.is_none();
        Some(record.ok_or(BatchError::Record(index)))
    }

    fn record<'a>(&mut self, batch: &Batch, plain: &'a [u8]) -> Option<RawRecord<'a>> {
        let mut outer = Cursor::new(plain, self.at);
        let length = usize::try_from(outer.varint()?).ok()?;
        let end = outer.take(length)?.end;
        let bytes = &plain[..end];
        let mut cursor = Cursor::new(bytes, end - length);
        self.at = end;
        cursor.byte()?;
        let timestamp = batch.base_timestamp.wrapping_add(cursor.varlong()?);
        let behind_timestamp = &bytes[cursor.position()..];
        let offset = i64::from(cursor.varint()?);
        if offset < 0 || offset > i64::from(batch.last_offset_delta) {
            return None;
        }
        let key = nullable(bytes, &mut cursor)?;
        let key_end = cursor.position();
        let value = nullable(bytes, &mut cursor)?;
        let value_end = cursor.position();
        let header_count = usize::try_from(cursor.varint()?).ok()?;
        if header_count > cursor.left() / HEADER_MIN_BYTES {
            return None;
        }
        let headers = &bytes[cursor.position()..];
        for _ in 0..header_count {
            nullable(bytes, &mut cursor)??;
            nullable(bytes, &mut cursor)?;
        }
        if cursor.left() > 0 {
            return None;
        }
        let timestamp = if batch.is_log_append_time() { batch.max_timestamp } else { timestamp };
        let offset = batch.base_offset.wrapping_add(offset);
        Some(RawRecord { offset, timestamp, key, key_end, value, value_end, header_count, headers, behind_timestamp })
    }
}

/// Iterator over a batch's records as they lie there; ends after the first error.
#[derive(Clone, Debug)]
pub struct RawRecords<'a> {
    batch: &'a Batch,
    plain: &'a [u8],
    progress: Progress,
}

impl<'a> Iterator for RawRecords<'a> {
    type Item = Result<RawRecord<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.progress.step(self.batch, self.plain)
    }
}

/// Iterator over a batch's records, which share its memory; ends after the first error.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    batch: &'a Batch,
    /// The records uncompressed.
    plain: Bytes,
    progress: Progress,
}

impl Records<'_> {
    /// Bytes of all the records, uncompressed: the memory that they share.
    pub fn plain_len(&self) -> usize {
        self.plain.len()
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        let raw = match self.progress.step(self.batch, &self.plain)? {
            Ok(raw) => raw,
            Err(error) => return Some(Err(error)),
        };
        let shared = |bytes: &[u8], end: usize| self.plain.slice(end - bytes.len()..end);
        let mut headers = Vec::new();
        if raw.header_count > 0 {
            let shared = |bytes: &[u8]| self.plain.slice_ref(bytes);
            headers.reserve_exact(raw.header_count);
            headers.extend(raw.headers().map(|(name, value)| Header { name: shared(name), value: value.map(shared) }));
        }
        let key = raw.key.map(|key| shared(key, raw.key_end));
        let value = raw.value.map(|value| shared(value, raw.value_end));
        Some(Ok(Record { offset: raw.offset, timestamp: raw.timestamp, key, value, headers }))
    }
}

impl Batch {
    /// The bytes of its records, uncompressed: shared with the batch where they are so there.
    ///
    /// # Errors
    /// They cannot be decompressed, or are too large then.
    pub fn plain(&self) -> Result<Bytes, BatchError> {
        compression::decompress(self.codec(), &self.bytes().slice(HEADER_BYTES..))
    }

    /// Most bytes that [`plain`](Self::plain) takes memory for, within a factor of two; 0 where they are not compressed.
    pub fn plain_max_bytes(&self) -> usize {
        compression::decompressed_max(self.codec(), self.bytes().len() - HEADER_BYTES)
    }

    /// Its records in order, decompressed if need be.
    ///
    /// # Errors
    /// They cannot be decompressed, or are fewer than the batch says.
    pub fn records(&self) -> Result<Records<'_>, BatchError> {
        let plain = self.plain()?;
        Ok(Records { batch: self, progress: Progress::new(self, &plain)?, plain })
    }

    /// Its records in order, borrowed from its [`plain`](Self::plain) bytes.
    ///
    /// # Errors
    /// They are fewer than the batch says.
    pub fn raw_records<'a>(&'a self, plain: &'a [u8]) -> Result<RawRecords<'a>, BatchError> {
        Ok(RawRecords { batch: self, plain, progress: Progress::new(self, plain)? })
    }
}

/// A length and that many bytes; the length -1 is null. The outer `None` is a malformed record.
fn nullable<'a>(bytes: &'a [u8], cursor: &mut Cursor<'_>) -> Option<Option<&'a [u8]>> {
    match cursor.varint()? {
        -1 => Some(None),
        length => bytes.get(cursor.take(usize::try_from(length).ok()?)?).map(Some),
    }
}
