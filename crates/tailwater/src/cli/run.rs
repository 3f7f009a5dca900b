//! `run`: capture in the foreground, without any file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tailwater_connector::plugin::Instance;
use tailwater_connector::{Config, ConnectorState, Problem, TopicReader};
use tailwater_event::topic::sanitize;

use super::aliases::Aliases;
use super::consume::now_ms;
use super::doctor::examine;
use super::progress::Progress;
use super::tail::Lines;
use super::{Exit, Failure, no_signals};
use crate::follow::{Follower, Selection};
use crate::limits::{STOP_WITHIN, WATCH_EVERY};
use crate::offsets::{Point, Range};
use crate::plugins::Plugins;
use crate::scratch::Scratch;
use crate::server::Server;
use crate::signals::Signals;
use crate::source_uri::SourceUri;

const EXAMPLES: &str = "\
Examples:
  tailwater run postgres://alice@localhost:5432/shop --table public.orders
  tailwater run postgres://alice@localhost/shop --table 'public.*' --to ./lake
  PGPASSWORD=… tailwater run postgres://alice@db/shop --data-dir ./shop   # goes on where it ended

Without --data-dir it is throw-away: slot, publication and data are removed at the end. Changes
are printed as `tailwater tail` prints them; with --to they also go to DIR as JSON lines and as a
log of changed fields.";

/// Name of the source in the data directory.
const SOURCE: &str = "source";
/// Where the names that this data directory uses on the server are kept.
const NAMES: &str = "run";

/// How long a change may wait for its file, in milliseconds.
const FILE_MS: &str = "10000";

/// Capture tables of a database in the foreground; no files needed
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Run {
    /// postgres://USER@HOST:PORT/DATABASE; what it leaves out comes from PGHOST, PGPASSWORD, ~/.pgpass and so on
    #[arg(value_name = "URI", default_value = "postgres://", hide_default_value = true)]
    uri: String,
    /// Tables to capture, SCHEMA.TABLE or a pattern; all when none is named
    #[arg(short, long = "table", value_name = "TABLE")]
    tables: Vec<String>,
    /// Where to write files: JSON lines of events, and the log of changed fields
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Keep data and position here, and go on from there the next time
    #[arg(long, value_name = "DIR", env = "TAILWATER_DATA_DIR", hide_env_values = true)]
    data_dir: Option<PathBuf>,
    /// First part of the topics' names [default: the database's name]
    #[arg(long, value_name = "NAME")]
    prefix: Option<String>,
    /// End when the existing rows have been read
    #[arg(long)]
    snapshot_only: bool,
    #[command(flatten)]
    aliases: Aliases,
}

/// A database as `run`, `doctor` and `demo` capture it.
pub struct Source {
    uri: SourceUri,
    tables: Vec<String>,
    /// First part of the topics' names.
    pub prefix: String,
}

impl Source {
    /// From the command line and the environment.
    pub fn new(uri: &str, tables: &[String]) -> Result<Source, Problem> {
        let uri = SourceUri::parse(uri, &|name| std::env::var(name).ok())?;
        // A name without a schema is one of `public`, as in psql.
        let qualified = |table: &String| if table.contains('.') { table.clone() } else { format!("public.{table}") };
        let tables = tables.iter().map(qualified).collect();
        Ok(Source { prefix: sanitize(uri.database()), uri, tables })
    }

    /// Its properties; `slot` names the replication slot and the publication.
    pub fn config(&self, slot: &str) -> Config {
        let mut config = self.uri.properties();
        config.set("topic.prefix", &self.prefix);
        config.set("slot.name", slot);
        config.set("publication.name", slot);
        if !self.tables.is_empty() {
            config.set("table.include.list", &self.tables.join(","));
            config.set("table.include.required", "true");
        }
        config
    }

    /// The database, for people.
    pub fn shown(&self) -> String {
        self.uri.shown()
    }
}

impl Run {
    /// Captures until Ctrl-C, SIGTERM, an error or, with `--snapshot-only`, the end of the snapshot.
    pub fn run(self) -> Result<Exit, Failure> {
        let signals = Signals::listen().map_err(no_signals)?;
        let plugins = Plugins { aliases: self.aliases.usual()?, ..Plugins::default() };
        let mut source = Source::new(&self.uri, &self.tables)?;
        if let Some(prefix) = &self.prefix {
            source.prefix.clone_from(prefix);
        }
        let scratch = self.data_dir.is_none().then(|| Scratch::new("tailwater-run-")).transpose()?;
        let data_dir = match (&self.data_dir, &scratch) {
            (Some(dir), _) => dir.clone(),
            (None, Some(scratch)) => scratch.path().to_owned(),
            (None, None) => return Ok(Exit::Failed),
        };
        let server = Server::open(&data_dir, plugins.clone(), None, None)?;
        let mut config = source.config(&slot_name(&server)?);
        if self.snapshot_only {
            config.set("snapshot.mode", "initial_only");
        }
        let mut progress = Progress::new();
        let result = self.capture(&server, &plugins, &source, &config, &mut progress, &signals);
        progress.clear();
        let ended = end(server, scratch.is_some(), &data_dir, &progress);
        let exit = result?;
        ended?;
        Ok(exit)
    }

    fn capture(
        &self,
        server: &Server,
        plugins: &Plugins,
        source: &Source,
        config: &Config,
        progress: &mut Progress,
        signals: &Signals,
    ) -> Result<Exit, Failure> {
        let problems = examine(config, plugins).problems;
        if problems.iter().any(Problem::is_error) {
            return Err(problems.into());
        }
        progress.say(&format!("capturing {}", source.shown()));
        let reader = server.reader();
        let from_now = Range::from(Point::End);
        let mut changes = Changes::new(Arc::clone(&reader), Follower::new(reader, Selection::All, from_now, now_ms()));
        changes.print(progress)?;
        server.supervisor().start(SOURCE, config)?;
        if let Some(to) = &self.to {
            start_sinks(server, &format!("{}\\..*", source.prefix.replace('.', "\\.")), to, &[])?;
            progress.say(&format!("files go to {}", to.display()));
        }
        let mut following = false;
        loop {
            changes.print(progress)?;
            let statuses = server.supervisor().statuses();
            progress.show(&statuses);
            if let Some(problem) = server.failure() {
                return Err(problem.into());
            }
            if let Some(status) = statuses.values().find(|s| s.state == ConnectorState::Failed) {
                // It has been said; the exit code follows from it.
                return Ok(Exit::Of(status.error.as_ref().map_or(1, Problem::exit_code)));
            }
            let state = statuses.get(SOURCE).map(|s| s.state);
            if !following && state == Some(ConnectorState::Streaming) {
                following = true;
                progress.say("following changes; Ctrl-C ends it");
            }
            if state == Some(ConnectorState::Done) {
                return Ok(Exit::Ok);
            }
            if signals.stop.is_set() {
                return Ok(if signals.by_ctrl_c() { Exit::Interrupted } else { Exit::Ok });
            }
            changes.wait();
        }
    }
}

/// Prints the changes that arrive, but not the rows of the snapshot.
struct Changes {
    reader: Arc<dyn TopicReader>,
    follower: Follower,
    lines: Lines,
    /// Whether there was something at the last look.
    behind: bool,
}

impl Changes {
    fn new(reader: Arc<dyn TopicReader>, follower: Follower) -> Changes {
        Changes { reader, follower, lines: Lines::without_snapshot(), behind: false }
    }

    fn print(&mut self, progress: &Progress) -> Result<(), Failure> {
        self.behind = progress.aside(|| self.lines.print(&mut self.follower, self.reader.as_ref()))?;
        Ok(())
    }

    /// Waits for news unless there is more to print.
    fn wait(&mut self) {
        if !self.behind {
            self.follower.wait(WATCH_EVERY);
        }
    }
}

/// Starts the sinks of `--to`: events as JSON lines, and the log of changed fields, which has properties of its own.
pub fn start_sinks(server: &Server, topics: &str, to: &Path, pivots: &[(&str, &str)]) -> Result<(), Failure> {
    let unusable = |why: &str| {
        let cause = format!("files cannot be written to {}: {why}", to.display());
        Problem::environment("FILES_DIR", cause, "Name another directory with --to.")
    };
    std::fs::create_dir_all(to).map_err(|error| unusable(&error.to_string()))?;
    let url = url::Url::from_file_path(std::path::absolute(to)?).map_err(|()| unusable("it is no path"))?;
    let mut files = Config::default();
    files.set("topics.regex", topics);
    files.set("store.url", url.as_str());
    files.set("rotate.schedule.interval.ms", FILE_MS);
    let mut pivot = files.clone();
    files.set("connector.class", "io.confluent.connect.s3.S3SinkConnector");
    pivot.set("connector.class", "tailwater.PivotSink");
    pivots.iter().for_each(|(name, value)| pivot.set(name, value));
    server.supervisor().start("files", &files)?;
    Ok(server.supervisor().start("pivot", &pivot)?)
}

/// The name of slot and publication: drawn once per data directory, and kept in it.
fn slot_name(server: &Server) -> Result<String, Problem> {
    let transport = server.transport();
    if let Some(name) = transport.entries(NAMES).get("slot") {
        return Ok(String::from_utf8_lossy(name).into_owned());
    }
    let random = uuid::Uuid::now_v7().simple().to_string();
    let name = format!("tailwater_{}", random.get(20..).unwrap_or(&random));
    transport.put_entries(NAMES, &[("slot", name.as_bytes())])?;
    Ok(name)
}

/// Drains, says where it can go on, and removes what a throw-away run has made.
fn end(server: Server, throw_away: bool, data_dir: &Path, progress: &Progress) -> Result<(), Failure> {
    let instance = server.supervisor().stop(SOURCE, STOP_WITHIN)?;
    let position = server.transport().open_source(SOURCE).and_then(|mut writer| writer.durable());
    if throw_away {
        if let Some(Instance::Source(mut source)) = instance {
            source.destroy()?;
        }
    } else if let Some(lsn) = position.ok().and_then(|durable| tailwater_postgres::resume_lsn(&durable.position)) {
        progress
            .say(&format!("everything up to {lsn} is in {}; the same command goes on from there", data_dir.display()));
    }
    Ok(server.close(Duration::from_secs(1).max(STOP_WITHIN / 2))?)
}
