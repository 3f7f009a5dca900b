//! `AddOffsetsToTxn` (25): a group's offsets become part of a transaction.

use crate::codec::message::message;
use crate::error_code::ErrorCode;

message! {
    /// Adds a group's offsets to a transaction.
    struct AddOffsetsToTxnRequest {
        transactional_id: String;
        producer_id: i64;
        producer_epoch: i16;
        group_id: String;
    }

    /// Whether they were added.
    struct AddOffsetsToTxnResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        error_code: ErrorCode;
    }
}
