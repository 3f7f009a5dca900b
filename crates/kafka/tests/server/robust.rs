//! Strangers, hostile peers, and peers that do not read.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tailwater_kafka::server::Settings;
use tailwater_wire::api::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use tailwater_wire::api::describe_groups::DescribeGroupsRequest;
use tailwater_wire::api::describe_producers::{DescribeProducersRequest, TopicRequest};
use tailwater_wire::api::describe_transactions::DescribeTransactionsRequest;
use tailwater_wire::api::fetch::{FetchRequest, ForgottenTopic};
use tailwater_wire::api::metadata::{MetadataRequest, MetadataRequestTopic};
use tailwater_wire::api::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics};

use crate::client::{Broker, batch, produce};

/// Whether the listener has closed a connection.
fn is_closed(socket: &mut std::net::TcpStream) -> bool {
    let mut rest = Vec::new();
    // A reset is as good an end as any.
    socket.read_to_end(&mut rest).map_or(true, |_| rest.is_empty())
}

#[test]
fn whoever_does_not_speak_kafka_is_let_go_at_once_and_others_go_on() {
    let broker = Broker::start();
    let mut client = broker.named_client("a");
    let started = Instant::now();
    for hello in [
        &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3],
        b"SSH-2.0-OpenSSH_9.6\r\n",
        &[0xFF; 64],
        &[0x7F, 0xFF, 0xFF, 0xFF, 0, 3, 0, 9, 0, 0, 0, 0],
        &[0, 0, 0, 10, 0, 99, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF],
        &[0, 0, 0, 10, 0, 3, 0, 99, 0, 0, 0, 0, 0xFF, 0xFF],
        // Metadata that claims two thousand million topics.
        &[0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 0, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF],
        &[0, 0, 0, 0],
    ] {
        let mut socket = broker.socket();
        socket.write_all(hello).unwrap();
        assert!(is_closed(&mut socket), "{hello:?}");
        assert!(!client.call(9, &MetadataRequest::default()).brokers.is_empty());
    }
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_full_house_makes_room_for_a_client_at_the_cost_of_a_stranger() {
    let broker = Broker::with(Settings { connections: 8, ..Settings::default() });
    let silent: Vec<_> = (0..20).map(|_| broker.socket()).collect();
    let mut client = broker.named_client("a");
    assert!(!client.call(9, &MetadataRequest::default()).brokers.is_empty());
    // Those that only ask what is spoken here are no clients yet.
    let greeting: Vec<_> = (0..20).map(|_| broker.named_client("scan")).collect();
    let mut late = broker.named_client("b");
    for known in [&mut client, &mut late] {
        assert!(!known.call(9, &MetadataRequest::default()).brokers.is_empty());
    }
    drop((silent, greeting));
}

#[test]
fn a_peer_that_reads_nothing_does_not_hold_up_others() {
    let broker = Broker::start();
    let mut client = broker.named_client("a");
    client.call(
        9,
        &MetadataRequest {
            topics: Some(vec![tailwater_wire::api::metadata::MetadataRequestTopic {
                name: Some("t".into()),
                ..Default::default()
            }]),
            ..MetadataRequest::default()
        },
    );
    for _ in 0..20 {
        client.produce("t", 0, batch(&[(1, None, &"x".repeat(900_000))]));
    }
    // Each of them asks for far more than it can be sent, and takes none of it.
    let deaf: Vec<_> = (0..60)
        .map(|_| {
            let mut deaf = broker.named_client("a");
            for _ in 0..20 {
                deaf.send(11, &crate::client::fetch("t", &[(0, 0)]));
            }
            deaf
        })
        .collect();
    let started = Instant::now();
    for _ in 0..20 {
        assert_eq!(client.fetch("t", 0, 0).high_watermark, 20);
        client.call(9, &produce("t", 9, batch(&[(1, None, "v")]), -1));
    }
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    drop(deaf);
}

#[test]
fn what_is_named_a_thousand_times_is_told_of_once() {
    let broker = Broker::start();
    broker.journal.create_topic_with("t", 100, BTreeMap::new()).unwrap();
    let mut client = broker.named_client("a");
    let topic = MetadataRequestTopic { name: Some("t".into()), ..MetadataRequestTopic::default() };
    let request = MetadataRequest { topics: Some(vec![topic; 1_000]), ..MetadataRequest::default() };
    assert_eq!(client.call(9, &request).topics.len(), 1);
    let resource =
        DescribeConfigsResource { resource_type: 2, resource_name: "t".into(), ..DescribeConfigsResource::default() };
    let request = DescribeConfigsRequest { resources: vec![resource; 1_000], ..DescribeConfigsRequest::default() };
    assert_eq!(client.call(4, &request).results.len(), 1);
    let request = DescribeGroupsRequest { groups: vec!["g".into(); 1_000], ..DescribeGroupsRequest::default() };
    assert_eq!(client.call(5, &request).groups.len(), 1);
    let request = DescribeTransactionsRequest { transactional_ids: vec!["x".into(); 1_000] };
    assert_eq!(client.call(0, &request).transaction_states.len(), 1);
    let topic = TopicRequest { name: "t".into(), partition_indexes: vec![7; 1_000] };
    let told = client.call(0, &DescribeProducersRequest { topics: vec![topic; 10] });
    assert_eq!((told.topics.len(), told.topics[0].partitions.len()), (1, 1));
    let wanted = OffsetFetchRequestTopics { name: "t".into(), partition_indexes: vec![7; 1_000] };
    let group = OffsetFetchRequestGroup { group_id: "g".into(), topics: Some(vec![wanted; 10]), ..Default::default() };
    let told = client.call(8, &OffsetFetchRequest { groups: vec![group; 10], ..OffsetFetchRequest::default() });
    assert_eq!((told.groups.len(), told.groups[0].topics[0].partitions.len()), (1, 1));
}

#[test]
fn who_waits_for_data_does_not_hold_the_memory_that_others_need() {
    let broker = Broker::start();
    broker.journal.create_topic_with("t", 1, BTreeMap::new()).unwrap();
    let forgotten = ForgottenTopic { topic: "x".repeat(32_000), ..ForgottenTopic::default() };
    let request = FetchRequest {
        max_wait_ms: 600_000,
        min_bytes: 1 << 20,
        forgotten_topics_data: vec![forgotten; 125],
        ..crate::client::fetch("t", &[(0, 0)])
    };
    let mut waiting: Vec<_> = (0..17).map(|_| broker.named_client("a")).collect();
    for client in &mut waiting {
        client.send(11, &request);
    }
    let mut client = broker.named_client("a");
    let produced = client.produce("t", 0, batch(&[(1, None, &"x".repeat(100_000))]));
    assert!(produced.error_code.is_none());
}

#[test]
fn who_sends_a_large_request_byte_by_byte_does_not_hold_the_memory_that_others_need() {
    let broker = Broker::start();
    broker.journal.create_topic_with("t", 1, BTreeMap::new()).unwrap();
    let mut slow: Vec<_> = (0..8).map(|_| broker.named_client("a").socket).collect();
    let mut head = vec![0; (4 << 20) + 100];
    head[..8].copy_from_slice(&[0, 0x80, 0, 0, 0, 0, 0, 9]);
    slow.iter_mut().for_each(|socket| socket.write_all(&head).unwrap());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // It fails when the connection has been closed.
                slow.iter_mut().for_each(|socket| drop(socket.write(&[0])));
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let started = Instant::now();
        let produced = broker.named_client("a").produce("t", 0, batch(&[(1, None, &"x".repeat(100_000))]));
        done.store(true, Ordering::Relaxed);
        assert!(produced.error_code.is_none());
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    });
}

#[test]
fn a_client_that_is_told_a_version_may_begin_with_a_large_batch() {
    let broker = Broker::start();
    broker.journal.create_topic_with("t", 1, BTreeMap::new()).unwrap();
    let produced = broker.client().produce("t", 0, batch(&[(1, None, &"x".repeat(900_000))]));
    assert!(produced.error_code.is_none());
}

#[test]
fn closing_ends_connections_within_a_short_time() {
    let mut broker = Broker::start();
    let mut waiting = broker.named_client("a");
    waiting.call(9, &MetadataRequest::default());
    broker.journal.create_topic_with("t", 1, std::collections::BTreeMap::new()).unwrap();
    let request = tailwater_wire::api::fetch::FetchRequest {
        max_wait_ms: 60_000,
        min_bytes: 1,
        ..crate::client::fetch("t", &[(0, 0)])
    };
    waiting.send(11, &request);
    let started = Instant::now();
    broker.close();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert!(is_closed(&mut waiting.socket));
}
