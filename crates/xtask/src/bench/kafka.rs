//! Our listener beside a real Kafka broker on the same machine: written and read by the same clients, in turns.
//!
//! The broker is there twice. Ours answers a producer when its records are on disk; a broker of one node does so only with an
//! fsync for each append, and by default answers when they are in the page cache, of which a power failure leaves nothing.

mod changes;
mod client;
mod programs;
mod report;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tailwater_testkit::{cpu_seconds, cpu_seconds_with_children, peak_rss_bytes, rss_bytes};

use self::client::Client;
use self::report::{Report, Rest, Run, median};
use super::{Plan, machine, progress};
use crate::Outcome;
use crate::clients::broker::{BROKER_JAVA, Broker};
use crate::clients::catalogue::BROKER;
use crate::clients::install::Cache;

/// What Kafka's own scripts give to the virtual machine of the measuring tools.
const CLIENT_JAVA: [&str; 6] = [
    "-server",
    "-Xmx512M",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-Djava.awt.headless=true",
];
/// How long a server is left alone before it is called idle, and while it is.
const SETTLE: Duration = Duration::from_secs(5);
/// Record sizes in bytes, and how many records there are of those for one of 100 bytes.
const SIZES: [(usize, u64, &str); 2] = [(100, 1, "100 B"), (1000, 4, "1 KB")];

/// What is read again and again when that is what came last: less than we keep in memory.
const NEWEST_BYTES: u64 = 8 << 20;
/// Bytes that are read so, all readers together.
const AGAIN_BYTES: u64 = 2 << 30;
/// Readers at one time.
const READERS: [(&str, u64); 2] = [("bare protocol", 1), ("bare protocol, 4 readers", 4)];

/// Who writes and reads.
#[derive(Clone, Copy, PartialEq)]
enum Who {
    Java,
    JavaTuned,
    Kcat,
    Wire,
}

const CLIENTS: [(Who, &str); 4] = [
    (Who::Java, "Kafka's perf tool"),
    (Who::JavaTuned, "the same, batches of 256 KB, linger 20 ms"),
    (Who::Kcat, "kcat (librdkafka)"),
    (Who::Wire, "bare protocol, batches of 128 KB"),
];

struct Server {
    name: &'static str,
    broker: Broker,
}

/// What the clients need.
struct Tools {
    java: String,
    lines: Vec<PathBuf>,
}

/// Runs everything and returns the table.
pub fn run(root: &Path, plan: &Plan, work: &Path, facts: Vec<String>) -> Outcome<String> {
    let cache = Cache::open(root)?;
    let mut report = Report { facts, disk: machine::sync_times(work)?, ..Report::default() };
    report.facts.push(format!("Kafka: {BROKER}, JVM {}", BROKER_JAVA.join(" ")));
    report.load.0 = machine::load()?;
    let mut servers = Vec::new();
    for name in ["tailwater", "Kafka, fsync per append", "Kafka, page cache"] {
        progress(&format!("{name}: start and rest"));
        let broker = match servers.len() {
            0 => Broker::bare(plan.binary.clone())?,
            server => Broker::kafka(&cache, server == 1)?,
        };
        let (server, rest) = settle(name, broker, plan.rounds)?;
        servers.push(server);
        report.rest.push(rest);
    }
    let tools = Tools { java: cache.java_as(BROKER, &CLIENT_JAVA)?, lines: lines(plan, work)? };
    for round in 0..plan.rounds {
        for size in 0..SIZES.len() {
            for (who, client) in CLIENTS {
                measure(plan, &tools, &servers, (round, size), (who, client), &mut report)?;
            }
        }
    }
    for (server, rest) in servers.iter().zip(&mut report.rest) {
        if plan.probes > 0 {
            progress(&format!("{}: {} probes", server.name, plan.probes));
            let address = server.broker.address();
            rest.latency = Client::connect(address)?.probe(address, "probes", plan.probes)?;
        }
        rest.peak_bytes = peak_rss_bytes(pid(&server.broker)?);
    }
    drop(servers);
    if "changes".contains(&plan.only) {
        report.expansions = changes::measure(plan, work)?;
    }
    report.load.1 = machine::load()?;
    Ok(report.to_string())
}

/// Starts a server some times, and lets it rest.
fn settle(name: &'static str, mut broker: Broker, rounds: u64) -> Outcome<(Server, Rest)> {
    let mut starts = Vec::new();
    for start in 0..rounds.max(1) {
        if start > 0 {
            broker.restart()?;
        }
        let (_, up_in) = broker.started().ok_or("the server is not ours")?;
        let begin = Instant::now();
        Client::connect(broker.address())?.make_topic(&format!("start-{start}"))?;
        starts.push((up_in + begin.elapsed()).as_secs_f64());
    }
    std::thread::sleep(SETTLE);
    let (idle_bytes, cpu) = (rss_bytes(pid(&broker)?), cpu_seconds(pid(&broker)?));
    std::thread::sleep(SETTLE);
    let idle_cpu = (cpu_seconds(pid(&broker)?) - cpu) / SETTLE.as_secs_f64();
    let start = Duration::from_secs_f64(median(starts.into_iter()));
    Ok((Server { name, broker }, Rest { server: name, start, idle_bytes, idle_cpu, ..Rest::default() }))
}

/// One client writes to each server in turn, and reads it again.
fn measure(
    plan: &Plan,
    tools: &Tools,
    servers: &[Server],
    (round, size): (u64, usize),
    (who, client): (Who, &'static str),
    report: &mut Report,
) -> Outcome<()> {
    let (bytes, fewer, label) = SIZES[size];
    let records = (plan.sizes.rows / fewer).max(1);
    let (produce, consume) = (format!("produce, {label}"), format!("consume, {label}"));
    if ![&produce, &consume].iter().any(|load| format!("{load}, {client}").contains(&plan.only)) {
        return Ok(());
    }
    progress(&format!("{records} records of {label}, {client}, round {} of {}", round + 1, plan.rounds));
    let topic = format!("load-{size}-{}-{round}", who as usize);
    for turn in 0..servers.len() {
        let server = &servers[(turn + round as usize) % 3];
        let address = server.broker.address();
        let mut bare = Client::connect(address)?;
        bare.make_topic(&topic)?;
        let load = Loaded { server, client, bytes };
        report.runs.push(load.run(&produce, records, || match who {
            Who::Wire => bare.produce(&topic, records, bytes),
            Who::Kcat => programs::kcat_produce(address, &topic, &tools.lines[size]),
            Who::Java | Who::JavaTuned => {
                programs::java_produce(&tools.java, address, &topic, records, bytes, who == Who::JavaTuned)
            }
        })?);
        match who {
            Who::Wire => again(&load, &topic, (records, label), report)?,
            Who::Kcat => {
                let run = || programs::kcat_consume(address, &topic, records);
                report.runs.push(load.run(&consume, records, run)?);
            }
            Who::Java => {
                let run = || programs::java_consume(&tools.java, address, &topic, records);
                report.runs.push(load.run(&consume, records, run)?);
            }
            Who::JavaTuned => {}
        }
        bare.delete_topic(&topic)?;
    }
    Ok(())
}

/// What is written is read again and again, all of it and then what came last, so that the time of reading it once, which is
/// some hundredths of a second, does not matter.
fn again(load: &Loaded<'_>, topic: &str, (records, label): (u64, &str), report: &mut Report) -> Outcome<()> {
    let address = load.server.broker.address();
    let newest = (NEWEST_BYTES / load.bytes as u64).clamp(1, records);
    for (what, part) in [("consume", records), ("consume the newest 8 MB", newest)] {
        for (client, readers) in READERS {
            let times = (AGAIN_BYTES / (part * load.bytes as u64) / readers).max(1);
            let span = ((records - part).cast_signed(), records.cast_signed());
            let run = || Client::consume_again(address, topic, span, readers, times);
            let what = format!("{what}, {label}");
            report.runs.push(Loaded { client, ..*load }.run(&what, part * times * readers, run)?);
        }
    }
    Ok(())
}

/// A client's work with a server.
struct Loaded<'a> {
    server: &'a Server,
    client: &'static str,
    /// Of a record.
    bytes: usize,
}

impl Loaded<'_> {
    /// Does it, and says what it took.
    fn run(&self, load: &str, records: u64, work: impl FnOnce() -> Outcome<f64>) -> Outcome<Run> {
        let (pid, own) = (pid(&self.server.broker)?, std::process::id());
        let before = (cpu_seconds(pid), cpu_seconds_with_children(own));
        let wall = work()?;
        let cpu = cpu_seconds(pid) - before.0;
        let client_cpu = cpu_seconds_with_children(own) - before.1;
        let (load, records) = (load.to_owned(), (records, self.bytes));
        Ok(Run { load, client: self.client, server: self.server.name, records, wall, cpu, client_cpu })
    }
}

fn pid(broker: &Broker) -> Outcome<u32> {
    Ok(broker.started().ok_or("the server is not ours")?.0)
}

/// Files of lines of each size, for kcat.
fn lines(plan: &Plan, work: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for (bytes, fewer, label) in SIZES {
        let mut text = String::new();
        for record in 0..(plan.sizes.rows / fewer).max(1) {
            writeln!(text, "{record:x>bytes$}")?;
        }
        let file = work.join(format!("lines of {label}"));
        std::fs::write(&file, text)?;
        files.push(file);
    }
    Ok(files)
}
