//! Values that are masked, hashed or cut on their way into a row.

use super::json::{push_inner, quoted};
use super::{Codec, Reason, Written};
use crate::debezium::{BinaryMode, EncodeOptions, Masking};

/// A codec whose values are shaped; it describes itself in schemas as the codec inside does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::debezium) struct Shaped {
    pub(in crate::debezium) inner: Codec,
    masking: Masking,
}

impl Codec {
    /// The codec with its values shaped; itself where the rule does not touch its values.
    pub(in crate::debezium) fn shaped(self, masking: &Masking) -> Codec {
        let touched = match masking {
            Masking::Stars(_) | Masking::Hash { .. } => matches!(self, Codec::Text(_) | Codec::Enum(_)),
            Masking::Truncate(_) => self.is_cuttable(),
        };
        if touched { Codec::Shaped(Box::new(Shaped { inner: self, masking: masking.clone() })) } else { self }
    }

    /// Whether values and NULL look alike.
    pub(in crate::debezium) fn hides_null(&self) -> bool {
        matches!(self, Codec::Shaped(shaped) if shaped.null().is_some())
    }

    /// Values that are a string, or bytes of a `bytea` or an unknown type, in the events of the original.
    fn is_cuttable(&self) -> bool {
        match self {
            Codec::Bits { .. } | Codec::LostBits(_) | Codec::Array(_) | Codec::Shaped(_) => false,
            Codec::HStore(mode) => *mode == crate::debezium::HStoreMode::Json,
            other => self.has_bytes() || super::super::schema_block::is_text(other),
        }
    }

    fn has_bytes(&self) -> bool {
        matches!(self, Codec::Bytes(BinaryMode::Bytes) | Codec::Raw(BinaryMode::Bytes))
    }
}

impl Shaped {
    /// What stands for every NULL of the column.
    pub(in crate::debezium) fn null(&self) -> Option<Vec<u8>> {
        match self.masking {
            Masking::Stars(count) => Some(quoted(&"*".repeat(count))),
            _ => None,
        }
    }

    /// The mark of a TOASTed value that was not sent. The original shapes the mark itself, after which nobody can
    /// tell it from a value.
    pub(in crate::debezium) fn placeholder(&self, plain: Option<Vec<u8>>, options: &EncodeOptions) -> Option<Vec<u8>> {
        match &self.masking {
            Masking::Stars(_) => self.null(),
            _ if !options.strict || self.inner.has_bytes() => plain,
            Masking::Truncate(length) => plain.map(|json| cut(&json, *length, true)),
            Masking::Hash { .. } => {
                let mut out = Vec::new();
                self.encode(&options.unavailable.0, true, &mut out).ok()?;
                Some(out)
            }
        }
    }

    /// A made-up value of an old row, shaped as a real one.
    pub(in crate::debezium) fn fallback(&self, json: Vec<u8>, strict: bool) -> Vec<u8> {
        match &self.masking {
            Masking::Stars(_) => self.null().unwrap_or(json),
            Masking::Truncate(_) if self.inner.has_bytes() => json,
            Masking::Truncate(length) => cut(&json, *length, strict),
            Masking::Hash { .. } => {
                let text: String = serde_json::from_slice(&json).unwrap_or_default();
                let mut out = Vec::new();
                match self.encode(text.as_bytes(), strict, &mut out) {
                    Ok(_) => out,
                    Err(_) => json,
                }
            }
        }
    }

    pub(super) fn encode(&self, text: &[u8], strict: bool, out: &mut Vec<u8>) -> Result<Written, Reason> {
        match &self.masking {
            Masking::Stars(count) => {
                out.push(b'"');
                out.extend(std::iter::repeat_n(b'*', *count));
                out.push(b'"');
            }
            Masking::Hash { hash, length } => {
                let text = std::str::from_utf8(text).map_err(|_| "the text is not valid UTF-8")?;
                out.push(b'"');
                hash.push(text, *length, out);
                out.push(b'"');
            }
            // `\x` and two digits a byte.
            Masking::Truncate(length) if matches!(self.inner, Codec::Bytes(BinaryMode::Bytes)) => {
                let end = length.saturating_mul(2).saturating_add(2).min(text.len());
                return self.inner.encode(text.get(..end).unwrap_or(text), strict, out);
            }
            Masking::Truncate(length) if self.inner.has_bytes() => {
                return self.inner.encode(text.get(..*length).unwrap_or(text), strict, out);
            }
            Masking::Truncate(length) => {
                let start = out.len();
                let written = self.inner.encode(text, strict, out)?;
                if let Some(end) = cut_at(out.get(start..).unwrap_or_default(), *length, strict) {
                    out.truncate(start + end.bytes);
                    push_inner(end.rest, out)?;
                    out.push(b'"');
                }
                return Ok(written);
            }
        }
        Ok(Written::Value)
    }
}

/// Where a JSON string is cut.
struct Cut {
    bytes: usize,
    /// What is left of the last character.
    rest: &'static [u8],
}

/// Where a JSON string with its quotes has its first `length` characters; `None` when it is no string, or is not
/// longer. The original counts UTF-16 units, and prints half of a character as a question mark.
fn cut_at(json: &[u8], length: usize, strict: bool) -> Option<Cut> {
    let inner = json.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let (mut at, mut count) = (0, 0);
    while let Some(&byte) = inner.get(at) {
        if count >= length {
            return Some(Cut { bytes: at + 1, rest: b"" });
        }
        let (bytes, units) = match byte {
            b'\\' if inner.get(at + 1) == Some(&b'u') => (6, 1),
            b'\\' => (2, 1),
            0xF0.. if strict => (4, 2),
            0xF0.. => (4, 1),
            0xE0.. => (3, 1),
            0xC0.. => (2, 1),
            _ => (1, 1),
        };
        if count + units > length {
            return Some(Cut { bytes: at + 1, rest: b"?" });
        }
        (at, count) = (at + bytes, count + units);
    }
    None
}

fn cut(json: &[u8], length: usize, strict: bool) -> Vec<u8> {
    match cut_at(json, length, strict) {
        Some(end) => [json.get(..end.bytes).unwrap_or(json), end.rest, b"\""].concat(),
        None => json.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ColumnType;
    use crate::debezium::{Algorithm, DecimalMode, Hash, HashVersion};

    fn encode(ty: &ColumnType, options: &EncodeOptions, masking: &Masking, text: &str) -> String {
        let codec = Codec::resolve(ty, options).unwrap().shaped(masking);
        let mut out = Vec::new();
        codec.encode(text.as_bytes(), options.strict, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn texts_are_cut_at_characters_and_strictly_at_utf_16_units() {
        let (plain, strict) = (EncodeOptions::default(), EncodeOptions { strict: true, ..EncodeOptions::default() });
        for (text, length, right, original) in [
            ("abcdef", 4, "abcd", "abcd"),
            ("abcd", 4, "abcd", "abcd"),
            ("ä中文😀z", 4, "ä中文😀", "ä中文?"),
            ("😀😁😂", 4, "😀😁😂", "😀😁"),
            ("a\"b\nc\u{1}d", 6, "a\\\"b\\nc\\u0001", "a\\\"b\\nc\\u0001"),
            ("x", 0, "", ""),
        ] {
            let cut = |options| encode(&ColumnType::Text, options, &Masking::Truncate(length), text);
            assert_eq!(cut(&plain), format!("\"{right}\""));
            assert_eq!(cut(&strict), format!("\"{original}\""));
        }
    }

    #[test]
    fn what_is_a_string_in_events_is_cut_and_the_rest_is_not() {
        let plain = EncodeOptions::default();
        let text = EncodeOptions { decimal: DecimalMode::String, binary: BinaryMode::Hex, ..EncodeOptions::default() };
        let three = Masking::Truncate(3);
        for (ty, options, value, json) in [
            (ColumnType::Json, &plain, "{\"a\": 1}", "\"{\\\"a\""),
            (ColumnType::TimestampTz(6), &plain, "2020-01-02 03:04:05+00", "\"202\""),
            (ColumnType::Bytea, &plain, "\\xdeadbeef00", "\"3q2+\""),
            (ColumnType::Bytea, &text, "\\xdeadbeef00", "\"dea\""),
            (ColumnType::Numeric(Some((8, 3))), &plain, "1234.500", "\"EtZE\""),
            (ColumnType::Numeric(Some((8, 3))), &text, "1234.500", "\"123\""),
            (ColumnType::VarBit(None), &plain, "1010101010", "\"qgI=\""),
            (ColumnType::Array(Box::new(ColumnType::Text)), &plain, "{abcdef}", "[\"abcdef\"]"),
        ] {
            assert_eq!(encode(&ty, options, &three, value), json, "{ty:?}");
        }
    }

    #[test]
    fn masks_replace_whatever_the_value_is() {
        let options = EncodeOptions::default();
        assert_eq!(encode(&ColumnType::Text, &options, &Masking::Stars(5), "secret"), "\"*****\"");
        assert_eq!(encode(&ColumnType::Text, &options, &Masking::Stars(0), "secret"), "\"\"");
        let hash = Hash { algorithm: Algorithm::Sha256, version: HashVersion::One, salt: b"CzQMA0cB5K".to_vec() };
        let masking = Masking::Hash { hash, length: 11 };
        assert_eq!(encode(&ColumnType::Text, &options, &masking, "123-45-6789"), "\"377189d9d7c\"");
        assert!(!format!("{masking:?}").contains("CzQM") && !format!("{masking:?}").contains("67"));
    }
}
