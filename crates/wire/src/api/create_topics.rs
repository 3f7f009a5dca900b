//! `CreateTopics` (19): new topics.

use crate::codec::Uuid;
use crate::codec::message::message;
use crate::codec::rules::since;
use crate::error_code::ErrorCode;

message! {
    /// Creates topics, or says what would come of it.
    struct CreateTopicsRequest {
        topics: Vec<CreatableTopic>;
        timeout_ms: i32 = 60000;
        validate_only: bool;
    }

    /// One topic.
    struct CreatableTopic {
        name: String;
        /// -1: the default (KIP-464), or as assigned.
        num_partitions: i32;
        /// -1: the default (KIP-464), or as assigned.
        replication_factor: i16;
        assignments: Vec<CreatableReplicaAssignment>;
        configs: Vec<CreatableTopicConfig>;
    }

    /// Where one partition shall lie.
    struct CreatableReplicaAssignment {
        partition_index: i32;
        broker_ids: Vec<i32>;
    }

    /// A configuration of the topic.
    struct CreatableTopicConfig {
        name: String;
        value: Option<String> = Some(String::new());
    }

    /// What became of each.
    struct CreateTopicsResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        topics: Vec<CreatableTopicResult>;
    }

    /// One topic, with what it is like from version 5 on (KIP-525).
    struct CreatableTopicResult {
        name: String;
        topic_id: Uuid, since(7).ignorable();
        error_code: ErrorCode;
        error_message: Option<String> = Some(String::new());
        /// Why the configurations are not shown (KIP-525).
        topic_config_error_code @0: ErrorCode, since(5).ignorable();
        num_partitions: i32 = -1, since(5).ignorable();
        replication_factor: i16 = -1, since(5).ignorable();
        configs: Option<Vec<CreatableTopicConfigs>> = Some(Vec::new()), since(5).ignorable();
    }

    /// A configuration that the topic has.
    struct CreatableTopicConfigs {
        name: String;
        value: Option<String> = Some(String::new());
        read_only: bool;
        config_source: i8 = -1;
        is_sensitive: bool;
    }
}
