//! What `compression.type` of a topic of changes costs: batches as they are stored, and expanded for a client that cannot
//! read LZ4 without a module of its own.

use tailwater_testkit::{Postgres, Process, cpu_seconds, free_port, wait_until, write_connector};

use super::super::load::{DATABASE, SCHEMA};
use super::super::{Plan, progress};
use super::client::Client;
use super::report::Expansion;
use crate::Outcome;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Longest wait for the rows to be in the topic.
const PATIENCE: Duration = Duration::from_secs(300);
const TOPIC: &str = "cdc.public.narrow";
const SETTINGS: [&str; 3] = ["auto", "lz4", "none"];
/// Names that clients give themselves: the first reads LZ4 out of the box.
const READERS: [&str; 2] = ["librdkafka", "kafka-python"];

/// Captures rows, and reads them with each setting as each client.
pub fn measure(plan: &Plan, work: &Path) -> Outcome<Vec<Expansion>> {
    let records = plan.sizes.rows / 4;
    progress(&format!("changes: {records} rows"));
    let server = Postgres::start();
    server.psql(DATABASE, SCHEMA);
    server.psql(
        DATABASE,
        &format!("insert into narrow select i, i % 1000, 'row ' || i from generate_series(1, {records}) i"),
    );
    let folder = work.join("changes");
    write_connector(&folder.join("connectors"), "cdc", &server, DATABASE, &[("table.include.list", "public.narrow")]);
    let address = format!("127.0.0.1:{}", free_port());
    let mut command = Command::new(&plan.binary);
    command.arg("serve").arg("--data-dir").arg(folder.join("data")).arg("--connectors").arg(folder.join("connectors"));
    command.args(["--http", "off", "--connect", "off", "--pg", "off", "--kafka", &address, "--json"]);
    let process = Process::spawn(&mut command);
    let up = wait_until(PATIENCE, || {
        let read = Client::connect(&address).and_then(|mut client| client.consume(TOPIC, 1));
        read.is_ok()
    });
    if !up {
        return Err(format!("the rows did not come: {}", process.errors()).into());
    }
    let mut expansions = Vec::new();
    // What the first reading waits for is not measured.
    Client::connect(&address)?.consume(TOPIC, records)?;
    for _ in 0..plan.rounds {
        for setting in SETTINGS {
            Client::connect(&address)?.configure(TOPIC, "compression.type", setting)?;
            for reader in READERS {
                let mut client = Client::connect_as(&address, reader)?;
                let before = cpu_seconds(process.pid());
                let (fetched, wall) = client.consume(TOPIC, records)?;
                let cpu = cpu_seconds(process.pid()) - before;
                expansions.push(Expansion { setting, reader, records, bytes: fetched.bytes, wall, cpu });
            }
        }
    }
    Ok(expansions)
}
