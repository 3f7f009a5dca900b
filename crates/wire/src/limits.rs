//! Bounds of this crate.

/// Largest batch that is written, in bytes with its header. The format's own limit is an `i32`; half of it leaves room
/// for frames around a batch. PostgreSQL's largest value is 1 GiB, so nearly every row fits.
pub const BATCH_MAX_BYTES: usize = 1 << 30;

/// Spare buffers larger than this are not kept for the next batch: one huge value must not stay in memory.
pub const SPARE_MAX_BYTES: usize = 2 << 20;
