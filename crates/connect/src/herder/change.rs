//! What people ask for: connectors made, changed, started, stopped, deleted. Durable before it is answered.

use tailwater_connector::{Config, ConnectorState, Problem, Property, Support};

use super::store::Change;
use super::validate::without_own_slot;
use super::view::{Info, StateInfo, not_found};
use super::{Connector, Herder, Refusal, Target, mask};
use crate::limits::CONNECTORS_MAX;

/// Properties as they are typed; `None` stands for null.
pub type Typed = Vec<(String, Option<String>)>;

/// What a change of configuration takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Nothing was there before.
    Created,
    /// Nothing that runs is concerned.
    Live,
    /// The connector is started again with it.
    Restart,
    /// The connector is started again, and what was captured before keeps its form until a new snapshot; these properties
    /// are the reason.
    Snapshot(Vec<String>),
}

/// A connector after a change.
#[derive(Clone, Debug)]
pub struct Changed {
    /// What it is now.
    pub info: Info,
    /// What the change took.
    pub applied: Applied,
    /// What to know although it is done.
    pub warnings: Vec<Problem>,
}

impl Herder {
    /// Makes a connector; its name must be free.
    pub fn create(&self, name: &str, typed: Typed, target: Target) -> Result<Changed, Refusal> {
        let exists = || Refusal::conflict(format!("Connector {name} already exists"));
        if self.exists(name) {
            return Err(exists());
        }
        let (config, warnings) = self.checked(name, typed, None)?;
        let mut store = self.store();
        if self.exists(name) {
            return Err(exists());
        }
        if self.state().connectors.len() >= CONNECTORS_MAX {
            return Err(Refusal::bad(format!(
                "One process runs at most {CONNECTORS_MAX} connectors. Run the others with a second data directory."
            )));
        }
        store.put(Change::default().config(name, &config).target(name, target))?;
        drop(store);
        self.set(name, Some(config), target);
        tracing::info!(connector = name, ?target, "connector created");
        let mut info = self.info(name)?;
        // As in Connect, whose tasks come later.
        info.tasks.clear();
        Ok(Changed { info, applied: Applied::Created, warnings })
    }

    /// Makes a connector or gives it another configuration.
    pub fn put_config(&self, name: &str, typed: Typed) -> Result<Changed, Refusal> {
        let Some(before) = self.known(name).and_then(|connector| connector.config) else {
            return self.create(name, typed, Target::Running);
        };
        let (config, warnings) = self.checked(name, typed, Some(&before))?;
        self.change_config(name, config, warnings)
    }

    /// Changes some properties; null removes one.
    pub fn patch_config(&self, name: &str, patch: Typed) -> Result<Changed, Refusal> {
        let before = self.known(name).and_then(|connector| connector.config).ok_or_else(|| not_found(name))?;
        let mut merged = before.clone();
        for (property, value) in patch {
            match value {
                Some(value) => merged.set(&property, &value),
                None => merged.remove(&property),
            }
        }
        let typed = merged.iter().map(|(name, value)| (name.to_owned(), Some(value.to_owned()))).collect();
        let (config, warnings) = self.checked(name, typed, Some(&before))?;
        self.change_config(name, config, warnings)
    }

    /// Deletes a connector. Its position stays: one of the same name goes on where it was. What it leaves behind.
    pub fn delete(&self, name: &str) -> Result<Vec<Problem>, Refusal> {
        let mut store = self.store();
        let connector = self.known(name).ok_or_else(|| not_found(name))?;
        store.put(Change::default().forget(name))?;
        drop(store);
        self.state().connectors.remove(name);
        tracing::info!(connector = name, "connector deleted; its position is kept");
        self.follow();
        Ok(self.left_behind(&connector))
    }

    /// Pauses, resumes or stops a connector. What it leaves behind when it stops.
    pub fn set_target(&self, name: &str, target: Target) -> Result<Vec<Problem>, Refusal> {
        let mut store = self.store();
        let Some(connector) = self.known(name) else {
            return Err(Refusal::not_found(format!("Unknown connector {name}")));
        };
        let left = if target == Target::Stopped { self.left_behind(&connector) } else { Vec::new() };
        if connector.target == target {
            return Ok(left);
        }
        store.put(Change::default().target(name, target))?;
        drop(store);
        if let Some(connector) = self.state().connectors.get_mut(name) {
            connector.target = target;
        }
        tracing::info!(connector = name, ?target, "connector asked for another state");
        self.follow();
        Ok(left)
    }

    /// Starts a connector again: when it failed, and otherwise only when its task is meant, too. Its status at this moment.
    pub fn restart(&self, name: &str, include_tasks: bool, only_failed: bool) -> Result<StateInfo, Refusal> {
        let unknown = || Refusal::not_found(format!("Unknown connector: {name}"));
        let mut status = self.status(name).map_err(|_| unknown())?;
        let connector = self.known(name).ok_or_else(unknown)?;
        let failed = self.has_failed(name, &connector);
        if failed || include_tasks && !only_failed {
            self.run_again(name);
            if connector.broken.is_some() || !only_failed {
                status.connector.state = "RESTARTING";
            }
            for task in &mut status.tasks {
                task.state.state = "RESTARTING";
            }
        }
        Ok(status)
    }

    /// Starts a connector's task again.
    pub fn restart_task(&self, name: &str, task: u32) -> Result<(), Refusal> {
        if !self.exists(name) {
            return Err(Refusal::not_found(format!("Unknown connector: {name}")));
        }
        if self.task_status(name, task).is_err() {
            return Err(Refusal::not_found(format!("Unknown task: {name}-{task}")));
        }
        self.run_again(name);
        Ok(())
    }

    /// Sets what there should be in memory, after it is durable; `None` keeps the configuration.
    pub(super) fn set(&self, name: &str, config: Option<Config>, target: Target) {
        {
            let mut state = self.state();
            state.last_generation += 1;
            let generation = state.last_generation;
            let connector = state.connectors.entry(name.to_owned()).or_default();
            connector.config = config.or(connector.config.take());
            connector.target = target;
            connector.generation = generation;
            connector.broken = None;
        }
        self.follow();
    }

    pub(super) fn known(&self, name: &str) -> Option<Connector> {
        self.state().connectors.get(name).cloned()
    }

    /// What a connector that ends leaves where it captured.
    fn left_behind(&self, connector: &Connector) -> Vec<Problem> {
        let left = |config: &Config| self.plugin(config)?.leaves(config);
        connector.config.as_ref().and_then(left).into_iter().collect()
    }

    fn exists(&self, name: &str) -> bool {
        self.state().connectors.contains_key(name)
    }

    fn run_again(&self, name: &str) {
        let known = self.known(name);
        if let Some(Connector { target, .. }) = known {
            self.set(name, None, target);
        }
    }

    fn has_failed(&self, name: &str, connector: &Connector) -> bool {
        let failed = || self.supervisor.status(name).is_some_and(|status| status.state == ConnectorState::Failed);
        connector.broken.is_some() || connector.target == Target::Running && failed()
    }

    /// A checked configuration takes the place of the one that is there.
    fn change_config(&self, name: &str, config: Config, warnings: Vec<Problem>) -> Result<Changed, Refusal> {
        let mut store = self.store();
        let connector = self.known(name).ok_or_else(|| not_found(name))?;
        let before = connector.config.clone().unwrap_or_default();
        let mut applied = self.takes(&before, &config);
        if applied == Applied::Live && self.has_failed(name, &connector) {
            applied = Applied::Restart;
        }
        store.put(Change::default().config(name, &config))?;
        drop(store);
        if applied == Applied::Live {
            if let Some(connector) = self.state().connectors.get_mut(name) {
                connector.config = Some(config);
            }
        } else {
            self.set(name, Some(config), connector.target);
        }
        tracing::info!(connector = name, ?applied, "connector has another configuration");
        Ok(Changed { info: self.info(name)?, applied, warnings })
    }

    /// What it takes to go from one configuration to another.
    fn takes(&self, before: &Config, after: &Config) -> Applied {
        let names = before.iter().chain(after.iter()).map(|(name, _)| name);
        let mut changed: Vec<&str> = names.filter(|name| before.get(name) != after.get(name)).collect();
        changed.sort_unstable();
        changed.dedup();
        let Some(plugin) = self.plugin(after) else { return Applied::Restart };
        let declared = |name: &str| plugin.properties().iter().find(|p| p.matches(name) || p.old_names.contains(&name));
        let has_effect = |property: &Property| !matches!(property.support, Support::NoEffect(_));
        let today = |name: &&str| declared(name).filter(|p| has_effect(p)).map(|p| p.name);
        let concerned: Vec<&str> = changed.iter().filter_map(today).collect();
        let anew: Vec<String> =
            concerned.iter().filter(|name| plugin.needs_snapshot(name)).map(|name| (*name).to_owned()).collect();
        match (concerned.is_empty(), anew.is_empty()) {
            (true, _) => Applied::Live,
            (false, true) => Applied::Restart,
            (false, false) => Applied::Snapshot(anew),
        }
    }

    /// A configuration to be stored: named, secrets in place, without a fault that is known now; with its warnings.
    fn checked(&self, name: &str, typed: Typed, before: Option<&Config>) -> Result<(Config, Vec<Problem>), Refusal> {
        let nulls = typed.iter().any(|(_, value)| value.is_none());
        let mut config: Config = typed.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        match config.get("name") {
            Some(inner) if inner != name => {
                return Err(Refusal::bad(format!(
                    "Connector name configuration ({inner}) doesn't match connector name in the URL ({name})"
                )));
            }
            Some(_) => {}
            None => config.set("name", name),
        }
        let plugin = self.plugin(&config);
        let properties = plugin.as_ref().map_or(&[][..], |plugin| plugin.properties());
        if let Some(before) = before {
            mask::restore(&mut config, before, properties);
        }
        let mut warnings = self.refuse_faulty(name, &config, nulls)?;
        without_own_slot(&mut warnings, before, &config);
        Ok((config, warnings))
    }
}
