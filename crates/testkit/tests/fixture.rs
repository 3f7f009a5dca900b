//! The fixtures against the installed PostgreSQL.

use std::process::Command;
use std::time::Duration;

use tailwater_testkit::{Postgres, Process, Session, StopMode, Witness, cpu_seconds, rss_bytes, wait_until};

#[test]
fn a_server_answers_survives_a_crash_and_leaves_nothing() {
    let mut server = Postgres::builder().setting("work_mem", "5MB").start();
    assert_eq!(server.psql("postgres", "show wal_level; show work_mem; show timezone;"), "logical\n5MB\nUTC");
    server.create_database("shop");
    server.psql("shop", "create table t(id int primary key); insert into t values (1);");
    let port = server.port();
    server.restart(StopMode::Immediate);
    assert_eq!(server.port(), port);
    assert_eq!(server.psql("shop", "select count(*) from t;"), "1");
    assert!(server.try_psql("shop", "select nonsense;").unwrap_err().contains("nonsense"));
    let (pid, data) = (server.pid(), server.data_dir());
    assert!(rss_bytes(pid) > 1 << 20);
    assert!(cpu_seconds(pid) >= 0.0);
    drop(server);
    assert_eq!(rss_bytes(pid), 0);
    assert!(!data.exists());
}

#[test]
fn a_panicking_test_leaves_nothing() {
    let server = Postgres::start();
    let (pid, data) = (server.pid(), server.data_dir());
    let result = std::panic::catch_unwind(move || {
        let _held = server;
        std::panic::resume_unwind(Box::new("as a failing assertion does"));
    });
    assert!(result.is_err());
    assert_eq!(rss_bytes(pid), 0);
    assert!(!data.exists());
}

#[test]
fn the_witness_tells_transactions_by_commit() {
    let server = Postgres::start();
    server.psql("postgres", "create table t(id int primary key, v text); create table u(id int);");
    let witness = Witness::create(&server, "postgres", "witness");
    let (mut one, mut two) = (Session::open(&server, "postgres"), Session::open(&server, "postgres"));
    one.run("begin; insert into t values (1, 'first');").unwrap();
    two.run("copy t from stdin;\n2\tsecond\n3\t\\N\n\\.\n").unwrap();
    one.run("update t set v = v || '''' where id = 1; delete from t where id = 1; commit;").unwrap();
    two.run("truncate t, u;").unwrap();
    let changes = witness.read(&server);
    let told: Vec<_> = changes.iter().map(|c| format!("{} {} {}", c.table, c.op, first(c))).collect();
    let expected = ["t INSERT 2", "t INSERT 3", "t INSERT 1", "t UPDATE 1", "t DELETE 1", "t,public.u TRUNCATE "]
        .map(|line| format!("public.{line}"));
    assert_eq!(told, expected);
    assert_eq!(changes[3].row[1].value.as_deref(), Some("first'"));
    assert!(changes[0].xid > changes[2].xid);
    assert!(witness.read(&server).is_empty());
}

#[test]
fn a_process_is_watched_paused_and_killed() {
    let mut process = Process::spawn(Command::new("sh").args(["-c", "echo noise; echo ready; echo why >&2; sleep 60"]));
    let line = process.wait_line(Duration::from_secs(10), |line| line == "ready");
    assert_eq!(line.as_deref(), Some("ready"));
    assert!(wait_until(Duration::from_secs(10), || process.errors() == "why\n"));
    process.pause();
    process.resume();
    assert!(process.is_running());
    assert!(process.wait(Duration::from_millis(1)).is_none());
    process.terminate();
    assert!(process.wait(Duration::from_secs(10)).is_some_and(|status| !status.success()));
}

fn first(change: &tailwater_testkit::Change) -> String {
    change.row.first().and_then(|column| column.value.clone()).unwrap_or_default()
}
