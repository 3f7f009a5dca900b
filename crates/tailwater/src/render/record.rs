//! Records as `consume` prints them.

use std::io::{self, Write};

use serde_json::value::RawValue;
use tailwater_connector::Record;

/// A record as one line of JSON: key, value and header values as they are where their bytes are JSON (numbers keep every
/// digit), as text where they are other UTF-8, else as `{"base64":"…"}`.
pub fn write_json(out: &mut impl Write, topic: &str, partition: i32, record: &Record) -> io::Result<()> {
    out.write_all(b"{\"topic\":")?;
    serde_json::to_writer(&mut *out, topic)?;
    write!(
        out,
        ",\"partition\":{partition},\"offset\":{},\"timestamp\":{},\"timestamp_type\":\"CreateTime\",\"key\":",
        record.offset, record.timestamp_ms
    )?;
    write_part(out, record.key.as_deref())?;
    out.write_all(b",\"value\":")?;
    write_part(out, record.value.as_deref())?;
    out.write_all(b",\"headers\":[")?;
    for (at, header) in record.headers.iter().enumerate() {
        out.write_all(if at == 0 { b"{\"key\":" } else { b",{\"key\":" })?;
        serde_json::to_writer(&mut *out, &header.name)?;
        out.write_all(b",\"value\":")?;
        write_part(out, header.value.as_deref())?;
        out.write_all(b"}")?;
    }
    out.write_all(b"]}\n")
}

/// A record's value on a line of its own; a tombstone is nothing, or an empty line when asked for.
pub fn write_value(out: &mut impl Write, record: &Record, tombstones: bool) -> io::Result<()> {
    match &record.value {
        Some(value) => out.write_all(value)?,
        None if tombstones => {}
        None => return Ok(()),
    }
    out.write_all(b"\n")
}

fn write_part(out: &mut impl Write, bytes: Option<&[u8]>) -> io::Result<()> {
    let Some(bytes) = bytes else { return out.write_all(b"null") };
    match std::str::from_utf8(bytes) {
        Ok(text) => match serde_json::from_str::<&RawValue>(text) {
            Ok(raw) => write_on_one_line(out, raw.get()),
            Err(_) => Ok(serde_json::to_writer(&mut *out, text)?),
        },
        Err(_) => {
            out.write_all(b"{\"base64\":\"")?;
            out.write_all(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes).as_bytes())?;
            out.write_all(b"\"}")
        }
    }
}

/// JSON text whose line breaks, which can only stand between tokens, become spaces.
fn write_on_one_line(out: &mut impl Write, json: &str) -> io::Result<()> {
    for (at, line) in json.split(['\n', '\r']).enumerate() {
        if at > 0 {
            out.write_all(b" ")?;
        }
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tailwater_connector::Header;

    use super::*;

    fn record(key: Option<&[u8]>, value: Option<&[u8]>) -> Record {
        Record {
            topic: None,
            offset: 5,
            timestamp_ms: 1_700_000_000_123,
            key: key.map(Bytes::copy_from_slice),
            value: value.map(Bytes::copy_from_slice),
            headers: vec![],
            plan: None,
            origin: None,
            ordinal: 0,
        }
    }

    fn line(record: &Record) -> String {
        let mut out = Vec::new();
        write_json(&mut out, "t", 0, record).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn value_of(bytes: &[u8]) -> String {
        let line = line(&record(None, Some(bytes)));
        let value = line.split_once("\"value\":").unwrap().1;
        value.strip_suffix(",\"headers\":[]}\n").unwrap().to_owned()
    }

    #[test]
    fn the_whole_form_is_the_one_scripts_rely_on() {
        let mut record = record(Some(b"{\"id\":1}"), None);
        record.headers = vec![
            Header { name: "a".into(), value: Some(Bytes::from_static(b"true")) },
            Header { name: "b\"".into(), value: None },
        ];
        assert_eq!(
            line(&record),
            "{\"topic\":\"t\",\"partition\":0,\"offset\":5,\"timestamp\":1700000000123,\"timestamp_type\":\"CreateTime\",\
             \"key\":{\"id\":1},\"value\":null,\"headers\":[{\"key\":\"a\",\"value\":true},{\"key\":\"b\\\"\",\"value\":null}]}\n"
        );
    }

    #[test]
    fn json_bytes_pass_unchanged_and_everything_else_is_wrapped() {
        let big = "123456789012345678901234567890.000000000000000000001";
        assert_eq!(value_of(big.as_bytes()), big);
        assert_eq!(value_of(b"{\"b\":1,\"a\":1E400}"), "{\"b\":1,\"a\":1E400}");
        assert_eq!(value_of(b"\"x\""), "\"x\"");
        assert_eq!(value_of(b"NaN"), "\"NaN\"");
        assert_eq!(value_of(b"plain \"text\"\n"), "\"plain \\\"text\\\"\\n\"");
        assert_eq!(value_of(b""), "\"\"");
        assert_eq!(value_of(b"\xff\x00"), "{\"base64\":\"/wA=\"}");
        assert_eq!(value_of("\"\\ud83d\\ude00 é\"".as_bytes()), "\"\\ud83d\\ude00 é\"");
    }

    #[test]
    fn one_record_is_one_line_however_it_was_written() {
        let printed = value_of(b"{\r\n  \"a\": \"x\\ny\",\n  \"b\": [1,\n2]\n}");
        assert!(!printed.contains(['\n', '\r']));
        let parsed: serde_json::Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(parsed, serde_json::json!({"a": "x\ny", "b": [1, 2]}));
    }

    #[test]
    fn a_tombstone_prints_nothing_unless_asked_for() {
        for (tombstones, expected) in [(false, ""), (true, "\n")] {
            let mut out = Vec::new();
            write_value(&mut out, &record(None, None), tombstones).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
