//! The log source's position in Debezium's form, so that people see what they know and a position of Debezium can be taken
//! over: partition `{"server": PREFIX}`, offset `{"lsn", "lsn_commit", "lsn_proc"}`.
//!
//! Of a position that is taken over, `lsn_commit` counts (the end of the last transaction that was written in full), or, behind
//! a snapshot, `lsn`. What lies after it comes again; nothing is left out as long as the slot is not beyond it, which every
//! start checks.

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use tailwater_connector::{Durable, Offset, Problem, SourceWriter};
use tailwater_event::{Lsn, TableName};

use crate::client::{Client, ClientError};
use crate::position::Position;
use crate::settings::Settings;
use crate::state::{SignalsEntry, SlotEntry, State, TableEntry};
use crate::{catalog, problem, sql};

/// What is durable, if anything is.
pub(crate) fn shown(settings: &Settings, durable: &Durable) -> Vec<Offset> {
    let Ok(Some(position)) = Position::durable(durable) else { return Vec::new() };
    let mut offset = Map::new();
    if position.last_commit > 0 {
        offset.insert("lsn_commit".into(), position.last_commit.into());
        offset.insert("lsn_proc".into(), position.lsn.into());
    }
    offset.insert("lsn".into(), position.lsn.into());
    vec![Offset { partition: partition(settings), offset: Some(offset) }]
}

/// Goes on from a given offset, or from nothing: then the tables are read again. A new era either way.
pub(crate) fn alter(settings: &Settings, offsets: &[Offset], writer: &mut dyn SourceWriter) -> Result<(), Problem> {
    let mine = partition(settings);
    if let Some(foreign) = offsets.iter().find(|offset| offset.partition != mine) {
        return Err(Problem::config(
            "OFFSET_FOREIGN",
            format!("the partition {} is not the one of this connector", Value::Object(foreign.partition.clone())),
            format!("Use the partition {}.", Value::Object(mine)),
        ));
    }
    match offsets.last().map(|offset| &offset.offset) {
        None => Ok(()),
        Some(None) => reset(writer),
        Some(Some(offset)) => take_over(settings, read(offset)?, writer),
    }
}

/// Forgets everything except that the slot is ours, so that the next start makes it anew and reads all rows.
fn reset(writer: &mut dyn SourceWriter) -> Result<(), Problem> {
    let mut state = State::load(&writer.entries())?;
    if let Some(slot) = state.slot.clone() {
        state.put_slot(writer, SlotEntry { consistent_point: None, next_xid: None, ..slot })?;
    }
    state.clear_snapshot(writer)?;
    state.clear_tables(writer)?;
    state.put_signals(writer, SignalsEntry::default())?;
    writer.begin_era(b"{}").map(drop)
}

fn take_over(settings: &Settings, position: Position, writer: &mut dyn SourceWriter) -> Result<(), Problem> {
    let (slot, published) = facts(settings, position).map_err(|error| problem::of(&error, &settings.connection))?;
    let mut state = State::load(&writer.entries())?;
    // The slot's entry last: until it is there, a start stops rather than reads from a wrong place.
    let identity = json!({"system_id": slot.system_id, "timeline": slot.timeline}).to_string();
    writer.begin_era(identity.as_bytes())?;
    writer.progress(&position.encode())?;
    writer.sync()?;
    state.clear_snapshot(writer)?;
    state.clear_tables(writer)?;
    state.put_signals(writer, SignalsEntry::default())?;
    state.put_tables(writer, published)?;
    state.put_slot(writer, slot)
}

/// Where the slot is, and the tables whose changes the publication has brought until now: their rows are known to whoever
/// wrote the offset.
fn facts(settings: &Settings, position: Position) -> Result<(SlotEntry, Vec<(TableName, TableEntry)>), ClientError> {
    let mut walsender = Client::connect(&settings.connection, true)?;
    let rows = walsender.query("IDENTIFY_SYSTEM")?;
    let answer = |index| rows.first().map(|row| row.text(index).to_owned()).unwrap_or_default();
    let slot = SlotEntry {
        name: settings.slot.name.clone(),
        system_id: answer(0),
        timeline: answer(1).parse().unwrap_or_default(),
        consistent_point: Some(Lsn(position.lsn).to_string()),
        next_xid: None,
    };
    let mut client = Client::connect(&settings.connection, false)?;
    let all = catalog::list(&mut client)?;
    let captured = catalog::captured(&all, &settings.filters, settings.partitions());
    let tables = format!(
        "SELECT schemaname, tablename FROM pg_catalog.pg_publication_tables WHERE pubname = {}",
        sql::literal(&settings.publication.name)
    );
    let rows = client.query(&tables)?;
    let published: HashSet<TableName> = rows.iter().map(|row| TableName::new(row.text(0), row.text(1))).collect();
    let known = captured.iter().filter(|table| published.contains(&table.name));
    let entry = |table: &catalog::CatalogTable| {
        (table.name.clone(), TableEntry::new(&table.name, table.oid, position.lsn, true))
    };
    Ok((slot, known.map(entry).collect()))
}

/// The place of an offset of Debezium's or of ours.
fn read(offset: &Map<String, Value>) -> Result<Position, Problem> {
    let number = |name: &str| {
        let value = offset.get(name)?;
        value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
    };
    let unfinished = offset.contains_key("snapshot") && offset.get("snapshot_completed") != Some(&Value::Bool(true));
    if unfinished && offset.get("last_snapshot_record") != Some(&Value::Bool(true)) {
        return Err(Problem::config(
            "OFFSET_IN_SNAPSHOT",
            "the offset lies inside of a snapshot that did not end, so that rows would be missing",
            "Start without an offset: the snapshot is taken again.",
        ));
    }
    match (number("lsn_commit"), number("lsn")) {
        (Some(commit), _) if commit > 0 => Ok(Position { lsn: commit, last_commit: commit }),
        (_, Some(lsn)) if lsn > 0 => Ok(Position { lsn, last_commit: 0 }),
        _ => Err(Problem::config(
            "OFFSET_INVALID",
            "the offset has no \"lsn\" that is a number above 0",
            "Use an offset of Debezium's, such as {\"lsn\": 24023128, \"txId\": 555}.",
        )),
    }
}

fn partition(settings: &Settings) -> Map<String, Value> {
    Map::from_iter([("server".to_owned(), Value::from(settings.encode.prefix.as_str()))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(text: &str) -> Result<Position, String> {
        let Value::Object(offset) = serde_json::from_str(text).unwrap() else { unreachable!() };
        read(&offset).map_err(|problem| problem.code)
    }

    #[test]
    fn offsets_of_debezium_are_read() {
        // As Debezium 3.6 keeps them: behind a snapshot, and while streaming.
        let snapshot = r#"{"last_snapshot_record":true,"lsn":26367224,"txId":727,"ts_usec":1,"snapshot":"INITIAL","snapshot_completed":true}"#;
        assert_eq!(position(snapshot), Ok(Position { lsn: 26_367_224, last_commit: 0 }));
        let streaming = r#"{"lsn_proc":33,"messageType":"INSERT","lsn_commit":30,"lsn":33,"txId":5,"ts_usec":1}"#;
        assert_eq!(position(streaming), Ok(Position { lsn: 30, last_commit: 30 }));
        assert_eq!(position(r#"{"lsn":"7"}"#), Ok(Position { lsn: 7, last_commit: 0 }));
    }

    #[test]
    fn offsets_that_would_lose_rows_or_say_nothing_are_refused() {
        let inside = r#"{"lsn":7,"snapshot":"INITIAL","snapshot_completed":false,"last_snapshot_record":false}"#;
        assert_eq!(position(inside), Err("OFFSET_IN_SNAPSHOT".into()));
        for text in ["{}", r#"{"lsn":0}"#, r#"{"lsn":"x"}"#, r#"{"lsn":-1}"#] {
            assert_eq!(position(text), Err("OFFSET_INVALID".into()), "{text}");
        }
    }
}
