//! What people are shown of connectors: the shapes of Connect's answers, in their order of keys.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use tailwater_connector::{Config, ConnectorState, Kind, Problem};

use super::{Connector, Herder, Refusal, Target, mask};

/// The version that our plugins show.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Kafka Connect's `ConnectorInfo`.
#[derive(Clone, Debug, Serialize)]
pub struct Info {
    /// The connector's name.
    pub name: String,
    /// Its configuration, secrets hidden.
    #[serde(serialize_with = "as_map")]
    pub config: Config,
    /// Its tasks: one, unless it is stopped.
    pub tasks: Vec<TaskId>,
    /// `source`, `sink`, or `unknown` when there is no such class.
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// One task by its connector and number.
#[derive(Clone, Debug, Serialize)]
pub struct TaskId {
    /// The connector's name.
    pub connector: String,
    /// Always 0.
    pub task: u32,
}

/// One entry of `/connectors/NAME/tasks`.
#[derive(Clone, Debug, Serialize)]
pub struct TaskInfo {
    /// Which task.
    pub id: TaskId,
    /// What it runs with, secrets hidden.
    #[serde(serialize_with = "as_map")]
    pub config: Config,
}

/// Kafka Connect's `ConnectorStateInfo`.
#[derive(Clone, Debug, Serialize)]
pub struct StateInfo {
    /// The connector's name.
    pub name: String,
    /// The connector itself.
    pub connector: WorkerState,
    /// Its tasks: one, unless it is stopped.
    pub tasks: Vec<TaskState>,
    /// As in [`Info`].
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// A state, and where and why.
#[derive(Clone, Debug, Serialize)]
pub struct WorkerState {
    /// `UNASSIGNED`, `RUNNING`, `PAUSED`, `FAILED`, `RESTARTING` or `STOPPED`.
    pub state: &'static str,
    /// HOST:PORT of this process's REST.
    pub worker_id: String,
    /// Code, cause and remedy of what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// The plugin's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<&'static str>,
}

/// A task's state.
#[derive(Clone, Debug, Serialize)]
pub struct TaskState {
    /// Always 0.
    pub id: u32,
    /// The state.
    #[serde(flatten)]
    pub state: WorkerState,
}

impl Herder {
    /// The names of all connectors, in order.
    pub fn names(&self) -> Vec<String> {
        self.state().connectors.keys().cloned().collect()
    }

    /// What a connector is.
    pub fn info(&self, name: &str) -> Result<Info, Refusal> {
        let connector = self.state().connectors.get(name).cloned();
        Ok(self.info_of(name, &connector.ok_or_else(|| not_found(name))?))
    }

    /// A connector's configuration, secrets hidden.
    pub fn config(&self, name: &str) -> Result<Config, Refusal> {
        Ok(self.info(name)?.config)
    }

    /// What a connector's tasks run with.
    pub fn tasks(&self, name: &str) -> Result<Vec<TaskInfo>, Refusal> {
        let Info { config, tasks, .. } = self.info(name)?;
        let mut config = config;
        // Each connector of Debezium names its task so, and tools show it.
        let class = format!("{}Task", config.get("connector.class").unwrap_or_default());
        config.set("task.class", &class);
        Ok(tasks.into_iter().map(|id| TaskInfo { id, config: config.clone() }).collect())
    }

    /// How a connector is.
    pub fn status(&self, name: &str) -> Result<StateInfo, Refusal> {
        let (connector, running) = {
            let state = self.state();
            (state.connectors.get(name).cloned(), state.running.get(name).copied())
        };
        let connector = connector.ok_or_else(|| Refusal::not_found(format!("No status found for connector {name}")))?;
        Ok(self.status_of(name, &connector, running))
    }

    /// How a connector's task is.
    pub fn task_status(&self, name: &str, task: u32) -> Result<TaskState, Refusal> {
        let found = self.status(name).ok().and_then(|status| status.tasks.into_iter().find(|t| t.id == task));
        found.ok_or_else(|| Refusal::not_found(format!("No status found for task {name}-{task}")))
    }

    /// What all connectors are.
    pub fn infos(&self) -> BTreeMap<String, Info> {
        let connectors = self.state().connectors.clone();
        connectors.iter().map(|(name, connector)| (name.clone(), self.info_of(name, connector))).collect()
    }

    /// How all connectors are.
    pub fn statuses(&self) -> BTreeMap<String, StateInfo> {
        let (connectors, running) = {
            let state = self.state();
            (state.connectors.clone(), state.running.clone())
        };
        let status = |(name, connector): (&String, &Connector)| {
            (name.clone(), self.status_of(name, connector, running.get(name).copied()))
        };
        connectors.iter().map(status).collect()
    }

    pub(super) fn info_of(&self, name: &str, connector: &Connector) -> Info {
        let config = connector.config.clone().unwrap_or_default();
        let plugin = self.plugin(&config);
        let mut config = mask::shown(&config, plugin.as_ref().map_or(&[], |plugin| plugin.properties()));
        if config.get("name").is_none() {
            config.set("name", name);
        }
        let tasks = match connector.has_task() {
            true => vec![TaskId { connector: name.to_owned(), task: 0 }],
            false => Vec::new(),
        };
        Info { name: name.to_owned(), config, tasks, kind: self.kind(connector) }
    }

    fn status_of(&self, name: &str, connector: &Connector, running: Option<u64>) -> StateInfo {
        let kind = self.kind(connector);
        let version = (kind != "unknown").then_some(VERSION);
        let state = |state, trace| WorkerState { state, worker_id: self.worker(), trace, version };
        let (whole, task) = match (&connector.broken, connector.target) {
            (Some(problems), _) => (state("FAILED", crate::task::merge(problems.clone()).as_ref().map(trace)), None),
            (None, Target::Stopped) => (state("STOPPED", None), None),
            (None, Target::Paused) => (state("PAUSED", None), Some(state("PAUSED", None))),
            (None, Target::Running) => {
                let (word, trace) = self.task_word(name, connector, running);
                (state("RUNNING", None), Some(state(word, trace)))
            }
        };
        let tasks = task.into_iter().map(|state| TaskState { id: 0, state }).collect();
        StateInfo { name: name.to_owned(), connector: whole, tasks, kind }
    }

    /// The state of the task of a connector that should run, in Connect's words.
    fn task_word(&self, name: &str, connector: &Connector, running: Option<u64>) -> (&'static str, Option<String>) {
        match running {
            None => return ("UNASSIGNED", None),
            Some(generation) if generation != connector.generation => return ("RESTARTING", None),
            Some(_) => {}
        }
        let status = self.supervisor.status(name).unwrap_or_default();
        let trace = status.error.as_ref().map(trace);
        let word = match status.state {
            // Tried again and again: what is in the way is in the trace.
            ConnectorState::Starting if trace.is_some() => "RESTARTING",
            ConnectorState::Starting => "UNASSIGNED",
            ConnectorState::Snapshot | ConnectorState::Streaming | ConnectorState::Done => "RUNNING",
            ConnectorState::Paused => "PAUSED",
            ConnectorState::Failed => "FAILED",
        };
        (word, trace)
    }

    fn kind(&self, connector: &Connector) -> &'static str {
        match connector.config.as_ref().and_then(|config| self.plugin(config)).map(|plugin| plugin.kind()) {
            Some(kind) => kind_word(kind),
            None => "unknown",
        }
    }
}

impl Connector {
    fn has_task(&self) -> bool {
        self.broken.is_none() && self.target != Target::Stopped
    }
}

/// The word for a kind of connector.
pub fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Source => "source",
        Kind::Sink => "sink",
    }
}

pub(crate) fn not_found(name: &str) -> Refusal {
    Refusal::not_found(format!("Connector {name} not found"))
}

fn trace(problem: &Problem) -> String {
    let Problem { code, cause, remedy, .. } = problem;
    if remedy.is_empty() { format!("{code}: {cause}") } else { format!("{code}: {cause}\nTo do: {remedy}") }
}

fn as_map<S: Serializer>(config: &Config, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(config.iter())
}
