//! Decimals as Groovy counts with them: Java's `BigDecimal`, with up to 38 digits.

use std::cmp::Ordering;

/// A whole number and how many of its digits stand after the point (before it, when negative). As in Java 2.0 does not equal 2.00;
/// see [`Decimal::order`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    unscaled: i128,
    scale: i32,
}

/// How many digits more than its operands' a quotient without end has at first.
const EXTRA_DIGITS: usize = 10;
/// How many digits after the point a quotient without end has at most, if its operands have no more.
const QUOTIENT_SCALE: i32 = 10;

impl Decimal {
    pub(super) fn new(unscaled: i128, scale: i32) -> Decimal {
        Decimal { unscaled, scale }
    }

    /// The value of Connect's `Decimal`: big-endian bytes in two's complement. `None` beyond 38 digits.
    pub(super) fn from_bytes(bytes: &[u8], scale: i32) -> Option<Decimal> {
        let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
        let (fill, start) = if negative { (0xff, -1) } else { (0, 0) };
        let low = bytes.len().saturating_sub(16);
        let (beyond, kept) = bytes.split_at(low);
        let unscaled = kept.iter().fold(start, |number: i128, byte| number << 8 | i128::from(*byte));
        let fits = beyond.iter().all(|byte| *byte == fill) && (unscaled < 0) == negative;
        fits.then_some(Decimal { unscaled, scale })
    }

    /// Digits with a point. `None` beyond 38 digits.
    pub(super) fn parse(text: &str) -> Option<Decimal> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let unscaled = format!("{whole}{fraction}").parse().ok()?;
        Some(Decimal { unscaled, scale: i32::try_from(fraction.len()).ok()? })
    }

    pub(super) fn is_zero(self) -> bool {
        self.unscaled == 0
    }

    /// The nearest double.
    pub(super) fn double(self) -> f64 {
        format!("{}e{}", self.unscaled, -i64::from(self.scale)).parse().unwrap_or(f64::NAN)
    }

    pub(super) fn negated(self) -> Option<Decimal> {
        Some(Decimal { unscaled: self.unscaled.checked_neg()?, ..self })
    }

    pub(super) fn plus(self, other: Decimal) -> Option<Decimal> {
        let (left, right, scale) = self.aligned(other)?;
        Some(Decimal { unscaled: left.checked_add(right)?, scale })
    }

    pub(super) fn minus(self, other: Decimal) -> Option<Decimal> {
        let (left, right, scale) = self.aligned(other)?;
        Some(Decimal { unscaled: left.checked_sub(right)?, scale })
    }

    pub(super) fn times(self, other: Decimal) -> Option<Decimal> {
        let unscaled = self.unscaled.checked_mul(other.unscaled)?;
        Some(Decimal { unscaled, scale: self.scale.checked_add(other.scale)? })
    }

    /// What is left of a division; the divisor is not zero.
    pub(super) fn remainder(self, other: Decimal) -> Option<Decimal> {
        let (left, right, scale) = self.aligned(other)?;
        Some(Decimal { unscaled: left.checked_rem(right)?, scale })
    }

    /// The quotient as Groovy's `/` gives it: exact where it ends, else rounded; the divisor is not zero.
    pub(super) fn divided(self, other: Decimal) -> Option<Decimal> {
        let preferred = self.scale.checked_sub(other.scale)?;
        if self.is_zero() {
            return Some(Decimal { unscaled: 0, scale: preferred });
        }
        let common = gcd(self.unscaled.unsigned_abs(), other.unscaled.unsigned_abs());
        let common = i128::try_from(common).ok()?;
        let sign = other.unscaled.signum();
        let (above, below) =
            ((self.unscaled / common).checked_mul(sign)?, (other.unscaled / common).checked_mul(sign)?);
        let (twos, rest) = factors(below, 2);
        let (fives, rest) = factors(rest, 5);
        if rest == 1 {
            let more = twos.max(fives);
            let unscaled = above.checked_mul(power(more)?)? / below;
            return Some(Decimal { unscaled, scale: preferred.checked_add(i32::try_from(more).ok()?)? });
        }
        let digits = self.digits().max(other.digits()) + EXTRA_DIGITS;
        let rounded = rounded_quotient(above, below, preferred, digits)?;
        rounded.with_at_most(self.scale.max(other.scale).max(QUOTIENT_SCALE))
    }

    /// Rounded half up to so many digits after the point.
    fn with_at_most(self, scale: i32) -> Option<Decimal> {
        let more = self.scale.checked_sub(scale)?;
        match u32::try_from(more) {
            Ok(more) if more > 0 => Some(Decimal { unscaled: half_up(self.unscaled, power(more)?)?, scale }),
            _ => Some(self),
        }
    }

    /// How many digits the whole number has.
    fn digits(self) -> usize {
        self.unscaled.unsigned_abs().checked_ilog10().map_or(1, |log| usize::try_from(log).unwrap_or(0) + 1)
    }

    fn aligned(self, other: Decimal) -> Option<(i128, i128, i32)> {
        let scale = self.scale.max(other.scale);
        let at = |decimal: Decimal| {
            let more = u32::try_from(scale.checked_sub(decimal.scale)?).ok()?;
            if decimal.is_zero() { Some(0) } else { decimal.unscaled.checked_mul(power(more)?) }
        };
        Some((at(self)?, at(other)?, scale))
    }

    pub(super) fn order(self, other: Decimal) -> Ordering {
        let signs = self.unscaled.signum().cmp(&other.unscaled.signum());
        if signs.is_ne() || self.is_zero() {
            return signs;
        }
        // Where the first digit stands, then digit by digit: nothing of it can overflow.
        let first = |decimal: Decimal| decimal.digits() as i64 - i64::from(decimal.scale);
        let text = |decimal: Decimal| {
            let text = decimal.unscaled.unsigned_abs().to_string();
            text.trim_end_matches('0').to_owned()
        };
        let sizes = first(self).cmp(&first(other)).then_with(|| text(self).cmp(&text(other)));
        if self.unscaled < 0 { sizes.reverse() } else { sizes }
    }
}

impl std::fmt::Display for Decimal {
    /// As `BigDecimal.toString`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = tailwater_event::connect::number::decimal_text(&self.unscaled.to_be_bytes(), self.scale);
        f.write_str(text.as_deref().unwrap_or("NaN"))
    }
}

/// `above / below · 10^-scale` with so many digits.
fn rounded_quotient(above: i128, below: i128, scale: i32, digits: usize) -> Option<Decimal> {
    let whole = (above / below).unsigned_abs();
    let mut have = whole.checked_ilog10().map_or(0, |log| i64::from(log) + 1);
    if have == 0 {
        // Zeros behind the point do not count.
        let mut left = above.unsigned_abs();
        while left.checked_mul(10)? < below.unsigned_abs() {
            left *= 10;
            have -= 1;
        }
    }
    let more = i64::try_from(digits).ok()? - have;
    let unscaled = match u32::try_from(more) {
        Ok(more) => half_up(above.checked_mul(power(more)?)?, below)?,
        Err(_) => half_up(above, below.checked_mul(power(u32::try_from(-more).ok()?)?)?)?,
    };
    Some(Decimal { unscaled, scale: scale.checked_add(i32::try_from(more).ok()?)? })
}

fn half_up(above: i128, below: i128) -> Option<i128> {
    let (quotient, rest) = (above.checked_div(below)?, above.checked_rem(below)?);
    let up = rest.unsigned_abs().checked_mul(2)? >= below.unsigned_abs();
    let step = if (above < 0) == (below < 0) { 1 } else { -1 };
    quotient.checked_add(if up { step } else { 0 })
}

fn power(exponent: u32) -> Option<i128> {
    10i128.checked_pow(exponent)
}

/// How often a number can be divided by a factor, and what is left.
fn factors(mut number: i128, factor: i128) -> (u32, i128) {
    let mut times = 0;
    while number % factor == 0 {
        number /= factor;
        times += 1;
    }
    (times, number)
}

fn gcd(mut one: u128, mut other: u128) -> u128 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        match text.strip_prefix('-') {
            Some(text) => Decimal::parse(text).unwrap().negated().unwrap(),
            None => Decimal::parse(text).unwrap(),
        }
    }

    #[test]
    fn quotients_end_where_they_can_and_are_rounded_elsewhere() {
        for (above, below, quotient) in [
            ("10", "2", "5"),
            ("10.50", "2", "5.25"),
            ("1", "8", "0.125"),
            ("1", "3", "0.3333333333"),
            ("-2", "3", "-0.6666666667"),
            ("2", "-3", "-0.6666666667"),
            ("0.01", "3", "0.0033333333"),
            ("0.00001", "3", "0.0000033333"),
            ("1000000", "3", "333333.3333333333"),
            ("22.0", "7", "3.1428571429"),
            ("0.00", "7", "0.00"),
        ] {
            assert_eq!(decimal(above).divided(decimal(below)).unwrap().to_string(), quotient, "{above} / {below}");
        }
        assert!(decimal("1").divided(Decimal::new(i128::MAX, 0)).is_none());
    }

    #[test]
    fn order_needs_no_common_scale() {
        for (one, other, order) in [
            (decimal("1.10"), decimal("1.1"), Ordering::Equal),
            (decimal("-2"), decimal("-1.5"), Ordering::Less),
            (Decimal::new(i128::MAX, 0), Decimal::new(1, 30), Ordering::Greater),
            (Decimal::new(1, -100), Decimal::new(i128::MAX, 0), Ordering::Greater),
            (Decimal::new(0, 50), decimal("0"), Ordering::Equal),
            (decimal("9"), decimal("10"), Ordering::Less),
        ] {
            assert_eq!((one.order(other), other.order(one)), (order, order.reverse()), "{one} {other}");
        }
    }

    #[test]
    fn bytes_are_read_with_their_sign_and_38_digits_are_the_end() {
        assert_eq!(Decimal::from_bytes(&[0x07, 0xcf], 2).unwrap().to_string(), "19.99");
        assert_eq!(Decimal::from_bytes(&[0xff; 20], 0).unwrap().to_string(), "-1");
        assert_eq!(Decimal::from_bytes(&[], 1).unwrap().to_string(), "0.0");
        assert!(
            Decimal::from_bytes(&[0x01; 17], 0).is_none()
                && Decimal::from_bytes(&[&[0], &[0xff; 16][..]].concat(), 0).is_none()
        );
        assert!(Decimal::parse(&"9".repeat(40)).is_none() && Decimal::new(i128::MAX, 0).plus(decimal("1")).is_none());
    }
}
