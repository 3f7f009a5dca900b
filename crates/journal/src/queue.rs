//! From a call to a queued frame: checks, offsets, and back pressure.
//!
//! The queue knows the state behind the last queued frame, so every rule is checked and every offset given before a
//! frame is taken: the writer cannot meet a frame that contradicts the journal.

mod produce;
mod topics;

pub use topics::check_topic_name;

use crate::limits::{
    IDENTITY_MAX_BYTES, KEY_MAX_BYTES, META_MAX_BYTES, NAME_MAX_BYTES, PAYLOAD_MAX_BYTES, POSITION_MAX_BYTES,
    SPACE_PATIENCE, VALUE_MAX_BYTES,
};
use crate::record::{BATCH_META_BYTES, Batch, RUN_BYTES, Record, STAMP_BYTES};
use crate::scan::patch_base;
use crate::shared::{Shared, lock};
use crate::state::{At, State};
use crate::{BatchIn, Body, ConnectorId, JournalError, PlanId, Sequence, TopicId, TransactionMeta};
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::sync::{MutexGuard, PoisonError};
use std::time::Instant;

/// A frame on its way to the writer.
pub(crate) struct Queued {
    pub(crate) connector: u32,
    pub(crate) era: u32,
    pub(crate) record: Record,
    pub(crate) payload: Vec<Bytes>,
    /// What it counts in the queue.
    pub(crate) cost: usize,
}

/// Frames on their way, and the state behind the last of them.
pub(crate) struct Queue {
    pub(crate) state: State,
    pub(crate) frames: VecDeque<Queued>,
    /// Bytes queued or being written.
    pub(crate) bytes: usize,
    pub(crate) last: Sequence,
    pub(crate) closing: bool,
    /// The active segment is to get a successor.
    pub(crate) roll: bool,
    /// Segments may go that no frame tells of.
    pub(crate) look: bool,
    pub(crate) failed: Option<JournalError>,
    /// Set while the size budget is used up by what consumers need, or the disk is nearly full: bytes of records that are still taken, so that who
    /// looks between frames sees the pause before an append blocks; then records wait, and the rest goes on.
    pub(crate) over_budget: Option<usize>,
    plans: HashMap<Bytes, u32>,
    producer_ids: produce::ProducerIds,
}

/// Bytes of a Kafka record batch without records.
const BATCH_HEADER_BYTES: usize = 61;
/// What a queued frame counts besides its bytes.
const FRAME_COST: usize = 256;

impl Queue {
    pub(crate) fn new(state: State, last: Sequence) -> Self {
        let plans = state.plans.iter().map(|(id, descriptor)| (descriptor.clone(), *id)).collect();
        Self {
            producer_ids: produce::ProducerIds::new(state.producer_ids),
            state,
            frames: VecDeque::new(),
            bytes: 0,
            last,
            closing: false,
            roll: false,
            look: false,
            failed: None,
            over_budget: None,
            plans,
        }
    }

    pub(crate) fn push(
        &mut self,
        connector: u32,
        era: u32,
        record: Record,
        payload: Vec<Bytes>,
    ) -> Result<Sequence, JournalError> {
        self.state.apply(connector, era, &record, At::default()).map_err(refused)?;
        let bytes = payload.iter().map(Bytes::len).sum::<usize>();
        let cost = FRAME_COST + bytes + meta_estimate(&record);
        self.bytes += cost;
        if let Some(left) = self.over_budget.as_mut().filter(|_| bytes > 0) {
            *left = left.saturating_sub(cost);
        }
        self.last.0 += 1;
        self.frames.push_back(Queued { connector, era, record, payload, cost });
        Ok(self.last)
    }

    fn has_room(&self, queue_bytes: usize, records: bool) -> bool {
        self.bytes < queue_bytes.max(1) && !(records && self.over_budget == Some(0))
    }

    fn usable(&self) -> Result<(), JournalError> {
        match &self.failed {
            Some(error) => Err(error.clone()),
            None if self.closing => Err(JournalError::Closed),
            None => Ok(()),
        }
    }
}

impl Shared {
    /// Queues the frame of a body; see [`crate::Journal::append`].
    pub(crate) fn append(&self, connector: ConnectorId, era: u32, body: Body) -> Result<Sequence, JournalError> {
        check(&body)?;
        let records = matches!(&body, Body::Part { .. } | Body::PartCommit { .. })
            || matches!(&body, Body::Transactions { batches, .. } if !batches.is_empty());
        let mut queue = self.wait_for_room(records)?;
        let queue = &mut *queue;
        let known = queue.state.connectors.get(&connector.0).ok_or_else(|| refused("an unknown connector"))?;
        let moves_source = !matches!(body, Body::Entries(_) | Body::PartAbort { .. });
        if moves_source && known.source.era != era {
            return Err(refused(format!("era {era} is not the connector's era {}", known.source.era)));
        }
        let state = &queue.state;
        let (record, payload) = match body {
            Body::Transactions { position, transactions, batches } => {
                let (batches, payload) = place(state, batches, |_| None)?;
                (Record::Transactions { position, transactions, batches }, payload)
            }
            Body::Part { part_of, batches } => {
                let open = state.open.get(&(connector.0, part_of));
                let so_far = |key| Some(open.and_then(|open| open.records.get(&key)).copied().unwrap_or_default());
                let relative = |key| so_far(key).and_then(|records| i64::try_from(records).ok());
                let (batches, payload) = place(state, batches, relative)?;
                (Record::Part { part_of, batches }, payload)
            }
            Body::PartCommit { part_of, position, transaction, batches } => {
                let (parts, bases) = state.bases(connector.0, part_of);
                if parts == 0 {
                    return Err(refused("the commit of a big transaction without parts"));
                }
                let behind = |key| {
                    let base = bases.iter().find(|base| (base.topic, base.partition) == key)?;
                    Some(base.offset + i64::try_from(base.records).ok()?)
                };
                let (batches, payload) = place(state, batches, behind)?;
                (Record::PartCommit { part_of, position, transaction, parts, bases, batches }, payload)
            }
            Body::PartAbort { part_of } => (Record::PartAbort { part_of }, Vec::new()),
            Body::Progress { position } => (Record::Progress { position }, Vec::new()),
            Body::Entries(entries) => (Record::Entries(entries), Vec::new()),
            Body::Era { .. } => return Err(refused("an era is begun with begin_era")),
        };
        let sequence = queue.push(connector.0, era, record, payload)?;
        self.work.notify_one();
        Ok(sequence)
    }

    /// Finds or draws the number of a connector.
    pub(crate) fn connector(&self, name: &str) -> Result<ConnectorId, JournalError> {
        if name.is_empty() || name.len() > NAME_MAX_BYTES {
            return Err(JournalError::NameInvalid { name: name.into(), why: "its length" });
        }
        let mut queue = self.usable_queue()?;
        let known = queue.state.connectors.iter().find(|(_, connector)| connector.name == name).map(|(id, _)| *id);
        let id = match known {
            Some(id) => id,
            None => {
                let id = next(queue.state.last_connector)?;
                queue.push(id, 0, Record::Connector { name: name.into() }, Vec::new())?;
                id
            }
        };
        self.settle(queue)?;
        Ok(ConnectorId(id))
    }

    /// Draws an era.
    pub(crate) fn begin_era(&self, connector: ConnectorId, identity: &[u8]) -> Result<u32, JournalError> {
        if identity.len() > IDENTITY_MAX_BYTES {
            return Err(refused(format!("an identity of more than {IDENTITY_MAX_BYTES} bytes")));
        }
        let mut queue = self.usable_queue()?;
        let era = next(queue.state.last_era)?;
        queue.push(connector.0, era, Record::Era { identity: identity.to_vec() }, Vec::new())?;
        self.settle(queue)?;
        Ok(era)
    }

    /// Finds or draws the number of a plan. Does not wait: the plan precedes what uses it in the journal.
    pub(crate) fn plan(&self, descriptor: &[u8]) -> Result<PlanId, JournalError> {
        if descriptor.len() > VALUE_MAX_BYTES {
            return Err(refused(format!("a plan of more than {VALUE_MAX_BYTES} bytes")));
        }
        let mut queue = self.usable_queue()?;
        if let Some(plan) = queue.plans.get(descriptor) {
            return Ok(PlanId(*plan));
        }
        let plan = next(queue.state.last_plan)?;
        let descriptor = Bytes::copy_from_slice(descriptor);
        queue.push(0, 0, Record::Plan { plan, descriptor: descriptor.clone() }, Vec::new())?;
        queue.plans.insert(descriptor, plan);
        self.work.notify_one();
        Ok(PlanId(plan))
    }

    /// The bytes of a plan, queued ones included: who has a number may use it.
    pub(crate) fn plan_descriptor(&self, id: PlanId) -> Option<Bytes> {
        let durable = self.view().state.plans.get(&id.0).cloned();
        durable.or_else(|| self.queue().state.plans.get(&id.0).cloned())
    }

    /// Sets from where on a consumer needs a partition. Needs no waiting: until it is durable, more is kept.
    pub(crate) fn protect(&self, connector: ConnectorId, topic: TopicId, partition: u32, needed_from: i64) {
        let Ok(mut queue) = self.usable_queue() else { return };
        let known = queue.state.protections.get(&(connector.0, topic.0, partition)).copied().unwrap_or(i64::MAX);
        let exists = queue.state.partition(topic.0, partition).is_some();
        if known == needed_from || (!exists && needed_from != i64::MAX) {
            return;
        }
        let record = Record::Protect { topic: topic.0, partition, needed_from };
        // Cannot be refused: it contradicts nothing.
        let _ = queue.push(connector.0, 0, record, Vec::new());
        self.work.notify_one();
    }

    /// Big transactions that an earlier process left open can never be completed.
    pub(crate) fn abort_open(&self) -> Result<(), JournalError> {
        let mut queue = self.usable_queue()?;
        let open: Vec<_> = queue.state.open.keys().copied().collect();
        for (connector, part_of) in open {
            queue.push(connector, 0, Record::PartAbort { part_of }, Vec::new())?;
        }
        self.work.notify_one();
        Ok(())
    }

    pub(crate) fn usable_queue(&self) -> Result<MutexGuard<'_, Queue>, JournalError> {
        let queue = self.queue();
        queue.usable()?;
        Ok(queue)
    }

    /// Makes the writer look which segments may go.
    pub(crate) fn look(&self) {
        self.queue().look = true;
        self.work.notify_one();
    }

    /// Whether a call with records would wait just now.
    pub(crate) fn is_full(&self) -> bool {
        let queue = self.queue();
        queue.usable().is_ok() && !queue.has_room(self.options.queue_bytes, true)
    }

    fn wait_for_room(&self, records: bool) -> Result<MutexGuard<'_, Queue>, JournalError> {
        let mut queue = lock(&self.queue);
        let mut until = Instant::now() + SPACE_PATIENCE;
        loop {
            queue.usable()?;
            if queue.has_room(self.options.queue_bytes, records) {
                return Ok(queue);
            }
            // Frames that are no records may come and go all the time.
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(queue);
                self.paused().map_or(Ok(()), Err)?;
                queue = lock(&self.queue);
                until = Instant::now() + SPACE_PATIENCE;
                continue;
            }
            queue = self.room.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until everything queued so far is durable, when there is anything. Without space it becomes durable later.
    pub(crate) fn settle(&self, queue: MutexGuard<'_, Queue>) -> Result<(), JournalError> {
        let last = queue.last;
        self.settle_at(queue, last)
    }

    /// The same for what is queued up to a frame.
    fn settle_at(&self, queue: MutexGuard<'_, Queue>, last: Sequence) -> Result<(), JournalError> {
        drop(queue);
        self.work.notify_one();
        while !self.wait_durable(last, Some(SPACE_PATIENCE))? {
            self.paused().map_or(Ok(()), Err)?;
        }
        Ok(())
    }
}

/// Gives batches their offsets. `start` is where a partition begins for this frame; without an answer it is the high
/// watermark.
fn place(
    state: &State,
    batches: Vec<BatchIn>,
    start: impl Fn((u32, u32)) -> Option<i64>,
) -> Result<(Vec<Batch>, Vec<Bytes>), JournalError> {
    let mut next: HashMap<(u32, u32), i64> = HashMap::new();
    let mut placed = Vec::with_capacity(batches.len());
    let mut payload = Vec::with_capacity(batches.len());
    for mut batch in batches {
        let key = (batch.topic.0, batch.partition);
        let known = state
            .partition(key.0, key.1)
            .ok_or_else(|| JournalError::TopicUnknown { topic: format!("number {}, partition {}", key.0, key.1) })?;
        let offset = next.entry(key).or_insert_with(|| start(key).unwrap_or(known.high_watermark));
        patch_base(&mut batch.bytes, *offset);
        placed.push(Batch {
            topic: key.0,
            partition: key.1,
            base_offset: *offset,
            records: batch.records,
            bytes: u32::try_from(batch.bytes.len()).unwrap_or(u32::MAX),
            crc: 0,
            max_timestamp: batch.max_timestamp,
            plan: batch.plan.map_or(0, |plan| plan.0),
            encoding: batch.encoding,
            runs: batch.runs,
        });
        payload.push(batch.bytes.freeze());
        *offset += i64::from(batch.records);
    }
    Ok((placed, payload))
}

/// Checks what needs no state: sizes and references inside the body.
fn check(body: &Body) -> Result<(), JournalError> {
    let (position, transactions, batches): (&[u8], &[TransactionMeta], &[BatchIn]) = match body {
        Body::Transactions { position, transactions, batches } => (position, transactions, batches),
        Body::Part { batches, .. } => (&[], &[], batches),
        Body::PartCommit { position, transaction, batches, .. } => {
            (position, std::slice::from_ref(transaction), batches)
        }
        Body::Progress { position } => (position, &[], &[]),
        Body::Entries(entries) => return check_entries(entries),
        Body::PartAbort { .. } | Body::Era { .. } => return Ok(()),
    };
    if position.len() > POSITION_MAX_BYTES {
        return Err(refused(format!("a position of more than {POSITION_MAX_BYTES} bytes")));
    }
    // The one transaction of a part is named by its commit.
    let known = if matches!(body, Body::Part { .. }) { 1 } else { transactions.len() };
    let mut meta = transactions.len() * 36;
    let mut payload = 0;
    for batch in batches {
        if batch.records == 0 || batch.bytes.len() < BATCH_HEADER_BYTES {
            return Err(refused("a record batch without records"));
        }
        if batch.runs.iter().any(|run| run.transaction as usize >= known) {
            return Err(refused("a run names a transaction that is not in its frame"));
        }
        meta += BATCH_META_BYTES + batch.runs.len() * RUN_BYTES;
        payload += batch.bytes.len();
    }
    if meta > META_MAX_BYTES / 2 {
        return Err(refused("too many batches, runs or transactions for one frame"));
    }
    if payload > PAYLOAD_MAX_BYTES {
        return Err(refused(format!("{payload} bytes of records, where a frame takes {PAYLOAD_MAX_BYTES}")));
    }
    Ok(())
}

fn check_entries(entries: &[(String, Bytes)]) -> Result<(), JournalError> {
    if entries.iter().any(|(key, _)| key.is_empty() || key.len() > KEY_MAX_BYTES) {
        return Err(refused(format!("a key of an entry has not 1 to {KEY_MAX_BYTES} bytes")));
    }
    if entries.iter().map(|(key, value)| key.len() + value.len() + 8).sum::<usize>() > VALUE_MAX_BYTES {
        return Err(refused(format!("entries of more than {VALUE_MAX_BYTES} bytes")));
    }
    Ok(())
}

fn meta_estimate(record: &Record) -> usize {
    let batches = record.batches().iter().map(|batch| BATCH_META_BYTES + batch.runs.len() * RUN_BYTES).sum::<usize>();
    let rest = match record {
        Record::Produced { stamps, .. } => stamps.len() * STAMP_BYTES,
        Record::Entries(entries) | Record::TransactionEnd { entries, .. } => {
            entries.iter().map(|(key, value)| key.len() + value.len()).sum()
        }
        Record::Plan { descriptor, .. } => descriptor.len(),
        _ => record.transactions().len() * 36,
    };
    batches + rest
}

fn next(last: u32) -> Result<u32, JournalError> {
    last.checked_add(1).ok_or_else(|| refused("all numbers are used up"))
}

fn refused(why: impl Into<String>) -> JournalError {
    JournalError::Refused { why: why.into() }
}
