//! `FindCoordinator` (10): which broker coordinates a group, or a transactional producer.

use crate::codec::message::message;
use crate::codec::rules::{since, until};
use crate::error_code::ErrorCode;

message! {
    /// Asks by one key, by several from version 4 on (KIP-699).
    struct FindCoordinatorRequest {
        key: String, until(3);
        /// 0: group; 1: transactional id.
        key_type: i8, since(1);
        coordinator_keys: Vec<String>, since(4);
    }

    /// The coordinator; up to version 3 here, from version 4 on in `coordinators`.
    struct FindCoordinatorResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32, since(1).ignorable();
        error_code: ErrorCode, until(3);
        error_message: Option<String> = Some(String::new()), since(1).until(3).ignorable();
        node_id: i32, until(3);
        host: String, until(3);
        port: i32, until(3);
        coordinators: Vec<Coordinator>, since(4);
    }

    /// The coordinator of one key.
    struct Coordinator {
        key: String;
        node_id: i32;
        host: String;
        port: i32;
        error_code: ErrorCode;
        error_message: Option<String> = Some(String::new());
    }
}
