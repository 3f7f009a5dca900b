//! Strangers, hostile peers, and peers that do not read.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use tailwater_kafka::server::Settings;
use tailwater_wire::api::metadata::MetadataRequest;

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
    let strangers: Vec<_> = (0..20).map(|_| broker.socket()).collect();
    let mut client = broker.named_client("a");
    assert!(!client.call(9, &MetadataRequest::default()).brokers.is_empty());
    drop(strangers);
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
