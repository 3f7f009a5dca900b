//! `ValueToKey`: a new key of some fields of the value.

use std::sync::Arc;

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectRecord, Field, Kind, Schema, Typed, Value};

use super::super::schema_cache::SchemaCache;
use super::super::{Transform, TransformClass};
use super::shape::{REPLACE_NULL, entry, failed, list, no_map, no_struct};
use super::{Configured, checked, finish};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &["org.apache.kafka.connect.transforms.ValueToKey"],
    properties: PROPERTIES,
    repeats_mistakes: false,
    configure,
};

const PROPERTIES: &[Property] = &[
    Property::new("fields", Form::List, None, "names of the value's fields, with commas between them").required(),
    REPLACE_NULL,
];

const PURPOSE: &str = "copying fields from value to key";

struct ValueToKey {
    fields: Vec<String>,
    replace_null: bool,
    plans: SchemaCache<Plan>,
}

/// The key's schema, and where its values stand in the value.
struct Plan {
    schema: Arc<Schema>,
    places: Vec<usize>,
}

impl Transform for ValueToKey {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        record.key = match (&record.value.schema, &record.value.value) {
            (None, Value::Map(map)) => {
                let fields = self.fields.iter();
                let key = fields.map(|field| (Value::Text(field.clone()), entry(map, field).clone())).collect();
                Typed { schema: None, value: Value::Map(key) }
            }
            (None, other) => return Err(no_map(other, PURPOSE)),
            (Some(schema), Value::Struct(values)) => {
                let plan = self.plans.get(schema, |schema| Plan::new(schema, &self.fields))?;
                let value = |(field, &place): (&Field, &usize)| match values.get(place) {
                    None | Some(Value::Null) if self.replace_null => {
                        field.schema.default.clone().unwrap_or(Value::Null)
                    }
                    None => Value::Null,
                    Some(value) => value.clone(),
                };
                let key = plan.schema.fields().iter().zip(&plan.places).map(value).collect();
                Typed { schema: Some(Arc::clone(&plan.schema)), value: Value::Struct(key) }
            }
            (schema, other) => return Err(no_struct(schema.as_deref(), other, PURPOSE)),
        };
        Ok(Some(record))
    }
}

impl Plan {
    fn new(value: &Schema, names: &[String]) -> Result<Plan, Problem> {
        let (mut fields, mut places) = (Vec::new(), Vec::new());
        for name in names {
            let (place, field) = value.field(name).ok_or_else(|| {
                failed(
                    format!("Field does not exist: {name}"),
                    format!(
                        "Remove '{name}' from 'fields', or give the transform a predicate for the topics that have it."
                    ),
                )
            })?;
            fields.push(field.clone());
            places.push(place);
        }
        Ok(Plan { schema: Arc::new(Schema::new(Kind::Struct(fields))), places })
    }
}

fn configure(_: &str, config: &Config) -> Configured {
    let (config, mut problems) = checked(config, PROPERTIES);
    let mut fields: Vec<String> = Vec::new();
    for field in list(&config, "fields", &mut problems) {
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    let replace_null = config.flag("replace.null.with.default");
    finish(Some(ValueToKey { fields, replace_null, plans: SchemaCache::default() }), problems)
}
