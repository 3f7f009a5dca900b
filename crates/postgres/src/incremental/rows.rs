//! Reads the rows of a statement into a chunk, within its bound.

use super::chunk::Chunk;
use crate::client::{Client, ClientError};
use crate::limits::{INCREMENTAL_CHUNK_BYTES, INCREMENTAL_TIES_BYTES};
use crate::pgoutput::recycle;
use crate::snapshot::LineReader;

/// What becomes of rows beyond a chunk's bound of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beyond {
    /// They are taken up to another bound: the next chunk could not begin with them.
    Take,
    /// The next chunk begins with them.
    Leave,
    /// They are named, by the columns of their identity.
    Name,
}

/// What becomes of a row.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Taken,
    Left,
    Named,
    /// The table cannot be read.
    TooMuch,
}

impl Beyond {
    /// A row's fate when the chunk has so many bytes.
    fn fate(self, bytes: usize) -> Fate {
        match self {
            _ if bytes <= INCREMENTAL_CHUNK_BYTES => Fate::Taken,
            Beyond::Take if bytes <= INCREMENTAL_TIES_BYTES => Fate::Taken,
            Beyond::Take => Fate::TooMuch,
            Beyond::Leave => Fate::Left,
            Beyond::Name => Fate::Named,
        }
    }
}

/// Reads rows into the chunk; gives those that are named. `None`: there is too much of it.
pub(super) fn copy(
    client: &mut Client,
    query: &str,
    beyond: Beyond,
    chunk: &mut Chunk,
) -> Result<Option<Vec<Vec<String>>>, ClientError> {
    let (mut lines, mut cells, mut named) = (LineReader::default(), Vec::new(), Some(Vec::new()));
    let mut copy = client.copy_out(&format!("COPY ({query}) TO STDOUT"))?;
    while let Some(row) = copy.next_row()? {
        let fate = beyond.fate(chunk.bytes());
        if matches!(fate, Fate::Left | Fate::TooMuch) {
            named = named.filter(|_| fate == Fate::Left);
            continue;
        }
        let mut borrowed = recycle(std::mem::take(&mut cells));
        lines.read(row.line, &mut borrowed);
        match &mut named {
            Some(named) if fate == Fate::Named => named.extend(chunk.identity_of(&borrowed)),
            _ => chunk.push(row.line, &borrowed),
        }
        cells = recycle(borrowed);
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_bounded_whatever_its_rows_are() {
        let (chunk, ties) = (INCREMENTAL_CHUNK_BYTES, INCREMENTAL_TIES_BYTES);
        let fates = |beyond: Beyond| [chunk, chunk + 1, ties, ties + 1].map(|bytes| beyond.fate(bytes));
        assert_eq!(fates(Beyond::Take), [Fate::Taken, Fate::Taken, Fate::Taken, Fate::TooMuch]);
        assert_eq!(fates(Beyond::Leave), [Fate::Taken, Fate::Left, Fate::Left, Fate::Left]);
        assert_eq!(fates(Beyond::Name), [Fate::Taken, Fate::Named, Fate::Named, Fate::Named]);
    }
}
