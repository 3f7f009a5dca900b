//! Everything that can go wrong, with a code, a cause and a remedy.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A failed operation of the journal. Cheap to clone, because a failed writer answers every caller with its cause.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// Another process owns the directory.
    #[error("the data directory {} is in use by another process", .dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory cannot be written.
    #[error("the data directory {} cannot be written", .dir.display())]
    ReadOnly {
        /// The directory.
        dir: PathBuf,
    },
    /// No space left, or the size budget is used up by what sinks still need.
    #[error("no space for the journal in {}: {why}", .dir.display())]
    DiskFull {
        /// The directory.
        dir: PathBuf,
        /// Which space ran out.
        why: &'static str,
    },
    /// Written by a newer version.
    #[error("{} has format {found}; this version reads up to {known}", .file.display())]
    NewerFormat {
        /// The file.
        file: PathBuf,
        /// Its format, or the unknown frame type.
        found: u32,
        /// Newest format known here.
        known: u32,
    },
    /// Damage that is not a torn tail.
    #[error("{} is damaged at byte {offset}: {what}", .file.display())]
    Corrupt {
        /// The file.
        file: PathBuf,
        /// Where in the file.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// The disk did not confirm a write.
    #[error("the disk did not confirm a write to {}: {source}", .file.display())]
    FsyncFailed {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// Any other failure of the file system.
    #[error("cannot {doing} {}: {source}", .file.display())]
    Io {
        /// What was tried, as a verb phrase.
        doing: &'static str,
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// No such topic or partition.
    #[error("there is no topic {topic}")]
    TopicUnknown {
        /// Name, or number and partition.
        topic: String,
    },
    /// The name is taken.
    #[error("there is a topic {topic} already")]
    TopicExists {
        /// Its name.
        topic: String,
    },
    /// The offset is not kept, or not there yet.
    #[error("offset {offset} is outside {log_start} to {high_watermark}")]
    OffsetOutOfRange {
        /// The offset asked for.
        offset: i64,
        /// First offset kept.
        log_start: i64,
        /// Offset of the next record.
        high_watermark: i64,
    },
    /// A name that topics or connectors cannot have.
    #[error("{name:?} cannot be a name: {why}")]
    NameInvalid {
        /// The name.
        name: String,
        /// The rule that it breaks.
        why: &'static str,
    },
    /// A frame that the journal does not take.
    #[error("the journal refuses the frame: {why}")]
    Refused {
        /// The rule that it breaks.
        why: String,
    },
    /// The journal was closed.
    #[error("the journal is closed")]
    Closed,
}

impl JournalError {
    /// The code that documentation and scripts know it by.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "LOCKED",
            Self::ReadOnly { .. } => "READ_ONLY",
            Self::DiskFull { .. } => "DISK_FULL",
            Self::NewerFormat { .. } => "NEWER_FORMAT",
            Self::Corrupt { .. } => "CORRUPT",
            Self::FsyncFailed { .. } => "FSYNC_FAILED",
            Self::Io { .. } => "IO",
            Self::TopicUnknown { .. } => "TOPIC_UNKNOWN",
            Self::TopicExists { .. } => "TOPIC_EXISTS",
            Self::OffsetOutOfRange { .. } => "OFFSET_OUT_OF_RANGE",
            Self::NameInvalid { .. } => "NAME_INVALID",
            Self::Refused { .. } => "FRAME_REFUSED",
            Self::Closed => "CLOSED",
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Locked { dir } => {
                format!(
                    "stop the other process, or choose another directory; to see who holds it: fuser -v {}/LOCK",
                    dir.display()
                )
            }
            Self::ReadOnly { dir } => {
                format!("give this user the right to write: chown -R \"$(id -u)\" {}", dir.display())
            }
            Self::DiskFull { dir, .. } => format!(
                "free space, delete topics or records, or let sinks catch up; writing goes on by itself. To see what is used: df -h {0}; du -sh {0}",
                dir.display()
            ),
            Self::NewerFormat { .. } => "run the version that wrote it, or a newer one; nothing was changed".into(),
            Self::Corrupt { file, .. } => format!(
                "look at the extent with: tailwater journal verify {}; then restore the directory from a copy, or start an empty one and take a new snapshot",
                file.parent().unwrap_or(Path::new(".")).display()
            ),
            Self::FsyncFailed { .. } => {
                "check the disk (dmesg, smartctl), then start again; nothing unconfirmed was acknowledged".into()
            }
            Self::Io { file, .. } => format!("check that the path is there and may be used: ls -ld {}", file.display()),
            Self::TopicUnknown { .. } => "list the topics with: tailwater topics".into(),
            Self::TopicExists { topic } => format!("use it, or choose another name than {topic}"),
            Self::OffsetOutOfRange { log_start, high_watermark, .. } => {
                format!("read from {log_start} (first kept) or {high_watermark} (next)")
            }
            Self::NameInvalid { .. } => format!(
                "use 1 to {} letters, digits, '.', '_' and '-', and not \".\" or \"..\"",
                crate::limits::NAME_MAX_BYTES
            ),
            Self::Refused { .. } => "this is a fault in the program: please report it with this text".into(),
            Self::Closed => "start the process again".into(),
        }
    }

    /// Whether a file is not there (any more).
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Something would have to wait for a disk, which was not to be.
    pub(crate) fn unready(file: &Path) -> Self {
        Self::io("read", file, io::ErrorKind::WouldBlock.into())
    }

    /// Whether it is that.
    pub(crate) fn is_unready(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::WouldBlock)
    }

    /// Wraps a failed fsync.
    pub(crate) fn fsync(file: &Path, source: io::Error) -> Self {
        Self::FsyncFailed { file: file.to_path_buf(), source: Arc::new(source) }
    }

    /// Damage at a place.
    pub(crate) fn corrupt(file: &Path, offset: u64, what: impl Into<String>) -> Self {
        Self::Corrupt { file: file.to_path_buf(), offset, what: what.into() }
    }

    /// Wraps a failure of the file system, telling a full disk and a missing right from the rest.
    pub(crate) fn io(doing: &'static str, file: &Path, source: io::Error) -> Self {
        let dir = || file.parent().unwrap_or(file).to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { dir: dir(), why: "the disk is full" }
            }
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Self::ReadOnly { dir: dir() },
            _ => Self::Io { doing, file: file.to_path_buf(), source: Arc::new(source) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_reasons_are_told_apart() {
        let code = |kind: io::ErrorKind| JournalError::io("write", Path::new("/d/f"), kind.into()).code();
        assert_eq!(code(io::ErrorKind::StorageFull), "DISK_FULL");
        assert_eq!(code(io::ErrorKind::QuotaExceeded), "DISK_FULL");
        assert_eq!(code(io::ErrorKind::PermissionDenied), "READ_ONLY");
        assert_eq!(code(io::ErrorKind::ReadOnlyFilesystem), "READ_ONLY");
        assert_eq!(code(io::ErrorKind::NotADirectory), "IO");
    }

    #[test]
    fn damage_names_the_place_and_the_way_out() {
        let error = JournalError::corrupt(Path::new("/d/1.segment"), 77, "a wrong checksum");
        assert_eq!(error.to_string(), "/d/1.segment is damaged at byte 77: a wrong checksum");
        assert!(error.remedy().contains("tailwater journal verify /d"));
    }
}
