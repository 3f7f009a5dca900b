//! `InitProducerId` (22): an id of its own for every idempotent producer.

use tailwater_wire::api::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use tailwater_wire::error_code::ErrorCode;

use crate::server::broker::error_code;
use crate::server::dispatch::Call;

/// Answers a request. As in Kafka, a producer without a transactional id gets a new id whatever it had.
pub(in crate::server) async fn answer(call: &Call, request: InitProducerIdRequest) -> InitProducerIdResponse {
    let refuse = |error_code| InitProducerIdResponse { error_code, ..InitProducerIdResponse::default() };
    if request.transactional_id.is_some() {
        return refuse(ErrorCode::UNSUPPORTED_VERSION);
    }
    match call.shared.broker.blocking(|journal| journal.next_producer_id()).await {
        Ok(producer_id) => InitProducerIdResponse { producer_id, ..InitProducerIdResponse::default() },
        Err(error) => refuse(error_code(&error)),
    }
}
