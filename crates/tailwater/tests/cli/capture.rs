//! `run`, `demo`, `doctor` and `journal`, from end to end.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tailwater_testkit::{Process, wait_until};

use crate::support::{DEADLINE, Place, command, database, finish, postgres, run};

fn objects(database: &str) -> String {
    let sql = "select (select count(*) from pg_replication_slots where database = current_database()), \
               (select count(*) from pg_publication);";
    postgres().psql(database, sql)
}

#[test]
fn a_throw_away_run_prints_changes_and_leaves_nothing_behind() {
    let uri =
        database("throwaway", "create table t (id int primary key, v text); alter table t replica identity full;");
    let mut child = Process::spawn(&mut command(["run", &uri, "--table", "t"]));
    assert!(wait_until(DEADLINE, || child.errors().contains("following changes")), "{}", child.errors());
    // The second publication is the one for tables without a key.
    assert_eq!(objects("throwaway"), "1|2");
    postgres().psql("throwaway", "insert into t values (7, 'a'); update t set v = 'b' where id = 7;");
    let line = child.wait_line(DEADLINE, |line| line.contains('~')).unwrap_or_else(|| panic!("{}", child.errors()));
    assert!(line.contains("public.t id=7") && line.ends_with("v: a -> b"), "{line}");
    child.interrupt();
    assert_eq!(child.wait(DEADLINE).and_then(|status| status.code()), Some(130), "{}", child.errors());
    assert_eq!(objects("throwaway"), "0|0");
}

#[test]
fn a_run_with_a_data_directory_goes_on_where_it_ended_and_fills_files() {
    let uri = database("goes_on", "create table t (id int primary key); insert into t values (1), (2);");
    let place = Place::new();
    let lake = place.dir.path().join("a lake");
    for round in 3..5 {
        let mut run = command(["run", &uri, "--table", "t", "--to"]);
        run.arg(&lake).arg("--data-dir").arg(place.data());
        let mut child = Process::spawn(&mut run);
        assert!(wait_until(DEADLINE, || child.errors().contains("following changes")), "{}", child.errors());
        postgres().psql("goes_on", &format!("insert into t values ({round});"));
        let arrived = child.wait_line(DEADLINE, |line| line.contains(&format!("+ public.t id={round}")));
        assert!(arrived.is_some(), "{}", child.errors());
        child.terminate();
        assert!(child.wait(DEADLINE).is_some_and(|status| status.success()), "{}", child.errors());
        assert!(child.errors().contains("goes on from there"), "{}", child.errors());
    }
    let mut lines = String::new();
    let topic = lake.join("topics/goes_on.public.t/partition=0");
    let mut files: Vec<_> = std::fs::read_dir(&topic).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    files.iter().for_each(|file| lines.push_str(&std::fs::read_to_string(file).unwrap()));
    let mut ids: Vec<_> =
        lines.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()["after"]["id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 4]);

    let verify = run(["journal", "verify", place.data().to_str().unwrap(), "--json"]);
    let report: Value = serde_json::from_str(&verify.out).unwrap();
    assert_eq!((verify.code, &report["damage"]), (Some(0), &Value::Array(vec![])), "{verify:?}");
    let position = report["recoverable"]["source"]["position"].as_str().unwrap();
    let confirmed = "select confirmed_flush_lsn <= '{}' from pg_replication_slots where database = 'goes_on';";
    assert_eq!(postgres().psql("goes_on", &confirmed.replace("{}", position)), "t", "{position}");
    let inspect = run(["journal", "inspect", place.data().to_str().unwrap(), "--json"]);
    let frames = inspect.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!(Value::from(frames.count()), report["frames"]);
}

#[test]
fn doctor_shows_every_check_and_changes_nothing() {
    let uri = database("checks", "create table t (id int primary key);");
    let ended = run(["doctor", &uri, "--table", "t"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("ready to be captured") && ended.out.lines().count() > 5, "{}", ended.out);
    let json: Value = serde_json::from_str(&run(["doctor", &uri, "--table", "t", "--json"]).out).unwrap();
    assert_eq!(json["ready"], true);
    assert!(json["checks"].as_array().is_some_and(|checks| checks.len() > 5), "{json}");
    assert_eq!(objects("checks"), "0|0");
}

#[test]
fn the_demo_shows_everything_and_leaves_nothing() {
    // A temporary directory of its own shows what is left.
    let temp = Place::new();
    let mut demo = command(["demo"]);
    // The server's account must be able to enter it.
    std::fs::set_permissions(temp.dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    demo.env("TMPDIR", temp.dir.path());
    let started = Instant::now();
    let ended = finish(demo);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    for words in [
        "~ bank.holding holding_id=1000 holding_quantity: 10 -> 100",
        "- bank.holding holding_id=1002",
        "~ public.customers customerId=3",
        "- public.customers customerId=1",
        "\"op\": \"u\"",
        "demo.public.customers+0+0000000000.json",
        "1000,1,holding_quantity,10,100,",
        "p50",
        "Try next",
    ] {
        assert!(ended.out.contains(words), "no '{words}' in {}", ended.out);
    }
    assert!(!ended.out.contains('\x1b'), "a file gets no colour");
    assert_eq!(left(temp.dir.path()), ["connectors"]);
}

#[test]
fn the_demo_keeps_its_data_when_asked_and_cleans_a_database_of_ones_own() {
    let uri = database("own", "");
    let temp = Place::new();
    let mut demo = command(["demo", "--keep", "--postgres", &uri]);
    demo.env("TMPDIR", temp.dir.path());
    let ended = finish(demo);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(objects("own"), "0|0");
    assert_eq!(postgres().psql("own", "select count(*) from pg_tables where schemaname in ('public', 'bank');"), "0");
    let kept = left(temp.dir.path()).into_iter().find(|name| name.starts_with("tailwater-demo-")).unwrap();
    let data = temp.dir.path().join(kept).join("data");
    let mut consume = command(["consume", "demo.bank.holding", "--from-beginning", "--data-dir"]);
    consume.arg(data);
    assert_eq!(finish(consume).out.lines().count(), 8);
}

#[test]
fn ctrl_c_removes_the_demo() {
    let temp = Place::new();
    std::fs::set_permissions(temp.dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut demo = command(["demo"]);
    demo.env("TMPDIR", temp.dir.path());
    let mut child = Process::spawn(&mut demo);
    assert!(wait_until(DEADLINE, || child.errors().contains("ready after")), "{}", child.errors());
    child.interrupt();
    assert_eq!(child.wait(DEADLINE).and_then(|status| status.code()), Some(130), "{}", child.errors());
    assert_eq!(left(temp.dir.path()), ["connectors"]);
}

fn left(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
