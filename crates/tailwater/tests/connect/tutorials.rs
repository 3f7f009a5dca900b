//! The lines that tutorials and teams type. Only port and host of the private servers are put in their place.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tailwater_testkit::wait_until;

use crate::support::{DEADLINE, Server, placed, postgres};

/// As posted in 2021: old names of properties, numbers and booleans as they come.
const BANK: &str = r#"{
  "name": "bankserver1-connector",
  "config": {
    "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
    "tasks.max": 1,
    "database.hostname": "postgres",
    "database.port": "5432",
    "database.user": "postgres",
    "database.password": "postgres",
    "database.dbname": "bank",
    "database.server.name": "bankserver1",
    "table.whitelist": "bank_data.holding",
    "plugin.name": "pgoutput",
    "tombstones.on.delete": true
  }
}"#;

/// As posted today.
const SOURCE: &str = r#"{
  "name": "pg-src-connector",
  "config": {
    "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
    "database.hostname": "postgres",
    "database.port": "5432",
    "database.user": "postgres",
    "database.password": "s3cret",
    "database.dbname": "lake",
    "topic.prefix": "postgres",
    "table.include.list": "bank.holding",
    "slot.name": "lake",
    "publication.name": "lake",
    "plugin.name": "pgoutput"
  }
}"#;

const SINK: &str = r#"{
  "name": "files-sink-connector",
  "config": {
    "connector.class": "io.confluent.connect.s3.S3SinkConnector",
    "tasks.max": "1",
    "topics": "postgres.bank.holding",
    "store.url": "file://FOLDER",
    "flush.size": "1",
    "format.class": "io.confluent.connect.s3.format.json.JsonFormat"
  }
}"#;

fn json_line(server: &Server, folder: &Path, line: &str) -> Value {
    let out = server.type_line(folder, line);
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{line}: {error}: {out}"))
}

#[test]
fn the_bank_tutorial_works_as_typed_with_its_old_names() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("bank");
    pg.psql("bank", "create schema bank_data; create table bank_data.holding(id int primary key, v text); insert into bank_data.holding values (1, 'a');");
    std::fs::write(dir.path().join("bank.json"), placed(BANK, pg)).unwrap();
    let server = Server::start(&dir.path().join("data"));
    let posted = json_line(
        &server,
        dir.path(),
        "curl -s -X POST -H \"Accept:application/json\" -H \"Content-Type:application/json\" localhost:8083/connectors/ -d @bank.json",
    );
    assert_eq!((&posted["name"], &posted["type"]), (&json!("bankserver1-connector"), &json!("source")), "{posted}");
    assert_eq!(posted["tasks"], json!([]));
    assert_eq!(posted["config"]["tasks.max"], "1");
    assert_eq!(posted["config"]["tombstones.on.delete"], "true");
    let listed = json_line(&server, dir.path(), "curl -s -H \"Accept:application/json\" localhost:8083/connectors/");
    assert_eq!(listed, json!(["bankserver1-connector"]));
    server.wait_task("bankserver1-connector", "RUNNING");
    let expanded = json_line(&server, dir.path(), "curl -s \"localhost:8083/connectors?expand=status\"");
    let status = &expanded["bankserver1-connector"]["status"];
    assert_eq!(status["connector"]["state"], "RUNNING", "{expanded}");
    assert_eq!(status["tasks"][0]["worker_id"], json!(server.rest));
    let topics = json!({"bankserver1-connector": {"topics": ["bankserver1.bank_data.holding"]}});
    let seen = wait_until(DEADLINE, || server.get("/connectors/bankserver1-connector/topics") == topics);
    assert!(seen, "{}", server.get("/connectors/bankserver1-connector/topics"));
    // The active topics are known after a restart, too.
    let mut server = server;
    server.process.terminate();
    assert!(server.process.wait(DEADLINE).is_some());
    let server = Server::start(&dir.path().join("data"));
    assert_eq!(server.get("/connectors/bankserver1-connector/topics"), topics);
    server.wait_task("bankserver1-connector", "RUNNING");
    // Reset, a topic is active again as soon as something comes.
    assert_eq!(server.ask("PUT", "/connectors/bankserver1-connector/topics/reset", "").status, 202);
    assert_eq!(server.get("/connectors/bankserver1-connector/topics")["bankserver1-connector"]["topics"], json!([]));
    pg.psql("bank", "insert into bank_data.holding values (2, 'b')");
    assert!(wait_until(DEADLINE, || server.get("/connectors/bankserver1-connector/topics") == topics));
}

#[test]
fn source_and_sink_may_be_posted_in_either_order() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("lake");
    pg.psql("lake", "create schema bank; create table bank.holding(id int primary key); insert into bank.holding select generate_series(1, 3);");
    let lake = dir.path().join("lake");
    std::fs::create_dir_all(dir.path().join("connectors")).unwrap();
    std::fs::create_dir_all(&lake).unwrap();
    std::fs::write(dir.path().join("connectors/pg-src-connector.json"), placed(SOURCE, pg)).unwrap();
    let sink = SINK.replace("FOLDER", lake.to_str().unwrap());
    std::fs::write(dir.path().join("connectors/files-sink-connector.json"), sink).unwrap();
    let server = Server::listening(&dir.path().join("data"));
    // The sink's topic is not there yet.
    for file in ["files-sink-connector", "pg-src-connector"] {
        let line = format!(
            "curl -s -o /dev/null -w '%{{http_code}}' -X POST -H 'Content-Type: application/json' -d @./connectors/{file}.json http://localhost:8083/connectors"
        );
        assert_eq!(server.type_line(dir.path(), &line), "201", "{file} {}", server.process.errors());
    }
    server.wait_task("pg-src-connector", "RUNNING");
    server.wait_task("files-sink-connector", "RUNNING");
    let delivered = wait_until(DEADLINE, || {
        server.get("/connectors/files-sink-connector/offsets")["offsets"][0]["offset"]["kafka_offset"] == 3
    });
    assert!(delivered, "{}", server.get("/connectors/files-sink-connector/offsets"));
    // The line of the tutorial, with `-e` so that it ends.
    let shown = server.type_line(
        dir.path(),
        "kcat -b localhost:9092 -C -t postgres.bank.holding -e | jq -c '[.payload.op, .payload.after.id]'",
    );
    assert_eq!(shown, "[\"r\",1]\n[\"r\",2]\n[\"r\",3]\n");
    // A sink's offset is altered in Connect's form, and the rows come again.
    assert_eq!(server.ask("PUT", "/connectors/files-sink-connector/stop", "").status, 204);
    let back = r#"{"offsets":[{"partition":{"kafka_topic":"postgres.bank.holding","kafka_partition":0},"offset":{"kafka_offset":1}}]}"#;
    let altered = server.ask("PATCH", "/connectors/files-sink-connector/offsets", back);
    assert_eq!(altered.status, 200, "{altered:?}");
    assert_eq!(server.get("/connectors/files-sink-connector/offsets")["offsets"][0]["offset"]["kafka_offset"], 1);
}

#[test]
fn a_configuration_is_changed_as_people_do_it_and_the_answer_says_what_that_took() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("change");
    pg.psql("change", "create schema bank; create table bank.holding(id int primary key);");
    let server = Server::start(&dir.path().join("data"));
    let post = placed(SOURCE, pg).replace("\"lake\"", "\"change\"").replace("pg-src-connector", "change");
    assert_eq!(server.ask("POST", "/connectors", &post).status, 201);
    server.wait_task("change", "RUNNING");
    // The secret is not shown, and what is shown stands for it.
    let shown = server.get("/connectors/change/config");
    assert_eq!(shown["database.password"], "[hidden]");
    assert!(!server.get("/connectors?expand=info&expand=status").to_string().contains("s3cret"));
    let took = |body: &Value| {
        let answer = server.ask("PUT", "/connectors/change/config/", &body.to_string());
        assert_eq!(answer.status, 200, "{answer:?}");
        let head = answer.head.lines().find_map(|line| line.strip_prefix("tailwater-applied: ")).unwrap().to_owned();
        (head, answer.body)
    };
    assert_eq!(took(&shown).0, "live");
    let with = |name: &str, value: &str| {
        let mut config = shown.clone();
        config[name] = json!(value);
        config
    };
    assert_eq!(took(&with("max.batch.size", "4096")).0, "live");
    assert_eq!(took(&with("heartbeat.interval.ms", "60000")).0, "restart");
    assert_eq!(took(&with("decimal.handling.mode", "string")).0, "snapshot; decimal.handling.mode");
    server.wait_task("change", "RUNNING");
    // Part of it, with null to take something out.
    let patched = server.ask("PATCH", "/connectors/change/config", r#"{"decimal.handling.mode":null,"tasks.max":1}"#);
    assert_eq!((patched.status, &patched.body["config"]["decimal.handling.mode"]), (200, &Value::Null));
    server.wait_task("change", "RUNNING");
    // Faulty: nothing changes, and everything that is wrong is told with what to do.
    let faulty = server.ask("PUT", "/connectors/change/config", &with("snapshot.mode", "inital").to_string());
    let message = faulty.body["message"].as_str().unwrap();
    assert_eq!(faulty.status, 400);
    assert!(
        message.contains("The 'snapshot.mode' value is invalid") && message.contains("Did you mean 'initial'?"),
        "{message}"
    );
    assert_eq!(server.get("/connectors/change/config")["snapshot.mode"], Value::Null);
    // Pause, resume, stop, restart.
    assert_eq!(server.ask("PUT", "/connectors/change/pause", "").status, 202);
    assert_eq!(server.get("/connectors/change/status")["connector"]["state"], "PAUSED");
    assert_eq!(server.ask("PUT", "/connectors/change/resume", "").status, 202);
    server.wait_task("change", "RUNNING");
    let restarted = server.ask("POST", "/connectors/change/restart?includeTasks=true&onlyFailed=false", "");
    assert_eq!((restarted.status, &restarted.body["tasks"][0]["state"]), (202, &json!("RESTARTING")));
    server.wait_task("change", "RUNNING");
    assert_eq!(server.ask("PUT", "/connectors/change/stop", "").status, 204);
    let stopped = server.get("/connectors/change/status");
    assert_eq!((&stopped["connector"]["state"], &stopped["tasks"]), (&json!("STOPPED"), &json!([])));
    assert_eq!(server.ask("DELETE", "/connectors/change", "").status, 204);
    assert_eq!(server.ask("DELETE", "/connectors/change", "").status, 404);
    // The same name goes on where it was: the slot is still its own.
    assert_eq!(server.ask("POST", "/connectors", &post).status, 201);
    server.wait_task("change", "RUNNING");
}

#[test]
fn refused_credentials_are_a_400_and_a_server_that_does_not_answer_is_retried() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("creds");
    pg.psql("creds", "create role alice login replication password 'right'; create table t(id int primary key)");
    let server = Server::start(&dir.path().join("data"));
    let post = placed(SOURCE, pg).replace("\"lake\"", "\"creds\"").replace("bank.holding", "public.t");
    let alice = post.replace("\"database.user\": \"postgres\"", "\"database.user\": \"alice\"");
    let refused = server.ask("POST", "/connectors", &alice);
    assert_eq!(refused.status, 400, "{refused:?}");
    let message = refused.body["message"].as_str().unwrap();
    assert!(message.contains("alice") && message.contains("'database.password'"), "{message}");
    assert!(!message.contains("s3cret"), "{message}");
    assert_eq!(server.get("/connectors"), json!([]));
    // The same on the field that it is about.
    let config = serde_json::from_str::<Value>(&alice).unwrap()["config"].to_string();
    let path = "/connector-plugins/PostgresConnector/config/validate";
    let validated = server.ask("PUT", path, &config.replace("io.debezium.connector.postgresql.", ""));
    assert_eq!(validated.status, 200, "{validated:?}");
    let configs = validated.body["configs"].as_array().unwrap();
    let errors = |name: &str| {
        let found = configs.iter().find(|config| config["definition"]["name"] == name).unwrap();
        found["value"].clone()
    };
    assert!(errors("database.user")["errors"][0].as_str().unwrap().contains("alice"));
    assert_eq!(errors("database.password")["value"], "[hidden]");
    assert_eq!(errors("name")["errors"].as_array().unwrap().len(), 1);
    // A port at which nobody answers.
    let nobody = post.replace(&pg.port().to_string(), "1");
    assert_eq!(server.ask("POST", "/connectors", &nobody).status, 201);
    server.wait_task("pg-src-connector", "RESTARTING");
    let status = server.get("/connectors/pg-src-connector/status");
    let trace = status["tasks"][0]["trace"].as_str().unwrap();
    assert!(trace.starts_with("SERVER_UNREACHABLE: ") && trace.contains("pg_isready"), "{trace}");
}

#[test]
fn a_position_of_debezium_is_taken_over_and_a_reset_reads_again() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("moved");
    pg.psql("moved", "create schema bank; create table bank.holding(id int primary key); insert into bank.holding values (1); create publication moved for all tables;");
    // What Debezium leaves behind: a slot, and an offset.
    let lsn = pg.psql("moved", "select (pg_create_logical_replication_slot('moved', 'pgoutput')).lsn - '0/0'::pg_lsn");
    pg.psql("moved", "insert into bank.holding values (2)");
    let server = Server::start(&dir.path().join("data"));
    let post = placed(SOURCE, pg).replace("\"lake\"", "\"moved\"").replace("pg-src-connector", "moved");
    let post = post.replace("\"config\":", "\"initial_state\": \"STOPPED\", \"config\":");
    let post = post.replace("\"slot.name\"", "\"publication.autocreate.mode\": \"all_tables\", \"slot.name\"");
    let posted = server.ask("POST", "/connectors", &post);
    assert_eq!(posted.status, 201, "{posted:?}");
    assert_eq!(server.get("/connectors/moved/offsets"), json!({"offsets": []}));
    let offset = json!({"offsets": [{"partition": {"server": "postgres"}, "offset": {"lsn": lsn.trim().parse::<u64>().unwrap(), "txId": 555, "snapshot_completed": true, "last_snapshot_record": true, "snapshot": "INITIAL"}}]});
    let altered = server.ask("PATCH", "/connectors/moved/offsets", &offset.to_string());
    assert_eq!(altered.status, 200, "{altered:?}");
    assert_eq!(server.ask("PUT", "/connectors/moved/resume", "").status, 202);
    server.wait_task("moved", "RUNNING");
    let count = |expected: &str| {
        let consume = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tailwater"));
            command.args(["consume", "--from-beginning", "--exit", "postgres.bank.holding", "--data-dir"]);
            let out = command.arg(dir.path().join("data")).output().unwrap();
            let text = String::from_utf8(out.stdout).unwrap();
            let ops = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_default());
            ops.map(|event| event["payload"]["op"].as_str().unwrap_or("?").to_owned()).collect::<String>()
        };
        let mut seen = String::new();
        let reached = wait_until(DEADLINE, || {
            seen = consume();
            seen == expected
        });
        assert!(reached, "{seen}: {}", server.process.errors());
    };
    // Only what came after the offset: no snapshot.
    count("c");
    let running = server.ask("DELETE", "/connectors/moved/offsets", "");
    assert_eq!(running.status, 400, "{running:?}");
    assert_eq!(server.ask("PUT", "/connectors/moved/stop", "").status, 204);
    assert_eq!(server.ask("DELETE", "/connectors/moved/offsets", "").status, 200);
    assert_eq!(server.get("/connectors/moved/offsets"), json!({"offsets": []}));
    assert_eq!(server.ask("PUT", "/connectors/moved/resume", "").status, 202);
    count("crr");
}

#[test]
fn a_pause_and_another_configuration_keep_the_slot_that_a_stop_gives_up() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("drops");
    pg.psql("drops", "create schema bank; create table bank.holding(id int primary key);");
    let server = Server::start(&dir.path().join("data"));
    let post = placed(SOURCE, pg).replace("\"lake\"", "\"drops\"").replace("pg-src-connector", "drops");
    let post = post.replace("\"slot.name\"", "\"slot.drop.on.stop\": true, \"slot.name\"");
    assert_eq!(server.ask("POST", "/connectors", &post).status, 201);
    server.wait_task("drops", "RUNNING");
    let slots = |what: &str| {
        pg.psql("drops", &format!("select count({what}) from pg_replication_slots where slot_name = 'drops'"))
    };
    assert_eq!(server.ask("PUT", "/connectors/drops/pause", "").status, 202);
    assert!(wait_until(DEADLINE, || slots("active_pid").trim() == "0"));
    assert_eq!(slots("*").trim(), "1");
    assert_eq!(server.ask("PUT", "/connectors/drops/resume", "").status, 202);
    server.wait_task("drops", "RUNNING");
    assert_eq!(server.ask("PATCH", "/connectors/drops/config", r#"{"heartbeat.interval.ms": 60000}"#).status, 200);
    server.wait_task("drops", "RUNNING");
    assert_eq!(server.ask("PUT", "/connectors/drops/stop", "").status, 204);
    assert!(wait_until(DEADLINE, || slots("*").trim() == "0"), "{}", server.process.errors());
}
