//! The Kafka listener over real sockets, with the codec as the client.

// The lint's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

mod admin;
mod changes;
mod client;
mod groups;
mod records;
mod rights;
mod robust;
mod security;
mod transactions;
mod versions;
