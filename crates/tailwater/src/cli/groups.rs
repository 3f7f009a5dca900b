//! `groups`: consumer groups, and how far they have read.

use std::io::Write;

use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;
use tailwater_connector::Problem;
use tailwater_connector::transport::TopicInfo;
use tailwater_kafka::client::{BrokerReader, GroupInfo, GroupOffset};

use super::brokers::Target;
use super::{Exit, Failure};

const EXAMPLES: &str = "\
Examples:
  tailwater groups
  tailwater groups billing
  tailwater groups --data-dir ./data
  tailwater groups --json | jq '.[] | select(.lag > 1000).name'";

/// List consumer groups, and how far they have read
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Groups {
    /// Groups to show by topic and partition; all, in a line each, when none is named
    #[arg(value_name = "GROUP")]
    names: Vec<String>,
    #[command(flatten)]
    at: Target,
    /// One JSON array
    #[arg(long)]
    pub json: bool,
}

impl Groups {
    /// Prints them.
    pub fn run(self) -> Result<Exit, Failure> {
        let (client, behind) = self.at.link()?.split();
        let reader = BrokerReader::new(client);
        let topics = reader.list()?;
        let names = if self.names.is_empty() { reader.client().groups()? } else { self.names.clone() };
        let groups = names.iter().map(|name| reader.client().group(name)).collect::<Result<Vec<_>, Problem>>()?;
        drop(reader);
        behind.close()?;
        let mut out = anstream::stdout();
        if self.json {
            writeln!(out, "{}", groups.iter().map(|group| as_json(group, &topics)).collect::<serde_json::Value>())?;
        } else if groups.is_empty() {
            writeln!(anstream::stderr(), "no groups yet")?;
        } else if self.names.is_empty() {
            writeln!(out, "{}", overview(&groups, &topics).trim_fmt())?;
        } else {
            for group in &groups {
                writeln!(out, "{}: {}, {} members", group.name, group.state, group.members.len())?;
                writeln!(out, "{}", details(group, &topics).trim_fmt())?;
            }
        }
        Ok(Exit::Ok)
    }
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(header);
    table
}

fn aligned(mut table: Table, left: usize) -> Table {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for column in table.column_iter_mut().skip(left) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn overview(groups: &[GroupInfo], topics: &[TopicInfo]) -> Table {
    let mut table = table(["GROUP", "STATE", "MEMBERS", "PARTITIONS", "LAG"]);
    for group in groups {
        table.add_row([
            group.name.clone(),
            group.state.clone(),
            group.members.len().to_string(),
            group.offsets.len().to_string(),
            lag_of(group, topics).to_string(),
        ]);
    }
    aligned(table, 2)
}

fn details(group: &GroupInfo, topics: &[TopicInfo]) -> Table {
    let mut table = table(["TOPIC", "PARTITION", "NEXT", "END", "LAG"]);
    for one in &group.offsets {
        let end = end_of(one, topics);
        let number = |number: Option<i64>| number.map_or("-".to_owned(), |number| number.to_string());
        let lag = end.map(|end| (end - one.offset).max(0));
        table.add_row([one.topic.clone(), one.partition.to_string(), one.offset.to_string(), number(end), number(lag)]);
    }
    aligned(table, 1)
}

fn as_json(group: &GroupInfo, topics: &[TopicInfo]) -> serde_json::Value {
    let offset = |one: &GroupOffset| json!({"topic": one.topic, "partition": one.partition, "next": one.offset, "end": end_of(one, topics)});
    let member = |(client, host): &(String, String)| json!({"client": client, "host": host});
    json!({
        "name": group.name,
        "state": group.state,
        "protocol": group.protocol,
        "members": group.members.iter().map(member).collect::<Vec<_>>(),
        "offsets": group.offsets.iter().map(offset).collect::<Vec<_>>(),
        "lag": lag_of(group, topics),
    })
}

/// Records that a group has not read yet.
fn lag_of(group: &GroupInfo, topics: &[TopicInfo]) -> i64 {
    let lag = |one: &GroupOffset| end_of(one, topics).map_or(0, |end| (end - one.offset).max(0));
    group.offsets.iter().map(lag).sum()
}

/// The end of a partition; `None` when it is gone.
fn end_of(one: &GroupOffset, topics: &[TopicInfo]) -> Option<i64> {
    let topic = topics.iter().find(|topic| topic.name == one.topic)?;
    topic.partitions.get(usize::try_from(one.partition).ok()?).map(|partition| partition.high_watermark)
}
