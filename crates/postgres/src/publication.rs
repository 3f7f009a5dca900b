//! The publications: which changes the server sends.
//!
//! Mode `filtered`, ours when unset, publishes exactly the captured tables. Captured tables without usable identity go
//! into a second publication of inserts and truncates: the server would refuse the application's updates and deletes
//! of a table whose updates are published but whose old rows can not be told apart. What stands already is compared
//! first; a publication that fits is not touched.

use std::collections::BTreeSet;

use tailwater_connector::Problem;
use tailwater_event::TableName;

use crate::catalog::{self, Kind, TableFacts};
use crate::client::{Client, ClientError, ConnectionSettings};
use crate::limits::PUBLISH_PATIENCE;
use crate::lock;
use crate::problem;
use crate::settings::{Autocreate, PublicationSettings, SkippedOperations};
use crate::sql;

/// First server that publishes truncates.
const TRUNCATES: u32 = 110_000;
const ALL: Operations = Operations { insert: true, update: true, delete: true, truncate: true };

/// What is to be done so that the publications fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Statements, in order; empty when everything stands.
    pub statements: Vec<String>,
    /// The publications to stream from, once the statements ran.
    pub names: Vec<String>,
    /// Why it can not be done, or what the reader should know.
    pub problems: Vec<Problem>,
}

/// What a publication publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Operations {
    insert: bool,
    update: bool,
    delete: bool,
    truncate: bool,
}

/// A publication as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Publication {
    all_tables: bool,
    operations: Operations,
    via_root: bool,
    /// Tables that were named.
    tables: BTreeSet<TableName>,
    /// Tables that are published in the end, also through a schema or a partitioned table.
    published: BTreeSet<TableName>,
    /// Whether a row filter or a column list would leave data out.
    narrowed: bool,
}

impl Operations {
    /// What the connector makes events of: the server sends no more.
    fn wanted(settings: &PublicationSettings, version: u32) -> Operations {
        let SkippedOperations { create, update, delete, truncate, .. } = settings.unwanted;
        Operations { insert: !create, update: !update, delete: !delete, truncate: !truncate && version >= TRUNCATES }
    }

    /// Those that need no identity.
    fn without_identity(self) -> Operations {
        Operations { update: false, delete: false, ..self }
    }

    fn cover(self, other: Operations) -> bool {
        (self.insert || !other.insert)
            && (self.update || !other.update)
            && (self.delete || !other.delete)
            && (self.truncate || !other.truncate)
    }
}

impl Changes {
    /// The statements as one script.
    pub fn script(&self) -> String {
        self.statements.iter().map(|s| format!("{s};")).collect::<Vec<_>>().join(" ")
    }
}

/// Compares what stands with what the captured tables need. Changes nothing.
pub fn plan(
    client: &mut Client,
    settings: &PublicationSettings,
    captured: &[TableFacts],
) -> Result<Changes, ClientError> {
    let found = inspect(client, &settings.name)?;
    let mut changes = Changes { names: vec![settings.name.clone()], ..Changes::default() };
    let name = sql::ident(&settings.name);
    let wanted = Operations::wanted(settings, client.server_version_num());
    let made = options(wanted, settings.via_root);
    match (settings.mode, found) {
        (Autocreate::Disabled, None) => changes.problems.push(missing(settings, captured, wanted)),
        (Autocreate::AllTables, None) => {
            let all = catalog::list(client)?;
            let keyless =
                all.iter().filter(|table| table.kind == Kind::Table && table.logged && !table.usable_identity);
            changes.problems.extend(writes_refused(settings, keyless.map(|table| &table.name).collect(), wanted));
            changes.statements.push(format!("CREATE PUBLICATION {name} FOR ALL TABLES{made}"));
        }
        (Autocreate::NoTables, None) => {
            changes.statements.push(format!("CREATE PUBLICATION {name}{made}"));
        }
        (Autocreate::Filtered, found) => filtered(client, settings, captured, found, &mut changes)?,
        (_, Some(found)) => changes.problems.extend(left_out(settings, captured, &found, wanted)),
    }
    Ok(changes)
}

/// Makes what [`plan`] asks for, and says which publications to stream from.
pub fn ensure(
    client: &mut Client,
    settings: &PublicationSettings,
    captured: &[TableFacts],
    connection: &ConnectionSettings,
) -> Result<Vec<String>, Problem> {
    let to_problem = |error: ClientError| problem::of(&error, connection);
    let changes = plan(client, settings, captured).map_err(to_problem)?;
    if let Some(problem) = changes.problems.iter().find(|p| p.is_error()) {
        return Err(problem.clone());
    }
    if !changes.statements.is_empty() {
        // One query is one transaction: a table that moves between the publications is never in neither of them.
        let script = changes.script();
        let patience = PUBLISH_PATIENCE.as_millis();
        if let Err(error) = client.execute(&format!("SET LOCAL lock_timeout = {patience}; {script}")) {
            return Err(match error.sqlstate() {
                Some("42501") => denied(&script, &why(&error)),
                Some("55P03") => {
                    let changed = |facts: &&TableFacts| script.contains(&sql::table(&facts.table.name));
                    let tables = captured.iter().filter(changed).map(|facts| (facts.table.oid, &facts.table.name));
                    let tables: Vec<_> = tables.collect();
                    lock::held(client, lock::PUBLISHED, &tables).unwrap_or_else(to_problem)
                }
                _ => to_problem(error),
            });
        }
    }
    Ok(changes.names)
}

/// Drops the publications that [`ensure`] makes; nothing happens where there is none.
pub fn remove(client: &mut Client, settings: &PublicationSettings) -> Result<(), ClientError> {
    for name in [settings.name.clone(), settings.inserts_name()] {
        client.execute(&format!("DROP PUBLICATION IF EXISTS {}", sql::ident(&name)))?;
    }
    Ok(())
}

/// A right that is missing, with the statements that somebody who has it must run.
pub(crate) fn denied(script: &str, why: &str) -> Problem {
    Problem::environment(
        "PUBLICATION_DENIED",
        format!("the publication can not be made: {why}"),
        format!("{script} -- as a role that may; a publication that fits is left alone"),
    )
}

fn why(error: &ClientError) -> String {
    match error {
        ClientError::Server(answer) => answer.message.clone(),
        other => other.to_string(),
    }
}

fn filtered(
    client: &mut Client,
    settings: &PublicationSettings,
    captured: &[TableFacts],
    main: Option<Publication>,
    changes: &mut Changes,
) -> Result<(), ClientError> {
    let names = |usable: bool| -> BTreeSet<TableName> {
        captured.iter().filter(|t| t.table.usable_identity == usable).map(|t| t.table.name.clone()).collect()
    };
    let wanted = Operations::wanted(settings, client.server_version_num());
    let inserts_name = settings.inserts_name();
    let inserts = inspect(client, &inserts_name)?;
    if let Some(found) = main.as_ref().filter(|p| p.all_tables) {
        changes.problems.push(Problem::config(
            "PUBLICATION_ALL_TABLES",
            format!("publication \"{}\" is FOR ALL TABLES; it can not be kept to the captured ones", settings.name),
            "Set \"publication.autocreate.mode\": \"all_tables\", or choose another 'publication.name'.",
        ));
        changes.problems.extend(left_out(settings, captured, found, wanted));
        return Ok(());
    }
    // Made together, even empty: a table may join either later, and the server can not stream from a publication at a
    // position of the log that is older than the publication. Where somebody else made the first and it is enough, no
    // right to make the second is asked for.
    let second = main.is_none() || inserts.is_some() || !names(false).is_empty();
    let publications = [
        (settings.name.as_str(), names(true), wanted, main, true),
        (inserts_name.as_str(), names(false), wanted.without_identity(), inserts, second),
    ];
    for (name, tables, operations, found, wanted) in publications {
        let quoted = sql::ident(name);
        match found {
            None if wanted => {
                let list =
                    if tables.is_empty() { String::new() } else { format!(" FOR TABLE {}", sql::tables(&tables)) };
                changes
                    .statements
                    .push(format!("CREATE PUBLICATION {quoted}{list}{}", options(operations, settings.via_root)));
            }
            None => {}
            Some(found) => alter(&quoted, &tables, operations, settings.via_root, &found, changes),
        }
    }
    if second {
        changes.names.push(inserts_name);
    }
    Ok(())
}

/// Only what differs.
fn alter(
    quoted: &str,
    tables: &BTreeSet<TableName>,
    operations: Operations,
    via_root: bool,
    found: &Publication,
    changes: &mut Changes,
) {
    let surplus: Vec<_> = found.tables.difference(tables).collect();
    let missing: Vec<_> = tables.difference(&found.tables).collect();
    if !surplus.is_empty() {
        let list = surplus.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let cause = format!("publication {quoted} has tables that are not captured, and drops them: {list}");
        let remedy = "If another connector uses it, give each its own 'publication.name'.";
        changes.problems.push(Problem::config("PUBLICATION_NARROWED", cause, remedy).warning());
    }
    if found.narrowed && !tables.is_empty() {
        // Row filters and column lists are part of the tables' list.
        changes.statements.push(format!("ALTER PUBLICATION {quoted} SET TABLE {}", sql::tables(tables)));
    } else {
        if !surplus.is_empty() {
            changes.statements.push(format!("ALTER PUBLICATION {quoted} DROP TABLE {}", sql::tables(surplus)));
        }
        if !missing.is_empty() {
            changes.statements.push(format!("ALTER PUBLICATION {quoted} ADD TABLE {}", sql::tables(missing)));
        }
    }
    if found.operations != operations {
        changes.statements.push(format!("ALTER PUBLICATION {quoted} SET (publish = '{}')", words(operations)));
    }
    if found.via_root != via_root {
        changes.statements.push(format!("ALTER PUBLICATION {quoted} SET (publish_via_partition_root = {via_root})"));
    }
}

/// What an existing publication that is not ours to change keeps from us.
fn left_out(
    settings: &PublicationSettings,
    captured: &[TableFacts],
    found: &Publication,
    wanted: Operations,
) -> Vec<Problem> {
    let name = &settings.name;
    let mut problems = Vec::new();
    let absent: Vec<_> =
        captured.iter().map(|t| &t.table.name).filter(|t| !found.all_tables && !found.published.contains(t)).collect();
    if !absent.is_empty() && settings.mode != Autocreate::NoTables {
        let list = absent.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        problems.push(
            Problem::config(
                "PUBLICATION_INCOMPLETE",
                format!("publication \"{name}\" leaves out captured tables: {list}; their changes do not arrive"),
                format!("ALTER PUBLICATION {} ADD TABLE {};", sql::ident(name), sql::tables(absent)),
            )
            .warning(),
        );
    }
    if !found.operations.cover(wanted) {
        problems.push(
            Problem::config(
                "PUBLICATION_INCOMPLETE",
                format!("publication \"{name}\" publishes only: {}", words(found.operations)),
                format!("ALTER PUBLICATION {} SET (publish = '{}');", sql::ident(name), words(wanted)),
            )
            .warning(),
        );
    }
    let keyless = captured
        .iter()
        .filter(|t| !t.table.usable_identity && (found.all_tables || found.published.contains(&t.table.name)));
    problems.extend(writes_refused(settings, keyless.map(|t| &t.table.name).collect(), found.operations));
    problems
}

/// That a publication of updates or deletes takes the right to make them from the application, for these tables.
fn writes_refused(settings: &PublicationSettings, keyless: Vec<&TableName>, operations: Operations) -> Option<Problem> {
    if keyless.is_empty() || !(operations.update || operations.delete) {
        return None;
    }
    let list = keyless.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let identities = keyless.iter().map(|table| format!("ALTER TABLE {} REPLICA IDENTITY FULL;", sql::table(table)));
    let problem = Problem::config(
        "WRITES_REFUSED",
        format!(
            "publication \"{}\" makes the server refuse the application's updates and deletes of tables without identity: \
             {list}",
            settings.name
        ),
        format!(
            "Set \"publication.autocreate.mode\": \"filtered\", give the tables a primary key, or: {}",
            identities.collect::<Vec<_>>().join(" ")
        ),
    );
    Some(problem.warning())
}

fn missing(settings: &PublicationSettings, captured: &[TableFacts], wanted: Operations) -> Problem {
    let tables: Vec<_> = captured.iter().map(|t| &t.table.name).collect();
    let list = if tables.is_empty() { String::new() } else { format!(" FOR TABLE {}", sql::tables(tables)) };
    Problem::environment(
        problem::PUBLICATION_MISSING,
        format!("there is no publication \"{}\", and 'publication.autocreate.mode' is disabled", settings.name),
        format!("CREATE PUBLICATION {}{list}{};", sql::ident(&settings.name), options(wanted, settings.via_root)),
    )
}

fn options(operations: Operations, via_root: bool) -> String {
    let mut options = Vec::new();
    if operations != ALL {
        options.push(format!("publish = '{}'", words(operations)));
    }
    if via_root {
        options.push("publish_via_partition_root = true".to_owned());
    }
    if options.is_empty() { String::new() } else { format!(" WITH ({})", options.join(", ")) }
}

fn words(operations: Operations) -> String {
    let Operations { insert, update, delete, truncate } = operations;
    let all = [(insert, "insert"), (update, "update"), (delete, "delete"), (truncate, "truncate")];
    all.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
}

fn inspect(client: &mut Client, name: &str) -> Result<Option<Publication>, ClientError> {
    let version = client.server_version_num();
    // Truncate came with 11, publish_via_partition_root with 13, row filters, column lists and schemas with 15.
    let truncate = if version >= TRUNCATES { "pubtruncate" } else { "false" };
    let via_root = if version >= 130_000 { "pubviaroot" } else { "false" };
    let narrowed = if version >= 150_000 { "r.prqual IS NOT NULL OR r.prattrs IS NOT NULL" } else { "false" };
    let literal = sql::literal(name);
    let rows = client.query(&format!(
        "SELECT puballtables, pubinsert, pubupdate, pubdelete, {truncate}, {via_root} \
         FROM pg_catalog.pg_publication WHERE pubname = {literal}"
    ))?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut publication = Publication {
        all_tables: row.flag(0),
        operations: Operations { insert: row.flag(1), update: row.flag(2), delete: row.flag(3), truncate: row.flag(4) },
        via_root: row.flag(5),
        tables: BTreeSet::new(),
        published: BTreeSet::new(),
        narrowed: false,
    };
    let named = client.query(&format!(
        "SELECT n.nspname, c.relname, {narrowed} FROM pg_catalog.pg_publication_rel r \
         JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid JOIN pg_catalog.pg_class c ON c.oid = r.prrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE p.pubname = {literal}"
    ))?;
    publication.narrowed = named.iter().any(|r| r.flag(2));
    publication.tables = named.iter().map(|r| TableName::new(r.text(0), r.text(1))).collect();
    if !publication.all_tables {
        let published = client.query(&format!(
            "SELECT schemaname, tablename FROM pg_catalog.pg_publication_tables WHERE pubname = {literal}"
        ))?;
        publication.published = published.iter().map(|r| TableName::new(r.text(0), r.text(1))).collect();
    }
    Ok(Some(publication))
}
