//! What people ask for: connectors made, changed, started, stopped, deleted. Durable before it is answered.

use tailwater_connector::{Config, ConnectorState, Problem, Property, Support};

use super::error::CONFLICT;
use super::store::{Change, Store};
use super::validate::without_own_slot;
use super::view::{Info, StateInfo, not_found};
use super::{Connector, Herder, Refusal, Target};
use crate::limits::{CHANGE_ATTEMPTS, CONNECTORS_MAX};

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
        self.make(name, typed, target, |_| true)
    }

    /// Makes a connector or gives it another configuration.
    pub fn put_config(&self, name: &str, typed: Typed) -> Result<Changed, Refusal> {
        for _ in 0..CHANGE_ATTEMPTS {
            let changed = match self.known(name).filter(|connector| connector.config.is_some()) {
                // One that never had a configuration, because its file is faulty, gets its first.
                None => match self.make(name, typed.clone(), Target::Running, |there| there.config.is_some()) {
                    Err(refusal) if refusal.status == CONFLICT => None,
                    made => Some(made?),
                },
                Some(before) => {
                    let (config, warnings) = self.checked(name, typed.clone(), Some(&before), &|_| true)?;
                    self.change_config(name, &before, config, warnings)?
                }
            };
            if let Some(changed) = changed {
                return Ok(changed);
            }
        }
        Err(contended(name))
    }

    /// Changes some properties; null removes one.
    pub fn patch_config(&self, name: &str, patch: &Typed) -> Result<Changed, Refusal> {
        for _ in 0..CHANGE_ATTEMPTS {
            let before = self.known(name).ok_or_else(|| not_found(name))?;
            let mut merged = before.config.clone().ok_or_else(|| not_found(name))?;
            for (property, value) in patch {
                match value {
                    Some(value) => merged.set(property, value),
                    None => merged.remove(property),
                }
            }
            let typed = merged.iter().map(|(name, value)| (name.to_owned(), Some(value.to_owned()))).collect();
            let given = |name: &str| patch.iter().any(|(patched, _)| patched == name);
            let (config, warnings) = self.checked(name, typed, Some(&before), &given)?;
            if let Some(changed) = self.change_config(name, &before, config, warnings)? {
                return Ok(changed);
            }
        }
        Err(contended(name))
    }

    /// Deletes a connector. Its position stays: one of the same name goes on where it was, as far as retention has left what
    /// comes then. What it leaves behind.
    pub fn delete(&self, name: &str) -> Result<Vec<Problem>, Refusal> {
        let mut store = self.store();
        let connector = self.known(name).ok_or_else(|| not_found(name))?;
        store.put(Change::default().forget(name))?;
        self.state().connectors.remove(name);
        drop(store);
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
        if let Some(connector) = self.state().connectors.get_mut(name) {
            connector.target = target;
        }
        drop(store);
        tracing::info!(connector = name, ?target, "connector asked for another state");
        self.follow();
        Ok(left)
    }

    /// Starts a connector again: when it failed, and otherwise only when its task is meant, too. Its status at this moment.
    /// One whose file is faulty fails until the file is good, which is looked at all the time.
    pub fn restart(&self, name: &str, include_tasks: bool, only_failed: bool) -> Result<StateInfo, Refusal> {
        let unknown = || Refusal::not_found(format!("Unknown connector: {name}"));
        let mut status = self.status(name).map_err(|_| unknown())?;
        let connector = self.known(name).ok_or_else(unknown)?;
        if connector.broken.is_none() && (self.has_failed(name, &connector) || include_tasks && !only_failed) {
            self.run_again(name);
            if !only_failed {
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
        if self.known(name).is_none() {
            return Err(Refusal::not_found(format!("Unknown connector: {name}")));
        }
        if self.task_status(name, task).is_err() {
            return Err(Refusal::not_found(format!("Unknown task: {name}-{task}")));
        }
        self.run_again(name);
        Ok(())
    }

    /// Sets in memory what is durable by now, for as long as the store is held, so that both always say the same; `None` keeps
    /// the configuration. Who called follows when it has let go of the store.
    pub(super) fn set(&self, _: &Store, name: &str, config: Option<Config>, target: Target) -> Connector {
        let mut state = self.state();
        let generation = state.next_generation();
        let connector = state.connectors.entry(name.to_owned()).or_default();
        connector.config = config.or(connector.config.take());
        connector.target = target;
        connector.generation = generation;
        connector.broken = None;
        connector.clone()
    }

    pub(super) fn known(&self, name: &str) -> Option<Connector> {
        self.state().connectors.get(name).cloned()
    }

    /// What a connector that ends leaves where it captured.
    fn left_behind(&self, connector: &Connector) -> Vec<Problem> {
        let left = |config: &Config| self.plugin(config)?.leaves(config);
        connector.config.as_ref().and_then(left).into_iter().collect()
    }

    /// Makes a connector where none stands in the way.
    fn make(
        &self,
        name: &str,
        typed: Typed,
        target: Target,
        in_the_way: impl Fn(&Connector) -> bool,
    ) -> Result<Changed, Refusal> {
        let free = || match self.known(name) {
            Some(there) if in_the_way(&there) => Err(Refusal::conflict(format!("Connector {name} already exists"))),
            _ => Ok(()),
        };
        free()?;
        let (config, warnings) = self.checked(name, typed, None, &|_| true)?;
        let mut store = self.store();
        free()?;
        if self.state().connectors.len() >= CONNECTORS_MAX {
            return Err(Refusal::bad(format!(
                "One process runs at most {CONNECTORS_MAX} connectors. Run the others with a second data directory."
            )));
        }
        let making = Change::default().config(name, &config).target(name, target);
        let making = self.without_topics_before(&store, name, making);
        store.put(making)?;
        let made = self.set(&store, name, Some(config), target);
        drop(store);
        tracing::info!(connector = name, ?target, "connector created");
        self.follow();
        let mut info = self.info_of(name, &made);
        // As in Connect, whose tasks come later.
        info.tasks.clear();
        Ok(Changed { info, applied: Applied::Created, warnings })
    }

    /// Another run of what there is.
    fn run_again(&self, name: &str) {
        {
            let mut state = self.state();
            let generation = state.next_generation();
            if let Some(connector) = state.connectors.get_mut(name) {
                connector.generation = generation;
            }
        }
        self.follow();
    }

    fn has_failed(&self, name: &str, connector: &Connector) -> bool {
        let failed = || self.supervisor.status(name).is_some_and(|status| status.state == ConnectorState::Failed);
        connector.broken.is_some() || connector.target == Target::Running && failed()
    }

    /// A configuration that was checked takes the place of the one that it was checked against; `None` when another stands
    /// there by now.
    fn change_config(
        &self,
        name: &str,
        before: &Connector,
        config: Config,
        warnings: Vec<Problem>,
    ) -> Result<Option<Changed>, Refusal> {
        let mut store = self.store();
        let Some(connector) = self.known(name).filter(|now| now.config == before.config) else { return Ok(None) };
        let mut applied = self.takes(&before.config.clone().unwrap_or_default(), &config);
        if applied == Applied::Live && self.has_failed(name, &connector) {
            applied = Applied::Restart;
        }
        store.put(Change::default().config(name, &config))?;
        let changed = if applied == Applied::Live {
            let changed = Connector { config: Some(config), ..connector };
            if let Some(connector) = self.state().connectors.get_mut(name) {
                connector.config.clone_from(&changed.config);
            }
            changed
        } else {
            self.set(&store, name, Some(config), connector.target)
        };
        drop(store);
        tracing::info!(connector = name, ?applied, "connector has another configuration");
        self.follow();
        Ok(Some(Changed { info: self.info_of(name, &changed), applied, warnings }))
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

    /// A configuration to be stored: named, secrets in place, without a fault that is known now; with its warnings. `given` says which
    /// properties were named, of a change to those of `before`.
    fn checked(
        &self,
        name: &str,
        typed: Typed,
        before: Option<&Connector>,
        given: &dyn Fn(&str) -> bool,
    ) -> Result<(Config, Vec<Problem>), Refusal> {
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
        let inherited = self.inherit(&mut config, before, given);
        let mut warnings = self.refuse_faulty(name, &config, &inherited, nulls)?;
        without_own_slot(&mut warnings, before.and_then(|before| before.config.as_ref()), &config);
        Ok((config, warnings))
    }
}

fn contended(name: &str) -> Refusal {
    Refusal::conflict(format!("Connector {name} is being changed by others at the same time; ask again"))
}
