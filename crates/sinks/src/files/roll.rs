//! When a file ends.
//!
//! By lines (`flush.size`) and by the records' own time (`rotate.interval.ms`) the bounds are a function of the records,
//! as in Confluent's sink; by bytes and by the clock (`rotate.schedule.interval.ms`) they are not, which is why a
//! file's range is durable before the file is written.

use super::periods::PeriodRule;
use super::zone::Zone;

/// The bounds of a file; whichever comes first ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RollPolicy {
    /// Lines; a record's lines stay together.
    pub(crate) lines: u64,
    /// Bytes; the record that reaches it is the last.
    pub(crate) bytes: u64,
    /// Milliseconds between the first record's timestamp and that of the first record that is too late.
    pub(crate) record_ms: Option<i64>,
    /// Milliseconds of the clock; periods are counted from midnight in the zone when they divide a day.
    pub(crate) schedule_ms: Option<i64>,
    pub(crate) zone: Zone,
    /// A file is of one period, where directories are named by time.
    pub(crate) period: Option<PeriodRule>,
}

impl RollPolicy {
    /// For a file whose range is already decided.
    pub(crate) const NEVER: RollPolicy = RollPolicy {
        lines: u64::MAX,
        bytes: u64::MAX,
        record_ms: None,
        schedule_ms: None,
        zone: Zone::UTC,
        period: None,
    };

    /// Whether a file is full.
    pub(crate) fn is_full(&self, lines: u64, bytes: u64) -> bool {
        lines >= self.lines || bytes >= self.bytes
    }

    /// Whether a record is too late for a file that began with `first_ms`.
    pub(crate) fn is_too_late(&self, first_ms: i64, record_ms: i64) -> bool {
        self.record_ms.is_some_and(|limit| record_ms.saturating_sub(first_ms) >= limit)
            || self.period.as_ref().is_some_and(|period| period.parts_records(first_ms, record_ms))
    }

    /// Whether the clock has passed the end of the period in which a file was begun.
    pub(crate) fn is_due(&self, begun_us: i64, now_us: i64) -> bool {
        self.schedule_ms.is_some_and(|ms| {
            let period = |us: i64| self.zone.local_ms(us.div_euclid(1000)).div_euclid(ms);
            now_us > begun_us && period(now_us) != period(begun_us)
        }) || self.period.as_ref().is_some_and(|period| period.is_over(begun_us, now_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_ends_a_file_by_itself() {
        let policy =
            RollPolicy { lines: 3, bytes: 100, record_ms: Some(1000), schedule_ms: Some(60_000), ..RollPolicy::NEVER };
        assert!(!policy.is_full(2, 99));
        assert!(policy.is_full(3, 1) && policy.is_full(1, 100));
        assert!(!policy.is_too_late(5000, 5999) && policy.is_too_late(5000, 6000));
        assert!(!policy.is_too_late(5000, 1), "a record older than the first is not too late");
        assert!(!policy.is_due(60_000_000, 119_999_999) && policy.is_due(119_999_999, 120_000_000));
    }

    #[test]
    fn a_day_of_the_schedule_ends_at_midnight_of_its_zone() {
        let zone = Zone::parse("Asia/Seoul").unwrap();
        let policy = RollPolicy { schedule_ms: Some(86_400_000), zone, ..RollPolicy::NEVER };
        let hour = 3_600_000_000;
        assert!(!policy.is_due(0, 15 * hour - 1) && policy.is_due(0, 15 * hour));
    }

    #[test]
    fn without_bounds_nothing_ends_a_file() {
        assert!(!RollPolicy::NEVER.is_full(u64::MAX - 1, u64::MAX - 1));
        assert!(!RollPolicy::NEVER.is_too_late(i64::MIN, i64::MAX) && !RollPolicy::NEVER.is_due(0, i64::MAX));
    }
}
