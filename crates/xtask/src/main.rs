//! The chores of the repository: `cargo xtask` lists them.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod bench;
mod clients;
mod conformance;
mod differential;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask VERB

  tidy                              check the crate edges and the rules about files; prints what breaks them
  conformance [CASE…] [--tailwater BINARY] [--strict] [--jobs N] [--server V]
                                    play conformance cases (numbers, ranges such as 101-110, or names) against the
                                    binary; without CASE those of conformance/expected-now.txt; on PostgreSQL V
                                    (10 to 18, downloaded once) instead of the installed one
  connect-rest [SCRIPT…] [--tailwater BINARY] [--verbose] [--record]
                                    play the requests of conformance/rest/scripts (or of those named: connectors, sinks, …) and
                                    compare with what a Kafka Connect worker with Debezium answered; the wanted differences go
                                    into docs/compatibility/connect.md; --record asks such a worker again (Java 17, once mvn)
  batches [--seed N] [--rounds N]   random tables and some made for the compressor, as stored, read by Kafka's Java classes
  differential [--seed N] [--rounds N] [--seconds N] [--shrink N] [--server V] [--tailwater BINARY]
                                    random tables and changes through the real Debezium and through the binary, event by
                                    event; --help lists the rest
  clients [NAME…] [--long] [--against-kafka] [--bootstrap HOST:PORT] [--scenario S]… [--jobs N] [--write] [--tailwater BINARY]
                                    real Kafka clients (families such as kcat, or kafka-python-2.0.2) against `serve`;
                                    without NAME one version of each family, --long all; --against-kafka proves the
                                    scenarios on a real broker; --write renews the table in docs/compatibility/kafka.md
  bench [--rows N] [--commits N] [--big N] [--rounds N] [--probes N] [--only LOAD] [--dir DIR] [--tailwater BINARY]
        [--with-debezium | --with-kafka] [--no-file]
                                    measure against pg_recvlogical, COPY and, where asked, Debezium: N rows in transactions of 10,000
                                    (1000000; half as many wide and changed ones, four times as many in the snapshot), N one-row
                                    transactions (100000), one transaction of N rows, read once (none), N latency probes (1000), each
                                    load N times by turns (3), only those with LOAD in their name, with the data in DIR; the table is
                                    kept in benches/results/. --with-kafka measures something else: the listener beside a Kafka
                                    broker, written and read with N records of 100 bytes and a quarter as many of 1 KB; there LOAD may
                                    also be a client. script/bench builds first
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (verb, rest) = arguments.split_first().map_or(("help", &[][..]), |(verb, rest)| (verb.as_str(), rest));
    let outcome = match verb {
        "tidy" => tidy::run(&root()).map(|findings| {
            findings.iter().for_each(|finding| println!("{finding}"));
            println!("{} findings", findings.len());
            findings.is_empty()
        }),
        "bench" => bench::run(&root(), rest).map(|table| {
            print!("{table}");
            true
        }),
        "clients" => clients::run(&root(), rest),
        "conformance" => conformance::run(&root(), rest),
        "connect-rest" => conformance::rest(&root(), rest),
        "differential" => differential::run(&root(), rest),
        "batches" => differential::batches(&root(), rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(true)
        }
        _ => Err(format!("there is no verb `{verb}`\n\n{HELP}").into()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(4),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// What a verb returns: whether all is well, or why it could not tell.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where cargo puts what it builds.
fn target_directory(root: &Path) -> Outcome<PathBuf> {
    let metadata = cargo_metadata::MetadataCommand::new().no_deps().current_dir(root).exec()?;
    Ok(metadata.target_directory.into_std_path_buf())
}
