//! Bit strings: a boolean for one bit, else little-endian bytes without the high zero bytes (Debezium's `Bits`).

use super::bytes::{decode_base64, push_base64};
use super::{Reason, Written};

/// Appends `true` or `false`. No bit at all, in a `varbit(1)`, is null as in the original.
pub(super) fn push_bit(text: &[u8], out: &mut Vec<u8>) -> Result<Written, Reason> {
    out.extend_from_slice(match text {
        b"1" => b"true",
        b"0" => b"false",
        b"" => return Ok(Written::Null),
        _ => return Err("not one bit"),
    });
    Ok(Written::Value)
}

/// Appends base64 of the bits, the rightmost bit lowest.
pub(super) fn push_bits(text: &[u8], out: &mut Vec<u8>) -> Result<(), Reason> {
    let mut bytes = vec![0u8; text.len().div_ceil(8)];
    for (at, &bit) in text.iter().rev().enumerate() {
        match bit {
            b'0' => {}
            b'1' => bytes[at / 8] |= 1 << (at % 8),
            _ => return Err("not a bit string"),
        }
    }
    let used = bytes.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
    push_base64(&bytes[..used], out);
    Ok(())
}

/// Base64 of bits back to text of `length` bits.
pub(super) fn bits_text(base64: &str, length: u32, out: &mut String) -> Result<(), String> {
    let bytes = decode_base64(base64)?;
    let length = length as usize;
    if bytes.len() > length.div_ceil(8) {
        return Err("more bits than the column has".into());
    }
    for at in (0..length).rev() {
        let set = bytes.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1);
        out.push(if set { '1' } else { '0' });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_little_endian_and_as_short_as_possible() {
        for (text, base64) in [
            ("101", "BQ=="),
            ("000", ""),
            ("101010101111", "rwo="),
            ("1000000000000000000000000000000000000000000000000000000000000001", "AQAAAAAAAIA="),
            ("1010101011", "qwI="),
            ("100000000", "AAE="),
            ("011111111", "/w=="),
        ] {
            let mut out = Vec::new();
            push_bits(text.as_bytes(), &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), format!("\"{base64}\""));
            let mut back = String::new();
            bits_text(base64, text.len() as u32, &mut back).unwrap();
            assert_eq!(back, text);
        }
    }

    #[test]
    fn text_that_is_no_bit_string_is_refused() {
        assert!(push_bits(b"102", &mut Vec::new()).is_err());
        assert!(push_bit(b"10", &mut Vec::new()).is_err());
    }

    #[test]
    fn no_bit_is_null() {
        let mut out = Vec::new();
        assert_eq!(push_bit(b"", &mut out), Ok(Written::Null));
        assert_eq!(push_bit(b"1", &mut out), Ok(Written::Value));
        assert_eq!(out, b"true");
    }
}
