//! Staying in a group, leaving it, committing, and coming back after a restart.

use super::*;

#[test]
fn silence_is_noticed() {
    let mut bed = Bed::new();
    bed.stable(&["a", "b"]);
    bed.pass(9_999);
    assert_eq!(bed.heartbeat("a-1", 2), Ok(()));
    bed.pass(1);
    assert_eq!(bed.heartbeat("b-1", 2), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    assert_eq!(bed.heartbeat("a-1", 2), Err(ErrorCode::REBALANCE_IN_PROGRESS));
}

#[test]
fn who_waits_is_not_silent() {
    let mut bed = Bed::new();
    bed.stable(&["a", "b"]);
    let b = bed.join(JoinRequest { protocols: protocols(&[("range", "new")]), ..again("b-1") });
    for _ in 0..7 {
        bed.pass(8_000);
        assert_eq!(bed.heartbeat("a-1", 2), Err(ErrorCode::REBALANCE_IN_PROGRESS));
    }
    bed.join(again("a-1"));
    assert_eq!(bed.is_in(b).generation, 3);
    let b = bed.sync("b-1", 3, &[]);
    bed.pass(9_000);
    assert_eq!(bed.heartbeat("a-1", 3), Ok(()));
    bed.pass(9_000);
    assert!(bed.waits(b));
    bed.sync("a-1", 3, &[]);
    bed.pass(9_999);
    assert_eq!(bed.heartbeat("b-1", 3), Ok(()), "its time began when it was answered");
}

#[test]
fn a_new_member_that_waits_for_ever_is_gone() {
    let mut bed = Bed::new();
    let patient = |request| JoinRequest { rebalance_timeout: 900_000, ..request };
    bed.join(patient(old("a")));
    bed.sync("a-1", 1, &[]);
    let b = bed.join(patient(old("b")));
    for _ in 0..50 {
        assert!(bed.waits(b));
        bed.pass(6_000);
        assert_eq!(bed.heartbeat("a-1", 1), Err(ErrorCode::REBALANCE_IN_PROGRESS));
    }
    assert_eq!(bed.refused(b), ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn who_is_not_in_this_generation_is_told_so() {
    let mut bed = Bed::new();
    assert_eq!(bed.heartbeat("a-1", 1), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    bed.stable(&["a"]);
    assert_eq!(bed.heartbeat("a-1", 0), Err(ErrorCode::ILLEGAL_GENERATION));
    assert_eq!(bed.heartbeat("x", 1), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    let (old, unknown) = (bed.sync("a-1", 0, &[]), bed.sync("x", 1, &[]));
    assert_eq!(bed.synced(old), Err(ErrorCode::ILLEGAL_GENERATION));
    assert_eq!(bed.synced(unknown), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    bed.join(JoinRequest { protocols: protocols(&[("range", "x")]), ..super::old("b") });
    let late = bed.sync("a-1", 1, &[]);
    assert_eq!(bed.synced(late), Err(ErrorCode::REBALANCE_IN_PROGRESS));
}

#[test]
fn members_leave_in_one_request_and_each_hears_its_result() {
    let mut bed = Bed::new();
    bed.stable(&["a", "b", "c"]);
    bed.join(first("d"));
    let leaving: Vec<_> = ["a-1", "x", "b-1", "d-1"].map(|id| (id.to_owned(), None)).into();
    let results = bed.group.leave(&leaving, bed.now);
    assert_eq!(results, [Ok(()), Err(ErrorCode::UNKNOWN_MEMBER_ID), Ok(()), Ok(())]);
    let c = bed.join(again("c-1"));
    assert_eq!(bed.is_in(c).generation, bed.group.generation());
    assert_eq!(bed.is_in(c).leader, "c-1");
}

#[test]
fn who_is_sent_away_while_it_waits_hears_of_it() {
    let mut bed = Bed::new();
    bed.stable(&["a", "b"]);
    let a = bed.join(again("a-1"));
    bed.leave("a-1").unwrap();
    assert_eq!(bed.refused(a), ErrorCode::UNKNOWN_MEMBER_ID);
    let b = bed.join(again("b-1"));
    assert_eq!(bed.is_in(b).generation, 3);
    let c = bed.join(old("c"));
    let b = bed.join(again("b-1"));
    assert_eq!((bed.is_in(b).generation, bed.is_in(c).generation), (4, 4));
    let c = bed.sync("c-1", 4, &[]);
    bed.leave("c-1").unwrap();
    assert_eq!(bed.synced(c), Err(ErrorCode::UNKNOWN_MEMBER_ID));
}

#[test]
fn the_generation_outlives_the_members() {
    let mut bed = Bed::new();
    bed.stable(&["a", "b"]);
    bed.leave("a-1").unwrap();
    bed.leave("b-1").unwrap();
    assert_eq!((bed.group.state(), bed.group.generation()), (State::Empty, 3));
    assert_eq!((bed.group.protocol_type(), bed.group.protocol()), (Some("consumer"), None));
    assert_eq!(bed.heartbeat("a-1", 2), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    let a = bed.join(JoinRequest { protocol_type: "connect".into(), ..old("a") });
    assert_eq!(bed.is_in(a).generation, 4, "an empty group may become one of another kind");
}

#[test]
fn only_members_commit_while_there_are_any() {
    let mut bed = Bed::new();
    let commit = |bed: &mut Bed, id: &str, generation| bed.group.commit(&caller(id, generation), false, bed.now);
    assert_eq!(commit(&mut bed, "", -1), Ok(()));
    assert_eq!(commit(&mut bed, "x", 3), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    bed.stable(&["a", "b"]);
    assert_eq!(commit(&mut bed, "", -1), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    assert_eq!(commit(&mut bed, "a-1", 1), Err(ErrorCode::ILLEGAL_GENERATION));
    assert_eq!(commit(&mut bed, "a-1", 2), Ok(()));
    bed.join(again("a-1"));
    assert_eq!(commit(&mut bed, "b-1", 2), Ok(()), "before it joins it may still commit");
    bed.join(again("b-1"));
    assert_eq!(commit(&mut bed, "b-1", 3), Err(ErrorCode::REBALANCE_IN_PROGRESS));
    bed.leave("a-1").unwrap();
    bed.leave("b-1").unwrap();
    assert_eq!(commit(&mut bed, "", -1), Ok(()));
}

#[test]
fn in_a_transaction_only_who_says_it_is_a_member_is_checked() {
    let mut bed = Bed::new();
    bed.stable(&["a"]);
    let commit = |bed: &mut Bed, id: &str, generation| bed.group.commit(&caller(id, generation), true, bed.now);
    assert_eq!(commit(&mut bed, "", -1), Ok(()));
    assert_eq!(commit(&mut bed, "a-1", 1), Ok(()));
    assert_eq!(commit(&mut bed, "a-1", 0), Err(ErrorCode::ILLEGAL_GENERATION));
    assert_eq!(commit(&mut bed, "x", 1), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    bed.join(JoinRequest { protocols: protocols(&[("range", "x")]), ..again("a-1") });
    assert_eq!(bed.group.state(), State::CompletingRebalance);
    assert_eq!(commit(&mut bed, "a-1", 2), Ok(()));
}

#[test]
fn a_commit_is_a_sign_of_life() {
    let mut bed = Bed::new();
    bed.stable(&["a"]);
    for _ in 0..3 {
        bed.pass(9_000);
        bed.group.commit(&caller("a-1", 1), false, bed.now).unwrap();
    }
}

#[test]
fn members_notice_nothing_of_a_restart() {
    let mut bed = Bed::new();
    bed.join(fixed("i", "1"));
    let b = bed.join(old("b"));
    let i = bed.join(JoinRequest { instance: Some("i".into()), ..again("i-1") });
    assert_eq!((bed.is_in(i).generation, bed.is_in(b).generation), (2, 2));
    assert!(bed.group.take_unsaved().is_none(), "there is no assignment yet");
    bed.sync("b-1", 2, &[]);
    bed.sync("i-1", 2, &[("b-1", "left"), ("i-1", "right")]);
    let snapshot = bed.group.take_unsaved().unwrap();
    assert!(bed.group.take_unsaved().is_none(), "it was taken");
    let text = serde_json::to_string(&snapshot).unwrap();
    bed.group = Group::restore(serde_json::from_str(&text).unwrap(), Settings::default(), bed.now);
    assert_eq!((bed.group.state(), bed.group.leader()), (State::Stable, Some("i-1")));
    bed.pass(9_999);
    assert_eq!(bed.heartbeat("b-1", 2), Ok(()));
    let b = bed.sync("b-1", 2, &[]);
    assert_eq!(bed.synced(b), Ok("left".into()));
    let fenced = Caller { instance: Some("i".into()), ..caller("other", 2) };
    assert_eq!(bed.group.heartbeat(&fenced, bed.now), Err(ErrorCode::FENCED_INSTANCE_ID));
    bed.pass(1);
    assert_eq!(bed.group.members().len(), 1, "one was not heard of");
}

#[test]
fn an_empty_group_comes_back_with_its_generation() {
    let mut bed = Bed::new();
    bed.stable(&["a"]);
    bed.pass(3_000);
    bed.leave("a-1").unwrap();
    let snapshot = bed.group.take_unsaved().unwrap();
    let group = Group::<u32>::restore(snapshot, Settings::default(), bed.now + 5_000);
    assert_eq!((group.state(), group.generation(), group.emptied), (State::Empty, 2, 4_000));
}

#[test]
fn a_snapshot_that_could_not_be_written_is_taken_again() {
    let mut bed = Bed::new();
    bed.stable(&["a"]);
    let snapshot = bed.group.take_unsaved();
    bed.group.keep_unsaved();
    assert_eq!(bed.group.take_unsaved(), snapshot);
}

#[test]
fn the_next_deadline_is_when_something_happens() {
    let mut bed = Bed::new();
    assert_eq!(bed.group.next_deadline(), None);
    bed.join(first("x"));
    assert_eq!(bed.group.next_deadline(), Some(11_000), "an id that is not used");
    bed.pass(10_000);
    bed.stable(&["a", "b"]);
    assert_eq!(bed.group.next_deadline(), Some(21_000), "silence");
    bed.pass(4_000);
    bed.heartbeat("a-1", 2).unwrap();
    bed.heartbeat("b-1", 2).unwrap();
    assert_eq!(bed.group.next_deadline(), Some(25_000), "silence from then on");
    bed.join(again("a-1"));
    bed.join(JoinRequest { rebalance_timeout: 1_000, ..old("c") });
    assert_eq!(bed.group.next_deadline(), Some(25_000), "silence of the one that has not joined");
}
