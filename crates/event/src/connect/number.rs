//! Numbers as Java prints and reads them, for transforms that make text of numbers and numbers of text.

use super::json::decimal;
use crate::debezium::value::number::{push_f32, push_f64};

/// A double as `Double.toString` prints it.
pub fn double_text(value: f64) -> String {
    printed(|out| push_f64(value, out))
}

/// A float as `Float.toString` prints it.
pub fn float_text(value: f32) -> String {
    printed(|out| push_f32(value, out))
}

/// A Decimal's unscaled big-endian bytes as `BigDecimal.toString` prints the number. An error when it has more digits than any
/// numeric.
pub fn decimal_text(unscaled: &[u8], scale: i32) -> Result<String, &'static str> {
    let mut out = Vec::new();
    decimal::push_decimal(unscaled, scale, &mut out)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// The unscaled big-endian bytes of a number's text at a scale. An error when it is no number, or has more digits after the
/// point than the scale.
pub fn decimal_bytes(text: &str, scale: i32) -> Result<Vec<u8>, &'static str> {
    decimal::unscaled(text, scale)
}

/// The text without the quotes that JSON puts around what is not finite.
fn printed(push: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    push(&mut out);
    String::from_utf8_lossy(&out).trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_as_in_java() {
        assert_eq!((double_text(1e10), double_text(f64::NAN)), ("1.0E10".into(), "NaN".into()));
        assert_eq!((float_text(0.1), float_text(f32::NEG_INFINITY)), ("0.1".into(), "-Infinity".into()));
        assert_eq!(decimal_text(&decimal_bytes("-12.5", 2).unwrap(), 2).unwrap(), "-12.50");
        assert!(decimal_bytes("1.25", 1).is_err() && decimal_bytes("x", 0).is_err());
    }
}
