//! The parts of `tailwater demo`: a private PostgreSQL, what happens in it, and what is shown of it.

pub mod latency;
pub mod postgres;
pub mod report;
pub mod script;
