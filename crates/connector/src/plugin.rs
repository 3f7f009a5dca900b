//! What a kind of connector offers to the registry.

use crate::config::Config;
use crate::problem::Problem;
use crate::property::{Look, Property};
use crate::sink::Sink;
use crate::source::Source;

/// A connector that can run.
pub enum Instance {
    /// A source.
    Source(Box<dyn Source>),
    /// A sink.
    Sink(Box<dyn Sink>),
}

/// Which way a kind of connector moves data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It reads a database.
    Source,
    /// It delivers topics.
    Sink,
}

/// One kind of connector, under the class names people use for it.
pub trait Plugin: Send + Sync {
    /// Class names and aliases; the first is the one shown.
    fn classes(&self) -> &'static [&'static str];
    /// Which way it moves data.
    fn kind(&self) -> Kind;
    /// Every property, declared once: parsing, validation and documentation follow from it.
    fn properties(&self) -> &[Property];
    /// A connector from its properties. All problems at once; warnings come with the instance.
    fn configure(&self, config: &Config) -> Result<(Instance, Vec<Problem>), Vec<Problem>>;
    /// How the properties are presented, in the order of presentation; those that are missing come behind.
    fn looks(&self) -> &'static [Look] {
        &[]
    }
    /// The property that a problem is about which names none, by the problem's code; what is about the database as a whole
    /// is about where it is.
    fn property_of(&self, _code: &str) -> Option<&'static str> {
        None
    }
    /// What a connector that ends leaves where it captured, as a warning with what removes it; `None` when nothing.
    fn leaves(&self, _config: &Config) -> Option<Problem> {
        None
    }
    /// Whether another value of a property applies to new changes only, so that what was captured before keeps its old form
    /// until a new snapshot.
    fn needs_snapshot(&self, _property: &str) -> bool {
        false
    }
}
