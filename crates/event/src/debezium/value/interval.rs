//! `interval`: microseconds with a month of 30.4375 days, or an ISO 8601 period.

use super::Reason;
use super::calendar::{push_fraction, push_padded};
use super::number::push_i64;

/// 30.4375 days.
const MONTH_US: i128 = 2_629_800_000_000;
const DAY_US: i128 = 86_400_000_000;
const WRONG: Reason = "not an interval in PostgreSQL's own style";

/// The three parts PostgreSQL keeps apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Interval {
    months: i64,
    days: i64,
    micros: i64,
}

/// Reads `IntervalStyle=postgres` text: `1 year 2 mons 3 days 04:05:06.789`.
pub(super) fn parse(text: &[u8]) -> Result<Interval, Reason> {
    let text = std::str::from_utf8(text).map_err(|_| WRONG)?;
    let mut interval = Interval::default();
    let mut words = text.split_ascii_whitespace();
    let mut any = false;
    while let Some(word) = words.next() {
        any = true;
        if word.contains(':') {
            interval.micros = clock(word)?;
            continue;
        }
        let count = i64::from(word.parse::<i32>().map_err(|_| WRONG)?);
        match words.next().ok_or(WRONG)? {
            "year" | "years" => interval.months += count * 12,
            "mon" | "mons" => interval.months += count,
            "day" | "days" => interval.days += count,
            _ => return Err(WRONG),
        }
    }
    if any { Ok(interval) } else { Err(WRONG) }
}

/// `[+-]HH:MM:SS[.ffffff]` with any number of hours.
fn clock(word: &str) -> Result<i64, Reason> {
    let negative = word.starts_with('-');
    let mut parts = word.trim_start_matches(['+', '-']).split(':');
    let mut part = || parts.next().filter(|p| p.bytes().all(|b| b.is_ascii_digit() || b == b'.')).ok_or(WRONG);
    let (hours, minutes, seconds) = (part()?, part()?, part()?);
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let number = |text: &str| text.parse::<i64>().map_err(|_| WRONG);
    let fraction_us = match fraction.len() {
        0 => 0,
        digits @ 1..=6 => number(fraction)? * 10_i64.pow(6 - digits as u32),
        _ => return Err(WRONG),
    };
    let total = number(hours)?
        .checked_mul(60)
        .and_then(|m| m.checked_add(number(minutes).ok()?))
        .and_then(|m| m.checked_mul(60))
        .and_then(|s| s.checked_add(number(whole).ok()?))
        .and_then(|s| s.checked_mul(1_000_000))
        .and_then(|us| us.checked_add(fraction_us))
        .ok_or(WRONG)?;
    Ok(if negative { -total } else { total })
}

/// Appends microseconds; saturates at 64 bits.
pub(super) fn push_micros(interval: Interval, out: &mut Vec<u8>) {
    let total =
        i128::from(interval.months) * MONTH_US + i128::from(interval.days) * DAY_US + i128::from(interval.micros);
    push_i64(i64::try_from(total).unwrap_or(if total < 0 { i64::MIN } else { i64::MAX }), out);
}

/// Appends microseconds as the original counts them: in doubles, cut, so that the last one may be missing.
pub(super) fn push_cut_micros(interval: Interval, out: &mut Vec<u8>) {
    let Interval { months, days, micros } = interval;
    let seconds = micros / 1_000_000;
    let days = months as f64 * (365.25 / 12.0) + days as f64;
    let minutes = (days * 24.0 + (seconds / 3600) as f64) * 60.0 + (seconds / 60 % 60) as f64;
    let last = (seconds % 60) as f64 + (micros % 1_000_000) as f64 / 1e6;
    push_i64(((minutes * 60.0 + last) * 1e6) as i64, out);
}

/// Appends `P1Y2M3DT4H5M6.789S`, with quotes; every part is written. The original adds seconds and fraction in doubles
/// and cuts the sum after its ninth digit, so that 2.938 becomes 2.937999999.
pub(super) fn push_iso(interval: Interval, strict: bool, out: &mut Vec<u8>) {
    let Interval { months, days, micros } = interval;
    let seconds = micros / 1_000_000;
    out.extend_from_slice(b"\"P");
    for (count, unit) in [
        (months / 12, &b"Y"[..]),
        (months % 12, b"M"),
        (days, b"DT"),
        (seconds / 3600, b"H"),
        (seconds / 60 % 60, b"M"),
    ] {
        push_i64(count, out);
        out.extend_from_slice(unit);
    }
    if micros < 0 && micros % 60_000_000 != 0 {
        out.push(b'-');
    }
    if strict && micros % 1_000_000 != 0 {
        let sum = ((seconds % 60) as f64 + (micros % 1_000_000) as f64 / 1e6).abs().to_string();
        let end = sum.find('.').map_or(sum.len(), |point| sum.len().min(point + 10));
        let cut = sum.get(..end).unwrap_or(&sum).trim_end_matches('0').trim_end_matches('.');
        out.extend_from_slice(cut.as_bytes());
    } else {
        push_padded(seconds % 60, 1, out);
        push_fraction((micros % 1_000_000).abs(), None, out);
    }
    out.extend_from_slice(b"S\"");
}

/// An ISO period back to PostgreSQL's own style.
pub(super) fn postgres_text(iso: &str) -> Result<String, String> {
    const NO_PERIOD: &str = "no ISO period";
    let (date, clock) = iso.strip_prefix('P').and_then(|p| p.split_once('T')).ok_or(NO_PERIOD)?;
    let mut interval = Interval::default();
    let mut date = date;
    for (unit, factor) in [('Y', 12), ('M', 1), ('D', 0)] {
        let (count, rest) = date.split_once(unit).ok_or(NO_PERIOD)?;
        let count = i64::from(count.parse::<i32>().map_err(|_| NO_PERIOD)?);
        if factor == 0 {
            interval.days = count;
        } else {
            interval.months += count * factor;
        }
        date = rest;
    }
    let (hours, rest) = clock.split_once('H').ok_or(NO_PERIOD)?;
    let (minutes, rest) = rest.split_once('M').ok_or(NO_PERIOD)?;
    let seconds = rest.strip_suffix('S').ok_or(NO_PERIOD)?;
    let negative = clock.contains('-');
    let plain = |part: &str| part.trim_start_matches('-').to_owned();
    let text = format!("{}:{}:{}", plain(hours), plain(minutes), plain(seconds));
    interval.micros = self::clock(&text)? * if negative { -1 } else { 1 };
    Ok(display(interval))
}

/// PostgreSQL's own style: signs are repeated after a negative part, the clock is there when it says something.
fn display(interval: Interval) -> String {
    let mut out = String::new();
    let mut after_negative = false;
    for (count, unit) in [(interval.months / 12, "year"), (interval.months % 12, "mon"), (interval.days, "day")] {
        if count == 0 {
            continue;
        }
        let space = if out.is_empty() { "" } else { " " };
        let plus = if after_negative && count > 0 { "+" } else { "" };
        let plural = if count == 1 { "" } else { "s" };
        out.push_str(&format!("{space}{plus}{count} {unit}{plural}"));
        after_negative = count < 0;
    }
    if out.is_empty() || interval.micros != 0 {
        let space = if out.is_empty() { "" } else { " " };
        let sign = match (interval.micros < 0, after_negative) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        };
        let micros = interval.micros.unsigned_abs();
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        out.push_str(&format!("{space}{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
        if fraction > 0 {
            out.push_str(format!(".{fraction:06}").trim_end_matches('0'));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_those_of_the_recorded_cases() {
        for (text, micros, iso) in [
            ("1 year 2 mons 3 days 04:05:06.789", "37091106789000", "P1Y2M3DT4H5M6.789S"),
            ("00:00:00", "0", "P0Y0M0DT0H0M0S"),
            ("1 mon", "2629800000000", "P0Y1M0DT0H0M0S"),
            ("1 day", "86400000000", "P0Y0M1DT0H0M0S"),
            ("-1 days -02:00:00", "-93600000000", "P0Y0M-1DT-2H0M0S"),
            ("00:00:00.000001", "1", "P0Y0M0DT0H0M0.000001S"),
            ("1 mon -1 days +00:00:00.000001", "2543400000001", "P0Y1M-1DT0H0M0.000001S"),
            ("-1 years", "-31557600000000", "P-1Y0M0DT0H0M0S"),
            ("1000 years", "31557600000000000", "P1000Y0M0DT0H0M0S"),
            ("24:00:00", "86400000000", "P0Y0M0DT24H0M0S"),
            ("1 day 12:00:00", "129600000000", "P0Y0M1DT12H0M0S"),
            ("-00:00:01.5", "-1500000", "P0Y0M0DT0H0M-1.5S"),
        ] {
            let interval = parse(text.as_bytes()).unwrap();
            let mut out = Vec::new();
            push_micros(interval, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), micros);
            let mut out = Vec::new();
            push_iso(interval, false, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("\"{iso}\""));
            assert_eq!(postgres_text(iso).unwrap(), text);
        }
    }

    #[test]
    fn text_of_another_style_is_refused() {
        for text in ["", "P1Y", "@ 1 day", "1", "1 week", "1:2", "a:b:c", "1 day 99999999999999999:00:00", "é"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn strictly_seconds_are_sums_of_doubles() {
        for (text, iso) in [
            ("09:02:04.94", "P0Y0M0DT9H2M4.939999999S"),
            ("-22:27:02.704178", "P0Y0M0DT-22H-27M-2.704177999S"),
            ("2:10:10.594", "P0Y0M0DT2H10M10.594S"),
            ("00:11:51.449859", "P0Y0M0DT0H11M51.449859S"),
            ("00:00:00.000001", "P0Y0M0DT0H0M0.000001S"),
            ("00:00:00", "P0Y0M0DT0H0M0S"),
        ] {
            let mut out = Vec::new();
            push_iso(parse(text.as_bytes()).unwrap(), true, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("\"{iso}\""));
        }
    }

    #[test]
    fn doubles_lose_the_last_microsecond_of_some_intervals() {
        let text = "1 year 1 mon 9:34:08.158507";
        let (mut exact, mut cut) = (Vec::new(), Vec::new());
        push_micros(parse(text.as_bytes()).unwrap(), &mut exact);
        push_cut_micros(parse(text.as_bytes()).unwrap(), &mut cut);
        assert_eq!((exact, cut), (b"34221848158507".to_vec(), b"34221848158506".to_vec()));
        let mut whole = Vec::new();
        push_cut_micros(parse(b"-1 mons -00:00:01.5").unwrap(), &mut whole);
        assert_eq!(whole, b"-2629801500000");
    }
}
