//! What members ask a group, and what it answers.

use super::ErrorCode;
use bytes::Bytes;

/// A way of assigning partitions that a member knows, with what it tells the leader about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protocol {
    /// Name of the assignor, as `range`.
    pub name: String,
    /// Subscription of the member, in a form that only clients read.
    pub metadata: Bytes,
}

/// A member asks to be in the next generation.
#[derive(Debug, Clone)]
pub struct JoinRequest {
    /// Id that the group gave it; empty at first.
    pub member_id: String,
    /// `group.instance.id`: a static member (KIP-345).
    pub instance: Option<String>,
    /// `client.id`, for those who describe the group.
    pub client_id: String,
    /// Address of the client, for those who describe the group.
    pub client_host: String,
    /// What kind of group this is, as `consumer`.
    pub protocol_type: String,
    /// What the member knows, best first.
    pub protocols: Vec<Protocol>,
    /// Silence after which the member is gone, milliseconds.
    pub session_timeout: u64,
    /// How long the others wait for it when they rebalance, milliseconds.
    pub rebalance_timeout: u64,
    /// What makes a new member's id unique; the caller draws it.
    pub unique: String,
    /// The request's version (4) wants a new dynamic member to come back with the id that it is given (KIP-394).
    pub id_required: bool,
    /// The request's version (9) knows `skip_assignment` (KIP-814).
    pub may_skip_assignment: bool,
}

/// A member is in a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The generation.
    pub generation: i32,
    /// Kind of the group.
    pub protocol_type: Option<String>,
    /// Protocol that the members voted for.
    pub protocol: Option<String>,
    /// Id of the member that assigns.
    pub leader: String,
    /// The leader is to keep the assignment as it is.
    pub skip_assignment: bool,
    /// Id of the member that asked.
    pub member_id: String,
    /// All members, for the leader only.
    pub members: Vec<JoinedMember>,
}

/// A member as the leader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedMember {
    /// Its id.
    pub id: String,
    /// `group.instance.id`.
    pub instance: Option<String>,
    /// Its subscription under the generation's protocol.
    pub metadata: Bytes,
}

/// A member is not in a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRefused {
    /// Why.
    pub error: ErrorCode,
    /// The id to come back with; empty where the member has none any more.
    pub member_id: String,
}

/// A member asks for its assignment; the leader brings everybody's.
#[derive(Debug, Clone)]
pub struct SyncRequest {
    /// Who asks.
    pub member: Caller,
    /// What it believes the group's kind to be, from version 5.
    pub protocol_type: Option<String>,
    /// What it believes the protocol to be, from version 5.
    pub protocol: Option<String>,
    /// By member id; only the leader's counts.
    pub assignments: Vec<(String, Bytes)>,
}

/// A member's part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// Kind of the group.
    pub protocol_type: Option<String>,
    /// The generation's protocol.
    pub protocol: Option<String>,
    /// What the leader assigned, in a form that only clients read.
    pub assignment: Bytes,
}

/// Who speaks, as it knows itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Its member id.
    pub id: String,
    /// `group.instance.id`.
    pub instance: Option<String>,
    /// The generation that it is in; -1 for those who are in none.
    pub generation: i32,
}

/// The answer to somebody who waited, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To a [`JoinRequest`].
    Join(Result<Joined, JoinRefused>),
    /// To a [`SyncRequest`].
    Sync(Result<Synced, ErrorCode>),
}
