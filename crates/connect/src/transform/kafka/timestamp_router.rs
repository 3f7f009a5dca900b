//! `TimestampRouter`: a topic with the record's time in its name.

use std::sync::Arc;

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::ConnectRecord;

use super::super::{Transform, TransformClass};
use super::date_format::Pattern;
use super::shape::failed;
use super::{Configured, checked, finish, invalid};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &["org.apache.kafka.connect.transforms.TimestampRouter"],
    properties: PROPERTIES,
    repeats_mistakes: false,
    configure,
};

const PROPERTIES: &[Property] = &[
    Property::new(
        "topic.format",
        Form::Text,
        Some("${topic}-${timestamp}"),
        "the new name, with ${topic} and ${timestamp} in it",
    ),
    Property::new("timestamp.format", Form::Text, Some("yyyyMMdd"), "a pattern of SimpleDateFormat for the time"),
];

struct TimestampRouter {
    topic_format: String,
    timestamp_format: Pattern,
    /// The last new name, shared by the records that follow under it.
    last: Arc<str>,
}

impl Transform for TimestampRouter {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        let millis = record.timestamp_ms.ok_or_else(|| {
            failed(
                "Timestamp missing on record",
                "Use the transform in a sink, whose records have a time, or route by a field of the record instead.",
            )
        })?;
        let time = self.timestamp_format.format(millis);
        let topic = self.topic_format.replace("${topic}", &record.topic).replace("${timestamp}", &time);
        if *self.last != *topic {
            self.last = topic.into();
        }
        record.topic = Arc::clone(&self.last);
        Ok(Some(record))
    }
}

fn configure(_: &str, config: &Config) -> Configured {
    let (config, mut problems) = checked(config, PROPERTIES);
    let router = match Pattern::parse(config.text("timestamp.format")) {
        Ok(timestamp_format) => {
            let topic_format = config.text("topic.format").to_owned();
            Some(TimestampRouter { topic_format, timestamp_format, last: "".into() })
        }
        Err(reason) => {
            problems.push(invalid("timestamp.format", reason, "Set \"timestamp.format\": \"yyyyMMdd\""));
            None
        }
    };
    finish(router, problems)
}
