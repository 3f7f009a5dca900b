//! Converters: typed values to bytes and back (`org.apache.kafka.connect`, Kafka 4.3).

use bytes::Bytes;
use tailwater_connector::property::{Form, check};
use tailwater_connector::{Config, Problem, Property, Support};
use tailwater_event::connect::json::{JsonOptions, JsonReader, JsonWriter};
use tailwater_event::connect::text::{push_java_text, push_simple_text};
use tailwater_event::connect::{Kind, Schema, Typed, Value, read_simple_text};
use tailwater_event::debezium::JsonDecimal;

use super::named;

pub(super) const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";
pub(super) const SIMPLE: &str = "org.apache.kafka.connect.storage.SimpleHeaderConverter";
const STRING: &str = "org.apache.kafka.connect.storage.StringConverter";
const BYTES: &str = "org.apache.kafka.connect.converters.ByteArrayConverter";
const SHORT: &str = "org.apache.kafka.connect.converters.ShortConverter";
const INTEGER: &str = "org.apache.kafka.connect.converters.IntegerConverter";
const LONG: &str = "org.apache.kafka.connect.converters.LongConverter";
const FLOAT: &str = "org.apache.kafka.connect.converters.FloatConverter";
const DOUBLE: &str = "org.apache.kafka.connect.converters.DoubleConverter";
const BOOLEAN: &str = "org.apache.kafka.connect.converters.BooleanConverter";
pub(super) const CLASSES: [&str; 10] = [JSON, STRING, BYTES, SIMPLE, SHORT, INTEGER, LONG, FLOAT, DOUBLE, BOOLEAN];

const JSON_OPTIONS: &[Property] = &[
    Property::new("schemas.enable", Form::Bool, Some("true"), "a schema with every value"),
    Property::new("decimal.format", Form::OneOf(&["BASE64", "NUMERIC"]), Some("BASE64"), "form of decimals"),
    Property::new("replace.null.with.default", Form::Bool, Some("true"), "a field's default in place of null"),
    Property::new("schemas.cache.size", Form::Integer(0, i32::MAX as i64), Some("1000"), "schemas that are kept")
        .support(Support::NoEffect("1,000 schemas are kept")),
    Property::new("schema.content", Form::Text, Some(""), "the schema of all values")
        .support(Support::Refused("schemas come with the values")),
];
const STRING_OPTIONS: &[Property] =
    &[Property::new("converter.encoding", Form::OneOf(&["UTF-8", "UTF8"]), Some("UTF-8"), "the encoding; UTF-8")];

/// Connect's word for what a converter of numbers or booleans reads.
pub(super) fn deserialized(class: &str) -> Option<&'static str> {
    Some(match class {
        SHORT => "short",
        INTEGER => "integer",
        LONG => "long",
        FLOAT => "float",
        DOUBLE => "double",
        BOOLEAN => "boolean",
        _ => return None,
    })
}

/// The options of a class of converters, below its property.
pub(crate) fn properties(class: &str) -> &'static [Property] {
    match class {
        JSON => JSON_OPTIONS,
        STRING => STRING_OPTIONS,
        _ => &[],
    }
}

/// Writes or reads one part of records.
pub(super) struct Converter {
    class: &'static str,
    options: JsonOptions,
    writer: JsonWriter,
    reader: JsonReader,
}

impl Converter {
    /// The converter that `SIDE.converter` names, with the options below it; `default` is the class when none is named. All
    /// problems at once, by full names.
    pub(super) fn parse(config: &Config, side: &str, default: &'static str) -> (Option<Converter>, Vec<Problem>) {
        let typed = config.get(side).map(str::trim).filter(|typed| !typed.is_empty()).unwrap_or(default);
        let known = CLASSES.into_iter().filter(|class| *class != SIMPLE || default == SIMPLE);
        let Some(class) = named::resolve(typed, known.clone()) else {
            return (None, vec![named::unknown(side, typed, known)]);
        };
        let prefix = format!("{side}.");
        let properties = properties(class);
        let (config, problems) = check(&super::properties::below(config, &prefix), properties);
        let numeric = config.text("decimal.format").trim().eq_ignore_ascii_case("numeric");
        let options = JsonOptions {
            schemas: config.flag("schemas.enable"),
            decimal: if numeric { JsonDecimal::Numeric } else { JsonDecimal::Base64 },
            replace_null: config.flag("replace.null.with.default"),
        };
        let reader = JsonReader::new(options.schemas).replacing_null(options.replace_null);
        let converter = Converter { class, options, writer: JsonWriter::new(options), reader };
        (Some(converter), named::with_prefix(&prefix, properties, problems))
    }

    /// The full name of the class.
    pub(super) fn class(&self) -> &'static str {
        self.class
    }

    /// Writes a value in front of which stands what is returned, and behind which stands [`Written::close`].
    pub(super) fn write(&mut self, data: &Typed, out: &mut Vec<u8>) -> Result<Written, String> {
        out.clear();
        if self.class == JSON && self.options.schemas {
            return match self.writer.write_payload(data, out).map_err(|error| error.to_string())? {
                Some(open) => Ok(Written::Enveloped(open)),
                None => Ok(Written::Null),
            };
        }
        let typed = |written: bool| if written { Ok(Written::Bytes) } else { Ok(Written::Null) };
        if self.class == JSON {
            return typed(self.writer.write(data, out).map_err(|error| error.to_string())?);
        }
        if data.value.is_null() {
            return Ok(Written::Null);
        }
        let schema = data.schema.as_deref();
        match (self.class, &data.value) {
            (STRING, value) => push_java_text(value, schema, out).map_err(|error| error.to_string())?,
            (SIMPLE, value) => push_simple_text(value, schema, out).map_err(|error| error.to_string())?,
            (BYTES, Value::Bytes(bytes)) if schema.is_none_or(|schema| schema.name.is_none()) => {
                out.extend_from_slice(bytes);
            }
            (SHORT, Value::Int16(value)) => out.extend_from_slice(&value.to_be_bytes()),
            (INTEGER, Value::Int32(value)) => out.extend_from_slice(&value.to_be_bytes()),
            (LONG, Value::Int64(value)) => out.extend_from_slice(&value.to_be_bytes()),
            (FLOAT, Value::Float32(value)) => out.extend_from_slice(&value.to_be_bytes()),
            (DOUBLE, Value::Float64(value)) => out.extend_from_slice(&value.to_be_bytes()),
            (BOOLEAN, Value::Boolean(value)) => out.push(u8::from(*value)),
            _ => {
                let kind = schema.map_or("value without schema", |schema| schema.kind.name());
                return Err(format!("a {kind} is nothing that it writes"));
            }
        }
        Ok(Written::Bytes)
    }

    /// Reads a value.
    pub(super) fn read(&mut self, bytes: Option<&Bytes>) -> Result<Typed, String> {
        if self.class == JSON {
            return self.reader.read(bytes.map(|bytes| &**bytes)).map_err(|error| error.to_string());
        }
        if self.class == SIMPLE {
            return Ok(bytes.map_or(Typed::NULL, |bytes| match std::str::from_utf8(bytes) {
                Ok(text) => read_simple_text(text),
                // Clients' own headers need not be text.
                Err(_) => Typed::new(Schema::new(Kind::Bytes), Value::Bytes(bytes.clone())),
            }));
        }
        let kind = match self.class {
            STRING => Kind::Text,
            BYTES => Kind::Bytes,
            SHORT => Kind::Int16,
            INTEGER => Kind::Int32,
            LONG => Kind::Int64,
            FLOAT => Kind::Float32,
            DOUBLE => Kind::Float64,
            _ => Kind::Boolean,
        };
        let value = bytes.map_or(Ok(Value::Null), |bytes| fixed(&kind, bytes))?;
        Ok(Typed::new(Schema::new(kind).optional(), value))
    }
}

/// A value of a plain converter.
fn fixed(kind: &Kind, bytes: &Bytes) -> Result<Value, String> {
    let size = || format!("{} bytes are no {}", bytes.len(), kind.name());
    Ok(match kind {
        Kind::Text => Value::Text(text(bytes)?.to_owned()),
        Kind::Bytes => Value::Bytes(bytes.clone()),
        Kind::Int16 => Value::Int16(i16::from_be_bytes(bytes.as_ref().try_into().map_err(|_| size())?)),
        Kind::Int32 => Value::Int32(i32::from_be_bytes(bytes.as_ref().try_into().map_err(|_| size())?)),
        Kind::Int64 => Value::Int64(i64::from_be_bytes(bytes.as_ref().try_into().map_err(|_| size())?)),
        Kind::Float32 => Value::Float32(f32::from_be_bytes(bytes.as_ref().try_into().map_err(|_| size())?)),
        Kind::Float64 => Value::Float64(f64::from_be_bytes(bytes.as_ref().try_into().map_err(|_| size())?)),
        _ => match bytes.as_ref() {
            [0] => Value::Boolean(false),
            [1] => Value::Boolean(true),
            _ => return Err("neither of the bytes 0 and 1".into()),
        },
    })
}

fn text(bytes: &Bytes) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "text that is not valid UTF-8".into())
}

/// What a converter wrote.
pub(super) enum Written {
    /// No bytes.
    Null,
    /// The bytes.
    Bytes,
    /// The payload of a JSON envelope; this stands before it, `}` behind it.
    Enveloped(Bytes),
}
