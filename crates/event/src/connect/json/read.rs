//! The reading side.

use std::collections::HashMap;
use std::sync::Arc;

use super::scan::Scan;
use super::{DECIMAL, DEPTH, JsonError, KEPT_BYTES, KEPT_SCHEMAS, KEPT_TEXT_BYTES, decimal, schema};
use crate::connect::{Kind, Schema, Typed, Value};
use crate::debezium::value::bytes::decode_base64;

/// Schema texts that are looked for first.
const RECENT: usize = 4;

/// Reads the converter's JSON.
#[derive(Debug, Default)]
pub struct JsonReader {
    schemas: bool,
    replace_null: bool,
    kept: HashMap<Arc<[u8]>, Option<Arc<Schema>>>,
    kept_bytes: usize,
    /// The texts met last; the next record has mostly one of them.
    recent: Vec<Known>,
}

/// A schema's text and what it says.
type Known = (Arc<[u8]>, Option<Arc<Schema>>);

impl JsonReader {
    /// A reader of values with schemas (`{"schema":…,"payload":…}` and nothing else), or of plain JSON.
    pub fn new(schemas: bool) -> Self {
        JsonReader { schemas, ..JsonReader::default() }
    }

    /// `replace.null.with.default`: null in a field with a default is read as the default. Without this it stays null.
    pub fn replacing_null(mut self, replace_null: bool) -> Self {
        self.replace_null = replace_null;
        self
    }

    /// A record's key, value or header; no bytes are null without a schema. Plain JSON has no schema: its numbers are `Int64`
    /// or `Float64`, its objects maps.
    pub fn read(&mut self, bytes: Option<&[u8]>) -> Result<Typed, JsonError> {
        let Some(bytes) = bytes else { return Ok(Typed::NULL) };
        let (schema, payload) = if self.schemas { self.envelope(bytes)? } else { (None, bytes) };
        let mut scan = Scan::new(payload);
        let value = value(&mut scan, schema.as_deref(), self.replace_null, 0)?;
        scan.end()?;
        Ok(Typed { schema, value })
    }

    /// Where a text begins as an envelope does: its schema, and where in the text its payload begins.
    pub fn opening(&mut self, text: &[u8]) -> Option<(Option<Arc<Schema>>, usize)> {
        let mut scan = Scan::new(text.strip_prefix(b"{\"schema\":")?);
        let schema = scan.raw().ok()?;
        let payload = scan.rest().strip_prefix(b",\"payload\":")?;
        Some((self.schema(schema).ok()?, text.len() - payload.len()))
    }

    /// What follows an [`opening`](Self::opening): the payload, and the envelope's end. Of a struct the fields that `skip` is
    /// true of, by their places, stay null.
    pub fn read_opened(&self, schema: Option<&Arc<Schema>>, rest: &[u8], skip: &[bool]) -> Result<Typed, JsonError> {
        let mut scan = Scan::new(rest);
        let value = match schema {
            Some(schema) if skip.contains(&true) && scan.peek() == Some(b'{') => {
                Value::Struct(fields(&mut scan, schema, self.replace_null, 0, skip)?)
            }
            _ => value(&mut scan, schema.map(|schema| &**schema), self.replace_null, 0)?,
        };
        if !scan.take(b'}') {
            return Err("an object that is not closed".into());
        }
        scan.end()?;
        Ok(Typed { schema: schema.cloned(), value })
    }

    /// The schema, and the payload's text.
    fn envelope<'a>(&mut self, bytes: &'a [u8]) -> Result<(Option<Arc<Schema>>, &'a [u8]), JsonError> {
        if let Some(rest) = bytes.strip_prefix(b"{\"schema\":").and_then(|rest| rest.strip_suffix(b"}")) {
            let known = self.recent.iter().enumerate().find_map(|(at, (text, schema))| {
                Some((at, schema, rest.strip_prefix(&**text)?.strip_prefix(b",\"payload\":")?))
            });
            if let Some((at, schema, payload)) = known {
                let schema = schema.clone();
                if let Some(met) = self.recent.get_mut(..=at) {
                    met.rotate_right(1);
                }
                return Ok((schema, payload));
            }
        }
        let (mut scan, mut schema, mut payload) = (Scan::new(bytes), None, None);
        if scan.peek() != Some(b'{') {
            return Err(NO_ENVELOPE.into());
        }
        scan.object(|scan, name| {
            match &*name {
                "schema" => schema = Some(scan.raw()?),
                "payload" => payload = Some(scan.raw()?),
                _ => return Err(JsonError::from(NO_ENVELOPE)),
            }
            Ok(())
        })?;
        scan.end()?;
        let (Some(schema), Some(payload)) = (schema, payload) else { return Err(NO_ENVELOPE.into()) };
        Ok((self.schema(schema)?, payload))
    }

    fn schema(&mut self, text: &[u8]) -> Result<Option<Arc<Schema>>, JsonError> {
        let (text, schema) = match self.kept.get_key_value(text) {
            Some((text, schema)) => (text.clone(), schema.clone()),
            None => {
                let schema = schema::parse(text)?;
                if text.len() > KEPT_TEXT_BYTES {
                    return Ok(schema);
                }
                if self.kept.len() >= KEPT_SCHEMAS || self.kept_bytes + text.len() > KEPT_BYTES {
                    self.kept.clear();
                    self.kept_bytes = 0;
                }
                let text: Arc<[u8]> = text.into();
                self.kept_bytes += text.len();
                self.kept.insert(text.clone(), schema.clone());
                (text, schema)
            }
        };
        self.recent.truncate(RECENT - 1);
        self.recent.insert(0, (text, schema.clone()));
        Ok(schema)
    }
}

/// One value: with a schema what that says, without one what the text says.
pub(super) fn value(
    scan: &mut Scan<'_>,
    schema: Option<&Schema>,
    replace_null: bool,
    depth: usize,
) -> Result<Value, JsonError> {
    if depth > DEPTH {
        return Err("nested too deeply".into());
    }
    let null = scan.null()?;
    let Some(schema) = schema else { return if null { Ok(Value::Null) } else { plain(scan, depth) } };
    if null {
        return absent(schema, replace_null);
    }
    Ok(match &schema.kind {
        Kind::Int8 => Value::Int8(integer(scan)?),
        Kind::Int16 => Value::Int16(integer(scan)?),
        Kind::Int32 => Value::Int32(integer(scan)?),
        Kind::Int64 => Value::Int64(integer(scan)?),
        Kind::Float32 => Value::Float32(float(scan)?),
        Kind::Float64 => Value::Float64(float(scan)?),
        Kind::Boolean => Value::Boolean(scan.boolean()?),
        Kind::Text => Value::Text(scan.string()?.into_owned()),
        Kind::Bytes => Value::Bytes(bytes(scan, schema)?.into()),
        Kind::Array(items) => {
            let mut elements = Vec::new();
            scan.array(|scan| {
                elements.push(value(scan, Some(items), replace_null, depth + 1)?);
                Ok::<_, JsonError>(())
            })?;
            Value::Array(elements)
        }
        Kind::Map(keys, values) => Value::Map(map(scan, keys, values, replace_null, depth)?),
        Kind::Struct(_) => Value::Struct(fields(scan, schema, replace_null, depth, &[])?),
    })
}

/// What null, or a field that is not there, stands for.
fn absent(schema: &Schema, replace_null: bool) -> Result<Value, JsonError> {
    match &schema.default {
        Some(default) if replace_null => Ok(default.clone()),
        _ if schema.optional => Ok(Value::Null),
        _ => Err("null where the schema demands a value".into()),
    }
}

/// Fields come in the schema's order, none is missing and no name is escaped, unless a stranger wrote them.
fn fields(
    scan: &mut Scan<'_>,
    schema: &Schema,
    replace_null: bool,
    depth: usize,
    skip: &[bool],
) -> Result<Vec<Value>, JsonError> {
    let fields = schema.fields();
    let mut values = Vec::with_capacity(fields.len());
    scan.begin_object()?;
    for field in fields {
        if !scan.is_member(values.is_empty(), &field.name) {
            return strange_fields(scan, schema, replace_null, depth, values);
        }
        if skip.get(values.len()) == Some(&true) {
            scan.pass()?;
            values.push(Value::Null);
            continue;
        }
        let read = value(scan, Some(&field.schema), replace_null, depth + 1);
        values.push(read.map_err(|error| error.within(&field.name))?);
    }
    if scan.take(b'}') { Ok(values) } else { strange_fields(scan, schema, replace_null, depth, values) }
}

/// Fields in any order, behind the first ones.
fn strange_fields(
    scan: &mut Scan<'_>,
    schema: &Schema,
    replace_null: bool,
    depth: usize,
    first: Vec<Value>,
) -> Result<Vec<Value>, JsonError> {
    let fields = schema.fields();
    let is_first = first.is_empty();
    let mut values: Vec<Option<Value>> = first.into_iter().map(Some).collect();
    values.resize_with(fields.len(), || None);
    scan.members(is_first, &mut |scan, name| {
        let Some((at, field)) = schema.field(&name) else {
            scan.raw()?;
            return Ok(());
        };
        let read = value(scan, Some(&field.schema), replace_null, depth + 1).map_err(|error| error.within(&name))?;
        if let Some(place) = values.get_mut(at) {
            *place = Some(read);
        }
        Ok::<_, JsonError>(())
    })?;
    let all = values.into_iter().zip(fields);
    all.map(|(value, field)| match value {
        Some(value) => Ok(value),
        None => absent(&field.schema, replace_null).map_err(|error| error.within(&field.name)),
    })
    .collect()
}

/// Maps with text keys are objects, others arrays of pairs.
fn map(
    scan: &mut Scan<'_>,
    keys: &Schema,
    values: &Schema,
    replace_null: bool,
    depth: usize,
) -> Result<Vec<(Value, Value)>, JsonError> {
    let mut entries = Vec::new();
    if keys.kind == Kind::Text {
        scan.object(|scan, name| {
            let value = value(scan, Some(values), replace_null, depth + 1)?;
            entries.push((Value::Text(name.into_owned()), value));
            Ok::<_, JsonError>(())
        })?;
        return Ok(entries);
    }
    scan.array(|scan| {
        let mut pair = Vec::new();
        scan.array(|scan| {
            let schema = if pair.is_empty() { keys } else { values };
            pair.push(value(scan, Some(schema), replace_null, depth + 2)?);
            Ok::<_, JsonError>(())
        })?;
        let [key, value] = <[Value; 2]>::try_from(pair).map_err(|_| "a map's entry that is no pair")?;
        entries.push((key, value));
        Ok::<_, JsonError>(())
    })?;
    Ok(entries)
}

/// A value without schema that is not null.
fn plain(scan: &mut Scan<'_>, depth: usize) -> Result<Value, JsonError> {
    Ok(match scan.peek() {
        Some(b'"') => Value::Text(scan.string()?.into_owned()),
        Some(b't' | b'f') => Value::Boolean(scan.boolean()?),
        Some(b'[') => {
            let mut elements = Vec::new();
            scan.array(|scan| {
                elements.push(value(scan, None, false, depth + 1)?);
                Ok::<_, JsonError>(())
            })?;
            Value::Array(elements)
        }
        Some(b'{') => {
            let mut entries = Vec::new();
            scan.object(|scan, name| {
                let value = value(scan, None, false, depth + 1)?;
                entries.push((Value::Text(name.into_owned()), value));
                Ok::<_, JsonError>(())
            })?;
            Value::Map(entries)
        }
        _ => {
            let number = scan.number().map_err(|_| "not JSON")?;
            if number.contains(['.', 'e', 'E']) {
                Value::Float64(number.parse().map_err(|_| "not a number")?)
            } else {
                Value::Int64(number.parse().map_err(|_| "a whole number of more than 64 bits")?)
            }
        }
    })
}

fn integer<T: std::str::FromStr>(scan: &mut Scan<'_>) -> Result<T, JsonError> {
    scan.number()?.parse().map_err(|_| "a number that its schema's type cannot hold".into())
}

fn float<T: std::str::FromStr>(scan: &mut Scan<'_>) -> Result<T, JsonError> {
    const WRONG: &str = "not a floating-point number";
    if scan.peek() != Some(b'"') {
        return scan.number()?.parse().map_err(|_| WRONG.into());
    }
    match &*scan.string()? {
        special @ ("NaN" | "Infinity" | "-Infinity") => special.parse().map_err(|_| WRONG.into()),
        _ => Err(WRONG.into()),
    }
}

/// Base64; a Decimal may also be a number.
fn bytes(scan: &mut Scan<'_>, schema: &Schema) -> Result<Vec<u8>, JsonError> {
    if schema.is_named(DECIMAL) && scan.peek() != Some(b'"') {
        let number = scan.number().map_err(|_| "neither a number nor base64")?;
        return Ok(decimal::unscaled(number, decimal::scale(schema)?)?);
    }
    decode_base64(&scan.string()?).map_err(|_| "not base64".into())
}

const NO_ENVELOPE: &str = "not an object of `schema` and `payload` and nothing else, which the JSON converter reads with \
                           schemas.enable=true; plain JSON needs schemas.enable=false";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_without_end_take_a_bounded_place() {
        let mut reader = JsonReader::new(true);
        let text = |n: usize, length: usize| {
            let name = "n".repeat(length);
            format!("{{\"schema\":{{\"type\":\"int64\",\"name\":\"{n}{name}\"}},\"payload\":{n}}}").into_bytes()
        };
        let mut check = |n: usize, length: usize| {
            assert_eq!(reader.read(Some(&text(n, length))).unwrap().value, Value::Int64(n as i64));
            let bytes: usize = reader.kept.keys().map(|text| text.len()).sum();
            assert!(bytes == reader.kept_bytes && bytes <= KEPT_BYTES && reader.kept.len() <= KEPT_SCHEMAS);
            assert!(
                reader.recent.len() <= RECENT && reader.recent.iter().all(|(text, _)| text.len() <= KEPT_TEXT_BYTES)
            );
        };
        (0..3 * KEPT_SCHEMAS).for_each(|n| check(n, 1));
        (0..40).for_each(|n| check(n, KEPT_TEXT_BYTES - 100));
        check(0, 2 * KEPT_BYTES);
    }
}
