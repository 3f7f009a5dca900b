//! The embedded transport: topics in the journal of this process.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tailwater_connector::{Durable, Problem, SourceWriter, TopicReader, Transport};
use tailwater_journal::{Body, ConnectorId, Journal, JournalError, Sequence};

use super::problem::journal_problem;
use super::reader::EmbeddedReader;
use super::source_writer::EmbeddedWriter;
use crate::limits::PAUSE_CHECK;

/// Topics over a journal. Clones share it.
#[derive(Clone)]
pub struct EmbeddedTransport {
    shared: Arc<Shared>,
    reader: Arc<EmbeddedReader>,
}

/// What a transport and its writers have in common.
pub(super) struct Shared {
    pub(super) journal: Journal,
    open: Mutex<HashSet<String>>,
    /// The topics of each connector since the start.
    topics: Mutex<HashMap<String, BTreeSet<String>>>,
    big_transactions: AtomicU64,
    /// Sequence of the last frame that a writer handed over.
    last: AtomicU64,
    /// Partitions of topics that are made without a number.
    default_partitions: AtomicU32,
}

impl Shared {
    /// Notes that a connector works with a topic.
    pub(super) fn uses(&self, connector: &str, topic: &str) {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let known = topics.get(connector).is_some_and(|known| known.contains(topic));
        if !known {
            topics.entry(connector.to_owned()).or_default().insert(topic.to_owned());
        }
    }

    pub(super) fn default_partitions(&self) -> u32 {
        self.default_partitions.load(Ordering::Relaxed)
    }
}

impl EmbeddedTransport {
    /// Over an open journal.
    pub fn new(journal: Journal) -> Self {
        let reader = Arc::new(EmbeddedReader::new(journal.clone()));
        let shared = Shared {
            journal,
            open: Mutex::default(),
            topics: Mutex::default(),
            big_transactions: AtomicU64::new(0),
            last: AtomicU64::new(0),
            default_partitions: AtomicU32::new(1),
        };
        EmbeddedTransport { shared: Arc::new(shared), reader }
    }

    /// How many partitions the topics of sources get whose rules leave the number to the broker; 1 before it is said.
    pub fn set_default_partitions(&self, partitions: u32) {
        self.shared.default_partitions.store(partitions, Ordering::Relaxed);
    }
}

impl Transport for EmbeddedTransport {
    fn open_source(&self, connector: &str) -> Result<Box<dyn SourceWriter>, Problem> {
        let lease = Lease::take(&self.shared, connector)?;
        Ok(Box::new(EmbeddedWriter::open(lease)?))
    }

    fn reader(&self) -> Arc<dyn TopicReader> {
        self.reader.clone()
    }

    fn entries(&self, connector: &str) -> BTreeMap<String, Bytes> {
        let journal = &self.shared.journal;
        journal.connector(connector).map(|id| journal.entries(id)).unwrap_or_default()
    }

    fn put_entries(&self, connector: &str, entries: &[(&str, &[u8])]) -> Result<(), Problem> {
        let journal = &self.shared.journal;
        let id = journal.connector(connector).map_err(journal_problem)?;
        put_entries(journal, id, journal.source(id).era, entries)
    }

    fn durable(&self, connector: &str) -> Durable {
        let journal = &self.shared.journal;
        let state = journal.connector(connector).map(|id| journal.source(id));
        state.map_or_else(|_| Durable::default(), |state| Durable { era: state.era, position: state.position })
    }

    fn topics_of(&self, connector: &str) -> BTreeSet<String> {
        let topics = self.shared.topics.lock().unwrap_or_else(PoisonError::into_inner);
        topics.get(connector).cloned().unwrap_or_default()
    }

    fn needed_only_by(&self, known: &dyn Fn(&str) -> bool) {
        self.shared.journal.protect_only_for(known);
    }

    fn still_needs(&self, connector: &str, topic: &str, partition: i32, offset: i64) {
        if offset < i64::MAX {
            self.shared.uses(connector, topic);
        }
        let journal = &self.shared.journal;
        let protected = self.reader.with_topic(topic, partition, |topic, partition| {
            // Asked first, because protecting does not say that a topic is gone.
            journal.bounds(topic, partition)?;
            journal.protect(journal.connector(connector)?, topic, partition, offset);
            Ok(())
        });
        if let Err(error) = protected {
            tracing::debug!(connector, topic, partition, %error, "a sink needs what is not there");
        }
    }
}

/// The right to write as one connector, until it is dropped.
pub(super) struct Lease {
    pub(super) shared: Arc<Shared>,
    pub(super) connector: String,
}

impl Lease {
    fn take(shared: &Arc<Shared>, connector: &str) -> Result<Lease, Problem> {
        if !shared.open.lock().unwrap_or_else(PoisonError::into_inner).insert(connector.to_owned()) {
            return Err(Problem::retry(
                "CONNECTOR_BUSY",
                format!("The connector '{connector}' is still writing"),
                "Wait until it has ended, or give one of the two another name.",
            ));
        }
        Ok(Lease { shared: shared.clone(), connector: connector.to_owned() })
    }

    /// A number for a transaction that goes to disk in parts; unique in this process.
    pub(super) fn big_transaction(&self) -> u64 {
        self.shared.big_transactions.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes a frame that was handed over.
    pub(super) fn handed_over(&self, sequence: Sequence) {
        self.shared.last.fetch_max(sequence.0, Ordering::Relaxed);
    }

    /// The last frame that this writer, or one before it, handed over.
    pub(super) fn last(&self) -> Sequence {
        Sequence(self.shared.last.load(Ordering::Relaxed))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.connector);
    }
}

/// Sets entries behind everything appended so far; durable when it returns.
pub(super) fn put_entries(
    journal: &Journal,
    connector: ConnectorId,
    era: u32,
    entries: &[(&str, &[u8])],
) -> Result<(), Problem> {
    let entries = entries.iter().map(|(name, value)| ((*name).to_owned(), Bytes::copy_from_slice(value))).collect();
    let sequence = journal.append(connector, era, Body::Entries(entries)).map_err(journal_problem)?;
    wait_durable(journal, sequence)
}

/// Waits until a sequence is durable; a journal without space is a problem instead of a long wait.
pub(super) fn wait_durable(journal: &Journal, sequence: Sequence) -> Result<(), Problem> {
    let wait = || -> Result<(), JournalError> {
        while !journal.wait_durable(sequence, PAUSE_CHECK)? {
            if let Some(paused) = journal.paused() {
                return Err(paused);
            }
        }
        Ok(())
    };
    wait().map_err(journal_problem)
}
