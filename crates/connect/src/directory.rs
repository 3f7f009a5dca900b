//! The directory of connector files (`serve --connectors DIR`).
//!
//! A file is applied when its content differs from what was last applied; a removed file stops its connector and
//! deletes nothing, so the same name resumes; a bad file shows as a failed connector. The binary calls
//! [`Directory::rescan`] about once a second.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tailwater_connector::Problem;

use crate::file::{self, ConnectorFile, Form};
use crate::placeholder::Environment;
use crate::supervisor::Supervisor;

/// A watched directory and what was last applied from it.
pub struct Directory {
    path: PathBuf,
    applied: BTreeMap<PathBuf, Applied>,
}

struct Applied {
    content: Result<Vec<u8>, Problem>,
    /// The name it goes by.
    connector: String,
    /// The name it asked for, when another connector had it: tried again once that one is gone.
    blocked_by: Option<String>,
}

impl Directory {
    /// Nothing is read before the first [`Directory::rescan`].
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Directory { path: path.into(), applied: BTreeMap::new() }
    }

    /// Brings the connectors in line with the files. A connector that must end first does so without being waited for:
    /// its file is applied by a later call. An error only when the directory itself cannot be read.
    pub fn rescan(&mut self, supervisor: &Supervisor, environment: &Environment<'_>) -> Result<(), Problem> {
        let present = self.list()?;
        self.applied.retain(|path, applied| present.contains(path) || !supervisor.remove(&applied.connector));
        for path in present {
            let content = file::read_bytes(&path);
            if let Some(applied) = self.applied.get(&path) {
                let unblocked = applied.blocked_by.as_ref().is_some_and(|name| !supervisor.contains(name));
                let changed = applied.content != content || unblocked;
                if !changed || !supervisor.remove(&applied.connector) {
                    continue;
                }
            }
            let applied = apply(&path, content, supervisor, environment);
            self.applied.insert(path, applied);
        }
        Ok(())
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

/// Starts what a file describes, or shows what is wrong with it.
fn apply(
    path: &Path,
    content: Result<Vec<u8>, Problem>,
    supervisor: &Supervisor,
    environment: &Environment<'_>,
) -> Applied {
    let parsed = content.clone().and_then(|bytes| {
        let form = Form::of(path).unwrap_or(Form::Json);
        file::parse(&file::stem(path), form, &bytes, environment)
    });
    let (name, problems) = match parsed {
        Ok(ConnectorFile { name, config }) => match supervisor.start(&name, &config) {
            Ok(()) => return Applied { content, connector: name, blocked_by: None },
            Err(problems) => (name, problems),
        },
        Err(problem) => (file::stem(path), vec![problem]),
    };
    let file_name = path.file_name().unwrap_or_default().to_string_lossy();
    let place = |mut problem: Problem| {
        problem.cause = format!("{file_name}: {}", problem.cause);
        problem
    };
    // Under a name that another connector has, this file's problem would be hidden.
    let taken = supervisor.contains(&name);
    let connector = if taken { file_name.to_string() } else { name.clone() };
    supervisor.show_failed(&connector, problems.into_iter().map(place).collect());
    Applied { content, connector, blocked_by: taken.then_some(name) }
}
