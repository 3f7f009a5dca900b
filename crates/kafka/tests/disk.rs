//! The embedded transport on disks that fill up, fail and lose power: what was said to be durable stays, what comes
//! again comes once.

// The lint's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use tailwater_connector::{Problem, ProblemKind, SourceWriter, Transaction, Transport};
use tailwater_event::SlotId;
use tailwater_journal::fs::SimFs;
use tailwater_journal::{Journal, Options, SystemClock};
use tailwater_kafka::{EmbeddedTransport, journal_problem, limits};

const DIR: &str = "/data";
const TOPICS: [&str; 2] = ["a", "b"];
/// The transaction that goes to disk in parts, where there is one.
const LARGE: u32 = 25;
const TRANSACTIONS: u32 = 60;

fn open(fs: &SimFs) -> Result<(Journal, EmbeddedTransport), Problem> {
    let options = Options { segment_bytes: 64 << 10, queue_bytes: 1 << 20, spare_bytes: 0, ..Options::default() };
    let journal = Journal::open(Arc::new(fs.clone()), Path::new(DIR), options, Arc::new(SystemClock));
    let journal = journal.map_err(journal_problem)?;
    Ok((journal.clone(), EmbeddedTransport::new(journal)))
}

/// The rows of a transaction: which topic, and a text that names transaction and row.
fn rows(transaction: u32, large: bool) -> impl Iterator<Item = (usize, String)> {
    let (rows, size) = match transaction {
        LARGE if large => (6, limits::OPEN_TRANSACTION_BYTES / 5),
        _ if transaction.is_multiple_of(10) => (3, 2_000),
        _ => (1 + transaction % 5, 20),
    };
    (0..rows).map(move |row| {
        let text = format!("{transaction}.{row}.");
        ((row as usize + transaction as usize) % TOPICS.len(), text.repeat(size / 5))
    })
}

/// Writes one transaction without handing it over.
fn write(writer: &mut dyn SourceWriter, number: u32, large: bool) -> Result<(), Problem> {
    let plan = writer.plan(b"plan")?;
    for (topic, text) in rows(number, large) {
        let topic = writer.topic(TOPICS[topic])?;
        let records = writer.records(topic, plan);
        records.begin(i64::from(number));
        records.value();
        records.literal(SlotId(0), text.as_bytes());
        records.end();
        writer.row_done()?;
    }
    let transaction = Transaction { xid: number, end_lsn: number.into(), ..Transaction::default() };
    writer.commit(transaction, &number.to_be_bytes())
}

fn durable(writer: &mut dyn SourceWriter) -> Result<u32, Problem> {
    Ok(writer.durable()?.position.try_into().map_or(0, u32::from_be_bytes))
}

fn texts(transport: &EmbeddedTransport, topic: &str) -> Vec<String> {
    let (reader, mut texts, mut offset) = (transport.reader(), Vec::new(), 0);
    loop {
        let records = reader.read(topic, 0, offset, 1 << 16).unwrap();
        let Some(last) = records.last() else { return texts };
        offset = last.offset + 1;
        texts.extend(records.iter().map(|r| String::from_utf8(r.value.clone().unwrap().to_vec()).unwrap()));
    }
}

/// A source that goes on from what is durable, until it is done or the power fails. `told` is what it was told last.
fn live(fs: &SimFs, told: &mut u32, large: bool) -> Result<(), Problem> {
    let (journal, transport) = open(fs)?;
    let result = (|| {
        let mut writer = transport.open_source("c")?;
        let from = durable(&mut *writer)?;
        assert!(from >= *told, "{from} after {told} was called durable");
        for number in from + 1..=TRANSACTIONS {
            write(&mut *writer, number, large)?;
            match number % 4 {
                0 => writer.sync()?,
                1 => writer.flush()?,
                _ => {}
            }
            *told = durable(&mut *writer)?;
        }
        writer.sync()
    })();
    let closed = journal.close().map_err(journal_problem);
    result.and(closed)
}

/// Lives through some power losses, then compares what is readable with what was to be written. Returns the losses.
fn survive(seed: u64, large: bool) -> u64 {
    let fs = SimFs::new(seed);
    fs.be_awkward(seed.is_multiple_of(4));
    let (mut told, mut losses) = (0, 0);
    fs.power_off_after(10 + seed * 3 % 80);
    loop {
        let ended = live(&fs, &mut told, large);
        if fs.is_powered() {
            ended.unwrap();
            break;
        }
        fs.reboot();
        losses += 1;
        fs.power_off_after(if losses < 5 { 10 + (seed * 7 + losses * 11) % 50 } else { u64::MAX });
    }
    fs.power_off_after(u64::MAX);
    let (journal, transport) = open(&fs).unwrap();
    for (index, topic) in TOPICS.into_iter().enumerate() {
        let expected = (1..=TRANSACTIONS).flat_map(|number| rows(number, large));
        let expected: Vec<_> = expected.filter(|(topic, _)| *topic == index).map(|(_, text)| text).collect();
        assert!(texts(&transport, topic) == expected, "seed {seed}, {losses} power losses: {topic} differs");
    }
    journal.close().unwrap();
    losses
}

#[test]
fn power_losses_cost_nothing_that_was_durable_and_repeat_nothing() {
    let losses: u64 = (0..60).map(|seed| survive(seed, false)).sum();
    assert!(losses >= 60, "the power failed only {losses} times");
}

#[test]
fn a_transaction_in_parts_survives_power_losses_as_a_whole() {
    let losses: u64 = (100..106).map(|seed| survive(seed, true)).sum();
    assert!(losses >= 6, "the power failed only {losses} times");
}

#[test]
fn a_full_disk_pauses_and_writing_goes_on_when_there_is_room() {
    let fs = SimFs::new(1);
    let (journal, transport) = open(&fs).unwrap();
    let mut writer = transport.open_source("c").unwrap();
    write(&mut *writer, 1, false).unwrap();
    writer.sync().unwrap();
    fs.set_capacity(fs.used() + 100);
    write(&mut *writer, 10, false).unwrap();
    let full = writer.sync().unwrap_err();
    assert_eq!((full.kind, full.code.as_str()), (ProblemKind::Paused, "PAUSED_DISK"));
    assert_eq!(writer.durable().unwrap_err().kind, ProblemKind::Paused);
    assert_eq!(texts(&transport, "b").len(), 1);
    fs.set_capacity(u64::MAX);
    // Each attempt waits for a moment; the journal finds the room by itself.
    (0..100).find(|_| writer.sync().is_ok()).unwrap();
    assert_eq!(durable(&mut *writer).unwrap(), 10);
    drop(writer);
    journal.close().unwrap();
}

#[test]
fn on_a_full_disk_no_call_waits_for_ever() {
    let fs = SimFs::new(3);
    let (journal, transport) = open(&fs).unwrap();
    let mut writer = transport.open_source("c").unwrap();
    write(&mut *writer, 1, false).unwrap();
    writer.sync().unwrap();
    fs.set_capacity(fs.used());
    assert_eq!(writer.topic("new").unwrap_err().code, "PAUSED_DISK");
    assert_eq!(writer.put_entries(&[("slot", b"x")]).unwrap_err().code, "PAUSED_DISK");
    // Records wait for room in the queue, and when it is full only as long.
    let full = (2..10_000).find_map(|number| write(&mut *writer, number, false).and_then(|()| writer.flush()).err());
    assert_eq!(full.map(|problem| problem.code).as_deref(), Some("PAUSED_DISK"));
    assert_eq!(writer.begin_era(b"").unwrap_err().code, "PAUSED_DISK");
    fs.set_capacity(u64::MAX);
    (0..100).find(|_| writer.sync().is_ok()).unwrap();
    assert!(writer.topic("new").is_ok());
    drop(writer);
    journal.close().unwrap();
}

#[test]
fn a_failed_fsync_is_told_by_every_call_and_nothing_of_it_is_durable() {
    let fs = SimFs::new(2);
    let (journal, transport) = open(&fs).unwrap();
    let mut writer = transport.open_source("c").unwrap();
    write(&mut *writer, 1, false).unwrap();
    writer.sync().unwrap();
    fs.fail_syncs(1);
    write(&mut *writer, 2, false).unwrap();
    let failed = writer.sync().unwrap_err();
    assert_eq!((failed.kind, failed.code.as_str()), (ProblemKind::Internal, "FSYNC_FAILED"));
    assert_eq!(writer.durable().unwrap_err().code, "FSYNC_FAILED");
    assert_eq!(write(&mut *writer, 3, false).unwrap_err().code, "FSYNC_FAILED");
    drop(writer);
    // The process ends here; the kernel may have lied about the pages, so only the platter counts.
    assert!(journal.close().is_err());
    drop((journal, transport));
    fs.power_off();
    fs.reboot();
    let (journal, transport) = open(&fs).unwrap();
    let mut writer = transport.open_source("c").unwrap();
    let from = durable(&mut *writer).unwrap();
    assert!((1..=2).contains(&from), "{from}");
    drop(writer);
    journal.close().unwrap();
}
