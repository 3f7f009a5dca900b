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

/// In Connect's order.
#[rustfmt::skip]
pub(super) const FRAMEWORK: &[Framework] = &[
    both(Look::new("name", "STRING", "HIGH", "Common", "MEDIUM", "Connector name"), None),
    both(Look::new("connector.class", "STRING", "HIGH", "Common", "LONG", "Connector class"), None),
    both(Look::new("tasks.max", "INT", "HIGH", "Common", "SHORT", "Tasks max"), Some("1")),
    both(Look::new("tasks.max.enforce", "BOOLEAN", "LOW", "Common", "SHORT", "Enforce tasks max"), Some("true")),
    both(Look::new("key.converter", "CLASS", "LOW", "Common", "SHORT", "Key converter class"), Some("org.apache.kafka.connect.json.JsonConverter")),
    both(Look::new("value.converter", "CLASS", "LOW", "Common", "SHORT", "Value converter class"), Some("org.apache.kafka.connect.json.JsonConverter")),
    both(Look::new("header.converter", "CLASS", "LOW", "Common", "SHORT", "Header converter class"), Some("org.apache.kafka.connect.storage.SimpleHeaderConverter")),
    both(Look::new("transforms", "LIST", "LOW", "Transforms", "LONG", "Transforms"), Some("")),
    both(Look::new("predicates", "LIST", "LOW", "Predicates", "LONG", "Predicates"), Some("")),
    both(Look::new("config.action.reload", "STRING", "LOW", "Common", "MEDIUM", "Reload Action"), Some("restart")),
    both(Look::new("errors.retry.timeout", "LONG", "MEDIUM", "Error Handling", "MEDIUM", "Retry Timeout for Errors"), Some("0")),
    both(Look::new("errors.retry.delay.max.ms", "LONG", "MEDIUM", "Error Handling", "MEDIUM", "Maximum Delay Between Retries for Errors"), Some("60000")),
    both(Look::new("errors.tolerance", "STRING", "MEDIUM", "Error Handling", "SHORT", "Error Tolerance"), Some("none")),
    both(Look::new("errors.log.enable", "BOOLEAN", "MEDIUM", "Error Handling", "SHORT", "Log Errors"), Some("false")),
    both(Look::new("errors.log.include.messages", "BOOLEAN", "MEDIUM", "Error Handling", "SHORT", "Log Error Details"), Some("false")),
    source(Look::new("topic.creation.groups", "LIST", "LOW", "Topic Creation", "LONG", "Topic Creation Groups"), Some("")),
    source(Look::new("exactly.once.support", "STRING", "MEDIUM", "Exactly Once Support", "SHORT", "Exactly once support"), Some("requested")),
    source(Look::new("transaction.boundary", "STRING", "MEDIUM", "Exactly Once Support", "SHORT", "Transaction Boundary"), Some("poll")),
    source(Look::new("transaction.boundary.interval.ms", "LONG", "LOW", "Exactly Once Support", "SHORT", "Transaction boundary interval"), None),
    source(Look::new("offsets.storage.topic", "STRING", "LOW", "offsets.topic", "LONG", "Offsets topic"), None),
    sink(Look::new("topics", "LIST", "HIGH", "Common", "LONG", "Topics"), Some("")),
    sink(Look::new("topics.regex", "STRING", "HIGH", "Common", "LONG", "Topics regex"), Some("")),
    sink(Look::new("errors.deadletterqueue.topic.name", "STRING", "MEDIUM", "Error Handling", "MEDIUM", "Dead Letter Queue Topic Name"), Some("")),
    sink(Look::new("errors.deadletterqueue.topic.replication.factor", "SHORT", "MEDIUM", "Error Handling", "MEDIUM", "Dead Letter Queue Topic Replication Factor"), Some("3")),
    sink(Look::new("errors.deadletterqueue.context.headers.enable", "BOOLEAN", "MEDIUM", "Error Handling", "MEDIUM", "Enable Error Context Headers"), Some("false")),
];
