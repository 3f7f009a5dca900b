//! `DescribeTransactions` (65): transactions by transactional id (KIP-664).

use crate::codec::message::message;
use crate::error_code::ErrorCode;

message! {
    /// Asks for transactions.
    struct DescribeTransactionsRequest {
        transactional_ids: Vec<String>;
    }

    /// The transactions.
    struct DescribeTransactionsResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        transaction_states: Vec<TransactionState>;
    }

    /// One transaction.
    struct TransactionState {
        error_code: ErrorCode;
        transactional_id: String;
        transaction_state: String;
        transaction_timeout_ms: i32;
        transaction_start_time_ms: i64;
        producer_id: i64;
        producer_epoch: i16;
        topics: Vec<TopicData>;
    }

    /// Partitions of one topic that are part of it.
    struct TopicData {
        topic: String;
        partitions: Vec<i32>;
    }
}
