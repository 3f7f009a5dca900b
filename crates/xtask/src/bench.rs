//! `cargo xtask bench`: the release binary, driven as a user drives it, beside PostgreSQL's own programs on the same rows
//! in the same run. Ratios decide; a machine's own speed falls out of them.

mod machine;
mod peers;
mod report;
mod subject;

use std::path::{Path, PathBuf};

use tailwater_testkit::{Postgres, Session};

use crate::Outcome;
use report::{Report, Run};
use subject::{Capture, Form};

/// Sizes of the loads, and where things are.
struct Plan {
    rows: u64,
    commits: u64,
    probes: u32,
    folder: Option<PathBuf>,
    binary: PathBuf,
    keep: bool,
}

/// Rows of one transaction in the load of large transactions.
const ROWS_PER_TRANSACTION: u64 = 10_000;
const DATABASE: &str = "postgres";

/// Runs everything and returns the table; it is also kept by date, unless told not to.
pub fn run(root: &Path, arguments: &[String]) -> Outcome<String> {
    let plan = read_plan(root, arguments)?;
    let server = Postgres::builder()
        .setting("fsync", "on")
        .setting("max_wal_size", "16GB")
        .setting("checkpoint_timeout", "1h")
        .setting("shared_buffers", "256MB")
        .start();
    let work = match &plan.folder {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    server.psql(DATABASE, "create table narrow(id bigint primary key, n int not null, t text not null);");
    let mut report = Report::new(machine::describe(root, &server, arguments));
    report.disk = machine::sync_times(work.path())?;

    let capture = |name, form| Capture::new(&plan.binary, work.path(), &server, name, "public.narrow", form);
    let (block, plain) = (capture("block", Form::SchemaBlock)?, capture("plain", Form::Plain)?);
    report.idle_bytes = block.settle()?;
    plain.settle()?;
    let slot = peers::Slot::create(&server, "narrow");

    let loads = [
        ("10k-row transactions", plan.rows, transactions(0, plan.rows, ROWS_PER_TRANSACTION)),
        ("one-row transactions", plan.commits, transactions(plan.rows, plan.commits, 1)),
    ];
    for (load, events, sql) in loads {
        progress(&format!("{load}: {events} rows"));
        server.psql(DATABASE, &sql);
        let end = server.psql(DATABASE, "select pg_current_wal_insert_lsn();");
        report.runs.push(Run { load, events, who: "pg_recvlogical to null", used: slot.drain(&server, &end)? });
        report.runs.push(Run { load, events, who: "tailwater, schema block", used: block.drain(&server, &end)? });
        report.runs.push(Run { load, events, who: "tailwater, no schema", used: plain.drain(&server, &end)? });
    }

    progress(&format!("commit to consumer: {} probes", plan.probes));
    report.latency = block.probe(&server, plan.probes)?;

    let load = "snapshot";
    let events = plan.rows;
    progress(&format!("snapshot: {events} rows"));
    server.psql(DATABASE, &format!("create table shot as select id, n, t from narrow where id < {events}; alter table shot add primary key (id); vacuum analyze shot;"));
    report.runs.push(Run { load, events, who: "COPY to null", used: peers::copy(&server, "shot")? });
    for (name, who, form) in [
        ("shot_block", "tailwater, schema block", Form::SchemaBlock),
        ("shot_plain", "tailwater, no schema", Form::Plain),
    ] {
        let fresh = Capture::new(&plan.binary, work.path(), &server, name, "public.shot", form)?;
        report.runs.push(Run { load, events, who, used: fresh.snapshot(&server)? });
    }

    let table = report.to_string();
    if plan.keep {
        let place = root.join("benches/results");
        std::fs::create_dir_all(&place)?;
        std::fs::write(place.join(format!("{}.md", machine::today()?)), &table)?;
    }
    Ok(table)
}

fn read_plan(root: &Path, arguments: &[String]) -> Outcome<Plan> {
    let mut plan =
        Plan { rows: 1_000_000, commits: 100_000, probes: 1_000, folder: None, binary: PathBuf::new(), keep: true };
    let mut rest = arguments.iter();
    while let Some(option) = rest.next() {
        if option == "--no-file" {
            plan.keep = false;
            continue;
        }
        let value = rest.next().ok_or_else(|| format!("`{option}` needs a value"))?;
        match option.as_str() {
            "--rows" => plan.rows = value.parse()?,
            "--commits" => plan.commits = value.parse()?,
            "--probes" => plan.probes = value.parse()?,
            "--dir" => plan.folder = Some(PathBuf::from(value)),
            "--tailwater" => plan.binary = PathBuf::from(value),
            _ => return Err(format!("there is no option `{option}`; cargo xtask lists them").into()),
        }
    }
    if plan.binary.as_os_str().is_empty() {
        plan.binary = crate::target_directory(root)?.join("release/tailwater");
    }
    if !plan.binary.exists() {
        return Err(format!("{} is not there; script/bench builds it", plan.binary.display()).into());
    }
    Ok(plan)
}

/// SQL that inserts `rows` narrow rows with ids from `first` on, `size` of them in each transaction.
fn transactions(first: u64, rows: u64, size: u64) -> String {
    format!(
        "set synchronous_commit = off;
         do $$ declare base bigint := {first}; begin
           while base < {first} + {rows} loop
             insert into narrow select i, i % 1000, 'row ' || i
               from generate_series(base, least(base + {size}, {first} + {rows}) - 1) i;
             commit;
             base := base + {size};
           end loop;
         end $$;"
    )
}

/// Where the slot's reader has confirmed to be is at or behind `end`.
fn confirmed(session: &mut Session, slot: &str, end: &str) -> Outcome<bool> {
    let sql = format!("select confirmed_flush_lsn >= '{end}' from pg_replication_slots where slot_name = '{slot}';");
    Ok(session.run(&sql)? == "t")
}

/// Tells whoever waits what is going on.
fn progress(what: &str) {
    eprintln!("bench: {what}");
}
