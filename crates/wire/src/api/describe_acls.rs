//! `DescribeAcls` (29): who may do what.

use crate::codec::message::message;
use crate::error_code::ErrorCode;

message! {
    /// Asks for rules that match all of this.
    struct DescribeAclsRequest {
        /// 1: any; 2: topic; 3: group; 4: cluster; 5: transactional id; 6: delegation token; 7: user.
        resource_type_filter: i8;
        resource_name_filter: Option<String> = Some(String::new());
        /// 1: any; 2: all that apply to the name; 3: literal; 4: prefix.
        pattern_type_filter: i8 = 3;
        principal_filter: Option<String> = Some(String::new());
        host_filter: Option<String> = Some(String::new());
        /// 1: any; 2: all; 3: read; 4: write; 5: create; 6: delete; 7: alter; 8: describe; and more (KIP-140).
        operation: i8;
        /// 1: any; 2: deny; 3: allow.
        permission_type: i8;
    }

    /// The rules.
    struct DescribeAclsResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        error_code: ErrorCode;
        error_message: Option<String> = Some(String::new());
        resources: Vec<DescribeAclsResource>;
    }

    /// The rules of one resource.
    struct DescribeAclsResource {
        resource_type: i8;
        resource_name: String;
        pattern_type: i8 = 3;
        acls: Vec<AclDescription>;
    }

    /// One rule.
    struct AclDescription {
        principal: String;
        host: String;
        operation: i8;
        permission_type: i8;
    }
}
