//! Dying at each place of the write path and of recovery; runs with `--features failpoints`.
#![cfg(feature = "failpoints")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may")]

mod support;

use std::sync::Mutex;
use support::{LONG, batch, dir, open, read_all, small, transaction};
use tailwater_journal::fs::SimFs;
use tailwater_journal::{Body, ConnectorId, Journal, JournalError, Sequence, TopicId, inspect};

/// Failpoints belong to the process, so one test at a time.
static ONE: Mutex<()> = Mutex::new(());

fn append(journal: &Journal, topic: TopicId, number: u64, length: usize) -> Result<Sequence, JournalError> {
    let body = Body::Transactions {
        position: vec![number as u8],
        transactions: vec![transaction(number)],
        batches: vec![batch(topic, 0, 1, length, number)],
    };
    let sequence = journal.append(ConnectorId(1), 0, body)?;
    journal.wait_durable(sequence, LONG).map(|_| sequence)
}

fn start(disk: &SimFs) -> (Journal, TopicId) {
    let journal = open(disk, small()).unwrap();
    journal.connector("c").unwrap();
    let topic = journal.create_topic("t", 1).unwrap();
    (journal, topic)
}

#[test]
fn a_writer_that_dies_anywhere_acknowledges_nothing_that_is_then_lost() {
    let _one = ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let points = [
        "journal::before_write",
        "journal::inside_write",
        "journal::before_fsync",
        "journal::before_publish",
        "journal::roll",
    ];
    for (seed, point) in (0..20).flat_map(|seed| points.map(|point| (seed, point))) {
        for power_loss in [false, true] {
            let disk = SimFs::new(seed);
            let (journal, topic) = start(&disk);
            append(&journal, topic, 1, 9000).unwrap();
            fail::cfg(point, "return").unwrap();
            let error = append(&journal, topic, 2, 9000).expect_err(point);
            assert_eq!(error.code(), "IO", "{point}");
            assert!(
                journal.durable().is_err()
                    && journal.append(ConnectorId(1), 0, Body::Progress { position: vec![] }).is_err()
            );
            assert_eq!(journal.bounds(topic, 0).unwrap().high_watermark, 1, "{point}: visible before it was durable");
            fail::remove(point);
            if power_loss {
                disk.power_off();
                drop(journal);
                disk.reboot();
            } else {
                drop(journal);
                disk.restart();
            }
            let recoverable = inspect::verify(&disk, dir()).unwrap().recoverable;
            let journal = open(&disk, small()).unwrap();
            assert_eq!(recoverable["c"], journal.source(ConnectorId(1)));
            let kept = read_all(&journal, topic, 0, 1 << 20).len();
            assert!((1..=2).contains(&kept), "{point}");
            if point == "journal::before_publish" {
                assert_eq!(kept, 2, "it was synced");
            }
            append(&journal, topic, 3, 9000).unwrap();
            assert_eq!(read_all(&journal, topic, 0, 1 << 20).len(), kept + 1);
        }
    }
}

#[test]
fn recovery_that_dies_anywhere_can_be_repeated() {
    let _one = ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let points = ["journal::recovery_start", "journal::recovery_middle", "journal::recovery_end", "journal::roll"];
    for (seed, point) in (0..20).flat_map(|seed| points.map(|point| (seed, point))) {
        let disk = SimFs::new(seed);
        let (journal, topic) = start(&disk);
        append(&journal, topic, 1, 500).unwrap();
        disk.power_off();
        drop(journal);
        disk.reboot();
        for _ in 0..3 {
            fail::cfg(point, "1*return->off").unwrap();
            assert!(open(&disk, small()).is_err() || point == "journal::recovery_end" || point == "journal::roll");
            fail::remove(point);
            disk.power_off();
            disk.reboot();
        }
        let journal = open(&disk, small()).unwrap();
        assert_eq!(read_all(&journal, topic, 0, 1 << 20).len(), 1);
    }
}
