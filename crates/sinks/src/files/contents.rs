//! The lines of a file that is still open.

use bytes::{Bytes, BytesMut};

use super::framing::Framing;
use crate::limits::SHARED_LINE_BYTES;

/// Bytes in pieces: short lines are gathered, long ones stay shared with the batch they came in.
pub(crate) struct Contents {
    framing: Framing,
    pieces: Vec<Bytes>,
    gathered: BytesMut,
    /// Whether there is a line, be it an empty one.
    begun: bool,
    len: usize,
}

impl Contents {
    /// Nothing yet.
    pub(crate) fn new(framing: Framing) -> Self {
        Contents { framing, pieces: Vec::new(), gathered: BytesMut::new(), begun: false, len: 0 }
    }

    /// Appends a line.
    pub(crate) fn push_line(&mut self, line: &Bytes) {
        let Framing { before, between, after } = self.framing;
        let (first, ahead) = if self.begun { (0, between) } else { (after.len(), before) };
        self.begun = true;
        self.len += first + ahead.len() + line.len();
        self.gathered.extend_from_slice(ahead);
        if line.len() >= SHARED_LINE_BYTES {
            self.pieces.push(self.gathered.split().freeze());
            self.pieces.push(line.clone());
        } else {
            self.gathered.extend_from_slice(line);
        }
    }

    /// Bytes so far; none without lines.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The file's bytes, in order.
    pub(crate) fn into_pieces(mut self) -> Vec<Bytes> {
        if self.begun {
            self.gathered.extend_from_slice(self.framing.after);
        }
        self.pieces.push(self.gathered.freeze());
        self.pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_lines_keep_their_order_and_empty_ones_are_lines() {
        let long = Bytes::from(vec![b'x'; SHARED_LINE_BYTES]);
        let lines = [Bytes::from_static(b"a"), long.clone(), Bytes::from_static(b""), Bytes::from_static(b"b"), long];
        let empty_first = [Bytes::new(), Bytes::new(), Bytes::from_static(b"a")];
        for framing in [Framing::LINES, Framing::DIVIDED, Framing::ARRAY] {
            for lines in [&lines[..], &empty_first, &empty_first[..2]] {
                let mut contents = Contents::new(framing);
                lines.iter().for_each(|line| contents.push_line(line));
                let expected = [framing.before, &lines.join(framing.between), framing.after].concat();
                assert_eq!(contents.len(), expected.len());
                assert_eq!(contents.into_pieces().concat(), expected);
            }
        }
        assert_eq!(Contents::new(Framing::ARRAY).into_pieces().concat(), b"");
    }
}
