//! Connectors' lives under the supervisor, with connectors and a transport that do as they are told.

// A broken promise of a helper is a failed test.
#![allow(clippy::unwrap_used, clippy::panic)]

mod directory;
mod fake;
mod herder;
#[path = "../support/memory.rs"]
mod memory;
mod resume;
mod supervisor;
