//! The destinations of topics.
//!
//! Both sinks write files, exactly once across a kill at any moment: `files` holds what they share (which topics, when
//! a file ends, the plan that is durable before a file is begun), [`object`] and [`pivot`] say what a record's lines
//! are. Records come through `TopicReader` alone; where they go is an `object_store`: a directory, or a bucket of S3.

mod datetime;
mod files;
mod framework;
pub mod limits;
pub mod object;
pub mod pivot;
mod surroundings;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use tailwater_connector::Plugin;

pub use surroundings::{AWS_VARIABLES, Surroundings};

/// The sinks of this crate, for the registry.
pub fn plugins(surroundings: &Surroundings) -> Vec<Arc<dyn Plugin>> {
    vec![
        Arc::new(object::ObjectSinkPlugin::new(surroundings)),
        Arc::new(object::AivenSinkPlugin::new(surroundings)),
        Arc::new(pivot::PivotSinkPlugin::new(surroundings)),
    ]
}
