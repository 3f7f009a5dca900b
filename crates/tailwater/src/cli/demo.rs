//! `demo`: everything in ten seconds, on a private throw-away PostgreSQL.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use tailwater_connector::plugin::Instance;
use tailwater_connector::{ConnectorState, Problem, TopicReader};
use tailwater_postgres::client::Client;
use tailwater_postgres::settings::Settings;

use super::consume::now_ms;
use super::progress::Progress;
use super::run::{Source, start_sinks};
use super::tail::Lines;
use super::{Exit, Failure, no_signals};
use crate::demo::postgres::PrivatePostgres;
use crate::demo::{latency, report, script};
use crate::follow::{Follower, Selection};
use crate::limits::{DEMO_WAIT, STOP_WITHIN, WATCH_EVERY};
use crate::offsets::{Point, Range};
use crate::plugins::Plugins;
use crate::render::style::{DIM, paint};
use crate::scratch::Scratch;
use crate::server::Server;
use crate::signals::Signals;

const EXAMPLES: &str = "\
Examples:
  tailwater demo
  tailwater demo --keep
  tailwater demo --postgres postgres://alice@localhost:5432/scratch";

const SOURCE: &str = "source";
const PREFIX: &str = "demo";
/// What goes to files: all but the latency measurement.
const SHOWN_TOPICS: &str = "demo\\.(public\\.customers|bank\\.holding)";
/// The log of changed fields, as the tutorial that the table comes from asks for it.
const PIVOT: [(&str, &str); 3] = [
    ("topics.regex", "demo\\.bank\\.holding"),
    ("pivot.carry", "user_id"),
    ("pivot.fields", "holding_stock,holding_quantity"),
];
const SLOT: &str = "tailwater_demo";

/// Show everything in ten seconds, on a private throw-away PostgreSQL
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Demo {
    /// Use this database: the demo's tables are made in it, and dropped at the end
    #[arg(long, value_name = "URI")]
    postgres: Option<String>,
    /// Keep the data directory and the files for a closer look
    #[arg(long)]
    keep: bool,
}

/// The demo while it runs.
struct Show<'a> {
    server: &'a Server,
    client: Client,
    progress: Progress,
    signals: &'a Signals,
    follower: Follower,
    lines: Lines,
}

impl Demo {
    /// Plays it; everything that it made is removed, however it ends.
    pub fn run(self) -> Result<Exit, Failure> {
        let signals = Signals::listen().map_err(no_signals)?;
        let started = Instant::now();
        let progress = Progress::new();
        let private = match &self.postgres {
            Some(_) => None,
            None => {
                progress.say("starting a private PostgreSQL");
                Some(PrivatePostgres::start(&signals.stop)?)
            }
        };
        if signals.stop.is_set() {
            return Ok(Exit::Interrupted);
        }
        let uri = private.as_ref().map(PrivatePostgres::uri).or(self.postgres.clone()).unwrap_or_default();
        let mut source = Source::new(&uri, &script::TABLES.map(str::to_owned))?;
        source.prefix = PREFIX.into();
        let shown = private.as_ref().map_or_else(|| source.shown(), PrivatePostgres::shown);
        progress.say(&format!("{shown}, ready after {:.1} s", started.elapsed().as_secs_f64()));

        let mut client = connect(&source)?;
        if client.query(script::COLLISIONS).map_err(sql_failed)?.first().is_some_and(|row| row.text(0) != "0") {
            return Err(Problem::config(
                "DEMO_TABLES_EXIST",
                "the database has a table or schema of the demo's names (customers, pulse, bank) already",
                "CREATE DATABASE scratch;   -- and name that one with --postgres",
            )
            .into());
        }
        let mut scratch = Scratch::new("tailwater-demo-")?;
        if self.keep {
            scratch.keep();
        }
        client.execute(&format!("BEGIN; {} {}; COMMIT", script::SETUP, script::customers())).map_err(sql_failed)?;
        let played = self.capture(&source, scratch.path(), client, progress, &signals);
        if private.is_none() {
            connect(&source)?.execute(script::TEARDOWN).map_err(sql_failed)?;
        }
        if !played? {
            return Ok(Exit::Interrupted);
        }
        let mut out = anstream::stdout();
        report::next(&mut out, &self.next(scratch.path()))?;
        writeln!(anstream::stderr(), "\nall of it took {:.1} s", started.elapsed().as_secs_f64())?;
        Ok(Exit::Ok)
    }

    /// Captures what happens and shows it; false when it was interrupted.
    fn capture(
        &self,
        source: &Source,
        scratch: &Path,
        client: Client,
        progress: Progress,
        signals: &Signals,
    ) -> Result<bool, Failure> {
        let (data, lake) = (scratch.join("data"), scratch.join("lake"));
        std::fs::create_dir(&lake)?;
        let server = Server::open(&data, Plugins::default(), None, None)?;
        let reader = server.reader();
        let follower = Follower::new(Arc::clone(&reader), Selection::All, Range::from(Point::End), now_ms());
        let lines = Lines::without_snapshot();
        let mut show = Show { server: &server, client, progress, signals, follower, lines };
        let played = show.play(source, &lake);
        let destroyed = match server.supervisor().stop(SOURCE, STOP_WITHIN)? {
            Some(Instance::Source(mut source)) => source.destroy(),
            _ => Ok(()),
        };
        server.close(STOP_WITHIN)?;
        let Some(latency) = played? else { return Ok(false) };
        destroyed?;
        let mut out = anstream::stdout().lock();
        report::heading(&mut out, "Files")?;
        report::tree(&mut out, &lake)?;
        report::heading(&mut out, "Changed fields of bank.holding")?;
        report::text_files(&mut out, &lake, &|file| {
            let path = file.to_string_lossy();
            path.contains("bank.holding") && path.ends_with(".csv")
        })?;
        report::heading(&mut out, "Figures")?;
        report::figures(&mut out, &latency)?;
        Ok(true)
    }

    fn next(&self, scratch: &Path) -> [String; 3] {
        let data = scratch.join("data");
        let data = data.display();
        if self.keep {
            return [
                format!("tailwater consume demo.bank.holding --from-beginning --data-dir {data} | jq .payload.op"),
                format!("tailwater tail bank.holding --from-beginning --data-dir {data}"),
                format!("tailwater journal verify {data}"),
            ];
        }
        [
            "tailwater demo --keep   # leaves the data for a closer look".into(),
            "tailwater doctor postgres://USER@HOST/DATABASE".into(),
            "tailwater run postgres://USER@HOST/DATABASE --table public.orders --to ./lake".into(),
        ]
    }
}

impl Show<'_> {
    /// The live part; `None` when it was interrupted.
    fn play(&mut self, source: &Source, lake: &Path) -> Result<Option<latency::Latency>, Failure> {
        self.server.supervisor().start(SOURCE, &source.config(SLOT))?;
        start_sinks(self.server, SHOWN_TOPICS, lake, &PIVOT)?;
        if !self.until(|show| Ok(show.state()? == ConnectorState::Streaming))? {
            return Ok(None);
        }
        // Skips the rows of the snapshot.
        self.print()?;
        let mut out = anstream::stdout();
        report::heading(&mut out, "What happens in the database, and what is captured")?;
        for (statement, changes) in script::LIVE {
            writeln!(out, "{}", paint(DIM, format_args!("{statement};")))?;
            self.client.execute(statement).map_err(sql_failed)?;
            let wanted = self.lines.count() + changes;
            let arrived = |show: &mut Self| {
                show.print()?;
                Ok(show.lines.count() >= wanted)
            };
            if !self.until(arrived)? {
                return Ok(None);
            }
        }
        let topic = format!("{PREFIX}.public.customers");
        let first = i64::try_from(script::CUSTOMERS).unwrap_or(0);
        let records = self.server.reader().read(&topic, 0, first, 1)?;
        if let Some(value) = records.iter().find(|r| r.offset == first).and_then(|r| r.value.as_ref()) {
            report::heading(&mut out, "The first of these events, in full")?;
            report::event(&mut out, &topic, value)?;
        }
        let reader = self.server.reader();
        Ok(latency::measure(&mut self.client, reader.as_ref(), PREFIX, &self.signals.stop)?)
    }

    fn print(&mut self) -> Result<(), Failure> {
        let reader: Arc<dyn TopicReader> = self.server.reader();
        while self.lines.print(&mut self.follower, reader.as_ref())? {}
        Ok(())
    }

    fn state(&mut self) -> Result<ConnectorState, Failure> {
        let statuses = self.server.supervisor().statuses();
        self.progress.show(&statuses);
        let failed = statuses.values().find(|s| s.state == ConnectorState::Failed);
        match failed.and_then(|s| s.error.clone()) {
            Some(problem) => Err(problem.into()),
            None => Ok(statuses.get(SOURCE).map(|s| s.state).unwrap_or_default()),
        }
    }

    /// Waits until something holds; false when it was interrupted.
    fn until(&mut self, holds: impl Fn(&mut Self) -> Result<bool, Failure>) -> Result<bool, Failure> {
        let deadline = Instant::now() + DEMO_WAIT;
        while !holds(self)? {
            if self.signals.stop.is_set() {
                return Ok(false);
            }
            self.state()?;
            if Instant::now() > deadline {
                let cause = "what was expected did not come in time";
                return Err(Problem::environment("DEMO_FAILED", cause, "tailwater demo --keep -v").into());
            }
            self.follower.wait(WATCH_EVERY.min(Duration::from_millis(20)));
        }
        Ok(true)
    }
}

fn connect(source: &Source) -> Result<Client, Failure> {
    let (settings, _) = Settings::parse(&source.config(SLOT))?;
    Client::connect(&settings.connection, false).map_err(|error| sql_failed(error).into())
}

fn sql_failed(error: tailwater_postgres::client::ClientError) -> Problem {
    Problem::environment(
        "DEMO_SQL",
        format!("the demo's database did not do as told: {error}"),
        "Use a database that the account may make tables and slots in.",
    )
}
