//! How files are named.

use object_store::path::Path as ObjectPath;
use tailwater_connector::{Config, Problem};

use super::PartitionId;
use super::template::Template;

/// The layout of one sink's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `DIR/TOPIC/partition=N/TOPIC+N+OFFSET.EXTENSION`, the layout of Confluent's S3 sink.
    Partitioned {
        /// The level above the topics'; none when empty.
        topics_dir: String,
        offset_digits: usize,
        extension: String,
    },
    /// Names from a template, as Aiven's S3 sink has them.
    Template(Template),
}

impl Layout {
    /// Confluent's layout, from properties that went through `check`.
    pub(crate) fn partitioned(config: &Config, extension: String) -> Result<Layout, Problem> {
        let dir = config.text("topics.dir").trim_matches('/');
        ObjectPath::parse(dir).map_err(|error| {
            Problem::config(
                "PROPERTY_INVALID",
                format!("The 'topics.dir' value is invalid: {error}"),
                "Set 'topics.dir' to a relative path, such as \"topics\".",
            )
        })?;
        let digits = config.integer("filename.offset.zero.pad.width", 10);
        let offset_digits = usize::try_from(digits).unwrap_or(10);
        Ok(Layout::Partitioned { topics_dir: dir.to_owned(), offset_digits, extension })
    }

    /// The key of a file that was begun at `begun_us` (microseconds since 1970), whose first line comes from the record
    /// at `offset`.
    pub(crate) fn key(&self, id: &PartitionId, offset: i64, begun_us: i64) -> String {
        match self {
            Layout::Partitioned { topics_dir, offset_digits, extension } => {
                let PartitionId { topic, partition } = id;
                let level = if topics_dir.is_empty() { "" } else { "/" };
                format!(
                    "{topics_dir}{level}{topic}/partition={partition}/{topic}+{partition}+{offset:0offset_digits$}.{extension}"
                )
            }
            Layout::Template(template) => template.key(id, offset, begun_us),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_confluents_sink() {
        let id = PartitionId { topic: "dbserver1.inventory.customers".into(), partition: 0 };
        let layout =
            |dir: &str| Layout::Partitioned { topics_dir: dir.into(), offset_digits: 10, extension: "json".into() };
        assert_eq!(
            layout("topics").key(&id, 42, 0),
            "topics/dbserver1.inventory.customers/partition=0/dbserver1.inventory.customers+0+0000000042.json"
        );
        assert!(layout("").key(&id, 42, 0).starts_with("dbserver1.inventory.customers/partition=0/"));
        assert!(layout("a/b").key(&id, 12_345_678_901, 0).ends_with("+0+12345678901.json"));
    }
}
