//! One connection to a broker: a request, its answer, in the greatest version that both speak.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use bytes::Bytes;
use tailwater_connector::Problem;
use tailwater_wire::api::api_versions::ApiVersionsRequest;
use tailwater_wire::api::{ApiKey, Request, read_response, request_frame};
use tailwater_wire::codec::{Segments, Version};
use tailwater_wire::limits::RESPONSE_FRAME_MAX_BYTES;

use super::access::{Access, Login};
use super::tls::{self, TlsStream};
use crate::limits::{CLIENT_CONNECT, CLIENT_TIMEOUT};

/// What this client calls itself; the listener knows by it that we read LZ4.
const SOFTWARE: &str = "tailwater";
/// The version of ApiVersions that every broker answers, if only with its own range.
const FIRST_VERSION: i16 = 3;
/// How a record of TLS begins that tells what is wrong: an alert, of version 3.
const TLS_ALERT: [u8; 2] = [0x15, 3];

/// A connection, and what its other end speaks.
pub(super) struct Connection {
    stream: Stream,
    address: String,
    versions: HashMap<ApiKey, RangeInclusive<i16>>,
    correlation: i32,
    /// Whether it has answered more than the greeting.
    served: bool,
    /// Who the client is, and when it has to say so again.
    login: Option<Login>,
    again: Option<Instant>,
}

enum Stream {
    Plain(TcpStream),
    Inside(UnixStream),
    Tls(Box<TlsStream>),
}

/// Why there is no answer.
pub(super) enum Failure {
    /// The connection is not there or not any more.
    Lost(io::Error),
    /// What the broker, or this client, does not let pass.
    Refused(Problem),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Lost(error)
    }
}

impl Connection {
    /// Connects, asks what is spoken there, and gets in.
    pub(super) fn open(address: &str, access: &Access) -> Result<Connection, Failure> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for resolved in access.leads_to(address).to_socket_addrs()? {
            match TcpStream::connect_timeout(&resolved, CLIENT_CONNECT) {
                Ok(socket) => return Connection::begin(socket, address, access),
                Err(error) => last = error,
            }
        }
        Err(Failure::Lost(last))
    }

    fn begin(socket: TcpStream, address: &str, access: &Access) -> Result<Connection, Failure> {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(CLIENT_TIMEOUT))?;
        socket.set_write_timeout(Some(CLIENT_TIMEOUT))?;
        let stream = match &access.tls {
            None => Stream::Plain(socket),
            Some(config) => {
                let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
                let stream = tls::handshake(socket, host, config).map_err(|error| no_tls(address, error))?;
                Stream::Tls(Box::new(stream))
            }
        };
        let mut connection = Connection::over(stream, address, access.login.clone())?;
        if let Some(login) = &access.login {
            connection.again = connection.log_in(login)?;
        }
        Ok(connection)
    }

    /// Over a connection that is no socket of the network.
    pub(super) fn inside(stream: UnixStream, address: &str) -> Result<Connection, Failure> {
        stream.set_read_timeout(Some(CLIENT_TIMEOUT))?;
        stream.set_write_timeout(Some(CLIENT_TIMEOUT))?;
        Connection::over(Stream::Inside(stream), address, None)
    }

    /// Asks what is spoken there.
    fn over(stream: Stream, address: &str, login: Option<Login>) -> Result<Connection, Failure> {
        let mut connection = Connection {
            stream,
            address: address.to_owned(),
            versions: HashMap::new(),
            correlation: 0,
            served: false,
            login,
            again: None,
        };
        connection.greet().map_err(|failure| connection.understood(failure))?;
        Ok(connection)
    }

    fn greet(&mut self) -> Result<(), Failure> {
        let hello = ApiVersionsRequest {
            client_software_name: SOFTWARE.to_owned(),
            client_software_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let version = |number| ApiKey::ApiVersions.version(number).ok_or_else(|| unspoken(ApiKey::ApiVersions));
        let mut told = self.exchange(version(FIRST_VERSION)?, &hello);
        if matches!(&told, Err(Failure::Lost(error)) if error.kind() == io::ErrorKind::InvalidData) {
            // An old broker answers a version that it does not know in the form of version 0.
            told = self.exchange(version(0)?, &ApiVersionsRequest::default());
        }
        for one in told?.api_keys {
            if let Some(key) = ApiKey::from_number(one.api_key) {
                self.versions.insert(key, one.min_version..=one.max_version);
            }
        }
        Ok(())
    }

    /// The address that was connected to.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Sends a request in the greatest version up to `most` that the broker speaks, and waits for the answer.
    pub(super) fn call<R: Request>(&mut self, most: i16, request: &R) -> Result<R::Response, Failure> {
        if self.again.take_if(|again| *again <= Instant::now()).is_some()
            && let Some(login) = self.login.clone()
        {
            self.again = self.log_in(&login)?;
        }
        let theirs = self.versions.get(&R::KEY).ok_or_else(|| unspoken(R::KEY))?;
        let common = R::KEY.common_version(*theirs.start()..=most.min(*theirs.end()));
        let version = common.ok_or_else(|| unspoken(R::KEY))?;
        let answer = self.exchange(version, request).map_err(|failure| self.understood(failure))?;
        self.served = true;
        Ok(answer)
    }

    /// What the end of a connection means that has not served yet: brokers close it where something else is to come first.
    fn understood(&self, failure: Failure) -> Failure {
        let Failure::Lost(error) = failure else { return failure };
        if let Some(problem) = tls::explain(&broker(&self.address), &error) {
            return Failure::Refused(problem);
        }
        let problem = |code, cause: String, remedy: &str| Failure::Refused(Problem::environment(code, cause, remedy));
        match (&self.stream, &self.login) {
            _ if self.served || !is_end(&error) => Failure::Lost(error),
            (Stream::Plain(_), _) if self.versions.is_empty() => problem(
                "BROKER_CLOSED",
                format!("the broker at {} closes the connection without a word: it may want TLS", self.address),
                WANTS_TLS,
            ),
            (Stream::Plain(_) | Stream::Tls(_), None) if !self.versions.is_empty() => problem(
                "LOGIN_MISSING",
                format!(
                    "the broker at {} closes the connection at the first request: it may want a login",
                    self.address
                ),
                "-X security.protocol=SASL_SSL (SASL_PLAINTEXT without TLS) -X sasl.mechanism=SCRAM-SHA-512 \
                 -X sasl.username=NAME -X 'sasl.password=${env:PASSWORD}'",
            ),
            _ => Failure::Lost(error),
        }
    }

    fn exchange<R: Request>(&mut self, version: Version, request: &R) -> Result<R::Response, Failure> {
        self.correlation = self.correlation.wrapping_add(1);
        let frame = request_frame(version, self.correlation, SOFTWARE, request).map_err(invalid)?;
        self.send(frame)?;
        let (answered, response) = read_response::<R>(self.receive()?, version).map_err(invalid)?;
        if answered != self.correlation {
            return Err(invalid("the answer is to another request").into());
        }
        Ok(response)
    }

    fn send(&mut self, frame: Segments) -> io::Result<()> {
        frame.parts.iter().try_for_each(|part| self.stream.write_all(part))?;
        self.stream.flush()
    }

    fn receive(&mut self) -> Result<Bytes, Failure> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        if length.starts_with(&TLS_ALERT) {
            return Err(Failure::Refused(Problem::environment(
                "BROKER_WANTS_TLS",
                format!("the broker at {} speaks TLS", self.address),
                WANTS_TLS,
            )));
        }
        let length = u32::from_be_bytes(length) as usize;
        if length > RESPONSE_FRAME_MAX_BYTES {
            return Err(io::Error::other("it does not speak Kafka's protocol").into());
        }
        let mut frame = Vec::new();
        (&mut self.stream).take(length as u64).read_to_end(&mut frame)?;
        if frame.len() < length {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(Bytes::from(frame))
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read(into),
            Stream::Inside(stream) => stream.read(into),
            Stream::Tls(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.write(bytes),
            Stream::Inside(stream) => stream.write(bytes),
            Stream::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(stream) => stream.flush(),
            Stream::Inside(stream) => stream.flush(),
            Stream::Tls(stream) => stream.flush(),
        }
    }
}

/// As problems name a broker.
fn broker(address: &str) -> String {
    format!("the broker at {address}")
}

/// What to do where TLS is wanted.
const WANTS_TLS: &str = "-X security.protocol=SSL (SASL_SSL with a login) -X ssl.ca.location=ca.pem";

/// Why a handshake of TLS did not succeed.
fn no_tls(address: &str, error: io::Error) -> Failure {
    if let Some(problem) = tls::explain(&broker(address), &error) {
        return Failure::Refused(problem);
    }
    if !is_end(&error) {
        return Failure::Lost(error);
    }
    Failure::Refused(Problem::environment(
        "TLS_MISSING",
        format!("the broker at {address} closes the connection when TLS begins: it may speak none"),
        "Where it speaks none: -X security.protocol=PLAINTEXT, or SASL_PLAINTEXT with a login.",
    ))
}

/// Whether the other end has closed the connection.
fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

fn unspoken(key: ApiKey) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, format!("the broker does not speak {key} in a version known here"))
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
