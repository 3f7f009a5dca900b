//! Reading JSON from strangers as Connect's own reader (Jackson) does: the same texts for the same faults, with line and
//! column, as tools and people know them; bounds on depth, names and numbers as its `StreamReadConstraints` have.
//!
//! A pull reader: who asks for a text and finds an object hears of that before anything further is read.

use crate::limits::{JSON_DEPTH, JSON_NAME_BYTES, JSON_NUMBER_BYTES};

const SOURCE: &str = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: ";
const ANY_VALUE: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    /// A member's name.
    Name(String),
    Text(String),
    /// Digits as they stand there.
    Integer(String),
    Float(String),
    Bool(bool),
    Null,
    /// Nothing follows.
    End,
}

/// What is wrong, in Jackson's words.
pub(super) type Fault = String;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    /// A first member's name, or the end of the object.
    FirstName,
    Colon,
    /// A first element, or the end of the array.
    FirstElement,
    CommaOrEnd,
    Nothing,
}

/// Reads tokens.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the last token begins.
    start: usize,
    /// Open brackets, with where they stand.
    open: Vec<(u8, usize)>,
    expect: Expect,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0, start: 0, open: Vec::new(), expect: Expect::Value }
    }

    /// A fault about the value that begins with the last token.
    pub(super) fn fault_at_token(&self, text: &str) -> Fault {
        self.fault(text, self.start)
    }

    /// A fault about what ends here.
    pub(super) fn fault_here(&self, text: &str) -> Fault {
        self.fault(text, self.at)
    }

    pub(super) fn next(&mut self) -> Result<Token, Fault> {
        loop {
            self.skip_space();
            self.start = self.at;
            let byte = self.bytes.get(self.at).copied();
            match (self.expect, byte) {
                (Expect::Value | Expect::Nothing, None) if self.open.is_empty() => return Ok(Token::End),
                (Expect::Colon, None) | (Expect::Value, None) => {
                    return Err(self.fault("Unexpected end-of-input within/between Object entries", self.at));
                }
                (_, None) => return Err(self.unclosed()),
                (Expect::Colon, Some(b':')) => {
                    self.at += 1;
                    self.expect = Expect::Value;
                }
                (Expect::Colon, Some(_)) => {
                    return Err(self.unexpected("was expecting a colon to separate field name and value"));
                }
                (_, Some(close @ (b'}' | b']'))) if self.expect != Expect::Value => return self.close(close),
                (Expect::CommaOrEnd, Some(b',')) => {
                    self.at += 1;
                    match self.open.last() {
                        Some((b'{', _)) => return self.name(),
                        _ => self.expect = Expect::Value,
                    }
                }
                (Expect::CommaOrEnd, Some(_)) => {
                    let inside = if self.open.last().is_some_and(|(b, _)| *b == b'{') { "Object" } else { "Array" };
                    return Err(self.unexpected(&format!("was expecting comma to separate {inside} entries")));
                }
                (Expect::FirstName, Some(_)) => return self.name(),
                (Expect::Value, Some(close @ (b'}' | b']'))) if self.open.is_empty() => return self.close(close),
                (Expect::Value | Expect::FirstElement | Expect::Nothing, Some(byte)) => return self.value(byte),
            }
        }
    }

    /// Skips the value that begins with this token.
    pub(super) fn skip(&mut self, token: &Token) -> Result<(), Fault> {
        if !matches!(token, Token::ObjectStart | Token::ArrayStart) {
            return Ok(());
        }
        let outside = self.open.len() - 1;
        while self.open.len() > outside {
            self.next()?;
        }
        Ok(())
    }

    fn value(&mut self, byte: u8) -> Result<Token, Fault> {
        let token = match byte {
            b'{' | b'[' => {
                if self.open.len() == JSON_DEPTH {
                    return Err(format!(
                        "Document nesting depth ({}) exceeds the maximum allowed ({JSON_DEPTH}, from \
                         `StreamReadConstraints.getMaxNestingDepth()`)",
                        JSON_DEPTH + 1
                    ));
                }
                self.open.push((byte, self.at));
                self.at += 1;
                let object = byte == b'{';
                self.expect = if object { Expect::FirstName } else { Expect::FirstElement };
                return Ok(if object { Token::ObjectStart } else { Token::ArrayStart });
            }
            b'"' => Token::Text(self.text("VALUE_STRING")?),
            b'-' | b'0'..=b'9' => self.number()?,
            b'+' => {
                self.at += 1;
                let text = "JSON spec does not allow numbers to have plus signs: enable \
                            `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow";
                let fault = format!("Unexpected character ('+' (code 43)) in numeric value: {text}");
                return Err(self.fault(&fault, self.at));
            }
            byte if byte.is_ascii_alphabetic() || byte == b'_' || byte == b'$' => self.word()?,
            _ => return Err(self.unexpected(&format!("expected a valid value {ANY_VALUE}"))),
        };
        self.expect = if self.open.is_empty() { Expect::Nothing } else { Expect::CommaOrEnd };
        Ok(token)
    }

    fn close(&mut self, close: u8) -> Result<Token, Fault> {
        let shown = char::from(close);
        let Some((open, at)) = self.open.pop() else {
            let kind = if close == b'}' { "Object" } else { "Array" };
            return Err(self.fault(&format!("Unexpected close marker '{shown}': no open {kind} to close"), self.at));
        };
        let (kind, wanted) = if open == b'{' { ("Object", b'}') } else { ("Array", b']') };
        if wanted != close {
            let place = self.place(at);
            let text = format!(
                "Unexpected close marker '{shown}': expected '{}' (for {kind} starting at {place})",
                char::from(wanted)
            );
            return Err(self.fault(&text, self.at));
        }
        self.at += 1;
        self.expect = if self.open.is_empty() { Expect::Nothing } else { Expect::CommaOrEnd };
        Ok(if close == b'}' { Token::ObjectEnd } else { Token::ArrayEnd })
    }

    fn name(&mut self) -> Result<Token, Fault> {
        self.skip_space();
        self.start = self.at;
        match self.bytes.get(self.at) {
            Some(b'"') => {}
            Some(_) => return Err(self.unexpected("was expecting double-quote to start field name")),
            None => return Err(self.unclosed()),
        }
        let name = self.text("field name")?;
        if name.len() > JSON_NAME_BYTES {
            return Err(format!(
                "Name length ({}) exceeds the maximum allowed ({JSON_NAME_BYTES}, from \
                 `StreamReadConstraints.getMaxNameLength()`)",
                name.len()
            ));
        }
        self.expect = Expect::Colon;
        Ok(Token::Name(name))
    }

    fn text(&mut self, what: &str) -> Result<String, Fault> {
        self.at += 1;
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
        String::from_utf8(out).map_err(|error| {
            let bad = error.as_bytes().get(error.utf8_error().valid_up_to()).copied().unwrap_or_default();
            self.fault(&format!("Invalid UTF-8 start byte 0x{bad:02x}"), self.start)
        })
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

    fn number(&mut self) -> Result<Token, Fault> {
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

    fn word(&mut self) -> Result<Token, Fault> {
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

    fn skip_space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn unclosed(&self) -> Fault {
        let (kind, at) = match self.open.last() {
            Some((b'{', at)) => ("Object", *at),
            Some((_, at)) => ("Array", *at),
            None => return self.fault("Unexpected end-of-input", self.at),
        };
        let place = self.place(at);
        let text = format!("Unexpected end-of-input: expected close marker for {kind} (start marker at {place})");
        self.fault(&text, self.at)
    }

    fn unexpected(&self, why: &str) -> Fault {
        self.fault(&format!("Unexpected character ({}): {why}", shown(self.character())), self.at)
    }

    fn character(&self) -> char {
        let rest = self.bytes.get(self.at..(self.at + 4).min(self.bytes.len())).unwrap_or_default();
        String::from_utf8_lossy(rest).chars().next().unwrap_or_default()
    }

    fn fault(&self, text: &str, at: usize) -> Fault {
        format!("{text}\n at {}", self.place(at))
    }

    fn place(&self, at: usize) -> String {
        let before = self.bytes.get(..at).unwrap_or(self.bytes);
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let column = 1 + before.len() - before.iter().rposition(|byte| *byte == b'\n').map_or(0, |nl| nl + 1);
        format!("{SOURCE}{line}, column: {column}]")
    }
}

fn shown(character: char) -> String {
    format!("'{character}' (code {})", character as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        let mut reader = Reader::new(text.as_bytes());
        loop {
            match reader.next() {
                Ok(Token::End) => return String::new(),
                Ok(_) => {}
                Err(fault) => return fault.replace(SOURCE, "@").replace("\n at ", " "),
            }
        }
    }

    #[test]
    fn faults_are_told_as_jackson_tells_them() {
        // Recorded from Kafka Connect 4.3.1.
        for (text, expected) in [
            (r#"{"a":"#, "Unexpected end-of-input within/between Object entries @1, column: 6]"),
            (
                r#"{"a" 1}"#,
                "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value @1, column: 6]",
            ),
            (
                r#"{"a": NaN}"#,
                "Non-standard token 'NaN': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow @1, column: 10]",
            ),
            (
                "{",
                "Unexpected end-of-input: expected close marker for Object (start marker at @1, column: 1]) @1, column: 2]",
            ),
            (
                r#"{"a":1,}"#,
                "Unexpected character ('}' (code 125)): was expecting double-quote to start field name @1, column: 8]",
            ),
            (
                "{'a':1}",
                "Unexpected character (''' (code 39)): was expecting double-quote to start field name @1, column: 2]",
            ),
            (
                r#"{"a":tru}"#,
                "Unrecognized token 'tru': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false') @1, column: 6]",
            ),
            (r#"{"a":01}"#, "Invalid numeric value: Leading zeroes not allowed @1, column: 7]"),
            (
                r#"{"a":1.}"#,
                "Unexpected character ('}' (code 125)) in numeric value: Decimal point not followed by a digit @1, column: 8]",
            ),
            (
                r#"{"a":-}"#,
                "Unexpected character ('}' (code 125)) in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value @1, column: 7]",
            ),
            (
                r#"{"a":+1}"#,
                "Unexpected character ('+' (code 43)) in numeric value: JSON spec does not allow numbers to have plus signs: enable `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow @1, column: 7]",
            ),
            (r#"{"a":"x"#, "Unexpected end-of-input in VALUE_STRING @1, column: 8]"),
            (r#"{"a":"\q"}"#, "Unrecognized character escape 'q' (code 113) @1, column: 8]"),
            (
                r#"{"a":"\u12x4"}"#,
                "Unexpected character ('x' (code 120)): expected a hex-digit for character escape sequence @1, column: 11]",
            ),
            (
                "{\"a\":\"x\ny\"}",
                "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in string value @1, column: 8]",
            ),
            (r#"{"a""#, "Unexpected end-of-input within/between Object entries @1, column: 5]"),
            (r#"{"a"#, "Unexpected end-of-input in field name @1, column: 4]"),
            (
                r#"{"a":1"#,
                "Unexpected end-of-input: expected close marker for Object (start marker at @1, column: 1]) @1, column: 7]",
            ),
            (
                r#"{"a":1 "b":2}"#,
                "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries @1, column: 8]",
            ),
            (
                r#"{"a":1]"#,
                "Unexpected close marker ']': expected '}' (for Object starting at @1, column: 1]) @1, column: 7]",
            ),
            ("]", "Unexpected close marker ']': no open Array to close @1, column: 1]"),
            ("}", "Unexpected close marker '}': no open Object to close @1, column: 1]"),
            (
                "# c",
                "Unexpected character ('#' (code 35)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false') @1, column: 1]",
            ),
            (
                "{} trailing",
                "Unrecognized token 'trailing': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false') @1, column: 4]",
            ),
        ] {
            assert_eq!(fault(text), expected, "{text}");
        }
    }

    #[test]
    fn depth_names_and_numbers_are_bounded() {
        assert!(fault(&"[".repeat(100_000)).starts_with("Document nesting depth (1001) exceeds"));
        assert!(fault(&format!("{{\"{}\":1}}", "x".repeat(60_000))).starts_with("Name length (60000) exceeds"));
        assert!(fault(&"1".repeat(2000)).starts_with("Number value length (2000) exceeds"));
    }

    #[test]
    fn values_come_as_they_are_typed() {
        let mut reader = Reader::new(r#" {"a":[1.50,-1e5,true,null],"\u00e9\ud83d\ude00":"\n"} "#.as_bytes());
        let mut tokens = Vec::new();
        while let Ok(token) = reader.next() {
            if token == Token::End {
                break;
            }
            tokens.push(token);
        }
        let expected = [
            Token::ObjectStart,
            Token::Name("a".into()),
            Token::ArrayStart,
            Token::Float("1.50".into()),
            Token::Float("-1e5".into()),
            Token::Bool(true),
            Token::Null,
            Token::ArrayEnd,
            Token::Name("é😀".into()),
            Token::Text("\n".into()),
            Token::ObjectEnd,
        ];
        assert_eq!(tokens, expected);
    }
}
