//! From partitions to files: reads what is visible, ends files, notices gaps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use metrics::gauge;
use tailwater_connector::property::nearest;
use tailwater_connector::transport::{PartitionInfo, Portion, TopicInfo};
use tailwater_connector::{Problem, StatusCell, Stop, TopicReader};

use super::output::Output;
use super::partition::{Partition, Step};
use super::plan::{self, FilePlan};
use super::roll::RollPolicy;
use super::selection::Selection;
use super::tally::Tally;
use super::{Encoder, PartitionId, Skip};
use crate::limits::{DUE_WAIT, IDLE_WAIT, OPEN_FILES_BYTES_MAX, READ_BYTES, STOP_BYTES, STOP_RECORDS};

/// A sink at work. Holds nothing that a new one could not read from the transport.
pub(crate) struct Delivery<'a, E> {
    pub(crate) encoder: &'a mut E,
    pub(crate) selection: &'a Selection,
    pub(crate) roll: RollPolicy,
    pub(crate) output: Output,
    pub(crate) topics: Arc<dyn TopicReader>,
    pub(crate) status: Arc<StatusCell>,
    pub(crate) stop: Stop,
    pub(crate) rest: Rest,
    pub(crate) clock: &'a (dyn Fn() -> i64 + Send + Sync),
    pub(crate) offsets: BTreeMap<PartitionId, i64>,
    pub(crate) partitions: BTreeMap<PartitionId, Partition>,
}

/// What is still read after a stop.
pub(crate) struct Rest {
    records: i64,
    bytes: usize,
}

impl Default for Rest {
    fn default() -> Self {
        Rest { records: STOP_RECORDS, bytes: STOP_BYTES }
    }
}

impl<E: Encoder> Delivery<'_, E> {
    /// Reads the entries, and writes again every file that an earlier run may have left half done.
    pub(crate) fn recover(&mut self) -> Result<(), Problem> {
        let progress = plan::read(&self.output.transport.entries(&self.output.connector))?;
        self.offsets = progress.offsets;
        for (id, plan) in progress.plans {
            tracing::info!(connector = self.output.connector, key = plan.key, "writing a planned file again");
            self.write_again(&id, &plan)?;
            self.offsets.insert(id, plan.end);
        }
        // Not before, because what is written again is needed until then.
        self.let_go_of_others();
        Ok(())
    }

    /// Reads everything that is visible now and delivers the files that end. After a stop not more than is left to read.
    pub(crate) fn pass(&mut self) -> Result<(), Problem> {
        let infos = self.topics.topics();
        self.meet(&infos)?;
        self.warn_of_missing(&infos);
        let ends: Vec<_> = selected(&infos, self.selection).map(|(id, _, info)| (id, info.high_watermark)).collect();
        let mut behind = true;
        while behind {
            behind = false;
            for (id, high_watermark) in &ends {
                behind |= self.advance(id, *high_watermark)?;
            }
        }
        let now_us = (self.clock)();
        let roll = self.roll.clone();
        self.deliver_where(|p| p.is_skipping(now_us) || p.is_due(&roll, now_us))?;
        let waiting = |(id, end): &(PartitionId, i64)| end - self.partitions.get(id).map_or(*end, |p| p.delivered);
        let lag: i64 = ends.iter().map(waiting).sum();
        gauge!("tailwater_sink_lag_records", "connector" => self.output.connector.clone()).set(lag as f64);
        Ok(())
    }

    /// How long nothing is to be done unless records come. Only the clock's rules know what ends when, so they are asked for
    /// times ever further off.
    pub(crate) fn idle_for(&mut self) -> Duration {
        let now_us = (self.clock)();
        let mut wait = DUE_WAIT;
        while wait < IDLE_WAIT {
            let longer = (wait * 2).min(IDLE_WAIT);
            let then_us = now_us.saturating_add(i64::try_from(longer.as_micros()).unwrap_or(i64::MAX));
            if self.partitions.values_mut().any(|p| p.is_skipping(then_us) || p.is_due(&self.roll, then_us)) {
                break;
            }
            wait = longer;
        }
        wait
    }

    /// Delivers everything that was read.
    pub(crate) fn finish(&mut self) -> Result<(), Problem> {
        self.deliver_where(|p| p.next > p.delivered)
    }

    /// Takes up partitions that were not there before.
    fn meet(&mut self, infos: &[TopicInfo]) -> Result<(), Problem> {
        let mut unknown = Vec::new();
        let mut met = Vec::new();
        let mut anew = None;
        for (id, change, info) in selected(infos, self.selection) {
            if let Some(known) = self.partitions.get(&id) {
                if known.next > info.high_watermark {
                    anew = Some(ahead(&id, known.next, info.high_watermark));
                }
                continue;
            }
            match self.offsets.get(&id) {
                Some(offset) if *offset > info.high_watermark => return Err(ahead(&id, *offset, info.high_watermark)),
                Some(offset) => met.push(Partition::at(id, change, *offset)),
                None => unknown.push(Partition::at(id, change, info.log_start)),
            }
        }
        if let Some(problem) = anew {
            // What was read before is in no log any more.
            self.finish()?;
            return Err(problem);
        }
        self.output.note_start(&unknown)?;
        for partition in met.into_iter().chain(unknown) {
            self.output.protect(&partition);
            self.partitions.insert(partition.id.clone(), partition);
        }
        Ok(())
    }

    /// What an earlier configuration read is not held back any more, whether or not its offsets are still known.
    fn let_go_of_others(&self) {
        let Output { transport, connector, .. } = &self.output;
        for info in self.topics.topics().iter().filter(|info| !self.selection.takes(&info.name)) {
            for (partition, _) in (0..).zip(&info.partitions) {
                transport.still_needs(connector, &info.name, partition, i64::MAX);
            }
        }
    }

    /// A topic that was named and is not there: misspelt, or its first event is still to come.
    fn warn_of_missing(&self, infos: &[TopicInfo]) {
        let exists = |name: &str| infos.iter().any(|info| info.name == name);
        let missing: Vec<_> =
            self.selection.named().iter().filter(|name| !exists(name)).map(|name| missing(name, infos)).collect();
        self.status.retain_warnings(|w| w.code != TOPIC_MISSING || missing.contains(w));
        for warning in missing {
            self.status.warn(warning);
        }
    }

    /// Reads one piece of a partition; says whether there was any below `end`.
    fn advance(&mut self, id: &PartitionId, end: i64) -> Result<bool, Problem> {
        let Some(next) = self.partitions.get(id).map(|p| p.next).filter(|next| *next < end) else {
            return Ok(false);
        };
        let stopping = self.stop.is_set();
        if stopping && (self.rest.records <= 0 || self.rest.bytes == 0) {
            return Ok(false);
        }
        let Portion { records, next: behind } = match read_from(&*self.topics, id, next) {
            Ok(portion) => portion,
            Err(problem) => {
                // What was read before the gap is delivered before the gap is reported: the log no longer has it.
                self.finish()?;
                return Err(problem);
            }
        };
        if records.iter().any(|record| record.topic.is_some()) && !self.output.layout.tells_sources_apart() {
            return Err(routed(&id.topic));
        }
        let now_us = (self.clock)();
        let Some(partition) = self.partitions.get_mut(id) else {
            return Ok(false);
        };
        if behind <= next {
            partition.next = end;
        }
        if stopping {
            self.rest.records -= behind - next;
            let bytes = records.iter().filter_map(|record| record.value.as_ref()).map(Bytes::len).sum();
            self.rest.bytes = self.rest.bytes.saturating_sub(bytes);
        }
        let mut tally = Tally::default();
        for record in &records {
            let mut step = partition.take(record, self.encoder, &*self.topics, &self.roll, now_us)?;
            if step == Step::FileEnds {
                self.output.deliver(&mut [partition])?;
                step = partition.take(record, self.encoder, &*self.topics, &self.roll, now_us)?;
            }
            tally.note(&step);
            if partition.is_full(&self.roll) {
                self.output.deliver(&mut [partition])?;
            }
        }
        // Transforms may have dropped the last ones.
        partition.next = partition.next.max(behind);
        tally.publish(&self.output.connector);
        if tally.skipped(Skip::Foreign) > 0 {
            self.status.warn(foreign(&id.topic));
        }
        if partition.is_skipping(now_us) || partition.is_due(&self.roll, now_us) {
            self.output.deliver(&mut [partition])?;
        }
        self.keep_within_memory()?;
        Ok(true)
    }

    /// Ends the largest open files while all of them together are too much.
    fn keep_within_memory(&mut self) -> Result<(), Problem> {
        while self.partitions.values().map(Partition::open_bytes).sum::<usize>() > OPEN_FILES_BYTES_MAX {
            let Some(largest) = self.partitions.values_mut().max_by_key(|p| p.open_bytes()) else {
                break;
            };
            self.output.deliver(&mut [largest])?;
        }
        Ok(())
    }

    fn deliver_where(&mut self, which: impl Fn(&mut Partition) -> bool) -> Result<(), Problem> {
        let mut chosen: Vec<_> = self.partitions.values_mut().filter_map(|p| which(p).then_some(p)).collect();
        if chosen.is_empty() { Ok(()) } else { self.output.deliver(&mut chosen) }
    }

    fn write_again(&mut self, id: &PartitionId, plan: &FilePlan) -> Result<(), Problem> {
        let infos = self.topics.topics();
        if bounds(&infos, id).is_none() {
            return Err(ahead(id, plan.start, 0));
        }
        let change = infos.iter().any(|info| info.name == id.topic && info.change);
        let mut partition = Partition::at(id.clone(), change, plan.start);
        while partition.next < plan.end {
            let from = partition.next;
            let Portion { records, next } = read_from(&*self.topics, id, from)?;
            for record in records.iter().take_while(|r| r.offset < plan.end) {
                let step = partition.take(record, self.encoder, &*self.topics, &RollPolicy::NEVER, plan.loaded_us)?;
                if step == Step::FileEnds {
                    return Err(changed(plan));
                }
            }
            // Compaction may have removed the end of the range, or a transform dropped it; the log still goes on beyond it.
            partition.next = partition.next.max(next.min(plan.end));
            if next <= from || next >= plan.end {
                let end = bounds(&self.topics.topics(), id).map_or(0, |b| b.high_watermark);
                if end < plan.end {
                    return Err(ahead(id, plan.end, end));
                }
                partition.next = plan.end;
            }
        }
        self.output.deliver_again(plan, &mut partition)
    }
}

/// The partitions of the chosen topics, with whether a connector writes them.
fn selected<'a>(
    infos: &'a [TopicInfo],
    selection: &'a Selection,
) -> impl Iterator<Item = (PartitionId, bool, &'a PartitionInfo)> {
    infos.iter().filter(|info| selection.takes(&info.name)).flat_map(|info| {
        (0..)
            .zip(&info.partitions)
            .map(|(partition, bounds)| (PartitionId { topic: info.name.clone(), partition }, info.change, bounds))
    })
}

/// A partition's bounds; `None` when there is no such topic.
fn bounds(infos: &[TopicInfo], id: &PartitionId) -> Option<PartitionInfo> {
    let info = infos.iter().find(|info| info.name == id.topic)?;
    info.partitions.get(usize::try_from(id.partition).ok()?).copied()
}

/// Records from exactly `offset` on; a gap that retention made is a problem, one that compaction made is not.
fn read_from(topics: &dyn TopicReader, id: &PartitionId, offset: i64) -> Result<Portion, Problem> {
    let mut portion = topics.read_on(&id.topic, id.partition, offset, READ_BYTES)?;
    let records = &mut portion.records;
    records.retain(|r| r.offset >= offset);
    if records.first().is_none_or(|first| first.offset > offset)
        && let Some(bounds) = bounds(&topics.topics(), id).filter(|bounds| bounds.log_start > offset)
    {
        return Err(behind(id, offset, bounds.log_start));
    }
    Ok(portion)
}

const TOPIC_MISSING: &str = "SINK_TOPIC_MISSING";

fn missing(topic: &str, infos: &[TopicInfo]) -> Problem {
    let remedy = match nearest(topic, infos.iter().map(|info| info.name.as_str())) {
        Some(near) => format!("Did you mean '{near}'?"),
        None => "List the topics with: tailwater topics".to_owned(),
    };
    let cause = format!("topic '{topic}' does not exist yet; it is read once it does");
    Problem::config(TOPIC_MISSING, cause, remedy).warning()
}

fn changed(plan: &FilePlan) -> Problem {
    Problem::stop(
        "SINK_PLAN_CHANGED",
        format!("the file {} was begun under other properties, which gave it other columns", plan.key),
        "Start the connector once with the properties it had, then change them.",
    )
}

fn behind(id: &PartitionId, offset: i64, log_start: i64) -> Problem {
    let PartitionId { topic, partition } = id;
    let last = log_start - 1;
    Problem::stop(
        "SINK_BEHIND_LOG_START",
        format!(
            "records {offset} to {last} of topic '{topic}' partition {partition} were removed, by retention or by a client, \
             before they were delivered"
        ),
        "Give the connector another \"name\": it then starts with what the topic still has. Of changes, what is missing is \
         in the database only; a new snapshot brings its rows.",
    )
}

fn ahead(id: &PartitionId, offset: i64, end: i64) -> Problem {
    let PartitionId { topic, partition } = id;
    Problem::stop(
        "SINK_AHEAD_OF_LOG",
        format!(
            "the sink stands at offset {offset} of topic '{topic}' partition {partition}, which ends at {end}: the topic \
             was made anew, or the data directory is an older copy"
        ),
        "Give the connector another \"name\" and another directory: it then delivers the topic from its start.",
    )
}

fn routed(topic: &str) -> Problem {
    Problem::stop(
        "SINK_TOPIC_CHANGED",
        format!(
            "a transform gives records of topic '{topic}' another topic, and files named by a template would then be written \
             over by those of another topic at the same offset"
        ),
        "Leave the router out of 'transforms', or use io.confluent.connect.s3.S3SinkConnector, whose names tell topics apart.",
    )
}

fn foreign(topic: &str) -> Problem {
    Problem::config(
        "SINK_FOREIGN_RECORDS",
        format!("topic '{topic}' has records that no source wrote; they are left out and counted"),
        "Produce to topics of your own.",
    )
    .warning()
}
