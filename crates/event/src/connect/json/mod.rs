//! Connect's JSON converter, both ways, as `org.apache.kafka.connect.json.JsonConverter` (Kafka 4.3) writes and reads it.
//!
//! With schemas a value is `{"schema":…,"payload":…}`, without them the payload alone. Schemas repeat from record to record:
//! both sides keep their text, so that only payloads are worked on. Where the original reads something else than what stands
//! there (numbers too large for their type, text as a number, NaN) the reader refuses, or reads it right.

pub(crate) mod decimal;
mod read;
mod scan;
mod schema;
mod write;

use crate::debezium::JsonDecimal;

pub use read::JsonReader;
pub use write::JsonWriter;

/// Arrays and structs in one another; deeper ones are refused.
pub(super) const DEPTH: usize = 64;
/// Schemas kept by a reader or writer (`schemas.cache.size` has the same default).
const KEPT_SCHEMAS: usize = 1000;
/// Bytes of schema text kept by a reader or writer.
const KEPT_BYTES: usize = 16 << 20;
/// Longest schema text that is kept.
const KEPT_TEXT_BYTES: usize = 1 << 20;
/// Connect's Decimal; its values are unscaled big-endian numbers.
pub(crate) const DECIMAL: &str = "org.apache.kafka.connect.data.Decimal";

/// The converter's options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonOptions {
    /// `schemas.enable`.
    pub schemas: bool,
    /// `decimal.format`, of the writer; the reader takes both.
    pub decimal: JsonDecimal,
    /// `replace.null.with.default`: null in a field with a default is written, or read, as that.
    pub replace_null: bool,
}

impl Default for JsonOptions {
    fn default() -> Self {
        JsonOptions { schemas: true, decimal: JsonDecimal::Base64, replace_null: true }
    }
}

/// Why a value cannot be read or written; never holds values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Field names from the outermost to the one concerned.
    path: Vec<String>,
    reason: &'static str,
}

impl std::error::Error for JsonError {}

impl std::fmt::Display for JsonError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.path.is_empty() {
            let names: Vec<&str> = self.path.iter().rev().map(String::as_str).collect();
            write!(f, "field {}: ", names.join("."))?;
        }
        f.write_str(self.reason)
    }
}

impl From<&'static str> for JsonError {
    fn from(reason: &'static str) -> Self {
        JsonError { path: Vec::new(), reason }
    }
}

impl JsonError {
    /// The same, inside this field.
    fn within(mut self, field: &str) -> JsonError {
        self.path.push(field.to_owned());
        self
    }
}
