//! `OffsetForLeaderEpoch` (23): where a leader epoch ended (KIP-101, KIP-320).

use crate::codec::message::message;
use crate::codec::rules::since;
use crate::error_code::ErrorCode;

message! {
    /// Asks where epochs ended.
    struct OffsetForLeaderEpochRequest {
        /// -1: a consumer; -2: one that looks for the end of its log by epoch.
        replica_id: i32 = -2, since(3).ignorable();
        topics: Vec<OffsetForLeaderTopic>;
    }

    /// The partitions of one topic.
    struct OffsetForLeaderTopic {
        topic: String;
        partitions: Vec<OffsetForLeaderPartition>;
    }

    /// The epoch of one partition.
    struct OffsetForLeaderPartition {
        partition: i32;
        current_leader_epoch: i32 = -1;
        leader_epoch: i32;
    }

    /// Where they ended.
    struct OffsetForLeaderEpochResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        topics: Vec<OffsetForLeaderTopicResult>;
    }

    /// The partitions of one topic.
    struct OffsetForLeaderTopicResult {
        topic: String;
        partitions: Vec<EpochEndOffset>;
    }

    /// Where one partition's epoch ended.
    struct EpochEndOffset {
        error_code: ErrorCode;
        partition: i32;
        leader_epoch: i32 = -1;
        end_offset: i64 = -1;
    }
}
