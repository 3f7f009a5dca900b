//! Values that no cell carries: the fallback of a NOT NULL column missing from an old row, the default in a field
//! schema, the placeholder of a TOASTed value that was not sent.

use std::borrow::Cow;

use super::{Codec, DateForm, DecimalForm, Integer, Meaning, Unit, Written, bytes, geometry, json, numeric};
use crate::debezium::{BinaryMode, EncodeOptions, HStoreMode, IntervalMode};
use crate::{Column, DefaultValue};

/// What Java's `UUID.nameUUIDFromBytes` makes of the default placeholder.
const DEFAULT_PLACEHOLDER: &[u8] = b"__debezium_unavailable_value";
const DEFAULT_PLACEHOLDER_UUID: &[u8] = b"[\"b68a35a7-17ad-35b3-af2a-ae46edb4545a\"]";

impl Codec {
    /// The type's zero, which the original writes where a required value is missing (Debezium's fallback values).
    pub(in crate::debezium) fn zero(&self) -> Vec<u8> {
        let text: &[u8] = match self {
            Codec::Bool | Codec::Bit => b"false",
            Codec::Integer(_) => b"0",
            Codec::Real | Codec::Double => b"0.0",
            Codec::Decimal { form: DecimalForm::Bytes, .. } | Codec::Money { form: DecimalForm::Bytes, .. } => {
                b"\"AA==\""
            }
            Codec::Decimal { form: DecimalForm::Double, .. } | Codec::Money { form: DecimalForm::Double, .. } => b"0.0",
            Codec::Decimal { scale, form, .. } => return zero_text(*scale, *form),
            Codec::Money { scale, form } => return zero_text(i32::from(*scale), *form),
            Codec::VariableDecimal(form) => match form {
                DecimalForm::Bytes | DecimalForm::Number => b"{\"scale\":0,\"value\":\"AA==\"}",
                DecimalForm::Text => b"\"0\"",
                DecimalForm::Double => b"0.0",
            },
            Codec::Text(_) | Codec::Enum(_) | Codec::Bytes(_) | Codec::Raw(_) | Codec::Geometric(_) => b"\"\"",
            Codec::Bits { .. } | Codec::LostBits(_) => b"\"\"",
            Codec::Date { form: DateForm::Days | DateForm::JdbcDays, .. } => b"0",
            Codec::Date { form: DateForm::Iso, .. } => b"\"1970-01-01Z\"",
            Codec::Time { unit: Unit::Iso, .. } | Codec::TimeTz { .. } => b"\"00:00:00Z\"",
            Codec::Timestamp { unit: Unit::Iso, .. } | Codec::TimestampTz(_) => b"\"1970-01-01T00:00:00Z\"",
            Codec::Time { .. } | Codec::Timestamp { .. } => b"0",
            Codec::Interval(IntervalMode::Numeric) => b"0",
            Codec::Interval(IntervalMode::String) => b"\"P0Y0M0DT0H0M0S\"",
            Codec::Point => {
                let mut out = Vec::new();
                geometry::push_point_struct(0.0, 0.0, &mut out);
                return out;
            }
            // An empty GEOMETRYCOLLECTION.
            Codec::Geometry { .. } => b"{\"wkb\":\"AQcAAAAAAAAA\",\"srid\":null}",
            Codec::HStore(HStoreMode::Json) => b"\"{}\"",
            Codec::HStore(HStoreMode::Map) => b"{}",
            Codec::Array(_) | Codec::Vector { .. } => b"[]",
            Codec::SparseVector => b"{\"dimensions\":0,\"vector\":[]}",
            Codec::Shaped(shaped) => return shaped.inner.zero(),
        };
        text.to_vec()
    }

    /// The `default` of a column's field schema, if it has one there.
    ///
    /// Literals of the types that the original converts appear as values. Expressions appear as a zero in strict
    /// compatibility; otherwise only for NOT NULL integers (serial), where no NULL can be replaced by it.
    pub(in crate::debezium) fn schema_default(&self, column: &Column, strict: bool) -> Option<Vec<u8>> {
        if let Codec::Shaped(shaped) = self {
            return shaped.inner.schema_default(column, strict);
        }
        match column.default.as_ref()? {
            DefaultValue::Literal(text) if self.shows_default(column) => {
                let mut out = Vec::new();
                let text = match self {
                    Codec::Decimal { scale, form: DecimalForm::Text, .. } => numeric::with_scale(text, *scale),
                    _ => Cow::Borrowed(text.as_str()),
                };
                let written = self.encode(text.as_bytes(), strict, &mut out).ok()?;
                (written == Written::Value).then_some(out)
            }
            DefaultValue::Literal(_) => None,
            // The original takes the word for a text.
            DefaultValue::Keyword(word) if strict && matches!(self, Codec::Text(Meaning::Plain)) => {
                Some(json::quoted(word))
            }
            DefaultValue::Keyword(_) | DefaultValue::Expression if strict && self.shows_default(column) => {
                Some(match self {
                    Codec::Text(Meaning::Uuid) => b"\"00000000-0000-0000-0000-000000000000\"".to_vec(),
                    Codec::TimestampTz(_) => {
                        let mut out = Vec::new();
                        self.encode(b"1970-01-01 00:00:00+00", strict, &mut out).ok()?;
                        out
                    }
                    _ => self.zero(),
                })
            }
            DefaultValue::Keyword(_) | DefaultValue::Expression => {
                (matches!(self, Codec::Integer(_)) && !column.nullable).then(|| self.zero())
            }
        }
    }

    /// The types whose literal defaults reach the schema.
    fn shows_default(&self, column: &Column) -> bool {
        match self {
            Codec::Text(Meaning::Plain) => matches!(column.type_name.as_str(), "text" | "varchar" | "bpchar"),
            Codec::Text(meaning) => matches!(meaning, Meaning::Json | Meaning::Uuid | Meaning::Xml),
            Codec::VariableDecimal(DecimalForm::Bytes | DecimalForm::Number) => false,
            Codec::Money { .. } | Codec::Bytes(_) | Codec::Raw(_) | Codec::Point | Codec::Geometry { .. } => false,
            Codec::HStore(_) | Codec::Array(_) | Codec::LostBits(_) | Codec::TimeTz { .. } => false,
            Codec::Integer(Integer::Oid) => false,
            Codec::Vector { .. } | Codec::SparseVector | Codec::Geometric(_) => false,
            _ => true,
        }
    }

    /// The JSON that stands for a TOASTed value that was not sent; `None` is null (the original's silent loss, strict
    /// compatibility only).
    pub(in crate::debezium) fn placeholder(&self, column: &Column, options: &EncodeOptions) -> Option<Vec<u8>> {
        let mark = options.unavailable.0.as_slice();
        match self {
            Codec::Array(element) => element.array_placeholder(mark, &column.type_name, options.strict),
            Codec::Shaped(shaped) => shaped.placeholder(shaped.inner.placeholder(column, options), options),
            _ => self.scalar_placeholder(mark, options.strict),
        }
    }

    fn scalar_placeholder(&self, mark: &[u8], strict: bool) -> Option<Vec<u8>> {
        let text = json::quoted(&String::from_utf8_lossy(mark));
        let mut out = Vec::new();
        match self {
            Codec::Bytes(BinaryMode::Base64 | BinaryMode::Base64UrlSafe) if strict => return None,
            Codec::LostBits(_) => return None,
            Codec::Bytes(BinaryMode::Bytes)
            | Codec::Raw(BinaryMode::Bytes)
            | Codec::Geometric(BinaryMode::Bytes)
            | Codec::Bits { .. } => {
                bytes::push_base64(mark, &mut out);
            }
            Codec::Decimal { form: DecimalForm::Bytes, .. } | Codec::Money { form: DecimalForm::Bytes, .. } => {
                bytes::push_base64(mark, &mut out);
            }
            Codec::VariableDecimal(DecimalForm::Bytes | DecimalForm::Number) => {
                out.extend_from_slice(b"{\"scale\":0,\"value\":");
                bytes::push_base64(mark, &mut out);
                out.push(b'}');
            }
            Codec::Geometry { .. } => geometry::push_ewkb_struct(mark, None, &mut out),
            Codec::HStore(mode) => {
                let object = [b"{", text.as_slice(), b":", &text, b"}"].concat();
                match mode {
                    HStoreMode::Map => out = object,
                    HStoreMode::Json => json::push_str(&String::from_utf8_lossy(&object), &mut out),
                }
            }
            _ => out = text,
        }
        Some(out)
    }

    /// `self` is the element's codec. Strict compatibility knows the forms of the original only.
    fn array_placeholder(&self, mark: &[u8], type_name: &str, strict: bool) -> Option<Vec<u8>> {
        let known_to_original = match self {
            Codec::Text(Meaning::Plain) => matches!(type_name.trim_start_matches('_'), "text" | "varchar"),
            Codec::Text(Meaning::Uuid) | Codec::Bytes(_) => true,
            Codec::Integer(kind) => matches!(kind, super::Integer::Four | super::Integer::Eight),
            Codec::Date { form, .. } => *form == DateForm::Days,
            _ => false,
        };
        if strict && !known_to_original {
            return None;
        }
        let each = |items: Vec<String>| Some(format!("[{}]", items.join(",")).into_bytes());
        match self {
            Codec::Text(Meaning::Uuid) if mark == DEFAULT_PLACEHOLDER => Some(DEFAULT_PLACEHOLDER_UUID.to_vec()),
            Codec::Bool | Codec::Bit => {
                let bits = |byte: &u8| (0..8).rev().map(|at| (byte >> at & 1 == 1).to_string()).collect::<Vec<_>>();
                each(mark.iter().flat_map(bits).collect())
            }
            Codec::Integer(_) | Codec::Interval(IntervalMode::Numeric) => {
                each(mark.iter().map(u8::to_string).collect())
            }
            Codec::Date { form: DateForm::Days, .. } => each(mark.iter().map(u8::to_string).collect()),
            Codec::Time { unit, .. } | Codec::Timestamp { unit, .. } if *unit != Unit::Iso => {
                each(mark.iter().map(u8::to_string).collect())
            }
            Codec::Real | Codec::Double => each(mark.iter().map(|byte| format!("{byte}.0")).collect()),
            _ => {
                let element = self.scalar_placeholder(mark, strict)?;
                Some([b"[", element.as_slice(), b"]"].concat())
            }
        }
    }
}

/// Zero with the digits of a column's scale.
fn zero_text(scale: i32, form: DecimalForm) -> Vec<u8> {
    let digits = usize::try_from(scale).unwrap_or(0);
    let zero = if digits > 0 { format!("0.{}", "0".repeat(digits)) } else { "0".to_owned() };
    if form == DecimalForm::Text { json::quoted(&zero) } else { zero.into_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ColumnType, Declared};

    fn column(ty: ColumnType, type_name: &str) -> Column {
        Column {
            name: "c".into(),
            ty,
            type_name: type_name.into(),
            nullable: true,
            in_identity: false,
            default: None,
            declared: Declared::default(),
        }
    }

    fn placeholder(ty: ColumnType, type_name: &str, options: &EncodeOptions) -> Option<String> {
        let column = column(ty, type_name);
        let codec = Codec::resolve(&column.ty, options).unwrap();
        codec.placeholder(&column, options).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn placeholders_are_those_of_the_recorded_cases() {
        let array = |ty: ColumnType| ColumnType::Array(Box::new(ty));
        let options = EncodeOptions { strict: true, ..EncodeOptions::default() };
        let form = |ty, name| placeholder(ty, name, &options);
        let text = "\"__debezium_unavailable_value\"";
        assert_eq!(form(ColumnType::Text, "text").unwrap(), text);
        assert_eq!(form(ColumnType::Bytea, "bytea").unwrap(), "\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\"");
        assert_eq!(form(array(ColumnType::Text), "_text").unwrap(), format!("[{text}]"));
        assert_eq!(form(array(ColumnType::Text), "_cidr"), None);
        assert_eq!(form(array(ColumnType::Bool), "_bool"), None);
        assert!(form(array(ColumnType::Int4), "_int4").unwrap().starts_with("[95,95,100,101,98,"));
        assert_eq!(form(array(ColumnType::Uuid), "_uuid").unwrap(), "[\"b68a35a7-17ad-35b3-af2a-ae46edb4545a\"]");
        assert_eq!(
            form(ColumnType::HStore, "hstore").unwrap(),
            r#""{\"__debezium_unavailable_value\":\"__debezium_unavailable_value\"}""#
        );
        let hex = EncodeOptions { binary: BinaryMode::Hex, ..EncodeOptions::default() };
        assert_eq!(placeholder(ColumnType::Bytea, "bytea", &hex).unwrap(), text);
    }

    #[test]
    fn outside_strict_compatibility_every_array_has_a_mark() {
        let options = EncodeOptions::default();
        for ty in [ColumnType::Bool, ColumnType::Float8, ColumnType::TimestampTz(6), ColumnType::Numeric(None)] {
            let json = placeholder(ColumnType::Array(Box::new(ty)), "_x", &options).unwrap();
            assert!(serde_json::from_str::<Vec<serde_json::Value>>(&json).unwrap().iter().all(|v| !v.is_null()));
        }
    }

    #[test]
    fn expressions_show_as_zero_only_where_no_null_can_turn_into_it() {
        let serial =
            Column { nullable: false, default: Some(DefaultValue::Expression), ..column(ColumnType::Int4, "int4") };
        let next = Column { default: Some(DefaultValue::Expression), ..column(ColumnType::Int4, "int4") };
        let now =
            Column { default: Some(DefaultValue::Expression), ..column(ColumnType::TimestampTz(6), "timestamptz") };
        let options = EncodeOptions::default();
        let default = |column: &Column, strict| {
            let codec = Codec::resolve(&column.ty, &options).unwrap();
            codec.schema_default(column, strict).map(|bytes| String::from_utf8(bytes).unwrap())
        };
        assert_eq!(default(&serial, false).as_deref(), Some("0"));
        assert_eq!(default(&next, false), None);
        assert_eq!(default(&next, true).as_deref(), Some("0"));
        assert_eq!(default(&now, false), None);
        assert_eq!(default(&now, true).as_deref(), Some("\"1970-01-01T00:00:00.000000Z\""));
    }

    #[test]
    fn literals_show_with_the_types_the_original_converts() {
        let options = EncodeOptions::default();
        let default = |ty: ColumnType, name: &str, text: &str| {
            let column = Column { default: Some(DefaultValue::Literal(text.into())), ..column(ty, name) };
            let codec = Codec::resolve(&column.ty, &options).unwrap();
            codec.schema_default(&column, false).map(|bytes| String::from_utf8(bytes).unwrap())
        };
        assert_eq!(default(ColumnType::Text, "text", "txt").as_deref(), Some("\"txt\""));
        assert_eq!(default(ColumnType::Numeric(Some((6, 2))), "numeric", "1.50").as_deref(), Some("\"AJY=\""));
        assert_eq!(default(ColumnType::Numeric(None), "numeric", "2.5"), None);
        assert_eq!(default(ColumnType::Bit(3), "bit", "101").as_deref(), Some("\"BQ==\""));
        assert_eq!(default(ColumnType::Text, "inet", "1.2.3.4"), None);
        assert_eq!(default(ColumnType::Money, "money", "$1.50"), None);
        assert_eq!(default(ColumnType::Bytea, "bytea", "\\x01"), None);
        assert_eq!(default(ColumnType::Interval, "interval", "1 day").as_deref(), Some("86400000000"));
        assert_eq!(default(ColumnType::Xml, "xml", "<a/>").as_deref(), Some("\"<a/>\""));
        assert_eq!(default(ColumnType::Text, "char", "x"), None);
        assert_eq!(default(ColumnType::Oid, "oid", "7"), None);
        assert_eq!(default(ColumnType::TimeTz(6), "timetz", "13:14:15+02"), None);
    }
}
