//! Row plans: schema block and labels are compiled once, values are formatted per row.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::debezium::value::json::{push_str, quoted};
use crate::debezium::{EncodeError, JsonDecimal};
use crate::{Cell, Column, FragmentId, Fragments, RecordWriter, SlotId};

use super::RowOptions;
use super::field::Form;

/// The layout of the descriptor.
const VERSION: u32 = 1;
/// The descriptor's word for this form.
const ROW: &str = "row";
/// The descriptor's word for records that were changed on their way.
const CONVERTED: &str = "converted";
/// A buffer of more bytes than this is given back after the row that needed it.
const KEPT_BYTES: usize = 1 << 20;

/// Whether a plan's descriptor is one of rows, which have no before and no operation.
pub fn is_row_descriptor(descriptor: &[u8]) -> bool {
    form(descriptor).is_some_and(|form| form == ROW)
}

/// What says to readers that records were changed on their way from the source (transforms, converters), so that nothing but
/// their bytes is known.
pub fn converted_descriptor(transforms: &[&str], key: &str, value: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Converted<'a> {
        version: u32,
        form: &'static str,
        transforms: &'a [&'a str],
        key: &'a str,
        value: &'a str,
    }
    serde_json::to_vec(&Converted { version: VERSION, form: CONVERTED, transforms, key, value }).unwrap_or_default()
}

/// Whether a plan's descriptor is one of [`converted_descriptor`].
pub fn is_converted_descriptor(descriptor: &[u8]) -> bool {
    form(descriptor).is_some_and(|form| form == CONVERTED)
}

fn form(descriptor: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Head {
        form: String,
    }
    serde_json::from_slice::<Head>(descriptor).ok().map(|head| head.form)
}

/// What rows consist of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowSchema {
    /// The struct's name: the table's; none for the rows of a query.
    pub name: Option<String>,
    /// Columns in the order of a row's cells; only name, type and nullability count.
    pub columns: Vec<Column>,
}

/// An encode plan for rows of one shape.
#[derive(Clone, Debug)]
pub struct RowPlan {
    fields: Vec<Field>,
    left_out: Vec<usize>,
    fragments: Fragments,
    descriptor: Vec<u8>,
    /// JSON of the row under work, with the end of each value.
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Field {
    name: String,
    cell: usize,
    form: Form,
    optional: bool,
    /// What stands before the value.
    label: FragmentId,
}

/// What a reader of the records needs: Connect's own schema says how each field is to be read.
#[derive(Serialize)]
struct Descriptor<'a> {
    version: u32,
    form: &'static str,
    schema: &'a RawValue,
    schemas: bool,
    decimal_numbers: bool,
}

impl RowPlan {
    /// Compiles a plan.
    pub fn compile(schema: &RowSchema, options: &RowOptions) -> RowPlan {
        let mut left_out = Vec::new();
        let mut fields = Vec::new();
        for (cell, column) in schema.columns.iter().enumerate() {
            match Form::resolve(column, options) {
                Some(form) => fields.push(Field {
                    name: column.name.clone(),
                    cell,
                    form,
                    optional: column.nullable,
                    label: FragmentId(0),
                }),
                None => left_out.push(cell),
            }
        }
        let block = schema_block(schema.name.as_deref(), &fields);
        let mut open = Vec::new();
        if options.schemas {
            open.extend_from_slice(&[&b"{\"schema\":"[..], &block, b",\"payload\":"].concat());
        }
        open.push(b'{');
        let mut fragments = vec![if options.schemas { b"}}".to_vec() } else { b"}".to_vec() }];
        for field in &mut fields {
            open.extend(quoted(&field.name));
            open.push(b':');
            // PostgreSQL allows 1,664 columns in a result.
            field.label = FragmentId(u16::try_from(fragments.len()).unwrap_or(u16::MAX));
            fragments.push(std::mem::replace(&mut open, b",".to_vec()));
        }
        if fields.is_empty() {
            fragments.push(open);
        }
        RowPlan {
            fields,
            left_out,
            fragments: Fragments::new(fragments),
            descriptor: descriptor(&block, options),
            bytes: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Columns of the schema that have no form in rows.
    pub fn left_out(&self) -> &[usize] {
        &self.left_out
    }

    /// The repeating bytes, for [`RecordWriter::prepare`].
    pub fn fragments(&self) -> &Fragments {
        &self.fragments
    }

    /// What tells a reader how the records are to be read: JSON with Connect's schema.
    pub fn descriptor(&self) -> Vec<u8> {
        self.descriptor.clone()
    }

    /// Writes one row as a record with a null key. On an error nothing was written.
    pub fn write(
        &mut self,
        timestamp_ms: i64,
        row: &[Cell<'_>],
        writer: &mut dyn RecordWriter,
    ) -> Result<(), EncodeError> {
        self.fill(row)?;
        writer.begin(timestamp_ms);
        writer.value();
        let mut start = 0;
        for (slot, (field, end)) in self.fields.iter().zip(&self.ends).enumerate() {
            writer.fragment(field.label);
            let slot = SlotId(u16::try_from(slot).unwrap_or(u16::MAX));
            writer.literal(slot, self.bytes.get(start..*end).unwrap_or_default());
            start = *end;
        }
        if self.fields.is_empty() {
            writer.fragment(FragmentId(1));
        }
        writer.fragment(FragmentId(0));
        writer.end();
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
        Ok(())
    }

    fn fill(&mut self, row: &[Cell<'_>]) -> Result<(), EncodeError> {
        self.bytes.clear();
        self.ends.clear();
        for field in &self.fields {
            let error = |reason| EncodeError { column: field.name.clone(), reason };
            match row.get(field.cell) {
                Some(Cell::Text(text)) => field.form.encode(text, &mut self.bytes).map_err(error)?,
                Some(Cell::Null) if field.optional => self.bytes.extend_from_slice(b"null"),
                Some(Cell::Null) => return Err(error("NULL in a column that is declared NOT NULL")),
                Some(Cell::Unchanged) | None => return Err(error("the row has no such cell")),
            }
            self.ends.push(self.bytes.len());
        }
        Ok(())
    }
}

/// Connect's schema of the struct, as the JSON converter writes it.
fn schema_block(name: Option<&str>, fields: &[Field]) -> Vec<u8> {
    let mut out = b"{\"type\":\"struct\",\"fields\":[".to_vec();
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        field.form.push_schema(field.optional, &mut out);
        out.extend_from_slice(b",\"field\":");
        push_str(&field.name, &mut out);
        out.push(b'}');
    }
    out.extend_from_slice(b"],\"optional\":false");
    if let Some(name) = name {
        out.extend_from_slice(b",\"name\":");
        push_str(name, &mut out);
    }
    out.push(b'}');
    out
}

fn descriptor(block: &[u8], options: &RowOptions) -> Vec<u8> {
    // The block is JSON of our own making: neither step can fail.
    let Ok(schema) = serde_json::from_slice::<&RawValue>(block) else { return Vec::new() };
    let descriptor = Descriptor {
        version: VERSION,
        form: ROW,
        schema,
        schemas: options.schemas,
        decimal_numbers: options.json_decimal == JsonDecimal::Numeric,
    };
    serde_json::to_vec(&descriptor).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ColumnType;

    /// Values of records, as bytes.
    #[derive(Default)]
    struct Sink {
        fragments: Fragments,
        bytes: Vec<u8>,
    }

    impl RecordWriter for Sink {
        fn prepare(&mut self, fragments: &Fragments) {
            self.fragments = fragments.clone();
        }
        fn begin(&mut self, timestamp_ms: i64) {
            assert_eq!(timestamp_ms, 7);
        }
        fn key(&mut self) {
            unreachable!("rows have no key");
        }
        fn value(&mut self) {}
        fn header(&mut self, _: &str) {
            unreachable!("rows have no headers");
        }
        fn null_header(&mut self, name: &str) {
            self.header(name);
        }
        fn fragment(&mut self, id: FragmentId) {
            self.bytes.extend_from_slice(self.fragments.get(id));
        }
        fn literal(&mut self, _: SlotId, bytes: &[u8]) {
            self.bytes.extend_from_slice(bytes);
        }
        fn end(&mut self) {
            self.bytes.push(b'\n');
        }
    }

    fn column(name: &str, ty: ColumnType, type_name: &str, nullable: bool) -> Column {
        Column {
            name: name.into(),
            ty,
            type_name: type_name.into(),
            nullable,
            in_identity: false,
            default: None,
            declared: crate::Declared::default(),
        }
    }

    fn written(schema: &RowSchema, schemas: bool, rows: &[&[Cell<'_>]]) -> String {
        let mut plan = RowPlan::compile(schema, &RowOptions { schemas, ..RowOptions::default() });
        let mut sink = Sink::default();
        sink.prepare(plan.fragments());
        rows.iter().for_each(|row| plan.write(7, row, &mut sink).unwrap());
        String::from_utf8(sink.bytes).unwrap()
    }

    fn table() -> RowSchema {
        let columns = vec![
            column("id", ColumnType::Int4, "int4", false),
            column("at", ColumnType::Point, "point", true),
            column("na\"me", ColumnType::Text, "text", true),
        ];
        RowSchema { name: Some("t".into()), columns }
    }

    #[test]
    fn a_row_is_a_flat_struct_named_as_the_table() {
        let row = [Cell::Text(b"1"), Cell::Text(b"(1,2)"), Cell::Null];
        assert_eq!(
            written(&table(), true, &[&row]),
            "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"int32\",\"optional\":false,\"field\":\"id\"},\
             {\"type\":\"string\",\"optional\":true,\"field\":\"na\\\"me\"}],\"optional\":false,\"name\":\"t\"},\
             \"payload\":{\"id\":1,\"na\\\"me\":null}}\n"
        );
        let rows: [&[Cell<'_>]; 2] = [&row, &[Cell::Text(b"2"), Cell::Null, Cell::Text(b"x")]];
        assert_eq!(written(&table(), false, &rows), "{\"id\":1,\"na\\\"me\":null}\n{\"id\":2,\"na\\\"me\":\"x\"}\n");
    }

    #[test]
    fn a_query_without_usable_columns_gives_empty_structs_without_a_name() {
        let schema = RowSchema { name: None, columns: vec![column("p", ColumnType::Point, "point", true)] };
        assert_eq!(
            written(&schema, true, &[&[Cell::Null]]),
            "{\"schema\":{\"type\":\"struct\",\"fields\":[],\"optional\":false},\"payload\":{}}\n"
        );
        assert_eq!(RowPlan::compile(&schema, &RowOptions::default()).left_out(), [0]);
    }

    #[test]
    fn a_value_without_form_names_its_column_and_writes_nothing() {
        let mut plan = RowPlan::compile(&table(), &RowOptions::default());
        let mut sink = Sink::default();
        let error = plan.write(7, &[Cell::Text(b"x"), Cell::Null, Cell::Null], &mut sink).unwrap_err();
        assert_eq!((error.column.as_str(), sink.bytes.len()), ("id", 0));
        assert!(plan.write(7, &[Cell::Null, Cell::Null, Cell::Null], &mut sink).is_err());
    }

    #[test]
    fn the_descriptor_holds_connects_schema() {
        let plan = RowPlan::compile(&table(), &RowOptions::default());
        let read: serde_json::Value = serde_json::from_slice(&plan.descriptor()).unwrap();
        assert!(is_row_descriptor(&plan.descriptor()) && !is_row_descriptor(b"{\"version\":1}"));
        assert_eq!((&read["form"], &read["schema"]["name"]), (&"row".into(), &"t".into()));
    }
}
