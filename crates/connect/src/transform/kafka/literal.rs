//! Text with the type that its form says, as `org.apache.kafka.connect.data.Values.parseString` finds it.
//!
//! What is followed by something else is text: `12:00` stays so, where the original reads 12.

use std::sync::Arc;

use serde_json::Value as Json;
use tailwater_event::connect::number::decimal_bytes;
use tailwater_event::connect::{Kind, Schema, Typed, Value};

use super::date_format::{DAY_MS, Pattern};
use super::number::Number;
use super::shape::{DATE, DECIMAL, TIME, TIMESTAMP, logical};

/// Most digits of a number with a type of its own; longer ones are text.
const MAX_DIGITS: i32 = 1000;

/// The typed value of a text. An error for lists and maps whose members differ in type.
pub(super) fn parse(text: &str) -> Result<Typed, String> {
    let trimmed = text.trim();
    if trimmed == "null" {
        return Ok(Typed::NULL);
    }
    if trimmed.starts_with(['[', '{'])
        && let Ok(json @ (Json::Array(_) | Json::Object(_))) = serde_json::from_str(trimmed)
    {
        return members(&json).ok_or_else(|| "a list or map needs members, all of one type, and no null".to_owned());
    }
    Ok(scalar(trimmed).unwrap_or_else(|| Typed::new(Schema::new(Kind::Text), Value::Text(trimmed.to_owned()))))
}

/// `None` for text.
fn scalar(text: &str) -> Option<Typed> {
    let typed = |kind, value| Some(Typed::new(Schema::new(kind), value));
    match text {
        "true" => return typed(Kind::Boolean, Value::Boolean(true)),
        "false" => return typed(Kind::Boolean, Value::Boolean(false)),
        _ => {}
    }
    let starts_with_digit = text.strip_prefix(['+', '-']).unwrap_or(text).starts_with(|c: char| c.is_ascii_digit());
    if let Some(number) = Number::parse(text).filter(|_| starts_with_digit) {
        return self::number(&number);
    }
    let moment = |pattern: &str| Pattern::parse(pattern).ok()?.read(text);
    match text.len() {
        10 => {
            let days = i32::try_from(moment("yyyy-MM-dd")?.div_euclid(DAY_MS)).ok()?;
            Some(Typed { schema: Some(logical(Kind::Int32, DATE, false)), value: Value::Int32(days) })
        }
        13 => {
            let millis = i32::try_from(moment("HH:mm:ss.SSS'Z'")?).ok()?;
            Some(Typed { schema: Some(logical(Kind::Int32, TIME, false)), value: Value::Int32(millis) })
        }
        24 => {
            let millis = moment("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'")?;
            Some(Typed { schema: Some(logical(Kind::Int64, TIMESTAMP, false)), value: Value::Int64(millis) })
        }
        _ => None,
    }
}

/// The narrowest type that holds a number: whole ones as integers, others as `float` or `double` when those reach so far.
fn number(number: &Number) -> Option<Typed> {
    let (kind, value) = match number.long_exact() {
        Some(long) => integer(long),
        None if number.scale() != 0 && number.float().is_finite() => (Kind::Float32, Value::Float32(number.float())),
        None if number.scale() != 0 && number.double().is_finite() => (Kind::Float64, Value::Float64(number.double())),
        None => {
            let bytes = (number.scale().unsigned_abs() <= MAX_DIGITS.unsigned_abs())
                .then(|| decimal_bytes(number.text(), number.scale()).ok())??;
            let schema = Schema {
                version: Some(1),
                parameters: vec![("scale".into(), number.scale().to_string().into())],
                ..Schema::new(Kind::Bytes).named(DECIMAL)
            };
            return Some(Typed::new(schema, Value::Bytes(bytes.into())));
        }
    };
    Some(Typed::new(Schema::new(kind), value))
}

fn integer(long: i64) -> (Kind, Value) {
    if let Ok(byte) = i8::try_from(long) {
        (Kind::Int8, Value::Int8(byte))
    } else if let Ok(short) = i16::try_from(long) {
        (Kind::Int16, Value::Int16(short))
    } else if let Ok(int) = i32::try_from(long) {
        (Kind::Int32, Value::Int32(int))
    } else {
        (Kind::Int64, Value::Int64(long))
    }
}

/// A list or map with a schema, members of the widest of their integer types. `None` when there is no common type.
fn members(json: &Json) -> Option<Typed> {
    match json {
        Json::Array(items) => {
            let (schema, values) = common(items.iter().map(members).collect::<Option<_>>()?)?;
            Some(Typed::new(Schema::new(Kind::Array(schema)), Value::Array(values)))
        }
        Json::Object(entries) => {
            let (schema, values) = common(entries.values().map(members).collect::<Option<_>>()?)?;
            let keys = entries.keys().map(|key| Value::Text(key.clone()));
            let map = Value::Map(keys.zip(values).collect());
            Some(Typed::new(Schema::new(Kind::Map(Arc::new(Schema::new(Kind::Text)), schema)), map))
        }
        Json::Null => None,
        Json::String(text) => Some(Typed::new(Schema::new(Kind::Text), Value::Text(text.clone()))),
        scalar => self::scalar(&scalar.to_string()),
    }
}

fn common(members: Vec<Typed>) -> Option<(Arc<Schema>, Vec<Value>)> {
    let widest = members.iter().map(|member| width(&member.value)).max()?;
    let mut schema = None;
    let mut values = Vec::with_capacity(members.len());
    for member in members {
        let (of_member, value) = match (widest, width(&member.value), &member.value) {
            // Integers, or numbers of which some are not whole.
            (Some(widest), Some(_), value) => {
                let (kind, value) = widen(value, widest)?;
                (Arc::new(Schema::new(kind)), value)
            }
            (None, None, _) => (member.schema?, member.value),
            _ => return None,
        };
        match &schema {
            None => schema = Some(of_member),
            Some(first) if *first == of_member => {}
            Some(_) => return None,
        }
        values.push(value);
    }
    Some((schema?, values))
}

/// The order of number types; `None` for what is no number.
fn width(value: &Value) -> Option<u8> {
    match value {
        Value::Int8(_) => Some(1),
        Value::Int16(_) => Some(2),
        Value::Int32(_) => Some(3),
        Value::Int64(_) => Some(4),
        Value::Float32(_) => Some(5),
        Value::Float64(_) => Some(6),
        _ => None,
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn widen(value: &Value, width: u8) -> Option<(Kind, Value)> {
    let double = match value {
        Value::Int8(number) => f64::from(*number),
        Value::Int16(number) => f64::from(*number),
        Value::Int32(number) => f64::from(*number),
        Value::Int64(number) => *number as f64,
        Value::Float32(number) => f64::from(*number),
        Value::Float64(number) => *number,
        _ => return None,
    };
    let long = match value {
        Value::Int8(number) => i64::from(*number),
        Value::Int16(number) => i64::from(*number),
        Value::Int32(number) => i64::from(*number),
        Value::Int64(number) => *number,
        _ => 0,
    };
    Some(match width {
        1 => (Kind::Int8, Value::Int8(long as i8)),
        2 => (Kind::Int16, Value::Int16(long as i16)),
        3 => (Kind::Int32, Value::Int32(long as i32)),
        4 => (Kind::Int64, Value::Int64(long)),
        5 => (Kind::Float32, Value::Float32(double as f32)),
        _ => (Kind::Float64, Value::Float64(double)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_with_something_behind_it_is_text() {
        for literal in ["12:00", "1,2", "5 apples"] {
            assert_eq!(parse(literal).unwrap().value, Value::Text(literal.to_owned()));
        }
    }

    #[test]
    fn members_share_the_widest_number_or_are_refused() {
        assert_eq!(parse("[1, 300]").unwrap().value, Value::Array(vec![Value::Int16(1), Value::Int16(300)]));
        for literal in ["[1, \"a\"]", "[]", "{}", "[null]", "{\"a\": 1, \"b\": true}"] {
            assert!(parse(literal).is_err(), "{literal}");
        }
    }

    #[test]
    fn a_number_of_absurd_size_is_text() {
        assert_eq!(parse("1e999999999").unwrap().value, Value::Text("1e999999999".into()));
    }
}
