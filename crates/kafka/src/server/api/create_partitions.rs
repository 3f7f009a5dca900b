//! `CreatePartitions` (37): more partitions for topics.

use tailwater_journal::limits::PARTITIONS_MAX;
use tailwater_wire::api::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic, CreatePartitionsTopicResult,
};
use tailwater_wire::error_code::ErrorCode;

use super::create_topics::excess_of;
use crate::server::authorization::{Access, REFUSED};
use crate::server::broker::{NODE, error_code};
use crate::server::dispatch::Call;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: CreatePartitionsRequest) -> CreatePartitionsResponse {
    let asked = request.topics.iter().fold(0u64, |sum, topic| sum.saturating_add(more(call, topic)));
    let excess = excess_of(asked);
    let mut results = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let added = match &excess {
            Some(why) => Err((ErrorCode::POLICY_VIOLATION, why.clone())),
            None => add(call, &topic, request.validate_only).await,
        };
        let (error_code, error_message) = match added {
            Ok(()) => (ErrorCode::NONE, None),
            Err((code, why)) => (code, Some(why)),
        };
        results.push(CreatePartitionsTopicResult { name: topic.name, error_code, error_message });
    }
    CreatePartitionsResponse { results, ..CreatePartitionsResponse::default() }
}

/// How many partitions a topic would get.
fn more(call: &Call, wanted: &CreatePartitionsTopic) -> u64 {
    let has = call.shared.broker.topic(&wanted.name).map_or(0, |topic| topic.partitions);
    u64::from(u32::try_from(wanted.count).unwrap_or(0).saturating_sub(has))
}

async fn add(call: &Call, wanted: &CreatePartitionsTopic, validate_only: bool) -> Result<(), (ErrorCode, String)> {
    let broker = &call.shared.broker;
    let unknown =
        || (ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition.".to_owned());
    call.on_topic(Access::Admin, &wanted.name).map_err(|code| (code, REFUSED.to_owned()))?;
    let topic = broker.topic(&wanted.name).ok_or_else(unknown)?;
    let invalid = |why| Err((ErrorCode::INVALID_PARTITIONS, why));
    let count = match u32::try_from(wanted.count) {
        Ok(count) if count <= PARTITIONS_MAX => count,
        Ok(_) => return invalid(format!("A topic has at most {PARTITIONS_MAX} partitions.")),
        Err(_) => return invalid("The number of partitions must be at least 1.".to_owned()),
    };
    let has = topic.partitions;
    if count < has {
        return invalid(format!("Topic currently has {has} partitions, which is higher than the requested {count}."));
    }
    if count == has {
        return invalid(format!("Topic already has {has} partitions."));
    }
    if let Some(assigned) = wanted.assignments.as_ref().filter(|assigned| !assigned.is_empty())
        && (assigned.len() as u32 != count - has || assigned.iter().any(|one| one.broker_ids != [NODE]))
    {
        let why = format!("Each of the {} new partitions has one replica here, on broker {NODE}.", count - has);
        return Err((ErrorCode::INVALID_REPLICA_ASSIGNMENT, why));
    }
    if validate_only {
        return Ok(());
    }
    let added = broker.blocking(move |journal| journal.add_partitions(topic.id, count)).await;
    broker.renew(&wanted.name);
    added.map_err(|error| (error_code(&error), error.to_string()))
}
