//! Positions: shown, altered and reset, as Connect's REST has it (KIP-875). Changed only while a connector is stopped.
//!
//! A source renders its own. A sink's are entries of its name in the transport, `offset/TOPIC/PARTITION`, with
//! `plan/TOPIC/PARTITION` beside them for files under way, which another offset makes void.

use std::time::Instant;

use serde_json::{Map, Value, json};
use tailwater_connector::plugin::Instance;
use tailwater_connector::{Config, Kind, Offset, Problem, ProblemKind, Source};

use super::view::not_found;
use super::{Herder, Refusal, Target};
use crate::limits::{JOIN_POLL, OFFSETS_WAIT};

const TOPIC: &str = "kafka_topic";
const PARTITION: &str = "kafka_partition";
const OFFSET: &str = "kafka_offset";

impl Herder {
    /// How far a connector has come.
    pub fn offsets(&self, name: &str) -> Result<Vec<Offset>, Refusal> {
        let config = self.known(name).and_then(|connector| connector.config).ok_or_else(|| not_found(name))?;
        match self.class_of(&config)?.kind() {
            Kind::Source => Ok(self.source(name, &config)?.offsets(&self.transport.durable(name))),
            Kind::Sink => Ok(self.sink_offsets(name)),
        }
    }

    /// Lets a stopped connector go on from other offsets; `None` for one starts anew.
    pub fn alter_offsets(&self, name: &str, offsets: &[Offset]) -> Result<(), Refusal> {
        let (_held, config) = self.stopped(name)?;
        match self.class_of(&config)?.kind() {
            Kind::Source => self.alter_source(name, &config, offsets),
            Kind::Sink => self.alter_sink(name, offsets),
        }
    }

    /// Lets a stopped connector start anew.
    pub fn reset_offsets(&self, name: &str) -> Result<(), Refusal> {
        let (_held, config) = self.stopped(name)?;
        match self.class_of(&config)?.kind() {
            Kind::Source => {
                let mut offsets = self.source(name, &config)?.offsets(&self.transport.durable(name));
                offsets.iter_mut().for_each(|offset| offset.offset = None);
                self.alter_source(name, &config, &offsets)
            }
            Kind::Sink => {
                let entries = self.transport.entries(name);
                let ours = entries.keys().filter(|key| key.starts_with("offset/") || key.starts_with("plan/"));
                let gone: Vec<(&str, &[u8])> = ours.map(|key| (key.as_str(), &[][..])).collect();
                if !gone.is_empty() {
                    self.transport.put_entries(name, &gone)?;
                }
                Ok(())
            }
        }
    }

    /// The configuration of a connector whose position may be changed: it is stopped, its thread has ended, and no other
    /// begins for as long as it is held.
    fn stopped(&self, name: &str) -> Result<(Held<'_>, Config), Refusal> {
        let held = self.hold(name)?;
        let deadline = Instant::now() + OFFSETS_WAIT;
        while self.state().running.contains_key(name) {
            if Instant::now() > deadline {
                return Err(Refusal::conflict(format!("Connector {name} has not ended yet; ask again in a moment")));
            }
            std::thread::sleep(JOIN_POLL);
        }
        let connector = self.known(name).ok_or_else(|| not_found(name))?;
        Ok((held, connector.config.ok_or_else(|| not_found(name))?))
    }

    fn hold(&self, name: &str) -> Result<Held<'_>, Refusal> {
        let mut state = self.state();
        let connector = state.connectors.get(name).ok_or_else(|| not_found(name))?;
        if connector.target != Target::Stopped {
            return Err(Refusal::bad(format!(
                "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the \
                 specified connector by issuing a 'PUT' request to the '/connectors/{name}/stop' endpoint"
            )));
        }
        if !state.held.insert(name.to_owned()) {
            return Err(Refusal::conflict(format!("The offsets of connector {name} are being changed; ask again")));
        }
        Ok(Held { herder: self, name: name.to_owned() })
    }

    fn alter_source(&self, name: &str, config: &Config, offsets: &[Offset]) -> Result<(), Refusal> {
        if offsets.is_empty() {
            return Ok(());
        }
        let mut source = self.source(name, config)?;
        let mut writer = self.transport.open_source(name)?;
        source.alter_offsets(offsets, writer.as_mut()).map_err(|problem| match problem.kind {
            ProblemKind::Config => told(400, &problem),
            _ => told(500, &problem),
        })?;
        tracing::info!(connector = name, "the position was changed");
        Ok(())
    }

    fn source(&self, name: &str, config: &Config) -> Result<Box<dyn Source>, Refusal> {
        let of_file = self.known(name).is_some_and(|connector| connector.of_file);
        let config =
            self.secrets.resolve(config, self.secrets.origin(of_file)).map_err(|found| Refusal::invalid(&found))?;
        match self.class_of(&config)?.configure(&config) {
            Ok((Instance::Source(source), _)) => Ok(source),
            Ok(_) => Err(Refusal::failed("The class of this connector is no source")),
            Err(problems) => Err(Refusal::invalid(&problems)),
        }
    }

    fn sink_offsets(&self, name: &str) -> Vec<Offset> {
        let entries = self.transport.entries(name);
        let offset = |(key, value): (&String, &bytes::Bytes)| {
            let (topic, partition) = key.strip_prefix("offset/")?.rsplit_once('/')?;
            let partition: i32 = partition.parse().ok()?;
            let offset: i64 = std::str::from_utf8(value).ok()?.parse().ok()?;
            Some(Offset {
                partition: object(json!({PARTITION: partition, TOPIC: topic})),
                offset: Some(object(json!({OFFSET: offset}))),
            })
        };
        entries.iter().filter_map(offset).collect()
    }

    fn alter_sink(&self, name: &str, offsets: &[Offset]) -> Result<(), Refusal> {
        let topics = self.transport.reader().topics();
        let mut entries: Vec<(String, Vec<u8>)> = Vec::new();
        for Offset { partition, offset } in offsets {
            let (topic, number) = sink_partition(partition)?;
            let known = topics.iter().find(|known| known.name == topic);
            if !known.is_some_and(|known| usize::try_from(number).is_ok_and(|n| n < known.partitions.len())) {
                let cause = format!("Failed to alter consumer group offsets for connector {name}");
                return Err(Refusal::failed(format!("{cause}: there is no partition {number} of topic {topic}")));
            }
            let value = offset.as_ref().map(sink_offset).transpose()?;
            let end = known
                .and_then(|known| known.partitions.get(usize::try_from(number).ok()?))
                .map_or(0, |p| p.high_watermark);
            if let Some(beyond) = value.filter(|value| *value > end) {
                return Err(Refusal::bad(format!(
                    "The offset {beyond} is beyond the end of partition {number} of topic {topic}, which is {end}; what comes \
                     before it would never be delivered"
                )));
            }
            entries.push((
                format!("offset/{topic}/{number}"),
                value.map_or_else(Vec::new, |v| v.to_string().into_bytes()),
            ));
            entries.push((format!("plan/{topic}/{number}"), Vec::new()));
        }
        let entries: Vec<(&str, &[u8])> = entries.iter().map(|(k, v)| (k.as_str(), v.as_slice())).collect();
        Ok(self.transport.put_entries(name, &entries)?)
    }
}

/// A stopped connector that does not start until this is dropped.
struct Held<'a> {
    herder: &'a Herder,
    name: String,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.herder.state().held.remove(&self.name);
        self.herder.follow();
    }
}

/// In Connect's words for each way not to name a partition.
fn sink_partition(partition: &Map<String, Value>) -> Result<(String, i32), Refusal> {
    let (Some(topic), Some(number)) = (partition.get(TOPIC), partition.get(PARTITION)) else {
        return Err(Refusal::bad(format!(
            "The partition for a sink connector offset must contain the keys '{TOPIC}' and '{PARTITION}'"
        )));
    };
    if topic.is_null() {
        return Err(Refusal::bad("Kafka topic names must be valid strings and may not be null"));
    }
    if number.is_null() {
        return Err(Refusal::bad("Kafka partitions must be valid numbers and may not be null"));
    }
    let number = text(number);
    let parsed = number.parse().map_err(|_| {
        Refusal::bad(format!(
            "Failed to parse the following Kafka partition value in the provided offsets: '{number}'. Partition values for \
             sink connectors need to be integers."
        ))
    });
    Ok((text(topic), parsed?))
}

fn sink_offset(offset: &Map<String, Value>) -> Result<i64, Refusal> {
    let value = offset.get(OFFSET).ok_or_else(|| {
        Refusal::bad(format!("The offset for a sink connector should either be null or contain the key '{OFFSET}'"))
    })?;
    let value = text(value);
    let number: i64 = value.parse().map_err(|_| {
        Refusal::bad(format!(
            "Failed to parse the following Kafka offset value in the provided offsets: '{value}'. Offset values for sink \
             connectors need to be integers."
        ))
    })?;
    if number < 0 {
        return Err(Refusal::bad(format!("The offset {number} is below 0, where every partition begins")));
    }
    Ok(number)
}

/// As Java prints it.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn told(status: u16, problem: &Problem) -> Refusal {
    Refusal { status, ..Refusal::from(problem.clone()) }
}
