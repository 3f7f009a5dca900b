//! Moments as text, in UTC.

const DAY_US: i64 = 86_400_000_000;
const DAY_MS: i64 = 86_400_000;

/// A moment in microseconds since 1970 as `2026-11-21 04:05:06.123456`: always six digits, so that text order is time
/// order.
pub(crate) fn text(us: i64) -> String {
    let (year, month, day) = civil(us.div_euclid(DAY_US));
    let rest = us.rem_euclid(DAY_US);
    let (seconds, micros) = (rest / 1_000_000, rest % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}")
}

/// A moment in milliseconds since 1970 as ISO 8601 has it, as Java's `ISO_INSTANT` writes it: `2026-11-21T04:05:06.123Z`,
/// without a fraction where it is zero, and with a sign before years of more than four digits. Clients set any time.
pub(crate) fn instant(ms: i64) -> String {
    let (year, month, day) = civil(ms.div_euclid(DAY_MS));
    let sign = match year {
        10_000.. => "+",
        ..0 => "-",
        _ => "",
    };
    let (seconds, millis) = (ms.rem_euclid(DAY_MS) / 1000, ms.rem_euclid(1000));
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = if millis == 0 { String::new() } else { format!(".{millis:03}") };
    format!("{sign}{:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z", year.unsigned_abs())
}

/// Year, month, day and hour of a moment in microseconds since 1970.
pub(crate) fn hour(us: i64) -> (i64, i64, i64, i64) {
    let (year, month, day) = civil(us.div_euclid(DAY_US));
    (year, month, day, us.rem_euclid(DAY_US) / 3_600_000_000)
}

/// Year, month and day of a day number (0 is 1970-01-01) in the Gregorian calendar. Years are counted from 1 March, so
/// that the leap day is the last; 400 years have 146,097 days.
fn civil(day: i64) -> (i64, i64, i64) {
    let from_march_0000 = day + 719_468;
    let era = from_march_0000.div_euclid(146_097);
    let day_of_era = from_march_0000.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_postgresql_writes_them() {
        for (us, expected) in [
            (0, "1970-01-01 00:00:00.000000"),
            (-1, "1969-12-31 23:59:59.999999"),
            (951_782_400_000_000, "2000-02-29 00:00:00.000000"),
            (1_795_233_906_123_456, "2026-11-21 04:05:06.123456"),
            (4_107_542_399_999_999, "2100-02-28 23:59:59.999999"),
            (4_107_542_400_000_000, "2100-03-01 00:00:00.000000"),
        ] {
            assert_eq!(text(us), expected);
        }
    }

    #[test]
    fn instants_read_as_java_writes_them() {
        assert_eq!(instant(1_795_233_906_123), "2026-11-21T04:05:06.123Z");
        assert_eq!(instant(1_795_233_906_000), "2026-11-21T04:05:06Z");
        assert_eq!(instant(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(instant(253_402_300_800_000), "+10000-01-01T00:00:00Z");
        assert_eq!(instant(-62_167_219_200_001), "-0001-12-31T23:59:59.999Z");
        assert_eq!(instant(i64::MAX), "+292278994-08-17T07:12:55.807Z");
        assert_eq!(instant(i64::MIN), "-292275055-05-16T16:47:04.192Z");
        assert_eq!(hour(1_795_233_906_123_456), (2026, 11, 21, 4));
    }

    #[test]
    fn every_day_of_two_eras_follows_the_one_before() {
        let length = |year: i64, month: i64| match month {
            4 | 6 | 9 | 11 => 30,
            2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
            2 => 28,
            _ => 31,
        };
        let mut before = civil(-146_098);
        for day in -146_097..146_097 {
            let (year, month, last) = before;
            let expected = if last < length(year, month) {
                (year, month, last + 1)
            } else if month < 12 {
                (year, month + 1, 1)
            } else {
                (year + 1, 1, 1)
            };
            before = civil(day);
            assert_eq!(before, expected, "day {day}");
        }
    }
}
