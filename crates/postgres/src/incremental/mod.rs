//! Incremental snapshots: rows that exist, read chunk by chunk while the stream goes on (Debezium 3.6, after DBLog).
//!
//! A chunk is read aside in a snapshot of its own ([`worker`]) between two marks in the log, its window. The stream
//! collects what changes meanwhile; where it meets the closing mark, the chunk's rows are written, without those that a
//! change has made superfluous ([`chunk`]), in the same transaction as the mark. Then the next window opens. How far it is
//! ([`progress`]) is an entry of the connector, so that a restart goes on after the last chunk.

mod chunk;
mod marks;
mod progress;
mod rows;
mod select;
mod visible;
mod worker;

use std::collections::HashMap;
use std::time::Instant;

use tailwater_connector::{Problem, Stop};
use tailwater_event::TableName;

use crate::capture::Change;
use crate::catalog::CatalogTable;
use crate::limits::{
    INCREMENTAL_AGAIN_ROWS, INCREMENTAL_PAUSE, INCREMENTAL_SPOILS, INCREMENTAL_TOUCH_BYTES, RECENT_TRANSACTIONS,
};
use crate::settings::Settings;
use chunk::{Chunk, Touch};
use worker::{Job, Outcome, Worker};

pub(crate) use chunk::Matching;
pub(crate) use marks::SIGNAL_TABLE;
pub(crate) use progress::{Notice, Progress, Wish, matches};
use progress::{TableProgress, Wanted};

/// Numbers of the transactions that were streamed last.
pub(crate) struct Recent {
    xids: Vec<u32>,
    count: u64,
}

impl Default for Recent {
    fn default() -> Self {
        Recent { xids: vec![0; RECENT_TRANSACTIONS], count: 0 }
    }
}

impl Recent {
    /// One more was streamed.
    pub fn push(&mut self, xid: u32) {
        let at = (self.count % RECENT_TRANSACTIONS as u64) as usize;
        if let Some(slot) = self.xids.get_mut(at) {
            *slot = xid;
        }
        self.count += 1;
    }

    /// Of those remembered, the ones that were streamed when there had been `count`.
    fn first(&self, count: u64) -> impl Iterator<Item = u32> + '_ {
        let size = RECENT_TRANSACTIONS as u64;
        let remembered = self.count.saturating_sub(size)..count.min(self.count);
        remembered.filter_map(move |n| self.xids.get((n % size) as usize).copied())
    }
}

/// A running incremental snapshot.
pub(crate) struct Incremental {
    /// How far it is.
    pub progress: Progress,
    worker: Worker,
    window: Option<Window>,
    /// What is done, in this order, when the window closes: a stop waits for the chunk to be written, and what was asked
    /// for after it waits for the stop.
    wishes: Vec<Wish>,
    /// What is told after the news of the window that is open.
    later: Vec<(String, Notice)>,
    /// How often the same chunk was read in vain.
    spoils: u32,
    /// Rows that moved under another key without all of their values, perhaps before they were read.
    moved: HashMap<TableName, Vec<Vec<String>>>,
    /// That there are some was written down.
    moved_noted: bool,
    /// Not to be read again before: what changed meanwhile could not be told apart.
    pause_until: Option<Instant>,
}

struct Window {
    id: String,
    /// The snapshot's id when it was opened.
    snapshot: String,
    /// How many transactions had been streamed when it was begun.
    began: u64,
    outcome: Option<Outcome>,
    /// Changes before the chunk is known, by table.
    touches: HashMap<TableName, Vec<Touch>>,
    bytes: usize,
    /// It cannot be told which rows are superfluous: the chunk is read again.
    spoiled: bool,
}

/// Rows to write, and what happened.
#[derive(Default)]
pub(crate) struct Closed {
    chunk: Option<Chunk>,
    /// For notifications: the snapshot's id, and what there is to tell.
    pub notices: Vec<(String, Notice)>,
}

impl Closed {
    /// Rows that were read, those that are left out among them; none when there is no chunk.
    pub fn rows_read(&self) -> Option<usize> {
        self.chunk.as_ref().map(Chunk::len)
    }

    /// The table's shape and its rows as `COPY` gave them. The original keeps one row of each chunk of a table without
    /// key.
    pub fn rows(&self, strict: bool) -> Option<(&tailwater_event::TableSchema, impl Iterator<Item = &[u8]>)> {
        let chunk = self.chunk.as_ref()?;
        Some((&chunk.schema, chunk.rows(strict && chunk.schema.key.is_empty())))
    }
}

impl Incremental {
    /// Goes on from here, or begins.
    pub fn new(settings: &Settings, stop: &Stop, mut progress: Progress) -> Incremental {
        if progress.table.moved {
            progress.table = TableProgress::default();
        }
        Incremental {
            progress,
            worker: Worker::start(settings, stop),
            window: None,
            wishes: Vec::new(),
            later: Vec::new(),
            spoils: 0,
            moved: HashMap::new(),
            moved_noted: false,
            pause_until: None,
        }
    }

    /// Opens the next window, when none is open and there is something to read.
    pub fn open(&mut self, tables: &[CatalogTable], recent: &Recent) -> Result<(), Problem> {
        if self.window.is_some() || self.progress.paused || self.progress.tables.is_empty() {
            return Ok(());
        }
        if self.pause_until.is_some_and(|until| Instant::now() < until) {
            return Ok(());
        }
        let id = uuid::Uuid::now_v7().to_string();
        self.worker.ask(Job { window: id.clone(), progress: self.progress.clone(), tables: tables.to_vec() })?;
        self.window = Some(Window {
            id,
            snapshot: self.progress.id.clone(),
            began: recent.count,
            outcome: None,
            touches: HashMap::new(),
            bytes: 0,
            spoiled: false,
        });
        Ok(())
    }

    /// Whether there is something to write down before the open transaction is committed: once it is durable, its
    /// changes do not come again.
    pub fn must_be_remembered(&self) -> bool {
        !self.moved.is_empty() && !self.moved_noted
    }

    /// What to write down; none when everything was read. What waits for the window to close is done in it.
    pub fn entry(&mut self) -> Option<Progress> {
        self.moved_noted = !self.moved.is_empty();
        let mut progress = self.progress.clone();
        for wish in &self.wishes {
            progress.follow(wish);
        }
        progress.table.moved = self.moved_noted;
        (!progress.tables.is_empty()).then_some(progress)
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.window.is_none() && self.progress.tables.is_empty()
    }

    /// Looks whether the chunk was read, or whether that failed.
    pub fn poll(&mut self) -> Result<(), Problem> {
        let Some(outcome) = self.worker.poll()? else { return Ok(()) };
        if let Some(window) = &mut self.window {
            window.settle(outcome);
        }
        Ok(())
    }

    /// A change of a table in the stream, with its transaction's number and where that commits.
    pub fn touch(&mut self, table: &TableName, matching: &Matching, (xid, commit_lsn): (u32, u64), change: Change<'_>) {
        let name = table.to_string();
        let is_chunks = |outcome: &Outcome| outcome.chunk.as_ref().is_some_and(|chunk| chunk.table == *table);
        let known = self.window.as_ref().and_then(|window| window.outcome.as_ref());
        let concerned = self.progress.tables.iter().any(|t| t.name == name) || known.is_some_and(is_chunks);
        if !concerned {
            return;
        }
        let touch = matching.touch(xid, commit_lsn, change);
        if let Some(moved) = touch.as_ref().and_then(Touch::moved) {
            let rows = self.moved.entry(table.clone()).or_default();
            // With more, the table is read from its beginning.
            if rows.len() <= INCREMENTAL_AGAIN_ROWS {
                rows.push(moved);
                if rows.len() > INCREMENTAL_AGAIN_ROWS {
                    rows.sort_unstable();
                    rows.dedup();
                }
            }
        }
        let Some(window) = self.window.as_mut().filter(|window| !window.spoiled) else { return };
        match (touch, &mut window.outcome) {
            (Some(touch), None) => {
                window.bytes += touch.bytes();
                window.touches.entry(table.clone()).or_default().push(touch);
                if window.bytes > INCREMENTAL_TOUCH_BYTES {
                    window.touches.clear();
                    window.spoiled = true;
                }
            }
            (Some(touch), Some(Outcome { chunk: Some(chunk), .. })) if chunk.table == *table => {
                window.spoiled = touch.columns != chunk.matching.columns || !chunk.touched(&touch);
            }
            (None, None) => window.spoiled = true,
            (None, Some(outcome)) => window.spoiled = is_chunks(outcome),
            (Some(_), Some(_)) => {}
        }
    }

    /// Whether this mark closes the window that is open. The chunk is handed over before the mark is written: without it,
    /// somebody else wrote the mark, or cleaned the signal table.
    pub fn closes(&mut self, window: &str) -> Result<bool, Problem> {
        if self.window.as_ref().is_none_or(|open| open.id != window) {
            return Ok(false);
        }
        self.poll()?;
        Ok(self.window.as_ref().is_some_and(|open| open.outcome.is_some()))
    }

    /// Where the window closes, when no mark in the log tells.
    pub fn until(&self) -> Option<u64> {
        self.window.as_ref()?.outcome.as_ref()?.until
    }

    /// Closes the window that is open: the rows to write.
    pub fn close(&mut self, recent: &Recent) -> Result<Closed, Problem> {
        let Some(Window { began, snapshot, outcome: Some(mut outcome), spoiled, .. }) = self.window.take() else {
            return Ok(Closed::default());
        };
        // A transaction may be streamed before snapshots show it; then nothing would keep its rows' old values back.
        let early = |chunk: &Chunk| recent.first(began).any(|xid| chunk.visible.lacks_streamed(xid));
        let spoiled = outcome.chunk.as_ref().is_some_and(|chunk| spoiled || early(chunk));
        if spoiled {
            self.spoils += 1;
            self.pause_until = Some(Instant::now() + INCREMENTAL_PAUSE * self.spoils.min(INCREMENTAL_SPOILS));
            if self.spoils == INCREMENTAL_SPOILS {
                let table = outcome.chunk.as_ref().map(|chunk| chunk.table.to_string());
                tracing::warn!(
                    table,
                    "a chunk of an incremental snapshot changes too fast to be read; it is tried again"
                );
            }
            return Ok(Closed { chunk: None, notices: self.follow_wishes() });
        }
        self.spoils = 0;
        let mut notices: Vec<_> = outcome.notices.drain(..).map(|notice| (snapshot.clone(), notice)).collect();
        self.progress.tables.drain(..outcome.done.len().min(self.progress.tables.len()));
        self.progress.table = outcome.table;
        if let Some(chunk) = &mut outcome.chunk {
            self.progress.table.again.extend(chunk.take_again());
        }
        self.read_moved_again(outcome.done);
        if self.progress.tables.is_empty() {
            notices.push((self.progress.id.clone(), Notice::Completed));
        }
        notices.extend(self.follow_wishes());
        Ok(Closed { chunk: outcome.chunk, notices })
    }

    /// Does what a signal asks for, or leaves it until the window closes; says what there is to tell now. It is told in
    /// the order in which it happens in the original, where a signal waits for the chunk to be read.
    pub fn ask(&mut self, wish: Wish) -> Vec<(String, Notice)> {
        if self.window.is_none() {
            return self.progress.follow(&wish);
        }
        if matches!(wish, Wish::Stop(_)) || !self.wishes.is_empty() {
            self.wishes.push(wish);
        } else {
            self.later.extend(self.progress.follow(&wish));
        }
        Vec::new()
    }

    /// Rows that moved are read again: those of the table that is being read with its next chunk, and a table that was
    /// over is taken up once more.
    fn read_moved_again(&mut self, done: Vec<(Wanted, TableProgress)>) {
        let moved = std::mem::take(&mut self.moved);
        // A table may be asked for with several conditions.
        let of = |name: &str| moved.iter().find(|(table, _)| table.to_string() == name).map(|(_, rows)| rows.clone());
        if let Some(rows) = self.progress.tables.first().and_then(|first| of(&first.name)) {
            self.progress.table.again.extend(rows);
        }
        for (wanted, mut table) in done {
            if let Some(rows) = of(&wanted.name).filter(|_| !table.columns.is_empty()) {
                table.again = rows;
                if self.progress.tables.is_empty() {
                    self.progress.table = table;
                    self.progress.tables.push(wanted);
                } else {
                    // Rare: the next table was begun; this one is read once more after the others.
                    self.progress.tables.push(wanted);
                }
            }
        }
        let again = &mut self.progress.table.again;
        again.sort_unstable();
        again.dedup();
        if again.len() > INCREMENTAL_AGAIN_ROWS {
            self.progress.table = TableProgress::default();
        }
        // A table that was not begun will be read as it is then.
    }

    /// What there is to tell once the window is closed, after what waited for that was done.
    fn follow_wishes(&mut self) -> Vec<(String, Notice)> {
        let mut notices = std::mem::take(&mut self.later);
        for wish in std::mem::take(&mut self.wishes) {
            notices.extend(self.progress.follow(&wish));
        }
        notices
    }
}

impl Window {
    /// The chunk is known: what changed before concerns only its table.
    fn settle(&mut self, outcome: Outcome) {
        let touches = std::mem::take(&mut self.touches);
        let outcome = self.outcome.insert(outcome);
        let Some(chunk) = &mut outcome.chunk else { return };
        for touch in touches.get(&chunk.table).into_iter().flatten() {
            self.spoiled |= touch.columns != chunk.matching.columns || !chunk.touched(touch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_counts_as_streamed_before_only_while_it_is_remembered() {
        let mut recent = Recent::default();
        recent.push(7);
        recent.push(8);
        let first = |recent: &Recent, count| recent.first(count).collect::<Vec<_>>();
        assert_eq!((first(&recent, 0), first(&recent, 1), first(&recent, 9)), (vec![], vec![7], vec![7, 8]));
        for xid in 100..100 + RECENT_TRANSACTIONS as u32 {
            recent.push(xid);
        }
        let all = first(&recent, recent.count);
        assert_eq!((all.len(), all.first(), all.contains(&7)), (RECENT_TRANSACTIONS, Some(&100), false));
    }
}
