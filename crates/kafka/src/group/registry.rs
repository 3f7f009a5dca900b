//! All groups by name, with their offsets.
//!
//! What changes offsets is decided here and done by the caller in two steps, because it must lie in the journal before it
//! shows: first the question whether it may be, then, when the entry is written, the change itself.

use super::member::joining_bytes;
use super::{
    Answer, Caller, ErrorCode, Group, JoinRefused, JoinRequest, Offset, Offsets, Settings, Snapshot, State, SyncRequest,
};
use crate::limits::{GROUP_NAME_MAX_BYTES, GROUPS_BYTES_MAX, GROUPS_MAX, OFFSETS_BYTES_MAX};
use std::collections::BTreeMap;

/// Answers that have become known.
pub type Answers<W> = Vec<(W, Answer)>;

/// A group with its offsets.
#[derive(Debug)]
pub struct Known<W> {
    /// Its members.
    pub group: Group<W>,
    /// How far it has read.
    pub offsets: Offsets,
    /// The journal's frame that its members were last written with; the caller keeps it, so that an answer may wait.
    pub saved: u64,
    /// The same of its offsets.
    pub written: u64,
    /// Memory that members and offsets were last counted with.
    counted: (usize, usize),
}

/// All groups.
#[derive(Debug)]
pub struct Registry<W> {
    settings: Settings,
    groups: BTreeMap<String, Known<W>>,
    /// Memory that members and offsets of all groups take, about.
    counted: (usize, usize),
}

/// Offsets that nobody will want any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    /// The group.
    pub group: String,
    /// Topics and partitions.
    pub offsets: Vec<(String, i32)>,
    /// The group goes with them.
    pub group_too: bool,
}

impl<W> Registry<W> {
    /// No groups.
    pub fn new(settings: Settings) -> Self {
        Self { settings, groups: BTreeMap::new(), counted: (0, 0) }
    }

    /// A group that was there before the restart.
    pub fn restore(&mut self, name: &str, snapshot: Snapshot, now: u64) {
        self.known(name, now).group = Group::restore(snapshot, self.settings, now);
        self.count_members(name);
    }

    /// A group by name.
    pub fn get(&self, name: &str) -> Option<&Known<W>> {
        self.groups.get(name)
    }

    /// A group by name, to change what is known of it.
    pub fn known_mut(&mut self, name: &str) -> Option<&mut Known<W>> {
        self.groups.get_mut(name)
    }

    fn group_mut(&mut self, name: &str) -> Option<&mut Group<W>> {
        self.groups.get_mut(name).map(|known| &mut known.group)
    }

    /// All groups.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Known<W>)> {
        self.groups.iter().map(|(name, known)| (name.as_str(), known))
    }

    /// See [`Group::join`].
    pub fn join(&mut self, name: &str, waiter: W, request: JoinRequest, now: u64) -> Answers<W> {
        if let Err(error) = self.may_join(name, &request) {
            let refused = JoinRefused { error, member_id: request.member_id };
            return vec![(waiter, Answer::Join(Err(refused)))];
        }
        let group = &mut self.known(name, now).group;
        group.join(waiter, request, now);
        let answers = group.answers();
        self.count_members(name);
        answers
    }

    fn may_join(&self, name: &str, request: &JoinRequest) -> Result<(), ErrorCode> {
        check_name(name)?;
        let Settings { session_timeout_min, session_timeout_max, .. } = self.settings;
        if !(session_timeout_min..=session_timeout_max).contains(&request.session_timeout) {
            return Err(ErrorCode::INVALID_SESSION_TIMEOUT);
        }
        let growth = match self.groups.get(name) {
            Some(known) => known.group.growth(request),
            // Nobody has got this id here.
            None if !request.member_id.is_empty() => return Err(ErrorCode::UNKNOWN_MEMBER_ID),
            None => self.room().map(|()| joining_bytes(request))?,
        };
        if self.counted.0.saturating_add(growth) <= GROUPS_BYTES_MAX {
            Ok(())
        } else {
            Err(ErrorCode::COORDINATOR_NOT_AVAILABLE)
        }
    }

    /// See [`Group::sync`].
    pub fn sync(&mut self, name: &str, waiter: W, request: SyncRequest, now: u64) -> Answers<W> {
        let brought: usize = request.assignments.iter().map(|(_, part)| part.len()).sum();
        let fits = self.counted.0.saturating_add(brought) <= GROUPS_BYTES_MAX;
        let group = match self.member_of(name) {
            Ok(group) if fits => group,
            Ok(_) => return vec![(waiter, Answer::Sync(Err(ErrorCode::COORDINATOR_NOT_AVAILABLE)))],
            Err(error) => return vec![(waiter, Answer::Sync(Err(error)))],
        };
        group.sync(waiter, request, now);
        let answers = group.answers();
        self.count_members(name);
        answers
    }

    /// See [`Group::heartbeat`].
    pub fn heartbeat(&mut self, name: &str, caller: &Caller, now: u64) -> Result<(), ErrorCode> {
        self.member_of(name)?.heartbeat(caller, now)
    }

    /// See [`Group::leave`].
    pub fn leave(
        &mut self,
        name: &str,
        leaving: &[(String, Option<String>)],
        now: u64,
    ) -> (Vec<Result<(), ErrorCode>>, Answers<W>) {
        let done = match self.member_of(name) {
            Ok(group) => (group.leave(leaving, now), group.answers()),
            Err(error) => return (leaving.iter().map(|_| Err(error)).collect(), Vec::new()),
        };
        self.count_members(name);
        done
    }

    /// See [`Group::tick`].
    pub fn tick(&mut self, name: &str, now: u64) -> Answers<W> {
        let Some(group) = self.group_mut(name) else { return Vec::new() };
        group.tick(now);
        let answers = group.answers();
        self.count_members(name);
        answers
    }

    fn member_of(&mut self, name: &str) -> Result<&mut Group<W>, ErrorCode> {
        check_name(name)?;
        self.group_mut(name).ok_or(ErrorCode::UNKNOWN_MEMBER_ID)
    }

    /// Whether offsets of so many bytes may be committed by a group; see [`Group::commit`]. Who is in no group may make a
    /// new one.
    pub fn may_commit(
        &mut self,
        name: &str,
        caller: &Caller,
        in_transaction: bool,
        bytes: usize,
        now: u64,
    ) -> Result<(), ErrorCode> {
        if name.len() > GROUP_NAME_MAX_BYTES {
            return Err(ErrorCode::INVALID_GROUP_ID);
        }
        if self.counted.1.saturating_add(bytes) > OFFSETS_BYTES_MAX {
            return Err(ErrorCode::INVALID_COMMIT_OFFSET_SIZE);
        }
        match self.group_mut(name) {
            Some(group) => group.commit(caller, in_transaction, now),
            None if caller.generation >= 0 => Err(ErrorCode::ILLEGAL_GENERATION),
            None => self.room(),
        }
    }

    /// Offsets are committed, by a group that may be new.
    pub fn committed(&mut self, name: &str, offsets: impl IntoIterator<Item = (String, i32, Offset)>, now: u64) {
        let known = self.known(name, now);
        for (topic, partition, offset) in offsets {
            known.offsets.set(&topic, partition, offset);
        }
        self.count_offsets(name);
    }

    /// Offsets are gone.
    pub fn forgotten<'a>(&mut self, name: &str, offsets: impl IntoIterator<Item = &'a (String, i32)>) {
        let Some(known) = self.groups.get_mut(name) else { return };
        for (topic, partition) in offsets {
            known.offsets.remove(topic, *partition);
        }
        self.count_offsets(name);
    }

    /// An open transaction will commit an offset.
    pub fn held(&mut self, name: &str, topic: &str, partition: i32, producer: i64, now: u64) {
        self.known(name, now).offsets.hold(topic, partition, producer);
    }

    /// The producer's transaction has ended.
    pub fn released(&mut self, name: &str, producer: i64) {
        if let Some(known) = self.groups.get_mut(name) {
            known.offsets.release(producer);
        }
    }

    /// Whether a group may be deleted.
    pub fn may_delete(&self, name: &str) -> Result<&Known<W>, ErrorCode> {
        let known = self.groups.get(name).ok_or(ErrorCode::GROUP_ID_NOT_FOUND)?;
        if known.group.state() == State::Empty { Ok(known) } else { Err(ErrorCode::NON_EMPTY_GROUP) }
    }

    /// A group is deleted, offsets and all.
    pub fn deleted(&mut self, name: &str) {
        if let Some(Known { counted, .. }) = self.groups.remove(name) {
            self.counted = (self.counted.0 - counted.0, self.counted.1 - counted.1);
        }
    }

    /// Whether offsets of a group may be deleted at all; those of a topic that it reads may not.
    pub fn may_delete_offsets(&self, name: &str) -> Result<&Known<W>, ErrorCode> {
        let known = self.groups.get(name).ok_or(ErrorCode::GROUP_ID_NOT_FOUND)?;
        let may = known.group.state() == State::Empty || known.group.is_of_consumers();
        if may { Ok(known) } else { Err(ErrorCode::NON_EMPTY_GROUP) }
    }

    /// Offsets of topics that are gone, by group: nobody may go on with them in another topic of the same name.
    pub fn offsets_of_topics(&self, gone: impl Fn(&str) -> bool) -> Vec<Expired> {
        self.expired_where(|_, topic, _| gone(topic)).filter(|expired| !expired.offsets.is_empty()).collect()
    }

    /// What has expired: offsets of groups that have been empty, or of partitions that nobody in the group has read and
    /// committed, for as long as offsets are kept; and empty groups without any offsets.
    pub fn expired(&self, now: u64) -> Vec<Expired> {
        let expired = |group: &Group<W>, topic: &str, offset: &Offset| {
            let since = match group.protocol_type() {
                // Its clients assign partitions themselves.
                None => offset.committed,
                Some(_) if group.state() == State::Empty => group.emptied().max(offset.committed),
                Some(_) if group.state() == State::Stable && group.is_of_consumers() && !group.reads(topic) => {
                    offset.committed
                }
                Some(_) => return false,
            };
            offset.expires.unwrap_or(since.saturating_add(self.settings.offsets_retention)) <= now
        };
        self.expired_where(expired).filter(|expired| expired.group_too || !expired.offsets.is_empty()).collect()
    }

    fn expired_where(&self, expired: impl Fn(&Group<W>, &str, &Offset) -> bool) -> impl Iterator<Item = Expired> {
        self.groups.iter().map(move |(name, Known { group, offsets, .. })| {
            let gone = offsets.iter().filter(|(topic, partition, offset)| {
                !offsets.is_held(topic, *partition) && expired(group, topic, offset)
            });
            let gone: Vec<_> = gone.map(|(topic, partition, _)| (topic.to_owned(), partition)).collect();
            let group_too = group.is_idle() && gone.len() == offsets.len() && !offsets.holds();
            Expired { group: name.clone(), offsets: gone, group_too }
        })
    }

    /// The group, made when it is not there.
    fn known(&mut self, name: &str, now: u64) -> &mut Known<W> {
        let settings = self.settings;
        self.groups.entry(name.to_owned()).or_insert_with(|| Known {
            group: Group::new(settings, now),
            offsets: Offsets::default(),
            saved: 0,
            written: 0,
            counted: (0, 0),
        })
    }

    /// Counts the memory of a group whose members have changed.
    fn count_members(&mut self, name: &str) {
        let Some(known) = self.groups.get_mut(name) else { return };
        let before = std::mem::replace(&mut known.counted.0, known.group.bytes());
        self.counted.0 = self.counted.0 + known.counted.0 - before;
    }

    /// The same of a group whose offsets have.
    fn count_offsets(&mut self, name: &str) {
        let Some(known) = self.groups.get_mut(name) else { return };
        let before = std::mem::replace(&mut known.counted.1, known.offsets.bytes());
        self.counted.1 = self.counted.1 + known.counted.1 - before;
    }

    /// There may be one group more.
    fn room(&self) -> Result<(), ErrorCode> {
        if self.groups.len() < GROUPS_MAX { Ok(()) } else { Err(ErrorCode::COORDINATOR_NOT_AVAILABLE) }
    }
}

fn check_name(name: &str) -> Result<(), ErrorCode> {
    if name.is_empty() || name.len() > GROUP_NAME_MAX_BYTES { Err(ErrorCode::INVALID_GROUP_ID) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::{Protocol, Synced};
    use crate::limits::GROUP_BYTES_MAX;
    use tailwater_wire::api::consumer::{ConsumerProtocolSubscription, write_member};

    const DAY: u64 = 86_400_000;

    fn registry() -> Registry<u32> {
        Registry::new(Settings::default())
    }

    fn request(id: &str) -> JoinRequest {
        let subscription = ConsumerProtocolSubscription { topics: vec!["orders".into()], ..Default::default() };
        JoinRequest {
            member_id: id.to_owned(),
            instance: None,
            client_id: "a".into(),
            client_host: String::new(),
            protocol_type: "consumer".into(),
            protocols: vec![Protocol { name: "range".into(), metadata: write_member(&subscription).unwrap() }],
            session_timeout: 10_000,
            rebalance_timeout: 10_000,
            unique: "1".into(),
            id_required: false,
            may_skip_assignment: false,
        }
    }

    fn caller(id: &str, generation: i32) -> Caller {
        Caller { id: id.to_owned(), instance: None, generation }
    }

    fn offset(offset: i64, committed: u64) -> Offset {
        Offset { offset, leader_epoch: -1, metadata: String::new(), committed, expires: None }
    }

    fn commit(registry: &mut Registry<u32>, group: &str, topic: &str, at: u64) {
        registry.committed(group, [(topic.to_owned(), 0, offset(7, at))], at);
    }

    /// A group with one member that reads `orders`.
    fn stable(registry: &mut Registry<u32>, now: u64) {
        registry.join("g", 1, request(""), now);
        let sync =
            SyncRequest { member: caller("a-1", 1), protocol_type: None, protocol: None, assignments: Vec::new() };
        let answers = registry.sync("g", 2, sync, now);
        assert!(matches!(&answers[..], [(2, Answer::Sync(Ok(Synced { .. })))]));
    }

    #[test]
    fn names_and_timeouts_have_bounds() {
        let mut registry = registry();
        let refused = |answers: Answers<u32>| match answers.into_iter().next() {
            Some((1, Answer::Join(Err(refused)))) => refused.error,
            other => unreachable!("{other:?}"),
        };
        let long = "x".repeat(GROUP_NAME_MAX_BYTES + 1);
        assert_eq!(refused(registry.join("", 1, request(""), 0)), ErrorCode::INVALID_GROUP_ID);
        assert_eq!(refused(registry.join(&long, 1, request(""), 0)), ErrorCode::INVALID_GROUP_ID);
        for session_timeout in [5_999, 1_800_001] {
            let request = JoinRequest { session_timeout, ..request("") };
            assert_eq!(refused(registry.join("g", 1, request, 0)), ErrorCode::INVALID_SESSION_TIMEOUT);
        }
        assert_eq!(refused(registry.join("g", 1, request("known"), 0)), ErrorCode::UNKNOWN_MEMBER_ID);
        assert_eq!(registry.iter().count(), 0, "nothing is left of what was refused");
    }

    #[test]
    fn a_group_that_is_not_there_has_no_members() {
        let mut registry = registry();
        assert_eq!(registry.heartbeat("g", &caller("a", 1), 0), Err(ErrorCode::UNKNOWN_MEMBER_ID));
        assert_eq!(registry.leave("g", &[("a".into(), None)], 0).0, [Err(ErrorCode::UNKNOWN_MEMBER_ID)]);
        assert_eq!(registry.may_delete("g").unwrap_err(), ErrorCode::GROUP_ID_NOT_FOUND);
        assert_eq!(registry.may_commit("g", &caller("a", 1), false, 1, 0), Err(ErrorCode::ILLEGAL_GENERATION));
        assert_eq!(registry.may_commit("g", &caller("", -1), false, 1, 0), Ok(()));
    }

    #[test]
    fn offsets_of_a_group_without_members_expire_after_their_commit() {
        let mut registry = registry();
        commit(&mut registry, "g", "orders", 1_000);
        commit(&mut registry, "g", "users", 2_000);
        assert!(registry.expired(7 * DAY + 999).is_empty());
        let expired = registry.expired(7 * DAY + 1_000);
        let orders = vec![("orders".to_owned(), 0)];
        assert_eq!(expired, [Expired { group: "g".into(), offsets: orders.clone(), group_too: false }]);
        registry.forgotten("g", &orders);
        assert_eq!(registry.get("g").map(|known| known.offsets.len()), Some(1));
        assert!(registry.expired(7 * DAY + 2_000)[0].group_too);
    }

    #[test]
    fn offsets_of_a_group_expire_after_its_last_member_has_gone() {
        let mut registry = registry();
        stable(&mut registry, 0);
        commit(&mut registry, "g", "orders", 0);
        commit(&mut registry, "g", "users", 0);
        registry.heartbeat("g", &caller("a-1", 1), 0).unwrap();
        let unread = vec![("users".to_owned(), 0)];
        let expired = registry.expired(8 * DAY);
        assert_eq!(expired, [Expired { group: "g".into(), offsets: unread.clone(), group_too: false }]);
        registry.forgotten("g", &unread);
        registry.leave("g", &[("a-1".into(), None)], 8 * DAY);
        assert!(registry.expired(15 * DAY - 1).is_empty());
        assert!(registry.expired(15 * DAY)[0].group_too);
    }

    #[test]
    fn a_client_may_say_itself_when_an_offset_expires() {
        let mut registry = registry();
        registry.committed("g", [("orders".to_owned(), 0, Offset { expires: Some(500), ..offset(7, 0) })], 0);
        assert!(registry.expired(499).is_empty());
        assert_eq!(registry.expired(500).len(), 1);
    }

    #[test]
    fn what_a_transaction_holds_does_not_expire() {
        let mut registry = registry();
        commit(&mut registry, "g", "orders", 0);
        registry.held("g", "orders", 0, 42, 0);
        registry.held("h", "orders", 0, 42, 0);
        assert!(registry.get("g").unwrap().offsets.is_held("orders", 0));
        assert!(registry.expired(9 * DAY).is_empty());
        registry.released("g", 42);
        registry.released("h", 42);
        assert!(!registry.get("g").unwrap().offsets.is_held("orders", 0));
        assert_eq!(registry.expired(9 * DAY).len(), 2);
    }

    #[test]
    fn a_group_with_members_is_not_deleted_nor_what_it_reads() {
        let mut registry = registry();
        stable(&mut registry, 0);
        assert_eq!(registry.may_delete("g").unwrap_err(), ErrorCode::NON_EMPTY_GROUP);
        let group = &registry.may_delete_offsets("g").unwrap().group;
        assert!(group.reads("orders") && !group.reads("users"));
        registry.leave("g", &[("a-1".into(), None)], 0);
        assert!(!registry.may_delete_offsets("g").unwrap().group.reads("orders"));
        assert!(registry.may_delete("g").is_ok());
        registry.deleted("g");
        assert!(registry.get("g").is_none());
    }

    #[test]
    fn offsets_go_with_their_topic() {
        let mut registry = registry();
        commit(&mut registry, "g", "orders", 0);
        commit(&mut registry, "g", "users", 0);
        commit(&mut registry, "h", "users", 0);
        let gone = registry.offsets_of_topics(|topic| topic == "orders");
        assert_eq!(gone.iter().map(|gone| gone.group.as_str()).collect::<Vec<_>>(), ["g"]);
        assert_eq!(gone[0].offsets, [("orders".to_owned(), 0)]);
    }

    #[test]
    fn the_number_of_groups_is_bounded() {
        let mut registry = registry();
        for number in 0..GROUPS_MAX {
            commit(&mut registry, &number.to_string(), "orders", 0);
        }
        assert_eq!(
            registry.may_commit("more", &caller("", -1), false, 1, 0),
            Err(ErrorCode::COORDINATOR_NOT_AVAILABLE)
        );
        assert_eq!(registry.may_commit("7", &caller("", -1), false, 1, 0), Ok(()));
    }

    #[test]
    fn memory_is_counted_and_bounded() {
        let mut registry = registry();
        stable(&mut registry, 0);
        commit(&mut registry, "g", "orders", 0);
        let (members, offsets) = registry.counted;
        assert!(members > 0 && offsets > 0);
        for group in 0..=GROUPS_BYTES_MAX / GROUP_BYTES_MAX {
            let metadata = bytes::Bytes::from(vec![0; GROUP_BYTES_MAX - 100]);
            let large = JoinRequest { protocols: vec![Protocol { name: "x".into(), metadata }], ..request("") };
            registry.join(&format!("large{group}"), 1, large, 0);
        }
        let all = registry.counted.0;
        assert!(all <= GROUPS_BYTES_MAX && all > GROUPS_BYTES_MAX - 2 * GROUP_BYTES_MAX, "{all}");
        for name in registry.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>() {
            registry.tick(&name, 1_000_000_000);
        }
        commit(&mut registry, "g", "orders", 0);
        assert_eq!(registry.counted, (0, offsets), "one for another");
        let room = OFFSETS_BYTES_MAX - offsets;
        assert!(registry.may_commit("g", &caller("", -1), false, room, 0).is_ok());
        let more = registry.may_commit("g", &caller("", -1), false, room + 1, 0);
        assert_eq!(more, Err(ErrorCode::INVALID_COMMIT_OFFSET_SIZE));
        registry.deleted("g");
        assert_eq!(registry.counted, (0, 0));
    }

    #[test]
    fn an_offset_reads_as_it_was_written() {
        let all = Offset { offset: 7, leader_epoch: 3, metadata: "\u{0} \"é".into(), committed: 9, expires: Some(11) };
        for offset in [all, offset(0, 0)] {
            let text = serde_json::to_vec(&offset).unwrap();
            assert_eq!(serde_json::from_slice::<Offset>(&text).unwrap(), offset);
        }
    }
}
