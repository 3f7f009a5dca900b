//! Read, transform, write, on a disk that loses power at any moment: what a group has read and what it has written agree,
//! and nothing that was confirmed is lost.

// The lint's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use tailwater_journal::fs::SimFs;
use tailwater_journal::{ClientBatch, Journal, JournalError, Options, ProducerStamp, SystemClock, TopicId};
use tailwater_kafka::coordinator::{Commit, Coordinator};
use tailwater_kafka::group::{Caller, ErrorCode, Settings};
use tailwater_wire::batch::{Batch, BatchBuilder};

const TX: &str = "etl";
const GROUP: &str = "readers";
const SEEDS: u64 = 12;
const ROUNDS: usize = 25;

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Everything that runs until the power fails.
struct Life {
    journal: Journal,
    coordinator: Coordinator,
    out: TopicId,
}

impl Life {
    fn begin(disk: &SimFs) -> Result<Life, JournalError> {
        let options = Options { segment_bytes: 16 << 10, ..Options::default() };
        let journal = Journal::open(Arc::new(disk.clone()), Path::new("/data"), options, Arc::new(SystemClock))?;
        let out = match journal.topic("out") {
            Some(meta) => meta.id,
            None => journal.create_topic_with("out", 2, BTreeMap::new())?,
        };
        let connector = journal.connector("\u{1}kafka")?;
        let coordinator = Coordinator::open(journal.clone(), connector, Settings::default());
        Ok(Life { journal, coordinator, out })
    }

    async fn read_up_to(&self) -> Result<i64, ErrorCode> {
        let fetched = self.coordinator.offsets(GROUP, Some(vec![("in".into(), 0)]), false).await?;
        Ok(fetched[0].offset.clone()?.map_or(0, |offset| offset.offset))
    }

    /// Writes records with these numbers, in a transaction of a producer, each into a partition of its own.
    async fn write(
        &self,
        (id, epoch): (i64, i16),
        sequences: &mut [i32; 2],
        numbers: std::ops::Range<i64>,
    ) -> Result<(), ErrorCode> {
        for number in numbers {
            let partition = usize::try_from(number % 2).unwrap();
            let mut builder = BatchBuilder::default();
            builder.begin(1);
            builder.value();
            builder.push(number.to_string().as_bytes());
            builder.end().unwrap();
            let plain = builder.finish().unwrap().bytes;
            let first_sequence = sequences[partition];
            let producer = Some(ProducerStamp { id, epoch, first_sequence, transactional: true });
            let (partition, bytes) = (u32::try_from(partition).unwrap(), stamped(&plain, id, epoch, first_sequence));
            let batch = ClientBatch { topic: self.out, partition, bytes, records: 1, max_timestamp: 1, producer };
            let (may, produced) = self.coordinator.produce(vec![("out".into(), batch)]).await?;
            may[0]?;
            produced.map_err(|_| ErrorCode::KAFKA_STORAGE_ERROR)?.placed[0].unwrap();
            sequences[number as usize % 2] += 1;
        }
        Ok(())
    }

    /// One transaction: some records, and how far they take the reader.
    async fn transaction(
        &self,
        producer: (i64, i16),
        sequences: &mut [i32; 2],
        (from, to): (i64, i64),
        commit: bool,
    ) -> Result<(), ErrorCode> {
        let partitions = (0..2).map(|partition| ("out".to_owned(), partition)).collect();
        self.coordinator.add_partitions(TX.into(), producer, partitions).await?;
        self.write(producer, sequences, from..to).await?;
        self.coordinator.add_group(TX.into(), producer, GROUP.into()).await?;
        let nobody = Caller { id: String::new(), instance: None, generation: -1 };
        let offset = Commit { topic: "in".into(), partition: 0, offset: to, leader_epoch: -1, metadata: String::new() };
        self.coordinator.commit_with(TX.into(), producer, (GROUP.into(), nobody), vec![offset]).await?;
        self.coordinator.end_transaction(TX.into(), producer, commit).await
    }

    /// Works until the power fails; how far it was told that it has come, and how far it may have come.
    async fn work(&self, random: &mut Random) -> Result<(i64, i64), (i64, i64)> {
        let mut at = self.read_up_to().await.map_err(|_| (0, i64::MAX))?;
        let started = self.coordinator.init_producer(Some(TX.into()), 60_000, None).await;
        let Ok(producer) = started else { return Err((at, at)) };
        let mut sequences = [0, 0];
        for _ in 0..random.below(12) {
            let to = at + 1 + i64::try_from(random.below(4)).unwrap();
            let commit = random.below(4) > 0;
            let done = self.transaction(producer, &mut sequences, (at, to), commit).await;
            match (done, commit) {
                (Ok(()), true) => at = to,
                (Ok(()), false) => {}
                (Err(_), _) => return Err((at, if commit { to } else { at })),
            }
        }
        Ok((at, at))
    }

    /// Numbers that a reader of committed records sees, each partition in order.
    fn written(&self) -> Vec<i64> {
        let mut numbers = Vec::new();
        for partition in 0..2 {
            let bounds = self.journal.bounds(self.out, partition).unwrap();
            let mut aborted = self.journal.aborted(self.out, partition, 0, bounds.last_stable);
            aborted.sort_by_key(|aborted| aborted.first_offset);
            let (mut aborting, mut last) = (BTreeSet::new(), -1);
            let mut offset = 0;
            while offset < bounds.last_stable {
                for stored in self.journal.read(self.out, partition, offset, 1 << 20).unwrap() {
                    let mut bytes = stored.bytes.clone();
                    let batch = Batch::read(&mut bytes).unwrap();
                    offset = stored.base_offset + i64::from(stored.records);
                    if stored.base_offset >= bounds.last_stable {
                        break;
                    }
                    while aborted.first().is_some_and(|first| first.first_offset <= stored.base_offset) {
                        aborting.insert(aborted.remove(0).producer);
                    }
                    if batch.is_control() {
                        aborting.remove(&batch.producer_id);
                    } else if !aborting.contains(&batch.producer_id) {
                        for record in batch.records().unwrap() {
                            let value = record.unwrap().value.unwrap();
                            let number: i64 = std::str::from_utf8(&value).unwrap().parse().unwrap();
                            assert!(number > last, "{number} behind {last}");
                            last = number;
                            numbers.push(number);
                        }
                    }
                }
            }
        }
        numbers.sort_unstable();
        numbers
    }
}

/// The batch with its producer in it, and a CRC that says so.
fn stamped(plain: &[u8], producer: i64, epoch: i16, sequence: i32) -> Bytes {
    let mut bytes = plain.to_vec();
    bytes[21..23].copy_from_slice(&0x10_i16.to_be_bytes());
    bytes[43..51].copy_from_slice(&producer.to_be_bytes());
    bytes[51..53].copy_from_slice(&epoch.to_be_bytes());
    bytes[53..57].copy_from_slice(&sequence.to_be_bytes());
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    Bytes::from(bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_and_what_was_written_agree_whenever_the_power_fails() {
    let mut most = 0;
    for seed in 1..=SEEDS {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let disk = SimFs::new(seed);
        let (mut told, mut possible) = (0, 0);
        for round in 0..ROUNDS {
            if let Ok(life) = Life::begin(&disk) {
                let read = life.read_up_to().await.unwrap();
                assert!(
                    (told..=possible).contains(&read),
                    "seed {seed}, round {round}: {told} <= {read} <= {possible}"
                );
                let expected: Vec<_> = (0..read).collect();
                assert_eq!(life.written(), expected, "seed {seed}, round {round}");
                disk.power_off_after(random.below(400));
                let (sure, perhaps) = life.work(&mut random).await.unwrap_or_else(|so_far| so_far);
                (told, possible) = (told.max(sure), if perhaps == i64::MAX { possible } else { perhaps.max(read) });
                disk.power_off();
                // It has lost its disk; that is how it ends.
                let _ = life.journal.close();
            }
            disk.reboot();
        }
        most = most.max(told);
    }
    assert!(most > 30, "the power failed before anything was done: {most}");
}
