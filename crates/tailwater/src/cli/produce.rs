//! `produce`: lines to records of a topic.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};

use clap::{Args, ValueEnum};
use serde_json::json;
use tailwater_connector::Problem;
use tailwater_kafka::client::Client;
use tailwater_kafka::partition_of;
use tailwater_wire::batch::{Batch, BatchBuilder, BatchError, Codec, recompress};

use super::brokers::Target;
use super::consume::now_ms;
use super::{Exit, Failure};
use crate::limits::{PRODUCE_BATCH_BYTES, PRODUCE_LINE_BYTES};

const EXAMPLES: &str = "\
Examples:
  tailwater produce greetings < greetings.txt
  tailwater produce orders --key-separator : < orders.txt
  tailwater produce orders --data-dir ./data < orders.txt
  jq -c .[] orders.json | tailwater produce orders --header source=file --compression zstd

A record is durable when the command ends well.";

/// Write records to a topic, one a line
///
/// Lines of standard input are values. A key chooses the partition as Kafka's own producer does.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Produce {
    /// The topic; made where the broker allows it
    #[arg(value_name = "TOPIC")]
    topic: String,
    #[command(flatten)]
    at: Target,
    /// A line has a key in front of this
    #[arg(short = 'K', long, value_name = "TEXT")]
    key_separator: Option<String>,
    /// The key of every record
    #[arg(short, long, value_name = "KEY", conflicts_with = "key_separator")]
    key: Option<String>,
    /// The partition of every record
    #[arg(short, long, value_name = "N")]
    partition: Option<i32>,
    /// A header of every record
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// Empty values are null: tombstones on compacted topics
    #[arg(short = 'Z', long)]
    null: bool,
    /// How batches are compressed
    #[arg(short = 'z', long, value_enum, default_value_t = Compression::None, value_name = "CODEC")]
    compression: Compression,
    /// Where records went, one JSON object a batch
    #[arg(long)]
    pub json: bool,
}

/// How batches are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Compression {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl Produce {
    /// Writes until the end of the input.
    pub fn run(self) -> Result<Exit, Failure> {
        let (mut client, behind) = self.at.link()?.split();
        let partitions = client.partitions(&self.topic)?;
        if let Some(partition) = self.partition.filter(|partition| !(0..partitions).contains(partition)) {
            return Err(Problem::config(
                "PARTITION_UNKNOWN",
                format!("'{}' has no partition {partition}", self.topic),
                format!("Use one from 0 to {}.", partitions - 1),
            )
            .into());
        }
        let mut sender =
            Sender { produce: &self, client, partitions, open: BTreeMap::new(), bytes: 0, turn: 0, sent: 0 };
        let mut input = BufReader::with_capacity(PRODUCE_BATCH_BYTES, io::stdin().lock());
        let mut line = Vec::new();
        loop {
            line.clear();
            let most = PRODUCE_LINE_BYTES + 1;
            if io::Read::take(&mut input, most).read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
                break;
            }
            if line.len() as u64 == most {
                return Err(Problem::config("LINE_TOO_LONG", "a line is longer than a record can be", "Cut it.").into());
            }
            sender.add(line.strip_suffix(b"\n").unwrap_or(&line))?;
            // What has come goes, before more is waited for.
            if sender.bytes >= PRODUCE_BATCH_BYTES || input.buffer().is_empty() {
                sender.send()?;
            }
        }
        sender.send()?;
        let sent = sender.sent;
        drop(sender);
        behind.close()?;
        if !self.json {
            writeln!(anstream::stderr(), "{sent} records in {}", self.topic)?;
        }
        Ok(Exit::Ok)
    }
}

/// Batches on their way.
struct Sender<'a> {
    produce: &'a Produce,
    client: Client,
    partitions: i32,
    /// Batches by partition.
    open: BTreeMap<i32, BatchBuilder>,
    bytes: usize,
    /// The partition of records without a key, until the next batch.
    turn: i32,
    sent: u64,
}

impl Sender<'_> {
    /// Adds a line.
    fn add(&mut self, line: &[u8]) -> Result<(), Problem> {
        let separator = self.produce.key_separator.as_deref().filter(|separator| !separator.is_empty());
        let found = separator.and_then(|separator| find(line, separator.as_bytes()).map(|at| (at, separator.len())));
        let (key, value) = match found {
            Some((at, width)) => (Some(&line[..at]), &line[at + width..]),
            None => (self.produce.key.as_deref().map(str::as_bytes), line),
        };
        let partition = match (self.produce.partition, key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => partition_of(key, self.partitions),
            (None, None) => self.turn % self.partitions.max(1),
        };
        let batch = self.open.entry(partition).or_default();
        let before = batch.len();
        batch.begin(now_ms());
        if let Some(key) = key {
            batch.key();
            batch.push(key);
        }
        if !value.is_empty() || !self.produce.null {
            batch.value();
            batch.push(value);
        }
        for (name, value) in &self.produce.headers {
            batch.header(name);
            batch.push(value.as_bytes());
        }
        batch.end().map_err(|error| {
            Problem::config("RECORD_INVALID", format!("a line is no record: {error:?}"), "Look at it with cat -A.")
        })?;
        self.bytes += batch.len().saturating_sub(before);
        Ok(())
    }

    /// Sends what has gathered, and waits until it is durable.
    fn send(&mut self) -> Result<(), Failure> {
        self.turn = self.turn.wrapping_add(1) & i32::MAX;
        self.bytes = 0;
        for (partition, mut batch) in std::mem::take(&mut self.open) {
            let Some(done) = batch.finish() else { continue };
            let bytes = compressed(done.bytes.freeze(), self.produce.compression)
                .map_err(|error| Problem::internal("BATCH", format!("a batch cannot be compressed: {error}")))?;
            let offset = self.client.produce(&self.produce.topic, partition, bytes)?;
            self.sent += u64::from(done.records);
            if self.produce.json {
                let topic = &self.produce.topic;
                let told = json!({"topic": topic, "partition": partition, "offset": offset, "records": done.records});
                writeln!(io::stdout(), "{told}")?;
            }
        }
        Ok(())
    }
}

fn compressed(mut batch: bytes::Bytes, compression: Compression) -> Result<bytes::Bytes, BatchError> {
    let codec = match compression {
        Compression::None => return Ok(batch),
        Compression::Gzip => Codec::Gzip,
        Compression::Snappy => Codec::Snappy,
        Compression::Lz4 => Codec::Lz4,
        Compression::Zstd => Codec::Zstd,
    };
    recompress(&Batch::read(&mut batch)?, codec).map(bytes::BytesMut::freeze)
}

fn find(line: &[u8], separator: &[u8]) -> Option<usize> {
    line.windows(separator.len()).position(|window| window == separator)
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a header is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn unreadable(error: io::Error) -> Problem {
    Problem::environment(
        "INPUT_UNREADABLE",
        format!("standard input cannot be read: {error}"),
        "Look where it comes from.",
    )
}
