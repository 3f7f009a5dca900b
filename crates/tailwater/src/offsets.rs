//! The offset grammar of `--offset`, as kcat and rpk have it.
//!
//! `FROM` or `FROM:TO`; `TO` is excluded. A point is `beginning` (`start`, `earliest`), `end` (`latest`), `stored` (where a
//! group is), `N`, `+N` from the start, `-N` before the end, or a time: `@MS` milliseconds since 1970 (nine or ten digits:
//! seconds), `@DATE` as in `@2026-01-31` and `@2026-01-31T10:00:00Z`, or `@-AGE` with an age such as `90s`, `15m`, `1h`, `2d`.
//! Behind a time, `TO` is a time, too, or how long after it, as in `@2026-01-31:1h`. kcat's `s@MS` and `e@MS` are `@MS` as
//! `FROM` and as `TO`.

use std::str::FromStr;
use std::time::Duration;

use tailwater_connector::transport::PartitionInfo;
use tailwater_connector::{Problem, TopicReader};

/// A place in a partition, before its bounds are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The first offset there is.
    Beginning,
    /// After the last.
    End,
    /// This offset.
    At(i64),
    /// So many after the first.
    FromStart(i64),
    /// So many before the end.
    BeforeEnd(i64),
    /// The first at or after this time, in milliseconds since 1970.
    Time(i64),
    /// The first at or after the time this long ago.
    Ago(Duration),
    /// Where the group is.
    Stored,
}

/// Where to read from, and where to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First record; `None` where only an end was given.
    pub from: Option<Point>,
    /// First record left out; `None` follows.
    pub to: Option<Point>,
}

impl Point {
    /// The offset in a partition with these bounds.
    pub fn resolve(
        self,
        reader: &dyn TopicReader,
        topic: &str,
        partition: i32,
        bounds: &PartitionInfo,
        now_ms: i64,
    ) -> Result<i64, Problem> {
        let (start, end) = (bounds.log_start, bounds.high_watermark);
        Ok(match self {
            Point::Beginning => start,
            Point::End => end,
            Point::At(offset) => offset.max(start),
            Point::FromStart(count) => start.saturating_add(count).min(end),
            Point::BeforeEnd(count) => end.saturating_sub(count).max(start),
            // Whoever knows the group has put its offset here; one without is at the end.
            Point::Stored => end,
            Point::Time(ms) => reader.offset_at(topic, partition, ms)?,
            Point::Ago(age) => {
                let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
                reader.offset_at(topic, partition, now_ms.saturating_sub(age_ms))?
            }
        })
    }
}

impl Range {
    /// From here on, following.
    pub fn from(point: Point) -> Range {
        Range { from: Some(point), to: None }
    }

    /// What this one leaves open, as another has it: kcat takes start and end apart.
    pub fn or(self, other: Range) -> Range {
        Range { from: self.from.or(other.from), to: self.to.or(other.to) }
    }
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let count = |digits: &str| digits.parse::<i64>().ok().filter(|n| *n >= 0).ok_or_else(|| unknown(text));
        match text {
            "beginning" | "start" | "earliest" | "oldest" => return Ok(Point::Beginning),
            "end" | "latest" | "newest" => return Ok(Point::End),
            "stored" => return Ok(Point::Stored),
            _ => {}
        }
        match text.split_at_checked(1) {
            Some(("@", time)) => time_of(time).ok_or_else(|| unknown(text)),
            Some(("+", digits)) => count(digits).map(Point::FromStart),
            Some(("-", digits)) => count(digits).map(Point::BeforeEnd),
            _ => count(text).map(Point::At),
        }
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let milliseconds = |digits: &str| digits.parse().map(Point::Time).map_err(|_| unknown(text));
        if let Some(digits) = text.strip_prefix("s@") {
            return milliseconds(digits).map(Range::from);
        }
        if let Some(digits) = text.strip_prefix("e@") {
            return milliseconds(digits).map(|to| Range { from: None, to: Some(to) });
        }
        if let Ok(point) = text.parse() {
            return Ok(Range::from(point));
        }
        // A time of day has colons, too.
        let parts = text.match_indices(':').map(|(at, _)| (&text[..at], &text[at + 1..]));
        let range = |(from, to): (&str, &str)| {
            let timed = from.starts_with('@');
            let from = if matches!(from, "" | "@") { Point::Beginning } else { from.parse().ok()? };
            let place = to.parse().ok().filter(|to| !timed || !matches!(to, Point::At(_) | Point::BeforeEnd(_)));
            let time = || from.until(to).filter(|_| timed);
            Some(Range { from: Some(from), to: Some(place.or_else(time)?) })
        };
        parts.filter_map(range).next().ok_or_else(|| unknown(text))
    }
}

impl Point {
    /// The end of a range that begins at this time: another time, or how long after.
    fn until(self, text: &str) -> Option<Point> {
        if let Some(to) = time_of(text) {
            return Some(to);
        }
        let after = age_of(text)?;
        match self {
            Point::Time(ms) => Some(Point::Time(ms.saturating_add(i64::try_from(after.as_millis()).ok()?))),
            Point::Ago(age) => Some(Point::Ago(age.saturating_sub(after))),
            _ => None,
        }
    }
}

/// A time: an age, milliseconds or seconds since 1970, or a date.
fn time_of(text: &str) -> Option<Point> {
    if let Some(age) = text.strip_prefix('-') {
        return age_of(age).map(Point::Ago);
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        let scale = if matches!(text.len(), 9 | 10) { 1_000 } else { 1 };
        return number.checked_mul(scale).map(Point::Time);
    }
    date_ms(text).map(Point::Time)
}

/// Milliseconds from 1970 to a day, `YYYY-MM-DD`, or to a second of one, `YYYY-MM-DDTHH:MM:SSZ`.
fn date_ms(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, time.strip_suffix('Z')?),
        None => (text, "00:00:00"),
    };
    let numbers = |text: &str, separator: char, widths: [usize; 3]| -> Option<[i64; 3]> {
        let parts: Vec<&str> = text.split(separator).collect();
        let right = parts.len() == 3 && parts.iter().zip(widths).all(|(part, width)| part.len() == width);
        let digits = parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        let mut numbers = [0; 3];
        for (number, part) in numbers.iter_mut().zip(parts).take_while(|_| right && digits) {
            *number = part.parse().ok()?;
        }
        (right && digits).then_some(numbers)
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month - 1).ok()?)?;
    if !(1..=length).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days up to the year, by the rule of leap years; 719,162 of them lie before 1970.
    let before = year - 1;
    let days_of_years = before * 365 + before / 4 - before / 100 + before / 400;
    let days_of_months: i64 = lengths.iter().take(usize::try_from(month - 1).ok()?).sum();
    let days = days_of_years + days_of_months + day - 1 - 719_162;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000)
}

fn age_of(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86400,
        _ => return None,
    };
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}

fn unknown(text: &str) -> String {
    format!(
        "'{text}' is no offset; use beginning, end, N, +N, -N, @MILLISECONDS, @DATE or @-1h, and FROM:TO for a range"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_kcat_and_rpk_is_read() {
        for (text, from, to) in [
            ("beginning", Point::Beginning, None),
            ("start", Point::Beginning, None),
            ("end", Point::End, None),
            ("latest", Point::End, None),
            ("17", Point::At(17), None),
            ("+17", Point::FromStart(17), None),
            ("-17", Point::BeforeEnd(17), None),
            ("@1700000000000", Point::Time(1_700_000_000_000), None),
            ("@-90s", Point::Ago(Duration::from_secs(90)), None),
            ("@-1h:end", Point::Ago(Duration::from_secs(3600)), Some(Point::End)),
            ("3:9", Point::At(3), Some(Point::At(9))),
            (":end", Point::Beginning, Some(Point::End)),
            ("@1:@2", Point::Time(1), Some(Point::Time(2))),
        ] {
            assert_eq!(text.parse(), Ok(Range { from: Some(from), to }), "{text}");
        }
    }

    #[test]
    fn times_are_read_as_kcat_and_rpk_write_them() {
        let hours = |hours: u64| Point::Ago(Duration::from_secs(hours * 3600));
        for (text, from, to) in [
            ("s@9", Some(Point::Time(9)), None),
            ("e@1700000000", None, Some(Point::Time(1_700_000_000))),
            ("@1700000000", Some(Point::Time(1_700_000_000_000)), None),
            ("@2022-02-14", Some(Point::Time(1_644_796_800_000)), None),
            ("@2024-02-29T23:59:59Z", Some(Point::Time(1_709_251_199_000)), None),
            ("@2022-02-14:1h", Some(Point::Time(1_644_796_800_000)), Some(Point::Time(1_644_800_400_000))),
            (
                "@2022-02-14T00:00:00Z:2022-02-15",
                Some(Point::Time(1_644_796_800_000)),
                Some(Point::Time(1_644_883_200_000)),
            ),
            ("@-48h:-24h", Some(hours(48)), Some(hours(24))),
            ("@-48h:1h", Some(hours(48)), Some(hours(47))),
            ("@-1h:end", Some(hours(1)), Some(Point::End)),
            ("@:-1h", Some(Point::Beginning), Some(hours(1))),
            ("stored", Some(Point::Stored), None),
        ] {
            assert_eq!(text.parse(), Ok(Range { from, to }), "{text}");
        }
        let both = "s@1".parse::<Range>().unwrap().or("e@2".parse().unwrap());
        assert_eq!(both, Range { from: Some(Point::Time(1)), to: Some(Point::Time(2)) });
    }

    #[test]
    fn what_is_no_offset_is_refused_with_the_forms() {
        for text in ["", "x", "--1", "+-1", "@", "@-", "@-1", "@-1w", "1:2:3", "1.5", "é", "99999999999999999999"] {
            let error = text.parse::<Range>().unwrap_err();
            assert!(error.contains("@MILLISECONDS"), "{text}: {error}");
        }
    }
}
