//! Numbers in text, as Java's `BigDecimal` reads them, and their narrowing as Java's casts do it.

/// A number as text: digits, and how many of them stand after the point (before it, when negative).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Number {
    text: String,
    negative: bool,
    digits: String,
    scale: i32,
}

impl Number {
    /// Reads `[+-]digits[.digits][e±digits]`; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Number> {
        let (mantissa, power) = match text.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let unsigned = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let scale = i32::try_from(fraction.len()).ok()?.checked_sub(power)?;
        let text = text.strip_prefix('+').unwrap_or(text).to_owned();
        Some(Number { text, negative: mantissa.starts_with('-'), digits, scale })
    }

    /// As it was written, without a plus.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// `BigDecimal.scale`.
    pub(super) fn scale(&self) -> i32 {
        self.scale
    }

    /// `longValue`: the fraction cut off, the low 64 bits of what is left.
    pub(super) fn long(&self) -> i64 {
        let kept = self.digits.len().saturating_sub(usize::try_from(self.scale).unwrap_or(0));
        // From 64 zeros on, the low 64 bits are zero.
        let zeros = usize::try_from(self.scale.saturating_neg().clamp(0, 64)).unwrap_or(0);
        let digits = self.digits.bytes().take(kept).map(|digit| u64::from(digit - b'0'));
        let low = digits
            .chain(std::iter::repeat_n(0, zeros))
            .fold(0u64, |low, digit| low.wrapping_mul(10).wrapping_add(digit))
            .cast_signed();
        if self.negative { low.wrapping_neg() } else { low }
    }

    /// `longValueExact`: `None` when there is a fraction other than zeros, or more than 64 bits.
    pub(super) fn long_exact(&self) -> Option<i64> {
        let digits = self.digits.trim_start_matches('0');
        let significant = digits.trim_end_matches('0');
        if significant.is_empty() {
            return Some(0);
        }
        let zeros = i64::try_from(digits.len() - significant.len()).ok()? - i64::from(self.scale);
        let zeros = usize::try_from(zeros).ok().filter(|zeros| zeros + significant.len() <= 19)?;
        format!("{}{significant}{}", if self.negative { "-" } else { "" }, "0".repeat(zeros)).parse().ok()
    }

    /// `doubleValue`.
    pub(super) fn double(&self) -> f64 {
        self.text.parse().unwrap_or(f64::NAN)
    }

    /// `floatValue`.
    pub(super) fn float(&self) -> f32 {
        self.text.parse().unwrap_or(f32::NAN)
    }
}

/// `Double.parseDouble` on text without hexadecimal digits: spaces around and a final `d` or `f` are allowed.
pub(super) fn parse_double(text: &str) -> Option<f64> {
    float_text(text)?.parse().ok()
}

/// `Float.parseFloat`, as [`parse_double`].
pub(super) fn parse_float(text: &str) -> Option<f32> {
    float_text(text)?.parse().ok()
}

/// The text as Rust reads it.
fn float_text(text: &str) -> Option<&str> {
    let text = text.trim_matches(|c: char| c <= ' ');
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, "NaN" | "Infinity") {
        return Some(text);
    }
    let number = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    Number::parse(number).map(|_| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longs_are_cut_and_wrapped_as_in_java() {
        for (text, long, exact) in [
            ("5.7", 5, None),
            ("-5.70e1", -57, Some(-57)),
            ("1.0", 1, Some(1)),
            ("99999999999999999999", 7_766_279_631_452_241_919, None),
            ("1e400", 0, None),
            ("0e999", 0, Some(0)),
            (".05", 0, None),
            ("9223372036854775807", i64::MAX, Some(i64::MAX)),
            ("-9223372036854775808", i64::MIN, Some(i64::MIN)),
        ] {
            let number = Number::parse(text).unwrap();
            assert_eq!((number.long(), number.long_exact()), (long, exact), "{text}");
        }
        for text in ["", "-", ".", "1e", "0x1", "1_0", "inf", "1.2.3", "e5", "NaN"] {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }

    #[test]
    fn floats_are_read_as_in_java() {
        assert_eq!((parse_double(" 1.5d "), parse_double("-Infinity")), (Some(1.5), Some(f64::NEG_INFINITY)));
        assert_eq!((parse_double("inf"), parse_float("nan"), parse_float("1e3f")), (None, None, Some(1000.0)));
    }
}
