//! The PostgreSQL source: preflight, snapshot, log capture.

pub mod catalog;
pub mod client;
pub mod filter;
pub mod keys;
pub mod limits;
pub mod pgoutput;
pub mod properties;
pub mod settings;
pub mod slot;
pub mod sql;
