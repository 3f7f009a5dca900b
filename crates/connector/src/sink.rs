//! The contract of sinks.

use std::path::PathBuf;
use std::sync::Arc;

use crate::problem::Problem;
use crate::status::StatusCell;
use crate::stop::Stop;
use crate::transport::Transport;

/// What a sink is given to run.
pub struct SinkContext {
    /// The connector's name; its entries in the transport hold its plans and offsets.
    pub name: String,
    /// Records, and the sink's own entries.
    pub transport: Arc<dyn Transport>,
    /// Where state, progress and problems are shown.
    pub status: Arc<StatusCell>,
    /// Set when the sink should end: it delivers what it has read, and of what is visible as much as takes no long time.
    pub stop: Stop,
}

/// Delivers topics to a destination. Made by a [`Plugin`](crate::Plugin) from a valid configuration.
pub trait Sink: Send {
    /// Looks at the destination and reports all problems at once.
    fn preflight(&mut self) -> Vec<Problem>;
    /// The files and directories of this machine that it reads or writes, each with the property that names it.
    fn files(&self) -> Vec<(&'static str, PathBuf)> {
        Vec::new()
    }
    /// Runs until [`Stop`] is set. Errors as in [`Source::run`](crate::Source::run).
    fn run(&mut self, context: &mut SinkContext) -> Result<(), Problem>;
}
