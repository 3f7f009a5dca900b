//! `cargo xtask bench-kafka`: our listener beside a real Kafka broker, by Kafka's own measuring tools, one after the other on
//! the same machine. Both fsync before they acknowledge; the broker once more as people run it, without.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tailwater_testkit::{cpu_seconds, rss_bytes};

use super::broker::Broker;
use super::catalogue::BROKER;
use super::install::Cache;
use crate::Outcome;
use crate::bench::machine;

/// Time in which a server that does nothing comes to rest before its memory is looked at.
const REST: Duration = Duration::from_secs(3);

/// What one server did with one load.
struct Figures {
    records_a_second: f64,
    /// Processor seconds of the server for a million records.
    cpu: f64,
}

/// Measures, prints the table, and keeps it in `benches/results` where `--no-file` is not given.
pub fn run(root: &Path, arguments: &[String]) -> Outcome<String> {
    let (mut records, mut binary, mut file) = (500_000_u64, None, true);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--records" => records = rest.next().ok_or("--records needs a number")?.parse()?,
            "--tailwater" => binary = Some(PathBuf::from(rest.next().ok_or("--tailwater needs a path")?)),
            "--no-file" => file = false,
            other => return Err(format!("there is no option `{other}`").into()),
        }
    }
    let cache = Cache::open(root)?;
    let binary = match binary {
        Some(binary) => binary,
        None => crate::target_directory(root)?.join("release/tailwater"),
    };
    let load = machine::load()?;
    let mut table = String::from(
        "| server | start s | idle MB | produce 100 B | consume 100 B | produce 1 KB | consume 1 KB | end to end |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let subjects: [(&str, &dyn Fn() -> Outcome<Broker>); 3] = [
        ("tailwater", &|| Broker::bare(binary.clone())),
        ("Kafka, fsync", &|| Broker::kafka(&cache, true)),
        ("Kafka, no fsync", &|| Broker::kafka(&cache, false)),
    ];
    for (name, start) in subjects {
        eprintln!("{name}");
        let broker = start()?;
        let (pid, up) = broker.started().ok_or("a server of others cannot be measured")?;
        std::thread::sleep(REST);
        let idle = rss_bytes(pid) >> 20;
        write!(table, "| {name} | {:.2} | {idle} ", up.as_secs_f64())?;
        for size in [100, 1000] {
            let topic = format!("bench-{size}");
            let count = records * 100 / size;
            let sent = produce(&cache, &broker, pid, &topic, count, size)?;
            let read = consume(&cache, &broker, pid, &topic, count)?;
            for figures in [sent, read] {
                let megabytes = figures.records_a_second * size as f64 / 1e6;
                write!(
                    table,
                    "| {:.0}k/s, {megabytes:.0} MB/s, {:.2} CPU-s ",
                    figures.records_a_second / 1e3,
                    figures.cpu
                )?;
            }
        }
        writeln!(table, "| {} |", latency(&cache, &broker)?)?;
    }
    let text = format!(
        "# The listener beside Apache Kafka {BROKER}\n\n\
         Kafka's own `ProducerPerformance` (acks=all, one partition), `ConsumerPerformance` and `EndToEndLatency` on the same\n\
         machine as the server; CPU-s are the server's for a million records. \"fsync\": `log.flush.interval.messages=1`, every\n\
         append is on disk before it is acknowledged, as with us always.\n\n\
         - Machine: {}\n- Revision: {}\n- Command: `cargo xtask bench-kafka{}`\n- Load of the machine: {load:.2} before, {:.2} after\n\n{table}",
        machine::itself(),
        machine::revision(root),
        arguments.iter().map(|word| format!(" {word}")).collect::<String>(),
        machine::load()?
    );
    if file {
        std::fs::write(root.join(format!("benches/results/{}-kafka.md", machine::today()?)), &text)?;
    }
    Ok(text)
}

fn produce(cache: &Cache, broker: &Broker, pid: u32, topic: &str, count: u64, size: u64) -> Outcome<Figures> {
    let (count_text, size, server) =
        (count.to_string(), size.to_string(), format!("bootstrap.servers={}", broker.address()));
    let words = ["--topic", topic, "--num-records", &count_text, "--record-size", &size, "--throughput", "-1"];
    let before = cpu_seconds(pid);
    let text = tool(cache, "ProducerPerformance", &[&words[..], &["--producer-props", &server, "acks=all"]].concat())?;
    let cpu = (cpu_seconds(pid) - before) * 1e6 / count as f64;
    let last = text.lines().rfind(|line| line.contains("records/sec")).ok_or("ProducerPerformance said nothing")?;
    let rate =
        last.split(", ").nth(1).and_then(|part| part.split(' ').next()).ok_or("ProducerPerformance said no rate")?;
    Ok(Figures { records_a_second: rate.parse()?, cpu })
}

fn consume(cache: &Cache, broker: &Broker, pid: u32, topic: &str, count: u64) -> Outcome<Figures> {
    let count_text = count.to_string();
    let before = cpu_seconds(pid);
    let words = ["--bootstrap-server", broker.address(), "--topic", topic, "--num-records", &count_text];
    let text = tool(cache, "ConsumerPerformance", &words)?;
    let cpu = (cpu_seconds(pid) - before) * 1e6 / count as f64;
    // The last column: records a second of the time in which was fetched.
    let line = text.lines().rfind(|line| line.starts_with(|c: char| c.is_ascii_digit()));
    let rate = line.and_then(|line| line.rsplit(", ").next()).ok_or("ConsumerPerformance said no rate")?;
    Ok(Figures { records_a_second: rate.trim().parse()?, cpu })
}

fn latency(cache: &Cache, broker: &Broker) -> Outcome<String> {
    let words = ["--bootstrap-server", broker.address(), "--topic", "bench-latency", "--num-records", "2000"];
    let text =
        tool(cache, "EndToEndLatency", &[&words[..], &["--producer-acks", "all", "--record-size", "100"]].concat())?;
    let average =
        text.lines().find_map(|line| line.strip_prefix("Avg latency: ")).ok_or("EndToEndLatency said nothing")?;
    let percentiles = text.lines().find_map(|line| line.strip_prefix("Percentiles: ")).unwrap_or_default();
    Ok(format!("avg {average}; ms {percentiles}"))
}

/// Runs one of Kafka's tools with its warmed-up compiler, which here is measured, too.
fn tool(cache: &Cache, name: &str, words: &[&str]) -> Outcome<String> {
    let jars = format!("{}/*", cache.kafka(BROKER)?.display());
    let mut command = Command::new("java");
    command.args(["-Xmx512m", "-cp", &jars]).arg(format!("org.apache.kafka.tools.{name}")).args(words);
    let output = command.output()?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{name} failed: {}", String::from_utf8_lossy(&output.stderr)).into())
    }
}
