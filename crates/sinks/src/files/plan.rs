//! What a sink keeps in the transport: how far each partition is delivered, and the file being written.
//!
//! Entries of a connector: `offset/TOPIC/N` is the first offset not yet delivered, as decimal text; `plan/TOPIC/N` is a
//! [`FilePlan`] as JSON, there from before the file's first byte until its range is delivered. Other entries are not ours.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tailwater_connector::Problem;

use super::PartitionId;

/// The decision to write one file. Together with the log it determines every byte of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FilePlan {
    /// First offset of the range.
    pub(crate) start: i64,
    /// The offset after the range.
    pub(crate) end: i64,
    /// The object's key below the store's address.
    pub(crate) key: String,
    /// When the file was begun; microseconds since 1970.
    pub(crate) loaded_us: i64,
    /// Whether its bytes are gzip, whatever the properties say when it is written again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) gzip: bool,
    /// The server's name for an upload in parts that was begun and may not have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) upload: Option<String>,
}

/// A sink's entries, read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// First offset not yet delivered.
    pub(crate) offsets: BTreeMap<PartitionId, i64>,
    /// Files that may or may not be there.
    pub(crate) plans: BTreeMap<PartitionId, FilePlan>,
}

/// The entry that holds a partition's offset.
pub(crate) fn offset_entry(id: &PartitionId) -> String {
    format!("offset/{}/{}", id.topic, id.partition)
}

/// The entry that holds a partition's plan.
pub(crate) fn plan_entry(id: &PartitionId) -> String {
    format!("plan/{}/{}", id.topic, id.partition)
}

/// Reads a sink's entries.
pub(crate) fn read(entries: &BTreeMap<String, Bytes>) -> Result<Progress, Problem> {
    let mut progress = Progress::default();
    for (name, value) in entries {
        let unreadable = || {
            Problem::stop(
                "SINK_PROGRESS_UNREADABLE",
                format!("the sink's entry '{name}' in the journal cannot be read"),
                "Run the version of Tailwater that wrote it, or give the connector another name.",
            )
        };
        let Some((kind @ ("offset" | "plan"), rest)) = name.split_once('/') else {
            continue;
        };
        let (topic, partition) = rest.rsplit_once('/').ok_or_else(unreadable)?;
        let partition = partition.parse().map_err(|_| unreadable())?;
        let id = PartitionId { topic: topic.to_owned(), partition };
        if kind == "plan" {
            progress.plans.insert(id, serde_json::from_slice(value).map_err(|_| unreadable())?);
        } else {
            let text = std::str::from_utf8(value).map_err(|_| unreadable())?;
            progress.offsets.insert(id, text.parse().map_err(|_| unreadable())?);
        }
    }
    Ok(progress)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_read_back_as_they_were_written() {
        let id = PartitionId { topic: "s.public.t".into(), partition: 2 };
        let plan =
            FilePlan { start: 5, end: 9, key: "topics/x".into(), loaded_us: 7, gzip: true, upload: Some("u".into()) };
        let entries = BTreeMap::from([
            (offset_entry(&id), Bytes::from_static(b"5")),
            (plan_entry(&id), Bytes::from(serde_json::to_vec(&plan).unwrap())),
            ("config".to_owned(), Bytes::from_static(b"of someone else")),
        ]);
        let progress = read(&entries).unwrap();
        assert_eq!(progress.offsets, BTreeMap::from([(id.clone(), 5)]));
        assert_eq!(progress.plans, BTreeMap::from([(id, plan)]));
    }

    #[test]
    fn progress_that_cannot_be_read_stops_the_sink() {
        for (name, value) in [("offset/t/0", "x"), ("offset/t", "1"), ("plan/t/x", "{}"), ("plan/t/0", "{}")] {
            let entries = BTreeMap::from([(name.to_owned(), Bytes::from(value))]);
            assert_eq!(read(&entries).unwrap_err().code, "SINK_PROGRESS_UNREADABLE", "{name}");
        }
    }
}
