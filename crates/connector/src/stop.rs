//! The request to end, seen by threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use event_listener::{Event, Listener};

/// Set once; every clone sees it.
#[derive(Clone, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Default)]
struct Inner {
    set: AtomicBool,
    pause: AtomicBool,
    event: Event,
}

impl Stop {
    /// Asks everyone to end.
    pub fn set(&self) {
        self.0.set.store(true, Ordering::SeqCst);
        self.0.event.notify(usize::MAX);
    }

    /// Asks everyone to end who is to go on later: what is held on the server stays.
    pub fn pause(&self) {
        self.0.pause.store(true, Ordering::SeqCst);
        self.set();
    }

    /// Whether it was set for a pause.
    pub fn is_pause(&self) -> bool {
        self.0.pause.load(Ordering::SeqCst)
    }

    /// Whether it was set.
    pub fn is_set(&self) -> bool {
        self.0.set.load(Ordering::SeqCst)
    }

    /// Waits until it is set or the time is over; says whether it is set.
    pub fn wait(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        loop {
            let listener = self.0.event.listen();
            if self.is_set() {
                return true;
            }
            if listener.wait_deadline(deadline).is_none() {
                return self.is_set();
            }
        }
    }
}
