//! Groups under random clients that behave as real ones do: they join, restart, repeat themselves, fall silent and go.
//!
//! What must hold: whoever waits is answered once; a generation has one leader, and everybody in it gets the part that
//! this leader gave it; who speaks in time is never unknown; and when the clients stop moving about, all who are there
//! come to rest in one generation.

use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use tailwater_kafka::group::{
    Answer, Caller, ErrorCode, Group, JoinRequest, Joined, Protocol, Settings, State, SyncRequest, Synced,
};

const SESSION: u64 = 6_000;
const REBALANCE: u64 = 20_000;
/// A client that lives acts at least this often: the session allows for several of them.
const TURN: u64 = 1_000;

#[test]
fn random_clients_always_come_to_rest() {
    for seed in 1..=400 {
        World::new(seed, 0).run(250);
    }
}

#[test]
fn random_clients_come_to_rest_with_an_initial_delay_too() {
    for seed in 1..=100 {
        World::new(seed, 3_000).run(250);
    }
}

/// Where a client stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    /// Wants to join; with its id, if it has one.
    Out,
    /// Waits for the answer to a join.
    Joining(u32),
    /// Waits for its part of a generation.
    Syncing(u32, i32),
    /// Has its part of a generation.
    In(i32),
    /// Does nothing until this time, and then goes on as if nothing had been.
    Silent(u64, Box<Phase>),
    /// Does nothing for good.
    Gone,
}

#[derive(Debug, Clone)]
struct Client {
    name: String,
    instance: Option<String>,
    /// A client of an older version.
    old: bool,
    id: String,
    subscription: u32,
    phase: Phase,
    /// It has been silent for longer than the group bears: anything may have happened to it. Over when something that it
    /// asked since, under a higher number than this, went well.
    excused: Option<u32>,
}

struct World {
    seed: u64,
    random: u64,
    now: u64,
    group: Group<u32>,
    waiters: u32,
    waiting: BTreeSet<u32>,
    answers: BTreeMap<u32, Answer>,
    clients: Vec<Client>,
    /// The leader of each generation, by instance or id; and whom it gave something.
    leaders: BTreeMap<i32, String>,
    restless: bool,
}

impl World {
    fn new(seed: u64, initial_rebalance_delay: u64) -> Self {
        let settings = Settings { initial_rebalance_delay, ..Settings::default() };
        let mut world = Self {
            seed,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            now: 1_000_000,
            group: Group::new(settings, 1_000_000),
            waiters: 0,
            waiting: BTreeSet::new(),
            answers: BTreeMap::new(),
            clients: Vec::new(),
            leaders: BTreeMap::new(),
            restless: true,
        };
        for number in 0..2 + world.below(6) {
            let (fixed, old) = (world.below(3) == 0, world.below(4) == 0);
            world.clients.push(Client {
                name: format!("c{number}"),
                instance: fixed.then(|| format!("i{number}")),
                old,
                id: String::new(),
                subscription: 0,
                phase: Phase::Out,
                excused: None,
            });
        }
        world
    }

    fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % end
    }

    fn run(mut self, turns: usize) {
        for _ in 0..turns {
            self.turn();
        }
        // Everybody calms down; who is silent wakes up and finds its way back.
        self.restless = false;
        for _ in 0..120 {
            self.turn();
        }
        assert!(self.waiting.is_empty(), "seed {}: {:?} wait for ever", self.seed, self.waiting);
        let alive: Vec<_> = self.clients.iter().filter(|client| client.phase != Phase::Gone).collect();
        let rest = if alive.is_empty() { State::Empty } else { State::Stable };
        assert_eq!(self.group.state(), rest, "seed {}: {alive:#?}", self.seed);
        let generation = self.group.generation();
        for client in &alive {
            assert_eq!(client.phase, Phase::In(generation), "seed {}: {}", self.seed, client.name);
        }
        assert_eq!(self.group.members().len(), alive.len(), "seed {}", self.seed);
    }

    /// Everybody acts once, in any order, and time passes between.
    fn turn(&mut self) {
        let mut order: Vec<_> = (0..self.clients.len()).collect();
        for last in (1..order.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            order.swap(last, other);
        }
        let pause = TURN / order.len() as u64;
        for index in order {
            let mut client = self.clients[index].clone();
            self.act(&mut client);
            self.clients[index] = client;
            self.collect();
            self.now += self.below(pause + 1);
            self.group.tick(self.now);
            self.collect();
            let due = self.group.next_deadline();
            assert!(due.is_none_or(|due| due > self.now), "seed {}: a deadline is left behind", self.seed);
        }
    }

    fn collect(&mut self) {
        for (waiter, answer) in self.group.answers() {
            assert!(self.waiting.remove(&waiter), "seed {}: {waiter} had its answer", self.seed);
            self.answers.insert(waiter, answer);
        }
        // A snapshot may be asked for at any time, and says the same.
        if let Some(snapshot) = self.group.take_unsaved() {
            let restored = Group::<u32>::restore(snapshot, Settings::default(), self.now);
            assert_eq!(restored.state(), self.group.state());
            assert_eq!(restored.generation(), self.group.generation());
            assert_eq!(restored.leader(), self.group.leader());
            assert!(restored.members().keys().eq(self.group.members().keys()));
        }
    }

    fn act(&mut self, client: &mut Client) {
        let restless = self.restless;
        match client.phase.clone() {
            Phase::Gone if restless && self.below(10) == 0 => {
                client.id.clear();
                client.phase = Phase::Out;
            }
            Phase::Gone => {}
            Phase::Silent(until, before) => {
                if until <= self.now || !restless {
                    client.phase = *before;
                    client.excused = Some(self.waiters);
                }
            }
            // Nobody falls silent for as long as the session bears; for longer, it is excused.
            _ if restless && self.below(40) == 0 => {
                let until = self.now + SESSION + self.below(2 * REBALANCE);
                client.phase = Phase::Silent(until, Box::new(client.phase.clone()));
            }
            // Its process dies and comes back; a static member then takes its own place.
            _ if restless && self.below(40) == 0 => {
                client.id.clear();
                client.phase = Phase::Out;
                client.excused = None;
            }
            Phase::Out => self.join(client),
            Phase::Joining(waiter) => match self.answers.remove(&waiter) {
                Some(answer) => self.hear_join(client, waiter, answer),
                // Its connection breaks, and it asks again on another.
                None if restless && self.below(8) == 0 && !client.id.is_empty() => self.join(client),
                None => {}
            },
            Phase::Syncing(waiter, generation) => match self.answers.remove(&waiter) {
                Some(answer) => self.hear_sync(client, waiter, generation, answer),
                None if restless && self.below(8) == 0 => self.sync(client, generation, Vec::new()),
                None => self.heartbeat(client, generation, false),
            },
            Phase::In(generation) => match if restless { self.below(12) } else { 9 } {
                0 => {
                    let left = self.group.leave(&[(client.id.clone(), client.instance.clone())], self.now)[0];
                    assert!(left.is_ok() || client.excused.is_some(), "seed {}: {left:?}", self.seed);
                    client.id.clear();
                    client.excused = None;
                    client.phase = Phase::Gone;
                }
                1 => {
                    client.subscription += 1;
                    self.join(client);
                }
                2 => self.join(client),
                _ => self.heartbeat(client, generation, true),
            },
        }
    }

    fn join(&mut self, client: &mut Client) {
        self.waiters += 1;
        self.waiting.insert(self.waiters);
        let metadata = Bytes::from(format!("{} {}", client.name, client.subscription));
        let request = JoinRequest {
            member_id: client.id.clone(),
            instance: client.instance.clone(),
            client_id: client.name.clone(),
            client_host: String::new(),
            protocol_type: "consumer".into(),
            protocols: vec![Protocol { name: "range".into(), metadata }],
            session_timeout: SESSION,
            rebalance_timeout: REBALANCE,
            unique: self.waiters.to_string(),
            id_required: !client.old,
            may_skip_assignment: !client.old,
        };
        self.group.join(self.waiters, request, self.now);
        client.phase = Phase::Joining(self.waiters);
    }

    fn hear_join(&mut self, client: &mut Client, waiter: u32, answer: Answer) {
        let Answer::Join(answer) = answer else { unreachable!("an answer to something else") };
        match answer {
            Ok(joined) => {
                client.excused = client.excused.filter(|since| *since >= waiter);
                self.begin(client, joined);
            }
            Err(refused) => match refused.error {
                ErrorCode::MEMBER_ID_REQUIRED => {
                    assert!(client.id.is_empty() && client.instance.is_none());
                    client.id = refused.member_id;
                    client.phase = Phase::Out;
                }
                error => self.lost(client, error),
            },
        }
    }

    fn begin(&mut self, client: &mut Client, joined: Joined) {
        if client.instance.is_none() && !client.id.is_empty() {
            assert_eq!(client.id, joined.member_id);
        }
        client.id.clone_from(&joined.member_id);
        let mut parts = Vec::new();
        if joined.leader == client.id {
            let who = client.instance.clone().unwrap_or_else(|| client.id.clone());
            let leader = self.leaders.entry(joined.generation).or_insert_with(|| who.clone());
            assert_eq!(*leader, who, "seed {}: generation {} has two leaders", self.seed, joined.generation);
            assert!(joined.members.iter().any(|member| member.id == client.id));
            if !joined.skip_assignment {
                for member in joined.members {
                    let who = member.instance.unwrap_or_else(|| member.id.clone());
                    parts.push((member.id, Bytes::from(format!("{} {who}", joined.generation))));
                }
            }
        } else {
            assert!(joined.members.is_empty(), "seed {}: a follower sees the members", self.seed);
        }
        self.sync(client, joined.generation, parts);
    }

    fn sync(&mut self, client: &mut Client, generation: i32, assignments: Vec<(String, Bytes)>) {
        if assignments.is_empty() && self.leaders.get(&generation) == client.instance.as_ref().or(Some(&client.id)) {
            // A leader that has lost its connection joins again instead of bringing nothing.
            if let Phase::Syncing(..) = client.phase {
                return self.join(client);
            }
        }
        self.waiters += 1;
        self.waiting.insert(self.waiters);
        let (protocol_type, protocol) = (Some("consumer".into()), Some("range".into()));
        let request = SyncRequest { member: caller(client, generation), protocol_type, protocol, assignments };
        self.group.sync(self.waiters, request, self.now);
        client.phase = Phase::Syncing(self.waiters, generation);
    }

    fn hear_sync(&mut self, client: &mut Client, waiter: u32, generation: i32, answer: Answer) {
        let Answer::Sync(answer) = answer else { unreachable!("an answer to something else") };
        match answer {
            Ok(Synced { assignment, .. }) => {
                let who = client.instance.as_ref().unwrap_or(&client.id);
                let expected = format!("{generation} {who}");
                assert_eq!(assignment, expected, "seed {}: {client:?}", self.seed);
                client.excused = client.excused.filter(|since| *since >= waiter);
                client.phase = Phase::In(generation);
            }
            Err(error) => self.lost(client, error),
        }
    }

    /// `join` is what a client does when its group rebalances; one that waits for its part hears of that by the answer.
    fn heartbeat(&mut self, client: &mut Client, generation: i32, join: bool) {
        match self.group.heartbeat(&caller(client, generation), self.now) {
            Ok(()) => client.excused = None,
            Err(ErrorCode::REBALANCE_IN_PROGRESS) if join => self.join(client),
            Err(ErrorCode::REBALANCE_IN_PROGRESS) => {}
            // The answer is there already and says more.
            Err(_) if !join => {}
            Err(error) => self.lost(client, error),
        }
    }

    /// The client is not where it believed to be.
    fn lost(&mut self, client: &mut Client, error: ErrorCode) {
        client.phase = Phase::Out;
        match error {
            ErrorCode::REBALANCE_IN_PROGRESS => {}
            // It was late for a generation, or hears of the end of one that it has repeated itself in.
            ErrorCode::ILLEGAL_GENERATION => {}
            ErrorCode::UNKNOWN_MEMBER_ID => {
                assert!(client.excused.is_some(), "seed {}: {client:?} is unknown at {}", self.seed, self.now);
                client.id.clear();
            }
            error => unreachable!("seed {}: {error:?} for {client:?}", self.seed),
        }
    }
}

fn caller(client: &Client, generation: i32) -> Caller {
    Caller { id: client.id.clone(), instance: client.instance.clone(), generation }
}
