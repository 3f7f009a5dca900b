//! Reading a moment by a pattern, as leniently as `SimpleDateFormat` does.

use super::date_format::{DAY_MS, Letter, MONTHS, WEEKDAYS, days};

/// Two-digit years are read as the one of this and the next century's that lies less than 20 years ahead of today's; Java
/// looks at the clock for it, we at this year, so that a run gives what the last one gave.
const PIVOT_YEAR: i64 = 2045;

/// What was read so far.
#[derive(Default)]
pub(super) struct Reading<'a> {
    rest: &'a str,
    year: Option<i64>,
    /// From 1.
    month: Option<i64>,
    day: Option<i64>,
    hour: i64,
    afternoon: bool,
    minute: i64,
    second: i64,
    millis: i64,
    /// Minutes east of UTC.
    zone: i64,
}

impl<'a> Reading<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Reading { rest: text, ..Reading::default() }
    }

    pub(super) fn literal(&mut self, literal: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(literal)?;
        Some(())
    }

    /// Reads a field. A number has as many digits as the pattern has letters when another number follows without a gap.
    pub(super) fn field(&mut self, letter: Letter, count: usize, next_is_number: bool) -> Option<()> {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        match letter {
            Letter::Month if count > 2 => self.month = Some(self.name(&MONTHS)? + 1),
            Letter::Weekday => drop(self.name(&WEEKDAYS)?),
            Letter::Half => self.afternoon = self.name(&["AM", "PM"])? == 1,
            Letter::ZoneName | Letter::ZoneNumber | Letter::ZoneIso => self.zone = self.zone()?,
            _ => {
                let before = self.rest;
                let number = self.number(next_is_number.then_some(count))?;
                let digits = before.len() - self.rest.len();
                match letter {
                    Letter::Year if count <= 2 && digits == 2 && number >= 0 => {
                        let century = PIVOT_YEAR / 100 * 100;
                        let year = century + number;
                        self.year = Some(if year > PIVOT_YEAR { year - 100 } else { year });
                    }
                    Letter::Year => self.year = Some(number),
                    Letter::Month => self.month = Some(number),
                    Letter::Day => self.day = Some(number),
                    Letter::Hour24 if number == 24 => self.hour = 0,
                    Letter::Hour12 if number == 12 => self.hour = 0,
                    Letter::Minute => self.minute = number,
                    Letter::Second => self.second = number,
                    Letter::Fraction if count > 3 => {
                        let digits = before.get(..digits)?;
                        self.millis = format!("{digits:0<3}").get(..3)?.parse().ok()?;
                    }
                    Letter::Fraction => self.millis = number,
                    _ => self.hour = number,
                }
            }
        }
        Some(())
    }

    /// A number of as many digits as there are, or as were asked for. Nine digits and more are no field of a date.
    fn number(&mut self, width: Option<usize>) -> Option<i64> {
        let (minus, digits) = match self.rest.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, self.rest),
        };
        let most = width.unwrap_or(usize::MAX).saturating_sub(usize::from(minus && width.is_some()));
        let len = digits.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let number: i64 = digits.get(..len)?.parse::<i32>().ok()?.into();
        self.rest = digits.get(len..)?;
        Some(if minus { -number } else { number })
    }

    /// The place of a name, whole or its first three letters, case ignored.
    fn name(&mut self, names: &[&str]) -> Option<i64> {
        for (at, name) in names.iter().enumerate() {
            for form in [*name, name.get(..3).unwrap_or(name)] {
                let found = self.rest.get(..form.len()).is_some_and(|found| found.eq_ignore_ascii_case(form));
                if found {
                    self.rest = self.rest.get(form.len()..)?;
                    return i64::try_from(at).ok();
                }
            }
        }
        None
    }

    /// `UTC`, `GMT`, `Z`, and hours with minutes east of them.
    fn zone(&mut self) -> Option<i64> {
        let mut named = false;
        for name in ["UTC", "GMT", "Z"] {
            if let Some(rest) = self.rest.strip_prefix(name) {
                self.rest = rest;
                named = true;
                break;
            }
        }
        let sign = match self.rest.bytes().next() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return named.then_some(0),
        };
        self.rest = self.rest.get(1..)?;
        let hours = self.number(Some(2))?;
        self.rest = self.rest.strip_prefix(':').unwrap_or(self.rest);
        let minutes = self.number(Some(2)).unwrap_or(0);
        Some(sign * (hours * 60 + minutes))
    }

    /// Milliseconds since 1970 of what was read; parts that were not are those of 1970-01-01.
    pub(super) fn moment(&self) -> Option<i64> {
        let month = self.month.unwrap_or(1) - 1;
        let year = self.year.unwrap_or(1970) + month.div_euclid(12);
        let days = days(year, month.rem_euclid(12) + 1) + self.day.unwrap_or(1) - 1;
        let hour = self.hour + if self.afternoon { 12 } else { 0 };
        let seconds = (hour * 60 + self.minute - self.zone) * 60 + self.second;
        days.checked_mul(DAY_MS)?.checked_add(seconds * 1000)?.checked_add(self.millis)
    }
}
