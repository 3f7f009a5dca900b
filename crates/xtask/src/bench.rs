//! `cargo xtask bench`: the release binary, driven as a user drives it, beside PostgreSQL's own programs on the same rows
//! in the same run. Ratios decide; a machine's own speed falls out of them.

mod debezium;
mod machine;
mod peers;
mod report;
mod subject;

use std::path::{Path, PathBuf};

use tailwater_testkit::{Postgres, Session};

use crate::Outcome;
use debezium::Debezium;
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
    with_debezium: bool,
}

/// Rows of one transaction in the load of large transactions.
const ROWS_PER_TRANSACTION: u64 = 10_000;
/// Latency probes of Debezium at most: each takes up to half a second, its poll interval.
const THEIR_PROBES: u32 = 60;
const DATABASE: &str = "postgres";

/// What is captured: ten columns less than `wide`, and whole old rows with every update.
const TABLES: &str = "public.narrow,public.wide,public.full_rows";
const SCHEMA: &str = "create table narrow(id bigint primary key, n int not null, t text not null);
    create table full_rows(id bigint primary key, n int not null, t text not null);
    alter table full_rows replica identity full;
    create table wide(id bigint primary key, a int, b int, c bigint, d bigint, e numeric(12,2), f numeric(12,2), g text, h text, i text,
        j text, k timestamptz, l timestamptz, m date, n date, o boolean, p boolean, q double precision, r uuid, s text);";
const WIDE_ROW: &str = "i, i % 1000, i % 77, i * 3, i * 7, i % 100000 / 100.0, i % 999 / 10.0, 'name ' || i, 'street ' || i % 500, 'city', \
    md5(i::text), '2026-01-01'::timestamptz + i * interval '1 s', '2026-02-01', '2026-01-01', '2026-01-02', i % 2 = 0, true, i / 7.0, \
    md5((i % 100)::text)::uuid, 'status'";

/// Rows that change: what is read from the stream.
struct Load {
    name: &'static str,
    events: u64,
    sql: String,
}

impl Plan {
    fn loads(&self) -> Vec<Load> {
        let Plan { rows, commits, .. } = *self;
        let part = (rows / 4).max(1);
        let narrow = "insert into narrow select i, i % 1000, 'row ' || i";
        let updates = format!("update full_rows set n = n + 1 where id >= 0 and id < {part};");
        vec![
            Load {
                name: "10k-row transactions",
                events: rows,
                sql: transactions(narrow, 0, rows, ROWS_PER_TRANSACTION),
            },
            Load { name: "one-row transactions", events: commits, sql: transactions(narrow, rows, commits, 1) },
            Load { name: "one transaction", events: rows, sql: transactions(narrow, rows + commits, rows, rows) },
            Load {
                name: "20 columns, 10k-row transactions",
                events: part,
                sql: transactions(&format!("insert into wide select {WIDE_ROW}"), 0, part, ROWS_PER_TRANSACTION),
            },
            Load { name: "updates with whole old rows", events: part, sql: updates },
        ]
    }
}

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
    server.psql(DATABASE, SCHEMA);
    let mut report = Report::new(machine::describe(root, &server, arguments));
    report.disk = machine::sync_times(work.path())?;

    let capture = |name, form| Capture::new(&plan.binary, work.path(), &server, name, TABLES, form);
    let ours = [
        ("tailwater, schema block", capture("block", Form::SchemaBlock)?),
        ("tailwater, no schema", capture("plain", Form::Plain)?),
    ];
    report.idle_bytes = ours[0].1.settle()?;
    ours[1].1.settle()?;
    let slot = peers::Slot::create(&server, "narrow, wide, full_rows");
    let debezium = |name, tables, form| Debezium::new(root, work.path(), &server, name, tables, form);
    let theirs = [
        ("Debezium's engine, schema block", debezium("dbz_block", TABLES, Form::SchemaBlock)),
        ("Debezium's engine, no schema", debezium("dbz_plain", TABLES, Form::Plain)),
    ];
    if plan.with_debezium {
        theirs.iter().try_for_each(|(_, debezium)| debezium.settle())?;
    }
    // What the updates change; everybody reads past it, unmeasured.
    let rows = (plan.rows / 4).max(1);
    server.psql(
        DATABASE,
        &transactions("insert into full_rows select i, i % 1000, 'row ' || i", 0, rows, ROWS_PER_TRANSACTION),
    );
    let end = end_of_log(&server);
    slot.drain(&server, &end)?;
    for (_, capture) in &ours {
        capture.drain(&server, &end)?;
    }
    if plan.with_debezium {
        theirs.iter().try_for_each(|(_, debezium)| debezium.drain(rows).map(drop))?;
    }

    for Load { name: load, events, sql } in plan.loads() {
        progress(&format!("{load}: {events} rows"));
        server.psql(DATABASE, &sql);
        let end = end_of_log(&server);
        report.runs.push(Run { load, events, who: "pg_recvlogical to null", used: slot.drain(&server, &end)? });
        for (who, capture) in &ours {
            report.runs.push(Run { load, events, who, used: capture.drain(&server, &end)? });
        }
        for (who, debezium) in theirs.iter().filter(|_| plan.with_debezium) {
            report.runs.push(Run { load, events, who, used: debezium.drain(events)? });
        }
    }

    progress(&format!("commit to consumer: {} probes", plan.probes));
    report.latency = ours[0].1.probe(&server, plan.probes)?;
    if plan.with_debezium {
        report.their_latency = Some(theirs[0].1.probe(plan.probes.min(THEIR_PROBES))?);
    }
    snapshots(root, &plan, &server, work.path(), &mut report)?;

    let table = report.to_string();
    if plan.keep {
        let place = root.join("benches/results");
        std::fs::create_dir_all(&place)?;
        std::fs::write(place.join(format!("{}.md", machine::today()?)), &table)?;
    }
    Ok(table)
}

/// Rows that are there: read once by `COPY`, and by connectors that are made for them.
fn snapshots(root: &Path, plan: &Plan, server: &Postgres, work: &Path, report: &mut Report) -> Outcome<()> {
    let shots = [
        (
            "snapshot",
            "shot",
            "public.shot",
            plan.rows,
            "id bigint, n int, t text",
            "i, i % 1000, 'row ' || i",
            ["shot_block", "shot_plain"],
            ["dbz_shot_block", "dbz_shot_plain"],
        ),
        (
            "snapshot, 20 columns",
            "shot_wide",
            "public.shot_wide",
            (plan.rows / 4).max(1),
            "like wide",
            WIDE_ROW,
            ["wide_block", "wide_plain"],
            ["dbz_wide_block", "dbz_wide_plain"],
        ),
    ];
    for (load, table, list, events, columns, row, names, their_names) in shots {
        progress(&format!("{load}: {events} rows"));
        server.psql(
            DATABASE,
            &format!(
                "create table {table}({columns}); insert into {table} select {row} from generate_series(1, {events}) i;
                 alter table {table} add primary key (id);"
            ),
        );
        server.psql(DATABASE, &format!("vacuum analyze {table};"));
        report.runs.push(Run { load, events, who: "COPY to null", used: peers::copy(server, table)? });
        for (name, who, form) in
            [(names[0], "tailwater, schema block", Form::SchemaBlock), (names[1], "tailwater, no schema", Form::Plain)]
        {
            let fresh = Capture::new(&plan.binary, work, server, name, list, form)?;
            report.runs.push(Run { load, events, who, used: fresh.snapshot(server)? });
        }
        for (name, who, form) in [
            (their_names[0], "Debezium's engine, schema block", Form::SchemaBlock),
            (their_names[1], "Debezium's engine, no schema", Form::Plain),
        ] {
            if plan.with_debezium {
                let used = Debezium::new(root, work, server, name, list, form).snapshot(events)?;
                report.runs.push(Run { load, events, who, used });
            }
        }
    }
    Ok(())
}

fn read_plan(root: &Path, arguments: &[String]) -> Outcome<Plan> {
    let mut plan = Plan {
        rows: 1_000_000,
        commits: 100_000,
        probes: 1_000,
        folder: None,
        binary: PathBuf::new(),
        keep: true,
        with_debezium: false,
    };
    let mut rest = arguments.iter();
    while let Some(option) = rest.next() {
        match option.as_str() {
            "--no-file" => {
                plan.keep = false;
                continue;
            }
            "--with-debezium" => {
                plan.with_debezium = true;
                continue;
            }
            _ => {}
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

/// SQL that runs `insert` for `rows` values of `i` from `first` on, `size` of them in each transaction.
fn transactions(insert: &str, first: u64, rows: u64, size: u64) -> String {
    format!(
        "set synchronous_commit = off;
         do $$ declare base bigint := {first}; begin
           while base < {first} + {rows} loop
             {insert} from generate_series(base, least(base + {size}, {first} + {rows}) - 1) i;
             commit;
             base := base + {size};
           end loop;
         end $$;"
    )
}

/// Where the log ends, and then a little more of it: a position right behind a page's header is never confirmed as such.
fn end_of_log(server: &Postgres) -> String {
    let end = server.psql(DATABASE, "select pg_current_wal_insert_lsn();");
    server.psql(DATABASE, "select pg_logical_emit_message(true, 'bench', 'end');");
    end
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
