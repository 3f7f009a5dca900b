//! `hstore`: a JSON object of strings, as text of its own or as a map.

use super::Reason;
use super::json::push_inner;

const WRONG: Reason = "not an hstore in PostgreSQL's text form";

/// Appends `{"key":"value","other":null}`.
pub(super) fn push_object(text: &[u8], out: &mut Vec<u8>) -> Result<(), Reason> {
    out.push(b'{');
    let mut rest = text;
    let mut first = true;
    let mut word = Vec::new();
    while !rest.is_empty() {
        if !first {
            rest = rest.strip_prefix(b", ").ok_or(WRONG)?;
            out.push(b',');
        }
        first = false;
        rest = push_quoted(rest, &mut word, out)?.strip_prefix(b"=>").ok_or(WRONG)?;
        out.push(b':');
        rest = match rest.strip_prefix(b"NULL") {
            Some(after) => {
                out.extend_from_slice(b"null");
                after
            }
            None => push_quoted(rest, &mut word, out)?,
        };
    }
    out.push(b'}');
    Ok(())
}

/// Copies one quoted word as a JSON string; returns what follows.
fn push_quoted<'a>(text: &'a [u8], word: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<&'a [u8], Reason> {
    let mut rest = text.strip_prefix(b"\"").ok_or(WRONG)?;
    word.clear();
    loop {
        let at = rest.iter().position(|b| matches!(b, b'"' | b'\\')).ok_or(WRONG)?;
        let (run, tail) = rest.split_at(at);
        word.extend_from_slice(run);
        match tail {
            [b'"', after @ ..] => {
                out.push(b'"');
                push_inner(word, out)?;
                out.push(b'"');
                return Ok(after);
            }
            [_, escaped, after @ ..] => {
                word.push(*escaped);
                rest = after;
            }
            _ => return Err(WRONG),
        }
    }
}

/// A JSON object of strings and nulls back to hstore's text.
pub(super) fn postgres_text(json: &str) -> Result<String, String> {
    let map: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(json).map_err(|_| "not a JSON object".to_owned())?;
    let mut out = String::new();
    for (key, value) in &map {
        if !out.is_empty() {
            out.push_str(", ");
        }
        push_word(key, &mut out);
        out.push_str("=>");
        match value {
            serde_json::Value::Null => out.push_str("NULL"),
            serde_json::Value::String(text) => push_word(text, &mut out),
            _ => return Err("an hstore value that is no string".into()),
        }
    }
    Ok(out)
}

fn push_word(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_become_an_object_and_return() {
        for (text, json) in [
            (r#""k1"=>"v1", "k2"=>NULL"#, r#"{"k1":"v1","k2":null}"#),
            (r#""a"=>"1", "b c"=>"x\"y""#, r#"{"a":"1","b c":"x\"y"}"#),
            ("", "{}"),
            (r#""e"=>"""#, r#"{"e":""}"#),
            (r#""\\"=>"NULL""#, r#"{"\\":"NULL"}"#),
        ] {
            let mut out = Vec::new();
            push_object(text.as_bytes(), &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), json);
            assert_eq!(postgres_text(json).unwrap(), text);
        }
    }

    #[test]
    fn text_that_is_no_hstore_is_refused() {
        for text in ["a", "\"a\"", "\"a\"=>", "\"a\"=>b", "\"a\"=>\"b\",", "\"a\"=>\"b\"x", "\"a"] {
            assert!(push_object(text.as_bytes(), &mut Vec::new()).is_err(), "{text}");
        }
    }
}
