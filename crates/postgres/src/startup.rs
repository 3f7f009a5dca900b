//! How a run begins: what the journal says is compared with what the server says, before anything is streamed.
//!
//! Design invariant 6: anything but "slot at or before what is durable, same system, same timeline or a descendant that
//! forked at or after it" stops with a code. [`decide`] is pure; the table of its tests is the specification.

use tailwater_connector::Problem;
use tailwater_event::Lsn;

use crate::position::Position;
use crate::settings::SnapshotMode;
use crate::slot::Slot;
use crate::sql;
use crate::state::State;

/// The server as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// `IDENTIFY_SYSTEM`'s system identifier.
    pub system_id: String,
    /// Its timeline.
    pub timeline: u32,
    /// Where the timeline of our position ended, when the server is on a later one that descends from it.
    pub fork: Option<u64>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Make the slot, then read what the mode says.
    Fresh {
        /// A slot of ours that never streamed, or that cannot go on, has to go first.
        drop_slot: bool,
    },
    /// Go on from here.
    Resume(Position),
    /// Read existing rows, then end.
    SnapshotOnly,
    /// Everything was done in an earlier run.
    Finished,
}

/// What is known of the slot that the configuration names.
pub(crate) struct Facts<'a> {
    /// `snapshot.mode`.
    pub mode: SnapshotMode,
    /// `slot.name`.
    pub slot_name: &'a str,
    /// `database.dbname`.
    pub database: &'a str,
    /// The connector's entries.
    pub state: &'a State,
    /// What is durable.
    pub position: Option<Position>,
    /// The slot on the server.
    pub slot: Option<&'a Slot>,
    /// The server.
    pub server: &'a Server,
}

/// Compares and decides.
pub(crate) fn decide(facts: &Facts<'_>) -> Result<Start, Problem> {
    if facts.mode == SnapshotMode::InitialOnly {
        return match &facts.state.snapshot {
            Some(done) if done.system_id == facts.server.system_id => Ok(Start::Finished),
            Some(_) => Err(other_database(facts)),
            None => Ok(Start::SnapshotOnly),
        };
    }
    let Some(entry) = &facts.state.slot else {
        return match facts.slot {
            Some(_) => Err(foreign_slot(facts)),
            None => Ok(Start::Fresh { drop_slot: false }),
        };
    };
    if entry.system_id != facts.server.system_id {
        return Err(other_database(facts));
    }
    if entry.name != facts.slot_name {
        return Err(renamed_slot(facts, &entry.name));
    }
    let Some(consistent_point) = entry.consistent_point() else {
        // Only the intent is recorded: a slot of that name is ours and nothing was read from it.
        return Ok(Start::Fresh { drop_slot: facts.slot.is_some() });
    };
    let position = facts.position.unwrap_or(Position { lsn: consistent_point, last_commit: 0 });
    match compare_slot(facts, position) {
        Ok(()) => {}
        Err(problem) if facts.mode == SnapshotMode::WhenNeeded && is_gap(&problem) => {
            return Ok(Start::Fresh { drop_slot: facts.slot.is_some() });
        }
        Err(problem) => return Err(problem),
    }
    compare_timeline(facts, entry.timeline, position)?;
    Ok(Start::Resume(position))
}

fn compare_slot(facts: &Facts<'_>, position: Position) -> Result<(), Problem> {
    let Some(slot) = facts.slot else { return Err(missing_slot(facts, position)) };
    if let Some(problem) = slot.unusable(facts.database) {
        return Err(problem);
    }
    match slot.confirmed_flush_lsn {
        Some(confirmed) if confirmed.0 <= position.lsn => Ok(()),
        Some(confirmed) => Err(slot_ahead(facts, position, confirmed)),
        None => Err(Problem::retry(
            "SLOT_IN_USE",
            format!("slot \"{}\" is just being made by someone else", facts.slot_name),
            "Wait, or choose another 'slot.name'.",
        )),
    }
}

/// The problems that a new snapshot mends.
fn is_gap(problem: &Problem) -> bool {
    matches!(problem.code.as_str(), "SLOT_MISSING" | "SLOT_AHEAD" | "SLOT_LOST")
}

fn compare_timeline(facts: &Facts<'_>, ours: u32, position: Position) -> Result<(), Problem> {
    let server = facts.server;
    if server.timeline == ours || server.fork.is_some_and(|fork| server.timeline > ours && fork >= position.lsn) {
        return Ok(());
    }
    let cause = match server.fork {
        _ if server.timeline < ours => format!(
            "the server is on timeline {}, an older one than the {ours} that was followed: a former primary came back",
            server.timeline
        ),
        Some(fork) => format!(
            "the server's timeline {} left ours at {}, before {}, up to which changes were captured: some captured \
             transactions do not exist on this server",
            server.timeline,
            Lsn(fork),
            Lsn(position.lsn)
        ),
        None => format!("the server's timeline {} does not descend from timeline {ours}", server.timeline),
    };
    Err(Problem::stop("DIVERGED", cause, start_over(facts.slot.map(|_| facts.slot_name))))
}

fn missing_slot(facts: &Facts<'_>, position: Position) -> Problem {
    Problem::stop(
        "SLOT_MISSING",
        format!(
            "slot \"{}\" is gone; changes after {} can no longer be read in full",
            facts.slot_name,
            Lsn(position.lsn)
        ),
        start_over(None),
    )
}

fn slot_ahead(facts: &Facts<'_>, position: Position, confirmed: Lsn) -> Problem {
    Problem::stop(
        "SLOT_AHEAD",
        format!(
            "slot \"{}\" stands at {confirmed}, beyond {}, up to which changes were captured: it was made anew, moved by \
             hand or read by someone else, or this data directory is an old copy; going on would skip changes",
            facts.slot_name,
            Lsn(position.lsn)
        ),
        start_over(Some(facts.slot_name)),
    )
}

fn foreign_slot(facts: &Facts<'_>) -> Problem {
    Problem::stop(
        "SLOT_FOREIGN",
        format!(
            "slot \"{}\" exists on the server, but no position for it is stored here: it belongs to another program or to \
             another data directory, and starting at its position would leave out what came before",
            facts.slot_name
        ),
        format!(
            "Choose another 'slot.name', or, when nobody uses it any more: SELECT pg_drop_replication_slot({});",
            sql::literal(facts.slot_name)
        ),
    )
}

fn renamed_slot(facts: &Facts<'_>, old: &str) -> Problem {
    Problem::stop(
        "SLOT_RENAMED",
        format!("the stored position belongs to slot \"{old}\", but 'slot.name' now says \"{}\"", facts.slot_name),
        format!("Set \"slot.name\": \"{old}\" again, or use another connector name to start anew."),
    )
}

fn other_database(facts: &Facts<'_>) -> Problem {
    Problem::stop(
        "OTHER_DATABASE",
        format!(
            "the server behind this address is another one than before (system identifier {})",
            facts.server.system_id
        ),
        "Point 'database.hostname' and 'database.port' at the former server, or use another connector name to capture \
         this one from the start.",
    )
}

/// How to read everything again, once a slot is dropped.
pub(crate) fn start_over(slot: Option<&str>) -> String {
    let drop = slot
        .map_or_else(String::new, |slot| format!("SELECT pg_drop_replication_slot({}); -- then ", sql::literal(slot)));
    format!(
        "{drop}set \"snapshot.mode\": \"when_needed\" and restart to read all tables again, or use another connector name"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{SlotEntry, SnapshotEntry};

    fn server() -> Server {
        Server { system_id: "1".into(), timeline: 3, fork: None }
    }

    fn slot(confirmed: u64) -> Slot {
        Slot {
            name: "s".into(),
            plugin: Some("pgoutput".into()),
            database: Some("d".into()),
            confirmed_flush_lsn: Some(Lsn(confirmed)),
            ..Slot::default()
        }
    }

    fn state(consistent_point: Option<u64>) -> State {
        State {
            slot: Some(SlotEntry {
                name: "s".into(),
                system_id: "1".into(),
                timeline: 3,
                consistent_point: consistent_point.map(|lsn| Lsn(lsn).to_string()),
                next_xid: None,
            }),
            ..State::default()
        }
    }

    fn at(lsn: u64) -> Option<Position> {
        Some(Position { lsn, last_commit: lsn })
    }

    fn run(
        mode: SnapshotMode,
        state: &State,
        position: Option<Position>,
        slot: Option<Slot>,
        server: &Server,
    ) -> Result<Start, String> {
        let slot = slot.as_ref();
        decide(&Facts { mode, slot_name: "s", database: "d", state, position, slot, server }).map_err(|p| {
            assert!(!p.remedy.is_empty());
            p.code
        })
    }

    #[test]
    fn without_memory_a_slot_is_made_and_a_slot_that_exists_is_refused() {
        let empty = State::default();
        let start = |slot| run(SnapshotMode::Initial, &empty, None, slot, &server());
        assert_eq!(start(None), Ok(Start::Fresh { drop_slot: false }));
        assert_eq!(start(Some(slot(5))), Err("SLOT_FOREIGN".into()));
    }

    #[test]
    fn an_intent_proves_that_the_slot_is_ours_and_unread() {
        let intent = state(None);
        let start = |slot| run(SnapshotMode::Initial, &intent, None, slot, &server());
        assert_eq!(start(Some(slot(5))), Ok(Start::Fresh { drop_slot: true }));
        assert_eq!(start(None), Ok(Start::Fresh { drop_slot: false }));
    }

    #[test]
    fn the_slot_may_be_behind_or_equal_but_not_ahead_or_gone() {
        let known = state(Some(5));
        let start = |mode, slot| run(mode, &known, at(10), slot, &server());
        for confirmed in [5, 10] {
            assert_eq!(
                start(SnapshotMode::Initial, Some(slot(confirmed))),
                Ok(Start::Resume(at(10).unwrap())),
                "{confirmed}"
            );
        }
        let lost = || Slot { wal_status: Some("lost".into()), ..slot(5) };
        let making = || Slot { confirmed_flush_lsn: None, ..slot(5) };
        for mode in [SnapshotMode::Initial, SnapshotMode::NoData, SnapshotMode::Always] {
            assert_eq!(start(mode, Some(slot(11))), Err("SLOT_AHEAD".into()));
            assert_eq!(start(mode, None), Err("SLOT_MISSING".into()));
            assert_eq!(start(mode, Some(lost())), Err("SLOT_LOST".into()));
            assert_eq!(start(mode, Some(making())), Err("SLOT_IN_USE".into()));
        }
        let fresh = |drop_slot| Ok(Start::Fresh { drop_slot });
        assert_eq!(start(SnapshotMode::WhenNeeded, Some(slot(11))), fresh(true));
        assert_eq!(start(SnapshotMode::WhenNeeded, None), fresh(false));
        assert_eq!(start(SnapshotMode::WhenNeeded, Some(lost())), fresh(true));
    }

    #[test]
    fn a_crash_before_the_first_position_resumes_at_the_consistent_point() {
        let start = run(SnapshotMode::Initial, &state(Some(5)), None, Some(slot(5)), &server());
        assert_eq!(start, Ok(Start::Resume(Position { lsn: 5, last_commit: 0 })));
    }

    #[test]
    fn another_server_or_another_slot_name_stops_in_every_mode() {
        let other = Server { system_id: "2".into(), ..server() };
        for mode in [SnapshotMode::Initial, SnapshotMode::WhenNeeded, SnapshotMode::Always] {
            assert_eq!(run(mode, &state(Some(5)), at(10), Some(slot(5)), &other), Err("OTHER_DATABASE".into()));
        }
        let mut renamed = state(Some(5));
        renamed.slot.as_mut().unwrap().name = "old".into();
        assert_eq!(
            run(SnapshotMode::WhenNeeded, &renamed, at(10), Some(slot(5)), &server()),
            Err("SLOT_RENAMED".into())
        );
    }

    #[test]
    fn a_later_timeline_goes_on_only_when_it_left_ours_at_or_after_what_is_durable() {
        let start = |timeline, fork| {
            let server = Server { timeline, fork, ..server() };
            run(SnapshotMode::Initial, &state(Some(5)), at(10), Some(slot(5)), &server)
        };
        assert_eq!(start(4, Some(10)), Ok(Start::Resume(at(10).unwrap())));
        assert_eq!(start(4, Some(9)), Err("DIVERGED".into()));
        assert_eq!(start(4, None), Err("DIVERGED".into()));
        assert_eq!(start(2, None), Err("DIVERGED".into()));
    }

    #[test]
    fn initial_only_reads_once_and_keeps_no_slot() {
        let start = |state: &State| run(SnapshotMode::InitialOnly, state, None, None, &server());
        assert_eq!(start(&State::default()), Ok(Start::SnapshotOnly));
        let done = |system_id: &str| State {
            snapshot: Some(SnapshotEntry { system_id: system_id.into() }),
            ..State::default()
        };
        assert_eq!(start(&done("1")), Ok(Start::Finished));
        assert_eq!(start(&done("2")), Err("OTHER_DATABASE".into()));
    }
}
