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

    /// Nobody can read the records of aborted transactions that end before an offset any more.
    pub(crate) fn forget_aborted(&mut self, key: Key, below: i64) {
        if let Some(writers) = self.partitions.get_mut(&key) {
            let gone = writers.aborted.partition_point(|aborted| aborted.last_offset < below);
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

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = (1, 0);
    const DAY: i64 = PRODUCER_IDLE_MS;

    /// A batch of ten records of producer 7.
    fn batch(epoch: i16, first_sequence: i32, base_offset: i64) -> Arriving {
        let stamp = ProducerStamp { id: 7, epoch, first_sequence, transactional: false };
        Arriving { stamp, base_offset, records: 10, max_timestamp: base_offset, now_ms: 0 }
    }

    fn judged(clients: &Clients, arriving: &Arriving) -> Result<Verdict, Refusal> {
        Tentative::default().judge(clients, KEY, arriving)
    }

    fn ending(commit: bool, producer: i64, offset: i64) -> Ending {
        Ending { producer, epoch: 0, commit, coordinator_epoch: 1, offset, now_ms: 0 }
    }

    #[test]
    fn the_last_five_batches_are_known_again_and_the_next_must_follow() {
        let mut clients = Clients::default();
        for step in 0..7 {
            clients.produced(KEY, &batch(0, step * 10, i64::from(step) * 100));
        }
        for step in 2..7 {
            let duplicate =
                Verdict::Duplicate { base_offset: i64::from(step) * 100, max_timestamp: i64::from(step) * 100 };
            assert_eq!(judged(&clients, &batch(0, step * 10, 999)), Ok(duplicate));
        }
        assert_eq!(judged(&clients, &batch(0, 70, 999)), Ok(Verdict::New));
        for wrong in [0, 10, 65, 71] {
            assert_eq!(judged(&clients, &batch(0, wrong, 999)), Err(Refusal::OutOfOrderSequence));
        }
        let mut shorter = batch(0, 60, 999);
        shorter.records = 9;
        assert_eq!(judged(&clients, &shorter), Err(Refusal::OutOfOrderSequence), "the same start, another end");
    }

    #[test]
    fn a_new_epoch_begins_at_0_and_the_old_one_is_refused() {
        let mut clients = Clients::default();
        clients.produced(KEY, &batch(1, 0, 0));
        assert_eq!(judged(&clients, &batch(2, 10, 10)), Err(Refusal::OutOfOrderSequence));
        assert_eq!(judged(&clients, &batch(2, 0, 10)), Ok(Verdict::New));
        clients.produced(KEY, &batch(2, 0, 10));
        assert_eq!(judged(&clients, &batch(1, 10, 20)), Err(Refusal::InvalidProducerEpoch));
        // A marker of a later epoch fences too, and the first batch of that epoch begins at 0.
        clients.ended(KEY, &Ending { epoch: 3, ..ending(true, 7, 20) });
        assert_eq!(judged(&clients, &batch(2, 10, 21)), Err(Refusal::InvalidProducerEpoch));
        assert_eq!(judged(&clients, &batch(3, 0, 21)), Ok(Verdict::New));
        assert_eq!(judged(&clients, &batch(3, 10, 21)), Err(Refusal::OutOfOrderSequence));
    }

    #[test]
    fn sequences_begin_again_behind_the_largest_number() {
        let mut clients = Clients::default();
        clients.produced(KEY, &batch(0, i32::MAX - 9, 0));
        assert_eq!(judged(&clients, &batch(0, 0, 10)), Ok(Verdict::New), "the last record had the largest number");
        let mut clients = Clients::default();
        clients.produced(KEY, &batch(0, i32::MAX - 3, 0));
        assert_eq!(judged(&clients, &batch(0, 6, 10)), Ok(Verdict::New), "the batch went across");
        assert_eq!(judged(&clients, &batch(0, 7, 10)), Err(Refusal::OutOfOrderSequence));
    }

    #[test]
    fn batches_of_one_call_are_judged_one_after_the_other() {
        let (clients, mut call) = (Clients::default(), Tentative::default());
        assert_eq!(call.judge(&clients, KEY, &batch(0, 5, 0)), Ok(Verdict::New), "unknown, so any sequence");
        assert_eq!(call.judge(&clients, KEY, &batch(0, 15, 10)), Ok(Verdict::New));
        assert_eq!(call.judge(&clients, KEY, &batch(0, 35, 20)), Err(Refusal::OutOfOrderSequence));
        let again = Verdict::Duplicate { base_offset: 0, max_timestamp: 0 };
        assert_eq!(call.judge(&clients, KEY, &batch(0, 5, 20)), Ok(again));
    }

    #[test]
    fn idle_producers_are_forgotten_but_not_their_open_transactions() {
        let mut clients = Clients::default();
        clients.produced(KEY, &batch(0, 0, 0));
        let mut open = batch(0, 0, 10);
        (open.stamp.id, open.stamp.transactional) = (8, true);
        clients.produced(KEY, &open);
        let mut late = batch(0, 77, 20);
        late.now_ms = DAY + 1;
        assert_eq!(judged(&clients, &late), Ok(Verdict::New));
        late.stamp.id = 9;
        clients.produced(KEY, &late);
        assert_eq!(clients.infos(KEY).iter().map(|known| known.id).collect::<Vec<_>>(), [8, 9]);
        assert_eq!((clients.producers, clients.open), (2, 1));
    }

    #[test]
    fn open_transactions_hold_the_stable_offset_and_aborted_ones_are_listed_where_they_matter() {
        let mut clients = Clients::default();
        for (id, offset) in [(1, 0), (2, 10), (1, 20), (3, 30)] {
            let mut one = batch(0, 0, offset);
            (one.stamp.id, one.stamp.transactional) = (id, true);
            clients.produced(KEY, &one);
        }
        assert_eq!(clients.first_open(KEY), Some(0));
        clients.ended(KEY, &ending(false, 2, 40));
        assert_eq!(clients.first_open(KEY), Some(0));
        clients.ended(KEY, &ending(false, 1, 41));
        assert_eq!(clients.first_open(KEY), Some(30));
        clients.ended(KEY, &ending(true, 3, 42));
        assert_eq!((clients.first_open(KEY), clients.open), (None, 0));
        let ids = |from, to| clients.aborted(KEY, from, to).iter().map(|gone| gone.producer).collect::<Vec<_>>();
        assert_eq!(ids(0, 43), [2, 1]);
        assert_eq!(ids(0, 10), [1]);
        assert_eq!(ids(41, 43), [1]);
        assert_eq!(ids(42, 43), []);
        clients.forget_aborted(KEY, 41);
        assert_eq!(clients.aborted(KEY, 0, 43).len(), 1);
        clients.forget_topic(1);
        assert_eq!(clients, Clients::default());
    }

    #[test]
    fn beyond_the_bound_the_idlest_go() {
        let mut clients = Clients::default();
        for id in 0..PRODUCERS_MAX as i64 + 5 {
            let mut one = batch(0, 0, id * 10);
            (one.stamp.id, one.now_ms) = (id, id);
            clients.produced(((id % 100) as u32, 0), &one);
        }
        assert_eq!(clients.producers, PRODUCERS_MAX + 5 - PRODUCERS_MAX / 10);
        assert!(clients.producer((0, 0), 0, 0).is_none());
        assert!(clients.producer((4, 0), PRODUCERS_MAX as i64 + 4, 0).is_some());
    }
}
