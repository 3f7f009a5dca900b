//! An event's identity between its source and its readers: (era, commit end, ordinal).
//!
//! Ordinals count the records of one commit. The rows of a snapshot attempt come in many commits with one hand-over LSN,
//! and their ordinals run through the attempt. A snapshot's commits have no commit record, so the place for its LSN
//! keeps how many rows of the attempt came before: parts of a commit can be on disk before anyone knows that number.

use tailwater_connector::{Origin, Transaction};
use tailwater_journal::TransactionMeta;

/// Counts the rows of a snapshot attempt.
#[derive(Debug, Default)]
pub(super) struct Attempt {
    era: u32,
    hand_over: u64,
    rows: u64,
}

impl Attempt {
    /// What the journal keeps of a commit with this many records.
    pub(super) fn meta(&mut self, era: u32, transaction: Transaction, records: u64) -> TransactionMeta {
        let mut commit_lsn = transaction.commit_lsn;
        if is_snapshot(transaction.xid) {
            if (self.era, self.hand_over) != (era, transaction.end_lsn) {
                *self = Attempt { era, hand_over: transaction.end_lsn, rows: 0 };
            }
            commit_lsn = self.rows;
            self.rows += records;
        }
        TransactionMeta {
            xid: transaction.xid,
            commit_lsn,
            end_lsn: transaction.end_lsn,
            commit_time_us: transaction.commit_time_us,
            records,
        }
    }
}

/// The ordinal of a commit's first record.
pub(super) fn first_ordinal(meta: &TransactionMeta) -> u64 {
    if is_snapshot(meta.xid) { meta.commit_lsn } else { 0 }
}

/// A commit as readers see it.
pub(super) fn origin(era: u32, meta: &TransactionMeta) -> Origin {
    Origin { era, commit_end: meta.end_lsn, commit_time_us: meta.commit_time_us, xid: meta.xid }
}

/// Snapshot rows have no transaction id.
fn is_snapshot(xid: u32) -> bool {
    xid == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinals_run_through_a_snapshot_attempt_and_start_again_with_the_next() {
        let snapshot = |hand_over| Transaction { end_lsn: hand_over, ..Transaction::default() };
        let commit = Transaction { xid: 7, commit_lsn: 90, end_lsn: 100, commit_time_us: 1 };
        let mut attempt = Attempt::default();
        let steps = [(1, snapshot(50), 0), (1, snapshot(50), 10), (1, commit, 0), (1, snapshot(50), 20)];
        for (era, transaction, first) in steps.into_iter().chain([(1, snapshot(60), 0), (2, snapshot(60), 0)]) {
            let meta = attempt.meta(era, transaction, 10);
            assert_eq!(first_ordinal(&meta), first, "{transaction:?}");
        }
        assert_eq!(attempt.meta(1, commit, 3).commit_lsn, 90);
    }
}
