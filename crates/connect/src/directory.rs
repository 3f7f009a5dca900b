//! The directory of connector files (`serve --connectors DIR`).
//!
//! A file is applied when its content differs from what was last applied, also before this process; a removed file stops
//! its connector and deletes nothing, so the same name resumes; a bad file shows as a failed connector. The binary calls
//! [`Directory::rescan`] about once a second.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tailwater_connector::Problem;

use crate::file::{self, Form};
use crate::herder::Herder;

/// A watched directory and what was last seen in it.
pub struct Directory {
    path: PathBuf,
    seen: BTreeMap<PathBuf, Seen>,
}

struct Seen {
    content: Result<Vec<u8>, Problem>,
    /// The connector that came of it; `None` when the file is bad.
    connector: Option<String>,
    /// The name that it is shown under while it is bad.
    shown: Option<String>,
    /// The name it asked for, when another file had it: tried again once that one is gone.
    blocked_by: Option<String>,
}

impl Directory {
    /// Nothing is read before the first [`Directory::rescan`].
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Directory { path: path.into(), seen: BTreeMap::new() }
    }

    /// Brings the connectors in line with the files. An error only when the directory itself cannot be read.
    pub fn rescan(&mut self, herder: &Herder) -> Result<(), Problem> {
        let present = self.list()?;
        self.forget_gone(herder, &present)?;
        for path in present {
            let content = file::read_bytes(&path);
            if let Some(seen) = self.seen.get(&path) {
                let unblocked = seen.blocked_by.as_ref().is_some_and(|name| self.owner(name).is_none());
                // What a faulty file misses may lie beside it and come without it; what REST gave its connector stays.
                let faulty = seen.shown.as_ref().is_some_and(|shown| herder.is_broken(shown));
                if seen.content == content && !unblocked && !faulty {
                    continue;
                }
            }
            let before = self.seen.remove(&path);
            let seen = self.apply(&path, content, herder)?;
            // A file that names another connector than before has left the former one.
            if let Some(Seen { connector: Some(former), .. }) = &before
                && seen.connector.as_ref().is_some_and(|connector| connector != former)
            {
                herder.leave(former)?;
            }
            if let Some(shown) =
                before.and_then(|before| before.shown).filter(|shown| seen.shown.as_ref() != Some(shown))
            {
                herder.mend(&shown);
            }
            self.seen.insert(path, seen);
        }
        Ok(())
    }

    /// Files that are there no more, those of an earlier process included.
    fn forget_gone(&mut self, herder: &Herder, present: &[PathBuf]) -> Result<(), Problem> {
        for (file, connector) in herder.applied_files() {
            if !present.iter().any(|path| file_name(path) == file) {
                herder.file_gone(&file, &connector)?;
            }
        }
        let gone: Vec<PathBuf> = self.seen.keys().filter(|path| !present.contains(path)).cloned().collect();
        for path in gone {
            if let Some(shown) = self.seen.remove(&path).and_then(|seen| seen.shown) {
                herder.mend(&shown);
            }
        }
        Ok(())
    }

    /// Starts what a file describes, or shows what is wrong with it.
    fn apply(&self, path: &Path, content: Result<Vec<u8>, Problem>, herder: &Herder) -> Result<Seen, Problem> {
        let file_name = file_name(path);
        let seen = |connector, shown, blocked_by| Seen { content: content.clone(), connector, shown, blocked_by };
        if let Some(connector) = content.as_ref().ok().and_then(|bytes| herder.applied_from(&file_name, bytes))
            && self.owner(&connector).is_none()
        {
            return Ok(seen(Some(connector), None, None));
        }
        let parsed = content.as_ref().map_err(Problem::clone).and_then(|bytes| {
            let form = Form::of(path).unwrap_or(Form::Json);
            Ok((file::parse_typed(&file::stem(path), form, bytes)?, bytes))
        });
        let (name, problems) = match parsed {
            Ok((connector, bytes)) => {
                let name = connector.name;
                let problems = match self.owner(&name) {
                    Some(_) => vec![taken(&name)],
                    None => herder.faults(&connector.config),
                };
                if problems.is_empty() {
                    herder.apply_file(&file_name, bytes, &name, connector.config)?;
                    return Ok(seen(Some(name), None, None));
                }
                (name, problems)
            }
            Err(problem) => {
                let former = herder.applied_files().into_iter().find(|(file, _)| *file == file_name);
                (former.map_or_else(|| file::stem(path), |(_, connector)| connector), vec![problem])
            }
        };
        let place = |mut problem: Problem| {
            problem.cause = format!("{file_name}: {}", problem.cause);
            problem
        };
        // Under a name that another file has, this file's problem would be hidden.
        let owned = self.owner(&name).is_some();
        let shown = if owned { file_name.clone() } else { name.clone() };
        herder.show_broken(&shown, problems.into_iter().map(place).collect());
        Ok(seen(None, Some(shown), owned.then_some(name)))
    }

    /// The file that a connector came of.
    fn owner(&self, connector: &str) -> Option<&Path> {
        let owns = |(_, seen): &(&PathBuf, &Seen)| seen.connector.as_deref() == Some(connector);
        self.seen.iter().find(owns).map(|(path, _)| path.as_path())
    }

    /// The connector files, in order of name.
    fn list(&self) -> Result<Vec<PathBuf>, Problem> {
        let unreadable = |error: std::io::Error| {
            Problem::environment(
                "CONNECTORS_DIR_UNREADABLE",
                format!("the connectors directory {} cannot be read: {error}", self.path.display()),
                format!("mkdir -p '{}'", self.path.display()),
            )
        };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if Form::of(&path).is_some() && path.is_file() {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn taken(name: &str) -> Problem {
    Problem::config(
        "CONNECTOR_EXISTS",
        format!("there is already a connector named '{name}'"),
        "Give the connector another \"name\".",
    )
}
