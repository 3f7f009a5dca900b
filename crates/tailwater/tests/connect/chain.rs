//! From rows of a real PostgreSQL through a sink's whole chain of transforms to files, killed again and again.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tailwater_testkit::{Random, wait_until};

use crate::support::{DEADLINE, Server, postgres, source};

const ROUNDS: u64 = 5;
/// Rows of a round, each a transaction.
const EACH: u64 = 150;

#[test]
fn rows_come_once_and_in_order_through_unwrap_router_insert_and_filter_whatever_is_killed() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("chained");
    pg.psql(
        "chained",
        "create table orders (id int primary key, v text); alter table orders replica identity full;
         create table noise (id int primary key);",
    );
    let (data, lake) = (dir.path().join("data"), dir.path().join("lake"));
    let mut random = Random::new(5);
    let mut expected = Vec::new();
    for round in 0..ROUNDS {
        let mut server = Server::start(&data);
        if round == 0 {
            let source = json!({"name": "chained", "config": source(pg, "chained", &[])});
            let sink = json!({"name": "lake", "config": sink(&lake.display().to_string())});
            for post in [source, sink] {
                assert_eq!(server.ask("POST", "/connectors", &post.to_string()).status, 201, "{post}");
            }
            server.wait_task("chained", "RUNNING");
        }
        let mut sql = String::new();
        for id in round * EACH..(round + 1) * EACH {
            let mut statement = |sql_of: String, op: &str, v: &str| {
                sql.push_str(&sql_of);
                let deleted = (op == "d").to_string();
                expected.push(json!({"id": id, "v": v, "__deleted": deleted, "__op": op, "origin": "shop"}));
            };
            statement(format!("insert into orders values ({id}, 'new');"), "c", "new");
            if id % 3 == 0 {
                statement(format!("update orders set v = 'é{id}' where id = {id};"), "u", &format!("é{id}"));
            }
            if id % 6 == 0 {
                statement(format!("delete from orders where id = {id};"), "d", &format!("é{id}"));
            }
            sql.push_str(&format!("insert into noise values ({id});\n"));
        }
        let file = dir.path().join("round.sql");
        std::fs::write(&file, sql).unwrap();
        let written = pg.client("psql", "chained").args(["-X", "-q", "-f"]).arg(&file).status().unwrap();
        assert!(written.success());
        std::thread::sleep(Duration::from_millis(random.below(600)));
        server.process.kill();
    }

    let server = Server::start(&data);
    let wanted = BTreeMap::from([
        ("chained.public.noise".to_owned(), ROUNDS * EACH),
        // A delete has a tombstone behind it.
        ("chained.public.orders".to_owned(), (expected.len() as u64) + ROUNDS * EACH / 6),
    ]);
    let offsets = || {
        let offsets = server.get("/connectors/lake/offsets")["offsets"].as_array().cloned().unwrap_or_default();
        let topic = |offset: &Value| offset["partition"]["kafka_topic"].as_str().unwrap().to_owned();
        let reached = |offset: &Value| offset["offset"]["kafka_offset"].as_u64().unwrap();
        offsets.iter().map(|offset| (topic(offset), reached(offset))).collect::<BTreeMap<_, _>>()
    };
    assert!(wait_until(DEADLINE, || offsets() == wanted), "{:?} {}", offsets(), server.process.errors());
    let directories: Vec<_> =
        std::fs::read_dir(lake.join("topics")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(directories, ["lake_orders"]);
    let read = server.type_line(dir.path(), "cat lake/topics/lake_orders/partition=0/chained.public.orders+0+*.json");
    let lines: Vec<Value> = read.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let first = lines.iter().zip(&expected).position(|(line, wanted)| line != wanted);
    assert!(
        lines == expected,
        "{} of {}, other from {first:?}: {:?}",
        lines.len(),
        expected.len(),
        first.map(|n| &lines[n])
    );
}

/// Rows as they are then, with where they come from and without noise, in a directory of another name.
fn sink(lake: &str) -> Value {
    json!({
        "connector.class": "io.confluent.connect.s3.S3SinkConnector",
        "topics.regex": "chained\\..*",
        "store.url": format!("file://{lake}"),
        "format.class": "io.confluent.connect.s3.format.json.JsonFormat",
        "flush.size": 70,
        "rotate.schedule.interval.ms": 100,
        "transforms": "unwrap,mark,quiet,route",
        "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
        "transforms.unwrap.delete.tombstone.handling.mode": "rewrite",
        "transforms.unwrap.add.fields": "op",
        "transforms.mark.type": "org.apache.kafka.connect.transforms.InsertField$Value",
        "transforms.mark.static.field": "origin",
        "transforms.mark.static.value": "shop",
        "transforms.mark.predicate": "orders",
        "transforms.quiet.type": "org.apache.kafka.connect.transforms.Filter",
        "transforms.quiet.predicate": "orders",
        "transforms.quiet.negate": true,
        "transforms.route.type": "org.apache.kafka.connect.transforms.RegexRouter",
        "transforms.route.regex": "chained\\.public\\.(.*)",
        "transforms.route.replacement": "lake_$1",
        "predicates": "orders",
        "predicates.orders.type": "org.apache.kafka.connect.transforms.predicates.TopicNameMatches",
        "predicates.orders.pattern": "chained\\.public\\.orders",
    })
}
