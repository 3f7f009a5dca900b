//! `ListPartitionReassignments` (46): replicas on the move (KIP-455).

use crate::codec::message::message;
use crate::error_code::ErrorCode;

message! {
    /// Asks for replicas on the move.
    struct ListPartitionReassignmentsRequest {
        timeout_ms: i32 = 60000;
        /// Null: all.
        topics: Option<Vec<ListPartitionReassignmentsTopics>>;
    }

    /// Partitions of one topic.
    struct ListPartitionReassignmentsTopics {
        name: String;
        partition_indexes: Vec<i32>;
    }

    /// Partitions whose replicas move: none with one broker.
    struct ListPartitionReassignmentsResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        error_code: ErrorCode;
        error_message: Option<String> = Some(String::new());
        topics: Vec<OngoingTopicReassignment>;
    }

    /// The partitions of one topic.
    struct OngoingTopicReassignment {
        name: String;
        partitions: Vec<OngoingPartitionReassignment>;
    }

    /// One partition.
    struct OngoingPartitionReassignment {
        partition_index: i32;
        replicas: Vec<i32>;
        adding_replicas: Vec<i32>;
        removing_replicas: Vec<i32>;
    }
}
