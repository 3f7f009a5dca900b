//! Whether files are compressed.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::GzBuilder;
use tailwater_connector::Problem;

/// What is done to a file's bytes before they leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Nothing.
    None,
    /// gzip of this level, without a time in its header: equal lines give equal bytes.
    Gzip(flate2::Compression),
}

impl Compression {
    /// gzip; a level outside of 0 to 9 is the usual one.
    pub(crate) fn gzip(level: i64) -> Compression {
        let level = u32::try_from(level).ok().filter(|level| *level <= 9);
        Compression::Gzip(level.map_or(flate2::Compression::default(), flate2::Compression::new))
    }

    /// Whether it is gzip.
    pub(crate) fn is_gzip(self) -> bool {
        matches!(self, Compression::Gzip(_))
    }

    /// What a file was planned with, which other properties since then do not change.
    pub(crate) fn of_plan(self, gzip: bool) -> Compression {
        match (gzip, self) {
            (false, _) => Compression::None,
            (true, Compression::None) => Compression::gzip(-1),
            (true, same) => same,
        }
    }

    /// What it adds to the names of files.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Compression::None => "",
            Compression::Gzip(_) => ".gz",
        }
    }

    /// A file's bytes as they leave.
    pub(crate) fn apply(self, pieces: Vec<Bytes>) -> Result<Vec<Bytes>, Problem> {
        let Compression::Gzip(level) = self else {
            return Ok(pieces);
        };
        let gzip = || -> io::Result<Vec<u8>> {
            let mut encoder = GzBuilder::new().write(Vec::new(), level);
            pieces.iter().try_for_each(|piece| encoder.write_all(piece))?;
            encoder.finish()
        };
        let packed = gzip().map_err(|e| Problem::internal("SINK_COMPRESSION", format!("gzip failed: {e}")))?;
        Ok(vec![packed.into()])
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn equal_lines_give_equal_bytes_that_unpack_to_them() {
        let pack = |pieces: &[&'static str]| {
            let pieces = pieces.iter().map(|text| Bytes::from_static(text.as_bytes())).collect();
            Compression::gzip(-1).apply(pieces).unwrap().concat()
        };
        let packed = pack(&["{\"n\":1}\n", "{\"n\":2}\n"]);
        assert_eq!(packed, pack(&["{\"n\":1}\n{\"n\":2}\n"]));
        let mut text = String::new();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "{\"n\":1}\n{\"n\":2}\n");
    }
}
