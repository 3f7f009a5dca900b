//! The first part of `source.sequence` before any commit was seen.
//!
//! The original sees the commits of all tables and shows the end of the last one. We are sent only those of captured
//! tables, so before the first of them it would be null where the original shows a position. Transaction ids tell: when
//! ids were given out between the start of the stream and the first transaction that arrives, other transactions lay
//! between, and the position where the stream took up stands for their end. It is exact about order, and survives
//! restarts in the position. Where every table is captured, what else takes ids (such as changes of tables' shapes)
//! moves nothing in the original either, and ids are not asked.

use tailwater_connector::Problem;

use crate::session::Session;
use crate::settings::Autocreate;

/// Tells whether transactions of other tables came before the first one that arrives.
pub(super) struct FirstCommit {
    /// The id that the next transaction gets at the start of the stream; none when there are no other tables.
    next: Option<u32>,
}

impl FirstCommit {
    /// Asks the server at the start of a stream.
    pub fn look(session: &mut Session<'_>) -> Result<FirstCommit, Problem> {
        let all = session.settings.publication.mode == Autocreate::AllTables;
        // In strict compatibility the original has the same publication, and is sent no more than we are.
        if all || session.settings.encode.strict || !session.has_other_tables {
            return Ok(FirstCommit { next: None });
        }
        let rows =
            session.sql.query("SELECT pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot()) & 4294967295");
        let rows = session.sql_result(rows)?;
        Ok(FirstCommit { next: rows.first().and_then(|row| row.text(0).parse().ok()) })
    }

    /// Whether ids were given out between the start and this transaction's. Ids wrap around.
    pub fn others_before(&self, xid: u32) -> bool {
        self.next.is_some_and(|next| xid.wrapping_sub(next).cast_signed() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_after_the_next_one_prove_that_others_came_before() {
        let first = |next| FirstCommit { next: Some(next) };
        assert!(!first(100).others_before(100));
        assert!(!first(100).others_before(99), "it was open when the stream began");
        assert!(first(100).others_before(101));
        assert!(first(u32::MAX).others_before(3), "ids wrap around");
        assert!(!FirstCommit { next: None }.others_before(101));
    }
}
