//! `topics`: what there is to read.

use std::io::Write;

use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;

use super::{Exit, Failure, Where};
use crate::render::size;

const EXAMPLES: &str = "\
Examples:
  tailwater topics
  tailwater topics --bootstrap 127.0.0.1:9092
  tailwater topics --data-dir /var/lib/tailwater --json | jq '.[].name'";

/// List the topics of a data directory, or of Kafka brokers
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Topics {
    /// One JSON array
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    at: Where,
}

impl Topics {
    /// Prints the list.
    pub fn run(self) -> Result<Exit, Failure> {
        let feed = self.at.feed()?;
        let topics = feed.topics()?;
        let mut out = anstream::stdout();
        if self.json {
            let partition = |(number, p): (usize, &tailwater_connector::transport::PartitionInfo)| json!({"partition": number, "log_start": p.log_start, "high_watermark": p.high_watermark, "bytes": p.bytes});
            let topic = |t: &tailwater_connector::transport::TopicInfo| {
                let partitions: Vec<_> = t.partitions.iter().enumerate().map(partition).collect();
                json!({"name": t.name, "partitions": partitions})
            };
            writeln!(out, "{}", topics.iter().map(topic).collect::<serde_json::Value>())?;
        } else if topics.is_empty() {
            writeln!(anstream::stderr(), "no topics yet")?;
        } else {
            let mut table = Table::new();
            table.load_preset(presets::NOTHING);
            table.set_header(["TOPIC", "PARTITIONS", "RECORDS", "FIRST", "NEXT", "SIZE"]);
            for topic in &topics {
                let sum = |f: fn(&tailwater_connector::transport::PartitionInfo) -> i64| {
                    u64::try_from(topic.partitions.iter().map(f).sum::<i64>()).unwrap_or(0)
                };
                let (first, next) = (sum(|p| p.log_start), sum(|p| p.high_watermark));
                table.add_row([
                    topic.name.clone(),
                    topic.partitions.len().to_string(),
                    size::count(next.saturating_sub(first)),
                    first.to_string(),
                    next.to_string(),
                    size::bytes(topic.partitions.iter().map(|p| p.bytes).sum()),
                ]);
            }
            for column in table.column_iter_mut() {
                column.set_padding((0, 2));
            }
            for column in table.column_iter_mut().skip(1) {
                column.set_cell_alignment(CellAlignment::Right);
            }
            writeln!(out, "{}", table.trim_fmt())?;
        }
        feed.close()?;
        Ok(Exit::Ok)
    }
}
