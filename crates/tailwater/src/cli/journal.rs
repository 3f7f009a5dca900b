//! `journal`: a look into the files of a data directory, which changes nothing and needs no lock.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use tailwater_journal::fs::RealFs;
use tailwater_journal::inspect::{self, FrameInfo, Report};

use super::{Exit, Failure};
use crate::engine;
use crate::render::size;
use crate::render::style::{BAD, GOOD, paint};

const EXAMPLES: &str = "\
Examples:
  tailwater journal verify ./data
  tailwater journal verify ./data --json | jq .recoverable
  tailwater journal inspect ./data | tail";

/// Look into the journal of a stopped or running data directory; changes nothing
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Journal {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List its frames
    Inspect(Where),
    /// Check every frame, and say what recovery would keep; exit code 1 when there is damage
    Verify(Where),
}

#[derive(Debug, Args)]
struct Where {
    /// The data directory
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// JSON: one object a frame, or one report
    #[arg(long)]
    json: bool,
}

impl Journal {
    /// Whether errors should be JSON, too.
    pub fn wants_json(&self) -> bool {
        match &self.action {
            Action::Inspect(place) | Action::Verify(place) => place.json,
        }
    }

    /// Reads and prints.
    pub fn run(self) -> Result<Exit, Failure> {
        match self.action {
            Action::Inspect(place) => place.inspect(),
            Action::Verify(place) => place.verify(),
        }
    }
}

impl Where {
    fn inspect(self) -> Result<Exit, Failure> {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        for frame in inspect::frames(&RealFs, &self.dir).map_err(engine::problem)? {
            let frame = match frame {
                Ok(frame) => frame,
                Err(error) => {
                    out.flush()?;
                    return Err(engine::problem(error).into());
                }
            };
            if self.json {
                writeln!(out, "{}", frame_json(&frame))?;
            } else {
                let file = frame.file.file_name().unwrap_or_default().to_string_lossy();
                let FrameInfo { offset, bytes, sequence, synced_through, connector, era, kind, .. } = frame;
                write!(out, "{file} {offset:>10} {bytes:>8} B  seq {sequence} synced {synced_through}  {kind}")?;
                if connector != 0 {
                    write!(out, "  connector {connector} era {era}")?;
                }
                if frame.records > 0 {
                    let (transactions, batches) = (frame.transactions, frame.batches);
                    write!(out, "  {transactions} transactions, {batches} batches, {} records", frame.records)?;
                }
                writeln!(out)?;
            }
        }
        out.flush()?;
        Ok(Exit::Ok)
    }

    fn verify(self) -> Result<Exit, Failure> {
        let report = inspect::verify(&RealFs, &self.dir).map_err(engine::problem)?;
        let exit = if report.damage.is_empty() { Exit::Ok } else { Exit::Failed };
        let mut out = anstream::stdout();
        if self.json {
            writeln!(out, "{}", report_json(&report))?;
            return Ok(exit);
        }
        let (segments, frames) = (size::count(report.segments), size::count(report.frames));
        writeln!(out, "{segments} segments, {frames} frames, {}", size::bytes(report.bytes))?;
        for damage in &report.damage {
            writeln!(out, "{} {damage}", paint(BAD, "damage:"))?;
        }
        if let Some(tail) = &report.torn_tail {
            let (bytes, offset) = (tail.bytes, tail.offset);
            writeln!(
                out,
                "unfinished write: {bytes} bytes of {} from byte {offset}, cut at the next start",
                tail.file.display()
            )?;
        }
        for (name, source) in &report.recoverable {
            let position = position(&source.position);
            writeln!(out, "connector '{name}': era {}, recoverable up to {position}", source.era)?;
        }
        if exit == Exit::Ok {
            writeln!(out, "{}", paint(GOOD, "no damage"))?;
        }
        Ok(exit)
    }
}

fn frame_json(frame: &FrameInfo) -> serde_json::Value {
    json!({
        "file": frame.file, "offset": frame.offset, "bytes": frame.bytes, "sequence": frame.sequence,
        "synced_through": frame.synced_through, "connector": frame.connector, "era": frame.era, "kind": frame.kind,
        "transactions": frame.transactions, "batches": frame.batches, "records": frame.records,
    })
}

fn report_json(report: &Report) -> serde_json::Value {
    let damage: Vec<_> = report.damage.iter().map(|e| json!({"code": e.code(), "cause": e.to_string()})).collect();
    let torn_tail = report.torn_tail.as_ref();
    let torn_tail = torn_tail.map(|t| json!({"file": t.file, "offset": t.offset, "bytes": t.bytes}));
    let recoverable: serde_json::Map<_, _> = report
        .recoverable
        .iter()
        .map(|(name, source)| (name.clone(), json!({"era": source.era, "position": position(&source.position)})))
        .collect();
    json!({
        "segments": report.segments, "frames": report.frames, "bytes": report.bytes, "damage": damage,
        "torn_tail": torn_tail, "recoverable": recoverable,
    })
}

/// A source's position as PostgreSQL writes one.
fn position(bytes: &[u8]) -> String {
    match tailwater_postgres::resume_lsn(bytes) {
        Some(lsn) => lsn.to_string(),
        None => bytes.iter().map(|b| format!("{b:02x}")).collect(),
    }
}
