//! Predicates: what a transform applies to (`org.apache.kafka.connect.transforms.predicates`, Kafka 4.3).

use tailwater_connector::property::{Form, check};
use tailwater_connector::{Config, Problem, Property, java_regex};
use tailwater_event::connect::ConnectRecord;

use super::named;

/// A condition on records.
#[derive(Clone, Debug)]
pub(super) enum Predicate {
    /// The whole topic name matches.
    Topic(java_regex::Whole),
    /// There is a header of this name.
    Header(String),
    /// The value is null.
    Tombstone,
}

const TOPIC: &str = "org.apache.kafka.connect.transforms.predicates.TopicNameMatches";
const HEADER: &str = "org.apache.kafka.connect.transforms.predicates.HasHeaderKey";
const TOMBSTONE: &str = "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone";
pub(super) const CLASSES: [&str; 3] = [TOPIC, HEADER, TOMBSTONE];

const PATTERN: &[Property] =
    &[Property::new("pattern", Form::Text, None, "the regular expression that a whole topic name is to match")
        .required()];
const NAME: &[Property] = &[Property::new("name", Form::Text, None, "the name of a header").required()];

/// The options of a class of predicates, without `predicates.NAME.`; none for what is no such class.
pub(crate) fn properties(class: &str) -> &'static [Property] {
    match class {
        TOPIC => PATTERN,
        HEADER => NAME,
        _ => &[],
    }
}

impl Predicate {
    /// The predicate of a class, from the properties below `prefix`. All problems at once, by full names.
    pub(super) fn parse(class: &str, prefix: &str, options: &Config) -> (Option<Predicate>, Vec<Problem>) {
        let Some(class) = named::resolve(class, CLASSES.into_iter()) else {
            return (None, vec![named::unknown(&format!("{prefix}type"), class, CLASSES.into_iter())]);
        };
        let properties = properties(class);
        let (options, mut problems) = check(options, properties);
        let predicate = match class {
            TOPIC => java_regex::whole(("pattern", options.text("pattern"))).map(Predicate::Topic),
            HEADER => Ok(Predicate::Header(options.text("name").to_owned())),
            _ => Ok(Predicate::Tombstone),
        };
        let predicate = predicate.map_err(|problem| problems.push(problem)).ok();
        (predicate, named::with_prefix(prefix, properties, problems))
    }

    /// Whether it holds for a record.
    pub(super) fn holds(&self, record: &ConnectRecord) -> bool {
        match self {
            Predicate::Topic(pattern) => pattern.is_match(&record.topic),
            Predicate::Header(name) => record.headers.iter().any(|header| *header.name == **name),
            Predicate::Tombstone => record.value.value.is_null(),
        }
    }

    /// Whether it looks at nothing but the topic.
    pub(super) fn only_sees_topics(&self) -> bool {
        matches!(self, Predicate::Topic(_))
    }
}
