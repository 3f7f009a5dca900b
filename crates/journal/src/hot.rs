//! The hot tail: recent batches in memory, so that tailing readers and sinks do not touch the file.

use crate::StoredBatch;
use crate::limits::HOT_OVERHEAD_BYTES;
use std::collections::{HashMap, VecDeque};

type Key = (u32, u32);

/// Recent batches of all partitions; of each an unbroken row that ends at its high watermark.
#[derive(Default)]
pub(crate) struct HotTail {
    partitions: HashMap<Key, VecDeque<StoredBatch>>,
    /// All batches by age; some may have gone already.
    ages: VecDeque<(Key, i64)>,
    bytes: usize,
    limit: usize,
    /// Number of ages at which those that have gone are swept out.
    sweep_at: usize,
}

/// Least number of ages worth sweeping.
const SWEEP_LEAST: usize = 1024;

impl HotTail {
    /// An empty tail of at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, sweep_at: SWEEP_LEAST, ..Self::default() }
    }

    /// Bytes in it.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds the newest batch of a partition.
    pub(crate) fn push(&mut self, key: Key, batch: StoredBatch) {
        let row = self.partitions.entry(key).or_default();
        let unbroken = row.back().is_none_or(|last| last.base_offset + i64::from(last.records) == batch.base_offset);
        if !unbroken {
            self.bytes -= row.drain(..).map(|batch| cost(&batch)).sum::<usize>();
        }
        self.bytes += cost(&batch);
        self.ages.push_back((key, batch.base_offset));
        row.push_back(batch);
        if self.ages.len() > self.sweep_at {
            self.sweep();
        }
        while self.bytes > self.limit {
            let Some((key, base)) = self.ages.pop_front() else { break };
            self.drop_oldest(key, base);
        }
    }

    /// Forgets a partition: its newest batches are not in memory, or it is gone.
    pub(crate) fn forget(&mut self, key: Key) {
        if let Some(row) = self.partitions.remove(&key) {
            self.bytes -= row.iter().map(cost).sum::<usize>();
        }
    }

    /// Batches from the one that holds `offset`; nothing when it is too old for memory.
    pub(crate) fn read(&self, key: Key, offset: i64, max_bytes: usize, out: &mut Vec<StoredBatch>) -> usize {
        let Some(row) = self.partitions.get(&key) else { return 0 };
        let first = row.partition_point(|batch| batch.base_offset + i64::from(batch.records) <= offset);
        let mut bytes = 0;
        for batch in row.range(first..) {
            // The first is taken whatever its size.
            if batch.base_offset > offset && bytes == 0 || bytes > 0 && bytes + batch.bytes.len() > max_bytes {
                break;
            }
            bytes += batch.bytes.len();
            out.push(batch.clone());
        }
        bytes
    }

    /// Forgets the ages of batches that have gone. A row is unbroken, so all from its first on are there.
    fn sweep(&mut self) {
        let partitions = &self.partitions;
        let first = |key: &Key| partitions.get(key).and_then(VecDeque::front).map(|batch| batch.base_offset);
        self.ages.retain(|(key, base)| first(key).is_some_and(|first| first <= *base));
        self.sweep_at = SWEEP_LEAST.max(2 * self.ages.len());
    }

    fn drop_oldest(&mut self, key: Key, base: i64) {
        let Some(row) = self.partitions.get_mut(&key) else { return };
        if row.front().is_some_and(|first| first.base_offset == base)
            && let Some(gone) = row.pop_front()
        {
            self.bytes -= cost(&gone);
        }
        if row.is_empty() {
            self.partitions.remove(&key);
        }
    }
}

fn cost(batch: &StoredBatch) -> usize {
    // A run may hold the last reference to its transaction.
    batch.bytes.len() + HOT_OVERHEAD_BYTES + batch.runs.len() * 96
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use std::sync::Arc;

    fn batch(base_offset: i64) -> StoredBatch {
        StoredBatch {
            base_offset,
            records: 2,
            bytes: Bytes::from(vec![0; 100]),
            plan: None,
            encoding: 0,
            era: 1,
            connector: Default::default(),
            max_timestamp: 0,
            runs: Arc::default(),
        }
    }

    fn read(tail: &HotTail, key: Key, offset: i64, max: usize) -> Vec<i64> {
        let mut out = Vec::new();
        tail.read(key, offset, max, &mut out);
        out.iter().map(|batch| batch.base_offset).collect()
    }

    #[test]
    fn reads_begin_inside_a_batch_and_keep_to_the_size() {
        let mut tail = HotTail::new(1 << 20);
        for base in [0, 2, 4] {
            tail.push((1, 0), batch(base));
        }
        assert_eq!(read(&tail, (1, 0), 3, 1000), [2, 4]);
        assert_eq!(read(&tail, (1, 0), 0, 150), [0]);
        assert_eq!(read(&tail, (1, 0), 0, 1), [0], "one batch whatever its size");
        assert!(read(&tail, (1, 0), 6, 1000).is_empty());
        assert!(read(&tail, (2, 0), 0, 1000).is_empty());
    }

    #[test]
    fn the_oldest_go_first_and_memory_stays_below_the_limit() {
        let mut tail = HotTail::new(3 * (100 + HOT_OVERHEAD_BYTES));
        for step in 0..100 {
            tail.push((1, 0), batch(step * 2));
            tail.push((2, 0), batch(step * 2));
            assert!(tail.bytes() <= tail.limit);
        }
        assert!(read(&tail, (1, 0), 190, 1000).is_empty(), "too old for memory");
        assert_eq!(read(&tail, (1, 0), 198, 1000), [198]);
        tail.forget((1, 0));
        tail.forget((2, 0));
        assert_eq!(tail.bytes(), 0);
    }

    #[test]
    fn forgotten_batches_leave_no_trace() {
        let mut tail = HotTail::new(1 << 20);
        for step in 0..10_000 {
            tail.push((1, 0), batch(step * 2));
            tail.forget((1, 0));
            assert!(tail.ages.len() <= SWEEP_LEAST + 1);
        }
        assert_eq!((tail.bytes(), tail.partitions.len()), (0, 0));
    }

    #[test]
    fn a_gap_empties_the_row_so_that_what_is_there_is_unbroken() {
        let mut tail = HotTail::new(1 << 20);
        tail.push((1, 0), batch(0));
        tail.push((1, 0), batch(50));
        assert!(read(&tail, (1, 0), 0, 1000).is_empty());
        assert_eq!(read(&tail, (1, 0), 50, 1000), [50]);
    }
}
