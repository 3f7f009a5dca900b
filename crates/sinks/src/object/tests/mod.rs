//! What the object sink promises: layout, exactly once across kills, nothing skipped in silence.

mod aiven;
mod aiven_golden;
mod configuration;
mod forms;
mod published;
mod s3;

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tailwater_connector::{Config, Problem, Record, Sink, Transport};

use super::encode::ObjectEncoder;
use super::like_confluents;
use crate::Surroundings;
use crate::files::FileSink;
use crate::limits::{DUE_WAIT, IDLE_WAIT, SKIPPED_TIME_US, STOP_RECORDS};
use crate::testing::{Memory, PLAN, Random, clock, config, deliver, record, tree};

fn sink(config: &Config, now_us: &Arc<AtomicI64>) -> FileSink<ObjectEncoder> {
    like_confluents(config, &Surroundings::default(), clock(now_us))
        .map_err(|problems| format!("{problems:?}"))
        .unwrap()
        .0
}

/// Delivers what is visible with a sink of these properties and a clock that stands.
fn run(dir: &Path, memory: &Memory, more: &[(&str, &str)]) -> Result<(), Problem> {
    deliver(&mut sink(&config(dir, more), &Arc::default()), memory).1
}

fn lines(topic: &str, partition: usize, memory: &Memory, count: usize) {
    for n in 0..count {
        memory.append_value(topic, partition, &format!("{{\"n\":{n}}}"));
    }
}

#[test]
fn values_become_lines_in_confluents_layout() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    memory.append_value("s.public.t", 0, r#"{"schema":{"type":"struct"},"payload":{"op":"c"}}"#);
    memory.append_value("s.public.t", 0, r#"{"op":"d"}"#);
    memory.append("s.public.t", 0, record(None, Some(PLAN), 0));
    memory.append_value("s.public.t", 0, "{}");
    memory.append_value("s.public.t", 1, "{}");
    memory.append_value("other", 0, "{}");
    run(dir.path(), &memory, &[("topics.regex", "s\\..*"), ("flush.size", "2")]).unwrap();
    let found = tree(dir.path());
    let found: Vec<_> = found.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let expected = [
        ("topics/s.public.t/partition=0/s.public.t+0+0000000000.json", "{\"op\":\"c\"}\n{\"op\":\"d\"}\n"),
        ("topics/s.public.t/partition=0/s.public.t+0+0000000003.json", "{}\n"),
        ("topics/s.public.t/partition=1/s.public.t+1+0000000000.json", "{}\n"),
    ];
    assert_eq!(found, expected);
    assert_eq!(memory.entry("offset/s.public.t/0").as_deref(), Some("4"));
    assert_eq!(memory.needs("s.public.t"), Some(4));
}

#[test]
fn topics_that_transforms_give_records_are_directories_and_two_topics_in_one_do_not_meet() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    for (topic, line) in [("a", "1"), ("b", "2"), ("a", "3")] {
        let routed = (line != "3").then(|| "all".into());
        memory.append(topic, 0, Record { topic: routed, ..record(Some(line), Some(PLAN), 0) });
    }
    run(dir.path(), &memory, &[("topics", "a,b")]).unwrap();
    let found = tree(dir.path());
    let found: Vec<_> = found.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let expected = [
        ("topics/a/partition=0/a+0+0000000001.json", "3\n"),
        ("topics/all/partition=0/a+0+0000000000.json", "1\n"),
        ("topics/all/partition=0/b+0+0000000000.json", "2\n"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn directories_by_time_hold_records_of_their_time_whatever_the_clock_says_later() {
    for (extractor, expected) in
        [("Record", [("00", "a"), ("01", "b"), ("00", "c")]), ("Wallclock", [("05", "abc"), ("", ""), ("", "")])]
    {
        let dir = tempfile::tempdir().unwrap();
        let memory = Memory::default();
        for (line, ms) in [("a", 0), ("b", 3_600_000), ("c", 3_599_999)] {
            memory.append("t", 0, record(Some(line), Some(PLAN), ms));
        }
        let more = [
            ("topics", "t"),
            ("partitioner.class", "io.confluent.connect.storage.partitioner.TimeBasedPartitioner"),
            ("path.format", "'hour'=HH"),
            ("partition.duration.ms", "3600000"),
            ("timestamp.extractor", extractor),
        ];
        let config = config(dir.path(), &more);
        let now_us = Arc::new(AtomicI64::new(5 * 3_600_000_000));
        memory.kill_at(1, true);
        deliver(&mut sink(&config, &now_us), &memory).1.unwrap_err();
        memory.revive();
        now_us.store(7 * 3_600_000_000, Ordering::SeqCst);
        deliver(&mut sink(&config, &now_us), &memory).1.unwrap();
        let mut found: Vec<_> = tree(dir.path()).into_iter().collect();
        found.sort_by_key(|(name, _)| name.rsplit('+').next().unwrap().to_owned());
        let found: Vec<_> = found.iter().map(|(name, text)| (&name[14..16], text.replace('\n', ""))).collect();
        let expected: Vec<_> =
            expected.into_iter().filter(|(hour, _)| !hour.is_empty()).map(|(h, l)| (h, l.to_owned())).collect();
        assert_eq!(found, expected, "{extractor}");
    }
}

#[test]
fn a_kill_at_any_step_leaves_the_directory_of_an_undisturbed_run() {
    let fill = || {
        let memory = Memory::default();
        lines("a", 0, &memory, 23);
        lines("a", 1, &memory, 5);
        lines("b", 0, &memory, 9);
        memory
    };
    let properties = [("topics", "a,b"), ("flush.size", "4")];
    let undisturbed = tempfile::tempdir().unwrap();
    run(undisturbed.path(), &fill(), &properties).unwrap();
    let expected = tree(undisturbed.path());
    assert_eq!(expected.len(), 11);

    let mut kills = 0;
    for after in [false, true] {
        for writes in 0.. {
            let dir = tempfile::tempdir().unwrap();
            let memory = fill();
            memory.kill_at(writes, after);
            if run(dir.path(), &memory, &properties).is_ok() {
                break;
            }
            kills += 1;
            tear_planned_files(dir.path(), &memory);
            memory.revive();
            run(dir.path(), &memory, &properties).unwrap();
            assert_eq!(tree(dir.path()), expected, "killed at write {writes}, after it: {after}");
            assert_eq!(memory.entry("plan/a/0"), None);
        }
    }
    assert!(kills > 30, "{kills}");
}

/// What a kill in the middle of an upload may leave: a torn file under the final name, a staging file beside it.
fn tear_planned_files(dir: &Path, memory: &Memory) {
    for name in ["plan/a/0", "plan/a/1", "plan/b/0"] {
        let Some(plan) = memory.entry(name) else { continue };
        let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
        let file = dir.join(plan["key"].as_str().unwrap());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "{\"n\":").unwrap();
        fs::write(format!("{}#1", file.display()), "{").unwrap();
    }
}

#[test]
fn whatever_ends_files_and_whenever_it_is_killed_every_record_arrives_once_in_order() {
    for seed in 0..25 {
        let dir = tempfile::tempdir().unwrap();
        let memory = Memory::default();
        let mut random = Random(seed);
        let now_us = Arc::new(AtomicI64::new(0));
        let mut appended = 0;
        let mut seen = BTreeMap::new();
        for round in 0..12 {
            for _ in 0..random.below(40) {
                let mut next = record(Some(&format!("{appended:05}")), Some(PLAN), appended * 100);
                if random.below(5) == 0 {
                    next.value = None;
                } else {
                    appended += 1;
                }
                memory.append("t", 0, next);
            }
            let (size, bytes) = ((1 + random.below(9)).to_string(), (1 + random.below(60)).to_string());
            let properties = [
                ("topics", "t"),
                ("flush.size", size.as_str()),
                ("rotate.bytes", bytes.as_str()),
                ("rotate.interval.ms", ["-1", "300"][random.below(2) as usize]),
                ("rotate.schedule.interval.ms", ["-1", "10"][random.below(2) as usize]),
            ];
            now_us.fetch_add(random.below(30_000) as i64, Ordering::SeqCst);
            if round < 11 && random.below(3) > 0 {
                memory.kill_at(random.below(8) as usize, random.below(2) == 0);
            }
            let (_, result) = deliver(&mut sink(&config(dir.path(), &properties), &now_us), &memory);
            assert!(result.is_ok() || result.is_err_and(|p| p.code == "KILLED"), "seed {seed}");
            memory.revive();
            let found = tree(dir.path());
            for (name, text) in seen {
                assert_eq!(found.get(&name), Some(&text), "seed {seed}: {name} changed after it was there");
            }
            seen = found;
        }
        let read: String = seen.into_values().collect();
        let expected: String = (0..appended).map(|n| format!("{n:05}\n")).collect();
        assert_eq!(read, expected, "seed {seed}");
    }
}

#[test]
fn records_that_retention_removed_stop_the_sink_after_what_it_still_held_is_delivered() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    lines("t", 0, &memory, 14);
    memory.trim_after_read("t", 9);
    for _ in 0..2 {
        let problem = run(dir.path(), &memory, &[("topics", "t")]).unwrap_err();
        assert_eq!(problem.code, "SINK_BEHIND_LOG_START");
        assert!(problem.cause.contains("records 7 to 8 of topic 't'"), "{problem}");
        assert_eq!(tree(dir.path()).into_values().collect::<String>().lines().count(), 7);
    }
}

#[test]
fn a_planned_file_is_what_its_name_says_though_the_properties_say_otherwise_by_now() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    lines("t", 0, &memory, 2);
    memory.kill_at(1, true);
    run(dir.path(), &memory, &[("topics", "t")]).unwrap_err();
    memory.revive();
    run(dir.path(), &memory, &[("topics", "t"), ("s3.compression.type", "gzip")]).unwrap();
    let found: Vec<_> = tree(dir.path()).into_iter().collect();
    let name = "topics/t/partition=0/t+0+0000000000.json".to_owned();
    assert_eq!(found, [(name, "{\"n\":0}\n{\"n\":1}\n".to_owned())]);
}

#[test]
fn a_planned_file_whose_records_are_gone_stops_the_sink() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    lines("t", 0, &memory, 5);
    memory.kill_at(1, true);
    run(dir.path(), &memory, &[("topics", "t")]).unwrap_err();
    assert!(memory.entry("plan/t/0").is_some());
    memory.revive();
    memory.trim("t", 2);
    let problem = run(dir.path(), &memory, &[("topics", "t")]).unwrap_err();
    assert!(problem.cause.contains("records 0 to 1 of topic 't'"), "{problem}");
    memory.delete("t");
    assert_eq!(run(dir.path(), &memory, &[("topics", "t")]).unwrap_err().code, "SINK_AHEAD_OF_LOG");
}

#[test]
fn a_new_sink_starts_where_the_log_starts_and_remembers_it() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    lines("t", 0, &memory, 10);
    memory.trim("t", 3);
    memory.kill_at(1, false);
    run(dir.path(), &memory, &[("topics", "t")]).unwrap_err();
    memory.revive();
    memory.trim("t", 8);
    let problem = run(dir.path(), &memory, &[("topics", "t")]).unwrap_err();
    assert!(problem.cause.contains("records 3 to 7"), "{problem}");
}

#[test]
fn a_topic_that_is_read_no_longer_is_not_held_back_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    lines("a", 0, &memory, 1);
    lines("b", 0, &memory, 2);
    run(dir.path(), &memory, &[("topics", "a,b")]).unwrap();
    assert_eq!((memory.needs("a"), memory.needs("b")), (Some(1), Some(2)));
    run(dir.path(), &memory, &[("topics", "b")]).unwrap();
    assert_eq!((memory.needs("a"), memory.needs("b")), (Some(i64::MAX), Some(2)));
}

#[test]
fn a_topic_is_held_back_until_its_planned_file_is_written_and_not_after_that() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    lines("a", 0, &memory, 1);
    lines("b", 0, &memory, 2);
    memory.kill_at(1, true);
    run(dir.path(), &memory, &[("topics", "a")]).unwrap_err();
    assert!(memory.entry("plan/a/0").is_some());
    memory.revive();
    run(dir.path(), &memory, &[("topics", "b")]).unwrap();
    assert_eq!(tree(dir.path()).len(), 2);
    assert_eq!((memory.needs("a"), memory.needs("b")), (Some(i64::MAX), Some(2)));
}

#[test]
fn a_topic_is_let_go_of_though_its_offsets_were_reset_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    lines("a", 0, &memory, 1);
    lines("b", 0, &memory, 2);
    run(dir.path(), &memory, &[("topics", "a")]).unwrap();
    memory.put_entries("sink", &[("offset/a/0", &[])]).unwrap();
    run(dir.path(), &memory, &[("topics", "b")]).unwrap();
    assert_eq!((memory.needs("a"), memory.needs("b")), (Some(i64::MAX), Some(2)));
}

#[test]
fn a_topic_that_was_made_anew_stops_the_sink() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    lines("t", 0, &memory, 5);
    run(dir.path(), &memory, &[("topics", "t")]).unwrap();
    memory.delete("t");
    lines("t", 0, &memory, 2);
    assert_eq!(run(dir.path(), &memory, &[("topics", "t")]).unwrap_err().code, "SINK_AHEAD_OF_LOG");
}

#[test]
fn a_topic_that_is_made_anew_while_the_sink_runs_stops_it_after_what_it_held_is_delivered() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    lines("t", 0, &memory, 5);
    let mut one = sink(&config(dir.path(), &[("topics", "t")]), &Arc::default());
    let mut context = memory.context();
    let thread = std::thread::spawn(move || one.run(&mut context));
    let deadline = Instant::now() + Duration::from_secs(30);
    while memory.reads() < 1 {
        assert!(Instant::now() < deadline, "nothing is read");
        std::thread::yield_now();
    }
    memory.delete("t");
    lines("t", 0, &memory, 2);
    assert_eq!(thread.join().unwrap().unwrap_err().code, "SINK_AHEAD_OF_LOG");
    assert_eq!(tree(dir.path()).into_values().collect::<String>().lines().count(), 5);
}

#[test]
fn a_topic_that_transforms_made_names_a_directory_or_stops_the_sink_before_anything_is_planned() {
    let dir = tempfile::tempdir().unwrap();
    let too_long = "x".repeat(241);
    for (routed, word) in [
        ("..", "'..'"),
        ("a//b", "empty"),
        ("a/../../b", "'..'"),
        ("/", "empty"),
        ("a\nb", "control"),
        (&too_long, "240"),
    ] {
        let memory = Memory::default();
        memory.append("t", 0, Record { topic: Some(routed.into()), ..record(Some("1"), Some(PLAN), 0) });
        let problem = run(dir.path(), &memory, &[("topics", "t")]).unwrap_err();
        assert_eq!(problem.code, "SINK_NAME_INVALID", "{routed}");
        assert!(problem.cause.contains(word) && !problem.cause.contains('\n'), "{problem}");
        assert_eq!(memory.entry("plan/t/0"), None);
    }
    assert!(tree(dir.path()).is_empty(), "{:?}", tree(dir.path()));
    for routed in ["a/b", "50%2F%", "é ü", "#1", "a\\b"] {
        let memory = Memory::default();
        memory.append("t", 0, Record { topic: Some(routed.into()), ..record(Some("1"), Some(PLAN), 0) });
        run(dir.path(), &memory, &[("topics", "t")]).unwrap();
        let file = dir.path().join(format!("topics/{routed}/partition=0/t+0+0000000000.json"));
        assert_eq!(fs::read_to_string(file).unwrap(), "1\n", "{routed}");
    }
}

#[test]
fn foreign_records_and_missing_topics_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    lines("orders", 0, &memory, 2);
    memory.append("orders", 0, record(Some("{\"n\":\"of a client\"}"), None, 0));
    let config = config(dir.path(), &[("topics", "orders,ordres")]);
    let (context, result) = deliver(&mut sink(&config, &Arc::default()), &memory);
    result.unwrap();
    let warnings: Vec<_> = context.status.get().warnings.into_iter().map(|w| (w.code, w.remedy)).collect();
    let expected =
        [("SINK_TOPIC_MISSING", "Did you mean 'orders'?"), ("SINK_FOREIGN_RECORDS", "Produce to topics of your own.")];
    assert_eq!(warnings, expected.map(|(c, r)| (c.to_owned(), r.to_owned())));
    assert_eq!(tree(dir.path()).into_values().collect::<String>(), "{\"n\":0}\n{\"n\":1}\n");
}

#[test]
fn what_clients_wrote_into_topics_of_theirs_is_delivered_as_it_comes() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    memory.give_to_clients("t");
    // It comes without schemas: what looks like a wrapper is none.
    for value in [Some("\"text\""), Some("{\"schema\":1,\"payload\":2}"), None, Some("3")] {
        memory.append("t", 0, record(value, None, 0));
    }
    let config = config(dir.path(), &[("topics", "t")]);
    let (context, result) = deliver(&mut sink(&config, &Arc::default()), &memory);
    result.unwrap();
    assert_eq!(context.status.get().warnings, []);
    let text = tree(dir.path()).into_values().collect::<String>();
    assert_eq!(text, "\"text\"\n{\"schema\":1,\"payload\":2}\n3\n");
    assert_eq!(memory.entry("offset/t/0").as_deref(), Some("4"));
}

#[test]
fn dropped_records_are_passed_durably_by_and_by_and_a_stop_waits_for_few_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    memory.drop_all();
    lines("t", 0, &memory, 3);
    let now_us = Arc::new(AtomicI64::new(0));
    let properties = config(dir.path(), &[("topics", "t")]);
    let mut one = sink(&properties, &now_us);
    let mut context = memory.context();
    let stop = context.stop.clone();
    let thread = std::thread::spawn(move || one.run(&mut context));
    let deadline = Instant::now() + Duration::from_secs(30);
    while memory.entry("offset/t/0").as_deref() != Some("3") {
        // Every look at the clock is five seconds after the one before.
        now_us.fetch_add(SKIPPED_TIME_US, Ordering::SeqCst);
        assert!(Instant::now() < deadline, "what was dropped is not passed");
        std::thread::yield_now();
    }
    stop.set();
    thread.join().unwrap().unwrap();
    lines("t", 0, &memory, STOP_RECORDS as usize + 1000);
    deliver(&mut sink(&properties, &now_us), &memory).1.unwrap();
    let passed: i64 = memory.entry("offset/t/0").unwrap().parse().unwrap();
    assert!((STOP_RECORDS..STOP_RECORDS + 20).contains(&passed), "{passed}");
    assert!(tree(dir.path()).is_empty());
}

#[test]
fn a_null_value_stops_the_sink_where_that_was_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    lines("t", 0, &memory, 1);
    memory.append("t", 0, record(None, Some(PLAN), 0));
    let problem = run(dir.path(), &memory, &[("topics", "t"), ("behavior.on.null.values", "fail")]).unwrap_err();
    assert_eq!(problem.code, "SINK_NULL_VALUE");
    assert!(problem.cause.starts_with("topic 't' partition 0 offset 1: "), "{problem}");
}

#[test]
fn a_running_sink_writes_a_file_when_it_is_full_or_when_its_time_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    let now_us = Arc::new(AtomicI64::new(0));
    let properties = [("topics", "t"), ("flush.size", "3"), ("rotate.schedule.interval.ms", "60000")];
    let mut sink = sink(&config(dir.path(), &properties), &now_us);
    let mut context = memory.context();
    let stop = context.stop.clone();
    let thread = std::thread::spawn(move || sink.run(&mut context));
    let wait_for_offset = |offset: &str| {
        let deadline = Instant::now() + Duration::from_secs(30);
        while memory.entry("offset/t/0").as_deref() != Some(offset) {
            assert!(Instant::now() < deadline, "offset {offset} was not reached");
            std::thread::yield_now();
        }
    };
    lines("t", 0, &memory, 4);
    wait_for_offset("3");
    now_us.store(60_000_000, Ordering::SeqCst);
    wait_for_offset("4");
    lines("t", 0, &memory, 1);
    stop.set();
    thread.join().unwrap().unwrap();
    assert_eq!(tree(dir.path()).into_values().collect::<Vec<_>>().concat().lines().count(), 5);
    assert_eq!(memory.entry("offset/t/0").as_deref(), Some("5"));
}

#[test]
fn a_sink_without_records_rests_until_something_is_due() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    let now_us = Arc::new(AtomicI64::new(0));
    let properties = [("topics", "t"), ("flush.size", "3"), ("rotate.schedule.interval.ms", "60000")];
    let mut sink = sink(&config(dir.path(), &properties), &now_us);
    let mut context = memory.context();
    let stop = context.stop.clone();
    let thread = std::thread::spawn(move || sink.run(&mut context));
    let waits = |expected: RangeInclusive<Duration>| {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !expected.contains(&memory.asked_to_wait()) {
            assert!(Instant::now() < deadline, "{:?} is not in {expected:?}", memory.asked_to_wait());
            std::thread::yield_now();
        }
    };
    let still = IDLE_WAIT..=IDLE_WAIT;
    waits(still.clone());
    lines("t", 0, &memory, 1);
    now_us.store(57_000_000, Ordering::SeqCst);
    waits(Duration::from_secs(1)..=Duration::from_secs(3));
    now_us.store(59_950_000, Ordering::SeqCst);
    waits(DUE_WAIT..=DUE_WAIT);
    now_us.store(60_000_000, Ordering::SeqCst);
    waits(still);
    assert_eq!(memory.entry("offset/t/0").as_deref(), Some("1"));
    stop.set();
    thread.join().unwrap().unwrap();
}

#[test]
fn many_records_without_a_line_are_passed_durably_without_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    for _ in 0..crate::limits::SKIPPED_RECORDS_MAX + 20 {
        memory.append("t", 0, record(None, Some(PLAN), 0));
    }
    memory.kill_at(2, false);
    assert_eq!(run(dir.path(), &memory, &[("topics", "t")]).unwrap_err().code, "KILLED");
    let passed: i64 = memory.entry("offset/t/0").unwrap().parse().unwrap();
    assert!(passed >= crate::limits::SKIPPED_RECORDS_MAX, "{passed}");
    assert!(tree(dir.path()).is_empty());
}

#[test]
fn open_files_end_early_when_all_of_them_are_too_much() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    let megabyte = "x".repeat(1 << 20);
    for _ in 0..40 {
        memory.append_value("t", 0, &megabyte);
    }
    run(dir.path(), &memory, &[("topics", "t"), ("rotate.bytes", "134217728")]).unwrap();
    let found = tree(dir.path());
    assert_eq!(found.len(), 2, "{:?}", found.keys());
    assert_eq!(found.values().map(String::len).sum::<usize>(), 40 * (megabyte.len() + 1));
}

#[test]
fn records_of_any_time_that_a_client_may_set_have_a_directory() {
    for partitioner in ["HourlyPartitioner", "DailyPartitioner"] {
        let dir = tempfile::tempdir().unwrap();
        let memory = Memory::default();
        memory.give_to_clients("t");
        for ms in [i64::MIN, i64::MAX, -1, 0, i64::MIN + 1, i64::MAX - 1] {
            memory.append("t", 0, record(Some("1"), None, ms));
        }
        let more = [
            ("topics", "t"),
            ("partitioner.class", partitioner),
            ("timestamp.extractor", "Record"),
            ("timezone", "Asia/Kolkata"),
            ("locale", "en"),
            ("rotate.interval.ms", "1000"),
        ];
        run(dir.path(), &memory, &more).unwrap();
        let found = tree(dir.path());
        assert_eq!(found.values().map(String::len).sum::<usize>(), 6 * 2, "{found:?}");
        assert!(found.keys().any(|name| name.contains("/year=1970/month=01/day=01/")), "{found:?}");
    }
}
