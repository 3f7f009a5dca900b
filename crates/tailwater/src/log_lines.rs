//! The last log lines of each connector, kept for `connectors logs`: those that name it, and those that its threads write.
//!
//! What the log leaves out, since it is turned down, is not here either. Log lines carry neither values of rows nor secrets.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tailwater_connect::rest::LogLine;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::limits::{LOG_BYTES, LOG_CONNECTORS, LOG_LINE_BYTES, LOG_LINES};

/// The field, and the span, that name a connector.
const CONNECTOR: &str = "connector";

/// The lines of all connectors.
#[derive(Clone, Debug, Default)]
pub struct LogLines(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    last: u64,
    connectors: BTreeMap<String, Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<LogLine>,
    bytes: usize,
}

impl LogLines {
    /// The lines of a connector after the one of a number, the newest ones where there are more than `most`. A number that
    /// was never given is one of a process before this.
    pub fn after(&self, connector: &str, after: u64, most: usize) -> Vec<LogLine> {
        let kept = self.lock();
        let after = if after > kept.last { 0 } else { after };
        let Some(ring) = kept.connectors.get(connector) else { return Vec::new() };
        let new = ring.lines.iter().filter(|line| line.number > after);
        let count = new.clone().count();
        new.skip(count.saturating_sub(most)).cloned().collect()
    }

    fn push(&self, connector: String, mut line: LogLine) {
        let mut kept = self.lock();
        kept.last += 1;
        line.number = kept.last;
        if !kept.connectors.contains_key(&connector) && kept.connectors.len() >= LOG_CONNECTORS {
            let oldest = |(_, ring): &(&String, &Ring)| ring.lines.back().map_or(0, |line| line.number);
            if let Some(silent) = kept.connectors.iter().min_by_key(oldest).map(|(name, _)| name.clone()) {
                kept.connectors.remove(&silent);
            }
        }
        let ring = kept.connectors.entry(connector).or_default();
        ring.bytes += size(&line);
        ring.lines.push_back(line);
        while ring.lines.len() > LOG_LINES || ring.bytes > LOG_BYTES {
            let Some(old) = ring.lines.pop_front() else { break };
            ring.bytes -= size(&old);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text of a line, as its bound counts it.
fn size(line: &LogLine) -> usize {
    line.fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() + line.message.len()
}

/// A span's connector.
struct Named(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogLines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() != CONNECTOR {
            return;
        }
        let mut line = Reader::default();
        attributes.record(&mut line);
        if let (Some(name), Some(span)) = (line.connector, context.span(id)) {
            span.extensions_mut().insert(Named(name));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let of_span = || {
            let mut spans = context.event_scope(event)?;
            spans.find_map(|span| span.extensions().get::<Named>().map(|named| named.0.clone()))
        };
        let of_span = of_span();
        if of_span.is_none() && event.metadata().fields().field(CONNECTOR).is_none() {
            return;
        }
        let mut read = Reader::default();
        event.record(&mut read);
        let Some(connector) = read.connector.or(of_span) else { return };
        let mut time = String::new();
        // A time that cannot be told is none.
        let _ = SystemTime.format_time(&mut Writer::new(&mut time));
        let level = event.metadata().level().as_str();
        self.push(connector, LogLine { number: 0, time, level, message: read.message, fields: read.fields });
    }
}

/// What an event or a span carries.
#[derive(Default)]
struct Reader {
    connector: Option<String>,
    message: String,
    fields: BTreeMap<&'static str, String>,
    bytes: usize,
}

impl Reader {
    fn take(&mut self, field: &Field, mut text: String) {
        if field.name() == CONNECTOR {
            self.connector = Some(text);
            return;
        }
        let room = LOG_LINE_BYTES.saturating_sub(self.bytes);
        if text.len() > room {
            text.truncate(text.floor_char_boundary(room));
            text.push('…');
        }
        self.bytes += text.len();
        match field.name() {
            "message" => self.message = text,
            name => drop(self.fields.insert(name, text)),
        }
    }
}

impl Visit for Reader {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.take(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    fn told(lines: &[LogLine]) -> Vec<&str> {
        lines.iter().map(|line| line.message.as_str()).collect()
    }

    #[test]
    fn lines_are_kept_by_the_connector_that_they_or_their_thread_name() {
        let lines = LogLines::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines.clone()), || {
            tracing::info!(connector = "shop", code = "A", "by field");
            tracing::error_span!("connector", connector = "shop").in_scope(|| {
                tracing::warn!(bytes = 7, "by thread");
                tracing::info!(connector = "lake", "by field, which goes first");
            });
            tracing::info!("of nobody");
        });
        let shop = lines.after("shop", 0, 10);
        assert_eq!(told(&shop), ["by field", "by thread"]);
        assert_eq!((shop[0].level, shop[1].level), ("INFO", "WARN"));
        assert_eq!((shop[0].fields["code"].as_str(), shop[1].fields["bytes"].as_str()), ("A", "7"));
        assert!(shop[0].time.ends_with('Z'), "{}", shop[0].time);
        assert_eq!(told(&lines.after("lake", 0, 10)).len(), 1);
        assert_eq!(told(&lines.after("shop", shop[0].number, 10)), ["by thread"]);
        assert_eq!(told(&lines.after("shop", 0, 1)), ["by thread"]);
        assert_eq!(told(&lines.after("shop", 1000, 10)).len(), 2, "the number is of another process");
        assert!(lines.after("nobody", 0, 10).is_empty());
    }

    #[test]
    fn what_is_kept_is_bounded_in_lines_bytes_and_connectors() {
        let lines = LogLines::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines.clone()), || {
            for n in 0..=LOG_CONNECTORS {
                tracing::info!(connector = format!("c{n}"), "here");
            }
        });
        assert_eq!((lines.after("c0", 0, 10).len(), lines.after("c1", 0, 10).len()), (0, 1));
        assert_eq!(lines.lock().connectors.len(), LOG_CONNECTORS);
        let lines = LogLines::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines.clone()), || {
            for n in 0..=LOG_LINES {
                tracing::info!(connector = "many", "{n}");
            }
            for n in 0..LOG_LINES {
                tracing::info!(connector = "long", "{n} {}", "é".repeat(LOG_LINE_BYTES));
            }
        });
        let many = lines.after("many", 0, usize::MAX);
        assert_eq!((many.len(), many[0].message.as_str()), (LOG_LINES, "1"));
        let long = lines.after("long", 0, usize::MAX);
        assert!(long.iter().map(size).sum::<usize>() <= LOG_BYTES && long.len() > 1, "{}", long.len());
        assert!(long[0].message.ends_with('…') && size(&long[0]) < LOG_LINE_BYTES + 8);
    }
}
