//! Measures appending on the machine's disk: `cargo run --release -p tailwater-journal --example throughput -- DIR`.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a tool for developers")]

use bytes::BytesMut;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tailwater_journal::fs::{Fs, RealFs};
use tailwater_journal::{
    BatchIn, Body, ClientBatch, ConnectorId, Journal, Options, ProducerStamp, SystemClock, TopicId, TransactionMeta,
};

const FRAME_BYTES: usize = 512 << 10;
const FRAMES: u64 = 4096;
const LONE: u64 = 500;
const CLIENTS: usize = 4;
const IN_FLIGHT: usize = 5;
/// A record of 100 bytes with what Kafka adds.
const RECORD_BYTES: usize = 108;
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
    for (length, calls) in [(16 << 10, 40_000), (1 << 20, 2000)] {
        produce(&journal, length, calls);
    }
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

/// Several clients, each with some batches on their way, as producers with `acks=all` have them.
fn produce(journal: &Journal, length: usize, calls: usize) {
    let topic = journal.create_topic_with(&format!("p-{length}"), CLIENTS as u32, Default::default()).unwrap();
    let (start, cpu) = (Instant::now(), cpu_time());
    std::thread::scope(|scope| {
        for partition in 0..CLIENTS as u32 {
            scope.spawn(move || {
                let mut in_flight = VecDeque::new();
                for number in 0..calls / CLIENTS {
                    let records = (length / RECORD_BYTES) as u32;
                    let first_sequence = (number as u32 * records) as i32;
                    let id = i64::from(partition);
                    let producer = Some(ProducerStamp { id, epoch: 0, first_sequence, transactional: false });
                    let bytes = BytesMut::zeroed(length).freeze();
                    let batch = ClientBatch { topic, partition, bytes, records, max_timestamp: 0, producer };
                    let produced = journal.produce(vec![batch]).unwrap();
                    assert!(produced.placed[0].is_ok());
                    in_flight.push_back(produced.sequence);
                    if in_flight.len() == IN_FLIGHT {
                        journal.wait_durable(in_flight.pop_front().unwrap(), WAIT).unwrap();
                    }
                }
                in_flight.into_iter().for_each(|sequence| assert!(journal.wait_durable(sequence, WAIT).unwrap()));
            });
        }
    });
    let (elapsed, cpu) = (start.elapsed().as_secs_f64(), cpu_time() - cpu);
    let records = (calls * (length / RECORD_BYTES)) as f64;
    println!(
        "{calls} batches of {} KiB from {CLIENTS} clients: {:.0} MB/s, {:.0} records of {RECORD_BYTES} B/s, {:.2} CPU-s per million",
        length >> 10,
        (calls * length) as f64 / 1e6 / elapsed,
        records / elapsed,
        cpu / records * 1e6,
    );
}

/// CPU time of this process, user and system, in seconds.
fn cpu_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
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
