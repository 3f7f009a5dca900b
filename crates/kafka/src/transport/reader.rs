//! The reading end of the journal's topics: what is durable, and of clients' transactions what was committed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tailwater_connector::transport::{PartitionInfo, TopicInfo};
use tailwater_connector::{Header, Origin, PlanId, Problem, Record, Stop, TopicReader};
use tailwater_journal::{self as journal, Aborted, Journal, JournalError, StoredBatch, TopicId, TransactionMeta};
use tailwater_wire::batch::{self, Batch, BatchError};

use crate::limits::READ_EXPANSION;

use super::identity::{first_ordinal, origin};
use super::problem::journal_problem;

/// Readers of one journal.
pub(super) struct EmbeddedReader {
    journal: Journal,
    /// Topics by name, as of when they were looked up; a deleted one is found out by its number.
    ids: Mutex<HashMap<String, TopicId>>,
}

impl EmbeddedReader {
    pub(super) fn new(journal: Journal) -> Self {
        EmbeddedReader { journal, ids: Mutex::default() }
    }

    /// Runs `work` with a topic's number, once more when the number is out of date.
    pub(super) fn with_topic<T>(
        &self,
        topic: &str,
        partition: i32,
        work: impl Fn(TopicId, u32) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let unknown = || JournalError::TopicUnknown { topic: topic.to_owned() };
        let partition = u32::try_from(partition).map_err(|_| unknown())?;
        let known = self.ids.lock().unwrap_or_else(PoisonError::into_inner).get(topic).copied();
        if let Some(id) = known {
            match work(id, partition) {
                Err(JournalError::TopicUnknown { .. }) => {}
                other => return other,
            }
        }
        let id = self.journal.topics().into_iter().find(|meta| meta.name == topic).ok_or_else(unknown)?.id;
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(topic.to_owned(), id);
        work(id, partition)
    }

    /// Batches from `offset` on, or from the log start when that lies behind it.
    fn batches(&self, topic: TopicId, partition: u32, offset: i64, max_bytes: usize) -> Result<Batches, JournalError> {
        loop {
            let bounds = self.journal.bounds(topic, partition)?;
            let from = offset.max(bounds.log_start);
            if from >= bounds.last_stable {
                return Ok(Batches::default());
            }
            let mut stored = match self.journal.read(topic, partition, from, max_bytes) {
                // Retention moved the log start since we looked.
                Err(JournalError::OffsetOutOfRange { log_start, .. }) if log_start > from => continue,
                other => other?,
            };
            stored.retain(|batch| batch.base_offset < bounds.last_stable);
            let end = stored.last().filter(|_| stored.iter().any(|batch| batch.plan.is_none()));
            let Some(end) = end.map(|last| last.base_offset + i64::from(last.records)) else {
                return Ok(Batches { stored, aborted: Vec::new() });
            };
            let aborted = self.journal.aborted(topic, partition, from, end);
            // What is known of aborted transactions goes when the log start passes them.
            if self.journal.bounds(topic, partition)?.log_start <= from {
                return Ok(Batches { stored, aborted });
            }
        }
    }
}

/// Batches as they are stored, and the aborted transactions that have records in them.
#[derive(Default)]
struct Batches {
    stored: Vec<StoredBatch>,
    aborted: Vec<Aborted>,
}

impl Batches {
    /// Whether a batch is of an aborted transaction.
    fn is_aborted(&self, batch: &Batch) -> bool {
        let of = |one: &Aborted| {
            one.producer == batch.producer_id && (one.first_offset..=one.last_offset).contains(&batch.base_offset)
        };
        batch.is_transactional() && self.aborted.iter().any(of)
    }
}

impl TopicReader for EmbeddedReader {
    fn topics(&self) -> Vec<TopicInfo> {
        let partition = |bounds: journal::Bounds| PartitionInfo {
            log_start: bounds.log_start,
            high_watermark: bounds.last_stable,
            bytes: bounds.bytes,
        };
        let topic = |meta: journal::TopicMeta| TopicInfo {
            name: meta.name,
            change: meta.change,
            partitions: meta.bounds.into_iter().map(partition).collect(),
        };
        let mut topics: Vec<_> = self.journal.topics().into_iter().map(topic).collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        topics
    }

    fn read(&self, topic: &str, partition: i32, offset: i64, max_bytes: usize) -> Result<Vec<Record>, Problem> {
        let stored_bytes = max_bytes / READ_EXPANSION;
        let mut from = offset;
        loop {
            let batches = self
                .with_topic(topic, partition, |id, partition| self.batches(id, partition, from, stored_bytes))
                .map_err(journal_problem)?;
            let found =
                records(&batches, offset, max_bytes).map_err(|error| unreadable(topic, partition, offset, error))?;
            match batches.stored.last() {
                // Nothing but ends and aborted records of clients' transactions: what is asked for lies behind them.
                Some(last) if found.is_empty() => from = last.base_offset + i64::from(last.records),
                _ => return Ok(found),
            }
        }
    }

    fn offset_at(&self, topic: &str, partition: i32, timestamp_ms: i64) -> Result<i64, Problem> {
        let (from, batches) = self
            .with_topic(topic, partition, |id, partition| {
                let from = self.journal.offset_at(id, partition, timestamp_ms)?;
                Ok((from, self.batches(id, partition, from, 1)?))
            })
            .map_err(journal_problem)?;
        // The journal knows the batch; the record is in it.
        let found = records(&batches, from, usize::MAX).map_err(|error| unreadable(topic, partition, from, error))?;
        Ok(found.into_iter().find(|record| record.timestamp_ms >= timestamp_ms).map_or(from, |record| record.offset))
    }

    fn plan(&self, id: PlanId) -> Option<Bytes> {
        self.journal.plan_descriptor(journal::PlanId(id.0))
    }

    fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        self.journal.wait_change(seen, timeout)
    }

    fn wait_unless(&self, stop: &Stop, seen: u64, timeout: Duration) -> u64 {
        // Listened for before it is looked, so that no change comes between.
        let changed = self.journal.change_listener();
        let now = self.wait(seen, Duration::ZERO);
        if now != seen {
            return now;
        }
        stop.wait_or(changed, timeout);
        self.wait(seen, Duration::ZERO)
    }
}

/// The records of some batches from `offset` on, of as many batches as fit into `max_bytes` uncompressed, and of the first
/// in any case; keys and values share the memory of their batch.
fn records(batches: &Batches, offset: i64, max_bytes: usize) -> Result<Vec<Record>, BatchError> {
    let mut records: Vec<Record> = Vec::new();
    let mut bytes = 0;
    let mut origins = Origins::default();
    for stored in &batches.stored {
        // The journal has checked the frame that holds these bytes.
        let batch = Batch::read_unverified(&stored.bytes)?;
        if bytes >= max_bytes && !records.is_empty() {
            break;
        }
        if batch.is_control() || batches.is_aborted(&batch) {
            continue;
        }
        let stored_records = batch.records()?;
        bytes += stored_records.plain_len();
        records.reserve(batch.count as usize);
        let plan = stored.plan.map(|plan| PlanId(plan.0));
        let mut runs = stored.runs.iter();
        let mut run: Option<(Arc<Origin>, u64)> = None;
        let mut left = 0;
        for record in stored_records {
            let record = record?;
            while left == 0 {
                let Some((meta, first, count)) = runs.next() else {
                    run = None;
                    break;
                };
                run = Some((origins.get(stored.era, meta), first_ordinal(meta) + first));
                left = *count;
            }
            left = left.saturating_sub(1);
            let ordinal = run.as_mut().map_or(0, |(_, next)| {
                *next += 1;
                *next - 1
            });
            if record.offset < offset {
                continue;
            }
            records.push(Record {
                topic: None,
                offset: record.offset,
                timestamp_ms: record.timestamp,
                key: record.key,
                value: record.value,
                headers: record.headers.into_iter().map(header).collect(),
                plan,
                origin: run.as_ref().map(|(origin, _)| origin.clone()),
                ordinal,
            });
        }
    }
    Ok(records)
}

/// The origin made last: runs of one transaction follow each other, and their records share it.
#[derive(Default)]
struct Origins(Option<(u32, Arc<TransactionMeta>, Arc<Origin>)>);

impl Origins {
    fn get(&mut self, era: u32, meta: &Arc<TransactionMeta>) -> Arc<Origin> {
        match &self.0 {
            Some((last_era, last, origin)) if *last_era == era && Arc::ptr_eq(last, meta) => origin.clone(),
            _ => {
                let origin = Arc::new(origin(era, meta));
                self.0 = Some((era, meta.clone(), origin.clone()));
                origin
            }
        }
    }
}

fn header(header: batch::Header) -> Header {
    Header { name: String::from_utf8_lossy(&header.name).into_owned(), value: header.value }
}

fn unreadable(topic: &str, partition: i32, offset: i64, error: BatchError) -> Problem {
    Problem::internal("BATCH_UNREADABLE", format!("{topic}, partition {partition}, from offset {offset}: {error}"))
}
