//! The object sink under the property names of Confluent's S3 sink, with what is honoured.

use std::sync::LazyLock;

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property, Support};

use super::encode::{Form as LineForm, Nulls, ObjectEncoder, Values};
use super::time::{TIME_FIELD, TimeField};
use crate::files::{FILE_PROPERTIES, SELECTION};
use crate::framework::{BYTES_CONVERTER, CONVERTED, FRAMEWORK};

const NO_FIELDS: Support = Support::NoEffect("files are divided by topic, partition and time only");
const LINES_ONLY: Support = Support::Refused("only values are written, as plain lines of JSON");
const NO_KEYS: Support = Support::NoEffect("files of keys and headers are not written");
const NO_SCHEMAS: Support = Support::NoEffect("lines of JSON have no schema");

const EXTRACTOR: &str = "timestamp.extractor";
const BYTES_EXTENSION: &str = "format.bytearray.extension";
const FORMAT: &str = "format.class";
const JSON_FORMAT: &str = "io.confluent.connect.s3.format.json.JsonFormat";

const HIVE_SCHEMAS: &str = "io.confluent.connect.storage.hive.schema.DefaultSchemaGenerator";

/// What follows a null value; the default differs from Confluent's `fail`, since every delete has a tombstone.
pub(super) const NULL_VALUES: &str = "behavior.on.null.values";

const OWN: &[Property] = &[
    Property::new("topics.dir", Form::Text, Some("topics"), "the directory above the topics'"),
    Property::new(FORMAT, Form::Text, Some(JSON_FORMAT), "the form of files"),
    Property::new(NULL_VALUES, Form::OneOf(&["ignore", "fail"]), Some("ignore"), "what follows a null value"),
    Property::new("storage.class", Form::Text, Some("io.confluent.connect.s3.storage.S3Storage"), "the kind of store")
        .support(Support::NoEffect("'store.url' says where files go")),
    Property::new(
        "partitioner.class",
        Form::Text,
        Some("io.confluent.connect.storage.partitioner.DefaultPartitioner"),
        "how files are divided",
    ),
    Property::new("partition.field.name", Form::Text, Some(""), "fields that divide files").support(NO_FIELDS),
    Property::new("partition.duration.ms", Form::Integer(-1, i64::MAX / 1000), Some("-1"), "time that divides files"),
    Property::new("path.format", Form::Text, Some(""), "directories by time"),
    Property::new("locale", Form::Text, Some("en"), "the language of path.format")
        .support(Support::NoEffect("directories are named by numbers")),
    Property::new(EXTRACTOR, Form::Text, Some("Wallclock"), "the time that divides files"),
    Property::new(TIME_FIELD, Form::Text, Some("timestamp"), "the field with that time"),
    Property::new("rotate.file.on.partition.change", Form::Bool, Some("true"), "whether another directory ends a file")
        .support(Support::Refused("a file is of one period")),
    Property::new("directory.delim", Form::Text, Some("/"), "between directories")
        .support(Support::Refused("directories are divided by slashes")),
    Property::new("file.delim", Form::Text, Some("+"), "between the parts of a name"),
    Property::new("schema.compatibility", Form::Text, Some("NONE"), "when a schema ends a file")
        .support(Support::NoEffect("lines of JSON may differ within a file")),
    Property::new("json.decimal.format", Form::Text, Some("BASE64"), "the form of decimals")
        .support(Support::NoEffect("values are written as the topic has them")),
    Property::new("store.kafka.keys", Form::Bool, Some("false"), "files of keys").support(LINES_ONLY),
    Property::new("store.kafka.headers", Form::Bool, Some("false"), "files of headers").support(LINES_ONLY),
    Property::new("keys.format.class", Form::Text, None, "the form of keys").support(NO_KEYS),
    Property::new("headers.format.class", Form::Text, None, "the form of headers").support(NO_KEYS),
    Property::new("retry.backoff.ms", Form::Integer(0, i64::MAX), Some("5000"), "the pause before a retry")
        .support(Support::NoEffect("pauses double from 0.2 to 5 seconds")),
    Property::new("schema.generator.class", Form::Text, Some(HIVE_SCHEMAS), "schemas of Hive")
        .support(Support::NoEffect("nothing is told to Hive")),
    Property::new("report.null.values.to.dlq", Form::Bool, Some("true"), "whether refused nulls go to a queue")
        .support(Support::NoEffect("a null value is left out, or stops the sink")),
    Property::new(BYTES_EXTENSION, Form::Text, Some(".bin"), "the end of the names of files of bytes"),
    Property::new("format.bytearray.separator", Form::Text, Some("\n"), "what stands behind each value")
        .support(Support::Refused("values stand in lines")),
    Property::new("avro.codec", Form::Text, Some("null"), "compression of Avro").support(NO_SCHEMAS),
    Property::new("parquet.codec", Form::Text, Some("snappy"), "compression of Parquet").support(NO_SCHEMAS),
    Property::new("connect.meta.data", Form::Bool, Some("true"), "Connect's schema in files").support(NO_SCHEMAS),
    Property::new("enhanced.avro.schema.support", Form::Bool, Some("true"), "schemas of Avro").support(NO_SCHEMAS),
    Property::new("schemas.cache.*", Form::Text, None, "schemas that are kept").support(NO_SCHEMAS),
    Property::new("schema.cache.size", Form::Text, None, "schemas that are kept").support(NO_SCHEMAS),
    Property::new("shutdown.timeout.ms", Form::Text, Some("3000"), "time to end")
        .support(Support::NoEffect("what is begun is planned, and written by the next start")),
    Property::new("confluent.*", Form::Secret, None, "Confluent's licence")
        .support(Support::NoEffect("no licence is needed")),
];

/// All of them.
pub(super) fn all() -> &'static [Property] {
    static ALL: LazyLock<Vec<Property>> =
        LazyLock::new(|| [FRAMEWORK, CONVERTED, SELECTION, FILE_PROPERTIES, OWN].concat());
    &ALL
}

/// What the names of files end with, by their form; else why there are no files of that form.
pub(super) fn extension(config: &Config) -> Result<String, Problem> {
    let class = config.text(FORMAT).trim();
    let why = match class.rsplit('.').next().unwrap_or_default() {
        "JsonFormat" => return Ok("json".to_owned()),
        "ByteArrayFormat" if !has_bytes(config) => {
            let cause = format!("'{FORMAT}' with {class} is for values that are bytes");
            let remedy = format!(r#"Write "value.converter": "{BYTES_CONVERTER}", or "{FORMAT}": "{JSON_FORMAT}"."#);
            return Err(Problem::config("PROPERTY_INVALID", cause, remedy));
        }
        "ByteArrayFormat" => {
            let extension = config.text(BYTES_EXTENSION).trim().trim_start_matches('.');
            if !extension.is_empty() && extension.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
                return Ok(extension.to_owned());
            }
            let cause = format!("The '{BYTES_EXTENSION}' value is invalid: it is no end of a file's name");
            return Err(Problem::config("PROPERTY_INVALID", cause, format!(r#"Write "{BYTES_EXTENSION}": ".bin"."#)));
        }
        "AvroFormat" | "ParquetFormat" => "files with schemas are not written yet, only lines of JSON",
        _ => "Java classes cannot be loaded, and only lines of JSON are written",
    };
    Err(Problem::config(
        "PROPERTY_REFUSED",
        format!("'{FORMAT}' with {class} is not supported: {why}"),
        format!(r#"Write "{FORMAT}": "{JSON_FORMAT}"."#),
    ))
}

/// Properties that do nothing beside the others.
pub(super) fn without_effect(given: &Config) -> Vec<Problem> {
    let partitioner = given.text("partitioner.class").trim().rsplit('.').next().unwrap_or_default();
    let own = partitioner == "TimeBasedPartitioner";
    let timed = own || matches!(partitioner, "DailyPartitioner" | "HourlyPartitioner");
    let scheduled = given.integer("rotate.schedule.interval.ms", -1) > 0;
    let by_field = given.text(EXTRACTOR).trim().ends_with("RecordField");
    let table = [
        ("path.format", own, "it is for the TimeBasedPartitioner"),
        ("partition.duration.ms", own, "it is for the TimeBasedPartitioner"),
        (EXTRACTOR, timed, "it is for the partitioners by time"),
        (
            TIME_FIELD,
            timed && by_field,
            "it is for a partitioner by time with \"timestamp.extractor\": \"RecordField\"",
        ),
        ("timezone", timed || scheduled, "nothing here depends on the time of day"),
    ];
    let idle = table.into_iter().filter(|(name, has_effect, _)| !has_effect && !given.text(name).trim().is_empty());
    let usual = |name: &str| all().iter().any(|p| p.name == name && p.default == Some(given.text(name).trim()));
    let problem = |(name, _, why): (&str, bool, &str)| {
        let cause = format!("'{name}' has no effect: {why}");
        Problem::config("PROPERTY_NO_EFFECT", cause, format!("Remove '{name}'.")).warning()
    };
    idle.filter(|(name, ..)| !usual(name)).map(problem).collect()
}

fn has_bytes(config: &Config) -> bool {
    config.text("value.converter").trim().eq_ignore_ascii_case(BYTES_CONVERTER)
}

/// The lines that checked properties ask for.
pub(super) fn encoder(config: &Config) -> ObjectEncoder {
    let fail = config.text(NULL_VALUES).trim().eq_ignore_ascii_case("fail");
    let nulls = if fail { Nulls::Fail } else { Nulls::Skip };
    let form = match config.text(FORMAT).trim().ends_with("ByteArrayFormat") {
        true => LineForm::Raw,
        false => LineForm::Value,
    };
    let by_field = config.text(EXTRACTOR).trim().ends_with("RecordField")
        && !matches!(config.text("partitioner.class").rsplit('.').next(), None | Some("" | "DefaultPartitioner"));
    let field = by_field.then(|| TimeField::new(config.text(TIME_FIELD).trim()));
    ObjectEncoder::new(Values::from_config(config), nulls, form).with_time(field)
}
