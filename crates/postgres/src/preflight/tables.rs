//! The tables: there, readable, with a key.

use std::collections::BTreeMap;

use tailwater_connector::Problem;
use tailwater_event::TableName;

use super::Check;
use crate::catalog::{self, CatalogTable, Kind, TableFacts};
use crate::client::{Client, ClientError};
use crate::filter;
use crate::limits::TOPIC_BYTES;
use crate::settings::{Settings, SnapshotMode};
use crate::sql;

/// Code of [`without_key`].
pub(crate) const TABLE_WITHOUT_KEY: &str = "TABLE_WITHOUT_KEY";
/// How many similar names are offered.
const NEAREST: usize = 3;
/// How similar a name must be to be offered.
const SIMILAR: f64 = 0.85;

/// Looks at the tables and gives back the captured ones.
pub(super) fn look(
    client: &mut Client,
    settings: &Settings,
    checks: &mut Vec<Check>,
) -> Result<Vec<TableFacts>, ClientError> {
    let all = catalog::list(client)?;
    let captured = catalog::captured(&all, &settings.filters, settings.partitions());
    names(settings, &all, &captured, checks);
    topics(settings, &captured, checks);
    let facts = catalog::describe(client, &captured)?;
    if settings.snapshot_mode != SnapshotMode::NoData {
        grants(settings, &captured, checks);
        row_security(settings, &captured, checks);
    }
    keys(settings, &facts, checks);
    signals(client, settings, &all, checks)?;
    Ok(facts)
}

/// The signal table is there, and takes the marks of incremental snapshots.
fn signals(
    client: &mut Client,
    settings: &Settings,
    all: &[CatalogTable],
    checks: &mut Vec<Check>,
) -> Result<(), ClientError> {
    const TITLE: &str = "signal table";
    let Some(name) = &settings.signals.table else { return Ok(()) };
    let subject = name.to_string();
    let Some(table) = all.iter().find(|t| t.name == *name && t.kind == Kind::Table) else {
        let cause = format!("there is no table {name}, which 'signal.data.collection' names");
        let problem = Problem::config("SIGNAL_TABLE", cause, settings.signals.remedy(name, settings));
        checks.push(Check::found("signals", TITLE, subject, problem.warning()));
        return Ok(());
    };
    let rights = if settings.incremental.insert_delete { "INSERT, DELETE" } else { "INSERT" };
    let may = rights.split(", ").map(|right| format!("pg_catalog.has_table_privilege({}, '{right}')", table.oid));
    let rows = client.query(&format!("SELECT {}", may.collect::<Vec<_>>().join(" AND ")))?;
    if settings.incremental.read_only || rows.first().is_some_and(|row| row.flag(0)) {
        checks.push(Check::ok("signals", TITLE, subject));
        return Ok(());
    }
    let cause = format!("incremental snapshots can not write their marks into {name}");
    let problem = Problem::environment("SIGNAL_TABLE", cause, settings.signals.remedy(name, settings));
    checks.push(Check::found("signals", TITLE, subject, problem.warning()));
    Ok(())
}

/// Every include pattern finds a table that can be captured.
fn names(settings: &Settings, all: &[CatalogTable], captured: &[CatalogTable], checks: &mut Vec<Check>) {
    const TITLE: &str = "captured tables";
    let captured_names: Vec<TableName> = captured.iter().map(|t| t.name.clone()).collect();
    let severity = |problem: Problem| if settings.require_tables { problem } else { problem.warning() };
    let unmatched = settings.filters.unmatched(&captured_names);
    for pattern in &unmatched {
        let matches = |t: &&CatalogTable| {
            filter::compile(pattern).is_ok_and(|p| p.is_match(&t.name.to_string()) || p.is_match(&t.name.schema))
        };
        // An excluded table is no riddle, a view is.
        let other = all.iter().filter(matches).find(|t| t.kind != Kind::Table || !t.logged);
        let problem = match other {
            Some(table) => wrong_kind(table),
            None => missing(pattern, all, settings.require_tables),
        };
        checks.push(Check::found("names", TITLE, pattern.clone(), severity(problem)));
    }
    if captured.is_empty() && unmatched.is_empty() {
        let cause = format!("database \"{}\" has no table to capture yet", settings.connection.database);
        let remedy = "Create a table, or check the include and exclude lists.";
        checks.push(Check::found("names", TITLE, "none", severity(Problem::config("NO_TABLES", cause, remedy))));
    } else if !captured.is_empty() {
        let list = captured_names.iter().take(10).map(TableName::to_string).collect::<Vec<_>>().join(", ");
        let more = captured.len().saturating_sub(10);
        let list = if more > 0 { format!("{list} and {more} more") } else { list };
        checks.push(Check::ok("names", TITLE, list));
    }
}

/// Every table has a topic of its own, whose name Kafka allows.
fn topics(settings: &Settings, captured: &[CatalogTable], checks: &mut Vec<Check>) {
    const TITLE: &str = "topic names";
    let mut tables: BTreeMap<String, Vec<&TableName>> = BTreeMap::new();
    for table in captured {
        tables.entry(settings.naming.topic(&table.name)).or_default().push(&table.name);
    }
    for (topic, tables) in tables {
        let (shared, tables) = (tables.len() > 1, list(tables));
        if topic.len() > TOPIC_BYTES {
            let cause =
                format!("the topic of {tables} would have a name of {} bytes; {TOPIC_BYTES} are allowed", topic.len());
            let problem =
                Problem::config("TOPIC_TOO_LONG", cause, "Choose a shorter 'topic.prefix', or exclude the table.");
            checks.push(Check::found("topics", TITLE, topic, problem));
        } else if shared && !settings.naming.merges() {
            let cause = format!("the changes of {tables} come in one topic, {topic}");
            let problem = Problem::config("TOPIC_SHARED", cause, "Rename one of them, or exclude it.");
            checks.push(Check::found("topics", TITLE, topic, problem.warning()));
        }
    }
}

fn missing(pattern: &str, all: &[CatalogTable], required: bool) -> Problem {
    let near = nearest(&filter::plain(pattern), all);
    let mut remedy = match near.len() {
        0 => "Check the spelling; a table is named SCHEMA.TABLE.".to_owned(),
        _ => format!("Did you mean {}?", near.join(" or ")),
    };
    if !required {
        remedy += " The table is captured as soon as it exists.";
    }
    Problem::config("TABLE_MISSING", format!("no table matches '{pattern}'"), remedy)
}

fn wrong_kind(table: &CatalogTable) -> Problem {
    let name = &table.name;
    let quoted = sql::table(name);
    let (what, remedy) = match table.kind {
        Kind::View => ("a view", "Capture the tables that it reads.".to_owned()),
        Kind::MaterializedView => ("a materialized view", "Capture the tables that it reads.".to_owned()),
        Kind::Foreign => ("a foreign table", "Capture it on the server where it lives.".to_owned()),
        Kind::Partitioned => (
            "partitioned, and changes come under the names of its partitions",
            "Set \"publish.via.partition.root\": \"true\", or include the partitions.".to_owned(),
        ),
        Kind::Table => ("unlogged, so its changes are not in the log", format!("ALTER TABLE {quoted} SET LOGGED;")),
    };
    Problem::config("TABLE_NOT_CAPTURABLE", format!("{name} is {what}"), remedy)
}

/// The most similar names, best first. A name without its schema counts as similar.
fn nearest(wanted: &str, all: &[CatalogTable]) -> Vec<String> {
    let wanted = wanted.to_lowercase();
    let score = |name: &TableName| {
        let table = name.table.to_lowercase();
        match wanted.split_once('.') {
            Some((schema, wanted)) => {
                strsim::jaro_winkler(&name.schema.to_lowercase(), schema).min(strsim::jaro_winkler(&table, wanted))
            }
            None => strsim::jaro_winkler(&table, &wanted),
        }
    };
    let mut scored: Vec<_> = all
        .iter()
        .filter(|t| t.logged)
        .map(|t| (score(&t.name), t.name.to_string()))
        .filter(|(s, _)| *s >= SIMILAR)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(NEAREST).map(|(_, name)| name).collect()
}

/// The snapshot may read every captured table.
fn grants(settings: &Settings, captured: &[CatalogTable], checks: &mut Vec<Check>) {
    const TITLE: &str = "right to read";
    let role = sql::ident(&settings.connection.user);
    let denied: Vec<_> = captured.iter().filter(|t| !t.can_select || !t.schema_usage).collect();
    if denied.is_empty() {
        checks.push(Check::ok("grants", TITLE, format!("{} tables", captured.len())));
        return;
    }
    let mut schemas: Vec<_> = denied.iter().filter(|t| !t.schema_usage).map(|t| t.name.schema.as_str()).collect();
    schemas.dedup();
    let mut statements: Vec<_> =
        schemas.iter().map(|s| format!("GRANT USAGE ON SCHEMA {} TO {role};", sql::ident(s))).collect();
    let unreadable: Vec<_> = denied.iter().filter(|t| !t.can_select).map(|t| &t.name).collect();
    if !unreadable.is_empty() {
        statements.push(format!("GRANT SELECT ON {} TO {role};", sql::tables(unreadable)));
    }
    let list = list(denied.iter().map(|t| &t.name));
    let cause = format!("user \"{}\" may not read {list}", settings.connection.user);
    let problem = Problem::environment("SELECT_DENIED", cause, statements.join(" "));
    checks.push(Check::found("grants", TITLE, list, problem));
}

/// Row-level security would leave rows out of the snapshot without a word; the log has them all.
fn row_security(settings: &Settings, captured: &[CatalogTable], checks: &mut Vec<Check>) {
    let hidden: Vec<_> = captured.iter().filter(|t| t.row_security).map(|t| &t.name).collect();
    if hidden.is_empty() {
        return;
    }
    let (user, list) = (&settings.connection.user, list(hidden));
    let problem = Problem::environment(
        "ROW_SECURITY",
        format!("row-level security hides rows of {list} from user \"{user}\"; the snapshot would be incomplete"),
        format!("ALTER ROLE {} BYPASSRLS;", sql::ident(user)),
    );
    checks.push(Check::found("kinds", "row-level security", list, problem));
}

/// Rows have a key, and old rows can be told apart.
fn keys(settings: &Settings, facts: &[TableFacts], checks: &mut Vec<Check>) {
    const TITLE: &str = "keys";
    let mut keyless = Vec::new();
    for table in facts {
        let name = &table.table.name;
        let columns: Vec<_> = table.columns.iter().map(|c| c.name.as_str()).collect();
        let wanted = settings.keys.custom(name).unwrap_or_default();
        for absent in wanted.iter().filter(|c| !columns.contains(&c.as_str())) {
            let cause = format!("'message.key.columns' names column {absent}, which {name} does not have");
            let remedy = format!("Use some of: {}.", columns.join(", "));
            let problem = Problem::config("KEY_COLUMN_MISSING", cause, remedy);
            checks.push(Check::found("identity", TITLE, name.to_string(), problem));
        }
        if !table.table.usable_identity {
            keyless.push(name);
        }
    }
    if keyless.is_empty() {
        checks.push(Check::ok("identity", TITLE, format!("{} tables", facts.len())));
        return;
    }
    let problem = without_key(&keyless);
    checks.push(Check::found("identity", TITLE, list(keyless), problem));
}

/// The warning about tables whose old rows the server can not tell apart.
pub(crate) fn without_key(tables: &[&TableName]) -> Problem {
    let remedy: Vec<_> =
        tables.iter().map(|t| format!("ALTER TABLE {} REPLICA IDENTITY FULL;", sql::table(t))).collect();
    Problem::config(
        TABLE_WITHOUT_KEY,
        format!(
            "{} has no usable replica identity: only inserts and truncates can be captured",
            list(tables.iter().copied())
        ),
        format!("Add a primary key, or: {}", remedy.join(" ")),
    )
    .warning()
}

fn list<'a>(names: impl IntoIterator<Item = &'a TableName>) -> String {
    names.into_iter().map(TableName::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use tailwater_event::ReplicaIdentity;

    use super::*;

    fn tables(names: &[&str]) -> Vec<CatalogTable> {
        let table = |name: &&str| {
            let (schema, table) = name.split_once('.').unwrap();
            CatalogTable {
                oid: 0,
                name: TableName::new(schema, table),
                kind: Kind::Table,
                logged: true,
                parent: None,
                identity: ReplicaIdentity::Default,
                usable_identity: true,
                row_security: false,
                owner: String::new(),
                owned: true,
                schema_usage: true,
                can_select: true,
                estimated_rows: 0,
            }
        };
        names.iter().map(table).collect()
    }

    #[test]
    fn a_misspelt_table_is_answered_with_the_nearest() {
        let all = tables(&["public.customers", "public.orders", "bank.holding"]);
        assert_eq!(nearest("public.custmers", &all), ["public.customers"]);
        assert_eq!(nearest("customers", &all), ["public.customers"]);
        assert_eq!(nearest("banks.holding", &all), ["bank.holding"]);
        assert_eq!(nearest("public.zebra", &all), Vec::<String>::new());
    }
}
