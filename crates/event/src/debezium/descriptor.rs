//! A plan's descriptor: table and options as JSON, kept beside the records so that they can be read back later.

use serde::{Deserialize, Serialize};

use super::{
    BinaryMode, DecimalMode, DecodeError, EncodeOptions, HStoreMode, IntervalMode, JsonDecimal, TimeMode,
    UnavailableValue,
};
use crate::{Column, ColumnType, DefaultValue, ReplicaIdentity, TableName, TableSchema};

/// The layout of the descriptor; a reader refuses others.
const VERSION: u32 = 1;

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
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DefaultDoc {
    Literal(String),
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
    #[serde(with = "UnavailableDoc")]
    unavailable: UnavailableValue,
    tombstones: bool,
    context_headers: Vec<(String, String)>,
    strict: bool,
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

/// Writes a descriptor.
pub(super) fn write(schema: &TableSchema, topic: &str, options: &EncodeOptions) -> Vec<u8> {
    let columns = schema.columns.iter().map(|column| ColumnDoc {
        name: column.name.clone(),
        ty: column.ty.clone(),
        type_name: column.type_name.clone(),
        nullable: column.nullable,
        in_identity: column.in_identity,
        default: column.default.as_ref().map(|default| match default {
            DefaultValue::Literal(text) => DefaultDoc::Literal(text.clone()),
            DefaultValue::Expression => DefaultDoc::Expression,
        }),
    });
    let descriptor = Descriptor {
        version: VERSION,
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

/// Reads a descriptor.
pub(super) fn read(bytes: &[u8]) -> Result<(TableSchema, EncodeOptions, String), DecodeError> {
    let descriptor: Descriptor =
        serde_json::from_slice(bytes).map_err(|error| DecodeError(format!("the descriptor: {error}")))?;
    if descriptor.version != VERSION {
        return Err(DecodeError(format!("the descriptor has version {}, known is {VERSION}", descriptor.version)));
    }
    let columns = descriptor.columns.into_iter().map(|column| Column {
        name: column.name,
        ty: column.ty,
        type_name: column.type_name,
        nullable: column.nullable,
        in_identity: column.in_identity,
        default: column.default.map(|default| match default {
            DefaultDoc::Literal(text) => DefaultValue::Literal(text),
            DefaultDoc::Expression => DefaultValue::Expression,
        }),
    });
    let schema = TableSchema {
        name: TableName::new(descriptor.schema, descriptor.table),
        columns: columns.collect(),
        key: descriptor.key,
        replica_identity: descriptor.replica_identity,
    };
    Ok((schema, descriptor.options, descriptor.topic))
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
        assert_eq!(read(&write(&schema, "topic", &options)), Ok((schema, options, "topic".into())));
    }

    #[test]
    fn bytes_of_something_else_are_refused() {
        assert!(read(b"").is_err());
        assert!(read(b"{}").is_err());
    }
}
