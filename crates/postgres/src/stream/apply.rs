//! From the server's messages to records in the open transaction.

use std::time::Instant;

use tailwater_connector::{Problem, Transaction};
use tailwater_event::debezium::{EventContext, SnapshotMarker};
use tailwater_event::{OldRow, TableName};

use super::{Flow, Follower, Open, signals};
use crate::capture::{Captured, Change, now_ns};
use crate::catalog;
use crate::client::{ClientError, Received, ReplicationStream};
use crate::incremental::Incremental;
use crate::pgoutput::{self, Message, OldTuple, Relation, Tuples};

impl Follower<'_, '_> {
    /// Applies every message that is here completely.
    pub(super) fn apply_all(&mut self, stream: &mut ReplicationStream) -> Result<Flow, Problem> {
        self.now_ns = now_ns();
        loop {
            let message = stream.next_message();
            match self.session.sql_result(message)? {
                None => return Ok(Flow::Go),
                Some(Received::Data { start, end, payload }) => {
                    self.progress.received(start.max(end));
                    if self.apply(start, payload)? == Flow::ReadFirst {
                        return Ok(Flow::ReadFirst);
                    }
                }
                Some(Received::Keepalive { end, reply_requested }) => {
                    if self.open.is_none() {
                        self.progress.caught_up(end);
                    }
                    if reply_requested {
                        self.progress.asked();
                    }
                }
                Some(Received::Done) => {
                    let ended = ClientError::Lost("the server ended the stream".into());
                    return self.session.sql_result(Err(ended));
                }
            }
        }
    }

    /// Applies one message of the plugin.
    fn apply(&mut self, lsn: u64, payload: &[u8]) -> Result<Flow, Problem> {
        let mut tuples = std::mem::take(&mut self.tuples).recycle();
        let message = pgoutput::decode(payload, &mut tuples)
            .map_err(|e| Problem::internal("PROTOCOL", format!("pgoutput: {e}")))?;
        let flow = match message {
            Message::Begin { commit_lsn, commit_time_us, xid } => self.begin(lsn, commit_lsn, commit_time_us, xid),
            Message::Commit { commit_lsn, end_lsn, .. } => self.commit(commit_lsn, end_lsn),
            Message::Origin { lsn, name } => {
                if let Some(open) = &mut self.open {
                    open.origin = Some((name.to_owned(), lsn));
                }
                Ok(Flow::Go)
            }
            Message::Relation(relation) => self.relation(&relation),
            Message::Insert { relation } => self.change(lsn, relation, Change::Insert(&tuples.new)),
            Message::Update { relation, old } => {
                self.change(lsn, relation, Change::Update(old_row(old, &tuples), &tuples.new))
            }
            Message::Delete { relation, old } => self.change(lsn, relation, Change::Delete(old_row(old, &tuples))),
            Message::Truncate { relations } => {
                relations.iter().try_fold(Flow::Go, |_, relation| self.change(lsn, *relation, Change::Truncate))
            }
            Message::Logical(logical) => self.message(&logical),
            Message::Ignored => Ok(Flow::Go),
        }?;
        self.tuples = tuples.recycle();
        Ok(flow)
    }

    fn begin(&mut self, lsn: u64, commit_lsn: u64, commit_time_us: i64, xid: u32) -> Result<Flow, Problem> {
        if self.open.is_some() {
            return Err(out_of_order("a transaction began inside another one"));
        }
        // Both are borders of log records, so a commit record that starts before the position also ends there.
        let dropped = commit_lsn < self.skip_until;
        if !dropped && self.placed.as_ref().is_some_and(|placed| placed.point() <= commit_lsn) {
            return Ok(Flow::ReadFirst);
        }
        if !dropped && self.incremental.as_ref().and_then(Incremental::until).is_some_and(|until| commit_lsn >= until) {
            self.write_window_between()?;
        }
        let mut records = 0;
        if !dropped {
            self.commit_time_us = commit_time_us;
            if self.position.last_commit == 0 && self.first_commit.others_before(self.session, xid)? {
                // What they changed is not captured; all of it is before this transaction and after the position.
                self.position.last_commit = self.position.lsn.max(self.sequence_from);
            }
            if let Some(boundaries) = &mut self.boundaries {
                boundaries.begin(self.session.writer, xid, lsn, self.now_ns)?;
                records = 1;
            }
        }
        self.open = Some(Open {
            xid,
            commit_lsn,
            commit_time_us,
            origin: None,
            records,
            dropped,
            signals: Vec::new(),
            closed: false,
        });
        Ok(Flow::Go)
    }

    fn commit(&mut self, commit_lsn: u64, end_lsn: u64) -> Result<Flow, Problem> {
        let Some(mut open) = self.open.take() else { return Err(out_of_order("a commit without a transaction")) };
        if open.commit_lsn != commit_lsn || open.dropped != (end_lsn <= self.skip_until) {
            return Err(out_of_order("a commit of another transaction"));
        }
        self.progress.received(end_lsn);
        self.recent.push(open.xid);
        if open.dropped {
            self.session.metrics.dropped();
            return Ok(Flow::Go);
        }
        if end_lsn > self.sequence_from {
            self.position.last_commit = end_lsn;
        }
        // What is asked for is written down before the signal: else a crash between could forget it.
        let closed = std::mem::take(&mut open.closed);
        let signals = std::mem::take(&mut open.signals);
        self.act_on_rows(signals, commit_lsn, open.xid)?;
        open.records += signals::notify(self.session, &std::mem::take(&mut self.notices))?;
        if let Some(boundaries) = &mut self.boundaries {
            boundaries.end(self.session.writer, open.xid, end_lsn, self.now_ns)?;
            open.records += 1;
        }
        if open.records == 0 {
            self.window_closed(closed)?;
            // Nothing of it is captured: as good as a keepalive at its end.
            self.progress.caught_up(end_lsn);
            return Ok(Flow::Go);
        }
        let Open { xid, commit_time_us, records, .. } = open;
        self.commit_until(Transaction { xid, commit_lsn, end_lsn, commit_time_us })?;
        self.window_closed(closed)?;
        self.look_for_blocking();
        self.session.metrics.events(records);
        self.session.metrics.transaction((self.now_ns / 1000 - commit_time_us) / 1000);
        Ok(Flow::Go)
    }

    /// Commits what was written outside of a transaction of the source and ends here.
    pub(super) fn commit_alone(&mut self, end_lsn: u64) -> Result<(), Problem> {
        let commit_time_us = self.commit_time_us;
        self.commit_until(Transaction { end_lsn, commit_time_us, ..Transaction::default() })?;
        self.session.metrics.events(1);
        Ok(())
    }

    fn commit_until(&mut self, transaction: Transaction) -> Result<(), Problem> {
        if transaction.end_lsn <= self.position.lsn {
            return Err(out_of_order("a commit before the one that preceded it"));
        }
        self.position.lsn = transaction.end_lsn;
        self.session.writer.commit(transaction, &self.position.encode())?;
        self.waiting_since.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// What the following changes of a table look like.
    fn relation(&mut self, relation: &Relation) -> Result<Flow, Problem> {
        let name = TableName::new(&relation.schema, &relation.table);
        if self.joining.as_ref().is_some_and(|joining| joining.has(&name)) {
            return Ok(Flow::ReadFirst);
        }
        let settings = self.session.settings;
        let route = if settings.filters.captures(&name) {
            let schema = catalog::of_relation(&mut self.session.sql, relation, &settings.keys);
            let schema = settings.shapes.streamed(self.session.sql_result(schema)?);
            let hand_over = self.session.state.hand_over(&name);
            Some(Captured::open(settings, self.session.writer, &schema, hand_over)?)
        } else {
            None
        };
        self.routes.set(relation, route);
        Ok(Flow::Go)
    }

    /// A label may have been added to an enum without a word of the server: the table is then looked up again.
    fn change(&mut self, lsn: u64, relation: u32, change: Change<'_>) -> Result<Flow, Problem> {
        let stale = |route: &mut Option<Captured>| route.as_ref().is_some_and(|captured| captured.is_stale(change));
        if self.routes.get(relation).is_some_and(stale) {
            let Some(announced) = self.routes.announced(relation).cloned() else { return Ok(Flow::Go) };
            if self.relation(&announced)? == Flow::ReadFirst {
                return Ok(Flow::ReadFirst);
            }
            if let Some(Some(captured)) = self.routes.get(relation) {
                captured.looked(change);
            }
        }
        self.write(lsn, relation, change)
    }

    fn write(&mut self, lsn: u64, relation: u32, change: Change<'_>) -> Result<Flow, Problem> {
        let Some(open) = &mut self.open else { return Err(out_of_order("a change outside a transaction")) };
        let Some(route) = self.routes.get(relation) else {
            return Err(out_of_order("a change of a table that was not announced"));
        };
        let Some(captured) = route else { return Ok(Flow::Go) };
        let skipped = self.session.settings.skipped;
        let unwanted = match change {
            Change::Read(_) => skipped.read,
            Change::Insert(_) => skipped.create,
            Change::Update(..) => skipped.update,
            Change::Delete(_) => skipped.delete,
            Change::Truncate => skipped.truncate,
        };
        if open.dropped {
            return Ok(Flow::Go);
        }
        if captured.is_signals {
            signals::row(self.session, &mut self.incremental, &self.recent, self.position, open, lsn, change)?;
        }
        // What committed before the hand-over is in the table's snapshot.
        let is_read = open.commit_lsn < captured.hand_over;
        // A change that nobody is told of makes no row of a chunk superfluous; a truncate leaves none anyway.
        let is_told = !unwanted || matches!(change, Change::Truncate);
        if let Some(incremental) = self.incremental.as_mut().filter(|_| is_told && (unwanted || is_read)) {
            incremental.touch(&captured.name, &captured.matching, (open.xid, open.commit_lsn), change);
        }
        if unwanted {
            return Ok(Flow::Go);
        }
        let change = match is_read {
            false => change,
            // Of rows that an attempt at the snapshot wrote before, nothing stale is left.
            true => match self.placed.as_ref().filter(|placed| placed.repeats(&captured.name)) {
                Some(_) => match captured.removal(change) {
                    Some(removal) => removal,
                    None => return Ok(Flow::Go),
                },
                None => return Ok(Flow::Go),
            },
        };
        let context = EventContext {
            snapshot: SnapshotMarker::False,
            source_time_us: open.commit_time_us,
            last_commit: Some(self.position.last_commit).filter(|lsn| *lsn > 0),
            lsn,
            xid: Some(open.xid),
            origin: open.origin.as_ref().map(|(name, lsn)| (name.as_str(), *lsn)),
            xmin: self.xmin,
            transaction: self.boundaries.as_ref().map(|b| b.next_place(&captured.collection)),
            now_ns: self.now_ns,
        };
        let written = captured.write(self.session.writer, &context, change)?;
        if written == 0 {
            self.session.metrics.unchanged();
        } else if let Some(incremental) = self.incremental.as_mut().filter(|_| !is_read) {
            incremental.touch(&captured.name, &captured.matching, (open.xid, open.commit_lsn), change);
        }
        open.records += u64::from(written);
        if let Some(boundaries) = &mut self.boundaries {
            boundaries.count(&captured.collection, captured.events(change, written));
        }
        Ok(Flow::Go)
    }
}

fn old_row<'t>(old: OldTuple, tuples: &'t Tuples<'t>) -> OldRow<'t> {
    match old {
        OldTuple::None => OldRow::None,
        OldTuple::Key => OldRow::Key(&tuples.old),
        OldTuple::Full => OldRow::Full(&tuples.old),
    }
}

pub(super) fn out_of_order(what: &str) -> Problem {
    Problem::internal("STREAM_ORDER", format!("the server sent {what}"))
}
