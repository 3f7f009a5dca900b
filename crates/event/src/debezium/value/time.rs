//! Dates, times and timestamps in the forms of `time.precision.mode`, and back.

use super::calendar::{
    DAY_US, Moment, civil_from_days, days_from_civil, parse_date, parse_time, parse_timestamp, parse_timetz,
    postgres_date, push_clock, push_padded,
};
use super::number::push_i64;
use super::{Reason, Written};

/// What Debezium's stream gives for the infinite dates; fixed for snapshot and stream alike.
const DATE_INFINITY: i64 = -2_147_472_692;
const DATE_MINUS_INFINITY: i64 = -2_147_472_691;
/// What its snapshot gives for them.
const JDBC_INFINITY: i64 = -622_191_234;
const JDBC_MINUS_INFINITY: i64 = -625_821_272;
/// The driver's moments for the infinite timestamps, in microseconds.
const INFINITY_US: i64 = 9_223_372_036_825_200_000;
const MINUS_INFINITY_US: i64 = -9_223_372_036_832_400_000;

/// How a date is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::debezium) enum DateForm {
    /// Days since 1970.
    Days,
    /// The same through JDBC's dates, which have no era and other infinities (strict compatibility).
    JdbcDays,
    /// `2020-02-29Z`.
    Iso,
}

/// How a time or timestamp without zone is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::debezium) enum Unit {
    /// Milliseconds.
    Milli,
    /// Microseconds.
    Micro,
    /// Nanoseconds.
    Nano,
    /// ISO text with a literal `Z`.
    Iso,
}

/// Appends a `date`.
pub(super) fn push_date(text: &[u8], form: DateForm, out: &mut Vec<u8>) -> Result<(), Reason> {
    match (parse_date(text)?, form) {
        (Moment::At { days, .. }, DateForm::Days) => push_i64(days, out),
        (Moment::At { days, .. }, DateForm::Iso) => {
            out.push(b'"');
            push_iso_date(days, out);
            out.extend_from_slice(b"Z\"");
        }
        (Moment::At { days, .. }, DateForm::JdbcDays) => {
            let (year, month, day) = civil_from_days(days);
            push_i64(days_from_civil(if year > 0 { year } else { 1 - year }, month, day), out);
        }
        (Moment::Infinity(plus), DateForm::JdbcDays) => {
            push_i64(if plus { JDBC_INFINITY } else { JDBC_MINUS_INFINITY }, out);
        }
        (Moment::Infinity(plus), DateForm::Days) => {
            push_i64(if plus { DATE_INFINITY } else { DATE_MINUS_INFINITY }, out);
        }
        (Moment::Infinity(plus), DateForm::Iso) => push_infinity(plus, out),
    }
    Ok(())
}

/// Appends a `time`; `cut` microseconds are the finest that is kept. What is cut comes from a clock of the original that
/// has no 24:00.
pub(super) fn push_time(text: &[u8], unit: Unit, cut: i64, out: &mut Vec<u8>) -> Result<(), Reason> {
    let micros = match cut {
        1 => parse_time(text)?,
        _ => parse_time(text)? % DAY_US / cut * cut,
    };
    match unit {
        Unit::Milli => push_i64(micros / 1000, out),
        Unit::Micro => push_i64(micros, out),
        Unit::Nano => push_i64(micros * 1000, out),
        Unit::Iso => push_clock_text(micros, out),
    }
    Ok(())
}

/// Appends a `timetz`, shifted to UTC.
pub(super) fn push_timetz(text: &[u8], cut: i64, out: &mut Vec<u8>) -> Result<(), Reason> {
    push_clock_text(parse_timetz(text)? / cut * cut, out);
    Ok(())
}

fn push_clock_text(micros: i64, out: &mut Vec<u8>) {
    out.push(b'"');
    push_clock(micros % DAY_US, None, out);
    out.extend_from_slice(b"Z\"");
}

/// Appends a `timestamp`. What 64 bits cannot hold saturates, or in strict nanoseconds becomes null.
pub(super) fn push_timestamp(text: &[u8], unit: Unit, strict: bool, out: &mut Vec<u8>) -> Result<Written, Reason> {
    let micros = match (parse_timestamp(text, false)?, unit) {
        (Moment::At { days, micros }, Unit::Iso) => {
            out.push(b'"');
            push_iso_date(days, out);
            out.push(b'T');
            push_clock(micros, None, out);
            out.extend_from_slice(b"Z\"");
            return Ok(Written::Value);
        }
        (Moment::Infinity(plus), Unit::Iso) => {
            push_infinity(plus, out);
            return Ok(Written::Value);
        }
        (Moment::Infinity(plus), _) => i128::from(if plus { INFINITY_US } else { MINUS_INFINITY_US }),
        (Moment::At { days, micros }, Unit::Nano) => {
            let micros = Moment::micros(days, micros);
            if strict && i64::try_from(micros * 1000).is_err() {
                return Ok(Written::Null);
            }
            micros
        }
        (Moment::At { days, micros }, _) => Moment::micros(days, micros),
    };
    push_i64(
        match unit {
            Unit::Milli => saturate(micros.div_euclid(1000)),
            Unit::Nano => saturate(micros * 1000),
            // Saturated seconds, then the rest of the second added without a look at the end.
            Unit::Micro if strict => {
                let second = saturate(micros - micros.rem_euclid(1_000_000));
                second.wrapping_add(saturate(micros.rem_euclid(1_000_000)))
            }
            Unit::Micro | Unit::Iso => saturate(micros),
        },
        out,
    );
    Ok(Written::Value)
}

/// Appends a `timestamptz` in UTC with `precision` fractional digits.
pub(super) fn push_timestamptz(text: &[u8], precision: u8, out: &mut Vec<u8>) -> Result<(), Reason> {
    match parse_timestamp(text, true)? {
        Moment::At { days, micros } => {
            out.push(b'"');
            push_iso_date(days, out);
            out.push(b'T');
            push_clock(micros, Some(precision), out);
            out.extend_from_slice(b"Z\"");
        }
        Moment::Infinity(plus) => push_infinity(plus, out),
    }
    Ok(())
}

/// Java's ISO years: four digits, more with `+`, those before year 0 with `-`.
fn push_iso_date(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = civil_from_days(days);
    if year > 9999 {
        out.push(b'+');
    } else if year < 0 {
        out.push(b'-');
    }
    push_padded(year, 4, out);
    out.push(b'-');
    push_padded(month, 2, out);
    out.push(b'-');
    push_padded(day, 2, out);
}

fn push_infinity(plus: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if plus { b"\"infinity\"" } else { b"\"-infinity\"" });
}

fn saturate(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// Days since 1970 back to a date's text.
pub(super) fn date_text(days: i64) -> String {
    match days {
        DATE_INFINITY => "infinity".into(),
        DATE_MINUS_INFINITY => "-infinity".into(),
        // Nothing of PostgreSQL's range lies beyond; the bound keeps the arithmetic in range.
        _ => with_era(|out| postgres_date(days.clamp(-1 << 40, 1 << 40), out)),
    }
}

/// Microseconds since midnight back to a time's text.
pub(super) fn time_text(micros: i64) -> Result<String, String> {
    if !(0..=DAY_US).contains(&micros) {
        return Err("a time outside the day".into());
    }
    Ok(with_era(|out| {
        push_clock(micros, None, out);
        ""
    }))
}

/// A number of `unit`s since 1970 back to a timestamp's text.
pub(super) fn timestamp_text(value: i64, unit: Unit) -> Result<String, String> {
    let (micros, plus, minus) = match unit {
        Unit::Milli => (value.saturating_mul(1000), INFINITY_US / 1000, MINUS_INFINITY_US.div_euclid(1000)),
        Unit::Nano => (value.div_euclid(1000), i64::MAX, i64::MIN),
        Unit::Micro | Unit::Iso => (value, INFINITY_US, MINUS_INFINITY_US),
    };
    if value == plus || value == minus {
        return Ok(if value == plus { "infinity" } else { "-infinity" }.into());
    }
    if matches!(micros, i64::MIN | i64::MAX) {
        return Err("the timestamp did not fit 64 bits and was cut".into());
    }
    Ok(with_era(|out| {
        let era = postgres_date(micros.div_euclid(DAY_US), out);
        out.push(b' ');
        push_clock(micros.rem_euclid(DAY_US), None, out);
        era
    }))
}

/// ISO text (`2020-02-29Z`, `13:14:15Z`, `2020-03-04T05:06:07.89Z`) back to PostgreSQL's; `zone` is appended (`+00`).
pub(super) fn iso_text(iso: &str, zone: &str) -> Result<String, String> {
    if matches!(iso, "infinity" | "-infinity") {
        return Ok(iso.into());
    }
    let moment = iso.strip_suffix('Z').ok_or("no ISO moment in UTC")?;
    let (date, clock) = match moment.split_once('T') {
        Some((date, clock)) => (date, clock),
        None if moment.contains(':') => ("", moment),
        None => (moment, ""),
    };
    let (before_zero, date) = date.strip_prefix('-').map_or((false, date), |d| (true, d));
    let date = date.strip_prefix('+').unwrap_or(date);
    let mut out = String::new();
    let mut era = "";
    if let Some((year, rest)) = date.split_once('-') {
        let year: i64 = year.parse().map_err(|_| "no ISO year")?;
        let year = if before_zero { -year } else { year };
        era = if year > 0 { "" } else { " BC" };
        out = format!("{:04}-{rest}", if year > 0 { year } else { 1 - year });
    }
    if !clock.is_empty() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(if clock.contains('.') { clock.trim_end_matches('0').trim_end_matches('.') } else { clock });
    }
    Ok(out + zone + era)
}

fn with_era(write: impl FnOnce(&mut Vec<u8>) -> &'static str) -> String {
    let mut out = Vec::with_capacity(32);
    let era = write(&mut out);
    out.extend_from_slice(era.as_bytes());
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn dates_are_those_of_the_recorded_cases_and_return() {
        for (text, days) in [
            ("2020-02-29", "18321"),
            ("1969-12-31", "-1"),
            ("0044-03-15 BC", "-735160"),
            ("10000-01-01", "2932897"),
            ("0001-01-01", "-719162"),
            ("infinity", "-2147472692"),
            ("-infinity", "-2147472691"),
        ] {
            assert_eq!(json(|o| push_date(text.as_bytes(), DateForm::Days, o).unwrap()), days);
            assert_eq!(date_text(days.parse().unwrap()), text);
        }
        assert_eq!(json(|o| push_date(b"2020-02-29", DateForm::Iso, o).unwrap()), "\"2020-02-29Z\"");
    }

    #[test]
    fn times_are_those_of_the_recorded_cases_and_return() {
        for (text, micros) in [("13:14:15.123456", "47655123456"), ("00:00:00", "0"), ("24:00:00", "86400000000")] {
            assert_eq!(json(|o| push_time(text.as_bytes(), Unit::Micro, 1, o).unwrap()), micros);
            assert_eq!(time_text(micros.parse().unwrap()).unwrap(), text);
        }
        assert_eq!(json(|o| push_time(b"24:00:00", Unit::Iso, 1, o).unwrap()), "\"00:00:00Z\"");
        assert_eq!(json(|o| push_time(b"24:00:00", Unit::Micro, 1000, o).unwrap()), "0");
        assert_eq!(json(|o| push_time(b"13:14:15.1234", Unit::Iso, 1, o).unwrap()), "\"13:14:15.1234Z\"");
        for (text, utc) in [
            ("13:14:15.123456+02", "11:14:15.123456Z"),
            ("23:59:59.999999-12", "11:59:59.999999Z"),
            ("00:00:00+15:59", "08:01:00Z"),
            ("12:00:00.5+00", "12:00:00.5Z"),
            ("12:00:00-03:30", "15:30:00Z"),
            ("24:00:00+00", "00:00:00Z"),
        ] {
            assert_eq!(json(|o| push_timetz(text.as_bytes(), 1, o).unwrap()), format!("\"{utc}\""));
        }
    }

    #[test]
    fn timestamps_are_those_of_the_recorded_cases_and_return() {
        for (text, micros) in [
            ("2020-03-04 05:06:07.891234", "1583298367891234"),
            ("1969-12-31 23:59:59.999999", "-1"),
            ("0044-03-15 01:02:03 BC", "-63517820277000000"),
            ("4713-01-01 00:00:00 BC", "-210863520000000000"),
            ("infinity", "9223372036825200000"),
            ("-infinity", "-9223372036832400000"),
        ] {
            let written = json(|o| {
                push_timestamp(text.as_bytes(), Unit::Micro, false, o).unwrap();
            });
            assert_eq!(written, micros);
            assert_eq!(timestamp_text(micros.parse().unwrap(), Unit::Micro).unwrap(), text);
        }
        let far = json(|o| {
            push_timestamp(b"294276-12-31 23:59:59.999999", Unit::Micro, false, o).unwrap();
        });
        assert_eq!(far, i64::MAX.to_string());
        assert!(timestamp_text(i64::MAX, Unit::Micro).is_err());
        let before = json(|o| {
            push_timestamp(b"1969-12-31 23:59:59.999999", Unit::Milli, false, o).unwrap();
        });
        assert_eq!(before, "-1");
        let strict = push_timestamp(b"3000-01-01 00:00:00", Unit::Nano, true, &mut Vec::new());
        assert_eq!(strict, Ok(Written::Null));
    }

    #[test]
    fn zoned_timestamps_carry_the_precision_of_their_column_and_return() {
        for (text, precision, iso) in [
            ("2020-03-04 04:06:07.891234+00", 6, "2020-03-04T04:06:07.891234Z"),
            ("2020-01-01 00:00:00.12+00", 6, "2020-01-01T00:00:00.120000Z"),
            ("2020-07-01 00:00:00+00", 3, "2020-07-01T00:00:00.000Z"),
            ("2000-01-01 00:00:00+00", 0, "2000-01-01T00:00:00Z"),
            ("0044-03-15 01:02:03+00 BC", 6, "-0043-03-15T01:02:03.000000Z"),
            ("294276-12-31 23:59:59.999999+00", 6, "+294276-12-31T23:59:59.999999Z"),
            ("0001-01-01 00:00:00+00", 6, "0001-01-01T00:00:00.000000Z"),
            ("infinity", 6, "infinity"),
        ] {
            assert_eq!(json(|o| push_timestamptz(text.as_bytes(), precision, o).unwrap()), format!("\"{iso}\""));
            assert_eq!(iso_text(iso, "+00").unwrap(), text);
        }
        let shifted = json(|o| push_timestamptz(b"2020-01-01 00:30:00+01", 0, o).unwrap());
        assert_eq!(shifted, "\"2019-12-31T23:30:00Z\"");
    }
}
