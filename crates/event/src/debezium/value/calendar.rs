//! Dates and times of day as numbers: reading PostgreSQL's ISO text, and writing it again.

use super::Reason;

/// Microseconds of a day.
pub(crate) const DAY_US: i64 = 86_400_000_000;

/// A point in time without zone, or one of the two infinities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Days since 1970-01-01 (proleptic Gregorian) and microseconds of that day.
    At { days: i64, micros: i64 },
    /// `infinity` (`true`) or `-infinity`.
    Infinity(bool),
}

impl Moment {
    /// Microseconds since 1970; may exceed 64 bits at the end of PostgreSQL's range.
    pub(crate) fn micros(days: i64, micros: i64) -> i128 {
        i128::from(days) * i128::from(DAY_US) + i128::from(micros)
    }
}

/// A reader over text that answers `None` for whatever it did not expect.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, byte: u8) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        (*first == byte).then(|| self.0 = rest)
    }

    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let len = self.0.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
        if len < least {
            return None;
        }
        let (digits, rest) = self.0.split_at(len);
        self.0 = rest;
        Some(digits.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
    }

    fn date(&mut self) -> Option<(i64, i64, i64)> {
        let year = self.number(4, 7)?;
        self.take(b'-')?;
        let month = self.number(2, 2)?;
        self.take(b'-')?;
        let day = self.number(2, 2)?;
        ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some((year, month, day))
    }

    fn time(&mut self) -> Option<i64> {
        let hour = self.number(2, 2)?;
        self.take(b':')?;
        let minute = self.number(2, 2)?;
        self.take(b':')?;
        let second = self.number(2, 2)?;
        let mut micros = ((hour * 60 + minute) * 60 + second) * 1_000_000;
        if self.take(b'.').is_some() {
            let before = self.0.len();
            let fraction = self.number(1, 6)?;
            let digits = before - self.0.len();
            micros += fraction * 10_i64.pow(6_u32.saturating_sub(digits as u32));
        }
        (hour <= 24 && minute < 60 && second <= 60 && micros <= DAY_US).then_some(micros)
    }

    /// `+HH[:MM[:SS]]` in microseconds east of UTC.
    fn offset(&mut self) -> Option<i64> {
        let sign = if self.take(b'+').is_some() {
            1
        } else {
            self.take(b'-')?;
            -1
        };
        let mut seconds = self.number(2, 2)? * 3600;
        if self.take(b':').is_some() {
            seconds += self.number(2, 2)? * 60;
            if self.take(b':').is_some() {
                seconds += self.number(2, 2)?;
            }
        }
        Some(sign * seconds * 1_000_000)
    }

    /// The optional era at the end of a date; then nothing may follow.
    fn year_with_era(&mut self, year: i64) -> Option<i64> {
        if self.0 == b" BC" { Some(1 - year) } else { self.0.is_empty().then_some(year) }
    }
}

fn infinity(text: &[u8]) -> Option<Moment> {
    match text {
        b"infinity" => Some(Moment::Infinity(true)),
        b"-infinity" => Some(Moment::Infinity(false)),
        _ => None,
    }
}

/// A `date`.
pub(crate) fn parse_date(text: &[u8]) -> Result<Moment, Reason> {
    let read = || {
        let mut cursor = Cursor(text);
        let (year, month, day) = cursor.date()?;
        let year = cursor.year_with_era(year)?;
        Some(Moment::At { days: days_from_civil(year, month, day), micros: 0 })
    };
    infinity(text).or_else(read).ok_or("not a date in ISO form")
}

/// A `time`: microseconds since midnight, 24:00 included.
pub(crate) fn parse_time(text: &[u8]) -> Result<i64, Reason> {
    let mut cursor = Cursor(text);
    cursor.time().filter(|_| cursor.0.is_empty()).ok_or("not a time in ISO form")
}

/// A `timetz`: microseconds since midnight UTC, within one day.
pub(crate) fn parse_timetz(text: &[u8]) -> Result<i64, Reason> {
    let mut cursor = Cursor(text);
    let read = |cursor: &mut Cursor<'_>| Some(cursor.time()? - cursor.offset()?);
    read(&mut cursor).filter(|_| cursor.0.is_empty()).map(|us| us.rem_euclid(DAY_US)).ok_or("not a timetz in ISO form")
}

/// A `timestamp`, or with `zoned` a `timestamptz`, which is shifted to UTC.
pub(crate) fn parse_timestamp(text: &[u8], zoned: bool) -> Result<Moment, Reason> {
    let read = || {
        let mut cursor = Cursor(text);
        let (year, month, day) = cursor.date()?;
        cursor.take(b' ')?;
        let mut micros = cursor.time()?;
        if zoned {
            micros -= cursor.offset()?;
        }
        let year = cursor.year_with_era(year)?;
        let days = days_from_civil(year, month, day) + micros.div_euclid(DAY_US);
        Some(Moment::At { days, micros: micros.rem_euclid(DAY_US) })
    };
    infinity(text).or_else(read).ok_or("not a timestamp in ISO form")
}

/// Days since 1970-01-01 of a proleptic Gregorian date; year 0 is 1 BC.
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_from_civil`].
pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

/// Appends `n` with at least `width` digits.
pub(crate) fn push_padded(n: i64, width: usize, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(n.unsigned_abs()).as_bytes();
    out.resize(out.len() + width.saturating_sub(digits.len()), b'0');
    out.extend_from_slice(digits);
}

/// Appends `HH:MM:SS` of a day's microseconds; `fraction` digits when given, else as many as needed.
pub(crate) fn push_clock(micros: i64, fraction: Option<u8>, out: &mut Vec<u8>) {
    let seconds = micros / 1_000_000;
    push_padded(seconds / 3600, 2, out);
    out.push(b':');
    push_padded(seconds / 60 % 60, 2, out);
    out.push(b':');
    push_padded(seconds % 60, 2, out);
    push_fraction(micros % 1_000_000, fraction, out);
}

/// Appends a point and microseconds; nothing when no digit is wanted.
pub(super) fn push_fraction(micros: i64, digits: Option<u8>, out: &mut Vec<u8>) {
    let needed = (0..=6).rev().find(|&n| micros % 10_i64.pow(n) == 0).map_or(6, |zeros| 6 - zeros as u8);
    let digits = digits.unwrap_or(needed).min(6);
    if digits > 0 {
        out.push(b'.');
        push_padded(micros / 10_i64.pow(u32::from(6 - digits)), usize::from(digits), out);
    }
}

/// A date as PostgreSQL prints it; the era goes to the very end of the text, so it is returned.
pub(super) fn postgres_date(days: i64, out: &mut Vec<u8>) -> &'static str {
    let (year, month, day) = civil_from_days(days);
    push_padded(if year > 0 { year } else { 1 - year }, 4, out);
    out.push(b'-');
    push_padded(month, 2, out);
    out.push(b'-');
    push_padded(day, 2, out);
    if year > 0 { "" } else { " BC" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_eight_thousand_years_returns() {
        for days in (-2_500_000..500_000).step_by(7) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
        assert_eq!(days_from_civil(1970, 1, 1), 0);
        assert_eq!(days_from_civil(-43, 3, 15), -735_160);
    }

    #[test]
    fn fractions_are_padded_or_as_short_as_they_can_be() {
        for (micros, digits, text) in [
            (0, None, ""),
            (500_000, None, ".5"),
            (123_456, None, ".123456"),
            (1, None, ".000001"),
            (120_000, Some(6), ".120000"),
            (891_000, Some(3), ".891"),
            (0, Some(3), ".000"),
            (0, Some(0), ""),
        ] {
            let mut out = Vec::new();
            push_fraction(micros, digits, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn text_out_of_form_or_range_is_refused() {
        for text in ["", "2020-1-1", "2020-13-01", "2020-01-32", "2020-01-01 AD", "99999999-01-01", "now"] {
            assert!(parse_date(text.as_bytes()).is_err(), "{text}");
        }
        for text in ["24:00:01", "12:60:00", "12:00", "12:00:00.", "12:00:00+00"] {
            assert!(parse_time(text.as_bytes()).is_err(), "{text}");
        }
        for text in ["2020-01-01", "2020-01-01 00:00:00+00", "2020-01-01T00:00:00"] {
            assert!(parse_timestamp(text.as_bytes(), false).is_err(), "{text}");
        }
        assert!(parse_timestamp(b"2020-01-01 00:00:00", true).is_err());
    }
}
