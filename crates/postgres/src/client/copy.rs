//! `COPY … TO STDOUT`: rows as slices of the receive buffer.

use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;

use super::{Client, ClientError, auth};

/// A running copy. Dropped before its end it leaves the session unusable.
pub struct CopyOut<'c> {
    client: &'c mut Client,
    done: bool,
    first: bool,
}

/// One row of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyRow<'a> {
    /// The line with its newline, in COPY's text format.
    pub line: &'a [u8],
    /// Whether the copy has no row after this one.
    pub last: bool,
    /// Whether bytes were received since the row before: rows between come at one moment.
    pub fresh: bool,
}

impl<'c> CopyOut<'c> {
    pub(super) fn start(client: &'c mut Client, sql: &str) -> Result<Self, ClientError> {
        client.send(|out| frontend::query(sql, out))?;
        match client.message()? {
            Message::CopyOutResponse(_) => Ok(CopyOut { client, done: false, first: true }),
            Message::ErrorResponse(error) => {
                let failure = ClientError::from_fields(error.fields());
                until_ready(client)?;
                Err(failure)
            }
            _ => Err(ClientError::protocol("COPY was not answered by a copy")),
        }
    }

    /// The next row; `None` at the end. Waits until it is known whether another one follows, by the tag alone, so a
    /// row never has to be kept for its marker.
    pub fn next_row(&mut self) -> Result<Option<CopyRow<'_>>, ClientError> {
        if self.done {
            return Ok(None);
        }
        let mut fresh = std::mem::take(&mut self.first);
        let last = loop {
            let frame = self.client.buffer.peek()?;
            match frame {
                Some(frame) if frame.tag == b'd' => match self.client.buffer.tag_after(&frame) {
                    Some(tag) => break tag == b'c',
                    None => {
                        self.fill()?;
                        fresh = true;
                    }
                },
                Some(frame) => {
                    self.client.buffer.take()?;
                    if self.control(frame.tag, frame.body)? {
                        return Ok(None);
                    }
                }
                None => {
                    self.fill()?;
                    fresh = true;
                }
            }
        };
        let Some(frame) = self.client.buffer.take()? else {
            return Err(ClientError::protocol("a complete message went away"));
        };
        Ok(Some(CopyRow { line: self.client.buffer.bytes(frame.body), last, fresh }))
    }

    /// Waits for bytes. Rows may come without a pause, so the stop is looked at before each wait, not only during one.
    fn fill(&mut self) -> Result<(), ClientError> {
        match &self.client.stop {
            Some(stop) if stop.is_set() => Err(ClientError::Interrupted),
            _ => self.client.fill(),
        }
    }

    /// Handles what is not a row; says whether the copy has ended.
    fn control(&mut self, tag: u8, body: std::ops::Range<usize>) -> Result<bool, ClientError> {
        match auth::parse(tag, self.client.buffer.bytes(body))? {
            Message::CopyDone => {
                self.done = true;
                until_ready(self.client)?;
                Ok(true)
            }
            Message::ErrorResponse(error) => {
                self.done = true;
                let failure = ClientError::from_fields(error.fields());
                until_ready(self.client)?;
                Err(failure)
            }
            Message::NoticeResponse(_) | Message::ParameterStatus(_) | Message::NotificationResponse(_) => Ok(false),
            _ => Err(ClientError::protocol("unexpected message inside a copy")),
        }
    }
}

/// Reads on to `ReadyForQuery`; an error on the way is the answer.
fn until_ready(client: &mut Client) -> Result<(), ClientError> {
    let mut failure = None;
    loop {
        match client.message()? {
            Message::ReadyForQuery(_) => return failure.map_or(Ok(()), Err),
            Message::ErrorResponse(error) => failure = Some(ClientError::from_fields(error.fields())),
            _ => {}
        }
    }
}
