//! Where people get stuck because of what they typed, or when: what is said through REST and by the command line.
//!
//! `docs/troubleshooting.md` lists these tests by symptom.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tailwater_testkit::{Minio, Postgres, Process, StopMode, free_port, send, wait_until};

use crate::support::{Server, postgres, source, tailwater};

#[test]
fn rest_answers_at_once_and_a_connector_may_be_posted_before_its_database_runs() {
    let (mut pg, dir) = (Postgres::start(), tempfile::tempdir().unwrap());
    pg.psql("postgres", "create table t (id int primary key); insert into t values (1);");
    pg.stop(StopMode::Fast);
    let (port, began) = (free_port(), Instant::now());
    let mut serve = tailwater();
    serve.args(["serve", "--http", "off", "--kafka", "off", "--connect", &format!("127.0.0.1:{port}"), "--data-dir"]);
    let process = Process::spawn(serve.arg(dir.path()));
    let rest = format!("127.0.0.1:{port}");
    let health = || send(&rest, "GET", "/health", "", "").is_ok_and(|(status, ..)| status == 200);
    assert!(wait_until(Duration::from_secs(10), health), "{}", process.errors());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let server = Server { process, rest, kafka: String::new(), data: dir.path().to_owned() };
    let posted = server.post("early", &source(&pg, "postgres", &[("table.include.list", json!("public.t"))]));
    assert_eq!((posted.status, posted.codes()), (201, vec!["SERVER_UNREACHABLE".to_owned()]), "{posted:?}");
    server.wait_task("early", "RESTARTING");
    let trace = server.trace("early");
    assert!(trace.starts_with("SERVER_UNREACHABLE: ") && trace.contains("pg_isready -h 127.0.0.1"), "{trace}");
    pg.start_again();
    server.wait_task("early", "RUNNING");
    server.wait_operations("postgres.public.t", "r");
}

#[test]
fn the_output_plugin_of_the_originals_default_is_not_asked_for() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("decoder");
    pg.psql("decoder", "create table t (id int primary key); insert into t values (1);");
    let server = Server::start(dir.path());
    let silent = [("table.include.list", json!("public.t")), ("plugin.name", Value::Null)];
    assert_eq!(server.validate(&source(pg, "decoder", &silent)).codes(), [] as [&str; 0]);
    let named = [("table.include.list", json!("public.t")), ("plugin.name", json!("decoderbufs"))];
    let posted = server.run("decoder", &source(pg, "decoder", &named));
    let warnings = posted.problems();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(!warnings[0].is_error() && warnings[0].cause.contains("'plugin.name' says decoderbufs; pgoutput is used"));
    assert!(warnings[0].remedy.contains(r#""plugin.name": "pgoutput""#), "{warnings:?}");
    server.wait_operations("decoder.public.t", "r");
}

#[test]
fn a_table_that_is_misspelt_is_told_of_with_the_nearest_name() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("typo");
    pg.psql("typo", "create table customers (id int primary key); insert into customers values (1);");
    let server = Server::start(dir.path());
    let config = source(pg, "typo", &[("table.include.list", json!("public.custmers"))]);
    let validated = server.validate(&config);
    let warning = validated.problem("TABLE_MISSING");
    assert!(!warning.is_error() && warning.cause == "no table matches 'public.custmers'", "{warning:?}");
    assert!(warning.remedy.starts_with("Did you mean public.customers?"), "{warning:?}");
    let posted = server.run("typo", &config);
    assert_eq!(posted.codes(), ["TABLE_MISSING"], "{posted:?}");
    let mended = server.ask("PATCH", "/connectors/typo/config", r#"{"table.include.list": "public.customers"}"#);
    assert_eq!((mended.status, mended.codes()), (200, vec![]), "{mended:?}");
    server.wait_operations("typo.public.customers", "r");
}

#[test]
fn keys_without_effect_are_named_each_with_its_reason_and_its_replacement() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("keys");
    pg.psql("keys", "create table t (id int primary key);");
    let server = Server::start(dir.path());
    let more = [
        ("topic.prefix", Value::Null),
        ("database.server.name", json!("keys")),
        ("database.include.list", json!("keys")),
        ("schema.history.internal.kafka.bootstrap.servers", json!("kafka:9092")),
        ("schema.history.internal.kafka.topic", json!("schema-changes")),
        ("tasksMax", json!(1)),
        ("table.include.lists", json!("public.t")),
    ];
    let posted = server.run("keys", &source(pg, "keys", &more));
    let warnings = posted.problems();
    assert_eq!(warnings.len(), 6, "{warnings:?}");
    for (property, code, said) in [
        ("database.server.name", "PROPERTY_RENAMED", "Rename 'database.server.name' to 'topic.prefix'."),
        ("database.include.list", "PROPERTY_NO_EFFECT", "the one in 'database.dbname'"),
        ("schema.history.internal.kafka.topic", "PROPERTY_NO_EFFECT", "keeps no schema history"),
        ("tasksMax", "PROPERTY_UNKNOWN", "Did you mean 'tasks.max'?"),
        ("table.include.lists", "PROPERTY_UNKNOWN", "Did you mean 'table.include.list'?"),
    ] {
        let found = warnings.iter().find(|w| w.code == code && w.cause.contains(&format!("'{property}'")));
        let found = found.unwrap_or_else(|| panic!("no {code} of {property}: {warnings:?}"));
        assert!(!found.is_error() && format!("{} {}", found.cause, found.remedy).contains(said), "{found:?}");
    }
}

#[test]
fn a_host_name_of_a_compose_network_leads_to_an_alias() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("outside");
    pg.psql("outside", "create table t (id int primary key);");
    // As in a compose file, whose network this process is not in.
    let more = [("database.hostname", json!("tailwater-no-such-host")), ("database.port", json!("5432"))];
    let config = source(pg, "outside", &more);
    let server = Server::start(dir.path());
    assert_eq!(server.post("outside", &config).codes(), ["HOST_UNKNOWN"]);
    server.wait_task("outside", "RESTARTING");
    let trace = server.trace("outside");
    let alias = "--alias tailwater-no-such-host=127.0.0.1:5432";
    assert!(trace.starts_with("HOST_UNKNOWN: ") && trace.ends_with(alias), "{trace}");
    let validated = server.validate(&config);
    assert!(validated.errors_of("database.hostname")[0].ends_with(alias), "{validated:?}");
    // The flag, with the port that is this test's.
    drop(server);
    let flag = alias.replace("--alias ", "").replace("5432", &pg.port().to_string());
    let server = Server::with(dir.path(), &["--alias", &flag]);
    server.wait_task("outside", "RUNNING");
}

#[test]
fn a_bucket_that_is_not_there_yet_is_waited_for_by_name() {
    let (minio, dir) = (Minio::start(&[], &[]), tempfile::tempdir().unwrap());
    let server = Server::start(dir.path());
    let config = json!({
        "connector.class": "io.confluent.connect.s3.S3SinkConnector",
        "topics": "t",
        "store.url": minio.endpoint(),
        "s3.bucket.name": "lake",
        "s3.region": "us-east-1",
        "aws.access.key.id": Minio::KEY,
        "aws.secret.access.key": Minio::SECRET,
        "flush.size": "1",
        "s3.part.retries": "0",
        "format.class": "io.confluent.connect.s3.format.json.JsonFormat"
    });
    let posted = server.post("lake", &config);
    assert_eq!(posted.status, 201, "it may be made by another container: {posted:?}");
    let missing = posted.problem("S3_BUCKET_MISSING");
    assert!(missing.cause.contains("lake") && missing.remedy.contains("s3 mb s3://lake"), "{missing:?}");
    server.wait_task("lake", "RESTARTING");
    assert!(server.trace("lake").starts_with("S3_BUCKET_MISSING: "), "{}", server.trace("lake"));
    minio.make_bucket("lake");
    server.wait_task("lake", "RUNNING");
}

#[test]
fn a_secret_is_in_no_answer_log_or_error() {
    const SECRET: &str = "hunter2-or-worse";
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("secrets");
    pg.psql(
        "secrets",
        &format!(
            "create role keeper login replication superuser password '{SECRET}'; create table t (id int primary key);"
        ),
    );
    let server = Server::start(dir.path());
    let more = [("database.user", json!("keeper")), ("database.password", json!(SECRET))];
    let config = source(pg, "secrets", &more);
    server.run("secrets", &config);
    let wrong = source(
        pg,
        "secrets",
        &[("database.user", json!("nobody")), ("database.password", json!(SECRET)), ("snapshot.mode", json!("x"))],
    );
    let mut said = Vec::new();
    for (method, path, body) in [
        ("GET", "/connectors/secrets", None),
        ("GET", "/connectors/secrets/config", None),
        ("GET", "/connectors/secrets/tasks", None),
        ("GET", "/connectors/secrets/status", None),
        ("GET", "/connectors?expand=info&expand=status", None),
        ("PUT", "/connectors/secrets/config", Some(&config)),
        ("PUT", "/connectors/secrets/config", Some(&wrong)),
        ("PUT", "/connector-plugins/PostgresConnector/config/validate", Some(&wrong)),
        ("DELETE", "/connectors/secrets", None),
    ] {
        let answer = server.ask(method, path, &body.map(Value::to_string).unwrap_or_default());
        said.push(format!("{method} {path}: {answer:?}"));
    }
    said.push(server.process.errors());
    for text in said {
        assert!(!text.contains(SECRET), "{text}");
    }
}

#[test]
fn prices_and_dates_are_readable_in_tail_and_what_is_not_known_of_old_rows_is_said() {
    let (pg, dir) = (postgres(), tempfile::tempdir().unwrap());
    pg.create_database("readable");
    pg.psql("readable", "create table t (id int primary key, price numeric(10,2), day date);");
    let server = Server::start(dir.path());
    server.run("readable", &source(pg, "readable", &[("table.include.list", json!("public.t"))]));
    pg.psql("readable", "insert into t values (1, 9.50, '2026-11-21'); update t set price = 8.25;");
    server.wait_operations("readable.public.t", "cu");
    let tail = tailwater().args(["tail", "--from-beginning", "--exit", "--data-dir"]).arg(dir.path()).output().unwrap();
    let text = String::from_utf8(tail.stdout).unwrap();
    for said in ["price=9.50", "day=2026-11-21", "price=8.25", "ALTER TABLE public.t REPLICA IDENTITY FULL;"] {
        assert!(text.contains(said), "no {said} in {text}");
    }
    pg.psql("readable", "ALTER TABLE public.t REPLICA IDENTITY FULL; update t set price = 7.75;");
    server.wait_operations("readable.public.t", "cuu");
    let tail = tailwater().args(["tail", "--from-beginning", "--exit", "--data-dir"]).arg(dir.path()).output().unwrap();
    let text = String::from_utf8(tail.stdout).unwrap();
    assert!(text.contains("price: 8.25 -> 7.75"), "{text}");
}
