//! The PostgreSQL source: preflight, snapshot, log capture.

pub mod client;
pub mod limits;
pub mod pgoutput;
