//! Transactions over the wire, in every version that is served.

use bytes::Bytes;
use tailwater_wire::api::Request;
use tailwater_wire::api::add_offsets_to_txn::AddOffsetsToTxnRequest;
use tailwater_wire::api::add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTopic};
use tailwater_wire::api::describe_transactions::DescribeTransactionsRequest;
use tailwater_wire::api::end_txn::EndTxnRequest;
use tailwater_wire::api::init_producer_id::InitProducerIdRequest;
use tailwater_wire::api::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use tailwater_wire::api::list_transactions::ListTransactionsRequest;
use tailwater_wire::api::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup};
use tailwater_wire::api::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use tailwater_wire::error_code::ErrorCode;

use crate::client::{Broker, Client, batch, fetch, forged, produce, values};

type Producer = (i64, i16);

fn nearest<R: Request>(version: i16) -> i16 {
    let versions = R::KEY.versions();
    version.clamp(*versions.start(), *versions.end())
}

fn with_topic() -> Broker {
    let broker = Broker::start();
    broker.journal.create_topic_with("orders", 2, std::collections::BTreeMap::new()).unwrap();
    broker
}

fn init(client: &mut Client, version: i16, id: &str) -> Result<Producer, ErrorCode> {
    let request = InitProducerIdRequest {
        transactional_id: Some(id.into()),
        transaction_timeout_ms: 60_000,
        ..InitProducerIdRequest::default()
    };
    let response = client.call(version, &request);
    match response.error_code {
        ErrorCode::NONE => Ok((response.producer_id, response.producer_epoch)),
        error => Err(error),
    }
}

fn add(client: &mut Client, version: i16, id: &str, (producer, epoch): Producer, partitions: &[i32]) -> Vec<ErrorCode> {
    let request = AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: id.into(),
        v3_and_below_producer_id: producer,
        v3_and_below_producer_epoch: epoch,
        v3_and_below_topics: vec![AddPartitionsToTxnTopic { name: "orders".into(), partitions: partitions.into() }],
    };
    let response = client.call(version, &request);
    let results = response.results_by_topic_v3_and_below[0].results_by_partition.iter();
    results.map(|result| result.partition_error_code).collect()
}

fn end(
    client: &mut Client,
    version: i16,
    id: &str,
    (producer_id, producer_epoch): Producer,
    commit: bool,
) -> ErrorCode {
    let transactional_id = id.into();
    client.call(version, &EndTxnRequest { transactional_id, producer_id, producer_epoch, committed: commit }).error_code
}

fn transactional(value: &str, (producer, epoch): Producer, sequence: i32) -> Bytes {
    let bytes = forged(batch(&[(1, None, value)]), 21, &0x10_i16.to_be_bytes());
    let bytes = forged(bytes, 43, &producer.to_be_bytes());
    let bytes = forged(bytes, 51, &epoch.to_be_bytes());
    forged(bytes, 53, &sequence.to_be_bytes())
}

fn write(client: &mut Client, id: &str, producer: Producer, partition: i32, sequence: i32, value: &str) -> ErrorCode {
    let mut request = produce("orders", partition, transactional(value, producer, sequence), -1);
    request.transactional_id = Some(id.into());
    client.call(9, &request).responses[0].partition_responses[0].error_code
}

/// What a reader of committed data sees of a partition, aborted records left out.
fn committed(client: &mut Client, partition: i32) -> Vec<String> {
    let mut request = fetch("orders", &[(partition, 0)]);
    request.isolation_level = 1;
    let data = client.call(11, &request).responses.remove(0).partitions.remove(0);
    let aborted = data.aborted_transactions.clone().unwrap_or_default();
    let records = values(&data).into_iter();
    // One producer, one batch each: an aborted transaction begins with its record.
    let is_aborted = |offset: i64| aborted.iter().any(|aborted| aborted.first_offset == offset);
    records.filter(|(offset, value)| !is_aborted(*offset) && value.starts_with('v')).map(|(_, value)| value).collect()
}

fn offset_of(client: &mut Client, group: &str) -> (i64, ErrorCode) {
    let topics = vec![tailwater_wire::api::offset_fetch::OffsetFetchRequestTopics {
        name: "orders".into(),
        partition_indexes: vec![1],
    }];
    let group =
        OffsetFetchRequestGroup { group_id: group.into(), topics: Some(topics), ..OffsetFetchRequestGroup::default() };
    let request = OffsetFetchRequest { groups: vec![group], require_stable: true, ..OffsetFetchRequest::default() };
    let response = client.call(9, &request);
    let partition = &response.groups[0].topics[0].partitions[0];
    (partition.committed_offset, partition.error_code)
}

#[test]
fn a_transaction_lives_in_every_version() {
    let broker = with_topic();
    let mut client = broker.client();
    let mut expected = Vec::new();
    for version in 0..=5 {
        let (id, group) = (format!("tx{version}"), format!("g{version}"));
        let producer = init(&mut client, nearest::<InitProducerIdRequest>(version), &id).unwrap();
        let adds = nearest::<AddPartitionsToTxnRequest>(version);
        let codes = add(&mut client, adds, &id, producer, &[0, 9]);
        assert_eq!(codes, [ErrorCode::OPERATION_NOT_ATTEMPTED, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION]);
        let early = write(&mut client, &id, producer, 0, 0, "early");
        assert_eq!(early, ErrorCode::INVALID_TXN_STATE);
        assert_eq!(add(&mut client, adds, &id, producer, &[0, 1]), [ErrorCode::NONE; 2]);
        assert_eq!(write(&mut client, &id, producer, 0, 0, &format!("v{version}")), ErrorCode::NONE);
        assert_eq!(committed(&mut client, 0), expected, "nobody sees it yet");

        let request = AddOffsetsToTxnRequest {
            transactional_id: id.clone(),
            producer_id: producer.0,
            producer_epoch: producer.1,
            group_id: group.clone(),
        };
        assert_eq!(client.call(nearest::<AddOffsetsToTxnRequest>(version), &request).error_code, ErrorCode::NONE);
        let partition = TxnOffsetCommitRequestPartition {
            partition_index: 1,
            committed_offset: 77,
            ..TxnOffsetCommitRequestPartition::default()
        };
        let request = TxnOffsetCommitRequest {
            transactional_id: id.clone(),
            group_id: group.clone(),
            producer_id: producer.0,
            producer_epoch: producer.1,
            topics: vec![TxnOffsetCommitRequestTopic { name: "orders".into(), partitions: vec![partition] }],
            ..TxnOffsetCommitRequest::default()
        };
        let response = client.call(nearest::<TxnOffsetCommitRequest>(version), &request);
        assert_eq!(response.topics[0].partitions[0].error_code, ErrorCode::NONE);
        assert_eq!(offset_of(&mut client, &group), (-1, ErrorCode::UNSTABLE_OFFSET_COMMIT));

        let ends = nearest::<EndTxnRequest>(version);
        assert_eq!(end(&mut client, ends, &id, producer, true), ErrorCode::NONE);
        expected.push(format!("v{version}"));
        assert_eq!(committed(&mut client, 0), expected);
        assert_eq!(offset_of(&mut client, &group), (77, ErrorCode::NONE));

        // The next one is aborted.
        assert_eq!(add(&mut client, adds, &id, producer, &[0]), [ErrorCode::NONE]);
        assert_eq!(write(&mut client, &id, producer, 0, 1, "vain"), ErrorCode::NONE);
        assert_eq!(end(&mut client, ends, &id, producer, false), ErrorCode::NONE);
        assert_eq!(committed(&mut client, 0), expected);
    }
}

#[test]
fn a_fenced_producer_hears_so_in_words_that_it_knows() {
    let broker = with_topic();
    let mut client = broker.client();
    let old = init(&mut client, 5, "tx").unwrap();
    let new = init(&mut client, 5, "tx").unwrap();
    assert_eq!((new.0, new.1), (old.0, old.1 + 1));
    for (version, code) in [(0, ErrorCode::INVALID_PRODUCER_EPOCH), (3, ErrorCode::PRODUCER_FENCED)] {
        assert_eq!(add(&mut client, version, "tx", old, &[0]), [code]);
        assert_eq!(end(&mut client, version, "tx", old, true), code);
    }
    assert_eq!(write(&mut client, "tx", old, 0, 0, "zombie"), ErrorCode::INVALID_PRODUCER_EPOCH);
    let again = |version| {
        let request = InitProducerIdRequest {
            transactional_id: Some("tx".into()),
            transaction_timeout_ms: 60_000,
            producer_id: old.0,
            producer_epoch: old.1,
        };
        broker.client().call(version, &request).error_code
    };
    assert_eq!(again(3), ErrorCode::INVALID_PRODUCER_EPOCH);
    assert_eq!(again(4), ErrorCode::PRODUCER_FENCED);
    assert_eq!(init(&mut client, 5, ""), Err(ErrorCode::INVALID_REQUEST));
    let plain = client.call(5, &InitProducerIdRequest { transactional_id: None, ..InitProducerIdRequest::default() });
    assert_eq!((plain.error_code, plain.producer_epoch), (ErrorCode::NONE, 0));
    assert_ne!(plain.producer_id, old.0);
}

#[test]
fn an_open_transaction_goes_on_after_a_restart() {
    let broker = with_topic();
    let mut client = broker.client();
    let producer = init(&mut client, 5, "tx").unwrap();
    add(&mut client, 3, "tx", producer, &[0]);
    assert_eq!(write(&mut client, "tx", producer, 0, 0, "v0"), ErrorCode::NONE);
    drop(client);
    let broker = broker.restart();
    let mut client = broker.client();
    assert_eq!(write(&mut client, "tx", producer, 0, 1, "v1"), ErrorCode::NONE);
    assert!(committed(&mut client, 0).is_empty());
    assert_eq!(end(&mut client, 4, "tx", producer, true), ErrorCode::NONE);
    assert_eq!(committed(&mut client, 0), ["v0", "v1"]);
}

#[test]
fn transactions_are_shown() {
    let broker = with_topic();
    let mut client = broker.client();
    let open = init(&mut client, 5, "pay-1").unwrap();
    add(&mut client, 3, "pay-1", open, &[0, 1]);
    let done = init(&mut client, 5, "pay-2").unwrap();
    add(&mut client, 3, "pay-2", done, &[0]);
    end(&mut client, 4, "pay-2", done, false);
    let names = ["pay-1", "pay-2", "none"].map(str::to_owned).into();
    let states = client.call(0, &DescribeTransactionsRequest { transactional_ids: names }).transaction_states;
    let told: Vec<_> = states.iter().map(|state| (state.error_code, state.transaction_state.as_str())).collect();
    assert_eq!(
        told,
        [(ErrorCode::NONE, "Ongoing"), (ErrorCode::NONE, "CompleteAbort"), (ErrorCode::TRANSACTIONAL_ID_NOT_FOUND, "")]
    );
    assert_eq!(
        (states[0].producer_id, states[0].producer_epoch, states[0].transaction_timeout_ms),
        (open.0, 0, 60_000)
    );
    assert_eq!((states[0].topics[0].topic.as_str(), &states[0].topics[0].partitions[..]), ("orders", &[0, 1][..]));
    assert!(states[0].transaction_start_time_ms > 0);

    let mut list = |version, request: ListTransactionsRequest| -> Vec<String> {
        let listed = client.call(version, &request);
        assert!(listed.error_code.is_none());
        listed.transaction_states.into_iter().map(|state| state.transactional_id).collect()
    };
    let all = ListTransactionsRequest::default;
    for version in 0..=2 {
        assert_eq!(list(version, all()), ["pay-1", "pay-2"]);
        assert_eq!(
            list(version, ListTransactionsRequest { state_filters: vec!["Ongoing".into()], ..all() }),
            ["pay-1"]
        );
        assert_eq!(list(version, ListTransactionsRequest { producer_id_filters: vec![done.0], ..all() }), ["pay-2"]);
    }
    assert!(list(1, ListTransactionsRequest { duration_filter: 3_600_000, ..all() }).is_empty());
    let pattern = |pattern: &str| ListTransactionsRequest { transactional_id_pattern: Some(pattern.into()), ..all() };
    assert_eq!(list(2, pattern("pay-[0-1]")), ["pay-1"]);
    assert!(list(2, pattern("pay")).is_empty(), "it means whole ids");
    let wrong = client.call(2, &pattern("("));
    assert_eq!(wrong.error_code, ErrorCode::INVALID_REGULAR_EXPRESSION);
    let unknown = client.call(0, &ListTransactionsRequest { state_filters: vec!["Odd".into()], ..all() });
    assert_eq!(unknown.unknown_state_filters, ["Odd"]);
}

#[test]
fn the_latest_record_is_no_marker() {
    let broker = with_topic();
    let mut client = broker.client();
    let producer = init(&mut client, 4, "tx").unwrap();
    assert_eq!(add(&mut client, 3, "tx", producer, &[0]), [ErrorCode::NONE]);
    assert_eq!(write(&mut client, "tx", producer, 0, 0, "v"), ErrorCode::NONE);
    assert_eq!(end(&mut client, 3, "tx", producer, true), ErrorCode::NONE);
    let partition = ListOffsetsPartition { timestamp: -3, ..ListOffsetsPartition::default() };
    let topic = ListOffsetsTopic { name: "orders".into(), partitions: vec![partition] };
    let found = client.call(7, &ListOffsetsRequest { topics: vec![topic], ..ListOffsetsRequest::default() });
    let found = &found.topics[0].partitions[0];
    // The record's time is 1, the marker's that of its writing.
    assert_eq!((found.timestamp, found.offset), (1, 0));
}
