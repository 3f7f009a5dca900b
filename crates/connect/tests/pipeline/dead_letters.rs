//! Dead letters against those of a real Connect worker: `dead_letters/vectors.jsonl`, recorded by `Oracle.java` over the cases
//! of `cases.py`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value as Json;
use tailwater_connector::{Config, Header, Problem, Record};

use crate::log::logged;
use crate::memory::{Memory, record};
use crate::sink::deliver;

const VECTORS: &str = include_str!("dead_letters/vectors.jsonl");
const MESSAGE: &str = "__connect.errors.exception.message";
const TRACE: &str = "__connect.errors.exception.stacktrace";

/// Records that only we refuse, by case and offset: Connect reads something else than what stands there.
const REFUSED: &[(&str, i64)] = &[("value-against-its-schema", 0), ("value-against-its-schema", 6), ("not-utf-8", 0)];

/// Messages of Connect's that hold values or are made of what we do not keep, and ours.
const MESSAGES: &[(&str, &str)] = &[
    ("Value (abc) was out of range", "Value was out of range for requested data type"),
    ("Could not parse timestamp: value (x)", "Could not parse timestamp: value does not match pattern (yyyy)"),
    ("Invalid null value for required", "null where the schema demands a value"),
    ("Converting byte[] to Kafka Connect data failed", "not a string"),
    ("supported types are [INT8,", "(field 'h')"),
    ("Unknown schema type: nonsense", "a schema of a type that Connect does not have"),
];

#[test]
fn dead_letters_are_those_of_connect_byte_for_byte() {
    let mut used = vec![false; REFUSED.len() + MESSAGES.len()];
    let (mut letters, mut wrong) = (0, Vec::new());
    for vector in VECTORS.lines().map(|line| serde_json::from_str::<Json>(line).unwrap()) {
        let name = vector["name"].as_str().unwrap();
        let ((seen, outcome, memory), mut log) = logged(|| run(&vector, name));
        log.retain(|line| line.contains("record left out"));
        let ours = memory.records(&format!("{name}.dead"));
        let only_ours = |letter: &&Record| {
            let offset = letter.headers.iter().find(|header| header.name == "__connect.errors.offset");
            let offset = offset.map(|header| text(header.value.as_ref()).parse::<i64>().unwrap());
            let known = REFUSED.iter().position(|(case, at)| *case == name && Some(*at) == offset);
            known.map(|known| used[known] = true).is_some()
        };
        let (more, ours): (Vec<_>, Vec<_>) = ours.iter().partition(only_ours);
        let theirs = vector["letters"].as_array().unwrap();
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for (ours, theirs) in ours.iter().zip(theirs) {
            letters += 1;
            differences(ours, theirs, &mut used[REFUSED.len()..], &mut |what| wrong.push(format!("{name}: {what}\n")));
        }
        assert_eq!(outcome.is_err(), vector["trace"].is_string(), "{name}: {outcome:?}");
        // Connect gives nothing of what it has read to a sink that ends.
        if outcome.is_ok() {
            assert_eq!(seen.len() + more.len(), vector["delivered"].as_array().unwrap().len(), "{name}");
            assert_eq!(log.len(), vector["log"].as_array().unwrap().len() + more.len(), "{name}: {log:?}");
        }
        let says_when = log.iter().any(|line| line.contains("timestamp_ms=1795211133976"));
        assert_eq!(says_when, vector["log"].to_string().contains("timestamp=1795211133976"), "{name}: {log:?}");
        assert!(log.iter().all(|line| !line.contains("abc") && !line.contains("secret")), "{name}: {log:?}");
    }
    assert!(letters > 30, "{letters}");
    assert!(wrong.is_empty(), "{}", wrong.concat());
    assert!(used.iter().all(|used| *used), "wanted, but no case shows it: {used:?}");
}

fn run(vector: &Json, name: &str) -> (Vec<Record>, Result<(), Problem>, Memory) {
    let memory = Memory::default();
    let records = (0..).zip(vector["records"].as_array().unwrap()).map(|(offset, from)| {
        let header = |header: &Json| Header { name: header[0].as_str().unwrap().into(), value: bytes(&header[1]) };
        let headers = from["headers"].as_array().unwrap().iter().map(header).collect();
        let timestamp = from["timestamp"].as_i64().unwrap();
        Record { offset, ..record(timestamp, bytes(&from["key"]), bytes(&from["value"]), headers) }
    });
    let records = records.collect();
    memory.with(|state| state.topics.insert(name.into(), records));
    let mut config: Config = vector["config"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    config.set("name", name);
    if vector["queue"].as_bool().unwrap() {
        config.set("errors.deadletterqueue.topic.name", &format!("{name}.dead"));
    }
    let (seen, outcome) = deliver(&memory, name, &config).unwrap();
    (seen, outcome, memory)
}

/// What is not as it is in Connect, but for what is wanted.
fn differences(ours: &Record, theirs: &Json, used: &mut [bool], wrong: &mut dyn FnMut(String)) {
    assert_eq!(ours.timestamp_ms, theirs["timestamp"].as_i64().unwrap());
    assert_eq!((&ours.key, &ours.value), (&bytes(&theirs["key"]), &bytes(&theirs["value"])));
    let of_theirs: Vec<(&str, Option<Bytes>)> =
        theirs["headers"].as_array().unwrap().iter().map(|h| (h[0].as_str().unwrap(), bytes(&h[1]))).collect();
    let names: Vec<&str> = ours.headers.iter().map(|header| header.name.as_str()).collect();
    assert_eq!(names, of_theirs.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for (ours, (name, theirs)) in ours.headers.iter().zip(&of_theirs) {
        if ours.value == *theirs {
            continue;
        }
        let (ours, theirs) = (text(ours.value.as_ref()), text(theirs.as_ref()));
        let wanted = MESSAGES.iter().position(|(their, our)| theirs.contains(their) && ours.contains(our));
        let wanted = wanted.map(|at| used[at] = true).is_some();
        // Ours has no places in Java's program, and our own words for the cause.
        let first = |trace: &str| trace.lines().next().unwrap_or_default().to_owned();
        let is_trace = *name == TRACE && (wanted || first(&ours) == first(&theirs));
        if !(is_trace || *name == MESSAGE && wanted) {
            wrong(format!("{name}\n  connect {theirs}\n  ours    {ours}"));
        }
    }
}

fn bytes(json: &Json) -> Option<Bytes> {
    json.as_str().map(|text| STANDARD.decode(text).unwrap().into())
}

fn text(bytes: Option<&Bytes>) -> String {
    bytes.map_or_else(|| "null".into(), |bytes| String::from_utf8_lossy(bytes).into_owned())
}

fn config(pairs: &[(&str, &str)]) -> Config {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const BAD: [(&str, &str); 5] = [
    ("name", "c"),
    ("topics", "t"),
    ("value.converter", "IntegerConverter"),
    ("errors.tolerance", "all"),
    ("errors.deadletterqueue.topic.name", "dead"),
];

fn bad_records(count: i64) -> Memory {
    let memory = Memory::default();
    let bad = |offset| Record { offset, ..record(5, None, Some("bad".into()), Vec::new()) };
    memory.with(|state| state.topics.insert("t".into(), (0..count).map(bad).collect()));
    memory
}

#[test]
fn a_sink_may_not_read_its_own_dead_letters() {
    for (read, how) in [
        (("topics", "a, dead"), "included in the list of topics ('topics=[a, dead]')"),
        (("topics.regex", "d.*"), "matched by the regex for the topics ('topics.regex=d.*')"),
    ] {
        let problems = deliver(&Memory::default(), "t", &config(&[&BAD[..], &[read]].concat())).unwrap_err();
        assert_eq!(problems[0].cause, format!("The DLQ topic 'dead' may not be {how} consumed by the connector"));
    }
}

#[test]
fn reading_and_dead_letters_are_tried_again_as_long_as_asked_for() {
    let away = || Some(Problem::retry("AWAY", "no answer", ""));
    let retries = [("errors.retry.timeout", "-1"), ("errors.retry.delay.max.ms", "1")];
    for failures in [vec![away(), away()], vec![None, away()], vec![None, away(), None, away()]] {
        let memory = bad_records(2);
        memory.with(|state| state.failures = failures.clone().into());
        let (_, outcome) = deliver(&memory, "t", &config(&BAD)).unwrap();
        assert_eq!(outcome.unwrap_err().code, "AWAY", "no attempt is made that was not asked for");
        let memory = bad_records(2);
        memory.with(|state| state.failures = failures.clone().into());
        let (_, outcome) = deliver(&memory, "t", &config(&[&BAD[..], &retries].concat())).unwrap();
        outcome.unwrap();
        let left = memory.with(|state| state.failures.len());
        let offsets: std::collections::BTreeSet<_> =
            memory.records("dead").iter().map(|letter| letter.value.clone()).collect();
        assert!(left == 0 && offsets.len() == 1 && memory.records("dead").len() >= 2);
    }
}

#[test]
fn a_clients_header_that_is_no_text_stays_the_bytes_that_it_is() {
    let header = Header { name: "trace".into(), value: Some(Bytes::from_static(b"\xff\x01")) };
    let memory = Memory::default();
    memory.with(|state| state.topics.insert("t".into(), vec![record(5, None, Some("v".into()), vec![header])]));
    let text = [("name", "c"), ("topics", "t"), ("value.converter", "StringConverter")];
    let (seen, outcome) = deliver(&memory, "t", &config(&text)).unwrap();
    outcome.unwrap();
    assert_eq!(seen[0].headers[0].value.as_deref(), Some(&b"\"/wE=\""[..]));
}
