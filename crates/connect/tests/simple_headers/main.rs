//! The simple header converter's reading side against Kafka's own: `vectors.jsonl`, recorded by `Oracle.java` over the texts of
//! `cases.py`.
//!
//! Values are compared as JSON with their schemas, and by their text when they are written again.

// A broken promise of a helper is a failed test.
#![allow(clippy::unwrap_used)]

use serde_json::Value as Json;
use tailwater_event::connect::json::{JsonOptions, JsonWriter};
use tailwater_event::connect::text::push_simple_text;
use tailwater_event::connect::{Typed, Value, read_simple_text};

const VECTORS: &str = include_str!("vectors.jsonl");

/// Whether the recorded answer and ours differ for a reason.
type Wanted = fn(&Json, &Typed) -> bool;

/// Why an answer is another one than Kafka's.
const WANTED: &[(&str, Wanted)] = &[
    ("what follows a value is not thrown away, and a day is one of its month's", |vector, ours| {
        ours.value.as_text() == vector["text"].as_str()
    }),
    ("what Kafka's own converter refuses to write", |vector, ours| {
        vector.get("error").is_some() && written(ours) == vector["written"]
    }),
    ("the smallest float has one digit", |vector, _| vector["text"] == "1e-45"),
    ("a number keeps its digits", |vector, ours| {
        let kinds = |kind: &str| ["float", "int8"].contains(&kind);
        let theirs = vector["read"]["schema"]["type"].as_str();
        theirs.is_some_and(kinds) && matches!(ours.value, Value::Float64(_) | Value::Bytes(_))
    }),
    ("quoted text is read as it was written, and a value that another one replaced has no say", |vector, ours| {
        let may_differ = repeats(vector) || json(ours)["schema"] == vector["read"]["schema"];
        may_differ && bare(&written(ours)) == bare(&vector["written"])
    }),
    ("of several kinds there is no schema, so that times are text", |vector, ours| {
        let known = bare(&written(ours));
        let is_whole = known == bare(&vector["written"]) || known == bare(&vector["text"]);
        is_whole && ours.schema.is_none() && !ours.value.is_null()
    }),
    ("a time and a number are of several kinds, and so is a value that was replaced by null", |vector, ours| {
        let text = vector["text"].as_str().unwrap_or_default();
        ours.schema.is_none() && (repeats(vector) || text.contains("2019-") || text.contains("14:34"))
    }),
    ("dates are dates before 1970, too, and Gregorian", |vector, ours| {
        written(ours) == vector["text"] && vector["text"].as_str().is_some_and(|text| text < "1970-01-02")
    }),
];

/// Whether a map has an entry twice.
fn repeats(vector: &Json) -> bool {
    let text = vector["text"].as_str().unwrap_or_default();
    ["\"k\"", "\"l\"", "\"m n\"", "1:", "2:"].iter().any(|key| text.matches(key).count() > 1)
}

/// A text without what is not the same in the wanted cases.
fn bare(text: &Json) -> String {
    text.as_str().unwrap_or_default().replace(['"', '\\', ' '], "")
}

#[test]
fn texts_stand_for_what_kafka_reads_in_them() {
    let vectors: Vec<Json> = VECTORS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(vectors.len() > 1100, "{}", vectors.len());
    let mut used = vec![0; WANTED.len()];
    let mut wrong = Vec::new();
    for vector in &vectors {
        let ours = read_simple_text(vector["text"].as_str().unwrap());
        if json(&ours) == vector["read"] && written(&ours) == vector["written"] {
            continue;
        }
        match WANTED.iter().position(|(_, is)| is(vector, &ours)) {
            Some(at) => used[at] += 1,
            None => wrong.push(format!("{vector}\n  ours {} {}\n", json(&ours), written(&ours))),
        }
    }
    assert!(used.iter().all(|used| *used > 0), "wanted, but no case shows it: {used:?}");
    assert!(wrong.is_empty(), "{} of {} differ ({used:?}):\n{}", wrong.len(), vectors.len(), wrong.concat());
}

fn json(typed: &Typed) -> Json {
    let mut out = Vec::new();
    let mut writer = JsonWriter::new(JsonOptions::default());
    match writer.write(typed, &mut out) {
        Ok(true) => serde_json::from_slice(&out).unwrap(),
        Ok(false) => Json::Null,
        Err(error) => Json::from(error.to_string()),
    }
}

fn written(typed: &Typed) -> Json {
    if typed.value.is_null() {
        return Json::Null;
    }
    let mut out = Vec::new();
    push_simple_text(&typed.value, typed.schema.as_deref(), &mut out).unwrap();
    Json::from(String::from_utf8(out).unwrap())
}
