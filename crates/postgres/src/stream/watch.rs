//! The slot as the server shows it while we stream: metrics of what it holds back, and a warning before it is given up.
//! Once it has been, the stream ends by itself and the next start stops with `SLOT_LOST`.

use std::time::Instant;

use tailwater_connector::Problem;

use super::Follower;
use crate::limits::SLOT_POLL;
use crate::slot::{self, Held};

const SLOT_AT_RISK: &str = "SLOT_AT_RISK";

/// When the slot is looked at next, and where the log ended at the last look.
pub(super) struct Watch {
    due: Instant,
    last: Option<(Instant, u64)>,
}

impl Watch {
    /// The first look is due at once.
    pub fn new(now: Instant) -> Self {
        Watch { due: now, last: None }
    }

    /// Bytes of log that the server writes in a second, since the last look.
    fn rate(&mut self, now: Instant, log_end: u64) -> Option<f64> {
        let (then, before) = self.last.replace((now, log_end))?;
        let seconds = now.saturating_duration_since(then).as_secs_f64();
        (seconds > 0.0).then(|| log_end.saturating_sub(before) as f64 / seconds)
    }
}

/// Seconds until the slot would be lost if nothing were acknowledged any more; infinite without a limit or without writes.
fn forecast(held: &Held, rate: Option<f64>) -> f64 {
    match (held.safe_wal_bytes, rate) {
        (Some(bytes), Some(rate)) if rate > 0.0 => bytes.max(0) as f64 / rate,
        _ => f64::INFINITY,
    }
}

impl Follower<'_, '_> {
    /// Looks at the slot when that is due.
    pub(super) fn watch_slot(&mut self, now: Instant) -> Result<(), Problem> {
        if now < self.watch.due {
            return Ok(());
        }
        self.watch.due = now + SLOT_POLL;
        let name = &self.session.settings.slot.name;
        let held = slot::held(&mut self.session.sql, name);
        let Some(held) = self.session.sql_result(held)? else { return Ok(()) };
        let rate = self.watch.rate(now, held.log_end);
        self.session.metrics.slot(&held, forecast(&held, rate));
        if held.wal_status.as_deref() == Some("unreserved") {
            let cause = format!("the server is about to give up the log that slot \"{name}\" needs");
            let remedy = "ALTER SYSTEM SET max_slot_wal_keep_size = -1; SELECT pg_reload_conf();";
            self.session.status.warn(Problem::environment(SLOT_AT_RISK, cause, remedy).warning());
        } else {
            self.session.status.retain_warnings(|warning| warning.code != SLOT_AT_RISK);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_forecast_is_room_by_rate_and_endless_without_a_limit() {
        let now = Instant::now();
        let mut watch = Watch::new(now);
        assert_eq!(watch.rate(now, 1_000), None);
        let rate = watch.rate(now + Duration::from_secs(10), 2_000);
        assert_eq!(rate, Some(100.0));
        let held = |safe_wal_bytes| Held { safe_wal_bytes, ..Held::default() };
        assert_eq!(forecast(&held(Some(6_000)), rate), 60.0);
        assert_eq!(forecast(&held(Some(-5)), rate), 0.0);
        assert_eq!(forecast(&held(None), rate), f64::INFINITY);
        assert_eq!(forecast(&held(Some(6_000)), Some(0.0)), f64::INFINITY);
    }
}
