//! `OffsetFetch` (9): how far a group has read, as committed.

use crate::codec::message::message;
use crate::codec::rules::{since, until};
use crate::error_code::ErrorCode;

message! {
    /// Asks for the offsets of a group, of several from version 8 on (KIP-709).
    struct OffsetFetchRequest {
        group_id: String, until(7);
        /// Null: all that the group has.
        topics: Option<Vec<OffsetFetchRequestTopic>> = Some(Vec::new()), until(7).nullable_since(2);
        groups: Vec<OffsetFetchRequestGroup>, since(8);
        /// Whether offsets of a transaction that is not decided yet are to be waited for (KIP-447).
        require_stable: bool, since(7);
    }

    /// Partitions of one topic, up to version 7.
    struct OffsetFetchRequestTopic {
        name: String;
        partition_indexes: Vec<i32>;
    }

    /// A group, from version 8 on.
    struct OffsetFetchRequestGroup {
        group_id: String;
        member_id: Option<String>, since(9).ignorable();
        member_epoch: i32 = -1, since(9).ignorable();
        /// Null: all that the group has.
        topics: Option<Vec<OffsetFetchRequestTopics>> = Some(Vec::new());
    }

    /// Partitions of one topic, from version 8 on.
    struct OffsetFetchRequestTopics {
        name: String;
        partition_indexes: Vec<i32>;
    }

    /// The offsets; up to version 7 of one group, from version 8 on of several.
    struct OffsetFetchResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32, since(3).ignorable();
        topics: Vec<OffsetFetchResponseTopic>, until(7);
        error_code: ErrorCode, since(2).until(7).ignorable();
        groups: Vec<OffsetFetchResponseGroup>, since(8);
    }

    /// The partitions of one topic, up to version 7.
    struct OffsetFetchResponseTopic {
        name: String;
        partitions: Vec<OffsetFetchResponsePartition>;
    }

    /// The offset of one partition, up to version 7.
    struct OffsetFetchResponsePartition {
        partition_index: i32;
        /// -1: none.
        committed_offset: i64;
        committed_leader_epoch: i32 = -1, since(5).ignorable();
        metadata: Option<String> = Some(String::new());
        error_code: ErrorCode;
    }

    /// The offsets of a group, from version 8 on.
    struct OffsetFetchResponseGroup {
        group_id: String;
        topics: Vec<OffsetFetchResponseTopics>;
        error_code: ErrorCode;
    }

    /// The partitions of one topic, from version 8 on.
    struct OffsetFetchResponseTopics {
        name: String;
        partitions: Vec<OffsetFetchResponsePartitions>;
    }

    /// The offset of one partition, from version 8 on.
    struct OffsetFetchResponsePartitions {
        partition_index: i32;
        /// -1: none.
        committed_offset: i64;
        committed_leader_epoch: i32 = -1;
        metadata: Option<String> = Some(String::new());
        error_code: ErrorCode;
    }
}
