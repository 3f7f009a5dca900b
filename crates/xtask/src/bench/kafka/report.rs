//! The figures of the listener and of a broker, and their table.

use std::fmt;
use std::time::Duration;

use super::super::report::{Percentiles, first_of_each, grouped, rate, ratio};

/// One run: what a client did with a server.
#[derive(Clone, Debug)]
pub struct Run {
    /// What was done, such as `produce, 100 B`.
    pub load: String,
    /// The client.
    pub client: &'static str,
    /// The server.
    pub server: &'static str,
    /// Records, and bytes of each.
    pub records: (u64, usize),
    /// Seconds by the clock.
    pub wall: f64,
    /// Processor seconds of the server.
    pub cpu: f64,
    /// Processor seconds of the client.
    pub client_cpu: f64,
}

/// A server at rest.
#[derive(Clone, Debug, Default)]
pub struct Rest {
    /// What it is.
    pub server: &'static str,
    /// From its start until a topic can be written; the median of some.
    pub start: Duration,
    /// Resident memory before any load, in bytes.
    pub idle_bytes: u64,
    /// Share of a processor that it uses then.
    pub idle_cpu: f64,
    /// Resident memory after all loads, at most.
    pub peak_bytes: u64,
    /// From a record sent to a record received.
    pub latency: Percentiles,
}

/// How a topic of changes is read.
#[derive(Clone, Debug)]
pub struct Expansion {
    /// Its `compression.type`.
    pub setting: &'static str,
    /// Which client.
    pub reader: &'static str,
    /// Records.
    pub records: u64,
    /// Bytes of batches that came.
    pub bytes: u64,
    /// Seconds by the clock.
    pub wall: f64,
    /// Processor seconds of the server.
    pub cpu: f64,
}

/// Everything that was measured.
#[derive(Debug, Default)]
pub struct Report {
    /// Machine and versions.
    pub facts: Vec<String>,
    /// The machine's load before and after.
    pub load: (f64, f64),
    /// Write and sync of a small block.
    pub disk: Percentiles,
    /// The servers; ours first.
    pub rest: Vec<Rest>,
    /// The runs.
    pub runs: Vec<Run>,
    /// Topics of changes.
    pub expansions: Vec<Expansion>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Benchmark of the Kafka listener\n")?;
        for fact in &self.facts {
            writeln!(f, "- {fact}")?;
        }
        writeln!(f, "- Load of the machine: {:.2} before, {:.2} after", self.load.0, self.load.1)?;
        writeln!(f, "- Write of 4 KB and fdatasync on the same disk: {}\n", self.disk)?;
        self.loads(f)?;
        self.at_rest(f)?;
        self.changes(f)
    }
}

impl Report {
    fn loads(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| load | client | server | rounds | records/s | MB/s | records per CPU-s | client's CPU | our rate is × | our CPU is × |"
        )?;
        writeln!(f, "|---|---|---|--:|--:|--:|--:|--:|--:|--:|")?;
        for load in first_of_each(self.runs.iter().map(|run| run.load.as_str())) {
            let of_load: Vec<&Run> = self.runs.iter().filter(|run| run.load == load).collect();
            for client in first_of_each(of_load.iter().map(|run| run.client)) {
                let mut ours = None;
                for server in first_of_each(self.rest.iter().map(|rest| rest.server)) {
                    let runs: Vec<&Run> =
                        of_load.iter().filter(|run| run.client == client && run.server == server).copied().collect();
                    let Some((records, size)) = runs.first().map(|run| run.records) else { continue };
                    let (wall, cpu) = (median(runs.iter().map(|run| run.wall)), median(runs.iter().map(|run| run.cpu)));
                    let clients = median(runs.iter().map(|run| run.client_cpu / run.wall));
                    let (our_wall, our_cpu) = *ours.get_or_insert((wall, cpu));
                    writeln!(
                        f,
                        "| {load}, {} records | {client} | {server} | {} | {} | {:.0} | {} | {clients:.2} | {} | {} |",
                        grouped(records),
                        runs.len(),
                        rate(records, wall),
                        records as f64 * size as f64 / wall / 1e6,
                        rate(records, cpu),
                        ratio(wall, our_wall),
                        ratio(our_cpu, cpu),
                    )?;
                }
            }
        }
        writeln!(
            f,
            "\nMedians of the rounds, in which the servers take turns. `our rate is ×`: how many times the rate of this server"
        )?;
        writeln!(
            f,
            "ours is. `our CPU is ×`: processor time of our process as a share of this server's. `client's CPU`: cores that the"
        )?;
        writeln!(
            f,
            "clients kept busy; where that is 1 or more for each of them, the rate is theirs, not the server's.\n"
        )
    }

    fn at_rest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| server | start to first topic | idle MB | idle CPU | MB at most | record sent to received |")?;
        writeln!(f, "|---|--:|--:|--:|--:|---|")?;
        for Rest { server, start, idle_bytes, idle_cpu, peak_bytes, latency } in &self.rest {
            writeln!(
                f,
                "| {server} | {:.0} ms | {} | {:.2} % | {} | {latency} |",
                start.as_secs_f64() * 1e3,
                idle_bytes >> 20,
                idle_cpu * 1e2,
                peak_bytes >> 20
            )?;
        }
        Ok(())
    }

    fn changes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.expansions.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n| topic of changes with compression.type | reader | MB sent | records/s | records per CPU-s |")?;
        writeln!(f, "|---|---|--:|--:|--:|")?;
        for setting in first_of_each(self.expansions.iter().map(|one| one.setting)) {
            for reader in first_of_each(self.expansions.iter().map(|one| one.reader)) {
                let of = |one: &&Expansion| one.setting == setting && one.reader == reader;
                let Some(first) = self.expansions.iter().find(of) else { continue };
                let all = || self.expansions.iter().filter(of);
                writeln!(
                    f,
                    "| {setting} | {reader} | {:.1} | {} | {} |",
                    first.bytes as f64 / 1e6,
                    rate(first.records, median(all().map(|one| one.wall))),
                    rate(first.records, median(all().map(|one| one.cpu))),
                )?;
            }
        }
        Ok(())
    }
}

/// The middle one; of an even number the lower.
pub fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = figures.collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_told_by_how_much_better_we_are() {
        let rest = |server| Rest { server, ..Rest::default() };
        let mut report = Report { rest: vec![rest("us"), rest("them")], ..Report::default() };
        for (server, wall, cpu) in [("them", 8.0, 4.0), ("us", 9.0, 9.0), ("us", 2.0, 1.0), ("us", 1.0, 0.5)] {
            let (load, client, records) = ("produce".to_owned(), "c", (1_000_000, 100));
            report.runs.push(Run { load, client, server, records, wall, cpu, client_cpu: wall });
        }
        let text = report.to_string();
        assert!(text.contains("| c | us | 3 | 500k | 50 | 1000k | 1.00 | 1.00 | 1.00 |"), "{text}");
        assert!(text.contains("| c | them | 1 | 125k | 12 | 250k | 1.00 | 4.00 | 0.25 |"), "{text}");
    }
}
