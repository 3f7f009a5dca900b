//! `doctor`: whether a database is ready to be captured.

use std::io::Write;
use std::path::Path;

use clap::Args;
use serde_json::json;
use tailwater_connect::file;
use tailwater_connector::plugin::Instance;
use tailwater_connector::{Config, Problem};
use tailwater_postgres::preflight::{self, Check, Outcome};
use tailwater_postgres::query::{self, QuerySettings};
use tailwater_postgres::settings::Settings;

use super::aliases::Aliases;
use super::run::Source;
use super::{Exit, Failure};
use crate::environment;
use crate::plugins::Plugins;
use crate::render::problem;
use crate::render::style::{BAD, GOOD, WARN, paint};

const EXAMPLES: &str = "\
Examples:
  tailwater doctor postgres://alice@localhost:5432/shop --table public.orders
  tailwater doctor connectors/shop.json
  tailwater doctor postgres://alice@localhost/shop --json | jq '.problems[].remedy'

Nothing is created or changed. Exit codes: 0 ready (warnings allowed), 2 the configuration itself
is wrong, 3 the database cannot be reached, 4 findings that stop a capture.";

/// Check whether a database is ready to be captured
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Doctor {
    /// postgres://USER@HOST:PORT/DATABASE, or a connector file (.json or .properties)
    #[arg(value_name = "URI|FILE")]
    target: String,
    /// Tables to be captured, SCHEMA.TABLE or a pattern; all when none is named
    #[arg(short, long = "table", value_name = "TABLE")]
    tables: Vec<String>,
    #[command(flatten)]
    aliases: Aliases,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// What a look at a connector's configuration and surroundings found.
pub struct Findings {
    /// Every check of the surroundings, those that are well among them; empty when the configuration is faulty.
    checks: Vec<Check>,
    /// All problems.
    pub problems: Vec<Problem>,
}

impl Doctor {
    /// Looks and prints what it found.
    pub fn run(self) -> Result<Exit, Failure> {
        let config = if self.target.contains("://") {
            Source::new(&self.target, &self.tables)?.config("tailwater_doctor")
        } else {
            file::read(Path::new(&self.target), &environment::secrets())?.config
        };
        let findings = examine(&config, &Plugins { aliases: self.aliases.usual()?, ..Plugins::default() });
        let (errors, warnings) = count(&findings.problems);
        let mut out = anstream::stdout();
        if self.json {
            let report = json!({"ready": errors == 0, "checks": findings.checks, "problems": findings.problems});
            writeln!(out, "{report}")?;
            return Ok(findings.exit());
        }
        for check in &findings.checks {
            let (word, style) = match check.outcome {
                Outcome::Ok => ("ok     ", GOOD),
                Outcome::Warning => ("warning", WARN),
                Outcome::Error => ("error  ", BAD),
            };
            writeln!(out, "{}  {:28}  {}", paint(style, word), check.title, check.observed)?;
        }
        for found in &findings.problems {
            write!(out, "\n{}", problem::text(found))?;
        }
        match (errors, warnings) {
            (0, 0) => writeln!(out, "\n{}", paint(GOOD, "ready to be captured"))?,
            (0, _) => writeln!(out, "\n{}, warnings: {warnings}", paint(GOOD, "ready to be captured"))?,
            _ => writeln!(out, "\n{}; errors: {errors}, warnings: {warnings}", paint(BAD, "not ready"))?,
        }
        Ok(findings.exit())
    }
}

impl Findings {
    fn exit(&self) -> Exit {
        let no_session = || matches!(self.checks.as_slice(), [only] if only.outcome == Outcome::Error);
        match count(&self.problems) {
            (0, _) => Exit::Ok,
            _ if self.checks.is_empty() => Exit::Usage,
            _ if no_session() => Exit::NotReady,
            _ => Exit::Findings,
        }
    }
}

/// Checks a configuration and, when it is valid, what it points at. Changes nothing.
pub fn examine(config: &Config, plugins: &Plugins) -> Findings {
    let configured = plugins
        .registry()
        .find(config.text("connector.class"))
        .map_err(|found| vec![found])
        .and_then(|plugin| plugin.configure(config));
    let (instance, mut problems) = match configured {
        Ok(configured) => configured,
        Err(problems) => return Findings { checks: Vec::new(), problems },
    };
    let checks = match instance {
        // These show every check, not only the problems.
        Instance::Source(mut source) => match (Settings::parse(config), QuerySettings::parse(config)) {
            (Ok((mut settings, _)), _) => {
                settings.connection.aliases = plugins.aliases.clone();
                preflight::checks(&settings)
            }
            (_, Ok((mut settings, _))) => {
                settings.connection.aliases = plugins.aliases.clone();
                query::preflight::checks(&settings)
            }
            _ => preflight_check("source", "can be read", source.preflight()),
        },
        Instance::Sink(mut sink) => preflight_check("destination", "can be written", sink.preflight()),
    };
    problems.extend(checks.iter().filter_map(|check| check.problem.clone()));
    Findings { checks, problems }
}

/// A preflight that tells only problems, as checks.
fn preflight_check(what: &'static str, good: &str, problems: Vec<Problem>) -> Vec<Check> {
    let check = |outcome, observed: &str, problem| Check {
        id: what,
        title: what,
        outcome,
        observed: observed.to_owned(),
        problem,
    };
    if problems.is_empty() {
        return vec![check(Outcome::Ok, good, None)];
    }
    let found = |problem: Problem| {
        let outcome = if problem.is_error() { Outcome::Error } else { Outcome::Warning };
        check(outcome, "see below", Some(problem))
    };
    problems.into_iter().map(found).collect()
}

fn count(problems: &[Problem]) -> (usize, usize) {
    let errors = problems.iter().filter(|p| p.is_error()).count();
    (errors, problems.len() - errors)
}
