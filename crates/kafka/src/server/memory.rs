//! A budget of bytes that all connections share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::limits::PRESSED_STALL_TIMEOUT;

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
        if self.try_grow(held, bytes) {
            return;
        }
        let _waiting = Waiting::new(&self.waiting);
        // The semaphore is never closed.
        if let Ok(more) = self.free.clone().acquire_many_owned(self.within(held, bytes)).await {
            held.add(more);
        }
    }

    /// The same if they are free now; says whether they were.
    pub(super) fn try_grow(&self, held: &mut Held, bytes: usize) -> bool {
        let more = self.free.clone().try_acquire_many_owned(self.within(held, bytes));
        more.map(|more| held.add(more)).is_ok()
    }

    /// What can be added, of the bytes that are wanted.
    fn within(&self, held: &Held, bytes: usize) -> u32 {
        bytes.min(self.total.saturating_sub(held.bytes())) as u32
    }
}

/// How fast a peer moves bytes while it holds memory.
pub(super) struct Pace {
    since: Instant,
    bytes: usize,
    least: usize,
}

impl Pace {
    /// From now on; so many bytes are expected in each [`PRESSED_STALL_TIMEOUT`] while others wait.
    pub(super) fn begin(least: usize) -> Self {
        Pace { since: Instant::now(), bytes: 0, least }
    }

    /// So many bytes have moved, or none within a pause. Whether it is too slow for those who wait, if any do.
    pub(super) fn is_too_slow(&mut self, bytes: usize, is_pressed: bool) -> bool {
        self.bytes += bytes;
        if self.since.elapsed() < PRESSED_STALL_TIMEOUT {
            return false;
        }
        let slow = self.bytes < self.least && is_pressed;
        *self = Pace::begin(self.least);
        slow
    }
}

impl Held {
    /// How much it is.
    pub(super) fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    fn add(&mut self, more: OwnedSemaphorePermit) {
        match &mut self.0 {
            Some(held) => held.merge(more),
            none => *none = Some(more),
        }
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
        let mut pace = Pace::begin(10);
        let drip = async |pace: &mut Pace, bytes, is_pressed| {
            tokio::time::advance(PRESSED_STALL_TIMEOUT).await;
            pace.is_too_slow(bytes, is_pressed)
        };
        assert!(!drip(&mut pace, 1, false).await);
        assert!(drip(&mut pace, 9, true).await);
        assert!(!drip(&mut pace, 10, true).await);
        assert!(!pace.is_too_slow(0, true), "not before the time is over");
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
