//! Properties that the file-writing sinks have in common, under the names of Confluent's S3 sink.

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property, Support};

use super::compression::Compression;
use super::layout::Layout;
use super::location::{Location, Names};
use super::periods::{PeriodRule, Periods};
use super::roll::RollPolicy;
use super::selection::Selection;
use super::zone::Zone;
use crate::Surroundings;
use crate::limits::{FILE_BYTES, FILE_BYTES_MAX, FILE_LINES, S3_PART_BYTES_MIN};

/// Which topics are read, as in every sink.
pub(crate) const SELECTION: &[Property] = &[
    Property::new("topics", Form::Text, None, "topics to read, comma-separated"),
    Property::new("topics.regex", Form::Text, None, "a pattern of topics to read"),
];

/// Where files go, as Confluent's sink calls it.
pub(crate) const CONFLUENT_NAMES: Names = Names {
    url: "store.url",
    bucket: "s3.bucket.name",
    region: "s3.region",
    key_id: "aws.access.key.id",
    secret: "aws.secret.access.key",
    path_style: Some("s3.path.style.access.enabled"),
    part_size: "s3.part.size",
    retries: "s3.part.retries",
    backoff: "s3.retry.backoff.ms",
    provider: "s3.credentials.provider.class",
    encryption: "s3.ssea.name",
    encryption_key: Some("s3.sse.kms.key.id"),
};

const NOT_YET: Support = Support::Refused("this setting of S3 is not supported yet");
const PROXY: Support = Support::Refused("set HTTPS_PROXY for the process instead");

/// Declared between the framework's properties and a sink's own. `topics.dir` is not here: its default differs.
pub(crate) const FILE_PROPERTIES: &[Property] = &[
    Property::new("store.url", Form::Text, None, "an S3 server, such as \"http://minio:9000\", or \"file:///DIR\""),
    Property::new("s3.bucket.name", Form::Text, None, "the bucket"),
    Property::new("s3.region", Form::Text, Some("us-west-2"), "the bucket's region"),
    Property::new("aws.access.key.id", Form::Secret, Some(""), "the key"),
    Property::new("aws.secret.access.key", Form::Secret, Some(""), "its secret"),
    Property::new("s3.path.style.access.enabled", Form::Bool, Some("true"), "the bucket in the path, not in the host"),
    Property::new(
        "s3.part.size",
        Form::Integer(S3_PART_BYTES_MIN, i32::MAX as i64),
        Some("26214400"),
        "bytes of a part",
    ),
    Property::new("s3.part.retries", Form::Integer(0, 100), Some("3"), "further attempts of a request"),
    Property::new(
        "s3.retry.backoff.ms",
        Form::Integer(0, 86_400_000),
        Some("200"),
        "the pause before the first of them",
    ),
    Property::new("s3.compression.type", Form::OneOf(&["none", "gzip"]), Some("none"), "compression of files"),
    Property::new("s3.compression.level", Form::Integer(-1, 9), Some("-1"), "how hard gzip tries"),
    Property::new("s3.wan.mode", Form::Bool, Some("false"), "accelerated transfer").support(NOT_YET),
    Property::new("s3.object.tagging", Form::Bool, Some("false"), "tags on objects").support(NOT_YET),
    Property::new("s3.acl.canned", Form::Text, None, "access to objects").support(NOT_YET),
    Property::new("s3.object.tagging.key.value.pairs", Form::Text, None, "tags on objects").support(NOT_YET),
    Property::new("s3.credentials.provider.class", Form::Text, None, "where keys come from when no property has them"),
    Property::new("s3.credentials.provider.*", Form::Secret, None, "roles to take on").support(Support::Refused(
        "no role is taken on; give the process keys of that role, or a token file (AWS_WEB_IDENTITY_TOKEN_FILE)",
    )),
    Property::new("s3.ssea.name", Form::Text, Some(""), "encryption by the server: AES256, aws:kms"),
    Property::new("s3.sse.kms.key.id", Form::Text, Some(""), "the key of aws:kms"),
    Property::new("s3.sse.customer.key", Form::Secret, Some(""), "a key of one's own")
        .support(Support::Refused("set 's3.ssea.name' to aws:kms, whose key does not leave AWS")),
    Property::new("s3.proxy.*", Form::Secret, None, "a proxy on the way to S3").support(PROXY),
    Property::new("s3.http.send.expect.continue", Form::Bool, Some("true"), "whether to ask before sending")
        .support(Support::NoEffect("objects are sent at once")),
    Property::new("s3.elastic.buffer.*", Form::Text, None, "buffers of uploads")
        .support(Support::NoEffect("buffers grow as they are needed")),
    Property::new("s3.schema.partition.affix.type", Form::Text, Some("NONE"), "schemas in names").support(NOT_YET),
    Property::new("send.digest", Form::Bool, Some("false"), "checksums of objects")
        .support(Support::NoEffect("requests are signed with the SHA-256 of what they carry")),
    Property::new("flush.size", Form::Integer(1, i64::MAX), Some("10000"), "lines of a file"),
    Property::new("rotate.bytes", Form::Integer(1, FILE_BYTES_MAX), Some("16777216"), "bytes of a file, about"),
    Property::new("rotate.interval.ms", Form::Integer(-1, i64::MAX), Some("-1"), "time of records in a file"),
    Property::new("rotate.schedule.interval.ms", Form::Integer(-1, i64::MAX), Some("-1"), "time until a file ends"),
    Property::new("timezone", Form::Text, Some("UTC"), "the time zone of directories and of the schedule"),
    Property::new("filename.offset.zero.pad.width", Form::Integer(0, 20), Some("10"), "digits of offsets in names"),
    Property::new("enable.conditional.writes", Form::Bool, Some("true"), "never overwrite an object").support(
        Support::NoEffect("a file's range is decided before it is written; writing it again gives the same bytes"),
    ),
];

/// What a configuration gives, with warnings; or all that is wrong with it.
pub(crate) type Checked<T> = Result<(T, Vec<Problem>), Vec<Problem>>;

/// What a file-writing sink does besides its lines.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) selection: Selection,
    pub(crate) location: Location,
    pub(crate) layout: Layout,
    pub(crate) roll: RollPolicy,
    pub(crate) compression: Compression,
}

/// From properties that went through `check`, and as they were given before; every further problem at once, warnings
/// with the settings.
pub(crate) fn settings(
    config: &Config,
    given: &Config,
    extension: &str,
    surroundings: &Surroundings,
) -> Checked<Settings> {
    let compression = match config.text("s3.compression.type").trim().eq_ignore_ascii_case("gzip") {
        true => Compression::gzip(config.integer("s3.compression.level", -1)),
        false => Compression::None,
    };
    let selection = Selection::from_config(config);
    let location = Location::from_config(config, given, &CONFLUENT_NAMES, surroundings);
    let zone = zone(config, "timezone");
    // What is wrong with the zone is said once.
    let periods = Periods::from_config(config, zone.as_ref().unwrap_or(&Zone::UTC));
    let rule = periods.as_ref().ok().and_then(Option::as_ref).map(|periods| periods.rule.clone());
    let layout = periods.map_err(|problem| vec![problem]).and_then(|periods| {
        Layout::partitioned(config, periods, format!("{extension}{}", compression.suffix())).map_err(|p| vec![p])
    });
    match (selection, location, layout, zone) {
        (Ok(selection), Ok((location, warnings)), Ok(layout), Ok(zone)) => {
            Ok((Settings { selection, location, layout, roll: roll(config, zone, rule), compression }, warnings))
        }
        (selection, location, layout, zone) => {
            let mut problems: Vec<_> = selection.err().into_iter().collect();
            problems.extend(location.err().unwrap_or_default());
            problems.extend(layout.err().unwrap_or_default());
            problems.extend(zone.err());
            Err(problems)
        }
    }
}

/// The time zone that a property names.
pub(crate) fn zone(config: &Config, name: &str) -> Result<Zone, Problem> {
    let text = config.text(name).trim();
    Zone::parse(text).ok_or_else(|| {
        Problem::config(
            "PROPERTY_INVALID",
            format!("The '{name}' value is invalid: there is no time zone '{text}'"),
            format!(r#"Write "{name}": "UTC", or a zone of a place such as "Europe/Berlin"."#),
        )
    })
}

/// What `check` found together with what came of the rest: no settings while there is an error, and all problems at once.
pub(crate) fn merge<T>(mut problems: Vec<Problem>, rest: Checked<T>) -> Checked<T> {
    match rest {
        Ok((settings, warnings)) => {
            problems.extend(warnings);
            if problems.iter().any(Problem::is_error) { Err(problems) } else { Ok((settings, problems)) }
        }
        Err(more) => {
            problems.extend(more);
            Err(problems)
        }
    }
}

fn roll(config: &Config, zone: Zone, period: Option<PeriodRule>) -> RollPolicy {
    let count = |name, fallback| u64::try_from(config.integer(name, 0)).ok().filter(|n| *n > 0).unwrap_or(fallback);
    let time = |name| Some(config.integer(name, -1)).filter(|ms| *ms > 0);
    RollPolicy {
        lines: count("flush.size", FILE_LINES),
        bytes: count("rotate.bytes", FILE_BYTES),
        record_ms: time("rotate.interval.ms"),
        schedule_ms: time("rotate.schedule.interval.ms"),
        zone,
        period,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings_of(pairs: &[(&str, &str)]) -> Result<Settings, Vec<Problem>> {
        let config: Config = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        settings(&config, &config, "json", &Surroundings::default()).map(|(settings, _)| settings)
    }

    #[test]
    fn every_problem_of_the_settings_is_reported_at_once() {
        let problems = settings_of(&[("store.url", "gs://b"), ("topics.dir", "a/../b")]).unwrap_err();
        let causes: Vec<_> = problems.iter().map(|p| p.cause.as_str()).collect();
        assert_eq!(causes.len(), 3, "{causes:?}");
        assert!(
            causes[0].contains("topics or topics.regex")
                && causes[1].contains("gs://")
                && causes[2].contains("topics.dir")
        );
    }

    #[test]
    fn a_period_of_minus_one_is_no_period_and_a_leading_slash_is_no_level() {
        let settings = settings_of(&[
            ("topics", "t"),
            ("store.url", "file:///x"),
            ("topics.dir", "/a/"),
            ("flush.size", "7"),
            ("rotate.interval.ms", "-1"),
        ])
        .unwrap();
        let expected = RollPolicy { lines: 7, bytes: FILE_BYTES, ..RollPolicy::NEVER };
        assert_eq!(settings.roll, expected);
        assert!(matches!(settings.layout, Layout::Partitioned { topics_dir, .. } if topics_dir == "a"));
    }

    #[test]
    fn compression_shows_in_the_names() {
        let pairs = [("topics", "t"), ("store.url", "file:///x"), ("s3.compression.type", "gzip")];
        let settings = settings_of(&pairs).unwrap();
        assert!(matches!(settings.layout, Layout::Partitioned { extension, .. } if extension == "json.gz"));
        assert_eq!(settings.compression, Compression::gzip(-1));
    }
}
