//! `LeaveGroup` (13): members leave a group.

use crate::codec::message::message;
use crate::codec::rules::{since, until};
use crate::error_code::ErrorCode;

message! {
    /// Takes one member out of a group, several from version 3 on (KIP-345).
    struct LeaveGroupRequest {
        group_id: String;
        member_id: String, until(2);
        members: Vec<MemberIdentity>, since(3);
    }

    /// A member that leaves.
    struct MemberIdentity {
        member_id: String;
        /// Name of a static member (KIP-345).
        group_instance_id: Option<String>;
        reason: Option<String>, since(5).ignorable();
    }

    /// Who left.
    struct LeaveGroupResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32, since(1).ignorable();
        error_code: ErrorCode;
        members: Vec<MemberResponse>, since(3);
    }

    /// Whether one member left.
    struct MemberResponse {
        member_id: String;
        /// Name of a static member (KIP-345).
        group_instance_id: Option<String> = Some(String::new());
        error_code: ErrorCode;
    }
}
