//! What must be true before the first poll, looked at all at once and changing nothing.

use tailwater_connector::Problem;
use tailwater_event::topic::sanitize;

use super::problem;
use super::settings::QuerySettings;
use super::shape::{Shape, Target};
use crate::catalog::{self, CatalogTable, Kind};
use crate::client::{Client, ClientError};
use crate::limits::{LOCK_PATIENCE, PREFLIGHT_STATEMENT_MS, TOPIC_BYTES};
use crate::preflight::Check;
use crate::sql;

/// A session as polls have it. Row security applies to the role, as it does to the role's queries elsewhere.
pub(super) fn connect(settings: &QuerySettings) -> Result<Client, ClientError> {
    let mut client = Client::connect(&settings.connection, false)?;
    client.set_max_message(settings.max_row_bytes);
    client.execute(&format!("SET row_security = on; SET lock_timeout = {}", LOCK_PATIENCE.as_millis()))?;
    if let Some(path) = &settings.search_path {
        let schemas: Vec<_> = path.split(',').map(|schema| sql::ident(schema.trim().trim_matches('"'))).collect();
        client.execute(&format!("SET search_path = {}", schemas.join(", ")))?;
    }
    Ok(client)
}

/// Every problem, errors and warnings.
pub(super) fn problems(settings: &QuerySettings) -> Vec<Problem> {
    checks(settings).into_iter().filter_map(|check| check.problem).collect()
}

/// The connection, and what is read over it. When the server can not be reached there is only the first.
pub fn checks(settings: &QuerySettings) -> Vec<Check> {
    const TITLE: &str = "connection";
    const READ: &str = "what is read";
    let connection = &settings.connection;
    let to_problem = |error: &ClientError| match settings.query {
        Some(_) => problem::of_query(error, connection),
        None => problem::of(error, connection),
    };
    let mut client = match connect(settings) {
        Ok(client) => client,
        Err(error) => return vec![Check::found("conn", TITLE, "no session", to_problem(&error))],
    };
    let mut found = Vec::new();
    if let Err(error) = look(&mut client, settings, &mut found) {
        found.push(to_problem(&error));
    }
    let observed = format!("{}:{} as {}", connection.host, connection.port, connection.user);
    let mut checks = vec![Check::ok("conn", TITLE, observed)];
    if found.is_empty() {
        checks.push(Check::ok("source", READ, "can be polled"));
    }
    checks.extend(found.into_iter().map(|problem| Check::found("source", READ, "see below", problem)));
    checks
}

fn look(client: &mut Client, settings: &QuerySettings, found: &mut Vec<Problem>) -> Result<(), ClientError> {
    client.execute(&format!("SET statement_timeout = {PREFLIGHT_STATEMENT_MS}"))?;
    if !zone_is_known(client, settings, found)? {
        return Ok(());
    }
    if settings.query.is_some() {
        return fit(client, settings, &query_target(settings), found);
    }
    let all = catalog::list(client)?;
    found.extend(settings.tables.missing(&all));
    let chosen = settings.tables.choose(&all);
    if chosen.is_empty() && found.is_empty() {
        let remedy = "Make a table, or correct 'table.types', 'schema.pattern' and the lists of tables.";
        let cause = "there is no table that is read; those that appear are";
        found.push(Problem::environment("TABLES_NONE", cause, remedy).warning());
    }
    let (targets, colliding) = targets(settings, &chosen);
    found.extend(colliding);
    let (mut unfit, mut fits) = (Vec::new(), false);
    for target in targets {
        let table = chosen.iter().find(|t| Some(&t.name) == target.table.as_ref());
        let mut own = Vec::new();
        match table.and_then(|table| closed(table, settings)) {
            Some(problem) => own.push(problem),
            None => fit(client, settings, &target, &mut own)?,
        }
        fits |= !own.iter().any(Problem::is_error);
        unfit.extend(own);
    }
    // Among tables that nobody named, those that can not be read do not keep the others from it.
    let spared = fits && !settings.tables.is_by_name();
    found.extend(unfit.into_iter().map(|problem| if spared { problem.warning() } else { problem }));
    Ok(())
}

fn fit(
    client: &mut Client,
    settings: &QuerySettings,
    target: &Target,
    found: &mut Vec<Problem>,
) -> Result<(), ClientError> {
    match Shape::ask(client, settings, target, None) {
        Ok(Ok(shape)) => found.extend(shape.into_iter().flat_map(|shape| shape.warnings)),
        Ok(Err(problems)) => found.extend(problems),
        // Dropped since the list was made.
        Err(error) if target.table.is_some() && error.sqlstate() == Some("42P01") => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

fn zone_is_known(client: &mut Client, settings: &QuerySettings, found: &mut Vec<Problem>) -> Result<bool, ClientError> {
    let Some(zone) = &settings.zone else { return Ok(true) };
    let query = format!("SELECT FROM pg_catalog.pg_timezone_names WHERE lower(name) = lower({})", sql::literal(zone));
    let known = !client.query(&query)?.is_empty();
    if !known {
        let cause = format!("The 'db.timezone' value is invalid: the server knows no zone '{zone}'");
        let remedy = "SELECT name FROM pg_timezone_names; -- has the names it knows";
        found.push(Problem::config("PROPERTY_INVALID", cause, remedy));
    }
    Ok(known)
}

/// The one target of a query.
pub(super) fn query_target(settings: &QuerySettings) -> Target {
    Target { table: None, shows_writers: false, topic: settings.prefix.clone() }
}

/// The tables as targets, and those that can not be one: two tables may not write into one topic.
pub(super) fn targets(settings: &QuerySettings, tables: &[CatalogTable]) -> (Vec<Target>, Vec<Problem>) {
    let (mut targets, mut problems) = (Vec::<Target>::new(), Vec::new());
    for table in tables {
        let topic = sanitize(&format!("{}{}", settings.prefix, table.name.table));
        if let Some(first) = targets.iter().find(|target| target.topic == topic) {
            let cause = format!("{} and {} would both write into the topic {topic}", first.label(), table.name);
            let remedy = "Read them with two connectors that have different prefixes: set 'schema.pattern' or 'table.whitelist' in each.";
            problems.push(Problem::config("TOPICS_COLLIDE", cause, remedy));
        } else if topic.len() > TOPIC_BYTES {
            let cause =
                format!("the topic of {} would have {} bytes; {TOPIC_BYTES} are the most", table.name, topic.len());
            problems.push(Problem::config("TOPIC_TOO_LONG", cause, "Choose a shorter 'topic.prefix'."));
        } else {
            let shows_writers = matches!(table.kind, Kind::Table | Kind::Partitioned);
            targets.push(Target { table: Some(table.name.clone()), shows_writers, topic });
        }
    }
    (targets, problems)
}

fn closed(table: &CatalogTable, settings: &QuerySettings) -> Option<Problem> {
    let user = sql::ident(&settings.connection.user);
    let (right, remedy) = match (table.schema_usage, table.can_select) {
        (true, true) => return None,
        (false, _) => {
            ("use its schema", format!("GRANT USAGE ON SCHEMA {} TO {user};", sql::ident(&table.name.schema)))
        }
        (true, false) => ("read it", format!("GRANT SELECT ON TABLE {} TO {user};", sql::table(&table.name))),
    };
    let cause = format!("{} can not be read: user \"{}\" may not {right}", table.name, settings.connection.user);
    Some(Problem::environment("PERMISSION_DENIED", cause, remedy))
}
