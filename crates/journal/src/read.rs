//! Reading batches: from the hot tail when they are there, else by index from the segment files.

use crate::files::FileId;
use crate::index::{PartitionIndex, SegmentIndex, Source};
use crate::limits::{READ_ENTRIES, READ_MAX_BYTES, READ_READY_BYTES};
use crate::record::{Batch, Record};
use crate::recovery::sealed_index;
use crate::scan::{Check, FrameAt, Scanner, Step, Wait, patch_base};
use crate::segment::Link;
use crate::shared::Shared;
use crate::view::{COMPACTED, Key, Lookup, View, lookups, stored};
use crate::{Bounds, JournalError, StoredBatch, TopicId, TransactionMeta};
use bytes::BytesMut;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Where the next batches are to be looked for.
enum Search {
    /// Index entries of the active segment.
    Active(Vec<Lookup>),
    /// A cold file, its last frame, and where the next takes over.
    Cold(FileId, Link, i64),
}

/// What a search by time found.
enum At {
    /// The base offset of the first batch that is late enough.
    Batch(i64),
    /// None before this offset.
    Behind(i64),
}

/// Files as walks look at them: the last stays open, because the next walk may go on in it. Only for what was durable when
/// it was opened.
struct Files {
    wait: Wait,
    last: Option<(FileId, Scanner)>,
}

/// What is done with each batch; a break ends the walk.
type Visitor<'v> = dyn FnMut(&mut Scanner, Visit<'_>) -> Result<ControlFlow<()>, JournalError> + 'v;

/// A batch met in a segment file.
struct Visit<'a> {
    frame: &'a FrameAt,
    batch: &'a Batch,
    /// Its place in the payload.
    skip: u64,
    base: i64,
    transactions: &'a [TransactionMeta],
}

impl Files {
    fn of(wait: Wait) -> Self {
        Self { wait, last: None }
    }
}

impl Shared {
    /// See [`crate::Journal::read`].
    pub(crate) fn read(
        &self,
        topic: TopicId,
        partition: u32,
        offset: i64,
        max_bytes: usize,
    ) -> Result<Vec<StoredBatch>, JournalError> {
        let mut out = Vec::new();
        self.collect(Wait::May, topic, partition, offset, max_bytes, &mut out).map(|()| out)
    }

    /// See [`crate::Journal::read_ready`].
    pub(crate) fn read_ready(
        &self,
        topic: TopicId,
        partition: u32,
        offset: i64,
        max_bytes: usize,
    ) -> Result<Option<Vec<StoredBatch>>, JournalError> {
        let mut out = Vec::new();
        match self.collect(Wait::Never, topic, partition, offset, max_bytes.min(READ_READY_BYTES), &mut out) {
            Ok(()) => Ok(Some(out)),
            // Part of it would make small answers of what a disk reads ahead.
            Err(error) if error.is_unready() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn collect(
        &self,
        wait: Wait,
        topic: TopicId,
        partition: u32,
        offset: i64,
        max_bytes: usize,
        out: &mut Vec<StoredBatch>,
    ) -> Result<(), JournalError> {
        let key = (topic.0, partition);
        let max_bytes = max_bytes.min(READ_MAX_BYTES);
        let (mut bytes, mut next) = (0, offset);
        loop {
            // An offset that compacting took leads to the first one behind it.
            let first = move |index: &PartitionIndex| index.entry_of(next).or(Some(0));
            let (place, search) = {
                let view = self.view();
                let Bounds { log_start, high_watermark, .. } = view.bounds(topic, partition)?;
                let kept = (log_start..=high_watermark).contains(&next);
                if out.is_empty() && !kept {
                    return Err(JournalError::OffsetOutOfRange { offset, log_start, high_watermark });
                }
                // Retention may have passed us while we read.
                if next >= high_watermark || !kept || (bytes >= max_bytes && !out.is_empty()) {
                    return Ok(());
                }
                if view.hot.read(key, next, max_bytes.saturating_sub(bytes), out) > 0 {
                    return Ok(());
                }
                let Some(place) = view.segment_of(key, next) else { return Ok(()) };
                ((place.0, view.file_of(key, place.0)), self.search(&view, key, place, first))
            };
            let sparse = place.0 == COMPACTED;
            let before = next;
            let mut full = false;
            let found = self.resolve(wait, search, key, first).and_then(|lookups| {
                let mut files = Files::of(wait);
                for lookup in &lookups {
                    self.walk(&mut files, lookup, key, &mut |scanner, visit| {
                        if visit.base + i64::from(visit.batch.records) <= next {
                            return Ok(ControlFlow::Continue(()));
                        }
                        if bytes + visit.batch.bytes as usize > max_bytes && !out.is_empty() {
                            full = true;
                            return Ok(ControlFlow::Break(()));
                        }
                        let batch = load(scanner, lookup, &visit)?;
                        bytes += batch.bytes.len();
                        scanner.limit(max_bytes.saturating_sub(bytes));
                        next = batch.base_offset + i64::from(batch.records);
                        out.push(batch);
                        Ok(ControlFlow::Continue(()))
                    })?;
                    if full || bytes >= max_bytes {
                        break;
                    }
                    if sparse {
                        next = next.max(lookup.end);
                    }
                }
                Ok(())
            });
            match found {
                Ok(()) if full => return Ok(()),
                Ok(()) if next > before => {}
                Ok(()) => return Err(self.astray(before)),
                // Retention or the keeper took the file meanwhile.
                Err(error) if error.is_gone() && self.has_moved(key, before, &place)? => {
                    if !out.is_empty() {
                        return Ok(());
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether an offset is no longer where it was looked for.
    fn has_moved(
        &self,
        key: Key,
        offset: i64,
        (segment, file): &(u64, Option<(FileId, Link)>),
    ) -> Result<bool, JournalError> {
        let view = self.view();
        let log_start = view.bounds(TopicId(key.0), key.1)?.log_start;
        let same = view.segment_of(key, offset).is_some_and(|(now, _)| now == *segment);
        Ok(log_start > offset || !same || view.file_of(key, *segment) != *file)
    }

    /// See [`crate::Journal::offset_at_from`].
    pub(crate) fn offset_at(
        &self,
        topic: TopicId,
        partition: u32,
        timestamp_ms: i64,
        least: i64,
    ) -> Result<i64, JournalError> {
        let key = (topic.0, partition);
        let (mut behind, mut from) = (None, None);
        loop {
            let view = self.view();
            let Bounds { log_start, high_watermark, .. } = view.bounds(topic, partition)?;
            let least = least.max(log_start);
            let found = view.segment_at(key, timestamp_ms, least, behind);
            let Some((place, end)) = found else { return Ok(high_watermark) };
            // What lies before it in the file is dead, or in the partition's compacted file.
            let alive_from = least.max(place.base);
            let first = move |index: &PartitionIndex| match from {
                Some(offset) => index.entry_of(offset),
                None => index.entry_at(timestamp_ms).max(index.entry_of(alive_from)),
            };
            let file = view.file_of(key, place.segment);
            let search = self.search(&view, key, (place.segment, end), first);
            drop(view);
            let lookups = self.resolve(Wait::May, search, key, first);
            match lookups.and_then(|lookups| self.first_at(&lookups, key, timestamp_ms, alive_from)) {
                Ok(At::Batch(offset)) => return Ok(offset.max(least)),
                // What is as late as that may be dead: then the search goes on.
                Ok(At::Behind(next)) if next < end => from = Some(next),
                Ok(At::Behind(_)) => (behind, from) = (Some(place.segment), None),
                // Retention or the keeper took the file meanwhile: look again.
                Err(error) if error.is_gone() && self.view().file_of(key, place.segment) != file => from = None,
                Err(error) => return Err(error),
            }
        }
    }

    /// Offset of the first batch that is needed for a partition to have this many bytes; the log start when it has
    /// fewer.
    pub(crate) fn offset_of_last(&self, topic: TopicId, partition: u32, bytes: u64) -> Result<i64, JournalError> {
        let key = (topic.0, partition);
        let (place, mut spare, mut from) = {
            let view = self.view();
            let log_start = view.bounds(topic, partition)?.log_start;
            let Some((place, spare)) = view.segment_of_last(key, bytes) else { return Ok(log_start) };
            (place, spare, place.base)
        };
        loop {
            let search = {
                let view = self.view();
                let end = view.start_after(key, place.segment);
                self.search(&view, key, (place.segment, end), |index| index.entry_of(from))
            };
            let lookups = self.resolve(Wait::May, search, key, |index| index.entry_of(from))?;
            let (before, mut files) = (from, Files::of(Wait::May));
            for lookup in &lookups {
                let mut found = false;
                self.walk(&mut files, lookup, key, &mut |_, visit| {
                    if visit.base < from {
                        return Ok(ControlFlow::Continue(()));
                    }
                    found = u64::from(visit.batch.bytes) > spare;
                    if found {
                        return Ok(ControlFlow::Break(()));
                    }
                    spare -= u64::from(visit.batch.bytes);
                    from = visit.base + i64::from(visit.batch.records);
                    Ok(ControlFlow::Continue(()))
                })?;
                if found {
                    return Ok(from);
                }
            }
            if from == before {
                return Ok(from);
            }
        }
    }

    fn first_at(&self, lookups: &[Lookup], key: Key, timestamp_ms: i64, alive_from: i64) -> Result<At, JournalError> {
        let mut files = Files::of(Wait::May);
        for lookup in lookups {
            let mut found = None;
            self.walk(&mut files, lookup, key, &mut |_, visit| {
                let dead = visit.base + i64::from(visit.batch.records) <= alive_from;
                if dead || visit.batch.max_timestamp < timestamp_ms {
                    return Ok(ControlFlow::Continue(()));
                }
                found = Some(visit.base);
                Ok(ControlFlow::Break(()))
            })?;
            if let Some(offset) = found {
                return Ok(At::Batch(offset));
            }
        }
        Ok(At::Behind(lookups.last().map_or(i64::MAX, |last| last.end)))
    }

    fn search(
        &self,
        view: &View,
        key: Key,
        (segment, end): (u64, i64),
        first: impl Fn(&PartitionIndex) -> Option<usize>,
    ) -> Search {
        match view.file_of(key, segment) {
            Some((file, link)) => Search::Cold(file, link, end),
            None => Search::Active(entries(&view.active_index, key, FileId::written(segment), end, first)),
        }
    }

    fn resolve(
        &self,
        wait: Wait,
        search: Search,
        key: Key,
        first: impl Fn(&PartitionIndex) -> Option<usize>,
    ) -> Result<Vec<Lookup>, JournalError> {
        match search {
            Search::Active(lookups) => Ok(lookups),
            Search::Cold(file, link, end) => {
                let load = || match wait {
                    Wait::May => sealed_index(self.fs.as_ref(), &self.dir, file, link, false),
                    Wait::Never => Err(JournalError::unready(&file.index_path(&self.dir))),
                };
                let index = self.cold_index(file, load)?;
                Ok(entries(&index, key, file, end, first))
            }
        }
    }

    /// Visits the batches of a partition that an index entry leads to, in order of offset.
    fn walk(&self, files: &mut Files, lookup: &Lookup, key: Key, visit: &mut Visitor<'_>) -> Result<(), JournalError> {
        let (file, mut position) = match lookup.source {
            Source::Frames(position) => (lookup.file, position),
            // A segment with parts is not copied.
            Source::Part(at, _) => (FileId::written(at.segment), at.position),
        };
        let (_, scanner) = match files.last.take().filter(|(known, _)| *known == file) {
            Some(known) => files.last.insert(known),
            None => {
                let (fs, path) = (self.fs.as_ref(), file.path(&self.dir));
                let scanner = Scanner::open_to_read(fs, &path, &self.buffers, files.wait)?;
                files.last.insert((file, scanner))
            }
        };
        loop {
            let (frame, record) = match scanner.step(position, Check::Meta)? {
                Step::Frame(frame, record) => (frame, record),
                Step::Bad(what) => return Err(scanner.corrupt(position, what)),
                // Compacting may have taken what lay behind its last record.
                Step::End if file.is_sparse() => return Ok(()),
                Step::End => return Err(scanner.corrupt(position, "the segment ends before its records")),
            };
            let part = matches!(record, Record::Part { .. });
            let wanted = matches!(lookup.source, Source::Part(..));
            let mut skip = 0;
            let mut first_relative = None;
            for batch in record.batches() {
                let here = skip;
                skip += u64::from(batch.bytes);
                if part != wanted || (batch.topic, batch.partition) != key {
                    continue;
                }
                let base = match wanted {
                    true => lookup.base + batch.base_offset - *first_relative.get_or_insert(batch.base_offset),
                    false => batch.base_offset,
                };
                if base < lookup.base {
                    continue;
                }
                if base >= lookup.end {
                    return Ok(());
                }
                let transactions = record.transactions();
                let visited = Visit { frame: &frame, batch, skip: here, base, transactions };
                let records = i64::from(batch.records);
                if visit(scanner, visited)?.is_break() || base + records >= lookup.end {
                    return Ok(());
                }
            }
            if wanted {
                return Ok(());
            }
            position = frame.end();
        }
    }

    fn astray(&self, offset: i64) -> JournalError {
        JournalError::corrupt(&self.dir, 0, format!("offset {offset} is not where the index says"))
    }
}

fn entries(
    index: &SegmentIndex,
    key: Key,
    file: FileId,
    end: i64,
    first: impl Fn(&PartitionIndex) -> Option<usize>,
) -> Vec<Lookup> {
    let first = index.partitions.get(&key).and_then(first);
    first.map(|first| lookups(index, key, file, first, end, READ_ENTRIES)).unwrap_or_default()
}

fn load(scanner: &mut Scanner, lookup: &Lookup, visit: &Visit<'_>) -> Result<StoredBatch, JournalError> {
    let mut bytes = scanner.batch(visit.frame, visit.skip, visit.batch)?;
    if visit.base != visit.batch.base_offset {
        let mut placed = BytesMut::from(bytes.as_ref());
        patch_base(&mut placed, visit.base);
        bytes = placed.freeze();
    }
    let transactions: Vec<Arc<TransactionMeta>> = match &lookup.transaction {
        Some(transaction) => vec![transaction.clone()],
        None => visit.transactions.iter().cloned().map(Arc::new).collect(),
    };
    let header = &visit.frame.header;
    Ok(stored(visit.batch, visit.base, bytes, (header.connector, header.era), &transactions))
}
