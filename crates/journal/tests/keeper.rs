//! The keeper's thread beside everything else that is going on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::{LONG, Random, batch, dir, read_sparse, small, transaction};
use tailwater_journal::fs::{Fs, SimFs};
use tailwater_journal::{Body, ClientBatch, Journal, JournalError, Options, SystemClock, TopicId, inspect};
use tailwater_wire::batch::BatchBuilder;

/// Frames of each writer.
const FRAMES: u64 = 1500;

fn config(settings: &[(&str, &str)]) -> BTreeMap<String, String> {
    settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn client(topic: TopicId, number: u64) -> ClientBatch {
    let mut builder = BatchBuilder::default();
    for key in [number % 11, 1000 + number] {
        builder.begin(1);
        builder.key();
        builder.push(&key.to_be_bytes());
        builder.value();
        builder.push(&[7; 200]);
        builder.end().unwrap();
    }
    let bytes = builder.finish().unwrap().bytes.freeze();
    ClientBatch { topic, partition: 0, bytes, records: 2, max_timestamp: 1, producer: None }
}

/// Clients of three kinds of topics.
fn produce(journal: &Journal, seed: u64) {
    let compacted = config(&[("cleanup.policy", "compact"), ("min.cleanable.dirty.ratio", "0.2")]);
    let compacted = journal.create_topic_with(&format!("compacted-{seed}"), 1, compacted).unwrap();
    let small = config(&[("retention.bytes", "20000")]);
    let small = journal.create_topic_with(&format!("small-{seed}"), 1, small).unwrap();
    let mut random = Random(seed);
    let mut brief = None;
    for number in 0..FRAMES {
        if number % 50 == 0 {
            // Topics that come and go.
            let name = format!("brief-{seed}");
            brief.take_if(|_| true).into_iter().for_each(|_: TopicId| journal.delete_topic(&name).unwrap());
            brief = Some(journal.create_topic_with(&name, 1, config(&[("retention.ms", "0")])).unwrap());
        }
        let topic = [compacted, small, brief.unwrap()][random.below(3) as usize];
        let produced = journal.produce(vec![client(topic, number)]).unwrap();
        if random.one_in(10) {
            assert!(journal.wait_durable(produced.sequence, LONG).unwrap());
        }
    }
}

/// A connector with small and big transactions.
fn capture(journal: &Journal) {
    let connector = journal.connector("c").unwrap();
    let topic = journal.create_topic("changes", 1).unwrap();
    for number in 0..FRAMES {
        let batches = vec![batch(topic, 0, 1, 300, number)];
        let (position, transactions) = (vec![1], vec![transaction(number)]);
        let body = match number % 10 {
            7 | 8 => Body::Part { part_of: number / 10, batches },
            9 => Body::PartCommit { part_of: number / 10, position, transaction: transaction(number), batches },
            _ => Body::Transactions { position, transactions, batches },
        };
        journal.append(connector, 0, body).unwrap();
    }
}

/// Reads whatever there is, over and over.
fn read(journal: &Journal, done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        for topic in journal.topics() {
            let mut next = topic.bounds[0].log_start;
            loop {
                let batches = match journal.read(topic.id, 0, next, 10_000) {
                    // Deleted or trimmed meanwhile.
                    Err(JournalError::TopicUnknown { .. } | JournalError::OffsetOutOfRange { .. }) => break,
                    other => other.unwrap(),
                };
                let Some(last) = batches.last() else { break };
                next = last.base_offset + i64::from(last.records);
            }
            assert!(
                journal.offset_at(topic.id, 0, 1).is_ok()
                    || journal.topic(&topic.name).is_none_or(|now| now.id != topic.id)
            );
        }
    }
}

#[test]
fn it_disturbs_nobody_and_nobody_it() {
    let disk = SimFs::new(1);
    let options = || Options { tend_every: Some(Duration::from_millis(1)), budget_bytes: Some(1 << 20), ..small() };
    let open = || {
        let fs: Arc<dyn Fs> = Arc::new(disk.clone());
        Journal::open(fs, dir(), options(), Arc::new(SystemClock)).unwrap()
    };
    let journal = open();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(&journal, &done));
        let writers = [scope.spawn(|| produce(&journal, 1)), scope.spawn(|| produce(&journal, 2))];
        capture(&journal);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    journal.close().unwrap();
    assert!(inspect::verify(&disk, dir()).unwrap().damage.is_empty());
    let journal = open();
    for seed in [1, 2] {
        // Every key that was written once is there, and all the others once more.
        let topic = journal.topic(&format!("compacted-{seed}")).unwrap().id;
        let mut random = Random(seed);
        let expected: Vec<u64> = (0..FRAMES)
            .filter(|_| {
                let here = random.below(3) == 0;
                random.one_in(10);
                here
            })
            .map(|number| 1000 + number)
            .collect();
        let mut unique = Vec::new();
        for stored in read_sparse(&journal, topic, 0, 1 << 20) {
            let batch = tailwater_wire::batch::Batch::read(&mut stored.bytes.clone()).unwrap();
            for record in batch.records().unwrap() {
                let key = u64::from_be_bytes(record.unwrap().key.unwrap()[..].try_into().unwrap());
                unique.extend(Some(key).filter(|key| *key >= 1000));
            }
        }
        assert_eq!(unique, expected);
    }
}
