//! `connectors`: what Connect's REST does, for people who do not like to type JSON into curl.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use serde_json::{Value, json};
use tailwater_connect::ConnectorFile;
use tailwater_connect::file::{self, Form};
use tailwater_connect::limits::FILE_MAX_BYTES;
use tailwater_connector::{Config, Problem};
use tailwater_kafka::client::Files;

use super::{Exit, Failure, no_signals};
use crate::connect_client::{self, Answer, ConnectClient, segment};
use crate::limits::{LOG_POLL, PASSWORD_BYTES};
use crate::render::diff::clean;
use crate::render::problem;
use crate::render::style::{BAD, DIM, GOOD, WARN, paint};
use crate::settings;
use crate::signals::Signals;

const EXAMPLES: &str = "\
Examples:
  tailwater connectors ls
  tailwater connectors create shop.json
  tailwater connectors validate shop.properties || echo not yet
  tailwater connectors restart shop --failed
  tailwater connectors logs shop --follow --data-dir ./data
  tailwater connectors offsets get shop | jq > offsets.json
  tailwater connectors stop shop && tailwater connectors offsets set shop offsets.json

A FILE is a connector file (.json or .properties); - is JSON from stdin. Exit codes: 0 done, 1 not in
this state, 2 refused, 3 nobody answers, 4 findings of validate.";

/// See, make and change the connectors of a running server
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Connectors {
    /// Address of Connect's REST [default: http://127.0.0.1:8083]
    #[arg(long, global = true, value_name = "URL", env = "TAILWATER_CONNECT_URL", hide_env_values = true)]
    connect: Option<String>,
    /// The data directory of a server on this machine instead, whose owner needs neither address nor token
    #[arg(long, global = true, value_name = "DIR", env = "TAILWATER_DATA_DIR", hide_env_values = true)]
    data_dir: Option<PathBuf>,
    /// File with the token that the server asks for (or TAILWATER_CONNECT_TOKEN)
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Authorities for https, or the server's certificate itself (PEM) [default: those of the system]
    #[arg(long, global = true, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// Certificate of this client (PEM), for servers that want one
    #[arg(long, global = true, value_name = "FILE")]
    tls_certificate: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, global = true, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// The answer of the server as JSON
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the connectors and how they are
    Ls,
    /// Make a connector; placeholders such as ${env:NAME} are resolved by the server
    Create {
        /// Connector file, or - for JSON from stdin
        file: PathBuf,
    },
    /// Make a connector, or give one another configuration
    Update {
        /// Connector file, or - for JSON from stdin
        file: PathBuf,
    },
    /// Check a configuration and what it points at; changes nothing
    Validate {
        /// Connector file, or - for JSON from stdin
        file: PathBuf,
    },
    /// Let a connector rest, ready to go on
    Pause {
        /// Its name
        name: String,
    },
    /// Let a paused or stopped connector go on
    Resume {
        /// Its name
        name: String,
    },
    /// End a connector; it stays known, and so does its position
    Stop {
        /// Its name
        name: String,
    },
    /// Start a connector again, with its task
    Restart {
        /// Its name
        name: String,
        /// Only if it failed
        #[arg(long)]
        failed: bool,
    },
    /// Forget a connector; its position is kept for one of the same name
    Delete {
        /// Its name
        name: String,
    },
    /// What the log of the server has of a connector: its last lines
    Logs {
        /// Its name
        name: String,
        /// How many lines
        #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
        tail: u32,
        /// Go on with new lines as they come
        #[arg(short, long)]
        follow: bool,
    },
    /// Where connectors are
    Offsets {
        #[command(subcommand)]
        verb: Offsets,
    },
}

#[derive(Debug, Subcommand)]
enum Offsets {
    /// Print the offsets of a connector, in the form that set takes
    Get {
        /// Its name
        name: String,
    },
    /// Let a stopped connector go on from other offsets, those of Debezium among them
    Set {
        /// Its name
        name: String,
        /// {"offsets": [...]}, or - for stdin
        file: PathBuf,
    },
    /// Let a stopped connector start anew
    Reset {
        /// Its name
        name: String,
    },
}

impl Connectors {
    /// Asks the server.
    pub fn run(self) -> Result<Exit, Failure> {
        let server = self.server()?;
        match &self.verb {
            Verb::Ls => self.list(&server),
            Verb::Create { file } => {
                let ConnectorFile { name, config } = typed(file)?;
                let answer = server.ask("POST", "/connectors", Some(&connect_client::posted(&name, &config)))?;
                self.done(&answer, &format!("{name} is created"))
            }
            Verb::Update { file } => {
                let ConnectorFile { name, config } = typed(file)?;
                let path = format!("/connectors/{}/config", segment(&name));
                let answer = server.ask("PUT", &path, Some(&connect_client::properties(&config)))?;
                self.done(&answer, &format!("{name} has this configuration"))
            }
            Verb::Validate { file } => self.validate(&server, &typed(file)?.config),
            Verb::Pause { name } => self.put(&server, name, "pause", "pauses"),
            Verb::Resume { name } => self.put(&server, name, "resume", "goes on"),
            Verb::Stop { name } => self.put(&server, name, "stop", "stops"),
            Verb::Restart { name, failed } => {
                let path = format!("/connectors/{}/restart?includeTasks=true&onlyFailed={failed}", segment(name));
                self.done(&server.ask("POST", &path, None)?, &format!("{name} starts again"))
            }
            Verb::Delete { name } => {
                let answer = server.ask("DELETE", &format!("/connectors/{}", segment(name)), None)?;
                self.done(&answer, &format!("{name} is deleted; its position is kept"))
            }
            Verb::Logs { name, tail, follow } => self.logs(&server, name, *tail, *follow),
            Verb::Offsets { verb } => self.offsets(&server, verb),
        }
    }

    /// The server that is named, or the usual one.
    fn server(&self) -> Result<ConnectClient, Failure> {
        if let (None, Some(dir)) = (&self.connect, &self.data_dir) {
            return Ok(ConnectClient::directory(dir));
        }
        let files = Files {
            authorities: self.tls_ca.clone(),
            certificate: self.tls_certificate.clone(),
            key: self.tls_key.clone(),
        };
        let url = self.connect.clone().unwrap_or_else(|| format!("http://{}", settings::CONNECT));
        Ok(ConnectClient::new(&url, self.token()?, &files)?)
    }

    fn token(&self) -> Result<Option<String>, Problem> {
        let Some(path) = &self.token_file else {
            return Ok(std::env::var("TAILWATER_CONNECT_TOKEN").ok().filter(|token| !token.is_empty()));
        };
        let unreadable = |error: std::io::Error| {
            let cause = format!("{} cannot be read: {error}", path.display());
            Problem::config("TOKEN_UNREADABLE", cause, format!("ls -l '{}'", path.display()))
        };
        let mut token = String::new();
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(PASSWORD_BYTES).read_to_string(&mut token).map_err(unreadable)?;
        Ok(Some(token.trim().to_owned()))
    }

    fn put(&self, server: &ConnectClient, name: &str, action: &str, does: &str) -> Result<Exit, Failure> {
        let answer = server.ask("PUT", &format!("/connectors/{}/{action}", segment(name)), None)?;
        self.done(&answer, &format!("{name} {does}"))
    }

    /// Says what was done; with `--json` what the server said.
    fn done(&self, answer: &Answer, said: &str) -> Result<Exit, Failure> {
        let mut err = anstream::stderr();
        if !self.json {
            writeln!(err, "{said}")?;
            for warning in &answer.problems {
                write!(err, "{}", problem::text(warning))?;
            }
            return Ok(Exit::Ok);
        }
        if !answer.problems.is_empty() {
            writeln!(err, "{}", problem::json(&answer.problems))?;
        }
        if !answer.body.is_null() {
            writeln!(anstream::stdout(), "{}", answer.body)?;
        }
        Ok(Exit::Ok)
    }

    fn list(&self, server: &ConnectClient) -> Result<Exit, Failure> {
        let all = server.get("/connectors?expand=status&expand=info")?;
        let mut out = anstream::stdout();
        if self.json {
            writeln!(out, "{all}")?;
            return Ok(Exit::Ok);
        }
        let all = all.as_object().cloned().unwrap_or_default();
        if all.is_empty() {
            writeln!(anstream::stderr(), "no connectors yet")?;
            return Ok(Exit::Ok);
        }
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table.set_header(["NAME", "TYPE", "STATE", "TASK", "CLASS"]);
        let mut faults = Vec::new();
        for (name, connector) in &all {
            let text = |pointer: &str| connector.pointer(pointer).and_then(Value::as_str).unwrap_or("-").to_owned();
            let class = text("/info/config/connector.class");
            let class = class.rsplit('.').next().unwrap_or_default().to_owned();
            let (state, task) = (text("/status/connector/state"), text("/status/tasks/0/state"));
            table.add_row([name.clone(), text("/status/type"), state, task, class]);
            let traces = ["/status/connector/trace", "/status/tasks/0/trace"].map(|at| connector.pointer(at));
            faults
                .extend(traces.into_iter().flatten().filter_map(Value::as_str).map(|trace| format!("{name}: {trace}")));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        writeln!(out, "{}", table.trim_fmt())?;
        for fault in faults {
            writeln!(out, "\n{fault}")?;
        }
        Ok(Exit::Ok)
    }

    fn validate(&self, server: &ConnectClient, config: &Config) -> Result<Exit, Failure> {
        let class = config.text("connector.class").trim();
        if class.is_empty() {
            let remedy = r#"Add "connector.class": "io.debezium.connector.postgresql.PostgresConnector"."#;
            return Err(Problem::config("PROPERTY_MISSING", "'connector.class' is missing", remedy).into());
        }
        let path = format!("/connector-plugins/{}/config/validate", segment(class));
        let Answer { body: answer, problems } = server.ask("PUT", &path, Some(&connect_client::properties(config)))?;
        let errors = answer.get("error_count").and_then(Value::as_u64).unwrap_or_default();
        let exit = if errors == 0 { Exit::Ok } else { Exit::Findings };
        if self.json {
            writeln!(anstream::stdout(), "{answer}")?;
            return Ok(exit);
        }
        let mut out = anstream::stdout();
        for property in answer.get("configs").and_then(Value::as_array).into_iter().flatten() {
            let name = property.pointer("/value/name").and_then(Value::as_str).unwrap_or("?");
            let errors = property.pointer("/value/errors").and_then(Value::as_array);
            for error in errors.into_iter().flatten().filter_map(Value::as_str) {
                writeln!(out, "{name}: {error}")?;
            }
        }
        let warnings: Vec<&Problem> = problems.iter().filter(|found| !found.is_error()).collect();
        for warning in &warnings {
            write!(out, "{}", problem::text(warning))?;
        }
        match errors {
            0 if !warnings.is_empty() => writeln!(anstream::stderr(), "it works; warnings: {}", warnings.len())?,
            0 => writeln!(anstream::stderr(), "nothing is wrong with it")?,
            errors => writeln!(anstream::stderr(), "errors: {errors}")?,
        }
        Ok(exit)
    }

    /// The lines of a connector, oldest first; with `--json` an object each.
    fn logs(&self, server: &ConnectClient, name: &str, tail: u32, follow: bool) -> Result<Exit, Failure> {
        let signals = follow.then(Signals::listen).transpose().map_err(no_signals)?;
        let mut out = anstream::stdout();
        let (mut seen, mut tail) = (0, tail);
        loop {
            let lines = server.get(&format!("/admin/logs/{}?after={seen}&tail={tail}", segment(name)))?;
            for line in lines.as_array().into_iter().flatten() {
                seen = line.get("number").and_then(Value::as_u64).unwrap_or(seen);
                match self.json {
                    true => writeln!(out, "{line}")?,
                    false => writeln!(out, "{}", log_line(line))?,
                }
            }
            out.flush()?;
            if seen == 0 && !self.json && !follow {
                writeln!(anstream::stderr(), "nothing is in the log of {name} yet")?;
            }
            match &signals {
                None => return Ok(Exit::Ok),
                Some(signals) if signals.stop.wait(LOG_POLL) => return Ok(Exit::Interrupted),
                // What came since is all wanted.
                Some(_) => tail = u32::MAX,
            }
        }
    }

    fn offsets(&self, server: &ConnectClient, verb: &Offsets) -> Result<Exit, Failure> {
        let path = |name: &str| format!("/connectors/{}/offsets", segment(name));
        match verb {
            Offsets::Get { name } => {
                let answer = server.get(&path(name))?;
                let mut out = anstream::stdout();
                if self.json {
                    writeln!(out, "{answer}")?
                } else {
                    writeln!(out, "{answer:#}")?
                }
                Ok(Exit::Ok)
            }
            Offsets::Set { name, file } => {
                let offsets: Value = serde_json::from_slice(&bytes(file)?).map_err(|error| {
                    let remedy = format!("tailwater connectors offsets get {name}   # shows the form");
                    Problem::config("OFFSETS_INVALID", format!("{} is no JSON: {error}", file.display()), remedy)
                })?;
                // A list alone is what people cut out of an answer.
                let offsets = if offsets.is_array() { json!({ "offsets": offsets }) } else { offsets };
                self.done(&server.ask("PATCH", &path(name), Some(&offsets))?, &format!("{name} goes on from there"))
            }
            Offsets::Reset { name } => {
                self.done(&server.ask("DELETE", &path(name), None)?, &format!("{name} starts anew"))
            }
        }
    }
}

/// A line of the log as people read it.
fn log_line(line: &Value) -> String {
    let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
    let style = match text("level") {
        "ERROR" => BAD,
        "WARN" => WARN,
        "INFO" => GOOD,
        _ => DIM,
    };
    let fields = line.get("fields").and_then(Value::as_object).into_iter().flatten();
    let fields =
        fields.map(|(name, value)| format!(" {}={}", paint(DIM, name), clean(value.as_str().unwrap_or_default())));
    let level = paint(style, format_args!("{:>5}", text("level")));
    format!("{} {level} {}{}", paint(DIM, text("time")), clean(text("message")), fields.collect::<String>())
}

/// A connector as its file has it, placeholders as they stand: the server resolves them.
fn typed(path: &Path) -> Result<ConnectorFile, Problem> {
    if path == Path::new("-") {
        file::parse_typed("connector", Form::Json, &bytes(path)?)
    } else {
        file::read_typed(path)
    }
}

/// What stands in a file or on stdin.
fn bytes(path: &Path) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(FILE_MAX_BYTES).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(FILE_MAX_BYTES).read_to_end(&mut bytes))
    };
    read.map(|_| bytes).map_err(|error| {
        let cause = format!("{} cannot be read: {error}", path.display());
        Problem::config("CONNECTOR_FILE_UNREADABLE", cause, format!("ls -l '{}'", path.display()))
    })
}
