//! `DescribeGroups` (15): groups with their members.

use bytes::Bytes;

use crate::codec::message::message;
use crate::codec::rules::since;
use crate::error_code::ErrorCode;

message! {
    /// Asks for groups by name.
    struct DescribeGroupsRequest {
        groups: Vec<String>;
        include_authorized_operations: bool, since(3);
    }

    /// The groups.
    struct DescribeGroupsResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32, since(1).ignorable();
        groups: Vec<DescribedGroup>;
    }

    /// One group.
    struct DescribedGroup {
        error_code: ErrorCode;
        error_message: Option<String>, since(6);
        group_id: String;
        /// `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Stable` or `Dead`.
        group_state: String;
        protocol_type: String;
        protocol_data: String;
        members: Vec<DescribedGroupMember>;
        /// A bit for each operation; `i32::MIN`: not asked for.
        authorized_operations: i32 = i32::MIN, since(3);
    }

    /// One member.
    struct DescribedGroupMember {
        member_id: String;
        /// Name of a static member (KIP-345).
        group_instance_id: Option<String>, since(4).ignorable();
        client_id: String;
        client_host: String;
        member_metadata: Bytes;
        member_assignment: Bytes;
    }
}
