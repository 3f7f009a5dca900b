//! `Produce` (0): records from a producer.

use super::leader::{LeaderIdAndEpoch, NodeEndpoint};
use crate::codec::Records;
use crate::codec::message::message;
use crate::codec::rules::since;
use crate::error_code::ErrorCode;

message! {
    /// Appends one batch to each of some partitions.
    struct ProduceRequest {
        transactional_id: Option<String>;
        /// -1: all replicas; 1: the leader; 0: no response.
        acks: i16;
        timeout_ms: i32;
        topic_data: Vec<TopicProduceData>;
    }

    /// The batches of one topic.
    struct TopicProduceData {
        name: String;
        partition_data: Vec<PartitionProduceData>;
    }

    /// The batch of one partition.
    struct PartitionProduceData {
        index: i32;
        /// One batch of version 2.
        records: Option<Records> = Some(Records::new());
    }

    /// Where the batches went. A request with `acks` 0 has no response at all.
    struct ProduceResponse {
        responses: Vec<TopicProduceResponse>;
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        node_endpoints @0: Vec<NodeEndpoint>, since(10);
    }

    /// The partitions of one topic.
    struct TopicProduceResponse {
        name: String;
        partition_responses: Vec<PartitionProduceResponse>;
    }

    /// What became of one batch.
    struct PartitionProduceResponse {
        index: i32;
        error_code: ErrorCode;
        /// Offset of the batch's first record; -1 after an error.
        base_offset: i64;
        /// Milliseconds since 1970 where the topic's timestamps are the log's, else -1.
        log_append_time_ms: i64 = -1;
        log_start_offset: i64 = -1, since(5).ignorable();
        record_errors: Vec<BatchIndexAndErrorMessage>, since(8).ignorable();
        error_message: Option<String>, since(8).ignorable();
        current_leader @0: LeaderIdAndEpoch, since(10);
    }

    /// Why one record made its batch be refused (KIP-467).
    struct BatchIndexAndErrorMessage {
        batch_index: i32;
        batch_index_error_message: Option<String>;
    }
}
