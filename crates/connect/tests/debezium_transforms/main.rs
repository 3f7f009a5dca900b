//! Debezium's transforms against what Debezium's own gave: `vectors.jsonl`, recorded over the cases of `cases.py`.
//!
//! Results are compared as JSON (schemas, payloads, headers, topics, partitions); of errors only that there is one. With strict
//! compatibility they are the same wherever Debezium gives any.

// A broken promise of a helper is a failed test.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../support/recorded.rs"]
mod recorded;

use recorded::record;
use serde_json::{Map, Value as Json, json};
use tailwater_connect::transform::{STRICT, Transform, classes};
use tailwater_connector::Config;
use tailwater_event::connect::json::{JsonOptions, JsonWriter};
use tailwater_event::connect::{ConnectRecord, Typed, Value};

const VECTORS: &str = include_str!("vectors.jsonl");

/// Why our answer is another one.
struct Wanted {
    class: &'static str,
    /// What the configuration, the record, Debezium's answer and ours hold, in this order.
    holds: [&'static str; 4],
    why: &'static str,
}

/// Answers that are others with strict compatibility, too: numbers that are no Java numbers.
const EVEN_STRICT: &[&str] = &["1e400", "-0}"];

const WANTED: &[Wanted] = &[
    Wanted {
        class: "TimezoneConverter",
        holds: ["America/New_York", "T0", "-0", "-0"],
        why: "the offset of the moment, not of the hour of the clock",
    },
    Wanted { class: "HeaderToValue", holds: ["", "\"b\":null", "\"b\":3", "\"b\":null"], why: "a null stays null" },
    Wanted { class: "HeaderToValue", holds: ["", "\"k\":null", "\"k\":9", "\"k\":null"], why: "a null stays null" },
    Wanted {
        class: "HeaderToValue",
        holds: ["before.deep.one", "", "\"deep\":{}", "\"deep\":{\"one\":1}"],
        why: "a struct that is made within another has its field",
    },
    Wanted {
        class: "HeaderToValue",
        holds: ["before.deep.one", "\"before\":null", "error", "\"before\":null"],
        why: "a row that is null stays null",
    },
    Wanted {
        class: "HeaderToValue",
        holds: ["after.one", "", "", "\"after\""],
        why: "a row that can be null stays optional",
    },
    Wanted {
        class: "EventRouter",
        holds: ["", "[1,2]", "error", "\"payload\":[1,2]"],
        why: "an array of its own is expanded",
    },
    Wanted {
        class: "EventRouter",
        holds: ["", "12345678901234567890", "error", "double"],
        why: "a number beyond 64 bits is a double",
    },
    Wanted {
        class: "EventRouter",
        holds: ["", "\"b\\\":\\\"x", "error", "Json"],
        why: "members of several kinds leave the payload text",
    },
    Wanted { class: "EventRouter", holds: ["", "\"[]\"", "null", "[]"], why: "an empty array keeps a schema" },
    Wanted {
        class: "EventRouter",
        holds: ["optional_string", "[]}", "{}", "\"a\":[]"],
        why: "empty arrays are kept when asked for",
    },
    Wanted { class: "EventRouter", holds: ["", "} x", "\"a\":1", "} x"], why: "nothing behind the JSON is lost" },
    Wanted {
        class: "EventRouter",
        holds: ["", "1e400", "Infinity", "1e400"],
        why: "a number beyond doubles stays text",
    },
    Wanted { class: "EventRouter", holds: ["", ":-0}", "int32", "double"], why: "zero keeps its sign" },
    Wanted {
        class: "ExtractNewRecordState",
        holds: ["\"rewrite\"", "[\"__op\",\"b\"]", "__op", "__deleted\":\"true"],
        why: "rows of deletes lose the same added fields as rows of inserts",
    },
    Wanted { class: "EventRouter", holds: ["", "\"op\":\"t\"", "error", "null"], why: "a truncate is no event" },
    Wanted {
        class: "EventRouter",
        holds: ["type:nope", "", "error", "refused"],
        why: "a placement is checked at the start",
    },
    Wanted {
        class: "ByLogicalTableRouter",
        holds: ["\"topic.regex\":\"x\"", "", "{}", "refused"],
        why: "a replacement with a group that the expression lacks is refused",
    },
    Wanted {
        class: "PartitionRouting",
        holds: ["before.id,after.id", "null", "error", "partition"],
        why: "a row that is not there has no fields, as one without the field",
    },
    Wanted { class: "PartitionRouting", holds: ["\"after.", "\"after\":null", "error", "{}"], why: "the same" },
    Wanted {
        class: "PartitionRouting",
        holds: ["transaction.id", "\"transaction\":null", "error", "{}"],
        why: "the same",
    },
    Wanted {
        class: "SwapGeometryCoordinates",
        holds: ["", "AekDAAAA", "error", "AekDAAAA"],
        why: "ISO's form of three dimensions is read, too",
    },
    Wanted {
        class: "VectorToJsonConverter",
        holds: ["", "\"b\":null", "\"b\":3", "{}"],
        why: "a null of a field with a default stays null",
    },
    Wanted {
        class: "SwapGeometryCoordinates",
        holds: ["", "\"b\":null", "\"b\":3", "{}"],
        why: "a null of a field with a default stays null, of rows without geometries",
    },
    Wanted { class: "VectorToJsonConverter", holds: ["", "", "error", "{}"], why: "what has no vectors passes" },
    Wanted {
        class: "DecodeLogicalDecodingMessageContent",
        holds: ["", "", "error", "{}"],
        why: "what is no message passes",
    },
    Wanted {
        class: "ExtractChangedRecordState",
        holds: ["", "\"payload\":{\"op\":\"c\"}", "error", "\"payload\":[]"],
        why: "without rows nothing changed",
    },
    Wanted {
        class: "ByLogicalTableRouter",
        holds: ["", "\"payload\":{\"op\":\"c\"}", "error", "all.Envelope"],
        why: "an envelope without rows is renamed, too",
    },
];

#[test]
fn transforms_do_what_debeziums_do() {
    let vectors = vectors();
    assert!(vectors.len() > 800, "{}", vectors.len());
    let (mut wrong, mut used) = (Vec::new(), vec![false; WANTED.len()]);
    for (vector, strict) in vectors.iter().flat_map(|vector| [(vector, false), (vector, true)]) {
        let (theirs, ours) = (theirs(vector), ours(vector, strict));
        let texts = [&vector["config"], &vector["record"], &theirs, &ours].map(Json::to_string);
        let class = vector["class"].as_str().unwrap();
        let wanted = |wanted: &Wanted| {
            class.ends_with(wanted.class) && wanted.holds.iter().zip(&texts).all(|(part, text)| text.contains(part))
        };
        let excused =
            !strict || theirs == "error" || ours == "refused" || EVEN_STRICT.iter().any(|part| texts[1].contains(part));
        if theirs == ours {
        } else if let Some(at) = WANTED.iter().position(wanted).filter(|_| excused) {
            used[at] = true;
        } else {
            wrong.push(format!("{class} {} {strict} {}\n  theirs {theirs}\n  ours   {ours}\n", texts[0], texts[1]));
        }
    }
    let unused: Vec<&str> = WANTED.iter().zip(used).filter(|(_, used)| !used).map(|(wanted, _)| wanted.why).collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), vectors.len(), wrong.concat());
    assert!(unused.is_empty(), "wanted, but no case shows it: {unused:?}");
}

/// Records that do not fit their schema, through every configuration of the cases.
#[test]
fn no_record_makes_a_transform_panic() {
    let vectors = vectors();
    let mut records: Vec<ConnectRecord> = Vec::new();
    for vector in vectors.iter().step_by(17) {
        let fitting = record(&vector["record"]);
        for value in
            [Value::Null, Value::Int64(i64::MIN), Value::Struct(Vec::new()), Value::Struct(vec![Value::Array(vec![])])]
        {
            let value = Typed { schema: fitting.value.schema.clone(), value };
            records.push(ConnectRecord { value, key: Typed::NULL, timestamp_ms: Some(i64::MIN), ..fitting.clone() });
        }
        records.push(fitting);
    }
    let mut seen = std::collections::HashSet::new();
    let mut applied = 0;
    for vector in &vectors {
        if seen.insert((vector["class"].to_string(), vector["config"].to_string()))
            && let Some(mut transform) = configured(vector, vector["record"]["timestamp"].is_null())
        {
            for record in &records {
                let _ = transform.apply(record.clone());
                applied += 1;
            }
        }
    }
    assert!(applied > 30_000, "{applied}");
}

#[test]
fn the_guide_names_every_class_and_option() {
    let guide = include_str!("../../../../docs/transforms.md");
    let guide = guide.split_once("## Debezium's").unwrap().1;
    for class in classes().filter(|class| class.names.iter().any(|name| name.starts_with("io.debezium"))) {
        for name in class.names {
            let simple = name.rsplit('.').next().unwrap();
            assert!(guide.contains(simple) || name.contains("mongodb") || simple == "UnwrapFromEnvelope", "{name}");
        }
        let simple = class.names[0].trim_start_matches("io.debezium.transforms.").rsplit("transforms.").next().unwrap();
        let row = guide.lines().find(|line| line.starts_with(&format!("| `{simple}`"))).unwrap_or_default();
        for property in class.properties.iter().filter(|property| property.name != "*") {
            assert!(row.contains(&format!("`{}`", property.name)), "{simple} has the option {}", property.name);
        }
    }
}

/// The cases with their records and schemas put in.
fn vectors() -> Vec<Json> {
    let mut kept = Vec::new();
    let mut vectors = Vec::new();
    for line in VECTORS.lines() {
        let mut line = serde_json::from_str(line).unwrap();
        unpack(&mut line, &kept);
        match line.get("keep") {
            Some(number) => {
                assert_eq!(number.as_u64(), Some(kept.len() as u64));
                kept.push(line["is"].take());
            }
            None => vectors.push(line),
        }
    }
    vectors
}

fn unpack(node: &mut Json, kept: &[Json]) {
    match node {
        Json::Array(parts) => parts.iter_mut().for_each(|part| unpack(part, kept)),
        Json::Object(members) => match members.get("$").and_then(Json::as_u64) {
            Some(number) => *node = kept[usize::try_from(number).unwrap()].clone(),
            None => members.values_mut().for_each(|member| unpack(member, kept)),
        },
        _ => {}
    }
}

fn theirs(vector: &Json) -> Json {
    match vector.get("result") {
        Some(Json::Null) => Json::Null,
        Some(changed) => changes(&vector["record"], changed),
        None if vector.get("config_error").is_some() => "refused".into(),
        None => "error".into(),
    }
}

fn configured(vector: &Json, strict: bool) -> Option<Box<dyn Transform>> {
    let name = vector["class"].as_str().unwrap();
    let class = classes().find(|class| class.names.contains(&name)).unwrap();
    let options = vector["config"].as_object().unwrap().iter();
    let options = options.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    let mode = (strict && class.repeats_mistakes).then(|| (STRICT.to_owned(), "strict".to_owned()));
    let config: Config = options.chain(mode).collect();
    (class.configure)(name, &config).ok().map(|(transform, _)| transform)
}

fn ours(vector: &Json, strict: bool) -> Json {
    let Some(mut transform) = configured(vector, strict) else { return "refused".into() };
    match transform.apply(record(&vector["record"])) {
        Ok(None) => Json::Null,
        Ok(Some(after)) => written(&after).map_or_else(|| "error".into(), |after| changes(&vector["record"], &after)),
        Err(problem) => {
            assert!(!problem.remedy.is_empty(), "{problem:?}");
            "error".into()
        }
    }
}

/// The record as a converter writes it; `None` when it cannot.
fn written(record: &ConnectRecord) -> Option<Json> {
    let mut writer = JsonWriter::new(JsonOptions { replace_null: false, ..JsonOptions::default() });
    let mut typed = |data: &Typed| {
        let mut out = Vec::new();
        let written = writer.write(data, &mut out).ok()?;
        Some(if written { serde_json::from_slice(&out).unwrap() } else { Json::Null })
    };
    let (key, value) = (typed(&record.key)?, typed(&record.value)?);
    let headers =
        record.headers.iter().map(|header| Some(json!({ "key": *header.name, "value": typed(&header.value)? })));
    Some(json!({
        "topic": *record.topic,
        "partition": record.partition,
        "timestamp": record.timestamp_ms,
        "key": key,
        "value": value,
        "headers": headers.collect::<Option<Vec<Json>>>()?,
    }))
}

/// What is not as it was.
fn changes(before: &Json, after: &Json) -> Json {
    let changed = after.as_object().unwrap().iter().filter(|(part, new)| {
        let none = before[*part].is_null() && new.as_array().is_some_and(Vec::is_empty);
        !none && before[*part] != **new
    });
    changed.map(|(part, new)| (part.clone(), new.clone())).collect::<Map<_, _>>().into()
}
