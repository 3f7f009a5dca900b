//! What Kafka's transforms share: which part of a record they work on, and what they ask of its shape.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectRecord, Field, Kind, Schema, Typed, Value};

/// Connect's logical type for decimals: unscaled numbers, the scale is a parameter.
pub(super) const DECIMAL: &str = "org.apache.kafka.connect.data.Decimal";
/// Connect's logical type for days since 1970.
pub(super) const DATE: &str = "org.apache.kafka.connect.data.Date";
/// Connect's logical type for milliseconds of a day.
pub(super) const TIME: &str = "org.apache.kafka.connect.data.Time";
/// Connect's logical type for milliseconds since 1970.
pub(super) const TIMESTAMP: &str = "org.apache.kafka.connect.data.Timestamp";

/// `replace.null.with.default` (KIP-1040), of every transform that copies fields.
pub(super) const REPLACE_NULL: Property = Property::new(
    "replace.null.with.default",
    Form::Bool,
    Some("true"),
    "whether a null in a field with a default becomes the default",
);

/// The part of a record that a transform works on, by the end of its class name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Key,
    Value,
}

impl Part {
    pub(super) fn of(class: &str) -> Part {
        if class.ends_with("$Key") { Part::Key } else { Part::Value }
    }

    pub(super) fn in_record(self, record: &mut ConnectRecord) -> &mut Typed {
        match self {
            Part::Key => &mut record.key,
            Part::Value => &mut record.value,
        }
    }
}

/// A record that the transform cannot do; the message is Kafka's, without values.
pub(super) fn failed(what: impl Into<String>, remedy: impl Into<String>) -> Problem {
    Problem::config("TRANSFORM_FAILED", what, remedy)
}

/// The values of a struct, taken out.
pub(super) fn take_struct(data: &mut Typed, purpose: &str) -> Result<Vec<Value>, Problem> {
    match std::mem::replace(&mut data.value, Value::Null) {
        Value::Struct(values) => Ok(values),
        other => Err(no_struct(data.schema.as_deref(), &other, purpose)),
    }
}

/// The entries of a map without a schema, taken out.
pub(super) fn take_map(data: &mut Typed, purpose: &str) -> Result<Vec<(Value, Value)>, Problem> {
    match std::mem::replace(&mut data.value, Value::Null) {
        Value::Map(entries) => Ok(entries),
        other => Err(no_map(&other, purpose)),
    }
}

pub(super) fn no_struct(schema: Option<&Schema>, value: &Value, purpose: &str) -> Problem {
    let found = class_name(schema, value);
    failed(format!("Only Struct objects supported for [{purpose}], found: {found}"), SELECT)
}

pub(super) fn no_map(value: &Value, purpose: &str) -> Problem {
    let found = class_name(None, value);
    failed(format!("Only Map objects supported in absence of schema for [{purpose}], found: {found}"), SELECT)
}

/// What to do when records of another shape reach a transform.
const SELECT: &str = "Give the transform a predicate that lets only fitting records through, for tombstones \
                      org.apache.kafka.connect.transforms.predicates.RecordIsTombstone with \"negate\": \"true\".";

/// A field that a record should have.
pub(super) fn unknown_field(name: &str) -> Problem {
    failed(
        format!("Unknown field: {name}"),
        "Correct the field's name in the transform's options, or give it a predicate for records that have the field.",
    )
}

/// The class of a value in Java, which Kafka's messages name.
pub(super) fn class_name(schema: Option<&Schema>, value: &Value) -> &'static str {
    match (value, schema.and_then(|schema| schema.name.as_deref())) {
        (Value::Null, _) => "null",
        (Value::Int32(_), Some(DATE | TIME)) | (Value::Int64(_), Some(TIMESTAMP)) => "java.util.Date",
        (Value::Bytes(_), Some(DECIMAL)) => "java.math.BigDecimal",
        (Value::Boolean(_), _) => "java.lang.Boolean",
        (Value::Int8(_), _) => "java.lang.Byte",
        (Value::Int16(_), _) => "java.lang.Short",
        (Value::Int32(_), _) => "java.lang.Integer",
        (Value::Int64(_), _) => "java.lang.Long",
        (Value::Float32(_), _) => "java.lang.Float",
        (Value::Float64(_), _) => "java.lang.Double",
        (Value::Text(_), _) => "java.lang.String",
        (Value::Bytes(_), _) => "[B",
        (Value::Array(_), _) => "java.util.ArrayList",
        (Value::Map(_), _) => "java.util.HashMap",
        (Value::Struct(_), _) => "org.apache.kafka.connect.data.Struct",
    }
}

/// Connect's name of a kind, as its messages have it (`FLOAT32`).
pub(super) fn type_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Int8 => "INT8",
        Kind::Int16 => "INT16",
        Kind::Int32 => "INT32",
        Kind::Int64 => "INT64",
        Kind::Float32 => "FLOAT32",
        Kind::Float64 => "FLOAT64",
        Kind::Boolean => "BOOLEAN",
        Kind::Text => "STRING",
        Kind::Bytes => "BYTES",
        Kind::Array(_) => "ARRAY",
        Kind::Map(..) => "MAP",
        Kind::Struct(_) => "STRUCT",
    }
}

/// Puts defaults in place of nulls, for transforms that read fields as Connect's `Struct.get` does.
pub(super) fn fill(schema: &Schema, values: &mut [Value]) {
    for (field, value) in schema.fields().iter().zip(values) {
        if let (Value::Null, Some(default)) = (&*value, &field.schema.default) {
            *value = default.clone();
        }
    }
}

/// A schema of another kind with the name, version, text and parameters of this one; required, without a default.
pub(super) fn basics(schema: &Schema, kind: Kind) -> Schema {
    Schema {
        kind,
        optional: false,
        name: schema.name.clone(),
        version: schema.version,
        doc: schema.doc.clone(),
        parameters: schema.parameters.clone(),
        default: None,
    }
}

/// The kind of a struct of these fields, whose names must differ.
pub(super) fn struct_of(fields: Vec<Field>) -> Result<Kind, Problem> {
    let mut names: Vec<&str> = fields.iter().map(|field| &*field.name).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair.first() == pair.last()).and_then(<[_]>::first) {
        Some(twice) => Err(failed(
            format!("Cannot create field because of field name duplication {twice}"),
            "Choose another name in the transform's options, or remove the field first with ReplaceField.",
        )),
        None => Ok(Kind::Struct(fields)),
    }
}

/// A text schema.
pub(super) fn text(optional: bool) -> Arc<Schema> {
    Arc::new(Schema { optional, ..Schema::new(Kind::Text) })
}

/// A schema of one of Connect's logical types.
pub(super) fn logical(kind: Kind, name: &str, optional: bool) -> Arc<Schema> {
    Arc::new(Schema { optional, version: Some(1), ..Schema::new(kind).named(name) })
}

/// The value of an entry of a map; null when there is none.
pub(super) fn entry<'a>(map: &'a [(Value, Value)], name: &str) -> &'a Value {
    map.iter().find(|(key, _)| key.as_text() == Some(name)).map_or(&Value::Null, |(_, value)| value)
}

/// Sets an entry of a map, at its place when it is there.
pub(super) fn put(map: &mut Vec<(Value, Value)>, name: &str, value: Value) {
    match map.iter_mut().find(|(key, _)| key.as_text() == Some(name)) {
        Some((_, old)) => *old = value,
        None => map.push((Value::Text(name.to_owned()), value)),
    }
}

/// A map whose names may stand twice: the last value of a name stays, at the first one's place.
pub(super) fn last_of_each(map: Vec<(Value, Value)>) -> Vec<(Value, Value)> {
    let names: HashSet<&str> = map.iter().filter_map(|(key, _)| key.as_text()).collect();
    if names.len() == map.len() {
        return map;
    }
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut out: Vec<(Value, Value)> = Vec::with_capacity(map.len());
    for (key, value) in map {
        let name = key.as_text().unwrap_or_default().to_owned();
        match places.get(&name).and_then(|place| out.get_mut(*place)) {
            Some((_, old)) => *old = value,
            None => {
                places.insert(name, out.len());
                out.push((key, value));
            }
        }
    }
    out
}

/// A list that must have entries, checked together with the other options.
pub(super) fn list(config: &Config, option: &str, problems: &mut Vec<Problem>) -> Vec<String> {
    let list = config.list(option);
    // An absent or blank option is reported by the check of its declaration.
    if list.is_empty() && !config.text(option).trim().is_empty() {
        problems.push(super::invalid(
            option,
            "Empty list",
            format!("Set '{option}' to names with commas between them."),
        ));
    }
    list
}
