//! `bytea` and everything that travels as base64 or hexadecimal text.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::Reason;

/// Appends standard base64 with padding, with quotes.
pub(crate) fn push_base64(bytes: &[u8], out: &mut Vec<u8>) {
    push_encoded(&STANDARD, bytes, out);
}

/// Appends base64 with the alphabet for URLs and padding, with quotes.
pub(super) fn push_base64_url(bytes: &[u8], out: &mut Vec<u8>) {
    push_encoded(&URL_SAFE, bytes, out);
}

fn push_encoded(engine: &impl Engine, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let written = engine.encode_slice(bytes, &mut out[start..]).unwrap_or(0);
    out.truncate(start + written);
    out.push(b'"');
}

/// Appends lower-case hexadecimal text, with quotes.
pub(super) fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in bytes {
        out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
    out.push(b'"');
}

/// Bytes of `bytea_output=hex` text.
pub(crate) fn parse_bytea(text: &[u8]) -> Result<Vec<u8>, Reason> {
    parse_hex(text.strip_prefix(b"\\x").ok_or("bytea is not in hex form")?)
}

/// Bytes of hexadecimal digits.
pub(super) fn parse_hex(digits: &[u8]) -> Result<Vec<u8>, Reason> {
    let digit = |byte: u8| char::from(byte).to_digit(16).ok_or("not hexadecimal digits");
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return Err("an odd number of hexadecimal digits");
    }
    let mut bytes = Vec::with_capacity(pairs.len());
    for [high, low] in pairs {
        bytes.push((digit(*high)? << 4 | digit(*low)?) as u8);
    }
    Ok(bytes)
}

/// Bytes of standard base64.
pub(crate) fn decode_base64(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|_| "not base64".into())
}

/// Bytes of base64 for URLs.
pub(crate) fn decode_base64_url(text: &str) -> Result<Vec<u8>, String> {
    URL_SAFE.decode(text).map_err(|_| "not base64 for URLs".into())
}

/// Bytes as PostgreSQL prints them, `\x…`.
pub(super) fn postgres_bytea(bytes: &[u8], out: &mut String) {
    out.push_str("\\x");
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            out.extend(char::from_digit(u32::from(half), 16));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_that_of_the_recorded_cases() {
        for (text, base64, url, hex) in [
            ("\\xdeadbeef", "3q2+7w==", "3q2-7w==", "deadbeef"),
            ("\\x", "", "", ""),
            ("\\xfbff3e", "+/8+", "-_8-", "fbff3e"),
        ] {
            let bytes = parse_bytea(text.as_bytes()).unwrap();
            let form = |push: fn(&[u8], &mut Vec<u8>)| {
                let mut out = Vec::new();
                push(&bytes, &mut out);
                String::from_utf8(out).unwrap()
            };
            assert_eq!(form(push_base64), format!("\"{base64}\""));
            assert_eq!(form(push_base64_url), format!("\"{url}\""));
            assert_eq!(form(push_hex), format!("\"{hex}\""));
            let mut back = String::new();
            postgres_bytea(&decode_base64(base64).unwrap(), &mut back);
            assert_eq!(back, text);
        }
    }

    #[test]
    fn text_that_is_not_hex_is_refused() {
        for text in ["", "\\", "\\xa", "\\xgg", "abc"] {
            assert!(parse_bytea(text.as_bytes()).is_err(), "{text}");
        }
    }
}
