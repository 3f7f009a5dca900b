//! The object sink: the values of topics as lines of JSON, in the layout of Confluent's S3 sink.
//!
//! A line is a record's value without Connect's schema wrapper, byte for byte as the source encoded it.

mod encode;
mod properties;
#[cfg(test)]
mod tests;

use tailwater_connector::plugin::Instance;
use tailwater_connector::property::check;
use tailwater_connector::{Config, Plugin, Problem, Property};

use crate::files::{Clock, FileSink, settings, system_clock};
use encode::ObjectEncoder;

/// The object sink under the names that people use for it.
pub struct ObjectSinkPlugin;

impl Plugin for ObjectSinkPlugin {
    fn classes(&self) -> &'static [&'static str] {
        &[
            "io.confluent.connect.s3.S3SinkConnector",
            "io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector",
            "tailwater.ObjectSink",
        ]
    }

    fn properties(&self) -> &'static [Property] {
        properties::all()
    }

    fn configure(&self, config: &Config) -> Result<(Instance, Vec<Problem>), Vec<Problem>> {
        let (sink, warnings) = build(config, system_clock())?;
        Ok((Instance::Sink(Box::new(sink)), warnings))
    }
}

fn build(config: &Config, clock: Clock) -> Result<(FileSink<ObjectEncoder>, Vec<Problem>), Vec<Problem>> {
    let (config, mut problems) = check(config, properties::all());
    match settings(&config, "json") {
        Ok(settings) if !problems.iter().any(Problem::is_error) => {
            let encoder = ObjectEncoder::from_config(&config);
            Ok((FileSink { settings, encoder, clock }, problems))
        }
        Ok(_) => Err(problems),
        Err(more) => {
            problems.extend(more);
            Err(problems)
        }
    }
}
