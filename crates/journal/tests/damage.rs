//! Damaged, missing and foreign files: what is cut, what is rebuilt, and what stops the start.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use support::{LONG, batch, dir, open, read_all, small, transaction};
use tailwater_journal::fs::SimFs;
use tailwater_journal::{Body, Journal, JournalError, Options, TopicId, inspect};

/// A journal with one topic and as many transactions of one batch each; killed, so that nothing marks a clean end.
fn killed(transactions: u64, batch_bytes: usize) -> (SimFs, TopicId) {
    let disk = SimFs::new(1);
    let journal = open(&disk, small()).unwrap();
    let connector = journal.connector("c").unwrap();
    let topic = journal.create_topic("t", 1).unwrap();
    for number in 1..=transactions {
        let body = Body::Transactions {
            position: vec![number as u8],
            transactions: vec![transaction(number)],
            batches: vec![batch(topic, 0, 1, batch_bytes, number)],
        };
        let sequence = journal.append(connector, 0, body).unwrap();
        assert!(journal.wait_durable(sequence, LONG).unwrap());
    }
    disk.power_off();
    drop(journal);
    disk.reboot();
    (disk, topic)
}

fn segment(number: u64) -> PathBuf {
    dir().join(format!("{number:020}.segment"))
}

fn index(number: u64) -> PathBuf {
    segment(number).with_extension("index")
}

fn flip(disk: &SimFs, file: &Path, at: usize) {
    let mut content = disk.content(file).unwrap();
    content[at] ^= 0x10;
    disk.set_content(file, content);
}

fn remove(disk: &SimFs, file: &Path) {
    use tailwater_journal::fs::Fs;
    disk.remove(file).unwrap();
    disk.sync_dir(dir()).unwrap();
}

fn refused(disk: &SimFs) -> JournalError {
    let error = open(disk, small()).err().expect("the journal must not open");
    let report = inspect::verify(disk, dir());
    match report {
        Ok(report) => {
            assert_eq!(report.damage.first().map(JournalError::code), Some(error.code()), "verify says the same");
            assert!(report.recoverable.is_empty());
        }
        Err(other) => assert_eq!(other.code(), error.code()),
    }
    error
}

fn everything(disk: &SimFs) -> BTreeMap<String, Vec<u8>> {
    use tailwater_journal::fs::Fs;
    let names = disk.list(dir()).unwrap().into_iter().map(|(name, _)| name);
    names.map(|name| (name.clone(), disk.content(&dir().join(name)).unwrap())).collect()
}

fn last_frame(disk: &SimFs) -> inspect::FrameInfo {
    inspect::frames(disk, dir()).unwrap().map(|frame| frame.unwrap()).last().unwrap()
}

fn records(journal: &Journal, topic: TopicId) -> usize {
    read_all(journal, topic, 0, 1 << 20).len()
}

#[test]
fn a_torn_tail_is_cut() {
    let (disk, topic) = killed(5, 100);
    let last = last_frame(&disk);
    flip(&disk, &last.file, (last.offset + last.bytes) as usize - 1);
    let report = inspect::verify(&disk, dir()).unwrap();
    let torn = report.torn_tail.unwrap();
    assert_eq!((torn.offset, torn.bytes), (last.offset, last.bytes));
    assert_eq!(report.recoverable["c"].position, [4]);
    let journal = open(&disk, small()).unwrap();
    assert_eq!(records(&journal, topic), 4);
    assert_eq!(journal.source(journal.connector("c").unwrap()).position, [4]);
}

#[test]
fn damage_before_what_a_later_frame_calls_durable_refuses_to_start() {
    let (disk, _) = killed(5, 100);
    let frames: Vec<_> = inspect::frames(&disk, dir()).unwrap().map(|frame| frame.unwrap()).collect();
    // All but the last two: of them no later frame says that they are durable, or it is the last.
    for frame in &frames[..frames.len() - 1] {
        for at in [0, 5, 20, 45, frame.bytes - 1] {
            let (disk, _) = killed(5, 100);
            flip(&disk, &frame.file, (frame.offset + at) as usize);
            match refused(&disk) {
                JournalError::Corrupt { file, offset, .. } => assert_eq!((&file, offset), (&frame.file, frame.offset)),
                other => panic!("{other}"),
            }
        }
    }
}

#[test]
fn damage_in_what_recovery_has_carried_over_refuses_to_start() {
    let (disk, topic) = killed(1, 100);
    let journal = open(&disk, small()).unwrap();
    assert_eq!(records(&journal, topic), 1);
    journal.close().unwrap();
    let last = last_frame(&disk);
    flip(&disk, &last.file, (last.offset + last.bytes) as usize - 1);
    assert!(matches!(refused(&disk), JournalError::Corrupt { offset, .. } if offset == last.offset));
    let mut content = disk.content(&last.file).unwrap();
    content.truncate(last.offset as usize);
    disk.set_content(&last.file, content);
    assert!(matches!(refused(&disk), JournalError::Corrupt { offset, .. } if offset == last.offset));
}

#[test]
fn a_cold_segment_that_is_damaged_and_has_no_index_refuses_to_start() {
    let (disk, _) = killed(40, 1000);
    open(&disk, small()).unwrap().close().unwrap();
    flip(&disk, &segment(1), disk.content(&segment(1)).unwrap().len() / 2);
    remove(&disk, &index(1));
    assert!(matches!(refused(&disk), JournalError::Corrupt { file, .. } if file == segment(1)));
}

#[test]
fn no_flipped_byte_changes_what_is_read() {
    let (clean, topic) = killed(3, 100);
    let whole = clean.content(&segment(1)).unwrap();
    for at in 0..whole.len() {
        let (disk, _) = killed(3, 100);
        flip(&disk, &segment(1), at);
        match open(&disk, small()) {
            Ok(journal) => assert!(records(&journal, topic) >= 2, "only the unmarked last frame may go"),
            Err(error) => assert!(matches!(error.code(), "CORRUPT" | "NEWER_FORMAT"), "{error}"),
        }
    }
}

#[test]
fn damage_in_a_cold_segment_is_found_when_it_is_read_and_by_verify() {
    let (disk, topic) = killed(40, 1000);
    let journal = open(&disk, small()).unwrap();
    journal.close().unwrap();
    let middle = disk.content(&segment(1)).unwrap().len() / 2;
    flip(&disk, &segment(1), middle);
    let damage = inspect::verify(&disk, dir()).unwrap().damage;
    assert!(matches!(&damage[..], [JournalError::Corrupt { file, .. }] if *file == segment(1)));
    let journal = open(&disk, Options { hot_tail_bytes: 0, ..small() }).unwrap();
    let error = journal.read(topic, 0, 0, 1 << 20).unwrap_err();
    assert!(matches!(error, JournalError::Corrupt { file, .. } if file == segment(1)));
    let bounds = journal.bounds(topic, 0).unwrap();
    assert!(journal.read(topic, 0, bounds.high_watermark - 1, 1 << 20).is_ok(), "the rest can be read");
}

#[test]
fn an_index_that_is_missing_or_wrong_is_rebuilt() {
    let (disk, topic) = killed(40, 1000);
    open(&disk, small()).unwrap().close().unwrap();
    let good = disk.content(&index(1)).unwrap();
    for wrong in [None, Some(Vec::new()), Some(vec![7; 300]), Some([&good[..good.len() - 1], &[0x5A]].concat())] {
        match wrong {
            None => remove(&disk, &index(1)),
            Some(content) => disk.set_content(&index(1), content),
        }
        let journal = open(&disk, small()).unwrap();
        assert_eq!(records(&journal, topic), 40);
        assert_eq!(disk.content(&index(1)).unwrap(), good);
        journal.close().unwrap();
    }
}

#[test]
fn a_missing_segment_refuses_to_start() {
    let (disk, _) = killed(60, 1000);
    open(&disk, small()).unwrap().close().unwrap();
    let numbers: Vec<u64> = (1..).take_while(|number| disk.content(&segment(*number)).is_some()).collect();
    let last = *numbers.last().unwrap();
    assert!(last > 3);
    for missing in [1, 2, last] {
        let content = disk.content(&segment(missing)).unwrap();
        remove(&disk, &segment(missing));
        assert!(matches!(refused(&disk), JournalError::Corrupt { file, .. } if file == segment(missing)));
        disk.set_content(&segment(missing), content);
    }
    for number in numbers {
        remove(&disk, &segment(number));
    }
    assert_eq!(refused(&disk).code(), "CORRUPT", "an emptied directory is not a new one");
}

#[test]
fn a_segment_under_another_name_refuses_to_start() {
    let (disk, _) = killed(40, 1000);
    let first = disk.content(&segment(1)).unwrap();
    disk.set_content(&segment(2), first);
    assert_eq!(refused(&disk).code(), "CORRUPT");
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let (disk, _) = killed(1, 100);
    let old = disk.content(&segment(1)).unwrap();
    let mut content = old.clone();
    content[8] = 2;
    disk.set_content(&segment(1), content);
    assert!(matches!(refused(&disk), JournalError::NewerFormat { found: 2, known: 1, .. }));
    disk.set_content(&segment(1), old);
    disk.set_content(&dir().join("FORMAT"), b"tailwater journal\nformat 7\n".to_vec());
    assert!(matches!(refused(&disk), JournalError::NewerFormat { found: 7, known: 1, .. }));
}

#[test]
fn verify_and_inspect_change_nothing() {
    let (disk, _) = killed(30, 1000);
    let last = last_frame(&disk);
    flip(&disk, &last.file, last.offset as usize);
    let before = everything(&disk);
    let report = inspect::verify(&disk, dir()).unwrap();
    assert!(report.torn_tail.is_some() && report.damage.is_empty());
    assert!(report.frames > 30 && report.segments > 1);
    assert!(inspect::frames(&disk, dir()).unwrap().count() > 30);
    assert_eq!(everything(&disk), before);
}

#[test]
fn a_second_opener_is_refused() {
    let disk = SimFs::new(1);
    let first = open(&disk, small()).unwrap();
    let error = open(&disk, small()).err().unwrap();
    assert_eq!(error.code(), "LOCKED");
    assert!(error.remedy().contains("fuser"));
    first.close().unwrap();
    assert!(open(&disk, small()).is_ok());
}
