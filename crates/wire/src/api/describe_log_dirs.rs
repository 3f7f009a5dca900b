//! `DescribeLogDirs` (35): where partitions lie, and how large they are.

use crate::codec::message::message;
use crate::codec::rules::since;
use crate::error_code::ErrorCode;

message! {
    /// Asks for the sizes of partitions.
    struct DescribeLogDirsRequest {
        /// Null: all.
        topics: Option<Vec<DescribableLogDirTopic>> = Some(Vec::new());
    }

    /// Partitions of one topic.
    struct DescribableLogDirTopic {
        topic: String;
        partitions: Vec<i32>;
    }

    /// The directories.
    struct DescribeLogDirsResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        error_code: ErrorCode, since(3).ignorable();
        results: Vec<DescribeLogDirsResult>;
    }

    /// One directory.
    struct DescribeLogDirsResult {
        error_code: ErrorCode;
        log_dir: String;
        topics: Vec<DescribeLogDirsTopic>;
        /// Of the volume (KIP-827); -1: unknown.
        total_bytes: i64 = -1, since(4).ignorable();
        /// Free on the volume (KIP-827); -1: unknown.
        usable_bytes: i64 = -1, since(4).ignorable();
    }

    /// The partitions of one topic.
    struct DescribeLogDirsTopic {
        name: String;
        partitions: Vec<DescribeLogDirsPartition>;
    }

    /// One partition.
    struct DescribeLogDirsPartition {
        partition_index: i32;
        partition_size: i64;
        offset_lag: i64;
        is_future_key: bool;
    }
}
