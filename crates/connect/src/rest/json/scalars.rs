//! Texts, numbers and words.

use super::{ANY_VALUE, Fault, Reader, Token, shown};
use crate::limits::JSON_NUMBER_BYTES;

impl Reader<'_> {
    pub(super) fn text(&mut self, what: &str) -> Result<String, Fault> {
        self.at += 1;
        let from = self.at;
        let mut out = Vec::new();
        loop {
            let Some(&byte) = self.bytes.get(self.at) else {
                return Err(self.fault(&format!("Unexpected end-of-input in {what}"), self.at));
            };
            match byte {
                b'"' => break,
                b'\\' => self.escape(what, &mut out)?,
                0..=0x1f => {
                    let what = if what == "field name" { "name" } else { "string value" };
                    let text = format!(
                        "Illegal unquoted character ((CTRL-CHAR, code {byte})): has to be escaped using backslash to be \
                         included in {what}"
                    );
                    return Err(self.fault(&text, self.at));
                }
                _ => {
                    out.push(byte);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        String::from_utf8(out).map_err(|_| self.no_character(from))
    }

    /// A fault about the first bytes from here on that are no character.
    fn no_character(&self, from: usize) -> Fault {
        let bytes = self.bytes.get(from..).unwrap_or_default();
        let Some(error) = std::str::from_utf8(bytes).err() else { return self.fault("Invalid UTF-8", from) };
        let first = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        let (kind, bad) = match error.error_len() {
            Some(length) if matches!(first, 0xc2..=0xf4) => ("middle", error.valid_up_to() + length),
            _ => ("start", error.valid_up_to()),
        };
        let byte = bytes.get(bad).copied().unwrap_or_default();
        self.fault(&format!("Invalid UTF-8 {kind} byte 0x{byte:02x}"), from + bad + 1)
    }

    fn escape(&mut self, what: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.at += 1;
        let Some(&byte) = self.bytes.get(self.at) else {
            return Err(self.fault(&format!("Unexpected end-of-input in {what}"), self.at));
        };
        let plain = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                self.at += 1;
                let first = self.hex()?;
                // The other half of a pair; one alone is no character.
                let pair = (0xd800..0xdc00).contains(&first) && self.bytes.get(self.at..self.at + 2) == Some(b"\\u");
                let code = if pair {
                    self.at += 2;
                    let second = self.hex()?;
                    0x10000 + ((first - 0xd800) << 10) + (second.wrapping_sub(0xdc00) & 0x3ff)
                } else {
                    first
                };
                let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => {
                let text = format!("Unrecognized character escape {}", shown(self.character()));
                return Err(self.fault(&text, self.at));
            }
        };
        self.at += 1;
        out.push(plain);
        Ok(())
    }

    fn hex(&mut self) -> Result<u32, Fault> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.bytes.get(self.at).and_then(|byte| char::from(*byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(match self.bytes.get(self.at) {
                    Some(_) => self.unexpected("expected a hex-digit for character escape sequence"),
                    None => self.fault("Unexpected end-of-input in character escape sequence", self.at),
                });
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }

    pub(super) fn number(&mut self) -> Result<Token, Fault> {
        let from = self.at;
        let in_number = |reader: &Self, text: &str| match reader.bytes.get(reader.at) {
            Some(_) => {
                let character = shown(reader.character());
                reader.fault(&format!("Unexpected character ({character}) in numeric value: {text}"), reader.at)
            }
            None => reader.fault("Unexpected end-of-input in numeric value", reader.at),
        };
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
            if !self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
                return Err(in_number(self, "expected digit (0-9) to follow minus sign, for valid numeric value"));
            }
        }
        let zero = self.bytes.get(self.at) == Some(&b'0');
        self.digits();
        if zero && self.bytes.get(self.at - 1).is_some_and(u8::is_ascii_digit) && self.at - from > 1 {
            let digits_from = if self.bytes.get(from) == Some(&b'-') { from + 1 } else { from };
            if self.at - digits_from > 1 {
                return Err(self.fault("Invalid numeric value: Leading zeroes not allowed", digits_from + 1));
            }
        }
        let mut float = false;
        if self.bytes.get(self.at) == Some(&b'.') {
            float = true;
            self.at += 1;
            if !self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
                return Err(in_number(self, "Decimal point not followed by a digit"));
            }
            self.digits();
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            float = true;
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
                return Err(in_number(self, "Exponent indicator not followed by a digit"));
            }
            self.digits();
        }
        let length = self.at - from;
        if length > JSON_NUMBER_BYTES {
            return Err(format!(
                "Number value length ({length}) exceeds the maximum allowed ({JSON_NUMBER_BYTES}, from \
                 `StreamReadConstraints.getMaxNumberLength()`)"
            ));
        }
        let text = String::from_utf8_lossy(self.bytes.get(from..self.at).unwrap_or_default()).into_owned();
        Ok(if float { Token::Float(text) } else { Token::Integer(text) })
    }

    fn digits(&mut self) {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
    }

    pub(super) fn word(&mut self) -> Result<Token, Fault> {
        let from = self.at;
        let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
        while self.bytes.get(self.at).is_some_and(part) {
            self.at += 1;
        }
        let word = self.bytes.get(from..self.at).unwrap_or_default();
        let shown = String::from_utf8_lossy(word.get(..word.len().min(256)).unwrap_or_default());
        match word {
            b"true" => Ok(Token::Bool(true)),
            b"false" => Ok(Token::Bool(false)),
            b"null" => Ok(Token::Null),
            b"NaN" => {
                let text = "Non-standard token 'NaN': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow";
                Err(self.fault(text, self.at))
            }
            _ => Err(self.fault(&format!("Unrecognized token '{shown}': was expecting {ANY_VALUE}"), from)),
        }
    }
}
