//! One row as PostgreSQL sent it: cells in text form, borrowed from the buffer they arrived in.

/// One column's value. The three states stay apart all the way to every sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// SQL NULL.
    Null,
    /// A TOASTed value that the update did not touch and the server did not send (`u` in pgoutput).
    Unchanged,
    /// The value in PostgreSQL's text output form, in the session's pinned settings (UTC, ISO, hex bytea).
    Text(&'a [u8]),
}

/// What an update or delete tells of the row before it. Cells are in table column order, all of them present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldRow<'a> {
    /// Nothing: an update under replica identity DEFAULT that left the key alone.
    None,
    /// Only the replica identity's columns carry values; the others are unknown, whatever their cells say (`K` in pgoutput).
    Key(&'a [Cell<'a>]),
    /// The whole row (`O` in pgoutput, replica identity FULL).
    Full(&'a [Cell<'a>]),
}
