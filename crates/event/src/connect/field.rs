//! One column's field: its Connect schema, and PostgreSQL's text into JSON.
//!
//! The types are those that the original's PostgreSQL dialect gives through the JDBC driver. Where the original loses or
//! refuses what its own schema can hold, the right value is written: `money` from 1,000 on, dates before October 1582
//! (Gregorian throughout), bit strings of 2 to 8 bits (their number), `numeric` with a negative scale.

use crate::debezium::JsonDecimal;
use crate::debezium::value::calendar::{
    DAY_US, Moment, civil_from_days, parse_date, parse_time, parse_timestamp, parse_timetz, push_clock, push_padded,
};
use crate::debezium::value::json::push_text;
use crate::debezium::value::number::{parse_f32, parse_f64, push_f32, push_f64, push_i64, push_integer};
use crate::debezium::value::numeric::{Numeric, money_text, parse as parse_numeric, push_unscaled};
use crate::debezium::value::{Reason, bytes};
use crate::{Column, ColumnType};

use super::{NumericMapping, RowOptions, TimestampForm};

/// Most digits that surely fit 64 bits (the original's bound).
const INTEGER_DIGITS: i32 = 18;
/// The driver's moments for the infinite timestamps, in milliseconds.
const INFINITY_MS: i64 = 9_223_372_036_825_200_000;
const MINUS_INFINITY_MS: i64 = -9_223_372_036_832_400_000;

/// The integers of Connect, by bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Eight,
    Sixteen,
    ThirtyTwo,
    SixtyFour,
}

/// A column's form, all options applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Bool,
    /// One bit.
    Bit,
    /// Two to eight bits.
    Bits,
    /// More bits: their digits as bytes.
    LongBits,
    Integer(Width),
    /// `numeric` as an integer: zeros after the point are left out.
    Whole(Width),
    Float,
    Double,
    Money,
    Decimal {
        precision: u16,
        scale: i32,
        form: JsonDecimal,
    },
    Text,
    Bytes,
    Date,
    Time,
    TimeTz,
    Timestamp {
        zoned: bool,
        form: TimestampForm,
    },
}

impl Form {
    /// The form of a column; `None` when rows leave it out, as the original does with what JDBC calls OTHER and ARRAY.
    pub(super) fn resolve(column: &Column, options: &RowOptions) -> Option<Form> {
        Some(match &column.ty {
            ColumnType::Bool => Form::Bool,
            ColumnType::Bit(0 | 1) => Form::Bit,
            ColumnType::Bit(2..=8) => Form::Bits,
            ColumnType::Bit(_) => Form::LongBits,
            ColumnType::Int2 => Form::Integer(Width::Sixteen),
            ColumnType::Int4 => Form::Integer(Width::ThirtyTwo),
            ColumnType::Int8 | ColumnType::Oid => Form::Integer(Width::SixtyFour),
            ColumnType::Float4 => Form::Float,
            ColumnType::Float8 => Form::Double,
            ColumnType::Money => Form::Money,
            ColumnType::Numeric(modifier) => numeric(*modifier, options),
            ColumnType::Text
                if matches!(column.type_name.as_str(), "text" | "varchar" | "bpchar" | "char" | "name") =>
            {
                Form::Text
            }
            ColumnType::Json | ColumnType::Xml | ColumnType::Uuid | ColumnType::Enum(_) => Form::Text,
            ColumnType::Bytea => Form::Bytes,
            ColumnType::Date => Form::Date,
            ColumnType::Time(_) => Form::Time,
            ColumnType::TimeTz(_) => Form::TimeTz,
            ColumnType::Timestamp(_) => Form::Timestamp { zoned: false, form: options.timestamp },
            ColumnType::TimestampTz(_) => Form::Timestamp { zoned: true, form: options.timestamp },
            _ => return None,
        })
    }

    /// Appends the field's schema, left open for `,"field":…}`.
    pub(super) fn push_schema(self, optional: bool, out: &mut Vec<u8>) {
        let logical = |name: &str| format!(",\"name\":\"org.apache.kafka.connect.data.{name}\",\"version\":1");
        let (kind, rest) = match self {
            Form::Bool | Form::Bit => ("boolean", String::new()),
            Form::Bits => ("int8", String::new()),
            Form::Integer(width) | Form::Whole(width) => (width.name(), String::new()),
            Form::Float => ("float", String::new()),
            Form::Double | Form::Money => ("double", String::new()),
            Form::Decimal { precision, scale, .. } => {
                let parameters =
                    format!(",\"parameters\":{{\"scale\":\"{scale}\",\"connect.decimal.precision\":\"{precision}\"}}");
                ("bytes", logical("Decimal") + &parameters)
            }
            Form::Text => ("string", String::new()),
            Form::LongBits | Form::Bytes => ("bytes", String::new()),
            Form::Date => ("int32", logical("Date")),
            Form::Time | Form::TimeTz => ("int32", logical("Time")),
            Form::Timestamp { form: TimestampForm::Connect, .. } => ("int64", logical("Timestamp")),
            Form::Timestamp { form: TimestampForm::MicrosLong | TimestampForm::NanosLong, .. } => {
                ("int64", String::new())
            }
            Form::Timestamp { .. } => ("string", String::new()),
        };
        out.extend_from_slice(format!("{{\"type\":\"{kind}\",\"optional\":{optional}{rest}").as_bytes());
    }

    /// Appends the JSON of a cell's text.
    pub(super) fn encode(self, text: &[u8], out: &mut Vec<u8>) -> Result<(), Reason> {
        match self {
            Form::Bool => out.extend_from_slice(match text {
                b"t" => b"true",
                b"f" => b"false",
                _ => return Err("not a boolean"),
            }),
            Form::Bit => out.extend_from_slice(match text {
                b"1" => b"true",
                b"0" => b"false",
                _ => return Err("not one bit"),
            }),
            Form::Bits => push_i64(i64::from(bits(text)?), out),
            Form::LongBits => bytes::push_base64(text, out),
            Form::Integer(width) => push_integer(text, width.min(), width.max(), out)?,
            Form::Whole(width) => push_integer(whole(text)?, width.min(), width.max(), out).map_err(|_| NOT_WHOLE)?,
            Form::Float => push_f32(parse_f32(text)?, out),
            Form::Double => push_f64(parse_f64(text)?, out),
            Form::Money => push_f64(parse_f64(&money_text(text, 2)?)?, out),
            Form::Decimal { scale, form, .. } => push_decimal(text, scale, form, out)?,
            Form::Text => push_text(text, out)?,
            Form::Bytes => bytes::push_base64(&bytes::parse_bytea(text)?, out),
            Form::Date => match parse_date(text)? {
                Moment::At { days, .. } => push_i64(days, out),
                Moment::Infinity(_) => return Err("Connect's Date has no infinite dates"),
            },
            Form::Time => push_i64(parse_time(text)? / 1000, out),
            Form::TimeTz => push_i64(parse_timetz(text)? / 1000, out),
            Form::Timestamp { zoned, form } => push_timestamp(text, zoned, form, out)?,
        }
        Ok(())
    }
}

impl Width {
    fn of_digits(digits: i32) -> Width {
        match digits {
            10.. => Width::SixtyFour,
            5..=9 => Width::ThirtyTwo,
            3 | 4 => Width::Sixteen,
            _ => Width::Eight,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Width::Eight => "int8",
            Width::Sixteen => "int16",
            Width::ThirtyTwo => "int32",
            Width::SixtyFour => "int64",
        }
    }

    fn max(self) -> i64 {
        match self {
            Width::Eight => i64::from(i8::MAX),
            Width::Sixteen => i64::from(i16::MAX),
            Width::ThirtyTwo => i64::from(i32::MAX),
            Width::SixtyFour => i64::MAX,
        }
    }

    fn min(self) -> i64 {
        -self.max() - 1
    }
}

const NOT_WHOLE: Reason =
    "a numeric that the integer of its field cannot hold; give the column a precision and a scale";
const NOT_DECIMAL: Reason =
    "a numeric with more fractional digits than its field; give the column a precision and a scale";

/// A column without precision counts as one of no digits, as the driver says it.
fn numeric(modifier: Option<(u16, i16)>, options: &RowOptions) -> Form {
    let (precision, scale) = modifier.map_or((0, 0), |(precision, scale)| (precision, i32::from(scale)));
    // With a negative scale the column holds so many digits more before the point.
    let digits = i32::from(precision) - scale.min(0);
    let (integer, fits) = (scale <= 0, digits <= INTEGER_DIGITS);
    match options.numeric {
        NumericMapping::PrecisionOnly if scale == 0 && fits => Form::Whole(Width::of_digits(digits)),
        NumericMapping::BestFit | NumericMapping::BestFitEagerDouble if integer && fits => {
            Form::Whole(Width::of_digits(digits))
        }
        NumericMapping::BestFit if !integer && fits => Form::Double,
        NumericMapping::BestFitEagerDouble if !integer => Form::Double,
        _ => Form::Decimal { precision, scale, form: options.json_decimal },
    }
}

/// The number of up to eight bits, the first of eight being the sign.
fn bits(text: &[u8]) -> Result<i8, Reason> {
    let mut value = 0u8;
    for &bit in text {
        value = match bit {
            b'0' => value << 1,
            b'1' => value << 1 | 1,
            _ => return Err("not a bit string"),
        };
    }
    if text.len() > 8 { Err("more than eight bits") } else { Ok(value.cast_signed()) }
}

/// A numeric's text without a fraction of zeros.
fn whole(text: &[u8]) -> Result<&[u8], Reason> {
    match parse_numeric(text)? {
        Numeric::Finite { fraction, .. } if fraction.iter().all(|&digit| digit == b'0') => {
            let point = if fraction.is_empty() { 0 } else { fraction.len() + 1 };
            Ok(text.get(..text.len() - point).unwrap_or_default())
        }
        _ => Err(NOT_WHOLE),
    }
}

fn push_decimal(text: &[u8], scale: i32, form: JsonDecimal, out: &mut Vec<u8>) -> Result<(), Reason> {
    let Numeric::Finite { negative, whole, fraction } = parse_numeric(text)? else {
        return Err("Connect's Decimal has neither NaN nor infinities; cast the column in a query");
    };
    match form {
        JsonDecimal::Base64 => push_unscaled(negative, whole, fraction, scale, out).map_err(|_| NOT_DECIMAL),
        JsonDecimal::Numeric => {
            let kept = usize::try_from(scale).unwrap_or(0).min(fraction.len());
            let (digits, rest) = fraction.split_at(kept);
            if rest.iter().any(|&digit| digit != b'0') {
                return Err(NOT_DECIMAL);
            }
            out.extend_from_slice(if negative { b"-" } else { b"" });
            out.extend_from_slice(whole);
            if kept > 0 {
                out.push(b'.');
                out.extend_from_slice(digits);
            }
            Ok(())
        }
    }
}

fn push_timestamp(text: &[u8], zoned: bool, form: TimestampForm, out: &mut Vec<u8>) -> Result<(), Reason> {
    let (days, micros) = match parse_timestamp(text, zoned)? {
        Moment::At { days, micros } => (days, micros),
        Moment::Infinity(plus) => {
            push_infinity(plus, form, out);
            return Ok(());
        }
    };
    let since_1970 = Moment::micros(days, micros);
    match form {
        TimestampForm::Connect => push_i64(saturate(since_1970.div_euclid(1000)), out),
        TimestampForm::MicrosLong => push_i64(saturate(since_1970), out),
        TimestampForm::NanosLong => push_i64(saturate(since_1970 * 1000), out),
        TimestampForm::MicrosString => push_quoted(&since_1970.to_string(), out),
        TimestampForm::NanosString => push_quoted(&(since_1970 * 1000).to_string(), out),
        TimestampForm::MicrosIso => push_iso(days, micros, b"\"", out),
        TimestampForm::NanosIso => push_iso(days, micros, b"000\"", out),
    }
    Ok(())
}

/// What the original has a number for is that number; the other forms say the limit of 64 bits, or the word.
fn push_infinity(plus: bool, form: TimestampForm, out: &mut Vec<u8>) {
    let limit = if plus { i64::MAX } else { i64::MIN };
    match form {
        TimestampForm::Connect => push_i64(if plus { INFINITY_MS } else { MINUS_INFINITY_MS }, out),
        TimestampForm::MicrosLong | TimestampForm::NanosLong => push_i64(limit, out),
        _ => push_quoted(if plus { "infinity" } else { "-infinity" }, out),
    }
}

fn push_iso(days: i64, micros: i64, end: &[u8], out: &mut Vec<u8>) {
    let (year, month, day) = civil_from_days(days + micros / DAY_US);
    out.extend_from_slice(if year < 0 { b"\"-" } else { b"\"" });
    push_padded(year, 4, out);
    out.push(b'-');
    push_padded(month, 2, out);
    out.push(b'-');
    push_padded(day, 2, out);
    out.push(b'T');
    push_clock(micros % DAY_US, Some(6), out);
    out.extend_from_slice(end);
}

fn push_quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

fn saturate(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn form(ty: ColumnType, type_name: &str, options: &RowOptions) -> Option<Form> {
        let column = Column {
            name: "c".into(),
            ty,
            type_name: type_name.into(),
            nullable: true,
            in_identity: false,
            default: None,
            declared: crate::Declared::default(),
        };
        Form::resolve(&column, options)
    }

    fn json(form: Form, text: &str) -> Result<String, Reason> {
        let mut out = Vec::new();
        form.encode(text.as_bytes(), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn schema(form: Form) -> String {
        let mut out = Vec::new();
        form.push_schema(true, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numerics_become_numbers_by_precision_and_scale() {
        let kind = |precision: u16, scale: i16, numeric: NumericMapping| {
            let options = RowOptions { numeric, ..RowOptions::default() };
            let schema = schema(form(ColumnType::Numeric(Some((precision, scale))), "numeric", &options).unwrap());
            schema.split('"').nth(3).unwrap().to_owned()
        };
        use NumericMapping::{BestFit, BestFitEagerDouble, None, PrecisionOnly};
        for (precision, scale, expected) in [
            (2, 0, ["bytes", "int8", "int8", "int8"]),
            (3, 0, ["bytes", "int16", "int16", "int16"]),
            (5, 0, ["bytes", "int32", "int32", "int32"]),
            (10, 0, ["bytes", "int64", "int64", "int64"]),
            (19, 0, ["bytes", "bytes", "bytes", "bytes"]),
            (5, 2, ["bytes", "bytes", "double", "double"]),
            (38, 2, ["bytes", "bytes", "bytes", "double"]),
            (4, -2, ["bytes", "bytes", "int32", "int32"]),
        ] {
            let found = [None, PrecisionOnly, BestFit, BestFitEagerDouble].map(|m| kind(precision, scale, m));
            assert_eq!(found, expected, "numeric({precision},{scale})");
        }
    }

    #[test]
    fn a_numeric_that_its_field_cannot_hold_is_refused_and_never_cut() {
        let unconstrained = |numeric| {
            form(ColumnType::Numeric(None), "numeric", &RowOptions { numeric, ..RowOptions::default() }).unwrap()
        };
        let decimal = unconstrained(NumericMapping::None);
        assert_eq!(json(decimal, "12.00").unwrap(), "\"DA==\"");
        assert!(json(decimal, "1.5").is_err() && json(decimal, "NaN").is_err());
        let small = unconstrained(NumericMapping::BestFit);
        assert_eq!(json(small, "-7.0").unwrap(), "-7");
        assert!(json(small, "1.5").is_err() && json(small, "128").is_err());
    }

    #[test]
    fn decimals_as_numbers_keep_their_scale() {
        let options = RowOptions { json_decimal: JsonDecimal::Numeric, ..RowOptions::default() };
        let two = form(ColumnType::Numeric(Some((5, 2))), "numeric", &options).unwrap();
        assert_eq!(json(two, "-1.50").unwrap(), "-1.50");
        assert_eq!(json(form(ColumnType::Numeric(None), "numeric", &options).unwrap(), "3.00").unwrap(), "3");
    }

    #[test]
    fn every_granularity_has_its_form() {
        let at = "2024-02-29 10:11:12.123456";
        let cases = [
            (TimestampForm::Connect, "1709201472123", "-1"),
            (TimestampForm::MicrosLong, "1709201472123456", "-500"),
            (TimestampForm::MicrosString, "\"1709201472123456\"", "\"-500\""),
            (TimestampForm::MicrosIso, "\"2024-02-29T10:11:12.123456\"", "\"1969-12-31T23:59:59.999500\""),
            (TimestampForm::NanosLong, "1709201472123456000", "-500000"),
            (TimestampForm::NanosString, "\"1709201472123456000\"", "\"-500000\""),
            (TimestampForm::NanosIso, "\"2024-02-29T10:11:12.123456000\"", "\"1969-12-31T23:59:59.999500000\""),
        ];
        for (form, expected, before) in cases {
            let plain = Form::Timestamp { zoned: false, form };
            assert_eq!(json(plain, at).unwrap(), expected);
            assert_eq!(json(plain, "1969-12-31 23:59:59.9995").unwrap(), before);
            let zoned = Form::Timestamp { zoned: true, form };
            assert_eq!(json(zoned, &format!("{at}+00")).unwrap(), expected);
            assert!(json(zoned, "infinity").is_ok());
        }
    }

    #[test]
    fn types_that_jdbc_has_no_name_for_are_left_out() {
        let options = RowOptions::default();
        for (ty, name) in [
            (ColumnType::Text, "inet"),
            (ColumnType::Text, "citext"),
            (ColumnType::VarBit(Some(5)), "varbit"),
            (ColumnType::Interval, "interval"),
            (ColumnType::Point, "point"),
            (ColumnType::Array(Box::new(ColumnType::Int4)), "_int4"),
            (ColumnType::Unknown, "box"),
        ] {
            assert_eq!(form(ty, name, &options), None, "{name}");
        }
    }

    #[test]
    fn where_the_driver_fails_the_right_value_is_written() {
        assert_eq!(json(Form::Money, "-$1,234,567.89").unwrap(), "-1234567.89");
        assert_eq!(json(Form::Date, "0001-01-01").unwrap(), "-719162");
        assert_eq!(json(Form::TimeTz, "00:30:00+05").unwrap(), "70200000");
        let scaled = form(ColumnType::Numeric(Some((4, -2))), "numeric", &RowOptions::default()).unwrap();
        assert_eq!(json(scaled, "1200").unwrap(), "\"DA==\"");
        assert!(schema(scaled).contains("\"scale\":\"-2\""));
    }

    #[test]
    fn bits_are_their_number() {
        for (text, number) in [("01", "1"), ("0101", "5"), ("11111111", "-1"), ("01111111", "127")] {
            assert_eq!(json(Form::Bits, text).unwrap(), number);
        }
        assert!(json(Form::Bits, "2").is_err());
    }

    proptest! {
        #[test]
        fn bytes_of_a_database_gone_mad_never_panic(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let decimal = Form::Decimal { precision: 4, scale: -2, form: JsonDecimal::Base64 };
            for form in [Form::Bool, Form::Bits, Form::LongBits, Form::Whole(Width::Eight), Form::Money, decimal,
                Form::Bytes, Form::Date, Form::Time, Form::TimeTz,
                Form::Timestamp { zoned: true, form: TimestampForm::NanosIso }] {
                let _ = form.encode(&text, &mut Vec::new());
            }
        }
    }
}
