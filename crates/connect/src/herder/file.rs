//! What connector files ask for. A file counts when its content differs from what was last applied; until then what REST
//! did later stays.

use sha2::{Digest, Sha256};
use tailwater_connector::{Config, Problem};

use super::store::{AppliedFile, Change};
use super::validate::masked;
use super::{Herder, Target};

impl Herder {
    /// The files that were applied, with the connectors that came of them.
    pub(crate) fn applied_files(&self) -> Vec<(String, String)> {
        self.store().files().map(|(file, applied)| (file.to_owned(), applied.connector)).collect()
    }

    /// The connector that came of exactly this content of a file, whether or not somebody has deleted it since.
    pub(crate) fn applied_from(&self, file: &str, content: &[u8]) -> Option<String> {
        let applied = self.store().file(file)?;
        (applied.digest == digest(content)).then_some(applied.connector)
    }

    /// What is wrong with a configuration, before the outside is looked at.
    pub(crate) fn faults(&self, config: &Config) -> Vec<Problem> {
        let check = || {
            let resolved = self.secrets.resolve(config, self.secrets.origin(true))?;
            let plugin = self.plugin_named(config, &resolved).map_err(|p| vec![p])?;
            let masked = masked(config, plugin.properties());
            if !masked.is_empty() {
                return Err(masked);
            }
            self.look(plugin.configure(&resolved), config, &resolved, |_| true).map(drop)
        };
        check().err().unwrap_or_default()
    }

    /// Makes or changes a connector as a file says, and starts it; durable when it returns.
    pub(crate) fn apply_file(&self, file: &str, content: &[u8], name: &str, config: Config) -> Result<(), Problem> {
        let applied = AppliedFile { connector: name.to_owned(), digest: digest(content) };
        let mut change = Change::default().config(name, &config).target(name, Target::Running).file(file, &applied);
        let mut store = self.store();
        if self.known(name).is_none_or(|connector| connector.config.is_none()) {
            change = self.without_topics_before(&store, name, change);
        }
        store.put(change)?;
        self.state().connectors.entry(name.to_owned()).or_default().of_file = true;
        self.set(&store, name, Some(config), Target::Running);
        drop(store);
        self.follow();
        Ok(())
    }

    /// A file is gone: its connector stops, and nothing of it is deleted. Durable when it returns.
    pub(crate) fn file_gone(&self, file: &str, connector: &str) -> Result<(), Problem> {
        let change = Change::default().forget_file(file);
        let mut store = self.store();
        if self.known(connector).is_none_or(|connector| connector.config.is_none()) {
            store.put(change)?;
            drop(store);
            self.mend(connector);
            return Ok(());
        }
        store.put(change.target(connector, Target::Stopped))?;
        self.set(&store, connector, None, Target::Stopped);
        drop(store);
        self.follow();
        Ok(())
    }

    /// A file no longer describes a connector, which stops. Durable when it returns.
    pub(crate) fn leave(&self, connector: &str) -> Result<(), Problem> {
        let mut store = self.store();
        if self.known(connector).is_none_or(|connector| connector.config.is_none()) {
            return Ok(());
        }
        store.put(Change::default().target(connector, Target::Stopped))?;
        self.set(&store, connector, None, Target::Stopped);
        drop(store);
        self.follow();
        Ok(())
    }

    /// Whether a connector is shown as failed because of its file.
    pub(crate) fn is_broken(&self, name: &str) -> bool {
        self.state().connectors.get(name).is_some_and(|connector| connector.broken.is_some())
    }

    /// Shows a connector as failed for as long as its file is bad.
    pub(crate) fn show_broken(&self, name: &str, problems: Vec<Problem>) {
        {
            let mut state = self.state();
            let generation = state.next_generation();
            let connector = state.connectors.entry(name.to_owned()).or_default();
            if connector.broken.as_ref() == Some(&problems) {
                return;
            }
            connector.broken = Some(problems);
            connector.generation = generation;
        }
        self.follow();
    }

    /// The file is good again, or gone: what there was before goes on, and what could not be read back still cannot.
    pub(crate) fn mend(&self, name: &str) {
        {
            let store = self.store();
            let mut state = self.state();
            let generation = state.next_generation();
            let Some(connector) = state.connectors.get_mut(name).filter(|c| c.broken.is_some()) else { return };
            connector.broken = store.fault(name).map(|problem| vec![problem]).filter(|_| connector.config.is_none());
            connector.generation = generation;
            if connector.config.is_none() && connector.broken.is_none() {
                state.connectors.remove(name);
            }
        }
        self.follow();
    }
}

fn digest(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}
