//! One connector's thread: preflight, then work, with a pause before what may pass by itself is tried again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use tailwater_connector::plugin::Instance;
use tailwater_connector::retry::Backoff;
use tailwater_connector::{
    ConnectorState, Problem, ProblemKind, Signals, SinkContext, SourceContext, StatusCell, Stop, Transport,
};

use crate::limits::JOIN_POLL;

/// A connector that was started. Its thread ends when its work is done, when it fails, or when it is asked to.
pub(crate) struct Task {
    is_source: bool,
    stop: Stop,
    signals: Signals,
    thread: JoinHandle<Option<Instance>>,
}

impl Task {
    /// Starts the thread. `warnings` came with the instance and stay in the status.
    pub(crate) fn spawn(
        name: &str,
        instance: Instance,
        warnings: Vec<Problem>,
        transport: Arc<dyn Transport>,
        status: Arc<StatusCell>,
    ) -> Result<Task, Problem> {
        let (stop, signals) = (Stop::default(), Signals::default());
        let is_source = matches!(instance, Instance::Source(_));
        let life =
            Life { name: name.to_owned(), warnings, transport, status, stop: stop.clone(), signals: signals.clone() };
        let thread = std::thread::Builder::new()
            .name(format!("connector {name}"))
            .spawn(move || life.lead(instance))
            .map_err(|error| {
            Problem::environment(
                "THREAD_LIMIT",
                format!("the system gives no thread for connector '{name}': {error}"),
                "ulimit -u 4096",
            )
        })?;
        Ok(Task { is_source, stop, signals, thread })
    }

    /// Whether it is a source, which must end before the sinks that deliver what it wrote.
    pub(crate) fn is_source(&self) -> bool {
        self.is_source
    }

    /// Where a source takes signals from.
    pub(crate) fn signals(&self) -> &Signals {
        &self.signals
    }

    /// Asks the thread to end.
    pub(crate) fn ask_to_stop(&self) {
        self.stop.set();
    }

    /// Asks the thread to end, and to leave what it holds on the server.
    pub(crate) fn ask_to_pause(&self) {
        self.stop.pause();
    }

    /// Whether the thread has ended.
    pub(crate) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the thread's end. The connector, unless it broke; `Err` gives a task back that still runs at `deadline`.
    pub(crate) fn join(self, deadline: Instant) -> Result<Option<Instance>, Task> {
        while !self.thread.is_finished() {
            if Instant::now() >= deadline {
                return Err(self);
            }
            std::thread::sleep(JOIN_POLL);
        }
        Ok(self.thread.join().unwrap_or_default())
    }
}

/// What a connector's thread holds.
struct Life {
    name: String,
    warnings: Vec<Problem>,
    transport: Arc<dyn Transport>,
    status: Arc<StatusCell>,
    stop: Stop,
    signals: Signals,
}

impl Life {
    /// The thread: gives the connector back unless it panicked, in which case nothing of it can be trusted.
    fn lead(self, mut instance: Instance) -> Option<Instance> {
        // What this thread logs is about the connector, whether it says so or not.
        let span = tracing::error_span!("connector", connector = self.name);
        let _inside = span.enter();
        for warning in &self.warnings {
            self.status.warn(warning.clone());
        }
        match catch_unwind(AssertUnwindSafe(|| self.work(&mut instance))) {
            Ok(finished) => {
                if finished.is_some() && !self.stop.is_set() {
                    self.status.set(ConnectorState::Done);
                }
                Some(instance)
            }
            Err(_) => {
                // The panic's text may hold row values; the hook of the process has shown its place.
                let problem = Problem::internal("INTERNAL", "the connector met a fault in Tailwater itself and ended");
                self.status.set_error(ConnectorState::Failed, problem);
                None
            }
        }
    }

    /// `None` when it was stopped or failed.
    fn work(&self, instance: &mut Instance) -> Option<()> {
        self.persist(|| self.preflight(instance))?;
        let (name, status, stop) = (self.name.clone(), Arc::clone(&self.status), self.stop.clone());
        match instance {
            Instance::Source(source) => {
                let writer = source.around(self.persist(|| self.transport.open_source(&self.name))?);
                let signals = self.signals.clone();
                let mut context = SourceContext { name, writer, status, stop, signals };
                self.persist(|| source.run(&mut context))
            }
            Instance::Sink(sink) => {
                let mut context = SinkContext { name, transport: Arc::clone(&self.transport), status, stop };
                self.persist(|| sink.run(&mut context))
            }
        }
    }

    fn preflight(&self, instance: &mut Instance) -> Result<(), Problem> {
        let problems = match instance {
            Instance::Source(source) => source.preflight(),
            Instance::Sink(sink) => sink.preflight(),
        };
        self.status.retain_warnings(|shown| self.warnings.contains(shown));
        let (errors, warnings): (Vec<_>, Vec<_>) = problems.into_iter().partition(Problem::is_error);
        for warning in warnings {
            self.status.warn(warning);
        }
        merge(errors).map_or(Ok(()), Err)
    }

    /// Repeats a step while its problem may pass by itself. `None` when it was stopped or failed.
    fn persist<T>(&self, mut step: impl FnMut() -> Result<T, Problem>) -> Option<T> {
        let mut backoff = Backoff::default();
        while !self.stop.is_set() {
            let problem = match step() {
                Ok(result) => return Some(result),
                Err(problem) => problem,
            };
            if matches!(self.status.get().state, ConnectorState::Snapshot | ConnectorState::Streaming) {
                backoff.reset();
            }
            match problem.kind {
                ProblemKind::Retry => self.status.set_error(ConnectorState::Starting, problem),
                ProblemKind::Paused => self.status.set_error(ConnectorState::Paused, problem),
                ProblemKind::Config | ProblemKind::Environment | ProblemKind::Stop | ProblemKind::Internal => {
                    self.status.set_error(ConnectorState::Failed, problem);
                    return None;
                }
            }
            self.stop.wait(backoff.next_pause());
        }
        None
    }
}

/// Several problems as the one that a status can show: all causes and remedies, under the code and kind of the first
/// that does not pass by itself. `None` for none.
pub(crate) fn merge(problems: Vec<Problem>) -> Option<Problem> {
    let lead = problems.iter().find(|p| p.kind != ProblemKind::Retry).or(problems.first())?;
    let join = |part: fn(&Problem) -> &str, separator: &str| {
        problems.iter().map(part).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(separator)
    };
    Some(Problem::new(lead.kind, &lead.code, join(|p| &p.cause, "; "), join(|p| &p.remedy, "\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_problems_keep_every_cause_and_do_not_retry_when_one_will_not_pass() {
        let merged = merge(vec![
            Problem::retry("HOST_UNREACHABLE", "no answer", "ping db"),
            Problem::config("PROPERTY_MISSING", "no user", "Add \"database.user\"."),
        ])
        .unwrap();
        assert_eq!((merged.kind, merged.code.as_str()), (ProblemKind::Config, "PROPERTY_MISSING"));
        assert_eq!(merged.cause, "no answer; no user");
        assert_eq!(merged.remedy, "ping db\nAdd \"database.user\".");
        assert_eq!(merge(Vec::new()), None);
    }
}
