//! A budget of bytes that all connections share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::limits::{PRESSED_BYTES, PRESSED_STALL_TIMEOUT};

/// Bytes that may be held at one time.
pub(super) struct Memory {
    free: Arc<Semaphore>,
    total: usize,
    waiting: AtomicUsize,
}

/// Bytes that are held, until it is dropped.
#[derive(Debug, Default)]
pub(super) struct Held(Option<OwnedSemaphorePermit>);

impl Memory {
    /// A budget of so many bytes.
    pub(super) fn new(total: usize) -> Self {
        let total = total.min(u32::MAX as usize);
        Memory { free: Arc::new(Semaphore::new(total)), total, waiting: AtomicUsize::new(0) }
    }

    /// Bytes that nobody holds.
    pub(super) fn free(&self) -> usize {
        self.free.available_permits()
    }

    /// Whether somebody waits for bytes that others hold.
    pub(super) fn is_pressed(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Waits until those have theirs who wait already.
    pub(super) async fn turn(&self) {
        if self.is_pressed() {
            self.grow(&mut Held::default(), 1).await;
        }
    }

    /// Adds bytes to those that are held, once they are free. Who wants more than there is gets all.
    pub(super) async fn grow(&self, held: &mut Held, bytes: usize) {
        let wanted = bytes.min(self.total.saturating_sub(held.bytes())) as u32;
        let more = match self.free.clone().try_acquire_many_owned(wanted) {
            Ok(more) => Some(more),
            Err(_) => {
                let _waiting = Waiting::new(&self.waiting);
                // The semaphore is never closed.
                self.free.clone().acquire_many_owned(wanted).await.ok()
            }
        };
        match (&mut held.0, more) {
            (Some(held), Some(more)) => held.merge(more),
            (none, more) => *none = more,
        }
    }
}

/// How fast a peer moves bytes while it holds memory.
pub(super) struct Pace {
    since: Instant,
    bytes: usize,
}

impl Pace {
    /// From now on.
    pub(super) fn begin() -> Self {
        Pace { since: Instant::now(), bytes: 0 }
    }

    /// So many bytes have moved, or none within a pause. Whether it is too slow for those who wait for the memory.
    pub(super) fn is_too_slow(&mut self, bytes: usize, memory: &Memory) -> bool {
        self.bytes += bytes;
        if self.since.elapsed() < PRESSED_STALL_TIMEOUT {
            return false;
        }
        let slow = self.bytes < PRESSED_BYTES && memory.is_pressed();
        *self = Pace::begin();
        slow
    }
}

impl Held {
    /// How much it is.
    pub(super) fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// Gives back what is held beyond `bytes`.
    pub(super) fn shrink(&mut self, bytes: usize) {
        if let Some(held) = &mut self.0 {
            drop(held.split(held.num_permits().saturating_sub(bytes)));
        }
    }
}

/// Counts one who waits, also when the wait is given up.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Waiting(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_drips_is_too_slow_only_while_others_wait() {
        let memory = Memory::new(100);
        let mut all = Held::default();
        memory.grow(&mut all, 100).await;
        let mut pace = Pace::begin();
        let drip = async |pace: &mut Pace, bytes| {
            tokio::time::advance(PRESSED_STALL_TIMEOUT).await;
            pace.is_too_slow(bytes, &memory)
        };
        assert!(!drip(&mut pace, 1).await);
        let _waiting = Waiting::new(&memory.waiting);
        assert!(drip(&mut pace, 1).await);
        assert!(!drip(&mut pace, PRESSED_BYTES).await);
        assert!(!pace.is_too_slow(0, &memory), "not before the time is over");
    }

    #[tokio::test]
    async fn bytes_come_back_when_they_are_dropped_and_who_waits_presses() {
        let memory = Arc::new(Memory::new(100));
        let mut first = Held::default();
        memory.grow(&mut first, 30).await;
        memory.grow(&mut first, 40).await;
        assert_eq!(memory.free(), 30);
        first.shrink(60);
        assert_eq!((memory.free(), memory.is_pressed()), (40, false));
        let waiter = tokio::spawn({
            let memory = memory.clone();
            async move {
                let mut held = Held::default();
                memory.grow(&mut held, 1_000).await;
                held
            }
        });
        while !memory.is_pressed() {
            tokio::task::yield_now().await;
        }
        drop(first);
        let second = waiter.await.unwrap();
        assert_eq!((memory.free(), memory.is_pressed()), (0, false), "who wants more than there is gets all");
        drop(second);
        assert_eq!(memory.free(), 100);
    }
}
