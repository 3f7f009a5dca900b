//! Values while an expression is evaluated.

use std::borrow::Cow;
use std::collections::HashMap;

use tailwater_event::connect::{ConnectHeader, Field, Kind, Schema, Value};

use super::Outcome;
use super::decimal::Decimal;

const DECIMAL: &str = "org.apache.kafka.connect.data.Decimal";
/// What are Java's `Date` objects, no numbers, to an expression.
const MOMENTS: [&str; 3] = [
    "org.apache.kafka.connect.data.Date",
    "org.apache.kafka.connect.data.Time",
    "org.apache.kafka.connect.data.Timestamp",
];

/// A value; most borrow from the record.
#[derive(Clone, Debug)]
pub(super) enum Operand<'a> {
    Null,
    /// JavaScript's.
    Undefined,
    /// JavaScript's `?.` found nothing: the rest of the chain is skipped.
    Skipped,
    Boolean(bool),
    /// An integer of fewer bits, which Java's `equals` tells from others.
    Small(u8, i16),
    Int(i32),
    Long(i64),
    Decimal(Decimal),
    /// A decimal beyond what is counted with.
    Huge,
    Float(f32),
    Double(f64),
    Text(Cow<'a, str>),
    Bytes(&'a [u8]),
    /// A Java `Date`.
    Moment(i64),
    List(Vec<Operand<'a>>),
    Array(Option<&'a Schema>, &'a [Value]),
    Map(Option<&'a Schema>, &'a [(Value, Value)]),
    Struct(&'a Schema, &'a [Value]),
    Schema(&'a Schema),
    /// A schema's type.
    Type(&'static str),
    /// A field of a schema.
    Field(&'a Field),
    Headers(&'a [ConnectHeader]),
    Header(&'a ConnectHeader),
}

impl<'a> Operand<'a> {
    /// A record's value.
    pub(super) fn new(schema: Option<&'a Schema>, value: &'a Value) -> Operand<'a> {
        let moment = || schema.is_some_and(|schema| MOMENTS.iter().any(|name| schema.is_named(name)));
        match value {
            Value::Null => Operand::Null,
            Value::Boolean(value) => Operand::Boolean(*value),
            Value::Int8(value) => Operand::Small(8, i16::from(*value)),
            Value::Int16(value) => Operand::Small(16, *value),
            Value::Int32(value) if moment() => Operand::Moment(i64::from(*value)),
            Value::Int64(value) if moment() => Operand::Moment(*value),
            Value::Int32(value) => Operand::Int(*value),
            Value::Int64(value) => Operand::Long(*value),
            Value::Float32(value) => Operand::Float(*value),
            Value::Float64(value) => Operand::Double(*value),
            Value::Text(text) => Operand::Text(Cow::Borrowed(text)),
            Value::Bytes(bytes) => match schema.filter(|schema| schema.is_named(DECIMAL)) {
                Some(schema) => {
                    let scale = schema.parameter("scale").and_then(|scale| scale.parse().ok());
                    let decimal = scale.and_then(|scale| Decimal::from_bytes(bytes, scale));
                    decimal.map_or(Operand::Huge, Operand::Decimal)
                }
                None => Operand::Bytes(bytes),
            },
            Value::Array(elements) => Operand::Array(inner(schema), elements),
            Value::Map(entries) => Operand::Map(inner(schema), entries),
            Value::Struct(values) => schema.map_or(Operand::Null, |schema| Operand::Struct(schema, values)),
        }
    }

    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Operand::Null => "null",
            Operand::Undefined | Operand::Skipped => "undefined",
            Operand::Boolean(_) => "a boolean",
            Operand::Small(..) | Operand::Int(_) | Operand::Long(_) | Operand::Float(_) | Operand::Double(_) => {
                "a number"
            }
            Operand::Decimal(_) => "a decimal",
            Operand::Huge => "a decimal of more than 38 digits",
            Operand::Text(_) => "a text",
            Operand::Bytes(_) => "bytes",
            Operand::Moment(_) => "a date",
            Operand::List(_) | Operand::Array(..) => "a list",
            Operand::Map(..) => "a map",
            Operand::Struct(..) => "a struct",
            Operand::Schema(_) => "a schema",
            Operand::Type(_) => "a schema's type",
            Operand::Field(_) => "a schema's field",
            Operand::Headers(_) | Operand::Header(_) => "headers",
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Operand::Null | Operand::Undefined | Operand::Skipped)
    }

    /// Elements of a list or array.
    pub(super) fn elements(&self) -> Option<Vec<Operand<'a>>> {
        match self {
            Operand::List(elements) => Some(elements.clone()),
            Operand::Array(schema, elements) => {
                Some(elements.iter().map(|element| Operand::new(*schema, element)).collect())
            }
            _ => None,
        }
    }

    /// The value of a map's key.
    pub(super) fn entry(&self, key: &str) -> Option<Operand<'a>> {
        let Operand::Map(schema, entries) = self else { return None };
        let (_, value) = entries.iter().find(|(name, _)| name.as_text() == Some(key))?;
        Some(Operand::new(*schema, value))
    }

    /// Java's `equals`: numbers of two classes differ, and so do 2.0 and 2.00.
    pub(super) fn identical(&self, other: &Operand<'_>) -> bool {
        match (self, other) {
            (Operand::Null, Operand::Null) => true,
            (Operand::Boolean(left), Operand::Boolean(right)) => left == right,
            (Operand::Small(one, left), Operand::Small(other, right)) => (one, left) == (other, right),
            (Operand::Int(left), Operand::Int(right)) => left == right,
            (Operand::Long(left), Operand::Long(right)) | (Operand::Moment(left), Operand::Moment(right)) => {
                left == right
            }
            (Operand::Decimal(left), Operand::Decimal(right)) => left == right,
            (Operand::Float(left), Operand::Float(right)) => same_double((*left).into(), (*right).into()),
            (Operand::Double(left), Operand::Double(right)) => same_double(*left, *right),
            (Operand::Text(left), Operand::Text(right)) => left == right,
            (Operand::Bytes(left), Operand::Bytes(right)) => left == right,
            (Operand::Type(left), Operand::Type(right)) => left == right,
            (Operand::Map(_, left), Operand::Map(_, right)) => same_maps(left, right),
            (Operand::Struct(one, left), Operand::Struct(other, right)) => {
                (std::ptr::eq(*one, *other) || one == other) && same_values(left, right)
            }
            (Operand::Schema(left), Operand::Schema(right)) => left == right,
            (Operand::Field(left), Operand::Field(right)) => left == right,
            _ => match (self.elements(), other.elements()) {
                (Some(left), Some(right)) => {
                    left.len() == right.len() && left.iter().zip(&right).all(|(left, right)| left.identical(right))
                }
                _ => false,
            },
        }
    }

    pub(super) fn outcome(self) -> Outcome {
        match self {
            Operand::Null | Operand::Undefined | Operand::Skipped => Outcome::Null,
            Operand::Boolean(value) => Outcome::Boolean(value),
            Operand::Text(text) => Outcome::Text(text.into_owned()),
            other => Outcome::Other(other.kind()),
        }
    }
}

/// The order of texts in Java and JavaScript: by units of UTF-16.
pub(super) fn text_order(left: &str, right: &str) -> std::cmp::Ordering {
    left.encode_utf16().cmp(right.encode_utf16())
}

/// The schema of an array's elements, of a map's values.
fn inner(schema: Option<&Schema>) -> Option<&Schema> {
    match &schema?.kind {
        Kind::Array(element) => Some(element),
        Kind::Map(_, value) => Some(value),
        _ => None,
    }
}

/// `Double.equals`: NaN is NaN, and -0.0 is not 0.0.
fn same_double(left: f64, right: f64) -> bool {
    left.to_bits() == right.to_bits() || left.is_nan() && right.is_nan()
}

fn same_values(left: &[Value], right: &[Value]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same_value(left, right))
}

/// `equals` of two values of one schema.
fn same_value(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Float32(left), Value::Float32(right)) => same_double((*left).into(), (*right).into()),
        (Value::Float64(left), Value::Float64(right)) => same_double(*left, *right),
        (Value::Array(left), Value::Array(right)) | (Value::Struct(left), Value::Struct(right)) => {
            same_values(left, right)
        }
        (Value::Map(left), Value::Map(right)) => same_maps(left, right),
        _ => left == right,
    }
}

/// The same entries in any order; keys of maps are texts.
fn same_maps(left: &[(Value, Value)], right: &[(Value, Value)]) -> bool {
    let names = |entries: &'_ [(Value, Value)]| -> bool { entries.iter().all(|(key, _)| key.as_text().is_some()) };
    if left.len() != right.len() || !names(left) || !names(right) {
        return left == right;
    }
    let known: HashMap<_, _> = right.iter().map(|(key, value)| (key.as_text(), value)).collect();
    left.iter().all(|(key, value)| known.get(&key.as_text()).is_some_and(|known| same_value(value, known)))
}
