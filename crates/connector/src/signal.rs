//! What a face asks of a running source: Debezium's signals, as its channels carry them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::SIGNALS_WAITING;
use crate::problem::Problem;

/// One request, such as `execute-snapshot`. What the types are and what `data` means is the source's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The sender's name for it; notifications carry it.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// Its parameters, as JSON text.
    pub data: String,
}

/// Signals on their way to one source; a clone is the same queue.
#[derive(Clone, Default)]
pub struct Signals(Arc<Mutex<VecDeque<Signal>>>);

impl Signals {
    /// Hands a signal over; the source acts on it soon. Refused when too many wait.
    pub fn send(&self, signal: Signal) -> Result<(), Problem> {
        let mut waiting = self.lock();
        if waiting.len() >= SIGNALS_WAITING {
            return Err(Problem::retry(
                "SIGNALS_TOO_MANY",
                format!("{SIGNALS_WAITING} signals wait for the connector already"),
                "See why the connector does not go on: curl -s http://127.0.0.1:8080/readyz",
            ));
        }
        waiting.push_back(signal);
        Ok(())
    }

    /// The next signal, in the order they were sent.
    pub fn take(&self) -> Option<Signal> {
        self.lock().pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Signal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_come_in_order_and_only_so_many_wait() {
        let signals = Signals::default();
        let signal = |n: usize| Signal { id: n.to_string(), kind: "log".into(), data: String::new() };
        for n in 0..SIGNALS_WAITING {
            signals.send(signal(n)).unwrap();
        }
        assert_eq!(signals.send(signal(0)).unwrap_err().code, "SIGNALS_TOO_MANY");
        assert_eq!(signals.take(), Some(signal(0)));
        signals.clone().send(signal(7)).unwrap();
        assert_eq!(signals.take(), Some(signal(1)));
    }
}
