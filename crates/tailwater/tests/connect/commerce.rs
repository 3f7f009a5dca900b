//! The tutorial from a shop's tables to a bucket and to a stream's job, as it is typed: both connectors posted in either order,
//! a parser of the topic, the lines of the objects. Only port and host of the private servers are put in their place.

use std::path::Path;

use serde_json::{Value, json};
use tailwater_testkit::{Minio, wait_until};

use crate::support::{DEADLINE, Server, placed, postgres};

/// With the name of a server that is gone since Debezium 2, and a property that PostgreSQL's connector never had.
const SOURCE: &str = r#"{
  "name": "sde-connector",
  "config": {
    "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
    "tasks.max": "1",
    "database.hostname": "postgres",
    "database.port": "5432",
    "database.user": "postgres",
    "database.password": "postgres",
    "database.dbname": "shop",
    "database.server.name": "postgres",
    "database.include.list": "postgres",
    "topic.prefix": "debezium",
    "schema.include.list": "commerce"
  }
}"#;

/// What the tutorial's job does with a topic.
const STREAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../clients/tutorials/stream.py");
const SINK: &str = include_str!("../../../sinks/src/object/tests/aiven-tutorial.json");
const POST: &str = "curl -s -o /dev/null -w '%{http_code}' -X POST -H 'Content-Type: application/json' -d @./connectors/FILE.json http://localhost:8083/connectors";

#[test]
fn the_shops_changes_reach_the_bucket_and_the_job_whichever_connector_is_posted_first() {
    let pg = postgres();
    for (database, order) in [("shop", ["pg-src-connector", "s3-sink"]), ("shop2", ["s3-sink", "pg-src-connector"])] {
        let dir = tempfile::tempdir().unwrap();
        pg.create_database(database);
        pg.psql(
            database,
            "create schema commerce;
             create table commerce.users (id int primary key, username text not null);
             create table commerce.products (id int primary key, name text not null, description text, price real);
             insert into commerce.users values (1, 'ann');
             insert into commerce.products values (1, 'tea', 'green', 2.5)",
        );
        let minio = Minio::start(&["commerce"], &[]);
        std::fs::create_dir(dir.path().join("connectors")).unwrap();
        let slot = format!(r#""slot.name": "{database}", "topic.prefix""#);
        let source = placed(SOURCE, pg).replace("\"shop\"", &format!("\"{database}\""));
        write(dir.path(), "pg-src-connector", &source.replace("\"topic.prefix\"", &slot));
        write(dir.path(), "s3-sink", &SINK.replace("http://minio:9000", &minio.endpoint()));
        let server = Server::listening(&dir.path().join("data"));
        for file in order {
            let posted = server.type_line(dir.path(), &POST.replace("FILE", file));
            assert_eq!(posted, "201", "{file}: {}", server.process.errors());
        }
        server.wait_task("sde-connector", "RUNNING");
        pg.psql(
            database,
            "alter table commerce.products replica identity full; update commerce.products set price = 3 where id = 1; delete from commerce.products",
        );
        let read =
            || server.type_line(dir.path(), "kcat -q -b localhost:9092 -C -t debezium.commerce.products -e | wc -l");
        assert!(wait_until(DEADLINE, || read().trim() == "4"), "{}: {}", read(), server.process.errors());

        // The job sees columns, and nothing of the tombstone.
        let job = server.type_line(
            dir.path(),
            &format!("kcat -q -b localhost:9092 -C -t debezium.commerce.products -e | python3 {STREAM} id name description price"),
        );
        let rows: Vec<_> = job.lines().map(|line| line.rsplit_once(',').unwrap().0).collect();
        let expected = [
            "before_id,before_name,before_description,before_price,after_id,after_name,after_description,after_price,op",
            ",,,,1,tea,green,2.5,r",
            "1,tea,green,2.5,1,tea,green,3.0,u",
            "1,tea,green,3.0,,,,,d",
        ];
        assert_eq!(rows, expected, "{job}");

        // Stopped, the sink delivers what there is; by itself it does so every minute.
        assert_eq!(server.ask("PUT", "/connectors/s3-sink/stop", "").status, 204);
        let arrived = wait_until(DEADLINE, || minio.objects("commerce").len() == 2);
        let objects = minio.objects("commerce");
        assert!(arrived, "{:?}: {}", objects.keys(), server.process.errors());
        let (products, lines) = objects.iter().next().unwrap();
        // TOPIC/yyyy-MM-dd/HH/PARTITION-OFFSET.json
        let shape: Vec<_> = products.split('/').map(str::len).collect();
        assert_eq!(shape, ["debezium.commerce.products".len(), 10, 2, 10 + 1 + 20 + 5], "{products}");
        let lines: Vec<Value> =
            std::str::from_utf8(lines).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let seen: Vec<_> = lines.iter().map(|line| (&line["value"]["op"], &line["value"]["after"]["price"])).collect();
        let null = Value::Null;
        assert_eq!(
            seen,
            [(&json!("r"), &json!(2.5)), (&json!("u"), &json!(3.0)), (&json!("d"), &null), (&null, &null)]
        );
    }
}

fn write(folder: &Path, name: &str, json: &str) {
    std::fs::write(folder.join(format!("connectors/{name}.json")), json).unwrap();
}
