//! Joining, and the way from one generation to the next.

use super::*;

#[test]
fn a_new_member_comes_back_with_the_id_that_it_is_given() {
    let mut bed = Bed::new();
    let waiter = bed.join(first("a"));
    assert_eq!(*bed.joined(waiter), Err(JoinRefused { error: ErrorCode::MEMBER_ID_REQUIRED, member_id: "a-1".into() }));
    assert!(!bed.group.is_idle());
    let waiter = bed.join(again("a-1"));
    let joined = bed.is_in(waiter);
    assert_eq!((joined.generation, joined.leader.as_str(), joined.member_id.as_str()), (1, "a-1", "a-1"));
    assert_eq!((joined.protocol_type.as_deref(), joined.protocol.as_deref()), (Some("consumer"), Some("range")));
    let metadata = Bytes::from_static(b"topics");
    assert_eq!(joined.members, [JoinedMember { id: "a-1".into(), instance: None, metadata }]);
    let waiter = bed.sync("a-1", 1, &[("a-1", "all")]);
    assert_eq!(bed.synced(waiter).unwrap(), "all");
    assert_eq!(bed.group.state(), State::Stable);
}

#[test]
fn an_id_that_nobody_comes_back_with_is_forgotten() {
    let mut bed = Bed::new();
    bed.join(first("a"));
    bed.pass(9_999);
    assert!(!bed.group.is_idle());
    bed.pass(1);
    assert!(bed.group.is_idle());
    let waiter = bed.join(again("a-1"));
    assert_eq!(bed.refused(waiter), ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn old_clients_are_in_at_once() {
    let mut bed = Bed::new();
    let waiter = bed.join(old("a"));
    assert_eq!(bed.is_in(waiter).member_id, "a-1");
}

#[test]
fn a_second_member_makes_the_first_join_again() {
    let mut bed = Bed::new();
    bed.stable(&["a"]);
    let second = bed.join(old("b"));
    assert!(bed.waits(second));
    assert_eq!(bed.heartbeat("a-1", 1), Err(ErrorCode::REBALANCE_IN_PROGRESS));
    let first = bed.join(again("a-1"));
    assert_eq!(bed.is_in(first).generation, 2);
    assert_eq!(bed.is_in(first).members.len(), 2);
    assert_eq!(bed.is_in(second).leader, "a-1");
    assert!(bed.is_in(second).members.is_empty(), "only the leader sees the members");
    let second = bed.sync("b-1", 2, &[]);
    assert!(bed.waits(second));
    let first = bed.sync("a-1", 2, &[("a-1", "left"), ("b-1", "right")]);
    assert_eq!((bed.synced(first), bed.synced(second)), (Ok("left".into()), Ok("right".into())));
    // One that has missed its answer asks again.
    let second = bed.sync("b-1", 2, &[]);
    assert_eq!(bed.synced(second), Ok("right".into()));
}

#[test]
fn a_member_on_the_way_is_waited_for() {
    let mut bed = Bed::new();
    bed.stable(&["a", "b"]);
    bed.join(first("c"));
    assert_eq!(bed.heartbeat("a-1", 2), Ok(()), "an id alone disturbs nobody");
    bed.leave("b-1").unwrap();
    let a = bed.join(again("a-1"));
    assert!(bed.waits(a));
    let c = bed.join(again("c-1"));
    assert_eq!((bed.is_in(a).generation, bed.is_in(c).generation), (3, 3));
}

#[test]
fn a_member_that_does_not_come_after_all_is_waited_for_no_longer() {
    let mut bed = Bed::new();
    bed.stable(&["a", "b"]);
    bed.join(first("c"));
    bed.leave("b-1").unwrap();
    let a = bed.join(again("a-1"));
    bed.pass(10_000);
    assert_eq!(bed.is_in(a).generation, 3);
}

#[test]
fn who_does_not_join_in_time_is_out() {
    let mut bed = Bed::new();
    bed.stable(&["a", "b"]);
    let c = bed.join(old("c"));
    let b = bed.join(again("b-1"));
    for _ in 0..11 {
        bed.pass(5_000);
        assert_eq!(bed.heartbeat("a-1", 2), Err(ErrorCode::REBALANCE_IN_PROGRESS));
    }
    assert!(bed.waits(b));
    bed.pass(5_000);
    assert_eq!(bed.is_in(b).leader, "b-1", "the leader was late, so another leads");
    assert_eq!(bed.is_in(b).members.len(), 2);
    assert_eq!(bed.is_in(c).generation, 3);
    assert_eq!(bed.heartbeat("a-1", 2), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    let a = bed.join(again("a-1"));
    assert_eq!(bed.refused(a), ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn who_never_fetches_its_part_is_out() {
    let mut bed = Bed::new();
    bed.stable(&["a", "b"]);
    let (c, a, b) = (bed.join(old("c")), bed.join(again("a-1")), bed.join(again("b-1")));
    assert_eq!([a, b, c].map(|waiter| bed.is_in(waiter).generation), [3; 3]);
    bed.sync("a-1", 3, &[]);
    bed.sync("b-1", 3, &[]);
    for _ in 0..12 {
        assert_eq!([bed.heartbeat("a-1", 3), bed.heartbeat("b-1", 3), bed.heartbeat("c-1", 3)], [Ok(()); 3]);
        bed.pass(5_000);
    }
    assert_eq!(bed.heartbeat("c-1", 3), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    assert_eq!(bed.heartbeat("b-1", 3), Err(ErrorCode::REBALANCE_IN_PROGRESS));
}

#[test]
fn a_leader_that_never_assigns_is_out_and_the_others_begin_again() {
    let mut bed = Bed::new();
    bed.stable(&["a"]);
    let (b, a) = (bed.join(old("b")), bed.join(again("a-1")));
    assert_eq!((bed.is_in(a).generation, bed.is_in(b).generation), (2, 2));
    let b = bed.sync("b-1", 2, &[]);
    bed.pass(10_000);
    assert_eq!(bed.synced(b), Err(ErrorCode::REBALANCE_IN_PROGRESS));
    assert_eq!(bed.heartbeat("a-1", 2), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    let b = bed.join(again("b-1"));
    assert_eq!((bed.is_in(b).generation, bed.is_in(b).leader.as_str()), (3, "b-1"));
}

#[test]
fn a_follower_that_joins_again_unchanged_disturbs_nobody() {
    let mut bed = Bed::new();
    bed.stable(&["a", "b"]);
    let b = bed.join(again("b-1"));
    assert_eq!((bed.is_in(b).generation, bed.is_in(b).leader.as_str()), (2, "a-1"));
    assert_eq!(bed.group.state(), State::Stable);
}

#[test]
fn a_leader_that_joins_again_begins_a_rebalance() {
    let mut bed = Bed::new();
    bed.stable(&["a", "b"]);
    let a = bed.join(again("a-1"));
    assert!(bed.waits(a));
    assert_eq!(bed.heartbeat("b-1", 2), Err(ErrorCode::REBALANCE_IN_PROGRESS));
}

#[test]
fn a_changed_subscription_begins_a_rebalance() {
    let mut bed = Bed::new();
    bed.stable(&["a", "b"]);
    bed.join(JoinRequest { protocols: protocols(&[("range", "other topics")]), ..again("b-1") });
    assert_eq!(bed.heartbeat("a-1", 2), Err(ErrorCode::REBALANCE_IN_PROGRESS));
    let a = bed.join(again("a-1"));
    assert_eq!(bed.is_in(a).members[1].metadata, "other topics");
}

#[test]
fn who_missed_the_answer_to_a_join_gets_it_again() {
    let mut bed = Bed::new();
    bed.stable(&["a"]);
    bed.join(old("b"));
    bed.join(again("a-1"));
    let (a, b) = (bed.join(again("a-1")), bed.join(again("b-1")));
    assert_eq!((bed.is_in(a).generation, bed.is_in(a).members.len()), (2, 2));
    assert_eq!((bed.is_in(b).generation, bed.is_in(b).members.len()), (2, 0));
    let b = bed.sync("b-1", 2, &[]);
    bed.join(JoinRequest { protocols: protocols(&[("range", "other")]), ..again("a-1") });
    assert_eq!(bed.synced(b), Err(ErrorCode::REBALANCE_IN_PROGRESS));
}

#[test]
fn who_asks_twice_hears_twice() {
    let mut bed = Bed::new();
    bed.stable(&["a", "b"]);
    let (earlier, later) = (bed.join(again("a-1")), bed.join(again("a-1")));
    assert_eq!(bed.refused(earlier), ErrorCode::REBALANCE_IN_PROGRESS);
    bed.join(again("b-1"));
    assert_eq!(bed.is_in(later).generation, 3);
    let (earlier, later) = (bed.sync("b-1", 3, &[]), bed.sync("b-1", 3, &[]));
    assert_eq!(bed.synced(earlier), Err(ErrorCode::REBALANCE_IN_PROGRESS));
    assert!(bed.waits(later));
}

#[test]
fn members_vote_for_a_protocol_that_all_know() {
    let mut bed = Bed::new();
    bed.join(JoinRequest { protocols: protocols(&[("x", ""), ("sticky", ""), ("range", "")]), ..old("a") });
    let with = |name: &str, of: &[(&str, &'static str)]| JoinRequest { protocols: protocols(of), ..old(name) };
    let b = bed.join(with("b", &[("range", "b"), ("sticky", "")]));
    let c = bed.join(with("c", &[("range", "c"), ("sticky", "")]));
    bed.join(JoinRequest { protocols: protocols(&[("x", ""), ("sticky", ""), ("range", "")]), ..again("a-1") });
    assert_eq!(bed.is_in(b).protocol.as_deref(), Some("range"));
    assert_eq!(bed.is_in(c).protocol.as_deref(), Some("range"));
}

#[test]
fn a_member_that_does_not_go_with_the_others_is_refused() {
    let mut bed = Bed::new();
    let none = bed.join(JoinRequest { protocols: Vec::new(), ..old("a") });
    let no_kind = bed.join(JoinRequest { protocol_type: String::new(), ..old("a") });
    bed.stable(&["a"]);
    let kind = bed.join(JoinRequest { protocol_type: "connect".into(), ..old("b") });
    let protocol = bed.join(JoinRequest { protocols: protocols(&[("sticky", "")]), ..old("b") });
    for waiter in [none, no_kind, kind, protocol] {
        assert_eq!(bed.refused(waiter), ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
    }
    assert_eq!(bed.group.state(), State::Stable);
    let request = |protocol_type: Option<&str>, protocol: Option<&str>| SyncRequest {
        member: caller("a-1", 1),
        protocol_type: protocol_type.map(str::to_owned),
        protocol: protocol.map(str::to_owned),
        assignments: Vec::new(),
    };
    for (waiter, wrong) in [(91, request(Some("connect"), None)), (92, request(None, Some("sticky")))] {
        bed.group.sync(waiter, wrong, bed.now);
        bed.collect();
        assert_eq!(bed.synced(waiter), Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL));
    }
    bed.group.sync(93, request(Some("consumer"), Some("range")), bed.now);
    bed.collect();
    assert!(bed.synced(93).is_ok());
}

#[test]
fn an_empty_group_waits_for_more_members_when_told_to() {
    let mut bed = Bed::with(Settings { initial_rebalance_delay: 3_000, ..Settings::default() });
    let a = bed.join(old("a"));
    bed.pass(2_000);
    let b = bed.join(old("b"));
    bed.pass(1_000);
    assert!(bed.waits(a), "another has come, so it waits once more");
    bed.pass(3_000);
    assert_eq!((bed.is_in(a).generation, bed.is_in(b).generation), (1, 1));
}

#[test]
fn an_empty_group_waits_for_more_members_no_longer_than_a_rebalance() {
    let mut bed = Bed::with(Settings { initial_rebalance_delay: 25_000, ..Settings::default() });
    let a = bed.join(old("a"));
    for name in ["b", "c"] {
        bed.pass(20_000);
        bed.join(old(name));
    }
    bed.pass(20_000);
    assert_eq!(bed.is_in(a).generation, 1);
}

#[test]
fn a_group_takes_no_more_members_than_it_may() {
    let mut bed = Bed::with(Settings { members_max: 2, ..Settings::default() });
    bed.stable(&["a", "b"]);
    let c = bed.join(old("c"));
    assert_eq!(*bed.joined(c), Err(JoinRefused { error: ErrorCode::GROUP_MAX_SIZE_REACHED, member_id: String::new() }));
    let b = bed.join(again("b-1"));
    assert_eq!(bed.is_in(b).generation, 2);
    // While they join, those who are there first stay.
    bed.join(again("a-1"));
    bed.pass(1);
    assert_eq!(bed.group.state(), State::PreparingRebalance);
    bed.join(old("c"));
    let b = bed.join(again("b-1"));
    assert_eq!(bed.refused(b), ErrorCode::GROUP_MAX_SIZE_REACHED);
}

#[test]
fn ids_that_nobody_uses_do_not_fill_memory() {
    let mut bed = Bed::with(Settings { members_max: 2, ..Settings::default() });
    let answers = [first("a"), first("b"), first("c")].map(|request| bed.join(request));
    assert_eq!(
        answers.map(|waiter| bed.refused(waiter)),
        [ErrorCode::MEMBER_ID_REQUIRED, ErrorCode::MEMBER_ID_REQUIRED, ErrorCode::GROUP_MAX_SIZE_REACHED]
    );
}

#[test]
fn what_members_tell_together_is_bounded() {
    let mut bed = Bed::new();
    let large = |name: &str, size: usize| JoinRequest {
        protocols: vec![Protocol { name: "range".into(), metadata: Bytes::from(vec![0; size]) }],
        ..old(name)
    };
    bed.join(large("a", crate::limits::GROUP_BYTES_MAX / 2));
    let b = bed.join(large("b", crate::limits::GROUP_BYTES_MAX / 2));
    assert_eq!(bed.refused(b), ErrorCode::GROUP_MAX_SIZE_REACHED);
    let b = bed.join(large("b", 100));
    assert!(bed.waits(b));
}
