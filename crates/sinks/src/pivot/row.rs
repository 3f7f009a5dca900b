//! From a change to rows.
//!
//! A row says that one field changed. Its columns:
//!
//! | column | content |
//! |---|---|
//! | the key's columns | of the row after the change; before it for deletes |
//! | carried columns | the same (`pivot.carry`) |
//! | `change_field` | the column that changed |
//! | `old_value`, `new_value` | PostgreSQL's text; nothing between the commas is NULL, `""` is empty text, a bare `?` is an old value that PostgreSQL did not send (replica identity not FULL) |
//! | `datetime_created`, `datetime_updated`, `datetime_deleted` | commit time, under the one that fits `op` |
//! | `datetime_inserted` | when the file was begun |
//! | `op` | `c`, `u`, `d`, `r` (snapshot), `t` (truncate: one row without key and field) |
//!
//! An update of which the old value is unknown leaves a row: it may be a change. A TOASTed value that the update did not
//! touch is none. A carried column is followed in updates where its change is certain, so that no change is lost. A
//! table that has nothing but its key leaves one row a change, without field.

use tailwater_event::debezium::{Decoded, Field};

use super::csv::{Value, push_row};
use crate::datetime;

/// What the properties ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// Columns that every row repeats.
    pub(super) carry: Vec<String>,
    /// Columns to follow; empty = all but key and carried ones.
    pub(super) fields: Vec<String>,
    /// Whether fields that an update left alone leave rows.
    pub(super) unchanged: bool,
    /// Whether snapshot rows leave rows.
    pub(super) snapshot: bool,
}

/// A table as the pivot sees it. Numbers are indices into its columns.
pub(super) struct Shape {
    columns: Vec<String>,
    key: Vec<usize>,
    carried: Vec<usize>,
    followed: Vec<usize>,
    key_only: bool,
}

const LAST_COLUMNS: [&str; 8] = [
    "change_field",
    "old_value",
    "new_value",
    "datetime_created",
    "datetime_updated",
    "datetime_deleted",
    "datetime_inserted",
    "op",
];

impl Shape {
    /// Carried and followed columns that the table does not have are left out.
    pub(super) fn new(columns: &[String], key: &[usize], options: &Options) -> Shape {
        let numbers = |wanted: &dyn Fn(usize, &String) -> bool| -> Vec<usize> {
            columns
                .iter()
                .enumerate()
                .filter(|(i, name)| !key.contains(i) && wanted(*i, name))
                .map(|(i, _)| i)
                .collect()
        };
        let carried = numbers(&|_, name| options.carry.contains(name));
        let followed = numbers(&|i, name| {
            if options.fields.is_empty() { !carried.contains(&i) } else { options.fields.contains(name) }
        });
        let key_only = columns.len() == key.len();
        Shape { columns: columns.to_vec(), key: key.to_vec(), carried, followed, key_only }
    }

    /// The first line of a file.
    pub(super) fn header(&self) -> Vec<u8> {
        let mut line = Vec::new();
        let own = self.key.iter().chain(&self.carried).map(|i| self.column(*i));
        push_row(&mut line, own.chain(LAST_COLUMNS.map(Some)).map(Value::from));
        line
    }

    fn column(&self, index: usize) -> Option<&str> {
        self.columns.get(index).map(String::as_str)
    }
}

/// One changed field; `None` as column for the whole row.
struct Changed<'a> {
    column: Option<usize>,
    old: Value<'a>,
    new: Value<'a>,
}

/// Appends the rows of a change, divided by line ends; returns how many.
pub(super) fn push_rows(
    lines: &mut Vec<u8>,
    shape: &Shape,
    change: &Decoded,
    options: &Options,
    loaded_us: i64,
) -> u64 {
    let rows = match change.op {
        'c' | 'r' => created(shape, change),
        'u' => updated(shape, change, options),
        'd' => deleted(shape, change),
        't' => vec![Changed { column: None, old: Value::Null, new: Value::Null }],
        _ => Vec::new(),
    };
    let committed = datetime::text(change.source_time_us);
    let loaded = datetime::text(loaded_us);
    let when = |ops: &[char]| ops.contains(&change.op).then_some(committed.as_str());
    let mut op = [0; 4];
    let op = &*change.op.encode_utf8(&mut op);
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            lines.push(b'\n');
        }
        let own = shape.key.iter().chain(&shape.carried).map(|i| latest(change, *i));
        let last = [
            row.column.and_then(|i| shape.column(i)).into(),
            row.old,
            row.new,
            when(&['c']).into(),
            when(&['u']).into(),
            when(&['d', 't']).into(),
            Value::Text(&loaded),
            Value::Text(op),
        ];
        push_row(lines, own.chain(last));
    }
    rows.len() as u64
}

fn created<'a>(shape: &Shape, change: &'a Decoded) -> Vec<Changed<'a>> {
    let row = |i: &usize| Changed { column: Some(*i), old: Value::Null, new: shown(field(&change.after, *i)) };
    whole(shape).into_iter().chain(shape.followed.iter().map(row)).collect()
}

fn deleted<'a>(shape: &Shape, change: &'a Decoded) -> Vec<Changed<'a>> {
    let row = |i: &usize| Changed { column: Some(*i), old: shown(field(&change.before, *i)), new: Value::Null };
    whole(shape).into_iter().chain(shape.followed.iter().map(row)).collect()
}

fn updated<'a>(shape: &Shape, change: &'a Decoded, options: &Options) -> Vec<Changed<'a>> {
    let row = |i: usize| {
        let old = known(field(&change.before, i));
        // What the update did not touch was not sent: it is what it was.
        let new = known(field(&change.after, i)).or(old)?;
        let followed = shape.followed.contains(&i);
        let leaves_row = match old {
            Some(old) => old != new || options.unchanged && followed,
            None => followed,
        };
        leaves_row.then_some(Changed { column: Some(i), old: shown(old), new: shown(Some(new)) })
    };
    let in_order = 0..shape.columns.len();
    in_order.filter(|i| shape.followed.contains(i) || shape.carried.contains(i)).filter_map(row).collect()
}

/// The row of a table in which there is no field to follow.
fn whole<'a>(shape: &Shape) -> Option<Changed<'a>> {
    shape.key_only.then_some(Changed { column: None, old: Value::Null, new: Value::Null })
}

/// A column's value after the change, else before it; nothing for a truncate, which has no row.
fn latest(change: &Decoded, index: usize) -> Value<'_> {
    if change.op == 't' {
        return Value::Null;
    }
    shown(known(field(&change.after, index)).or(known(field(&change.before, index))))
}

fn field(row: &Option<Vec<Field>>, index: usize) -> Option<&Field> {
    row.as_ref()?.get(index)
}

fn known(field: Option<&Field>) -> Option<&Field> {
    field.filter(|f| matches!(f, Field::Null | Field::Text(_)))
}

fn shown(field: Option<&Field>) -> Value<'_> {
    match field {
        Some(Field::Text(text)) => Value::Text(text),
        Some(Field::Null) => Value::Null,
        Some(Field::Unavailable | Field::Unknown) | None => Value::Unknown,
    }
}
