//! `ListPartitionReassignments` (46): with one broker, replicas do not move.

use tailwater_wire::api::list_partition_reassignments::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};
use tailwater_wire::error_code::ErrorCode;

use crate::server::dispatch::Call;

/// Answers a request.
pub(in crate::server) async fn answer(
    call: &Call,
    _request: ListPartitionReassignmentsRequest,
) -> ListPartitionReassignmentsResponse {
    let error_code = call.on_cluster().err().unwrap_or(ErrorCode::NONE);
    ListPartitionReassignmentsResponse {
        error_code,
        error_message: None,
        ..ListPartitionReassignmentsResponse::default()
    }
}
