//! JSON text, escaped as Jackson escapes it: quote, backslash and control characters; everything else as it is.

use super::Reason;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Appends `text` as a JSON string with its quotes.
pub(crate) fn push_text(text: &[u8], out: &mut Vec<u8>) -> Result<(), Reason> {
    out.reserve(text.len() + 2);
    out.push(b'"');
    push_inner(text, out)?;
    out.push(b'"');
    Ok(())
}

/// [`push_text`] for text that is known to be UTF-8.
pub(crate) fn push_str(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    escape(text.as_bytes(), out);
    out.push(b'"');
}

/// [`push_str`] into a new buffer.
pub(crate) fn quoted(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    push_str(text, &mut out);
    out
}

/// Appends the inside of a JSON string, without quotes.
pub(super) fn push_inner(text: &[u8], out: &mut Vec<u8>) -> Result<(), Reason> {
    if is_plain(text) {
        out.extend_from_slice(text);
    } else {
        std::str::from_utf8(text).map_err(|_| "the text is not valid UTF-8")?;
        escape(text, out);
    }
    Ok(())
}

/// How many bytes from the start on stand for themselves in a JSON string, whatever they are above ASCII.
pub(crate) fn plain_length(text: &[u8]) -> usize {
    let (words, _) = text.as_chunks::<8>();
    let skipped = 8 * words.iter().position(|w| marks(u64::from_le_bytes(*w)) != 0).unwrap_or(words.len());
    let rest = text.get(skipped..).unwrap_or_default();
    skipped + rest.iter().position(|&b| needs_escape(b)).unwrap_or(rest.len())
}

/// Whether every byte is ASCII that stands for itself in a JSON string.
fn is_plain(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    words.iter().all(|w| marks(u64::from_le_bytes(*w)) == 0) && rest.iter().all(|&b| b < 0x80 && !needs_escape(b))
}

/// Non-zero when a byte of the word is above ASCII, a control character, a quote or a backslash.
fn marks(word: u64) -> u64 {
    let has = |byte: u64| {
        let x = word ^ (ONES * byte);
        x.wrapping_sub(ONES) & !x
    };
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (word | control | has(u64::from(b'"')) | has(u64::from(b'\\'))) & HIGH
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn escape(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&b| needs_escape(b)) {
        let (run, tail) = rest.split_at(at);
        out.extend_from_slice(run);
        if let Some((&byte, after)) = tail.split_first() {
            push_escaped(byte, out);
            rest = after;
        }
    }
    out.extend_from_slice(rest);
}

fn push_escaped(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        0x09 => b't',
        0x0A => b'n',
        0x0C => b'f',
        0x0D => b'r',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Result<String, Reason> {
        let mut out = Vec::new();
        push_text(bytes, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn every_ascii_byte_reads_back_at_every_place_of_a_word() {
        for byte in 0..0x80u8 {
            for at in 0..17 {
                let mut bytes = vec![b'x'; 17];
                bytes[at] = byte;
                let json = text(&bytes).unwrap();
                assert_eq!(serde_json::from_str::<String>(&json).unwrap().as_bytes(), bytes, "{byte} at {at}");
            }
        }
    }

    #[test]
    fn escapes_are_those_of_jackson() {
        let json = text("a\"b\\c\u{8}\t\n\u{c}\r\u{1}\u{1f}\u{7f}é😀\u{feff}\u{2028}/".as_bytes()).unwrap();
        assert_eq!(json, "\"a\\\"b\\\\c\\b\\t\\n\\f\\r\\u0001\\u001F\u{7f}é😀\u{feff}\u{2028}/\"");
    }

    #[test]
    fn text_that_is_not_utf8_is_refused() {
        assert!(text(b"abc\xff").is_err());
        assert!(text(b"\xed\xa0\x80").is_err());
    }
}
