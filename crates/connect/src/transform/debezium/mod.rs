//! Debezium's transforms (`io.debezium.transforms`).

use super::TransformClass;

/// All of them.
pub(super) const CLASSES: &[&TransformClass] = &[];
