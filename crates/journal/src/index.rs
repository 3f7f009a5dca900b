//! The offset and time index of one segment: where the batches of each partition lie, and how late they are.
//!
//! Sparse: an entry at a partition's first frame and then every [`INDEX_EVERY_BYTES`]; what lies between is found by
//! reading frames. Parts of big transactions, which lie elsewhere, have an entry each. The file is a cache: it names the
//! last frame of the segment, and whoever finds it missing or wrong builds it again from the frames.

use crate::TransactionMeta;
use crate::codec::{Input, Malformed, Put};
use crate::files::FileId;
use crate::fs::Fs;
use crate::limits::{INDEX_EVERY_BYTES, INDEX_MAX_BYTES};
use crate::record::{Record, put_transaction, take_transaction};
use crate::scan::read_file;
use crate::segment::{Link, write_all_at};
use crate::state::{At, OpenTransaction};
use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

const MAGIC: [u8; 8] = *b"TWINDEX1";

/// The index of a segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SegmentIndex {
    pub(crate) partitions: BTreeMap<(u32, u32), PartitionIndex>,
    /// Big transactions committed in this segment, which its part entries name.
    pub(crate) transactions: Vec<Arc<TransactionMeta>>,
}

/// One partition in one segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PartitionIndex {
    pub(crate) entries: Vec<Entry>,
    /// Largest record timestamp.
    pub(crate) max_timestamp: i64,
    /// Bytes of its batches.
    pub(crate) bytes: u64,
}

/// Batches from `base` to the next entry's base are found from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) base: i64,
    /// Largest timestamp of the partition's batches before this entry, in this segment.
    pub(crate) before: i64,
    pub(crate) source: Source,
}

/// Where an entry points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Frames of this segment, from a position on.
    Frames(u64),
    /// One part frame, and its transaction's place in [`SegmentIndex::transactions`].
    Part(At, u32),
}

impl SegmentIndex {
    /// Takes the visible batches of a frame at a position; `committed` are the parts that it committed.
    pub(crate) fn add(&mut self, record: &Record, position: u64, committed: Option<&OpenTransaction>) {
        if let (Record::PartCommit { transaction, bases, .. }, Some(open)) = (record, committed) {
            let number = u32::try_from(self.transactions.len()).unwrap_or(u32::MAX);
            self.transactions.push(Arc::new(transaction.clone()));
            let bases: BTreeMap<_, _> = bases.iter().map(|base| ((base.topic, base.partition), base.offset)).collect();
            for part in &open.parts {
                for slice in &part.slices {
                    let Some(base) = bases.get(&(slice.topic, slice.partition)) else { continue };
                    let partition = self.partitions.entry((slice.topic, slice.partition)).or_insert_with(empty);
                    let source = Source::Part(part.at, number);
                    let entry = Entry { base: base + slice.relative, before: partition.max_timestamp, source };
                    partition.entries.push(entry);
                    partition.max_timestamp = partition.max_timestamp.max(slice.max_timestamp);
                    partition.bytes += slice.bytes;
                }
            }
        }
        if matches!(record, Record::Part { .. }) {
            return;
        }
        for batch in record.batches() {
            let partition = self.partitions.entry((batch.topic, batch.partition)).or_insert_with(empty);
            let near = partition.entries.last().is_some_and(|last| match last.source {
                Source::Frames(at) => position < at + INDEX_EVERY_BYTES,
                Source::Part(..) => false,
            });
            if !near {
                let source = Source::Frames(position);
                partition.entries.push(Entry { base: batch.base_offset, before: partition.max_timestamp, source });
            }
            partition.max_timestamp = partition.max_timestamp.max(batch.max_timestamp);
            partition.bytes += u64::from(batch.bytes);
        }
    }

    /// Writes the index of a file that ends with `link`. Not fsynced: it is a cache.
    pub(crate) fn store(&self, fs: &dyn Fs, dir: &Path, of: FileId, link: Link) -> io::Result<()> {
        let mut file = fs.create(&of.index_path(dir))?;
        write_all_at(file.as_mut(), 0, &mut [IoSlice::new(&self.encode(of.number(), link))])
    }

    /// Reads an index; `None` when it is missing, wrong, or not of the file that ends with `link`.
    pub(crate) fn load(fs: &dyn Fs, dir: &Path, of: FileId, link: Link) -> Option<Self> {
        let bytes = read_file(fs, &of.index_path(dir), INDEX_MAX_BYTES).ok()??;
        Self::decode(&bytes, of.number(), link).ok()
    }

    fn encode(&self, segment: u64, link: Link) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.u64(segment);
        out.u64(link.sequence);
        out.u32(link.crc);
        out.u32(u32::try_from(self.transactions.len()).unwrap_or(u32::MAX));
        for transaction in &self.transactions {
            put_transaction(&mut out, transaction);
        }
        out.u32(u32::try_from(self.partitions.len()).unwrap_or(u32::MAX));
        for ((topic, partition), index) in &self.partitions {
            out.u32(*topic);
            out.u32(*partition);
            out.i64(index.max_timestamp);
            out.u64(index.bytes);
            out.u32(u32::try_from(index.entries.len()).unwrap_or(u32::MAX));
            for entry in &index.entries {
                out.i64(entry.base);
                out.i64(entry.before);
                let (segment, position, transaction) = match entry.source {
                    Source::Frames(position) => (0, position, 0),
                    Source::Part(at, transaction) => (at.segment, at.position, transaction),
                };
                out.u64(segment);
                out.u64(position);
                out.u32(transaction);
            }
        }
        let crc = crc32c::crc32c(&out);
        out.u32(crc);
        out
    }

    fn decode(bytes: &[u8], segment: u64, link: Link) -> Result<Self, Malformed> {
        let (body, crc) = bytes.split_last_chunk::<4>().ok_or("too short")?;
        if crc32c::crc32c(body) != u32::from_le_bytes(*crc) {
            return Err("wrong checksum");
        }
        let mut input = Input::new(body);
        let head = (input.take(8)?, input.u64()?, input.u64()?, input.u32()?);
        if head != (MAGIC.as_slice(), segment, link.sequence, link.crc) {
            return Err("of another segment");
        }
        let transactions = input.list(36, |input| take_transaction(input).map(Arc::new))?;
        let partitions = input.list(28, |input| {
            let key = (input.u32()?, input.u32()?);
            let (max_timestamp, bytes) = (input.i64()?, input.u64()?);
            let entries = input.list(36, |input| {
                let (base, before) = (input.i64()?, input.i64()?);
                let at = At { segment: input.u64()?, position: input.u64()? };
                let transaction = input.u32()?;
                let source = if at.segment == 0 { Source::Frames(at.position) } else { Source::Part(at, transaction) };
                Ok(Entry { base, before, source })
            })?;
            Ok((key, PartitionIndex { entries, max_timestamp, bytes }))
        })?;
        input.end()?;
        Ok(Self { partitions: partitions.into_iter().collect(), transactions })
    }
}

impl PartitionIndex {
    /// The entry from which an offset is found.
    pub(crate) fn entry_of(&self, offset: i64) -> Option<usize> {
        self.entries.partition_point(|entry| entry.base <= offset).checked_sub(1)
    }

    /// The entry from which the first batch at or after a time is found.
    pub(crate) fn entry_at(&self, timestamp_ms: i64) -> Option<usize> {
        self.entries.partition_point(|entry| entry.before < timestamp_ms).checked_sub(1)
    }
}

fn empty() -> PartitionIndex {
    PartitionIndex { max_timestamp: i64::MIN, ..PartitionIndex::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Base, Batch};
    use crate::state::{Part, Slice};

    fn batch(base_offset: i64, max_timestamp: i64) -> Batch {
        Batch {
            topic: 1,
            partition: 0,
            base_offset,
            records: 10,
            bytes: 1000,
            crc: 0,
            max_timestamp,
            plan: 0,
            encoding: 0,
            runs: Vec::new(),
        }
    }

    fn plain(base: i64, time: i64) -> Record {
        Record::Transactions { position: vec![], transactions: vec![], batches: vec![batch(base, time)] }
    }

    fn sample() -> SegmentIndex {
        let mut index = SegmentIndex::default();
        index.add(&plain(0, 5), 64, None);
        index.add(&plain(10, 3), 2000, None);
        index.add(&plain(20, 9), 64 + INDEX_EVERY_BYTES, None);
        let slice = Slice { topic: 1, partition: 0, relative: 0, records: 10, bytes: 7, max_timestamp: 4 };
        let open = OpenTransaction {
            parts: vec![Part { at: At { segment: 1, position: 640 }, slices: vec![slice] }],
            ..OpenTransaction::default()
        };
        let commit = Record::PartCommit {
            part_of: 1,
            position: vec![],
            transaction: TransactionMeta { xid: 3, ..TransactionMeta::default() },
            parts: 1,
            bases: vec![Base { topic: 1, partition: 0, offset: 30, records: 10 }],
            batches: vec![batch(40, 11)],
        };
        index.add(&commit, 70_000, Some(&open));
        index
    }

    #[test]
    fn entries_are_sparse_but_every_part_has_one() {
        let index = sample();
        let partition = &index.partitions[&(1, 0)];
        let bases: Vec<_> = partition.entries.iter().map(|entry| entry.base).collect();
        assert_eq!(bases, [0, 20, 30, 40]);
        assert_eq!(partition.entries[2].source, Source::Part(At { segment: 1, position: 640 }, 0));
        assert_eq!((partition.bytes, partition.max_timestamp), (4007, 11));
        assert_eq!(partition.entry_of(19), Some(0));
        assert_eq!(partition.entry_of(35), Some(2));
        assert_eq!(partition.entry_at(4), Some(0), "the running maximum decides, though a later batch is older");
        assert_eq!(partition.entry_at(10), Some(3));
    }

    #[test]
    fn the_file_form_reads_back_and_any_flipped_byte_is_found() {
        let (index, link) = (sample(), Link { sequence: 4, crc: 5 });
        let bytes = index.encode(2, link);
        assert_eq!(SegmentIndex::decode(&bytes, 2, link), Ok(index));
        assert!(SegmentIndex::decode(&bytes, 3, link).is_err());
        assert!(SegmentIndex::decode(&bytes, 2, Link { sequence: 4, crc: 6 }).is_err());
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 0x40;
            assert!(SegmentIndex::decode(&bad, 2, link).is_err());
        }
    }
}
