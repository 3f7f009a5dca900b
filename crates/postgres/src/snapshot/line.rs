//! COPY's text format: one line into cells.
//!
//! Fields are separated by tabs; `\N` is NULL; a backslash escapes (PostgreSQL docs, COPY, Text Format). A field without
//! a backslash stays a slice of the line; others are unescaped once into a buffer that is kept from line to line.

use std::ops::Range;

use tailwater_event::Cell;

/// A field as it will be a cell.
#[derive(Clone, Debug)]
enum Field {
    Null,
    /// Bytes of the line.
    Plain(Range<usize>),
    /// Bytes of the buffer.
    Unescaped(Range<usize>),
}

/// Splits lines; keeps its memory.
#[derive(Debug, Default)]
pub(crate) struct LineReader {
    fields: Vec<Field>,
    unescaped: Vec<u8>,
}

impl LineReader {
    /// The cells of one line (its newline may be there), pushed to `cells` after emptying it.
    pub fn read<'a>(&'a mut self, line: &'a [u8], cells: &mut Vec<Cell<'a>>) {
        self.split(line);
        cells.clear();
        cells.extend(self.fields.iter().map(|field| match field {
            Field::Null => Cell::Null,
            Field::Plain(range) => Cell::Text(line.get(range.clone()).unwrap_or_default()),
            Field::Unescaped(range) => Cell::Text(self.unescaped.get(range.clone()).unwrap_or_default()),
        }));
    }

    /// Gives memory back that one huge field needed.
    pub fn shrink(&mut self, keep: usize) {
        self.unescaped.clear();
        self.unescaped.shrink_to(keep);
    }

    fn split(&mut self, line: &[u8]) {
        self.fields.clear();
        self.unescaped.clear();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let mut start = 0;
        let mut escaped = false;
        for (at, byte) in line.iter().enumerate() {
            match byte {
                b'\t' => {
                    self.field(line, start..at, escaped);
                    (start, escaped) = (at + 1, false);
                }
                b'\\' => escaped = true,
                _ => {}
            }
        }
        self.field(line, start..line.len(), escaped);
    }

    /// A raw tab never stands inside a field: the server writes it as `\t`.
    fn field(&mut self, line: &[u8], range: Range<usize>, escaped: bool) {
        let bytes = line.get(range.clone()).unwrap_or_default();
        let field = match bytes {
            b"\\N" => Field::Null,
            _ if !escaped => Field::Plain(range),
            _ => {
                let start = self.unescaped.len();
                unescape(bytes, &mut self.unescaped);
                Field::Unescaped(start..self.unescaped.len())
            }
        };
        self.fields.push(field);
    }
}

fn unescape(mut bytes: &[u8], out: &mut Vec<u8>) {
    while let Some(at) = bytes.iter().position(|b| *b == b'\\') {
        let (before, rest) = bytes.split_at(at);
        out.extend_from_slice(before);
        let Some((&code, after)) = rest.get(1..).and_then(<[u8]>::split_first) else {
            out.push(b'\\');
            return;
        };
        // The server writes only these and `\\`; octal and hex forms are for input.
        out.push(match code {
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            other => other,
        });
        bytes = after;
    }
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(line: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut reader = LineReader::default();
        let mut cells = Vec::new();
        reader.read(line, &mut cells);
        cells
            .iter()
            .map(|cell| match cell {
                Cell::Text(text) => Some(text.to_vec()),
                _ => None,
            })
            .collect()
    }

    /// As the server writes it (`CopyAttributeOutText`).
    fn escape(field: Option<&[u8]>) -> Vec<u8> {
        let Some(field) = field else { return b"\\N".to_vec() };
        let mut out = Vec::new();
        for byte in field {
            match byte {
                0x08 => out.extend(b"\\b"),
                0x0c => out.extend(b"\\f"),
                b'\n' => out.extend(b"\\n"),
                b'\r' => out.extend(b"\\r"),
                b'\t' => out.extend(b"\\t"),
                0x0b => out.extend(b"\\v"),
                b'\\' => out.extend(b"\\\\"),
                other => out.push(*other),
            }
        }
        out
    }

    #[test]
    fn null_and_text_that_looks_like_it_stay_apart() {
        let line = b"\\N\t\\\\N\tN\t\ta\\tb\n";
        let text = |s: &[u8]| Some(s.to_vec());
        assert_eq!(read(line), [None, text(b"\\N"), text(b"N"), text(b""), text(b"a\tb")]);
    }

    proptest! {
        #[test]
        fn fields_come_back_as_the_server_wrote_them(
            fields in proptest::collection::vec(
                proptest::option::of(proptest::collection::vec(proptest::sample::select(
                    b"ab\\N\t\n\r\x08\x0b\x0c\xc3\xa4 ".to_vec()), 0..12)),
                1..6),
        ) {
            let parts: Vec<_> = fields.iter().map(|f| escape(f.as_deref())).collect();
            let mut line = parts.join(&b'\t');
            line.push(b'\n');
            prop_assert_eq!(read(&line), fields);
        }

        #[test]
        fn arbitrary_bytes_never_panic(line in proptest::collection::vec(any::<u8>(), 0..100)) {
            read(&line);
        }
    }
}
