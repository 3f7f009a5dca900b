//! Transactions of clients: which producer has a transactional id, what its transaction has touched, and how it ends.
//!
//! [`Transactions`] decides and knows nothing of disks: each decision is a [`Change`] that the caller writes into the
//! journal, with the markers and offsets of a transaction that ends, as one frame, before it applies it. There is one
//! process and one log, so a transaction is open or it has ended; Kafka's states in between, and the retries that they
//! ask of clients, are never seen. The protocol is that of KIP-98 and KIP-360 (transaction version 1).

mod decide;
mod init;
mod state;
#[cfg(test)]
mod tests;

pub use decide::{Change, End, HeldOffset, Transactions};
pub use init::{Init, InitRequest};
pub use state::{Phase, Transaction};
