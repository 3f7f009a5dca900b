//! From a record to its line.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tailwater_connector::{Config, Problem, Record, TopicReader};

use super::confluent::NULL_VALUES;
use super::line::{Field, Plain, Row, text};
use super::time::TimeField;
use crate::files::{Decision, Encoder, Framing, Lines, Skip};
use crate::framework::{BYTES_CONVERTER, VALUE_SCHEMAS};

/// Writes records as lines.
pub(super) struct ObjectEncoder {
    payloads: Payloads,
    /// Whether values are bytes.
    bytes: bool,
    nulls: Nulls,
    form: Form,
    /// The field that has a record's time.
    time: Option<TimeField>,
}

/// What follows a null value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nulls {
    /// It leaves no line.
    Skip,
    /// The sink stops.
    Fail,
    /// It is written.
    Write,
}

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The value as JSON.
    Value,
    /// The bytes of the value.
    Raw,
    /// One part of the record as JSON.
    Bare(Field, Framing),
    /// Parts of the record in a JSON object.
    Object(Vec<Field>, Framing),
    /// Parts of the record between commas, of which values are written so.
    Row { fields: Vec<Field>, values: Plain, keys_are_bytes: bool },
}

/// How values are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// As JSON; a schema wrapper is taken off where there is one, as sinks do behind a converter with schemas.
    Wrapped,
    /// As JSON.
    AsTheyAre,
    /// As bytes, which JSON has in base64.
    Bytes,
}

impl Values {
    /// As the converter of values says.
    pub(super) fn from_config(config: &Config) -> Values {
        match config.text("value.converter").trim().eq_ignore_ascii_case(BYTES_CONVERTER) {
            true => Values::Bytes,
            false if config.flag(VALUE_SCHEMAS) => Values::Wrapped,
            false => Values::AsTheyAre,
        }
    }
}

impl ObjectEncoder {
    /// For values that are read so.
    pub(super) fn new(values: Values, nulls: Nulls, form: Form) -> Self {
        let payloads = Payloads { unwrap: values == Values::Wrapped, wrapper: Bytes::new() };
        ObjectEncoder { payloads, bytes: values == Values::Bytes, nulls, form, time: None }
    }

    /// The same with the time of records in a field.
    pub(super) fn with_time(mut self, time: Option<TimeField>) -> Self {
        self.time = time;
        self
    }
}

impl Encoder for ObjectEncoder {
    type Item = Bytes;

    const OF_CLIENTS: bool = true;

    fn decode(&mut self, record: &Record, _: &dyn TopicReader) -> Result<Decision<Bytes>, Problem> {
        let payload = |value: &Bytes| if record.plan.is_some() { self.payloads.of(value) } else { value.clone() };
        let value = record.value.as_ref().map(payload);
        let mut value = value.filter(|payload| self.bytes || payload != "null");
        if value.is_none() {
            match self.nulls {
                Nulls::Write => {}
                Nulls::Skip => return Ok(Decision::Skip(Skip::Tombstone)),
                Nulls::Fail => return Err(null_value()),
            }
        }
        if self.bytes && !matches!(self.form, Form::Row { .. } | Form::Raw) {
            value = value.map(|value| format!("\"{}\"", STANDARD.encode(value)).into());
        }
        if !self.bytes && matches!(self.form, Form::Row { .. }) {
            value = value.map(|value| text(&value).map_or(value, Bytes::from));
        }
        let row = Row { record, value: value.clone() };
        let item = match &self.form {
            Form::Value | Form::Raw => value.unwrap_or_default(),
            Form::Bare(field, _) => row.bare(*field),
            Form::Object(fields, _) => row.object(fields),
            Form::Row { fields, values, keys_are_bytes } => row.plain(fields, *values, *keys_are_bytes),
        };
        Ok(Decision::Keep { header: None, item })
    }

    fn time_ms(&self, record: &Record, line: &Bytes) -> Result<i64, Problem> {
        self.time.as_ref().map_or(Ok(record.timestamp_ms), |field| field.of(line))
    }

    fn framing(&self) -> Framing {
        match self.form {
            Form::Value | Form::Raw => Framing::LINES,
            Form::Bare(_, framing) | Form::Object(_, framing) => framing,
            Form::Row { .. } => Framing::DIVIDED,
        }
    }

    fn encode(&self, item: &Bytes, _: i64) -> Lines {
        Lines { bytes: item.clone(), count: 1 }
    }
}

fn null_value() -> Problem {
    Problem::stop(
        "SINK_NULL_VALUE",
        format!("the value is null, and '{NULL_VALUES}' is 'fail'"),
        format!("Set '{NULL_VALUES}' to 'ignore', or 'tombstones.on.delete' of the source to false."),
    )
}

/// Takes payloads out of Connect's schema wrapper, without copying them.
struct Payloads {
    unwrap: bool,
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

impl Payloads {
    fn of(&mut self, value: &Bytes) -> Bytes {
        if !self.unwrap {
            return value.clone();
        }
        if !self.wrapper.is_empty() && value.starts_with(&self.wrapper) && value.ends_with(b"}") {
            return value.slice(self.wrapper.len()..value.len() - 1);
        }
        // What is no wrapper was encoded without schemas: it is the payload itself.
        let Some(payload) = payload(value) else {
            return value.clone();
        };
        let payload = value.slice_ref(payload);
        let start = payload.as_ptr().addr() - value.as_ptr().addr();
        if start + payload.len() + 1 == value.len() {
            self.wrapper = Bytes::copy_from_slice(&value[..start]);
        }
        payload
    }
}

/// The payload inside a schema wrapper; `None` when it is none.
pub(super) fn payload(value: &[u8]) -> Option<&[u8]> {
    serde_json::from_slice::<Wrapped<'_>>(value).ok().map(|wrapped| wrapped.payload.get().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payloads(unwrap: bool) -> Payloads {
        Payloads { unwrap, wrapper: Bytes::new() }
    }

    #[test]
    fn a_wrapper_falls_and_everything_else_stays_byte_for_byte() {
        let mut payloads = payloads(true);
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
            assert_eq!(payloads.of(&Bytes::from(value)), line, "{value}");
        }
    }

    #[test]
    fn with_schemas_off_a_value_that_looks_wrapped_is_not() {
        let value = Bytes::from_static(br#"{"schema":1,"payload":2}"#);
        assert_eq!(payloads(false).of(&value), value);
    }
}
