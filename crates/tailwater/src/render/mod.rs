//! How things look on a terminal and in a pipe.

pub mod diff;
pub mod problem;
pub mod record;
pub mod size;
pub mod style;
