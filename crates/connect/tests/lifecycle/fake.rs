//! A connector that does what its configuration says, and a transport that remembers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tailwater_connect::{Herder, Registry, Secrets, Supervisor};
use tailwater_connector::plugin::Instance;
use tailwater_connector::property::Form;
use tailwater_connector::{
    Config, ConnectorState, Durable, Kind, Offset, Plugin, Problem, ProblemKind, Property, Sink, SinkContext, Source,
    SourceContext, SourceWriter, Status, Support, TopicReader, Transport,
};

use crate::memory::Memory;

/// What the scripted classes take.
const PROPERTIES: &[Property] = &[
    Property::new("name", Form::Text, None, "the name"),
    Property::new("connector.class", Form::Text, None, "the class"),
    Property::new("script", Form::Text, None, "what to do, run by run").required(),
    Property::new("preflight", Form::Text, None, "what to find, look by look"),
    Property::new("pw", Form::Secret, None, "a secret"),
    Property::new("host", Form::Text, None, "where to go"),
    Property::new("file", Form::Text, None, "a file to read"),
    Property::new("idle", Form::Text, None, "nothing").support(Support::NoEffect("it is a test")),
];

/// What happened, in order: `NAME begins`, `NAME ends`, and `NAME retries after STATE CODE`.
pub type Journal = Arc<Mutex<Vec<String>>>;

/// Classes `test.Source` and `test.Sink`; what they do is in the property `script`, words that are taken one a run (the
/// last stays): `stream`, `done`, `panic`, `retry`, `pause`, `refuse`.
pub struct Script {
    pub journal: Journal,
    pub is_sink: bool,
}

impl Plugin for Script {
    fn classes(&self) -> &'static [&'static str] {
        if self.is_sink { &["test.Sink"] } else { &["test.Source"] }
    }

    fn kind(&self) -> Kind {
        if self.is_sink { Kind::Sink } else { Kind::Source }
    }

    fn properties(&self) -> &'static [Property] {
        PROPERTIES
    }

    fn configure(&self, config: &Config) -> Result<(Instance, Vec<Problem>), Vec<Problem>> {
        let missing = |name: &str| Problem::config("PROPERTY_MISSING", format!("no {name}"), format!("Add {name}."));
        let problems: Vec<_> =
            ["script", "name"].iter().filter(|n| config.get(n).is_none()).map(|n| missing(n)).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let warning = Problem::config("CONFIG_WARNING", "from configure", "").warning();
        assert!(config.text("script") != "break", "a plugin that breaks");
        let actor = Actor {
            file: config.get("file").map(PathBuf::from),
            name: config.text("name").to_owned(),
            preflight: config.list("preflight"),
            script: config.list("script"),
            journal: Arc::clone(&self.journal),
        };
        let instance = if self.is_sink { Instance::Sink(Box::new(actor)) } else { Instance::Source(Box::new(actor)) };
        Ok((instance, vec![warning]))
    }
}

struct Actor {
    name: String,
    file: Option<PathBuf>,
    preflight: Vec<String>,
    script: Vec<String>,
    journal: Journal,
}

fn next(words: &mut Vec<String>) -> String {
    if words.len() > 1 { words.remove(0) } else { words.first().cloned().unwrap_or_default() }
}

impl Actor {
    fn look(&mut self) -> Vec<Problem> {
        match next(&mut self.preflight).as_str() {
            "unreachable" => vec![Problem::retry("HOST_UNREACHABLE", "no answer", "ping db")],
            "two" => vec![Problem::config("A", "first", "do a"), Problem::environment("B", "second", "do b")],
            "warn" => vec![Problem::config("PREFLIGHT_WARNING", "from preflight", "").warning()],
            _ => Vec::new(),
        }
    }

    fn act(
        &mut self,
        status: &tailwater_connector::StatusCell,
        stop: &tailwater_connector::Stop,
    ) -> Result<(), Problem> {
        let shown = status.get();
        if let Some(error) = shown.error {
            self.note(&format!("retries after {:?} {}", shown.state, error.code));
        }
        match next(&mut self.script).as_str() {
            "stream" => {
                status.set(ConnectorState::Streaming);
                self.note("begins");
                while !stop.wait(Duration::from_secs(60)) {}
                self.note("ends");
                Ok(())
            }
            "done" => Ok(()),
            "retry" => Err(Problem::retry("CONNECTION_LOST", "the server went away", "wait")),
            "pause" => Err(Problem::new(ProblemKind::Paused, "PAUSED_DISK", "full", "free space")),
            "refuse" => Err(Problem::config("AUTH_FAILED", "the password is wrong", "ALTER ROLE …")),
            "panic" => panic!("a row value"),
            other => Err(Problem::internal("SCRIPT", other)),
        }
    }

    fn note(&self, what: &str) {
        self.journal.lock().unwrap().push(format!("{} {what}", self.name));
    }
}

impl Source for Actor {
    fn preflight(&mut self) -> Vec<Problem> {
        self.look()
    }
    fn run(&mut self, context: &mut SourceContext) -> Result<(), Problem> {
        self.act(&context.status, &context.stop)
    }
    fn files(&self) -> Vec<(&'static str, PathBuf)> {
        self.file.iter().map(|file| ("file", file.clone())).collect()
    }
    fn offsets(&self, _: &Durable) -> Vec<Offset> {
        vec![Offset { partition: serde_json::Map::new(), offset: None }]
    }
    fn alter_offsets(&mut self, _: &[Offset], _: &mut dyn SourceWriter) -> Result<(), Problem> {
        self.note("alters");
        let may_end = format!("{} may end", self.name);
        eventually("leave to end", || self.journal.lock().unwrap().contains(&may_end));
        self.note("altered");
        Ok(())
    }
    fn destroy(&mut self) -> Result<(), Problem> {
        self.note("destroyed");
        Ok(())
    }
}

impl Sink for Actor {
    fn preflight(&mut self) -> Vec<Problem> {
        self.look()
    }
    fn run(&mut self, context: &mut SinkContext) -> Result<(), Problem> {
        self.act(&context.status, &context.stop)
    }
}

/// Has no topics and remembers entries. While it is full, what is put waits, is refused, and comes true when there is space
/// again: as the journal does it.
#[derive(Default)]
pub struct Remembering {
    entries: Mutex<BTreeMap<String, Bytes>>,
    waiting: Mutex<Vec<(String, Bytes)>>,
    pub full: AtomicBool,
    /// Connectors that something is kept for.
    pub kept_for: Mutex<BTreeSet<String>>,
    puts: AtomicUsize,
}

impl Remembering {
    /// Makes space.
    pub fn free(&self) {
        self.full.store(false, Ordering::SeqCst);
        self.entries.lock().unwrap().extend(std::mem::take(&mut *self.waiting.lock().unwrap()));
    }
}

impl Transport for Remembering {
    fn open_source(&self, _: &str) -> Result<Box<dyn SourceWriter>, Problem> {
        Ok(Memory::default().writer())
    }
    fn reader(&self) -> Arc<dyn TopicReader> {
        Arc::new(Memory::default())
    }
    fn entries(&self, _: &str) -> BTreeMap<String, Bytes> {
        let entries = self.entries.lock().unwrap();
        entries.iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| (k.clone(), v.clone())).collect()
    }
    fn put_entries(&self, _: &str, entries: &[(&str, &[u8])]) -> Result<(), Problem> {
        let entries = entries.iter().map(|(k, v)| ((*k).to_owned(), Bytes::copy_from_slice(v)));
        if self.full.load(Ordering::SeqCst) {
            self.waiting.lock().unwrap().extend(entries);
            return Err(Problem::new(ProblemKind::Paused, "PAUSED_DISK", "the disk is full", "df -h"));
        }
        self.entries.lock().unwrap().extend(entries);
        // Who was first on disk is not always the first to hear of it.
        let puts = self.puts.fetch_add(1, Ordering::SeqCst) as u64;
        std::thread::sleep(Duration::from_micros(puts * 137 % 700));
        Ok(())
    }
    fn needed_only_by(&self, known: &dyn Fn(&str) -> bool) {
        self.kept_for.lock().unwrap().retain(|connector| known(connector));
    }
}

/// A supervisor over both scripted classes, and what they note.
pub fn supervisor() -> (Supervisor, Journal) {
    let journal = Journal::default();
    let plugin = |is_sink| Arc::new(Script { journal: Arc::clone(&journal), is_sink }) as Arc<dyn Plugin>;
    (Supervisor::new(Registry::new(vec![plugin(false), plugin(true)]), Arc::new(Memory::default())), journal)
}

/// A herder over the same, with a transport that remembers nothing.
pub fn herder() -> (Arc<Herder>, Arc<Supervisor>, Journal) {
    herder_over(Arc::new(Memory::default()))
}

/// A herder over a transport, started.
pub fn herder_over(transport: Arc<dyn Transport>) -> (Arc<Herder>, Arc<Supervisor>, Journal) {
    herder_with(transport, Secrets::new(Box::new(|_| None)))
}

/// The same with placeholders.
pub fn herder_with(transport: Arc<dyn Transport>, secrets: Secrets) -> (Arc<Herder>, Arc<Supervisor>, Journal) {
    let journal = Journal::default();
    let plugin = |is_sink| Arc::new(Script { journal: Arc::clone(&journal), is_sink }) as Arc<dyn Plugin>;
    let registry = Registry::new(vec![plugin(false), plugin(true)]);
    let supervisor = Arc::new(Supervisor::new(registry.clone(), Arc::clone(&transport)));
    let (herder, keeper) = Herder::open(registry, Arc::clone(&supervisor), transport, secrets);
    herder.start(keeper).unwrap();
    (herder, supervisor, journal)
}

/// A configuration of class `test.CLASS`.
pub fn config(name: &str, class: &str, more: &[(&str, &str)]) -> Config {
    let class = format!("test.{class}");
    let own = [("name", name), ("connector.class", class.as_str())];
    own.into_iter().chain(more.iter().copied()).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

/// Waits for a condition, and fails when it does not come.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until a connector is in a state; returns its status.
pub fn reaches(supervisor: &Supervisor, name: &str, state: ConnectorState) -> Status {
    let get = || supervisor.statuses().remove(name).filter(|s| s.state == state);
    eventually(&format!("{name} in state {state:?}"), || get().is_some());
    get().unwrap()
}
