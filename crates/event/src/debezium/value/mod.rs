//! One codec per column: PostgreSQL's text in, JSON bytes out, without a value in between.
//!
//! [`Codec::resolve`] makes every decision that type and options allow once; [`Codec::encode`] then runs per cell.
//! Each family of types has a file; the way back ([`Codec::text`]) is in `read`.

mod array;
mod bits;
pub(crate) mod bytes;
pub(crate) mod calendar;
mod fill;
mod geometry;
mod hstore;
mod interval;
pub(crate) mod json;
pub(crate) mod number;
pub(crate) mod numeric;
mod read;
mod shaped;
mod time;
mod vector;

use crate::ColumnType;

use self::array::Element;
use self::numeric::Numeric;
use self::shaped::Shaped;
pub(super) use self::time::{DateForm, Unit};
use super::{BinaryMode, DecimalMode, EncodeOptions, HStoreMode, IntervalMode, JsonDecimal, TimeMode};

/// Why a cell has no JSON form; never contains the value.
pub(crate) type Reason = &'static str;

/// What [`Codec::encode`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Appended a value.
    Value,
    /// Appended nothing: the original emits null here (but for bits that are none, strict compatibility only).
    Null,
}

/// How decimals travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DecimalForm {
    /// Base64 of the unscaled value.
    Bytes,
    /// A JSON number (`decimal.format=NUMERIC`).
    Number,
    /// Text.
    Text,
    /// A double.
    Double,
}

/// The integer types, which differ by range and schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Integer {
    /// `smallint`.
    Two,
    /// `integer`.
    Four,
    /// `bigint`.
    Eight,
    /// `oid`.
    Oid,
}

/// What a text means, by schema name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing in particular.
    Plain,
    /// `io.debezium.data.Json`.
    Json,
    /// `io.debezium.data.Xml`.
    Xml,
    /// `io.debezium.data.Uuid`.
    Uuid,
    /// `io.debezium.data.Tsvector`.
    TsVector,
    /// `io.debezium.data.Ltree`.
    Ltree,
}

/// A column's form in events, all options applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Bool,
    Integer(Integer),
    Real,
    Double,
    Decimal {
        precision: u16,
        scale: i32,
        form: DecimalForm,
    },
    VariableDecimal(DecimalForm),
    Money {
        scale: u16,
        form: DecimalForm,
    },
    Text(Meaning),
    Enum(Vec<String>),
    Bytes(BinaryMode),
    /// The text form of a type without mapping, as bytes.
    Raw(BinaryMode),
    /// The same of a geometric type, its numbers as Java prints them.
    Geometric(BinaryMode),
    Bit,
    /// `None` = without limit; `varying` bit strings lose their leading zeros.
    Bits {
        length: Option<u32>,
        varying: bool,
    },
    Date {
        form: DateForm,
        connect: bool,
    },
    /// `cut` is the finest step in microseconds that is kept.
    Time {
        unit: Unit,
        connect: bool,
        precision: u8,
        cut: i64,
    },
    TimeTz {
        cut: i64,
    },
    Timestamp {
        unit: Unit,
        connect: bool,
        precision: u8,
    },
    TimestampTz(u8),
    Interval(IntervalMode),
    Point,
    Geometry {
        geography: bool,
    },
    HStore(HStoreMode),
    /// pgvector's dense vectors; `half` ones are floats.
    Vector {
        half: bool,
    },
    SparseVector,
    Array(Box<Codec>),
    /// Strict compatibility: arrays of bit strings have the schema of a scalar and are always null.
    LostBits(u32),
    /// Masked, hashed or cut.
    Shaped(Box<Shaped>),
}

impl Codec {
    /// The form of a type under the options; `None` when events leave the column out.
    pub(super) fn resolve(ty: &ColumnType, options: &EncodeOptions) -> Option<Codec> {
        let connect = options.time == TimeMode::Connect;
        let decimal = match (options.decimal, options.json_decimal) {
            (DecimalMode::String, _) => DecimalForm::Text,
            (DecimalMode::Double, _) => DecimalForm::Double,
            (DecimalMode::Precise, JsonDecimal::Numeric) => DecimalForm::Number,
            (DecimalMode::Precise, JsonDecimal::Base64) => DecimalForm::Bytes,
        };
        Some(match ty {
            ColumnType::Bool => Codec::Bool,
            ColumnType::Int2 => Codec::Integer(Integer::Two),
            ColumnType::Int4 => Codec::Integer(Integer::Four),
            ColumnType::Int8 => Codec::Integer(Integer::Eight),
            ColumnType::Oid => Codec::Integer(Integer::Oid),
            ColumnType::Float4 => Codec::Real,
            ColumnType::Float8 => Codec::Double,
            ColumnType::Numeric(None) => Codec::VariableDecimal(decimal),
            ColumnType::Numeric(Some((precision, scale))) => {
                Codec::Decimal { precision: *precision, scale: i32::from(*scale), form: decimal }
            }
            ColumnType::Money => {
                // As Debezium: the digits that were asked for are those of the precise form.
                let exact = matches!(decimal, DecimalForm::Bytes | DecimalForm::Number);
                Codec::Money { scale: if exact { options.money_scale.min(18) } else { 2 }, form: decimal }
            }
            ColumnType::Text => Codec::Text(Meaning::Plain),
            ColumnType::Json => Codec::Text(Meaning::Json),
            ColumnType::Xml => Codec::Text(Meaning::Xml),
            ColumnType::Uuid => Codec::Text(Meaning::Uuid),
            ColumnType::TsVector => Codec::Text(Meaning::TsVector),
            ColumnType::Ltree => Codec::Text(Meaning::Ltree),
            ColumnType::Enum(labels) => Codec::Enum(labels.clone()),
            ColumnType::Bytea => Codec::Bytes(options.binary),
            ColumnType::Bit(1) | ColumnType::VarBit(Some(1)) => Codec::Bit,
            ColumnType::Bit(length) => Codec::Bits { length: Some(*length), varying: false },
            ColumnType::VarBit(length) => Codec::Bits { length: *length, varying: true },
            ColumnType::Date => {
                let form = match options.time {
                    TimeMode::IsoString => DateForm::Iso,
                    _ if options.jdbc_snapshot => DateForm::JdbcDays,
                    _ => DateForm::Days,
                };
                Codec::Date { form, connect }
            }
            ColumnType::Time(precision) => {
                let unit = match options.time {
                    TimeMode::Adaptive if *precision <= 3 => Unit::Milli,
                    other => unit_of(other),
                };
                Codec::Time { unit, connect, precision: *precision, cut: 1 }
            }
            ColumnType::TimeTz(_) => Codec::TimeTz { cut: 1 },
            ColumnType::Timestamp(precision) => {
                let unit = match options.time {
                    TimeMode::Adaptive | TimeMode::AdaptiveTimeMicroseconds if *precision <= 3 => Unit::Milli,
                    other => unit_of(other),
                };
                Codec::Timestamp { unit, connect, precision: *precision }
            }
            ColumnType::TimestampTz(precision) => Codec::TimestampTz((*precision).min(6)),
            ColumnType::Interval => Codec::Interval(options.interval),
            ColumnType::Point => Codec::Point,
            ColumnType::Geometry => Codec::Geometry { geography: false },
            ColumnType::Geography => Codec::Geometry { geography: true },
            ColumnType::HStore => Codec::HStore(options.hstore),
            ColumnType::Vector => Codec::Vector { half: false },
            ColumnType::HalfVec => Codec::Vector { half: true },
            ColumnType::SparseVec => Codec::SparseVector,
            ColumnType::Array(element) => return Codec::resolve_array(element, options),
            ColumnType::Unknown if options.include_unknown => Codec::Raw(options.binary),
            ColumnType::Geometric if options.include_unknown => Codec::Geometric(options.binary),
            ColumnType::Unknown | ColumnType::Geometric if options.unknown_as_text => Codec::Text(Meaning::Plain),
            ColumnType::Unknown | ColumnType::Geometric => return None,
        })
    }

    /// Elements have the form of scalars; in strict compatibility some are cut, lost or left out as in the original.
    fn resolve_array(element: &ColumnType, options: &EncodeOptions) -> Option<Codec> {
        if options.strict {
            match element {
                ColumnType::Money | ColumnType::Interval | ColumnType::Xml | ColumnType::Point => return None,
                ColumnType::VarBit(_) => return None,
                ColumnType::Bit(length) => return Some(Codec::LostBits(*length)),
                _ => {}
            }
        }
        let element = match Codec::resolve(element, options)? {
            Codec::Time { unit, connect, precision, .. } if options.strict => {
                Codec::Time { unit, connect, precision, cut: 1000 }
            }
            Codec::TimeTz { .. } if options.strict => Codec::TimeTz { cut: 1_000_000 },
            other => other,
        };
        Some(Codec::Array(Box::new(element)))
    }

    /// Whether the schema of an array says that no element is null: the original's elements are optional but for these.
    pub(in crate::debezium) fn required_in_arrays(&self) -> bool {
        matches!(self, Codec::Enum(_) | Codec::Raw(_) | Codec::Geometric(_) | Codec::Text(Meaning::TsVector))
    }

    /// Whether the schema allows a value: false for a label that the enum got after it was read from the catalog.
    pub(super) fn allows(&self, text: &[u8]) -> bool {
        match self {
            Codec::Enum(labels) => labels.iter().any(|label| label.as_bytes() == text),
            Codec::Array(element) if matches!(**element, Codec::Enum(_)) => {
                let mut all = true;
                let visited = array::visit(text, |part| {
                    if let Element::Text(label) = part {
                        all &= element.allows(label);
                    }
                    Ok(())
                });
                visited.is_err() || all
            }
            _ => true,
        }
    }

    /// Whether [`Codec::allows`] can be false.
    pub(super) fn has_labels(&self) -> bool {
        match self {
            Codec::Enum(_) => true,
            Codec::Array(element) => element.has_labels(),
            _ => false,
        }
    }

    /// Appends the JSON form of a cell's text.
    pub(super) fn encode(&self, text: &[u8], strict: bool, out: &mut Vec<u8>) -> Result<Written, Reason> {
        match self {
            Codec::Bool => out.extend_from_slice(match text {
                b"t" | b"true" => b"true",
                b"f" | b"false" => b"false",
                _ => return Err("not a boolean"),
            }),
            Codec::Integer(kind) => {
                let (min, max) = kind.range();
                number::push_integer(text, min, max, out)?;
            }
            Codec::Text(_) | Codec::Enum(_) => json::push_text(text, out)?,
            Codec::Real => number::push_f32(number::parse_f32(text)?, out),
            Codec::Double => number::push_f64(number::parse_f64(text)?, out),
            Codec::Decimal { .. } | Codec::VariableDecimal(_) => return self.encode_numeric(text, strict, out),
            Codec::Money { scale, form } => {
                let plain = numeric::money_text(text, *scale)?;
                let fixed = Codec::Decimal { precision: 0, scale: i32::from(*scale), form: *form };
                return fixed.encode_numeric(&plain, strict, out);
            }
            Codec::Bytes(mode) => push_binary(&bytes::parse_bytea(text)?, *mode, out),
            Codec::Raw(mode) => push_binary(text, *mode, out),
            Codec::Geometric(mode) => push_binary(&geometry::with_java_numbers(text)?, *mode, out),
            Codec::Bit => return bits::push_bit(text, out),
            Codec::Bits { .. } => bits::push_bits(text, out)?,
            Codec::Date { form, .. } => time::push_date(text, *form, out)?,
            Codec::Time { unit, cut, .. } => time::push_time(text, *unit, *cut, out)?,
            Codec::TimeTz { cut } => time::push_timetz(text, *cut, out)?,
            Codec::Timestamp { unit, .. } => return time::push_timestamp(text, *unit, strict, out),
            Codec::TimestampTz(precision) => time::push_timestamptz(text, *precision, out)?,
            Codec::Interval(IntervalMode::Numeric) if strict => interval::push_cut_micros(interval::parse(text)?, out),
            Codec::Interval(IntervalMode::Numeric) => interval::push_micros(interval::parse(text)?, out),
            Codec::Interval(IntervalMode::String) => interval::push_iso(interval::parse(text)?, strict, out),
            Codec::Point => geometry::push_point(text, out)?,
            Codec::Geometry { .. } => geometry::push_ewkb(text, out)?,
            Codec::HStore(HStoreMode::Map) => hstore::push_object(text, out)?,
            Codec::HStore(HStoreMode::Json) => {
                let mut object = Vec::with_capacity(text.len() + 8);
                hstore::push_object(text, &mut object)?;
                json::push_text(&object, out)?;
            }
            Codec::Vector { half } => vector::push_dense(text, *half, out)?,
            Codec::SparseVector => vector::push_sparse(text, out)?,
            Codec::Array(element) => return encode_array(element, text, strict, out),
            Codec::LostBits(_) => return Ok(Written::Null),
            Codec::Shaped(shaped) => return shaped.encode(text, strict, out),
        }
        Ok(Written::Value)
    }

    /// Numerics, with the values that no decimal can hold.
    fn encode_numeric(&self, text: &[u8], strict: bool, out: &mut Vec<u8>) -> Result<Written, Reason> {
        let (form, scale) = match self {
            Codec::Decimal { form, scale, .. } => (*form, Some(*scale)),
            Codec::VariableDecimal(form) => (*form, None),
            _ => return Err("not a decimal column"),
        };
        match (numeric::parse(text)?, form) {
            (Numeric::Finite { negative, whole, fraction }, DecimalForm::Bytes) => match scale {
                Some(scale) => numeric::push_unscaled(negative, whole, fraction, scale, out)?,
                None => numeric::push_variable(negative, whole, fraction, out)?,
            },
            // `decimal.format` is about Connect's Decimal; the struct of the variable scale keeps its bytes.
            (Numeric::Finite { negative, whole, fraction }, DecimalForm::Number) => match scale {
                Some(_) => out.extend_from_slice(text),
                None => numeric::push_variable(negative, whole, fraction, out)?,
            },
            (Numeric::Finite { .. }, DecimalForm::Text) => json::push_text(text, out)?,
            (Numeric::NaN | Numeric::Infinity(_), DecimalForm::Bytes | DecimalForm::Number) => {
                // The original emits null. These texts are no base64, so that no reader takes them for a number.
                let special: &[u8] = match numeric::parse(text)? {
                    _ if strict => return Ok(Written::Null),
                    Numeric::Infinity(true) => b"\"+Infinity\"",
                    Numeric::Infinity(false) => b"\"-Infinity\"",
                    _ => b"\"NaN\"",
                };
                match scale {
                    Some(_) => out.extend_from_slice(special),
                    None => out.extend_from_slice(&[b"{\"scale\":0,\"value\":", special, b"}"].concat()),
                }
            }
            // The original writes the names of a Java enumeration.
            (Numeric::NaN, DecimalForm::Text) if strict => out.extend_from_slice(b"\"NAN\""),
            (Numeric::Infinity(true), DecimalForm::Text) if strict => out.extend_from_slice(b"\"POSITIVE_INFINITY\""),
            (Numeric::Infinity(false), DecimalForm::Text) if strict => out.extend_from_slice(b"\"NEGATIVE_INFINITY\""),
            (Numeric::NaN | Numeric::Infinity(_), DecimalForm::Text) => json::push_text(text, out)?,
            (_, DecimalForm::Double) => number::push_f64(number::parse_f64(text)?, out),
        }
        Ok(Written::Value)
    }
}

/// Elements in storage order: the schema has one dimension whatever the array has. Strict compatibility loses nested
/// arrays, and arrays with a NULL that their schema or type does not allow, as the original does.
fn encode_array(element: &Codec, text: &[u8], strict: bool, out: &mut Vec<u8>) -> Result<Written, Reason> {
    let start = out.len();
    out.push(b'[');
    let empty = out.len();
    let (mut lost, mut refused) = (false, false);
    array::visit(text, |part| {
        if lost && !matches!(part, Element::Nested(1)) {
            return Ok(());
        }
        if out.len() > empty && !matches!(part, Element::Nested(_) if !strict) {
            out.push(b',');
        }
        match part {
            Element::Null => {
                refused |= strict && (element.required_in_arrays() || matches!(element, Codec::Text(Meaning::Ltree)));
                out.extend_from_slice(b"null");
            }
            Element::Text(text) => {
                if element.encode(text, strict, out)? == Written::Null {
                    out.extend_from_slice(b"null");
                }
            }
            Element::Nested(_) if strict => {
                lost = true;
                let java = matches!(element, Codec::Text(Meaning::Plain));
                out.extend_from_slice(if java { b"\"[Ljava.lang.String;@0\"" } else { b"null" });
            }
            Element::Nested(_) => {}
        }
        Ok(())
    })?;
    if refused {
        out.truncate(start);
        return Ok(Written::Null);
    }
    out.push(b']');
    Ok(Written::Value)
}

/// The unit of a mode that does not look at the column's precision.
fn unit_of(mode: TimeMode) -> Unit {
    match mode {
        TimeMode::Connect => Unit::Milli,
        TimeMode::IsoString => Unit::Iso,
        TimeMode::Nanoseconds => Unit::Nano,
        TimeMode::Adaptive | TimeMode::AdaptiveTimeMicroseconds | TimeMode::Microseconds => Unit::Micro,
    }
}

pub(in crate::debezium) fn push_binary(value: &[u8], mode: BinaryMode, out: &mut Vec<u8>) {
    match mode {
        BinaryMode::Bytes | BinaryMode::Base64 => bytes::push_base64(value, out),
        BinaryMode::Base64UrlSafe => bytes::push_base64_url(value, out),
        BinaryMode::Hex => bytes::push_hex(value, out),
    }
}

impl Integer {
    fn range(self) -> (i64, i64) {
        match self {
            Integer::Two => (i64::from(i16::MIN), i64::from(i16::MAX)),
            Integer::Four => (i64::from(i32::MIN), i64::from(i32::MAX)),
            Integer::Eight => (i64::MIN, i64::MAX),
            Integer::Oid => (0, i64::from(u32::MAX)),
        }
    }
}
