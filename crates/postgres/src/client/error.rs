//! What a server, or the way to it, answered.

use std::io;

use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::ErrorFields;

/// An `ErrorResponse` of the server. Its `DETAIL`, which may show row values, is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerError {
    /// Five characters, such as `42P01`.
    pub sqlstate: String,
    /// The primary message in the server's words.
    pub message: String,
    /// The server's hint; empty when it gave none.
    pub hint: String,
}

/// Why a connection could not be made or used. The variants are the classes a caller decides by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// No server there: unknown name, refused, timed out. May pass by itself.
    #[error("{0}")]
    Unreachable(String),
    /// The connection broke in use, or the server ended it (shutdown, crash of another backend). May pass by itself.
    #[error("connection lost: {0}")]
    Lost(String),
    /// Encryption: refused by the server, certificate not trusted, file not readable.
    #[error("TLS: {0}")]
    Tls(String),
    /// User or password refused, or a way to authenticate that this client lacks.
    #[error("{}", .0.message)]
    Credentials(ServerError),
    /// The server refused a command.
    #[error("{} (SQLSTATE {})", .0.message, .0.sqlstate)]
    Server(ServerError),
    /// One message is larger than the bound on rows, in bytes.
    #[error("a message of {0} bytes exceeds the limit")]
    TooLarge(u64),
    /// Bytes that no correct server sends.
    #[error("protocol: {0}")]
    Protocol(String),
    /// The connection's [`Stop`](tailwater_connector::Stop) was set while it waited.
    #[error("interrupted")]
    Interrupted,
}

impl ClientError {
    /// The SQLSTATE, when the server gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            ClientError::Server(e) | ClientError::Credentials(e) => Some(&e.sqlstate),
            _ => None,
        }
    }

    /// Whether waiting may help: the server is away, starting, stopping, or out of connections.
    pub fn is_transient(&self) -> bool {
        match self {
            ClientError::Unreachable(_) | ClientError::Lost(_) => true,
            // 57P01..57P03 shutdown and start-up, 53300 too many connections, 08 connection, 55006 object in use.
            ClientError::Server(e) => {
                matches!(e.sqlstate.as_str(), "57P01" | "57P02" | "57P03" | "53300" | "55006")
                    || e.sqlstate.starts_with("08")
            }
            _ => false,
        }
    }

    pub(super) fn protocol(what: impl Into<String>) -> Self {
        ClientError::Protocol(what.into())
    }

    pub(super) fn lost(error: &io::Error) -> Self {
        ClientError::Lost(error.to_string())
    }

    /// From the fields of an `ErrorResponse`; classes 28 (authorization) are credentials.
    pub(super) fn from_fields(fields: ErrorFields<'_>) -> Self {
        let error = ServerError::from_fields(fields);
        if error.sqlstate.starts_with("28") { ClientError::Credentials(error) } else { ClientError::Server(error) }
    }
}

impl ServerError {
    fn from_fields(mut fields: ErrorFields<'_>) -> Self {
        let mut error =
            ServerError { sqlstate: String::new(), message: String::from("no message"), hint: String::new() };
        while let Ok(Some(field)) = fields.next() {
            let value = String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                b'C' => error.sqlstate = value,
                b'M' => error.message = value,
                b'H' => error.hint = value,
                _ => {}
            }
        }
        error
    }
}
