//! Shared by the journal's integration tests: seeded chance, batches, a clock with hands.
#![allow(dead_code, reason = "each test binary uses its part")]

use bytes::{Bytes, BytesMut};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tailwater_journal::fs::{Fs, SimFs};
use tailwater_journal::{BatchIn, Clock, Journal, JournalError, Options, Run, StoredBatch, TopicId, TransactionMeta};

/// Where simulated journals live.
pub const DIR: &str = "/data/journal";
/// Longer than any wait that can succeed.
pub const LONG: Duration = Duration::from_secs(60);

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    pub fn one_in(&mut self, cases: u64) -> bool {
        self.below(cases) == 0
    }
}

/// A clock that stands where it is set.
#[derive(Default)]
pub struct Hands(pub AtomicI64);

impl Clock for Hands {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub fn dir() -> &'static Path {
    Path::new(DIR)
}

pub fn small() -> Options {
    Options { segment_bytes: 16 << 10, hot_tail_bytes: 8 << 10, tend_every: None, spare_bytes: 0, ..Options::default() }
}

pub fn open(fs: &SimFs, options: Options) -> Result<Journal, JournalError> {
    open_at(fs, options, 0)
}

pub fn open_at(fs: &SimFs, options: Options, now_ms: i64) -> Result<Journal, JournalError> {
    let fs: Arc<dyn Fs> = Arc::new(fs.clone());
    Journal::open(fs, dir(), options, Arc::new(Hands(AtomicI64::new(now_ms))))
}

/// A batch of `records` records whose bytes tell it from all others.
pub fn batch(topic: TopicId, partition: u32, records: u32, length: usize, tag: u64) -> BatchIn {
    let mut bytes = BytesMut::zeroed(length.max(61));
    let mut random = Random(tag);
    for chunk in bytes[8..].chunks_mut(8) {
        let word = random.below(u64::MAX).to_le_bytes();
        chunk.copy_from_slice(&word[..chunk.len()]);
    }
    BatchIn {
        topic,
        partition,
        bytes,
        records,
        max_timestamp: tag as i64,
        plan: None,
        runs: vec![Run { transaction: 0, first_ordinal: tag, records }],
        encoding: 0,
    }
}

pub fn transaction(number: u64) -> TransactionMeta {
    TransactionMeta { xid: number as u32, commit_lsn: number, end_lsn: number + 1, commit_time_us: 0, records: 1 }
}

/// The bytes of a batch as they must come back.
pub fn at_offset(batch: &BatchIn, base_offset: i64) -> Bytes {
    let mut bytes = batch.bytes.clone();
    bytes[..8].copy_from_slice(&base_offset.to_be_bytes());
    bytes.freeze()
}

/// Everything of a partition that can be read, from the log start on, without a gap.
pub fn read_all(journal: &Journal, topic: TopicId, partition: u32, max_bytes: usize) -> Vec<StoredBatch> {
    let all = read_sparse(journal, topic, partition, max_bytes);
    for pair in all.windows(2) {
        assert_eq!(pair[0].base_offset + i64::from(pair[0].records), pair[1].base_offset, "offsets are dense");
    }
    let bounds = journal.bounds(topic, partition).unwrap();
    let end = all.last().map_or(bounds.log_start, |last| last.base_offset + i64::from(last.records));
    assert!(end >= bounds.log_start && end <= bounds.high_watermark);
    all
}

/// The same where compacting may have left gaps; once more when retention comes between.
pub fn read_sparse(journal: &Journal, topic: TopicId, partition: u32, max_bytes: usize) -> Vec<StoredBatch> {
    loop {
        let bounds = journal.bounds(topic, partition).unwrap();
        let mut next = bounds.log_start;
        let mut all = Vec::new();
        while next < bounds.high_watermark {
            let some = match journal.read(topic, partition, next, max_bytes) {
                Err(JournalError::OffsetOutOfRange { .. }) => break,
                other => other.unwrap(),
            };
            assert!(!some.is_empty(), "nothing at {next} below {}", bounds.high_watermark);
            for batch in some {
                assert!(batch.base_offset >= next || all.is_empty(), "an offset comes twice");
                next = batch.base_offset + i64::from(batch.records);
                all.push(batch);
            }
        }
        if journal.bounds(topic, partition).unwrap() == bounds {
            return all;
        }
    }
}
