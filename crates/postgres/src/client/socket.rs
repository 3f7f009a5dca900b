//! The byte stream to a server: TCP with keepalive, plain or under TLS.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};
use socket2::{SockRef, TcpKeepalive};

use super::error::ClientError;
use super::settings::{ConnectionSettings, SslMode};
use super::tls;
use crate::limits::{KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_RETRIES, SEND_TIMEOUT};

/// A connected stream.
pub(super) enum Socket {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Socket {
    /// Connects, with TLS or without it. Reads and writes are bounded by `connect_timeout` until changed.
    pub fn connect(settings: &ConnectionSettings, encrypt: Encrypt) -> Result<Socket, ClientError> {
        let tcp = connect_tcp(settings)?;
        if encrypt == Encrypt::No {
            return Ok(Socket::Plain(tcp));
        }
        if !server_accepts_tls(&tcp)? {
            return match encrypt {
                Encrypt::IfOffered => Ok(Socket::Plain(tcp)),
                _ => Err(ClientError::Tls("the server does not support encrypted connections".into())),
            };
        }
        tls::handshake(tcp, settings).map(|stream| Socket::Tls(Box::new(stream)))
    }

    /// Bounds every read; `None` waits for ever.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.tcp().set_read_timeout(timeout)
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Socket::Plain(tcp) => tcp,
            Socket::Tls(tls) => &tls.sock,
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Plain(tcp) => tcp.read(buffer),
            Socket::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Plain(tcp) => tcp.write(bytes),
            Socket::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Socket::Plain(tcp) => tcp.flush(),
            Socket::Tls(tls) => tls.flush(),
        }
    }
}

/// Whether to ask for TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encrypt {
    No,
    IfOffered,
    Always,
}

/// What to try, in order, for an `sslmode` (libpq: a second attempt only when the first was refused).
pub(super) fn attempts(mode: SslMode) -> &'static [Encrypt] {
    match mode {
        SslMode::Disable => &[Encrypt::No],
        SslMode::Allow => &[Encrypt::No, Encrypt::Always],
        SslMode::Prefer => &[Encrypt::IfOffered, Encrypt::No],
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => &[Encrypt::Always],
    }
}

fn connect_tcp(settings: &ConnectionSettings) -> Result<TcpStream, ClientError> {
    let ConnectionSettings { host, port, connect_timeout, aliases, .. } = settings;
    let unreachable = |why: String| ClientError::Unreachable(format!("cannot reach {host}:{port}: {why}"));
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<SocketAddr> =
        aliases.resolve(bare, *port).to_socket_addrs().map_err(|e| unreachable(e.to_string()))?.collect();
    let deadline = Instant::now() + *connect_timeout;
    let mut last = String::from("the name has no address");
    for address in addresses {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(tcp) => {
                configure(&tcp, *connect_timeout).map_err(|e| unreachable(e.to_string()))?;
                return Ok(tcp);
            }
            Err(e) => last = e.to_string(),
        }
    }
    Err(unreachable(last))
}

fn configure(tcp: &TcpStream, timeout: Duration) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(Some(timeout))?;
    tcp.set_write_timeout(Some(SEND_TIMEOUT))?;
    let keepalive =
        TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL).with_retries(KEEPALIVE_RETRIES);
    SockRef::from(tcp).set_tcp_keepalive(&keepalive)
}

/// Sends `SSLRequest` and reads the one byte of its answer, never more: bytes behind it would be unauthenticated.
fn server_accepts_tls(mut tcp: &TcpStream) -> Result<bool, ClientError> {
    let mut request = bytes::BytesMut::new();
    postgres_protocol::message::frontend::ssl_request(&mut request);
    let mut answer = [0];
    tcp.write_all(&request).and_then(|()| tcp.read_exact(&mut answer)).map_err(|e| ClientError::lost(&e))?;
    match answer[0] {
        b'S' => Ok(true),
        b'N' => Ok(false),
        _ => Err(ClientError::protocol("the peer does not speak PostgreSQL's protocol")),
    }
}
