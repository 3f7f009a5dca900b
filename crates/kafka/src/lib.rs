//! Transports, which carry records from sources to sinks, and the Kafka listener.
//!
//! [`transport::embedded`] keeps them in the journal on local disk. A source's rows become Kafka record batches here, and
//! batches become frames of whole transactions; readers get them back as records that share the batches' memory.
//! [`server`] serves the same topics, and those of clients, over Kafka's protocol, to the users that [`security`] knows;
//! [`client`] is the command line's way to it, and to any other broker.

pub mod client;
pub mod coordinator;
pub mod group;
pub mod limits;
mod partitioner;
pub mod security;
pub mod server;
pub mod transaction;
pub mod transport;

pub use partitioner::partition_of;
pub use transport::embedded::EmbeddedTransport;
pub use transport::problem::journal_problem;

/// Whose entries in the journal the listener's are; no user's connector can have such a name.
pub(crate) const ENTRIES_OF: &str = "\u{1}kafka";
