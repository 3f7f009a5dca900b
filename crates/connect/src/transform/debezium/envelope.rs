//! Debezium's change envelope inside a record.

use tailwater_connector::Problem;
use tailwater_event::connect::{Field, Schema, Value};

/// Whether values of this schema are change envelopes: its name says so.
pub(super) fn is_envelope(schema: &Schema) -> bool {
    schema.name.as_deref().is_some_and(|name| name.ends_with(".Envelope"))
}

/// The place of a field that every envelope has.
pub(super) fn place(schema: &Schema, name: &str) -> Result<usize, Problem> {
    schema.field(name).map(|(at, _)| at).ok_or_else(|| no_field(schema, name))
}

/// Puts defaults in place of nulls, at any depth of structs: what becomes of a struct that Debezium builds anew.
pub(super) fn fill(fields: &[Field], values: &mut [Value]) {
    for (field, value) in fields.iter().zip(values) {
        match value {
            Value::Null => *value = field.schema.default.clone().unwrap_or(Value::Null),
            Value::Struct(inner) => fill(field.schema.fields(), inner),
            _ => {}
        }
    }
}

/// A record whose values do not fit its schema.
pub(super) fn not_a_struct(schema: &Schema) -> Problem {
    let name = schema.name.as_deref().unwrap_or("without a name");
    Problem::config(
        "TRANSFORM_NO_STRUCT",
        format!("A record of schema '{name}' is no struct, which this transform needs"),
        "Give the transform a predicate, so that it sees change events only.",
    )
}

/// A field that a record should have.
pub(super) fn no_field(schema: &Schema, name: &str) -> Problem {
    let schema = schema.name.as_deref().unwrap_or("without a name");
    Problem::config(
        "TRANSFORM_NO_FIELD",
        format!("Records of schema '{schema}' have no field '{name}'"),
        "Correct the name in the transform's options, or give it a predicate, so that it sees only records with the field.",
    )
}
