//! Java's `SimpleDateFormat` for the common letters, in UTC and with English names.
//!
//! Reading is lenient as there: fields out of range roll over, and what follows the pattern is ignored. Two things differ:
//! the calendar is Gregorian throughout, and with more than three `S` the digits are a fraction of the second (the original
//! takes any number of digits for milliseconds, so that microseconds become minutes).

use super::date_reading::Reading;

/// Milliseconds of a day.
pub(super) const DAY_MS: i64 = 86_400_000;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const WEEKDAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
/// Most letters of one field: so many places are filled up on every record.
const LETTERS_MAX: usize = 100;

/// A pattern, read once.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Literal(String),
    /// A letter and how often it stands.
    Field(Letter, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Letter {
    Year,
    Month,
    Day,
    /// `H`, 0 to 23.
    Hour,
    /// `k`, 1 to 24.
    Hour24,
    /// `K`, 0 to 11.
    Hour11,
    /// `h`, 1 to 12.
    Hour12,
    Minute,
    Second,
    Fraction,
    Half,
    Weekday,
    /// `z`.
    ZoneName,
    /// `Z`.
    ZoneNumber,
    /// `X`.
    ZoneIso,
}

impl Pattern {
    /// Reads a pattern. The error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Pattern, String> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c == '\'' {
                if chars.next_if_eq(&'\'').is_some() {
                    push_literal(&mut pieces, '\'');
                    continue;
                }
                loop {
                    match chars.next() {
                        Some('\'') if chars.next_if_eq(&'\'').is_some() => push_literal(&mut pieces, '\''),
                        Some('\'') => break,
                        Some(quoted) => push_literal(&mut pieces, quoted),
                        None => return Err("Unterminated quote".to_owned()),
                    }
                }
            } else if c.is_ascii_alphabetic() {
                let letter = Letter::of(c)?;
                let mut count = 1;
                while chars.next_if_eq(&c).is_some() {
                    count += 1;
                }
                if letter == Letter::ZoneIso && count > 3 {
                    return Err(format!("invalid ISO 8601 format: length={count}"));
                }
                if count > LETTERS_MAX {
                    return Err(format!("{count} times '{c}' in a row; {LETTERS_MAX} are the most"));
                }
                pieces.push(Piece::Field(letter, count));
            } else {
                push_literal(&mut pieces, c);
            }
        }
        Ok(Pattern { text: text.to_owned(), pieces })
    }

    /// As typed.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The text of a moment in milliseconds since 1970.
    pub(super) fn format(&self, millis: i64) -> String {
        let mut out = String::new();
        let (days, ms) = (millis.div_euclid(DAY_MS), millis.rem_euclid(DAY_MS));
        let (year, month, day) = civil(days);
        let hour = ms / 3_600_000;
        for piece in &self.pieces {
            let (letter, count) = match piece {
                Piece::Literal(text) => {
                    out.push_str(text);
                    continue;
                }
                Piece::Field(letter, count) => (*letter, *count),
            };
            let number = match letter {
                // Years before 1 count backwards, without their era.
                Letter::Year if count == 2 => (if year > 0 { year } else { 1 - year }) % 100,
                Letter::Year => {
                    if year > 0 {
                        year
                    } else {
                        1 - year
                    }
                }
                Letter::Month if count > 2 => {
                    out.push_str(named(&MONTHS, month - 1, count));
                    continue;
                }
                Letter::Month => month,
                Letter::Day => day,
                Letter::Hour => hour,
                Letter::Hour24 => {
                    if hour == 0 {
                        24
                    } else {
                        hour
                    }
                }
                Letter::Hour11 => hour % 12,
                Letter::Hour12 => {
                    if hour % 12 == 0 {
                        12
                    } else {
                        hour % 12
                    }
                }
                Letter::Minute => ms / 60_000 % 60,
                Letter::Second => ms / 1000 % 60,
                Letter::Fraction if count > 3 => {
                    out.push_str(&format!("{:03}{:0<width$}", ms % 1000, "", width = count - 3));
                    continue;
                }
                Letter::Fraction => ms % 1000,
                Letter::Half => {
                    out.push_str(if hour < 12 { "AM" } else { "PM" });
                    continue;
                }
                Letter::Weekday => {
                    out.push_str(named(&WEEKDAYS, days.rem_euclid(7), count));
                    continue;
                }
                Letter::ZoneName => {
                    out.push_str(if count < 4 { "UTC" } else { "Coordinated Universal Time" });
                    continue;
                }
                Letter::ZoneNumber => {
                    out.push_str("+0000");
                    continue;
                }
                Letter::ZoneIso => {
                    out.push('Z');
                    continue;
                }
            };
            out.push_str(&format!("{number:0count$}"));
        }
        out
    }

    /// The moment that a text says; `None` when it does not match.
    pub(super) fn read(&self, text: &str) -> Option<i64> {
        let mut reading = Reading::new(text);
        for (at, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Literal(literal) => reading.literal(literal)?,
                Piece::Field(letter, count) => {
                    let next_is_number = match self.pieces.get(at + 1) {
                        Some(Piece::Field(Letter::Month, count)) => *count <= 2,
                        Some(Piece::Field(letter, _)) => letter.is_number(),
                        Some(Piece::Literal(_)) | None => false,
                    };
                    reading.field(*letter, *count, next_is_number)?;
                }
            }
        }
        reading.moment()
    }
}

impl Letter {
    fn of(letter: char) -> Result<Letter, String> {
        Ok(match letter {
            'y' => Letter::Year,
            'M' | 'L' => Letter::Month,
            'd' => Letter::Day,
            'H' => Letter::Hour,
            'k' => Letter::Hour24,
            'K' => Letter::Hour11,
            'h' => Letter::Hour12,
            'm' => Letter::Minute,
            's' => Letter::Second,
            'S' => Letter::Fraction,
            'a' => Letter::Half,
            'E' => Letter::Weekday,
            'z' => Letter::ZoneName,
            'Z' => Letter::ZoneNumber,
            'X' => Letter::ZoneIso,
            'G' | 'Y' | 'w' | 'W' | 'D' | 'F' | 'u' => {
                return Err(format!("pattern letter '{letter}' is not supported; write yyyy-MM-dd'T'HH:mm:ss.SSSX"));
            }
            _ => return Err(format!("Illegal pattern character '{letter}'")),
        })
    }

    fn is_number(self) -> bool {
        !matches!(self, Letter::Half | Letter::Weekday | Letter::ZoneName | Letter::ZoneNumber | Letter::ZoneIso)
    }
}

fn push_literal(pieces: &mut Vec<Piece>, c: char) {
    match pieces.last_mut() {
        Some(Piece::Literal(text)) => text.push(c),
        _ => pieces.push(Piece::Literal(c.into())),
    }
}

/// A name of a list, short or (from four letters on) whole.
fn named(names: &'static [&'static str], at: i64, count: usize) -> &'static str {
    let name = usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or_default();
    if count < 4 { name.get(..3).unwrap_or(name) } else { name }
}

/// `yyyy-MM-dd` of days since 1970.
pub(super) fn iso_date(days: i64) -> String {
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `HH:mm:ss.SSSZ` of milliseconds of a day.
pub(super) fn iso_time(millis: i64) -> String {
    let ms = millis.rem_euclid(DAY_MS);
    format!("{:02}:{:02}:{:02}.{:03}Z", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}

/// `yyyy-MM-ddTHH:mm:ss.SSSZ` of milliseconds since 1970.
pub(super) fn iso_timestamp(millis: i64) -> String {
    format!("{}T{}", iso_date(millis.div_euclid(DAY_MS)), iso_time(millis))
}

/// Year, month from 1, day from 1 of days since 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the leap day ends one; 719,468 days lie between 0000-03-01 and 1970-01-01.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = year + era * 400 + i64::from(month >= 10);
    (year, if month < 10 { month + 3 } else { month - 9 }, day)
}

/// Days since 1970 of a month's first day.
pub(super) fn days(year: i64, month: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_each_others_inverse() {
        for day in (-1_000_000..1_000_000).step_by(313) {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month) + of_month - 1, day);
        }
        assert_eq!((civil(0), civil(11_016), days(2000, 3)), ((1970, 1, 1), (2000, 2, 29), 11_017));
    }

    #[test]
    fn more_than_three_fraction_letters_are_a_fraction() {
        let pattern = Pattern::parse("yyyy-MM-dd HH:mm:ss.SSSSSS").unwrap();
        let moment = pattern.read("2020-01-01 10:00:00.123456").unwrap();
        assert_eq!(moment, 1_577_872_800_123);
        assert_eq!(pattern.format(moment), "2020-01-01 10:00:00.123000");
    }

    #[test]
    fn letters_without_support_are_refused_with_an_example() {
        assert!(Pattern::parse("YYYY-ww").unwrap_err().contains("yyyy-MM-dd"));
        assert_eq!(Pattern::parse("foo").unwrap_err(), "Illegal pattern character 'f'");
        assert!(Pattern::parse(&"y".repeat(101)).is_err() && Pattern::parse(&"S".repeat(100)).is_ok());
        assert_eq!(Pattern::parse("yyyy 'at").unwrap_err(), "Unterminated quote");
    }
}
