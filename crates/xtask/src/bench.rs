//! `cargo xtask bench`: the release binary, driven as a user drives it, beside PostgreSQL's own programs on the same rows
//! in the same run. Ratios decide; a machine's own speed falls out of them. Each load is read in several rounds, by all
//! readers in turn, and the medians count: other work on the machine then falls on all alike.

mod debezium;
mod kafka;
mod load;
mod machine;
mod peers;
mod report;
mod subject;

use std::path::{Path, PathBuf};

use tailwater_testkit::{Postgres, Session};

use crate::Outcome;
use debezium::Debezium;
use load::{DATABASE, Load, PUBLISHED, SCHEMA, Sizes, TABLES};
use report::{Report, Run, Used};
use subject::{Capture, Form};

/// Sizes of the loads, and where things are.
struct Plan {
    sizes: Sizes,
    rounds: u64,
    probes: u32,
    only: String,
    folder: Option<PathBuf>,
    binary: PathBuf,
    keep: bool,
    with_debezium: bool,
    with_kafka: bool,
}

/// Latency probes of Debezium at most: each takes up to half a second, its poll interval.
const THEIR_PROBES: u32 = 60;
const PEER: &str = "pg_recvlogical to null";
const OURS: [(&str, Form); 2] = [("tailwater, schema block", Form::SchemaBlock), ("tailwater, no schema", Form::Plain)];
const THEIRS: [(&str, Form); 2] =
    [("Debezium's engine, schema block", Form::SchemaBlock), ("Debezium's engine, no schema", Form::Plain)];

/// Runs everything and returns the table; it is also kept by date, unless told not to.
pub fn run(root: &Path, arguments: &[String]) -> Outcome<String> {
    let plan = read_plan(root, arguments)?;
    let work = match &plan.folder {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    if plan.with_kafka {
        let table = kafka::run(root, &plan, work.path(), machine::describe(root, arguments))?;
        return keep(root, &plan, "-kafka", table);
    }
    let server = Postgres::builder()
        .setting("fsync", "on")
        .setting("max_wal_size", "16GB")
        .setting("checkpoint_timeout", "1h")
        .setting("shared_buffers", "256MB")
        .start();
    server.psql(DATABASE, SCHEMA);
    let mut report = Report::new(machine::describe(root, arguments));
    report.facts.push(format!("PostgreSQL: {}", server.psql(DATABASE, "show server_version;")));
    report.load_before = machine::load()?;
    report.disk = machine::sync_times(work.path())?;
    streams(root, &plan, &server, work.path(), &mut report)?;
    snapshots(root, &plan, &server, work.path(), &mut report)?;
    report.load_after = machine::load()?;

    keep(root, &plan, "", report.to_string())
}

/// Keeps a table by date, unless that was not to be.
fn keep(root: &Path, plan: &Plan, of: &str, table: String) -> Outcome<String> {
    if plan.keep {
        let place = root.join("benches/results");
        std::fs::create_dir_all(&place)?;
        std::fs::write(place.join(format!("{}{of}.md", machine::today()?)), &table)?;
    }
    Ok(table)
}

/// Rows that change, and the time from a commit to a consumer.
fn streams(root: &Path, plan: &Plan, server: &Postgres, work: &Path, report: &mut Report) -> Outcome<()> {
    let capture = |name, form| Capture::new(&plan.binary, work, server, name, TABLES, form);
    let ours = [capture("block", OURS[0].1)?, capture("plain", OURS[1].1)?];
    report.idle_bytes = ours[0].settle()?;
    ours[1].settle()?;
    let slot = peers::Slot::create(server, PUBLISHED);
    let debezium = |name, form| Debezium::new(root, work, server, name, TABLES, form);
    let theirs = [debezium("dbz_block", THEIRS[0].1), debezium("dbz_plain", THEIRS[1].1)];
    if plan.with_debezium {
        theirs.iter().try_for_each(Debezium::settle)?;
    }
    // What the updates change; everybody reads past it, unmeasured.
    server.psql(DATABASE, &plan.sizes.preparation());
    let (end, prepared) = (end_of_log(server), plan.sizes.changed());
    slot.drain(server, &end)?;
    for capture in &ours {
        capture.drain(server, &end, prepared)?;
    }
    if plan.with_debezium {
        theirs.iter().try_for_each(|debezium| debezium.drain(prepared).map(drop))?;
    }

    for round in 0..plan.rounds {
        for Load { name: load, events, sql, once } in plan.sizes.loads(round) {
            if !load.contains(&plan.only) {
                continue;
            }
            progress(&format!("{load}: {events} rows, round {} of {}", round + 1, if once { 1 } else { plan.rounds }));
            server.psql(DATABASE, &sql);
            let end = end_of_log(server);
            let mut read = |who: &'static str, used: Used| report.runs.push(Run { load, events, who, used });
            // Who reads first changes from round to round.
            let mut turns = [0, 1, 2];
            turns.rotate_left(round as usize % 3);
            for turn in turns {
                match turn {
                    0 => read(PEER, slot.drain(server, &end)?),
                    n => read(OURS[n - 1].0, ours[n - 1].drain(server, &end, events)?),
                }
            }
            // Long enough to be read once.
            for ((who, _), debezium) in THEIRS.iter().zip(&theirs).filter(|_| plan.with_debezium && round == 0) {
                read(who, debezium.drain(events)?);
            }
        }
    }

    if plan.probes > 0 {
        progress(&format!("commit to consumer: {} probes", plan.probes));
        report.latency = Some(ours[0].probe(server, plan.probes)?);
        if plan.with_debezium {
            report.their_latency = Some(theirs[0].probe(plan.probes.min(THEIR_PROBES))?);
        }
    }
    Ok(())
}

/// Rows that are there: read by `COPY`, and by connectors that are made for them.
fn snapshots(root: &Path, plan: &Plan, server: &Postgres, work: &Path, report: &mut Report) -> Outcome<()> {
    for shot in plan.sizes.shots().iter().filter(|shot| shot.name.contains(&plan.only)) {
        let (load, table, events) = (shot.name, shot.table, shot.rows);
        server.psql(DATABASE, &shot.sql());
        server.psql(DATABASE, &format!("vacuum analyze {table};"));
        let list = format!("public.{table}");
        for round in 0..plan.rounds {
            progress(&format!("{load}: {events} rows, round {} of {}", round + 1, plan.rounds));
            let mut read = |who: &'static str, used: Used| report.runs.push(Run { load, events, who, used });
            read("COPY to null", peers::copy(server, table)?);
            for (number, (who, form)) in OURS.into_iter().enumerate() {
                let name = format!("{table}_{number}_{round}");
                read(who, Capture::new(&plan.binary, work, server, &name, &list, form)?.snapshot(server, events)?);
            }
            for (number, (who, form)) in THEIRS.into_iter().enumerate() {
                if plan.with_debezium && round == 0 {
                    let name = format!("dbz_{table}_{number}");
                    read(who, Debezium::new(root, work, server, &name, &list, form).snapshot(events)?);
                }
            }
        }
    }
    Ok(())
}

fn read_plan(root: &Path, arguments: &[String]) -> Outcome<Plan> {
    let mut plan = Plan {
        sizes: Sizes { rows: 1_000_000, commits: 100_000, big: 0 },
        rounds: 3,
        probes: 1_000,
        only: String::new(),
        folder: None,
        binary: PathBuf::new(),
        keep: true,
        with_debezium: false,
        with_kafka: false,
    };
    let mut rest = arguments.iter();
    while let Some(option) = rest.next() {
        match option.as_str() {
            "--no-file" => {
                plan.keep = false;
                continue;
            }
            "--with-kafka" => {
                plan.with_kafka = true;
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
            "--rows" => plan.sizes.rows = value.parse()?,
            "--commits" => plan.sizes.commits = value.parse()?,
            "--big" => plan.sizes.big = value.parse()?,
            "--rounds" => plan.rounds = value.parse()?,
            "--probes" => plan.probes = value.parse()?,
            "--only" => plan.only = value.clone(),
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

/// The server's process at the other end of a slot, while it has a reader.
fn walsender(session: &mut Session, slot: &str) -> Outcome<Option<u32>> {
    let sql = format!("select active_pid from pg_replication_slots where slot_name = '{slot}';");
    Ok(session.run(&sql)?.parse().ok())
}

/// The server's process that copies a table out, while one does.
fn copier(session: &mut Session) -> Outcome<Option<u32>> {
    let sql = "select pid from pg_stat_activity where query ilike 'copy %' and state = 'active' limit 1;";
    Ok(session.run(sql)?.parse().ok())
}

/// Tells whoever waits what is going on.
fn progress(what: &str) {
    eprintln!("bench: {what}");
}
