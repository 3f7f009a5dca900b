//! Pauses between attempts.

use std::time::Duration;

use crate::limits::{RETRY_FIRST, RETRY_MAX};

/// Doubling pauses from [`RETRY_FIRST`] to [`RETRY_MAX`].
#[derive(Debug, Default)]
pub struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The pause before the next attempt.
    pub fn next_pause(&mut self) -> Duration {
        let pause = RETRY_FIRST.saturating_mul(1 << self.attempts.min(16)).min(RETRY_MAX);
        self.attempts = self.attempts.saturating_add(1);
        pause
    }

    /// After a success.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit_and_start_again_after_a_success() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next_pause(), RETRY_FIRST);
        assert_eq!(backoff.next_pause(), RETRY_FIRST * 2);
        for _ in 0..100 {
            assert!(backoff.next_pause() <= RETRY_MAX);
        }
        backoff.reset();
        assert_eq!(backoff.next_pause(), RETRY_FIRST);
    }
}
