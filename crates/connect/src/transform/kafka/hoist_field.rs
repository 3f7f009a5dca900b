//! `HoistField`: wraps the key or value into a struct (a map, without a schema) of one field.

use std::convert::Infallible;
use std::sync::Arc;

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectRecord, Field, Kind, Schema, Typed, Value};

use super::super::schema_cache::SchemaCache;
use super::super::{Transform, TransformClass};
use super::shape::Part;
use super::{Configured, checked, finish};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &[
        "org.apache.kafka.connect.transforms.HoistField$Value",
        "org.apache.kafka.connect.transforms.HoistField$Key",
    ],
    properties: PROPERTIES,
    repeats_mistakes: false,
    configure,
};

const PROPERTIES: &[Property] = &[Property::new("field", Form::Text, None, "the name of the new field").required()];

struct HoistField {
    part: Part,
    field: Arc<str>,
    schemas: SchemaCache<Arc<Schema>>,
}

impl Transform for HoistField {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        let data = self.part.in_record(&mut record);
        let value = std::mem::replace(&mut data.value, Value::Null);
        *data = match &data.schema {
            None => Typed { schema: None, value: Value::Map(vec![(Value::Text(self.field.to_string()), value)]) },
            Some(schema) => {
                let field = &self.field;
                let Ok(hoisted) = self.schemas.get(schema, |schema| {
                    let field = Field::new(Arc::clone(field), Arc::clone(schema));
                    Ok::<_, Infallible>(Arc::new(Schema::new(Kind::Struct(vec![field]))))
                });
                Typed { schema: Some(Arc::clone(hoisted)), value: Value::Struct(vec![value]) }
            }
        };
        Ok(Some(record))
    }
}

fn configure(class: &str, config: &Config) -> Configured {
    let (config, problems) = checked(config, PROPERTIES);
    let field = config.text("field").into();
    finish(Some(HoistField { part: Part::of(class), field, schemas: SchemaCache::default() }), problems)
}
