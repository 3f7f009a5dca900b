//! Changes as `tail` shows them: one line each, with what changed.

use std::collections::{HashMap, HashSet};

use tailwater_connector::{PlanId, Record, TopicReader};
use tailwater_event::debezium::{Decoded, Field, Reader};

use super::size::time_of_day;
use super::style::{BAD, DIM, GOOD, HELP, NAME, NEW, OLD, WARN, paint};
use crate::limits::TAIL_VALUE_CHARS;

/// Turns records into lines; keeps the readers of the plans it has met.
#[derive(Default)]
pub struct Differ {
    readers: HashMap<PlanId, Option<Reader>>,
    hinted: HashSet<String>,
    no_snapshot: bool,
}

impl Differ {
    /// One that has no lines for the rows that a snapshot reads.
    pub fn without_snapshot() -> Differ {
        Differ { no_snapshot: true, ..Differ::default() }
    }

    /// A record's line, without its line break; `None` for a tombstone. A second line says once per table how old
    /// values can be had.
    pub fn line(&mut self, topics: &dyn TopicReader, topic: &str, record: &Record) -> Option<String> {
        let value = record.value.as_deref()?;
        // No transaction wrote it; found without decoding, because a snapshot may be large.
        if self.no_snapshot && record.origin.as_ref().is_some_and(|origin| origin.xid == 0) {
            return None;
        }
        let reader = record.plan.and_then(|id| {
            let make = || topics.plan(id).and_then(|descriptor| Reader::new(&descriptor).ok());
            self.readers.entry(id).or_insert_with(make).as_ref()
        });
        let Some(reader) = reader else { return Some(foreign(topic, record, value)) };
        match reader.decode(Some(value)) {
            Ok(Some(change)) => Some(changed(reader, &change, record, &mut self.hinted)),
            Ok(None) => None,
            Err(_) => Some(foreign(topic, record, value)),
        }
    }
}

fn changed(reader: &Reader, change: &Decoded, record: &Record, hinted: &mut HashSet<String>) -> String {
    let table = reader.table().to_string();
    let time_ms = if change.source_time_us > 0 { change.source_time_us / 1000 } else { record.timestamp_ms };
    let (glyph, style) = match change.op {
        'c' => ("+", GOOD),
        'u' => ("~", WARN),
        'd' => ("-", BAD),
        'r' => ("*", HELP),
        't' => ("t", BAD),
        _ => ("?", DIM),
    };
    let row = change.after.as_deref().or(change.before.as_deref()).unwrap_or(&[]);
    let mut line = format!("{} {} {}", paint(DIM, time_of_day(time_ms)), paint(style, glyph), paint(NAME, &table));
    let mut push = |part: String| {
        line.push(' ');
        line.push_str(&part);
    };
    for (at, column) in reader.columns().iter().enumerate().filter(|(at, _)| reader.key().contains(at)) {
        push(format!("{}={}", paint(DIM, clean(column)), paint(NAME, shown(row.get(at)))));
    }
    let rest = || reader.columns().iter().enumerate().filter(|(at, _)| !reader.key().contains(at));
    match (change.op, &change.before, &change.after) {
        ('u', Some(before), Some(after)) => {
            let mut any = false;
            for (at, column) in reader.columns().iter().enumerate() {
                let (old, new) = (before.get(at), after.get(at));
                if old != new && new != Some(&Field::Unavailable) {
                    any = true;
                    let (old, new) = (paint(OLD, shown(old)), paint(NEW, shown(new)));
                    push(format!("{}: {old} -> {new}", clean(column)));
                }
            }
            if !any {
                push(paint(DIM, "(no column changed)"));
            }
        }
        ('u', None, Some(after)) => {
            for (at, column) in rest() {
                push(format!("{}={}", paint(DIM, clean(column)), paint(NEW, shown(after.get(at)))));
            }
            push(paint(DIM, "(old values not sent: replica identity default)"));
            if hinted.insert(table.clone()) {
                let sql = format!("ALTER TABLE {table} REPLICA IDENTITY FULL;");
                line.push_str(&format!("\n  {} to see what changed: {sql}", paint(HELP, "help:")));
            }
        }
        ('d', Some(before), _) => {
            for (at, column) in rest().filter(|(at, _)| before.get(*at) != Some(&Field::Unknown)) {
                // A column outside the identity comes as NULL when only the key was sent.
                if before.get(at) != Some(&Field::Null) {
                    push(format!("{}={}", paint(DIM, clean(column)), paint(OLD, shown(before.get(at)))));
                }
            }
        }
        (_, _, Some(after)) => {
            for (at, column) in rest() {
                push(format!("{}={}", paint(DIM, clean(column)), shown(after.get(at))));
            }
        }
        ('t', ..) => push("(truncated)".to_owned()),
        _ => {}
    }
    line
}

/// A record that none of our plans wrote: its topic, key and value.
fn foreign(topic: &str, record: &Record, value: &[u8]) -> String {
    let text = |bytes: &[u8]| short(&String::from_utf8_lossy(bytes));
    let key = record.key.as_deref().map_or_else(|| "null".to_owned(), text);
    let time = paint(DIM, time_of_day(record.timestamp_ms));
    format!("{time} . {} {key} {}", paint(NAME, clean(topic)), text(value))
}

fn shown(field: Option<&Field>) -> String {
    match field {
        None | Some(Field::Unknown) => "(unknown)".to_owned(),
        Some(Field::Null) => "null".to_owned(),
        Some(Field::Unavailable) => "unchanged (not sent)".to_owned(),
        Some(Field::Text(text)) => short(text),
    }
}

/// A value on one line of bounded length, in quotes where its borders would not be seen.
fn short(text: &str) -> String {
    let mut out = clean(text.get(..text.floor_char_boundary(TAIL_VALUE_CHARS * 4)).unwrap_or(text));
    if out.chars().count() > TAIL_VALUE_CHARS || text.len() > TAIL_VALUE_CHARS * 4 {
        out = out.chars().take(TAIL_VALUE_CHARS).collect();
        out.push('…');
    }
    if out.is_empty() || out.contains([' ', '\'', '=']) { format!("'{}'", out.replace('\'', "''")) } else { out }
}

/// Text without characters that a terminal obeys.
pub fn clean(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_never_breaks_the_line_or_the_terminal() {
        assert_eq!(short("a\x1b[31m\nb"), "a\\u{1b}[31m\\nb");
        assert_eq!(short(""), "''");
        assert_eq!(short("it's"), "'it''s'");
        let long = short(&"é".repeat(5000));
        assert_eq!(long.chars().count(), TAIL_VALUE_CHARS + 1);
    }
}
