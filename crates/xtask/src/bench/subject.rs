//! The binary under test: `serve` with one connector on a data directory of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tailwater_testkit::{Postgres, Process, Serve, Session, cpu_seconds, peak_rss_bytes, rss_bytes, write_connector};

use super::report::{Percentiles, Used};
use super::{DATABASE, confirmed};
use crate::Outcome;

/// Longest wait for one measured step.
const PATIENCE: Duration = Duration::from_secs(900);
/// Pause between two questions whether a step is done: its error, and small beside what it costs the machine.
const TICK: Duration = Duration::from_millis(10);

/// How values are written.
#[derive(Clone, Copy)]
pub enum Form {
    /// Each event carries its schema: Kafka Connect's default.
    SchemaBlock,
    /// Payload only.
    Plain,
}

/// A connector and its directory. Between two steps nothing runs, so that the log gathers behind its slot.
pub struct Capture {
    binary: PathBuf,
    name: &'static str,
    data: PathBuf,
    connectors: PathBuf,
}

impl Capture {
    /// Writes the connector's file; starts nothing.
    pub fn new(
        binary: &Path,
        work: &Path,
        server: &Postgres,
        name: &'static str,
        table: &str,
        form: Form,
    ) -> Outcome<Capture> {
        let folder = work.join(name);
        let connectors = folder.join("connectors");
        let mut properties = vec![("table.include.list", table)];
        if matches!(form, Form::Plain) {
            properties.extend([("key.converter.schemas.enable", "false"), ("value.converter.schemas.enable", "false")]);
        }
        write_connector(&connectors, name, server, DATABASE, &properties);
        Ok(Capture { binary: binary.to_owned(), name, data: folder.join("data"), connectors })
    }

    /// Runs until it streams, so that slot and publication stand; resident memory while idle, in bytes.
    pub fn settle(&self) -> Outcome<u64> {
        let serve = self.start();
        serve.wait_state(self.name, "streaming", PATIENCE);
        let bytes = rss_bytes(serve.process.pid());
        finish(serve)?;
        Ok(bytes)
    }

    /// From the start of the process until everything up to `end` is durable and the server knows it.
    pub fn drain(&self, server: &Postgres, end: &str) -> Outcome<Used> {
        let mut session = Session::open(server, DATABASE);
        let slot = format!("{}_slot", self.name);
        let begin = Instant::now();
        let serve = self.start();
        while !confirmed(&mut session, &slot, end)? {
            if begin.elapsed() > PATIENCE {
                return Err(format!("{slot} did not reach {end}: {}", serve.process.errors()).into());
            }
            std::thread::sleep(TICK);
        }
        let wall = begin.elapsed().as_secs_f64();
        let pid = session.run(&format!("select active_pid from pg_replication_slots where slot_name = '{slot}';"))?;
        let used = measure(&serve, wall, cpu_seconds(pid.parse().unwrap_or(0)));
        finish(serve)?;
        Ok(used)
    }

    /// From the start of the process until the snapshot is durable and the stream has begun.
    pub fn snapshot(&self, server: &Postgres) -> Outcome<Used> {
        let mut session = Session::open(server, DATABASE);
        let (mut backend, begin) = (0.0_f64, Instant::now());
        let serve = self.start();
        while serve.connector(self.name)["state"] != "streaming" {
            if begin.elapsed() > PATIENCE {
                return Err(format!("the snapshot did not end: {}", serve.process.errors()).into());
            }
            // The reader's session is gone when the snapshot is: its last known time counts.
            let pids = session
                .run("select pid from pg_stat_activity where query ilike '%copy%' and pid <> pg_backend_pid();")?;
            backend = pids.lines().filter_map(|pid| pid.parse().ok()).map(cpu_seconds).fold(backend, f64::max);
            std::thread::sleep(TICK);
        }
        let used = measure(&serve, begin.elapsed().as_secs_f64(), backend);
        finish(serve)?;
        Ok(used)
    }

    /// Commits one row at a time and waits for each at a consumer: from the moment the application has its commit until
    /// the consumer has the line.
    pub fn probe(&self, server: &Postgres, probes: u32) -> Outcome<Percentiles> {
        let serve = self.start();
        serve.wait_state(self.name, "streaming", PATIENCE);
        let mut consume = Command::new(&self.binary);
        consume.args(["consume", "--include", ".*", "--json", "--data-dir"]).arg(&self.data);
        let consumer = Process::spawn(&mut consume);
        let mut session = Session::open(server, DATABASE);
        let mut probe = |number: u32, patience: Duration| -> Outcome<Option<Duration>> {
            let mark = format!("probe {number}.");
            session.run(&format!("insert into narrow values (-{number}, 0, '{mark}');"))?;
            let acknowledged = Instant::now();
            Ok(consumer.wait_line(patience, |line| line.contains(&mark)).map(|_| acknowledged.elapsed()))
        };
        // A consumer that reads from now on says nothing when it has begun: the first row it shows tells.
        let mut number = 1;
        while probe(number, Duration::from_millis(200))?.is_none() {
            number += 1;
            if number > 100 {
                return Err(format!("the consumer shows nothing: {}", consumer.errors()).into());
            }
        }
        let mut times = Vec::new();
        for next in number + 1..=number + probes {
            times.push(probe(next, PATIENCE)?.ok_or("a probe did not arrive")?);
        }
        drop(consumer);
        finish(serve)?;
        Ok(Percentiles::of(times))
    }

    fn start(&self) -> Serve {
        Serve::start(&self.binary, &self.data, &self.connectors)
    }
}

fn measure(serve: &Serve, wall: f64, server_cpu: f64) -> Used {
    let pid = serve.process.pid();
    Used { wall, cpu: cpu_seconds(pid), server_cpu, peak_bytes: peak_rss_bytes(pid) }
}

/// Ends `serve` as an operator does.
fn finish(mut serve: Serve) -> Outcome<()> {
    serve.process.terminate();
    let status = serve.process.wait(Duration::from_secs(30));
    if !status.is_some_and(|status| status.success()) {
        return Err(format!("serve did not end well: {}", serve.process.errors()).into());
    }
    Ok(())
}
