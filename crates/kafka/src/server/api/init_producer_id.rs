//! `InitProducerId` (22): an id for every idempotent producer, and for the owner of a transactional id, whose
//! predecessor is fenced.

use tailwater_wire::api::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use tailwater_wire::error_code::ErrorCode;

use super::end_txn::fenced;
use crate::server::authorization::Access;
use crate::server::dispatch::Call;

/// The first version whose clients know `PRODUCER_FENCED` (KIP-588).
const FENCED_SINCE: i16 = 4;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: InitProducerIdRequest) -> InitProducerIdResponse {
    let refuse = |error| {
        let error_code = fenced(error, call, FENCED_SINCE);
        InitProducerIdResponse { error_code, producer_epoch: -1, ..InitProducerIdResponse::default() }
    };
    let had = match (request.producer_id, request.producer_epoch) {
        (-1, -1) => None,
        (-1, _) | (_, -1) => return refuse(ErrorCode::INVALID_REQUEST),
        had => Some(had),
    };
    let may = match request.transactional_id.as_deref() {
        Some(id) => call.on_transaction(Access::Write, id),
        None => call.on_producer(),
    };
    if let Err(refused) = may {
        return refuse(refused);
    }
    let (id, timeout) = (request.transactional_id, i64::from(request.transaction_timeout_ms));
    match call.shared.broker.coordinator.init_producer(id, timeout, had).await {
        Ok((producer_id, producer_epoch)) => {
            InitProducerIdResponse { producer_id, producer_epoch, ..InitProducerIdResponse::default() }
        }
        Err(error) => refuse(error),
    }
}
