//! Kafka's protocol as bytes: pure, without IO and without a runtime.
//!
//! Today that is the record batch, version 2, both ways ([`batch`]), compressed from an encode plan's pieces
//! ([`batch::PlanBuilder`]) or plain. Whatever the bytes are, reading returns an error and never panics: every length is
//! checked against the bytes that are there before anything is taken or reserved.

pub mod batch;
pub mod limits;
mod varint;
