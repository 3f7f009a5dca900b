//! Rows of a snapshot that belong at its own point of the stream.
//!
//! Tables that were followed before, or whose earlier attempt at a snapshot did not end, have rows in the topic already. A
//! new snapshot of them is exported before the stream goes on, and its rows are written where the stream reaches the
//! point at which it was made: every row then comes after all changes that it shows and before all that it does not.
//!
//! Until there, changes of a table that is repeated need not be written, since its rows are about to come; but what went
//! away must be: the snapshot says nothing of it, and the topic's reader would keep it for ever.

use std::collections::HashSet;

use tailwater_event::TableName;

use super::export::Exported;
use crate::catalog::CatalogTable;
use crate::state::Blocking;

/// A snapshot on its way to its place.
pub(crate) struct Placed {
    /// The snapshot.
    pub exported: Exported,
    /// The tables to read.
    pub tables: Vec<CatalogTable>,
    /// Of these, rows of an earlier attempt may be in the topic.
    pub published: HashSet<TableName>,
    /// The signal that asked for it; none when it takes the place of a snapshot that did not end.
    pub blocking: Option<Blocking>,
}

impl Placed {
    /// Where its rows belong.
    pub fn point(&self) -> u64 {
        self.exported.consistent_point
    }

    /// Whether a table's rows come again after an attempt that did not end.
    pub fn repeats(&self, table: &TableName) -> bool {
        self.published.contains(table)
    }
}
