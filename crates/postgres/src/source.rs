//! The log source: its life from start to stop.

use std::path::PathBuf;

use tailwater_connector::status::ConnectorState;
use tailwater_connector::{Durable, Offset, Problem, Source, SourceContext, SourceWriter};

use crate::client::Client;
use crate::session::{Next, Session};
use crate::settings::{Settings, SnapshotMode};
use crate::stream::{self, End};
use crate::{offsets, preflight, problem, publication, slot};

/// Captures one database through a replication slot.
pub struct PostgresSource {
    settings: Settings,
    /// The snapshot that `snapshot.mode=always` takes at each start was taken.
    snapshot_taken: bool,
}

impl PostgresSource {
    /// From settings that were checked.
    pub fn new(settings: Settings) -> Self {
        PostgresSource { settings, snapshot_taken: false }
    }

    /// One connection's worth of work.
    fn attempt(&mut self, context: &mut SourceContext) -> Result<End, Problem> {
        let again = self.settings.snapshot_mode == SnapshotMode::Always && !self.snapshot_taken;
        let mut session = Session::open(&self.settings, context)?;
        let (position, sequence_from, placed) = match session.prepare(again)? {
            Next::Done => return Ok(End::Done),
            Next::Stream(position, sequence_from, placed) => (position, sequence_from, placed),
        };
        self.snapshot_taken = true;
        stream::run(&mut session, position, sequence_from, placed)
    }

    fn drop_slot(&self) -> Result<(), Problem> {
        let to_problem = |error| problem::of(&error, &self.settings.connection);
        let mut client = Client::connect(&self.settings.connection, false).map_err(to_problem)?;
        slot::remove(&mut client, &self.settings.slot.name).map_err(to_problem)
    }
}

impl Source for PostgresSource {
    fn preflight(&mut self) -> Vec<Problem> {
        preflight::problems(&self.settings)
    }

    fn files(&self) -> Vec<(&'static str, PathBuf)> {
        let tls = &self.settings.connection.tls;
        let named = [
            ("database.sslrootcert", &tls.root_certificate),
            ("database.sslcert", &tls.certificate),
            ("database.sslkey", &tls.key),
            ("signal.file", &self.settings.signals.file),
        ];
        named.into_iter().filter_map(|(name, path)| Some((name, path.clone()?))).collect()
    }

    fn run(&mut self, context: &mut SourceContext) -> Result<(), Problem> {
        loop {
            let result = self.attempt(context);
            // Whatever happened, a transaction that did not come in full is forgotten; it comes again.
            context.writer.rollback()?;
            match result {
                Ok(End::Again) => {}
                Ok(End::Done) => {
                    context.status.set(ConnectorState::Done);
                    return Ok(());
                }
                Ok(End::Stopped) => break,
                Err(_) if context.stop.is_set() => break,
                Err(problem) => return Err(problem),
            }
        }
        if self.settings.slot.drop_on_stop && !context.stop.is_pause() {
            self.drop_slot()?;
        }
        Ok(())
    }

    fn offsets(&self, durable: &Durable) -> Vec<Offset> {
        offsets::shown(&self.settings, durable)
    }

    fn alter_offsets(&mut self, offsets: &[Offset], writer: &mut dyn SourceWriter) -> Result<(), Problem> {
        offsets::alter(&self.settings, offsets, writer)
    }

    fn destroy(&mut self) -> Result<(), Problem> {
        let to_problem = |error| problem::of(&error, &self.settings.connection);
        let mut client = Client::connect(&self.settings.connection, false).map_err(to_problem)?;
        slot::remove(&mut client, &self.settings.slot.name).map_err(to_problem)?;
        publication::remove(&mut client, &self.settings.publication).map_err(to_problem)
    }
}
