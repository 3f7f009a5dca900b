//! One poll: rows from the server into the journal, with the position beside them.

use std::time::Instant;

use tailwater_connector::transport::TopicHandle;
use tailwater_connector::{PlanId, Problem, SourceWriter, Transaction};
use tailwater_event::Cell;
use tailwater_event::debezium::EncodeError;

use super::horizon::{Horizon, Reach, Waiting};
use super::position::{Cursor, Position};
use super::problem;
use super::settings::{Initial, Mode, QuerySettings};
use super::shape::{Shape, Target};
use super::statement::Bounds;
use crate::capture::now_ns;
use crate::client::{Client, ClientError};
use crate::limits::{BUFFER_BYTES, FLUSH_BYTES};
use crate::pgoutput::recycle;
use crate::snapshot::LineReader;
use crate::sql;

/// What polls share.
pub(super) struct Session<'a> {
    pub settings: &'a QuerySettings,
    pub client: Client,
    pub writer: &'a mut dyn SourceWriter,
    pub position: Position,
}

/// A table, or the query, that is polled again and again.
pub(super) struct Poller {
    pub target: Target,
    /// When it is polled next.
    pub due: Instant,
    open: Option<Open>,
    waiting: Waiting,
    lines: LineReader,
    cells: Vec<Cell<'static>>,
    /// What keeps it from being polled, as far as it was told.
    pub told: Vec<Problem>,
}

/// A shape with its places in the journal.
struct Open {
    shape: Shape,
    topic: TopicHandle,
    plan: PlanId,
}

/// How a poll ended.
pub(super) enum Polled {
    /// With so many rows.
    Rows(u64),
    /// It can not be polled as it is now.
    Unfit(Vec<Problem>),
    /// Transactions that may still add rows before the new ones are waited for.
    Waits,
}

impl Poller {
    /// A new one.
    pub(super) fn new(target: Target, due: Instant) -> Poller {
        Poller {
            target,
            due,
            open: None,
            waiting: Waiting::default(),
            lines: LineReader::default(),
            cells: Vec::new(),
            told: Vec::new(),
        }
    }

    /// What the reader should know of it while it is polled.
    pub(super) fn warnings(&self, settings: &QuerySettings) -> Vec<Problem> {
        let shape = self.open.as_ref().map_or(&[][..], |open| &open.shape.warnings);
        let notice = self.waiting.notice(&self.target, settings.writer_patience);
        shape.iter().cloned().chain(notice).collect()
    }

    /// Reads what is new, in one view of the table, and commits it.
    pub(super) fn poll(&mut self, session: &mut Session<'_>) -> Result<Polled, Problem> {
        if self.open.is_none()
            && let Some(unfit) = self.ask(session)?
        {
            return Ok(unfit);
        }
        let horizon = match self.horizon(session)? {
            Ok(horizon) => horizon,
            Err(polled) => return Ok(polled),
        };
        let polled = match self.begin(session)? {
            Some(unfit) => unfit,
            None => self.with_open(|poller, open| poller.read(session, open, horizon.as_ref()))?,
        };
        let end = if matches!(polled, Polled::Rows(_)) { "COMMIT" } else { "ROLLBACK" };
        self.run(session, end)?;
        session.writer.flush()?;
        Ok(polled)
    }

    /// Opens the view of the table. The lock comes first: to a view older than a rewrite of the table it would look empty.
    fn begin(&mut self, session: &mut Session<'_>) -> Result<Option<Polled>, Problem> {
        let table = self.target.table.as_ref().filter(|_| self.target.shows_writers);
        let lock = table.map(|table| format!("; LOCK TABLE {} IN ACCESS SHARE MODE", sql::table(table)));
        let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ{}", lock.unwrap_or_default());
        match session.client.execute(&begin) {
            Ok(()) => self.ask(session),
            Err(error) => self.refused(session, &error).map(Some),
        }
    }

    /// Asks for the columns, and makes a plan of them when they are others than before.
    fn ask(&mut self, session: &mut Session<'_>) -> Result<Option<Polled>, Problem> {
        let known = self.open.as_ref().map(|open| &open.shape);
        match Shape::ask(&mut session.client, session.settings, &self.target, known) {
            Ok(Ok(None)) => Ok(None),
            Ok(Ok(Some(shape))) => {
                let plan = session.writer.plan(&shape.plan.descriptor())?;
                let topic = session.writer.topic(&self.target.topic)?;
                self.open = Some(Open { shape, topic, plan });
                Ok(None)
            }
            Ok(Err(problems)) => {
                self.open = None;
                Ok(Some(Polled::Unfit(problems)))
            }
            Err(error) => self.refused(session, &error).map(Some),
        }
    }

    /// Lends the open shape, which is put back whatever happens.
    fn with_open<T>(&mut self, work: impl FnOnce(&mut Self, &mut Open) -> Result<T, Problem>) -> Result<T, Problem> {
        let Some(mut open) = self.open.take() else {
            return Err(Problem::internal("QUERY_SHAPE", "a poll began without knowing its columns"));
        };
        let result = work(self, &mut open);
        self.open = Some(open);
        result
    }

    /// Up to where is read; the outer `None` in bulk mode. The inner error: there is nothing to be read now.
    fn horizon(&mut self, session: &mut Session<'_>) -> Result<Result<Option<Horizon>, Polled>, Problem> {
        let settings = session.settings;
        let Some(open) = self.open.as_ref().filter(|_| settings.mode != Mode::Bulk) else { return Ok(Ok(None)) };
        let statement = &open.shape.statement;
        let after = session.position.cursors.get(&self.target.key()).cloned().unwrap_or_default();
        let seen = Horizon::look(&mut session.client, settings, &self.target, statement, &after);
        let seen = match seen {
            Ok(seen) => seen,
            Err(error) => {
                // A column that it names may be gone.
                let refused = self.refused(session, &error)?;
                self.open = None;
                return Ok(Err(refused));
            }
        };
        if settings.initial == Initial::Now && settings.mode.times() && after.timestamp.is_none() {
            // What "now" was must outlast a restart that comes before the first row.
            let beginning = Cursor { timestamp: Some(seen.initial.clone()), ..after };
            session.position.cursors.insert(self.target.key(), beginning);
            session.writer.progress(&session.position.encode()?)?;
        }
        let counts_only = settings.mode == Mode::Incrementing && self.target.shows_writers;
        match self.waiting.decide(seen, settings.writer_patience, Instant::now()) {
            Reach::Blocked => Ok(Err(Polled::Waits)),
            Reach::Free(horizon) if counts_only && horizon.highest.is_none() => Ok(Err(Polled::Rows(0))),
            Reach::Free(horizon) => Ok(Ok(Some(horizon))),
        }
    }

    fn read(
        &mut self,
        session: &mut Session<'_>,
        open: &mut Open,
        horizon: Option<&Horizon>,
    ) -> Result<Polled, Problem> {
        let key = self.target.key();
        let mode = session.settings.mode;
        let mut last = session.position.cursors.get(&key).cloned().unwrap_or_default();
        if let (Some(horizon), None, true) = (horizon, &last.timestamp, mode.times())
            && session.settings.initial != Initial::All
        {
            last.timestamp = Some(horizon.initial.clone());
        }
        let until = horizon.map_or("", |horizon| &horizon.until);
        let highest = horizon.and_then(|horizon| horizon.highest.as_deref());
        let mut bounds = Bounds { after: &last, until, last: None, highest };
        let ended;
        if open.shape.statement.may_part_times() {
            ended = self.last_time(session, &open.shape.statement.last_time(bounds))?;
            if ended.is_none() {
                return Ok(Polled::Rows(0));
            }
            bounds.last = ended.as_deref();
        }
        let text = open.shape.statement.text(bounds);
        let Session { client, writer, position, settings } = session;
        let connection = &settings.connection;
        // The line break ends a comment.
        let mut copy = match client.copy_out(&format!("COPY ({text}\n) TO STDOUT")) {
            Ok(copy) => copy,
            Err(error) => return self.refused(session, &error),
        };
        let (mut rows, mut uncommitted) = (0, 0);
        loop {
            let row = copy.next_row().map_err(|error| self.problem(&error, connection))?;
            let Some(row) = row else { break };
            let mut cells = recycle(std::mem::take(&mut self.cells));
            self.lines.read(row.line, &mut cells);
            let (values, cursor) = cells.split_at_checked(open.shape.columns).unwrap_or((&cells, &[]));
            let full = uncommitted >= settings.batch_rows;
            if full && mode != Mode::Bulk && !is_at(&last, mode, cursor) {
                commit(*writer, position, &key, &last)?;
                uncommitted = 0;
            }
            let records = writer.records(open.topic, open.plan);
            records.prepare(open.shape.plan.fragments());
            let written = open.shape.plan.write(now_ns() / 1_000_000, values, records);
            written.map_err(|error| not_encodable(&self.target, &error))?;
            writer.row_done()?;
            move_to(&mut last, mode, cursor);
            self.cells = recycle(cells);
            if full {
                self.lines.shrink(BUFFER_BYTES);
            }
            (rows, uncommitted) = (rows + 1, uncommitted + 1);
        }
        if uncommitted > 0 {
            commit(*writer, position, &key, &last)?;
        }
        Ok(Polled::Rows(rows))
    }

    fn last_time(&self, session: &mut Session<'_>, sql: &str) -> Result<Option<String>, Problem> {
        let rows = session.client.query(sql);
        let rows = rows.map_err(|error| self.problem(&error, &session.settings.connection))?;
        Ok(rows.first().and_then(|row| row.get(0)).map(str::to_owned))
    }

    /// The server's refusal of a table is the table's affair, as long as the session is whole.
    fn refused(&self, session: &Session<'_>, error: &ClientError) -> Result<Polled, Problem> {
        let problem = self.problem(error, &session.settings.connection);
        let of_table = self.target.table.is_some()
            // Undefined table, undefined column, insufficient privilege, wrong object type, lock not available.
            && matches!(error.sqlstate(), Some("42P01" | "42703" | "42501" | "42809" | "55P03"));
        if of_table { Ok(Polled::Unfit(vec![problem])) } else { Err(problem) }
    }

    fn run(&self, session: &mut Session<'_>, sql: &str) -> Result<(), Problem> {
        let done = session.client.execute(sql);
        done.map_err(|error| self.problem(&error, &session.settings.connection))
    }

    fn problem(&self, error: &ClientError, connection: &crate::client::ConnectionSettings) -> Problem {
        match self.target.table {
            Some(_) => problem::of(error, connection),
            None => problem::of_query(error, connection),
        }
    }
}

/// Commits what was written and where the next poll goes on.
fn commit(writer: &mut dyn SourceWriter, position: &mut Position, key: &str, last: &Cursor) -> Result<(), Problem> {
    position.sequence += 1;
    if *last != Cursor::default() {
        position.cursors.insert(key.to_owned(), last.clone());
    }
    let transaction = Transaction { end_lsn: position.sequence, ..Transaction::default() };
    writer.commit(transaction, &position.encode()?)?;
    if writer.pending_bytes() >= FLUSH_BYTES { writer.flush() } else { Ok(()) }
}

/// The places of time and number in a row, in the order of the statement.
fn parts<'a>(mode: Mode, cells: &'a [Cell<'a>]) -> (Option<&'a [u8]>, Option<&'a [u8]>) {
    let text = |at: usize| match cells.get(at) {
        Some(Cell::Text(text)) => Some(*text),
        _ => None,
    };
    match mode {
        Mode::Bulk => (None, None),
        Mode::Incrementing => (None, text(0)),
        Mode::Timestamp => (text(0), None),
        Mode::TimestampIncrementing => (text(0), text(1)),
    }
}

/// Whether a row stands where the last one stood: then no commit may come between them.
fn is_at(last: &Cursor, mode: Mode, cells: &[Cell<'_>]) -> bool {
    let same = |known: &Option<String>, found: Option<&[u8]>| known.as_deref().map(str::as_bytes) == found;
    let (time, number) = parts(mode, cells);
    (!mode.times() || same(&last.timestamp, time)) && (!mode.counts() || same(&last.incrementing, number))
}

fn move_to(last: &mut Cursor, mode: Mode, cells: &[Cell<'_>]) {
    fn set(place: &mut Option<String>, found: Option<&[u8]>) {
        let Some(found) = found else {
            *place = None;
            return;
        };
        let place = place.get_or_insert_default();
        place.clear();
        // Numbers and times are ASCII.
        place.push_str(&String::from_utf8_lossy(found));
    }
    let (time, number) = parts(mode, cells);
    if mode.times() {
        set(&mut last.timestamp, time);
    }
    if mode.counts() {
        set(&mut last.incrementing, number);
    }
}

fn not_encodable(target: &Target, error: &EncodeError) -> Problem {
    Problem::stop(
        "VALUE_NOT_ENCODABLE",
        format!("a value of {} cannot be written as a row: {error}", target.label()),
        "Follow the cause, or read a view or a 'query' in which the column is cast or left out.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_moves_with_each_row_and_knows_rows_of_one_place() {
        let mut last = Cursor { timestamp: Some("kept".into()), incrementing: None };
        let mode = Mode::Incrementing;
        move_to(&mut last, mode, &[Cell::Text(b"7")]);
        assert_eq!((last.timestamp.as_deref(), last.incrementing.as_deref()), (Some("kept"), Some("7")));
        let mode = Mode::TimestampIncrementing;
        let row = [Cell::Text(b"2024"), Cell::Text(b"8")];
        move_to(&mut last, mode, &row);
        assert!(is_at(&last, mode, &row));
        assert!(!is_at(&last, mode, &[Cell::Text(b"2024"), Cell::Text(b"9")]));
        assert!(!is_at(&last, mode, &[Cell::Text(b"2024"), Cell::Null]));
        assert!(is_at(&last, Mode::Timestamp, &[Cell::Text(b"2024")]));
    }
}
