//! What clients write: batches with their producers' identity, the ends of transactions, and producer ids.

use super::{BATCH_HEADER_BYTES, check_entries, refused};
use crate::limits::{META_MAX_BYTES, PAYLOAD_MAX_BYTES, PRODUCER_ID_BLOCK};
use crate::record::{BATCH_META_BYTES, Batch, Record, STAMP_BYTES, Stamp};
use crate::scan::patch_base;
use crate::shared::Shared;
use crate::state::{Arriving, State, Tentative, Verdict};
use crate::{ClientBatch, JournalError, Placed, Produced, Refusal, Sequence, TransactionEnd};
use bytes::{Bytes, BytesMut};
use std::collections::HashMap;
use tailwater_wire::batch::{HeaderMut, Marker};

/// The leader epoch that every stored batch names.
const LEADER_EPOCH: i32 = 0;

/// Producer ids that were drawn and not given away.
pub(super) struct ProducerIds {
    next: i64,
    below: i64,
    /// The frame that drew them.
    drawn_by: Sequence,
}

impl ProducerIds {
    pub(super) fn new(drawn: i64) -> Self {
        Self { next: drawn, below: drawn, drawn_by: Sequence(0) }
    }
}

impl Shared {
    /// See [`crate::Journal::produce`].
    pub(crate) fn produce(&self, batches: Vec<ClientBatch>) -> Result<Produced, JournalError> {
        check(&batches)?;
        let batches: Vec<(ClientBatch, BytesMut)> = batches.into_iter().map(unshare).collect();
        let now_ms = self.clock.now_ms();
        let mut queue = self.wait_for_room(true)?;
        let mut frame = Frame::default();
        let placed =
            batches.into_iter().map(|(batch, bytes)| frame.place(&queue.state, batch, bytes, now_ms)).collect();
        let Frame { batches, stamps, payload, .. } = frame;
        let sequence = if batches.is_empty() {
            // What a repeated batch repeats may still be on its way.
            queue.last
        } else {
            queue.push(0, 0, Record::Produced { now_ms, batches, stamps }, payload)?
        };
        self.work.notify_one();
        Ok(Produced { sequence, placed })
    }

    /// See [`crate::Journal::end_transaction`].
    pub(crate) fn end_transaction(&self, end: TransactionEnd) -> Result<Sequence, JournalError> {
        check_entries(&end.entries)?;
        if end.partitions.len() * (BATCH_META_BYTES + BATCH_HEADER_BYTES) > META_MAX_BYTES / 2 {
            return Err(refused("a transaction of too many partitions"));
        }
        let now_ms = self.clock.now_ms();
        let mut queue = self.wait_for_room(false)?;
        if !end.entries.is_empty() && !queue.state.connectors.contains_key(&end.connector.0) {
            return Err(refused("an unknown connector"));
        }
        let marker = Marker {
            producer_id: end.producer,
            producer_epoch: end.epoch,
            committed: end.commit,
            coordinator_epoch: end.coordinator_epoch,
            timestamp: now_ms,
        };
        let mut bytes = marker.to_batch().map_err(|error| refused(error.to_string()))?;
        set_leader_epoch(&mut bytes);
        let mut frame = Frame::default();
        for (topic, partition) in &end.partitions {
            frame.put(&queue.state, (topic.0, *partition), (1, now_ms), bytes.clone());
        }
        let Frame { batches, payload, .. } = frame;
        let TransactionEnd { producer, epoch, commit, coordinator_epoch, connector, entries, .. } = end;
        let record = Record::TransactionEnd {
            connector: connector.0,
            now_ms,
            producer,
            epoch,
            commit,
            coordinator_epoch,
            batches,
            entries,
        };
        let sequence = queue.push(0, 0, record, payload)?;
        self.work.notify_one();
        Ok(sequence)
    }

    /// See [`crate::Journal::next_producer_id`].
    pub(crate) fn next_producer_id(&self) -> Result<i64, JournalError> {
        let mut queue = self.usable_queue()?;
        if queue.producer_ids.next == queue.producer_ids.below {
            let below = queue.producer_ids.below.checked_add(PRODUCER_ID_BLOCK);
            let below = below.ok_or_else(|| refused("all producer ids are used up"))?;
            let drawn_by = queue.push(0, 0, Record::ProducerIds { below }, Vec::new())?;
            queue.producer_ids = ProducerIds { next: queue.producer_ids.next, below, drawn_by };
        }
        let id = queue.producer_ids.next;
        queue.producer_ids.next += 1;
        let drawn_by = queue.producer_ids.drawn_by;
        self.settle_at(queue, drawn_by)?;
        Ok(id)
    }
}

/// A frame that grows.
#[derive(Default)]
struct Frame {
    batches: Vec<Batch>,
    stamps: Vec<Stamp>,
    payload: Vec<Bytes>,
    /// Where the next batch of a partition goes.
    next: HashMap<(u32, u32), i64>,
    tentative: Tentative,
}

impl Frame {
    /// Judges a client's batch, and takes it when it is new.
    fn place(&mut self, state: &State, batch: ClientBatch, bytes: BytesMut, now_ms: i64) -> Result<Placed, Refusal> {
        let key = (batch.topic.0, batch.partition);
        let ClientBatch { records, max_timestamp, .. } = batch;
        let known = state.partition(key.0, key.1).ok_or(Refusal::UnknownPartition)?;
        let log_start = known.log_start;
        let base_offset = self.next.get(&key).copied().unwrap_or(known.high_watermark);
        if let Some(stamp) = batch.producer {
            let arriving = Arriving { stamp, base_offset, records, max_timestamp, now_ms };
            if let Verdict::Duplicate { base_offset, max_timestamp } =
                self.tentative.judge(&state.clients, key, &arriving)?
            {
                return Ok(Placed { base_offset, log_start, duplicate: true, max_timestamp });
            }
            let number = u32::try_from(self.batches.len()).unwrap_or(u32::MAX);
            self.stamps.push(Stamp { batch: number, producer: stamp });
        }
        self.put(state, key, (records, max_timestamp), bytes);
        Ok(Placed { base_offset, log_start, duplicate: false, max_timestamp })
    }

    /// Adds a batch behind what its partition has, unless that is gone.
    fn put(&mut self, state: &State, key: (u32, u32), (records, max_timestamp): (u32, i64), mut bytes: BytesMut) {
        let Some(known) = state.partition(key.0, key.1) else { return };
        let offset = self.next.entry(key).or_insert(known.high_watermark);
        patch_base(&mut bytes, *offset);
        self.batches.push(Batch {
            topic: key.0,
            partition: key.1,
            base_offset: *offset,
            records,
            bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            crc: 0,
            max_timestamp,
            plan: 0,
            encoding: 0,
            runs: Vec::new(),
        });
        self.payload.push(bytes.freeze());
        *offset += i64::from(records);
    }
}

/// Takes a batch's bytes for writing: as they are when nobody else has them, else as a copy.
fn unshare(mut batch: ClientBatch) -> (ClientBatch, BytesMut) {
    let bytes = std::mem::take(&mut batch.bytes);
    let mut bytes = bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(shared.as_ref()));
    set_leader_epoch(&mut bytes);
    (batch, bytes)
}

fn set_leader_epoch(bytes: &mut BytesMut) {
    if let Ok(mut header) = HeaderMut::new(bytes) {
        header.set_leader_epoch(LEADER_EPOCH);
    }
}

/// Checks what needs no state.
fn check(batches: &[ClientBatch]) -> Result<(), JournalError> {
    if batches.iter().any(|batch| batch.records == 0 || batch.bytes.len() < BATCH_HEADER_BYTES) {
        return Err(refused("a record batch without records"));
    }
    let sequence = |batch: &ClientBatch| batch.producer.map_or(0, |stamp| stamp.first_sequence);
    if batches.iter().any(|batch| sequence(batch) < 0) {
        return Err(refused("a producer's sequence is negative"));
    }
    if batches.len() * (BATCH_META_BYTES + STAMP_BYTES) > META_MAX_BYTES / 2 {
        return Err(refused("too many batches for one frame"));
    }
    let payload: usize = batches.iter().map(|batch| batch.bytes.len()).sum();
    if payload > PAYLOAD_MAX_BYTES {
        return Err(refused(format!("{payload} bytes of records, where a frame takes {PAYLOAD_MAX_BYTES}")));
    }
    Ok(())
}
