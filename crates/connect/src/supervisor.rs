//! Owns all connectors of a process: starts them, stops them, knows how they are.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tailwater_connector::plugin::Instance;
use tailwater_connector::{Config, ConnectorState, Problem, Signal, Status, StatusCell, Transport};

use crate::limits::CONNECTORS_MAX;
use crate::registry::Registry;
use crate::task::{Task, merge};

/// All connectors of a process. Shared by the faces and the directory watch; no call waits while it holds the lock.
pub struct Supervisor {
    registry: Registry,
    transport: Arc<dyn Transport>,
    connectors: Mutex<BTreeMap<String, Connector>>,
}

struct Connector {
    status: Arc<StatusCell>,
    /// `None` for a connector that never came to run, and once its thread was waited for.
    task: Option<Task>,
}

/// A connector with its warnings, or all that is wrong with its configuration.
pub(crate) type Configured = Result<(Instance, Vec<Problem>), Vec<Problem>>;

/// The body of `/readyz` (design §11).
#[derive(Debug, Serialize)]
pub struct Readiness {
    /// Whether every connector that should run streams or is done.
    pub ready: bool,
    /// By name.
    pub connectors: BTreeMap<String, Health>,
}

/// One connector in `/readyz`.
#[derive(Debug, Serialize)]
pub struct Health {
    /// Where it is.
    pub state: ConnectorState,
    /// Why it is not where it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<HealthError>,
    /// What the reader should know although work goes on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<HealthError>,
}

/// A problem as the HTTP face shows it.
#[derive(Debug, Serialize)]
pub struct HealthError {
    /// Stable code.
    pub code: String,
    /// What happened.
    pub cause: String,
    /// What to do.
    pub remedy: String,
}

impl From<Problem> for HealthError {
    fn from(problem: Problem) -> Self {
        HealthError { code: problem.code, cause: problem.cause, remedy: problem.remedy }
    }
}

impl Supervisor {
    /// Without connectors.
    pub fn new(registry: Registry, transport: Arc<dyn Transport>) -> Self {
        Supervisor { registry, transport, connectors: Mutex::default() }
    }

    /// Validates a configuration and starts a connector with it; every problem of the configuration at once, and then
    /// nothing was started. What the connector meets outside is in its status.
    pub fn start(&self, name: &str, config: &Config) -> Result<(), Vec<Problem>> {
        self.start_if(name, config, |configured| configured)
    }

    /// The same, when somebody who looks at what was configured lets it pass.
    pub(crate) fn start_if(
        &self,
        name: &str,
        config: &Config,
        look: impl FnOnce(Configured) -> Configured,
    ) -> Result<(), Vec<Problem>> {
        let plugin = self.registry.find(config.text("connector.class")).map_err(|p| vec![p])?;
        // One that breaks here must not break those that start after it.
        let configured = catch_unwind(AssertUnwindSafe(|| plugin.configure(config)));
        let (instance, warnings) = look(configured.unwrap_or_else(|_| {
            Err(vec![Problem::internal("INTERNAL", "the configuration met a fault in Tailwater itself")])
        }))?;
        let mut connectors = self.lock();
        if connectors.contains_key(name) {
            return Err(vec![Problem::config(
                "CONNECTOR_EXISTS",
                format!("there is already a connector named '{name}'"),
                "Give the connector another \"name\".",
            )]);
        }
        if connectors.len() >= CONNECTORS_MAX {
            return Err(vec![Problem::config(
                "CONNECTORS_TOO_MANY",
                format!("one process runs at most {CONNECTORS_MAX} connectors"),
                "Run the others with a second data directory.",
            )]);
        }
        let status = Arc::new(StatusCell::new(name));
        let transport = Arc::clone(&self.transport);
        let task = Task::spawn(name, instance, warnings, transport, Arc::clone(&status)).map_err(|p| vec![p])?;
        connectors.insert(name.to_owned(), Connector { status, task: Some(task) });
        tracing::info!(connector = name, class = config.text("connector.class"), "connector started");
        Ok(())
    }

    /// Shows a connector that could not be started, with what is wrong; a running one of that name is left alone.
    pub fn show_failed(&self, name: &str, problems: Vec<Problem>) {
        let mut connectors = self.lock();
        if connectors.contains_key(name) {
            return;
        }
        let status = Arc::new(StatusCell::new(name));
        let (errors, warnings): (Vec<_>, Vec<_>) = problems.into_iter().partition(Problem::is_error);
        for warning in warnings {
            status.warn(warning);
        }
        if let Some(problem) = merge(errors) {
            status.set_error(ConnectorState::Failed, problem);
        }
        connectors.insert(name.to_owned(), Connector { status, task: None });
    }

    /// Whether there is a connector of this name, in whatever state.
    pub fn contains(&self, name: &str) -> bool {
        self.lock().contains_key(name)
    }

    /// Asks a connector to end and forgets it once its thread has ended; says whether it is gone. Does not wait: ask
    /// again later.
    pub fn remove(&self, name: &str) -> bool {
        self.end(name, Task::ask_to_stop)
    }

    /// The same of a connector that is to go on later, with another configuration or after a pause: what it holds on the
    /// server stays.
    pub fn suspend(&self, name: &str) -> bool {
        self.end(name, Task::ask_to_pause)
    }

    fn end(&self, name: &str, ask: fn(&Task)) -> bool {
        let mut connectors = self.lock();
        let Some(connector) = connectors.get(name) else {
            return true;
        };
        if let Some(task) = &connector.task {
            ask(task);
            if !task.is_finished() {
                return false;
            }
        }
        connectors.remove(name);
        crate::metrics::clear(name);
        tracing::info!(connector = name, "connector stopped");
        true
    }

    /// Ends a connector, forgets it, and gives it back, so that a throw-away run can destroy it. `None` when there was
    /// none, or when it never ran or broke.
    pub fn stop(&self, name: &str, within: Duration) -> Result<Option<Instance>, Problem> {
        let task = match self.lock().get_mut(name) {
            Some(connector) => connector.task.take(),
            None => return Ok(None),
        };
        let instance = match task {
            Some(task) => {
                task.ask_to_stop();
                task.join(Instant::now() + within).map_err(|task| self.put_back(name, task))?
            }
            None => None,
        };
        self.lock().remove(name);
        crate::metrics::clear(name);
        Ok(instance)
    }

    /// Ends all connectors, sources first, so that the sinks deliver what the sources have written. Statuses stay.
    /// Returns the names of those that still run when the time is over; they end with the process.
    pub fn stop_all(&self, within: Duration) -> Vec<String> {
        let start = Instant::now();
        let mut late = self.stop_some(Task::is_source, start + within / 2);
        late.extend(self.stop_some(|_| true, start + within));
        late
    }

    /// How every connector is.
    pub fn statuses(&self) -> BTreeMap<String, Status> {
        self.lock().iter().map(|(name, connector)| (name.clone(), connector.status.get())).collect()
    }

    /// How one connector is.
    pub fn status(&self, name: &str) -> Option<Status> {
        self.lock().get(name).map(|connector| connector.status.get())
    }

    /// Whether a connector is a source that runs, or has not been waited for yet.
    pub fn is_source(&self, name: &str) -> bool {
        self.lock().get(name).and_then(|connector| connector.task.as_ref()).is_some_and(Task::is_source)
    }

    /// Hands a signal (`execute-snapshot`, `pause-snapshot`, …) to a running source.
    pub fn signal(&self, name: &str, signal: Signal) -> Result<(), Problem> {
        let connectors = self.lock();
        match connectors.get(name).and_then(|connector| connector.task.as_ref()) {
            Some(task) if task.is_source() && !task.is_finished() => task.signals().send(signal),
            _ => Err(Problem::config(
                "CONNECTOR_UNKNOWN",
                format!("no source named '{name}' runs, so nobody would act on the signal"),
                "See which connectors run: curl -s http://127.0.0.1:8080/readyz",
            )),
        }
    }

    /// The answer of `/readyz`.
    pub fn readiness(&self) -> Readiness {
        let statuses = self.statuses();
        let ready = statuses.values().all(|s| matches!(s.state, ConnectorState::Streaming | ConnectorState::Done));
        let health = |status: Status| Health {
            state: status.state,
            error: status.error.map(HealthError::from),
            warnings: status.warnings.into_iter().map(HealthError::from).collect(),
        };
        Readiness { ready, connectors: statuses.into_iter().map(|(name, status)| (name, health(status))).collect() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Connector>> {
        self.connectors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put_back(&self, name: &str, task: Task) -> Problem {
        if let Some(connector) = self.lock().get_mut(name) {
            connector.task = Some(task);
        }
        Problem::retry(
            "CONNECTOR_STOPPING",
            format!("connector '{name}' has not ended yet"),
            "Wait a moment and ask again.",
        )
    }

    fn stop_some(&self, which: impl Fn(&Task) -> bool, deadline: Instant) -> Vec<String> {
        let mut tasks = Vec::new();
        for (name, connector) in self.lock().iter_mut() {
            if let Some(task) = connector.task.take_if(|task| which(task)) {
                task.ask_to_stop();
                tasks.push((name.clone(), task));
            }
        }
        tasks.into_iter().filter_map(|(name, task)| task.join(deadline).is_err().then_some(name)).collect()
    }
}

/// Threads are asked to end and not waited for.
impl Drop for Supervisor {
    fn drop(&mut self) {
        self.lock().values().filter_map(|c| c.task.as_ref()).for_each(Task::ask_to_stop);
    }
}
