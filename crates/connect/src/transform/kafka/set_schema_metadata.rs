//! `SetSchemaMetadata`: another name or version for the schema of the key or value.

use std::convert::Infallible;
use std::sync::Arc;

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectRecord, Schema, Value};

use super::super::schema_cache::SchemaCache;
use super::super::{Transform, TransformClass};
use super::shape::{Part, REPLACE_NULL, failed, fill};
use super::{Configured, checked, finish};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &[
        "org.apache.kafka.connect.transforms.SetSchemaMetadata$Value",
        "org.apache.kafka.connect.transforms.SetSchemaMetadata$Key",
    ],
    properties: PROPERTIES,
    repeats_mistakes: false,
    configure,
};

const PROPERTIES: &[Property] = &[
    Property::new("schema.name", Form::Text, None, "the new name"),
    Property::new("schema.version", Form::Integer(i32::MIN as i64, i32::MAX as i64), None, "the new version"),
    REPLACE_NULL,
];

struct SetSchemaMetadata {
    part: Part,
    name: Option<Arc<str>>,
    version: Option<i32>,
    replace_null: bool,
    schemas: SchemaCache<Arc<Schema>>,
}

impl Transform for SetSchemaMetadata {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        let data = self.part.in_record(&mut record);
        let Some(schema) = &data.schema else {
            return match data.value {
                Value::Null => Ok(Some(record)),
                _ => Err(failed(
                    "Schema required for [updating schema metadata]",
                    "Give the transform a predicate for records with a schema, or set schemas.enable of the converter to true.",
                )),
            };
        };
        if let (true, Value::Struct(values)) = (self.replace_null, &mut data.value) {
            fill(schema, values);
        }
        let (name, version) = (&self.name, self.version);
        let Ok(renamed) = self.schemas.get(schema, |schema| {
            Ok::<_, Infallible>(Arc::new(Schema {
                name: name.clone().or_else(|| schema.name.clone()),
                version: version.or(schema.version),
                ..Schema::clone(schema)
            }))
        });
        data.schema = Some(Arc::clone(renamed));
        Ok(Some(record))
    }
}

fn configure(class: &str, config: &Config) -> Configured {
    let (config, mut problems) = checked(config, PROPERTIES);
    if config.get("schema.name").is_none() && config.get("schema.version").is_none() {
        problems.push(Problem::config(
            "PROPERTY_MISSING",
            "Neither schema name nor version configured: one of 'schema.name' and 'schema.version' is needed",
            "Add \"schema.name\": the new name, or \"schema.version\": the new version.",
        ));
    }
    let transform = SetSchemaMetadata {
        part: Part::of(class),
        name: config.get("schema.name").map(Arc::from),
        version: config.get("schema.version").and_then(|version| version.trim().parse().ok()),
        replace_null: config.flag("replace.null.with.default"),
        schemas: SchemaCache::default(),
    };
    finish(Some(transform), problems)
}
