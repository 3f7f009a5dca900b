//! Following the log: from the socket to whole transactions in the journal, and what is durable back to the server.
//!
//! One thread. While data keeps coming it pauses a little between reads, so that the server wakes it once for many rows;
//! when the stream is quiet a lone commit passes at once. Cells borrow from the receive buffer until their bytes are in a
//! record batch.

mod apply;
mod boundaries;
mod heartbeat;
mod message;
mod routes;
mod sequence;
mod signals;
mod watch;

use std::thread;
use std::time::{Duration, Instant};

use tailwater_connector::status::ConnectorState;
use tailwater_connector::{Problem, ProblemKind, Signal, Transaction};
use tailwater_event::Lsn;

use crate::capture::now_ns;
use crate::client::{ClientError, ReplicationStream};
use crate::incremental::{Incremental, Notice, Recent};
use crate::join::{Joining, Look};
use crate::limits::{
    BUSY_BYTES, BUSY_PAUSE, DISK_RETRY, FLUSH_AFTER, FLUSH_BYTES, FLUSH_POLL, LOCK_PATIENCE, NEW_TABLES_POLL, STOP_POLL,
};
use crate::pgoutput::Tuples;
use crate::position::{DurableLsn, Position};
use crate::progress::Progress;
use crate::session::Session;
use crate::signal::SignalFile;
use crate::slot;
use crate::snapshot::Placed;
use boundaries::Boundaries;
use heartbeat::Heartbeat;
use message::Messages;
use routes::Routes;
use sequence::FirstCommit;
use watch::Watch;

/// SQLSTATE of a slot that somebody else streams from.
const OBJECT_IN_USE: &str = "55006";

/// How a run ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The stop was set.
    Stopped,
    /// The work is complete.
    Done,
    /// Connect again: what is streamed has to change.
    Again,
}

/// Streams from a position until the stop is set. `source.sequence` starts anew at `sequence_from`; a snapshot's rows
/// are written at its place.
pub(crate) fn run(
    session: &mut Session<'_>,
    position: Position,
    sequence_from: u64,
    placed: Option<Box<Placed>>,
) -> Result<End, Problem> {
    let mut stream = start(session, position)?;
    session.status.set(if placed.is_some() { ConnectorState::Snapshot } else { ConnectorState::Streaming });
    let now = Instant::now();
    let durable = DurableLsn::read(&session.writer.durable()?)?;
    let signal_file = session.settings.signals.file.clone().map(SignalFile::new);
    let mut follower = Follower {
        boundaries: Boundaries::open(session.settings, session.writer)?,
        messages: Messages::default(),
        heartbeat: Heartbeat::open(session.settings, session.writer, now)?,
        first_commit: FirstCommit::look(session, position)?,
        xmin: None,
        xmin_at: session.settings.xmin_interval.map(|_| now),
        commit_time_us: now_ns() / 1000,
        progress: Progress::new(durable, session.settings.status_interval, now),
        skip_until: position.lsn,
        sequence_from,
        position,
        session,
        routes: Routes::default(),
        tuples: Tuples::default(),
        open: None,
        joining: None,
        placed,
        reconnect_at: None,
        waiting_since: None,
        look_at: now + NEW_TABLES_POLL,
        watch: Watch::new(now),
        now_ns: 0,
        incremental: None,
        recent: Recent::default(),
        notices: Vec::new(),
        signal_file,
        signals_at: now,
        file_at: now,
    };
    follower.resume_signals()?;
    follower.run(&mut stream)
}

fn start(session: &mut Session<'_>, position: Position) -> Result<ReplicationStream, Problem> {
    let mut walsender = session.connect(true)?;
    walsender.set_max_message(session.settings.max_row_bytes);
    let names: Vec<_> = session.publications.iter().map(|name| crate::sql::ident(name)).collect();
    let messages = if session.sql.server_version_num() >= 140_000 { ", \"messages\" 'true'" } else { "" };
    let command = format!(
        "START_REPLICATION SLOT {} LOGICAL {} (\"proto_version\" '1', \"publication_names\" '{}'{messages})",
        crate::sql::ident(&session.settings.slot.name),
        Lsn(position.lsn),
        names.join(",").replace('\'', "''"),
    );
    let started = walsender.start_replication(&command);
    if started.as_ref().err().and_then(ClientError::sqlstate) == Some(OBJECT_IN_USE) {
        let slot = slot::inspect(&mut session.sql, &session.settings.slot.name);
        if let Some(slot) = session.sql_result(slot)? {
            let in_use = slot.in_use(&mut session.sql);
            if let Some(problem) = session.sql_result(in_use)? {
                return Err(problem);
            }
        }
    }
    session.sql_result(started)
}

/// What a message, or a batch of them, asks the loop to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Go,
    /// A table's rows must be read before its changes can be followed.
    ReadFirst,
}

/// The transaction that is arriving.
struct Open {
    xid: u32,
    commit_lsn: u64,
    commit_time_us: i64,
    origin: Option<(String, u64)>,
    records: u64,
    /// The journal has it already.
    dropped: bool,
    /// What rows of the signal table ask for.
    signals: Vec<(u64, Signal)>,
    /// A window of an incremental snapshot closed in it.
    closed: bool,
}

struct Follower<'s, 'c> {
    session: &'s mut Session<'c>,
    progress: Progress,
    /// What the next frame's position grows from.
    position: Position,
    /// Transactions that ended before it are in the journal.
    skip_until: u64,
    /// Commits up to here do not count for `source.sequence`.
    sequence_from: u64,
    routes: Routes,
    tuples: Tuples<'static>,
    open: Option<Open>,
    joining: Option<Joining>,
    /// A snapshot that has not reached its place.
    placed: Option<Box<Placed>>,
    /// Connect again once everything before it is durable.
    reconnect_at: Option<u64>,
    /// When the oldest committed bytes that wait for the disk were committed.
    waiting_since: Option<Instant>,
    look_at: Instant,
    watch: Watch,
    now_ns: i64,
    /// Commit time of the last transaction; before the first the time when the stream began.
    commit_time_us: i64,
    boundaries: Option<Boundaries>,
    messages: Messages,
    heartbeat: Option<Heartbeat>,
    first_commit: FirstCommit,
    /// `source.xmin`, and when it is looked up next.
    xmin: Option<i64>,
    xmin_at: Option<Instant>,
    incremental: Option<Incremental>,
    recent: Recent,
    /// To be told in the next transaction that is committed.
    notices: Vec<(String, Notice)>,
    signal_file: Option<SignalFile>,
    signals_at: Instant,
    file_at: Instant,
}

impl Follower<'_, '_> {
    fn run(&mut self, stream: &mut ReplicationStream) -> Result<End, Problem> {
        loop {
            if self.session.stop.is_set() {
                return self.finish(stream);
            }
            let now = Instant::now();
            self.pass_on(stream, now)?;
            if self.open.is_none() {
                self.watch_slot(now)?;
                self.look_for_tables(now)?;
                self.look_for_xmin(now)?;
                self.beat(now)?;
                self.look_for_signals(now)?;
                if self.reconnect_at.is_some_and(|lsn| self.progress.durable_lsn().get() >= lsn) {
                    return Ok(End::Again);
                }
                if self.joining.as_ref().is_some_and(Joining::is_ready) {
                    self.join(stream)?;
                }
                let reached = self.progress.reached().max(self.position.lsn);
                if self.placed.as_ref().is_some_and(|placed| placed.point() <= reached) {
                    self.place(stream)?;
                }
            }
            let received = stream.receive(self.patience());
            let received = self.session.sql_result(received)?;
            if received > 0 {
                self.session.metrics.received(received);
                if self.apply_all(stream)? == Flow::ReadFirst {
                    return self.read_first(stream);
                }
            }
            if BUSY_BYTES.contains(&received) {
                self.pass_on(stream, Instant::now())?;
                thread::sleep(BUSY_PAUSE);
            }
        }
    }

    /// Hands committed bytes to the disk, notes what is durable, and tells the server when that is due.
    fn pass_on(&mut self, stream: &mut ReplicationStream, now: Instant) -> Result<(), Problem> {
        let writer = &mut *self.session.writer;
        let (pending, idle) = (writer.pending_bytes(), writer.idle());
        if pending > 0 {
            let waited = self.waiting_since.is_some_and(|since| now.saturating_duration_since(since) >= FLUSH_AFTER);
            if idle || waited || pending >= FLUSH_BYTES {
                writer.flush()?;
                self.waiting_since = None;
            }
        } else {
            self.waiting_since = None;
        }
        let quiet = pending == 0 && idle && self.open.is_none();
        if let Some(lsn) = if quiet { self.progress.progress_due(now) } else { None } {
            self.position.lsn = lsn;
            writer.progress(&self.position.encode())?;
            writer.flush()?;
        }
        match writer.durable() {
            Ok(durable) => self.progress.durable(&durable)?,
            Err(problem) if problem.kind == ProblemKind::Paused => return self.wait_for_space(stream, problem),
            Err(problem) => return Err(problem),
        }
        self.report(stream, now)
    }

    fn report(&mut self, stream: &mut ReplicationStream, now: Instant) -> Result<(), Problem> {
        if self.progress.report_due(now) {
            let reported = self.progress.report(stream, now);
            self.session.sql_result(reported)?;
            self.session.metrics.confirmed(self.progress.durable_lsn().get(), self.progress.behind());
        }
        Ok(())
    }

    /// The disk is full: nothing more is read, and the server keeps hearing from us, until there is space again.
    fn wait_for_space(&mut self, stream: &mut ReplicationStream, problem: Problem) -> Result<(), Problem> {
        self.session.status.set_error(ConnectorState::Paused, problem);
        loop {
            self.report(stream, Instant::now())?;
            if self.session.stop.wait(DISK_RETRY) {
                return Ok(());
            }
            match self.session.writer.durable() {
                Ok(durable) => {
                    self.session.status.set(ConnectorState::Streaming);
                    return self.progress.durable(&durable);
                }
                Err(problem) if problem.kind == ProblemKind::Paused => {}
                Err(problem) => return Err(problem),
            }
        }
    }

    /// How long a quiet server is waited for.
    fn patience(&self) -> Duration {
        if self.waiting_since.is_some() {
            return FLUSH_POLL;
        }
        match &self.heartbeat {
            Some(heartbeat) if self.open.is_none() => heartbeat.wait(Instant::now()).min(STOP_POLL),
            _ => STOP_POLL,
        }
    }

    /// Writes a heartbeat when one is due. It does not move the position.
    fn beat(&mut self, now: Instant) -> Result<(), Problem> {
        let Some(heartbeat) = &mut self.heartbeat else { return Ok(()) };
        if heartbeat.beat(self.session.writer, now)? {
            let alone = Transaction { end_lsn: self.position.lsn, ..Transaction::default() };
            self.session.writer.commit(alone, &self.position.encode())?;
            self.waiting_since.get_or_insert(now);
        }
        match heartbeat.answer() {
            None => Ok(()),
            Some(Err(problem)) if problem.is_error() => Err(problem),
            Some(answer) => {
                self.session.status.retain_warnings(|warning| warning.code != heartbeat::QUERY_FAILED);
                if let Err(problem) = answer {
                    self.session.status.warn(problem);
                }
                Ok(())
            }
        }
    }

    /// Looks up the slot's oldest transaction, when `xmin.fetch.interval.ms` asks for it.
    fn look_for_xmin(&mut self, now: Instant) -> Result<(), Problem> {
        let (Some(interval), Some(at)) = (self.session.settings.xmin_interval, self.xmin_at) else { return Ok(()) };
        if now >= at {
            self.xmin_at = Some(now + interval);
            let xmin = slot::catalog_xmin(&mut self.session.sql, &self.session.settings.slot.name);
            self.xmin = self.session.sql_result(xmin)?;
        }
        Ok(())
    }

    /// Tables that match the filters and were not there before are published, and join.
    fn look_for_tables(&mut self, now: Instant) -> Result<(), Problem> {
        let busy = self.joining.is_some() || self.reconnect_at.is_some();
        if now < self.look_at || busy || !self.session.publishes_by_table() {
            return Ok(());
        }
        self.look_at = now + NEW_TABLES_POLL;
        match Joining::look(self.session)? {
            Look::Same => {}
            // The others' changes have their turn.
            Look::Locked => self.look_at = Instant::now() + LOCK_PATIENCE,
            Look::Joining(joining) => self.joining = Some(joining),
            Look::Reconnect(lsn) => self.reconnect_at = Some(lsn),
        }
        Ok(())
    }

    /// Reads the rows of tables that join, between two transactions. The server hears from us all the while.
    fn join(&mut self, stream: &mut ReplicationStream) -> Result<(), Problem> {
        let Some(joining) = self.joining.take() else { return Ok(()) };
        let Follower { session, progress, position, .. } = self;
        let connection = &session.settings.connection;
        joining.read(session, *position, &mut || {
            let now = Instant::now();
            if progress.report_due(now) {
                progress.report(stream, now).map_err(|e| crate::problem::of(&e, connection))?;
            }
            Ok(())
        })?;
        session.status.set(ConnectorState::Streaming);
        Ok(())
    }

    /// Writes the rows of a snapshot that has reached its place, between two transactions.
    fn place(&mut self, stream: &mut ReplicationStream) -> Result<(), Problem> {
        let Some(placed) = self.placed.take() else { return Ok(()) };
        let Follower { session, progress, position, .. } = self;
        let connection = &session.settings.connection;
        session.read_placed(&placed, *position, &mut || {
            let now = Instant::now();
            if progress.report_due(now) {
                progress.report(stream, now).map_err(|e| crate::problem::of(&e, connection))?;
            }
            Ok(())
        })?;
        session.status.set(ConnectorState::Streaming);
        self.look_for_blocking();
        Ok(())
    }

    /// Changes of a joining table arrived before its rows were read: forget the open transaction, read the rows, and
    /// have the transaction sent again.
    fn read_first(&mut self, stream: &mut ReplicationStream) -> Result<End, Problem> {
        self.session.writer.rollback()?;
        self.open = None;
        while self.joining.as_ref().is_some_and(|joining| !joining.is_ready()) {
            if self.session.stop.wait(STOP_POLL) {
                return self.finish(stream);
            }
            self.pass_on(stream, Instant::now())?;
        }
        self.join(stream)?;
        self.place(stream)?;
        self.session.writer.sync()?;
        Ok(End::Again)
    }

    /// The last words: everything committed is made durable and told.
    fn finish(&mut self, stream: &mut ReplicationStream) -> Result<End, Problem> {
        self.session.writer.rollback()?;
        self.session.writer.sync()?;
        self.progress.durable(&self.session.writer.durable()?)?;
        // The journal has everything; if the server does not hear it now, it sends again what we then drop.
        if let Err(error) = self.progress.report(stream, Instant::now()).and_then(|()| stream.finish()) {
            tracing::debug!(%error, "the server did not take the last status");
        }
        Ok(End::Stopped)
    }
}
