//! Debezium's transforms (`io.debezium.transforms`), as Debezium 3.6 does them.

mod changed_state;
mod decode_message;
mod drop_fields;
mod elsewhere;
mod envelope;
mod expand;
mod field_reference;
mod header_to_value;
mod logical_table;
mod outbox;
mod partition;
#[cfg(test)]
mod sample;
mod scripting;
mod source_schema;
mod swap_geometry;
mod timezone;
mod unwrap;
mod vector_to_json;

use super::{Configured, TransformClass, finish, invalid, strict};

/// All of them.
pub(super) const CLASSES: &[&TransformClass] = &[
    &unwrap::CLASS,
    &outbox::CLASS,
    &logical_table::CLASS,
    &partition::CLASS,
    &changed_state::CLASS,
    &header_to_value::CLASS,
    &decode_message::CLASS,
    &scripting::FILTER,
    &scripting::ROUTER,
    &timezone::CLASS,
    &vector_to_json::CLASS,
    &source_schema::CLASS,
    &swap_geometry::CLASS,
    &elsewhere::PASSED,
    &elsewhere::REFUSED,
];
