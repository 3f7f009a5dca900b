//! Salted digests of texts (`column.mask.hash…`), as Java computes them.

use digest::Digest;

use super::shape::{Hash, HashVersion};

/// The digests that Java's platform knows, without MD2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the standards")]
pub enum Algorithm {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512_224,
    Sha512_256,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
}

/// By name, as `java.security.MessageDigest` takes them.
const NAMES: [(&str, Algorithm); 20] = [
    ("MD5", Algorithm::Md5),
    ("SHA", Algorithm::Sha1),
    ("SHA1", Algorithm::Sha1),
    ("SHA-1", Algorithm::Sha1),
    ("SHA224", Algorithm::Sha224),
    ("SHA-224", Algorithm::Sha224),
    ("SHA256", Algorithm::Sha256),
    ("SHA-256", Algorithm::Sha256),
    ("SHA384", Algorithm::Sha384),
    ("SHA-384", Algorithm::Sha384),
    ("SHA512", Algorithm::Sha512),
    ("SHA-512", Algorithm::Sha512),
    ("SHA512/224", Algorithm::Sha512_224),
    ("SHA-512/224", Algorithm::Sha512_224),
    ("SHA512/256", Algorithm::Sha512_256),
    ("SHA-512/256", Algorithm::Sha512_256),
    ("SHA3-224", Algorithm::Sha3_224),
    ("SHA3-256", Algorithm::Sha3_256),
    ("SHA3-384", Algorithm::Sha3_384),
    ("SHA3-512", Algorithm::Sha3_512),
];

impl Algorithm {
    /// The algorithm of a name, case ignored.
    pub fn by_name(name: &str) -> Option<Algorithm> {
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, algorithm)| *algorithm)
    }
}

impl Hash {
    /// Appends the first `length` hexadecimal digits of a text's digest.
    pub(super) fn push(&self, text: &str, length: usize, out: &mut Vec<u8>) {
        let digest = match self.algorithm {
            Algorithm::Md5 => self.digest::<md5::Md5>(text),
            Algorithm::Sha1 => self.digest::<sha1::Sha1>(text),
            Algorithm::Sha224 => self.digest::<sha2::Sha224>(text),
            Algorithm::Sha256 => self.digest::<sha2::Sha256>(text),
            Algorithm::Sha384 => self.digest::<sha2::Sha384>(text),
            Algorithm::Sha512 => self.digest::<sha2::Sha512>(text),
            Algorithm::Sha512_224 => self.digest::<sha2::Sha512_224>(text),
            Algorithm::Sha512_256 => self.digest::<sha2::Sha512_256>(text),
            Algorithm::Sha3_224 => self.digest::<sha3::Sha3_224>(text),
            Algorithm::Sha3_256 => self.digest::<sha3::Sha3_256>(text),
            Algorithm::Sha3_384 => self.digest::<sha3::Sha3_384>(text),
            Algorithm::Sha3_512 => self.digest::<sha3::Sha3_512>(text),
        };
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        out.extend(digits.take(length).map(|half| DIGITS[usize::from(half)]));
    }

    fn digest<D: Digest>(&self, text: &str) -> Vec<u8> {
        let mut digest = D::new();
        digest.update(&self.salt);
        match self.version {
            HashVersion::One => digest.update(java_serialised(text)),
            HashVersion::Two => digest.update(text.as_bytes()),
        }
        digest.finalize().to_vec()
    }
}

/// A string as Java's object stream writes it (Java Object Serialization Specification, 6.4.2): magic, version, the tag
/// of a short or a long string, its length, and modified UTF-8, where units beyond the basic plane are coded one by one.
fn java_serialised(text: &str) -> Vec<u8> {
    let mut inner = Vec::with_capacity(text.len());
    for unit in text.encode_utf16() {
        match unit {
            1..=0x7F => inner.push(unit as u8),
            0 | 0x80..=0x7FF => inner.extend([0xC0 | (unit >> 6) as u8, 0x80 | (unit & 0x3F) as u8]),
            _ => inner.extend([0xE0 | (unit >> 12) as u8, 0x80 | (unit >> 6 & 0x3F) as u8, 0x80 | (unit & 0x3F) as u8]),
        }
    }
    let mut out = vec![0xAC, 0xED, 0x00, 0x05];
    match u16::try_from(inner.len()) {
        Ok(length) => {
            out.push(0x74);
            out.extend(length.to_be_bytes());
        }
        Err(_) => {
            out.push(0x7C);
            out.extend((inner.len() as u64).to_be_bytes());
        }
    }
    out.extend(inner);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(name: &str, version: HashVersion, salt: &str, text: &str, length: usize) -> String {
        let hash = Hash { algorithm: Algorithm::by_name(name).unwrap(), version, salt: salt.into() };
        let mut out = Vec::new();
        hash.push(text, length, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_digest_is_that_of_the_recorded_case() {
        for (name, hash) in [
            ("MD5", "842978dc38ae8ce78a7b17710929f659"),
            ("SHA-1", "87c272e5cdaf7e287de27352111c00881018113e"),
            ("sha", "87c272e5cdaf7e287de27352111c00881018113e"),
            ("SHA-224", "84b9041259c33000921bfc5a60ee6367066915b98e7f3dbda32e4972"),
            ("SHA256", "3500033a88aae00d26a969ead25839f0a6232a6d96ef68baa1433257a782bfd3"),
            (
                "SHA-384",
                "7488b7c5740fab21c17dfd28807545f08a91e2abe569bb399ddec528ecb2645ed617499ed3ae50043b179783d6c2fa53",
            ),
            (
                "SHA-512",
                "2e62c9f81274cc0e72f87a0c5076f508e53792fc908630f7959785981dcfa64281e6991ca02abb3b7615f44bbeb92fa2b1cc956e880454f1ea470727a604015d",
            ),
            ("SHA-512/224", "a8ffbbc132f5c48eb824396615b67502afbf19bab465a0b066dfcb7d"),
            ("SHA-512/256", "12da88d4381a49d4942624dc64c04d84a4be9220de5d6295ddfd6c6ae01a98c6"),
            ("SHA3-224", "39a6630213346f22b15838b76154ee1fdff91f07f5d2f1177ba4ba14"),
            ("SHA3-256", "3494b0f3aede6e662e4bc60b5f9876297f77c34e42a2743f9a82c838c05d5e4c"),
            (
                "SHA3-384",
                "8cc4eb681e5d9fcec572c6629b09388d05e5504c6086b254380cf6e1405d1872f3804513270350bc7052250c6a0fe690",
            ),
            (
                "SHA3-512",
                "2aee271730b4efd1da1f0cfeabf24445cc7481fa1d4363ca16d1e0ab2ea3eebf4cab906e07d85daf4f9b202a33c7a884690574b6e2b8fe812dc3a335b7f49d35",
            ),
        ] {
            assert_eq!(hex(name, HashVersion::Two, "s.a-lt", "hällo 😀", usize::MAX), hash, "{name}");
        }
        assert_eq!(Algorithm::by_name("MD2"), None);
    }

    #[test]
    fn version_one_hashes_what_java_serialises() {
        assert_eq!(hex("SHA-256", HashVersion::One, "CzQMA0cB5K", "123-45-6789", 11), "377189d9d7c");
        assert_eq!(
            java_serialised("a\u{E4}\u{1F600}")[4..],
            [0x74, 0, 9, 0x61, 0xC3, 0xA4, 0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80]
        );
        assert_eq!(java_serialised(&"x".repeat(65_536))[4..13], [0x7C, 0, 0, 0, 0, 0, 1, 0, 0]);
    }
}
