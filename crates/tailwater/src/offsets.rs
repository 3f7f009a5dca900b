//! The offset grammar of `--offset`, as kcat and rpk have it.
//!
//! `FROM` or `FROM:TO`. A point is `beginning` (`start`, `earliest`), `end` (`latest`), `N`, `+N` from the start, `-N`
//! before the end, `@MS` milliseconds since 1970, or `@-AGE` with an age such as `90s`, `15m`, `1h`, `2d`. `TO` is
//! excluded.

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
}

/// Where to read from, and where to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First record.
    pub from: Point,
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
            Point::Time(ms) => reader.offset_at(topic, partition, ms)?,
            Point::Ago(age) => {
                let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
                reader.offset_at(topic, partition, now_ms.saturating_sub(age_ms))?
            }
        })
    }
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let count = |digits: &str| digits.parse::<i64>().ok().filter(|n| *n >= 0).ok_or_else(|| unknown(text));
        match text {
            "beginning" | "start" | "earliest" | "oldest" => return Ok(Point::Beginning),
            "end" | "latest" | "newest" => return Ok(Point::End),
            _ => {}
        }
        if let Some(age) = text.strip_prefix("@-") {
            return age_of(age).map(Point::Ago).ok_or_else(|| unknown(text));
        }
        match text.split_at_checked(1) {
            Some(("@", ms)) => count(ms).map(Point::Time),
            Some(("+", digits)) => count(digits).map(Point::FromStart),
            Some(("-", digits)) => count(digits).map(Point::BeforeEnd),
            _ => count(text).map(Point::At),
        }
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None => Ok(Range { from: text.parse()?, to: None }),
            Some(("", to)) => Ok(Range { from: Point::Beginning, to: Some(to.parse()?) }),
            Some((from, to)) => Ok(Range { from: from.parse()?, to: Some(to.parse()?) }),
        }
    }
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
    format!("'{text}' is no offset; use beginning, end, N, +N, -N, @MILLISECONDS or @-1h, and FROM:TO for a range")
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
            assert_eq!(text.parse(), Ok(Range { from, to }), "{text}");
        }
    }

    #[test]
    fn what_is_no_offset_is_refused_with_the_forms() {
        for text in ["", "x", "--1", "+-1", "@", "@-", "@-1", "@-1w", "1:2:3", "1.5", "é", "99999999999999999999"] {
            let error = text.parse::<Range>().unwrap_err();
            assert!(error.contains("@MILLISECONDS"), "{text}: {error}");
        }
    }
}
