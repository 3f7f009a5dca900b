//! Bounds of this crate.

/// Largest batch that is written, in bytes with its header. Below the format's own limit (an `i32`), and below the
/// journal's largest frame by enough for the other batches of that frame.
pub const BATCH_MAX_BYTES: usize = 960 << 20;

/// What the first batch of a builder reserves: a narrow row with its envelope.
pub const FIRST_BYTES: usize = 1 << 10;

/// Spare buffers larger than this are not kept for the next batch: one huge value must not stay in memory.
pub const SPARE_MAX_BYTES: usize = 2 << 20;
