//! `numeric` and `money`: unscaled two's complement bytes, plain text, JSON numbers.

use std::borrow::Cow;

use num_bigint::BigInt;

use super::Reason;
use super::bytes::{decode_base64, push_base64};
use super::number::push_i64;

const WRONG: Reason = "not a numeric";

/// A numeric's text, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numeric<'a> {
    /// `[-]whole[.fraction]`.
    Finite { negative: bool, whole: &'a [u8], fraction: &'a [u8] },
    /// `NaN`.
    NaN,
    /// `Infinity` (`true`) or `-Infinity`.
    Infinity(bool),
}

/// Takes PostgreSQL's text of a numeric apart.
pub(crate) fn parse(text: &[u8]) -> Result<Numeric<'_>, Reason> {
    match text {
        b"NaN" => return Ok(Numeric::NaN),
        b"Infinity" => return Ok(Numeric::Infinity(true)),
        b"-Infinity" => return Ok(Numeric::Infinity(false)),
        _ => {}
    }
    let (negative, digits) = text.strip_prefix(b"-").map_or((false, text), |t| (true, t));
    let (whole, fraction) = match digits.iter().position(|&b| b == b'.') {
        Some(at) => (&digits[..at], &digits[at + 1..]),
        None => (digits, &[][..]),
    };
    let point_without_fraction = digits.len() > whole.len() && fraction.is_empty();
    let leading_zero = whole.len() > 1 && whole.first() == Some(&b'0');
    if whole.is_empty() || point_without_fraction || leading_zero {
        return Err(WRONG);
    }
    if !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
        return Err(WRONG);
    }
    Ok(Numeric::Finite { negative, whole, fraction })
}

/// Appends base64 of the unscaled value at a fixed scale, with quotes.
pub(crate) fn push_unscaled(
    negative: bool,
    whole: &[u8],
    fraction: &[u8],
    scale: i32,
    out: &mut Vec<u8>,
) -> Result<(), Reason> {
    let mut digits = Vec::with_capacity(whole.len() + fraction.len() + 8);
    digits.extend_from_slice(whole);
    digits.extend_from_slice(fraction);
    let have = i32::try_from(fraction.len()).map_err(|_| WRONG)?;
    let missing = scale.checked_sub(have).ok_or(WRONG)?;
    if let Ok(zeros) = usize::try_from(missing) {
        digits.resize(digits.len() + zeros, b'0');
    } else {
        for _ in missing..0 {
            if digits.pop().is_some_and(|d| d != b'0') {
                return Err("the value has more fractional digits than the column's scale");
            }
        }
    }
    push_signed(negative, &digits, out)
}

/// Appends `{"scale":n,"value":"…"}` with trailing zeros of the fraction stripped (VariableScaleDecimal).
pub(super) fn push_variable(negative: bool, whole: &[u8], fraction: &[u8], out: &mut Vec<u8>) -> Result<(), Reason> {
    let kept = fraction.iter().rposition(|&d| d != b'0').map_or(0, |last| last + 1);
    out.extend_from_slice(b"{\"scale\":");
    push_i64(i64::try_from(kept).map_err(|_| WRONG)?, out);
    out.extend_from_slice(b",\"value\":");
    let scale = i32::try_from(kept).map_err(|_| WRONG)?;
    push_unscaled(negative, whole, fraction, scale, out)?;
    out.push(b'}');
    Ok(())
}

/// Appends base64 of a signed integer's shortest big-endian two's complement bytes, with quotes.
fn push_signed(negative: bool, digits: &[u8], out: &mut Vec<u8>) -> Result<(), Reason> {
    let significant = &digits[digits.iter().position(|&d| d != b'0').unwrap_or(digits.len())..];
    if significant.len() <= 38 {
        let mut value: i128 = 0;
        for &digit in significant {
            value = value * 10 + i128::from(digit - b'0');
        }
        let bytes = if negative { -value } else { value }.to_be_bytes();
        let sign = if bytes[0] >= 0x80 { 0xFF } else { 0 };
        let mut start = 0;
        while start < 15 && bytes[start] == sign && (bytes[start + 1] ^ sign) < 0x80 {
            start += 1;
        }
        push_base64(&bytes[start..], out);
    } else {
        let value = BigInt::parse_bytes(significant, 10).ok_or(WRONG)?;
        push_base64(&if negative { -value } else { value }.to_signed_bytes_be(), out);
    }
    Ok(())
}

/// Plain digits with as many of them after the point as the column has, as the server stores them; other text as it is.
pub(super) fn with_scale(text: &str, scale: i32) -> Cow<'_, str> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let wanted = usize::try_from(scale).unwrap_or(0);
    if fraction.len() >= wanted || !digits(whole.trim_start_matches('-')) || !digits(fraction) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{whole}.{fraction:0<wanted$}"))
}

/// A money value's text (`lc_monetary` C: `-$1,234.56`) as plain numeric text with `scale` fractional digits, rounded half up.
pub(crate) fn money_text(text: &[u8], scale: u16) -> Result<Vec<u8>, Reason> {
    const NOT_MONEY: Reason = "not a money value in the C locale";
    let negative = text.contains(&b'-') || text.contains(&b'(');
    let mut digits: i128 = 0;
    let mut fraction: Option<u16> = None;
    if text.len() > 40 || !text.iter().any(u8::is_ascii_digit) {
        return Err(NOT_MONEY);
    }
    for &byte in text {
        match byte {
            b'0'..=b'9' => {
                digits =
                    digits.checked_mul(10).and_then(|d| d.checked_add(i128::from(byte - b'0'))).ok_or(NOT_MONEY)?;
                fraction = fraction.map(|f| f + 1);
            }
            b'.' if fraction.is_none() => fraction = Some(0),
            b'$' | b',' | b' ' | b'-' | b'(' | b')' => {}
            _ => return Err(NOT_MONEY),
        }
    }
    let mut have = fraction.unwrap_or(0);
    while have > scale {
        let round = have == scale + 1 && digits % 10 >= 5;
        digits = digits / 10 + i128::from(round);
        have -= 1;
    }
    let mut plain = digits.to_string().into_bytes();
    plain.resize(plain.len() + usize::from(scale - have), b'0');
    let places = usize::from(scale);
    if places > 0 {
        let leading = (places + 1).saturating_sub(plain.len());
        plain.splice(0..0, std::iter::repeat_n(b'0', leading));
        plain.insert(plain.len() - places, b'.');
    }
    if negative && plain.iter().any(|b| matches!(b, b'1'..=b'9')) {
        plain.insert(0, b'-');
    }
    Ok(plain)
}

/// Plain numeric text with commas and currency sign, as PostgreSQL prints money in the C locale.
pub(super) fn postgres_money(plain: &str, out: &mut String) {
    let (negative, digits) = plain.strip_prefix('-').map_or((false, plain), |t| (true, t));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    out.push_str(if negative { "-$" } else { "$" });
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out.push('.');
    out.push_str(fraction);
    out.extend(std::iter::repeat_n('0', 2usize.saturating_sub(fraction.len())));
}

/// Base64 of an unscaled value back to plain text with `scale` fractional digits.
pub(super) fn unscaled_text(base64: &str, scale: i32, out: &mut String) -> Result<(), String> {
    let bytes = decode_base64(base64)?;
    if bytes.is_empty() || bytes.len() > 100_000 || scale.unsigned_abs() > 100_000 {
        return Err("a decimal out of range".into());
    }
    let value = BigInt::from_signed_bytes_be(&bytes);
    let mut digits = value.magnitude().to_string();
    if value.sign() == num_bigint::Sign::Minus {
        out.push('-');
    }
    match usize::try_from(scale) {
        Ok(0) => out.push_str(&digits),
        Ok(places) => {
            if digits.len() <= places {
                digits.insert_str(0, &"0".repeat(places + 1 - digits.len()));
            }
            let (whole, fraction) = digits.split_at(digits.len() - places);
            out.push_str(whole);
            out.push('.');
            out.push_str(fraction);
        }
        Err(_) if digits == "0" => out.push('0'),
        Err(_) => {
            out.push_str(&digits);
            out.push_str(&"0".repeat(scale.unsigned_abs() as usize));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finite(text: &str) -> (bool, &[u8], &[u8]) {
        match parse(text.as_bytes()).unwrap() {
            Numeric::Finite { negative, whole, fraction } => (negative, whole, fraction),
            special => unreachable!("{special:?}"),
        }
    }

    fn fixed(text: &str, scale: i32) -> String {
        let (negative, whole, fraction) = finite(text);
        let mut out = Vec::new();
        push_unscaled(negative, whole, fraction, scale, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn variable(text: &str) -> String {
        let (negative, whole, fraction) = finite(text);
        let mut out = Vec::new();
        push_variable(negative, whole, fraction, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn unscaled_bytes_are_those_of_the_recorded_cases() {
        for (text, scale, base64) in [
            ("123.45", 2, "MDk="),
            ("-0.01", 2, "/w=="),
            ("0.00", 2, "AA=="),
            ("999.99", 2, "AYaf"),
            ("-999.99", 2, "/nlh"),
            ("1.28", 2, "AIA="),
            ("127", 0, "fw=="),
            ("-128", 0, "gA=="),
            ("9999999999", 0, "AlQL4/8="),
            ("1234567890123456789012345678.0123456789", 10, "CUmw9vACMxPESZBOzGdFFQ=="),
            ("-99999999.9999", 4, "/xcrWvAB"),
            ("12300", -2, "ew=="),
        ] {
            assert_eq!(fixed(text, scale), format!("\"{base64}\""), "{text}");
            let mut back = String::new();
            unscaled_text(base64, scale, &mut back).unwrap();
            assert_eq!(back, text);
        }
    }

    #[test]
    fn variable_scale_strips_trailing_zeros_of_the_fraction_only() {
        for (text, json) in [
            ("12345.678900", r#"{"scale":4,"value":"B1vNFQ=="}"#),
            ("0.000", r#"{"scale":0,"value":"AA=="}"#),
            ("1000000000000000000000000000000", r#"{"scale":0,"value":"DJ8snNBGdO3qQAAAAA=="}"#),
            ("-0.00000000000000000001", r#"{"scale":20,"value":"/w=="}"#),
            ("123456789012345678901234567890.123456789", r#"{"scale":9,"value":"XODppWAV/sWq36MorjmBFQ=="}"#),
            ("1.10", r#"{"scale":1,"value":"Cw=="}"#),
            ("-7", r#"{"scale":0,"value":"+Q=="}"#),
        ] {
            assert_eq!(variable(text), json);
        }
    }

    #[test]
    fn money_loses_its_signs_and_keeps_its_scale() {
        for (text, scale, plain) in [
            ("$1,234.56", 2, "1234.56"),
            ("-$5.00", 2, "-5.00"),
            ("$0.00", 2, "0.00"),
            ("-$92,233,720,368,547,758.08", 2, "-92233720368547758.08"),
            ("$1.25", 1, "1.3"),
            ("$1.25", 0, "1"),
            ("$1.25", 4, "1.2500"),
        ] {
            assert_eq!(String::from_utf8(money_text(text.as_bytes(), scale).unwrap()).unwrap(), plain);
        }
        let mut out = String::new();
        postgres_money("-92233720368547758.08", &mut out);
        assert_eq!(out, "-$92,233,720,368,547,758.08");
    }

    #[test]
    fn text_that_is_no_number_is_refused() {
        for text in ["", "-", ".", "1.", ".5", "01", "1e3", "1,0", "nan", "--1", "1.2.3"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(money_text(b"", 2).is_err());
        assert!(money_text("€5".as_bytes(), 2).is_err());
    }

    #[test]
    fn a_default_gets_the_digits_of_its_column() {
        for (text, scale, want) in [("12.5", 3, "12.500"), ("0", 2, "0.00"), ("-1", 1, "-1.0"), ("1.25", 2, "1.25")] {
            assert_eq!(with_scale(text, scale), want);
        }
        assert_eq!(with_scale("1e3", 2), "1e3");
        assert_eq!(with_scale("NaN", 2), "NaN");
    }
}
