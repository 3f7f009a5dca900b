//! Several readers on one exported snapshot (`snapshot.max.threads`).
//!
//! Tables, and ranges of pages of large ones, are pieces of work; each reader has a session of its own that takes part in
//! the exported snapshot, and one writer takes rows as they come. So rows of different tables are mixed, and the markers
//! say only what stays true: one first and one last row of the snapshot and of each table.

use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tailwater_connector::status::TableProgress;
use tailwater_connector::{Problem, Stop};
use tailwater_event::debezium::SnapshotMarker;
use tailwater_event::{Cell, TableSchema};

use super::line::LineReader;
use super::read::{Marks, Reading, Scan, commit, copy_query, relation, select_result, wait_for_space};
use crate::capture::{Captured, Change, now_ns};
use crate::catalog::{CatalogTable, Kind};
use crate::client::{Client, ClientError};
use crate::limits::{BUFFER_BYTES, SNAPSHOT_BLOCKS, SNAPSHOT_CHUNK_BYTES, SNAPSHOT_POLL, SNAPSHOT_RANGE_PAGES};
use crate::pgoutput::recycle;
use crate::session::Session;
use crate::settings::Settings;
use crate::sql;

/// A piece of work: one statement that gives rows of a table.
struct Piece {
    table: usize,
    query: String,
}

/// What readers send.
enum Sent {
    /// Rows of a table as `COPY` gave them, and where each ends.
    Rows(usize, Vec<u8>, Vec<usize>),
    /// A piece of a table is complete.
    Done(usize),
    /// A reader cannot go on with a table, or at all.
    Failed(Option<usize>, ClientError),
}

/// One table on its way.
struct Table<'a> {
    table: &'a CatalogTable,
    schema: &'a TableSchema,
    captured: Option<Captured>,
    progress: TableProgress,
    pieces: usize,
    /// Whether its first row is the first of all.
    leads: bool,
    /// Its newest row: written once it is known whether it is the last.
    held: Vec<u8>,
}

/// Writes the rows of all tables; `finished` is called for each once its last row is written.
pub(super) fn read(
    session: &mut Session<'_>,
    client: &mut Client,
    reading: &Reading<'_>,
    schemas: &[TableSchema],
    scan: Scan,
    between: &mut dyn FnMut() -> Result<(), Problem>,
    finished: &mut dyn FnMut(&mut Session<'_>, &CatalogTable, u64) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let (mut tables, mut pieces) = (Vec::new(), VecDeque::new());
    for table in reading.tables {
        // A table that was dropped since the snapshot has no schema any more, and no rows to wait for.
        let Some(schema) = schemas.iter().find(|s| s.name == table.name) else {
            finished(session, table, 0)?;
            continue;
        };
        let queries = queries(client, session.settings, reading, table, schema);
        let queries = session.sql_result(queries)?;
        let progress = TableProgress { rows: 0, estimated_rows: table.estimated_rows, done: false };
        let index = tables.len();
        let count = queries.len();
        tables.push(Table { table, schema, captured: None, progress, pieces: count, leads: false, held: Vec::new() });
        pieces.extend(queries.into_iter().map(|query| Piece { table: index, query }));
    }
    let receiver = start(session.settings, session.stop, &reading.exported.snapshot, pieces);
    let mut writer =
        Writer { reading, scan, lines: LineReader::default(), cells: Vec::new(), bytes: 0, any: false, now_ns: 0 };
    // A table's last row waits until another one follows: else it is the last of all.
    let mut last: Option<usize> = None;
    let mut open = tables.len();
    while open > 0 {
        match receiver.recv_timeout(SNAPSHOT_POLL) {
            Ok(Sent::Rows(index, lines, ends)) => {
                if let Some(table) = tables.get_mut(index) {
                    writer.rows(session, table, &lines, &ends)?;
                }
                if writer.bytes >= SNAPSHOT_CHUNK_BYTES {
                    writer.commit(session)?;
                    wait_for_space(session, between)?;
                }
            }
            Ok(Sent::Done(index)) => {
                let Some(table) = tables.get_mut(index) else { continue };
                table.pieces -= 1;
                if table.pieces > 0 {
                    continue;
                }
                open -= 1;
                let done = if table.held.is_empty() { Some(index) } else { last.replace(index) };
                if let Some(table) = done.and_then(|index| tables.get_mut(index)) {
                    writer.end(session, table, false)?;
                    finished(session, table.table, table.progress.rows)?;
                }
            }
            Ok(Sent::Failed(index, error)) => {
                let failed = index.and_then(|index| tables.get(index));
                return match failed {
                    Some(failed) => select_result(session, reading, failed.table, Err(error)),
                    None => session.sql_result(Err(error)),
                };
            }
            Err(RecvTimeoutError::Timeout) => between()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Problem::internal("SNAPSHOT_THREAD", "a reader of the snapshot ended early"));
            }
        }
    }
    if let Some(table) = last.and_then(|index| tables.get_mut(index)) {
        writer.end(session, table, true)?;
        finished(session, table.table, table.progress.rows)?;
    }
    Ok(())
}

/// The statements that read a table: ranges of its pages, where it is large and the server can scan ranges (14).
fn queries(
    client: &mut Client,
    settings: &Settings,
    reading: &Reading<'_>,
    table: &CatalogTable,
    schema: &TableSchema,
) -> Result<Vec<String>, ClientError> {
    let whole = || vec![copy_query(reading, table, schema)];
    let splits = table.kind == Kind::Table && !reading.selects.contains_key(&table.name);
    if !splits || schema.columns.is_empty() || client.server_version_num() < 140_000 {
        return Ok(whole());
    }
    let rows = client.query(&format!(
        "SELECT pg_catalog.pg_relation_size({}) / pg_catalog.current_setting('block_size')::pg_catalog.int8",
        table.oid
    ))?;
    let pages: u64 = rows.first().and_then(|row| row.text(0).parse().ok()).unwrap_or_default();
    let ranges = (settings.snapshot_threads.ranges(&table.name) as u64).min(pages / SNAPSHOT_RANGE_PAGES);
    if ranges < 2 {
        return Ok(whole());
    }
    let columns: Vec<_> = schema.columns.iter().map(|c| sql::ident(&c.name)).collect();
    let (columns, from) = (columns.join(", "), relation(table));
    let range = |n: u64| {
        let start = format!("ctid >= '({},0)'", n * pages / ranges);
        // The last one is open: the table may have grown since.
        let end =
            if n + 1 < ranges { format!(" AND ctid < '({},0)'", (n + 1) * pages / ranges) } else { String::new() };
        format!("COPY (SELECT {columns} FROM {from} WHERE {start}{end}) TO STDOUT")
    };
    Ok((0..ranges).map(range).collect())
}

/// Starts the readers. They end when the work is done, or when nobody listens any more.
fn start(settings: &Settings, stop: &Stop, snapshot: &str, pieces: VecDeque<Piece>) -> Receiver<Sent> {
    let (sender, receiver) = mpsc::sync_channel(SNAPSHOT_BLOCKS);
    let readers = settings.snapshot_threads.readers.min(pieces.len());
    let pieces = Arc::new(Mutex::new(pieces));
    for _ in 0..readers {
        let (settings, stop, snapshot) = (settings.clone(), stop.clone(), sql::literal(snapshot));
        let (sender, pieces) = (sender.clone(), Arc::clone(&pieces));
        thread::spawn(move || {
            let mut at = None;
            if let Err(error) = work(&settings, &stop, &snapshot, &pieces, &sender, &mut at) {
                // Nobody listens once another one has failed.
                drop(sender.send(Sent::Failed(at, error)));
            }
        });
    }
    receiver
}

fn work(
    settings: &Settings,
    stop: &Stop,
    snapshot: &str,
    pieces: &Mutex<VecDeque<Piece>>,
    sender: &SyncSender<Sent>,
    at: &mut Option<usize>,
) -> Result<(), ClientError> {
    let mut client = Client::connect(&settings.connection, false)?;
    client.interrupt_with(stop.clone());
    client.set_max_message(settings.max_row_bytes);
    client.execute(&format!("BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT {snapshot}"))?;
    let next = || pieces.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    while let Some(Piece { table, query }) = next() {
        *at = Some(table);
        let mut copy = client.copy_out(&query)?;
        let (mut lines, mut ends) = (Vec::new(), Vec::new());
        while let Some(row) = copy.next_row()? {
            lines.extend_from_slice(row.line);
            ends.push(lines.len());
            if lines.len() >= BUFFER_BYTES {
                let block = Sent::Rows(table, std::mem::take(&mut lines), std::mem::take(&mut ends));
                if sender.send(block).is_err() {
                    return Ok(());
                }
            }
        }
        if sender.send(Sent::Rows(table, lines, ends)).is_err() || sender.send(Sent::Done(table)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

struct Writer<'a> {
    reading: &'a Reading<'a>,
    scan: Scan,
    lines: LineReader,
    cells: Vec<Cell<'static>>,
    /// Written and not committed.
    bytes: usize,
    any: bool,
    now_ns: i64,
}

impl Writer<'_> {
    /// Writes the row held before and all of these but the newest.
    fn rows(
        &mut self,
        session: &mut Session<'_>,
        table: &mut Table<'_>,
        lines: &[u8],
        ends: &[usize],
    ) -> Result<(), Problem> {
        self.now_ns = now_ns();
        let mut start = 0;
        for &end in ends {
            let line = lines.get(start..end).unwrap_or_default();
            start = end;
            if !table.held.is_empty() {
                let held = std::mem::take(&mut table.held);
                self.row(session, table, &held, false, false)?;
                table.held = held;
                table.held.clear();
            }
            table.held.extend_from_slice(line);
        }
        session.status.table(&table.table.name.to_string(), table.progress);
        Ok(())
    }

    /// Writes the last row of a table.
    fn end(&mut self, session: &mut Session<'_>, table: &mut Table<'_>, of_all: bool) -> Result<(), Problem> {
        if !table.held.is_empty() {
            let held = std::mem::take(&mut table.held);
            self.row(session, table, &held, true, of_all)?;
        }
        self.commit(session)?;
        table.progress.done = true;
        session.status.table(&table.table.name.to_string(), table.progress);
        Ok(())
    }

    fn row(
        &mut self,
        session: &mut Session<'_>,
        table: &mut Table<'_>,
        line: &[u8],
        last: bool,
        of_all: bool,
    ) -> Result<(), Problem> {
        let marker = self.marker(table, last, of_all);
        let captured = match &mut table.captured {
            Some(captured) => captured,
            None => {
                let point = self.reading.exported.consistent_point;
                table.captured.insert(Captured::open_for_snapshot(
                    session.settings,
                    session.writer,
                    table.schema,
                    point,
                )?)
            }
        };
        let mut cells = recycle(std::mem::take(&mut self.cells));
        self.lines.read(line, &mut cells);
        if table.schema.columns.is_empty() {
            cells.clear();
        }
        let written = captured.write(session.writer, &self.scan.context(marker, self.now_ns), Change::Read(&cells))?;
        self.cells = recycle(cells);
        self.bytes += line.len();
        table.progress.rows += 1;
        session.metrics.rows(u64::from(written));
        Ok(())
    }

    fn marker(&mut self, table: &mut Table<'_>, last: bool, of_all: bool) -> SnapshotMarker {
        let first = table.progress.rows == 0;
        if !self.any {
            table.leads = true;
            self.any = true;
        }
        Marks { first_table: table.leads, last_table: of_all }.of(first, last)
    }

    fn commit(&mut self, session: &mut Session<'_>) -> Result<(), Problem> {
        if std::mem::take(&mut self.bytes) > 0 {
            self.lines.shrink(BUFFER_BYTES);
            commit(session, self.reading)?;
        }
        Ok(())
    }
}
