//! Where each table's next poll goes on: the position that lies in the journal beside the records.
//!
//! Opaque to the transport: JSON, one entry a table. Entries of tables that are no longer read are kept, as Connect keeps
//! their offsets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tailwater_connector::{Durable, Problem};

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
