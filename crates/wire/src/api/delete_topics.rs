//! `DeleteTopics` (20): topics go.

use crate::codec::Uuid;
use crate::codec::message::message;
use crate::codec::rules::{always, since, until};
use crate::error_code::ErrorCode;

message! {
    /// Deletes topics, by name or from version 6 on by id (KIP-516).
    struct DeleteTopicsRequest {
        topics: Vec<DeleteTopicState>, since(6);
        topic_names: Vec<String>, until(5).ignorable();
        timeout_ms: i32;
    }

    /// One topic, by name or by id.
    struct DeleteTopicState {
        name: Option<String>;
        topic_id: Uuid;
    }

    /// What became of each.
    struct DeleteTopicsResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        responses: Vec<DeletableTopicResult>;
    }

    /// One topic.
    struct DeletableTopicResult {
        name: Option<String> = Some(String::new()), always().nullable_since(6);
        topic_id: Uuid, since(6).ignorable();
        error_code: ErrorCode;
        error_message: Option<String>, since(5).ignorable();
    }
}
