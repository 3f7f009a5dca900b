//! `DescribeProducers` (61): who produces idempotently to partitions (KIP-664).

use crate::codec::message::message;
use crate::error_code::ErrorCode;

message! {
    /// Asks for producers.
    struct DescribeProducersRequest {
        topics: Vec<TopicRequest>;
    }

    /// Partitions of one topic.
    struct TopicRequest {
        name: String;
        partition_indexes: Vec<i32>;
    }

    /// The producers.
    struct DescribeProducersResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        topics: Vec<TopicResponse>;
    }

    /// The partitions of one topic.
    struct TopicResponse {
        name: String;
        partitions: Vec<PartitionResponse>;
    }

    /// The producers of one partition.
    struct PartitionResponse {
        partition_index: i32;
        error_code: ErrorCode;
        error_message: Option<String>;
        active_producers: Vec<ProducerState>;
    }

    /// One producer.
    struct ProducerState {
        producer_id: i64;
        producer_epoch: i32;
        last_sequence: i32 = -1;
        last_timestamp: i64 = -1;
        coordinator_epoch: i32;
        /// -1: no transaction is open.
        current_txn_start_offset: i64 = -1;
    }
}
