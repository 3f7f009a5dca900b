//! Writes what a stopped data directory stores as Kafka's own log segments, for Kafka's classes to read: a file
//! `TOPIC-PARTITION.log` each in DIR: `cargo run -p tailwater-journal --example segments -- DATA_DIR DIR`.
#![allow(clippy::unwrap_used, reason = "a tool for developers")]

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use tailwater_journal::fs::RealFs;
use tailwater_journal::{Journal, Options, SystemClock};

/// Bytes of batches read at once.
const READ_BYTES: usize = 4 << 20;

fn main() {
    let mut arguments = std::env::args().skip(1).map(PathBuf::from);
    let (journal, target) = (arguments.next().unwrap(), arguments.next().unwrap());
    let journal = Journal::open(Arc::new(RealFs), &journal, Options::default(), Arc::new(SystemClock)).unwrap();
    for topic in journal.topics() {
        for partition in 0..topic.partitions {
            let mut file = File::create(target.join(format!("{}-{partition}.log", topic.name))).unwrap();
            let bounds = journal.bounds(topic.id, partition).unwrap();
            let mut next = bounds.log_start;
            while next < bounds.high_watermark {
                for batch in journal.read(topic.id, partition, next, READ_BYTES).unwrap() {
                    next = batch.base_offset + i64::from(batch.records);
                    file.write_all(&batch.bytes).unwrap();
                }
            }
        }
    }
    journal.close().unwrap();
}
