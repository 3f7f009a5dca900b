//! The varying parts of `source` and of the envelope's clocks, formatted once and kept while they do not change.

use crate::Passage;

use super::EncodeOptions;
use super::value::json::push_str;
use super::value::number::push_i64;

/// `source.snapshot` outside snapshots: the default of its schema.
pub(super) const SNAPSHOT_DEFAULT: &str = "false";

/// One instant as milliseconds, microseconds and nanoseconds; the three share their digits.
#[derive(Clone, Debug, Default)]
pub(super) struct Stamp {
    nanos: Option<i64>,
    text: Vec<u8>,
    /// Ends of ms, us and ns in `text`; each starts at 0, or where the one before ended.
    ends: [usize; 3],
    shared: bool,
}

impl Stamp {
    /// Formats nanoseconds since 1970, unless it is the instant of the last call.
    pub(super) fn set(&mut self, nanos: i64) {
        if self.nanos == Some(nanos) {
            return;
        }
        self.nanos = Some(nanos);
        self.text.clear();
        self.shared = nanos >= 1_000_000;
        if self.shared {
            push_i64(nanos, &mut self.text);
            let len = self.text.len();
            self.ends = [len - 6, len - 3, len];
        } else {
            for (end, unit) in self.ends.iter_mut().zip([1_000_000, 1000, 1]) {
                push_i64(nanos.div_euclid(unit), &mut self.text);
                *end = self.text.len();
            }
        }
    }

    /// Milliseconds since 1970.
    pub(super) fn millis(&self) -> &[u8] {
        self.text.get(..self.ends[0]).unwrap_or_default()
    }

    /// Microseconds since 1970.
    pub(super) fn micros(&self) -> &[u8] {
        let start = if self.shared { 0 } else { self.ends[0] };
        self.text.get(start..self.ends[1]).unwrap_or_default()
    }

    /// Nanoseconds since 1970.
    pub(super) fn nanos(&self) -> &[u8] {
        let start = if self.shared { 0 } else { self.ends[1] };
        self.text.get(start..self.ends[2]).unwrap_or_default()
    }
}

/// A text made from a value, kept while the value stays the same.
#[derive(Clone, Debug)]
pub(super) struct Cached<T> {
    made_from: Option<T>,
    text: Vec<u8>,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Cached { made_from: None, text: Vec::new() }
    }
}

impl<T: PartialEq + Copy> Cached<T> {
    /// The text of `value`; `write` makes it when it is another one than last time.
    pub(super) fn text(&mut self, value: T, write: impl FnOnce(T, &mut Vec<u8>)) -> &[u8] {
        if self.made_from != Some(value) {
            self.made_from = Some(value);
            self.text.clear();
            write(value, &mut self.text);
        }
        &self.text
    }
}

/// A passage made from a value, kept while the value stays the same.
#[derive(Clone, Debug)]
pub(super) struct Kept<T> {
    made_from: Option<T>,
    passage: Passage,
}

impl<T: PartialEq + Copy> Kept<T> {
    /// The passage of this number.
    pub(super) fn new(id: u16) -> Self {
        Kept { made_from: None, passage: Passage::new(id) }
    }

    /// The passage for `value`; `write` makes it when it is another one than last time.
    pub(super) fn passage(&mut self, value: T, write: impl FnOnce(&mut Passage)) -> &Passage {
        if self.made_from != Some(value) {
            self.made_from = Some(value);
            self.passage.clear();
            write(&mut self.passage);
        }
        &self.passage
    }
}

/// First part of `sequence`, as it stands inside a JSON string: null, or a position in quotes.
pub(super) fn push_last_commit(commit: Option<u64>, out: &mut Vec<u8>) {
    match commit {
        None => out.extend_from_slice(b"null"),
        Some(lsn) => {
            out.extend_from_slice(b"\\\"");
            push_lsn(lsn, out);
            out.extend_from_slice(b"\\\"");
        }
    }
}

/// A position as the signed 64-bit number the original makes of it.
pub(super) fn push_lsn(lsn: u64, out: &mut Vec<u8>) {
    push_i64(lsn.cast_signed(), out);
}

/// A transaction id, or null.
pub(super) fn push_xid(xid: Option<u32>, out: &mut Vec<u8>) {
    push_or_null(xid.map(i64::from), push_i64, out);
}

/// A value as `push` writes it, or null.
pub(super) fn push_or_null<T>(value: Option<T>, push: impl FnOnce(T, &mut Vec<u8>), out: &mut Vec<u8>) {
    match value {
        Some(value) => push(value, out),
        None => out.extend_from_slice(b"null"),
    }
}

/// The constant part of `source` before `ts_ms`'s value.
pub(super) fn head(version: &str, prefix: &str) -> Vec<u8> {
    let mut out = b"\"source\":{\"version\":".to_vec();
    push_str(version, &mut out);
    out.extend_from_slice(b",\"connector\":\"postgresql\",\"name\":");
    push_str(prefix, &mut out);
    out.extend_from_slice(b",\"ts_ms\":");
    out
}

/// From `snapshot` to the inside of `sequence`. The original leaves `snapshot` unset while streaming; it is the
/// converter that shows the default of its schema, unless it is told not to (`replace.null.with.default`).
pub(super) fn snapshot_to_sequence(marker: &str, options: &EncodeOptions) -> Vec<u8> {
    let mut out = b",\"snapshot\":".to_vec();
    if marker == SNAPSHOT_DEFAULT && !options.value_replace_null {
        out.extend_from_slice(b"null");
    } else {
        push_str(marker, &mut out);
    }
    out.extend_from_slice(b",\"db\":");
    push_str(&options.database, &mut out);
    out.extend_from_slice(b",\"sequence\":\"[");
    out
}

/// From `ts_ns`'s value to that of `txId`.
pub(super) fn table_to_xid(schema: &str, table: &str) -> Vec<u8> {
    let mut out = b",\"schema\":".to_vec();
    push_str(schema, &mut out);
    out.extend_from_slice(b",\"table\":");
    push_str(table, &mut out);
    out.extend_from_slice(b",\"txId\":");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_units_agree_before_and_after_the_epoch() {
        let mut stamp = Stamp::default();
        for nanos in [0, 1, 999_999, 1_000_000, 1_795_211_133_976_558_123, -1, -1_000_001, i64::MIN, i64::MAX] {
            stamp.set(nanos);
            let text = |bytes: &[u8]| std::str::from_utf8(bytes).unwrap().parse::<i64>().unwrap();
            assert_eq!(text(stamp.nanos()), nanos);
            assert_eq!(text(stamp.micros()), nanos.div_euclid(1000));
            assert_eq!(text(stamp.millis()), nanos.div_euclid(1_000_000));
        }
    }

    #[test]
    fn a_changed_value_is_formatted_again() {
        let mut commit = Cached::default();
        assert_eq!(commit.text(None, push_last_commit), b"null");
        assert_eq!(commit.text(Some(7), push_last_commit), b"\\\"7\\\"");
        assert_eq!(commit.text(Some(8), push_last_commit), b"\\\"8\\\"");
    }
}
