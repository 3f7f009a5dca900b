//! Reading frames from a file, each checked before it is believed.

use crate::JournalError;
use crate::frame::{BadHeader, HEADER_BYTES, Header, MAGIC, VERSION};
use crate::fs::{Fs, ReadFile};
use crate::limits::{READ_BEHIND_BYTES, READ_BUFFER_BYTES, READ_WINDOW_BYTES, SCAN_BUFFER_BYTES};
use crate::record::{BadRecord, Batch, Record};
use crate::segment::{FileHeader, SEGMENT_HEADER_BYTES};
use bytes::{Bytes, BytesMut};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use tailwater_wire::Buffers;

/// A segment file with a window of read-ahead.
pub(crate) struct Scanner {
    file: Box<dyn ReadFile>,
    path: PathBuf,
    end: u64,
    buffers: Buffers,
    window: Bytes,
    window_at: u64,
    /// Bytes of the window that were handed out as batches.
    taken: usize,
    /// Bytes read at a time, and its bounds.
    ahead: usize,
    bounds: RangeInclusive<usize>,
    wait: Wait,
}

/// Whether reading may wait for a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    May,
    /// What is not in the system's cache fails as [`JournalError::unready`].
    Never,
}

/// A frame and where it lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameAt {
    pub(crate) position: u64,
    pub(crate) header: Header,
}

impl FrameAt {
    /// Where the next frame begins.
    pub(crate) fn end(&self) -> u64 {
        self.position + self.header.frame_bytes()
    }

    fn payload_at(&self) -> u64 {
        self.position + HEADER_BYTES as u64 + u64::from(self.header.meta_bytes)
    }
}

/// What lies at a position.
pub(crate) enum Step {
    Frame(FrameAt, Record),
    /// The file ends exactly here.
    End,
    /// No valid frame, and why.
    Bad(&'static str),
}

/// How much of a frame is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// Header and meta.
    Meta,
    /// The record batches too.
    All,
}

impl Scanner {
    /// Opens a segment and reads its header.
    pub(crate) fn open(fs: &dyn Fs, path: &Path) -> Result<(Self, FileHeader), JournalError> {
        Self::open_with(fs, path, Buffers::default(), SCAN_BUFFER_BYTES..=SCAN_BUFFER_BYTES, Wait::May)
    }

    /// The same for someone who looks for batches here and there, and keeps what was read in such buffers.
    pub(crate) fn open_to_read(fs: &dyn Fs, path: &Path, buffers: &Buffers, wait: Wait) -> Result<Self, JournalError> {
        Ok(Self::open_with(fs, path, buffers.clone(), READ_BUFFER_BYTES..=READ_WINDOW_BYTES, wait)?.0)
    }

    fn open_with(
        fs: &dyn Fs,
        path: &Path,
        buffers: Buffers,
        bounds: RangeInclusive<usize>,
        wait: Wait,
    ) -> Result<(Self, FileHeader), JournalError> {
        let failed = |error| JournalError::io("read", path, error);
        let file = fs.open(path).map_err(failed)?;
        let end = file.size().map_err(failed)?;
        let mut head = [0; SEGMENT_HEADER_BYTES as usize];
        let length = usize::try_from(end.min(SEGMENT_HEADER_BYTES)).unwrap_or_default();
        let head = head.get_mut(..length).unwrap_or_default();
        read_exact_at(file.as_ref(), head, 0, wait).map_err(failed)?;
        let header = FileHeader::decode(head, path)?;
        let (path, window, ahead) = (path.to_path_buf(), Bytes::new(), *bounds.start());
        Ok((Self { file, path, end, buffers, window, window_at: 0, taken: 0, ahead, bounds, wait }, header))
    }

    /// No more than about so many bytes of batches are wanted.
    pub(crate) fn limit(&mut self, bytes: usize) {
        let most = bytes.saturating_add(READ_BEHIND_BYTES).clamp(*self.bounds.start(), READ_WINDOW_BYTES);
        self.bounds = *self.bounds.start()..=most;
    }

    /// Bytes in the file when it was opened.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Damage in this file.
    pub(crate) fn corrupt(&self, offset: u64, what: impl Into<String>) -> JournalError {
        JournalError::corrupt(&self.path, offset, what)
    }

    /// Looks at the frame at a position. Fails when the file cannot be read or a newer version wrote the frame.
    pub(crate) fn step(&mut self, position: u64, check: Check) -> Result<Step, JournalError> {
        if position == self.end {
            return Ok(Step::End);
        }
        let Some(head) = self.bytes(position, HEADER_BYTES as u64)?.and_then(|bytes| bytes.first_chunk()) else {
            return Ok(Step::Bad("the file ends inside a frame's header"));
        };
        let header = match Header::decode(head) {
            Ok(header) => header,
            Err(BadHeader::Invalid(what)) => return Ok(Step::Bad(what)),
            Err(BadHeader::Newer(version)) => return Err(self.newer(version, VERSION)),
        };
        let found = FrameAt { position, header };
        if found.end() > self.end {
            return Ok(Step::Bad("the file ends inside a frame"));
        }
        let meta_at = position + HEADER_BYTES as u64;
        let meta = self.bytes(meta_at, u64::from(header.meta_bytes))?.unwrap_or_default();
        if crc32c::crc32c(meta) != header.meta_crc {
            return Ok(Step::Bad("the frame's description has a wrong checksum"));
        }
        let record = match Record::decode(header.kind, meta) {
            Ok(record) => record,
            Err(BadRecord::Invalid(what)) => return Ok(Step::Bad(what)),
            Err(BadRecord::Newer(kind)) => return Err(self.newer(kind, VERSION)),
        };
        if check == Check::All
            && let Some(what) = self.bad_payload(&found, &record)?
        {
            return Ok(Step::Bad(what));
        }
        Ok(Step::Frame(found, record))
    }

    /// The next valid frame after an invalid place: by the length that a header names, else by magic.
    pub(crate) fn find(&mut self, from: u64, after_sequence: u64) -> Result<Option<FrameAt>, JournalError> {
        let mut position = from;
        while let Some(at) = self.find_magic(position)? {
            match self.step(at, Check::All) {
                Ok(Step::Frame(found, _))
                    if found.header.sequence > after_sequence
                        && found.header.synced_through < found.header.sequence =>
                {
                    return Ok(Some(found));
                }
                // Behind an invalid frame, one that a newer version may have written tells nothing.
                Ok(_) | Err(JournalError::NewerFormat { .. }) => {}
                Err(error) => return Err(error),
            }
            position = at + 1;
        }
        Ok(None)
    }

    /// The meta of a frame that was valid a moment ago, checked again: after a failed fsync the cache may have let go of
    /// what was there.
    pub(crate) fn again(&mut self, frame: &FrameAt) -> Result<(Vec<u8>, Record), JournalError> {
        let changed = |scanner: &Self| scanner.corrupt(frame.position, "the frame changed while it was copied");
        let at = frame.position + HEADER_BYTES as u64;
        let meta = self.bytes(at, u64::from(frame.header.meta_bytes))?.map(<[u8]>::to_vec);
        let meta = meta.filter(|meta| crc32c::crc32c(meta) == frame.header.meta_crc).ok_or_else(|| changed(self))?;
        let record = Record::decode(frame.header.kind, &meta).map_err(|_| changed(self))?;
        Ok((meta, record))
    }

    /// One record batch of a frame, `skip` bytes into its payload, checked.
    pub(crate) fn batch(&mut self, frame: &FrameAt, skip: u64, batch: &Batch) -> Result<Bytes, JournalError> {
        let at = frame.payload_at() + skip;
        if at + u64::from(batch.bytes) > frame.end() {
            return Err(self.corrupt(at, "a record batch is longer than its frame"));
        }
        if self.bytes(at, u64::from(batch.bytes))?.map(crc32c::crc32c) != Some(batch.crc) {
            return Err(self.corrupt(at, "a record batch has a wrong checksum"));
        }
        let (from, length) = (usize::try_from(at - self.window_at).unwrap_or(usize::MAX), batch.bytes as usize);
        self.taken += length;
        // A small batch would hold what lies around it in memory.
        let alone = self.window.len() <= READ_BUFFER_BYTES && 2 * length < self.window.len();
        let bytes = self.window.slice(from..from + length);
        Ok(if alone { Bytes::copy_from_slice(&bytes) } else { bytes })
    }

    /// Bytes of the file; `None` when they are not all there.
    fn bytes(&mut self, at: u64, length: u64) -> Result<Option<&[u8]>, JournalError> {
        if at.checked_add(length).is_none_or(|end| end > self.end) {
            return Ok(None);
        }
        let inside = at >= self.window_at && at + length <= self.window_at + self.window.len() as u64;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if !inside {
            self.fill(at, length)?;
        }
        let start = usize::try_from(at - self.window_at).unwrap_or(usize::MAX);
        Ok(self.window.get(start..).and_then(|rest| rest.get(..length)))
    }

    /// Moves the window to a position, with at least so many bytes.
    fn fill(&mut self, at: u64, length: usize) -> Result<(), JournalError> {
        if !self.window.is_empty() {
            let wanted = 3 * self.taken >= 2 * self.window.len();
            self.ahead = if wanted { (2 * self.ahead).min(*self.bounds.end()) } else { *self.bounds.start() };
        }
        // What is that large would be in the middle of the window's end most of the time.
        let large = 2 * length > self.ahead;
        let ahead = if large { length.saturating_add(READ_BEHIND_BYTES) } else { self.ahead };
        let ahead = ahead.min(usize::try_from(self.end - at).unwrap_or(usize::MAX));
        // A window that could not be filled must not be believed; one that is not needed may be filled again.
        (self.window, self.window_at, self.taken) = (Bytes::new(), at, 0);
        let fill = |window: &mut [u8]| read_exact_at(self.file.as_ref(), window, at, self.wait);
        self.window = self.buffers.filled(ahead, fill).map_err(|error| JournalError::io("read", &self.path, error))?;
        Ok(())
    }

    fn bad_payload(&mut self, frame: &FrameAt, record: &Record) -> Result<Option<&'static str>, JournalError> {
        let total: u64 = record.batches().iter().map(|batch| u64::from(batch.bytes)).sum();
        if total != u64::from(frame.header.payload_bytes) {
            return Ok(Some("the frame's length contradicts its batches"));
        }
        let mut at = frame.payload_at();
        for batch in record.batches() {
            let end = at + u64::from(batch.bytes);
            let base = self.bytes(at, 8)?.and_then(|bytes| bytes.first_chunk().copied());
            if base.map(i64::from_be_bytes) != Some(batch.base_offset) {
                return Ok(Some("a record batch has another offset than its frame says"));
            }
            let mut crc = 0;
            while at < end {
                let length = (end - at).min(SCAN_BUFFER_BYTES as u64);
                crc = crc32c::crc32c_append(crc, self.bytes(at, length)?.unwrap_or_default());
                at += length;
            }
            if crc != batch.crc {
                return Ok(Some("a record batch has a wrong checksum"));
            }
        }
        Ok(None)
    }

    fn find_magic(&mut self, from: u64) -> Result<Option<u64>, JournalError> {
        let mut at = from;
        while at + HEADER_BYTES as u64 <= self.end {
            let length = (self.end - at).min(SCAN_BUFFER_BYTES as u64);
            let bytes = self.bytes(at, length)?.unwrap_or_default();
            if let Some(found) = bytes.windows(MAGIC.len()).position(|window| window == MAGIC) {
                return Ok(Some(at + found as u64));
            }
            // The magic may lie across the border of two windows.
            at += (length - (MAGIC.len() as u64 - 1)).max(1);
        }
        Ok(None)
    }

    /// Something that only a newer version can have written.
    pub(crate) fn newer(&self, found: u8, known: u8) -> JournalError {
        JournalError::NewerFormat { file: self.path.clone(), found: found.into(), known: known.into() }
    }
}

/// Writes the base offset into a record batch.
pub(crate) fn patch_base(bytes: &mut BytesMut, base_offset: i64) {
    if let Some(field) = bytes.first_chunk_mut::<8>() {
        *field = base_offset.to_be_bytes();
    }
}

/// Reads a whole file of at most `limit` bytes; `None` when it is larger.
pub(crate) fn read_file(fs: &dyn Fs, path: &Path, limit: u64) -> std::io::Result<Option<Bytes>> {
    let file = fs.open(path)?;
    let size = file.size()?;
    if size > limit {
        return Ok(None);
    }
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
    read_exact_at(file.as_ref(), &mut bytes, 0, Wait::May)?;
    Ok(Some(bytes.into()))
}

fn read_exact_at(file: &dyn ReadFile, mut buffer: &mut [u8], mut at: u64, wait: Wait) -> std::io::Result<()> {
    while !buffer.is_empty() {
        let read = match wait {
            Wait::May => file.read_at(buffer, at),
            Wait::Never => file.read_ready_at(buffer, at),
        };
        match read {
            Ok(0) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                buffer = buffer.get_mut(read..).unwrap_or_default();
                at += read as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
