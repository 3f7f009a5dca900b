//! `ListGroups` (16): the groups that there are.

use crate::codec::message::message;
use crate::codec::rules::since;
use crate::error_code::ErrorCode;

message! {
    /// Asks for all groups, or those in some states (KIP-518) or of some types (KIP-848).
    struct ListGroupsRequest {
        /// Empty: any.
        states_filter: Vec<String>, since(4);
        /// Empty: any.
        types_filter: Vec<String>, since(5);
    }

    /// The groups.
    struct ListGroupsResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32, since(1).ignorable();
        error_code: ErrorCode;
        groups: Vec<ListedGroup>;
    }

    /// One group.
    struct ListedGroup {
        group_id: String;
        protocol_type: String;
        group_state: String, since(4).ignorable();
        group_type: String, since(5).ignorable();
    }
}
