//! The binary as people and scripts use it.

mod bad_input;
mod capture;
mod consume;
mod help;
mod serve;
mod support;
