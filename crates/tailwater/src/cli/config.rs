//! `config import`: settings of other programs as connectors.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use tailwater_connect::debezium_server::{self, Import};
use tailwater_connector::Problem;

use super::{Exit, Failure};
use crate::limits::SETTINGS_BYTES;
use crate::plugins::Plugins;
use crate::render;

const EXAMPLES: &str = "\
Examples:
  tailwater config import application.properties
  tailwater config import application.properties --output connectors/shop.json

What could not be used is listed on stderr, with the reason. Exit codes: 0 everything was used,
4 with findings, 2 when there is no source for PostgreSQL in the file.";

/// Make connectors of other programs' settings
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Config {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print the connector that Debezium Server's application.properties describes
    #[command(after_help = EXAMPLES)]
    Import(Source),
}

#[derive(Debug, Args)]
struct Source {
    /// Debezium Server's application.properties
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write the connector here, where no file may be yet, instead of to stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Config {
    /// Imports a file.
    pub fn run(self) -> Result<Exit, Failure> {
        let Verb::Import(Source { file, output }) = self.verb;
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let Import { connector, mut findings } = debezium_server::import(&name, &read(&file)?)?;
        findings.extend(unsuitable(&connector.config));
        let config: serde_json::Map<_, _> = connector
            .config
            .iter()
            .filter(|(key, _)| *key != "name")
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect();
        let text = format!("{:#}\n", json!({"name": connector.name, "config": config}));
        match &output {
            Some(path) => write(path, &text)?,
            None => anstream::stdout().write_all(text.as_bytes())?,
        }
        let mut err = anstream::stderr();
        for finding in &findings {
            write!(err, "{}", render::problem::text(finding))?;
        }
        Ok(if findings.is_empty() { Exit::Ok } else { Exit::Findings })
    }
}

/// What the connector's class says of its properties, where nothing depends on the environment.
fn unsuitable(config: &tailwater_connector::Config) -> Vec<Problem> {
    let plugin = match Plugins::default().registry().find(config.text("connector.class")) {
        Ok(plugin) => plugin,
        Err(problem) => return vec![problem],
    };
    let by_placeholder: Vec<String> =
        config.iter().filter(|(_, value)| value.contains("${env:")).map(|(name, _)| format!("'{name}'")).collect();
    let (Ok((_, problems)) | Err(problems)) = plugin.configure(config);
    // What a placeholder stands for is not known here.
    problems.into_iter().filter(|problem| !by_placeholder.iter().any(|name| problem.cause.contains(name))).collect()
}

fn read(path: &Path) -> Result<String, Problem> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(SETTINGS_BYTES).read_to_string(&mut text));
    read.map(|_| text).map_err(|error| {
        let cause = format!("{} cannot be read: {error}", path.display());
        Problem::config("IMPORT_UNREADABLE", cause, "Name Debezium Server's application.properties.")
    })
}

/// Writes a new file, for its owner only: there may be passwords in it.
fn write(path: &Path, text: &str) -> Result<(), Problem> {
    use std::os::unix::fs::OpenOptionsExt;

    let opened = File::options().write(true).create_new(true).mode(0o600).open(path);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        let cause = format!("{} cannot be written: {error}", path.display());
        Problem::environment("IMPORT_UNWRITABLE", cause, "Name a file that is not there yet with --output.")
    })
}
