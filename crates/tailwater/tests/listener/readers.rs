//! Consumers that read along: what they saw must stay, byte for byte.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use tailwater_wire::api::fetch::PartitionData;
use tailwater_wire::batch::{Batch, Marker};
use tailwater_wire::error_code::ErrorCode;

use crate::client::Client;

/// What a consumer has seen of one partition.
#[derive(Default)]
pub struct Seen {
    /// Batches by base offset, as they came.
    pub batches: BTreeMap<i64, Bytes>,
    /// Values with their offsets, aborted ones left out by a reader of committed data.
    pub values: Vec<(i64, String)>,
    next: i64,
    high_watermark: i64,
    last_stable: i64,
    /// Producers whose open transaction is one that was aborted.
    aborting: HashSet<i64>,
}

/// A consumer of all partitions.
pub struct Reader {
    client: Client,
    committed: bool,
    pub partitions: Vec<Seen>,
}

impl Reader {
    pub fn new(port: u16, partitions: usize, committed: bool) -> Reader {
        let partitions = (0..partitions).map(|_| Seen::default()).collect();
        Reader { client: Client::new(port), committed, partitions }
    }

    /// Reads on; false when the connection was lost.
    pub fn step(&mut self) -> bool {
        let from: Vec<_> = (0..).zip(&self.partitions).map(|(partition, seen)| (partition, seen.next)).collect();
        let Some(answers) = self.client.fetch(&from, self.committed) else { return false };
        for data in answers {
            let seen = &mut self.partitions[usize::try_from(data.partition_index).unwrap()];
            seen.take(data, self.committed);
        }
        true
    }

    /// Reads to the end of what there is.
    pub fn finish(&mut self) {
        // Where the end is, a reader knows only from an answer.
        while !self.step() || self.partitions.iter().any(|seen| seen.next < seen.end(self.committed)) {}
    }

    /// Reads some batch again that was seen: it must be the same.
    pub fn look_back(&mut self, choice: u64) {
        for partition in 0..self.partitions.len() {
            let batches = &self.partitions[partition].batches;
            let Some(at) = (choice as usize).checked_rem(batches.len()) else { continue };
            let (base, bytes) = batches.iter().nth(at).map(|(base, bytes)| (*base, bytes.clone())).unwrap();
            let from = [(i32::try_from(partition).unwrap(), base)];
            let Some(answers) = self.client.fetch(&from, false) else { return };
            let again = answers[0].records.clone().unwrap_or_default().into_bytes();
            assert!(
                again.starts_with(&bytes),
                "partition {partition}: the batch at {base} was another when it was seen"
            );
        }
    }
}

impl Seen {
    fn end(&self, committed: bool) -> i64 {
        if committed { self.last_stable } else { self.high_watermark }
    }

    fn take(&mut self, data: PartitionData, committed: bool) {
        let partition = data.partition_index;
        assert_eq!(data.error_code, ErrorCode::NONE, "partition {partition} from {}", self.next);
        let (high, stable) = (data.high_watermark, data.last_stable_offset);
        assert!(
            high >= self.high_watermark,
            "partition {partition}: high watermark {} fell to {high}",
            self.high_watermark
        );
        assert!(stable >= self.last_stable, "partition {partition}: last stable {} fell to {stable}", self.last_stable);
        assert!(stable <= high, "partition {partition}: last stable {stable} is beyond {high}");
        (self.high_watermark, self.last_stable) = (high, stable);
        let mut aborted = data.aborted_transactions.unwrap_or_default();
        aborted.sort_by_key(|one| one.first_offset);
        let mut bytes = data.records.unwrap_or_default().into_bytes();
        while !bytes.is_empty() {
            let batch = Batch::read(&mut bytes).unwrap();
            let last = batch.base_offset + i64::from(batch.last_offset_delta);
            assert!(
                batch.base_offset == self.next,
                "partition {partition}: {} follows {}",
                batch.base_offset,
                self.next
            );
            assert!(last < self.end(committed), "partition {partition}: {last} was read beyond the end");
            self.next = last + 1;
            // As clients do it: from its first offset on a producer's records are aborted, until a marker says so.
            let begun = aborted.iter().filter(|one| one.first_offset <= last);
            self.aborting.extend(begun.map(|one| one.producer_id));
            aborted.retain(|one| one.first_offset > last);
            if let Some(marker) = Marker::of(&batch).unwrap() {
                self.aborting.remove(&marker.producer_id);
            } else if !(batch.is_transactional() && self.aborting.contains(&batch.producer_id)) {
                for record in batch.records().unwrap() {
                    let record = record.unwrap();
                    let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
                    self.values.push((record.offset, value));
                }
            }
            self.batches.insert(batch.base_offset, batch.bytes().clone());
        }
    }
}
