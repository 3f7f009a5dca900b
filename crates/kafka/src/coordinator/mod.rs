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
