//! What somebody asks of a running source: Debezium's signals (Debezium 3.6 docs, Sending signals).
//!
//! They come as rows inserted into `signal.data.collection`, read from the stream; as lines of `signal.file`; and from
//! the faces of the process. A signal that cannot be understood is answered by a warning and changes nothing.

mod file;

use serde_json::Value;
use tailwater_connector::{Problem, Signal};
use tailwater_event::{Cell, OldRow};

use crate::capture::Change;
use crate::filter;

pub(crate) use file::{Found, SignalFile, Taken};

/// A signal that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// `execute-snapshot`.
    Execute(Execute),
    /// `stop-snapshot`: these tables, as patterns; none = everything.
    Stop(Vec<String>),
    /// `pause-snapshot`.
    Pause,
    /// `resume-snapshot`.
    Resume,
    /// `log`: its text, with `{}` where the position belongs.
    Log(String),
}

/// `execute-snapshot`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Execute {
    /// The signal's id.
    pub id: String,
    /// `type` is `blocking`, not `incremental`.
    pub blocking: bool,
    /// `data-collections`: patterns of `schema.table`.
    pub tables: Vec<String>,
    /// `additional-conditions`: pattern of tables, and what selects their rows.
    pub conditions: Vec<(String, String)>,
    /// `surrogate-key`: the column to order chunks by.
    pub surrogate: Option<String>,
}

/// What a change of the signal table says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignalRow {
    /// A window opens.
    Open(String),
    /// A window closes.
    Close(String),
    /// Somebody asks for something.
    Signal(Signal),
}

impl SignalRow {
    /// Reads a change of the signal table: rows inserted, and the deletes that close windows. The first three columns
    /// count, whatever their names.
    pub fn of(change: Change<'_>) -> Option<SignalRow> {
        match change {
            Change::Insert(row) => {
                let (id, kind, data) = (text(row, 0), text(row, 1), text(row, 2));
                Some(match kind.as_str() {
                    "snapshot-window-open" => SignalRow::Open(window(&id)),
                    "snapshot-window-close" => SignalRow::Close(window(&id)),
                    _ => SignalRow::Signal(Signal { id, kind, data }),
                })
            }
            Change::Delete(OldRow::Key(row) | OldRow::Full(row)) => Some(SignalRow::Close(window(&text(row, 0)))),
            _ => None,
        }
    }
}

/// The window's name without the border's.
fn window(id: &str) -> String {
    id.trim_end_matches("-open").trim_end_matches("-close").to_owned()
}

fn text(row: &[Cell<'_>], index: usize) -> String {
    match row.get(index) {
        Some(Cell::Text(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    }
}

impl Request {
    /// Understands a signal, or says why it is left alone.
    pub fn parse(signal: &Signal) -> Result<Request, Problem> {
        let data = if signal.data.trim().is_empty() { "{}" } else { &signal.data };
        let data: Value = serde_json::from_str(data).map_err(|_| ignored(signal, "its data are not JSON"))?;
        let tables = strings(&data["data-collections"]);
        for pattern in &tables {
            filter::compile(pattern)
                .map_err(|reason| ignored(signal, &format!("a pattern of tables has: {reason}")))?;
        }
        let blocking = data["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("blocking"));
        match signal.kind.as_str() {
            "execute-snapshot" => {
                if tables.is_empty() {
                    return Err(ignored(signal, "'data-collections' names no table"));
                }
                let mut conditions = conditions(&data["additional-conditions"]);
                // The older form is one condition for all tables.
                conditions
                    .extend(data["additional-condition"].as_str().map(|filter| (".*".to_owned(), filter.to_owned())));
                conditions.retain(|(_, filter)| !filter.trim().is_empty());
                let surrogate = data["surrogate-key"].as_str().filter(|name| !name.is_empty()).map(str::to_owned);
                Ok(Request::Execute(Execute { id: signal.id.clone(), blocking, tables, conditions, surrogate }))
            }
            "stop-snapshot" => Ok(Request::Stop(tables)),
            "pause-snapshot" => Ok(Request::Pause),
            "resume-snapshot" => Ok(Request::Resume),
            "log" => Ok(Request::Log(data["message"].as_str().unwrap_or_default().to_owned())),
            _ => Err(ignored(signal, "its type is not known")),
        }
    }
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn conditions(list: &Value) -> Vec<(String, String)> {
    let condition = |entry: &Value| {
        let pattern = entry["data-collection"].as_str()?.to_owned();
        Some((pattern, entry["filter"].as_str()?.to_owned()))
    };
    list.as_array().into_iter().flatten().filter_map(condition).collect()
}

fn ignored(signal: &Signal, why: &str) -> Problem {
    Problem::config(
        "SIGNAL_IGNORED",
        format!("signal '{}' was left alone: {why}", signal.id),
        "Send it again, such as: execute-snapshot with {\"data-collections\": [\"public.t\"], \"type\": \"incremental\"}; \
         types are execute-snapshot, stop-snapshot, pause-snapshot, resume-snapshot and log.",
    )
    .warning()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: &str, data: &str) -> Result<Request, Problem> {
        Request::parse(&Signal { id: "s".into(), kind: kind.into(), data: data.into() })
    }

    #[test]
    fn a_snapshot_is_incremental_unless_it_says_blocking() {
        let execute = |data: &str| match parse("execute-snapshot", data) {
            Ok(Request::Execute(execute)) => Some(execute),
            _ => None,
        };
        let data = r#"{"data-collections": ["public\\.[ab]"], "surrogate-key": "n",
            "additional-conditions": [{"data-collection": "public.a", "filter": "x > 1"}, {"filter": "y"}]}"#;
        let incremental = execute(data).unwrap();
        assert_eq!((incremental.blocking, incremental.surrogate.as_deref()), (false, Some("n")));
        assert_eq!(incremental.tables, [r"public\.[ab]"]);
        assert_eq!(incremental.conditions, [("public.a".to_owned(), "x > 1".to_owned())]);
        let blocking =
            execute(r#"{"data-collections": ["a"], "type": "BLOCKING", "additional-condition": "z"}"#).unwrap();
        assert!(blocking.blocking);
        assert_eq!(blocking.conditions, [(".*".to_owned(), "z".to_owned())]);
    }

    #[test]
    fn what_cannot_be_understood_is_answered_and_changes_nothing() {
        for (kind, data) in [
            ("execute-snapshot", "not json"),
            ("execute-snapshot", ""),
            ("execute-snapshot", "{}"),
            ("execute-snapshot", r#"{"data-collections": ["a("]}"#),
            ("no-such-thing", "{}"),
        ] {
            let problem = parse(kind, data).unwrap_err();
            assert_eq!((problem.code.as_str(), problem.is_error()), ("SIGNAL_IGNORED", false), "{kind} {data}");
        }
        assert_eq!(parse("stop-snapshot", ""), Ok(Request::Stop(Vec::new())));
        assert_eq!(parse("log", r#"{"message": "at {}"}"#), Ok(Request::Log("at {}".into())));
    }

    #[test]
    fn a_window_is_closed_by_its_row_or_by_the_delete_of_the_opening_one() {
        let row = [Cell::Text(b"7-close"), Cell::Text(b"snapshot-window-close"), Cell::Null];
        assert_eq!(SignalRow::of(Change::Insert(&row)), Some(SignalRow::Close("7".into())));
        let row = [Cell::Text(b"7-open"), Cell::Null, Cell::Null];
        assert_eq!(SignalRow::of(Change::Delete(OldRow::Key(&row))), Some(SignalRow::Close("7".into())));
        assert_eq!(SignalRow::of(Change::Truncate), None);
        // Fewer columns than the three are no reason to break.
        assert!(matches!(SignalRow::of(Change::Insert(&[])), Some(SignalRow::Signal(_))));
    }
}
