//! Reading JSON from strangers as Connect's own reader (Jackson) does: the same texts for the same faults, with line and
//! column, as tools and people know them; bounds on depth, names and numbers as its `StreamReadConstraints` have.
//!
//! A pull reader: who asks for a text and finds an object hears of that before anything further is read.

mod scalars;
#[cfg(test)]
mod tests;

use crate::limits::{JSON_DEPTH, JSON_NAME_BYTES};

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
        // Editors on Windows put a mark in front of files that they save.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
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
            self.skip_space()?;
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
        self.skip_space()?;
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

    fn skip_space(&mut self) -> Result<(), Fault> {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        match self.bytes.get(self.at) {
            Some(b'/') => Err(self.unexpected(
                "maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for \
                 parser)",
            )),
            _ => Ok(()),
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
