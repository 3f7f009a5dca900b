//! The object sink under the property names of Aiven's S3 sink, with what is honoured.

use std::sync::LazyLock;

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property, Support};

use super::encode::{Form as LineForm, Nulls, ObjectEncoder, Values};
use super::line::{Field, Plain};
use crate::Surroundings;
use crate::files::{
    Checked, Compression, Framing, Layout, Location, Names, PeriodRule, RollPolicy, SELECTION, Selection, Settings,
    Template, Zone, zone,
};
use crate::framework::{BYTES_CONVERTER, CONVERTED, FRAMEWORK};
use crate::limits::{FILE_BYTES, FILE_BYTES_MAX, S3_PART_BYTES_MIN};

const PREFIX: &str = "aws.s3.prefix";
const TEMPLATE: &str = "file.name.template";
const ZONE: &str = "file.name.timestamp.timezone";
const SOURCE: &str = "file.name.timestamp.source";
const RECORDS: &str = "file.max.records";
const COMPRESSION: &str = "file.compression.type";
const TYPE: &str = "format.output.type";
const FIELDS: &str = "format.output.fields";
const ENCODING: &str = "format.output.fields.value.encoding";
const ENVELOPE: &str = "format.output.envelope";
const SCHEDULE: &str = "rotate.schedule.interval.ms";
const BYTES: &str = "rotate.bytes";

const NAMES: Names = Names {
    url: "aws.s3.endpoint",
    bucket: "aws.s3.bucket.name",
    region: "aws.s3.region",
    key_id: "aws.access.key.id",
    secret: "aws.secret.access.key",
    path_style: None,
    part_size: "aws.s3.part.size.bytes",
    retries: "aws.s3.backoff.max.retries",
    backoff: "aws.s3.backoff.delay.ms",
    provider: "aws.credentials.provider",
    encryption: "aws.s3.sse.algorithm",
    encryption_key: None,
};

const NO_ROLES: Support = Support::Refused(
    "no role is taken on; give the process keys of that role, or a token file (AWS_WEB_IDENTITY_TOKEN_FILE)",
);
const OWN_PAUSES: Support = Support::NoEffect("pauses double from 0.2 to 5 seconds");

const OWN: &[Property] = &[
    Property::new(
        "aws.s3.endpoint",
        Form::Text,
        None,
        "an S3 server, such as \"http://minio:9000\", or \"file:///DIR\"",
    )
    .old(&["aws_s3_endpoint"]),
    Property::new("aws.s3.bucket.name", Form::Text, None, "the bucket").old(&["aws_s3_bucket"]),
    Property::new("aws.s3.region", Form::Text, Some("us-east-1"), "the bucket's region").old(&["aws_s3_region"]),
    Property::new("aws.access.key.id", Form::Secret, Some(""), "the key").old(&["aws_access_key_id"]),
    Property::new("aws.secret.access.key", Form::Secret, Some(""), "its secret").old(&["aws_secret_access_key"]),
    Property::new(
        "aws.s3.part.size.bytes",
        Form::Integer(S3_PART_BYTES_MIN, i32::MAX as i64),
        Some("5242880"),
        "bytes of a part",
    ),
    Property::new("aws.s3.backoff.delay.ms", Form::Integer(0, 86_400_000), Some("100"), "the pause before a retry"),
    Property::new("aws.s3.backoff.max.delay.ms", Form::Integer(1, 86_400_000), Some("20000"), "the longest pause")
        .support(OWN_PAUSES),
    Property::new("aws.s3.backoff.max.retries", Form::Integer(0, 30), Some("3"), "further attempts of a request"),
    Property::new("kafka.retry.backoff.ms", Form::Integer(0, 86_400_000), None, "the pause before a new start")
        .support(OWN_PAUSES),
    Property::new("aws.s3.sse.algorithm", Form::Text, Some(""), "encryption by the server: AES256, aws:kms"),
    Property::new("aws.credentials.provider", Form::Text, None, "where keys come from when no property has them"),
    Property::new("aws.sts.*", Form::Secret, None, "roles to take on").support(NO_ROLES),
    Property::new(PREFIX, Form::Text, None, "before names of the old form, TOPIC-PARTITION-OFFSET")
        .old(&["aws_s3_prefix"]),
    Property::new(TEMPLATE, Form::Text, None, "names of files"),
    Property::new("file.name.prefix", Form::Text, None, "before every name"),
    Property::new("file.prefix.template", Form::Text, Some(""), "before every name")
        .support(Support::Refused("write the prefix into 'file.name.template'")),
    Property::new(COMPRESSION, Form::OneOf(&["gzip", "none", "snappy", "zstd"]), Some("gzip"), "compression of files")
        .old(&["output_compression"]),
    Property::new(RECORDS, Form::Integer(0, i64::MAX), Some("0"), "lines of a file; 0 for any number"),
    Property::new(ZONE, Form::Text, Some("Z"), "the time zone of names").old(&["timestamp.timezone"]),
    Property::new(SOURCE, Form::OneOf(&["wallclock", "event"]), Some("wallclock"), "the time in names")
        .old(&["timestamp.source"]),
    Property::new(TYPE, Form::OneOf(&["csv", "jsonl", "json", "parquet", "avro"]), Some("csv"), "the form of files"),
    Property::new(FIELDS, Form::Text, Some("value"), "parts of a line").old(&["output_fields"]),
    Property::new(ENCODING, Form::OneOf(&["base64", "none"]), Some("base64"), "the form of values between commas"),
    Property::new(ENVELOPE, Form::Bool, Some("true"), "an object around the value"),
    Property::new("flush.size", Form::Integer(1, i64::MAX), None, "lines of a file for Confluent's sink")
        .support(Support::NoEffect("Aiven's sink has no such property; 'file.max.records' ends files")),
    Property::new(
        SCHEDULE,
        Form::Integer(1, i64::MAX),
        Some("60000"),
        "time until a file ends; Aiven's sink ends it when offsets are flushed",
    ),
    Property::new(BYTES, Form::Integer(1, FILE_BYTES_MAX), Some("16777216"), "bytes of a file, about"),
];

/// All of them.
pub(super) fn all() -> &'static [Property] {
    static ALL: LazyLock<Vec<Property>> = LazyLock::new(|| [FRAMEWORK, CONVERTED, SELECTION, OWN].concat());
    &ALL
}

/// Settings and lines, from properties that went through `check`, and as they were given before; every further problem
/// at once, warnings with the settings.
pub(super) fn settings(
    config: &Config,
    given: &Config,
    surroundings: &Surroundings,
) -> Checked<(Settings, ObjectEncoder)> {
    let mut problems = Vec::new();
    let mut keep = |problem: Problem| problems.push(problem);
    let selection = Selection::from_config(config).map_err(&mut keep);
    let location =
        Location::from_config(config, given, &NAMES, surroundings).map_err(|more| more.into_iter().for_each(&mut keep));
    let compression = compression(config).map_err(&mut keep);
    let suffix = compression.map_or("", Compression::suffix);
    let zone = zone(config, ZONE).map_err(&mut keep);
    let layout = template(config, suffix, zone.unwrap_or(Zone::UTC)).map_err(&mut keep);
    let form = form(config).map_err(&mut keep);
    match (selection, location, compression, layout, form) {
        (Ok(selection), Ok((location, mut warnings)), Ok(compression), Ok(template), Ok(form))
            if problems.is_empty() =>
        {
            warnings.extend(template_unused(config));
            let roll = roll(config, template.rule());
            let layout = Layout::Template(template);
            let settings = Settings { selection, location, layout, roll, compression };
            Ok(((settings, ObjectEncoder::new(Values::from_config(config), Nulls::Write, form)), warnings))
        }
        _ => Err(problems),
    }
}

fn compression(config: &Config) -> Result<Compression, Problem> {
    match config.text(COMPRESSION).trim().to_ascii_lowercase().as_str() {
        "none" => Ok(Compression::None),
        "gzip" => Ok(Compression::gzip(-1)),
        other => {
            Err(refused(COMPRESSION, other, "files are compressed with gzip, or not", r#"Write "gzip" or "none"."#))
        }
    }
}

/// The template behind the prefix. The default has the suffix of the compression; one that was given has what it says.
/// With the old prefix, names have the old form whatever the template says, as in Aiven's sink.
fn template(config: &Config, suffix: &str, zone: Zone) -> Result<Template, Problem> {
    let (name, text) = match (config.get(PREFIX), config.get(TEMPLATE)) {
        (Some(prefix), _) => {
            (PREFIX, format!("{prefix}{{{{topic}}}}-{{{{partition}}}}-{{{{start_offset:padding=true}}}}{suffix}"))
        }
        (None, Some(template)) => (TEMPLATE, template.to_owned()),
        (None, None) => (TEMPLATE, format!("{{{{topic}}}}-{{{{partition}}}}-{{{{start_offset}}}}{suffix}")),
    };
    let by_record = config.text(SOURCE).trim().eq_ignore_ascii_case("event");
    Template::parse(&format!("{}{text}", config.text("file.name.prefix")), zone, by_record).map_err(|why| {
        Problem::config(
            "PROPERTY_INVALID",
            format!("The '{name}' value is invalid: {why}"),
            format!(r#"Write a template such as "{TEMPLATE}": "{{{{topic}}}}/{{{{partition}}}}-{{{{start_offset:padding=true}}}}.json"."#),
        )
    })
}

/// A template beside the old prefix.
fn template_unused(config: &Config) -> Option<Problem> {
    config.get(PREFIX)?;
    config.get(TEMPLATE)?;
    let cause = format!("'{TEMPLATE}' has no effect: with '{PREFIX}' names are PREFIXTOPIC-PARTITION-OFFSET");
    let remedy = format!("Write the prefix into '{TEMPLATE}', and remove '{PREFIX}'.");
    Some(Problem::config("PROPERTY_NO_EFFECT", cause, remedy).warning())
}

fn form(config: &Config) -> Result<LineForm, Problem> {
    let names = match config.list(FIELDS) {
        names if names.is_empty() => vec![Field::Value.name().to_owned()],
        names => names,
    };
    let field = |name: &String| Field::ALL.into_iter().find(|field| field.name().eq_ignore_ascii_case(name));
    let mut fields = Vec::new();
    for name in &names {
        fields.push(field(name).ok_or_else(|| {
            Problem::config(
                "PROPERTY_INVALID",
                format!("The '{FIELDS}' value is invalid: there is no part '{name}' of a record"),
                "Write some of: key, value, offset, timestamp, headers.",
            )
        })?);
    }
    match config.text(TYPE).trim().to_ascii_lowercase().as_str() {
        "csv" => {
            let plain = config.text(ENCODING).trim().eq_ignore_ascii_case("none");
            let values = if plain { Plain::AsIs } else { Plain::Base64 };
            let keys_are_bytes = config.text("key.converter").trim().eq_ignore_ascii_case(BYTES_CONVERTER);
            Ok(LineForm::Row { fields, values, keys_are_bytes })
        }
        text @ ("jsonl" | "json") => match (config.flag(ENVELOPE), fields.as_slice()) {
            // An object has each part once, in an order of its own.
            (true, _) => {
                let fields = Field::ALL.into_iter().filter(|field| fields.contains(field)).collect();
                Ok(LineForm::Object(fields, around(text)))
            }
            (false, [field]) => Ok(LineForm::Bare(*field, around(text))),
            (false, _) => Err(Problem::config(
                "PROPERTY_INVALID",
                format!("The '{ENVELOPE}' value is invalid: several parts of a record need an object around them"),
                format!(r#"Write "{ENVELOPE}": "true", or one part in "{FIELDS}"."#),
            )),
        },
        other => Err(refused(
            TYPE,
            other,
            "files are JSON, in lines or as an array, or rows between commas",
            r#"Write "jsonl", "json" or "csv"."#,
        )),
    }
}

/// What stands around JSON in a file.
fn around(kind: &str) -> Framing {
    if kind == "json" { Framing::ARRAY } else { Framing::DIVIDED }
}

fn refused(name: &str, value: &str, why: &str, remedy: &str) -> Problem {
    Problem::config("PROPERTY_REFUSED", format!("'{name}' with {value} is not supported: {why}"), remedy)
}

/// Without a number of records a file ends by the clock, and by its size.
fn roll(config: &Config, period: Option<PeriodRule>) -> RollPolicy {
    let count = |name, fallback| u64::try_from(config.integer(name, 0)).ok().filter(|n| *n > 0).unwrap_or(fallback);
    RollPolicy {
        lines: count(RECORDS, u64::MAX),
        bytes: count(BYTES, FILE_BYTES),
        record_ms: None,
        schedule_ms: Some(config.integer(SCHEDULE, 60_000)),
        zone: Zone::UTC,
        period,
    }
}
