//! What we are compared with: PostgreSQL's own programs, which do nothing with what they read.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tailwater_testkit::{Postgres, Process, Session, cpu_seconds, peak_rss_bytes};

use super::load::DATABASE;
use super::report::Used;
use super::{copier, walsender};
use crate::Outcome;

/// Pause between two looks at the processor time of a process that will be gone when it is done.
const TICK: Duration = Duration::from_millis(10);
/// The same until there is a server's process: then the clock begins.
const SHORT_TICK: Duration = Duration::from_millis(1);

/// A slot of the plugin that we read, with a publication of its own.
pub struct Slot(&'static str);

impl Slot {
    /// Publishes the table and creates the slot.
    pub fn create(server: &Postgres, table: &str) -> Slot {
        let name = "peer";
        server.psql(
            DATABASE,
            &format!(
                "create publication {name} for table {table};
                 select pg_create_logical_replication_slot('{name}', 'pgoutput');"
            ),
        );
        Slot(name)
    }

    /// Reads everything up to `end` into nothing.
    pub fn drain(&self, server: &Postgres, end: &str) -> Outcome<Used> {
        let mut session = Session::open(server, DATABASE);
        let mut command = server.client("pg_recvlogical", DATABASE);
        command.args(["--start", "--no-loop", "--slot", self.0, "--endpos", end, "-f", "/dev/null"]);
        command.args(["-o", "proto_version=1", "-o", &format!("publication_names={}", self.0)]);
        watch(Process::spawn(&mut command), || walsender(&mut session, self.0))
    }
}

/// Copies a table into nothing.
pub fn copy(server: &Postgres, table: &str) -> Outcome<Used> {
    let mut session = Session::open(server, DATABASE);
    let mut command = server.client("psql", DATABASE);
    command.args(["-X", "-q", "-o", "/dev/null", "-c", &format!("copy {table} to stdout")]).stdout(Stdio::null());
    watch(Process::spawn(&mut command), || copier(&mut session))
}

/// Lets a program run to its end and keeps the last figures that it and its server process showed. Everything counts from
/// the moment when that process is there.
fn watch(mut program: Process, mut server_pid: impl FnMut() -> Outcome<Option<u32>>) -> Outcome<Used> {
    let mut begin = Instant::now();
    let mut used = Used::default();
    let mut backend = None;
    let mut before = 0.0;
    let status = loop {
        if let Some(status) = program.wait(if backend.is_some() { TICK } else { SHORT_TICK }) {
            break status;
        }
        if backend.is_none() {
            backend = server_pid()?.map(|pid| (pid, cpu_seconds(pid)));
            (begin, before) = (Instant::now(), cpu_seconds(program.pid()));
        }
        used.cpu = used.cpu.max(cpu_seconds(program.pid()) - before);
        used.peak_bytes = used.peak_bytes.max(peak_rss_bytes(program.pid()));
        used.server_cpu = used.server_cpu.max(backend.map_or(0.0, |(pid, before)| cpu_seconds(pid) - before));
    };
    used.wall = begin.elapsed().as_secs_f64();
    if !status.success() {
        return Err(format!("a peer failed: {}", program.errors()).into());
    }
    Ok(used)
}
