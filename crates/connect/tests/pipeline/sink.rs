//! A sink that reads one topic to its end and keeps what it sees.

use std::sync::{Arc, Mutex};

use tailwater_connect::Registry;
use tailwater_connector::plugin::Instance;
use tailwater_connector::property::Form;
use tailwater_connector::{Config, Kind, Plugin, Problem, Property, Record, Sink, SinkContext, StatusCell, Stop};

use crate::memory::Memory;

/// What a sink has seen, and how it ended.
pub type Delivered = (Vec<Record>, Result<(), Problem>);

/// Runs a sink of this configuration over a topic; an error is its problems.
pub fn deliver(memory: &Memory, topic: &str, config: &Config) -> Result<Delivered, Vec<Problem>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let plugin = Reads { seen: seen.clone(), topic: topic.to_owned() };
    let plugin = Registry::new(vec![Arc::new(plugin)]).find("test.Reads").unwrap();
    let (instance, _) = plugin.configure(config)?;
    let Instance::Sink(mut sink) = instance else { unreachable!("a sink was asked for") };
    let name = config.get("name").unwrap_or("c").to_owned();
    let mut context = SinkContext {
        transport: Arc::new(memory.clone()),
        status: Arc::new(StatusCell::new(&name)),
        stop: Stop::default(),
        name,
    };
    let outcome = sink.run(&mut context);
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    Ok((seen, outcome))
}

#[derive(Clone)]
struct Reads {
    seen: Arc<Mutex<Vec<Record>>>,
    topic: String,
}

const OWN: &[Property] = &[
    Property::new("topics", Form::Text, None, ""),
    Property::new("topics.regex", Form::Text, None, ""),
    Property::new("key.converter.schemas.enable", Form::Bool, Some("true"), ""),
    Property::new("value.converter.schemas.enable", Form::Bool, Some("true"), ""),
    Property::new("header.converter.schemas.enable", Form::Bool, Some("true"), ""),
];

impl Plugin for Reads {
    fn classes(&self) -> &'static [&'static str] {
        &["test.Reads"]
    }
    fn kind(&self) -> Kind {
        Kind::Sink
    }
    fn properties(&self) -> &[Property] {
        OWN
    }
    fn configure(&self, _: &Config) -> Result<(Instance, Vec<Problem>), Vec<Problem>> {
        Ok((Instance::Sink(Box::new(self.clone())), Vec::new()))
    }
}

impl Sink for Reads {
    fn preflight(&mut self) -> Vec<Problem> {
        Vec::new()
    }
    fn run(&mut self, context: &mut SinkContext) -> Result<(), Problem> {
        let (topics, mut next) = (context.transport.reader(), 0);
        loop {
            let records = topics.read(&self.topic, 0, next, 100)?;
            let Some(last) = records.last() else { return Ok(()) };
            next = last.offset + 1;
            self.seen.lock().unwrap().extend(records);
        }
    }
}
