//! Every version of every API that is told is answered.

use tailwater_wire::api::api_versions::ApiVersionsRequest;
use tailwater_wire::api::{AnyResponse, ApiKey, request_frame};
use tailwater_wire::codec::{Reader, Uuid, Wire};

use crate::client::{Broker, batch};

/// A request of each API that is answered at once, in every version; and a few that name what is not there.
macro_rules! requests {
    ($version:expr, $( $module:ident :: $Request:ident $({ $($field:ident : $value:expr),* })? ; )*) => {
        vec![$({
            #[allow(unused_mut)]
            let mut request = tailwater_wire::api::$module::$Request::default();
            $($( request.$field = $value; )*)?
            frame($version, &request)
        }),*]
    };
}

/// A frame in this version, if the API has it.
fn frame<R: tailwater_wire::api::Request>(version: i16, request: &R) -> Option<(ApiKey, Vec<u8>)> {
    let known = R::KEY.version(version)?;
    Some((R::KEY, request_frame(known, 7, "test", request).ok()?.into_bytes().to_vec()))
}

#[test]
fn every_version_that_is_told_is_answered_in_kind() {
    use std::io::Write;
    let broker = Broker::start();
    let mut client = broker.named_client("librdkafka");
    let told =
        client.call(4, &ApiVersionsRequest { client_software_name: "a".into(), client_software_version: "1".into() });
    let mut answered = std::collections::BTreeSet::new();
    for version in 0..=16 {
        let by_id = version >= 10;
        let topic = tailwater_wire::api::metadata::MetadataRequestTopic {
            name: (!by_id).then(|| "t".to_owned()),
            topic_id: if by_id { Uuid([7; 16]) } else { Uuid::ZERO },
        };
        let frames = requests! { version,
            api_versions::ApiVersionsRequest { client_software_name: "a".into(), client_software_version: "1".into() };
            metadata::MetadataRequest { topics: Some(vec![topic]) };
            fetch::FetchRequest { topics: crate::client::fetch("no.such", &[(0, 0)]).topics };
            list_offsets::ListOffsetsRequest;
            produce::ProduceRequest {
                acks: -1,
                topic_data: crate::client::produce("no.such", 0, batch(&[(1, None, "v")]), -1).topic_data
            };
            offset_commit::OffsetCommitRequest { group_id: "g".into() };
            offset_fetch::OffsetFetchRequest;
            find_coordinator::FindCoordinatorRequest;
            heartbeat::HeartbeatRequest { group_id: "g".into() };
            join_group::JoinGroupRequest { group_id: "g".into(), session_timeout_ms: 1 };
            sync_group::SyncGroupRequest { group_id: "g".into() };
            leave_group::LeaveGroupRequest { group_id: "g".into() };
            describe_groups::DescribeGroupsRequest { groups: vec!["g".into()] };
            list_groups::ListGroupsRequest;
            create_topics::CreateTopicsRequest { topics: vec![tailwater_wire::api::create_topics::CreatableTopic {
                name: "a b".into(), num_partitions: 1, replication_factor: 1, ..Default::default()
            }] };
            delete_topics::DeleteTopicsRequest;
            delete_records::DeleteRecordsRequest;
            init_producer_id::InitProducerIdRequest { transactional_id: None };
            offset_for_leader_epoch::OffsetForLeaderEpochRequest;
            add_partitions_to_txn::AddPartitionsToTxnRequest;
            add_offsets_to_txn::AddOffsetsToTxnRequest;
            end_txn::EndTxnRequest;
            txn_offset_commit::TxnOffsetCommitRequest;
            describe_acls::DescribeAclsRequest;
            describe_configs::DescribeConfigsRequest { resources: vec![
                tailwater_wire::api::describe_configs::DescribeConfigsResource {
                    resource_type: 4, resource_name: "1".into(), configuration_keys: None,
                },
            ] };
            alter_configs::AlterConfigsRequest;
            incremental_alter_configs::IncrementalAlterConfigsRequest;
            describe_log_dirs::DescribeLogDirsRequest { topics: None };
            create_partitions::CreatePartitionsRequest;
            delete_groups::DeleteGroupsRequest { groups_names: vec!["g".into()] };
            offset_delete::OffsetDeleteRequest { group_id: "g".into() };
            list_partition_reassignments::ListPartitionReassignmentsRequest;
            describe_cluster::DescribeClusterRequest;
            describe_producers::DescribeProducersRequest;
            describe_transactions::DescribeTransactionsRequest;
            list_transactions::ListTransactionsRequest;
            sasl_handshake::SaslHandshakeRequest;
            sasl_authenticate::SaslAuthenticateRequest;
            describe_client_quotas::DescribeClientQuotasRequest;
            describe_user_scram_credentials::DescribeUserScramCredentialsRequest;
            alter_user_scram_credentials::AlterUserScramCredentialsRequest;
        };
        for (key, frame) in frames.into_iter().flatten() {
            client.socket.write_all(&frame).unwrap();
            let answer = client.frame();
            assert!(answer.is_some(), "{key} {version} is not answered");
            let answer = answer.unwrap();
            let version = key.version(version).unwrap();
            let mut reader = Reader::new(answer.slice(4..));
            if version.flexible && key != ApiKey::ApiVersions {
                u8::try_from(<i8 as Wire>::read(&mut reader, version).unwrap()).unwrap();
            }
            let read = AnyResponse::read(key, &mut reader, version);
            assert!(read.is_ok(), "{key} {version:?}: {read:?}");
            assert_eq!(reader.left(), 0, "{key} {version:?} has bytes behind its end");
            answered.insert((key.number(), version.number));
        }
    }
    for one in told.api_keys {
        // Versions 0 to 2 of Produce are told and refused, as by Kafka itself.
        let from = if one.api_key == ApiKey::Produce.number() { 3 } else { one.min_version };
        for version in from..=one.max_version {
            assert!(answered.contains(&(one.api_key, version)), "API {}, version {version}", one.api_key);
        }
    }
}
