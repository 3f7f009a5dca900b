//! What is told to the server. [`Progress::report`] is the only function of the program that sends a flush position.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tailwater_connector::{Durable, Problem};

use crate::client::{ClientError, ReplicationStream};
use crate::limits::{ACKNOWLEDGE_WITHIN, PROGRESS_IDLE, PROGRESS_ON_REQUEST};
use crate::position::DurableLsn;

/// Seconds from 1970 to PostgreSQL's epoch.
const EPOCH: Duration = Duration::from_secs(946_684_800);

/// Positions of one connection, and when they were last told.
pub(crate) struct Progress {
    /// End of what has arrived.
    received: u64,
    durable: DurableLsn,
    told: DurableLsn,
    told_at: Option<Instant>,
    interval: Duration,
    /// A keepalive's position that may be acknowledged once everything before it is durable.
    caught_up: u64,
    /// The server waits for an answer to its question.
    asked: bool,
    progress_at: Instant,
}

impl Progress {
    /// For a connection that starts at what is durable. `interval` is the longest silence towards the server.
    pub fn new(durable: DurableLsn, interval: Duration, now: Instant) -> Self {
        Progress {
            received: durable.get(),
            durable,
            told: durable,
            told_at: None,
            interval,
            caught_up: 0,
            asked: false,
            progress_at: now,
        }
    }

    /// Bytes up to here have arrived.
    pub fn received(&mut self, lsn: u64) {
        self.received = self.received.max(lsn);
    }

    /// A keepalive: everything before `end` was sent. To be called with no transaction open.
    pub fn caught_up(&mut self, end: u64) {
        self.received(end);
        self.caught_up = self.caught_up.max(end);
    }

    /// The server wants an answer at once.
    pub fn asked(&mut self) {
        self.asked = true;
        self.told_at = None;
    }

    /// What the transport calls durable. It never moves back.
    pub fn durable(&mut self, durable: &Durable) -> Result<(), Problem> {
        let lsn = DurableLsn::read(durable)?;
        if lsn < self.durable {
            return Err(Problem::internal("DURABLE_WENT_BACK", "the durable position moved backwards"));
        }
        self.durable = lsn;
        Ok(())
    }

    /// The position for a progress frame, when one is due: a keepalive's position beyond what is durable, at most one
    /// per [`PROGRESS_IDLE`], or per [`PROGRESS_ON_REQUEST`] when the server asked. The caller has nothing open and
    /// nothing that is not durable.
    pub fn progress_due(&mut self, now: Instant) -> Option<u64> {
        let pause = if self.asked { PROGRESS_ON_REQUEST } else { PROGRESS_IDLE };
        if self.caught_up <= self.durable.get() || now.saturating_duration_since(self.progress_at) < pause {
            return None;
        }
        self.progress_at = now;
        Some(self.caught_up)
    }

    /// Whether the server should hear from us now.
    pub fn report_due(&self, now: Instant) -> bool {
        let Some(told_at) = self.told_at else { return true };
        let silence = now.saturating_duration_since(told_at);
        let moved = self.told < self.durable;
        silence >= self.interval || (moved && (silence >= ACKNOWLEDGE_WITHIN || self.asked))
    }

    /// Tells the server what has arrived and what is durable.
    pub fn report(&mut self, stream: &mut ReplicationStream, now: Instant) -> Result<(), ClientError> {
        stream.send_status(&status(self.received, self.durable, SystemTime::now()))?;
        self.told = self.durable;
        self.told_at = Some(now);
        if self.caught_up <= self.durable.get() {
            self.asked = false;
        }
        Ok(())
    }

    /// Bytes of log between what is durable and what has arrived.
    pub fn behind(&self) -> u64 {
        self.received.saturating_sub(self.durable.get())
    }

    /// Everything that ended up to here was received, no transaction being open.
    pub fn reached(&self) -> u64 {
        self.caught_up.max(self.durable.get())
    }

    /// What is durable, as last seen.
    pub fn durable_lsn(&self) -> DurableLsn {
        self.durable
    }
}

/// `Standby status update` (PostgreSQL docs, Streaming Replication Protocol).
fn status(received: u64, durable: DurableLsn, clock: SystemTime) -> [u8; 34] {
    let since_1970 = clock.duration_since(UNIX_EPOCH).unwrap_or_default();
    let micros = u64::try_from(since_1970.saturating_sub(EPOCH).as_micros()).unwrap_or_default();
    let mut message = [0; 34];
    message[0] = b'r';
    message[1..9].copy_from_slice(&received.max(durable.get()).to_be_bytes());
    message[9..17].copy_from_slice(&durable.get().to_be_bytes());
    message[17..25].copy_from_slice(&durable.get().to_be_bytes());
    message[25..33].copy_from_slice(&micros.to_be_bytes());
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Position;
    use proptest::prelude::*;

    fn at(lsn: u64) -> Durable {
        Durable { era: 1, position: Position { lsn, last_commit: 0 }.encode().to_vec() }
    }

    fn progress(lsn: u64, now: Instant) -> Progress {
        Progress::new(DurableLsn::read(&at(lsn)).unwrap(), Duration::from_secs(10), now)
    }

    #[test]
    fn the_flush_position_is_the_durable_one_whatever_arrived() {
        let bytes = status(900, DurableLsn::read(&at(100)).unwrap(), EPOCH_TIME);
        assert_eq!(bytes[0], b'r');
        assert_eq!(bytes[1..9], 900u64.to_be_bytes());
        assert_eq!(bytes[9..17], 100u64.to_be_bytes());
        assert_eq!(bytes[17..25], 100u64.to_be_bytes());
        assert_eq!(bytes[33], 0);
    }

    const EPOCH_TIME: SystemTime = UNIX_EPOCH;

    #[test]
    fn an_idle_keepalive_makes_progress_at_most_once_in_the_idle_pause() {
        let start = Instant::now();
        let mut p = progress(100, start);
        p.caught_up(200);
        assert_eq!(p.progress_due(start + PROGRESS_ON_REQUEST), None);
        assert_eq!(p.progress_due(start + PROGRESS_IDLE), Some(200));
        p.caught_up(300);
        assert_eq!(p.progress_due(start + PROGRESS_IDLE + PROGRESS_ON_REQUEST), None);
    }

    #[test]
    fn a_question_of_the_server_is_answered_at_once_and_makes_progress_at_most_once_a_second() {
        let start = Instant::now();
        let mut p = progress(100, start);
        p.told_at = Some(start);
        assert!(!p.report_due(start));
        p.caught_up(200);
        p.asked();
        assert!(p.report_due(start));
        assert_eq!(p.progress_due(start + PROGRESS_ON_REQUEST), Some(200));
        assert_eq!(p.progress_due(start + PROGRESS_ON_REQUEST), None);
    }

    #[test]
    fn a_durable_position_is_told_soon_after_it_moved_and_silence_is_bounded() {
        let start = Instant::now();
        let mut p = progress(100, start);
        p.told_at = Some(start);
        p.durable(&at(150)).unwrap();
        assert!(!p.report_due(start));
        assert!(p.report_due(start + ACKNOWLEDGE_WITHIN));
        p.told = p.durable;
        assert!(!p.report_due(start + ACKNOWLEDGE_WITHIN));
        assert!(p.report_due(start + Duration::from_secs(10)));
    }

    #[test]
    fn a_durable_position_that_moves_back_is_an_error() {
        let mut p = progress(100, Instant::now());
        assert_eq!(p.durable(&at(99)).map_err(|e| e.code), Err("DURABLE_WENT_BACK".to_owned()));
    }

    proptest! {
        /// Invariant 5 under random keepalives, questions and durable moves.
        #[test]
        fn never_more_is_told_than_is_durable(steps in proptest::collection::vec((0u8..4, 0u64..1000), 0..60)) {
            let start = Instant::now();
            let (mut p, mut durable) = (progress(0, start), 0u64);
            for (kind, value) in steps {
                match kind {
                    0 => p.caught_up(value),
                    1 => p.asked(),
                    2 => p.received(value),
                    _ => {
                        durable = durable.max(value);
                        p.durable(&at(durable)).unwrap();
                    }
                }
                let sent = status(p.received, p.durable, EPOCH_TIME);
                prop_assert_eq!(&sent[9..17], &durable.to_be_bytes());
            }
        }
    }
}
