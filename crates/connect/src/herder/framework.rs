//! What Kafka Connect's own framework takes of every connector, as Connect 4.3 presents it to user interfaces.

use tailwater_connector::{Kind, Look};

/// A property of the framework.
pub(super) struct Framework {
    /// How it is presented.
    pub look: Look,
    /// Its default.
    pub default: Option<&'static str>,
    /// The kind that takes it; `None` for both.
    pub only: Option<Kind>,
}

const fn both(look: Look, default: Option<&'static str>) -> Framework {
    Framework { look, default, only: None }
}

const fn source(look: Look, default: Option<&'static str>) -> Framework {
    Framework { look, default, only: Some(Kind::Source) }
}

const fn sink(look: Look, default: Option<&'static str>) -> Framework {
    Framework { look, default, only: Some(Kind::Sink) }
}

const fn look(
    name: &'static str,
    kind: &'static str,
    importance: &'static str,
    group: &'static str,
    width: &'static str,
    label: &'static str,
) -> Look {
    Look { name, kind, importance, group, width, label }
}

/// In Connect's order.
#[rustfmt::skip]
pub(super) const FRAMEWORK: &[Framework] = &[
    both(look("name", "STRING", "HIGH", "Common", "MEDIUM", "Connector name"), None),
    both(look("connector.class", "STRING", "HIGH", "Common", "LONG", "Connector class"), None),
    both(look("tasks.max", "INT", "HIGH", "Common", "SHORT", "Tasks max"), Some("1")),
    both(look("tasks.max.enforce", "BOOLEAN", "LOW", "Common", "SHORT", "Enforce tasks max"), Some("true")),
    both(look("key.converter", "CLASS", "LOW", "Common", "SHORT", "Key converter class"), Some("org.apache.kafka.connect.json.JsonConverter")),
    both(look("value.converter", "CLASS", "LOW", "Common", "SHORT", "Value converter class"), Some("org.apache.kafka.connect.json.JsonConverter")),
    both(look("header.converter", "CLASS", "LOW", "Common", "SHORT", "Header converter class"), Some("org.apache.kafka.connect.storage.SimpleHeaderConverter")),
    both(look("transforms", "LIST", "LOW", "Transforms", "LONG", "Transforms"), Some("")),
    both(look("predicates", "LIST", "LOW", "Predicates", "LONG", "Predicates"), Some("")),
    both(look("config.action.reload", "STRING", "LOW", "Common", "MEDIUM", "Reload Action"), Some("restart")),
    both(look("errors.retry.timeout", "LONG", "MEDIUM", "Error Handling", "MEDIUM", "Retry Timeout for Errors"), Some("0")),
    both(look("errors.retry.delay.max.ms", "LONG", "MEDIUM", "Error Handling", "MEDIUM", "Maximum Delay Between Retries for Errors"), Some("60000")),
    both(look("errors.tolerance", "STRING", "MEDIUM", "Error Handling", "SHORT", "Error Tolerance"), Some("none")),
    both(look("errors.log.enable", "BOOLEAN", "MEDIUM", "Error Handling", "SHORT", "Log Errors"), Some("false")),
    both(look("errors.log.include.messages", "BOOLEAN", "MEDIUM", "Error Handling", "SHORT", "Log Error Details"), Some("false")),
    source(look("topic.creation.groups", "LIST", "LOW", "Topic Creation", "LONG", "Topic Creation Groups"), Some("")),
    source(look("exactly.once.support", "STRING", "MEDIUM", "Exactly Once Support", "SHORT", "Exactly once support"), Some("requested")),
    source(look("transaction.boundary", "STRING", "MEDIUM", "Exactly Once Support", "SHORT", "Transaction Boundary"), Some("poll")),
    source(look("transaction.boundary.interval.ms", "LONG", "LOW", "Exactly Once Support", "SHORT", "Transaction boundary interval"), None),
    source(look("offsets.storage.topic", "STRING", "LOW", "offsets.topic", "LONG", "Offsets topic"), None),
    sink(look("topics", "LIST", "HIGH", "Common", "LONG", "Topics"), Some("")),
    sink(look("topics.regex", "STRING", "HIGH", "Common", "LONG", "Topics regex"), Some("")),
    sink(look("errors.deadletterqueue.topic.name", "STRING", "MEDIUM", "Error Handling", "MEDIUM", "Dead Letter Queue Topic Name"), Some("")),
    sink(look("errors.deadletterqueue.topic.replication.factor", "SHORT", "MEDIUM", "Error Handling", "MEDIUM", "Dead Letter Queue Topic Replication Factor"), Some("3")),
    sink(look("errors.deadletterqueue.context.headers.enable", "BOOLEAN", "MEDIUM", "Error Handling", "MEDIUM", "Enable Error Context Headers"), Some("false")),
];
