//! Reading a directory without owning it: for `tailwater journal inspect|verify`. Reads only, repairs nothing.

use crate::files::{FileId, FileKind, kind_of};
use crate::fs::Fs;
use crate::index::SegmentIndex;
use crate::limits::VERIFY_LOOKS;
use crate::record::Record;
use crate::recovery::{self, Found};
use crate::scan::{Check, FrameAt, Scanner, Step};
use crate::segment::SEGMENT_HEADER_BYTES;
use crate::{JournalError, SourceState};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a look at the whole directory found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Segments and compacted files that belong to the journal.
    pub segments: u64,
    /// Valid frames in them.
    pub frames: u64,
    /// Bytes of those segments.
    pub bytes: u64,
    /// Damage: opening refuses when any of it lies in what recovery reads, reading when it meets the rest.
    pub damage: Vec<JournalError>,
    /// An unfinished write at the end, which opening cuts.
    pub torn_tail: Option<TornTail>,
    /// Per connector name, what recovery would keep: the position behind the last whole transaction or progress.
    /// Empty when opening would refuse.
    pub recoverable: BTreeMap<String, SourceState>,
}

/// Bytes at the end of the last segment that are no valid frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The segment.
    pub file: PathBuf,
    /// Where the valid frames end.
    pub offset: u64,
    /// Bytes from there to the end of the file.
    pub bytes: u64,
}

/// One frame, for people.
#[derive(Debug, Clone)]
pub struct FrameInfo {
    /// The segment.
    pub file: PathBuf,
    /// Where in it the frame starts.
    pub offset: u64,
    /// Length of the frame in bytes.
    pub bytes: u64,
    /// Its sequence on disk.
    pub sequence: u64,
    /// Everything up to this sequence was durable when the frame was written.
    pub synced_through: u64,
    /// Connector, 0 for none.
    pub connector: u32,
    /// Era, 0 for none.
    pub era: u32,
    /// Name of its type.
    pub kind: &'static str,
    /// Transactions in it.
    pub transactions: u64,
    /// Record batches in it.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
}

/// Reads every frame of the directory and checks it. Fails only when the directory cannot be read or is of a newer
/// format; damage is part of the report. A journal that runs meanwhile is not disturbed, and no damage.
pub fn verify(fs: &dyn Fs, dir: &Path) -> Result<Report, JournalError> {
    let mut report = Report::default();
    let found = match find(fs, dir) {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(report),
        Err(error @ JournalError::Corrupt { .. }) => {
            report.damage.push(error);
            return Ok(report);
        }
        Err(error) => return Err(error),
    };
    let mut opens = true;
    let sealed = found.sealed.iter().map(|sealed| (sealed.file_id(), sealed.bytes, sealed.link));
    let compacted = found.compacted.iter().map(|copy| (copy.file_id(), copy.bytes, copy.link));
    for (file, bytes, link) in sealed.chain(compacted) {
        match recovery::replay_sealed(fs, dir, file, link, Check::All) {
            Ok((_, frames)) => {
                report.segments += 1;
                report.frames += frames;
                report.bytes += bytes;
            }
            Err(error @ JournalError::Corrupt { .. }) => {
                // With its index the file is not read before somebody asks for its records.
                opens &= SegmentIndex::load(fs, dir, file, link).is_some();
                report.segments += 1;
                report.bytes += bytes;
                report.damage.push(error);
            }
            // Retention or the keeper of a running journal has let it go.
            Err(error) if error.is_gone() && !is_used(fs, dir, file)? => {}
            Err(error) => return Err(error),
        }
    }
    let last = &found.last;
    report.segments += 1;
    report.frames += last.frames;
    report.bytes += last.scanner.end();
    report.torn_tail = last.torn_at.map(|offset| {
        let bytes = last.scanner.end() - offset;
        TornTail { file: last.scanner.path().to_path_buf(), offset, bytes }
    });
    if opens {
        report.recoverable =
            found.kept.connectors.into_values().map(|connector| (connector.name, connector.source)).collect();
    }
    Ok(report)
}

/// What recovery finds. A running journal may make and remove segments between two looks at the directory; damage is
/// still there at the next.
fn find(fs: &dyn Fs, dir: &Path) -> Result<Option<Found>, JournalError> {
    let mut found = recovery::find(fs, dir);
    for _ in 1..VERIFY_LOOKS {
        if !matches!(&found, Err(error) if error.is_gone() || matches!(error, JournalError::Corrupt { .. })) {
            break;
        }
        found = recovery::find(fs, dir);
    }
    found
}

/// Whether the journal keeps a file now.
fn is_used(fs: &dyn Fs, dir: &Path, file: FileId) -> Result<bool, JournalError> {
    let Some(found) = find(fs, dir)? else { return Ok(false) };
    let sealed = found.sealed.iter().any(|sealed| sealed.file_id() == file);
    Ok(sealed || found.compacted.iter().any(|copy| copy.file_id() == file))
}

/// All frames in order, for `inspect`, those of compacted files last; ends behind the first error. What a cut tail or a torn write left is passed over
/// in segments that have a successor, and ends the last one.
pub fn frames<'a>(
    fs: &'a dyn Fs,
    dir: &Path,
) -> Result<impl Iterator<Item = Result<FrameInfo, JournalError>> + 'a, JournalError> {
    let files = fs.list(dir).map_err(|error| JournalError::io("list", dir, error))?;
    let mut files: Vec<FileId> = files
        .iter()
        .filter_map(|(name, _)| match kind_of(name) {
            FileKind::Data(file) => Some(file),
            _ => None,
        })
        .collect();
    // Segments before compacted files, as the order of their kinds is.
    files.sort_unstable();
    let paths: Vec<PathBuf> = files.into_iter().map(|file| file.path(dir)).collect();
    Ok(Frames { fs, paths: paths.into_iter(), current: None, ended: false })
}

struct Frames<'a> {
    fs: &'a dyn Fs,
    paths: std::vec::IntoIter<PathBuf>,
    current: Option<(Scanner, u64)>,
    ended: bool,
}

impl Iterator for Frames<'_> {
    type Item = Result<FrameInfo, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.advance().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

impl Frames<'_> {
    fn advance(&mut self) -> Result<Option<FrameInfo>, JournalError> {
        loop {
            let (scanner, position) = match &mut self.current {
                Some(current) => current,
                None => {
                    let Some(path) = self.paths.next() else { return Ok(None) };
                    let scanner = match Scanner::open(self.fs, &path) {
                        Ok((scanner, _)) => scanner,
                        // Retention of a running journal was faster.
                        Err(error) if error.is_gone() => continue,
                        Err(error) => return Err(error),
                    };
                    self.current.insert((scanner, SEGMENT_HEADER_BYTES))
                }
            };
            match scanner.step(*position, Check::Meta)? {
                Step::Frame(found, record) => {
                    let info = describe(scanner.path(), &found, &record);
                    *position = found.end();
                    return Ok(Some(info));
                }
                Step::End | Step::Bad(_) => self.current = None,
            }
        }
    }
}

fn describe(file: &Path, found: &FrameAt, record: &Record) -> FrameInfo {
    let header = &found.header;
    FrameInfo {
        file: file.to_path_buf(),
        offset: found.position,
        bytes: header.frame_bytes(),
        sequence: header.sequence,
        synced_through: header.synced_through,
        connector: header.connector,
        era: header.era,
        kind: record.name(),
        transactions: record.transactions().len() as u64,
        batches: record.batches().len() as u64,
        records: record.batches().iter().map(|batch| u64::from(batch.records)).sum(),
    }
}
