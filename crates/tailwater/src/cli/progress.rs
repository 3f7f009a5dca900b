//! What a running capture says on stderr: the snapshot's progress, states, warnings, errors.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use tailwater_connector::status::TableProgress;
use tailwater_connector::{ConnectorState, Problem, Status};

use crate::limits::{PROGRESS_BARS, PROGRESS_EVERY};
use crate::render::{problem, size};

/// Watches the connectors of a capture and says what is new.
pub struct Progress {
    bars: Option<MultiProgress>,
    tables: BTreeMap<String, ProgressBar>,
    /// When a snapshot was first seen.
    started: Option<Instant>,
    last_line: Instant,
    said: BTreeSet<(String, String, String)>,
    states: BTreeMap<String, ConnectorState>,
}

impl Progress {
    /// Bars on a terminal, plain lines elsewhere.
    pub fn new() -> Progress {
        let now = Instant::now();
        Progress {
            bars: std::io::stderr().is_terminal().then(MultiProgress::new),
            tables: BTreeMap::new(),
            started: None,
            last_line: now,
            said: BTreeSet::new(),
            states: BTreeMap::new(),
        }
    }

    /// Shows what has changed since the last call.
    pub fn show(&mut self, statuses: &BTreeMap<String, Status>) {
        for (name, status) in statuses {
            for found in status.warnings.iter().chain(&status.error) {
                self.say_once(name, found);
            }
            if status.state == ConnectorState::Snapshot {
                self.started.get_or_insert_with(Instant::now);
                self.snapshot(status);
            }
            let before = self.states.insert(name.clone(), status.state);
            let complete = |state| matches!(state, ConnectorState::Streaming | ConnectorState::Done);
            if complete(status.state) && !before.is_some_and(complete) && !status.tables.is_empty() {
                self.snapshot_ended(status);
            }
        }
    }

    /// Takes the bars away.
    pub fn clear(&mut self) {
        self.tables.values().for_each(ProgressBar::finish_and_clear);
        self.tables.clear();
    }

    /// Runs something that writes to the terminal without tearing the bars.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }

    /// Says a line.
    pub fn say(&self, line: &str) {
        self.aside(|| drop(writeln!(anstream::stderr(), "{line}")));
    }

    /// Says a problem unless it was said before.
    fn say_once(&mut self, name: &str, found: &Problem) {
        if self.said.insert((name.to_owned(), found.code.clone(), found.cause.clone())) {
            self.aside(|| drop(write!(anstream::stderr(), "{}", problem::text(found))));
        }
    }

    fn snapshot(&mut self, status: &Status) {
        if let Some(bars) = &self.bars {
            for (table, progress) in &status.tables {
                if !self.tables.contains_key(table) && self.tables.len() < PROGRESS_BARS {
                    self.tables.insert(table.clone(), bars.add(bar(table)));
                }
                if let Some(bar) = self.tables.get(table) {
                    bar.set_length(progress.estimated_rows.max(progress.rows));
                    bar.set_position(progress.rows);
                    if progress.done {
                        bar.finish();
                    }
                }
            }
        } else if self.last_line.elapsed() >= PROGRESS_EVERY {
            self.last_line = Instant::now();
            let done = status.tables.values().filter(|t| t.done).count();
            let rows = size::count(rows(&status.tables));
            let estimate = size::count(status.tables.values().map(|t| t.estimated_rows.max(t.rows)).sum());
            self.say(&format!("snapshot: {done} of {} tables, {rows} of about {estimate} rows", status.tables.len()));
        }
    }

    fn snapshot_ended(&mut self, status: &Status) {
        self.clear();
        let (rows, tables) = (size::count(rows(&status.tables)), status.tables.len());
        // A short one may be over before it was seen.
        let time = self.started.take().map_or_else(String::new, |start| format!(" in {}", seconds(start.elapsed())));
        self.say(&format!("snapshot: {rows} rows of {tables} tables{time}"));
    }
}

fn rows(tables: &BTreeMap<String, TableProgress>) -> u64 {
    tables.values().map(|t| t.rows).sum()
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn bar(table: &str) -> ProgressBar {
    let template = "{prefix:28!} [{bar:30}] {human_pos} of {human_len} rows, {rate}, {eta} left";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        // A bar that cannot be drawn is not worth an error.
        let _ = write!(out, "{} rows/s", size::count(state.per_sec() as u64));
    };
    let style = style.with_key("rate", rate).progress_chars("=> ");
    ProgressBar::new(0).with_style(style).with_prefix(table.to_owned())
}
