//! The first part of `source.sequence` before any commit was seen.
//!
//! The original sees the commits of all tables and shows the end of the last one. We are sent only those of captured
//! tables, so before the first of them it would be null where the original shows a position. Transaction ids tell: when
//! ids were given out between the start of the stream and the first transaction that arrives, other transactions lay
//! between, and the position where the stream took up stands for their end. It is exact about order, and survives
//! restarts in the position. Where every table is captured, what else takes ids (such as changes of tables' shapes)
//! moves nothing in the original either, and ids are not asked. All databases of a server draw from one counter, so
//! while others are in use the ids tell nothing, and it stays null.

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
        let next = ask(session, "pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot()) & 4294967295")?;
        Ok(FirstCommit { next })
    }

    /// Whether transactions of other tables came between the start and this transaction.
    pub fn others_before(&self, session: &mut Session<'_>, xid: u32) -> Result<bool, Problem> {
        Ok(self.ids_before(xid) && ask(session, "1")?.is_some())
    }

    /// Whether ids were given out between the start and this transaction's. Ids wrap around.
    fn ids_before(&self, xid: u32) -> bool {
        self.next.is_some_and(|next| xid.wrapping_sub(next).cast_signed() > 0)
    }
}

/// A number from the server, while nobody uses another database of it. `postgres` does not count: it is where tools
/// wait, and holds no data by convention.
fn ask(session: &mut Session<'_>, number: &str) -> Result<Option<u32>, Problem> {
    let rows = session.sql.query(&format!(
        "SELECT {number} WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_stat_database \
         WHERE datname NOT IN (pg_catalog.current_database(), 'postgres') AND numbackends > 0)"
    ));
    Ok(session.sql_result(rows)?.first().and_then(|row| row.text(0).parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_after_the_next_one_prove_that_others_came_before() {
        let first = |next| FirstCommit { next: Some(next) };
        assert!(!first(100).ids_before(100));
        assert!(!first(100).ids_before(99), "it was open when the stream began");
        assert!(first(100).ids_before(101));
        assert!(first(u32::MAX).ids_before(3), "ids wrap around");
        assert!(!FirstCommit { next: None }.ids_before(101));
    }
}
