//! Numbers for people.

use std::time::Duration;

/// Bytes in the unit that leaves one to three digits before the point.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];
    let mut unit = 0;
    let mut value = count as f64;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 100.0);
    format!("{value:.digits$} {}", UNITS.get(unit).unwrap_or(&"B"))
}

/// A whole number with its thousands apart.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A short time in milliseconds with two digits after the point.
pub fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

/// The time of day, UTC, of milliseconds since 1970.
pub fn time_of_day(timestamp_ms: i64) -> String {
    let day = timestamp_ms.rem_euclid(86_400_000);
    let (hours, minutes) = (day / 3_600_000, day / 60_000 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:03}", day / 1000 % 60, day % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_in_groups() {
        assert_eq!([0, 999, 1500, 123_456, 5_000_000_000].map(bytes), ["0 B", "999 B", "1.5 KB", "123 KB", "5.0 GB"]);
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn the_time_of_day_holds_before_1970_too() {
        assert_eq!(time_of_day(1_700_000_000_123), "22:13:20.123");
        assert_eq!(time_of_day(-1), "23:59:59.999");
    }
}
