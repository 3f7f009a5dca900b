//! Every property of the JDBC source connector, each declared once. Names and defaults are those of its version 10.8.

use tailwater_connector::Property;
use tailwater_connector::property::Form::{self, Bool, Integer, OneOf, Patterns, Secret, Text};

use crate::properties::{no_effect, refused};

const DRIVER: &str = "there is no JDBC driver here";
const RETRY: &str = "what may pass by itself is retried for ever, with pauses of up to 5 s";
const CLUSTER: &str = "topics live in this process; no Kafka cluster is contacted";
const JOURNAL: &str = "the position lies in the journal, beside the data";
const WORKER: &str = "it is a setting of Kafka Connect's worker";
const KEYS: &str = "keys are null";

const DAY_MS: i64 = 86_400_000;
const NUMBER: Form = Integer(i64::MIN, i64::MAX);
const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";

/// The properties of the query source.
pub const PROPERTIES: &[Property] = &[
    Property::new("name", Text, None, "the connector's name"),
    Property::new("connector.class", Text, None, "which connector this is"),
    no_effect("tasks.max", Integer(1, i32::MAX as i64), Some("1"), "one task reads all tables, one after the other"),
    Property::new("topic.prefix", Text, Some(""), "topics are PREFIX and the table's name; with 'query' PREFIX alone"),
    Property::new("max.row.bytes", Integer(1024, 1 << 30), Some("134217728"), "largest row as received, in bytes"),
    // Connection.
    Property::new("connection.url", Text, None, "jdbc:postgresql://HOST:PORT/DATABASE").required(),
    Property::new("connection.user", Text, None, "login role; unset: the URL's 'user'"),
    Property::new("connection.password", Secret, None, "the role's password"),
    no_effect("connection.attempts", Integer(1, i32::MAX as i64), Some("3"), RETRY),
    no_effect("connection.backoff.ms", NUMBER, Some("10000"), RETRY),
    Property::new("connection.*", Text, None, "parameters of the driver, as in the URL"),
    Property::new("dialect.name", Text, Some(""), "PostgreSqlDatabaseDialect, or empty"),
    refused("jdbc.credentials.provider.*", Text, None, "foreign Java classes can not run here; give user and password"),
    // Tables.
    Property::new("table.whitelist", Text, Some(""), "tables to read: TABLE or SCHEMA.TABLE"),
    Property::new("table.blacklist", Text, Some(""), "tables to leave out: TABLE or SCHEMA.TABLE"),
    Property::new("table.include.list", Patterns, Some(""), "tables to read: expressions that match SCHEMA.TABLE"),
    Property::new("table.exclude.list", Patterns, Some(""), "of the included, those to leave out"),
    Property::new("table.types", Text, Some("TABLE"), "kinds of relations: TABLE, PARTITIONED TABLE, VIEW and others"),
    Property::new("catalog.pattern", Text, None, "the database's name; there is only the one of the URL"),
    Property::new("schema.pattern", Text, None, "schemas to look in, as LIKE has it"),
    Property::new(
        "table.poll.interval.ms",
        Integer(1, DAY_MS),
        Some("60000"),
        "how often it is looked for new and removed tables",
    ),
    no_effect(
        "table.monitoring.startup.polling.limit.ms",
        NUMBER,
        Some("10000"),
        "the first look at the tables takes as long as it takes",
    ),
    // Mode.
    Property::new(
        "mode",
        OneOf(&["bulk", "incrementing", "timestamp", "timestamp+incrementing"]),
        None,
        "what a poll reads: everything, or what is new by a number, a time, or both",
    )
    .required(),
    Property::new("incrementing.column.name", Text, Some(""), "the number; empty: the table's generated column"),
    Property::new("incrementing.column.mapping", Text, Some(""), "the number by table: PATTERN:column,…"),
    Property::new("timestamp.column.name", Text, Some(""), "the time: the first column that is not null"),
    Property::new("timestamp.columns.mapping", Text, Some(""), "the time by table: PATTERN:[column|column],…"),
    Property::new(
        "timestamp.initial",
        Integer(-1, 253_402_300_799_000),
        None,
        "milliseconds since 1970 after which rows are read at first; -1: now; unset: all",
    ),
    Property::new(
        "timestamp.delay.interval.ms",
        Integer(0, DAY_MS),
        Some("0"),
        "how old a row's time must be, so that transactions with earlier times have ended",
    ),
    Property::new("validate.non.null", Bool, Some("true"), "columns that tell what is new must be NOT NULL"),
    Property::new("query", Text, Some(""), "a query to read instead of tables"),
    no_effect("query.masked", Bool, Some("false"), "queries are never logged"),
    Property::new("query.suffix", Text, Some(""), "appended to each statement"),
    refused(
        "query.parameters",
        Text,
        Some(""),
        "the position is compared by the connector itself, also around 'query'",
    ),
    no_effect("query.retry.attempts", NUMBER, Some("-1"), RETRY),
    Property::new(
        "quote.sql.identifiers",
        OneOf(&["always", "never"]),
        Some("always"),
        "never: names are in lower case",
    ),
    no_effect(
        "transaction.isolation.mode",
        OneOf(&["default", "read_uncommitted", "read_committed", "repeatable_read", "serializable"]),
        Some("default"),
        "each poll of a table reads one snapshot (repeatable read)",
    ),
    // Polling.
    Property::new("poll.interval.ms", Integer(1, DAY_MS), Some("5000"), "pause between two polls of a table"),
    Property::new(
        "batch.max.rows",
        Integer(1, i32::MAX as i64),
        Some("100"),
        "rows after which a poll commits what it has, as soon as the position has moved; bulk polls commit at their end",
    ),
    // Form of values.
    Property::new(
        "numeric.mapping",
        OneOf(&["none", "precision_only", "best_fit", "best_fit_eager_double"]),
        None,
        "which numeric columns become integers and doubles",
    ),
    Property::new("numeric.precision.mapping", Bool, Some("false"), "true is numeric.mapping=precision_only"),
    Property::new(
        "timestamp.granularity",
        OneOf(&[
            "connect_logical",
            "micros_long",
            "micros_string",
            "micros_iso_datetime_string",
            "nanos_long",
            "nanos_string",
            "nanos_iso_datetime_string",
        ]),
        Some("connect_logical"),
        "form of timestamps",
    ),
    Property::new("db.timezone", Text, Some("UTC"), "zone of timestamps without one"),
    // Converters.
    Property::new("key.converter", Text, Some(JSON), "form of keys, which are null in every form"),
    no_effect("key.converter.*", Text, None, KEYS),
    Property::new("value.converter", Text, Some(JSON), "form of the bytes; JSON is written here"),
    Property::new("value.converter.schemas.enable", Bool, Some("true"), "a schema block with every value"),
    no_effect("value.converter.replace.null.with.default", Bool, Some("true"), "rows carry no defaults"),
    Property::new(
        "value.converter.decimal.format",
        OneOf(&["base64", "numeric"]),
        Some("base64"),
        "form of decimals in JSON",
    ),
    no_effect("value.converter.*", Text, None, "it is no option of the JSON converter"),
    no_effect("header.converter", Text, None, "records have no headers"),
    no_effect("header.converter.*", Text, None, "records have no headers"),
    // Kafka Connect around the connector.
    Property::new(
        "exactly.once.support",
        OneOf(&["requested", "required"]),
        Some("requested"),
        "delivery into topics is always exactly once",
    ),
    no_effect("transaction.boundary", Text, Some("poll"), "batches are kept whole"),
    no_effect("transaction.boundary.interval.ms", NUMBER, None, "batches are kept whole"),
    no_effect("offsets.storage.topic", Text, None, JOURNAL),
    no_effect("offset.*", Text, None, JOURNAL),
    no_effect("config.action.reload", OneOf(&["none", "restart"]), Some("restart"), WORKER),
    no_effect("bootstrap.servers", Text, None, CLUSTER),
    no_effect("confluent.*", Text, None, CLUSTER),
    no_effect("producer.*", Text, None, CLUSTER),
    no_effect("consumer.*", Text, None, CLUSTER),
    no_effect("admin.*", Text, None, CLUSTER),
    no_effect("driver.*", Text, None, DRIVER),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use tailwater_connector::Config;
    use tailwater_connector::property::check;

    use super::*;

    /// The properties in the reference of the original's version 10.8.
    const ORIGINAL: &str =
        "connection.url connection.user connection.password connection.attempts connection.backoff.ms
        connection.loginTimeout jdbc.credentials.provider.class table.whitelist table.blacklist table.include.list
        table.exclude.list catalog.pattern schema.pattern numeric.precision.mapping numeric.mapping dialect.name mode
        incrementing.column.name incrementing.column.mapping timestamp.column.name timestamp.columns.mapping
        timestamp.initial validate.non.null query query.masked query.parameters quote.sql.identifiers query.suffix
        transaction.isolation.mode query.retry.attempts table.types poll.interval.ms batch.max.rows
        table.poll.interval.ms table.monitoring.startup.polling.limit.ms topic.prefix timestamp.delay.interval.ms
        db.timezone timestamp.granularity tasks.max key.converter value.converter
        exactly.once.support";

    fn config(extra: (&str, &str)) -> Config {
        [("connection.url", "jdbc:postgresql://h/d"), ("mode", "bulk"), extra]
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect()
    }

    #[test]
    fn every_name_is_declared_once() {
        let mut seen = HashSet::new();
        for name in PROPERTIES.iter().flat_map(|p| std::iter::once(&p.name).chain(p.old_names)) {
            assert!(seen.insert(name), "{name} twice");
        }
    }

    #[test]
    fn every_default_is_valid_and_silent() {
        for property in PROPERTIES {
            let Some(default) = property.default else { continue };
            let (_, problems) = check(&config((property.name, default)), PROPERTIES);
            assert!(problems.is_empty(), "{}: {problems:?}", property.name);
        }
    }

    #[test]
    fn no_name_of_the_original_is_unknown() {
        for name in ORIGINAL.split_whitespace() {
            let (_, problems) = check(&config((name, "x")), PROPERTIES);
            assert!(!problems.iter().any(|p| p.code == "PROPERTY_UNKNOWN"), "{name} is not declared");
        }
    }
}
