//! What Kafka's clients write into topics of theirs reaches the sinks, exactly once, whatever is killed.

use std::path::Path;

use serde_json::{Value, json};
use tailwater_testkit::{Minio, Random, wait_until};

use crate::support::{DEADLINE, Server};

const ROUNDS: usize = 5;
const EACH: usize = 400;
const STRING: &str = "org.apache.kafka.connect.storage.StringConverter";
const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";

#[test]
fn what_clients_produce_arrives_in_files_and_in_a_bucket_once_across_kills() {
    let dir = tempfile::tempdir().unwrap();
    let (data, lake) = (dir.path().join("data"), dir.path().join("lake"));
    let minio = Minio::start(&["lake"], &[]);
    let mut random = Random::new(3);
    for round in 0..ROUNDS {
        let mut server = Server::listening(&data);
        if round == 0 {
            for sink in [files(&lake), bucket(&minio)] {
                let posted = server.ask("POST", "/connectors", &sink.to_string());
                assert_eq!(posted.status, 201, "{posted:?}");
            }
        }
        let numbers = round * EACH..(round + 1) * EACH;
        let events: String = numbers.clone().map(|n| format!("k{n}:{{\"n\": {n}, \"price\": 1.10}}\n")).collect();
        std::fs::write(dir.path().join("events"), events).unwrap();
        std::fs::write(dir.path().join("words"), numbers.map(|n| format!("word \"{n}\"\n")).collect::<String>())
            .unwrap();
        server.type_line(dir.path(), "kcat -q -b localhost:9092 -P -t events -K: -H from=kcat -z zstd -l events");
        let tailwater = env!("CARGO_BIN_EXE_tailwater");
        server.type_line(dir.path(), &format!("{tailwater} produce words -b localhost:9092 < words"));
        std::thread::sleep(std::time::Duration::from_millis(random.below(400)));
        server.process.kill();
    }
    let server = Server::listening(&data);
    let all = ROUNDS * EACH;
    for sink in ["files", "bucket"] {
        let offset =
            || server.get(&format!("/connectors/{sink}/offsets"))["offsets"][0]["offset"]["kafka_offset"].clone();
        assert!(wait_until(DEADLINE, || offset() == json!(all)), "{sink}: {}, {}", offset(), server.process.errors());
    }
    // A file, in the order of names, is read by jq.
    let read = server.type_line(dir.path(), "cat lake/topics/events/partition=0/*.json | jq -c '[.n, .price]'");
    let expected: String = (0..all).map(|n| format!("[{n},1.10]\n")).collect();
    assert!(read.replace("1.1]", "1.10]") == expected, "{}", &read[..300.min(read.len())]);

    let lines: Vec<Value> = minio
        .objects("lake")
        .values()
        .flat_map(|bytes| std::str::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()))
        .collect();
    let expected = |n| json!({"headers": [], "offset": n, "value": format!("word \"{n}\""), "key": null});
    assert!(lines == (0..all).map(expected).collect::<Vec<_>>(), "{} lines, the first {}", lines.len(), lines[0]);
}

#[test]
fn a_connector_that_is_made_again_has_none_of_the_topics_of_the_one_that_was_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::listening(&dir.path().join("data"));
    let mut sink = files(&dir.path().join("lake"));
    sink["config"]["topics"] = json!("events");
    let produce = || server.type_line(dir.path(), "echo '{\"n\": 0}' | kcat -q -b localhost:9092 -P -t events");
    let topics = || server.get("/connectors/files/topics")["files"]["topics"].clone();
    let becomes = |expected: Value| assert!(wait_until(DEADLINE, || topics() == expected), "{}", topics());
    produce();
    assert_eq!(server.ask("POST", "/connectors", &sink.to_string()).status, 201);
    becomes(json!(["events"]));
    for _ in 0..2 {
        assert_eq!(server.ask("DELETE", "/connectors/files", "").status, 204);
        assert_eq!(server.ask("POST", "/connectors", &sink.to_string()).status, 201);
        server.wait_task("files", "RUNNING");
        assert_eq!(topics(), json!([]));
    }
    produce();
    becomes(json!(["events"]));
}

#[test]
fn a_record_that_the_converter_does_not_read_stops_the_sink_or_goes_to_the_dead_letters() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::listening(&dir.path().join("data"));
    let mut sink = files(&dir.path().join("lake"));
    sink["config"]["topics"] = json!("events");
    std::fs::write(dir.path().join("events"), "k0:{\"n\": 0}\nk1:garbage\nk2:{\"n\": 2}\n").unwrap();
    server.type_line(dir.path(), "kcat -q -b localhost:9092 -P -t events -K: -H from=kcat -l events");
    assert_eq!(server.ask("POST", "/connectors", &sink.to_string()).status, 201);
    server.wait_task("files", "FAILED");
    let trace = server.get("/connectors/files/status")["tasks"][0]["trace"].as_str().unwrap().to_owned();
    assert!(trace.contains("topic 'events' partition 0 offset 1") && trace.contains("errors.tolerance"), "{trace}");
    assert!(!trace.contains("garbage"), "{trace}");

    let tolerant = json!({
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": "dead",
        "errors.deadletterqueue.context.headers.enable": true,
        "flush.size": 1,
    });
    assert_eq!(server.ask("PATCH", "/connectors/files/config", &tolerant.to_string()).status, 200);
    let delivered = || server.get("/connectors/files/offsets")["offsets"][0]["offset"]["kafka_offset"] == 3;
    assert!(wait_until(DEADLINE, delivered), "{}", server.process.errors());
    let read = server.type_line(dir.path(), "cat lake/topics/events/partition=0/*.json");
    assert_eq!(read, "{\"n\":0}\n{\"n\":2}\n");
    let dead = server.type_line(dir.path(), "kcat -q -b localhost:9092 -C -t dead -e -f '%k %s %h\\n'");
    assert!(dead.starts_with("k1 garbage from=kcat,__connect.errors.topic=events,"), "{dead}");
    let records = dead.lines().filter(|line| line.starts_with('k')).count();
    assert!(dead.contains("__connect.errors.offset=1") && records == 1, "{dead}");
}

#[test]
fn offsets_pass_records_that_a_filter_drops_and_a_stop_comes_true_at_once() {
    const MANY: usize = 100_000;
    let dir = tempfile::tempdir().unwrap();
    let server = Server::listening(&dir.path().join("data"));
    let mut sink = files(&dir.path().join("lake"));
    for (name, value) in [
        ("transforms", "none"),
        ("transforms.none.type", "org.apache.kafka.connect.transforms.Filter"),
        ("value.converter", STRING),
    ] {
        sink["config"][name] = json!(value);
    }
    sink["config"].as_object_mut().unwrap().remove("value.converter.schemas.enable");
    std::fs::write(dir.path().join("events"), "k:v\n".repeat(10)).unwrap();
    server.type_line(dir.path(), "kcat -q -b localhost:9092 -P -t events -K: -l events");
    assert_eq!(server.ask("POST", "/connectors", &sink.to_string()).status, 201);
    let offset = || server.get("/connectors/files/offsets")["offsets"][0]["offset"]["kafka_offset"].clone();
    assert!(wait_until(DEADLINE, || offset() == 10), "{}: {}", offset(), server.process.errors());
    std::fs::write(dir.path().join("events"), "k:v\n".repeat(MANY)).unwrap();
    server.type_line(dir.path(), "kcat -q -b localhost:9092 -P -t events -K: -l events");
    assert_eq!(server.ask("PUT", "/connectors/files/stop", "").status, 204);
    let stopped = || server.get("/connectors/files/status")["connector"]["state"] == "STOPPED";
    assert!(wait_until(DEADLINE, stopped), "{}", server.process.errors());
    // While one runs, its offsets are not changed.
    let reset = || server.ask("DELETE", "/connectors/files/offsets", "").status == 200;
    assert!(wait_until(DEADLINE, reset), "{}", server.process.errors());
    assert!(!dir.path().join("lake/topics").exists());
}

/// Values are JSON without schemas, keys are text.
fn files(lake: &Path) -> Value {
    json!({"name": "files", "config": {
        "connector.class": "io.confluent.connect.s3.S3SinkConnector",
        "topics": "events",
        "store.url": format!("file://{}", lake.display()),
        "format.class": "io.confluent.connect.s3.format.json.JsonFormat",
        "flush.size": 150,
        "rotate.schedule.interval.ms": 200,
        "key.converter": STRING,
        "value.converter": JSON,
        "value.converter.schemas.enable": false,
    }})
}

/// Values are text; parts of the record are written.
fn bucket(minio: &Minio) -> Value {
    json!({"name": "bucket", "config": {
        "connector.class": "io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector",
        "topics": "words",
        "aws.s3.endpoint": minio.endpoint(),
        "aws.s3.bucket.name": "lake",
        "aws.s3.region": "us-east-1",
        "aws.access.key.id": Minio::KEY,
        "aws.secret.access.key": Minio::SECRET,
        "file.name.template": "{{topic}}/{{partition}}-{{start_offset:padding=true}}",
        "file.compression.type": "none",
        "format.output.type": "jsonl",
        "format.output.fields": "key,value,offset,headers",
        "rotate.schedule.interval.ms": 200,
        "value.converter": STRING,
    }})
}
