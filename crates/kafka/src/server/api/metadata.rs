//! `Metadata` (3): the one broker, and the topics; one that is not there is made, where that is allowed.

use std::sync::Arc;

use tailwater_journal::check_topic_name;
use tailwater_wire::api::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition,
    MetadataResponseTopic,
};
use tailwater_wire::codec::Uuid;
use tailwater_wire::error_code::ErrorCode;

use super::distinct;
use crate::server::authorization::Access;
use crate::server::broker::{EPOCH, NODE, Topic, error_code};
use crate::server::dispatch::Call;

/// What everybody may do with a topic, as bits of Kafka's operations: read, write, create, delete, alter, describe, and
/// describe and alter its configuration.
const TOPIC_OPERATIONS: i32 = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
/// The same with the cluster: create, alter, describe, act as a part of it, describe and alter its configuration, and
/// write idempotently.
pub(in crate::server) const CLUSTER_OPERATIONS: i32 = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: MetadataRequest) -> MetadataResponse {
    let broker = &call.shared.broker;
    let wanted = match request.topics {
        // Version 0 has no null.
        Some(topics) if topics.is_empty() && call.header.version.number == 0 => None,
        topics => topics,
    };
    let mut topics = Vec::new();
    match wanted {
        None => {
            let seen = broker.all_topics().into_iter().filter(|topic| call.may(Access::See, &topic.name));
            topics.extend(seen.map(|topic| found(&topic)));
        }
        Some(wanted) => {
            for topic in distinct(wanted, |topic| (topic.name.clone(), topic.topic_id)) {
                topics.push(one(call, topic, request.allow_auto_topic_creation).await);
            }
        }
    }
    if request.include_topic_authorized_operations {
        for topic in topics.iter_mut().filter(|topic| topic.error_code.is_none()) {
            let name = topic.name.as_deref().unwrap_or_default();
            topic.topic_authorized_operations = call.operations(TOPIC_OPERATIONS, name);
        }
    }
    let (host, port) = call.session.advertised(broker.settings.advertised.as_ref());
    let node = MetadataResponseBroker { node_id: NODE, host, port: port.into(), rack: None };
    MetadataResponse {
        brokers: vec![node],
        cluster_id: Some(broker.cluster.to_string()),
        controller_id: NODE,
        topics,
        cluster_authorized_operations: match request.include_cluster_authorized_operations {
            true => call.cluster_operations(CLUSTER_OPERATIONS),
            false => i32::MIN,
        },
        ..MetadataResponse::default()
    }
}

/// One topic that was asked for, by name or by id.
async fn one(call: &Call, wanted: MetadataRequestTopic, may_create: bool) -> MetadataResponseTopic {
    let broker = &call.shared.broker;
    let by_id = wanted.topic_id != Uuid::ZERO;
    let Some(name) = wanted.name.filter(|_| !by_id) else {
        return match broker.topic_by_id(wanted.topic_id).filter(|topic| call.may(Access::See, &topic.name)) {
            Some(topic) => found(&topic),
            None => MetadataResponseTopic {
                error_code: ErrorCode::UNKNOWN_TOPIC_ID,
                // Null came with version 12.
                name: (call.header.version.number < 12).then(String::new),
                topic_id: wanted.topic_id,
                ..MetadataResponseTopic::default()
            },
        };
    };
    let refused = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    let error_code = match broker.topic(&name) {
        _ if !call.may(Access::See, &name) => refused,
        Some(topic) => return found(&topic),
        None if check_topic_name(&name).is_err() => ErrorCode::INVALID_TOPIC_EXCEPTION,
        None if !may_create || !broker.settings.auto_create_topics => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        None if !call.may(Access::Admin, &name) => refused,
        None if broker.collides(&name).is_some() => ErrorCode::INVALID_TOPIC_EXCEPTION,
        None => match broker.create_topic(&name, broker.settings.partitions).await {
            Ok(topic) => return found(&topic),
            Err(error) => error_code(&error),
        },
    };
    MetadataResponseTopic { error_code, name: Some(name), ..MetadataResponseTopic::default() }
}

fn found(topic: &Arc<Topic>) -> MetadataResponseTopic {
    let partition = |number: u32| MetadataResponsePartition {
        partition_index: number as i32,
        leader_id: NODE,
        leader_epoch: EPOCH,
        replica_nodes: vec![NODE],
        isr_nodes: vec![NODE],
        ..MetadataResponsePartition::default()
    };
    MetadataResponseTopic {
        name: Some(topic.name.clone()),
        topic_id: topic.uuid,
        partitions: (0..topic.partitions).map(partition).collect(),
        ..MetadataResponseTopic::default()
    }
}
