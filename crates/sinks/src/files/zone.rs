//! Time zones: what a clock on the wall shows there.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// A time zone. Without rules of its own it is UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Zone(Option<TimeZone>);

impl Zone {
    pub(crate) const UTC: Zone = Zone(None);

    /// From a name as Java has them: `Europe/Berlin`, `UTC`, `Z`, `+02:00`, `GMT+2`. `None` when there is no such zone.
    pub(crate) fn parse(name: &str) -> Option<Zone> {
        let name = name.trim();
        if ["", "Z", "UTC", "Etc/UTC", "GMT", "UT"].iter().any(|utc| utc.eq_ignore_ascii_case(name)) {
            return Some(Zone::UTC);
        }
        let after = |before: &str| name.strip_prefix(before).filter(|rest| rest.starts_with(['+', '-']));
        if let Some(offset) = after("UTC").or_else(|| after("GMT")).or_else(|| after("UT")).or_else(|| after("")) {
            return fixed(offset).map(|offset| Zone(Some(TimeZone::fixed(offset))));
        }
        TimeZone::get(name).ok().map(|zone| Zone(Some(zone)))
    }

    /// The milliseconds since 1970 at which a clock of UTC shows what one of this zone shows at `ms`.
    pub(crate) fn local_ms(&self, ms: i64) -> i64 {
        let Some(zone) = &self.0 else { return ms };
        let offset = Timestamp::from_millisecond(ms).map_or(0, |time| zone.to_offset(time).seconds());
        ms.saturating_add(i64::from(offset) * 1000)
    }
}

/// `+2`, `+02`, `+0230` or `+02:30`.
fn fixed(text: &str) -> Option<Offset> {
    let (sign, digits) = text.split_at_checked(1)?;
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() <= 2 => (digits, "0"),
        None => digits.split_at_checked(2)?,
    };
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i32>().ok())?;
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    // Java's largest is 18 hours.
    let seconds = (minutes < 60 && hours * 60 + minutes <= 18 * 60).then_some((hours * 60 + minutes) * 60)?;
    Offset::from_seconds(if sign == "-" { -seconds } else { seconds }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 04:05:06 UTC.
    const MS: i64 = 1_795_233_906_000;
    const HOUR: i64 = 3_600_000;

    #[test]
    fn zones_have_the_names_that_java_takes() {
        for (name, hours) in [
            ("UTC", 0.0),
            ("Z", 0.0),
            ("Asia/Seoul", 9.0),
            ("asia/seoul", 9.0),
            ("America/Los_Angeles", -8.0),
            ("+02:30", 2.5),
            ("GMT-3", -3.0),
            ("UTC+0530", 5.5),
        ] {
            let zone = Zone::parse(name).unwrap();
            assert_eq!(zone.local_ms(MS) - MS, (hours * HOUR as f64) as i64, "{name}");
        }
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        assert_eq!(
            (berlin.local_ms(MS) - MS, berlin.local_ms(MS - 182 * 24 * HOUR) - MS),
            (HOUR, (2 - 182 * 24) * HOUR)
        );
        for name in ["Mars/Olympus", "+25:00", "GMT+", "+1:99", "+a"] {
            assert_eq!(Zone::parse(name), None, "{name}");
        }
    }
}
