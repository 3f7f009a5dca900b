//! `Fetch` (1): records for a consumer, and for a follower, which we have none of.

use super::leader::{LeaderIdAndEpoch, NodeEndpoint};
use crate::codec::message::message;
use crate::codec::rules::{since, until};
use crate::codec::{Records, Uuid};
use crate::error_code::ErrorCode;

message! {
    /// Asks for batches of some partitions, or waits until there are enough.
    struct FetchRequest {
        cluster_id @0: Option<String>, since(12).ignorable();
        replica_id: i32 = -1, until(14);
        replica_state @1: ReplicaState, since(15);
        /// Milliseconds until an answer comes, with fewer than `min_bytes` if need be.
        max_wait_ms: i32;
        min_bytes: i32;
        /// Soft: the first batch comes whole, however large (KIP-74).
        max_bytes: i32 = i32::MAX;
        /// 0: read_uncommitted; 1: read_committed.
        isolation_level: i8;
        /// 0 and epoch -1: no session (KIP-227).
        session_id: i32, since(7).ignorable();
        session_epoch: i32 = -1, since(7).ignorable();
        topics: Vec<FetchTopic>;
        forgotten_topics_data: Vec<ForgottenTopic>, since(7);
        rack_id: String, since(11).ignorable();
    }

    /// Which follower asks (KIP-903); consumers leave it at its default.
    struct ReplicaState {
        replica_id: i32 = -1;
        replica_epoch: i64 = -1;
    }

    /// The partitions of one topic.
    struct FetchTopic {
        topic: String, until(12).ignorable();
        topic_id: Uuid, since(13).ignorable();
        /// In the order in which their bytes are wanted.
        partitions: Vec<FetchPartition>;
    }

    /// From where on one partition is wanted.
    struct FetchPartition {
        partition: i32;
        /// The epoch that the client knows; -1: none (KIP-320).
        current_leader_epoch: i32 = -1, since(9).ignorable();
        fetch_offset: i64;
        last_fetched_epoch: i32 = -1, since(12);
        log_start_offset: i64 = -1, since(5).ignorable();
        partition_max_bytes: i32;
    }

    /// Partitions that leave an incremental session (KIP-227).
    struct ForgottenTopic {
        topic: String, until(12).ignorable();
        topic_id: Uuid, since(13).ignorable();
        partitions: Vec<i32>;
    }

    /// Batches of the partitions asked for.
    struct FetchResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        error_code: ErrorCode, since(7).ignorable();
        /// 0: no session; the client sends full requests.
        session_id: i32, since(7);
        responses: Vec<FetchableTopicResponse>;
        node_endpoints @0: Vec<NodeEndpoint>, since(16);
    }

    /// The partitions of one topic.
    struct FetchableTopicResponse {
        topic: String, until(12).ignorable();
        topic_id: Uuid, since(13).ignorable();
        partitions: Vec<PartitionData>;
    }

    /// Batches of one partition, and where its ends are.
    struct PartitionData {
        partition_index: i32;
        error_code: ErrorCode;
        high_watermark: i64;
        /// Below it every transaction is decided.
        last_stable_offset: i64 = -1;
        log_start_offset: i64 = -1, since(5).ignorable();
        diverging_epoch @0: EpochEndOffset, since(12);
        current_leader @1: LeaderIdAndEpoch, since(12);
        snapshot_id @2: SnapshotId, since(12);
        /// Only for read_committed.
        aborted_transactions: Option<Vec<AbortedTransaction>> = Some(Vec::new());
        /// -1: read here (KIP-392).
        preferred_read_replica: i32 = -1, since(11);
        /// Whole batches.
        records: Option<Records> = Some(Records::new());
    }

    /// Where a follower's log left ours (KIP-595).
    struct EpochEndOffset {
        epoch: i32 = -1;
        end_offset: i64 = -1;
    }

    /// A snapshot of a follower's log (KIP-630).
    struct SnapshotId {
        end_offset: i64 = -1;
        epoch: i32 = -1;
    }

    /// A transaction whose records a `read_committed` consumer skips: from this offset up to its marker.
    struct AbortedTransaction {
        producer_id: i64;
        first_offset: i64;
    }
}
