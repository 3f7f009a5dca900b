//! `ListTransactions` (66): the transactional ids that there are (KIP-664).

use crate::codec::message::message;
use crate::codec::rules::since;
use crate::error_code::ErrorCode;

message! {
    /// Asks for all, or those that match.
    struct ListTransactionsRequest {
        /// Empty: any.
        state_filters: Vec<String>;
        /// Empty: any.
        producer_id_filters: Vec<i64>;
        /// Only those open for longer than so many milliseconds (KIP-994); negative: any.
        duration_filter: i64 = -1, since(1);
        /// A regular expression of RE2 (KIP-1152); null or empty: any.
        transactional_id_pattern: Option<String>, since(2);
    }

    /// The transactional ids.
    struct ListTransactionsResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        error_code: ErrorCode;
        /// The states asked for that there are not.
        unknown_state_filters: Vec<String>;
        transaction_states: Vec<TransactionState>;
    }

    /// One transactional id.
    struct TransactionState {
        transactional_id: String;
        producer_id: i64;
        transaction_state: String;
    }
}
