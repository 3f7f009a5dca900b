//! Points of PostgreSQL, and PostGIS values as (E)WKB.

use super::Reason;
use super::bytes::{decode_base64, parse_hex, push_base64};
use super::number::{parse_f64, postgres_f64, push_f64, push_i64};

/// Appends Debezium's point struct: the coordinates, the same as WKB, no SRID.
pub(super) fn push_point(text: &[u8], out: &mut Vec<u8>) -> Result<(), Reason> {
    const WRONG: Reason = "not a point in PostgreSQL's text form";
    let inner = text.strip_prefix(b"(").and_then(|t| t.strip_suffix(b")")).ok_or(WRONG)?;
    let comma = inner.iter().position(|&b| b == b',').ok_or(WRONG)?;
    let (x, y) = (parse_f64(&inner[..comma])?, parse_f64(&inner[comma + 1..])?);
    push_point_struct(x, y, out);
    Ok(())
}

/// The struct of [`push_point`] from its coordinates.
pub(super) fn push_point_struct(x: f64, y: f64, out: &mut Vec<u8>) {
    let mut wkb = vec![1, 1, 0, 0, 0];
    wkb.extend_from_slice(&x.to_le_bytes());
    wkb.extend_from_slice(&y.to_le_bytes());
    out.extend_from_slice(b"{\"x\":");
    push_f64(x, out);
    out.extend_from_slice(b",\"y\":");
    push_f64(y, out);
    out.extend_from_slice(b",\"wkb\":");
    push_base64(&wkb, out);
    out.extend_from_slice(b",\"srid\":null}");
}

/// Appends the struct of a PostGIS value from its hexadecimal EWKB: the bytes as they are, and the SRID they name.
pub(super) fn push_ewkb(text: &[u8], out: &mut Vec<u8>) -> Result<(), Reason> {
    let bytes = parse_hex(text)?;
    push_ewkb_struct(&bytes, srid(&bytes)?, out);
    Ok(())
}

/// The struct of [`push_ewkb`] from its parts.
pub(super) fn push_ewkb_struct(wkb: &[u8], srid: Option<i32>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"wkb\":");
    push_base64(wkb, out);
    out.extend_from_slice(b",\"srid\":");
    match srid {
        Some(srid) => push_i64(i64::from(srid), out),
        None => out.extend_from_slice(b"null"),
    }
    out.push(b'}');
}

/// Byte order, type with flags, then the SRID where the flag 0x20000000 says so.
fn srid(ewkb: &[u8]) -> Result<Option<i32>, Reason> {
    const WRONG: Reason = "not an EWKB value";
    let (&order, rest) = ewkb.split_first().ok_or(WRONG)?;
    let (kind, rest) = rest.split_first_chunk::<4>().ok_or(WRONG)?;
    let number = |bytes: [u8; 4]| if order == 0 { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
    if number(*kind) & 0x2000_0000 == 0 {
        return Ok(None);
    }
    let (srid, _) = rest.split_first_chunk::<4>().ok_or(WRONG)?;
    Ok(Some(number(*srid) as i32))
}

/// The point struct's WKB back to `(x,y)`.
pub(super) fn point_text(base64: &str, out: &mut String) -> Result<(), String> {
    let bytes = decode_base64(base64)?;
    let (x, rest) = bytes.get(5..).and_then(|b| b.split_first_chunk::<8>()).ok_or("not a point's WKB")?;
    let (y, _) = rest.split_first_chunk::<8>().ok_or("not a point's WKB")?;
    out.push('(');
    postgres_f64(f64::from_le_bytes(*x), out);
    out.push(',');
    postgres_f64(f64::from_le_bytes(*y), out);
    out.push(')');
    Ok(())
}

/// A PostGIS struct's WKB back to hexadecimal EWKB.
pub(super) fn ewkb_text(base64: &str, out: &mut String) -> Result<(), String> {
    for byte in decode_base64(base64)? {
        out.push_str(&format!("{byte:02X}"));
    }
    Ok(())
}

/// A geometric text with its numbers as Java prints them: the original reads it through its driver's types.
pub(super) fn with_java_numbers(text: &[u8]) -> Result<Vec<u8>, Reason> {
    let mut out = Vec::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        if matches!(byte, b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b',') {
            out.push(byte);
            rest = tail;
            continue;
        }
        let end = rest.iter().position(|b| b"()[]{}<>,".contains(b)).unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let value = parse_f64(number)?;
        if value.is_finite() {
            push_f64(value, &mut out);
        } else {
            out.extend_from_slice(number);
        }
        rest = after;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_those_of_the_recorded_cases() {
        for (text, json) in [
            ("(1.5,2.5)", r#"{"x":1.5,"y":2.5,"wkb":"AQEAAAAAAAAAAAD4PwAAAAAAAARA","srid":null}"#),
            ("(-10000000000,0.1)", r#"{"x":-1.0E10,"y":0.1,"wkb":"AQEAAAAAAAAgX6ACwpqZmZmZmbk/","srid":null}"#),
        ] {
            let mut out = Vec::new();
            push_point(text.as_bytes(), &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), json);
        }
        let mut back = String::new();
        point_text("AQEAAAAAAAAgX6ACwpqZmZmZmbk/", &mut back).unwrap();
        assert_eq!(back, "(-10000000000,0.1)");
    }

    #[test]
    fn the_srid_is_the_one_the_bytes_name() {
        for (hex, json) in [
            (
                "0101000020E6100000000000000000F03F0000000000000040",
                r#"{"wkb":"AQEAACDmEAAAAAAAAAAA8D8AAAAAAAAAQA==","srid":4326}"#,
            ),
            ("0101000000000000000000F87F000000000000F87F", r#"{"wkb":"AQEAAAAAAAAAAAD4fwAAAAAAAPh/","srid":null}"#),
        ] {
            let mut out = Vec::new();
            push_ewkb(hex.as_bytes(), &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), json);
        }
    }

    #[test]
    fn geometric_texts_have_javas_numbers() {
        for (text, java) in [
            ("{1,2,3}", "{1.0,2.0,3.0}"),
            ("<(1,-2.5),1e+20>", "<(1.0,-2.5),1.0E20>"),
            ("[(0,0),(NaN,Infinity)]", "[(0.0,0.0),(NaN,Infinity)]"),
        ] {
            assert_eq!(with_java_numbers(text.as_bytes()).unwrap(), java.as_bytes());
        }
        assert!(with_java_numbers(b"(a,1)").is_err());
    }

    #[test]
    fn text_of_no_geometry_is_refused() {
        for text in ["", "(", "(1)", "(1,2", "(a,b)", "1,2"] {
            assert!(push_point(text.as_bytes(), &mut Vec::new()).is_err(), "{text}");
        }
        for text in ["", "01", "0101000020E610", "xyz"] {
            assert!(push_ewkb(text.as_bytes(), &mut Vec::new()).is_err(), "{text}");
        }
    }
}
