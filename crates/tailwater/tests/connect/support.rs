//! A server with Connect's REST, and requests to it.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use tailwater_testkit::{Postgres, Process, send, wait_until};

pub const DEADLINE: Duration = Duration::from_secs(60);

/// A PostgreSQL for all tests; each makes a database of its own.
pub fn postgres() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| {
        let builder = Postgres::builder().setting("max_replication_slots", "40").setting("max_wal_senders", "40");
        builder.hba("host all alice 127.0.0.1/32 scram-sha-256").start()
    })
}

/// The text with the address of the private server in the place of the one in a compose network.
pub fn placed(text: &str, server: &Postgres) -> String {
    let port = server.port().to_string();
    text.replace("\"database.hostname\": \"postgres\"", "\"database.hostname\": \"127.0.0.1\"").replace("5432", &port)
}

/// A running program.
pub struct Server {
    pub process: Process,
    /// HOST:PORT of its REST.
    pub rest: String,
    /// HOST:PORT for Kafka's clients; empty without that face.
    pub kafka: String,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Value,
}

impl Server {
    pub fn start(data: &Path) -> Server {
        Server::with(data, &[] as &[&str])
    }

    pub fn with<S: AsRef<OsStr>>(data: &Path, args: &[S]) -> Server {
        Server::at("off", data, args)
    }

    /// One that Kafka's clients can reach, too.
    pub fn listening(data: &Path) -> Server {
        Server::at("127.0.0.1:0", data, &[] as &[&str])
    }

    fn at<S: AsRef<OsStr>>(kafka: &str, data: &Path, args: &[S]) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tailwater"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PG") || name.starts_with("TAILWATER")) {
            command.env_remove(name);
        }
        command.arg("serve").arg("--data-dir").arg(data);
        command.args(["--http", "off", "--kafka", kafka, "--connect", "127.0.0.1:0", "--json"]).args(args);
        let process = Process::spawn(&mut command);
        let line = process.wait_line(DEADLINE, |line| line.starts_with('{'));
        let line = line.unwrap_or_else(|| panic!("no ready line: {}", process.errors()));
        let ready: Value = serde_json::from_str(&line).unwrap();
        let address = |face: &str| ready[face].as_str().unwrap_or_default().to_owned();
        Server { rest: address("connect"), kafka: address("kafka"), process }
    }

    /// Runs a line of a shell in a folder as it is typed, against this server; what it printed.
    pub fn type_line(&self, folder: &Path, line: &str) -> String {
        let line = line.replace("localhost:8083", &self.rest).replace("localhost:9092", &self.kafka);
        let out = Command::new("sh").arg("-c").arg(&line).current_dir(folder).output().unwrap();
        assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    pub fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask_with(method, path, "Content-Type: application/json\r\n", body)
    }

    pub fn ask_with(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let (status, head, body) = send(&self.rest, method, path, headers, body).unwrap();
        Answer { status, head, body: serde_json::from_str(&body).unwrap_or(Value::String(body)) }
    }

    pub fn get(&self, path: &str) -> Value {
        self.ask("GET", path, "").body
    }

    /// The state of a connector's task; empty when there is none.
    pub fn task_state(&self, name: &str) -> String {
        let status = self.get(&format!("/connectors/{name}/status"));
        status["tasks"][0]["state"].as_str().unwrap_or_default().to_owned()
    }

    pub fn wait_task(&self, name: &str, state: &str) {
        let reached = wait_until(DEADLINE, || self.task_state(name) == state);
        let status = self.get(&format!("/connectors/{name}/status"));
        assert!(reached, "{name} is not {state}: {status} {}", self.process.errors());
    }
}
