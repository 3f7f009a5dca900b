//! One member of a group.

use super::{JoinRequest, Protocol};
use bytes::Bytes;

/// A member. `W` is who waits for an answer to it.
#[derive(Debug)]
pub struct Member<W> {
    /// `group.instance.id`: a static member (KIP-345).
    pub instance: Option<String>,
    /// `client.id`.
    pub client_id: String,
    /// Address of the client.
    pub client_host: String,
    /// Silence after which it is gone, milliseconds.
    pub session_timeout: u64,
    /// How long others wait for it when they rebalance, milliseconds.
    pub rebalance_timeout: u64,
    /// What it knows, best first.
    pub protocols: Vec<Protocol>,
    /// What the leader gave it.
    pub assignment: Bytes,
    /// When its silence has lasted too long. While it waits for an answer it need not speak.
    pub(super) deadline: u64,
    /// It has not been in a generation yet, so it has not seen its id and cannot speak: the deadline counts even while
    /// it waits.
    pub(super) new: bool,
    /// Waits for the others to join.
    pub(super) joining: Option<W>,
    /// Waits for the leader's assignment.
    pub(super) syncing: Option<W>,
}

impl<W> Member<W> {
    pub(super) fn new(request: JoinRequest, deadline: u64) -> Self {
        Self {
            instance: request.instance,
            client_id: request.client_id,
            client_host: request.client_host,
            session_timeout: request.session_timeout,
            rebalance_timeout: request.rebalance_timeout,
            protocols: request.protocols,
            assignment: Bytes::new(),
            deadline,
            new: true,
            joining: None,
            syncing: None,
        }
    }

    /// What it says of itself under a protocol.
    pub fn metadata(&self, protocol: &str) -> Bytes {
        self.protocols
            .iter()
            .find(|known| known.name == protocol)
            .map(|known| known.metadata.clone())
            .unwrap_or_default()
    }

    /// Bytes that it takes of the group's bound.
    pub(super) fn bytes(&self) -> usize {
        let says = self.client_id.len() + self.client_host.len() + self.instance.as_ref().map_or(0, String::len);
        says + bytes(&self.protocols) + self.assignment.len()
    }

    pub(super) fn knows(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|known| known.name == protocol)
    }

    /// It has been silent for too long.
    pub(super) fn expired(&self, now: u64) -> bool {
        self.deadline <= now && self.counts_silence()
    }

    /// Its deadline matters just now.
    pub(super) fn counts_silence(&self) -> bool {
        self.new || (self.joining.is_none() && self.syncing.is_none())
    }

    pub(super) fn heard(&mut self, now: u64) {
        self.deadline = now.saturating_add(self.session_timeout);
    }
}

/// Bytes of what a member tells when it joins.
pub(super) fn joining_bytes(request: &JoinRequest) -> usize {
    let says = request.client_id.len() + request.client_host.len() + request.instance.as_ref().map_or(0, String::len);
    says + bytes(&request.protocols)
}

fn bytes(protocols: &[Protocol]) -> usize {
    protocols.iter().map(|protocol| protocol.name.len() + protocol.metadata.len()).sum()
}
