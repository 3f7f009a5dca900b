//! A source under test: run on a thread against a real server, its records kept in memory.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "every test binary uses a part of it")]

mod memory;
pub mod tls;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tailwater_connector::{Config, Problem, Signals, Source, SourceContext, StatusCell, Stop};
use tailwater_postgres::PostgresSource;
use tailwater_postgres::settings::Settings;
use tailwater_testkit::{Postgres, wait_until};

pub use memory::{Memory, Record};

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running source.
pub struct Running {
    pub status: Arc<StatusCell>,
    pub signals: Signals,
    stop: Stop,
    thread: Option<JoinHandle<Result<(), Problem>>>,
}

/// A connector's configuration for the server's database `postgres`.
pub fn config(server: &Postgres, extra: &[(&str, &str)]) -> Config {
    let port = server.port().to_string();
    let base = [
        ("name", "test"),
        ("topic.prefix", "srv"),
        ("plugin.name", "pgoutput"),
        ("database.hostname", "127.0.0.1"),
        ("database.port", port.as_str()),
        ("database.user", "postgres"),
        ("database.dbname", "postgres"),
        ("slot.name", "tw"),
        ("extended.headers.enabled", "false"),
        ("key.converter.schemas.enable", "false"),
        ("value.converter.schemas.enable", "false"),
    ];
    base.iter().chain(extra).map(|(k, v)| (k.to_string(), v.to_string())).collect()
}

/// Starts a source that writes into `memory`.
pub fn start(server: &Postgres, memory: &Memory, extra: &[(&str, &str)]) -> Running {
    let settings = Settings::parse(&config(server, extra)).unwrap().0;
    run(PostgresSource::new(settings), memory)
}

/// What a source that writes into `memory` is given.
pub fn context(memory: &Memory) -> SourceContext {
    SourceContext {
        name: "test".into(),
        writer: Box::new(memory.writer()),
        status: Arc::new(StatusCell::new("test")),
        stop: Stop::default(),
        signals: Signals::default(),
    }
}

/// Runs any source into `memory`.
pub fn run(mut source: impl Source + 'static, memory: &Memory) -> Running {
    let mut context = context(memory);
    let (status, stop) = (context.status.clone(), context.stop.clone());
    let signals = context.signals.clone();
    let thread = std::thread::spawn(move || source.run(&mut context));
    Running { status, signals, stop, thread: Some(thread) }
}

impl Running {
    /// Stops it and gives its result.
    pub fn stop(mut self) -> Result<(), Problem> {
        self.stop.set();
        self.thread.take().unwrap().join().unwrap()
    }

    /// Waits until it ends by itself.
    pub fn wait(mut self) -> Result<(), Problem> {
        assert!(wait_until(PATIENCE, || self.thread.as_ref().unwrap().is_finished()), "it does not end");
        self.thread.take().unwrap().join().unwrap()
    }

    /// Waits until it streams.
    pub fn streams(&self) {
        let streams = || self.status.get().state == tailwater_connector::ConnectorState::Streaming;
        assert!(
            wait_until(PATIENCE, || streams() || self.thread.as_ref().unwrap().is_finished()),
            "it does not stream"
        );
        assert!(streams(), "it ended instead of streaming");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.set();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Waits until so many records are durable, and gives all of them.
pub fn wait_for(memory: &Memory, running: &Running, records: usize) -> Vec<Record> {
    let _ =
        wait_until(PATIENCE, || memory.records().len() >= records || running.thread.as_ref().unwrap().is_finished());
    let found = memory.records();
    assert_eq!(found.len(), records, "{}", found.iter().map(|r| r.brief() + "\n").collect::<String>());
    found
}

/// Records in short: `op key-or-row` per line, tombstones as `T`.
pub fn brief(records: &[Record]) -> Vec<String> {
    records.iter().map(Record::brief).collect()
}

/// A field of the value's `source`.
pub fn source(record: &Record) -> Value {
    record.value()["source"].clone()
}

/// The slot's confirmed position as a number.
pub fn confirmed(server: &Postgres, slot: &str) -> u64 {
    let text = server.psql(
        "postgres",
        &format!(
            "select (confirmed_flush_lsn - '0/0'::pg_lsn)::bigint from pg_replication_slots where slot_name = '{slot}';"
        ),
    );
    text.parse().unwrap_or_default()
}
