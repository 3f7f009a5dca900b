//! What users may do, over the socket: each API answers who may not as Kafka does.

use tailwater_connector::Transport;
use tailwater_kafka::EmbeddedTransport;
use tailwater_kafka::security::grants::{Grant, Right};
use tailwater_kafka::security::users::{UserRequest, Users};
use tailwater_wire::api::add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTopic};
use tailwater_wire::api::alter_user_scram_credentials::{
    AlterUserScramCredentialsRequest, ScramCredentialDeletion, ScramCredentialUpsertion,
};
use tailwater_wire::api::create_topics::{CreatableTopic, CreateTopicsRequest};
use tailwater_wire::api::delete_groups::DeleteGroupsRequest;
use tailwater_wire::api::delete_topics::DeleteTopicsRequest;
use tailwater_wire::api::describe_acls::DescribeAclsRequest;
use tailwater_wire::api::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use tailwater_wire::api::describe_groups::DescribeGroupsRequest;
use tailwater_wire::api::describe_log_dirs::DescribeLogDirsRequest;
use tailwater_wire::api::describe_user_scram_credentials::{DescribeUserScramCredentialsRequest, UserName};
use tailwater_wire::api::find_coordinator::FindCoordinatorRequest;
use tailwater_wire::api::heartbeat::HeartbeatRequest;
use tailwater_wire::api::incremental_alter_configs::{AlterConfigsResource, IncrementalAlterConfigsRequest};
use tailwater_wire::api::init_producer_id::InitProducerIdRequest;
use tailwater_wire::api::join_group::JoinGroupRequest;
use tailwater_wire::api::list_groups::ListGroupsRequest;
use tailwater_wire::api::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use tailwater_wire::api::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use tailwater_wire::api::offset_commit::{OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use tailwater_wire::api::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestTopic};
use tailwater_wire::error_code::ErrorCode;

use crate::client::{Broker, Client, batch};
use crate::security::{add, guarded, log_in};

fn grant(users: &Users, name: &str, right: Right, prefix: &str) {
    users.apply(UserRequest::Grant { name: name.into(), grant: Grant { right, prefix: prefix.into() } }).unwrap();
}

/// Three users besides one without rights: who reads `shop.`, who writes `app.`, and who may everything.
fn staffed() -> (Broker, Users) {
    let (broker, users) = guarded();
    for (name, right, prefix) in
        [("reader", Right::Read, "shop."), ("writer", Right::Write, "app."), ("ops", Right::Admin, "")]
    {
        add(&users, name, name);
        grant(&users, name, right, prefix);
    }
    let mut ops = client(&broker, "ops");
    assert_eq!(create(&mut ops, &["shop.orders", "app.log"]), [ErrorCode::NONE, ErrorCode::NONE]);
    (broker, users)
}

fn client(broker: &Broker, user: &str) -> Client {
    let mut client = broker.client();
    let password = if user == "alice" { "secret" } else { user };
    assert_eq!(log_in(&mut client, user, password), ErrorCode::NONE);
    client
}

fn create(client: &mut Client, names: &[&str]) -> Vec<ErrorCode> {
    let topic = |name: &&str| CreatableTopic {
        name: (*name).into(),
        num_partitions: 1,
        replication_factor: 1,
        ..CreatableTopic::default()
    };
    let request = CreateTopicsRequest { topics: names.iter().map(topic).collect(), ..CreateTopicsRequest::default() };
    client.call(5, &request).topics.iter().map(|topic| topic.error_code).collect()
}

fn metadata(client: &mut Client, names: Option<&[&str]>) -> MetadataResponse {
    let named = |name: &&str| MetadataRequestTopic { name: Some((*name).into()), ..Default::default() };
    let topics = names.map(|names| names.iter().map(named).collect());
    let allow_auto_topic_creation = true;
    client.call(
        8,
        &MetadataRequest {
            topics,
            allow_auto_topic_creation,
            include_topic_authorized_operations: true,
            ..Default::default()
        },
    )
}

fn produced(client: &mut Client, topic: &str) -> ErrorCode {
    client.produce(topic, 0, batch(&[(1, None, "v")])).error_code
}

const DENIED: ErrorCode = ErrorCode::TOPIC_AUTHORIZATION_FAILED;

#[test]
fn topics_are_seen_read_and_written_by_who_may() {
    let (broker, users) = staffed();
    let (mut reader, mut writer, mut nobody) =
        (client(&broker, "reader"), client(&broker, "writer"), client(&broker, "alice"));
    let all = |client: &mut Client| -> Vec<(String, i32)> {
        let topics = metadata(client, None).topics.into_iter();
        topics.map(|topic| (topic.name.unwrap(), topic.topic_authorized_operations)).collect()
    };
    assert_eq!(all(&mut reader), [("shop.orders".to_owned(), 1 << 3 | 1 << 8 | 1 << 10)]);
    assert_eq!(all(&mut writer), [("app.log".to_owned(), 1 << 4 | 1 << 8 | 1 << 10)]);
    assert_eq!(all(&mut nobody), []);
    let named = metadata(&mut reader, Some(&["shop.orders", "app.log", "none", "shop.none"]));
    let codes: Vec<_> = named.topics.iter().map(|topic| topic.error_code).collect();
    assert_eq!(codes, [ErrorCode::NONE, DENIED, DENIED, DENIED], "and no topic is made");
    assert!(broker.journal.topic("shop.none").is_none());

    assert_eq!(produced(&mut writer, "app.log"), ErrorCode::NONE);
    assert_eq!(produced(&mut reader, "shop.orders"), DENIED);
    assert_eq!(produced(&mut reader, "no.such"), DENIED);
    assert_eq!(produced(&mut nobody, "app.log"), DENIED);
    assert_eq!(reader.fetch("shop.orders", 0, 0).error_code, ErrorCode::NONE);
    assert_eq!(reader.fetch("app.log", 0, 0).error_code, DENIED);
    assert_eq!(writer.fetch("app.log", 0, 0).error_code, DENIED, "writing is not reading");
    let offsets = |client: &mut Client, topic: &str| {
        let partitions = vec![ListOffsetsPartition { timestamp: -1, current_leader_epoch: -1, ..Default::default() }];
        let topics = vec![ListOffsetsTopic { name: topic.into(), partitions }];
        let answer = client.call(5, &ListOffsetsRequest { replica_id: -1, topics, ..Default::default() });
        answer.topics[0].partitions[0].error_code
    };
    assert_eq!(offsets(&mut writer, "app.log"), ErrorCode::NONE);
    assert_eq!(offsets(&mut writer, "shop.orders"), DENIED);
    // A grant counts at once, and so does its end.
    grant(&users, "writer", Right::Read, "app.log");
    assert_eq!(writer.fetch("app.log", 0, 0).high_watermark, 1);
    users.apply(UserRequest::Remove { name: "writer".into() }).unwrap();
    assert_eq!(produced(&mut writer, "app.log"), DENIED);
}

#[test]
fn topics_are_made_changed_and_deleted_by_administrators() {
    let (broker, users) = staffed();
    let mut writer = client(&broker, "writer");
    let delete = |client: &mut Client, name: &str| {
        let request = DeleteTopicsRequest { topic_names: vec![name.into()], ..DeleteTopicsRequest::default() };
        client.call(4, &request).responses[0].error_code
    };
    let alter = |client: &mut Client, resource_type: i8, name: &str| {
        let resource = AlterConfigsResource { resource_type, resource_name: name.into(), configs: Vec::new() };
        let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
        client.call(1, &request).responses[0].error_code
    };
    let settings = |client: &mut Client, resource_type: i8, name: &str| {
        let resource = DescribeConfigsResource { resource_type, resource_name: name.into(), ..Default::default() };
        let request = DescribeConfigsRequest { resources: vec![resource], ..DescribeConfigsRequest::default() };
        client.call(4, &request).results[0].error_code
    };
    assert_eq!(create(&mut writer, &["app.new"]), [DENIED]);
    assert_eq!(delete(&mut writer, "app.log"), DENIED);
    assert_eq!(alter(&mut writer, 2, "app.log"), DENIED);
    assert_eq!(settings(&mut writer, 2, "app.log"), ErrorCode::NONE);
    assert_eq!(settings(&mut writer, 2, "shop.orders"), DENIED);
    let cluster = ErrorCode::CLUSTER_AUTHORIZATION_FAILED;
    assert_eq!((settings(&mut writer, 4, "1"), alter(&mut writer, 4, "1")), (cluster, cluster));
    grant(&users, "writer", Right::Admin, "app.");
    assert_eq!(create(&mut writer, &["app.new", "other"]), [ErrorCode::NONE, DENIED]);
    assert_eq!(metadata(&mut writer, Some(&["app.auto"])).topics[0].error_code, ErrorCode::NONE);
    assert_eq!((alter(&mut writer, 2, "app.log"), delete(&mut writer, "app.log")), (ErrorCode::NONE, ErrorCode::NONE));
    assert_eq!(delete(&mut writer, "shop.orders"), DENIED);
    assert_eq!(client(&broker, "ops").call(4, &DescribeLogDirsRequest::default()).error_code, ErrorCode::NONE);
    assert_eq!(writer.call(4, &DescribeLogDirsRequest::default()).error_code, cluster);
}

#[test]
fn groups_and_transactions_are_of_who_may() {
    let (broker, _) = staffed();
    let (mut reader, mut writer) = (client(&broker, "reader"), client(&broker, "writer"));
    let denied = ErrorCode::GROUP_AUTHORIZATION_FAILED;
    let join = |client: &mut Client, group: &str| {
        let request = JoinGroupRequest {
            group_id: group.into(),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 10_000,
            protocol_type: "consumer".into(),
            ..JoinGroupRequest::default()
        };
        client.call(5, &request).error_code
    };
    assert_eq!(join(&mut reader, "other"), denied);
    assert_ne!(join(&mut reader, "shop.readers"), denied);
    let beat = |group: &str| HeartbeatRequest { group_id: group.into(), ..HeartbeatRequest::default() };
    assert_eq!(reader.call(3, &beat("other")).error_code, denied);
    assert_eq!(reader.call(3, &beat("shop.readers")).error_code, ErrorCode::UNKNOWN_MEMBER_ID);
    let commit = |client: &mut Client, group: &str, topic: &str| {
        let partition = OffsetCommitRequestPartition { committed_offset: 0, ..Default::default() };
        let topics = vec![OffsetCommitRequestTopic { name: topic.into(), partitions: vec![partition] }];
        let request = OffsetCommitRequest {
            group_id: group.into(),
            generation_id_or_member_epoch: -1,
            topics,
            ..OffsetCommitRequest::default()
        };
        client.call(7, &request).topics[0].partitions[0].error_code
    };
    assert_eq!(commit(&mut reader, "shop.readers", "shop.orders"), ErrorCode::NONE);
    assert_eq!(commit(&mut reader, "shop.readers", "app.log"), DENIED);
    assert_eq!(commit(&mut reader, "other", "shop.orders"), denied);
    let fetched = |client: &mut Client, group: &str, topics: Option<&[&str]>| {
        let topic = |name: &&str| OffsetFetchRequestTopic { name: (*name).into(), partition_indexes: vec![0] };
        let topics = topics.map(|topics| topics.iter().map(topic).collect());
        client.call(5, &OffsetFetchRequest { group_id: group.into(), topics, ..OffsetFetchRequest::default() })
    };
    assert_eq!(fetched(&mut reader, "other", None).error_code, denied);
    let some = fetched(&mut reader, "shop.readers", Some(&["shop.orders", "app.log"]));
    let codes: Vec<_> = some.topics.iter().map(|topic| topic.partitions[0].error_code).collect();
    assert_eq!(codes, [ErrorCode::NONE, DENIED]);
    let mut ops = client(&broker, "ops");
    let listed = |client: &mut Client| -> Vec<String> {
        client.call(4, &ListGroupsRequest::default()).groups.into_iter().map(|group| group.group_id).collect()
    };
    assert_eq!(commit(&mut ops, "mixed", "app.log"), ErrorCode::NONE);
    assert_eq!((listed(&mut reader), listed(&mut ops).len()), (vec!["shop.readers".to_owned()], 2));
    let describe = DescribeGroupsRequest { groups: vec!["mixed".into(), "shop.readers".into()], ..Default::default() };
    let described: Vec<_> = reader.call(5, &describe).groups.iter().map(|group| group.error_code).collect();
    assert_eq!(described, [denied, ErrorCode::NONE]);
    let delete = DeleteGroupsRequest { groups_names: vec!["shop.readers".into()] };
    assert_eq!(reader.call(2, &delete).results[0].error_code, denied);

    let denied = ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    let find = |client: &mut Client, key_type: i8, key: &str| {
        let request = FindCoordinatorRequest { key: key.into(), key_type, ..FindCoordinatorRequest::default() };
        client.call(3, &request).error_code
    };
    assert_eq!((find(&mut writer, 1, "app.tx"), find(&mut writer, 1, "x")), (ErrorCode::NONE, denied));
    assert_eq!(find(&mut writer, 0, "x"), ErrorCode::GROUP_AUTHORIZATION_FAILED);
    let init = |client: &mut Client, id: Option<&str>| {
        let request = InitProducerIdRequest {
            transactional_id: id.map(str::to_owned),
            transaction_timeout_ms: 60_000,
            producer_id: -1,
            producer_epoch: -1,
        };
        client.call(4, &request)
    };
    assert_eq!(init(&mut writer, Some("other")).error_code, denied);
    assert_eq!(init(&mut reader, None).error_code, ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    assert_eq!(init(&mut writer, None).error_code, ErrorCode::NONE);
    let producer = init(&mut writer, Some("app.tx"));
    assert_eq!(producer.error_code, ErrorCode::NONE);
    let mut added = |id: &str, topic: &str| {
        let request = AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: id.into(),
            v3_and_below_producer_id: producer.producer_id,
            v3_and_below_producer_epoch: producer.producer_epoch,
            v3_and_below_topics: vec![AddPartitionsToTxnTopic { name: topic.into(), partitions: vec![0] }],
        };
        let answer = writer.call(3, &request);
        answer.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code
    };
    assert_eq!(added("app.tx", "shop.orders"), DENIED);
    assert_eq!(added("other", "app.log"), denied);
    assert_eq!(added("app.tx", "app.log"), ErrorCode::NONE);
}

#[test]
fn topics_of_changes_are_read_only_unless_they_are_named() {
    let (broker, users) = staffed();
    let transport = EmbeddedTransport::new(broker.journal.clone());
    let mut source = transport.open_source("shop").unwrap();
    source.topic("shop.changes").unwrap();
    source.sync().unwrap();
    let mut ops = client(&broker, "ops");
    grant(&users, "ops", Right::Write, "shop.");
    assert_eq!(produced(&mut ops, "shop.orders"), ErrorCode::NONE);
    assert_eq!(produced(&mut ops, "shop.changes"), DENIED);
    grant(&users, "ops", Right::Write, "shop.changes");
    assert_eq!(produced(&mut ops, "shop.changes"), ErrorCode::NONE);
    let open = Broker::start();
    let mut source = EmbeddedTransport::new(open.journal.clone()).open_source("shop").unwrap();
    source.topic("shop.changes").unwrap();
    source.sync().unwrap();
    assert_eq!(produced(&mut open.client(), "shop.changes"), ErrorCode::NONE, "as on any broker");
}

#[test]
fn rules_are_shown_to_administrators_in_kafkas_words() {
    let (broker, _) = staffed();
    let all = DescribeAclsRequest {
        resource_type_filter: 1,
        resource_name_filter: None,
        pattern_type_filter: 1,
        principal_filter: None,
        host_filter: None,
        operation: 1,
        permission_type: 1,
    };
    let mut ops = client(&broker, "ops");
    let mut shown = |request: &DescribeAclsRequest| -> Vec<String> {
        let answer = ops.call(2, request);
        assert_eq!(answer.error_code, ErrorCode::NONE);
        let one = |resource: &tailwater_wire::api::describe_acls::DescribeAclsResource| {
            let (rule, kind) = (&resource.acls[0], (resource.resource_type, resource.pattern_type));
            format!("{} {} {:?} {}", rule.principal, rule.operation, kind, resource.resource_name)
        };
        answer.resources.iter().map(one).collect()
    };
    assert_eq!(
        shown(&all),
        [
            "User:ops 2 (2, 3) *",
            "User:ops 2 (3, 3) *",
            "User:ops 2 (5, 3) *",
            "User:ops 2 (4, 3) kafka-cluster",
            "User:reader 3 (2, 4) shop.",
            "User:reader 3 (3, 4) shop.",
            "User:writer 4 (2, 4) app.",
            "User:writer 4 (5, 4) app.",
        ]
    );
    let about = |pattern_type_filter, name: &str| DescribeAclsRequest {
        resource_type_filter: 2,
        pattern_type_filter,
        resource_name_filter: Some(name.into()),
        ..all.clone()
    };
    assert_eq!(shown(&about(2, "shop.orders")), ["User:ops 2 (2, 3) *", "User:reader 3 (2, 4) shop."]);
    assert_eq!(shown(&about(4, "shop.")), ["User:reader 3 (2, 4) shop."]);
    assert_eq!(shown(&about(3, "shop.")), [""; 0]);
    let of = DescribeAclsRequest { principal_filter: Some("User:writer".into()), ..all.clone() };
    assert_eq!(shown(&of).len(), 2);
    let refused = client(&broker, "reader").call(2, &all).error_code;
    assert_eq!(refused, ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    assert_eq!(Broker::start().client().call(2, &all).error_code, ErrorCode::SECURITY_DISABLED);
}

#[test]
fn administrators_look_after_users_by_kafkas_own_requests() {
    let (broker, users) = staffed();
    let salted = |n: usize| bytes::Bytes::from(vec![7; n]);
    let set = |name: &str, mechanism: i8, iterations: i32, bytes: usize| ScramCredentialUpsertion {
        name: name.into(),
        mechanism,
        iterations,
        salt: salted(16),
        salted_password: salted(bytes),
    };
    let gone = |name: &str, mechanism: i8| ScramCredentialDeletion { name: name.into(), mechanism };
    let mut ops = client(&broker, "ops");
    let mut alter = |upsertions: Vec<ScramCredentialUpsertion>, deletions: Vec<ScramCredentialDeletion>| {
        let answer = ops.call(0, &AlterUserScramCredentialsRequest { deletions, upsertions });
        answer.results.iter().map(|result| (result.user.clone(), result.error_code)).collect::<Vec<_>>()
    };
    let one = |name: &str, code| vec![(name.to_owned(), code)];
    let unacceptable = ErrorCode::UNACCEPTABLE_CREDENTIAL;
    assert_eq!(alter(vec![set("new", 1, 4096, 32), set("new", 2, 8192, 64)], vec![]), one("new", ErrorCode::NONE));
    assert_eq!(alter(vec![set("new", 1, 4095, 32)], vec![]), one("new", unacceptable));
    assert_eq!(alter(vec![set("new", 1, 16_385, 32)], vec![]), one("new", unacceptable));
    assert_eq!(alter(vec![set("new", 1, -1, 32)], vec![]), one("new", unacceptable));
    assert_eq!(alter(vec![set("new", 1, 4096, 31)], vec![]), one("new", unacceptable));
    assert_eq!(alter(vec![set("", 1, 4096, 32)], vec![]), one("", unacceptable));
    assert_eq!(alter(vec![set("x", 3, 4096, 32)], vec![]), one("x", ErrorCode::UNSUPPORTED_SASL_MECHANISM));
    assert_eq!(alter(vec![set("x", 1, 4096, 32)], vec![gone("x", 1)]), one("x", ErrorCode::DUPLICATE_RESOURCE));
    assert_eq!(alter(vec![], vec![gone("none", 1)]), one("none", ErrorCode::RESOURCE_NOT_FOUND));
    assert_eq!(alter(vec![], vec![gone("new", 2)]), one("new", ErrorCode::NONE));
    assert!(users.is_known("new") && !users.is_known("x"));

    let ask = |names: &[&str]| DescribeUserScramCredentialsRequest {
        users: Some(names.iter().map(|name| UserName { name: (*name).into() }).collect()),
    };
    let mut describe = |names: &[&str]| {
        let answer = ops.call(0, &ask(names));
        let infos =
            |result: &tailwater_wire::api::describe_user_scram_credentials::DescribeUserScramCredentialsResult| {
                let infos: Vec<_> = result.credential_infos.iter().map(|one| (one.mechanism, one.iterations)).collect();
                (result.user.clone(), result.error_code, infos)
            };
        answer.results.iter().map(infos).collect::<Vec<_>>()
    };
    assert_eq!(describe(&["new"]), [("new".to_owned(), ErrorCode::NONE, vec![(1, 4096)])]);
    assert_eq!(describe(&[]).len(), 5);
    assert_eq!(describe(&["none"])[0].1, ErrorCode::RESOURCE_NOT_FOUND);
    assert_eq!(describe(&["new", "new"])[0].1, ErrorCode::DUPLICATE_RESOURCE);
    let mut reader = client(&broker, "reader");
    let denied = ErrorCode::CLUSTER_AUTHORIZATION_FAILED;
    assert_eq!(reader.call(0, &ask(&[])).error_code, denied);
    let request = AlterUserScramCredentialsRequest { deletions: vec![gone("ops", 1)], upsertions: vec![] };
    assert_eq!(reader.call(0, &request).results[0].error_code, denied);
}
