//! How far an incremental snapshot is: what is kept between runs.

use serde::{Deserialize, Serialize};
use tailwater_event::TableName;

use crate::filter;
use crate::signal::Execute;

/// An incremental snapshot that is not over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The id of the signal that began it; notifications carry it.
    pub id: String,
    /// Tables to read; the first one is being read.
    pub tables: Vec<Wanted>,
    /// Where the first table is.
    pub table: TableProgress,
    /// Nothing is read until it is resumed.
    pub paused: bool,
}

/// A table to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    /// `schema.table`, or a pattern that no captured table matches.
    pub name: String,
    /// SQL that a row must fulfil.
    pub filter: Option<String>,
    /// The column to order chunks by.
    pub surrogate: Option<String>,
}

/// Where a table is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableProgress {
    /// The columns that order its chunks.
    pub columns: Vec<String>,
    /// The last row of the last chunk, by these columns.
    pub last: Option<Vec<Option<String>>>,
    /// The last row that there was at the beginning.
    pub max: Option<Vec<Option<String>>>,
    /// Rows read.
    pub rows: u64,
    /// Rows of finished chunks to be read again, by the columns of the table's identity: a change that came before them,
    /// or took them there, was not complete.
    pub again: Vec<Vec<String>>,
    /// Others moved since this was written down: after a restart the table is read from its beginning.
    pub moved: bool,
}

/// What a signal asks of a snapshot that runs.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    /// More tables; and which are captured.
    Add(Execute, Vec<TableName>),
    /// Tables are taken out, all when there are no patterns.
    Stop(Vec<String>),
    /// It waits, or goes on.
    Pause(bool),
}

/// Something that happened, for notifications (Debezium 3.6, aggregate type "Incremental Snapshot"). Names of tables are
/// comma-separated lists of those that are to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// It begins, with these tables.
    Started(String),
    /// A chunk was read.
    InProgress {
        /// All tables.
        tables: String,
        /// The one that is being read.
        table: String,
        /// Last key read.
        last: String,
        /// Greatest key.
        max: String,
        /// Rows read.
        rows: u64,
    },
    /// A table is over.
    TableDone {
        /// All tables, this one still among them.
        tables: String,
        /// The table.
        table: String,
        /// How it ended.
        status: &'static str,
        /// Rows read.
        rows: u64,
    },
    /// All tables are over.
    Completed,
    /// It waits.
    Paused(String),
    /// It goes on.
    Resumed(String),
    /// These tables were taken out.
    Aborted(String),
}

impl Progress {
    /// Begins, with the tables of a signal.
    pub fn begin(execute: &Execute, captured: &[TableName]) -> Progress {
        let mut progress = Progress { id: execute.id.clone(), ..Progress::default() };
        progress.add(execute, captured);
        progress
    }

    /// Does what a signal asks for; gives what there is to tell, with the snapshot's id.
    pub fn follow(&mut self, wish: &Wish) -> Vec<(String, Notice)> {
        match wish {
            Wish::Add(execute, captured) if self.tables.is_empty() => {
                *self = Progress::begin(execute, captured);
                vec![(self.id.clone(), Notice::Started(self.names()))]
            }
            Wish::Add(execute, captured) => {
                self.id.clone_from(&execute.id);
                self.add(execute, captured);
                Vec::new()
            }
            Wish::Stop(patterns) => {
                let mut removed = self.remove(patterns);
                if removed.is_empty() {
                    return Vec::new();
                }
                let id = self.id.clone();
                if !patterns.is_empty() {
                    return vec![(id, Notice::Aborted(removed.join(",")))];
                }
                removed.reverse();
                let aborted = (uuid::Uuid::now_v7().to_string(), Notice::Aborted(removed.join(",")));
                vec![(id, Notice::Completed), aborted]
            }
            Wish::Pause(paused) if self.paused == *paused => Vec::new(),
            Wish::Pause(paused) => {
                self.paused = *paused;
                let names = self.names();
                let notice = if *paused { Notice::Paused(names) } else { Notice::Resumed(names) };
                vec![(self.id.clone(), notice)]
            }
        }
    }

    /// Takes on the tables of another signal.
    fn add(&mut self, execute: &Execute, captured: &[TableName]) {
        for name in expand(&execute.tables, captured) {
            let filter = execute.conditions.iter().find(|(pattern, _)| matches(pattern, &name));
            let filter = filter.map(|(_, filter)| filter.clone());
            // With another condition it is other rows.
            let wanted = Wanted { name, filter, surrogate: execute.surrogate.clone() };
            if !self.tables.contains(&wanted) {
                self.tables.push(wanted);
            }
        }
    }

    /// Takes tables out; gives their names. Whatever was found of the first one is forgotten with it.
    fn remove(&mut self, patterns: &[String]) -> Vec<String> {
        let wanted = |name: &str| patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, name));
        if self.tables.first().is_some_and(|first| wanted(&first.name)) {
            self.table = TableProgress::default();
        }
        let (removed, kept) = std::mem::take(&mut self.tables).into_iter().partition(|t| wanted(&t.name));
        self.tables = kept;
        let removed: Vec<Wanted> = removed;
        removed.into_iter().map(|t| t.name).collect()
    }

    /// The names of the tables, comma-separated.
    pub fn names(&self) -> String {
        self.tables.iter().map(|t| t.name.as_str()).collect::<Vec<_>>().join(",")
    }
}

/// The captured tables that patterns match, in the patterns' order; a pattern that matches none stands for itself.
pub(crate) fn expand(patterns: &[String], captured: &[TableName]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for pattern in patterns {
        let found: Vec<_> = captured.iter().map(ToString::to_string).filter(|name| matches(pattern, name)).collect();
        let found = if found.is_empty() { vec![pattern.clone()] } else { found };
        names.extend(found.into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
    }
    names
}

/// Whether a pattern means this table.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    filter::compile(pattern).is_ok_and(|regex| regex.is_match(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execute(tables: &[&str]) -> Execute {
        Execute {
            id: "s".into(),
            blocking: false,
            tables: tables.iter().map(|t| t.to_string()).collect(),
            conditions: vec![("public.b".into(), "x > 1".into())],
            surrogate: None,
        }
    }

    #[test]
    fn tables_come_once_in_the_signals_order_with_their_conditions() {
        let captured = ["a", "b", "c"].map(|t| TableName::new("public", t));
        let mut progress = Progress::begin(&execute(&["public.c", r"public\..*", "public.nope"]), &captured);
        assert_eq!(progress.names(), "public.c,public.a,public.b,public.nope");
        assert_eq!(progress.tables[2].filter.as_deref(), Some("x > 1"));
        progress.table.rows = 7;
        assert_eq!(progress.remove(&["public.a".into()]), ["public.a"]);
        assert_eq!(progress.table.rows, 7);
        assert_eq!(progress.remove(&["public.c".into()]), ["public.c"]);
        assert_eq!(progress.table.rows, 0);
        progress.add(&execute(&["public.b", "public.c"]), &captured);
        assert_eq!(progress.names(), "public.b,public.nope,public.c");
        let other = Execute { conditions: vec![(".*".into(), "x < 1".into())], ..execute(&["public.b"]) };
        progress.add(&other, &captured);
        assert_eq!(progress.names(), "public.b,public.nope,public.c,public.b");
        assert_eq!(progress.tables[3].filter.as_deref(), Some("x < 1"));
        assert_eq!(progress.remove(&[]).len(), 4);
    }

    #[test]
    fn what_is_asked_for_after_a_stop_of_everything_begins_anew() {
        let captured = ["a", "b"].map(|t| TableName::new("public", t));
        let mut progress = Progress::begin(&execute(&["public.a"]), &captured);
        progress.paused = true;
        progress.table.rows = 7;
        let told = progress.follow(&Wish::Stop(Vec::new()));
        assert!(matches!(&told[..], [(_, Notice::Completed), (_, Notice::Aborted(names))] if names == "public.a"));
        let told = progress.follow(&Wish::Add(execute(&["public.a", "public.b"]), captured.to_vec()));
        assert_eq!(told, [("s".to_owned(), Notice::Started("public.a,public.b".to_owned()))]);
        assert_eq!((progress.paused, progress.table.rows), (false, 0));
        assert_eq!(progress.follow(&Wish::Pause(true)).len(), 1);
        assert!(progress.follow(&Wish::Pause(true)).is_empty() && progress.paused);
    }
}
