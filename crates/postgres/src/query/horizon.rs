//! Up to where a poll may read so that nothing can come before it any more.
//!
//! A transaction takes a number or a time when it writes a row, and shows the row when it commits; others may have taken
//! later ones and committed before. Whoever writes into a table holds a lock on it from before that until the end. So a
//! horizon is what was taken up to now, and then who writes now: once those have ended, no row at or before it can still
//! appear. (Not covered: a transaction that took its time or number before its first statement on the table. That is
//! what `timestamp.delay.interval.ms` is for.)

use std::time::{Duration, Instant};

use tailwater_connector::Problem;

use super::position::Cursor;
use super::settings::{Initial, QuerySettings};
use super::shape::Target;
use super::statement::Statement;
use crate::client::{Client, ClientError};
use crate::sql::{self, literal};

/// Where a poll may end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Horizon {
    /// The time, in the form of the table's columns.
    pub until: String,
    /// The same for the beginning that `timestamp.initial` asks for.
    pub initial: String,
    /// The highest number; `None` where times count, or when there is no new one.
    pub highest: Option<String>,
    /// Transactions that write into the table.
    writers: Vec<String>,
}

/// What became of a horizon.
pub(super) enum Reach {
    /// It can be read up to it.
    Free(Horizon),
    /// Transactions before it are still open.
    Blocked,
}

/// The horizon that a table waits for.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    horizon: Option<(Horizon, Instant)>,
    /// Transactions that were waited for in vain.
    given_up: Vec<String>,
}

impl Horizon {
    /// Looks at the clock, the numbers and the locks, in this order: the server takes its view of the table when the
    /// statement begins, and reads the locks after that.
    pub(super) fn look(
        client: &mut Client,
        settings: &QuerySettings,
        target: &Target,
        statement: &Statement,
        after: &Cursor,
    ) -> Result<Horizon, ClientError> {
        let moments = statement.times_are_moments();
        let zone = literal(settings.zone.as_deref().unwrap_or("UTC"));
        let shown = |moment: &str| match moments {
            true => format!("({moment})::pg_catalog.text"),
            false => format!("(({moment}) AT TIME ZONE {zone})::pg_catalog.text"),
        };
        let until = shown(&format!("CURRENT_TIMESTAMP - interval '{} milliseconds'", settings.delay_ms));
        let initial = match settings.initial {
            Initial::After(ms) => shown(&format!("pg_catalog.to_timestamp({ms}::pg_catalog.float8 / 1000)")),
            Initial::All | Initial::Now => shown("CURRENT_TIMESTAMP"),
        };
        let table = target.table.as_ref().filter(|_| target.shows_writers).map(sql::table);
        let highest = table.as_ref().and_then(|_| statement.highest(after)).unwrap_or_else(|| "NULL".to_owned());
        let writers = match table {
            Some(table) => writers(&literal(&table)),
            None => "NULL".to_owned(),
        };
        let rows = client.query(&format!("SELECT {until}, {initial}, {highest}, {writers}"))?;
        let answer = |index| rows.first().and_then(|row| row.get(index)).map(str::to_owned);
        Ok(Horizon {
            until: answer(0).unwrap_or_default(),
            initial: answer(1).unwrap_or_default(),
            highest: answer(2),
            writers: answer(3).unwrap_or_default().split(' ').filter(|w| !w.is_empty()).map(str::to_owned).collect(),
        })
    }
}

/// Transactions with the lock of a writer on a table, on those above it, or on its partitions and the tables that inherit
/// from it, whose rows it shows.
fn writers(table: &str) -> String {
    format!(
        "(WITH RECURSIVE above AS (SELECT {table}::pg_catalog.regclass::pg_catalog.oid AS oid \
           UNION SELECT inhparent FROM pg_catalog.pg_inherits JOIN above ON inhrelid = oid), \
         below AS (SELECT {table}::pg_catalog.regclass::pg_catalog.oid AS oid \
           UNION SELECT inhrelid FROM pg_catalog.pg_inherits JOIN below ON inhparent = oid) \
         SELECT pg_catalog.string_agg(DISTINCT virtualtransaction, ' ') FROM pg_catalog.pg_locks \
          WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted \
            AND relation IN (SELECT oid FROM above UNION SELECT oid FROM below) \
            AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))"
    )
}

impl Waiting {
    /// Takes a fresh look into account. An older horizon that became free comes first: later rows have their turn.
    pub(super) fn decide(&mut self, seen: Horizon, patience: Duration, now: Instant) -> Reach {
        self.given_up.retain(|writer| seen.writers.contains(writer));
        if let Some((horizon, since)) = self.horizon.take() {
            let open = |writer: &&String| seen.writers.contains(*writer) && !self.given_up.contains(*writer);
            let open: Vec<String> = horizon.writers.iter().filter(open).cloned().collect();
            if open.is_empty() {
                return Reach::Free(horizon);
            }
            if now.saturating_duration_since(since) >= patience {
                self.given_up.extend(open);
                return Reach::Free(horizon);
            }
            self.horizon = Some((horizon, since));
            return Reach::Blocked;
        }
        if seen.writers.iter().all(|writer| self.given_up.contains(writer)) {
            return Reach::Free(seen);
        }
        self.horizon = Some((seen, now));
        Reach::Blocked
    }

    /// What is to be said while a transaction is no longer waited for.
    pub(super) fn notice(&self, target: &Target, patience: Duration) -> Option<Problem> {
        let writer = self.given_up.first()?;
        let cause = format!(
            "a transaction writes into {} for more than {} s; rows that it adds before those that were read will be missed",
            target.label(),
            patience.as_secs()
        );
        let remedy = format!(
            "Let it end: SELECT pid FROM pg_locks WHERE virtualtransaction = {}; -- for such writers set \
             'timestamp.delay.interval.ms', or capture the log",
            literal(writer)
        );
        Some(Problem::environment("WRITER_OPEN", cause, remedy).warning())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn horizon(highest: u32, writers: &[&str]) -> Horizon {
        Horizon {
            until: String::new(),
            initial: String::new(),
            highest: Some(highest.to_string()),
            writers: writers.iter().map(|w| (*w).to_owned()).collect(),
        }
    }

    fn reach(waiting: &mut Waiting, seen: Horizon, now: Instant) -> Option<String> {
        match waiting.decide(seen, PATIENCE, now) {
            Reach::Free(horizon) => horizon.highest,
            Reach::Blocked => None,
        }
    }

    #[test]
    fn rows_wait_for_the_writers_that_were_there_and_not_for_later_ones() {
        let (mut waiting, now) = (Waiting::default(), Instant::now());
        assert_eq!(reach(&mut waiting, horizon(1, &[]), now).as_deref(), Some("1"));
        assert_eq!(reach(&mut waiting, horizon(5, &["a", "b"]), now), None);
        assert_eq!(reach(&mut waiting, horizon(7, &["b", "c"]), now), None);
        assert_eq!(reach(&mut waiting, horizon(9, &["c"]), now).as_deref(), Some("5"));
        assert_eq!(reach(&mut waiting, horizon(9, &["c"]), now), None);
        assert_eq!(reach(&mut waiting, horizon(9, &[]), now).as_deref(), Some("9"));
    }

    #[test]
    fn a_writer_that_does_not_end_is_waited_for_once() {
        let (mut waiting, start) = (Waiting::default(), Instant::now());
        let target = Target { table: None, shows_writers: true, topic: String::new() };
        assert_eq!(reach(&mut waiting, horizon(5, &["a"]), start), None);
        assert_eq!(reach(&mut waiting, horizon(6, &["a"]), start + PATIENCE).as_deref(), Some("5"));
        assert!(waiting.notice(&target, PATIENCE).is_some());
        assert_eq!(reach(&mut waiting, horizon(7, &["a"]), start + PATIENCE).as_deref(), Some("7"));
        assert_eq!(reach(&mut waiting, horizon(8, &["a", "b"]), start + PATIENCE), None);
        assert_eq!(reach(&mut waiting, horizon(8, &["a"]), start + PATIENCE).as_deref(), Some("8"));
        assert_eq!(reach(&mut waiting, horizon(9, &[]), start + PATIENCE).as_deref(), Some("9"));
        assert!(waiting.notice(&target, PATIENCE).is_none());
    }
}
