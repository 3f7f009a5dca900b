//! What stands before, between and behind the lines of a file.

/// The bytes around lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Framing {
    pub(crate) before: &'static [u8],
    pub(crate) between: &'static [u8],
    pub(crate) after: &'static [u8],
}

impl Framing {
    /// Every line has an end.
    pub(crate) const LINES: Framing = Framing { before: b"", between: b"\n", after: b"\n" };
    /// Lines are divided, and the last has no end, as Aiven's sink leaves them.
    pub(crate) const DIVIDED: Framing = Framing { before: b"", between: b"\n", after: b"" };
    /// The file is one JSON array, a line for each element.
    pub(crate) const ARRAY: Framing = Framing { before: b"[\n", between: b",\n", after: b"\n]" };
}
