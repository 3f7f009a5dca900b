//! Single message transforms: from one typed record to one or none.
//!
//! Each class is a file below [`kafka`] or [`debezium`] with its options declared once. The [`classes`] are found by the
//! names that people use; what is put around them (predicates, order, errors) belongs to the chain.

mod debezium;
pub mod exception;
mod expression;
mod kafka;
pub mod schema_cache;

use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectRecord, Schema};

/// Changes records, one at a time, in their order. One instance serves one connector.
pub trait Transform: Send {
    /// The record as it goes on; `None` when it is dropped. An error names what about the record's shape does not fit, never
    /// its values.
    fn apply(&mut self, record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem>;

    /// Whether it looks at nothing but the topic, changes nothing else and drops nothing: then records need not be taken
    /// apart for it.
    fn only_routes(&self) -> bool {
        false
    }

    /// Fields of struct values of this schema, by their places, that it neither looks at nor hands on: they need not be read,
    /// and may be null.
    fn unused(&self, _value: &Schema) -> Vec<usize> {
        Vec::new()
    }
}

/// A kind of transform.
pub struct TransformClass {
    /// Class names, the first is the one shown; `Outer$Key` and `Outer$Value` stand as two names of one class.
    pub names: &'static [&'static str],
    /// Its options, without `transforms.NAME.`.
    pub properties: &'static [Property],
    /// Whether [`STRICT`] is an option, too.
    pub repeats_mistakes: bool,
    /// A transform from the class name as typed and its options (names without prefix, defaults not filled in). All problems at
    /// once, warnings come with the transform.
    pub configure: Configure,
}

/// The connector's property that chains hand to classes which have mistakes of Debezium to repeat: `strict` repeats them.
pub const STRICT: &str = "compatibility.mode";

/// See [`TransformClass::configure`].
pub type Configure = fn(&str, &Config) -> Configured;

/// The transform with its warnings, or every problem.
pub type Configured = Result<(Box<dyn Transform>, Vec<Problem>), Vec<Problem>>;

/// Every kind of transform.
pub fn classes() -> impl Iterator<Item = &'static TransformClass> {
    kafka::CLASSES.iter().chain(debezium::CLASSES).copied()
}

/// The options without [`STRICT`], and whether that is set.
fn strict(options: &Config) -> (Config, bool) {
    let mut options = options.clone();
    let strict = options.text(STRICT).trim().eq_ignore_ascii_case("strict");
    options.remove(STRICT);
    (options, strict)
}

/// The transform with its warnings, or every problem when one is an error.
fn finish(transform: Option<impl Transform + 'static>, problems: Vec<Problem>) -> Configured {
    match transform {
        Some(transform) if !problems.iter().any(Problem::is_error) => Ok((Box::new(transform), problems)),
        _ => Err(problems),
    }
}

/// A value of an option that cannot be.
fn invalid(option: &str, reason: impl std::fmt::Display, remedy: impl Into<String>) -> Problem {
    Problem::config("PROPERTY_INVALID", format!("The '{option}' value is invalid: {reason}"), remedy)
}
