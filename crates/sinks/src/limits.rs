//! Bounds of this crate.

use std::time::Duration;

/// Asked of a partition in one read; a single larger batch comes whole.
pub const READ_BYTES: usize = 1024 * 1024;
/// Lines of all open files of one sink together; above it the largest file ends early.
pub const OPEN_FILES_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Default of `rotate.bytes`.
pub const FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Largest `rotate.bytes`.
pub const FILE_BYTES_MAX: i64 = 128 * 1024 * 1024;
/// Default of `flush.size`, in lines.
pub const FILE_LINES: u64 = 10_000;
/// Lines at least this long are shared with the journal's batch instead of copied.
pub const SHARED_LINE_BYTES: usize = 64 * 1024;
/// After so many records of a partition that left no line, their being read is made durable without a file.
pub const SKIPPED_RECORDS_MAX: i64 = 10_000;
/// Shortest time between two looks at the topics: many small commits are read together.
pub const PASS_PAUSE: Duration = Duration::from_millis(10);
/// Longest wait for new records before the clock and the stop are looked at.
pub const IDLE_WAIT: Duration = Duration::from_millis(100);
/// Tables of which the pivot sink keeps the shape.
pub const SHAPES_MAX: usize = 1000;
