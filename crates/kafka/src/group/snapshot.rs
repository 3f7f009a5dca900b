//! What of a group survives a restart: its generation with the members' parts.
//!
//! Kafka keeps the same. Members then notice nothing of a restart, where otherwise each would hear that it is unknown,
//! lose what it has not committed, and join again; and an instance id that was taken over stays taken over.
//! It is written when an assignment is made, when a static member is replaced, and when the last member leaves. A group
//! that was between two generations comes back in the older one, whose members join again as soon as they hear of it.

use super::machine::Group;
use super::{Member, Protocol, Settings, State};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The lasting form of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    generation: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leader: Option<String>,
    /// Milliseconds since 1970; since when it has no members, if it has none.
    emptied: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    members: Vec<MemberSnapshot>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct MemberSnapshot {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    client_id: String,
    client_host: String,
    session_timeout: u64,
    rebalance_timeout: u64,
    protocols: Vec<(String, String)>,
    assignment: String,
}

impl<W> Group<W> {
    /// The lasting form, if it has changed since the last call and is whole just now.
    pub fn take_unsaved(&mut self) -> Option<Snapshot> {
        if !self.unsaved || !matches!(self.state, State::Empty | State::Stable) {
            return None;
        }
        self.unsaved = false;
        let member = |(id, member): (&String, &Member<W>)| MemberSnapshot {
            id: id.clone(),
            instance: member.instance.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            session_timeout: member.session_timeout,
            rebalance_timeout: member.rebalance_timeout,
            protocols: member.protocols.iter().map(|known| (known.name.clone(), text(&known.metadata))).collect(),
            assignment: text(&member.assignment),
        };
        Some(Snapshot {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            emptied: self.emptied,
            members: self.members.iter().map(member).collect(),
        })
    }

    /// The snapshot could not be written: there will be another one.
    pub fn keep_unsaved(&mut self) {
        self.unsaved = true;
    }

    /// The group as it was. Its members have their whole session timeout to be heard of again.
    pub fn restore(snapshot: Snapshot, settings: Settings, now: u64) -> Self {
        let mut group = Self::new(settings, snapshot.emptied);
        group.generation = snapshot.generation;
        group.protocol_type = snapshot.protocol_type;
        group.protocol = snapshot.protocol;
        for from in snapshot.members {
            if let Some(instance) = &from.instance {
                group.instances.insert(instance.clone(), from.id.clone());
            }
            let protocols =
                from.protocols.into_iter().map(|(name, metadata)| Protocol { name, metadata: bytes(&metadata) });
            let member = Member {
                instance: from.instance,
                client_id: from.client_id,
                client_host: from.client_host,
                session_timeout: from.session_timeout,
                rebalance_timeout: from.rebalance_timeout,
                protocols: protocols.collect(),
                assignment: bytes(&from.assignment),
                deadline: now.saturating_add(from.session_timeout),
                new: false,
                joining: None,
                syncing: None,
            };
            group.members.insert(from.id, member);
        }
        if !group.members.is_empty() {
            group.state = State::Stable;
            let first = group.members.keys().next().cloned();
            group.leader = snapshot.leader.filter(|leader| group.members.contains_key(leader)).or(first);
        }
        group.topics = group.subscribed();
        group
    }
}

fn text(bytes: &[u8]) -> String {
    STANDARD_NO_PAD.encode(bytes)
}

/// What is not base64 was not written by us; a member then gets an empty part, and its client joins again.
fn bytes(text: &str) -> Bytes {
    STANDARD_NO_PAD.decode(text).map(Bytes::from).unwrap_or_default()
}
