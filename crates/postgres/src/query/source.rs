//! The query source: its life from start to stop.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Instant;

use tailwater_connector::status::ConnectorState;
use tailwater_connector::{Durable, Offset, Problem, ProblemKind, Source, SourceContext, SourceWriter, StatusCell};

use super::metrics::PollMetrics;
use super::poll::{Polled, Poller, Session};
use super::position::Position;
use super::preflight::{self, connect, query_target, targets};
use super::problem;
use super::settings::QuerySettings;
use super::shape::Target;
use crate::catalog;
use crate::client::Client;
use crate::limits::WRITER_POLL;
use crate::lock::{self, TABLE_LOCKED};
use crate::sql;

/// Reads tables or a query, again and again.
pub struct QuerySource {
    settings: QuerySettings,
    /// When what is due next, by topic: a lost connection does not bring polls forward.
    schedule: HashMap<String, Instant>,
}

impl QuerySource {
    /// From settings that were checked.
    pub fn new(settings: QuerySettings) -> Self {
        QuerySource { settings, schedule: HashMap::new() }
    }

    /// One connection's worth of work.
    fn attempt(&mut self, context: &mut SourceContext) -> Result<(), Problem> {
        let SourceContext { name, writer, status, stop, .. } = context;
        let durable = writer.durable()?;
        let position = Position::durable(&durable)?;
        if durable.era == 0 {
            writer.begin_era(b"{\"source\":\"query\"}")?;
        }
        let client = connect(&self.settings).map_err(|error| problem::of(&error, &self.settings.connection))?;
        let session = Session { settings: &self.settings, client, writer: writer.as_mut(), position };
        let mut work = Work { session, status, metrics: PollMetrics::new(name), pollers: Vec::new() };
        work.session.client.interrupt_with(stop.clone());
        let mut look = Instant::now();
        let mut streaming = false;
        while !stop.is_set() {
            if Instant::now() >= look {
                work.look(&self.schedule)?;
                look = Instant::now() + self.settings.table_poll_interval;
            }
            if !streaming {
                streaming = true;
                status.set(ConnectorState::Streaming);
            }
            // Tells of a full disk.
            work.session.writer.durable()?;
            let next = work.pollers.iter_mut().min_by_key(|poller| poller.due);
            let due = next.as_ref().map_or(look, |poller| poller.due.min(look));
            let now = Instant::now();
            match next {
                Some(poller) if poller.due <= now => {
                    let fit = poll(poller, &mut work.session, &work.metrics, status)?;
                    self.schedule.insert(poller.target.topic.clone(), poller.due);
                    if !fit {
                        look = Instant::now();
                    }
                }
                _ => {
                    stop.wait(due.saturating_duration_since(now));
                }
            }
        }
        Ok(())
    }
}

/// What one connection's work consists of.
struct Work<'a> {
    session: Session<'a>,
    status: &'a StatusCell,
    metrics: PollMetrics,
    pollers: Vec<Poller>,
}

impl Work<'_> {
    /// Looks which tables there are now. Those that were there go on as they were.
    fn look(&mut self, schedule: &HashMap<String, Instant>) -> Result<(), Problem> {
        let settings = self.session.settings;
        let mut wanted = vec![query_target(settings)];
        if settings.query.is_none() {
            let all = catalog::list(&mut self.session.client);
            let all = all.map_err(|error| problem::of(&error, &settings.connection))?;
            let mut chosen = settings.tables.choose(&all);
            // A newcomer does not take the topic of a table that is read already.
            chosen.sort_by_key(|table| !self.pollers.iter().any(|p| p.target.table.as_ref() == Some(&table.name)));
            let (found, problems) = targets(settings, &chosen);
            problems.into_iter().for_each(|problem| warn(self.status, problem));
            wanted = found;
        }
        let mut known = std::mem::take(&mut self.pollers);
        for target in wanted {
            let poller = match known.iter().position(|poller| poller.target == target) {
                Some(at) => known.swap_remove(at),
                None => {
                    let due = schedule.get(&target.topic).copied().unwrap_or_else(Instant::now);
                    Poller::new(target, due)
                }
            };
            self.pollers.push(poller);
        }
        for gone in known {
            self.status.retain_warnings(|shown| !gone.told.contains(shown));
        }
        self.metrics.tables(self.pollers.len());
        Ok(())
    }
}

/// Polls one target. `false`: it can not be polled as it is, and the tables should be looked at again.
fn poll(
    poller: &mut Poller,
    session: &mut Session<'_>,
    metrics: &PollMetrics,
    status: &StatusCell,
) -> Result<bool, Problem> {
    let start = Instant::now();
    let polled = poller.poll(session)?;
    let settings = session.settings;
    poller.due = Instant::now() + settings.poll_interval;
    let told: Vec<Problem> = match &polled {
        Polled::Waits => {
            poller.due = poller.due.min(Instant::now() + WRITER_POLL);
            return Ok(true);
        }
        Polled::Rows(rows) => {
            metrics.polled(*rows, start.elapsed());
            poller.warnings(settings)
        }
        Polled::Unfit(problems) => {
            // A query that can not be polled will not mend itself; nor is there another table to read.
            if poller.target.table.is_none() || problems.iter().any(|p| p.kind == ProblemKind::Internal) {
                return Err(problems.first().cloned().unwrap_or_else(nothing));
            }
            let named = |problem: &Problem| match problem.code == TABLE_LOCKED {
                true => holder(&mut session.client, &poller.target).unwrap_or_else(|| problem.clone()),
                false => problem.clone(),
            };
            problems.iter().map(named).map(Problem::warning).collect()
        }
    };
    if told != poller.told {
        let before = std::mem::replace(&mut poller.told, told.clone());
        status.retain_warnings(|shown| !before.contains(shown));
        told.into_iter().for_each(|problem| warn(status, problem));
    }
    let gone = matches!(&polled, Polled::Unfit(problems) if problems.iter().any(|p| p.code == "TABLE_GONE"));
    Ok(!gone)
}

/// Who holds a table, if that can be told.
fn holder(client: &mut Client, target: &Target) -> Option<Problem> {
    let name = target.table.as_ref()?;
    let oid = format!("SELECT pg_catalog.to_regclass({})::pg_catalog.oid", sql::literal(&sql::table(name)));
    let oid = client.query(&oid).ok()?.first()?.get(0)?.parse().ok()?;
    lock::held(client, lock::POLLED, &[(oid, name)]).ok()
}

fn nothing() -> Problem {
    Problem::internal("QUERY_UNFIT", "a query can not be polled and does not say why")
}

/// Shows a problem of one table while the others go on.
fn warn(status: &StatusCell, problem: Problem) {
    let problem = problem.warning();
    if status.warn(problem.clone()) {
        tracing::warn!(code = problem.code, remedy = problem.remedy, "{}", problem.cause);
    }
}

impl Source for QuerySource {
    fn preflight(&mut self) -> Vec<Problem> {
        preflight::problems(&self.settings)
    }

    fn files(&self) -> Vec<(&'static str, PathBuf)> {
        let tls = &self.settings.connection.tls;
        let named = [
            ("connection.sslrootcert", &tls.root_certificate),
            ("connection.sslcert", &tls.certificate),
            ("connection.sslkey", &tls.key),
        ];
        named.into_iter().filter_map(|(name, path)| Some((name, path.clone()?))).collect()
    }

    fn run(&mut self, context: &mut SourceContext) -> Result<(), Problem> {
        let result = self.attempt(context);
        // Whatever happened, a batch that did not come in full is forgotten; it is read again.
        context.writer.rollback()?;
        match result {
            Err(problem) if !context.stop.is_set() => Err(problem::of_writing(problem)),
            _ => Ok(()),
        }
    }

    fn offsets(&self, durable: &Durable) -> Vec<Offset> {
        Position::durable(durable).map(|position| position.offsets()).unwrap_or_default()
    }

    fn alter_offsets(&mut self, offsets: &[Offset], writer: &mut dyn SourceWriter) -> Result<(), Problem> {
        let position = Position::durable(&writer.durable()?)?.altered(offsets)?;
        writer.begin_era(b"{\"source\":\"query\"}")?;
        writer.progress(&position.encode()?)?;
        writer.sync()
    }

    /// Nothing was made on the server.
    fn destroy(&mut self) -> Result<(), Problem> {
        Ok(())
    }
}
