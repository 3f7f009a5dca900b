//! The contract of sources.

use std::sync::Arc;

use crate::problem::Problem;
use crate::signal::Signals;
use crate::status::StatusCell;
use crate::stop::Stop;
use crate::transport::SourceWriter;

/// What a source is given to run.
pub struct SourceContext {
    /// The connector's name.
    pub name: String,
    /// Where transactions go.
    pub writer: Box<dyn SourceWriter>,
    /// Where state, progress and problems are shown.
    pub status: Arc<StatusCell>,
    /// Set when the source should end.
    pub stop: Stop,
    /// What the faces ask of it while it runs.
    pub signals: Signals,
}

/// Reads a database. Made by a [`Plugin`](crate::Plugin) from a valid configuration.
pub trait Source: Send {
    /// Looks at the outside and reports all problems at once, changing nothing. Warnings do not stop.
    fn preflight(&mut self) -> Vec<Problem>;
    /// Runs until [`Stop`] is set or the work is done (`snapshot.mode=initial_only`). An error of kind
    /// [`Retry`](crate::ProblemKind::Retry) is followed by another `run` after a pause; others end the connector.
    fn run(&mut self, context: &mut SourceContext) -> Result<(), Problem>;
    /// Undoes what the source made on the server (slot, publications). Used by throw-away runs only.
    fn destroy(&mut self) -> Result<(), Problem>;
}
