//! Debezium's transforms (`io.debezium.transforms`), as Debezium 3.6 does them.

mod drop_fields;
mod envelope;
mod field_reference;
mod outbox;
#[cfg(test)]
mod sample;
mod unwrap;

use super::{Configured, TransformClass, finish, invalid};

/// All of them.
pub(super) const CLASSES: &[&TransformClass] = &[&unwrap::CLASS, &outbox::CLASS];
