//! `AlterConfigs` (33): configurations, set as a whole.

use crate::codec::message::message;
use crate::error_code::ErrorCode;

message! {
    /// Sets configurations; keys that are not named go back to their defaults.
    struct AlterConfigsRequest {
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

    /// One key and its value.
    struct AlterableConfig {
        name: String;
        /// Null: back to the default.
        value: Option<String> = Some(String::new());
    }

    /// What became of each.
    struct AlterConfigsResponse {
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
