//! `EndTxn` (26): a transaction is committed or aborted.

use crate::codec::message::message;
use crate::error_code::ErrorCode;

message! {
    /// Ends a transaction.
    struct EndTxnRequest {
        transactional_id: String;
        producer_id: i64;
        producer_epoch: i16;
        /// Commit, else abort.
        committed: bool;
    }

    /// Whether it ended.
    struct EndTxnResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        error_code: ErrorCode;
    }
}
