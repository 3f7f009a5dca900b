//! `DescribeGroups` (15): groups with their members.

use tailwater_wire::api::describe_groups::{
    DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup, DescribedGroupMember,
};
use tailwater_wire::error_code::ErrorCode;

use super::distinct;
use crate::coordinator::DescribedMember;
use crate::server::authorization::Access;
use crate::server::dispatch::Call;

/// What everybody may do with a group, as bits of Kafka's operations: read, delete and describe.
const GROUP_OPERATIONS: i32 = 1 << 3 | 1 << 6 | 1 << 8;
/// The first version in which a group that is not there is an error (KIP-1043).
const NOT_FOUND_SINCE: i16 = 6;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: DescribeGroupsRequest) -> DescribeGroupsResponse {
    let one = |group_id: String| {
        let group = match call.shared.broker.coordinator.describe(&group_id) {
            _ if let Err(error_code) = call.on_group(Access::See, &group_id) => {
                DescribedGroup { error_code, ..DescribedGroup::default() }
            }
            Some(known) => DescribedGroup {
                group_state: known.state.name().to_owned(),
                protocol_type: known.protocol_type,
                protocol_data: known.protocol,
                members: known.members.into_iter().map(member).collect(),
                ..DescribedGroup::default()
            },
            None if call.header.version.number >= NOT_FOUND_SINCE => DescribedGroup {
                error_code: ErrorCode::GROUP_ID_NOT_FOUND,
                error_message: Some(format!("Group {group_id} not found.")),
                group_state: "Dead".to_owned(),
                ..DescribedGroup::default()
            },
            None => DescribedGroup { group_state: "Dead".to_owned(), ..DescribedGroup::default() },
        };
        let asked = request.include_authorized_operations && group.error_code.is_none();
        let authorized_operations = if asked { call.operations(GROUP_OPERATIONS, &group_id) } else { i32::MIN };
        DescribedGroup { group_id, authorized_operations, ..group }
    };
    let groups = distinct(request.groups, String::clone).map(one).collect();
    DescribeGroupsResponse { groups, ..DescribeGroupsResponse::default() }
}

fn member(of: DescribedMember) -> DescribedGroupMember {
    DescribedGroupMember {
        member_id: of.id,
        group_instance_id: of.instance,
        client_id: of.client_id,
        client_host: of.client_host,
        member_metadata: of.metadata,
        member_assignment: of.assignment,
    }
}
