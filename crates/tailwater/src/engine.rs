//! An open data directory: the journal and the transport over it.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use tailwater_connector::{Problem, TopicReader, Transport};
use tailwater_journal::fs::RealFs;
use tailwater_journal::{Journal, JournalError, Options, SystemClock};
use tailwater_kafka::security::users::Users;
use tailwater_kafka::server::{Listener, Settings, StartError, cluster_id};
use tailwater_kafka::transport::embedded::EmbeddedTransport;
use tailwater_kafka::transport::problem::journal_problem;

/// A data directory that this process holds.
pub struct Engine {
    journal: Journal,
    transport: Arc<EmbeddedTransport>,
}

impl Engine {
    /// Takes a data directory, making it when it is not there, and recovers what it holds.
    pub fn open(dir: &Path) -> Result<Engine, Problem> {
        let journal =
            Journal::open(Arc::new(RealFs), dir, Options::default(), Arc::new(SystemClock)).map_err(problem)?;
        let transport = Arc::new(EmbeddedTransport::new(journal.clone()));
        Ok(Engine { journal, transport })
    }

    /// The writing and the reading end.
    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.transport) as Arc<dyn Transport>
    }

    /// The reading end.
    pub fn reader(&self) -> Arc<dyn TopicReader> {
        self.transport.reader()
    }

    /// The users of the Kafka listener; to be opened once.
    pub fn users(&self) -> Result<Users, Problem> {
        Users::open(self.journal.clone()).map_err(problem)
    }

    /// Serves the topics over Kafka's protocol on a bound socket; without one, only to this process.
    pub fn serve_kafka(&self, socket: Option<TcpListener>, settings: Settings) -> Result<Listener, Problem> {
        self.transport.set_default_partitions(settings.partitions);
        Listener::start(socket, self.journal.clone(), settings).map_err(|error| match error {
            StartError::Journal(error) => problem(error),
            StartError::System(error) => Problem::environment(
                "KAFKA",
                format!("the Kafka face cannot start: {error}"),
                "ulimit -n; ulimit -u   # or use --kafka off",
            ),
        })
    }

    /// The id of the cluster that Kafka's clients see.
    pub fn cluster_id(&self) -> Result<String, Problem> {
        cluster_id(&self.journal).map_err(problem)
    }

    /// Why the journal cannot go on, which ends the process.
    pub fn failure(&self) -> Option<Problem> {
        self.journal.durable().err().map(problem)
    }

    /// Makes everything durable and gives the directory back.
    pub fn close(self) -> Result<(), Problem> {
        self.journal.close().map_err(problem)
    }
}

/// A journal's error. A disk that is full when a directory is opened or closed is the environment's: nothing waits here
/// for space.
pub fn problem(error: JournalError) -> Problem {
    match error {
        JournalError::DiskFull { .. } => Problem::environment(error.code(), error.to_string(), error.remedy()),
        error => journal_problem(error),
    }
}
