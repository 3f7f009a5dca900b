//! The pivot sink: the field-level change log as comma-separated text.
//!
//! One row for each field that a change changed: key, carried columns, `change_field`, `old_value`, `new_value`, the
//! times, `op`. What the columns mean, and how NULL, empty text and the unknown stay apart is told in `row`.

mod csv;
mod datetime;
mod encode;
mod properties;
mod row;
#[cfg(test)]
mod tests;

use tailwater_connector::plugin::Instance;
use tailwater_connector::property::check;
use tailwater_connector::{Config, Plugin, Problem, Property};

use crate::files::{Clock, FileSink, settings, system_clock};
use encode::PivotEncoder;

/// The pivot sink.
pub struct PivotSinkPlugin;

impl Plugin for PivotSinkPlugin {
    fn classes(&self) -> &'static [&'static str] {
        &["tailwater.PivotSink"]
    }

    fn properties(&self) -> &'static [Property] {
        properties::all()
    }

    fn configure(&self, config: &Config) -> Result<(Instance, Vec<Problem>), Vec<Problem>> {
        let (sink, warnings) = build(config, system_clock())?;
        Ok((Instance::Sink(Box::new(sink)), warnings))
    }
}

fn build(config: &Config, clock: Clock) -> Result<(FileSink<PivotEncoder>, Vec<Problem>), Vec<Problem>> {
    let (config, mut problems) = check(config, properties::all());
    match settings(&config, "csv") {
        Ok(settings) if !problems.iter().any(Problem::is_error) => {
            let encoder = PivotEncoder::new(properties::options(&config));
            Ok((FileSink { settings, encoder, clock }, problems))
        }
        Ok(_) => Err(problems),
        Err(more) => {
            problems.extend(more);
            Err(problems)
        }
    }
}
