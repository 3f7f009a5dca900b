//! Whole records against the recorded form of Debezium 3.6: envelope, key, headers, tombstones, and the way back.

use crate::support::{Collector, cells, collect, column, event, id, plan, table};
use serde_json::{Value, json};
use tailwater_event::debezium::{EncodeOptions, EventContext, Field, Reader, SnapshotMarker};
use tailwater_event::{Cell, Column, ColumnType, DefaultValue, OldRow, RecordWriter, ReplicaIdentity, TableSchema};

fn customers() -> TableSchema {
    let serial = Column { default: Some(DefaultValue::Expression), ..id() };
    let name = Column { nullable: false, ..column("name", ColumnType::Text, "text") };
    let email =
        Column { default: Some(DefaultValue::Literal("x@y".into())), ..column("email", ColumnType::Text, "varchar") };
    table("cust", vec![serial, name, email])
}

fn plain() -> EncodeOptions {
    EncodeOptions { key_schemas: false, value_schemas: false, header_schemas: false, ..EncodeOptions::default() }
}

#[test]
fn an_insert_has_the_recorded_bytes() {
    let records = collect(&mut plan(&customers(), plain()), |plan, w| {
        plan.insert(&event(), &cells(&[Some("3"), Some("c"), None]), w).unwrap();
    });
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].timestamp, 1_795_211_134_000);
    assert_eq!(records[0].key.as_deref(), Some(&br#"{"id":3}"#[..]));
    let value = concat!(
        r#"{"before":null,"after":{"id":3,"name":"c","email":"x@y"},"source":{"version":"0.1","#,
        r#""connector":"postgresql","name":"srv","ts_ms":1795211133976,"snapshot":"false","db":"db","#,
        r#""sequence":"[\"26389088\",\"26389144\"]","ts_us":1795211133976558,"ts_ns":1795211133976558000,"#,
        r#""schema":"public","table":"cust","txId":732,"lsn":26389144,"xmin":null,"origin":null,"#,
        r#""origin_lsn":null},"transaction":null,"op":"c","ts_ms":1795211134000,"ts_us":1795211134000123,"#,
        r#""ts_ns":1795211134000123456}"#
    );
    assert_eq!(String::from_utf8(records[0].value.clone().unwrap()).unwrap(), value);
}

#[test]
fn the_schema_block_is_the_recorded_one() {
    let records = collect(&mut plan(&customers(), EncodeOptions::default()), |plan, w| {
        plan.read(&event(), &cells(&[Some("1"), Some("a"), None]), w).unwrap();
    });
    let key = r#"{"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"default":0,"field":"id"}],"optional":false,"name":"srv.public.cust.Key"},"payload":{"id":1}}"#;
    assert_eq!(String::from_utf8(records[0].key.clone().unwrap()).unwrap(), key);
    let row = r#"{"type":"struct","fields":[{"type":"int32","optional":false,"default":0,"field":"id"},{"type":"string","optional":false,"field":"name"},{"type":"string","optional":true,"default":"x@y","field":"email"}],"optional":true,"name":"srv.public.cust.Value","field":"#;
    let value = String::from_utf8(records[0].value.clone().unwrap()).unwrap();
    let start = format!(r#"{{"schema":{{"type":"struct","fields":[{row}"before"}},{row}"after"}},{{"type":"struct""#);
    assert!(value.starts_with(&start), "{value}");
    assert!(value.contains(
        r#"{"type":"int64","optional":true,"field":"ts_ns"}],"optional":false,"name":"srv.public.cust.Envelope","version":2},"payload":{"before":null,"after":{"id":1,"#
    ));
    assert_eq!(records[0].value()["payload"]["op"], "r");
}

#[test]
fn null_stays_null_when_the_converter_says_so() {
    let options = EncodeOptions { value_replace_null: false, ..plain() };
    let records = collect(&mut plan(&customers(), options), |plan, w| {
        plan.insert(&event(), &cells(&[Some("1"), Some("a"), None]), w).unwrap();
        plan.delete(&event(), OldRow::Key(&cells(&[Some("1"), None, None])), w).unwrap();
    });
    assert_eq!(records[0].value()["after"], json!({"id": 1, "name": "a", "email": null}));
    assert_eq!(records[1].value()["before"], json!({"id": 1, "name": "", "email": null}));
}

#[test]
fn a_delete_fills_what_the_old_row_did_not_carry_and_leaves_a_tombstone() {
    let records = collect(&mut plan(&customers(), plain()), |plan, w| {
        assert_eq!(plan.delete(&event(), OldRow::Key(&cells(&[Some("1"), None, None])), w), Ok(2));
    });
    assert_eq!(records[0].value()["before"], json!({"id": 1, "name": "", "email": "x@y"}));
    assert_eq!(records[0].value()["after"], Value::Null);
    assert_eq!(records[0].value()["op"], "d");
    assert_eq!((records[1].key(), &records[1].value), (json!({"id": 1}), &None));
    let records = collect(&mut plan(&customers(), EncodeOptions { tombstones: false, ..plain() }), |plan, w| {
        assert_eq!(plan.delete(&event(), OldRow::Key(&cells(&[Some("1"), None, None])), w), Ok(1));
    });
    assert_eq!(records.len(), 1);
}

#[test]
fn a_changed_key_is_delete_tombstone_and_create_with_key_headers() {
    let context = vec![("__debezium.context.taskId".to_owned(), "0".to_owned())];
    let options = EncodeOptions { context_headers: context, ..EncodeOptions::default() };
    let item = table("item", vec![id(), column("v", ColumnType::Text, "text")]);
    let records = collect(&mut plan(&item, options), |plan, w| {
        let (old, new) = (cells(&[Some("1"), None]), cells(&[Some("11"), Some("one")]));
        assert_eq!(plan.update(&event(), OldRow::Key(&old), &new, w), Ok(3));
    });
    let ops: Vec<Value> = records.iter().map(|r| r.value()["payload"]["op"].clone()).collect();
    assert_eq!(ops, [json!("d"), Value::Null, json!("c")]);
    let keys: Vec<Value> = records.iter().map(|r| r.key()["payload"]["id"].clone()).collect();
    assert_eq!(keys, [json!(1), json!(1), json!(11)]);
    for record in &records[..2] {
        assert_eq!(record.headers[0].0, "__debezium.newkey");
        assert_eq!(record.header("__debezium.newkey")["payload"], json!({"id": 11}));
    }
    assert_eq!(records[2].header("__debezium.oldkey")["schema"]["name"], "srv.public.item.Key");
    let task = json!({"schema": {"type": "string", "optional": false}, "payload": "0"});
    assert!(records.iter().all(|r| r.headers.len() == 2 && r.header("__debezium.context.taskId") == task));
    assert_eq!(records[0].value()["payload"]["before"], json!({"id": 1, "v": null}));
}

#[test]
fn skipped_operations_count_for_the_parts_of_a_changed_key() {
    let item = table("item", vec![id(), column("v", ColumnType::Text, "text")]);
    for (skip_creates, skip_deletes, expected) in
        [(true, false, vec![json!("d"), Value::Null]), (false, true, vec![json!("c")]), (true, true, vec![])]
    {
        let options = EncodeOptions { skip_creates, skip_deletes, ..plain() };
        let records = collect(&mut plan(&item, options), |plan, w| {
            let (old, new) = (cells(&[Some("1"), None]), cells(&[Some("11"), Some("one")]));
            assert_eq!(plan.update(&event(), OldRow::Key(&old), &new, w).unwrap() as usize, expected.len());
        });
        assert_eq!(records.iter().map(|r| r.value()["op"].clone()).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn an_update_shows_the_old_row_only_where_it_was_sent() {
    let item = table("item", vec![id(), column("v", ColumnType::Text, "text")]);
    let records = collect(&mut plan(&item, plain()), |plan, w| {
        let (old, new) = (cells(&[Some("1"), Some("a")]), cells(&[Some("1"), Some("b")]));
        plan.update(&event(), OldRow::None, &new, w).unwrap();
        plan.update(&event(), OldRow::Full(&old), &new, w).unwrap();
    });
    assert_eq!(records[0].value()["before"], Value::Null);
    assert_eq!(records[1].value()["before"], json!({"id": 1, "v": "a"}));
    assert_eq!(records[1].value()["after"], json!({"id": 1, "v": "b"}));
    assert_eq!(records[1].value()["op"], "u");
}

#[test]
fn composite_keys_follow_the_constraint_and_no_key_is_null() {
    let key = |name: &str, ty, type_name: &str| Column { nullable: false, ..column(name, ty, type_name) };
    let columns = vec![key("a", ColumnType::Int4, "int4"), key("c", ColumnType::Text, "text")];
    let mut schema = table("m", columns);
    schema.key = vec![1, 0];
    let row = cells(&[Some("1"), Some("k")]);
    let records = collect(&mut plan(&schema, plain()), |plan, w| {
        plan.insert(&event(), &row, w).unwrap();
    });
    assert_eq!(records[0].key.as_deref(), Some(&br#"{"c":"k","a":1}"#[..]));
    schema.key.clear();
    schema.replica_identity = ReplicaIdentity::Full;
    let records = collect(&mut plan(&schema, plain()), |plan, w| {
        plan.delete(&event(), OldRow::Full(&row), w).unwrap();
    });
    assert_eq!(records.iter().map(|r| r.key.clone()).collect::<Vec<_>>(), [None, None]);
}

#[test]
fn a_key_without_a_form_is_none_and_strict_writes_it_without_fields() {
    let lsn = Column { nullable: false, ..column("p", ColumnType::Unknown, "pg_lsn") };
    let schema = table("m", vec![lsn, column("v", ColumnType::Text, "text")]);
    let key = |options| {
        collect(&mut plan(&schema, options), |plan, w| {
            plan.insert(&event(), &cells(&[Some("0/1"), Some("x")]), w).unwrap();
        })[0]
            .key
            .clone()
    };
    assert_eq!(key(plain()), None);
    assert_eq!(key(EncodeOptions { strict: true, ..plain() }).as_deref(), Some(&b"{}"[..]));
    assert_eq!(key(EncodeOptions { unknown_as_text: true, ..plain() }).as_deref(), Some(&br#"{"p":"0/1"}"#[..]));
}

#[test]
fn a_key_outside_the_identity_is_null_on_delete_and_never_made_up() {
    let age = |nullable| Column { nullable, ..column("age", ColumnType::Int4, "int4") };
    for nullable in [true, false] {
        let mut schema = table("p", vec![id(), age(nullable)]);
        schema.key = vec![1];
        let records = collect(&mut plan(&schema, plain()), |plan, w| {
            let old = cells(&[Some("1"), None]);
            assert_eq!(plan.update(&event(), OldRow::Key(&old), &cells(&[Some("2"), Some("31")]), w), Ok(1));
            plan.delete(&event(), OldRow::Key(&old), w).unwrap();
        });
        assert_eq!(records[0].key(), json!({"age": 31}));
        assert_eq!(records[1].key(), json!({"age": null}));
    }
    let mut schema = table("p", vec![id(), age(false)]);
    schema.key = vec![1];
    let strict = collect(&mut plan(&schema, EncodeOptions { strict: true, ..plain() }), |plan, w| {
        plan.delete(&event(), OldRow::Key(&cells(&[Some("1"), None])), w).unwrap();
    });
    assert_eq!(strict[0].key(), json!({"age": 0}));
}

#[test]
fn a_truncate_has_neither_key_nor_rows() {
    let records = collect(&mut plan(&customers(), plain()), |plan, w| {
        plan.truncate(&event(), w).unwrap();
    });
    let value = records[0].value();
    assert_eq!((&records[0].key, &value["op"]), (&None, &json!("t")));
    assert_eq!((&value["before"], &value["after"]), (&Value::Null, &Value::Null));
    assert_eq!(value["source"]["table"], "cust");
}

#[test]
fn markers_origin_and_missing_parts_of_source_are_written() {
    let records = collect(&mut plan(&customers(), plain()), |plan, w| {
        for snapshot in [SnapshotMarker::First, SnapshotMarker::LastInTable, SnapshotMarker::Last] {
            let event = EventContext { snapshot, last_commit: None, xid: None, ..event() };
            plan.read(&event, &cells(&[Some("1"), Some("a"), None]), w).unwrap();
        }
        let event = EventContext { origin: Some(("o\"1", 77)), ..event() };
        plan.insert(&event, &cells(&[Some("1"), Some("a"), None]), w).unwrap();
    });
    let source = |at: usize| records[at].value()["source"].clone();
    let markers: Vec<Value> = (0..3).map(|at| source(at)["snapshot"].clone()).collect();
    assert_eq!(markers, [json!("first"), json!("last_in_data_collection"), json!("last")]);
    assert_eq!(source(0)["sequence"], r#"[null,"26389144"]"#);
    assert_eq!(source(0)["txId"], Value::Null);
    assert_eq!((source(3)["origin"].clone(), source(3)["origin_lsn"].clone()), (json!("o\"1"), json!(77)));
    let names = |at: usize| source(at).as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(0), names(3));
}

#[test]
fn an_unchanged_value_comes_from_the_old_row_or_is_marked() {
    let toast = table("t", vec![id(), column("tx", ColumnType::Text, "text")]);
    let new = [Cell::Text(b"1"), Cell::Unchanged];
    let records = collect(&mut plan(&toast, plain()), |plan, w| {
        plan.update(&event(), OldRow::None, &new, w).unwrap();
        plan.update(&event(), OldRow::Full(&cells(&[Some("1"), Some("long")])), &new, w).unwrap();
    });
    assert_eq!(records[0].value()["after"]["tx"], "__debezium_unavailable_value");
    assert_eq!(records[1].value()["after"]["tx"], "long");
}

#[test]
fn nothing_is_written_of_a_row_that_has_no_form() {
    let schema = table("v", vec![id(), column("n", ColumnType::Numeric(Some((5, 2))), "numeric")]);
    let row = cells(&[Some("1"), Some("1.2.3")]);
    let mut collector = Collector::default();
    let mut default = plan(&schema, plain());
    collector.prepare(default.fragments());
    let error = default.insert(&event(), &row, &mut collector).unwrap_err();
    assert_eq!(error.column, "n");
    assert!(default.insert(&event(), &row[..1], &mut collector).is_err());
    assert!(default.delete(&event(), OldRow::None, &mut collector).is_err());
    assert!(collector.records.is_empty() && collector.pieces == 0);
}

#[test]
fn what_no_decimal_can_hold_is_never_null_and_never_a_number() {
    let columns = vec![
        id(),
        column("n", ColumnType::Numeric(Some((5, 2))), "numeric"),
        column("v", ColumnType::Numeric(None), "numeric"),
    ];
    let schema = table("v", columns);
    let after = |options: EncodeOptions, text: &str| {
        let row = cells(&[Some("1"), Some(text), Some(text)]);
        let records = collect(&mut plan(&schema, options), |plan, w| {
            plan.insert(&event(), &row, w).unwrap();
        });
        records[0].value()["after"].clone()
    };
    for (text, mark) in [("NaN", "NaN"), ("Infinity", "+Infinity"), ("-Infinity", "-Infinity")] {
        assert_eq!(after(plain(), text), json!({"id": 1, "n": mark, "v": {"scale": 0, "value": mark}}));
        let strict = EncodeOptions { strict: true, ..plain() };
        assert_eq!(after(strict, text), json!({"id": 1, "n": null, "v": null}));
    }
}

#[test]
fn columns_without_a_form_are_left_out_unless_asked_for() {
    let schema =
        table("d", vec![id(), column("c", ColumnType::Unknown, "circle"), column("k", ColumnType::Text, "text")]);
    let row = cells(&[Some("1"), Some("<(1,2),3>"), Some("kept")]);
    let after = |options| {
        collect(&mut plan(&schema, options), |plan, w| {
            plan.insert(&event(), &row, w).unwrap();
        })[0]
            .value()["after"]
            .clone()
    };
    assert_eq!(after(plain()), json!({"id": 1, "k": "kept"}));
    assert_eq!(after(EncodeOptions { include_unknown: true, ..plain() })["c"], "PCgxLDIpLDM+");
}

#[test]
fn an_array_with_a_null_is_lost_only_where_strict_loses_it() {
    let mood = ColumnType::Enum(vec!["ok".into()]);
    for (element, losing) in
        [(mood, true), (ColumnType::TsVector, true), (ColumnType::Ltree, true), (ColumnType::Text, false)]
    {
        let schema = table("d", vec![id(), column("a", ColumnType::Array(Box::new(element)), "_t")]);
        let array = |strict, text: &str| {
            let mut plan = plan(&schema, EncodeOptions { strict, ..plain() });
            collect(&mut plan, |plan, w| {
                plan.insert(&event(), &cells(&[Some("1"), Some(text)]), w).unwrap();
            })[0]
                .value()["after"]["a"]
                .clone()
        };
        assert_eq!(array(false, "{ok,NULL}"), json!(["ok", null]));
        assert_eq!(array(true, "{ok,NULL}"), if losing { Value::Null } else { json!(["ok", null]) });
        assert_eq!(array(true, "{ok}"), json!(["ok"]));
    }
}

#[test]
fn a_narrow_event_is_about_a_dozen_fragments_and_literals() {
    let schema = table("n", vec![id(), column("q", ColumnType::Int4, "int4"), column("t", ColumnType::Text, "text")]);
    let mut plan = plan(&schema, EncodeOptions::default());
    let mut collector = Collector::default();
    collector.prepare(plan.fragments());
    plan.insert(&event(), &cells(&[Some("1"), Some("2"), Some("x")]), &mut collector).unwrap();
    assert!(collector.pieces <= 32, "{}", collector.pieces);
}

#[test]
fn a_reader_keeps_null_unchanged_and_unknown_apart() {
    let schema = table(
        "t",
        vec![
            id(),
            column("a", ColumnType::Text, "text"),
            column("b", ColumnType::Bool, "bool"),
            column("c", ColumnType::Unknown, "circle"),
            column("ts", ColumnType::Timestamp(6), "timestamp"),
        ],
    );
    for schemas in [true, false] {
        let options = EncodeOptions { value_schemas: schemas, ..EncodeOptions::default() };
        let mut plan = plan(&schema, options);
        let reader = Reader::new(&plan.descriptor()).unwrap();
        assert_eq!(reader.table().to_string(), "public.t");
        assert_eq!(reader.columns(), ["id", "a", "b", "ts"]);
        assert_eq!(reader.key(), [0]);
        let records = collect(&mut plan, |plan, w| {
            let new = [
                Cell::Text(b"7"),
                Cell::Unchanged,
                Cell::Text(b"t"),
                Cell::Null,
                Cell::Text(b"2020-03-04 05:06:07.891234"),
            ];
            plan.update(&event(), OldRow::None, &new, w).unwrap();
            plan.delete(&event(), OldRow::Key(&cells(&[Some("7"), None, None, None, None])), w).unwrap();
        });
        let update = reader.decode(records[0].value.as_deref()).unwrap().unwrap();
        let text = |t: &str| Field::Text(t.into());
        assert_eq!((update.op, update.source_time_us), ('u', event().source_time_us));
        assert_eq!(update.before, None);
        let after = vec![text("7"), Field::Unavailable, text("true"), text("2020-03-04 05:06:07.891234")];
        assert_eq!(update.after, Some(after));
        let delete = reader.decode(records[1].value.as_deref()).unwrap().unwrap();
        assert_eq!(delete.before, Some(vec![text("7"), Field::Unknown, Field::Unknown, Field::Unknown]));
        assert_eq!(reader.decode(records[2].value.as_deref()), Ok(None));
        for foreign in [&b""[..], b"{}", b"null", b"\xff", b"{\"schema\":{},\"payload\":{}}"] {
            assert!(reader.decode(Some(foreign)).is_err());
        }
    }
}

#[test]
fn a_default_that_may_have_been_null_is_refused() {
    let mut plan = plan(&customers(), EncodeOptions::default());
    let reader = Reader::new(&plan.descriptor()).unwrap();
    let records = collect(&mut plan, |plan, w| {
        plan.insert(&event(), &cells(&[Some("1"), Some("a"), None]), w).unwrap();
        plan.insert(&event(), &cells(&[Some("1"), Some("a"), Some("other")]), w).unwrap();
    });
    let error = reader.decode(records[0].value.as_deref()).unwrap_err();
    assert!(error.0.contains("email") && error.0.contains("replace.null.with.default"));
    assert!(reader.decode(records[1].value.as_deref()).is_ok());
    assert_eq!(reader.losses().len(), 1);
    let faithful = EncodeOptions { value_replace_null: false, ..EncodeOptions::default() };
    let plan = crate::support::plan(&customers(), faithful);
    assert_eq!(Reader::new(&plan.descriptor()).unwrap().losses(), [""; 0]);
}
