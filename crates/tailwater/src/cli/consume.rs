//! `consume`: the records of topics, one a line.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;

use clap::Args;
use tailwater_connector::java_regex::Whole;
use tailwater_connector::property::nearest;
use tailwater_connector::{Problem, Record, TopicReader};

use super::{Exit, Failure, Where, no_signals};
use crate::feed::Feed;
use crate::follow::{Follower, Selection};
use crate::limits::FOLLOW_WAIT;
use crate::offsets::{Point, Range};
use crate::render::record::{write_json, write_value};
use crate::signals::Signals;

const EXAMPLES: &str = "\
Examples:
  tailwater consume shop.public.orders --from-beginning | jq .payload.op
  tailwater consume shop.public.orders --offset -10 --exit --json
  tailwater consume --include 'shop\\..*' --max-messages 100
  tailwater consume orders --bootstrap 127.0.0.1:9092 --offset @2026-01-31:1h

Offsets: beginning, end, N, +N (from the start), -N (before the end), @MILLISECONDS, @DATE, @-1h, stored (with --group), and
FROM:TO.";

/// What a follower says when its server ends.
pub const SERVER_ENDED: &str = "the server of this directory has ended";

/// Print the records of topics, one a line
///
/// Values are printed as they are; --json prints whole records. Follows until interrupted, or until its server ends.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Consume {
    /// Topics
    #[arg(value_name = "TOPIC", required_unless_present = "include")]
    topics: Vec<String>,
    /// All topics whose whole name matches, later ones too
    #[arg(long, value_name = "REGEX", conflicts_with = "topics")]
    include: Option<String>,
    /// Start at the first record there is (the same as --offset beginning)
    #[arg(long, conflicts_with = "offset")]
    from_beginning: bool,
    /// Where to start, and where to stop
    #[arg(short, long, value_name = "OFFSET", allow_hyphen_values = true)]
    offset: Vec<Range>,
    /// The group that `--offset stored` means; nothing is committed
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// End after this many records
    #[arg(short = 'n', long, value_name = "N")]
    max_messages: Option<u64>,
    /// End at the end of what is there
    #[arg(short, long)]
    exit: bool,
    /// Whole records, one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// An empty line for each record without value
    #[arg(long)]
    tombstones: bool,
    #[command(flatten)]
    at: Where,
}

impl Consume {
    /// Prints until the end that was asked for.
    pub fn run(self) -> Result<Exit, Failure> {
        let selection = match &self.include {
            Some(pattern) => Selection::Pattern(whole(pattern)?),
            None => Selection::Names(self.topics.clone()),
        };
        let signals = Signals::listen().map_err(no_signals)?;
        let feed = self.at.feed()?;
        let range = self.range(&feed);
        if range.to.is_some() {
            unknown_topics(&self.topics, feed.reader().as_ref())?;
        } else {
            for problem in unknown_topics(&self.topics, feed.reader().as_ref()).err().unwrap_or_default() {
                let mut err = anstream::stderr();
                writeln!(err, "{}; waiting for it. {}", problem.cause, problem.remedy)?;
            }
        }
        let mut printer = Printer { out: BufWriter::new(io::stdout().lock()), left: self.max_messages, options: &self };
        let stored = match &self.group {
            Some(group) => feed.committed(group)?,
            None if range.from == Some(Point::Stored) => return Err(no_group().into()),
            None => BTreeMap::new(),
        };
        let mut follower = Follower::new(feed.reader(), selection, range, now_ms()).with_stored(stored);
        while !signals.stop.is_set() && printer.left != Some(0) {
            let mut failed = None;
            let polled =
                follower.poll(&mut |topic, partition, record| match printer.print(topic, partition, &record) {
                    Ok(()) if printer.left == Some(0) => ControlFlow::Break(()),
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failed = Some(error);
                        ControlFlow::Break(())
                    }
                });
            if let Some(error) = failed {
                return Err(error.into());
            }
            printer.out.flush()?;
            match polled {
                Ok(true) => {}
                Ok(false) if follower.finished() => break,
                // Who follows ends with the server; who wanted a range did not get it.
                Ok(false) | Err(_) if feed.ended() && range.to.is_none() => {
                    writeln!(anstream::stderr(), "{SERVER_ENDED}")?;
                    break;
                }
                Ok(false) if feed.ended() => return Err(feed.ended_early().into()),
                Ok(false) => follower.wait(FOLLOW_WAIT),
                Err(problem) => return Err(problem.into()),
            }
        }
        let interrupted = signals.by_ctrl_c();
        drop(printer);
        feed.close()?;
        Ok(if interrupted { Exit::Interrupted } else { Exit::Ok })
    }

    /// A stopped directory grows no further: reading it ends at its end.
    fn range(&self, feed: &Feed) -> Range {
        let given = self.offset.iter().copied().reduce(Range::or);
        let mut range = given.unwrap_or(Range { from: None, to: None });
        if self.from_beginning {
            range.from = Some(Point::Beginning);
        }
        if self.exit || matches!(feed, Feed::Stopped(_)) {
            range.to = range.to.or(Some(Point::End));
        }
        range
    }
}

struct Printer<'a, W: Write> {
    out: W,
    left: Option<u64>,
    options: &'a Consume,
}

impl<W: Write> Printer<'_, W> {
    fn print(&mut self, topic: &str, partition: i32, record: &Record) -> io::Result<()> {
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
        }
        match self.options.json {
            true => write_json(&mut self.out, topic, partition, record),
            false => write_value(&mut self.out, record, self.options.tombstones),
        }
    }
}

fn no_group() -> Problem {
    Problem::config(
        "GROUP_MISSING",
        "--offset stored means where a group is, and no group is named",
        "Name it: --group NAME --offset stored",
    )
}

/// A pattern for whole names, as the include lists of connectors are.
fn whole(pattern: &str) -> Result<Whole, Problem> {
    Whole::new(pattern).map_err(|error| {
        Problem::config(
            "PATTERN_INVALID",
            format!("'{pattern}' is no regular expression: {error}"),
            "Use a form such as 'shop\\.public\\..*'.",
        )
    })
}

/// Names that are no topics, each with the nearest ones that are.
pub fn unknown_topics(names: &[String], reader: &dyn TopicReader) -> Result<(), Vec<Problem>> {
    let topics = reader.topics();
    let known = || topics.iter().map(|t| t.name.as_str());
    let problem = |name: &String| {
        let remedy = match nearest(name, known()) {
            Some(near) => format!("Did you mean '{near}'?"),
            None if topics.is_empty() => "There are no topics yet; a connector makes them.".to_owned(),
            None => "List them with `tailwater topics`.".to_owned(),
        };
        Problem::config("TOPIC_UNKNOWN", format!("there is no topic '{name}'"), remedy)
    };
    let problems: Vec<_> = names.iter().filter(|n| !known().any(|k| k == n.as_str())).map(problem).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Milliseconds since 1970.
pub fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
