//! Connections that are no sockets of the network: whoever holds the data directory speaks with the listener as its owner.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::connections::Connections;
use super::session::Session;
use super::{Shared, connection};

/// Where they seem to come from and to go to. Clients are told to connect there; who comes this way has no use for it.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Hands connections to a listener, as long as that lives.
#[derive(Clone)]
pub struct Insider {
    pub(super) runtime: Handle,
    pub(super) shared: Arc<Shared>,
    pub(super) connections: Arc<Connections>,
    pub(super) stop: watch::Sender<bool>,
}

impl Insider {
    /// Serves a connection, without TLS, of somebody who may do everything.
    ///
    /// # Errors
    /// The system has no more of what it takes, or there are as many connections as there may be.
    pub fn adopt(&self, stream: UnixStream) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        let place = self.connections.admit(NOWHERE.ip());
        let place = place.ok_or_else(|| io::Error::other("there are as many connections as there may be"))?;
        let stream = {
            let _inside = self.runtime.enter();
            tokio::net::UnixStream::from_std(stream)?
        };
        let session = Session::new(NOWHERE, NOWHERE, false);
        let (shared, stop) = (Arc::clone(&self.shared), self.stop.subscribe());
        self.runtime.spawn(connection::serve(stream.into_split(), session, place, shared, stop));
        Ok(())
    }

    /// A connection to the listener from within this process.
    ///
    /// # Errors
    /// As of [`adopt`](Self::adopt).
    pub fn connect(&self) -> io::Result<UnixStream> {
        let (ours, theirs) = UnixStream::pair()?;
        self.adopt(theirs)?;
        Ok(ours)
    }
}
