//! What there should be, durable: entries of a connector of our own that no user's connector can be called.
//!
//! `config/NAME` is the configuration as typed, `target/NAME` the target state, `topics/NAME` since when topics count as
//! active, `file/FILE` what was last applied from a connector file. An entry, and entries put together, are there whole or
//! not at all, so that no crash leaves half a connector.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tailwater_connector::{Config, Problem, Transport};

/// Names of connectors have no control characters, so this one is nobody's.
const OWNER: &str = "\u{1}connect";

/// The state that a connector should be in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Target {
    /// It works.
    #[default]
    Running,
    /// It does not work, and keeps what it holds on the server.
    Paused,
    /// It does not work and holds nothing.
    Stopped,
}

/// What was last applied from a connector file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AppliedFile {
    /// The connector that came of it.
    pub connector: String,
    /// SHA-256 of its bytes, as hexadecimal digits.
    pub digest: String,
}

/// High watermarks, summed over partitions, at the last reset of a connector's active topics.
pub(super) type TopicMarks = BTreeMap<String, i64>;

/// The entries, as they were read and as they were put since.
pub(super) struct Store {
    transport: Arc<dyn Transport>,
    entries: BTreeMap<String, Bytes>,
    /// Entries of changes that failed: on a disk without space a change waits in the journal and would come true later, so
    /// that what stands is put behind it.
    undone: BTreeSet<String>,
}

/// A connector as it was stored, or why it cannot be read.
pub(super) type Stored = Result<(Config, Target), Problem>;

impl Store {
    pub(super) fn open(transport: Arc<dyn Transport>) -> Store {
        let entries = transport.entries(OWNER);
        Store { transport, entries, undone: BTreeSet::new() }
    }

    /// Every connector.
    pub(super) fn connectors(&self) -> Vec<(String, Stored)> {
        let names = self.entries.keys().filter_map(|key| key.strip_prefix("config/"));
        names.map(|name| (name.to_owned(), self.connector(name))).collect()
    }

    /// Why a connector that is stored cannot be read.
    pub(super) fn fault(&self, name: &str) -> Option<Problem> {
        let stored = self.entries.contains_key(&format!("config/{name}"));
        stored.then(|| self.connector(name).err()).flatten()
    }

    fn connector(&self, name: &str) -> Stored {
        let unreadable = |what: &str| {
            Problem::environment(
                "CONNECTOR_UNREADABLE",
                format!("the stored {what} of connector '{name}' cannot be read; was a newer version here?"),
                format!("Give it its configuration again: PUT /connectors/{name}/config; its position is kept."),
            )
        };
        let members: Option<Map<String, Value>> = self.read(&format!("config/{name}"));
        let text = |(name, value): (String, Value)| Some((name, value.as_str()?.to_owned()));
        let config = members.and_then(|members| members.into_iter().map(text).collect::<Option<Config>>());
        let config = config.ok_or_else(|| unreadable("configuration"))?;
        let target = format!("target/{name}");
        let target = match self.entries.contains_key(&target) {
            true => self.read(&target).ok_or_else(|| unreadable("target state"))?,
            false => Target::default(),
        };
        Ok((config, target))
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&str, AppliedFile)> {
        let file = |(key, _): (&'_ String, &Bytes)| key.strip_prefix("file/").is_some();
        let names = self.entries.iter().filter(move |entry| file(*entry)).map(|(key, _)| key.as_str());
        names.filter_map(|key| Some((key.strip_prefix("file/")?, self.read(key)?)))
    }

    pub(super) fn file(&self, file: &str) -> Option<AppliedFile> {
        self.read(&format!("file/{file}"))
    }

    pub(super) fn topic_marks(&self, connector: &str) -> TopicMarks {
        self.read(&format!("topics/{connector}")).unwrap_or_default()
    }

    /// Durable when it returns; a failure leaves everything as it was.
    pub(super) fn put(&mut self, change: Change) -> Result<(), Problem> {
        let mut entries: Vec<(&str, &[u8])> =
            change.0.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        if entries.is_empty() {
            return Ok(());
        }
        let changed = |name: &String| change.0.iter().any(|(changed, _)| changed == name);
        entries.splice(
            0..0,
            self.standing().filter(|(name, _)| !changed(name)).map(|(name, value)| (name.as_str(), value)),
        );
        if let Err(problem) = self.transport.put_entries(OWNER, &entries) {
            self.undone.extend(change.0.into_iter().map(|(name, _)| name));
            self.undo();
            return Err(problem);
        }
        self.undone.clear();
        for (name, value) in change.0 {
            if value.is_empty() {
                self.entries.remove(&name);
            } else {
                self.entries.insert(name, value.into());
            }
        }
        Ok(())
    }

    /// Puts what stands behind changes that failed, if there are such.
    pub(super) fn undo(&mut self) {
        if self.undone.is_empty() {
            return;
        }
        let entries: Vec<(&str, &[u8])> = self.standing().map(|(name, value)| (name.as_str(), value)).collect();
        match self.transport.put_entries(OWNER, &entries) {
            Ok(()) => self.undone.clear(),
            Err(problem) => tracing::debug!(%problem, "a change that failed is not taken back yet"),
        }
    }

    /// What stands of the entries of failed changes.
    fn standing(&self) -> impl Iterator<Item = (&String, &[u8])> {
        self.undone.iter().map(|name| (name, self.entries.get(name).map_or(&[][..], |value| value)))
    }

    fn read<T: for<'a> Deserialize<'a>>(&self, entry: &str) -> Option<T> {
        serde_json::from_slice(self.entries.get(entry)?).ok()
    }
}

/// Entries that are put together.
#[derive(Default)]
pub(super) struct Change(Vec<(String, Vec<u8>)>);

impl Change {
    pub(super) fn config(self, connector: &str, config: &Config) -> Change {
        let members: Map<String, Value> = config.iter().map(|(k, v)| (k.to_owned(), v.into())).collect();
        self.put(format!("config/{connector}"), &members)
    }

    pub(super) fn target(self, connector: &str, target: Target) -> Change {
        self.put(format!("target/{connector}"), &target)
    }

    pub(super) fn topic_marks(self, connector: &str, marks: &TopicMarks) -> Change {
        self.put(format!("topics/{connector}"), marks)
    }

    pub(super) fn file(self, file: &str, applied: &AppliedFile) -> Change {
        self.put(format!("file/{file}"), applied)
    }

    pub(super) fn forget_file(mut self, file: &str) -> Change {
        self.0.push((format!("file/{file}"), Vec::new()));
        self
    }

    pub(super) fn forget(mut self, connector: &str) -> Change {
        for kind in ["config", "target", "topics"] {
            self.0.push((format!("{kind}/{connector}"), Vec::new()));
        }
        self
    }

    fn put(mut self, name: String, value: &impl Serialize) -> Change {
        // Texts and numbers always have a form in JSON.
        self.0.push((name, serde_json::to_vec(value).unwrap_or_default()));
        self
    }
}
