//! `ApiVersions` (18): what is served, told before anything else; and what the client says that it is.

use tailwater_wire::api::ApiKey;
use tailwater_wire::api::api_versions::{ApiVersion, ApiVersionsRequest, ApiVersionsResponse};
use tailwater_wire::error_code::ErrorCode;

use crate::server::dispatch::{self, Call};
use crate::server::session::Software;

/// The first version in which a client says what it is.
const NAMED_SINCE: i16 = 3;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: ApiVersionsRequest) -> ApiVersionsResponse {
    if call.header.version.number >= NAMED_SINCE {
        let software = Software { name: request.client_software_name, version: request.client_software_version };
        if !is_valid(&software.name) || !is_valid(&software.version) {
            return ApiVersionsResponse { error_code: ErrorCode::INVALID_REQUEST, ..ApiVersionsResponse::default() };
        }
        tracing::debug!(peer = %call.session.peer, name = software.name, version = software.version, "a Kafka client");
        call.session.introduce(software);
    }
    let version = |key: ApiKey| {
        let versions = key.advertised();
        ApiVersion { api_key: key.number(), min_version: *versions.start(), max_version: *versions.end() }
    };
    ApiVersionsResponse { api_keys: dispatch::served().map(version).collect(), ..ApiVersionsResponse::default() }
}

/// KIP-511's rule for the name and the version of a client's software.
fn is_valid(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let ends = [text.bytes().next(), text.bytes().next_back()];
    text.bytes().all(inner) && ends.iter().all(|end| end.is_some_and(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_software_are_checked_as_kip_511_wants() {
        for text in ["librdkafka", "2.0.2", "a", "apache-kafka-java", "v2.3.0-4.g1"] {
            assert!(is_valid(text), "{text}");
        }
        for text in ["", "-a", "a-", ".", "a b", "é", "a_b", "a/b"] {
            assert!(!is_valid(text), "{text}");
        }
    }
}
