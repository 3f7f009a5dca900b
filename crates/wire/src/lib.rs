//! Kafka's protocol as bytes: pure, without IO and without a runtime.
//!
//! - [`frame`]: where one request ends and the next begins;
//! - [`api`]: requests and responses, in all versions that are spoken here, and their headers;
//! - [`codec`]: what they are made of;
//! - [`error_code`]: the codes that responses carry;
//! - [`batch`]: record batches, version 2, both ways, compressed from an encode plan's pieces ([`batch::PlanBuilder`]) or
//!   plain;
//! - [`Buffers`]: memory for them.
//!
//! Whatever the bytes are, reading returns an error and never panics: every length is checked against the bytes that are
//! there before anything is taken or reserved.

pub mod api;
pub mod batch;
mod buffers;
pub mod codec;
pub mod error_code;
pub mod frame;
pub mod limits;
mod varint;

pub use buffers::Buffers;
