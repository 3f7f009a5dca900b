//! A directory that is removed when it is no longer needed.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use tailwater_connector::Problem;

/// A private directory below the system's temporary one; removed when this is dropped.
pub struct Scratch {
    path: PathBuf,
    keep: bool,
}

impl Scratch {
    /// Makes one whose name starts with `prefix`.
    pub fn new(prefix: &str) -> Result<Scratch, Problem> {
        let path = std::env::temp_dir().join(format!("{prefix}{}", uuid::Uuid::now_v7().simple()));
        std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| {
            Problem::environment(
                "TEMP_DIR",
                format!("{} cannot be made: {error}", path.display()),
                "Set TMPDIR to a directory that this account may write to.",
            )
        })?;
        Ok(Scratch { path, keep: false })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it there.
    pub fn keep(&mut self) {
        self.keep = true;
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "a temporary directory could not be removed");
        }
    }
}
