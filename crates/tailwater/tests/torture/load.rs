//! What applications write while the program or the server is killed: four sessions at once, each with its own habit.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use tailwater_testkit::{Postgres, Random, Session};

/// The tables. Two identities: the key alone, and every column.
pub const TABLES: [Table; 4] = [
    Table { name: "single", full: false },
    Table { name: "multi", full: true },
    Table { name: "copied", full: false },
    Table { name: "long", full: true },
];

/// A table of the load: `id bigserial primary key, v text`.
pub struct Table {
    pub name: &'static str,
    /// Whether its replica identity is FULL.
    pub full: bool,
}

/// What makes the tables.
pub fn schema() -> String {
    let mut sql = String::new();
    for Table { name, full } in &TABLES {
        sql.push_str(&format!("create table {name} (id bigserial primary key, v text);\n"));
        if *full {
            sql.push_str(&format!("alter table {name} replica identity full;\n"));
        }
    }
    sql
}

/// Sessions that write until they are stopped, and connect again whenever the server has gone away.
pub struct Load {
    shared: Arc<Shared>,
    writers: Vec<JoinHandle<()>>,
}

struct Shared {
    server: Arc<RwLock<Postgres>>,
    stop: AtomicBool,
    /// Scripts that the server has answered.
    done: AtomicU64,
}

/// Writes something in a session; an error is the session's end.
type Habit = fn(&mut Session, &mut Random) -> Result<(), String>;

impl Load {
    /// Begins to write to the database `postgres`.
    pub fn start(server: &Arc<RwLock<Postgres>>, seed: u64) -> Load {
        let shared = Shared { server: Arc::clone(server), stop: AtomicBool::new(false), done: AtomicU64::new(0) };
        let shared = Arc::new(shared);
        let habits: [Habit; 4] = [single, multi, copied, long];
        let write = |(habit, seed): (Habit, u64)| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.write(habit, Random::new(seed)))
        };
        let writers = habits.into_iter().zip(seed.wrapping_add(1)..).map(write).collect();
        Load { shared, writers }
    }

    /// How many scripts the server has answered so far.
    pub fn done(&self) -> u64 {
        self.shared.done.load(Ordering::Relaxed)
    }

    /// Lets every session finish what it is at.
    pub fn stop(mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for writer in self.writers.drain(..) {
            assert!(writer.join().is_ok(), "a writer failed");
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn write(&self, habit: Habit, mut random: Random) {
        while !self.stop.load(Ordering::Relaxed) {
            let mut session = match self.server.read() {
                Ok(server) => Session::open(&server, "postgres"),
                Err(_) => return,
            };
            while !self.stop.load(Ordering::Relaxed) && habit(&mut session, &mut random).is_ok() {
                self.done.fetch_add(1, Ordering::Relaxed);
            }
            // A server that is not there refuses at once: not to ask it in a tight loop.
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The pause in which an application thinks: it bounds how much is written in all.
fn think(random: &mut Random, most_ms: u64) {
    std::thread::sleep(Duration::from_millis(random.below(most_ms)));
}

/// Single rows, each statement its own transaction; some change the key.
fn single(session: &mut Session, random: &mut Random) -> Result<(), String> {
    let sql = change("single", random);
    session.run(&sql)?;
    think(random, 10);
    Ok(())
}

/// Transactions of some rows in two tables, with savepoints; some are rolled back.
fn multi(session: &mut Session, random: &mut Random) -> Result<(), String> {
    let mut sql = "begin;".to_owned();
    for _ in 0..=random.below(12) {
        let table = if random.once_in(4) { "single" } else { "multi" };
        if random.once_in(4) {
            let end = if random.once_in(2) { "rollback to s;" } else { "release s;" };
            sql.push_str(&format!("savepoint s;{}{end}", change(table, random)));
        } else {
            sql.push_str(&change(table, random));
        }
    }
    sql.push_str(if random.once_in(5) { "rollback;" } else { "commit;" });
    session.run(&sql)?;
    think(random, 40);
    Ok(())
}

/// Some hundred rows at once.
fn copied(session: &mut Session, random: &mut Random) -> Result<(), String> {
    let mut sql = "copy copied (v) from stdin;\n".to_owned();
    for row in 0..50 + random.below(300) {
        sql.push_str(&format!("{row} {}\n", "y".repeat(random.below(40) as usize)));
    }
    sql.push_str("\\.\n");
    session.run(&sql)?;
    think(random, 250);
    Ok(())
}

/// One transaction that stays open while the others commit and the program dies; some are rolled back.
fn long(session: &mut Session, random: &mut Random) -> Result<(), String> {
    session.run("begin;")?;
    for _ in 0..=random.below(6) {
        let mut sql = change("long", random);
        for _ in 0..random.below(30) {
            sql.push_str(&change("long", random));
        }
        session.run(&sql)?;
        think(random, 250);
    }
    session.run(if random.once_in(3) { "rollback;" } else { "commit;" })?;
    Ok(())
}

/// One statement about one row, which need not exist.
///
/// Two sessions that wait for each other's rows would be a deadlock, which ends one of them: only `multi` writes to two
/// tables, and single-row transactions wait for one row at most.
fn change(table: &str, random: &mut Random) -> String {
    let (id, number) = (1 + random.below(400), random.below(1 << 40));
    let value = "x".repeat(random.below(60) as usize);
    match random.below(16) {
        0..=8 => format!("insert into {table} (v) values ('{number} it''s {value}');\n"),
        9..=12 => format!("update {table} set v = '{number} \"{value}\"' where id = {id};\n"),
        13 => format!("update {table} set v = null where id = {id};\n"),
        14 => format!("update {table} set id = id + 1000000000 + {number} where id = {id};\n"),
        _ => format!("delete from {table} where id = {id};\n"),
    }
}
