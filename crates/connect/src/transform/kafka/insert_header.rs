//! `InsertHeader`: a header with a fixed value on every record.

use std::sync::Arc;

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectHeader, ConnectRecord, Typed};

use super::super::{Transform, TransformClass};
use super::literal::parse;
use super::{Configured, checked, finish, invalid};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &["org.apache.kafka.connect.transforms.InsertHeader"],
    properties: PROPERTIES,
    repeats_mistakes: false,
    configure,
};

const PROPERTIES: &[Property] = &[
    Property::new("header", Form::Text, None, "the header's name").required(),
    Property::new(
        "value.literal",
        Form::Text,
        None,
        "the header's value; its form says its type: true, 42, 1.5, 2020-01-31, [1,2], anything else is text",
    )
    .required(),
];

struct InsertHeader {
    name: Arc<str>,
    value: Typed,
}

impl Transform for InsertHeader {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        record.headers.push(ConnectHeader { name: Arc::clone(&self.name), value: self.value.clone() });
        Ok(Some(record))
    }
}

fn configure(_: &str, config: &Config) -> Configured {
    let (config, mut problems) = checked(config, PROPERTIES);
    let value = parse(config.text("value.literal")).unwrap_or_else(|reason| {
        problems.push(invalid("value.literal", reason, "Write values of one type: [1,2] or {\"a\":1}"));
        Typed::NULL
    });
    finish(Some(InsertHeader { name: config.text("header").into(), value }), problems)
}
