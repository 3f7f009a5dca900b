//! `Filter`: drops every record; a predicate chooses which ones reach it.

use tailwater_connector::{Config, Problem};
use tailwater_event::connect::ConnectRecord;

use super::super::{Transform, TransformClass};
use super::{Configured, checked, finish};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &["org.apache.kafka.connect.transforms.Filter"],
    properties: &[],
    repeats_mistakes: false,
    configure,
};

struct Filter;

impl Transform for Filter {
    fn apply(&mut self, _: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        Ok(None)
    }
}

fn configure(_: &str, config: &Config) -> Configured {
    finish(Some(Filter), checked(config, &[]).1)
}
