//! `OffsetCommit` (8): how far a group has read.

use crate::codec::message::message;
use crate::codec::rules::{since, until};
use crate::error_code::ErrorCode;

message! {
    /// Keeps the offsets of a group.
    struct OffsetCommitRequest {
        group_id: String;
        /// -1, with an empty member id: from outside of the group.
        generation_id_or_member_epoch: i32 = -1;
        member_id: String;
        /// Name of a static member (KIP-345).
        group_instance_id: Option<String>, since(7);
        /// Milliseconds that the offsets are kept; -1: as the broker has it.
        retention_time_ms: i64 = -1, until(4).ignorable();
        topics: Vec<OffsetCommitRequestTopic>;
    }

    /// The partitions of one topic.
    struct OffsetCommitRequestTopic {
        name: String;
        partitions: Vec<OffsetCommitRequestPartition>;
    }

    /// The offset of one partition.
    struct OffsetCommitRequestPartition {
        partition_index: i32;
        committed_offset: i64;
        committed_leader_epoch: i32 = -1, since(6).ignorable();
        /// Any text, given back with the offset.
        committed_metadata: Option<String> = Some(String::new());
    }

    /// What was kept.
    struct OffsetCommitResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32, since(3).ignorable();
        topics: Vec<OffsetCommitResponseTopic>;
    }

    /// The partitions of one topic.
    struct OffsetCommitResponseTopic {
        name: String;
        partitions: Vec<OffsetCommitResponsePartition>;
    }

    /// Whether one partition's offset was kept.
    struct OffsetCommitResponsePartition {
        partition_index: i32;
        error_code: ErrorCode;
    }
}
