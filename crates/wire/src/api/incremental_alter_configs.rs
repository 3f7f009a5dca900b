//! `IncrementalAlterConfigs` (44): configurations, key by key (KIP-339).

use crate::codec::message::message;
use crate::error_code::ErrorCode;

message! {
    /// Changes configurations; keys that are not named stay.
    struct IncrementalAlterConfigsRequest {
        resources: Vec<AlterConfigsResource>;
        /// Only say what would come of it.
        validate_only: bool;
    }

    /// One resource.
    struct AlterConfigsResource {
        /// 2: topic; 4: broker; 8: broker loggers.
        resource_type: i8;
        resource_name: String;
        configs: Vec<AlterableConfig>;
    }

    /// One change.
    struct AlterableConfig {
        name: String;
        /// 0: set; 1: back to the default; 2: append to the list; 3: take from the list.
        config_operation: i8;
        /// Null: back to the default.
        value: Option<String> = Some(String::new());
    }

    /// What became of each.
    struct IncrementalAlterConfigsResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        responses: Vec<AlterConfigsResourceResponse>;
    }

    /// One resource.
    struct AlterConfigsResourceResponse {
        error_code: ErrorCode;
        error_message: Option<String> = Some(String::new());
        /// 2: topic; 4: broker; 8: broker loggers.
        resource_type: i8;
        resource_name: String;
    }
}
