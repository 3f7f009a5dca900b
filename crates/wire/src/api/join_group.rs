//! `JoinGroup` (11): becoming a member of a group, and waiting for the others.

use bytes::Bytes;

use crate::codec::message::message;
use crate::codec::rules::{always, since};
use crate::error_code::ErrorCode;

message! {
    /// Asks to become a member, or to stay one in the next generation.
    struct JoinGroupRequest {
        group_id: String;
        /// Milliseconds without a heartbeat until the member is taken for dead.
        session_timeout_ms: i32;
        /// Milliseconds that the member has to join again; in version 0 the session timeout stands for it.
        rebalance_timeout_ms: i32 = -1, since(1).ignorable();
        /// Empty: a new member.
        member_id: String;
        /// Name of a static member (KIP-345).
        group_instance_id: Option<String>, since(5);
        protocol_type: String;
        /// In the order in which the member prefers them.
        protocols: Vec<JoinGroupRequestProtocol>;
        reason: Option<String>, since(8).ignorable();
    }

    /// An assignor that the member can work with, and what it tells it.
    struct JoinGroupRequestProtocol {
        name: String;
        metadata: Bytes;
    }

    /// The generation that begins.
    struct JoinGroupResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32, since(2).ignorable();
        error_code: ErrorCode;
        generation_id: i32 = -1;
        protocol_type: Option<String>, since(7).ignorable();
        /// The assignor that the group uses. Null only from version 7 on; empty before.
        protocol_name: Option<String> = Some(String::new()), always().nullable_since(7);
        leader: String;
        /// Whether the leader is only told that it leads (KIP-814).
        skip_assignment: bool, since(9);
        member_id: String;
        /// For the leader only.
        members: Vec<JoinGroupResponseMember>;
    }

    /// A member, told to the leader.
    struct JoinGroupResponseMember {
        member_id: String;
        /// Name of a static member (KIP-345).
        group_instance_id: Option<String>, since(5).ignorable();
        metadata: Bytes;
    }
}
