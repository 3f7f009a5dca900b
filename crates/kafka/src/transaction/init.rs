//! InitProducerId under a transactional id: a producer begins, or begins again, and the one before is fenced.

use super::decide::{Change, End, Transactions};
use super::state::Transaction;
use crate::limits::{TRANSACTION_TIMEOUT_MAX_MS, TRANSACTIONAL_ID_MAX_BYTES, TRANSACTIONS_MAX};
use tailwater_wire::error_code::ErrorCode;

/// What a producer asks with.
#[derive(Debug, Clone, Copy)]
pub struct InitRequest {
    /// `transaction.timeout.ms`.
    pub timeout: i64,
    /// The producer id and epoch that it had, when it goes on after an error (KIP-360).
    pub had: Option<(i64, i16)>,
    /// A producer id never given before, if the caller has drawn one.
    pub fresh: Option<i64>,
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Init {
    /// This change makes it the producer that the change names.
    Change(Box<Change>),
    /// It is that already: it asks again because it has not heard so.
    Known {
        /// Its id.
        producer: i64,
        /// Its epoch.
        epoch: i16,
    },
    /// It needs a new producer id: ask again with one.
    NeedsProducer,
}

impl Transactions {
    /// Gives a transactional id to a producer. A transaction that is open is aborted in the same step, one epoch later
    /// than its own, so that what its producer still sends is refused.
    pub fn init(&self, id: &str, request: &InitRequest, now: u64) -> Result<Init, ErrorCode> {
        if id.is_empty() || id.len() > TRANSACTIONAL_ID_MAX_BYTES {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let timeout = u64::try_from(request.timeout).unwrap_or_default();
        if !(1..=TRANSACTION_TIMEOUT_MAX_MS).contains(&timeout) {
            return Err(ErrorCode::INVALID_TRANSACTION_TIMEOUT);
        }
        let Some(known) = self.get(id) else {
            if self.iter().len() >= TRANSACTIONS_MAX {
                return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE);
            }
            let Some(producer) = request.fresh else { return Ok(Init::NeedsProducer) };
            return Ok(Init::Change(Box::new(Change::without_end(id, Transaction::new(producer, timeout, now)))));
        };
        match request.had {
            Some(had) if had == (known.producer, known.epoch) => {}
            // It asks again, and nobody else has asked since.
            Some((producer, epoch))
                if !known.is_open()
                    && epoch == known.last_epoch
                    && (producer == known.producer || producer == known.last_producer) =>
            {
                return Ok(Init::Known { producer: known.producer, epoch: known.epoch });
            }
            Some(_) => return Err(ErrorCode::PRODUCER_FENCED),
            None => {}
        }
        let fence = known.epoch.saturating_add(1);
        let reached = if known.is_open() { fence } else { known.epoch };
        let last_epoch = request.had.map_or(-1, |(_, epoch)| epoch);
        let mut next = Transaction { last_producer: known.producer, last_epoch, ..Transaction::new(0, timeout, now) };
        if Transaction::is_exhausted(reached) {
            let Some(producer) = request.fresh else { return Ok(Init::NeedsProducer) };
            next.producer = producer;
        } else {
            next.producer = known.producer;
            next.epoch = reached + 1;
        }
        let end = known.is_open().then(|| End::of(known, fence, false));
        Ok(Init::Change(Box::new(Change { id: id.to_owned(), next, end })))
    }
}
