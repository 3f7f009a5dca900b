//! `TxnOffsetCommit` (28): offsets that count once the transaction is committed.

use crate::codec::message::message;
use crate::codec::rules::since;
use crate::error_code::ErrorCode;

message! {
    /// Keeps the offsets of a group as part of a transaction.
    struct TxnOffsetCommitRequest {
        transactional_id: String;
        group_id: String;
        producer_id: i64;
        producer_epoch: i16;
        generation_id: i32 = -1, since(3);
        member_id: String, since(3);
        /// Name of a static member (KIP-345).
        group_instance_id: Option<String>, since(3);
        topics: Vec<TxnOffsetCommitRequestTopic>;
    }

    /// The partitions of one topic.
    struct TxnOffsetCommitRequestTopic {
        name: String;
        partitions: Vec<TxnOffsetCommitRequestPartition>;
    }

    /// The offset of one partition.
    struct TxnOffsetCommitRequestPartition {
        partition_index: i32;
        committed_offset: i64;
        committed_leader_epoch: i32 = -1, since(2).ignorable();
        /// Any text, given back with the offset.
        committed_metadata: Option<String> = Some(String::new());
    }

    /// What was kept.
    struct TxnOffsetCommitResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        topics: Vec<TxnOffsetCommitResponseTopic>;
    }

    /// The partitions of one topic.
    struct TxnOffsetCommitResponseTopic {
        name: String;
        partitions: Vec<TxnOffsetCommitResponsePartition>;
    }

    /// Whether one partition's offset was kept.
    struct TxnOffsetCommitResponsePartition {
        partition_index: i32;
        error_code: ErrorCode;
    }
}
