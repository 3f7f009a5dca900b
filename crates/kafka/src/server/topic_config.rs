//! The configuration of topics: every name that Kafka has, what it means here, and what a topic makes of it.
//!
//! A name is honoured, or accepted and without effect on one broker with one journal; then its `effect` says why, and who
//! sets it finds that in the log. Names that Kafka does not have are refused.

use std::collections::BTreeMap;

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// `true` or `false`.
    Boolean,
    /// An integer of 32 bits, from this one on.
    Int(i32),
    /// An integer of 64 bits, from this one on.
    Long(i64),
    /// A number between these.
    Double(f64, f64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Some of these words, with commas between them.
    Words(&'static [&'static str]),
    /// Any words, with commas between them.
    List,
}

/// What setting a name does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// What Kafka's documentation says.
    Honoured,
    /// Nothing, for this reason.
    None(&'static str),
}

/// One name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Definition {
    /// Its name.
    pub(super) name: &'static str,
    /// What its value must be.
    pub(super) kind: Kind,
    /// Its value where none is set.
    pub(super) default: &'static str,
    /// The broker's name for that default, where Kafka has one.
    pub(super) broker_name: Option<&'static str>,
    /// What it does.
    pub(super) effect: Effect,
    /// What it means.
    pub(super) doc: &'static str,
}

const ONE_REPLICA: Effect = Effect::None("there is one replica of every partition");
const ONE_JOURNAL: Effect = Effect::None("all topics lie in one journal, whose segments are its own");
const ALWAYS_DURABLE: Effect = Effect::None("records are on disk before a producer hears of them");
const NO_TIERS: Effect = Effect::None("there is no remote storage");
const BATCHES_STAY: Effect = Effect::None("batches keep the codec and level of their producer");

/// All names, by name.
pub(super) const DEFINITIONS: &[Definition] = &[
    honoured(
        "cleanup.policy",
        Kind::Words(&["compact", "delete"]),
        "delete",
        Some("log.cleanup.policy"),
        "What becomes of old records: delete, compact (the last of each key is kept), or both.",
    ),
    without("compression.gzip.level", Kind::Int(-1), "-1", BATCHES_STAY, "Level of gzip."),
    without("compression.lz4.level", Kind::Int(1), "9", BATCHES_STAY, "Level of LZ4."),
    honoured(
        "compression.type",
        Kind::Word(COMPRESSION),
        "producer",
        Some("compression.type"),
        "How batches are compressed. Clients' topics keep the producer's codec, whatever is set. Topics of changes: lz4 (also \
         producer) as stored, none (also uncompressed) plain, auto plain for clients that do not read LZ4 out of the box.",
    ),
    without("compression.zstd.level", Kind::Int(-131_072), "3", BATCHES_STAY, "Level of zstd."),
    honoured(
        "delete.retention.ms",
        Kind::Long(0),
        "86400000",
        Some("log.cleaner.delete.retention.ms"),
        "How long a compacted topic keeps the marks of deleted keys.",
    ),
    without("file.delete.delay.ms", Kind::Long(0), "60000", ONE_JOURNAL, "Time before a file goes."),
    without("flush.messages", Kind::Long(1), "9223372036854775807", ALWAYS_DURABLE, "Records between two fsyncs."),
    without("flush.ms", Kind::Long(0), "9223372036854775807", ALWAYS_DURABLE, "Time between two fsyncs."),
    without("follower.replication.throttled.replicas", Kind::List, "", ONE_REPLICA, "Replicas to be throttled."),
    without("index.interval.bytes", Kind::Int(0), "4096", ONE_JOURNAL, "Bytes between two entries of an index."),
    without("leader.replication.throttled.replicas", Kind::List, "", ONE_REPLICA, "Replicas to be throttled."),
    without("local.retention.bytes", Kind::Long(-2), "-2", NO_TIERS, "Bytes that are kept locally."),
    without("local.retention.ms", Kind::Long(-2), "-2", NO_TIERS, "Time that is kept locally."),
    honoured(
        "max.compaction.lag.ms",
        Kind::Long(1),
        "9223372036854775807",
        Some("log.cleaner.max.compaction.lag.ms"),
        "Time after which a record must be compacted.",
    ),
    honoured(
        "max.message.bytes",
        Kind::Int(0),
        "1048588",
        Some("message.max.bytes"),
        "Largest batch that a client may send. Changes of a database are not bound by it.",
    ),
    honoured(
        "message.timestamp.after.max.ms",
        Kind::Long(0),
        "9223372036854775807",
        Some("log.message.timestamp.after.max.ms"),
        "How far in the future a record's timestamp may lie.",
    ),
    honoured(
        "message.timestamp.before.max.ms",
        Kind::Long(0),
        "9223372036854775807",
        Some("log.message.timestamp.before.max.ms"),
        "How far in the past a record's timestamp may lie.",
    ),
    honoured(
        "message.timestamp.type",
        Kind::Word(&["CreateTime", "LogAppendTime"]),
        "CreateTime",
        Some("log.message.timestamp.type"),
        "Whose time a record has: its producer's, or the log's.",
    ),
    honoured(
        "min.cleanable.dirty.ratio",
        Kind::Double(0.0, 1.0),
        "0.5",
        Some("log.cleaner.min.cleanable.ratio"),
        "Share of a compacted topic that must be new before it is compacted again.",
    ),
    honoured(
        "min.compaction.lag.ms",
        Kind::Long(0),
        "0",
        Some("log.cleaner.min.compaction.lag.ms"),
        "Time in which a record is not compacted.",
    ),
    without("min.insync.replicas", Kind::Int(1), "1", ONE_REPLICA, "Replicas that must have a record."),
    without("preallocate", Kind::Boolean, "false", ONE_JOURNAL, "Whether files get their size when they are made."),
    without("remote.log.copy.disable", Kind::Boolean, "false", NO_TIERS, "Whether nothing more is moved away."),
    without("remote.log.delete.on.disable", Kind::Boolean, "false", NO_TIERS, "Whether what was moved away goes."),
    without("remote.storage.enable", Kind::Boolean, "false", NO_TIERS, "Whether old records are moved away."),
    honoured(
        "retention.bytes",
        Kind::Long(-1),
        "-1",
        Some("log.retention.bytes"),
        "Bytes of a partition beyond which its oldest records go; -1 for no bound.",
    ),
    honoured(
        "retention.ms",
        Kind::Long(-1),
        "604800000",
        Some("log.retention.ms"),
        "Age beyond which records go; -1 for no bound, which is the default of topics of changes.",
    ),
    honoured(
        "segment.bytes",
        Kind::Int(14),
        "1073741824",
        Some("log.segment.bytes"),
        "Bytes of a compacted topic's partition after which they are no longer kept out of compaction as new ones. Segments \
         themselves are of the journal, in which all topics lie.",
    ),
    without("segment.index.bytes", Kind::Int(4), "10485760", ONE_JOURNAL, "Size of an index."),
    without("segment.jitter.ms", Kind::Long(0), "0", ONE_JOURNAL, "Spread of the times at which segments end."),
    honoured(
        "segment.ms",
        Kind::Long(1),
        "604800000",
        Some("log.roll.ms"),
        "Time after which new records of a compacted topic are no longer kept out of compaction.",
    ),
    without("unclean.leader.election.enable", Kind::Boolean, "false", ONE_REPLICA, "Whether a late replica may lead."),
];

/// Values of `compression.type`: Kafka's, and those that topics of changes have besides.
const COMPRESSION: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer", "auto", "none"];

const fn honoured(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    broker_name: Option<&'static str>,
    doc: &'static str,
) -> Definition {
    Definition { name, kind, default, broker_name, effect: Effect::Honoured, doc }
}

const fn without(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    effect: Effect,
    doc: &'static str,
) -> Definition {
    Definition { name, kind, default, broker_name: None, effect, doc }
}

/// What is made of a topic's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TopicConfig {
    /// Largest batch of a client, in bytes.
    pub(super) max_message_bytes: usize,
    /// Whether records get the log's time.
    pub(super) log_append_time: bool,
    /// How far a timestamp may lie in the past and in the future, in milliseconds.
    timestamp_bounds: (i64, i64),
    /// Whether the last record of each key is kept, so that each record must have a key.
    pub(super) compacted: bool,
    /// Whether old records go.
    pub(super) deleted: bool,
    /// As what the batches of a topic of changes are served.
    pub(super) served: Served,
}

/// As what stored batches go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Served {
    /// As they are.
    AsStored,
    /// Plain.
    Plain,
    /// As they are to clients that read LZ4 out of the box, plain to others.
    ByClient,
}

impl TopicConfig {
    /// Of what was set; `change` for topics of changes. What is not valid, which an older version may have let through,
    /// counts as not set.
    pub(super) fn of(set: &BTreeMap<String, String>, change: bool) -> Self {
        let number = |name| value(set, name).parse().unwrap_or(i64::MAX);
        let served = match (change, set.get("compression.type").map(String::as_str)) {
            (false, _) | (true, Some("lz4" | "producer")) => Served::AsStored,
            (true, Some("none" | "uncompressed")) => Served::Plain,
            (true, _) => Served::ByClient,
        };
        let policy = |wanted| value(set, "cleanup.policy").split(',').any(|policy| policy.trim() == wanted);
        TopicConfig {
            max_message_bytes: usize::try_from(number("max.message.bytes")).unwrap_or(0),
            log_append_time: value(set, "message.timestamp.type") == "LogAppendTime",
            timestamp_bounds: (number("message.timestamp.before.max.ms"), number("message.timestamp.after.max.ms")),
            compacted: policy("compact"),
            deleted: policy("delete"),
            served,
        }
    }

    /// Least and greatest timestamp that a producer's record may have at this time, in milliseconds since 1970.
    pub(super) fn timestamps(&self, now_ms: i64) -> (i64, i64) {
        let (before, after) = self.timestamp_bounds;
        match self.log_append_time {
            true => (i64::MIN, i64::MAX),
            false => (now_ms.saturating_sub(before), now_ms.saturating_add(after)),
        }
    }
}

/// A name's definition.
pub(super) fn definition(name: &str) -> Option<&'static Definition> {
    DEFINITIONS.binary_search_by(|known| known.name.cmp(name)).ok().and_then(|at| DEFINITIONS.get(at))
}

/// The value of a topic's setting where none is set.
pub(super) fn default_of(definition: &Definition, change: bool) -> &'static str {
    match definition.name {
        "retention.ms" if change => "-1",
        "compression.type" if change => "auto",
        _ => definition.default,
    }
}

/// Why a setting is refused, in words for whoever sent it.
pub(super) fn check(name: &str, value: &str) -> Result<(), String> {
    let Some(definition) = definition(name) else {
        return Err(format!("Unknown topic config name: {name}"));
    };
    let refuse = |why: String| Err(format!("Invalid value {value} for configuration {name}: {why}"));
    let text = value.trim();
    match definition.kind {
        Kind::Boolean if !matches!(text.to_ascii_lowercase().as_str(), "true" | "false") => {
            refuse("expected true or false".to_owned())
        }
        Kind::Int(least) if !text.parse::<i32>().is_ok_and(|number| number >= least) => {
            refuse(format!("expected an integer of 32 bits, at least {least}"))
        }
        Kind::Long(least) if !text.parse::<i64>().is_ok_and(|number| number >= least) => {
            refuse(format!("expected an integer of 64 bits, at least {least}"))
        }
        Kind::Double(least, most) if !text.parse::<f64>().is_ok_and(|number| (least..=most).contains(&number)) => {
            refuse(format!("expected a number from {least} to {most}"))
        }
        Kind::Word(words) if !words.contains(&text) => refuse(format!("expected one of {}", words.join(", "))),
        Kind::Words(words) if !text.split(',').all(|word| words.contains(&word.trim())) => {
            refuse(format!("expected some of {}", words.join(", ")))
        }
        _ => Ok(()),
    }
}

fn value<'a>(set: &'a BTreeMap<String, String>, name: &str) -> &'a str {
    let default = || definition(name).map_or("", |definition| definition.default);
    set.get(name).filter(|value| check(name, value).is_ok()).map_or_else(default, |value| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_and_every_default_is_a_value() {
        assert!(DEFINITIONS.is_sorted_by_key(|definition| definition.name));
        for definition in DEFINITIONS {
            assert_eq!(check(definition.name, definition.default), Ok(()), "{}", definition.name);
            assert!(!definition.doc.is_empty());
        }
    }

    #[test]
    fn values_are_checked_by_kind() {
        for (name, value, valid) in [
            ("retention.ms", "-1", true),
            ("retention.ms", "-2", false),
            ("retention.ms", "1d", false),
            ("max.message.bytes", "2147483648", false),
            ("cleanup.policy", "compact,delete", true),
            ("cleanup.policy", "compact, delete", true),
            ("cleanup.policy", "", false),
            ("compression.type", "lz5", false),
            ("min.cleanable.dirty.ratio", "1.5", false),
            ("preallocate", "yes", false),
            ("no.such.name", "1", false),
        ] {
            assert_eq!(check(name, value).is_ok(), valid, "{name}={value}");
        }
    }

    #[test]
    fn a_topic_without_settings_is_as_kafkas_and_one_of_changes_looks_at_the_client() {
        let none = BTreeMap::new();
        let config = TopicConfig::of(&none, false);
        assert_eq!((config.max_message_bytes, config.log_append_time, config.compacted), (1_048_588, false, false));
        assert_eq!((config.served, TopicConfig::of(&none, true).served), (Served::AsStored, Served::ByClient));
        let set = [("compression.type", "none"), ("cleanup.policy", "compact,delete"), ("max.message.bytes", "x")];
        let set = set.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let config = TopicConfig::of(&set, true);
        assert_eq!((config.served, config.compacted, config.max_message_bytes), (Served::Plain, true, 1_048_588));
    }
}
