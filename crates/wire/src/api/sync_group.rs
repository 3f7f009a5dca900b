//! `SyncGroup` (14): the leader's assignment, to each member its part.

use bytes::Bytes;

use crate::codec::message::message;
use crate::codec::rules::since;
use crate::error_code::ErrorCode;

message! {
    /// Asks for a member's part; the leader brings all parts.
    struct SyncGroupRequest {
        group_id: String;
        generation_id: i32;
        member_id: String;
        /// Name of a static member (KIP-345).
        group_instance_id: Option<String>, since(3);
        protocol_type: Option<String>, since(5).ignorable();
        protocol_name: Option<String>, since(5).ignorable();
        /// From the leader only.
        assignments: Vec<SyncGroupRequestAssignment>;
    }

    /// The part of one member.
    struct SyncGroupRequestAssignment {
        member_id: String;
        assignment: Bytes;
    }

    /// The member's part.
    struct SyncGroupResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32, since(1).ignorable();
        error_code: ErrorCode;
        protocol_type: Option<String>, since(5).ignorable();
        protocol_name: Option<String>, since(5).ignorable();
        assignment: Bytes;
    }
}
