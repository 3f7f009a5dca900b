//! Integers and floating-point numbers.

use super::Reason;

/// Appends an integer between `min` and `max`; PostgreSQL's text is JSON's already.
pub(crate) fn push_integer(text: &[u8], min: i64, max: i64, out: &mut Vec<u8>) -> Result<(), Reason> {
    const WRONG: Reason = "not an integer of the column's type";
    let (negative, digits) = match text.split_first() {
        Some((b'-', digits)) => (true, digits),
        _ => (false, text),
    };
    let canonical = match digits {
        [b'0'] => !negative,
        [b'1'..=b'9', ..] => digits.len() <= 19,
        _ => false,
    };
    if !canonical {
        return Err(WRONG);
    }
    let mut value: i128 = 0;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return Err(WRONG);
        }
        value = value * 10 + i128::from(digit - b'0');
    }
    let value = if negative { -value } else { value };
    if value < i128::from(min) || value > i128::from(max) {
        return Err(WRONG);
    }
    out.extend_from_slice(text);
    Ok(())
}

/// Appends a 64-bit integer.
pub(crate) fn push_i64(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Reads a `double precision` in PostgreSQL's text form.
pub(crate) fn parse_f64(text: &[u8]) -> Result<f64, Reason> {
    ascii(text)?.parse().map_err(|_| "not a floating-point number")
}

/// Reads a `real` in PostgreSQL's text form.
pub(crate) fn parse_f32(text: &[u8]) -> Result<f32, Reason> {
    ascii(text)?.parse().map_err(|_| "not a floating-point number")
}

fn ascii(text: &[u8]) -> Result<&str, Reason> {
    std::str::from_utf8(text).map_err(|_| "not a floating-point number")
}

/// Appends a double as Java prints it; what is not finite becomes a JSON string, as in Connect's converter.
pub(crate) fn push_f64(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        push_java(ryu::Buffer::new().format_finite(value), out);
    } else {
        push_special(value.is_nan(), value > 0.0, out);
    }
}

/// As [`push_f64`] with the digits that tell one `f32` from its neighbours.
pub(crate) fn push_f32(value: f32, out: &mut Vec<u8>) {
    if value.abs() == f32::MIN_POSITIVE {
        // Java up to 18 takes the gap below the smallest normal float for narrower than it is, and writes a digit more.
        out.extend_from_slice(if value > 0.0 { b"1.17549435E-38" } else { b"-1.17549435E-38" });
    } else if value.is_finite() {
        push_java(ryu::Buffer::new().format_finite(value), out);
    } else {
        push_special(value.is_nan(), value > 0.0, out);
    }
}

fn push_special(nan: bool, positive: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(match (nan, positive) {
        (true, _) => b"\"NaN\"",
        (_, true) => b"\"Infinity\"",
        _ => b"\"-Infinity\"",
    });
}

/// The significant digits and decimal exponent of a shortest form: `value = 0.DIGITS × 10^exponent`.
struct Shortest {
    negative: bool,
    digits: [u8; 24],
    len: usize,
    exponent: i32,
}

impl Shortest {
    fn of(text: &str) -> Shortest {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |t| (true, t));
        let (mantissa, power) = text.split_once('e').unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut shortest = Shortest { negative, digits: [b'0'; 24], len: 0, exponent: power.parse().unwrap_or(0) };
        shortest.exponent += i32::try_from(whole.len()).unwrap_or(0);
        for &digit in whole.as_bytes().iter().chain(fraction.as_bytes()) {
            if shortest.len == 0 && digit == b'0' {
                shortest.exponent -= 1;
            } else if let Some(place) = shortest.digits.get_mut(shortest.len) {
                *place = digit;
                shortest.len += 1;
            }
        }
        while shortest.len > 0 && shortest.digits[shortest.len - 1] == b'0' {
            shortest.len -= 1;
        }
        shortest
    }

    fn digits(&self) -> &[u8] {
        &self.digits[..self.len]
    }
}

/// Java's `Double.toString`: plain from 10^-3 to 10^7, else one digit, a point, the rest and `E`.
fn push_java(shortest: &str, out: &mut Vec<u8>) {
    let number = Shortest::of(shortest);
    if number.negative {
        out.push(b'-');
    }
    if number.len == 0 {
        out.extend_from_slice(b"0.0");
    } else if (-2..=7).contains(&number.exponent) {
        push_plain(&number, out);
    } else {
        let (first, rest) = number.digits().split_at(1);
        out.extend_from_slice(first);
        out.push(b'.');
        out.extend_from_slice(if rest.is_empty() { b"0" } else { rest });
        out.push(b'E');
        push_i64(i64::from(number.exponent) - 1, out);
    }
}

fn push_plain(number: &Shortest, out: &mut Vec<u8>) {
    let digits = number.digits();
    match usize::try_from(number.exponent) {
        Ok(whole) if whole > 0 => {
            let (head, tail) = digits.split_at(whole.min(digits.len()));
            out.extend_from_slice(head);
            out.resize(out.len() + (whole - head.len()), b'0');
            out.push(b'.');
            out.extend_from_slice(if tail.is_empty() { b"0" } else { tail });
        }
        _ => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + number.exponent.unsigned_abs() as usize, b'0');
            out.extend_from_slice(digits);
        }
    }
}

/// A double in PostgreSQL's text form (`extra_float_digits` = 1 or more): plain for exponents from -4 to below 15.
pub(super) fn postgres_f64(value: f64, out: &mut String) {
    if value.is_finite() {
        postgres_text(ryu::Buffer::new().format_finite(value), 15, out);
    } else {
        postgres_special(value.is_nan(), value > 0.0, out);
    }
}

/// A real in PostgreSQL's text form: plain for exponents from -4 to below 6.
pub(super) fn postgres_f32(value: f32, out: &mut String) {
    if value.is_finite() {
        postgres_text(ryu::Buffer::new().format_finite(value), 6, out);
    } else {
        postgres_special(value.is_nan(), value > 0.0, out);
    }
}

fn postgres_special(nan: bool, positive: bool, out: &mut String) {
    out.push_str(match (nan, positive) {
        (true, _) => "NaN",
        (_, true) => "Infinity",
        _ => "-Infinity",
    });
}

fn postgres_text(shortest: &str, plain_below: i32, out: &mut String) {
    let number = Shortest::of(shortest);
    let digits = std::str::from_utf8(number.digits()).unwrap_or("0");
    if number.negative {
        out.push('-');
    }
    let power = number.exponent - 1;
    if number.len == 0 {
        out.push('0');
    } else if (0..plain_below).contains(&power) {
        let whole = number.exponent.unsigned_abs() as usize;
        if digits.len() <= whole {
            out.push_str(digits);
            out.extend(std::iter::repeat_n('0', whole - digits.len()));
        } else {
            let (head, tail) = digits.split_at(whole);
            out.push_str(head);
            out.push('.');
            out.push_str(tail);
        }
    } else if (-4..0).contains(&power) {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', number.exponent.unsigned_abs() as usize));
        out.push_str(digits);
    } else {
        let (first, rest) = digits.split_at(1);
        out.push_str(first);
        if !rest.is_empty() {
            out.push('.');
            out.push_str(rest);
        }
        out.push_str(&format!("e{}{:02}", if power < 0 { '-' } else { '+' }, power.abs()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json64(text: &str) -> String {
        let mut out = Vec::new();
        push_f64(parse_f64(text.as_bytes()).unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_look_as_java_prints_them() {
        for (text, java) in [
            ("0", "0.0"),
            ("-0", "-0.0"),
            ("1", "1.0"),
            ("100", "100.0"),
            ("2.718281828459045", "2.718281828459045"),
            ("1e+21", "1.0E21"),
            ("10000000000", "1.0E10"),
            ("1234567", "1234567.0"),
            ("12345678", "1.2345678E7"),
            ("0.001", "0.001"),
            ("0.000123", "1.23E-4"),
            ("1.7976931348623157e+308", "1.7976931348623157E308"),
            ("5e-324", "5.0E-324"),
            ("NaN", "\"NaN\""),
            ("Infinity", "\"Infinity\""),
            ("-Infinity", "\"-Infinity\""),
        ] {
            assert_eq!(json64(text), java);
        }
    }

    #[test]
    fn the_smallest_normal_float_has_the_digit_java_gives_it() {
        let mut out = Vec::new();
        push_f32(-f32::MIN_POSITIVE, &mut out);
        assert_eq!(out, b"-1.17549435E-38");
    }

    #[test]
    fn floats_return_to_the_text_of_postgres() {
        for text in ["0", "-0", "1", "1e+15", "100000000000000", "0.0001", "1e-05", "1.5", "-2.25e-10", "NaN", "5e-324"]
        {
            let mut out = String::new();
            postgres_f64(parse_f64(text.as_bytes()).unwrap(), &mut out);
            assert_eq!(out, text);
        }
        for text in ["1e+06", "123456.79", "1.6777216e+07", "1.1754944e-38", "3.4028235e+38", "0.33333334"] {
            let mut out = String::new();
            postgres_f32(parse_f32(text.as_bytes()).unwrap(), &mut out);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn integers_beyond_their_type_are_refused() {
        let fits = |text: &str, min, max| push_integer(text.as_bytes(), min, max, &mut Vec::new()).is_ok();
        assert!(fits("9223372036854775807", i64::MIN, i64::MAX));
        assert!(fits("-9223372036854775808", i64::MIN, i64::MAX));
        assert!(!fits("9223372036854775808", i64::MIN, i64::MAX));
        assert!(!fits("32768", -32768, 32767));
        for text in ["", "-", "+1", "01", "-0", "1.0", " 1", "1e3", "99999999999999999999999"] {
            assert!(!fits(text, i64::MIN, i64::MAX), "{text}");
        }
    }
}
