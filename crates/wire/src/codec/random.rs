//! Random values of messages, for tests: seeded, so that a failure can be had again.

use super::{Version, Wire};

/// A source of random numbers (SplitMix64).
#[derive(Clone, Debug)]
pub struct Source(pub u64);

impl Source {
    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        value ^ (value >> 31)
    }

    /// Below `end`, which is small.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    /// A string, long now and then: beyond what one byte of a compact length says.
    pub fn text(&mut self) -> String {
        let length = if self.below(16) == 0 { 100 + self.below(200) } else { self.below(6) };
        (0..length).map(|_| ['a', 'Z', '7', '-', 'ü', '漢'][self.below(6)]).collect()
    }

    /// Null now and then.
    pub fn optional<T: Wire>(&mut self, version: Version) -> Option<T> {
        (self.below(4) > 0).then(|| T::random(self, version))
    }
}
