//! `ListOffsets` (2): the offset at a time, or at an end of the log.

use crate::codec::message::message;
use crate::codec::rules::since;
use crate::error_code::ErrorCode;

message! {
    /// Asks for offsets of some partitions.
    struct ListOffsetsRequest {
        /// -1: a consumer.
        replica_id: i32;
        /// 0: read_uncommitted; 1: read_committed, for which the latest is the last stable offset.
        isolation_level: i8, since(2);
        topics: Vec<ListOffsetsTopic>;
        timeout_ms: i32, since(10).ignorable();
    }

    /// The partitions of one topic.
    struct ListOffsetsTopic {
        name: String;
        partitions: Vec<ListOffsetsPartition>;
    }

    /// What is asked of one partition.
    struct ListOffsetsPartition {
        partition_index: i32;
        current_leader_epoch: i32 = -1, since(4).ignorable();
        /// Milliseconds since 1970; -1: the end; -2: the start; -3: the record with the greatest timestamp (KIP-734);
        /// -4: the start of what is kept locally (KIP-405); -5: the end of what was moved elsewhere.
        timestamp: i64;
    }

    /// The offsets.
    struct ListOffsetsResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32, since(2).ignorable();
        topics: Vec<ListOffsetsTopicResponse>;
    }

    /// The partitions of one topic.
    struct ListOffsetsTopicResponse {
        name: String;
        partitions: Vec<ListOffsetsPartitionResponse>;
    }

    /// The offset of one partition; -1 and timestamp -1 when no record is as late.
    struct ListOffsetsPartitionResponse {
        partition_index: i32;
        error_code: ErrorCode;
        timestamp: i64 = -1;
        offset: i64 = -1;
        leader_epoch: i32 = -1, since(4);
    }
}
