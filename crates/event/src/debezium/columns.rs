//! A plan's columns: codec and the constant forms that stand in for a value, and rows encoded through them.

use crate::{Cell, Column, TableSchema};

use super::value::json::quoted;
use super::value::{Codec, Written};
use super::{ColumnShape, EncodeError, EncodeOptions, TableShape};

const NULL: &[u8] = b"null";

/// A column that events carry.
#[derive(Clone, Debug)]
pub(super) struct PlanColumn {
    pub(super) name: String,
    /// The name in events.
    pub(super) field: String,
    /// Its cell in a row.
    pub(super) cell: usize,
    pub(super) codec: Codec,
    pub(super) optional: bool,
    pub(super) in_identity: bool,
    /// Whether the original's snapshot selects it: not a key column that rows leave out.
    pub(super) selected: bool,
    /// `default` of the field schema.
    pub(super) default: Option<Vec<u8>>,
    /// SQL NULL in a row and in a key: null, or the default where the converter replaces it.
    pub(super) null: Vec<u8>,
    pub(super) key_null: Vec<u8>,
    /// A value of an old row that was not sent, in a row and in a key.
    pub(super) unknown: Vec<u8>,
    pub(super) key_unknown: Vec<u8>,
    /// A TOASTed value that was not sent.
    pub(super) unavailable: Vec<u8>,
    /// Further parameters of the field schema.
    pub(super) parameters: Vec<(String, String)>,
    /// Which property loses values of it.
    pub(super) loss: Option<&'static str>,
}

/// The columns that events of a table carry.
#[derive(Clone, Debug)]
pub(super) struct PlanColumns {
    /// Those of rows, in table order; then those whose form in the key is another one, or that only the key has.
    pub(super) all: Vec<PlanColumn>,
    /// How many of them rows have.
    pub(super) row: usize,
    /// The key, as indices into `all`.
    pub(super) key: Vec<usize>,
    /// Columns that events leave out although their type has a form, with the property that does.
    pub(super) hidden: Vec<(String, &'static str)>,
}

/// The columns of a table that have a form in events, and the key. Keys carry what the column holds, whatever the
/// shape does to rows.
pub(super) fn compile(schema: &TableSchema, shape: &TableShape, options: &EncodeOptions) -> PlanColumns {
    let key_options = EncodeOptions { json_decimal: options.key_json_decimal, ..options.clone() };
    let (mut all, mut hidden) = (Vec::new(), Vec::new());
    for (cell, column) in schema.columns.iter().enumerate() {
        let Some(codec) = Codec::resolve(&column.ty, options) else { continue };
        let shape = shape.column(cell);
        match shape.loss() {
            Some(loss) if shape.hidden => hidden.push((column.name.clone(), loss)),
            _ => all.push(PlanColumn::new(cell, column, shape, codec, options)),
        }
    }
    let row = all.len();
    // The original's snapshot selects all columns of a table that is left none.
    let none_selected = (0..schema.columns.len()).all(|cell| shape.column(cell).hidden);
    let mut key = Vec::new();
    for &cell in &schema.key {
        let Some(column) = schema.columns.get(cell) else { continue };
        let Some(codec) = Codec::resolve(&column.ty, &key_options) else { continue };
        let at = all.iter().position(|c| c.cell == cell && c.codec == codec).unwrap_or_else(|| {
            let mut alone = PlanColumn::new(cell, column, &ColumnShape::default(), codec, &key_options);
            alone.selected = none_selected || !shape.column(cell).hidden;
            all.push(alone);
            all.len() - 1
        });
        key.push(at);
    }
    PlanColumns { all, row, key, hidden }
}

impl PlanColumn {
    fn new(cell: usize, column: &Column, shape: &ColumnShape, codec: Codec, options: &EncodeOptions) -> PlanColumn {
        let codec = match &shape.masking {
            Some(masking) => codec.shaped(masking),
            None => codec,
        };
        let default = codec.schema_default(column, options.strict);
        let null = |replace: bool| default.as_deref().filter(|_| replace).unwrap_or(NULL).to_vec();
        let (row_null, key_null) = (null(options.value_replace_null), null(options.key_replace_null));
        let fallback = default.clone().unwrap_or_else(|| codec.zero());
        let (row_null, row_fallback) = match &codec {
            Codec::Shaped(shaped) => {
                (shaped.null().unwrap_or(row_null), shaped.fallback(fallback.clone(), options.strict))
            }
            _ => (row_null, fallback.clone()),
        };
        PlanColumn {
            name: column.name.clone(),
            field: options.field_names.field(&column.name),
            cell,
            optional: column.nullable,
            in_identity: column.in_identity,
            selected: true,
            unknown: if column.nullable { row_null.clone() } else { row_fallback },
            // A key value is never made up, except where the original's mistakes are asked for.
            key_unknown: match (column.nullable, options.strict) {
                (true, _) => key_null.clone(),
                (false, true) => fallback,
                (false, false) => NULL.to_vec(),
            },
            unavailable: codec.placeholder(column, options).unwrap_or_else(|| row_null.clone()),
            null: row_null,
            key_null,
            default,
            parameters: shape.parameters.clone(),
            loss: if matches!(codec, Codec::Shaped(_)) { shape.loss() } else { codec.loss() },
            codec,
        }
    }

    /// `"name":`.
    pub(super) fn label(&self) -> Vec<u8> {
        let mut label = quoted(&self.field);
        label.push(b':');
        label
    }
}

/// Which cells of a row carry values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    All,
    /// Those of the replica identity.
    Identity,
    /// Those that the original's snapshot selects.
    Selected,
}

impl Known {
    pub(super) fn covers(self, column: &PlanColumn) -> bool {
        match self {
            Known::All => true,
            Known::Identity => column.in_identity,
            Known::Selected => column.selected,
        }
    }
}

/// Where a column's JSON is.
#[derive(Clone, Copy, Debug)]
enum Form {
    Encoded { start: usize, end: usize },
    Null,
    Unknown,
    Unavailable,
}

/// One row in JSON, cell by cell, in buffers that are kept from row to row.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    bytes: Vec<u8>,
    forms: Vec<Form>,
}

/// A buffer of more bytes than this is given back after the event that needed it.
const KEPT_BYTES: usize = 1 << 20;

impl Image {
    /// Encodes a row. A value that the update did not send is taken from the old row where that has it.
    pub(super) fn fill(
        &mut self,
        columns: &[PlanColumn],
        row: &[Cell<'_>],
        known: Known,
        old: Option<(&[Cell<'_>], Known)>,
        strict: bool,
    ) -> Result<(), EncodeError> {
        self.forms.clear();
        self.bytes.clear();
        for column in columns {
            let mut cell = row.get(column.cell).copied().ok_or_else(|| short_row(column))?;
            if let (Cell::Unchanged, Some((old, old_known))) = (cell, old)
                && old_known.covers(column)
            {
                cell = old.get(column.cell).copied().ok_or_else(|| short_row(column))?;
            }
            let form = match cell {
                _ if !known.covers(column) => Form::Unknown,
                Cell::Null => Form::Null,
                Cell::Unchanged => Form::Unavailable,
                Cell::Text(text) => {
                    let start = self.bytes.len();
                    match column.codec.encode(text, strict, &mut self.bytes) {
                        Ok(Written::Value) => Form::Encoded { start, end: self.bytes.len() },
                        Ok(Written::Null) => Form::Null,
                        Err(reason) => return Err(EncodeError { column: column.name.clone(), reason }),
                    }
                }
            };
            self.forms.push(form);
        }
        Ok(())
    }

    /// Gives a buffer back that one big row needed.
    pub(super) fn trim(&mut self) {
        if self.bytes.capacity() > KEPT_BYTES {
            *self = Image::default();
        }
    }

    /// A column's JSON in a row.
    pub(super) fn value<'a>(&'a self, at: usize, column: &'a PlanColumn) -> &'a [u8] {
        match self.forms.get(at) {
            Some(Form::Encoded { start, end }) => self.bytes.get(*start..*end).unwrap_or(NULL),
            Some(Form::Null) | None => &column.null,
            Some(Form::Unknown) => &column.unknown,
            Some(Form::Unavailable) => &column.unavailable,
        }
    }

    /// A column's JSON in a key.
    pub(super) fn key_value<'a>(&'a self, at: usize, column: &'a PlanColumn) -> &'a [u8] {
        match self.forms.get(at) {
            Some(Form::Null) => &column.key_null,
            Some(Form::Unknown) => &column.key_unknown,
            _ => self.value(at, column),
        }
    }

    /// Whether two rows hold the same in a column of rows. NULL is not the default that a converter shows for it.
    pub(super) fn same_value(&self, other: &Image, at: usize, column: &PlanColumn) -> bool {
        self.value(at, column) == other.value(at, column)
            && (self.is_null(at, column) == other.is_null(at, column) || column.codec.hides_null())
    }

    /// The same of a key.
    pub(super) fn same_key_value(&self, other: &Image, at: usize, column: &PlanColumn) -> bool {
        self.key_value(at, column) == other.key_value(at, column)
            && self.is_null(at, column) == other.is_null(at, column)
    }

    fn is_null(&self, at: usize, column: &PlanColumn) -> bool {
        match self.forms.get(at) {
            Some(Form::Null) | None => true,
            Some(Form::Unknown) => column.optional,
            Some(Form::Encoded { .. } | Form::Unavailable) => false,
        }
    }

    /// Whether the value was not sent with the old row.
    pub(super) fn is_unknown(&self, at: usize) -> bool {
        matches!(self.forms.get(at), Some(Form::Unknown))
    }
}

fn short_row(column: &PlanColumn) -> EncodeError {
    EncodeError { column: column.name.clone(), reason: "the row has fewer cells than the table has columns" }
}
