//! Signals in the stream, and the incremental snapshots that they start.

use std::time::Instant;

use tailwater_connector::status::TableProgress;
use tailwater_connector::{Problem, Signal, Transaction};
use tailwater_event::debezium::{EventContext, SnapshotMarker};
use tailwater_event::{Cell, Lsn, TableName};

use super::{Follower, Open};
use crate::capture::{Captured, Change, now_ns};
use crate::incremental::{Closed, Incremental, Notice, Progress, Recent, SIGNAL_TABLE, Wish};
use crate::limits::SIGNALS_POLL;
use crate::notify::{Aggregate, Notification};
use crate::pgoutput::recycle;
use crate::position::Position;
use crate::session::Session;
use crate::signal::{Execute, Found, Request, SignalRow, Taken};
use crate::snapshot::LineReader;
use crate::state::{Blocking, SignalsEntry};

/// A change of the signal table: a signal waits for its commit; at the closing mark of a window its rows are written, in
/// the mark's own transaction and before it.
pub(super) fn row(
    session: &mut Session<'_>,
    incremental: &mut Option<Incremental>,
    recent: &Recent,
    position: Position,
    open: &mut Open,
    lsn: u64,
    change: Change<'_>,
) -> Result<(), Problem> {
    let by_delete = matches!(change, Change::Delete(_));
    match SignalRow::of(change) {
        Some(SignalRow::Signal(signal)) if session.settings.signals.source => open.signals.push((lsn, signal)),
        // Somebody cleans the table.
        Some(SignalRow::Close(_)) if by_delete && !session.settings.incremental.insert_delete => {}
        Some(SignalRow::Close(window)) => {
            let Some(incremental) = incremental else { return Ok(()) };
            if !incremental.closes(&window)? {
                return Ok(());
            }
            let closed = incremental.close(recent)?;
            show(session, &closed);
            open.records += write_rows(session, &closed, position, lsn)?;
            open.closed = true;
            open.records += notify(session, &closed.notices)?;
        }
        _ => {}
    }
    Ok(())
}

/// Writes the rows of a window into the open transaction; gives the number of records.
fn write_rows(session: &mut Session<'_>, closed: &Closed, position: Position, lsn: u64) -> Result<u64, Problem> {
    let Some((schema, rows)) = closed.rows(session.settings.encode.strict) else { return Ok(0) };
    if session.settings.skipped.read {
        return Ok(0);
    }
    let mut captured = Captured::open_for_snapshot(session.settings, session.writer, schema, 0)?;
    let now_ns = now_ns();
    let context = EventContext {
        snapshot: SnapshotMarker::Incremental,
        source_time_us: now_ns / 1000,
        last_commit: Some(position.last_commit).filter(|lsn| *lsn > 0),
        lsn,
        xid: None,
        xmin: None,
        origin: None,
        transaction: None,
        now_ns,
    };
    let (mut lines, mut cells) = (LineReader::default(), Vec::<Cell<'static>>::new());
    let mut records = 0;
    for line in rows {
        let mut row = recycle(std::mem::take(&mut cells));
        lines.read(line, &mut row);
        records += u64::from(captured.write(session.writer, &context, Change::Read(&row))?);
        cells = recycle(row);
    }
    session.metrics.rows(records);
    Ok(records)
}

/// Shows how far the tables are in the connector's status, and counts the chunk.
fn show(session: &Session<'_>, closed: &Closed) {
    if let Some(rows) = closed.rows_read() {
        session.metrics.chunk(rows);
    }
    for (_, notice) in &closed.notices {
        let (table, rows, done) = match notice {
            Notice::InProgress { table, rows, .. } => (table, *rows, false),
            Notice::TableDone { table, rows, .. } => (table, *rows, true),
            _ => continue,
        };
        let known = session.tables.iter().find(|known| known.name.to_string() == *table);
        let estimated_rows = known.map_or(0, |known| known.estimated_rows);
        session.status.table(table, TableProgress { rows, estimated_rows, done });
    }
}

/// Tells what happened, in the open transaction; gives the number of records.
pub(super) fn notify(session: &mut Session<'_>, notices: &[(String, Notice)]) -> Result<u64, Problem> {
    let mut records = 0;
    for (id, notice) in notices {
        let rows;
        let (kind, data) = match notice {
            Notice::Started(tables) => ("STARTED", vec![("data_collections", tables.as_str())]),
            Notice::InProgress { tables, table, last, max, .. } => (
                "IN_PROGRESS",
                vec![
                    ("data_collections", tables.as_str()),
                    ("current_collection_in_progress", table),
                    ("last_processed_key", last),
                    ("maximum_key", max),
                ],
            ),
            Notice::TableDone { tables, table, status, rows: count } => {
                rows = count.to_string();
                (
                    "TABLE_SCAN_COMPLETED",
                    vec![
                        ("data_collections", tables.as_str()),
                        ("scanned_collection", table),
                        ("total_rows_scanned", &rows),
                        ("status", status),
                    ],
                )
            }
            Notice::Completed => ("COMPLETED", Vec::new()),
            Notice::Paused(tables) => ("PAUSED", vec![("data_collections", tables.as_str())]),
            Notice::Resumed(tables) => ("RESUMED", vec![("data_collections", tables.as_str())]),
            Notice::Aborted(tables) => ("ABORTED", vec![("data_collections", tables.as_str())]),
        };
        let aggregate = Aggregate::IncrementalSnapshot;
        let notification = Notification { aggregate, kind, id: Some(id), additional_data: &data };
        records += u64::from(session.notifier.tell(session.writer, &notification)?);
    }
    Ok(records)
}

impl Follower<'_, '_> {
    /// What signals asked for before the run and is not done goes on.
    pub(super) fn resume_signals(&mut self) -> Result<(), Problem> {
        let Session { settings, stop, state, metrics, .. } = &mut *self.session;
        if let Some(progress) = state.signals.incremental.clone() {
            metrics.incremental(Some(&progress));
            self.incremental = Some(Incremental::new(settings, stop, progress));
            self.open_window()?;
        }
        Ok(())
    }

    /// Signals of the file and of the process's faces, and news of the chunk that is being read.
    pub(super) fn look_for_signals(&mut self, now: Instant) -> Result<(), Problem> {
        if let Some(Err(problem)) = self.incremental.as_mut().map(Incremental::poll) {
            self.pause_because(problem)?;
        }
        if let Some(incremental) = &self.incremental {
            let reached = self.progress.reached().max(self.position.lsn);
            if incremental.until().is_some_and(|until| reached >= until) {
                self.write_window_between()?;
            }
            self.open_window()?;
        }
        if now < self.signals_at {
            return Ok(());
        }
        self.signals_at = now + SIGNALS_POLL;
        let mut signals: Vec<Signal> = std::iter::from_fn(|| self.session.signals.take()).collect();
        let found = self.read_signal_file(now);
        signals.extend(found.signals);
        if signals.is_empty() {
            self.forget_in_file(found.taken);
            return Ok(());
        }
        let at = self.position.lsn;
        self.act(signals.into_iter().map(|signal| (at, signal)), 0)?;
        if found.taken.is_some() {
            self.session.state.signals.file.clone_from(&found.taken);
        }
        self.remember(None)?;
        // Durable by now; a process that is killed here knows by what it remembered that these were acted on.
        self.forget_in_file(found.taken);
        self.look_for_blocking();
        if notify(self.session, &std::mem::take(&mut self.notices))? > 0 {
            let told = Transaction { end_lsn: self.position.lsn, ..Transaction::default() };
            self.session.writer.commit(told, &self.position.encode())?;
            self.waiting_since.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    fn read_signal_file(&mut self, now: Instant) -> Found {
        let Some(file) = self.signal_file.as_ref().filter(|_| now >= self.file_at) else { return Found::default() };
        self.file_at = now + self.session.settings.signals.poll;
        let found = file.read(self.session.state.signals.file.as_ref());
        let mut found = found.unwrap_or_else(|problem| Found { problems: vec![problem], ..Found::default() });
        for problem in found.problems.drain(..) {
            self.session.status.warn(problem);
        }
        found
    }

    fn forget_in_file(&self, taken: Option<Taken>) {
        let forgotten = self.signal_file.as_ref().zip(taken).map(|(file, taken)| file.forget(&taken));
        if let Some(Err(problem)) = forgotten {
            self.session.status.warn(problem);
        }
    }

    /// Acts on the signals of a transaction that is about to be committed, unless that was done before a crash.
    pub(super) fn act_on_rows(
        &mut self,
        signals: Vec<(u64, Signal)>,
        commit_lsn: u64,
        xid: u32,
    ) -> Result<(), Problem> {
        if signals.is_empty() || commit_lsn <= self.session.state.signals.handled {
            let moved = self.incremental.as_ref().is_some_and(Incremental::must_be_remembered);
            return if moved { self.remember(None) } else { Ok(()) };
        }
        self.act(signals, xid)?;
        self.remember(Some(commit_lsn))
    }

    /// After the commit of a transaction in which a window closed.
    pub(super) fn window_closed(&mut self, closed: bool) -> Result<(), Problem> {
        if !closed {
            return Ok(());
        }
        self.remember(None)?;
        self.open_window()
    }

    /// A window that closes at a position, not at a row: its rows are a transaction of their own.
    pub(super) fn write_window_between(&mut self) -> Result<(), Problem> {
        let Some(incremental) = &mut self.incremental else { return Ok(()) };
        let Some(until) = incremental.until() else { return Ok(()) };
        let closed = incremental.close(&self.recent)?;
        show(self.session, &closed);
        let mut records = write_rows(self.session, &closed, self.position, until)?;
        records += notify(self.session, &closed.notices)?;
        if records > 0 {
            let chunk = Transaction { end_lsn: until, ..Transaction::default() };
            self.session.writer.commit(chunk, &self.position.encode())?;
            self.waiting_since.get_or_insert_with(Instant::now);
        }
        self.window_closed(true)
    }

    /// A signal table that refuses the marks holds up the snapshot, not the stream.
    fn pause_because(&mut self, problem: Problem) -> Result<(), Problem> {
        if problem.code != SIGNAL_TABLE {
            return Err(problem);
        }
        tracing::warn!(code = problem.code, remedy = problem.remedy, "{}", problem.cause);
        self.session.status.warn(problem.warning());
        let progress = self.incremental.as_mut().and_then(Incremental::entry);
        let paused = progress.map(|progress| Progress { paused: true, ..progress });
        let Session { settings, stop, .. } = &*self.session;
        self.incremental = paused.map(|progress| Incremental::new(settings, stop, progress));
        self.remember(None)
    }

    /// A blocking snapshot begins with a new connection: its point lies after everything that was streamed until now.
    pub(super) fn look_for_blocking(&mut self) {
        if !self.session.state.signals.blocking.is_empty() && self.placed.is_none() {
            self.reconnect_at.get_or_insert(self.position.lsn);
        }
    }

    fn act(&mut self, signals: impl IntoIterator<Item = (u64, Signal)>, xid: u32) -> Result<(), Problem> {
        for (lsn, signal) in signals {
            match Request::parse(&signal) {
                Ok(request) => self.answer(request, lsn, xid)?,
                Err(problem) => {
                    tracing::warn!(code = problem.code, "{}", problem.cause);
                    self.session.status.warn(problem);
                }
            }
        }
        Ok(())
    }

    fn answer(&mut self, request: Request, lsn: u64, xid: u32) -> Result<(), Problem> {
        let wish = match request {
            Request::Execute(execute) if execute.blocking => {
                let Execute { tables, conditions: selects, .. } = execute;
                self.session.state.signals.blocking.push(Blocking { tables, selects, lsn, xid });
                return Ok(());
            }
            Request::Execute(execute) => return self.execute(execute),
            Request::Stop(patterns) => Wish::Stop(patterns),
            Request::Pause => Wish::Pause(true),
            Request::Resume => Wish::Pause(false),
            Request::Log(message) => {
                let position = Lsn(self.position.lsn).to_string();
                tracing::info!(position, "{}", message.replace("{}", &position));
                return Ok(());
            }
        };
        if let Some(incremental) = &mut self.incremental {
            self.notices.extend(incremental.ask(wish));
        }
        self.open_window()
    }

    fn execute(&mut self, execute: Execute) -> Result<(), Problem> {
        if !self.session.publishes_by_table() {
            // Then nobody else looks for tables that came later.
            self.session.tables = self.session.captured()?;
        }
        let captured: Vec<TableName> = self.session.tables.iter().map(|t| t.name.clone()).collect();
        match &mut self.incremental {
            Some(incremental) => self.notices.extend(incremental.ask(Wish::Add(execute, captured))),
            None => {
                let mut progress = Progress::default();
                self.notices.extend(progress.follow(&Wish::Add(execute, captured)));
                self.incremental = Some(Incremental::new(self.session.settings, self.session.stop, progress));
            }
        }
        self.open_window()
    }

    fn open_window(&mut self) -> Result<(), Problem> {
        match &mut self.incremental {
            Some(incremental) if incremental.is_over() => self.incremental = None,
            Some(incremental) => incremental.open(&self.session.tables, &self.recent)?,
            None => {}
        }
        Ok(())
    }

    /// Writes down what is still to be done.
    pub(super) fn remember(&mut self, handled: Option<u64>) -> Result<(), Problem> {
        let Session { state, writer, metrics, .. } = &mut *self.session;
        let entry = SignalsEntry {
            handled: handled.unwrap_or(state.signals.handled),
            incremental: self.incremental.as_mut().and_then(Incremental::entry),
            blocking: state.signals.blocking.clone(),
            file: state.signals.file.clone(),
        };
        metrics.incremental(entry.incremental.as_ref());
        state.put_signals(&mut **writer, entry)
    }
}
