//! `DescribeAcls` (29): there are no users, so there are no rules.

use tailwater_wire::api::describe_acls::{DescribeAclsRequest, DescribeAclsResponse};
use tailwater_wire::error_code::ErrorCode;

use crate::server::dispatch::Call;

/// Answers a request, as a Kafka broker without an authorizer does.
pub(in crate::server) async fn answer(_call: &Call, _request: DescribeAclsRequest) -> DescribeAclsResponse {
    DescribeAclsResponse {
        error_code: ErrorCode::SECURITY_DISABLED,
        error_message: Some("No Authorizer is configured on the broker".to_owned()),
        ..DescribeAclsResponse::default()
    }
}
