//! What Kafka Connect does around every connector: transforms with predicates, converters, and what follows when one of them
//! refuses a record.
//!
//! A [`Framed`] plugin takes the properties of Connect for itself and leaves the rest to the plugin in it. Nothing is put
//! between a source and its topics when there are no transforms and the converters are those that it writes itself; transforms
//! that only route change the names of topics as they are opened. Everything else is read back from the source's JSON as
//! typed records, transformed, and converted ([`source`]). Sinks read through the same: records come to them transformed, as
//! plain JSON ([`sink`]); without transforms and with JSON they read what sources wrote as it is.

mod chain;
mod converter;
mod dead_letters;
mod draft;
mod hand_on;
mod named;
mod plans;
mod predicate;
mod properties;
mod retry;
mod route;
mod sink;
mod source;
#[cfg(test)]
mod tests;
mod thrown;
mod tolerance;
mod topics;

use std::path::PathBuf;
use std::sync::Arc;

use tailwater_connector::config::split_list;
use tailwater_connector::plugin::Instance;
use tailwater_connector::property::{Form, check};
use tailwater_connector::transport::TopicRules;
use tailwater_connector::{
    Config, Durable, Kind, Look, Offset, Plugin, Problem, Property, Source, SourceContext, SourceWriter, Support,
    java_regex,
};

pub(crate) use converter::properties as converter_properties;
pub(crate) use predicate::properties as predicate_properties;
pub use topics::TopicCreation;

use crate::transform::STRICT;

use chain::Chain;
use converter::{Converter, JSON, SIMPLE};
use dead_letters::DeadLetters;
use properties::{CONVERTERS, DEAD_LETTERS};
use retry::Retries;
use route::RoutingWriter;
use sink::{AroundSink, Pipe, Untouched};
use source::{Converters, ConvertingWriter};
use tolerance::Tolerance;

/// What a sink is told that it gets where records are handed on to it: plain JSON.
const PLAIN: &[(&str, &str)] = &[("value.converter", JSON), ("value.converter.schemas.enable", "false")];

/// What a source is told to write where its records are read back: JSON that holds all there is.
const READABLE: &[(&str, &str)] = &[
    ("key.converter", JSON),
    ("key.converter.schemas.enable", "true"),
    ("key.converter.decimal.format", "base64"),
    ("key.converter.replace.null.with.default", "false"),
    ("value.converter", JSON),
    ("value.converter.schemas.enable", "true"),
    ("value.converter.decimal.format", "base64"),
    ("value.converter.replace.null.with.default", "false"),
    ("header.converter", JSON),
    ("header.converter.schemas.enable", "true"),
];

/// The classes of converters and predicates, each with the word for what it is.
pub(crate) fn classes() -> impl Iterator<Item = (&'static str, &'static str)> {
    let converters = converter::CLASSES.into_iter().filter(|class| *class != SIMPLE).map(|class| (class, "converter"));
    let headers = converter::CLASSES.into_iter().map(|class| (class, "header_converter"));
    let predicates = predicate::CLASSES.into_iter().map(|class| (class, "predicate"));
    converters.chain(headers).chain(predicates)
}

/// Whether a converter is built in, by its class or the last part of it.
pub(crate) fn is_converter(class: &str) -> bool {
    named::resolve(class.trim(), converter::CLASSES.into_iter()).is_some()
}

/// A plugin with Kafka Connect around it.
pub(crate) fn framed(plugin: Arc<dyn Plugin>, worker: &Config, topics: TopicCreation) -> Arc<dyn Plugin> {
    let properties = properties::all(plugin.properties());
    Arc::new(Framed { plugin, properties, worker: worker.clone(), topics })
}

struct Framed {
    plugin: Arc<dyn Plugin>,
    properties: Vec<Property>,
    /// Converters for connectors that have none of their own.
    worker: Config,
    topics: TopicCreation,
}

impl Plugin for Framed {
    fn classes(&self) -> &'static [&'static str] {
        self.plugin.classes()
    }

    fn kind(&self) -> Kind {
        self.plugin.kind()
    }

    fn properties(&self) -> &[Property] {
        &self.properties
    }

    fn looks(&self) -> &'static [Look] {
        self.plugin.looks()
    }

    fn configure(&self, config: &Config) -> Result<(Instance, Vec<Problem>), Vec<Problem>> {
        let (mut ours, mut theirs) = properties::split(config, self.plugin.properties());
        // Options are those of a converter: who names another has no use for the worker's.
        let named: Vec<&str> = CONVERTERS.into_iter().filter(|side| ours.get(side).is_some()).collect();
        for (name, value) in self.worker.iter().filter(|(name, _)| is_converters(name) && !self.refuses(name)) {
            if ours.get(name).is_none() && !named.iter().any(|side| name.starts_with(side)) {
                ours.set(name, value);
            }
        }
        let (checked, mut problems) = check(&ours, properties::FRAMEWORK);
        let (chain, found) = Chain::parse(&checked, config.text(STRICT).trim().eq_ignore_ascii_case("strict"));
        problems.extend(found);
        let parse = |side: &str| Converter::parse(&checked, side, if side == CONVERTERS[2] { SIMPLE } else { JSON });
        let parsed = CONVERTERS.map(parse);
        let as_it_is = |(side, (converter, _)): (&&str, &Parsed)| {
            !self.minds(side)
                || converter.as_ref().is_none_or(|c| is_native(side, c.class()) || self.reads(side, c.class()))
        };
        let native = chain.only_routes() && CONVERTERS.iter().zip(&parsed).all(as_it_is);
        if native {
            ours.iter().filter(|(name, _)| is_converters(name)).for_each(|(name, value)| theirs.set(name, value));
        } else {
            let told = if self.kind() == Kind::Source { READABLE } else { PLAIN };
            told.iter().filter(|(name, _)| self.honours(name)).for_each(|(name, value)| theirs.set(name, value));
        }
        problems.extend(self.without_effect(&ours));
        problems.extend(self.own_dead_letters(&checked, config));
        let (rules, found) = self.topics.parse(&ours, self.kind());
        problems.extend(found);
        let [(key, of_keys), (value, of_values), (header, of_headers)] = parsed;
        // A plugin that reads or writes the JSON itself checks the options itself.
        let of_converters = of_keys.into_iter().chain(of_values).chain(of_headers);
        problems.extend(of_converters.filter(|problem| !native || problem.is_error()));
        let instance = match self.plugin.configure(&theirs) {
            Ok((instance, warnings)) => {
                problems.extend(warnings);
                Some(instance)
            }
            Err(found) => {
                let new: Vec<_> = found.into_iter().filter(|problem| !problems.contains(problem)).collect();
                problems.extend(new);
                None
            }
        };
        let (Some(instance), Some(key), Some(value), Some(header)) = (instance, key, value, header) else {
            return Err(problems);
        };
        if problems.iter().any(Problem::is_error) {
            return Err(problems);
        }
        let retries = Retries::parse(&checked).filter(|_| self.kind() == Kind::Sink);
        let of_clients = self.kind() == Kind::Sink && self.honours(CONVERTERS[1]);
        if native && chain.is_empty() && retries.is_none() && rules.is_none() && !of_clients {
            return Ok((instance, problems));
        }
        let tolerance = Tolerance::parse(&checked, config.text("name"));
        let letters = DeadLetters::parse(&checked, config.text("name"));
        let value_class = value.class();
        let converters = Converters { key, value, header };
        let framed = match instance {
            Instance::Source(source) => {
                let frame = match native {
                    false => Some(Frame::Converting(chain, Box::new(converters), tolerance)),
                    true => (!chain.is_empty()).then_some(Frame::Routing(chain)),
                };
                Instance::Source(Box::new(Around { source, rules, frame }))
            }
            Instance::Sink(sink) => {
                let untouched = native.then(|| Untouched { values: value_class != JSON });
                let pipe = Pipe::new(chain, converters, untouched, tolerance, letters);
                Instance::Sink(Box::new(AroundSink::new(sink, pipe, retries)))
            }
        };
        Ok((framed, problems))
    }

    fn property_of(&self, code: &str) -> Option<&'static str> {
        self.plugin.property_of(code)
    }

    fn leaves(&self, config: &Config) -> Option<Problem> {
        self.plugin.leaves(config)
    }

    fn needs_snapshot(&self, property: &str) -> bool {
        let changes_records = self.kind() == Kind::Source && properties::changes_records(property);
        changes_records || self.plugin.needs_snapshot(property)
    }
}

/// A converter and what is to be said of its properties.
type Parsed = (Option<Converter>, Vec<Problem>);

impl Framed {
    /// Whether the form of this part of records is the plugin's to choose, or known to it.
    fn minds(&self, side: &str) -> bool {
        self.honours(&format!("{side}.schemas.enable"))
    }

    /// Whether a sink reads this form by itself.
    fn reads(&self, side: &str, class: &str) -> bool {
        let is_it =
            |own: &Property| own.name == side && matches!(own.form, Form::OneOf(known) if known.contains(&class));
        self.kind() == Kind::Sink && self.plugin.properties().iter().any(is_it)
    }

    /// What is set for a source and only means something to sinks.
    fn without_effect(&self, ours: &Config) -> Vec<Problem> {
        let set =
            properties::ONLY_SINKS.iter().filter(|(name, _)| self.kind() == Kind::Source && ours.get(name).is_some());
        set.map(|(name, why)| {
            let cause = format!("'{name}' has no effect: {why}");
            Problem::config("PROPERTY_NO_EFFECT", cause, format!("Remove '{name}'.")).warning()
        })
        .collect()
    }

    /// A dead letter queue that the sink itself reads: what it refuses would come again and again.
    fn own_dead_letters(&self, checked: &Config, config: &Config) -> Option<Problem> {
        let queue = checked.text(DEAD_LETTERS).trim();
        if queue.is_empty() || self.kind() == Kind::Source {
            return None;
        }
        let read = ["topics", "topics.regex"].into_iter().find(|name| match *name {
            "topics" => split_list(config.text(name)).iter().any(|topic| topic == queue),
            _ => {
                let pattern = config.text(name);
                !pattern.is_empty() && java_regex::whole((name, pattern)).is_ok_and(|regex| regex.is_match(queue))
            }
        })?;
        let value = config.text(read);
        let how = match read {
            "topics" => format!("included in the list of topics ('topics=[{}]')", split_list(value).join(", ")),
            _ => format!("matched by the regex for the topics ('topics.regex={value}')"),
        };
        Some(Problem::config(
            "PROPERTY_INVALID",
            format!("The DLQ topic '{queue}' may not be {how} consumed by the connector"),
            format!("Leave it out of '{read}', or set '{DEAD_LETTERS}' to a topic that this connector does not read."),
        ))
    }

    fn refuses(&self, name: &str) -> bool {
        let refused = |own: &Property| own.matches(name) && matches!(own.support, Support::Refused(_));
        self.plugin.properties().iter().any(refused)
    }

    fn honours(&self, name: &str) -> bool {
        self.plugin.properties().iter().any(|own| own.name == name && own.support == Support::Honoured)
    }
}

/// Whether a property is a converter's.
fn is_converters(name: &str) -> bool {
    CONVERTERS.iter().any(|side| name.strip_prefix(side).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// Whether sources write this form by themselves.
fn is_native(side: &str, class: &str) -> bool {
    class == JSON || (side == CONVERTERS[2] && class == SIMPLE)
}

/// A source with something between it and its topics.
struct Around {
    source: Box<dyn Source>,
    /// How its topics are made.
    rules: Option<TopicRules>,
    /// Until the source is given its writer.
    frame: Option<Frame>,
}

enum Frame {
    Routing(Chain),
    Converting(Chain, Box<Converters>, Tolerance),
}

impl Source for Around {
    fn preflight(&mut self) -> Vec<Problem> {
        self.source.preflight()
    }

    fn around(&mut self, mut writer: Box<dyn SourceWriter>) -> Box<dyn SourceWriter> {
        if let Some(rules) = &self.rules {
            writer.make_topics_by(rules.clone());
        }
        match self.frame.take() {
            Some(Frame::Routing(chain)) => Box::new(RoutingWriter::new(writer, chain)),
            Some(Frame::Converting(chain, converters, tolerance)) => {
                Box::new(ConvertingWriter::new(writer, chain, *converters, tolerance))
            }
            None => writer,
        }
    }

    fn run(&mut self, context: &mut SourceContext) -> Result<(), Problem> {
        self.source.run(context)
    }

    fn files(&self) -> Vec<(&'static str, PathBuf)> {
        self.source.files()
    }

    fn offsets(&self, durable: &Durable) -> Vec<Offset> {
        self.source.offsets(durable)
    }

    fn alter_offsets(&mut self, offsets: &[Offset], writer: &mut dyn SourceWriter) -> Result<(), Problem> {
        self.source.alter_offsets(offsets, writer)
    }

    fn destroy(&mut self) -> Result<(), Problem> {
        self.source.destroy()
    }
}
