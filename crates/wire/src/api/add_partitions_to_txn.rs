//! `AddPartitionsToTxn` (24): partitions become part of a transaction.

use crate::codec::message::message;
use crate::error_code::ErrorCode;

message! {
    /// Adds partitions to a transaction. Versions from 4 on are for brokers.
    struct AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: String;
        v3_and_below_producer_id: i64;
        v3_and_below_producer_epoch: i16;
        v3_and_below_topics: Vec<AddPartitionsToTxnTopic>;
    }

    /// Partitions of one topic.
    struct AddPartitionsToTxnTopic {
        name: String;
        partitions: Vec<i32>;
    }

    /// What became of each.
    struct AddPartitionsToTxnResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        results_by_topic_v3_and_below: Vec<AddPartitionsToTxnTopicResult>;
    }

    /// The partitions of one topic.
    struct AddPartitionsToTxnTopicResult {
        name: String;
        results_by_partition: Vec<AddPartitionsToTxnPartitionResult>;
    }

    /// One partition.
    struct AddPartitionsToTxnPartitionResult {
        partition_index: i32;
        partition_error_code: ErrorCode;
    }
}
