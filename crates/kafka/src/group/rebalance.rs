//! From one generation to the next: who is waited for, how long, and what becomes of those who do not come.

use super::{Answer, ErrorCode, Group, State};

/// A rebalance that waits for members.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rebalance {
    /// When the generation begins with those who are there.
    deadline: u64,
    /// The group was empty: it waits for its delay even when all known members are there, and again as long as new ones
    /// come, for this much longer at most.
    initial: Option<u64>,
    /// A member has come since the delay began.
    pub(super) added: bool,
}

impl<W> Group<W> {
    /// Lets time pass: forgets who was silent for too long and ends what has waited long enough.
    pub fn tick(&mut self, now: u64) {
        let pending = self.pending.len();
        self.pending.retain(|_, deadline| *deadline > now);
        let silent: Vec<_> =
            self.members.iter().filter(|(_, member)| member.expired(now)).map(|(id, _)| id.clone()).collect();
        for id in &silent {
            self.remove(id);
        }
        if !silent.is_empty() {
            self.after_removal(now);
        } else if self.pending.len() != pending {
            self.complete_if_all_joined(now);
        }
        self.rebalance_deadline(now);
        if self.sync_deadline.is_some_and(|deadline| deadline <= now) {
            self.sync_deadline = None;
            let late = std::mem::take(&mut self.unsynced);
            for id in &late {
                self.remove(id);
            }
            if !late.is_empty() {
                self.after_removal(now);
            }
        }
    }

    /// When [`Group::tick`] has something to do next.
    pub fn next_deadline(&self) -> Option<u64> {
        let members = self.members.values().filter(|member| member.counts_silence()).map(|member| member.deadline);
        let rebalance = self.rebalance.map(|rebalance| rebalance.deadline);
        members.chain(self.pending.values().copied()).chain(rebalance).chain(self.sync_deadline).min()
    }

    /// Members have gone: the others share what was theirs.
    pub(super) fn after_removal(&mut self, now: u64) {
        match self.state {
            State::Stable | State::CompletingRebalance => self.prepare(now),
            State::PreparingRebalance => self.complete_if_all_joined(now),
            State::Empty => {}
        }
    }

    /// Somebody has joined: begins a rebalance, or goes on with the one under way.
    pub(super) fn rebalance_or_complete(&mut self, now: u64) {
        match self.state {
            State::PreparingRebalance => self.complete_if_all_joined(now),
            _ => self.prepare(now),
        }
    }

    /// Begins a rebalance: members hear of it when they next speak, and have the longest rebalance timeout of them all
    /// to join.
    pub(super) fn prepare(&mut self, now: u64) {
        if self.state == State::CompletingRebalance {
            self.forget_assignments();
            self.fail_syncs(now);
        }
        self.sync_deadline = None;
        self.unsynced.clear();
        let timeout = self.rebalance_timeout();
        let rebalance = if self.state == State::Empty {
            let delay = self.settings.initial_rebalance_delay.min(timeout);
            Rebalance { deadline: now.saturating_add(delay), initial: Some(timeout - delay), added: false }
        } else {
            Rebalance { deadline: now.saturating_add(timeout), initial: None, added: false }
        };
        self.rebalance = Some(rebalance);
        self.state = State::PreparingRebalance;
        self.complete_if_all_joined(now);
        self.rebalance_deadline(now);
    }

    fn complete_if_all_joined(&mut self, now: u64) {
        let waits = self.rebalance.is_some_and(|rebalance| rebalance.initial.is_none());
        if waits && self.pending.is_empty() && self.members.values().all(|member| member.joining.is_some()) {
            self.complete(now);
        }
    }

    /// Ends the wait for members when its time is up.
    fn rebalance_deadline(&mut self, now: u64) {
        while let Some(rebalance) = self.rebalance.as_mut().filter(|rebalance| rebalance.deadline <= now) {
            let left = rebalance.initial.unwrap_or_default();
            if !rebalance.added || left == 0 {
                return self.complete(now);
            }
            let delay = self.settings.initial_rebalance_delay.min(left);
            let deadline = rebalance.deadline.saturating_add(delay);
            *rebalance = Rebalance { deadline, initial: Some(left - delay), added: false };
        }
    }

    /// Begins the generation of those who have joined.
    fn complete(&mut self, now: u64) {
        // A static member may be restarting just now: its session decides.
        let gone = |(id, member): (&String, &super::Member<W>)| {
            (member.joining.is_none() && member.instance.is_none()).then(|| id.clone())
        };
        let gone: Vec<_> = self.members.iter().filter_map(gone).collect();
        for id in &gone {
            self.remove(id);
        }
        if self.elect_leader() || self.members.is_empty() {
            self.rebalance = None;
            self.next_generation(now);
        } else {
            let deadline = now.saturating_add(self.rebalance_timeout().max(1));
            self.rebalance = Some(Rebalance { deadline, initial: None, added: false });
        }
    }

    /// A leader that has not joined leads no more. False when nobody has joined.
    fn elect_leader(&mut self) -> bool {
        let joined = |id: &String| self.members.get(id).is_some_and(|member| member.joining.is_some());
        if !self.leader.as_ref().is_some_and(joined) {
            let Some(first) = self.members.keys().find(|id| joined(id)).cloned() else { return false };
            self.leader = Some(first);
        }
        true
    }

    fn next_generation(&mut self, now: u64) {
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        self.unsynced = self.members.keys().cloned().collect();
        self.protocol = self.select_protocol();
        self.topics = self.subscribed();
        if self.members.is_empty() {
            self.state = State::Empty;
            self.leader = None;
            self.emptied = now;
            self.unsaved = true;
            return;
        }
        self.state = State::CompletingRebalance;
        self.sync_deadline = Some(now.saturating_add(self.rebalance_timeout()));
        let ids: Vec<_> = self.members.keys().cloned().collect();
        for id in ids {
            let Some(member) = self.members.get_mut(&id) else { continue };
            member.new = false;
            if let Some(waiter) = member.joining.take() {
                member.heard(now);
                let leads = self.leader.as_ref() == Some(&id);
                let joined = self.joined(&id, leads);
                self.answers.push((waiter, Answer::Join(Ok(joined))));
            }
        }
    }

    /// Who waits for an assignment hears that there will be another one.
    fn fail_syncs(&mut self, now: u64) {
        for member in self.members.values_mut() {
            if let Some(waiter) = member.syncing.take() {
                member.heard(now);
                self.answers.push((waiter, Answer::Sync(Err(ErrorCode::REBALANCE_IN_PROGRESS))));
            }
        }
    }

    fn rebalance_timeout(&self) -> u64 {
        self.members.values().map(|member| member.rebalance_timeout).max().unwrap_or_default()
    }
}
