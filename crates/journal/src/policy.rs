//! What a topic's settings ask of the journal, with Kafka's names and defaults.

use crate::state::Topic;
use std::collections::BTreeMap;
use std::time::Duration;

/// Kafka's default of `delete.retention.ms`: a day.
const DELETE_RETENTION_MS: i64 = 24 * 60 * 60 * 1000;
/// Kafka's default of `min.cleanable.dirty.ratio`.
const DIRTY_RATIO: f64 = 0.5;

/// Kafka's default of `segment.ms`: seven days.
const SEGMENT_MS: i64 = 7 * 24 * 60 * 60 * 1000;
/// Kafka's default of `segment.bytes`.
const SEGMENT_BYTES: u64 = 1 << 30;

/// How long a topic keeps what.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Policy {
    /// Older batches go, in milliseconds.
    pub(crate) retention_ms: Option<i64>,
    /// The oldest batches of a partition go that are not needed to have this many bytes.
    pub(crate) retention_bytes: Option<u64>,
    /// Only the last value of a key is kept.
    pub(crate) compact: Option<Compact>,
}

/// How a topic is compacted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Compact {
    /// A tombstone can be read for at least so long.
    pub(crate) delete_retention_ms: i64,
    /// Records younger than this stay.
    pub(crate) min_lag_ms: i64,
    /// Records older than this are compacted, however few they are.
    pub(crate) max_lag_ms: i64,
    /// Age and bytes of the partition with which a segment is not written on, so that it can be compacted.
    pub(crate) segment_ms: i64,
    pub(crate) segment_bytes: u64,
    /// Share of bytes not compacted yet from which on compacting is worth it.
    pub(crate) dirty_ratio: f64,
}

impl Policy {
    /// The policy of a topic. A value that cannot be read counts as not set: who takes settings in checks them.
    pub(crate) fn of(topic: &Topic, client_retention: Option<Duration>) -> Self {
        let config = &topic.config;
        let cleanup = config.get("cleanup.policy").map_or("delete", String::as_str);
        let asks = |what: &str| cleanup.split(',').any(|part| part.trim() == what);
        let by_default = client_retention.filter(|_| topic.of_clients);
        let retention_ms = by_default.map_or(-1, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        let retention_ms = number(config, "retention.ms").unwrap_or(retention_ms);
        let retention_bytes = number(config, "retention.bytes").unwrap_or(-1);
        let compact = Compact {
            delete_retention_ms: number(config, "delete.retention.ms").unwrap_or(DELETE_RETENTION_MS),
            segment_ms: number(config, "segment.ms").unwrap_or(SEGMENT_MS),
            segment_bytes: number(config, "segment.bytes").unwrap_or(SEGMENT_BYTES),
            max_lag_ms: number(config, "max.compaction.lag.ms").unwrap_or(i64::MAX),
            min_lag_ms: number(config, "min.compaction.lag.ms").unwrap_or(0),
            dirty_ratio: number(config, "min.cleanable.dirty.ratio").unwrap_or(DIRTY_RATIO),
        };
        Self {
            retention_ms: Some(retention_ms).filter(|ms| asks("delete") && *ms >= 0),
            retention_bytes: u64::try_from(retention_bytes).ok().filter(|_| asks("delete")),
            compact: asks("compact").then_some(compact),
        }
    }
}

impl Policy {
    /// Whether the last record of every key is kept for ever.
    pub(crate) fn is_compact_only(&self) -> bool {
        self.compact.is_some() && self.retention_ms.is_none() && self.retention_bytes.is_none()
    }
}

fn number<T: std::str::FromStr>(config: &BTreeMap<String, String>, name: &str) -> Option<T> {
    config.get(name)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(of_clients: bool, config: &[(&str, &str)]) -> Policy {
        let config = config.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let topic = Topic { of_clients, config, ..Topic::default() };
        Policy::of(&topic, Some(Duration::from_millis(700)))
    }

    #[test]
    fn client_topics_have_a_default_age_and_change_topics_none() {
        assert_eq!(policy(true, &[]).retention_ms, Some(700));
        assert_eq!(policy(false, &[]).retention_ms, None);
        assert_eq!(policy(false, &[("retention.ms", "5")]).retention_ms, Some(5));
        assert_eq!(policy(true, &[("retention.ms", "-1")]).retention_ms, None);
        assert_eq!(policy(true, &[("retention.bytes", "9")]).retention_bytes, Some(9));
    }

    #[test]
    fn compacted_topics_keep_everything_else_unless_they_delete_too() {
        let both = [("cleanup.policy", "compact, delete"), ("retention.ms", "5")];
        assert_eq!(policy(true, &both).retention_ms, Some(5));
        assert!(policy(true, &both).compact.is_some());
        let only = policy(true, &[("cleanup.policy", "compact"), ("retention.bytes", "5")]);
        assert_eq!((only.retention_ms, only.retention_bytes), (None, None));
        let compact = only.compact.unwrap();
        assert_eq!((compact.delete_retention_ms, compact.min_lag_ms), (DELETE_RETENTION_MS, 0));
    }
}
