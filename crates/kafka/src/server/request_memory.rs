//! The memory of requests.
//!
//! A request takes it in steps as its bytes arrive, so that who claims much and sends little holds little. Many that hold
//! some and wait for more could wait for each other for ever; so there is a second budget for those that find no room for
//! their next step: in the order in which they come each gets all that is missing at once, needs nothing more, and ends.

use super::memory::{Held, Memory, Pace};
use crate::limits::{PRESSED_BYTES, REST_PARTS};

/// Bytes that requests may hold at one time.
pub(super) struct RequestMemory {
    steps: Memory,
    rests: Memory,
}

/// What a request holds.
#[derive(Debug, Default)]
pub(super) struct Room {
    steps: Held,
    rest: Held,
}

impl RequestMemory {
    /// Budgets of so many bytes for steps and for rests.
    pub(super) fn new(steps: usize, rests: usize) -> Self {
        RequestMemory { steps: Memory::new(steps), rests: Memory::new(rests) }
    }

    /// Whether somebody waits for bytes that others hold.
    pub(super) fn is_pressed(&self) -> bool {
        self.steps.is_pressed() || self.rests.is_pressed()
    }

    /// Adds a step, or, where others leave no room for it, the whole rest; says how much it was. Whoever holds nothing yet
    /// waits for the step.
    pub(super) async fn grow(&self, room: &mut Room, step: usize, rest: usize) -> usize {
        if room.steps.bytes() == 0 {
            self.steps.grow(&mut room.steps, step).await;
            return step;
        }
        if self.steps.try_grow(&mut room.steps, step) {
            return step;
        }
        self.rests.grow(&mut room.rest, rest).await;
        rest
    }
}

impl Room {
    /// Whether it is none.
    pub(super) fn is_empty(&self) -> bool {
        self.steps.bytes() + self.rest.bytes() == 0
    }

    /// The pace that is expected of who holds it.
    pub(super) fn pace(&self) -> Pace {
        Pace::begin(PRESSED_BYTES.max(self.rest.bytes() / REST_PARTS))
    }
}

#[cfg(test)]
impl RequestMemory {
    /// Bytes that nobody holds.
    pub(super) fn free(&self) -> (usize, usize) {
        (self.steps.free(), self.rests.free())
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::task::{Context, Waker};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_holds_a_part_need_not_wait_for_others_that_hold_parts() {
        let memory = RequestMemory::new(100, 50);
        let (mut first, mut second) = (Room::default(), Room::default());
        assert_eq!(memory.grow(&mut first, 50, 90).await, 50);
        assert_eq!(memory.grow(&mut second, 50, 90).await, 50);
        assert_eq!(memory.grow(&mut first, 20, 40).await, 40, "all that is missing");
        assert_eq!(memory.free(), (0, 10));
        let mut waiting = Box::pin(memory.grow(&mut second, 20, 40));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert!(memory.is_pressed());
        drop(first);
        assert_eq!(waiting.await, 40);
        assert!(!memory.is_pressed());
        assert_eq!(memory.free(), (50, 10));
    }
}
