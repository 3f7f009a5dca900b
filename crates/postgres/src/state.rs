//! What a source remembers between runs besides its position: the connector's entries in the transport, as JSON.
//!
//! `slot` is written before the slot is made (intent) and again with its consistent point afterwards; `table/NAME` tells
//! where a table's snapshot hands over to the stream and whether all its rows are in the journal; `snapshot` says that
//! `snapshot.mode=initial_only` has done its work; `signals` is what signals asked for and is not done.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tailwater_connector::{Problem, SourceWriter};
use tailwater_event::{Lsn, TableName};

use crate::incremental::Progress;
use crate::signal::Taken;
use crate::sql;

const SLOT: &str = "slot";
const SNAPSHOT: &str = "snapshot";
const TABLE: &str = "table/";
const SIGNALS: &str = "signals";

/// The slot that the position belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlotEntry {
    /// Its name.
    pub name: String,
    /// System identifier of the server it is on.
    pub system_id: String,
    /// Timeline that the position lies on.
    pub timeline: u32,
    /// Where it started, as text; `None` between intent and creation.
    pub consistent_point: Option<String>,
    /// The id of the next transaction when streaming began, where the database has tables that are not captured.
    #[serde(default)]
    pub next_xid: Option<u64>,
}

/// One table's hand-over from snapshot to stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableEntry {
    schema: String,
    table: String,
    /// `pg_class.oid`: a table that was dropped and made again under its name is another one.
    pub oid: u32,
    hand_over: String,
    /// Whether the snapshot's rows are complete (or none were wanted).
    pub done: bool,
}

/// A finished `initial_only` run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SnapshotEntry {
    /// System identifier of the server that was read.
    pub system_id: String,
}

/// What signals asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignalsEntry {
    /// Signals in transactions that committed up to here were acted on.
    pub handled: u64,
    /// An incremental snapshot that is not over.
    pub incremental: Option<Progress>,
    /// Blocking snapshots that are not done, in order.
    pub blocking: Vec<Blocking>,
    /// What was last read of the signal file and acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Taken>,
}

/// A blocking snapshot that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Blocking {
    /// Patterns of tables.
    pub tables: Vec<String>,
    /// Pattern of tables, and the statement that selects their rows.
    pub selects: Vec<(String, String)>,
    /// Where the signal lies in the log; its rows show it.
    pub lsn: u64,
    /// The signal's transaction; its rows show it.
    pub xid: u32,
}

/// All entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// The slot, once intended.
    pub slot: Option<SlotEntry>,
    /// A finished `initial_only` run.
    pub snapshot: Option<SnapshotEntry>,
    /// Tables whose snapshot was begun.
    pub tables: HashMap<TableName, TableEntry>,
    /// What signals asked for.
    pub signals: SignalsEntry,
}

impl SlotEntry {
    /// Where the slot started; `None` between intent and creation.
    pub fn consistent_point(&self) -> Option<u64> {
        self.consistent_point.as_ref().and_then(|text| text.parse::<Lsn>().ok()).map(|lsn| lsn.0)
    }
}

impl TableEntry {
    /// An entry.
    pub fn new(name: &TableName, oid: u32, hand_over: u64, done: bool) -> Self {
        TableEntry {
            schema: name.schema.clone(),
            table: name.table.clone(),
            oid,
            hand_over: Lsn(hand_over).to_string(),
            done,
        }
    }

    /// Streamed changes that committed before it are in the snapshot.
    pub fn hand_over(&self) -> u64 {
        self.hand_over.parse::<Lsn>().unwrap_or_default().0
    }
}

impl State {
    /// Reads the entries.
    pub fn load(entries: &BTreeMap<String, Bytes>) -> Result<State, Problem> {
        let mut state = State::default();
        for (name, value) in entries {
            if name == SLOT {
                state.slot = Some(parse(name, value)?);
            } else if name == SNAPSHOT {
                state.snapshot = Some(parse(name, value)?);
            } else if name == SIGNALS {
                state.signals = parse(name, value)?;
            } else if name.starts_with(TABLE) {
                let entry: TableEntry = parse(name, value)?;
                state.tables.insert(TableName::new(&entry.schema, &entry.table), entry);
            }
        }
        Ok(state)
    }

    /// Where the stream takes over a table; 0 when the stream has it from the beginning.
    pub fn hand_over(&self, table: &TableName) -> u64 {
        self.tables.get(table).map_or(0, TableEntry::hand_over)
    }

    /// Remembers the slot; durable when it returns.
    pub fn put_slot(&mut self, writer: &mut dyn SourceWriter, slot: SlotEntry) -> Result<(), Problem> {
        writer.put_entries(&[(SLOT, &json(&slot)?)])?;
        self.slot = Some(slot);
        Ok(())
    }

    /// Remembers that an `initial_only` run is done; durable when it returns.
    pub fn put_snapshot(&mut self, writer: &mut dyn SourceWriter, done: SnapshotEntry) -> Result<(), Problem> {
        writer.put_entries(&[(SNAPSHOT, &json(&done)?)])?;
        self.snapshot = Some(done);
        Ok(())
    }

    /// Forgets that an `initial_only` run is done; durable when it returns.
    pub fn clear_snapshot(&mut self, writer: &mut dyn SourceWriter) -> Result<(), Problem> {
        self.snapshot = None;
        writer.put_entries(&[(SNAPSHOT, &[])])
    }

    /// Remembers what signals asked for; durable when it returns.
    pub fn put_signals(&mut self, writer: &mut dyn SourceWriter, signals: SignalsEntry) -> Result<(), Problem> {
        writer.put_entries(&[(SIGNALS, &json(&signals)?)])?;
        self.signals = signals;
        Ok(())
    }

    /// Remembers tables; durable when it returns.
    pub fn put_tables(
        &mut self,
        writer: &mut dyn SourceWriter,
        tables: impl IntoIterator<Item = (TableName, TableEntry)>,
    ) -> Result<(), Problem> {
        let mut named = Vec::new();
        for (name, entry) in tables {
            named.push((entry_name(&name), json(&entry)?));
            self.tables.insert(name, entry);
        }
        let entries: Vec<(&str, &[u8])> = named.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        if entries.is_empty() { Ok(()) } else { writer.put_entries(&entries) }
    }

    /// Forgets all tables before a snapshot of everything; durable when it returns.
    pub fn clear_tables(&mut self, writer: &mut dyn SourceWriter) -> Result<(), Problem> {
        let names: Vec<String> = self.tables.keys().map(entry_name).collect();
        let entries: Vec<(&str, &[u8])> = names.iter().map(|n| (n.as_str(), &[][..])).collect();
        self.tables.clear();
        if entries.is_empty() { Ok(()) } else { writer.put_entries(&entries) }
    }
}

/// Quoted, so that a dot in a name cannot make two tables one.
fn entry_name(table: &TableName) -> String {
    format!("{TABLE}{}", sql::table(table))
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value).map_err(|e| Problem::internal("ENTRY_UNWRITABLE", e.to_string()))
}

fn parse<'a, T: Deserialize<'a>>(name: &str, bytes: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes)
        .map_err(|e| Problem::internal("ENTRY_UNREADABLE", format!("the connector's entry '{name}' is damaged: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_read_back_and_a_dot_in_a_name_does_not_mix_tables() {
        let (a, b) = (TableName::new("a.b", "c"), TableName::new("a", "b.c"));
        let entries: BTreeMap<String, Bytes> = [(&a, 5u64, true), (&b, 0x1_0000_0000, false)]
            .into_iter()
            .map(|(name, lsn, done)| (entry_name(name), json(&TableEntry::new(name, 1, lsn, done)).unwrap().into()))
            .collect();
        let state = State::load(&entries).unwrap();
        assert_eq!((state.hand_over(&a), state.tables[&a].done), (5, true));
        assert_eq!((state.hand_over(&b), state.tables[&b].done), (0x1_0000_0000, false));
        assert_eq!(state.hand_over(&TableName::new("x", "y")), 0);
    }

    #[test]
    fn a_damaged_entry_is_named() {
        let entries = BTreeMap::from([("slot".to_owned(), Bytes::from_static(b"{"))]);
        assert_eq!(State::load(&entries).unwrap_err().code, "ENTRY_UNREADABLE");
    }
}
