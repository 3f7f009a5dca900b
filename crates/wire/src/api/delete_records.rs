//! `DeleteRecords` (21): the front of partitions goes.

use crate::codec::message::message;
use crate::error_code::ErrorCode;

message! {
    /// Moves the start of partitions forward.
    struct DeleteRecordsRequest {
        topics: Vec<DeleteRecordsTopic>;
        timeout_ms: i32;
    }

    /// The partitions of one topic.
    struct DeleteRecordsTopic {
        name: String;
        partitions: Vec<DeleteRecordsPartition>;
    }

    /// The new start of one partition.
    struct DeleteRecordsPartition {
        partition_index: i32;
        /// -1: everything up to the high watermark.
        offset: i64;
    }

    /// Where the partitions start now.
    struct DeleteRecordsResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        topics: Vec<DeleteRecordsTopicResult>;
    }

    /// The partitions of one topic.
    struct DeleteRecordsTopicResult {
        name: String;
        partitions: Vec<DeleteRecordsPartitionResult>;
    }

    /// Where one partition starts.
    struct DeleteRecordsPartitionResult {
        partition_index: i32;
        /// Where the partition starts; -1 after an error.
        low_watermark: i64;
        error_code: ErrorCode;
    }
}
