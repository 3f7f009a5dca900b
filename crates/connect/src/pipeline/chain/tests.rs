//! Chains of transforms as people publish them, against what Kafka Connect's and Debezium's classes gave for each record:
//! `tests/chains/vectors.jsonl`, recorded over `chains.txt`.

use serde_json::{Map, Value as Json, json};
use tailwater_event::connect::json::{JsonOptions, JsonReader, JsonWriter};
use tailwater_event::connect::{ConnectHeader, Typed};

use super::*;

const VECTORS: &str = include_str!("../../../tests/chains/vectors.jsonl");

/// Options that are honoured by default and have no effect in Connect and in strict compatibility, as they are of older versions.
const OLD: &[&str] = &["drop.tombstones", "delete.handling.mode", "blacklist"];

#[test]
fn published_chains_do_what_they_do_in_connect() {
    let (tables, chains) = vectors();
    assert!(chains.len() >= 60, "{}", chains.len());
    let (mut wrong, mut honoured) = (Vec::new(), 0);
    for (chain, strict) in chains.iter().flat_map(|chain| [(chain, true), (chain, false)]) {
        let config = chain["config"].as_object().unwrap().iter();
        let config = config.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect::<Config>();
        let (mut transforms, problems) = Chain::parse(&config, strict);
        let errors: Vec<_> = problems.iter().filter(|problem| problem.is_error()).collect();
        if !errors.is_empty() || chain["became"] == "refused" {
            wrong.push(format!("{}\n  {errors:?} {}\n", chain["config"], chain["became"]));
            continue;
        }
        let old = config.iter().filter(|(name, _)| OLD.iter().any(|old| name.ends_with(old))).count();
        assert_eq!(
            problems.iter().filter(|problem| OLD.iter().any(|old| problem.cause.contains(old))).count(),
            old,
            "{problems:?}"
        );
        let records =
            tables.iter().find(|table| table["table"] == chain["table"]).unwrap()["records"].as_array().unwrap();
        for (before, theirs) in records.iter().zip(chain["became"].as_array().unwrap()) {
            let theirs = if theirs.is_object() { changes(before, theirs) } else { theirs.clone() };
            let ours = match transforms.apply(record(before)) {
                Ok(None) => Json::Null,
                Ok(Some(after)) => written(&after).map_or_else(|| "error".into(), |after| changes(before, &after)),
                Err(_) => "error".into(),
            };
            if theirs == ours {
            } else if old > 0 && !strict {
                honoured += 1;
            } else {
                let shown = &before["value"]["payload"];
                wrong.push(format!("{} {shown}\n  theirs {theirs}\n  ours   {ours}\n", chain["config"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.concat());
    assert!(honoured > 30, "{honoured}");
}

#[test]
fn a_class_that_is_refused_is_said_at_the_option_that_names_it() {
    for (class, error) in [
        ("io.debezium.transforms.GeometryFormatTransformer", true),
        ("io.debezium.transforms.EnforceRecordSize", true),
        ("io.debezium.connector.postgresql.transforms.timescaledb.TimescaleDb", true),
        ("io.debezium.transforms.openlineage.OpenLineage", false),
    ] {
        let config = [("transforms", "a"), ("transforms.a.type", class), ("transforms.a.x", "")];
        let config = config.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let (_, problems) = Chain::parse(&config, false);
        assert_eq!((problems.len(), problems[0].is_error()), (1, error), "{problems:?}");
        assert!(problems[0].cause.starts_with(&format!("'transforms.a.type': The transform {class} ")), "{problems:?}");
    }
}

/// The records by table, and the chains.
fn vectors() -> (Vec<Json>, Vec<Json>) {
    let (mut kept, mut lines) = (Vec::new(), Vec::new());
    for line in VECTORS.lines() {
        let mut line: Json = serde_json::from_str(line).unwrap();
        unpack(&mut line, &kept);
        match line.get("keep") {
            Some(_) => kept.push(line["is"].take()),
            None => lines.push(line),
        }
    }
    lines.into_iter().partition(|line| line.get("records").is_some())
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

fn record(from: &Json) -> ConnectRecord {
    let reader = &mut JsonReader::new(true);
    let mut typed = |from: &Json| match from {
        Json::Null => Typed::NULL,
        from => reader.read(Some(from.to_string().as_bytes())).unwrap(),
    };
    ConnectRecord {
        topic: from["topic"].as_str().unwrap().into(),
        partition: None,
        offset: None,
        timestamp_ms: from["timestamp"].as_i64(),
        key: typed(&from["key"]),
        value: typed(&from["value"]),
        headers: Vec::new(),
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
    let header = |header: &ConnectHeader| Some(json!({ "key": *header.name, "value": typed(&header.value)? }));
    let headers: Option<Vec<Json>> = record.headers.iter().map(header).collect();
    Some(json!({
        "topic": *record.topic,
        "partition": record.partition,
        "timestamp": record.timestamp_ms,
        "key": key,
        "value": value,
        "headers": headers?,
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
