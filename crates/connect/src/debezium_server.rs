//! Debezium Server's `application.properties` as a connector: the migration path.
//!
//! Source, formats, transforms and predicates become properties of a connector; sinks and what Quarkus does have other places
//! here, which are named. Source: Debezium Server 3.6, configuration reference.

use tailwater_connector::{Config, Problem};

use crate::file::ConnectorFile;
use crate::java_properties;

/// A connector, and what of the file could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The connector, without placeholders resolved.
    pub connector: ConnectorFile,
    /// What could not be used and why; warnings, in the file's order.
    pub findings: Vec<Problem>,
}

const CLASS: &str = "io.debezium.connector.postgresql.PostgresConnector";
const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";
/// Names that Debezium Server uses for converters.
const FORMATS: [(&str, &str); 4] = [
    ("json", JSON),
    // The same text, in Debezium Server of another Java type.
    ("jsonbytearray", JSON),
    ("simplestring", "org.apache.kafka.connect.storage.StringConverter"),
    ("binary", "org.apache.kafka.connect.converters.ByteArrayConverter"),
];

/// Reads the text of an `application.properties`. `name` names the connector when the text does not.
///
/// # Errors
/// When the text is no properties, or there is no source for PostgreSQL in it.
pub fn import(name: &str, text: &str) -> Result<Import, Vec<Problem>> {
    let (properties, repeated) = java_properties::parse_as_java(text).map_err(|problem| vec![problem])?;
    if properties.iter().any(|(key, value)| key == "debezium" && value.is_empty()) {
        return Err(vec![Problem::config(
            "IMPORT_YAML",
            "it is YAML, and properties are read",
            "Write one line for each value, such as debezium.source.database.hostname=localhost",
        )]);
    }
    let properties: Vec<(String, String)> =
        properties.into_iter().map(|(key, value)| (of_variable(&key).unwrap_or(key), value)).collect();
    let mut config = Config::default();
    let twice = |key: &String| unused(key, "it stands there more than once, and the last counts", "Leave one of them.");
    let mut findings: Vec<Problem> = repeated.iter().map(twice).collect();
    for (key, value) in &properties {
        // What others stand for is used where they name it.
        let used = format!("${{{key}}}");
        if !key.starts_with("debezium.") && properties.iter().any(|(_, value)| value.contains(&used)) {
            continue;
        }
        let value = Expansion { properties: &properties, key }.of(value, &mut findings);
        if let Some(property) = key.strip_prefix("debezium.source.") {
            match elsewhere(property) {
                Some((why, instead)) => findings.push(unused(key, why, instead)),
                None => config.set(property, &value),
            }
        } else if let Some(rest) = key.strip_prefix("debezium.format.") {
            format(rest, key, &value, &mut config, &mut findings);
        } else if let Some(rest) = key.strip_prefix("debezium.")
            && ["transforms", "predicates"].iter().any(|list| rest == *list || rest.starts_with(&format!("{list}.")))
        {
            config.set(rest, &value);
        } else {
            findings.push(other(key, &value));
        }
    }
    match config.get("connector.class").map(str::trim) {
        Some(class) if !class.is_empty() && class != CLASS => {
            let cause = format!("its source is {class}, and only PostgreSQL is captured");
            return Err(vec![Problem::config(
                "IMPORT_NO_SOURCE",
                cause,
                format!("debezium.source.connector.class={CLASS}"),
            )]);
        }
        None if config.iter().any(|(name, _)| name.starts_with("database.")) => config.set("connector.class", CLASS),
        Some(_) => {}
        None => {
            return Err(vec![Problem::config(
                "IMPORT_NO_SOURCE",
                "there is no source in it: no property begins with debezium.source.database.",
                "Name Debezium Server's application.properties; a worker's file goes to: tailwater serve --worker FILE",
            )]);
        }
    }
    // Debezium Server writes JSON with schemas unless told otherwise.
    for side in ["key", "value"] {
        let converter = format!("{side}.converter");
        if config.get(&converter).is_none() {
            config.set(&converter, JSON);
        }
    }
    let name = config.get("name").unwrap_or(name).to_owned();
    config.set("name", &name);
    Ok(Import { connector: ConnectorFile { name, config }, findings })
}

/// Properties of a source that are about storing, which is done differently here.
fn elsewhere(property: &str) -> Option<(&'static str, &'static str)> {
    const POSITIONS: &str = "positions are kept in the data directory, with their records";
    let within = |prefix: &str| property == prefix || property.starts_with(&format!("{prefix}."));
    if within("offset.storage") {
        let instead = "To go on where Debezium is: read its offset there, and PATCH it to /connectors/NAME/offsets.";
        Some((POSITIONS, instead))
    } else if within("offset.flush") || within("offset.commit.policy") {
        Some((POSITIONS, ""))
    } else if within("schema.history.internal") || within("database.history") {
        Some(("PostgreSQL's connector has no history of schemas", ""))
    } else {
        None
    }
}

/// `debezium.format.key`, `.value`, `.header`, and the options of their converters.
fn format(rest: &str, key: &str, value: &str, config: &mut Config, findings: &mut Vec<Problem>) {
    let (side, option) = rest.split_once('.').map_or((rest, None), |(side, option)| (side, Some(option)));
    match (side, option) {
        ("schemas", Some("enable")) => {
            for side in ["key", "value"] {
                config.set(&format!("{side}.converter.schemas.enable"), value);
            }
        }
        ("key" | "value" | "header", Some(option)) => config.set(&format!("{side}.converter.{option}"), value),
        ("key" | "value" | "header", None) => {
            match FORMATS.iter().find(|(format, _)| *format == value.trim().to_ascii_lowercase()) {
                Some((_, class)) => config.set(&format!("{side}.converter"), class),
                None => findings.push(unused(
                    key,
                    &format!("the format '{}' is not built in", value.trim()),
                    "It is written as JSON instead; formats are json, simplestring and binary.",
                )),
            }
        }
        _ => findings.push(unused(key, "Debezium Server 3.6 has no such property", "")),
    }
}

/// What is not about the source.
fn other(key: &str, value: &str) -> Problem {
    if key == "debezium.sink.type" && value.trim() == "kafka" {
        let instead = "Consumers connect to 127.0.0.1:9092 instead of the brokers: kcat -b 127.0.0.1:9092 -L";
        return unused(key, "topics are served by tailwater serve itself", instead);
    }
    if key == "debezium.sink.type" {
        let why = format!("there is no sink '{}' here", value.trim());
        return unused(key, &why, "Read the topics with any Kafka client: kcat -b 127.0.0.1:9092 -L");
    }
    if key.starts_with("debezium.sink.") {
        return unused(key, "sinks are connectors of their own", "");
    }
    if let Some(rest) = key.strip_prefix("quarkus.") {
        return match rest {
            "http.port" => unused(
                key,
                "the address is given to serve",
                &format!("tailwater serve --http 127.0.0.1:{}", value.trim()),
            ),
            "http.host" => {
                unused(key, "the address is given to serve", &format!("tailwater serve --http {}:8080", value.trim()))
            }
            _ if rest.starts_with("log.") => {
                unused(key, "the log is set where serve is started", "TAILWATER_LOG=info tailwater serve   # or -v, -q")
            }
            _ => unused(key, "it is about Quarkus, which does not run here", ""),
        };
    }
    if key.starts_with('%') {
        return unused(
            key,
            "it belongs to a profile of Quarkus, and there are none here",
            "Write it without the profile.",
        );
    }
    unused(key, "Debezium Server 3.6 has no such property", "Correct its name, or leave it out.")
}

/// The property that a variable of the environment stands for, as Debezium Server's image takes them:
/// `DEBEZIUM_SOURCE_DATABASE_HOSTNAME`.
fn of_variable(key: &str) -> Option<String> {
    let is_variable = key.chars().all(is_of_variable);
    (is_variable && ["DEBEZIUM_", "QUARKUS_"].iter().any(|start| key.starts_with(start)))
        .then(|| key.to_ascii_lowercase().replace('_', "."))
}

fn is_of_variable(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'
}

/// How often a property may name one that names another.
const EXPANSIONS: usize = 8;

/// Quarkus' expressions in the value of a property: `${NAME}` of the environment, `${other.property}` of the file, each with a
/// default behind a colon.
struct Expansion<'a> {
    properties: &'a [(String, String)],
    key: &'a str,
}

impl Expansion<'_> {
    fn of(&self, value: &str, findings: &mut Vec<Problem>) -> String {
        self.expanded(value, EXPANSIONS, findings)
    }

    fn expanded(&self, value: &str, depth: usize, findings: &mut Vec<Problem>) -> String {
        let mut out = String::new();
        let mut rest = value;
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let Some((inside, tail)) = braced(after) else {
                out.push_str("${");
                rest = after;
                continue;
            };
            match self.expression(inside, depth, findings) {
                Some(text) => out.push_str(&text),
                // A transform may mean it: `${routedByValue}`.
                None => out.push_str(&format!("${{{inside}}}")),
            }
            rest = tail;
        }
        out.push_str(rest);
        out
    }

    fn expression(&self, inside: &str, depth: usize, findings: &mut Vec<Problem>) -> Option<String> {
        let (name, fallback) = inside.split_once(':').map_or((inside, None), |(name, text)| (name, Some(text)));
        let depth = depth.checked_sub(1)?;
        if let Some((_, value)) = self.properties.iter().find(|(key, _)| key == name && key != self.key) {
            return Some(self.expanded(value, depth, findings));
        }
        if name.is_empty() || !name.chars().all(is_of_variable) {
            let of_transform = self.key.starts_with("debezium.transforms.");
            if !of_transform && fallback.is_none() {
                let why = format!("nothing in the file says what ${{{name}}} stands for");
                findings.push(unused(self.key, &why, "Write the value, or ${NAME} of a variable of the environment."));
            }
            return fallback.filter(|_| !of_transform).map(|text| self.expanded(text, depth, findings));
        }
        let Some(fallback) = fallback else { return Some(format!("${{env:{name}}}")) };
        let why = format!("the default of ${{{name}:…}} is written, and the variable is not read any more");
        findings.push(unused(self.key, &why, &format!("To read it, write ${{env:{name}}}, which has no default.")));
        Some(self.expanded(fallback, depth, findings))
    }
}

/// What stands before the brace that closes, and behind it.
fn braced(text: &str) -> Option<(&str, &str)> {
    let mut open = 1;
    for (at, c) in text.char_indices() {
        match c {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some((text.get(..at)?, text.get(at + 1..)?));
        }
    }
    None
}

fn unused(key: &str, why: &str, instead: &str) -> Problem {
    Problem::config("IMPORT_UNUSED", format!("'{key}': {why}"), instead).warning()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TUTORIAL: &str = "\
debezium.sink.type=http
debezium.sink.http.url=http://localhost:8000/events
debezium.source.connector.class=io.debezium.connector.postgresql.PostgresConnector
debezium.source.offset.storage.file.filename=data/offsets.dat
debezium.source.offset.flush.interval.ms=0
debezium.source.database.hostname=localhost
debezium.source.database.port=${DB_PORT:5432}
debezium.source.database.user=postgres
debezium.source.database.password=${DB_PASSWORD}
debezium.source.database.dbname=postgres
debezium.source.topic.prefix=tutorial
debezium.source.table.include.list=inventory.customers
debezium.source.plugin.name=pgoutput
debezium.format.value=json
debezium.format.value.schemas.enable=false
debezium.transforms=unwrap,route
debezium.transforms.unwrap.type=io.debezium.transforms.ExtractNewRecordState
debezium.transforms.route.type=org.apache.kafka.connect.transforms.RegexRouter
debezium.transforms.route.replacement=${routedByValue}$1
quarkus.log.console.json=false
quarkus.http.port=8081
%dev.debezium.source.database.hostname=dev
";

    #[test]
    fn source_formats_and_transforms_become_a_connector_and_everything_else_is_named() {
        let Import { connector, findings } = import("application", TUTORIAL).unwrap();
        assert_eq!(connector.name, "application");
        let config = connector.config;
        for (name, value) in [
            ("connector.class", CLASS),
            ("database.hostname", "localhost"),
            ("database.port", "5432"),
            ("database.password", "${env:DB_PASSWORD}"),
            ("topic.prefix", "tutorial"),
            ("key.converter", JSON),
            ("value.converter", JSON),
            ("value.converter.schemas.enable", "false"),
            ("transforms", "unwrap,route"),
            ("transforms.unwrap.type", "io.debezium.transforms.ExtractNewRecordState"),
            ("transforms.route.replacement", "${routedByValue}$1"),
        ] {
            assert_eq!(config.get(name), Some(value), "{name}");
        }
        assert!(config.iter().all(|(name, _)| !name.starts_with("offset.") && !name.starts_with("debezium.")));
        let named: Vec<&str> = findings.iter().filter_map(|finding| finding.cause.split('\'').nth(1)).collect();
        let expected = [
            "debezium.sink.type",
            "debezium.sink.http.url",
            "debezium.source.offset.storage.file.filename",
            "debezium.source.offset.flush.interval.ms",
            "debezium.source.database.port",
            "quarkus.log.console.json",
            "quarkus.http.port",
            "%dev.debezium.source.database.hostname",
        ];
        assert_eq!(named, expected);
        assert!(findings.iter().any(|finding| finding.remedy == "tailwater serve --http 127.0.0.1:8081"));
    }

    #[test]
    fn every_property_is_used_or_named() {
        let (before, _) = java_properties::parse_as_java(TUTORIAL).unwrap();
        let Import { connector, findings } = import("x", TUTORIAL).unwrap();
        for (key, _) in before {
            let named = findings.iter().any(|finding| finding.cause.contains(&format!("'{key}'")));
            let used = ["debezium.source.", "debezium."]
                .iter()
                .filter_map(|prefix| key.strip_prefix(prefix))
                .map(|rest| {
                    rest.strip_prefix("format.value").map_or(rest.to_owned(), |r| format!("value.converter{r}"))
                })
                .any(|name| connector.config.get(&name).is_some());
            assert!(used || named, "{key} is lost");
        }
    }

    #[test]
    fn expressions_of_quarkus_are_resolved_where_the_file_or_a_default_says_what_they_are() {
        let text = "\
db.host=pg.example
db.name=${DB_NAME:shop}
debezium.source.database.hostname=${db.host}
debezium.source.database.dbname=${db.name}
debezium.source.database.user=${unknown.user}
debezium.source.database.password=${DB_PASSWORD:${OTHER:s3cret}}
debezium.source.topic.prefix=${loop.a}
loop.a=${loop.b}
loop.b=${loop.a}
debezium.source.slot.name=a
debezium.source.slot.name=b
debezium.format.value=jsonbytearray
";
        let Import { connector, findings } = import("x", text).unwrap();
        let config = connector.config;
        for (name, value) in [
            ("database.hostname", "pg.example"),
            ("database.dbname", "shop"),
            ("database.user", "${unknown.user}"),
            ("database.password", "s3cret"),
            ("slot.name", "b"),
            ("value.converter", JSON),
        ] {
            assert_eq!(config.get(name), Some(value), "{name}");
        }
        let said = format!("{findings:?}");
        for word in
            ["'debezium.source.slot.name': it stands there more than once", "${unknown.user}", "${DB_PASSWORD:…}"]
        {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert!(!said.contains("s3cret") && !said.contains("'db.host'"), "{said}");
    }

    #[test]
    fn variables_of_the_servers_image_are_its_properties() {
        let text = "DEBEZIUM_SINK_TYPE=redis\nDEBEZIUM_SOURCE_DATABASE_HOSTNAME=h\nDEBEZIUM_SOURCE_TOPIC_PREFIX=p\n";
        let Import { connector, findings } = import("x", text).unwrap();
        assert_eq!(
            (connector.config.get("database.hostname"), connector.config.get("topic.prefix")),
            (Some("h"), Some("p"))
        );
        assert!(findings.len() == 1 && findings[0].cause.contains("'debezium.sink.type'"), "{findings:?}");
    }

    #[test]
    fn a_file_without_a_source_is_none() {
        assert_eq!(import("x", "quarkus.http.port=1\n").unwrap_err()[0].code, "IMPORT_NO_SOURCE");
        assert_eq!(import("x", "a=\\u1\n").unwrap_err()[0].code, "CONNECTOR_FILE_INVALID");
        let yaml = "debezium:\n  sink:\n    type: kinesis\n  source:\n    connector:\n      class: x\n";
        assert_eq!(import("x", yaml).unwrap_err()[0].code, "IMPORT_YAML");
        let other = "debezium.source.connector.class=io.debezium.connector.mysql.MySqlConnector\ndebezium.source.database.hostname=h\n";
        let problem = &import("x", other).unwrap_err()[0];
        assert!(problem.code == "IMPORT_NO_SOURCE" && problem.cause.contains("MySqlConnector"), "{problem}");
        let avro = import("x", "debezium.source.database.hostname=h\ndebezium.format.key=avro\n").unwrap();
        assert_eq!((avro.findings.len(), avro.connector.config.get("key.converter")), (1, Some(JSON)));
    }
}
