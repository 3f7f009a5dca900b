//! `EventRouter`: rows of an outbox table become events on topics of their own.

mod placement;
mod router;

use tailwater_connector::java_regex::Rename;
use tailwater_connector::property::{Form, check};
use tailwater_connector::{Config, Property, Support};

use crate::bounded::Bounded;
use crate::limits::SCHEMA_VERSIONS;
use crate::transform::schema_cache::SchemaCache;
use crate::transform::{Configured, TransformClass, finish, strict};

use super::expand::Expand;
use router::{Columns, EventRouter, Updates};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &["io.debezium.transforms.outbox.EventRouter"],
    properties: PROPERTIES,
    repeats_mistakes: true,
    configure,
};

const REGEX: &str = "route.topic.regex";
const REPLACEMENT: &str = "route.topic.replacement";
const TRACING: Support = Support::NoEffect("there is no OpenTelemetry agent in the process");

const PROPERTIES: &[Property] = &[
    Property::new("table.field.event.id", Form::Text, Some("id"), "the column of the event's id"),
    Property::new("table.field.event.key", Form::Text, Some("aggregateid"), "the column of the record's key"),
    Property::new("table.field.event.type", Form::Text, Some("type"), "the column of the event's type").support(
        Support::NoEffect("Debezium 3.6 does not read it; place the column with table.fields.additional.placement"),
    ),
    Property::new("table.field.event.payload", Form::Text, Some("payload"), "the column of the record's value")
        .old(&["table.field.payload"]),
    Property::new("table.field.event.timestamp", Form::Text, None, "the column of the record's time"),
    Property::new("table.field.event.schema.version", Form::Text, None, "the column of the value schema's version")
        .old(&["table.field.schema.version"]),
    Property::new(
        "table.fields.additional.placement",
        Form::List,
        Some(""),
        "columns to keep: col:header|envelope|partition:alias",
    ),
    Property::new(
        "table.field.additional.missing",
        Form::OneOf(&["error", "ignore"]),
        Some("error"),
        "when there is no such column",
    ),
    Property::new(
        "table.op.invalid.behavior",
        Form::OneOf(&["warn", "error", "fatal"]),
        Some("warn"),
        "when a row is updated",
    ),
    Property::new(
        "table.expand.json.payload",
        Form::Bool,
        Some("false"),
        "whether a payload of JSON text becomes a struct",
    ),
    Property::new(
        "table.json.payload.null.behavior",
        Form::OneOf(&["ignore", "optional_bytes"]),
        Some("ignore"),
        "members that are null",
    ),
    Property::new(
        "table.json.payload.empty.array.behavior",
        Form::OneOf(&["ignore", "optional_string"]),
        Some("ignore"),
        "empty arrays",
    ),
    Property::new(
        "field.name.adjustment.mode",
        Form::OneOf(&["none", "avro", "avro_unicode"]),
        Some("none"),
        "names of an expanded payload",
    )
    .support(Support::Refused("names of an expanded payload stay as they are")),
    Property::new("route.by.field", Form::Text, Some("aggregatetype"), "the column that says the topic"),
    Property::new(REGEX, Form::Text, Some("(?<routedByValue>.*)"), "the expression that its value is to match"),
    Property::new(REPLACEMENT, Form::Text, Some("outbox.event.${routedByValue}"), "the topic, $1 is the first group"),
    Property::new(
        "route.tombstone.on.empty.payload",
        Form::Bool,
        Some("false"),
        "whether an empty payload becomes a tombstone",
    ),
    Property::new("tracing.span.context.field", Form::Text, Some("tracingspancontext"), "the column of a trace")
        .support(TRACING),
    Property::new("tracing.operation.name", Form::Text, Some("debezium-read"), "a span's name").support(TRACING),
    Property::new("tracing.with.context.field.only", Form::Bool, Some("false"), "which events have a span")
        .support(TRACING),
];

fn configure(_: &str, config: &Config) -> Configured {
    let (config, strict) = strict(config);
    let (config, mut problems) = check(&config, PROPERTIES);
    let rename = Rename::new((REGEX, config.text(REGEX)), (REPLACEMENT, config.text(REPLACEMENT)));
    let rename = rename.map_err(|problem| problems.push(problem)).ok();
    let (placements, wrong) = placement::parse(&config.list(placement::OPTION));
    problems.extend(wrong);
    let column = |option: &str| config.text(option).trim().to_owned();
    let optional = |option: &str| Some(column(option)).filter(|name| !name.is_empty());
    let is = |option: &str, word: &str| config.text(option).trim().eq_ignore_ascii_case(word);
    let expand = config.flag("table.expand.json.payload").then(|| {
        Expand::new(
            is("table.json.payload.null.behavior", "optional_bytes"),
            is("table.json.payload.empty.array.behavior", "optional_string"),
            Some(column("table.field.event.payload")),
            strict,
        )
    });
    let updates = match () {
        () if is("table.op.invalid.behavior", "fatal") => Updates::Fail,
        () if is("table.op.invalid.behavior", "error") => Updates::Error,
        () => Updates::Warn,
    };
    let router = rename.map(|rename| EventRouter {
        columns: Columns {
            id: column("table.field.event.id"),
            key: column("table.field.event.key"),
            payload: column("table.field.event.payload"),
            route: column("route.by.field"),
            timestamp: optional("table.field.event.timestamp"),
            version: optional("table.field.event.schema.version"),
            ignore_missing: is("table.field.additional.missing", "ignore"),
            placements,
        },
        rename,
        expand,
        updates,
        tombstones: config.flag("route.tombstone.on.empty.payload"),
        plans: SchemaCache::default(),
        envelopes: Bounded::new(SCHEMA_VERSIONS),
    });
    finish(router, problems)
}

#[cfg(test)]
mod tests;
