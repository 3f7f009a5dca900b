//! What a kind of connector offers to the registry.

use crate::config::Config;
use crate::problem::Problem;
use crate::property::Property;
use crate::sink::Sink;
use crate::source::Source;

/// A connector that can run.
pub enum Instance {
    /// A source.
    Source(Box<dyn Source>),
    /// A sink.
    Sink(Box<dyn Sink>),
}

/// One kind of connector, under the class names people use for it.
pub trait Plugin: Send + Sync {
    /// Class names and aliases; the first is the one shown.
    fn classes(&self) -> &'static [&'static str];
    /// Every property, declared once: parsing, validation and documentation follow from it.
    fn properties(&self) -> &'static [Property];
    /// A connector from its properties. All problems at once; warnings come with the instance.
    fn configure(&self, config: &Config) -> Result<(Instance, Vec<Problem>), Vec<Problem>>;
}
