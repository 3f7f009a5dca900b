//! What went wrong, named by what to do next.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the reader of a problem should do; retry policy and exit codes look only at this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// Wait: it may pass by itself (server down, slot still held by a dying process). Retried with backoff.
    Retry,
    /// Change the configuration or the arguments: nothing will pass by itself.
    Config,
    /// Change the environment: server settings, rights, free space, a port in use.
    Environment,
    /// Decide: going on would lose or repeat data (slot ahead, other database). Never retried by itself.
    Stop,
    /// Free space; work goes on by itself afterwards (`PAUSED_DISK`).
    Paused,
    /// Our bug, or bytes that no correct peer sends.
    Internal,
}

/// Whether work goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Work cannot go on.
    Error,
    /// Work goes on; the reader should know.
    Warning,
}

/// One problem, complete: shown as it is by the CLI, the status page and `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What to do next.
    pub kind: ProblemKind,
    /// Whether work goes on.
    pub severity: Severity,
    /// Stable code, upper snake case, such as `SLOT_AHEAD`.
    pub code: String,
    /// The cause in one sentence of the user's words. Never row values, never secrets.
    pub cause: String,
    /// What to type or paste: SQL or a command; empty only when there is nothing to do.
    pub remedy: String,
}

impl Problem {
    /// An error of this kind.
    pub fn new(kind: ProblemKind, code: &str, cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Problem { kind, severity: Severity::Error, code: code.into(), cause: cause.into(), remedy: remedy.into() }
    }

    /// A [`ProblemKind::Retry`] error.
    pub fn retry(code: &str, cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Problem::new(ProblemKind::Retry, code, cause, remedy)
    }

    /// A [`ProblemKind::Config`] error.
    pub fn config(code: &str, cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Problem::new(ProblemKind::Config, code, cause, remedy)
    }

    /// A [`ProblemKind::Environment`] error.
    pub fn environment(code: &str, cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Problem::new(ProblemKind::Environment, code, cause, remedy)
    }

    /// A [`ProblemKind::Stop`] error.
    pub fn stop(code: &str, cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Problem::new(ProblemKind::Stop, code, cause, remedy)
    }

    /// A [`ProblemKind::Internal`] error.
    pub fn internal(code: &str, cause: impl Into<String>) -> Self {
        Problem::new(ProblemKind::Internal, code, cause, "Please report this with the lines of the log before it.")
    }

    /// The same as a warning.
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Whether work cannot go on.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The process exit code of the CLI for this problem: 2 usage or config, 3 environment not ready, else 1.
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            ProblemKind::Config => 2,
            ProblemKind::Environment | ProblemKind::Retry => 3,
            ProblemKind::Stop | ProblemKind::Paused | ProblemKind::Internal => 1,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.cause)
    }
}

impl std::error::Error for Problem {}
