//! `DescribeConfigs` (32): configurations of topics and brokers.

use crate::codec::message::message;
use crate::codec::rules::since;
use crate::error_code::ErrorCode;

message! {
    /// Asks for configurations.
    struct DescribeConfigsRequest {
        resources: Vec<DescribeConfigsResource>;
        include_synonyms: bool;
        include_documentation: bool, since(3);
    }

    /// One resource.
    struct DescribeConfigsResource {
        /// 2: topic; 4: broker; 8: broker loggers.
        resource_type: i8;
        resource_name: String;
        /// Null: all.
        configuration_keys: Option<Vec<String>> = Some(Vec::new());
    }

    /// The configurations.
    struct DescribeConfigsResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        results: Vec<DescribeConfigsResult>;
    }

    /// One resource.
    struct DescribeConfigsResult {
        error_code: ErrorCode;
        error_message: Option<String> = Some(String::new());
        /// 2: topic; 4: broker; 8: broker loggers.
        resource_type: i8;
        resource_name: String;
        configs: Vec<DescribeConfigsResourceResult>;
    }

    /// One key and its value.
    struct DescribeConfigsResourceResult {
        name: String;
        value: Option<String> = Some(String::new());
        read_only: bool;
        /// 1: set for the topic; 2: for the broker; 3: for all brokers; 4: in the broker's file; 5:
        /// nowhere, the default.
        config_source: i8 = -1;
        is_sensitive: bool;
        synonyms: Vec<DescribeConfigsSynonym>;
        /// 1: boolean; 2: string; 3: int; 4: short; 5: long; 6: double; 7: list; 8: class; 9: password (KIP-569).
        config_type: i8, since(3).ignorable();
        documentation: Option<String> = Some(String::new()), since(3).ignorable();
    }

    /// A place where the value could come from, in order (KIP-226).
    struct DescribeConfigsSynonym {
        name: String;
        value: Option<String> = Some(String::new());
        source: i8;
    }
}
