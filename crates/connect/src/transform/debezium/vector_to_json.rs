//! `VectorToJsonConverter`: pgvector's vectors as JSON text.

use std::fmt::{Display, Write};
use std::sync::Arc;

use tailwater_connector::property::check;
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectRecord, Field, Kind, Schema, Value};

use crate::transform::schema_cache::SchemaCache;
use crate::transform::{Transform, TransformClass};

use super::envelope::fill;
use super::{Configured, finish, strict};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &["io.debezium.transforms.VectorToJsonConverter"],
    properties: PROPERTIES,
    repeats_mistakes: true,
    configure,
};

const PROPERTIES: &[Property] = &[];

struct VectorToJson {
    /// Whether nulls become their fields' defaults, as in Debezium.
    strict: bool,
    /// `None` where there are no vectors.
    schemas: SchemaCache<Option<Arc<Schema>>>,
}

/// A kind of vector.
#[derive(Clone, Copy)]
enum Vector {
    Dense,
    Sparse,
}

impl Transform for VectorToJson {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        if let (true, Some(schema), Value::Struct(values)) =
            (self.strict, &record.value.schema, &mut record.value.value)
        {
            fill(schema.fields(), values);
        }
        if let (Some(schema), Value::Struct(values)) = (&mut record.value.schema, &mut record.value.value)
            && let Some(changed) = self.schemas.get(schema, |schema| Ok::<_, Problem>(changed(schema)))?
        {
            convert(schema.fields(), values);
            *schema = Arc::clone(changed);
        }
        Ok(Some(record))
    }
}

fn vector(schema: &Schema) -> Option<Vector> {
    match schema.name.as_deref()? {
        "io.debezium.data.DoubleVector" | "io.debezium.data.FloatVector" => Some(Vector::Dense),
        "io.debezium.data.SparseDoubleVector" => Some(Vector::Sparse),
        _ => None,
    }
}

/// The schema with text for vectors, at any depth of structs.
fn changed(schema: &Schema) -> Option<Arc<Schema>> {
    let mut any = false;
    let fields = schema.fields().iter().map(|field| {
        let new = match vector(&field.schema) {
            Some(_) => {
                let optional = field.schema.optional;
                let json =
                    Schema { optional, version: Some(1), ..Schema::new(Kind::Text).named("io.debezium.data.Json") };
                Some(Arc::new(json))
            }
            None => changed(&field.schema),
        };
        any |= new.is_some();
        Field { name: Arc::clone(&field.name), schema: new.unwrap_or_else(|| Arc::clone(&field.schema)) }
    });
    let kind = Kind::Struct(fields.collect());
    any.then(|| Arc::new(Schema { kind, default: None, ..schema.clone() }))
}

fn convert(fields: &[Field], values: &mut [Value]) {
    for (field, value) in fields.iter().zip(values) {
        let text = match (vector(&field.schema), &mut *value) {
            (Some(Vector::Dense), Value::Array(elements)) => Some(dense(elements)),
            (Some(Vector::Sparse), Value::Struct(parts)) => sparse(&field.schema, parts),
            (None, Value::Struct(inner)) => {
                convert(field.schema.fields(), inner);
                None
            }
            _ => None,
        };
        if let Some(text) = text {
            *value = Value::Text(text);
        }
    }
}

fn dense(elements: &[Value]) -> String {
    let numbers: Vec<String> = elements.iter().map(number).collect();
    format!("{{ \"values\": [{}] }}", numbers.join(", "))
}

/// `dimensions`, and the elements that are not zero by their place.
fn sparse(schema: &Schema, parts: &[Value]) -> Option<String> {
    let part = |name: &str| parts.get(schema.field(name)?.0);
    let Some(Value::Map(entries)) = part("vector") else { return None };
    let mut entries: Vec<(i64, &Value)> = entries
        .iter()
        .filter_map(|(place, value)| match place {
            Value::Int16(place) => Some((i64::from(*place), value)),
            Value::Int32(place) => Some((i64::from(*place), value)),
            _ => None,
        })
        .collect();
    entries.sort_by_key(|(place, _)| *place);
    let mut text = format!("{{ \"dimensions\": {}, \"vector\": {{ ", number(part("dimensions")?));
    for (at, (place, value)) in entries.iter().enumerate() {
        // Writing to a String does not fail.
        let _ = write!(text, "{}\"{place}\": {}", if at == 0 { "" } else { ", " }, number(value));
    }
    text.push_str(" } }");
    Some(text)
}

/// As Java prints it.
fn number(value: &Value) -> String {
    match value {
        Value::Float32(number) => java(*number, f64::from(*number)),
        Value::Float64(number) => java(*number, *number),
        Value::Int16(number) => number.to_string(),
        Value::Int32(number) => number.to_string(),
        _ => "null".into(),
    }
}

/// With a point always, and in powers of ten outside of 0.001 to 10,000,000.
fn java(number: impl Display + std::fmt::LowerExp, size: f64) -> String {
    let plain = size == 0.0 || (1e-3..1e7).contains(&size.abs());
    if !size.is_finite() {
        return if size.is_nan() { "NaN".into() } else { format!("{}Infinity", if size < 0.0 { "-" } else { "" }) };
    }
    let text = if plain { format!("{number}") } else { format!("{number:e}") };
    let (digits, power) = text.split_once('e').map_or((text.as_str(), None), |(digits, power)| (digits, Some(power)));
    let point = if digits.contains('.') { "" } else { ".0" };
    format!("{digits}{point}{}", power.map(|power| format!("E{power}")).unwrap_or_default())
}

fn configure(_: &str, config: &Config) -> Configured {
    let (config, strict) = strict(config);
    let (_, problems) = check(&config, PROPERTIES);
    finish(Some(VectorToJson { strict, schemas: SchemaCache::default() }), problems)
}

#[cfg(test)]
mod tests {
    use tailwater_event::connect::Typed;

    use super::super::sample::{Table, built, named};
    use super::*;

    #[test]
    fn vectors_become_json_wherever_they_stand() {
        let element = Arc::new(Schema::new(Kind::Float32));
        let dense = Schema::new(Kind::Array(element)).optional().named("io.debezium.data.FloatVector");
        let map = Kind::Map(Schema::new(Kind::Int16).into(), Schema::new(Kind::Float64).into());
        let sparse = Schema::new(Kind::Struct(vec![
            Field::new("dimensions", Schema::new(Kind::Int16)),
            Field::new("vector", Schema::new(map)),
        ]));
        let row = Schema::new(Kind::Struct(vec![
            Field::new("id", Schema::new(Kind::Int32)),
            Field::new("v", dense),
            Field::new("s", sparse.named("io.debezium.data.SparseDoubleVector")),
        ]));
        let schema = Schema::new(Kind::Struct(vec![Field::new("after", row.optional())]));
        let vector = Value::Array([1.0f32, -0.5, 2e10, 1e-4].map(Value::Float32).to_vec());
        let entries = [(20, 1.5), (3, 100.0)].map(|(place, value)| (Value::Int16(place), Value::Float64(value)));
        let parts = Value::Struct(vec![Value::Int16(25), Value::Map(entries.to_vec())]);
        let value = Value::Struct(vec![Value::Struct(vec![Value::Int32(1), vector, parts])]);
        let record = ConnectRecord { value: Typed::new(schema, value), ..Table::new().tombstone(1) };
        let record = built(&CLASS, &[]).apply(record).unwrap().unwrap();
        let (schema, value) = record.value.field("after").unwrap();
        let row = Typed { schema: Some(Arc::clone(schema)), value: value.clone() };
        let texts: Vec<_> = named(&row)[1..].iter().map(|(_, value)| value.as_text().unwrap()).collect();
        assert_eq!(
            texts,
            [
                r#"{ "values": [1.0, -0.5, 2.0E10, 1.0E-4] }"#,
                r#"{ "dimensions": 25, "vector": { "3": 100.0, "20": 1.5 } }"#
            ]
        );
        assert_eq!(schema.fields()[1].schema.name.as_deref(), Some("io.debezium.data.Json"));
        assert_eq!((schema.optional, schema.fields()[1].schema.optional), (true, true));
    }

    #[test]
    fn records_without_vectors_stay_as_they_are() {
        let change = Table::new().change("c", None, Some((1, None, None)));
        assert_eq!(built(&CLASS, &[]).apply(change.clone()).unwrap(), Some(change));
    }
}
