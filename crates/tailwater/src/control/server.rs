//! The control socket's server: one thread per client, and a bound on clients.

use std::fs::{self, File, Permissions};
use std::io::{self, BufReader, BufWriter, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};
use tailwater_connect::rest;
use tailwater_connector::{PlanId, Problem, Stop, TopicReader};
use tailwater_kafka::security::users::Users;
use tailwater_kafka::server::Insider;

use super::protocol::{Reply, Request, read_line, write_line, write_records};
use super::socket_path;
use crate::limits::{
    CONTROL_CLIENTS, CONTROL_GRACE, CONTROL_REQUEST_BYTES, CONTROL_WAIT_MAX, CONTROL_WAIT_SLICE, READ_BYTES,
};

/// A listening control socket; ends with [`ControlServer::close`].
pub struct ControlServer {
    /// Keeps the directory's descriptor, through which `path` may lead.
    _handle: File,
    path: PathBuf,
    stop: Stop,
    clients: Arc<Clients>,
    acceptor: Option<JoinHandle<()>>,
    connect: Arc<OnceLock<rest::Insider>>,
}

/// What is served.
#[derive(Clone)]
struct Served {
    reader: Arc<dyn TopicReader>,
    users: Users,
    /// The Kafka face, where there is one.
    kafka: Option<Insider>,
    /// Connect's REST, once there is one.
    connect: Arc<OnceLock<rest::Insider>>,
}

/// How a client was served.
#[derive(PartialEq, Eq)]
enum Ended {
    /// To its end.
    Here,
    /// The Kafka listener goes on with it.
    HandedOver,
}

#[derive(Default)]
struct Clients(Mutex<Vec<(UnixStream, JoinHandle<()>)>>);

impl ControlServer {
    /// Listens in the data directory, which the caller holds the lock of: a socket found there is a leftover.
    pub fn start(
        dir: &Path,
        reader: Arc<dyn TopicReader>,
        users: Users,
        kafka: Option<Insider>,
    ) -> io::Result<ControlServer> {
        let (handle, path) = socket_path(dir)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(&SockAddr::unix(&path)?)?;
        // Before it listens, so that nobody else can have connected.
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        socket.listen(128)?;
        let listener = UnixListener::from(socket);
        let (stop, clients) = (Stop::default(), Arc::new(Clients::default()));
        let connect = Arc::new(OnceLock::new());
        let acceptor = {
            let (stop, clients, connect) = (stop.clone(), Arc::clone(&clients), Arc::clone(&connect));
            std::thread::Builder::new()
                .name("control".into())
                .spawn(move || accept(&listener, &Served { reader, users, kafka, connect }, &stop, &clients))?
        };
        Ok(ControlServer { _handle: handle, path, stop, clients, acceptor: Some(acceptor), connect })
    }

    /// Lets clients in to Connect's REST, from now on.
    pub fn open_connect(&self, rest: rest::Insider) {
        drop(self.connect.set(rest));
    }

    /// Ends: clients may read what is already visible, within a grace, then they are cut off.
    pub fn close(mut self) {
        self.stop.set();
        // Wakes the acceptor. Where somebody has removed the socket nobody can: it then ends with the process.
        let woken = UnixStream::connect(&self.path).is_ok();
        if let Some(acceptor) = self.acceptor.take().filter(|_| woken) {
            drop(acceptor.join());
        }
        drop(fs::remove_file(&self.path));
        let deadline = Instant::now() + CONTROL_GRACE;
        while self.clients.tidy() > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        for (stream, thread) in self.clients.take() {
            drop(stream.shutdown(Shutdown::Both));
            drop(thread.join());
        }
    }
}

impl Clients {
    /// Forgets clients that have ended; says how many are left.
    fn tidy(&self) -> usize {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|(_, thread)| !thread.is_finished());
        clients.len()
    }

    fn add(&self, stream: UnixStream, thread: JoinHandle<()>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((stream, thread));
    }

    fn take(&self) -> Vec<(UnixStream, JoinHandle<()>)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn accept(listener: &UnixListener, served: &Served, stop: &Stop, clients: &Clients) {
    for stream in listener.incoming() {
        match &stream {
            // Whoever had connected when the server was asked to end is served, too.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            _ if stop.is_set() => drop(listener.set_nonblocking(true)),
            _ => {}
        }
        let started = stream.and_then(|stream| {
            stream.set_nonblocking(false)?;
            if clients.tidy() >= CONTROL_CLIENTS {
                return Err(io::Error::other("too many clients"));
            }
            let (copy, served, stop) = (stream.try_clone()?, served.clone(), stop.clone());
            let thread = std::thread::Builder::new().name("control-client".into()).spawn(move || {
                match serve(&stream, &served, &stop) {
                    Ok(Ended::HandedOver) => return,
                    Ok(Ended::Here) => {}
                    Err(error) => tracing::debug!(%error, "a client of the control socket ended"),
                }
                // The list of clients holds a copy, which would keep the connection open.
                drop(stream.shutdown(Shutdown::Both));
            })?;
            clients.add(copy, thread);
            Ok(())
        });
        if let Err(error) = started {
            tracing::warn!(%error, "a client of the control socket was turned away");
            // An error of `accept` itself (no descriptors left) would come back at once.
            if stop.wait(CONTROL_WAIT_SLICE) {
                return;
            }
        }
    }
}

/// Answers one client until it leaves, or until it has read everything and the server should end.
fn serve(stream: &UnixStream, served: &Served, stop: &Stop) -> io::Result<Ended> {
    let reader = served.reader.as_ref();
    let mut input = BufReader::new(stream);
    let mut out = BufWriter::new(stream);
    while let Some(request) = read_line(&mut input, CONTROL_REQUEST_BYTES)? {
        match request {
            Request::Topics => {
                let topics = reader.topics();
                write_line(&mut out, &Reply::Topics(topics.iter().map(Into::into).collect()))?;
            }
            Request::Read { topic, partition, offset, max_bytes } => {
                match reader.read(&topic, partition, offset, max_bytes.min(READ_BYTES)) {
                    Ok(records) => write_records(&mut out, &records)?,
                    Err(problem) => write_line(&mut out, &Reply::Problem(problem))?,
                }
            }
            Request::OffsetAt { topic, partition, timestamp_ms } => {
                let reply = match reader.offset_at(&topic, partition, timestamp_ms) {
                    Ok(offset) => Reply::Offset(offset),
                    Err(problem) => Reply::Problem(problem),
                };
                write_line(&mut out, &reply)?;
            }
            Request::Plan { id } => {
                let descriptor = reader.plan(PlanId(id));
                let length = descriptor.as_ref().and_then(|d| u32::try_from(d.len()).ok());
                write_line(&mut out, &Reply::Plan(length))?;
                out.write_all(descriptor.as_deref().unwrap_or_default())?;
            }
            Request::Users { request } => {
                let reply = served.users.apply(request).map_or_else(Reply::Problem, Reply::Users);
                write_line(&mut out, &reply)?;
            }
            Request::Kafka => match &served.kafka {
                Some(kafka) => {
                    write_line(&mut out, &Reply::Kafka)?;
                    out.flush()?;
                    return kafka.adopt(stream.try_clone()?).map(|()| Ended::HandedOver);
                }
                None => write_line(&mut out, &Reply::Problem(no_kafka()))?,
            },
            Request::Connect => match served.connect.get() {
                Some(rest) => {
                    write_line(&mut out, &Reply::Connect)?;
                    out.flush()?;
                    return rest.adopt(stream.try_clone()?).map(|()| Ended::HandedOver);
                }
                None => write_line(&mut out, &Reply::Problem(no_connect()))?,
            },
            Request::Wait { seen, timeout_ms } => {
                let deadline = Instant::now() + Duration::from_millis(timeout_ms).min(CONTROL_WAIT_MAX);
                let mut value = seen;
                loop {
                    let left = deadline.saturating_duration_since(Instant::now());
                    value = reader.wait(value, left.min(CONTROL_WAIT_SLICE));
                    if value != seen || left.is_zero() {
                        break;
                    }
                    if stop.is_set() {
                        return Ok(Ended::Here);
                    }
                }
                write_line(&mut out, &Reply::Changed(value))?;
            }
        }
        out.flush()?;
    }
    Ok(Ended::Here)
}

fn no_kafka() -> Problem {
    Problem::config(
        "KAFKA_OFF",
        "the server of this directory has no Kafka face, through which groups and records would go",
        "Start it without `--kafka off`, or stop it.",
    )
}

fn no_connect() -> Problem {
    Problem::config(
        "CONNECT_OFF",
        "the server of this directory has no Connect face, through which connectors are seen and changed",
        "Start it without `--connect off`.",
    )
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use bytes::Bytes;
    use tailwater_connector::transport::{PartitionInfo, TopicInfo};
    use tailwater_connector::{Problem, Record};
    use tailwater_journal::fs::RealFs;
    use tailwater_journal::{Journal, Options, SystemClock};
    use tailwater_kafka::security::users::{UserRequest, credentials};

    use super::*;
    use crate::control::client::RemoteReader;

    /// One topic whose records are as many as the number says.
    #[derive(Default)]
    struct One(AtomicU64);

    impl One {
        fn len(&self) -> i64 {
            self.0.load(Ordering::SeqCst) as i64
        }
    }

    impl TopicReader for One {
        fn topics(&self) -> Vec<TopicInfo> {
            let partition = PartitionInfo { log_start: 0, high_watermark: self.len(), bytes: 9 };
            vec![TopicInfo { name: "one".into(), partitions: vec![partition], change: true }]
        }

        fn read(&self, topic: &str, _: i32, offset: i64, _: usize) -> Result<Vec<Record>, Problem> {
            if topic != "one" {
                return Err(Problem::config("TOPIC_UNKNOWN", "no", "List them."));
            }
            let record = |offset| Record {
                topic: None,
                offset,
                timestamp_ms: 1,
                key: None,
                value: Some(Bytes::from(format!("value {offset}"))),
                headers: vec![],
                plan: Some(PlanId(1)),
                origin: None,
                ordinal: 0,
            };
            Ok((offset..self.len()).map(record).collect())
        }

        fn offset_at(&self, _: &str, _: i32, timestamp_ms: i64) -> Result<i64, Problem> {
            Ok(timestamp_ms)
        }

        fn plan(&self, id: PlanId) -> Option<Bytes> {
            (id == PlanId(1)).then(|| Bytes::from_static(b"plan"))
        }

        fn wait(&self, seen: u64, timeout: Duration) -> u64 {
            if self.0.load(Ordering::SeqCst) == seen {
                std::thread::sleep(timeout.min(Duration::from_millis(1)));
            }
            self.0.load(Ordering::SeqCst)
        }
    }

    fn start(dir: &Path) -> (Arc<One>, ControlServer) {
        let topics = Arc::new(One::default());
        topics.0.store(3, Ordering::SeqCst);
        let journal = dir.join("journal");
        let journal = Journal::open(Arc::new(RealFs), &journal, Options::default(), Arc::new(SystemClock)).unwrap();
        let users = Users::open(journal).unwrap();
        let server = ControlServer::start(dir, topics.clone(), users, None).unwrap();
        (topics, server)
    }

    #[test]
    fn a_client_sees_what_the_server_has() {
        let dir = tempfile::tempdir().unwrap();
        let (topics, server) = start(dir.path());
        let remote = RemoteReader::connect(dir.path()).unwrap();
        assert_eq!(remote.topics(), topics.topics());
        assert_eq!(remote.read("one", 0, 1, 100), topics.read("one", 0, 1, 100));
        assert_eq!(remote.read("two", 0, 0, 100).unwrap_err().code, "TOPIC_UNKNOWN");
        assert_eq!(remote.offset_at("one", 0, 2), Ok(2));
        assert_eq!(remote.plan(PlanId(1)), topics.plan(PlanId(1)));
        assert_eq!(remote.plan(PlanId(2)), None);
        assert_eq!(remote.wait(0, Duration::from_secs(9)), 3);
        assert_eq!(remote.wait(3, Duration::ZERO), 3);
        assert!(!remote.ended());
        server.close();
    }

    #[test]
    fn users_are_changed_through_the_server_and_its_refusals_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let (_topics, server) = start(dir.path());
        let remote = RemoteReader::connect(dir.path()).unwrap();
        let add = || UserRequest::Add { name: "me".into(), credentials: credentials(b"secret").unwrap() };
        assert_eq!(remote.users(add()).unwrap()[0].name, "me");
        assert_eq!(remote.users(add()).unwrap_err().code, "USER_EXISTS");
        let listed = remote.users(UserRequest::List).unwrap();
        assert_eq!((listed.len(), listed[0].mechanisms.len()), (1, 2));
        assert_eq!(remote.users(UserRequest::Remove { name: "me".into() }), Ok(Vec::new()));
        server.close();
    }

    #[test]
    fn a_directory_with_a_long_path_has_a_socket_too_and_it_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let long = dir.path().join("x".repeat(200)).join("y".repeat(200));
        fs::create_dir_all(&long).unwrap();
        let (topics, server) = start(&long);
        let mode = fs::metadata(long.join("control.sock")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(RemoteReader::connect(&long).unwrap().topics(), topics.topics());
        server.close();
        assert!(!long.join("control.sock").exists());
        assert!(RemoteReader::connect(&long).is_err());
    }

    #[test]
    fn a_socket_left_over_by_a_killed_server_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        drop(UnixListener::bind(dir.path().join("control.sock")).unwrap());
        let (topics, server) = start(dir.path());
        assert_eq!(RemoteReader::connect(dir.path()).unwrap().topics(), topics.topics());
        server.close();
    }

    #[test]
    fn a_client_that_follows_has_everything_before_the_server_ends() {
        let dir = tempfile::tempdir().unwrap();
        let (topics, server) = start(dir.path());
        let remote = RemoteReader::connect(dir.path()).unwrap();
        let follower = std::thread::spawn(move || {
            let (mut next, mut seen) = (0, 0);
            while !remote.ended() {
                seen = remote.wait(seen, Duration::from_secs(5));
                next += remote.read("one", 0, next, 100).map_or(0, |records| records.len() as i64);
            }
            next
        });
        topics.0.store(50, Ordering::SeqCst);
        let asked = Instant::now();
        server.close();
        assert!(asked.elapsed() < CONTROL_GRACE * 2);
        assert_eq!(follower.join().unwrap(), 50);
    }

    #[test]
    fn what_is_no_request_ends_the_client_and_not_the_server() {
        let dir = tempfile::tempdir().unwrap();
        let (_, server) = start(dir.path());
        for bytes in [&b"{\"op\":\"no\"}\n"[..], b"\xff\n", &[b'x'; 100_000], b"\n"] {
            let mut stream = UnixStream::connect(dir.path().join("control.sock")).unwrap();
            // The server may hang up before everything is written.
            let _ = stream.write_all(bytes);
            let _ = stream.shutdown(Shutdown::Write);
            let mut answer = Vec::new();
            let _ = io::Read::read_to_end(&mut stream, &mut answer);
            assert!(answer.is_empty());
        }
        assert!(!RemoteReader::connect(dir.path()).unwrap().topics().is_empty());
        server.close();
    }
}
