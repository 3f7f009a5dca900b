//! `DeleteGroups` (42): groups without members go, with their offsets.

use tailwater_wire::api::delete_groups::{DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse};
use tailwater_wire::error_code::ErrorCode;

use crate::server::authorization::Access;
use crate::server::dispatch::Call;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let mut results = Vec::with_capacity(request.groups_names.len());
    for group_id in request.groups_names {
        let deleted = match call.on_group(Access::Admin, &group_id) {
            Ok(()) => call.shared.broker.coordinator.delete_group(group_id.clone()).await,
            refused => refused,
        };
        if deleted.is_ok() {
            tracing::info!(group = group_id, peer = %call.session.peer, "a client deleted a group");
        }
        results.push(DeletableGroupResult { group_id, error_code: deleted.err().unwrap_or(ErrorCode::NONE) });
    }
    DeleteGroupsResponse { results, ..DeleteGroupsResponse::default() }
}
