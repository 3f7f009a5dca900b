//! Bounds of this crate.

use std::time::Duration;

/// Asked of a partition in one read; a single larger batch comes whole.
pub const READ_BYTES: usize = 1024 * 1024;
/// Lines of all open files of one sink together; above it the largest file ends early.
pub const OPEN_FILES_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Longest name of a file or directory: Linux has 255 bytes, some of which are for a file that is being written.
pub const FILE_NAME_BYTES: usize = 240;
/// Longest key of an object in S3.
pub const OBJECT_KEY_BYTES: usize = 1024;
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
/// The same after so many microseconds.
pub const SKIPPED_TIME_US: i64 = 5_000_000;
/// Read at most after a sink was asked to stop, in records (with those that leave no line) and in bytes; the rest is for the
/// next start.
pub const STOP_RECORDS: i64 = 50_000;
/// The same in bytes.
pub const STOP_BYTES: usize = 64 * 1024 * 1024;
/// Shortest time between two looks at the topics: many small commits are read together.
pub const PASS_PAUSE: Duration = Duration::from_millis(10);
/// Longest wait for new records while the clock may end a file, or make durable that records without a line were read, just
/// now; the further off that is, the longer the wait.
pub const DUE_WAIT: Duration = Duration::from_millis(100);
/// Longest wait for new records, whatever is due: clocks are set.
pub const IDLE_WAIT: Duration = Duration::from_secs(10);
/// Tables of which the pivot sink keeps the shape.
pub const SHAPES_MAX: usize = 1000;
/// Default of `s3.part.size`, as Confluent's sink has it.
pub const S3_PART_BYTES: usize = 25 * 1024 * 1024;
/// Smallest part that S3 takes, but for the last of an object.
pub const S3_PART_BYTES_MIN: i64 = 5 * 1024 * 1024;
/// Default of `s3.part.retries`: attempts of one request after the first.
pub const S3_RETRIES: i64 = 3;
/// Default of `s3.retry.backoff.ms`.
pub const S3_RETRY_FIRST_MS: i64 = 200;
/// Longest pause between attempts of one request.
pub const S3_RETRY_MAX: Duration = Duration::from_secs(2);
/// After so long a request is not attempted again; the connector then begins anew, with pauses of its own.
pub const S3_RETRIES_TIME: Duration = Duration::from_secs(20);
/// Longest wait for a connection.
pub const S3_CONNECT: Duration = Duration::from_secs(5);
/// Longest time of one request: a part of default size at half a megabyte per second.
pub const S3_REQUEST: Duration = Duration::from_secs(60);
/// A connection that rested so long is not used again: servers close theirs after half a minute.
pub const S3_IDLE: Duration = Duration::from_secs(10);
/// Longest wait for the answer to a check.
pub const S3_CHECK: Duration = Duration::from_secs(10);
/// How often a running upload looks whether it should stop.
pub const S3_STOP_LOOK: Duration = Duration::from_millis(50);
/// How long an upload goes on after the sink was asked to stop: below the time that the process gives its connectors.
pub const S3_STOP_GRACE: Duration = Duration::from_secs(1);
