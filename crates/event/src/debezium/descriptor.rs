//! A plan's descriptor: table and options as JSON, kept beside the records so that they can be read back later.

use serde::{Deserialize, Serialize};

use super::{
    Algorithm, BinaryMode, ColumnShape, DecimalMode, DecodeError, EncodeOptions, HStoreMode, Hash, HashVersion,
    IntervalMode, JsonDecimal, Masking, NameAdjustment, TableShape, TimeMode, UnavailableValue,
};
use crate::{Column, ColumnType, Declared, DefaultValue, ReplicaIdentity, TableName, TableSchema};

/// The layouts of the descriptor; a reader refuses others.
const PLAIN: u32 = 1;
/// With a shape, without which the records cannot be read back.
const SHAPED: u32 = 2;

#[derive(Serialize, Deserialize)]
struct Descriptor {
    version: u32,
    topic: String,
    schema: String,
    table: String,
    columns: Vec<ColumnDoc>,
    key: Vec<usize>,
    #[serde(with = "ReplicaIdentityDoc")]
    replica_identity: ReplicaIdentity,
    #[serde(with = "OptionsDoc")]
    options: EncodeOptions,
}

#[derive(Serialize, Deserialize)]
struct ColumnDoc {
    name: String,
    #[serde(with = "TypeDoc")]
    ty: ColumnType,
    type_name: String,
    nullable: bool,
    in_identity: bool,
    default: Option<DefaultDoc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shape: Option<ShapeDoc>,
}

#[derive(Serialize, Deserialize)]
struct ShapeDoc {
    hidden: bool,
    masking: Option<MaskingDoc>,
    parameters: Vec<(String, String)>,
}

/// A hash's salt and algorithm are not needed to read, and the salt is a secret.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MaskingDoc {
    Stars(usize),
    Hash,
    Truncate(usize),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DefaultDoc {
    Literal(String),
    Keyword(String),
    Expression,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ReplicaIdentity", rename_all = "snake_case")]
enum ReplicaIdentityDoc {
    Default,
    Full,
    Nothing,
    Index,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ColumnType", rename_all = "snake_case")]
enum TypeDoc {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric(Option<(u16, i16)>),
    Money,
    Text,
    Bytea,
    Bit(u32),
    VarBit(Option<u32>),
    Date,
    Time(u8),
    TimeTz(u8),
    Timestamp(u8),
    TimestampTz(u8),
    Interval,
    Json,
    Xml,
    Uuid,
    Point,
    Geometry,
    Geography,
    TsVector,
    Ltree,
    HStore,
    Vector,
    HalfVec,
    SparseVec,
    Geometric,
    Enum(Vec<String>),
    Array(#[serde(with = "boxed_type")] Box<ColumnType>),
    Unknown,
}

/// [`TypeDoc`] behind a box.
mod boxed_type {
    use serde::{Deserializer, Serializer};

    use super::{ColumnType, TypeDoc};

    pub(super) fn serialize<S: Serializer>(ty: &ColumnType, serializer: S) -> Result<S::Ok, S::Error> {
        TypeDoc::serialize(ty, serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<ColumnType>, D::Error> {
        TypeDoc::deserialize(deserializer).map(Box::new)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "EncodeOptions")]
struct OptionsDoc {
    version: String,
    prefix: String,
    database: String,
    key_schemas: bool,
    value_schemas: bool,
    header_schemas: bool,
    value_replace_null: bool,
    key_replace_null: bool,
    #[serde(with = "JsonDecimalDoc")]
    json_decimal: JsonDecimal,
    #[serde(with = "JsonDecimalDoc", default = "base64_decimals")]
    key_json_decimal: JsonDecimal,
    #[serde(with = "DecimalDoc")]
    decimal: DecimalMode,
    #[serde(with = "TimeDoc")]
    time: TimeMode,
    #[serde(with = "BinaryDoc")]
    binary: BinaryMode,
    #[serde(with = "IntervalDoc")]
    interval: IntervalMode,
    #[serde(with = "HStoreDoc")]
    hstore: HStoreMode,
    money_scale: u16,
    include_unknown: bool,
    #[serde(default)]
    unknown_as_text: bool,
    #[serde(with = "UnavailableDoc")]
    unavailable: UnavailableValue,
    tombstones: bool,
    #[serde(default)]
    skip_creates: bool,
    #[serde(default)]
    skip_deletes: bool,
    #[serde(with = "NamesDoc", default)]
    schema_names: NameAdjustment,
    #[serde(with = "NamesDoc", default)]
    field_names: NameAdjustment,
    #[serde(default)]
    skip_unchanged: bool,
    #[serde(default)]
    jdbc_snapshot: bool,
    context_headers: Vec<(String, String)>,
    strict: bool,
}

/// What older descriptors do not say.
fn base64_decimals() -> JsonDecimal {
    JsonDecimal::Base64
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "NameAdjustment", rename_all = "snake_case")]
enum NamesDoc {
    None,
    Avro,
    AvroUnicode,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "JsonDecimal", rename_all = "snake_case")]
enum JsonDecimalDoc {
    Base64,
    Numeric,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "DecimalMode", rename_all = "snake_case")]
enum DecimalDoc {
    Precise,
    String,
    Double,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "TimeMode", rename_all = "snake_case")]
enum TimeDoc {
    Adaptive,
    AdaptiveTimeMicroseconds,
    Connect,
    IsoString,
    Microseconds,
    Nanoseconds,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "BinaryMode", rename_all = "snake_case")]
enum BinaryDoc {
    Bytes,
    Base64,
    Base64UrlSafe,
    Hex,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "IntervalMode", rename_all = "snake_case")]
enum IntervalDoc {
    Numeric,
    String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "HStoreMode", rename_all = "snake_case")]
enum HStoreDoc {
    Json,
    Map,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "UnavailableValue")]
struct UnavailableDoc(Vec<u8>);

/// What a descriptor tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) schema: TableSchema,
    pub(super) shape: TableShape,
    pub(super) options: EncodeOptions,
    pub(super) topic: String,
}

/// Writes a descriptor. The constant field of the key is left out: values are read back, keys are not.
pub(super) fn write(schema: &TableSchema, shape: &TableShape, topic: &str, options: &EncodeOptions) -> Vec<u8> {
    let shaped = shape.columns.iter().any(|column| *column != ColumnShape::default());
    let renamed = options.field_names != NameAdjustment::None || options.schema_names != NameAdjustment::None;
    let columns = schema.columns.iter().enumerate().map(|(at, column)| ColumnDoc {
        shape: Some(shape.column(at)).filter(|shape| **shape != ColumnShape::default()).map(shape_doc),
        name: column.name.clone(),
        ty: column.ty.clone(),
        type_name: column.type_name.clone(),
        nullable: column.nullable,
        in_identity: column.in_identity,
        default: column.default.as_ref().map(|default| match default {
            DefaultValue::Literal(text) => DefaultDoc::Literal(text.clone()),
            DefaultValue::Keyword(word) => DefaultDoc::Keyword(word.clone()),
            DefaultValue::Expression => DefaultDoc::Expression,
        }),
    });
    let descriptor = Descriptor {
        version: if shaped || renamed { SHAPED } else { PLAIN },
        topic: topic.to_owned(),
        schema: schema.name.schema.clone(),
        table: schema.name.table.clone(),
        columns: columns.collect(),
        key: schema.key.clone(),
        replica_identity: schema.replica_identity,
        options: options.clone(),
    };
    // Strings, numbers and lists only: this cannot fail.
    serde_json::to_vec(&descriptor).unwrap_or_default()
}

fn shape_doc(shape: &ColumnShape) -> ShapeDoc {
    ShapeDoc {
        hidden: shape.hidden,
        masking: shape.masking.as_ref().map(|masking| match masking {
            Masking::Stars(count) => MaskingDoc::Stars(*count),
            Masking::Hash { .. } => MaskingDoc::Hash,
            Masking::Truncate(length) => MaskingDoc::Truncate(*length),
        }),
        parameters: shape.parameters.clone(),
    }
}

fn shape_of(doc: ShapeDoc) -> ColumnShape {
    ColumnShape {
        hidden: doc.hidden,
        masking: doc.masking.map(|masking| match masking {
            MaskingDoc::Stars(count) => Masking::Stars(count),
            MaskingDoc::Hash => {
                let hash = Hash { algorithm: Algorithm::Md5, version: HashVersion::Two, salt: Vec::new() };
                Masking::Hash { hash, length: 0 }
            }
            MaskingDoc::Truncate(length) => Masking::Truncate(length),
        }),
        parameters: doc.parameters,
    }
}

/// Reads a descriptor.
pub(super) fn read(bytes: &[u8]) -> Result<Described, DecodeError> {
    if crate::connect::is_row_descriptor(bytes) {
        return Err(DecodeError("it is a row of query capture, which has no before and no operation".into()));
    }
    let descriptor: Descriptor =
        serde_json::from_slice(bytes).map_err(|error| DecodeError(format!("the descriptor: {error}")))?;
    if !(PLAIN..=SHAPED).contains(&descriptor.version) {
        return Err(DecodeError(format!("the descriptor has version {}, known is {SHAPED}", descriptor.version)));
    }
    let mut shape = TableShape::default();
    let columns = descriptor.columns.into_iter().map(|column| {
        shape.columns.push(column.shape.map(shape_of).unwrap_or_default());
        Column {
            name: column.name,
            ty: column.ty,
            type_name: column.type_name,
            nullable: column.nullable,
            in_identity: column.in_identity,
            default: column.default.map(|default| match default {
                DefaultDoc::Literal(text) => DefaultValue::Literal(text),
                DefaultDoc::Keyword(word) => DefaultValue::Keyword(word),
                DefaultDoc::Expression => DefaultValue::Expression,
            }),
            declared: Declared::default(),
        }
    });
    let schema = TableSchema {
        name: TableName::new(descriptor.schema, descriptor.table),
        columns: columns.collect(),
        key: descriptor.key,
        replica_identity: descriptor.replica_identity,
    };
    Ok(Described { schema, shape, options: descriptor.options, topic: descriptor.topic })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_and_options_return() {
        let column = |ty: ColumnType, default| Column {
            name: "c\"ö".into(),
            ty,
            type_name: "t".into(),
            nullable: true,
            in_identity: false,
            default,
            declared: Declared::default(),
        };
        let schema = TableSchema {
            name: TableName::new("public", "t"),
            columns: vec![
                column(ColumnType::Numeric(Some((5, -2))), None),
                column(
                    ColumnType::Array(Box::new(ColumnType::Enum(vec!["a".into()]))),
                    Some(DefaultValue::Literal("x".into())),
                ),
                column(ColumnType::VarBit(None), Some(DefaultValue::Expression)),
            ],
            key: vec![1, 0],
            replica_identity: ReplicaIdentity::Index,
        };
        let options = EncodeOptions {
            time: TimeMode::AdaptiveTimeMicroseconds,
            unavailable: UnavailableValue(vec![0, 255]),
            context_headers: vec![("a".into(), "b".into())],
            ..EncodeOptions::default()
        };
        let hash = Hash { algorithm: Algorithm::Sha256, version: HashVersion::One, salt: b"secret salt".to_vec() };
        let shape = TableShape {
            columns: vec![
                ColumnShape { hidden: true, ..ColumnShape::default() },
                ColumnShape { masking: Some(Masking::Truncate(3)), ..ColumnShape::default() },
                ColumnShape { parameters: vec![("a".into(), "b".into())], ..ColumnShape::default() },
            ],
            key_field: None,
        };
        let written = write(&schema, &shape, "topic", &options);
        let mut hashed = shape.clone();
        let described = Described { schema: schema.clone(), shape, options: options.clone(), topic: "topic".into() };
        assert_eq!(read(&written), Ok(described));
        hashed.columns[1].masking = Some(Masking::Hash { hash, length: 5 });
        let written = write(&schema, &hashed, "topic", &options);
        assert!(!String::from_utf8_lossy(&written).contains("secret"));
        assert!(read(&written).unwrap().shape.columns[1].loss().is_some());
    }

    #[test]
    fn a_plain_descriptor_is_one_that_older_readers_know() {
        let schema = TableSchema {
            name: TableName::new("public", "t"),
            columns: Vec::new(),
            key: Vec::new(),
            replica_identity: ReplicaIdentity::Default,
        };
        let version = |shape: &TableShape, options: &EncodeOptions| {
            let doc: serde_json::Value = serde_json::from_slice(&write(&schema, shape, "t", options)).unwrap();
            doc["version"].as_u64().unwrap()
        };
        assert_eq!(version(&TableShape::default(), &EncodeOptions::default()), 1);
        let renamed = EncodeOptions { field_names: NameAdjustment::Avro, ..EncodeOptions::default() };
        assert_eq!(version(&TableShape::default(), &renamed), 2);
    }

    #[test]
    fn bytes_of_something_else_are_refused() {
        assert!(read(b"").is_err());
        assert!(read(b"{}").is_err());
    }
}
