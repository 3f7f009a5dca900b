//! Tables that join a running source: they match its filters, and were not published before.
//!
//! The order is what makes it safe (reference: a transaction that wrote to the table before it was published and after
//! would otherwise lose its first half). The table is published first; then a temporary slot waits until every
//! transaction that ran at that moment has ended, and exports a snapshot; its rows are read as `r`; streamed changes that
//! committed before that snapshot are dropped. The waiting is done aside, so that the other tables go on.
//!
//! A publication that had to be made for them can be streamed from only by a new connection, and only from positions
//! after it was made: then the tables join at that reconnect.

use std::collections::HashMap;
use std::thread::{self, JoinHandle};

use tailwater_connector::{Problem, ProblemKind};
use tailwater_event::TableName;

use crate::catalog::CatalogTable;
use crate::client::ClientError;
use crate::lock::TABLE_LOCKED;
use crate::position::Position;
use crate::preflight::{TABLE_WITHOUT_KEY, without_key};
use crate::session::Session;
use crate::settings::SnapshotMode;
use crate::snapshot::{self, Exported, Files};

/// What a look found.
pub(crate) enum Look {
    /// Nothing that joins.
    Same,
    /// A table that would join is held by somebody; it was waited for in vain.
    Locked,
    /// Tables that join this stream.
    Joining(Joining),
    /// Tables in a new publication: connect again once everything before this position is durable.
    Reconnect(u64),
}

/// Tables on their way in.
pub(crate) struct Joining {
    tables: Vec<CatalogTable>,
    exported: JoinHandle<Result<Exported, ClientError>>,
}

impl Joining {
    /// Looks for tables that were not captured at the last look, and publishes them.
    pub fn look(session: &mut Session<'_>) -> Result<Look, Problem> {
        let tables = session.captured()?;
        // Both are in order of name.
        let same = |(a, b): (&CatalogTable, &CatalogTable)| {
            (a.oid, &a.name, a.usable_identity) == (b.oid, &b.name, b.usable_identity)
        };
        if tables.len() == session.tables.len() && tables.iter().zip(&session.tables).all(same) {
            return Ok(Look::Same);
        }
        let known: HashMap<u32, bool> = session.tables.iter().map(|t| (t.oid, t.usable_identity)).collect();
        let publications = session.publications.clone();
        match session.publish() {
            Ok(()) => {}
            Err(problem) if problem.kind == ProblemKind::Retry && problem.code != TABLE_LOCKED => return Err(problem),
            Err(problem) => {
                // The tables that were there go on; it is tried again.
                let locked = problem.code == TABLE_LOCKED;
                session.status.warn(problem.warning());
                return Ok(if locked { Look::Locked } else { Look::Same });
            }
        }
        session.status.retain_warnings(|warning| !matches!(warning.code.as_str(), TABLE_LOCKED | "PUBLICATION_DENIED"));
        let names: Vec<_> = session.tables.iter().map(|t| t.name.clone()).collect();
        let unmatched = session.settings.filters.unmatched(&names);
        session.status.retain_warnings(|warning| {
            warning.code != "TABLE_MISSING" || unmatched.iter().any(|pattern| warning.cause.contains(pattern))
        });
        tell_identities(session, &known);
        if session.publications != publications {
            return session.log_end().map(Look::Reconnect);
        }
        let tables: Vec<_> = session.tables.iter().filter(|t| !known.contains_key(&t.oid)).cloned().collect();
        if tables.is_empty() || session.settings.snapshot_mode == SnapshotMode::NoData {
            return Ok(Look::Same);
        }
        let files = Files::of(&mut session.sql, &tables);
        let files = session.sql_result(files)?;
        let (settings, stop) = (session.settings.clone(), session.stop.clone());
        let exported = thread::spawn(move || snapshot::temporary(&settings, &stop, files));
        Ok(Look::Joining(Joining { tables, exported }))
    }

    /// Whether this table is among them.
    pub fn has(&self, table: &TableName) -> bool {
        self.tables.iter().any(|t| t.name == *table)
    }

    /// Whether the snapshot is there.
    pub fn is_ready(&self) -> bool {
        self.exported.is_finished()
    }

    /// Reads the rows. To be called between two transactions.
    pub fn read(
        self,
        session: &mut Session<'_>,
        position: Position,
        between: &mut dyn FnMut() -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let exported =
            self.exported.join().map_err(|_| Problem::internal("JOIN_FAILED", "a helper thread ended early"))?;
        let exported = session.sql_result(exported)?;
        session.read_tables(&exported, &self.tables, position, between)
    }
}

/// Says which tables gained or lost what tells their old rows apart; `before` is what they had, by oid.
///
/// A table without it is published for inserts and truncates only, or the server would refuse the application's updates.
/// What the application updates or deletes between gaining it and our look is in no publication.
fn tell_identities(session: &Session<'_>, before: &HashMap<u32, bool>) {
    let changed = |t: &&CatalogTable| before.get(&t.oid).is_some_and(|usable| *usable != t.usable_identity);
    let changed: Vec<_> = session.tables.iter().filter(changed).collect();
    if changed.is_empty() {
        return;
    }
    session.status.retain_warnings(|warning| warning.code != TABLE_WITHOUT_KEY);
    let without: Vec<_> = session.tables.iter().filter(|t| !t.usable_identity).map(|t| &t.name).collect();
    if !without.is_empty() {
        session.status.warn(without_key(&without));
    }
    for table in changed.iter().filter(|t| t.usable_identity) {
        let name = &table.name;
        session.status.warn(
            Problem::config(
                "CHANGES_NOT_CAPTURED",
                format!(
                    "{name} can be told apart by row since now: earlier updates and deletes of it were not captured"
                ),
                format!(
                    "Read its rows again, by a signal (table, file, or POST /connectors/NAME/signals): \
                     {{\"type\":\"execute-snapshot\",\"data\":{{\"data-collections\":[\"{name}\"]}}}}"
                ),
            )
            .warning(),
        );
    }
}
