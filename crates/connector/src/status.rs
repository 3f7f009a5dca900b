//! What a connector shows of itself.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::problem::Problem;

/// Where a connector is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ConnectorState {
    /// Not yet working: connecting, or retrying (see the error).
    #[default]
    Starting,
    /// Reading existing rows.
    Snapshot,
    /// Following changes; a sink: delivering.
    Streaming,
    /// Ended by itself with its work complete.
    Done,
    /// Waiting for space or a person.
    Paused,
    /// Ended with an error.
    Failed,
}

impl ConnectorState {
    /// What the connector does in it, for the log.
    fn word(self) -> &'static str {
        match self {
            ConnectorState::Starting => "starting",
            ConnectorState::Snapshot => "reading a snapshot",
            ConnectorState::Streaming => "streaming",
            ConnectorState::Done => "done",
            ConnectorState::Paused => "paused",
            ConnectorState::Failed => "failed",
        }
    }
}

/// One table of a running or finished snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableProgress {
    /// Rows written so far.
    pub rows: u64,
    /// The planner's estimate of all rows.
    pub estimated_rows: u64,
    /// Whether the table is complete.
    pub done: bool,
}

/// A connector's state as shown by `/readyz` and the CLI.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Status {
    /// Where it is.
    pub state: ConnectorState,
    /// Why it is not where it should be.
    pub error: Option<Problem>,
    /// What the reader should know although work goes on.
    pub warnings: Vec<Problem>,
    /// The snapshot, by `schema.table`.
    pub tables: BTreeMap<String, TableProgress>,
}

/// A [`Status`] that the connector writes and others read. What is new in it goes to the log as well, once.
#[derive(Debug)]
pub struct StatusCell {
    connector: String,
    status: Mutex<Status>,
}

impl StatusCell {
    /// The status of a connector that was not started yet.
    pub fn new(connector: &str) -> Self {
        StatusCell { connector: connector.to_owned(), status: Mutex::default() }
    }

    /// A copy of the state now.
    pub fn get(&self) -> Status {
        self.lock().clone()
    }

    /// Moves to a state in which all is well; clears the error.
    pub fn set(&self, state: ConnectorState) {
        let mut status = self.lock();
        if status.state != state {
            tracing::info!(connector = self.connector, "connector is {}", state.word());
        }
        status.state = state;
        status.error = None;
    }

    /// Moves to a state because of a problem.
    pub fn set_error(&self, state: ConnectorState, problem: Problem) {
        let mut status = self.lock();
        if status.error.as_ref() != Some(&problem) {
            let Problem { code, cause, remedy, .. } = &problem;
            tracing::error!(connector = self.connector, code, remedy, "{cause}");
        }
        status.state = state;
        status.error = Some(problem);
    }

    /// Adds a warning, once per (code, cause). Says whether it was new.
    pub fn warn(&self, problem: Problem) -> bool {
        let mut status = self.lock();
        let known = status.warnings.iter().any(|w| w.code == problem.code && w.cause == problem.cause);
        if !known {
            let Problem { code, cause, remedy, .. } = &problem;
            tracing::warn!(connector = self.connector, code, remedy, "{cause}");
            status.warnings.push(problem);
        }
        !known
    }

    /// Drops warnings that no longer hold.
    pub fn retain_warnings(&self, keep: impl Fn(&Problem) -> bool) {
        self.lock().warnings.retain(|w| keep(w));
    }

    /// Shows a table's snapshot progress.
    pub fn table(&self, table: &str, progress: TableProgress) {
        self.lock().tables.insert(table.to_owned(), progress);
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
