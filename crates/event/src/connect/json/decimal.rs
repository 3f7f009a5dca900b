//! Connect's Decimal: unscaled big-endian bytes, and numbers as Java's `BigDecimal` prints and reads them.

use num_bigint::BigInt;

use crate::connect::Schema;
use crate::debezium::value::number::push_i64;

/// More digits than PostgreSQL's `numeric` can have.
const MAX_DIGITS: usize = 150_000;
/// What so many digits need.
const MAX_BYTES: usize = 65_536;
const WRONG: &str = "not a decimal number";
const WIDE: &str = "a decimal with more digits than any numeric has";

/// The scale of a Decimal's schema.
pub(crate) fn scale(schema: &Schema) -> Result<i32, &'static str> {
    schema.parameter("scale").and_then(|scale| scale.parse().ok()).ok_or("a Decimal whose schema has no scale")
}

/// Appends a decimal as `BigDecimal.toString()` gives it.
pub(crate) fn push_decimal(unscaled: &[u8], scale: i32, out: &mut Vec<u8>) -> Result<(), &'static str> {
    if unscaled.len() > MAX_BYTES || scale.unsigned_abs() as usize > MAX_DIGITS {
        return Err(WIDE);
    }
    let text = BigInt::from_signed_bytes_be(unscaled).to_string();
    let (negative, digits) = text.strip_prefix('-').map_or((false, &*text), |digits| (true, digits));
    if negative {
        out.push(b'-');
    }
    let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let (scale, power) = (i64::from(scale), count - 1 - i64::from(scale));
    if scale == 0 {
        out.extend_from_slice(digits.as_bytes());
    } else if scale > 0 && power >= -6 {
        let whole = usize::try_from(count - scale).unwrap_or(0);
        let (head, tail) = digits.split_at(whole);
        out.extend_from_slice(if head.is_empty() { b"0" } else { head.as_bytes() });
        out.push(b'.');
        out.resize(out.len() + usize::try_from(scale - count).unwrap_or(0), b'0');
        out.extend_from_slice(tail.as_bytes());
    } else {
        let (first, rest) = digits.split_at(1);
        out.extend_from_slice(first.as_bytes());
        if !rest.is_empty() {
            out.push(b'.');
            out.extend_from_slice(rest.as_bytes());
        }
        if power != 0 {
            out.extend_from_slice(if power > 0 { b"E+" } else { b"E" });
            push_i64(power, out);
        }
    }
    Ok(())
}

/// The unscaled bytes of a JSON number at a scale; digits beyond the scale must be zeros.
pub(crate) fn unscaled(number: &str, scale: i32) -> Result<Vec<u8>, &'static str> {
    let (mantissa, power) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.len() + fraction.len() > MAX_DIGITS {
        return Err(WIDE);
    }
    let power: i32 = power.strip_prefix('+').unwrap_or(power).parse().map_err(|_| WIDE)?;
    let have = i64::try_from(fraction.len()).map_err(|_| WIDE)? - i64::from(power);
    let mut digits = format!("{whole}{fraction}");
    let zero = digits.bytes().all(|byte| matches!(byte, b'0' | b'-'));
    match usize::try_from(i64::from(scale) - have) {
        _ if zero => {}
        Ok(missing) if missing <= MAX_DIGITS => digits.extend(std::iter::repeat_n('0', missing)),
        Ok(_) => return Err(WIDE),
        Err(_) => {
            for _ in i64::from(scale)..have {
                if digits.pop() != Some('0') {
                    return Err("a decimal with more fractional digits than its schema's scale");
                }
            }
        }
    }
    Ok(digits.parse::<BigInt>().map_err(|_| WRONG)?.to_signed_bytes_be())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_look_as_java_prints_them() {
        for (number, scale, text) in [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (-150, 2, "-1.50"),
            (5, 6, "0.000005"),
            (5, 7, "5E-7"),
            (123, 9, "1.23E-7"),
            (12, -2, "1.2E+3"),
            (1, -1, "1E+1"),
            (-7, 1, "-0.7"),
        ] {
            let mut out = Vec::new();
            push_decimal(&BigInt::from(number).to_signed_bytes_be(), scale, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), text);
            assert_eq!(unscaled(text, scale).unwrap(), BigInt::from(number).to_signed_bytes_be(), "{text}");
        }
    }

    #[test]
    fn digits_are_never_cut_and_wide_numbers_cost_nothing() {
        assert!(unscaled("1.25", 1).is_err() && unscaled("1.20", 1).is_ok());
        assert!(unscaled("1e999999999", 0).is_err() && unscaled("1e-99999999999", 0).is_err());
        assert_eq!(unscaled("0e999999999", 3).unwrap(), [0]);
        assert!(unscaled("1", i32::MAX).is_err() && unscaled("1e2", i32::MIN).is_err());
    }
}
