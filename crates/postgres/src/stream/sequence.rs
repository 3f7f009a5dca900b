//! The first part of `source.sequence` before any commit was seen.
//!
//! The original sees the commits of all tables and shows the end of the last one. We are sent only those of captured
//! tables, so before the first of them it would be null where the original shows a position. Transaction ids tell: when
//! ids were given out between the beginning of the stream and the first transaction that arrives, and one of them was
//! committed and made no object of the catalog, then rows of other tables were changed, and the position where the stream
//! took up stands for the end of that. Changes of shapes alone move nothing in the original either.
//!
//! The beginning is remembered in the slot's entry, so that a restart before the first commit knows what came earlier;
//! from the first commit on the position has it. All databases of a server draw from one counter, so while others are in
//! use the ids tell nothing, and it stays null.

use tailwater_connector::Problem;

use crate::limits::OTHERS_LOOKED_AT;
use crate::position::Position;
use crate::session::Session;
use crate::settings::Autocreate;
use crate::state::SlotEntry;

/// Nobody uses another database of the server. `postgres` does not count: it is where tools wait, and holds no data by
/// convention.
const ALONE: &str = "NOT EXISTS (SELECT FROM pg_catalog.pg_stat_database WHERE numbackends > 0 AND \
                     datname NOT IN (pg_catalog.current_database(), 'postgres'))";

/// Tells whether transactions of other tables came before the first one that arrives.
pub(super) struct FirstCommit {
    /// The id, with its epoch, that the next transaction got at the beginning; none when there is nothing to tell.
    next: Option<u64>,
}

impl FirstCommit {
    /// At the start of a stream.
    pub fn look(session: &mut Session<'_>, position: Position) -> Result<FirstCommit, Problem> {
        let all = session.settings.publication.mode == Autocreate::AllTables;
        // In strict compatibility the original has the same publication, and is sent no more than we are.
        let tells = !all && !session.settings.encode.strict && session.has_other_tables && position.last_commit == 0;
        let Some(slot) = session.state.slot.clone().filter(|_| tells) else { return Ok(FirstCommit { next: None }) };
        if slot.next_xid.is_some() {
            return Ok(FirstCommit { next: slot.next_xid });
        }
        let next = "SELECT pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot())";
        let rows = session.sql.query(&format!("{next} WHERE {ALONE}"));
        let next_xid = session.sql_result(rows)?.first().and_then(|row| row.text(0).parse().ok());
        session.state.put_slot(session.writer, SlotEntry { next_xid, ..slot })?;
        Ok(FirstCommit { next: next_xid })
    }

    /// Whether other tables' rows were changed between the beginning and this transaction.
    pub fn others_before(&self, session: &mut Session<'_>, xid: u32) -> Result<bool, Problem> {
        let Some(taken) = self.next.and_then(|next| between(next, xid)) else { return Ok(false) };
        let made = |table: &str| format!("NOT EXISTS (SELECT FROM pg_catalog.{table} c WHERE c.xmin = t.xid)");
        let made = ["pg_class", "pg_attribute", "pg_type", "pg_depend", "pg_enum", "pg_publication_rel"].map(made);
        let rows = session.sql.query(&format!(
            "SELECT EXISTS (SELECT FROM (SELECT (x & 4294967295)::text::xid AS xid \
               FROM pg_catalog.generate_series({}::bigint, {}::bigint) x WHERE pg_catalog.txid_status(x) = 'committed') t \
             WHERE {}) AND {ALONE}",
            taken.start,
            taken.end - 1,
            made.join(" AND ")
        ));
        Ok(session.sql_result(rows)?.first().is_some_and(|row| row.flag(0)))
    }
}

/// The ids from `next` to before `xid`, the last ones where they are many; none when there are none. Ids wrap around, and
/// the one that arrives may have been given out before.
fn between(next: u64, xid: u32) -> Option<std::ops::Range<u64>> {
    let ahead = u64::try_from(i64::from(xid.wrapping_sub(next as u32).cast_signed())).ok().filter(|n| *n > 0)?;
    let end = next + ahead;
    Some(next.max(end.saturating_sub(OTHERS_LOOKED_AT))..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_between_the_beginning_and_a_transaction_are_counted_across_the_wrap() {
        assert_eq!(between(100, 100), None);
        assert_eq!(between(100, 99), None, "it was open at the beginning");
        assert_eq!(between(100, 102), Some(100..102));
        assert_eq!(between(0x1_FFFF_FFFF, 3), Some(0x1_FFFF_FFFF..0x2_0000_0003));
        let far = between(100, 1_000_000).unwrap();
        assert_eq!((far.end, far.end - far.start), (1_000_000, OTHERS_LOOKED_AT));
    }
}
