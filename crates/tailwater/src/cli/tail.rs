//! `tail`: changes as they come, with what changed.

use std::io::Write;
use std::ops::ControlFlow;

use clap::Args;
use tailwater_connector::TopicReader;
use tailwater_connector::property::nearest;

use super::consume::{SERVER_ENDED, now_ms};
use super::{Exit, Failure, Where, no_signals};
use crate::feed::Feed;
use crate::follow::{Follower, Selection};
use crate::limits::FOLLOW_WAIT;
use crate::offsets::{Point, Range};
use crate::render::diff::Differ;
use crate::signals::Signals;

const EXAMPLES: &str = "\
Examples:
  tailwater tail
  tailwater tail public.orders --offset -20
  tailwater tail orders customers --from-beginning --exit

Signs: + insert, ~ update, - delete, * row of the snapshot, t truncate.";

/// Show changes as they come, with what changed
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Tail {
    /// Topics or tables (SCHEMA.TABLE or TABLE); all when none is named
    #[arg(value_name = "TOPIC|TABLE")]
    names: Vec<String>,
    /// Start at the first change there is (the same as --offset beginning)
    #[arg(long, conflicts_with = "offset")]
    from_beginning: bool,
    /// Where to start, and where to stop; see `consume --help`
    #[arg(short, long, value_name = "OFFSET", allow_hyphen_values = true)]
    offset: Option<Range>,
    /// End at the end of what is there
    #[arg(short, long)]
    exit: bool,
    #[command(flatten)]
    at: Where,
}

impl Tail {
    /// Prints until the end that was asked for.
    pub fn run(self) -> Result<Exit, Failure> {
        let signals = Signals::listen().map_err(no_signals)?;
        let feed = self.at.feed()?;
        let reader = feed.reader();
        let selection = self.selection(reader.as_ref())?;
        let from = if self.from_beginning { Point::Beginning } else { Point::End };
        let mut range = self.offset.unwrap_or(Range::from(from));
        if self.exit || matches!(feed, Feed::Stopped(_)) {
            range.to = range.to.or(Some(Point::End));
        }
        let mut lines = Lines::default();
        let mut follower = Follower::new(reader.clone(), selection, range, now_ms());
        while !signals.stop.is_set() {
            match lines.print(&mut follower, reader.as_ref()) {
                Ok(true) => {}
                Ok(false) if follower.finished() => break,
                Err(Failure::Output(error)) => return Err(error.into()),
                Ok(false) | Err(_) if feed.ended() && range.to.is_none() => {
                    writeln!(anstream::stderr(), "{SERVER_ENDED}")?;
                    break;
                }
                Ok(false) if feed.ended() => return Err(feed.ended_early().into()),
                Ok(false) => follower.wait(FOLLOW_WAIT),
                Err(failure) => return Err(failure),
            }
        }
        feed.close()?;
        Ok(if signals.by_ctrl_c() { Exit::Interrupted } else { Exit::Ok })
    }

    /// Topics by their own names or by those of their tables.
    fn selection(&self, reader: &dyn TopicReader) -> Result<Selection, Failure> {
        if self.names.is_empty() {
            return Ok(Selection::All);
        }
        let topics: Vec<String> = reader.topics().into_iter().map(|t| t.name).collect();
        let mut chosen = Vec::new();
        let mut problems = Vec::new();
        for name in &self.names {
            let suffix = format!(".{name}");
            let found: Vec<_> = topics.iter().filter(|t| *t == name || t.ends_with(&suffix)).cloned().collect();
            if found.is_empty() {
                // `customer` should find `shop.public.customers`: names of tables are compared, too.
                let tables = topics.iter().flat_map(|t| t.match_indices('.').filter_map(|(at, _)| t.get(at + 1..)));
                let near = nearest(name, topics.iter().map(String::as_str).chain(tables));
                problems.push(tailwater_connector::Problem::config(
                    "TOPIC_UNKNOWN",
                    format!("there is no topic or table '{name}'"),
                    near.map_or_else(
                        || "List them with `tailwater topics`.".into(),
                        |n| format!("Did you mean '{n}'?"),
                    ),
                ));
            }
            chosen.extend(found);
        }
        if problems.is_empty() { Ok(Selection::Names(chosen)) } else { Err(problems.into()) }
    }
}

/// Prints changes to stdout; shared with `run` and `demo`.
#[derive(Default)]
pub struct Lines {
    differ: Differ,
    count: usize,
}

impl Lines {
    /// Lines of changes only, not of the rows that a snapshot reads.
    pub fn without_snapshot() -> Lines {
        Lines { differ: Differ::without_snapshot(), count: 0 }
    }

    /// How many changes were printed.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Prints what has arrived; says whether there was anything.
    pub fn print(&mut self, follower: &mut Follower, reader: &dyn TopicReader) -> Result<bool, Failure> {
        let mut text = String::new();
        let any = follower.poll(&mut |topic, _, record| {
            if let Some(line) = self.differ.line(reader, topic, &record) {
                text.push_str(&line);
                text.push('\n');
                self.count += 1;
            }
            ControlFlow::Continue(())
        });
        let mut out = anstream::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(any?)
    }
}
