//! The request to end, seen by threads.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::thread::Thread;
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

    /// Waits until it is set, something else has come, or the time is over; says whether it is set.
    pub fn wait_or(&self, other: impl Future<Output = ()>, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut stopped = pin!(self.0.event.listen());
        let mut other = pin!(other);
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        while !self.is_set() {
            if other.as_mut().poll(&mut context).is_ready() || stopped.as_mut().poll(&mut context).is_ready() {
                break;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::park_timeout(left);
        }
        self.is_set()
    }
}

/// Wakes a thread that waits for several things.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn whichever_comes_first_ends_a_wait_for_several_things() {
        let (stop, other, begun) = (Stop::default(), Event::new(), Instant::now());
        assert!(!stop.wait_or(other.listen(), Duration::from_millis(1)));
        let waiting = |end: &(dyn Fn() + Sync)| {
            std::thread::scope(|scope| {
                let listener = other.listen();
                let waiter = scope.spawn(|| stop.wait_or(listener, LONG));
                end();
                waiter.join().unwrap()
            })
        };
        assert!(!waiting(&|| assert_eq!(other.notify(usize::MAX), 1)));
        assert!(waiting(&|| stop.set()));
        assert!(stop.wait_or(other.listen(), LONG), "it stays set");
        assert!(begun.elapsed() < LONG);
    }
}
