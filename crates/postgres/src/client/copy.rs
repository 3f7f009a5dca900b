//! `COPY … TO STDOUT`: rows as slices of the receive buffer.

use std::convert::Infallible;

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

/// What came of a look at what was received.
enum Step {
    /// A row is there.
    Row { last: bool },
    /// The copy has ended.
    End,
    /// A message that is no row.
    Control,
    /// Bytes came.
    Received,
    /// Nothing came.
    Silence,
}

impl<'c> CopyOut<'c> {
    pub(super) fn start(client: &'c mut Client, sql: &str) -> Result<Self, ClientError> {
        let copy = CopyOut::begin(client, sql)?;
        match copy.client.message()? {
            Message::CopyOutResponse(_) => Ok(copy),
            Message::ErrorResponse(error) => {
                let failure = ClientError::from_fields(error.fields());
                until_ready(copy.client)?;
                Err(failure)
            }
            _ => Err(ClientError::protocol("COPY was not answered by a copy")),
        }
    }

    pub(super) fn begin(client: &'c mut Client, sql: &str) -> Result<Self, ClientError> {
        client.send(|out| frontend::query(sql, out))?;
        Ok(CopyOut { client, done: false, first: true })
    }

    /// The next row; `None` at the end. Waits until it is known whether another one follows, by the tag alone, so a
    /// row never has to be kept for its marker.
    pub fn next_row(&mut self) -> Result<Option<CopyRow<'_>>, ClientError> {
        match self.next_row_while(&mut || Ok::<_, Infallible>(())) {
            Ok(row) => row,
            Err(never) => match never {},
        }
    }

    /// The same; while nothing comes `silent` is called every [`STOP_POLL`](crate::limits::STOP_POLL), and its error, the
    /// outer one, ends the wait.
    pub fn next_row_while<E>(
        &mut self,
        silent: &mut dyn FnMut() -> Result<(), E>,
    ) -> Result<Result<Option<CopyRow<'_>>, ClientError>, E> {
        let mut fresh = std::mem::take(&mut self.first);
        let last = loop {
            match self.step() {
                Ok(Step::Row { last }) => break last,
                Ok(Step::End) => return Ok(Ok(None)),
                Ok(Step::Received) => fresh = true,
                Ok(Step::Control) => {}
                Ok(Step::Silence) => silent()?,
                Err(error) => return Ok(Err(error)),
            }
        };
        Ok(self.client.buffer.take().and_then(|frame| {
            let frame = frame.ok_or_else(|| ClientError::protocol("a complete message went away"))?;
            Ok(Some(CopyRow { line: self.client.buffer.bytes(frame.body), last, fresh }))
        }))
    }

    /// Handles the next message, or waits a moment for it. A row is left to be taken.
    fn step(&mut self) -> Result<Step, ClientError> {
        if self.done {
            return Ok(Step::End);
        }
        match self.client.buffer.peek()? {
            Some(frame) if frame.tag == b'd' => match self.client.buffer.tag_after(&frame) {
                Some(tag) => Ok(Step::Row { last: tag == b'c' }),
                None => self.fill(),
            },
            Some(frame) => {
                self.client.buffer.take()?;
                Ok(if self.control(frame.tag, frame.body)? { Step::End } else { Step::Control })
            }
            None => self.fill(),
        }
    }

    /// Waits a moment for bytes. Rows may come without a pause, so the stop is looked at before each wait, not only
    /// during one.
    fn fill(&mut self) -> Result<Step, ClientError> {
        match &self.client.stop {
            Some(stop) if stop.is_set() => Err(ClientError::Interrupted),
            _ => Ok(if self.client.fill_or_silence()? { Step::Received } else { Step::Silence }),
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
            Message::CopyOutResponse(_) => Ok(false),
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
