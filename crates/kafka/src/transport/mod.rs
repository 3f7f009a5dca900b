//! Implementations of [`Transport`](tailwater_connector::Transport).

mod batch;
pub mod embedded;
mod identity;
mod lanes;
mod pending;
pub mod problem;
mod reader;
mod source_writer;
