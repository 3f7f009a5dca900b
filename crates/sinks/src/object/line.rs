//! Lines that are made of parts of a record, as Aiven's S3 sink writes them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use serde_json::value::RawValue;
use tailwater_connector::{Header, Record};

use super::encode::payload;
use crate::datetime::instant;

/// A part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Headers,
    Offset,
    Value,
    Key,
    Timestamp,
}

/// How values stand between commas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    Base64,
    AsIs,
}

impl Field {
    /// Every part, in the order in which Aiven's sink writes them into an object.
    pub(super) const ALL: [Field; 5] = [Field::Headers, Field::Offset, Field::Value, Field::Key, Field::Timestamp];

    /// Its name in properties and objects.
    pub(super) fn name(self) -> &'static str {
        match self {
            Field::Headers => "headers",
            Field::Offset => "offset",
            Field::Value => "value",
            Field::Key => "key",
            Field::Timestamp => "timestamp",
        }
    }
}

/// A record whose value has left its schema wrapper; a null value is none.
pub(super) struct Row<'a> {
    pub(super) record: &'a Record,
    pub(super) value: Option<Bytes>,
}

impl Row<'_> {
    /// One part as JSON.
    pub(super) fn bare(&self, field: Field) -> Bytes {
        match (field, &self.value) {
            (Field::Value, Some(value)) if is_json(value) => value.clone(),
            _ => {
                let mut line = BytesMut::new();
                self.push(field, &mut line);
                line.freeze()
            }
        }
    }

    /// An object with some parts.
    pub(super) fn object(&self, fields: &[Field]) -> Bytes {
        let mut line = BytesMut::with_capacity(64 + self.value.as_ref().map_or(0, Bytes::len));
        for (n, field) in fields.iter().enumerate() {
            line.extend_from_slice(if n == 0 { b"{\"" } else { b",\"" });
            line.extend_from_slice(field.name().as_bytes());
            line.extend_from_slice(b"\":");
            self.push(*field, &mut line);
        }
        line.extend_from_slice(b"}");
        line.freeze()
    }

    /// Some parts between commas. Keys and headers are always in base64, times in milliseconds; what is null is empty. A key
    /// that is a text of JSON is that text, unless keys are bytes.
    pub(super) fn plain(&self, fields: &[Field], plain: Plain, keys_are_bytes: bool) -> Bytes {
        let mut line = BytesMut::new();
        for (n, field) in fields.iter().enumerate() {
            if n > 0 {
                line.extend_from_slice(b",");
            }
            match (field, plain) {
                (Field::Value, Plain::AsIs) => line.extend_from_slice(self.value.as_deref().unwrap_or_default()),
                (Field::Value, Plain::Base64) => push_base64(self.value.as_deref().unwrap_or_default(), &mut line),
                (Field::Key, _) => {
                    let key = self.key().unwrap_or_default();
                    let text = if keys_are_bytes { None } else { text(key) };
                    push_base64(text.as_deref().map_or(key, str::as_bytes), &mut line);
                }
                (Field::Headers, _) => {
                    for header in &self.record.headers {
                        push_base64(header.name.as_bytes(), &mut line);
                        line.extend_from_slice(b":");
                        push_base64(header.value.as_deref().unwrap_or_default(), &mut line);
                        line.extend_from_slice(b";");
                    }
                }
                (Field::Offset, _) => line.extend_from_slice(self.record.offset.to_string().as_bytes()),
                (Field::Timestamp, _) => line.extend_from_slice(self.record.timestamp_ms.to_string().as_bytes()),
            }
        }
        line.freeze()
    }

    fn push(&self, field: Field, line: &mut BytesMut) {
        match field {
            Field::Value => push_json(self.value.as_deref(), line),
            Field::Key => push_json(self.key(), line),
            Field::Offset => line.extend_from_slice(self.record.offset.to_string().as_bytes()),
            Field::Timestamp => push_text(&instant(self.record.timestamp_ms), line),
            Field::Headers => {
                line.extend_from_slice(b"[");
                for (n, Header { name, value }) in self.record.headers.iter().enumerate() {
                    line.extend_from_slice(if n == 0 { b"{\"key\":" } else { b",{\"key\":" });
                    push_text(name, line);
                    line.extend_from_slice(b",\"value\":");
                    push_json(value.as_deref().map(|value| self.unwrapped(value)), line);
                    line.extend_from_slice(b"}");
                }
                line.extend_from_slice(b"]");
            }
        }
    }

    /// The key without its schema wrapper.
    fn key(&self) -> Option<&[u8]> {
        self.record.key.as_deref().map(|key| self.unwrapped(key))
    }

    /// Without schema wrapper; what clients wrote comes without.
    fn unwrapped<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        if self.record.plan.is_some() { payload(bytes).unwrap_or(bytes) } else { bytes }
    }
}

/// What a text of JSON says; `None` for anything else.
pub(super) fn text(json: &[u8]) -> Option<String> {
    if json.starts_with(b"\"") { serde_json::from_slice(json).ok() } else { None }
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(bytes).is_ok()
}

/// JSON as it is, and anything else as a text.
fn push_json(bytes: Option<&[u8]>, line: &mut BytesMut) {
    match bytes {
        None => line.extend_from_slice(b"null"),
        Some(bytes) if is_json(bytes) => line.extend_from_slice(bytes),
        Some(bytes) => push_text(&String::from_utf8_lossy(bytes), line),
    }
}

fn push_text(text: &str, line: &mut BytesMut) {
    line.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
}

fn push_base64(bytes: &[u8], line: &mut BytesMut) {
    line.extend_from_slice(STANDARD.encode(bytes).as_bytes());
}

#[cfg(test)]
mod tests {
    use tailwater_connector::PlanId;

    use super::*;

    fn row(value: Option<&'static str>) -> (Record, Option<Bytes>) {
        let header =
            |name: &str, value: Option<&'static str>| Header { name: name.into(), value: value.map(Bytes::from) };
        let record = Record {
            topic: None,
            offset: 7,
            timestamp_ms: 1_795_233_906_123,
            key: Some(Bytes::from_static(br#"{"schema":{},"payload":{"id":1}}"#)),
            value: None,
            headers: vec![header("h\"1", Some("plain")), header("h2", Some("{\"a\":1}")), header("h3", None)],
            plan: Some(PlanId(1)),
            origin: None,
            ordinal: 0,
        };
        (record, value.map(Bytes::from))
    }

    #[test]
    fn an_object_has_the_parts_in_aivens_order() {
        let (record, value) = row(Some(r#"{"op":"c"}"#));
        let row = Row { record: &record, value };
        assert_eq!(
            row.object(&Field::ALL),
            r#"{"headers":[{"key":"h\"1","value":"plain"},{"key":"h2","value":{"a":1}},{"key":"h3","value":null}],"offset":7,"value":{"op":"c"},"key":{"id":1},"timestamp":"2026-11-21T04:05:06.123Z"}"#
        );
        assert_eq!(row.object(&[Field::Value]), r#"{"value":{"op":"c"}}"#);
        assert_eq!((row.bare(Field::Value), row.bare(Field::Offset)), (r#"{"op":"c"}"#.into(), "7".into()));
    }

    #[test]
    fn what_is_null_or_no_json_still_gives_a_line_of_json() {
        let (record, _) = row(None);
        assert_eq!(Row { record: &record, value: None }.object(&[Field::Value]), r#"{"value":null}"#);
        let value = Some(Bytes::from_static(b"two\nlines"));
        assert_eq!(Row { record: &record, value }.bare(Field::Value), r#""two\nlines""#);
    }

    #[test]
    fn between_commas_keys_and_headers_are_in_base64_and_values_as_asked() {
        let (mut record, value) = row(Some("{}"));
        record.headers.truncate(2);
        let row = Row { record: &record, value };
        assert_eq!(row.plain(&[Field::Key, Field::Value, Field::Offset], Plain::AsIs, false), "eyJpZCI6MX0=,{},7");
        assert_eq!(row.plain(&[Field::Value], Plain::Base64, false), "e30=");
        assert_eq!(row.plain(&[Field::Headers], Plain::AsIs, false), "aCIx:cGxhaW4=;aDI=:eyJhIjoxfQ==;");
    }
}
