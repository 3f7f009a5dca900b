//! Values while an expression is evaluated.

use std::borrow::Cow;
use std::cmp::Ordering;

use tailwater_event::connect::{ConnectHeader, Kind, Schema, Value};

use super::Outcome;

const DECIMAL: &str = "org.apache.kafka.connect.data.Decimal";

/// A value; most borrow from the record.
#[derive(Clone, Debug)]
pub(super) enum Operand<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Bytes(&'a [u8]),
    List(Vec<Operand<'a>>),
    Array(Option<&'a Schema>, &'a [Value]),
    Map(&'a [(Value, Value)]),
    Struct(&'a Schema, &'a [Value]),
    Schema(&'a Schema),
    Headers(&'a [ConnectHeader]),
    Header(&'a ConnectHeader),
}

impl<'a> Operand<'a> {
    /// A record's value; decimals are numbers.
    pub(super) fn new(schema: Option<&'a Schema>, value: &'a Value) -> Operand<'a> {
        match value {
            Value::Null => Operand::Null,
            Value::Boolean(value) => Operand::Boolean(*value),
            Value::Int8(value) => Operand::Integer(i64::from(*value)),
            Value::Int16(value) => Operand::Integer(i64::from(*value)),
            Value::Int32(value) => Operand::Integer(i64::from(*value)),
            Value::Int64(value) => Operand::Integer(*value),
            Value::Float32(value) => Operand::Float(f64::from(*value)),
            Value::Float64(value) => Operand::Float(*value),
            Value::Text(text) => Operand::Text(Cow::Borrowed(text)),
            Value::Bytes(bytes) => match schema.filter(|schema| schema.is_named(DECIMAL)) {
                Some(schema) => decimal(schema, bytes),
                None => Operand::Bytes(bytes),
            },
            Value::Array(elements) => {
                let element = schema.and_then(|schema| match &schema.kind {
                    Kind::Array(element) => Some(&**element),
                    _ => None,
                });
                Operand::Array(element, elements)
            }
            Value::Map(entries) => Operand::Map(entries),
            Value::Struct(values) => schema.map_or(Operand::Null, |schema| Operand::Struct(schema, values)),
        }
    }

    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Operand::Null => "null",
            Operand::Boolean(_) => "a boolean",
            Operand::Integer(_) | Operand::Float(_) => "a number",
            Operand::Text(_) => "a text",
            Operand::Bytes(_) => "bytes",
            Operand::List(_) | Operand::Array(..) => "a list",
            Operand::Map(_) => "a map",
            Operand::Struct(..) => "a struct",
            Operand::Schema(_) => "a schema",
            Operand::Headers(_) | Operand::Header(_) => "headers",
        }
    }

    /// Whether it counts as true: not null, not zero, not empty.
    pub(super) fn truth(&self) -> bool {
        match self {
            Operand::Null => false,
            Operand::Boolean(value) => *value,
            Operand::Integer(value) => *value != 0,
            Operand::Float(value) => *value != 0.0,
            Operand::Text(text) => !text.is_empty(),
            Operand::List(elements) => !elements.is_empty(),
            Operand::Array(_, elements) => !elements.is_empty(),
            Operand::Map(entries) => !entries.is_empty(),
            Operand::Headers(headers) => !headers.is_empty(),
            Operand::Bytes(_) | Operand::Struct(..) | Operand::Schema(_) | Operand::Header(_) => true,
        }
    }

    /// Whether both are the same; what is of two kinds is not.
    pub(super) fn equals(&self, other: &Operand<'_>) -> bool {
        match (self, other) {
            (Operand::Null, Operand::Null) => true,
            (Operand::Boolean(left), Operand::Boolean(right)) => left == right,
            (Operand::Text(left), Operand::Text(right)) => left == right,
            (Operand::Bytes(left), Operand::Bytes(right)) => left == right,
            (Operand::Map(left), Operand::Map(right)) => left == right,
            (Operand::Struct(_, left), Operand::Struct(_, right)) => left == right,
            (Operand::Schema(left), Operand::Schema(right)) => left == right,
            _ => match (self.elements(), other.elements()) {
                (Some(left), Some(right)) => {
                    left.len() == right.len() && left.iter().zip(&right).all(|(left, right)| left.equals(right))
                }
                _ => self.number_order(other) == Some(Ordering::Equal),
            },
        }
    }

    /// The order of numbers, texts and booleans, null before all; `None` for what has none.
    pub(super) fn order(&self, other: &Operand<'_>) -> Option<Ordering> {
        match (self, other) {
            (Operand::Null, Operand::Null) => Some(Ordering::Equal),
            (Operand::Null, _) => Some(Ordering::Less),
            (_, Operand::Null) => Some(Ordering::Greater),
            (Operand::Text(left), Operand::Text(right)) => Some(left.cmp(right)),
            (Operand::Boolean(left), Operand::Boolean(right)) => Some(left.cmp(right)),
            _ => self.number_order(other),
        }
    }

    fn number_order(&self, other: &Operand<'_>) -> Option<Ordering> {
        match (self, other) {
            (Operand::Integer(left), Operand::Integer(right)) => Some(left.cmp(right)),
            _ => self.float()?.partial_cmp(&other.float()?),
        }
    }

    /// A number.
    pub(super) fn float(&self) -> Option<f64> {
        match self {
            Operand::Integer(value) => Some(*value as f64),
            Operand::Float(value) => Some(*value),
            _ => None,
        }
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

    /// What `+` and `toString()` make of it; `None` for what has no text of its own.
    pub(super) fn text(&self) -> Option<Cow<'a, str>> {
        match self {
            Operand::Null => Some(Cow::Borrowed("null")),
            Operand::Boolean(value) => Some(Cow::Owned(value.to_string())),
            Operand::Integer(value) => Some(Cow::Owned(value.to_string())),
            Operand::Float(value) => Some(Cow::Owned(format!("{value:?}"))),
            Operand::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    pub(super) fn outcome(self) -> Outcome {
        match self {
            Operand::Null => Outcome::Null,
            Operand::Boolean(value) => Outcome::Boolean(value),
            Operand::Text(text) => Outcome::Text(text.into_owned()),
            other => Outcome::Other(other.kind()),
        }
    }
}

/// A decimal as a number: an integer where it is one, else the nearest float.
fn decimal<'a>(schema: &Schema, bytes: &[u8]) -> Operand<'a> {
    let scale: i32 = schema.parameter("scale").and_then(|scale| scale.parse().ok()).unwrap_or(0);
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    if scale == 0 && bytes.len() <= 8 {
        let start = if negative { -1i64 } else { 0 };
        return Operand::Integer(bytes.iter().fold(start, |number, byte| number << 8 | i64::from(*byte)));
    }
    let start = if negative { -1.0 } else { 0.0 };
    let unscaled = bytes.iter().fold(start, |number: f64, byte| number * 256.0 + f64::from(*byte));
    let power = 10f64.powi(scale.abs());
    Operand::Float(if scale < 0 { unscaled * power } else { unscaled / power })
}
