//! Bad input: each one a code, a cause, a remedy and the right exit code.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tailwater_testkit::{Postgres, Serve, free_port};

use crate::support::{Ended, Place, binary, command, database, finish, postgres, run};

/// Asserts how a call ended: exit code, code of a problem, words of its remedy, and nothing on stdout.
fn assert_problem(ended: &Ended, exit: i32, code: &str, remedy: &str) {
    assert_eq!(ended.code, Some(exit), "{ended:?}");
    let text = format!("{}{}", ended.out, ended.err);
    let (_, after) = text.split_once(&format!("[{code}]")).unwrap_or_else(|| panic!("no {code} in {text}"));
    let help = after.split_once("help:").map_or("", |(_, help)| help);
    assert!(help.contains(remedy), "no '{remedy}' in the help of {code}: {text}");
}

/// The same for `run` and for `doctor`, whose exit codes differ.
fn assert_both(uri: &str, table: &str, run_exit: i32, doctor_exit: i32, code: &str, remedy: &str) {
    let captured = run(["run", uri, "--table", table]);
    assert_problem(&captured, run_exit, code, remedy);
    assert_eq!(captured.out, "");
    assert_problem(&run(["doctor", uri, "--table", table]), doctor_exit, code, remedy);
}

#[test]
fn a_server_that_does_not_answer() {
    let uri = format!("postgres://u@127.0.0.1:{}/d", free_port());
    assert_both(&uri, "t", 3, 3, "SERVER_UNREACHABLE", "pg_isready");
    assert_both("postgres://u@no.such.host.invalid/d", "t", 3, 3, "HOST_UNKNOWN", "getent hosts");
}

#[test]
fn a_host_name_of_a_container_network_is_told_how_to_be_an_alias_and_then_leads_there() {
    assert_both(
        "postgres://u@no-such-container/d",
        "t",
        3,
        3,
        "HOST_UNKNOWN",
        "--alias no-such-container=127.0.0.1:5432",
    );
    let uri = database("aliased", "create table t (id int primary key);");
    let (_, port) = uri.rsplit_once('@').and_then(|(_, rest)| rest.split_once('/')?.0.rsplit_once(':')).unwrap();
    let alias = format!("no-such-container=127.0.0.1:{port}");
    let ended = run(["doctor", "postgres://postgres@no-such-container/aliased", "--table", "t", "--alias", &alias]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_problem(&run(["doctor", &uri, "--alias", "x", "--alias", "=y"]), 2, "ALIAS_INVALID", "NAME=HOST:PORT");
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tailwater.toml"), format!("[aliases]\nno-such-container = \"127.0.0.1:{port}\"\n"))
        .unwrap();
    let mut doctor = command(["doctor", "postgres://postgres@no-such-container/aliased", "--table", "t"]);
    doctor.current_dir(dir.path());
    assert_eq!(finish(doctor).code, Some(0));
}

#[test]
fn a_wrong_password_and_a_database_that_is_not_there() {
    let uri = database("credentials", "create role alice login replication password 'right';");
    let wrong = uri.replace("postgres@", "alice:wrong@");
    assert_both(&wrong, "t", 2, 3, "AUTH_FAILED", "database.password");
    let ended = run(["run", &wrong, "--table", "t"]);
    assert!(!ended.err.contains("wrong"), "the password is shown: {}", ended.err);
    assert_both(&postgres().uri("no_such_database"), "t", 2, 3, "DATABASE_MISSING", "CREATE DATABASE");
}

#[test]
fn a_server_without_logical_decoding() {
    let server = Postgres::builder().setting("wal_level", "replica").start();
    server.psql("postgres", "create table t (id int primary key);");
    let uri = server.uri("postgres");
    assert_both(&uri, "t", 3, 4, "WAL_LEVEL", "ALTER SYSTEM SET wal_level");
}

#[test]
fn a_role_without_the_right_to_replicate() {
    let uri = database("rights", "create table t (id int primary key); create role bob login;");
    let uri = uri.replace("postgres@", "bob@");
    assert_both(&uri, "t", 3, 4, "ROLE_NOT_REPLICATION", "ALTER ROLE");
}

#[test]
fn a_table_that_does_not_exist_is_answered_with_the_nearest() {
    let uri = database("nearest", "create table customers (id int primary key); create table orders (id int);");
    assert_both(&uri, "public.custmers", 2, 4, "TABLE_MISSING", "public.customers");
}

#[test]
fn a_table_without_a_key_is_a_warning_and_is_captured() {
    let uri = database("keyless", "create table log (line text); insert into log values ('a'), ('b');");
    let place = Place::new();
    let data = place.data();
    let mut captured = command(["run", &uri, "--table", "log", "--snapshot-only", "--data-dir"]);
    captured.arg(&data);
    let ended = finish(captured);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("warning[TABLE_WITHOUT_KEY]"), "{}", ended.err);
    let mut consume = command(["consume", "keyless.public.log", "--from-beginning", "--data-dir"]);
    consume.arg(&data);
    assert_eq!(finish(consume).out.lines().count(), 2);
}

#[test]
fn properties_that_are_unknown_misspelt_missing_or_refused() {
    database("properties", "create table t (id int primary key);");
    let place = Place::new();
    let misspelt = place.connector("properties", &[("table.include.lists", "public.t"), ("nonsense", "1")]);
    let ended = run([Path::new("doctor"), &misspelt]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("Did you mean 'table.include.list'?"), "{}", ended.out);
    assert!(ended.out.contains("Remove 'nonsense'."), "{}", ended.out);

    let refused = place.connector("properties", &[("slot.stream.params", "x=y"), ("snapshot.mode", "inital")]);
    let ended = run([Path::new("doctor"), &refused]);
    assert_problem(&ended, 2, "PROPERTY_REFUSED", "slot.stream.params");
    assert_problem(&ended, 2, "PROPERTY_INVALID", "initial");

    let unknown = place.connector("properties", &[("connector.class", "io.debezium.connector.mysql.MySqlConnector")]);
    assert_problem(&run([Path::new("doctor"), &unknown]), 2, "CONNECTOR_CLASS_UNKNOWN", "PostgresConnector");
}

#[test]
fn a_connector_file_that_is_no_json() {
    let place = Place::new();
    let path = place.connectors().join("shop.json");
    std::fs::write(&path, "{\"name\": \"shop\",\n \"config\": {\"a\": }}").unwrap();
    let ended = run([Path::new("doctor"), &path]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("error[CONNECTOR_JSON_INVALID]") && ended.err.contains("line 2"), "{}", ended.err);
    let serve = Serve::start(binary(), &place.data(), &place.connectors());
    let state = serve.connector("shop");
    assert_eq!((&state["state"], &state["error"]["code"]), (&"failed".into(), &"CONNECTOR_JSON_INVALID".into()));
}

#[test]
fn addresses_and_directories_of_serve() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let data = place.data().display().to_string();
    let serve = |args: &[&str]| run(["serve", "--data-dir", &data, "--kafka", "off"].iter().chain(args));
    assert_problem(&serve(&["--http", &taken]), 3, "PORT_IN_USE", "ss -ltnp");
    assert_problem(&serve(&["--http", "0.0.0.0:0"]), 2, "ADDRESS_OPEN", "127.0.0.1");
    assert_problem(&serve(&["--http", "8080"]), 2, "ADDRESS_INVALID", "HOST:PORT");
    let kafka = |at: &str| run(["serve", "--data-dir", &data, "--http", "off", "--kafka", at]);
    assert_problem(&kafka(&taken), 3, "PORT_IN_USE", "--kafka 127.0.0.1:0");
    assert_problem(&kafka("0.0.0.0:0"), 2, "ADDRESS_OPEN", "127.0.0.1");
    assert_problem(&serve(&["--http", "off", "--kafka-advertised", "here"]), 2, "ADDRESS_INVALID", "HOST:PORT");
    assert_problem(&serve(&["--http", "off", "--pg", "127.0.0.1:0"]), 2, "FACE_NOT_BUILT", "--pg off");
    let missing = ["--http", "off", "--connectors", "/no/such/dir"];
    assert_problem(&serve(&missing), 2, "CONNECTORS_DIR_MISSING", "mkdir -p");
    // All at once.
    let ended = serve(&["--http", "8080", "--pg", "127.0.0.1:0", "--connectors", "/no/such/dir"]);
    for code in ["ADDRESS_INVALID", "FACE_NOT_BUILT", "CONNECTORS_DIR_MISSING"] {
        assert!(ended.err.contains(code), "{}", ended.err);
    }
    // As JSON.
    let ended = serve(&["--http", &taken, "--json"]);
    let report: serde_json::Value = serde_json::from_str(&ended.err).unwrap();
    assert_eq!((ended.out.as_str(), &report["problems"][0]["code"]), ("", &"PORT_IN_USE".into()));
    // Settings files.
    let settings = place.dir.path().join("tailwater.toml");
    std::fs::write(&settings, "htp = \"off\"\n").unwrap();
    assert_problem(&serve(&["--config", settings.to_str().unwrap()]), 2, "SETTINGS_INVALID", "'http'");
}

#[test]
fn a_data_directory_that_another_process_holds() {
    let place = Place::new();
    let _serve = Serve::start(binary(), &place.data(), &place.connectors());
    let mut second = command(["serve", "--http", "off", "--kafka", "off", "--data-dir"]);
    second.arg(place.data());
    assert_problem(&finish(second), 3, "LOCKED", "fuser");
}

#[test]
fn a_data_directory_that_cannot_be_made_or_written() {
    let place = Place::new();
    let file = place.dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let mut below = command(["serve", "--http", "off", "--kafka", "off", "--data-dir"]);
    below.arg(file.join("data"));
    assert_problem(&finish(below), 3, "IO", "ls -ld");

    // Modes do not hold root, so the binary runs as nobody.
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("tailwater");
    // Not by this process: a test beside this one that starts a program would hold the copy open for writing.
    assert!(Command::new("cp").arg(binary()).arg(&program).status().unwrap().success());
    let closed = dir.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    for (path, mode) in [(dir.path(), 0o755), (&program, 0o755), (&closed, 0o555)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut nobody = if rustix::process::geteuid().is_root() {
        let mut nobody = Command::new("setpriv");
        nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&program);
        nobody
    } else {
        Command::new(&program)
    };
    nobody.args(["serve", "--http", "off", "--kafka", "off", "--data-dir"]).arg(&closed);
    assert_problem(&finish(nobody), 3, "READ_ONLY", "chown");
}

#[test]
fn a_disk_that_is_full() {
    // A file system of its own, in a mount namespace of its own: nothing outside sees it.
    let dir = tempfile::tempdir().unwrap();
    let mut full = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        full.args(["--user", "--map-root-user"]);
    }
    let script = "mount -t tmpfs -o size=64k tmpfs \"$1\" && head -c 1m /dev/zero >\"$1/ballast\" 2>/dev/null; \
                  exec \"$0\" serve --http off --kafka off --data-dir \"$1/data\"";
    full.args(["--mount", "sh", "-c", script]).arg(binary()).arg(dir.path());
    assert_problem(&finish(full), 3, "DISK_FULL", "df -h");
}

#[test]
fn a_data_directory_of_a_newer_version() {
    let place = Place::new();
    let mut serve = Serve::start(binary(), &place.data(), &place.connectors());
    serve.process.terminate();
    assert!(serve.process.wait(Duration::from_secs(10)).is_some_and(|status| status.success()));
    for entry in std::fs::read_dir(place.data()).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        // A segment's format follows its eight bytes of magic.
        if let Some(format) = bytes.get_mut(8..12) {
            format.fill(0xff);
            std::fs::write(&path, bytes).unwrap();
        }
    }
    let mut later = command(["serve", "--http", "off", "--kafka", "off", "--data-dir"]);
    later.arg(place.data());
    assert_problem(&finish(later), 3, "NEWER_FORMAT", "newer");
}

#[test]
fn what_cannot_be_read() {
    let place = Place::new();
    let data = place.data().display().to_string();
    let consume = |args: &[&str]| run(["consume", "--data-dir", &data].iter().chain(args));
    assert_problem(&consume(&["t"]), 2, "DATA_DIR_MISSING", "--data-dir");
    std::fs::create_dir(place.data()).unwrap();
    assert_problem(&consume(&["t", "--exit"]), 2, "DATA_DIR_MISSING", "--data-dir");
    assert_eq!(std::fs::read_dir(place.data()).unwrap().count(), 0, "a look made a data directory");
    assert_problem(&consume(&["--include", "("]), 2, "PATTERN_INVALID", "Use a form");
    assert_problem(&run(["run", "mysql://h/d"]), 2, "URI_INVALID", "postgres://");
    let ended = run(["journal", "verify", "/no/such/dir"]);
    assert!(ended.code == Some(3) && ended.err.contains("help:"), "{ended:?}");
}
