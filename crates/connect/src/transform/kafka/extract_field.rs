//! `ExtractField`: a field in place of the whole key or value; with `field.syntax.version=V2` also a nested one.

use std::sync::Arc;

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectRecord, Kind, Schema, Typed, Value};

use super::super::schema_cache::SchemaCache;
use super::super::{Transform, TransformClass};
use super::shape::{Part, REPLACE_NULL, failed, no_map, take_struct, unknown_field};
use super::{Configured, checked, field_path, finish};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &[
        "org.apache.kafka.connect.transforms.ExtractField$Value",
        "org.apache.kafka.connect.transforms.ExtractField$Key",
    ],
    properties: PROPERTIES,
    repeats_mistakes: false,
    configure,
};

const PROPERTIES: &[Property] = &[
    Property::new("field", Form::Text, None, "the field to extract").required(),
    Property::new(
        "field.syntax.version",
        Form::OneOf(&["V1", "V2"]),
        Some("V1"),
        "V2 reads dots in the field's name as steps into nested structs",
    ),
    REPLACE_NULL,
];

const PURPOSE: &str = "field extraction";

struct ExtractField {
    part: Part,
    /// As typed.
    field: String,
    path: Vec<String>,
    replace_null: bool,
    plans: SchemaCache<Plan>,
}

/// The places on the way to the field, each with its schema.
struct Plan(Vec<(usize, Arc<Schema>)>);

impl Transform for ExtractField {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        let data = self.part.in_record(&mut record);
        let Some(schema) = data.schema.clone() else {
            data.value = self.within_map(std::mem::replace(&mut data.value, Value::Null))?;
            return Ok(Some(record));
        };
        let mut value = match data.value {
            Value::Null => Value::Null,
            _ => Value::Struct(take_struct(data, PURPOSE)?),
        };
        let plan = self.plans.get(&schema, |schema| Plan::new(schema, &self.path, &self.field))?;
        for (place, schema) in &plan.0 {
            value = match value {
                Value::Struct(mut values) => {
                    let inner =
                        values.get_mut(*place).map_or(Value::Null, |inner| std::mem::replace(inner, Value::Null));
                    match &schema.default {
                        Some(default) if inner.is_null() && self.replace_null => default.clone(),
                        _ => inner,
                    }
                }
                _ => Value::Null,
            };
        }
        if let Some((_, schema)) = plan.0.last() {
            *data = Typed { schema: Some(Arc::clone(schema)), value };
        }
        Ok(Some(record))
    }
}

impl ExtractField {
    fn within_map(&self, mut value: Value) -> Result<Value, Problem> {
        for (depth, step) in self.path.iter().enumerate() {
            value = match value {
                Value::Null => return Ok(Value::Null),
                Value::Map(entries) => {
                    let found = entries.into_iter().find(|(key, _)| key.as_text() == Some(step));
                    found.map_or(Value::Null, |(_, inner)| inner)
                }
                other => return Err(no_map(&other, if depth == 0 { PURPOSE } else { "nested field access" })),
            };
        }
        Ok(value)
    }
}

impl Plan {
    fn new(outer: &Arc<Schema>, path: &[String], field: &str) -> Result<Plan, Problem> {
        let mut places = Vec::new();
        let mut schema = outer;
        for step in path {
            if !matches!(schema.kind, Kind::Struct(_)) {
                return Err(failed(
                    "Cannot look up fields on non-struct type",
                    format!("Correct '{field}' in the transform's option 'field': only structs have fields."),
                ));
            }
            let (place, found) = schema.field(step).ok_or_else(|| unknown_field(field))?;
            schema = &found.schema;
            places.push((place, Arc::clone(schema)));
        }
        Ok(Plan(places))
    }
}

fn configure(class: &str, config: &Config) -> Configured {
    let (config, mut problems) = checked(config, PROPERTIES);
    let field = config.text("field").to_owned();
    let nested = config.text("field.syntax.version").trim().eq_ignore_ascii_case("V2");
    let path = field_path::parse("field", &field, nested).unwrap_or_else(|problem| {
        problems.push(problem);
        Vec::new()
    });
    let replace_null = config.flag("replace.null.with.default");
    let transform = ExtractField { part: Part::of(class), field, path, replace_null, plans: SchemaCache::default() };
    finish(Some(transform), problems)
}
