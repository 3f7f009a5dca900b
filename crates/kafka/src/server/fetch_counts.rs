//! What a Fetch that waits for more bytes has found so far, by partition: each look reads only what lies behind it.

/// What one look, or all of them, found in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Offset behind the last batch.
    pub(super) behind: i64,
    /// Bytes, as they would go out.
    pub(super) bytes: usize,
    /// Whether there is more that did not fit.
    pub(super) more: bool,
}

/// What was found in all partitions of a Fetch.
#[derive(Debug)]
pub(super) struct Counts(Vec<Found>);

impl Found {
    /// Nothing.
    pub(super) const NONE: Found = Found { behind: i64::MIN, bytes: 0, more: false };
}

impl Counts {
    /// Nothing yet, in so many partitions.
    pub(super) fn new(partitions: usize) -> Self {
        Counts(vec![Found::NONE; partitions])
    }

    /// Bytes that were found.
    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(|found| found.bytes).sum()
    }

    /// Bytes that were found in a partition.
    pub(super) fn bytes_of(&self, partition: usize) -> usize {
        self.0.get(partition).map_or(0, |found| found.bytes)
    }

    /// Where the next look at a partition begins that is wanted from an offset on.
    pub(super) fn begin(&self, partition: usize, offset: i64) -> i64 {
        self.0.get(partition).map_or(offset, |found| found.behind.max(offset))
    }

    /// Whether a partition has brought as much as it may.
    pub(super) fn is_full(&self, partition: usize) -> bool {
        self.0.get(partition).is_some_and(|found| found.more)
    }

    /// Adds what a look found.
    pub(super) fn add(&mut self, look: &[Found]) {
        for (all, found) in self.0.iter_mut().zip(look) {
            let more = all.more || (found.more && found.bytes == 0);
            *all = Found { behind: all.behind.max(found.behind), bytes: all.bytes + found.bytes, more };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_begins_behind_what_was_counted() {
        let mut counts = Counts::new(2);
        assert_eq!((counts.begin(0, 7), counts.begin(1, 9), counts.bytes()), (7, 9, 0));
        counts.add(&[Found { behind: 10, bytes: 100, more: true }, Found::NONE]);
        assert_eq!((counts.begin(0, 7), counts.begin(1, 9), counts.bytes()), (10, 9, 100));
        counts.add(&[Found { behind: 12, bytes: 50, more: false }, Found { behind: 11, bytes: 1, more: false }]);
        assert_eq!((counts.begin(0, 7), counts.begin(1, 9), counts.bytes()), (12, 11, 151));
        assert_eq!((counts.bytes_of(0), counts.bytes_of(1)), (150, 1));
    }

    #[test]
    fn a_partition_is_full_once_its_next_batch_does_not_fit() {
        let mut counts = Counts::new(1);
        counts.add(&[Found { behind: 10, bytes: 100, more: true }]);
        assert!(!counts.is_full(0), "a look brings what is at hand");
        counts.add(&[Found { behind: 10, bytes: 0, more: true }]);
        assert!(counts.is_full(0));
        counts.add(&[Found::NONE]);
        assert!(counts.is_full(0) && counts.bytes() == 100);
    }
}
