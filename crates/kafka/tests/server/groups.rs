//! Groups over the wire, in every version that is served.

use bytes::Bytes;
use tailwater_wire::api::Request;
use tailwater_wire::api::delete_groups::DeleteGroupsRequest;
use tailwater_wire::api::delete_topics::DeleteTopicsRequest;
use tailwater_wire::api::describe_groups::DescribeGroupsRequest;
use tailwater_wire::api::find_coordinator::FindCoordinatorRequest;
use tailwater_wire::api::heartbeat::HeartbeatRequest;
use tailwater_wire::api::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use tailwater_wire::api::leave_group::{LeaveGroupRequest, MemberIdentity};
use tailwater_wire::api::list_groups::ListGroupsRequest;
use tailwater_wire::api::offset_commit::{OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use tailwater_wire::api::offset_delete::{OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic};
use tailwater_wire::api::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use tailwater_wire::api::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse};
use tailwater_wire::error_code::ErrorCode;

use crate::client::{Broker, Client, batch};

/// This version, or the nearest one that there is.
fn nearest<R: Request>(version: i16) -> i16 {
    let versions = R::KEY.versions();
    version.clamp(*versions.start(), *versions.end())
}

fn join(group: &str, id: &str) -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol { name: "range".into(), metadata: Bytes::from_static(b"topics") };
    JoinGroupRequest {
        group_id: group.into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        member_id: id.into(),
        protocol_type: "consumer".into(),
        protocols: vec![protocol],
        ..JoinGroupRequest::default()
    }
}

/// Joins, with the round that new versions want.
fn joined(client: &mut Client, version: i16, group: &str) -> JoinGroupResponse {
    let first = client.call(version, &join(group, ""));
    if first.error_code != ErrorCode::MEMBER_ID_REQUIRED {
        return first;
    }
    assert!(version >= 4);
    client.call(version, &join(group, &first.member_id))
}

fn sync(group: &str, joined: &JoinGroupResponse, version: i16) -> SyncGroupRequest {
    let part = |member: &tailwater_wire::api::join_group::JoinGroupResponseMember| SyncGroupRequestAssignment {
        member_id: member.member_id.clone(),
        assignment: Bytes::from(format!("part of {}", member.member_id)),
    };
    let says = version >= 5;
    SyncGroupRequest {
        group_id: group.into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        protocol_type: says.then(|| "consumer".into()),
        protocol_name: says.then(|| "range".into()),
        assignments: joined.members.iter().map(part).collect(),
        ..SyncGroupRequest::default()
    }
}

fn heartbeat(group: &str, id: &str, generation: i32) -> HeartbeatRequest {
    HeartbeatRequest {
        group_id: group.into(),
        generation_id: generation,
        member_id: id.into(),
        ..HeartbeatRequest::default()
    }
}

fn commit(group: &str, (id, generation): (&str, i32), partition: i32, offset: i64) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition {
        partition_index: partition,
        committed_offset: offset,
        committed_metadata: Some("mine".into()),
        ..OffsetCommitRequestPartition::default()
    };
    OffsetCommitRequest {
        group_id: group.into(),
        generation_id_or_member_epoch: generation,
        member_id: id.into(),
        topics: vec![OffsetCommitRequestTopic { name: "orders".into(), partitions: vec![partition] }],
        ..OffsetCommitRequest::default()
    }
}

fn committed(client: &mut Client, version: i16, request: &OffsetCommitRequest) -> ErrorCode {
    client.call(version, request).topics[0].partitions[0].error_code
}

/// Offset, metadata and error of the first two partitions.
fn fetched(client: &mut Client, version: i16, group: &str, all: bool) -> Vec<(i32, i64, String, ErrorCode)> {
    let (name, partition_indexes) = ("orders".to_owned(), vec![0, 1]);
    if version < 8 {
        let topics = vec![OffsetFetchRequestTopic { name, partition_indexes }];
        let topics = (!all).then_some(topics);
        let request = OffsetFetchRequest { group_id: group.into(), topics, ..OffsetFetchRequest::default() };
        let response = client.call(version, &request);
        assert!(response.error_code.is_none());
        let partitions = response.topics.into_iter().flat_map(|topic| topic.partitions);
        return partitions
            .map(|p| (p.partition_index, p.committed_offset, p.metadata.unwrap_or_default(), p.error_code))
            .collect();
    }
    let topics = (!all).then(|| vec![OffsetFetchRequestTopics { name, partition_indexes }]);
    let group = OffsetFetchRequestGroup { group_id: group.into(), topics, ..OffsetFetchRequestGroup::default() };
    let other = OffsetFetchRequestGroup { group_id: "other".into(), topics: None, ..group.clone() };
    let request = OffsetFetchRequest { groups: vec![other, group], ..OffsetFetchRequest::default() };
    let mut response = client.call(version, &request);
    assert_eq!((response.groups[0].topics.len(), response.groups[0].error_code), (0, ErrorCode::NONE));
    let partitions = response.groups.remove(1).topics.into_iter().flat_map(|topic| topic.partitions);
    partitions.map(|p| (p.partition_index, p.committed_offset, p.metadata.unwrap_or_default(), p.error_code)).collect()
}

fn with_topic() -> Broker {
    let broker = Broker::start();
    broker.journal.create_topic_with("orders", 2, std::collections::BTreeMap::new()).unwrap();
    broker
}

#[test]
fn a_consumer_lives_in_every_version() {
    let broker = with_topic();
    let mut client = broker.client();
    for version in 0..=10 {
        let group = format!("g{version}");
        let group = group.as_str();
        let find = nearest::<FindCoordinatorRequest>(version);
        let several = find >= 4;
        let request = FindCoordinatorRequest {
            key: if several { String::new() } else { group.into() },
            coordinator_keys: if several { vec![group.into(), "x".into()] } else { Vec::new() },
            ..FindCoordinatorRequest::default()
        };
        let found = client.call(find, &request);
        let (node, port) = match several {
            true => (found.coordinators[1].node_id, found.coordinators[1].port),
            false => (found.node_id, found.port),
        };
        assert_eq!((node, port), (1, i32::from(broker.address().port())));

        let me = joined(&mut client, nearest::<JoinGroupRequest>(version), group);
        assert_eq!((me.error_code, me.generation_id, me.members.len()), (ErrorCode::NONE, 1, 1));
        assert_eq!((&me.leader, me.protocol_name.as_deref()), (&me.member_id, Some("range")));
        let sync_version = nearest::<SyncGroupRequest>(version);
        let part = client.call(sync_version, &sync(group, &me, sync_version));
        assert_eq!((part.error_code, part.assignment), (ErrorCode::NONE, format!("part of {}", me.member_id).into()));
        let (id, generation) = (me.member_id.as_str(), me.generation_id);
        let beat = nearest::<HeartbeatRequest>(version);
        assert_eq!(client.call(beat, &heartbeat(group, id, generation)).error_code, ErrorCode::NONE);

        let commit_version = nearest::<OffsetCommitRequest>(version);
        let wrong = committed(&mut client, commit_version, &commit(group, (id, 7), 0, 5));
        assert_eq!(wrong, ErrorCode::ILLEGAL_GENERATION);
        let unknown = committed(&mut client, commit_version, &commit(group, (id, generation), 2, 5));
        assert_eq!(unknown, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        let right = committed(&mut client, commit_version, &commit(group, (id, generation), 0, 5));
        assert_eq!(right, ErrorCode::NONE);
        let fetch_version = nearest::<OffsetFetchRequest>(version);
        let mine = (0, 5, "mine".to_owned(), ErrorCode::NONE);
        let nothing = (1, -1, String::new(), ErrorCode::NONE);
        assert_eq!(fetched(&mut client, fetch_version, group, false), [mine.clone(), nothing]);
        if fetch_version >= 2 {
            assert_eq!(fetched(&mut client, fetch_version, group, true), [mine]);
        }

        let leave = nearest::<LeaveGroupRequest>(version);
        let request = match leave {
            0..=2 => LeaveGroupRequest { group_id: group.into(), member_id: id.into(), ..LeaveGroupRequest::default() },
            _ => {
                let member = |id: &str| MemberIdentity { member_id: id.into(), ..MemberIdentity::default() };
                let members = vec![member(id), member("nobody")];
                LeaveGroupRequest { group_id: group.into(), members, ..LeaveGroupRequest::default() }
            }
        };
        let left = client.call(leave, &request);
        assert_eq!(left.error_code, ErrorCode::NONE);
        if leave >= 3 {
            let codes: Vec<_> = left.members.iter().map(|member| member.error_code).collect();
            assert_eq!(codes, [ErrorCode::NONE, ErrorCode::UNKNOWN_MEMBER_ID]);
        } else {
            assert_eq!(client.call(leave, &request).error_code, ErrorCode::UNKNOWN_MEMBER_ID);
        }
        assert_eq!(client.call(beat, &heartbeat(group, id, generation)).error_code, ErrorCode::UNKNOWN_MEMBER_ID);
        let refused = client.call(nearest::<JoinGroupRequest>(version), &join(group, "stranger"));
        assert_eq!(refused.error_code, ErrorCode::UNKNOWN_MEMBER_ID);
    }
}

#[test]
fn a_member_that_waits_for_another_is_answered_when_it_has_come() {
    let broker = with_topic();
    let (mut one, mut two) = (broker.client(), broker.client());
    let first = joined(&mut one, 9, "g");
    one.call(5, &sync("g", &first, 5));
    let second_id = two.call(9, &join("g", "")).member_id;
    two.send(9, &join("g", &second_id));
    // The second waits; the first hears of it and joins again.
    while one.call(4, &heartbeat("g", &first.member_id, 1)).error_code != ErrorCode::REBALANCE_IN_PROGRESS {}
    let first = one.call(9, &join("g", &first.member_id));
    let second = two.receive::<JoinGroupRequest>(9).1;
    assert_eq!((first.generation_id, second.generation_id), (2, 2));
    assert_eq!((&second.leader, second.members.len(), first.members.len()), (&first.member_id, 0, 2));
    two.send(5, &sync("g", &second, 5));
    let part: SyncGroupResponse = one.call(5, &sync("g", &first, 5));
    assert_eq!(part.error_code, ErrorCode::NONE);
    let part = two.receive::<SyncGroupRequest>(5).1;
    assert_eq!(part.assignment, format!("part of {second_id}"));
    // Others of its requests on the same connection are answered in turn.
    assert_eq!(two.call(4, &heartbeat("g", &second_id, 2)).error_code, ErrorCode::NONE);
}

#[test]
fn a_group_goes_on_after_a_restart() {
    let broker = with_topic();
    let mut client = broker.client();
    let me = joined(&mut client, 9, "g");
    client.call(5, &sync("g", &me, 5));
    assert_eq!(committed(&mut client, 9, &commit("g", (&me.member_id, 1), 1, 44)), ErrorCode::NONE);
    drop(client);
    let broker = broker.restart();
    let mut client = broker.client();
    assert_eq!(client.call(4, &heartbeat("g", &me.member_id, 1)).error_code, ErrorCode::NONE);
    assert_eq!(fetched(&mut client, 9, "g", true), [(1, 44, "mine".to_owned(), ErrorCode::NONE)]);
}

#[test]
fn groups_are_shown_and_deleted_in_every_version() {
    let broker = with_topic();
    let mut client = broker.client();
    let me = joined(&mut client, 9, "busy");
    client.call(5, &sync("busy", &me, 5));
    for version in 0..=6 {
        assert_eq!(committed(&mut client, 9, &commit("idle", ("", -1), 0, 1)), ErrorCode::NONE);
        let described = nearest::<DescribeGroupsRequest>(version);
        let request = DescribeGroupsRequest {
            groups: vec!["busy".into(), "idle".into(), "none".into()],
            include_authorized_operations: described >= 3,
        };
        let groups = client.call(described, &request).groups;
        let states: Vec<_> = groups.iter().map(|group| group.group_state.as_str()).collect();
        assert_eq!(states, ["Stable", "Empty", "Dead"]);
        let found = if described >= 6 { ErrorCode::GROUP_ID_NOT_FOUND } else { ErrorCode::NONE };
        assert_eq!(groups[2].error_code, found);
        assert_eq!((groups[0].protocol_type.as_str(), groups[0].protocol_data.as_str()), ("consumer", "range"));
        let member = &groups[0].members[0];
        assert_eq!((member.client_id.as_str(), member.client_host.as_str()), ("test", "/127.0.0.1"));
        assert_eq!((&member.member_id, &member.member_metadata[..]), (&me.member_id, &b"topics"[..]));
        assert_eq!(groups[0].authorized_operations > 0, described >= 3);

        let listed = nearest::<ListGroupsRequest>(version);
        let names = |client: &mut Client, states: &[&str], types: &[&str]| -> Vec<String> {
            let owned = |of: &[&str]| of.iter().map(|text| (*text).to_owned()).collect();
            let request = ListGroupsRequest { states_filter: owned(states), types_filter: owned(types) };
            client.call(listed, &request).groups.into_iter().map(|group| group.group_id).collect()
        };
        assert_eq!(names(&mut client, &[], &[]), ["busy", "idle"]);
        if listed >= 4 {
            assert_eq!(names(&mut client, &["stable"], &[]), ["busy"]);
        }
        if listed >= 5 {
            assert_eq!(names(&mut client, &[], &["Classic"]).len(), 2);
            assert!(names(&mut client, &[], &["share"]).is_empty());
        }

        let request = DeleteGroupsRequest { groups_names: vec!["busy".into(), "idle".into(), "none".into()] };
        let results = client.call(nearest::<DeleteGroupsRequest>(version), &request).results;
        let codes: Vec<_> = results.iter().map(|result| result.error_code).collect();
        assert_eq!(codes, [ErrorCode::NON_EMPTY_GROUP, ErrorCode::NONE, ErrorCode::GROUP_ID_NOT_FOUND]);
        assert_eq!(fetched(&mut client, 7, "idle", true), []);
    }
}

#[test]
fn offsets_are_deleted_one_by_one_and_with_their_topic() {
    let broker = with_topic();
    let mut client = broker.client();
    client.produce("orders", 0, batch(&[(1, None, "x")]));
    for partition in [0, 1] {
        assert_eq!(committed(&mut client, 9, &commit("g", ("", -1), partition, 1)), ErrorCode::NONE);
    }
    let partitions = [0, 7].map(|partition_index| OffsetDeleteRequestPartition { partition_index }).into();
    let topics = vec![OffsetDeleteRequestTopic { name: "orders".into(), partitions }];
    let deleted = client.call(0, &OffsetDeleteRequest { group_id: "g".into(), topics: topics.clone() });
    let codes: Vec<_> = deleted.topics[0].partitions.iter().map(|partition| partition.error_code).collect();
    assert_eq!((deleted.error_code, codes), (ErrorCode::NONE, vec![ErrorCode::NONE; 2]));
    let none = client.call(0, &OffsetDeleteRequest { group_id: "none".into(), topics });
    assert_eq!((none.error_code, none.topics.len()), (ErrorCode::GROUP_ID_NOT_FOUND, 0));
    assert_eq!(fetched(&mut client, 9, "g", true), [(1, 1, "mine".to_owned(), ErrorCode::NONE)]);
    client.call(5, &DeleteTopicsRequest { topic_names: vec!["orders".into()], ..DeleteTopicsRequest::default() });
    assert_eq!(fetched(&mut client, 9, "g", true), []);
}

#[test]
fn what_cannot_be_kept_beside_an_offset_is_refused() {
    let broker = with_topic();
    let mut client = broker.client();
    let mut request = commit("g", ("", -1), 0, 1);
    request.topics[0].partitions[0].committed_metadata = Some("é".repeat(2_048));
    assert_eq!(committed(&mut client, 9, &request), ErrorCode::NONE);
    assert_eq!(fetched(&mut client, 9, "g", true)[0].2, "é".repeat(2_048));
    request.topics[0].partitions[0].committed_metadata = Some("x".repeat(4_097));
    assert_eq!(committed(&mut client, 9, &request), ErrorCode::OFFSET_METADATA_TOO_LARGE);
    let long = committed(&mut client, 9, &commit(&"g".repeat(701), ("", -1), 0, 1));
    assert_eq!(long, ErrorCode::INVALID_GROUP_ID);
}

#[test]
fn members_that_wait_do_not_hold_the_memory_of_their_requests() {
    let broker = with_topic();
    let mut client = broker.client();
    let mut waiting = Vec::new();
    // About as much as all requests together may have.
    let size = 3 << 20;
    for number in 0..tailwater_kafka::limits::REQUESTS_TOTAL_BYTES / size {
        let group = format!("g{number}");
        assert_eq!(joined(&mut client, 9, &group).generation_id, 1);
        let mut other = broker.named_client("a");
        let mut request = join(&group, "");
        request.member_id = other.call(9, &request).member_id;
        request.protocols[0].metadata = Bytes::from(vec![0; size]);
        other.send(9, &request);
        waiting.push(other);
        let request = DescribeGroupsRequest { groups: vec![group], ..DescribeGroupsRequest::default() };
        while client.call(5, &request).groups[0].members.len() < 2 {}
    }
    let large = client.produce("orders", 0, batch(&[(1, None, &"x".repeat(2 << 20))]));
    assert_eq!(large.error_code, ErrorCode::MESSAGE_TOO_LARGE, "it was read, at least");
    // Before any of the others is let go.
    let request = DescribeGroupsRequest { groups: vec!["g0".into()], ..DescribeGroupsRequest::default() };
    assert_eq!(client.call(5, &request).groups[0].members.len(), 2);
}
