//! The way back: a value's JSON to PostgreSQL's text, refused where the form has lost something.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Codec, DateForm, DecimalForm, Unit, array, bits, bytes, geometry, hstore, interval, number, numeric, time, vector,
};
use crate::debezium::{BinaryMode, HStoreMode, IntervalMode};

/// Said of forms that [`Codec::loss`] names a reason for.
const NO_WAY_BACK: &str = "the form cannot be read back";

#[derive(Deserialize)]
struct Variable<'a> {
    scale: i32,
    #[serde(borrow)]
    value: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow)]
    wkb: Cow<'a, str>,
}

impl Codec {
    /// What the column's form does not keep, by the name of the option that lost it; `None` when it can be read back.
    pub(in crate::debezium) fn loss(&self) -> Option<&'static str> {
        match self {
            Codec::Decimal { form: DecimalForm::Double, .. }
            | Codec::VariableDecimal(DecimalForm::Double)
            | Codec::Money { form: DecimalForm::Double, .. } => Some("decimal.handling.mode=double loses digits"),
            Codec::Money { scale: 0 | 1, .. } => Some("money.fraction.digits below 2 loses cents"),
            Codec::Bits { varying: true, .. } => Some("the form of varying bit strings loses their leading zeros"),
            Codec::LostBits(_) => Some("compatibility.mode=strict loses arrays of bit strings"),
            Codec::Time { cut: 2.., .. } | Codec::TimeTz { cut: 2.. } => {
                Some("compatibility.mode=strict loses fractions of a second in arrays")
            }
            Codec::Time { unit: Unit::Milli, precision: 4.., .. }
            | Codec::Timestamp { unit: Unit::Milli, precision: 4.., .. } => {
                Some("time.precision.mode=connect loses microseconds")
            }
            Codec::Date { form: DateForm::JdbcDays, .. } => Some("compatibility.mode=strict loses eras of dates"),
            Codec::Interval(IntervalMode::Numeric) => Some("interval.handling.mode=numeric loses months and days"),
            Codec::Array(element) => element.loss(),
            Codec::Shaped(_) => Some("its values are masked or cut"),
            _ => None,
        }
    }

    /// The canonical text of a value that is neither null nor a placeholder: as PostgreSQL prints it, except that
    /// booleans are `true` and `false`, and that what UTC or a single dimension dropped stays dropped.
    pub(in crate::debezium) fn text(&self, json: &str) -> Result<String, String> {
        if let Some(loss) = self.loss() {
            return Err(loss.into());
        }
        let mut out = String::new();
        match self {
            Codec::Bool => match json {
                "true" | "false" => out.push_str(json),
                _ => return Err("not a boolean".into()),
            },
            Codec::Integer(_) => out.push_str(integer(json).map(|_| json)?),
            Codec::Real => {
                let text = unquoted(json)?;
                number::postgres_f32(number::parse_f32(text.as_bytes())?, &mut out);
            }
            Codec::Double => {
                let text = unquoted(json)?;
                number::postgres_f64(number::parse_f64(text.as_bytes())?, &mut out);
            }
            Codec::Decimal { form: DecimalForm::Bytes | DecimalForm::Number, .. } if special(json).is_some() => {
                out.push_str(special(json).unwrap_or_default());
            }
            Codec::Decimal { form: DecimalForm::Bytes, scale, .. } => {
                numeric::unscaled_text(&string(json)?, *scale, &mut out)?;
            }
            Codec::Decimal { form: DecimalForm::Number, .. } => {
                numeric::parse(json.as_bytes())?;
                out.push_str(json);
            }
            Codec::VariableDecimal(DecimalForm::Bytes | DecimalForm::Number) => {
                let variable: Variable<'_> = serde_json::from_str(json).map_err(|_| "not a VariableScaleDecimal")?;
                match special(&variable.value) {
                    Some(text) => out.push_str(text),
                    None => numeric::unscaled_text(&variable.value, variable.scale, &mut out)?,
                }
            }
            Codec::Decimal { form: DecimalForm::Text, .. } | Codec::VariableDecimal(DecimalForm::Text) => {
                let text = string(json)?;
                out.push_str(match &*text {
                    "NAN" => "NaN",
                    "POSITIVE_INFINITY" => "Infinity",
                    "NEGATIVE_INFINITY" => "-Infinity",
                    other => other,
                });
            }
            Codec::Money { scale, form } => {
                let mut plain = String::new();
                match form {
                    DecimalForm::Bytes => numeric::unscaled_text(&string(json)?, i32::from(*scale), &mut plain)?,
                    DecimalForm::Number => plain.push_str(json),
                    DecimalForm::Text => plain.push_str(&string(json)?),
                    DecimalForm::Double => return Err(NO_WAY_BACK.into()),
                }
                numeric::postgres_money(&plain, &mut out);
            }
            Codec::Text(_) | Codec::Enum(_) => return string(json).map(Cow::into_owned),
            Codec::Bytes(mode) => bytes::postgres_bytea(&binary(json, *mode)?, &mut out),
            Codec::Raw(mode) | Codec::Geometric(mode) => {
                return String::from_utf8(binary(json, *mode)?).map_err(|_| "not UTF-8 text".into());
            }
            Codec::Bit => out.push(if json == "true" { '1' } else { '0' }),
            Codec::Bits { length: Some(length), varying: false } => bits::bits_text(&string(json)?, *length, &mut out)?,
            Codec::Date { form: DateForm::Days | DateForm::JdbcDays, .. } => {
                return Ok(time::date_text(integer(json)?));
            }
            Codec::Date { form: DateForm::Iso, .. } => return time::iso_text(&string(json)?, ""),
            Codec::Time { unit, .. } => {
                return match unit {
                    Unit::Milli => time::time_text(integer(json)?.saturating_mul(1000)),
                    Unit::Micro => time::time_text(integer(json)?),
                    Unit::Nano => time::time_text(integer(json)? / 1000),
                    Unit::Iso => time::iso_text(&string(json)?, ""),
                };
            }
            Codec::Timestamp { unit: Unit::Iso, .. } => return time::iso_text(&string(json)?, ""),
            Codec::Timestamp { unit, .. } => return time::timestamp_text(integer(json)?, *unit),
            Codec::TimeTz { .. } | Codec::TimestampTz(_) => return time::iso_text(&string(json)?, "+00"),
            Codec::Interval(IntervalMode::String) => return interval::postgres_text(&string(json)?),
            Codec::Point => geometry::point_text(&shape(json)?, &mut out)?,
            Codec::Geometry { .. } => geometry::ewkb_text(&shape(json)?, &mut out)?,
            Codec::HStore(HStoreMode::Json) => return hstore::postgres_text(&string(json)?),
            Codec::HStore(HStoreMode::Map) => return hstore::postgres_text(json),
            Codec::Vector { .. } => return vector::dense_text(json),
            Codec::SparseVector => return vector::sparse_text(json),
            Codec::Array(element) => {
                let items: Vec<&RawValue> = serde_json::from_str(json).map_err(|_| "not an array")?;
                out.push('{');
                for item in items {
                    match item.get() {
                        "null" => array::push_element(None, &mut out),
                        // Inside an array PostgreSQL's own letters are the canonical text.
                        value @ ("true" | "false") if **element == Codec::Bool => {
                            array::push_element(Some(&value[..1]), &mut out)
                        }
                        value => array::push_element(Some(&element.text(value)?), &mut out),
                    }
                }
                out.push('}');
            }
            Codec::Decimal { .. }
            | Codec::VariableDecimal(_)
            | Codec::Bits { .. }
            | Codec::LostBits(_)
            | Codec::Shaped(_) => {
                return Err(NO_WAY_BACK.into());
            }
            Codec::Interval(IntervalMode::Numeric) => return Err(NO_WAY_BACK.into()),
        }
        Ok(out)
    }
}

fn integer(json: &str) -> Result<i64, String> {
    json.parse().map_err(|_| "not an integer".into())
}

/// A JSON string's text.
fn string(json: &str) -> Result<Cow<'_, str>, String> {
    match json.strip_prefix('"').and_then(|j| j.strip_suffix('"')) {
        Some(inner) if !inner.contains(['\\', '"']) => Ok(Cow::Borrowed(inner)),
        _ => serde_json::from_str::<String>(json).map(Cow::Owned).map_err(|_| "not a string".into()),
    }
}

/// A number, or one of the special values that travel as strings.
fn unquoted(json: &str) -> Result<&str, String> {
    match json {
        "\"NaN\"" => Ok("NaN"),
        "\"Infinity\"" => Ok("Infinity"),
        "\"-Infinity\"" => Ok("-Infinity"),
        _ if json.starts_with('"') => Err("not a number".into()),
        _ => Ok(json),
    }
}

/// The text of a value that no decimal can hold, from its mark (with or without quotes).
fn special(mark: &str) -> Option<&'static str> {
    match mark.trim_matches('"') {
        "NaN" => Some("NaN"),
        "+Infinity" => Some("Infinity"),
        "-Infinity" => Some("-Infinity"),
        _ => None,
    }
}

fn binary(json: &str, mode: BinaryMode) -> Result<Vec<u8>, String> {
    let text = string(json)?;
    match mode {
        BinaryMode::Bytes | BinaryMode::Base64 => bytes::decode_base64(&text),
        BinaryMode::Base64UrlSafe => bytes::decode_base64_url(&text),
        BinaryMode::Hex => bytes::parse_hex(text.as_bytes()).map_err(str::to_owned),
    }
}

fn shape(json: &str) -> Result<Cow<'_, str>, String> {
    serde_json::from_str::<Shape<'_>>(json).map(|s| s.wkb).map_err(|_| "not a geometry struct".into())
}

#[cfg(test)]
mod tests {
    use super::super::Written;
    use super::*;
    use crate::ColumnType;
    use crate::debezium::{EncodeOptions, TimeMode};

    fn round_trip(ty: &ColumnType, options: &EncodeOptions, text: &str) -> Result<String, String> {
        let codec = Codec::resolve(ty, options).unwrap();
        let mut out = Vec::new();
        assert_eq!(codec.encode(text.as_bytes(), false, &mut out), Ok(Written::Value), "{ty:?} {text}");
        codec.text(std::str::from_utf8(&out).unwrap())
    }

    #[test]
    fn invertible_types_return_to_the_text_they_came_from() {
        let array = |ty: ColumnType| ColumnType::Array(Box::new(ty));
        let cells = [
            (ColumnType::Int8, "-9223372036854775808"),
            (ColumnType::Oid, "4294967295"),
            (ColumnType::Float4, "3.4028235e+38"),
            (ColumnType::Float8, "-0"),
            (ColumnType::Float8, "NaN"),
            (ColumnType::Numeric(Some((38, 10))), "1234567890123456789012345678.0123456789"),
            (ColumnType::Numeric(Some((5, 2))), "-0.01"),
            (ColumnType::Numeric(None), "12345.6789"),
            (ColumnType::Numeric(None), "NaN"),
            (ColumnType::Numeric(None), "Infinity"),
            (ColumnType::Numeric(None), "-Infinity"),
            (ColumnType::Numeric(Some((5, 2))), "NaN"),
            (ColumnType::Money, "-$92,233,720,368,547,758.08"),
            (ColumnType::Text, "a\"b\\c\n😀"),
            (ColumnType::Bytea, "\\xdeadbeef"),
            (ColumnType::Bit(12), "000010101111"),
            (ColumnType::Date, "0044-03-15 BC"),
            (ColumnType::Time(6), "13:14:15.123456"),
            (ColumnType::Time(3), "13:14:15.123"),
            (ColumnType::TimeTz(6), "11:14:15.5+00"),
            (ColumnType::Timestamp(6), "2020-03-04 05:06:07.891234"),
            (ColumnType::Timestamp(3), "-infinity"),
            (ColumnType::TimestampTz(6), "2020-03-04 05:06:07.89+00"),
            (ColumnType::Json, "{\"a\": 1}"),
            (ColumnType::Point, "(1.5,2.5)"),
            (ColumnType::Geometry, "0101000020E6100000000000000000F03F0000000000000040"),
            (ColumnType::HStore, "\"k\"=>\"v\", \"n\"=>NULL"),
            (ColumnType::Vector, "[1,2.5,-3e-07]"),
            (ColumnType::HalfVec, "[65504,-0.1]"),
            (ColumnType::SparseVec, "{1:1.5,3:2}/5"),
            (ColumnType::SparseVec, "{}/3"),
            (array(ColumnType::Int4), "{1,NULL,-3}"),
            (array(ColumnType::Bool), "{t,NULL,f}"),
            (array(ColumnType::Text), "{a,\"b,c\",NULL,\"NULL\",\"\",\"q\\\"q\"}"),
            (array(ColumnType::Timestamp(6)), "{\"2020-03-04 05:06:07.891234\"}"),
        ];
        let options = EncodeOptions::default();
        for (ty, text) in &cells {
            assert_eq!(round_trip(ty, &options, text).as_deref(), Ok(*text), "{ty:?}");
        }
        for time in [TimeMode::IsoString, TimeMode::Microseconds, TimeMode::Nanoseconds] {
            for (ty, text) in [
                (ColumnType::Date, "2020-02-29"),
                (ColumnType::Time(6), "13:14:15.123456"),
                (ColumnType::Timestamp(6), "1969-12-31 23:59:59.999999"),
            ] {
                let options = EncodeOptions { time, ..EncodeOptions::default() };
                assert_eq!(round_trip(&ty, &options, text).as_deref(), Ok(text), "{time:?}");
            }
        }
        for binary in [BinaryMode::Base64, BinaryMode::Base64UrlSafe, BinaryMode::Hex] {
            let options = EncodeOptions { binary, ..EncodeOptions::default() };
            assert_eq!(round_trip(&ColumnType::Bytea, &options, "\\xfbff3e").as_deref(), Ok("\\xfbff3e"));
        }
        assert_eq!(round_trip(&ColumnType::Bool, &options, "t").as_deref(), Ok("true"));
    }

    #[test]
    fn what_an_option_lost_is_refused_by_its_name() {
        let interval = round_trip(&ColumnType::Interval, &EncodeOptions::default(), "1 mon");
        assert!(interval.unwrap_err().contains("interval.handling.mode"));
        let connect = EncodeOptions { time: TimeMode::Connect, ..EncodeOptions::default() };
        let timestamp = round_trip(&ColumnType::Timestamp(6), &connect, "2020-01-01 00:00:00");
        assert!(timestamp.unwrap_err().contains("time.precision.mode"));
        assert!(round_trip(&ColumnType::VarBit(None), &EncodeOptions::default(), "001").is_err());
    }
}
