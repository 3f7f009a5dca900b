//! `InitProducerId` (22): an id for an idempotent or transactional producer.

use crate::codec::message::message;
use crate::codec::rules::since;
use crate::error_code::ErrorCode;

message! {
    /// Asks for an id; with a transactional id also ends what an earlier instance left open (KIP-98).
    struct InitProducerIdRequest {
        /// Null: idempotent only.
        transactional_id: Option<String> = Some(String::new());
        /// Milliseconds until the broker aborts a transaction by itself.
        transaction_timeout_ms: i32;
        /// -1, and epoch -1: a new instance; else the one that the producer has (KIP-360).
        producer_id: i64 = -1, since(3);
        producer_epoch: i16 = -1, since(3);
    }

    /// The id and its epoch.
    struct InitProducerIdResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        error_code: ErrorCode;
        producer_id: i64 = -1;
        producer_epoch: i16;
    }
}
