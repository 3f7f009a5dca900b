//! Where each table's next poll goes on: the position that lies in the journal beside the records.
//!
//! Opaque to the transport: JSON, one entry a table. Entries of tables that are no longer read are kept, as Connect keeps
//! their offsets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tailwater_connector::{Durable, Offset, Problem};

/// What a partition of Connect's names here.
const TABLE: &str = "table";

/// The position of a connector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Commits so far: the identity of the next one's records.
    pub sequence: u64,
    /// By quoted table name; of a query under `query`.
    pub cursors: BTreeMap<String, Cursor>,
}

/// The last row read, in PostgreSQL's text form. Compared by the server, with the columns' own types.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incrementing: Option<String>,
}

impl Position {
    /// What is durable; the beginning before the first commit.
    pub(super) fn durable(durable: &Durable) -> Result<Position, Problem> {
        if durable.position.is_empty() {
            return Ok(Position::default());
        }
        serde_json::from_slice(&durable.position).map_err(|_| {
            Problem::stop(
                "POSITION_FOREIGN",
                "the stored position of this connector's name is not one of a query source",
                "Another kind of connector ran under this name; give this one another \"name\".",
            )
        })
    }

    /// The cursors as Confluent's connector names them.
    pub(super) fn offsets(&self) -> Vec<Offset> {
        let offset = |(table, cursor): (&String, &Cursor)| {
            let fields = [("timestamp", &cursor.timestamp), ("incrementing", &cursor.incrementing)];
            let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?.into())));
            let partition = [(TABLE.to_owned(), Value::from(table.as_str()))];
            Offset { partition: Map::from_iter(partition), offset: Some(fields.collect()) }
        };
        self.cursors.iter().map(offset).collect()
    }

    /// The same with other cursors; one without an offset is forgotten.
    pub(super) fn altered(mut self, offsets: &[Offset]) -> Result<Position, Problem> {
        for Offset { partition, offset } in offsets {
            let Some(table) = partition.get(TABLE).and_then(Value::as_str) else {
                let remedy = "Use the partitions that GET shows, such as {\"table\": \"\\\"public\\\".\\\"t\\\"\"}.";
                return Err(Problem::config("OFFSET_FOREIGN", "a partition names no \"table\"", remedy));
            };
            let Some(offset) = offset else {
                self.cursors.remove(table);
                continue;
            };
            let text = |name: &str| match offset.get(name) {
                Some(Value::String(text)) => Some(text.clone()),
                Some(Value::Number(number)) => Some(number.to_string()),
                _ => None,
            };
            let cursor = Cursor { timestamp: text("timestamp"), incrementing: text("incrementing") };
            if cursor == Cursor::default() {
                let remedy = "Use {\"incrementing\": 7} or {\"timestamp\": \"2026-01-31 10:00:00\"}.";
                return Err(Problem::config("OFFSET_INVALID", "an offset says neither number nor time", remedy));
            }
            self.cursors.insert(table.to_owned(), cursor);
        }
        Ok(self)
    }

    /// The form that the transport keeps.
    pub(super) fn encode(&self) -> Result<Vec<u8>, Problem> {
        serde_json::to_vec(self).map_err(|e| Problem::internal("POSITION_UNWRITABLE", e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back_and_another_connectors_is_refused() {
        let cursor = Cursor { timestamp: Some("2024-02-29 10:11:12.123456".into()), incrementing: None };
        let position = Position { sequence: 7, cursors: BTreeMap::from([("\"s\".\"t\"".into(), cursor)]) };
        let durable = |bytes: &[u8]| Durable { era: 1, position: bytes.to_vec() };
        assert_eq!(Position::durable(&durable(&position.encode().unwrap())), Ok(position));
        assert_eq!(Position::durable(&durable(&[])), Ok(Position::default()));
        assert_eq!(Position::durable(&durable(&[0; 16])).map_err(|p| p.code), Err("POSITION_FOREIGN".into()));
    }
}
