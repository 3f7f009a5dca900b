//! Who waits for records, by partition: one task looks at what a commit has moved, and wakes those whom it concerns.
//!
//! The journal tells of every commit, and thousands of readers may wait for partitions that it did not touch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tailwater_journal::{Bounds, Journal, TopicId};
use tokio::sync::Notify;

/// Readers that wait.
#[derive(Default)]
pub(super) struct News(Mutex<HashMap<(TopicId, u32), Watched>>);

/// A partition that somebody waits for.
#[derive(Default)]
struct Watched {
    /// Where it stood when they began to wait.
    seen: Option<Bounds>,
    readers: Vec<Weak<Notify>>,
    /// Number of readers at which those that have gone are swept out.
    sweep_at: usize,
}

/// Least number of readers worth sweeping.
const SWEEP_LEAST: usize = 16;

impl News {
    /// Wakes this reader once the partition is not as it was seen any more; `None` is one that was not there.
    pub(super) fn watch(&self, partition: (TopicId, u32), seen: Option<Bounds>, reader: &Arc<Notify>) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let watched = table.entry(partition).or_insert_with(|| Watched { sweep_at: SWEEP_LEAST, ..Watched::default() });
        if watched.readers.is_empty() {
            watched.seen = seen;
        } else if watched.seen != seen {
            // The others will be told by the next look; this one may be late already, and looks again at once.
            reader.notify_one();
        }
        watched.readers.push(Arc::downgrade(reader));
        if watched.readers.len() >= watched.sweep_at {
            watched.readers.retain(|reader| reader.strong_count() > 0);
            watched.sweep_at = SWEEP_LEAST.max(2 * watched.readers.len());
        }
    }

    /// Looks after every commit, for ever.
    pub(super) async fn run(&self, journal: &Journal) {
        loop {
            let moved = journal.change_listener();
            self.look(|(topic, partition)| journal.bounds(topic, partition).ok());
            moved.await;
        }
    }

    /// Wakes the readers of all partitions that have moved, and forgets those that nobody waits for.
    fn look(&self, bounds: impl Fn((TopicId, u32)) -> Option<Bounds>) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.retain(|partition, watched| {
            if bounds(*partition) == watched.seen {
                return watched.readers.iter().any(|reader| reader.strong_count() > 0);
            }
            watched.readers.iter().filter_map(Weak::upgrade).for_each(|reader| reader.notify_one());
            false
        });
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    const ONE: (TopicId, u32) = (TopicId(1), 0);
    const OTHER: (TopicId, u32) = (TopicId(1), 1);

    fn at(high_watermark: i64) -> Option<Bounds> {
        Some(Bounds { high_watermark, ..Bounds::default() })
    }

    fn is_woken(reader: &Notify) -> bool {
        pin!(reader.notified()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn a_commit_wakes_those_whose_partition_moved_and_no_others() {
        let news = News::default();
        let readers: Vec<_> = (0..3).map(|_| Arc::new(Notify::new())).collect();
        news.watch(ONE, at(5), &readers[0]);
        news.watch(ONE, at(5), &readers[1]);
        news.watch(OTHER, at(5), &readers[2]);
        news.look(|_| at(5));
        assert!(readers.iter().all(|reader| !is_woken(reader)));
        news.look(|partition| if partition == ONE { at(6) } else { at(5) });
        assert_eq!(readers.iter().map(|reader| is_woken(reader)).collect::<Vec<_>>(), [true, true, false]);
        news.look(|_| None);
        assert!(is_woken(&readers[2]), "a partition that has gone is news, too");
        assert!(news.0.lock().unwrap().is_empty());
    }

    #[test]
    fn who_saw_another_state_than_those_who_wait_looks_again() {
        let news = News::default();
        let (early, late) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        news.watch(ONE, at(5), &early);
        news.watch(ONE, at(6), &late);
        assert!(is_woken(&late));
        news.look(|_| at(6));
        assert!(is_woken(&early));
    }

    #[test]
    fn who_has_gone_leaves_nothing() {
        let news = News::default();
        for _ in 0..10_000 {
            news.watch(ONE, at(5), &Arc::new(Notify::new()));
        }
        assert!(news.0.lock().unwrap()[&ONE].readers.len() <= SWEEP_LEAST);
        news.look(|_| at(5));
        assert!(news.0.lock().unwrap().is_empty());
    }
}
