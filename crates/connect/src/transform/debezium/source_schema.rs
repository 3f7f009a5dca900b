//! `ExtractSchemaToNewRecord`: names and types of the table's columns, as a field of every change.
//!
//! They come from the parameters that `column.propagate.source.type` puts into the schema.

use std::sync::Arc;

use tailwater_connector::property::{Form, check};
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectRecord, Field, Kind, Schema, Value};

use crate::transform::schema_cache::SchemaCache;
use crate::transform::{Transform, TransformClass};

use super::envelope::{is_envelope, no_field, not_a_struct, place};
use super::{Configured, finish};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &["io.debezium.transforms.ExtractSchemaToNewRecord"],
    properties: PROPERTIES,
    repeats_mistakes: false,
    configure,
};

const ADJUSTMENTS: &[&str] = &["none", "avro", "avro_unicode"];

const PROPERTIES: &[Property] = &[Property::new(
    "schema.name.adjustment.mode",
    Form::OneOf(ADJUSTMENTS),
    Some("none"),
    "names of schemas for Avro; those of this transform are valid as they are",
)];

#[derive(Default)]
struct SourceSchema {
    /// By schema of values; `None` for what is no envelope.
    plans: SchemaCache<Option<Plan>>,
}

struct Plan {
    schema: Arc<Schema>,
    rows: [usize; 2],
    columns: Vec<Value>,
}

impl Transform for SourceSchema {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        let table = record.value.field("source").and_then(|(schema, source)| {
            let (at, _) = schema.field("table")?;
            source.as_struct()?.get(at).cloned()
        });
        let (Some(schema), Value::Struct(envelope)) = (&mut record.value.schema, &mut record.value.value) else {
            return Ok(Some(record));
        };
        let derive = |schema: &Arc<Schema>| is_envelope(schema).then(|| Plan::new(schema)).transpose();
        let Some(plan) = self.plans.get(schema, derive)? else { return Ok(Some(record)) };
        // A truncate has no row to tell of.
        if plan.rows.iter().any(|row| envelope.get(*row).is_some_and(|row| !row.is_null())) {
            let table = table.ok_or_else(|| no_field(schema, "source.table"))?;
            let columns = Value::Struct(vec![Value::Array(plan.columns.clone())]);
            envelope.push(Value::Struct(vec![table, columns]));
            *schema = Arc::clone(&plan.schema);
        }
        Ok(Some(record))
    }
}

impl Plan {
    fn new(envelope: &Schema) -> Result<Plan, Problem> {
        let rows = [place(envelope, "before")?, place(envelope, "after")?];
        let Some((_, after)) = envelope.field("after") else { return Err(no_field(envelope, "after")) };
        let Kind::Struct(columns) = &after.schema.kind else { return Err(not_a_struct(&after.schema)) };
        let columns = columns.iter().map(|field| column(&field.schema)).collect::<Option<Vec<Value>>>().ok_or_else(|| {
            Problem::config(
                "SCHEMA_NOT_PROPAGATED",
                "Fields of rows do not say the type of their column, which ExtractSchemaToNewRecord puts into changes",
                "Add \"column.propagate.source.type\": \".*\" to the connector.",
            )
        })?;
        let added = Field::new("sourceSchema", block());
        let kind = Kind::Struct(envelope.fields().iter().cloned().chain([added]).collect());
        Ok(Plan { schema: Arc::new(Schema { kind, ..envelope.clone() }), rows, columns })
    }
}

/// A column as its field's parameters tell it; `None` when they do not.
fn column(field: &Schema) -> Option<Value> {
    let told = |name: &str| field.parameter(&format!("__debezium.source.column.{name}"));
    let text = |text: &str| Value::Text(text.to_owned());
    let number = |name: &str| told(name).and_then(|number| number.parse().ok()).map_or(Value::Null, Value::Int32);
    let (name, kind) = (text(told("name")?), text(told("type")?));
    let comment = told("comment").map_or(Value::Null, text);
    Some(Value::Struct(vec![name, kind, number("length"), number("scale"), comment]))
}

/// The added field's schema.
fn block() -> Schema {
    let named = |fields: Vec<Field>, name: &str| {
        let schema = Schema::new(Kind::Struct(fields)).named(format!("io.debezium.connector.source.{name}"));
        Schema { version: Some(1), ..schema }
    };
    let plain = |name: &str, kind: Kind| Field::new(name, Schema::new(kind));
    let optional = |name: &str, kind: Kind| Field::new(name, Schema::new(kind).optional());
    let columns = vec![
        plain("name", Kind::Text),
        plain("typeName", Kind::Text),
        optional("length", Kind::Int32),
        optional("scale", Kind::Int32),
        optional("comment", Kind::Text),
    ];
    let columns = Kind::Array(Arc::new(named(columns, "schema.Column")));
    let table = named(vec![plain("columns", columns)], "schema.Table");
    named(vec![plain("id", Kind::Text), Field::new("table", table)], "Schema")
}

fn configure(_: &str, config: &Config) -> Configured {
    let (_, problems) = check(config, PROPERTIES);
    finish(Some(SourceSchema::default()), problems)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Table, built};
    use super::*;

    #[test]
    fn a_schema_that_does_not_tell_is_named_with_its_remedy() {
        let table = Table::new();
        let problem = built(&CLASS, &[]).apply(table.change("c", None, Some((1, None, None)))).unwrap_err();
        assert!(problem.remedy.contains("column.propagate.source.type"), "{problem}");
        assert_eq!(built(&CLASS, &[]).apply(table.tombstone(1)).unwrap(), Some(table.tombstone(1)));
    }
}
