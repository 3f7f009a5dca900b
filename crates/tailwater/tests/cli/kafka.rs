//! The verbs that speak to Kafka brokers, against the listener of `serve`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use tailwater_testkit::{Process, wait_until};
use tailwater_wire::api::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use tailwater_wire::api::offset_commit::{OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use tailwater_wire::api::{Request, read_response, request_frame};

use crate::support::{DEADLINE, Ended, Place, command, database, finish, postgres, run};

/// `serve` with its Kafka face alone, and its address.
fn serve(place: &Place) -> (Process, String) {
    serve_with(place, &[])
}

fn serve_with(place: &Place, flags: &[&str]) -> (Process, String) {
    let mut serve = command(["serve", "--http", "off", "--kafka", "127.0.0.1:0", "--json", "--data-dir"]);
    serve.arg(place.data()).args(flags);
    let process = Process::spawn(&mut serve);
    let line = process.wait_line(DEADLINE, |_| true).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    (process, ready["kafka"].as_str().unwrap().to_owned())
}

/// Produces what a shell writes.
pub fn produce(place: &Place, input: &str, args: &[&str]) -> Ended {
    let path: PathBuf = place.dir.path().join("input");
    std::fs::write(&path, input).unwrap();
    let mut shell = std::process::Command::new("sh");
    shell.env_clear().args(["-c", "binary=$1; input=$2; shift 2; exec \"$binary\" produce \"$@\" < \"$input\"", "sh"]);
    shell.arg(crate::support::binary()).arg(path).args(args).stdin(Stdio::null());
    finish(shell)
}

#[test]
fn what_is_produced_is_listed_consumed_and_found_by_its_offsets() {
    let place = Place::new();
    let (_serve, at) = serve(&place);
    let ended = produce(&place, "a:1\nb:2\nc:\n", &["t", "-b", &at, "-K", ":", "-H", "from=test", "-z", "zstd", "-Z"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), "3 records in t\n"), "{ended:?}");
    let ended = produce(&place, "4", &["t", "-b", &at, "--json"]);
    let told: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((&told["topic"], &told["offset"], &told["records"]), (&"t".into(), &3.into(), &1.into()));

    let listed = run(["topics", "-b", &at, "--json"]);
    let topics: Value = serde_json::from_str(&listed.out).unwrap();
    assert_eq!((&topics[0]["name"], &topics[0]["partitions"][0]["high_watermark"]), (&"t".into(), &4.into()));
    assert!(topics[0]["partitions"][0]["bytes"].as_u64().unwrap() > 0);
    // The same from the directory of the running server.
    let directory = place.data().display().to_string();
    assert_eq!(run(["topics", "--data-dir", &directory, "--json"]).out, listed.out);

    let consume = |args: &[&str]| run(["consume", "t", "-b", &at, "--exit"].iter().chain(args)).out;
    assert_eq!(consume(&["--from-beginning"]), "1\n2\n4\n");
    assert_eq!(consume(&["-o", "-2", "--tombstones"]), "\n4\n");
    assert_eq!(consume(&["-o", "1:2"]), "2\n");
    assert_eq!(consume(&["-o", "s@0", "-o", "e@1"]), "");
    assert_eq!(consume(&["-o", "@-1h:1h"]), "1\n2\n4\n");
    let first: Value = serde_json::from_str(consume(&["-o", "start", "-n", "1", "--json"]).trim()).unwrap();
    assert_eq!((&first["key"], &first["value"]), (&"a".into(), &1.into()));
    assert_eq!(first["headers"], serde_json::json!([{"key": "from", "value": "test"}]));
    assert_eq!(
        run(["tail", "t", "-b", &at, "--from-beginning", "--exit"]).out.lines().count(),
        3,
        "a tombstone is no line"
    );
}

#[test]
fn a_brokers_name_of_a_container_network_is_told_how_to_be_an_alias_and_then_leads_there() {
    let place = Place::new();
    let (_serve, at) = serve(&place);
    assert_eq!(produce(&place, "1\n2\n", &["t", "-b", &at]).code, Some(0));
    let ended = run(["topics", "-b", "tailwater-kafka:9092"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.err.contains("[BROKER_UNREACHABLE]"), "{ended:?}");
    assert!(ended.err.contains("--alias tailwater-kafka=127.0.0.1:9092"), "{ended:?}");
    let flag = format!("tailwater-kafka={at}");
    let alias = ["t", "-b", "tailwater-kafka:9092", "--alias", &flag];
    let ended = run(["consume", "--from-beginning", "--exit"].iter().chain(&alias));
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "1\n2\n"), "{ended:?}");
    assert_eq!(produce(&place, "3\n", &alias).code, Some(0));
}

/// Sends one request and reads its answer, as a client does that speaks no more than that.
fn ask<R: Request>(at: &str, version: i16, request: &R) -> R::Response {
    let version = R::KEY.version(version).unwrap();
    let mut socket = TcpStream::connect(at).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.write_all(&request_frame(version, 1, "test", request).unwrap().into_bytes()).unwrap();
    let mut length = [0; 4];
    socket.read_exact(&mut length).unwrap();
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    socket.read_exact(&mut frame).unwrap();
    read_response::<R>(frame.into(), version).unwrap().1
}

/// Commits offset 1 of a topic for a group, as a client does that is not a member.
fn commit(at: &str, group: &str, topic: &str) {
    let partition = OffsetCommitRequestPartition { committed_offset: 1, ..OffsetCommitRequestPartition::default() };
    let topic = OffsetCommitRequestTopic { name: topic.into(), partitions: vec![partition] };
    let request = OffsetCommitRequest { group_id: group.into(), topics: vec![topic], ..OffsetCommitRequest::default() };
    let answer = ask(at, 2, &request);
    assert!(answer.topics[0].partitions[0].error_code.is_none(), "{answer:?}");
}

#[test]
fn groups_are_told_with_how_far_they_have_read() {
    let place = Place::new();
    let (_serve, at) = serve(&place);
    let none = run(["groups", "-b", &at]);
    assert_eq!((none.code, none.out.as_str(), none.err.as_str()), (Some(0), "", "no groups yet\n"));
    assert_eq!(produce(&place, "1\n2\n3\n", &["t", "-b", &at]).code, Some(0));
    commit(&at, "billing", "t");
    let all: Value = serde_json::from_str(&run(["groups", "-b", &at, "--json"]).out).unwrap();
    assert_eq!((&all[0]["name"], &all[0]["state"], &all[0]["lag"]), (&"billing".into(), &"Empty".into(), &2.into()));
    let one = run(["groups", "billing", "-b", &at]).out;
    assert_eq!(one.lines().last().unwrap().split_whitespace().collect::<Vec<_>>(), ["t", "0", "1", "3", "2"]);
    let stored = run(["consume", "t", "-o", "stored", "--group", "billing", "-b", &at, "--exit"]);
    assert_eq!(stored.out, "2\n3\n");
    let unknown = run(["consume", "t", "-o", "stored", "-b", &at, "--exit"]);
    assert!(unknown.err.contains("[GROUP_MISSING]") && unknown.err.contains("--group NAME"), "{unknown:?}");
}

#[test]
fn settings_under_a_brokers_names_count_and_are_shown() {
    let place = Place::new();
    let file = place.dir.path().join("tailwater.toml");
    let serve = |text: &str| {
        std::fs::write(
            &file,
            format!("http = \"off\"\nkafka = \"127.0.0.1:0\"\ndata-dir = \"data\"\n[kafka-broker]\n{text}"),
        )
        .unwrap();
        let mut serve = command(["serve", "--json", "--config"]);
        serve.arg(&file);
        serve
    };
    let refused = finish(serve("num.partitions = 0\nlog.retention.ms = 1\ngroup.max.sise = 2\n"));
    assert_eq!(refused.code, Some(2));
    for code in ["SETTING_INVALID", "SETTING_ELSEWHERE", "SETTING_UNKNOWN"] {
        assert!(refused.err.contains(code), "{code}: {}", refused.err);
    }
    let settings = "num.partitions = 4\nauto.create.topics.enable = false\ngroup.initial.rebalance.delay.ms = 77\n\
                    group.max.session.timeout.ms = 60000\noffsets.retention.minutes = 5\n";
    let process = Process::spawn(&mut serve(settings));
    let ready: Value = serde_json::from_str(&process.wait_line(DEADLINE, |_| true).unwrap()).unwrap();
    let at = ready["kafka"].as_str().unwrap();
    let broker = DescribeConfigsResource { resource_type: 4, resource_name: "1".into(), configuration_keys: None };
    let request = DescribeConfigsRequest { resources: vec![broker], ..DescribeConfigsRequest::default() };
    let shown = ask(at, 1, &request).results.remove(0).configs;
    let value = |name: &str| shown.iter().find(|one| one.name == name).unwrap().value.clone().unwrap();
    for (name, expected) in [
        ("num.partitions", "4"),
        ("auto.create.topics.enable", "false"),
        ("group.initial.rebalance.delay.ms", "77"),
        ("group.min.session.timeout.ms", "6000"),
        ("group.max.session.timeout.ms", "60000"),
        ("offsets.retention.minutes", "5"),
    ] {
        assert_eq!(value(name), expected, "{name}");
    }
    assert!(produce(&place, "1\n", &["t", "-b", at]).err.contains("[TOPIC_UNKNOWN]"));
}

/// Writes, reads from where a group is, and lists groups, all of it by the directory alone.
fn lives_by_its_directory(place: &Place, expected: &str) {
    let directory = place.data().display().to_string();
    let by = ["--data-dir", &directory];
    let ended = produce(place, "4\n", &["t", by[0], by[1]]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), "1 records in t\n"), "{ended:?}");
    let stored = ["consume", "t", "-o", "stored", "--group", "billing", "--exit"];
    let stored = run(stored.iter().chain(&by));
    assert_eq!((stored.code, stored.out.as_str()), (Some(0), expected), "{stored:?}");
    let groups: Value = serde_json::from_str(&run(["groups", "--json"].iter().chain(&by)).out).unwrap();
    assert_eq!((&groups[0]["name"], &groups[0]["lag"]), (&"billing".into(), &expected.lines().count().into()));
}

#[test]
fn a_directory_is_written_and_its_groups_are_read_with_and_without_a_server() {
    let place = Place::new();
    let (mut served, at) = serve(&place);
    assert_eq!(produce(&place, "1\n2\n3\n", &["t", "-b", &at]).code, Some(0));
    commit(&at, "billing", "t");
    lives_by_its_directory(&place, "2\n3\n4\n");
    served.interrupt();
    assert!(served.wait(DEADLINE).is_some_and(|status| status.success()));
    lives_by_its_directory(&place, "2\n3\n4\n4\n");

    // Who holds the directory need not log in; a Kafka face there must be.
    let (mut guarded, _) = serve_with(&place, &["--kafka-authentication"]);
    lives_by_its_directory(&place, "2\n3\n4\n4\n4\n");
    guarded.interrupt();
    assert!(guarded.wait(DEADLINE).is_some_and(|status| status.success()));
    let mut off = command(["serve", "--http", "off", "--kafka", "off", "--json", "--data-dir"]);
    let off = Process::spawn(off.arg(place.data()));
    assert!(off.wait_line(DEADLINE, |_| true).is_some());
    let directory = place.data().display().to_string();
    assert!(run(["groups", "--data-dir", &directory]).err.contains("[KAFKA_OFF]"));
    let missing = produce(&place, "1\n", &["t", "--data-dir", "/no/such/directory"]);
    assert!(missing.code == Some(2) && missing.err.contains("[DATA_DIR_MISSING]"), "{missing:?}");
}

#[test]
fn a_broker_that_is_not_there_is_named() {
    let free = tailwater_testkit::free_port();
    let nowhere = format!("127.0.0.1:{free}");
    for args in [&["topics", "-b"][..], &["consume", "t", "-b"], &["groups", "-b"], &["produce", "t", "-b"]] {
        let ended = run(args.iter().chain([&nowhere.as_str()]));
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.err.contains("[BROKER_UNREACHABLE]") && ended.err.contains(&nowhere), "{}", ended.err);
    }
}

#[test]
fn changes_of_a_database_are_the_same_over_the_listener_and_from_the_directory() {
    database("listener", "create table t (id int primary key, v text); insert into t values (1, 'a'), (2, 'b');");
    let place = Place::new();
    place.connector("listener", &[("table.include.list", "public.t")]);
    let mut serve = command(["serve", "--http", "off", "--kafka", "127.0.0.1:0", "--json", "--data-dir"]);
    serve.arg(place.data()).arg("--connectors").arg(place.connectors());
    let process = Process::spawn(&mut serve);
    let ready: Value = serde_json::from_str(&process.wait_line(DEADLINE, |_| true).unwrap()).unwrap();
    let at = ready["kafka"].as_str().unwrap();
    let read =
        |from: &[&str]| run(["consume", "srv.public.t", "--from-beginning", "-e", "--json"].iter().chain(from)).out;
    let has = |rows: usize| wait_until(DEADLINE, || read(&["-b", at]).lines().count() == rows);
    assert!(has(2), "{}", process.errors());
    postgres().psql("listener", "update t set v = 'c' where id = 1; delete from t where id = 2;");
    // The update, the deletion and its tombstone.
    assert!(has(5), "{}", read(&["-b", at]));
    assert_eq!(read(&["-b", at]), read(&["--data-dir", &place.data().display().to_string()]));
}
