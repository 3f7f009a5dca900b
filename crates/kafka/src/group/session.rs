//! Within a generation: assignments, heartbeats, farewells, and who may commit offsets.

use super::{Answer, Caller, ErrorCode, Group, State, SyncRequest, Synced};
use crate::limits::GROUP_BYTES_MAX;

impl<W> Group<W> {
    /// A member asks for its part. The leader brings everybody's, the others wait for it.
    pub fn sync(&mut self, waiter: W, request: SyncRequest, now: u64) {
        if let Err(error) = self.check_sync(&request) {
            self.answers.push((waiter, Answer::Sync(Err(error))));
            return;
        }
        let id = request.member.id;
        self.unsynced.remove(&id);
        if self.unsynced.is_empty() {
            self.sync_deadline = None;
        }
        let leads = self.leader.as_ref() == Some(&id);
        let Some(member) = self.members.get_mut(&id) else { return };
        member.heard(now);
        if self.state == State::Stable {
            let answer = Synced {
                protocol_type: self.protocol_type.clone(),
                protocol: self.protocol.clone(),
                assignment: member.assignment.clone(),
            };
            self.answers.push((waiter, Answer::Sync(Ok(answer))));
            return;
        }
        if let Some(earlier) = member.syncing.replace(waiter) {
            // It has asked again, on another connection; nobody may be left without an answer.
            self.answers.push((earlier, Answer::Sync(Err(ErrorCode::REBALANCE_IN_PROGRESS))));
        }
        if leads {
            self.assign(request.assignments, now);
        }
    }

    fn check_sync(&self, request: &SyncRequest) -> Result<(), ErrorCode> {
        self.check_caller(&request.member)?;
        let differs = |theirs: &Option<String>, ours: &Option<String>| matches!((theirs, ours), (Some(theirs), Some(ours)) if theirs != ours);
        if differs(&request.protocol_type, &self.protocol_type) || differs(&request.protocol, &self.protocol) {
            return Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
        }
        match self.state {
            State::Empty => Err(ErrorCode::UNKNOWN_MEMBER_ID),
            State::PreparingRebalance => Err(ErrorCode::REBALANCE_IN_PROGRESS),
            State::CompletingRebalance | State::Stable => {
                let told: usize = self.members.values().map(super::Member::bytes).sum();
                let brought: usize = request.assignments.iter().map(|(id, bytes)| id.len() + bytes.len()).sum();
                if told.saturating_add(brought) > GROUP_BYTES_MAX {
                    Err(ErrorCode::GROUP_MAX_SIZE_REACHED)
                } else {
                    Ok(())
                }
            }
        }
    }

    /// The leader has spoken: everybody gets its part, who is not named an empty one.
    fn assign(&mut self, assignments: Vec<(String, bytes::Bytes)>, now: u64) {
        self.forget_assignments();
        for (id, assignment) in assignments {
            if let Some(member) = self.members.get_mut(&id) {
                member.assignment = assignment;
            }
        }
        self.state = State::Stable;
        self.unsaved = true;
        for member in self.members.values_mut() {
            let Some(waiter) = member.syncing.take() else { continue };
            member.heard(now);
            let answer = Synced {
                protocol_type: self.protocol_type.clone(),
                protocol: self.protocol.clone(),
                assignment: member.assignment.clone(),
            };
            self.answers.push((waiter, Answer::Sync(Ok(answer))));
        }
    }

    /// A member is alive.
    pub fn heartbeat(&mut self, caller: &Caller, now: u64) -> Result<(), ErrorCode> {
        self.check_caller(caller)?;
        if let Some(member) = self.members.get_mut(&caller.id).filter(|member| !member.new) {
            member.heard(now);
        }
        if self.state == State::PreparingRebalance { Err(ErrorCode::REBALANCE_IN_PROGRESS) } else { Ok(()) }
    }

    /// Members go, each known by its id, or by its instance id alone when somebody else sends a static one away. One
    /// result for each.
    pub fn leave(&mut self, leaving: &[(String, Option<String>)], now: u64) -> Vec<Result<(), ErrorCode>> {
        let results: Vec<_> = leaving.iter().map(|(id, instance)| self.leave_one(id, instance.as_deref())).collect();
        if results.iter().any(Result::is_ok) {
            self.after_removal(now);
        }
        results
    }

    fn leave_one(&mut self, id: &str, instance: Option<&str>) -> Result<(), ErrorCode> {
        let id = match instance {
            Some(instance) if id.is_empty() => {
                self.instances.get(instance).cloned().ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?
            }
            None if self.pending.remove(id).is_some() => return Ok(()),
            _ => {
                self.check(id, instance)?;
                id.to_owned()
            }
        };
        self.remove(&id);
        Ok(())
    }

    /// Somebody wants to commit offsets of this group; in a transaction, who does not say that it is a member may.
    pub fn commit(&mut self, caller: &Caller, in_transaction: bool, now: u64) -> Result<(), ErrorCode> {
        // A client that assigns its partitions itself, or an administrator; both only while nobody is in the group.
        if caller.generation < 0 && self.state == State::Empty {
            return Ok(());
        }
        if caller.generation >= 0 || !caller.id.is_empty() || caller.instance.is_some() {
            self.check_caller(caller)?;
        } else if !in_transaction {
            return Err(ErrorCode::UNKNOWN_MEMBER_ID);
        }
        if in_transaction {
            return Ok(());
        }
        // It has joined, so its partitions may be somebody else's by now.
        if self.state == State::CompletingRebalance {
            return Err(ErrorCode::REBALANCE_IN_PROGRESS);
        }
        // While others join, a commit is still welcome: it is the last chance before partitions move.
        if let Some(member) = self.members.get_mut(&caller.id) {
            member.heard(now);
        }
        Ok(())
    }
}
