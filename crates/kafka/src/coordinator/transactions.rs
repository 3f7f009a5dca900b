//! Transactions: begun, extended, ended, each step one frame of the journal.

use super::keys::Key;
use super::offsets::{Commit, bytes_of};
use super::store::{Entry, entry, gone, refusal};
use super::{Coordinator, Inner, Shared};
use crate::group::Caller;
use crate::transaction::{Change, End, Init, InitRequest, Transaction};
use tailwater_journal::{ClientBatch, JournalError, Produced, Sequence, TransactionEnd};
use tailwater_wire::error_code::ErrorCode;

/// A producer id and its epoch.
type Producer = (i64, i16);

/// The coordinator never changes hands.
const COORDINATOR_EPOCH: i32 = 0;

impl Coordinator {
    /// A producer id and epoch: of its own for a producer without a transactional id, else the id's next.
    pub async fn init_producer(
        &self,
        id: Option<String>,
        timeout: i64,
        had: Option<Producer>,
    ) -> Result<Producer, ErrorCode> {
        let Some(id) = id else { return Ok((self.next_producer().await?, 0)) };
        let mut request = InitRequest { timeout, had, fresh: None };
        loop {
            let id = id.clone();
            let done = self.locked(move |inner, shared| inner.init(shared, &id, &request)).await??;
            let Some((producer, written)) = done else {
                request.fresh = Some(self.next_producer().await?);
                continue;
            };
            self.shared.store.durable(written).await?;
            return Ok(producer);
        }
    }

    async fn next_producer(&self) -> Result<i64, ErrorCode> {
        let journal = self.shared.store.journal.clone();
        let drawn = tokio::task::spawn_blocking(move || journal.next_producer_id()).await;
        drawn.unwrap_or(Err(JournalError::Closed)).map_err(|error| refusal(&error))
    }

    /// A transaction will write into partitions; durable when it returns.
    pub async fn add_partitions(
        &self,
        id: String,
        producer: Producer,
        partitions: Vec<(String, i32)>,
    ) -> Result<(), ErrorCode> {
        self.change(move |inner, now| inner.transactions.add_partitions(&id, producer, partitions, now)).await
    }

    /// A transaction will commit offsets of a group; durable when it returns.
    pub async fn add_group(&self, id: String, producer: Producer, group: String) -> Result<(), ErrorCode> {
        self.change(move |inner, now| inner.transactions.add_group(&id, producer, &group, now)).await
    }

    /// Commits offsets of a group with a transaction: they count when it is committed, and are durable when this returns.
    pub async fn commit_with(
        &self,
        id: String,
        producer: Producer,
        (group, caller): (String, Caller),
        offsets: Vec<Commit>,
    ) -> Result<(), ErrorCode> {
        self.change(move |inner, now| {
            inner.groups.may_commit(&group, &caller, true, bytes_of(&offsets), now)?;
            let offsets = offsets.into_iter().map(|commit| commit.into_offset(now, None)).collect();
            inner.transactions.add_offsets(&id, producer, &group, offsets, now)
        })
        .await
    }

    /// Ends a transaction, with all that it has written and committed; durable when it returns.
    pub async fn end_transaction(&self, id: String, producer: Producer, commit: bool) -> Result<(), ErrorCode> {
        self.change(move |inner, now| inner.transactions.end(&id, producer, commit, now)).await
    }

    /// A step of a transaction.
    async fn change(
        &self,
        decide: impl FnOnce(&mut Inner, u64) -> Result<Option<Change>, ErrorCode> + Send + 'static,
    ) -> Result<(), ErrorCode> {
        let written = self
            .locked(move |inner, shared| match decide(inner, shared.time.now())? {
                Some(change) => inner.write(shared, change),
                None => Ok(inner.transactions_written),
            })
            .await??;
        self.shared.store.durable(written).await
    }

    /// Queues batches of a producer with an open transaction, those of partitions that the transaction has. Under the
    /// lock, so that none of them comes behind the transaction's end.
    pub async fn produce(
        &self,
        batches: Vec<(String, ClientBatch)>,
    ) -> Result<(Vec<Result<(), ErrorCode>>, Result<Produced, JournalError>), ErrorCode> {
        self.locked(move |inner, shared| {
            let may = |(topic, batch): &(String, ClientBatch)| {
                let partition = i32::try_from(batch.partition).unwrap_or(-1);
                let stamp = batch.producer.as_ref().filter(|stamp| stamp.transactional);
                stamp.map_or(Ok(()), |stamp| inner.transactions.may_write((stamp.id, stamp.epoch), topic, partition))
            };
            let may: Vec<_> = batches.iter().map(may).collect();
            let taken = batches.into_iter().zip(&may).filter(|(_, may)| may.is_ok()).map(|((_, batch), _)| batch);
            let produced = shared.store.journal.produce(taken.collect());
            (may, produced)
        })
        .await
    }

    /// A transactional id, if it is there.
    pub fn transaction(&self, id: &str) -> Option<Transaction> {
        self.shared.lock().transactions.get(id).cloned()
    }

    /// Transactional ids that this wants to see.
    pub fn transactions(&self, wanted: impl Fn(&str, &Transaction, u64) -> bool) -> Vec<(String, Transaction)> {
        let inner = self.shared.lock();
        let now = self.shared.time.now();
        let all = inner.transactions.iter().filter(|(id, known)| wanted(id, known, now));
        all.map(|(id, known)| (id.to_owned(), known.clone())).collect()
    }
}

impl Inner {
    /// Gives a transactional id to a producer; `None` when that takes a new producer id.
    fn init(
        &mut self,
        shared: &Shared,
        id: &str,
        request: &InitRequest,
    ) -> Result<Option<(Producer, Sequence)>, ErrorCode> {
        Ok(match self.transactions.init(id, request, shared.time.now())? {
            Init::NeedsProducer => None,
            Init::Known { producer, epoch } => Some(((producer, epoch), self.transactions_written)),
            Init::Change(change) => {
                let producer = (change.next.producer, change.next.epoch);
                Some((producer, self.write(shared, *change)?))
            }
        })
    }

    /// Writes a change, and lets it be so.
    fn write(&mut self, shared: &Shared, change: Change) -> Result<Sequence, ErrorCode> {
        let mut entries = vec![entry(&Key::Transaction(&change.id), &change.next)?];
        let written = match &change.end {
            None => shared.store.write(entries)?,
            Some(end) => {
                for (group, topic, partition, offset) in &end.offsets {
                    self.save(shared, group)?;
                    entries.push(entry(&Key::Offset(group, topic, *partition), offset)?);
                }
                shared.store.end_transaction(shared.end(end, entries))?
            }
        };
        let now = shared.time.now();
        if let Some(end) = &change.end {
            let end_is = if end.commit { "commit" } else { "abort" };
            metrics::counter!("tailwater_kafka_transactions_total", "end" => end_is).increment(1);
            for (group, topic, partition, offset) in &end.offsets {
                self.groups.committed(group, [(topic.clone(), *partition, offset.clone())], now);
            }
            for group in &end.groups {
                self.groups.released(group, end.producer);
                self.offsets_written(group, written);
            }
        }
        for (group, topic, partition, _) in &change.next.offsets {
            self.groups.held(group, topic, *partition, change.next.producer, now);
        }
        self.transactions.apply(change);
        self.transactions_written = written;
        Ok(written)
    }

    /// Marks the offsets of transactions that were open before the restart.
    pub(super) fn hold_offsets(&mut self, now: u64) {
        for (_, known) in self.transactions.iter() {
            for (group, topic, partition, _) in &known.offsets {
                self.groups.held(group, topic, *partition, known.producer, now);
            }
        }
    }

    /// Aborts transactions that have been open for too long. What cannot be written is tried again the next time.
    pub(super) fn abort_overdue(&mut self, shared: &Shared, now: u64) {
        for id in self.transactions.overdue(now) {
            let Some(change) = self.transactions.abort_overdue(&id, now) else { continue };
            match self.write(shared, change) {
                Ok(_) => {
                    metrics::counter!("tailwater_kafka_transactions_timed_out_total").increment(1);
                    tracing::info!(id, "a transaction was open for longer than its timeout, and is aborted");
                }
                Err(error) => tracing::debug!(id, error = error.name(), "a transaction cannot be aborted yet"),
            }
        }
    }

    /// Forgets transactional ids that nobody uses. What cannot be written is tried again the next time.
    pub(super) fn expire_transactions(&mut self, shared: &Shared, now: u64) {
        for id in self.transactions.expired(now) {
            if shared.store.write(vec![gone(&Key::Transaction(&id))]).is_ok() {
                self.transactions.remove(&id);
            }
        }
    }
}

impl Shared {
    /// The end of a transaction as the journal takes it. Partitions of topics that are gone are passed over.
    fn end(&self, end: &End, entries: Vec<Entry>) -> TransactionEnd {
        let mut topic: Option<(&str, Option<tailwater_journal::TopicId>)> = None;
        let mut partitions = Vec::with_capacity(end.partitions.len());
        for (name, partition) in &end.partitions {
            let id = match topic {
                Some((known, id)) if known == name => id,
                _ => self.store.journal.topic(name).map(|meta| meta.id),
            };
            topic = Some((name, id));
            partitions.extend(id.zip(u32::try_from(*partition).ok()));
        }
        TransactionEnd {
            producer: end.producer,
            epoch: end.epoch,
            commit: end.commit,
            coordinator_epoch: COORDINATOR_EPOCH,
            partitions,
            connector: self.store.connector,
            entries,
        }
    }
}
