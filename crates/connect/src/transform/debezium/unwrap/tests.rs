//! What becomes of changes, deletes and tombstones.

use super::super::sample::{Row, Table, built, configured, named};
use super::*;

const OLD: Row = (1, Some("x"), None);
const NEW: Row = (1, Some("y"), Some(5));

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn one(unwrap: &mut dyn Transform, record: ConnectRecord) -> ConnectRecord {
    unwrap.apply(record).unwrap().unwrap()
}

#[test]
fn an_insert_becomes_its_row_and_all_rows_share_one_schema() {
    let (table, mut unwrap) = (Table::new(), built(&CLASS, &[]));
    let insert = one(unwrap.as_mut(), table.change("c", None, Some(OLD)));
    let expected = [("id", &Value::Int32(1)), ("a", &text("x")), ("b", &Value::Null)];
    assert_eq!(named(&insert.value), expected);
    let schema = insert.value.schema.unwrap();
    assert_eq!((schema.optional, schema.name.as_deref()), (false, Some("srv.public.t.Value")));
    let update = one(unwrap.as_mut(), table.change("u", Some(OLD), Some(NEW)));
    assert!(Arc::ptr_eq(&update.value.schema.unwrap(), &schema));
}

#[test]
fn deletes_and_tombstones_follow_the_mode() {
    // Rows of the outcome for a delete and for a tombstone: null, with schema or without, the row, or nothing.
    let outcome = |record: Option<ConnectRecord>| match record {
        None => "-",
        Some(record) if record.value == Typed::NULL => "tombstone",
        Some(record) if record.value.value.is_null() => "null",
        Some(_) => "row",
    };
    for (options, delete, tombstone) in [
        ([(MODE, "tombstone")].as_slice(), "null", "-"),
        (&[(MODE, "drop")], "-", "-"),
        (&[(MODE, "rewrite")], "row", "-"),
        (&[(MODE, "rewrite-with-tombstone")], "row", "tombstone"),
        (&[(MODE, "Delete-To-Tombstone")], "tombstone", "-"),
        (&[("drop.tombstones", "false")], "-", "tombstone"),
        (&[("drop.tombstones", "false"), ("delete.handling.mode", "rewrite")], "row", "tombstone"),
        (&[("delete.handling.mode", "none")], "null", "-"),
        (&[("delete.handling.mode", "rewrite"), (MODE, "drop")], "-", "-"),
    ] {
        let (mut unwrap, warnings) = configured(&CLASS, options).unwrap();
        let old = options.iter().filter(|(name, _)| *name != MODE).count();
        assert_eq!(warnings.iter().filter(|w| w.code == "PROPERTY_RENAMED").count(), old, "{options:?}");
        let table = Table::new();
        assert_eq!(outcome(unwrap.apply(table.change("d", Some(OLD), None)).unwrap()), delete, "{options:?}");
        assert_eq!(outcome(unwrap.apply(table.tombstone(1)).unwrap()), tombstone, "{options:?}");
        assert_eq!(outcome(unwrap.apply(table.change("t", None, None)).unwrap()), "-", "{options:?}");
    }
}

#[test]
fn a_rewritten_row_says_whether_it_was_deleted_and_has_defaults_for_nulls() {
    for (replace, b) in [("true", Value::Int32(3)), ("false", Value::Null)] {
        let options = [(MODE, "rewrite"), ("replace.null.with.default", replace)];
        let (table, mut unwrap) = (Table::new(), built(&CLASS, &options));
        let insert = one(unwrap.as_mut(), table.change("c", None, Some(OLD)));
        assert_eq!(named(&insert.value)[2..], [("b", &b), ("__deleted", &text("false"))]);
        let delete = one(unwrap.as_mut(), table.change("d", Some(OLD), None));
        assert_eq!(named(&delete.value)[2..], [("b", &b), ("__deleted", &text("true"))]);
        assert!(Arc::ptr_eq(delete.value.schema.as_ref().unwrap(), insert.value.schema.as_ref().unwrap()));
    }
}

#[test]
fn fields_and_headers_are_added_under_their_names() {
    let options = [
        ("add.fields", "op,source.ts_ms:at,before.a,transaction.id,nowhere"),
        ("add.fields.prefix", "cdc."),
        ("add.headers", "table, op"),
        (MODE, "rewrite-with-tombstone"),
    ];
    let (table, mut unwrap) = (Table::new(), built(&CLASS, &options));
    let update = one(unwrap.as_mut(), table.change("u", Some(OLD), Some(NEW)));
    let (op, at, a) = (text("u"), Value::Int64(1000), text("x"));
    let expected = [("cdc.op", &op), ("cdc.at", &at), ("cdc.before_a", &a), ("cdc.transaction_id", &Value::Null)];
    assert_eq!(named(&update.value)[4..], expected);
    assert!(update.value.schema.as_ref().unwrap().fields()[4..].iter().all(|field| field.schema.optional));
    let headers = |record: &ConnectRecord| -> Vec<(String, Value)> {
        record.headers.iter().map(|h| (h.name.to_string(), h.value.value.clone())).collect()
    };
    assert_eq!(update.headers.len(), 2);
    assert_eq!(headers(&update), [("__table".into(), text("t")), ("__op".into(), text("u"))]);
    let delete = one(unwrap.as_mut(), table.change("d", Some(OLD), None));
    assert_eq!(named(&delete.value)[6], ("cdc.before_a", &text("x")));
    assert_eq!(headers(&one(unwrap.as_mut(), table.tombstone(1))), [("__op".into(), text("d"))]);
}

#[test]
fn the_topic_comes_from_a_text_of_the_row_and_of_no_other_field() {
    let (table, mut unwrap) = (Table::new(), built(&CLASS, &[("route.by.field", "a")]));
    assert_eq!(&*one(unwrap.as_mut(), table.change("c", None, Some(OLD))).topic, "x");
    assert_eq!(&*one(unwrap.as_mut(), table.change("d", Some(NEW), None)).topic, "y");
    assert_eq!(&*one(unwrap.as_mut(), table.change("c", None, Some((1, None, None)))).topic, "srv.public.t");
    for (field, code) in [("b", "PROPERTY_INVALID"), ("z", "TRANSFORM_NO_FIELD")] {
        let problem = built(&CLASS, &[("route.by.field", field)]).apply(table.change("c", None, Some(OLD)));
        assert_eq!(problem.unwrap_err().code, code);
    }
}

#[test]
fn a_header_names_fields_that_the_row_loses() {
    let record = |table: &Table, value: Value| {
        let mut record = table.change("c", None, Some(OLD));
        record.headers.push(ConnectHeader { name: "drop".into(), value: Typed { schema: None, value } });
        record
    };
    let list = || Value::Array(vec![text("id"), text("a")]);
    for (compatible, from_key, value, key) in
        [("true", "true", 2, 1), ("false", "true", 1, 0), ("false", "false", 1, 1)]
    {
        let options = [
            ("drop.fields.header.name", "drop"),
            ("drop.fields.keep.schema.compatible", compatible),
            ("drop.fields.from.key", from_key),
        ];
        let (table, mut unwrap) = (Table::new(), built(&CLASS, &options));
        let dropped = one(unwrap.as_mut(), record(&table, list()));
        assert_eq!((named(&dropped.value).len(), named(&dropped.key).len()), (value, key));
        assert_eq!(named(&dropped.value).last(), Some(&("b", &Value::Int32(3))));
        let whole = one(unwrap.as_mut(), table.change("c", None, Some(OLD)));
        assert_eq!(named(&whole.value).len(), 3);
        assert_eq!(unwrap.apply(record(&table, text("id,a"))).unwrap_err().code, "TRANSFORM_HEADER");
    }
}

#[test]
fn what_is_no_change_event_passes() {
    let heartbeat = Schema::new(Kind::Struct(vec![Field::new("ts_ms", Schema::new(Kind::Int64))]))
        .named("io.debezium.connector.common.Heartbeat");
    let record = ConnectRecord {
        value: Typed::new(heartbeat, Value::Struct(vec![Value::Int64(1)])),
        ..Table::new().tombstone(1)
    };
    assert_eq!(one(built(&CLASS, &[]).as_mut(), record.clone()), record);
    let plain = ConnectRecord { value: Typed { schema: None, value: text("{}") }, ..record };
    assert_eq!(one(built(&CLASS, &[]).as_mut(), plain.clone()), plain);
}
