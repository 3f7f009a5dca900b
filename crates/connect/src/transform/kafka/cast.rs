//! `Cast`: other types for fields, or for the whole key or value.

use std::sync::Arc;

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectRecord, Field, Kind, Schema, Value};

use super::super::schema_cache::SchemaCache;
use super::super::{Transform, TransformClass};
use super::cast_value::{Target, cast};
use super::shape::{
    DATE, DECIMAL, Part, REPLACE_NULL, TIME, TIMESTAMP, basics, entry, fill, put, take_map, take_struct,
};
use super::{Configured, checked, finish, invalid};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &["org.apache.kafka.connect.transforms.Cast$Value", "org.apache.kafka.connect.transforms.Cast$Key"],
    properties: PROPERTIES,
    repeats_mistakes: false,
    configure,
};

const PROPERTIES: &[Property] = &[
    Property::new(
        "spec",
        Form::List,
        None,
        "field:type pairs with commas between them, or one type for the whole value",
    )
    .required(),
    REPLACE_NULL,
];

const PURPOSE: &str = "cast types";

struct Cast {
    part: Part,
    spec: Spec,
    replace_null: bool,
    plans: SchemaCache<Plan>,
}

enum Spec {
    Whole(Target),
    Fields(Vec<(String, Target)>),
}

struct Plan {
    schema: Arc<Schema>,
    /// The places of fields that are cast.
    casts: Vec<(usize, Target)>,
}

impl Transform for Cast {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        let data = self.part.in_record(&mut record);
        if data.value.is_null() {
            return Ok(Some(record));
        }
        let schema = data.schema.clone();
        match (&self.spec, &schema) {
            (Spec::Whole(target), None) => {
                data.value = cast(None, std::mem::replace(&mut data.value, Value::Null), *target, "")?;
            }
            (Spec::Whole(target), Some(schema)) => {
                data.value = cast(Some(schema), std::mem::replace(&mut data.value, Value::Null), *target, "")?;
                let plan = self.plans.get(schema, |schema| whole(schema, *target))?;
                data.schema = Some(Arc::clone(&plan.schema));
            }
            (Spec::Fields(casts), None) => {
                let mut map = take_map(data, PURPOSE)?;
                for (field, target) in casts {
                    let value = cast(None, entry(&map, field).clone(), *target, field)?;
                    put(&mut map, field, value);
                }
                data.value = Value::Map(map);
            }
            (Spec::Fields(casts), Some(schema)) => {
                let mut values = take_struct(data, PURPOSE)?;
                let plan = self.plans.get(schema, |schema| fields(schema, casts))?;
                if self.replace_null {
                    fill(schema, &mut values);
                }
                for (place, target) in &plan.casts {
                    if let (Some(value), Some(field)) = (values.get_mut(*place), schema.fields().get(*place)) {
                        *value =
                            cast(Some(&field.schema), std::mem::replace(value, Value::Null), *target, &field.name)?;
                    }
                }
                data.schema = Some(Arc::clone(&plan.schema));
                data.value = Value::Struct(values);
            }
        }
        Ok(Some(record))
    }
}

/// The schema of a whole key or value that is cast. A logical type of Connect is none any more under another kind.
fn whole(schema: &Schema, target: Target) -> Result<Plan, Problem> {
    let mut out = basics(schema, target.kind());
    if matches!(schema.name.as_deref(), Some(DATE | TIME | TIMESTAMP | DECIMAL)) {
        out = Schema::new(target.kind());
    }
    out.optional = schema.optional;
    out.default = schema.default.clone().map(|default| cast(Some(schema), default, target, "")).transpose()?;
    Ok(Plan { schema: Arc::new(out), casts: Vec::new() })
}

fn fields(schema: &Schema, casts: &[(String, Target)]) -> Result<Plan, Problem> {
    let mut places = Vec::new();
    let mut out = Vec::new();
    for (place, field) in schema.fields().iter().enumerate() {
        // The last pair for a name wins.
        let Some((_, target)) = casts.iter().rev().find(|(name, _)| **name == *field.name) else {
            out.push(field.clone());
            continue;
        };
        let default = field.schema.default.clone();
        let default = default.map(|default| cast(Some(&field.schema), default, *target, &field.name)).transpose()?;
        let optional = field.schema.optional;
        out.push(Field::new(Arc::clone(&field.name), Schema { optional, default, ..Schema::new(target.kind()) }));
        places.push((place, *target));
    }
    let default = schema.default.clone();
    let cast_default = |mut default: Value| {
        if let Value::Struct(values) = &mut default {
            for (place, target) in &places {
                if let (Some(value), Some(field)) = (values.get_mut(*place), schema.fields().get(*place)) {
                    *value = cast(Some(&field.schema), std::mem::replace(value, Value::Null), *target, &field.name)?;
                }
            }
        }
        Ok::<_, Problem>(default)
    };
    let default = default.map(cast_default).transpose()?;
    let basics = basics(schema, Kind::Struct(out));
    Ok(Plan { schema: Arc::new(Schema { optional: schema.optional, default, ..basics }), casts: places })
}

fn configure(class: &str, config: &Config) -> Configured {
    let (config, mut problems) = checked(config, PROPERTIES);
    let spec = config.list("spec");
    let example = "Write \"spec\": \"id:int64,price:float64\", or one type alone for the whole key or value. Types: \
                   int8, int16, int32, int64, float32, float64, boolean, string.";
    let mut casts = Vec::new();
    for pair in &spec {
        let (field, name) = match pair.split_once(':') {
            Some((field, name)) => (Some(field.trim()), name.trim()),
            None => (None, pair.trim()),
        };
        if name.contains(':') {
            problems.push(invalid("spec", format!("Invalid rename mapping: {pair}"), example));
            continue;
        }
        match Target::parse(name) {
            Ok(target) => casts.push((field, target)),
            Err(reason) => problems.push(invalid("spec", reason, example)),
        }
    }
    let whole = casts.iter().find(|(field, _)| field.is_none());
    let spec = match whole {
        Some((_, target)) => {
            if spec.len() > 1 {
                problems.push(invalid(
                    "spec",
                    "Cast transformations that specify a type to cast the entire value to may only specify a single cast in their spec",
                    example,
                ));
            }
            Spec::Whole(*target)
        }
        None => {
            if spec.is_empty() && config.get("spec").is_some_and(|spec| !spec.trim().is_empty()) {
                problems.push(invalid("spec", "Must specify at least one field to cast.", example));
            }
            let fields = casts.into_iter().map(|(field, target)| (field.unwrap_or_default().to_owned(), target));
            Spec::Fields(fields.collect())
        }
    };
    let replace_null = config.flag("replace.null.with.default");
    finish(Some(Cast { part: Part::of(class), spec, replace_null, plans: SchemaCache::default() }), problems)
}
