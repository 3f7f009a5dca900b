//! The PostgreSQL source: preflight, snapshot, log capture.

mod capture;
pub mod catalog;
pub mod client;
pub mod filter;
mod join;
pub mod keys;
pub mod limits;
mod metrics;
pub mod pgoutput;
mod position;
pub mod preflight;
pub mod problem;
mod progress;
pub mod properties;
pub mod publication;
mod session;
pub mod settings;
pub mod slot;
mod snapshot;
pub mod source;
pub mod sql;
mod startup;
mod state;
mod stream;

pub use source::PostgresSource;
