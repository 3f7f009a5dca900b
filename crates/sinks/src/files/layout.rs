//! How files are named.

use object_store::path::Path as ObjectPath;
use tailwater_connector::{Config, Problem};

use super::PartitionId;
use super::periods::Periods;
use super::template::Template;

/// The layout of one sink's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `DIR/TOPIC/PLACE/TOPIC+N+OFFSET.EXTENSION`, the layout of Confluent's S3 sink, with `partition=N` or a time as PLACE.
    Partitioned {
        /// The level above the topics'; none when empty.
        topics_dir: String,
        /// Directories by time in the place of `partition=N`.
        periods: Option<Periods>,
        /// Between the parts of a name.
        delimiter: String,
        offset_digits: usize,
        extension: String,
    },
    /// Names from a template, as Aiven's S3 sink has them.
    Template(Template),
}

impl Layout {
    /// Confluent's layout, from properties that went through `check`.
    pub(crate) fn partitioned(config: &Config, periods: Option<Periods>, extension: String) -> Result<Layout, Problem> {
        let dir = config.text("topics.dir").trim_matches('/');
        ObjectPath::parse(dir).map_err(|error| {
            Problem::config(
                "PROPERTY_INVALID",
                format!("The 'topics.dir' value is invalid: {error}"),
                "Set 'topics.dir' to a relative path, such as \"topics\".",
            )
        })?;
        let delimiter = config.get("file.delim").unwrap_or("+");
        let safe = |c: char| c.is_ascii_alphanumeric() || "+-_.=,@~".contains(c);
        if !delimiter.chars().all(safe) || delimiter.contains("..") {
            return Err(Problem::config(
                "PROPERTY_INVALID",
                format!("The 'file.delim' value is invalid: '{delimiter}' is not for names of files"),
                "Set 'file.delim' to a sign such as \"+\", \"-\" or \"_\".",
            ));
        }
        let digits = config.integer("filename.offset.zero.pad.width", 10);
        let offset_digits = usize::try_from(digits).unwrap_or(10);
        let (topics_dir, delimiter) = (dir.to_owned(), delimiter.to_owned());
        Ok(Layout::Partitioned { topics_dir, periods, delimiter, offset_digits, extension })
    }

    /// Whether files of two topics differ in name although transforms gave both the same topic.
    pub(crate) fn tells_sources_apart(&self) -> bool {
        matches!(self, Layout::Partitioned { .. })
    }

    /// The key of a file; `routed` is the topic that transforms gave its records, whose directory it then goes to. Its name
    /// keeps the topic that the offset is of.
    pub(crate) fn key(&self, id: &PartitionId, routed: Option<&str>, begun: &Begun) -> String {
        match self {
            Layout::Partitioned { topics_dir, periods, delimiter, offset_digits, extension } => {
                let PartitionId { topic, partition } = id;
                let level = if topics_dir.is_empty() { "" } else { "/" };
                let by_partition = || format!("partition={partition}");
                let place = periods.as_ref().map_or_else(by_partition, |p| p.directory(begun.first_ms, begun.begun_us));
                let offset = begun.first_offset;
                let directory = routed.unwrap_or(topic);
                format!(
                    "{topics_dir}{level}{directory}/{place}/{topic}{delimiter}{partition}{delimiter}{offset:0offset_digits$}.{extension}"
                )
            }
            Layout::Template(template) => template.key(id, begun),
        }
    }
}

/// With what a file began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Begun {
    /// Offset of the record that its first line comes from.
    pub(crate) first_offset: i64,
    /// The time of that record.
    pub(crate) first_ms: i64,
    /// When it was begun; microseconds since 1970.
    pub(crate) begun_us: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Zone;

    #[test]
    fn keys_are_those_of_confluents_sink() {
        let id = PartitionId { topic: "dbserver1.inventory.customers".into(), partition: 0 };
        let layout = |dir: &str, periods| Layout::Partitioned {
            topics_dir: dir.into(),
            periods,
            delimiter: "+".into(),
            offset_digits: 10,
            extension: "json".into(),
        };
        let at = |first_offset| Begun { first_offset, ..Begun::default() };
        assert_eq!(
            layout("topics", None).key(&id, None, &at(42)),
            "topics/dbserver1.inventory.customers/partition=0/dbserver1.inventory.customers+0+0000000042.json"
        );
        assert!(layout("", None).key(&id, None, &at(42)).starts_with("dbserver1.inventory.customers/partition=0/"));
        assert!(layout("a/b", None).key(&id, None, &at(12_345_678_901)).ends_with("+0+12345678901.json"));
        let hourly = [("partitioner.class".to_owned(), "x.HourlyPartitioner".to_owned())].into_iter().collect();
        assert_eq!(
            layout("topics", Periods::from_config(&hourly, &Zone::UTC).unwrap()).key(&id, None, &at(42)),
            "topics/dbserver1.inventory.customers/year=1970/month=01/day=01/hour=00/dbserver1.inventory.customers+0+0000000042.json"
        );
    }
}
