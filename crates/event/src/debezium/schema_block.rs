//! Connect schemas as JsonConverter writes them: `type`, parts, `optional`, `name`, `version`, `doc`, `parameters`,
//! `default`, `field`, in this order; what is absent is left out.

use super::value::json::{push_str, quoted};
use super::value::{Codec, DateForm, DecimalForm, Integer, Meaning, Unit};
use super::{BinaryMode, HStoreMode, IntervalMode, NameAdjustment};

/// A field of a row schema.
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) codec: &'a Codec,
    pub(super) optional: bool,
    pub(super) default: Option<&'a [u8]>,
    /// Parameters besides those of the type.
    pub(super) parameters: &'a [(String, String)],
}

/// What a schema says besides `optional`, `default` and `field`.
struct Description {
    /// `type` and the members that follow it, JSON.
    kind: String,
    name: Option<&'static str>,
    doc: Option<&'static str>,
    parameters: Vec<(&'static str, String)>,
}

/// Whether a value of the codec is a string.
pub(super) fn is_text(codec: &Codec) -> bool {
    describe(codec).kind.starts_with("\"type\":\"string\"")
}

/// The key's schema; `last` is the name of a text field at its end.
pub(super) fn key_schema(name: &str, fields: &[Field<'_>], last: Option<&str>) -> Vec<u8> {
    let mut out = Vec::new();
    push_struct(fields, &mut out);
    if let Some(last) = last {
        out.pop();
        out.extend_from_slice(if fields.is_empty() { b"" } else { b"," });
        out.extend_from_slice(b"{\"type\":\"string\",\"optional\":false,\"field\":");
        push_str(last, &mut out);
        out.extend_from_slice(b"}]");
    }
    out.extend_from_slice(b",\"optional\":false,\"name\":");
    push_str(name, &mut out);
    out.push(b'}');
    out
}

/// The envelope's schema (version 2), with the row's twice in it.
pub(super) fn envelope_schema(topic: &str, fields: &[Field<'_>], names: NameAdjustment) -> Vec<u8> {
    let mut out = b"{\"type\":\"struct\",\"fields\":[".to_vec();
    for image in ["before", "after"] {
        push_struct(fields, &mut out);
        out.extend_from_slice(b",\"optional\":true,\"name\":");
        push_str(&names.schema(&format!("{topic}.Value")), &mut out);
        out.extend_from_slice(format!(",\"field\":\"{image}\"}},").as_bytes());
    }
    out.extend_from_slice([SOURCE_SCHEMA, TRANSACTION_SCHEMA, OP_TO_END].join(",").as_bytes());
    out.extend_from_slice(b"],\"optional\":false,\"name\":");
    push_str(&names.schema(&format!("{topic}.Envelope")), &mut out);
    out.extend_from_slice(b",\"version\":2}");
    out
}

/// The schema of a header with text.
pub(super) const STRING_SCHEMA: &str = r#"{"type":"string","optional":false}"#;

/// The schema of `source` (Debezium 3.5 and later).
pub(super) const SOURCE_SCHEMA: &str = concat!(
    r#"{"type":"struct","fields":["#,
    r#"{"type":"string","optional":false,"field":"version"},"#,
    r#"{"type":"string","optional":false,"field":"connector"},"#,
    r#"{"type":"string","optional":false,"field":"name"},"#,
    r#"{"type":"int64","optional":false,"field":"ts_ms"},"#,
    r#"{"type":"string","optional":true,"name":"io.debezium.data.Enum","version":1,"parameters":{"allowed":"#,
    r#""true,first,first_in_data_collection,last_in_data_collection,last,false,incremental"},"#,
    r#""default":"false","field":"snapshot"},"#,
    r#"{"type":"string","optional":false,"field":"db"},"#,
    r#"{"type":"string","optional":true,"field":"sequence"},"#,
    r#"{"type":"int64","optional":true,"field":"ts_us"},"#,
    r#"{"type":"int64","optional":true,"field":"ts_ns"},"#,
    r#"{"type":"string","optional":false,"field":"schema"},"#,
    r#"{"type":"string","optional":false,"field":"table"},"#,
    r#"{"type":"int64","optional":true,"field":"txId"},"#,
    r#"{"type":"int64","optional":true,"field":"lsn"},"#,
    r#"{"type":"int64","optional":true,"field":"xmin"},"#,
    r#"{"type":"string","optional":true,"field":"origin"},"#,
    r#"{"type":"int64","optional":true,"field":"origin_lsn"}],"#,
    r#""optional":false,"name":"io.debezium.connector.postgresql.Source","version":1,"field":"source"}"#,
);

/// The schema of `transaction`.
pub(super) const TRANSACTION_SCHEMA: &str = concat!(
    r#"{"type":"struct","fields":["#,
    r#"{"type":"string","optional":false,"field":"id"},"#,
    r#"{"type":"int64","optional":false,"field":"total_order"},"#,
    r#"{"type":"int64","optional":false,"field":"data_collection_order"}],"#,
    r#""optional":true,"name":"event.block","version":1,"field":"transaction"}"#,
);

/// The fields of the envelope after `transaction`.
const OP_TO_END: &str = concat!(
    r#"{"type":"string","optional":false,"field":"op"},"#,
    r#"{"type":"int64","optional":true,"field":"ts_ms"},"#,
    r#"{"type":"int64","optional":true,"field":"ts_us"},"#,
    r#"{"type":"int64","optional":true,"field":"ts_ns"}"#,
);

/// `{"type":"struct","fields":[…]`, left open.
fn push_struct(fields: &[Field<'_>], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"struct\",\"fields\":[");
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_schema(field.codec, field.optional, field.parameters, out);
        if let Some(default) = field.default {
            out.extend_from_slice(b",\"default\":");
            out.extend_from_slice(default);
        }
        out.extend_from_slice(b",\"field\":");
        push_str(field.name, out);
        out.push(b'}');
    }
    out.push(b']');
}

/// One schema, left open after `parameters`.
fn push_schema(codec: &Codec, optional: bool, parameters: &[(String, String)], out: &mut Vec<u8>) {
    let description = describe(codec);
    out.push(b'{');
    out.extend_from_slice(description.kind.as_bytes());
    out.extend_from_slice(if optional { b",\"optional\":true" } else { b",\"optional\":false" });
    if let Some(name) = description.name {
        out.extend_from_slice(format!(",\"name\":\"{name}\",\"version\":1").as_bytes());
    }
    if let Some(doc) = description.doc {
        out.extend_from_slice(format!(",\"doc\":\"{doc}\"").as_bytes());
    }
    let of_type = description.parameters.iter().map(|(name, value)| (*name, value.as_str()));
    let all = of_type.chain(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let empty = out.len();
    for (name, value) in all {
        out.extend_from_slice(if out.len() == empty { b",\"parameters\":{" } else { b"," });
        push_str(name, out);
        out.push(b':');
        push_str(value, out);
    }
    if out.len() > empty {
        out.push(b'}');
    }
}

fn describe(codec: &Codec) -> Description {
    let plain = |kind: &str| named(kind, None);
    match codec {
        Codec::Shaped(shaped) => describe(&shaped.inner),
        Codec::Bool | Codec::Bit => plain("boolean"),
        Codec::Integer(Integer::Two) => plain("int16"),
        Codec::Integer(Integer::Four) => plain("int32"),
        Codec::Integer(Integer::Eight | Integer::Oid) => plain("int64"),
        Codec::Real => plain("float"),
        Codec::Double => plain("double"),
        Codec::Decimal { form: DecimalForm::Text, .. }
        | Codec::VariableDecimal(DecimalForm::Text)
        | Codec::Money { form: DecimalForm::Text, .. } => plain("string"),
        Codec::Decimal { form: DecimalForm::Double, .. }
        | Codec::VariableDecimal(DecimalForm::Double)
        | Codec::Money { form: DecimalForm::Double, .. } => plain("double"),
        Codec::Decimal { precision, scale, .. } => {
            let mut decimal = decimal(*scale);
            decimal.parameters.push(("connect.decimal.precision", precision.to_string()));
            decimal
        }
        Codec::Money { scale, .. } => decimal(i32::from(*scale)),
        Codec::VariableDecimal(_) => Description {
            doc: Some("Variable scaled decimal"),
            ..structure(
                r#"{"type":"int32","optional":false,"field":"scale"},{"type":"bytes","optional":false,"field":"value"}"#,
                "io.debezium.data.VariableScaleDecimal",
            )
        },
        Codec::Text(meaning) => named(
            "string",
            match meaning {
                Meaning::Plain => None,
                Meaning::Json => Some("io.debezium.data.Json"),
                Meaning::Xml => Some("io.debezium.data.Xml"),
                Meaning::Uuid => Some("io.debezium.data.Uuid"),
                Meaning::TsVector => Some("io.debezium.data.Tsvector"),
                Meaning::Ltree => Some("io.debezium.data.Ltree"),
            },
        ),
        Codec::Enum(labels) => Description {
            parameters: vec![("allowed", labels.join(","))],
            ..named("string", Some("io.debezium.data.Enum"))
        },
        Codec::Bytes(BinaryMode::Bytes) | Codec::Raw(BinaryMode::Bytes) | Codec::Geometric(BinaryMode::Bytes) => {
            plain("bytes")
        }
        Codec::Bytes(_) | Codec::Raw(_) | Codec::Geometric(_) => plain("string"),
        Codec::Bits { length, .. } => bits(length.unwrap_or(i32::MAX as u32)),
        Codec::LostBits(length) => bits(*length),
        Codec::Date { connect: true, .. } => named("int32", Some("org.apache.kafka.connect.data.Date")),
        Codec::Date { form: DateForm::Days | DateForm::JdbcDays, .. } => named("int32", Some("io.debezium.time.Date")),
        Codec::Date { form: DateForm::Iso, .. } => named("string", Some("io.debezium.time.IsoDate")),
        Codec::Time { connect: true, .. } => named("int32", Some("org.apache.kafka.connect.data.Time")),
        Codec::Time { unit, .. } => match unit {
            Unit::Milli => named("int32", Some("io.debezium.time.Time")),
            Unit::Micro => named("int64", Some("io.debezium.time.MicroTime")),
            Unit::Nano => named("int64", Some("io.debezium.time.NanoTime")),
            Unit::Iso => named("string", Some("io.debezium.time.IsoTime")),
        },
        Codec::TimeTz { .. } => named("string", Some("io.debezium.time.ZonedTime")),
        Codec::Timestamp { connect: true, .. } => named("int64", Some("org.apache.kafka.connect.data.Timestamp")),
        Codec::Timestamp { unit, .. } => match unit {
            Unit::Milli => named("int64", Some("io.debezium.time.Timestamp")),
            Unit::Micro => named("int64", Some("io.debezium.time.MicroTimestamp")),
            Unit::Nano => named("int64", Some("io.debezium.time.NanoTimestamp")),
            Unit::Iso => named("string", Some("io.debezium.time.IsoTimestamp")),
        },
        Codec::TimestampTz(_) => named("string", Some("io.debezium.time.ZonedTimestamp")),
        Codec::Interval(IntervalMode::Numeric) => named("int64", Some("io.debezium.time.MicroDuration")),
        Codec::Interval(IntervalMode::String) => named("string", Some("io.debezium.time.Interval")),
        Codec::Point => Description {
            doc: Some("Geometry (POINT)"),
            ..structure(
                concat!(
                    r#"{"type":"double","optional":false,"field":"x"},{"type":"double","optional":false,"field":"y"},"#,
                    r#"{"type":"bytes","optional":true,"field":"wkb"},{"type":"int32","optional":true,"field":"srid"}"#
                ),
                "io.debezium.data.geometry.Point",
            )
        },
        Codec::Geometry { geography } => {
            let (name, doc) = if *geography {
                ("io.debezium.data.geometry.Geography", "Geography")
            } else {
                ("io.debezium.data.geometry.Geometry", "Geometry")
            };
            Description {
                doc: Some(doc),
                ..structure(
                    r#"{"type":"bytes","optional":false,"field":"wkb"},{"type":"int32","optional":true,"field":"srid"}"#,
                    name,
                )
            }
        }
        Codec::Vector { half } => {
            let (item, name) = match half {
                true => ("float", "io.debezium.data.FloatVector"),
                false => ("double", "io.debezium.data.DoubleVector"),
            };
            let kind = format!("\"type\":\"array\",\"items\":{{\"type\":\"{item}\",\"optional\":false}}");
            Description { kind, ..named("array", Some(name)) }
        }
        Codec::SparseVector => Description {
            doc: Some("Sparse double vector"),
            ..structure(
                concat!(
                    r#"{"type":"int16","optional":false,"field":"dimensions"},"#,
                    r#"{"type":"map","keys":{"type":"int16","optional":false},"values":{"type":"double","optional":false},"#,
                    r#""optional":false,"field":"vector"}"#
                ),
                "io.debezium.data.SparseDoubleVector",
            )
        },
        Codec::HStore(HStoreMode::Json) => named("string", Some("io.debezium.data.Json")),
        Codec::HStore(HStoreMode::Map) => Description {
            kind: concat!(
                r#""type":"map","keys":{"type":"string","optional":false},"#,
                r#""values":{"type":"string","optional":true}"#
            )
            .into(),
            ..plain("map")
        },
        Codec::Array(element) => {
            let mut items = Vec::new();
            push_schema(element, !element.required_in_arrays(), &[], &mut items);
            let items = String::from_utf8_lossy(&items).into_owned();
            Description { kind: format!("\"type\":\"array\",\"items\":{items}}}"), ..plain("array") }
        }
    }
}

fn named(kind: &str, name: Option<&'static str>) -> Description {
    Description { kind: format!("\"type\":\"{kind}\""), name, doc: None, parameters: Vec::new() }
}

fn structure(fields: &str, name: &'static str) -> Description {
    Description { kind: format!("\"type\":\"struct\",\"fields\":[{fields}]"), ..named("struct", Some(name)) }
}

fn decimal(scale: i32) -> Description {
    Description {
        parameters: vec![("scale", scale.to_string())],
        ..named("bytes", Some("org.apache.kafka.connect.data.Decimal"))
    }
}

fn bits(length: u32) -> Description {
    Description { parameters: vec![("length", length.to_string())], ..named("bytes", Some("io.debezium.data.Bits")) }
}

/// A text header's value.
pub(super) fn string_header(text: &str, schemas: bool) -> Vec<u8> {
    let payload = quoted(text);
    if schemas {
        [b"{\"schema\":", STRING_SCHEMA.as_bytes(), b",\"payload\":", &payload, b"}"].concat()
    } else {
        payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ColumnType;
    use crate::debezium::EncodeOptions;

    fn schema(ty: ColumnType) -> String {
        let codec = Codec::resolve(&ty, &EncodeOptions::default()).unwrap();
        let mut out = Vec::new();
        push_schema(&codec, true, &[], &mut out);
        String::from_utf8(out).unwrap() + "}"
    }

    #[test]
    fn schemas_are_those_of_the_recorded_cases() {
        for (ty, json) in [
            (ColumnType::Int2, r#"{"type":"int16","optional":true}"#),
            (
                ColumnType::Numeric(Some((5, 2))),
                r#"{"type":"bytes","optional":true,"name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2","connect.decimal.precision":"5"}}"#,
            ),
            (
                ColumnType::Numeric(None),
                r#"{"type":"struct","fields":[{"type":"int32","optional":false,"field":"scale"},{"type":"bytes","optional":false,"field":"value"}],"optional":true,"name":"io.debezium.data.VariableScaleDecimal","version":1,"doc":"Variable scaled decimal"}"#,
            ),
            (
                ColumnType::Enum(vec!["so".into(), "a \"b\"".into()]),
                r#"{"type":"string","optional":true,"name":"io.debezium.data.Enum","version":1,"parameters":{"allowed":"so,a \"b\""}}"#,
            ),
            (
                ColumnType::VarBit(None),
                r#"{"type":"bytes","optional":true,"name":"io.debezium.data.Bits","version":1,"parameters":{"length":"2147483647"}}"#,
            ),
            (
                ColumnType::Array(Box::new(ColumnType::Enum(vec!["x".into()]))),
                r#"{"type":"array","items":{"type":"string","optional":false,"name":"io.debezium.data.Enum","version":1,"parameters":{"allowed":"x"}},"optional":true}"#,
            ),
            (
                ColumnType::Point,
                r#"{"type":"struct","fields":[{"type":"double","optional":false,"field":"x"},{"type":"double","optional":false,"field":"y"},{"type":"bytes","optional":true,"field":"wkb"},{"type":"int32","optional":true,"field":"srid"}],"optional":true,"name":"io.debezium.data.geometry.Point","version":1,"doc":"Geometry (POINT)"}"#,
            ),
        ] {
            assert_eq!(schema(ty), json);
        }
    }
}
