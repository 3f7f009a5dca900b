//! The properties that Kafka Connect gives every connector and applies around it, each declared once.
//!
//! A plugin that declares one of these as refused keeps it from being used.

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Property, Support};

pub(super) const TRANSFORMS: &str = "transforms";
pub(super) const PREDICATES: &str = "predicates";
pub(super) const TOLERANCE: &str = "errors.tolerance";
pub(super) const LOG_ERRORS: &str = "errors.log.enable";
pub(super) const LOG_MESSAGES: &str = "errors.log.include.messages";
pub(super) const RETRY_TIMEOUT: &str = "errors.retry.timeout";
pub(super) const RETRY_DELAY: &str = "errors.retry.delay.max.ms";

pub(super) const DEAD_LETTERS: &str = "errors.deadletterqueue.topic.name";
pub(super) const DEAD_LETTERS_CONTEXT: &str = "errors.deadletterqueue.context.headers.enable";

/// A side of a record that has a converter, by the prefix of its properties.
pub(super) const CONVERTERS: [&str; 3] = ["key.converter", "value.converter", "header.converter"];

const ONE_COPY: Support = Support::NoEffect("topics are in the data directory, once");

/// All of them.
pub(super) const FRAMEWORK: &[Property] = &[
    Property::new(TRANSFORMS, Form::Text, Some(""), "names of transforms, in the order they are applied"),
    Property::new("transforms.*", Form::Text, None, "type, predicate and options of a transform, below its name"),
    Property::new(PREDICATES, Form::Text, Some(""), "names of predicates, which say what transforms apply to"),
    Property::new("predicates.*", Form::Text, None, "type and options of a predicate, below its name"),
    Property::new("key.converter", Form::Text, None, "the form of keys, by the class of a converter"),
    Property::new("key.converter.*", Form::Text, None, "options of the keys' converter"),
    Property::new("value.converter", Form::Text, None, "the form of values, by the class of a converter"),
    Property::new("value.converter.*", Form::Text, None, "options of the values' converter"),
    Property::new("header.converter", Form::Text, None, "the form of headers, by the class of a converter"),
    Property::new("header.converter.*", Form::Text, None, "options of the headers' converter"),
    Property::new(
        TOLERANCE,
        Form::OneOf(&["none", "all"]),
        Some("none"),
        "what follows a record that a transform or a converter refuses: the connector fails (none), or it goes on (all)",
    ),
    Property::new(LOG_ERRORS, Form::Bool, Some("false"), "whether each tolerated record is logged"),
    Property::new(
        LOG_MESSAGES,
        Form::Bool,
        Some("false"),
        "of sinks: whether that log says the record's time, too; keys, values and headers never get into a log",
    ),
    Property::new(
        RETRY_TIMEOUT,
        Form::Integer(-1, i64::MAX),
        Some("0"),
        "of sinks: how long, in milliseconds, reading topics and writing the dead letter queue is tried again; -1: for ever",
    ),
    Property::new(RETRY_DELAY, Form::Integer(1, i64::MAX), Some("60000"), "longest pause before that, in milliseconds"),
    Property::new(
        DEAD_LETTERS,
        Form::Text,
        Some(""),
        "of sinks: the topic that tolerated records go to, as they were read",
    ),
    Property::new(
        DEAD_LETTERS_CONTEXT,
        Form::Bool,
        Some("false"),
        "headers that say where they are from, and why they are there",
    ),
    Property::new(
        "errors.deadletterqueue.topic.replication.factor",
        Form::Integer(1, 32_767),
        Some("3"),
        "copies of it",
    )
    .support(ONE_COPY),
    Property::new(
        "topic.creation.groups",
        Form::Text,
        Some(""),
        "Groups of configurations for topics created by source connectors",
    ),
    Property::new(
        "topic.creation.*",
        Form::Text,
        None,
        "of sources: partitions, replication.factor and settings of the topics of a group (default is for all others), and the \
         expressions include and exclude for their names",
    ),
];

/// Those that mean nothing to sources, and why.
pub(super) const ONLY_SINKS: &[(&str, &str)] = &[
    (DEAD_LETTERS, "only sinks have a dead letter queue"),
    (DEAD_LETTERS_CONTEXT, "only sinks have a dead letter queue"),
    (LOG_MESSAGES, "keys, values and headers of records never get into a log"),
    (RETRY_TIMEOUT, NO_RETRIES),
    (RETRY_DELAY, NO_RETRIES),
];
const NO_RETRIES: &str = "transforms and converters reach for nothing, so that no failure of theirs passes by itself, and what the \
                          source itself reaches for is tried again as its own properties say";

/// A plugin's properties among Connect's.
pub(super) fn all(plugin: &[Property]) -> Vec<Property> {
    let refused = |property: &Property| matches!(property.support, Support::Refused(_));
    let of_plugin = |name: &str| plugin.iter().find(|own| own.name == name);
    let connects = FRAMEWORK.iter().filter(|property| !of_plugin(property.name).is_some_and(refused));
    let taken = |own: &&Property| refused(own) || !FRAMEWORK.iter().any(|property| property.name == own.name);
    connects.chain(plugin.iter().filter(taken)).copied().collect()
}

/// What is Connect's of a configuration, and what is the plugin's.
pub(super) fn split(config: &Config, plugin: &[Property]) -> (Config, Config) {
    let is = |properties: &[Property], name: &str| {
        properties
            .iter()
            .find(|property| property.matches(name))
            .is_some_and(|p| matches!(p.support, Support::Refused(_)))
    };
    let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let connects = |name: &str| FRAMEWORK.iter().any(|property| property.matches(name)) && !is(plugin, name);
    let (ours, theirs): (Vec<_>, Vec<_>) = config.iter().partition(|(name, _)| connects(name));
    (ours.into_iter().map(pair).collect(), theirs.into_iter().map(pair).collect())
}

/// Whether records look different under another value.
pub(super) fn changes_records(name: &str) -> bool {
    !name.starts_with("errors.")
        && !name.starts_with("topic.creation.")
        && FRAMEWORK.iter().any(|property| property.matches(name))
}

/// The options below a prefix, which falls off.
pub(super) fn below(config: &Config, prefix: &str) -> Config {
    let option = |(name, value): (&str, &str)| Some((name.strip_prefix(prefix)?.to_owned(), value.to_owned()));
    config.iter().filter_map(option).collect()
}
