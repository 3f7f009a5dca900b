//! What was answered is durable, whole, and is there again after every end.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tailwater_testkit::{Random, send, wait_until};

use crate::support::{DEADLINE, Server};

fn sink(folder: &str, round: u64) -> Value {
    json!({
        "connector.class": "io.confluent.connect.s3.S3SinkConnector",
        "topics": "nothing",
        "store.url": format!("file://{folder}"),
        "flush.size": "1",
        "a.round": round.to_string(),
        "b.round": round.to_string(),
        "long": "x".repeat(20_000),
        "z.round": round.to_string(),
    })
}

#[test]
fn a_killed_process_leaves_the_last_complete_configuration_and_never_half_of_one() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("files");
    std::fs::create_dir(&folder).unwrap();
    let folder = folder.to_str().unwrap();
    let mut random = Random::new(7);
    // What was answered last, by connector: its round, or none when it was deleted.
    let mut answered: [Option<u64>; 3] = [None; 3];
    let mut round = 0;
    for _ in 0..12 {
        let mut server = Server::start(&dir.path().join("data"));
        // Whatever was answered before the kill is there; what was not yet answered may be there, whole.
        let mut open: [Option<Option<u64>>; 3] = [None; 3];
        let rest = server.rest.clone();
        let killed = AtomicBool::new(false);
        let kill_after = 1 + random.below(12);
        std::thread::scope(|scope| {
            let work = scope.spawn(|| {
                let mut done = 0;
                while !killed.load(Ordering::SeqCst) {
                    round += 1;
                    let at = random.below(3) as usize;
                    let delete = random.below(4) == 0;
                    let (method, path, body, wanted) = match (delete, answered[at]) {
                        (true, Some(_)) => ("DELETE", format!("/connectors/c{at}"), String::new(), None),
                        (_, None) => {
                            let post = json!({"name": format!("c{at}"), "initial_state": "STOPPED", "config": sink(folder, round)});
                            ("POST", "/connectors".into(), post.to_string(), Some(round))
                        }
                        _ => ("PUT", format!("/connectors/c{at}/config"), sink(folder, round).to_string(), Some(round)),
                    };
                    open[at] = Some(wanted);
                    let Ok((status, _, body)) = send(&rest, method, &path, "Content-Type: application/json\r\n", &body) else { break };
                    assert!(status < 300, "{method} {path}: {status} {body}");
                    answered[at] = wanted;
                    open[at] = None;
                    done += 1;
                    if done == kill_after {
                        break;
                    }
                }
            });
            // Killed while the last request may be under way.
            let early = random_kill(kill_after);
            // Either way it is killed now.
            let _ = wait_until(early, || work.is_finished());
            server.process.kill();
            killed.store(true, Ordering::SeqCst);
        });
        let again = Server::start(&dir.path().join("data"));
        for at in 0..3 {
            let got = again.ask("GET", &format!("/connectors/c{at}/config"), "");
            let found = (got.status == 200).then(|| got.body["a.round"].as_str().unwrap().parse::<u64>().unwrap());
            let allowed = found == answered[at] || open[at] == Some(found);
            assert!(allowed, "c{at}: {found:?}, but {:?} was answered and {:?} was open", answered[at], open[at]);
            if let Some(round) = found {
                for part in ["b.round", "z.round"] {
                    assert_eq!(got.body[part], json!(round.to_string()), "c{at} is made of two");
                }
                assert_eq!(got.body["long"].as_str().unwrap().len(), 20_000);
                assert_eq!(again.get(&format!("/connectors/c{at}/status"))["connector"]["state"], "STOPPED");
            }
            answered[at] = found;
        }
    }
    assert!(round > 20, "too few requests: {round}");
}

#[test]
fn a_killed_process_leaves_the_last_target_state() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("files");
    std::fs::create_dir(&folder).unwrap();
    let mut random = Random::new(11);
    let config = sink(folder.to_str().unwrap(), 1);
    let mut answered = "RUNNING";
    let first = Server::start(&dir.path().join("data"));
    let post = json!({"name": "c", "config": config}).to_string();
    assert_eq!(first.ask("POST", "/connectors", &post).status, 201);
    drop(first);
    for _ in 0..10 {
        let mut server = Server::start(&dir.path().join("data"));
        let rest = server.rest.clone();
        let requests = 1 + random.below(8);
        let mut open = None;
        std::thread::scope(|scope| {
            let work = scope.spawn(|| {
                for _ in 0..requests {
                    let (verb, state) =
                        [("pause", "PAUSED"), ("resume", "RUNNING"), ("stop", "STOPPED")][random.below(3) as usize];
                    open = Some(state);
                    let put = send(&rest, "PUT", &format!("/connectors/c/{verb}"), "", "");
                    let Ok((status, _, body)) = put else { return };
                    assert!(status < 300, "{verb}: {status} {body}");
                    (answered, open) = (state, None);
                }
            });
            let early = random_kill(requests);
            let _ = wait_until(early, || work.is_finished());
            server.process.kill();
        });
        let again = Server::start(&dir.path().join("data"));
        let found = again.get("/connectors/c/status")["connector"]["state"].clone();
        let state = ["RUNNING", "PAUSED", "STOPPED"].into_iter().find(|state| found == json!(state)).unwrap();
        assert!(state == answered || Some(state) == open, "{state}, but {answered} was answered and {open:?} was open");
        answered = state;
    }
}

fn random_kill(requests: u64) -> std::time::Duration {
    std::time::Duration::from_millis(3 * requests)
}

#[test]
fn a_thousand_connectors_are_made_listed_and_deleted_and_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("files");
    std::fs::create_dir(&folder).unwrap();
    let mut config = sink(folder.to_str().unwrap(), 1);
    config["long"] = json!("");
    let mut server = Server::start(&dir.path().join("data"));
    for n in 0..1000 {
        // Every tenth runs.
        let state = if n % 10 == 0 { "RUNNING" } else { "STOPPED" };
        let post = json!({"name": format!("c{n:04}"), "initial_state": state, "config": config});
        let answer = server.ask("POST", "/connectors", &post.to_string());
        assert_eq!(answer.status, 201, "{n}: {answer:?}");
    }
    let more = json!({"name": "more", "config": config}).to_string();
    assert_eq!(server.ask("POST", "/connectors", &more).status, 400);
    server.wait_task("c0990", "RUNNING");
    assert_eq!(server.get("/connectors").as_array().unwrap().len(), 1000);
    let expanded = server.get("/connectors?expand=status&expand=info");
    assert_eq!(expanded["c0999"]["status"]["connector"]["state"], "STOPPED");
    server.process.kill();
    let server = Server::start(&dir.path().join("data"));
    assert_eq!(server.get("/connectors").as_array().unwrap().len(), 1000);
    server.wait_task("c0990", "RUNNING");
    for n in 0..1000 {
        assert_eq!(server.ask("DELETE", &format!("/connectors/c{n:04}"), "").status, 204, "{n}");
    }
    assert_eq!(server.get("/connectors"), json!([]));
    let gone = wait_until(DEADLINE, || server.ask("POST", "/connectors", &more).status == 201);
    assert!(gone);
}

#[test]
fn target_states_and_files_survive_a_restart_and_what_rest_did_later_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (connectors, folder) = (dir.path().join("connectors"), dir.path().join("files"));
    for made in [&connectors, &folder] {
        std::fs::create_dir(made).unwrap();
    }
    let file = connectors.join("f.json");
    let config = sink(folder.to_str().unwrap(), 1);
    std::fs::write(&file, json!({"name": "f", "config": config}).to_string()).unwrap();
    let start = || Server::with(&dir.path().join("data"), &["--connectors".as_ref(), connectors.as_os_str()]);
    let mut server = start();
    server.wait_task("f", "RUNNING");
    // The file was applied; REST says otherwise later, and that stays.
    assert_eq!(server.ask("PUT", "/connectors/f/pause", "").status, 202);
    assert_eq!(server.ask("PATCH", "/connectors/f/config", r#"{"a.round":"2"}"#).status, 200);
    server.process.kill();
    let mut server = start();
    let state = |server: &Server| server.get("/connectors/f/status")["connector"]["state"].clone();
    assert_eq!((state(&server), &server.get("/connectors/f/config")["a.round"]), (json!("PAUSED"), &json!("2")));
    server.process.kill();
    // The file differs now: it counts.
    std::fs::write(&file, json!({"name": "f", "config": sink(folder.to_str().unwrap(), 3)}).to_string()).unwrap();
    let mut server = start();
    server.wait_task("f", "RUNNING");
    assert_eq!(server.get("/connectors/f/config")["a.round"], "3");
    server.process.kill();
    // Gone while nobody looked: the connector stops, and is still there.
    std::fs::remove_file(&file).unwrap();
    let server = start();
    assert_eq!((state(&server), server.get("/connectors")), (json!("STOPPED"), json!(["f"])));
}
