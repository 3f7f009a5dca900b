//! What is known of one connection and of the client at its other end.

use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;

use super::authentication::Authentication;

/// One connection.
pub(super) struct Session {
    /// Where the client is.
    pub(super) peer: SocketAddr,
    /// The address that it connected to.
    pub(super) local: SocketAddr,
    /// Who the client is, once that is known.
    pub(super) authentication: Authentication,
    software: OnceLock<Software>,
}

/// What a client says in ApiVersions that it is (KIP-511).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Software {
    pub(super) name: String,
    pub(super) version: String,
}

impl Session {
    /// A connection between these addresses, of a client that may have to say who it is.
    pub(super) fn new(peer: SocketAddr, local: SocketAddr, authenticate: bool) -> Self {
        let canonical = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
        Session {
            peer: canonical(peer),
            local: canonical(local),
            authentication: Authentication::new(authenticate),
            software: OnceLock::new(),
        }
    }

    /// The client's address as Kafka shows it among a group's members.
    pub(super) fn host(&self) -> String {
        format!("/{}", self.peer.ip())
    }

    /// The client has said what it is; what it said first counts.
    pub(super) fn introduce(&self, software: Software) {
        // A second introduction changes nothing.
        let _ = self.software.set(software);
    }

    /// What the client is, if it has said so.
    pub(super) fn software(&self) -> Option<&Software> {
        self.software.get()
    }

    /// Whether the client reads LZ4 out of the box. Those that do not say what they are, and those known to need an extra
    /// module for it, do not.
    pub(super) fn reads_lz4(&self) -> bool {
        const NATIVE: [&str; 12] = [
            "apache-kafka-java",
            "librdkafka",
            "confluent-kafka",
            "rust-rdkafka",
            "node-rdkafka",
            "karafka",
            "kgo",
            "sarama",
            "kafka-go",
            "segmentio",
            "krafka",
            "tailwater",
        ];
        self.software().is_some_and(|software| NATIVE.iter().any(|known| software.name.starts_with(known)))
    }

    /// The address that the client reaches this process at.
    pub(super) fn advertised(&self, setting: Option<&(String, u16)>) -> (String, u16) {
        match setting {
            Some((host, port)) if !self.local.ip().is_loopback() => (host.clone(), *port),
            _ => (host(self.local.ip()), self.local.port()),
        }
    }
}

fn host(ip: IpAddr) -> String {
    ip.to_string()
}
