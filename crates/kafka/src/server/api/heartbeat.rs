//! `Heartbeat` (12): a member is alive, and hears whether its group rebalances.

use tailwater_wire::api::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use tailwater_wire::error_code::ErrorCode;

use crate::group::Caller;
use crate::server::authorization::Access;
use crate::server::dispatch::Call;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: HeartbeatRequest) -> HeartbeatResponse {
    let (id, instance, generation) = (request.member_id, request.group_instance_id, request.generation_id);
    let caller = Caller { id, instance, generation };
    let heard = match call.on_group(Access::Read, &request.group_id) {
        Ok(()) => call.shared.broker.coordinator.heartbeat(request.group_id, caller).await,
        refused => refused,
    };
    HeartbeatResponse { error_code: heard.err().unwrap_or(ErrorCode::NONE), ..HeartbeatResponse::default() }
}
