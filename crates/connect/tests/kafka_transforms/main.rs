//! Kafka's transforms against what Kafka's own gave: `vectors.jsonl`, recorded by `Oracle.java` over the cases of `cases.py`.
//!
//! Results are compared as JSON (schemas, payloads, headers, topics), errors by their text.

// A broken promise of a helper is a failed test.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use serde_json::Value as Json;
use tailwater_connect::transform::exception::exception_of;
use tailwater_connect::transform::{Configured, classes};
use tailwater_connector::{Config, Problem};
use tailwater_event::connect::json::{JsonOptions, JsonReader, JsonWriter};
use tailwater_event::connect::{ConnectHeader, ConnectRecord, Typed, Value};

const VECTORS: &str = include_str!("vectors.jsonl");

#[test]
fn transforms_do_what_kafkas_do() {
    let vectors: Vec<Json> = VECTORS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(vectors.len() > 1900, "{}", vectors.len());
    let mut wrong = Vec::new();
    let mut used = vec![false; WANTED.len()];
    for (line, vector) in vectors.iter().enumerate() {
        let (expected, found) = (expected(vector), run(vector));
        if !agree(&expected, &found, &mut used) {
            wrong.push(format!(
                "{}: {} {}\n  kafka {expected}\n  ours  {found}\n",
                line + 1,
                vector["class"].as_str().unwrap(),
                vector["config"]
            ));
        }
    }
    let unused = WANTED.iter().zip(used).filter(|(_, used)| !used).map(|(wanted, _)| wanted).collect::<Vec<_>>();
    assert!(unused.is_empty(), "wanted, but no case shows it: {unused:?}");
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), vectors.len(), wrong.concat());
}

/// A null pointer is Kafka's own fault: it is a refusal here.
#[test]
fn problems_have_the_classes_of_kafkas_exceptions() {
    let vectors = VECTORS.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let mut seen = std::collections::BTreeMap::new();
    for vector in vectors {
        let ours = run(&vector);
        let (Some(theirs), Some(cause)) = (vector["error"].as_str(), ours["error"].as_str()) else { continue };
        let (theirs, _) = theirs.split_once(": ").unwrap();
        let class = vector["class"].as_str().unwrap();
        let exception = exception_of(class, cause);
        let same = exception.ends_with(&format!(".{theirs}")) || theirs == "NullPointerException";
        assert!(same, "{class}: {theirs} is {exception}: {cause}");
        *seen.entry(exception).or_insert(0) += 1;
    }
    assert!(seen.len() >= 4 && seen.values().sum::<i32>() > 200, "{seen:?}");
}

/// Every configuration over records that were made for others, and over values that do not fit their schema.
#[test]
fn no_record_makes_a_transform_panic() {
    let vectors: Vec<Json> = VECTORS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut reader = JsonReader::new(true);
    let mut records: Vec<ConnectRecord> = Vec::new();
    for vector in vectors.iter().step_by(23) {
        let fitting = record(&vector["record"], &mut reader);
        for value in [
            Value::Null,
            Value::Int64(i64::MIN),
            Value::Struct(Vec::new()),
            Value::Struct(vec![Value::Array(Vec::new())]),
        ] {
            let value = Typed { schema: fitting.value.schema.clone(), value };
            records.push(ConnectRecord { value, timestamp_ms: Some(i64::MIN), ..fitting.clone() });
        }
        records.push(fitting);
    }
    let mut seen = std::collections::HashSet::new();
    let mut applied = 0;
    for vector in
        vectors.iter().filter(|vector| seen.insert((vector["class"].to_string(), vector["config"].to_string())))
    {
        if let Ok((mut transform, _)) = configured(vector) {
            for record in &records {
                let _ = transform.apply(record.clone());
                applied += 1;
            }
        }
    }
    assert!(applied > 100_000, "{applied}");
}

#[test]
fn the_guide_names_every_class_and_option() {
    let guide = include_str!("../../../../docs/transforms.md");
    for class in classes().filter(|class| class.names.iter().any(|name| name.starts_with("org.apache.kafka"))) {
        let simple = class.names.first().and_then(|name| name.rsplit('.').next()).unwrap();
        let outer = simple.split('$').next().unwrap();
        let row = guide.lines().find(|line| line.starts_with(&format!("| `{outer}")));
        let row = row.unwrap_or_else(|| panic!("docs/transforms.md has no row for {outer}"));
        for property in class.properties {
            let named = row.contains(&format!("`{}`", property.name))
                || property.name == "replace.null.with.default" && row.contains('ⁿ');
            assert!(named, "docs/transforms.md: {outer} has the option {}", property.name);
        }
    }
}

/// What Kafka gave, without the exceptions' names.
fn expected(vector: &Json) -> Json {
    let mut expected = serde_json::Map::new();
    for kind in ["result", "error", "config_error"] {
        if let Some(found) = vector.get(kind) {
            let text = found.as_str().map(|text| match kind {
                "error" => text.split_once(": ").unwrap().1.into(),
                _ => Json::from(text),
            });
            // Where only the order of a map's entries changed, nothing did.
            let known = if found.is_object() { changes(&vector["record"], found) } else { found.clone() };
            expected.insert(kind.into(), text.unwrap_or(known));
        }
    }
    expected.into()
}

fn configured(vector: &Json) -> Configured {
    let class = format!("org.apache.kafka.connect.transforms.{}", vector["class"].as_str().unwrap());
    let found = classes().find(|known| known.names.contains(&class.as_str())).unwrap();
    let options = vector["config"].as_object().unwrap().iter();
    let config: Config = options.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
    (found.configure)(&class, &config)
}

fn run(vector: &Json) -> Json {
    let (mut transform, warnings) = match configured(vector) {
        Ok(configured) => configured,
        Err(problems) => return serde_json::json!({ "config_error": causes(&problems) }),
    };
    assert!(warnings.iter().all(|warning| !warning.is_error()));
    let mut reader = JsonReader::new(true);
    let before = &vector["record"];
    match transform.apply(record(before, &mut reader)) {
        Ok(None) => serde_json::json!({ "result": null }),
        Ok(Some(after)) => serde_json::json!({ "result": changes(before, &json(&after)) }),
        Err(problem) => {
            assert!(!problem.remedy.is_empty() && problem.code == "TRANSFORM_FAILED", "{problem:?}");
            serde_json::json!({ "error": problem.cause })
        }
    }
}

fn causes(problems: &[Problem]) -> String {
    problems
        .iter()
        .filter(|problem| problem.is_error())
        .map(|problem| problem.cause.clone())
        .collect::<Vec<_>>()
        .join("; ")
}

fn record(from: &Json, reader: &mut JsonReader) -> ConnectRecord {
    let header = |header: &Json, reader: &mut JsonReader| ConnectHeader {
        name: Arc::from(header["key"].as_str().unwrap()),
        value: typed(&header["value"], reader),
    };
    ConnectRecord {
        topic: Arc::from(from["topic"].as_str().unwrap()),
        partition: from["partition"].as_i64().map(|partition| i32::try_from(partition).unwrap()),
        offset: from["offset"].as_i64(),
        timestamp_ms: from["timestamp"].as_i64(),
        key: typed(&from["key"], reader),
        value: typed(&from["value"], reader),
        headers: from["headers"].as_array().into_iter().flatten().map(|from| header(from, reader)).collect(),
    }
}

fn typed(from: &Json, reader: &mut JsonReader) -> Typed {
    if from.is_null() { Typed::NULL } else { reader.read(Some(from.to_string().as_bytes())).unwrap() }
}

fn json(record: &ConnectRecord) -> Json {
    let headers =
        record.headers.iter().map(|header| serde_json::json!({ "key": *header.name, "value": written(&header.value) }));
    serde_json::json!({
        "topic": *record.topic,
        "partition": record.partition,
        "timestamp": record.timestamp_ms,
        "key": written(&record.key),
        "value": written(&record.value),
        "headers": headers.collect::<Vec<_>>(),
    })
}

fn written(data: &Typed) -> Json {
    let mut out = Vec::new();
    let mut writer = JsonWriter::new(JsonOptions { replace_null: false, ..JsonOptions::default() });
    match writer.write(data, &mut out) {
        Ok(true) => serde_json::from_slice(&out).unwrap(),
        Ok(false) => Json::Null,
        Err(error) => Json::from(format!("not written: {error}")),
    }
}

/// What is not as it was.
fn changes(before: &Json, after: &Json) -> Json {
    let changed = after.as_object().unwrap().iter().filter(|(part, new)| {
        let none = before[*part].is_null() && new.as_array().is_some_and(Vec::is_empty);
        !none && before[*part] != **new
    });
    changed.map(|(part, new)| (part.clone(), new.clone())).collect::<serde_json::Map<_, _>>().into()
}

/// Whether both are the same but for what is wanted, see [`WANTED`]. A problem of the configuration need only be one.
fn agree(expected: &Json, found: &Json, used: &mut [bool]) -> bool {
    if expected.get("config_error").is_some() && found.get("config_error").is_some() {
        return true;
    }
    if let (Some(Json::String(expected)), Some(Json::String(found))) = (expected.get("error"), found.get("error")) {
        // Without the value, which Kafka shows; we add the field.
        let shown = |start, end| expected.starts_with(start) && expected.ends_with(end) && found.starts_with(start);
        let value = expected.split_once(": value (");
        if found.starts_with(expected)
            || shown("Value", " was out of range for requested data type")
            || expected.starts_with("Timestamp missing on record: ") && found == "Timestamp missing on record"
            || value.is_some_and(|(start, _)| found.starts_with(&format!("{start}: value does not match")))
        {
            return true;
        }
    }
    let texts = (expected.to_string(), found.to_string());
    if same(expected, found, texts.0.contains("\"type\":\"float\"")) {
        return true;
    }
    let wanted = WANTED.iter().position(|(theirs, ours)| texts.0.contains(theirs) && texts.1.contains(ours));
    wanted.and_then(|at| used.get_mut(at)).map(|used| *used = true).is_some()
}

/// What Kafka's answer holds, and ours instead.
const WANTED: &[(&str, &str)] = &[
    // The same, said by the transform or by the converter.
    ("Conversion error: null value for field that is required", "null where the schema demands a value"),
    ("Cannot list fields on non-struct type", "Only Struct objects supported"),
    ("config.format", "requires format option"),
    // A plain value's schema can have a name, too.
    ("Cannot list fields on non-struct type", "\"result\""),
    // Without a schema the times of Connect are plain numbers; Kafka's converter refuses them.
    ("class java.util.Date does not have corresponding schema type", "\"result\""),
    // Days beyond 32 bits wrap in Kafka.
    ("-1082630818", "outside of the days"),
    // The calendar before October 1582 is Gregorian here.
    ("49998032-12-17", "49999058-04-13"),
    ("48032-12-18", "48033-12-21"),
    ("-61531142400000", "-61530969600000"),
    ("-62325158400000", "-62324985600000"),
    // Kafka keeps the name of a date for what is none any more, and then fails on it.
    ("Invalid type for", "\"result\""),
    // A time before 1970-01-02 keeps its date.
    ("\"ts\":\"23:59:59.999Z\"", "\"ts\":\"1969-12-31T23:59:59.999Z\""),
    ("\"ts\":\"00:00:00.000Z\"", "\"ts\":\"1969-12-31T00:00:00.000Z\""),
    ("\"ts\":\"00:00:00.005Z\"", "\"ts\":\"1970-01-01T00:00:00.005Z\""),
    // Masked at the field's own scale.
    ("value has scale 0.", "\"payload\":{\"dec\":\"AA==\"}"),
    ("value has scale 1.", "\"payload\":{\"dec\":\"Agg=\"}"),
    // What follows a number is not thrown away.
    ("\"payload\":12}", "\"payload\":\"12:00\""),
    ("\"payload\":1}", "\"payload\":\"1,2\""),
    ("\"items\":null", "a list or map needs members"),
    ("a is not a valid field name", "{\"result\":{}}"),
    // Kafka 4 ignores the old name.
    ("{\"result\":{}}", "\"payload\":{\"a\":1}"),
    ("Schema.field(String)", "Unknown field: zz"),
    // Six letters S are a fraction of the second.
    ("1577836923456", "1577836800123"),
    // An empty literal is refused.
    ("\"payload\":\"\"", "'value.literal' value is invalid"),
];

/// Equal, numbers as far as they were printed: Java 17 prints some floats with other last digits.
fn same(one: &Json, other: &Json, floats: bool) -> bool {
    match (one, other) {
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| same(value, other, floats)))
        }
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other, floats))
        }
        (Json::Number(one), Json::Number(other)) if one.is_f64() && other.is_f64() => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            #[allow(clippy::cast_possible_truncation)]
            let as_float = one as f32 == other as f32;
            one == other || (one - other).abs() <= one.abs() * 1e-15 || floats && as_float
        }
        (one, other) => one == other,
    }
}
