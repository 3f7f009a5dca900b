//! `SyncGroup` (14): the leader brings the assignment, each member gets its part.

use tailwater_wire::api::sync_group::{SyncGroupRequest, SyncGroupResponse};
use tailwater_wire::error_code::ErrorCode;

use super::join_group::copied;
use crate::group::{Caller, SyncRequest};
use crate::server::authorization::Access;
use crate::server::dispatch::Call;
use crate::server::request_memory::Room;

/// The first version in which the client says what it believes the protocol to be (KIP-559).
const PROTOCOL_SINCE: i16 = 5;

/// Answers a request, when the leader has spoken.
pub(in crate::server) async fn answer(call: &mut Call, request: SyncGroupRequest) -> SyncGroupResponse {
    let refuse = |error_code| SyncGroupResponse { error_code, ..SyncGroupResponse::default() };
    let says_protocol = request.protocol_type.is_some() && request.protocol_name.is_some();
    if let Err(refused) = call.on_group(Access::Read, &request.group_id) {
        return refuse(refused);
    }
    if call.header.version.number >= PROTOCOL_SINCE && !says_protocol {
        return refuse(ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
    }
    let (id, instance, generation) = (request.member_id, request.group_instance_id, request.generation_id);
    let assignments = request.assignments.into_iter();
    let sync = SyncRequest {
        member: Caller { id, instance, generation },
        protocol_type: request.protocol_type,
        protocol: request.protocol_name,
        assignments: assignments.map(|part| (part.member_id, copied(&part.assignment))).collect(),
    };
    call.request = Room::default();
    match call.shared.broker.coordinator.sync(request.group_id, sync).await {
        Ok(synced) => SyncGroupResponse {
            protocol_type: synced.protocol_type,
            protocol_name: synced.protocol,
            assignment: synced.assignment,
            ..SyncGroupResponse::default()
        },
        Err(error) => refuse(error),
    }
}
