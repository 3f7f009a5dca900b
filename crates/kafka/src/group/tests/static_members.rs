//! Members with a `group.instance.id` (KIP-345): a restart of theirs is no rebalance.

use super::*;

/// One static member that leads, and one that follows, both with their parts.
fn two(bed: &mut Bed) {
    bed.join(fixed("i", "1"));
    bed.join(fixed("j", "1"));
    let i = bed.join(JoinRequest { instance: Some("i".into()), ..again("i-1") });
    assert_eq!((bed.is_in(i).generation, bed.is_in(i).leader.as_str()), (2, "i-1"));
    bed.sync("i-1", 2, &[("i-1", "left"), ("j-1", "right")]);
    let j = bed.sync("j-1", 2, &[]);
    assert_eq!(bed.synced(j), Ok("right".into()));
}

fn of(instance: &str, id: &str, generation: i32) -> Caller {
    Caller { instance: Some(instance.into()), ..caller(id, generation) }
}

#[test]
fn a_restart_keeps_the_part() {
    let mut bed = Bed::new();
    two(&mut bed);
    let j = bed.join(fixed("j", "2"));
    let joined = bed.is_in(j);
    assert_eq!((joined.member_id.as_str(), joined.generation, joined.leader.as_str()), ("j-2", 2, "i-1"));
    assert!(!joined.skip_assignment);
    let j = bed.sync("j-2", 2, &[]);
    assert_eq!(bed.synced(j), Ok("right".into()));
    assert_eq!(bed.heartbeat("i-1", 2), Ok(()), "nobody else notices");
    assert!(bed.group.take_unsaved().is_some(), "the new id must survive a restart of ours");
}

#[test]
fn a_restarted_leader_keeps_the_assignment_as_it_is() {
    let mut bed = Bed::new();
    two(&mut bed);
    let i = bed.join(fixed("i", "2"));
    let joined = bed.is_in(i);
    assert_eq!((joined.leader.as_str(), joined.skip_assignment, joined.members.len()), ("i-2", true, 2));
    assert_eq!(bed.group.leader(), Some("i-2"));
}

#[test]
fn a_restarted_leader_of_an_older_client_does_not_assign() {
    let mut bed = Bed::new();
    two(&mut bed);
    let i = bed.join(JoinRequest { may_skip_assignment: false, ..fixed("i", "2") });
    let joined = bed.is_in(i);
    assert_eq!((joined.leader.as_str(), joined.skip_assignment, joined.members.len()), ("i-1", false, 0));
}

#[test]
fn the_one_before_is_fenced() {
    let mut bed = Bed::new();
    two(&mut bed);
    bed.join(fixed("j", "2"));
    assert_eq!(bed.group.heartbeat(&of("j", "j-1", 2), bed.now), Err(ErrorCode::FENCED_INSTANCE_ID));
    assert_eq!(bed.group.commit(&of("j", "j-1", 2), false, bed.now), Err(ErrorCode::FENCED_INSTANCE_ID));
    let j = bed.join(JoinRequest { instance: Some("j".into()), ..again("j-1") });
    assert_eq!(*bed.joined(j), Err(JoinRefused { error: ErrorCode::FENCED_INSTANCE_ID, member_id: "j-1".into() }));
    assert_eq!(bed.heartbeat("j-1", 2), Err(ErrorCode::UNKNOWN_MEMBER_ID), "without its instance it is just unknown");
    let k = bed.join(JoinRequest { instance: Some("k".into()), ..again("j-2") });
    assert_eq!(bed.refused(k), ErrorCode::UNKNOWN_MEMBER_ID);
    let results = bed.group.leave(&[("j-1".into(), Some("j".into()))], bed.now);
    assert_eq!(results, [Err(ErrorCode::FENCED_INSTANCE_ID)]);
}

#[test]
fn who_waits_under_the_old_id_is_fenced() {
    let mut bed = Bed::new();
    two(&mut bed);
    let i = bed.join(JoinRequest { instance: Some("i".into()), ..again("i-1") });
    let later = bed.join(fixed("i", "2"));
    assert_eq!(bed.refused(i), ErrorCode::FENCED_INSTANCE_ID);
    let j = bed.join(JoinRequest { instance: Some("j".into()), ..again("j-1") });
    assert_eq!((bed.is_in(later).generation, bed.is_in(later).leader.as_str()), (3, "i-2"));
    assert_eq!(bed.is_in(j).generation, 3);
    let j = bed.sync("j-1", 3, &[]);
    let later = bed.join(fixed("j", "2"));
    assert_eq!(bed.synced(j), Err(ErrorCode::FENCED_INSTANCE_ID));
    // The leader may have seen the old id, so it begins again.
    assert!(bed.waits(later));
    let late = bed.sync("i-2", 3, &[("j-1", "for nobody")]);
    assert_eq!(bed.synced(late), Err(ErrorCode::REBALANCE_IN_PROGRESS));
}

#[test]
fn another_protocol_is_a_reason_to_rebalance() {
    let mut bed = Bed::new();
    let knows_both = |request| JoinRequest { protocols: protocols(&[("range", ""), ("sticky", "")]), ..request };
    bed.join(knows_both(fixed("i", "1")));
    bed.sync("i-1", 1, &[]);
    let i = bed.join(JoinRequest { protocols: protocols(&[("sticky", "")]), ..fixed("i", "2") });
    assert_eq!((bed.is_in(i).generation, bed.is_in(i).protocol.as_deref()), (2, Some("sticky")));
}

#[test]
fn a_static_member_that_is_late_keeps_its_place_until_its_session_ends() {
    let mut bed = Bed::new();
    let patient = |request| JoinRequest { session_timeout: 100_000, ..request };
    bed.join(patient(fixed("i", "1")));
    bed.sync("i-1", 1, &[]);
    let j = bed.join(patient(fixed("j", "1")));
    bed.pass(60_000);
    assert_eq!((bed.is_in(j).generation, bed.is_in(j).leader.as_str()), (2, "j-1"));
    assert_eq!(bed.is_in(j).members.len(), 2);
    assert_eq!(bed.group.heartbeat(&of("i", "i-1", 1), bed.now), Err(ErrorCode::ILLEGAL_GENERATION));
    bed.pass(40_000);
    assert_eq!(bed.group.members().len(), 1);
}

#[test]
fn a_group_of_static_members_that_are_all_late_waits_on() {
    let mut bed = Bed::new();
    let patient = |request| JoinRequest { session_timeout: 100_000, ..request };
    bed.join(patient(fixed("i", "1")));
    bed.sync("i-1", 1, &[]);
    bed.join(old("b"));
    bed.leave("b-1").unwrap();
    bed.pass(60_000);
    assert_eq!((bed.group.state(), bed.group.generation()), (State::PreparingRebalance, 1));
    let i = bed.join(fixed("i", "2"));
    assert_eq!((bed.is_in(i).generation, bed.is_in(i).member_id.as_str()), (2, "i-2"));
}

#[test]
fn an_administrator_sends_a_static_member_away_by_its_instance() {
    let mut bed = Bed::new();
    two(&mut bed);
    let leaving = [(String::new(), Some("j".to_owned())), (String::new(), Some("x".to_owned()))];
    assert_eq!(bed.group.leave(&leaving, bed.now), [Ok(()), Err(ErrorCode::UNKNOWN_MEMBER_ID)]);
    assert_eq!(bed.group.heartbeat(&of("i", "i-1", 2), bed.now), Err(ErrorCode::REBALANCE_IN_PROGRESS));
    assert_eq!(bed.group.heartbeat(&of("j", "j-1", 2), bed.now), Err(ErrorCode::UNKNOWN_MEMBER_ID));
}
