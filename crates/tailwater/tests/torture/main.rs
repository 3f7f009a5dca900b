//! The promise of the journal under fire: the program killed at any moment, and the server crashed under load.
//!
//! `TAILWATER_KILL_ROUNDS` is how many kills (20), `TAILWATER_KILL_SEED` repeats the choices of a run; what the kernel
//! does between them is never the same twice.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod compare;
mod load;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tailwater_testkit::{Postgres, Random, Serve, Session, StopMode, Witness, wait_until, write_connector};

use crate::compare::compare;
use crate::load::Load;

/// Name and topic prefix of the connector.
const NAME: &str = "torture";
/// Up to where the server may forget its log.
const CONFIRMED: &str = "select confirmed_flush_lsn from pg_replication_slots where slot_name = 'torture_slot';";
/// How topics are made where a test wants several partitions.
const SEVERAL_PARTITIONS: [(&str, &str); 5] = [
    ("topic.creation.default.partitions", "3"),
    ("topic.creation.default.replication.factor", "1"),
    ("topic.creation.groups", "one"),
    ("topic.creation.one.include", r".*\.single"),
    ("topic.creation.one.partitions", "1"),
];
/// How long anything that must happen may take.
const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn a_kill_at_any_moment_loses_nothing_and_repeats_nothing() {
    let (rounds, seed) = (rounds(), seed());
    eprintln!("TAILWATER_KILL_SEED={seed}");
    // One table in one partition, the others in several.
    let scene = Scene::new(Postgres::start(), &SEVERAL_PARTITIONS);
    let mut random = Random::new(seed);
    let mut serve = scene.streaming();
    serve.process.kill();
    let beginning = scene.confirmed();

    let load = Load::start(&scene.server, seed);
    let (mut advanced, mut last) = (0, beginning);
    for round in 0..rounds {
        let mut process = Serve::launch(binary(), &scene.data(), &scene.connectors());
        match random.below(4) {
            // Often before it is ready.
            0 => std::thread::sleep(Duration::from_millis(random.below(40))),
            // As soon as the server was told of something: it must be in the journal already.
            1 => scene.confirms(Duration::from_millis(1500)),
            _ => std::thread::sleep(Duration::from_millis(random.below(500))),
        }
        assert!(process.is_running(), "round {round}: serve ended by itself: {}", process.errors());
        process.kill();
        let recoverable = scene.recoverable().unwrap_or(beginning);
        let confirmed = scene.confirmed();
        assert!(confirmed <= recoverable, "round {round}: {confirmed:X} is confirmed, {recoverable:X} recoverable");
        assert!(last <= recoverable, "round {round}: {last:X} was recoverable, now only {recoverable:X}");
        advanced += u64::from(recoverable > last);
        last = recoverable;
    }
    load.stop();
    assert!(advanced * 10 >= rounds, "only {advanced} of {rounds} kills came while something was being written");

    let (events, partitions) = scene.finish(scene.streaming());
    assert_eq!(partitions, 10, "one table in one, three in three");
    eprintln!("{rounds} kills, {advanced} of them after progress, {events} events");
}

#[test]
fn a_server_that_crashes_under_load_loses_nothing_and_repeats_nothing() {
    let (rounds, seed) = ((rounds() / 4).max(5), seed());
    eprintln!("TAILWATER_KILL_SEED={seed}");
    let server = Postgres::builder().setting("fsync", "on").setting("synchronous_commit", "on").start();
    let scene = Scene::new(server, &[]);
    let mut random = Random::new(seed);
    let serve = scene.streaming();
    let load = Load::start(&scene.server, seed);
    for round in 0..rounds {
        // Some crashes come before the connector is back.
        if !random.once_in(4) {
            serve.wait_state(NAME, "streaming", DEADLINE);
        }
        let wanted = load.done() + 20 + random.below(200);
        assert!(wait_until(DEADLINE, || load.done() >= wanted), "round {round}: the load stands still");
        scene.server.write().unwrap().restart(StopMode::Immediate);
    }
    load.stop();
    serve.wait_state(NAME, "streaming", DEADLINE);
    let (events, partitions) = scene.finish(serve);
    assert_eq!(partitions, load::TABLES.len());
    eprintln!("{rounds} crashes, {events} events");
}

/// A server with the tables of the load, a witness, and the directories of the program.
struct Scene {
    server: Arc<RwLock<Postgres>>,
    witness: Witness,
    dir: tempfile::TempDir,
}

impl Scene {
    /// Nothing has been written yet.
    fn new(server: Postgres, more: &[(&str, &str)]) -> Scene {
        server.psql("postgres", &load::schema());
        let witness = Witness::create(&server, "postgres", "witness");
        let scene = Scene { server: Arc::new(RwLock::new(server)), witness, dir: tempfile::tempdir().unwrap() };
        let properties = [
            ("snapshot.mode", "no_data"),
            ("schema.include.list", "public"),
            ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
            ("key.converter.schemas.enable", "false"),
            ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
            ("value.converter.schemas.enable", "false"),
        ];
        let properties = [&properties, more].concat();
        write_connector(&scene.connectors(), NAME, &scene.server.read().unwrap(), "postgres", &properties);
        scene
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn connectors(&self) -> PathBuf {
        self.dir.path().join("connectors")
    }

    /// The program, once it streams.
    fn streaming(&self) -> Serve {
        let serve = Serve::start(binary(), &self.data(), &self.connectors());
        serve.wait_state(NAME, "streaming", DEADLINE);
        serve
    }

    fn psql(&self, sql: &str) -> String {
        self.server.read().unwrap().psql("postgres", sql)
    }

    /// What the server was told to forget.
    fn confirmed(&self) -> u64 {
        lsn(&self.psql(CONFIRMED))
    }

    /// Waits until the server was told more, if that comes within `patience`.
    fn confirms(&self, patience: Duration) {
        let mut session = Session::open(&self.server.read().unwrap(), "postgres");
        let mut ask = || session.run(CONFIRMED).unwrap();
        let (before, asked) = (ask(), Instant::now());
        while ask() == before && asked.elapsed() < patience {}
    }

    /// How far the next start would find the journal of a program that is not running; None before its first frame.
    fn recoverable(&self) -> Option<u64> {
        let mut verify = Command::new(binary());
        verify.args(["journal", "verify", "--json"]).arg(self.data());
        let output = verify.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "verify: {text}{}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(report["damage"], Value::Array(Vec::new()));
        report["recoverable"][NAME]["position"].as_str().filter(|position| position.contains('/')).map(lsn)
    }

    /// Waits until everything that was written is confirmed, ends the program politely, and compares.
    fn finish(&self, mut serve: Serve) -> (usize, usize) {
        let rows = load::TABLES.map(|table| format!("insert into {} (v) values ('the end');", table.name)).concat();
        let end = self.psql(&format!("{rows} select pg_current_wal_insert_lsn();"));
        let reached = wait_until(DEADLINE, || self.confirmed() >= lsn(&end));
        assert!(reached, "{end} is not confirmed: {} {}", serve.connector(NAME), serve.process.errors());
        serve.process.terminate();
        let status = serve.process.wait(DEADLINE);
        assert!(status.is_some_and(|status| status.success()), "{status:?}: {}", serve.process.errors());
        assert!(self.recoverable().is_some_and(|position| position >= lsn(&end)));
        compare(binary(), &self.data(), &self.server.read().unwrap(), &self.witness, NAME)
    }
}

/// The binary.
fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_tailwater"))
}

/// Kills of one run.
fn rounds() -> u64 {
    from_environment("TAILWATER_KILL_ROUNDS").unwrap_or(20)
}

/// What this run's choices follow from.
fn seed() -> u64 {
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    from_environment("TAILWATER_KILL_SEED").unwrap_or_else(clock)
}

fn from_environment<T: FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// A position as PostgreSQL writes one.
fn lsn(text: &str) -> u64 {
    let parsed = text
        .trim()
        .split_once('/')
        .and_then(|(high, low)| Some((u64::from_str_radix(high, 16).ok()? << 32) | u64::from_str_radix(low, 16).ok()?));
    parsed.unwrap_or_else(|| panic!("{text:?} is no position"))
}
