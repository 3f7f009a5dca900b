//! Connect's schemas as data: what `org.apache.kafka.connect.data.Schema` holds.
//!
//! A schema is shared by all records of one shape, so it is compared by its `Arc` first. Logical types (Connect's Decimal,
//! Date, Time, Timestamp, and Debezium's) are a name over a plain kind; their values stay plain.

use std::sync::Arc;

use super::Value;

/// A schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// The shape of values.
    pub kind: Kind,
    /// Whether null is allowed.
    pub optional: bool,
    /// The name: a struct's, or a logical type's such as `io.debezium.time.Date`.
    pub name: Option<Arc<str>>,
    /// The version, 1 and up.
    pub version: Option<i32>,
    /// A text for people.
    pub doc: Option<Arc<str>>,
    /// Parameters of a logical type, in their order.
    pub parameters: Vec<(Arc<str>, Arc<str>)>,
    /// What stands for a missing value.
    pub default: Option<Value>,
}

/// The shapes of values.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// `int8`.
    Int8,
    /// `int16`.
    Int16,
    /// `int32`.
    Int32,
    /// `int64`.
    Int64,
    /// `float` in JSON, 32 bits.
    Float32,
    /// `double` in JSON, 64 bits.
    Float64,
    /// `boolean`.
    Boolean,
    /// `string`.
    Text,
    /// `bytes`.
    Bytes,
    /// Elements of one schema.
    Array(Arc<Schema>),
    /// Keys of one schema, values of another.
    Map(Arc<Schema>, Arc<Schema>),
    /// Fields, in order.
    Struct(Vec<Field>),
}

/// A struct's field.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Name, unique in its struct.
    pub name: Arc<str>,
    /// What its values are.
    pub schema: Arc<Schema>,
}

impl Field {
    /// A field.
    pub fn new(name: impl Into<Arc<str>>, schema: impl Into<Arc<Schema>>) -> Self {
        Field { name: name.into(), schema: schema.into() }
    }
}

impl Schema {
    /// A schema of this kind that allows no null and has neither name nor default.
    pub fn new(kind: Kind) -> Self {
        Schema { kind, optional: false, name: None, version: None, doc: None, parameters: Vec::new(), default: None }
    }

    /// The same, null allowed.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// The same under a name.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// A struct's fields; none for other kinds.
    pub fn fields(&self) -> &[Field] {
        match &self.kind {
            Kind::Struct(fields) => fields,
            _ => &[],
        }
    }

    /// The place of a field, and the field.
    pub fn field(&self, name: &str) -> Option<(usize, &Field)> {
        self.fields().iter().enumerate().find(|(_, field)| *field.name == *name)
    }

    /// Whether it has this name.
    pub fn is_named(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name)
    }

    /// A parameter's value.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| **n == *name).map(|(_, value)| &**value)
    }
}

impl Kind {
    /// The name that Connect's JSON has for it.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Int8 => "int8",
            Kind::Int16 => "int16",
            Kind::Int32 => "int32",
            Kind::Int64 => "int64",
            Kind::Float32 => "float",
            Kind::Float64 => "double",
            Kind::Boolean => "boolean",
            Kind::Text => "string",
            Kind::Bytes => "bytes",
            Kind::Array(_) => "array",
            Kind::Map(..) => "map",
            Kind::Struct(_) => "struct",
        }
    }
}
