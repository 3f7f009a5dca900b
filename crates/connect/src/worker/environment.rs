//! What the environment of an image of Connect says of its worker.
//!
//! Sources: the entry points of Debezium's and Confluent's images; Strimzi's scripts.

use std::collections::BTreeMap;

use tailwater_connector::Problem;

use super::NO_JAVA;
use crate::java_properties;

/// Variables without which Debezium's image does not start. Where they are not there, its other names are somebody else's.
const OF_IMAGE: [&str; 2] = ["CONFIG_STORAGE_TOPIC", "OFFSET_STORAGE_TOPIC"];

/// Variables of Debezium's image without the prefix `CONNECT_`, and the settings that they are.
const IMAGE: [(&str, &str); 18] = [
    ("BOOTSTRAP_SERVERS", "bootstrap.servers"),
    ("GROUP_ID", "group.id"),
    ("CONFIG_STORAGE_TOPIC", "config.storage.topic"),
    ("OFFSET_STORAGE_TOPIC", "offset.storage.topic"),
    ("STATUS_STORAGE_TOPIC", "status.storage.topic"),
    ("KEY_CONVERTER", "key.converter"),
    ("VALUE_CONVERTER", "value.converter"),
    ("REST_HOST_NAME", "rest.host.name"),
    ("REST_PORT", "rest.port"),
    ("OFFSET_FLUSH_INTERVAL_MS", "offset.flush.interval.ms"),
    ("OFFSET_FLUSH_TIMEOUT_MS", "offset.flush.timeout.ms"),
    ("SHUTDOWN_TIMEOUT", "task.shutdown.graceful.timeout.ms"),
    ("ADVERTISED_HOST_NAME", "rest.advertised.host.name"),
    ("ADVERTISED_PORT", "rest.advertised.port"),
    ("LOG_LEVEL", "log.level"),
    ("HEAP_OPTS", "jvm.heap"),
    ("ENABLE_DEBEZIUM_SCRIPTING", "enable.debezium.scripting"),
    ("ENABLE_APICURIO_CONVERTERS", "enable.apicurio.converters"),
];

/// Variables of Java and of Kafka's scripts in images of Connect.
const OF_JAVA: [&str; 8] = [
    "KAFKA_HEAP_OPTS",
    "KAFKA_JVM_PERFORMANCE_OPTS",
    "KAFKA_GC_LOG_OPTS",
    "KAFKA_LOG4J_OPTS",
    "KAFKA_JMX_OPTS",
    "KAFKA_JMX_PORT",
    "KAFKA_JMX_HOSTNAME",
    "KAFKA_OPTS",
];

/// Properties of a worker as text, in Strimzi's image.
const OF_STRIMZI: &str = "KAFKA_CONNECT_CONFIGURATION";

/// What the environment says of a worker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// Settings, in order of name.
    pub settings: Vec<(String, String)>,
    /// What is not used, and why; warnings.
    pub notes: Vec<Problem>,
}

/// The settings that environment variables of Connect images stand for: `CONNECT_KEY_CONVERTER` (three underscores stand for a
/// dash and two for one, as in Confluent's image), the text of Strimzi's, and the names of Debezium's image. Those have no
/// prefix, and so they count only where the image would start; `CONNECT_` wins over them.
pub fn of_environment(variables: impl IntoIterator<Item = (String, String)>) -> Environment {
    let variables: BTreeMap<String, String> = variables.into_iter().collect();
    let given = |name: &&str| variables.get(*name).is_some_and(|value| !value.trim().is_empty());
    let is_image = OF_IMAGE.iter().all(given);
    let mut found = BTreeMap::new();
    let mut notes = Vec::new();
    if let Some(text) = variables.get(OF_STRIMZI) {
        match java_properties::parse_as_java(text) {
            Ok((properties, _)) => found.extend(properties),
            Err(problem) => {
                let cause = format!("{OF_STRIMZI} of the environment is not used: {}", problem.cause);
                notes.push(Problem::config("WORKER_ENVIRONMENT_UNUSED", cause, problem.remedy).warning());
            }
        }
    }
    for (name, value) in &variables {
        let rest = name.strip_prefix("CONNECT_").filter(|rest| !rest.is_empty());
        if let Some(rest) = rest {
            let setting = rest.to_ascii_lowercase().replace("___", "-").replace("__", "\0");
            found.insert(setting.replace('_', ".").replace('\0', "_"), value.clone());
        }
    }
    for (name, setting) in IMAGE.iter().filter(|(name, _)| given(name)) {
        if is_image {
            let value = variables.get(*name).cloned().unwrap_or_default();
            found.entry((*setting).to_owned()).or_insert(value);
        } else if ["KEY_CONVERTER", "VALUE_CONVERTER", "REST_PORT", "REST_HOST_NAME"].contains(name) {
            notes.push(unused(name, &format!("Debezium's image takes it, beside {}", OF_IMAGE.join(" and "))));
        }
    }
    // Its image does not take them either, and many believe so.
    let almost = ["_CONVERTER_SCHEMAS_ENABLE", "_STORAGE_REPLICATION_FACTOR"];
    for name in variables.keys().filter(|name| is_image && almost.iter().any(|end| name.ends_with(end))) {
        if !name.starts_with("CONNECT_") {
            notes.push(unused(name, "Debezium's image passes it on with the prefix only"));
        }
    }
    if is_image || !found.is_empty() {
        let of_java: Vec<&str> = OF_JAVA.into_iter().filter(|name| given(name)).collect();
        if !of_java.is_empty() {
            let cause = format!("{}: {NO_JAVA}", of_java.join(", "));
            notes.push(Problem::config("WORKER_SETTING_IGNORED", cause, "").warning());
        }
    }
    Environment { settings: found.into_iter().collect(), notes }
}

fn unused(name: &str, why: &str) -> Problem {
    let cause = format!("{name} of the environment is not used: {why}");
    Problem::config("WORKER_ENVIRONMENT_UNUSED", cause, format!("Name it CONNECT_{name}.")).warning()
}

#[cfg(test)]
mod tests {
    use super::super::settle;
    use super::*;

    fn codes(problems: &[Problem]) -> Vec<&str> {
        problems.iter().map(|problem| problem.code.as_str()).collect()
    }

    #[test]
    fn names_of_images_are_settings() {
        let variables = [
            ("CONNECT_KEY_CONVERTER_SCHEMAS_ENABLE", "false"),
            ("CONFIG_STORAGE_TOPIC", "c"),
            ("OFFSET_STORAGE_TOPIC", "o"),
            ("KEY_CONVERTER", "org.apache.kafka.connect.json.JsonConverter"),
            ("CONNECT_VALUE_CONVERTER", "org.apache.kafka.connect.storage.StringConverter"),
            ("REST_PORT", "8083"),
            ("CONNECT_PRODUCER_A__B___C", "x"),
            ("PATH", "/bin"),
        ];
        let found = environment(&variables);
        let names: Vec<&str> = found.settings.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "config.storage.topic",
            "key.converter",
            "key.converter.schemas.enable",
            "offset.storage.topic",
            "producer.a_b-c",
            "rest.port",
            "value.converter",
        ];
        assert_eq!(names, expected);
    }

    fn environment(variables: &[(&str, &str)]) -> Environment {
        of_environment(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn names_without_prefix_are_somebody_elses_unless_debeziums_image_would_start_with_them() {
        let stray = environment(&[
            ("REST_PORT", "80"),
            ("KEY_CONVERTER", "x.Y"),
            ("GROUP_ID", "1"),
            ("BOOTSTRAP_SERVERS", "k"),
        ]);
        assert_eq!(stray.settings, []);
        assert_eq!(codes(&stray.notes), ["WORKER_ENVIRONMENT_UNUSED", "WORKER_ENVIRONMENT_UNUSED"]);
        assert_eq!(stray.notes[0].remedy, "Name it CONNECT_KEY_CONVERTER.");
        let half = environment(&[("REST_PORT", "80"), ("CONFIG_STORAGE_TOPIC", "c"), ("OFFSET_STORAGE_TOPIC", " ")]);
        assert_eq!(half.settings, []);
        let both = [("CONFIG_STORAGE_TOPIC", "c"), ("OFFSET_STORAGE_TOPIC", "o"), ("REST_PORT", "80")];
        assert!(environment(&both).settings.contains(&("rest.port".to_owned(), "80".to_owned())));
        let prefixed = environment(&[&both[..], &[("CONNECT_REST_PORT", "81")]].concat());
        assert!(prefixed.settings.contains(&("rest.port".to_owned(), "81".to_owned())));
        assert_eq!(environment(&[("KAFKA_HEAP_OPTS", "-Xmx1g"), ("PORT", "80")]), Environment::default());
    }

    #[test]
    fn strimzis_text_is_a_workers_file_and_one_that_is_none_is_named() {
        let text = "group.id=g\nkey.converter=org.apache.kafka.connect.storage.StringConverter\n";
        let found = environment(&[("KAFKA_CONNECT_CONFIGURATION", text)]);
        assert_eq!(found.settings.len(), 2);
        let broken = environment(&[("KAFKA_CONNECT_CONFIGURATION", "a=\\uD8")]);
        assert_eq!((broken.settings.len(), codes(&broken.notes)), (0, vec!["WORKER_ENVIRONMENT_UNUSED"]));
    }

    /// Compose files, deployments and commands that people published, by their variables; values are made up where they do not
    /// matter.
    #[test]
    fn every_line_of_published_compose_files_is_followed_or_named() {
        let published: Vec<BTreeMap<String, String>> = serde_json::from_str(include_str!("published.json")).unwrap();
        for variables in &published {
            let Environment { settings, notes } = of_environment(variables.clone());
            let worker = settle(settings).map_err(|p| format!("{variables:?}: {p:?}")).unwrap();
            let said: String = notes.iter().chain(&worker.notes).map(|note| format!("{} ", note.cause)).collect();
            assert!(!said.contains("SECRET") && !said.contains("no worker of Connect knows"), "{said}");
            for (name, value) in variables {
                let setting = IMAGE.iter().find(|(image, _)| image == name).map_or_else(
                    || name.trim_start_matches("CONNECT_").to_ascii_lowercase().replace('_', "."),
                    |(_, setting)| (*setting).to_owned(),
                );
                let followed = worker.converters.get(&setting) == Some(value.as_str())
                    || matches!(setting.as_str(), "rest.port" | "rest.host.name" | "listeners")
                        && worker.listen.is_some()
                    || setting.starts_with("config.providers") && !worker.providers.is_empty()
                    || setting == "topic.creation.enable" && worker.topic_creation_off == (value == "false");
                assert!(
                    followed || said.contains(&setting) || said.contains(name.as_str()),
                    "{name} of {variables:?}: {said}"
                );
            }
        }
        assert!(published.len() >= 20);
    }
}
