//! The receive buffer: whole messages of the server as slices, without copying them out.

use std::io::{self, Read};
use std::ops::Range;

use postgres_protocol::message::backend::Header;

use super::error::ClientError;

/// One message: its tag and where its body lies in the buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub tag: u8,
    pub body: Range<usize>,
}

/// Bytes received and not yet consumed. Grows for one large message up to a bound and shrinks afterwards.
pub(super) struct ReadBuffer {
    data: Vec<u8>,
    start: usize,
    end: usize,
    base: usize,
    limit: usize,
}

impl ReadBuffer {
    /// With room for `base` bytes, refusing messages above `limit`.
    pub fn new(base: usize, limit: usize) -> Self {
        ReadBuffer { data: vec![0; base.max(64)], start: 0, end: 0, base: base.max(64), limit }
    }

    /// Another bound on single messages.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// The next message when it is here completely, without consuming it.
    pub fn peek(&self) -> Result<Option<Frame>, ClientError> {
        let Some(length) = self.frame_length()? else { return Ok(None) };
        if self.end - self.start < length {
            return Ok(None);
        }
        Ok(Some(Frame { tag: self.data[self.start], body: self.start + 5..self.start + length }))
    }

    /// The next message when it is here completely; its bytes stay readable until the next [`ReadBuffer::fill`].
    pub fn take(&mut self) -> Result<Option<Frame>, ClientError> {
        let frame = self.peek()?;
        if let Some(frame) = &frame {
            self.start = frame.body.end;
        }
        Ok(frame)
    }

    /// The tag after a message that [`ReadBuffer::peek`] gave, when that byte is here.
    pub fn tag_after(&self, frame: &Frame) -> Option<u8> {
        self.unread().get(frame.body.end.checked_sub(self.start)?).copied()
    }

    /// Bytes of a message.
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.data.get(range).unwrap_or_default()
    }

    /// Reads once what the reader has; 0 is the end of the stream.
    pub fn fill(&mut self, reader: &mut impl Read) -> Result<io::Result<usize>, ClientError> {
        self.make_room()?;
        let result = reader.read(&mut self.data[self.end..]);
        if let Ok(n) = &result {
            self.end += n;
        }
        Ok(result)
    }

    fn unread(&self) -> &[u8] {
        &self.data[self.start..self.end]
    }

    fn frame_length(&self) -> Result<Option<usize>, ClientError> {
        let header = Header::parse(self.unread()).map_err(|e| ClientError::protocol(e.to_string()))?;
        let Some(header) = header else { return Ok(None) };
        let length = usize::try_from(header.len()).map_err(|_| ClientError::protocol("negative message length"))?;
        if length > self.limit {
            return Err(ClientError::TooLarge(length as u64));
        }
        Ok(Some(length + 1))
    }

    /// Room for the rest of the next message and at least one byte more.
    fn make_room(&mut self) -> Result<(), ClientError> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.data.len() > self.base {
                self.data.truncate(self.base);
                self.data.shrink_to_fit();
            }
        }
        let needed = self.frame_length()?.map_or(self.base, |length| (length + 64).max(self.base));
        if self.data.len() - self.start < needed || self.end == self.data.len() {
            self.data.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.data.len() < needed {
            self.data.reserve_exact(needed - self.data.len());
            self.data.resize(needed, 0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut out = vec![tag];
        out.extend(((body.len() + 4) as i32).to_be_bytes());
        out.extend(body);
        out
    }

    /// Gives at most `step` bytes a read, as a socket may.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let n = self.1.min(self.0.len()).min(out.len());
            out[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn read_all(bytes: &[u8], step: usize, buffer: &mut ReadBuffer) -> Vec<(u8, Vec<u8>)> {
        let mut reader = Trickle(bytes, step);
        let mut out = Vec::new();
        loop {
            while let Some(frame) = buffer.take().unwrap() {
                out.push((frame.tag, buffer.bytes(frame.body).to_vec()));
            }
            if buffer.fill(&mut reader).unwrap().unwrap() == 0 {
                return out;
            }
        }
    }

    proptest! {
        #[test]
        fn messages_come_out_as_they_went_in_however_they_are_cut(
            bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..20),
            step in 1usize..500,
        ) {
            let bytes: Vec<u8> = bodies.iter().flat_map(|b| message(b'd', b)).collect();
            let mut buffer = ReadBuffer::new(64, 10_000);
            let got: Vec<Vec<u8>> = read_all(&bytes, step, &mut buffer).into_iter().map(|(_, b)| b).collect();
            prop_assert_eq!(got, bodies);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut buffer = ReadBuffer::new(64, 1_000);
            let mut reader = Trickle(&bytes, 7);
            loop {
                match buffer.take() {
                    Ok(Some(frame)) => { buffer.bytes(frame.body); }
                    Ok(None) => match buffer.fill(&mut reader) {
                        Ok(Ok(n)) if n > 0 => {}
                        _ => break,
                    },
                    Err(_) => break,
                }
            }
        }
    }

    #[test]
    fn a_large_message_grows_the_buffer_and_it_shrinks_again() {
        let mut bytes = message(b'd', &vec![7; 100_000]);
        bytes.extend(message(b'd', b"x"));
        let mut buffer = ReadBuffer::new(1024, 200_000);
        assert_eq!(read_all(&bytes, 4096, &mut buffer).len(), 2);
        assert_eq!(buffer.data.len(), 1024);
        assert!(buffer.data.capacity() < 10_000);
    }

    #[test]
    fn a_message_above_the_limit_is_refused_before_memory_is_taken() {
        let mut buffer = ReadBuffer::new(64, 1_000);
        let mut reader: &[u8] = &[b'd', 0x7f, 0xff, 0xff, 0xff];
        buffer.fill(&mut reader).unwrap().unwrap();
        assert_eq!(buffer.take(), Err(ClientError::TooLarge(0x7fff_ffff)));
    }
}
