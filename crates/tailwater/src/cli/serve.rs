//! `serve`: the connectors of a directory, until stopped.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use tailwater_connect::Herder;
use tailwater_connect::directory::Directory;
use tailwater_connect::worker::Worker;
use tailwater_connector::Problem;
use tailwater_journal::limits::PARTITIONS_MAX;
use tailwater_kafka::security::Security;
use tailwater_kafka::server as kafka;

use super::aliases::Aliases;
use super::connect_protection::{self, ConnectProtection, Protected};
use super::protection::{self, Protection};
use super::worker::WorkerFlags;
use super::{Exit, Failure, no_signals};
use crate::broker_settings;
use crate::environment;
use crate::limits::{SCAN_EVERY, STOP_WITHIN};
use crate::open_files;
use crate::plugins::Plugins;
use crate::server::{self, Server};
use crate::settings::{self, Address, Settings};
use crate::signals::Signals;

const EXAMPLES: &str = "\
Examples:
  tailwater serve --data-dir ./data --connectors ./connectors
  tailwater serve --data-dir ./data --connectors ./connectors --http 127.0.0.1:0 --json
  curl -s http://127.0.0.1:8080/readyz | jq
  kcat -b 127.0.0.1:9092 -L

A connector file is Kafka Connect's JSON ({\"name\", \"config\"} or the flat map) or .properties. Files
may come, change and go while it runs. Addresses are HOST:PORT, port 0 for a free one, or off; each
is also a key of tailwater.toml.";

/// Run the connectors of a directory until stopped
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Serve {
    /// Where the data lies; made when it is not there [default: tailwater-data]
    #[arg(long, value_name = "DIR", env = "TAILWATER_DATA_DIR", hide_env_values = true)]
    data_dir: Option<PathBuf>,
    /// Directory of connector files
    #[arg(long, value_name = "DIR", env = "TAILWATER_CONNECTORS", hide_env_values = true)]
    connectors: Option<PathBuf>,
    /// Address of /livez, /readyz and /metrics [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", env = "TAILWATER_HTTP", hide_env_values = true)]
    http: Option<String>,
    /// Address of the Kafka protocol [default: 127.0.0.1:9092]
    #[arg(long, value_name = "ADDRESS", env = "TAILWATER_KAFKA", hide_env_values = true)]
    kafka: Option<String>,
    /// What Kafka clients of other machines are told to connect to [default: the address that they used]
    #[arg(long, value_name = "HOST:PORT", env = "TAILWATER_KAFKA_ADVERTISED", hide_env_values = true)]
    kafka_advertised: Option<String>,
    /// Partitions of topics that Kafka clients make without a number [default: 1]
    #[arg(long, value_name = "N")]
    kafka_partitions: Option<u32>,
    /// Whether Kafka clients make topics by naming them [default: true]
    #[arg(long, value_name = "BOOL")]
    kafka_auto_create_topics: Option<bool>,
    #[command(flatten)]
    protection: Protection,
    /// Address of Kafka Connect's REST [default: 127.0.0.1:8083]
    #[arg(long, value_name = "ADDRESS", env = "TAILWATER_CONNECT", hide_env_values = true)]
    connect: Option<String>,
    #[command(flatten)]
    connect_protection: ConnectProtection,
    /// Address of SQL over the PostgreSQL protocol; not in this version yet
    #[arg(long, value_name = "ADDRESS")]
    pg: Option<String>,
    #[command(flatten)]
    worker: WorkerFlags,
    #[command(flatten)]
    aliases: Aliases,
    /// Allow addresses that others can reach, although nothing protects them
    #[arg(long)]
    allow_unprotected_address: bool,
    /// Settings file [default: tailwater.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One line of JSON on stdout when everything is bound
    #[arg(long)]
    pub json: bool,
}

/// What is bound: HTTP, Kafka, and Connect.
type Listening = (Option<TcpListener>, Option<(TcpListener, kafka::Settings)>, Option<(TcpListener, Protected)>);

impl Serve {
    /// Serves until SIGTERM or Ctrl-C.
    pub fn run(self) -> Result<Exit, Failure> {
        let signals = Signals::listen().map_err(no_signals)?;
        let file = Settings::load(self.config.as_deref())?;
        let data_dir = self.data_dir.clone().or(file.data_dir.clone()).unwrap_or(settings::DATA_DIR.into());
        let connectors = self.connectors.clone().or(file.connectors.clone());

        // Everything that is wrong with the arguments and around us, at once.
        let mut problems = Vec::new();
        let worker = self.worker.resolve(&file).map_err(|found| problems.extend(found)).unwrap_or_default();
        let (http, kafka, connect) = self.listen(&file, &worker, &data_dir, &mut problems);
        if let Some(dir) = connectors.as_deref().filter(|dir| !dir.is_dir()) {
            problems.push(Problem::config(
                "CONNECTORS_DIR_MISSING",
                format!("there is no connectors directory {}", dir.display()),
                format!("mkdir -p '{}'", dir.display()),
            ));
        }
        let aliases = self.aliases.resolve(&file).map_err(|found| problems.extend(found)).unwrap_or_default();
        if !problems.is_empty() {
            return Err(problems.into());
        }
        let Worker { converters, topic_creation_off, providers, allowed, variables, notes, .. } = worker;
        for Problem { code, cause, remedy, .. } in notes {
            tracing::warn!(code, remedy, "{cause}");
        }
        let secrets =
            environment::secrets().allow(allowed).only(variables).name(providers).connectors(connectors.clone());
        let mut server = Server::open(&data_dir, Plugins { aliases, converters, topic_creation_off }, http, kafka)?;
        let (herder, keeper) = server.herder(secrets);
        let mut directory = connectors.map(Directory::new);
        rescan(directory.as_mut(), &herder);
        herder.start(keeper)?;
        server.serve_connect(&herder, connect)?;
        self.announce(&server, &data_dir)?;

        let mut failure = None;
        while failure.is_none() && !signals.stop.wait(SCAN_EVERY) {
            rescan(directory.as_mut(), &herder);
            failure = server.failure();
        }
        if failure.is_none() {
            tracing::info!("ending: connectors drain");
        }
        let closed = server.close(STOP_WITHIN);
        match failure {
            Some(problem) => Err(problem.into()),
            None => Ok(closed.map(|()| Exit::Ok)?),
        }
    }

    /// Binds the addresses of HTTP, Kafka and Connect.
    fn listen(&self, file: &Settings, worker: &Worker, data_dir: &Path, problems: &mut Vec<Problem>) -> Listening {
        problems.extend(Address::not_built("pg", self.pg.as_deref().or(file.pg.as_deref())).err());
        let connect_protected = self.connect_protection.resolve(file).unwrap_or_else(|problem| {
            problems.push(problem);
            Protected { closed: true, ..Protected::default() }
        });
        let (security, protected) = self.protection.resolve(file).unwrap_or_else(|problem| {
            problems.push(problem);
            (Security::default(), true)
        });
        let mut bind = |face: &str, flag: &Option<String>, key: &Option<String>, default: &str| {
            let text = flag.as_deref().or(key.as_deref()).unwrap_or(default);
            let bound = Address::parse(face, text)
                .and_then(|address| {
                    let (open, remedy) = match face {
                        "kafka" => (protected, Some(protection::REMEDY)),
                        "connect" => (connect_protected.closed, Some(connect_protection::REMEDY)),
                        _ => (false, None),
                    };
                    address.resolve(face, open || self.allow_unprotected_address, remedy)
                })
                .and_then(|address| address.map(|address| server::bind(face, address)).transpose());
            // Who typed no flag would not know where it comes from.
            let of_worker = face == "connect" && flag.is_none() && file.connect.is_none() && worker.listen.is_some();
            bound.unwrap_or_else(|mut problem| {
                if of_worker {
                    problem.cause.push_str(", as the worker's settings want it (listeners, rest.host.name, rest.port)");
                }
                problems.push(problem);
                None
            })
        };
        let http = bind("http", &self.http, &file.http, settings::HTTP);
        let kafka = bind("kafka", &self.kafka, &file.kafka, settings::KAFKA);
        let connect =
            bind("connect", &self.connect, &file.connect.clone().or(worker.listen.clone()), settings::CONNECT);
        let advertised = self.kafka_advertised.as_deref().or(file.kafka_advertised.as_deref());
        let advertised = advertised.map(settings::advertised).transpose().unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        let mut settings = kafka::Settings { advertised, security, ..kafka::Settings::default() };
        if let Some(table) = &file.kafka_broker {
            let keys = [
                file.kafka_partitions.map(|_| "kafka-partitions"),
                file.kafka_auto_create_topics.map(|_| "kafka-auto-create-topics"),
            ];
            let keys: Vec<_> = keys.into_iter().flatten().collect();
            broker_settings::settle(table, &keys, &mut settings, problems);
        }
        if let Some(partitions) = self.kafka_partitions.or(file.kafka_partitions) {
            settings.partitions = partitions;
        }
        if !(1..=PARTITIONS_MAX).contains(&settings.partitions) {
            problems.push(Problem::config(
                "PARTITIONS_INVALID",
                format!("a topic cannot have {} partitions (--kafka-partitions)", settings.partitions),
                format!("Use a number from 1 to {PARTITIONS_MAX}."),
            ));
        }
        if let Some(create) = self.kafka_auto_create_topics.or(file.kafka_auto_create_topics) {
            settings.auto_create_topics = create;
        }
        settings.log_dir = std::path::absolute(data_dir).unwrap_or(data_dir.to_owned()).display().to_string();
        if kafka.is_some() {
            settings.connections = open_files::for_sockets(settings.connections);
        }
        (http, kafka.map(|listener| (listener, settings)), connect.map(|listener| (listener, connect_protected)))
    }

    /// Says that everything is bound.
    fn announce(&self, server: &Server, data_dir: &Path) -> Result<(), Failure> {
        let http = server.http_address().map(|a| a.to_string());
        let kafka = server.kafka_address().map(|a| a.to_string());
        let connect = server.connect_address().map(|a| a.to_string());
        if self.json {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{}", json!({"ready": true, "http": http, "kafka": kafka, "connect": connect, "pg": null}))?;
            return Ok(out.flush()?);
        }
        let mut err = anstream::stderr();
        writeln!(err, "tailwater {} is ready", env!("CARGO_PKG_VERSION"))?;
        writeln!(err, "  data   {}", data_dir.display())?;
        match http {
            Some(http) => writeln!(err, "  http   http://{http}/readyz  http://{http}/metrics")?,
            None => writeln!(err, "  http   off")?,
        }
        match kafka {
            Some(kafka) => writeln!(err, "  kafka  {kafka}, as in: kcat -b {kafka} -L")?,
            None => writeln!(err, "  kafka  off")?,
        }
        match connect {
            Some(connect) => writeln!(err, "  REST   {}://{connect}/connectors", server.connect_scheme())?,
            None => writeln!(err, "  REST   off")?,
        }
        Ok(writeln!(err, "  read   tailwater tail --data-dir {}", data_dir.display())?)
    }
}

/// Brings the connectors in line with their files; a directory that has gone stops nothing.
fn rescan(directory: Option<&mut Directory>, herder: &Herder) {
    let Some(directory) = directory else { return };
    if let Err(problem) = directory.rescan(herder) {
        tracing::warn!(code = problem.code, "{}", problem.cause);
    }
}
