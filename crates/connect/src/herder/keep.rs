//! Brings what runs in line with what should run.

use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Weak};

use tailwater_connector::{Config, Problem};

use super::{Herder, Keeper, Target};
use crate::limits::{KEEP_AGAIN, KEEP_EVERY};

/// No connector's generation: what was asked to end is none that is wanted.
const ENDING: u64 = 0;

impl Herder {
    /// Starts what should run, and sees to it from now on, on a thread that ends with the herder.
    pub fn start(self: &Arc<Self>, keeper: Keeper) -> Result<(), Problem> {
        let herder: Weak<Herder> = Arc::downgrade(self);
        self.state().started = true;
        self.keep();
        let keep = move || {
            let mut soon = true;
            loop {
                match keeper.0.recv_timeout(if soon { KEEP_AGAIN } else { KEEP_EVERY }) {
                    Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                let Some(herder) = herder.upgrade() else { return };
                herder.store().undo();
                soon = herder.keep();
            }
        };
        let spawned = std::thread::Builder::new().name("herder".into()).spawn(keep);
        spawned.map(drop).map_err(|error| {
            Problem::environment("THREAD_LIMIT", format!("the system gives no thread: {error}"), "ulimit -u 4096")
        })
    }

    /// One look at all connectors; says whether some are still on their way, because their threads have yet to end.
    pub(super) fn keep(&self) -> bool {
        let mut guard = self.state();
        let state = &mut *guard;
        if !state.started {
            return false;
        }
        let mut pending = false;
        let gone: Vec<String> = state.running.keys().cloned().collect();
        for name in gone {
            let connector = state.connectors.get(&name);
            if state.running.get(&name).copied() == connector.and_then(super::Connector::wanted) {
                continue;
            }
            // What goes on later keeps what it holds on the server.
            let goes_on = connector.is_some_and(|connector| connector.target != Target::Stopped);
            let ended = if goes_on { self.supervisor.suspend(&name) } else { self.supervisor.remove(&name) };
            if ended {
                state.running.remove(&name);
            } else {
                // It ends by now, also when by its end it is wanted again.
                state.running.insert(name, ENDING);
                pending = true;
            }
        }
        // A deleted sink would else hold back retention for ever; one that ends may still say how far it has come.
        self.transport.needed_only_by(&|name| state.connectors.contains_key(name) || state.running.contains_key(name));
        for (name, connector) in &state.connectors {
            let Some(generation) = connector.wanted().filter(|_| !state.running.contains_key(name)) else { continue };
            if state.held.contains(name) {
                continue;
            }
            let problems = match (&connector.broken, &connector.config) {
                (Some(problems), _) => problems.clone(),
                (None, Some(config)) => self.start_one(name, config, connector.of_file).err().unwrap_or_default(),
                (None, None) => Vec::new(),
            };
            if !problems.is_empty() {
                self.supervisor.show_failed(name, problems);
            }
            state.running.insert(name.clone(), generation);
        }
        pending
    }

    fn start_one(&self, name: &str, config: &Config, of_file: bool) -> Result<(), Vec<Problem>> {
        let resolved = self.secrets.resolve(config, self.secrets.origin(of_file))?;
        self.plugin_named(config, &resolved).map_err(|p| vec![p])?;
        // Files also of those that were made when more was allowed.
        self.supervisor.start_if(name, &resolved, |configured| self.look(configured, config, &resolved, |_| of_file))
    }
}
