//! Rows of a query, as text.

use std::ops::Range;

use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::DataRowBody;

use super::error::ClientError;

/// One row: every value in PostgreSQL's text form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    text: String,
    cells: Vec<Option<Range<usize>>>,
}

impl Row {
    /// A value; `None` for NULL and beyond the last column.
    pub fn get(&self, index: usize) -> Option<&str> {
        let range = self.cells.get(index)?.clone()?;
        self.text.get(range)
    }

    /// A value, the empty text for NULL.
    pub fn text(&self, index: usize) -> &str {
        self.get(index).unwrap_or_default()
    }

    /// Whether a boolean is true.
    pub fn flag(&self, index: usize) -> bool {
        self.get(index) == Some("t")
    }

    pub(super) fn new(body: DataRowBody) -> Result<Row, ClientError> {
        let not_text = || ClientError::protocol("a row of a query is not UTF-8 text");
        let mut row = Row { text: String::new(), cells: Vec::new() };
        let mut ranges = body.ranges();
        while let Some(range) = ranges.next().map_err(|e| ClientError::protocol(e.to_string()))? {
            let cell = match range {
                None => None,
                Some(range) => {
                    let bytes = body.buffer().get(range).ok_or_else(not_text)?;
                    let start = row.text.len();
                    row.text.push_str(std::str::from_utf8(bytes).map_err(|_| not_text())?);
                    Some(start..row.text.len())
                }
            };
            row.cells.push(cell);
        }
        Ok(row)
    }
}
