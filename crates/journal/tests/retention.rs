//! Retention by topic: what is too old or too much can no longer be read, and segments without anything else go.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use support::{Hands, LONG, batch, dir, read_all, small};
use tailwater_journal::fs::{Fs, SimFs};
use tailwater_journal::{ClientBatch, Journal, Options, ProducerStamp, TopicId};

const CLIENT_RETENTION: i64 = 1000;

struct Place {
    disk: SimFs,
    clock: Arc<Hands>,
    journal: Journal,
}

fn start(disk: SimFs, now_ms: i64) -> Place {
    let clock = Arc::new(Hands(AtomicI64::new(now_ms)));
    let options = Options {
        client_retention: Some(Duration::from_millis(CLIENT_RETENTION as u64)),
        hot_tail_bytes: 0,
        ..small()
    };
    let fs: Arc<dyn Fs> = Arc::new(disk.clone());
    let journal = Journal::open(fs, dir(), options, clock.clone()).unwrap();
    Place { disk, clock, journal }
}

fn one(topic: TopicId, time: i64, producer: Option<ProducerStamp>) -> ClientBatch {
    let bytes = batch(topic, 0, 1, 1000, time as u64).bytes.freeze();
    ClientBatch { topic, partition: 0, bytes, records: 1, max_timestamp: time, producer }
}

impl Place {
    fn topic(&self, name: &str, config: &[(&str, &str)]) -> TopicId {
        let config: BTreeMap<String, String> =
            config.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        self.journal.create_topic_with(name, 1, config).unwrap()
    }

    /// One record of 1000 bytes for each time.
    fn produce(&self, topic: TopicId, times: std::ops::Range<i64>) {
        for time in times {
            let produced = self.journal.produce(vec![one(topic, time, None)]).unwrap();
            assert!(self.journal.wait_durable(produced.sequence, LONG).unwrap());
        }
    }

    fn tend(&self, now_ms: i64) {
        self.clock.0.store(now_ms, Ordering::Relaxed);
        self.journal.tend().unwrap();
    }

    fn log_start(&self, topic: TopicId) -> i64 {
        self.journal.bounds(topic, 0).unwrap().log_start
    }

    fn segments(&self) -> usize {
        self.disk.list(dir()).unwrap().iter().filter(|(name, _)| name.ends_with(".segment")).count()
    }
}

#[test]
fn batches_that_are_too_old_go_one_by_one() {
    let place = start(SimFs::new(1), 0);
    let by_default = place.topic("a", &[]);
    let own = place.topic("b", &[("retention.ms", "30")]);
    let forever = place.topic("c", &[("retention.ms", "-1")]);
    let compacted = place.topic("d", &[("cleanup.policy", "compact")]);
    let change = place.journal.create_topic("e", 1).unwrap();
    for topic in [by_default, own, forever, compacted, change] {
        place.produce(topic, 0..100);
    }
    place.tend(99);
    let starts = || [by_default, own, forever, compacted, change].map(|topic| place.log_start(topic));
    assert_eq!(starts(), [0, 69, 0, 0, 0]);
    place.tend(CLIENT_RETENTION + 40);
    assert_eq!(starts(), [40, 100, 0, 0, 0]);
    place.tend(CLIENT_RETENTION + 20);
    assert_eq!(starts(), [40, 100, 0, 0, 0], "never back");
    assert_eq!(read_all(&place.journal, by_default, 0, 5000).len(), 60);
    place.journal.close().unwrap();
    let again = start(place.disk, CLIENT_RETENTION + 40);
    assert_eq!(again.log_start(by_default), 40);
}

#[test]
fn beyond_its_size_a_partition_loses_its_oldest_batches() {
    let place = start(SimFs::new(1), 0);
    let topic = place.topic("a", &[("retention.bytes", "30500")]);
    let large = place.topic("b", &[("retention.bytes", "1000000")]);
    place.produce(topic, 0..100);
    place.produce(large, 0..100);
    place.tend(0);
    assert_eq!((place.log_start(topic), place.log_start(large)), (69, 0), "31 batches are needed for the size");
    place.tend(0);
    assert_eq!(place.log_start(topic), 69);
    place.produce(topic, 0..7);
    place.tend(0);
    assert_eq!(place.log_start(topic), 76);
}

#[test]
fn segments_without_readable_records_go_when_they_are_the_oldest() {
    let place = start(SimFs::new(1), 0);
    let topic = place.topic("a", &[]);
    place.produce(topic, 0..200);
    let before = place.segments();
    assert!(before > 10);
    place.tend(CLIENT_RETENTION + 150);
    assert_eq!(place.log_start(topic), 150);
    // Segments are gone before the next frame is written.
    place.topic("c", &[]);
    assert!((2..before / 2).contains(&place.segments()));
    assert_eq!(read_all(&place.journal, topic, 0, 5000).len(), 50);
    place.journal.delete_topic("a").unwrap();
    place.topic("b", &[]);
    assert_eq!(place.segments(), 1, "a deleted topic leaves nothing");
    place.journal.close().unwrap();
    assert_eq!(start(place.disk, 0).journal.topics().len(), 2);
}

#[test]
fn what_a_consumer_needs_and_what_a_transaction_holds_back_stays() {
    let place = start(SimFs::new(1), 0);
    let topic = place.topic("a", &[]);
    place.produce(topic, 0..100);
    let sink = place.journal.connector("sink").unwrap();
    place.journal.protect(sink, topic, 0, 20);
    place.produce(topic, 100..101);
    place.tend(10 * CLIENT_RETENTION);
    place.journal.protect_only_for(&|name| name == "sink");
    place.tend(1);
    assert_eq!(place.log_start(topic), 20);
    place.journal.protect_only_for(&|name| name == "another");
    let stamp = ProducerStamp { id: 7, epoch: 0, first_sequence: 0, transactional: true };
    place.journal.produce(vec![one(topic, 101, Some(stamp))]).unwrap();
    place.produce(topic, 102..103);
    place.tend(10 * CLIENT_RETENTION);
    assert_eq!(place.log_start(topic), 101);
}
