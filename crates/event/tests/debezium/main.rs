//! Encode plans and readers from outside: whole records, and what holds for any bytes.
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside `cfg(test)`")]

mod envelopes;
mod properties;
mod shapes;
mod support;
