//! JSON text, piece by piece, for readers that know what to expect.

use std::borrow::Cow;

use super::DEPTH;
use crate::debezium::value::json::plain_length;

/// Why text is not what was expected.
type Reason = &'static str;

/// A place in JSON text.
pub(super) struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    /// At the start of a text.
    pub(super) fn new(text: &'a [u8]) -> Self {
        Scan { text, at: 0 }
    }

    /// The next byte that is not white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(&byte) = self.text.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// Whether the next byte is this one, which is then passed.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// What was not passed yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self) -> Result<(), Reason> {
        if self.peek().is_none() { Ok(()) } else { Err("more after the end of the JSON value") }
    }

    /// Whether `null` comes next, which is then passed.
    pub(super) fn null(&mut self) -> Result<bool, Reason> {
        if self.peek() == Some(b'n') { self.word(b"null").map(|()| true) } else { Ok(false) }
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self) -> Result<bool, Reason> {
        match self.peek() {
            Some(b't') => self.word(b"true").map(|()| true),
            Some(b'f') => self.word(b"false").map(|()| false),
            _ => Err("not a boolean"),
        }
    }

    /// A number's text.
    pub(super) fn number(&mut self) -> Result<&'a str, Reason> {
        const WRONG: Reason = "not a number";
        self.peek();
        let start = self.at;
        self.at += usize::from(self.text.get(self.at) == Some(&b'-'));
        let zero = self.text.get(self.at) == Some(&b'0');
        let whole = self.digits();
        if whole == 0 || zero && whole > 1 {
            return Err(WRONG);
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(WRONG);
            }
        }
        if let Some(b'e' | b'E') = self.text.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(self.text.get(self.at), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return Err(WRONG);
            }
        }
        self.text.get(start..self.at).and_then(|text| std::str::from_utf8(text).ok()).ok_or(WRONG)
    }

    /// A string, borrowed when nothing in it is escaped.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, Reason> {
        if !self.take(b'"') {
            return Err("not a string");
        }
        let start = self.at;
        self.plain();
        if self.text.get(self.at) == Some(&b'"') {
            self.at += 1;
            return utf8(self.text.get(start..self.at - 1)).map(Cow::Borrowed);
        }
        let mut out = utf8(self.text.get(start..self.at))?.to_owned();
        loop {
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(out));
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escaped()?);
                }
                Some(..=0x1F) => return Err("a control character in a string"),
                Some(_) => {
                    let start = self.at;
                    self.plain();
                    out.push_str(utf8(self.text.get(start..self.at))?);
                }
                None => return Err("a string without end"),
            }
        }
    }

    /// The elements of an array, each to be read by `item`.
    pub(super) fn array<E: From<Reason>>(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), E>) -> Result<(), E> {
        if !self.take(b'[') {
            return Err("not an array".into());
        }
        if self.take(b']') {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.take(b']') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err("an array that is not closed".into());
            }
        }
    }

    /// The members of an object, the value of each to be read by `member`.
    pub(super) fn object<E: From<Reason>>(
        &mut self,
        mut member: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.begin_object()?;
        self.members(true, &mut member)
    }

    /// Passes the opening brace.
    pub(super) fn begin_object(&mut self) -> Result<(), Reason> {
        if self.take(b'{') { Ok(()) } else { Err("not an object") }
    }

    /// Passes the name of a member if it is this one as it stands, after a comma unless it is the first.
    #[inline]
    pub(super) fn is_member(&mut self, first: bool, name: &str) -> bool {
        let before = self.at;
        let begins = first || self.take(b',');
        let there = begins && self.peek() == Some(b'"') && {
            let rest = self.rest().get(1..).unwrap_or_default();
            rest.strip_prefix(name.as_bytes()).is_some_and(|behind| behind.first() == Some(&b'"'))
        };
        if there {
            self.at += name.len() + 2;
        }
        let is_member = there && self.take(b':');
        if !is_member {
            self.at = before;
        }
        is_member
    }

    /// The members behind an opening brace, or behind the first of them.
    pub(super) fn members<E: From<Reason>>(
        &mut self,
        mut first: bool,
        member: &mut impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            if self.take(b'}') {
                return Ok(());
            }
            if !std::mem::take(&mut first) && !self.take(b',') {
                return Err("an object that is not closed".into());
            }
            let name = self.string()?;
            if !self.take(b':') {
                return Err("a member without value".into());
            }
            member(self, name)?;
        }
    }

    /// Passes one value, whatever it is, and returns its text.
    pub(super) fn raw(&mut self) -> Result<&'a [u8], Reason> {
        self.peek();
        let start = self.at;
        self.skip(0)?;
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// Passes one value of text that is known to be JSON.
    pub(super) fn pass(&mut self) -> Result<(), Reason> {
        let mut depth = 0_usize;
        loop {
            match self.peek().ok_or("not JSON")? {
                b'"' => self.pass_string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1).ok_or("not JSON")?;
                    self.at += 1;
                }
                b',' | b':' if depth > 0 => self.at += 1,
                b',' | b':' => return Err("not JSON"),
                _ => {
                    let rest = self.rest();
                    let ends = |byte: &u8| matches!(byte, b',' | b':' | b'}' | b']' | b'"' | b'{' | b'[');
                    self.at += rest.iter().position(ends).unwrap_or(rest.len());
                }
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Passes a string.
    fn pass_string(&mut self) -> Result<(), Reason> {
        self.at += 1;
        loop {
            self.plain();
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
                None => return Err("a string without end"),
            }
        }
    }

    fn skip(&mut self, depth: usize) -> Result<(), Reason> {
        if depth > DEPTH {
            return Err("nested too deeply");
        }
        match self.peek() {
            Some(b'{') => self.object(|scan, _| scan.skip(depth + 1)),
            Some(b'[') => self.array(|scan| scan.skip(depth + 1)),
            Some(b'"') => self.string().map(drop),
            Some(b't' | b'f') => self.boolean().map(drop),
            Some(b'n') => self.word(b"null"),
            Some(b'-' | b'0'..=b'9') => self.number().map(drop),
            _ => Err("not JSON"),
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Reason> {
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            Ok(())
        } else {
            Err("not JSON")
        }
    }

    /// Passes digits and says how many.
    fn digits(&mut self) -> usize {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let count = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        self.at += count;
        count
    }

    /// Passes what stands for itself in a string.
    fn plain(&mut self) {
        self.at += plain_length(self.text.get(self.at..).unwrap_or_default());
    }

    /// What follows a backslash.
    fn escaped(&mut self) -> Result<char, Reason> {
        let byte = self.text.get(self.at).copied();
        self.at += 1;
        Ok(match byte {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err("an escape that JSON does not have"),
        })
    }

    fn unicode(&mut self) -> Result<char, Reason> {
        const WRONG: Reason = "half a surrogate pair";
        let first = self.four()?;
        let code = match first {
            0xD800..=0xDBFF => {
                if self.text.get(self.at..self.at + 2) != Some(b"\\u") {
                    return Err(WRONG);
                }
                self.at += 2;
                let second = self.four()?;
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return Err(WRONG);
                }
                0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            code => code,
        };
        char::from_u32(code).ok_or(WRONG)
    }

    fn four(&mut self) -> Result<u32, Reason> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.text.get(self.at).and_then(|&byte| char::from(byte).to_digit(16));
            code = code << 4 | digit.ok_or("not four hexadecimal digits")?;
            self.at += 1;
        }
        Ok(code)
    }
}

fn utf8(text: Option<&[u8]>) -> Result<&str, Reason> {
    std::str::from_utf8(text.unwrap_or_default()).map_err(|_| "text that is not valid UTF-8")
}
