//! Kafka Connect's REST as people use it: the real program, a real PostgreSQL, and requests as they are typed.

// A broken promise of a helper is a failed test.
#![allow(clippy::unwrap_used, clippy::panic)]

mod chain;
mod clients;
mod commerce;
mod durability;
mod guarded;
mod hostile;
mod partitions;
mod stuck_configuration;
mod stuck_server;
mod support;
mod tutorials;
