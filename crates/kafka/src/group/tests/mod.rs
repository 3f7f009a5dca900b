//! The rules of a group, one by one. Random walks over them are in `crates/kafka/tests/groups.rs`.

mod joining;
mod keeping;
mod static_members;

use super::*;
use bytes::Bytes;
use std::collections::HashMap;

/// A group with clients that talk to it; who waits is a number.
struct Bed {
    group: Group<u32>,
    now: u64,
    waiters: u32,
    answers: HashMap<u32, Answer>,
}

impl Bed {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        Self { group: Group::new(settings, 1_000), now: 1_000, waiters: 0, answers: HashMap::new() }
    }

    fn collect(&mut self) {
        for (waiter, answer) in self.group.answers() {
            assert!(self.answers.insert(waiter, answer).is_none(), "{waiter} was answered twice");
        }
    }

    fn pass(&mut self, milliseconds: u64) {
        self.now += milliseconds;
        self.group.tick(self.now);
        self.collect();
    }

    fn join(&mut self, request: JoinRequest) -> u32 {
        self.waiters += 1;
        self.group.join(self.waiters, request, self.now);
        self.collect();
        self.waiters
    }

    fn sync(&mut self, id: &str, generation: i32, parts: &[(&str, &'static str)]) -> u32 {
        self.waiters += 1;
        let request = SyncRequest {
            member: caller(id, generation),
            protocol_type: None,
            protocol: None,
            assignments: parts
                .iter()
                .map(|(id, part)| ((*id).to_owned(), Bytes::from_static(part.as_bytes())))
                .collect(),
        };
        self.group.sync(self.waiters, request, self.now);
        self.collect();
        self.waiters
    }

    fn heartbeat(&mut self, id: &str, generation: i32) -> Result<(), ErrorCode> {
        self.group.heartbeat(&caller(id, generation), self.now)
    }

    fn leave(&mut self, id: &str) -> Result<(), ErrorCode> {
        let result = self.group.leave(&[(id.to_owned(), None)], self.now)[0];
        self.collect();
        result
    }

    /// The answer to a join that is known by now.
    fn joined(&self, waiter: u32) -> &Result<Joined, JoinRefused> {
        match self.answers.get(&waiter) {
            Some(Answer::Join(answer)) => answer,
            other => unreachable!("{other:?} instead of an answer to a join"),
        }
    }

    fn is_in(&self, waiter: u32) -> &Joined {
        self.joined(waiter).as_ref().unwrap()
    }

    fn refused(&self, waiter: u32) -> ErrorCode {
        self.joined(waiter).as_ref().unwrap_err().error
    }

    fn synced(&self, waiter: u32) -> Result<Bytes, ErrorCode> {
        match self.answers.get(&waiter) {
            Some(Answer::Sync(answer)) => answer.clone().map(|synced| synced.assignment),
            other => unreachable!("{other:?} instead of an answer to a sync"),
        }
    }

    fn waits(&self, waiter: u32) -> bool {
        !self.answers.contains_key(&waiter)
    }

    /// Members with these ids in one stable generation; the first leads.
    fn stable(&mut self, names: &[&str]) -> Vec<String> {
        let ids: Vec<_> = names.iter().map(|name| format!("{name}-1")).collect();
        let waiters: Vec<_> = names.iter().map(|name| self.join(old(name))).collect();
        // All but the last are in an earlier generation now.
        let mut waiters_now = waiters.clone();
        if names.len() > 1 {
            for (index, id) in ids.iter().enumerate() {
                if !self.waits(waiters[index]) {
                    waiters_now[index] = self.join(again(id));
                }
            }
        }
        let generation = self.is_in(waiters_now[0]).generation;
        for waiter in waiters_now {
            assert_eq!(self.is_in(waiter).generation, generation);
        }
        for id in ids.iter().skip(1) {
            self.sync(id, generation, &[]);
        }
        self.sync(&ids[0], generation, &[]);
        assert_eq!(self.group.state(), State::Stable);
        ids
    }
}

fn caller(id: &str, generation: i32) -> Caller {
    Caller { id: id.to_owned(), instance: None, generation }
}

fn protocols(of: &[(&str, &'static str)]) -> Vec<Protocol> {
    of.iter()
        .map(|(name, metadata)| Protocol {
            name: (*name).to_owned(),
            metadata: Bytes::from_static(metadata.as_bytes()),
        })
        .collect()
}

/// A first join of today's clients.
fn first(name: &str) -> JoinRequest {
    JoinRequest {
        member_id: String::new(),
        instance: None,
        client_id: name.to_owned(),
        client_host: "127.0.0.1".to_owned(),
        protocol_type: "consumer".to_owned(),
        protocols: protocols(&[("range", "topics")]),
        session_timeout: 10_000,
        rebalance_timeout: 60_000,
        unique: "1".to_owned(),
        id_required: true,
        may_skip_assignment: true,
    }
}

/// A first join of a client that takes the id it gets.
fn old(name: &str) -> JoinRequest {
    JoinRequest { id_required: false, ..first(name) }
}

/// A join under a known id.
fn again(id: &str) -> JoinRequest {
    JoinRequest { member_id: id.to_owned(), ..first("") }
}

/// A join of a static member that does not know its id.
fn fixed(instance: &str, unique: &str) -> JoinRequest {
    JoinRequest { instance: Some(instance.to_owned()), unique: unique.to_owned(), ..first("") }
}
