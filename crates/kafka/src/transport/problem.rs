//! What went wrong in the journal, as a problem: its code, cause and remedy, and what to do next.

use tailwater_connector::{Problem, ProblemKind};
use tailwater_journal::JournalError;

/// The problem that a journal's error is.
pub fn journal_problem(error: JournalError) -> Problem {
    let kind = match &error {
        JournalError::Locked { .. } | JournalError::ReadOnly { .. } | JournalError::NewerFormat { .. } => {
            ProblemKind::Environment
        }
        JournalError::Io { .. } => ProblemKind::Environment,
        JournalError::DiskFull { .. } => ProblemKind::Paused,
        JournalError::Corrupt { .. } | JournalError::Closed => ProblemKind::Stop,
        JournalError::TopicUnknown { .. }
        | JournalError::TopicExists { .. }
        | JournalError::OffsetOutOfRange { .. }
        | JournalError::NameInvalid { .. } => ProblemKind::Config,
        JournalError::FsyncFailed { .. } | JournalError::Refused { .. } => ProblemKind::Internal,
    };
    let code = if kind == ProblemKind::Paused { "PAUSED_DISK" } else { error.code() };
    Problem::new(kind, code, error.to_string(), error.remedy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::Arc;

    #[test]
    fn a_full_disk_pauses_and_a_failed_fsync_ends_the_process() {
        let full = journal_problem(JournalError::DiskFull { dir: "/d".into(), why: "the disk is full" });
        assert_eq!((full.kind, full.code.as_str()), (ProblemKind::Paused, "PAUSED_DISK"));
        assert!(full.remedy.contains("df -h /d"));
        let source = Arc::new(io::Error::other("gone"));
        let failed = journal_problem(JournalError::FsyncFailed { file: "/d/1".into(), source });
        assert_eq!((failed.kind, failed.code.as_str()), (ProblemKind::Internal, "FSYNC_FAILED"));
    }
}
