//! The coordinator: groups and transactions as the listener serves them, kept in the journal.
//!
//! [`crate::group`] and [`crate::transaction`] decide; this writes what they decide and then lets it be so, all under one
//! lock, so that the journal has changes in the order in which they were made. An answer leaves when what it tells is
//! durable. Who waits for others, in a rebalance, does so without the lock. One task looks at what is due
//! ([`Coordinator::run`]).

mod groups;
mod keys;
mod offsets;
mod store;
mod timers;
mod transactions;

use crate::group::{Answer, Offset, Registry, Settings, Snapshot};
use crate::limits::{EXPIRY_CHECK, TRANSACTION_CHECK};
use crate::transaction::{Transaction, Transactions};
use keys::Key;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use store::Store;
use tailwater_journal::{ConnectorId, Journal, Sequence};
use tailwater_wire::error_code::ErrorCode;
use timers::Timers;
use tokio::sync::{Notify, oneshot};

pub use groups::{Described, DescribedMember, Listed};
pub use offsets::{Commit, Fetched};

/// Who waits in a group: gets the answer, and what must be durable before it leaves.
type Waiter = oneshot::Sender<(Answer, Sequence)>;

/// Groups and transactions over a journal. Clones share them.
#[derive(Clone)]
pub struct Coordinator {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    time: Time,
    state: Mutex<Inner>,
    /// Something is due earlier than [`Coordinator::run`] knew.
    earlier: Notify,
}

/// What the lock protects.
struct Inner {
    groups: Registry<Waiter>,
    transactions: Transactions,
    /// The last frame that a transaction has changed with.
    transactions_written: Sequence,
    timers: Timers,
    transactions_checked: u64,
    expiry_checked: u64,
}

/// The time of day, as of the start, going on steadily: no change of the clock makes members late.
struct Time {
    begun: Instant,
    begun_at: u64,
}

impl Time {
    fn begin() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { begun: Instant::now(), begun_at: milliseconds(since) }
    }

    fn now(&self) -> u64 {
        self.begun_at.saturating_add(milliseconds(self.begun.elapsed()))
    }
}

fn milliseconds(of: Duration) -> u64 {
    u64::try_from(of.as_millis()).unwrap_or(u64::MAX)
}

impl Coordinator {
    /// Takes up what the journal remembers under this connector.
    pub fn open(journal: Journal, connector: ConnectorId, settings: Settings) -> Self {
        let time = Time::begin();
        let now = time.now();
        let mut inner = Inner {
            groups: Registry::new(settings),
            transactions: Transactions::default(),
            transactions_written: Sequence(0),
            timers: Timers::default(),
            transactions_checked: 0,
            // Groups of the time before the restart have members again in a moment.
            expiry_checked: now,
        };
        for (key, value) in journal.entries(connector) {
            if inner.restore(&key, &value, now).is_none() {
                tracing::warn!(key, "an entry of the Kafka listener is of no known form; it is passed over");
            }
        }
        inner.hold_offsets(now);
        let store = Store { journal, connector };
        Self { shared: Arc::new(Shared { store, time, state: Mutex::new(inner), earlier: Notify::new() }) }
    }

    /// Looks at what is due, for ever: members that have been silent, rebalances and transactions that have lasted too
    /// long, offsets and ids that nobody will want any more.
    pub async fn run(self) {
        // A topic may have gone just before the process did.
        let _ = self.locked(|inner, shared| inner.forget_lost_topics(shared)).await;
        loop {
            let next = self.locked(|inner, shared| inner.look(shared)).await.unwrap_or(u64::MAX);
            let pause = Duration::from_millis(next.saturating_sub(self.shared.time.now())).min(TRANSACTION_CHECK);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.shared.earlier.notified() => {}
            }
        }
    }

    /// Does something under the lock; beside the threads that serve connections, when the journal would make it wait.
    async fn locked<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Inner, &Shared) -> T + Send + 'static,
    ) -> Result<T, ErrorCode> {
        if !self.shared.store.journal.is_full() {
            return Ok(work(&mut self.shared.lock(), &self.shared));
        }
        let shared = Arc::clone(&self.shared);
        let waiting = tokio::task::spawn_blocking(move || work(&mut shared.lock(), &shared));
        // It is given up only when the process ends.
        waiting.await.map_err(|_| ErrorCode::COORDINATOR_NOT_AVAILABLE)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Takes up an entry; those of others are theirs. `None` when it makes no sense.
    fn restore(&mut self, key: &str, value: &[u8], now: u64) -> Option<()> {
        match Key::parse(key) {
            None => {}
            Some(Key::Group(name)) => {
                let snapshot: Snapshot = serde_json::from_slice(value).ok()?;
                self.groups.restore(name, snapshot, now);
                let deadline = self.groups.get(name)?.group.next_deadline();
                deadline.map(|deadline| self.timers.set(name, deadline));
            }
            Some(Key::Offset(group, topic, partition)) => {
                let offset: Offset = serde_json::from_slice(value).ok()?;
                self.groups.committed(group, [(topic.to_owned(), partition, offset)], now);
            }
            Some(Key::Transaction(id)) => {
                let transaction: Transaction = serde_json::from_slice(value).ok()?;
                self.transactions.set(id.to_owned(), transaction);
            }
        }
        Some(())
    }

    /// What there is, for `/metrics`.
    fn show(&self) {
        let members: usize = self.groups.iter().map(|(_, known)| known.group.members().len()).sum();
        let open = self.transactions.iter().filter(|(_, known)| known.is_open()).count();
        metrics::gauge!("tailwater_kafka_groups").set(self.groups.iter().count() as f64);
        metrics::gauge!("tailwater_kafka_group_members").set(members as f64);
        metrics::gauge!("tailwater_kafka_transactions_open").set(open as f64);
    }

    /// Does what is due; says when there is more to do.
    fn look(&mut self, shared: &Shared) -> u64 {
        let now = shared.time.now();
        while let Some(group) = self.timers.pop(now) {
            let answers = self.groups.tick(&group, now);
            self.after(shared, &group, answers);
        }
        if self.transactions_checked.saturating_add(milliseconds(TRANSACTION_CHECK)) <= now {
            self.transactions_checked = now;
            self.abort_overdue(shared, now);
            self.show();
        }
        if self.expiry_checked.saturating_add(milliseconds(EXPIRY_CHECK)) <= now {
            self.expiry_checked = now;
            self.expire_offsets(shared, now);
            self.expire_transactions(shared, now);
        }
        self.timers.next().unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::{Caller, State};
    use crate::limits::{OFFSETS_RETENTION_MS, TRANSACTIONAL_ID_RETENTION_MS};
    use std::collections::BTreeMap;
    use std::path::Path;
    use tailwater_journal::fs::SimFs;
    use tailwater_journal::{Options, SystemClock};

    fn open(disk: &SimFs) -> Coordinator {
        let clock = Arc::new(SystemClock);
        let journal = Journal::open(Arc::new(disk.clone()), Path::new("/d"), Options::default(), clock).unwrap();
        let connector = journal.connector("\u{1}kafka").unwrap();
        Coordinator::open(journal, connector, Settings::default())
    }

    fn restart(coordinator: Coordinator, disk: &SimFs) -> Coordinator {
        coordinator.shared.store.journal.close().unwrap();
        drop(coordinator);
        open(disk)
    }

    async fn commit(coordinator: &Coordinator, group: &str, topic: &str) {
        let offset = Commit { topic: topic.into(), partition: 0, offset: 7, leader_epoch: -1, metadata: String::new() };
        let nobody = Caller { id: String::new(), instance: None, generation: -1 };
        coordinator.commit(group.into(), nobody, vec![offset], None).await.unwrap();
    }

    fn look_at(coordinator: &Coordinator, now: u64) {
        let shared = &coordinator.shared;
        let mut inner = shared.lock();
        inner.expire_offsets(shared, now);
        inner.expire_transactions(shared, now);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_has_expired_is_gone_after_a_restart_too() {
        let disk = SimFs::new(1);
        let coordinator = open(&disk);
        coordinator.shared.store.journal.create_topic_with("orders", 1, BTreeMap::new()).unwrap();
        commit(&coordinator, "g", "orders").await;
        let id = Some("tx".to_owned());
        coordinator.init_producer(id, 1_000, None).await.unwrap();
        let now = coordinator.shared.time.now();
        look_at(&coordinator, now + OFFSETS_RETENTION_MS.min(TRANSACTIONAL_ID_RETENTION_MS) - 60_000);
        assert!(coordinator.describe("g").is_some_and(|group| group.state == State::Empty));
        assert!(coordinator.transaction("tx").is_some());
        look_at(&coordinator, now + OFFSETS_RETENTION_MS.max(TRANSACTIONAL_ID_RETENTION_MS) + 60_000);
        let coordinator = restart(coordinator, &disk);
        assert!(coordinator.describe("g").is_none() && coordinator.transaction("tx").is_none());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn offsets_of_a_topic_that_went_unseen_are_forgotten() {
        let disk = SimFs::new(1);
        let coordinator = open(&disk);
        for topic in ["orders", "users"] {
            coordinator.shared.store.journal.create_topic_with(topic, 1, BTreeMap::new()).unwrap();
            commit(&coordinator, "g", topic).await;
        }
        coordinator.shared.store.journal.delete_topic("orders").unwrap();
        coordinator.shared.lock().forget_lost_topics(&coordinator.shared);
        let coordinator = restart(coordinator, &disk);
        let left = coordinator.offsets("g", None, false).await.unwrap();
        assert_eq!(left.iter().map(|fetched| fetched.topic.as_str()).collect::<Vec<_>>(), ["users"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_entry_that_makes_no_sense_is_passed_over() {
        let disk = SimFs::new(1);
        let coordinator = open(&disk);
        let garbage = |key: &str| (key.to_owned(), bytes::Bytes::from_static(b"{"));
        let entries = ["group/g", "offset/g/orders/0", "transaction/tx", "cluster"].map(garbage).into();
        let written = coordinator.shared.store.write(entries).unwrap();
        coordinator.shared.store.durable(written).await.unwrap();
        let coordinator = restart(coordinator, &disk);
        assert!(coordinator.groups().is_empty() && coordinator.transaction("tx").is_none());
    }
}
