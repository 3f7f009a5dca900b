//! Rows of a real server in topics with several partitions, against what real Connect with real Debezium made of the same rows.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tailwater_testkit::wait_until;

use crate::support::{DEADLINE, Server, postgres};

/// Partitions of the rows 1 to 40, as recorded from Connect 4.3.1 with Debezium 3.6.3: three by key; four by a field (Java's
/// hash), and by key where a table has no such field.
const BY_KEY: &str = "2220101011112101222211121001011202122202";
const BY_TENANT: &str = "3012230122301223012230122301223012230122";
const WITHOUT_TENANT: &str = "3133220010013322013112013103332021102101";

/// A record's partition, operation (`None` for tombstones), and whole line.
type Seen = (u64, Option<String>, Value);

/// What a group of consumers gets of a topic, by the id in the key.
fn consumed(data: &Path, topic: &str, group: &str) -> BTreeMap<u64, Vec<Seen>> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tailwater"));
    command.args(["consume", topic, "--group", group, "--from-beginning", "--exit", "--json", "--data-dir"]);
    let out = command.arg(data).output().unwrap();
    let told = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() || told.contains("TOPIC_UNKNOWN"), "{told}");
    let mut by_id: BTreeMap<u64, Vec<Seen>> = BTreeMap::new();
    for line in String::from_utf8(out.stdout).unwrap().lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let id = record["key"]["payload"]["id"].as_u64().unwrap_or(0);
        let op = record["value"]["payload"]["op"].as_str().map(str::to_owned);
        by_id.entry(id).or_default().push((record["partition"].as_u64().unwrap(), op, record));
    }
    by_id
}

/// The partition of each id's first record, a digit each.
fn places(by_id: &BTreeMap<u64, Vec<Seen>>) -> String {
    by_id.values().map(|records| records[0].0.to_string()).collect()
}

fn source(prefix: &str, more: Value) -> String {
    let mut config = json!({
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "database.hostname": "127.0.0.1",
        "database.port": postgres().port(),
        "database.user": "postgres",
        "database.dbname": "parts",
        "topic.prefix": prefix,
        "slot.name": prefix,
        "publication.name": prefix,
        "table.include.list": "public.t,public.u,public.nk",
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"name": prefix, "config": config}).to_string()
}

fn made(server: &Server, body: &str) {
    let answer = server.ask("POST", "/connectors", body);
    assert_eq!(answer.status, 201, "{answer:?}");
}

const ROUTING: &str = "io.debezium.transforms.partitions.PartitionRouting";

#[test]
fn rows_lie_in_the_partitions_of_connect_with_debezium_and_stay_there_in_order() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("parts");
    pg.psql(
        "parts",
        "create table t(id int primary key, tenant text, v int); create table u(id int primary key, v text);
         create table nk(v text); alter table nk replica identity full;
         insert into t select n, 'tenant' || n % 5, n from generate_series(1, 40) n;
         insert into u select n, 'x' from generate_series(1, 40) n; insert into nk select 'x' from generate_series(1, 10);",
    );
    let data = dir.path().join("data");
    let server = Server::listening(&data);
    let refused = server.ask("POST", "/connectors", &source("e2", json!({"topic.creation.default.partitions": 3})));
    assert_eq!(refused.status, 400);
    let why =
        "Missing required configuration \\\"topic.creation.default.replication.factor\\\" which has no default value.";
    assert!(refused.body["message"].to_string().contains(why), "{refused:?}");
    let config: Value = serde_json::from_str(&source("e2", json!({"topic.creation.default.partitions": 3}))).unwrap();
    let class = "/connector-plugins/PostgresConnector/config/validate";
    let validated = server.ask("PUT", class, &config["config"].to_string()).body;
    let of_groups =
        validated["configs"].as_array().unwrap().iter().find(|one| one["value"]["name"] == "topic.creation.groups");
    let errors = of_groups.unwrap()["value"]["errors"].to_string();
    assert!(errors.contains(why), "shown where groups of topics are: {validated}");

    made(
        &server,
        &source("e1", json!({"topic.creation.default.partitions": 3, "topic.creation.default.replication.factor": 1})),
    );
    let routing = json!({
        "transforms": "p", "transforms.p.type": ROUTING,
        "transforms.p.partition.payload.fields": "change.tenant", "transforms.p.partition.topic.num": 4,
    });
    let mut enough = routing.clone();
    enough["topic.creation.default.partitions"] = json!(4);
    enough["topic.creation.default.replication.factor"] = json!(-1);
    made(&server, &source("e9", enough));
    let files = dir.path().join("files");
    let sink = json!({"name": "files", "config": {
        "connector.class": "io.confluent.connect.s3.S3SinkConnector", "topics": "e1.public.t", "flush.size": 1,
        "format.class": "io.confluent.connect.s3.format.json.JsonFormat", "store.url": format!("file://{}", files.display()),
    }});
    made(&server, &sink.to_string());
    let read = |topic: &str, wanted: usize, group: &str| {
        let mut all = BTreeMap::new();
        let mut turn = 0;
        let there = wait_until(DEADLINE, || {
            turn += 1;
            all = consumed(&data, topic, &format!("{group}-{turn}"));
            all.values().map(Vec::len).sum::<usize>() >= wanted
        });
        assert!(there, "{topic}: {:?}", places(&all));
        all
    };
    assert_eq!(places(&read("e1.public.t", 40, "a")), BY_KEY);
    assert_eq!(places(&read("e9.public.t", 40, "a")), BY_TENANT);
    assert_eq!(places(&read("e9.public.u", 40, "a")), WITHOUT_TENANT);
    let keyless = read("e1.public.nk", 10, "a");
    assert!(keyless[&0].iter().all(|(partition, ..)| *partition == 0), "records without a key are in the first");

    pg.psql(
        "parts",
        "begin; update t set v = v + 1; delete from t where id <= 10; commit; insert into t select n, 'tenant' || n % 5, 0 from
         generate_series(1, 10) n;",
    );
    let by_id = read("e1.public.t", 40 + 40 + 20 + 10, "b");
    assert_eq!(places(&by_id), BY_KEY);
    for (id, records) in &by_id {
        assert!(records.iter().all(|(partition, ..)| *partition == records[0].0), "{id} is in two partitions");
        let ops: Vec<&str> = records.iter().map(|(_, op, _)| op.as_deref().unwrap_or("tombstone")).collect();
        let wanted = if *id <= 10 { &["r", "u", "d", "tombstone", "c"][..] } else { &["r", "u"] };
        assert_eq!(ops, wanted, "{id}");
    }
    // A file a record (tombstones are left out), below the directory of each partition, from its first offset on.
    let count = |partition: usize| {
        let dir = files.join(format!("topics/e1.public.t/partition={partition}"));
        assert!(dir.join(format!("e1.public.t+{partition}+0000000000.json")).exists(), "{dir:?}");
        std::fs::read_dir(dir).unwrap().count()
    };
    let written = wait_until(DEADLINE, || {
        files.join("topics/e1.public.t/partition=2").exists() && { (0..3).map(count).sum::<usize>() >= 100 }
    });
    assert!(written, "{}", server.get("/connectors/files/status"));

    // Topics of one partition: the transform's second one is not there.
    made(&server, &source("e11", routing));
    server.wait_task("e11", "FAILED");
    let status = server.get("/connectors/e11/status").to_string();
    for told in ["PARTITION_MISSING", "e11.public.t", "topic.creation.default.partitions"] {
        assert!(status.contains(told), "{told}: {status}");
    }
}
