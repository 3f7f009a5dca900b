//! `IncrementalAlterConfigs` (44): the settings of topics, one by one (KIP-339).

use std::collections::BTreeMap;

use tailwater_journal::TopicMeta;
use tailwater_wire::api::incremental_alter_configs::{
    AlterConfigsResource, AlterConfigsResourceResponse, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};
use tailwater_wire::error_code::ErrorCode;

use crate::server::authorization::{Access, REFUSED};
use crate::server::broker::error_code;
use crate::server::configs::{BROKER, TOPIC, check_all, note_effects};
use crate::server::dispatch::Call;
use crate::server::topic_config::{Kind, default_of, definition};

/// A code, and the words for whoever asked.
pub(super) type Fault = (ErrorCode, String);

/// What is done with a setting.
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

/// Answers a request.
pub(in crate::server) async fn answer(
    call: &Call,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let mut responses = Vec::with_capacity(request.resources.len());
    for resource in request.resources {
        let (error_code, error_message) = match alter(call, &resource, request.validate_only).await {
            Ok(()) => (ErrorCode::NONE, None),
            Err((code, why)) => (code, Some(why)),
        };
        let AlterConfigsResource { resource_type, resource_name, .. } = resource;
        responses.push(AlterConfigsResourceResponse { error_code, error_message, resource_type, resource_name });
    }
    IncrementalAlterConfigsResponse { responses, ..IncrementalAlterConfigsResponse::default() }
}

async fn alter(call: &Call, resource: &AlterConfigsResource, validate_only: bool) -> Result<(), Fault> {
    let topic = topic_of(call, resource.resource_type, &resource.resource_name)?;
    let config = changed(&topic, resource)?;
    put(call, &topic, config, validate_only).await
}

/// The topic that a resource is.
pub(super) fn topic_of(call: &Call, resource_type: i8, name: &str) -> Result<TopicMeta, Fault> {
    let unknown = || (ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, format!("There is no topic {name}"));
    let refused = |code| (code, REFUSED.to_owned());
    match resource_type {
        TOPIC => call.on_topic(Access::Admin, name).map_err(refused)?,
        BROKER => call.on_cluster().map_err(refused)?,
        _ => {}
    }
    match resource_type {
        TOPIC => call.shared.broker.journal.topic(name).ok_or_else(unknown),
        BROKER => {
            let why = "The broker is configured when the process starts: see tailwater serve --help";
            Err((ErrorCode::INVALID_REQUEST, why.to_owned()))
        }
        kind => Err((ErrorCode::INVALID_REQUEST, format!("There are no configurations of resource type {kind}"))),
    }
}

/// Gives a topic these settings and no others.
pub(super) async fn put(
    call: &Call,
    topic: &TopicMeta,
    config: BTreeMap<String, String>,
    validate_only: bool,
) -> Result<(), Fault> {
    let set = config.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    check_all(set).map_err(|why| (ErrorCode::INVALID_CONFIG, why))?;
    if validate_only {
        return Ok(());
    }
    let new = config.iter().filter(|(name, value)| topic.config.get(*name) != Some(value));
    note_effects(&topic.name, new.map(|(name, _)| name.as_str()));
    let (broker, id) = (&call.shared.broker, topic.id);
    let altered = broker.blocking(move |journal| journal.alter_topic(id, config)).await;
    broker.renew(&topic.name);
    altered.map_err(|error| (error_code(&error), error.to_string()))
}

/// A topic's settings after the changes.
fn changed(topic: &TopicMeta, resource: &AlterConfigsResource) -> Result<BTreeMap<String, String>, Fault> {
    let mut config = topic.config.clone();
    for entry in &resource.configs {
        let name = &entry.name;
        let refuse = |why: String| Err((ErrorCode::INVALID_CONFIG, why));
        let Some(known) = definition(name) else { return refuse(format!("Unknown topic config name: {name}")) };
        let value = entry.value.as_deref().unwrap_or_default();
        if entry.config_operation != DELETE && entry.value.is_none() {
            return refuse(format!("Null value not supported for topic configs: {name}"));
        }
        let list = matches!(known.kind, Kind::Words(_) | Kind::List);
        match entry.config_operation {
            SET => drop(config.insert(name.clone(), value.to_owned())),
            DELETE => drop(config.remove(name)),
            APPEND | SUBTRACT if list => {
                let now = config.get(name).map_or(default_of(known, topic.change), String::as_str);
                let words = |text: &str| -> Vec<String> {
                    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
                };
                let (mut all, these) = (words(now), words(value));
                all.retain(|word| !these.contains(word));
                if entry.config_operation == APPEND {
                    all.extend(these);
                }
                config.insert(name.clone(), all.join(","));
            }
            APPEND | SUBTRACT => return refuse(format!("Config value append is not allowed for config key: {name}")),
            other => return Err((ErrorCode::INVALID_REQUEST, format!("Unknown operation {other} on {name}"))),
        }
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use tailwater_journal::TopicId;
    use tailwater_wire::api::incremental_alter_configs::AlterableConfig;

    use super::*;

    fn after(set: &[(&str, &str)], changes: &[(&str, i8, Option<&str>)]) -> Result<Vec<(String, String)>, ErrorCode> {
        let topic = TopicMeta {
            id: TopicId(1),
            name: "t".into(),
            partitions: 1,
            bounds: vec![],
            config: set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            change: false,
        };
        let change = |(name, operation, value): &(&str, i8, Option<&str>)| AlterableConfig {
            name: (*name).to_owned(),
            config_operation: *operation,
            value: value.map(str::to_owned),
        };
        let resource = AlterConfigsResource { configs: changes.iter().map(change).collect(), ..Default::default() };
        changed(&topic, &resource).map(|config| config.into_iter().collect()).map_err(|fault| fault.0)
    }

    #[test]
    fn settings_are_set_removed_and_lists_grow_and_shrink() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let set = [("retention.ms", "5"), ("preallocate", "true")];
        let changes = [
            ("retention.ms", SET, Some("7")),
            ("preallocate", DELETE, None),
            ("cleanup.policy", APPEND, Some("compact")),
        ];
        assert_eq!(
            after(&set, &changes),
            Ok(vec![pair("cleanup.policy", "delete,compact"), pair("retention.ms", "7")])
        );
        let set = [("cleanup.policy", "delete,compact")];
        assert_eq!(
            after(&set, &[("cleanup.policy", SUBTRACT, Some("delete"))]),
            Ok(vec![pair("cleanup.policy", "compact")])
        );
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        assert_eq!(after(&[], &[("retention.ms", APPEND, Some("1"))]), Err(ErrorCode::INVALID_CONFIG));
        assert_eq!(after(&[], &[("retention.ms", SET, None)]), Err(ErrorCode::INVALID_CONFIG));
        assert_eq!(after(&[], &[("no.such", SET, Some("1"))]), Err(ErrorCode::INVALID_CONFIG));
        assert_eq!(after(&[], &[("retention.ms", 9, Some("1"))]), Err(ErrorCode::INVALID_REQUEST));
    }
}
