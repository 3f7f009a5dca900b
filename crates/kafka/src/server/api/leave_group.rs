//! `LeaveGroup` (13): members leave, by themselves or sent by somebody else.

use tailwater_wire::api::leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberResponse};
use tailwater_wire::error_code::ErrorCode;

use crate::server::authorization::Access;
use crate::server::dispatch::Call;

/// The first version with several members in one request (KIP-345).
const SEVERAL_SINCE: i16 = 3;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: LeaveGroupRequest) -> LeaveGroupResponse {
    let several = call.header.version.number >= SEVERAL_SINCE;
    let leaving: Vec<_> = match several {
        true => request.members.into_iter().map(|member| (member.member_id, member.group_instance_id)).collect(),
        false => vec![(request.member_id, None)],
    };
    let left = match call.on_group(Access::Read, &request.group_id) {
        Ok(()) => call.shared.broker.coordinator.leave(request.group_id, leaving.clone()).await,
        Err(refused) => Err(refused),
    };
    let results = match left {
        Ok(results) => results,
        Err(error_code) => return LeaveGroupResponse { error_code, ..LeaveGroupResponse::default() },
    };
    let code = |result: Result<(), ErrorCode>| result.err().unwrap_or(ErrorCode::NONE);
    if !several {
        let error_code = results.into_iter().map(code).next().unwrap_or(ErrorCode::NONE);
        return LeaveGroupResponse { error_code, ..LeaveGroupResponse::default() };
    }
    let member = |((member_id, group_instance_id), result)| MemberResponse {
        member_id,
        group_instance_id,
        error_code: code(result),
    };
    LeaveGroupResponse {
        members: leaving.into_iter().zip(results).map(member).collect(),
        ..LeaveGroupResponse::default()
    }
}
