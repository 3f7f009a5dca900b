//! The Kafka listener: the journal's topics over Kafka's protocol, to any client.
//!
//! A connection ([`connection`]) reads requests as frames ([`frames`]) and answers them in their order; [`dispatch`] knows
//! which are served, one file of [`api`] each; the [`broker`] is what they all work on. Everything that comes from a
//! socket is bounded in [`limits`](crate::limits): connections, requests, answers, time, and lines in the log.

mod api;
mod authentication;
mod authorization;
mod broker;
mod complaints;
mod configs;
mod connection;
mod connections;
mod dispatch;
mod fetch_counts;
mod fetch_sessions;
mod frames;
mod insider;
mod memory;
mod news;
mod request_memory;
mod session;
mod topic_config;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tailwater_journal::{Journal, JournalError};
use tailwater_wire::Buffers;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::limits::{
    ACCEPT_PAUSE, ANSWERS_TOTAL_BYTES, CLOSE_LINGER, CONNECTIONS, HANDSHAKE_TIMEOUT, REQUEST_RESTS_TOTAL_BYTES,
    REQUESTS_TOTAL_BYTES, THREADS, UNPACKED_TOTAL_BYTES,
};
use broker::Broker;
pub use broker::cluster_id;
use complaints::Complaints;
pub use configs::check_topic_setting;
use connections::{Connections, Place};
pub use insider::Insider;
use memory::Memory;
use request_memory::RequestMemory;
use session::Session;

/// How the listener behaves; the defaults are Kafka's where Kafka has one.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Host and port that clients are told to connect to, where they do not come over loopback. `None`: the address that
    /// they connected to.
    pub advertised: Option<(String, u16)>,
    /// Connections at one time; bounded by the files that the process may open.
    pub connections: usize,
    /// Whether naming an unknown topic in Metadata makes it (`auto.create.topics.enable`).
    pub auto_create_topics: bool,
    /// Partitions of topics that are made without a number (`num.partitions`).
    pub partitions: u32,
    /// The data directory, as clients that ask for sizes are told it.
    pub log_dir: String,
    /// What groups of consumers may do.
    pub groups: crate::group::Settings,
    /// Who may connect.
    pub security: crate::security::Security,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            advertised: None,
            connections: CONNECTIONS,
            auto_create_topics: true,
            partitions: 1,
            log_dir: String::new(),
            groups: crate::group::Settings::default(),
            security: crate::security::Security::default(),
        }
    }
}

/// A listener that serves, on threads of its own.
pub struct Listener {
    /// `None`: nowhere on the network.
    address: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    insider: Insider,
    runtime: Runtime,
}

/// Why a listener cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system refused a thread or a socket.
    #[error("the Kafka listener cannot start: {0}")]
    System(#[from] io::Error),
    /// The journal refused what the listener keeps there.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What the connections have in common.
struct Shared {
    broker: Broker,
    /// Bytes of requests.
    requests: RequestMemory,
    /// Bytes of answers.
    answers: Memory,
    /// Memory for batches that are expanded.
    buffers: Buffers,
    /// Bytes of batches that are decompressed to be looked through.
    unpacked: Memory,
    complaints: Complaints,
}

impl Listener {
    /// Serves the topics of a journal on a bound socket; without one, only to [insiders](Self::insider).
    pub fn start(socket: Option<TcpListener>, journal: Journal, settings: Settings) -> Result<Listener, StartError> {
        let address = socket.as_ref().map(TcpListener::local_addr).transpose()?;
        let connections = Arc::new(Connections::new(settings.connections));
        let shared = Arc::new(Shared {
            broker: Broker::open(journal, settings)?,
            requests: RequestMemory::new(REQUESTS_TOTAL_BYTES, REQUEST_RESTS_TOTAL_BYTES),
            answers: Memory::new(ANSWERS_TOTAL_BYTES),
            buffers: Buffers::default(),
            unpacked: Memory::new(UNPACKED_TOTAL_BYTES),
            complaints: Complaints::new(Instant::now()),
        });
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("kafka")
            .enable_all()
            .build()?;
        describe_metrics();
        let (stop, stopped) = watch::channel(false);
        runtime.spawn(shared.broker.coordinator.clone().run());
        let broker = Arc::clone(&shared);
        runtime.spawn(async move { broker.broker.news.run(&broker.broker.journal).await });
        let insider = Insider {
            runtime: runtime.handle().clone(),
            shared: Arc::clone(&shared),
            connections: Arc::clone(&connections),
            stop: stop.clone(),
        };
        if let Some(socket) = socket {
            socket.set_nonblocking(true)?;
            let socket = {
                let _inside = runtime.enter();
                tokio::net::TcpListener::from_std(socket)?
            };
            runtime.spawn(accept(socket, connections, shared, stopped));
        }
        Ok(Listener { address, stop, insider, runtime })
    }

    /// Where it listens on the network, if it does.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// For connections of who holds the data directory.
    pub fn insider(&self) -> Insider {
        self.insider.clone()
    }

    /// Takes no more connections or requests, answers what was asked within a short time, and ends.
    pub fn close(self) {
        // Nobody listens any more only when nothing is left to stop.
        let _ = self.stop.send(true);
        self.runtime.block_on(async {
            let ended = self.stop.closed();
            // Connections give up by themselves; this is for those that are held up.
            let _ = tokio::time::timeout(2 * CLOSE_LINGER, ended).await;
        });
        self.runtime.shutdown_timeout(Duration::ZERO);
    }
}

/// Says what is counted.
fn describe_metrics() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_gauge!("tailwater_kafka_connections", "connections of Kafka's clients");
    describe_counter!("tailwater_kafka_connections_closed_for_cause_total", "connections closed for a cause");
    describe_counter!("tailwater_kafka_requests_total", "requests by API");
    describe_histogram!("tailwater_kafka_request_seconds", Unit::Seconds, "from a request to its answer, by API");
    describe_counter!("tailwater_kafka_received_bytes_total", Unit::Bytes, "bytes of requests");
    describe_counter!("tailwater_kafka_sent_bytes_total", Unit::Bytes, "bytes of answers");
    describe_counter!("tailwater_kafka_produced_records_total", "records that clients sent");
    describe_counter!("tailwater_kafka_produced_bytes_total", Unit::Bytes, "bytes of batches that clients sent");
    describe_counter!("tailwater_kafka_fetched_bytes_total", Unit::Bytes, "bytes of batches that clients fetched");
}

/// Takes connections until it is stopped.
async fn accept(
    socket: tokio::net::TcpListener,
    connections: Arc<Connections>,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    let tls = shared.broker.settings.security.tls.clone().map(TlsAcceptor::from);
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                shared.complaints.refused(&error);
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(place) = connections.admit(peer.ip().to_canonical()) else {
            shared.complaints.closed(peer, &"there are as many connections as there may be");
            continue;
        };
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        // Answers are written whole; waiting for more of them gains nothing.
        let Ok(local) = stream.local_addr().and_then(|local| stream.set_nodelay(true).map(|()| local)) else {
            continue;
        };
        let session = Session::new(peer, local, shared.broker.settings.security.authenticate);
        match tls.clone() {
            None => tokio::spawn(connection::serve(stream.into_split(), session, place, shared, stop)),
            Some(tls) => tokio::spawn(serve_tls(tls, stream, session, place, shared, stop)),
        };
    }
}

/// Serves a connection behind TLS, whose handshake has as much time as a first request.
async fn serve_tls(
    tls: TlsAcceptor,
    stream: TcpStream,
    session: Session,
    place: Place,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    let peer = session.peer;
    let accepted = tokio::select! {
        accepted = timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)) => accepted,
        () = place.evicted.notified() => return,
        _ = stop.wait_for(|stop| *stop) => return,
    };
    match accepted {
        Ok(Ok(stream)) => connection::serve(tokio::io::split(stream), session, place, shared, stop).await,
        // Somebody who looked whether the port is open.
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => tracing::debug!(%peer, "no TLS: {error}"),
        Ok(Err(error)) => shared.complaints.closed(peer, &format_args!("its TLS handshake failed: {error}")),
        Err(_) => tracing::debug!(%peer, "a connection made no TLS handshake"),
    }
}
