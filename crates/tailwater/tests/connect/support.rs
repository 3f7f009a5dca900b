//! A server with Connect's REST, and requests to it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use tailwater_connector::Problem;
use tailwater_testkit::{Postgres, Process, send, wait_until};

pub const DEADLINE: Duration = Duration::from_secs(60);

/// A PostgreSQL for all tests; each makes a database of its own.
pub fn postgres() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| Postgres::builder().hba("host all alice 127.0.0.1/32 scram-sha-256").start())
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
    /// Its data directory.
    pub data: PathBuf,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Value,
}

impl Answer {
    /// What the answer tells besides Connect's body.
    pub fn problems(&self) -> Vec<Problem> {
        let told = self.head.lines().find_map(|line| line.strip_prefix("tailwater-problems: "));
        told.map_or_else(Vec::new, |told| serde_json::from_str(told).unwrap())
    }

    /// The codes of these, in alphabetical order.
    pub fn codes(&self) -> Vec<String> {
        let mut codes: Vec<String> = self.problems().into_iter().map(|problem| problem.code).collect();
        codes.sort_unstable();
        codes
    }

    /// The one with a code.
    pub fn problem(&self, code: &str) -> Problem {
        let found = self.problems().into_iter().find(|problem| problem.code == code);
        found.unwrap_or_else(|| panic!("no {code}: {self:?}"))
    }

    /// What a validation says of a property.
    pub fn errors_of(&self, property: &str) -> Vec<String> {
        let configs = self.body["configs"].as_array().unwrap_or_else(|| panic!("{self:?}"));
        let config = configs.iter().find(|config| config["definition"]["name"] == property).unwrap();
        serde_json::from_value(config["value"]["errors"].clone()).unwrap()
    }
}

/// A source of a database, after which everything is named; later properties win, and null takes one out.
pub fn source(postgres: &Postgres, database: &str, more: &[(&str, Value)]) -> Value {
    let mut config = json!({
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "database.hostname": "127.0.0.1",
        "database.port": postgres.port().to_string(),
        "database.user": "postgres",
        "database.dbname": database,
        "topic.prefix": database,
        "slot.name": database,
        "publication.name": database,
        "plugin.name": "pgoutput"
    });
    for (name, value) in more {
        config[name] = value.clone();
    }
    config.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    config
}

/// Runs the SQL of a remedy as somebody would who may.
pub fn paste(postgres: &Postgres, database: &str, remedy: &str) {
    const WORDS: [&str; 5] = ["ALTER ", "CREATE ", "DROP ", "GRANT ", "SELECT pg_"];
    let from = WORDS.iter().filter_map(|word| remedy.find(word)).min();
    postgres.psql(database, &remedy[from.unwrap_or_else(|| panic!("nothing to paste: {remedy}"))..]);
}

/// The program, without what the caller's environment says.
pub fn tailwater() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tailwater"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PG") || name.starts_with("TAILWATER")) {
        command.env_remove(name);
    }
    command
}

/// The records of a topic, a line each.
fn consume(data: &Path, topic: &str) -> String {
    let out = tailwater().args(["consume", "--from-beginning", "--exit", topic, "--data-dir"]).arg(data).output();
    String::from_utf8(out.unwrap().stdout).unwrap()
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
        let mut command = tailwater();
        command.arg("serve").arg("--data-dir").arg(data);
        // Folders of sinks, as tests have them.
        command.arg("--connect-files-allowed").arg(std::env::temp_dir());
        command.args(["--http", "off", "--kafka", kafka, "--connect", "127.0.0.1:0", "--json"]).args(args);
        let process = Process::spawn(&mut command);
        let line = process.wait_line(DEADLINE, |line| line.starts_with('{'));
        let line = line.unwrap_or_else(|| panic!("no ready line: {}", process.errors()));
        let ready: Value = serde_json::from_str(&line).unwrap();
        let address = |face: &str| ready[face].as_str().unwrap_or_default().to_owned();
        Server { rest: address("connect"), kafka: address("kafka"), process, data: data.to_owned() }
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

    /// Posts a connector.
    pub fn post(&self, name: &str, config: &Value) -> Answer {
        self.ask("POST", "/connectors", &json!({"name": name, "config": config}).to_string())
    }

    /// Validates a configuration.
    pub fn validate(&self, config: &Value) -> Answer {
        let class = config["connector.class"].as_str().unwrap();
        self.ask("PUT", &format!("/connector-plugins/{class}/config/validate"), &config.to_string())
    }

    /// Posts a connector, which must work.
    pub fn run(&self, name: &str, config: &Value) -> Answer {
        let posted = self.post(name, config);
        assert_eq!(posted.status, 201, "{posted:?}");
        self.wait_task(name, "RUNNING");
        posted
    }

    /// Why a connector's task is not running.
    pub fn trace(&self, name: &str) -> String {
        let status = self.get(&format!("/connectors/{name}/status"));
        status["tasks"][0]["trace"].as_str().unwrap_or_default().to_owned()
    }

    /// What lies in a topic, by operation: r, c, u, d.
    pub fn operations(&self, topic: &str) -> String {
        let out = consume(&self.data, topic);
        let event = |line: &str| serde_json::from_str::<Value>(line).unwrap_or_default();
        out.lines().filter_map(|line| event(line)["payload"]["op"].as_str().map(str::to_owned)).collect()
    }

    /// Waits for a topic to hold just these operations.
    pub fn wait_operations(&self, topic: &str, expected: &str) {
        let reached = wait_until(DEADLINE, || self.operations(topic) == expected);
        assert!(reached, "{topic}: {} {}", self.operations(topic), self.process.errors());
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
