//! A small synchronous client: SQL as text rows, `COPY … TO STDOUT`, and log streaming.
//!
//! One blocking socket, one thread, no runtime. Message layouts and SCRAM come from `postgres-protocol`; rows of a
//! copy or of the log are slices of the receive buffer. Only [`ReplicationStream::send_status`] writes while streaming, and
//! only `progress.rs` calls it.

mod auth;
mod buffer;
mod copy;
mod describe;
mod error;
mod replication;
mod rows;
mod settings;
mod socket;
mod tls;

use std::io::{self, Write};

use bytes::BytesMut;
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use tailwater_connector::Stop;

pub use copy::{CopyOut, CopyRow};
pub use describe::ResultColumn;
pub use error::{ClientError, ServerError};
pub use postgres_protocol::escape::{escape_identifier, escape_literal};
pub use replication::{Received, ReplicationStream};
pub use rows::Row;
pub use settings::{ConnectionSettings, Secret, SslMode, TlsSettings};

use crate::limits::{BUFFER_BYTES, MAX_ROW_BYTES, STOP_POLL};
use buffer::{Frame, ReadBuffer};
use socket::Socket;

/// A session.
pub struct Client {
    socket: Socket,
    buffer: ReadBuffer,
    out: BytesMut,
    stop: Option<Stop>,
    server_version_num: u32,
}

impl Client {
    /// Connects and authenticates. With `replication` the session is a walsender, which takes replication commands
    /// as well as simple SQL.
    pub fn connect(settings: &ConnectionSettings, replication: bool) -> Result<Client, ClientError> {
        let mut result = Err(ClientError::protocol("no connection attempt"));
        for encrypt in socket::attempts(settings.tls.mode) {
            result = Client::attempt(settings, replication, *encrypt);
            match &result {
                // As libpq: only a refusal at this stage or a failed handshake is worth the other kind of attempt.
                Err(ClientError::Credentials(e)) if e.sqlstate == "28000" => {}
                Err(ClientError::Tls(_)) if settings.tls.mode == SslMode::Prefer => {}
                _ => break,
            }
        }
        result
    }

    fn attempt(
        settings: &ConnectionSettings,
        replication: bool,
        encrypt: socket::Encrypt,
    ) -> Result<Client, ClientError> {
        let mut client = Client {
            socket: Socket::connect(settings, encrypt)?,
            buffer: ReadBuffer::new(BUFFER_BYTES, MAX_ROW_BYTES),
            out: BytesMut::new(),
            stop: None,
            server_version_num: 0,
        };
        auth::start(&mut client, settings, replication)?;
        client.socket.set_read_timeout(Some(STOP_POLL)).map_err(|e| ClientError::lost(&e))?;
        client.stop = Some(Stop::default());
        if client.server_version_num >= 140_000 {
            client.execute("SET idle_session_timeout = 0")?;
        }
        Ok(client)
    }

    /// From now on a waiting call ends with [`ClientError::Interrupted`] soon after `stop` is set.
    pub fn interrupt_with(&mut self, stop: Stop) {
        self.stop = Some(stop);
    }

    /// Refuses single messages above this many bytes with [`ClientError::TooLarge`].
    pub fn set_max_message(&mut self, bytes: usize) {
        self.buffer.set_limit(bytes);
    }

    /// The server's version as a number: 150018 for 15.18.
    pub fn server_version_num(&self) -> u32 {
        self.server_version_num
    }

    /// Runs one or more statements as one simple query and gives back all rows of all of them.
    pub fn query(&mut self, sql: &str) -> Result<Vec<Row>, ClientError> {
        self.send(|out| frontend::query(sql, out))?;
        let mut rows = Vec::new();
        let mut failure = None;
        loop {
            match self.message()? {
                Message::DataRow(row) => rows.push(Row::new(row)?),
                Message::ErrorResponse(error) => {
                    failure.get_or_insert(ClientError::from_fields(error.fields()));
                }
                Message::ReadyForQuery(_) => return failure.map_or(Ok(rows), Err),
                Message::CopyInResponse(_) => self.send(|out| frontend::copy_fail("not supported", out))?,
                _ => {}
            }
        }
    }

    /// The same when no rows are wanted.
    pub fn execute(&mut self, sql: &str) -> Result<(), ClientError> {
        self.query(sql).map(drop)
    }

    /// Starts `COPY … TO STDOUT`; read it to its end before the next statement.
    pub fn copy_out(&mut self, sql: &str) -> Result<CopyOut<'_>, ClientError> {
        CopyOut::start(self, sql)
    }

    /// The same without waiting for the server's answer, which may come late: it comes with the first row.
    pub fn begin_copy_out(&mut self, sql: &str) -> Result<CopyOut<'_>, ClientError> {
        CopyOut::begin(self, sql)
    }

    /// Starts streaming with a complete `START_REPLICATION …` command.
    pub fn start_replication(self, command: &str) -> Result<ReplicationStream, ClientError> {
        ReplicationStream::start(self, command)
    }

    /// Writes one message.
    fn send(&mut self, write: impl FnOnce(&mut BytesMut) -> io::Result<()>) -> Result<(), ClientError> {
        self.out.clear();
        write(&mut self.out).map_err(|e| ClientError::protocol(e.to_string()))?;
        self.socket.write_all(&self.out).and_then(|()| self.socket.flush()).map_err(|e| ClientError::lost(&e))
    }

    /// Waits for the next message and parses it from its own copy; asynchronous notices are left out.
    fn message(&mut self) -> Result<Message, ClientError> {
        loop {
            let frame = self.frame()?;
            // 'A' notification, 'N' notice: may come at any time and concern nobody here.
            if !matches!(frame.tag, b'A' | b'N') {
                return auth::parse(frame.tag, self.buffer.bytes(frame.body));
            }
        }
    }

    /// Waits for the next message and consumes it.
    fn frame(&mut self) -> Result<Frame, ClientError> {
        loop {
            if let Some(frame) = self.buffer.take()? {
                return Ok(frame);
            }
            self.fill()?;
        }
    }

    /// Waits for bytes.
    fn fill(&mut self) -> Result<(), ClientError> {
        while !self.fill_or_silence()? {}
        Ok(())
    }

    /// Waits a moment for bytes; `false` when there were none. Before authentication is over that ends the attempt; later
    /// it only looks at the stop.
    fn fill_or_silence(&mut self) -> Result<bool, ClientError> {
        match self.buffer.fill(&mut self.socket)? {
            Ok(0) => Err(ClientError::Lost("the server closed the connection".into())),
            Ok(_) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(e) if is_timeout(&e) => match &self.stop {
                None => Err(ClientError::Unreachable("the server does not answer in time".into())),
                Some(stop) if stop.is_set() => Err(ClientError::Interrupted),
                Some(_) => Ok(false),
            },
            Err(e) => Err(ClientError::lost(&e)),
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
