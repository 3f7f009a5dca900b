//! Directories named by time, as the time-based partitioners of Confluent's S3 sink have them.

use tailwater_connector::{Config, Problem};

use super::zone::Zone;

use crate::datetime;

const PARTITIONER: &str = "partitioner.class";
const FORMAT: &str = "path.format";
const DURATION: &str = "partition.duration.ms";
const EXTRACTOR: &str = "timestamp.extractor";

const HOUR_MS: i64 = 3_600_000;
const BY_DAY: &str = "'year'=YYYY/'month'=MM/'day'=dd";
const BY_HOUR: &str = "'year'=YYYY/'month'=MM/'day'=dd/'hour'=HH";

/// How time divides files: each is of one period, and stands in the directory of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Periods {
    pattern: Vec<Part>,
    pub(crate) rule: PeriodRule,
}

/// When a period ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeriodRule {
    /// Milliseconds, counted from midnight in the zone.
    pub(crate) duration_ms: i64,
    /// By the records' times; else by the clock, at the time when the file was begun.
    pub(crate) by_record: bool,
    pub(crate) zone: Zone,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// A unit and its least number of digits; a year of two digits is without its century.
    Unit(Unit, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

impl PeriodRule {
    /// Whether a record belongs into another period than a file's first one.
    pub(crate) fn parts_records(&self, first_ms: i64, record_ms: i64) -> bool {
        self.by_record && self.of(first_ms) != self.of(record_ms)
    }

    /// Whether the clock has left the period in which a file was begun; in microseconds.
    pub(crate) fn is_over(&self, begun_us: i64, now_us: i64) -> bool {
        !self.by_record && self.of(begun_us.div_euclid(1000)) != self.of(now_us.div_euclid(1000))
    }

    fn of(&self, ms: i64) -> i64 {
        self.zone.local_ms(ms).div_euclid(self.duration_ms)
    }
}

impl Periods {
    /// From properties that went through `check`: `None` where files are divided by topic and partition alone.
    pub(crate) fn from_config(config: &Config, zone: &Zone) -> Result<Option<Periods>, Problem> {
        let class = config.text(PARTITIONER).trim();
        let (format, duration_ms) = match class.rsplit('.').next().unwrap_or_default() {
            "" | "DefaultPartitioner" => return Ok(None),
            "DailyPartitioner" => (BY_DAY, 24 * HOUR_MS),
            "HourlyPartitioner" => (BY_HOUR, HOUR_MS),
            "TimeBasedPartitioner" => (config.text(FORMAT), config.integer(DURATION, -1)),
            other => {
                return Err(refused(
                    PARTITIONER,
                    other,
                    "files are divided by topic, partition and time only, not by fields of values",
                    "Use the Default-, TimeBased-, Daily- or HourlyPartitioner.",
                ));
            }
        };
        if duration_ms < 1 {
            return Err(missing(DURATION, "\"3600000\""));
        }
        if format.trim().is_empty() {
            return Err(missing(FORMAT, &format!("\"{BY_HOUR}\"")));
        }
        let extractor = config.text(EXTRACTOR).trim();
        let by_record =
            match extractor.rsplit(['.', '$']).next().unwrap_or_default().trim_end_matches("TimestampExtractor") {
                "" | "Wallclock" => false,
                // Which time a record has is the encoder's to know.
                "Record" | "RecordField" => true,
                _ => {
                    return Err(refused(
                        EXTRACTOR,
                        extractor,
                        "time is that of the clock, of the record or of a field",
                        "Write \"timestamp.extractor\": \"Record\".",
                    ));
                }
            };
        let pattern = parse(format.trim().trim_matches('/')).map_err(|why| {
            Problem::config(
                "PROPERTY_INVALID",
                format!("The '{FORMAT}' value is invalid: {why}"),
                format!("Write a format such as \"{BY_HOUR}\"."),
            )
        })?;
        Ok(Some(Periods { pattern, rule: PeriodRule { duration_ms, by_record, zone: zone.clone() } }))
    }

    /// The directory of a file by the time of its first record and of its beginning.
    pub(crate) fn directory(&self, first_ms: i64, begun_us: i64) -> String {
        let ms = if self.rule.by_record { first_ms } else { begun_us.div_euclid(1000) };
        let ms = self.rule.of(ms).saturating_mul(self.rule.duration_ms);
        let (year, month, day, hour) = datetime::hour(ms.saturating_mul(1000));
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Unit(Unit::Year, 2) => format!("{:02}", year.rem_euclid(100)),
            Part::Unit(unit, digits) => {
                let number = match unit {
                    Unit::Year => year,
                    Unit::Month => month,
                    Unit::Day => day,
                    Unit::Hour => hour,
                    Unit::Minute => ms.div_euclid(60_000).rem_euclid(60),
                    Unit::Second => ms.div_euclid(1000).rem_euclid(60),
                };
                format!("{number:0digits$}")
            }
        };
        self.pattern.iter().map(part).collect()
    }
}

/// Reads a format of Joda's `DateTimeFormat` as far as it is numbers and quoted text; else why it is none.
fn parse(format: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\'' {
            let mut text = String::new();
            loop {
                match chars.next() {
                    Some('\'') => break,
                    Some(c) => text.push(c),
                    None => return Err("a quoted text has no end".into()),
                }
            }
            // Two quotes are one.
            parts.push(Part::Text(if text.is_empty() { "'".to_owned() } else { text }));
        } else if c.is_ascii_alphabetic() {
            let unit = match c {
                'y' | 'Y' => Unit::Year,
                'M' => Unit::Month,
                'd' => Unit::Day,
                'H' => Unit::Hour,
                'm' => Unit::Minute,
                's' => Unit::Second,
                _ => return Err(format!("{c} is none of the letters that are understood: YYYY, MM, dd, HH, mm, ss")),
            };
            let mut digits = 1;
            while chars.next_if_eq(&c).is_some() {
                digits += 1;
            }
            if unit == Unit::Month && digits > 2 {
                return Err("names of months are not supported, only numbers (MM)".into());
            }
            parts.push(Part::Unit(unit, digits));
        } else {
            parts.push(Part::Text(c.to_string()));
        }
    }
    Ok(parts)
}

fn missing(name: &str, example: &str) -> Problem {
    Problem::config(
        "PROPERTY_MISSING",
        format!("The '{name}' value is invalid: the TimeBasedPartitioner needs it"),
        format!("Add \"{name}\": {example}."),
    )
}

fn refused(name: &str, value: &str, why: &str, remedy: &str) -> Problem {
    Problem::config("PROPERTY_REFUSED", format!("'{name}' with {value} is not supported: {why}"), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 04:05:06 UTC.
    const MS: i64 = 1_795_233_906_123;

    fn periods(pairs: &[(&str, &str)]) -> Result<Option<Periods>, Problem> {
        let config = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        Periods::from_config(&config, &Zone::UTC)
    }

    #[test]
    fn directories_are_those_of_confluents_partitioners() {
        let class = |name| ("partitioner.class", name);
        let directory = |pairs: &[(&str, &str)]| periods(pairs).unwrap().unwrap().directory(0, MS * 1000);
        let daily = class("io.confluent.connect.storage.partitioner.DailyPartitioner");
        assert_eq!(directory(&[daily]), "year=2026/month=11/day=21");
        let hourly = class("io.confluent.connect.storage.partitioner.HourlyPartitioner");
        assert_eq!(directory(&[hourly, ("locale", "en")]), "year=2026/month=11/day=21/hour=04");
        let format = "/'dt'=yy-M-d/'it''s'_HHmm";
        let own = [class("x.TimeBasedPartitioner"), ("path.format", format), ("partition.duration.ms", "600000")];
        assert_eq!(directory(&own), "dt=26-11-21/its_0400");
        assert_eq!(periods(&[class("x.DefaultPartitioner")]).unwrap(), None);
    }

    #[test]
    fn directories_have_the_time_of_their_zone() {
        let config = [("partitioner.class".to_owned(), "x.HourlyPartitioner".to_owned())].into_iter().collect();
        let directory = |zone, ms: i64| {
            let periods = Periods::from_config(&config, &Zone::parse(zone).unwrap()).unwrap().unwrap();
            periods.directory(0, ms * 1000)
        };
        assert_eq!(directory("America/Los_Angeles", MS), "year=2026/month=11/day=20/hour=20");
        assert_eq!(directory("Asia/Kolkata", MS), "year=2026/month=11/day=21/hour=09");
        let daily = [("partitioner.class".to_owned(), "x.DailyPartitioner".to_owned())].into_iter().collect();
        let rule = Periods::from_config(&daily, &Zone::parse("Asia/Seoul").unwrap()).unwrap().unwrap().rule;
        assert!(rule.is_over(15 * HOUR_MS * 1000 - 1, 15 * HOUR_MS * 1000) && !rule.is_over(0, 14 * HOUR_MS * 1000));
    }

    #[test]
    fn a_period_ends_by_the_records_or_by_the_clock() {
        let of = |extractor| {
            let class = ("partitioner.class", "x.HourlyPartitioner");
            periods(&[class, ("timestamp.extractor", extractor)]).unwrap().unwrap()
        };
        let clock = of("io.confluent.connect.storage.partitioner.TimeBasedPartitioner$WallclockTimestampExtractor");
        assert!(!clock.rule.parts_records(MS, MS + HOUR_MS) && clock.rule.is_over(MS * 1000, (MS + HOUR_MS) * 1000));
        let record = of("Record");
        assert!(record.rule.parts_records(MS, MS + HOUR_MS) && !record.rule.parts_records(MS, MS + 1000));
        assert!(!record.rule.is_over(MS * 1000, (MS + HOUR_MS) * 1000));
        assert_eq!(record.directory(MS, 0), "year=2026/month=11/day=21/hour=04");
    }

    #[test]
    fn what_is_missing_or_not_understood_says_why() {
        let time = ("partitioner.class", "x.TimeBasedPartitioner");
        let hour = ("partition.duration.ms", "3600000");
        for (pairs, code, word) in [
            (&[time][..], "PROPERTY_MISSING", "'partition.duration.ms'"),
            (&[time, hour], "PROPERTY_MISSING", "'path.format'"),
            (&[time, hour, ("path.format", "yyyy-ww")], "PROPERTY_INVALID", "w is none"),
            (&[time, hour, ("path.format", "MMM")], "PROPERTY_INVALID", "months"),
            (&[time, hour, ("path.format", "'year")], "PROPERTY_INVALID", "no end"),
            (&[time, hour, ("path.format", "HH"), ("timestamp.extractor", "x.Own")], "PROPERTY_REFUSED", "clock"),
            (&[("partitioner.class", "x.FieldPartitioner")], "PROPERTY_REFUSED", "FieldPartitioner"),
        ] {
            let problem = periods(pairs).unwrap_err();
            assert!(problem.code == code && problem.cause.contains(word), "{problem:?}");
        }
    }
}
