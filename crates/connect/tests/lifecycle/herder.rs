//! What several people ask of the same connectors, what fails meanwhile, and what stays secret.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tailwater_connect::directory::Directory;
use tailwater_connect::herder::{Refusal, Target, Typed};
use tailwater_connect::{Herder, Secrets};
use tailwater_connector::{Offset, Transport};
use tailwater_testkit::Random;

use crate::fake::{Remembering, eventually, herder_over, herder_with};

fn typed(pairs: &[(&str, &str)]) -> Typed {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect()
}

fn source(more: &[(&str, &str)]) -> Typed {
    typed(&[&[("connector.class", "test.Source"), ("script", "stream")], more].concat())
}

fn code(result: Result<impl Sized, Refusal>) -> u16 {
    result.err().map_or(200, |refusal| refusal.status)
}

/// Every connector: its configuration and its state.
fn all(herder: &Herder) -> BTreeMap<String, (Option<String>, String)> {
    let one = |name: String| {
        let state = herder.status(&name).unwrap().connector.state.to_owned();
        (name.clone(), (herder.config(&name).unwrap().get("idle").map(str::to_owned), state))
    };
    herder.names().into_iter().map(one).collect()
}

#[test]
fn what_is_shown_is_what_is_durable_however_many_change_it() {
    let transport = Arc::new(Remembering::default());
    let (herder, _, _) = herder_over(transport.clone());
    std::thread::scope(|scope| {
        for seed in 0..6 {
            let herder = &herder;
            scope.spawn(move || {
                let mut random = Random::new(seed);
                for round in 0..150 {
                    let name = format!("c{}", random.below(2));
                    let round = format!("{seed}-{round}");
                    // Refusals are part of it: others were there first.
                    let _ = match random.below(6) {
                        0 => code(herder.create(&name, source(&[("idle", &round)]), Target::Stopped)),
                        1 => code(herder.delete(&name)),
                        2 => code(herder.set_target(&name, Target::Paused)),
                        3 => code(herder.set_target(&name, Target::Stopped)),
                        4 => code(herder.restart(&name, true, false)),
                        _ => code(herder.put_config(&name, source(&[("idle", &round)]))),
                    };
                }
            });
        }
    });
    let (again, _, _) = herder_over(transport);
    assert_eq!(all(&herder), all(&again));
}

#[test]
fn patches_at_the_same_time_are_all_kept() {
    let (herder, _, _) = herder_over(Arc::new(Remembering::default()));
    herder.create("c", source(&[]), Target::Stopped).unwrap();
    std::thread::scope(|scope| {
        for property in ["a", "b", "d"] {
            let herder = &herder;
            scope.spawn(move || {
                for round in 1..=30 {
                    let patch = typed(&[(property, &round.to_string())]);
                    // Asked again by who is told so.
                    eventually("a patch", || code(herder.patch_config("c", &patch)) == 200);
                }
            });
        }
    });
    let config = herder.config("c").unwrap();
    assert_eq!(["a", "b", "d"].map(|name| config.text(name).to_owned()), ["30", "30", "30"].map(str::to_owned));
}

#[test]
fn a_put_that_meets_another_of_the_same_name_is_no_conflict() {
    let (herder, _, _) = herder_over(Arc::new(Remembering::default()));
    for round in 0..20 {
        let name = format!("c{round}");
        let put = || code(herder.put_config(&name, source(&[])));
        let codes: Vec<u16> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(put)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(codes, [200; 3]);
    }
}

#[test]
fn what_was_refused_without_space_does_not_come_true_later() {
    let transport = Arc::new(Remembering::default());
    let (herder, _, _) = herder_over(transport.clone());
    herder.create("old", source(&[("idle", "1")]), Target::Stopped).unwrap();
    transport.full.store(true, Ordering::SeqCst);
    let refused = herder.create("new", source(&[]), Target::Stopped).unwrap_err();
    assert!(refused.status == 500 && refused.message.contains("PAUSED_DISK"), "{refused:?}");
    assert_eq!(code(herder.put_config("old", source(&[("idle", "2")]))), 500);
    assert_eq!(code(herder.set_target("old", Target::Paused)), 500);
    let shown = all(&herder);
    assert_eq!(shown, [("old".into(), (Some("1".into()), "STOPPED".into()))].into());
    transport.free();
    let (again, _, _) = herder_over(transport.clone());
    assert_eq!(all(&again), shown);
    // The next change finds everything as it is shown.
    assert_eq!(code(herder.create("new", source(&[]), Target::Stopped)), 200);
    let (again, _, _) = herder_over(transport);
    assert_eq!(all(&again), all(&herder));
}

#[test]
fn what_cannot_be_read_back_is_named_harms_no_other_and_is_mended_by_a_configuration() {
    let transport = Arc::new(Remembering::default());
    let (herder, _, _) = herder_over(transport.clone());
    for name in ["bad", "good", "odd"] {
        herder.create(name, source(&[]), Target::Stopped).unwrap();
    }
    drop(herder);
    transport.put_entries("", &[("config/bad", b"{\"a\":1}"), ("target/odd", b"\"SLEEPING\"")]).unwrap();
    let (herder, _, _) = herder_over(transport.clone());
    for name in ["bad", "odd"] {
        let status = herder.status(name).unwrap().connector;
        assert_eq!(status.state, "FAILED");
        assert!(status.trace.as_deref().is_some_and(|trace| trace.starts_with("CONNECTOR_UNREADABLE")), "{status:?}");
    }
    assert_eq!(herder.status("good").unwrap().connector.state, "STOPPED");
    assert_eq!(code(herder.put_config("bad", source(&[]))), 200);
    eventually("the run", || {
        herder.status("bad").unwrap().tasks.first().is_some_and(|task| task.state.state == "RUNNING")
    });
    assert_eq!(code(herder.delete("odd")), 200);
    let (again, _, _) = herder_over(transport);
    assert_eq!(again.names(), ["bad", "good"]);
}

#[test]
fn what_cannot_be_read_back_outlives_a_faulty_file_of_its_name_and_what_is_kept_for_it_stays() {
    let transport = Arc::new(Remembering::default());
    herder_over(transport.clone()).0.create("bad", source(&[]), Target::Stopped).unwrap();
    transport.put_entries("", &[("config/bad", b"{\"a\":1}")]).unwrap();
    transport.kept_for.lock().unwrap().insert("bad".to_owned());
    let (herder, _, _) = herder_over(transport.clone());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bad.json");
    std::fs::write(&file, "{").unwrap();
    let mut directory = Directory::new(dir.path());
    directory.rescan(&herder).unwrap();
    std::fs::remove_file(file).unwrap();
    directory.rescan(&herder).unwrap();
    let status = herder.status("bad").unwrap().connector;
    assert!(status.trace.as_deref().is_some_and(|trace| trace.starts_with("CONNECTOR_UNREADABLE")), "{status:?}");
    assert!(transport.kept_for.lock().unwrap().contains("bad"));
}

#[test]
fn a_connector_of_a_file_that_was_deleted_stays_deleted_until_the_file_has_another_content_or_comes_again() {
    let transport = Arc::new(Remembering::default());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c.json");
    let text = r#"{"name":"c","config":{"connector.class":"test.Source","script":"stream"}}"#;
    let started = || {
        let (herder, _, _) = herder_over(transport.clone());
        let mut directory = Directory::new(dir.path());
        directory.rescan(&herder).unwrap();
        (herder, directory)
    };
    std::fs::write(&file, text).unwrap();
    let (herder, mut directory) = started();
    assert_eq!(code(herder.delete("c")), 200);
    directory.rescan(&herder).unwrap();
    assert!(herder.names().is_empty());
    let (herder, mut directory) = started();
    assert!(herder.names().is_empty(), "the file says what it said before");
    std::fs::write(&file, format!("{text}\n")).unwrap();
    directory.rescan(&herder).unwrap();
    assert_eq!(herder.names(), ["c"]);
    assert_eq!(code(herder.delete("c")), 200);
    std::fs::remove_file(&file).unwrap();
    let (herder, mut directory) = started();
    std::fs::write(&file, format!("{text}\n")).unwrap();
    directory.rescan(&herder).unwrap();
    assert_eq!(herder.names(), ["c"]);
}

#[test]
fn nothing_is_kept_for_connectors_that_are_none_any_more() {
    let transport = Arc::new(Remembering::default());
    let kept = || transport.kept_for.lock().unwrap().iter().cloned().collect::<Vec<_>>();
    let (herder, _, _) = herder_over(transport.clone());
    herder.create("runs", source(&[]), Target::Running).unwrap();
    herder.create("stopped", source(&[]), Target::Stopped).unwrap();
    transport.kept_for.lock().unwrap().extend(["deleted in an earlier life", "runs", "stopped"].map(str::to_owned));
    herder.set_target("runs", Target::Paused).unwrap();
    eventually("the first", || kept() == ["runs", "stopped"]);
    herder.delete("stopped").unwrap();
    eventually("the second", || kept() == ["runs"]);
    herder.delete("runs").unwrap();
    eventually("the last", || kept().is_empty());
}

#[test]
fn a_connector_whose_offsets_are_being_changed_starts_afterwards() {
    let (herder, _, journal) = herder_over(Arc::new(Remembering::default()));
    let note = |what: &str| journal.lock().unwrap().iter().any(|noted| noted == what);
    herder.create("c", source(&[]), Target::Stopped).unwrap();
    let offsets = [Offset { partition: serde_json::Map::new(), offset: None }];
    std::thread::scope(|scope| {
        let altering = scope.spawn(|| code(herder.alter_offsets("c", &offsets)));
        eventually("the change", || note("c alters"));
        assert_eq!(code(herder.reset_offsets("c")), 409);
        assert_eq!(code(herder.set_target("c", Target::Running)), 200);
        // Nor does one of the same name that is made anew.
        assert_eq!((code(herder.delete("c")), code(herder.create("c", source(&[]), Target::Running))), (200, 200));
        journal.lock().unwrap().push("c may end".into());
        assert_eq!(altering.join().unwrap(), 200);
    });
    eventually("the run", || note("c begins"));
    let noted = journal.lock().unwrap().clone();
    assert_eq!(noted, ["c alters", "c may end", "c altered", "c begins"]);
}

#[test]
fn a_plugin_that_breaks_over_a_configuration_harms_no_other_connector() {
    let transport = Arc::new(Remembering::default());
    let (herder, _, _) = herder_over(transport.clone());
    herder.create("a", source(&[]), Target::Stopped).unwrap();
    herder.create("b", source(&[]), Target::Running).unwrap();
    drop(herder);
    let broken = json!({"name": "a", "connector.class": "test.Source", "script": "break"}).to_string();
    transport.put_entries("", &[("config/a", broken.as_bytes()), ("target/a", b"\"RUNNING\"")]).unwrap();
    let (herder, _, _) = herder_over(transport);
    let task = |name: &str| herder.status(name).unwrap().tasks[0].state.clone();
    eventually("the other", || task("b").state == "RUNNING");
    assert!(task("a").state == "FAILED" && task("a").trace.unwrap().starts_with("INTERNAL"));
}

#[test]
fn a_stored_secret_goes_nowhere_else_unless_it_is_given_again() {
    let (herder, _, _) = herder_over(Arc::new(Remembering::default()));
    herder.create("c", source(&[("host", "a"), ("pw", "s3cret")]), Target::Stopped).unwrap();
    let elsewhere = [("host", "evil"), ("pw", "[hidden]")];
    let refused = herder.put_config("c", source(&elsewhere)).unwrap_err();
    assert!(
        refused.status == 400 && refused.message.contains("'pw'") && refused.message.contains("'host'"),
        "{refused:?}"
    );
    assert!(!refused.message.contains("s3cret"));
    let patch = |pairs: &[(&str, &str)]| code(herder.patch_config("c", &typed(pairs)));
    assert_eq!((patch(&[("host", "evil")]), patch(&elsewhere)), (400, 400));
    let asked = typed(&[&[("name", "c")], &elsewhere[..]].concat());
    let asked = source(&[]).into_iter().chain(asked).filter_map(|(name, value)| Some((name, value?))).collect();
    let validated = serde_json::to_value(herder.validate("test.Source", &asked).unwrap()).unwrap();
    let found = validated["configs"].as_array().unwrap().iter().find(|found| found["value"]["name"] == "pw").unwrap();
    assert!(found["value"]["errors"][0].as_str().is_some_and(|error| error.contains("'host'")), "{found}");
    // Given again it may go; and where it was, the mask stands for it.
    assert_eq!(patch(&[("host", "b"), ("pw", "s3cret")]), 200);
    assert_eq!(code(herder.put_config("c", source(&[("host", "b"), ("pw", "[hidden]"), ("idle", "x")]))), 200);
    assert_eq!(herder.config("c").unwrap().get("pw"), Some("[hidden]"));
}

#[test]
fn files_are_touched_where_it_is_allowed_or_where_a_connectors_own_file_says() {
    let dir = tempfile::tempdir().unwrap();
    let (allowed, own) = (dir.path().join("allowed"), dir.path().join("own"));
    for made in [&allowed, &own] {
        std::fs::create_dir(made).unwrap();
    }
    std::os::unix::fs::symlink("/etc", allowed.join("out")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("nowhere"), allowed.join("dangling")).unwrap();
    let secrets = || Secrets::new(Box::new(|_| None)).allow([allowed.clone()]).connectors(Some(own.clone()));
    let transport = Arc::new(Remembering::default());
    let (herder, _, _) = herder_with(transport.clone(), secrets());
    let make = |name: &str, file: &Path| {
        code(herder.create(name, source(&[("file", &file.display().to_string())]), Target::Running))
    };
    for (name, path, expected) in [
        ("a", allowed.join("there"), 200),
        ("b", allowed.join("not/yet/there"), 200),
        ("d", own.join("x"), 400),
        ("e", allowed.join("../own/x"), 400),
        ("f", allowed.join("out/passwd"), 400),
        ("g", allowed.join("dangling"), 400),
        ("h", Path::new("relative").to_owned(), 400),
    ] {
        assert_eq!(make(name, &path), expected, "{}", path.display());
    }
    let refused = herder.create("c", source(&[("file", "/etc/x")]), Target::Running).unwrap_err();
    assert!(
        refused.message.contains("'file'") && refused.message.contains("--connect-files-allowed '/etc'"),
        "{refused:?}"
    );

    // What the operator's own file says goes, and stays when others change something else.
    let file = json!({"name": "own", "config": {"connector.class": "test.Source", "script": "stream", "host": "a",
        "file": own.join("x"), "pw": "${file:k.secret:pw}"}});
    std::fs::write(own.join("own.json"), file.to_string()).unwrap();
    let mut directory = Directory::new(&own);
    directory.rescan(&herder).unwrap();
    let state = |herder: &Herder| herder.status("own").map(|status| status.connector.state);
    assert_eq!(state(&herder).unwrap(), "FAILED");
    // A restart hides nothing, and what was missing is seen when it comes.
    herder.restart("own", true, false).unwrap();
    directory.rescan(&herder).unwrap();
    assert!(herder.status("own").unwrap().connector.trace.is_some_and(|trace| trace.starts_with("PLACEHOLDER")));
    std::fs::write(own.join("k.secret"), "pw=s3cret\n").unwrap();
    eventually("the file's connector", || {
        directory.rescan(&herder).unwrap();
        state(&herder).unwrap() == "RUNNING"
    });
    let patch = |pairs: &[(&str, &str)]| code(herder.patch_config("own", &typed(pairs)));
    assert_eq!(patch(&[("idle", "x")]), 200);
    assert_eq!(patch(&[("file", "/etc/passwd")]), 400);
    assert_eq!(patch(&[("host", "evil")]), 400, "its secrets would go there");

    // Without the leave of before, what was made under it fails.
    let (later, _, _) = herder_with(transport, Secrets::new(Box::new(|_| None)).connectors(Some(own)));
    let task = later.status("a").unwrap().tasks[0].state.clone();
    assert!(task.state == "FAILED" && task.trace.as_deref().unwrap().starts_with("FILE_FORBIDDEN"), "{task:?}");
}

#[test]
fn a_class_that_came_of_a_placeholder_is_told_as_the_placeholder_when_there_is_none_such() {
    let class = Arc::new(Mutex::new("s3cret.Class"));
    let now = Arc::clone(&class);
    let secrets = Secrets::new(Box::new(move |_| Some((*now.lock().unwrap()).to_owned())));
    let (herder, _, _) = herder_with(Arc::new(Remembering::default()), secrets);
    let dir = tempfile::tempdir().unwrap();
    let file = json!({"name": "c", "config": {"connector.class": "${env:CLASS}", "script": "stream"}});
    std::fs::write(dir.path().join("c.json"), file.to_string()).unwrap();
    let mut directory = Directory::new(dir.path());
    let told = || {
        let status = format!("{:?}", herder.status("c"));
        assert!(!status.contains("s3cret"), "{status}");
        status.contains("CONNECTOR_CLASS_UNKNOWN") && status.contains("'${env:CLASS}'")
    };
    let mut becomes = |what: &str, there: &dyn Fn() -> bool| {
        eventually(what, || {
            directory.rescan(&herder).unwrap();
            there()
        });
    };
    becomes("the unknown class", &told);
    *class.lock().unwrap() = "test.Source";
    becomes("the class", &|| herder.status("c").is_ok_and(|status| status.connector.state == "RUNNING"));
    // Also where it was good when it was applied.
    *class.lock().unwrap() = "s3cret.Class";
    herder.restart("c", true, false).unwrap();
    becomes("the unknown class after a restart", &told);
}
