//! Every property of Debezium's PostgreSQL connector, and a few of ours, each declared once.
//!
//! The names, defaults and old names are those of Debezium 3.6. A property is honoured, or has no effect for a reason,
//! or is refused because ignoring it would change what arrives; nothing is ignored in silence.

use tailwater_connector::property::Form::{self, Bool, Integer, OneOf, Secret, Text};
use tailwater_connector::{Property, Support};

use crate::limits::SNAPSHOT_THREADS;

const JVM: &str = "there is no JVM and no JDBC driver here";
const QUEUE: &str = "batches follow the load; memory is bounded in bytes";
const PUSHED: &str = "changes are pushed by the server, nothing is polled";
const RETRY: &str = "what may pass by itself is retried for ever, with pauses of up to 5 s";
const SNAPSHOT: &str =
    "the snapshot is one consistent view exported by the slot; it needs no isolation or locking choice";
const CLUSTER: &str = "topics live in this process; no Kafka cluster is contacted";
const HISTORY: &str = "the PostgreSQL connector keeps no schema history";
const SHOWN: &str = "metrics are on the /metrics page";
const KAFKA_SIGNALS: &str = "no Kafka cluster is contacted for signals; use the channels source and file";
const PLUGIN_CODE: &str = "foreign Java classes can not run here";
const LOSSY: &str = "an event that can not be processed stops the connector, so that none is lost in silence";
const WORKER: &str = "it is a setting of Kafka Connect's worker";

const ANY: (i64, i64) = (i64::MIN, i64::MAX);

/// The properties of the log source.
pub const PROPERTIES: &[Property] = &[
    // The connector.
    Property::new("name", Text, None, "the connector's name"),
    Property::new("connector.class", Text, None, "which connector this is"),
    Property::new("tasks.max", Integer(1, i32::MAX as i64), Some("1"), "always one task, as the original"),
    Property::new("topic.prefix", Text, None, "the logical name; topics are PREFIX.SCHEMA.TABLE")
        .required()
        .old(&["database.server.name"]),
    Property::new(
        "compatibility.mode",
        OneOf(&["default", "strict"]),
        Some("default"),
        "strict repeats Debezium's mistakes, too",
    ),
    Property::new("max.row.bytes", Integer(1024, 1 << 30), Some("134217728"), "largest row as received, in bytes"),
    // Connection.
    Property::new("database.hostname", Text, None, "host name or address of the server").required(),
    Property::new("database.port", Integer(1, 65535), Some("5432"), "port of the server"),
    Property::new("database.user", Text, None, "login role with the REPLICATION attribute").required(),
    Property::new("database.password", Secret, None, "the role's password"),
    Property::new("database.dbname", Text, None, "the database to capture").required(),
    Property::new(
        "database.sslmode",
        OneOf(&["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]),
        Some("prefer"),
        "how far TLS is wanted, as in libpq",
    ),
    Property::new("database.sslrootcert", Text, None, "PEM file of certificate authorities to trust"),
    Property::new("database.sslcert", Text, None, "PEM file of the client's certificate"),
    Property::new("database.sslkey", Text, None, "PEM file of the client's key, not encrypted"),
    refused(
        "database.sslpassword",
        Secret,
        None,
        "encrypted keys are not read; give the key in plain PEM with mode 0600",
    ),
    no_effect("database.sslfactory", Text, Some(""), JVM),
    no_effect("database.tcpKeepAlive", Bool, Some("true"), "keepalive is always on"),
    no_effect(
        "database.query.timeout.ms",
        NUMBER,
        Some("600000"),
        "our own sessions have no statement timeout, so that a snapshot can finish",
    ),
    refused(
        "database.initial.statements",
        Text,
        Some(""),
        "sessions are pinned to fixed settings on which the values' form depends; set what is needed with ALTER ROLE … SET",
    ),
    no_effect("database.connection.factory.class", Text, None, JVM),
    no_effect("driver.*", Text, None, JVM),
    no_effect("connection.validation.timeout.ms", NUMBER, Some("60000"), "validation ends within 5 s"),
    // Slot.
    Property::new("plugin.name", Text, Some("decoderbufs"), "always pgoutput"),
    Property::new("slot.name", Text, Some("debezium"), "name of the replication slot"),
    Property::new("slot.drop.on.stop", Bool, Some("false"), "drop the slot when the connector stops; for tests only"),
    Property::new(
        "slot.failover",
        Bool,
        Some("false"),
        "create the slot so that it survives a failover (PostgreSQL 17+)",
    ),
    refused("slot.stream.params", Text, Some(""), "the options of pgoutput are chosen by the connector"),
    no_effect("slot.max.retries", NUMBER, Some("6"), RETRY),
    no_effect("slot.retry.delay.ms", NUMBER, Some("10000"), RETRY),
    Property::new(
        "status.update.interval.ms",
        Integer(1, 3_600_000),
        Some("10000"),
        "how often the server is told what is durable",
    ),
    no_effect(
        "lsn.flush.mode",
        OneOf(&["connector", "manual", "connector_and_driver"]),
        Some("connector"),
        "only what is durable is acknowledged, by the connector",
    ),
    no_effect("flush.lsn.source", Bool, Some("true"), "only what is durable is acknowledged, by the connector"),
    no_effect("lsn.flush.timeout.ms", NUMBER, Some("30000"), "acknowledging does not block"),
    no_effect("lsn.flush.timeout.action", Text, Some("fail"), "acknowledging does not block"),
    Property::new(
        "xmin.fetch.interval.ms",
        MILLISECONDS,
        Some("0"),
        "how often source.xmin is looked up; 0 leaves it null",
    ),
    no_effect(
        "offset.mismatch.strategy",
        OneOf(&["no_validation", "trust_offset", "trust_slot", "trust_greater_lsn"]),
        Some("no_validation"),
        "the slot is always compared with the journal; anything that would lose or repeat data stops the connector",
    ),
    Property::new("read.only", Bool, Some("false"), "incremental snapshots write no marks into the signal table"),
    // Publication.
    Property::new("publication.name", Text, Some("dbz_publication"), "name of the publication"),
    Property::new(
        "publication.autocreate.mode",
        OneOf(&["all_tables", "disabled", "filtered", "no_tables"]),
        None,
        "who makes the publication; unset: exactly the captured tables (strict: all_tables)",
    ),
    Property::new(
        "publish.via.partition.root",
        Bool,
        Some("false"),
        "changes of partitions under the name of the partitioned table",
    ),
    refused(
        "replica.identity.autoset.values",
        Text,
        Some(""),
        "your tables are not altered; run ALTER TABLE … REPLICA IDENTITY yourself",
    ),
    // Filters and keys.
    Property::new("schema.include.list", Form::Patterns, None, "schemas to capture").old(&["schema.whitelist"]),
    Property::new("schema.exclude.list", Form::Patterns, None, "schemas to leave out").old(&["schema.blacklist"]),
    Property::new("table.include.list", Form::Patterns, None, "tables to capture, as SCHEMA.TABLE")
        .old(&["table.whitelist"]),
    Property::new("table.exclude.list", Form::Patterns, None, "tables to leave out, as SCHEMA.TABLE")
        .old(&["table.blacklist"]),
    Property::new("table.ignore.builtin", Bool, Some("true"), "leave out the system's own tables"),
    Property::new(
        "table.include.required",
        Bool,
        Some("false"),
        "whether an include pattern that matches nothing is an error",
    ),
    Property::new("message.key.columns", Text, None, "keys by table: PATTERN:column,column;…"),
    Property::new("skipped.operations", Text, Some("t"), "operations that make no events: c, u, d, t, r or none")
        .old(&["truncate.handling.mode"]),
    Property::new("tombstones.on.delete", Bool, Some("true"), "a record without value after each delete"),
    Property::new("column.include.list", Form::Patterns, None, "columns that rows have, as SCHEMA.TABLE.COLUMN")
        .old(&["column.whitelist"]),
    Property::new("column.exclude.list", Form::Patterns, None, "columns that rows leave out, as SCHEMA.TABLE.COLUMN")
        .old(&["column.blacklist"]),
    Property::new(
        "column.mask.*",
        Form::Patterns,
        None,
        "columns whose values are hidden: with.N.chars, hash.ALGORITHM.with.salt.SALT, hash.v2.ALGORITHM.with.salt.SALT",
    ),
    Property::new("column.truncate.*", Form::Patterns, None, "columns whose values are cut: to.N.chars"),
    Property::new(
        "column.propagate.source.type",
        Form::Patterns,
        None,
        "columns whose type, length and scale stand in their schema",
    ),
    Property::new("datatype.propagate.source.type", Form::Patterns, None, "the same by type, as SCHEMA.TABLE.TYPE"),
    no_effect(
        "include.schema.comments",
        Bool,
        Some("false"),
        "Debezium's connector for PostgreSQL reads no comments either",
    ),
    Property::new(
        "skip.messages.without.change",
        Bool,
        Some("false"),
        "no event for an update that changes nothing events show; needs REPLICA IDENTITY FULL",
    ),
    Property::new("message.prefix.include.list", Form::Patterns, None, "logical messages to capture, by prefix"),
    Property::new("message.prefix.exclude.list", Form::Patterns, None, "logical messages to leave out, by prefix"),
    // Form of values.
    Property::new(
        "decimal.handling.mode",
        OneOf(&["precise", "string", "double"]),
        Some("precise"),
        "form of numeric and money",
    ),
    Property::new(
        "time.precision.mode",
        OneOf(&["adaptive", "adaptive_time_microseconds", "connect", "isostring", "microseconds", "nanoseconds"]),
        Some("adaptive"),
        "form of dates and times",
    ),
    Property::new(
        "binary.handling.mode",
        OneOf(&["bytes", "base64", "base64-url-safe", "hex"]),
        Some("bytes"),
        "form of bytea",
    ),
    Property::new("interval.handling.mode", OneOf(&["numeric", "string"]), Some("numeric"), "form of interval"),
    Property::new("hstore.handling.mode", OneOf(&["json", "map"]), Some("json"), "form of hstore"),
    Property::new("money.fraction.digits", Integer(0, 18), Some("2"), "decimal places of money"),
    Property::new(
        "include.unknown.datatypes",
        Bool,
        Some("false"),
        "columns of types without a form: true = bytes of their text, false = left out; unset: as text",
    ),
    Property::new(
        "unavailable.value.placeholder",
        Text,
        Some("__debezium_unavailable_value"),
        "stands for a large value that an update did not send; hex:… for bytes",
    )
    .old(&["toasted.value.placeholder"]),
    Property::new(
        "extended.headers.enabled",
        Bool,
        Some("true"),
        "four headers that say which connector wrote a record",
    ),
    no_effect(
        "schema.refresh.mode",
        OneOf(&["columns_diff", "columns_diff_exclude_unchanged_toast"]),
        Some("columns_diff"),
        "the server announces every change of a table's form",
    ),
    Property::new(
        "schema.name.adjustment.mode",
        OneOf(&["none", "avro", "avro_unicode"]),
        Some("none"),
        "how schema names are made valid for Avro",
    ),
    Property::new(
        "field.name.adjustment.mode",
        OneOf(&["none", "avro", "avro_unicode"]),
        Some("none"),
        "how field names are made valid for Avro",
    ),
    no_effect("sanitize.field.names", Text, Some("false"), "names are kept as they are in the database"),
    refused(
        "converters",
        Text,
        Some(""),
        "foreign Java classes can not run here; the handling modes and column rules choose the form of values",
    ),
    refused(
        "post.processors",
        Text,
        Some(""),
        "foreign Java classes can not run here; ALTER TABLE … REPLICA IDENTITY FULL gives large values that an update did not touch",
    ),
    Property::new(
        "event.converting.failure.handling.mode",
        OneOf(&["fail", "warn", "skip"]),
        Some("warn"),
        "every value of PostgreSQL has a form; one that had none would stop the connector",
    ),
    refused("event.processing.failure.handling.mode", OneOf(&["fail", "warn", "skip", "ignore"]), Some("fail"), LOSSY),
    refused(
        "sourceinfo.struct.maker",
        Text,
        Some("io.debezium.connector.postgresql.PostgresSourceInfoStructMaker"),
        PLUGIN_CODE,
    ),
    Property::new(
        "provide.transaction.metadata",
        Bool,
        Some("false"),
        "records of every transaction's begin and end, and each event's place between them",
    ),
    no_effect(
        "transaction.metadata.factory",
        Text,
        Some("io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory"),
        PLUGIN_CODE,
    ),
    no_effect("custom.sanitize.pattern", Text, Some(""), "no configuration is logged"),
    // Converters.
    converter("key.converter"),
    converter("value.converter"),
    Property::new(
        "header.converter",
        Text,
        Some("org.apache.kafka.connect.storage.SimpleHeaderConverter"),
        "form of headers",
    ),
    Property::new("key.converter.schemas.enable", Bool, Some("true"), "a schema block with every key"),
    Property::new("value.converter.schemas.enable", Bool, Some("true"), "a schema block with every value"),
    Property::new("header.converter.schemas.enable", Bool, Some("true"), "a schema block with every header"),
    Property::new(
        "key.converter.replace.null.with.default",
        Bool,
        Some("true"),
        "a column's default in place of null, as Kafka Connect does",
    ),
    Property::new(
        "value.converter.replace.null.with.default",
        Bool,
        Some("true"),
        "a column's default in place of null, as Kafka Connect does",
    ),
    Property::new(
        "key.converter.decimal.format",
        OneOf(&["base64", "numeric"]),
        Some("base64"),
        "form of decimals in JSON",
    ),
    Property::new(
        "value.converter.decimal.format",
        OneOf(&["base64", "numeric"]),
        Some("base64"),
        "form of decimals in JSON",
    ),
    no_effect("key.converter.*", Text, None, "it is no option of the JSON converter"),
    no_effect("value.converter.*", Text, None, "it is no option of the JSON converter"),
    no_effect("header.converter.*", Text, None, "it is no option of the JSON converter"),
    // Snapshot.
    Property::new(
        "snapshot.mode",
        OneOf(&[
            "initial",
            "always",
            "initial_only",
            "no_data",
            "when_needed",
            "never",
            "exported",
            "configuration_based",
            "custom",
        ]),
        Some("initial"),
        "what is read before changes are followed",
    ),
    Property::new(
        "snapshot.include.collection.list",
        Form::Patterns,
        None,
        "tables whose existing rows are read; unset: all captured tables",
    ),
    Property::new(
        "snapshot.mode.configuration.based.snapshot.data",
        Bool,
        Some("false"),
        "configuration_based: whether existing rows are read",
    ),
    Property::new(
        "snapshot.mode.configuration.based.start.stream",
        Bool,
        Some("false"),
        "configuration_based: whether changes are followed",
    ),
    Property::new(
        "snapshot.mode.configuration.based.snapshot.on.data.error",
        Bool,
        Some("false"),
        "configuration_based: whether rows are read again when the slot can not go on",
    ),
    no_effect("snapshot.mode.configuration.based.*", Text, None, "PostgreSQL's tables need no schema snapshot"),
    no_effect("snapshot.mode.custom.name", Text, Some(""), "snapshot.mode is not custom"),
    no_effect("snapshot.custom.class", Text, Some(""), PLUGIN_CODE),
    no_effect(
        "snapshot.isolation.mode",
        OneOf(&["serializable", "repeatable_read", "read_committed", "read_uncommitted"]),
        Some("serializable"),
        SNAPSHOT,
    ),
    no_effect("snapshot.locking.mode", OneOf(&["none", "shared", "custom"]), Some("none"), SNAPSHOT),
    no_effect("snapshot.locking.mode.custom.name", Text, Some(""), SNAPSHOT),
    no_effect("snapshot.lock.timeout.ms", NUMBER, Some("10000"), SNAPSHOT),
    refused("snapshot.query.mode", OneOf(&["select_all", "custom"]), Some("select_all"), PLUGIN_CODE),
    no_effect("snapshot.query.mode.custom.name", Text, Some(""), PLUGIN_CODE),
    Property::new(
        "snapshot.select.statement.overrides",
        Text,
        Some(""),
        "tables whose rows a statement of their own selects, as SCHEMA.TABLE",
    ),
    Property::new("snapshot.select.statement.overrides.*", Text, None, "the statement of a table in that list"),
    no_effect("snapshot.fetch.size", NUMBER, Some("10240"), "the snapshot streams through COPY"),
    Property::new(
        "snapshot.max.threads",
        Integer(1, SNAPSHOT_THREADS),
        Some("1"),
        "readers of a snapshot; with more than one, rows of tables and of parts of tables are mixed",
    ),
    Property::new(
        "snapshot.max.threads.multiplier",
        Integer(1, SNAPSHOT_THREADS),
        Some("1"),
        "parts of a large table for each reader",
    ),
    Property::new(
        "snapshot.max.threads.multiplier.*",
        Integer(1, SNAPSHOT_THREADS),
        None,
        "the same for one table, as SCHEMA.TABLE",
    ),
    Property::new("legacy.snapshot.max.threads", Bool, Some("false"), "readers take whole tables"),
    Property::new(
        "snapshot.tables.order.by.row.count",
        OneOf(&["disabled", "ascending", "descending"]),
        Some("disabled"),
        "tables by their estimated number of rows instead of by name",
    ),
    Property::new("snapshot.delay.ms", Integer(0, 86_400_000), Some("0"), "pause before the first snapshot"),
    Property::new("streaming.delay.ms", Integer(0, 86_400_000), Some("0"), "pause after it"),
    Property::new(
        "incremental.snapshot.chunk.size",
        Integer(1, 1_000_000),
        Some("1024"),
        "rows that an incremental snapshot reads at a time",
    ),
    Property::new(
        "incremental.snapshot.watermarking.strategy",
        OneOf(&["insert_insert", "insert_delete"]),
        Some("insert_insert"),
        "whether the closing mark is a row of its own, or the delete of the opening one",
    ),
    no_effect(
        "incremental.snapshot.allow.schema.changes",
        Bool,
        Some("false"),
        "tables may always change their shape during an incremental snapshot",
    ),
    // Engine.
    no_effect("max.batch.size", NUMBER, Some("2048"), QUEUE),
    no_effect("max.queue.size", NUMBER, Some("8192"), QUEUE),
    no_effect("max.queue.size.in.bytes", NUMBER, Some("0"), QUEUE),
    no_effect("queue.provider.type", Text, Some("memory"), QUEUE),
    no_effect("poll.interval.ms", NUMBER, Some("500"), PUSHED),
    no_effect("query.fetch.size", NUMBER, Some("0"), PUSHED),
    Property::new(
        "heartbeat.interval.ms",
        MILLISECONDS,
        Some("0"),
        "how often a sign of life is written; the slot follows an idle table without it",
    ),
    Property::new("heartbeat.action.query", Text, Some(""), "a statement that runs with each heartbeat"),
    Property::new(
        "topic.heartbeat.prefix",
        Text,
        Some("__debezium-heartbeat"),
        "heartbeats go to the topic PREFIX.TOPIC_PREFIX",
    )
    .old(&["heartbeat.topics.prefix"]),
    Property::new("topic.heartbeat.name", Text, Some(""), "the whole name of the heartbeats' topic instead"),
    no_effect("retriable.restart.connector.wait.ms", NUMBER, Some("10000"), RETRY),
    no_effect("errors.max.retries", NUMBER, Some("-1"), RETRY),
    no_effect("executor.shutdown.timeout.ms", NUMBER, Some("4000"), "stopping takes no longer than one fsync"),
    Property::new("signal.data.collection", Text, Some(""), "table of signals and of incremental snapshots' marks"),
    Property::new("signal.enabled.channels", Text, Some("source"), "where signals come from: source, file"),
    Property::new(
        "signal.poll.interval.ms",
        Integer(1, 3_600_000),
        Some("5000"),
        "how often the signal file is looked at",
    ),
    no_effect("signal.kafka.*", Text, None, KAFKA_SIGNALS),
    no_effect("signal.consumer.*", Text, None, KAFKA_SIGNALS),
    Property::new("signal.file", Text, Some("file-signals.txt"), "file of signals, one JSON object a line"),
    Property::new(
        "notification.enabled.channels",
        Text,
        Some(""),
        "where a snapshot's progress is told: sink (a topic), log",
    ),
    Property::new("notification.sink.topic.name", Text, Some(""), "topic of the channel sink"),
    Property::new(
        "topic.naming.strategy",
        Text,
        Some("io.debezium.schema.SchemaTopicNamingStrategy"),
        "how topics are named, by the class of Debezium's strategy",
    ),
    Property::new("topic.delimiter", Text, Some("."), "stands between the parts of a topic's name"),
    Property::new("topic.regex", Text, Some(""), "topics that get another name, as a regular expression"),
    Property::new("topic.replacement", Text, Some(""), "their other name; $1 is the first group"),
    Property::new(
        "topic.key.enforce.uniqueness",
        Bool,
        Some("true"),
        "with topic.regex: a field in every key says which table it is from",
    ),
    Property::new("topic.key.field.name", Text, Some("__dbz__physicalTableIdentifier"), "name of that field"),
    Property::new("topic.key.field.regex", Text, Some(""), "makes that field's text from the topic's first name"),
    Property::new("topic.key.field.replacement", Text, Some(""), "its text; $1 is the first group"),
    no_effect("topic.cache.size", NUMBER, Some("10000"), "topic names are computed once per table"),
    Property::new("topic.transaction", Text, Some("transaction"), "transactions' boundaries go to PREFIX.NAME")
        .old(&["transaction.topic"]),
    no_effect("custom.metric.tags", Text, Some(""), SHOWN),
    no_effect("statistics.metrics.enabled", Bool, Some("true"), SHOWN),
    no_effect("guardrail.collections.*", Text, None, "the number of captured tables has no limit"),
    no_effect("memory.management.*", Text, None, QUEUE),
    no_effect("openlineage.*", Text, None, "no lineage is reported"),
    no_effect("internal.*", Text, None, "it is an inner switch of the original"),
    no_effect("source.struct.version", Text, None, "events have the form of Debezium 3.6"),
    // Kafka Connect around the connector.
    Property::new(
        "exactly.once.support",
        OneOf(&["requested", "required"]),
        Some("requested"),
        "delivery into topics is always exactly once",
    ),
    no_effect("transaction.boundary", Text, Some("poll"), "source transactions are kept whole"),
    no_effect("transaction.boundary.interval.ms", NUMBER, None, "source transactions are kept whole"),
    no_effect("offsets.storage.topic", Text, None, "the position lies in the journal, beside the data"),
    no_effect("offset.*", Text, None, "the position lies in the journal, beside the data"),
    no_effect("config.action.reload", OneOf(&["none", "restart"]), Some("restart"), WORKER),
    no_effect("bootstrap.servers", Text, None, CLUSTER),
    no_effect("kafka.*", Text, None, CLUSTER),
    no_effect("producer.*", Text, None, CLUSTER),
    no_effect("consumer.*", Text, None, CLUSTER),
    no_effect("admin.*", Text, None, CLUSTER),
    no_effect("database.history.*", Text, None, HISTORY),
    no_effect("schema.history.*", Text, None, HISTORY),
    no_effect("database.include.list", Text, None, "a connector captures one database, the one in 'database.dbname'"),
    no_effect("database.whitelist", Text, None, "a connector captures one database, the one in 'database.dbname'"),
];

const NUMBER: Form = Integer(ANY.0, ANY.1);
const MILLISECONDS: Form = Integer(0, i32::MAX as i64);

/// A property that is taken and does nothing, for the reason that it warns with.
pub(crate) const fn no_effect(
    name: &'static str,
    form: Form,
    default: Option<&'static str>,
    why: &'static str,
) -> Property {
    Property::new(name, form, default, why).support(Support::NoEffect(why))
}

/// A property that would change what arrives and is not built.
pub(crate) const fn refused(
    name: &'static str,
    form: Form,
    default: Option<&'static str>,
    why: &'static str,
) -> Property {
    Property::new(name, form, default, why).support(Support::Refused(why))
}

const fn converter(name: &'static str) -> Property {
    Property::new(
        name,
        Text,
        Some("org.apache.kafka.connect.json.JsonConverter"),
        "form of the bytes; JSON is written here",
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use tailwater_connector::Config;
    use tailwater_connector::property::check;

    use super::*;

    const REQUIRED: [(&str, &str); 4] =
        [("topic.prefix", "p"), ("database.hostname", "h"), ("database.user", "u"), ("database.dbname", "d")];

    /// Names that Debezium 3.6's configuration definition reports for the PostgreSQL connector, and those that it
    /// honours besides.
    const DEBEZIUM: &str = "name connector.class tasks.max database.hostname database.port database.user database.password database.dbname
        topic.prefix database.query.timeout.ms database.initial.statements database.sslmode database.sslcert database.sslkey
        database.sslpassword database.sslrootcert database.sslfactory database.tcpKeepAlive connection.validation.timeout.ms
        plugin.name slot.name slot.drop.on.stop slot.failover slot.stream.params slot.max.retries slot.retry.delay.ms
        publication.name publication.autocreate.mode publish.via.partition.root replica.identity.autoset.values
        offset.mismatch.strategy lsn.flush.mode flush.lsn.source lsn.flush.timeout.ms lsn.flush.timeout.action
        status.update.interval.ms xmin.fetch.interval.ms read.only schema.include.list schema.exclude.list table.include.list
        table.exclude.list table.ignore.builtin column.include.list column.exclude.list skip.messages.without.change
        message.key.columns column.mask.with.5.chars column.mask.hash.SHA-256.with.salt.abc
        column.mask.hash.v2.SHA-256.with.salt.abc column.truncate.to.4.chars column.propagate.source.type
        datatype.propagate.source.type include.schema.comments binary.handling.mode decimal.handling.mode time.precision.mode
        interval.handling.mode hstore.handling.mode money.fraction.digits include.unknown.datatypes
        unavailable.value.placeholder schema.refresh.mode schema.name.adjustment.mode field.name.adjustment.mode converters
        post.processors event.converting.failure.handling.mode event.processing.failure.handling.mode skipped.operations
        tombstones.on.delete message.prefix.include.list message.prefix.exclude.list provide.transaction.metadata
        transaction.metadata.factory sourceinfo.struct.maker extended.headers.enabled custom.sanitize.pattern snapshot.mode
        snapshot.mode.configuration.based.snapshot.data snapshot.mode.configuration.based.start.stream
        snapshot.mode.custom.name snapshot.isolation.mode snapshot.locking.mode snapshot.locking.mode.custom.name
        snapshot.lock.timeout.ms snapshot.query.mode snapshot.query.mode.custom.name snapshot.include.collection.list
        snapshot.select.statement.overrides snapshot.select.statement.overrides.public.t snapshot.fetch.size
        snapshot.max.threads snapshot.max.threads.multiplier snapshot.max.threads.multiplier.public.t
        legacy.snapshot.max.threads snapshot.tables.order.by.row.count
        snapshot.delay.ms streaming.delay.ms internal.snapshot.scan.all.columns.force incremental.snapshot.chunk.size
        incremental.snapshot.allow.schema.changes incremental.snapshot.watermarking.strategy max.batch.size max.queue.size
        max.queue.size.in.bytes queue.provider.type poll.interval.ms query.fetch.size heartbeat.interval.ms
        heartbeat.action.query heartbeat.topics.prefix retriable.restart.connector.wait.ms errors.max.retries
        executor.shutdown.timeout.ms signal.data.collection signal.enabled.channels signal.poll.interval.ms signal.kafka.topic
        signal.kafka.groupId signal.kafka.bootstrap.servers signal.consumer.x signal.file notification.enabled.channels
        notification.sink.topic.name topic.naming.strategy topic.delimiter topic.cache.size topic.heartbeat.prefix
        topic.regex topic.replacement topic.key.enforce.uniqueness topic.key.field.name topic.key.field.regex
        topic.key.field.replacement topic.heartbeat.name topic.transaction custom.metric.tags statistics.metrics.enabled
        internal.advanced.metrics.enable internal.log.position.check.enable guardrail.collections.max
        guardrail.collections.limit.action memory.management.tables.class openlineage.integration.enabled
        database.server.name table.whitelist table.blacklist schema.whitelist schema.blacklist column.whitelist
        column.blacklist toasted.value.placeholder truncate.handling.mode transaction.topic source.struct.version
        sanitize.field.names snapshot.custom.class database.history.kafka.topic driver.x";

    fn config(extra: &[(&str, &str)]) -> Config {
        REQUIRED.iter().chain(extra).map(|(k, v)| (k.to_string(), v.to_string())).collect()
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
            let (_, problems) = check(&config(&[(property.name, default)]), PROPERTIES);
            assert!(problems.is_empty(), "{}: {problems:?}", property.name);
        }
    }

    #[test]
    fn no_name_of_debezium_is_unknown() {
        for name in DEBEZIUM.split_whitespace() {
            let (_, problems) = check(&config(&[(name, "x")]), PROPERTIES);
            assert!(!problems.iter().any(|p| p.code == "PROPERTY_UNKNOWN"), "{name} is not declared");
        }
    }

    #[test]
    fn a_misspelt_name_is_answered_with_the_right_one() {
        let (_, problems) = check(&config(&[("table.include.lists", "x"), ("tasksMax", "1")]), PROPERTIES);
        let remedies: Vec<_> = problems.iter().map(|p| p.remedy.as_str()).collect();
        assert_eq!(remedies, ["Did you mean 'table.include.list'?", "Did you mean 'tasks.max'?"]);
    }
}
