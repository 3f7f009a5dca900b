//! How much is logged, changed while it runs: Connect's `/admin/loggers` over the one filter of the process.
//!
//! People type Java's names; those that mean something here stand for the part of Tailwater that does the same work.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tailwater_connect::rest::{LogLine, LoggerLevel, Loggers};
use tracing_subscriber::EnvFilter;

use crate::limits::LOGGERS;
use crate::log_lines::LogLines;

const ROOT: &str = "root";

/// Java's names, and the targets of log lines that they stand for.
const NAMES: [(&str, &str); 7] = [
    ("io.aiven.kafka.connect", "tailwater_sinks"),
    ("io.confluent.connect.jdbc", "tailwater_postgres::query"),
    ("io.confluent.connect.s3", "tailwater_sinks"),
    ("io.debezium", "tailwater_postgres"),
    ("org.apache.kafka.clients", "tailwater_kafka"),
    ("org.apache.kafka.connect", "tailwater_connect"),
    ("tailwater", "tailwater"),
];

static LOG: OnceLock<Arc<Log>> = OnceLock::new();

type Reload = Box<dyn Fn(EnvFilter) + Send + Sync>;

/// The filter of the process's log.
pub struct Log {
    levels: Mutex<BTreeMap<String, LoggerLevel>>,
    reload: Reload,
    lines: LogLines,
}

/// Remembers how the filter is changed, and where lines are kept; the first word counts.
pub fn install(level: &str, reload: Reload, lines: LogLines) {
    let level = |name: &str| (name.to_owned(), LoggerLevel { level: level.to_uppercase(), last_modified: None });
    let names = NAMES.iter().map(|(name, _)| *name).chain([ROOT]);
    drop(LOG.set(Arc::new(Log { levels: Mutex::new(names.map(level).collect()), reload, lines })));
}

/// The process's log; one without effect where none was installed.
pub fn get() -> Arc<Log> {
    let nothing = || Arc::new(Log { levels: Mutex::default(), reload: Box::new(|_| ()), lines: LogLines::default() });
    LOG.get().cloned().unwrap_or_else(nothing)
}

impl Log {
    fn levels(&self) -> MutexGuard<'_, BTreeMap<String, LoggerLevel>> {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loggers for Log {
    fn all(&self) -> BTreeMap<String, LoggerLevel> {
        self.levels().clone()
    }

    fn lines(&self, connector: &str, after: u64, most: usize) -> Vec<LogLine> {
        self.lines.after(connector, after, most)
    }

    fn set(&self, logger: &str, level: &str) -> Vec<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let changed = LoggerLevel { level: level.to_owned(), last_modified: i64::try_from(now).ok() };
        let mut levels = self.levels();
        let new = !levels.contains_key(logger) && levels.len() < LOGGERS;
        if new {
            levels.insert(logger.to_owned(), changed.clone());
        }
        let below = |name: &str| name.strip_prefix(logger).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let mut concerned = Vec::new();
        for (name, current) in levels.iter_mut().filter(|(name, _)| logger == ROOT || below(name)) {
            // As Connect does: what has the level already is not touched, and not named. A new name has no time yet.
            if current.level != changed.level || name == logger && new {
                *current = changed.clone();
                concerned.push(name.clone());
            }
        }
        (self.reload)(filter(&levels));
        concerned
    }
}

/// The filter that the levels make; the most specific one decides.
fn filter(levels: &BTreeMap<String, LoggerLevel>) -> EnvFilter {
    let root = levels.get(ROOT).map_or("INFO", |level| level.level.as_str());
    let mut filter = EnvFilter::new(root.to_lowercase());
    for (name, level) in levels.iter().filter(|(_, level)| level.last_modified.is_some()) {
        for target in targets(name) {
            if let Ok(directive) = format!("{target}={}", level.level.to_lowercase()).parse() {
                filter = filter.add_directive(directive);
            }
        }
    }
    filter
}

/// The targets that a logger's name stands for.
fn targets(name: &str) -> Vec<&str> {
    if name.starts_with("tailwater") {
        return vec![name];
    }
    let within = |java: &&(&str, &str)| name == java.0 || name.starts_with(&format!("{}.", java.0));
    NAMES.iter().filter(within).map(|(_, target)| *target).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn javas_names_turn_our_log_up_and_down() {
        let shown = Arc::new(Mutex::new(String::new()));
        let into = Arc::clone(&shown);
        let level = |level: &str| LoggerLevel { level: level.into(), last_modified: None };
        let levels = [ROOT, "io.debezium", "org.apache.kafka.connect"].map(|name| (name.to_owned(), level("INFO")));
        let reload = move |filter: EnvFilter| *into.lock().unwrap() = filter.to_string();
        let log = Log { levels: Mutex::new(levels.into()), reload: Box::new(reload), lines: LogLines::default() };
        assert_eq!(log.set("io.debezium.connector", "DEBUG"), ["io.debezium.connector"]);
        assert_eq!(*shown.lock().unwrap(), "tailwater_postgres=debug,info");
        assert_eq!(log.set("io.debezium", "TRACE"), ["io.debezium", "io.debezium.connector"]);
        assert_eq!(*shown.lock().unwrap(), "tailwater_postgres=trace,info");
        assert_eq!(log.set("com.example", "TRACE"), ["com.example"]);
        assert_eq!(log.set(ROOT, "WARN").len(), 5);
        assert!(shown.lock().unwrap().ends_with("warn"), "{shown:?}");
        assert!(log.all().values().all(|level| level.level == "WARN" && level.last_modified.is_some()));
    }
}
