//! `DescribeAcls` (29): what users may do, in the words of Kafka's rules (KIP-140, KIP-290).

use tailwater_wire::api::describe_acls::{
    AclDescription, DescribeAclsRequest, DescribeAclsResource, DescribeAclsResponse,
};
use tailwater_wire::error_code::ErrorCode;

use crate::security::grants::{Grant, Right};
use crate::server::authorization::REFUSED;
use crate::server::dispatch::Call;

/// In filters: whatever it is.
const ANY: i8 = 1;

/// What rules are about.
const TOPIC: i8 = 2;
const GROUP: i8 = 3;
const CLUSTER: i8 = 4;
const TRANSACTION: i8 = 5;
/// The name of the cluster among them.
const THE_CLUSTER: &str = "kafka-cluster";

/// How names are meant; in filters also: all rules that concern the name.
const MATCH: i8 = 2;
const LITERAL: i8 = 3;
const PREFIX: i8 = 4;
/// The literal name that is every name.
const EVERY: &str = "*";

/// What may be done.
const ALL: i8 = 2;
const READ: i8 = 3;
const WRITE: i8 = 4;

/// That it may.
const ALLOW: i8 = 3;

/// Answers a request; without authentication as a Kafka broker without an authorizer does.
pub(in crate::server) async fn answer(call: &Call, request: DescribeAclsRequest) -> DescribeAclsResponse {
    let refuse = |error_code, why: &str| DescribeAclsResponse {
        error_code,
        error_message: Some(why.to_owned()),
        ..DescribeAclsResponse::default()
    };
    let broker = &call.shared.broker;
    if !broker.settings.security.authenticate {
        return refuse(ErrorCode::SECURITY_DISABLED, "No Authorizer is configured on the broker");
    }
    if let Err(code) = call.on_cluster() {
        return refuse(code, REFUSED);
    }
    let mut resources = Vec::new();
    for user in broker.users.list() {
        let principal = format!("User:{}", user.name);
        for (mut resource, operation) in user.grants.all().iter().flat_map(rules) {
            let rule = AclDescription {
                principal: principal.clone(),
                host: "*".to_owned(),
                operation,
                permission_type: ALLOW,
            };
            if is_wanted(&request, &resource, &rule) {
                resource.acls.push(rule);
                resources.push(resource);
            }
        }
    }
    DescribeAclsResponse { error_message: None, resources, ..DescribeAclsResponse::default() }
}

/// What a grant is: resources and operations.
fn rules(grant: &Grant) -> Vec<(DescribeAclsResource, i8)> {
    let (name, pattern_type) = match grant.prefix.as_str() {
        "" => (EVERY, LITERAL),
        prefix => (prefix, PREFIX),
    };
    let (types, operation): (&[i8], i8) = match grant.right {
        Right::Read => (&[TOPIC, GROUP], READ),
        Right::Write => (&[TOPIC, TRANSACTION], WRITE),
        Right::Admin => (&[TOPIC, GROUP, TRANSACTION], ALL),
    };
    let of = |resource_type, name: &str, pattern_type| {
        let resource_name = name.to_owned();
        (DescribeAclsResource { resource_type, resource_name, pattern_type, acls: Vec::new() }, operation)
    };
    let mut rules: Vec<_> = types.iter().map(|resource_type| of(*resource_type, name, pattern_type)).collect();
    if grant.right == Right::Admin && grant.prefix.is_empty() {
        rules.push(of(CLUSTER, THE_CLUSTER, LITERAL));
    }
    rules
}

/// Whether a rule is asked for.
fn is_wanted(request: &DescribeAclsRequest, resource: &DescribeAclsResource, rule: &AclDescription) -> bool {
    let number = |wanted: i8, is: i8| wanted == ANY || wanted == is;
    let text = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
    let name = match request.pattern_type_filter {
        MATCH => request.resource_name_filter.as_deref().is_none_or(|name| match resource.pattern_type {
            PREFIX => name.starts_with(&resource.resource_name),
            _ => name == resource.resource_name || resource.resource_name == EVERY,
        }),
        pattern => {
            number(pattern, resource.pattern_type) && text(&request.resource_name_filter, &resource.resource_name)
        }
    };
    name && number(request.resource_type_filter, resource.resource_type)
        && text(&request.principal_filter, &rule.principal)
        && text(&request.host_filter, &rule.host)
        && number(request.operation, rule.operation)
        && number(request.permission_type, rule.permission_type)
}
