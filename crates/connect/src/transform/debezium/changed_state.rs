//! `ExtractChangedRecordState`: headers that list the fields which an update changed, and those it did not.

use std::sync::Arc;

use tailwater_connector::property::{Form, check};
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectHeader, ConnectRecord, Kind, Schema, Typed, Value};

use crate::transform::{Transform, TransformClass};

use super::envelope::is_envelope;
use super::{Configured, finish};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &["io.debezium.transforms.ExtractChangedRecordState"],
    properties: PROPERTIES,
    repeats_mistakes: false,
    configure,
};

const PROPERTIES: &[Property] = &[
    Property::new("header.changed.name", Form::Text, None, "the header for names of changed fields"),
    Property::new("header.unchanged.name", Form::Text, None, "the header for names of the others"),
];

struct ChangedState {
    changed: Option<Header>,
    unchanged: Option<Header>,
}

struct Header {
    name: Arc<str>,
    schema: Arc<Schema>,
}

impl Transform for ChangedState {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        if !record.value.schema.as_deref().is_some_and(is_envelope) || record.value.value.is_null() {
            return Ok(Some(record));
        }
        let row = |name: &str| {
            let (schema, value) = record.value.field(name)?;
            Some((schema, value.as_struct()?))
        };
        let (mut changed, mut unchanged) = (Vec::new(), Vec::new());
        if let (Some((before, old)), Some((after, new))) = (row("before"), row("after")) {
            for (field, new) in after.fields().iter().zip(new) {
                let old = before.field(&field.name).and_then(|(at, _)| old.get(at));
                let names = if old.is_some_and(|old| same(old, new)) { &mut unchanged } else { &mut changed };
                names.push(Value::Text(field.name.to_string()));
            }
            let gone = before.fields().iter().filter(|field| after.field(&field.name).is_none());
            changed.extend(gone.map(|field| Value::Text(field.name.to_string())));
        }
        for (header, names) in [(&self.changed, changed), (&self.unchanged, unchanged)] {
            if let Some(Header { name, schema }) = header {
                let value = Typed { schema: Some(Arc::clone(schema)), value: Value::Array(names) };
                record.headers.push(ConnectHeader { name: Arc::clone(name), value });
            }
        }
        Ok(Some(record))
    }
}

/// Equal as Java sees it: NaN equals itself, 0.0 and -0.0 differ.
fn same(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Float32(old), Value::Float32(new)) => old.to_bits() == new.to_bits(),
        (Value::Float64(old), Value::Float64(new)) => old.to_bits() == new.to_bits(),
        (Value::Array(old), Value::Array(new)) | (Value::Struct(old), Value::Struct(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| same(old, new))
        }
        _ => old == new,
    }
}

fn configure(_: &str, config: &Config) -> Configured {
    let (config, problems) = check(config, PROPERTIES);
    let header = |option: &str| {
        let name: Arc<str> = config.text(option).trim().into();
        let kind = Kind::Array(Arc::new(Schema::new(Kind::Text).optional()));
        let schema = Schema::new(kind).optional().named(Arc::clone(&name));
        (!name.is_empty()).then(|| Header { name, schema: schema.into() })
    };
    let state = ChangedState { changed: header("header.changed.name"), unchanged: header("header.unchanged.name") };
    finish(Some(state), problems)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Table, built};
    use super::*;

    #[test]
    fn an_update_names_its_fields_and_other_changes_none() {
        let options = [("header.changed.name", "Changed"), ("header.unchanged.name", "Same")];
        let (table, mut state) = (Table::new(), built(&CLASS, &options));
        let mut names = |record: ConnectRecord| -> Vec<(String, String)> {
            let record = state.apply(record).unwrap().unwrap();
            let joined = |value: &Value| match value {
                Value::Array(names) => names.iter().filter_map(Value::as_text).collect::<Vec<_>>().join(","),
                _ => unreachable!(),
            };
            record.headers.iter().map(|h| (h.name.to_string(), joined(&h.value.value))).collect()
        };
        let lists = |changed: &str, same: &str| vec![("Changed".into(), changed.into()), ("Same".into(), same.into())];
        let update = table.change("u", Some((1, Some("x"), None)), Some((1, Some("y"), None)));
        assert_eq!(names(update), lists("a", "id,b"));
        assert_eq!(names(table.change("u", None, Some((1, Some("y"), None)))), lists("", ""));
        assert_eq!(names(table.change("d", Some((1, None, None)), None)), lists("", ""));
        assert_eq!(names(table.tombstone(1)), []);
    }

    #[test]
    fn floats_are_equal_as_java_sees_it() {
        assert!(same(&Value::Array(vec![Value::Float64(f64::NAN)]), &Value::Array(vec![Value::Float64(f64::NAN)])));
        assert!(!same(&Value::Float32(0.0), &Value::Float32(-0.0)));
    }
}
