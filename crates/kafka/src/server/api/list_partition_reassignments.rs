//! `ListPartitionReassignments` (46): with one broker, replicas do not move.

use tailwater_wire::api::list_partition_reassignments::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};

use crate::server::dispatch::Call;

/// Answers a request.
pub(in crate::server) async fn answer(
    _call: &Call,
    _request: ListPartitionReassignmentsRequest,
) -> ListPartitionReassignmentsResponse {
    ListPartitionReassignmentsResponse { error_message: None, ..ListPartitionReassignmentsResponse::default() }
}
