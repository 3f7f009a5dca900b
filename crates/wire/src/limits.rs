//! Bounds of this crate.

/// Largest batch that is written, in bytes with its header. Below the format's own limit (an `i32`), and below the
/// journal's largest frame by enough for the other batches of that frame.
pub const BATCH_MAX_BYTES: usize = 960 << 20;

/// What the first batch of a builder reserves: a narrow row with its envelope.
pub const FIRST_BYTES: usize = 1 << 10;

/// Spare buffers larger than this are not kept for the next batch: one huge value must not stay in memory.
pub const SPARE_MAX_BYTES: usize = 2 << 20;

/// Largest record, plain, that is compressed from its pieces, which are kept until its end. A batch with a larger one is
/// plain: such a record is mostly a value of its own, and its bytes are copied once then.
pub const PIECED_RECORD_BYTES: usize = 256 << 10;

/// Largest compressed batch, plain: what a reader has to take memory for.
pub const COMPRESSED_PLAIN_BYTES: usize = 16 << 20;

/// Bytes of a varying place that the next value of the same place is compared with: a quoted UUID.
pub const SLOT_BYTES: usize = 40;
