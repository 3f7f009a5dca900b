//! The pivot sink: the field-level change log as comma-separated text.
//!
//! One row for each field that a change changed: key, carried columns, `change_field`, `old_value`, `new_value`, the
//! times, `op`. What the columns mean, and how NULL, empty text and the unknown stay apart is told in `row`.

mod csv;
mod encode;
mod properties;
mod row;
#[cfg(test)]
mod tests;

use tailwater_connector::plugin::Instance;
use tailwater_connector::property::check;
use tailwater_connector::{Config, Kind, Plugin, Problem, Property};

use crate::Surroundings;
use crate::files::{Checked, Clock, FileSink, merge, settings, system_clock};
use encode::PivotEncoder;

/// The pivot sink.
pub struct PivotSinkPlugin(Surroundings);

impl PivotSinkPlugin {
    /// With what the process hands to its sinks.
    pub fn new(surroundings: &Surroundings) -> Self {
        PivotSinkPlugin(surroundings.clone())
    }
}

impl Plugin for PivotSinkPlugin {
    fn classes(&self) -> &'static [&'static str] {
        &["tailwater.PivotSink"]
    }

    fn kind(&self) -> Kind {
        Kind::Sink
    }

    fn properties(&self) -> &'static [Property] {
        properties::all()
    }

    fn configure(&self, config: &Config) -> Result<(Instance, Vec<Problem>), Vec<Problem>> {
        let (sink, warnings) = build(config, &self.0, system_clock())?;
        Ok((Instance::Sink(Box::new(sink)), warnings))
    }
}

fn build(given: &Config, surroundings: &Surroundings, clock: Clock) -> Checked<FileSink<PivotEncoder>> {
    let (config, problems) = check(given, properties::all());
    let (settings, warnings) = merge(problems, settings(&config, given, "csv", surroundings))?;
    let encoder = PivotEncoder::new(properties::options(&config));
    Ok((FileSink { settings, encoder, clock }, warnings))
}
