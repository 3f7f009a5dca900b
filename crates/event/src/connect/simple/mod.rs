//! The simple header converter's reading side: the value that a text stands for, as `org.apache.kafka.connect.data.Values`
//! (Kafka 4.3) finds it.
//!
//! The original throws parts of some texts away: what follows a value (`10:30` is the number 10 to it, `[1]x` the list `[1]`),
//! digits beyond a float's, spaces and backslashes in quotes, days that a month does not have. Here nothing is lost: a text that
//! is not one value as a whole stays text, and a number gets the smallest type that holds all of it.

mod scalar;

use std::sync::Arc;

use super::json::DEPTH;
use super::number::float_text;
use super::text::push_simple_text;
use super::{Kind, Schema, Typed, Value};
use scalar::{moment, number};

/// What a text stands for: null, a boolean, a number, a date, time or timestamp (`2019-08-23`, `14:34:54.346Z`,
/// `2019-08-23T14:34:54.346Z`), a list or a map of these and of quoted texts; or else the text.
///
/// Members of one kind share their schema, numbers the widest. Lists and maps of several kinds have no schema; times and
/// decimals in them are text.
pub fn read_simple_text(text: &str) -> Typed {
    let begins = text.trim_start().as_bytes().first();
    let may_be_more =
        begins.is_some_and(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'[' | b'{' | b'n' | b't' | b'f'));
    let mut scan = Scan { text, at: 0 };
    if let Some(read) = may_be_more.then(|| scan.value(0)).flatten()
        && scan.is_at_end()
    {
        return read;
    }
    Typed::new(Schema::new(Kind::Text), Value::Text(text.to_owned()))
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_spaces(&mut self) {
        // Java's `trim` takes all control characters.
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(|char| char <= ' ').len();
    }

    fn is_at_end(&mut self) -> bool {
        self.skip_spaces();
        self.rest().is_empty()
    }

    /// Takes a delimiter if it is next.
    fn takes(&mut self, delimiter: u8) -> bool {
        self.skip_spaces();
        let is_next = self.rest().as_bytes().first() == Some(&delimiter);
        self.at += usize::from(is_next);
        is_next
    }

    fn value(&mut self, depth: usize) -> Option<Typed> {
        if depth > DEPTH {
            return None;
        }
        if depth > 0 && self.takes(b'"') {
            return self.quoted();
        }
        if self.takes(b'[') {
            return self.list(depth);
        }
        if self.takes(b'{') {
            return self.map(depth);
        }
        self.skip_spaces();
        if let Some((length, moment)) = moment(self.rest()) {
            self.at += length;
            return Some(moment);
        }
        let rest = self.rest();
        let token = rest.split([':', ',', '{', '}', '[', ']', '"']).next().unwrap_or(rest);
        self.at += token.len();
        let typed = |kind, value| Some(Typed::new(Schema::new(kind), value));
        match token.trim_matches(|char| char <= ' ') {
            "null" => Some(Typed::NULL),
            "true" => typed(Kind::Boolean, Value::Boolean(true)),
            "false" => typed(Kind::Boolean, Value::Boolean(false)),
            token => number(token),
        }
    }

    /// Text up to the closing quote; `\"` and `\\` stand for what follows the backslash, as they are written. It may be a time.
    fn quoted(&mut self) -> Option<Typed> {
        let mut content = String::new();
        let mut chars = self.rest().char_indices().peekable();
        loop {
            match chars.next()? {
                (at, '"') => {
                    self.at += at + 1;
                    break;
                }
                (_, '\\') => {
                    content.push(chars.next_if(|(_, next)| matches!(next, '"' | '\\')).map_or('\\', |(_, next)| next))
                }
                (_, char) => content.push(char),
            }
        }
        let whole = moment(&content).filter(|(length, _)| *length == content.len());
        Some(whole.map_or_else(|| Typed::new(Schema::new(Kind::Text), Value::Text(content)), |(_, moment)| moment))
    }

    /// What follows the opening bracket.
    fn list(&mut self, depth: usize) -> Option<Typed> {
        let mut members = Vec::new();
        while !self.takes(b']') {
            members.push(self.value(depth + 1)?);
            // One comma too many at the end does no harm.
            if !self.takes(b',') && self.rest().as_bytes().first() != Some(&b']') {
                return None;
            }
        }
        let items = common(&members)?;
        let values = members.into_iter().map(|member| as_member(member, items.as_deref())).collect();
        let schema = items.map(|items| Arc::new(Schema::new(Kind::Array(items))));
        Some(Typed { schema, value: Value::Array(values) })
    }

    /// What follows the opening brace. Of equal keys the last holds, at the place of the first.
    fn map(&mut self, depth: usize) -> Option<Typed> {
        let (mut keys, mut values): (Vec<Typed>, Vec<Typed>) = (Vec::new(), Vec::new());
        while !self.takes(b'}') {
            let key = self.value(depth + 1).filter(|key| !key.value.is_null())?;
            if !self.takes(b':') {
                return None;
            }
            let value = self.value(depth + 1)?;
            match keys.iter().position(|known| *known == key).and_then(|at| values.get_mut(at)) {
                Some(known) => *known = value,
                None => {
                    keys.push(key);
                    values.push(value);
                }
            }
            self.takes(b',');
        }
        let schemas = common(&keys)?.zip(common(&values)?);
        let (of_keys, of_values) = schemas.as_ref().map(|(keys, values)| (&**keys, &**values)).unzip();
        let entry = |(key, value)| (as_member(key, of_keys), as_member(value, of_values));
        let entries = keys.into_iter().zip(values).map(entry).collect();
        let schema = schemas.map(|(keys, values)| Arc::new(Schema::new(Kind::Map(keys, values))));
        Some(Typed { schema, value: Value::Map(entries) })
    }
}

/// The schema that members share, if they do. `None` where null is among values that demand one.
fn common(members: &[Typed]) -> Option<Option<Arc<Schema>>> {
    let mut known = members.iter().filter(|member| !member.value.is_null());
    let first = known.next().map(|member| member.schema.clone());
    let shared = known.try_fold(first.clone().flatten(), |shared, member| {
        Some(Some(wider(shared.as_ref()?, member.schema.as_ref()?)?))
    });
    let shared = shared.flatten();
    let has_null = members.iter().any(|member| member.value.is_null());
    if has_null && shared.is_some() { None } else { Some(shared) }
}

/// A value under the schema of all, or without one.
fn as_member(member: Typed, schema: Option<&Schema>) -> Value {
    match schema {
        Some(schema) => widened(member.value, schema),
        None => untyped(member),
    }
}

/// The schema of both: the wider of two numbers, of lists and maps that of their members.
fn wider(one: &Arc<Schema>, other: &Arc<Schema>) -> Option<Arc<Schema>> {
    if one == other {
        return Some(one.clone());
    }
    let kind = match (&one.kind, &other.kind) {
        (Kind::Array(one), Kind::Array(other)) => Kind::Array(wider(one, other)?),
        (Kind::Map(keys, values), Kind::Map(other_keys, other_values)) => {
            Kind::Map(wider(keys, other_keys)?, wider(values, other_values)?)
        }
        (a, b) if one.name.is_none() && other.name.is_none() => {
            if rank(a)? < rank(b)? {
                b.clone()
            } else {
                a.clone()
            }
        }
        _ => return None,
    };
    Some(Arc::new(Schema::new(kind)))
}

fn rank(kind: &Kind) -> Option<u8> {
    Some(match kind {
        Kind::Int8 => 0,
        Kind::Int16 => 1,
        Kind::Int32 => 2,
        Kind::Int64 => 3,
        Kind::Float32 => 4,
        Kind::Float64 => 5,
        _ => return None,
    })
}

/// A value as one of a wider schema.
fn widened(value: Value, schema: &Schema) -> Value {
    match (value, &schema.kind) {
        (Value::Array(items), Kind::Array(of)) => {
            Value::Array(items.into_iter().map(|item| widened(item, of)).collect())
        }
        (Value::Map(entries), Kind::Map(keys, values)) => {
            Value::Map(entries.into_iter().map(|(k, v)| (widened(k, keys), widened(v, values))).collect())
        }
        (value, kind) => {
            let whole = match value {
                Value::Int8(value) => i64::from(value),
                Value::Int16(value) => i64::from(value),
                Value::Int32(value) => i64::from(value),
                Value::Int64(value) => value,
                Value::Float32(number) if *kind == Kind::Float64 => {
                    // The number that was written, not the nearest float.
                    return Value::Float64(float_text(number).parse().unwrap_or(f64::from(number)));
                }
                value => return value,
            };
            match kind {
                Kind::Int16 => i16::try_from(whole).map_or(value, Value::Int16),
                Kind::Int32 if schema.name.is_none() => i32::try_from(whole).map_or(value, Value::Int32),
                Kind::Int64 if schema.name.is_none() => Value::Int64(whole),
                #[allow(clippy::cast_precision_loss)]
                Kind::Float32 => Value::Float32(whole as f32),
                #[allow(clippy::cast_precision_loss)]
                Kind::Float64 => Value::Float64(whole as f64),
                _ => value,
            }
        }
    }
}

/// A value that stands without schema: what only its schema tells is text.
fn untyped(member: Typed) -> Value {
    match (member.value, member.schema) {
        (value @ (Value::Array(_) | Value::Map(_)), Some(schema)) => untyped_members(value, &schema),
        (value, Some(schema)) if schema.name.is_some() => {
            let mut out = Vec::new();
            match push_simple_text(&value, Some(&schema), &mut out) {
                Ok(()) => Value::Text(String::from_utf8_lossy(&out).into_owned()),
                Err(_) => value,
            }
        }
        (value, _) => value,
    }
}

fn untyped_members(value: Value, schema: &Schema) -> Value {
    let of = |value: Value, schema: &Arc<Schema>| untyped(Typed { schema: Some(schema.clone()), value });
    match (value, &schema.kind) {
        (Value::Array(items), Kind::Array(schema)) => {
            Value::Array(items.into_iter().map(|item| of(item, schema)).collect())
        }
        (Value::Map(entries), Kind::Map(keys, values)) => {
            Value::Map(entries.into_iter().map(|(key, value)| (of(key, keys), of(value, values))).collect())
        }
        (value, _) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(typed: &Typed) -> String {
        let mut out = Vec::new();
        push_simple_text(&typed.value, typed.schema.as_deref(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_not_one_value_as_a_whole_stays_text() {
        for text in [
            "10:30",
            "[1]x",
            "1,5",
            "2019-02-30",
            "24:00:00.000Z",
            "[1,null]",
            "0x10",
            "+",
            "1e99999999999",
            "[",
            "{\"a\"}",
            "  x ",
        ] {
            assert_eq!(read_simple_text(text).value, Value::Text(text.into()));
        }
    }

    #[test]
    fn numbers_keep_all_their_digits() {
        let kind = |text| read_simple_text(text).schema.unwrap().kind.name();
        assert_eq!(
            (kind("1.5"), kind("0.30000000000000004"), kind("3.14159265358979323846")),
            ("float", "double", "bytes")
        );
        for text in ["99.99", "0.30000000000000004", "3.14159265358979323846", "9223372036854775808", "-1E+400"] {
            assert_eq!(written(&read_simple_text(text)), text);
        }
    }

    #[test]
    fn quoted_text_is_read_as_it_was_written() {
        let list = |text: &str| {
            Typed::new(
                Schema::new(Kind::Array(Schema::new(Kind::Text).into())),
                Value::Array(vec![Value::Text(text.into())]),
            )
        };
        for text in ["", " a ", "\"", "\\", "\\\"", "a\\b", "a,b]", "{}"] {
            assert_eq!(read_simple_text(&written(&list(text))), list(text));
        }
    }

    #[test]
    fn deep_nesting_and_long_numbers_stay_text() {
        for text in ["[".repeat(100_000), "9".repeat(100_000), format!("{}1{}", "[".repeat(80), "]".repeat(80))] {
            assert_eq!(read_simple_text(&text).value, Value::Text(text));
        }
    }
}
