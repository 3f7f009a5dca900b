//! The object sink under the property names of Confluent's S3 sink, with what is honoured.

use std::sync::LazyLock;

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Property, Support};

use super::encode::{Form as LineForm, Nulls, ObjectEncoder};
use crate::files::{FILE_PROPERTIES, SELECTION};
use crate::framework::{CONVERTED, FRAMEWORK, VALUE_SCHEMAS};

const DEFAULT_PARTITIONS: Support =
    Support::Refused("files are divided by topic, partition and time only, and named as Confluent's are by default");
const LINES_ONLY: Support = Support::Refused("only values are written, as plain lines of JSON");

const JSON_FORMAT: &str = "io.confluent.connect.s3.format.json.JsonFormat";

/// What follows a null value; the default differs from Confluent's `fail`, since every delete has a tombstone.
pub(super) const NULL_VALUES: &str = "behavior.on.null.values";

const OWN: &[Property] = &[
    Property::new("topics.dir", Form::Text, Some("topics"), "the directory above the topics'"),
    Property::new("format.class", Form::OneOf(&[JSON_FORMAT]), Some(JSON_FORMAT), "the form of files"),
    Property::new(NULL_VALUES, Form::OneOf(&["ignore", "fail"]), Some("ignore"), "what follows a null value"),
    Property::new("storage.class", Form::Text, Some("io.confluent.connect.s3.storage.S3Storage"), "the kind of store")
        .support(Support::NoEffect("'store.url' says where files go")),
    Property::new(
        "partitioner.class",
        Form::Text,
        Some("io.confluent.connect.storage.partitioner.DefaultPartitioner"),
        "how files are divided",
    ),
    Property::new("partition.field.name", Form::Text, Some(""), "fields that divide files").support(DEFAULT_PARTITIONS),
    Property::new("partition.duration.ms", Form::Integer(-1, i64::MAX / 1000), Some("-1"), "time that divides files"),
    Property::new("path.format", Form::Text, Some(""), "directories by time"),
    Property::new("locale", Form::Text, Some("en"), "the language of path.format")
        .support(Support::NoEffect("directories are named by numbers")),
    Property::new("timestamp.extractor", Form::Text, Some("Wallclock"), "the time that divides files"),
    Property::new("timestamp.field", Form::Text, Some("timestamp"), "the field with that time")
        .support(Support::NoEffect("time is that of the clock or of the record")),
    Property::new("rotate.file.on.partition.change", Form::Bool, Some("true"), "whether another directory ends a file")
        .support(Support::Refused("a file is of one period")),
    Property::new("directory.delim", Form::Text, Some("/"), "between directories").support(DEFAULT_PARTITIONS),
    Property::new("file.delim", Form::Text, Some("+"), "between the parts of a name").support(DEFAULT_PARTITIONS),
    Property::new("schema.compatibility", Form::Text, Some("NONE"), "when a schema ends a file")
        .support(Support::NoEffect("lines of JSON may differ within a file")),
    Property::new("json.decimal.format", Form::Text, Some("BASE64"), "the form of decimals")
        .support(Support::NoEffect("values are written as the topic has them")),
    Property::new("store.kafka.keys", Form::Bool, Some("false"), "files of keys").support(LINES_ONLY),
    Property::new("store.kafka.headers", Form::Bool, Some("false"), "files of headers").support(LINES_ONLY),
    Property::new("keys.format.class", Form::Text, None, "the form of keys").support(LINES_ONLY),
    Property::new("headers.format.class", Form::Text, None, "the form of headers").support(LINES_ONLY),
    Property::new("retry.backoff.ms", Form::Integer(0, i64::MAX), Some("5000"), "the pause before a retry")
        .support(Support::NoEffect("pauses double from 0.2 to 5 seconds")),
    Property::new("schema.generator.class", Form::Text, None, "schemas of Hive")
        .support(Support::NoEffect("nothing is told to Hive")),
    Property::new("report.null.values.to.dlq", Form::Bool, Some("true"), "whether refused nulls go to a queue")
        .support(Support::NoEffect("a null value is left out, or stops the sink")),
];

/// All of them.
pub(super) fn all() -> &'static [Property] {
    static ALL: LazyLock<Vec<Property>> =
        LazyLock::new(|| [FRAMEWORK, CONVERTED, SELECTION, FILE_PROPERTIES, OWN].concat());
    &ALL
}

/// The lines that checked properties ask for.
pub(super) fn encoder(config: &Config) -> ObjectEncoder {
    let fail = config.text(NULL_VALUES).trim().eq_ignore_ascii_case("fail");
    let nulls = if fail { Nulls::Fail } else { Nulls::Skip };
    ObjectEncoder::new(config.flag(VALUE_SCHEMAS), nulls, LineForm::Value)
}
