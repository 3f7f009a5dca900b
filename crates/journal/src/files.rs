//! The names of the journal's files. A name's content never changes once it is complete: what is written anew gets
//! another generation, and the newest one counts.

use std::path::{Path, PathBuf};

const SEGMENT: &str = ".segment";
const COMPACTED: &str = ".compacted";
const INDEX: &str = ".index";
const TEMPORARY: &str = ".tmp";
/// Digits of the largest `u64` and `u32`.
const LONG: usize = 20;
const SHORT: usize = 10;

/// A file with frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum FileId {
    /// A segment: as it was written in generation 0, later without what was dead.
    Segment { number: u64, generation: u32 },
    /// What compacting left of the beginning of a partition.
    Compacted { topic: u32, partition: u32, generation: u32 },
}

/// What a file of the directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    Data(FileId),
    Index(FileId),
    Temporary,
    Other,
}

impl FileId {
    /// A segment as it was written.
    pub(crate) fn written(number: u64) -> Self {
        Self::Segment { number, generation: 0 }
    }

    /// The number that header and index of the file name.
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Segment { number, .. } => number,
            Self::Compacted { topic, partition, .. } => u64::from(topic) << 32 | u64::from(partition),
        }
    }

    /// Whether offsets in it have gaps.
    pub(crate) fn is_sparse(self) -> bool {
        matches!(self, Self::Compacted { .. })
    }

    /// Its path.
    pub(crate) fn path(self, dir: &Path) -> PathBuf {
        let suffix = if self.is_sparse() { COMPACTED } else { SEGMENT };
        dir.join(format!("{}{suffix}", self.stem()))
    }

    /// Path of its index.
    pub(crate) fn index_path(self, dir: &Path) -> PathBuf {
        dir.join(format!("{}{INDEX}", self.stem()))
    }

    /// Path under which it is written until it is complete.
    pub(crate) fn temporary_path(self, dir: &Path) -> PathBuf {
        dir.join(format!("{}{TEMPORARY}", self.stem()))
    }

    fn stem(self) -> String {
        match self {
            Self::Segment { number, generation: 0 } => format!("{number:020}"),
            Self::Segment { number, generation } => format!("{number:020}-{generation:010}"),
            Self::Compacted { topic, partition, generation } => format!("{topic:010}-{partition:010}-{generation:010}"),
        }
    }

    /// Tells a file by its name's stem.
    fn of(stem: &str) -> Option<Self> {
        let parts: Vec<&str> = stem.split('-').collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        let id = match (lengths.as_slice(), parts.as_slice()) {
            ([LONG], [number]) => Self::written(number.parse().ok()?),
            ([LONG, SHORT], [number, generation]) => {
                Self::Segment { number: number.parse().ok()?, generation: generation.parse().ok()? }
            }
            ([SHORT, SHORT, SHORT], [topic, partition, generation]) => Self::Compacted {
                topic: topic.parse().ok()?,
                partition: partition.parse().ok()?,
                generation: generation.parse().ok()?,
            },
            _ => return None,
        };
        (id.stem() == stem).then_some(id)
    }
}

/// Tells what a file is by its name.
pub(crate) fn kind_of(name: &str) -> FileKind {
    if name.ends_with(TEMPORARY) {
        return FileKind::Temporary;
    }
    let data = |suffix: &str, sparse: bool| {
        name.strip_suffix(suffix).and_then(FileId::of).filter(|file| file.is_sparse() == sparse)
    };
    if let Some(file) = data(SEGMENT, false).or_else(|| data(COMPACTED, true)) {
        return FileKind::Data(file);
    }
    name.strip_suffix(INDEX).and_then(FileId::of).map_or(FileKind::Other, FileKind::Index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        let dir = Path::new("/d");
        let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_string();
        let files = [
            FileId::written(7),
            FileId::Segment { number: u64::MAX, generation: 3 },
            FileId::Compacted { topic: u32::MAX, partition: 2, generation: 1 },
        ];
        for file in files {
            assert_eq!(kind_of(&name(file.path(dir))), FileKind::Data(file));
            assert_eq!(kind_of(&name(file.index_path(dir))), FileKind::Index(file));
            assert_eq!(kind_of(&name(file.temporary_path(dir))), FileKind::Temporary);
        }
        for other in ["7.segment", "LOCK", "00000000000000000007.compacted", "+0000000000000000007.segment"] {
            assert_eq!(kind_of(other), FileKind::Other);
        }
    }
}
