//! `HeaderToValue`: headers become fields of the value.

use std::sync::Arc;

use tailwater_connector::property::{Form, check};
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectHeader, ConnectRecord, Field, Kind, Schema, Value};

use crate::transform::schema_cache::SchemaCache;
use crate::transform::{Transform, TransformClass};

use super::envelope::not_a_struct;
use super::{Configured, finish, invalid, strict};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &["io.debezium.transforms.HeaderToValue"],
    properties: PROPERTIES,
    repeats_mistakes: true,
    configure,
};

const PROPERTIES: &[Property] = &[
    Property::new("headers", Form::List, None, "names of headers").required(),
    Property::new("fields", Form::List, None, "the field for each of them; a dot leads into a struct").required(),
    Property::new("operation", Form::OneOf(&["move", "copy"]), None, "whether the headers go (move) or stay (copy)")
        .required(),
];

struct HeaderToValue {
    /// Headers and where they go.
    fields: Vec<(String, Vec<String>)>,
    moved: bool,
    /// Whether a null of a struct that is rebuilt becomes its field's default.
    strict: bool,
    shapes: SchemaCache<Shape>,
}

/// The schema with fields for the headers that a record has.
struct Shape {
    /// Which headers, by their place in the options, with their schemas.
    headers: Vec<(usize, Option<Arc<Schema>>)>,
    schema: Arc<Schema>,
}

impl Transform for HeaderToValue {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        if record.value.value.is_null() {
            return Ok(Some(record));
        }
        // The last of a name counts.
        let last = |name: &str| record.headers.iter().rfind(|header| *header.name == *name);
        let found = self.fields.iter().enumerate().filter_map(|(at, (name, _))| Some((at, last(name)?)));
        let found: Vec<(usize, &ConnectHeader)> = found.collect();
        if found.is_empty() {
            return Ok(Some(record));
        }
        let (Some(schema), Value::Struct(values)) = (&record.value.schema, &mut record.value.value) else {
            return Err(not_a_struct(record.value.schema.as_deref().unwrap_or(&Schema::new(Kind::Text))));
        };
        let headers = || found.iter().map(|(at, header)| (*at, header.value.schema.clone()));
        let fits = |shape: &Shape| shape.headers.iter().cloned().eq(headers());
        let shape = self.shapes.get_fit(schema, fits, |schema| {
            let mut extended = Schema { optional: false, default: None, ..Schema::clone(schema) };
            for (at, header) in &found {
                if let Some((_, path)) = self.fields.get(*at) {
                    let added =
                        header.value.schema.clone().unwrap_or_else(|| Schema::new(Kind::Text).optional().into());
                    extend(&mut extended, path, added, self.strict.then_some(0))?;
                }
            }
            Ok(Shape { headers: headers().collect(), schema: extended.into() })
        })?;
        if self.strict {
            fill(&shape.schema, values);
        }
        for (at, header) in &found {
            if let Some((_, path)) = self.fields.get(*at) {
                push(&shape.schema, values, path, header.value.value.clone(), self.strict);
            }
        }
        record.value.schema = Some(Arc::clone(&shape.schema));
        if self.moved {
            record.headers.retain(|header| !self.fields.iter().any(|(name, _)| **name == *header.name));
        }
        Ok(Some(record))
    }
}

/// Adds a field at the end of the struct that the path leads to; structs on the way that are missing are made. `strict` says how
/// deep in structs this is, when Debezium's mistakes are repeated: structs on the way do not allow null any more, and one that is
/// made within another stays empty.
fn extend(schema: &mut Schema, path: &[String], added: Arc<Schema>, strict: Option<usize>) -> Result<(), Problem> {
    let Some((name, rest)) = path.split_first() else { return Ok(()) };
    let at = schema.field(name).map(|(at, _)| at);
    let Kind::Struct(fields) = &mut schema.kind else { return Err(not_a_struct(schema)) };
    if rest.is_empty() {
        if at.is_some() {
            let reason = format!("records have a field '{name}' already");
            return Err(invalid("fields", reason, "Give the field of the header another name."));
        }
        fields.push(Field::new(name.as_str(), added));
        return Ok(());
    }
    let at = at.unwrap_or(fields.len());
    if at == fields.len() {
        fields.push(Field::new(name.as_str(), Schema::new(Kind::Struct(Vec::new())).optional()));
        if strict.is_some_and(|depth| depth > 0) {
            return Ok(());
        }
    } else if strict.is_some()
        && let Some(field) = fields.get_mut(at)
    {
        Arc::make_mut(&mut field.schema).optional = false;
    }
    let deeper = strict.map(|depth| depth + 1);
    fields.get_mut(at).map_or(Ok(()), |field| extend(Arc::make_mut(&mut field.schema), rest, added, deeper))
}

/// The value for it, by the schema with the new fields; nothing when a struct on the way is null, or stays empty.
fn push(schema: &Schema, values: &mut Vec<Value>, path: &[String], value: Value, strict: bool) {
    match path {
        [] => {}
        [name] if schema.field(name).is_none() => {}
        [_] => values.push(value),
        [name, rest @ ..] => {
            let Some((at, field)) = schema.field(name) else { return };
            if at == values.len() {
                values.push(Value::Struct(Vec::new()));
            }
            if let Some(Value::Struct(inner)) = values.get_mut(at) {
                if strict {
                    fill(&field.schema, inner);
                }
                push(&field.schema, inner, rest, value, strict);
            }
        }
    }
}

/// Puts defaults in place of nulls.
fn fill(schema: &Schema, values: &mut [Value]) {
    for (field, value) in schema.fields().iter().zip(values) {
        if let (Value::Null, Some(default)) = (&*value, &field.schema.default) {
            *value = default.clone();
        }
    }
}

fn configure(_: &str, config: &Config) -> Configured {
    let (config, strict) = strict(config);
    let (config, mut problems) = check(&config, PROPERTIES);
    let (headers, fields) = (config.list("headers"), config.list("fields"));
    if headers.len() != fields.len() {
        problems.push(invalid(
            "fields",
            "'fields' config must have the same number of elements as 'headers' config.",
            "Name one field for each header, in their order.",
        ));
    }
    let path = |field: String| -> Vec<String> { field.split('.').map(str::to_owned).collect() };
    let fields: Vec<_> = headers.into_iter().zip(fields.into_iter().map(path)).collect();
    if fields.iter().flat_map(|(_, path)| path).any(String::is_empty) {
        problems.push(invalid("fields", "a part of a name is empty", "Write it as in op_header,after.tenant"));
    }
    let moved = config.text("operation").trim().eq_ignore_ascii_case("move");
    finish(Some(HeaderToValue { fields, moved, strict, shapes: SchemaCache::default() }), problems)
}

#[cfg(test)]
mod tests {
    use tailwater_event::connect::Typed;

    use super::super::sample::{Table, built, configured, named};
    use super::*;

    fn with_headers(mut record: ConnectRecord, headers: &[(&str, i32)]) -> ConnectRecord {
        record.headers.extend(headers.iter().map(|(name, value)| ConnectHeader {
            name: (*name).into(),
            value: Typed::new(Schema::new(Kind::Int32), Value::Int32(*value)),
        }));
        record
    }

    #[test]
    fn headers_become_fields_where_they_are_told() {
        for (operation, left) in [("move", 1), ("copy", 4)] {
            let options = [("headers", "h1,h2"), ("fields", "one,after.two"), ("operation", operation)];
            let (table, mut transform) = (Table::new(), built(&CLASS, &options));
            let change = || table.change("c", None, Some((1, None, None)));
            let headers = [("h1", 8), ("x", 0), ("h2", 2), ("h1", 1)];
            let record = transform.apply(with_headers(change(), &headers)).unwrap().unwrap();
            assert_eq!(record.headers.len(), left);
            assert_eq!(named(&record.value)[6], ("one", &Value::Int32(1)));
            let (schema, value) = record.value.field("after").unwrap();
            assert_eq!(schema.fields()[3].name, "two".into());
            assert_eq!((value.as_struct().unwrap()[3].clone(), schema.optional), (Value::Int32(2), true));
            let before = record.value.field("before").unwrap().0;
            assert_eq!(before.fields().len(), 3);
            let fewer = transform.apply(with_headers(change(), &[("h1", 1)])).unwrap().unwrap();
            assert_eq!(named(&fewer.value).len(), 7);
            assert_eq!(fewer.value.field("after").unwrap().0.fields().len(), 3);
            assert_eq!(transform.apply(change()).unwrap().unwrap(), change());
            let deleted = with_headers(table.change("d", Some((1, None, None)), None), &[("h2", 2)]);
            assert_eq!(transform.apply(deleted).unwrap().unwrap().value.field("after").unwrap().1, &Value::Null);
        }
    }

    #[test]
    fn a_struct_that_is_missing_is_made() {
        let options = [("headers", "h1,h2"), ("fields", "new.one,new.two"), ("operation", "copy")];
        let record = with_headers(Table::new().change("c", None, Some((1, None, None))), &[("h2", 2), ("h1", 1)]);
        let record = built(&CLASS, &options).apply(record).unwrap().unwrap();
        let (schema, value) = record.value.field("new").unwrap();
        assert_eq!(
            (schema.fields()[1].name.as_ref(), value.as_struct().unwrap()),
            ("two", &[1, 2].map(Value::Int32)[..])
        );
    }

    #[test]
    fn a_field_that_is_there_or_has_no_struct_is_refused() {
        for field in ["op", "op.x"] {
            let options = [("headers", "h"), ("fields", field), ("operation", "copy")];
            let record = with_headers(Table::new().change("c", None, Some((1, None, None))), &[("h", 1)]);
            assert!(built(&CLASS, &options).apply(record).is_err(), "{field}");
        }
        for fields in ["a,b", "a..b"] {
            let options = [("headers", "h"), ("fields", fields), ("operation", "copy")];
            assert_eq!(configured(&CLASS, &options).err().unwrap()[0].code, "PROPERTY_INVALID");
        }
    }
}
