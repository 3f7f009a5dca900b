//! The connectors that there should be, and the life that follows from it.
//!
//! Connectors made by REST, by files and by the command line end here. What there should be (a configuration as typed, and
//! a target state) is durable before anyone is told that it is so ([`store`]); [`keep`] brings the [`Supervisor`] in line
//! with it, now and after every start. Names, codes and texts are those of Kafka Connect 4.3 where Connect has some.

mod change;
mod checks;
pub mod definitions;
mod error;
mod file;
mod framework;
mod keep;
pub mod mask;
mod offsets;
mod store;
mod topics;
pub mod validate;
pub mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tailwater_connector::{Config, Plugin, Problem, Transport};

pub use change::{Applied, Changed, Typed};
pub use error::Refusal;
pub use store::Target;

use crate::placeholder::Secrets;
use crate::registry::Registry;
use crate::supervisor::Supervisor;
use checks::Checks;
use store::Store;

/// All connectors that there should be. Calls may wait for the disk, and those that check a configuration for the database,
/// within the preflight's bounds; none waits for a connector's end.
pub struct Herder {
    supervisor: Arc<Supervisor>,
    registry: Registry,
    transport: Arc<dyn Transport>,
    secrets: Secrets,
    /// One change at a time; held while the disk is waited for and until memory says what is durable, and never while a
    /// database is waited for. Taken before `state`.
    store: Mutex<Store>,
    state: Mutex<State>,
    checks: Checks,
    wake: SyncSender<()>,
    worker: OnceLock<String>,
}

/// What is known in memory.
#[derive(Default)]
struct State {
    connectors: BTreeMap<String, Connector>,
    /// The generation of each connector that the supervisor has, until its end.
    running: BTreeMap<String, u64>,
    last_generation: u64,
    /// Stopped connectors whose position is being changed: they do not start meanwhile.
    held: BTreeSet<String>,
    /// How many topics of each connector are noted already.
    topics_seen: BTreeMap<String, usize>,
    /// Whether anything may run yet.
    started: bool,
}

/// A connector that there should be.
#[derive(Clone, Default)]
struct Connector {
    /// As typed, with `name`; `None` while its file was never good.
    config: Option<Config>,
    target: Target,
    /// Another number means another run.
    generation: u64,
    /// What is wrong with its file, while it is, or with what was stored; the connector does not run then.
    broken: Option<Vec<Problem>>,
    /// Whether a file made it, which may read beside itself.
    of_file: bool,
}

impl State {
    fn next_generation(&mut self) -> u64 {
        self.last_generation += 1;
        self.last_generation
    }
}

impl Connector {
    /// The run that there should be.
    fn wanted(&self) -> Option<u64> {
        let runs = self.broken.is_some() || self.config.is_some() && self.target == Target::Running;
        runs.then_some(self.generation)
    }
}

impl Herder {
    /// Reads back what there should be; nothing runs before [`Herder::start`].
    pub fn open(
        registry: Registry,
        supervisor: Arc<Supervisor>,
        transport: Arc<dyn Transport>,
        secrets: Secrets,
    ) -> (Arc<Herder>, Keeper) {
        let store = Store::open(Arc::clone(&transport));
        let files: BTreeSet<String> = store.files().map(|(_, applied)| applied.connector).collect();
        let mut state = State::default();
        for (name, stored) in store.connectors() {
            let generation = state.next_generation();
            let of_file = files.contains(&name);
            let connector = match stored {
                Ok((config, target)) => Connector { config: Some(config), target, generation, broken: None, of_file },
                Err(problem) => Connector { generation, broken: Some(vec![problem]), of_file, ..Connector::default() },
            };
            state.connectors.insert(name, connector);
        }
        let (wake, woken) = sync_channel(1);
        let herder = Herder {
            supervisor,
            registry,
            transport,
            secrets,
            store: Mutex::new(store),
            state: Mutex::new(state),
            checks: Checks::default(),
            wake,
            worker: OnceLock::new(),
        };
        (Arc::new(herder), Keeper(woken))
    }

    /// Says under which address this worker is known (`worker_id`); the first word counts.
    pub fn set_worker(&self, address: String) {
        drop(self.worker.set(address));
    }

    /// The plugins that connectors can be made of.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What runs.
    pub fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    fn worker(&self) -> String {
        self.worker.get().cloned().unwrap_or_else(|| "127.0.0.1:8083".to_owned())
    }

    fn plugin(&self, config: &Config) -> Option<Arc<dyn Plugin>> {
        self.registry.find(config.text("connector.class")).ok()
    }

    /// The plugin of a resolved configuration. An unknown class is told as it was typed: a placeholder's value is nobody's to
    /// read, also where it came to stand for a class by mistake.
    fn plugin_named(&self, typed: &Config, resolved: &Config) -> Result<Arc<dyn Plugin>, Problem> {
        let find = |config: &Config| self.registry.find(config.text("connector.class"));
        find(resolved).map_err(|problem| find(typed).err().unwrap_or(problem))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the supervisor follow at once, and the keeper look again at what takes longer.
    fn follow(&self) {
        if self.keep()
            && let Err(TrySendError::Disconnected(())) = self.wake.try_send(())
        {
            tracing::debug!("nobody keeps the connectors; the process ends");
        }
    }
}

/// The receiving end of a herder's wishes; handed to [`Herder::start`].
pub struct Keeper(Receiver<()>);
