//! The writing side.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::{DECIMAL, DEPTH, JsonError, JsonOptions, KEPT_BYTES, KEPT_SCHEMAS, KEPT_TEXT_BYTES, decimal, schema};
use crate::connect::{Kind, Schema, Typed, Value};
use crate::debezium::JsonDecimal;
use crate::debezium::value::bytes::push_base64;
use crate::debezium::value::json::push_str;
use crate::debezium::value::number::{push_f32, push_f64, push_i64};

/// Writes the converter's JSON.
#[derive(Debug)]
pub struct JsonWriter {
    options: JsonOptions,
    /// Openings of envelopes by a schema's address; the schema is held so that the address stays its own.
    kept: HashMap<usize, (Arc<Schema>, Bytes)>,
    kept_bytes: usize,
    /// The opening for values without schema.
    schemaless: Bytes,
}

impl JsonWriter {
    /// A writer with these options.
    pub fn new(options: JsonOptions) -> Self {
        JsonWriter {
            options,
            schemaless: Bytes::from_static(b"{\"schema\":null,\"payload\":"),
            kept: HashMap::new(),
            kept_bytes: 0,
        }
    }

    /// Appends a record's key, value or header. `false`, with nothing appended, when it is null without a schema: no bytes. On an
    /// error nothing was appended.
    pub fn write(&mut self, data: &Typed, out: &mut Vec<u8>) -> Result<bool, JsonError> {
        if data.schema.is_none() && data.value.is_null() {
            return Ok(false);
        }
        let start = out.len();
        let written = self.push(data, out);
        if written.is_err() {
            out.truncate(start);
        }
        written.map(|()| true)
    }

    /// The same in two parts, which repeat differently: appends the payload, behind which `}` belongs, and returns what
    /// belongs before it, one for all values of a schema. `None` when there are no bytes.
    pub fn write_payload(&mut self, data: &Typed, out: &mut Vec<u8>) -> Result<Option<Bytes>, JsonError> {
        let open = match &data.schema {
            Some(schema) => self.open(schema)?,
            None if data.value.is_null() => return Ok(None),
            None => self.schemaless.clone(),
        };
        let start = out.len();
        match push_value(&data.value, data.schema.as_deref(), &self.options, 0, out) {
            Ok(()) => Ok(Some(open)),
            Err(error) => {
                out.truncate(start);
                Err(error)
            }
        }
    }

    fn push(&mut self, data: &Typed, out: &mut Vec<u8>) -> Result<(), JsonError> {
        if !self.options.schemas {
            return push_value(&data.value, data.schema.as_deref(), &self.options, 0, out);
        }
        let open = match &data.schema {
            Some(schema) => self.open(schema)?,
            None => self.schemaless.clone(),
        };
        out.extend_from_slice(&open);
        push_value(&data.value, data.schema.as_deref(), &self.options, 0, out)?;
        out.push(b'}');
        Ok(())
    }

    /// An envelope up to its payload.
    fn open(&mut self, schema: &Arc<Schema>) -> Result<Bytes, JsonError> {
        let address = Arc::as_ptr(schema).addr();
        if let Some((_, open)) = self.kept.get(&address) {
            return Ok(open.clone());
        }
        let mut open = b"{\"schema\":".to_vec();
        schema::push(schema, &self.options, &mut open)?;
        open.extend_from_slice(b",\"payload\":");
        let open = Bytes::from(open);
        if open.len() > KEPT_TEXT_BYTES {
            return Ok(open);
        }
        if self.kept.len() >= KEPT_SCHEMAS || self.kept_bytes + open.len() > KEPT_BYTES {
            self.kept.clear();
            self.kept_bytes = 0;
        }
        self.kept_bytes += open.len();
        self.kept.insert(address, (schema.clone(), open.clone()));
        Ok(open)
    }
}

/// Appends one value.
pub(super) fn push_value(
    value: &Value,
    schema: Option<&Schema>,
    options: &JsonOptions,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), JsonError> {
    if depth > DEPTH {
        return Err("nested too deeply".into());
    }
    let (Value::Null, Some(schema)) = (value, schema) else { return push_present(value, schema, options, depth, out) };
    match &schema.default {
        Some(default) if options.replace_null => push_present(default, Some(schema), options, depth, out),
        _ if schema.optional => push_present(value, None, options, depth, out),
        _ => Err("null where the schema demands a value".into()),
    }
}

fn push_present(
    value: &Value,
    schema: Option<&Schema>,
    options: &JsonOptions,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), JsonError> {
    let kind = schema.map(|schema| &schema.kind);
    match (value, kind) {
        (Value::Null, None) => out.extend_from_slice(b"null"),
        (Value::Boolean(value), None | Some(Kind::Boolean)) => {
            out.extend_from_slice(if *value { b"true" } else { b"false" });
        }
        (Value::Int8(value), None | Some(Kind::Int8)) => push_i64((*value).into(), out),
        (Value::Int16(value), None | Some(Kind::Int16)) => push_i64((*value).into(), out),
        (Value::Int32(value), None | Some(Kind::Int32)) => push_i64((*value).into(), out),
        (Value::Int64(value), None | Some(Kind::Int64)) => push_i64(*value, out),
        (Value::Float32(value), None | Some(Kind::Float32)) => push_f32(*value, out),
        (Value::Float64(value), None | Some(Kind::Float64)) => push_f64(*value, out),
        (Value::Text(value), None | Some(Kind::Text)) => push_str(value, out),
        (Value::Bytes(value), None | Some(Kind::Bytes)) => match schema {
            Some(schema) if options.decimal == JsonDecimal::Numeric && schema.is_named(DECIMAL) => {
                decimal::push_decimal(value, decimal::scale(schema)?, out)?;
            }
            _ => push_base64(value, out),
        },
        (Value::Array(elements), None | Some(Kind::Array(_))) => {
            let items = if let Some(Kind::Array(items)) = kind { Some(&**items) } else { None };
            out.push(b'[');
            for (at, element) in elements.iter().enumerate() {
                out.extend_from_slice(if at == 0 { b"" } else { b"," });
                push_value(element, items, options, depth + 1, out)?;
            }
            out.push(b']');
        }
        (Value::Map(entries), None | Some(Kind::Map(..))) => {
            let schemas = if let Some(Kind::Map(keys, values)) = kind { Some((&**keys, &**values)) } else { None };
            push_map(entries, schemas, options, depth, out)?;
        }
        (Value::Struct(values), Some(Kind::Struct(fields))) if values.len() == fields.len() => {
            out.push(b'{');
            for (at, (value, field)) in values.iter().zip(fields).enumerate() {
                out.extend_from_slice(if at == 0 { b"" } else { b"," });
                push_str(&field.name, out);
                out.push(b':');
                push_value(value, Some(&field.schema), options, depth + 1, out)
                    .map_err(|error| error.within(&field.name))?;
            }
            out.push(b'}');
        }
        _ => return Err("a value that is not of its schema's type".into()),
    }
    Ok(())
}

/// Maps with text keys are objects, others arrays of pairs.
fn push_map(
    entries: &[(Value, Value)],
    schemas: Option<(&Schema, &Schema)>,
    options: &JsonOptions,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), JsonError> {
    let (keys, values) = schemas.unzip();
    let object = match keys {
        Some(keys) => keys.kind == Kind::Text,
        None => entries.iter().all(|(key, _)| matches!(key, Value::Text(_))),
    };
    out.push(if object { b'{' } else { b'[' });
    for (at, (key, value)) in entries.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b"" } else { b"," });
        if object {
            push_str(key.as_text().ok_or("a map with a key that is not text")?, out);
            out.push(b':');
        } else {
            out.push(b'[');
            push_value(key, keys, options, depth + 2, out)?;
            out.push(b',');
        }
        push_value(value, values, options, depth + 2, out)?;
        out.extend_from_slice(if object { b"" } else { b"]" });
    }
    out.push(if object { b'}' } else { b']' });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_without_end_take_a_bounded_place() {
        let mut writer = JsonWriter::new(JsonOptions::default());
        let mut check = |n: usize, length: usize| {
            let schema = Schema::new(Kind::Int64).named(format!("{n}{}", "n".repeat(length)));
            let mut out = Vec::new();
            assert_eq!(writer.write(&Typed::new(schema, Value::Int64(1)), &mut out), Ok(true));
            let bytes: usize = writer.kept.values().map(|(_, open)| open.len()).sum();
            assert!(bytes == writer.kept_bytes && bytes <= KEPT_BYTES && writer.kept.len() <= KEPT_SCHEMAS);
        };
        (0..3 * KEPT_SCHEMAS).for_each(|n| check(n, 1));
        (0..40).for_each(|n| check(n, KEPT_TEXT_BYTES - 100));
        check(0, 2 * KEPT_BYTES);
    }
}
