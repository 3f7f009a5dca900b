//! Records as the PostgreSQL source makes them, for tests.

use std::sync::Arc;

use tailwater_connector::Config;
use tailwater_event::connect::{ConnectRecord, Field, Kind, Schema, Typed, Value};

use super::Configured;
use crate::transform::{Transform, TransformClass};

/// A table `t(id int not null, a text, b int default 3)` and its envelopes.
pub(super) struct Table {
    key: Arc<Schema>,
    envelope: Arc<Schema>,
}

/// A row of it.
pub(super) type Row = (i32, Option<&'static str>, Option<i32>);

impl Table {
    pub(super) fn new() -> Table {
        let optional = |kind| Arc::new(Schema::new(kind).optional());
        let with_default = Schema { default: Some(Value::Int32(3)), ..Schema::new(Kind::Int32).optional() };
        let id = Field::new("id", Schema::new(Kind::Int32));
        let columns = vec![id.clone(), Field::new("a", optional(Kind::Text)), Field::new("b", with_default)];
        let row = Arc::new(Schema::new(Kind::Struct(columns)).optional().named("srv.public.t.Value"));
        let source = Schema::new(Kind::Struct(vec![
            Field::new("ts_ms", Schema::new(Kind::Int64)),
            Field::new("schema", Schema::new(Kind::Text)),
            Field::new("table", Schema::new(Kind::Text)),
            Field::new("lsn", optional(Kind::Int64)),
        ]));
        let transaction = Schema::new(Kind::Struct(vec![
            Field::new("id", Schema::new(Kind::Text)),
            Field::new("total_order", Schema::new(Kind::Int64)),
            Field::new("data_collection_order", Schema::new(Kind::Int64)),
        ]));
        let envelope = Schema::new(Kind::Struct(vec![
            Field::new("before", Arc::clone(&row)),
            Field::new("after", row),
            Field::new("source", source.named("io.debezium.connector.postgresql.Source")),
            Field::new("transaction", transaction.optional().named("event.block")),
            Field::new("op", Schema::new(Kind::Text)),
            Field::new("ts_ms", optional(Kind::Int64)),
        ]));
        Table {
            key: Arc::new(Schema::new(Kind::Struct(vec![id])).named("srv.public.t.Key")),
            envelope: Arc::new(envelope.named("srv.public.t.Envelope")),
        }
    }

    /// A change.
    pub(super) fn change(&self, op: &str, before: Option<Row>, after: Option<Row>) -> ConnectRecord {
        let text = |text: &str| Value::Text(text.into());
        let row = |row: Option<Row>| {
            row.map_or(Value::Null, |(id, a, b)| {
                Value::Struct(vec![Value::Int32(id), a.map_or(Value::Null, text), b.map_or(Value::Null, Value::Int32)])
            })
        };
        let source = vec![Value::Int64(1000), text("public"), text("t"), Value::Int64(77)];
        let id = after.or(before).map_or(0, |row| row.0);
        let value = vec![row(before), row(after), Value::Struct(source), Value::Null, text(op), Value::Int64(2000)];
        ConnectRecord {
            topic: "srv.public.t".into(),
            partition: None,
            offset: None,
            timestamp_ms: Some(1000),
            key: Typed::new(Arc::clone(&self.key), Value::Struct(vec![Value::Int32(id)])),
            value: Typed::new(Arc::clone(&self.envelope), Value::Struct(value)),
            headers: Vec::new(),
        }
    }

    /// The tombstone after a delete.
    pub(super) fn tombstone(&self, id: i32) -> ConnectRecord {
        ConnectRecord { value: Typed::NULL, ..self.change("d", Some((id, None, None)), None) }
    }
}

/// A transform's configuration, with problems.
pub(super) fn configured(class: &TransformClass, options: &[(&str, &str)]) -> Configured {
    let config: Config = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    (class.configure)(class.names[0], &config)
}

/// A transform that is configured without a word.
pub(super) fn built(class: &TransformClass, options: &[(&str, &str)]) -> Box<dyn Transform> {
    let (transform, warnings) = configured(class, options).unwrap();
    assert_eq!(warnings, []);
    transform
}

/// A struct's fields by name.
pub(super) fn named(typed: &Typed) -> Vec<(&str, &Value)> {
    let names = typed.schema.as_ref().unwrap().fields().iter().map(|field| &*field.name);
    names.zip(typed.value.as_struct().unwrap()).collect()
}
