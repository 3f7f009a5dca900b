//! The command line: verbs, what they share, and how they end.
//!
//! The result goes to stdout, everything else to stderr. Exit codes: 0 ok, 1 failed, 2 usage or configuration,
//! 3 environment not ready, 4 findings, 130 Ctrl-C.

mod aliases;
mod brokers;
mod config;
mod connect_protection;
mod connectors;
mod consume;
mod demo;
mod doctor;
mod groups;
mod journal;
mod produce;
mod progress;
mod protection;
mod run;
mod serve;
mod tail;
mod topics;
mod users;
mod worker;

use std::io;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use tailwater_connector::Problem;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, reload};

use brokers::Brokers;
pub use brokers::Reached;
pub use connect_protection::Protected;

use crate::feed::Feed;
use crate::log_lines::LogLines;
use crate::loggers;
use crate::signals::INTERRUPTED;

const EXIT_CODES: &str = "\
Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 environment not ready, 4 findings,
130 Ctrl-C. The result is written to stdout, everything else to stderr.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "tailwater",
    version,
    about = "Change data capture for PostgreSQL in one binary",
    after_help = EXIT_CODES,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// What every verb takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What every verb takes.
#[derive(Debug, Args)]
pub struct Global {
    /// When to use colour: auto, always or never
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t = Color::Auto,
        value_name = "WHEN",
        hide_possible_values = true,
        hide_default_value = true,
        display_order = 100
    )]
    color: Color,
    /// More log lines on stderr (twice: even more)
    #[arg(short, long, global = true, action = ArgAction::Count, display_order = 101)]
    verbose: u8,
    /// Fewer log lines on stderr (twice: none)
    #[arg(short, long, global = true, action = ArgAction::Count, display_order = 101)]
    quiet: u8,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show everything in ten seconds, on a private throw-away PostgreSQL
    Demo(demo::Demo),
    /// Capture tables of a database in the foreground; no files needed
    Run(run::Run),
    /// Run the connectors of a directory until stopped
    Serve(Box<serve::Serve>),
    /// Check whether a database is ready to be captured
    Doctor(doctor::Doctor),
    /// Show changes as they come, with what changed
    Tail(tail::Tail),
    /// Print the records of topics, one a line
    Consume(consume::Consume),
    /// List the topics of a data directory, or of Kafka brokers
    Topics(topics::Topics),
    /// Write records to a topic, one a line
    Produce(produce::Produce),
    /// List consumer groups, and how far they have read
    Groups(groups::Groups),
    /// Who may log in to the Kafka listener, and what they may do
    Users(users::Users),
    /// See, make and change the connectors of a running server
    Connectors(connectors::Connectors),
    /// Make connectors of other programs' settings
    Config(config::Config),
    /// Look into the journal of a stopped or running data directory; changes nothing
    Journal(journal::Journal),
}

/// The data directory, as verbs that read one take it.
#[derive(Debug, Args)]
pub struct DataDir {
    /// The data directory, of a server that runs or of one that is stopped
    #[arg(long, global = true, value_name = "DIR", env = "TAILWATER_DATA_DIR", hide_env_values = true, default_value = crate::settings::DATA_DIR)]
    pub data_dir: PathBuf,
}

/// Where topics are, as verbs that read some take it: with brokers, or in a data directory.
#[derive(Debug, Args)]
pub struct Where {
    #[command(flatten)]
    brokers: Brokers,
    #[command(flatten)]
    data: DataDir,
}

impl Where {
    /// The topics there.
    fn feed(&self) -> Result<Feed, Failure> {
        Ok(match self.brokers.reached(None)? {
            Some(brokers) => Feed::connect(brokers)?,
            None => Feed::open(&self.data.data_dir)?,
        })
    }
}

/// How a verb ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Well.
    Ok,
    /// It found something wrong.
    Failed,
    /// The configuration is wrong.
    Usage,
    /// The environment is not ready.
    NotReady,
    /// Well, with findings.
    Findings,
    /// As a problem that was already shown says.
    Of(u8),
    /// By Ctrl-C.
    Interrupted,
}

impl Exit {
    /// The process exit code.
    pub fn code(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::NotReady => 3,
            Exit::Findings => 4,
            Exit::Of(code) => code,
            Exit::Interrupted => INTERRUPTED,
        }
    }
}

/// Why a verb did not end well.
#[derive(Debug)]
pub enum Failure {
    /// What to show; the first error decides the exit code.
    Problems(Vec<Problem>),
    /// Our output could not be written.
    Output(io::Error),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Failure::Problems(vec![problem])
    }
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        Failure::Problems(problems)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Output(error)
    }
}

impl Verb {
    /// Whether errors should be JSON, too.
    pub fn wants_json(&self) -> bool {
        match self {
            Verb::Serve(serve) => serve.json,
            Verb::Doctor(doctor) => doctor.json,
            Verb::Consume(consume) => consume.json,
            Verb::Topics(topics) => topics.json,
            Verb::Produce(produce) => produce.json,
            Verb::Groups(groups) => groups.json,
            Verb::Users(users) => users.wants_json(),
            Verb::Connectors(connectors) => connectors.json,
            Verb::Journal(journal) => journal.wants_json(),
            Verb::Config(_) | Verb::Demo(_) | Verb::Run(_) | Verb::Tail(_) => false,
        }
    }
}

impl Global {
    /// Colour and log lines, for the whole process.
    pub fn apply(&self) {
        match self.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }

    /// Log lines on stderr. A verb in the foreground says itself what matters, and logs only when asked to.
    fn log(&self, foreground: bool) {
        const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
        let usual = match (foreground, self.verbose) {
            (true, 0) => 0,
            (true, _) => 2,
            (false, _) => 3,
        };
        let level = (usual + usize::from(self.verbose)).saturating_sub(usize::from(self.quiet));
        let level = LEVELS.get(level.min(LEVELS.len() - 1)).unwrap_or(&"info");
        let filter = EnvFilter::try_from_env("TAILWATER_LOG").unwrap_or_else(|_| EnvFilter::new(level));
        let colour = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
        let (filter, handle) = reload::Layer::new(filter);
        let lines = LogLines::default();
        loggers::install(level, Box::new(move |filter| drop(handle.reload(filter))), lines.clone());
        let shown = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(colour).with_target(false);
        // Spans are for `lines`: what names its connector here does so itself.
        let shown = shown.with_filter(filter_fn(|metadata| metadata.is_event()));
        // Fails only when it was called before.
        drop(tracing_subscriber::registry().with(filter).with(shown).with(lines).try_init());
    }
}

/// Does what the command line says.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    cli.global.log(!matches!(cli.verb, Verb::Serve(_)));
    match cli.verb {
        Verb::Demo(demo) => demo.run(),
        Verb::Run(run) => run.run(),
        Verb::Serve(serve) => serve.run(),
        Verb::Doctor(doctor) => doctor.run(),
        Verb::Tail(tail) => tail.run(),
        Verb::Consume(consume) => consume.run(),
        Verb::Topics(topics) => topics.run(),
        Verb::Produce(produce) => produce.run(),
        Verb::Groups(groups) => groups.run(),
        Verb::Users(users) => users.run(),
        Verb::Connectors(connectors) => connectors.run(),
        Verb::Config(config) => config.run(),
        Verb::Journal(journal) => journal.run(),
    }
}

/// The error of a service that the operating system refused us.
fn no_signals(error: io::Error) -> Problem {
    Problem::environment("SIGNALS", format!("signals cannot be received: {error}"), "ulimit -n; ulimit -u")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
