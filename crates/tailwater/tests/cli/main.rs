//! The binary as people and scripts use it.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod bad_input;
mod capture;
mod connect_access;
mod connectors;
mod consume;
mod help;
mod kafka;
mod protected;
mod query;
mod serve;
mod support;
mod users;
