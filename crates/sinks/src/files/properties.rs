//! Properties that the file-writing sinks have in common.

use object_store::path::Path as ObjectPath;
use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property, Support};

use super::PartitionId;
use super::destination::Location;
use super::roll::RollPolicy;
use super::selection::Selection;
use crate::limits::{FILE_BYTES, FILE_BYTES_MAX, FILE_LINES};

/// Declared between the framework's properties and a sink's own. `topics.dir` is not here: its default differs.
pub(crate) const FILE_PROPERTIES: &[Property] = &[
    Property::new("topics", Form::Text, None, "topics to read, comma-separated"),
    Property::new("topics.regex", Form::Text, None, "a pattern of topics to read"),
    Property::new("store.url", Form::Text, None, "where files go, such as \"file:///var/lib/lake\"").required(),
    Property::new("flush.size", Form::Integer(1, i64::MAX), Some("10000"), "lines of a file"),
    Property::new("rotate.bytes", Form::Integer(1, FILE_BYTES_MAX), Some("16777216"), "bytes of a file, about"),
    Property::new("rotate.interval.ms", Form::Integer(-1, i64::MAX), Some("-1"), "time of records in a file"),
    Property::new("rotate.schedule.interval.ms", Form::Integer(-1, i64::MAX), Some("-1"), "time until a file ends"),
    Property::new("timezone", Form::Text, Some("UTC"), "the time zone of the schedule")
        .support(Support::NoEffect("the schedule counts from midnight UTC")),
    Property::new("filename.offset.zero.pad.width", Form::Integer(0, 20), Some("10"), "digits of offsets in names"),
];

/// What a file-writing sink does besides its lines.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) selection: Selection,
    pub(crate) location: Location,
    pub(crate) layout: Layout,
    pub(crate) roll: RollPolicy,
}

/// How files are named: `DIR/TOPIC/partition=N/TOPIC+N+OFFSET.EXTENSION`, the layout of Confluent's S3 sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) topics_dir: String,
    pub(crate) offset_digits: usize,
    pub(crate) extension: &'static str,
}

impl Layout {
    /// The key of a file whose first line comes from the record at `offset`. A blank `topics.dir` leaves that level out.
    pub(crate) fn key(&self, id: &PartitionId, offset: i64) -> String {
        let Layout { topics_dir, offset_digits, extension } = self;
        let PartitionId { topic, partition } = id;
        let level = if topics_dir.is_empty() { "" } else { "/" };
        format!(
            "{topics_dir}{level}{topic}/partition={partition}/{topic}+{partition}+{offset:0offset_digits$}.{extension}"
        )
    }
}

/// From properties that went through `check`; every further problem at once. That `store.url` is missing is known
/// already then.
pub(crate) fn settings(config: &Config, extension: &'static str) -> Result<Settings, Vec<Problem>> {
    let selection = Selection::from_config(config);
    let location = config.get("store.url").map(Location::parse).transpose();
    let layout = layout(config, extension);
    match (selection, location, layout) {
        (Ok(selection), Ok(Some(location)), Ok(layout)) => {
            Ok(Settings { selection, location, layout, roll: roll(config) })
        }
        (selection, location, layout) => {
            Err([selection.err(), location.err(), layout.err()].into_iter().flatten().collect())
        }
    }
}

fn layout(config: &Config, extension: &'static str) -> Result<Layout, Problem> {
    let dir = config.text("topics.dir").trim_matches('/');
    ObjectPath::parse(dir).map_err(|error| {
        Problem::config(
            "PROPERTY_INVALID",
            format!("The 'topics.dir' value is invalid: {error}"),
            "Set 'topics.dir' to a relative path, such as \"topics\".",
        )
    })?;
    let digits = config.integer("filename.offset.zero.pad.width", 10);
    Ok(Layout { topics_dir: dir.to_owned(), offset_digits: usize::try_from(digits).unwrap_or(10), extension })
}

fn roll(config: &Config) -> RollPolicy {
    let count = |name, fallback| u64::try_from(config.integer(name, 0)).ok().filter(|n| *n > 0).unwrap_or(fallback);
    let period = |name| Some(config.integer(name, -1)).filter(|ms| *ms > 0);
    RollPolicy {
        lines: count("flush.size", FILE_LINES),
        bytes: count("rotate.bytes", FILE_BYTES),
        record_ms: period("rotate.interval.ms"),
        schedule_ms: period("rotate.schedule.interval.ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Config {
        pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    #[test]
    fn keys_are_those_of_confluents_sink() {
        let id = PartitionId { topic: "dbserver1.inventory.customers".into(), partition: 0 };
        let layout = |dir: &str| Layout { topics_dir: dir.into(), offset_digits: 10, extension: "json" };
        assert_eq!(
            layout("topics").key(&id, 42),
            "topics/dbserver1.inventory.customers/partition=0/dbserver1.inventory.customers+0+0000000042.json"
        );
        assert!(layout("").key(&id, 42).starts_with("dbserver1.inventory.customers/partition=0/"));
        assert!(layout("a/b").key(&id, 12_345_678_901).ends_with("+0+12345678901.json"));
    }

    #[test]
    fn every_problem_of_the_settings_is_reported_at_once() {
        let problems = settings(&config(&[("store.url", "s3://b"), ("topics.dir", "a/../b")]), "json").unwrap_err();
        let codes: Vec<_> = problems.iter().map(|p| p.code.as_str()).collect();
        assert_eq!(codes, ["PROPERTY_MISSING", "PROPERTY_REFUSED", "PROPERTY_INVALID"]);
    }

    #[test]
    fn a_period_of_minus_one_is_no_period_and_a_leading_slash_is_no_level() {
        let given = config(&[
            ("topics", "t"),
            ("store.url", "file:///x"),
            ("topics.dir", "/a/"),
            ("flush.size", "7"),
            ("rotate.interval.ms", "-1"),
        ]);
        let settings = settings(&given, "json").unwrap();
        assert_eq!(settings.roll, RollPolicy { lines: 7, bytes: FILE_BYTES, record_ms: None, schedule_ms: None });
        assert_eq!(settings.layout.topics_dir, "a");
    }
}
