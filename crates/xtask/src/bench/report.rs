//! The figures and their table.

use std::fmt;
use std::time::Duration;

/// What one run took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Used {
    /// Seconds by the clock, from the start of the program.
    pub wall: f64,
    /// Processor seconds of the program, user and kernel.
    pub cpu: f64,
    /// Processor seconds of the server's process at the other end.
    pub server_cpu: f64,
    /// Greatest resident memory of the program, in bytes.
    pub peak_bytes: u64,
}

/// One line of the table.
#[derive(Debug)]
pub struct Run {
    /// What was read.
    pub load: &'static str,
    /// How many rows that is.
    pub events: u64,
    /// By whom.
    pub who: &'static str,
    /// What it took.
    pub used: Used,
}

/// Two percentiles of a time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Percentiles {
    p50: Duration,
    p99: Duration,
}

impl Percentiles {
    /// Of these samples.
    pub fn of(mut times: Vec<Duration>) -> Percentiles {
        times.sort();
        let at = |share: usize| times.get(times.len().saturating_sub(1) * share / 100).copied().unwrap_or_default();
        Percentiles { p50: at(50), p99: at(99) }
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {:.2} ms, p99 {:.2} ms", self.p50.as_secs_f64() * 1e3, self.p99.as_secs_f64() * 1e3)
    }
}

/// Everything that was measured. In each load the first run is the peer that the others are compared with.
#[derive(Debug)]
pub struct Report {
    facts: Vec<String>,
    /// Write and sync of a small block.
    pub disk: Percentiles,
    /// Resident memory of ours when nothing happens, in bytes.
    pub idle_bytes: u64,
    /// Commit to consumer.
    pub latency: Percentiles,
    /// The same of Debezium's engine, where it was measured.
    pub their_latency: Option<Percentiles>,
    /// The runs, grouped by load.
    pub runs: Vec<Run>,
}

impl Report {
    /// An empty report about a machine.
    pub fn new(facts: Vec<String>) -> Report {
        Report {
            facts,
            disk: Percentiles::default(),
            idle_bytes: 0,
            latency: Percentiles::default(),
            their_latency: None,
            runs: Vec::new(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Benchmark\n")?;
        for fact in &self.facts {
            writeln!(f, "- {fact}")?;
        }
        writeln!(
            f,
            "\n| load | reader | rows/s | rows per CPU-s | wall ratio | server CPU ratio | CPU s | server CPU s | peak MB |"
        )?;
        writeln!(f, "|---|---|--:|--:|--:|--:|--:|--:|--:|")?;
        for run in &self.runs {
            let peer = self.runs.iter().find(|other| other.load == run.load).map_or(run.used, |other| other.used);
            let Used { wall, cpu, server_cpu, peak_bytes } = run.used;
            writeln!(
                f,
                "| {}, {} rows | {} | {} | {} | {} | {} | {cpu:.2} | {server_cpu:.2} | {} |",
                run.load,
                grouped(run.events),
                run.who,
                rate(run.events, wall),
                rate(run.events, cpu),
                ratio(wall, peer.wall),
                ratio(server_cpu, peer.server_cpu),
                peak_bytes >> 20,
            )?;
        }
        writeln!(
            f,
            "\nRatios are to the first reader of the load; below 1 is better. The clock runs from the start of the program until"
        )?;
        writeln!(
            f,
            "all rows are durable and acknowledged (ours), or read and thrown away (theirs; Debezium's engine makes bytes first).\n"
        )?;
        writeln!(f, "- Commit acknowledged to line at a consumer, one commit at a time: {}", self.latency)?;
        if let Some(theirs) = self.their_latency {
            writeln!(f, "- The same until Debezium's engine hands it over, without disk or consumer: {theirs}")?;
        }
        writeln!(f, "- Write of 4 KB and fdatasync on the same disk: {}", self.disk)?;
        writeln!(f, "- Resident memory when idle: {} MB", self.idle_bytes >> 20)
    }
}

/// How much of the peer's it is; nothing where the peer took too little to be measured.
fn ratio(own: f64, peer: f64) -> String {
    if peer > 0.0 { format!("{:.2}", own / peer) } else { "-".to_owned() }
}

/// Events a second, in whole thousands.
fn rate(events: u64, seconds: f64) -> String {
    if seconds > 0.0 { format!("{:.0}k", events as f64 / seconds / 1e3) } else { "-".to_owned() }
}

/// 1000000 as `1,000,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_to_the_first_reader_of_the_same_load() {
        let used = |wall| Used { wall, cpu: 1.0, server_cpu: 2.0 * wall, peak_bytes: 1 << 20 };
        let mut report = Report::new(Vec::new());
        for (load, who, wall) in [("a", "peer", 4.0), ("a", "us", 1.0), ("b", "peer", 1.0)] {
            report.runs.push(Run { load, events: 1_000_000, who, used: used(wall) });
        }
        let text = report.to_string();
        assert!(text.contains("| a, 1,000,000 rows | us | 1000k | 1000k | 0.25 | 0.25 | 1.00 | 2.00 | 1 |"), "{text}");
        assert!(text.contains("| b, 1,000,000 rows | peer | 1000k | 1000k | 1.00 | 1.00 |"), "{text}");
    }

    #[test]
    fn percentiles_are_of_the_sorted_samples() {
        let times = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(Percentiles::of(times).to_string(), "p50 100.00 ms, p99 198.00 ms");
        assert_eq!(Percentiles::of(Vec::new()).to_string(), "p50 0.00 ms, p99 0.00 ms");
    }
}
