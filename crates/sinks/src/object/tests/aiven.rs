//! What the object sink promises under Aiven's names: names of files, lines, and the same exactness.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use tailwater_connector::{Config, Plugin, Problem};

use super::super::{AivenSinkPlugin, like_aivens};
use crate::Surroundings;
use crate::testing::{Memory, PLAN, clock, deliver, record, tree};

/// The sink that tutorials post, word for word.
const TUTORIAL: &str = include_str!("aiven-tutorial.json");
/// 2026-11-21 04:05:06 UTC.
pub(super) const NOW_US: i64 = 1_795_233_906_000_000;

/// Its properties.
pub(super) fn tutorial() -> Config {
    let json: serde_json::Value = serde_json::from_str(TUTORIAL).unwrap();
    let config = json["config"].as_object().unwrap();
    config.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

/// The properties with a directory in the place of the bucket.
fn in_directory(dir: &Path, more: &[(&str, &str)]) -> Config {
    let mut config: Config = [("topics", "t"), ("file.compression.type", "none")]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into_iter()
        .collect();
    config.set("aws.s3.endpoint", &format!("file://{}", dir.display()));
    more.iter().for_each(|(name, value)| config.set(name, value));
    config
}

fn run(config: &Config, memory: &Memory, now_us: i64) -> Result<(), Problem> {
    let now_us = Arc::new(AtomicI64::new(now_us));
    let (mut sink, _) = like_aivens(config, &Surroundings::default(), clock(&now_us)).unwrap();
    deliver(&mut sink, memory).1
}

#[test]
fn the_tutorials_sink_is_taken_as_it_is_with_a_word_about_what_its_author_did_not_notice() {
    let (_, warnings) =
        AivenSinkPlugin::new(&Surroundings::default()).configure(&tutorial()).map_err(|p| format!("{p:?}")).unwrap();
    let warnings: Vec<_> = warnings.iter().map(|w| (w.code.as_str(), w.cause.contains("'flush.size'"))).collect();
    assert_eq!(warnings, [("PROPERTY_NO_EFFECT", true)]);
}

#[test]
fn the_tutorials_files_have_its_names_and_its_lines() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    let topic = "debezium.commerce.products";
    memory.append_value(topic, 0, r#"{"schema":{},"payload":{"before":null,"after":{"id":1}}}"#);
    memory.append(topic, 0, record(None, Some(PLAN), 0));
    let mut config = tutorial();
    config.set("aws.s3.endpoint", &format!("file://{}", dir.path().display()));
    run(&config, &memory, NOW_US).unwrap();
    let found = tree(dir.path());
    let name = "debezium.commerce.products/2026-11-21/04/0000000000-00000000000000000000.json";
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        [(name.to_owned(), "{\"value\":{\"before\":null,\"after\":{\"id\":1}}}\n{\"value\":null}".to_owned())]
    );
}

#[test]
fn a_kill_before_the_hour_changes_leaves_one_file_under_the_name_that_was_planned() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    memory.append_value("t", 0, "{}");
    let template = "{{topic}}/{{timestamp:unit=HH}}/{{partition}}-{{start_offset}}";
    let config = in_directory(dir.path(), &[("file.name.template", template), ("format.output.type", "jsonl")]);
    memory.kill_at(1, true);
    run(&config, &memory, NOW_US).unwrap_err();
    memory.revive();
    run(&config, &memory, NOW_US + 3_600_000_000).unwrap();
    assert_eq!(tree(dir.path()).into_keys().collect::<Vec<_>>(), ["t/04/0-0"]);
}

#[test]
fn files_end_by_number_or_by_the_clock_and_lines_have_what_was_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    let mut keyed = record(Some("{\"n\":0}"), Some(PLAN), 1_000);
    keyed.key = Some(Bytes::from_static(b"{\"id\":1}"));
    memory.append("t", 0, keyed);
    memory.append_value("t", 0, "{\"n\":1}");
    memory.append_value("t", 0, "{\"n\":2}");
    let more =
        [("file.max.records", "2"), ("format.output.type", "jsonl"), ("format.output.fields", "timestamp,key,offset")];
    run(&in_directory(dir.path(), &more), &memory, 0).unwrap();
    let first = "{\"offset\":0,\"key\":{\"id\":1},\"timestamp\":\"1970-01-01T00:00:01Z\"}\n\
                 {\"offset\":1,\"key\":null,\"timestamp\":\"1970-01-01T00:00:00Z\"}";
    let second = "{\"offset\":2,\"key\":null,\"timestamp\":\"1970-01-01T00:00:00Z\"}";
    let expected = [("t-0-0".to_owned(), first.to_owned()), ("t-0-2".to_owned(), second.to_owned())];
    assert_eq!(tree(dir.path()).into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn with_the_old_prefix_names_have_the_old_form_whatever_the_template_says() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    memory.append_value("t", 0, "{}");
    let template = ("file.name.template", "{{topic}}/{{partition}}-{{start_offset}}");
    let config = in_directory(dir.path(), &[("aws_s3_prefix", "p/{{ utc_date }}/"), template]);
    let (_, warnings) = like_aivens(&config, &Surroundings::default(), clock(&Arc::default())).unwrap();
    assert!(warnings.iter().any(|w| w.cause.contains("'file.name.template' has no effect")), "{warnings:?}");
    run(&config, &memory, NOW_US).unwrap();
    let names: Vec<_> = tree(dir.path()).into_keys().collect();
    assert_eq!(names, ["p/2026-11-21/t-0-00000000000000000000"]);
}

#[test]
fn names_by_the_time_of_records_divide_files_where_it_changes() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    for ms in [0, 3_599_999, 3_600_000] {
        memory.append("t", 0, record(Some("{}"), Some(PLAN), ms));
    }
    let template = "{{topic}}/{{timestamp:unit=HH}}/{{partition}}-{{start_offset}}";
    let more = [
        ("file.name.template", template),
        ("file.name.timestamp.source", "event"),
        ("file.name.timestamp.timezone", "Asia/Seoul"),
    ];
    run(&in_directory(dir.path(), &more), &memory, NOW_US).unwrap();
    assert_eq!(tree(dir.path()).into_keys().collect::<Vec<_>>(), ["t/09/0-0", "t/10/0-2"]);
}

#[test]
fn a_running_sink_writes_after_a_minute() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    memory.append_value("t", 0, "{}");
    let now_us = Arc::new(AtomicI64::new(0));
    let config = in_directory(dir.path(), &[("format.output.type", "jsonl"), ("format.output.envelope", "false")]);
    let (mut sink, _) = like_aivens(&config, &Surroundings::default(), clock(&now_us)).unwrap();
    let mut context = memory.context();
    let stop = context.stop.clone();
    let thread = std::thread::spawn(move || tailwater_connector::Sink::run(&mut sink, &mut context));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while memory.entry("offset/t/0").as_deref() != Some("1") {
        // The file is begun at some time of this clock and ends in the next minute of it.
        now_us.fetch_add(30_000_000, Ordering::SeqCst);
        assert!(std::time::Instant::now() < deadline, "nothing was written");
        std::thread::yield_now();
    }
    stop.set();
    thread.join().unwrap().unwrap();
    assert_eq!(tree(dir.path()).into_values().collect::<String>(), "{}");
}

#[test]
fn every_problem_is_named_at_once() {
    let mut config = tutorial();
    for (name, value) in [
        ("file.name.template", "{{topic}}-{{key}}"),
        ("format.output.type", "parquet"),
        ("format.output.fields", "value"),
        ("file.compression.type", "zstd"),
        ("timestamp.timezone", "Mars/Olympus"),
        ("aws.sts.role.arn", "arn:x"),
        ("aws.s3.bucket.name", ""),
    ] {
        config.set(name, value);
    }
    let problems = AivenSinkPlugin::new(&Surroundings::default()).configure(&config).err().unwrap();
    for (code, word) in [
        ("PROPERTY_INVALID", "{{key}}"),
        ("PROPERTY_REFUSED", "'format.output.type' with parquet"),
        ("PROPERTY_REFUSED", "'file.compression.type' with zstd"),
        ("PROPERTY_INVALID", "there is no time zone 'Mars/Olympus'"),
        ("PROPERTY_REFUSED", "'aws.sts.role.arn'"),
        ("PROPERTY_MISSING", "'aws.s3.bucket.name'"),
    ] {
        assert!(problems.iter().any(|p| p.code == code && p.cause.contains(word)), "{word}: {problems:?}");
    }
    let two =
        [("format.output.type", "jsonl"), ("format.output.envelope", "false"), ("format.output.fields", "key,value")];
    let problems = like_aivens(&in_directory(Path::new("/x"), &two), &Surroundings::default(), clock(&Arc::default()))
        .err()
        .unwrap();
    assert!(problems[0].cause.contains("'format.output.envelope'"), "{problems:?}");
}
