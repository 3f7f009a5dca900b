//! Rows of one chunk, and which of them changes in the stream make superfluous.
//!
//! A chunk is what one snapshot shows; the stream tells what committed. For each change that arrives before the chunk is
//! written it is known whether the snapshot shows it. If not, the row in the chunk is older than the change and must not
//! come after it. If it does, the row is at least as new, and comes only when the change did not carry all of it
//! (unchanged TOAST values). So what a topic's reader ends with is the table, whatever happens meanwhile; the original
//! compares keys alone, which lets a row that was not yet visible, but already streamed, come again with its old values.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tailwater_event::{Cell, OldRow, ReplicaIdentity, TableName, TableSchema};

use super::visible::Visible;
use crate::capture::Change;
use crate::snapshot::LineReader;

/// How a change finds its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Matching {
    /// Names of the columns to compare.
    pub columns: Arc<[String]>,
    at: Vec<usize>,
    /// The columns tell rows apart; else equal rows are counted.
    unique: bool,
}

/// A change, as far as chunks care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Touch {
    pub xid: u32,
    /// Where its commit lies in the log.
    commit_lsn: u64,
    /// Names of the compared columns.
    pub columns: Arc<[String]>,
    old: Option<Vec<u8>>,
    new: Option<Vec<u8>>,
    /// Values are missing that the change did not touch.
    partial: bool,
    unique: bool,
}

/// Rows read and not yet written.
#[derive(Debug)]
pub(super) struct Chunk {
    pub table: TableName,
    pub schema: TableSchema,
    pub visible: Visible,
    pub matching: Matching,
    lines: Vec<u8>,
    ends: Vec<usize>,
    rows: HashMap<Vec<u8>, Vec<usize>>,
    left_out: Vec<bool>,
    /// By row image: how many of the equal rows came, or went, through the stream.
    deduct: HashMap<Vec<u8>, i64>,
    again: BTreeSet<Vec<String>>,
}

impl Matching {
    /// By what the server ships of old rows: the columns of the identity, else the whole row.
    pub fn of(schema: &TableSchema) -> Matching {
        let identity = schema.columns.iter().enumerate().filter(|(_, c)| c.in_identity).map(|(at, _)| at);
        let mut at: Vec<usize> = match schema.replica_identity {
            ReplicaIdentity::Default | ReplicaIdentity::Index => identity.collect(),
            ReplicaIdentity::Full | ReplicaIdentity::Nothing => Vec::new(),
        };
        at.sort_unstable();
        let nullable = at.iter().any(|&at| schema.columns.get(at).is_none_or(|c| c.nullable));
        let unique = !at.is_empty() && !nullable;
        if !unique {
            at = (0..schema.columns.len()).collect();
        }
        let columns = at.iter().filter_map(|&at| schema.columns.get(at)).map(|c| c.name.clone()).collect();
        Matching { columns, at, unique }
    }

    /// What a change touches; `None` when that cannot be told.
    pub(super) fn touch(&self, xid: u32, commit_lsn: u64, change: Change<'_>) -> Option<Touch> {
        let (old, new) = match change {
            Change::Insert(new) | Change::Read(new) => (None, Some(new)),
            Change::Update(old, new) => (cells(old), Some(new)),
            Change::Delete(old) => (Some(cells(old)?), None),
            Change::Truncate => return None,
        };
        let partial = new.is_some_and(|new| new.contains(&Cell::Unchanged));
        let image = |row: &[Cell<'_>]| self.image(row, old);
        let old_image = match old {
            // A key alone does not tell which of the rows without key it was.
            Some(row) => Some(image(row)?),
            None if self.unique || new.is_none() => None,
            None if matches!(change, Change::Insert(_)) => None,
            None => return None,
        };
        let new_image = match new {
            Some(row) => Some(image(row)?),
            None => None,
        };
        Some(Touch {
            xid,
            commit_lsn,
            columns: Arc::clone(&self.columns),
            old: old_image,
            new: new_image,
            partial,
            unique: self.unique,
        })
    }

    /// The compared columns as bytes; what a new row does not carry is in the old one.
    fn image(&self, row: &[Cell<'_>], old: Option<&[Cell<'_>]>) -> Option<Vec<u8>> {
        let mut image = Vec::new();
        for &at in &self.at {
            let cell = match row.get(at)? {
                Cell::Unchanged => old?.get(at)?,
                cell => cell,
            };
            match cell {
                Cell::Unchanged => return None,
                Cell::Null => image.push(0),
                Cell::Text(text) => {
                    image.push(1);
                    image.extend((text.len() as u64).to_be_bytes());
                    image.extend_from_slice(text);
                }
            }
        }
        Some(image)
    }
}

impl Touch {
    /// The new identity of a row that moved under another key and did not carry all of its values.
    pub fn moved(&self) -> Option<Vec<String>> {
        let moved = self.partial && self.old.is_some() && self.old != self.new;
        self.new.as_ref().filter(|_| moved && self.unique).map(|image| values(image))
    }

    /// Bytes it holds.
    pub fn bytes(&self) -> usize {
        let length = |image: &Option<Vec<u8>>| image.as_ref().map_or(0, Vec::len);
        size_of::<Touch>() + length(&self.old) + length(&self.new)
    }
}

fn cells<'a>(old: OldRow<'a>) -> Option<&'a [Cell<'a>]> {
    match old {
        OldRow::None => None,
        OldRow::Key(row) | OldRow::Full(row) => Some(row),
    }
}

impl Chunk {
    /// Empty.
    pub fn new(table: TableName, schema: TableSchema, visible: Visible) -> Chunk {
        Chunk {
            table,
            matching: Matching::of(&schema),
            schema,
            visible,
            lines: Vec::new(),
            ends: Vec::new(),
            rows: HashMap::new(),
            left_out: Vec::new(),
            deduct: HashMap::new(),
            again: BTreeSet::new(),
        }
    }

    /// Adds a row as `COPY` gave it, and its cells.
    pub fn push(&mut self, line: &[u8], cells: &[Cell<'_>]) {
        if let Some(image) = self.matching.image(cells, None) {
            self.rows.entry(image).or_default().push(self.ends.len());
        }
        self.lines.extend_from_slice(line);
        self.ends.push(self.lines.len());
        self.left_out.push(false);
    }

    /// A row's values in the columns that are compared; `None` where one is NULL.
    pub fn identity_of(&self, cells: &[Cell<'_>]) -> Option<Vec<String>> {
        let image = self.matching.image(cells, None)?;
        Some(values(&image)).filter(|values| values.len() == self.matching.columns.len())
    }

    /// Number of rows read.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of the rows.
    pub fn bytes(&self) -> usize {
        self.lines.len()
    }

    /// A change of the table that comes before the chunk is written. `false`: it cannot be told which rows it leaves.
    #[must_use]
    pub fn touched(&mut self, touch: &Touch) -> bool {
        let shown = self.visible.shows(touch.xid, touch.commit_lsn);
        if !self.matching.unique {
            let known = |image: &Option<Vec<u8>>| image.as_ref().is_some_and(|image| self.rows.contains_key(image));
            let Some(shown) = shown else { return !known(&touch.old) && !known(&touch.new) };
            let mut count = |image: &Option<Vec<u8>>, by: i64| {
                if let Some(image) = image.as_ref().filter(|image| self.rows.contains_key(*image)) {
                    *self.deduct.entry(image.clone()).or_default() += by;
                }
            };
            // Shown: the row that came through the stream is one of those read. Else: a row read is gone since.
            count(&touch.new, if shown { 1 } else { 0 });
            count(&touch.old, if shown { -1 } else { 1 });
            return true;
        }
        // Where it is not known, the row is read again, which is right in both cases.
        let shown = shown == Some(true);
        for image in [&touch.old, &touch.new].into_iter().flatten() {
            for &row in self.rows.get(image).into_iter().flatten() {
                let incomplete = touch.partial && touch.new.as_ref() == Some(image);
                if let Some(left_out) = self.left_out.get_mut(row) {
                    *left_out = !(shown && incomplete);
                }
                if !shown && incomplete {
                    self.again.insert(values(image));
                }
            }
        }
        true
    }

    /// The rows to write, as `COPY` gave them, in order. `last_only` keeps the last one alone.
    pub fn rows(&self, last_only: bool) -> impl Iterator<Item = &[u8]> {
        let mut left_out = self.left_out.clone();
        for (image, count) in &self.deduct {
            let rows = self.rows.get(image).into_iter().flatten();
            for &row in rows.take(usize::try_from(*count).unwrap_or_default()) {
                if let Some(left_out) = left_out.get_mut(row) {
                    *left_out = true;
                }
            }
        }
        let first = if last_only { self.ends.len().saturating_sub(1) } else { 0 };
        (first..self.ends.len()).filter(move |&row| left_out.get(row) == Some(&false)).filter_map(|row| {
            let start = row.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
            self.lines.get(start..*self.ends.get(row)?)
        })
    }

    /// Rows that must be read again, by their identity: the change that made them superfluous was not complete.
    pub fn take_again(&mut self) -> Vec<Vec<String>> {
        std::mem::take(&mut self.again).into_iter().collect()
    }

    /// The values of a row in some columns, `None` for columns that are not there.
    pub fn values_of(&self, line: &[u8], columns: &[String]) -> Option<Vec<Option<String>>> {
        let (mut reader, mut cells) = (LineReader::default(), Vec::new());
        reader.read(line, &mut cells);
        let value = |name: &String| {
            let at = self.schema.columns.iter().position(|c| c.name == *name)?;
            match cells.get(at)? {
                Cell::Text(text) => Some(Some(String::from_utf8_lossy(text).into_owned())),
                _ => Some(None),
            }
        };
        columns.iter().map(value).collect()
    }

    /// The last row read.
    pub fn last_line(&self) -> Option<&[u8]> {
        let end = *self.ends.last()?;
        let start =
            self.ends.len().checked_sub(2).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        self.lines.get(start..end)
    }
}

/// The values of an image of columns that are never NULL.
fn values(mut image: &[u8]) -> Vec<String> {
    let mut values = Vec::new();
    while let Some((length, rest)) = image.get(1..).and_then(<[u8]>::split_first_chunk::<8>) {
        let length = usize::try_from(u64::from_be_bytes(*length)).unwrap_or(usize::MAX).min(rest.len());
        let (value, after) = rest.split_at(length);
        values.push(String::from_utf8_lossy(value).into_owned());
        image = after;
    }
    values
}

#[cfg(test)]
mod tests {
    use tailwater_event::table::Declared;
    use tailwater_event::{Column, ColumnType};

    use super::*;

    fn schema(identity: ReplicaIdentity) -> TableSchema {
        let column = |name: &str, key: bool| Column {
            name: name.into(),
            ty: ColumnType::Text,
            type_name: "text".into(),
            nullable: !key,
            in_identity: key && identity == ReplicaIdentity::Default,
            default: None,
            declared: Declared::default(),
        };
        TableSchema {
            name: TableName::new("public", "t"),
            columns: vec![column("k", true), column("v", false)],
            key: if identity == ReplicaIdentity::Default { vec![0] } else { Vec::new() },
            replica_identity: identity,
        }
    }

    /// Transactions 10 and 12 are shown, 11 and 20 are not.
    fn chunk(identity: ReplicaIdentity, rows: &[(&str, &str)]) -> Chunk {
        let visible = Visible::parse("11:20:11").unwrap();
        let mut chunk = Chunk::new(TableName::new("public", "t"), schema(identity), visible);
        for (k, v) in rows {
            let line = format!("{k}\t{v}\n");
            chunk.push(line.as_bytes(), &[Cell::Text(k.as_bytes()), Cell::Text(v.as_bytes())]);
        }
        chunk
    }

    fn text(s: &'static str) -> Cell<'static> {
        Cell::Text(s.as_bytes())
    }

    fn left(chunk: &Chunk) -> Vec<String> {
        chunk.rows(false).map(|line| String::from_utf8_lossy(line).trim_end().replace('\t', "=")).collect()
    }

    fn apply(chunk: &mut Chunk, xid: u32, change: Change<'_>) {
        let touch = chunk.matching.clone().touch(xid, 0, change).unwrap();
        assert!(chunk.touched(&touch));
    }

    #[test]
    fn rows_whose_change_was_streamed_do_not_come_after_it() {
        let mut chunk = chunk(ReplicaIdentity::Default, &[("1", "a"), ("2", "b"), ("3", "c"), ("4", "d")]);
        apply(&mut chunk, 20, Change::Update(OldRow::None, &[text("1"), text("new")]));
        apply(&mut chunk, 10, Change::Insert(&[text("2"), text("b")]));
        let (old, new) = ([text("3"), Cell::Null], [text("9"), text("c")]);
        apply(&mut chunk, 11, Change::Update(OldRow::Key(&old), &new));
        assert_eq!(left(&chunk), ["4=d"]);
        assert!(chunk.take_again().is_empty());
    }

    #[test]
    fn a_change_that_left_values_out_does_not_hide_them() {
        let mut chunk = chunk(ReplicaIdentity::Default, &[("1", "big"), ("2", "big")]);
        // Shown in the chunk: its row completes it. Not shown: the row is old, and is read again.
        apply(&mut chunk, 12, Change::Update(OldRow::None, &[text("1"), Cell::Unchanged]));
        apply(&mut chunk, 11, Change::Update(OldRow::None, &[text("2"), Cell::Unchanged]));
        assert_eq!(left(&chunk), ["1=big"]);
        assert_eq!(chunk.take_again(), [["2"]]);
    }

    #[test]
    fn rows_without_key_are_counted() {
        let rows = [("1", "a"), ("1", "a"), ("1", "a"), ("2", "b")];
        let mut chunk = chunk(ReplicaIdentity::Full, &rows);
        let a = [text("1"), text("a")];
        apply(&mut chunk, 10, Change::Insert(&a));
        apply(&mut chunk, 20, Change::Delete(OldRow::Full(&a)));
        // Neither was in the snapshot.
        apply(&mut chunk, 20, Change::Insert(&a));
        assert_eq!(left(&chunk), ["1=a", "2=b"]);
        let b = [text("2"), text("b")];
        apply(&mut chunk, 12, Change::Insert(&b));
        apply(&mut chunk, 12, Change::Delete(OldRow::Full(&b)));
        assert_eq!(left(&chunk), ["1=a", "2=b"]);
        assert_eq!(chunk.rows(true).count(), 1);
    }

    #[test]
    fn what_a_standby_replayed_while_it_was_looked_at_is_read_again() {
        let touched = |chunk: &mut Chunk, commit_lsn: u64, change: Change<'_>| {
            chunk.visible = Visible::Positions { before: 100, after: 200 };
            let touch = chunk.matching.clone().touch(7, commit_lsn, change).unwrap();
            chunk.touched(&touch)
        };
        let mut keyed = chunk(ReplicaIdentity::Default, &[("1", "big"), ("2", "big"), ("3", "big")]);
        for (commit_lsn, key) in [(50, "1"), (150, "2"), (300, "3")] {
            assert!(touched(&mut keyed, commit_lsn, Change::Update(OldRow::None, &[text(key), Cell::Unchanged])));
        }
        assert_eq!(left(&keyed), ["1=big"]);
        assert_eq!(keyed.take_again(), [["2"], ["3"]]);
        let mut counted = chunk(ReplicaIdentity::Full, &[("1", "a"), ("1", "a")]);
        let (a, b) = ([text("1"), text("a")], [text("2"), text("b")]);
        assert!(touched(&mut counted, 50, Change::Insert(&a)) && touched(&mut counted, 150, Change::Insert(&b)));
        assert!(
            !touched(&mut counted, 150, Change::Insert(&a)),
            "one of two equal rows may have come through the stream"
        );
        assert_eq!(left(&counted), ["1=a"]);
    }

    #[test]
    fn values_come_back_out_of_images_and_lines() {
        let chunk = chunk(ReplicaIdentity::Default, &[("1", "a\\tb"), ("2", "\\N")]);
        assert_eq!(chunk.last_line(), Some(&b"2\t\\N\n"[..]));
        let columns = ["v".to_owned(), "k".to_owned()];
        assert_eq!(chunk.values_of(b"1\ta\\tb\n", &columns), Some(vec![Some("a\tb".into()), Some("1".into())]));
        assert_eq!(chunk.values_of(b"2\t\\N\n", &columns), Some(vec![None, Some("2".into())]));
        assert_eq!(chunk.values_of(b"2\t\\N\n", &["gone".into()]), None);
    }
}
