//! `EndTxn` (26): a transaction is committed or aborted, as a whole.

use tailwater_wire::api::end_txn::{EndTxnRequest, EndTxnResponse};
use tailwater_wire::error_code::ErrorCode;

use crate::server::authorization::Access;
use crate::server::dispatch::Call;

/// The first version of the APIs of transactions whose clients know `PRODUCER_FENCED` (KIP-588).
pub(super) const FENCED_SINCE: i16 = 2;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: EndTxnRequest) -> EndTxnResponse {
    let producer = (request.producer_id, request.producer_epoch);
    let coordinator = &call.shared.broker.coordinator;
    let ended = match call.on_transaction(Access::Write, &request.transactional_id) {
        Ok(()) => coordinator.end_transaction(request.transactional_id, producer, request.committed).await,
        refused => refused,
    };
    let error_code = ended.err().map_or(ErrorCode::NONE, |error| fenced(error, call, FENCED_SINCE));
    EndTxnResponse { error_code, ..EndTxnResponse::default() }
}

/// What an older client, before version `since` of its request, is told of being fenced.
pub(super) fn fenced(error: ErrorCode, call: &Call, since: i16) -> ErrorCode {
    match error {
        ErrorCode::PRODUCER_FENCED if call.header.version.number < since => ErrorCode::INVALID_PRODUCER_EPOCH,
        error => error,
    }
}
