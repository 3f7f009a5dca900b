//! Reads chunks aside, so that the stream goes on meanwhile: one thread with a session of its own.
//!
//! A window: its opening is written to the signal table, a chunk is read in one snapshot, its closing is written. The
//! stream meets both rows where they were committed. Without a signal table, or with `read.only`, a position of the log
//! that lies after everything the snapshot shows stands for the closing.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use tailwater_connector::{Problem, Stop};
use tailwater_event::{Lsn, TableName, TableSchema};

use super::chunk::Chunk;
use super::marks::Marks;
use super::progress::{Notice, Progress, TableProgress, Wanted};
use super::rows::{Beyond, copy};
use super::select::{self, Bounds, Order};
use super::visible::Visible;
use crate::catalog::{self, CatalogTable, TableFacts, Types};
use crate::client::{Client, ClientError};
use crate::limits::LOCK_PATIENCE;
use crate::position::last_record_end;
use crate::settings::Settings;
use crate::snapshot::relation;
use crate::{problem, sql};

/// What a standby has replayed.
const STANDBY: &str = "CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() END";

/// What is asked of the thread.
pub(super) struct Job {
    /// The window's name.
    pub window: String,
    /// Where to go on.
    pub progress: Progress,
    /// The captured tables.
    pub tables: Vec<CatalogTable>,
}

/// What it found, before the window closes.
pub(super) struct Outcome {
    /// Tables that are over since, and where each was.
    pub done: Vec<(Wanted, TableProgress)>,
    /// How far the first of the others is once the chunk was written.
    pub table: TableProgress,
    pub notices: Vec<Notice>,
    /// Its rows; none when everything was read.
    pub chunk: Option<Chunk>,
    /// Where the window closes, when no row tells.
    pub until: Option<u64>,
}

/// The thread.
pub(super) struct Worker {
    jobs: Sender<Job>,
    outcomes: Receiver<Result<Outcome, Problem>>,
}

impl Worker {
    /// Starts it. It ends with this value.
    pub fn start(settings: &Settings, stop: &Stop) -> Worker {
        let (jobs, job) = mpsc::channel();
        let (outcome, outcomes) = mpsc::channel();
        let (settings, stop) = (settings.clone(), stop.clone());
        let span = tracing::Span::current();
        thread::spawn(move || span.in_scope(|| work(&settings, &stop, &job, &outcome)));
        Worker { jobs, outcomes }
    }

    /// Asks for the next chunk.
    pub fn ask(&self, job: Job) -> Result<(), Problem> {
        self.jobs.send(job).map_err(|_| ended())
    }

    /// What it found, when it has found it.
    pub fn poll(&self) -> Result<Option<Outcome>, Problem> {
        match self.outcomes.try_recv() {
            Ok(outcome) => outcome.map(Some),
            Err(mpsc::TryRecvError::Empty) => Ok(None),
            Err(mpsc::TryRecvError::Disconnected) => Err(ended()),
        }
    }
}

fn ended() -> Problem {
    Problem::retry(
        "INCREMENTAL_THREAD",
        "the session of the incremental snapshot ended",
        "Nothing is to be done: it goes on after its last chunk.",
    )
}

fn work(settings: &Settings, stop: &Stop, jobs: &Receiver<Job>, outcomes: &Sender<Result<Outcome, Problem>>) {
    let mut session = None;
    while let Ok(job) = jobs.recv() {
        if let Err(problem) = window(settings, stop, &mut session, job, outcomes) {
            drop(outcomes.send(Err(problem)));
            return;
        }
    }
}

/// One window. An error of the session ends it; an error of one table only skips that.
fn window(
    settings: &Settings,
    stop: &Stop,
    session: &mut Option<Session>,
    job: Job,
    outcomes: &Sender<Result<Outcome, Problem>>,
) -> Result<(), Problem> {
    let to_problem = |error: ClientError| problem::of(&error, &settings.connection);
    let session = match session {
        Some(session) => session,
        None => {
            let mut client = Client::connect(&settings.connection, false).map_err(to_problem)?;
            client.interrupt_with(stop.clone());
            client.set_max_message(settings.max_row_bytes);
            session.insert(Session { client, known: None, primary: false })
        }
    };
    let marks = Marks::of(settings, &job.window);
    if let Some(marks) = &marks {
        session.client.execute(&marks.open).map_err(|e| marks.refused(e, settings))?;
    }
    let mut outcome = session.read(settings, job).map_err(to_problem)?;
    if marks.is_none() {
        outcome.until = Some(session.log_end().map_err(to_problem)?);
    }
    // First the rows, then the closing: whoever sees it finds them.
    if outcomes.send(Ok(outcome)).is_err() {
        return Err(ended());
    }
    match &marks {
        Some(marks) => marks.close(&mut session.client).map_err(|e| marks.refused(e, settings)),
        None => Ok(()),
    }
}

/// What is known of a table from the chunk before.
struct Known {
    table: TableName,
    fingerprint: String,
    facts: TableFacts,
    schema: TableSchema,
}

struct Session {
    client: Client,
    known: Option<Known>,
    /// The server is no standby, and will not become one.
    primary: bool,
}

/// Why a table gives no rows.
enum Over {
    Done,
    Status(&'static str),
}

impl Session {
    fn read(&mut self, settings: &Settings, job: Job) -> Result<Outcome, ClientError> {
        let Job { mut progress, tables, .. } = job;
        let (mut notices, mut chunk, mut done) = (Vec::new(), None, Vec::new());
        while let Some(wanted) = progress.tables.first().cloned() {
            let before = progress.table.clone();
            let read = match tables.iter().find(|t| t.name.to_string() == wanted.name) {
                Some(table) => self.chunk(settings, table, &wanted, &mut progress),
                None => Ok(Err(Over::Status("UNKNOWN_SCHEMA"))),
            };
            let over = match read {
                Ok(Ok(read)) => {
                    let first = |key: &Option<Vec<Option<String>>>| {
                        key.as_ref().and_then(|key| key.first().cloned().flatten()).unwrap_or_default()
                    };
                    notices.push(Notice::InProgress {
                        tables: progress.names(),
                        table: wanted.name,
                        last: first(&progress.table.last),
                        max: first(&progress.table.max),
                        rows: progress.table.rows,
                    });
                    chunk = Some(read);
                    break;
                }
                Ok(Err(over)) => over,
                Err(ClientError::Server(answer)) if passes(&answer.sqlstate) => {
                    self.client.execute("ROLLBACK")?;
                    progress.table = before;
                    tracing::debug!(table = wanted.name, "a chunk is tried again: {}", answer.message);
                    continue;
                }
                Err(ClientError::Server(answer)) => {
                    self.client.execute("ROLLBACK")?;
                    self.known = None;
                    tracing::warn!(
                        table = wanted.name,
                        sqlstate = answer.sqlstate,
                        "an incremental snapshot passes a table over: {}",
                        answer.message
                    );
                    Over::Status("SQL_EXCEPTION")
                }
                Err(error) => return Err(error),
            };
            let status = match over {
                Over::Done => "SUCCEEDED",
                Over::Status(status) => status,
            };
            let (tables, rows) = (progress.names(), progress.table.rows);
            notices.push(Notice::TableDone { tables, table: wanted.name.clone(), status, rows });
            done.push((wanted, std::mem::take(&mut progress.table)));
            progress.tables.remove(0);
        }
        Ok(Outcome { done, table: progress.table, notices, chunk, until: None })
    }

    /// The next rows of a table, in a snapshot of their own.
    fn chunk(
        &mut self,
        settings: &Settings,
        table: &CatalogTable,
        wanted: &Wanted,
        progress: &mut Progress,
    ) -> Result<Result<Chunk, Over>, ClientError> {
        let from = relation(table);
        let replayed = self.replayed()?;
        // The lock comes first: to a snapshot older than a rewrite of the table it would look empty.
        self.client.execute(&format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = {}; \
             LOCK TABLE {from} IN ACCESS SHARE MODE",
            LOCK_PATIENCE.as_millis()
        ))?;
        let read = self.locked(settings, table, &from, wanted, (progress, replayed))?;
        self.client.execute("COMMIT")?;
        Ok(read)
    }

    fn locked(
        &mut self,
        settings: &Settings,
        table: &CatalogTable,
        from: &str,
        wanted: &Wanted,
        (progress, replayed): (&mut Progress, Option<u64>),
    ) -> Result<Result<Chunk, Over>, ClientError> {
        let visible = self.describe(settings, table, replayed)?;
        let Some(Known { facts, schema, .. }) = &self.known else { return Ok(Err(Over::Status("UNKNOWN_SCHEMA"))) };
        let Some(order) = order(settings, facts, schema, wanted, self.client.server_version_num()) else {
            return Ok(Err(Over::Status("NO_PRIMARY_KEY")));
        };
        let names: Vec<_> = order.columns.iter().map(|(name, _)| name.clone()).collect();
        let at = &mut progress.table;
        if at.columns != names {
            // Another key than the one that ordered the chunks before: the table is read from its beginning.
            (at.columns, at.last, at.max) = (names, None, None);
        }
        let filter = wanted.filter.as_deref();
        if at.max.is_none() {
            let row = self.client.query(&order.max(from, filter))?;
            let key =
                |row: &crate::client::Row| (0..order.columns.len()).map(|i| row.get(i).map(str::to_owned)).collect();
            at.max = row.first().map(key);
            if at.max.is_none() {
                return Ok(Err(Over::Status("EMPTY")));
            }
        }
        let columns: Vec<_> = schema.columns.iter().map(|c| sql::ident(&c.name)).collect();
        let columns = columns.join(", ");
        let mut chunk = Chunk::new(table.name.clone(), schema.clone(), visible);
        let bounds = Bounds { after: at.last.as_ref(), up_to: at.max.as_ref(), filter };
        let query = order.chunk(&columns, from, bounds, settings.incremental.chunk_rows);
        let beyond = if order.ties { Beyond::Take } else { Beyond::Leave };
        if copy(&mut self.client, &query, beyond, &mut chunk)?.is_none() {
            tracing::warn!(
                table = wanted.name,
                columns = order.list(),
                "an incremental snapshot passes a table over: too many of its rows are equal in these columns; name another \
                 'surrogate-key'"
            );
            return Ok(Err(Over::Status("NO_PRIMARY_KEY")));
        }
        if let Some(last) = chunk.last_line().and_then(|line| chunk.values_of(line, &at.columns)) {
            at.last = Some(last);
        }
        at.rows += chunk.len() as u64;
        let again = std::mem::take(&mut at.again);
        if !again.is_empty() && again.iter().all(|key| key.len() == chunk.matching.columns.len()) {
            let rows = select::rows(&columns, from, &chunk.matching.columns, &again, filter);
            at.again = copy(&mut self.client, &rows, Beyond::Name, &mut chunk)?.unwrap_or_default();
        }
        Ok(if chunk.len() == 0 { Err(Over::Done) } else { Ok(chunk) })
    }

    /// Takes the snapshot, and looks up the table's shape unless it is as it was. `replayed` is what a standby had replayed
    /// before.
    fn describe(
        &mut self,
        settings: &Settings,
        table: &CatalogTable,
        replayed: Option<u64>,
    ) -> Result<Visible, ClientError> {
        let snapshot = match self.client.server_version_num() {
            130_000.. => "pg_catalog.pg_current_snapshot()",
            _ => "pg_catalog.txid_current_snapshot()",
        };
        let rows = self.client.query(&format!(
            "SELECT {snapshot}, (SELECT pg_catalog.string_agg((a.attnum, a.attname, a.atttypid, a.atttypmod, \
             a.attnotnull, a.attisdropped)::pg_catalog.text, '' ORDER BY a.attnum) FROM pg_catalog.pg_attribute a \
             WHERE a.attrelid = {oid} AND a.attnum > 0) || (SELECT pg_catalog.string_agg(i::pg_catalog.text, '') \
             FROM (SELECT i.indexrelid, i.indkey, i.indisreplident FROM pg_catalog.pg_index i WHERE i.indrelid = {oid} \
             ORDER BY 1) i), (SELECT c.relreplident FROM pg_catalog.pg_class c WHERE c.oid = {oid}), {STANDBY}",
            oid = table.oid
        ))?;
        let row = rows.first();
        let text = |index| row.map(|row| row.text(index).to_owned()).unwrap_or_default();
        let visible = match (replayed, text(3).parse::<Lsn>()) {
            (Some(before), Ok(after)) => Some(Visible::Positions { before, after: after.0 }),
            // Promoted meanwhile: what was committed since has other positions.
            (Some(_), Err(_)) => return Err(ClientError::Lost("the standby has become a primary".into())),
            (None, _) => Visible::parse(&text(0)),
        };
        let visible = visible.ok_or_else(|| ClientError::Protocol("a snapshot in an unknown form".into()))?;
        let fingerprint = text(1) + &text(2);
        let same = |known: &Known| known.table == table.name && known.fingerprint == fingerprint;
        if !self.known.as_ref().is_some_and(same) {
            let mut facts = catalog::describe(&mut self.client, std::slice::from_ref(table))?;
            self.known = match facts.pop() {
                None => None,
                Some(facts) => {
                    let types = Types::load(&mut self.client, facts.columns.iter().map(|c| c.type_oid))?;
                    let schema = facts.schema(&types, &settings.keys);
                    Some(Known { table: table.name.clone(), fingerprint, facts, schema })
                }
            };
        }
        Ok(visible)
    }

    /// What a standby has replayed; none on a primary.
    fn replayed(&mut self) -> Result<Option<u64>, ClientError> {
        if self.primary {
            return Ok(None);
        }
        let rows = self.client.query(&format!("SELECT {STANDBY}"))?;
        let replayed = rows.first().and_then(|row| row.get(0)).and_then(|text| text.parse::<Lsn>().ok());
        self.primary = replayed.is_none();
        Ok(replayed.map(|lsn| lsn.0))
    }

    /// A position after everything that was ever visible. On a standby a commit that is being replayed is visible a moment
    /// before it counts as replayed; the reading of the rows lies between, and rows with a key bear it anyway.
    fn log_end(&mut self) -> Result<u64, ClientError> {
        let rows = self.client.query(
            "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() \
             ELSE pg_catalog.pg_current_wal_insert_lsn() END",
        )?;
        let end = rows.first().and_then(|row| row.text(0).parse::<Lsn>().ok()).unwrap_or_default();
        Ok(last_record_end(end.0))
    }
}

/// A lock that was not granted, a statement that was cancelled, a conflict: no fault of the table's.
fn passes(sqlstate: &str) -> bool {
    matches!(sqlstate, "55P03" | "57014") || sqlstate.starts_with("40")
}

/// The columns to order by: the surrogate key, else the message key. Chunks of columns that are not unique end after
/// the last of equal rows, for which the server must know how (13); the original loses such rows.
fn order(
    settings: &Settings,
    facts: &TableFacts,
    schema: &TableSchema,
    wanted: &Wanted,
    version: u32,
) -> Option<Order> {
    let at: Vec<usize> = match &wanted.surrogate {
        Some(name) => vec![schema.columns.iter().position(|c| c.name == *name)?],
        None => schema.key.clone(),
    };
    if at.is_empty() {
        return None;
    }
    let columns: Vec<_> =
        at.iter().filter_map(|&at| schema.columns.get(at)).map(|c| (c.name.clone(), c.nullable)).collect();
    let names: Vec<_> = columns.iter().map(|(name, _)| name).collect();
    let is = |key: &[String]| !key.is_empty() && names.iter().copied().eq(key);
    let nullable = columns.iter().any(|(_, nullable)| *nullable);
    let unique = is(&facts.keys.primary) || (!nullable && (is(&facts.keys.unique) || is(&facts.keys.identity)));
    let ties = !unique && !settings.encode.strict;
    (!ties || version >= 130_000).then_some(Order { columns, ties })
}
