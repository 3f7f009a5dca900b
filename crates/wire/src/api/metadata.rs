//! `Metadata` (3): who leads which partition of which topic.

use crate::codec::Uuid;
use crate::codec::message::message;
use crate::codec::rules::{always, since};
use crate::error_code::ErrorCode;

message! {
    /// Asks for topics and brokers.
    struct MetadataRequest {
        /// Null: all. Empty: none, but all in version 0, which has no null.
        topics: Option<Vec<MetadataRequestTopic>> = Some(Vec::new()), always().nullable_since(1);
        allow_auto_topic_creation: bool = true, since(4);
        /// Whether `cluster_authorized_operations` is wanted (KIP-430).
        include_cluster_authorized_operations: bool, since(8).until(10);
        /// Whether `topic_authorized_operations` are wanted (KIP-430).
        include_topic_authorized_operations: bool, since(8);
    }

    /// A topic by name, or by id with a null name (KIP-516).
    struct MetadataRequestTopic {
        topic_id: Uuid, since(10).ignorable();
        name: Option<String> = Some(String::new()), always().nullable_since(10);
    }

    /// The brokers and the topics.
    struct MetadataResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32, since(3).ignorable();
        brokers: Vec<MetadataResponseBroker>;
        cluster_id: Option<String>, since(2).ignorable();
        controller_id: i32 = -1, since(1).ignorable();
        topics: Vec<MetadataResponseTopic>;
        /// A bit for each operation; `i32::MIN`: not asked for.
        cluster_authorized_operations: i32 = i32::MIN, since(8).until(10);
        error_code: ErrorCode, since(13).ignorable();
    }

    /// A broker, at the address that it advertises.
    struct MetadataResponseBroker {
        node_id: i32;
        host: String;
        port: i32;
        rack: Option<String>, since(1).ignorable();
    }

    /// A topic, or why there is none.
    struct MetadataResponseTopic {
        error_code: ErrorCode;
        name: Option<String> = Some(String::new()), always().nullable_since(12);
        topic_id: Uuid, since(10).ignorable();
        is_internal: bool, since(1).ignorable();
        partitions: Vec<MetadataResponsePartition>;
        /// A bit for each operation; `i32::MIN`: not asked for. Clients that asked choke on that: give them bits.
        topic_authorized_operations: i32 = i32::MIN, since(8);
    }

    /// A partition, and who leads it.
    struct MetadataResponsePartition {
        error_code: ErrorCode;
        partition_index: i32;
        leader_id: i32;
        leader_epoch: i32 = -1, since(7).ignorable();
        replica_nodes: Vec<i32>;
        isr_nodes: Vec<i32>;
        offline_replicas: Vec<i32>, since(5).ignorable();
    }
}
