//! From the files of a directory to the state they add up to, without changing anything; `open.rs` mends, `inspect`
//! only looks. What both see is therefore the same.
//!
//! Only the end of the last segment may be torn: everything else was fsynced before it was relied on. In the last
//! segment, an invalid frame that some later frame calls durable is damage; otherwise it is a torn tail.

use crate::JournalError;
use crate::failpoint;
use crate::files::{FileId, FileKind, kind_of};
use crate::frame::VERSION;
use crate::fs::Fs;
use crate::index::SegmentIndex;
use crate::record::Record;
use crate::scan::{Check, FrameAt, Scanner, Step};
use crate::segment::{FORMAT, FileHeader, Link, SEGMENT_HEADER_BYTES, segment_path};
use crate::state::{At, State, UNKNOWN_RECORD};
use crate::view::Compacted;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What lies in a directory with a journal.
pub(crate) struct Found {
    /// State behind the last frame that is known to be durable.
    pub(crate) durable: State,
    /// State behind the last valid frame: what opening keeps.
    pub(crate) kept: State,
    /// Segments before the last, oldest first.
    pub(crate) sealed: Vec<Sealed>,
    /// What compacting left of partitions.
    pub(crate) compacted: Vec<Compacted>,
    pub(crate) last: Last,
    /// Files that opening removes: unfinished ones, and those that retention had given up.
    pub(crate) leftovers: Vec<PathBuf>,
}

/// A segment that has a successor.
pub(crate) struct Sealed {
    pub(crate) number: u64,
    pub(crate) generation: u32,
    pub(crate) bytes: u64,
    /// Its last valid frame, as the successor names it, or the copy that stands for it.
    pub(crate) link: Link,
}

impl Sealed {
    /// Its file.
    pub(crate) fn file_id(&self) -> FileId {
        FileId::Segment { number: self.number, generation: self.generation }
    }
}

/// The last segment.
pub(crate) struct Last {
    pub(crate) number: u64,
    pub(crate) scanner: Scanner,
    pub(crate) index: SegmentIndex,
    /// The last frame known to be durable, and where it ends.
    pub(crate) link: Link,
    pub(crate) end: u64,
    /// Up to where the segment says so, its frames after that one not counted.
    pub(crate) stated: u64,
    /// Valid frames after it.
    pub(crate) tail: Vec<FrameAt>,
    /// Whether the tail says anything; marks of a clean end do not.
    pub(crate) tail_matters: bool,
    /// Where the valid frames end, when the file goes on.
    pub(crate) torn_at: Option<u64>,
    /// Valid frames of the segment, state frames included.
    pub(crate) frames: u64,
}

/// Name of the file that says that the directory holds a journal, and of which format.
pub(crate) const MARKER: &str = "FORMAT";

/// Reads a directory; `None` when it holds no journal yet.
pub(crate) fn find(fs: &dyn Fs, dir: &Path) -> Result<Option<Found>, JournalError> {
    failpoint!("journal::recovery_start", |_| Err(JournalError::Closed));
    let files = fs.list(dir).map_err(|error| JournalError::io("list", dir, error))?;
    check_marker(fs, dir)?;
    let kinds: Vec<(PathBuf, FileKind, u64)> =
        files.iter().map(|(name, bytes)| (dir.join(name), kind_of(name), *bytes)).collect();
    let current = newest(&kinds);
    let segments: BTreeMap<u64, (u32, u64)> = current
        .iter()
        .filter_map(|(file, bytes)| match file {
            FileId::Segment { number, generation } => Some((*number, (*generation, *bytes))),
            FileId::Compacted { .. } => None,
        })
        .collect();
    let Some((&number, _)) = segments.last_key_value() else {
        let marker = dir.join(MARKER);
        if files.iter().any(|(name, _)| name == MARKER) {
            return Err(JournalError::corrupt(
                &marker,
                0,
                "the directory had a journal, but all its segments are missing",
            ));
        }
        return Ok(None);
    };
    let (last, durable, kept) = read_last(fs, dir, number)?;
    failpoint!("journal::recovery_middle", |_| Err(JournalError::Closed));
    let oldest = kept.oldest_segment.min(number);
    let mut sealed = Vec::new();
    let mut successor = header_of(fs, dir, FileId::written(number))?;
    for number in (oldest..number).rev() {
        let Some((generation, bytes)) = segments.get(&number).copied() else {
            return Err(JournalError::corrupt(&segment_path(dir, number), 0, "the segment is missing"));
        };
        let header = header_of(fs, dir, FileId::Segment { number, generation })?;
        let link = match header {
            FileHeader::Copy(copy) => copy.end,
            FileHeader::Segment(_) => successor.before(),
        };
        sealed.push(Sealed { number, generation, bytes, link });
        successor = header;
    }
    sealed.reverse();
    let compacted = find_compacted(fs, dir, &current, &kept)?;
    let of_use = |file: &FileId| match file {
        FileId::Segment { number, .. } => *number >= oldest && current.contains_key(file),
        FileId::Compacted { .. } => compacted.iter().any(|copy| copy.file_id() == *file),
    };
    let leftovers = kinds.into_iter().filter(|(_, kind, _)| match kind {
        FileKind::Temporary => true,
        FileKind::Data(file) => !of_use(file),
        FileKind::Index(file) => !of_use(file) || matches!(file, FileId::Segment { number: of, .. } if *of >= number),
        FileKind::Other => false,
    });
    let leftovers = leftovers.map(|(path, _, _)| path).collect();
    Ok(Some(Found { durable, kept, sealed, compacted, last, leftovers }))
}

/// The newest generation of each file, and its size. It was complete before it had its name, and says the same as the
/// one before it.
fn newest(kinds: &[(PathBuf, FileKind, u64)]) -> BTreeMap<FileId, u64> {
    let mut files: BTreeMap<FileId, u64> = BTreeMap::new();
    for (_, kind, bytes) in kinds {
        if let FileKind::Data(file) = kind {
            files.insert(*file, *bytes);
        }
    }
    let newest = files.iter().zip(files.keys().skip(1).map(Some).chain([None])).filter(|((file, _), next)| {
        let same = |next: &FileId| (next.number(), next.is_sparse()) == (file.number(), file.is_sparse());
        !next.is_some_and(same)
    });
    newest.map(|((file, bytes), _)| (*file, *bytes)).collect()
}

/// The compacted beginnings of partitions that are of use. One that the state names must be there, or a newer one.
fn find_compacted(
    fs: &dyn Fs,
    dir: &Path,
    current: &BTreeMap<FileId, u64>,
    kept: &State,
) -> Result<Vec<Compacted>, JournalError> {
    let mut found = Vec::new();
    for (file, bytes) in current {
        let FileId::Compacted { topic, partition, generation } = *file else { continue };
        let FileHeader::Copy(header) = header_of(fs, dir, *file)? else {
            return Err(JournalError::corrupt(&file.path(dir), 0, "the file has the name of another"));
        };
        let (link, until, clean) = (header.end, header.until, header.clean);
        if kept.partition(topic, partition).is_some_and(|known| known.log_start < until) {
            found.push(Compacted { key: (topic, partition), generation, bytes: *bytes, link, until, clean });
        }
    }
    for (&(topic, partition), &(generation, _)) in &kept.compacted {
        if !found.iter().any(|copy| copy.key == (topic, partition) && copy.generation >= generation) {
            let missing = FileId::Compacted { topic, partition, generation }.path(dir);
            return Err(JournalError::corrupt(&missing, 0, "the compacted records of a partition are missing"));
        }
    }
    Ok(found)
}

/// The index of a file that is written no more: from its index file, or from its frames when that is missing or wrong;
/// then it is written again if `store` says so.
pub(crate) fn sealed_index(
    fs: &dyn Fs,
    dir: &Path,
    file: FileId,
    link: Link,
    store: bool,
) -> Result<SegmentIndex, JournalError> {
    if let Some(index) = SegmentIndex::load(fs, dir, file, link) {
        return Ok(index);
    }
    let (index, _) = replay_sealed(fs, dir, file, link, Check::All)?;
    if store && let Err(error) = index.store(fs, dir, file, link) {
        // A cache that cannot be written is built again next time.
        tracing::warn!(file = %file.index_path(dir).display(), %error, "index not written");
    }
    Ok(index)
}

/// Reads a whole file up to its last frame; the answer is its index and the number of frames.
pub(crate) fn replay_sealed(
    fs: &dyn Fs,
    dir: &Path,
    file: FileId,
    until: Link,
    check: Check,
) -> Result<(SegmentIndex, u64), JournalError> {
    // A copy says nothing of the state.
    let (mut scanner, mut state, head) = match header_of(fs, dir, file)? {
        FileHeader::Segment(_) => {
            let (scanner, state, head) = open_segment(fs, dir, file)?;
            (scanner, Some(state), head)
        }
        FileHeader::Copy(_) => {
            let (scanner, _) = Scanner::open(fs, &file.path(dir))?;
            (scanner, None, Head { position: SEGMENT_HEADER_BYTES, ..Head::default() })
        }
    };
    let (mut index, mut frames) = (SegmentIndex::default(), head.frames);
    let (mut position, mut link) = (head.position, head.link);
    while link != until {
        let (found, record) = match scanner.step(position, check)? {
            Step::Frame(found, record) if follows(&found, link) => (found, record),
            Step::Frame(..) => return Err(scanner.corrupt(position, "the frame does not follow the one before it")),
            Step::End => return Err(scanner.corrupt(position, "the segment ends before its last frame")),
            Step::Bad(what) => return Err(scanner.corrupt(position, what)),
        };
        link = link_of(&found);
        match &mut state {
            Some(state) => apply(&scanner, state, &mut index, file.number(), &found, &record)?,
            None => index.add(&record, position, None),
        }
        position = found.end();
        frames += 1;
    }
    Ok((index, frames))
}

/// The last segment with the states behind its durable and its kept frames.
fn read_last(fs: &dyn Fs, dir: &Path, number: u64) -> Result<(Last, State, State), JournalError> {
    let (mut scanner, mut durable, head) = open_segment(fs, dir, FileId::written(number))?;
    let (mut synced, mut end) = (head.synced_through, head.position);
    let mut link = head.link;
    let mut frames = Vec::new();
    let mut torn_at = None;
    let mut stop = "the segment ends before its last durable frame";
    loop {
        match scanner.step(end, Check::All)? {
            Step::End => break,
            Step::Frame(found, record) if follows(&found, link) => {
                if let Record::Seal { next_segment } = record {
                    let missing = segment_path(dir, next_segment);
                    return Err(JournalError::corrupt(&missing, 0, "the segment is missing"));
                }
                synced = synced.max(found.header.synced_through);
                link = link_of(&found);
                end = found.end();
                frames.push((found, matches!(record, Record::Mark)));
            }
            Step::Frame(..) => {
                (stop, torn_at) = ("the frame does not follow the one before it", Some(end));
                break;
            }
            Step::Bad(what) => {
                (stop, torn_at) = (what, Some(end));
                break;
            }
        }
    }
    // What recovery carried over was durable before the segment had its name.
    if link.sequence < head.synced_through {
        return Err(scanner.corrupt(end, stop));
    }
    if torn_at.is_some() {
        refuse_damage(&mut scanner, end, link.sequence, stop)?;
    }
    let mut index = SegmentIndex::default();
    let known = frames.partition_point(|(found, _)| found.header.sequence <= synced);
    let stated = frames.iter().take(known).map(|(found, _)| found.header.synced_through);
    let stated = stated.max().unwrap_or_default().max(head.synced_through);
    let (mut link, mut end) = (head.link, head.position);
    let mut kept = None;
    for (place, (found, _)) in frames.iter().enumerate() {
        let state = if place < known { &mut durable } else { kept.get_or_insert_with(|| durable.clone()) };
        let Step::Frame(_, record) = scanner.step(found.position, Check::Meta)? else {
            return Err(scanner.corrupt(found.position, "the file changed while it was read"));
        };
        if place < known {
            apply(&scanner, state, &mut index, number, found, &record)?;
            (link, end) = (link_of(found), found.end());
        } else {
            apply(&scanner, state, &mut SegmentIndex::default(), number, found, &record)?;
        }
    }
    let tail_matters = frames.iter().skip(known).any(|(_, mark)| !mark);
    let count = head.frames + frames.len() as u64;
    let tail = frames.into_iter().skip(known).map(|(found, _)| found).collect();
    let last = Last { number, scanner, index, link, end, stated, tail, tail_matters, torn_at, frames: count };
    let kept = kept.unwrap_or_else(|| durable.clone());
    Ok((last, durable, kept))
}

/// Fails when a later frame of the file calls the invalid one durable.
fn refuse_damage(scanner: &mut Scanner, at: u64, last_valid: u64, what: &'static str) -> Result<(), JournalError> {
    let mut from = at;
    while let Some(later) = scanner.find(from, last_valid)? {
        if later.header.synced_through > last_valid {
            return Err(scanner.corrupt(at, what));
        }
        from = later.end();
    }
    Ok(())
}

/// The end of a segment's state frames.
#[derive(Default)]
struct Head {
    position: u64,
    link: Link,
    synced_through: u64,
    frames: u64,
}

/// Opens a segment and reads the state at its head, which was whole before the segment had its name.
fn open_segment(fs: &dyn Fs, dir: &Path, file: FileId) -> Result<(Scanner, State, Head), JournalError> {
    let number = file.number();
    let (mut scanner, header) = Scanner::open(fs, &file.path(dir))?;
    let FileHeader::Segment(header) = header else {
        return Err(scanner.corrupt(0, "a copy stands where the journal was to go on"));
    };
    if header.number != number {
        return Err(scanner.corrupt(0, "the file has the name of another segment"));
    }
    let mut state = State::default();
    let (mut position, mut link, mut frames) = (SEGMENT_HEADER_BYTES, header.link, 0);
    loop {
        let (found, piece, of, records) = match scanner.step(position, Check::All)? {
            Step::Frame(found, Record::State { piece, of, records }) if follows(&found, link) => {
                (found, piece, of, records)
            }
            Step::Frame(..) => return Err(scanner.corrupt(position, "the segment does not open with its state")),
            Step::End => return Err(scanner.corrupt(position, "the segment ends inside its state")),
            Step::Bad(what) => return Err(scanner.corrupt(position, what)),
        };
        if u64::from(piece) != frames {
            return Err(scanner.corrupt(position, "the pieces of the state are out of order"));
        }
        state.decode_piece(&records).map_err(|what| match what {
            UNKNOWN_RECORD => scanner.newer(VERSION.saturating_add(1), VERSION),
            what => scanner.corrupt(position, what),
        })?;
        (position, link, frames) = (found.end(), link_of(&found), frames + 1);
        if frames == u64::from(of) {
            break;
        }
    }
    // Its own entry, so that retention knows it even without records.
    state.segments.entry(number).or_default();
    let head = Head { position, link, synced_through: header.head_through, frames };
    Ok((scanner, state, head))
}

fn header_of(fs: &dyn Fs, dir: &Path, file: FileId) -> Result<FileHeader, JournalError> {
    let (scanner, header) = Scanner::open(fs, &file.path(dir))?;
    if header.number() == file.number() {
        Ok(header)
    } else {
        Err(scanner.corrupt(0, "the file has the name of another segment"))
    }
}

fn apply(
    scanner: &Scanner,
    state: &mut State,
    index: &mut SegmentIndex,
    segment: u64,
    found: &FrameAt,
    record: &Record,
) -> Result<(), JournalError> {
    let at = At { segment, position: found.position };
    let committed = state
        .apply(found.header.connector, found.header.era, record, at)
        .map_err(|what| scanner.corrupt(found.position, what))?;
    index.add(record, found.position, committed.as_ref());
    Ok(())
}

fn follows(found: &FrameAt, link: Link) -> bool {
    found.header.sequence == link.sequence + 1 && found.header.previous == link.crc
}

fn link_of(found: &FrameAt) -> Link {
    Link { sequence: found.header.sequence, crc: found.header.crc }
}

/// The text of the marker file.
pub(crate) fn marker_text() -> String {
    format!("tailwater journal\nformat {FORMAT}\n")
}

fn check_marker(fs: &dyn Fs, dir: &Path) -> Result<(), JournalError> {
    let path = dir.join(MARKER);
    let text = match crate::scan::read_file(fs, &path, 1024) {
        Ok(text) => text.unwrap_or_default(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(JournalError::io("read", &path, error)),
    };
    let text = String::from_utf8_lossy(&text);
    let format = text.lines().find_map(|line| line.strip_prefix("format ")?.parse().ok());
    match format {
        Some(found) if found > FORMAT => Err(JournalError::NewerFormat { file: path, found, known: FORMAT }),
        Some(_) => Ok(()),
        None => Err(JournalError::corrupt(&path, 0, "the file does not name a format")),
    }
}
