//! A group: its members, its generation, and how somebody joins it.
//!
//! Rules are those of Kafka's classic protocol (KIP-62, static members KIP-345, known ids KIP-394, skipped assignments
//! KIP-814). What happens between generations is in [`super::rebalance`], what happens within one in
//! [`super::session`].

use super::member::{Member, joining_bytes};
use super::rebalance::Rebalance;
use super::{Answer, Caller, ErrorCode, JoinRefused, JoinRequest, Joined, JoinedMember, Protocol};
use crate::limits::{
    GROUP_BYTES_MAX, GROUP_MEMBERS_MAX, MEMBER_COST_BYTES, MEMBER_ID_STEM_BYTES, OFFSETS_RETENTION_MS,
};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

/// Where a group stands. One that is gone is `Dead` in Kafka's terms; here it is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// No members.
    Empty,
    /// Waits for members to join.
    PreparingRebalance,
    /// All have joined; waits for the leader's assignment.
    CompletingRebalance,
    /// All have their part.
    Stable,
}

impl State {
    /// Kafka's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
        }
    }
}

/// What all groups have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// `group.min.session.timeout.ms`.
    pub session_timeout_min: u64,
    /// `group.max.session.timeout.ms`.
    pub session_timeout_max: u64,
    /// `group.initial.rebalance.delay.ms`: how long an empty group waits for more members than the first.
    pub initial_rebalance_delay: u64,
    /// `group.max.size`.
    pub members_max: usize,
    /// `offsets.retention.minutes`, in milliseconds: how long a group's offsets are kept that nobody uses.
    pub offsets_retention: u64,
}

impl Default for Settings {
    /// Kafka's, but for the initial delay, which is 0 as in its quick start, and a bound of members.
    fn default() -> Self {
        Self {
            session_timeout_min: 6_000,
            session_timeout_max: 1_800_000,
            initial_rebalance_delay: 0,
            members_max: GROUP_MEMBERS_MAX,
            offsets_retention: OFFSETS_RETENTION_MS,
        }
    }
}

/// A group. `W` is who waits for an answer: it is kept while the answer is not known, and comes out of
/// [`Group::answers`] with it. Each comes out exactly once.
#[derive(Debug)]
pub struct Group<W> {
    pub(super) settings: Settings,
    pub(super) state: State,
    pub(super) generation: i32,
    pub(super) protocol_type: Option<String>,
    pub(super) protocol: Option<String>,
    pub(super) leader: Option<String>,
    pub(super) members: BTreeMap<String, Member<W>>,
    /// Member ids by `group.instance.id`.
    pub(super) instances: BTreeMap<String, String>,
    /// Ids given to clients that have not come back with them yet, and when they are forgotten.
    pub(super) pending: BTreeMap<String, u64>,
    /// Members that have not fetched their part of this generation.
    pub(super) unsynced: BTreeSet<String>,
    /// When the members of `unsynced` are gone.
    pub(super) sync_deadline: Option<u64>,
    /// The rebalance, while it is being prepared.
    pub(super) rebalance: Option<Rebalance>,
    /// Since when the group has no members.
    pub(super) emptied: u64,
    /// Topics that the members read, where that could be understood.
    pub(super) topics: Option<BTreeSet<String>>,
    pub(super) answers: Vec<(W, Answer)>,
    /// Something has changed that should survive a restart.
    pub(super) unsaved: bool,
}

impl<W> Group<W> {
    /// A group that nobody has joined yet.
    pub fn new(settings: Settings, now: u64) -> Self {
        Self {
            settings,
            state: State::Empty,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            pending: BTreeMap::new(),
            unsynced: BTreeSet::new(),
            sync_deadline: None,
            rebalance: None,
            emptied: now,
            topics: None,
            answers: Vec::new(),
            unsaved: false,
        }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// The generation: grows with each rebalance, and when the last member goes.
    pub fn generation(&self) -> i32 {
        self.generation
    }

    /// What kind of group it is, as `consumer`; none while only offsets were committed under its name.
    pub fn protocol_type(&self) -> Option<&str> {
        self.protocol_type.as_deref()
    }

    /// The protocol of this generation.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// The member that assigns.
    pub fn leader(&self) -> Option<&str> {
        self.leader.as_deref()
    }

    /// Members by id.
    pub fn members(&self) -> &BTreeMap<String, Member<W>> {
        &self.members
    }

    /// Since when it has no members, if it has none; milliseconds since 1970.
    pub fn emptied(&self) -> u64 {
        self.emptied
    }

    /// Memory that it takes, about.
    pub fn bytes(&self) -> usize {
        let members = self.members.values().map(|member| member.bytes() + MEMBER_COST_BYTES).sum::<usize>();
        members + self.pending.len() * MEMBER_COST_BYTES
    }

    /// What a request to join adds to that.
    pub(super) fn growth(&self, request: &JoinRequest) -> usize {
        let has = self.members.get(&request.member_id).map_or(0, |member| member.bytes() + MEMBER_COST_BYTES);
        (joining_bytes(request) + MEMBER_COST_BYTES).saturating_sub(has)
    }

    /// Nobody is in it, nor on the way.
    pub fn is_idle(&self) -> bool {
        self.state == State::Empty && self.pending.is_empty()
    }

    /// Answers that have become known; the caller passes them on after each call that takes `&mut self`.
    pub fn answers(&mut self) -> Vec<(W, Answer)> {
        std::mem::take(&mut self.answers)
    }

    /// Somebody joins, or says that it is still interested while the others join.
    pub fn join(&mut self, waiter: W, request: JoinRequest, now: u64) {
        if let Err(refused) = self.accept(&request) {
            // An oversized group sheds whom it refuses.
            if self.pending.remove(&request.member_id).is_some() || self.members.contains_key(&request.member_id) {
                self.remove(&request.member_id);
                self.after_removal(now);
            }
            return self.refuse(waiter, refused, "");
        }
        if !self.supports(&request.protocol_type, &request.protocols) {
            let id = request.member_id.clone();
            return self.refuse(waiter, ErrorCode::INCONSISTENT_GROUP_PROTOCOL, &id);
        }
        if request.member_id.is_empty() {
            self.join_new(waiter, request, now)
        } else {
            self.join_known(waiter, request, now)
        }
    }

    fn join_new(&mut self, waiter: W, request: JoinRequest, now: u64) {
        let stem = request.instance.as_deref().unwrap_or(&request.client_id);
        let id = format!("{}-{}", &stem[..stem.floor_char_boundary(MEMBER_ID_STEM_BYTES)], request.unique);
        let known = request.instance.as_ref().and_then(|instance| self.instances.get(instance)).cloned();
        match known {
            Some(old) => self.join_again(waiter, request, old, id, now),
            None if request.instance.is_none() && request.id_required => {
                self.pending.insert(id.clone(), now.saturating_add(request.session_timeout));
                self.refuse(waiter, ErrorCode::MEMBER_ID_REQUIRED, &id);
            }
            None => self.add(waiter, request, id, now),
        }
    }

    fn join_known(&mut self, waiter: W, request: JoinRequest, now: u64) {
        let id = request.member_id.clone();
        if self.pending.contains_key(&id) && request.instance.is_none() {
            return self.add(waiter, request, id, now);
        }
        if let Err(error) = self.check(&id, request.instance.as_deref()) {
            return self.refuse(waiter, error, &id);
        }
        let same = self.members.get(&id).is_some_and(|member| member.protocols == request.protocols);
        let leads = self.leader.as_ref() == Some(&id);
        match self.state {
            // It may have missed the answer to its first request.
            State::CompletingRebalance if same => self.join_current(waiter, &id, leads, now),
            // A leader that joins has seen something that changes the assignment, as a topic with more partitions.
            State::Stable if same && !leads => self.join_current(waiter, &id, false, now),
            _ => {
                self.update(&id, waiter, request);
                self.rebalance_or_complete(now);
            }
        }
    }

    /// A static member is back without its id: it takes the place of the one before.
    fn join_again(&mut self, waiter: W, request: JoinRequest, old: String, id: String, now: u64) {
        let leader_before = self.leader.clone().unwrap_or_default();
        let may_skip = request.may_skip_assignment;
        self.replace(&old, &id, &request, now);
        self.update(&id, waiter, request);
        match self.state {
            // The old id may be in the leader's hands already, and what it brings would be for nobody.
            State::CompletingRebalance => self.prepare(now),
            State::Stable if self.select_protocol() == self.protocol => {
                self.unsaved = true;
                let Some(waiter) = self.members.get_mut(&id).and_then(|member| member.joining.take()) else { return };
                let leads = self.leader.as_ref() == Some(&id);
                let mut joined = self.joined(&id, leads && may_skip);
                joined.skip_assignment = leads && may_skip;
                if !may_skip {
                    // Who sees another leader than itself does not assign; a stable group would not take it.
                    joined.leader = leader_before;
                }
                self.answers.push((waiter, Answer::Join(Ok(joined))));
            }
            _ => self.rebalance_or_complete(now),
        }
    }

    /// Answers with the generation that there is.
    fn join_current(&mut self, waiter: W, id: &str, with_members: bool, now: u64) {
        if let Some(member) = self.members.get_mut(id) {
            member.heard(now);
        }
        let joined = self.joined(id, with_members);
        self.answers.push((waiter, Answer::Join(Ok(joined))));
    }

    fn add(&mut self, waiter: W, request: JoinRequest, id: String, now: u64) {
        self.pending.remove(&id);
        if self.members.is_empty() {
            self.protocol_type = Some(request.protocol_type.clone());
        }
        if let Some(instance) = &request.instance {
            self.instances.insert(instance.clone(), id.clone());
        }
        let mut member = Member::new(request, now.saturating_add(super::NEW_MEMBER_TIMEOUT));
        member.joining = Some(waiter);
        self.members.insert(id.clone(), member);
        self.leader.get_or_insert(id);
        if let Some(rebalance) = &mut self.rebalance {
            rebalance.added = true;
        }
        self.rebalance_or_complete(now);
    }

    /// Takes over what a member says of itself when it joins again.
    fn update(&mut self, id: &str, waiter: W, request: JoinRequest) {
        let Some(member) = self.members.get_mut(id) else { return };
        member.protocols = request.protocols;
        member.session_timeout = request.session_timeout;
        member.rebalance_timeout = request.rebalance_timeout;
        if let Some(earlier) = member.joining.replace(waiter) {
            // It has asked again, on another connection; nobody may be left without an answer.
            self.refuse(earlier, ErrorCode::REBALANCE_IN_PROGRESS, id);
        }
    }

    /// Gives a static member's place to its successor and fences whoever still waits under the old id.
    fn replace(&mut self, old: &str, id: &str, request: &JoinRequest, now: u64) {
        let Some(mut member) = self.members.remove(old) else { return };
        if let Some(waiter) = member.joining.take() {
            self.refuse(waiter, ErrorCode::FENCED_INSTANCE_ID, old);
        }
        if let Some(waiter) = member.syncing.take() {
            self.answers.push((waiter, Answer::Sync(Err(ErrorCode::FENCED_INSTANCE_ID))));
        }
        member.client_id.clone_from(&request.client_id);
        member.client_host.clone_from(&request.client_host);
        member.new = false;
        member.deadline = now.saturating_add(request.session_timeout);
        if let Some(instance) = &member.instance {
            self.instances.insert(instance.clone(), id.to_owned());
        }
        if self.unsynced.remove(old) {
            self.unsynced.insert(id.to_owned());
        }
        if self.leader.as_deref() == Some(old) {
            self.leader = Some(id.to_owned());
        }
        self.members.insert(id.to_owned(), member);
    }

    /// Takes a member out; whoever waits for an answer to it hears that it is unknown.
    pub(super) fn remove(&mut self, id: &str) {
        let Some(member) = self.members.remove(id) else { return };
        if let Some(waiter) = member.joining {
            self.refuse(waiter, ErrorCode::UNKNOWN_MEMBER_ID, "");
        }
        if let Some(waiter) = member.syncing {
            self.answers.push((waiter, Answer::Sync(Err(ErrorCode::UNKNOWN_MEMBER_ID))));
        }
        if let Some(instance) = member.instance {
            self.instances.remove(&instance);
        }
        self.unsynced.remove(id);
        if self.leader.as_deref() == Some(id) {
            self.leader = self.members.keys().next().cloned();
        }
    }

    /// There is room for whoever asks.
    fn accept(&self, request: &JoinRequest) -> Result<(), ErrorCode> {
        let max = self.settings.members_max;
        let member = self.members.get(&request.member_id);
        let fits = match self.state {
            State::Empty => true,
            // Members that have not come back may never do so.
            State::PreparingRebalance => {
                let waits = member.is_some_and(|member| member.joining.is_some());
                waits || self.members.values().filter(|member| member.joining.is_some()).count() < max
            }
            State::CompletingRebalance | State::Stable => {
                let replaces = request.instance.as_ref().is_some_and(|instance| self.instances.contains_key(instance));
                member.is_some() || replaces || self.members.len() < max
            }
        };
        let has_id = !request.member_id.is_empty();
        let others: usize =
            self.members.iter().filter(|(id, _)| **id != request.member_id).map(|(_, member)| member.bytes()).sum();
        let small = others.saturating_add(joining_bytes(request)) <= GROUP_BYTES_MAX;
        if fits && small && (has_id || self.pending.len() < max) {
            Ok(())
        } else {
            Err(ErrorCode::GROUP_MAX_SIZE_REACHED)
        }
    }

    /// There is a protocol that everybody knows, this member included.
    fn supports(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if self.state == State::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        let all_know = |name: &str| self.members.values().all(|member| member.knows(name));
        self.protocol_type.as_deref() == Some(protocol_type) && protocols.iter().any(|known| all_know(&known.name))
    }

    /// Each member votes for the first of its protocols that all know; most votes win, then the leader's order.
    pub(super) fn select_protocol(&self) -> Option<String> {
        let all_know = |name: &str| self.members.values().all(|member| member.knows(name));
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            if let Some(vote) = member.protocols.iter().find(|known| all_know(&known.name)) {
                *votes.entry(&vote.name).or_default() += 1;
            }
        }
        let most = votes.values().max()?;
        let leader = self.leader.as_ref().and_then(|leader| self.members.get(leader))?;
        leader
            .protocols
            .iter()
            .find(|known| votes.get(known.name.as_str()) == Some(most))
            .map(|known| known.name.clone())
    }

    /// This member is in the group, and is the one that its instance id stands for.
    pub(super) fn check(&self, id: &str, instance: Option<&str>) -> Result<(), ErrorCode> {
        if let Some(instance) = instance {
            match self.instances.get(instance) {
                None => return Err(ErrorCode::UNKNOWN_MEMBER_ID),
                Some(known) if known != id => return Err(ErrorCode::FENCED_INSTANCE_ID),
                Some(_) => {}
            }
        }
        if self.members.contains_key(id) { Ok(()) } else { Err(ErrorCode::UNKNOWN_MEMBER_ID) }
    }

    /// The same of whoever speaks for a generation.
    pub(super) fn check_caller(&self, caller: &Caller) -> Result<(), ErrorCode> {
        self.check(&caller.id, caller.instance.as_deref())?;
        if caller.generation == self.generation { Ok(()) } else { Err(ErrorCode::ILLEGAL_GENERATION) }
    }

    /// The answer to a join, as of this generation.
    pub(super) fn joined(&self, id: &str, with_members: bool) -> Joined {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let all = self.members.iter().filter(|_| with_members).map(|(id, member)| JoinedMember {
            id: id.clone(),
            instance: member.instance.clone(),
            metadata: member.metadata(protocol),
        });
        Joined {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            skip_assignment: false,
            member_id: id.to_owned(),
            members: all.collect(),
        }
    }

    pub(super) fn refuse(&mut self, waiter: W, error: ErrorCode, member_id: &str) {
        let refused = JoinRefused { error, member_id: member_id.to_owned() };
        self.answers.push((waiter, Answer::Join(Err(refused))));
    }

    /// No assignment: what a member has before its leader speaks.
    pub(super) fn forget_assignments(&mut self) {
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
        }
    }
}
