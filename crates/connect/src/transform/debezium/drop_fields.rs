//! `drop.fields.*`: fields that a header names leave the row.

use std::convert::Infallible;
use std::sync::Arc;

use tailwater_connector::Problem;
use tailwater_event::connect::{ConnectRecord, Kind, Schema, Typed, Value};

use crate::bounded::Bounded;
use crate::transform::schema_cache::SchemaCache;

use super::field_reference::FieldReference;

/// The options.
pub(super) struct DropFields {
    /// The header whose value lists field names.
    pub(super) header: String,
    /// Whether the key loses them too.
    pub(super) from_key: bool,
    /// Whether only fields that allow null go.
    pub(super) compatible: bool,
    /// Whether a null that stays becomes its field's default.
    pub(super) replace_null: bool,
    /// By the names in the header, then by schema.
    pub(super) shapes: Bounded<Vec<String>, SchemaCache<Option<Shape>>>,
}

/// What stays of structs of one schema.
pub(super) struct Shape {
    schema: Arc<Schema>,
    dropped: Vec<bool>,
}

impl DropFields {
    /// Drops what the record's header names, but for what is to be kept.
    pub(super) fn apply(&mut self, record: &mut ConnectRecord, kept: &[FieldReference]) -> Result<(), Problem> {
        let Some(header) = record.headers.iter().find(|header| *header.name == *self.header) else { return Ok(()) };
        let names = match &header.value.value {
            Value::Null => return Ok(()),
            Value::Array(names) => names.iter().map(|name| name.as_text().map(str::to_owned)).collect(),
            _ => None,
        };
        let Some(mut names): Option<Vec<String>> = names else {
            return Err(Problem::config(
                "TRANSFORM_HEADER",
                format!("The header '{}' that 'drop.fields.header.name' names is no list of texts", self.header),
                "Let ExtractChangedRecordState or InsertHeader fill the header with a list such as [\"a\",\"b\"].",
            ));
        };
        names.retain(|name| !kept.iter().any(|kept| *kept.name == **name));
        let (compatible, replace_null) = (self.compatible, self.replace_null);
        let Ok::<_, Infallible>(shapes) = self.shapes.get_or_make(names.clone(), || Ok(SchemaCache::default()));
        if self.from_key {
            shrink(&mut record.key, &names, compatible, replace_null, shapes);
        }
        shrink(&mut record.value, &names, compatible, replace_null, shapes);
        Ok(())
    }
}

fn shrink(
    typed: &mut Typed,
    names: &[String],
    compatible: bool,
    replace_null: bool,
    shapes: &mut SchemaCache<Option<Shape>>,
) {
    let (Some(schema), Value::Struct(values)) = (&typed.schema, &mut typed.value) else { return };
    let Ok::<_, Infallible>(Some(shape)) = shapes.get(schema, |schema| Ok(shape(schema, names, compatible))) else {
        return;
    };
    let mut dropped = shape.dropped.iter();
    values.retain(|_| !dropped.next().copied().unwrap_or_default());
    if replace_null {
        for (value, field) in values.iter_mut().zip(shape.schema.fields()) {
            if let (Value::Null, Some(default)) = (&*value, &field.schema.default) {
                *value = default.clone();
            }
        }
    }
    typed.schema = Some(Arc::clone(&shape.schema));
}

/// `None` when nothing is dropped.
fn shape(schema: &Schema, names: &[String], compatible: bool) -> Option<Shape> {
    let fields = schema.fields();
    let drops = |name: &str, optional: bool| (optional || !compatible) && names.iter().any(|n| n == name);
    let dropped: Vec<bool> = fields.iter().map(|field| drops(&field.name, field.schema.optional)).collect();
    if !dropped.contains(&true) {
        return None;
    }
    let kept = fields.iter().zip(&dropped).filter(|(_, dropped)| !**dropped).map(|(field, _)| field.clone()).collect();
    let schema = Schema { kind: Kind::Struct(kept), optional: false, default: None, ..schema.clone() };
    Some(Shape { schema: Arc::new(schema), dropped })
}
