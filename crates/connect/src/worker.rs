//! Settings of a Connect worker (`connect-distributed.properties`, `connect-standalone.properties`), also from the environment
//! of the images that people run one in: what means something here is taken, everything else is named with the reason.
//!
//! Source: Kafka 4.3 worker configuration.

mod environment;

use std::path::PathBuf;

use tailwater_connector::config::split_list;
use tailwater_connector::property::nearest;
use tailwater_connector::{Config, Problem};

use crate::pipeline;
use crate::placeholder::{Provider, Variables};

pub use environment::{Environment, of_environment};

/// What a worker's settings say that means something here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Worker {
    /// Converters for connectors that have none of their own.
    pub converters: Config,
    /// HOST:PORT of Connect's REST.
    pub listen: Option<String>,
    /// Names of providers of placeholders.
    pub providers: Vec<(String, Provider)>,
    /// Directories whose files placeholders may read.
    pub allowed: Vec<PathBuf>,
    /// Whether connectors do not say how their topics are made (`topic.creation.enable=false`).
    pub topic_creation_off: bool,
    /// Which variables placeholders may read, where not all: names that match one of these.
    pub variables: Vec<Variables>,
    /// What is not used, and why; warnings.
    pub notes: Vec<Problem>,
}

/// What a setting is to us.
#[derive(Clone, Copy)]
enum Use {
    Converter,
    Listen,
    Providers,
    TopicCreation,
    /// Without effect, and why.
    Ignored(&'static str),
    /// Somebody relies on it, and it would not hold.
    Refused(&'static str),
}

const BROKERS: &str = "topics are in this process: no brokers are asked, and no clients of them configured";
const STORED: &str = "connectors, states and positions are kept in the data directory";
const ALONE: &str = "there is one worker, so no group of workers";
const BUILT_IN: &str = "plugins are built in";
const WITH_RECORDS: &str = "positions are made durable with their records";
const SHOWN: &str = "metrics are on /metrics of --http";
const NO_JAVA: &str = "there is no Java";
const LISTENS: &str = "REST listens where --connect says, and other workers need not be told";

/// Settings by name; one that ends in `.` is a prefix. The first that fits decides.
const SETTINGS: [(&str, Use); 71] = [
    ("key.converter", Use::Converter),
    ("key.converter.", Use::Converter),
    ("value.converter", Use::Converter),
    ("value.converter.", Use::Converter),
    ("header.converter", Use::Converter),
    ("header.converter.", Use::Converter),
    ("listeners", Use::Listen),
    ("rest.port", Use::Listen),
    ("rest.host.name", Use::Listen),
    ("config.providers", Use::Providers),
    ("config.providers.", Use::Providers),
    ("rest.extension.classes", Use::Refused("Use --connect-token-file or --connect-tls-client-ca to keep others out.")),
    ("listeners.https.", Use::Refused("Use --connect-tls-certificate and --connect-tls-key.")),
    ("admin.listeners", Use::Refused("Use --connect: /admin is on the same address.")),
    ("plugin.path", Use::Ignored(BUILT_IN)),
    ("plugin.discovery", Use::Ignored(BUILT_IN)),
    ("enable.debezium.scripting", Use::Ignored(BUILT_IN)),
    ("enable.apicurio.converters", Use::Ignored(BUILT_IN)),
    ("bootstrap.servers", Use::Ignored(BROKERS)),
    ("bootstrap.controllers", Use::Ignored(BROKERS)),
    ("producer.", Use::Ignored(BROKERS)),
    ("consumer.", Use::Ignored(BROKERS)),
    ("admin.", Use::Ignored(BROKERS)),
    ("security.", Use::Ignored(BROKERS)),
    ("sasl.", Use::Ignored(BROKERS)),
    ("ssl.", Use::Ignored(BROKERS)),
    ("client.", Use::Ignored(BROKERS)),
    ("connections.max.idle.ms", Use::Ignored(BROKERS)),
    ("metadata.", Use::Ignored(BROKERS)),
    ("receive.buffer.bytes", Use::Ignored(BROKERS)),
    ("send.buffer.bytes", Use::Ignored(BROKERS)),
    ("reconnect.", Use::Ignored(BROKERS)),
    ("request.timeout.ms", Use::Ignored(BROKERS)),
    ("retry.", Use::Ignored(BROKERS)),
    ("socket.", Use::Ignored(BROKERS)),
    ("group.id", Use::Ignored(ALONE)),
    ("heartbeat.interval.ms", Use::Ignored(ALONE)),
    ("rebalance.timeout.ms", Use::Ignored(ALONE)),
    ("session.timeout.ms", Use::Ignored(ALONE)),
    ("scheduled.rebalance.max.delay.ms", Use::Ignored(ALONE)),
    ("connect.protocol", Use::Ignored(ALONE)),
    ("worker.", Use::Ignored(ALONE)),
    ("inter.worker.", Use::Ignored(ALONE)),
    ("config.storage.", Use::Ignored(STORED)),
    ("offset.storage.", Use::Ignored(STORED)),
    ("status.storage.", Use::Ignored(STORED)),
    ("offset.flush.", Use::Ignored(WITH_RECORDS)),
    ("exactly.once.source.support", Use::Ignored(WITH_RECORDS)),
    ("internal.key.converter", Use::Ignored(STORED)),
    ("internal.key.converter.", Use::Ignored(STORED)),
    ("internal.value.converter", Use::Ignored(STORED)),
    ("internal.value.converter.", Use::Ignored(STORED)),
    ("task.shutdown.graceful.timeout.ms", Use::Ignored("connectors get 3 seconds to end")),
    ("connector.client.config.override.policy", Use::Ignored(BROKERS)),
    ("topic.creation.enable", Use::TopicCreation),
    ("topic.tracking.", Use::Ignored("topics of connectors are always told, and can be reset")),
    ("access.control.", Use::Ignored("pages of other addresses are not let in")),
    ("response.http.headers.config", Use::Ignored("headers of answers are fixed")),
    ("rest.advertised.", Use::Ignored(LISTENS)),
    ("metric.reporters", Use::Ignored(SHOWN)),
    ("metrics.", Use::Ignored(SHOWN)),
    ("auto.include.jmx.reporter", Use::Ignored(SHOWN)),
    ("log4j.", Use::Ignored("the log is set by -v, TAILWATER_LOG and /admin/loggers")),
    ("jvm.heap", Use::Ignored(NO_JAVA)),
    ("cub.", Use::Ignored("no brokers are waited for")),
    ("confluent.", Use::Ignored("no licence is needed, and nothing is told to Confluent's monitoring")),
    ("replication.factor", Use::Ignored(BROKERS)),
    ("member.id", Use::Ignored(ALONE)),
    ("schema.registry.", Use::Ignored("converters that need a registry of schemas are not built in")),
    ("task.", Use::Ignored(ALONE)),
    ("log.level", Use::Ignored("the log is set by -v, TAILWATER_LOG and /admin/loggers")),
];

/// Sorts a worker's settings; a later one of the same name wins.
///
/// # Errors
/// Everything that cannot be as the settings want it.
pub fn settle(settings: impl IntoIterator<Item = (String, String)>) -> Result<Worker, Vec<Problem>> {
    let settings: Config = settings.into_iter().collect();
    let mut worker = Worker::default();
    let mut problems = Vec::new();
    // Names by the reason why they are not used.
    let mut ignored: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, value) in settings.iter() {
        let fits = |known: &str| name == known || known.ends_with('.') && name.starts_with(known);
        match SETTINGS.iter().find(|(known, _)| fits(known)) {
            Some((_, Use::Converter)) => worker.converters.set(name, value.trim()),
            Some((_, Use::Listen | Use::Providers)) => {}
            Some((_, Use::TopicCreation)) => match value.trim().to_ascii_lowercase().as_str() {
                "true" => worker.topic_creation_off = false,
                "false" => worker.topic_creation_off = true,
                _ => problems.push(Problem::config(
                    "WORKER_SETTING_INVALID",
                    format!(
                        "Invalid value {value} for configuration {name}: Expected value to be either true or false"
                    ),
                    format!("Set '{name}' to true or false."),
                )),
            },
            Some((_, Use::Ignored(why))) => match ignored.iter_mut().find(|(known, _)| known == why) {
                Some((_, names)) => names.push(name),
                None => ignored.push((why, vec![name])),
            },
            Some((_, Use::Refused(instead))) => problems.push(unsupported(name, instead)),
            None => worker.notes.push(unknown(name)),
        }
    }
    worker.notes.extend(unknown_converters(&worker.converters));
    for (why, names) in ignored {
        let names = names.join(", ");
        worker.notes.push(Problem::config("WORKER_SETTING_IGNORED", format!("{names}: {why}"), "").warning());
    }
    worker.listen = listen(&settings, &mut worker.notes).unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    providers(&settings, &mut worker, &mut problems);
    if problems.is_empty() { Ok(worker) } else { Err(problems) }
}

/// Converters that no connector could use.
fn unknown_converters(converters: &Config) -> Vec<Problem> {
    let of_sides = converters.iter().filter(|(name, _)| name.ends_with(".converter"));
    let unknown = of_sides.filter(|(_, class)| !pipeline::is_converter(class));
    let note = |(name, class): (&str, &str)| {
        let cause = format!(
            "the worker's '{name}' {class} is not built in: connectors that name none of their own are refused"
        );
        let remedy = format!("{name}=org.apache.kafka.connect.json.JsonConverter");
        Problem::config("WORKER_CONVERTER_UNKNOWN", cause, remedy).warning()
    };
    unknown.map(note).collect()
}

fn unsupported(name: &str, instead: &str) -> Problem {
    Problem::config("WORKER_SETTING_UNSUPPORTED", format!("the worker setting '{name}' cannot be followed"), instead)
}

fn unknown(name: &str) -> Problem {
    let remedy = match nearest(name, SETTINGS.iter().map(|(known, _)| *known).filter(|known| !known.ends_with('.'))) {
        Some(near) => format!("Did you mean '{near}'?"),
        None => String::new(),
    };
    Problem::config("WORKER_SETTING_UNKNOWN", format!("no worker of Connect knows the setting '{name}'"), remedy)
        .warning()
}

/// Where REST is to listen: the first listener, or the older pair of host and port.
fn listen(settings: &Config, notes: &mut Vec<Problem>) -> Result<Option<String>, Problem> {
    let listeners = settings.list("listeners");
    let Some(first) = listeners.first() else {
        let (host, port) = (settings.text("rest.host.name").trim(), settings.text("rest.port").trim());
        return Ok((!host.is_empty() || !port.is_empty()).then(|| {
            format!("{}:{}", if host.is_empty() { LOOPBACK } else { host }, if port.is_empty() { "8083" } else { port })
        }));
    };
    let idle = ["rest.host.name", "rest.port"].into_iter().filter(|name| settings.get(name).is_some());
    notes.extend(idle.map(|name| {
        let cause = format!("{name}: 'listeners' says where REST listens");
        Problem::config("WORKER_SETTING_IGNORED", cause, "").warning()
    }));
    if listeners.len() > 1 {
        return Err(unsupported("listeners", "Name one address; REST listens on one."));
    }
    let (scheme, address) = first.split_once("://").unwrap_or(("http", first));
    match scheme.to_ascii_lowercase().as_str() {
        "http" => {}
        "https" => {
            return Err(unsupported(
                "listeners",
                "Use --connect with --connect-tls-certificate and --connect-tls-key.",
            ));
        }
        _ => return Err(unsupported("listeners", "Use a form such as listeners=http://127.0.0.1:8083.")),
    }
    let address = address.trim_end_matches('/');
    if let Some(port) = address.strip_prefix(':') {
        // Connect would let everybody on the network in.
        notes.push(
            Problem::config(
                "WORKER_LISTENS_LOOPBACK",
                format!("listeners={first} names no host: REST listens on {LOOPBACK}:{port} only"),
                format!("For other machines: --connect 0.0.0.0:{port} with --connect-token-file and TLS."),
            )
            .warning(),
        );
        return Ok(Some(format!("{LOOPBACK}:{port}")));
    }
    Ok(Some(address.to_owned()))
}

const LOOPBACK: &str = "127.0.0.1";

/// Providers of placeholders, by the names that the worker gives them.
fn providers(settings: &Config, worker: &mut Worker, problems: &mut Vec<Problem>) {
    let names = settings.list("config.providers");
    let param = |name: &str, param: &str| settings.get(&format!("config.providers.{name}.param.{param}"));
    for name in &names {
        let class = settings.text(&format!("config.providers.{name}.class")).trim();
        let kind = match class.rsplit('.').next().unwrap_or_default() {
            "FileConfigProvider" => Provider::File,
            "DirectoryConfigProvider" => Provider::Directory,
            "EnvVarConfigProvider" => Provider::Environment,
            other => {
                let cause =
                    format!("the provider '{name}' of config.providers has the class '{other}', which is not built in");
                let remedy = "Use FileConfigProvider, DirectoryConfigProvider or EnvVarConfigProvider of Kafka.";
                problems.push(Problem::config("WORKER_SETTING_UNSUPPORTED", cause, remedy));
                continue;
            }
        };
        if let Some(pattern) = param(name, "allowlist.pattern").filter(|_| kind == Provider::Environment) {
            match Variables::parse(pattern) {
                Some(variables) => worker.variables.push(variables),
                None => problems.push(unsupported(
                    &format!("config.providers.{name}.param.allowlist.pattern"),
                    "Write a pattern without look-behind and back-references, such as DB_.*|S3_.*",
                )),
            }
        }
        let allowed = param(name, "allowed.paths").map(split_list).unwrap_or_default();
        if kind != Provider::Environment && allowed.is_empty() {
            worker.notes.push(
                Problem::config(
                    "WORKER_FILES_NOT_ALLOWED",
                    format!("the provider '{name}' of config.providers may read every file in Connect, and none here"),
                    format!("config.providers.{name}.param.allowed.paths=DIR, or --connect-files-allowed DIR"),
                )
                .warning(),
            );
        }
        worker.allowed.extend(allowed.into_iter().map(PathBuf::from));
        worker.providers.push((name.clone(), kind));
    }
    for (name, _) in settings.iter() {
        let Some(rest) = name.strip_prefix("config.providers.") else { continue };
        let known = |provider: &String| {
            rest.strip_prefix(provider.as_str())
                .is_some_and(|rest| matches!(rest, ".class" | ".param.allowed.paths" | ".param.allowlist.pattern"))
        };
        if !names.iter().any(known) {
            problems.push(unsupported(
                name,
                "Name the provider in config.providers, with its class and param.allowed.paths.",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(settings: &[(&str, &str)]) -> Result<Worker, Vec<Problem>> {
        settle(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    fn codes(problems: &[Problem]) -> Vec<&str> {
        problems.iter().map(|problem| problem.code.as_str()).collect()
    }

    #[test]
    fn the_worker_file_that_kafka_ships_is_taken_and_what_it_cannot_set_is_said_with_reasons() {
        let worker = settled(&[
            ("bootstrap.servers", "localhost:9092"),
            ("group.id", "connect-cluster"),
            ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
            ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
            ("key.converter.schemas.enable", "true"),
            ("value.converter.schemas.enable", "false"),
            ("offset.storage.topic", "connect-offsets"),
            ("offset.storage.replication.factor", "1"),
            ("config.storage.topic", "connect-configs"),
            ("status.storage.topic", "connect-status"),
            ("offset.flush.interval.ms", "10000"),
            ("plugin.path", "/usr/share/java"),
        ])
        .unwrap();
        assert_eq!(worker.converters.iter().count(), 4);
        assert_eq!(worker.converters.get("value.converter.schemas.enable"), Some("false"));
        assert_eq!(worker.notes.len(), 5, "one for each reason: {:?}", worker.notes);
        assert!(worker.notes.iter().all(|note| !note.is_error()));
        let stored = worker.notes.iter().find(|note| note.cause.contains("config.storage.topic")).unwrap();
        assert!(stored.cause.contains("offset.storage.topic, ") && stored.cause.ends_with(STORED), "{stored}");
    }

    #[test]
    fn rest_listens_where_the_worker_says_but_never_on_all_addresses_by_leaving_the_host_out() {
        let listen = |settings: &[(&str, &str)]| settled(settings).map(|worker| worker.listen);
        assert_eq!(listen(&[("listeners", "HTTP://0.0.0.0:8084")]), Ok(Some("0.0.0.0:8084".into())));
        assert_eq!(listen(&[("listeners", "http://:8083")]), Ok(Some("127.0.0.1:8083".into())));
        assert_eq!(codes(&settled(&[("listeners", "http://:8083")]).unwrap().notes), ["WORKER_LISTENS_LOOPBACK"]);
        assert_eq!(listen(&[("rest.port", "8085")]), Ok(Some("127.0.0.1:8085".into())));
        assert_eq!(listen(&[("rest.host.name", "127.0.0.2")]), Ok(Some("127.0.0.2:8083".into())));
        assert_eq!(listen(&[]), Ok(None));
        for listeners in ["https://h:8443", "http://a:1,http://b:2", "unix://x"] {
            assert_eq!(codes(&listen(&[("listeners", listeners)]).unwrap_err()), ["WORKER_SETTING_UNSUPPORTED"]);
        }
    }

    #[test]
    fn providers_get_their_names_and_directories_and_what_is_not_built_in_is_refused() {
        let class = |name: &str| format!("org.apache.kafka.common.config.provider.{name}");
        let file = class("FileConfigProvider");
        let worker = settled(&[
            ("config.providers", "secrets,env"),
            ("config.providers.secrets.class", &file),
            ("config.providers.secrets.param.allowed.paths", "/run/secrets,/etc/kafka"),
            ("config.providers.env.class", &class("EnvVarConfigProvider")),
            ("config.providers.env.param.allowlist.pattern", "DB_.*|S3_.*"),
        ])
        .unwrap();
        assert_eq!(worker.variables, [Variables::parse("DB_.*|S3_.*").unwrap()]);
        assert_eq!(worker.allowed, [PathBuf::from("/run/secrets"), PathBuf::from("/etc/kafka")]);
        assert_eq!(worker.providers[0], ("secrets".to_owned(), Provider::File));
        assert!(worker.notes.is_empty(), "{:?}", worker.notes);
        let open = settled(&[("config.providers", "file"), ("config.providers.file.class", &file)]).unwrap();
        assert_eq!(codes(&open.notes), ["WORKER_FILES_NOT_ALLOWED"]);
        let problems = settled(&[
            ("config.providers", "vault"),
            ("config.providers.vault.class", "com.example.VaultConfigProvider"),
            ("config.providers.vault.param.token", "s3cret"),
            ("rest.extension.classes", "org.example.BasicAuth"),
        ])
        .unwrap_err();
        let env = class("EnvVarConfigProvider");
        let pattern = [("config.providers", "e"), ("config.providers.e.class", &env)];
        let pattern = [&pattern[..], &[("config.providers.e.param.allowlist.pattern", "(?<!X).*")]].concat();
        assert_eq!(codes(&settled(&pattern).unwrap_err()), ["WORKER_SETTING_UNSUPPORTED"]);
        assert_eq!(problems.len(), 3, "all at once: {problems:?}");
        assert!(!format!("{problems:?}").contains("s3cret"));
    }

    #[test]
    fn a_converter_that_is_not_built_in_is_named_once_for_all_connectors() {
        let worker = settled(&[("key.converter", "io.confluent.connect.avro.AvroConverter")]).unwrap();
        assert_eq!(codes(&worker.notes), ["WORKER_CONVERTER_UNKNOWN"]);
        assert_eq!(settled(&[("key.converter", "StringConverter")]).unwrap().notes, []);
    }

    #[test]
    fn a_worker_may_keep_connectors_from_saying_how_topics_are_made() {
        let off = |value| settled(&[("topic.creation.enable", value)]).map(|worker| worker.topic_creation_off);
        assert_eq!(
            (off("FALSE"), off("true"), settled(&[]).map(|w| w.topic_creation_off)),
            (Ok(true), Ok(false), Ok(false))
        );
        let problems = off("no").unwrap_err();
        assert_eq!(codes(&problems), ["WORKER_SETTING_INVALID"]);
        assert!(problems[0].cause.ends_with("Expected value to be either true or false"), "{problems:?}");
    }

    #[test]
    fn a_misspelt_setting_is_answered_with_the_right_one() {
        let notes = settled(&[("offset.flsh.interval.ms", "1"), ("key.convertr", "x")]).unwrap().notes;
        assert_eq!(codes(&notes), ["WORKER_SETTING_UNKNOWN", "WORKER_SETTING_UNKNOWN"]);
        assert_eq!(notes[1].remedy, "Did you mean 'key.converter'?");
    }
}
