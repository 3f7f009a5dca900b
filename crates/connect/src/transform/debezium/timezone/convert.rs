//! One value into the zone.

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::{Offset, TimeZone};
use tailwater_event::connect::{Field, Value};

const DAY_S: i64 = 86_400;

/// What a field's number or text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    /// Text with an offset.
    Zoned,
    /// Text with an offset and without a date.
    Clock,
    /// A time without a zone: so many parts of a second since 1970.
    Local(i64),
    /// A moment of the `source` block: so many parts of a second since 1970.
    Moment(i64),
}

impl Time {
    /// What values of a field are; `None` when they have no zone to be converted to.
    pub(super) fn of(field: &Field, source: bool) -> Option<Time> {
        Some(match field.schema.name.as_deref() {
            Some("io.debezium.time.ZonedTimestamp") => Time::Zoned,
            Some("io.debezium.time.ZonedTime") => Time::Clock,
            Some("io.debezium.time.Timestamp" | "org.apache.kafka.connect.data.Timestamp") => Time::Local(1_000),
            Some("io.debezium.time.MicroTimestamp") => Time::Local(1_000_000),
            Some("io.debezium.time.NanoTimestamp") => Time::Local(1_000_000_000),
            None if source => match &*field.name {
                "ts_ms" => Time::Moment(1_000),
                "ts_us" => Time::Moment(1_000_000),
                "ts_ns" => Time::Moment(1_000_000_000),
                _ => return None,
            },
            _ => return None,
        })
    }
}

/// The zone.
pub(super) struct Converter {
    zone: TimeZone,
    /// Whether text has the offset that the zone has when it is as late there as in the text, as in Debezium.
    strict: bool,
}

impl Converter {
    /// Of a zone's name or an offset; `None` when there is none such.
    pub(super) fn new(name: &str, strict: bool) -> Option<Converter> {
        let zone = match name.as_bytes() {
            [sign @ (b'+' | b'-'), ..] => TimeZone::fixed(offset(*sign, name.get(1..)?)?),
            _ => TimeZone::get(name).ok()?,
        };
        Some(Converter { zone, strict })
    }

    /// Converts a value in its place. What has no moment (infinity, years beyond 9999) stays.
    pub(super) fn convert(&self, time: Time, value: &mut Value) {
        let converted = match (time, &*value) {
            (Time::Zoned, Value::Text(text)) => self.timestamp(text).map(Value::Text),
            (Time::Clock, Value::Text(text)) => self.clock(text).map(Value::Text),
            (Time::Local(parts), Value::Int64(number)) => self.local(*number, parts).map(Value::Int64),
            (Time::Moment(parts), Value::Int64(number)) => self.moment(*number, parts).map(Value::Int64),
            _ => None,
        };
        if let Some(converted) = converted {
            *value = converted;
        }
    }

    fn timestamp(&self, text: &str) -> Option<String> {
        let moment: Timestamp = text.parse().ok()?;
        let offset = if self.strict { self.offset_of_local(moment)? } else { self.zone.to_offset(moment) };
        let local = offset.to_datetime(moment);
        Some(format!("{}T{}{}", local.date(), clock_text(local.time()), offset_text(offset)))
    }

    /// The offset at a moment of UTC as if it were a local time.
    fn offset_of_local(&self, moment: Timestamp) -> Option<Offset> {
        let local = Offset::UTC.to_datetime(moment);
        let there = self.zone.to_ambiguous_timestamp(local).compatible().ok()?;
        Offset::from_seconds(i32::try_from(moment.as_second().checked_sub(there.as_second())?).ok()?).ok()
    }

    /// By the zone's offset of now, as a time without a date has none.
    fn clock(&self, text: &str) -> Option<String> {
        let moment: Timestamp = format!("1970-01-02T{text}").parse().ok()?;
        let offset = self.zone.to_offset(Timestamp::now());
        Some(clock_text(offset.to_datetime(moment).time()) + &offset_text(offset))
    }

    fn local(&self, number: i64, parts: i64) -> Option<i64> {
        let local: civil::DateTime = Offset::UTC.to_datetime(Timestamp::from_second(number.div_euclid(parts)).ok()?);
        let moment = self.zone.to_ambiguous_timestamp(local).compatible().ok()?;
        moment.as_second().checked_mul(parts)?.checked_add(number.rem_euclid(parts))
    }

    fn moment(&self, number: i64, parts: i64) -> Option<i64> {
        let moment = Timestamp::from_second(number.div_euclid(parts)).ok()?;
        number.checked_add(i64::from(self.zone.to_offset(moment).seconds()).checked_mul(parts)?)
    }
}

/// `hh:mm` or `hh:mm:ss`, to 18 hours.
fn offset(sign: u8, text: &str) -> Option<Offset> {
    let parts: Vec<&str> = text.split(':').collect();
    let number = |at: usize, below: i32| -> Option<i32> {
        let part = parts.get(at)?;
        let number = part.parse().ok().filter(|_| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()));
        number.filter(|number| *number < below)
    };
    let second = if parts.len() == 2 { 0 } else { number(2, 60)? };
    let seconds = number(0, 19)? * 3600 + number(1, 60)? * 60 + second;
    let fits = parts.len() <= 3 && i64::from(seconds) <= DAY_S * 3 / 4;
    Offset::from_seconds(if sign == b'-' { -seconds } else { seconds }).ok().filter(|_| fits)
}

/// With as many digits of the second as it has.
fn clock_text(clock: civil::Time) -> String {
    let mut text = format!("{:02}:{:02}:{:02}", clock.hour(), clock.minute(), clock.second());
    if clock.subsec_nanosecond() != 0 {
        let digits = format!("{:09}", clock.subsec_nanosecond());
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
    text
}

fn offset_text(offset: Offset) -> String {
    let seconds = offset.seconds();
    if seconds == 0 {
        return "Z".into();
    }
    let (sign, rest) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs());
    let minutes = format!("{sign}{:02}:{:02}", rest / 3600, rest / 60 % 60);
    if rest % 60 == 0 { minutes } else { format!("{minutes}:{:02}", rest % 60) }
}
