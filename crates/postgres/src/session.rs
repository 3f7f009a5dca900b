//! One run against the server, from connecting to the point where streaming starts.

use std::collections::HashSet;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use tailwater_connector::status::ConnectorState;
use tailwater_connector::{Problem, Signals, SourceContext, SourceWriter, StatusCell, Stop, Transaction};
use tailwater_event::{Lsn, TableName};

use crate::catalog::{self, CatalogTable};
use crate::client::{Client, ClientError};
use crate::limits::{SLOT_PATIENCE, SLOT_RELEASE};
use crate::metrics::Metrics;
use crate::notify::{Aggregate, Notification, Notifier};
use crate::position::{Position, last_record_end};
use crate::settings::{Autocreate, Settings, SnapshotMode, TableOrder};
use crate::slot::Slot;
use crate::snapshot::{self, Exported, Files, Placed, Reading};
use crate::startup::{Facts, Server, Start, decide, start_over};
use crate::state::{Blocking, SlotEntry, SnapshotEntry, State, TableEntry};
use crate::{incremental, problem, publication, slot};

const SLOT_WAITS: &str = "SLOT_WAITS";

type MakeSlot = fn(&Settings, &Stop, Files) -> Result<Exported, ClientError>;

/// What all parts of a run share.
pub(crate) struct Session<'a> {
    pub settings: &'a Settings,
    pub writer: &'a mut dyn SourceWriter,
    pub status: &'a StatusCell,
    pub stop: &'a Stop,
    /// What the process's faces ask for.
    pub signals: &'a Signals,
    pub metrics: Metrics,
    /// The connector's entries.
    pub state: State,
    /// Tells what a snapshot does.
    pub notifier: Notifier,
    /// For the catalog and for SQL.
    pub sql: Client,
    /// The captured tables, as last looked up.
    pub tables: Vec<CatalogTable>,
    /// Tables that are published although they are not captured, so that all transactions are told of.
    others: Vec<CatalogTable>,
    /// Whether the database has tables that are not captured.
    pub has_other_tables: bool,
    /// The publications to stream from.
    pub publications: Vec<String>,
}

/// What comes after the preparations.
pub(crate) enum Next {
    /// Stream from here. Commits up to the second position are in a snapshot of everything that was just taken: for
    /// `source.sequence` the run begins after it. A snapshot may be on its way to its place in the stream.
    Stream(Position, u64, Option<Box<Placed>>),
    /// Nothing more.
    Done,
}

impl<'a> Session<'a> {
    /// Connects for SQL, and reads the connector's entries.
    pub fn open(settings: &'a Settings, context: &'a mut SourceContext) -> Result<Session<'a>, Problem> {
        let state = State::load(&context.writer.entries())?;
        let SourceContext { name, writer, status, stop, signals } = context;
        let notifier = Notifier::open(settings, writer.as_mut())?;
        Ok(Session {
            notifier,
            settings,
            writer: writer.as_mut(),
            status,
            stop,
            signals,
            metrics: Metrics::new(name),
            state,
            sql: connect(settings, stop, false)?,
            tables: Vec::new(),
            others: Vec::new(),
            has_other_tables: false,
            publications: Vec::new(),
        })
    }

    /// Another session on the server; `replication` makes it a walsender.
    pub fn connect(&self, replication: bool) -> Result<Client, Problem> {
        connect(self.settings, self.stop, replication)
    }

    /// A server's error as the problem it is to the user.
    pub fn sql_result<T>(&self, result: Result<T, ClientError>) -> Result<T, Problem> {
        let Settings { connection, slot, .. } = self.settings;
        result.map_err(|error| match problem::of(&error, connection) {
            // Nothing that is done to the publication now mends it: the slot decodes by what was there then.
            problem if problem.code == problem::PUBLICATION_MISSING => {
                Problem { remedy: start_over(Some(&slot.name)), ..problem }
            }
            problem => problem,
        })
    }

    /// Compares, decides, makes publications and slot, and reads the rows that are to be read. `again` asks for a
    /// snapshot although one was taken (`snapshot.mode=always` at a start).
    pub fn prepare(&mut self, again: bool) -> Result<Next, Problem> {
        let position = Position::durable(&self.writer.durable()?)?;
        let server = self.identify()?;
        let slot = self.released_slot()?;
        let start = decide(&Facts {
            mode: self.settings.snapshot_mode,
            slot_name: &self.settings.slot.name,
            database: &self.settings.connection.database,
            state: &self.state,
            position,
            slot: slot.as_ref(),
            server: &server,
        })?;
        if let Some(slot) = &slot {
            let in_use = slot.in_use(&mut self.sql);
            if let Some(problem) = self.sql_result(in_use)? {
                return Err(problem);
            }
        }
        match start {
            Start::Finished => Ok(Next::Done),
            Start::SnapshotOnly => self.snapshot_only(&server),
            Start::Fresh { drop_slot } => self.fresh(&server, drop_slot),
            Start::Resume(position) => self.resume(&server, position, again),
        }
    }

    /// Looks up the captured tables and makes the publications fit them.
    pub fn publish(&mut self) -> Result<(), Problem> {
        let tables = self.captured()?;
        let published: Vec<_> = tables.iter().chain(&self.others).cloned().collect();
        let facts = catalog::describe(&mut self.sql, &published);
        let facts = self.sql_result(facts)?;
        self.publications =
            publication::ensure(&mut self.sql, &self.settings.publication, &facts, &self.settings.connection)?;
        self.tables = tables;
        Ok(())
    }

    /// The tables that match the filters now, in alphabetical order.
    pub fn captured(&mut self) -> Result<Vec<CatalogTable>, Problem> {
        let all = catalog::list(&mut self.sql);
        let all = self.sql_result(all)?;
        self.has_other_tables = all.iter().any(|table| !self.settings.filters.captures(&table.name));
        let captured = catalog::captured(&all, &self.settings.filters, self.settings.partitions());
        if self.settings.tell_all_transactions {
            self.others = catalog::others(&all, &captured);
        }
        Ok(captured)
    }

    /// The end of the server's log now.
    pub fn log_end(&mut self) -> Result<u64, Problem> {
        let rows = self.sql.query("SELECT pg_catalog.pg_current_wal_insert_lsn()");
        let rows = self.sql_result(rows)?;
        let next = rows.first().and_then(|row| row.text(0).parse::<Lsn>().ok()).unwrap_or_default();
        Ok(last_record_end(next.0))
    }

    /// Whether publications follow the captured tables, so that a new table has to join.
    pub fn publishes_by_table(&self) -> bool {
        self.settings.publication.mode == Autocreate::Filtered
    }

    /// Reads tables from a snapshot of their own and hands them over at its consistent point. Earlier rows of an
    /// attempt that did not end stay in the topics; the new hand-over tells the attempts apart.
    pub fn read_tables(
        &mut self,
        exported: &Exported,
        tables: &[CatalogTable],
        position: Position,
        between: &mut dyn FnMut() -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let entry = |t: &CatalogTable| {
            let wanted = self.wants_rows(&t.name);
            (t.name.clone(), TableEntry::new(&t.name, t.oid, exported.consistent_point, !wanted))
        };
        let entries: Vec<_> = tables.iter().map(entry).collect();
        self.state.put_tables(self.writer, entries)?;
        let wanted: Vec<_> = tables.iter().filter(|t| self.wants_rows(&t.name)).cloned().collect();
        let wanted = self.in_order(wanted);
        let selects = self.settings.selects.clone();
        let reading =
            Reading { exported, tables: &wanted, listed: tables, position, selects: &selects, blocking: None };
        self.read(&reading, between)
    }

    /// Reads the rows of a snapshot that has reached its place.
    pub fn read_placed(
        &mut self,
        placed: &Placed,
        position: Position,
        between: &mut dyn FnMut() -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let Some(signal) = &placed.blocking else {
            return self.read_tables(&placed.exported, &placed.tables, position, between);
        };
        let mut selects = self.settings.selects.clone();
        for (pattern, select) in &signal.selects {
            let meant = placed.tables.iter().filter(|t| incremental::matches(pattern, &t.name.to_string()));
            selects.extend(meant.map(|t| (t.name.clone(), select.clone())));
        }
        let tables = self.in_order(placed.tables.clone());
        let reading = Reading {
            exported: &placed.exported,
            tables: &tables,
            listed: &placed.tables,
            position,
            selects: &selects,
            blocking: Some(signal),
        };
        match self.read(&reading, between) {
            // What a signal said can not be corrected any more: it is given up, and the stream goes on.
            Err(problem) if problem.code == snapshot::SELECT_REFUSED => {
                self.writer.rollback()?;
                tracing::warn!(code = problem.code, "a blocking snapshot is given up: {}", problem.cause);
                self.status.warn(problem.warning());
            }
            read => read?,
        }
        let mut signals = self.state.signals.clone();
        signals.blocking.retain(|waiting| waiting != signal);
        self.state.put_signals(self.writer, signals)
    }

    /// In the order of `snapshot.tables.order.by.row.count`.
    fn in_order(&self, mut tables: Vec<CatalogTable>) -> Vec<CatalogTable> {
        match self.settings.snapshot_order {
            TableOrder::Name => {}
            TableOrder::Ascending => tables.sort_by_key(|t| t.estimated_rows),
            TableOrder::Descending => tables.sort_by_key(|t| std::cmp::Reverse(t.estimated_rows)),
        }
        tables
    }

    fn read(&mut self, reading: &Reading<'_>, between: &mut dyn FnMut() -> Result<(), Problem>) -> Result<(), Problem> {
        self.status.set(ConnectorState::Snapshot);
        let result = snapshot::read(self, reading, between);
        if result.is_err() && self.notifier.is_on() {
            // Before the next attempt: what was not committed is forgotten, and the topic says so.
            self.writer.rollback()?;
            self.tell_of_snapshot("ABORTED", &[])?;
            snapshot::commit(self, reading)?;
        }
        result
    }

    /// Tells what an initial snapshot does, in the open transaction; gives whether there is something to commit.
    pub fn tell_of_snapshot(&mut self, kind: &str, additional_data: &[(&str, &str)]) -> Result<bool, Problem> {
        let notification = Notification { aggregate: Aggregate::InitialSnapshot, kind, id: None, additional_data };
        self.notifier.tell(self.writer, &notification)
    }

    /// Tells that a run reads no rows before it streams.
    fn tell_of_no_snapshot(&mut self, position: Position) -> Result<(), Problem> {
        if self.tell_of_snapshot("SKIPPED", &[])? {
            let nothing_read = Transaction { end_lsn: position.lsn, ..Transaction::default() };
            self.writer.commit(nothing_read, &position.encode())?;
            self.writer.flush()?;
        }
        Ok(())
    }

    /// Makes a slot aside, and says meanwhile which transactions it waits for.
    fn export(&mut self, make: MakeSlot) -> Result<Exported, Problem> {
        let files = Files::of(&mut self.sql, &self.tables);
        let files = self.sql_result(files)?;
        let (settings, stop) = (self.settings.clone(), self.stop.clone());
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || drop(sender.send(make(&settings, &stop, files))));
        let made = loop {
            match receiver.recv_timeout(SLOT_PATIENCE) {
                Ok(made) => break made,
                Err(RecvTimeoutError::Timeout) => self.say_what_the_slot_waits_for()?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Problem::internal("SLOT_THREAD", "the thread that makes the slot ended early"));
                }
            }
        };
        self.status.retain_warnings(|warning| warning.code != SLOT_WAITS);
        self.sql_result(made)
    }

    fn say_what_the_slot_waits_for(&mut self) -> Result<(), Problem> {
        let rows = self.sql.query(
            "SELECT pid FROM pg_catalog.pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() \
             ORDER BY xact_start",
        );
        let rows = self.sql_result(rows)?;
        let pids: Vec<_> = rows.iter().map(|row| row.text(0)).collect();
        let Some(first) = pids.first() else { return Ok(()) };
        let cause = format!("the slot waits for transactions that are open, of processes {}", pids.join(", "));
        let remedy = format!("Let them end, or: SELECT pg_terminate_backend({first});");
        self.status.retain_warnings(|warning| warning.code != SLOT_WAITS);
        self.status.warn(Problem::retry(SLOT_WAITS, cause, remedy).warning());
        Ok(())
    }

    fn wants_rows(&self, table: &TableName) -> bool {
        let listed = self.settings.snapshot_tables.as_ref().is_none_or(|list| list.matches(&table.to_string()));
        // Old signals are nobody's rows.
        listed && !self.settings.skipped.read && self.settings.signals.table.as_ref() != Some(table)
    }

    fn identify(&mut self) -> Result<Server, Problem> {
        let mut walsender = self.connect(true)?;
        let rows = self.sql_result(walsender.query("IDENTIFY_SYSTEM"))?;
        let answer = |index| rows.first().map(|row| row.text(index).to_owned()).unwrap_or_default();
        let timeline = answer(1).parse().unwrap_or_default();
        let mut server = Server { system_id: answer(0), timeline, fork: None };
        if let Some(ours) = self.state.slot.as_ref().map(|slot| slot.timeline).filter(|ours| *ours < timeline) {
            let history = self.sql_result(walsender.query(&format!("TIMELINE_HISTORY {timeline}")))?;
            server.fork = history.first().and_then(|row| fork(row.text(1), ours));
        }
        Ok(server)
    }

    /// The slot, after a moment for the walsender of a run that just ended to let go of it.
    fn released_slot(&mut self) -> Result<Option<Slot>, Problem> {
        let deadline = Instant::now() + SLOT_RELEASE;
        loop {
            let slot = slot::inspect(&mut self.sql, &self.settings.slot.name);
            let slot = self.sql_result(slot)?;
            let in_use = slot.as_ref().is_some_and(|slot| slot.active_pid.is_some());
            if !in_use || Instant::now() >= deadline || self.stop.wait(SLOT_RELEASE / 20) {
                return Ok(slot);
            }
        }
    }

    /// Existing rows only. The slot is temporary: nothing is left on the server that would hold back its log.
    fn snapshot_only(&mut self, server: &Server) -> Result<Next, Problem> {
        self.delay(self.settings.snapshot_delay);
        self.tables = self.captured()?;
        let exported = self.export(snapshot::temporary)?;
        self.begin_era(server)?;
        let position = Position { lsn: exported.consistent_point, last_commit: 0 };
        let tables = self.tables.clone();
        self.read_tables(&exported, &tables, position, &mut || Ok(()))?;
        self.writer.sync()?;
        self.state.put_snapshot(self.writer, SnapshotEntry { system_id: server.system_id.clone() })?;
        Ok(Next::Done)
    }

    /// The publication first, then the intent, then the slot, then the snapshot that the slot exported. What is written
    /// down in between proves after a crash that the slot is ours and was not read from.
    fn fresh(&mut self, server: &Server, drop_slot: bool) -> Result<Next, Problem> {
        self.delay(self.settings.snapshot_delay);
        let name = &self.settings.slot.name;
        self.publish()?;
        if drop_slot {
            let dropped = slot::remove(&mut self.sql, name);
            self.sql_result(dropped)?;
        }
        let mut entry = SlotEntry {
            name: name.clone(),
            system_id: server.system_id.clone(),
            timeline: server.timeline,
            consistent_point: None,
            next_xid: None,
        };
        self.state.put_slot(self.writer, entry.clone())?;
        let exported = self.export(snapshot::make_slot)?;
        let position = Position { lsn: exported.consistent_point, last_commit: 0 };
        self.begin_era(server)?;
        self.state.clear_tables(self.writer)?;
        let done = self.settings.snapshot_mode == SnapshotMode::NoData;
        let entries: Vec<_> = self
            .tables
            .iter()
            .map(|t| (t.name.clone(), TableEntry::new(&t.name, t.oid, exported.consistent_point, done)))
            .collect();
        self.state.put_tables(self.writer, entries)?;
        entry.consistent_point = Some(Lsn(exported.consistent_point).to_string());
        self.state.put_slot(self.writer, entry)?;
        self.writer.progress(&position.encode())?;
        self.writer.sync()?;
        if !done {
            let tables = self.tables.clone();
            self.read_tables(&exported, &tables, position, &mut || Ok(()))?;
        } else {
            self.tell_of_no_snapshot(position)?;
        }
        self.delay(self.settings.streaming_delay);
        Ok(Next::Stream(position, 0, None))
    }

    /// Goes on where the journal ends; first come the tables whose snapshot did not end, and new ones.
    fn resume(&mut self, server: &Server, mut position: Position, again: bool) -> Result<Next, Problem> {
        let slot = self.state.slot.clone();
        if let Some(slot) = slot.filter(|slot| slot.timeline != server.timeline) {
            self.state.put_slot(self.writer, SlotEntry { timeline: server.timeline, ..slot })?;
        }
        self.publish()?;
        let before = self.state.tables.clone();
        if again {
            position.last_commit = 0;
            self.restart_era(server, position)?;
        }
        let tables: Vec<_> = self.tables.iter().filter(|t| again || self.lacks_rows(t)).cloned().collect();
        let blocking = self.state.signals.blocking.first().cloned();
        let (tables, published, blocking) = match blocking {
            Some(signal) if tables.is_empty() => (self.asked_for(&signal), HashSet::new(), Some(signal)),
            _ if tables.is_empty() => {
                self.tell_of_no_snapshot(position)?;
                return Ok(Next::Stream(position, 0, None));
            }
            _ => {
                let begun = |t: &&CatalogTable| before.get(&t.name).is_some_and(|entry| entry.oid == t.oid);
                let published = tables.iter().filter(begun).map(|t| t.name.clone()).collect();
                (tables, published, None)
            }
        };
        let exported = self.export(snapshot::temporary)?;
        let point = exported.consistent_point;
        if blocking.is_none() {
            // Until there only what went away is written.
            let entries: Vec<_> =
                tables.iter().map(|t| (t.name.clone(), TableEntry::new(&t.name, t.oid, point, false))).collect();
            self.state.put_tables(self.writer, entries)?;
        }
        let placed = Placed { exported, tables, published, blocking };
        Ok(Next::Stream(position, if again { point } else { 0 }, Some(Box::new(placed))))
    }

    /// The captured tables that a blocking snapshot is about.
    fn asked_for(&self, signal: &Blocking) -> Vec<CatalogTable> {
        let asked = |t: &&CatalogTable| signal.tables.iter().any(|p| incremental::matches(p, &t.name.to_string()));
        self.tables.iter().filter(asked).cloned().collect()
    }

    fn delay(&self, delay: Duration) {
        if !delay.is_zero() {
            self.stop.wait(delay);
        }
    }

    /// Whether rows of a table are missing that no stream will bring: its snapshot did not end, or it was not published
    /// until now.
    fn lacks_rows(&self, table: &CatalogTable) -> bool {
        if self.settings.snapshot_mode == SnapshotMode::NoData {
            return false;
        }
        match self.state.tables.get(&table.name) {
            Some(entry) if entry.oid == table.oid => !entry.done,
            _ => self.publishes_by_table(),
        }
    }

    /// A new era starts without a position, and a crash may come before it has one: what stands in for it is moved first.
    fn restart_era(&mut self, server: &Server, position: Position) -> Result<(), Problem> {
        if let Some(slot) = self.state.slot.clone() {
            let consistent_point = Some(Lsn(position.lsn).to_string());
            self.state.put_slot(self.writer, SlotEntry { consistent_point, next_xid: None, ..slot })?;
        }
        self.begin_era(server)?;
        self.writer.progress(&position.encode())?;
        self.state.clear_tables(self.writer)
    }

    fn begin_era(&mut self, server: &Server) -> Result<(), Problem> {
        let identity = format!("{{\"system_id\":\"{}\",\"timeline\":{}}}", server.system_id, server.timeline);
        self.writer.begin_era(identity.as_bytes()).map(drop)
    }
}

fn connect(settings: &Settings, stop: &Stop, replication: bool) -> Result<Client, Problem> {
    let mut client = Client::connect(&settings.connection, replication)
        .map_err(|error| problem::of(&error, &settings.connection))?;
    client.interrupt_with(stop.clone());
    Ok(client)
}

/// Where a timeline ended, from a history file: lines of its number, the position, and a reason.
fn fork(history: &str, timeline: u32) -> Option<u64> {
    history.lines().find_map(|line| {
        let mut fields = line.split_whitespace();
        let number: u32 = fields.next()?.parse().ok()?;
        let lsn: Lsn = fields.next()?.parse().ok()?;
        (number == timeline).then_some(lsn.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_file_tells_where_a_timeline_ended() {
        let history = "1\t0/3000000\tno recovery target specified\n\n2\t1/40000A0\tno recovery target specified\n";
        assert_eq!(fork(history, 1), Some(0x300_0000));
        assert_eq!(fork(history, 2), Some(0x1_0400_00A0));
        assert_eq!(fork(history, 3), None);
        assert_eq!(fork("garbage", 1), None);
    }
}
