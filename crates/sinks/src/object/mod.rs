//! The object sink: records of topics as lines of files, in a directory or a bucket.
//!
//! It answers to two connectors of Kafka Connect, each with property names, file names and lines of its own: the class
//! says which. After Confluent's S3 sink a line is a record's value without Connect's schema wrapper, byte for byte as
//! the source encoded it; after Aiven's it is an object or a row of the parts that were asked for.

mod aiven;
mod confluent;
mod encode;
mod line;
#[cfg(test)]
mod tests;
mod time;

use tailwater_connector::plugin::Instance;
use tailwater_connector::property::check;
use tailwater_connector::{Config, Kind, Plugin, Problem, Property};

use crate::Surroundings;
use crate::files::{Checked, Clock, FileSink, merge, settings, system_clock};
use encode::ObjectEncoder;

/// The object sink with the properties of Confluent's S3 sink.
pub struct ObjectSinkPlugin(Surroundings);

/// The object sink with the properties of Aiven's S3 sink.
pub struct AivenSinkPlugin(Surroundings);

impl ObjectSinkPlugin {
    /// With what the process hands to its sinks.
    pub fn new(surroundings: &Surroundings) -> Self {
        ObjectSinkPlugin(surroundings.clone())
    }
}

impl AivenSinkPlugin {
    /// With what the process hands to its sinks.
    pub fn new(surroundings: &Surroundings) -> Self {
        AivenSinkPlugin(surroundings.clone())
    }
}

impl Plugin for ObjectSinkPlugin {
    fn classes(&self) -> &'static [&'static str] {
        &["io.confluent.connect.s3.S3SinkConnector", "tailwater.ObjectSink"]
    }

    fn kind(&self) -> Kind {
        Kind::Sink
    }

    fn properties(&self) -> &'static [Property] {
        confluent::all()
    }

    fn configure(&self, config: &Config) -> Result<(Instance, Vec<Problem>), Vec<Problem>> {
        let (sink, warnings) = like_confluents(config, &self.0, system_clock())?;
        Ok((Instance::Sink(Box::new(sink)), warnings))
    }
}

impl Plugin for AivenSinkPlugin {
    fn classes(&self) -> &'static [&'static str] {
        &["io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector", "io.aiven.kafka.connect.s3.S3SinkConnector"]
    }

    fn kind(&self) -> Kind {
        Kind::Sink
    }

    fn properties(&self) -> &'static [Property] {
        aiven::all()
    }

    fn configure(&self, config: &Config) -> Result<(Instance, Vec<Problem>), Vec<Problem>> {
        let (sink, warnings) = like_aivens(config, &self.0, system_clock())?;
        Ok((Instance::Sink(Box::new(sink)), warnings))
    }
}

fn like_confluents(given: &Config, surroundings: &Surroundings, clock: Clock) -> Checked<FileSink<ObjectEncoder>> {
    let (config, mut problems) = check(given, confluent::all());
    problems.extend(confluent::without_effect(given));
    let extension = confluent::extension(&config).unwrap_or_else(|problem| {
        problems.push(problem);
        String::new()
    });
    let (settings, warnings) = merge(problems, settings(&config, given, &extension, surroundings))?;
    Ok((FileSink { settings, encoder: confluent::encoder(&config), clock }, warnings))
}

fn like_aivens(given: &Config, surroundings: &Surroundings, clock: Clock) -> Checked<FileSink<ObjectEncoder>> {
    let (config, problems) = check(given, aiven::all());
    let ((settings, encoder), warnings) = merge(problems, aiven::settings(&config, given, surroundings))?;
    Ok((FileSink { settings, encoder, clock }, warnings))
}
