//! Kafka's own transforms (`org.apache.kafka.connect.transforms`), as Kafka 4.3 does them.

mod regex_router;

use tailwater_connector::Problem;

use super::{Transform, TransformClass};

/// All of them.
pub(super) const CLASSES: &[&TransformClass] = &[&regex_router::CLASS];

/// What [`TransformClass::configure`] gives.
type Configured = Result<(Box<dyn Transform>, Vec<Problem>), Vec<Problem>>;

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
