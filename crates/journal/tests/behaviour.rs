//! What callers may rely on while nothing fails, and when space or the disk does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may")]

mod support;

use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use support::{Hands, LONG, Random, at_offset, batch, dir, open, read_all, small, transaction};
use tailwater_journal::fs::{Fs, RealFs, SimFs};
use tailwater_journal::{
    BatchIn, Body, ConnectorId, Journal, JournalError, Options, Sequence, StoredBatch, SystemClock, TopicId,
};

fn start() -> (SimFs, Journal, ConnectorId, TopicId) {
    start_with(small())
}

fn start_with(options: Options) -> (SimFs, Journal, ConnectorId, TopicId) {
    let disk = SimFs::new(1);
    let journal = open(&disk, options).unwrap();
    let connector = journal.connector("c").unwrap();
    let topic = journal.create_topic("t", 1).unwrap();
    (disk, journal, connector, topic)
}

fn body(number: u64, batches: Vec<BatchIn>) -> Body {
    Body::Transactions { position: number.to_le_bytes().to_vec(), transactions: vec![transaction(number)], batches }
}

fn append(journal: &Journal, connector: ConnectorId, body: Body) -> Sequence {
    let sequence = journal.append(connector, 0, body).unwrap();
    assert!(journal.wait_durable(sequence, LONG).unwrap());
    sequence
}

fn segments(disk: &SimFs) -> usize {
    disk.list(dir()).unwrap().iter().filter(|(name, _)| name.ends_with(".segment")).count()
}

#[test]
fn what_is_durable_can_be_read_from_memory_and_from_the_file() {
    for hot_tail_bytes in [0, 1 << 20] {
        let (_, journal, connector, topic) = start_with(Options { hot_tail_bytes, ..small() });
        let batches: Vec<_> = (0..50).map(|number| batch(topic, 0, 3, 400, number)).collect();
        for (number, batch) in (0..).zip(&batches) {
            append(&journal, connector, body(number, vec![batch.clone()]));
        }
        let read = journal.read(topic, 0, 100, 900).unwrap();
        assert_eq!(read.iter().map(|batch| batch.base_offset).collect::<Vec<_>>()[..2], [99, 102]);
        assert!(read.len() <= 3, "about as much as was asked for");
        assert_eq!(journal.read(topic, 0, 0, 1).unwrap().len(), 1, "one batch whatever its size");
        for (stored, batch) in read_all(&journal, topic, 0, 5000).iter().zip(&batches) {
            assert_eq!(stored.bytes, at_offset(batch, stored.base_offset));
        }
        assert!(journal.read(topic, 0, 150, 900).unwrap().is_empty());
        for outside in [-1, 151] {
            assert_eq!(journal.read(topic, 0, outside, 900).unwrap_err().code(), "OFFSET_OUT_OF_RANGE");
        }
        assert_eq!(journal.bounds(topic, 0).unwrap().bytes, 50 * 400);
    }
}

#[test]
fn batches_of_all_sizes_that_lie_mixed_come_back_whole_within_the_bytes_that_were_asked_for() {
    let disk = SimFs::new(1);
    let options = Options { segment_bytes: 8 << 20, hot_tail_bytes: 0, ..small() };
    let journal = open(&disk, options).unwrap();
    let connector = journal.connector("c").unwrap();
    let topic = journal.create_topic("t", 3).unwrap();
    let (mut random, mut written) = (Random(7), [const { Vec::new() }; 3]);
    for number in 0..600 {
        // Runs of one partition, so that reading ahead is now worth it and then not.
        let partition = if number % 200 < 120 { 0 } else { random.below(3) as usize };
        let most = [200, 3_000, 20_000, 400_000][random.below(if number % 50 == 0 { 4 } else { 3 }) as usize];
        let batch = batch(topic, partition as u32, 2, 100 + random.below(most) as usize, number);
        append(&journal, connector, body(number, vec![batch.clone()]));
        written[partition].push(batch);
    }
    for max_bytes in [1, 10_000, 100_000, 1_000_000] {
        for (partition, written) in written.iter().enumerate() {
            let mut left = written.iter().zip((0..).step_by(2)).peekable();
            while let Some((_, offset)) = left.peek() {
                let read = journal.read(topic, partition as u32, *offset, max_bytes).unwrap();
                let bytes: usize = read.iter().map(|stored| stored.bytes.len()).sum();
                assert!(!read.is_empty() && (bytes <= max_bytes || read.len() == 1), "{bytes} of {max_bytes}");
                for (stored, (batch, offset)) in read.iter().zip(left.by_ref().take(read.len())) {
                    assert_eq!(stored.bytes, at_offset(batch, offset));
                }
            }
        }
    }
}

#[test]
fn what_is_read_without_waiting_is_the_same_or_nothing() {
    let (disk, journal, connector, topic) = start_with(Options { hot_tail_bytes: 4 << 10, ..small() });
    for number in 0..200 {
        append(&journal, connector, body(number, vec![batch(topic, 0, 1, 900, number)]));
    }
    let mut random = Random(11);
    let mut found = [0, 0];
    assert!(journal.read_ready(topic, 0, 0, 9_000).unwrap().is_none());
    disk.be_awkward(true);
    for _ in 0..500 {
        let offset = random.below(201) as i64;
        let all = journal.read(topic, 0, offset, 9_000).unwrap();
        let ready = journal.read_ready(topic, 0, offset, 9_000).unwrap();
        found[usize::from(ready.is_some())] += 1;
        let bytes = |batches: Vec<StoredBatch>| batches.into_iter().map(|batch| batch.bytes).collect::<Vec<_>>();
        assert!(ready.is_none_or(|some| bytes(some) == bytes(all)));
    }
    assert!(found.iter().all(|found| *found > 10), "{found:?}");
}

#[test]
fn a_big_transaction_is_invisible_until_its_commit_and_then_whole_and_in_order() {
    let (disk, journal, connector, topic) = start();
    let mut expected = Vec::new();
    append(&journal, connector, body(1, vec![batch(topic, 0, 1, 100, 1)]));
    expected.push(1);
    for part in 0..60 {
        let piece = batch(topic, 0, 2, 900, 100 + part);
        append(&journal, connector, Body::Part { part_of: 7, batches: vec![piece] });
        append(&journal, connector, body(2, vec![batch(topic, 0, 1, 100, 1000 + part)]));
        expected.push(1000 + part);
    }
    assert!(segments(&disk) > 3);
    assert_eq!(read_all(&journal, topic, 0, 3000).len(), 61);
    let commit = Body::PartCommit {
        part_of: 7,
        position: vec![9],
        transaction: transaction(77),
        batches: vec![batch(topic, 0, 1, 100, 5000)],
    };
    append(&journal, connector, commit);
    expected.extend((0..60).map(|part| 100 + part));
    expected.push(5000);
    append(&journal, connector, body(3, vec![batch(topic, 0, 1, 100, 6000)]));
    expected.push(6000);
    let check = |journal: &Journal| {
        let all = read_all(journal, topic, 0, 3000);
        assert_eq!(all.iter().map(|batch| batch.runs[0].1).collect::<Vec<_>>(), expected);
        assert!(all[61..122].iter().all(|batch| batch.runs[0].0.xid == 77));
        assert!(all.iter().all(|batch| batch.bytes[..8] == batch.base_offset.to_be_bytes()));
    };
    check(&journal);
    journal.close().unwrap();
    check(&open(&disk, small()).unwrap());
}

#[test]
fn an_aborted_transaction_uses_no_offsets_and_one_without_parts_cannot_commit() {
    let (_, journal, connector, topic) = start();
    append(&journal, connector, Body::Part { part_of: 1, batches: vec![batch(topic, 0, 5, 100, 1)] });
    append(&journal, connector, Body::PartAbort { part_of: 1 });
    assert_eq!(journal.bounds(topic, 0).unwrap().high_watermark, 0);
    let commit = Body::PartCommit { part_of: 1, position: vec![], transaction: transaction(1), batches: Vec::new() };
    assert_eq!(journal.append(connector, 0, commit).unwrap_err().code(), "FRAME_REFUSED");
}

#[test]
fn eras_come_from_one_counter_and_old_ones_may_not_write() {
    let (disk, journal, first, _) = start();
    let second = journal.connector("d").unwrap();
    append(&journal, first, Body::Progress { position: vec![1] });
    assert_eq!(journal.begin_era(first, b"system 1").unwrap(), 1);
    assert_eq!(journal.begin_era(second, b"system 1").unwrap(), 2);
    assert_eq!(journal.source(first).position, Vec::<u8>::new(), "a position belongs to its era");
    let late = journal.append(first, 0, Body::Progress { position: vec![2] });
    assert_eq!(late.unwrap_err().code(), "FRAME_REFUSED");
    journal.append(first, 1, Body::Progress { position: vec![3] }).unwrap();
    journal.close().unwrap();
    let journal = open(&disk, small()).unwrap();
    let source = journal.source(first);
    assert_eq!((source.era, &source.identity[..], &source.position[..]), (1, &b"system 1"[..], &[3][..]));
    assert_eq!(journal.begin_era(first, b"").unwrap(), 3);
}

#[test]
fn entries_are_set_and_removed_together() {
    let (disk, journal, connector, _) = start();
    let entry = |key: &str, value: &'static str| (key.to_string(), Bytes::from_static(value.as_bytes()));
    append(&journal, connector, Body::Entries(vec![entry("a", "1"), entry("b", "2")]));
    append(&journal, connector, Body::Entries(vec![entry("a", ""), entry("c", "3")]));
    journal.close().unwrap();
    let journal = open(&disk, small()).unwrap();
    assert_eq!(journal.entries(connector), [entry("b", "2"), entry("c", "3")].into());
    assert!(journal.entries(ConnectorId(99)).is_empty());
}

#[test]
fn a_recreated_topic_is_another_one() {
    let (_, journal, connector, topic) = start();
    append(&journal, connector, body(1, vec![batch(topic, 0, 5, 100, 1)]));
    assert_eq!(journal.create_topic("t", 9).unwrap(), topic, "an existing name keeps its topic");
    journal.delete_topic("t").unwrap();
    assert_eq!(journal.delete_topic("t").unwrap_err().code(), "TOPIC_UNKNOWN");
    assert_eq!(journal.read(topic, 0, 0, 100).unwrap_err().code(), "TOPIC_UNKNOWN");
    let again = journal.create_topic("t", 2).unwrap();
    assert_ne!(again, topic);
    assert_eq!(journal.bounds(again, 1).unwrap().high_watermark, 0);
    let names: Vec<_> = journal.topics().into_iter().map(|topic| (topic.name, topic.partitions)).collect();
    assert_eq!(names, [("t".to_string(), 2)]);
    let late = journal.append(connector, 0, body(2, vec![batch(topic, 0, 5, 100, 1)]));
    assert_eq!(late.unwrap_err().code(), "TOPIC_UNKNOWN");
}

#[test]
fn names_that_kafka_would_refuse_are_refused() {
    let (_, journal, ..) = start();
    for name in ["", ".", "..", "a b", "a/b", "ä", &"x".repeat(250)] {
        assert_eq!(journal.create_topic(name, 1).unwrap_err().code(), "NAME_INVALID", "{name}");
    }
    assert!(journal.create_topic(&"x".repeat(249), 1).is_ok());
}

#[test]
fn the_same_plan_has_the_same_number_after_a_restart_too() {
    let (disk, journal, ..) = start();
    let first = journal.plan(b"one").unwrap();
    assert_ne!(journal.plan(b"two").unwrap(), first);
    assert_eq!(journal.plan(b"one").unwrap(), first);
    journal.close().unwrap();
    let journal = open(&disk, small()).unwrap();
    assert_eq!(journal.plan(b"one").unwrap(), first);
    assert_eq!(journal.plan_descriptor(first).unwrap(), "one");
}

#[test]
fn frames_that_break_a_rule_are_refused_before_they_are_queued() {
    let (_, journal, connector, topic) = start();
    let mut stray = batch(topic, 0, 1, 100, 1);
    stray.runs[0].transaction = 1;
    let mut short = batch(topic, 0, 1, 100, 1);
    short.bytes.truncate(60);
    let bad = [
        Body::Progress { position: vec![0; 257] },
        Body::Era { identity: Vec::new() },
        Body::Entries(vec![(String::new(), Bytes::new())]),
        body(1, vec![stray]),
        body(1, vec![short]),
        body(1, vec![batch(topic, 0, 0, 100, 1)]),
    ];
    for body in bad {
        assert_eq!(journal.append(connector, 0, body).unwrap_err().code(), "FRAME_REFUSED");
    }
    let unknown = journal.append(ConnectorId(9), 0, Body::Progress { position: vec![] });
    assert_eq!(unknown.unwrap_err().code(), "FRAME_REFUSED");
    let elsewhere = journal.append(connector, 0, body(1, vec![batch(topic, 3, 1, 100, 1)]));
    assert_eq!(elsewhere.unwrap_err().code(), "TOPIC_UNKNOWN");
}

#[test]
fn a_frame_larger_than_queue_and_segment_passes() {
    let (disk, journal, connector, topic) = start_with(Options { queue_bytes: 1, ..small() });
    for number in 0..3 {
        append(&journal, connector, body(number, vec![batch(topic, 0, 1, 100_000, number)]));
    }
    assert_eq!(read_all(&journal, topic, 0, 10).len(), 3);
    assert!(segments(&disk) >= 3);
}

#[test]
fn a_clean_restart_goes_on_in_the_same_segment() {
    let (disk, journal, connector, topic) = start();
    append(&journal, connector, body(1, vec![batch(topic, 0, 1, 100, 1)]));
    journal.close().unwrap();
    for number in 2..6 {
        let journal = open(&disk, small()).unwrap();
        append(&journal, connector, body(number, vec![batch(topic, 0, 1, 100, number)]));
        journal.close().unwrap();
    }
    assert_eq!(segments(&disk), 1);
    assert_eq!(read_all(&open(&disk, small()).unwrap(), topic, 0, 1000).len(), 5);
}

#[test]
fn restarts_that_write_nothing_add_no_segments() {
    let (disk, journal, ..) = start();
    journal.close().unwrap();
    for _ in 0..4 {
        open(&disk, small()).unwrap().close().unwrap();
    }
    assert_eq!(segments(&disk), 1);
}

#[test]
fn what_a_killed_process_left_in_the_cache_is_durable_before_it_counts() {
    let length = 9000;
    for (seed, changes) in (0..8).flat_map(|seed| (0..32).map(move |changes| (seed, changes))) {
        let disk = SimFs::new(seed);
        let journal = open(&disk, small()).unwrap();
        let connector = journal.connector("c").unwrap();
        let topic = journal.create_topic("t", 1).unwrap();
        append(&journal, connector, body(1, vec![batch(topic, 0, 1, length, 1)]));
        // The process dies at some change of the disk, between the name of a new segment and its sync too.
        disk.power_off_after(changes);
        for number in 2..5 {
            let Ok(sequence) = journal.append(connector, 0, body(number, vec![batch(topic, 0, 1, length, number)]))
            else {
                break;
            };
            if journal.wait_durable(sequence, LONG).is_err() {
                break;
            }
        }
        disk.power_off();
        drop(journal);
        disk.restart();
        let journal = open(&disk, small()).unwrap();
        let seen = journal.bounds(topic, 0).unwrap().high_watermark;
        append(&journal, connector, body(9, vec![batch(topic, 0, 1, 100, 9)]));
        disk.power_off();
        drop(journal);
        disk.reboot();
        let journal = open(&disk, small()).unwrap();
        assert_eq!(journal.bounds(topic, 0).unwrap().high_watermark, seen + 1, "seed {seed}, {changes} changes");
        assert_eq!(read_all(&journal, topic, 0, 1 << 20).len() as i64, seen + 1);
    }
}

#[test]
fn after_a_kill_the_last_frames_are_copied_and_synced_before_they_count() {
    let (disk, journal, connector, topic) = start();
    append(&journal, connector, body(1, vec![batch(topic, 0, 1, 100, 1)]));
    // The sync fails, yet the cache shows what was written: only a copy can save it.
    disk.fail_syncs(1);
    let sequence = journal.append(connector, 0, body(2, vec![batch(topic, 0, 1, 100, 2)])).unwrap();
    assert_eq!(journal.wait_durable(sequence, LONG).unwrap_err().code(), "FSYNC_FAILED");
    assert_eq!(journal.durable().unwrap_err().code(), "FSYNC_FAILED");
    assert_eq!(journal.append(connector, 0, body(3, vec![])).unwrap_err().code(), "FSYNC_FAILED");
    assert_eq!(journal.bounds(topic, 0).unwrap().high_watermark, 1, "nothing unsynced is visible");
    drop(journal);
    disk.restart();
    let journal = open(&disk, small()).unwrap();
    let visible = journal.bounds(topic, 0).unwrap().high_watermark;
    assert_eq!((visible, segments(&disk)), (2, 2));
    disk.power_off();
    drop(journal);
    disk.reboot();
    assert_eq!(read_all(&open(&disk, small()).unwrap(), topic, 0, 1000).len(), 2);
}

#[test]
fn a_full_disk_pauses_and_the_journal_goes_on_by_itself() {
    let (disk, journal, connector, topic) = start_with(Options { queue_bytes: 2000, ..small() });
    disk.set_capacity(disk.used() + 500);
    let mut seen = 0;
    let first = journal.append(connector, 0, body(1, vec![batch(topic, 0, 1, 3000, 1)])).unwrap();
    while journal.paused().is_none() {
        seen = journal.wait_change(seen, LONG);
    }
    let paused = journal.paused().unwrap();
    assert_eq!(paused.code(), "DISK_FULL");
    assert!(paused.remedy().contains("df -h"));
    assert!(!journal.wait_durable(first, Duration::ZERO).unwrap());
    // The queue is full now: the next append waits for room.
    let blocked = std::thread::spawn({
        let journal = journal.clone();
        move || journal.append(connector, 0, body(2, vec![batch(topic, 0, 1, 100, 2)])).unwrap()
    });
    disk.set_capacity(u64::MAX);
    let second = blocked.join().unwrap();
    assert!(second > first && journal.wait_durable(second, LONG).unwrap());
    assert_eq!(read_all(&journal, topic, 0, 1000).len(), 2);
    assert!(journal.paused().is_none());
}

#[test]
fn closing_while_the_disk_is_full_does_not_hang() {
    let (disk, journal, connector, topic) = start();
    disk.set_capacity(disk.used());
    let mut seen = 0;
    journal.append(connector, 0, body(1, vec![batch(topic, 0, 1, 3000, 1)])).unwrap();
    while journal.paused().is_none() {
        seen = journal.wait_change(seen, LONG);
    }
    assert_eq!(journal.close().unwrap_err().code(), "DISK_FULL");
}

#[test]
fn beyond_the_budget_the_oldest_go_and_log_starts_advance() {
    let (disk, journal, connector, topic) = start_with(Options { budget_bytes: Some(160 << 10), ..small() });
    for number in 0..400 {
        append(&journal, connector, body(number, vec![batch(topic, 0, 1, 1000, number)]));
    }
    journal.close().unwrap();
    let bounds = journal.bounds(topic, 0).unwrap();
    assert!(bounds.log_start > 100 && bounds.high_watermark == 400, "{bounds:?}");
    assert!(disk.used() < 200 << 10, "{}", disk.used());
    assert_eq!(journal.read(topic, 0, 0, 10).unwrap_err().code(), "OFFSET_OUT_OF_RANGE");
    let again = open(&disk, small()).unwrap();
    assert_eq!(again.bounds(topic, 0).unwrap(), bounds);
    assert_eq!(read_all(&again, topic, 0, 1 << 20).len() as i64, 400 - bounds.log_start);
}

#[test]
fn what_a_sink_needs_stays_and_pauses_records_but_not_the_sinks_own_frames() {
    let options = Options { budget_bytes: Some(160 << 10), queue_bytes: 2000, ..small() };
    let (_, journal, connector, topic) = start_with(options);
    journal.protect(connector, topic, 0, 0);
    let writer = std::thread::spawn({
        let journal = journal.clone();
        move || {
            for number in 0..400 {
                append(&journal, connector, body(number, vec![batch(topic, 0, 1, 1000, number)]));
            }
        }
    });
    let mut seen = 0;
    while journal.paused().is_none() {
        seen = journal.wait_change(seen, LONG);
    }
    assert_eq!(journal.paused().unwrap().code(), "DISK_FULL");
    let plan = Body::Entries(vec![("plan".into(), Bytes::from_static(b"x"))]);
    append(&journal, connector, plan);
    assert_eq!(journal.bounds(topic, 0).unwrap().log_start, 0);
    let mut needed = 0;
    while needed < 400 {
        seen = journal.wait_change(seen, LONG);
        needed = journal.bounds(topic, 0).unwrap().high_watermark;
        assert!(journal.bounds(topic, 0).unwrap().log_start <= needed);
        journal.protect(connector, topic, 0, needed);
    }
    writer.join().unwrap();
    assert!(journal.bounds(topic, 0).unwrap().log_start > 0);
}

#[test]
fn old_segments_go_by_time_whatever_their_size() {
    let disk = SimFs::new(1);
    let hands = Arc::new(Hands(AtomicI64::new(0)));
    let options = Options { retention: Some(Duration::from_millis(100)), ..small() };
    let journal = Journal::open(Arc::new(disk.clone()), dir(), options, hands.clone()).unwrap();
    let connector = journal.connector("c").unwrap();
    let topic = journal.create_topic("t", 1).unwrap();
    for time in 0..50 {
        append(&journal, connector, body(time, vec![batch(topic, 0, 1, 1000, time)]));
    }
    assert_eq!(journal.bounds(topic, 0).unwrap().log_start, 0);
    hands.0.store(1000, Ordering::Relaxed);
    append(&journal, connector, Body::Progress { position: vec![] });
    // A second frame: retention follows the first.
    append(&journal, connector, Body::Progress { position: vec![] });
    assert_eq!(journal.bounds(topic, 0).unwrap().log_start, 50, "the active segment is ended for it");
}

#[test]
fn a_time_finds_the_first_batch_that_is_not_earlier() {
    let (_, journal, connector, topic) = start_with(Options { hot_tail_bytes: 0, ..small() });
    for (number, time) in [10, 30, 20, 40, 40, 60].into_iter().enumerate() {
        append(&journal, connector, body(number as u64, vec![batch(topic, 0, 2, 6000, time)]));
    }
    for (time, offset) in [(0, 0), (10, 0), (11, 2), (25, 2), (31, 6), (40, 6), (41, 10), (60, 10), (61, 12)] {
        assert_eq!(journal.offset_at(topic, 0, time).unwrap(), offset, "{time}");
    }
    for (time, least, offset) in [(0, 5, 5), (25, 3, 3), (25, 4, 6), (40, 7, 7), (41, 1, 10), (60, 12, 12)] {
        assert_eq!(journal.offset_at_from(topic, 0, time, least).unwrap(), offset, "{time} from {least}");
    }
}

#[test]
fn waiters_are_woken_and_close_ends_appends() {
    let (_, journal, connector, topic) = start();
    let seen = journal.wait_change(0, Duration::ZERO);
    assert_eq!(journal.wait_change(seen, Duration::ZERO), seen, "nothing has moved");
    let listener = journal.change_listener();
    append(&journal, connector, body(1, vec![batch(topic, 0, 1, 100, 1)]));
    use event_listener::Listener;
    assert!(listener.wait_timeout(LONG).is_some());
    assert!(journal.wait_change(seen, LONG) > seen);
    journal.close().unwrap();
    journal.close().unwrap();
    assert_eq!(journal.append(connector, 0, body(2, vec![])).unwrap_err().code(), "CLOSED");
    assert_eq!(read_all(&journal, topic, 0, 100).len(), 1, "what is durable can still be read");
}

#[test]
fn sequences_go_on_after_a_restart() {
    let (disk, journal, connector, _) = start();
    let last = append(&journal, connector, Body::Progress { position: vec![1] });
    journal.close().unwrap();
    let journal = open(&disk, small()).unwrap();
    assert!(journal.durable().unwrap() >= last);
    assert!(append(&journal, connector, Body::Progress { position: vec![2] }) > last);
}

#[test]
fn the_machines_own_file_system_keeps_it_too() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("data/journal");
    let open = || Journal::open(Arc::new(RealFs), &dir, small(), Arc::new(SystemClock));
    let journal = open().unwrap();
    assert!(matches!(open(), Err(JournalError::Locked { .. })));
    let connector = journal.connector("c").unwrap();
    let topic = journal.create_topic("t", 1).unwrap();
    for number in 0..60 {
        append(&journal, connector, body(number, vec![batch(topic, 0, 1, 1000, number)]));
    }
    journal.close().unwrap();
    let journal = open().unwrap();
    let all = read_all(&journal, topic, 0, 1 << 20);
    for (number, stored) in (0..60).zip(&all) {
        assert_eq!(stored.bytes, at_offset(&batch(topic, 0, 1, 1000, number), number as i64));
    }
    assert_eq!(all.len(), 60);
    use std::os::unix::fs::PermissionsExt;
    for file in std::fs::read_dir(&dir).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o077, 0);
    }
    journal.close().unwrap();
    let file = dir.join("FORMAT");
    let error = Journal::open(Arc::new(RealFs), &file, small(), Arc::new(SystemClock)).err().unwrap();
    assert_eq!(error.code(), "IO");
}

#[test]
fn who_looks_between_frames_sees_the_pause_before_an_append_blocks() {
    let options = Options { budget_bytes: Some(160 << 10), queue_bytes: 16 << 10, ..small() };
    let (_, journal, connector, topic) = start_with(options);
    journal.protect(connector, topic, 0, 0);
    let (sender, paused) = std::sync::mpsc::channel();
    std::thread::spawn({
        let journal = journal.clone();
        move || {
            let mut number = 0;
            while journal.paused().is_none() {
                append(&journal, connector, body(number, vec![batch(topic, 0, 1, 1000, number)]));
                number += 1;
            }
            sender.send(number).unwrap();
        }
    });
    assert!(paused.recv_timeout(LONG).is_ok_and(|frames| frames > 100));
    // Who does not look is held up after a little more.
    let before = journal.bounds(topic, 0).unwrap().bytes;
    let held_up = std::thread::spawn({
        let journal = journal.clone();
        move || {
            (0..100)
                .try_for_each(|n| journal.append(connector, 0, body(n, vec![batch(topic, 0, 1, 1000, n)])).map(|_| ()))
        }
    });
    let mut seen = 0;
    while journal.bounds(topic, 0).unwrap().bytes < before + 8000 {
        seen = journal.wait_change(seen, LONG);
    }
    assert!(!held_up.is_finished());
    journal.close().unwrap();
    assert_eq!(held_up.join().unwrap().unwrap_err().code(), "CLOSED");
}
