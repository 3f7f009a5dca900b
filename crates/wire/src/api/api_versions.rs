//! `ApiVersions` (18): which versions of which API are spoken here.

use crate::codec::message::message;
use crate::codec::rules::since;
use crate::error_code::ErrorCode;

message! {
    /// A client's first words; the name and version of its software from version 3 on (KIP-511).
    struct ApiVersionsRequest {
        /// Letters, digits, dots and hyphens; others are answered with INVALID_REQUEST.
        client_software_name: String, since(3).ignorable();
        client_software_version: String, since(3).ignorable();
    }

    /// The versions, and features of the cluster (KIP-584).
    struct ApiVersionsResponse {
        error_code: ErrorCode;
        api_keys: Vec<ApiVersion>;
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32, since(1).ignorable();
        supported_features @0: Vec<SupportedFeatureKey>, since(3).ignorable();
        /// -1: unknown.
        finalized_features_epoch @1: i64 = -1, since(3).ignorable();
        finalized_features @2: Vec<FinalizedFeatureKey>, since(3).ignorable();
        zk_migration_ready @3: bool, since(3).ignorable();
    }

    /// The range of versions of one API.
    struct ApiVersion {
        api_key: i16;
        min_version: i16;
        max_version: i16;
    }

    /// A feature that can be turned on. Left out where its least version is 0 and the response's is below 4.
    struct SupportedFeatureKey {
        name: String;
        min_version: i16;
        max_version: i16;
    }

    /// A feature that is on.
    struct FinalizedFeatureKey {
        name: String;
        max_version_level: i16;
        min_version_level: i16;
    }
}
