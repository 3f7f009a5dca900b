//! Kafka's own transforms (`org.apache.kafka.connect.transforms`), as Kafka 4.3 does them.

mod regex_router;

use super::{Configured, TransformClass, finish};

/// All of them.
pub(super) const CLASSES: &[&TransformClass] = &[&regex_router::CLASS];
