//! The figures and their table.

use std::fmt;
use std::time::Duration;

/// What one run took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Used {
    /// Seconds by the clock, from the moment when the server's process is there; of Debezium's engine from its start.
    pub wall: f64,
    /// Processor seconds of the program, user and kernel.
    pub cpu: f64,
    /// Processor seconds of the server's process at the other end.
    pub server_cpu: f64,
    /// Greatest resident memory of the program, in bytes.
    pub peak_bytes: u64,
}

/// One run of a reader.
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

/// Everything that was measured. The peer that the others are compared with is the one that the table of a load begins with.
#[derive(Debug)]
pub struct Report {
    /// Machine and versions.
    pub facts: Vec<String>,
    /// Write and sync of a small block.
    pub disk: Percentiles,
    /// Resident memory of ours when nothing happens, in bytes.
    pub idle_bytes: u64,
    /// Commit to consumer, where it was measured.
    pub latency: Option<Percentiles>,
    /// The same of Debezium's engine.
    pub their_latency: Option<Percentiles>,
    /// The machine's load when everything began.
    pub load_before: f64,
    /// And when it ended.
    pub load_after: f64,
    /// The runs; those of one reader on one load are the rounds.
    pub runs: Vec<Run>,
}

impl Report {
    /// An empty report about a machine.
    pub fn new(facts: Vec<String>) -> Report {
        Report {
            facts,
            disk: Percentiles::default(),
            idle_bytes: 0,
            latency: None,
            their_latency: None,
            load_before: 0.0,
            load_after: 0.0,
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
        writeln!(f, "- Load of the machine: {:.2} before, {:.2} after", self.load_before, self.load_after)?;
        writeln!(
            f,
            "\n| load | reader | rounds | rows/s | rows per CPU-s | wall ratio | server CPU ratio | CPU s | server CPU s | peak MB |"
        )?;
        writeln!(f, "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|")?;
        for Line { run, peer, rounds } in self.lines() {
            let Used { wall, cpu, server_cpu, peak_bytes } = run.used;
            writeln!(
                f,
                "| {}, {} rows | {} | {rounds} | {} | {} | {} | {} | {cpu:.2} | {server_cpu:.2} | {} |",
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
            "\nMedians of the rounds, in which the readers take turns. Ratios are to the first reader of the load; below 1 is better."
        )?;
        writeln!(
            f,
            "The clock runs from the moment when the server's process is there (Debezium's engine: from its start) until all rows are"
        )?;
        writeln!(
            f,
            "durable in topics (ours), or read and thrown away (theirs; Debezium's engine makes bytes first).\n"
        )?;
        if let Some(ours) = self.latency {
            writeln!(f, "- Commit acknowledged to line at a consumer, one commit at a time: {ours}")?;
        }
        if let Some(theirs) = self.their_latency {
            writeln!(f, "- The same until Debezium's engine hands it over, without disk or consumer: {theirs}")?;
        }
        writeln!(f, "- Write of 4 KB and fdatasync on the same disk: {}", self.disk)?;
        writeln!(f, "- Resident memory when idle: {} MB", self.idle_bytes >> 20)
    }
}

/// One line of the table: medians.
struct Line {
    run: Run,
    peer: Used,
    rounds: usize,
}

impl Report {
    /// In the order of loads and readers; the first reader of a load is the others' peer.
    fn lines(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        for load in first_of_each(self.runs.iter().map(|run| run.load)) {
            let of_load = || self.runs.iter().filter(move |run| run.load == load);
            let mut peer = None;
            for who in first_of_each(of_load().map(|run| run.who)) {
                let runs: Vec<_> = of_load().filter(|run| run.who == who).collect();
                let used: Vec<_> = runs.iter().map(|run| run.used).collect();
                let (used, events) = (median(&used), runs.first().map_or(0, |run| run.events));
                let peer = *peer.get_or_insert(used);
                lines.push(Line { run: Run { load, events, who, used }, peer, rounds: runs.len() });
            }
        }
        lines
    }
}

/// Each name once, in the order in which they come first.
pub fn first_of_each<'n>(names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let mut seen = Vec::new();
    names.for_each(|name| {
        if !seen.contains(&name) {
            seen.push(name);
        }
    });
    seen
}

/// The median of each figure; of an even number the lower one.
fn median(runs: &[Used]) -> Used {
    let of = |figure: fn(&Used) -> f64| {
        let mut all: Vec<f64> = runs.iter().map(figure).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len().saturating_sub(1) / 2).copied().unwrap_or_default()
    };
    Used {
        wall: of(|used| used.wall),
        cpu: of(|used| used.cpu),
        server_cpu: of(|used| used.server_cpu),
        peak_bytes: runs.iter().map(|used| used.peak_bytes).max().unwrap_or_default(),
    }
}

/// How much of the peer's it is; nothing where the peer took too little to be measured.
pub fn ratio(own: f64, peer: f64) -> String {
    if peer > 0.0 { format!("{:.2}", own / peer) } else { "-".to_owned() }
}

/// Events a second, in whole thousands.
pub fn rate(events: u64, seconds: f64) -> String {
    if seconds > 0.0 { format!("{:.0}k", events as f64 / seconds / 1e3) } else { "-".to_owned() }
}

/// 1000000 as `1,000,000`.
pub fn grouped(number: u64) -> String {
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
    fn ratios_are_of_medians_to_the_first_reader_of_the_same_load() {
        let used = |wall| Used { wall, cpu: 1.0, server_cpu: 2.0 * wall, peak_bytes: 1 << 20 };
        let mut report = Report::new(Vec::new());
        let rounds = [("a", "peer", 4.0), ("a", "us", 9.0), ("a", "us", 1.0), ("a", "us", 0.1), ("a", "peer", 4.0)];
        for (load, who, wall) in rounds.into_iter().chain([("b", "peer", 1.0)]) {
            report.runs.push(Run { load, events: 1_000_000, who, used: used(wall) });
        }
        let text = report.to_string();
        assert!(
            text.contains("| a, 1,000,000 rows | us | 3 | 1000k | 1000k | 0.25 | 0.25 | 1.00 | 2.00 | 1 |"),
            "{text}"
        );
        assert!(text.contains("| b, 1,000,000 rows | peer | 1 | 1000k | 1000k | 1.00 | 1.00 |"), "{text}");
    }

    #[test]
    fn percentiles_are_of_the_sorted_samples() {
        let times = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(Percentiles::of(times).to_string(), "p50 100.00 ms, p99 198.00 ms");
        assert_eq!(Percentiles::of(Vec::new()).to_string(), "p50 0.00 ms, p99 0.00 ms");
    }
}
