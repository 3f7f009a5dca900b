//! `tailwater serve` as a user starts it, for tests that kill it, measure it and ask it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::{Process, get, wait_until};

/// How long the program may take until its addresses are bound.
const START: Duration = Duration::from_secs(30);

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
