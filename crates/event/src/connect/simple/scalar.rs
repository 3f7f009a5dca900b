//! What is neither list nor map: times and numbers.

use crate::connect::json::{DECIMAL, decimal};
use crate::connect::number::{double_text, float_text};
use crate::connect::text::{DATE, DAY_MS, TIME, TIMESTAMP, push_simple_text};
use crate::connect::{Kind, Schema, Typed, Value};
use crate::debezium::value::calendar::{civil_from_days, days_from_civil};

/// Longest text that is looked at as a number.
const NUMBER_BYTES: usize = 400;

/// A date, time or timestamp at the beginning, and its length. Colons may be escaped.
pub(super) fn moment(text: &str) -> Option<(usize, Typed)> {
    let of = |kind, name, value| Typed::new(Schema { version: Some(1), ..Schema::new(kind).named(name) }, value);
    if !text.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    if let Some((length, millis)) = clock(text) {
        return Some((length, of(Kind::Int32, TIME, Value::Int32(millis))));
    }
    let days = date(text)?;
    let behind = text.get(10..)?;
    if let Some((length, millis)) = behind.strip_prefix('T').and_then(clock) {
        return Some((11 + length, of(Kind::Int64, TIMESTAMP, Value::Int64(days * DAY_MS + i64::from(millis)))));
    }
    // A longer word is no date.
    let ends = behind.as_bytes().first().is_none_or(|byte| b" \t\n\r:,{}[]\"".contains(byte));
    Some((10, of(Kind::Int32, DATE, Value::Int32(i32::try_from(days).ok()?)))).filter(|_| ends)
}

/// `yyyy-MM-dd`, in days since 1970.
fn date(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let (year, month, day) = (digits(bytes, 0, 4)?, digits(bytes, 5, 2)?, digits(bytes, 8, 2)?);
    let days = days_from_civil(year, month, day);
    let real = (1..=12).contains(&month) && civil_from_days(days) == (year, month, day);
    (real && bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-')).then_some(days)
}

/// `HH:mm:ss.SSSZ` and its length, in milliseconds.
fn clock(text: &str) -> Option<(usize, i32)> {
    let mut rest = text.as_bytes();
    let mut next = |count: usize, end: u8| {
        let number = digits(rest, 0, count)?;
        rest = rest.get(count..)?;
        rest = rest.strip_prefix(b"\\").filter(|behind| end == b':' && behind.first() == Some(&end)).unwrap_or(rest);
        rest = rest.strip_prefix(&[end])?;
        i32::try_from(number).ok()
    };
    let (hours, minutes, seconds, millis) = (next(2, b':')?, next(2, b':')?, next(2, b'.')?, next(3, b'Z')?);
    let is_time = hours < 24 && minutes < 60 && seconds < 60;
    is_time.then_some((text.len() - rest.len(), ((hours * 60 + minutes) * 60 + seconds) * 1000 + millis))
}

fn digits(bytes: &[u8], at: usize, count: usize) -> Option<i64> {
    let digits = bytes.get(at..at + count)?;
    digits
        .iter()
        .all(u8::is_ascii_digit)
        .then(|| digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

/// A number as Java's `BigDecimal` reads it: the smallest integer, or else a float, a double or a Decimal that is that number.
pub(super) fn number(token: &str) -> Option<Typed> {
    let signed = token.strip_prefix(['+', '-']).unwrap_or(token);
    let begins = token.as_bytes().first().is_some_and(|byte| byte.is_ascii_digit() || signed.len() < token.len());
    if !begins || token.len() > NUMBER_BYTES {
        return None;
    }
    let (mantissa, power) = signed.split_once(['e', 'E']).unwrap_or((signed, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let power_digits = power.strip_prefix(['+', '-']).unwrap_or(power);
    if whole.len() + fraction.len() == 0 || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    if power_digits.is_empty() || !is_digits(power_digits) {
        return None;
    }
    let power: i32 = power.strip_prefix('+').unwrap_or(power).parse().ok()?;
    let number = Exact::new(token.starts_with('-'), whole, fraction, power)?;
    let typed = |kind, value| Some(Typed::new(Schema::new(kind), value));
    if let Some(value) = number.integer() {
        return match (i8::try_from(value), i16::try_from(value), i32::try_from(value)) {
            (Ok(value), ..) => typed(Kind::Int8, Value::Int8(value)),
            (_, Ok(value), _) => typed(Kind::Int16, Value::Int16(value)),
            (_, _, Ok(value)) => typed(Kind::Int32, Value::Int32(value)),
            _ => typed(Kind::Int64, Value::Int64(value)),
        };
    }
    let scale = i32::try_from(fraction.len()).ok()?.checked_sub(power)?;
    if scale != 0 {
        if let Some(value) = signed.parse::<f32>().ok().filter(|value| number.is(&float_text(*value))) {
            return typed(Kind::Float32, Value::Float32(if number.negative { -value } else { value }));
        }
        if let Some(value) = signed.parse::<f64>().ok().filter(|value| number.is(&double_text(*value))) {
            return typed(Kind::Float64, Value::Float64(if number.negative { -value } else { value }));
        }
    }
    let sign = if number.negative { "-" } else { "" };
    let unscaled = decimal::unscaled(&format!("{sign}{whole}{fraction}"), 0).ok()?;
    let mut schema = Schema { version: Some(1), ..Schema::new(Kind::Bytes).named(DECIMAL) };
    schema.parameters = vec![("scale".into(), scale.to_string().into())];
    let value = Typed::new(schema, Value::Bytes(unscaled.into()));
    // One that could not be written again stays text.
    let mut out = Vec::new();
    push_simple_text(&value.value, value.schema.as_deref(), &mut out).ok().map(|()| value)
}

/// A number by its digits, without zeros at either end, and the power of ten behind the last.
#[derive(PartialEq)]
struct Exact {
    negative: bool,
    digits: String,
    power: i64,
}

impl Exact {
    fn new(negative: bool, whole: &str, fraction: &str, power: i32) -> Option<Exact> {
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0').trim_end_matches('0').to_owned();
        let zeros = all.len() - all.trim_end_matches('0').len();
        let power = i64::from(power) - i64::try_from(fraction.len()).ok()? + i64::try_from(zeros).ok()?;
        Some(if digits.is_empty() {
            Exact { negative: false, digits, power: 0 }
        } else {
            Exact { negative, digits, power }
        })
    }

    fn integer(&self) -> Option<i64> {
        let zeros = usize::try_from(self.power).ok().filter(|zeros| *zeros < 20)?;
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}{}{}", if self.digits.is_empty() { "0" } else { &self.digits }, "0".repeat(zeros)).parse().ok()
    }

    /// Whether a printed number, without sign, is this one without sign.
    fn is(&self, text: &str) -> bool {
        let (mantissa, power) = text.split_once('E').unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let printed = power.parse().ok().and_then(|power| Exact::new(self.negative, whole, fraction, power));
        printed.is_some_and(|printed| printed == *self)
    }
}
