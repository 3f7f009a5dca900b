//! The object sink's properties: Confluent's names, Aiven's where they are known, with what is honoured.

use std::sync::LazyLock;

use tailwater_connector::property::Form;
use tailwater_connector::{Property, Support};

use crate::files::FILE_PROPERTIES;
use crate::framework::FRAMEWORK;

const S3_LATER: Support = Support::Refused("S3 comes later; write to a directory with \"store.url\": \"file:///DIR\"");
const AIVEN_LATER: Support =
    Support::Refused("only Confluent's names of files and JSON lines are written for now; use \"topics.dir\"");
const DEFAULT_PARTITIONS: Support = Support::Refused("files are divided by topic and partition only");
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
    )
    .support(DEFAULT_PARTITIONS),
    Property::new("partition.field.name", Form::Text, Some(""), "fields that divide files").support(DEFAULT_PARTITIONS),
    Property::new("partition.duration.ms", Form::Text, Some("-1"), "time that divides files")
        .support(DEFAULT_PARTITIONS),
    Property::new("path.format", Form::Text, Some(""), "directories by time").support(DEFAULT_PARTITIONS),
    Property::new("locale", Form::Text, None, "the language of path.format")
        .support(Support::NoEffect("no directory is named by time")),
    Property::new("timestamp.extractor", Form::Text, None, "the time that divides files")
        .support(Support::NoEffect("no directory is named by time")),
    Property::new("timestamp.field", Form::Text, None, "the field with that time")
        .support(Support::NoEffect("no directory is named by time")),
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
    Property::new("s3.compression.type", Form::Text, Some("none"), "compression of files").support(LINES_ONLY),
    Property::new("s3.*", Form::Text, None, "settings of S3").support(S3_LATER),
    Property::new("aws.*", Form::Secret, None, "access to S3").support(S3_LATER),
    Property::new("file.compression.type", Form::Text, Some("none"), "compression of files").support(LINES_ONLY),
    Property::new("file.*", Form::Text, None, "Aiven's names of files").support(AIVEN_LATER),
    Property::new("format.output.type", Form::Text, Some("jsonl"), "the form of files").support(AIVEN_LATER),
    Property::new("format.output.fields", Form::Text, Some("value"), "parts of a line").support(AIVEN_LATER),
    Property::new("format.output.envelope", Form::Bool, Some("false"), "an object around the value")
        .support(AIVEN_LATER),
    Property::new("format.output.*", Form::Text, None, "Aiven's form of lines").support(AIVEN_LATER),
];

/// All of them.
pub(super) fn all() -> &'static [Property] {
    static ALL: LazyLock<Vec<Property>> = LazyLock::new(|| [FRAMEWORK, FILE_PROPERTIES, OWN].concat());
    &ALL
}
