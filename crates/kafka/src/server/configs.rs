//! Configurations as clients see them: of topics, and of the broker.

use std::collections::BTreeMap;

use tailwater_journal::TopicMeta;
use tailwater_wire::api::describe_configs::{DescribeConfigsResourceResult, DescribeConfigsSynonym};

use super::Settings;
use super::broker::NODE;
use super::topic_config::{DEFINITIONS, Definition, Effect, Kind, check, default_of, definition};
use crate::limits::{
    FETCH_BYTES, FETCH_SESSIONS, IDLE_TIMEOUT, OFFSET_METADATA_MAX_BYTES, TRANSACTION_TIMEOUT_MAX_MS,
    TRANSACTIONAL_ID_RETENTION_MS,
};

/// Kind of a resource: a topic.
pub(super) const TOPIC: i8 = 2;
/// Kind of a resource: a broker.
pub(super) const BROKER: i8 = 4;

/// Where a value comes from: set for the topic.
pub(super) const OF_TOPIC: i8 = 1;
/// Where a value comes from: how the process was started.
const OF_START: i8 = 4;
/// Where a value comes from: nowhere, it is the default.
pub(super) const DEFAULT: i8 = 5;

/// All settings of a topic.
pub(super) fn of_topic(topic: &TopicMeta) -> Vec<DescribeConfigsResourceResult> {
    let entry = |definition: &Definition| {
        let default = default_of(definition, topic.change);
        let set = topic.config.get(definition.name);
        let synonym = |name: &str, value: &str, source| DescribeConfigsSynonym {
            name: name.to_owned(),
            value: Some(value.to_owned()),
            source,
        };
        let own = set.map(|value| synonym(definition.name, value, OF_TOPIC));
        let brokers = definition.broker_name.map(|name| synonym(name, default, DEFAULT));
        let documentation = match definition.effect {
            Effect::Honoured => definition.doc.to_owned(),
            Effect::None(why) => format!("{} Accepted, and without effect: {why}.", definition.doc),
        };
        DescribeConfigsResourceResult {
            name: definition.name.to_owned(),
            value: Some(set.map_or(default, String::as_str).to_owned()),
            config_source: if set.is_some() { OF_TOPIC } else { DEFAULT },
            synonyms: own.into_iter().chain(brokers).collect(),
            config_type: type_of(definition.kind),
            documentation: Some(documentation),
            ..DescribeConfigsResourceResult::default()
        }
    };
    DEFINITIONS.iter().map(entry).collect()
}

/// What the broker can be asked about itself; all of it is set when the process starts.
pub(super) fn of_broker(settings: &Settings, (host, port): &(String, u16)) -> Vec<DescribeConfigsResourceResult> {
    const STRING: i8 = 2;
    const INT: i8 = 3;
    const LONG: i8 = 5;
    const LIST: i8 = 7;
    let bool = |value: bool| (1, value.to_string());
    let default = |name: &str| {
        let known = DEFINITIONS.iter().find(|definition| definition.broker_name == Some(name));
        known.map_or((STRING, String::new()), |known| (type_of(known.kind), known.default.to_owned()))
    };
    let mut entries: BTreeMap<&str, (i8, String)> =
        DEFINITIONS.iter().filter_map(|definition| definition.broker_name).map(|name| (name, default(name))).collect();
    entries.extend([
        ("advertised.listeners", (STRING, format!("PLAINTEXT://{host}:{port}"))),
        ("auto.create.topics.enable", bool(settings.auto_create_topics)),
        ("broker.id", (INT, NODE.to_string())),
        ("connections.max.idle.ms", (LONG, IDLE_TIMEOUT.as_millis().to_string())),
        ("default.replication.factor", (INT, "1".to_owned())),
        ("delete.topic.enable", bool(true)),
        ("fetch.max.bytes", (INT, FETCH_BYTES.to_string())),
        // Tools choose what they ask for by it; the format is that of Kafka 3.9, the last to have this name.
        ("group.initial.rebalance.delay.ms", (INT, settings.groups.initial_rebalance_delay.to_string())),
        ("group.max.session.timeout.ms", (INT, settings.groups.session_timeout_max.to_string())),
        ("group.max.size", (INT, settings.groups.members_max.to_string())),
        ("group.min.session.timeout.ms", (INT, settings.groups.session_timeout_min.to_string())),
        ("inter.broker.protocol.version", (STRING, "3.9-IV0".to_owned())),
        ("log.dirs", (LIST, settings.log_dir.clone())),
        ("log.retention.hours", (INT, "168".to_owned())),
        ("max.connections", (INT, settings.connections.to_string())),
        ("max.incremental.fetch.session.cache.slots", (INT, FETCH_SESSIONS.to_string())),
        ("min.insync.replicas", (INT, "1".to_owned())),
        ("node.id", (INT, NODE.to_string())),
        ("num.partitions", (INT, settings.partitions.to_string())),
        ("offset.metadata.max.bytes", (INT, OFFSET_METADATA_MAX_BYTES.to_string())),
        ("offsets.retention.minutes", (INT, (settings.groups.offsets_retention / 60_000).to_string())),
        ("process.roles", (LIST, "broker,controller".to_owned())),
        ("transaction.max.timeout.ms", (INT, TRANSACTION_TIMEOUT_MAX_MS.to_string())),
        ("transactional.id.expiration.ms", (INT, TRANSACTIONAL_ID_RETENTION_MS.to_string())),
    ]);
    let entry = |(name, (config_type, value)): (&str, (i8, String))| DescribeConfigsResourceResult {
        name: name.to_owned(),
        config_source: if default(name).1 == value { DEFAULT } else { OF_START },
        value: Some(value),
        read_only: true,
        config_type,
        documentation: None,
        ..DescribeConfigsResourceResult::default()
    };
    entries.into_iter().map(entry).collect()
}

/// Checks settings for a topic: all that is wrong, in one line.
pub(super) fn check_all<'a>(set: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<(), String> {
    let faults: Vec<_> = set.into_iter().filter_map(|(name, value)| check(name, value).err()).collect();
    if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
}

/// Looks at a setting of topics and its value: why it has no effect here, if it has none.
///
/// # Errors
/// What is wrong with it, in words for whoever set it.
pub fn check_topic_setting(name: &str, value: &str) -> Result<Option<&'static str>, String> {
    check(name, value)?;
    Ok(definition(name).and_then(|definition| match definition.effect {
        Effect::Honoured => None,
        Effect::None(why) => Some(why),
    }))
}

/// Says in the log which settings of a topic have no effect here.
pub(super) fn note_effects<'a>(topic: &str, names: impl IntoIterator<Item = &'a str>) {
    for name in names {
        if let Some(Definition { effect: Effect::None(why), .. }) = definition(name) {
            tracing::warn!(topic, name, "a topic's setting is kept and has no effect: {why}");
        }
    }
}

/// Kafka's number for a kind of value (KIP-569).
fn type_of(kind: Kind) -> i8 {
    match kind {
        Kind::Boolean => 1,
        Kind::Word(_) => 2,
        Kind::Int(_) => 3,
        Kind::Long(_) => 5,
        Kind::Double(..) => 6,
        Kind::Words(_) | Kind::List => 7,
    }
}

#[cfg(test)]
mod tests {
    use tailwater_journal::TopicId;

    use super::*;

    #[test]
    fn a_topic_shows_what_is_set_and_where_the_rest_comes_from() {
        let config = BTreeMap::from([("retention.ms".to_owned(), "5".to_owned())]);
        let meta = TopicMeta { id: TopicId(1), name: "t".into(), partitions: 1, bounds: vec![], config, change: true };
        let entries = of_topic(&meta);
        let find = |name: &str| entries.iter().find(|entry| entry.name == name).unwrap();
        let retention = find("retention.ms");
        assert_eq!((retention.value.as_deref(), retention.config_source), (Some("5"), OF_TOPIC));
        let synonyms: Vec<_> = retention.synonyms.iter().map(|s| (s.name.as_str(), s.value.as_deref())).collect();
        assert_eq!(synonyms, [("retention.ms", Some("5")), ("log.retention.ms", Some("-1"))]);
        assert_eq!(
            (find("compression.type").value.as_deref(), find("compression.type").config_source),
            (Some("auto"), DEFAULT)
        );
        assert!(find("preallocate").documentation.as_deref().unwrap().contains("without effect"));
    }

    #[test]
    fn the_broker_shows_its_settings_and_what_topics_inherit() {
        let entries = of_broker(&Settings { partitions: 4, ..Settings::default() }, &("h".into(), 9092));
        let value = |name: &str| entries.iter().find(|entry| entry.name == name).unwrap().value.clone().unwrap();
        assert_eq!(value("num.partitions"), "4");
        assert_eq!(value("log.retention.ms"), "604800000");
        assert_eq!(value("advertised.listeners"), "PLAINTEXT://h:9092");
        assert!(entries.is_sorted_by(|a, b| a.name < b.name));
    }
}
