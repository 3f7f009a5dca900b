//! One connection to a broker: a request, its answer, in the greatest version that both speak.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::ops::RangeInclusive;

use bytes::Bytes;
use tailwater_wire::api::api_versions::ApiVersionsRequest;
use tailwater_wire::api::{ApiKey, Request, read_response, request_frame};
use tailwater_wire::codec::{Segments, Version};
use tailwater_wire::limits::RESPONSE_FRAME_MAX_BYTES;

use crate::limits::{CLIENT_CONNECT, CLIENT_TIMEOUT};

/// What this client calls itself; the listener knows by it that we read LZ4.
const SOFTWARE: &str = "tailwater";
/// The version of ApiVersions that every broker answers, if only with its own range.
const FIRST_VERSION: i16 = 3;

/// A connection, and what its other end speaks.
pub(super) struct Connection {
    socket: TcpStream,
    versions: HashMap<ApiKey, RangeInclusive<i16>>,
    correlation: i32,
}

impl Connection {
    /// Connects and asks what is spoken there.
    pub(super) fn open(address: &str) -> io::Result<Connection> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for resolved in address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&resolved, CLIENT_CONNECT) {
                Ok(socket) => return Connection::greet(socket),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn greet(socket: TcpStream) -> io::Result<Connection> {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(CLIENT_TIMEOUT))?;
        socket.set_write_timeout(Some(CLIENT_TIMEOUT))?;
        let mut connection = Connection { socket, versions: HashMap::new(), correlation: 0 };
        let hello = ApiVersionsRequest {
            client_software_name: SOFTWARE.to_owned(),
            client_software_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let version = |number| ApiKey::ApiVersions.version(number).ok_or_else(|| unspoken(ApiKey::ApiVersions));
        let mut told = connection.exchange(version(FIRST_VERSION)?, &hello);
        if told.is_err() {
            // An old broker answers a version that it does not know in the form of version 0, or not at all.
            told = connection.exchange(version(0)?, &ApiVersionsRequest::default());
        }
        for one in told?.api_keys {
            if let Some(key) = ApiKey::from_number(one.api_key) {
                connection.versions.insert(key, one.min_version..=one.max_version);
            }
        }
        Ok(connection)
    }

    /// Sends a request in the greatest version up to `most` that the broker speaks, and waits for the answer.
    pub(super) fn call<R: Request>(&mut self, most: i16, request: &R) -> io::Result<R::Response> {
        let theirs = self.versions.get(&R::KEY).ok_or_else(|| unspoken(R::KEY))?;
        let common = R::KEY.common_version(*theirs.start()..=most.min(*theirs.end()));
        self.exchange(common.ok_or_else(|| unspoken(R::KEY))?, request)
    }

    fn exchange<R: Request>(&mut self, version: Version, request: &R) -> io::Result<R::Response> {
        self.correlation = self.correlation.wrapping_add(1);
        let frame = request_frame(version, self.correlation, SOFTWARE, request).map_err(invalid)?;
        self.send(frame)?;
        let (answered, response) = read_response::<R>(self.receive()?, version).map_err(invalid)?;
        if answered != self.correlation {
            return Err(invalid("the answer is to another request"));
        }
        Ok(response)
    }

    fn send(&mut self, frame: Segments) -> io::Result<()> {
        frame.parts.iter().try_for_each(|part| self.socket.write_all(part))
    }

    fn receive(&mut self) -> io::Result<Bytes> {
        let mut length = [0; 4];
        self.socket.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > RESPONSE_FRAME_MAX_BYTES {
            return Err(invalid("it does not speak Kafka's protocol"));
        }
        let mut frame = Vec::new();
        (&self.socket).take(length as u64).read_to_end(&mut frame)?;
        if frame.len() < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Bytes::from(frame))
    }
}

fn unspoken(key: ApiKey) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, format!("the broker does not speak {key} in a version known here"))
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
