//! A budget of bytes that all connections share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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

    /// Adds bytes to those that are held, once they are free. Who wants more than there is gets all.
    pub(super) async fn grow(&self, held: &mut Held, bytes: usize) {
        let have = held.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let wanted = bytes.min(self.total.saturating_sub(have)) as u32;
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

impl Held {
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
