//! Clients that people use, run to their end: Kafka's own measuring tools, and kcat for librdkafka.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Outcome;

/// What kcat's producer waits for a batch to fill is librdkafka's default of 5 ms; the rest is its default, too.
const KCAT: &str = "kcat";
/// librdkafka stops fetching for up to a second when its queue is full, so a server that fills it is punished.
const NO_PAUSE: [&str; 4] = ["-X", "queued.min.messages=10000000", "-X", "queued.max.messages.kbytes=2000000"];
/// A producer that was told to make large batches.
const TUNED: [&str; 3] = ["batch.size=262144", "linger.ms=20", "buffer.memory=67108864"];

/// Writes so many records with Kafka's `ProducerPerformance`, at its defaults or with larger batches; the seconds it took, by
/// its own account, which leaves the start of the virtual machine out.
pub fn java_produce(java: &str, address: &str, topic: &str, records: u64, size: usize, tuned: bool) -> Outcome<f64> {
    let mut command = java_command(java);
    command.arg("org.apache.kafka.tools.ProducerPerformance").args(["--topic", topic, "--throughput", "-1"]);
    command.args(["--num-records", &records.to_string(), "--record-size", &size.to_string(), "--producer-props"]);
    command.arg(format!("bootstrap.servers={address}")).arg("acks=all");
    if tuned {
        command.args(TUNED);
    }
    let text = output(&mut command)?;
    let rate =
        text.lines().rev().find_map(|line| line.split_once(" records sent, ")?.1.split(' ').next()?.parse().ok());
    let rate: f64 = rate.ok_or_else(|| format!("ProducerPerformance gave no rate: {text}"))?;
    Ok(records as f64 / rate)
}

/// Reads so many records with Kafka's `ConsumerPerformance` at its defaults; the seconds of fetching, by its own account.
pub fn java_consume(java: &str, address: &str, topic: &str, records: u64) -> Outcome<f64> {
    let mut command = java_command(java);
    command.arg("org.apache.kafka.tools.ConsumerPerformance").args(["--bootstrap-server", address, "--topic", topic]);
    command.args(["--num-records", &records.to_string(), "--hide-header"]);
    let text = output(&mut command)?;
    // Begin, end, MB, MB/s, records, records/s, time of joining the group, time of fetching in ms, …
    let fetching = |line: &str| {
        let fields: Vec<&str> = line.split(", ").collect();
        let read: u64 = fields.get(4)?.trim().parse().ok()?;
        Some((read, fields.get(7)?.trim().parse::<f64>().ok()?))
    };
    let (read, ms) = text.lines().rev().find_map(fetching).ok_or_else(|| format!("no figures came: {text}"))?;
    if read < records {
        return Err(format!("ConsumerPerformance read {read} of {records} records: {text}").into());
    }
    Ok(ms / 1e3)
}

/// Writes the lines of a file with kcat, one record each; the seconds from its start to its end.
pub fn kcat_produce(address: &str, topic: &str, lines: &Path) -> Outcome<f64> {
    let mut command = Command::new(KCAT);
    command.args(["-P", "-b", address, "-t", topic, "-p", "0", "-X", "acks=all", "-l"]).arg(lines);
    timed(&mut command)
}

/// Reads so many records with kcat, which writes them to nowhere.
pub fn kcat_consume(address: &str, topic: &str, records: u64) -> Outcome<f64> {
    let mut command = Command::new(KCAT);
    command.args(["-C", "-q", "-b", address, "-t", topic, "-p", "0", "-o", "beginning", "-c", &records.to_string()]);
    timed(command.args(NO_PAUSE).stdout(Stdio::null()))
}

fn java_command(java: &str) -> Command {
    let mut words = java.split(' ');
    let mut command = Command::new(words.next().unwrap_or("java"));
    command.args(words);
    command
}

fn output(command: &mut Command) -> Outcome<String> {
    let output = command.stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(text)
    } else {
        Err(format!("a client failed: {text}{}", String::from_utf8_lossy(&output.stderr)).into())
    }
}

fn timed(command: &mut Command) -> Outcome<f64> {
    let begin = Instant::now();
    let status = command.stdin(Stdio::null()).stderr(Stdio::inherit()).status()?;
    if status.success() { Ok(begin.elapsed().as_secs_f64()) } else { Err("kcat failed".into()) }
}
