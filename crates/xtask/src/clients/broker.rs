//! The server that the clients talk to: our own, a real Kafka broker, or one that somebody else started.
//!
//! Our own also follows a PostgreSQL server of its own, so that there are topics of changes to read: one for each way to
//! compress them ([`CHANGES`]), and the one that tutorials read ([`PRODUCTS`]).

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tailwater_testkit::{Postgres, Process, free_port, wait_until, write_connector};
use tempfile::TempDir;

use super::catalogue::BROKER;
use super::install::Cache;
use crate::Outcome;

/// Longest wait for a server's start, on a machine that is busy with other tests.
const START: Duration = Duration::from_secs(120);
/// Longest wait for an orderly end.
const END: Duration = Duration::from_secs(30);

/// What Kafka's own scripts give to the virtual machine of a broker.
pub const BROKER_JAVA: [&str; 8] = [
    "-server",
    "-Xmx1G",
    "-Xms1G",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-Djava.awt.headless=true",
];

/// Tables whose changes are in the topics `shop.public.NAME`, named by the `compression.type` that they are read with; beside
/// each a table `live_NAME` into which rows are written all the time.
const CHANGES: [&str; 3] = ["auto", "lz4", "none"];
/// Events of each: rows of the snapshot, inserted, updated, deleted ones, and a tombstone for each of those.
const CHANGES_EACH: usize = 50 + 200 + 50 + 2 * 20;

/// The table of a tutorial, whose changes are in `debezium.commerce.products`.
const PRODUCTS: &str = "create schema commerce;
    create table commerce.products (id int primary key, name text not null, description text, price real);
    alter table commerce.products replica identity full;
    insert into commerce.products values (1, 'tea', 'green', 2.5)";

/// What is left of the rows of each, for a snapshot that comes later.
const ROWS: usize = 50 + 200 - 20;

/// A right, and the prefix of the names that it is over.
type Grant = (&'static str, &'static str);

/// Who may log in to a guarded server: name, password, and what the user may do. `clients/suite/security.py` knows them.
/// `nobody` and `fetch-` are groups of drivers whose libraries read in groups only.
const USERS: [(&str, &str, &[Grant]); 2] = [
    ("suite", "suite-secret", &[("admin", "own-"), ("read", "guarded."), ("read", "nobody"), ("read", "fetch-")]),
    ("ops", "ops-secret", &[("admin", "")]),
];

/// A server that wants TLS and a login.
pub struct Guarded {
    broker: Broker,
    certificate: PathBuf,
    _place: TempDir,
}

impl Guarded {
    /// HOST:PORT, and its certificate, which signs itself.
    pub fn reached(&self) -> (String, PathBuf) {
        (self.broker.address.clone(), self.certificate.clone())
    }
}

/// A server and its data, which go when it is dropped.
pub struct Broker {
    address: String,
    /// Connect's REST of our own server, where it has one.
    rest: Option<String>,
    running: Option<Running>,
}

struct Running {
    process: Process,
    start: Start,
    work: TempDir,
    /// How long its last start took.
    up: Duration,
    /// What our own server follows.
    source: Option<Source>,
}

/// PostgreSQL, and a client of it that goes on writing into the tables `live_…`.
struct Source {
    postgres: Postgres,
    writer: Child,
}

impl Drop for Source {
    fn drop(&mut self) {
        // It may have ended by itself; its server ends next.
        let _ = self.writer.kill();
        let _ = self.writer.wait();
    }
}

/// How it is started again.
enum Start {
    Ours { binary: PathBuf, flags: Vec<String>, rest: Option<String> },
    Kafka { java: Vec<String>, fsync: bool },
}

impl Broker {
    /// Our own `serve`, with the Kafka face and Connect's REST on free ports.
    pub fn ours(binary: PathBuf) -> Outcome<Broker> {
        let rest = Some(format!("127.0.0.1:{}", free_port()));
        let mut broker = Broker::start(Start::Ours { binary: binary.clone(), flags: Vec::new(), rest })?;
        if let Some(running) = &mut broker.running {
            running.source = Some(follow(&binary, running.work.path())?);
        }
        Ok(broker)
    }

    /// What `tailwater consume` shows of the topics of changes, a line each; None where there are none.
    pub fn changes(&self) -> Option<PathBuf> {
        let running = self.running.as_ref().filter(|running| running.source.is_some())?;
        Some(running.work.path().join("changes.jsonl"))
    }

    /// Our own without a source.
    pub fn bare(binary: PathBuf) -> Outcome<Broker> {
        Broker::start(Start::Ours { binary, flags: Vec::new(), rest: None })
    }

    /// A second server of ours, which wants TLS and a login ([`USERS`]) and follows a table of the first one's source in
    /// `guarded.public.auto`; None where the first has no source.
    pub fn guarded(&self, binary: &Path) -> Outcome<Option<Guarded>> {
        let source = self.running.as_ref().and_then(|running| running.source.as_ref());
        let Some(Source { postgres: source, .. }) = source else { return Ok(None) };
        let place = tempfile::tempdir()?;
        let (certificate, key) = (place.path().join("server.pem"), place.path().join("server.key"));
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]);
        openssl.args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout"]);
        succeed(openssl.arg(&key).arg("-out").arg(&certificate))?;
        let word = |path: &Path| path.display().to_string();
        let flags = [
            "--kafka-authentication".to_owned(),
            "--kafka-tls-certificate".to_owned(),
            word(&certificate),
            "--kafka-tls-key".to_owned(),
            word(&key),
        ];
        let broker = Broker::start(Start::Ours { binary: binary.to_owned(), flags: flags.to_vec(), rest: None })?;
        let running = broker.running.as_ref().ok_or("a server that was just started is not there")?;
        let data = running.work.path().join("data");
        for (name, password, grants) in USERS {
            let users = |words: &[&str]| {
                let mut command = Command::new(binary);
                command.arg("users").args(words).arg("--data-dir").arg(&data).env("TAILWATER_PASSWORD", password);
                succeed(&mut command)
            };
            users(&["add", name])?;
            grants.iter().try_for_each(|(right, prefix)| users(&["grant", name, right, prefix]))?;
        }
        let table = [("table.include.list", "public.auto")];
        write_connector(&running.work.path().join("connectors"), "guarded", source, "postgres", &table);
        let shown = || consumed(binary, &data, "guarded\\.public\\.auto");
        if !wait_until(START, || lines(&shown()) == ROWS) {
            return Err("the snapshot did not come into the topic of the guarded server".into());
        }
        Ok(Some(Guarded { broker, certificate, _place: place }))
    }

    /// A Kafka broker with its controller (KRaft); `fsync`: no append is acknowledged before it is on disk.
    pub fn kafka(cache: &Cache, fsync: bool) -> Outcome<Broker> {
        let jars = format!("{}/*", cache.kafka(BROKER)?.display());
        let java = ["java"].iter().chain(&BROKER_JAVA).chain(&["-cp", &jars]).map(|&word| word.to_owned()).collect();
        Broker::start(Start::Kafka { java, fsync })
    }

    /// Process id, and how long its last start took until the port took a connection; None when it is not ours.
    pub fn started(&self) -> Option<(u32, Duration)> {
        self.running.as_ref().map(|running| (running.process.pid(), running.up))
    }

    /// A server at an address, started by somebody else.
    pub fn of_others(address: &str) -> Broker {
        Broker { address: address.to_owned(), rest: None, running: None }
    }

    /// The address of Connect's REST, and the properties that make a sink of that server, as JSON.
    pub fn connect(&self) -> Option<(String, String)> {
        let place = self.running.as_ref()?.work.path().join("bucket");
        let sink = serde_json::json!({
            "connector.class": "io.confluent.connect.s3.S3SinkConnector",
            "store.url": format!("file://{}", place.display()),
            "flush.size": "1",
        });
        Some((format!("http://{}", self.rest.as_ref()?), sink.to_string()))
    }

    /// HOST:PORT.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Ends it in order and starts it again on its data and its port.
    ///
    /// # Errors
    /// When it is not ours to restart, or does not come back.
    pub fn restart(&mut self) -> Outcome<()> {
        let running = self.running.as_mut().ok_or("a server that somebody else started cannot be restarted")?;
        running.process.terminate();
        if running.process.wait(END).is_none() {
            return Err("the server did not end".into());
        }
        let begin = Instant::now();
        running.process = launch(&running.start, running.work.path(), &self.address)?;
        running.up = begin.elapsed();
        Ok(())
    }

    /// Keeps what it logged below `target`; None when it is not ours.
    pub fn keep_log(&self, target: &Path) -> Option<PathBuf> {
        let running = self.running.as_ref()?;
        let place = target.join("clients-server.log");
        fs::write(&place, running.process.errors()).ok().map(|()| place)
    }

    fn start(start: Start) -> Outcome<Broker> {
        let address = format!("127.0.0.1:{}", free_port());
        let work = tempfile::tempdir()?;
        match &start {
            Start::Ours { .. } => fs::create_dir(work.path().join("connectors"))?,
            Start::Kafka { java, fsync } => format(java, work.path(), &address, *fsync)?,
        }
        let begin = Instant::now();
        let process = launch(&start, work.path(), &address)?;
        let rest = if let Start::Ours { rest, .. } = &start { rest.clone() } else { None };
        let running = Running { process, start, work, up: begin.elapsed(), source: None };
        Ok(Broker { address, rest, running: Some(running) })
    }
}

/// Starts PostgreSQL with tables, has our server follow it, and keeps what `consume` shows of their changes.
fn follow(binary: &Path, work: &Path) -> Outcome<Source> {
    let source = Postgres::start();
    let tables =
        |sql: &str| -> String { CHANGES.iter().map(|table| sql.replace('@', &format!("\"{table}\""))).collect() };
    let create = "create table @ (id int primary key, name text not null, amount numeric, note text);
                  insert into @ select i, 'row ' || i, i / 3.0, null from generate_series(1, 50) i;";
    source.psql("postgres", &tables(create));
    source.psql("postgres", PRODUCTS);
    let products = [("table.include.list", "commerce.products")];
    write_connector(&work.join("connectors"), "debezium", &source, "postgres", &products);
    let product = || lines(&consumed(binary, &work.join("data"), "debezium\\..*"));
    if !wait_until(START, || product() == 1) {
        return Err("the snapshot of the products did not come into its topic".into());
    }
    source.psql("postgres", "update commerce.products set price = 3; delete from commerce.products");
    if !wait_until(START, || product() == 4) {
        return Err("the changes of the products did not come into their topic".into());
    }
    write_connector(&work.join("connectors"), "shop", &source, "postgres", &[]);
    // Rows that come as long as clients read: 50 transactions a second, into all three tables each.
    source.psql("postgres", &create_live());
    let shown = || consumed(binary, &work.join("data"), &format!("shop\\.public\\.({})", CHANGES.join("|")));
    let count = |wanted: usize| wait_until(START, || lines(&shown()) == wanted * CHANGES.len());
    if !count(50) {
        return Err("the snapshot did not come into its topics".into());
    }
    let change = "insert into @ select i, 'row ' || i, i / 7.0, repeat('é', i) from generate_series(51, 250) i;
                  update @ set name = name || '!' where id <= 50;
                  delete from @ where id between 31 and 50;";
    source.psql("postgres", &tables(change));
    if !count(CHANGES_EACH) {
        return Err("the changes did not come into their topics".into());
    }
    fs::write(work.join("changes.jsonl"), shown())?;
    let inserts: String =
        CHANGES.iter().map(|name| format!("insert into live_{name} values (i, 'row ' || i);")).collect();
    let forever = format!(
        "do $$ declare i int := 0; begin loop i := i + 1; {inserts} commit; perform pg_sleep(0.02); end loop; end $$"
    );
    let mut writer = source.client("psql", "postgres");
    let writer = writer.args(["-X", "-q", "-c", &forever]).stdin(Stdio::null()).stderr(Stdio::null()).spawn()?;
    Ok(Source { postgres: source, writer })
}

/// Tables of the writer.
fn create_live() -> String {
    CHANGES.iter().map(|name| format!("create table live_{name} (id int primary key, name text not null);")).collect()
}

/// What `tailwater consume` shows of the topics that match.
fn consumed(binary: &Path, data: &Path, topics: &str) -> Vec<u8> {
    let mut command = Command::new(binary);
    command.args(["consume", "--include", topics, "--from-beginning", "--exit", "--json", "--data-dir"]).arg(data);
    command.output().map(|output| output.stdout).unwrap_or_default()
}

fn lines(text: &[u8]) -> usize {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count()
}

/// Runs a command to its end.
fn succeed(command: &mut Command) -> Outcome<()> {
    let output = command.output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into())
    }
}

/// Starts a server and waits until it answers.
fn launch(start: &Start, work: &Path, address: &str) -> Outcome<Process> {
    let mut command = match start {
        Start::Ours { binary, flags, rest } => {
            let mut command = Command::new(binary);
            command
                .arg("serve")
                .arg("--data-dir")
                .arg(work.join("data"))
                .arg("--connectors")
                .arg(work.join("connectors"));
            command.args(["--http", "off", "--pg", "off", "--kafka", address, "--json"]);
            match rest {
                Some(rest) => command.args(["--connect", rest]).arg("--connect-files-allowed").arg(work),
                None => command.args(["--connect", "off"]),
            };
            command.args(flags);
            command
        }
        Start::Kafka { java, .. } => {
            let mut command = java_command(java);
            command.arg("kafka.Kafka").arg(work.join("server.properties"));
            command
        }
    };
    let mut process = Process::spawn(&mut command);
    let up = wait_until(START, || TcpStream::connect(address).is_ok() || !process.is_running());
    if up && process.is_running() {
        Ok(process)
    } else {
        Err(format!("no server came up: {}", process.errors()).into())
    }
}

/// Writes a broker's properties and formats its directory.
fn format(java: &[String], work: &Path, address: &str, fsync: bool) -> Outcome<()> {
    let controller = free_port();
    let data = work.join("data");
    let properties = format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://{address},CONTROLLER://127.0.0.1:{controller}\nadvertised.listeners=PLAINTEXT://{address}\n\
         controller.listener.names=CONTROLLER\nlistener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         log.dirs={}\nnum.partitions=1\noffsets.topic.replication.factor=1\noffsets.topic.num.partitions=4\n\
         transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\ntransaction.state.log.num.partitions=4\n\
         share.coordinator.state.topic.replication.factor=1\nshare.coordinator.state.topic.min.isr=1\n\
         group.initial.rebalance.delay.ms=0\nfile.delete.delay.ms=1000\nlog.segment.delete.delay.ms=1000\n{}",
        data.display(),
        if fsync { "log.flush.interval.messages=1\n" } else { "" }
    );
    let file = work.join("server.properties");
    fs::write(&file, properties)?;
    let mut command = java_command(java);
    // Any cluster id of the right form will do: 16 bytes in base64url.
    command.args(["kafka.tools.StorageTool", "format", "-t", "dGFpbHdhdGVyLWNsaWVudA", "-c"]).arg(file);
    let output = command.output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("Kafka's directory was not formatted: {}", String::from_utf8_lossy(&output.stderr)).into())
    }
}

fn java_command(java: &[String]) -> Command {
    let mut words = java.iter();
    let mut command = Command::new(words.next().map_or("java", String::as_str));
    command.args(words);
    command
}
