//! Log streaming: the copy-both phase of a walsender session.

use std::io;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;

use super::{Client, ClientError, auth, is_timeout};
use crate::limits::CLOSE_PATIENCE;

/// A stream of the log.
pub struct ReplicationStream {
    client: Client,
    timeout: Duration,
}

/// One message of the walsender (PostgreSQL docs, Streaming Replication Protocol).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// `XLogData`.
    Data {
        /// Start of the log record of this message.
        start: u64,
        /// End of the log on the server when it was sent.
        end: u64,
        /// The plugin's message.
        payload: &'a [u8],
    },
    /// `Primary keepalive message`.
    Keepalive {
        /// Everything before this position was sent.
        end: u64,
        /// Whether the server wants a status at once.
        reply_requested: bool,
    },
    /// The server ended the stream in order.
    Done,
}

impl ReplicationStream {
    pub(super) fn start(mut client: Client, command: &str) -> Result<Self, ClientError> {
        client.send(|out| frontend::query(command, out))?;
        loop {
            let frame = client.frame()?;
            match frame.tag {
                b'W' => {
                    let mut stream = ReplicationStream { client, timeout: Duration::MAX };
                    stream.set_timeout(super::STOP_POLL)?;
                    return Ok(stream);
                }
                b'E' => {
                    let Message::ErrorResponse(e) = auth::parse(b'E', client.buffer.bytes(frame.body))? else {
                        return Err(ClientError::protocol("an error without its fields"));
                    };
                    return Err(ClientError::from_fields(e.fields()));
                }
                b'N' | b'A' | b'S' => {}
                _ => return Err(ClientError::protocol("START_REPLICATION was not answered by a stream")),
            }
        }
    }

    /// Reads once from the socket, waiting at most `timeout`; gives the number of bytes, 0 when none came. A message that is
    /// here already is not waited for: what came together with the stream's beginning may be its end, an error.
    pub fn receive(&mut self, timeout: Duration) -> Result<usize, ClientError> {
        if let Some(frame) = self.client.buffer.peek()? {
            // With its tag and length.
            return Ok(frame.body.len() + 5);
        }
        self.set_timeout(timeout)?;
        match self.client.buffer.fill(&mut self.client.socket)? {
            Ok(0) => Err(ClientError::Lost("the server closed the connection".into())),
            Ok(n) => Ok(n),
            Err(e) if is_timeout(&e) || e.kind() == io::ErrorKind::Interrupted => Ok(0),
            Err(e) => Err(ClientError::lost(&e)),
        }
    }

    /// The next message that is here completely; its bytes stay until the next [`ReplicationStream::receive`].
    pub fn next_message(&mut self) -> Result<Option<Received<'_>>, ClientError> {
        loop {
            let Some(frame) = self.client.buffer.take()? else { return Ok(None) };
            match frame.tag {
                b'd' => return parse(self.client.buffer.bytes(frame.body)).map(Some),
                b'c' => return Ok(Some(Received::Done)),
                b'E' => {
                    let Message::ErrorResponse(e) = auth::parse(b'E', self.client.buffer.bytes(frame.body))? else {
                        return Err(ClientError::protocol("an error without its fields"));
                    };
                    return Err(ClientError::from_fields(e.fields()));
                }
                // Notices, notifications, parameters; the closing messages after CopyDone.
                b'N' | b'A' | b'S' | b'C' | b'Z' => {}
                _ => return Err(ClientError::protocol("unexpected message inside the stream")),
            }
        }
    }

    /// Sends a status to the walsender. Only `progress.rs` calls it; `cargo xtask tidy` sees to that.
    pub(crate) fn send_status(&mut self, payload: &[u8]) -> Result<(), ClientError> {
        self.client.send(|out: &mut BytesMut| frontend::CopyData::new(payload).map(|data| data.write(out)))
    }

    /// Ends the stream in order, without looking at what is still on its way. When it returns the server has let go of
    /// the slot, unless it took longer than [`CLOSE_PATIENCE`].
    pub fn finish(&mut self) -> Result<(), ClientError> {
        self.client.send(|out| {
            frontend::copy_done(out);
            frontend::terminate(out);
            Ok(())
        })?;
        let deadline = Instant::now() + CLOSE_PATIENCE;
        while Instant::now() < deadline {
            match self.receive(CLOSE_PATIENCE / 10) {
                Ok(_) => while self.client.buffer.take()?.is_some() {},
                Err(_) => break,
            }
        }
        Ok(())
    }

    fn set_timeout(&mut self, timeout: Duration) -> Result<(), ClientError> {
        // A zero time-out means "for ever" to the socket; and each change costs a system call.
        let timeout = timeout.max(Duration::from_micros(100));
        if self.timeout != timeout {
            self.client.socket.set_read_timeout(Some(timeout)).map_err(|e| ClientError::lost(&e))?;
            self.timeout = timeout;
        }
        Ok(())
    }
}

fn parse(body: &[u8]) -> Result<Received<'_>, ClientError> {
    let short = || ClientError::protocol("a walsender message is too short");
    let (&kind, rest) = body.split_first().ok_or_else(short)?;
    match kind {
        b'w' => {
            let (start, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
            let (end, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
            let (_clock, payload) = rest.split_first_chunk::<8>().ok_or_else(short)?;
            Ok(Received::Data { start: u64::from_be_bytes(*start), end: u64::from_be_bytes(*end), payload })
        }
        b'k' => {
            let (end, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
            let (_clock, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
            let reply = *rest.first().ok_or_else(short)?;
            Ok(Received::Keepalive { end: u64::from_be_bytes(*end), reply_requested: reply != 0 })
        }
        _ => Err(ClientError::protocol("unknown walsender message")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn data_and_keepalives_are_read() {
        let mut data = vec![b'w'];
        data.extend(7u64.to_be_bytes());
        data.extend(9u64.to_be_bytes());
        data.extend(0u64.to_be_bytes());
        data.extend(b"xy");
        assert_eq!(parse(&data), Ok(Received::Data { start: 7, end: 9, payload: b"xy" }));
        let mut keepalive = vec![b'k'];
        keepalive.extend(9u64.to_be_bytes());
        keepalive.extend(0u64.to_be_bytes());
        keepalive.push(1);
        assert_eq!(parse(&keepalive), Ok(Received::Keepalive { end: 9, reply_requested: true }));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&bytes);
        }
    }
}
