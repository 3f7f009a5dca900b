//! The position that lies in the journal beside the records: where streaming resumes.
//!
//! Opaque to the transport. Sixteen bytes, big-endian: the end of the last durable transaction (or the position of a
//! progress frame), then the end of the last commit processed, which is the first part of `source.sequence`; 0 before
//! the first.

use tailwater_connector::{Durable, Problem};
use tailwater_event::Lsn;

/// A resume position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// Everything that ends at or before it is in the journal.
    pub lsn: u64,
    /// End of the last commit processed; 0 before the first.
    pub last_commit: u64,
}

/// A position that was read back from what is durable. Only this kind may be told to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DurableLsn(u64);

/// The log position of a stored one, for people; `None` when it is not a position of this source.
pub fn resume_lsn(position: &[u8]) -> Option<Lsn> {
    let durable = Durable { era: 0, position: position.to_vec() };
    Position::durable(&durable).ok().flatten().map(|position| Lsn(position.lsn))
}

/// The end of the last record before the position where the server will write next: the header of a page may lie between
/// (24 bytes, or 40 in a segment's first page), whose end nothing that is streamed reaches while nothing is written.
pub(crate) fn last_record_end(next: u64) -> u64 {
    const PAGE: u64 = 8192;
    match next % PAGE {
        header @ (24 | 40) => next - header,
        _ => next,
    }
}

impl Position {
    /// The form that the transport keeps.
    pub fn encode(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        let (lsn, last_commit) = bytes.split_at_mut(8);
        lsn.copy_from_slice(&self.lsn.to_be_bytes());
        last_commit.copy_from_slice(&self.last_commit.to_be_bytes());
        bytes
    }

    /// What is durable; `None` before the first position.
    pub fn durable(durable: &Durable) -> Result<Option<Position>, Problem> {
        let bytes = durable.position.as_slice();
        if bytes.is_empty() {
            return Ok(None);
        }
        let part = |range| bytes.get(range).and_then(|b: &[u8]| b.try_into().ok()).map(u64::from_be_bytes);
        match (part(0..8), part(8..16), bytes.len()) {
            (Some(lsn), Some(last_commit), 16) => Ok(Some(Position { lsn, last_commit })),
            _ => Err(Problem::internal("POSITION_UNREADABLE", "the stored position is not one of this source")),
        }
    }
}

impl DurableLsn {
    /// From the transport's own answer.
    pub fn read(durable: &Durable) -> Result<DurableLsn, Problem> {
        Ok(DurableLsn(Position::durable(durable)?.unwrap_or_default().lsn))
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_header_is_no_record() {
        let ends = [0x200_0028, 0x200_2018, 0x200_2020, 0x200_0000, 0].map(last_record_end);
        assert_eq!(ends, [0x200_0000, 0x200_2000, 0x200_2020, 0x200_0000, 0]);
    }

    #[test]
    fn a_position_reads_back_and_anything_else_is_refused() {
        let position = Position { lsn: 0x1_0000_0001, last_commit: 7 };
        let durable = |bytes: &[u8]| Durable { era: 1, position: bytes.to_vec() };
        assert_eq!(Position::durable(&durable(&position.encode())), Ok(Some(position)));
        assert_eq!(Position::durable(&durable(&[])), Ok(None));
        assert!(Position::durable(&durable(&[0; 15])).is_err());
        assert!(DurableLsn::read(&durable(&[0; 17])).is_err());
    }
}
