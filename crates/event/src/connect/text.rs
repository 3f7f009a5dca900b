//! Values as text: as Java's `toString()` gives them (the string converter), and as Connect's simple header converter does.

use super::json::{DECIMAL, DEPTH, JsonError, decimal};
use super::{Kind, Schema, Value};
use crate::debezium::value::bytes::push_base64;
use crate::debezium::value::calendar::{civil_from_days, push_clock, push_padded};
use crate::debezium::value::number::{push_f32, push_f64, push_i64};

pub(super) const DATE: &str = "org.apache.kafka.connect.data.Date";
pub(super) const TIME: &str = "org.apache.kafka.connect.data.Time";
pub(super) const TIMESTAMP: &str = "org.apache.kafka.connect.data.Timestamp";
pub(super) const DAY_MS: i64 = 86_400_000;
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Whose text it is.
#[derive(Clone, Copy, PartialEq)]
enum Style {
    /// `toString()`.
    Java,
    /// `org.apache.kafka.connect.data.Values`.
    Simple,
}

/// Appends a value as Java's `toString()` gives it: `Struct{a=1,b=x}`, `[1, 2]`, `{k=v}`; times in UTC.
pub fn push_java_text(value: &Value, schema: Option<&Schema>, out: &mut Vec<u8>) -> Result<(), JsonError> {
    push(value, schema, Style::Java, 0, out)
}

/// Appends a value as the simple header converter does: text as it is, `{"a":1}`, `[1,2]`; bytes in base64, times in UTC.
pub fn push_simple_text(value: &Value, schema: Option<&Schema>, out: &mut Vec<u8>) -> Result<(), JsonError> {
    push(value, schema, Style::Simple, 0, out)
}

fn push(
    value: &Value,
    schema: Option<&Schema>,
    style: Style,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), JsonError> {
    if depth > DEPTH {
        return Err("nested too deeply".into());
    }
    let quoted = style == Style::Simple && depth > 0;
    if let Some(moment) = moment(value, schema) {
        push_moment(moment, style, out);
        return Ok(());
    }
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::Int8(value) => push_i64((*value).into(), out),
        Value::Int16(value) => push_i64((*value).into(), out),
        Value::Int32(value) => push_i64((*value).into(), out),
        Value::Int64(value) => push_i64(*value, out),
        Value::Float32(value) => push_unquoted(|out| push_f32(*value, out), out),
        Value::Float64(value) => push_unquoted(|out| push_f64(*value, out), out),
        Value::Text(text) if quoted => push_quoted(text, out),
        Value::Text(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bytes(bytes) => match schema {
            Some(schema) if schema.is_named(DECIMAL) => decimal::push_decimal(bytes, decimal::scale(schema)?, out)?,
            // What Java prints of a buffer.
            _ if style == Style::Java => {
                let length = bytes.len();
                out.extend_from_slice(format!("java.nio.HeapByteBuffer[pos=0 lim={length} cap={length}]").as_bytes());
            }
            _ if quoted => push_base64(bytes, out),
            _ => push_unquoted(|out| push_base64(bytes, out), out),
        },
        Value::Array(elements) => {
            let items =
                if let Some(Kind::Array(items)) = schema.map(|schema| &schema.kind) { Some(&**items) } else { None };
            out.push(b'[');
            for (at, element) in elements.iter().enumerate() {
                push_separator(at, style, out);
                push(element, items, style, depth + 1, out)?;
            }
            out.push(b']');
        }
        Value::Map(entries) => {
            let kind = schema.map(|schema| &schema.kind);
            let (keys, values) =
                if let Some(Kind::Map(keys, values)) = kind { Some((&**keys, &**values)) } else { None }.unzip();
            out.push(b'{');
            for (at, (key, value)) in entries.iter().enumerate() {
                push_separator(at, style, out);
                push(key, keys, style, depth + 1, out)?;
                out.push(if style == Style::Java { b'=' } else { b':' });
                push(value, values, style, depth + 1, out)?;
            }
            out.push(b'}');
        }
        Value::Struct(values) => push_struct(values, schema, style, depth, out)?,
    }
    Ok(())
}

/// Java leaves null fields out; both put a field's default in place of null.
fn push_struct(
    values: &[Value],
    schema: Option<&Schema>,
    style: Style,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), JsonError> {
    let fields = schema.map(Schema::fields).filter(|fields| fields.len() == values.len());
    let fields = fields.ok_or("a value that is not of its schema's type")?;
    out.extend_from_slice(if style == Style::Java { b"Struct{" } else { b"{" });
    let mut first = true;
    for (value, field) in values.iter().zip(fields) {
        let default = field.schema.default.as_ref().filter(|_| style == Style::Simple && value.is_null());
        let value = default.unwrap_or(value);
        if style == Style::Java && value.is_null() {
            continue;
        }
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        if style == Style::Java {
            out.extend_from_slice(field.name.as_bytes());
            out.push(b'=');
        } else {
            push_quoted(&field.name, out);
            out.push(b':');
        }
        push(value, Some(&field.schema), style, depth + 1, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn push_separator(at: usize, style: Style, out: &mut Vec<u8>) {
    let separator: &[u8] = if style == Style::Java { b", " } else { b"," };
    out.extend_from_slice(if at == 0 { b"" } else { separator });
}

/// What is a JSON string, without its quotes.
fn push_unquoted(write: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
    let start = out.len();
    write(out);
    if out.get(start) == Some(&b'"') {
        out.remove(start);
        out.pop();
    }
}

fn push_quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// Connect's date and time types, all of which Java has as a point in time, in milliseconds.
fn moment(value: &Value, schema: Option<&Schema>) -> Option<(&'static str, i64)> {
    let name = schema?.name.as_deref()?;
    match value {
        Value::Int32(days) if name == DATE => Some((DATE, i64::from(*days) * DAY_MS)),
        Value::Int32(millis) if name == TIME => Some((TIME, i64::from(*millis))),
        Value::Int64(millis) if name == TIMESTAMP => Some((TIMESTAMP, *millis)),
        _ => None,
    }
}

fn push_moment((name, millis): (&str, i64), style: Style, out: &mut Vec<u8>) {
    let (days, rest) = (millis.div_euclid(DAY_MS), millis.rem_euclid(DAY_MS) * 1000);
    let (year, month, day) = civil_from_days(days);
    if style == Style::Java {
        let month = usize::try_from(month - 1).ok().and_then(|month| MONTHS.get(month)).copied().unwrap_or_default();
        let weekday =
            usize::try_from(days.rem_euclid(7)).ok().and_then(|day| DAYS.get(day)).copied().unwrap_or_default();
        out.extend_from_slice(format!("{weekday} {month} {day:02} ").as_bytes());
        push_clock(rest, Some(0), out);
        out.extend_from_slice(format!(" UTC {year:04}").as_bytes());
        return;
    }
    if name != TIME {
        push_padded(year, 4, out);
        out.push(b'-');
        push_padded(month, 2, out);
        out.push(b'-');
        push_padded(day, 2, out);
    }
    if name != DATE {
        out.extend_from_slice(if name == TIMESTAMP { b"T" } else { b"" });
        push_clock(rest, Some(3), out);
        out.push(b'Z');
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::connect::Field;

    fn both(schema: &Schema, value: &Value) -> (String, String) {
        let (mut java, mut simple) = (Vec::new(), Vec::new());
        push_java_text(value, Some(schema), &mut java).unwrap();
        push_simple_text(value, Some(schema), &mut simple).unwrap();
        (String::from_utf8(java).unwrap(), String::from_utf8(simple).unwrap())
    }

    #[test]
    fn structs_lists_and_maps_look_as_java_prints_them() {
        let text = Arc::new(Schema::new(Kind::Text));
        let fields = vec![
            Field::new("a", Schema::new(Kind::Int32)),
            Field::new("none", Schema::new(Kind::Int32).optional()),
            Field::new("b", text.clone()),
            Field::new("l", Schema::new(Kind::Array(text.clone()))),
            Field::new("m", Schema::new(Kind::Map(text.clone(), text))),
        ];
        let x = || Value::Text("x\"".into());
        let value = Value::Struct(vec![
            Value::Int32(1),
            Value::Null,
            x(),
            Value::Array(vec![x(), x()]),
            Value::Map(vec![(x(), x())]),
        ]);
        let (java, simple) = both(&Schema::new(Kind::Struct(fields)), &value);
        assert_eq!(java, "Struct{a=1,b=x\",l=[x\", x\"],m={x\"=x\"}}");
        assert_eq!(simple, r#"{"a":1,"none":null,"b":"x\"","l":["x\"","x\""],"m":{"x\"":"x\""}}"#);
    }

    #[test]
    fn plain_values_have_no_quotes() {
        let of = |kind, value| both(&Schema::new(kind), &value);
        assert_eq!(of(Kind::Text, Value::Text("x".into())), ("x".into(), "x".into()));
        assert_eq!(of(Kind::Float64, Value::Float64(f64::NAN)), ("NaN".into(), "NaN".into()));
        assert_eq!(of(Kind::Float32, Value::Float32(1e10)), ("1.0E10".into(), "1.0E10".into()));
        let bytes = of(Kind::Bytes, Value::Bytes(Bytes::from_static(b"abc")));
        assert_eq!(bytes, ("java.nio.HeapByteBuffer[pos=0 lim=3 cap=3]".into(), "YWJj".into()));
    }

    #[test]
    fn times_and_decimals_have_the_text_of_their_meaning() {
        let of = |kind, name, value| both(&Schema::new(kind).named(name), &value);
        let (java, simple) = of(Kind::Int64, TIMESTAMP, Value::Int64(1_714_979_289_123));
        assert_eq!((java.as_str(), simple.as_str()), ("Mon May 06 07:08:09 UTC 2024", "2024-05-06T07:08:09.123Z"));
        assert_eq!(of(Kind::Int32, DATE, Value::Int32(-1)).1, "1969-12-31");
        assert_eq!(of(Kind::Int32, TIME, Value::Int32(1)).1, "00:00:00.001Z");
        let mut decimal = Schema::new(Kind::Bytes).named(DECIMAL);
        decimal.parameters = vec![("scale".into(), "2".into())];
        assert_eq!(both(&decimal, &Value::Bytes(Bytes::from_static(&[5]))).0, "0.05");
    }
}
