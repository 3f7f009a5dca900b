//! JSON text becomes a struct whose schema is read off it (`table.expand.json.payload`, `DecodeLogicalDecodingMessageContent`).
//!
//! Integers are `int32` when they fit, else `int64`; other numbers `double`. Arrays hold elements of one kind; objects in an
//! array share the fields of all of them. Members that are null, and empty arrays, are left out unless options keep them.

use std::sync::Arc;

use serde_json::Value as Json;
use tailwater_event::connect::{Field, Kind, Schema, Typed, Value};

use crate::limits::{EXPANDED_DEPTH, EXPANDED_SCHEMAS};

/// The options, and schemas seen before: records of one shape are to share one.
pub(super) struct Expand {
    /// Whether Debezium's mistakes are repeated: what follows the first value is ignored, and `[]` loses its schema.
    strict: bool,
    /// Whether members that are null stay, as bytes.
    nulls: bool,
    /// Whether empty arrays stay, as arrays of text.
    empty_arrays: bool,
    /// What the struct is called.
    name: Option<String>,
    /// The latest first.
    seen: Vec<Arc<Schema>>,
    /// Whether a payload that stays as it is was logged.
    told: bool,
}

/// Why a payload stays text.
pub(super) type Reason = &'static str;

impl Expand {
    /// With these options.
    pub(super) fn new(nulls: bool, empty_arrays: bool, name: Option<String>, strict: bool) -> Expand {
        Expand { strict, nulls, empty_arrays: empty_arrays && !strict, name, seen: Vec::new(), told: false }
    }

    /// Expands a payload; one that cannot be stays as it is.
    pub(super) fn apply(&mut self, payload: &mut Typed) {
        match payload.value.as_text().ok_or("it is no text").and_then(|text| self.expand(text)) {
            Ok(expanded) => *payload = expanded,
            Err(reason) if !std::mem::replace(&mut self.told, true) => {
                tracing::warn!(reason, "an outbox payload is not expanded, and later ones of its kind are not");
            }
            Err(_) => {}
        }
    }

    /// The payload as a struct, or as an array.
    pub(super) fn expand(&mut self, text: &str) -> Result<Typed, Reason> {
        if !text.starts_with(['{', '[']) {
            return Err("it is neither an object nor an array");
        }
        let mut values = serde_json::Deserializer::from_str(text).into_iter();
        let json: Json = values.next().and_then(Result::ok).ok_or("it is no JSON")?;
        if !self.strict && values.next().is_some() {
            return Err("something follows the JSON");
        }
        if self.strict && json.as_array().is_some_and(Vec::is_empty) {
            return Ok(Typed { schema: None, value: Value::Text(text.to_owned()) });
        }
        if depth(&json) > EXPANDED_DEPTH {
            return Err("it is nested too deeply");
        }
        let schema = self.schema(self.name.as_deref(), &json)?.ok_or("it is an empty array")?;
        let value = value(&json, &schema)?;
        let schema = match self.seen.iter().position(|seen| **seen == schema) {
            Some(at) => self.seen.remove(at),
            None => Arc::new(schema),
        };
        self.seen.truncate(EXPANDED_SCHEMAS - 1);
        self.seen.insert(0, Arc::clone(&schema));
        Ok(Typed { schema: Some(schema), value })
    }

    /// `None` for what is left out.
    fn schema(&self, name: Option<&str>, json: &Json) -> Result<Option<Schema>, Reason> {
        let kind = match json {
            Json::Null if self.nulls => Kind::Bytes,
            Json::Null => return Ok(None),
            Json::Bool(_) => Kind::Boolean,
            Json::Number(number) => match number.as_i64() {
                Some(number) if i32::try_from(number).is_ok() => Kind::Int32,
                Some(_) => Kind::Int64,
                None => Kind::Float64,
            },
            Json::String(_) => Kind::Text,
            Json::Array(elements) if elements.is_empty() && !self.empty_arrays => return Ok(None),
            Json::Array(elements) if elements.is_empty() => return Ok(Some(empty_array())),
            Json::Array(elements) => Kind::Array(Arc::new(self.element(name, elements)?)),
            Json::Object(members) => {
                let mut fields = Vec::with_capacity(members.len());
                for (member, json) in members {
                    if member.is_empty() {
                        return Err("a member has no name");
                    }
                    let inner = name.map_or_else(|| member.clone(), |outer| format!("{outer}.{member}"));
                    if let Some(schema) = self.schema(Some(&inner), json)? {
                        fields.push(Field::new(member.as_str(), schema));
                    }
                }
                let schema = Schema::new(Kind::Struct(fields)).optional();
                return Ok(Some(Schema { name: name.map(Arc::from), ..schema }));
            }
        };
        Ok(Some(Schema::new(kind).optional()))
    }

    /// The schema of an array's elements.
    fn element(&self, name: Option<&str>, elements: &[Json]) -> Result<Schema, Reason> {
        let mut some = elements.iter().filter(|element| !element.is_null());
        let first = some.next().unwrap_or(&Json::Null);
        if some.clone().any(|element| std::mem::discriminant(element) != std::mem::discriminant(first)) {
            return Err("an array has elements of different kinds");
        }
        const NO_KIND: Reason = "an array has nothing but nulls";
        let name = name.filter(|_| first.is_object());
        let mut merged = self.schema(name, first)?.ok_or(NO_KIND)?;
        for element in some {
            let other = match element {
                Json::Object(_) | Json::Number(_) => self.schema(name, element)?.ok_or(NO_KIND)?,
                _ => continue,
            };
            match (&mut merged.kind, other.kind) {
                (Kind::Struct(fields), Kind::Struct(others)) => {
                    if merge(fields, others) {
                        // The original loses it here.
                        merged.optional = elements.iter().any(Json::is_null);
                    }
                }
                (merged, other) if *merged == other => {}
                _ => return Err("an array has numbers of different kinds"),
            }
        }
        Ok(merged)
    }
}

/// How many objects and arrays stand in one another.
fn depth(json: &Json) -> usize {
    match json {
        Json::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or(0),
        Json::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// What an array without elements is, as nothing says what they would be.
fn empty_array() -> Schema {
    Schema::new(Kind::Array(Arc::new(Schema::new(Kind::Text).optional()))).optional()
}

/// Adds the fields that are new, and replaces those known only as null or empty. Whether the two were different.
fn merge(fields: &mut Vec<Field>, others: Vec<Field>) -> bool {
    let different = *fields != others;
    for other in others {
        match fields.iter_mut().find(|field| field.name == other.name) {
            None => fields.push(other),
            Some(field) if field.schema.kind == Kind::Bytes || *field.schema == empty_array() => *field = other,
            Some(_) => {}
        }
    }
    different
}

fn value(json: &Json, schema: &Schema) -> Result<Value, Reason> {
    const UNEQUAL: Reason = "objects of an array have members of one name and different kinds";
    Ok(match (json, &schema.kind) {
        (Json::Null, _) if schema.optional => Value::Null,
        (Json::Bool(bool), Kind::Boolean) => Value::Boolean(*bool),
        (Json::String(text), Kind::Text) => Value::Text(text.clone()),
        (Json::Number(number), Kind::Int32) => {
            Value::Int32(number.as_i64().and_then(|number| i32::try_from(number).ok()).ok_or(UNEQUAL)?)
        }
        (Json::Number(number), Kind::Int64) => Value::Int64(number.as_i64().ok_or(UNEQUAL)?),
        (Json::Number(number), Kind::Float64) => Value::Float64(number.as_f64().ok_or(UNEQUAL)?),
        (Json::Array(elements), Kind::Array(inner)) => {
            Value::Array(elements.iter().map(|element| value(element, inner)).collect::<Result<_, _>>()?)
        }
        (Json::Object(members), Kind::Struct(fields)) => Value::Struct(
            fields
                .iter()
                .map(|field| value(members.get(&*field.name).unwrap_or(&Json::Null), &field.schema))
                .collect::<Result<_, _>>()?,
        ),
        _ => return Err(UNEQUAL),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(nulls: bool, text: &str) -> Result<Typed, Reason> {
        Expand::new(nulls, false, Some("payload".into()), false).expand(text)
    }

    /// Kinds of the fields, by name.
    fn kinds(schema: &Schema) -> Vec<(&str, &'static str)> {
        schema.fields().iter().map(|field| (&*field.name, field.schema.kind.name())).collect()
    }

    #[test]
    fn members_keep_their_order_and_numbers_their_size() {
        let typed = expanded(
            false,
            r#"{"z":1,"a":3000000000,"m":1.5,"big":99999999999999999999,"n":null,"e":[],"o":{"t":true}}"#,
        );
        let schema = typed.unwrap().schema.unwrap();
        let expected = [("z", "int32"), ("a", "int64"), ("m", "double"), ("big", "double"), ("o", "struct")];
        assert_eq!(kinds(&schema), expected);
        assert_eq!(schema.fields()[4].schema.name.as_deref(), Some("payload.o"));
    }

    #[test]
    fn objects_of_an_array_share_the_fields_of_all() {
        let typed = expanded(true, r#"{"l":[{"a":1,"n":null},{"b":"x","n":2}]}"#).unwrap();
        let schema = typed.schema.unwrap();
        let Kind::Array(element) = &schema.fields()[0].schema.kind else { unreachable!() };
        assert_eq!(kinds(element), [("a", "int32"), ("n", "int32"), ("b", "string")]);
        assert_eq!((element.optional, element.name.as_deref()), (false, Some("payload.l")));
        let rows =
            [[Value::Int32(1), Value::Null, Value::Null], [Value::Null, Value::Int32(2), Value::Text("x".into())]];
        let rows = rows.map(|row| Value::Struct(row.to_vec())).to_vec();
        assert_eq!(typed.value, Value::Struct(vec![Value::Array(rows)]));
    }

    #[test]
    fn what_has_no_schema_stays_text() {
        for text in ["1", "{", "[]", r#"{"a":[1,"x"]}"#, "[1,1.5]", "[null]", r#"[{"a":1},{"a":"x"}]"#] {
            assert!(expanded(false, text).is_err(), "{text}");
        }
        assert_eq!(
            expanded(false, "[1,null,2]").unwrap().value,
            Value::Array(vec![Value::Int32(1), Value::Null, Value::Int32(2)])
        );
    }

    #[test]
    fn payloads_of_one_shape_share_one_schema() {
        let mut expand = Expand::new(false, false, Some("p".into()), false);
        let first = expand.expand(r#"{"a":1}"#).unwrap().schema.unwrap();
        for n in 0..2 * EXPANDED_SCHEMAS {
            let other = expand.expand(&format!(r#"{{"b{n}":1}}"#)).unwrap();
            assert!(!Arc::ptr_eq(&first, &other.schema.unwrap()));
            assert!(Arc::ptr_eq(&first, &expand.expand(r#"{"a":2}"#).unwrap().schema.unwrap()));
        }
        assert_eq!(expand.seen.len(), EXPANDED_SCHEMAS);
    }

    #[test]
    fn what_a_converter_could_not_write_stays_text() {
        let nested = |depth: usize| format!("{}1{}", "{\"a\":[".repeat(depth), "]}".repeat(depth));
        let mut expand = Expand::new(false, true, None, false);
        assert!(expand.expand(&nested(EXPANDED_DEPTH / 2)).is_ok());
        for (text, reason) in [
            (nested(EXPANDED_DEPTH / 2 + 1).as_str(), "it is nested too deeply"),
            (&nested(5_000), "it is no JSON"),
            ("{\"a\":1} {}", "something follows the JSON"),
            ("{\"\":1}", "a member has no name"),
        ] {
            assert_eq!(expand.expand(text).unwrap_err(), reason);
        }
        let mixed = expand.expand(r#"[{"a":[]},{"a":[1]},{"a":[]}]"#).unwrap();
        let one = |numbers: Vec<Value>| Value::Struct(vec![Value::Array(numbers)]);
        assert_eq!(mixed.value, Value::Array(vec![one(vec![]), one(vec![Value::Int32(1)]), one(vec![])]));
    }
}
