//! PostgreSQL's array text, `{1,NULL,"a b"}`: taken apart into elements, and put together again.

use super::Reason;

const WRONG: Reason = "not an array in PostgreSQL's text form";
/// PostgreSQL's own limit (`MAXDIM`).
const MAX_DIMENSIONS: usize = 6;

/// One step through an array.
pub(super) enum Element<'a> {
    /// An SQL NULL.
    Null,
    /// An element's text, unescaped.
    Text(&'a [u8]),
    /// A nested array begins at this depth (1 = directly inside the outer one).
    Nested(usize),
}

/// Visits the elements in storage order, whatever the number of dimensions.
pub(super) fn visit(text: &[u8], mut each: impl FnMut(Element<'_>) -> Result<(), Reason>) -> Result<(), Reason> {
    let mut rest = body(text)?;
    let mut depth = 0;
    let mut unescaped = Vec::new();
    // Whether an element or a nested array must, may or must not come next.
    let mut open = Expect::Value;
    while let Some((&byte, tail)) = rest.split_first() {
        match (byte, open) {
            (b'{', Expect::Value | Expect::ValueOrEnd) if depth < MAX_DIMENSIONS => {
                if depth > 0 {
                    each(Element::Nested(depth))?;
                }
                depth += 1;
                (rest, open) = (tail, Expect::ValueOrEnd);
            }
            (b'}', Expect::Separator | Expect::ValueOrEnd) if depth > 0 => {
                depth -= 1;
                rest = tail;
                open = Expect::Separator;
                if depth == 0 {
                    return if rest.is_empty() { Ok(()) } else { Err(WRONG) };
                }
            }
            (b',', Expect::Separator) => (rest, open) = (tail, Expect::Value),
            (b'"', Expect::Value | Expect::ValueOrEnd) if depth > 0 => {
                rest = quoted(tail, &mut unescaped)?;
                each(Element::Text(&unescaped))?;
                open = Expect::Separator;
            }
            (_, Expect::Value | Expect::ValueOrEnd) if depth > 0 => {
                let end = rest.iter().position(|b| matches!(b, b',' | b'}')).ok_or(WRONG)?;
                let (word, after) = rest.split_at(end);
                if word.is_empty() || word.iter().any(|b| matches!(b, b'{' | b'"' | b'\\')) {
                    return Err(WRONG);
                }
                each(if word.eq_ignore_ascii_case(b"null") { Element::Null } else { Element::Text(word) })?;
                (rest, open) = (after, Expect::Separator);
            }
            _ => return Err(WRONG),
        }
    }
    Err(WRONG)
}

#[derive(Clone, Copy)]
enum Expect {
    Value,
    ValueOrEnd,
    Separator,
}

/// Skips explicit bounds, `[0:2]={…}`.
fn body(text: &[u8]) -> Result<&[u8], Reason> {
    if text.first() != Some(&b'[') {
        return Ok(text);
    }
    let at = text.iter().position(|&b| b == b'=').ok_or(WRONG)?;
    let (bounds, rest) = text.split_at(at);
    if bounds.iter().all(|b| b.is_ascii_digit() || matches!(b, b'[' | b']' | b':' | b'-' | b'+')) {
        rest.get(1..).ok_or(WRONG)
    } else {
        Err(WRONG)
    }
}

/// Reads a quoted element up to its closing quote; returns what follows.
fn quoted<'a>(text: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], Reason> {
    out.clear();
    let mut rest = text;
    loop {
        let at = rest.iter().position(|b| matches!(b, b'"' | b'\\')).ok_or(WRONG)?;
        let (run, tail) = rest.split_at(at);
        out.extend_from_slice(run);
        match tail {
            [b'"', after @ ..] => return Ok(after),
            [_, escaped, after @ ..] => {
                out.push(*escaped);
                rest = after;
            }
            _ => return Err(WRONG),
        }
    }
}

/// Appends one element with PostgreSQL's quoting; `None` is NULL.
pub(super) fn push_element(element: Option<&str>, out: &mut String) {
    if !out.ends_with('{') {
        out.push(',');
    }
    let Some(text) = element else {
        out.push_str("NULL");
        return;
    };
    let special = |b: u8| matches!(b, b'"' | b'\\' | b'{' | b'}' | b',') || b.is_ascii_whitespace() || b == 0x0B;
    if text.is_empty() || text.eq_ignore_ascii_case("null") || text.bytes().any(special) {
        out.push('"');
        for c in text.chars() {
            if matches!(c, '"' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out.push('"');
    } else {
        out.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(text: &str) -> Result<Vec<String>, Reason> {
        let mut all = Vec::new();
        visit(text.as_bytes(), |element| {
            all.push(match element {
                Element::Null => "<null>".into(),
                Element::Text(text) => String::from_utf8_lossy(text).into_owned(),
                Element::Nested(depth) => format!("<{depth}>"),
            });
            Ok(())
        })?;
        Ok(all)
    }

    #[test]
    fn quoting_is_undone_and_null_is_no_text() {
        let text = r#"{a,"b,c",NULL,"NULL",""," sp ","q\"q","b\\s","{x}"}"#;
        let parts = ["a", "b,c", "<null>", "NULL", "", " sp ", "q\"q", "b\\s", "{x}"];
        assert_eq!(elements(text).unwrap(), parts);
        let mut again = String::from("{");
        visit(text.as_bytes(), |element| {
            match element {
                Element::Text(t) => push_element(Some(std::str::from_utf8(t).unwrap()), &mut again),
                _ => push_element(None, &mut again),
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(again + "}", text);
    }

    #[test]
    fn nested_arrays_come_in_storage_order() {
        assert_eq!(elements("{{1,2},{3,4}}").unwrap(), ["<1>", "1", "2", "<1>", "3", "4"]);
        assert_eq!(elements("[0:1]={7,8}").unwrap(), ["7", "8"]);
        assert!(elements("{}").unwrap().is_empty());
    }

    #[test]
    fn text_that_is_no_array_is_refused() {
        for text in ["", "{", "}", "1", "{1", "{1}}", "{1,}", "{,1}", "{\"a}", "{\"a\\", "{1}x", "[1:2]{1}", "{a\"b\"}"]
        {
            assert!(elements(text).is_err(), "{text}");
        }
        assert!(elements(&"{".repeat(100)).is_err());
    }
}
