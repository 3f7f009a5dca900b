//! A second slot that nobody disturbs, read by `pg_recvlogical`: what the server's log holds, told by PostgreSQL's own
//! program and its own plugin `test_decoding`, with none of our code between.

use std::process::Stdio;

use tempfile::NamedTempFile;

use crate::must;
use crate::postgres::Postgres;

/// A slot with the plugin `test_decoding`. It keeps the log from its creation until it is read.
#[derive(Debug)]
pub struct Witness {
    slot: String,
    database: String,
}

/// One column of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Name.
    pub name: String,
    /// The value as the type's output function writes it; None is null.
    pub value: Option<String>,
}

/// One change in the order of the log: transactions by commit, rows as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Transaction id.
    pub xid: u64,
    /// `schema.table`, for a truncation all of them separated by a comma.
    pub table: String,
    /// `INSERT`, `UPDATE`, `DELETE` or `TRUNCATE`.
    pub op: String,
    /// The identity before, where the log has it: the key when an update changed it, everything with identity FULL.
    pub old: Vec<Column>,
    /// The new row of an insert or update, the identity of a delete. Unchanged TOAST values are left out.
    pub row: Vec<Column>,
}

impl Witness {
    /// Creates the slot; it sees every change that is committed from now on.
    #[must_use]
    pub fn create(server: &Postgres, database: &str, slot: &str) -> Witness {
        let sql = format!("select pg_create_logical_replication_slot('{slot}', 'test_decoding');");
        server.psql(database, &sql);
        Witness { slot: slot.to_owned(), database: database.to_owned() }
    }

    /// Every change up to now that has not been read yet, of all tables.
    pub fn read(&self, server: &Postgres) -> Vec<Change> {
        let end = server.psql(&self.database, "select pg_current_wal_insert_lsn();");
        let file = must("make a file", NamedTempFile::new());
        let output = server
            .client("pg_recvlogical", &self.database)
            .args(["--start", "--no-loop", "--slot", &self.slot, "--endpos", &end])
            .args(["-o", "include-xids=1", "-o", "skip-empty-xacts=1", "-f"])
            .arg(file.path())
            .stdout(Stdio::null())
            .output();
        let output = must("run pg_recvlogical", output);
        assert!(output.status.success(), "pg_recvlogical failed: {}", String::from_utf8_lossy(&output.stderr));
        let text = must("read what the witness wrote", std::fs::read_to_string(file.path()));
        match parse(&text) {
            Some(changes) => changes,
            None => panic!("the witness wrote something that test_decoding does not write"),
        }
    }
}

/// Reads the text of `test_decoding`; None when it is not that.
fn parse(text: &str) -> Option<Vec<Change>> {
    let (mut changes, mut xid, mut rest) = (Vec::new(), 0, text);
    while !rest.is_empty() {
        if let Some(begin) = rest.strip_prefix("BEGIN ") {
            let (number, after) = begin.split_once('\n')?;
            xid = number.trim().parse().ok()?;
            rest = after;
        } else if rest.starts_with("COMMIT ") {
            rest = rest.split_once('\n')?.1;
        } else {
            let (table, after) = rest.strip_prefix("table ")?.split_once(": ")?;
            let (op, after) = after.split_once(':')?;
            let mut change =
                Change { xid, table: table.replace(", ", ","), op: op.to_owned(), old: Vec::new(), row: Vec::new() };
            rest = if op == "TRUNCATE" || after.starts_with(" (no-") {
                after.split_once('\n')?.1
            } else {
                parse_row(after, &mut change)?
            };
            changes.push(change);
        }
    }
    Some(changes)
}

/// Reads ` name[type]:value …` up to the end of the line; values may contain line ends between their quotes.
fn parse_row<'a>(mut rest: &'a str, change: &mut Change) -> Option<&'a str> {
    loop {
        if let Some(after) = rest.strip_prefix('\n') {
            return Some(after);
        }
        rest = rest.strip_prefix(' ')?;
        if let Some(after) = rest.strip_prefix("old-key:") {
            rest = after;
            continue;
        }
        if let Some(after) = rest.strip_prefix("new-tuple:") {
            change.old = std::mem::take(&mut change.row);
            rest = after;
            continue;
        }
        let (name, after) = parse_name(rest)?;
        // A type's name may have brackets of its own: `integer[]`.
        let (_, after) = after.strip_prefix('[')?.split_once("]:")?;
        let (value, after) = parse_value(after)?;
        rest = after;
        match value {
            Value::Unchanged => {}
            Value::Null => change.row.push(Column { name, value: None }),
            Value::Text(text) => change.row.push(Column { name, value: Some(text) }),
        }
    }
}

enum Value {
    Null,
    Unchanged,
    Text(String),
}

fn parse_name(text: &str) -> Option<(String, &str)> {
    match text.strip_prefix('"') {
        Some(quoted) => unquote(quoted, '"'),
        None => text.find('[').and_then(|at| Some((text.get(..at)?.to_owned(), text.get(at..)?))),
    }
}

fn parse_value(text: &str) -> Option<(Value, &str)> {
    let quoted = text.strip_prefix('\'').or_else(|| text.strip_prefix("B'"));
    if let Some(quoted) = quoted {
        return unquote(quoted, '\'').map(|(value, rest)| (Value::Text(value), rest));
    }
    let at = text.find([' ', '\n'])?;
    let value = match text.get(..at)? {
        "null" => Value::Null,
        "unchanged-toast-datum" => Value::Unchanged,
        plain => Value::Text(plain.to_owned()),
    };
    Some((value, text.get(at..)?))
}

/// The text up to the closing quote, doubled quotes made single, and what follows.
fn unquote(text: &str, quote: char) -> Option<(String, &str)> {
    let (mut value, mut rest) = (String::new(), text);
    loop {
        let (part, after) = rest.split_once(quote)?;
        value.push_str(part);
        match after.strip_prefix(quote) {
            Some(more) => {
                value.push(quote);
                rest = more;
            }
            None => return Some((value, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, value: Option<&str>) -> Column {
        Column { name: name.to_owned(), value: value.map(str::to_owned) }
    }

    #[test]
    fn quotes_line_ends_nulls_and_arrays_are_read() {
        let text = "BEGIN 7\ntable public.t: INSERT: id[integer]:1 \"a b\"[text]:'it''s\nCOMMIT 7\n' x[integer[]]:'{1,2}' y[text]:null\nCOMMIT 7\n";
        let changes = parse(text).unwrap();
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].xid, 7);
        let row = vec![
            column("id", Some("1")),
            column("a b", Some("it's\nCOMMIT 7\n")),
            column("x", Some("{1,2}")),
            column("y", None),
        ];
        assert_eq!(changes[0].row, row);
    }

    #[test]
    fn old_keys_are_kept_apart_and_unchanged_values_left_out() {
        let text = "BEGIN 8\ntable public.t: UPDATE: old-key: id[integer]:1 new-tuple: id[integer]:2 v[text]:unchanged-toast-datum\ntable public.t: DELETE: (no-tuple-data)\nCOMMIT 8\n";
        let changes = parse(text).unwrap();
        assert_eq!(changes[0].old, [column("id", Some("1"))]);
        assert_eq!(changes[0].row, [column("id", Some("2"))]);
        assert_eq!((changes[1].op.as_str(), changes[1].row.len()), ("DELETE", 0));
    }

    #[test]
    fn other_text_is_refused() {
        assert_eq!(parse("hello\n"), None);
        assert_eq!(parse("BEGIN 7\ntable public.t: INSERT: id[integer]:'1\n"), None);
    }
}
