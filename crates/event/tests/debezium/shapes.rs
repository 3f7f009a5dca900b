//! Columns that are left out, masked, hashed, cut or renamed, as the original's records show them.

use crate::support::{Record, cells, collect, column, event, id, table};
use serde_json::{Value, json};
use tailwater_event::debezium::{
    Algorithm, ColumnShape, EncodeOptions, Field, Hash, HashVersion, JsonDecimal, Masking, NameAdjustment, Plan,
    Reader, TableShape,
};
use tailwater_event::{Cell, Column, ColumnType, DefaultValue, OldRow, ReplicaIdentity, TableSchema};

/// Key (k2, k1), a text that may be null, and one that may not.
fn keyed(identity: ReplicaIdentity) -> TableSchema {
    let text = |name: &str| column(name, ColumnType::Text, "text");
    let k1 = Column { nullable: false, in_identity: true, ..text("k1") };
    let default = Some(DefaultValue::Literal("dfltvalue".into()));
    let note = Column { nullable: false, default, ..text("note") };
    let mut schema = table("t", vec![k1, Column { name: "k2".into(), ..id() }, text("v"), note]);
    (schema.key, schema.replica_identity) = (vec![1, 0], identity);
    if identity == ReplicaIdentity::Full {
        schema.columns.iter_mut().for_each(|column| column.in_identity = true);
    }
    schema
}

fn masked(masking: Masking) -> ColumnShape {
    ColumnShape { masking: Some(masking), ..ColumnShape::default() }
}

fn hidden() -> ColumnShape {
    ColumnShape { hidden: true, ..ColumnShape::default() }
}

fn hash(length: usize) -> Masking {
    let hash = Hash { algorithm: Algorithm::Md5, version: HashVersion::Two, salt: b"abc".to_vec() };
    Masking::Hash { hash, length }
}

fn shape(columns: Vec<ColumnShape>) -> TableShape {
    TableShape { columns, key_field: None }
}

fn plain() -> EncodeOptions {
    EncodeOptions { key_schemas: false, value_schemas: false, header_schemas: false, ..EncodeOptions::default() }
}

fn plan(schema: &TableSchema, shape: &TableShape, options: EncodeOptions) -> Plan {
    Plan::shaped(schema, shape, "srv.public.t", &options)
}

fn key(record: &Record) -> Value {
    serde_json::from_slice(record.key.as_deref().unwrap()).unwrap()
}

const OLD: [Option<&str>; 4] = [Some("abcxyz"), Some("2"), Some("valuevalue"), Some("x")];
const NEW: [Option<&str>; 4] = [Some("abcqqq"), Some("2"), None, Some("x")];

#[test]
fn keys_carry_real_values_and_rows_shaped_ones() {
    for (column, k1) in [
        (masked(Masking::Stars(5)), Some("*****")),
        (masked(Masking::Truncate(3)), Some("abc")),
        (masked(hash(10)), Some("972876fa85")),
        (hidden(), None),
    ] {
        let shape = shape(vec![column.clone(), ColumnShape::default(), column]);
        let mut plan = plan(&keyed(ReplicaIdentity::Full), &shape, plain());
        let records = collect(&mut plan, |plan, w| {
            plan.insert(&event(), &cells(&OLD), w).unwrap();
            plan.update(&event(), OldRow::Full(&cells(&OLD)), &cells(&NEW), w).unwrap();
        });
        assert_eq!(key(&records[0]), json!({"k2": 2, "k1": "abcxyz"}));
        let after = &records[0].value()["after"];
        assert_eq!(after.get("k1").and_then(Value::as_str), k1, "{after}");
        // The key changed although its shaped form did not.
        let ops: Vec<_> = records[1..].iter().map(|r| r.value.as_ref().map(|_| r.value()["op"].clone())).collect();
        assert_eq!(ops, [Some(json!("d")), None, Some(json!("c"))]);
        assert_eq!(key(&records[3]), json!({"k2": 2, "k1": "abcqqq"}));
    }
}

#[test]
fn what_stands_for_a_missing_value_is_shaped_too() {
    let deleted = |masking: Masking, strict: bool| {
        let shape =
            shape(vec![ColumnShape::default(), ColumnShape::default(), masked(masking.clone()), masked(masking)]);
        let options = EncodeOptions { strict, ..plain() };
        let old = cells(&[Some("a"), Some("1"), None, None]);
        let unchanged = [Cell::Text(b"a"), Cell::Text(b"1"), Cell::Unchanged, Cell::Null];
        let records = collect(&mut plan(&keyed(ReplicaIdentity::Default), &shape, options), |plan, w| {
            plan.delete(&event(), OldRow::Key(&old), w).unwrap();
            plan.update(&event(), OldRow::None, &unchanged, w).unwrap();
        });
        let (before, after) = (records[0].value()["before"].clone(), records[2].value()["after"].clone());
        [&before["v"], &before["note"], &after["v"]].map(|value| value.as_str().map(str::to_owned))
    };
    let text = |s: &str| Some(s.to_owned());
    assert_eq!(deleted(Masking::Stars(2), false), [text("**"), text("**"), text("**")]);
    assert_eq!(deleted(Masking::Truncate(3), false), [None, text("dfl"), text("__debezium_unavailable_value")]);
    assert_eq!(deleted(Masking::Truncate(3), true), [None, text("dfl"), text("__d")]);
    let [null, note, toast] = deleted(hash(8), false);
    assert_eq!((null, note.map(|n| n.len()), toast), (None, Some(8), text("__debezium_unavailable_value")));
    assert_eq!(deleted(hash(99), true)[2], text("c5c0f556fc7346781e538e6fd3d64d45"));
}

#[test]
fn the_field_schema_tells_of_the_shape_and_the_keys_schema_does_not() {
    let marked = ColumnShape { parameters: vec![("masked".into(), "true".into())], ..ColumnShape::default() };
    let mut plan = plan(&keyed(ReplicaIdentity::Default), &shape(vec![marked]), EncodeOptions::default());
    let records = collect(&mut plan, |plan, w| {
        plan.insert(&event(), &cells(&OLD), w).unwrap();
    });
    let field = json!({"type": "string", "optional": false, "parameters": {"masked": "true"}, "field": "k1"});
    let value: Value = serde_json::from_slice(records[0].value.as_deref().unwrap()).unwrap();
    assert_eq!(value["schema"]["fields"][1]["fields"][0], field);
    assert_eq!(key(&records[0])["schema"]["fields"][1], json!({"type": "string", "optional": false, "field": "k1"}));
}

#[test]
fn a_key_may_end_with_the_table_it_is_from() {
    let field = Some(("shard".to_owned(), "2023".to_owned()));
    for keyed_table in [true, false] {
        let mut schema = keyed(ReplicaIdentity::Full);
        if !keyed_table {
            schema.key.clear();
        }
        let shape = TableShape { columns: Vec::new(), key_field: field.clone() };
        let records = collect(&mut plan(&schema, &shape, EncodeOptions::default()), |plan, w| {
            plan.update(&event(), OldRow::Full(&cells(&OLD)), &cells(&NEW), w).unwrap();
        });
        let key = key(records.last().unwrap());
        let last = key["schema"]["fields"].as_array().unwrap().last().unwrap();
        assert_eq!(*last, json!({"type": "string", "optional": false, "field": "shard"}));
        let payload =
            if keyed_table { json!({"k2": 2, "k1": "abcqqq", "shard": "2023"}) } else { json!({"shard": "2023"}) };
        assert_eq!(key["payload"], payload);
    }
}

#[test]
fn names_are_adjusted_in_schemas_rows_and_keys_and_return() {
    let schema = table("t", vec![Column { name: "1 id".into(), ..id() }, column("a-b", ColumnType::Text, "text")]);
    let avro = NameAdjustment::Avro;
    let options =
        EncodeOptions { schema_names: avro, field_names: avro, value_replace_null: false, ..EncodeOptions::default() };
    let mut plan = Plan::compile(&schema, "s-1.t", &options);
    let records = collect(&mut plan, |plan, w| {
        plan.insert(&event(), &cells(&[Some("1"), Some("x")]), w).unwrap();
    });
    let key = key(&records[0]);
    assert_eq!((&key["schema"]["name"], &key["payload"]), (&json!("s_1.t.Key"), &json!({"_1_id": 1})));
    let reader = Reader::new(&plan.descriptor()).unwrap();
    assert_eq!(reader.columns(), ["1 id", "a-b"]);
    let decoded = reader.decode(records[0].value.as_deref()).unwrap().unwrap();
    assert_eq!(decoded.after.unwrap(), [Field::Text("1".into()), Field::Text("x".into())]);
}

#[test]
fn an_update_that_shows_no_change_is_skipped_only_when_the_old_row_came_whole() {
    let options = EncodeOptions { skip_unchanged: true, ..plain() };
    let shape = shape(vec![ColumnShape::default(), ColumnShape::default(), hidden(), masked(Masking::Stars(3))]);
    let count = |old: OldRow<'_>, new: [Option<&str>; 4]| {
        let mut count = 0;
        collect(&mut plan(&keyed(ReplicaIdentity::Full), &shape, options.clone()), |plan, w| {
            count = plan.update(&event(), old, &cells(&new), w).unwrap();
        });
        count
    };
    let old = cells(&OLD);
    assert_eq!(count(OldRow::Full(&old), [OLD[0], OLD[1], None, Some("other")]), 0);
    assert_eq!(count(OldRow::None, OLD), 1);
    assert_eq!(count(OldRow::Full(&old), NEW), 3, "a change of the key is one");
}

#[test]
fn null_and_the_default_shown_for_it_are_two_values() {
    let count = Column { default: Some(DefaultValue::Literal("7".into())), ..column("n", ColumnType::Int4, "int4") };
    let mut schema = table("t", vec![id(), count]);
    schema.replica_identity = ReplicaIdentity::Full;
    let records = |schema: &TableSchema, old: Option<&str>, new: Option<&str>| {
        let mut plan = Plan::compile(schema, "srv.public.t", &EncodeOptions { skip_unchanged: true, ..plain() });
        collect(&mut plan, |plan, w| {
            plan.update(&event(), OldRow::Full(&cells(&[Some("1"), old])), &cells(&[Some("1"), new]), w).unwrap();
        })
        .len()
    };
    assert_eq!(records(&schema, None, Some("7")), 1);
    assert_eq!(records(&schema, None, None), 0);
    schema.key = vec![1];
    assert_eq!(records(&schema, Some("7"), None), 3);
    assert_eq!(records(&schema, Some("7"), Some("7")), 0);
}

#[test]
fn a_reader_names_what_a_shape_lost() {
    let shape = shape(vec![masked(Masking::Stars(5)), ColumnShape::default(), hidden(), masked(Masking::Truncate(9))]);
    let options = EncodeOptions { value_replace_null: false, ..plain() };
    let mut plan = plan(&keyed(ReplicaIdentity::Default), &shape, options);
    let records = collect(&mut plan, |plan, w| {
        plan.insert(&event(), &cells(&OLD), w).unwrap();
    });
    let reader = Reader::new(&plan.descriptor()).unwrap();
    assert_eq!(reader.columns(), ["k1", "k2", "note"]);
    assert_eq!(reader.key(), [1, 0]);
    let losses = reader.losses();
    assert_eq!(losses.len(), 3);
    for (loss, named) in losses.iter().zip(["column.mask.with", "column.truncate", "column.exclude.list"]) {
        assert!(loss.contains(named), "{loss}");
    }
    let refused = reader.decode(records[0].value.as_deref()).unwrap_err();
    assert!(refused.0.contains("column.mask.with"), "{refused}");
}

#[test]
fn keys_and_values_have_their_own_decimal_format() {
    let columns = vec![Column { name: "n".into(), ty: ColumnType::Numeric(Some((5, 2))), ..id() }];
    let options = EncodeOptions { key_json_decimal: JsonDecimal::Numeric, ..plain() };
    let records = collect(&mut plan(&table("t", columns), &TableShape::default(), options), |plan, w| {
        plan.insert(&event(), &cells(&[Some("123.45")]), w).unwrap();
    });
    assert_eq!(records[0].key.as_deref(), Some(&b"{\"n\":123.45}"[..]));
    assert_eq!(records[0].value()["after"], json!({"n": "MDk="}));
}
