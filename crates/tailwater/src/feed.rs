//! The topics of a data directory, through its server while one runs, else from its files; or those of Kafka brokers.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tailwater_connector::transport::TopicInfo;
use tailwater_connector::{Problem, TopicReader};
use tailwater_kafka::client::{BrokerReader, Client};
use tailwater_kafka::security::users::{UserInfo, UserRequest};
use tailwater_kafka::server::{self as kafka, Listener};

use crate::cli::Reached;
use crate::control::client::{RemoteReader, server_ended};
use crate::engine::Engine;
use crate::limits::LOCK_PATIENCE;

/// Topics to read, wherever they are.
pub enum Feed {
    /// Of a server that runs.
    Live(Arc<RemoteReader>),
    /// Of a directory that nobody serves, which is locked while this lives.
    Stopped(Engine),
    /// Of Kafka brokers.
    Brokers(Arc<BrokerReader>),
}

impl Feed {
    /// Opens a directory. One that is locked but does not answer belongs to a server that starts or ends: it is tried
    /// again for a while.
    pub fn open(dir: &Path) -> Result<Feed, Problem> {
        if holds_data(dir) {
            Feed::open_or_make(dir)
        } else {
            Err(Problem::config(
                "DATA_DIR_MISSING",
                format!("there is no data directory {}", dir.display()),
                "Name the directory of `tailwater serve` with --data-dir.",
            ))
        }
    }

    /// Opens a directory, which is made when it is not there.
    pub fn open_or_make(dir: &Path) -> Result<Feed, Problem> {
        let deadline = Instant::now() + LOCK_PATIENCE;
        loop {
            match RemoteReader::connect(dir) {
                Ok(reader) => return Ok(Feed::Live(Arc::new(reader))),
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {}
                Err(error) => {
                    return Err(Problem::environment(
                        "CONTROL_SOCKET",
                        format!("the control socket of {} does not answer: {error}", dir.display()),
                        "Use the account that the server runs as.",
                    ));
                }
            }
            match Engine::open(dir) {
                Ok(engine) => return Ok(Feed::Stopped(engine)),
                Err(problem) if problem.code == "LOCKED" && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(problem) => return Err(problem),
            }
        }
    }

    /// Connects to Kafka brokers.
    pub fn connect(brokers: Reached) -> Result<Feed, Problem> {
        let client = Client::connect(&brokers.bootstrap, brokers.access)?;
        Ok(Feed::Brokers(Arc::new(BrokerReader::new(client))))
    }

    /// Its topics.
    pub fn reader(&self) -> Arc<dyn TopicReader> {
        match self {
            Feed::Live(reader) => Arc::clone(reader) as Arc<dyn TopicReader>,
            Feed::Stopped(engine) => engine.reader(),
            Feed::Brokers(reader) => Arc::clone(reader) as Arc<dyn TopicReader>,
        }
    }

    /// The topics that there are now.
    pub fn topics(&self) -> Result<Vec<TopicInfo>, Problem> {
        match self {
            Feed::Live(reader) => {
                let topics = reader.topics();
                if reader.ended() { Err(self.ended_early()) } else { Ok(topics) }
            }
            Feed::Stopped(engine) => Ok(engine.reader().topics()),
            Feed::Brokers(reader) => reader.list(),
        }
    }

    /// A client of Kafka's protocol to the topics of a directory, through its server or a listener that only this process
    /// reaches. That listener is to be closed before the directory.
    pub fn client(&self) -> Result<(Client, Option<Listener>), Problem> {
        match self {
            Feed::Live(reader) => {
                let dir = reader.dir().to_owned();
                // What the server says of it, before a client would say that nobody answers.
                RemoteReader::connect(&dir).map_err(|error| server_ended(&error.to_string()))?.into_kafka()?;
                let connect = move || {
                    let reader = RemoteReader::connect(&dir)?;
                    reader.into_kafka().map_err(|problem| io::Error::other(problem.to_string()))
                };
                Ok((Client::inside(&reader.dir().display().to_string(), connect)?, None))
            }
            Feed::Stopped(engine) => {
                let listener = engine.serve_kafka(None, kafka::Settings::default())?;
                let insider = listener.insider();
                Ok((Client::inside("this directory", move || insider.connect())?, Some(listener)))
            }
            Feed::Brokers(_) => Err(Problem::internal("CLIENT", "brokers have a client already")),
        }
    }

    /// How far a group has read, by topic and partition.
    pub fn committed(&self, group: &str) -> Result<BTreeMap<(String, i32), i64>, Problem> {
        if let Feed::Brokers(reader) = self {
            return reader.client().committed(group);
        }
        let (mut client, listener) = self.client()?;
        let committed = client.committed(group);
        drop(client);
        if let Some(listener) = listener {
            listener.close();
        }
        committed
    }

    /// Whether no record can come any more.
    pub fn ended(&self) -> bool {
        match self {
            Feed::Live(reader) => reader.ended(),
            Feed::Stopped(_) => true,
            Feed::Brokers(reader) => reader.ended(),
        }
    }

    /// The problem of a reader that wanted more than the server could give before it ended.
    pub fn ended_early(&self) -> Problem {
        server_ended("it was asked to end")
    }

    /// Does something with the users of the Kafka listener, and closes the directory.
    pub fn users(self, request: UserRequest) -> Result<Vec<UserInfo>, Problem> {
        match &self {
            Feed::Live(reader) => reader.users(request),
            Feed::Stopped(engine) => engine.users().and_then(|users| users.apply(request)),
            Feed::Brokers(_) => Err(Problem::config(
                "USERS_OF_BROKERS",
                "users are changed where their data directory is",
                "Use --data-dir, or Kafka's kafka-configs.sh --entity-type users.",
            )),
        }
        .and_then(|users| self.close().map(|()| users))
    }

    /// Closes a directory that was opened from its files.
    pub fn close(self) -> Result<(), Problem> {
        match self {
            Feed::Live(_) | Feed::Brokers(_) => Ok(()),
            Feed::Stopped(engine) => engine.close(),
        }
    }
}

/// A client of brokers or of a data directory, and what is to be closed behind it.
pub struct Link {
    client: Client,
    behind: Option<(Feed, Option<Listener>)>,
}

/// What is to be closed when a client has gone.
pub struct Behind(Option<(Feed, Option<Listener>)>);

impl Link {
    /// To brokers.
    pub fn network(brokers: Reached) -> Result<Link, Problem> {
        Ok(Link { client: Client::connect(&brokers.bootstrap, brokers.access)?, behind: None })
    }

    /// To a data directory, through its server while one runs.
    pub fn directory(dir: &Path) -> Result<Link, Problem> {
        let feed = Feed::open(dir)?;
        let (client, listener) = feed.client()?;
        Ok(Link { client, behind: Some((feed, listener)) })
    }

    /// The client, and what stays behind it.
    pub fn split(self) -> (Client, Behind) {
        (self.client, Behind(self.behind))
    }
}

impl Behind {
    /// Makes everything durable and gives the directory back, if there is one.
    pub fn close(self) -> Result<(), Problem> {
        let Some((feed, listener)) = self.0 else { return Ok(()) };
        if let Some(listener) = listener {
            listener.close();
        }
        feed.close()
    }
}

/// Whether there are segments: opening a directory that has none would make it a data directory.
fn holds_data(dir: &Path) -> bool {
    let segment = |entry: std::fs::DirEntry| entry.path().extension().is_some_and(|ending| ending == "segment");
    std::fs::read_dir(dir).into_iter().flatten().flatten().any(segment)
}
