//! pgvector's types: `[1,2.5]` and `{1:1.5,3:2}/5` as arrays of numbers, and back.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Reason;
use super::number::{parse_f32, parse_f64, postgres_f64, push_f32, push_f64, push_integer};

const WRONG: Reason = "not a vector in pgvector's text form";

/// Appends `[1.0,2.5]`.
pub(super) fn push_dense(text: &[u8], half: bool, out: &mut Vec<u8>) -> Result<(), Reason> {
    let inner = text.strip_prefix(b"[").and_then(|t| t.strip_suffix(b"]")).ok_or(WRONG)?;
    out.push(b'[');
    for (at, number) in inner.split(|b| *b == b',').enumerate() {
        if at > 0 {
            out.push(b',');
        }
        if half {
            push_f32(parse_f32(number)?, out);
        } else {
            push_f64(parse_f64(number)?, out);
        }
    }
    out.push(b']');
    Ok(())
}

/// Appends `{"dimensions":5,"vector":[[1,1.5],[3,2.0]]}`: a map whose keys are numbers is a list of pairs in JSON.
pub(super) fn push_sparse(text: &[u8], out: &mut Vec<u8>) -> Result<(), Reason> {
    let slash = text.iter().rposition(|b| *b == b'/').ok_or(WRONG)?;
    let (map, dimensions) = (text.get(..slash).ok_or(WRONG)?, text.get(slash + 1..).ok_or(WRONG)?);
    let inner = map.strip_prefix(b"{").and_then(|t| t.strip_suffix(b"}")).ok_or(WRONG)?;
    out.extend_from_slice(b"{\"dimensions\":");
    push_integer(dimensions, 0, i64::from(i32::MAX), out)?;
    out.extend_from_slice(b",\"vector\":[");
    for (at, pair) in inner.split(|b| *b == b',').filter(|pair| !pair.is_empty()).enumerate() {
        let colon = pair.iter().position(|b| *b == b':').ok_or(WRONG)?;
        out.extend_from_slice(if at > 0 { b",[" } else { b"[" });
        push_integer(pair.get(..colon).ok_or(WRONG)?, 0, i64::from(i32::MAX), out)?;
        out.push(b',');
        push_f64(parse_f64(pair.get(colon + 1..).ok_or(WRONG)?)?, out);
        out.push(b']');
    }
    out.extend_from_slice(b"]}");
    Ok(())
}

/// The JSON of [`push_dense`] back to pgvector's text.
pub(super) fn dense_text(json: &str) -> Result<String, String> {
    let numbers: Vec<&RawValue> = serde_json::from_str(json).map_err(|_| "not an array of numbers")?;
    let mut out = "[".to_owned();
    for (at, number) in numbers.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        postgres_f64(parse_f64(number.get().as_bytes())?, &mut out);
    }
    Ok(out + "]")
}

#[derive(Deserialize)]
struct Sparse<'a> {
    dimensions: i64,
    #[serde(borrow)]
    vector: Vec<(i64, &'a RawValue)>,
}

/// The JSON of [`push_sparse`] back to pgvector's text.
pub(super) fn sparse_text(json: &str) -> Result<String, String> {
    let sparse: Sparse<'_> = serde_json::from_str(json).map_err(|_| "not a SparseDoubleVector")?;
    let mut out = "{".to_owned();
    for (at, (index, number)) in sparse.vector.iter().enumerate() {
        out.push_str(if at > 0 { "," } else { "" });
        out.push_str(&format!("{index}:"));
        postgres_f64(parse_f64(number.get().as_bytes())?, &mut out);
    }
    Ok(format!("{out}}}/{}", sparse.dimensions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_those_of_the_recorded_case() {
        for (text, half, json) in
            [("[1,2.5,-3e-07]", false, "[1.0,2.5,-3.0E-7]"), ("[65504,-0.1]", true, "[65504.0,-0.1]")]
        {
            let mut out = Vec::new();
            push_dense(text.as_bytes(), half, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), json);
        }
        let mut out = Vec::new();
        push_sparse(b"{1:1.5,3:2}/5", &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"dimensions":5,"vector":[[1,1.5],[3,2.0]]}"#);
    }

    #[test]
    fn text_of_no_vector_is_refused() {
        for text in ["", "[", "[]", "[1,]", "1,2", "[a]"] {
            assert!(push_dense(text.as_bytes(), false, &mut Vec::new()).is_err(), "{text}");
        }
        for text in ["", "{}", "{1}/2", "{1:x}/2", "{1:1}/", "{1:1/2"] {
            assert!(push_sparse(text.as_bytes(), &mut Vec::new()).is_err(), "{text}");
        }
    }
}
