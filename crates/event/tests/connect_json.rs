//! Connect's JSON converter against what Debezium's records look like, and against bytes nobody would send.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, outside `cfg(test)`")]

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use tailwater_event::connect::json::{JsonOptions, JsonReader, JsonWriter};
use tailwater_event::connect::{Field, Kind, Schema, Typed, Value};
use tailwater_event::debezium::JsonDecimal;

fn write(options: JsonOptions, data: &Typed) -> String {
    let mut out = Vec::new();
    assert!(JsonWriter::new(options).write(data, &mut out).unwrap());
    String::from_utf8(out).unwrap()
}

fn read(text: &str) -> Typed {
    JsonReader::new(true).read(Some(text.as_bytes())).unwrap()
}

fn plain() -> JsonOptions {
    JsonOptions { replace_null: false, ..JsonOptions::default() }
}

fn refusal(schemas: bool, text: &str) -> String {
    JsonReader::new(schemas).read(Some(text.as_bytes())).unwrap_err().to_string()
}

/// Puts back the schemas that a case's file has only once.
fn restore(node: &mut Json, schemas: &mut std::collections::HashMap<String, Json>) {
    if let Some(reference) = node.get("$ref").and_then(Json::as_str) {
        *node = schemas[reference].clone();
        return;
    }
    if let Json::Object(members) = node
        && let Some(Json::String(id)) = members.shift_remove("$id")
    {
        schemas.insert(id, node.clone());
    }
}

/// Puts a number where a number's placeholder stands.
fn fill(payload: &mut Json, schema: &Json) {
    let placeholder = payload.as_str().is_some_and(|text| text.starts_with('<'));
    match schema["type"].as_str().unwrap() {
        "int64" | "int32" if placeholder => *payload = json!(7),
        // serde_json, that the texts are compared with, is not exact to the last bit.
        "float" | "double" if payload.is_number() => *payload = json!(1.5),
        "struct" if payload.is_object() => {
            for field in schema["fields"].as_array().unwrap() {
                fill(&mut payload[field["field"].as_str().unwrap()], field);
            }
        }
        "array" => payload.as_array_mut().into_iter().flatten().for_each(|element| fill(element, &schema["items"])),
        _ => {}
    }
}

#[test]
fn every_record_of_the_conformance_cases_comes_back_as_it_was() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/cases");
    let mut reader = JsonReader::new(true);
    let mut records = 0;
    for case in std::fs::read_dir(cases).unwrap() {
        let folder = case.unwrap().path();
        let Ok(text) = std::fs::read_to_string(folder.join("expected.jsonl")) else { continue };
        let numbers = std::fs::read_to_string(folder.join("case.json")).unwrap().contains("NUMERIC");
        let decimal = if numbers { JsonDecimal::Numeric } else { JsonDecimal::Base64 };
        let mut writer = JsonWriter::new(JsonOptions { decimal, ..plain() });
        let mut schemas = std::collections::HashMap::new();
        for line in text.lines() {
            let record: Json = serde_json::from_str(line).unwrap();
            for part in ["key", "value"] {
                let mut data = record[part].clone();
                if data.get("schema").is_none() || data["schema"].is_null() {
                    continue;
                }
                restore(&mut data["schema"], &mut schemas);
                let schema = data["schema"].clone();
                fill(&mut data["payload"], &schema);
                let before = data.to_string();
                let read = reader.read(Some(before.as_bytes())).unwrap_or_else(|e| panic!("{e}: {before}"));
                let mut after = Vec::new();
                assert!(writer.write(&read, &mut after).unwrap());
                let after: Json = serde_json::from_slice(&after).unwrap();
                assert_eq!(after.to_string(), before);
                records += 1;
            }
        }
    }
    assert!(records > 2000, "{records}");
}

#[test]
fn a_schema_has_its_members_in_the_order_of_connect() {
    let mut age = Schema::new(Kind::Int32).named("n.Age");
    age.version = Some(3);
    age.doc = Some("years".into());
    age.parameters = vec![("unit".into(), "a \"year\"".into())];
    age.default = Some(Value::Int32(-1));
    let tags = Schema::new(Kind::Array(Arc::new(Schema::new(Kind::Text).optional()))).optional();
    let counts = Schema::new(Kind::Map(Arc::new(Schema::new(Kind::Text)), Arc::new(Schema::new(Kind::Int8))));
    let pairs = Schema::new(Kind::Map(Arc::new(Schema::new(Kind::Int16)), Arc::new(Schema::new(Kind::Float32))));
    let fields = vec![
        Field::new("age", age),
        Field::new("tags", tags),
        Field::new("counts", counts),
        Field::new("pairs", pairs),
    ];
    let data = Typed::new(
        Schema::new(Kind::Struct(fields)).named("person"),
        Value::Struct(vec![
            Value::Int32(5),
            Value::Array(vec![Value::Text("a".into()), Value::Null]),
            Value::Map(vec![(Value::Text("x".into()), Value::Int8(-8))]),
            Value::Map(vec![(Value::Int16(1), Value::Float32(1e10))]),
        ]),
    );
    let text = write(plain(), &data);
    assert_eq!(
        text,
        "{\"schema\":{\"type\":\"struct\",\"fields\":[\
         {\"type\":\"int32\",\"optional\":false,\"name\":\"n.Age\",\"version\":3,\"doc\":\"years\",\
         \"parameters\":{\"unit\":\"a \\\"year\\\"\"},\"default\":-1,\"field\":\"age\"},\
         {\"type\":\"array\",\"items\":{\"type\":\"string\",\"optional\":true},\"optional\":true,\"field\":\"tags\"},\
         {\"type\":\"map\",\"keys\":{\"type\":\"string\",\"optional\":false},\
         \"values\":{\"type\":\"int8\",\"optional\":false},\"optional\":false,\"field\":\"counts\"},\
         {\"type\":\"map\",\"keys\":{\"type\":\"int16\",\"optional\":false},\
         \"values\":{\"type\":\"float\",\"optional\":false},\"optional\":false,\"field\":\"pairs\"}],\
         \"optional\":false,\"name\":\"person\"},\
         \"payload\":{\"age\":5,\"tags\":[\"a\",null],\"counts\":{\"x\":-8},\"pairs\":[[1,1.0E10]]}}"
    );
    assert_eq!(read(&text), data);
    assert!(write(JsonOptions { schemas: false, ..plain() }, &data).starts_with("{\"age\":5,"));
}

#[test]
fn decimals_are_bytes_or_numbers_and_both_are_read() {
    let mut schema = Schema::new(Kind::Bytes).named("org.apache.kafka.connect.data.Decimal");
    schema.parameters = vec![("scale".into(), "2".into())];
    let data = Typed::new(schema, Value::Bytes(Bytes::from_static(&[0xFF, 0x6A])));
    let numbers = JsonOptions { decimal: JsonDecimal::Numeric, ..plain() };
    assert!(write(plain(), &data).ends_with("\"payload\":\"/2o=\"}"));
    let number = write(numbers, &data);
    assert!(number.ends_with("\"payload\":-1.50}"), "{number}");
    assert_eq!(read(&number), data);
    assert_eq!(read(&write(plain(), &data)), data);
    assert_eq!(read(&number.replace("-1.50}", "-15e-1}")), data);
}

#[test]
fn null_is_the_default_when_the_option_says_so() {
    let mut field = Schema::new(Kind::Int32).optional();
    field.default = Some(Value::Int32(3));
    let data = Typed::new(Schema::new(Kind::Struct(vec![Field::new("a", field)])), Value::Struct(vec![Value::Null]));
    assert!(write(JsonOptions::default(), &data).ends_with("{\"a\":3}}"));
    let kept = write(plain(), &data);
    assert!(kept.ends_with("{\"a\":null}}"));
    assert_eq!(read(&kept), data);
    let replaced = JsonReader::new(true).replacing_null(true).read(Some(kept.as_bytes())).unwrap();
    assert_eq!(replaced.value, Value::Struct(vec![Value::Int32(3)]));
}

#[test]
fn nothing_is_a_tombstone_and_a_null_with_a_schema_is_not() {
    assert_eq!(JsonReader::new(true).read(None).unwrap(), Typed::NULL);
    let mut out = Vec::new();
    assert!(!JsonWriter::new(plain()).write(&Typed::NULL, &mut out).unwrap() && out.is_empty());
    let null = Typed::new(Schema::new(Kind::Text).optional(), Value::Null);
    assert_eq!(write(plain(), &null), "{\"schema\":{\"type\":\"string\",\"optional\":true},\"payload\":null}");
    assert_eq!(write(JsonOptions { schemas: false, ..plain() }, &null), "null");
}

#[test]
fn plain_json_has_wide_numbers_and_maps() {
    let read =
        JsonReader::new(false).read(Some(b" {\"a\":[1,2.0,true,null],\"b\":\"\\u00e9\\ud83d\\ude00\\n\"} ")).unwrap();
    assert_eq!(read.schema, None);
    let list = vec![Value::Int64(1), Value::Float64(2.0), Value::Boolean(true), Value::Null];
    assert_eq!(
        read.value,
        Value::Map(vec![
            (Value::Text("a".into()), Value::Array(list)),
            (Value::Text("b".into()), Value::Text("é😀\n".into())),
        ])
    );
    let none = JsonOptions { schemas: false, ..plain() };
    assert_eq!(write(none, &read), "{\"a\":[1,2.0,true,null],\"b\":\"é😀\\n\"}");
    assert!(refusal(false, "9223372036854775808").contains("64 bits"));
}

#[test]
fn floats_keep_every_bit() {
    for bits in [0x3FF0_0000_0000_0001_u64, 1, 0x7FEF_FFFF_FFFF_FFFF, 0x4340_0000_0000_0001, 0xFFF0_0000_0000_0000] {
        let data = Typed::new(Schema::new(Kind::Float64), Value::Float64(f64::from_bits(bits)));
        assert_eq!(read(&write(plain(), &data)), data);
    }
    let nan = read("{\"schema\":{\"type\":\"float\",\"optional\":false},\"payload\":\"NaN\"}");
    assert!(matches!(nan.value, Value::Float32(value) if value.is_nan()));
}

#[test]
fn refusals_name_the_place_and_no_value() {
    let schema = "{\"type\":\"struct\",\"optional\":false,\"fields\":[{\"type\":\"struct\",\"optional\":false,\
                  \"field\":\"a\",\"fields\":[{\"type\":\"int8\",\"optional\":false,\"field\":\"b\"}]}]}";
    let with = |payload: &str| refusal(true, &format!("{{\"schema\":{schema},\"payload\":{payload}}}"));
    assert_eq!(with("{\"a\":{\"b\":4711}}"), "field a.b: a number that its schema's type cannot hold");
    assert_eq!(with("{\"a\":{\"b\":\"4711\"}}"), "field a.b: not a number");
    assert_eq!(with("{\"a\":{}}"), "field a.b: null where the schema demands a value");
    assert_eq!(with("[]"), "not an object");
    for text in
        ["1", "{}", "{\"schema\":null}", "{\"schema\":null,\"payload\":1,\"x\":2}", "{\"payload\":1,\"schema\":null"]
    {
        assert!(refusal(true, text).len() > 5, "{text}");
    }
    assert!(refusal(true, "{\"id\":1}").contains("schemas.enable=false"));
    for text in
        ["", "01", "1.", "+1", "1 2", "[1,]", "{\"a\"}", "\"\\x\"", "\"\\ud800\"", "\"\n\"", "nul", "tru", "-", "1e"]
    {
        assert!(refusal(false, text).len() > 5, "{text}");
    }
    assert!(refusal(false, &"[".repeat(100_000)).contains("deep"));
    let deep = "{\"type\":\"array\",\"optional\":false,\"items\":".repeat(100_000);
    assert!(refusal(true, &format!("{{\"schema\":{deep}")).contains("deep"));
}

#[test]
fn the_members_of_a_foreign_envelope_may_stand_in_any_order() {
    let schema = "{\"fields\":[{\"field\":\"a\",\"default\":7,\"type\":\"int32\"},\
                  {\"field\":\"b\",\"type\":\"string\",\"optional\":true}],\"type\":\"struct\"}";
    let text = format!("{{ \"payload\" : {{\"x\":[{{}}],\"b\":\"t\",\"a\":1}}, \"schema\":{schema} }}\n");
    let mut reader = JsonReader::new(true);
    let data = reader.read(Some(text.as_bytes())).unwrap();
    assert_eq!(data.value, Value::Struct(vec![Value::Int32(1), Value::Text("t".into())]));
    let usual = format!("{{\"schema\":{schema},\"payload\":{{\"a\":1,\"b\":\"t\"}}}}");
    let again = reader.read(Some(usual.as_bytes())).unwrap();
    assert_eq!(again, data);
    assert!(Arc::ptr_eq(&again.schema.unwrap(), &data.schema.unwrap()));
}

#[test]
fn fields_are_found_wherever_they_stand() {
    let schema = "{\"type\":\"struct\",\"fields\":[{\"field\":\"a\",\"type\":\"int32\",\"optional\":true},\
                  {\"field\":\"b\",\"type\":\"struct\",\"optional\":true,\"fields\":[{\"field\":\"c\",\"type\":\"int32\"}]},\
                  {\"field\":\"d\",\"type\":\"int32\",\"optional\":true}]}";
    let mut reader = JsonReader::new(true);
    let mut read = |payload: &str| {
        let text = format!("{{\"schema\":{schema},\"payload\":{payload}}}");
        reader.read(Some(text.as_bytes())).map(|data| data.value).map_err(|error| error.to_string())
    };
    let inner = || Value::Struct(vec![Value::Int32(2)]);
    let all = Value::Struct(vec![Value::Int32(1), inner(), Value::Int32(3)]);
    for payload in [
        r#"{"a":1,"b":{"c":2},"d":3}"#,
        r#" { "a" : 1 , "b" : { "c" : 2 } , "d" : 3 } "#,
        r#"{"d":3,"b":{"c":2},"a":1}"#,
        r#"{"a":1,"x":[],"b":{"y":{},"c":2},"d":3,"z":null}"#,
        r#"{"\u0061":1,"b":{"c":2},"d":3}"#,
        r#"{"a":0,"b":{"c":9,"c":2},"a":1,"d":3}"#,
    ] {
        assert_eq!(read(payload), Ok(all.clone()), "{payload}");
    }
    assert_eq!(read(r#"{"b":{"c":2}}"#), Ok(Value::Struct(vec![Value::Null, inner(), Value::Null])));
    assert_eq!(read("{}"), Ok(Value::Struct(vec![Value::Null; 3])));
    assert_eq!(read(r#"{"a":1,"b":{}}"#), Err("field b.c: null where the schema demands a value".into()));
    for broken in [r#"{"a":1,}"#, r#"{"a":1 "d":2}"#, r#"{,"a":1}"#, r#"{"a"1}"#, r#"{"a":1"#, "{", r#"{"a":1]"#] {
        assert!(read(broken).is_err(), "{broken}");
    }
}

#[test]
fn fields_that_need_not_be_read_are_passed_whatever_they_are() {
    let schema = "{\"type\":\"struct\",\"fields\":[{\"field\":\"a\",\"type\":\"int32\"},\
                  {\"field\":\"b\",\"type\":\"string\"},{\"field\":\"c\",\"type\":\"int32\"}]}";
    let mut reader = JsonReader::new(true);
    let opened = format!("{{\"schema\":{schema},\"payload\":{{\"a\":");
    let (schema, payload) = reader.opening(opened.as_bytes()).unwrap();
    assert_eq!(&opened[payload..], "{\"a\":");
    let read =
        |rest: &str, skip: &[bool]| reader.read_opened(schema.as_ref(), rest.as_bytes(), skip).map(|data| data.value);
    let rest = |passed: &str| format!("{{\"a\":1,\"b\":{passed},\"c\":3}}}}");
    let kept = Value::Struct(vec![Value::Int32(1), Value::Null, Value::Int32(3)]);
    for passed in ["null", "12.5e3", "true", "\"\"", r#""\",}\\""#, "[]", r#"{"x":[{"]":"}"},[1,"\\"]]}"#, " { } "] {
        assert_eq!(read(&rest(passed), &[false, true]), Ok(kept.clone()), "{passed}");
    }
    assert!(read(&rest("12"), &[]).is_err(), "no text, as the schema wants it");
    assert_eq!(read("null}", &[true]).unwrap_err().to_string(), "null where the schema demands a value");
    for broken in ["", "[", "{\"x\":", "\"x", "]"] {
        assert!(read(&format!("{{\"a\":1,\"b\":{broken}"), &[false, true]).is_err(), "{broken}");
    }
}

fn values() -> impl Strategy<Value = (Arc<Schema>, Value)> {
    fn leaf(kind: Kind, value: Value) -> (Arc<Schema>, Value) {
        (Arc::new(Schema::new(kind)), value)
    }
    let leaves = prop_oneof![
        any::<i8>().prop_map(|v| leaf(Kind::Int8, Value::Int8(v))),
        any::<i16>().prop_map(|v| leaf(Kind::Int16, Value::Int16(v))),
        any::<i32>().prop_map(|v| leaf(Kind::Int32, Value::Int32(v))),
        any::<i64>().prop_map(|v| leaf(Kind::Int64, Value::Int64(v))),
        any::<f32>().prop_map(|v| leaf(Kind::Float32, Value::Float32(v))),
        any::<f64>().prop_map(|v| leaf(Kind::Float64, Value::Float64(v))),
        any::<bool>().prop_map(|v| leaf(Kind::Boolean, Value::Boolean(v))),
        any::<String>().prop_map(|v| leaf(Kind::Text, Value::Text(v))),
        proptest::collection::vec(any::<u8>(), 0..9).prop_map(|v| leaf(Kind::Bytes, Value::Bytes(v.into()))),
        Just((Arc::new(Schema::new(Kind::Int32).optional()), Value::Null)),
    ];
    leaves.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (inner.clone(), 0..3usize).prop_map(|((schema, value), count)| {
                (Arc::new(Schema::new(Kind::Array(schema))), Value::Array(vec![value; count]))
            }),
            (inner.clone(), any::<String>()).prop_map(|((schema, value), key)| {
                let keys = Arc::new(Schema::new(Kind::Text));
                let entries = vec![(Value::Text(key), value)];
                (Arc::new(Schema::new(Kind::Map(keys, schema))), Value::Map(entries))
            }),
            (inner.clone(), any::<i64>()).prop_map(|((schema, value), key)| {
                let keys = Arc::new(Schema::new(Kind::Int64));
                let entries = vec![(Value::Int64(key), value)];
                (Arc::new(Schema::new(Kind::Map(keys, schema))), Value::Map(entries))
            }),
            proptest::collection::vec((any::<String>(), inner), 0..4).prop_map(|members| {
                let name = |at: usize, name: &str| format!("{at}{name}");
                let fields = members.iter().enumerate().map(|(at, (n, (s, _)))| Field::new(name(at, n), s.clone()));
                let schema = Schema::new(Kind::Struct(fields.collect())).named("s");
                (Arc::new(schema), Value::Struct(members.into_iter().map(|(_, (_, v))| v).collect()))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back((schema, value) in values()) {
        let data = Typed { schema: Some(schema), value };
        let text = write(plain(), &data);
        let again = read(&text);
        // NaN equals nothing; its text does.
        prop_assert_eq!(write(plain(), &again), text.clone());
        if !text.contains("NaN") {
            prop_assert_eq!(again, data);
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(text in proptest::collection::vec(any::<u8>(), 0..60), schemas: bool) {
        let _ = JsonReader::new(schemas).read(Some(&text));
    }

    #[test]
    fn no_cut_or_changed_record_makes_the_reader_panic(at in 0..300usize, byte: u8) {
        let mut text = b"{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"int32\",\"optional\":true,\"default\":3,\
            \"field\":\"a\"},{\"type\":\"bytes\",\"name\":\"org.apache.kafka.connect.data.Decimal\",\"parameters\":\
            {\"scale\":\"2\"},\"field\":\"d\"}],\"optional\":false},\"payload\":{\"a\":1,\"d\":-1.5e3}}".to_vec();
        if let Some(place) = text.get_mut(at) {
            *place = byte;
        }
        let _ = JsonReader::new(true).read(Some(&text));
        text.truncate(at);
        let _ = JsonReader::new(true).read(Some(&text));
    }
}
