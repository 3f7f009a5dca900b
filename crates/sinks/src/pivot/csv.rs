//! Fields of comma-separated text (RFC 4180) in which NULL, empty text and the unknown differ: `,,` is NULL, `,"",` is
//! empty text, the convention of PostgreSQL's `COPY … CSV`; `,?,` is a value that PostgreSQL did not send, `,"?",` is a
//! question mark. Ready-made writers cannot say that, hence this one.

/// A value that PostgreSQL did not send.
const UNKNOWN: &str = "?";

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// SQL NULL, or nothing to show.
    Null,
    /// Not sent by PostgreSQL.
    Unknown,
    /// Text.
    Text(&'a str),
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Value::Null, Value::Text)
    }
}

/// Appends a field; text is quoted when it must be.
fn push_field(line: &mut Vec<u8>, value: Value<'_>) {
    let text = match value {
        Value::Null => return,
        Value::Unknown => return line.extend_from_slice(UNKNOWN.as_bytes()),
        Value::Text(text) => text,
    };
    if !text.is_empty() && text != UNKNOWN && !text.contains([',', '"', '\n', '\r']) {
        line.extend_from_slice(text.as_bytes());
        return;
    }
    line.push(b'"');
    for (index, part) in text.split('"').enumerate() {
        if index > 0 {
            line.extend_from_slice(b"\"\"");
        }
        line.extend_from_slice(part.as_bytes());
    }
    line.push(b'"');
}

/// Appends a row, fields divided by commas, without the line's end.
pub(super) fn push_row<'a>(line: &mut Vec<u8>, fields: impl IntoIterator<Item = Value<'a>>) {
    for (index, field) in fields.into_iter().enumerate() {
        if index > 0 {
            line.push(b',');
        }
        push_field(line, field);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_empty_text_and_the_unknown_differ_and_a_foreign_reader_sees_the_values() {
        let texts = ["", "", "?", "?", "a b", "a,b", "a\"b\"", "a\r\nb", "ä"];
        let mut values = texts.map(Value::Text);
        (values[0], values[2]) = (Value::Null, Value::Unknown);
        let mut line = Vec::new();
        push_row(&mut line, values);
        assert_eq!(
            line,
            "\
            ,\"\",?,\"?\",a b,\"a,b\",\"a\"\"b\"\"\",\"a\r\nb\",ä"
                .as_bytes()
        );
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_slice());
        let read = reader.records().next().unwrap().unwrap();
        assert_eq!(read.iter().collect::<Vec<_>>(), texts);
    }
}
