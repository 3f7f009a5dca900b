//! `errors.retry.*`: another attempt at what may pass by itself (KIP-298).
//!
//! Transforms and converters reach for nothing, so that no failure of theirs passes by itself; nor is a sink's own delivery
//! among these, in Connect neither: it is tried again as the sink says. What is left are the topics that a sink reads, and
//! its dead letter queue.

use std::time::{Duration, Instant};

use tailwater_connector::{Config, Problem, ProblemKind, Stop};

use super::properties::{RETRY_DELAY, RETRY_TIMEOUT};
use crate::limits::RETRY_FIRST;

/// How long, and how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retries {
    /// `None` for ever.
    timeout: Option<Duration>,
    longest: Duration,
}

impl Retries {
    /// From properties that were checked; `None` where nothing is tried again.
    pub(super) fn parse(config: &Config) -> Option<Retries> {
        let millis = |name| config.text(name).trim().parse::<i64>().unwrap_or_default();
        let timeout = millis(RETRY_TIMEOUT);
        let longest = Duration::from_millis(u64::try_from(millis(RETRY_DELAY)).unwrap_or_default());
        let retries = Retries { timeout: u64::try_from(timeout).ok().map(Duration::from_millis), longest };
        (timeout != 0).then_some(retries)
    }

    /// Attempts until one has another end than a failure that may pass, or the time is over, or `stop` is set.
    pub(super) fn run<T>(&self, stop: &Stop, mut attempt: impl FnMut() -> Result<T, Problem>) -> Result<T, Problem> {
        let began = Instant::now();
        let mut pause = RETRY_FIRST;
        loop {
            let problem = match attempt() {
                Err(problem) if problem.kind == ProblemKind::Retry => problem,
                end => return end,
            };
            let left = self.timeout.map(|timeout| timeout.saturating_sub(began.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(problem);
            }
            tracing::debug!(code = problem.code, cause = problem.cause, "tried again");
            if stop.wait(pause.min(self.longest).min(left.unwrap_or(Duration::MAX))) {
                return Err(problem);
            }
            pause = pause.saturating_mul(2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retries(timeout: &str, longest: &str) -> Option<Retries> {
        let pairs = [(RETRY_TIMEOUT, timeout), (RETRY_DELAY, longest)];
        Retries::parse(&pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_may_not_is_not() {
        let (stop, mut attempts) = (Stop::default(), 0);
        let done = retries("-1", "1").unwrap().run(&stop, || {
            attempts += 1;
            if attempts < 5 { Err(Problem::retry("AWAY", "", "")) } else { Ok(attempts) }
        });
        assert_eq!(done, Ok(5));
        let mut attempts = 0;
        let failed = retries("-1", "1").unwrap().run(&stop, || {
            attempts += 1;
            Err::<(), _>(Problem::stop("GONE", "", ""))
        });
        assert_eq!((failed.unwrap_err().code.as_str(), attempts), ("GONE", 1));
    }

    #[test]
    fn attempts_end_with_the_time_and_with_the_connector() {
        assert!(retries("0", "1").is_none());
        let away = || Err::<(), _>(Problem::retry("AWAY", "", ""));
        assert_eq!(retries("5", "1").unwrap().run(&Stop::default(), away).unwrap_err().code, "AWAY");
        let stop = Stop::default();
        stop.set();
        assert_eq!(retries("-1", "60000").unwrap().run(&stop, away).unwrap_err().code, "AWAY");
    }
}
