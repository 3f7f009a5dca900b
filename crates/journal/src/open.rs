//! Opening: recovery's findings made good, so that writing can go on.
//!
//! What lies after the last `synced_through` may be only in the page cache, or, after a failed fsync, nowhere. It is
//! copied into a new segment and fsynced before anyone is told that it is durable. When nothing of worth lies there,
//! the last segment is cut and written on.

use crate::files::FileId;
use crate::fs::Fs;
use crate::index::SegmentIndex;
use crate::record::Record;
use crate::recovery::{Found, MARKER, Sealed, find, marker_text, sealed_index};
use crate::segment::{Carried, Created, Link, create, segment_path, write_all_at};
use crate::state::State;
use crate::view::{SealedSegment, View};
use crate::{JournalError, Options, failpoint, frame};
use std::io::{self, IoSlice};
use std::path::Path;

/// A journal ready for its writer.
pub(crate) struct Opened {
    pub(crate) view: View,
    pub(crate) segment: Created,
    /// Up to where the segment says what is durable.
    pub(crate) stated: u64,
}

/// Recovers the directory, or makes a journal in it. The caller holds the lock.
pub(crate) fn open(fs: &dyn Fs, dir: &Path, options: &Options) -> Result<Opened, JournalError> {
    let Some(found) = find(fs, dir)? else {
        return fresh(fs, dir, options);
    };
    // A process that was killed may have left names that only the cache knows; what follows relies on them.
    fs.sync_dir(dir).map_err(|error| JournalError::fsync(dir, error))?;
    let recovered = found.last.tail.len();
    let torn = found.last.torn_at;
    if found.last.tail_matters {
        carry_over(fs, dir, &found)?;
        failpoint!("journal::recovery_end", |_| Err(JournalError::Closed));
        tracing::info!(frames = recovered, torn = torn.is_some(), "frames not known to be durable were made so");
        // The new segment is now the last one, and everything in it is durable.
        let again = find(fs, dir)?;
        return match again {
            Some(found) if !found.last.tail_matters => go_on(fs, dir, found),
            _ => Err(JournalError::corrupt(dir, 0, "the directory changed while it was recovered")),
        };
    }
    go_on(fs, dir, found)
}

/// Goes on in the last segment, cut behind its last durable frame.
fn go_on(fs: &dyn Fs, dir: &Path, found: Found) -> Result<Opened, JournalError> {
    let Found { durable, sealed, compacted, last, leftovers, .. } = found;
    let path = segment_path(dir, last.number);
    let mut file = fs.open_write(&path).map_err(|error| JournalError::io("open", &path, error))?;
    if last.scanner.end() > last.end {
        file.set_len(last.end).map_err(|error| JournalError::io("cut", &path, error))?;
    }
    for leftover in leftovers {
        match fs.remove(&leftover) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(JournalError::io("remove", &leftover, error));
            }
            _ => {}
        }
    }
    let mut view = View::new(durable, last.number);
    for segment in sealed {
        let Sealed { number, generation, bytes, link } = segment;
        let index = sealed_index(fs, dir, FileId::Segment { number, generation }, link, true)?;
        view.add_sealed(number, SealedSegment { bytes, link, generation }, &index);
    }
    view.set_active(last.index, last.end);
    for key in view.places.keys().copied().collect::<Vec<_>>() {
        view.forget_dead(key);
    }
    for copy in compacted {
        let index = sealed_index(fs, dir, copy.file_id(), copy.link, true)?;
        view.set_compacted(copy, &index);
    }
    write_marker(fs, dir)?;
    let segment = Created { file, number: last.number, position: last.end, link: last.link };
    Ok(Opened { view, segment, stated: last.stated })
}

/// Copies the tail into a new segment; seals the old one behind its last durable frame.
fn carry_over(fs: &dyn Fs, dir: &Path, found: &Found) -> Result<(), JournalError> {
    let last = &found.last;
    let (scanner, _) = crate::scan::Scanner::open(fs, &segment_path(dir, last.number))?;
    let carried = Carried { scanner, frames: &last.tail };
    create(fs, dir, last.number + 1, last.link, &found.durable, Some(carried))?;
    let path = segment_path(dir, last.number);
    if let Err(error) = last.index.store(fs, dir, FileId::written(last.number), last.link) {
        tracing::warn!(file = %path.display(), %error, "index not written");
    }
    let mut file = fs.open_write(&path).map_err(|error| JournalError::io("open", &path, error))?;
    file.set_len(last.end).map_err(|error| JournalError::io("cut", &path, error))?;
    seal(&mut Created { file, number: last.number, position: last.end, link: last.link }, last.number + 1)
        .map_err(|error| JournalError::io("write", &path, error))
}

/// Ends a segment whose successor is durable, so that a missing successor is noticed.
pub(crate) fn seal(segment: &mut Created, next_segment: u64) -> io::Result<()> {
    let Link { sequence, crc } = segment.link;
    let place = frame::Place { sequence: sequence + 1, synced_through: sequence, previous: crc };
    let encoded = frame::encode(place, 0, 0, &Record::Seal { next_segment });
    write_all_at(segment.file.as_mut(), segment.position, &mut [IoSlice::new(&encoded.head)])?;
    segment.position += encoded.bytes;
    segment.file.sync_data()
}

fn fresh(fs: &dyn Fs, dir: &Path, options: &Options) -> Result<Opened, JournalError> {
    let budget = match options.budget_bytes {
        Some(budget) => budget,
        None => fs.free_bytes(dir).map_err(|error| JournalError::io("look at the space of", dir, error))? / 2,
    };
    let state = State { budget, oldest_segment: 1, ..State::default() };
    let segment = create(fs, dir, 1, Link::default(), &state, None)?;
    write_marker(fs, dir)?;
    let mut view = View::new(state, 1);
    view.set_active(SegmentIndex::default(), segment.position);
    let stated = segment.link.sequence;
    Ok(Opened { view, segment, stated })
}

/// Says durably that the directory holds a journal, once its first segment is durable.
fn write_marker(fs: &dyn Fs, dir: &Path) -> Result<(), JournalError> {
    let path = dir.join(MARKER);
    if fs.open(&path).is_ok() {
        return Ok(());
    }
    let temporary = path.with_extension("tmp");
    let failed = |error| JournalError::io("write", &path, error);
    let mut file = fs.create(&temporary).map_err(failed)?;
    write_all_at(file.as_mut(), 0, &mut [IoSlice::new(marker_text().as_bytes())]).map_err(failed)?;
    file.sync_data().map_err(|error| JournalError::fsync(&temporary, error))?;
    fs.rename(&temporary, &path).map_err(failed)?;
    fs.sync_dir(dir).map_err(|error| JournalError::fsync(dir, error))
}
