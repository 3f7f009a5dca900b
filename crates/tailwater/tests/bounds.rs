//! The bounds that `serve` keeps whatever comes: memory for a huge transaction and a huge value, a code for a row that is
//! too large, and a slot that lets the server drop its log although nothing is captured.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tailwater_testkit::{Postgres, Serve, Session, peak_rss_bytes, wait_until, write_connector};
use tempfile::TempDir;

/// How long a state may take that is not itself under test.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long the large amounts may take, without optimisation and with a neighbour on the machine.
const LONG_DEADLINE: Duration = Duration::from_secs(400);
/// Two of the pauses (10 s) between the positions that an idle source writes down, and room for a busy machine.
const SLOT_FOLLOWS_WITHIN: Duration = Duration::from_secs(25);
/// Most memory for a transaction of any size.
const TRANSACTION_MEMORY: u64 = 256 << 20;
/// Most memory for one text value of 100 MB.
const VALUE_MEMORY: u64 = 384 << 20;

#[test]
fn a_transaction_of_a_million_rows_is_held_in_bounded_memory() {
    const ROWS: i64 = 1_000_000;
    let (server, place) = (Postgres::start(), Place::new());
    server.psql("postgres", "create table t (id int primary key, v text);");
    write_connector(&place.connectors(), "wide", &server, "postgres", &[]);
    let serve = place.serve();
    serve.wait_state("wide", "streaming", DEADLINE);
    let mut session = Session::open(&server, "postgres");
    session.run(&format!("begin; insert into t select n, 'row ' || n from generate_series(1, {ROWS}) n;")).unwrap();
    assert_eq!(place.high_watermark("wide.public.t"), 0, "rows are visible before the commit");
    session.run("commit;").unwrap();
    let mut seen = 0;
    let arrived = wait_until(LONG_DEADLINE, || {
        seen = place.high_watermark("wide.public.t");
        seen > 0
    });
    let peak = peak_rss_bytes(serve.process.pid());
    assert!(arrived, "{}: {}", serve.connector("wide"), serve.process.errors());
    assert_eq!(seen, ROWS, "a part of the transaction was visible");
    println!("a transaction of a million rows: peak {} MiB resident", peak >> 20);
    assert!(peak < TRANSACTION_MEMORY, "{} MiB", peak >> 20);
}

#[test]
fn a_value_of_100_mb_passes_in_bounded_memory() {
    const LENGTH: usize = 100_000_000;
    let (server, place) = (Postgres::start(), Place::new());
    server.psql("postgres", "create table t (id int primary key, v text); alter table t alter v set storage external;");
    write_connector(&place.connectors(), "large", &server, "postgres", &[]);
    let serve = place.serve();
    serve.wait_state("large", "streaming", DEADLINE);
    // One value that compresses to nothing, and one that does not repeat.
    server.psql("postgres", &format!("insert into t values (1, repeat('x', {LENGTH}));"));
    let digests = LENGTH / 32;
    server.psql(
        "postgres",
        &format!("insert into t select 2, string_agg(md5(n::text), '') from generate_series(1, {digests}) n;"),
    );
    let arrived = wait_until(LONG_DEADLINE, || place.high_watermark("large.public.t") == 2);
    let peak = peak_rss_bytes(serve.process.pid());
    assert!(arrived, "{}: {}", serve.connector("large"), serve.process.errors());
    println!("two values of 100 MB: peak {} MiB resident", peak >> 20);
    assert!(peak < VALUE_MEMORY, "{} MiB", peak >> 20);

    let lines = place.consume("large.public.t");
    assert_eq!(lines.lines().count(), 2);
    for (line, id) in lines.lines().zip(1..) {
        let event: Value = serde_json::from_str(line).unwrap();
        let after = &event["payload"]["after"];
        let value = after["v"].as_str().unwrap();
        assert_eq!((after["id"].as_i64(), value.len()), (Some(id), LENGTH));
        if id == 1 {
            assert!(value.bytes().all(|byte| byte == b'x'));
        } else {
            // The first and the last digest, as PostgreSQL says them.
            let ends = server.psql("postgres", &format!("select md5('1') || md5('{digests}');"));
            assert_eq!(format!("{}{}", &value[..32], &value[LENGTH - 32..]), ends);
        }
    }
}

#[test]
fn a_row_over_its_limit_fails_the_connector_with_a_code() {
    let (server, place) = (Postgres::start(), Place::new());
    server.psql("postgres", "create table t (id int primary key, v text);");
    write_connector(&place.connectors(), "limited", &server, "postgres", &[("max.row.bytes", "1048576")]);
    let serve = place.serve();
    serve.wait_state("limited", "streaming", DEADLINE);
    server.psql("postgres", "insert into t values (1, 'small'); insert into t values (2, repeat('x', 2000000));");
    serve.wait_state("limited", "failed", DEADLINE);
    let error = serve.connector("limited")["error"].clone();
    assert_eq!(error["code"], "ROW_TOO_LARGE", "{error}");
    assert!(!error.to_string().contains("xxxx"), "the value is in the message");
    // What came before it is there, and nothing of the row.
    assert_eq!(place.high_watermark("limited.public.t"), 1);
}

#[test]
fn the_slot_of_an_idle_table_follows_a_busy_one() {
    let (server, place) = (Postgres::start(), Place::new());
    server.create_database("other");
    server.psql("other", "create table noise (id int primary key, v text);");
    server.psql(
        "postgres",
        "create table idle (id int primary key); insert into idle values (1);
         create table busy (id int primary key, v text);",
    );
    let properties = [("table.include.list", "public.idle"), ("publication.autocreate.mode", "filtered")];
    write_connector(&place.connectors(), "quiet", &server, "postgres", &properties);
    let serve = place.serve();
    serve.wait_state("quiet", "streaming", DEADLINE);
    // Twice: the second time the connector has told its first position already.
    for (database, table) in [("postgres", "busy"), ("other", "noise")] {
        let rows = format!("insert into {table} select n, repeat('x', 100) from generate_series(1, 20000) n;");
        server.psql(database, &rows);
        let written = server.psql("postgres", "select pg_current_wal_insert_lsn();");
        let question = format!(
            "select confirmed_flush_lsn >= '{written}' from pg_replication_slots where slot_name = 'quiet_slot';"
        );
        let from = Instant::now();
        let follows = wait_until(SLOT_FOLLOWS_WITHIN, || server.psql("postgres", &question) == "t");
        let slot =
            server.psql("postgres", "select slot_name, restart_lsn, confirmed_flush_lsn from pg_replication_slots;");
        assert!(follows, "{database}: {slot} is behind {written}: {}", serve.process.errors());
        println!("the slot followed {table} after {:?}", from.elapsed());
    }
    // The table's own topic has nothing but its row.
    assert_eq!(place.high_watermark("quiet.public.idle"), 1);
}

/// Directories of one test.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Place {
        Place { dir: tempfile::tempdir().unwrap() }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn connectors(&self) -> PathBuf {
        self.dir.path().join("connectors")
    }

    fn serve(&self) -> Serve {
        Serve::start(binary(), &self.data(), &self.connectors())
    }

    /// The next offset of a topic's only partition, 0 without the topic; asked of the program as a user does.
    fn high_watermark(&self, topic: &str) -> i64 {
        let output = Command::new(binary()).args(["topics", "--json", "--data-dir"]).arg(self.data()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let topics: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        let found = topics.iter().find(|t| t["name"] == topic);
        found.map_or(0, |t| t["partitions"][0]["high_watermark"].as_i64().unwrap())
    }

    /// All values of a topic, one a line.
    fn consume(&self, topic: &str) -> String {
        let mut command = Command::new(binary());
        command.args(["consume", topic, "--from-beginning", "--exit", "--data-dir"]).arg(self.data());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_tailwater"))
}
