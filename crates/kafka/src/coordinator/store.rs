//! Where the coordinator's state lies: entries of the journal.

use super::keys::Key;
use bytes::Bytes;
use serde::Serialize;
use tailwater_journal::{Body, ConnectorId, Journal, JournalError, Sequence, TransactionEnd};
use tailwater_wire::error_code::ErrorCode;

/// The entries of one connector of the journal.
#[derive(Clone)]
pub(super) struct Store {
    pub(super) journal: Journal,
    pub(super) connector: ConnectorId,
}

/// An entry to write; an empty value removes it.
pub(super) type Entry = (String, Bytes);

impl Store {
    /// Writes entries, all or none; the answer is what to wait for until they are durable.
    pub(super) fn write(&self, entries: Vec<Entry>) -> Result<Sequence, ErrorCode> {
        self.takes()?;
        self.journal.append(self.connector, 0, Body::Entries(entries)).map_err(|error| refusal(&error))
    }

    /// Writes the end of a transaction: markers in its partitions, and entries.
    pub(super) fn end_transaction(&self, end: TransactionEnd) -> Result<Sequence, ErrorCode> {
        self.takes()?;
        self.journal.end_transaction(end).map_err(|error| refusal(&error))
    }

    /// Waits until a frame is durable; not for space on the disk, which may take long. The client tries again then.
    pub(super) async fn durable(&self, sequence: Sequence) -> Result<(), ErrorCode> {
        loop {
            let news = self.journal.change_listener();
            if self.journal.durable().map_err(|error| refusal(&error))? >= sequence {
                return Ok(());
            }
            self.takes()?;
            news.await;
        }
    }

    /// While the journal waits for space nobody waits for the journal: groups that only read go on.
    fn takes(&self) -> Result<(), ErrorCode> {
        self.journal.paused().map_or(Ok(()), |error| Err(refusal(&error)))
    }
}

/// An entry with a value.
pub(super) fn entry(key: &Key<'_>, value: &impl Serialize) -> Result<Entry, ErrorCode> {
    // What is written here has no map with keys that are no strings, so this cannot fail.
    let value = serde_json::to_vec(value).map_err(|_| ErrorCode::UNKNOWN_SERVER_ERROR)?;
    Ok((key.to_string(), Bytes::from(value)))
}

/// An entry that is to go.
pub(super) fn gone(key: &Key<'_>) -> Entry {
    (key.to_string(), Bytes::new())
}

/// What a client is told when the journal does not take something: to try again, unless it is too large for ever.
pub(super) fn refusal(error: &JournalError) -> ErrorCode {
    match error {
        JournalError::Refused { .. } => ErrorCode::INVALID_COMMIT_OFFSET_SIZE,
        _ => ErrorCode::COORDINATOR_NOT_AVAILABLE,
    }
}
