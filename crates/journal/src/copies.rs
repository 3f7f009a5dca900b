//! Copies of batches: a file that stands for a segment without what is dead, or for the beginning of a partition without
//! what compacting took. Durable, name included, before anyone uses it.

use crate::files::FileId;
use crate::fs::WriteFile;
use crate::index::SegmentIndex;
use crate::limits::{COPY_FRAME_BATCHES, COPY_FRAME_BYTES, COPY_TRANSACTIONS_BACK};
use crate::record::{Batch, Record};
use crate::segment::{CopyHeader, Link, SEGMENT_HEADER_BYTES, write_all_at};
use crate::shared::Shared;
use crate::view::Key;
use crate::{JournalError, StoredBatch, TransactionMeta};
use crate::{Run, frame};
use bytes::Bytes;
use std::io::{self, IoSlice};
use std::path::PathBuf;

/// A copy that grows.
pub(crate) struct CopyWriter<'a> {
    shared: &'a Shared,
    id: FileId,
    temporary: PathBuf,
    file: Box<dyn WriteFile>,
    position: u64,
    link: Link,
    index: SegmentIndex,
    pending: Pending,
}

/// A copy that is complete.
pub(crate) struct Copied {
    pub(crate) link: Link,
    pub(crate) bytes: u64,
    pub(crate) index: SegmentIndex,
}

/// The frame under work.
#[derive(Default)]
struct Pending {
    connector: u32,
    era: u32,
    transactions: Vec<TransactionMeta>,
    batches: Vec<Batch>,
    payload: Vec<Bytes>,
    bytes: usize,
}

impl<'a> CopyWriter<'a> {
    /// Begins a copy, under another name until it is complete.
    pub(crate) fn create(shared: &'a Shared, id: FileId) -> Result<Self, JournalError> {
        let temporary = id.temporary_path(&shared.dir);
        let file = shared.fs.create(&temporary).map_err(|error| JournalError::io("make", &temporary, error))?;
        let (index, pending) = (SegmentIndex::default(), Pending::default());
        let (position, link) = (SEGMENT_HEADER_BYTES, Link::default());
        Ok(Self { shared, id, temporary, file, position, link, index, pending })
    }

    /// Adds a batch; those of a partition come in order of their offsets.
    pub(crate) fn push(&mut self, key: Key, batch: StoredBatch) -> Result<(), JournalError> {
        let pending = &self.pending;
        let other = (pending.connector, pending.era) != (batch.connector.0, batch.era);
        let full = pending.bytes >= COPY_FRAME_BYTES || pending.batches.len() >= COPY_FRAME_BATCHES;
        if other || full {
            self.flush().map_err(|error| self.failed("write", error))?;
        }
        self.pending.add(key, batch);
        Ok(())
    }

    /// Makes the copy durable, under its name. `before`, `until` and `clean` are as the header has them.
    pub(crate) fn finish(mut self, before: Link, (until, clean): (i64, i64)) -> Result<Copied, JournalError> {
        let header = CopyHeader { number: self.id.number(), before, end: Link::default(), until, clean };
        let finished = self.complete(header);
        match finished {
            Ok(()) => {
                if let Err(error) = self.index.store(self.shared.fs.as_ref(), &self.shared.dir, self.id, self.link) {
                    tracing::warn!(file = %self.id.index_path(&self.shared.dir).display(), %error, "index not written");
                }
                Ok(Copied { link: self.link, bytes: self.position, index: self.index })
            }
            Err(error) => {
                self.abandon();
                Err(error)
            }
        }
    }

    /// Gives the copy up.
    pub(crate) fn abandon(self) {
        // Otherwise the next start removes it.
        let _ = self.shared.fs.remove(&self.temporary);
    }

    fn complete(&mut self, header: CopyHeader) -> Result<(), JournalError> {
        self.flush().map_err(|error| self.failed("write", error))?;
        let header = CopyHeader { end: self.link, ..header }.encode();
        write_all_at(self.file.as_mut(), 0, &mut [IoSlice::new(&header)])
            .map_err(|error| self.failed("write", error))?;
        self.file.sync_data().map_err(|error| JournalError::fsync(&self.temporary, error))?;
        let (fs, dir) = (self.shared.fs.as_ref(), &self.shared.dir);
        fs.rename(&self.temporary, &self.id.path(dir)).map_err(|error| self.failed("rename", error))?;
        fs.sync_dir(dir).map_err(|error| JournalError::fsync(dir, error))
    }

    fn flush(&mut self) -> io::Result<()> {
        let Pending { connector, era, transactions, batches, payload, .. } = std::mem::take(&mut self.pending);
        if batches.is_empty() {
            return Ok(());
        }
        let record = Record::Copies { transactions, batches };
        let place = frame::Place { sequence: self.link.sequence + 1, synced_through: 0, previous: self.link.crc };
        let encoded = frame::encode(place, connector, era, &record);
        let mut buffers = vec![IoSlice::new(&encoded.head)];
        buffers.extend(payload.iter().map(|bytes| IoSlice::new(bytes)));
        write_all_at(self.file.as_mut(), self.position, &mut buffers)?;
        self.index.add(&record, self.position, None);
        self.position += encoded.bytes;
        self.link = Link { sequence: place.sequence, crc: encoded.crc };
        Ok(())
    }

    fn failed(&self, doing: &'static str, error: io::Error) -> JournalError {
        JournalError::io(doing, &self.temporary, error)
    }
}

impl Pending {
    fn add(&mut self, (topic, partition): Key, batch: StoredBatch) {
        (self.connector, self.era) = (batch.connector.0, batch.era);
        let runs = batch.runs.iter().map(|(transaction, first_ordinal, records)| Run {
            transaction: self.transactions.number_of(transaction),
            first_ordinal: *first_ordinal,
            records: *records,
        });
        let runs = runs.collect();
        self.bytes += batch.bytes.len();
        self.batches.push(Batch {
            topic,
            partition,
            base_offset: batch.base_offset,
            records: batch.records,
            bytes: u32::try_from(batch.bytes.len()).unwrap_or(u32::MAX),
            crc: crc32c::crc32c(&batch.bytes),
            max_timestamp: batch.max_timestamp,
            plan: batch.plan.map_or(0, |plan| plan.0),
            encoding: batch.encoding,
            runs,
        });
        self.payload.push(batch.bytes);
    }
}

/// The transactions of a frame, each rarely more than once: batches that follow each other share them.
trait Numbered {
    fn number_of(&mut self, transaction: &TransactionMeta) -> u32;
}

impl Numbered for Vec<TransactionMeta> {
    fn number_of(&mut self, transaction: &TransactionMeta) -> u32 {
        let recent = self.len().saturating_sub(COPY_TRANSACTIONS_BACK);
        let known = self.iter().enumerate().skip(recent).find(|(_, known)| *known == transaction);
        let number = known.map_or(self.len(), |(number, _)| number);
        if number == self.len() {
            self.push(transaction.clone());
        }
        u32::try_from(number).unwrap_or(u32::MAX)
    }
}
