//! `AlterConfigs` (33): the settings of topics, all of them at once.

use std::collections::BTreeMap;

use tailwater_wire::api::alter_configs::{
    AlterConfigsRequest, AlterConfigsResource, AlterConfigsResourceResponse, AlterConfigsResponse,
};
use tailwater_wire::error_code::ErrorCode;

use super::incremental_alter_configs::{Fault, put, topic_of};
use crate::server::dispatch::Call;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let mut responses = Vec::with_capacity(request.resources.len());
    for resource in request.resources {
        let (error_code, error_message) = match alter(call, &resource, request.validate_only).await {
            Ok(()) => (ErrorCode::NONE, None),
            Err((code, why)) => (code, Some(why)),
        };
        let AlterConfigsResource { resource_type, resource_name, .. } = resource;
        responses.push(AlterConfigsResourceResponse { error_code, error_message, resource_type, resource_name });
    }
    AlterConfigsResponse { responses, ..AlterConfigsResponse::default() }
}

async fn alter(call: &Call, resource: &AlterConfigsResource, validate_only: bool) -> Result<(), Fault> {
    let topic = topic_of(call, resource.resource_type, &resource.resource_name)?;
    let set = resource.configs.iter().filter_map(|entry| Some((entry.name.clone(), entry.value.clone()?)));
    let config: BTreeMap<String, String> = set.collect();
    put(call, &topic, config, validate_only).await
}
