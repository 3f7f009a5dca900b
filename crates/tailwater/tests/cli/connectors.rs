//! `connectors` over a server's REST, a worker's settings, placeholders of files; and `config import`.

use std::path::Path;

use serde_json::Value;
use tailwater_testkit::{Process, Serve, wait_until};

use crate::support::{DEADLINE, Ended, Place, binary, command, database, finish, postgres, run};

/// A server with Connect's REST on a free port; its address.
fn serve(place: &Place, more: &[&str]) -> (Process, String) {
    let mut serve =
        command(["serve", "--http", "off", "--kafka", "off", "--connect", "127.0.0.1:0", "--json", "--data-dir"]);
    let process = Process::spawn(serve.arg(place.data()).args(more));
    let line = process.wait_line(DEADLINE, |_| true).unwrap_or_else(|| panic!("{}", process.errors()));
    let ready: Value = serde_json::from_str(&line).unwrap();
    let url = format!("http://{}", ready["connect"].as_str().unwrap());
    (process, url)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_connector_is_made_watched_stopped_moved_and_deleted_without_curl() {
    database("twins", "create table t (id int primary key); insert into t values (1);");
    let place = Place::new();
    let secrets = place.dir.path().join("secrets");
    std::fs::create_dir(&secrets).unwrap();
    std::fs::write(secrets.join("db.properties"), "user=postgres\n").unwrap();
    let worker = place.dir.path().join("worker.properties");
    std::fs::write(
        &worker,
        "bootstrap.servers=kafka:9092\nkey.converter=org.apache.kafka.connect.json.JsonConverter\n\
         value.converter=org.apache.kafka.connect.json.JsonConverter\nkey.converter.schemas.enable=false\n\
         value.converter.schemas.enable=false\n",
    )
    .unwrap();
    let (serve, url) = serve(&place, &["--worker", text(&worker), "--connect-files-allowed", text(&secrets)]);
    assert!(wait_until(DEADLINE, || serve.errors().contains("bootstrap.servers: topics are in this process")));
    let ask = |args: &[&str]| -> Ended { run(["connectors", "--connect", &url].iter().chain(args)) };

    assert!(ask(&["ls"]).err.contains("no connectors yet"));
    let user = format!("${{file:{}:user}}", secrets.join("db.properties").display());
    let file = place.connector("twins", &[("database.user", &user), ("table.include.list", "public.t")]);
    let made = ask(&["create", text(&file)]);
    assert_eq!((made.code, made.err.as_str()), (Some(0), "shop is created\n"), "{made:?}");
    let again = ask(&["create", text(&file)]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.err.contains("[CONNECT_CONFLICT]") && again.err.contains("already exists"), "{}", again.err);
    let mut listed = String::new();
    let running = wait_until(DEADLINE, || {
        listed = ask(&["ls"]).out;
        listed.lines().any(|line| line.split_whitespace().take(4).eq(["shop", "source", "RUNNING", "RUNNING"]))
    });
    assert!(running, "{listed}{}", serve.errors());
    let shown: Value = serde_json::from_str(&ask(&["ls", "--json"]).out).unwrap();
    assert_eq!(shown["shop"]["info"]["config"]["database.user"], user.as_str(), "stored as it was typed");

    // The worker's converters hold where the connector has none.
    let mut value = String::new();
    let written = wait_until(DEADLINE, || {
        let mut consume = command(["consume", "srv.public.t", "--from-beginning", "--exit", "--data-dir"]);
        consume.arg(place.data());
        value = finish(consume).out;
        !value.is_empty()
    });
    assert!(written && value.starts_with("{\"before\":null"), "{value}{}", serve.errors());

    for (action, said) in [("pause", "shop pauses"), ("resume", "shop goes on"), ("restart", "shop starts again")] {
        let ended = ask(&[action, "shop"]);
        assert!(ended.code == Some(0) && ended.err.starts_with(said), "{ended:?}");
    }
    let early = ask(&["offsets", "reset", "shop"]);
    assert!(early.code != Some(0) && early.err.contains("CONNECT_"), "{early:?}");
    assert_eq!(ask(&["stop", "shop"]).code, Some(0));
    let offsets = ask(&["offsets", "get", "shop"]);
    assert!(offsets.code == Some(0) && offsets.out.contains("\"partition\""), "{offsets:?}");
    let kept = place.dir.path().join("offsets.json");
    std::fs::write(&kept, &offsets.out).unwrap();
    let mut set = Ended { code: None, out: String::new(), err: String::new() };
    // The task ends first.
    assert!(
        wait_until(DEADLINE, || {
            set = ask(&["offsets", "set", "shop", text(&kept)]);
            set.code == Some(0)
        }),
        "{set:?}"
    );
    assert_eq!(ask(&["offsets", "reset", "shop"]).code, Some(0));
    assert_eq!(ask(&["update", text(&file)]).code, Some(0));
    assert_eq!(ask(&["delete", "shop"]).code, Some(0));
    let gone = ask(&["delete", "shop"]);
    assert!(gone.code == Some(2) && gone.err.contains("[CONNECT_NOT_FOUND]"), "{gone:?}");
    assert!(gone.err.contains("tailwater connectors ls"), "{}", gone.err);
}

#[test]
fn what_is_posted_reads_no_file_that_was_not_allowed_and_says_which_flag_would() {
    let place = Place::new();
    std::fs::write(place.dir.path().join("mine.properties"), "user=s3cret\n").unwrap();
    let (_serve, url) = serve(&place, &[]);
    let user = format!("${{file:{}/mine.properties:user}}", place.dir.path().display());
    let file = place.connector("nothing", &[("database.user", &user), ("topic.prefix", "${env:NO_SUCH_VARIABLE}")]);
    let ended = run(["connectors", "--connect", &url, "create", text(&file)]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for said in ["files there may not be read", "--connect-files-allowed", "${env:NO_SUCH_VARIABLE}"] {
        assert!(ended.err.contains(said), "no '{said}' in {}", ended.err);
    }
    assert!(!ended.err.contains("s3cret"), "{}", ended.err);
    // Each finding under the property that it is about.
    let checked = run(["connectors", "--connect", &url, "validate", text(&file)]);
    assert_eq!(checked.code, Some(4), "{checked:?}");
    assert!(checked.out.contains("database.user: 'database.user' uses ${file:"), "{}", checked.out);
    assert!(checked.out.contains("topic.prefix: 'topic.prefix' uses ${env:NO_SUCH_VARIABLE}"), "{}", checked.out);
}

#[test]
fn what_is_in_the_way_comes_with_its_code_and_what_to_do_and_warnings_do_not_stop() {
    database("findings", "create table t (id int); create role novice login;");
    let place = Place::new();
    let (_serve, url) = serve(&place, &[]);
    let ask = |args: &[&str]| -> Ended { run(["connectors", "--connect", &url].iter().chain(args)) };
    let file = place.connector("findings", &[("database.user", "novice"), ("tasksMax", "1")]);
    let refused = ask(&["create", text(&file)]);
    assert_eq!(refused.code, Some(3), "the database is not ready: {refused:?}");
    for said in
        ["error[ROLE_NOT_REPLICATION]", "ALTER ROLE \"novice\" REPLICATION;", "error[SELECT_DENIED]", "GRANT SELECT ON"]
    {
        assert!(refused.err.contains(said), "no '{said}' in {}", refused.err);
    }
    assert!(
        refused.err.contains("warning[PROPERTY_UNKNOWN]") && refused.err.contains("'tasks.max'"),
        "{}",
        refused.err
    );
    let as_json: Value = serde_json::from_str(&ask(&["create", text(&file), "--json"]).err).unwrap();
    assert_eq!(as_json["problems"][0]["kind"], "environment", "{as_json}");
    let file = place.connector("findings", &[("tasksMax", "1"), ("table.include.list", "public.t")]);
    let validated = ask(&["validate", text(&file)]);
    assert_eq!(validated.code, Some(0), "{validated:?}");
    assert!(validated.out.contains("warning[TABLE_WITHOUT_KEY]"), "{}", validated.out);
    assert!(validated.err.contains("it works; warnings: 2"), "{}", validated.err);
    let created = ask(&["create", text(&file)]);
    assert_eq!(created.code, Some(0), "{created:?}");
    assert!(
        created.err.contains("shop is created") && created.err.contains("warning[PROPERTY_UNKNOWN]"),
        "{created:?}"
    );
    let stopped = ask(&["stop", "shop"]);
    assert!(
        stopped.code == Some(0) && stopped.err.contains("pg_drop_replication_slot('slot_findings')"),
        "{stopped:?}"
    );
}

#[test]
fn the_log_of_a_connector_is_its_own_and_goes_on_with_follow() {
    database(
        "logged",
        "create table t (id int primary key); create role logger login superuser password 's3cret-word';",
    );
    let place = Place::new();
    let (serve, url) = serve(&place, &[]);
    let ask = |args: &[&str]| -> Ended { run(["connectors", "--connect", &url].iter().chain(args)) };
    let unknown = ask(&["logs", "shop"]);
    assert!(unknown.code == Some(2) && unknown.err.contains("[CONNECT_NOT_FOUND]"), "{unknown:?}");
    let more = [("database.user", "logger"), ("database.password", "s3cret-word"), ("table.include.list", "public.tt")];
    let file = place.connector("logged", &more);
    assert_eq!(ask(&["create", text(&file)]).code, Some(0));
    let mut logged = String::new();
    let streams = wait_until(DEADLINE, || {
        logged = ask(&["logs", "shop"]).out;
        logged.contains("connector is streaming")
    });
    assert!(streams, "{logged}{}", serve.errors());
    assert!(logged.contains(" INFO connector created"), "{logged}");
    let warned = logged.lines().find(|line| line.contains("WARN") && line.contains("code=TABLE_MISSING")).unwrap();
    assert!(warned.contains("remedy=Did you mean public.t?"), "{warned}");
    let last = ask(&["logs", "shop", "-n", "1", "--json"]).out;
    let line: Value = serde_json::from_str(&last).unwrap();
    assert_eq!((&line["level"], &line["message"]), (&"INFO".into(), &"connector is streaming".into()));
    // The data directory is a way, too; and new lines come by themselves.
    let mut follow = command(["connectors", "logs", "shop", "--follow", "--json", "-n", "1", "--data-dir"]);
    let mut follow = Process::spawn(follow.arg(place.data()));
    let next = |wanted: &str| follow.wait_line(DEADLINE, |line| line.contains(wanted)).is_some();
    assert!(next("connector is streaming"), "{}", follow.errors());
    assert_eq!(ask(&["pause", "shop"]).code, Some(0));
    assert!(next("connector asked for another state") && next("connector stopped"), "{}", follow.errors());
    follow.interrupt();
    assert_eq!(follow.wait(DEADLINE).and_then(|status| status.code()), Some(130));
    // What was deleted can still be read.
    let deleted = ask(&["delete", "shop"]);
    assert!(deleted.code == Some(0) && deleted.err.contains("[SLOT_STAYS]"), "{deleted:?}");
    let all = ask(&["logs", "shop", "-n", "1000"]).out;
    assert!(all.contains("connector deleted") && !all.contains("s3cret-word"), "{all}");
    assert!(!serve.errors().contains("s3cret-word"));
}

#[test]
fn a_connector_file_reads_beside_itself() {
    database("beside", "create table t (id int primary key);");
    let place = Place::new();
    place.connector("beside", &[("database.user", "${file:db.secret:user}"), ("table.include.list", "public.t")]);
    std::fs::write(place.connectors().join("db.secret"), "user=postgres\n").unwrap();
    let (serve, url) = serve(&place, &["--connectors", text(&place.connectors())]);
    let mut listed = String::new();
    let running = wait_until(DEADLINE, || {
        listed = run(["connectors", "--connect", &url, "ls"]).out;
        listed.contains("RUNNING  RUNNING")
    });
    assert!(running, "{listed}{}", serve.errors());
    let doctor = run(["doctor", text(&place.connectors().join("shop.json"))]);
    assert_ne!(doctor.code, Some(2), "{doctor:?}");
}

#[test]
fn a_server_that_does_not_answer_and_addresses_that_are_none() {
    let url = format!("http://127.0.0.1:{}", tailwater_testkit::free_port());
    let ended = run(["connectors", "ls", "--connect", &url]);
    assert!(ended.code == Some(3) && ended.err.contains("[CONNECT_UNREACHABLE]"), "{ended:?}");
    let ended = run(["connectors", "ls", "--connect", "localhost:8083", "--json"]);
    assert!(ended.code == Some(2) && ended.err.contains("CONNECT_URL_INVALID"), "{ended:?}");
}

#[test]
fn worker_settings_that_cannot_be_followed_are_said_all_at_once() {
    let place = Place::new();
    let worker = place.dir.path().join("worker.properties");
    std::fs::write(&worker, "rest.extension.classes=x\nlisteners=https://0.0.0.0:8443\n").unwrap();
    let mut serve = command(["serve", "--http", "off", "--kafka", "off", "--data-dir"]);
    serve.arg(place.data()).arg("--worker").arg(&worker).env("CONNECT_CONFIG_PROVIDERS", "vault");
    let ended = finish(serve);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for said in ["rest.extension.classes", "--connect-tls-certificate", "'vault'"] {
        assert!(ended.err.contains(said), "no '{said}' in {}", ended.err);
    }
    // As images of Connect are told to listen, which here wants protection.
    let mut serve = command(["serve", "--http", "off", "--kafka", "off", "--data-dir"]);
    serve.arg(place.data()).env_remove("TAILWATER_CONNECT").env("CONNECT_LISTENERS", "http://0.0.0.0:0");
    let ended = finish(serve);
    assert!(ended.code == Some(2) && ended.err.contains("[ADDRESS_OPEN]"), "{ended:?}");
    assert!(ended.err.contains("as the worker's settings want it"), "{ended:?}");
}

#[test]
fn settings_of_debezium_server_become_a_connector_and_what_could_not_be_used_is_listed() {
    let dir = tempfile::tempdir().unwrap();
    let (file, output) = (dir.path().join("application.properties"), dir.path().join("shop.json"));
    std::fs::write(
        &file,
        "debezium.source.connector.class=io.debezium.connector.postgresql.PostgresConnector\n\
         debezium.source.database.hostname=localhost\ndebezium.source.database.user=u\ndebezium.source.database.dbname=d\n\
         debezium.source.database.password=${DB_PASSWORD}\ndebezium.source.topic.prefix=shop\n\
         debezium.source.plugin.name=pgoutput\ndebezium.source.offset.storage.file.filename=offsets.dat\n\
         debezium.sink.type=http\nquarkus.http.port=8081\n",
    )
    .unwrap();
    let ended = run(["config", "import", text(&file)]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let connector: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(connector["config"]["database.password"], "${env:DB_PASSWORD}");
    assert_eq!(ended.err.matches("[IMPORT_UNUSED]").count(), 3, "{}", ended.err);
    let written = run(["config", "import", text(&file), "--output", text(&output)]);
    assert_eq!((written.code, written.out.as_str()), (Some(4), ""));
    assert_eq!(std::fs::read_to_string(&output).unwrap(), ended.out);
    let again = run(["config", "import", text(&file), "--output", text(&output)]);
    assert!(again.code == Some(3) && again.err.contains("[IMPORT_UNWRITABLE]"), "{again:?}");
}

/// A file as people have it for Debezium Server, with the database's host and port under names of its own.
#[test]
fn what_was_imported_runs() {
    database("imported", "create table t (id int primary key, name text); insert into t values (1, 'a');");
    let place = Place::new();
    let file = place.dir.path().join("application.properties");
    let properties = format!(
        "# Sink\ndebezium.sink.type=redis\ndebezium.sink.redis.address=redis:6379\n\
         debezium.source.connector.class=io.debezium.connector.postgresql.PostgresConnector\n\
         debezium.source.database.hostname=${{db.host}}\ndb.host=127.0.0.1\n\
         debezium.source.database.port=${{TAILWATER_TEST_PORT:{}}}\n\
         debezium.source.database.user=postgres\ndebezium.source.database.password=postgres\n\
         debezium.source.database.dbname=imported\ndebezium.source.database.server.name=srv\n\
         debezium.source.table.include.list=public.t\ndebezium.source.slot.name=imported\n\
         debezium.source.publication.name=imported\ndebezium.source.plugin.name=pgoutput\n\
         debezium.source.offset.storage=io.debezium.server.redis.RedisOffsetBackingStore\n\
         debezium.source.tombstones.on.delete=false\ndebezium.source.tombstones.on.delete=false\n\
         debezium.format.value.schemas.enable=false\ndebezium.format.key.schemas.enable=false\n\
         debezium.transforms=unwrap\ndebezium.transforms.unwrap.type=io.debezium.transforms.ExtractNewRecordState\n",
        postgres().port()
    );
    std::fs::write(&file, properties).unwrap();
    let output = place.connectors().join("shop.json");
    let imported = run(["config", "import", text(&file), "--output", text(&output)]);
    assert_eq!(imported.code, Some(4), "{imported:?}");
    let serve = Serve::start(binary(), &place.data(), &place.connectors());
    serve.wait_state("application", "streaming", DEADLINE);
    let data = place.data();
    let read = run(["consume", "srv.public.t", "--from-beginning", "--exit", "--data-dir", text(&data)]);
    assert_eq!((read.code, read.out.as_str()), (Some(0), "{\"id\":1,\"name\":\"a\"}\n"), "{read:?}");
}
