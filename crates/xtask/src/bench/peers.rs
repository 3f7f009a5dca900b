//! What we are compared with: PostgreSQL's own programs, which do nothing with what they read.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tailwater_testkit::{Postgres, Process, Session, cpu_seconds, peak_rss_bytes};

use super::DATABASE;
use super::report::Used;
use crate::Outcome;

/// Pause between two looks at the processor time of a process that will be gone when it is done.
const TICK: Duration = Duration::from_millis(10);

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
        let sql = format!("select active_pid from pg_replication_slots where slot_name = '{}';", self.0);
        watch(Process::spawn(&mut command), || Ok(session.run(&sql)?.parse().ok()))
    }
}

/// Copies a table into nothing.
pub fn copy(server: &Postgres, table: &str) -> Outcome<Used> {
    let mut session = Session::open(server, DATABASE);
    let mut command = server.client("psql", DATABASE);
    command.args(["-X", "-q", "-o", "/dev/null", "-c", &format!("copy {table} to stdout")]).stdout(Stdio::null());
    let sql = "select pid from pg_stat_activity where query like 'copy %' limit 1;";
    watch(Process::spawn(&mut command), || Ok(session.run(sql)?.parse().ok()))
}

/// Lets a program run to its end and keeps the last figures that it and its server process showed.
fn watch(mut program: Process, mut server_pid: impl FnMut() -> Outcome<Option<u32>>) -> Outcome<Used> {
    let begin = Instant::now();
    let mut used = Used::default();
    let mut backend = None;
    let status = loop {
        if let Some(status) = program.wait(TICK) {
            break status;
        }
        if backend.is_none() {
            backend = server_pid()?;
        }
        used.cpu = used.cpu.max(cpu_seconds(program.pid()));
        used.peak_bytes = used.peak_bytes.max(peak_rss_bytes(program.pid()));
        used.server_cpu = used.server_cpu.max(backend.map_or(0.0, cpu_seconds));
    };
    used.wall = begin.elapsed().as_secs_f64();
    if !status.success() {
        return Err(format!("a peer failed: {}", program.errors()).into());
    }
    Ok(used)
}
