//! `DropHeaders`: leaves out headers by name.

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::ConnectRecord;

use super::super::{Transform, TransformClass};
use super::shape::list;
use super::{Configured, checked, finish};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &["org.apache.kafka.connect.transforms.DropHeaders"],
    properties: PROPERTIES,
    repeats_mistakes: false,
    configure,
};

const PROPERTIES: &[Property] =
    &[Property::new("headers", Form::List, None, "names of headers, with commas between them").required()];

struct DropHeaders {
    names: Vec<String>,
}

impl Transform for DropHeaders {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        record.headers.retain(|header| !self.names.iter().any(|name| **name == *header.name));
        Ok(Some(record))
    }
}

fn configure(_: &str, config: &Config) -> Configured {
    let (config, mut problems) = checked(config, PROPERTIES);
    let names = list(&config, "headers", &mut problems);
    finish(Some(DropHeaders { names }), problems)
}
