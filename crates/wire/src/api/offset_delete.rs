//! `OffsetDelete` (47): committed offsets go (KIP-496).

use crate::codec::message::message;
use crate::error_code::ErrorCode;

message! {
    /// Forgets offsets of a group.
    struct OffsetDeleteRequest {
        group_id: String;
        topics: Vec<OffsetDeleteRequestTopic>;
    }

    /// The partitions of one topic.
    struct OffsetDeleteRequestTopic {
        name: String;
        partitions: Vec<OffsetDeleteRequestPartition>;
    }

    /// One partition.
    struct OffsetDeleteRequestPartition {
        partition_index: i32;
    }

    /// What was forgotten.
    struct OffsetDeleteResponse {
        error_code: ErrorCode;
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        topics: Vec<OffsetDeleteResponseTopic>;
    }

    /// The partitions of one topic.
    struct OffsetDeleteResponseTopic {
        name: String;
        partitions: Vec<OffsetDeleteResponsePartition>;
    }

    /// One partition.
    struct OffsetDeleteResponsePartition {
        partition_index: i32;
        error_code: ErrorCode;
    }
}
