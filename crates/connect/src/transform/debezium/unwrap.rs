//! `ExtractNewRecordState`: the row instead of the envelope.
//!
//! Schemas and places are found once per schema of envelopes; a record then costs moving its row out of the envelope.

use std::sync::Arc;

use tailwater_connector::property::{Form, check};
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectHeader, ConnectRecord, Field, Kind, Schema, Typed, Value};

use crate::bounded::Bounded;
use crate::limits::DROPPED_LISTS;
use crate::transform::schema_cache::SchemaCache;
use crate::transform::{Transform, TransformClass};

use super::drop_fields::DropFields;
use super::envelope::{is_envelope, no_field, not_a_struct, place};
use super::field_reference::{FieldReference, Resolved};
use super::{Configured, finish, invalid, strict};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &["io.debezium.transforms.ExtractNewRecordState", "io.debezium.transforms.UnwrapFromEnvelope"],
    properties: PROPERTIES,
    repeats_mistakes: true,
    configure,
};

const MODE: &str = "delete.tombstone.handling.mode";
/// What says of a rewritten row whether it was deleted.
const DELETED: &str = "__deleted";
const MODES: &[&str] = &["tombstone", "drop", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone"];

const PROPERTIES: &[Property] = &[
    Property::new(
        MODE,
        Form::OneOf(MODES),
        Some("tombstone"),
        "what becomes of deletes and of the tombstones after them",
    ),
    Property::new(
        "delete.handling.mode",
        Form::OneOf(&["drop", "rewrite", "none"]),
        None,
        "deletes, before version 2.5",
    ),
    Property::new("drop.tombstones", Form::Bool, None, "tombstones, before version 2.5"),
    Property::new("add.fields", Form::List, Some(""), "fields of the envelope that the row gets: op,source.ts_ms:at"),
    Property::new("add.fields.prefix", Form::Text, Some("__"), "what their names begin with"),
    Property::new(
        "add.headers",
        Form::List,
        Some(""),
        "fields of the envelope that become headers: op,source.ts_ms:at",
    ),
    Property::new("add.headers.prefix", Form::Text, Some("__"), "what their names begin with"),
    Property::new("route.by.field", Form::Text, Some(""), "the field of the row that holds the topic"),
    Property::new("drop.fields.header.name", Form::Text, None, "the header that lists fields to drop"),
    Property::new("drop.fields.from.key", Form::Bool, Some("false"), "whether the key loses these fields too"),
    Property::new(
        "drop.fields.keep.schema.compatible",
        Form::Bool,
        Some("true"),
        "whether only fields that allow null go",
    ),
    Property::new(
        "replace.null.with.default",
        Form::Bool,
        Some("true"),
        "whether a rewritten row has its column's default for null",
    ),
];

/// What becomes of a delete.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Deletes {
    Drop,
    /// Null that keeps the row's schema.
    Null,
    /// Null without a schema.
    Tombstone,
    /// The old row, and `__deleted` in every row.
    Rewrite,
}

struct Unwrap {
    /// Whether Debezium's mistakes are repeated.
    strict: bool,
    deletes: Deletes,
    keep_tombstones: bool,
    replace_null: bool,
    route_by: Option<String>,
    fields: Vec<FieldReference>,
    headers: Vec<FieldReference>,
    drop: Option<DropFields>,
    /// By schema of values; `None` for what is no envelope.
    plans: SchemaCache<Option<Plan>>,
}

/// What is known about envelopes of one schema.
struct Plan {
    before: Side,
    after: Side,
    fields: Vec<Resolved>,
    headers: Vec<Resolved>,
}

/// The row before or after the change.
struct Side {
    at: usize,
    /// Its schema in the envelope, that of a null.
    null: Arc<Schema>,
    /// Its schema as it is written.
    row: Arc<Schema>,
    /// The place of the topic in it.
    route: Option<usize>,
    /// What stands for null, by place.
    defaults: Vec<(usize, Value)>,
}

impl Transform for Unwrap {
    fn apply(&mut self, record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        let mut unwrapped = self.unwrap(record)?;
        if let (Some(drop), Some(record)) = (&mut self.drop, &mut unwrapped) {
            // In Debezium fields are dropped of deleted rows before others are added to them.
            let kept = if self.strict && is_deleted(record) { self.fields.as_slice() } else { &[] };
            drop.apply(record, kept)?;
        }
        Ok(unwrapped)
    }

    /// Of an envelope nothing but the row goes on.
    fn unused(&self, value: &Schema) -> Vec<usize> {
        let plan = is_envelope(value)
            .then(|| Plan::new(value, false, false, self.route_by.as_deref(), &self.fields, &self.headers).ok());
        let Some(plan) = plan.flatten() else { return Vec::new() };
        let added = || plan.fields.iter().chain(&plan.headers).map(Resolved::place);
        let used = |at: &usize| [plan.before.at, plan.after.at].contains(at) || added().any(|place| place == *at);
        (0..value.fields().len()).filter(|at| !used(at)).collect()
    }
}

impl Unwrap {
    fn unwrap(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        if record.value.value.is_null() {
            return Ok(self.keep_tombstones.then(|| {
                record.headers.extend(tombstone_headers(&self.headers));
                record
            }));
        }
        let Some(schema) = record.value.schema.clone() else { return Ok(Some(record)) };
        let Unwrap { deletes, replace_null, route_by, fields, headers, plans, .. } = self;
        let rewrite = *deletes == Deletes::Rewrite;
        let derive = |schema: &Arc<Schema>| {
            is_envelope(schema)
                .then(|| Plan::new(schema, rewrite, rewrite && *replace_null, route_by.as_deref(), fields, headers))
                .transpose()
        };
        let Some(plan) = plans.get(&schema, derive)? else { return Ok(Some(record)) };
        let Value::Struct(mut envelope) = std::mem::replace(&mut record.value.value, Value::Null) else {
            return Err(not_a_struct(&schema));
        };
        let null = |at: usize| envelope.get(at).is_none_or(Value::is_null);
        let deleted = null(plan.after.at);
        if deleted && (*deletes == Deletes::Drop || null(plan.before.at)) {
            // Neither row: a truncate.
            return Ok(None);
        }
        let side = if deleted { &plan.before } else { &plan.after };
        let Some(Value::Struct(mut row)) = envelope.get_mut(side.at).map(|row| std::mem::replace(row, Value::Null))
        else {
            return Err(not_a_struct(&schema));
        };
        for added in &plan.headers {
            let value = added.value(&envelope, side.at, &row);
            let value = Typed { schema: Some(Arc::clone(&added.schema)), value };
            record.headers.push(ConnectHeader { name: Arc::clone(&added.name), value });
        }
        if let Some(topic) = side.route.and_then(|at| row.get(at)).and_then(Value::as_text)
            && !topic.trim().is_empty()
        {
            record.topic = topic.into();
        }
        if deleted && !rewrite {
            let schema = (*deletes == Deletes::Null).then(|| Arc::clone(&plan.after.null));
            record.value = Typed { schema, value: Value::Null };
            return Ok(Some(record));
        }
        for (at, default) in &side.defaults {
            if let Some(value @ Value::Null) = row.get_mut(*at) {
                *value = default.clone();
            }
        }
        row.reserve_exact(usize::from(rewrite) + plan.fields.len());
        if rewrite {
            row.push(Value::Text(deleted.to_string()));
        }
        for added in &plan.fields {
            row.push(added.value(&envelope, side.at, &row));
        }
        record.value = Typed { schema: Some(Arc::clone(&side.row)), value: Value::Struct(row) };
        Ok(Some(record))
    }
}

impl Plan {
    fn new(
        envelope: &Schema,
        rewrite: bool,
        replace_null: bool,
        route_by: Option<&str>,
        fields: &[FieldReference],
        headers: &[FieldReference],
    ) -> Result<Plan, Problem> {
        let resolve = |references: &[FieldReference]| -> Result<Vec<Resolved>, Problem> {
            references.iter().filter_map(|reference| reference.resolve(envelope).transpose()).collect()
        };
        let fields = resolve(fields)?;
        let mut added = Vec::new();
        if rewrite {
            added.push(Field::new(DELETED, Schema::new(Kind::Text).optional()));
        }
        added.extend(fields.iter().map(|field| Field::new(Arc::clone(&field.name), Arc::clone(&field.schema))));
        let after = Side::new(envelope, "after", &added, replace_null, route_by)?;
        let mut before = Side::new(envelope, "before", &added, replace_null, route_by)?;
        if before.row == after.row {
            // So that later transforms and the converter meet one schema.
            before.row = Arc::clone(&after.row);
        }
        Ok(Plan { before, after, fields, headers: resolve(headers)? })
    }
}

impl Side {
    fn new(
        envelope: &Schema,
        name: &str,
        added: &[Field],
        replace_null: bool,
        route_by: Option<&str>,
    ) -> Result<Side, Problem> {
        let at = place(envelope, name)?;
        let null =
            envelope.fields().get(at).map(|field| Arc::clone(&field.schema)).ok_or_else(|| no_field(envelope, name))?;
        let Kind::Struct(columns) = &null.kind else { return Err(not_a_struct(&null)) };
        let route = match route_by {
            None => None,
            Some(column) => match null.field(column).ok_or_else(|| no_field(&null, column))? {
                (at, field) if field.schema.kind == Kind::Text => Some(at),
                (_, field) => {
                    return Err(invalid(
                        "route.by.field",
                        format!("Field '{column}' is not of type STRING but {}", field.schema.kind.name()),
                        "Name a text column in 'route.by.field'.",
                    ));
                }
            },
        };
        let default = |field: &Field| field.schema.default.clone().filter(|_| replace_null);
        let defaults = columns.iter().enumerate().filter_map(|(at, field)| Some((at, default(field)?))).collect();
        let kind = Kind::Struct(columns.iter().chain(added).cloned().collect());
        let row = Schema {
            kind,
            optional: false,
            name: null.name.clone(),
            version: null.version,
            doc: null.doc.clone(),
            parameters: null.parameters.clone(),
            default: None,
        };
        Ok(Side { at, null, row: row.into(), route, defaults })
    }
}

/// Whether it is a rewritten row of a delete.
fn is_deleted(record: &ConnectRecord) -> bool {
    record.value.field(DELETED).is_some_and(|(_, value)| value.as_text() == Some("true"))
}

/// Of the headers asked for, a tombstone has only that it is a delete.
fn tombstone_headers(headers: &[FieldReference]) -> impl Iterator<Item = ConnectHeader> {
    headers.iter().filter(|reference| reference.field == "op").map(|reference| ConnectHeader {
        name: Arc::clone(&reference.name),
        value: Typed::new(Schema::new(Kind::Text), Value::Text("d".into())),
    })
}

fn configure(_: &str, config: &Config) -> Configured {
    let (config, strict) = strict(config);
    let old = config.get(MODE).is_none() && !strict;
    let (config, mut problems) = check(&config, PROPERTIES);
    let (deletes, keep_tombstones) = match old.then(|| old_mode(&config)).flatten() {
        Some(mode) => mode,
        None => match config.text(MODE).trim().to_ascii_lowercase().as_str() {
            "drop" => (Deletes::Drop, false),
            "rewrite" => (Deletes::Rewrite, false),
            "rewrite-with-tombstone" => (Deletes::Rewrite, true),
            "delete-to-tombstone" => (Deletes::Tombstone, false),
            _ => (Deletes::Null, false),
        },
    };
    for name in ["delete.handling.mode", "drop.tombstones"] {
        if config.get(name).is_some() {
            let (wins, mode) = match old_mode(&config) {
                _ if old => (
                    ", which is honoured here and has no effect in Debezium since 3.2",
                    modern(deletes, keep_tombstones),
                ),
                Some((deletes, keep)) if strict => {
                    (", and has no effect, as in Debezium since 3.2", modern(deletes, keep))
                }
                _ => (", which is also set and wins", config.text(MODE)),
            };
            problems.push(
                Problem::config(
                    "PROPERTY_RENAMED",
                    format!("'{name}' is of a version before '{MODE}'{wins}"),
                    format!("Remove 'delete.handling.mode' and 'drop.tombstones', set '{MODE}' to {mode}."),
                )
                .warning(),
            );
        }
    }
    let mut references = |option: &str| {
        let prefix = config.text(&format!("{option}.prefix"));
        let (references, found) = FieldReference::parse_list(option, prefix, &config.list(option));
        problems.extend(found);
        references
    };
    let (fields, headers) = (references("add.fields"), references("add.headers"));
    let named = |option: &str| Some(config.text(option).trim().to_owned()).filter(|name| !name.is_empty());
    let replace_null = config.flag("replace.null.with.default");
    let drop = named("drop.fields.header.name").map(|header| DropFields {
        header,
        from_key: config.flag("drop.fields.from.key"),
        compatible: config.flag("drop.fields.keep.schema.compatible"),
        replace_null,
        shapes: Bounded::new(DROPPED_LISTS),
    });
    let route_by = named("route.by.field");
    let unwrap = Unwrap {
        strict,
        deletes,
        keep_tombstones,
        replace_null,
        route_by,
        fields,
        headers,
        drop,
        plans: SchemaCache::default(),
    };
    finish(Some(unwrap), problems)
}

/// The mode that the options before version 2.5 say; `None` when neither is set.
fn old_mode(config: &Config) -> Option<(Deletes, bool)> {
    let (mode, drop) = (config.get("delete.handling.mode"), config.get("drop.tombstones"));
    if mode.is_none() && drop.is_none() {
        return None;
    }
    let deletes = match mode.unwrap_or("drop").trim().to_ascii_lowercase().as_str() {
        "rewrite" => Deletes::Rewrite,
        "none" => Deletes::Null,
        _ => Deletes::Drop,
    };
    Some((deletes, drop.is_some_and(|drop| !drop.trim().eq_ignore_ascii_case("true"))))
}

/// Today's name of a mode, the nearest one where the old options could say more.
fn modern(deletes: Deletes, keep_tombstones: bool) -> &'static str {
    match (deletes, keep_tombstones) {
        (Deletes::Rewrite, true) => "rewrite-with-tombstone",
        (Deletes::Rewrite, false) => "rewrite",
        (Deletes::Drop, true) | (Deletes::Tombstone, _) => "delete-to-tombstone",
        (Deletes::Drop, false) => "drop",
        (Deletes::Null, _) => "tombstone",
    }
}

#[cfg(test)]
mod tests;
