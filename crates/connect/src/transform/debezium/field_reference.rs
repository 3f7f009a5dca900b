//! `add.fields` and `add.headers`: fields of the envelope under new names.
//!
//! `op` and the `ts_` fields stand in the envelope itself; `id` and the two orders belong to `transaction`; other bare names to
//! `source`. `struct.field` says it in full, `:alias` renames.

use std::sync::Arc;

use tailwater_connector::Problem;
use tailwater_event::connect::{Schema, Value};

use super::envelope::no_field;

/// One entry of the list.
#[derive(Debug, PartialEq)]
pub(super) struct FieldReference {
    /// The struct inside the envelope; `None` for the envelope itself.
    parent: Option<String>,
    /// The field's name there.
    pub(super) field: String,
    /// What it is called in the new place.
    pub(super) name: Arc<str>,
}

/// Where a reference's values stand in envelopes of one schema.
pub(super) struct Resolved {
    /// The new name.
    pub(super) name: Arc<str>,
    /// The field's schema, null allowed.
    pub(super) schema: Arc<Schema>,
    path: Path,
}

enum Path {
    Top(usize),
    Inside(usize, usize),
}

impl FieldReference {
    /// The entries of a property's list.
    pub(super) fn parse_list(property: &str, prefix: &str, list: &[String]) -> (Vec<FieldReference>, Vec<Problem>) {
        let (mut references, mut problems) = (Vec::new(), Vec::new());
        for entry in list {
            match FieldReference::parse(prefix, entry) {
                Some(reference) => references.push(reference),
                None => problems.push(Problem::config(
                    "PROPERTY_INVALID",
                    format!("The '{property}' value is invalid: '{entry}' is not field, struct.field or field:alias"),
                    "Write it as in op,source.ts_ms:commit_ms,transaction.id",
                )),
            }
        }
        (references, problems)
    }

    fn parse(prefix: &str, entry: &str) -> Option<FieldReference> {
        let (path, alias) = match entry.split_once(':') {
            Some((path, alias)) => (path.trim(), Some(alias.trim())),
            None => (entry, None),
        };
        let (parent, field) = match path.split_once('.') {
            Some((parent, field)) => (Some(parent), field),
            None => (None, path),
        };
        if field.is_empty() || field.contains('.') || alias.is_some_and(|a| a.is_empty() || a.contains(':')) {
            return None;
        }
        let name = match (alias, parent) {
            (Some(alias), _) => format!("{prefix}{alias}"),
            (None, Some(parent)) => format!("{prefix}{parent}_{field}"),
            (None, None) => format!("{prefix}{field}"),
        };
        let parent = parent.or(match field {
            "op" | "ts_ms" | "ts_us" | "ts_ns" => None,
            "id" | "data_collection_order" | "total_order" => Some("transaction"),
            _ => Some("source"),
        });
        Some(FieldReference { parent: parent.map(str::to_owned), field: field.to_owned(), name: name.into() })
    }

    /// Where it stands in envelopes of this schema. A field that the struct lacks is looked for in the envelope itself, where
    /// other transforms may have put it; `None` when it is in neither.
    pub(super) fn resolve(&self, envelope: &Schema) -> Result<Option<Resolved>, Problem> {
        let inside = match &self.parent {
            Some(parent) => {
                let (outer, parent) = envelope.field(parent).ok_or_else(|| no_field(envelope, parent))?;
                parent.schema.field(&self.field).map(|(at, field)| (Path::Inside(outer, at), field))
            }
            None => None,
        };
        let found = inside.or_else(|| envelope.field(&self.field).map(|(at, field)| (Path::Top(at), field)));
        Ok(found.map(|(path, field)| {
            let schema = Schema { optional: true, default: None, ..Schema::clone(&field.schema) };
            Resolved { name: Arc::clone(&self.name), schema: Arc::new(schema), path }
        }))
    }
}

impl Resolved {
    /// The place in the envelope that it is of, or inside of.
    pub(super) fn place(&self) -> usize {
        match self.path {
            Path::Top(at) | Path::Inside(at, _) => at,
        }
    }

    /// The value in an envelope whose field `taken` was moved out to `row`. Null inside a struct that is null, as
    /// `transaction` in a snapshot.
    pub(super) fn value(&self, envelope: &[Value], taken: usize, row: &[Value]) -> Value {
        let found = match self.path {
            Path::Top(at) => envelope.get(at),
            Path::Inside(outer, at) if outer == taken => row.get(at),
            Path::Inside(outer, at) => envelope.get(outer).and_then(Value::as_struct).and_then(|inner| inner.get(at)),
        };
        found.cloned().unwrap_or(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_belongs_to_the_struct_that_has_it_in_debezium() {
        let list: Vec<String> = ["op", "table", "total_order", "before.a", "source.ts_ms:at"].map(str::to_owned).into();
        let (references, problems) = FieldReference::parse_list("add.fields", "__", &list);
        let seen: Vec<(Option<&str>, &str)> = references.iter().map(|r| (r.parent.as_deref(), &*r.name)).collect();
        let expected = [
            (None, "__op"),
            (Some("source"), "__table"),
            (Some("transaction"), "__total_order"),
            (Some("before"), "__before_a"),
            (Some("source"), "__at"),
        ];
        assert_eq!(seen, expected);
        assert_eq!(problems, []);
    }

    #[test]
    fn an_entry_that_names_no_field_is_refused() {
        for entry in ["a.b.c", "op:", "op:a:b", "source."] {
            let (references, problems) = FieldReference::parse_list("add.fields", "__", &[entry.to_owned()]);
            assert_eq!(references, []);
            assert_eq!(problems[0].code, "PROPERTY_INVALID", "{entry}");
        }
    }
}
