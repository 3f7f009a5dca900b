//! Connect's values: what a converter reads and transforms change.

use std::sync::Arc;

use bytes::Bytes;

use super::Schema;

/// A value. Those of logical types are plain: an unscaled big-endian number for Decimal, days for Date, milliseconds for Time
/// and Timestamp. Without a schema, JSON's numbers are `Int64` or `Float64` and its objects maps with text keys.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Null.
    Null,
    /// `boolean`.
    Boolean(bool),
    /// `int8`.
    Int8(i8),
    /// `int16`.
    Int16(i16),
    /// `int32`.
    Int32(i32),
    /// `int64`.
    Int64(i64),
    /// `float`.
    Float32(f32),
    /// `double`.
    Float64(f64),
    /// `string`.
    Text(String),
    /// `bytes`.
    Bytes(Bytes),
    /// Elements.
    Array(Vec<Value>),
    /// Entries, in the order they were put.
    Map(Vec<(Value, Value)>),
    /// One value for each field of the schema, in its order.
    Struct(Vec<Value>),
}

/// A value with its schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Typed {
    /// `None` for data without a schema.
    pub schema: Option<Arc<Schema>>,
    /// The value.
    pub value: Value,
}

/// A record between a source and its converter, or between a converter and a sink.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectRecord {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition: where it comes from for sinks; where it shall go for sources, `None` to leave that to the key.
    pub partition: Option<i32>,
    /// Offset, of records on their way to a sink.
    pub offset: Option<i64>,
    /// Milliseconds since 1970; `None` for the time of writing.
    pub timestamp_ms: Option<i64>,
    /// Key.
    pub key: Typed,
    /// Value; null without a schema is a tombstone.
    pub value: Typed,
    /// Headers, in order; a name may stand more than once.
    pub headers: Vec<ConnectHeader>,
}

/// A header.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectHeader {
    /// Name.
    pub name: Arc<str>,
    /// Value.
    pub value: Typed,
}

impl Value {
    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The text of a string.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The values of a struct.
    pub fn as_struct(&self) -> Option<&[Value]> {
        match self {
            Value::Struct(values) => Some(values),
            _ => None,
        }
    }
}

impl Typed {
    /// Null without a schema.
    pub const NULL: Typed = Typed { schema: None, value: Value::Null };

    /// A value with a schema.
    pub fn new(schema: impl Into<Arc<Schema>>, value: Value) -> Self {
        Typed { schema: Some(schema.into()), value }
    }

    /// A field of a struct with its schema, as it stands (a default is not put in place of null); `None` when this is no struct
    /// or has no such field.
    pub fn field(&self, name: &str) -> Option<(&Arc<Schema>, &Value)> {
        let (at, field) = self.schema.as_ref()?.field(name)?;
        Some((&field.schema, self.value.as_struct()?.get(at)?))
    }
}
