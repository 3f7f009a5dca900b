//! Producers with ids, their transactions, and what those who abort leave behind, per partition (KIP-98).
//!
//! The rules are those of Kafka's producer state manager. Time comes from frames, so that a replay forgets idle
//! producers where the first run did.

use crate::client::{Aborted, ProducerInfo, ProducerStamp, Refusal};
use crate::limits::{OPEN_TRANSACTIONS_MAX, PRODUCER_BATCHES, PRODUCER_IDLE_MS, PRODUCERS_MAX};
use std::collections::{BTreeMap, BTreeSet};

type Key = (u32, u32);

/// All partitions that producers with ids wrote into.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Clients {
    partitions: BTreeMap<Key, Writers>,
    /// Producers of all partitions, and open transactions.
    producers: usize,
    open: usize,
}

/// Producers of one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Writers {
    pub(super) producers: BTreeMap<i64, Producer>,
    /// First offset and producer of each open transaction.
    open: BTreeSet<(i64, i64)>,
    /// In order of their markers.
    pub(super) aborted: Vec<Aborted>,
    /// Nobody has been idle for longer than since this time.
    idle_since: i64,
}

/// One producer in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Producer {
    pub(super) epoch: i16,
    pub(super) coordinator_epoch: i32,
    pub(super) last_ms: i64,
    /// First offset of its open transaction.
    pub(super) open_from: Option<i64>,
    /// Its last batches in this epoch, at most [`PRODUCER_BATCHES`].
    pub(super) recent: Vec<Recent>,
}

/// A batch of a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recent {
    pub(super) first_sequence: i32,
    pub(super) last_sequence: i32,
    pub(super) base_offset: i64,
    pub(super) max_timestamp: i64,
}

/// A batch on its way in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arriving {
    pub(crate) stamp: ProducerStamp,
    pub(crate) base_offset: i64,
    pub(crate) records: u32,
    pub(crate) max_timestamp: i64,
    pub(crate) now_ms: i64,
}

/// What a batch of a producer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    New,
    /// It lies there already.
    Duplicate {
        base_offset: i64,
        max_timestamp: i64,
    },
}

/// The end of a transaction in one partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    pub(crate) producer: i64,
    pub(crate) epoch: i16,
    pub(crate) commit: bool,
    pub(crate) coordinator_epoch: i32,
    /// Offset of the marker.
    pub(crate) offset: i64,
    pub(crate) now_ms: i64,
}

/// Judges a batch by what is known of its producer.
pub(crate) fn judge(known: Option<&Producer>, stamp: &ProducerStamp, records: u32) -> Result<Verdict, Refusal> {
    // Without state, because it expired or all its records are gone, any sequence is right.
    let Some(known) = known else { return Ok(Verdict::New) };
    let last_sequence = sequence_after(stamp.first_sequence, records.saturating_sub(1));
    if stamp.epoch < known.epoch {
        return Err(Refusal::InvalidProducerEpoch);
    }
    if stamp.epoch > known.epoch {
        if stamp.first_sequence != 0 {
            return Err(Refusal::OutOfOrderSequence);
        }
    } else {
        let same =
            |recent: &&Recent| (recent.first_sequence, recent.last_sequence) == (stamp.first_sequence, last_sequence);
        if let Some(recent) = known.recent.iter().find(same) {
            let Recent { base_offset, max_timestamp, .. } = *recent;
            return Ok(Verdict::Duplicate { base_offset, max_timestamp });
        }
        let next = known.recent.last().map_or(0, |last| sequence_after(last.last_sequence, 1));
        if stamp.first_sequence != next {
            return Err(Refusal::OutOfOrderSequence);
        }
    }
    if known.open_from.is_some() && !stamp.transactional {
        return Err(Refusal::InvalidTransactionState);
    }
    Ok(Verdict::New)
}

/// The sequence some records behind another; 2^31-1 is followed by 0.
fn sequence_after(sequence: i32, records: u32) -> i32 {
    let sum = (i64::from(sequence) + i64::from(records)) & i64::from(i32::MAX);
    i32::try_from(sum).unwrap_or_default()
}

impl Producer {
    pub(super) fn new(epoch: i16, now_ms: i64) -> Self {
        Self { epoch, coordinator_epoch: -1, last_ms: now_ms, open_from: None, recent: Vec::new() }
    }

    /// Takes a batch that was judged to be new.
    fn take(&mut self, arriving: &Arriving) {
        let stamp = &arriving.stamp;
        self.reach(stamp.epoch, arriving.now_ms);
        if self.recent.len() >= PRODUCER_BATCHES {
            self.recent.remove(0);
        }
        self.recent.push(Recent {
            first_sequence: stamp.first_sequence,
            last_sequence: sequence_after(stamp.first_sequence, arriving.records.saturating_sub(1)),
            base_offset: arriving.base_offset,
            max_timestamp: arriving.max_timestamp,
        });
        if stamp.transactional {
            self.open_from.get_or_insert(arriving.base_offset);
        }
    }

    /// Sequences belong to an epoch.
    fn reach(&mut self, epoch: i16, now_ms: i64) {
        if epoch > self.epoch {
            self.epoch = epoch;
            self.recent.clear();
        }
        self.last_ms = self.last_ms.max(now_ms);
    }

    fn is_idle(&self, now_ms: i64) -> bool {
        self.open_from.is_none() && self.last_ms < now_ms.saturating_sub(PRODUCER_IDLE_MS)
    }
}

/// What a call's earlier batches will have made of a producer, so that its later ones can be judged before anything is
/// queued.
#[derive(Default)]
pub(crate) struct Tentative(BTreeMap<(Key, i64), Producer>);

impl Tentative {
    /// Judges a batch, and takes it when it is new.
    pub(crate) fn judge(&mut self, clients: &Clients, key: Key, arriving: &Arriving) -> Result<Verdict, Refusal> {
        let stamp = &arriving.stamp;
        let known = self.0.get(&(key, stamp.id)).or_else(|| clients.producer(key, stamp.id, arriving.now_ms));
        let verdict = judge(known, stamp, arriving.records)?;
        if verdict == Verdict::New {
            let opens = stamp.transactional && known.is_none_or(|known| known.open_from.is_none());
            if opens && clients.open >= OPEN_TRANSACTIONS_MAX {
                return Err(Refusal::TooManyTransactions);
            }
            let mut producer = known.cloned().unwrap_or_else(|| Producer::new(stamp.epoch, arriving.now_ms));
            producer.take(arriving);
            self.0.insert((key, stamp.id), producer);
        }
        Ok(verdict)
    }
}

impl Clients {
    /// A producer that has not been idle for too long.
    fn producer(&self, key: Key, id: i64, now_ms: i64) -> Option<&Producer> {
        self.partitions.get(&key)?.producers.get(&id).filter(|producer| !producer.is_idle(now_ms))
    }

    /// The first offset of an open transaction.
    pub(crate) fn first_open(&self, key: Key) -> Option<i64> {
        self.partitions.get(&key)?.open.first().map(|(offset, _)| *offset)
    }

    /// A batch lies in a partition.
    pub(crate) fn produced(&mut self, key: Key, arriving: &Arriving) {
        let stamp = &arriving.stamp;
        self.change(key, stamp.id, stamp.epoch, arriving.now_ms, |producer| producer.take(arriving));
    }

    /// A marker lies in a partition that ends, without it, at its offset.
    pub(crate) fn ended(&mut self, key: Key, ending: &Ending) {
        let mut first = None;
        self.change(key, ending.producer, ending.epoch, ending.now_ms, |producer| {
            producer.reach(ending.epoch, ending.now_ms);
            producer.coordinator_epoch = ending.coordinator_epoch;
            first = producer.open_from.take();
        });
        if let Some(first_offset) = first.filter(|_| !ending.commit) {
            let last_stable = self.first_open(key).unwrap_or(ending.offset.saturating_add(1));
            let aborted = Aborted { producer: ending.producer, first_offset, last_offset: ending.offset, last_stable };
            self.partitions.entry(key).or_default().aborted.push(aborted);
        }
    }

    /// Aborted transactions that have records in `from..to`.
    pub(crate) fn aborted(&self, key: Key, from: i64, to: i64) -> Vec<Aborted> {
        let Some(writers) = self.partitions.get(&key) else { return Vec::new() };
        let first = writers.aborted.partition_point(|aborted| aborted.last_offset < from);
        let mut found = Vec::new();
        for aborted in writers.aborted.get(first..).unwrap_or_default() {
            if aborted.first_offset < to {
                found.push(*aborted);
            }
            if aborted.last_stable >= to {
                break;
            }
        }
        found
    }

    /// The producers that a partition knows.
    pub(crate) fn infos(&self, key: Key) -> Vec<ProducerInfo> {
        let info = |(id, producer): (&i64, &Producer)| ProducerInfo {
            id: *id,
            epoch: producer.epoch,
            last_sequence: producer.recent.last().map_or(-1, |recent| recent.last_sequence),
            last_ms: producer.last_ms,
            coordinator_epoch: producer.coordinator_epoch,
            open_from: producer.open_from,
        };
        self.partitions.get(&key).map(|writers| writers.producers.iter().map(info).collect()).unwrap_or_default()
    }

    /// Nobody can read below an offset any more.
    pub(crate) fn trim(&mut self, key: Key, log_start: i64) {
        if let Some(writers) = self.partitions.get_mut(&key) {
            let gone = writers.aborted.partition_point(|aborted| aborted.last_offset < log_start);
            writers.aborted.drain(..gone);
        }
    }

    /// A topic is gone.
    pub(crate) fn forget_topic(&mut self, topic: u32) {
        let keys: Vec<Key> = self.partitions.range((topic, 0)..=(topic, u32::MAX)).map(|(key, _)| *key).collect();
        for key in keys {
            if let Some(writers) = self.partitions.remove(&key) {
                self.producers -= writers.producers.len();
                self.open -= writers.open.len();
            }
        }
    }

    /// Partitions with their producers, for the state's form as bytes.
    pub(super) fn partitions(&self) -> impl Iterator<Item = (&Key, &Writers)> {
        self.partitions.iter()
    }

    /// Takes a producer as the state's bytes have it.
    pub(super) fn restore(&mut self, key: Key, id: i64, producer: Producer) {
        let writers = self.partitions.entry(key).or_default();
        let first = writers.producers.is_empty();
        writers.idle_since = if first { producer.last_ms } else { writers.idle_since.min(producer.last_ms) };
        if let Some(offset) = producer.open_from {
            self.open += usize::from(writers.open.insert((offset, id)));
        }
        self.producers += usize::from(writers.producers.insert(id, producer).is_none());
    }

    /// Takes an aborted transaction as the state's bytes have it.
    pub(super) fn restore_aborted(&mut self, key: Key, aborted: Aborted) {
        self.partitions.entry(key).or_default().aborted.push(aborted);
    }

    /// Changes one producer, known or not, and keeps sums and sets in step; who was idle for too long goes.
    fn change(&mut self, key: Key, id: i64, epoch: i16, now_ms: i64, change: impl FnOnce(&mut Producer)) {
        self.expire(key, now_ms);
        if self.producers >= PRODUCERS_MAX {
            self.evict();
        }
        let writers = self.partitions.entry(key).or_default();
        let producers = &mut self.producers;
        let producer = writers.producers.entry(id).or_insert_with(|| {
            *producers += 1;
            Producer::new(epoch, now_ms)
        });
        let before = producer.open_from;
        change(producer);
        let after = producer.open_from;
        writers.idle_since = writers.idle_since.min(producer.last_ms);
        if before != after {
            if let Some(offset) = before {
                self.open -= usize::from(writers.open.remove(&(offset, id)));
            }
            if let Some(offset) = after {
                self.open += usize::from(writers.open.insert((offset, id)));
            }
        }
    }

    /// Forgets the producers of a partition that were idle for too long.
    fn expire(&mut self, key: Key, now_ms: i64) {
        let Some(writers) = self.partitions.get_mut(&key) else { return };
        if writers.idle_since >= now_ms.saturating_sub(PRODUCER_IDLE_MS) {
            return;
        }
        let before = writers.producers.len();
        writers.producers.retain(|_, producer| !producer.is_idle(now_ms));
        self.producers -= before - writers.producers.len();
        // Who has an open transaction stays, and does not count.
        let rest = writers.producers.values().filter(|producer| producer.open_from.is_none());
        writers.idle_since = rest.map(|producer| producer.last_ms).min().unwrap_or(now_ms);
    }

    /// Forgets the tenth of all producers that was idle for longest.
    fn evict(&mut self) {
        let known = self.partitions.iter().flat_map(|(key, writers)| {
            let idle = writers.producers.iter().filter(|(_, producer)| producer.open_from.is_none());
            idle.map(|(id, producer)| (producer.last_ms, *key, *id))
        });
        let mut idle: Vec<(i64, Key, i64)> = known.collect();
        idle.sort_unstable();
        idle.truncate(PRODUCERS_MAX / 10);
        for (_, key, id) in idle {
            let gone = self.partitions.get_mut(&key).and_then(|writers| writers.producers.remove(&id));
            self.producers -= usize::from(gone.is_some());
        }
    }
}
