//! Positions as Kafka Connect shows them and takes them: a map that says of what, and one that says how far.

use serde::Serialize;
use serde_json::{Map, Value};

/// How far something was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Offset {
    /// Of what.
    pub partition: Map<String, Value>,
    /// How far; `None` from the start.
    pub offset: Option<Map<String, Value>>,
}
