//! What must be true before anything is created, looked at all at once and changing nothing.
//!
//! `tailwater doctor` shows every check; a starting connector takes only the problems. Every problem comes with the SQL
//! that mends it.

mod columns;
mod objects;
mod platform;
mod server;
mod tables;

pub(crate) use tables::{TABLE_WITHOUT_KEY, without_key};

use serde::Serialize;
use tailwater_connector::Problem;

use crate::catalog;
use crate::client::{Client, ClientError};
use crate::limits::PREFLIGHT_STATEMENT_MS;
use crate::problem;
use crate::settings::Settings;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// Work goes on; the reader should know.
    Warning,
    /// Work can not start.
    Error,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Stable name, such as `wal`; several findings of one kind share it.
    pub id: &'static str,
    /// What is checked, for people.
    pub title: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What was seen.
    pub observed: String,
    /// What is wrong, and what mends it.
    pub problem: Option<Problem>,
}

impl Check {
    pub(crate) fn ok(id: &'static str, title: &'static str, observed: impl Into<String>) -> Check {
        Check { id, title, outcome: Outcome::Ok, observed: observed.into(), problem: None }
    }

    pub(crate) fn found(id: &'static str, title: &'static str, observed: impl Into<String>, problem: Problem) -> Check {
        let outcome = if problem.is_error() { Outcome::Error } else { Outcome::Warning };
        Check { id, title, outcome, observed: observed.into(), problem: Some(problem) }
    }
}

/// Every problem, errors and warnings.
pub fn problems(settings: &Settings) -> Vec<Problem> {
    checks(settings).into_iter().filter_map(|check| check.problem).collect()
}

/// Every check, in the order in which a reader would mend them. When the server can not be reached there is one.
pub fn checks(settings: &Settings) -> Vec<Check> {
    const TITLE: &str = "connection";
    let connection = &settings.connection;
    let mut client = match Client::connect(connection, false) {
        Ok(client) => client,
        Err(error) => return vec![Check::found("conn", TITLE, "no session", problem::of(&error, connection))],
    };
    let observed = format!("{}:{} as {}", connection.host, connection.port, connection.user);
    let mut checks = vec![Check::ok("conn", TITLE, observed)];
    if let Err(error) = look(&mut client, settings, &mut checks) {
        checks.push(Check::found("conn", TITLE, "a check could not be finished", problem::of(&error, connection)));
    }
    checks
}

fn look(client: &mut Client, settings: &Settings, checks: &mut Vec<Check>) -> Result<(), ClientError> {
    client.execute(&format!(
        "SET statement_timeout = {PREFLIGHT_STATEMENT_MS}; SET lock_timeout = {PREFLIGHT_STATEMENT_MS}; \
         SET default_transaction_read_only = on"
    ))?;
    server::look(client, settings, checks)?;
    let mut published = tables::look(client, settings, checks)?;
    columns::look(client, settings, &published, checks)?;
    if settings.tell_all_transactions {
        let captured: Vec<_> = published.iter().map(|facts| facts.table.clone()).collect();
        let others = catalog::others(&catalog::list(client)?, &captured);
        if !others.is_empty() {
            checks.push(Check::found("publication", "publication", "wider than what is captured", wider(others.len())));
        }
        published.extend(catalog::describe(client, &others)?);
    }
    objects::look(client, settings, &published, checks)
}

/// Transactions' boundaries are told for all transactions, as the original does.
fn wider(others: usize) -> Problem {
    Problem::config(
        "METADATA_WIDENS_PUBLICATION",
        format!(
            "'provide.transaction.metadata' tells of every transaction, so tables that are not captured are published, \
             too ({others}); their changes cross the wire and are dropped"
        ),
        "To be told only of transactions that change captured tables: \"publication.autocreate.mode\": \"filtered\".",
    )
    .warning()
}
