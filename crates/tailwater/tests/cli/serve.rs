//! `serve`: its ready line, its pages, its connectors, its end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tailwater_connect::limits::CONNECTIONS;
use tailwater_testkit::{Process, Serve, free_port, get, post, wait_until};

use crate::support::{DEADLINE, Place, binary, command, database, finish, postgres};

#[test]
fn the_ready_line_is_the_one_scripts_rely_on() {
    let place = Place::new();
    let mut serve = command(["serve", "--http", "127.0.0.1:0", "--kafka", "127.0.0.1:0", "--json", "--data-dir"]);
    serve.env("TAILWATER_CONNECT", "127.0.0.1:0");
    serve.arg(place.data());
    let mut process = Process::spawn(&mut serve);
    let line = process.wait_line(DEADLINE, |_| true).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let http = ready["http"].as_str().unwrap().to_owned();
    let kafka = ready["kafka"].as_str().unwrap();
    let connect = ready["connect"].as_str().unwrap();
    let faces = format!("\"http\":\"{http}\",\"kafka\":\"{kafka}\",\"connect\":\"{connect}\",\"pg\":null");
    assert_eq!(line, format!("{{\"ready\":true,{faces}}}"));
    assert!(std::net::TcpStream::connect(kafka).is_ok());
    assert_eq!(get(connect, "/connectors/").ok(), Some((200, "[]".to_owned())));
    assert_eq!(get(&http, "/livez").ok(), Some((200, "ok\n".to_owned())));
    assert_eq!(get(&http, "/readyz").ok(), Some((200, "{\"ready\":true,\"connectors\":{}}".to_owned())));
    assert_eq!(get(&http, "/nothing").unwrap().0, 404);
    let asked = Instant::now();
    process.interrupt();
    assert!(process.wait(DEADLINE).is_some_and(|status| status.success()));
    assert!(asked.elapsed() < Duration::from_secs(5));
    assert!(process.wait_line(Duration::from_millis(10), |_| true).is_none(), "stdout has more than one line");
}

#[test]
fn the_pages_are_given_to_this_machine_alone_and_to_so_many_at_a_time() {
    let place = Place::new();
    let serve = Serve::start(binary(), &place.data(), &place.connectors());
    let as_host = |host: &str| {
        let mut stream = TcpStream::connect(&serve.http).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        write!(stream, "GET /readyz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    // A page of a browser whose name suddenly means this machine.
    assert_eq!(as_host("evil.example:8080"), "403");
    assert_eq!(as_host("localhost:8080"), "200");
    let first: Vec<TcpStream> = (0..CONNECTIONS).map(|_| TcpStream::connect(&serve.http).unwrap()).collect();
    let mut late = TcpStream::connect(&serve.http).unwrap();
    late.write_all(b"GET /livez HTTP/1.0\r\n\r\n").unwrap();
    late.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(late.read(&mut [0; 1]).is_err(), "more connections than there are places are answered");
    drop(first);
    late.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut answer = String::new();
    late.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("200 OK"), "{answer}");
}

#[test]
fn a_server_whose_data_directory_was_removed_ends_when_it_is_asked_to() {
    let place = Place::new();
    let mut serve = Serve::start(binary(), &place.data(), &place.connectors());
    std::fs::remove_dir_all(place.data()).unwrap();
    serve.process.terminate();
    let ended = serve.process.wait(Duration::from_secs(10));
    assert!(ended.is_some(), "it goes on: {}", serve.process.errors());
}

#[test]
fn a_connector_goes_through_its_states_and_its_numbers_are_on_the_page() {
    database("states", "create table t (id int primary key); insert into t select generate_series(1, 100);");
    let place = Place::new();
    place.connector("states", &[("table.include.list", "public.t")]);
    let serve = Serve::start(binary(), &place.data(), &place.connectors());
    serve.wait_state("shop", "streaming", DEADLINE);
    let (status, body) = get(&serve.http, "/readyz").unwrap();
    assert_eq!((status, body.as_str()), (200, "{\"ready\":true,\"connectors\":{\"shop\":{\"state\":\"streaming\"}}}"));
    let (_, page) = get(&serve.http, "/metrics").unwrap();
    for line in [
        "debezium_metrics_RowsScanned{plugin=\"postgres\",name=\"shop\",context=\"snapshot\"} 100",
        "debezium_metrics_Connected{plugin=\"postgres\",name=\"shop\",context=\"streaming\"} 1",
        "tailwater_connector_state{connector=\"shop\",state=\"streaming\"} 1",
        "tailwater_topic_records 100",
        "tailwater_topics 1",
    ] {
        assert!(page.lines().any(|l| l == line), "{line} is not in {page}");
    }
    // A removed file stops its connector and deletes nothing; the same name resumes.
    let file = place.connectors().join("shop.json");
    let text = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(wait_until(DEADLINE, || serve.connector("shop").is_null()));
    postgres().psql("states", "insert into t values (101);");
    std::fs::write(&file, text).unwrap();
    assert!(wait_until(DEADLINE, || {
        let (_, page) = get(&serve.http, "/metrics").unwrap();
        page.lines().any(|l| l == "tailwater_topic_records 101")
    }));
}

#[test]
fn a_connectors_fault_leaves_serve_running() {
    database("faults", "create role alice_faults login replication password 'x'; create table t (id int primary key);");
    let place = Place::new();
    let port = free_port().to_string();
    place.connector("faults", &[("database.port", &port)]);
    let serve = Serve::start(binary(), &place.data(), &place.connectors());
    let shows = |state: &str, code: &str| {
        wait_until(DEADLINE, || {
            let shop = serve.connector("shop");
            shop["state"] == state && shop["error"]["code"] == code
        })
    };
    assert!(shows("starting", "SERVER_UNREACHABLE"), "{}", serve.connector("shop"));
    assert_eq!(get(&serve.http, "/readyz").unwrap().0, 503);
    place.connector("faults", &[("database.user", "nobody_of_this_name")]);
    assert!(shows("failed", "AUTH_FAILED"), "{}", serve.connector("shop"));
    place.connector("faults", &[("snapshot.mode", "nonsense")]);
    assert!(shows("failed", "PROPERTY_INVALID"), "{}", serve.connector("shop"));
    place.connector("faults", &[]);
    serve.wait_state("shop", "streaming", DEADLINE);
}

#[test]
fn a_snapshot_that_is_asked_to_end_ends_and_is_taken_again() {
    let rows = 300_000;
    let script = format!("create table t (id int primary key); insert into t select generate_series(1, {rows});");
    database("cut", &script);
    let place = Place::new();
    place.connector("cut", &[("table.include.list", "public.t")]);
    let mut serve = Serve::start(binary(), &place.data(), &place.connectors());
    serve.wait_state("shop", "snapshot", DEADLINE);
    serve.process.terminate();
    let status = serve.process.wait(Duration::from_secs(5));
    assert!(status.is_some_and(|s| s.success()), "{}", serve.process.errors());
    assert!(!serve.process.errors().contains("did not end in time"), "{}", serve.process.errors());
    let serve = Serve::start(binary(), &place.data(), &place.connectors());
    serve.wait_state("shop", "streaming", DEADLINE);
    let (_, page) = get(&serve.http, "/metrics").unwrap();
    let scanned =
        format!("debezium_metrics_RowsScanned{{plugin=\"postgres\",name=\"shop\",context=\"snapshot\"}} {rows}");
    assert!(page.lines().any(|l| l == scanned), "{page}");
}

#[test]
fn a_signal_over_http_starts_an_incremental_snapshot() {
    database("signals", "create table t (id int primary key); insert into t select generate_series(1, 5);");
    let place = Place::new();
    place.connector("signals", &[("table.include.list", "public.t"), ("snapshot.mode", "no_data")]);
    let serve = Serve::start(binary(), &place.data(), &place.connectors());
    serve.wait_state("shop", "streaming", DEADLINE);
    let signal = r#"{"id": "s1", "type": "execute-snapshot", "data": {"data-collections": ["public.t"]}}"#;
    let send = |name: &str, headers: &str, body: &str| {
        post(&serve.http, &format!("/connectors/{name}/signals"), headers, body).unwrap()
    };
    assert_eq!(send("shop", "", signal), (202, "{\"id\":\"s1\"}".to_owned()));
    let mut consume = command(["consume", "srv.public.t", "--from-beginning", "--max-messages", "5", "--data-dir"]);
    consume.arg(place.data());
    let ended = finish(consume);
    assert_eq!((ended.code, ended.out.matches("\"snapshot\":\"incremental\"").count()), (Some(0), 5), "{ended:?}");

    for (name, headers, body, status, code) in [
        ("nobody", "", signal, 404, "CONNECTOR_UNKNOWN"),
        ("shop", "", "{\"kind\": 1}", 422, "SIGNAL_INVALID"),
        ("shop", "", "{", 400, "SIGNAL_INVALID"),
        ("shop", "Origin: http://page.example\r\n", signal, 403, "ORIGIN"),
    ] {
        let (answered, text) = send(name, headers, body);
        assert!(answered == status && text.contains(code), "{status} {code}: {answered} {text}");
    }
}

#[test]
fn what_is_odd_in_a_connector_file_is_said_on_readyz_and_once_in_the_log() {
    database("odd", "create table t (id int primary key);");
    let place = Place::new();
    place.connector("odd", &[("tabel.include.list", "public.t")]);
    let serve = Serve::start(binary(), &place.data(), &place.connectors());
    serve.wait_state("shop", "streaming", DEADLINE);
    let shop = serve.connector("shop");
    assert_eq!(shop["warnings"][0]["code"], "PROPERTY_UNKNOWN", "{shop}");
    assert!(shop["warnings"][0]["remedy"].as_str().unwrap().contains("table.include.list"), "{shop}");
    let log = serve.process.errors();
    assert_eq!(log.matches("PROPERTY_UNKNOWN").count(), 1, "{log}");
}

/// A server whose data directory lies on a file system with 4 MB left, and how that directory is seen from here: the
/// file system is in a mount namespace of the server's own. Removing its `ballast` makes room.
fn serve_on_a_small_disk(place: &Place) -> (Serve, PathBuf) {
    std::fs::create_dir(place.data()).unwrap();
    let mut serve = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        serve.args(["--user", "--map-root-user"]);
    }
    let script = "mount -t tmpfs -o size=12m tmpfs \"$1\" && head -c 8m /dev/zero >\"$1/ballast\" && \
                  exec \"$0\" serve --http 127.0.0.1:0 --kafka off --connect off --json --data-dir \"$1/data\" --connectors \"$2\"";
    serve.args(["--mount", "sh", "-c", script]).arg(binary()).arg(place.data()).arg(place.connectors());
    let process = Process::spawn(&mut serve);
    let line = process.wait_line(DEADLINE, |_| true).unwrap_or_else(|| panic!("{}", process.errors()));
    let http = serde_json::from_str::<Value>(&line).unwrap()["http"].as_str().unwrap().to_owned();
    let seen = Path::new("/proc").join(process.pid().to_string()).join("root");
    (Serve { process, http }, seen.join(place.data().strip_prefix("/").unwrap()))
}

/// A statement that inserts 6 MB of hashes, which do not compress, in 3000 rows.
const TOO_MUCH: &str = "insert into t select n, (select string_agg(md5(n || '.' || part), '') \
                        from generate_series(1, 60) part) from generate_series(1, 3000) n;";

/// The connector is paused; there is room again; it goes on.
fn goes_on_when_there_is_space(serve: &Serve, seen: &Path) {
    serve.wait_state("shop", "paused", DEADLINE);
    assert_eq!(serve.connector("shop")["error"]["code"], "PAUSED_DISK");
    std::fs::remove_file(seen.join("ballast")).unwrap();
    serve.wait_state("shop", "streaming", DEADLINE);
}

#[test]
fn a_full_disk_pauses_the_stream_and_it_goes_on_when_there_is_space() {
    database("full", "create table t (id int primary key, v text);");
    let place = Place::new();
    place.connector("full", &[("table.include.list", "public.t")]);
    let (serve, seen) = serve_on_a_small_disk(&place);
    serve.wait_state("shop", "streaming", DEADLINE);
    postgres().psql("full", TOO_MUCH);
    goes_on_when_there_is_space(&serve, &seen);
    let mut consume = command(["consume", "srv.public.t", "--from-beginning", "--max-messages", "3000", "--data-dir"]);
    consume.arg(seen.join("data"));
    let ended = finish(consume);
    assert_eq!((ended.code, ended.out.lines().count()), (Some(0), 3000), "{}", ended.err);
}

#[test]
fn a_full_disk_pauses_a_snapshot_and_it_goes_on_when_there_is_space() {
    database("full_snapshot", &format!("create table t (id int primary key, v text); {TOO_MUCH}"));
    let place = Place::new();
    place.connector("full_snapshot", &[("table.include.list", "public.t")]);
    let (serve, seen) = serve_on_a_small_disk(&place);
    goes_on_when_there_is_space(&serve, &seen);
    // One attempt brought all rows. The first of them had to go, since the topics' share of so small a disk is 2 MB.
    let (_, page) = get(&serve.http, "/metrics").unwrap();
    let scanned = "debezium_metrics_RowsScanned{plugin=\"postgres\",name=\"shop\",context=\"snapshot\"} 3000";
    assert!(page.lines().any(|l| l == scanned), "{page}");
}

#[test]
fn how_far_an_incremental_snapshot_is_can_be_seen_without_a_value_of_a_row() {
    database(
        "chunks",
        "create table t (id text primary key); insert into t select 'secret' || n from generate_series(1, 100) n;
         create table sig (id text primary key, type text, data text);",
    );
    let place = Place::new();
    let settings = [
        ("table.include.list", "public.t"),
        ("snapshot.mode", "no_data"),
        ("signal.data.collection", "public.sig"),
        ("incremental.snapshot.chunk.size", "40"),
    ];
    place.connector("chunks", &settings);
    let serve = Serve::start(binary(), &place.data(), &place.connectors());
    serve.wait_state("shop", "streaming", DEADLINE);
    let shows = |lines: [(&str, u32); 4], paused: u32| {
        let mut page = String::new();
        let reached = wait_until(DEADLINE, || {
            page = get(&serve.http, "/metrics").unwrap().1;
            let has = |line: &str| page.lines().any(|l| l == line);
            let name = "debezium_metrics_SnapshotPaused{plugin=\"postgres\",name=\"shop\",context=\"snapshot\"}";
            has(&format!("{name} {paused}"))
                && lines.iter().all(|(name, value)| {
                    has(&format!("tailwater_source_incremental_{name}{{connector=\"shop\"}} {value}"))
                })
        });
        assert!(reached && !page.contains("secret"), "{page}");
    };
    let execute = "('a', 'execute-snapshot', '{\"data-collections\": [\"public.t\"]}'), ('b', 'pause-snapshot', null)";
    postgres().psql("chunks", &format!("insert into sig values {execute};"));
    shows([("chunks_total", 1), ("chunk_rows", 40), ("tables", 1), ("table_rows", 40)], 1);
    postgres().psql("chunks", "insert into sig values ('c', 'resume-snapshot', null);");
    shows([("chunks_total", 3), ("chunk_rows", 20), ("tables", 0), ("table_rows", 0)], 0);
}

#[test]
fn a_table_that_does_not_exist_yet_joins_when_it_appears() {
    database("joins", "create table first (id int primary key);");
    let place = Place::new();
    place.connector("joins", &[("table.include.list", "public.first,public.later")]);
    let serve = Serve::start(binary(), &place.data(), &place.connectors());
    serve.wait_state("shop", "streaming", DEADLINE);
    postgres().psql("joins", "create table later (id int primary key); insert into later values (1);");
    let mut consume = command(["consume", "srv.public.later", "--from-beginning", "--max-messages", "1", "--data-dir"]);
    consume.arg(place.data());
    let ended = finish(consume);
    assert_eq!((ended.code, ended.out.lines().count()), (Some(0), 1), "{ended:?}");
}

#[test]
fn a_kill_and_a_restart_lose_nothing_and_repeat_nothing() {
    database("restart", "create table t (id int primary key);");
    let place = Place::new();
    place.connector("restart", &[("table.include.list", "public.t")]);
    for round in 0..3 {
        let mut serve = Serve::start(binary(), &place.data(), &place.connectors());
        serve.wait_state("shop", "streaming", DEADLINE);
        postgres().psql("restart", &format!("insert into t select generate_series({round}00, {round}99);"));
        if round == 1 {
            serve.process.kill();
        } else {
            serve.process.terminate();
            assert!(serve.process.wait(DEADLINE).is_some_and(|status| status.success()));
        }
    }
    let serve = Serve::start(binary(), &place.data(), &place.connectors());
    serve.wait_state("shop", "streaming", DEADLINE);
    let mut consume = command(["consume", "srv.public.t", "--from-beginning", "--max-messages", "300", "--data-dir"]);
    consume.arg(place.data());
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["payload"]["after"]["id"].as_i64().unwrap();
    let ids: Vec<_> = finish(consume).out.lines().map(id).collect();
    assert_eq!(ids, (0..300).collect::<Vec<_>>());
}
