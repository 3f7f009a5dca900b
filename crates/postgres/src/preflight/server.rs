//! The server: version, log level, rights, room, and what would make a start slow.

use tailwater_connector::Problem;

use super::Check;
use super::platform::{self, Platform};
use crate::client::{Client, ClientError};
use crate::filter::Rule;
use crate::limits::LONG_TRANSACTION_S;
use crate::problem;
use crate::settings::Settings;
use crate::slot;
use crate::sql;

/// Oldest server that logical replication through pgoutput works with.
const OLDEST: u32 = 100_000;
/// Oldest server that is supported.
const SUPPORTED: u32 = 140_000;
/// First server with `publish_via_partition_root`.
const VIA_ROOT: u32 = 130_000;

pub(super) fn look(client: &mut Client, settings: &Settings, checks: &mut Vec<Check>) -> Result<(), ClientError> {
    checks.push(version(client, settings)?);
    if let Some(problem) = old_minor(client.server_version_num()) {
        checks.push(Check::found("version", "server version", "a minor version with a known fault", problem));
    }
    for problem in asked_for_in_vain(client.server_version_num(), settings) {
        checks.push(Check::found("version", "server version", "too old for a property", problem));
    }
    let row = one(
        client,
        "SELECT coalesce(current_setting('effective_wal_level', true), current_setting('wal_level')), \
         pg_is_in_recovery(), coalesce(current_setting('max_slot_wal_keep_size', true), '-1')",
    )?;
    let platform = platform::look(client)?;
    let [wal_level, in_recovery, keep] = [row.text(0), row.text(1), row.text(2)];
    checks.push(match wal_level {
        "logical" => Check::ok("wal", "log level", wal_level),
        found => {
            let remedy = platform.set("wal_level", "logical");
            Check::found("wal", "log level", found, Problem { remedy, ..problem::wal_level(found) })
        }
    });
    if in_recovery == "t" && client.server_version_num() < 160_000 {
        let cause = "the server is a standby, and standbys decode changes from PostgreSQL 16 on only";
        let remedy = "Connect to the primary server.";
        checks.push(Check::found("standby", "primary", "standby", Problem::environment("STANDBY", cause, remedy)));
    }
    role(client, settings, &platform, checks)?;
    room(client, settings, &platform, checks)?;
    let kept = match keep {
        "-1" => "no limit: a connector that stays stopped may fill the disk; see max_slot_wal_keep_size".to_owned(),
        limit => format!("max_slot_wal_keep_size = {limit}"),
    };
    checks.push(Check::ok("retention", "log kept for slots", kept));
    transactions(client, settings, checks)
}

fn version(client: &mut Client, settings: &Settings) -> Result<Check, ClientError> {
    const TITLE: &str = "server version";
    let number = client.server_version_num();
    let version = one(client, "SELECT current_setting('server_version')")?.text(0).to_owned();
    let upgrade = "Upgrade the server to PostgreSQL 14 or later.";
    Ok(if number < OLDEST {
        let cause = format!("PostgreSQL {version} has no logical replication through pgoutput");
        Check::found("version", TITLE, version, Problem::environment("VERSION_UNSUPPORTED", cause, upgrade))
    } else if number < VIA_ROOT && settings.publication.via_root {
        let cause = format!("PostgreSQL {version} knows no 'publish.via.partition.root'; it came with 13");
        let remedy =
            "Remove 'publish.via.partition.root' (changes then carry the partitions' names), or upgrade the server.";
        Check::found("version", TITLE, version, Problem::environment("VERSION_LACKS", cause, remedy))
    } else if number < SUPPORTED {
        let cause = format!("PostgreSQL {version} is out of maintenance, and lacks: {}", lacks(number).join("; "));
        Check::found("version", TITLE, version, Problem::environment("VERSION_OLD", cause, upgrade).warning())
    } else {
        Check::ok("version", TITLE, version)
    })
}

/// A minor version that decodes changes with an old catalog when a publication or a type is altered beside an open
/// writer: the changes that follow are lost (PostgreSQL's release notes of May 2025).
fn old_minor(version: u32) -> Option<Problem> {
    let (major, minor) = (version / 10_000, version % 10_000);
    let mended = match major {
        14 => 18,
        15 => 13,
        16 => 9,
        17 => 5,
        _ => return None,
    };
    (minor < mended).then(|| {
        let cause = format!(
            "PostgreSQL {major}.{minor} can lose changes when a publication or a type is altered while transactions run"
        );
        let remedy = format!("Upgrade the server to {major}.{mended} or later.");
        Problem::environment("VERSION_MINOR", cause, remedy).warning()
    })
}

/// Properties that this server has nothing for.
fn asked_for_in_vain(version: u32, settings: &Settings) -> Vec<Problem> {
    let filters_messages = !matches!(settings.message_filter, Rule::All);
    let asked = [
        (settings.slot.failover, 170_000, "slot.failover", "slots survive a failover"),
        (filters_messages, 140_000, "message.prefix.*", "logical messages are sent"),
    ];
    let vain = asked.into_iter().filter(|(is_asked, since, ..)| *is_asked && version < *since);
    vain.map(|(_, since, name, what)| {
        let major = since / 10_000;
        Problem::environment(
            "VERSION_LACKS",
            format!("'{name}' has no effect on this server: only from PostgreSQL {major} on {what}"),
            format!("Remove '{name}', or upgrade the server to PostgreSQL {major}."),
        )
        .warning()
    })
    .collect()
}

/// What servers before 14 can not give, in the reader's words. From PostgreSQL's release notes.
fn lacks(number: u32) -> Vec<&'static str> {
    let since = [
        (110_000, "events of TRUNCATE (11)"),
        (VIA_ROOT, "partitions under the name of their table (13)"),
        (130_000, "a limit of the log kept for slots (13)"),
        (140_000, "messages of pg_logical_emit_message (14)"),
    ];
    since.iter().filter(|(version, _)| number < *version).map(|(_, what)| *what).collect()
}

/// The right to replicate; when it is there, whether a replication session is let in.
fn role(
    client: &mut Client,
    settings: &Settings,
    platform: &Platform,
    checks: &mut Vec<Check>,
) -> Result<(), ClientError> {
    const TITLE: &str = "right to replicate";
    // Some hosted services give the right through membership in a role of their own.
    let row = one(
        client,
        "SELECT r.rolsuper, r.rolreplication, EXISTS (SELECT FROM pg_catalog.pg_roles g \
           WHERE g.rolname = 'rds_replication' AND pg_catalog.pg_has_role(r.oid, g.oid, 'MEMBER')), r.rolname \
         FROM pg_catalog.pg_roles r WHERE r.rolname = current_user",
    )?;
    if !(row.flag(0) || row.flag(1) || row.flag(2)) {
        let cause = format!("user \"{}\" has no right to replicate", row.text(3));
        let remedy = platform.let_replicate(&sql::ident(row.text(3)));
        let problem = Problem::environment("ROLE_NOT_REPLICATION", cause, remedy);
        checks.push(Check::found("role", TITLE, "REPLICATION is missing", problem));
        return Ok(());
    }
    checks.push(Check::ok("role", TITLE, if row.flag(0) { "superuser" } else { "REPLICATION" }));
    match Client::connect(&settings.connection, true).and_then(|mut c| c.execute("IDENTIFY_SYSTEM")) {
        Ok(()) => checks.push(Check::ok("hba", "replication session", "let in")),
        // Room is another check, with a better remedy.
        Err(error) if error.sqlstate() == Some("53300") => {}
        Err(error) => {
            let problem = problem::of(&error, &settings.connection);
            checks.push(Check::found("hba", "replication session", "refused", problem));
        }
    }
    Ok(())
}

fn room(
    client: &mut Client,
    settings: &Settings,
    platform: &Platform,
    checks: &mut Vec<Check>,
) -> Result<(), ClientError> {
    let row = one(
        client,
        "SELECT current_setting('max_replication_slots')::int, \
           (SELECT count(*) FROM pg_catalog.pg_replication_slots), \
           current_setting('max_wal_senders')::int, (SELECT count(*) FROM pg_catalog.pg_stat_replication)",
    )?;
    let number = |index: usize| row.text(index).parse::<u64>().unwrap_or_default();
    let (slots, slots_used, senders, senders_used) = (number(0), number(1), number(2), number(3));
    let observed = format!("{slots_used} of {slots} used");
    let exists = slot::inspect(client, &settings.slot.name)?.is_some();
    checks.push(if slots_used < slots || exists {
        Check::ok("slots", "replication slots", observed)
    } else {
        let drops: Vec<_> = slot::idle(client)?
            .iter()
            .map(|s| format!("SELECT pg_drop_replication_slot({});", sql::literal(&s.name)))
            .collect();
        let mut problem = problem::no_free_slot(&observed);
        problem.remedy = platform.set("max_replication_slots", &(slots + 10).to_string());
        if !drops.is_empty() {
            problem.remedy += &format!("\n-- or drop a slot that nobody needs any more: {}", drops.join(" "));
        }
        Check::found("slots", "replication slots", observed, problem)
    });
    let observed = format!("{senders_used} of {senders} used");
    checks.push(if senders_used < senders {
        Check::ok("senders", "log senders", observed)
    } else {
        let cause = format!("the server has no free log sender: {observed}");
        let remedy = platform.set("max_wal_senders", &(senders + 10).to_string());
        Check::found("senders", "log senders", observed, Problem::environment("NO_FREE_SENDER", cause, remedy))
    });
    Ok(())
}

/// A new slot waits for every transaction that is open when it is made.
fn transactions(client: &mut Client, settings: &Settings, checks: &mut Vec<Check>) -> Result<(), ClientError> {
    const TITLE: &str = "open transactions";
    if slot::inspect(client, &settings.slot.name)?.is_some() {
        return Ok(());
    }
    let rows = client.query(&format!(
        "SELECT 'process ' || pid, 'SELECT pg_terminate_backend(' || pid || ');' FROM pg_catalog.pg_stat_activity \
           WHERE backend_xid IS NOT NULL AND xact_start < now() - interval '{LONG_TRANSACTION_S} s' \
         UNION ALL SELECT 'prepared transaction ' || gid, 'ROLLBACK PREPARED ' || quote_literal(gid) || ';' \
           FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()"
    ))?;
    if rows.is_empty() {
        checks.push(Check::ok("txn", TITLE, "none that is long"));
        return Ok(());
    }
    let who = rows.iter().map(|r| r.text(0)).collect::<Vec<_>>().join(", ");
    let how = rows.iter().map(|r| r.text(1)).collect::<Vec<_>>().join(" ");
    let problem = Problem::environment(
        "LONG_TRANSACTION",
        format!("a new slot has to wait for open transactions: {who}"),
        format!("Wait until they end, or end them: {how}"),
    );
    checks.push(Check::found("txn", TITLE, who, problem.warning()));
    Ok(())
}

/// The only row of a query that always has one.
fn one(client: &mut Client, query: &str) -> Result<crate::client::Row, ClientError> {
    let missing = || ClientError::Protocol("a query that always has a row had none".to_owned());
    client.query(query)?.into_iter().next().ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::{lacks, old_minor};

    #[test]
    fn an_old_server_is_told_what_it_lacks() {
        assert_eq!(lacks(100_023).len(), 4);
        assert_eq!(lacks(130_023), ["messages of pg_logical_emit_message (14)"]);
        assert!(lacks(140_000).is_empty());
    }

    #[test]
    fn minor_versions_with_the_fault_are_named_and_later_ones_are_not() {
        for (version, faulty) in [(140_017, true), (150_012, true), (150_013, false), (170_004, true), (180_000, false)]
        {
            assert_eq!(old_minor(version).is_some(), faulty, "{version}");
        }
    }
}
