//! `InsertField`: topic, partition, offset, time or a fixed text as fields.

use std::sync::Arc;

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectRecord, Field, Kind, Schema, Typed, Value};

use super::super::schema_cache::SchemaCache;
use super::super::{Transform, TransformClass};
use super::shape::{
    Part, REPLACE_NULL, TIMESTAMP, basics, failed, fill, logical, put, struct_of, take_map, take_struct, text,
};
use super::{Configured, checked, finish};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &[
        "org.apache.kafka.connect.transforms.InsertField$Value",
        "org.apache.kafka.connect.transforms.InsertField$Key",
    ],
    properties: PROPERTIES,
    repeats_mistakes: false,
    configure,
};

const PROPERTIES: &[Property] = &[
    Property::new("topic.field", Form::Text, None, "a field for the topic; '!' at its end: never null, '?': optional"),
    Property::new("partition.field", Form::Text, None, "a field for the partition; '!' or '?' as for the topic"),
    Property::new(
        "offset.field",
        Form::Text,
        None,
        "a field for the offset, of sinks only; '!' or '?' as for the topic",
    ),
    Property::new("timestamp.field", Form::Text, None, "a field for the record's time; '!' or '?' as for the topic"),
    Property::new("static.field", Form::Text, None, "a field for static.value; '!' or '?' as for the topic"),
    Property::new("static.value", Form::Text, None, "what static.field holds"),
    REPLACE_NULL,
];

const PURPOSE: &str = "field insertion";

struct InsertField {
    part: Part,
    fields: Vec<Insertion>,
    replace_null: bool,
    schemas: SchemaCache<Arc<Schema>>,
}

struct Insertion {
    name: Arc<str>,
    optional: bool,
    what: What,
}

enum What {
    Topic,
    Partition,
    Offset,
    Timestamp,
    Static(String),
}

impl Transform for InsertField {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        let data = self.part.in_record(&mut record);
        if data.value.is_null() {
            return Ok(Some(record));
        }
        let mut data = std::mem::replace(data, Typed::NULL);
        let schema = data.schema.clone();
        if let Some(schema) = &schema {
            let mut values = take_struct(&mut data, PURPOSE)?;
            if self.replace_null {
                fill(schema, &mut values);
            }
            let fields = &self.fields;
            data.schema = Some(Arc::clone(self.schemas.get(schema, |schema| with(schema, fields))?));
            for field in &self.fields {
                values.push(field.value(&record)?);
            }
            data.value = Value::Struct(values);
        } else {
            let mut map = take_map(&mut data, PURPOSE)?;
            for field in &self.fields {
                match (&field.what, field.value(&record)?) {
                    (What::Partition | What::Timestamp, Value::Null) => {}
                    (_, value) => put(&mut map, &field.name, value),
                }
            }
            data.value = Value::Map(map);
        }
        *self.part.in_record(&mut record) = data;
        Ok(Some(record))
    }
}

impl Insertion {
    fn value(&self, record: &ConnectRecord) -> Result<Value, Problem> {
        Ok(match &self.what {
            What::Topic => Value::Text(record.topic.to_string()),
            What::Partition => record.partition.map_or(Value::Null, Value::Int32),
            What::Offset => Value::Int64(record.offset.ok_or_else(|| {
                failed(
                    "Only SinkRecord supported for [field insertion], found: org.apache.kafka.connect.source.SourceRecord",
                    "Remove 'offset.field': a source's record has no offset yet; the sink's connector can insert it.",
                )
            })?),
            What::Timestamp => record.timestamp_ms.map_or(Value::Null, Value::Int64),
            What::Static(text) => Value::Text(text.clone()),
        })
    }

    fn schema(&self) -> Arc<Schema> {
        match self.what {
            What::Topic | What::Static(_) => text(self.optional),
            What::Partition => Arc::new(Schema { optional: self.optional, ..Schema::new(Kind::Int32) }),
            What::Offset => Arc::new(Schema { optional: self.optional, ..Schema::new(Kind::Int64) }),
            What::Timestamp => logical(Kind::Int64, TIMESTAMP, self.optional),
        }
    }
}

fn with(schema: &Schema, inserted: &[Insertion]) -> Result<Arc<Schema>, Problem> {
    let new = inserted.iter().map(|insertion| Field::new(Arc::clone(&insertion.name), insertion.schema()));
    let kind = struct_of(schema.fields().iter().cloned().chain(new).collect())?;
    Ok(Arc::new(basics(schema, kind)))
}

fn configure(class: &str, config: &Config) -> Configured {
    let (config, mut problems) = checked(config, PROPERTIES);
    let whats = [
        ("topic.field", What::Topic),
        ("partition.field", What::Partition),
        ("offset.field", What::Offset),
        ("timestamp.field", What::Timestamp),
        ("static.field", What::Static(config.text("static.value").to_owned())),
    ];
    let mut fields = Vec::new();
    for (option, what) in whats {
        let Some(text) = config.get(option) else { continue };
        let (name, optional) = match text.strip_suffix('!') {
            Some(name) => (name, false),
            None => (text.strip_suffix('?').unwrap_or(text), true),
        };
        fields.push(Insertion { name: name.into(), optional, what });
    }
    let options =
        "one of 'topic.field', 'partition.field', 'offset.field', 'timestamp.field' and 'static.field' is needed";
    if fields.is_empty() {
        problems.push(Problem::config(
            "PROPERTY_MISSING",
            format!("No field insertion configured: {options}"),
            "Add \"topic.field\": the name of the new field.",
        ));
    }
    if config.get("static.field").is_some() && config.get("static.value").is_none() {
        problems.push(Problem::config(
            "PROPERTY_MISSING",
            "The 'static.value' value is invalid: No value specified for static field",
            "Add \"static.value\": the text that 'static.field' is to hold.",
        ));
    }
    let replace_null = config.flag("replace.null.with.default");
    finish(Some(InsertField { part: Part::of(class), fields, replace_null, schemas: SchemaCache::default() }), problems)
}
