//! The lines of a file that is still open.

use bytes::{Bytes, BytesMut};

use crate::limits::SHARED_LINE_BYTES;

/// Bytes in pieces: short lines are gathered, long ones stay shared with the batch they came in.
#[derive(Default)]
pub(crate) struct Contents {
    pieces: Vec<Bytes>,
    gathered: BytesMut,
    len: usize,
}

impl Contents {
    /// Appends a line and its end.
    pub(crate) fn push_line(&mut self, line: &Bytes) {
        self.len += line.len() + 1;
        if line.len() >= SHARED_LINE_BYTES {
            self.pieces.push(self.gathered.split().freeze());
            self.pieces.push(line.clone());
        } else {
            self.gathered.extend_from_slice(line);
        }
        self.gathered.extend_from_slice(b"\n");
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The file's bytes, in order.
    pub(crate) fn into_pieces(mut self) -> Vec<Bytes> {
        self.pieces.push(self.gathered.freeze());
        self.pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_lines_keep_their_order() {
        let long = Bytes::from(vec![b'x'; SHARED_LINE_BYTES]);
        let lines = [Bytes::from_static(b"a"), long.clone(), Bytes::from_static(b""), Bytes::from_static(b"b"), long];
        let mut contents = Contents::default();
        let mut expected = Vec::new();
        for line in &lines {
            contents.push_line(line);
            expected.extend_from_slice(line);
            expected.push(b'\n');
        }
        assert_eq!(contents.len(), expected.len());
        assert_eq!(contents.into_pieces().concat(), expected);
    }
}
