//! `PartitionRouting`: the partition from fields of the row, not from the key.

mod hash;

use tailwater_connector::property::{Form, check};
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectRecord, Schema, Value};

use crate::transform::{Transform, TransformClass};

use super::envelope::is_envelope;
use super::{Configured, finish, invalid};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &["io.debezium.transforms.partitions.PartitionRouting"],
    properties: PROPERTIES,
    repeats_mistakes: false,
    configure,
};

const FIELDS: &str = "partition.payload.fields";
const PARTITIONS: &str = "partition.topic.num";

const PROPERTIES: &[Property] = &[
    Property::new(FIELDS, Form::Text, None, "fields to hash, such as change.tenant (after, or before of a delete)")
        .required(),
    Property::new(PARTITIONS, Form::Integer(1, i32::MAX as i64), None, "how many partitions the topic has").required(),
    Property::new("partition.hash.function", Form::OneOf(&["java", "murmur"]), Some("java"), "how values are hashed"),
];

struct PartitionRouting {
    paths: Vec<Vec<String>>,
    partitions: i32,
    murmur: bool,
}

impl Transform for PartitionRouting {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        let (Some(schema), Value::Struct(envelope)) = (&record.value.schema, &record.value.value) else {
            return Ok(Some(record));
        };
        let op = field(schema, envelope, "op").and_then(|(_, op)| op.as_text()).unwrap_or_default();
        if !is_envelope(schema) || matches!(op, "t" | "m") {
            return Ok(Some(record));
        }
        let row = if op == "d" { "before" } else { "after" };
        let mut sum = None;
        for path in &self.paths {
            if let Some((schema, value)) = find(schema, envelope, path, row) {
                let hash = if self.murmur { hash::murmur(schema, value) } else { hash::java(schema, value) };
                sum = Some(sum.unwrap_or(0i32).wrapping_add(hash));
            }
        }
        if let Some(sum) = sum {
            let positive = sum & i32::MAX;
            record.partition = Some(if positive == i32::MAX { 0 } else { positive % self.partitions });
        }
        Ok(Some(record))
    }
}

/// The value at a path; `None` when a part of it is not there, or null.
fn find<'a>(schema: &'a Schema, values: &'a [Value], path: &[String], row: &str) -> Option<(&'a Schema, &'a Value)> {
    let (last, structs) = path.split_last()?;
    let (mut schema, mut values) = (schema, values);
    for name in structs {
        let (inner, value) = field(schema, values, if name == "change" { row } else { name })?;
        (schema, values) = (inner, value.as_struct()?);
    }
    field(schema, values, last)
}

/// A field, its default when it is null; `None` when there is neither.
fn field<'a>(schema: &'a Schema, values: &'a [Value], name: &str) -> Option<(&'a Schema, &'a Value)> {
    let (at, field) = schema.field(name)?;
    let value = values.get(at).filter(|value| !value.is_null()).or(field.schema.default.as_ref())?;
    Some((&field.schema, value))
}

fn configure(_: &str, config: &Config) -> Configured {
    let (config, mut problems) = check(config, PROPERTIES);
    let split = |path: &String| -> Vec<String> { path.split('.').map(|part| part.trim().to_owned()).collect() };
    let paths: Vec<Vec<String>> = config.list(FIELDS).iter().map(split).collect();
    if paths.iter().flatten().any(String::is_empty) {
        problems.push(invalid(FIELDS, "a part of a path is empty", "Write it as in change.tenant,source.table"));
    }
    let murmur = config.text("partition.hash.function").trim().eq_ignore_ascii_case("murmur");
    let partitions = i32::try_from(config.integer(PARTITIONS, 1)).unwrap_or(1).max(1);
    finish(Some(PartitionRouting { paths, partitions, murmur }), problems)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Table, built, configured};
    use super::*;

    fn partition(fields: &str, record: ConnectRecord) -> Option<i32> {
        let options = [(FIELDS, fields), (PARTITIONS, "100")];
        built(&CLASS, &options).apply(record).unwrap().unwrap().partition
    }

    #[test]
    fn the_partition_is_the_hash_of_the_fields() {
        let table = Table::new();
        let update = || table.change("u", Some((9, Some("x"), None)), Some((1_000_042, None, None)));
        assert_eq!(partition("change.id", update()), Some(42));
        assert_eq!(partition("before.id,after.id", update()), Some(51));
        assert_eq!(partition("after.b", update()), Some(3));
        assert_eq!(partition("source.table", update()), Some(i32::from(b't') % 100));
        assert_eq!(partition("change.id", table.change("d", Some((7, None, None)), None)), Some(7));
    }

    #[test]
    fn without_the_fields_the_partition_is_left_to_the_key() {
        let table = Table::new();
        assert_eq!(partition("after.nope,nope.id,before.id", table.change("c", None, Some((1, None, None)))), None);
        assert_eq!(partition("change.id", table.tombstone(1)), None);
        assert_eq!(partition("source.table", table.change("t", None, None)), None);
    }

    #[test]
    fn options_that_cannot_be_are_refused() {
        for (fields, partitions) in [("a..b", "1"), ("a", "0")] {
            let problems = configured(&CLASS, &[(FIELDS, fields), (PARTITIONS, partitions)]).err().unwrap();
            assert_eq!(problems[0].code, "PROPERTY_INVALID");
        }
        assert_eq!(configured(&CLASS, &[]).err().unwrap().len(), 2);
    }
}
