//! `CreateTopics` (19): new topics of clients.

use std::collections::BTreeMap;

use tailwater_journal::check_topic_name;
use tailwater_journal::limits::PARTITIONS_MAX;
use tailwater_wire::api::create_topics::{
    CreatableTopic, CreatableTopicConfigs, CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse,
};
use tailwater_wire::error_code::ErrorCode;

use crate::limits::{CREATED_TOPICS_TOLD, REQUEST_PARTITIONS};
use crate::server::authorization::{Access, REFUSED};
use crate::server::broker::{NODE, error_code};
use crate::server::configs::{check_all, note_effects, of_topic};
use crate::server::dispatch::Call;

/// A code, and the words for whoever asked.
type Fault = (ErrorCode, String);

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    request.topics.iter().for_each(|topic| *counts.entry(topic.name.clone()).or_default() += 1);
    let excess = excess(&request.topics, call.shared.broker.settings.partitions);
    let mut topics = Vec::with_capacity(counts.len());
    for topic in &request.topics {
        // One that is named twice is answered once.
        let Some(count) = counts.remove(&topic.name) else { continue };
        let made = match (count, &excess) {
            (_, Some(why)) => Err((ErrorCode::POLICY_VIOLATION, why.clone())),
            (1, _) => create(call, topic, request.validate_only).await.map(|made| told(made, topics.len())),
            _ => Err((ErrorCode::INVALID_REQUEST, "Duplicate topic name.".to_owned())),
        };
        let result = CreatableTopicResult { name: topic.name.clone(), ..CreatableTopicResult::default() };
        topics.push(match made {
            Ok(made) => CreatableTopicResult { error_message: None, ..made },
            Err((error_code, why)) => {
                CreatableTopicResult { error_code, error_message: Some(why), configs: None, ..result }
            }
        });
    }
    CreateTopicsResponse { topics, ..CreateTopicsResponse::default() }
}

/// Why the request as a whole asks for too much, if it does; Kafka refuses all of it then.
fn excess(topics: &[CreatableTopic], default: u32) -> Option<String> {
    let asked = topics.iter().fold(0u64, |sum, topic| {
        let count = match topic.num_partitions {
            _ if !topic.assignments.is_empty() => topic.assignments.len() as u64,
            -1 => u64::from(default),
            count => u64::try_from(count).unwrap_or(0),
        };
        sum.saturating_add(count)
    });
    excess_of(asked)
}

/// Why so many partitions are too many for one request, if they are.
pub(super) fn excess_of(partitions: u64) -> Option<String> {
    let why = || {
        format!(
            "Excessively large number of partitions per request: {partitions}, where {REQUEST_PARTITIONS} are allowed. \
             Ask for them in several requests."
        )
    };
    (partitions > u64::from(REQUEST_PARTITIONS)).then(why)
}

/// What is told of the topic at this place of the answer: of the first ones also their settings.
fn told(made: CreatableTopicResult, place: usize) -> CreatableTopicResult {
    match place < CREATED_TOPICS_TOLD {
        true => made,
        false => CreatableTopicResult {
            topic_config_error_code: ErrorCode::POLICY_VIOLATION,
            num_partitions: -1,
            replication_factor: -1,
            configs: None,
            ..made
        },
    }
}

async fn create(call: &Call, topic: &CreatableTopic, validate_only: bool) -> Result<CreatableTopicResult, Fault> {
    let broker = &call.shared.broker;
    call.on_topic(Access::Admin, &topic.name).map_err(|code| (code, REFUSED.to_owned()))?;
    check_topic_name(&topic.name).map_err(|error| (error_code(&error), error.to_string()))?;
    if let Some(other) = broker.collides(&topic.name) {
        let why = format!("Topic '{}' collides with existing topic: {}", topic.name, other.name);
        return Err((ErrorCode::INVALID_TOPIC_EXCEPTION, why));
    }
    let partitions = partitions(topic, broker.settings.partitions)?;
    let config = config(topic)?;
    if broker.journal.topic(&topic.name).is_some() {
        return Err((ErrorCode::TOPIC_ALREADY_EXISTS, format!("Topic '{}' already exists.", topic.name)));
    }
    let shown = |result: CreatableTopicResult, config: &BTreeMap<String, String>| {
        let meta = tailwater_journal::TopicMeta {
            id: tailwater_journal::TopicId(0),
            name: topic.name.clone(),
            partitions,
            bounds: Vec::new(),
            config: config.clone(),
            change: false,
        };
        let entries = of_topic(&meta).into_iter().map(|entry| CreatableTopicConfigs {
            name: entry.name,
            value: entry.value,
            read_only: entry.read_only,
            config_source: entry.config_source,
            is_sensitive: entry.is_sensitive,
        });
        CreatableTopicResult {
            name: topic.name.clone(),
            num_partitions: partitions as i32,
            replication_factor: 1,
            configs: Some(entries.collect()),
            ..result
        }
    };
    if validate_only {
        return Ok(shown(CreatableTopicResult::default(), &config));
    }
    note_effects(&topic.name, config.keys().map(String::as_str));
    let (name, wanted) = (topic.name.clone(), config.clone());
    let made = broker.blocking(move |journal| journal.create_topic_with(&name, partitions, wanted)).await;
    made.map_err(|error| (error_code(&error), error.to_string()))?;
    let topic_id = broker.renew(&topic.name).map(|topic| topic.uuid).unwrap_or_default();
    Ok(shown(CreatableTopicResult { topic_id, ..CreatableTopicResult::default() }, &config))
}

/// How many partitions are wanted; all of them lie here.
fn partitions(topic: &CreatableTopic, default: u32) -> Result<u32, Fault> {
    let count = if topic.assignments.is_empty() {
        match topic.replication_factor {
            -1 | 1 => {}
            factor if factor > 1 => {
                let why = format!("Replication factor: {factor} larger than available brokers: 1.");
                return Err((ErrorCode::INVALID_REPLICATION_FACTOR, why));
            }
            _ => {
                let why = "Replication factor must be larger than 0, or -1 to use the default value.";
                return Err((ErrorCode::INVALID_REPLICATION_FACTOR, why.to_owned()));
            }
        }
        if topic.num_partitions == -1 { i64::from(default) } else { i64::from(topic.num_partitions) }
    } else {
        if topic.num_partitions != -1 || topic.replication_factor != -1 {
            let why = "Both numPartitions or replicationFactor and replicasAssignments were set.";
            return Err((ErrorCode::INVALID_REQUEST, why.to_owned()));
        }
        let mut numbers: Vec<i32> = topic.assignments.iter().map(|assigned| assigned.partition_index).collect();
        numbers.sort_unstable();
        if !numbers.iter().zip(0..).all(|(number, expected)| *number == expected) {
            let why = "Partitions should be a consecutive 0-based integer sequence.";
            return Err((ErrorCode::INVALID_REPLICA_ASSIGNMENT, why.to_owned()));
        }
        if topic.assignments.iter().any(|assigned| assigned.broker_ids != [NODE]) {
            let why = format!("Every partition has one replica here, on broker {NODE}.");
            return Err((ErrorCode::INVALID_REPLICA_ASSIGNMENT, why));
        }
        topic.assignments.len() as i64
    };
    match u32::try_from(count) {
        Ok(count) if (1..=PARTITIONS_MAX).contains(&count) => Ok(count),
        _ => {
            let why =
                format!("Number of partitions must be from 1 to {PARTITIONS_MAX}, or -1 to use the default value.");
            Err((ErrorCode::INVALID_PARTITIONS, why))
        }
    }
}

fn config(topic: &CreatableTopic) -> Result<BTreeMap<String, String>, Fault> {
    let mut config = BTreeMap::new();
    for entry in &topic.configs {
        let Some(value) = &entry.value else {
            let why = format!("Null value not supported for topic configs: {}", entry.name);
            return Err((ErrorCode::INVALID_CONFIG, why));
        };
        config.insert(entry.name.clone(), value.clone());
    }
    let set = config.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    check_all(set).map_err(|why| (ErrorCode::INVALID_CONFIG, why))?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use tailwater_wire::api::create_topics::{CreatableReplicaAssignment, CreatableTopicConfig};

    use super::*;

    fn topic(num_partitions: i32, replication_factor: i16, assigned: &[(i32, &[i32])]) -> CreatableTopic {
        let assignment = |(partition_index, broker_ids): &(i32, &[i32])| CreatableReplicaAssignment {
            partition_index: *partition_index,
            broker_ids: broker_ids.to_vec(),
        };
        let assignments = assigned.iter().map(assignment).collect();
        CreatableTopic { num_partitions, replication_factor, assignments, ..CreatableTopic::default() }
    }

    #[test]
    fn partitions_and_replicas_are_those_of_one_broker() {
        let count = |topic: CreatableTopic| partitions(&topic, 4).map_err(|fault| fault.0);
        assert_eq!(count(topic(-1, -1, &[])), Ok(4));
        assert_eq!(count(topic(3, 1, &[])), Ok(3));
        assert_eq!(count(topic(-1, -1, &[(1, &[1]), (0, &[1])])), Ok(2));
        assert_eq!(count(topic(0, 1, &[])), Err(ErrorCode::INVALID_PARTITIONS));
        assert_eq!(count(topic(i32::MAX, 1, &[])), Err(ErrorCode::INVALID_PARTITIONS));
        assert_eq!(count(topic(1, 3, &[])), Err(ErrorCode::INVALID_REPLICATION_FACTOR));
        assert_eq!(count(topic(1, 0, &[])), Err(ErrorCode::INVALID_REPLICATION_FACTOR));
        assert_eq!(count(topic(1, -1, &[(0, &[1])])), Err(ErrorCode::INVALID_REQUEST));
        assert_eq!(count(topic(-1, -1, &[(0, &[2])])), Err(ErrorCode::INVALID_REPLICA_ASSIGNMENT));
        assert_eq!(count(topic(-1, -1, &[(1, &[1])])), Err(ErrorCode::INVALID_REPLICA_ASSIGNMENT));
    }

    #[test]
    fn a_request_for_very_many_partitions_is_refused_with_its_bound() {
        let most = REQUEST_PARTITIONS as i32;
        let why = excess(&[topic(most - 3, 1, &[]), topic(-1, -1, &[])], 4).unwrap();
        assert!(
            why.contains("10001") && why.contains("10000 are allowed") && why.contains("several requests"),
            "{why}"
        );
        assert_eq!(excess(&[topic(most - 4, 1, &[]), topic(-1, -1, &[])], 4), None);
        assert_eq!(excess(&[topic(-7, 1, &[]), topic(-1, -1, &[(0, &[1]), (1, &[1])])], 4), None);
        assert!(excess(&vec![topic(i32::MAX, 1, &[]); 3], 4).is_some());
    }

    #[test]
    fn of_many_topics_only_the_first_are_told_with_their_settings() {
        let made = || CreatableTopicResult { num_partitions: 3, configs: Some(Vec::new()), ..Default::default() };
        assert_eq!(told(made(), 0), made());
        let bare = told(made(), CREATED_TOPICS_TOLD);
        assert_eq!((bare.topic_config_error_code, bare.configs), (ErrorCode::POLICY_VIOLATION, None));
        assert_eq!(bare.error_code, ErrorCode::NONE);
    }

    #[test]
    fn all_settings_that_are_wrong_are_named_at_once() {
        let entry = |name: &str, value: Option<&str>| CreatableTopicConfig {
            name: name.into(),
            value: value.map(str::to_owned),
        };
        let with = |configs| config(&CreatableTopic { configs, ..CreatableTopic::default() });
        let wrong =
            vec![entry("retention.ms", Some("x")), entry("no.such", Some("1")), entry("preallocate", Some("true"))];
        let (code, why) = with(wrong).unwrap_err();
        assert_eq!(code, ErrorCode::INVALID_CONFIG);
        assert!(why.contains("retention.ms") && why.contains("no.such") && !why.contains("preallocate"), "{why}");
        assert_eq!(with(vec![entry("retention.ms", None)]).unwrap_err().0, ErrorCode::INVALID_CONFIG);
        assert_eq!(with(vec![entry("retention.ms", Some("7"))]).unwrap()["retention.ms"], "7");
    }
}
