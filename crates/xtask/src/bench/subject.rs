//! The binary under test: `serve` with one connector on a data directory of its own.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tailwater_testkit::{
    Postgres, Process, Serve, Session, cpu_seconds, get, peak_rss_bytes, rss_bytes, write_connector,
};

use super::load::DATABASE;
use super::report::{Percentiles, Used};
use super::{confirmed, copier, walsender};
use crate::Outcome;

/// Longest wait for one measured step.
const PATIENCE: Duration = Duration::from_secs(900);
/// Pause between two questions whether a step is done: its error, and small beside what it costs the machine.
const TICK: Duration = Duration::from_millis(20);
/// The same before the clock runs.
const SHORT_TICK: Duration = Duration::from_millis(1);

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
    name: String,
    data: PathBuf,
    connectors: PathBuf,
    /// Records that its topics have when everything so far was read.
    records: Cell<u64>,
}

impl Capture {
    /// Writes the connector's file; starts nothing.
    pub fn new(binary: &Path, work: &Path, server: &Postgres, name: &str, table: &str, form: Form) -> Outcome<Capture> {
        let folder = work.join(name);
        let connectors = folder.join("connectors");
        let mut properties = vec![("table.include.list", table)];
        if matches!(form, Form::Plain) {
            properties.extend([("key.converter.schemas.enable", "false"), ("value.converter.schemas.enable", "false")]);
        }
        write_connector(&connectors, name, server, DATABASE, &properties);
        let data = folder.join("data");
        Ok(Capture { binary: binary.to_owned(), name: name.to_owned(), data, connectors, records: Cell::new(0) })
    }

    /// Runs until it streams, so that slot and publication stand; resident memory while idle, in bytes.
    pub fn settle(&self) -> Outcome<u64> {
        let serve = self.start();
        serve.wait_state(&self.name, "streaming", PATIENCE);
        let bytes = rss_bytes(serve.process.pid());
        finish(serve)?;
        Ok(bytes)
    }

    /// Reads so many events, which end at `end` of the log, from the moment when the server has the stream's process until
    /// all of them are durable.
    pub fn drain(&self, server: &Postgres, end: &str, events: u64) -> Outcome<Used> {
        let mut session = Session::open(server, DATABASE);
        let slot = format!("{}_slot", self.name);
        let serve = self.start();
        let target = self.records.get() + events;
        let used = self.watch(&serve, target, || walsender(&mut session, &slot))?;
        // The mark behind the end is a record, too.
        self.records.set(target + 1);
        let begin = Instant::now();
        while !confirmed(&mut session, &slot, end)? {
            if begin.elapsed() > PATIENCE {
                return Err(format!("{slot} did not reach {end}: {}", serve.process.errors()).into());
            }
            std::thread::sleep(TICK);
        }
        finish(serve)?;
        Ok(used)
    }

    /// Reads so many rows, from the moment when the server copies them until all of them are durable. Slot and data are
    /// gone afterwards.
    pub fn snapshot(&self, server: &Postgres, rows: u64) -> Outcome<Used> {
        let mut session = Session::open(server, DATABASE);
        let serve = self.start();
        let used = self.watch(&serve, rows, || copier(&mut session))?;
        serve.wait_state(&self.name, "streaming", PATIENCE);
        finish(serve)?;
        session.run(&format!("select pg_drop_replication_slot('{}_slot');", self.name))?;
        std::fs::remove_dir_all(&self.data)?;
        Ok(used)
    }

    /// From the moment when the server's process is there until the topics have so many records.
    fn watch(
        &self,
        serve: &Serve,
        records: u64,
        mut server_pid: impl FnMut() -> Outcome<Option<u32>>,
    ) -> Outcome<Used> {
        let (pid, patience) = (serve.process.pid(), Instant::now() + PATIENCE);
        let backend = loop {
            match server_pid()? {
                Some(backend) => break backend,
                None if Instant::now() > patience => {
                    return Err(format!("{} did not begin: {}", self.name, serve.process.errors()).into());
                }
                None => std::thread::sleep(SHORT_TICK),
            }
        };
        let (begin, cpu, server_cpu) = (Instant::now(), cpu_seconds(pid), cpu_seconds(backend));
        let mut used = Used::default();
        loop {
            // A snapshot's session is gone when its rows are: its last known time counts.
            used.server_cpu = used.server_cpu.max(cpu_seconds(backend) - server_cpu);
            if durable_records(serve)? >= records {
                break;
            }
            if Instant::now() > patience {
                return Err(format!("{} did not read everything: {}", self.name, serve.process.errors()).into());
            }
            std::thread::sleep(TICK);
        }
        used.wall = begin.elapsed().as_secs_f64();
        used.cpu = cpu_seconds(pid) - cpu;
        used.peak_bytes = peak_rss_bytes(pid);
        Ok(used)
    }

    /// Commits one row at a time and waits for each at a consumer: from the moment the application has its commit until
    /// the consumer has the line.
    pub fn probe(&self, server: &Postgres, probes: u32) -> Outcome<Percentiles> {
        let serve = self.start();
        serve.wait_state(&self.name, "streaming", PATIENCE);
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

/// How many records the topics show: those that are durable.
fn durable_records(serve: &Serve) -> Outcome<u64> {
    let (_, page) = get(&serve.http, "/metrics")?;
    let value = page.lines().find_map(|line| line.strip_prefix("tailwater_topic_records "));
    Ok(value.map_or(Ok(0.0), str::parse::<f64>)? as u64)
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
