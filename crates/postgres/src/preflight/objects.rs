//! What we make on the server: publications and the slot.

use tailwater_connector::Problem;

use super::Check;
use crate::catalog::TableFacts;
use crate::client::{Client, ClientError};
use crate::publication;
use crate::settings::{Autocreate, Settings, SnapshotMode};
use crate::slot;
use crate::sql;

pub(super) fn look(
    client: &mut Client,
    settings: &Settings,
    captured: &[TableFacts],
    checks: &mut Vec<Check>,
) -> Result<(), ClientError> {
    // A snapshot alone leaves nothing on the server.
    if settings.snapshot_mode == SnapshotMode::InitialOnly {
        return Ok(());
    }
    publications(client, settings, captured, checks)?;
    slot(client, settings, checks)
}

fn publications(
    client: &mut Client,
    settings: &Settings,
    captured: &[TableFacts],
    checks: &mut Vec<Check>,
) -> Result<(), ClientError> {
    const TITLE: &str = "publication";
    let name = &settings.publication.name;
    let changes = publication::plan(client, &settings.publication, captured)?;
    let faultless = changes.problems.is_empty();
    let script = changes.script();
    let is_empty = changes.statements.is_empty();
    for problem in changes.problems {
        checks.push(Check::found("publication", TITLE, name.clone(), problem));
    }
    match if is_empty { None } else { refusal(client, settings, captured)? } {
        Some(why) => {
            let problem = publication::denied(&script, &why);
            checks.push(Check::found("publication", TITLE, "may not be made", problem));
        }
        None if !faultless => {}
        None if is_empty => checks.push(Check::ok("publication", TITLE, format!("{name} fits"))),
        None => checks.push(Check::ok("publication", TITLE, format!("{name} will be made or changed"))),
    }
    Ok(())
}

/// Why this role may not make or change the publications; `None` when it may.
fn refusal(client: &mut Client, settings: &Settings, captured: &[TableFacts]) -> Result<Option<String>, ClientError> {
    let names = [&settings.publication.name, &settings.publication.inserts_name()].map(|n| sql::literal(n)).join(", ");
    let rows = client.query(&format!(
        "SELECT r.rolsuper, has_database_privilege(current_database(), 'CREATE'), pg_is_in_recovery(), \
           (SELECT string_agg(p.pubname, ', ') FROM pg_catalog.pg_publication p \
              WHERE p.pubname IN ({names}) AND NOT pg_has_role(p.pubowner, 'USAGE')) \
         FROM pg_catalog.pg_roles r WHERE r.rolname = current_user"
    ))?;
    let Some(row) = rows.first() else { return Ok(None) };
    let user = &settings.connection.user;
    if row.flag(2) {
        return Ok(Some("the server is a standby; it must be made on the primary".to_owned()));
    }
    if row.flag(0) {
        return Ok(None);
    }
    if settings.publication.mode == Autocreate::AllTables {
        return Ok(Some("FOR ALL TABLES takes a superuser".to_owned()));
    }
    if !row.flag(1) {
        let database = &settings.connection.database;
        return Ok(Some(format!("user \"{user}\" lacks CREATE on database \"{database}\"")));
    }
    if let Some(foreign) = row.get(3) {
        return Ok(Some(format!("user \"{user}\" does not own {foreign}")));
    }
    let foreign: Vec<_> = captured.iter().filter(|t| !t.table.owned).map(|t| t.table.name.to_string()).collect();
    let owners = settings.publication.mode == Autocreate::Filtered && !foreign.is_empty();
    Ok(owners.then(|| format!("user \"{user}\" does not own {}", foreign.join(", "))))
}

fn slot(client: &mut Client, settings: &Settings, checks: &mut Vec<Check>) -> Result<(), ClientError> {
    const TITLE: &str = "replication slot";
    let name = &settings.slot.name;
    let Some(slot) = slot::inspect(client, name)? else {
        checks.push(Check::ok("slot", TITLE, format!("{name} will be made")));
        return Ok(());
    };
    let mut problems: Vec<Problem> = slot.unusable(&settings.connection.database).into_iter().collect();
    problems.extend(slot.in_use(client)?);
    if slot.wal_status.as_deref() == Some("unreserved") {
        problems.push(
            Problem::environment(
                "SLOT_AT_RISK",
                format!(
                    "slot \"{name}\" holds more log than max_slot_wal_keep_size allows; the next checkpoint may end it"
                ),
                "ALTER SYSTEM SET max_slot_wal_keep_size = -1; SELECT pg_reload_conf();",
            )
            .warning(),
        );
    }
    if problems.is_empty() {
        let position = slot.confirmed_flush_lsn.map_or_else(String::new, |lsn| format!(" at {lsn}"));
        checks.push(Check::ok("slot", TITLE, format!("{name}{position}")));
    }
    for problem in problems {
        checks.push(Check::found("slot", TITLE, name.clone(), problem));
    }
    Ok(())
}
