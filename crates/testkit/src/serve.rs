//! `tailwater serve` as a user starts it, for tests that kill it, measure it and ask it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::{Postgres, Process, get, must, wait_until};

/// How long the program may take until its addresses are bound.
const START: Duration = Duration::from_secs(30);

/// Writes a connector file as tutorials post it: capture of `database` of `server` as the superuser, with slot and
/// publication `NAME_slot` and `NAME_pub`, topic prefix `NAME`, and the given properties over that.
pub fn write_connector(folder: &Path, name: &str, server: &Postgres, database: &str, properties: &[(&str, &str)]) {
    let port = server.port().to_string();
    let (slot, publication) = (format!("{name}_slot"), format!("{name}_pub"));
    let defaults = [
        ("connector.class", "io.debezium.connector.postgresql.PostgresConnector"),
        ("plugin.name", "pgoutput"),
        ("database.hostname", "127.0.0.1"),
        ("database.port", port.as_str()),
        ("database.user", "postgres"),
        ("database.password", "unused"),
        ("database.dbname", database),
        ("topic.prefix", name),
        ("slot.name", slot.as_str()),
        ("publication.name", publication.as_str()),
    ];
    let config: serde_json::Map<String, Value> = defaults
        .iter()
        .chain(properties)
        .map(|(property, value)| ((*property).to_owned(), Value::from(*value)))
        .collect();
    let text = serde_json::json!({ "name": name, "config": config }).to_string();
    must("make the connectors' folder", std::fs::create_dir_all(folder));
    must("write a connector file", std::fs::write(folder.join(format!("{name}.json")), text));
}

/// A running `serve` with only its HTTP face, on a free port. Killed when dropped.
#[derive(Debug)]
pub struct Serve {
    /// The process, to be paused or killed.
    pub process: Process,
    /// HOST:PORT of its HTTP face.
    pub http: String,
}

impl Serve {
    /// Starts `binary serve` and waits for its ready line.
    #[must_use]
    pub fn start(binary: &Path, data: &Path, connectors: &Path) -> Serve {
        let process = Serve::launch(binary, data, connectors);
        let line = process.wait_line(START, |line| line.starts_with('{'));
        let Some(line) = line else { panic!("serve gave no ready line: {}", process.errors()) };
        let ready: Value = serde_json::from_str(&line).unwrap_or_default();
        let Some(http) = ready.get("http").and_then(Value::as_str) else { panic!("no http address in {line}") };
        Serve { http: http.to_owned(), process }
    }

    /// Starts `binary serve` and does not wait: for kills before it is ready.
    #[must_use]
    pub fn launch(binary: &Path, data: &Path, connectors: &Path) -> Process {
        let mut command = Command::new(binary);
        command.arg("serve").arg("--data-dir").arg(data).arg("--connectors").arg(connectors);
        command.args(["--http", "127.0.0.1:0", "--kafka", "off", "--connect", "off", "--pg", "off", "--json"]);
        Process::spawn(&mut command)
    }

    /// What `/readyz` says of a connector: its `state` and, when there is one, its `error`; null when unknown.
    pub fn connector(&self, name: &str) -> Value {
        let body = get(&self.http, "/readyz").map(|(_, body)| body).unwrap_or_default();
        let all: Value = serde_json::from_str(&body).unwrap_or_default();
        all.get("connectors").and_then(|connectors| connectors.get(name)).cloned().unwrap_or_default()
    }

    /// Waits until a connector is in a state.
    ///
    /// # Panics
    /// When `deadline` passes first, with the last answer and what the program logged.
    pub fn wait_state(&self, name: &str, state: &str, deadline: Duration) {
        let mut last = Value::Null;
        let reached = wait_until(deadline, || {
            last = self.connector(name);
            last.get("state").and_then(Value::as_str) == Some(state)
        });
        assert!(reached, "{name} is not {state} but {last}: {}", self.process.errors());
    }
}
