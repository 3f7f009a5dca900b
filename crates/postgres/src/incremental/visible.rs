//! Which transactions a snapshot shows, by their numbers in the stream.

/// What `pg_current_snapshot()` tells: `xmin:xmax:running,running,…` (PostgreSQL docs, Transaction ID and Snapshot
/// Information Functions).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Visible {
    next: u64,
    running: Vec<u64>,
}

impl Visible {
    /// Reads the text; `None` when it is not one.
    pub fn parse(text: &str) -> Option<Visible> {
        let mut parts = text.splitn(3, ':');
        let _oldest: u64 = parts.next()?.parse().ok()?;
        let next = parts.next()?.parse().ok()?;
        let running =
            parts.next()?.split(',').filter(|n| !n.is_empty()).map(|n| n.parse().ok()).collect::<Option<_>>()?;
        Some(Visible { next, running })
    }

    /// Whether the snapshot shows what this transaction committed. The stream's numbers lack the upper half; it is that
    /// of the nearest number.
    pub fn shows(&self, xid: u32) -> bool {
        let xid = self.full(xid);
        xid < self.next && !self.running.contains(&xid)
    }

    fn full(&self, xid: u32) -> u64 {
        // The signed distance on the circle of 32-bit numbers.
        let distance = xid.wrapping_sub(self.next as u32).cast_signed();
        self.next.saturating_add_signed(i64::from(distance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_and_later_transactions_are_not_shown() {
        let visible = Visible::parse("10:20:10,14").unwrap();
        let shown: Vec<u32> = (8..22).filter(|xid| visible.shows(*xid)).collect();
        assert_eq!(shown, [8, 9, 11, 12, 13, 15, 16, 17, 18, 19]);
        assert!(Visible::parse("7:7:").is_some_and(|v| v.shows(6) && !v.shows(7)));
        assert_eq!(Visible::parse("x"), None);
    }

    #[test]
    fn numbers_are_compared_across_the_wrap() {
        let visible = Visible::parse("4294967290:4294967300:4294967295").unwrap();
        assert!(visible.shows(4_294_967_294) && !visible.shows(u32::MAX) && visible.shows(3) && !visible.shows(4));
    }
}
