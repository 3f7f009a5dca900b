//! Which transactions a snapshot shows, as far as the stream tells of them.

/// Longest page header in the log (`XLogLongPageHeaderData`): so far behind the end of a record the next one may begin.
const PAGE_HEADER: u64 = 40;

/// What a snapshot shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Visible {
    /// By the numbers of transactions.
    Numbers {
        /// The first number that was not given yet.
        next: u64,
        /// Those before it that ran.
        running: Vec<u64>,
    },
    /// On a standby, where nothing lists the transactions that run: by where their commits lie in the log.
    Positions {
        /// What was replayed before the snapshot was taken.
        before: u64,
        /// What was replayed afterwards.
        after: u64,
    },
}

impl Visible {
    /// Reads what `pg_current_snapshot()` tells: `xmin:xmax:running,running,…` (PostgreSQL docs, Transaction ID and
    /// Snapshot Information Functions); `None` when it is not that.
    pub fn parse(text: &str) -> Option<Visible> {
        let mut parts = text.splitn(3, ':');
        let _oldest: u64 = parts.next()?.parse().ok()?;
        let next = parts.next()?.parse().ok()?;
        let running =
            parts.next()?.split(',').filter(|n| !n.is_empty()).map(|n| n.parse().ok()).collect::<Option<_>>()?;
        Some(Visible::Numbers { next, running })
    }

    /// Whether the snapshot shows what this transaction committed, its commit's record beginning at a position; `None` when
    /// that cannot be told.
    pub fn shows(&self, xid: u32, commit_lsn: u64) -> Option<bool> {
        match self {
            Visible::Numbers { next, running } => {
                let xid = full(xid, *next);
                Some(xid < *next && !running.contains(&xid))
            }
            // Records are replayed one after the other. The one at the end may be at work: seen, and not yet counted.
            Visible::Positions { before, .. } if commit_lsn < *before => Some(true),
            Visible::Positions { after, .. } if commit_lsn > after.saturating_add(PAGE_HEADER) => Some(false),
            Visible::Positions { .. } => None,
        }
    }

    /// Whether a transaction that was streamed before the snapshot was taken is missing in it. A standby streams only what
    /// it has replayed.
    pub fn lacks_streamed(&self, xid: u32) -> bool {
        match self {
            Visible::Numbers { .. } => self.shows(xid, 0) == Some(false),
            Visible::Positions { .. } => false,
        }
    }
}

/// The stream's numbers lack the upper half; it is that of the number nearest to another one.
fn full(xid: u32, near: u64) -> u64 {
    // The signed distance on the circle of 32-bit numbers.
    let distance = xid.wrapping_sub(near as u32).cast_signed();
    near.saturating_add_signed(i64::from(distance))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shows(visible: &Visible, xid: u32) -> bool {
        visible.shows(xid, 0).unwrap()
    }

    #[test]
    fn running_and_later_transactions_are_not_shown() {
        let visible = Visible::parse("10:20:10,14").unwrap();
        let shown: Vec<u32> = (8..22).filter(|xid| shows(&visible, *xid)).collect();
        assert_eq!(shown, [8, 9, 11, 12, 13, 15, 16, 17, 18, 19]);
        assert!(visible.lacks_streamed(14) && !visible.lacks_streamed(15));
        assert!(Visible::parse("7:7:").is_some_and(|v| shows(&v, 6) && !shows(&v, 7)));
        assert_eq!(Visible::parse("x"), None);
    }

    #[test]
    fn numbers_are_compared_across_the_wrap() {
        let visible = Visible::parse("4294967290:4294967300:4294967295").unwrap();
        let shown = |xid| shows(&visible, xid);
        assert!(shown(4_294_967_294) && !shown(u32::MAX) && shown(3) && !shown(4));
    }

    #[test]
    fn on_a_standby_positions_decide_and_what_was_replayed_meanwhile_is_open() {
        let visible = Visible::Positions { before: 100, after: 200 };
        let shown = [99, 100, 200, 240, 241].map(|lsn| visible.shows(7, lsn));
        assert_eq!(shown, [Some(true), None, None, None, Some(false)]);
        assert!(!visible.lacks_streamed(7));
    }
}
