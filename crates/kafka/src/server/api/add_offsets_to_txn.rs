//! `AddOffsetsToTxn` (25): a transaction will commit offsets of a group.

use tailwater_wire::api::add_offsets_to_txn::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};
use tailwater_wire::error_code::ErrorCode;

use super::end_txn::{FENCED_SINCE, fenced};
use crate::server::authorization::Access;
use crate::server::dispatch::Call;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: AddOffsetsToTxnRequest) -> AddOffsetsToTxnResponse {
    let producer = (request.producer_id, request.producer_epoch);
    let may = call.on_transaction(Access::Write, &request.transactional_id);
    let added = match may.and_then(|()| call.on_group(Access::Read, &request.group_id)) {
        Ok(()) => call.shared.broker.coordinator.add_group(request.transactional_id, producer, request.group_id).await,
        refused => refused,
    };
    let error_code = added.err().map_or(ErrorCode::NONE, |error| fenced(error, call, FENCED_SINCE));
    AddOffsetsToTxnResponse { error_code, ..AddOffsetsToTxnResponse::default() }
}
