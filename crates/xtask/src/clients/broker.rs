//! The server that the clients talk to: our own, a real Kafka broker, or one that somebody else started.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tailwater_testkit::{Process, free_port, wait_until};
use tempfile::TempDir;

use super::catalogue::BROKER;
use super::install::Cache;
use crate::Outcome;

/// Longest wait for a server's start, on a machine that is busy with other tests.
const START: Duration = Duration::from_secs(120);
/// Longest wait for an orderly end.
const END: Duration = Duration::from_secs(30);

/// A server and its data, which go when it is dropped.
pub struct Broker {
    address: String,
    running: Option<Running>,
}

struct Running {
    process: Process,
    start: Start,
    work: TempDir,
}

/// How it is started again.
enum Start {
    Ours { binary: PathBuf },
    Kafka { java: Vec<String> },
}

impl Broker {
    /// Our own `serve`, with the Kafka face on a free port.
    pub fn ours(binary: PathBuf) -> Outcome<Broker> {
        Broker::start(Start::Ours { binary })
    }

    /// A Kafka broker with its controller (KRaft), as the scenarios' proof.
    pub fn kafka(cache: &Cache) -> Outcome<Broker> {
        let java = cache.java(BROKER)?.split(' ').map(str::to_owned).collect();
        Broker::start(Start::Kafka { java })
    }

    /// A server at an address, started by somebody else.
    pub fn of_others(address: &str) -> Broker {
        Broker { address: address.to_owned(), running: None }
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
        running.process = launch(&running.start, running.work.path(), &self.address)?;
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
            Start::Kafka { java } => format(java, work.path(), &address)?,
        }
        let process = launch(&start, work.path(), &address)?;
        Ok(Broker { address, running: Some(Running { process, start, work }) })
    }
}

/// Starts a server and waits until it answers.
fn launch(start: &Start, work: &Path, address: &str) -> Outcome<Process> {
    let mut command = match start {
        Start::Ours { binary } => {
            let mut command = Command::new(binary);
            command
                .arg("serve")
                .arg("--data-dir")
                .arg(work.join("data"))
                .arg("--connectors")
                .arg(work.join("connectors"));
            command.args(["--http", "off", "--connect", "off", "--pg", "off", "--kafka", address, "--json"]);
            command
        }
        Start::Kafka { java } => {
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
fn format(java: &[String], work: &Path, address: &str) -> Outcome<()> {
    let controller = free_port();
    let data = work.join("data");
    let properties = format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://{address},CONTROLLER://127.0.0.1:{controller}\nadvertised.listeners=PLAINTEXT://{address}\n\
         controller.listener.names=CONTROLLER\nlistener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         log.dirs={}\nnum.partitions=1\noffsets.topic.replication.factor=1\noffsets.topic.num.partitions=4\n\
         transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\ntransaction.state.log.num.partitions=4\n\
         share.coordinator.state.topic.replication.factor=1\nshare.coordinator.state.topic.min.isr=1\n\
         group.initial.rebalance.delay.ms=0\n",
        data.display()
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
