//! Schemas as the converter writes them: `type`, parts, `optional`, `name`, `version`, `doc`, `parameters`, `default`, and in
//! a struct `field` at the end.

use std::sync::Arc;

use super::scan::Scan;
use super::{DEPTH, JsonError, JsonOptions, read, write};
use crate::connect::{Field, Kind, Schema};
use crate::debezium::value::json::push_str;
use crate::debezium::value::number::push_i64;

/// Appends a schema's text.
pub(super) fn push(schema: &Schema, options: &JsonOptions, out: &mut Vec<u8>) -> Result<(), JsonError> {
    push_member(schema, None, options, 0, out)
}

/// Reads a schema's text; `null` is none.
pub(super) fn parse(text: &[u8]) -> Result<Option<Arc<Schema>>, JsonError> {
    let mut scan = Scan::new(text);
    if scan.null()? {
        return Ok(None);
    }
    Ok(Some(member(&mut scan, 0)?.1))
}

fn push_member(
    schema: &Schema,
    field: Option<&str>,
    options: &JsonOptions,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), JsonError> {
    if depth > DEPTH {
        return Err("nested too deeply".into());
    }
    out.extend_from_slice(b"{\"type\":");
    push_str(schema.kind.name(), out);
    match &schema.kind {
        Kind::Struct(fields) => {
            out.extend_from_slice(b",\"fields\":[");
            for (at, field) in fields.iter().enumerate() {
                out.extend_from_slice(if at == 0 { b"" } else { b"," });
                push_member(&field.schema, Some(&field.name), options, depth + 1, out)?;
            }
            out.push(b']');
        }
        Kind::Array(items) => {
            out.extend_from_slice(b",\"items\":");
            push_member(items, None, options, depth + 1, out)?;
        }
        Kind::Map(keys, values) => {
            out.extend_from_slice(b",\"keys\":");
            push_member(keys, None, options, depth + 1, out)?;
            out.extend_from_slice(b",\"values\":");
            push_member(values, None, options, depth + 1, out)?;
        }
        _ => {}
    }
    out.extend_from_slice(if schema.optional { b",\"optional\":true" } else { b",\"optional\":false" });
    for (label, text) in [("name", &schema.name), ("doc", &schema.doc)] {
        if let Some(text) = text {
            push_label(label, out);
            push_str(text, out);
        }
        if let (Some(version), "name") = (schema.version, label) {
            push_label("version", out);
            push_i64(version.into(), out);
        }
    }
    for (at, (name, value)) in schema.parameters.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b",\"parameters\":{" } else { b"," });
        push_str(name, out);
        out.push(b':');
        push_str(value, out);
    }
    out.extend_from_slice(if schema.parameters.is_empty() { b"" } else { b"}" });
    if let Some(default) = &schema.default {
        push_label("default", out);
        write::push_value(default, Some(schema), options, depth + 1, out)?;
    }
    if let Some(field) = field {
        push_label("field", out);
        push_str(field, out);
    }
    out.push(b'}');
    Ok(())
}

fn push_label(label: &str, out: &mut Vec<u8>) {
    out.push(b',');
    push_str(label, out);
    out.push(b':');
}

/// A schema, and its name as a field.
fn member(scan: &mut Scan<'_>, depth: usize) -> Result<(Option<Arc<str>>, Arc<Schema>), JsonError> {
    if depth > DEPTH {
        return Err("nested too deeply".into());
    }
    let mut schema = Schema::new(Kind::Boolean);
    let (mut kind, mut default, mut field) = (None, None, None);
    let (mut fields, mut items, mut keys, mut values) = (None, None, None, None);
    scan.object(|scan, name| {
        if scan.null()? {
            return Ok(());
        }
        match &*name {
            "type" => kind = Some(scan.string()?),
            "fields" => {
                let mut found = Vec::new();
                scan.array(|scan| {
                    let (name, schema) = member(scan, depth + 1)?;
                    let name = name.ok_or("a struct's schema with a field that has no name")?;
                    found.push(Field { name, schema });
                    Ok::<_, JsonError>(())
                })?;
                fields = Some(found);
            }
            "items" => items = Some(member(scan, depth + 1)?.1),
            "keys" => keys = Some(member(scan, depth + 1)?.1),
            "values" => values = Some(member(scan, depth + 1)?.1),
            "optional" => schema.optional = scan.boolean()?,
            "name" => schema.name = Some(scan.string()?.into()),
            "version" => schema.version = Some(scan.number()?.parse().map_err(|_| "a schema's version that is none")?),
            "doc" => schema.doc = Some(scan.string()?.into()),
            "parameters" => scan.object(|scan, name| {
                schema.parameters.push((name.into(), scan.string()?.into()));
                Ok::<_, JsonError>(())
            })?,
            "default" => default = Some(scan.raw()?),
            "field" => field = Some(Arc::from(scan.string()?)),
            _ => drop(scan.raw()?),
        }
        Ok::<_, JsonError>(())
    })?;
    schema.kind = match kind.as_deref() {
        Some("int8") => Kind::Int8,
        Some("int16") => Kind::Int16,
        Some("int32") => Kind::Int32,
        Some("int64") => Kind::Int64,
        Some("float") => Kind::Float32,
        Some("double") => Kind::Float64,
        Some("boolean") => Kind::Boolean,
        Some("string") => Kind::Text,
        Some("bytes") => Kind::Bytes,
        Some("array") => Kind::Array(items.ok_or("an array's schema without `items`")?),
        Some("map") => {
            Kind::Map(keys.ok_or("a map's schema without `keys`")?, values.ok_or("a map's schema without `values`")?)
        }
        Some("struct") => Kind::Struct(fields.ok_or("a struct's schema without `fields`")?),
        Some(_) => return Err("a schema of a type that Connect does not have".into()),
        None => return Err("a schema without `type`".into()),
    };
    if let Some(default) = default {
        schema.default = Some(read::value(&mut Scan::new(default), Some(&schema), false, depth + 1)?);
    }
    Ok((field, Arc::new(schema)))
}
