//! Topics and settings by request.

use tailwater_kafka::server::Settings;
use tailwater_wire::api::ApiKey;
use tailwater_wire::api::api_versions::ApiVersionsRequest;
use tailwater_wire::api::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use tailwater_wire::api::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use tailwater_wire::api::delete_records::{DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic};
use tailwater_wire::api::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use tailwater_wire::api::describe_cluster::DescribeClusterRequest;
use tailwater_wire::api::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use tailwater_wire::api::fetch::{FetchPartition, FetchRequest, FetchTopic};
use tailwater_wire::api::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use tailwater_wire::api::metadata::{MetadataRequest, MetadataRequestTopic};
use tailwater_wire::error_code::ErrorCode;

use crate::client::{Broker, Client, batch, values};

fn create(client: &mut Client, name: &str, partitions: i32, configs: &[(&str, &str)]) -> ErrorCode {
    let config =
        |(name, value): &(&str, &str)| CreatableTopicConfig { name: (*name).into(), value: Some((*value).into()) };
    let topic = CreatableTopic {
        name: name.into(),
        num_partitions: partitions,
        replication_factor: 1,
        configs: configs.iter().map(config).collect(),
        ..CreatableTopic::default()
    };
    client.call(7, &CreateTopicsRequest { topics: vec![topic], ..CreateTopicsRequest::default() }).topics[0].error_code
}

fn config_of(client: &mut Client, topic: &str, name: &str) -> Option<String> {
    let resource = DescribeConfigsResource {
        resource_type: 2,
        resource_name: topic.into(),
        configuration_keys: Some(vec![name.into()]),
    };
    let mut described =
        client.call(4, &DescribeConfigsRequest { resources: vec![resource], ..DescribeConfigsRequest::default() });
    described.results.remove(0).configs.pop().and_then(|entry| entry.value)
}

#[test]
fn a_request_makes_ten_thousand_partitions_and_no_more() {
    let broker = Broker::start();
    let mut client = broker.client();
    assert_eq!(create(&mut client, "a", 10_001, &[]), ErrorCode::POLICY_VIOLATION);
    assert_eq!(create(&mut client, "a", 6_000, &[]), ErrorCode::NONE);
    assert_eq!(create(&mut client, "b", 1, &[]), ErrorCode::NONE);
    let mut add = |counts: &[(&str, i32)]| {
        let topic = |(name, count): &(&str, i32)| CreatePartitionsTopic {
            name: (*name).into(),
            count: *count,
            ..CreatePartitionsTopic::default()
        };
        let topics = counts.iter().map(topic).collect();
        let added = client.call(3, &CreatePartitionsRequest { topics, ..CreatePartitionsRequest::default() });
        added.results.iter().map(|result| result.error_code).collect::<Vec<_>>()
    };
    assert_eq!(add(&[("a", 7_000), ("b", 9_002)]), [ErrorCode::POLICY_VIOLATION; 2]);
    assert_eq!(add(&[("a", 7_000), ("b", 9_001)]), [ErrorCode::NONE; 2]);
}

#[test]
fn versions_are_told_to_every_client_and_produce_from_zero() {
    let broker = Broker::start();
    for version in 0..=4 {
        let named = ApiVersionsRequest { client_software_name: "a".into(), client_software_version: "1".into() };
        let named = if version < 3 { ApiVersionsRequest::default() } else { named };
        let told = broker.client().call(version, &named);
        assert_eq!(told.error_code, ErrorCode::NONE);
        let produce = told.api_keys.iter().find(|one| one.api_key == ApiKey::Produce.number()).unwrap();
        assert_eq!(produce.min_version, 0, "or librdkafka does not compress");
        assert!(told.api_keys.iter().any(|one| one.api_key == ApiKey::Fetch.number()));
    }
    let mut client = broker.client();
    let wrong = ApiVersionsRequest { client_software_name: "a b".into(), client_software_version: "1".into() };
    assert_eq!(client.call(3, &wrong).error_code, ErrorCode::INVALID_REQUEST);
}

#[test]
fn the_address_that_clients_are_told_is_the_one_that_they_used() {
    let broker = Broker::with(Settings { advertised: Some(("db1.example.com".into(), 1)), ..Settings::default() });
    let told = broker.client().call(9, &MetadataRequest { topics: None, ..MetadataRequest::default() });
    assert_eq!((told.brokers[0].host.as_str(), told.brokers[0].port), ("127.0.0.1", broker.address().port().into()));
    assert_eq!(told.controller_id, told.brokers[0].node_id);
    let cluster = told.cluster_id.unwrap();
    assert_eq!(cluster.len(), 22);
    let described = broker.client().call(0, &DescribeClusterRequest::default());
    assert_eq!((described.cluster_id.as_str(), described.brokers.len()), (cluster.as_str(), 1));
    let broker = broker.restart();
    let told = broker.client().call(9, &MetadataRequest { topics: None, ..MetadataRequest::default() });
    assert_eq!(told.cluster_id, Some(cluster), "drawn once");
}

#[test]
fn unknown_topics_are_made_where_that_is_allowed() {
    let ask = |broker: &Broker, name: &str, allow: bool| {
        let topic = MetadataRequestTopic { name: Some(name.into()), ..MetadataRequestTopic::default() };
        let request = MetadataRequest {
            topics: Some(vec![topic]),
            allow_auto_topic_creation: allow,
            ..MetadataRequest::default()
        };
        broker.client().call(9, &request).topics.remove(0)
    };
    let broker = Broker::with(Settings { partitions: 4, ..Settings::default() });
    assert_eq!(ask(&broker, "a", false).error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(ask(&broker, "a", true).partitions.len(), 4);
    assert_eq!(ask(&broker, "a b", true).error_code, ErrorCode::INVALID_TOPIC_EXCEPTION);
    let broker = Broker::with(Settings { auto_create_topics: false, ..Settings::default() });
    assert_eq!(ask(&broker, "a", true).error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[test]
fn topics_are_made_changed_and_deleted() {
    let broker = Broker::start();
    let mut client = broker.named_client("a");
    assert_eq!(create(&mut client, "t", 2, &[("retention.ms", "1000")]), ErrorCode::NONE);
    assert_eq!(create(&mut client, "t", 2, &[]), ErrorCode::TOPIC_ALREADY_EXISTS);
    assert_eq!(create(&mut client, "u", 2, &[("retention.ms", "x")]), ErrorCode::INVALID_CONFIG);
    assert_eq!(config_of(&mut client, "t", "retention.ms").as_deref(), Some("1000"));
    let change = AlterableConfig {
        name: "message.timestamp.type".into(),
        config_operation: 0,
        value: Some("LogAppendTime".into()),
    };
    let resource = AlterConfigsResource { resource_type: 2, resource_name: "t".into(), configs: vec![change] };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    assert_eq!(client.call(1, &request).responses[0].error_code, ErrorCode::NONE);
    let stamped = client.produce("t", 1, batch(&[(5, None, "v")]));
    assert!(stamped.log_append_time_ms > 1_600_000_000_000, "{stamped:?}");
    assert_eq!(values(&client.fetch("t", 1, 0)).len(), 1, "its CRC is right");

    let more = CreatePartitionsTopic { name: "t".into(), count: 5, assignments: None };
    let request = CreatePartitionsRequest { topics: vec![more], ..CreatePartitionsRequest::default() };
    assert_eq!(client.call(3, &request).results[0].error_code, ErrorCode::NONE);
    assert_eq!(client.call(3, &request).results[0].error_code, ErrorCode::INVALID_PARTITIONS);
    assert_eq!(client.produce("t", 4, batch(&[(5, None, "v")])).error_code, ErrorCode::NONE);

    let front = DeleteRecordsPartition { partition_index: 1, offset: -1 };
    let front = DeleteRecordsTopic { name: "t".into(), partitions: vec![front] };
    let request = DeleteRecordsRequest { topics: vec![front], ..DeleteRecordsRequest::default() };
    assert_eq!(client.call(2, &request).topics[0].partitions[0].low_watermark, 1);
    assert_eq!(client.fetch("t", 1, 0).error_code, ErrorCode::OFFSET_OUT_OF_RANGE);

    let topic = DeleteTopicState { name: Some("t".into()), ..DeleteTopicState::default() };
    let request = DeleteTopicsRequest { topics: vec![topic], ..DeleteTopicsRequest::default() };
    assert_eq!(client.call(6, &request).responses[0].error_code, ErrorCode::NONE);
    assert_eq!(client.call(6, &request).responses[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(client.fetch("t", 1, 0).error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[test]
fn a_topic_is_known_by_its_id_and_one_of_the_same_name_is_another() {
    let broker = Broker::start();
    let mut client = broker.named_client("a");
    let id_of = |client: &mut Client| {
        let topic = MetadataRequestTopic { name: Some("t".into()), ..MetadataRequestTopic::default() };
        let request = MetadataRequest { topics: Some(vec![topic]), ..MetadataRequest::default() };
        client.call(12, &request).topics[0].topic_id
    };
    let id = id_of(&mut client);
    client.produce("t", 0, batch(&[(5, None, "v")]));
    let by_id = |client: &mut Client| {
        let partition = FetchPartition { partition_max_bytes: 1 << 20, ..FetchPartition::default() };
        let topic = FetchTopic { topic_id: id, partitions: vec![partition], ..FetchTopic::default() };
        let request = FetchRequest { max_wait_ms: 10, min_bytes: 1, topics: vec![topic], ..FetchRequest::default() };
        client.call(16, &request).responses.remove(0).partitions.remove(0)
    };
    assert_eq!(values(&by_id(&mut client)).len(), 1);
    let asked = MetadataRequestTopic { topic_id: id, name: None };
    let request = MetadataRequest { topics: Some(vec![asked]), ..MetadataRequest::default() };
    assert_eq!(client.call(12, &request).topics[0].name.as_deref(), Some("t"));
    let gone = DeleteTopicState { topic_id: id, ..DeleteTopicState::default() };
    let deleted = client.call(6, &DeleteTopicsRequest { topics: vec![gone], ..DeleteTopicsRequest::default() });
    assert_eq!((deleted.responses[0].error_code, deleted.responses[0].name.as_deref()), (ErrorCode::NONE, Some("t")));
    assert_ne!(id_of(&mut client), id);
    assert_eq!(by_id(&mut client).error_code, ErrorCode::UNKNOWN_TOPIC_ID);
    assert_eq!(client.call(12, &request).topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_ID);
}

#[test]
fn a_compacted_topic_wants_keys() {
    let broker = Broker::start();
    let mut client = broker.named_client("a");
    assert_eq!(create(&mut client, "t", 1, &[("cleanup.policy", "compact")]), ErrorCode::NONE);
    let refused = client.produce("t", 0, batch(&[(1, Some("k"), "a"), (2, None, "b")]));
    assert_eq!(refused.error_code, ErrorCode::INVALID_RECORD);
    let at: Vec<_> = refused.record_errors.iter().map(|one| one.batch_index).collect();
    assert_eq!(at, [1]);
    assert_eq!(client.produce("t", 0, batch(&[(1, Some("k"), "a")])).error_code, ErrorCode::NONE);
}

#[test]
fn names_that_no_topic_can_have_and_names_that_collide_are_refused() {
    let broker = Broker::start();
    let mut client = broker.client();
    let mut validate = |name: &str| {
        let topic =
            CreatableTopic { name: name.into(), num_partitions: 1, replication_factor: 1, ..CreatableTopic::default() };
        let request =
            CreateTopicsRequest { topics: vec![topic], validate_only: true, ..CreateTopicsRequest::default() };
        client.call(7, &request).topics[0].error_code
    };
    assert_eq!(validate("a.b"), ErrorCode::NONE);
    for name in ["", ".", "..", "a/b", "a b", &"x".repeat(250)] {
        assert_eq!(validate(name), ErrorCode::INVALID_TOPIC_EXCEPTION, "{name}");
    }
    let mut client = broker.client();
    assert_eq!(create(&mut client, "a.b_c", 1, &[]), ErrorCode::NONE);
    for name in ["a_b_c", "a.b.c", "a_b.c"] {
        assert_eq!(create(&mut client, name, 1, &[]), ErrorCode::INVALID_TOPIC_EXCEPTION, "{name}");
    }
    assert_eq!(create(&mut client, "a-b_c", 1, &[]), ErrorCode::NONE);
    for (name, allow) in [("a_b_c", true), ("a/b", true), ("a/b", false)] {
        let topic = MetadataRequestTopic { name: Some(name.into()), ..MetadataRequestTopic::default() };
        let topics = Some(vec![topic]);
        let request = MetadataRequest { topics, allow_auto_topic_creation: allow, ..MetadataRequest::default() };
        assert_eq!(client.call(9, &request).topics[0].error_code, ErrorCode::INVALID_TOPIC_EXCEPTION, "{name}");
    }
}
