//! `Flatten`: nested structs (maps, without a schema) become one, the names joined by a delimiter.

use std::sync::Arc;

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectRecord, Field, Kind, Schema, Value};

use super::super::schema_cache::SchemaCache;
use super::super::{Transform, TransformClass};
use super::shape::{Part, basics, failed, last_of_each, struct_of, take_map, take_struct};
use super::{Configured, checked, finish};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &["org.apache.kafka.connect.transforms.Flatten$Value", "org.apache.kafka.connect.transforms.Flatten$Key"],
    properties: PROPERTIES,
    repeats_mistakes: false,
    configure,
};

const PROPERTIES: &[Property] =
    &[Property::new("delimiter", Form::Text, Some("."), "what stands between an outer and an inner name")];

const PURPOSE: &str = "flattening";

struct Flatten {
    part: Part,
    delimiter: String,
    schemas: SchemaCache<Arc<Schema>>,
}

impl Transform for Flatten {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        let data = self.part.in_record(&mut record);
        if data.value.is_null() {
            return Ok(Some(record));
        }
        let Some(schema) = data.schema.clone() else {
            let mut flat = Vec::new();
            self.flatten_map(take_map(data, PURPOSE)?, "", &mut flat);
            data.value = Value::Map(last_of_each(flat));
            return Ok(Some(record));
        };
        let values = take_struct(data, PURPOSE)?;
        let delimiter = &self.delimiter;
        let flat = self.schemas.get(&schema, |schema| flat_schema(schema, delimiter))?;
        data.schema = Some(Arc::clone(flat));
        let mut out = Vec::with_capacity(flat.fields().len());
        flatten_struct(schema.fields(), Some(values), &mut out);
        data.value = Value::Struct(out);
        Ok(Some(record))
    }
}

impl Flatten {
    fn flatten_map(&self, map: Vec<(Value, Value)>, prefix: &str, out: &mut Vec<(Value, Value)>) {
        for (key, value) in map {
            let name = joined(prefix, key.as_text().unwrap_or_default(), &self.delimiter);
            match value {
                Value::Map(inner) => self.flatten_map(inner, &name, out),
                value => out.push((Value::Text(name), value)),
            }
        }
    }
}

fn joined(prefix: &str, name: &str, delimiter: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}{delimiter}{name}") }
}

/// The values of a struct and of the structs in it; nulls for all that a missing struct has. Defaults stand in for nulls, but
/// not those of a struct that is missing, as Kafka does it.
fn flatten_struct(fields: &[Field], values: Option<Vec<Value>>, out: &mut Vec<Value>) {
    let mut values = values.map(Vec::into_iter);
    for field in fields {
        let value = values.as_mut().map(|values| values.next().unwrap_or(Value::Null));
        match (&field.schema.kind, value) {
            (Kind::Struct(inner), Some(Value::Struct(values))) => flatten_struct(inner, Some(values), out),
            (Kind::Struct(inner), _) => flatten_struct(inner, None, out),
            (_, Some(Value::Null)) => out.push(field.schema.default.clone().unwrap_or(Value::Null)),
            (_, value) => out.push(value.unwrap_or(Value::Null)),
        }
    }
}

fn flat_schema(schema: &Schema, delimiter: &str) -> Result<Arc<Schema>, Problem> {
    let mut fields = Vec::new();
    collect(schema, "", delimiter, schema.optional, schema.default.as_ref(), &mut fields)?;
    Ok(Arc::new(basics(schema, struct_of(fields)?)))
}

/// A field is optional when it or a struct around it is; its default is its own, or what the default of a struct around it says.
fn collect(
    schema: &Schema,
    prefix: &str,
    delimiter: &str,
    optional: bool,
    default: Option<&Value>,
    out: &mut Vec<Field>,
) -> Result<(), Problem> {
    for (at, field) in schema.fields().iter().enumerate() {
        let name = joined(prefix, &field.name, delimiter);
        let optional = optional || field.schema.optional;
        let outer =
            default.and_then(Value::as_struct).and_then(|values| values.get(at)).filter(|value| !value.is_null());
        let default = field.schema.default.as_ref().or(outer);
        match &field.schema.kind {
            Kind::Struct(_) => collect(&field.schema, &name, delimiter, optional, default, out)?,
            Kind::Map(..) => {
                return Err(failed(
                    format!("Flatten transformation does not support MAP for record with schemas (for field {name})."),
                    format!("Remove '{name}' before with org.apache.kafka.connect.transforms.ReplaceField."),
                ));
            }
            kind => {
                let schema = basics(&field.schema, kind.clone());
                out.push(Field::new(name, Schema { optional, default: default.cloned(), ..schema }));
            }
        }
    }
    Ok(())
}

fn configure(class: &str, config: &Config) -> Configured {
    let (config, problems) = checked(config, PROPERTIES);
    let delimiter = config.text("delimiter").to_owned();
    finish(Some(Flatten { part: Part::of(class), delimiter, schemas: SchemaCache::default() }), problems)
}
