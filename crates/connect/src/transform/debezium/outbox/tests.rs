//! Rows of an outbox table, in and out.

use std::sync::Arc;

use tailwater_event::connect::{ConnectRecord, Field, Kind, Schema, Typed, Value};

use super::super::sample::{built, configured, named};
use super::*;

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

/// Columns id, aggregatetype, aggregateid, type, payload, created_at (microseconds), shard.
fn envelope() -> Arc<Schema> {
    let column = |name: &str, kind: Kind| Field::new(name, Schema::new(kind).optional());
    let at = Schema::new(Kind::Int64).optional().named("io.debezium.time.MicroTimestamp");
    let columns = vec![
        Field::new("id", Schema::new(Kind::Text).named("io.debezium.data.Uuid")),
        column("aggregatetype", Kind::Text),
        column("aggregateid", Kind::Text),
        column("type", Kind::Text),
        column("payload", Kind::Text),
        Field::new("created_at", at),
        column("shard", Kind::Int32),
    ];
    let row = Schema::new(Kind::Struct(columns)).optional().named("srv.public.outbox.Value");
    let fields = vec![
        Field::new("after", row),
        Field::new("op", Schema::new(Kind::Text)),
        Field::new("ts_ms", Schema::new(Kind::Int64).optional()),
    ];
    Arc::new(Schema::new(Kind::Struct(fields)).named("srv.public.outbox.Envelope"))
}

fn change(envelope: &Arc<Schema>, op: &str, route: Value, payload: Value, at: Value) -> ConnectRecord {
    let row = vec![text("u-1"), route, text("o-1"), text("Created"), payload, at, Value::Int32(2)];
    let row = if op == "d" { Value::Null } else { Value::Struct(row) };
    ConnectRecord {
        topic: "srv.public.outbox".into(),
        partition: None,
        offset: None,
        timestamp_ms: Some(1),
        key: Typed::NULL,
        value: Typed::new(Arc::clone(envelope), Value::Struct(vec![row, text(op), Value::Int64(7)])),
        headers: Vec::new(),
    }
}

fn order(op: &str, payload: Value) -> ConnectRecord {
    change(&envelope(), op, text("order"), payload, Value::Int64(1_714_979_289_123_999))
}

#[test]
fn an_insert_becomes_an_event_and_nothing_else_does() {
    let mut router = built(&CLASS, &[]);
    let event = router.apply(order("c", text("{}"))).unwrap().unwrap();
    assert_eq!((&*event.topic, event.timestamp_ms, event.partition), ("outbox.event.order", Some(7), None));
    assert_eq!((event.key.value, event.value.value), (text("o-1"), text("{}")));
    let header = &event.headers[0];
    assert_eq!((&*header.name, &header.value.value), ("id", &text("u-1")));
    assert!(header.value.schema.as_ref().unwrap().is_named("io.debezium.data.Uuid"));
    assert!(router.apply(order("r", Value::Null)).unwrap().unwrap().value.schema.is_some());
    for op in ["u", "u", "d", "t"] {
        assert_eq!(router.apply(order(op, text("{}"))).unwrap(), None, "{op}");
    }
    let heartbeat =
        ConnectRecord { value: Typed::new(Schema::new(Kind::Int64), Value::Int64(1)), ..order("c", text("")) };
    assert_eq!(router.apply(heartbeat.clone()).unwrap(), Some(heartbeat));
    let mut strict = built(&CLASS, &[("table.op.invalid.behavior", "fatal")]);
    assert_eq!(strict.apply(order("u", text("{}"))).unwrap_err().code, "OUTBOX_UPDATED");
}

#[test]
fn columns_go_where_the_placement_says() {
    let options = [
        (
            "table.fields.additional.placement",
            "type:header:eventType, shard:partition, created_at:envelope:at, no:header",
        ),
        ("table.field.additional.missing", "ignore"),
        ("table.field.event.timestamp", "created_at"),
        ("table.field.event.schema.version", "shard"),
    ];
    let mut router = built(&CLASS, &options);
    let event = router.apply(order("c", text("{}"))).unwrap().unwrap();
    assert_eq!((event.timestamp_ms, event.partition), (Some(1_714_979_289_123), Some(2)));
    assert_eq!((&*event.headers[1].name, &event.headers[1].value.value), ("eventType", &text("Created")));
    let at = Value::Int64(1_714_979_289_123_999);
    assert_eq!(named(&event.value), [("payload", &text("{}")), ("at", &at)]);
    let schema = event.value.schema.unwrap();
    assert_eq!((schema.name.as_deref(), schema.version), (Some("srv.public.outbox.order.Value"), Some(2)));
    let untimed = change(&envelope(), "c", text("order"), text("{}"), Value::Null);
    assert_eq!(router.apply(untimed).unwrap().unwrap().timestamp_ms, Some(7));
}

#[test]
fn an_empty_payload_is_a_tombstone_when_asked() {
    for (option, schema) in [("true", false), ("false", true)] {
        let mut router = built(&CLASS, &[("route.tombstone.on.empty.payload", option)]);
        for payload in [Value::Null, text("  ")] {
            let event = router.apply(order("c", payload)).unwrap().unwrap();
            assert_eq!(event.value.schema.is_some(), schema);
        }
    }
}

#[test]
fn json_is_expanded_and_what_is_none_stays() {
    let mut router = built(&CLASS, &[("table.expand.json.payload", "true")]);
    let event = router.apply(order("c", text(r#"{"b":1,"a":null}"#))).unwrap().unwrap();
    assert_eq!(named(&event.value), [("b", &Value::Int32(1))]);
    assert!(event.value.schema.unwrap().is_named("payload"));
    let event = router.apply(order("c", text("plain"))).unwrap().unwrap();
    assert_eq!(event.value.value, text("plain"));
}

#[test]
fn a_row_that_does_not_fit_is_named() {
    for (option, value, code) in [
        ("table.field.event.payload", "nope", "TRANSFORM_NO_FIELD"),
        ("route.by.field", "shard", "PROPERTY_INVALID"),
        ("table.field.event.timestamp", "shard", "PROPERTY_INVALID"),
        ("table.fields.additional.placement", "nope:header", "TRANSFORM_NO_FIELD"),
    ] {
        let problem = built(&CLASS, &[(option, value)]).apply(order("c", text("{}"))).unwrap_err();
        assert_eq!(problem.code, code, "{option}");
    }
    let unrouted = change(&envelope(), "c", Value::Null, text("{}"), Value::Null);
    assert_eq!(built(&CLASS, &[]).apply(unrouted).unwrap_err().code, "OUTBOX_NO_ROUTE");
    for (option, value) in [("table.fields.additional.placement", "a:b"), ("route.topic.regex", "(?=x)")] {
        let problems = configured(&CLASS, &[(option, value)]).err().unwrap();
        assert_eq!(problems[0].code, "PROPERTY_INVALID", "{option}");
    }
}
