//! What Connect does around sources and sinks, from configuration to records, over topics in memory.

// A broken promise of a helper is a failed test.
#![allow(clippy::unwrap_used, clippy::panic)]

mod dead_letters;
#[path = "../support/log.rs"]
mod log;
#[path = "../support/memory.rs"]
mod memory;
mod random;
mod sink;
mod source;
