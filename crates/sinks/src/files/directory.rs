//! A directory as a destination: `object_store`'s interface, made durable.
//!
//! The local backend of object_store 0.13 writes beside the target and renames, but syncs nothing; what is promised to
//! be delivered must outlive a power cut, so file and directories are synced here.

use std::collections::HashSet;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStoreExt, PutPayload};
use tailwater_connector::{Problem, ProblemKind};
use tokio::runtime::Runtime;

/// An open directory.
pub(crate) struct Directory {
    root: PathBuf,
    store: LocalFileSystem,
    runtime: Runtime,
    /// Directories whose names are durable; one for each partition.
    synced: HashSet<PathBuf>,
}

impl Directory {
    /// Opens the directory, making it when it is not there, and tries whether it can be written to.
    pub(crate) fn open(root: &Path) -> Result<Directory, Problem> {
        let problem = |error: &io::Error| io_problem(error, &root.display().to_string());
        make_directory(root).map_err(|e| problem(&e))?;
        let probe = root.join(".tailwater-probe");
        File::create(&probe).map_err(|e| problem(&e))?;
        match fs::remove_file(&probe) {
            // Another sink of the same directory was faster.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            result => result.map_err(|e| problem(&e))?,
        }
        let store = LocalFileSystem::new_with_prefix(root).map_err(|e| store_problem(&e, root))?;
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|e| problem(&e))?;
        Ok(Directory { root: root.to_owned(), store, runtime, synced: HashSet::new() })
    }

    /// Writes an object over whatever is there; durable when it returns.
    pub(crate) fn put(&mut self, location: &ObjectPath, pieces: Vec<Bytes>) -> Result<(), Problem> {
        self.runtime
            .block_on(self.store.put(location, PutPayload::from_iter(pieces)))
            .map_err(|e| store_problem(&e, &self.root))?;
        self.sync(&self.root.join(location.as_ref())).map_err(|e| io_problem(&e, &self.root.display().to_string()))
    }

    /// Removes what a killed upload of this object left beside it (`KEY#1`, the staging name of the local backend).
    pub(crate) fn remove_staging(&self, key: &str) -> Result<(), Problem> {
        let target = self.root.join(key);
        let (Some(dir), Some(name)) = (target.parent(), target.file_name()) else {
            return Ok(());
        };
        let problem = |error: io::Error| io_problem(&error, &dir.display().to_string());
        let prefix = format!("{}#", name.to_string_lossy());
        let entries = match fs::read_dir(dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(problem)?,
        };
        for entry in entries {
            let entry = entry.map_err(problem)?;
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                fs::remove_file(entry.path()).map_err(problem)?;
            }
        }
        Ok(())
    }

    fn sync(&mut self, file: &Path) -> io::Result<()> {
        File::open(file)?.sync_all()?;
        let Some(dir) = file.parent() else {
            return Ok(());
        };
        File::open(dir)?.sync_all()?;
        if self.synced.insert(dir.to_owned()) {
            for above in dir.ancestors().skip(1).take_while(|path| path.starts_with(&self.root)) {
                File::open(above)?.sync_all()?;
            }
        }
        Ok(())
    }
}

/// Makes a directory and those above it; their names are durable when it returns.
fn make_directory(path: &Path) -> io::Result<()> {
    let missing: Vec<_> = path.ancestors().take_while(|dir| !dir.exists()).filter_map(Path::parent).collect();
    fs::create_dir_all(path)?;
    missing.into_iter().try_for_each(|parent| File::open(parent)?.sync_all())
}

fn store_problem(error: &object_store::Error, root: &Path) -> Problem {
    let place = root.display().to_string();
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(io) = current.downcast_ref::<io::Error>() {
            return io_problem(io, &place);
        }
        cause = current.source();
    }
    Problem::retry("SINK_WRITE_FAILED", format!("{place} cannot be written to: {error}"), format!("ls -ld '{place}'"))
}

fn io_problem(error: &io::Error, place: &str) -> Problem {
    let cause = format!("{place} cannot be written to: {error}");
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Problem::new(ProblemKind::Paused, "SINK_DISK_FULL", cause, format!("df -h '{place}'"))
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::NotADirectory => {
            Problem::environment("SINK_DIR_UNWRITABLE", cause, format!("ls -ld '{place}'"))
        }
        _ => Problem::retry("SINK_WRITE_FAILED", cause, format!("ls -ld '{place}'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_replaces_what_was_there_and_staging_files_of_its_name_go() {
        let dir = tempfile::tempdir().unwrap();
        let mut directory = Directory::open(&dir.path().join("new")).unwrap();
        let key = "topics/t/partition=0/t+0+0000000000.json";
        let file = dir.path().join("new").join(key);
        directory.remove_staging(key).unwrap();
        directory.put(&ObjectPath::from(key), vec![Bytes::from_static(b"old")]).unwrap();
        fs::write(file.with_file_name("t+0+0000000000.json#1"), "torn").unwrap();
        fs::write(file.with_file_name("t+0+0000000001.json"), "other").unwrap();
        directory.remove_staging(key).unwrap();
        directory.put(&ObjectPath::from(key), vec![Bytes::from_static(b"ne"), Bytes::from_static(b"w")]).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        let mut names: Vec<_> = fs::read_dir(file.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["t+0+0000000000.json", "t+0+0000000001.json"]);
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_is_the_environments_fault() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("f"), "").unwrap();
        let problem = Directory::open(&dir.path().join("f/below")).err().unwrap();
        assert_eq!(problem.code, "SINK_DIR_UNWRITABLE");
    }

    #[test]
    fn a_full_disk_pauses_and_an_unknown_error_is_retried() {
        assert_eq!(io_problem(&ErrorKind::StorageFull.into(), "/x").kind, ProblemKind::Paused);
        assert_eq!(io_problem(&ErrorKind::Other.into(), "/x").kind, ProblemKind::Retry);
    }
}
