//! What a record costs from its pieces to the durable journal, without a source: the transport's share of the budget.
//!
//! `cargo run --release -p tailwater-kafka --example pieces`
//!
//! Records of 25 pieces with values of about 500 bytes (no schema block) and 2,800 bytes (with it), in transactions of
//! 1,000, into a journal in a temporary directory. Printed per record: CPU of the thread that writes, CPU of the whole
//! process (the journal's thread, too), and wall time.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tailwater_connector::{Transaction, Transport};
use tailwater_event::{FragmentId, Fragments, RecordWriter, SlotId};
use tailwater_journal::fs::RealFs;
use tailwater_journal::{Journal, Options, SystemClock};
use tailwater_kafka::EmbeddedTransport;

const RECORDS: u64 = 200_000;
const TRANSACTION: u64 = 1_000;
const ROUNDS: usize = 5;
/// Two fragments and one literal of the key, eleven of each of the value.
const FRAGMENTS: u16 = 13;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout();
    writeln!(out, "value bytes | writer CPU ns | process CPU ns | wall ns   (per record, medians of {ROUNDS} rounds)")?;
    for value_bytes in [500, 2_800] {
        let rounds = (0..ROUNDS).map(|_| round(value_bytes)).collect::<Result<Vec<_>, _>>()?;
        let median = |column: usize| {
            let mut figures: Vec<u64> = rounds.iter().map(|round| round[column] / RECORDS).collect();
            figures.sort_unstable();
            figures[ROUNDS / 2]
        };
        writeln!(out, "{value_bytes:11} | {:13} | {:14} | {:7}", median(0), median(1), median(2))?;
    }
    Ok(())
}

/// Nanoseconds of one round: CPU of this thread, CPU of the process, wall.
fn round(value_bytes: usize) -> Result<[u64; 3], Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let journal = Journal::open(Arc::new(RealFs), dir.path(), Options::default(), Arc::new(SystemClock))?;
    let transport = EmbeddedTransport::new(journal.clone());
    let mut writer = transport.open_source("pieces")?;
    let (topic, plan) = (writer.topic("pieces")?, writer.plan(b"pieces")?);
    let fragments = Fragments::new(vec![vec![b'f'; value_bytes / 11 - 7]; usize::from(FRAGMENTS)]);

    let before = (thread_cpu(Path::new("/proc/thread-self"))?, process_cpu()?, Instant::now());
    for n in 0..RECORDS {
        record(writer.records(topic, plan), &fragments, n);
        writer.row_done()?;
        if (n + 1) % TRANSACTION == 0 {
            let transaction = Transaction { xid: 1, commit_lsn: n, end_lsn: n + 1, commit_time_us: 0 };
            writer.commit(transaction, &n.to_be_bytes())?;
            if writer.idle() {
                writer.flush()?;
            }
        }
    }
    writer.sync()?;
    let spent = [
        thread_cpu(Path::new("/proc/thread-self"))? - before.0,
        process_cpu()? - before.1,
        u64::try_from(before.2.elapsed().as_nanos())?,
    ];
    drop(writer);
    journal.close()?;
    Ok(spent)
}

fn record(records: &mut dyn RecordWriter, fragments: &Fragments, n: u64) {
    let digits = n.to_be_bytes();
    records.prepare(fragments);
    records.begin(1_700_000_000_000);
    records.key();
    records.fragment(FragmentId(0));
    records.literal(SlotId(0), &digits);
    records.fragment(FragmentId(1));
    records.value();
    for piece in 2..FRAGMENTS {
        records.fragment(FragmentId(piece));
        records.literal(SlotId(piece), &digits[1..]);
    }
    records.end();
}

/// CPU time of one thread, from Linux' scheduler.
fn thread_cpu(task: &Path) -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string(task.join("schedstat"))?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

/// CPU time of all threads that are alive.
fn process_cpu() -> Result<u64, Box<dyn Error>> {
    std::fs::read_dir("/proc/self/task")?.map(|task| thread_cpu(&task?.path())).sum()
}
