//! Kafka's own transforms (`org.apache.kafka.connect.transforms`), as Kafka 4.3 does them.

mod cast;
mod cast_value;
mod date_format;
mod date_reading;
mod drop_headers;
mod extract_field;
mod field_path;
mod filter;
mod flatten;
mod header_from;
mod hoist_field;
mod insert_field;
mod insert_header;
mod literal;
mod mask_field;
mod number;
mod regex_router;
mod replace_field;
mod set_schema_metadata;
mod shape;
mod timestamp_converter;
mod timestamp_router;
mod value_to_key;

use tailwater_connector::{Config, Problem, Property, property};

use super::{Configured, TransformClass, finish, invalid, strict};

/// All of them.
pub(super) const CLASSES: &[&TransformClass] = &[
    &cast::CLASS,
    &drop_headers::CLASS,
    &extract_field::CLASS,
    &filter::CLASS,
    &flatten::CLASS,
    &header_from::CLASS,
    &hoist_field::CLASS,
    &insert_field::CLASS,
    &insert_header::CLASS,
    &mask_field::CLASS,
    &regex_router::CLASS,
    &replace_field::CLASS,
    &set_schema_metadata::CLASS,
    &timestamp_converter::CLASS,
    &timestamp_router::CLASS,
    &value_to_key::CLASS,
];

/// The options checked, with today's names, defaults, and without spaces around them, as Kafka reads its options.
fn checked(config: &Config, properties: &[Property]) -> (Config, Vec<Problem>) {
    let trimmed = config.iter().map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    property::check(&trimmed, properties)
}
