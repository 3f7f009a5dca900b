//! From a record to its line.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tailwater_connector::{Config, Problem, Record, TopicReader};

use super::properties::NULL_VALUES;
use crate::files::{Decision, Encoder, Lines, Skip};
use crate::framework::VALUE_SCHEMAS;

/// Writes values as they are.
pub(super) struct ObjectEncoder {
    /// Take the schema wrapper off where there is one, as Confluent's sink does behind a converter with schemas.
    unwrap: bool,
    nulls_fail: bool,
    /// What stood before the last payload: the records of a plan share it, and so only the first is parsed.
    wrapper: Bytes,
}

/// Connect's JSON with schema.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped<'a> {
    #[serde(rename = "schema", borrow)]
    _schema: &'a RawValue,
    #[serde(borrow)]
    payload: &'a RawValue,
}

impl ObjectEncoder {
    /// From checked properties.
    pub(super) fn from_config(config: &Config) -> Self {
        let nulls_fail = config.text(NULL_VALUES).trim().eq_ignore_ascii_case("fail");
        ObjectEncoder { unwrap: config.flag(VALUE_SCHEMAS), nulls_fail, wrapper: Bytes::new() }
    }

    fn line(&mut self, value: &Bytes) -> Bytes {
        if !self.unwrap {
            return value.clone();
        }
        if !self.wrapper.is_empty() && value.starts_with(&self.wrapper) && value.ends_with(b"}") {
            return value.slice(self.wrapper.len()..value.len() - 1);
        }
        // What is no wrapper was encoded without schemas: it is the payload itself.
        let Ok(wrapped) = serde_json::from_slice::<Wrapped<'_>>(value) else {
            return value.clone();
        };
        let payload = value.slice_ref(wrapped.payload.get().as_bytes());
        let start = payload.as_ptr().addr() - value.as_ptr().addr();
        if start + payload.len() + 1 == value.len() {
            self.wrapper = Bytes::copy_from_slice(&value[..start]);
        }
        payload
    }
}

impl Encoder for ObjectEncoder {
    type Item = Bytes;

    fn decode(&mut self, record: &Record, _: &dyn TopicReader) -> Result<Decision<Bytes>, Problem> {
        match record.value.as_ref().map(|value| self.line(value)) {
            Some(line) if line != "null" => Ok(Decision::Keep { header: None, item: line }),
            _ if self.nulls_fail => Err(Problem::stop(
                "SINK_NULL_VALUE",
                format!("the value is null, and '{NULL_VALUES}' is 'fail'"),
                format!("Set '{NULL_VALUES}' to 'ignore', or 'tombstones.on.delete' of the source to false."),
            )),
            _ => Ok(Decision::Skip(Skip::Tombstone)),
        }
    }

    fn encode(&self, item: &Bytes, _: i64) -> Lines {
        Lines { bytes: item.clone(), count: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoder(unwrap: bool) -> ObjectEncoder {
        ObjectEncoder { unwrap, nulls_fail: false, wrapper: Bytes::new() }
    }

    #[test]
    fn a_wrapper_falls_and_everything_else_stays_byte_for_byte() {
        let mut encoder = encoder(true);
        for (value, line) in [
            (r#"{"schema":{"type":"struct"},"payload":{"a": 1.10}}"#, r#"{"a": 1.10}"#),
            (r#"{"schema":{"type":"struct"},"payload":{"b":"}"}}"#, r#"{"b":"}"}"#),
            (r#"{"schema":{"type":"other"},"payload":{"c":1} }"#, r#"{"c":1}"#),
            (r#"{"schema":{"type":"other"},"payload":{"d":1}}"#, r#"{"d":1}"#),
            (r#"{"payload":1,"schema":1}"#, "1"),
            (r#"{"payload":1,"schema":2}"#, "1"),
            (
                r#"{"before":null,"after":{"schema":1,"payload":2}}"#,
                r#"{"before":null,"after":{"schema":1,"payload":2}}"#,
            ),
            (r#"{"schema":1,"payload":2,"more":3}"#, r#"{"schema":1,"payload":2,"more":3}"#),
            ("not JSON", "not JSON"),
        ] {
            assert_eq!(encoder.line(&Bytes::from(value)), line, "{value}");
        }
    }

    #[test]
    fn with_schemas_off_a_value_that_looks_wrapped_is_not() {
        let value = Bytes::from_static(br#"{"schema":1,"payload":2}"#);
        assert_eq!(encoder(false).line(&value), value);
    }
}
