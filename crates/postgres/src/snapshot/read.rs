//! The rows of some tables, in one exported snapshot, one table after the other.
//!
//! Rows come through `COPY … TO STDOUT` in text form, the form the stream has, and go through the same encode plans.
//! They are committed in chunks; a table is marked done in the connector's entries once its last chunk is durable.

use std::collections::HashMap;
use std::time::Instant;

use tailwater_connector::status::{ConnectorState, TableProgress};
use tailwater_connector::{Problem, ProblemKind, Transaction};
use tailwater_event::debezium::{EventContext, SnapshotMarker};
use tailwater_event::{Cell, TableName, TableSchema};

use super::export::Exported;
use super::line::LineReader;
use super::parallel;
use crate::capture::{self, Captured, Change, now_ns};
use crate::catalog::{self, CatalogTable};
use crate::client::{Client, ClientError, ServerError};
use crate::limits::{BUFFER_BYTES, DISK_RETRY, LOCK_PATIENCE, SNAPSHOT_CHUNK_BYTES, SNAPSHOT_MARK_DONE};
use crate::lock;
use crate::pgoutput::recycle;
use crate::position::Position;
use crate::session::Session;
use crate::sql;
use crate::state::{Blocking, TableEntry};

/// The code of a statement that selects rows and is refused.
pub(crate) const SELECT_REFUSED: &str = "SNAPSHOT_SELECT";

/// What to read.
pub(crate) struct Reading<'a> {
    /// The snapshot.
    pub exported: &'a Exported,
    /// Tables, in the order in which they are read.
    pub tables: &'a [CatalogTable],
    /// All tables that the snapshot is about, also those whose rows are not wanted; for notifications.
    pub listed: &'a [CatalogTable],
    /// Where the source resumes after each chunk: rows of a snapshot do not move it.
    pub position: Position,
    /// Statements that select the rows of some tables.
    pub selects: &'a HashMap<TableName, String>,
    /// A signal asked for the rows while the tables were followed: they show its position and transaction, and no table
    /// is handed over.
    pub blocking: Option<&'a Blocking>,
}

/// What all rows of one table share in their events.
#[derive(Clone, Copy)]
pub(super) struct Scan {
    time_us: i64,
    xid: u32,
    lsn: u64,
    last_commit: Option<u64>,
}

/// Reads the tables. `between` is called after each chunk, and again and again while no rows come.
pub(crate) fn read(
    session: &mut Session<'_>,
    reading: &Reading<'_>,
    between: &mut dyn FnMut() -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut client = session.connect(false)?;
    client.set_max_message(session.settings.max_row_bytes);
    let snapshot = sql::literal(&reading.exported.snapshot);
    session.sql_result(
        client.execute(&format!("BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT {snapshot}")),
    )?;
    hold_still(session, &mut client, reading)?;
    let schemas = catalog::schemas(&mut client, reading.tables, &session.settings.keys);
    let schemas = session.sql_result(schemas)?;
    let last = last_with_rows(session, &mut client, reading, between)?;
    let names = |tables: &[CatalogTable]| tables.iter().map(|t| t.name.to_string()).collect::<Vec<_>>().join(",");
    let (collections, listed) = (names(reading.tables), names(reading.listed));
    session.tell_of_snapshot("STARTED", &[])?;
    let mut reader =
        Reader { reading, done: Vec::new(), marked: Instant::now(), lines: LineReader::default(), cells: Vec::new() };
    let parallel = session.settings.snapshot_threads.readers > 1;
    if parallel {
        let scan = scan(session, &mut client, reading)?;
        let mut finished = |session: &mut Session<'_>, table: &CatalogTable, rows: u64| {
            let name = table.name.to_string();
            let rows = rows.to_string();
            let done = [
                ("data_collections", listed.as_str()),
                ("scanned_collection", &name),
                ("status", "SUCCEEDED"),
                ("total_rows_scanned", &rows),
            ];
            if session.tell_of_snapshot("TABLE_SCAN_COMPLETED", &done)? {
                commit(session, reading)?;
            }
            reader.finished(session, table)
        };
        parallel::read(session, &mut client, reading, &schemas, scan, between, &mut finished)?;
    }
    for (index, table) in reading.tables.iter().enumerate().filter(|_| !parallel) {
        // A table that was dropped since the snapshot has no schema any more, and no rows to wait for.
        if let Some(schema) = schemas.iter().find(|s| s.name == table.name) {
            let marks = Marks { first_table: index == 0, last_table: last == Some(index) };
            let name = table.name.to_string();
            let progress = [("current_collection_in_progress", name.as_str()), ("data_collections", &collections)];
            if session.tell_of_snapshot("IN_PROGRESS", &progress)? {
                commit(session, reading)?;
            }
            let rows = reader.table(session, &mut client, table, schema, marks, between)?.to_string();
            let done = [
                ("data_collections", listed.as_str()),
                ("scanned_collection", &name),
                ("status", "SUCCEEDED"),
                ("total_rows_scanned", &rows),
            ];
            if session.tell_of_snapshot("TABLE_SCAN_COMPLETED", &done)? {
                commit(session, reading)?;
            }
        }
        reader.finished(session, table)?;
        wait_for_space(session, between)?;
    }
    if session.tell_of_snapshot("COMPLETED", &[])? {
        commit(session, reading)?;
    }
    reader.mark_done(session)?;
    session.sql_result(client.execute("COMMIT"))
}

/// Locks the tables against changes of their shape, as reading them does anyway, and makes sure that the snapshot shows
/// their rows.
fn hold_still(session: &mut Session<'_>, client: &mut Client, reading: &Reading<'_>) -> Result<(), Problem> {
    if reading.tables.is_empty() {
        return Ok(());
    }
    let tables: Vec<_> = reading.tables.iter().map(relation).collect();
    let (patience, tables) = (LOCK_PATIENCE.as_millis(), tables.join(", "));
    let locked =
        client.execute(&format!("SET LOCAL lock_timeout = {patience}; LOCK TABLE {tables} IN ACCESS SHARE MODE"));
    match locked.as_ref().err().and_then(ClientError::sqlstate) {
        // Undefined table; lock not available.
        Some("42P01") => return Err(changed("a table was dropped")),
        Some("55P03") => {
            let tables: Vec<_> = reading.tables.iter().map(|table| (table.oid, &table.name)).collect();
            let held = lock::held(&mut session.sql, lock::READ, &tables);
            return Err(session.sql_result(held)?);
        }
        _ => session.sql_result(locked)?,
    }
    let rewritten = reading.exported.files.rewritten(client, reading.tables);
    match session.sql_result(rewritten)? {
        Some(table) => Err(changed(&format!("{table} was rewritten"))),
        None => Ok(()),
    }
}

fn changed(what: &str) -> Problem {
    Problem::retry(
        "TABLE_CHANGED",
        format!("{what} while its snapshot was being made"),
        "Nothing is to be done: a new snapshot is made.",
    )
}

/// The last table that has a row: its last row is marked as the last of the snapshot.
fn last_with_rows(
    session: &Session<'_>,
    client: &mut Client,
    reading: &Reading<'_>,
    between: &mut dyn FnMut() -> Result<(), Problem>,
) -> Result<Option<usize>, Problem> {
    for (index, table) in reading.tables.iter().enumerate().rev() {
        let from = match reading.selects.get(&table.name) {
            Some(select) => format!("({select}) AS o"),
            None => relation(table),
        };
        // A copy, because it may take long to find the first row that a statement selects.
        let copy = client.begin_copy_out(&format!("COPY (SELECT EXISTS (SELECT FROM {from})) TO STDOUT"));
        let mut copy = session.sql_result(copy)?;
        let mut exists = false;
        while let Some(row) = select_result(session, reading, table, copy.next_row_while(between)?)? {
            exists = row.line == b"t\n";
        }
        if exists {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// The rows that the stream shows under this table's name: not those of tables that inherit from it, unless they are
/// partitions.
pub(crate) fn relation(table: &CatalogTable) -> String {
    let only = if table.kind == catalog::Kind::Partitioned { "" } else { "ONLY " };
    format!("{only}{}", sql::table(&table.name))
}

/// The statement that reads a whole table.
pub(super) fn copy_query(reading: &Reading<'_>, table: &CatalogTable, schema: &TableSchema) -> String {
    let columns: Vec<_> = schema.columns.iter().map(|c| sql::ident(&c.name)).collect();
    match (reading.selects.get(&table.name), table.kind, columns.join(", ")) {
        (Some(select), _, list) => format!("COPY (SELECT {list} FROM ({select}) AS o) TO STDOUT"),
        // A table itself is copied faster than a query's result; it, too, leaves out inheriting tables.
        (None, catalog::Kind::Table, list) if !list.is_empty() => {
            format!("COPY {} ({list}) TO STDOUT", sql::table(&table.name))
        }
        (None, _, list) => format!("COPY (SELECT {list} FROM {}) TO STDOUT", relation(table)),
    }
}

struct Reader<'a> {
    reading: &'a Reading<'a>,
    /// Read, but not yet marked done.
    done: Vec<(TableName, TableEntry)>,
    marked: Instant,
    lines: LineReader,
    cells: Vec<Cell<'static>>,
}

impl Reader<'_> {
    /// Gives the number of rows.
    fn table(
        &mut self,
        session: &mut Session<'_>,
        client: &mut Client,
        table: &CatalogTable,
        schema: &TableSchema,
        marks: Marks,
        between: &mut dyn FnMut() -> Result<(), Problem>,
    ) -> Result<u64, Problem> {
        let lsn = self.reading.exported.consistent_point;
        let scan = scan(session, client, self.reading)?;
        let name = table.name.to_string();
        let mut progress = TableProgress { rows: 0, estimated_rows: table.estimated_rows, done: false };
        session.status.table(&name, progress);
        let query = copy_query(self.reading, table, schema);
        let copy = client.begin_copy_out(&query);
        let mut copy = session.sql_result(copy)?;
        let mut captured = None;
        let (mut chunk, mut records) = (0, 0);
        let mut now_ns = now_ns();
        loop {
            let row = select_result(session, self.reading, table, copy.next_row_while(between)?)?;
            let Some(row) = row else { break };
            let captured = match &mut captured {
                Some(captured) => captured,
                None => captured.insert(Captured::open_for_snapshot(session.settings, session.writer, schema, lsn)?),
            };
            if row.fresh {
                now_ns = capture::now_ns();
            }
            let mut cells = recycle(std::mem::take(&mut self.cells));
            self.lines.read(row.line, &mut cells);
            if schema.columns.is_empty() {
                cells.clear();
            }
            let marker = marks.of(progress.rows == 0, row.last);
            let written = captured.write(session.writer, &scan.context(marker, now_ns), Change::Read(&cells))?;
            chunk += row.line.len();
            self.cells = recycle(cells);
            records += u64::from(written);
            progress.rows += 1;
            if chunk >= SNAPSHOT_CHUNK_BYTES {
                self.lines.shrink(BUFFER_BYTES);
                commit(session, self.reading)?;
                session.metrics.rows(std::mem::take(&mut records));
                session.status.table(&name, progress);
                chunk = 0;
                wait_for_space(session, between)?;
            }
        }
        if chunk > 0 {
            commit(session, self.reading)?;
        }
        session.metrics.rows(records);
        session.status.table(&name, TableProgress { done: true, ..progress });
        Ok(progress.rows)
    }

    /// Many small tables share one write to the disk.
    fn finished(&mut self, session: &mut Session<'_>, table: &CatalogTable) -> Result<(), Problem> {
        if self.reading.blocking.is_some() {
            return Ok(());
        }
        let entry = TableEntry::new(&table.name, table.oid, self.reading.exported.consistent_point, true);
        self.done.push((table.name.clone(), entry));
        if self.marked.elapsed() >= SNAPSHOT_MARK_DONE { self.mark_done(session) } else { Ok(()) }
    }

    fn mark_done(&mut self, session: &mut Session<'_>) -> Result<(), Problem> {
        self.marked = Instant::now();
        session.state.put_tables(session.writer, self.done.drain(..))
    }
}

/// Commits what was written of a snapshot.
pub(crate) fn commit(session: &mut Session<'_>, reading: &Reading<'_>) -> Result<(), Problem> {
    let chunk = Transaction { end_lsn: reading.exported.consistent_point, ..Transaction::default() };
    session.writer.commit(chunk, &reading.position.encode())?;
    session.writer.flush()
}

/// Calls `between`, and while the disk is full waits, shows it and calls it again: the rows' view stays open meanwhile.
pub(super) fn wait_for_space(
    session: &mut Session<'_>,
    between: &mut dyn FnMut() -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut paused = false;
    loop {
        between()?;
        match session.writer.durable() {
            Err(problem) if problem.kind == ProblemKind::Paused => {
                session.status.set_error(ConnectorState::Paused, problem);
                paused = true;
            }
            Err(problem) => return Err(problem),
            Ok(_) if paused => {
                session.status.set(ConnectorState::Snapshot);
                return Ok(());
            }
            Ok(_) => return Ok(()),
        }
        // Whoever reads next notices the stop.
        if session.stop.wait(DISK_RETRY) {
            return Ok(());
        }
    }
}

/// A refused statement of the user's own is not the server's fault.
pub(super) fn select_result<T>(
    session: &Session<'_>,
    reading: &Reading<'_>,
    table: &CatalogTable,
    result: Result<T, ClientError>,
) -> Result<T, Problem> {
    // Syntax and rights, values, what is not supported; all else is not the statement's fault.
    let refused =
        |answer: &ServerError| ["42", "22", "21", "0A"].iter().any(|class| answer.sqlstate.starts_with(class));
    match result {
        Err(ClientError::Server(answer)) if refused(&answer) && reading.selects.contains_key(&table.name) => {
            Err(Problem::config(
                SELECT_REFUSED,
                format!("the statement that selects the rows of {} is refused: {}", table.name, answer.message),
                format!(
                    "Correct 'snapshot.select.statement.overrides.{}' (or the signal's condition); it must give all captured \
                 columns by their names.",
                    table.name
                ),
            ))
        }
        result => session.sql_result(result),
    }
}

/// The database's clock and the transaction's id: reading the id takes one, as the original does.
fn scan(session: &Session<'_>, client: &mut Client, reading: &Reading<'_>) -> Result<Scan, Problem> {
    let rows = session.sql_result(client.query(
        "SELECT (extract(epoch FROM CURRENT_TIMESTAMP) * 1000000)::pg_catalog.int8, \
         CASE WHEN pg_catalog.pg_is_in_recovery() THEN 0 ELSE pg_catalog.txid_current() & 4294967295 END",
    ))?;
    let number = |index| rows.first().and_then(|row| row.get(index)).and_then(|text| text.parse::<i64>().ok());
    let time_us = number(0).unwrap_or_default();
    Ok(match reading.blocking {
        Some(signal) => {
            let last_commit = Some(reading.position.last_commit).filter(|lsn| *lsn > 0);
            Scan { time_us, xid: signal.xid, lsn: signal.lsn, last_commit }
        }
        None => Scan {
            time_us,
            xid: number(1).and_then(|xid| u32::try_from(xid).ok()).unwrap_or_default(),
            lsn: reading.exported.consistent_point,
            last_commit: None,
        },
    })
}

impl Scan {
    pub fn context(&self, snapshot: SnapshotMarker, now_ns: i64) -> EventContext<'static> {
        EventContext {
            snapshot,
            source_time_us: self.time_us,
            last_commit: self.last_commit,
            lsn: self.lsn,
            xid: Some(self.xid),
            origin: None,
            xmin: None,
            transaction: None,
            now_ns,
        }
    }
}

/// Where a table stands in the snapshot.
#[derive(Clone, Copy)]
pub(super) struct Marks {
    pub first_table: bool,
    pub last_table: bool,
}

impl Marks {
    /// As measured at Debezium 3.6: `first` only in the first table, even when that one is empty; `last` wins over
    /// `first`, which wins over the last row of its table; the only row of a later table is a last one.
    pub fn of(self, first_row: bool, last_row: bool) -> SnapshotMarker {
        match (first_row, last_row) {
            (_, true) if self.last_table => SnapshotMarker::Last,
            (true, _) if self.first_table => SnapshotMarker::First,
            (_, true) => SnapshotMarker::LastInTable,
            (true, false) => SnapshotMarker::FirstInTable,
            (false, false) => SnapshotMarker::True,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_marked_as_the_original_marks_them() {
        use SnapshotMarker::{First, FirstInTable, Last, LastInTable, True};
        let rows = |first_table, last_table, n: usize| -> Vec<SnapshotMarker> {
            (0..n).map(|i| Marks { first_table, last_table }.of(i == 0, i + 1 == n)).collect()
        };
        assert_eq!(rows(true, true, 1), [Last]);
        assert_eq!(rows(true, false, 1), [First]);
        assert_eq!(rows(true, false, 2), [First, LastInTable]);
        assert_eq!(rows(true, true, 3), [First, True, Last]);
        assert_eq!(rows(false, false, 3), [FirstInTable, True, LastInTable]);
        assert_eq!(rows(false, false, 1), [LastInTable]);
        assert_eq!(rows(false, true, 2), [FirstInTable, Last]);
    }
}
