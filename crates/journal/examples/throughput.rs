//! Measures appending on the machine's disk: `cargo run --release -p tailwater-journal --example throughput -- DIR`.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a tool for developers")]

use bytes::BytesMut;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tailwater_journal::fs::{Fs, RealFs};
use tailwater_journal::{BatchIn, Body, ConnectorId, Journal, Options, SystemClock, TopicId, TransactionMeta};

const FRAME_BYTES: usize = 512 << 10;
const FRAMES: u64 = 4096;
const LONE: u64 = 500;
const WAIT: Duration = Duration::from_secs(600);

fn main() {
    let dir = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "throughput-journal".into()));
    let journal = Journal::open(Arc::new(RealFs), &dir, Options::default(), Arc::new(SystemClock)).unwrap();
    let connector = journal.connector("c").unwrap();
    let topic = journal.create_topic("t", 1).unwrap();

    let start = Instant::now();
    let mut last = journal.durable().unwrap();
    for number in 0..FRAMES {
        last = journal.append(connector, 0, body(topic, number, FRAME_BYTES)).unwrap();
    }
    journal.wait_durable(last, WAIT).unwrap();
    let megabytes = (FRAMES as usize * FRAME_BYTES) as f64 / 1e6;
    println!("{FRAMES} frames of 512 KiB: {:.0} MB/s durable", megabytes / start.elapsed().as_secs_f64());

    let mut lone: Vec<Duration> = (0..LONE).map(|number| alone(&journal, connector, topic, number)).collect();
    lone.sort_unstable();
    println!("lone commit of 1 KiB to durable: p50 {:?}, p99 {:?}", lone[lone.len() / 2], lone[lone.len() * 99 / 100]);
    let mut synced: Vec<Duration> = fdatasyncs(&dir);
    synced.sort_unstable();
    println!(
        "write of 1 KiB and fdatasync: p50 {:?}, p99 {:?}",
        synced[synced.len() / 2],
        synced[synced.len() * 99 / 100]
    );
    journal.close().unwrap();
    let start = Instant::now();
    let journal = Journal::open(Arc::new(RealFs), &dir, Options::default(), Arc::new(SystemClock)).unwrap();
    println!("clean restart: {:?}", start.elapsed());
    let start = Instant::now();
    let bounds = journal.bounds(topic, 0).unwrap();
    let (mut next, mut bytes) = (bounds.log_start, 0);
    while next < bounds.high_watermark {
        for batch in journal.read(topic, 0, next, 1 << 20).unwrap() {
            next = batch.base_offset + i64::from(batch.records);
            bytes += batch.bytes.len();
        }
    }
    println!("cold read: {:.0} MB/s", bytes as f64 / 1e6 / start.elapsed().as_secs_f64());
}

fn body(topic: TopicId, number: u64, length: usize) -> Body {
    let batch = BatchIn {
        topic,
        partition: 0,
        bytes: BytesMut::zeroed(length),
        records: 170,
        max_timestamp: 0,
        plan: None,
        runs: Vec::new(),
        encoding: 0,
    };
    let transactions = vec![TransactionMeta { end_lsn: number, ..TransactionMeta::default() }];
    Body::Transactions { position: number.to_le_bytes().to_vec(), transactions, batches: vec![batch] }
}

fn alone(journal: &Journal, connector: ConnectorId, topic: TopicId, number: u64) -> Duration {
    let body = body(topic, number, 1024);
    let start = Instant::now();
    let sequence = journal.append(connector, 0, body).unwrap();
    journal.wait_durable(sequence, WAIT).unwrap();
    start.elapsed()
}

/// What the disk itself takes, written through the same door.
fn fdatasyncs(dir: &std::path::Path) -> Vec<Duration> {
    let path = dir.join("fdatasync.probe");
    let mut file = RealFs.create(&path).unwrap();
    let one = |number: u64| {
        let start = Instant::now();
        file.write_at(number * 1024, &[std::io::IoSlice::new(&[1; 1024])]).unwrap();
        file.sync_data().unwrap();
        start.elapsed()
    };
    let times = (0..LONE).map(one).collect();
    RealFs.remove(&path).unwrap();
    times
}
