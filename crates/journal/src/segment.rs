//! Segment files: their names, their header, and how one comes to be.
//!
//! A segment is written under a temporary name: header, the state so far, and, after a crash, the frames that recovery
//! copies. It gets its name only once all that is fsynced. So a segment that has a name has a whole head, and a torn
//! write can only be at the end of the last one.
//!
//! ```text
//! 0 magic "TWSEGMNT"   8 format u32   12 number u64   20 sequence, 28 crc of the predecessor's last valid frame
//! 32 last sequence of the head   40 CRC of bytes 0..40   44 zeros up to 64, then frames
//! ```
//!
//! Copies of batches, which the keeper makes (`copies.rs`), have frames of their own numbering and another header; they
//! too get their name only once they are complete:
//!
//! ```text
//! 0 magic "TWCOPIED"   8 format u32   12 number u64   20 and 28 as above, of the segment that it stands for
//! 32 sequence, 40 crc of its last frame   44 offset up to which it holds its partition   52 and is compacted
//! 60 CRC of bytes 0..60
//! ```

use crate::JournalError;
use crate::codec::{Input, Put};
use crate::files::FileId;
use crate::fs::{Fs, WriteFile};
use crate::record::Record;
use crate::scan::{FrameAt, Scanner};
use crate::state::{At, State};
use crate::{failpoint, frame};
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};

/// Bytes before the first frame.
pub(crate) const SEGMENT_HEADER_BYTES: u64 = 64;
/// Newest format of the directory.
pub(crate) const FORMAT: u32 = 1;
const MAGIC: [u8; 8] = *b"TWSEGMNT";
const COPY_MAGIC: [u8; 8] = *b"TWCOPIED";

/// A frame's place in the chain, as its successor names it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) sequence: u64,
    pub(crate) crc: u32,
}

/// What a segment begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) number: u64,
    /// Last valid frame of the predecessor; what follows it there is a cut tail.
    pub(crate) link: Link,
    /// Frames up to this one were durable before the segment had its name.
    pub(crate) head_through: u64,
}

/// What a copy begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CopyHeader {
    /// See [`FileId::number`].
    pub(crate) number: u64,
    /// The same as in the segment that it stands for.
    pub(crate) before: Link,
    /// Its last frame; frames count from 1.
    pub(crate) end: Link,
    /// For what is left of a partition: up to which offset.
    pub(crate) until: i64,
    /// And up to which one it is compacted; what follows was copied as it was.
    pub(crate) clean: i64,
}

/// What a file with frames begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileHeader {
    Segment(SegmentHeader),
    Copy(CopyHeader),
}

impl FileHeader {
    /// See [`FileId::number`].
    pub(crate) fn number(&self) -> u64 {
        match self {
            Self::Segment(header) => header.number,
            Self::Copy(header) => header.number,
        }
    }

    /// Last valid frame of the predecessor.
    pub(crate) fn before(&self) -> Link {
        match self {
            Self::Segment(header) => header.link,
            Self::Copy(header) => header.before,
        }
    }

    /// Reads a header; a newer format and damage are told apart.
    pub(crate) fn decode(bytes: &[u8], file: &Path) -> Result<Self, JournalError> {
        if bytes.starts_with(&COPY_MAGIC) {
            CopyHeader::decode(bytes, file).map(Self::Copy)
        } else {
            SegmentHeader::decode(bytes, file).map(Self::Segment)
        }
    }
}

impl CopyHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = COPY_MAGIC.to_vec();
        out.u32(FORMAT);
        out.u64(self.number);
        for link in [self.before, self.end] {
            out.u64(link.sequence);
            out.u32(link.crc);
        }
        out.i64(self.until);
        out.i64(self.clean);
        let crc = crc32c::crc32c(&out);
        out.u32(crc);
        out.resize(SEGMENT_HEADER_BYTES as usize, 0);
        out
    }

    fn decode(bytes: &[u8], file: &Path) -> Result<Self, JournalError> {
        let mut input = Input::new(bytes);
        let mut fields = || {
            input.take(8)?;
            let format = input.u32()?;
            let number = input.u64()?;
            let before = Link { sequence: input.u64()?, crc: input.u32()? };
            let end = Link { sequence: input.u64()?, crc: input.u32()? };
            Ok((format, Self { number, before, end, until: input.i64()?, clean: input.i64()? }, input.u32()?))
        };
        let damaged = |what| JournalError::corrupt(file, 0, what);
        let (format, header, crc) = fields().map_err(|_: &str| damaged("the copy has no whole header"))?;
        if format > FORMAT {
            return Err(JournalError::NewerFormat { file: file.to_path_buf(), found: format, known: FORMAT });
        }
        if bytes.get(..60).map(crc32c::crc32c) != Some(crc) {
            return Err(damaged("the copy's header has a wrong checksum"));
        }
        Ok(header)
    }
}

impl SegmentHeader {
    fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.u32(FORMAT);
        out.u64(self.number);
        out.u64(self.link.sequence);
        out.u32(self.link.crc);
        out.u64(self.head_through);
        let crc = crc32c::crc32c(&out);
        out.u32(crc);
        out.resize(SEGMENT_HEADER_BYTES as usize, 0);
        out
    }

    fn decode(bytes: &[u8], file: &Path) -> Result<Self, JournalError> {
        let damaged =
            |what: &str| JournalError::Corrupt { file: file.to_path_buf(), offset: 0, what: what.to_string() };
        let mut input = Input::new(bytes);
        let mut fields = || {
            let magic = input.take(8)?;
            let format = input.u32()?;
            let number = input.u64()?;
            let link = Link { sequence: input.u64()?, crc: input.u32()? };
            Ok((magic, format, Self { number, link, head_through: input.u64()? }, input.u32()?))
        };
        let (magic, format, header, crc) = fields().map_err(|_: &str| damaged("the segment has no whole header"))?;
        if magic != MAGIC {
            return Err(damaged("this is no segment"));
        }
        if format > FORMAT {
            return Err(JournalError::NewerFormat { file: file.to_path_buf(), found: format, known: FORMAT });
        }
        if bytes.get(..40).map(crc32c::crc32c) != Some(crc) {
            return Err(damaged("the segment's header has a wrong checksum"));
        }
        Ok(header)
    }
}

/// Path of a segment as it was written.
pub(crate) fn segment_path(dir: &Path, number: u64) -> PathBuf {
    FileId::written(number).path(dir)
}

/// A segment just made, ready for more frames.
pub(crate) struct Created {
    pub(crate) file: Box<dyn WriteFile>,
    pub(crate) number: u64,
    /// Where the next frame goes.
    pub(crate) position: u64,
    /// The last frame.
    pub(crate) link: Link,
}

/// Frames that recovery carries over into a new segment.
pub(crate) struct Carried<'a> {
    pub(crate) scanner: Scanner,
    pub(crate) frames: &'a [FrameAt],
}

/// Makes a segment that opens with `state` and the carried frames; durable, name included, when it returns.
pub(crate) fn create(
    fs: &dyn Fs,
    dir: &Path,
    number: u64,
    before: Link,
    state: &State,
    carried: Option<Carried<'_>>,
) -> Result<Created, JournalError> {
    let file_id = FileId::written(number);
    let (path, temporary) = (file_id.path(dir), file_id.temporary_path(dir));
    failpoint!("journal::roll", |_| Err(JournalError::io("make", &temporary, io::Error::other("failpoint"))));
    let failed = |doing| {
        let temporary = temporary.clone();
        move |error| JournalError::io(doing, &temporary, error)
    };
    let mut file = fs.create(&temporary).map_err(failed("make"))?;
    let mut position = SEGMENT_HEADER_BYTES;
    let mut link = before;
    let pieces = state.encode();
    let of = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
    for (piece, records) in (0..).zip(pieces) {
        let record = Record::State { piece, of, records };
        let place = frame::Place { sequence: link.sequence + 1, synced_through: before.sequence, previous: link.crc };
        let encoded = frame::encode(place, 0, 0, &record);
        write_all_at(file.as_mut(), position, &mut [IoSlice::new(&encoded.head)]).map_err(failed("write"))?;
        position += encoded.bytes;
        link = Link { sequence: place.sequence, crc: encoded.crc };
    }
    if let Some(Carried { mut scanner, frames }) = carried {
        for found in frames {
            let (meta, record) = scanner.again(found)?;
            let payload_bytes = u64::from(found.header.payload_bytes);
            let place =
                frame::Place { sequence: link.sequence + 1, synced_through: before.sequence, previous: link.crc };
            let header = &found.header;
            let encoded = frame::encode_raw(place, header.connector, header.era, header.kind, &meta, payload_bytes);
            write_all_at(file.as_mut(), position, &mut [IoSlice::new(&encoded.head)]).map_err(failed("write"))?;
            let (mut to, mut skip) = (position + encoded.head.len() as u64, 0);
            for batch in record.batches() {
                let bytes = scanner.batch(found, skip, batch)?;
                write_all_at(file.as_mut(), to, &mut [IoSlice::new(&bytes)]).map_err(failed("write"))?;
                to += bytes.len() as u64;
                skip += bytes.len() as u64;
            }
            position += encoded.bytes;
            link = Link { sequence: place.sequence, crc: encoded.crc };
        }
    }
    let header = SegmentHeader { number, link: before, head_through: link.sequence }.encode();
    write_all_at(file.as_mut(), 0, &mut [IoSlice::new(&header)]).map_err(failed("write"))?;
    let fsync = |file: &Path, source| JournalError::fsync(file, source);
    file.sync_data().map_err(|error| fsync(&temporary, error))?;
    fs.rename(&temporary, &path).map_err(failed("rename"))?;
    fs.sync_dir(dir).map_err(|error| fsync(dir, error))?;
    Ok(Created { file, number, position, link })
}

impl Created {
    /// Where the segment's next frame lies.
    pub(crate) fn at(&self) -> At {
        At { segment: self.number, position: self.position }
    }
}

/// Writes everything at a position, whatever the system takes at a time.
pub(crate) fn write_all_at(
    file: &mut dyn WriteFile,
    mut position: u64,
    mut buffers: &mut [IoSlice<'_>],
) -> io::Result<()> {
    IoSlice::advance_slices(&mut buffers, 0);
    while !buffers.is_empty() {
        match file.write_at(position, buffers) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                position += written as u64;
                IoSlice::advance_slices(&mut buffers, written);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_a_copy_reads_back_and_damage_is_found() {
        let file = Path::new("s");
        let link = |sequence| Link { sequence, crc: 8 };
        let header = CopyHeader { number: 3, before: link(9), end: link(4), until: 77, clean: 70 };
        let bytes = header.encode();
        assert_eq!(FileHeader::decode(&bytes, file).unwrap(), FileHeader::Copy(header));
        for at in 0..64 {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert!(FileHeader::decode(&bad, file).is_err());
        }
    }

    #[test]
    fn a_header_reads_back_and_damage_is_told_from_a_newer_format() {
        let file = Path::new("s");
        let header = SegmentHeader { number: 3, link: Link { sequence: 9, crc: 8 }, head_through: 11 };
        let bytes = header.encode();
        assert_eq!(SegmentHeader::decode(&bytes, file).unwrap(), header);
        for at in 0..44 {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            let code = SegmentHeader::decode(&bad, file).unwrap_err().code();
            assert!(code == "CORRUPT" || (8..12).contains(&at) && code == "NEWER_FORMAT", "{at}: {code}");
        }
        assert_eq!(SegmentHeader::decode(&bytes[..30], file).unwrap_err().code(), "CORRUPT");
    }
}
