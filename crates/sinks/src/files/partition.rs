//! One partition on its way into files.

use std::sync::Arc;

use bytes::Bytes;
use tailwater_connector::{Problem, Record, TopicReader};

use super::compression::Compression;
use super::contents::Contents;
use super::framing::Framing;
use super::layout::{Begun, Layout};
use super::plan::FilePlan;
use super::roll::RollPolicy;
use super::{Decision, Encoder, Skip};
use crate::limits::{SKIPPED_RECORDS_MAX, SKIPPED_TIME_US};

/// A topic's partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PartitionId {
    pub(crate) topic: String,
    pub(crate) partition: i32,
}

/// Where a partition stands.
pub(crate) struct Partition {
    pub(crate) id: PartitionId,
    /// Whether a connector writes its topic: what clients write there is no part of it.
    pub(crate) change: bool,
    /// Everything before it is delivered, durably.
    pub(crate) delivered: i64,
    /// The next offset to read.
    pub(crate) next: i64,
    /// Lines of the records between the two; `None` while there are none.
    pub(crate) open: Option<OpenFile>,
    /// Since when only records without a line wait, by the clock in microseconds.
    skipping_since: Option<i64>,
}

/// A file that is being gathered.
pub(crate) struct OpenFile {
    first_offset: i64,
    /// The time of its first record.
    first_ms: i64,
    loaded_us: i64,
    /// The topic that its records have, when it is not the partition's.
    topic: Option<Arc<str>>,
    header: Option<Bytes>,
    lines: u64,
    contents: Contents,
}

/// What became of a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is in the open file.
    Kept,
    /// It leaves no line.
    Skipped(Skip),
    /// The open file ends before it: deliver, then take it again.
    FileEnds,
}

impl Partition {
    /// Nothing gathered yet.
    pub(crate) fn at(id: PartitionId, change: bool, offset: i64) -> Self {
        Partition { id, change, delivered: offset, next: offset, open: None, skipping_since: None }
    }

    /// Takes the next record.
    pub(crate) fn take<E: Encoder>(
        &mut self,
        record: &Record,
        encoder: &mut E,
        topics: &dyn TopicReader,
        roll: &RollPolicy,
        now_us: i64,
    ) -> Result<Step, Problem> {
        let decision = match record.plan {
            None if self.change || !E::OF_CLIENTS => Decision::Skip(Skip::Foreign),
            _ => encoder.decode(record, topics).map_err(|p| at_record(p, &self.id, record.offset))?,
        };
        let (header, item) = match decision {
            Decision::Skip(reason) => {
                self.next = record.offset + 1;
                return Ok(Step::Skipped(reason));
            }
            Decision::Keep { header, item } => (header, item),
        };
        let time_ms = encoder.time_ms(record, &item).map_err(|p| at_record(p, &self.id, record.offset))?;
        let too_late = |o: &OpenFile| roll.is_too_late(o.first_ms, time_ms);
        if self.open.as_ref().is_some_and(|open| open.header != header || open.topic != record.topic || too_late(open))
        {
            return Ok(Step::FileEnds);
        }
        self.next = record.offset + 1;
        let loaded_us = self.open.as_ref().map_or(now_us, |open| open.loaded_us);
        let lines = encoder.encode(&item, loaded_us);
        if lines.count == 0 {
            return Ok(Step::Skipped(Skip::Unchanged));
        }
        let open =
            self.open.get_or_insert_with(|| OpenFile::new(record, time_ms, header, loaded_us, encoder.framing()));
        open.contents.push_line(&lines.bytes);
        open.lines += lines.count;
        Ok(Step::Kept)
    }

    /// Whether the open file has all that fits.
    pub(crate) fn is_full(&self, roll: &RollPolicy) -> bool {
        self.open.as_ref().is_some_and(|open| roll.is_full(open.lines, open.contents.len() as u64))
    }

    /// Whether the clock ends the open file.
    pub(crate) fn is_due(&self, roll: &RollPolicy, now_us: i64) -> bool {
        self.open.as_ref().is_some_and(|open| roll.is_due(open.loaded_us, now_us))
    }

    /// Whether records without a line wait long enough for their being read to be made durable without a file.
    pub(crate) fn is_skipping(&mut self, now_us: i64) -> bool {
        if self.open.is_some() || self.next == self.delivered {
            self.skipping_since = None;
            return false;
        }
        let since = *self.skipping_since.get_or_insert(now_us);
        self.next - self.delivered >= SKIPPED_RECORDS_MAX || now_us.saturating_sub(since) >= SKIPPED_TIME_US
    }

    /// Bytes gathered.
    pub(crate) fn open_bytes(&self) -> usize {
        self.open.as_ref().map_or(0, |open| open.contents.len())
    }

    /// The plan of the open file, if there is one.
    pub(crate) fn plan(&self, layout: &Layout, compression: Compression) -> Option<FilePlan> {
        let open = self.open.as_ref()?;
        let OpenFile { first_offset, first_ms, loaded_us: begun_us, .. } = *open;
        let begun = Begun { first_offset, first_ms, begun_us };
        let key = layout.key(&self.id, open.topic.as_deref(), &begun);
        let gzip = compression.is_gzip();
        Some(FilePlan { start: self.delivered, end: self.next, key, loaded_us: open.loaded_us, gzip, upload: None })
    }

    /// Takes the gathered bytes out, in pieces; they stay counted as not delivered.
    pub(crate) fn take_contents(&mut self) -> Vec<Bytes> {
        self.open.take().map(|open| open.contents.into_pieces()).unwrap_or_default()
    }

    /// Everything that was read is delivered, and durably so.
    pub(crate) fn mark_delivered(&mut self) {
        self.delivered = self.next;
        self.skipping_since = None;
    }
}

impl OpenFile {
    fn new(first: &Record, first_ms: i64, header: Option<Bytes>, loaded_us: i64, framing: Framing) -> Self {
        let mut contents = Contents::new(framing);
        if let Some(header) = &header {
            contents.push_line(header);
        }
        OpenFile {
            first_offset: first.offset,
            first_ms,
            loaded_us,
            topic: first.topic.clone(),
            header,
            lines: 0,
            contents,
        }
    }
}

/// Names the record in a problem.
fn at_record(mut problem: Problem, id: &PartitionId, offset: i64) -> Problem {
    problem.cause = format!("topic '{}' partition {} offset {offset}: {}", id.topic, id.partition, problem.cause);
    problem
}
