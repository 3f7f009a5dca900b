//! One value cast to another type, as Java's conversions do it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tailwater_connector::Problem;
use tailwater_event::connect::number::{decimal_text, double_text, float_text};
use tailwater_event::connect::{Kind, Schema, Value};

use super::date_format::{DAY_MS, iso_date, iso_time, iso_timestamp};
use super::number::{Number, parse_double, parse_float};
use super::shape::{DATE, DECIMAL, TIME, TIMESTAMP, class_name, failed};

/// What can be cast to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Boolean,
    Text,
}

const TARGETS: &str = "[INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, BOOLEAN, STRING]";
const SOURCES: &str = "[INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, BOOLEAN, STRING, BYTES]";

impl Target {
    /// A type by Connect's name, case ignored. The error is Kafka's.
    pub(super) fn parse(name: &str) -> Result<Target, String> {
        Ok(match name.to_ascii_uppercase().as_str() {
            "INT8" => Target::Int8,
            "INT16" => Target::Int16,
            "INT32" => Target::Int32,
            "INT64" => Target::Int64,
            "FLOAT32" => Target::Float32,
            "FLOAT64" => Target::Float64,
            "BOOLEAN" => Target::Boolean,
            "STRING" => Target::Text,
            known @ ("BYTES" | "ARRAY" | "MAP" | "STRUCT") => {
                return Err(format!(
                    "Cast transformation does not support casting to {known}; supported types are {TARGETS}"
                ));
            }
            _ => return Err(format!("Invalid type found in casting spec: {name}")),
        })
    }

    pub(super) fn kind(self) -> Kind {
        match self {
            Target::Int8 => Kind::Int8,
            Target::Int16 => Kind::Int16,
            Target::Int32 => Kind::Int32,
            Target::Int64 => Kind::Int64,
            Target::Float32 => Kind::Float32,
            Target::Float64 => Kind::Float64,
            Target::Boolean => Kind::Boolean,
            Target::Text => Kind::Text,
        }
    }
}

/// A number of Java.
enum Numeric {
    Long(i64),
    Float(f32),
    Double(f64),
    Decimal(Number),
}

/// The value as the other type; null stays null. `field` is its name for errors, empty for a whole key or value.
pub(super) fn cast(schema: Option<&Schema>, value: Value, target: Target, field: &str) -> Result<Value, Problem> {
    let of = if field.is_empty() { String::new() } else { format!(" (field '{field}')") };
    let range = || {
        failed(
            format!("Value was out of range for requested data type{of}"),
            "Choose a wider type in 'spec', or give the transform a predicate for records that fit.",
        )
    };
    let source = match &value {
        Value::Array(_) => Some("ARRAY"),
        Value::Map(_) => Some("MAP"),
        Value::Struct(_) => Some("STRUCT"),
        _ => None,
    };
    if let Some(source) = source {
        return Err(failed(
            format!("Cast transformation does not support casting from {source}; supported types are {SOURCES}{of}"),
            "Name a field of a plain type in 'spec'; ExtractField or Flatten bring inner fields to the top.",
        ));
    }
    if target == Target::Text {
        return text(schema, value).map(|text| text.map_or(Value::Null, Value::Text)).map_err(|()| range());
    }
    let number = match value {
        Value::Null => return Ok(Value::Null),
        Value::Boolean(flag) if target == Target::Boolean => return Ok(Value::Boolean(flag)),
        Value::Boolean(flag) => Numeric::Long(i64::from(flag)),
        Value::Int8(number) => Numeric::Long(number.into()),
        Value::Int16(number) => Numeric::Long(number.into()),
        Value::Int32(number) => Numeric::Long(number.into()),
        Value::Int64(number) => Numeric::Long(number),
        Value::Float32(number) => Numeric::Float(number),
        Value::Float64(number) => Numeric::Double(number),
        Value::Text(text) => return parse(&text, target).ok_or_else(range),
        Value::Bytes(bytes) if schema.is_some_and(|schema| schema.is_named(DECIMAL)) => {
            let text = decimal_text(&bytes, scale(schema)).map_err(|_| range())?;
            Numeric::Decimal(Number::parse(&text).ok_or_else(range)?)
        }
        other => {
            let kind = class_name(schema, &other);
            return Err(failed(
                format!("Unexpected type in Cast transformation: class {kind}{of}"),
                "Bytes can be cast to string only.",
            ));
        }
    };
    Ok(number.narrow(target))
}

impl Numeric {
    /// Java's narrowing: integers wrap; floating-point numbers stop at the ends of `int` or `long`, then wrap.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    fn narrow(&self, target: Target) -> Value {
        let int = match self {
            Numeric::Long(number) => *number as i32,
            Numeric::Float(number) => *number as i32,
            Numeric::Double(number) => *number as i32,
            Numeric::Decimal(number) => number.long() as i32,
        };
        let long = match self {
            Numeric::Long(number) => *number,
            Numeric::Float(number) => *number as i64,
            Numeric::Double(number) => *number as i64,
            Numeric::Decimal(number) => number.long(),
        };
        match target {
            Target::Int8 => Value::Int8(int as i8),
            Target::Int16 => Value::Int16(int as i16),
            Target::Int32 => Value::Int32(int),
            Target::Int64 => Value::Int64(long),
            Target::Boolean | Target::Text => Value::Boolean(long != 0),
            Target::Float32 => Value::Float32(match self {
                Numeric::Long(number) => *number as f32,
                Numeric::Float(number) => *number,
                Numeric::Double(number) => *number as f32,
                Numeric::Decimal(number) => number.float(),
            }),
            Target::Float64 => Value::Float64(match self {
                Numeric::Long(number) => *number as f64,
                Numeric::Float(number) => f64::from(*number),
                Numeric::Double(number) => *number,
                Numeric::Decimal(number) => number.double(),
            }),
        }
    }
}

fn parse(text: &str, target: Target) -> Option<Value> {
    Some(match target {
        Target::Int8 => Value::Int8(text.parse().ok()?),
        Target::Int16 => Value::Int16(text.parse().ok()?),
        Target::Int32 => Value::Int32(text.parse().ok()?),
        Target::Int64 => Value::Int64(text.parse().ok()?),
        Target::Float32 => Value::Float32(parse_float(text)?),
        Target::Float64 => Value::Float64(parse_double(text)?),
        Target::Boolean | Target::Text => Value::Boolean(text.eq_ignore_ascii_case("true")),
    })
}

/// `toString`; dates and times in ISO form, bytes in base64. An error for a decimal too wide to print.
fn text(schema: Option<&Schema>, value: Value) -> Result<Option<String>, ()> {
    let name = schema.and_then(|schema| schema.name.as_deref());
    Ok(Some(match (value, name) {
        (Value::Null, _) => return Ok(None),
        (Value::Int32(days), Some(DATE)) => iso_date(days.into()),
        (Value::Int32(millis), Some(TIME)) => iso_time(millis.into()),
        // Kafka leaves the time out at midnight; it also leaves the date out before 1970-01-02, which is not followed.
        (Value::Int64(millis), Some(TIMESTAMP)) if millis >= DAY_MS && millis % DAY_MS == 0 => {
            iso_date(millis / DAY_MS)
        }
        (Value::Int64(millis), Some(TIMESTAMP)) => iso_timestamp(millis),
        (Value::Bytes(bytes), Some(DECIMAL)) => decimal_text(&bytes, scale(schema)).map_err(|_| ())?,
        (Value::Boolean(flag), _) => flag.to_string(),
        (Value::Int8(number), _) => number.to_string(),
        (Value::Int16(number), _) => number.to_string(),
        (Value::Int32(number), _) => number.to_string(),
        (Value::Int64(number), _) => number.to_string(),
        (Value::Float32(number), _) => float_text(number),
        (Value::Float64(number), _) => double_text(number),
        (Value::Text(text), _) => text,
        (Value::Bytes(bytes), _) => STANDARD.encode(bytes),
        (Value::Array(_) | Value::Map(_) | Value::Struct(_), _) => return Err(()),
    }))
}

fn scale(schema: Option<&Schema>) -> i32 {
    schema.and_then(|schema| schema.parameter("scale")).and_then(|scale| scale.parse().ok()).unwrap_or(0)
}
