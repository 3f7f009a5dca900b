//! `Heartbeat` (12): a member is alive.

use crate::codec::message::message;
use crate::codec::rules::since;
use crate::error_code::ErrorCode;

message! {
    /// Says that a member is alive.
    struct HeartbeatRequest {
        group_id: String;
        generation_id: i32;
        member_id: String;
        /// Name of a static member (KIP-345).
        group_instance_id: Option<String>, since(3);
    }

    /// Whether the group still is at the member's generation.
    struct HeartbeatResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32, since(1).ignorable();
        error_code: ErrorCode;
    }
}
