//! Slots that export a snapshot: the consistent point and a view of exactly what committed before it.

use tailwater_connector::Stop;
use tailwater_event::Lsn;

use super::files::Files;
use crate::client::{Client, ClientError};
use crate::settings::{Settings, SlotSettings};
use crate::sql;

/// An exported snapshot. It lives as long as this value: the session that made it runs nothing else.
pub(crate) struct Exported {
    _session: Client,
    /// For `SET TRANSACTION SNAPSHOT`.
    pub snapshot: String,
    /// What committed before it is in the snapshot, what commits after it is in the stream.
    pub consistent_point: u64,
    /// The tables' files before it was made.
    pub files: Files,
}

/// Makes the connector's slot. Waits for all transactions that run now.
pub(crate) fn make_slot(settings: &Settings, stop: &Stop, files: Files) -> Result<Exported, ClientError> {
    let SlotSettings { name, failover, .. } = &settings.slot;
    create(settings, stop, files, name, "", *failover)
}

/// Makes a slot that ends with its session, for its snapshot alone. Waits for all transactions that run now, so that
/// none of them wrote to a table before it was published and commits after the snapshot.
pub(crate) fn temporary(settings: &Settings, stop: &Stop, files: Files) -> Result<Exported, ClientError> {
    let name = format!("tailwater_{}", uuid::Uuid::now_v7().simple());
    create(settings, stop, files, &name, " TEMPORARY", false)
}

fn create(
    settings: &Settings,
    stop: &Stop,
    files: Files,
    name: &str,
    lifetime: &str,
    failover: bool,
) -> Result<Exported, ClientError> {
    let mut session = Client::connect(&settings.connection, true)?;
    session.interrupt_with(stop.clone());
    let options = match session.server_version_num() {
        170_000.. if failover => " (SNAPSHOT 'export', FAILOVER)",
        150_000.. => " (SNAPSHOT 'export')",
        _ => " EXPORT_SNAPSHOT",
    };
    let command = format!("CREATE_REPLICATION_SLOT {}{lifetime} LOGICAL pgoutput{options}", sql::ident(name));
    let rows = session.query(&command)?;
    let row = rows.first().ok_or_else(|| ClientError::Protocol("no answer to CREATE_REPLICATION_SLOT".into()))?;
    let consistent_point = row.text(1).parse::<Lsn>().map_err(|e| ClientError::Protocol(e.to_string()))?.0;
    Ok(Exported { snapshot: row.text(2).to_owned(), consistent_point, files, _session: session })
}
