//! The control socket's client: topics of another process.

use std::io::{self, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tailwater_connector::transport::TopicInfo;
use tailwater_connector::{PlanId, Problem, Record, TopicReader};
use tailwater_kafka::security::users::{UserInfo, UserRequest};

use super::protocol::{Reply, Request, read_line, read_part, read_record};
use super::socket_path;
use crate::limits::CONTROL_REPLY_BYTES;

/// A [`TopicReader`] over the control socket of a server that runs.
pub struct RemoteReader {
    dir: PathBuf,
    connection: Mutex<BufReader<UnixStream>>,
    ended: AtomicBool,
}

impl RemoteReader {
    /// Connects to the server of a data directory. `NotFound` and `ConnectionRefused` mean that none runs.
    pub fn connect(dir: &Path) -> io::Result<RemoteReader> {
        let (_handle, path) = socket_path(dir)?;
        let stream = UnixStream::connect(path)?;
        let dir = dir.to_owned();
        Ok(RemoteReader { dir, connection: Mutex::new(BufReader::new(stream)), ended: AtomicBool::new(false) })
    }

    /// Whether the server has gone away.
    pub fn ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Does something with the users of the Kafka listener.
    pub fn users(&self, request: UserRequest) -> Result<Vec<UserInfo>, Problem> {
        self.ask(&Request::Users { request }, |reply, _| {
            Ok(match reply {
                Reply::Users(users) => Some(users),
                _ => None,
            })
        })
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes a connection one to the Kafka listener of the server, which lets it do everything.
    pub fn into_kafka(self) -> Result<UnixStream, Problem> {
        self.ask(&Request::Kafka, |reply, _| Ok(matches!(reply, Reply::Kafka).then_some(())))?;
        let connection = self.connection.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(connection.into_inner())
    }

    /// Makes a connection one to Connect's REST of the server, which asks for no token.
    pub fn into_connect(self) -> Result<UnixStream, Problem> {
        self.ask(&Request::Connect, |reply, _| Ok(matches!(reply, Reply::Connect).then_some(())))?;
        let connection = self.connection.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(connection.into_inner())
    }

    /// One request and its reply; `then` reads the bytes that follow the reply line.
    fn ask<T>(
        &self,
        request: &Request,
        then: impl FnOnce(Reply, &mut BufReader<UnixStream>) -> io::Result<Option<T>>,
    ) -> Result<T, Problem> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let exchange = |connection: &mut BufReader<UnixStream>| -> io::Result<Result<T, Problem>> {
            let mut line = serde_json::to_vec(request)?;
            line.push(b'\n');
            connection.get_mut().write_all(&line)?;
            match read_line(connection, CONTROL_REPLY_BYTES)? {
                None => Err(io::ErrorKind::UnexpectedEof.into()),
                Some(Reply::Problem(problem)) => Ok(Err(problem)),
                Some(reply) => then(reply, connection)?.map(Ok).ok_or_else(|| io::ErrorKind::InvalidData.into()),
            }
        };
        exchange(&mut connection).unwrap_or_else(|error| {
            self.ended.store(true, Ordering::SeqCst);
            Err(server_ended(&error.to_string()))
        })
    }
}

/// The problem of a request that the server did not answer any more.
pub fn server_ended(why: &str) -> Problem {
    Problem::environment(
        "SERVER_ENDED",
        format!("the server of this data directory went away: {why}"),
        "Ask again: without a server the directory is read from its files.",
    )
}

impl TopicReader for RemoteReader {
    fn topics(&self) -> Vec<TopicInfo> {
        let topics = self.ask(&Request::Topics, |reply, _| {
            Ok(match reply {
                Reply::Topics(topics) => Some(topics.into_iter().map(TopicInfo::from).collect()),
                _ => None,
            })
        });
        topics.unwrap_or_default()
    }

    fn read(&self, topic: &str, partition: i32, offset: i64, max_bytes: usize) -> Result<Vec<Record>, Problem> {
        self.ask(&Request::Read { topic: topic.to_owned(), partition, offset, max_bytes }, |reply, input| {
            let Reply::Records(heads) = reply else { return Ok(None) };
            heads.into_iter().map(|head| read_record(input, head)).collect::<io::Result<_>>().map(Some)
        })
    }

    fn offset_at(&self, topic: &str, partition: i32, timestamp_ms: i64) -> Result<i64, Problem> {
        self.ask(&Request::OffsetAt { topic: topic.to_owned(), partition, timestamp_ms }, |reply, _| {
            Ok(match reply {
                Reply::Offset(offset) => Some(offset),
                _ => None,
            })
        })
    }

    fn plan(&self, id: PlanId) -> Option<Bytes> {
        let descriptor = self.ask(&Request::Plan { id: id.0 }, |reply, input| {
            let Reply::Plan(length) = reply else { return Ok(None) };
            read_part(input, length).map(Some)
        });
        descriptor.ok().flatten()
    }

    fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let changed = self.ask(&Request::Wait { seen, timeout_ms }, |reply, _| {
            Ok(match reply {
                Reply::Changed(value) => Some(value),
                _ => None,
            })
        });
        changed.unwrap_or(seen)
    }
}
