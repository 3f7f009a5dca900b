//! From a record back to a change, through the descriptor of the plan that wrote it.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::columns::{self, PlanColumn, PlanColumns};
use super::envelope::Layout;
use super::{EncodeOptions, descriptor};
use crate::{ReplicaIdentity, TableName};

/// Bytes that the plan did not write, or a value that one of its options did not keep.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a record of this plan: {0}")]
pub struct DecodeError(pub String);

/// One column's value, read back. The states stay apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// SQL NULL.
    Null,
    /// Canonical text: as PostgreSQL writes it.
    Text(String),
    /// An unchanged TOAST value that was not sent.
    Unavailable,
    /// A column of an old row of which only the key was sent.
    Unknown,
}

/// A change, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// `c`, `u`, `d`, `r` or `t`.
    pub op: char,
    /// The row before, in the order of [`Reader::columns`].
    pub before: Option<Vec<Field>>,
    /// The row after.
    pub after: Option<Vec<Field>>,
    /// `source.ts_us`.
    pub source_time_us: i64,
}

/// Reads the records of one plan.
#[derive(Clone, Debug)]
pub struct Reader {
    table: TableName,
    names: Vec<String>,
    key: Vec<usize>,
    /// Those of rows.
    columns: Vec<PlanColumn>,
    hidden: Vec<(String, &'static str)>,
    /// `{"schema":…,"payload":` as the plan writes it; empty without schemas.
    prefix: Vec<u8>,
    options: EncodeOptions,
    whole_old_rows: bool,
}

const HIDDEN_NULL: &str = "NULL and the column's default look the same under replace.null.with.default=true";

/// The parts of an envelope that are read back.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    before: Option<Row<'a>>,
    #[serde(borrow)]
    after: Option<Row<'a>>,
    source: Source,
    op: char,
}

#[derive(Deserialize)]
struct Source {
    ts_us: i64,
}

/// The members of a row, in the order they stand.
struct Row<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Row<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Row<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    members.push((name, map.next_value::<&'de RawValue>().map_err(de::Error::custom)?));
                }
                Ok(Row(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl Reader {
    /// From [`Plan::descriptor`](super::Plan::descriptor).
    pub fn new(descriptor: &[u8]) -> Result<Reader, DecodeError> {
        let descriptor::Described { schema, shape, options, topic } = descriptor::read(descriptor)?;
        let columns = columns::compile(&schema, &shape, &options);
        let prefix = Layout::compile(&schema, &topic, &columns, None, &options).value_prefix;
        let PlanColumns { all: mut columns, row, key, hidden } = columns;
        let cell = |at: &usize| columns.get(*at).map(|column| column.cell);
        let in_row = |cell: usize| columns.iter().take(row).position(|column| column.cell == cell);
        let key = key.iter().filter_map(cell).filter_map(in_row).collect();
        columns.truncate(row);
        Ok(Reader {
            prefix,
            names: columns.iter().map(|column| column.name.clone()).collect(),
            table: schema.name,
            key,
            columns,
            hidden,
            options,
            whole_old_rows: schema.replica_identity == ReplicaIdentity::Full,
        })
    }

    /// `schema.table`.
    pub fn table(&self) -> &TableName {
        &self.table
    }

    /// Column names of the table, in its order (columns that rows leave out are not among them).
    pub fn columns(&self) -> &[String] {
        &self.names
    }

    /// Indices of the key's columns into [`Reader::columns`]; key columns that rows leave out are missing.
    pub fn key(&self) -> &[usize] {
        &self.key
    }

    /// What a reader of this plan cannot read back, one line a column with the option that lost it; empty for a plan
    /// that can be inverted. Sinks that need every value ask before they start.
    pub fn losses(&self) -> Vec<String> {
        let loss = |column: &PlanColumn| match column.loss {
            None if self.may_hide_null(column) => Some(HIDDEN_NULL),
            loss => loss,
        };
        let in_rows = self.columns.iter().filter_map(|c| loss(c).map(|loss| (&c.name, loss)));
        let hidden = self.hidden.iter().map(|(name, loss)| (name, *loss));
        in_rows.chain(hidden).map(|(name, loss)| format!("column {name}: {loss}")).collect()
    }

    /// Reads a value back. `None` for a tombstone.
    ///
    /// What the mapping itself does not keep stays lost: trailing zeros of an unconstrained numeric, the zone of a
    /// `timetz`, all but one dimension of an array, that a `varbit(1)` has no bit rather than being NULL. What an option lost is an error that names it.
    pub fn decode(&self, value: Option<&[u8]>) -> Result<Option<Decoded>, DecodeError> {
        let Some(value) = value else { return Ok(None) };
        let end = value.len() - usize::from(self.options.value_schemas && !value.is_empty());
        let payload = value
            .get(..end)
            .and_then(|v| v.strip_prefix(self.prefix.as_slice()))
            .ok_or_else(|| DecodeError("the schema block is another one".into()))?;
        let envelope: Envelope<'_> =
            serde_json::from_slice(payload).map_err(|error| DecodeError(format!("the envelope: {error}")))?;
        Ok(Some(Decoded {
            op: envelope.op,
            before: envelope.before.map(|row| self.row(&row, self.whole_old_rows)).transpose()?,
            after: envelope.after.map(|row| self.row(&row, true)).transpose()?,
            source_time_us: envelope.source.ts_us,
        }))
    }

    fn row(&self, row: &Row<'_>, whole: bool) -> Result<Vec<Field>, DecodeError> {
        if row.0.len() != self.columns.len() {
            return Err(DecodeError("the row has other columns".into()));
        }
        let mut fields = Vec::with_capacity(row.0.len());
        for (column, (name, json)) in self.columns.iter().zip(&row.0) {
            if *name != column.field {
                return Err(DecodeError("the row has other columns".into()));
            }
            fields.push(if whole || column.in_identity {
                self.field(column, json.get()).map_err(|why| DecodeError(format!("column {}: {why}", column.name)))?
            } else {
                Field::Unknown
            });
        }
        Ok(fields)
    }

    fn field(&self, column: &PlanColumn, json: &str) -> Result<Field, String> {
        if json == "null" {
            return Ok(Field::Null);
        }
        if let Some(loss) = column.loss {
            return Err(loss.into());
        }
        if json.as_bytes() == column.unavailable {
            return Ok(Field::Unavailable);
        }
        if self.may_hide_null(column) && column.default.as_deref() == Some(json.as_bytes()) {
            return Err(HIDDEN_NULL.into());
        }
        column.codec.text(json).map(Field::Text)
    }

    /// Whether the converter wrote the column's default in place of NULL.
    fn may_hide_null(&self, column: &PlanColumn) -> bool {
        self.options.value_replace_null && column.optional && column.default.is_some()
    }
}
