//! Replication slots as the server shows them.

use tailwater_connector::Problem;
use tailwater_event::Lsn;

use crate::client::{Client, ClientError};
use crate::sql;

/// One row of `pg_replication_slots`. What a server does not have yet is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// Name.
    pub name: String,
    /// Output plugin; `None` for a physical slot.
    pub plugin: Option<String>,
    /// Database of a logical slot.
    pub database: Option<String>,
    /// Whether it ends with its session.
    pub temporary: bool,
    /// Process that streams from it now.
    pub active_pid: Option<i32>,
    /// Oldest log that the server keeps for it.
    pub restart_lsn: Option<Lsn>,
    /// Everything committed up to here was acknowledged; absent while the slot is being made.
    pub confirmed_flush_lsn: Option<Lsn>,
    /// `reserved`, `extended`, `unreserved` or `lost` (PostgreSQL 13).
    pub wal_status: Option<String>,
    /// Why it was given up (PostgreSQL 17; "conflicting" on 16).
    pub invalidation_reason: Option<String>,
    /// Whether it survives a failover (PostgreSQL 17).
    pub failover: bool,
}

impl Slot {
    /// Whether the server has given the slot up: its log is gone, it will never stream again.
    pub fn is_lost(&self) -> bool {
        self.wal_status.as_deref() == Some("lost") || self.invalidation_reason.is_some()
    }

    /// Why the slot can not serve this database through pgoutput; `None` when it can. Says nothing about who uses it.
    pub fn unusable(&self, database: &str) -> Option<Problem> {
        let drop = format!("SELECT pg_drop_replication_slot({});", sql::literal(&self.name));
        let name = &self.name;
        match &self.plugin {
            None => {
                let cause = format!("slot \"{name}\" is a physical slot; a logical one is needed");
                return Some(Problem::config("SLOT_WRONG_PLUGIN", cause, "Choose another 'slot.name'."));
            }
            Some(plugin) if plugin != "pgoutput" => {
                let cause = format!("slot \"{name}\" decodes with {plugin}; pgoutput is needed");
                let remedy = format!("Choose another 'slot.name', or, when nobody uses it any more: {drop}");
                return Some(Problem::config("SLOT_WRONG_PLUGIN", cause, remedy));
            }
            Some(_) => {}
        }
        if let Some(other) = self.database.as_deref().filter(|d| *d != database) {
            let cause = format!("slot \"{name}\" belongs to database \"{other}\", not to \"{database}\"");
            return Some(Problem::config("SLOT_OTHER_DATABASE", cause, "Choose another 'slot.name'."));
        }
        self.is_lost().then(|| {
            let reason = self.invalidation_reason.as_deref().unwrap_or("its log was removed");
            Problem::stop(
                "SLOT_LOST",
                format!("the server has given up slot \"{name}\": {reason}; the changes since then are gone"),
                format!("{drop} -- then start with a new snapshot; raise max_slot_wal_keep_size to keep more log"),
            )
        })
    }

    /// That somebody else streams from the slot.
    pub fn in_use(&self, client: &mut Client) -> Result<Option<Problem>, ClientError> {
        let Some(pid) = self.active_pid else { return Ok(None) };
        let rows = client.query(&format!(
            "SELECT application_name, coalesce(client_addr::text, 'local'), date_trunc('second', backend_start), usename \
             FROM pg_catalog.pg_stat_activity WHERE pid = {pid}"
        ))?;
        let who = rows.first().map_or_else(String::new, |r| {
            format!(" ({} of user {} from {}, since {})", r.text(0), r.text(3), r.text(1), r.text(2))
        });
        Ok(Some(Problem::retry(
            "SLOT_IN_USE",
            format!("slot \"{}\" is in use by process {pid}{who}", self.name),
            format!(
                "Stop the other reader, or choose another 'slot.name'. To end it: SELECT pg_terminate_backend({pid});"
            ),
        )))
    }
}

/// The slot of a name, if there is one.
pub fn inspect(client: &mut Client, name: &str) -> Result<Option<Slot>, ClientError> {
    let filter = format!("WHERE slot_name = {}", sql::literal(name));
    Ok(read(client, &filter)?.pop())
}

/// What a slot holds back on the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Where the server's log ends.
    pub log_end: u64,
    /// Bytes of log that are kept for it.
    pub retained_bytes: i64,
    /// Bytes of log after what was acknowledged.
    pub unconfirmed_bytes: i64,
    /// Bytes that can still be written before it is in danger; none without `max_slot_wal_keep_size` (PostgreSQL 13).
    pub safe_wal_bytes: Option<i64>,
    /// `reserved`, `extended`, `unreserved` or `lost` (PostgreSQL 13).
    pub wal_status: Option<String>,
    /// Transactions since the oldest one whose catalog rows it keeps from being vacuumed.
    pub catalog_xmin_age: i64,
    /// Bytes that decoding spilled to the server's disk so far (PostgreSQL 14).
    pub spilled_bytes: Option<i64>,
}

/// What the slot of a name holds back; none when there is no such slot.
pub fn held(client: &mut Client, name: &str) -> Result<Option<Held>, ClientError> {
    let version = client.server_version_num();
    let safe = if version >= 130_000 { "safe_wal_size, wal_status" } else { "NULL, NULL" };
    let spilled = if version >= 140_000 {
        "(SELECT spill_bytes FROM pg_catalog.pg_stat_replication_slots t WHERE t.slot_name = s.slot_name)"
    } else {
        "NULL"
    };
    let rows = client.query(&format!(
        "SELECT l.at, pg_catalog.pg_wal_lsn_diff(l.at, restart_lsn)::pg_catalog.int8, \
           pg_catalog.pg_wal_lsn_diff(l.at, confirmed_flush_lsn)::pg_catalog.int8, {safe}, \
           pg_catalog.age(catalog_xmin), {spilled} \
         FROM pg_catalog.pg_replication_slots s, \
           (SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() \
                   ELSE pg_catalog.pg_current_wal_lsn() END AS at) l WHERE slot_name = {}",
        sql::literal(name)
    ))?;
    let Some(row) = rows.first() else { return Ok(None) };
    let number = |index: usize| row.get(index).and_then(|text| text.parse::<i64>().ok());
    Ok(Some(Held {
        log_end: row.text(0).parse::<Lsn>().unwrap_or_default().0,
        retained_bytes: number(1).unwrap_or_default(),
        unconfirmed_bytes: number(2).unwrap_or_default(),
        safe_wal_bytes: number(3),
        wal_status: row.get(4).map(str::to_owned),
        catalog_xmin_age: number(5).unwrap_or_default(),
        spilled_bytes: number(6),
    }))
}

/// The oldest transaction whose catalog changes the slot needs: `source.xmin`.
pub fn catalog_xmin(client: &mut Client, name: &str) -> Result<Option<i64>, ClientError> {
    let filter = sql::literal(name);
    let rows = client
        .query(&format!("SELECT catalog_xmin FROM pg_catalog.pg_replication_slots WHERE slot_name = {filter}"))?;
    Ok(rows.first().and_then(|row| row.get(0)).and_then(|xmin| xmin.parse().ok()))
}

/// Slots that nobody uses, oldest log first: what may be dropped to make room.
pub fn idle(client: &mut Client) -> Result<Vec<Slot>, ClientError> {
    read(client, "WHERE NOT active ORDER BY restart_lsn")
}

/// Drops a slot; nothing happens when there is none.
pub fn remove(client: &mut Client, name: &str) -> Result<(), ClientError> {
    client.execute(&format!(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots WHERE slot_name = {}",
        sql::literal(name)
    ))
}

fn read(client: &mut Client, filter: &str) -> Result<Vec<Slot>, ClientError> {
    let version = client.server_version_num();
    let since = |at: u32, expression: &'static str| if version >= at { expression } else { "NULL" };
    let rows = client.query(&format!(
        "SELECT slot_name, plugin, database, temporary, active_pid, restart_lsn, confirmed_flush_lsn, {}, {}, {} \
         FROM pg_catalog.pg_replication_slots {filter}",
        since(130_000, "wal_status"),
        match version {
            170_000.. => "invalidation_reason",
            160_000.. => "CASE WHEN conflicting THEN 'a conflict with recovery' END",
            _ => "NULL",
        },
        since(170_000, "failover"),
    ))?;
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let lsn = |text: Option<&str>| text.and_then(|t| t.parse().ok());
    let slots = rows.iter().map(|r| Slot {
        name: r.text(0).to_owned(),
        plugin: owned(r.get(1)),
        database: owned(r.get(2)),
        temporary: r.flag(3),
        active_pid: r.get(4).and_then(|p| p.parse().ok()),
        restart_lsn: lsn(r.get(5)),
        confirmed_flush_lsn: lsn(r.get(6)),
        wal_status: owned(r.get(7)),
        invalidation_reason: owned(r.get(8)),
        failover: r.flag(9),
    });
    Ok(slots.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot() -> Slot {
        Slot { name: "s".into(), plugin: Some("pgoutput".into()), database: Some("d".into()), ..Slot::default() }
    }

    #[test]
    fn each_reason_why_a_slot_does_not_serve_has_its_code() {
        let code = |slot: Slot| slot.unusable("d").map(|p| p.code);
        assert_eq!(code(slot()), None);
        assert_eq!(code(Slot { plugin: None, ..slot() }).as_deref(), Some("SLOT_WRONG_PLUGIN"));
        assert_eq!(code(Slot { plugin: Some("wal2json".into()), ..slot() }).as_deref(), Some("SLOT_WRONG_PLUGIN"));
        assert_eq!(code(Slot { database: Some("e".into()), ..slot() }).as_deref(), Some("SLOT_OTHER_DATABASE"));
        assert_eq!(code(Slot { wal_status: Some("lost".into()), ..slot() }).as_deref(), Some("SLOT_LOST"));
        assert_eq!(code(Slot { wal_status: Some("unreserved".into()), ..slot() }), None);
        let invalid = Slot { invalidation_reason: Some("wal_removed".into()), ..slot() };
        assert_eq!(code(invalid).as_deref(), Some("SLOT_LOST"));
    }
}
