//! Records: produced, fetched, found by time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tailwater_wire::api::fetch::FetchRequest;
use tailwater_wire::api::init_producer_id::InitProducerIdRequest;
use tailwater_wire::api::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use tailwater_wire::api::metadata::{MetadataRequest, MetadataRequestTopic};
use tailwater_wire::api::produce::ProduceRequest;
use tailwater_wire::batch::{Batch, Codec, recompress};
use tailwater_wire::error_code::ErrorCode;

use crate::client::{Broker, Client, batch, fetch, forged, produce, values};

fn make(client: &mut Client, topic: &str) {
    let wanted = MetadataRequestTopic { name: Some(topic.into()), ..MetadataRequestTopic::default() };
    let made = client.call(9, &MetadataRequest { topics: Some(vec![wanted]), ..MetadataRequest::default() });
    assert_eq!(made.topics[0].error_code, ErrorCode::NONE);
}

#[test]
fn what_is_produced_is_fetched_with_its_offsets_and_survives_a_restart() {
    let broker = Broker::start();
    let mut client = broker.named_client("librdkafka");
    make(&mut client, "t");
    let first = client.produce("t", 0, batch(&[(1, None, "a"), (2, Some("k"), "b")]));
    assert_eq!((first.error_code, first.base_offset), (ErrorCode::NONE, 0));
    let second = client.produce("t", 0, batch(&[(3, None, "c")]));
    assert_eq!((second.base_offset, second.log_start_offset, second.log_append_time_ms), (2, 0, -1));
    let pairs = |all: &[(i64, &str)]| all.iter().map(|(o, v)| (*o, (*v).to_owned())).collect::<Vec<_>>();
    let data = client.fetch("t", 0, 0);
    assert_eq!(values(&data), pairs(&[(0, "a"), (1, "b"), (2, "c")]));
    assert_eq!((data.high_watermark, data.last_stable_offset, data.log_start_offset), (3, 3, 0));
    assert_eq!(values(&client.fetch("t", 0, 1)), pairs(&[(0, "a"), (1, "b"), (2, "c")]), "batches come whole");
    let broker = broker.restart();
    let mut client = broker.named_client("librdkafka");
    assert_eq!(values(&client.fetch("t", 0, 2)), pairs(&[(2, "c")]));
    assert_eq!(client.fetch("t", 0, 4).error_code, ErrorCode::OFFSET_OUT_OF_RANGE);
}

#[test]
fn a_fetch_waits_for_records_and_not_longer_than_it_wants() {
    let broker = Broker::start();
    let (mut reader, mut writer) = (broker.named_client("a"), broker.named_client("b"));
    make(&mut writer, "t");
    let started = Instant::now();
    let empty = reader.call(11, &FetchRequest { max_wait_ms: 150, ..fetch("t", &[(0, 0)]) });
    assert!(empty.responses[0].partitions[0].records.as_ref().is_none_or(|records| records.is_empty()));
    assert!(started.elapsed() >= Duration::from_millis(140));
    let started = Instant::now();
    reader.send(11, &FetchRequest { max_wait_ms: 15_000, ..fetch("t", &[(0, 0)]) });
    writer.produce("t", 0, batch(&[(1, None, "v")]));
    let (_, mut full) = reader.receive::<FetchRequest>(11);
    assert_eq!(values(&full.responses.remove(0).partitions.remove(0)).len(), 1);
    assert!(started.elapsed() < Duration::from_secs(10));
    // One that wants more than there is waits for it.
    let started = Instant::now();
    let patient = FetchRequest { max_wait_ms: 200, min_bytes: 1 << 20, ..fetch("t", &[(0, 0)]) };
    assert_eq!(values(&reader.call(11, &patient).responses[0].partitions[0]).len(), 1);
    assert!(started.elapsed() >= Duration::from_millis(190));
}

#[test]
fn a_fetch_that_wants_much_counts_what_comes_and_brings_all_of_it() {
    let broker = Broker::start();
    let (mut reader, mut writer) = (broker.named_client("a"), broker.named_client("b"));
    broker.journal.create_topic_with("t", 2, BTreeMap::new()).unwrap();
    let large = "x".repeat(1_000);
    let mut write = |count: usize| {
        (0..count).for_each(|n| {
            assert_eq!(writer.produce("t", n as i32 % 2, batch(&[(1, None, &large)])).error_code, ErrorCode::NONE)
        });
    };
    write(4);
    let started = Instant::now();
    let both = fetch("t", &[(0, 0), (1, 0)]);
    reader.send(11, &FetchRequest { max_wait_ms: 15_000, min_bytes: 20_000, ..both.clone() });
    write(30);
    let (_, response) = reader.receive::<FetchRequest>(11);
    assert!(started.elapsed() < Duration::from_secs(10));
    for data in &response.responses[0].partitions {
        let offsets: Vec<i64> = values(data).into_iter().map(|(offset, _)| offset).collect();
        assert_eq!(offsets, (0..offsets.len() as i64).collect::<Vec<_>>(), "from the first one on");
        assert!(offsets.len() > 6);
    }
    // What a partition may bring is less than is wanted: it is waited for, and brought.
    let mut narrow = FetchRequest { max_wait_ms: 200, min_bytes: 20_000, ..both };
    narrow.topics[0].partitions.iter_mut().for_each(|partition| partition.partition_max_bytes = 4_000);
    let started = Instant::now();
    let response = reader.call(11, &narrow);
    assert!(started.elapsed() >= Duration::from_millis(190));
    assert!(response.responses[0].partitions.iter().all(|data| values(data).len() == 3));
}

#[test]
fn answers_come_in_the_order_of_requests_whatever_they_wait_for() {
    let broker = Broker::start();
    let mut client = broker.named_client("a");
    make(&mut client, "t");
    let waits = client.send(11, &FetchRequest { max_wait_ms: 200, ..fetch("t", &[(0, 0)]) });
    let after: Vec<i32> = (0..50).map(|n| client.send(9, &produce("t", 0, batch(&[(n, None, "v")]), -1))).collect();
    let (first, _) = client.receive::<FetchRequest>(11);
    assert_eq!(first, waits);
    for (number, offset) in after.into_iter().zip(0..) {
        let (received, response) = client.receive::<ProduceRequest>(9);
        assert_eq!((received, response.responses[0].partition_responses[0].base_offset), (number, offset));
    }
}

#[test]
fn records_without_acknowledgement_are_taken_and_not_answered() {
    let broker = Broker::start();
    let mut client = broker.named_client("a");
    make(&mut client, "t");
    for n in 0..10 {
        client.send(9, &produce("t", 0, batch(&[(n, None, "v")]), 0));
    }
    // The next answer is that of the next request that has one.
    let last = client.produce("t", 0, batch(&[(1, None, "last")]));
    assert_eq!(last.base_offset, 10);
    // What cannot be taken ends the connection.
    client.send(9, &produce("no.such.topic", 0, batch(&[(1, None, "v")]), 0));
    assert!(client.frame().is_none());
}

#[test]
fn batches_that_break_a_rule_are_refused_by_name() {
    let broker = Broker::start();
    let mut client = broker.named_client("a");
    make(&mut client, "t");
    let good = || batch(&[(1, None, "a"), (2, None, "b")]);
    let mut flipped = good().to_vec();
    flipped[65] ^= 1;
    let large = "x".repeat(1_100_000);
    for (sent, code) in [
        (Bytes::new(), ErrorCode::INVALID_RECORD),
        (Bytes::from([good(), good()].concat()), ErrorCode::INVALID_RECORD),
        (Bytes::from(flipped), ErrorCode::CORRUPT_MESSAGE),
        (good().slice(..40), ErrorCode::CORRUPT_MESSAGE),
        (forged(good(), 23, &5i32.to_be_bytes()), ErrorCode::INVALID_RECORD),
        (forged(good(), 21, &0x20i16.to_be_bytes()), ErrorCode::INVALID_RECORD),
        (forged(good(), 21, &0x10i16.to_be_bytes()), ErrorCode::INVALID_RECORD),
        (forged(good(), 21, &7i16.to_be_bytes()), ErrorCode::UNSUPPORTED_COMPRESSION_TYPE),
        (forged(good(), 43, &7i64.to_be_bytes()), ErrorCode::INVALID_RECORD),
        // Whose header is right, and whose records are not: a length, an offset, a codec, and bytes behind the last.
        (forged(good(), 61, &[0x7E]), ErrorCode::INVALID_RECORD),
        (forged(good(), 64, &[2]), ErrorCode::INVALID_RECORD),
        (forged(good(), 21, &3i16.to_be_bytes()), ErrorCode::INVALID_RECORD),
        (forged(forged(good(), 57, &[0, 0, 0, 1]), 23, &[0; 4]), ErrorCode::INVALID_RECORD),
        (batch(&[(1, None, &large)]), ErrorCode::MESSAGE_TOO_LARGE),
    ] {
        let refused = client.produce("t", 0, sent);
        assert_eq!((refused.error_code, refused.base_offset), (code, -1));
    }
    assert_eq!(client.produce("t", 9, good()).error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(client.produce("no.such", 0, good()).error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let mut acks = client.call(9, &produce("t", 0, good(), 3));
    assert_eq!(acks.responses.remove(0).partition_responses[0].error_code, ErrorCode::INVALID_REQUIRED_ACKS);
    assert_eq!(client.fetch("t", 0, 0).high_watermark, 0, "nothing of it was taken");
}

#[test]
fn a_header_gets_the_greatest_time_of_its_records_in_each_codec() {
    let broker = Broker::start();
    let mut client = broker.named_client("a");
    make(&mut client, "t");
    let lies = forged(batch(&[(10, None, "a"), (50, None, "b")]), 35, &i64::MAX.to_be_bytes());
    let lies = Batch::read(&mut lies.clone()).unwrap();
    for (codec, offset) in Codec::ALL.into_iter().zip((0..).step_by(2)) {
        let sent = recompress(&lies, codec).unwrap().freeze();
        assert_eq!(client.produce("t", 0, sent).error_code, ErrorCode::NONE, "{codec:?}");
        let data = client.fetch("t", 0, offset);
        let stored = Batch::read(&mut data.records.clone().unwrap_or_default().into_bytes()).unwrap();
        assert_eq!((stored.codec(), stored.max_timestamp), (codec, 50));
        let pairs = [(offset, "a".to_owned()), (offset + 1, "b".to_owned())];
        assert_eq!(values(&data), pairs, "{codec:?}");
    }
}

#[test]
fn records_that_a_topic_does_not_take_are_named() {
    let broker = Broker::start();
    let config = [("cleanup.policy", "compact"), ("message.timestamp.after.max.ms", "1000")];
    let config = config.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    broker.journal.create_topic_with("t", 1, config).unwrap();
    let mut client = broker.named_client("a");
    let mut refused = |records: &[(i64, Option<&str>, &str)]| {
        let response = client.produce("t", 0, batch(records));
        let named: Vec<_> = response.record_errors.iter().map(|record| record.batch_index).collect();
        (response.error_code, named)
    };
    let keyless = refused(&[(1, Some("k"), "a"), (1, None, "b"), (1, None, "c")]);
    assert_eq!(keyless, (ErrorCode::INVALID_RECORD, vec![1, 2]));
    let future = refused(&[(1, Some("k"), "a"), (1 << 60, Some("k"), "b")]);
    assert_eq!(future, (ErrorCode::INVALID_TIMESTAMP, vec![1]));
    assert_eq!(refused(&[(1, Some("k"), "a"), (-1, Some("l"), "b")]), (ErrorCode::NONE, vec![]));
}

#[test]
fn large_compressed_batches_of_many_producers_are_all_taken() {
    let broker = Broker::start();
    broker.journal.create_topic_with("t", 1, BTreeMap::new()).unwrap();
    let large = "x".repeat(30 << 20);
    let plain = Batch::read(&mut batch(&[(1, None, &large)])).unwrap();
    let sent = recompress(&plain, Codec::Lz4).unwrap().freeze();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = broker.named_client("a");
                (0..2).for_each(|_| assert!(client.produce("t", 0, sent.clone()).error_code.is_none()));
            });
        }
    });
}

#[test]
fn an_idempotent_producer_may_repeat_itself() {
    let broker = Broker::start();
    let mut client = broker.named_client("a");
    make(&mut client, "t");
    let init = InitProducerIdRequest { transactional_id: None, ..InitProducerIdRequest::default() };
    let producer = client.call(4, &init);
    assert_eq!((producer.error_code, producer.producer_epoch), (ErrorCode::NONE, 0));
    assert_ne!(client.call(4, &init).producer_id, producer.producer_id);
    let stamped = |sequence: i32| {
        let stamp = [&producer.producer_id.to_be_bytes()[..], &0i16.to_be_bytes(), &sequence.to_be_bytes()].concat();
        forged(batch(&[(1, None, "a"), (2, None, "b")]), 43, &stamp)
    };
    assert_eq!(client.produce("t", 0, stamped(0)).base_offset, 0);
    assert_eq!(client.produce("t", 0, stamped(2)).base_offset, 2);
    let again = client.produce("t", 0, stamped(0));
    assert_eq!((again.error_code, again.base_offset), (ErrorCode::NONE, 0));
    assert_eq!(client.produce("t", 0, stamped(7)).error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    let broker = broker.restart();
    let mut client = broker.named_client("a");
    let again = client.produce("t", 0, stamped(2));
    assert_eq!((again.error_code, again.base_offset), (ErrorCode::NONE, 2), "remembered across a restart");
    assert_eq!(client.fetch("t", 0, 0).high_watermark, 4);
}

fn list(client: &mut Client, timestamps: &[i64]) -> Vec<(ErrorCode, i64, i64)> {
    let partition = |timestamp: &i64| ListOffsetsPartition { timestamp: *timestamp, ..ListOffsetsPartition::default() };
    let topic = ListOffsetsTopic { name: "t".into(), partitions: timestamps.iter().map(partition).collect() };
    let found = client.call(7, &ListOffsetsRequest { topics: vec![topic], ..ListOffsetsRequest::default() });
    found.topics[0].partitions.iter().map(|found| (found.error_code, found.timestamp, found.offset)).collect()
}

fn find(client: &mut Client, timestamp: i64) -> (i64, i64) {
    let (error_code, timestamp, offset) = list(client, &[timestamp])[0];
    assert_eq!(error_code, ErrorCode::NONE);
    (timestamp, offset)
}

#[test]
fn the_latest_record_is_one_that_is_left() {
    let broker = Broker::start();
    let topic = broker.journal.create_topic_with("t", 1, BTreeMap::new()).unwrap();
    let mut client = broker.named_client("a");
    assert_eq!(find(&mut client, -3), (-1, -1), "there is none");
    client.produce("t", 0, batch(&[(9_000, None, "a"), (50, None, "b"), (60, None, "c")]));
    for n in 0..200 {
        client.produce("t", 0, batch(&[(n % 40, None, "d")]));
    }
    client.produce("t", 0, batch(&[(55, None, "e"), (55, None, "f")]));
    let delete = |before| broker.journal.delete_records(topic, 0, before).unwrap();
    assert_eq!(find(&mut client, -3), (9_000, 0));
    delete(1);
    assert_eq!(find(&mut client, -3), (60, 2), "inside a batch");
    assert_eq!(find(&mut client, 56), (60, 2));
    delete(3);
    assert_eq!(find(&mut client, -3), (55, 203), "the first of two");
    assert_eq!(find(&mut client, 56), (-1, -1));
    delete(205);
    assert_eq!(find(&mut client, -3), (-1, -1), "none is left");
}

#[test]
fn a_partition_that_is_asked_for_twice_is_refused() {
    let broker = Broker::start();
    let mut client = broker.named_client("a");
    make(&mut client, "t");
    assert_eq!(list(&mut client, &[-1, 5]), [(ErrorCode::INVALID_REQUEST, -1, -1); 2]);
}

#[test]
fn offsets_are_found_by_time_to_the_record() {
    let broker = Broker::start();
    let mut client = broker.named_client("a");
    make(&mut client, "t");
    client.produce("t", 0, batch(&[(10, None, "a"), (50, None, "b"), (30, None, "c")]));
    client.produce("t", 0, batch(&[(40, None, "d"), (60, None, "e")]));
    for (timestamp, expected) in [
        (0, (10, 0)),
        (10, (10, 0)),
        (11, (50, 1)),
        (51, (60, 4)),
        (61, (-1, -1)),
        (-1, (-1, 5)),
        (-2, (-1, 0)),
        (-3, (60, 4)),
        (-4, (-1, 0)),
        (-5, (-1, -1)),
    ] {
        assert_eq!(find(&mut client, timestamp), expected, "at {timestamp}");
    }
}

#[test]
fn the_first_batch_comes_whole_however_small_the_bounds_and_the_next_does_not() {
    let broker = Broker::start();
    let mut client = broker.named_client("a");
    make(&mut client, "t");
    make(&mut client, "u");
    for topic in ["t", "u"] {
        for _ in 0..3 {
            client.produce(topic, 0, batch(&[(1, None, &"x".repeat(1_000))]));
        }
    }
    let mut request = fetch("t", &[(0, 0)]);
    request.topics.push(fetch("u", &[(0, 0)]).topics.remove(0));
    request.max_bytes = 100;
    let response = client.call(11, &request);
    let counts: Vec<usize> = response.responses.iter().map(|topic| values(&topic.partitions[0]).len()).collect();
    assert_eq!(counts, [1, 0]);
    request.max_bytes = 3_000;
    let response = client.call(11, &request);
    let counts: Vec<usize> = response.responses.iter().map(|topic| values(&topic.partitions[0]).len()).collect();
    assert_eq!(counts, [2, 0]);
}

#[test]
fn a_session_is_told_only_what_changed() {
    let broker = Broker::start();
    let mut client = broker.named_client("a");
    make(&mut client, "t");
    make(&mut client, "u");
    let mut request = fetch("t", &[(0, 0)]);
    request.topics.push(fetch("u", &[(0, 0)]).topics.remove(0));
    request.session_epoch = 0;
    let first = client.call(11, &request);
    assert_eq!(first.responses.len(), 2);
    client.produce("u", 0, batch(&[(1, None, "v")]));
    let next = FetchRequest { session_id: first.session_id, session_epoch: 1, topics: vec![], ..request.clone() };
    let next = client.call(11, &next);
    let names: Vec<_> = next.responses.iter().map(|topic| topic.topic.as_str()).collect();
    assert_eq!((next.session_id, names), (first.session_id, vec!["u"]));
    let late = FetchRequest { session_id: first.session_id, session_epoch: 9, topics: vec![], ..request };
    assert_eq!(client.call(11, &late).error_code, ErrorCode::INVALID_FETCH_SESSION_EPOCH);
}
