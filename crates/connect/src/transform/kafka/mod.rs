//! Kafka's own transforms (`org.apache.kafka.connect.transforms`).

use super::TransformClass;

/// All of them.
pub(super) const CLASSES: &[&TransformClass] = &[];
