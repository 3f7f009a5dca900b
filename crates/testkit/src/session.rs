//! Sessions of `psql`: a script at once, or a conversation that keeps its transaction open.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::must;
use crate::postgres::Postgres;

/// Quiet, unaligned, without headers, whatever the user's `.psqlrc` says.
const OPTIONS: [&str; 6] = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"];

/// Runs a whole script in `psql`, which must be told the server already.
pub(crate) fn run_script(mut psql: Command, sql: &str) -> Result<String, String> {
    let child = psql.args(OPTIONS).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = must("start psql", child);
    let mut input = child.stdin.take();
    let text = sql.to_owned();
    // A thread of its own, so that neither side waits for the other with a full pipe. A statement that fails ends psql
    // before it has read everything; that is told by its status, not by the pipe.
    let writer = std::thread::spawn(move || input.as_mut().is_some_and(|pipe| pipe.write_all(text.as_bytes()).is_ok()));
    let output = must("read psql", child.wait_with_output());
    let _ = writer.join();
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim_end().to_owned())
    }
}

/// One `psql` that stays connected: transactions may stay open between two calls.
#[derive(Debug)]
pub struct Session {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    asked: u64,
}

impl Session {
    /// Connects to a database.
    #[must_use]
    pub fn open(server: &Postgres, database: &str) -> Session {
        let child = server
            .client("psql", database)
            .args(OPTIONS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = must("start psql", child);
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            panic!("psql has no pipes");
        };
        Session { child, input, output: BufReader::new(output), asked: 0 }
    }

    /// Runs statements (each ended by a semicolon; `copy … from stdin;` with its data and `\.`) and waits for them.
    ///
    /// # Errors
    /// What psql printed when a statement failed or the server went away. The session is over then.
    pub fn run(&mut self, sql: &str) -> Result<String, String> {
        self.asked += 1;
        let mark = format!("-- end of {} --", self.asked);
        let sent = writeln!(self.input, "{sql}\n\\echo '{mark}'").and_then(|()| self.input.flush());
        let mut text = String::new();
        while sent.is_ok() {
            let from = text.len();
            if self.output.read_line(&mut text).map_or(true, |read| read == 0) {
                break;
            }
            if text.get(from..).map(str::trim_end) == Some(mark.as_str()) {
                text.truncate(from);
                return Ok(text.trim_end().to_owned());
            }
        }
        let mut cause = String::new();
        if let Some(mut errors) = self.child.stderr.take() {
            let _ = errors.read_to_string(&mut cause);
        }
        Err(cause.trim_end().to_owned())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
