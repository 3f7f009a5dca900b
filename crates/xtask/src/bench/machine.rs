//! The machine that is measured on: what it is, and what a sync of its disk takes.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::report::Percentiles;
use crate::Outcome;

/// How often the disk is asked.
const SYNCS: u64 = 300;
/// What is written before each sync, in bytes: a small frame.
const BLOCK: [u8; 4096] = [7; 4096];

/// Machine, revision and command, one fact a line.
pub fn describe(root: &Path, arguments: &[String]) -> Vec<String> {
    vec![
        format!("Machine: {}", itself()),
        format!("Revision: {}", revision(root)),
        format!("Command: `script/bench {}`", arguments.join(" "))
            .replace(" `", "`")
            .replace("Command:`", "Command: `"),
    ]
}

/// Cores, memory and kernel.
fn itself() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |(_, m)| m);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: u64 = memory.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} cores ({model}), {} GiB, Linux {}", kib >> 20, output(Command::new("uname").arg("-r")))
}

/// The commit that is measured.
fn revision(root: &Path) -> String {
    output(Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(root))
}

/// The date in UTC, `2026-01-31`.
pub fn today() -> Outcome<String> {
    let date = output(Command::new("date").args(["-u", "+%F"]));
    if date.is_empty() { Err("`date` does not answer".into()) } else { Ok(date) }
}

/// How many processes ran or wanted to, on the average of the last minute.
pub fn load() -> Outcome<f64> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    Ok(text.split_whitespace().next().ok_or("/proc/loadavg is empty")?.parse()?)
}

/// How long an append of one block and its fdatasync take in this folder.
pub fn sync_times(folder: &Path) -> Outcome<Percentiles> {
    let path = folder.join("sync");
    let file = File::create(&path)?;
    let mut times = Vec::new();
    for turn in 0..SYNCS {
        let begin = Instant::now();
        file.write_all_at(&BLOCK, turn * BLOCK.len() as u64)?;
        file.sync_data()?;
        times.push(begin.elapsed());
    }
    std::fs::remove_file(path)?;
    Ok(Percentiles::of(times))
}

fn output(command: &mut Command) -> String {
    command.output().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
