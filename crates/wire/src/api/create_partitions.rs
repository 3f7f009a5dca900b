//! `CreatePartitions` (37): more partitions for topics.

use crate::codec::message::message;
use crate::error_code::ErrorCode;

message! {
    /// Adds partitions to topics, or says what would come of it.
    struct CreatePartitionsRequest {
        topics: Vec<CreatePartitionsTopic>;
        timeout_ms: i32;
        /// Only say what would come of it.
        validate_only: bool;
    }

    /// One topic.
    struct CreatePartitionsTopic {
        name: String;
        /// In all, not more than now.
        count: i32;
        /// Null: wherever.
        assignments: Option<Vec<CreatePartitionsAssignment>> = Some(Vec::new());
    }

    /// Where one new partition shall lie.
    struct CreatePartitionsAssignment {
        broker_ids: Vec<i32>;
    }

    /// What became of each.
    struct CreatePartitionsResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        results: Vec<CreatePartitionsTopicResult>;
    }

    /// One topic.
    struct CreatePartitionsTopicResult {
        name: String;
        error_code: ErrorCode;
        error_message: Option<String>;
    }
}
