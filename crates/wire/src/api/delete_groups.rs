//! `DeleteGroups` (42): groups go.

use crate::codec::message::message;
use crate::error_code::ErrorCode;

message! {
    /// Deletes groups that have no members.
    struct DeleteGroupsRequest {
        groups_names: Vec<String>;
    }

    /// What became of each.
    struct DeleteGroupsResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        results: Vec<DeletableGroupResult>;
    }

    /// One group.
    struct DeletableGroupResult {
        group_id: String;
        error_code: ErrorCode;
    }
}
