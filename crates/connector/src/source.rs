//! The contract of sources.

use std::path::PathBuf;
use std::sync::Arc;

use crate::offset::Offset;
use crate::problem::Problem;
use crate::signal::Signals;
use crate::status::StatusCell;
use crate::stop::Stop;
use crate::transport::{Durable, SourceWriter};

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
    /// What the source is to write to, from the writing end of its topics: itself, or what converts records on their way.
    fn around(&mut self, writer: Box<dyn SourceWriter>) -> Box<dyn SourceWriter> {
        writer
    }
    /// Runs until [`Stop`] is set or the work is done (`snapshot.mode=initial_only`). An error of kind
    /// [`Retry`](crate::ProblemKind::Retry) is followed by another `run` after a pause; others end the connector.
    fn run(&mut self, context: &mut SourceContext) -> Result<(), Problem>;
    /// The files of this machine that it reads or writes, each with the property that names it.
    fn files(&self) -> Vec<(&'static str, PathBuf)> {
        Vec::new()
    }
    /// A durable position as Kafka Connect shows it.
    fn offsets(&self, _durable: &Durable) -> Vec<Offset> {
        Vec::new()
    }
    /// Begins an era that goes on from these offsets, or anew where one says nothing; durable when it returns. Called while
    /// the source does not run.
    fn alter_offsets(&mut self, _offsets: &[Offset], _writer: &mut dyn SourceWriter) -> Result<(), Problem> {
        Err(Problem::config(
            "OFFSETS_FIXED",
            "a connector of this class takes no other position",
            "Give the connector another \"name\" to start anew.",
        ))
    }
    /// Undoes what the source made on the server (slot, publications). Used by throw-away runs only.
    fn destroy(&mut self) -> Result<(), Problem>;
}
