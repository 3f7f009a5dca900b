//! Fields of comma-separated text (RFC 4180) in which NULL and empty text differ: `,,` is NULL, `,"",` is empty text, the
//! convention of PostgreSQL's `COPY … CSV`. Ready-made writers cannot say that, hence this one.

/// Appends a field: nothing for `None`, else the text, quoted when it must be.
pub(super) fn push_field(line: &mut Vec<u8>, value: Option<&str>) {
    let Some(text) = value else {
        return;
    };
    if !text.is_empty() && !text.contains([',', '"', '\n', '\r']) {
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
pub(super) fn push_row<'a>(line: &mut Vec<u8>, fields: impl IntoIterator<Item = Option<&'a str>>) {
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
    fn null_and_empty_text_differ_and_a_foreign_reader_sees_the_values() {
        let values = [None, Some(""), Some("a b"), Some("a,b"), Some("a\"b\""), Some("a\r\nb"), Some("ä")];
        let mut line = Vec::new();
        push_row(&mut line, values);
        assert_eq!(
            line,
            "\
            ,\"\",a b,\"a,b\",\"a\"\"b\"\"\",\"a\r\nb\",ä"
                .as_bytes()
        );
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_slice());
        let read = reader.records().next().unwrap().unwrap();
        assert_eq!(read.iter().collect::<Vec<_>>(), values.map(Option::unwrap_or_default));
    }
}
