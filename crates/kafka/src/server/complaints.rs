//! Log lines about connections that went wrong: few of them, however many connections there are.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::limits::COMPLAINTS;

/// Whether the log takes another line.
pub(super) struct Complaints(Mutex<Bucket>);

struct Bucket {
    left: f64,
    filled: Instant,
    suppressed: u64,
}

/// Time in which the log takes so many lines again.
const REFILL: Duration = Duration::from_secs(60);

impl Complaints {
    pub(super) fn new(now: Instant) -> Self {
        Complaints(Mutex::new(Bucket { left: f64::from(COMPLAINTS), filled: now, suppressed: 0 }))
    }

    /// A connection was closed for a reason.
    pub(super) fn closed(&self, peer: SocketAddr, why: &dyn fmt::Display) {
        metrics::counter!("tailwater_kafka_connections_closed_for_cause_total").increment(1);
        match self.take(Instant::now()) {
            Some(0) => tracing::warn!(%peer, "closed a Kafka connection: {why}"),
            Some(suppressed) => tracing::warn!(%peer, suppressed, "closed a Kafka connection: {why}"),
            None => tracing::debug!(%peer, "closed a Kafka connection: {why}"),
        }
    }

    /// A connection could not be taken.
    pub(super) fn refused(&self, why: &io::Error) {
        if let Some(suppressed) = self.take(Instant::now()) {
            tracing::warn!(suppressed, "a Kafka connection cannot be taken: {why}");
        }
    }

    /// Whether a line may be written now, and how many were left out since the last.
    fn take(&self, now: Instant) -> Option<u64> {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let most = f64::from(COMPLAINTS);
        let refill = now.saturating_duration_since(bucket.filled).as_secs_f64() / REFILL.as_secs_f64() * most;
        bucket.left = (bucket.left + refill).min(most);
        bucket.filled = now;
        if bucket.left < 1.0 {
            bucket.suppressed += 1;
            return None;
        }
        bucket.left -= 1.0;
        Some(std::mem::take(&mut bucket.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_leaves_few_lines_and_the_next_says_how_many_were_left_out() {
        let start = Instant::now();
        let complaints = Complaints::new(start);
        let written = (0..10_000).filter(|_| complaints.take(start).is_some()).count();
        assert_eq!(written, COMPLAINTS as usize);
        let later = start + Duration::from_secs(30);
        assert_eq!(complaints.take(later), Some(10_000 - u64::from(COMPLAINTS)));
        assert_eq!(complaints.take(later), Some(0));
    }
}
