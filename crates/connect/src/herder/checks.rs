//! Turns: how many configurations are looked at from outside at one time.

use std::sync::{Condvar, Mutex, PoisonError};

use crate::limits::CHECKS_AT_ONCE;

/// How many look, and who waits.
#[derive(Default)]
pub(super) struct Checks {
    looking: Mutex<usize>,
    free: Condvar,
}

/// A turn, until it is dropped.
pub(super) struct Turn<'a>(&'a Checks);

impl Checks {
    /// Waits for a turn; each ends within the bounds of a preflight.
    pub(super) fn take(&self) -> Turn<'_> {
        let looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |looking: &mut usize| *looking >= CHECKS_AT_ONCE;
        let mut looking = self.free.wait_while(looking, full).unwrap_or_else(PoisonError::into_inner);
        *looking += 1;
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.looking.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.free.notify_one();
    }
}
