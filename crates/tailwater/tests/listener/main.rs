//! The listener under fire: clients write and read while the program is killed at any moment.
//!
//! `TAILWATER_KILL_ROUNDS` is how many kills (20), `TAILWATER_KILL_SEED` repeats the choices of a run. What must hold is in
//! `oracle.rs`; the readers assert by themselves that an offset they have seen keeps its bytes and that the high watermark
//! never falls.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking, its parts too")]

mod client;
mod oracle;
mod readers;
mod writers;

use std::path::Path;
use std::process::Command;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tailwater_testkit::{Process, Random, free_port, wait_until};
use tailwater_wire::api::create_topics::{CreatableTopic, CreateTopicsRequest};

use crate::client::{Client, TOPIC};
use crate::oracle::{View, violations};
use crate::readers::Reader;
use crate::writers::{Attempt, Stage};

const PARTITIONS: usize = 4;
/// How long a start may take.
const START: Duration = Duration::from_secs(60);

#[test]
fn kills_lose_nothing_repeat_nothing_and_change_nothing_that_a_client_saw() {
    let rounds = number("TAILWATER_KILL_ROUNDS").unwrap_or(20);
    let seed = number("TAILWATER_KILL_SEED").unwrap_or_else(clock);
    eprintln!("TAILWATER_KILL_SEED={seed}");
    let (work, port) = (tempfile::tempdir().unwrap(), free_port());
    std::fs::create_dir(work.path().join("connectors")).unwrap();
    let mut serve = start(work.path(), port);
    assert!(serve.wait_line(START, |line| line.starts_with('{')).is_some(), "not ready: {}", serve.errors());
    create_topic(port);

    let (over, steps) = (AtomicBool::new(false), AtomicU64::new(0));
    let stage = Stage { port, over: &over };
    let (attempts, uncommitted, committed) = std::thread::scope(|scope| {
        let random = |number: u64| Random::new(seed ^ (number << 32));
        let curtain = Curtain(&over);
        let writing = [
            scope.spawn(move || writers::idempotent(stage, "idempotent-0", 0, random(1))),
            scope.spawn(move || writers::idempotent(stage, "idempotent-1", 1, random(2))),
            scope.spawn(move || writers::plain(stage, "plain", 0, random(3))),
            scope.spawn(move || writers::transactional(stage, "transactional-0", [1, 2], random(4))),
            scope.spawn(move || writers::transactional(stage, "transactional-1", [2, 3], random(5))),
        ];
        let committing = scope.spawn(move || writers::committer(stage, "torture"));
        let steps = &steps;
        let reading = [false, true].map(|committed| scope.spawn(move || follow(stage, committed, steps, random(6))));

        let mut choose = random(7);
        let mut advanced = 0;
        for round in 0..rounds {
            let before = steps.load(Ordering::Relaxed);
            if choose.once_in(4) {
                // Often before it is ready.
                std::thread::sleep(Duration::from_millis(choose.below(40)));
            } else {
                let after = before + choose.below(20);
                let going = || steps.load(Ordering::Relaxed) > after || reading.iter().any(|one| one.is_finished());
                assert!(wait_until(START, going), "round {round}: nothing is read any more: {}", serve.errors());
            }
            // One that has failed ends before it is told to.
            if writing.iter().any(|one| one.is_finished()) || reading.iter().any(|one| one.is_finished()) {
                break;
            }
            assert!(serve.is_running(), "round {round}: serve ended by itself: {}", serve.errors());
            serve.kill();
            advanced += u64::from(steps.load(Ordering::Relaxed) > before);
            serve = start(work.path(), port);
        }
        let before = steps.load(Ordering::Relaxed);
        let _ = wait_until(START, || steps.load(Ordering::Relaxed) > before + 20);
        drop(curtain);
        let [uncommitted, committed] = reading.map(|reader| reader.join().unwrap());
        let attempts: Vec<Attempt> = writing.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
        committing.join().unwrap();
        assert!(advanced * 2 >= rounds, "only {advanced} of {rounds} kills came while something was going on");
        (attempts, uncommitted, committed)
    });

    // What was left open by the last kill is aborted, as the next instance of its producer would have it.
    let mut client = Client::new(port);
    for name in ["transactional-0", "transactional-1"] {
        assert!(wait_until(START, || matches!(client.producer(Some(name)), Some(Ok(_)))), "{name} cannot begin again");
    }
    let views = [uncommitted, committed].map(|mut reader| {
        reader.finish();
        view(&reader)
    });
    // Once more from the beginning: the same bytes, whatever was killed in between.
    serve.kill();
    let _serve = start(work.path(), port);
    let mut again = Reader::new(port, PARTITIONS, false);
    again.finish();
    assert!(view(&again) == views[0], "what is read from the beginning is not what was read along");

    let found = violations(&attempts, &views[0], &views[1]);
    assert!(found.is_empty(), "{} violations, first {:#?}", found.len(), &found[..found.len().min(10)]);
    let records: usize = attempts.iter().map(|attempt| attempt.values.len()).sum();
    eprintln!("{rounds} kills, {} batches, {records} records", attempts.len());
}

/// Tells all that it is over, also when something failed.
struct Curtain<'a>(&'a AtomicBool);

impl Drop for Curtain<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Reads along until it is over, and now and then looks back.
fn follow(stage: Stage<'_>, committed: bool, steps: &AtomicU64, mut random: Random) -> Reader {
    let mut reader = Reader::new(stage.port, PARTITIONS, committed);
    while !stage.over.load(Ordering::Relaxed) {
        if !reader.step() {
            std::thread::sleep(Duration::from_millis(3));
            continue;
        }
        steps.fetch_add(1, Ordering::Relaxed);
        if random.once_in(10) {
            reader.look_back(random.below(u64::MAX));
        }
    }
    reader
}

fn view(reader: &Reader) -> View {
    (0..).zip(&reader.partitions).map(|(partition, seen)| (partition, seen.values.clone())).collect()
}

fn create_topic(port: u16) {
    let topic = CreatableTopic {
        name: TOPIC.into(),
        num_partitions: i32::try_from(PARTITIONS).unwrap(),
        replication_factor: 1,
        ..CreatableTopic::default()
    };
    // Records of 1970 would be taken by the retention by time.
    let keep = tailwater_wire::api::create_topics::CreatableTopicConfig {
        name: "retention.ms".into(),
        value: Some("-1".into()),
    };
    let topics = vec![CreatableTopic { configs: vec![keep], ..topic }];
    let request = CreateTopicsRequest { topics, timeout_ms: 10_000, validate_only: false };
    let response = Client::new(port).call(5, &request).unwrap();
    assert!(response.topics[0].error_code.is_none(), "{response:?}");
}

fn start(work: &Path, port: u16) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tailwater"));
    command.arg("serve").arg("--data-dir").arg(work.join("data")).arg("--connectors").arg(work.join("connectors"));
    command.args([
        "--http",
        "off",
        "--connect",
        "off",
        "--pg",
        "off",
        "--kafka",
        &format!("127.0.0.1:{port}"),
        "--json",
    ]);
    Process::spawn(&mut command)
}

fn number<T: FromStr>(variable: &str) -> Option<T> {
    std::env::var(variable).ok()?.parse().ok()
}

fn clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.as_millis() as u64)
}
