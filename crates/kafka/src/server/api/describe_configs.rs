//! `DescribeConfigs` (32): the settings of topics and of the broker.

use tailwater_wire::api::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResponse,
    DescribeConfigsResult,
};
use tailwater_wire::error_code::ErrorCode;

use super::distinct;
use crate::server::authorization::{Access, REFUSED};
use crate::server::broker::NODE;
use crate::server::configs::{BROKER, TOPIC, of_broker, of_topic};
use crate::server::dispatch::Call;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let resources = distinct(request.resources, |one| (one.resource_type, one.resource_name.clone()));
    let results = resources.map(|resource| {
        let mut result = DescribeConfigsResult {
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
            error_message: None,
            ..DescribeConfigsResult::default()
        };
        match entries(call, &resource) {
            Ok(entries) => result.configs = entries,
            Err((code, why)) => (result.error_code, result.error_message) = (code, Some(why)),
        }
        let wanted = |name: &String| resource.configuration_keys.as_ref().is_none_or(|keys| keys.contains(name));
        result.configs.retain(|entry| wanted(&entry.name));
        for entry in &mut result.configs {
            if !request.include_synonyms {
                entry.synonyms.clear();
            }
            if !request.include_documentation {
                entry.documentation = None;
            }
        }
        result
    });
    DescribeConfigsResponse { results: results.collect(), ..DescribeConfigsResponse::default() }
}

type Entries = Vec<DescribeConfigsResourceResult>;

fn entries(call: &Call, resource: &DescribeConfigsResource) -> Result<Entries, (ErrorCode, String)> {
    let broker = &call.shared.broker;
    let refused = |code| (code, REFUSED.to_owned());
    match resource.resource_type {
        TOPIC => call.on_topic(Access::See, &resource.resource_name).map_err(refused)?,
        BROKER => call.on_cluster().map_err(refused)?,
        _ => {}
    }
    match (resource.resource_type, resource.resource_name.as_str()) {
        (TOPIC, name) => match broker.journal.topic(name) {
            Some(topic) => Ok(of_topic(&topic)),
            None => Err((ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, format!("There is no topic {name}"))),
        },
        // What holds for all brokers is not set apart from what holds for the one.
        (BROKER, "") => Ok(Vec::new()),
        (BROKER, id) if id.parse() == Ok(NODE) => {
            let advertised = call.session.advertised(broker.settings.advertised.as_ref());
            Ok(of_broker(&broker.settings, &advertised))
        }
        (BROKER, id) => {
            Err((ErrorCode::INVALID_REQUEST, format!("Unexpected broker id, expected {NODE}, but received {id}")))
        }
        (kind, _) => Err((ErrorCode::INVALID_REQUEST, format!("There are no configurations of resource type {kind}"))),
    }
}
