//! `DecodeLogicalDecodingMessageContent`: JSON of `pg_logical_emit_message` becomes the row of a change event.
//!
//! With the outbox router behind it, an outbox needs no table.

use std::convert::Infallible;
use std::sync::Arc;

use tailwater_connector::property::{Form, check};
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectRecord, Field, Kind, Schema, Typed, Value};

use crate::transform::schema_cache::SchemaCache;
use crate::transform::{Transform, TransformClass};

use super::envelope::not_a_struct;
use super::expand::Expand;
use super::{Configured, finish};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &["io.debezium.connector.postgresql.transforms.DecodeLogicalDecodingMessageContent"],
    properties: PROPERTIES,
    repeats_mistakes: false,
    configure,
};

const MESSAGE: &str = "io.debezium.connector.postgresql.MessageValue";

const PROPERTIES: &[Property] =
    &[Property::new("fields.null.include", Form::Bool, Some("false"), "whether members that are null stay, as bytes")];

struct Decode {
    expand: Expand,
    /// By schema of the content, with the message's schema that they were made of.
    schemas: SchemaCache<(Arc<Schema>, Arc<Schema>)>,
}

impl Transform for Decode {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        let Some(schema) = record.value.schema.clone().filter(|schema| schema.is_named(MESSAGE)) else {
            return Ok(Some(record));
        };
        let content = match record.value.field("message") {
            Some((schema, Value::Struct(message))) => {
                let content = schema.field("content").and_then(|(at, _)| message.get(at));
                match content {
                    Some(Value::Bytes(content)) => std::str::from_utf8(content).map_err(|_| "it is no UTF-8"),
                    _ => Err("it is not binary; leave 'binary.handling.mode' at 'bytes'"),
                }
            }
            _ => return Err(not_a_struct(&schema)),
        };
        let after = content.and_then(|content| match self.expand.expand(content) {
            Ok(after) if after.value.as_struct().is_some() => Ok(after),
            Ok(_) => Err("it is an array"),
            Err(reason) => Err(reason),
        });
        let after = after.map_err(|reason| {
            Problem::config(
                "MESSAGE_CONTENT",
                format!("The content of a logical decoding message cannot be decoded: {reason}"),
                "Emit JSON objects: SELECT pg_logical_emit_message(true, 'outbox', '{\"id\": 1}'); or give the transform a \
                 predicate for topics whose messages are JSON.",
            )
        })?;
        let (Typed { schema: Some(inner), value: after }, Value::Struct(values)) = (after, record.value.value) else {
            return Err(not_a_struct(&schema));
        };
        let fits = |(from, _): &(Arc<Schema>, Arc<Schema>)| Arc::ptr_eq(from, &schema);
        let derive = |inner: &Arc<Schema>| Ok::<_, Infallible>((Arc::clone(&schema), envelope(&schema, inner)));
        let Ok((_, changed)) = self.schemas.get_fit(&inner, fits, derive);
        let kept = schema.fields().iter().zip(values).filter(|(field, _)| &*field.name != "message");
        let kept = kept.map(|(field, value)| if &*field.name == "op" { Value::Text("c".into()) } else { value });
        let value = Value::Struct(kept.chain([after]).collect());
        record.key = Typed::NULL;
        record.value = Typed { schema: Some(Arc::clone(changed)), value };
        Ok(Some(record))
    }
}

/// The message's schema with `after` for `message`, under the name of an envelope.
fn envelope(message: &Schema, after: &Arc<Schema>) -> Arc<Schema> {
    let kept = message.fields().iter().filter(|field| &*field.name != "message").cloned();
    let fields = kept.chain([Field::new("after", Arc::clone(after))]).collect();
    Arc::new(Schema::new(Kind::Struct(fields)).named(format!("{MESSAGE}.Envelope")))
}

fn configure(_: &str, config: &Config) -> Configured {
    let (config, problems) = check(config, PROPERTIES);
    let expand = Expand::new(config.flag("fields.null.include"), false, None, false);
    finish(Some(Decode { expand, schemas: SchemaCache::default() }), problems)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Table, built, named};
    use super::*;

    fn message(content: Value) -> ConnectRecord {
        let kind = if content.as_text().is_some() { Kind::Text } else { Kind::Bytes };
        let inner = vec![Field::new("prefix", Schema::new(Kind::Text)), Field::new("content", Schema::new(kind))];
        let fields = vec![
            Field::new("op", Schema::new(Kind::Text)),
            Field::new("message", Schema::new(Kind::Struct(inner))),
            Field::new("ts_ms", Schema::new(Kind::Int64)),
        ];
        let inner = Value::Struct(vec![Value::Text("p".into()), content]);
        let value = Value::Struct(vec![Value::Text("m".into()), inner, Value::Int64(1)]);
        let schema = Schema::new(Kind::Struct(fields)).named(MESSAGE);
        ConnectRecord { value: Typed::new(schema, value), ..Table::new().tombstone(1) }
    }

    #[test]
    fn the_content_becomes_the_row_of_an_insert() {
        let record = message(Value::Bytes(br#"{"id":1,"note":null}"#.as_slice().into()));
        for (null, members) in [("false", 1), ("true", 2)] {
            let mut decode = built(&CLASS, &[("fields.null.include", null)]);
            let event = decode.apply(record.clone()).unwrap().unwrap();
            let values = named(&event.value);
            assert_eq!(values.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["op", "ts_ms", "after"]);
            assert_eq!((values[0].1, values[2].1.as_struct().unwrap().len()), (&Value::Text("c".into()), members));
            assert_eq!(event.key, Typed::NULL);
            let schema = event.value.schema.unwrap();
            assert_eq!(schema.name.as_deref(), Some("io.debezium.connector.postgresql.MessageValue.Envelope"));
            assert!(Arc::ptr_eq(&schema, &decode.apply(record.clone()).unwrap().unwrap().value.schema.unwrap()));
        }
    }

    #[test]
    fn what_is_no_json_object_is_refused_and_other_records_pass() {
        for content in
            [Value::Bytes(b"[1]".as_slice().into()), Value::Bytes(b"x".as_slice().into()), Value::Text("{}".into())]
        {
            assert_eq!(built(&CLASS, &[]).apply(message(content)).unwrap_err().code, "MESSAGE_CONTENT");
        }
        let change = Table::new().change("c", None, Some((1, None, None)));
        assert_eq!(built(&CLASS, &[]).apply(change.clone()).unwrap(), Some(change));
    }
}
