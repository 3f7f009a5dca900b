//! From a table to the objects of a bucket on a real S3 server, with the program killed in the middle of uploads.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tailwater_testkit::{Minio, Postgres, Random, Serve, wait_until, write_connector};

/// How long anything that must happen may take.
const DEADLINE: Duration = Duration::from_secs(60);
/// Rows that each round adds: with what is around them, a file of some seven megabytes.
const ROWS: u64 = 4_000;
/// Characters in each.
const FILLING: u64 = 1_500;
const ROUNDS: u64 = 6;
const SEED: u64 = 11;
/// What the log says where a kill came between a plan and the end of its upload.
const AGAIN: &str = "writing a planned file again";

#[test]
fn kills_in_the_middle_of_uploads_lose_nothing_repeat_nothing_and_change_nothing() {
    let server = Postgres::start();
    server.psql("postgres", "create table t (id bigint primary key, filling text)");
    let minio = Minio::start(&["lake"], &[]);
    let dir = tempfile::tempdir().unwrap();
    let (data, connectors) = (dir.path().join("data"), dir.path().join("connectors"));
    let plain = [("value.converter.schemas.enable", "false"), ("key.converter.schemas.enable", "false")];
    write_connector(&connectors, "shop", &server, "postgres", &plain);
    write_sink(&connectors, &minio.endpoint());

    let mut random = Random::new(SEED);
    let mut interrupted = 0;
    let mut seen = BTreeMap::new();
    for round in 0..ROUNDS {
        let mut serve = start(&data, &connectors);
        let stands_still = round % 2 == 1;
        if stands_still {
            // An upload begins and does not end.
            minio.process.pause();
        } else {
            // What the round before left half done is done again by now.
            serve.wait_state("sink", "streaming", DEADLINE);
            interrupted += u64::from(serve.process.errors().contains(AGAIN));
        }
        let (first, last) = (round * ROWS + 1, (round + 1) * ROWS);
        server.psql(
            "postgres",
            &format!("insert into t select i, repeat('x', {FILLING}) from generate_series({first}, {last}) i"),
        );
        let least = if stands_still { 700 } else { 0 };
        std::thread::sleep(Duration::from_millis(least + random.below(1000)));
        serve.process.kill();
        if stands_still {
            minio.process.resume();
        }
        let found = minio.objects("lake");
        for (name, bytes) in seen {
            assert!(found.get(&name) == Some(&bytes), "round {round}: {name} is not what it was");
        }
        seen = found;
    }

    let serve = start(&data, &connectors);
    serve.wait_state("sink", "streaming", DEADLINE);
    interrupted += u64::from(serve.process.errors().contains(AGAIN));
    let all = ROUNDS * ROWS;
    let mut found = BTreeMap::new();
    let arrived = wait_until(DEADLINE, || {
        found = minio.objects("lake");
        found.values().map(|bytes| lines(bytes).count()).sum::<usize>() as u64 >= all
    });
    assert!(arrived, "{} of {all} rows arrived: {}", ids(&found).len(), serve.process.errors());
    for (name, bytes) in seen {
        assert!(found.get(&name) == Some(&bytes), "{name} is not what it was");
    }
    assert!(ids(&found) == (1..=all).collect::<Vec<_>>(), "the rows are not there once each, in their order");
    assert!(found.values().any(|bytes| bytes.len() > 5 << 20), "no object was large enough for parts");
    assert!(interrupted >= 2, "only {interrupted} of {ROUNDS} kills came in the middle of an upload");
}

/// A running server whose sink is at work.
fn start(data: &Path, connectors: &Path) -> Serve {
    let serve = Serve::start(Path::new(env!("CARGO_BIN_EXE_tailwater")), data, connectors);
    serve.wait_state("shop", "streaming", DEADLINE);
    serve
}

/// Confluent's sink for MinIO: files of a round's rows or of a second, parts of the least size.
fn write_sink(connectors: &Path, endpoint: &str) {
    let sink = json!({ "name": "sink", "config": {
        "connector.class": "io.confluent.connect.s3.S3SinkConnector",
        "topics": "shop.public.t",
        "store.url": endpoint,
        "s3.bucket.name": "lake",
        "s3.region": "us-east-1",
        "s3.part.size": "5242880",
        "aws.access.key.id": Minio::KEY,
        "aws.secret.access.key": Minio::SECRET,
        "format.class": "io.confluent.connect.s3.format.json.JsonFormat",
        "flush.size": ROWS.to_string(),
        "rotate.schedule.interval.ms": "1000",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "false",
    }});
    fs::write(connectors.join("sink.json"), sink.to_string()).unwrap();
}

/// The ids of all rows, in the order of the objects' names and of their lines.
fn ids(objects: &BTreeMap<String, Vec<u8>>) -> Vec<u64> {
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["after"]["id"].as_u64().unwrap();
    objects.values().flat_map(|bytes| lines(bytes)).map(id).collect()
}

/// The lines of an object.
fn lines(bytes: &[u8]) -> std::str::Lines<'_> {
    std::str::from_utf8(bytes).unwrap().lines()
}
