//! `consume`, `tail` and `topics`, on a live and on a stopped directory.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tailwater_testkit::{Process, Serve};

use crate::support::{DEADLINE, Ended, Place, binary, command, database, finish, postgres};

/// A directory with a table of three rows, one update and one delete; the server still runs.
fn served(name: &str) -> (Place, Serve) {
    database(name, "create table t (id int primary key, v text); insert into t values (1, 'a'), (2, 'b'), (3, 'c');");
    let place = Place::new();
    place.connector(name, &[("table.include.list", "public.t")]);
    let serve = Serve::start(binary(), &place.data(), &place.connectors());
    serve.wait_state("shop", "streaming", DEADLINE);
    postgres().psql(name, "update t set v = 'B' where id = 2; delete from t where id = 1;");
    // Three rows, the update, the delete and its tombstone.
    let six = verb(&place, &["consume", "srv.public.t", "--from-beginning", "--max-messages", "6", "--json"]);
    assert_eq!((six.code, six.out.lines().count()), (Some(0), 6), "{six:?}");
    (place, serve)
}

fn verb(place: &Place, args: &[&str]) -> Ended {
    let mut command = command(args);
    command.arg("--data-dir").arg(place.data());
    finish(command)
}

fn ops(lines: &str) -> String {
    let op = |line: &str| serde_json::from_str::<Value>(line).unwrap()["payload"]["op"].as_str().unwrap().to_owned();
    lines.lines().map(op).collect()
}

#[test]
fn a_stopped_directory_reads_as_the_live_one_did() {
    let (place, mut serve) = served("both");
    let calls: [&[&str]; 6] = [
        &["consume", "srv.public.t", "--from-beginning", "--exit"],
        &["consume", "--include", ".*", "--from-beginning", "--exit", "--json"],
        &["consume", "srv.public.t", "--offset", "-2", "--exit", "--tombstones"],
        &["tail", "t", "--from-beginning", "--exit"],
        &["topics"],
        &["topics", "--json"],
    ];
    let live: Vec<_> = calls.iter().map(|call| verb(&place, call)).collect();
    serve.process.terminate();
    assert!(serve.process.wait(Duration::from_secs(6)).is_some_and(|status| status.success()));
    for (call, live) in calls.iter().zip(&live) {
        let stopped = verb(&place, call);
        assert_eq!((live.code, stopped.code), (Some(0), Some(0)), "{call:?}: {} {}", live.err, stopped.err);
        assert!(!live.out.is_empty(), "{call:?}");
        assert_eq!(live.out, stopped.out, "{call:?}");
    }
}

#[test]
fn every_form_prints_what_it_says() {
    let (place, _serve) = served("forms");
    let consume = |args: &[&str]| verb(&place, &[&["consume", "srv.public.t"], args].concat());
    assert_eq!(ops(&consume(&["--from-beginning", "--exit"]).out), "rrrud");
    assert_eq!(ops(&consume(&["--offset", "2:4"]).out), "ru");
    assert_eq!(ops(&consume(&["--offset", "+3", "--exit"]).out), "ud");
    assert_eq!(ops(&consume(&["--offset", "@-1h", "--max-messages", "1"]).out), "r");
    assert_eq!(consume(&["--offset", "end", "--exit"]).out, "");
    assert_eq!(consume(&["--offset", "-1", "--exit"]).out, "");
    assert_eq!(consume(&["--offset", "-1", "--exit", "--tombstones"]).out, "\n");

    let json = consume(&["--from-beginning", "--exit", "--json"]).out;
    let records: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 6);
    let last = &records[5];
    let names: Vec<_> = last.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["topic", "partition", "offset", "timestamp", "timestamp_type", "key", "value", "headers"]);
    assert_eq!((&last["offset"], &last["value"], &last["key"]["payload"]["id"]), (&5.into(), &Value::Null, &1.into()));

    let tail = verb(&place, &["tail", "public.t", "--offset", "3:5"]).out;
    let lines: Vec<_> = tail.lines().filter(|line| !line.starts_with("  ")).collect();
    assert_eq!(lines.len(), 2, "{tail}");
    assert!(lines[0].contains("~ public.t id=2 v=B (old values not sent"), "{tail}");
    assert!(lines[1].contains("- public.t id=1"), "{tail}");
    assert!(tail.contains("ALTER TABLE public.t REPLICA IDENTITY FULL;"), "{tail}");
    assert!(!tail.contains('\x1b'), "a pipe gets no colour");

    let unknown = verb(&place, &["consume", "srv.public.tt", "--exit"]);
    assert!(unknown.code == Some(2) && unknown.err.contains("Did you mean 'srv.public.t'?"), "{unknown:?}");
    let unknown = verb(&place, &["tail", "srv.public.tt"]);
    assert!(unknown.code == Some(2) && unknown.err.contains("Did you mean 'srv.public.t'?"), "{unknown:?}");
}

#[test]
fn a_follower_sees_changes_as_they_come_and_ends_with_its_server() {
    let (place, serve) = served("follow");
    let mut following = command(["consume", "srv.public.t", "--data-dir"]);
    following.arg(place.data());
    let mut follower = Process::spawn(&mut following);
    let mut waiting = command(["consume", "srv.public.later", "--from-beginning", "--data-dir"]);
    waiting.arg(place.data());
    let mut waiter = Process::spawn(&mut waiting);
    // Insert until the follower, which starts at the end, is seen to be there.
    let mut line = None;
    for id in 100..1000 {
        postgres().psql("follow", &format!("insert into t values ({id}, 'x');"));
        line = follower.wait_line(Duration::from_millis(100), |_| true);
        if line.is_some() {
            break;
        }
    }
    assert_eq!(ops(&line.unwrap()), "c");
    serve.process.terminate();
    for (process, words) in [(&mut follower, "ended"), (&mut waiter, "there is no topic 'srv.public.later'; waiting")] {
        let status = process.wait(Duration::from_secs(10));
        assert!(status.is_some_and(|s| s.success()), "{}", process.errors());
        assert!(process.errors().contains(words), "{}", process.errors());
    }
}

#[test]
fn a_reader_that_leaves_ends_it_quietly_and_ctrl_c_says_130() {
    let (place, _serve) = served("leave");
    let mut piped = command(["consume", "srv.public.t", "--from-beginning", "--data-dir"]);
    let mut child = piped.arg(place.data()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(ops(&first), "r");
    // The pipe is closed now; the next record finds out.
    let gone = tailwater_testkit::wait_until(DEADLINE, || {
        postgres().psql("leave", "update t set v = v || 'x' where id = 3;");
        child.try_wait().unwrap().is_some()
    });
    assert!(gone);
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap()), (Some(0), String::new()));

    let mut following = command(["consume", "srv.public.t", "--from-beginning", "--data-dir"]);
    following.arg(place.data());
    let mut follower = Process::spawn(&mut following);
    assert!(follower.wait_line(DEADLINE, |_| true).is_some());
    follower.interrupt();
    assert_eq!(follower.wait(Duration::from_secs(5)).and_then(|status| status.code()), Some(130));
}
